//! Rules of where values are missing: `b` is missing exactly where `a` is, or where `a` has some values, or only there.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use rayon::prelude::*;

use super::RuleKind;
use super::check::{Check, Form, Found, LEAST_BROKEN, LEAST_ROWS, near_pairs};
use super::sheet::{Column, Sheet, UNSEEN, of_one_source};

/// So many of the rows of a state may be exceptions.
const EXCEPTIONS: f64 = 0.001;
/// Chance must break it in so many of all rows.
const WORTH: f64 = 0.01;
/// So many of the missing or the present values, whichever are fewer, may be out of place.
const LEEWAY: f64 = 0.005;
/// A column of more values says only whether it is missing.
const MOST_VALUES: usize = 50;
/// Most cells that are counted: of more columns only near ones.
const MOST_CELLS: usize = 200_000_000;
/// Values named in a sentence.
const NAMED: usize = 3;

/// What a value of one column says of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Nothing,
    Missing,
    Present,
}

/// The states of a column: its values and that it is missing, or, of many values, only whether it is missing.
#[derive(Clone, Copy, Debug)]
struct States {
    column: usize,
    values: usize,
    told_apart: bool,
}

impl States {
    fn new(columns: &[Column], column: usize) -> States {
        let told_apart = columns[column].repeats && columns[column].codes() <= MOST_VALUES;
        States { column, values: if told_apart { columns[column].codes() } else { 1 }, told_apart }
    }

    /// The state of a row; the last is that it is missing.
    fn of(&self, sheet: &Sheet, row: usize) -> Option<usize> {
        let cells = &sheet.cells[self.column];
        match cells.is_missing(row) {
            true => Some(self.values),
            false if !self.told_apart => Some(0),
            false => Some(cells.codes[row] as usize).filter(|c| *c != UNSEEN as usize),
        }
    }
}

/// What each state of the first column says of the second.
struct Gaps {
    columns: [usize; 2],
    states: States,
    says: Vec<Says>,
}

impl Check for Gaps {
    fn columns(&self) -> &[usize] {
        &self.columns
    }

    fn breaks(&self, sheet: &Sheet, rows: &[usize]) -> Option<bool> {
        let is_missing = sheet.cells[self.columns[1]].is_missing(rows[1]);
        match self.says[self.states.of(sheet, rows[0])?] {
            Says::Nothing => None,
            Says::Missing => Some(!is_missing),
            Says::Present => Some(is_missing),
        }
    }

    fn form(&self) -> Form {
        Form::Missing(self.columns)
    }
}

/// A rule that holds.
struct Held {
    gaps: Gaps,
    by_chance: f64,
    /// Whether it says of every row whether the value is missing.
    exact: bool,
}

impl Held {
    /// Whether one column is missing where the other is: the same rule from either side.
    fn is_mutual(&self) -> bool {
        self.exact
            && self
                .gaps
                .says
                .iter()
                .enumerate()
                .all(|(s, says)| (*says == Says::Missing) == (s == self.gaps.states.values))
    }

    /// The better a rule, the lower: exact ones, then those that speak of missing values alone, then the most telling.
    fn rank(&self) -> (bool, bool, u64) {
        (!self.exact, !self.is_mutual(), u64::MAX - self.by_chance.to_bits())
    }

    fn text(&self, columns: &[Column]) -> String {
        let [a, b] = self.gaps.columns.map(|j| columns[j].name());
        let of = |what| (0..self.gaps.says.len()).filter(move |s| self.gaps.says[*s] == what).collect::<Vec<_>>();
        let (missing, present) = (of(Says::Missing), of(Says::Present));
        let is = |states: &[usize]| self.is(columns, states);
        match (self.exact, missing.is_empty(), present.is_empty()) {
            (true, ..) if missing.len() <= present.len().max(NAMED) => {
                format!("`{b}` is missing exactly where `{a}` {}", is(&missing))
            }
            (true, ..) => format!("`{b}` is present exactly where `{a}` {}", is(&present)),
            (_, false, true) => format!("`{b}` is missing wherever `{a}` {}", is(&missing)),
            (_, true, _) => format!("`{b}` is never missing where `{a}` {}", is(&present)),
            _ => format!("`{b}` is missing wherever `{a}` {}, and never where it {}", is(&missing), is(&present)),
        }
    }

    /// "is `x`, `y` or missing".
    fn is(&self, columns: &[Column], states: &[usize]) -> String {
        let name = |&s: &usize| match s {
            s if s == self.gaps.states.values => "missing".to_owned(),
            s if self.gaps.states.told_apart => format!("`{}`", columns[self.gaps.columns[0]].text(s)),
            _ => "present".to_owned(),
        };
        let names: Vec<String> = states.iter().map(name).collect();
        match names.as_slice() {
            [] => "has no value".to_owned(),
            [one] => format!("is {one}"),
            [most @ .., last] if names.len() <= NAMED => format!("is {} or {last}", most.join(", ")),
            [first, ..] => format!("is {first} or one of {} others", names.len() - 1),
        }
    }
}

