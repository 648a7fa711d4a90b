//! What stands beside the tests of all scores, and tests of the whole.
#![allow(clippy::unwrap_used)]

use verisim_data::rng::{below, stream};
use verisim_data::text::{Document, Form, Texts};

use super::set::{Sides, Text, Words};
use super::*;

/// Texts as they are looked at.
pub(in crate::text) fn texts(raw: &[&str]) -> (Vec<Text>, Words) {
    let documents: Vec<Document> = raw.iter().map(|t| Document::plain(*t)).collect();
    let mut words = Words::default();
    let texts = words.texts(&documents.iter().collect::<Vec<_>>(), None);
    (texts, words)
}

/// Lines as a set.
pub(in crate::text) fn set(lines: &[String]) -> Texts {
    let documents = lines.iter().map(Document::plain).collect();
    Texts { form: Form::Lines, columns: Vec::new(), documents }
}

/// Lines as sides.
pub(in crate::text) fn sides(real: &[String], made: &[String], fresh: Option<&[String]>) -> Sides {
    let fresh = fresh.map(set);
    Sides::new([&set(real), &set(made)], fresh.as_ref(), None, 10_000, 1, &mut Vec::new())
}

/// Sentences of a small grammar, other ones for other numbers.
pub(in crate::text) fn wording(of: std::ops::Range<usize>) -> Vec<String> {
    const NOUNS: [&str; 10] =
        ["cat", "parcel", "winner", "meeting", "doctor", "garden", "ticket", "sister", "market", "train"];
    const VERBS: [&str; 8] = ["sees", "wants", "takes", "calls", "finds", "leaves", "likes", "brings"];
    const WHEN: [&str; 8] = ["today", "at noon", "tomorrow", "by night", "again", "soon", "on Monday", "late"];
    const HOW: [&str; 7] = ["quickly", "with care", "for free", "and smiles", "alone", "in the rain", "at home"];
    let one = |i: usize| {
        let mut rng = stream(7, "wording", i as u64);
        let mut pick = |of: &[&'static str]| of[below(&mut rng, of.len() as u64) as usize];
        let mut clause = || format!("the {} {} the {} {}", pick(&NOUNS), pick(&VERBS), pick(&NOUNS), pick(&WHEN));
        let first = clause();
        let second = clause();
        let end = pick(&HOW);
        if below(&mut rng, 2) == 0 { format!("{first} {end}.") } else { format!("{first}, {second} {end}!") }
    };
    of.map(one).collect()
}
