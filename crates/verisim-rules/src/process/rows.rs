//! Rows as they are made, column by column. Many runs write into the same rows: a run often makes only a few.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_schema::DataType;

use super::scalar::Value;

/// Rows that processes write.
#[derive(Debug)]
pub struct Rows {
    columns: Vec<Column>,
    rows: usize,
    /// A time that no calendar holds, in microseconds.
    beyond: Option<f64>,
}

/// Times from year -9999 to year 9999 are dates, in microseconds since 1970-01-01.
const CALENDAR: f64 = 2.5e17;

#[derive(Debug)]
enum Column {
    Number(Float64Builder),
    Whole(Int64Builder),
    Text(StringBuilder),
    Yes(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
}

impl Rows {
    /// No rows yet, of these columns. Types that no process makes are taken as texts.
    pub fn new(columns: &[(String, DataType)]) -> Rows {
        let column = |kind: &DataType| match kind {
            DataType::Float64 => Column::Number(Float64Builder::new()),
            DataType::Int64 => Column::Whole(Int64Builder::new()),
            DataType::Boolean => Column::Yes(BooleanBuilder::new()),
            DataType::Timestamp(..) => Column::Time(TimestampMicrosecondBuilder::new()),
            _ => Column::Text(StringBuilder::new()),
        };
        Rows { columns: columns.iter().map(|c| column(&c.1)).collect(), rows: 0, beyond: None }
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The columns; the rows start anew.
    pub fn finish(&mut self) -> Vec<ArrayRef> {
        self.rows = 0;
        self.columns
            .iter_mut()
            .map(|c| match c {
                Column::Number(b) => Arc::new(b.finish()) as ArrayRef,
                Column::Whole(b) => Arc::new(b.finish()),
                Column::Text(b) => Arc::new(b.finish()),
                Column::Yes(b) => Arc::new(b.finish()),
                Column::Time(b) => Arc::new(b.finish()),
            })
            .collect()
    }

    /// Ends a row. Each of its columns was written once.
    pub(super) fn end(&mut self) {
        self.rows += 1;
    }

    /// Writes a number. What is not finite is missing.
    pub(super) fn number(&mut self, column: usize, x: Option<f64>) {
        let x = x.filter(|x| x.is_finite());
        match &mut self.columns[column] {
            Column::Number(b) => b.append_option(x),
            Column::Whole(b) => b.append_option(x.map(|x| x.round() as i64)),
            Column::Text(b) => b.append_option(x.map(|x| x.to_string())),
            Column::Yes(b) => b.append_option(x.map(|x| x != 0.0)),
            Column::Time(b) => b.append_option(x.map(|x| x as i64)),
        }
    }

    /// Writes a whole number.
    pub(super) fn whole(&mut self, column: usize, x: Option<i64>) {
        match &mut self.columns[column] {
            Column::Whole(b) => b.append_option(x),
            _ => self.number(column, x.map(|x| x as f64)),
        }
    }

    /// Writes a text.
    pub(super) fn text(&mut self, column: usize, text: Option<&str>) {
        if let Column::Text(b) = &mut self.columns[column] {
            b.append_option(text);
        } else {
            self.number(column, None);
        }
    }

    /// Writes yes or no.
    pub(super) fn yes(&mut self, column: usize, yes: Option<bool>) {
        match &mut self.columns[column] {
            Column::Yes(b) => b.append_option(yes),
            Column::Text(b) => b.append_option(yes.map(|y| y.to_string())),
            _ => self.number(column, yes.map(|y| f64::from(u8::from(y)))),
        }
    }

    /// Writes a time, in microseconds since 1970-01-01.
    pub(super) fn time(&mut self, column: usize, t: Option<i64>) {
        match &mut self.columns[column] {
            Column::Time(b) => b.append_option(t),
            _ => self.number(column, t.map(|t| t as f64)),
        }
    }

    /// Writes a time that is so many microseconds after another. One that no calendar holds is missing, and said by [`beyond`](Rows::beyond).
    pub(super) fn after(&mut self, column: usize, base: i64, micros: Option<f64>) {
        let t = micros.map(|m| base as f64 + m);
        match t {
            Some(far) if far.abs() >= CALENDAR || far.is_nan() => {
                self.beyond = Some(far);
                self.time(column, None);
            }
            _ => self.time(column, micros.map(|m| base.saturating_add(m.round() as i64))),
        }
    }

    /// A time that no calendar holds, if one was written.
    pub(super) fn beyond(&self) -> Option<f64> {
        self.beyond
    }

    /// Writes any value; false where it does not fit the column, and is written as missing.
    pub(super) fn value(&mut self, column: usize, value: &Value) -> bool {
        match (value, &self.columns[column]) {
            (Value::Null, _) => self.number(column, None),
            (Value::Number(x), Column::Number(_) | Column::Whole(_)) => self.number(column, Some(*x)),
            (Value::Yes(y), Column::Yes(_)) => self.yes(column, Some(*y)),
            (Value::Text(text), Column::Text(_)) => self.text(column, Some(text)),
            (Value::Time(t), Column::Time(_)) => self.time(column, Some(*t)),
            _ => {
                self.number(column, None);
                return false;
            }
        }
        true
    }
}
