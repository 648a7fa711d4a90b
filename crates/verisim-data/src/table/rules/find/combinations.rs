//! Rules of two columns whose values go together in few ways, such as `relationship` and `sex`: a row breaks one when its two
//! values are known but never occur together.

use rayon::prelude::*;

use super::RuleKind;
use super::check::{Bar, Check, Form, Found, LEAST_BROKEN, MOST_TRIED, near_pairs, tested};
use super::determines::Determined;
use super::sheet::{Column, Sheet, of_one_source};

/// Of independent columns so many rows would hold a combination that does not occur.
const BAR: Bar = Bar { leeway: 0.0, worth: 0.05 };
/// At most this part of new real rows may hold one. The part of combinations that occur once says how many do (Good and Turing).
const MOST_NEW: f64 = 0.005;
/// Most combinations of two columns.
const MOST_CELLS: usize = 1 << 16;
/// Most pairs of columns that are looked at.
const MOST_PAIRS: usize = 20_000;
/// Rows of the first look.
const FIRST_ROWS: usize = 2_000;

/// Only these values go together.
struct Together {
    columns: [usize; 2],
    /// Codes of each column run below this.
    codes: [usize; 2],
    seen: Vec<bool>,
}

impl Check for Together {
    fn columns(&self) -> &[usize] {
        &self.columns
    }

    fn breaks(&self, sheet: &Sheet, rows: &[usize]) -> Option<bool> {
        let [a, b] = [0, 1].map(|k| sheet.cells[self.columns[k]].codes[rows[k]] as usize);
        (a < self.codes[0] && b < self.codes[1]).then(|| !self.seen[a * self.codes[1] + b])
    }

    fn form(&self) -> Form {
        Form::Together(self.columns)
    }
}

/// How often each combination occurs.
struct Counts {
    codes: [usize; 2],
    cells: Vec<u32>,
    rows: usize,
}

impl Counts {
    fn new(columns: &[Column], sheet: &Sheet, pair: [usize; 2], rows: usize) -> Counts {
        let codes = pair.map(|j| columns[j].codes());
        let mut counts = Counts { codes, cells: vec![0; codes[0] * codes[1]], rows: 0 };
        let [a, b] = pair.map(|j| &sheet.cells[j].codes);
        for (&a, &b) in a.iter().zip(b).take(rows) {
            let (a, b) = (a as usize, b as usize);
            if a < codes[0] && b < codes[1] {
                counts.cells[a * codes[1] + b] += 1;
                counts.rows += 1;
            }
        }
        counts
    }

    /// Part of the rows that would hold a new combination if the columns knew nothing of each other.
    fn new_by_chance(&self) -> f64 {
        let mut of_b = vec![0.0; self.codes[1]];
        let rows = || self.cells.chunks_exact(self.codes[1].max(1));
        rows().for_each(|row| of_b.iter_mut().zip(row).for_each(|(sum, n)| *sum += f64::from(*n)));
        let seen = |row: &[u32]| {
            let of_a: f64 = row.iter().copied().map(f64::from).sum();
            of_a * row.iter().zip(&of_b).filter(|(n, _)| **n > 0).map(|(_, b)| b).sum::<f64>()
        };
        1.0 - rows().map(seen).sum::<f64>() / (self.rows.max(1) as f64).powi(2)
    }

    /// Part of the rows whose combination occurs once.
    fn once(&self) -> f64 {
        self.cells.iter().filter(|n| **n == 1).count() as f64 / self.rows.max(1) as f64
    }

    fn seen(&self) -> Vec<bool> {
        self.cells.iter().map(|n| *n > 0).collect()
    }

    /// How many combinations there are, and how many there could be.
    fn size(&self) -> (usize, usize) {
        let there = |used: &dyn Fn(usize) -> bool, n| (0..n).filter(|i| used(*i)).count();
        let [a, b] = self.codes;
        let of_a = there(&|i| (0..b).any(|j| self.cells[i * b + j] > 0), a);
        let of_b = there(&|j| (0..a).any(|i| self.cells[i * b + j] > 0), b);
        (self.cells.iter().filter(|n| **n > 0).count(), of_a * of_b)
    }
}

/// The rules among the columns `of`, without those that follow from others.
pub(super) fn find(columns: &[Column], sheet: &Sheet, of: &[usize], determined: &Determined) -> Vec<Found> {
    let of: Vec<usize> = of.iter().copied().filter(|&j| columns[j].repeats && columns[j].distinct > 1).collect();
    let apart = |[a, b]: [usize; 2]| !determined.has(a, b) && !determined.has(b, a) && !of_one_source(columns, a, b);
    let worth = BAR.worth.max(LEAST_BROKEN / sheet.rows as f64);
    let mut pairs: Vec<[usize; 2]> = near_pairs(of.len(), MOST_PAIRS)
        .into_par_iter()
        .map(|(i, j)| [of[i], of[j]])
        .filter(|&[a, b]| columns[a].codes() * columns[b].codes() <= MOST_CELLS && apart([a, b]))
        .filter(|&pair| Counts::new(columns, sheet, pair, FIRST_ROWS).new_by_chance() >= 0.5 * worth)
        .collect();
    pairs.truncate(MOST_TRIED);
    let hold: Vec<(Together, String, f64)> = pairs.into_par_iter().filter_map(|p| rule(columns, sheet, p)).collect();
    let held: Vec<[usize; 2]> = hold.iter().map(|(rule, ..)| rule.columns).collect();
    // What a column determines goes together with a third as the column itself does.
    let follows = |[a, b]: [usize; 2]| {
        let from = |&[x, y]: &[usize; 2]| {
            [[x, y], [y, x]].iter().any(|&[x, y]| (y == b && determined.has(x, a)) || (y == a && determined.has(x, b)))
        };
        determined.has_both(a, b) || held.iter().any(from)
    };
    hold.into_iter()
        .filter(|(rule, ..)| !follows(rule.columns))
        .map(|(rule, text, by_chance)| Found::new(RuleKind::Combinations, text, by_chance, rule))
        .collect()
}

fn rule(columns: &[Column], sheet: &Sheet, pair: [usize; 2]) -> Option<(Together, String, f64)> {
    let counts = Counts::new(columns, sheet, pair, sheet.rows);
    if counts.once() >= MOST_NEW {
        return None;
    }
    let rule = Together { columns: pair, codes: counts.codes, seen: counts.seen() };
    let by_chance = tested(&rule, sheet, BAR)?;
    let ([a, b], (there, possible)) = (pair.map(|j| columns[j].name()), counts.size());
    Some((rule, format!("`{a}` and `{b}` go together in {there} of {possible} ways"), by_chance))
}
