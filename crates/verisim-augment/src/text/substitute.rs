//! Characters that others stand in for, by a table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::Stream;

use super::act::Act;
use super::pick::{Change, Edits, View, one, shared};
use super::tables::{GLYPHS, LOOKALIKES, Table, neighbours};
use super::words::{Word, seen};
use crate::range::Range;

/// A layout of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// As in the United States and Britain.
    Qwerty,
    /// As in Germany.
    Qwertz,
    /// As in France.
    Azerty,
}

shared! {
    /// Letters struck on a key beside theirs. A capital letter stays one.
    Keyboard,
    /// Of words of so many letters, those that are struck wrongly.
    share [0.1, 0.3], least 1, most 10;
    /// How many letters of such a word.
    per_word: Range = 1.0.into(), whole 1 to 100;
    /// The fewest letters of a word that may change.
    letters: usize = 4, in 1 to 1000;
    /// The keys.
    layout: Layout = Layout::Qwerty;
}

shared! {
    /// Characters that a reader of pictures of text takes for others: `rn` and `m`, `l` and `I`, `e` and `c`. Digits have theirs (`0` and `O`,
    /// `5` and `S`), where numbers need not stay.
    Ocr,
    /// Of words of so many letters, those that are read wrongly.
    share [0.1, 0.3], least 1, most 10;
    /// How many places of such a word.
    per_word: Range = 1.0.into(), whole 1 to 100;
    /// The fewest letters and digits of a word that may change.
    letters: usize = 1, in 0 to 1000;
}

shared! {
    /// Letters that look the same and are of another script: Cyrillic and Greek ones for Latin, and the other way.
    Homoglyph,
    /// Of words of so many letters, those that change.
    share [0.1, 0.3], least 1, most 10;
    /// How many letters of such a word.
    per_word: Range = 1.0.into(), whole 1 to 100;
    /// The fewest letters of a word that may change.
    letters: usize = 1, in 1 to 1000;
}

/// Places in words that a table has something for.
pub(super) struct Places<'a> {
    pub table: &'a Table,
    pub per_word: &'a Range,
}

/// A place: where, and what stands in.
type Place<'a> = (usize, usize, &'a [String]);

impl<'a> Places<'a> {
    /// Whether there is such a place in the word.
    pub(super) fn any(&self, text: &str, word: &Word) -> bool {
        let says = word.of(text);
        says.is_ascii() && says.char_indices().any(|(i, _)| self.table.at(&says[i..]).next().is_some())
            || !says.is_ascii() && !self.of(text, word).is_empty()
    }

    fn of(&self, text: &str, word: &Word) -> Vec<Place<'a>> {
        let says = word.of(text);
        let edges = seen(says);
        let mut places = Vec::new();
        for &i in &edges {
            for (source, targets) in self.table.at(&says[i..]) {
                if edges.binary_search(&(i + source.len())).is_ok() {
                    places.push((word.start + i, word.start + i + source.len(), targets.as_slice()));
                }
            }
        }
        places
    }

    /// Changes some places of each word; of places over each other, one.
    pub(super) fn change(&self, rng: &mut Stream, view: &View, words: &[Word]) -> Act {
        let mut edits = Edits::new(view);
        for word in words {
            let mut places = self.of(view.text, word);
            let n = self.per_word.draw_whole(rng).max(0) as usize;
            let mut chosen: Vec<Place> = Vec::with_capacity(n.min(places.len()));
            while chosen.len() < n && !places.is_empty() {
                let place = places.swap_remove(verisim_data::rng::below(rng, places.len() as u64) as usize);
                places.retain(|p| p.1 <= place.0 || p.0 >= place.1);
                chosen.push(place);
            }
            chosen.sort_unstable_by_key(|p| p.0);
            for (start, end, targets) in chosen {
                if let Some(target) = one(rng, targets) {
                    edits.replace(start, end, target);
                }
            }
        }
        edits.act()
    }
}

/// The steps are the same but for their table.
macro_rules! by_table {
    ($($name:ident: |$of:ident| $table:expr, $count:expr;)*) => {
        $(impl Change for $name {
            fn check(&self) -> Result<(), String> {
                self.limits()?;
                self.pick().check()
            }

            fn draw(&self, rng: &mut Stream, view: &View) -> Act {
                let $of = self;
                let places = Places { table: $table, per_word: &self.per_word };
                let count: fn(&Word) -> usize = $count;
                let mut words = view.words();
                words.retain(|w| w.free && count(w) >= self.letters && places.any(view.text, w));
                let chosen = self.pick().some(rng, &words);
                places.change(rng, view, &chosen)
            }
        })*
    };
}

by_table! {
    Keyboard: |of| neighbours(of.layout), |w| w.letters as usize;
    Ocr: |_of| &LOOKALIKES, |w| w.end - w.start;
    Homoglyph: |_of| &GLYPHS, |w| w.letters as usize;
}
