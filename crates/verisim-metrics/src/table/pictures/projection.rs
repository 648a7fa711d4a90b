//! Rows as points of a plane: the first two principal components of the training rows, with every number standardised and every
//! frequent level a column of 0 and 1. The plane is that of the training rows, so rows of other tables that go together in
//! another way lie elsewhere in it.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::{Accum, Col, Mat, MatRef, Par, Spec};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::detection::sample;
use super::super::values::{Comparison, ValueTable, Values};
use super::Each;

/// Training rows that the components are computed from.
const FITTED: usize = 10_000;
/// Rows of each table that are drawn.
const DRAWN: usize = 600;
/// Columns of the design: those of the largest variance.
const WIDTH: usize = 200;
/// A level is frequent that so many of the training rows have, and so many have not.
const FREQUENT: f64 = 0.01;
/// Standard deviations at which numbers are cut, lest a single one stretch the picture.
const FAR: f64 = 5.0;
/// Columns that are named beside a component.
const NAMED: usize = 3;
/// Streams of the rows: this one, and those of the three tables after it.
const SIDE: u64 = 3;

/// Rows as points of a plane.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Projection {
    /// What lies along the plane, and up.
    pub components: [Component; 2],
    /// Numbers and levels that the plane was found from.
    pub used: usize,
    /// Numbers and levels left out, which vary least.
    pub left_out: usize,
    /// Some rows of each table.
    #[serde(skip)]
    pub points: Each<Vec<[f64; 2]>>,
}

/// A direction.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Component {
    /// Its share of the variance of all that was used.
    pub share: f64,
    /// The columns that it leans on most, the first most of all.
    pub columns: Vec<String>,
}

/// The projection of `tables`, its rows drawn by `seed`.
pub(super) fn projection(tables: &Comparison, seed: u64) -> Option<Projection> {
    let real = &tables.real;
    let fitted = sample(real.rows, FITTED.min(real.rows), seed, SIDE);
    let mut design: Vec<Feature> =
        real.columns.par_iter().enumerate().flat_map_iter(|(j, values)| features(j, values, &fitted)).collect();
    design.sort_by(|a, b| b.variance.total_cmp(&a.variance));
    let left_out = design.len().saturating_sub(WIDTH);
    design.truncate(WIDTH);
    if design.len() < 2 {
        return None;
    }
    let matrix = matrix(&design, real, &fitted);
    let (variances, axes) = components(matrix.as_ref())?;
    let total: f64 = design.iter().map(|feature| feature.variance).sum();
    let component = |k: usize| Component {
        share: (variances[k] / (total * fitted.len() as f64)).clamp(0.0, 1.0),
        columns: leading(&design, &axes[k]).into_iter().map(|j| tables.fields[j].name.clone()).collect(),
    };
    let points = |table: &ValueTable, side: u64| {
        let rows = sample(table.rows, DRAWN.min(table.rows), seed, side);
        let place = |row: usize, axis: &[f64]| -> f64 {
            design.iter().zip(axis).map(|(feature, weight)| weight * feature.value(table, row)).sum()
        };
        rows.into_iter().map(|row| [place(row, &axes[0]), place(row, &axes[1])]).collect()
    };
    Some(Projection {
        components: [component(0), component(1)],
        used: design.len(),
        left_out,
        points: Each {
            train: points(real, SIDE + 1),
            synthetic: points(&tables.synthetic, SIDE + 2),
            holdout: tables.holdout.as_ref().map(|holdout| points(holdout, SIDE + 3)),
        },
    })
}

/// One column of the design.
struct Feature {
    column: usize,
    of: Of,
    /// Its mean in the fitted rows, after scaling.
    mean: f64,
    variance: f64,
}

enum Of {
    Number { mean: f64, deviation: f64 },
    Level(u32),
}

impl Feature {
    /// Of a row, centred.
    fn value(&self, table: &ValueTable, row: usize) -> f64 {
        self.of.value(&table.columns[self.column], row) - self.mean
    }
}

