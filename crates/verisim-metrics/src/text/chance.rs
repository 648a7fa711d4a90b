//! How often do fresh real texts score so? By exchange: where synthetic texts are like fresh ones, it does not matter which is which, so
//! what two sets differ by is compared with what they differ by when all their texts are mixed and parted anew (Fisher; Good,
//! Permutation Tests, 1994). Exact whatever the score is, and whatever texts are like.

use rayon::prelude::*;
use verisim_data::rng::{permutation, stream};

/// How often texts are parted anew. One in a hundred can be told, one in ten thousand cannot.
const ROUNDS: u64 = 199;

/// The chance of a `difference` of two sets as large as it is, or larger: the texts of the first are numbered from 0 to `counts[0]`, those
/// of the second from there. `difference` is handed the numbers of the texts on each side.
pub(super) fn of_difference(
    counts: [usize; 2],
    seed: u64,
    purpose: &str,
    difference: impl Fn([&[usize]; 2]) -> f64 + Sync,
) -> f64 {
    let part = |order: &[usize]| difference([&order[..counts[0]], &order[counts[0]..]]);
    let all: Vec<usize> = (0..counts[0] + counts[1]).collect();
    let found = part(&all);
    let reaches = |round: &u64| {
        let order = permutation(&mut stream(seed, purpose, *round), all.len());
        part(&order) >= found - 1e-12
    };
    let as_large = (0..ROUNDS).into_par_iter().filter(reaches).count() as f64;
    (1.0 + as_large) / (1.0 + ROUNDS as f64)
}

/// The chance that two samples of one distribution are as far apart as `distance`, by the limit of Kolmogorov and Smirnov.
pub(super) fn of_ks(distance: f64, counts: [usize; 2]) -> f64 {
    let [a, b] = counts.map(|n| n as f64);
    let root = (a * b / (a + b)).sqrt();
    // Stephens' correction for small samples (JRSS B 32, 1970).
    let x = (root + 0.12 + 0.11 / root) * distance;
    if !x.is_finite() || x < 0.2 {
        return 1.0;
    }
    let term = |j: i32| (if j % 2 == 1 { 2.0 } else { -2.0 }) * (-2.0 * f64::from(j * j) * x * x).exp();
    (1..100).map(term).sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_may_well_be_so_and_what_is_not_may_not() {
        let mean = |values: &[f64], of: &[usize]| of.iter().map(|&i| values[i]).sum::<f64>() / of.len() as f64;
        let chance =
            |values: &[f64]| of_difference([40, 60], 1, "test", |[a, b]| (mean(values, a) - mean(values, b)).abs());
        let even: Vec<f64> = (0..100).map(|i| f64::from(i * 37 % 101)).collect();
        let odd: Vec<f64> = even.iter().enumerate().map(|(i, x)| if i < 40 { x + 60.0 } else { *x }).collect();
        assert!(chance(&even) > 0.05, "{}", chance(&even));
        assert_eq!(chance(&odd), 0.005);
        // Nothing differs from nothing.
        assert_eq!(chance(&[1.0; 100]), 1.0);
    }

    #[test]
    fn the_limit_of_kolmogorov() {
        // P(K > 1.36) = 0.0494, P(K > 1.63) = 0.0098, of tables; with many texts the correction is nothing.
        let n = 2_000_000;
        for (x, p) in [(1.36, 0.0494), (1.63, 0.0098)] {
            assert!((of_ks(x / 1_000.0, [n, n]) - p).abs() < 2e-4);
        }
        assert_eq!(of_ks(0.0, [10, 10]), 1.0);
        assert!(of_ks(1.0, [50, 50]) < 1e-12);
    }
}
