//! Windows of steps as numbers that are as near to independent standard normal ones as closed forms bring them, and back.
//!
//! ```text
//! z_t = L_t^-1 (x_t - m_t - A_t [x_(t-p) .. x_(t-1)])
//! u_t = Phi^-1(F_t((z_t - a_t w_t) / exp(b_t w_t)))
//! ```
//!
//! `z_t` is what is new in step `t` of a window given the steps before it, by a linear regression a step, in units of its spread. Hardly
//! any of the variance of a window is in its fine structure, and a network that sees plain values learns that last; here
//! steps of a slow series, and spreads between columns that are nearly equal, count as much as levels. `F_t` are the distributions
//! of what is left, which have heavy tails. `w_t` are waves of the calendar at step `t`: how far, and how unevenly, a series moves
//! at which hour is the most that lines leave in many of them. All that is left for the network is how the `u` hang together beyond lines: with independent `u` a
//! window has the means, the covariances and, nearly, the marginals of the data.
//!
//! It is causal: the first steps of a window are those of `u`, so that to go on with a window is to keep the first `u`. Steps beyond the
//! windows that were learnt are as the last of them.

use rayon::prelude::*;
use verisim_data::normal;

use crate::error::{Error, Result};
use crate::weights::Weights;

/// Most numbers that a step is regressed on, where one step has not more, and windows a number.
const MOST_PAST: usize = 192;
const WINDOWS_A_NUMBER: usize = 8;
/// Numbers of a standard deviation of 1 have at least this variance of their own.
const LEAST: f64 = 1e-8;
/// Most windows that are looked at.
const MOST_WINDOWS: usize = 16_384;
/// Normal scores of the knots of a distribution: from minus to plus this.
const EDGE: f64 = 3.5;
/// Knots to either side of the middle.
const KNOTS: usize = 35;

/// What is learnt of windows.
#[derive(Clone, Debug, PartialEq)]
pub struct Whitener {
    /// Steps of a window, values of a step, and waves of the calendar.
    pub steps: usize,
    pub values: usize,
    pub waves: usize,
    stages: Vec<Stage>,
}

/// One step of a window, of `C` values.
#[derive(Clone, Debug, PartialEq)]
struct Stage {
    /// Values of the past that are looked at: the last of those before.
    past: usize,
    mean: Vec<f32>,
    /// `[C, past]`.
    regression: Vec<f32>,
    /// Lower triangle, `[C, C]`.
    spread: Vec<f32>,
    /// What the waves of the calendar say of the mean of `z` and of the logarithm of its size: `[C, 2 W]`.
    calendar: Vec<f32>,
    /// Quantiles of what is left, `[C, 2 KNOTS + 1]`, at even normal scores.
    knots: Vec<f32>,
}

/// Windows to learn from: rows of values, and how many steps each has.
pub struct Windows<'a> {
    /// Of each window `[steps, values]`.
    pub rows: Vec<&'a [f32]>,
    /// Of each window `[steps, waves]`; nothing without a calendar.
    pub waves: Vec<&'a [f32]>,
}

impl Windows<'_> {
    fn waves(&self, i: usize) -> &[f32] {
        self.waves.get(i).copied().unwrap_or(&[])
    }
}

impl Whitener {
    /// Learns from windows of at most `steps` steps, one at least. What no window reaches is as what one reached.
    pub fn fit(steps: usize, values: usize, windows: &Windows<'_>) -> Whitener {
        let moments = Moments::of(steps, values, &windows.rows);
        let waves =
            windows.waves.iter().zip(&windows.rows).map(|(w, r)| w.len() * values / r.len().max(1)).max().unwrap_or(0);
        let stages = (0..steps).into_par_iter().map(|t| moments.stage(t, waves, windows)).collect();
        Whitener { steps, values, waves, stages }
    }

