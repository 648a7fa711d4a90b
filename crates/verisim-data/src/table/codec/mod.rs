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

mod absent;
pub mod bounds;
pub mod category;
mod column;
mod encoded;
pub mod grid;
pub mod modes;
pub mod normal;

pub use absent::Absent;
pub use bounds::{Bounds, Precision};
pub use category::CategoryCodec;
pub use column::ColumnCodec;
pub use encoded::{Encoded, Span};
pub use grid::GridCodec;
pub use modes::ModesCodec;
pub use normal::NormalCodec;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::table::frame::{Column, Frame};
use crate::table::schema::{Field, Schema};

/// How number columns are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Numeric {
    /// One token of a grid of point masses and quantile bins: [`GridCodec`].
    Grid,
    /// The mode of a Gaussian mixture, and the position in it: [`ModesCodec`].
    Modes,
    /// The normal score of the value's rank: [`NormalCodec`].
    Normal,
}

/// How a model wants its table encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodecConfig {
    /// How number columns are encoded.
    pub numeric: Numeric,
    /// Grid: about how many tokens a number column gets, at least 2. Modes: the most modes, at least 1. Normal: not used.
    pub bins: usize,
    /// Levels that fewer rows have share the token "other"; 0 and 1 let each level be its own.
    pub rare: usize,
    /// Most levels of a column with a token of their own; the others, which fewer rows have, share "other" too.
    pub max_levels: usize,
}

/// The codec of a table: what an artefact keeps to encode and decode rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableCodec {
    /// One codec a modelled column, in schema order.
    pub columns: Vec<ColumnCodec>,
}

impl TableCodec {
    /// Fits one codec a column of `frame`, which `schema` parsed, on all threads. Costs a sort of each number column.
    pub fn fit(schema: &Schema, frame: &Frame, config: &CodecConfig) -> Self {
        let fields: Vec<&Field> = schema.modelled().collect();
        let fit = |(column, field): (&Column, &&Field)| match column {
            Column::Category { codes, levels } => {
                ColumnCodec::Category(CategoryCodec::fit(codes, levels, config.rare, config.max_levels))
            }
            Column::Number(v) => match config.numeric {
                Numeric::Grid => ColumnCodec::Grid(GridCodec::fit(v, field.precision(), config.bins)),
                Numeric::Modes => ColumnCodec::Modes(ModesCodec::fit(v, field.precision(), config.bins)),
                Numeric::Normal => ColumnCodec::Normal(NormalCodec::fit(v, field.precision())),
            },
        };
        TableCodec { columns: frame.columns.par_iter().zip(&fields).map(fit).collect() }
    }

    /// What is wrong with a codec that was read from a file together with `schema`, if anything: the column and the
    /// problem. A codec that passes cannot make encoding or decoding fail.
    pub fn problem(&self, schema: &Schema) -> Option<String> {
        let fields: Vec<_> = schema.modelled().collect();
        if fields.len() != self.columns.len() || fields.is_empty() {
            return Some(format!("{} columns to learn meet {} codecs", fields.len(), self.columns.len()));
        }
        let unfit = |f: &Field| f.problem().map(|p| format!("column `{}` {p}", f.name));
        if let Some(problem) = schema.fields.iter().find_map(unfit) {
            return Some(problem);
        }
        fields.iter().zip(&self.columns).find_map(|(field, codec)| {
            let problem = match codec {
                ColumnCodec::Category(_) if !field.is_category() => Some("is no category"),
                ColumnCodec::Category(c) => c.problem(),
                _ if !field.is_number() => Some("is no number"),
                ColumnCodec::Grid(c) => c.problem(),
                ColumnCodec::Modes(c) => c.problem(),
                ColumnCodec::Normal(c) => c.problem(),
            };
            problem.map(|p| format!("column `{}` {p}", field.name))
        })
    }

    /// What a model knows of this table.
    pub fn spans(&self) -> Vec<Span> {
        self.columns.iter().map(ColumnCodec::span).collect()
    }

    /// Encodes a frame that the schema of this codec parsed and whose levels are the codec's.
    pub fn encode(&self, frame: &Frame) -> Encoded {
        let (tokens, scalars) = self.columns.par_iter().zip(&frame.columns).map(|(c, column)| c.encode(column)).unzip();
        Encoded { rows: frame.rows, tokens, scalars }
    }

    /// Decodes; what a codec draws (a value in a bin, a rare level) depends on `(seed, chunk)` and the column alone.
    pub fn decode(&self, encoded: &Encoded, seed: u64, chunk: u64) -> Frame {
        let width = self.columns.len() as u64;
        let column = |(j, c): (usize, &ColumnCodec)| {
            c.decode(&encoded.tokens[j], &encoded.scalars[j], seed, chunk * width + j as u64)
        };
        Frame::new(self.columns.iter().enumerate().map(column).collect(), encoded.rows)
    }
}
