//! Is a model trained on synthetic rows as good on real rows as one trained on real rows? Boosted trees trained
//! on each, both scored on the hold-out: ROC AUC for a category (macro one-vs-rest beyond two), R^2 for a number.
//!
//! Fewer rows train a worse model, so a short synthetic table is compared with as many real rows. On few rows the rows themselves
//! decide what is learnt: how much, models of halves of the real rows tell, and the interval of the gap holds it too.

use std::collections::BTreeSet;
use std::f64::consts::SQRT_2;

use super::boost::{Fit, Matrix, Prediction, Task};
use super::detection::sample;
use super::report::{ModelScore, Utility};
use super::unit::Unit;
use super::values::{Comparison, Scale, ValueTable, Values};
use crate::Estimate;
use crate::auc::{Influenced, auc};
use crate::{Error, Result};

/// Up to as many rows the chance of the training rows is measured; of more it is far below what matters.
const FEW_ROWS: usize = 5_000;
/// Models of halves of the real rows that measure it.
const HALVES: u64 = 4;

/// What is needed to score the models once they have predicted.
pub(crate) struct UtilityTest {
    target: String,
    truth: Truth,
    /// Real rows trained on.
    real_rows: usize,
    /// What each model knows: that of real rows, of synthetic ones, and of halves of the real rows.
    learnt: Vec<Learnt>,
}

/// What a model knows.
struct Learnt {
    /// Its classes; empty for a number.
    known: Vec<u32>,
    /// Its place among the models; none where there was nothing to learn.
    model: Option<usize>,
}

/// What the hold-out rows really hold.
enum Truth {
    Classes { levels: Vec<u32>, of_row: Vec<u32> },
    Numbers(Vec<f64>, Unit),
}

impl Truth {
    /// What column `j` of the hold-out holds, and the rows that hold it; or why it cannot be predicted.
    fn of(tables: &Comparison, holdout: &ValueTable, j: usize) -> Result<(Truth, Vec<usize>), String> {
        let differs = || "its kind differs between the tables".to_owned();
        match (&tables.fields[j].scale, &holdout.columns[j]) {
            (Scale::Category { .. }, Values::Category(test)) => {
                let Values::Category(train) = &tables.real.columns[j] else {
                    return Err(differs());
                };
                for (codes, name) in [(train, "training"), (test, "hold-out")] {
                    if codes.iter().all(|c| Some(c) == codes.first()) {
                        return Err(format!("it has one value in the {name} table"));
                    }
                }
                let levels: BTreeSet<u32> = train.iter().chain(test).copied().collect();
                let levels: Vec<u32> = levels.into_iter().collect();
                Ok((Truth::Classes { levels, of_row: test.clone() }, (0..holdout.rows).collect()))
            }
            (Scale::Number { unit, .. }, Values::Number(test)) => {
                let rows: Vec<usize> = (0..test.len()).filter(|&i| !test[i].is_nan()).collect();
                let truth: Vec<f64> = rows.iter().map(|&i| test[i]).collect();
                if truth.iter().all(|x| Some(x) == truth.first()) {
                    return Err("it has fewer than two values in the hold-out table".to_owned());
                }
                Ok((Truth::Numbers(truth, *unit), rows))
            }
            _ => Err(differs()),
        }
    }
}

/// What a model learns from one table.
struct Lesson {
    rows: Vec<usize>,
    /// A label for each of the rows.
    labels: Vec<f32>,
    task: Task,
    /// Classes that are there, in the order of their labels; none for a number.
    known: Vec<u32>,
}

impl Lesson {
    /// The rows of `table` whose column `j` is a class of the truth, or a number.
    fn of(truth: &Truth, table: &ValueTable, j: usize) -> Option<Lesson> {
        match (truth, &table.columns[j]) {
            (Truth::Classes { levels, .. }, Values::Category(codes)) => {
                let rows: Vec<usize> = (0..table.rows).filter(|&i| levels.binary_search(&codes[i]).is_ok()).collect();
                let present: BTreeSet<u32> = rows.iter().map(|&i| codes[i]).collect();
                let known: Vec<u32> = present.into_iter().collect();
                let label = |&i: &usize| known.binary_search(&codes[i]).unwrap_or(0) as f32;
                let labels = rows.iter().map(label).collect();
                let task = if known.len() > 2 { Task::Classes(known.len()) } else { Task::Binary };
                Some(Lesson { rows, labels, task, known })
            }
            (_, Values::Number(values)) => {
                let rows: Vec<usize> = (0..table.rows).filter(|&i| !values[i].is_nan()).collect();
                let labels = rows.iter().map(|&i| values[i] as f32).collect();
                Some(Lesson { rows, labels, task: Task::Number, known: Vec::new() })
            }
            _ => None,
        }
    }

