//! From a table as it was read to numbers and category codes.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, StringArray};
use arrow_schema::DataType;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{ColumnKind, Field, Schema};
use crate::error::{Error, Result};
use crate::table::date::DateFormat;
use crate::table::frame::{Column, Frame, MISSING};
use crate::table::{Numeral, Table};

/// What a text is as a number.
pub(super) enum Number {
    /// A finite number.
    Finite(f64),
    /// An infinity, or not-a-number by name.
    Infinite,
    /// No number.
    Not,
}

/// `text` as a number, in the notation of Rust: no thousands separators, no hexadecimal.
pub(super) fn number(text: &str) -> Number {
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() => Number::Finite(x),
        Ok(_) if text.bytes().any(|b| b.is_ascii_digit()) => Number::Not,
        Ok(_) => Number::Infinite,
        Err(_) => Number::Not,
    }
}

impl Schema {
    /// The modelled columns of `table`, found by name. Levels are those of this table, numbers in their
    /// order and before other text, which is in alphabetical order.
    ///
    /// # Errors
    /// When a column is missing, or a value is not of its column's kind.
    pub fn parse(&self, table: &Table) -> Result<Frame> {
        let columns: Vec<(Column, Option<usize>)> = self.columns(table)?;
        for (field, (_, bad)) in self.modelled().zip(&columns) {
            if let Some(row) = *bad {
                return Err(unfit(field, table, row)?);
            }
        }
        Ok(Frame::new(columns.into_iter().map(|(c, _)| c).collect(), table.rows))
    }

    /// As [`Schema::parse`], for tables that others made, which are to be judged and not refused: a column that is not there is
    /// missing throughout, so is a value that does not fit its column, and days and times may be written as in ISO 8601.
    ///
    /// # Errors
    /// When no column of the schema is there.
    pub fn parse_other(&self, table: &Table) -> Result<Other> {
        let there = |f: &&Field| table.index(&f.name).is_ok();
        if let Some(first) = self.modelled().next()
            && !self.modelled().any(|f| there(&f))
        {
            table.index(&first.name)?;
        }
        let fields: Vec<&Field> = self.modelled().collect();
        let read = |field: &&Field| match table.index(&field.name) {
            Ok(j) => column(field, table, j),
            Err(_) => Ok((lost(field, table.rows), 0)),
        };
        let columns: Vec<(Column, usize)> = fields.par_iter().map(read).collect::<Result<_>>()?;
        let (columns, unfit) = columns.into_iter().unzip();
        let lost = self.modelled().filter(|f| !there(f)).map(|f| f.name.clone()).collect();
        Ok(Other { frame: Frame::new(columns, table.rows), unfit, lost })
    }

    fn columns<B: Bad>(&self, table: &Table) -> Result<Vec<(Column, B)>> {
        let places: Vec<(&Field, usize)> =
            self.modelled().map(|f| Ok((f, table.index(&f.name)?))).collect::<Result<_>>()?;
        let read = |&(field, j): &(&Field, usize)| column(field, table, j);
        places.par_iter().map(read).collect()
    }
}

/// A table that somebody else made, under a schema.
#[derive(Clone, Debug)]
pub struct Other {
    /// The columns of the schema that are modelled.
    pub frame: Frame,
    /// How many values of each did not fit.
    pub unfit: Vec<usize>,
    /// Those that were not there.
    pub lost: Vec<String>,
}

/// A column that is not there.
fn lost(field: &Field, rows: usize) -> Column {
    match field.is_number() {
        true => Column::Number(vec![f64::NAN; rows]),
        false => Column::Category { codes: vec![MISSING; rows], levels: Vec::new().into() },
    }
}

/// What is kept of the rows whose value does not fit: the first, or how many.
trait Bad: Default + Send {
    /// Whether a day or time in ISO 8601 fits whatever the format.
    const ISO: bool;

    fn add(&mut self, row: usize);
}

impl Bad for Option<usize> {
    const ISO: bool = false;

    fn add(&mut self, row: usize) {
        self.get_or_insert(row);
    }
}

impl Bad for usize {
    const ISO: bool = true;

    fn add(&mut self, _: usize) {
        *self += 1;
    }
}

fn column<B: Bad>(field: &Field, table: &Table, j: usize) -> Result<(Column, B)> {
    let mut bad = B::default();
    let column = match &field.kind {
        ColumnKind::Datetime { format } => Column::Number(times(&table.text(j)?, &DateFormat::new(format), &mut bad)),
        ColumnKind::Categorical { numeric } => categories(&table.text(j)?, numeric.then_some(&field.numeral)),
        ColumnKind::Boolean => categories(&table.text(j)?, None),
        _ => Column::Number(numbers(field, table, j, &mut bad)?),
    };
    Ok((column, bad))
}

fn numbers(field: &Field, table: &Table, j: usize, bad: &mut impl Bad) -> Result<Vec<f64>> {
    let column = &table.columns[j];
    let numeral = &field.numeral;
    let finite = |x: f64| if x.is_finite() { x } else { f64::NAN };
    let out: Vec<f64> = match column.data_type() {
        // A double would lose the last digits.
        _ if numeral.wide.is_some() => texts_as_numbers(&table.text(j)?, numeral, bad),
        DataType::Int64 => {
            column.as_primitive::<Int64Type>().iter().map(|x| x.map_or(f64::NAN, |x| x as f64)).collect()
        }
        DataType::Float64 => column.as_primitive::<Float64Type>().iter().map(|x| x.map_or(f64::NAN, finite)).collect(),
        _ => texts_as_numbers(column.as_string(), numeral, bad),
    };
    if field.kind == ColumnKind::Integer {
        out.iter().enumerate().filter(|(_, x)| x.fract() != 0.0 && !x.is_nan()).for_each(|(row, _)| bad.add(row));
    }
    Ok(out)
}

