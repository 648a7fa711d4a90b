//! The range and precision of a number column, and the stretches of it where the data have nothing: kept exactly by every
//! numeric codec.
//!
//! **Gaps.** 9999 among heights, a date at the end of time: between the ordinary values and such a one lies nothing, and nothing
//! may be drawn there. A stretch between two neighbouring values is a gap when it is ten times as wide as eight
//! further steps from either end of it into the data, whichever of the two is more. The tail of a log-normal
//! column does not meet that, a sentinel does.

use serde::{Deserialize, Serialize};

/// Distinct values beside a stretch that it is measured against.
const NEIGHBOURS: usize = 8;
/// Fewer values than this on one side measure nothing.
const FEWEST: usize = 3;
/// How many times as wide as its neighbourhood a gap is.
const FAR: f64 = 10.0;
/// The widest gaps are kept, no more.
const MOST_GAPS: usize = 16;
/// Magnitudes between smallest and largest from which on a column is interpolated by its logarithm.
const WIDE_RANGE: f64 = 1e6;

/// What arithmetic may lose, as a part of a number.
const ARITHMETIC: f64 = 1e-12;
/// Dates are equal within so many seconds.
const DATE_LEEWAY: f64 = 1e-3;

/// To which digit a column is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Precision {
    /// Digits after the decimal point; `None` for dates.
    pub decimals: Option<u8>,
    /// Digits that count, where a column is told by those.
    pub significant: Option<u8>,
}

impl Precision {
    /// So many digits after the point.
    pub fn decimals(digits: u8) -> Precision {
        Precision { decimals: Some(digits), significant: None }
    }

    /// So many digits that count.
    pub fn significant(digits: u8) -> Precision {
        Precision { decimals: None, significant: Some(digits) }
    }
}

/// Range and precision of a number column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Smallest value seen.
    pub min: f64,
    /// Largest value seen.
    pub max: f64,
    /// Digits after the decimal point; `None` for dates.
    pub decimals: Option<u8>,
    /// Values are the smallest and a whole number of such steps more: `10^-decimals`, or a multiple of it that divides all distances, as
    /// of prices in fives; for dates whole seconds, a week where all are Mondays; 0 when there is none.
    pub step: f64,
    /// Digits that count, where the column is told by those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub significant: Option<u8>,
    /// Smallest size that is not zero, in a column of many magnitudes: values between two are found by their logarithms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<f64>,
    /// Neighbouring values with nothing between them, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<(f64, f64)>,
}

impl Bounds {
    /// The range of the values that are not missing, `0..0` when all are, their step and their gaps. `sorted` holds those values,
    /// ascending.
    pub(super) fn of(sorted: &[f64], precision: Precision) -> Self {
        let (min, max) = (sorted.first().copied().unwrap_or(0.0), sorted.last().copied().unwrap_or(0.0));
        let step = match precision {
            Precision { significant: Some(_), .. } => 0.0,
            Precision { decimals: Some(d), .. } => {
                10f64.powi(-i32::from(d)) * common_step(sorted, d).unwrap_or(1) as f64
            }
            _ => {
                let clock = [86_400.0, 3600.0, 60.0, 1.0].into_iter().find(|s| sorted.iter().all(|x| x % s == 0.0));
                clock.map_or(0.0, |clock| common_step(sorted, 0).map_or(clock, |step| clock.max(step as f64)))
            }
        };
        let least = precision.significant.and_then(|_| {
            let sizes = || sorted.iter().map(|x| x.abs()).filter(|x| *x > 0.0);
            let (least, most) = sizes().fold((f64::INFINITY, 0.0_f64), |(lo, hi), x| (lo.min(x), hi.max(x)));
            // The quotient of a double's ends is infinite, which is many magnitudes too.
            (most > 0.0 && most / least > WIDE_RANGE).then_some(least)
        });
        let Precision { decimals, significant } = precision;
        let mut bounds = Bounds { min, max, decimals, step, significant, least, gaps: Vec::new() };
        bounds.gaps = bounds.find_gaps(sorted);
        bounds
    }

