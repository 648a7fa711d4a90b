//! The largest singular directions of sparse rows, by a random start and powers (Halko, Martinsson and Tropp, SIAM Review 53, 2011).

use faer::Side;
use faer::linalg::solvers::SelfAdjointEigen;
use faer::prelude::*;
use rayon::prelude::*;
use verisim_data::rng::{normal, stream};

use super::features::Sparse;

/// Directions beyond those wanted, which make these exact.
const MORE: usize = 10;
/// Powers of the matrix.
const POWERS: usize = 3;

/// Rows of one length.
#[derive(Clone, Debug)]
pub(super) struct Dense {
    pub width: usize,
    pub values: Vec<f32>,
}

impl Dense {
    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.width..][..self.width]
    }
}

/// `x` times `by`.
fn times(x: &Sparse, by: &Dense) -> Dense {
    let width = by.width;
    let mut values = vec![0.0_f32; x.rows() * width];
    values.par_chunks_mut(width.max(1)).enumerate().with_min_len(64).for_each(|(i, out)| {
        for &(at, v) in x.row(i) {
            out.iter_mut().zip(by.row(at as usize)).for_each(|(o, b)| *o += v * b);
        }
    });
    Dense { width, values }
}

/// Columns made orthonormal, one after the other, twice; a column that the ones before it make up becomes nothing.
fn orthonormal(y: &Dense) -> Dense {
    let (rows, width) = (y.rows(), y.width);
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(width);
    for k in 0..width {
        let mut own: Vec<f64> = (0..rows).map(|i| f64::from(y.values[i * width + k])).collect();
        let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let before = norm(&own);
        for _ in 0..2 {
            for other in &columns {
                let along: f64 = own.iter().zip(other).map(|(a, b)| a * b).sum();
                own.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
        }
        let left = norm(&own);
        let scale = if left > 1e-6 * before && left > 0.0 { 1.0 / left } else { 0.0 };
        own.iter_mut().for_each(|x| *x *= scale);
        columns.push(own);
    }
    let values = (0..rows).flat_map(|i| columns.iter().map(move |c| c[i] as f32)).collect();
    Dense { width, values }
}

/// The `most` largest right singular directions of `x`, as a row a column of `x`; `None` where there are none.
pub(super) fn directions(x: &Sparse, most: usize, seed: u64) -> Option<Dense> {
    let wanted = most.min(x.width.checked_sub(1)?).min(x.rows().checked_sub(1)?);
    let width = (wanted + MORE).min(x.width).min(x.rows());
    if wanted == 0 {
        return None;
    }
    let turned = x.transposed();
    let mut rng = stream(seed, "text directions", 0);
    let start = Dense { width, values: (0..x.width * width).map(|_| normal(&mut rng) as f32).collect() };
    let mut q = orthonormal(&times(x, &start));
    for _ in 0..POWERS {
        q = orthonormal(&times(x, &times(&turned, &q)));
    }
    // Q' X, turned: its Gram matrix has the squares of the singular values.
    let b = times(&turned, &q);
    let gram =
        |i: usize, j: usize| b.values.chunks_exact(width).map(|r| f64::from(r[i]) * f64::from(r[j])).sum::<f64>();
    let lower: Vec<Vec<f64>> = (0..width).into_par_iter().map(|i| (0..=i).map(|j| gram(i, j)).collect()).collect();
    let matrix = Mat::from_fn(width, width, |i, j| lower[i.max(j)][i.min(j)]);
    let found: SelfAdjointEigen<f64> = matrix.self_adjoint_eigen(Side::Lower).ok()?;
    let (vectors, squares) = (found.U(), found.S());
    // Largest last.
    let order: Vec<usize> = (0..width).rev().take(wanted).filter(|&k| squares[k] > 1e-12).collect();
    if order.is_empty() {
        return None;
    }
    let turn: Vec<f32> =
        (0..width).flat_map(|i| order.iter().map(move |&k| (vectors[(i, k)] / squares[k].sqrt()) as f32)).collect();
    let kept = order.len();
    let mut values = vec![0.0_f32; x.width * kept];
    values.par_chunks_mut(kept).enumerate().with_min_len(256).for_each(|(i, out)| {
        for (b, turn) in b.row(i).iter().zip(turn.chunks_exact(kept)) {
            out.iter_mut().zip(turn).for_each(|(o, t)| *o += b * t);
        }
    });
    Some(Dense { width: kept, values })
}

/// Rows along directions, each brought to length 1.
pub(super) fn along(x: &Sparse, directions: &Dense) -> Dense {
    let mut out = times(x, directions);
    for row in out.values.chunks_exact_mut(directions.width) {
        let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        if length > 0.0 {
            row.iter_mut().for_each(|v| *v /= length);
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn directions_of_a_matrix_that_is_known() {
        // Singular values 3, 2, 1 of a diagonal matrix turned into eight rows: directions are the axes.
        let row = |i: u32| {
            vec![(0, if i < 4 { 1.5 } else { 0.0 }), (1, if i.is_multiple_of(2) { 1.0 } else { -1.0 }), (2, 0.1)]
        };
        let x = Sparse::new(3, (0..8).map(row).collect());
        let found = directions(&x, 2, 1).unwrap();
        assert_eq!((found.rows(), found.width), (3, 2));
        // x'x = [[9, 0, .6], [0, 8, 0], [.6, 0, .08]]: the first direction is nearly the first axis, the second the second.
        assert!(found.row(0)[0].abs() > 0.99 && found.row(1)[1].abs() > 0.9999, "{found:?}");
        let y = along(&x, &found);
        assert!((0..8).all(|i| (y.row(i).iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5));
        assert!(directions(&Sparse::new(3, vec![Vec::new(); 5]), 2, 1).is_none());
    }
}
