//! Where a number is expected to lie, among all values of its column: near an end of its range, or in the middle. How far a series moves, and
//! to which side, depends on that in ways that are no line. And how restless it was of late.

use super::net::MOST;
use crate::error::{Error, Result};
use crate::weights::Weights;

/// Quantiles between which the scale of a column is divided.
const QUANTILES: [f64; 7] = [0.0, 0.02, 0.15, 0.5, 0.85, 0.98, 1.0];
/// Numbers that say where a number lies: itself, and hat functions of which two share it out.
pub const PLACE: usize = 1 + QUANTILES.len();

/// The quantiles of each column.
#[derive(Clone, Debug, PartialEq)]
pub struct Levels(Vec<[f32; QUANTILES.len()]>);

impl Levels {
    /// Learns them from rows of `values` numbers.
    pub fn fit(rows: &[&[f32]], values: usize) -> Levels {
        let of = |j: usize| {
            let mut all: Vec<f32> = rows.iter().map(|row| row[j]).collect();
            all.sort_by(f32::total_cmp);
            let last = all.len().saturating_sub(1);
            QUANTILES.map(|q| all.get((q * last as f64).round() as usize).copied().unwrap_or(0.0))
        };
        Levels((0..values).map(of).collect())
    }

    /// Says where the numbers `expected` lie, [`PLACE`] numbers each.
    pub fn tell(&self, expected: &[f32], out: &mut Vec<f32>) {
        for (j, &x) in expected.iter().enumerate() {
            let from = out.len();
            out.resize(from + PLACE, 0.0);
            self.place(j, x, &mut out[from..]);
        }
    }

    /// Says where number `x` of column `j` lies, in `out` that holds zeros.
    pub fn place(&self, j: usize, x: f32, out: &mut [f32]) {
        let knots = &self.0[j];
        out[0] = x.clamp(-MOST, MOST);
        let k = knots.partition_point(|&q| q <= x).clamp(1, knots.len() - 1);
        let (low, high) = (knots[k - 1], knots[k]);
        let part = if high > low { ((x - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
        (out[k], out[k + 1]) = (1.0 - part, part);
    }

    /// Adds them to `weights`.
    pub fn put(&self, weights: &mut Weights) {
        weights.put_f32("levels", &[self.0.len(), QUANTILES.len()], self.0.concat());
    }

    /// Takes them out of `weights`.
    ///
    /// # Errors
    /// When they are not there, or not those of `values` columns.
    pub fn restore(values: usize, weights: &mut Weights) -> Result<Levels> {
        let bad = |problem: &str| Error::Tensor { name: "levels".into(), problem: problem.into() };
        let all = weights.take_f32("levels")?.1;
        let levels: Vec<[f32; QUANTILES.len()]> =
            all.chunks_exact(QUANTILES.len()).filter_map(|c| c.try_into().ok()).collect();
        match levels.len() == values && levels.iter().all(|l| l.is_sorted()) {
            true => Ok(Levels(levels)),
            false => Err(bad("are not those of these columns")),
        }
    }
}

/// How restless numbers were of late: running means of the sizes of what was new in them, over few steps and over many.
#[derive(Clone, Debug)]
pub struct Restless(Vec<[f32; 2]>);

impl Restless {
    /// Numbers that tell it, of each column.
    pub const WIDTH: usize = 2;

    /// As restless as normal numbers are on average.
    pub fn new(values: usize) -> Restless {
        Restless(vec![[0.8; 2]; values])
    }

    /// Takes what was new in a step into account.
    pub fn pass(&mut self, new: &[f32]) {
        for (means, u) in self.0.iter_mut().zip(new) {
            means[0] += 0.3 * (u.abs() - means[0]);
            means[1] += 0.06 * (u.abs() - means[1]);
        }
    }

    /// Says it.
    pub fn tell(&self, out: &mut Vec<f32>) {
        out.extend(self.0.as_flattened());
    }
}
