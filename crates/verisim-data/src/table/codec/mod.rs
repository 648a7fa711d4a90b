//! Codecs: how a typed column becomes what a model sees, and back.
//!
//! Whatever the codec, one column becomes one *token* (a small integer) and perhaps one *scalar* beside
//! it. A [`Span`] says which, and spans are all that a model knows of its data. A missing value is a
//! token, so that models learn where values are missing as they learn everything else.
//!
//! | codec | column | token | scalar |
//! |---|---|---|---|
//! | [`category`] | categories | the level; rare levels share one | – |
//! | [`grid`] | numbers | a point mass or a quantile bin | – |
//! | [`modes`] | numbers | a mode of a Gaussian mixture | position in the mode, in `[-1, 1]` |
//! | [`normal`] | numbers | a point mass, or "continuous" | normal score of the quantile |
//!
//! Each file holds fit, encode and decode of one kind.

pub mod bounds;
pub mod category;
pub mod grid;
pub mod modes;
pub mod normal;
pub mod table;

pub use bounds::Bounds;
pub use category::CategoryCodec;
pub use grid::GridCodec;
pub use modes::ModesCodec;
pub use normal::NormalCodec;
pub use table::{CodecConfig, ColumnCodec, Numeric, TableCodec};

use serde::{Deserialize, Serialize};

/// What a model knows of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Number of tokens, at least 1.
    pub tokens: u32,
    /// True when a scalar stands beside the token.
    pub scalar: bool,
    /// True when the order of the tokens means something (numbers).
    pub ordered: bool,
}

/// A table as models see it: one token a column and, for some, a scalar.
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    /// Number of rows.
    pub rows: usize,
    /// One vector of tokens a column.
    pub tokens: Vec<Vec<u32>>,
    /// One vector of scalars a column; empty where the span has none.
    pub scalars: Vec<Vec<f32>>,
}

impl Encoded {
    /// `rows` rows of token 0 and scalar 0 in the shape of `spans`.
    pub fn zeros(spans: &[Span], rows: usize) -> Self {
        let scalars = |s: &Span| if s.scalar { vec![0.0; rows] } else { Vec::new() };
        Encoded {
            rows,
            tokens: spans.iter().map(|_| vec![0; rows]).collect(),
            scalars: spans.iter().map(scalars).collect(),
        }
    }

    /// Keeps the first `rows` rows.
    pub fn truncate(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
        self.tokens.iter_mut().for_each(|t| t.truncate(rows));
        self.scalars.iter_mut().for_each(|s| s.truncate(rows));
    }

    /// The rows at `index`, in that order.
    pub fn take(&self, index: &[usize]) -> Encoded {
        let scalars = |s: &Vec<f32>| if s.is_empty() { Vec::new() } else { index.iter().map(|&i| s[i]).collect() };
        Encoded {
            rows: index.len(),
            tokens: self.tokens.iter().map(|t| index.iter().map(|&i| t[i]).collect()).collect(),
            scalars: self.scalars.iter().map(scalars).collect(),
        }
    }

    /// Appends the rows of `other`, which has the same columns.
    pub fn append(&mut self, other: &Encoded) {
        self.rows += other.rows;
        self.tokens.iter_mut().zip(&other.tokens).for_each(|(a, b)| a.extend_from_slice(b));
        self.scalars.iter_mut().zip(&other.scalars).for_each(|(a, b)| a.extend_from_slice(b));
    }
}
