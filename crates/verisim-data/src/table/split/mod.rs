//! Parting a file of rows into those to learn and those to keep back.
//!
//! Which rows are kept back is chosen first; then the file is read again, and every row goes to its part as it stands: the lines
//! of a text file byte for byte, the columns of a Parquet file in their own types. So nothing is understood on the way, and
//! nothing changed.

mod choose;
mod copy;
#[cfg(test)]
mod tests;

use std::path::Path;

use crate::error::{Error, Result};
use crate::file::Scratch;
use crate::table::{ReadSettings, Table};

/// Which rows are kept back.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What part of the rows.
    pub holdout: f64,
    /// How they are chosen.
    pub how: How,
}

/// How rows are chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    /// At random.
    Random {
        /// The seed.
        seed: u64,
    },
    /// At random by a key: rows with the same value in this column stay together.
    Key {
        /// The column.
        column: String,
        /// The seed.
        seed: u64,
    },
    /// The last ones of this column.
    Time {
        /// The column.
        column: String,
        /// So many rows before them go to neither part, so that no window of a series reaches into both.
        gap: usize,
    },
    /// The last ones of the file.
    Last {
        /// As of `Time`.
        gap: usize,
    },
}

/// Where a row goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Train,
    Holdout,
    Neither,
}

impl To {
    fn of(kept_back: bool) -> To {
        if kept_back { To::Holdout } else { To::Train }
    }
}

/// What came of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parted {
    /// Rows to learn.
    pub train: usize,
    /// Rows that are kept back.
    pub holdout: usize,
    /// How they were chosen, a sentence each.
    pub notes: Vec<String>,
}

/// Parts the file at `path`, and writes the rows to learn to `train`, the others to `holdout`; both appear when they are whole. Packed
/// text is written unpacked.
///
/// # Errors
/// When the file cannot be read or parted so, or a part cannot be written.
pub fn split(path: &Path, settings: &ReadSettings, rule: &Rule, train: &Path, holdout: &Path) -> Result<Parted> {
    if !(rule.holdout > 0.0 && rule.holdout < 1.0) {
        return Err(Error::file(
            path,
            format!("cannot keep back {} of its rows; give a part between 0 and 1, as 0.2", rule.holdout),
        ));
    }
    let format = copy::Format::of(path)?;
    let (to, notes) = choose::choose(path, settings, rule)?;
    let count = |part: To| to.iter().filter(|t| **t == part).count();
    let (train, to_train) = Scratch::file(train)?;
    let (holdout, to_holdout) = Scratch::file(holdout)?;
    copy::copy(path, format, settings, &to, [to_train, to_holdout])?;
    train.publish()?;
    holdout.publish()?;
    Ok(Parted { train: count(To::Train), holdout: count(To::Holdout), notes })
}

/// The names of the columns of the file at `path`.
fn names(path: &Path, settings: &ReadSettings) -> Result<Vec<String>> {
    match Table::chunks(path, settings, 1)?.next() {
        Some(first) => Ok(first?.names),
        None => Err(Error::file(path, "has no rows; give it at least two")),
    }
}
