//! Can a classifier tell real rows from synthetic ones? The classifier two-sample test (Lopez-Paz and Oquab,
//! ICLR 2017) with boosted trees over five stratified folds, and with logistic regression over three as
//! SDMetrics' LogisticDetection. AUC 0.5: it cannot; 1: always.
//!
//! Against the training rows a good table scores a little below 0.5, and one whose values are those of training far below: what a
//! fold of training rows holds more of than the others, the synthetic rows of every fold hold more of too, since they were learnt
//! from all of them. So the published test, which takes the training rows for real, has a sister against hold-out rows, from which
//! nothing was learnt.

use rayon::prelude::*;
use verisim_data::rng::{Stream, below, stream};

use super::boost::{Fit, Matrix, Prediction, Shuffled, Task};
use super::logistic::Design;
use super::report::Linear;
use super::values::ValueTable;
use crate::Estimate;
use crate::Result;
use crate::auc::auc;

const BOOSTED_FOLDS: usize = 5;
const LINEAR_FOLDS: usize = 3;

/// Rows of a fold whose columns are shuffled to see what gives a table away.
const SHUFFLED_ROWS: usize = 2_000;
/// Columns that are shuffled; of wider tables none is, since each costs a look at all those rows.
const MOST_SHUFFLED: usize = 200;

/// The rows that a boosted two-sample test trains on: equally many of both tables, and the fold of each.
pub(crate) struct BoostedTest {
    folds: Vec<Vec<usize>>,
    rows_each: usize,
    /// Rows of the first fold whose columns are shuffled.
    shuffled: Vec<usize>,
}

impl BoostedTest {
    /// The test and its models, one a fold; `None` when a side has fewer rows than there are folds. With `telling` it can say what
    /// gives the table away.
    pub fn new(a: &ValueTable, b: &ValueTable, seed: u64, telling: bool) -> Result<Option<(BoostedTest, Vec<Fit>)>> {
        let n = a.rows.min(b.rows);
        if n < BOOSTED_FOLDS {
            return Ok(None);
        }
        let subset = |t: &ValueTable, side| t.take(&sample(t.rows, n, seed, side));
        let (a, b) = (subset(a, 0), subset(b, 1));
        let labels: Vec<f32> = (0..2 * n).map(|i| if i < n { 1.0 } else { 0.0 }).collect();
        let matrix = Matrix::new(&[&a, &b], None)?.labelled(&labels)?;
        let folds = folds(n, n, BOOSTED_FOLDS, seed);
        let fits = folds.iter().map(|fold| {
            let train = matrix.view(&others(fold, 2 * n))?;
            Ok(Fit { train, test: matrix.view(fold)?, task: Task::Binary, shuffled: None })
        });
        let mut fits: Vec<Fit> = fits.collect::<Result<_>>()?;
        let mut shuffled = Vec::new();
        if telling && a.columns.len() <= MOST_SHUFFLED {
            let first = &folds[0];
            let kept = sample(first.len(), first.len().min(SHUFFLED_ROWS), seed, 3);
            shuffled = kept.into_iter().map(|i| first[i]).collect();
            let mut order: Vec<usize> = (0..shuffled.len()).collect();
            shuffle(&mut order, &mut stream(seed, "metrics shuffle", 0));
            fits[0].shuffled = Some(Shuffled::new(a.under(&b).take(&shuffled), order));
        }
        Ok(Some((BoostedTest { folds, rows_each: n, shuffled }, fits)))
    }