/// For each column the rule of where it is missing that says most: exactly, if there is one.
pub(super) fn find(columns: &[Column], sheet: &Sheet) -> Vec<Found> {
    let least = LEAST_BROKEN.max(WORTH * 0.5 * sheet.rows as f64) as usize;
    let gaps: Vec<usize> = (0..columns.len())
        .into_par_iter()
        .map(|j| (0..sheet.rows).filter(|&row| sheet.cells[j].is_missing(row)).count())
        .collect();
    let varies = |j: usize| gaps[j].min(sheet.rows - gaps[j]) >= least;
    let pairs: Vec<[usize; 2]> = near_pairs(columns.len(), MOST_CELLS / sheet.rows)
        .into_iter()
        .flat_map(|(i, j)| [[i, j], [j, i]])
        .filter(|&[i, j]| varies(j) && !of_one_source(columns, i, j))
        .collect();
    let held: Vec<Held> = pairs.into_par_iter().filter_map(|pair| rule(columns, sheet, pair, gaps[pair[1]])).collect();
    let found = chosen(held).into_iter().map(|held| {
        let text = held.text(columns);
        Found::new(RuleKind::Missing, text, held.by_chance, held.gaps)
    });
    found.collect()
}

/// Each pair of columns has its better rule, each column its best.
fn chosen(mut held: Vec<Held>) -> Vec<Held> {
    held.sort_by_key(|h| (h.rank(), h.gaps.columns));
    let mut of_pair = BTreeSet::new();
    held.retain(|h| {
        let [a, b] = h.gaps.columns;
        // Of columns that are missing together the first says where the others are.
        (!h.is_mutual() || a < b) && of_pair.insert([a.min(b), a.max(b)])
    });
    let mut told = BTreeSet::new();
    held.retain(|h| told.insert(h.gaps.columns[1]));
    held
}

/// Rows of one state: in how many the other column is missing and in how many it is present.
#[derive(Clone, Copy, Debug, Default)]
struct Split {
    missing: usize,
    present: usize,
}

impl Split {
    fn rows(self) -> usize {
        self.missing + self.present
    }

    /// What the greater part says.
    fn majority(self) -> Says {
        match self.missing.cmp(&self.present) {
            _ if self.rows() < 2 => Says::Nothing,
            Ordering::Greater => Says::Missing,
            Ordering::Less => Says::Present,
            Ordering::Equal => Says::Nothing,
        }
    }

    /// What it says beyond doubt, when this `share` of all rows is missing.
    fn surely(self, share: f64) -> Says {
        let says = self.majority();
        let few = self.exceptions(says) as f64 <= EXCEPTIONS * self.rows() as f64;
        if few && self.by_chance(says, share) >= LEAST_BROKEN { says } else { Says::Nothing }
    }

    /// Rows that are not as said.
    fn exceptions(self, says: Says) -> usize {
        match says {
            Says::Nothing => 0,
            Says::Missing => self.present,
            Says::Present => self.missing,
        }
    }

    /// Rows that would not be as said if the two columns knew nothing of each other.
    fn by_chance(self, says: Says, share: f64) -> f64 {
        let rows = self.rows() as f64;
        match says {
            Says::Nothing => 0.0,
            Says::Missing => rows * (1.0 - share),
            Says::Present => rows * share,
        }
    }
}

/// What the states of one column say of where another is missing, in `gaps` rows.
fn rule(columns: &[Column], sheet: &Sheet, pair: [usize; 2], gaps: usize) -> Option<Held> {
    let states = States::new(columns, pair[0]);
    let mut splits = vec![Split::default(); states.values + 1];
    for row in 0..sheet.rows {
        if let Some(state) = states.of(sheet, row) {
            let is_missing = sheet.cells[pair[1]].is_missing(row);
            splits[state].missing += usize::from(is_missing);
            splits[state].present += usize::from(!is_missing);
        }
    }
    let share = gaps as f64 / sheet.rows as f64;
    let out_of_place: usize = splits.iter().map(|s| s.missing.min(s.present)).sum();
    let exact = out_of_place as f64 <= LEEWAY * gaps.min(sheet.rows - gaps) as f64;
    let says: Vec<Says> = splits.iter().map(|s| if exact { s.majority() } else { s.surely(share) }).collect();
    let told = || splits.iter().zip(&says).filter(|(_, says)| **says != Says::Nothing);
    let judged: usize = told().map(|(s, _)| s.rows()).sum();
    let by_chance: f64 = told().map(|(s, says)| s.by_chance(*says, share)).sum();
    let worth = judged >= LEAST_ROWS && by_chance >= LEAST_BROKEN.max(WORTH * sheet.rows as f64);
    let by_chance = by_chance / sheet.rows as f64;
    worth.then_some(Held { gaps: Gaps { columns: pair, states, says }, by_chance, exact })
}
