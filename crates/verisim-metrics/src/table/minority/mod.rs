//! What is rare in a table, and is it still there? A synthetic table can be right on the whole and have lost its minorities:
//! the rarest tenth of its rows, levels that few rows have, groups of people, combinations of two values.
//!
//! All of it is learnt from training rows alone and counted in synthetic and in hold-out rows by the same rule, so that what
//! hold-out rows have is the floor. Of large tables 50,000 rows and 200 columns are drawn by the seed; lost
//! levels are looked for, and groups are counted, in all rows.

mod cells;
mod combinations;
mod groups;
mod likeness;
mod lost;
mod rare;
pub mod report;
#[cfg(test)]
mod tests;

use super::detection::sample;
use super::values::{Compared, Comparison, ValueTable};
use report::Minorities;

/// At most this many rows of a table are looked at; chance moves a count of a tenth of them by 1.3 %.
const MOST_ROWS: usize = 50_000;
/// At most this many columns are looked at: a mean over more would be the same.
const MOST_COLUMNS: usize = 200;

/// Tables in this order, the last where there are hold-out rows.
const TRAIN: usize = 0;
const SYNTHETIC: usize = 1;
const HOLDOUT: usize = 2;

/// What draws are for: no two share a stream of the seed.
#[derive(Clone, Copy)]
enum Draw {
    Columns = 100,
    Pairs,
    Strengths,
    /// And the tables after it.
    Rows,
    /// And the tables after it.
    Likeness = 110,
    /// And the tables after it.
    Combinations = 120,
}

/// Rare rows, lost levels, the groups of the `named` columns and rare combinations.
pub(crate) fn minorities(tables: &Comparison, named: &[usize], seed: u64) -> Minorities {
    let columns = draw(tables.fields.len(), MOST_COLUMNS, seed, Draw::Columns, 0);
    // Rows are rarer to frequencies that they were not counted in, so real ones that were not counted are needed in any case.
    let parted = tables.parted(seed);
    let part = |table: &ValueTable, t| take(table, &columns, &draw(table.rows, MOST_ROWS, seed, Draw::Rows, t));
    let part = Comparison {
        fields: fields(tables, &columns),
        real: part(&parted.real, TRAIN),
        synthetic: part(&parted.synthetic, SYNTHETIC),
        holdout: parted.holdout.as_ref().map(|h| part(h, HOLDOUT)),
    };
    let ((rare, combinations), (lost, groups)) = rayon::join(
        || rayon::join(|| rare::rare(&part, seed), || combinations::combinations(&part, seed)),
        || (lost::lost(tables), groups::groups(tables, named, &columns, seed)),
    );
    Minorities { rare, lost, groups, combinations }
}

/// At most `most` of `n`, rising. `t` is the table that they are drawn for.
fn draw(n: usize, most: usize, seed: u64, what: Draw, t: usize) -> Vec<usize> {
    sample(n, n.min(most), seed, what as u64 + t as u64)
}

fn fields(tables: &Comparison, columns: &[usize]) -> Vec<Compared> {
    columns.iter().map(|&j| tables.fields[j].clone()).collect()
}

fn take(table: &ValueTable, columns: &[usize], rows: &[usize]) -> ValueTable {
    ValueTable { rows: rows.len(), columns: columns.iter().map(|&j| table.columns[j].take(rows)).collect() }
}

/// The tables that there are, in order.
fn each(tables: &Comparison) -> Vec<&ValueTable> {
    [&tables.real, &tables.synthetic].into_iter().chain(&tables.holdout).collect()
}
