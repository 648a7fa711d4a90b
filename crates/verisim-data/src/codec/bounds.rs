//! The range and precision of a number column, kept exactly by every numeric codec.

use serde::{Deserialize, Serialize};

/// Range and precision of a number column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Smallest value seen.
    pub min: f64,
    /// Largest value seen.
    pub max: f64,
    /// Digits after the decimal point; `None` keeps every digit.
    pub decimals: Option<u8>,
}

impl Bounds {
    /// The range of the values that are not missing; `0..0` when all are.
    pub fn of(values: &[f64], decimals: Option<u8>) -> Self {
        let seen = values.iter().copied().filter(|x| !x.is_nan());
        let (min, max) = seen.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)));
        if min > max { Bounds { min: 0.0, max: 0.0, decimals } } else { Bounds { min, max, decimals } }
    }

    /// `x` rounded to the precision and clamped into the range (in this order, so that the range wins).
    pub fn apply(&self, x: f64) -> f64 {
        let rounded = match self.decimals {
            Some(0) => x.round(),
            Some(d) => round_to(x, d),
            None => x,
        };
        rounded.clamp(self.min, self.max)
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
    fn nothing_seen_gives_an_empty_range() {
        assert_eq!(Bounds::of(&[f64::NAN], None).max, 0.0);
    }
}
