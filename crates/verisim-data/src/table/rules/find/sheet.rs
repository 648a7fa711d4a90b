//! Tables as rules see them: some rows of each, every column as plain numbers, as places in a list of values, or as both.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::rng::{permutation, stream};

/// Most rows of a table that are looked at.
const MOST_ROWS: usize = 20_000;
/// Most cells of a table that are looked at: of more than 500 columns fewer rows.
const MOST_CELLS: usize = 10_000_000;
/// Values repeat when there are at least this many rows for each.
const ROWS_A_VALUE: usize = 5;
/// Rows whose digits are counted.
const DIGIT_ROWS: usize = 256;
/// What arithmetic may lose, as a part of a number.
const FLOAT: f64 = 1e-9;

pub(super) use crate::table::frame::MISSING;
/// The code of a value that is not in the training rows.
pub const UNSEEN: u32 = u32::MAX - 1;

/// What is known of a column before its rows are looked at.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// Its name.
    pub name: &'a str,
    /// What its values are.
    pub scale: Scale<'a>,
}

/// What the values of a column are.
#[derive(Clone, Debug)]
pub enum Scale<'a> {
    /// Numbers with so many digits after the point, or as they are where they are told by their first digits.
    Number(Option<u8>),
    /// Codes into levels; the last stands for a missing value where `missing`.
    Category {
        /// The text of each code.
        levels: Cow<'a, [String]>,
        /// Whether the last level stands for a missing value.
        missing: bool,
    },
}

/// Some rows of a column.
#[derive(Clone, Debug)]
pub enum Sampled {
    /// `NaN` is missing.
    Number(Vec<f64>),
    /// Codes into the levels of [`Scale::Category`].
    Category(Vec<u32>),
}

/// How finely a column is written: numbers are this far apart, in plain terms or as a part of themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// In plain terms.
    pub absolute: f64,
    /// As a part of the number.
    pub relative: f64,
}

impl Step {
    /// How far `x` may lie from what was rounded to it.
    pub fn half(self, x: f64) -> f64 {
        0.5 * self.absolute + (0.5 * self.relative + FLOAT) * x.abs()
    }

    /// How far arithmetic alone moves `x`.
    pub fn float(x: f64) -> f64 {
        FLOAT * x.abs()
    }
}

/// What the training rows say of a column.
pub struct Column<'a> {
    about: About<'a>,
    /// The number that each level stands for, where all levels are numbers.
    numbers_of: Option<Vec<f64>>,
    /// Values of a number in training, rising; none where they hardly repeat.
    values: Vec<f64>,
    /// Which levels of a category are there.
    seen: Vec<bool>,
    /// How many values there are beside the missing one.
    pub distinct: usize,
    /// Whether its values repeat often enough to stand for groups of rows.
    pub repeats: bool,
    /// How finely it is written.
    pub step: Step,
}

