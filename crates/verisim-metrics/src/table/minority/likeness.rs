//! How much some rows of the synthetic table are like the same rows of the training table.

use super::super::shape::{mean, shapes};
use super::super::values::{Compared, Comparison, ValueTable};
use super::report::Likeness;
use super::{Draw, HOLDOUT, SYNTHETIC, TRAIN, draw, each, take};

/// Fewer rows have no distribution.
const FEWEST: usize = 10;
/// At most this many rows of a table are scored: the shapes of more would be 0.01 better.
const MOST: usize = 5_000;

/// What is compared: some columns of all tables.
pub(super) struct Compare<'a> {
    pub tables: &'a Comparison,
    pub columns: &'a [usize],
    /// Those of `columns`.
    pub fields: &'a [Compared],
    pub seed: u64,
}

impl Compare<'_> {
    /// The mean shape of the synthetic `rows` against the training rows and, beside it, of hold-out rows; `rows` are those of
    /// each table. As many synthetic as hold-out rows are scored.
    pub fn likeness(&self, rows: &[Vec<usize>]) -> Option<Likeness> {
        let enough = |t: usize| rows.get(t).map(Vec::len).filter(|&n| n >= FEWEST);
        let (train, synthetic, holdout) = (enough(TRAIN)?, enough(SYNTHETIC)?, enough(HOLDOUT));
        let tables = each(self.tables);
        let drawn = |t: usize, most: usize| -> ValueTable {
            let chosen = draw(rows[t].len(), most, self.seed, Draw::Likeness, t);
            let chosen: Vec<usize> = chosen.into_iter().map(|i| rows[t][i]).collect();
            take(tables[t], self.columns, &chosen)
        };
        let real = drawn(TRAIN, train.min(MOST));
        let n = synthetic.min(holdout.unwrap_or(MOST)).min(MOST);
        let score = |t: usize| mean(shapes(self.fields, &real, &drawn(t, n)).into_iter()).map(|s| s.clamp(0.0, 1.0));
        Some(Likeness { rows: n, score: score(SYNTHETIC)?, floor: holdout.and_then(|_| score(HOLDOUT)) })
    }
}