    /// What is new in the steps of a window, `[steps, values]`, as many as there are, with `[steps, waves]` of the calendar; none where the
    /// time is not known.
    pub fn whiten(&self, window: &[f32], waves: &[f32]) -> New {
        let c = self.values;
        let none = || Vec::with_capacity(window.len());
        let mut out = New { u: none(), expected: none(), centres: none() };
        for t in 0..window.len() / c.max(1) {
            let (before, own) = window.split_at(t * c);
            let mut step = self.step(t, before, part(waves, t, self.waves));
            for (j, &value) in own[..c].iter().enumerate() {
                out.centres.push(step.centre(j));
                out.u.push(step.score(j, value));
            }
            out.expected.extend(step.expected);
        }
        out
    }

    /// Fills in the steps of `window` from `known` on, of those before and of their `u`, `[steps, values]`, and of `[steps, waves]` of the
    /// calendar.
    pub fn colour(&self, u: &[f32], waves: &[f32], known: usize, window: &mut [f32]) {
        let c = self.values;
        for t in known..window.len() / c.max(1) {
            let (before, own) = window.split_at_mut(t * c);
            let mut step = self.step(t, before, part(waves, t, self.waves));
            (0..c).for_each(|j| own[j] = step.value(j, u[t * c + j]));
        }
    }

    /// The stage of step `t`: the last one of all steps that no window reaches.
    fn stage(&self, t: usize) -> &Stage {
        &self.stages[t.min(self.stages.len() - 1)]
    }

    /// The values of step `t` that lines expect after the steps `before`, `[t, values]`, or the last of them.
    pub fn expected(&self, t: usize, before: &[f32]) -> Vec<f32> {
        let stage = self.stage(t);
        let past = &before[before.len() - stage.past..];
        let expected = |i: usize| stage.mean[i] + dot(&stage.regression[i * stage.past..(i + 1) * stage.past], past);
        (0..self.values).map(expected).collect()
    }

    /// Step `t` after the steps `before`, as in [`expected`](Whitener::expected), at these waves of the calendar.
    pub fn step<'a>(&'a self, t: usize, before: &[f32], waves: &'a [f32]) -> Step<'a> {
        self.step_of(t, self.expected(t, before), waves)
    }

    /// The same, of what is expected of it.
    pub fn step_of<'a>(&'a self, t: usize, expected: Vec<f32>, waves: &'a [f32]) -> Step<'a> {
        let stage = self.stage(t);
        Step { stage, waves, count: self.waves, expected, z: Vec::with_capacity(self.values) }
    }

    /// Adds what was learnt to `weights`.
    pub fn put(&self, weights: &mut Weights) {
        let c = self.values;
        weights.put_u32("whiten", &[3], vec![self.steps as u32, c as u32, self.waves as u32]);
        let all = |f: fn(&Stage) -> &Vec<f32>| self.stages.iter().flat_map(f).copied().collect::<Vec<f32>>();
        let pasts: Vec<u32> = self.stages.iter().map(|s| s.past as u32).collect();
        weights.put_u32("whiten.past", &[pasts.len()], pasts);
        for (name, numbers) in [
            ("mean", all(|s| &s.mean)),
            ("regression", all(|s| &s.regression)),
            ("spread", all(|s| &s.spread)),
            ("calendar", all(|s| &s.calendar)),
            ("knots", all(|s| &s.knots)),
        ] {
            weights.put_f32(format!("whiten.{name}"), &[numbers.len()], numbers);
        }
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not there, or does not fit together.
    pub fn restore(weights: &mut Weights) -> Result<Whitener> {
        let bad = || Error::Tensor { name: "whiten".into(), problem: "does not fit together".into() };
        let &[steps, values, waves] = &weights.take_u32("whiten")?.1[..] else { return Err(bad()) };
        let (steps, c, waves) = (steps as usize, values as usize, waves as usize);
        let pasts = weights.take_u32("whiten.past")?.1;
        let mut parts = Vec::new();
        for name in ["mean", "regression", "spread", "calendar", "knots"] {
            parts.push(weights.take_f32(&format!("whiten.{name}"))?.1.into_iter());
        }
        let mut stages = Vec::with_capacity(pasts.len());
        for (t, past) in pasts.iter().map(|&p| p as usize).enumerate() {
            if past > t * c {
                return Err(bad());
            }
            let sizes = [c, c * past, c * c, 2 * c * waves, c * (2 * KNOTS + 1)];
            let mut own = parts.iter_mut().zip(sizes).map(|(part, n)| part.by_ref().take(n).collect::<Vec<f32>>());
            let mut next = || own.next().unwrap_or_default();
            let parts = [next(), next(), next(), next(), next()];
            if parts.each_ref().map(Vec::len) != sizes {
                return Err(bad());
            }
            let [mean, regression, spread, calendar, knots] = parts;
            stages.push(Stage { past, mean, regression, spread, calendar, knots });
        }
        if stages.len() != steps || parts.iter_mut().any(|part| part.next().is_some()) {
            return Err(bad());
        }
        Ok(Whitener { steps, values: c, waves, stages })
    }
}

/// What is new in a window: `[steps, values]` each.
pub struct New {
    /// As near to independent standard normal numbers as lines bring them.
    pub u: Vec<f32>,
    /// The values that lines expect after the steps before.
    pub expected: Vec<f32>,
    /// The same after the values before each in its own step, too.
    pub centres: Vec<f32>,
}

/// A step of which the values become known one after another.
pub struct Step<'a> {
    stage: &'a Stage,
    waves: &'a [f32],
    count: usize,
    expected: Vec<f32>,
    z: Vec<f32>,
}

