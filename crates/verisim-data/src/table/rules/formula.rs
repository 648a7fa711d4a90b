//! How a column is computed from others.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::expression::{Expression, Value};
use super::parts::Part;
use crate::table::frame::{Column, MISSING};

/// What no value of the column can be: it was computed, but the column has no such level.
pub(crate) const IMPOSSIBLE: f64 = f64::INFINITY;

/// How a column is computed from others, which are told by their places in the frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Formula {
    /// `constant` and the columns of `parts`, each times its factor.
    Sum {
        /// What is added.
        parts: Vec<(usize, f64)>,
        /// What is added in every row.
        constant: f64,
    },
    /// The first times the second.
    Product([usize; 2]),
    /// The first divided by the second.
    Quotient([usize; 2]),
    /// Each value of a column has its value.
    Map(Map),
    /// What a config says.
    Expression(Expression),
}

/// The value that belongs to each value of another column, or to each part of its dates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Map {
    /// The other column.
    pub of: usize,
    /// Which part of its dates counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Its values, rising; of categories the codes.
    pub keys: Vec<f64>,
    /// What belongs to each; of categories the codes.
    pub values: Vec<f64>,
    /// The commonest of them: what a level that is not among the keys gets when it comes up with no value of its own.
    pub usual: f64,
    /// Whether the keys are codes: another code is not near to them, another number is.
    pub by_code: bool,
}

/// The levels of a column as numbers, where they are such.
pub(crate) fn level_number(level: &str) -> f64 {
    match level.trim() {
        "true" | "True" | "TRUE" => 1.0,
        "false" | "False" | "FALSE" => 0.0,
        text => text.parse().ok().filter(|x: &f64| x.is_finite()).unwrap_or(f64::NAN),
    }
}

/// A column as numbers: of categories what their levels read as. `NaN` is missing, or a word.
pub(crate) fn numbers(column: &Column) -> Cow<'_, [f64]> {
    match column {
        Column::Number(v) => Cow::Borrowed(v),
        Column::Category { codes, levels } => {
            let of: Vec<f64> = levels.iter().map(|l| level_number(l)).collect();
            codes.iter().map(|&c| of.get(c as usize).copied().unwrap_or(f64::NAN)).collect()
        }
    }
}

impl Map {
    /// The keys of a column: its numbers, a part of its dates, or its codes.
    pub(crate) fn key(column: &Column, part: Option<Part>) -> Cow<'_, [f64]> {
        match (column, part) {
            (Column::Number(v), Some(part)) => v.iter().map(|&x| part.of(x)).collect(),
            (Column::Number(v), None) => Cow::Borrowed(v),
            (Column::Category { codes, .. }, _) => {
                codes.iter().map(|&c| if c == MISSING { f64::NAN } else { f64::from(c) }).collect()
            }
        }
    }

    /// What belongs to `key`: that of the nearest number; `NaN` for a level without one.
    pub fn value(&self, key: f64) -> f64 {
        if key.is_nan() {
            return f64::NAN;
        }
        let at = self.keys.partition_point(|&k| k < key);
        match self.keys.get(at) {
            Some(&k) if k == key => self.values[at],
            _ if self.by_code => f64::NAN,
            Some(&k) if at == 0 || k - key < key - self.keys[at - 1] => self.values[at],
            _ if at > 0 => self.values[at - 1],
            _ => f64::NAN,
        }
    }
}

impl Formula {
    /// The columns that it needs.
    pub fn sources(&self) -> Vec<usize> {
        match self {
            Formula::Sum { parts, .. } => parts.iter().map(|(j, _)| *j).collect(),
            Formula::Product(of) | Formula::Quotient(of) => of.to_vec(),
            Formula::Map(map) => vec![map.of],
            Formula::Expression(said) => said.columns.iter().map(|c| c.place).collect(),
        }
    }

    /// The column for every row, not rounded: `NaN` where a column that it needs has no value, codes where `levels` are given, and
    /// [`IMPOSSIBLE`] where no level is what comes out.
    pub(crate) fn compute(&self, columns: &[&Column], rows: usize, levels: Option<&[String]>) -> Vec<f64> {
        let two = |of: &[usize; 2], make: fn(f64, f64) -> f64| -> Vec<f64> {
            let [a, b] = of.map(|j| numbers(columns[j]));
            (0..rows).map(|i| make(a[i], b[i])).collect()
        };
        let made = match self {
            Formula::Sum { parts, constant } => {
                let mut sum = vec![*constant; rows];
                for &(j, factor) in parts {
                    sum.iter_mut().zip(numbers(columns[j]).iter()).for_each(|(s, x)| *s += factor * x);
                }
                sum
            }
            Formula::Product(of) => two(of, |a, b| a * b),
            Formula::Quotient(of) => two(of, |a, b| if b == 0.0 { f64::NAN } else { a / b }),
            Formula::Map(map) => return Map::key(columns[map.of], map.part).iter().map(|&k| map.value(k)).collect(),
            Formula::Expression(said) => {
                let level = |value: Value| match (value, levels) {
                    (Value::Null, _) => f64::NAN,
                    (Value::Text(text), Some(levels)) => {
                        levels.iter().position(|l| *l == text).map_or(IMPOSSIBLE, |code| code as f64)
                    }
                    (value, Some(levels)) => of_number(value.number(), levels),
                    (value, None) => value.number(),
                };
                return (0..rows).map(|i| level(said.value(columns, i))).collect();
            }
        };
        match levels {
            None => made,
            Some(levels) => made.into_iter().map(|x| of_number(x, levels)).collect(),
        }
    }

    /// The column, with a value for levels that were too rare to be looked up.
    pub(crate) fn compute_all(&self, columns: &[&Column], rows: usize, levels: Option<&[String]>) -> Vec<f64> {
        let mut made = self.compute(columns, rows, levels);
        if let Formula::Map(map) = self {
            let keys = Map::key(columns[map.of], map.part);
            let rows = made.iter_mut().zip(keys.iter()).filter(|(x, key)| x.is_nan() && !key.is_nan());
            rows.for_each(|(x, _)| *x = map.usual);
        }
        made
    }

    /// What is wrong with a formula that was read from a file, if anything: `width` is the number of columns.
    pub(crate) fn problem(&self, width: usize) -> Option<&'static str> {
        if self.sources().iter().any(|&j| j >= width) {
            return Some("is computed from a column that is not there");
        }
        match self {
            Formula::Sum { parts, constant } => {
                let finite = constant.is_finite() && parts.iter().all(|(_, f)| f.is_finite());
                (!finite).then_some("is a sum of what is no number")
            }
            Formula::Map(map) => {
                let sound = map.keys.len() == map.values.len()
                    && map.usual.is_finite()
                    && map.keys.is_sorted_by(|a, b| a < b)
                    && map.keys.iter().chain(&map.values).all(|x| x.is_finite());
                (!sound).then_some("is looked up in a list that is none")
            }
            Formula::Expression(said) => said.problem(),
            Formula::Product(_) | Formula::Quotient(_) => None,
        }
    }
}

/// The code of the level that reads as `x`.
fn of_number(x: f64, levels: &[String]) -> f64 {
    let near = |level: &String| (level_number(level) - x).abs() <= 1e-9 * x.abs().max(1.0);
    match x.is_nan() {
        true => f64::NAN,
        false => levels.iter().position(near).map_or(IMPOSSIBLE, |code| code as f64),
    }
}
