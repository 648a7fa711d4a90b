//! What the pictures of a report show: how each column is distributed, how the worst pairs go together, and the rows as points.
//!
//! All of it is counted once, here; [`Report::document`](super::Report::document) only draws.

mod bins;
mod figures;
mod projection;
#[cfg(test)]
mod tests;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

pub use bins::{Bins, Level};
pub(crate) use figures::drops_part;
pub use projection::{Component, Projection};

use super::values::{Comparison, ValueTable};
use bins::Binning;

/// Bins of a column by itself, at most.
const BINS: usize = 40;
/// Bins of a column beside another, at most.
const SIDE: usize = 24;
/// Pairs that are shown.
pub(crate) const PAIRS: usize = 6;

/// What the pictures show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Pictures {
    /// Every column, in the order of the report's columns.
    pub columns: Vec<Distribution>,
    /// Places in `columns`, the worst shape first.
    pub worst: Vec<usize>,
    /// Some of the pairs, the worst first.
    pub pairs: Vec<Density>,
    /// The rows as points of a plane. `None` where fewer than two things vary.
    pub projection: Option<Projection>,
}

/// The same of each table.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Each<T> {
    /// Of the training rows.
    pub train: T,
    /// Of the synthetic rows.
    pub synthetic: T,
    /// Of the hold-out rows, if there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holdout: Option<T>,
}

/// How one column is distributed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Distribution {
    /// Name of the column.
    pub name: String,
    /// What is counted together; cut by the training rows, except that levels new in the synthetic rows are added.
    #[serde(flatten)]
    pub bins: Bins,
    /// The share of each bin among the rows that have a value.
    pub shares: Each<Vec<f64>>,
    /// The share of the rows that have none.
    pub missing: Each<f64>,
}

/// How two columns go together.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Density {
    /// The column whose bins are the rows of the grid.
    pub first: Side,
    /// The column whose bins are its columns.
    pub second: Side,
    /// The share of the training rows in each cell, row by row.
    pub train: Vec<f64>,
    /// The share of the synthetic rows.
    pub synthetic: Vec<f64>,
}

/// A column beside another.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Side {
    /// Name of the column.
    pub name: String,
    /// What is counted together.
    #[serde(flatten)]
    pub bins: Bins,
    /// Whether missing values have one more bin, the last.
    pub missing: bool,
}

impl<T> Each<T> {
    fn of(tables: &Comparison, count: impl Fn(&ValueTable) -> T) -> Each<T> {
        Each {
            train: count(&tables.real),
            synthetic: count(&tables.synthetic),
            holdout: tables.holdout.as_ref().map(count),
        }
    }

    fn map<U>(&self, f: impl Fn(&T) -> U) -> Each<U> {
        Each { train: f(&self.train), synthetic: f(&self.synthetic), holdout: self.holdout.as_ref().map(f) }
    }
}

impl Side {
    /// Bins, that of missing values included.
    pub fn len(&self) -> usize {
        self.bins.len() + usize::from(self.missing)
    }

    /// Never: a column has a bin at least.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Counts what the pictures show of `tables`. The rows that are drawn as points are drawn by `seed`.
pub(crate) fn pictures(
    tables: &Comparison,
    worst_columns: &[usize],
    worst_pairs: &[(usize, usize)],
    seed: u64,
) -> Pictures {
    let columns = || (0..tables.fields.len()).into_par_iter().map(|j| distribution(tables, j)).collect();
    let pairs = || worst_pairs.par_iter().take(PAIRS).map(|&pair| density(tables, pair)).collect();
    let ((columns, pairs), projection) =
        rayon::join(|| rayon::join(columns, pairs), || projection::projection(tables, seed));
    Pictures { columns, worst: worst_columns.to_vec(), pairs, projection }
}

/// Places from the worst score up; what has no score has no place.
pub(crate) fn worst(scores: impl Iterator<Item = Option<f64>>) -> Vec<usize> {
    let mut scored: Vec<(f64, usize)> = scores.enumerate().filter_map(|(i, score)| Some((score?, i))).collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    scored.into_iter().map(|(_, i)| i).collect()
}

fn distribution(tables: &Comparison, j: usize) -> Distribution {
    let binning = Binning::new(tables, j, BINS);
    let counts = Each::of(tables, |table| {
        let mut counts = vec![0_usize; binning.bins.len()];
        binning.each(&table.columns[j], |place| {
            if let Some(bin) = place {
                counts[bin] += 1;
            }
        });
        (counts, table.rows)
    });
    let present = |counts: &[usize]| counts.iter().sum::<usize>();
    let shares = counts.map(|(counts, _)| {
        let present = present(counts).max(1) as f64;
        counts.iter().map(|&n| n as f64 / present).collect()
    });
    let missing = counts.map(|(counts, rows)| (rows - present(counts)) as f64 / (*rows).max(1) as f64);
    Distribution { name: tables.fields[j].name.clone(), bins: binning.bins, shares, missing }
}

fn density(tables: &Comparison, pair: (usize, usize)) -> Density {
    let both = [&tables.real, &tables.synthetic];
    let side = |j: usize| {
        let binning = Binning::new(tables, j, SIDE);
        let places = both.map(|table| binning.places(&table.columns[j]));
        let missing = places.iter().flatten().any(|&place| usize::from(place) == binning.bins.len());
        (Side { name: tables.fields[j].name.clone(), bins: binning.bins, missing }, places)
    };
    let ((first, up), (second, along)) = (side(pair.0), side(pair.1));
    let [train, synthetic] = [0, 1].map(|table| {
        let mut counts = vec![0_usize; first.len() * second.len()];
        for (&i, &k) in up[table].iter().zip(&along[table]) {
            counts[usize::from(i) * second.len() + usize::from(k)] += 1;
        }
        counts.into_iter().map(|n| n as f64 / both[table].rows.max(1) as f64).collect()
    });
    Density { first, second, train, synthetic }
}