impl Of {
    /// A missing number counts as the mean.
    fn value(&self, values: &Values, row: usize) -> f64 {
        match (self, values) {
            (Of::Number { mean, deviation }, Values::Number(v)) if !v[row].is_nan() => {
                ((v[row] - mean) / deviation).clamp(-FAR, FAR)
            }
            (Of::Level(code), Values::Category(codes)) => f64::from(u8::from(codes[row] == *code)),
            _ => 0.0,
        }
    }
}

/// What varies in column `j`.
fn features(j: usize, values: &Values, rows: &[usize]) -> Vec<Feature> {
    let n = rows.len() as f64;
    match values {
        Values::Number(v) => {
            let (mean, deviation) = spread(rows.iter().map(|&row| v[row]).filter(|x| !x.is_nan()));
            let of = Of::Number { mean, deviation };
            if !(deviation.is_normal() && mean.is_finite()) {
                return Vec::new();
            }
            let (mean, deviation) = spread(rows.iter().map(|&row| of.value(values, row)));
            vec![Feature { column: j, of, mean, variance: deviation * deviation }]
        }
        Values::Category(codes) => {
            let levels = rows.iter().map(|&row| codes[row]).max().map_or(0, |most| most as usize + 1);
            let mut counts = vec![0_usize; levels];
            rows.iter().for_each(|&row| counts[codes[row] as usize] += 1);
            let shares = (0..).zip(counts).map(|(code, count)| (code, count as f64 / n));
            let frequent = shares.filter(|(_, share)| (FREQUENT..=1.0 - FREQUENT).contains(share));
            let feature = |(code, share)| Feature {
                column: j,
                of: Of::Level(code),
                mean: share,
                variance: share * (1.0 - share),
            };
            frequent.map(feature).collect()
        }
    }
}

/// Mean and standard deviation.
fn spread(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let (n, sum) = values.clone().fold((0.0, 0.0), |(n, sum), x| (n + 1.0, sum + x));
    let mean = sum / n;
    (mean, (values.map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt())
}

fn matrix(design: &[Feature], table: &ValueTable, rows: &[usize]) -> Mat<f64> {
    let mut matrix = Mat::zeros(rows.len(), design.len());
    for (k, feature) in design.iter().enumerate() {
        for (i, &row) in rows.iter().enumerate() {
            matrix[(i, k)] = feature.value(table, row);
        }
    }
    matrix
}

/// The two largest eigenvalues of `X'X` and their eigenvectors, on one thread: the result does not depend on how many there are.
fn components(x: MatRef<'_, f64>) -> Option<([f64; 2], [Vec<f64>; 2])> {
    let n = x.ncols();
    let mut products = Mat::zeros(n, n);
    matmul(products.as_mut(), Accum::Replace, x.transpose(), x, 1.0, Par::Seq);
    let (mut values, mut vectors) = (Col::zeros(n), Mat::zeros(n, n));
    let need = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Spec::default());
    let mut memory = MemBuffer::new(need);
    let stack = MemStack::new(&mut memory);
    let (s, u) = (values.as_diagonal_mut(), Some(vectors.as_mut()));
    self_adjoint_evd(products.as_ref(), s, u, Par::Seq, stack, Spec::default()).ok()?;
    // They come in rising order.
    let axis = |k: usize| pointed((0..n).map(|i| vectors[(i, n - 1 - k)]).collect());
    Some(([values[n - 1], values[n - 2]], [axis(0), axis(1)]))
}

/// An eigenvector may point either way: its largest weight shall be positive.
fn pointed(axis: Vec<f64>) -> Vec<f64> {
    let largest = axis.iter().copied().fold(0.0, |most: f64, w| if w.abs() > most.abs() + 1e-9 { w } else { most });
    axis.into_iter().map(|w| if largest < 0.0 { -w } else { w }).collect()
}

