//! Marks on letters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use verisim_data::rng::Stream;

use super::act::Act;
use super::pick::{Change, Edits, View, one, shared, some_kinds};
use super::substitute::Places;
use super::tables::MARKS;
use crate::range::Range;

/// What happens to marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Marks {
    /// They are left out: `naïve` becomes `naive`. Marks of any script, those of Arabic and Hebrew vowels too.
    Strip,
    /// A plain Latin letter gets one.
    Add,
}

shared! {
    /// Marks on letters left out, or put on.
    Diacritics,
    /// Of words that have marks, or letters that may get one, those that change.
    share [0.1, 0.3], least 1, most 10;
    /// How many letters of a word get a mark. All of its marks are left out.
    per_word: Range = 1.0.into(), whole 1 to 100;
    /// The fewest letters of a word that may change.
    letters: usize = 1, in 1 to 1000;
    /// What may happen; one is drawn for a passage, each as likely.
    kinds: Vec<Marks> = vec![Marks::Strip];
}

impl Change for Diacritics {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.pick().check()?;
        some_kinds(&self.kinds)
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let Some(kind) = one(rng, &self.kinds).copied() else { return Act::Nothing };
        let mut words = view.words();
        words.retain(|w| w.free && w.letters as usize >= self.letters);
        if kind == Marks::Add {
            let places = Places { table: &MARKS, per_word: &self.per_word };
            words.retain(|w| places.any(view.text, w));
            let chosen = self.pick().some(rng, &words);
            return places.change(rng, view, &chosen);
        }
        words.retain(|w| !w.of(view.text).is_ascii() && w.of(view.text).nfd().any(mark));
        let mut edits = Edits::new(view);
        for word in self.pick().some(rng, &words) {
            let bare: String = word.of(view.text).nfd().filter(|c| !mark(*c)).nfc().collect();
            edits.replace(word.start, word.end, &bare);
        }
        edits.act()
    }
}

/// Whether it is a mark that a letter can do without: those of classes below 10 are not (the points of Japanese syllables, the signs of Indic
/// ones that bind consonants).
fn mark(c: char) -> bool {
    canonical_combining_class(c) >= 10
}
