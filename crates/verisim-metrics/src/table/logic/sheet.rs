//! Tables as rules see them: some rows of each, every column as plain numbers, as places in a list of values, or as both.

use rayon::prelude::*;
use verisim_data::rng::{permutation, stream};

use super::super::values::{Compared, Scale, ValueTable, Values};

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

/// The code of a missing value.
pub(super) const MISSING: u32 = u32::MAX;
/// The code of a value that is not in the training rows.
pub(super) const UNSEEN: u32 = u32::MAX - 1;

/// How finely a column is written: numbers are this far apart, in plain terms or as a part of themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Step {
    pub absolute: f64,
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
pub(super) struct Column<'a> {
    field: &'a Compared,
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
    pub step: Step,
}

impl<'a> Column<'a> {
    fn learn(field: &'a Compared, values: &Values, rows: &[usize]) -> Column<'a> {
        let mut column = Column {
            field,
            numbers_of: None,
            values: Vec::new(),
            seen: Vec::new(),
            distinct: 0,
            repeats: false,
            step: Step { absolute: 1.0, relative: 0.0 },
        };
        match values {
            Values::Number(v) => {
                let mut present: Vec<f64> = rows.iter().map(|&i| v[i]).filter(|x| !x.is_nan()).collect();
                column.step = column.step_of(&present);
                present.sort_unstable_by(f64::total_cmp);
                present.dedup();
                column.distinct = present.len();
                column.values = present;
            }
            Values::Category(v) => {
                column.seen = vec![false; column.levels().len()];
                rows.iter().for_each(|&i| column.seen[v[i] as usize] = true);
                if column.lacks() {
                    column.seen.pop();
                }
                column.distinct = column.seen.iter().filter(|s| **s).count();
                column.numbers_of = column.read();
            }
        }
        column.repeats = column.distinct * ROWS_A_VALUE <= rows.len();
        if !column.repeats {
            column.values = Vec::new();
        }
        column
    }

    pub fn name(&self) -> &'a str {
        &self.field.name
    }

    /// Whether its values can be added and compared.
    pub fn is_number(&self) -> bool {
        self.field.is_number() || self.numbers_of.is_some()
    }

    /// Codes run below this.
    pub fn codes(&self) -> usize {
        self.values.len().max(self.seen.len())
    }

    /// What a code stands for.
    pub fn text(&self, code: usize) -> String {
        let number = |x: &f64| match self.field.scale {
            Scale::Number { unit, .. } => unit.back(*x).to_string(),
            Scale::Category { .. } => x.to_string(),
        };
        self.levels().get(code).cloned().or_else(|| self.values.get(code).map(number)).unwrap_or_default()
    }