impl Step<'_> {
    /// Value `j`, the next one, of its `u`.
    pub fn value(&mut self, j: usize, u: f32) -> f32 {
        let c = self.expected.len();
        let (mean, size) = self.stage.calendar(j, self.count, self.waves);
        self.z.push(mean + size * self.stage.quantile(j, u));
        self.expected[j] + dot(&self.stage.spread[j * c..j * c + j + 1], &self.z)
    }

    /// Value `j`, the next one, as lines expect it after those before it.
    pub fn centre(&self, j: usize) -> f32 {
        let c = self.expected.len();
        self.expected[j] + dot(&self.stage.spread[j * c..j * c + j], &self.z[..j])
    }

    /// `u` of value `j`, the next one, or the last one where it was drawn and then changed.
    pub fn score(&mut self, j: usize, value: f32) -> f32 {
        let c = self.expected.len();
        self.z.truncate(j);
        let known = dot(&self.stage.spread[j * c..j * c + j], &self.z);
        let z = (value - self.expected[j] - known) / self.stage.spread[j * c + j];
        self.z.push(z);
        let (mean, size) = self.stage.calendar(j, self.count, self.waves);
        self.stage.score(j, (z - mean) / size)
    }
}

impl Stage {
    /// `z` of step `t` of a window.
    fn innovation(&self, window: &[f32], t: usize, z: &mut [f32]) {
        let c = z.len();
        let past = &window[t * c - self.past..t * c];
        for i in 0..c {
            let expected = self.mean[i] + dot(&self.regression[i * self.past..(i + 1) * self.past], past);
            let known = dot(&self.spread[i * c..i * c + i], &z[..i]);
            z[i] = (window[t * c + i] - expected - known) / self.spread[i * c + i];
        }
    }

    /// Mean and size of `z` of column `j` at these waves.
    fn calendar(&self, j: usize, count: usize, waves: &[f32]) -> (f32, f32) {
        if waves.is_empty() {
            return (0.0, 1.0);
        }
        let (mean, size) = self.calendar[2 * j * count..2 * (j + 1) * count].split_at(count);
        (dot(mean, waves), dot(size, waves).clamp(-3.0, 3.0).exp())
    }

    fn knots(&self, j: usize) -> &[f32] {
        &self.knots[j * (2 * KNOTS + 1)..(j + 1) * (2 * KNOTS + 1)]
    }

