//! Mode-specific normalisation (Xu et al., "Modeling Tabular Data using Conditional GAN", 2019, section 4.2):
//! a Gaussian mixture is fitted to the column; a value becomes its mode and its position in that mode,
//! `(x - mean) / (4 sd)`.
//!
//! Deviations: the mixture is fitted by expectation-maximisation on at most [`POINTS`] weighted quantiles,
//! so that a million rows take the time of two thousand; the mode is the most responsible one rather than
//! a random draw, so that encoding is a function; missing values are a mode of their own, and so is each word among the numbers
//! and each value that stands alone, with nothing near it.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::absent::Absent;
use super::bounds::{Bounds, Precision};
use super::encoded::Span;
use super::grid::sorted;
use crate::table::frame::word_of;

/// Most weighted points that the mixture is fitted to.
pub const POINTS: usize = 2048;
/// Modes that hold less than this share are dropped (the paper's threshold).
const MIN_WEIGHT: f64 = 0.005;
/// Most steps of expectation-maximisation; it most often settles in a few dozen.
const ITERATIONS: usize = 200;

/// One component of the mixture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Mode {
    weight: f64,
    mean: f64,
    sd: f64,
}

impl Mode {
    /// Log of weight times density, without the constant that all modes share.
    fn log_mass(&self, x: f64) -> f64 {
        let z = (x - self.mean) / self.sd;
        self.weight.ln() - self.sd.ln() - 0.5 * z * z
    }
}

/// A fitted mode-specific normalisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModesCodec {
    /// Range and precision.
    pub bounds: Bounds,
    /// Components of the mixture by ascending mean; token `k` is component `k`.
    modes: Vec<Mode>,
    /// Values that stand alone; their tokens follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    alone: Vec<f64>,
    #[serde(flatten)]
    absent: Absent,
}

impl ModesCodec {
    /// Fits at most `max_modes` modes.
    pub fn fit(values: &[f64], precision: Precision, max_modes: usize) -> Self {
        let mut sorted = sorted(values);
        let bounds = Bounds::of(&sorted, precision);
        let alone = bounds.alone();
        sorted.retain(|x| !alone.contains(x));
        sorted.iter_mut().for_each(|x| *x = bounds.inward(*x) / scale(&bounds));
        let modes = if sorted.is_empty() { Vec::new() } else { mixture(&points(&sorted), max_modes.max(1)) };
        ModesCodec { bounds, modes, alone, absent: Absent::of(values) }
    }

    /// What a model sees of this column.
    pub fn span(&self) -> Span {
        let tokens = (self.numbers() + self.absent.tokens()).max(1) as u32;
        Span { tokens, scalar: true, ordered: true }
    }

    /// Tokens that stand for numbers.
    fn numbers(&self) -> usize {
        self.modes.len() + self.alone.len()
    }

    /// The token of missing values, if any were seen.
    pub fn missing_token(&self) -> Option<u32> {
        self.absent.missing_token(self.numbers())
    }

    /// The values that a token can decode to; `None` for missing.
    pub fn range(&self, token: u32) -> Option<(f64, f64)> {
        match self.modes.get(token as usize) {
            Some(_) => Some((self.place(token, -1.0), self.place(token, 1.0))),
            None => self.alone.get(token as usize - self.modes.len()).map(|&x| (x, x)),
        }
    }

    /// Which word a token stands for, if it does.
    pub fn word(&self, token: u32) -> Option<u32> {
        word_of(self.absent.value(token, self.numbers()))
    }

    /// What is wrong with a codec that was read from a file, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let sound = |m: &Mode| m.sd > 0.0 && m.sd.is_finite() && m.mean.is_finite();
        match self.modes.iter().all(sound) && self.alone.iter().all(|x| x.is_finite()) {
            true => self.absent.problem().or_else(|| self.bounds.problem()),
            false => Some("has a mode that is no distribution"),
        }
    }

    /// Mode and position of each value.
    pub fn encode(&self, values: &[f64]) -> (Vec<u32>, Vec<f32>) {
        values.iter().map(|&x| self.encode_one(x)).unzip()
    }

    fn encode_one(&self, x: f64) -> (u32, f32) {
        if x.is_nan() {
            return (self.absent.token(x, self.numbers()), 0.0);
        }
        if let Some(k) = self.alone.iter().position(|&a| a == x) {
            return ((self.modes.len() + k) as u32, 0.0);
        }
        if self.modes.is_empty() {
            return (self.missing_token().unwrap_or(0), 0.0);
        }
        let x = self.bounds.inward(x) / scale(&self.bounds);
        let (mut best, mut mass) = (0, f64::NEG_INFINITY);
        for (k, mode) in self.modes.iter().enumerate() {
            let m = mode.log_mass(x);
            if m > mass {
                (best, mass) = (k, m);
            }
        }
        let Mode { mean, sd, .. } = self.modes[best];
        (best as u32, ((x - mean) / (4.0 * sd)).clamp(-1.0, 1.0) as f32)
    }

    /// Values of modes and positions.
    pub fn decode(&self, tokens: &[u32], scalars: &[f32]) -> Vec<f64> {
        let value = |(&t, &s): (&u32, &f32)| match self.modes.get(t as usize) {
            Some(_) => self.place(t, s),
            None if (t as usize) < self.numbers() => self.alone[t as usize - self.modes.len()],
            None => self.absent.value(t, self.numbers()),
        };
        tokens.iter().zip(scalars).map(value).collect()
    }

    /// The value at position `s` of mode `t`, which there is.
    fn place(&self, t: u32, s: f32) -> f64 {
        let m = self.modes[t as usize];
        let x = (m.mean + 4.0 * m.sd * f64::from(s.clamp(-1.0, 1.0))) * scale(&self.bounds);
        self.bounds.apply(self.bounds.outward(x))
    }
}

