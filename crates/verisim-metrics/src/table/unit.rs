//! The unit in which a column of numbers is measured. Sums of squares of 1e308 overflow and those of 3e-18 vanish, and boosted
//! trees see 32-bit floats; so a column whose numbers are out of the ordinary is taken times a power of two, which no score
//! notices. All others stay as they are.

/// Columns whose largest training value lies between these, and none of whose values is above the second, stay as they are.
const ORDINARY: (f64, f64) = (1e-6, 1e15);
/// The exponent that the largest training value of another column gets.
const EXPONENT: i32 = 20;
/// The farthest that a value can lie: about a million times the largest training value of a column in a unit of its own.
const FAR: f64 = 1e12;

/// A power of two by which a column is multiplied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unit {
    exponent: i32,
}

impl Unit {
    /// The unit of a column: one list of values a table, the training table first. `NaN` is missing.
    pub fn of(tables: &[Vec<f64>]) -> Unit {
        let largest = |v: &[f64]| v.iter().map(|x| x.abs()).filter(|x| !x.is_nan()).fold(0.0, f64::max);
        let all = tables.iter().map(|v| largest(v)).fold(0.0, f64::max);
        let real = match tables.first().map_or(0.0, |v| largest(v)) {
            0.0 => all,
            real => real,
        };
        let ordinary = real == 0.0 || (real >= ORDINARY.0 && all <= ORDINARY.1);
        Unit { exponent: if ordinary { 0 } else { EXPONENT - real.log2().floor() as i32 } }
    }

    /// `x` in this unit, at most [`FAR`].
    pub fn put(self, x: f64) -> f64 {
        if self.exponent == 0 { x } else { times(x, self.exponent).clamp(-FAR, FAR) }
    }

    /// What stands for `x` in this unit.
    pub fn back(self, x: f64) -> f64 {
        if self.exponent == 0 { x } else { times(x, -self.exponent).clamp(f64::MIN, f64::MAX) }
    }
}

/// `x` times a power of two, in two steps, since the power itself may be past what a double holds.
fn times(x: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    x * 2_f64.powi(half) * 2_f64.powi(exponent - half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_columns_stay_as_they_are() {
        for column in [vec![0.0, -0.5, f64::NAN], vec![1e15, -3.0], vec![f64::NAN], vec![0.0], vec![]] {
            assert_eq!(Unit::of(&[column]), Unit::default());
        }
    }

    #[test]
    fn extremes_come_close_to_a_million_and_back() {
        for x in [f64::MAX, -1e308, 3e-18, 5e-324, 1e-300, 9.3e18] {
            let unit = Unit::of(&[vec![x, 0.0, x / 2.0], vec![x]]);
            let put = unit.put(x);
            assert!((1e6..2.2e6).contains(&put.abs()), "{x} became {put}");
            assert_eq!(unit.back(put), x);
            assert_eq!(unit.put(0.0), 0.0);
            assert!(unit.put(f64::NAN).is_nan());
        }
        // What lies far beyond the training table stays finite.
        assert_eq!(Unit::of(&[vec![3.0], vec![-1e308]]).put(-1e308), -FAR);
        assert_eq!(Unit::of(&[vec![5e-324], vec![1e308]]).put(1e308), FAR);
    }
}
