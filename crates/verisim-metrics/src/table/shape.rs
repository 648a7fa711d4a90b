//! Does each column have the right distribution? One minus the Kolmogorov-Smirnov distance for numbers, one
//! minus the total variation distance for categories, as the column shapes of SDMetrics 0.32.

use rayon::prelude::*;

use super::values::{Compared, Scale, ValueTable, Values};

/// The score of every column: 1 is the same distribution, 0 a disjoint one, and one that lost all its values. `None` where neither
/// side has a value.
pub(crate) fn shapes(fields: &[Compared], real: &ValueTable, other: &ValueTable) -> Vec<Option<f64>> {
    let pairs = real.columns.par_iter().zip(&other.columns).zip(fields);
    pairs
        .map(|((a, b), field)| match (a, b) {
            (Values::Number(a), Values::Number(b)) => {
                let places = !matches!(field.scale, Scale::Number { decimals: None, .. });
                ks_complement(&sorted(a, places), &sorted(b, places))
            }
            (Values::Category(a), Values::Category(b)) => Some(tv_complement(a, b, field.levels())),
            _ => None,
        })
        .collect()
}

/// The present values in order; with `places`, rounded to 14 decimals so that the last bits of an arithmetic do not count.
fn sorted(values: &[f64], places: bool) -> Vec<f64> {
    let round = |x: f64| {
        if places && x.abs() < 1e2 { (x * 1e14).round_ties_even() / 1e14 } else { x }
    };
    let mut v: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).map(round).collect();
    v.sort_unstable_by(f64::total_cmp);
    v
}

/// `1 - sup |F_a - F_b|` of two sorted samples, the real one first.
fn ks_complement(a: &[f64], b: &[f64]) -> Option<f64> {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return None,
        (true, _) | (_, true) => return Some(0.0),
        _ => {}
    }
    let (mut i, mut j, mut widest) = (0, 0, 0.0_f64);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        while i < a.len() && a[i] <= x {
            i += 1;
        }
        while j < b.len() && b[j] <= x {
            j += 1;
        }
        widest = widest.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    Some(1.0 - widest)
}

/// `1 - sum |p - q| / 2` over the levels.
fn tv_complement(a: &[u32], b: &[u32], levels: usize) -> f64 {
    let mut share = vec![0.0; levels];
    for &c in a {
        share[c as usize] += 1.0 / a.len() as f64;
    }
    for &c in b {
        share[c as usize] -= 1.0 / b.len() as f64;
    }
    (1.0 - share.iter().map(|d: &f64| d.abs()).sum::<f64>() / 2.0).max(0.0)
}

/// The mean of what could be scored.
pub(crate) fn mean(scores: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, n) = scores.flatten().fold((0.0, 0), |(s, n), x| (s + x, n + 1));
    (n > 0).then(|| sum / n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ks(a: &[f64], b: &[f64]) -> Option<f64> {
        ks_complement(&sorted(a, true), &sorted(b, true))
    }

    #[test]
    fn ks_by_hand() {
        // F_a jumps at 1, 2, 3, 4; F_b at 3, 4, 5, 6: widest gap 1/2, at 2.
        assert_eq!(ks(&[4.0, 1.0, 3.0, 2.0], &[5.0, 3.0, 6.0, 4.0]), Some(0.5));
        assert_eq!(ks(&[1.0, 1.0, 2.0], &[2.0, 1.0, 1.0]), Some(1.0));
        assert_eq!(ks(&[0.0], &[1.0, 2.0]), Some(0.0));
    }

    #[test]
    fn ks_drops_missing_and_a_lost_column_scores_nothing() {
        assert_eq!(ks(&[f64::NAN, 1.0], &[1.0]), Some(1.0));
        assert_eq!(ks(&[1.0], &[f64::NAN]), Some(0.0));
        assert_eq!(ks(&[f64::NAN], &[1.0]), Some(0.0));
        assert_eq!(ks(&[f64::NAN], &[f64::NAN]), None);
        assert_eq!(ks(&[0.1 + 0.2], &[0.3]), Some(1.0));
    }

    #[test]
    fn tv_by_hand() {
        // (1/2, 1/2, 0) against (1/4, 1/4, 1/2): distance 1/2.
        assert_eq!(tv_complement(&[0, 1], &[0, 1, 2, 2], 3), 0.5);
        assert_eq!(tv_complement(&[0, 0], &[1], 2), 0.0);
    }
}