/// The columns with the most weight on an axis.
fn leading(design: &[Feature], axis: &[f64]) -> Vec<usize> {
    let mut weights: Vec<(f64, usize)> = Vec::new();
    for (feature, weight) in design.iter().zip(axis) {
        match weights.iter_mut().find(|(_, column)| *column == feature.column) {
            Some((sum, _)) => *sum += weight * weight,
            None => weights.push((weight * weight, feature.column)),
        }
    }
    weights.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    weights.into_iter().take(NAMED).map(|(_, column)| column).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::{category, number, tables};
    use super::*;

    #[test]
    fn components_by_hand() {
        // X'X = [5 4; 4 5]: eigenvalues 9 and 1 along (1, 1) and (1, -1).
        let x = Mat::from_fn(2, 2, |i, j| [[2.0, 1.0], [1.0, 2.0]][i][j]);
        let (values, [first, second]) = components(x.as_ref()).unwrap();
        let half = 0.5_f64.sqrt();
        assert!((values[0] - 9.0).abs() < 1e-12 && (values[1] - 1.0).abs() < 1e-12);
        assert!(first.iter().all(|w| (w - half).abs() < 1e-12));
        assert!((second[0] + second[1]).abs() < 1e-12 && (second[0].abs() - half).abs() < 1e-12);
    }

    #[test]
    fn columns_that_go_together_are_one_component() {
        let line: Vec<f64> = (0..400).map(f64::from).collect();
        let twice: Vec<f64> = line.iter().map(|x| 7.0 - 2.0 * x).collect();
        let other: Vec<f64> = (0..400).map(|i| f64::from((i * 37) % 101)).collect();
        let columns = || vec![number("a", &line), number("b", &twice), number("c", &other)];
        let found = projection(&tables(columns(), columns(), None), 1).unwrap();
        assert!((found.components[0].share - 2.0 / 3.0).abs() < 0.01, "{:?}", found.components);
        assert!((found.components[1].share - 1.0 / 3.0).abs() < 0.01);
        assert_eq!(found.components[1].columns[0], "c");
        assert_eq!((found.used, found.left_out, found.points.train.len()), (3, 0, 400));
        assert_eq!(found.points.holdout, None);
    }

    #[test]
    fn rows_that_go_together_otherwise_lie_elsewhere() {
        let line: Vec<f64> = (0..1000).map(f64::from).collect();
        let back: Vec<f64> = line.iter().rev().copied().collect();
        let real = || vec![number("a", &line), number("b", &line)];
        let found = projection(&tables(real(), vec![number("a", &line), number("b", &back)], Some(real())), 1).unwrap();
        let high = |points: &[[f64; 2]]| points.iter().map(|p| p[1].abs()).fold(0.0, f64::max);
        assert!(high(&found.points.train) < 1e-9 && high(&found.points.synthetic) > 1.0);
        assert_eq!(found.points.train.len(), DRAWN);
        let range = |points: &[[f64; 2]]| points.iter().map(|p| p[0].abs()).fold(0.0, f64::max);
        assert!(range(&found.points.synthetic) < 1e-9 && range(found.points.holdout.as_ref().unwrap()) > 1.0);
    }

    #[test]
    fn what_varies_least_is_left_out_and_counted() {
        let wide: Vec<_> = (0..250)
            .map(|j| {
                let values: Vec<f64> = (0..50).map(|i| ((i * (j % 52 + 1)) % 53) as f64 + 0.5).collect();
                number(&format!("n{j}"), &values)
            })
            .chain([category("c", &["x", "y"].repeat(25))])
            .collect();
        let found = projection(&tables(wide.clone(), wide, None), 1).unwrap();
        assert_eq!((found.used, found.left_out), (WIDTH, 52));
        let same = category("c", &["x"; 9]);
        assert_eq!(projection(&tables(vec![same.clone()], vec![same], None), 1), None);
    }
}
