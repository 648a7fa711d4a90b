//! Fréchet distance (FID; Heusel et al., NeurIPS 2017): the distance between the Gaussians that have the means and
//! covariances of two sets of features,
//!
//! ```text
//! |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)
//! ```
//!
//! The last trace is the sum of the singular values of `S1^(1/2) S2^(1/2)`. They do not change when that matrix is
//! rotated on either side, so the principal axes of the two Gaussians are enough, and no root is taken of a number
//! that rounding has made. All in f64.

use rayon::prelude::*;

use super::pairs::lanes;
use super::{Features, check};
use crate::Result;

/// Rows are at right angles when their cosine is smaller than this.
const RIGHT: f64 = 1e-14;
/// Sweeps of the rotations; ten are usual.
const MOST_SWEEPS: usize = 60;

/// The Fréchet distance of two sets of features, 0 for equal sets. It falls with the number of images, so equally
/// many on both sides, and in whatever it is compared with. Finite for singular covariances too.
///
/// # Errors
/// Features of different lengths, or fewer than two images.
pub fn fid(a: &Features, b: &Features) -> Result<f64> {
    check(a, b, 2)?;
    Ok(Gaussian::new(a).distance(&Gaussian::new(b)))
}

/// Mean and covariance of features.
pub(super) struct Gaussian {
    mean: Vec<f64>,
    trace: f64,
    /// Orthogonal rows `u` with `S = sum u u'`; zero where the features have no spread.
    axes: Vec<f64>,
}

impl Gaussian {
    pub(super) fn new(features: &Features) -> Gaussian {
        let (n, dim) = (features.rows() as f64, features.dim());
        // Column by column, centred: each entry of the covariance is one scalar product.
        let columns: Vec<(f64, Vec<f64>)> = (0..dim)
            .into_par_iter()
            .map(|k| {
                let column = || (0..features.rows()).map(|i| f64::from(features.row(i)[k]));
                let mean = column().sum::<f64>() / n;
                (mean, column().map(|x| x - mean).collect())
            })
            .collect();
        let mut axes: Vec<f64> = (0..dim * dim)
            .into_par_iter()
            .map(|at| dot(&columns[at / dim].1, &columns[at % dim].1) / (n - 1.0))
            .collect();
        let trace = (0..dim).map(|k| axes[k * dim + k]).sum();
        orthogonalise(&mut axes, dim);
        // The rows are now eigenvalue times eigenvector. What is lost in rounding counts as no spread.
        let norms: Vec<f64> = axes.chunks(dim).map(norm).collect();
        let least = dim as f64 * f64::EPSILON * norms.iter().copied().fold(0.0, f64::max);
        for (axis, &norm) in axes.chunks_mut(dim).zip(&norms) {
            let scale = if norm > least { 1.0 / norm.sqrt() } else { 0.0 };
            axis.iter_mut().for_each(|x| *x *= scale);
        }
        Gaussian { mean: columns.into_iter().map(|c| c.0).collect(), trace, axes }
    }

    pub(super) fn distance(&self, other: &Gaussian) -> f64 {
        let dim = self.mean.len();
        let mut product: Vec<f64> =
            self.axes.chunks(dim).flat_map(|u| other.axes.chunks(dim).map(|v| dot(u, v))).collect();
        orthogonalise(&mut product, dim);
        let root: f64 = product.chunks(dim).map(norm).sum();
        let shift: f64 = self.mean.iter().zip(&other.mean).map(|(a, b)| (a - b).powi(2)).sum();
        // A distance; rounding alone takes it below 0.
        (shift + self.trace + other.trace - 2.0 * root).max(0.0)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    lanes(a, b, |x, y| x * y)
}

fn norm(row: &[f64]) -> f64 {
    dot(row, row).sqrt()
}

/// Rotates the rows of a square matrix among themselves until they are at right angles: their lengths are then its
/// singular values, and if it was symmetric and positive, their directions its eigenvectors (one-sided Jacobi;
/// Hestenes, J. SIAM 6, 1958).
fn orthogonalise(matrix: &mut [f64], dim: usize) {
    let least = dim as f64 * f64::EPSILON * norm(matrix);
    for _ in 0..MOST_SWEEPS {
        let mut turned = false;
        for q in 1..dim {
            let (before, row) = matrix.split_at_mut(q * dim);
            let b = &mut row[..dim];
            for a in before.chunks_mut(dim) {
                let (long, wide, both) = (norm(a), norm(b), dot(a, b));
                if long <= least || wide <= least || both.abs() <= RIGHT * long * wide {
                    continue;
                }
                turned = true;
                let zeta = (wide * wide - long * long) / (2.0 * both);
                let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let cosine = 1.0 / tangent.hypot(1.0);
                let sine = cosine * tangent;
                for (x, y) in a.iter_mut().zip(b.iter_mut()) {
                    (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
                }
            }
        }
        if !turned {
            break;
        }
    }
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
    fn right_angled_rows_keep_what_rotations_keep() {
        let dim = 9;
        let mut matrix: Vec<f64> = waves(dim, dim, 0.37, 0.0).values.iter().map(|&x| f64::from(x)).collect();
        let before: f64 = norm(&matrix);
        orthogonalise(&mut matrix, dim);
        assert!((norm(&matrix) - before).abs() < 1e-12);
        let rows: Vec<&[f64]> = matrix.chunks(dim).collect();
        for (i, a) in rows.iter().enumerate() {
            assert!(rows[..i].iter().all(|b| dot(a, b).abs() < 1e-12));
        }
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