    /// The normal score of `z`; beyond the outermost knots a line of slope 1.
    fn score(&self, j: usize, z: f32) -> f32 {
        let knots = self.knots(j);
        let last = knots.len() - 1;
        let k = knots.partition_point(|&q| q <= z);
        let score = |k: usize, part: f32| ((k as f32 + part) / KNOTS as f32 - 1.0) * EDGE as f32;
        let u = match k {
            0 => -(EDGE as f32) + (z - knots[0]),
            k if k > last => EDGE as f32 + (z - knots[last]),
            k => score(k - 1, (z - knots[k - 1]) / (knots[k] - knots[k - 1])),
        };
        u.clamp(-(EDGE as f32) - 2.0, EDGE as f32 + 2.0)
    }

    /// The inverse of [`score`](Stage::score).
    fn quantile(&self, j: usize, u: f32) -> f32 {
        let knots = self.knots(j);
        let edge = EDGE as f32;
        // Far beyond all that was seen there is nothing.
        let u = u.clamp(-edge - 1.0, edge + 1.0);
        if u < -edge {
            return knots[0] + (u + edge);
        }
        if u >= edge {
            return knots[knots.len() - 1] + (u - edge);
        }
        let place = (u / edge + 1.0) * KNOTS as f32;
        let k = (place as usize).min(knots.len() - 2);
        knots[k] + (place - k as f32) * (knots[k + 1] - knots[k])
    }
}

/// Means and covariances of windows, by steps.
struct Moments {
    c: usize,
    windows: usize,
    mean: Vec<f64>,
    /// Of each number with those before it, as far back as `band`, and itself.
    covariance: Vec<Vec<f64>>,
    band: usize,
}

impl Moments {
    fn of(steps: usize, c: usize, all: &[&[f32]]) -> Moments {
        let rows: Vec<&[f32]> = all.iter().copied().step_by(every(all.len())).collect();
        let n = steps * c;
        let mut counts = vec![0usize; steps];
        let mut mean = vec![0f64; n];
        for row in &rows {
            counts[..row.len() / c.max(1)].iter_mut().for_each(|count| *count += 1);
            mean.iter_mut().zip(row.iter()).for_each(|(m, &x)| *m += f64::from(x));
        }
        let of = |count: usize| count.max(1) as f64;
        (0..n).for_each(|i| mean[i] /= of(counts[i / c]));
        let band = most_past(c) + c;
        let covariance = (0..n)
            .into_par_iter()
            .map(|i| {
                let from = i.saturating_sub(band);
                let mut sums = vec![0f64; i + 1 - from];
                for row in rows.iter().filter(|row| row.len() > i) {
                    let a = f64::from(row[i]) - mean[i];
                    for (sum, j) in sums.iter_mut().zip(from..) {
                        *sum += a * (f64::from(row[j]) - mean[j]);
                    }
                }
                sums.iter_mut().for_each(|s| *s /= of(counts[i / c]));
                sums[i - from] += LEAST;
                sums
            })
            .collect();
        Moments { c, windows: rows.len(), mean, covariance, band }
    }

    fn covariance(&self, a: usize, b: usize) -> f64 {
        let (i, j) = (a.max(b), a.min(b));
        self.covariance[i][j - i.saturating_sub(self.band)]
    }

    /// The regression of step `t`, and the distributions of what it leaves.
    fn stage(&self, t: usize, waves: usize, windows: &Windows<'_>) -> Stage {
        let c = self.c;
        let most = (self.windows / WINDOWS_A_NUMBER).min(most_past(c)) / c.max(1) * c;
        let past = (t * c).min(most);
        let from = t * c - past;
        // The past and the step itself, in this order: the last rows of the factor say all.
        let size = past + c;
        let matrix: Vec<f64> = (0..size * size).map(|k| self.covariance(from + k / size, from + k % size)).collect();
        let lower = factor(&matrix, size);
        let mut regression = vec![0f32; c * past];
        let mut mean: Vec<f64> = self.mean[t * c..(t + 1) * c].to_vec();
        for i in 0..c {
            // a L = l, by substitution from the back.
            let mut a: Vec<f64> = lower[(past + i) * size..(past + i) * size + past].to_vec();
            for k in (0..past).rev() {
                a[k] /= lower[k * size + k];
                let step = a[k];
                (0..k).for_each(|m| a[m] -= step * lower[k * size + m]);
            }
            mean[i] -= (0..past).map(|k| a[k] * self.mean[from + k]).sum::<f64>();
            (0..past).for_each(|k| regression[i * past + k] = a[k] as f32);
        }
        let spread = (0..c * c)
            .map(|k| if k % c <= k / c { lower[(past + k / c) * size + past + k % c] as f32 } else { 0.0 })
            .collect();
        let mean = mean.into_iter().map(|x| x as f32).collect();
        let calendar = vec![0.0; 2 * c * waves];
        let mut stage = Stage { past, mean, regression, spread, calendar, knots: Vec::new() };
        stage.distributions(t, waves, windows);
        stage
    }
}

