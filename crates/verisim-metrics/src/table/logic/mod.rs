//! Rules that hold in (nearly) every training row, and how many synthetic rows break them: `start` <= `end`, `total` = `price` ×
//! `count`, `zip` determines `city`. Shapes and trends hardly notice when a sum is off by one; people do.
//!
//! A rule is learnt from training rows alone, by [`verisim_data::table::rules::find`]. One that is none after all does no harm to a
//! comparison, since hold-out rows break it as often as synthetic ones.

#[cfg(test)]
mod tests;

use rayon::prelude::*;
use verisim_data::table::rules::find::{About, Found, Sampled, Scale as Sort, Sheet, find, learn, sample};

use super::report::{Logic, Rule};
use super::values::{Compared, Comparison, Scale, ValueTable, Values};
use crate::Count;

/// Rules that are told; all are counted.
const MOST_RULES: usize = 200;

/// The rules of the training rows, and how many rows of each table break them. Without a hold-out a third of the training rows stands
/// in for it, and the rules are those of the rest.
pub(crate) fn logic(tables: &Comparison, seed: u64) -> Logic {
    learnt(&tables.parted(seed), seed)
}

fn learnt(tables: &Comparison, seed: u64) -> Logic {
    let width = tables.fields.len();
    let rows = sample(width, tables.real.rows, seed, 0);
    let given = tables.fields.iter().zip(&tables.real.columns).map(|(f, v)| (about(f), taken(f, v, &rows))).collect();
    let (columns, train) = learn(given, rows.len());
    let found = find(&columns, &train);
    let mut wanted = vec![false; columns.len()];
    found.iter().flat_map(|f| f.check.columns()).for_each(|&j| wanted[j] = true);
    let sheet = |table: &ValueTable, side| {
        let rows = sample(width, table.rows, seed, side);
        let values = tables.fields.iter().zip(&table.columns).zip(&wanted);
        let values = values.map(|((f, v), &wanted)| wanted.then(|| taken(f, v, &rows))).collect();
        Sheet::new(&columns, values, rows.len())
    };
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

/// What rules know of a column beforehand.
fn about(field: &Compared) -> About<'_> {
    let scale = match &field.scale {
        Scale::Number { decimals, .. } => Sort::Number(*decimals),
        Scale::Category { levels, missing } => Sort::Category { levels: levels.into(), missing: *missing },
    };
    About { name: &field.name, scale }
}

/// The column at `rows`, in plain numbers.
fn taken(field: &Compared, values: &Values, rows: &[usize]) -> Sampled {
    match (values, &field.scale) {
        (Values::Number(v), Scale::Number { unit, .. }) => {
            Sampled::Number(rows.iter().map(|&i| unit.back(v[i])).collect())
        }
        (Values::Number(v), Scale::Category { .. }) => Sampled::Number(rows.iter().map(|&i| v[i]).collect()),
        (Values::Category(v), _) => Sampled::Category(rows.iter().map(|&i| v[i]).collect()),
    }
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
