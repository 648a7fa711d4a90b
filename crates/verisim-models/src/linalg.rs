//! Correlation and covariance matrices of closed-form models: their Cholesky factor, and the correlation matrix nearest to
//! one that is none. Matrices are `n` by `n`, row by row.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Col, Mat, MatRef, Par, Spec};

use crate::error::{Error, Result};

/// A pivot below this is rounding: it counts as this much.
const LEAST_PIVOT: f64 = 1e-12;
/// The least eigenvalue of a correlation matrix that is mended.
const LEAST_EIGENVALUE: f64 = 1e-4;

/// The lower triangle `L` with `L L^T` = `matrix`, which is symmetric. Where rounding has made a pivot negative it counts as
/// tiny, so that there is always a factor. That is why it is not `faer`'s: with its regularization (0.24) the diagonal of the
/// factor keeps the pivot as it was, and larger matrices, which are taken in blocks, divide by it.
pub fn cholesky(matrix: &[f64], n: usize) -> Vec<f64> {
    let mut lower = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
            let rest = matrix[i * n + j] - dot;
            lower[i * n + j] = if i == j { rest.max(LEAST_PIVOT).sqrt() } else { rest / lower[j * n + j] };
        }
    }
    lower
}

/// Solves `L L^T x = b` for `x`, which takes the place of `b`.
pub fn solve(lower: &[f64], b: &mut [f64]) {
    let n = b.len();
    for i in 0..n {
        let known: f64 = (0..i).map(|k| lower[i * n + k] * b[k]).sum();
        b[i] = (b[i] - known) / lower[i * n + i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| lower[k * n + i] * b[k]).sum();
        b[i] = (b[i] - known) / lower[i * n + i];
    }
}

/// Makes `matrix`, which is symmetric with a unit diagonal, positive definite: small and negative eigenvalues are raised, then
/// the diagonal is scaled back to one. One that is positive definite already stays as it is.
///
/// # Errors
/// When it has numbers that are not finite.
pub fn nearest_correlation(matrix: &mut [f64], n: usize) -> Result<()> {
    let (values, vectors) = eigen(matrix, n)?;
    if values.iter().all(|&value| value >= LEAST_EIGENVALUE) {
        return Ok(());
    }
    let scaled = Mat::from_fn(n, n, |i, k| vectors[(i, k)] * values[k].max(LEAST_EIGENVALUE));
    let raised = |i: usize, j: usize| -> f64 { (0..n).map(|k| scaled[(i, k)] * vectors[(j, k)]).sum() };
    let deviations: Vec<f64> = (0..n).map(|i| raised(i, i).sqrt()).collect();
    for i in 0..n {
        matrix[i * n + i] = 1.0;
        for j in 0..i {
            let correlation = raised(i, j) / (deviations[i] * deviations[j]);
            (matrix[i * n + j], matrix[j * n + i]) = (correlation, correlation);
        }
    }
    Ok(())
}