    /// Whether there is anything to learn.
    fn teaches(&self) -> bool {
        if self.task == Task::Number { !self.rows.is_empty() } else { self.known.len() > 1 }
    }
}

/// One model on the hold-out rows.
struct Scored {
    score: Influenced,
    /// Of classes.
    accuracy: Option<f64>,
    /// Of a number.
    rmse: Option<f64>,
}

impl UtilityTest {
    /// The test and the models that it needs: a synthetic table with one class trains nothing.
    ///
    /// # Errors
    /// An unknown target, or one with fewer than two values in the training or the hold-out table.
    pub fn new(tables: &Comparison, holdout: &ValueTable, target: &str, seed: u64) -> Result<(UtilityTest, Vec<Fit>)> {
        let j = index_of(tables, target)?;
        let refuse = |why: &str| Error::Target { target: target.to_owned(), why: why.to_owned() };
        if tables.fields.len() < 2 {
            return Err(refuse("there is no other column to predict it from"));
        }
        let (truth, test_rows) = Truth::of(tables, holdout, j).map_err(|why| refuse(&why))?;
        let features = Matrix::new(&[holdout], Some(j))?.select(&test_rows)?;
        let real_rows = tables.real.rows.min(tables.synthetic.rows);
        let part = |rows: usize, side: u64| tables.real.take(&sample(tables.real.rows, rows, seed, side));
        let mut lessons = vec![part(real_rows, 10), tables.synthetic.clone()];
        if real_rows <= FEW_ROWS {
            lessons.extend((0..HALVES).map(|half| part(real_rows.div_ceil(2), 11 + half)));
        }
        let (mut fits, mut learnt) = (Vec::new(), Vec::new());
        for table in &lessons {
            let Some(lesson) = Lesson::of(&truth, table, j) else { continue };
            let model = lesson.teaches().then_some(fits.len());
            if model.is_some() {
                let train = Matrix::new(&[&table.take(&lesson.rows)], Some(j))?.labelled(&lesson.labels)?;
                fits.push(Fit { train, test: features.clone(), task: lesson.task, shuffled: None });
            }
            learnt.push(Learnt { known: lesson.known, model });
        }
        Ok((UtilityTest { target: target.to_owned(), truth, real_rows, learnt }, fits))
    }

    /// Scores the predictions of the models.
    pub fn score(&self, predictions: &[Prediction]) -> Option<Utility> {
        let scored = |of: &Learnt| self.score_one(of.model.map(|m| predictions[m].rows.as_slice()), &of.known);
        let real = scored(self.learnt.first()?)?;
        let synthetic = scored(self.learnt.get(1)?)?;
        let gap = real.score.minus(&synthetic.score);
        let halves: Vec<f64> = self.learnt[2..].iter().filter_map(|of| Some(scored(of)?.score.value)).collect();
        // A half out of all varies as all rows would, were they drawn anew, and both models have that variance.
        let error = gap.error().hypot(SQRT_2 * deviation(&halves));
        let low = if matches!(self.truth, Truth::Numbers(..)) { f64::NEG_INFINITY } else { 0.0 };
        let model = |of: &Scored| ModelScore {
            score: Estimate::normal(of.score.value, of.score.error(), low, 1.0),
            accuracy: of.accuracy,
            rmse: of.rmse,
        };
        let (task, metric, rows) = match &self.truth {
            Truth::Classes { levels, of_row } if levels.len() == 2 => ("binary", "roc_auc", of_row.len()),
            Truth::Classes { of_row, .. } => ("multiclass", "macro_roc_auc", of_row.len()),
            Truth::Numbers(v, _) => ("regression", "r2", v.len()),
        };
        Some(Utility {
            target: self.target.clone(),
            task,
            metric,
            test_rows: rows,
            real_rows: self.real_rows,
            trained_on_real: model(&real),
            trained_on_synthetic: model(&synthetic),
            gap: Estimate::normal(gap.value, error, f64::NEG_INFINITY, f64::INFINITY),
        })
    }

