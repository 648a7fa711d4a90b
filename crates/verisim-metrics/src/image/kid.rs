//! Kernel distance (KID; Bińkowski et al., ICLR 2018): the unbiased estimate of the squared maximum mean discrepancy
//! under the kernel `(x.y / d + 1)^3`, over all pairs of images. Unlike FID it does not depend on the number of
//! images; for images of one source it is 0 on average, a little above or below.
//!
//! The kernel has no scale of its own: it was made for the features of Inception, which are about 1. Those of another network
//! may be thousands, and a difference of sums of cubes of millions is chance, not a score. So all features are measured from
//! the mean of the training features, in units of their root mean square over all dimensions: one unit, since the dimensions
//! in which features spread most should count most, as in the definition, and from the training features alone, so that scores
//! and floors share it. A network whose features are scaled and shifted then scores the same.

use super::pairs::{dot, sweep};
use super::{Features, check};
use crate::{Estimate, Result};

/// The farthest that a feature can lie, in units. No training feature is as far, unless there are more than its square of them;
/// its cubes are far from overflow.
const FAR: f64 = 1e4;

/// The kernel distance of images from training images, in units of the training features, and the interval in which chance
/// leaves it.
///
/// # Errors
/// Features of different lengths, or fewer than two images.
pub fn kid(train: &Features, other: &Features) -> Result<Estimate> {
    check(train, other, 2)?;
    Ok(Kernels::new(train).distance(other))
}

/// Training images and how like one another they are.
pub(super) struct Kernels {
    unit: Unit,
    train: Features,
    /// The mean kernel of each with the others.
    within: Vec<f64>,
}

impl Kernels {
    pub(super) fn new(train: &Features) -> Kernels {
        let unit = Unit::of(train);
        let train = unit.put(train);
        let within = within(&train);
        Kernels { unit, train, within }
    }

    /// Every image has its part in the distance: its mean kernel with its own set less that with the other. How much the parts
    /// vary is how far chance moves the distance; near 0, where chance moves it less, the interval is a little wide.
    pub(super) fn distance(&self, other: &Features) -> Estimate {
        let other = self.unit.put(other);
        let (a, a_error) = mean(&parts(&self.within, &between(&self.train, &other)));
        let (b, b_error) = mean(&parts(&within(&other), &between(&other, &self.train)));
        Estimate::normal(a + b, 2.0 * a_error.hypot(b_error), f64::NEG_INFINITY, f64::INFINITY)
    }
}

fn parts(own: &[f64], other: &[f64]) -> Vec<f64> {
    own.iter().zip(other).map(|(own, other)| own - other).collect()
}

/// The mean and its standard error.
fn mean(parts: &[f64]) -> (f64, f64) {
    let n = parts.len() as f64;
    let mean = parts.iter().sum::<f64>() / n;
    let squares: f64 = parts.iter().map(|x| (x - mean).powi(2)).sum();
    (mean, (squares / (n * (n - 1.0))).sqrt())
}

/// The mean kernel of each image with the others of its set.
fn within(a: &Features) -> Vec<f64> {
    let others = (a.rows() - 1) as f64;
    let rows = sweep(a, a, dot, 0.0, |sum, i, j, x| *sum += if i == j { 0.0 } else { kernel(x, a.dim()) });
    rows.into_iter().map(|sum| sum / others).collect()
}

/// The mean kernel of each image of `a` with those of `b`.
fn between(a: &Features, b: &Features) -> Vec<f64> {
    let rows = sweep(a, b, dot, 0.0, |sum, _, _, x| *sum += kernel(x, a.dim()));
    rows.into_iter().map(|sum| sum / b.rows() as f64).collect()
}

fn kernel(product: f32, dim: usize) -> f64 {
    let y = f64::from(product) / dim as f64 + 1.0;
    y * y * y
}

/// What features are measured in.
struct Unit {
    mean: Vec<f64>,
    size: f64,
}

impl Unit {
    fn of(train: &Features) -> Unit {
        let rows = train.rows() as f64;
        let column = |k: usize| (0..train.rows()).map(move |i| f64::from(train.row(i)[k]));
        let mean: Vec<f64> = (0..train.dim()).map(|k| column(k).sum::<f64>() / rows).collect();
        let variance = |(k, mean): (usize, &f64)| {
            let variance = column(k).map(|x| (x - mean).powi(2)).sum::<f64>() / rows;
            // A feature that is always the same varies by rounding alone.
            if variance.sqrt() <= f64::from(f32::EPSILON) * mean.abs() { 0.0 } else { variance }
        };
        let size = (mean.iter().enumerate().map(variance).sum::<f64>() / train.dim() as f64).sqrt();
        Unit { mean, size: if size > 0.0 { size } else { 1.0 } }
    }

