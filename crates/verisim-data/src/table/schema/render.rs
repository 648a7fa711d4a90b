//! From sampled numbers and category codes back to a table that looks like the source.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray, new_null_array};
use arrow_schema::DataType;
use rayon::prelude::*;

use super::{ColumnKind, Field, Schema};
use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::date::DateFormat;
use crate::table::frame::{Column, Frame, MISSING};
use crate::table::identifier::Shape;

impl Schema {
    /// The table of `frame`: every field of the schema in its place, numbers rounded to their precision, dates in
    /// their format, new keys for rows `first_row ..` under `seed`, constants repeated; text is left empty.
    ///
    /// # Errors
    /// When the frame is not of this schema.
    pub fn render(&self, frame: Frame, first_row: u64, seed: u64) -> Result<Table> {
        let (expected, found) = (self.modelled().count(), frame.columns.len());
        if expected != found {
            return Err(Error::Frame { expected, found });
        }
        let mut columns = frame.columns.into_iter();
        let fields: Vec<(usize, &Field, Option<Column>)> = self
            .fields
            .iter()
            .enumerate()
            .map(|(j, f)| (j, f, f.is_modelled().then(|| columns.next()).flatten()))
            .collect();
        let array = |(j, field, column): (usize, &Field, Option<Column>)| match column {
            Some(column) => learnt(field, column),
            // Each key column has its own order of keys.
            None => Ok(unlearnt(field, frame.rows, first_row, seed.wrapping_add(j as u64))),
        };
        let columns: Vec<ArrayRef> = fields.into_par_iter().map(array).collect::<Result<_>>()?;
        Ok(Table {
            names: self.fields.iter().map(|f| f.name.clone()).collect(),
            columns,
            rows: frame.rows,
            missing_tokens: self.fields.iter().map(|f| f.missing.clone()).collect(),
            arrow: self.fields.iter().map(|f| f.arrow.clone()).collect(),
            ..Table::default()
        })
    }
}

fn learnt(field: &Field, column: Column) -> Result<ArrayRef> {
    Ok(match (&field.kind, column) {
        (ColumnKind::Integer, Column::Number(v)) => {
            Arc::new(Int64Array::from_iter(v.into_iter().map(|x| (!x.is_nan()).then(|| x.round() as i64))))
        }
        (ColumnKind::Decimal { decimals }, Column::Number(v)) => {
            let scale = 10_f64.powi(i32::from(*decimals));
            Arc::new(Float64Array::from_iter(v.into_iter().map(|x| (!x.is_nan()).then(|| rounded(x, scale)))))
        }
        (ColumnKind::Datetime { format }, Column::Number(v)) => dates(&v, &DateFormat::new(format)),
        (ColumnKind::Categorical { numeric: true }, Column::Category { codes, levels }) => {
            numeric_levels(&codes, &levels)
        }
        (_, Column::Category { codes, levels }) => texts(&codes, &levels),
        (kind, Column::Number(_)) => {
            return Err(Error::column(&field.name, format!("is {} but the frame has numbers there", kind.name())));
        }
    })
}

/// `x` with as many decimals as `scale` has zeros; a number too large to have any stays as it is.
fn rounded(x: f64, scale: f64) -> f64 {
    let scaled = (x * scale).round();
    if scaled.abs() < 9e15 { scaled / scale + 0.0 } else { x }
}

fn dates(seconds: &[f64], format: &DateFormat) -> ArrayRef {
    let mut out = StringBuilder::with_capacity(seconds.len(), seconds.len() * 10);
    for &s in seconds {
        out.append_option((!s.is_nan()).then(|| format.text(s)));
    }
    Arc::new(out.finish())
}

fn texts(codes: &[u32], levels: &[String]) -> ArrayRef {
    let level = |&c: &u32| levels.get(c as usize).filter(|_| c != MISSING);
    Arc::new(codes.iter().map(level).collect::<StringArray>())
}

/// Codes as numbers again, if every level is one.
fn numeric_levels(codes: &[u32], levels: &[String]) -> ArrayRef {
    if let Ok(whole) = levels.iter().map(|l| l.parse::<i64>()).collect::<Result<Vec<_>, _>>() {
        return Arc::new(codes.iter().map(|&c| whole.get(c as usize).copied()).collect::<Int64Array>());
    }
    match levels.iter().map(|l| l.parse::<f64>()).collect::<Result<Vec<_>, _>>() {
        Ok(numbers) => Arc::new(codes.iter().map(|&c| numbers.get(c as usize).copied()).collect::<Float64Array>()),
        Err(_) => texts(codes, levels),
    }
}

fn unlearnt(field: &Field, rows: usize, first_row: u64, seed: u64) -> ArrayRef {
    let row_numbers = first_row..first_row + rows as u64;
    match &field.kind {
        ColumnKind::Identifier { shape } if shape.is_integer() => {
            Arc::new(row_numbers.map(|row| shape.number(row, seed)).collect::<Int64Array>())
        }
        ColumnKind::Identifier { shape } => keys(shape, row_numbers, seed),
        ColumnKind::Constant { value } => match value.parse::<i64>() {
            Ok(number) if number.to_string() == *value => Arc::new(Int64Array::from_value(number, rows)),
            _ => Arc::new(std::iter::repeat_n(Some(value), rows).collect::<StringArray>()),
        },
        _ => new_null_array(&DataType::Utf8, rows),
    }
}

fn keys(shape: &Shape, rows: std::ops::Range<u64>, seed: u64) -> ArrayRef {
    let mut out = StringBuilder::new();
    let mut key = String::new();
    for row in rows {
        key.clear();
        shape.push(row, seed, &mut key);
        out.append_value(&key);
    }
    Arc::new(out.finish())
}