    /// `None` where nothing could be scored. `known` are the classes that the model knows.
    fn score_one(&self, predicted: Option<&[f32]>, known: &[u32]) -> Option<Scored> {
        match &self.truth {
            Truth::Numbers(truth, unit) => {
                // A model without training rows predicts nothing: the mean, R^2 = 0, stands in for it.
                let mean = truth.iter().sum::<f64>() / truth.len() as f64;
                let guess: Vec<f64> = match predicted {
                    Some(p) => p.iter().map(|&x| f64::from(x)).collect(),
                    None => vec![mean; truth.len()],
                };
                let (score, rmse) = r_squared(&guess, truth);
                // Numbers whose squares vanish have no variance to explain.
                score.value.is_finite().then(|| Scored { score, accuracy: None, rmse: Some(unit.back(rmse)) })
            }
            Truth::Classes { levels, of_row } => {
                let chance = |row: usize, level: u32| -> f64 {
                    let at = known.binary_search(&level).ok();
                    match (predicted, at, known.len()) {
                        (Some(p), Some(1), 2) => f64::from(p[row]),
                        (Some(p), Some(_), 2) => 1.0 - f64::from(p[row]),
                        (Some(p), Some(at), k) => f64::from(p[row * k + at]),
                        (None, Some(_), _) => 1.0,
                        (_, None, _) => 0.0,
                    }
                };
                let rows = 0..of_row.len();
                let scored: &[u32] = if levels.len() == 2 { &levels[1..] } else { levels };
                let aucs: Vec<Influenced> = scored
                    .iter()
                    .filter_map(|&level| {
                        let scores: Vec<f64> = rows.clone().map(|i| chance(i, level)).collect();
                        let positive: Vec<bool> = of_row.iter().map(|&c| c == level).collect();
                        auc(&scores, &positive)
                    })
                    .collect();
                let best = |row: usize| {
                    let first = (levels[0], chance(row, levels[0]));
                    let better = |b: (u32, f64), &l: &u32| match chance(row, l) {
                        p if p > b.1 => (l, p),
                        _ => b,
                    };
                    levels[1..].iter().fold(first, better).0
                };
                let right = rows.clone().filter(|&i| best(i) == of_row[i]).count();
                let accuracy = right as f64 / of_row.len() as f64;
                Some(Scored { score: Influenced::mean(&aucs)?, accuracy: Some(accuracy), rmse: None })
            }
        }
    }
}

/// The place of a target among the compared columns.
pub(crate) fn index_of(tables: &Comparison, target: &str) -> Result<usize> {
    tables.fields.iter().position(|f| f.name == target).ok_or_else(|| Error::UnknownTarget {
        target: target.to_owned(),
        columns: tables.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// The standard deviation of a sample; 0 of fewer than two.
fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    if values.len() < 2 { 0.0 } else { (squares / (n - 1.0)).sqrt() }
}

/// `1 - SSE / SST` with its influences (the ratio linearised), and the root mean squared error.
fn r_squared(guess: &[f64], truth: &[f64]) -> (Influenced, f64) {
    let n = truth.len() as f64;
    let mean = truth.iter().sum::<f64>() / n;
    let total: f64 = truth.iter().map(|y| (y - mean).powi(2)).sum();
    let errors: Vec<f64> = guess.iter().zip(truth).map(|(g, y)| (g - y).powi(2)).collect();
    let sum: f64 = errors.iter().sum();
    let ratio = sum / total;
    let influence = errors.iter().zip(truth).map(|(e, y)| (ratio * (y - mean).powi(2) - e) / total);
    (Influenced { value: 1.0 - ratio, influence: influence.collect() }, (sum / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_squared_by_hand() {
        let (r2, rmse) = r_squared(&[1.0, 2.0, 4.0], &[1.0, 2.0, 3.0]);
        assert_eq!(r2.value, 0.5);
        assert!((rmse - (1.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        let (perfect, _) = r_squared(&[1.0, 2.0], &[1.0, 2.0]);
        assert_eq!((perfect.value, perfect.error()), (1.0, 0.0));
    }
}
