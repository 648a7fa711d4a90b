//! Rules that rows must keep which no formula gives: where a column is missing, which values go together, what a config asks for.

use serde::{Deserialize, Serialize};

use super::expression::{Expression, Value};
use crate::number::grouped;
use crate::table::frame::{Column, MISSING};

/// Rules that a training prints.
const MOST_TOLD: usize = 40;

/// What an artefact knows of the rules of its table, beside the columns that are computed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Where columns are missing, at most one a column.
    pub(crate) gaps: Vec<Gap>,
    /// What every row must keep, or is drawn again.
    pub(crate) checks: Vec<Check>,
    /// All rules, for people.
    pub told: Vec<Told>,
}

/// A rule, for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// What it says.
    pub text: String,
    /// Training rows that keep it.
    pub kept: u64,
    /// Training rows that it speaks of.
    pub of: u64,
    /// How rows are made to keep it.
    pub how: How,
}

/// How rows are made to keep a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// A column is computed by it.
    Computed,
    /// A column is computed by it, but for exceptions, which come back as often as they were.
    Mostly,
    /// One column is learnt as its distance from the other.
    Distance,
    /// Values are left out where it says so.
    LeftOut,
    /// Rows that break it are drawn again.
    Redrawn,
    /// Nothing: it has exceptions.
    Learnt,
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Told { text, kept, of, how } = self;
        let rows = match kept == of {
            true => format!("all {} rows", grouped(*of)),
            false => format!("{} of {} rows", grouped(*kept), grouped(*of)),
        };
        let how = match how {
            How::Computed => "computed, not learnt",
            How::Mostly => "computed, and its exceptions learnt",
            How::Distance => "learnt as the distance between the two",
            How::LeftOut => "kept",
            How::Redrawn => "kept, rows that break it are drawn again",
            How::Learnt => "learnt as it is, since it has exceptions or rare values",
        };
        write!(f, "{text} in {rows}: {how}")
    }
}

impl Rules {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self == &Rules::default()
    }

    /// The rules as sentences; of very many the first.
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.told.iter().take(MOST_TOLD).map(|told| format!("rule: {told}")).collect();
        if self.told.len() > MOST_TOLD {
            notes.push(format!(
                "and {} rules more, which `verisim inspect` of the model lists",
                self.told.len() - MOST_TOLD
            ));
        }
        notes
    }

    /// The rules that rows are dropped for, as one text.
    pub fn redrawn(&self) -> String {
        let texts: Vec<&str> = self.told.iter().filter(|t| t.how == How::Redrawn).map(|t| t.text.as_str()).collect();
        match texts.as_slice() {
            [] => "rules of missing values, and computed values in the range of the data".to_owned(),
            [first, .., last] if texts.len() > 3 => format!("{first}, {} more, and {last}", texts.len() - 2),
            all => all.join(", "),
        }
    }

    /// Whether a row breaks a rule.
    pub(crate) fn broken(&self, columns: &[&Column], i: usize) -> bool {
        self.checks.iter().any(|check| check.broken(columns, i))
            || self.gaps.iter().any(|gap| gap.broken(columns[gap.of], columns[gap.column], i))
    }

    /// Whether rows may break a rule when all columns are made.
    pub(crate) fn may_break(&self) -> bool {
        !self.checks.is_empty() || self.gaps.iter().any(|gap| gap.says.contains(&Says::Present))
    }

    /// What is wrong with rules that were read from a file, if anything: `width` is the number of columns.
    pub(crate) fn problem(&self, width: usize) -> Option<&'static str> {
        let mut gapped = vec![false; width];
        for gap in &self.gaps {
            if gap.of >= width || gap.column >= width || std::mem::replace(&mut gapped[gap.column], true) {
                return Some("a rule of missing values is about columns that are not there");
            }
            if gap.says.len() != gap.keys.len() + 1 || !gap.keys.is_sound() {
                return Some("a rule of missing values says nothing of some values");
            }
        }
        let there = |check: &Check| check.columns().iter().all(|&j| j < width);
        let sound = |check: &Check| match check {
            Check::Together { keys, pairs, .. } => keys.iter().all(Keys::is_sound) && pairs.is_sorted(),
            _ => true,
        };
        (!self.checks.iter().all(|c| there(c) && sound(c))).then_some("a rule is about columns that are not there")
    }
}

/// The values of a column that a rule tells apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Keys {
    /// Each of so many levels.
    Levels(u32),
    /// These numbers, rising; others are not spoken of.
    Numbers(Vec<f64>),
    /// Only whether there is one.
    Present,
}

