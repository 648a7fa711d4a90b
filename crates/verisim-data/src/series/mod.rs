//! Series: tables whose rows belong together in time.
//!
//! A file of series is a table. Some of its columns say whose sequence a row belongs to (the *key*), one says when it comes (the *order*),
//! some are the same throughout a sequence (the *context*), and the others are what changes (the *steps*). [`Shape`] says which are which,
//! and why; it parts a [`Table`] into [`Sequences`] and puts sequences together into rows again. The columns of either part are understood,
//! encoded and rendered as those of any table.
//!
//! | file | becomes |
//! |---|---|
//! | long: a row a step, with a key | a sequence a key |
//! | long, without a key | one sequence |
//! | wide: a row a sequence, a column a step (`t0`, `t1` ...) | a sequence a row, of one column of steps |

mod changes;
mod clock;
mod find;
mod finer;
mod kind;
mod settings;
mod shape;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod wide;

pub use changes::{Change, to_changes, to_levels};
pub use clock::{Clock, Unit};
pub use find::{Found, Role, recognise};
pub use finer::Finer;
pub use kind::Spec;
pub use settings::{Names, Settings, Source};
pub use shape::{LENGTH, Made, SEQUENCE, Shape};
pub use wide::Wide;

use crate::table::{Frame, Table};

/// Series as they were read: one row a step, whatever the file was like.
#[derive(Clone, Debug)]
pub struct Series {
    /// One row a step.
    pub table: Table,
    /// How the file was folded, if it had one row a sequence.
    pub wide: Option<Wide>,
}

/// Sequences as models and metrics see them.
#[derive(Clone, Debug, Default)]
pub struct Sequences {
    /// Sequence `i` has the steps `offsets[i] .. offsets[i + 1]`; one entry more than sequences.
    pub offsets: Vec<usize>,
    /// What is the same throughout a sequence, one row a sequence: its start, where sequences start at times of their own
    /// ([`Shape::has_start`]), its number of steps, where that varies ([`Shape::has_length`]), then the modelled fields of [`Shape::context`].
    pub context: Frame,
    /// What changes, one row a step: the time since the step before, where that varies ([`Shape::has_gap`]; `NaN` at the first step), then
    /// the modelled fields of [`Shape::steps`].
    pub steps: Frame,
    /// When each step comes, in units of the [`Clock`].
    pub times: Vec<f64>,
}

impl Sequences {
    /// Number of sequences.
    pub fn count(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The steps of sequence `i`.
    pub fn steps_of(&self, i: usize) -> std::ops::Range<usize> {
        self.offsets[i]..self.offsets[i + 1]
    }

    /// Number of steps of each sequence.
    pub fn lengths(&self) -> impl Iterator<Item = usize> {
        self.offsets.windows(2).map(|pair| pair[1] - pair[0])
    }

    /// The sequences at `index`, in that order.
    pub fn take(&self, index: &[usize]) -> Sequences {
        let rows: Vec<usize> = index.iter().flat_map(|&i| self.steps_of(i)).collect();
        Sequences {
            offsets: offsets(index.iter().map(|&i| self.steps_of(i).len())),
            context: self.context.take(index),
            steps: self.steps.take(&rows),
            times: rows.iter().map(|&r| self.times[r]).collect(),
        }
    }
}

/// Where sequences of these lengths begin, and where the last one ends.
pub fn offsets(lengths: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut all = vec![0];
    all.extend(lengths.into_iter().scan(0, |end, length| {
        *end += length;
        Some(*end)
    }));
    all
}
