//! How each column is distributed, whatever the order of the steps: Kolmogorov-Smirnov distance of numbers, total variation distance of
//! categories, and the shares of missing numbers.

use super::bag::Bag;
use super::scores::Statistics;

/// Steps at which the distribution of each step is looked at, at most.
const STEPS: usize = 24;

/// The largest distance between two distribution functions, missing values left out. 1 where one side alone has values.
pub(crate) fn ks(mut a: Vec<f64>, mut b: Vec<f64>) -> f64 {
    a.retain(|x| !x.is_nan());
    b.retain(|x| !x.is_nan());
    if a.is_empty() || b.is_empty() {
        return if a.is_empty() && b.is_empty() { 0.0 } else { 1.0 };
    }
    a.sort_unstable_by(f64::total_cmp);
    b.sort_unstable_by(f64::total_cmp);
    let (mut i, mut j, mut most) = (0, 0, 0.0_f64);
    while i < a.len() && j < b.len() {
        let at = a[i].min(b[j]);
        while i < a.len() && a[i] <= at {
            i += 1;
        }
        while j < b.len() && b[j] <= at {
            j += 1;
        }
        most = most.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    most
}

/// Half the sum of the differences between the shares of `levels` levels.
pub(crate) fn tvd(a: impl Iterator<Item = u32>, b: impl Iterator<Item = u32>, levels: usize) -> f64 {
    let shares = |codes: &mut dyn Iterator<Item = u32>| {
        let (mut counts, mut all) = (vec![0.0; levels], 0.0_f64);
        codes.for_each(|code| {
            counts[code as usize] += 1.0;
            all += 1.0;
        });
        counts.into_iter().map(|n| n / all.max(1.0)).collect::<Vec<f64>>()
    };
    let (mut a, mut b) = (a, b);
    shares(&mut a).iter().zip(shares(&mut b)).map(|(x, y)| (x - y).abs()).sum::<f64>() / 2.0
}

/// The distance of each column: numbers, then categories.
pub(crate) fn columns(a: &Bag<'_>, b: &Bag<'_>) -> Vec<f64> {
    let values = &a.set.steps;
    let of = |bag: &Bag<'_>, raw: &[f64]| bag.rows().map(|i| raw[i]).collect::<Vec<f64>>();
    let numbers = values.raw.iter().map(|raw| ks(of(a, raw), of(b, raw)));
    let categories =
        values.codes.iter().zip(&values.categories).map(|(codes, category)| {
            tvd(a.rows().map(|i| codes[i]), b.rows().map(|i| codes[i]), category.levels.len())
        });
    numbers.chain(categories).collect()
}

/// What the marginals say of `b` beside `a`.
pub(crate) fn compare(a: &Bag<'_>, b: &Bag<'_>, out: &mut Statistics) {
    let all = columns(a, b);
    if !all.is_empty() {
        out.marginal_mean = Some(all.iter().sum::<f64>() / all.len() as f64);
        out.marginal_worst = Some(all.iter().copied().fold(0.0, f64::max));
    }
    let raw = &a.set.steps.raw;
    if raw.is_empty() {
        return;
    }
    let missing =
        |bag: &Bag<'_>, raw: &[f64]| bag.rows().filter(|&i| raw[i].is_nan()).count() as f64 / bag.steps().max(1) as f64;
    let gap = raw.iter().map(|raw| (missing(a, raw) - missing(b, raw)).abs()).sum::<f64>();
    out.missing = Some(gap / raw.len() as f64);
    if let (Some(length), Some(other)) = (a.common_length(), b.common_length())
        && length == other
    {
        let mut at: Vec<usize> = (0..STEPS).map(|k| (length - 1) * k / (STEPS - 1)).collect();
        at.dedup();
        let of = |bag: &Bag<'_>, raw: &[f64], t: usize| bag.starts.iter().map(|&s| raw[s + t]).collect::<Vec<f64>>();
        let sum: f64 = at.iter().flat_map(|&t| raw.iter().map(move |raw| ks(of(a, raw, t), of(b, raw, t)))).sum();
        out.marginal_by_step = Some(sum / (at.len() * raw.len()) as f64);
    }
}
