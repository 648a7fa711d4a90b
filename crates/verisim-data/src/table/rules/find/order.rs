//! Rules of the kind `a <= b` between two numbers. Two columns of one unit overlap; where they hardly do, the order says nothing.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::RuleKind;
use super::check::{Bar, Check, Form, Found, MOST_TRIED, near_pairs, tested};
use super::sheet::{Column, Sheet};

const BAR: Bar = Bar { leeway: 0.001, worth: 0.01 };
/// Most pairs of columns that are looked at.
const MOST_PAIRS: usize = 250_000;
/// Rows of the first look, which lets so many exceptions pass.
const FIRST_ROWS: usize = 256;
const FIRST_LEEWAY: usize = 2;

/// The first column is at most the second, or below it.
#[derive(Clone, Copy, Debug)]
struct Order {
    columns: [usize; 2],
    strict: bool,
}

impl Check for Order {
    fn columns(&self) -> &[usize] {
        &self.columns
    }

    fn breaks(&self, sheet: &Sheet, rows: &[usize]) -> Option<bool> {
        let [a, b] = [0, 1].map(|k| sheet.cells[self.columns[k]].numbers[rows[k]]);
        let breaks = if self.strict { a >= b } else { a > b };
        (!a.is_nan() && !b.is_nan()).then_some(breaks)
    }

    fn form(&self) -> Form {
        Form::Order(self.columns)
    }
}

/// The orders of `numbers`, without those that follow from two others or that `known` says to leave out.
pub(super) fn find(
    columns: &[Column],
    sheet: &Sheet,
    numbers: &[usize],
    known: impl Fn(usize, usize) -> bool + Sync,
) -> Vec<Found> {
    let looks: Vec<Look> = numbers.par_iter().map(|&j| Look::new(&sheet.cells[j].numbers)).collect();
    let mut pairs: Vec<[usize; 2]> = near_pairs(numbers.len(), MOST_PAIRS)
        .into_par_iter()
        .filter_map(|(i, j)| {
            let [low, high] = looks[i].below(&looks[j]).map(|swap| if swap { [j, i] } else { [i, j] })?;
            (!known(numbers[i], numbers[j]) && looks[low].overlaps(&looks[high]))
                .then_some([numbers[low], numbers[high]])
        })
        .collect();
    pairs.truncate(MOST_TRIED);
    let held = |columns| Some((columns, tested(&Order { columns, strict: false }, sheet, BAR)?));
    let hold: Vec<([usize; 2], f64)> = pairs.into_par_iter().filter_map(held).collect();
    let edges: BTreeSet<[usize; 2]> = hold.iter().map(|(pair, _)| *pair).collect();
    let follows = |[a, b]: [usize; 2]| {
        let after_a = edges.range([a, 0]..=[a, usize::MAX]);
        after_a.map(|e| e[1]).any(|m| m != b && edges.contains(&[m, b]))
    };
    let rule = |(pair, by_chance): ([usize; 2], f64)| {
        let (order, by_chance) = strictest(sheet, pair, by_chance);
        let sign = if order.strict { "<" } else { "<=" };
        let [a, b] = pair.map(|j| columns[j].name());
        Found::new(RuleKind::Order, format!("`{a}` {sign} `{b}`"), by_chance, order)
    };
    hold.into_par_iter().filter(|(pair, _)| !follows(*pair)).map(rule).collect()
}

/// The order of two columns. It is strict where the two are never equal although chance would often have them so.
fn strictest(sheet: &Sheet, columns: [usize; 2], by_chance: f64) -> (Order, f64) {
    let strict = Order { columns, strict: true };
    match tested(&strict, sheet, Bar { leeway: 0.0, ..BAR }) {
        Some(more) if more >= by_chance + BAR.worth => (strict, more),
        _ => (Order { columns, strict: false }, by_chance),
    }
}

/// The first rows of a column, in their order and sorted.
struct Look<'a> {
    rows: &'a [f64],
    sorted: Vec<f64>,
}

impl<'a> Look<'a> {
    fn new(numbers: &'a [f64]) -> Look<'a> {
        let rows = &numbers[..numbers.len().min(FIRST_ROWS)];
        let mut sorted: Vec<f64> = rows.iter().copied().filter(|x| !x.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Look { rows, sorted }
    }

    /// Whether one of the two is at most the other in (nearly) all rows: false if this one is the lower, true if the other is.
    fn below(&self, other: &Look) -> Option<bool> {
        let (mut above, mut below) = (0, 0);
        for (a, b) in self.rows.iter().zip(other.rows) {
            above += usize::from(a > b);
            below += usize::from(a < b);
            if above.min(below) > FIRST_LEEWAY {
                return None;
            }
        }
        Some(above > below)
    }

    /// Whether values of this column, the lower one, lie above values of the other often enough.
    fn overlaps(&self, other: &Look) -> bool {
        let mut passed = 0;
        let above = |a: &f64| {
            passed += other.sorted[passed..].iter().take_while(|b| *b < a).count();
            passed
        };
        let pairs: usize = self.sorted.iter().map(above).sum();
        pairs as f64 > 0.5 * BAR.worth * (self.sorted.len() * other.sorted.len()) as f64
    }
}
