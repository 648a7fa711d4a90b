//! What a changed row keeps: the range, the digits and the step of each number, its gaps, and the rules between columns.
//!
//! The ranges are those of the data (`Bounds`). The rules are those that a model would keep: they are found in the data, or declared. A
//! column that is computed from others is computed of the changed values; where the row from which the changed one comes is an exception
//! from that, the changed one has its value. A row that breaks a rule that no column can be made to fit is refused, and made again by whoever
//! made it.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use verisim_data::table::codec::{Bounds, CodecConfig, ColumnCodec, Encoded, GridCodec, Numeric, TableCodec};
use verisim_data::table::rules::{Chosen, RuleSettings};
use verisim_data::table::{Column, Field, Frame, Schema};

use crate::error::Result;

/// Tokens of a column of numbers; only exceptions from formulas are ever drawn from them.
const BINS: usize = 64;

/// Ranges and rules of a table.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// Of each column of numbers.
    bounds: Vec<Option<Bounds>>,
    codec: TableCodec,
    /// The rows of the table, where columns are made from others.
    encoded: Option<Encoded>,
    /// The columns of it that are computed from others.
    computed: Vec<Option<Column>>,
    /// The rules, for people.
    pub notes: Vec<String>,
}

impl Keeper {
    /// The ranges and rules of `frame`, which `schema` parsed. Costs a sort of each column, and where rules are looked for about as much
    /// as a fit of decision trees.
    ///
    /// # Errors
    /// When a declared rule is none, or one to drop was not found.
    pub fn of(schema: &Schema, frame: &Frame, rules: &RuleSettings) -> Result<Keeper> {
        let config = CodecConfig { numeric: Numeric::Grid, bins: BINS, rare: 1, max_levels: usize::MAX };
        let chosen = Chosen::of(schema, frame, rules, 0, config.held())?;
        let fields: Vec<&Field> = schema.modelled().collect();
        let bounds = frame.columns.par_iter().zip(&fields).map(|(column, field)| match column {
            Column::Number(v) => Some(GridCodec::fit(v, field.precision(), 2).bounds),
            Column::Category { .. } => None,
        });
        let bounds = bounds.collect();
        let codec = TableCodec::fit_by(schema, frame, &config, &chosen);
        let encoded = (!codec.is_own()).then(|| codec.encode(frame));
        let computed = |(codec, column): (&ColumnCodec, &Column)| match codec {
            ColumnCodec::Derived(_) => Some(column.clone()),
            _ => None,
        };
        let computed = codec.columns.iter().zip(&frame.columns).map(computed).collect();
        Ok(Keeper { bounds, notes: chosen.notes(), codec, encoded, computed })
    }

    /// A number of column `j` as it may be: to its digit and step, in its range and in none of its gaps. What is missing stays so.
    pub fn number(&self, j: usize, x: f64) -> f64 {
        match &self.bounds[j] {
            Some(bounds) if !x.is_nan() => bounds.apply(x),
            _ => x,
        }
    }

    /// The rows of `changed`, brought to what they may be, and which of them break a rule. Row `i` comes from row `from[i]` of the
    /// table. Nothing is drawn, so a row does not depend on those beside it.
    pub fn keep(&self, changed: Frame, from: &[usize]) -> (Frame, Vec<bool>) {
        let rows = changed.rows;
        let round = |(j, column): (usize, Column)| match column {
            Column::Number(v) => Column::Number(v.into_iter().map(|x| self.number(j, x)).collect()),
            category => category,
        };
        let columns: Vec<Column> = changed.columns.into_iter().enumerate().map(round).collect();
        let Some(encoded) = &self.encoded else { return (Frame::new(columns, rows), vec![false; rows]) };
        // A column comes by twice where a rule says that it is missing: as it was made, then with those left out.
        let given: Vec<AtomicBool> = columns.iter().map(|_| AtomicBool::new(false)).collect();
        let encoded = encoded.take(from);
        let over = |j: usize, made: Column| match (given[j].swap(true, Ordering::Relaxed), &self.computed[j]) {
            (true, _) => made,
            (false, None) => columns[j].clone(),
            (false, Some(real)) => excepted(made, real, &encoded.tokens[j], from),
        };
        let (frame, mut broken) = self.codec.decode_over(&encoded, 0, 0, &over);
        // What was computed may lie outside what the data had.
        for (j, column) in frame.columns.iter().enumerate() {
            if let (Column::Number(v), Some(bounds)) = (column, &self.bounds[j]) {
                broken.iter_mut().zip(v).for_each(|(broken, x)| *broken |= *x < bounds.min || *x > bounds.max);
            }
        }
        (frame, broken)
    }
}

/// A computed column with the real values of the rows that are exceptions.
fn excepted(made: Column, real: &Column, tokens: &[u32], from: &[usize]) -> Column {
    let exceptions = tokens.iter().enumerate().filter(|(_, token)| **token > 0).map(|(i, _)| i);
    match (made, real) {
        (Column::Number(mut made), Column::Number(real)) => {
            exceptions.for_each(|i| made[i] = real[from[i]]);
            Column::Number(made)
        }
        (Column::Category { codes: mut made, levels }, Column::Category { codes: real, .. }) => {
            exceptions.for_each(|i| made[i] = real[from[i]]);
            Column::Category { codes: made, levels }
        }
        (made, _) => made,
    }
}
