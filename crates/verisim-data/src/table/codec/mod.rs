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
//! | [`derived`] | what follows from others | "as computed", or an exception | – |
//!
//! Each file holds fit, encode and decode of one kind.

mod absent;
pub mod bounds;
pub mod category;
mod column;
pub mod derived;
mod encoded;
pub mod grid;
mod known;
pub mod modes;
pub mod normal;

pub use absent::Absent;
pub use bounds::{Bounds, Precision};
pub use category::CategoryCodec;
pub use column::ColumnCodec;
pub use derived::{Derived, Distance, Side};
pub use encoded::{Encoded, Span};
pub use grid::GridCodec;
pub use known::Demand;
pub use modes::ModesCodec;
pub use normal::NormalCodec;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::table::frame::{Column, Frame};
use crate::table::rules::{Chosen, Rules, numbers};
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableCodec {
    /// One codec a modelled column, in schema order.
    pub columns: Vec<ColumnCodec>,
    /// What rows keep beside what their columns say.
    #[serde(default, skip_serializing_if = "Rules::is_empty")]
    pub rules: Rules,
}

impl CodecConfig {
    /// Columns of so many different numbers at most are held number by number.
    pub fn held(&self) -> usize {
        if self.numeric == Numeric::Grid { self.bins } else { 0 }
    }

    /// The codec of a number column.
    fn number(&self, values: &[f64], precision: Precision) -> ColumnCodec {
        match self.numeric {
            Numeric::Grid => ColumnCodec::Grid(GridCodec::fit(values, precision, self.bins)),
            Numeric::Modes => ColumnCodec::Modes(ModesCodec::fit(values, precision, self.bins)),
            Numeric::Normal => ColumnCodec::Normal(NormalCodec::fit(values, precision)),
        }
    }
}

impl TableCodec {
    /// Fits one codec a column of `frame`, which `schema` parsed, on all threads. Costs a sort of each number column.
    pub fn fit(schema: &Schema, frame: &Frame, config: &CodecConfig) -> Self {
        TableCodec::fit_by(schema, frame, config, &Chosen::default())
    }

    /// The same, with columns made by the rules that were chosen for this table.
    pub fn fit_by(schema: &Schema, frame: &Frame, config: &CodecConfig, chosen: &Chosen) -> Self {
        let fields: Vec<&Field> = schema.modelled().collect();
        let all: Vec<&Column> = frame.columns.iter().collect();
        let fit = |(j, (column, field)): (usize, (&Column, &&Field))| {
            if let Some((formula, declared)) = chosen.formulas.get(&j) {
                let (formula, precision) = (formula.clone(), field.precision());
                return ColumnCodec::Derived(Derived::fit(formula, column, &all, precision, config.bins, *declared));
            }
            match (column, chosen.sides.get(&j)) {
                (Column::Category { codes, levels }, _) => {
                    ColumnCodec::Category(CategoryCodec::fit(codes, levels, config.rare, config.max_levels))
                }
                (Column::Number(v), Some(&side)) => {
                    let precision = chosen.precision(fields[side.from], field);
                    let distances = side.distances(v, &numbers(all[side.from]), precision);
                    let fit = |distances: &[f64]| config.number(distances, precision);
                    ColumnCodec::Distance(Distance::fit(side, v, field.precision(), &distances, fit))
                }
                (Column::Number(v), None) => config.number(v, field.precision()),
            }
        };
        let columns = frame.columns.par_iter().zip(&fields).enumerate().map(fit).collect();
        TableCodec { columns, rules: chosen.rules.clone() }
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
        let column = fields.iter().zip(&self.columns).find_map(|(field, codec)| {
            let problem = match codec.levels() {
                Some(_) if !field.is_category() => Some("is no category"),
                None if !field.is_number() => Some("is no number"),
                _ => codec.problem(fields.len()),
            };
            problem.map(|p| format!("column `{}` {p}", field.name))
        });
        let rules = || self.rules.problem(fields.len()).map(str::to_owned);
        let circle = || self.order().is_none().then(|| "columns are computed from each other in a circle".to_owned());
        column.or_else(rules).or_else(circle)
    }

    /// Whether every row that a model draws is a row: each column stands for itself and no rule is kept.
    pub fn is_own(&self) -> bool {
        self.rules.is_empty() && self.columns.iter().all(ColumnCodec::is_own)
    }

    /// What a model knows of this table.
    pub fn spans(&self) -> Vec<Span> {
        self.columns.iter().map(ColumnCodec::span).collect()
    }