    fn levels(&self) -> &'a [String] {
        match &self.field.scale {
            Scale::Category { levels, .. } => levels,
            Scale::Number { .. } => &[],
        }
    }

    /// Whether the last level stands for a missing value.
    fn lacks(&self) -> bool {
        matches!(self.field.scale, Scale::Category { missing: true, .. })
    }

    /// The levels as numbers.
    fn read(&self) -> Option<Vec<f64>> {
        let levels = &self.levels()[..self.seen.len()];
        let number = |text: &String| text.parse().ok().filter(|x: &f64| x.is_finite());
        if levels.is_empty() { None } else { levels.iter().map(number).collect() }
    }

    /// How finely numbers are written. Where that is told by their first digits, the longest of some rows counts.
    fn step_of(&self, present: &[f64]) -> Step {
        let Scale::Number { decimals, unit } = self.field.scale else {
            return self.step;
        };
        if let Some(decimals) = decimals {
            return Step { absolute: 10_f64.powi(-i32::from(decimals)), relative: 0.0 };
        }
        let digits = |x: &f64| {
            format!("{:e}", unit.back(*x)).bytes().take_while(|b| *b != b'e').filter(u8::is_ascii_digit).count()
        };
        let most = present.iter().take(DIGIT_ROWS).map(digits).max().unwrap_or(1);
        Step { absolute: 0.0, relative: 10_f64.powi(1 - most as i32) }
    }

    /// The column of a table at `rows`.
    fn cells(&self, values: &Values, rows: &[usize]) -> Cells {
        match (values, &self.field.scale) {
            (Values::Number(v), Scale::Number { unit, .. }) => {
                let code = |&i: &usize| match self.values.binary_search_by(|x| x.total_cmp(&v[i])) {
                    _ if v[i].is_nan() => MISSING,
                    Ok(place) => place as u32,
                    Err(_) => UNSEEN,
                };
                let codes = if self.values.is_empty() { Vec::new() } else { rows.iter().map(code).collect() };
                Cells { numbers: rows.iter().map(|&i| unit.back(v[i])).collect(), codes }
            }
            (Values::Category(v), _) => {
                let code = |&i: &usize| match self.seen.get(v[i] as usize) {
                    Some(true) => v[i],
                    Some(false) => UNSEEN,
                    None => MISSING,
                };
                let number =
                    |of: &Vec<f64>| rows.iter().map(|&i| of.get(v[i] as usize).copied().unwrap_or(f64::NAN)).collect();
                Cells {
                    numbers: self.numbers_of.as_ref().map(number).unwrap_or_default(),
                    codes: rows.iter().map(code).collect(),
                }
            }
            _ => Cells::default(),
        }
    }
}

/// Whether one of the columns holds the words of the other, so that they say where the other is missing.
pub(super) fn of_one_source(columns: &[Column], i: usize, j: usize) -> bool {
    let (i, j) = (i.min(j), i.max(j));
    columns[j].name().strip_suffix(" (word)") == Some(columns[i].name())
}

/// A column of a sheet.
#[derive(Clone, Debug, Default)]
pub(super) struct Cells {
    /// Plain numbers, `NaN` is missing; empty for a column that has none.
    pub numbers: Vec<f64>,
    /// Places among the values of training; empty for numbers that hardly repeat.
    pub codes: Vec<u32>,
}

impl Cells {
    pub fn is_missing(&self, row: usize) -> bool {
        self.codes.get(row).map_or_else(|| self.numbers[row].is_nan(), |&c| c == MISSING)
    }
}

/// Some rows of a table in random order, so that a column moved down by half of them knows nothing of the others.
pub(super) struct Sheet {
    pub rows: usize,
    pub cells: Vec<Cells>,
}

/// The training rows, and what they say of their columns.
pub(super) fn learn<'a>(fields: &'a [Compared], table: &ValueTable, seed: u64) -> (Vec<Column<'a>>, Sheet) {
    let rows = sample(table, seed, 0);
    let learn = |(field, values)| {
        let column = Column::learn(field, values, &rows);
        let cells = column.cells(values, &rows);
        (column, cells)
    };
    let (columns, cells) = fields.par_iter().zip(&table.columns).map(learn).unzip();
    (columns, Sheet { rows: rows.len(), cells })
}

impl Sheet {
    /// Another table; columns that are not `wanted` stay empty.
    pub fn new(columns: &[Column], table: &ValueTable, wanted: &[bool], seed: u64, side: u64) -> Sheet {
        let rows = sample(table, seed, side);
        let cells = columns.par_iter().zip(&table.columns).zip(wanted);
        let cells = cells.map(|((c, v), &wanted)| if wanted { c.cells(v, &rows) } else { Cells::default() });
        Sheet { rows: rows.len(), cells: cells.collect() }
    }
}

fn sample(table: &ValueTable, seed: u64, side: u64) -> Vec<usize> {
    let mut rows = permutation(&mut stream(seed, "metrics logic", side), table.rows);
    rows.truncate(MOST_ROWS.min(MOST_CELLS / table.columns.len().max(1)));
    rows
}
