//! A table as models and metrics see it: numbers and category codes, one vector a column.

use std::sync::Arc;

/// The code of a missing categorical value. A missing number is `NaN`.
pub const MISSING: u32 = u32::MAX;

/// Bits of a number that stands for a word: a quiet not-a-number that carries the word's place.
const WORD: u64 = 0x7ff8_5f00_0000_0000;

/// Word `k` of a column of numbers and a few words: a `NaN`, so that whoever knows no words takes it for missing.
pub fn word(k: u32) -> f64 {
    f64::from_bits(WORD | u64::from(k))
}

/// Which word `x` stands for, if it does.
pub fn word_of(x: f64) -> Option<u32> {
    let bits = x.to_bits();
    (bits >> 32 == WORD >> 32).then_some(bits as u32)
}

/// One typed column.
#[derive(Clone, Debug)]
pub enum Column {
    /// Integers, decimals and dates (seconds since 1970-01-01); `NaN` is missing, or a [`word`].
    Number(Vec<f64>),
    /// Codes into `levels`; [`MISSING`] is missing.
    Category {
        /// One code a row.
        codes: Vec<u32>,
        /// The text of each code, shared between chunks of one sample.
        levels: Arc<[String]>,
    },
}

impl Column {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Column::Number(v) => v.len(),
            Column::Category { codes, .. } => codes.len(),
        }
    }

    /// Whether row `i` has no value: `NaN`, or the code [`MISSING`].
    pub fn is_missing(&self, i: usize) -> bool {
        match self {
            Column::Number(v) => v[i].is_nan(),
            Column::Category { codes, .. } => codes[i] == MISSING,
        }
    }

    /// Whether it holds codes of categories.
    pub fn is_category(&self) -> bool {
        matches!(self, Column::Category { .. })
    }

    /// True when there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of missing values: `NaN`, or the code [`MISSING`].
    pub fn missing(&self) -> usize {
        match self {
            Column::Number(v) => v.iter().filter(|x| x.is_nan()).count(),
            Column::Category { codes, .. } => codes.iter().filter(|&&c| c == MISSING).count(),
        }
    }

    /// The rows at `index`, in that order.
    pub fn take(&self, index: &[usize]) -> Column {
        match self {
            Column::Number(v) => Column::Number(index.iter().map(|&i| v[i]).collect()),
            Column::Category { codes, levels } => {
                Column::Category { codes: index.iter().map(|&i| codes[i]).collect(), levels: levels.clone() }
            }
        }
    }
}

/// Typed columns of equal length. Column `j` belongs to modelled field `j` of the
/// [`Schema`](crate::table::Schema) that made it ([`Schema::modelled`](crate::table::Schema::modelled)): keys, free text,
/// constants and empty columns have no column here.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The columns, in schema order.
    pub columns: Vec<Column>,
    /// Number of rows (kept apart so that a frame without columns still knows it).
    pub rows: usize,
}

impl Frame {
    /// A frame of `columns`; all must have `rows` values.
    pub fn new(columns: Vec<Column>, rows: usize) -> Self {
        debug_assert!(columns.iter().all(|c| c.len() == rows));
        Frame { columns, rows }
    }

    /// The rows at `index`, in that order.
    pub fn take(&self, index: &[usize]) -> Frame {
        Frame::new(self.columns.iter().map(|c| c.take(index)).collect(), index.len())
    }
}