    /// `x` rounded to the precision, clamped into the range and out of the gaps (in this order, so that what the data have wins).
    pub fn apply(&self, x: f64) -> f64 {
        let rounded = match (self.significant, self.decimals) {
            (Some(digits), _) => round_significant(x, digits),
            (None, Some(0)) => self.to_step(x, 1.0).round(),
            (None, Some(d)) => round_to(self.to_step(x, 10f64.powi(-i32::from(d))), d),
            (None, None) => self.to_step(x, 0.0),
        };
        self.out_of_gaps(rounded.clamp(self.min, self.max))
    }

    /// `x` rounded to the precision, wherever it lies.
    pub(crate) fn round(&self, x: f64) -> f64 {
        match (self.significant, self.decimals) {
            (Some(digits), _) => round_significant(x, digits),
            (None, Some(decimals)) => round_to(x, decimals),
            (None, None) => x,
        }
    }

    /// Whether `x`, which was computed, is `value` but for rounding to the precision.
    pub(crate) fn is_near(&self, x: f64, value: f64) -> bool {
        (x - value).abs() <= self.half_step(value.abs())
    }

    /// How far rounding to the precision, and arithmetic, may move a number of this size.
    pub(crate) fn half_step(&self, size: f64) -> f64 {
        let half = match (self.significant, self.decimals) {
            (Some(digits), _) => 0.5 * 10f64.powi(1 - i32::from(digits)) * size,
            (None, Some(decimals)) => 0.5 * 10f64.powi(-i32::from(decimals)) * (1.0 + 1e-6),
            (None, None) => DATE_LEEWAY,
        };
        half + ARITHMETIC * size
    }

    /// `x` to so many digits after the point.
    pub(crate) fn to_digits(x: f64, decimals: u8) -> f64 {
        round_to(x, decimals)
    }

    /// The nearest whole number of steps from the smallest value, if a step is more than the `least` that rounding takes care of.
    fn to_step(&self, x: f64, least: f64) -> f64 {
        if self.step > 1.5 * least { self.min + ((x - self.min) / self.step).round() * self.step } else { x }
    }

    /// The value at the share `f` of the way from `a` to `b`.
    pub(super) fn between(&self, a: f64, b: f64, f: f64) -> f64 {
        match self.least {
            _ if a == b => a,
            Some(_) => self.outward(self.inward(a) + f * (self.inward(b) - self.inward(a))),
            // Not `b - a`, which may be past what a double holds.
            None => a * (1.0 - f) + b * f,
        }
    }

    /// `x` on the scale that values are interpolated on: its own, or for many magnitudes a logarithm that runs straight through zero.
    pub(super) fn inward(&self, x: f64) -> f64 {
        match self.least {
            Some(_) if x == 0.0 => 0.0,
            Some(least) => x.signum() * (1.0 + (x.abs().ln() - least.ln()).max(0.0)),
            None => x,
        }
    }

    /// The inverse of [`Bounds::inward`].
    pub(super) fn outward(&self, t: f64) -> f64 {
        match self.least {
            Some(least) if t.abs() <= 1.0 => t * least,
            Some(least) => t.signum() * ((t.abs() - 1.0) + least.ln()).exp().min(f64::MAX),
            None => t,
        }
    }

    fn out_of_gaps(&self, x: f64) -> f64 {
        let at = self.gaps.partition_point(|&(_, end)| end <= x);
        match self.gaps.get(at) {
            Some(&(start, end)) if start < x => {
                if x - start < end - x {
                    start
                } else {
                    end
                }
            }
            _ => x,
        }
    }

