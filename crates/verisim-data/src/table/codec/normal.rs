//! Quantile-to-normal: a number becomes the normal score of its rank, so that whatever the shape of the
//! column a model sees a standard normal one. Point masses, values that stand alone, words and missing values are tokens of their own;
//! all other values share one token and differ by the scalar.

use serde::{Deserialize, Serialize};

use super::absent::Absent;
use super::bounds::{Bounds, Precision};
use super::encoded::Span;
use super::grid::sorted;
use crate::normal;
use crate::table::frame::word_of;

/// Most knots of the quantile function.
const KNOTS: usize = 1000;
/// Fewest rows between two knots.
const ROWS_PER_KNOT: usize = 10;
/// A value that holds this share of the rows is a point mass.
pub const MASS: f64 = 0.02;

/// A fitted quantile-to-normal codec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NormalCodec {
    /// Range and precision.
    pub bounds: Bounds,
    /// Point masses, ascending: tokens `0..masses.len()`.
    masses: Vec<f64>,
    /// Quantile function of the other values, ascending; token `masses.len()` when not empty.
    quantiles: Vec<f64>,
    #[serde(flatten)]
    absent: Absent,
}

impl NormalCodec {
    /// Learns the point masses and the quantile function.
    pub fn fit(values: &[f64], precision: Precision) -> Self {
        let mut sorted = sorted(values);
        let bounds = Bounds::of(&sorted, precision);
        let alone = bounds.alone();
        let least = ((sorted.len() as f64 * MASS) as usize).max(2);
        let is_mass = |run: &&[f64]| run.len() >= least || alone.contains(&run[0]);
        let masses: Vec<f64> = sorted.chunk_by(|a, b| a == b).filter(is_mass).map(|run| run[0]).collect();
        sorted.retain(|x| !masses.contains(x));
        let pieces = (sorted.len() / ROWS_PER_KNOT).clamp(1, KNOTS - 1);
        let quantiles = match sorted.len() {
            0 => Vec::new(),
            n => (0..=pieces).map(|k| sorted[k * (n - 1) / pieces]).collect(),
        };
        NormalCodec { bounds, masses, quantiles, absent: Absent::of(values) }
    }

    /// What a model sees of this column.
    pub fn span(&self) -> Span {
        let tokens = self.numbers() + self.absent.tokens();
        Span { tokens: tokens.max(1) as u32, scalar: true, ordered: true }
    }

    /// Tokens that stand for numbers.
    fn numbers(&self) -> usize {
        self.masses.len() + usize::from(!self.quantiles.is_empty())
    }

    /// The token of missing values, if any were seen.
    pub fn missing_token(&self) -> Option<u32> {
        self.absent.missing_token(self.numbers())
    }

    /// The values that a token can decode to; `None` for missing.
    pub fn range(&self, token: u32) -> Option<(f64, f64)> {
        match self.masses.get(token as usize) {
            Some(&m) => Some((m, m)),
            None if token as usize == self.masses.len() => Some((*self.quantiles.first()?, *self.quantiles.last()?)),
            None => None,
        }
    }

    /// Which word a token stands for, if it does.
    pub fn word(&self, token: u32) -> Option<u32> {
        word_of(self.absent.value(token, self.numbers()))
    }