    /// The mean AUC of the folds from the predictions of its models.
    pub fn score(&self, predictions: &[Prediction]) -> Estimate {
        let scores = predictions.iter().map(|p| p.rows.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
        fold_mean(&self.folds, self.rows_each, scores)
    }

    /// What each column's shuffling takes from the AUC.
    pub fn drops(&self, predictions: &[Prediction]) -> Vec<f64> {
        let Some(first) = predictions.first() else { return Vec::new() };
        let positive: Vec<bool> = self.shuffled.iter().map(|&i| i < self.rows_each).collect();
        let auc_of = |scores: Vec<f64>| auc(&scores, &positive).map_or(0.5, |a| a.value);
        let place = |row: &usize| self.folds[0].binary_search(row).map_or(0.5, |at| f64::from(first.rows[at]));
        let whole = auc_of(self.shuffled.iter().map(place).collect());
        first.shuffled.iter().map(|p| whole - auc_of(p.iter().map(|&x| f64::from(x)).collect())).collect()
    }
}

/// The logistic two-sample test; `None` when a side has fewer rows than there are folds.
pub(crate) fn linear(real: &ValueTable, other: &ValueTable, seed: u64) -> Option<Linear> {
    let (n, m) = (real.rows, other.rows);
    if n.min(m) < LINEAR_FOLDS {
        return None;
    }
    let folds = folds(n, m, LINEAR_FOLDS, seed);
    let design = Design::new(real, other);
    let predictions: Vec<Vec<f64>> =
        folds.par_iter().map(|fold| design.fit_predict(&others(fold, n + m), fold, |i| i < n)).collect();
    // SDMetrics: one minus the mean over folds of 2 max(AUC, 1/2) - 1.
    let separations = folds.iter().zip(&predictions).map(|(fold, p)| {
        let real: Vec<bool> = fold.iter().map(|&i| i < n).collect();
        auc(p, &real).map(|a| a.value.max(0.5) * 2.0 - 1.0)
    });
    let score = 1.0 - super::shape::mean(separations)?;
    let plain = fold_mean(&folds, n, predictions.into_iter());
    let half = plain.interval.map_or(0.0, |[low, high]| (high - low) / 2.0);
    let value = 0.5 + (1.0 - score) / 2.0;
    let interval = Some([(value - half).max(0.5), (value + half).min(1.0)]);
    Some(Linear { score, auc: Estimate { value, interval } })
}

/// Mean AUC over folds; a row below `n` is positive. Folds share no test row, so their variances add.
fn fold_mean(folds: &[Vec<usize>], n: usize, scores: impl Iterator<Item = Vec<f64>>) -> Estimate {
    let aucs = folds.iter().zip(scores).filter_map(|(fold, s)| {
        let positive: Vec<bool> = fold.iter().map(|&i| i < n).collect();
        auc(&s, &positive).map(|a| (a.value, a.error().powi(2)))
    });
    let (sum, variance, k) = aucs.fold((0.0, 0.0, 0.0), |(s, v, k), (a, e)| (s + a, v + e, k + 1.0));
    Estimate::normal(sum / k, f64::sqrt(variance) / k, 0.0, 1.0)
}

/// `k` of `n` row numbers, rising; all of them when `k == n`.
pub(crate) fn sample(n: usize, k: usize, seed: u64, side: u64) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..n).collect();
    if k < n {
        let mut rng = stream(seed, "metrics rows", side);
        for i in 0..k {
            rows.swap(i, i + below(&mut rng, (n - i) as u64) as usize);
        }
        rows.truncate(k);
        rows.sort_unstable();
    }
    rows
}

/// Puts `rows` into an order by chance.
pub(crate) fn shuffle(rows: &mut [usize], rng: &mut Stream) {
    for i in (1..rows.len()).rev() {
        rows.swap(i, below(rng, i as u64 + 1) as usize);
    }
}

/// Row numbers of `k` folds, each with its share of the first `n` rows and of the `m` after them.
fn folds(n: usize, m: usize, k: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut folds = vec![Vec::new(); k];
    for (side, (from, len)) in [(0, n), (n, m)].into_iter().enumerate() {
        let mut rows: Vec<usize> = (from..from + len).collect();
        let mut rng = stream(seed, "metrics folds", side as u64);
        shuffle(&mut rows, &mut rng);
        for (i, row) in rows.into_iter().enumerate() {
            folds[i % k].push(row);
        }
    }
    folds.iter_mut().for_each(|f| f.sort_unstable());
    folds
}

/// The rows below `n` that are not in the sorted `fold`.
pub(crate) fn others(fold: &[usize], n: usize) -> Vec<usize> {
    let mut inside = vec![false; n];
    fold.iter().for_each(|&i| inside[i] = true);
    (0..n).filter(|&i| !inside[i]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_stratified_and_cover_every_row_once() {
        let folds = folds(10, 25, 5, 7);
        let mut all: Vec<usize> = folds.concat();
        all.sort_unstable();
        assert_eq!(all, (0..35).collect::<Vec<_>>());
        for fold in &folds {
            assert_eq!(fold.iter().filter(|&&i| i < 10).count(), 2);
            assert_eq!(others(fold, 35).len() + fold.len(), 35);
        }
    }

    #[test]
    fn samples_are_distinct_and_sorted() {
        let rows = sample(100, 40, 1, 0);
        assert_eq!(rows.len(), 40);
        assert!(rows.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(sample(5, 5, 1, 0), [0, 1, 2, 3, 4]);
    }
}
