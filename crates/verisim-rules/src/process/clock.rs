//! Time within a process: plain numbers of a unit, and the dates that they stand for where a start is given.

use arrow_schema::{DataType, TimeUnit};
use serde::de::{Deserialize, Deserializer, Error as _};

use super::rows::Rows;
use super::scalar::{Scalar, Scope, Value};
use crate::error::{Error, Result};
use crate::expression::iso;

/// A length of time: `"90s"`, `"2h"`, `"1.5d"`. Units are us, ms, s, min, h, d and w.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Its microseconds.
    pub micros: f64,
}

impl Span {
    /// One second.
    pub const SECOND: Span = Span { micros: 1e6 };

    /// Of a text, if it is one.
    pub fn read(text: &str) -> Option<Span> {
        let text = text.trim();
        let at = text.find(|c: char| c.is_ascii_alphabetic())?;
        let micros = match text[at..].trim() {
            "us" => 1.0,
            "ms" => 1e3,
            "s" => 1e6,
            "min" => 60e6,
            "h" => 3_600e6,
            "d" => 86_400e6,
            "w" => 604_800e6,
            _ => return None,
        };
        let count: f64 = text[..at].trim().parse().ok()?;
        Some(Span { micros: count * micros })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
        let text = String::deserialize(from)?;
        let span = Span::read(&text).filter(|s| s.micros > 0.0);
        span.ok_or_else(|| {
            D::Error::custom("must be a length of time as a text, such as \"90s\", \"15min\", \"2h\", \"5d\"")
        })
    }
}

/// A moment: a date or time of the file, or an expression over the parent row.
#[derive(Clone, Debug, PartialEq)]
pub enum Moment {
    /// Microseconds since 1970-01-01.
    Fixed(i64),
    /// An expression.
    Said(String),
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Moment, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Any {
            Stamp(toml::value::Datetime),
            Text(String),
        }
        let wrong = "must be a date or time such as 2024-01-31, or an expression as a text";
        match Any::deserialize(from).map_err(|_| D::Error::custom(wrong))? {
            Any::Stamp(stamp) => {
                iso(&stamp.to_string()).map(|t| Moment::Fixed(t.0)).ok_or_else(|| D::Error::custom(wrong))
            }
            Any::Text(text) => Ok(iso(&text).map_or(Moment::Said(text), |t| Moment::Fixed(t.0))),
        }
    }
}

/// The start and the unit of a process's time.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Option<Start>,
    /// Microseconds of one unit.
    pub unit: f64,
}

#[derive(Clone, Debug)]
enum Start {
    Fixed(i64),
    Said(Scalar),
}

impl Clock {
    /// The clock of a process. A start that is said is read in the scope.
    ///
    /// # Errors
    /// When the start cannot be read.
    pub fn new(start: Option<&Moment>, scope: &mut Scope) -> Result<Clock> {
        let start = match start {
            None => None,
            Some(Moment::Fixed(t)) => Some(Start::Fixed(*t)),
            Some(Moment::Said(text)) => Some(Start::Said(scope.scalar("start", text)?)),
        };
        Ok(Clock { start, unit: scope.unit })
    }

    /// Whether times are dates.
    pub fn dated(&self) -> bool {
        self.start.is_some()
    }

    /// The type of a column of times.
    pub fn kind(&self) -> DataType {
        if self.dated() { DataType::Timestamp(TimeUnit::Microsecond, None) } else { DataType::Float64 }
    }

    /// When this run starts, in microseconds since 1970-01-01.
    ///
    /// # Errors
    /// When the start is no time.
    pub fn base(&self, frame: &[Value]) -> Result<Option<i64>> {
        match &self.start {
            None => Ok(None),
            Some(Start::Fixed(t)) => Ok(Some(*t)),
            Some(Start::Said(said)) => match said.value(frame)? {
                Value::Time(t) => Ok(Some(t)),
                other => Err(setting("start", &format!("must come to a date or time; it comes to {other:?}"))),
            },
        }
    }

    /// The value of a time within a run.
    pub fn value(&self, base: Option<i64>, t: f64) -> Value {
        match base {
            Some(base) => Value::Time(base.saturating_add((t * self.unit).round() as i64)),
            None => Value::Number(t),
        }
    }

    /// Writes a time.
    pub fn push(&self, rows: &mut Rows, column: usize, base: Option<i64>, t: Option<f64>) {
        match (base, t) {
            (Some(base), t) => rows.after(column, base, t.map(|t| t * self.unit)),
            (None, t) => rows.number(column, t),
        }
    }
}

/// The error of a setting.
pub(super) fn setting(key: &str, what: &str) -> Error {
    Error::Setting { key: key.to_owned(), what: what.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_other_texts_are_not() {
        for (text, micros) in [("2h", 7.2e9), ("1.5 min", 9e7), ("250ms", 2.5e5), ("1w", 6.048e11), ("10us", 10.0)] {
            assert_eq!(Span::read(text), Some(Span { micros }), "{text}");
        }
        for text in ["2", "h", "2 hours", "x * 2", "2h + 1", ""] {
            assert_eq!(Span::read(text), None, "{text}");
        }
    }
}
