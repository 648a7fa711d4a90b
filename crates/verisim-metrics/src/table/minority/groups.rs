//! The rows that share a level of a column that someone named: how many there are, and how like the real ones.

use super::super::unit::Unit;
use super::super::values::{Comparison, MISSING_LEVEL, Scale, Values};
use super::cells::Cells;
use super::likeness::Compare;
use super::report::Group;
use super::{HOLDOUT, SYNTHETIC, TRAIN, each, fields};
use crate::Count;

/// Levels with fewer training rows are no group.
const FEWEST: usize = 20;
/// At most this many groups a column, the commonest.
const MOST: usize = 100;
/// Numbers are cut at these parts of the training rows.
const QUARTERS: [f64; 3] = [0.25, 0.5, 0.75];

/// The groups of the `named` columns, compared by the other `columns`.
pub(super) fn groups(tables: &Comparison, named: &[usize], columns: &[usize], seed: u64) -> Vec<Group> {
    named.iter().flat_map(|&j| of_column(tables, j, columns, seed)).collect()
}

fn of_column(tables: &Comparison, j: usize, columns: &[usize], seed: u64) -> Vec<Group> {
    let cells = Cells::new(tables, j, &QUARTERS);
    let others: Vec<usize> = columns.iter().copied().filter(|&k| k != j).collect();
    let compare = Compare { tables, columns: &others, fields: &fields(tables, &others), seed };
    let counts = cells.counts();
    let mut large: Vec<usize> = (0..cells.width).filter(|&c| counts[c] as usize >= FEWEST).collect();
    large.sort_by_key(|&c| std::cmp::Reverse(counts[c]));
    large.truncate(MOST);
    large.sort_unstable();
    let mut rows: Vec<Vec<Vec<usize>>> = cells.codes.iter().map(|codes| by_code(codes, cells.width)).collect();
    let group = |code: usize| {
        let rows: Vec<Vec<usize>> = rows.iter_mut().map(|of_table| std::mem::take(&mut of_table[code])).collect();
        let hits = |t: usize| Count::new(rows[t].len(), each(tables)[t].rows);
        Group {
            column: tables.fields[j].name.clone(),
            level: level(tables, j, code, &rows[TRAIN]),
            train: hits(TRAIN),
            synthetic: hits(SYNTHETIC),
            holdout: tables.holdout.as_ref().map(|_| hits(HOLDOUT)),
            likeness: compare.likeness(&rows),
        }
    };
    large.into_iter().map(group).collect()
}

/// The rows of every code.
fn by_code(codes: &[u32], width: usize) -> Vec<Vec<usize>> {
    let mut rows = vec![Vec::new(); width];
    codes.iter().enumerate().for_each(|(i, &c)| rows[c as usize].push(i));
    rows
}

/// What a group is called: its level, or the least and the most of the numbers of its training rows.
fn level(tables: &Comparison, j: usize, code: usize, rows: &[usize]) -> String {
    match (&tables.fields[j].scale, &tables.real.columns[j]) {
        (Scale::Category { levels, .. }, _) => levels[code].clone(),
        (Scale::Number { decimals, unit }, Values::Number(values)) => {
            let present = || rows.iter().map(|&i| values[i]).filter(|x| !x.is_nan());
            let (low, high) = present().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
            let write = |x: f64| match &tables.fields[j].date {
                Some(format) => format.text(unit.back(x)),
                None => number(x, *decimals, *unit),
            };
            match low.total_cmp(&high) {
                std::cmp::Ordering::Less => format!("{} to {}", write(low), write(high)),
                std::cmp::Ordering::Equal => write(low),
                std::cmp::Ordering::Greater => MISSING_LEVEL.to_owned(),
            }
        }
        _ => String::new(),
    }
}

/// A number as the table writes it, less zeros at its end.
fn number(x: f64, decimals: Option<u8>, unit: Unit) -> String {
    let x = unit.back(x);
    let scale = 10_f64.powi(i32::from(decimals.unwrap_or(0)));
    let rounded = (x * scale).round() / scale;
    if decimals.is_some() && rounded.is_finite() { rounded.to_string() } else { x.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_in_the_table() {
        let unit = Unit::default();
        assert_eq!(number(0.1 + 0.2, Some(2), unit), "0.3");
        assert_eq!(number(28.0, Some(0), unit), "28");
        assert_eq!(number(1.5e-7, None, unit), "0.00000015");
    }
}
