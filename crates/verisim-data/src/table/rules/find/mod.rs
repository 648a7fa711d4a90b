//! Rules that hold in (nearly) every row of a table: `start` <= `end`, `total` = `price` × `count`, `zip` determines `city`. An evaluation
//! counts the rows that break them; a training makes columns by them.
//!
//! **A rule** must hold in nearly all rows, and must be worth telling: with any one of its columns taken from other rows it is broken
//! often, in 15 rows at least. What chance keeps so seldom is hardly kept by chance. Rules that follow from others are left out.
//!
//! At most 20,000 rows are looked at; of wide tables fewer, and pairs and triples of columns only where they are near to each other.

mod arithmetic;
mod check;
mod combinations;
mod determines;
mod line;
mod missing;
mod order;
mod sheet;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

pub use check::{Check, Form, Found, LEAST_ROWS};
use determines::Determined;
pub use line::line;
pub use sheet::{About, Cells, Column, Sampled, Scale, Sheet, Step, learn, sample};

/// Two values are a matter of categories; numbers that are computed have more.
const LEAST_VALUES: usize = 3;

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// One number is never above another.
    Order,
    /// A number follows from others by addition, or is a straight line of one other.
    Sum,
    /// A number is the product of two others.
    Product,
    /// The value of one column fixes that of another.
    Determines,
    /// A column says where another is missing.
    Missing,
    /// Of two columns only some values go together.
    Combinations,
}

/// All rules of all kinds, those first that chance would break most. What one kind explains the next leaves out.
pub fn find(columns: &[Column], sheet: &Sheet) -> Vec<Found> {
    if sheet.rows < LEAST_ROWS {
        return Vec::new();
    }
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
    let all = [lines, sums, orders, determined.rules(columns), missing, combinations];
    let mut found: Vec<Found> = all.into_iter().flatten().collect();
    // A stable sort: rules that tell as much stay in the order in which they were found.
    found.sort_by(|a, b| b.by_chance.total_cmp(&a.by_chance));
    found
}

/// What a rule computes, with what it computes it from, either way round.
fn pairs_of(check: &dyn Check) -> Vec<[usize; 2]> {
    let (first, others) = check.columns().split_first().unwrap_or((&0, &[]));
    others.iter().flat_map(|b| [[*first, *b], [*b, *first]]).collect()
}