    /// Encodes a frame that the schema of this codec parsed and whose levels are the codec's.
    pub fn encode(&self, frame: &Frame) -> Encoded {
        let all: Vec<&Column> = frame.columns.iter().collect();
        let encode = |(c, column): (&ColumnCodec, &Column)| c.encode(column, &all);
        let (tokens, scalars) = self.columns.par_iter().zip(&frame.columns).map(encode).unzip();
        Encoded { rows: frame.rows, tokens, scalars }
    }

    /// Decodes; what a codec draws (a value in a bin, a rare level) depends on `(seed, chunk)` and the column alone. Rows that break
    /// a rule are among what comes out: see [`TableCodec::decode_kept`].
    pub fn decode(&self, encoded: &Encoded, seed: u64, chunk: u64) -> Frame {
        self.decode_marked(encoded, seed, chunk, &|_, made| made).0
    }

    /// Decodes as [`TableCodec::decode`], and drops the rows that break a rule of the table: those whose computed values lie outside what
    /// the data had, and those that no column could be made to fit.
    pub fn decode_kept(&self, encoded: &Encoded, seed: u64, chunk: u64) -> Frame {
        let (frame, mut refused) = self.decode_marked(encoded, seed, chunk, &|_, made| made);
        if self.rules.may_break() {
            let all: Vec<&Column> = frame.columns.iter().collect();
            let rows = refused.iter_mut().enumerate().filter(|(_, refused)| !**refused);
            rows.for_each(|(i, refused)| *refused = self.rules.broken(&all, i));
        }
        if !refused.contains(&true) {
            return frame;
        }
        frame.take(&(0..frame.rows).filter(|&i| !refused[i]).collect::<Vec<_>>())
    }

    /// Decodes, and marks rows that come to what a column cannot have. Each column goes through `over` before others are made from it.
    fn decode_marked(
        &self,
        encoded: &Encoded,
        seed: u64,
        chunk: u64,
        over: &(dyn Fn(usize, Column) -> Column + Sync),
    ) -> (Frame, Vec<bool>) {
        let width = self.columns.len();
        let index = |j: usize| chunk * width as u64 + j as u64;
        let mut refused = vec![false; encoded.rows];
        let made = |(j, c): (usize, &ColumnCodec)| {
            let made = c.decode(&encoded.tokens[j], &encoded.scalars[j], seed, index(j));
            made.map(|made| over(j, made))
        };
        let mut columns: Vec<Option<Column>> = self.columns.iter().enumerate().map(made).collect();
        let later: Vec<usize> = if self.rules.gaps.is_empty() && columns.iter().all(Option::is_some) {
            Vec::new()
        } else {
            // A codec whose columns go round in a circle was refused when it was read.
            self.order().unwrap_or_default()
        };
        let nothing = Column::Number(Vec::new());
        let is_made = |j: &usize| !self.columns[*j].is_own() || self.rules.gaps.iter().any(|gap| gap.column == *j);
        for j in later.into_iter().filter(is_made) {
            let all: Vec<&Column> = columns.iter().map(|c| c.as_ref().unwrap_or(&nothing)).collect();
            let own = match &self.columns[j] {
                ColumnCodec::Derived(c) => Some(c.decode(&encoded.tokens[j], &all, seed, index(j), &mut refused)),
                ColumnCodec::Distance(c) => {
                    let drawn = (&encoded.tokens[j][..], &encoded.scalars[j][..]);
                    Some(c.decode(drawn, &all, (seed, index(j)), &mut refused))
                }
                _ => None,
            };
            if let Some(own) = own {
                columns[j] = Some(over(j, own));
            }
            if let Some(gap) = self.rules.gaps.iter().find(|gap| gap.column == j)
                && let Some(mut column) = columns[j].take()
            {
                gap.leave_out(columns[gap.of].as_ref().unwrap_or(&nothing), &mut column);
                columns[j] = Some(over(j, column));
            }
        }
        let none = || Column::Number(vec![f64::NAN; encoded.rows]);
        let columns = columns.into_iter().map(|c| c.unwrap_or_else(none)).collect();
        (Frame::new(columns, encoded.rows), refused)
    }

    /// An order in which each column comes after those that it is made from; `None` if there is none.
    fn order(&self) -> Option<Vec<usize>> {
        let gap = |j: usize| self.rules.gaps.iter().filter(move |gap| gap.column == j).map(|gap| gap.of);
        crate::table::rules::in_order(self.columns.iter().enumerate().map(|(j, c)| {
            let mut needs = c.sources();
            needs.extend(gap(j));
            needs
        }))
    }
}
