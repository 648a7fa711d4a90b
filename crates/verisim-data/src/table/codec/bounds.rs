//! The range and precision of a number column, kept exactly by every numeric codec.

use serde::{Deserialize, Serialize};

/// Range and precision of a number column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Smallest value seen.
    pub min: f64,
    /// Largest value seen.
    pub max: f64,
    /// Digits after the decimal point; `None` for dates.
    pub decimals: Option<u8>,
    /// Distance between neighbouring values that can be written: `10^-decimals`; for dates a day, an hour, a minute or a
    /// second, whichever divides them all; 0 when none does.
    pub step: f64,
}

impl Bounds {
    /// The range of the values that are not missing, `0..0` when all are, and their step.
    pub fn of(values: &[f64], decimals: Option<u8>) -> Self {
        let seen = || values.iter().copied().filter(|x| !x.is_nan());
        let (min, max) = seen().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)));
        let (min, max) = if min > max { (0.0, 0.0) } else { (min, max) };
        let step = match decimals {
            Some(d) => 10f64.powi(-i32::from(d)),
            None => [86_400.0, 3600.0, 60.0, 1.0].into_iter().find(|s| seen().all(|x| x % s == 0.0)).unwrap_or(0.0),
        };
        Bounds { min, max, decimals, step }
    }

    /// `x` rounded to the precision and clamped into the range (in this order, so that the range wins).
    pub fn apply(&self, x: f64) -> f64 {
        let rounded = match self.decimals {
            Some(0) => x.round(),
            Some(d) => round_to(x, d),
            None if self.step > 0.0 => (x / self.step).round() * self.step,
            None => x,
        };
        rounded.clamp(self.min, self.max)
    }

    /// What is wrong with bounds that were read from a file, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let sound = self.min <= self.max && self.min.is_finite() && self.max.is_finite() && self.step >= 0.0;
        (!sound).then_some("has a range that is none")
    }
}

/// `x` rounded to `decimals` digits, giving the double that is nearest to that decimal number.
fn round_to(x: f64, decimals: u8) -> f64 {
    let scale = 10f64.powi(i32::from(decimals));
    let scaled = x * scale;
    // Above 2^52 every double is whole already: rounding would only add error.
    if scaled.abs() < 4.5e15 { scaled.round() / scale } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_then_clamps() {
        let b = Bounds::of(&[0.25, f64::NAN, 9.99], Some(2));
        assert_eq!(b.apply(7.14159), 7.14);
        assert_eq!(b.apply(9.999), 9.99);
        assert_eq!(b.apply(-4.0), 0.25);
        assert_eq!(b.apply(0.1 + 0.2), 0.3);
    }

    #[test]
    fn dates_step_by_the_largest_unit_that_divides_them() {
        let days = Bounds::of(&[0.0, 86_400.0, 5.0 * 86_400.0], None);
        assert_eq!((days.step, days.apply(100_000.0)), (86_400.0, 86_400.0));
        assert_eq!(Bounds::of(&[0.0, 7200.0], None).step, 3600.0);
        assert_eq!(Bounds::of(&[0.5], None).step, 0.0);
    }

    #[test]
    fn nothing_seen_gives_an_empty_range() {
        assert_eq!(Bounds::of(&[f64::NAN], None).max, 0.0);
    }
}