fn texts_as_numbers(column: &StringArray, numeral: &Numeral, bad: &mut impl Bad) -> Vec<f64> {
    // What every program reads is read fastest, trailing zeros and exponents included.
    let dressed = !numeral.is_json() || numeral.wide.is_some();
    let mut buffer = String::new();
    let mut read = |(row, cell): (usize, Option<&str>)| {
        let Some(cell) = cell else { return f64::NAN };
        if dressed && let Some(x) = numeral.value_with(cell, &mut buffer) {
            return x;
        }
        match number(cell.trim()) {
            Number::Finite(x) if numeral.wide.is_none() => x,
            Number::Infinite => f64::NAN,
            _ => numeral.word(cell).unwrap_or_else(|| {
                bad.add(row);
                f64::NAN
            }),
        }
    };
    column.iter().enumerate().map(&mut read).collect()
}

fn times<B: Bad>(text: &StringArray, format: &DateFormat, bad: &mut B) -> Vec<f64> {
    let iso = if B::ISO { ISO.map(DateFormat::new).to_vec() } else { Vec::new() };
    let parse = |text: &str| format.parse(text).or_else(|| iso.iter().find_map(|format| format.parse(text)));
    // Days repeat, and often in runs; remembering them is cheaper than reading them again.
    let mut known: FxHashMap<&str, f64> = FxHashMap::default();
    let mut out = Vec::with_capacity(text.len());
    for (row, cell) in text.iter().enumerate() {
        let Some(cell) = cell else {
            out.push(f64::NAN);
            continue;
        };
        let seconds = *known.entry(cell).or_insert_with(|| parse(cell.trim()).unwrap_or(f64::NAN));
        if seconds.is_nan() {
            bad.add(row);
        }
        out.push(seconds);
    }
    out
}

/// Days and times as other programs write them.
const ISO: [&str; 6] = [
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
];

/// `numeral` is how the levels are written where all are numbers.
fn categories(text: &StringArray, numeral: Option<&Numeral>) -> Column {
    let mut place: FxHashMap<&str, u32> = FxHashMap::default();
    let mut codes = Vec::with_capacity(text.len());
    for cell in text.iter() {
        let next = place.len() as u32;
        codes.push(cell.map_or(MISSING, |c| *place.entry(c).or_insert(next)));
    }
    let mut levels: Vec<(String, u32)> = match numeral {
        Some(numeral) => (place.iter().filter(|(text, _)| !matches!(number(text), Number::Infinite)))
            .map(|(text, &code)| (plain(text, numeral), code))
            .collect(),
        None => place.iter().map(|(text, &code)| ((*text).to_owned(), code)).collect(),
    };
    match numeral {
        Some(_) => levels.sort_by(|a, b| by_number(&a.0, &b.0)),
        None => levels.sort(),
    }
    // Two ways to write a number have become one level, an infinity has none.
    let mut sorted = vec![MISSING; place.len()];
    let mut names: Vec<String> = Vec::with_capacity(levels.len());
    for (name, code) in levels {
        if names.last() != Some(&name) {
            names.push(name);
        }
        sorted[code as usize] = names.len() as u32 - 1;
    }
    codes.iter_mut().filter(|c| **c != MISSING).for_each(|c| *c = sorted[*c as usize]);
    Column::Category { codes, levels: Arc::from(names) }
}

/// A number without dress, superfluous signs, zeros and exponent: `1.0` and `+1` are `1`.
fn plain(text: &str, numeral: &Numeral) -> String {
    match numeral.value(text) {
        Some(x) if !x.is_nan() => format!("{}", x + 0.0),
        _ => match number(text.trim()) {
            Number::Finite(x) => format!("{}", x + 0.0),
            _ => text.to_owned(),
        },
    }
}

fn by_number(a: &str, b: &str) -> Ordering {
    match (number(a), number(b)) {
        (Number::Finite(x), Number::Finite(y)) => x.total_cmp(&y).then_with(|| a.cmp(b)),
        (Number::Finite(_), _) => Ordering::Less,
        (_, Number::Finite(_)) => Ordering::Greater,
        _ => a.cmp(b),
    }
}

/// The error about the value in `row`, which is not of the field's kind.
fn unfit(field: &Field, table: &Table, row: usize) -> Result<Error> {
    let text = table.text(table.index(&field.name)?)?;
    let wanted = match &field.kind {
        ColumnKind::Integer => "a whole number".to_owned(),
        ColumnKind::Datetime { format } => format!("a date or time as `{format}`"),
        _ => "a number".to_owned(),
    };
    Ok(Error::Cell {
        column: field.name.clone(),
        row: row + 1 + table.first_row,
        value: text.value(row).chars().take(40).collect(),
        wanted,
        remedy: "correct it, list it under `missing`, or give the column another kind".to_owned(),
    })
}