    fn find_gaps(&self, sorted: &[f64]) -> Vec<(f64, f64)> {
        let mut distinct = sorted.to_vec();
        distinct.dedup();
        let at: Vec<f64> = distinct.iter().map(|&x| self.inward(x)).collect();
        // How wide so many steps are, halved so that no difference overflows.
        let width = |from: usize, to: usize| at[to] / 2.0 - at[from] / 2.0;
        let mut gaps: Vec<(f64, usize)> = Vec::new();
        for i in 1..at.len() {
            let below = i - 1 - (i - 1).saturating_sub(NEIGHBOURS);
            let above = (at.len() - 1 - i).min(NEIGHBOURS);
            let beside = [(below, width(i - 1 - below, i - 1)), (above, width(i, i + above))];
            let measured = beside.into_iter().filter(|(steps, _)| *steps >= FEWEST).map(|(_, w)| w);
            let gap = width(i - 1, i);
            if measured.reduce(f64::max).is_some_and(|w| gap / FAR > w) {
                gaps.push((gap, i));
            }
        }
        gaps.sort_by(|a, b| b.0.total_cmp(&a.0));
        gaps.truncate(MOST_GAPS);
        let mut gaps: Vec<(f64, f64)> = gaps.into_iter().map(|(_, i)| (distinct[i - 1], distinct[i])).collect();
        gaps.sort_by(|a, b| a.0.total_cmp(&b.0));
        gaps
    }

    /// Values that stand alone: nothing but a gap, or the end of the data, on either side.
    pub(super) fn alone(&self) -> Vec<f64> {
        let ends = std::iter::once(self.min).chain(self.gaps.iter().map(|g| g.1));
        let starts = self.gaps.iter().map(|g| g.0).chain([self.max]);
        match self.gaps.is_empty() {
            true => Vec::new(),
            false => ends.zip(starts).filter(|(a, b)| a == b).map(|(a, _)| a).collect(),
        }
    }

    /// What is wrong with bounds that were read from a file, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let finite = |x: f64| x.is_finite();
        let sound = self.min <= self.max
            && finite(self.min)
            && finite(self.max)
            && self.step >= 0.0
            && self.least.is_none_or(|x| x > 0.0 && finite(x))
            && self.gaps.iter().all(|&(a, b)| a < b && finite(a) && finite(b))
            && self.gaps.is_sorted_by(|a, b| a.1 <= b.0);
        (!sound).then_some("has a range that is none")
    }
}

/// What divides the distances of all values from the smallest, in units of the last of `decimals` digits: 1 for most columns of numbers.
/// `None` where a distance is no whole number of units, or too large to tell.
fn common_step(sorted: &[f64], decimals: u8) -> Option<u64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    let scale = 10f64.powi(i32::from(decimals));
    let least = sorted.first()? * scale;
    // Of few values any number may be a common step by chance.
    const FEWEST: usize = 10;
    let (mut step, mut distinct, mut last) = (0_u64, 1, sorted[0]);
    for &x in sorted {
        if x == last {
            continue;
        }
        (distinct, last) = (distinct + 1, x);
        let distance = x * scale - least;
        let whole = distance.round();
        if whole >= MOST || (distance - whole).abs() > 1e-3 {
            return None;
        }
        step = gcd(step, whole as u64);
        if step == 1 {
            return Some(1);
        }
    }
    Some(if distinct < FEWEST { 1 } else { step.max(1) })
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// `x` rounded to `decimals` digits, giving the double that is nearest to that decimal number.
fn round_to(x: f64, decimals: u8) -> f64 {
    let scale = 10f64.powi(i32::from(decimals));
    let scaled = x * scale;
    // Above 2^52 every double is whole already: rounding would only add error.
    if scaled.abs() < 4.5e15 { scaled.round() / scale } else { x }
}

