//! The codec of a whole table: one column codec a modelled column.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{CategoryCodec, Encoded, GridCodec, ModesCodec, NormalCodec, Span};
use crate::table::frame::{Column, Frame};
use crate::rng::stream;
use crate::table::schema::{ColumnKind, Schema};

/// How number columns are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numeric {
    /// Point masses and quantile bins.
    Grid,
    /// Mode-specific normalisation.
    Modes,
    /// Quantile-to-normal.
    Normal,
}

/// What a codec is fitted with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodecConfig {
    /// How number columns are encoded.
    pub numeric: Numeric,
    /// Grid: about how many tokens a number column has. Modes: most modes.
    pub bins: usize,
    /// Levels seen fewer times share the token "other".
    pub rare: usize,
    /// Most levels with a token of their own.
    pub max_levels: usize,
}

/// The codec of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "codec", rename_all = "snake_case")]
pub enum ColumnCodec {
    /// Categories.
    Category(CategoryCodec),
    /// Numbers as point masses and bins.
    Grid(GridCodec),
    /// Numbers as modes and positions.
    Modes(ModesCodec),
    /// Numbers as normal scores.
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

    fn encode(&self, column: &Column) -> (Vec<u32>, Vec<f32>) {
        match (self, column) {
            (ColumnCodec::Category(c), Column::Category { codes, .. }) => (c.encode(codes), Vec::new()),
            (ColumnCodec::Grid(c), Column::Number(v)) => (c.encode(v), Vec::new()),
            (ColumnCodec::Modes(c), Column::Number(v)) => c.encode(v),
            (ColumnCodec::Normal(c), Column::Number(v)) => c.encode(v),
            // A frame comes from the schema that the codec was fitted under, so kinds always agree.
            _ => unreachable!("codec and column of different kinds"),
        }
    }

    fn decode(&self, tokens: &[u32], scalars: &[f32], seed: u64, index: u64) -> Column {
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

/// The codec of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableCodec {
    /// One codec a modelled column, in schema order.
    pub columns: Vec<ColumnCodec>,
}

impl TableCodec {
    /// Fits one codec a column, columns in parallel.
    pub fn fit(schema: &Schema, frame: &Frame, config: &CodecConfig) -> Self {
        let kinds: Vec<&ColumnKind> = schema.modelled().map(|f| &f.kind).collect();
        let fit = |(column, kind): (&Column, &&ColumnKind)| match column {
            Column::Category { codes, levels } => {
                ColumnCodec::Category(CategoryCodec::fit(codes, levels, config.rare, config.max_levels))
            }
            Column::Number(v) => {
                let decimals = match kind {
                    ColumnKind::Integer => Some(0),
                    ColumnKind::Decimal { decimals } => Some(*decimals),
                    _ => None, // dates: their step rounds
                };
                match config.numeric {
                    Numeric::Grid => ColumnCodec::Grid(GridCodec::fit(v, decimals, config.bins)),
                    Numeric::Modes => ColumnCodec::Modes(ModesCodec::fit(v, decimals, config.bins)),
                    Numeric::Normal => ColumnCodec::Normal(NormalCodec::fit(v, decimals)),
                }
            }
        };
        TableCodec { columns: frame.columns.par_iter().zip(&kinds).map(fit).collect() }
    }

    /// What is wrong with a codec that was read from a file together with `schema`, if anything: the column and the
    /// problem. A codec that passes cannot make encoding or decoding fail.
    pub fn problem(&self, schema: &Schema) -> Option<String> {
        let fields: Vec<_> = schema.modelled().collect();
        if fields.len() != self.columns.len() || fields.is_empty() {
            return Some(format!("{} columns to learn meet {} codecs", fields.len(), self.columns.len()));
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