impl Stage {
    /// Learns what the calendar says of step `t`, and the distributions of what is left.
    fn distributions(&mut self, t: usize, waves: usize, windows: &Windows<'_>) {
        let c = self.mean.len();
        let (mut all, mut told) = (vec![Vec::new(); c], Vec::new());
        let mut z = vec![0f32; c];
        for i in (0..windows.rows.len()).step_by(every(windows.rows.len())) {
            if windows.rows[i].len() >= (t + 1) * c {
                self.innovation(windows.rows[i], t, &mut z);
                all.iter_mut().zip(&z).for_each(|(all, &z)| all.push(z));
                told.push(part(windows.waves(i), t, waves));
            }
        }
        // Of a few windows the calendar is not known.
        let is_known = waves > 0 && told.len() >= 20 * waves && told.iter().all(|w| w.len() == waves);
        let lines = is_known.then(|| Lines::of(&told));
        for (j, mut z) in all.into_iter().enumerate() {
            let at = 2 * j * waves..2 * (j + 1) * waves;
            if let Some(lines) = &lines {
                let mean = lines.slopes(&z);
                z.iter_mut().zip(&told).for_each(|(z, w)| *z -= dot(&mean, w));
                // Small values say little, and their logarithms would say much.
                let scale = z.iter().map(|z| z.abs()).sum::<f32>() / z.len() as f32;
                let sizes: Vec<f32> = z.iter().map(|z| (z.abs() + 0.3 * scale + 1e-6).ln()).collect();
                // What was added makes sizes more even than they are.
                let size: Vec<f32> = lines.slopes(&sizes).into_iter().map(|b| 1.3 * b).collect();
                z.iter_mut().zip(&told).for_each(|(z, w)| *z /= dot(&size, w).clamp(-3.0, 3.0).exp());
                self.calendar[at].copy_from_slice(&[mean, size].concat());
            }
            self.knots.extend(quantiles(z));
        }
    }
}

/// Most numbers that a step of `c` values is regressed on.
fn most_past(c: usize) -> usize {
    MOST_PAST.max(c)
}

/// Of `count` windows every such is looked at: of a number that no period of a calendar is a multiple of, or all would begin at the same
/// hour.
pub fn every(count: usize) -> usize {
    let least = count.div_ceil(MOST_WINDOWS).max(1);
    (least..).find(|n| [2, 3, 5, 7].iter().all(|p| !n.is_multiple_of(*p))).unwrap_or(least)
}

/// The waves of step `t`, if there are any.
fn part(waves: &[f32], t: usize, count: usize) -> &[f32] {
    waves.get(t * count..(t + 1) * count).unwrap_or(&[])
}

/// Regressions on the same numbers and a constant.
struct Lines<'a> {
    x: &'a [&'a [f32]],
    /// The factor of the products of the numbers, `[K, K]`.
    lower: Vec<f64>,
}