/// Eigenvalues of a symmetric matrix, in ascending order, and its eigenvectors, a column each; on one thread, so that they do not
/// depend on how many there are.
///
/// # Errors
/// When it has numbers that are not finite.
pub fn eigen(matrix: &[f64], n: usize) -> Result<(Vec<f64>, Mat<f64>)> {
    let (mut values, mut vectors) = (Col::zeros(n), Mat::zeros(n, n));
    let compute = ComputeEigenvectors::Yes;
    let mut memory = MemBuffer::new(self_adjoint_evd_scratch::<f64>(n, compute, Par::Seq, Spec::default()));
    let matrix = MatRef::from_row_major_slice(matrix, n, n);
    let stack = MemStack::new(&mut memory);
    let (into, with) = (values.as_diagonal_mut(), Some(vectors.as_mut()));
    let found = self_adjoint_evd(matrix, into, with, Par::Seq, stack, Spec::default());
    if found.is_err() || !values.iter().all(|value: &f64| value.is_finite()) {
        return Err(Error::NotFinite);
    }
    Ok((values.iter().copied().collect(), vectors))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn cholesky_of_a_known_matrix() {
        let l = cholesky(&[4.0, 12.0, -16.0, 12.0, 37.0, -43.0, -16.0, -43.0, 98.0], 3);
        assert_eq!(l, vec![2.0, 0.0, 0.0, 6.0, 1.0, 0.0, -8.0, 5.0, 3.0]);
    }

    #[test]
    fn a_factor_solves_its_equations() {
        let lower = cholesky(&[4.0, 12.0, -16.0, 12.0, 37.0, -43.0, -16.0, -43.0, 98.0], 3);
        // The matrix times (1, 2, 3).
        let mut x = [-20.0, -43.0, 192.0];
        solve(&lower, &mut x);
        assert!(x.iter().zip([1.0, 2.0, 3.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{x:?}");
    }

    #[test]
    fn eigenvalues_of_a_known_matrix() {
        let (mut values, v) = eigen(&[2.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 5.0], 3).unwrap();
        let norm: f64 = (0..3).map(|k| v[(k, 0)].powi(2)).sum();
        assert!((norm - 1.0).abs() < 1e-12);
        values.sort_by(f64::total_cmp);
        for (got, want) in values.iter().zip([1.0, 3.0, 5.0]) {
            assert!((got - want).abs() < 1e-10);
        }
    }

    #[test]
    fn an_impossible_correlation_is_repaired() {
        let mut m = vec![1.0, 0.9, -0.9, 0.9, 1.0, 0.9, -0.9, 0.9, 1.0];
        nearest_correlation(&mut m, 3).unwrap();
        assert!(eigen(&m, 3).unwrap().0.iter().all(|&l| l > 0.0));
        assert!((m[0] - 1.0).abs() < 1e-12 && (m[1] - m[3]).abs() < 1e-12);
    }

    #[test]
    fn a_fixed_matrix_gives_what_rotations_and_loops_gave() {
        let n = 5;
        let wave = |i: usize, j: usize| 0.9 * ((3 * i.min(j) + 5 * i.max(j) + i * j) as f64).sin();
        let mut m: Vec<f64> = (0..n * n).map(|at| if at / n == at % n { 1.0 } else { wave(at / n, at % n) }).collect();
        nearest_correlation(&mut m, n).unwrap();
        let lower = [
            [-0.42532384321105726, 0.0, 0.0, 0.0],
            [-0.2619155006400957, 0.6280351985144331, 0.0, 0.0],
            [0.23352499626234147, 0.40145648242842863, 0.6219001090207277, 0.0],
            [0.3952135141573359, 0.4663074478077192, 0.27662470060271843, 0.08537473016953898],
        ];
        for i in 0..n {
            assert_eq!(m[i * n + i], 1.0);
            for j in 0..i {
                assert!((m[i * n + j] - lower[i - 1][j]).abs() < 1e-9, "{i} {j}");
                assert_eq!(m[i * n + j], m[j * n + i]);
            }
        }
        let factor = [
            [1.0, 0.0, 0.0, 0.0, 0.0],
            [-0.42532384321105726, 0.9050412302189199, 0.0, 0.0, 0.0],
            [-0.2619155006400957, 0.5708428234376358, 0.7781636983657079, 0.0, 0.0],
            [0.23352499626234147, 0.5533231134712416, 0.4718845118742054, 0.6454646509859451, 0.0],
            [0.3952135141573359, 0.7009638427020722, -0.02570530225810732, -0.5928242011834698, 0.018832774058912715],
        ];
        assert!(cholesky(&m, n).iter().zip(factor.as_flattened()).all(|(a, b)| (a - b).abs() < 1e-9));
    }

    #[test]
    fn singular_matrices_have_a_factor_and_numbers_that_are_none_are_refused() {
        let factor = cholesky(&[1.0, 1.0, 0.5, 1.0, 1.0, 0.5, 0.5, 0.5, 2.0], 3);
        let expected = [1.0, 0.0, 0.0, 1.0, 1e-6, 0.0, 0.5, 0.0, 1.322_875_655_532_295_4];
        assert!(factor.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{factor:?}");
        assert!(nearest_correlation(&mut [1.0, f64::NAN, f64::NAN, 1.0], 2).is_err());
        assert_eq!((cholesky(&[4.0], 1), cholesky(&[], 0)), (vec![2.0], vec![]));
        for n in [0, 1] {
            assert!(nearest_correlation(&mut vec![1.0; n], n).is_ok());
        }
    }
}
