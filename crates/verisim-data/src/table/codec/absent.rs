//! What stands in a column of numbers without being one: words, and missing values.

use serde::{Deserialize, Serialize};

use crate::table::frame::{word, word_of};

/// The tokens of a number column that are no numbers. They come after all others: first its words, then "missing".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// True when missing values were seen: they have the last token.
    pub missing: bool,
    /// Words that stand among the numbers, each with a token of its own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub words: u32,
}

// Serde's attributes want a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Absent {
    /// What of the two is in `values`.
    pub(super) fn of(values: &[f64]) -> Absent {
        let mut absent = Absent::default();
        for &x in values.iter().filter(|x| x.is_nan()) {
            match word_of(x) {
                Some(k) => absent.words = absent.words.max(k + 1),
                None => absent.missing = true,
            }
        }
        absent
    }

    /// How many tokens they take.
    pub(super) fn tokens(self) -> usize {
        self.words as usize + usize::from(self.missing)
    }

    /// The token of a value that is no number, when `first` is the first of theirs. An unknown word is missing; what the
    /// column never missed gets token 0.
    pub(super) fn token(self, x: f64, first: usize) -> u32 {
        match word_of(x) {
            Some(k) if k < self.words => first as u32 + k,
            _ => self.missing_token(first).unwrap_or(0),
        }
    }

    /// The token of missing values, if any were seen.
    pub(super) fn missing_token(self, first: usize) -> Option<u32> {
        self.missing.then_some(first as u32 + self.words)
    }

    /// The value of `token`, which stands for no number.
    pub(super) fn value(self, token: u32, first: usize) -> f64 {
        match token.checked_sub(first as u32) {
            Some(k) if k < self.words => word(k),
            _ => f64::NAN,
        }
    }

    /// What is wrong with what was read from a file, if anything.
    pub(super) fn problem(self) -> Option<&'static str> {
        (self.words > 1 << 16).then_some("has more words than there can be")
    }
}