impl<'a> Lines<'a> {
    fn of(x: &'a [&'a [f32]]) -> Lines<'a> {
        let k = x.first().map_or(0, |x| x.len()) + 1;
        let mut products = vec![0f64; k * k];
        let mut row = vec![1f64; k];
        for x in x {
            row[1..].iter_mut().zip(*x).for_each(|(r, &x)| *r = f64::from(x));
            // Of hat functions most are zero.
            for i in (0..k).filter(|&i| row[i] != 0.0) {
                products[i * k..].iter_mut().zip(&row[..=i]).for_each(|(p, r)| *p += row[i] * r);
            }
        }
        for i in 0..k {
            products[i * k + i] += 1e-3 * x.len() as f64;
            (0..i).for_each(|j| products[j * k + i] = products[i * k + j]);
        }
        Lines { x, lower: crate::linalg::cholesky(&products, k) }
    }

    /// The slopes of the regression of `y`.
    fn slopes(&self, y: &[f32]) -> Vec<f32> {
        let k = self.x.first().map_or(0, |x| x.len()) + 1;
        let mut right = vec![0f64; k];
        for (&y, x) in y.iter().zip(self.x) {
            right[0] += f64::from(y);
            right[1..].iter_mut().zip(*x).for_each(|(r, &x)| *r += f64::from(x) * f64::from(y));
        }
        crate::linalg::solve(&self.lower, &mut right);
        right[1..].iter().map(|&b| b as f32).collect()
    }
}

/// The quantiles of `z` at even normal scores, rising.
fn quantiles(mut z: Vec<f32>) -> Vec<f32> {
    z.retain(|x| x.is_finite());
    z.sort_by(f32::total_cmp);
    let n = z.len();
    let score = |k: usize| (k as f64 / KNOTS as f64 - 1.0) * EDGE;
    // Of a few windows nothing is known but their spread.
    if n < 8 {
        return (0..=2 * KNOTS).map(|k| score(k) as f32).collect();
    }
    // The outermost scores that so many values can tell; beyond them a line goes on as they end.
    let known = -normal::quantile(0.5 / n as f64);
    let at = |u: f64| {
        let place = (normal::cdf(u) * n as f64 - 0.5).clamp(0.0, (n - 1) as f64);
        let (k, part) = (place as usize, (place - place.floor()) as f32);
        z[k] + part * (z[(k + 1).min(n - 1)] - z[k])
    };
    let mut knots: Vec<f32> = (0..=2 * KNOTS)
        .map(|k| {
            let u = score(k);
            let inner = u.clamp(-known, known);
            at(inner) + 0.5 * (u - inner) as f32
        })
        .collect();
    for k in 1..knots.len() {
        // Equal values must not make the inverse stand still.
        let least = knots[k - 1] + (1e-4f32).max(knots[k - 1].abs() * 1e-5);
        knots[k] = knots[k].max(least);
    }
    knots
}

/// The lower triangle `L` with `L L^T` = `matrix`; no pivot below [`LEAST`].
fn factor(matrix: &[f64], n: usize) -> Vec<f64> {
    let mut lower = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let (a, b) = (&lower[i * n..i * n + j], &lower[j * n..j * n + j]);
            let rest = matrix[i * n + j] - a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            lower[i * n + j] = if i == j { rest.max(LEAST).sqrt() } else { rest / lower[j * n + j] };
        }
    }
    lower
}