impl Keys {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Keys::Levels(n) => *n as usize,
            Keys::Numbers(of) => of.len(),
            Keys::Present => 1,
        }
    }

    /// The place of a row's value among them, their number where it is missing; `None` where nothing is said of it.
    pub fn place(&self, column: &Column, i: usize) -> Option<usize> {
        match (self, column) {
            _ if column.is_missing(i) => Some(self.len()),
            (Keys::Present, _) => Some(0),
            (Keys::Levels(n), Column::Category { codes, .. }) => (codes[i] < *n).then_some(codes[i] as usize),
            (Keys::Numbers(of), Column::Number(v)) => of.binary_search_by(|x| x.total_cmp(&v[i])).ok(),
            _ => None,
        }
    }

    fn is_sound(&self) -> bool {
        match self {
            Keys::Numbers(of) => of.is_sorted_by(|a, b| a < b) && of.iter().all(|x| x.is_finite()),
            _ => true,
        }
    }
}

/// What a value of one column says of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Says {
    Nothing,
    Missing,
    Present,
}

/// Where a column is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Gap {
    /// The column that says it.
    pub of: usize,
    /// The column that is missing.
    pub column: usize,
    pub keys: Keys,
    /// What each key says, and last that there is no value.
    pub says: Vec<Says>,
}

impl Gap {
    fn says(&self, of: &Column, i: usize) -> Says {
        self.keys.place(of, i).and_then(|k| self.says.get(k).copied()).unwrap_or(Says::Nothing)
    }

    /// Leaves out what it says is missing.
    pub fn leave_out(&self, of: &Column, column: &mut Column) {
        match column {
            Column::Number(v) => {
                let rows = v.iter_mut().enumerate();
                rows.filter(|(i, _)| self.says(of, *i) == Says::Missing).for_each(|(_, x)| *x = f64::NAN);
            }
            Column::Category { codes, .. } => {
                let rows = codes.iter_mut().enumerate();
                rows.filter(|(i, _)| self.says(of, *i) == Says::Missing).for_each(|(_, code)| *code = MISSING);
            }
        }
    }

    fn broken(&self, of: &Column, column: &Column, i: usize) -> bool {
        column.is_missing(i) && self.says(of, i) == Says::Present
    }
}

/// What every row must keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    /// The first column is at most the second, or below it.
    Order { columns: [usize; 2], strict: bool },
    /// Only these values of the two go together, as far as both are spoken of.
    Together { columns: [usize; 2], keys: [Keys; 2], pairs: Vec<[u32; 2]> },
    /// What a config declares: where `when` is so, `then` is not otherwise.
    Declared { when: Option<Expression>, then: Expression },
}

impl Check {
    fn columns(&self) -> Vec<usize> {
        match self {
            Check::Order { columns, .. } | Check::Together { columns, .. } => columns.to_vec(),
            Check::Declared { when, then } => {
                let all = when.iter().chain([then]).flat_map(|e| &e.columns);
                all.map(|c| c.place).collect()
            }
        }
    }

    /// Whether row `i` breaks it.
    pub fn broken(&self, columns: &[&Column], i: usize) -> bool {
        match self {
            Check::Order { columns: [a, b], strict } => match (columns[*a], columns[*b]) {
                (Column::Number(a), Column::Number(b)) => a[i] > b[i] || (*strict && a[i] == b[i]),
                (a, b) => {
                    let (a, b) = (number(a, i), number(b, i));
                    a > b || (*strict && a == b)
                }
            },
            Check::Together { columns: of, keys, pairs } => {
                let [a, b] = [0, 1].map(|k| keys[k].place(columns[of[k]], i).filter(|&at| at < keys[k].len()));
                match (a, b) {
                    (Some(a), Some(b)) => pairs.binary_search(&[a as u32, b as u32]).is_err(),
                    _ => false,
                }
            }
            Check::Declared { when, then } => {
                self.speaks_of(when.as_ref(), columns, i) && then.value(columns, i) != Value::Null && {
                    then.value(columns, i).yes() != Some(true)
                }
            }
        }
    }

    /// Whether row `i` is one of those that it speaks of.
    fn speaks_of(&self, when: Option<&Expression>, columns: &[&Column], i: usize) -> bool {
        when.is_none_or(|when| when.value(columns, i).yes() == Some(true))
    }

    /// Whether row `i` is one of those that it speaks of: all but for what a config says.
    pub fn concerns(&self, columns: &[&Column], i: usize) -> bool {
        match self {
            Check::Declared { when, .. } => self.speaks_of(when.as_ref(), columns, i),
            _ => true,
        }
    }
}

/// One value as a number.
fn number(column: &Column, i: usize) -> f64 {
    match column {
        Column::Number(v) => v[i],
        Column::Category { codes, levels } => {
            levels.get(codes[i] as usize).map_or(f64::NAN, |level| super::formula::level_number(level))
        }
    }
}