    /// What is wrong with a codec that was read from a file, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let sound = |v: &Vec<f64>| v.is_sorted() && v.iter().all(|x| x.is_finite());
        if !(sound(&self.masses) && sound(&self.quantiles)) {
            return Some("has quantiles out of order");
        }
        self.absent.problem().or_else(|| self.bounds.problem())
    }

    /// Token and normal score of each value.
    pub fn encode(&self, values: &[f64]) -> (Vec<u32>, Vec<f32>) {
        values.iter().map(|&x| self.encode_one(x)).unzip()
    }

    fn encode_one(&self, x: f64) -> (u32, f32) {
        if x.is_nan() {
            return (self.absent.token(x, self.numbers()), 0.0);
        }
        let mass = self.masses.binary_search_by(|m| m.total_cmp(&x));
        match mass {
            Ok(k) => (k as u32, 0.0),
            // A table that is nothing but point masses takes the nearest one.
            Err(k) if self.quantiles.is_empty() => (k.min(self.masses.len().saturating_sub(1)) as u32, 0.0),
            Err(_) => (self.masses.len() as u32, self.score(x) as f32),
        }
    }

    /// Normal score of the mid-rank of `x` among the knots.
    fn score(&self, x: f64) -> f64 {
        let q = &self.quantiles;
        let pieces = (q.len() - 1).max(1) as f64;
        // Ties between knots: the middle of the flat stretch.
        let (below, upto) = (q.partition_point(|&v| v < x), q.partition_point(|&v| v <= x));
        let rank = if upto > below {
            (below + upto - 1) as f64 / 2.0
        } else if below == 0 {
            0.0
        } else if below == q.len() {
            pieces
        } else {
            let (lo, hi) = (self.bounds.inward(q[below - 1]), self.bounds.inward(q[below]));
            // Halves, so that no difference overflows.
            (below - 1) as f64 + (self.bounds.inward(x) / 2.0 - lo / 2.0) / (hi / 2.0 - lo / 2.0)
        };
        // Half a knot's mass is left outside either end, so that the extremes stay finite.
        normal::quantile((rank + 0.5) / (pieces + 1.0))
    }

    /// Values of tokens and normal scores.
    pub fn decode(&self, tokens: &[u32], scalars: &[f32]) -> Vec<f64> {
        let value = |(&t, &s): (&u32, &f32)| match self.masses.get(t as usize) {
            Some(&m) => m,
            None if t as usize == self.masses.len() && !self.quantiles.is_empty() => self.value(f64::from(s)),
            None => self.absent.value(t, self.numbers()),
        };
        tokens.iter().zip(scalars).map(value).collect()
    }

    fn value(&self, score: f64) -> f64 {
        let q = &self.quantiles;
        let pieces = (q.len() - 1) as f64;
        let rank = (normal::cdf(score) * (pieces.max(1.0) + 1.0) - 0.5).clamp(0.0, pieces);
        let k = (rank as usize).min(q.len().saturating_sub(2));
        let hi = q.get(k + 1).copied().unwrap_or(q[k]);
        self.bounds.apply(self.bounds.between(q[k], hi, rank - k as f64))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scores_are_standard_normal_and_masses_apart() {
        let mut values: Vec<f64> = (0..9000).map(|i| f64::from(i).powi(2)).collect();
        values.extend(vec![-1.0; 1000]);
        let codec = NormalCodec::fit(&values, Precision::default());
        let (tokens, scores) = codec.encode(&values);
        assert_eq!(tokens.iter().filter(|&&t| t == 0).count(), 1000);
        let s: Vec<f64> = scores[..9000].iter().map(|&x| f64::from(x)).collect();
        let mean = s.iter().sum::<f64>() / 9000.0;
        let var = s.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 9000.0;
        assert!(mean.abs() < 0.01 && (var - 1.0).abs() < 0.02, "{mean} {var}");
    }

    proptest! {
        #[test]
        fn round_trip_within_a_knot(raw in prop::collection::vec(prop_oneof![9 => (-3000i32..3000).prop_map(f64::from), 1 => Just(f64::NAN)], 1..300)) {
            let codec = NormalCodec::fit(&raw, Precision::decimals(0));
            let (tokens, scores) = codec.encode(&raw);
            prop_assert!(tokens.iter().all(|&t| t < codec.span().tokens));
            let back = codec.decode(&tokens, &scores);
            let widest = codec.quantiles.windows(2).map(|w| w[1] - w[0]).fold(0.0, f64::max);
            for (x, y) in raw.iter().zip(&back) {
                prop_assert_eq!(x.is_nan(), y.is_nan());
                prop_assert!(x.is_nan() || (x - y).abs() <= widest.min(1.0), "{} {}", x, y);
            }
        }
    }
}
