//! Passages and pipelines for tests.

use super::*;
use crate::pipeline::{Step, What};

/// A pipeline of one step, as a config says it.
pub(super) fn step(says: &str) -> Pipeline {
    Pipeline::from_toml(&format!("seed = 5\n[[text]]\n{says}\n")).unwrap()
}

pub(super) fn alone(transform: Transform) -> Pipeline {
    Pipeline { seed: 3, text: vec![Step { what: What::One(transform), p: 1.0 }], ..Pipeline::default() }
}

/// What `pipeline` makes of `text`, as passage `index`.
pub(super) fn nth(pipeline: &Pipeline, text: &str, index: u64) -> String {
    apply(pipeline, &text.into(), index, 0).unwrap().0.text
}

/// What one step makes of `text`.
pub(super) fn made(says: &str, text: &str) -> String {
    nth(&step(says), text, 0)
}

/// All that one step makes of `text` in many draws, in order.
pub(super) fn all(says: &str, text: &str) -> Vec<String> {
    let pipeline = step(says);
    let mut all: Vec<String> = (0..300).map(|i| nth(&pipeline, text, i)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Every transform as it is, and with all that it may do, to as much as it may.
pub(super) fn every() -> Vec<(String, Pipeline)> {
    let mut every: Vec<(String, Pipeline)> =
        every_step().into_iter().map(|t| (t.name().to_owned(), alone(t))).collect();
    for says in [
        "keyboard = { share = 1, letters = 1, per_word = [1, 3], layout = \"azerty\" }",
        "ocr = { share = 1, per_word = 9, most = 1000 }",
        "homoglyph = { share = 1, per_word = [1, 9] }",
        "characters = { share = 1, letters = 1, per_word = [1, 4], most = 1000, kinds = [\"insert\", \"delete\", \"swap\", \"repeat\", \"substitute\"] }",
        "diacritics = { share = 1, per_word = 3, kinds = [\"strip\", \"add\"] }",
        "case = { share = 1, most = 1000 }",
        "punctuation = { share = 1, most = 1000 }",
        "spacing = { share = 1, most = 1000 }",
        "word_split = { share = 1, letters = 2 }",
        "word_drop = { share = [0.3, 1], most = 1000 }",
        "word_repeat = { share = 1, most = 1000 }",
        "word_swap = { share = 1, most = 1000, distance = 4 }",
        "synonym = { share = 1, letters = 1 }",
        "spelling = { share = 1 }",
        "contraction = { share = 1, kinds = [\"shorten\", \"expand\", \"bare\"] }",
        "sentence_shuffle = { share = [0.5, 1] }",
        "sentence_drop = { share = [0.3, 1] }",
    ] {
        every.push((says.to_owned(), step(says)));
    }
    every
}

/// Texts of all sorts.
pub(super) const TEXTS: [&str; 16] = [
    "",
    "a",
    "    ",
    "\r\n\t\n",
    "The big house isn't far. He had purchased 3 cars, I do not know why; see https://a.org or {name}! Is it \"definitely\" so?",
    "One line.\r\nAnother one, with colour and behaviour.\r\n\r\nThe last: they have not come.",
    "👨‍👩‍👧‍👦 👍🏽👍🏽 🇩🇪🇫🇷 1️⃣",
    "Family 👨‍👩‍👧 arrived on time 🎉 today.",
    "e\u{301}te\u{301} nai\u{308}ve cafe\u{301}s fac\u{327}ade",
    "Überstraße naïve façade Ærøskøbing Łódź",
    "我喜欢吃苹果。你呢？今天天气很好！",
    "私は日本語を勉強しています。とても楽しいです。",
    "مرحبا بالعالم. كيف حالك اليوم؟ أنا بخير، شكرا.",
    "שָׁלוֹם עוֹלָם. מה שלומך?",
    "हिन्दी में लिखा हुआ वाक्य है। दूसरा वाक्य।",
    "ไม่มีช่องว่างระหว่างคำ ห้อง",
];