/// `x` rounded to so many digits that count.
fn round_significant(x: f64, digits: u8) -> f64 {
    // Seventeen tell all doubles apart.
    match digits {
        17.. => x,
        _ => format!("{x:.*e}", usize::from(digits.max(1)) - 1).parse().unwrap_or(x),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mut values: Vec<f64>, precision: Precision) -> Bounds {
        values.sort_by(f64::total_cmp);
        Bounds::of(&values, precision)
    }

    #[test]
    fn rounds_then_clamps() {
        let b = of(vec![0.25, 9.99], Precision::decimals(2));
        assert_eq!(b.apply(7.14159), 7.14);
        assert_eq!(b.apply(9.999), 9.99);
        assert_eq!(b.apply(-4.0), 0.25);
        assert_eq!(b.apply(0.1 + 0.2), 0.3);
        let b = of(vec![3.25e-18, 9.99e-18], Precision::significant(3));
        assert_eq!(b.apply(7.14159e-18), 7.14e-18);
    }

    #[test]
    fn dates_step_by_the_largest_unit_that_divides_them() {
        let dates = Precision::default();
        let days = of(vec![0.0, 86_400.0, 5.0 * 86_400.0], dates);
        assert_eq!((days.step, days.apply(100_000.0)), (86_400.0, 86_400.0));
        assert_eq!(of(vec![0.0, 7200.0], dates).step, 3600.0);
        assert_eq!(of(vec![0.5], dates).step, 0.0);
    }

    #[test]
    fn values_that_are_steps_apart_stay_so() {
        let fives = of((0..40).map(|i| 3.0 + 5.0 * f64::from(i * i % 37)).collect(), Precision::decimals(0));
        assert_eq!((fives.step, fives.apply(11.0), fives.apply(10.0)), (5.0, 13.0, 8.0));
        let cents = of((0..40).map(|i| 0.95 + 0.25 * f64::from(i)).collect(), Precision::decimals(2));
        assert_eq!((cents.step, cents.apply(1.3)), (0.25, 1.2));
        let mondays = of((0..40).map(|i| 345_600.0 + 604_800.0 * f64::from(i)).collect(), Precision::default());
        assert_eq!((mondays.step, mondays.apply(345_600.0 + 500_000.0)), (604_800.0, 950_400.0));
        // Few values are whole numbers of anything.
        assert_eq!(of(vec![0.0, 4.0, 12.0], Precision::decimals(0)).step, 1.0);
        assert_eq!(of(vec![0.0, 1e300], Precision::decimals(0)).step, 1.0);
    }

    #[test]
    fn nothing_seen_gives_an_empty_range() {
        assert_eq!(of(vec![], Precision::default()).max, 0.0);
    }

    #[test]
    fn a_sentinel_is_apart_and_a_tail_is_not() {
        let mut values: Vec<f64> = (0..300).map(|i| f64::from(i % 100)).collect();
        values.extend([9999.0; 3]);
        values.extend([-999.0; 2]);
        let b = of(values, Precision::decimals(0));
        assert_eq!(b.gaps, [(-999.0, 0.0), (99.0, 9999.0)]);
        assert_eq!(b.alone(), [-999.0, 9999.0]);
        assert_eq!((b.apply(5000.0), b.apply(6000.0), b.apply(-400.0)), (99.0, 9999.0, 0.0));
        // Quantiles of an exponential and of a log-normal distribution, out to one in a thousand.
        let tail = |f: fn(f64) -> f64| (0..1000).map(|i| f((f64::from(i) + 0.5) / 1000.0)).collect::<Vec<f64>>();
        assert_eq!(of(tail(|u| -(1.0 - u).ln()), Precision::decimals(6)).gaps, []);
        assert_eq!(of(tail(|u| (2.0 * crate::normal::quantile(u)).exp()), Precision::decimals(6)).gaps, []);
    }

    #[test]
    fn two_islands_have_nothing_between() {
        let values = (0..50).map(f64::from).chain((0..50).map(|i| 10_000.0 + f64::from(i))).collect();
        let b = of(values, Precision::decimals(0));
        assert_eq!((b.gaps.clone(), b.alone()), (vec![(49.0, 10_000.0)], vec![]));
    }

    #[test]
    fn many_magnitudes_are_interpolated_by_their_logarithm() {
        let b = of(vec![-1e300, -1e-300, 0.0, 1e-300, 1.0, 1e300], Precision::significant(17));
        assert_eq!(b.least, Some(1e-300));
        assert!((b.between(1.0, 1e300, 0.5).log10() - 150.0).abs() < 1e-9);
        assert!(b.between(-1e300, 1e300, 0.5).abs() < 1e-300);
        for x in [-1e300, -1e-300, 0.0, 1e-300, 1.0, 1e300] {
            assert!((b.outward(b.inward(x)) - x).abs() <= 1e-11 * x.abs(), "{x}");
        }
        let far = of(vec![-1.7e308, 1.7e308], Precision::significant(2));
        assert_eq!(far.between(-1.7e308, 1.7e308, 0.5), 0.0);
    }
}