    fn put(&self, features: &Features) -> Features {
        let put = |(&x, mean): (&f32, &f64)| ((f64::from(x) - mean) / self.size).clamp(-FAR, FAR) as f32;
        let rows = features.values.chunks_exact(features.dim);
        Features { dim: features.dim, values: rows.flat_map(|row| row.iter().zip(&self.mean).map(put)).collect() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::rng::{normal, stream};

    use super::super::tests::waves;
    use super::*;

    fn value(train: &Features, other: &Features) -> f64 {
        kid(train, other).unwrap().value
    }

    /// Every feature through `of`.
    fn mapped(features: &Features, of: impl Fn(f32) -> f32) -> Features {
        Features::new(features.dim(), features.values.iter().map(|&x| of(x)).collect()).unwrap()
    }

    #[test]
    fn kid_by_brute_force() {
        let (a, b) = (waves(45, 19, 0.37, 0.0), waves(60, 19, 0.53, 0.4));
        let rows = |f: &Features| (0..f.rows()).map(|i| f.row(i).iter().map(|&x| f64::from(x)).collect()).collect();
        let (mut p, mut q): (Vec<Vec<f64>>, Vec<Vec<f64>>) = (rows(&a), rows(&b));
        for k in 0..19 {
            let mean = p.iter().map(|x| x[k]).sum::<f64>() / 45.0;
            p.iter_mut().chain(&mut q).for_each(|x| x[k] -= mean);
        }
        let square = p.iter().flatten().map(|x| x * x).sum::<f64>() / (45.0 * 19.0);
        let k = |x: &[f64], y: &[f64]| (x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>() / square / 19.0 + 1.0).powi(3);
        let mean = |p: &[Vec<f64>], q: &[Vec<f64>], same: bool| {
            let pairs = (0..p.len()).flat_map(|i| (0..q.len()).map(move |j| (i, j))).filter(|(i, j)| !same || i != j);
            let kernels: Vec<f64> = pairs.map(|(i, j)| k(&p[i], &q[j])).collect();
            kernels.iter().sum::<f64>() / kernels.len() as f64
        };
        let expected = mean(&p, &p, true) + mean(&q, &q, true) - 2.0 * mean(&p, &q, false);
        assert!((value(&a, &b) - expected).abs() < 1e-6);
    }

    #[test]
    fn kid_of_two_points_by_hand() {
        // One feature: 1 and 2 are -1 and 1 in their unit, 0 and 3 are -3 and 3. Within (-1+1)^3 = 0 and (-9+1)^3 = -512;
        // between twice (3+1)^3 = 64 and twice (-3+1)^3 = -8. Each point has the same part.
        let set = |a, b| Features::new(1, vec![a, b]).unwrap();
        let found = kid(&set(1.0, 2.0), &set(0.0, 3.0)).unwrap();
        assert!((found.value - (-512.0 - 2.0 * 28.0)).abs() < 1e-9 && found.low() == found.high());
    }

    #[test]
    fn one_source_is_near_zero_and_a_shift_is_not() {
        let a = waves(400, 8, 0.37, 0.0);
        let near = kid(&a, &waves(400, 8, 0.53, 0.0)).unwrap();
        assert!(near.value.abs() < 0.03 && near.low() < 0.0 && near.high() > 0.0, "{near:?}");
        let far = kid(&a, &waves(400, 8, 0.53, 1.0)).unwrap();
        assert!(far.low() > 0.5, "{far:?}");
    }

    #[test]
    fn large_and_shifted_features_score_the_same() {
        let sets = [waves(300, 24, 0.37, 0.0), waves(300, 24, 0.53, 0.0), waves(300, 24, 0.71, 0.2)];
        let large = sets.each_ref().map(|f| mapped(f, |x| 1e3 * x + 5e3));
        for other in [1, 2] {
            let (plain, found) = (kid(&sets[0], &sets[other]).unwrap(), kid(&large[0], &large[other]).unwrap());
            assert!((plain.value - found.value).abs() < 1e-5, "{plain:?} {found:?}");
            assert!((plain.low() - found.low()).abs() < 1e-5);
        }
    }

    #[test]
    fn constant_and_extreme_features_give_numbers() {
        // Rounding alone varies the mean of 0.1: no unit.
        let same = |x| Features::new(3, vec![x; 30]).unwrap();
        assert!(value(&same(0.1), &same(0.1)).abs() < 1e-12);
        let waves = waves(50, 3, 0.37, 0.0);
        for (a, b) in [(1.0, 1e30), (1e-30, 1.0), (1e30, 1e30), (1e-30, 1e-30)] {
            let found = kid(&mapped(&waves, |x| a * x), &mapped(&waves, |x| b * x)).unwrap();
            assert!(found.value.is_finite() && found.high().is_finite(), "{found:?}");
        }
    }

    #[test]
    fn the_interval_holds_0_for_images_of_one_source() {
        let mut rng = stream(7, "kid", 0);
        let mut set = || Features::new(16, (0..100 * 16).map(|_| normal(&mut rng) as f32).collect()).unwrap();
        let train = Kernels::new(&set());
        let found: Vec<Estimate> = (0..200).map(|_| train.distance(&set())).collect();
        let holds = found.iter().filter(|e| e.low() <= 0.0 && e.high() >= 0.0).count();
        assert!(holds >= 185, "{holds} of 200");
        // And not because it is too wide to say anything.
        let spread = (found.iter().map(|e| e.value.powi(2)).sum::<f64>() / 200.0).sqrt();
        let half = found.iter().map(|e| e.high() - e.value).sum::<f64>() / 200.0;
        assert!(half < 4.0 * spread, "{half} {spread}");
    }

    #[test]
    fn kid_of_waves_as_another_program_has_it() {
        let found = value(&waves(40, 3, 0.37, 0.0), &waves(50, 3, 0.53, 0.25));
        assert!((found - 0.909686451624).abs() < 1e-6, "{found}");
        let found = value(&waves(300, 24, 0.37, 0.0), &waves(300, 24, 0.71, -0.1));
        assert!((found - 0.054327182681).abs() < 1e-6, "{found}");
    }
}
