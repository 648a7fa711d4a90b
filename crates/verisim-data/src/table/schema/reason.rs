//! Why a column was taken for what it is, as an artefact keeps it.

use serde::{Deserialize, Deserializer, Serialize};

/// Why a column was taken for its kind: the rule of [`detect`](super::detect) that decided.
///
/// It is stored in every artefact, for columns that are not learnt too, so it holds no cell of the data and no row number.
/// Its numbers are totals over the column. How often a rule was broken (an infinity, a word among numbers) is most often the
/// count of a single row, so only whether it was is kept. The cells that decided are in [`Detected`](super::Detected), which is
/// not stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// Not told, as of an artefact of format 1 or 2: it has a sentence here, which may quote a cell and is dropped as it is read.
    #[default]
    Untold,
    /// The config says so.
    Configured,
    /// No row has a value.
    NoValue,
    /// Every row has the same value.
    OneValue,
    /// A word for yes and one for no are all its values.
    YesOrNo,
    /// Digits without a mark that are a day or an instant in every row.
    CalendarDays,
    /// Numbers with digits after the point.
    Decimals {
        /// Whether some are infinite or not a number; they are read as missing.
        #[serde(default, skip_serializing_if = "is_false")]
        infinite: bool,
    },
    /// Few whole numbers in many rows.
    Codes {
        /// Distinct finite numbers.
        distinct: usize,
        /// Rows with a finite number.
        rows: usize,
        /// As in `Decimals`.
        #[serde(default, skip_serializing_if = "is_false")]
        infinite: bool,
    },
    /// Many whole numbers.
    WholeNumbers {
        /// Distinct finite numbers.
        distinct: usize,
        /// Rows with a finite number.
        rows: usize,
        /// As in `Decimals`.
        #[serde(default, skip_serializing_if = "is_false")]
        infinite: bool,
    },
    /// Every number of an unbroken run, once.
    UnbrokenRun,
    /// The name of a key, and different values in all rows or nearly all.
    NamedLikeKey,
    /// Different values in all rows or nearly all, and one shape.
    OneShape,
    /// Dates or times of one format.
    Dates {
        /// Whether day and month may be swapped in every value.
        #[serde(default, skip_serializing_if = "is_false")]
        ambiguous: bool,
    },
    /// Texts that are seldom the same.
    FreeText {
        /// Distinct values.
        distinct: usize,
        /// Rows with a value.
        rows: usize,
        /// Why it is not numbers, where most of it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        odd: Option<Odd>,
    },
    /// Texts that come again.
    Texts {
        /// Distinct values.
        distinct: usize,
        /// Rows with a value.
        rows: usize,
        /// Why it is not numbers, where most of it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        odd: Option<Odd>,
    },
}

/// What keeps a column whose values are nearly all numbers from being one of numbers: the first value that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Odd {
    /// A number with a leading zero, such as `007`: a code.
    LeadingZero,
    /// A whole number past 2^53, which a double does not hold: a code.
    TooLong,
    /// A text.
    NoNumber,
}

// Serde's attributes want a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

/// Reads a code, or drops the sentence of an old artefact.
pub(super) fn code_or_sentence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Reason, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected the code of a reason, such as {\"code\": \"unbroken_run\"}")]
    enum Stored {
        Code(Reason),
        Sentence(String),
    }
    Ok(match Stored::deserialize(deserializer)? {
        Stored::Code(reason) => reason,
        Stored::Sentence(quotes) => {
            // It may quote a cell, so it goes no further.
            drop(quotes);
            Reason::Untold
        }
    })
}
