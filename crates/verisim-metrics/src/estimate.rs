//! Numbers that are estimated from a sample: a share or a mean with its interval, and quantiles.

use serde::Serialize;

/// A number and, where chance moves it, the interval that holds the true value 95 times in 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
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
    fn quantiles_interpolate() {
        assert_eq!(quantile(&mut [3.0, 1.0, 2.0, 4.0], 0.5), 2.5);
        assert_eq!(quantile(&mut [1.0, 2.0, 3.0, 4.0, 5.0], 0.25), 2.0);
        assert_eq!(quantile(&mut [7.0], 0.05), 7.0);
        assert!(quantile(&mut [], 0.5).is_nan());
    }
}