/// In eight sums at a time, which a processor adds at once.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (mut sums, n) = ([0f32; 8], a.len().min(b.len()));
    let (a, b) = (a[..n].chunks_exact(8), b[..n].chunks_exact(8));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        (0..8).for_each(|k| sums[k] += a[k] * b[k]);
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use verisim_data::rng::{normal as draw, stream};

    /// Two columns that hardly differ and hardly move.
    fn walk(n: usize) -> Vec<f32> {
        let mut rng = stream(1, "walk", 0);
        let mut x = 0.0;
        let mut rows = Vec::new();
        for _ in 0..n {
            x = 0.99 * x + 0.1 * draw(&mut rng).powi(3) / 4.0;
            rows.extend([x as f32, (x + 0.01 * draw(&mut rng)) as f32]);
        }
        rows
    }

    #[test]
    fn windows_come_out_white_and_come_back() {
        let rows = walk(3000);
        let windows: Vec<&[f32]> = (0..2990).map(|s| &rows[2 * s..2 * (s + 8)]).collect();
        let whitener = Whitener::fit(8, 2, &Windows { rows: windows.clone(), waves: Vec::new() });
        let (mut sums, mut squares, mut lag) = ([0f64; 16], [0f64; 16], [0f64; 16]);
        for window in &windows {
            let u = whitener.whiten(window, &[]).u;
            for i in 0..16 {
                sums[i] += f64::from(u[i]);
                squares[i] += f64::from(u[i] * u[i]);
                lag[i] += f64::from(u[i] * u[(i + 2) % 16]);
            }
            for known in [0, 3] {
                let mut back = vec![0f32; 16];
                back[..2 * known].copy_from_slice(&window[..2 * known]);
                whitener.colour(&u, &[], known, &mut back);
                for (a, b) in back.iter().zip(*window) {
                    assert!((a - b).abs() < 2e-3, "{back:?} {window:?}");
                }
            }
        }
        let n = windows.len() as f64;
        for i in 0..16 {
            assert!((sums[i] / n).abs() < 0.05 && (squares[i] / n - 1.0).abs() < 0.1, "{sums:?} {squares:?}");
            assert!(i >= 14 || (lag[i] / n).abs() < 0.1, "{lag:?}");
        }
        let mut weights = Weights::default();
        whitener.put(&mut weights);
        assert_eq!(Whitener::restore(&mut weights).unwrap(), whitener);
    }

    /// A series that moves up by day and three times as far by night.
    #[test]
    fn what_the_calendar_says_is_taken_out() {
        let mut rng = stream(1, "calendar", 0);
        let wave = |i: usize| (std::f32::consts::TAU * i as f32 / 12.0).sin();
        let rows: Vec<f32> = (0..4000).map(|i| wave(i) + (0.55 * wave(i)).exp() * draw(&mut rng) as f32).collect();
        let waves: Vec<f32> = (0..4000).map(wave).collect();
        let windows = Windows {
            rows: (0..3990).map(|s| &rows[s..s + 4]).collect(),
            waves: (0..3990).map(|s| &waves[s..s + 4]).collect(),
        };
        let whitener = Whitener::fit(4, 1, &windows);
        let mut by = [[0f64; 3]; 12];
        for (s, (row, waves)) in windows.rows.iter().zip(&windows.waves).enumerate() {
            let u = whitener.whiten(row, waves).u;
            let mut back = vec![0f32; 4];
            whitener.colour(&u, waves, 0, &mut back);
            assert!(back.iter().zip(*row).all(|(a, b)| (a - b).abs() < 2e-3), "{back:?} {row:?}");
            let sums = &mut by[(s + 3) % 12];
            let u = f64::from(u[3]);
            (sums[0], sums[1], sums[2]) = (sums[0] + 1.0, sums[1] + u, sums[2] + u * u);
        }
        for [n, sum, squares] in by {
            assert!((sum / n).abs() < 0.3 && (squares / n - 1.0).abs() < 0.35, "{by:?}");
        }
        let mut weights = Weights::default();
        whitener.put(&mut weights);
        assert_eq!(Whitener::restore(&mut weights).unwrap(), whitener);
    }

    #[test]
    fn what_cannot_be_whitened_is_left_finite() {
        let constant = [0.5f32; 12];
        let short = [0.1f32, 0.2, 0.3, 0.4, 0.5, 0.6];
        for rows in
            [vec![], vec![&constant[..]; 3], vec![&constant[..], &short[..2], &short[..]], vec![&short[..2]; 50]]
        {
            let whitener = Whitener::fit(6, 2, &Windows { rows: rows.clone(), waves: Vec::new() });
            for row in rows.iter().chain([&&constant[..]]) {
                let u = whitener.whiten(row, &[]).u;
                assert!(u.len() == row.len() && u.iter().all(|x| x.is_finite()), "{u:?}");
            }
            let mut window = vec![0f32; 12];
            whitener.colour(&[0.3; 12], &[], 0, &mut window);
            assert!(window.iter().all(|x| x.is_finite() && x.abs() < 100.0), "{window:?}");
        }
    }
}
