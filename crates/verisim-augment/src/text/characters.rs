//! Letters put in, left out, exchanged and doubled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below};

use super::act::Act;
use super::pick::{Change, Edits, View, one, shared, some_kinds};
use super::words::{Word, seen};
use crate::range::Range;

/// What happens to a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Slip {
    /// Another one stands before or after it.
    Insert,
    /// It is left out.
    Delete,
    /// It and the next one change places.
    Swap,
    /// It stands twice.
    Repeat,
    /// Another one stands in its place.
    Substitute,
}

shared! {
    /// Letters put in, left out, exchanged with the next, doubled, or replaced. Other letters are taken from the passage itself, anywhere in
    /// it: they are of its scripts, frequent ones more often. They are small or capital as the one they stand beside.
    Characters,
    /// Of words of so many letters, those that change.
    share [0.1, 0.3], least 1, most 10;
    /// How many letters of such a word.
    per_word: Range = 1.0.into(), whole 1 to 100;
    /// The fewest letters of a word that may change.
    letters: usize = 4, in 1 to 1000;
    /// What may happen; each is as likely.
    kinds: Vec<Slip> = vec![Slip::Insert, Slip::Delete, Slip::Swap, Slip::Repeat];
}

impl Change for Characters {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.pick().check()?;
        some_kinds(&self.kinds)
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let all = view.words();
        let wanted: Vec<Word> = all.iter().filter(|w| w.free && w.letters as usize >= self.letters).copied().collect();
        let mut slips = Slips { view, all: &all, edits: Edits::new(view) };
        for word in self.pick().some(rng, &wanted) {
            let n = self.per_word.draw_whole(rng).max(0) as usize;
            slips.word(rng, word, n, &self.kinds);
        }
        slips.edits.act()
    }
}

struct Slips<'a> {
    view: &'a View<'a>,
    all: &'a [Word],
    edits: Edits<'a>,
}

impl Slips<'_> {
    fn word(&mut self, rng: &mut Stream, word: Word, n: usize, kinds: &[Slip]) {
        let says = word.of(self.view.text);
        let edges = seen(says);
        let count = edges.len() - 1;
        let mut places: Vec<usize> = Vec::with_capacity(n);
        // Each place once; those of a few letters are soon found.
        for i in 0..n.min(count) {
            let place = below(rng, (count - i) as u64) as usize;
            let place = places.iter().fold(place, |p, taken| p + usize::from(p >= *taken));
            places.insert(places.partition_point(|p| *p < place), place);
        }
        for place in places {
            if let Some(kind) = one(rng, kinds) {
                self.letter(rng, word.start, &edges, place, *kind);
            }
        }
    }

    /// Edits take the letter along that they stand beside, so that they are within the span that it is in.
    fn letter(&mut self, rng: &mut Stream, from: usize, edges: &[usize], place: usize, kind: Slip) {
        let at = |i: usize| edges.get(i).map(|e| from + e);
        // The last letter is exchanged with the one before it.
        let place = if kind == Slip::Swap && place + 2 == edges.len() { place.saturating_sub(1) } else { place };
        let (Some(start), Some(end)) = (at(place), at(place + 1)) else { return };
        let text = self.view.text;
        let own = &text[start..end];
        match kind {
            Slip::Insert => {
                let other = self.other(rng, own);
                let after = below(rng, 2) == 1;
                let by = if after { format!("{own}{other}") } else { format!("{other}{own}") };
                self.edits.replace(start, end, &by);
            }
            // A word of one letter would be gone.
            Slip::Delete if edges.len() > 2 => self.edits.replace(start, end, ""),
            Slip::Delete => {}
            Slip::Swap => {
                if let Some(beyond) = at(place + 2) {
                    self.edits.replace(start, beyond, &format!("{}{own}", &text[end..beyond]));
                }
            }
            Slip::Repeat => self.edits.replace(start, end, &own.repeat(2)),
            Slip::Substitute => {
                let other = self.other(rng, own);
                self.edits.replace(start, end, &other);
            }
        }
    }

    /// A letter of the passage, in the case of `own`.
    fn other(&self, rng: &mut Stream, own: &str) -> String {
        for _ in 0..8 {
            let Some(word) = one(rng, self.all) else { break };
            let says = word.of(self.view.text);
            let edges = seen(says);
            let i = below(rng, (edges.len() - 1).max(1) as u64) as usize;
            let letter = edges.get(i).zip(edges.get(i + 1)).and_then(|(a, b)| says.get(*a..*b)).unwrap_or_default();
            if letter.chars().next().is_some_and(char::is_alphabetic) {
                return match own.chars().next().is_some_and(char::is_uppercase) {
                    true => letter.to_uppercase(),
                    false => letter.to_lowercase(),
                };
            }
        }
        own.to_owned()
    }
}
