//! The codec of one column, whichever it is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::category::CategoryCodec;
use super::derived::{Derived, Distance};
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
    /// Computed from other columns, but for exceptions.
    Derived(Derived),
    /// The distance from a column of which it is always on one side.
    Distance(Distance),
}

impl ColumnCodec {
    /// What a model sees of this column.
    pub fn span(&self) -> Span {
        match self {
            ColumnCodec::Category(c) => c.span(),
            ColumnCodec::Grid(c) => c.span(),
            ColumnCodec::Modes(c) => c.span(),
            ColumnCodec::Normal(c) => c.span(),
            ColumnCodec::Derived(c) => c.span(),
            ColumnCodec::Distance(c) => c.span(),
        }
    }

    /// The token of missing values, if any were seen. A computed column may have others too: it is missing where what it needs is.
    pub fn missing_token(&self) -> Option<u32> {
        match self {
            ColumnCodec::Category(c) => c.missing_token(),
            ColumnCodec::Grid(c) => c.missing_token(),
            ColumnCodec::Modes(c) => c.missing_token(),
            ColumnCodec::Normal(c) => c.missing_token(),
            ColumnCodec::Derived(_) => None,
            ColumnCodec::Distance(c) => c.missing_token(),
        }
    }

    /// The values that a token of a number column decodes to; `None` for missing, for categories, and where other columns decide.
    pub fn range(&self, token: u32) -> Option<(f64, f64)> {
        match self {
            ColumnCodec::Category(_) | ColumnCodec::Derived(_) | ColumnCodec::Distance(_) => None,
            ColumnCodec::Grid(c) => c.range(token),
            ColumnCodec::Modes(c) => c.range(token),
            ColumnCodec::Normal(c) => c.range(token),
        }
    }

    /// Which word among numbers a token stands for, if it does.
    pub fn word(&self, token: u32) -> Option<u32> {
        match self {
            ColumnCodec::Category(_) | ColumnCodec::Derived(_) | ColumnCodec::Distance(_) => None,
            ColumnCodec::Grid(c) => c.word(token),
            ColumnCodec::Modes(c) => c.word(token),
            ColumnCodec::Normal(c) => c.word(token),
        }
    }

    /// The levels of a column of categories.
    pub fn levels(&self) -> Option<&Arc<[String]>> {
        match self {
            ColumnCodec::Category(c) => Some(&c.levels),
            ColumnCodec::Derived(c) => c.levels(),
            _ => None,
        }
    }

    /// The token by which a row has no value although it could have one: that of missing values, or of such an exception in a column that is
    /// computed.
    pub fn gap_token(&self) -> Option<u32> {
        match self {
            ColumnCodec::Derived(c) => c.missing_exception(),
            codec => codec.missing_token(),
        }
    }

    /// A number as the column writes it; `None` where it can have no such value.
    pub(super) fn rounded(&self, x: f64) -> Option<f64> {
        let bounds = match self {
            ColumnCodec::Category(_) => return None,
            ColumnCodec::Grid(c) => &c.bounds,
            ColumnCodec::Modes(c) => &c.bounds,
            ColumnCodec::Normal(c) => &c.bounds,
            ColumnCodec::Derived(c) => c.bounds()?,
            ColumnCodec::Distance(c) => c.bounds(),
        };
        let x = bounds.round(x);
        (x >= bounds.min && x <= bounds.max).then_some(x)
    }

    /// The smallest and the largest number that the column may have; `None` for categories and where no number was seen.
    pub fn extent(&self) -> Option<(f64, f64)> {
        match self {
            ColumnCodec::Category(_) => None,
            ColumnCodec::Derived(c) => c.extent(),
            ColumnCodec::Distance(c) => Some(c.extent()),
            _ => {
                let ends = (0..self.span().tokens).filter_map(|token| self.range(token));
                ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
            }
        }
    }

    /// Whether its values are made of its own tokens alone.
    pub fn is_own(&self) -> bool {
        !matches!(self, ColumnCodec::Derived(_) | ColumnCodec::Distance(_))
    }

    /// The columns that it is made from.
    pub(super) fn sources(&self) -> Vec<usize> {
        match self {
            ColumnCodec::Derived(c) => c.formula.sources(),
            ColumnCodec::Distance(c) => vec![c.side.from],
            _ => Vec::new(),
        }
    }

    /// Tokens and scalars of a column whose table is `all`.
    pub(super) fn encode(&self, column: &Column, all: &[&Column]) -> (Vec<u32>, Vec<f32>) {
        match (self, column) {
            (ColumnCodec::Category(c), Column::Category { codes, .. }) => (c.encode(codes), Vec::new()),
            (ColumnCodec::Grid(c), Column::Number(v)) => (c.encode(v), Vec::new()),
            (ColumnCodec::Modes(c), Column::Number(v)) => c.encode(v),
            (ColumnCodec::Normal(c), Column::Number(v)) => c.encode(v),
            (ColumnCodec::Derived(c), _) => (c.encode(column, all), Vec::new()),
            (ColumnCodec::Distance(c), _) => c.encode(column, all),
            // A frame comes from the schema that the codec was fitted under, so kinds always agree.
            _ => unreachable!("codec and column of different kinds"),
        }
    }

    /// The column of tokens and scalars; `None` where other columns decide.
    pub(super) fn decode(&self, tokens: &[u32], scalars: &[f32], seed: u64, index: u64) -> Option<Column> {
        let mut rng = stream(seed, "decode", index);
        Some(match self {
            ColumnCodec::Category(c) => {
                Column::Category { codes: c.decode(tokens, &mut rng), levels: c.levels.clone() }
            }
            ColumnCodec::Grid(c) => Column::Number(c.decode(tokens, &mut rng)),
            ColumnCodec::Modes(c) => Column::Number(c.decode(tokens, scalars)),
            ColumnCodec::Normal(c) => Column::Number(c.decode(tokens, scalars)),
            ColumnCodec::Derived(_) | ColumnCodec::Distance(_) => return None,
        })
    }

    /// What is wrong with a codec that was read from a file, if anything; `width` is the number of columns.
    pub(super) fn problem(&self, width: usize) -> Option<&'static str> {
        match self {
            ColumnCodec::Category(c) => c.problem(),
            ColumnCodec::Grid(c) => c.problem(),
            ColumnCodec::Modes(c) => c.problem(),
            ColumnCodec::Normal(c) => c.problem(),
            ColumnCodec::Derived(c) => c.problem(width),
            ColumnCodec::Distance(c) => c.problem(width),
        }
    }
}
