//! Fréchet distance (FID; Heusel et al., NeurIPS 2017): the distance between the Gaussians that have the means and
//! covariances of two sets of features,
//!
//! ```text
//! |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)
//! ```
//!
//! With factors `S = R' R` the last trace is the sum of the singular values of `R1 R2'`. A QR decomposition of the centred
//! features gives `R` without the covariance, so that singular covariances need no care and no root is taken of a number
//! that rounding has made negative. All in f64. The decompositions are those of `faer`, on one thread each: the result does not
//! depend on how many there are.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::matmul;
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Accum, Col, Mat, MatRef, Par, Spec};
use rayon::prelude::*;

use super::{Features, check};
use crate::{Error, Result};

/// The Fréchet distance of two sets of features, 0 for equal sets. It falls with the number of images, so equally
/// many on both sides, and in whatever it is compared with. Finite for singular covariances too.
///
/// # Errors
/// Features of different lengths, or fewer than two images.
pub fn fid(a: &Features, b: &Features) -> Result<f64> {
    check(a, b, 2)?;
    Gaussian::new(a).distance(&Gaussian::new(b))
}

/// Mean and covariance of features.
pub(super) struct Gaussian {
    mean: Vec<f64>,
    /// `R` of the covariance `R' R`: a row for each direction in which the features spread, at most as many as there are
    /// features or images.
    root: Mat<f64>,
}

impl Gaussian {
    pub(super) fn new(features: &Features) -> Gaussian {
        let (rows, dim) = (features.rows(), features.dim());
        let column = |k: usize| (0..rows).map(move |i| f64::from(features.row(i)[k]));
        let mean: Vec<f64> = (0..dim).into_par_iter().map(|k| column(k).sum::<f64>() / rows as f64).collect();
        let scale = 1.0 / ((rows - 1) as f64).sqrt();
        let centred = Mat::from_fn(rows, dim, |i, k| (f64::from(features.row(i)[k]) - mean[k]) * scale);
        Gaussian { mean, root: triangle(centred) }
    }

    /// The squared norm of `root`: the trace of the covariance.
    fn trace(&self) -> f64 {
        self.root.squared_norm_l2()
    }

    pub(super) fn distance(&self, other: &Gaussian) -> Result<f64> {
        let shift: f64 = self.mean.iter().zip(&other.mean).map(|(a, b)| (a - b).powi(2)).sum();
        let product = product(self.root.as_ref(), other.root.as_ref());
        let both: f64 = singular_values(product.as_ref())?.iter().sum();
        // A distance; rounding alone takes it below 0.
        Ok((shift + self.trace() + other.trace() - 2.0 * both).max(0.0))
    }
}

/// `a b'`.
fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.nrows());
    matmul(out.as_mut(), Accum::Replace, a, b.transpose(), 1.0, Par::Seq);
    out
}

/// The upper triangle `R` of `matrix = Q R`, as many rows as the matrix has rank.
fn triangle(mut matrix: Mat<f64>) -> Mat<f64> {
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    let block = recommended_block_size::<f64>(rows, columns);
    let mut reflections = Mat::zeros(block, rows.min(columns));
    let need = qr_in_place_scratch::<f64>(rows, columns, block, Par::Seq, Spec::default());
    let mut memory = MemBuffer::new(need);
    let stack = MemStack::new(&mut memory);
    let found = qr_in_place(matrix.as_mut(), reflections.as_mut(), Par::Seq, stack, Spec::default());
    Mat::from_fn(found.rank, columns, |i, j| if i <= j { matrix[(i, j)] } else { 0.0 })
}

