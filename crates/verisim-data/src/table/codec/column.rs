//! The codec of one column, whichever it is.

use serde::{Deserialize, Serialize};

use super::category::CategoryCodec;
use super::encoded::Span;
use super::grid::GridCodec;
use super::modes::ModesCodec;
use super::normal::NormalCodec;
use crate::rng::stream;
use crate::table::frame::Column;

/// The codec of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "codec", rename_all = "snake_case")]
pub enum ColumnCodec {
    /// One token a level; rare levels share one.
    Category(CategoryCodec),
    /// One token a point mass or bin.
    Grid(GridCodec),
    /// A mode of a mixture, and the position in it.
    Modes(ModesCodec),
    /// A normal score; point masses apart.
    Normal(NormalCodec),
}

impl ColumnCodec {
    /// What a model sees of this column.
    pub fn span(&self) -> Span {
        match self {
            ColumnCodec::Category(c) => c.span(),
            ColumnCodec::Grid(c) => c.span(),
            ColumnCodec::Modes(c) => c.span(),
            ColumnCodec::Normal(c) => c.span(),
        }
    }

    /// The token of missing values, if any were seen.
    pub fn missing_token(&self) -> Option<u32> {
        match self {
            ColumnCodec::Category(c) => c.missing_token(),
            ColumnCodec::Grid(c) => c.missing_token(),
            ColumnCodec::Modes(c) => c.missing_token(),
            ColumnCodec::Normal(c) => c.missing_token(),
        }
    }

    /// The values that a token of a number column decodes to; `None` for missing and for categories.
    pub fn range(&self, token: u32) -> Option<(f64, f64)> {
        match self {
            ColumnCodec::Category(_) => None,
            ColumnCodec::Grid(c) => c.range(token),
            ColumnCodec::Modes(c) => c.range(token),
            ColumnCodec::Normal(c) => c.range(token),
        }
    }

    /// Which word among numbers a token stands for, if it does.
    pub fn word(&self, token: u32) -> Option<u32> {
        match self {
            ColumnCodec::Category(_) => None,
            ColumnCodec::Grid(c) => c.word(token),
            ColumnCodec::Modes(c) => c.word(token),
            ColumnCodec::Normal(c) => c.word(token),
        }
    }

    pub(super) fn encode(&self, column: &Column) -> (Vec<u32>, Vec<f32>) {
        match (self, column) {
            (ColumnCodec::Category(c), Column::Category { codes, .. }) => (c.encode(codes), Vec::new()),
            (ColumnCodec::Grid(c), Column::Number(v)) => (c.encode(v), Vec::new()),
            (ColumnCodec::Modes(c), Column::Number(v)) => c.encode(v),
            (ColumnCodec::Normal(c), Column::Number(v)) => c.encode(v),
            // A frame comes from the schema that the codec was fitted under, so kinds always agree.
            _ => unreachable!("codec and column of different kinds"),
        }
    }

    pub(super) fn decode(&self, tokens: &[u32], scalars: &[f32], seed: u64, index: u64) -> Column {
        let mut rng = stream(seed, "decode", index);
        match self {
            ColumnCodec::Category(c) => {
                Column::Category { codes: c.decode(tokens, &mut rng), levels: c.levels.clone() }
            }
            ColumnCodec::Grid(c) => Column::Number(c.decode(tokens, &mut rng)),
            ColumnCodec::Modes(c) => Column::Number(c.decode(tokens, scalars)),
            ColumnCodec::Normal(c) => Column::Number(c.decode(tokens, scalars)),
        }
    }
}
