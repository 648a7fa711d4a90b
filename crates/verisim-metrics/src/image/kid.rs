//! Kernel distance (KID; Bińkowski et al., ICLR 2018): the unbiased estimate of the squared maximum mean discrepancy
//! under the kernel `(x.y / d + 1)^3`, over all pairs of images. Unlike FID it does not depend on the number of
//! images; for images of one source it is 0 on average, a little above or below.

use super::pairs::{dot, sweep};
use super::{Features, check};
use crate::Result;

/// The kernel distance of two sets of features.
///
/// # Errors
/// Features of different lengths, or fewer than two images.
pub fn kid(a: &Features, b: &Features) -> Result<f64> {
    check(a, b, 2)?;
    Ok(within(a) + within(b) - 2.0 * between(a, b))
}

/// The mean kernel of two different images of one set.
pub(super) fn within(a: &Features) -> f64 {
    let (n, kernel) = (a.rows() as f64, kernel(a.dim()));
    let rows = sweep(a, a, dot, 0.0, |sum, i, j, x| *sum += if i == j { 0.0 } else { kernel(x) });
    rows.iter().sum::<f64>() / (n * (n - 1.0))
}

/// The mean kernel of an image of either set.
pub(super) fn between(a: &Features, b: &Features) -> f64 {
    let kernel = kernel(a.dim());
    let rows = sweep(a, b, dot, 0.0, |sum, _, _, x| *sum += kernel(x));
    rows.iter().sum::<f64>() / (a.rows() as f64 * b.rows() as f64)
}

fn kernel(dim: usize) -> impl Fn(f32) -> f64 + Copy + Sync {
    let scale = 1.0 / dim as f64;
    move |x| {
        let y = f64::from(x) * scale + 1.0;
        y * y * y
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::waves;
    use super::*;

    #[test]
    fn kid_by_brute_force() {
        let (a, b) = (waves(45, 19, 0.37, 0.0), waves(60, 19, 0.53, 0.4));
        let k = |x: &[f32], y: &[f32]| {
            (x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>() / 19.0 + 1.0).powi(3)
        };
        let mean = |p: &Features, q: &Features, same: bool| {
            let pairs = (0..p.rows()).flat_map(|i| (0..q.rows()).map(move |j| (i, j))).filter(|(i, j)| !same || i != j);
            let kernels: Vec<f64> = pairs.map(|(i, j)| k(p.row(i), q.row(j))).collect();
            kernels.iter().sum::<f64>() / kernels.len() as f64
        };
        let expected = mean(&a, &a, true) + mean(&b, &b, true) - 2.0 * mean(&a, &b, false);
        assert!((kid(&a, &b).unwrap() - expected).abs() < 1e-6);
    }

    #[test]
    fn kid_of_two_points_by_hand() {
        // One feature: 1 and 2 against 0 and 3. Within (1*2+1)^3 = 27 and 1; between 1, 64, 1, 343.
        let set = |a, b| Features::new(1, vec![a, b]).unwrap();
        let expected = 27.0 + 1.0 - 2.0 * (1.0 + 64.0 + 1.0 + 343.0) / 4.0;
        assert!((kid(&set(1.0, 2.0), &set(0.0, 3.0)).unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn one_source_is_near_zero_and_a_shift_is_not() {
        let a = waves(400, 8, 0.37, 0.0);
        assert!(kid(&a, &waves(400, 8, 0.53, 0.0)).unwrap().abs() < 0.02);
        assert!(kid(&a, &waves(400, 8, 0.53, 1.0)).unwrap() > 0.5);
    }

    #[test]
    fn kid_of_waves_as_numpy_has_it() {
        let found = kid(&waves(40, 3, 0.37, 0.0), &waves(50, 3, 0.53, 0.25)).unwrap();
        assert!((found - 0.278359422118).abs() < 1e-6, "{found}");
        let found = kid(&waves(300, 24, 0.37, 0.0), &waves(300, 24, 0.71, -0.1)).unwrap();
        assert!((found - 0.028062446207).abs() < 1e-6, "{found}");
    }
}
