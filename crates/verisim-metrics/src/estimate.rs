//! Numbers that are estimated from a sample: a share or a mean with its interval, counts that are compared, and quantiles.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

/// A number and, where chance moves it, the interval that holds the true value 95 times in 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Estimate {
    /// The score.
    pub value: f64,
    /// 95 % confidence interval.
    pub interval: Option<[f64; 2]>,
}

/// The 97.5 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

impl Estimate {
    /// `value` with its normal interval, cut to `low..=high`.
    pub(crate) fn normal(value: f64, error: f64, low: f64, high: f64) -> Estimate {
        let ends = [(value - Z * error).max(low), (value + Z * error).min(high)];
        Estimate { value, interval: Some(ends) }
    }

    /// `hits` of `n` with Wilson's interval, which stays sensible at 0 hits (Wilson, JASA 22, 1927).
    pub(crate) fn share(hits: usize, n: usize) -> Estimate {
        let (k, n) = (hits as f64, n as f64);
        let (p, z2) = (k / n, Z * Z);
        let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        Estimate { value: p, interval: Some([(middle - half).clamp(0.0, p), (middle + half).clamp(p, 1.0)]) }
    }

    pub(crate) fn low(&self) -> f64 {
        self.interval.map_or(self.value, |i| i[0])
    }

    pub(crate) fn high(&self) -> f64 {
        self.interval.map_or(self.value, |i| i[1])
    }
}

/// Rows that have some property, out of all that were looked at. Written with their share and its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(into = "Counted")]
pub struct Count {
    /// Those that have it.
    pub hits: usize,
    /// All.
    pub rows: usize,
}

/// How a [`Count`] is written.
#[derive(Serialize, JsonSchema)]
struct Counted {
    /// Those that have it.
    hits: usize,
    /// All.
    rows: usize,
    /// The share of the hits.
    value: f64,
    /// Its 95 % confidence interval.
    interval: Option<[f64; 2]>,
}

/// A count looks as it is written.
impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Counted::json_schema(generator)
    }
}

impl From<Count> for Counted {
    fn from(count: Count) -> Counted {
        let Estimate { value, interval } = count.share();
        Counted { hits: count.hits, rows: count.rows, value, interval }
    }
}

impl Count {
    pub(crate) fn new(hits: usize, rows: usize) -> Count {
        Count { hits, rows }
    }

    /// How many of the rows `hit`.
    pub(crate) fn of(hit: impl Iterator<Item = bool>) -> Count {
        hit.fold(Count::default(), |c, hit| Count { hits: c.hits + usize::from(hit), rows: c.rows + 1 })
    }

    /// The share of the hits; 0 of no rows.
    pub fn rate(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.hits as f64 / self.rows as f64 }
    }

    /// The share with its interval.
    pub(crate) fn share(&self) -> Estimate {
        if self.rows == 0 { Estimate { value: 0.0, interval: None } } else { Estimate::share(self.hits, self.rows) }
    }

    /// Both together.
    pub(crate) fn and(self, other: Count) -> Count {
        Count { hits: self.hits + other.hits, rows: self.rows + other.rows }
    }

    fn misses(self) -> Count {
        Count { hits: self.rows - self.hits, rows: self.rows }
    }

    /// How likely rows of the same kind as those of `other` have as many hits as this or more: Fisher's exact test, one-sided
    /// (Fisher, The Design of Experiments, 1935). 1 where there is nothing to compare.
    pub(crate) fn chance_of_more(self, other: Count) -> f64 {
        let (all, marked, drawn) = (self.rows + other.rows, self.hits + other.hits, self.rows);
        let ways = |n: usize, k: usize| ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
        let from = self.hits;
        // Fewer than this cannot be among the drawn.
        if self.rows == 0 || other.rows == 0 || from <= (marked + drawn).saturating_sub(all) {
            return 1.0;
        }
        let first = ways(marked, from) + ways(all - marked, drawn - from) - ways(all, drawn);
        let (mut term, mut sum) = (1.0, 0.0);
        for x in from..=marked.min(drawn) {
            sum += term;
            let [marked_left, drawn_left] = [(marked - x) as f64, (drawn - x) as f64];
            term *= marked_left * drawn_left / ((x + 1) as f64 * (all + x + 1 - marked - drawn) as f64);
            if term < 1e-17 * sum {
                break;
            }
        }
        (first + f64::ln(sum)).exp().min(1.0)
    }

    /// The same for as few hits as this or fewer.
    pub(crate) fn chance_of_fewer(self, other: Count) -> f64 {
        self.misses().chance_of_more(other.misses())
    }
}

fn ln_factorial(n: usize) -> f64 {
    libm::lgamma(n as f64 + 1.0)
}

/// The `q` quantile with linear interpolation between neighbours; reorders `v`.
pub(crate) fn quantile(v: &mut [f64], q: f64) -> f64 {
    let at = q * (v.len().saturating_sub(1)) as f64;
    let below = at.floor() as usize;
    if v.is_empty() {
        return f64::NAN;
    }
    let (_, &mut low, above) = v.select_nth_unstable_by(below, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    low + (high - low) * (at - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_by_hand() {
        // 0 of 100: upper end z^2 / (n + z^2) = 3.8415 / 103.8415.
        let e = Estimate::share(0, 100);
        assert_eq!((e.value, e.low()), (0.0, 0.0));
        assert!((e.high() - 0.036_993).abs() < 1e-5);
    }

    #[test]
    fn fishers_test_by_hand() {
        let count = |hits, rows| Count { hits, rows };
        // The lady tasting tea: 4 of 4 cups right has one chance in 70, 3 of 4 or better 17 in 70.
        assert!((count(4, 4).chance_of_more(count(0, 4)) - 1.0 / 70.0).abs() < 1e-12);
        assert!((count(3, 4).chance_of_more(count(1, 4)) - 17.0 / 70.0).abs() < 1e-12);
        assert!((count(0, 4).chance_of_fewer(count(4, 4)) - 1.0 / 70.0).abs() < 1e-12);
        // scipy.stats.fisher_exact([[60, 4940], [96, 16185]], "greater"): 1.9780176e-05.
        let p = count(60, 5000).chance_of_more(count(96, 16_281));
        assert!((p / 1.978_017_6e-5 - 1.0).abs() < 1e-3, "{p}");
        for nothing in [count(0, 0), count(0, 9)] {
            assert_eq!((nothing.chance_of_more(count(3, 8)), count(0, 9).chance_of_more(nothing)), (1.0, 1.0));
        }
        assert_eq!(count(9, 9).chance_of_more(count(9, 9)), 1.0);
        // Both sides of a count share its own chance: together they exceed 1 by just that.
        let (a, b) = (count(7, 30), count(11, 40));
        let (more, fewer) = (a.chance_of_more(b), a.chance_of_fewer(b));
        assert!(more + fewer > 1.0 && more + fewer < 1.3, "{more} {fewer}");
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&mut [3.0, 1.0, 2.0, 4.0], 0.5), 2.5);
        assert_eq!(quantile(&mut [1.0, 2.0, 3.0, 4.0, 5.0], 0.25), 2.0);
        assert_eq!(quantile(&mut [7.0], 0.05), 7.0);
        assert!(quantile(&mut [], 0.5).is_nan());
    }
}
