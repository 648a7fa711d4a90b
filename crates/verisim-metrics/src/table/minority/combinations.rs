//! Pairs of values that few training rows have: does the synthetic table have them as often as fresh rows do?

use std::ops::RangeInclusive;

use rayon::prelude::*;

use super::super::trend;
use super::super::values::Comparison;
use super::cells::Cells;
use super::report::Combinations;
use super::{Draw, HOLDOUT, SYNTHETIC, TRAIN, draw};
use crate::Count;

/// Numbers are cut into eight parts.
const PARTS: [f64; 7] = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875];
/// At most this many pairs of columns are looked at.
const MOST_PAIRS: usize = 500;
/// Columns with more pairs of values are left out: nearly all of those are rare and none comes back.
const MOST_CELLS: usize = 1 << 18;
/// Training rows of a rare combination.
const RARE: RangeInclusive<u32> = 2..=10;

/// The rare combinations, and how many of them the synthetic and as many hold-out rows have.
pub(super) fn combinations(tables: &Comparison, seed: u64) -> Combinations {
    let columns = 0..tables.fields.len();
    let cells: Vec<Cells> = columns.into_par_iter().map(|j| Cells::new(tables, j, &PARTS)).collect();
    let held = tables.holdout.as_ref().map(|h| h.rows);
    let rows = held.unwrap_or(usize::MAX).min(tables.synthetic.rows);
    let searched = |t: usize, n: usize| draw(n, rows, seed, Draw::Combinations, t);
    let synthetic = searched(SYNTHETIC, tables.synthetic.rows);
    let holdout = held.map(|n| searched(HOLDOUT, n));
    let all = trend::pairs(cells.len(), seed);
    let pairs: Vec<(usize, usize)> = draw(all.len(), MOST_PAIRS, seed, Draw::Pairs, 0)
        .into_iter()
        .map(|k| all[k])
        .filter(|&(a, b)| cells[a].width * cells[b].width <= MOST_CELLS)
        .collect();
    let count = |&(a, b): &(usize, usize)| {
        let pair = Pair::new(&cells[a], &cells[b]);
        let found = |t, rows: &[usize]| pair.found(t, rows);
        [pair.rare(), found(SYNTHETIC, &synthetic), holdout.as_ref().map_or(0, |rows| found(HOLDOUT, rows))]
    };
    let add = |x: [usize; 3], y: [usize; 3]| std::array::from_fn(|i| x[i] + y[i]);
    let [rare, in_synthetic, in_holdout] = pairs.par_iter().map(count).reduce(|| [0; 3], add);
    Combinations {
        pairs: pairs.len(),
        rows,
        synthetic: Count::new(in_synthetic, rare),
        holdout: held.map(|_| Count::new(in_holdout, rare)),
    }
}

/// Two columns and the training rows of each pair of their codes.
struct Pair<'a> {
    first: &'a Cells<'a>,
    second: &'a Cells<'a>,
    train: Vec<u32>,
}

impl<'a> Pair<'a> {
    fn new(first: &'a Cells, second: &'a Cells) -> Pair<'a> {
        let mut pair = Pair { first, second, train: vec![0; first.width * second.width] };
        for i in 0..first.codes[TRAIN].len() {
            let cell = pair.cell(TRAIN, i);
            pair.train[cell] += 1;
        }
        pair
    }

    fn cell(&self, t: usize, i: usize) -> usize {
        self.first.codes[t][i] as usize * self.second.width + self.second.codes[t][i] as usize
    }

    fn rare(&self) -> usize {
        self.train.iter().filter(|c| RARE.contains(c)).count()
    }

    /// How many of the rare combinations `rows` of table `t` have.
    fn found(&self, t: usize, rows: &[usize]) -> usize {
        let mut seen = vec![false; self.train.len()];
        rows.iter().for_each(|&i| seen[self.cell(t, i)] = true);
        self.train.iter().zip(seen).filter(|(c, seen)| *seen && RARE.contains(c)).count()
    }
}
