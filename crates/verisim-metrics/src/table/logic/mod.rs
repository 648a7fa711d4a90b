//! Rules that hold in (nearly) every training row, and how many synthetic rows break them: `start` <= `end`, `total` = `price` ×
//! `count`, `zip` determines `city`. Shapes and trends hardly notice when a sum is off by one; people do.
//!
//! **A rule** is learnt from training rows alone. It must hold in nearly all of them, and must be worth telling: with any one of
//! its columns taken from other rows it is broken often, in 15 rows at least. What chance keeps so seldom is hardly kept by
//! chance. A rule that is none after all does no harm to a comparison, since hold-out rows break it as often as synthetic ones.
//! Rules that follow from others are left out.
//!
//! At most 20,000 rows of each table are looked at; of wide tables fewer, and pairs and triples of columns only where they
//! are near to each other.

mod arithmetic;
mod check;
mod combinations;
mod determines;
mod line;
mod missing;
mod order;
mod sheet;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::report::{Logic, Rule};
use super::values::Comparison;
use crate::Count;
use check::{Check, Found, LEAST_ROWS};
use determines::Determined;
use sheet::{Column, Sheet};

/// Rules that are told; all are counted.
const MOST_RULES: usize = 200;
/// Two values are a matter of categories; numbers that are computed have more.
const LEAST_VALUES: usize = 3;

/// The rules of the training rows, and how many rows of each table break them. Without a hold-out a third of the training rows stands
/// in for it, and the rules are those of the rest.
pub(crate) fn logic(tables: &Comparison, seed: u64) -> Logic {
    learnt(&tables.parted(seed), seed)
}

fn learnt(tables: &Comparison, seed: u64) -> Logic {
    let (columns, train) = sheet::learn(&tables.fields, &tables.real, seed);
    let mut found = if train.rows < LEAST_ROWS { Vec::new() } else { rules(&columns, &train) };
    // A stable sort: rules that tell as much stay in the order in which they were found.
    found.sort_by(|a, b| b.by_chance.total_cmp(&a.by_chance));
    let mut wanted = vec![false; columns.len()];
    found.iter().flat_map(|f| f.check.columns()).for_each(|&j| wanted[j] = true);
    let sheet = |table, side| Sheet::new(&columns, table, &wanted, seed, side);
    let fresh = tables.holdout.as_ref().map(|h| Tally::new(&found, &sheet(h, 2)));
    let (train, synthetic) = (Tally::new(&found, &train), Tally::new(&found, &sheet(&tables.synthetic, 1)));
    let rule = |(k, f): (usize, &Found)| Rule {
        kind: f.kind,
        columns: f.check.columns().iter().map(|&j| columns[j].name().to_owned()).collect(),
        text: f.text.clone(),
        by_chance: f.by_chance,
        train: train.of(k),
        synthetic: synthetic.of(k),
        fresh: fresh.as_ref().map(|f| f.of(k)),
    };
    Logic {
        found: found.len(),
        rules: found.iter().enumerate().take(MOST_RULES).map(rule).collect(),
        train: train.any,
        synthetic: synthetic.any,
        fresh: fresh.map(|f| f.any),
    }
}

/// All rules of all kinds. What one kind explains the next leaves out.
fn rules(columns: &[Column], sheet: &Sheet) -> Vec<Found> {
    let numbers: Vec<usize> =
        (0..columns.len()).filter(|&j| columns[j].is_number() && columns[j].distinct > 1).collect();
    let many = |of: &[usize]| of.iter().copied().filter(|&j| columns[j].distinct >= LEAST_VALUES).collect::<Vec<_>>();
    // A column that is another one in other units has nothing to say of its own, but where it is missing.
    let (same, lines): (BTreeSet<usize>, Vec<Found>) = line::find(columns, sheet, &many(&numbers)).into_iter().unzip();
    let own = |of: &[usize]| of.iter().copied().filter(|j| !same.contains(j)).collect::<Vec<_>>();
    let (numbers, all) = (own(&numbers), own(&(0..columns.len()).collect::<Vec<_>>()));
    let sums = arithmetic::find(columns, sheet, &many(&numbers));
    let parts: BTreeSet<[usize; 2]> = sums.iter().flat_map(|f| pairs_of(f.check.as_ref())).collect();
    let determined = Determined::find(columns, sheet, &all);
    let orders = order::find(columns, sheet, &numbers, |a, b| {
        parts.contains(&[a, b]) || determined.has(a, b) || determined.has(b, a)
    });
    let single: Vec<usize> = all.into_iter().filter(|&j| !determined.is_double(j)).collect();
    let combinations = combinations::find(columns, sheet, &single, &determined);
    let missing = missing::find(columns, sheet);
    [lines, sums, orders, determined.rules(columns), missing, combinations].into_iter().flatten().collect()
}

/// What a rule computes, with what it computes it from, either way round.
fn pairs_of(check: &dyn Check) -> Vec<[usize; 2]> {
    let (first, others) = check.columns().split_first().unwrap_or((&0, &[]));
    others.iter().flat_map(|b| [[*first, *b], [*b, *first]]).collect()
}

/// Rows of a table that break rules.
struct Tally {
    /// For each rule.
    of_rule: Vec<usize>,
    any: Count,
}

impl Tally {
    fn new(found: &[Found], sheet: &Sheet) -> Tally {
        let broken = |f: &Found| {
            let mut rows = vec![0; f.check.columns().len()];
            let breaks = |row: &usize| {
                rows.fill(*row);
                f.check.breaks(sheet, &rows) == Some(true)
            };
            (0..sheet.rows).filter(breaks).collect::<Vec<usize>>()
        };
        let rows: Vec<Vec<usize>> = found.par_iter().map(broken).collect();
        let mut any = vec![false; sheet.rows];
        rows.iter().flatten().for_each(|&row| any[row] = true);
        let any = any.into_iter().filter(|a| *a).count();
        Tally { of_rule: rows.iter().map(Vec::len).collect(), any: Count::new(any, sheet.rows) }
    }

    fn of(&self, rule: usize) -> Count {
        Count::new(self.of_rule[rule], self.any.rows)
    }
}
