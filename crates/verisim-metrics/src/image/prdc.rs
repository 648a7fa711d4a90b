//! Precision and recall (Kynkäänniemi et al., NeurIPS 2019), density and coverage (Naeem et al., ICML 2020). Each
//! image has a ball around it that reaches to its k-th nearest neighbour of its own kind; the balls together stand
//! for where such images lie.

use schemars::JsonSchema;
use serde::Serialize;

use super::pairs::{squared, sweep};
use super::{Features, check};
use crate::Result;

/// Do synthetic images lie where real ones do, and are real ones reached?
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Prdc {
    /// Part of the synthetic images that lie in the ball of any real image: how many look real.
    pub precision: f64,
    /// Part of the real images that lie in the ball of any synthetic image: how much of what is real is made.
    pub recall: f64,
    /// Balls of real images around a synthetic image, over `k`, on average. Not a share: 1 is as real images, less
    /// is sparse, more is the typical over and over.
    pub density: f64,
    /// Part of the real images with a synthetic image in their ball; outliers mislead it less than recall.
    pub coverage: f64,
}

/// Precision, recall, density and coverage of `fake` images against `real` ones, with balls that reach to the
/// `k`-th nearest other image. Distances are Euclidean; on the surface of a ball is outside.
///
/// # Errors
/// Features of different lengths, or no more than `k` images.
pub fn prdc(real: &Features, fake: &Features, k: usize) -> Result<Prdc> {
    let k = k.max(1);
    check(real, fake, k + 1)?;
    Ok(Manifold::new(real, k).compare(&Manifold::new(fake, k)))
}

/// Images and the balls around them.
pub(super) struct Manifold<'a> {
    features: &'a Features,
    /// Squared radii.
    radii: Vec<f32>,
    k: usize,
}

impl<'a> Manifold<'a> {
    /// Needs more than `k` images.
    pub(super) fn new(features: &'a Features, k: usize) -> Manifold<'a> {
        let nearest = vec![f32::INFINITY; k];
        let nearest = sweep(features, features, squared, nearest, |least: &mut Vec<f32>, i, j, d| {
            if i != j && d < least[k - 1] {
                let at = least.partition_point(|x| *x <= d);
                least[at..].rotate_right(1);
                least[at] = d;
            }
        });
        Manifold { features, radii: nearest.iter().map(|least| least[k - 1]).collect(), k }
    }

    /// `self` is real, `fake` is not. Distances are computed twice, once for each side to gather its own.
    pub(super) fn compare(&self, fake: &Manifold) -> Prdc {
        let around = sweep(fake.features, self.features, squared, 0_usize, |balls, _, i, d| {
            *balls += usize::from(d < self.radii[i]);
        });
        let reached = sweep(self.features, fake.features, squared, (false, false), |(inside, covered), i, j, d| {
            *inside |= d < fake.radii[j];
            *covered |= d < self.radii[i];
        });
        let (reals, fakes) = (reached.len() as f64, around.len() as f64);
        let share = |hits: usize, of: f64| hits as f64 / of;
        Prdc {
            precision: share(around.iter().filter(|balls| **balls > 0).count(), fakes),
            recall: share(reached.iter().filter(|r| r.0).count(), reals),
            density: share(around.iter().sum(), fakes) / self.k as f64,
            coverage: share(reached.iter().filter(|r| r.1).count(), reals),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::waves;
    use super::*;

    fn brute(real: &Features, fake: &Features, k: usize) -> Prdc {
        let d = |a: &[f32], b: &[f32]| {
            a.iter().zip(b).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum::<f64>().sqrt()
        };
        // With the point itself, so the k + 1-th.
        let radius = |set: &Features, i: usize| {
            let mut all: Vec<f64> = (0..set.rows()).map(|j| d(set.row(i), set.row(j))).collect();
            all.sort_by(f64::total_cmp);
            all[k]
        };
        let (n, m) = (real.rows(), fake.rows());
        let at = |i: usize, j: usize| d(real.row(i), fake.row(j));
        let inside = |i: usize, j: usize| at(i, j) < radius(real, i);
        let share = |hits: usize, of: usize| hits as f64 / of as f64;
        let covered = |i: &usize| (0..m).map(|j| at(*i, j)).fold(f64::INFINITY, f64::min) < radius(real, *i);
        Prdc {
            precision: share((0..m).filter(|&j| (0..n).any(|i| inside(i, j))).count(), m),
            recall: share((0..n).filter(|&i| (0..m).any(|j| at(i, j) < radius(fake, j))).count(), n),
            density: share((0..m).map(|j| (0..n).filter(|&i| inside(i, j)).count()).sum(), m) / k as f64,
            coverage: share((0..n).filter(covered).count(), n),
        }
    }

    #[test]
    fn prdc_by_brute_force() {
        let real = waves(30, 2, 0.37, 0.0);
        for (k, shift) in [(5, 0.0), (5, 0.6), (1, 0.3), (3, 1.5)] {
            let fake = waves(30, 2, 0.53, shift);
            assert_eq!(prdc(&real, &fake, k).unwrap(), brute(&real, &fake, k), "k = {k}, shift {shift}");
        }
        let fewer = waves(21, 2, 0.71, 0.2);
        assert_eq!(prdc(&real, &fewer, 5).unwrap(), brute(&real, &fewer, 5));
    }

    #[test]
    fn equal_sets_are_whole() {
        let a = waves(300, 10, 0.37, 0.0);
        let p = prdc(&a, &a, 5).unwrap();
        assert_eq!([p.precision, p.recall, p.coverage], [1.0; 3]);
    }

    #[test]
    fn sets_far_apart_share_nothing() {
        let p = prdc(&waves(60, 10, 0.37, 0.0), &waves(60, 10, 0.37, 50.0), 5).unwrap();
        assert_eq!([p.precision, p.recall, p.density, p.coverage], [0.0; 4]);
    }

    #[test]
    fn one_image_over_and_over_is_precise_and_covers_little() {
        let real = waves(200, 10, 0.37, 0.0);
        let fake = Features::new(10, real.row(7).repeat(200)).unwrap();
        let p = prdc(&real, &fake, 5).unwrap();
        assert!(p.precision == 1.0 && p.recall == 0.0 && p.coverage < 0.2);
    }

    #[test]
    fn prdc_of_waves_as_torch_has_it() {
        let p = prdc(&waves(300, 6, 0.37, 0.0), &waves(300, 6, 0.71, 0.35), 5).unwrap();
        let found = [p.precision, p.recall, p.density, p.coverage];
        let expected = [0.846666667, 0.643333333, 0.557333333, 0.636666667];
        assert!(found.iter().zip(expected).all(|(a, b): (&f64, f64)| (a - b).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn as_many_neighbours_as_images_are_refused() {
        let a = waves(5, 3, 0.37, 0.0);
        assert!(prdc(&a, &a, 5).unwrap_err().to_string().contains('6'));
        assert!(prdc(&a, &a, 4).is_ok());
    }
}
