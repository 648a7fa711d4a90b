//! A table as models see it.

use serde::{Deserialize, Serialize};

/// What a model knows of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Number of tokens, at least 1, that of missing values included.
    pub tokens: u32,
    /// True when a scalar stands beside each token: most often within -1 and 1 or normally distributed.
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