/// The singular values of a matrix, largest first.
fn singular_values(matrix: MatRef<'_, f64>) -> Result<Vec<f64>> {
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    let mut values = Col::zeros(rows.min(columns));
    let none = ComputeSvdVectors::No;
    let mut memory = MemBuffer::new(svd_scratch::<f64>(rows, columns, none, none, Par::Seq, Spec::default()));
    let stack = MemStack::new(&mut memory);
    svd(matrix, values.as_diagonal_mut(), None, None, Par::Seq, stack, Spec::default())
        .map_err(|_| Error::Covariance)?;
    Ok(values.iter().copied().collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::waves;
    use super::*;

    /// Two points a side of the axes: mean 0, covariance diagonal, all known.
    fn cross(widths: [f64; 2], shift: [f64; 2]) -> Features {
        let (w, s) = (widths, shift);
        let points = [[w[0], 0.0], [-w[0], 0.0], [0.0, w[1]], [0.0, -w[1]]];
        Features::new(2, points.iter().flat_map(|p| [(p[0] + s[0]) as f32, (p[1] + s[1]) as f32]).collect()).unwrap()
    }

    #[test]
    fn gaussians_on_the_axes_by_hand() {
        // Variances 2 w^2 / 3; the distance is that of means plus that of standard deviations.
        let (a, b) = (cross([1.0, 2.0], [0.0, 0.0]), cross([4.0, 2.5], [3.0, -1.0]));
        let expected = 10.0 + 2.0 / 3.0 * (9.0 + 0.25);
        assert!((fid(&a, &b).unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn equal_sets_are_no_distance_apart_and_order_does_not_matter() {
        let a = waves(300, 20, 0.37, 0.0);
        assert!(fid(&a, &a).unwrap() < 1e-12);
        let b = waves(300, 20, 0.53, 0.2);
        let (there, back) = (fid(&a, &b).unwrap(), fid(&b, &a).unwrap());
        assert!((there - back).abs() < 1e-12 * there && there > 0.0);
    }

    #[test]
    fn a_shift_costs_its_square() {
        let (a, b) = (waves(200, 6, 0.37, 0.0), waves(200, 6, 0.37, 2.0));
        assert!((fid(&a, &b).unwrap() - 24.0).abs() < 1e-5);
    }

    #[test]
    fn a_singular_covariance_is_no_trouble() {
        // Fewer images than features; and features that repeat one another, at different scales.
        let few = |k| waves(5, 12, k, 0.0);
        assert!(fid(&few(0.37), &few(0.37)).unwrap() < 1e-12);
        assert!(fid(&few(0.37), &few(0.53)).unwrap() > 0.1);
        let line = |scale: f32| {
            let values = (0..50).flat_map(|i| [1.0, 2.0, 0.0].map(|w| scale * w * (i as f32)));
            Features::new(3, values.collect()).unwrap()
        };
        // One dimension in truth: 5 (difference of means^2 + of standard deviations^2), n = 50.
        let (mean, variance) = (24.5_f64, 50.0 * 51.0 / 12.0);
        let expected = 5.0 * (mean * mean + variance);
        assert!((fid(&line(1.0), &line(2.0)).unwrap() / expected - 1.0).abs() < 1e-10);
    }

    #[test]
    fn a_triangle_keeps_the_products_of_columns() {
        for (rows, columns) in [(9, 9), (40, 7), (4, 11)] {
            let mut matrix = Mat::from_fn(rows, columns, |i, j| f64::from(waves(rows, columns, 0.37, 0.0).row(i)[j]));
            // One column says nothing new.
            for i in 0..rows {
                matrix[(i, 2)] = 3.0 * matrix[(i, 0)] - matrix[(i, 1)];
            }
            let root = triangle(matrix.clone());
            assert_eq!(root.nrows(), rows.min(columns - 1));
            let (before, after) = (matrix.transpose() * &matrix, root.transpose() * &root);
            assert!((before - after).norm_max() < 1e-12);
        }
    }

    #[test]
    fn singular_values_of_a_known_matrix() {
        // Of [3 0; 4 5] the squares are 45 and 5.
        let known = Mat::from_fn(2, 2, |i, j| [[3.0, 0.0], [4.0, 5.0]][i][j]);
        let found = singular_values(known.as_ref()).unwrap();
        assert!((found[0] - 45f64.sqrt()).abs() < 1e-12 && (found[1] - 5f64.sqrt()).abs() < 1e-12);
        assert_eq!(singular_values(Mat::zeros(3, 2).as_ref()).unwrap(), [0.0, 0.0]);
        assert!(singular_values(Mat::zeros(0, 2).as_ref()).unwrap().is_empty());
        assert!(singular_values(Mat::full(2, 2, f64::NAN).as_ref()).is_err());
    }

    #[test]
    fn fid_of_waves_as_numpy_has_it() {
        // numpy: cov, eigvals(c1 @ c2), the formula above.
        let found = fid(&waves(40, 3, 0.37, 0.0), &waves(50, 3, 0.53, 0.25)).unwrap();
        assert!((found - 0.342582122728).abs() < 1e-9, "{found}");
        let found = fid(&waves(300, 24, 0.37, 0.0), &waves(300, 24, 0.71, -0.1)).unwrap();
        assert!((found - 0.591422821080).abs() < 1e-8, "{found}");
    }
}
