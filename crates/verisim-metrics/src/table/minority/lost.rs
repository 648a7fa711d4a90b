//! Levels of categories that a table of its size should have and does not.

use super::super::values::{Compared, Comparison, Scale, ValueTable, Values};
use super::report::{LostLevel, LostLevels};
use crate::Count;

/// A table of the same source lacks a level that is counted as lost by at most this chance, over all levels together.
const CHANCE: f64 = 1e-6;
/// At most this many levels are named.
const MOST_NAMED: usize = 100;

/// The lost levels of the synthetic table, and how many the hold-out lacks.
pub(super) fn lost(tables: &Comparison) -> LostLevels {
    let levels = levels(tables);
    let of = |table: &ValueTable| missing(&levels, tables.real.rows, table);
    let (synthetic, mut lost) = of(&tables.synthetic);
    lost.sort_by_key(|level| std::cmp::Reverse(level.train));
    let name = |l: &&Level| match &tables.fields[l.column] {
        Compared { name, scale: Scale::Category { levels, .. }, .. } => {
            Some(LostLevel { column: name.clone(), level: levels[l.code].clone(), train: l.train })
        }
        _ => None,
    };
    let named = lost.iter().filter_map(name).take(MOST_NAMED).collect();
    LostLevels { synthetic, holdout: tables.holdout.as_ref().map(|h| of(h).0), levels: named }
}

/// A level that training rows have.
struct Level {
    column: usize,
    code: usize,
    train: usize,
}

fn levels(tables: &Comparison) -> Vec<Level> {
    let of_column = |(column, field): (usize, &Compared)| {
        let counts = counts(&tables.real.columns[column], field.levels());
        let level = move |(code, train)| Level { column, code, train };
        counts.into_iter().enumerate().filter(|(_, train)| *train > 0).map(level)
    };
    tables.fields.iter().enumerate().flat_map(of_column).collect()
}

/// Rows of every level; none of a number.
fn counts(values: &Values, levels: usize) -> Vec<usize> {
    let mut counts = vec![0; levels];
    if let Values::Category(codes) = values {
        codes.iter().for_each(|&c| counts[c as usize] += 1);
    }
    counts
}

/// The levels that `table` should have and does not, and how many it should have.
fn missing<'l>(levels: &'l [Level], train: usize, table: &ValueTable) -> (Count, Vec<&'l Level>) {
    let fewest = fewest(train, table.rows, CHANCE / levels.len().max(1) as f64);
    let mut common = 0;
    let mut lost = Vec::new();
    for column in levels.chunk_by(|a, b| a.column == b.column) {
        let codes = column.last().map_or(0, |l| l.code + 1);
        let seen = seen(&table.columns[column[0].column], codes);
        for level in column.iter().filter(|l| fewest.is_some_and(|fewest| l.train >= fewest)) {
            common += 1;
            if !seen[level.code] {
                lost.push(level);
            }
        }
    }
    (Count::new(lost.len(), common), lost)
}

/// Which of the first levels occur.
fn seen(values: &Values, levels: usize) -> Vec<bool> {
    let mut seen = vec![false; levels];
    if let Values::Category(codes) = values {
        // Levels after these are in no training row.
        codes.iter().filter(|&&c| (c as usize) < levels).for_each(|&c| seen[c as usize] = true);
    }
    seen
}

/// The fewest training rows a level must have for its loss to be no chance. If both tables are of one source, then rows of a
/// level fall into either alike: that all `c` are among the `n` of training and none among the `m` others has the chance
/// `n (n-1) ... (n-c+1) / ((n+m) (n+m-1) ... (n+m-c+1))`. That is more than `(1 - c/n)^m`, which takes the training share for
/// the truth and so finds a loss where there are many rare levels.
fn fewest(n: usize, m: usize, chance: f64) -> Option<usize> {
    let terms = (0..n).map(|i| ((n - i) as f64 / (n + m - i) as f64).ln());
    let mut sums = terms.scan(0.0, |sum, term| {
        *sum += term;
        Some(*sum)
    });
    sums.position(|sum| sum < chance.ln()).map(|last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_rows_by_hand() {
        // One of two rows: 1/2; two of two rows: 1/6.
        assert_eq!([0.6, 0.5, 0.2, 0.1].map(|chance| fewest(2, 2, chance)), [Some(1), Some(2), Some(2), None]);
        // As many others: about 2^-c. A hundred times as many: about 101^-c.
        assert_eq!(fewest(1_000_000, 1_000_000, 1e-6), Some(20));
        assert_eq!(fewest(1_000, 100_000, 1e-6), Some(3));
        assert_eq!(fewest(100, 1, 1e-6), None);
    }
}