/// What values are divided by: 1 but for numbers whose squares a double does not hold.
fn scale(bounds: &Bounds) -> f64 {
    let most = bounds.inward(bounds.min).abs().max(bounds.inward(bounds.max).abs());
    if most > 0.0 && !(1e-60..1e60).contains(&most) { most } else { 1.0 }
}

/// At most [`POINTS`] points of equal weight that stand for the sorted values.
fn points(sorted: &[f64]) -> Vec<f64> {
    if sorted.len() <= POINTS {
        return sorted.to_vec();
    }
    (0..POINTS).map(|k| sorted[(2 * k + 1) * sorted.len() / (2 * POINTS)]).collect()
}

/// Expectation-maximisation from equal slices of the sorted points.
fn mixture(x: &[f64], max_modes: usize) -> Vec<Mode> {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let sd = (x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    // A mode may shrink onto a point mass; the floor keeps its density finite.
    let floor = (sd * 1e-3).max(mean.abs() * 1e-9).max(1e-12);
    let count = max_modes.min(x.len());
    let slice = |k: usize| &x[k * x.len() / count..(k + 1) * x.len() / count];
    let mut modes: Vec<Mode> = (0..count)
        .map(|k| {
            let s = slice(k);
            let mean = s.iter().sum::<f64>() / s.len() as f64;
            let var = s.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / s.len() as f64;
            Mode { weight: 1.0 / count as f64, mean, sd: var.sqrt().max(floor) }
        })
        .collect();
    let mut last = f64::NEG_INFINITY;
    for _ in 0..ITERATIONS {
        let likelihood = em_step(x, &mut modes, floor);
        if (likelihood - last).abs() < 1e-6 * n {
            break;
        }
        last = likelihood;
    }
    modes.retain(|m| m.weight >= MIN_WEIGHT);
    modes.sort_by(|a, b| a.mean.total_cmp(&b.mean));
    modes
}

/// One step; returns the log-likelihood before it.
fn em_step(x: &[f64], modes: &mut [Mode], floor: f64) -> f64 {
    let k = modes.len();
    let (mut mass, mut first, mut second) = (vec![0.0; k], vec![0.0; k], vec![0.0; k]);
    let mut r = vec![0.0; k];
    let mut likelihood = 0.0;
    for &v in x {
        let mut top = f64::NEG_INFINITY;
        for (r, m) in r.iter_mut().zip(modes.iter()) {
            *r = m.log_mass(v);
            top = top.max(*r);
        }
        let sum: f64 = r
            .iter_mut()
            .map(|r| {
                *r = (*r - top).exp();
                *r
            })
            .sum();
        likelihood += top + sum.ln() - 0.5 * (2.0 * PI).ln();
        for j in 0..k {
            let share = r[j] / sum;
            // Moments about the current mean: no cancellation however far the column lies from zero.
            let d = v - modes[j].mean;
            mass[j] += share;
            first[j] += share * d;
            second[j] += share * d * d;
        }
    }
    for j in 0..k {
        let m = mass[j].max(1e-12);
        let shift = first[j] / m;
        modes[j].weight = (mass[j] / x.len() as f64).max(1e-12);
        modes[j].mean += shift;
        modes[j].sd = (second[j] / m - shift * shift).max(0.0).sqrt().max(floor);
    }
    likelihood
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::rng::{normal, stream};
    use proptest::prelude::*;

    #[test]
    fn finds_two_separate_modes() {
        let mut rng = stream(1, "modes", 0);
        let values: Vec<f64> =
            (0..20_000).map(|i| if i % 4 == 0 { 100.0 + 2.0 * normal(&mut rng) } else { normal(&mut rng) }).collect();
        let codec = ModesCodec::fit(&values, Precision::default(), 2);
        let m = &codec.modes;
        assert_eq!(m.len(), 2);
        assert!((m[0].mean - 0.0).abs() < 0.05 && (m[1].mean - 100.0).abs() < 0.1, "{m:?}");
        assert!((m[0].weight - 0.75).abs() < 0.01 && (m[1].sd - 2.0).abs() < 0.1, "{m:?}");
    }

    #[test]
    fn a_million_rows_cost_no_more_than_the_sort() {
        let values: Vec<f64> = (0..1_000_000).map(|i| f64::from(i % 9973)).collect();
        assert!(ModesCodec::fit(&values, Precision::decimals(0), 10).modes.len() > 1);
    }

    proptest! {
        #[test]
        fn round_trip(raw in prop::collection::vec(prop_oneof![9 => (-3000i32..3000).prop_map(|x| f64::from(x) / 100.0), 1 => Just(f64::NAN)], 1..200)) {
            let codec = ModesCodec::fit(&raw, Precision::decimals(2), 10);
            let (tokens, scalars) = codec.encode(&raw);
            let back = codec.decode(&tokens, &scalars);
            for (x, y) in raw.iter().zip(&back) {
                prop_assert_eq!(x.is_nan(), y.is_nan());
                // Values beyond 4 sd of the nearest mode are the only ones that may move.
                let clipped = scalars.iter().any(|s| s.abs() >= 1.0);
                prop_assert!(x.is_nan() || clipped || (x - y).abs() < 1e-9, "{} {}", x, y);
            }
        }
    }
}
