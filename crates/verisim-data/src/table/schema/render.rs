//! From sampled numbers and category codes back to a table that looks like the source.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, StringArray, new_null_array};
use arrow_schema::DataType;
use rayon::prelude::*;

use super::{ColumnKind, Field, Schema};
use crate::error::{Error, Result};
use crate::rng::mix;
use crate::table::date::DateFormat;
use crate::table::fake::Provider;
use crate::table::frame::{Column, Frame, MISSING, word_of};
use crate::table::{Numeral, Offsets, Table};

impl Schema {
    /// The table of `frame`: every field of the schema in its place, numbers rounded to their precision, dates in
    /// their format, new keys for rows `first_row ..`, constants repeated, text made up under `seed`. Numbers are numbers where they can be;
    /// how a text file writes them is the writer's affair.
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
            // Each column has its own noise, and each key column its own order of keys.
            Some(column) => learnt(field, column, &Noise { first_row, seed: seed.wrapping_add(j as u64) }),
            None => Ok(unlearnt(field, frame.rows, &Noise { first_row, seed: seed.wrapping_add(j as u64) })),
        };
        let array = |field: (usize, &Field, Option<Column>)| {
            let dressed = field.1.is_dressed_text();
            let numeral = &field.1.numeral;
            array(field).map(|array| if dressed { as_dressed(&array, numeral) } else { array })
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

/// Numbers as the texts that a source of text has for them.
fn as_dressed(array: &ArrayRef, numeral: &Numeral) -> ArrayRef {
    let mut out = StringBuilder::new();
    let mut cell = Vec::new();
    for row in 0..array.len() {
        cell.clear();
        match array.data_type() {
            _ if array.is_null(row) => {
                out.append_null();
                continue;
            }
            DataType::Int64 => numeral.push_whole(array.as_primitive::<Int64Type>().value(row), &mut cell),
            DataType::Float64 => numeral.push(array.as_primitive::<Float64Type>().value(row), &mut cell),
            DataType::Utf8 if numeral.wide.is_some() => {
                numeral.push_plain(array.as_string::<i32>().value(row), &mut cell)
            }
            _ => return array.clone(),
        }
        // All that was pushed is text.
        out.append_value(String::from_utf8_lossy(&cell));
    }
    Arc::new(out.finish())
}

/// What is random in a cell of a column: a function of the seed and the row.
struct Noise {
    first_row: u64,
    seed: u64,
}

impl Noise {
    fn at(&self, row: usize, purpose: u64) -> u64 {
        mix(mix(self.seed ^ purpose) ^ (self.first_row + row as u64))
    }

    /// Between 0 and 1.
    fn share(&self, row: usize, purpose: u64) -> f64 {
        (self.at(row, purpose) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn learnt(field: &Field, column: Column, noise: &Noise) -> Result<ArrayRef> {
    Ok(match (&field.kind, column) {
        (ColumnKind::Integer | ColumnKind::Decimal { .. }, Column::Number(v))
            if field.numeral.wide.is_some() || !field.numeral.words.is_empty() =>
        {
            number_texts(field, &v, noise)
        }
        (ColumnKind::Integer, Column::Number(v)) => {
            Arc::new(Int64Array::from_iter(v.into_iter().map(|x| (!x.is_nan()).then(|| x.round() as i64))))
        }
        (ColumnKind::Decimal { decimals }, Column::Number(v)) => {
            let exact = field.numeral.significant.is_some();
            let scale = 10_f64.powi(i32::from(*decimals));
            let value = |x: f64| (!x.is_nan()).then(|| if exact { x } else { rounded(x, scale) });
            Arc::new(Float64Array::from_iter(v.into_iter().map(value)))
        }
        (ColumnKind::Datetime { format }, Column::Number(v)) => dates(&v, format, field.offsets.as_ref(), noise),
        (ColumnKind::Categorical { numeric: true }, Column::Category { codes, levels }) => {
            numeric_levels(&codes, &levels)
        }
        (_, Column::Category { codes, levels }) => texts(&codes, &levels),
        (kind, Column::Number(_)) => {
            return Err(Error::column(&field.name, format!("is {} but the frame has numbers there", kind.name())));
        }
    })
}

/// Numbers as text, because no array of numbers holds them: wide ones in plain digits, or in the dress of the column beside its words.
fn number_texts(field: &Field, values: &[f64], noise: &Noise) -> ArrayRef {
    let numeral = &field.numeral;
    let mut out = StringBuilder::with_capacity(values.len(), values.len() * 8);
    let mut cell: Vec<u8> = Vec::new();
    for (row, &x) in values.iter().enumerate() {
        if let Some(word) = word_of(x) {
            out.append_option(numeral.words.get(word as usize));
            continue;
        }
        if x.is_nan() {
            out.append_null();
            continue;
        }
        cell.clear();
        match (&numeral.wide, numeral.words.is_empty()) {
            (Some(wide), true) => cell.extend(wide.text(wide.units(x, noise.at(row, 1))).bytes()),
            (Some(wide), false) => numeral.push_plain(&wide.text(wide.units(x, noise.at(row, 1))), &mut cell),
            (None, _) => match &field.kind {
                ColumnKind::Decimal { decimals } if numeral.significant.is_none() => {
                    numeral.push(rounded(x, 10_f64.powi(i32::from(*decimals))), &mut cell);
                }
                ColumnKind::Integer => numeral.push_whole(x.round() as i64, &mut cell),
                _ => numeral.push(x, &mut cell),
            },
        }
        // All that was pushed is text.
        out.append_value(String::from_utf8_lossy(&cell));
    }
    Arc::new(out.finish())
}

/// `x` with as many decimals as `scale` has zeros; a number too large to have any stays as it is.
fn rounded(x: f64, scale: f64) -> f64 {
    let scaled = (x * scale).round();
    if scaled.abs() < 9e15 { scaled / scale + 0.0 } else { x }
}

fn dates(seconds: &[f64], format: &str, offsets: Option<&Offsets>, noise: &Noise) -> ArrayRef {
    let format = DateFormat::new(format);
    if matches!(format.as_str(), "%s" | "%Q") {
        let number = |&s: &f64| (!s.is_nan()).then(|| format.text(s).parse().ok()).flatten();
        return Arc::new(seconds.iter().map(number).collect::<Int64Array>());
    }
    let mut out = StringBuilder::with_capacity(seconds.len(), seconds.len() * 10);
    for (row, &s) in seconds.iter().enumerate() {
        let offset = |o: &Offsets| o.draw(s, noise.at(row, 2));
        out.append_option((!s.is_nan()).then(|| format.text_at(s, offsets.map_or(0, offset))));
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

fn unlearnt(field: &Field, rows: usize, noise: &Noise) -> ArrayRef {
    let rates = &field.rates;
    let row_number = |row: usize| noise.first_row + row as u64;
    let is_missing = |row: usize| rates.missing > 0.0 && noise.share(row, 3) < rates.missing;
    // The row whose key or text this row has: its own, or an earlier one.
    let source = |row: usize| match row_number(row) {
        number if number > 0 && rates.again > 0.0 && noise.share(row, 4) < rates.again => noise.at(row, 5) % number,
        number => number,
    };
    match &field.kind {
        ColumnKind::Identifier { shape } if shape.is_integer() && shape.fits_i64() => {
            let number = |row| shape.number(source(row), noise.seed).and_then(|x| i64::try_from(x).ok());
            Arc::new((0..rows).map(|row| number(row).filter(|_| !is_missing(row))).collect::<Int64Array>())
        }
        ColumnKind::Identifier { shape } => {
            let mut key = String::new();
            let mut out = StringBuilder::new();
            for row in 0..rows {
                key.clear();
                shape.push(source(row), noise.seed, &mut key);
                out.append_option((!is_missing(row)).then_some(&key));
            }
            Arc::new(out.finish())
        }
        ColumnKind::Text => match &field.fill {
            Some(fill) if fill.provider != Provider::Blank => {
                let text = |row| (!is_missing(row)).then(|| fill.text(source(row), noise.seed));
                Arc::new((0..rows).into_par_iter().map(text).collect::<Vec<_>>().into_iter().collect::<StringArray>())
            }
            _ => new_null_array(&DataType::Utf8, rows),
        },
        ColumnKind::Constant { value } => match value.parse::<i64>() {
            Ok(number) if number.to_string() == *value => Arc::new(Int64Array::from_value(number, rows)),
            _ => Arc::new(std::iter::repeat_n(Some(value), rows).collect::<StringArray>()),
        },
        _ => new_null_array(&DataType::Utf8, rows),
    }
}