impl<'a> Column<'a> {
    fn learn(about: About<'a>, values: &Sampled, rows: usize) -> Column<'a> {
        let mut column = Column {
            about,
            numbers_of: None,
            values: Vec::new(),
            seen: Vec::new(),
            distinct: 0,
            repeats: false,
            step: Step { absolute: 1.0, relative: 0.0 },
        };
        match values {
            Sampled::Number(v) => {
                let mut present: Vec<f64> = v.iter().copied().filter(|x| !x.is_nan()).collect();
                column.step = column.step_of(&present);
                present.sort_unstable_by(f64::total_cmp);
                present.dedup();
                column.distinct = present.len();
                column.values = present;
            }
            Sampled::Category(v) => {
                column.seen = vec![false; column.levels().len()];
                v.iter().for_each(|&code| column.seen[code as usize] = true);
                if column.lacks() {
                    column.seen.pop();
                }
                column.distinct = column.seen.iter().filter(|s| **s).count();
                column.numbers_of = column.read();
            }
        }
        column.repeats = column.distinct * ROWS_A_VALUE <= rows;
        if !column.repeats {
            column.values = Vec::new();
        }
        column
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        self.about.name
    }

    /// Whether its values can be added and compared.
    pub fn is_number(&self) -> bool {
        matches!(self.about.scale, Scale::Number(_)) || self.numbers_of.is_some()
    }

    /// Codes run below this.
    pub fn codes(&self) -> usize {
        self.values.len().max(self.seen.len())
    }

    /// What a code stands for.
    pub fn text(&self, code: usize) -> String {
        self.levels().get(code).cloned().or_else(|| self.values.get(code).map(f64::to_string)).unwrap_or_default()
    }

    fn levels(&self) -> &[String] {
        match &self.about.scale {
            Scale::Category { levels, .. } => levels,
            Scale::Number(_) => &[],
        }
    }

    /// Whether the last level stands for a missing value.
    fn lacks(&self) -> bool {
        matches!(self.about.scale, Scale::Category { missing: true, .. })
    }

    /// The levels as numbers.
    fn read(&self) -> Option<Vec<f64>> {
        let levels = &self.levels()[..self.seen.len()];
        let number = |text: &String| text.parse().ok().filter(|x: &f64| x.is_finite());
        if levels.is_empty() { None } else { levels.iter().map(number).collect() }
    }

    /// How finely numbers are written. Where that is told by their first digits, the longest of some rows counts.
    fn step_of(&self, present: &[f64]) -> Step {
        let Scale::Number(decimals) = self.about.scale else {
            return self.step;
        };
        if let Some(decimals) = decimals {
            return Step { absolute: 10_f64.powi(-i32::from(decimals)), relative: 0.0 };
        }
        let digits = |x: &f64| format!("{x:e}").bytes().take_while(|b| *b != b'e').filter(u8::is_ascii_digit).count();
        let most = present.iter().take(DIGIT_ROWS).map(digits).max().unwrap_or(1);
        Step { absolute: 0.0, relative: 10_f64.powi(1 - most as i32) }
    }

    /// Some rows of the column, of this table or another.
    fn cells(&self, values: Sampled) -> Cells {
        match values {
            Sampled::Number(numbers) => {
                let code = |x: &f64| match self.values.binary_search_by(|v| v.total_cmp(x)) {
                    _ if x.is_nan() => MISSING,
                    Ok(place) => place as u32,
                    Err(_) => UNSEEN,
                };
                let codes = if self.values.is_empty() { Vec::new() } else { numbers.iter().map(code).collect() };
                Cells { numbers, codes }
            }
            Sampled::Category(v) => {
                let code = |&code: &u32| match self.seen.get(code as usize) {
                    Some(true) => code,
                    Some(false) => UNSEEN,
                    None => MISSING,
                };
                let number =
                    |of: &Vec<f64>| v.iter().map(|&c| of.get(c as usize).copied().unwrap_or(f64::NAN)).collect();
                Cells {
                    numbers: self.numbers_of.as_ref().map(number).unwrap_or_default(),
                    codes: v.iter().map(code).collect(),
                }
            }
        }
    }
}

/// Whether one of the columns holds the words of the other, so that they say where the other is missing.
pub fn of_one_source(columns: &[Column], i: usize, j: usize) -> bool {
    let (i, j) = (i.min(j), i.max(j));
    columns[j].name().strip_suffix(" (word)") == Some(columns[i].name())
}

/// A column of a sheet.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    /// Plain numbers, `NaN` is missing; empty for a column that has none.
    pub numbers: Vec<f64>,
    /// Places among the values of training; empty for numbers that hardly repeat.
    pub codes: Vec<u32>,
}

impl Cells {
    /// Whether the value of a row is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        self.codes.get(row).map_or_else(|| self.numbers[row].is_nan(), |&c| c == MISSING)
    }
}

/// Some rows of a table in random order, so that a column moved down by half of them knows nothing of the others.
pub struct Sheet {
    /// How many rows.
    pub rows: usize,
    /// The columns.
    pub cells: Vec<Cells>,
}

/// What some rows in random order say of their columns, and those rows.
pub fn learn<'a>(columns: Vec<(About<'a>, Sampled)>, rows: usize) -> (Vec<Column<'a>>, Sheet) {
    let learn = |(about, values)| {
        let column = Column::learn(about, &values, rows);
        let cells = column.cells(values);
        (column, cells)
    };
    let (columns, cells) = columns.into_par_iter().map(learn).unzip();
    (columns, Sheet { rows, cells })
}

impl Sheet {
    /// Rows of another table; a column without values stays empty.
    pub fn new(columns: &[Column], values: Vec<Option<Sampled>>, rows: usize) -> Sheet {
        let cells = columns.par_iter().zip(values);
        let cells = cells.map(|(column, values)| values.map_or_else(Cells::default, |values| column.cells(values)));
        Sheet { rows, cells: cells.collect() }
    }
}

/// The rows of a table that are looked at, in random order. `side` tells the tables of one comparison apart.
pub fn sample(columns: usize, rows: usize, seed: u64, side: u64) -> Vec<usize> {
    let mut sample = permutation(&mut stream(seed, "metrics logic", side), rows);
    sample.truncate(MOST_ROWS.min(MOST_CELLS / columns.max(1)));
    sample
}
