//! Vector autoregression on normal scores (Sims, 1980; Lütkepohl, 2005), with what the clock tells taken apart before.
//!
//! Each cell is a normal score (`latent.rs`), so that any shape of a column will do, and
//!
//! ```text
//! z(t) = season(t) + trend(t) + x(t)
//! x(t) = c + A1 x(t-1) + ... + Ap x(t-p) + s(phase) * e(t)
//! ```
//!
//! - Seasons are means by phase; a column that wanders has a trend, the real one, smoothed, which samples follow at the same times
//!   (`season.rs`), as they follow how restless its noise is. So prices do not come back stationary, and all that is left to the
//!   autoregression is.
//! - Lags by the criterion of Hannan and Quinn, all from one factor of the normal equations; one lag of a season more where it says so. Coefficients are shrunk as a
//!   whole until no root is nearer to the unit circle than 1 / 1000.
//! - Noise: blocks of real residuals, from the same phase of the first season and a state of the series that was alike; or normal with their
//!   correlation. Its scale differs by phase, and is a GARCH(1,1) where its squares are correlated (`garch.rs`): what is drawn are
//!   standardised residuals. Samples copy real noise only, no values; the model's file holds residuals and what came before them.
//! - A sample without a past goes on from a piece of a long path of the model itself, some steps later.
//! - What comes out is mapped by ranks, so that the marginals of samples are the real ones: the ranks of a long sample of the model itself,
//!   over the times of the data.
//! - Panels: one regression for all sequences, on the context, the place in the sequence, and the level of the sequence so far,
//!   `sum of x before t / (t + k)`, with `k` by the same criterion. That is a random level per sequence in a form that looks only back, so that it is not
//!   biased in short panels, and it goes on from any history. First steps follow the context, with a smoothed bootstrap of their residuals.

mod garch;
mod season;
mod store;

use std::ops::Range;

use faer::Mat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, normal as draw_normal, stream, uniform};
use verisim_data::series::{Series, Spec};
use verisim_data::table::codec::{CodecConfig, Encoded, Numeric};

use super::covariates::Covariates;
use super::latent::{Latents, Marginals};
use super::{Contexts, EncodedSeries, Encoding, Sampler, Steps, Wanted};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::learn::{Model, Setup, Split, Start};
use crate::linalg::cholesky;
use crate::weights::Weights;
use garch::Garch;
use season::{Path, Season, Trend, calm, seasons};

/// Most lags that are tried.
const MOST_LAGS: usize = 24;
/// Most regressors of the lags.
const MOST_REGRESSORS: usize = 320;
/// The largest root.
const STABLE: f64 = 0.999;
/// Rows of the sample that it is made of.
const MAP_ROWS: usize = 20_000;
/// Steps of the path that pasts are taken from, where a sample has none; how many are kept; and steps that part a sample from its own.
const LONG: usize = 60_000;
const PASTS: usize = 200;
const APART: usize = 48;
/// Steps that a block of noise is chosen from.
const TRIES: usize = 8;
/// Residuals that are kept.
const RESIDUALS: usize = 50_000;
/// Which noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// Blocks of real residuals.
    #[default]
    Blocks,
    /// Normal, with the correlation of the residuals.
    Normal,
}

/// Settings of the vector autoregression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Number of lags; chosen when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lags: Option<usize>,
    /// Periods of seasons in steps, the shortest first; found when not given. An empty list for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seasons: Option<Vec<f64>>,
    /// Whether columns that wander have a trend, the real one, smoothed, and whether noise is as restless as it was at that time.
    pub trend: bool,
    /// What the noise is.
    pub noise: Noise,
    /// Mean number of steps of a block of noise.
    pub block: f64,
    /// Whether noise that is restless for a while is.
    pub garch: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { lags: None, seasons: None, trend: true, noise: Noise::Blocks, block: 24.0, garch: true }
    }
}

impl Model<Series> for Config {
    fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Setting { model: "var", key: key.into(), rule: rule.into() });
        if self.lags.is_some_and(|lags| lags == 0 || lags > 100) {
            return bad("lags", "must lie between 1 and 100");
        }
        if self.seasons.iter().flatten().any(|s| !(2.0..=2000.0).contains(s)) {
            return bad("seasons", "must be periods of 2 to 2000 steps");
        }
        if !(self.block >= 1.0 && self.block.is_finite()) {
            return bad("block", "must be 1 or more");
        }
        Ok(())
    }

    fn encoding(&self) -> Encoding {
        CodecConfig { numeric: Numeric::Normal, bins: 256, rare: 5, max_levels: 4096 }.into()
    }

    fn start(&self, split: &Split<'_, Series>, setup: &Setup<'_>) -> Result<Start<Series>> {
        self.check()?;
        let data = split.encoded;
        let mut weights = Weights::default();
        Contexts::fit(data, split.train, &mut weights)?;
        let runs = data.runs(split.train);
        let latents = Latents::fit(data, &runs, |_| true);
        latents.store(&mut weights);
        let mut var = Fit { config: self, data, train: split.train, runs: &runs, latents }.var()?;
        var.fit_pasts(setup.seed);
        var.fit_map(data, &runs, split.train, setup.seed);
        var.store(&mut weights);
        Ok(Start::Fitted(weights))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, _: &Device) -> Result<Box<Sampler>> {
        let contexts = Contexts::restore(spec, weights)?;
        let latents = Latents::restore(spec, weights)?;
        let steps = Var::restore(self, spec, latents, weights)?;
        Ok(Box::new(Sampler { contexts, steps: Box::new(steps) }))
    }
}

/// The fitted model.
struct Var {
    latents: Latents,
    covariates: Covariates,
    /// Number of columns.
    width: usize,
    /// A panel: sequences that begin, and have a context.
    panel: bool,
    /// Time between steps, if it is always the same; else seasons and trends have none.
    every: Option<f64>,
    /// Where the data begin, in units of the clock.
    origin: f64,
    seasons: Vec<Season>,
    trend: Trend,
    /// The logarithm of the variance of the noise by time, less that of all.
    calm: Trend,
    /// Steps of the longest sequence, in which the place in a sequence is counted.
    longest: f64,
    /// `k` of the level so far; none where it does not help.
    level: Option<f64>,
    lags: Vec<usize>,
    /// A row a regressor: 1, of a panel the place, the context and the level so far, then the lags.
    coefficients: Vec<f64>,
    /// A row a regressor, 1 and the context, of first steps of a panel.
    first: Vec<f64>,
    /// Residuals of first steps.
    first_noise: Vec<f64>,
    noise: Noise,
    block: f64,
    /// Standardised residuals, a row a step.
    residuals: Vec<f32>,
    /// What came before each of them.
    before: Vec<f32>,
    /// Where runs of them begin.
    offsets: Vec<usize>,
    /// The phase of each of them in the first season.
    phases: Vec<u32>,
    /// Rows by phase.
    by_phase: Vec<Vec<u32>>,
    /// Standard deviation of the noise, a row a phase.
    scale: Vec<f64>,
    garch: Vec<Garch>,
    /// Factor of the correlation of the standardised residuals.
    factor: Vec<f64>,
    /// Pasts of samples that have none, each as many rows as the longest lag.
    pasts: Vec<f32>,
    /// What the scores of samples stand for.
    map: Marginals,
}

/// What a model is fitted to.
struct Fit<'a> {
    config: &'a Config,
    data: &'a EncodedSeries,
    train: &'a [usize],
    runs: &'a [Range<usize>],
    latents: Latents,
}

impl Fit<'_> {
    fn var(self) -> Result<Var> {
        let (data, shape) = (self.data, &self.data.spec.shape);
        let width = self.latents.width();
        let rows: usize = self.runs.iter().map(ExactSizeIterator::len).sum();
        if rows == 0 {
            return Err(Error::Empty { unit: "steps" });
        }
        let panel = !data.joined;
        let every = shape.clock.every.filter(|_| !shape.has_gap());
        let mut paths: Vec<Path> = self
            .runs
            .iter()
            .map(|run| Path {
                z: self.latents.encode(&data.steps, run.clone()),
                times: data.times[run.clone()].to_vec(),
            })
            .collect();
        let is_date =
            matches!(shape.order.as_ref().map(|f| &f.kind), Some(verisim_data::table::ColumnKind::Datetime { .. }));
        let clock = verisim_data::series::Clock { every, ..shape.clock.clone() };
        let seasons = seasons(&mut paths, width, &clock, is_date, self.config.seasons.as_deref());
        let origin = data.times.first().copied().unwrap_or(0.0);
        let place = |i: usize| every.map_or(i as f64, |every| (data.times[i] - origin) / every);
        let mut trend = Trend::default();
        let places: Vec<f64> = self.runs.iter().flat_map(Clone::clone).map(place).collect();
        if !panel && self.config.trend {
            let z: Vec<f64> = paths.iter().flat_map(|p| p.z.iter().copied()).collect();
            trend = Trend::fit(&z, &places, width);
            for (path, run) in paths.iter_mut().zip(self.runs) {
                for (row, i) in path.z.chunks_mut(width.max(1)).zip(run.clone()) {
                    row.iter_mut().enumerate().for_each(|(c, z)| *z -= trend.at(place(i), c));
                }
            }
        }
        let covariates = match panel {
            true => Covariates::fit(&data.context_spans(), &data.context, self.train),
            false => Covariates::default(),
        };
        let longest = self.runs.iter().map(ExactSizeIterator::len).max().unwrap_or(1) as f64;
        let mut var = Var {
            covariates,
            width,
            panel,
            every,
            origin,
            seasons,
            trend,
            calm: Trend::default(),
            longest,
            level: None,
            lags: Vec::new(),
            coefficients: vec![0.0; width],
            first: Vec::new(),
            first_noise: Vec::new(),
            noise: self.config.noise,
            block: self.config.block,
            residuals: Vec::new(),
            before: Vec::new(),
            offsets: vec![0],
            phases: Vec::new(),
            by_phase: Vec::new(),
            scale: vec![1.0; width],
            garch: vec![Garch::even(1.0); width],
            factor: Vec::new(),
            pasts: Vec::new(),
            map: Marginals::default(),
            latents: self.latents,
        };
        // Runs are in the order of the sequences, and so are their contexts.
        let mut order = self.train.to_vec();
        order.sort_unstable();
        let contexts: Vec<Vec<f64>> = match panel {
            true => order.iter().map(|&i| var.covariates.of(&data.context, i).collect()).collect(),
            false => vec![Vec::new(); paths.len()],
        };
        if width > 0 {
            var.choose(&paths, &contexts, self.config.lags);
            var.stabilise();
            var.fit_first(&paths, &contexts);
            var.fit_noise(&paths, &contexts, &places, self.config);
        }
        Ok(var)
    }
}

/// The normal equations of a regression, as far as they are needed.
struct Equations {
    /// Factor of the regressors' products.
    lower: Vec<f64>,
    /// The factor's inverse times products with what is explained: a row a regressor.
    forward: Vec<f64>,
    /// Products of what is explained.
    own: Vec<f64>,
    regressors: usize,
    width: usize,
    rows: usize,
}

impl Equations {
    /// `rows` holds regressors and then what is explained.
    fn of(rows: &[f64], regressors: usize, width: usize) -> Equations {
        let all = regressors + width;
        let count = rows.len() / all.max(1);
        // Blocks, so that a long series is in memory once.
        let mut products = Mat::<f64>::zeros(all, all);
        for block in rows.chunks(all * 4096) {
            let block = faer::MatRef::from_row_major_slice(block, block.len() / all, all);
            products += block.transpose() * block;
        }
        let mut gram = vec![0.0; regressors * regressors];
        for a in 0..regressors {
            (0..regressors).for_each(|b| gram[a * regressors + b] = products[(a, b)]);
            // A little ridge, for columns that say the same.
            gram[a * regressors + a] += 1e-6 * products[(a, a)] + 1e-6;
        }
        let lower = cholesky(&gram, regressors);
        let mut forward = vec![0.0; regressors * width];
        for c in 0..width {
            for a in 0..regressors {
                let known: f64 = (0..a).map(|k| lower[a * regressors + k] * forward[k * width + c]).sum();
                forward[a * width + c] = (products[(a, regressors + c)] - known) / lower[a * regressors + a];
            }
        }
        let own = (0..width * width).map(|k| products[(regressors + k / width, regressors + k % width)]).collect();
        Equations { lower, forward, own, regressors, width, rows: count }
    }

    /// The criterion of Hannan and Quinn (1979) of the regression on the first `used` regressors. It is consistent as BIC is, and leaves more
    /// lags, which a sample needs to be as slow as the data.
    fn cost(&self, used: usize) -> f64 {
        let (w, n) = (self.width, self.rows as f64);
        let mut left = self.own.clone();
        for a in 0..used {
            let row = &self.forward[a * w..(a + 1) * w];
            (0..w * w).for_each(|k| left[k] -= row[k / w] * row[k % w]);
        }
        left.iter_mut().for_each(|x| *x /= n);
        (0..w).for_each(|c| left[c * w + c] += 1e-9);
        let lower = cholesky(&left, w);
        let determinant: f64 = (0..w).map(|c| 2.0 * lower[c * w + c].ln()).sum();
        n * determinant + 2.0 * (used * w) as f64 * n.max(3.0).ln().ln()
    }

    /// The coefficients of the first `used` regressors.
    fn coefficients(&self, used: usize) -> Vec<f64> {
        let (m, w) = (self.regressors, self.width);
        let mut found = self.forward[..used * w].to_vec();
        for c in 0..w {
            for a in (0..used).rev() {
                let known: f64 = (a + 1..used).map(|k| self.lower[k * m + a] * found[k * w + c]).sum();
                found[a * w + c] = (found[a * w + c] - known) / self.lower[a * m + a];
            }
        }
        found
    }
}

impl Var {
    /// Regressors before the lags.
    fn base(&self) -> usize {
        match self.panel {
            true => 4 + self.covariates.len() + self.level.map_or(0, |_| self.width),
            false => 1,
        }
    }

    /// Chooses lags and the level so far, and fits.
    fn choose(&mut self, paths: &[Path], contexts: &[Vec<f64>], lags: Option<usize>) {
        let (w, rows) = (self.width, paths.iter().map(|p| p.times.len()).sum::<usize>());
        let longest = self.longest as usize;
        let most = match lags {
            Some(lags) => lags.min(longest.saturating_sub(1)),
            None => MOST_LAGS.min(MOST_REGRESSORS / w).min(rows / (8 * w) + 1).min(longest.saturating_sub(1) / 2 + 1),
        };
        let most = most.min(longest.saturating_sub(1));
        let levels: &[Option<f64>] =
            if self.panel && longest > 3 { &[None, Some(0.5), Some(2.0), Some(8.0)] } else { &[None] };
        let mut best: Option<(f64, Option<f64>, usize)> = None;
        for &level in levels {
            self.level = level;
            self.lags = (1..=most).collect();
            // All orders are compared on the same steps.
            let equations = self.equations(paths, contexts, most);
            if equations.rows == 0 {
                break;
            }
            let orders = if lags.is_some() { most..=most } else { 0..=most };
            for order in orders {
                let used = self.base() + order * w;
                let cost = equations.cost(used);
                if best.as_ref().is_none_or(|b| cost < b.0) {
                    best = Some((cost, level, order));
                }
            }
        }
        let Some((_, level, order)) = best else {
            (self.level, self.lags) = (None, Vec::new());
            self.coefficients = vec![0.0; self.base() * w];
            return;
        };
        (self.level, self.lags) = (level, (1..=order).collect());
        // One lag of each season more.
        if lags.is_none()
            && let Some(every) = self.every
        {
            for period in self.seasons.iter().map(|s| (s.period / every).round() as usize).collect::<Vec<_>>() {
                let from = *self.lags.last().unwrap_or(&0);
                if period <= from || period + 2 >= longest || rows < 20 * (self.lags.len() + 2) * w {
                    continue;
                }
                let without = self.lags.clone();
                self.lags.push(period);
                let equations = self.equations(paths, contexts, period);
                let all = equations.regressors;
                if equations.rows == 0 || equations.cost(all) >= equations.cost(all - w) {
                    self.lags = without;
                }
            }
        }
        // The lags that were chosen, on all steps that have them.
        let from = *self.lags.last().unwrap_or(&0);
        let equations = self.equations(paths, contexts, from);
        self.coefficients = equations.coefficients(equations.regressors);
    }

    /// The normal equations of the steps that have `from` steps before them; of panels, of all but the first.
    fn equations(&self, paths: &[Path], contexts: &[Vec<f64>], from: usize) -> Equations {
        let w = self.width;
        let regressors = self.base() + self.lags.len() * w;
        let mut rows = Vec::new();
        let mut row = vec![0.0; regressors];
        for (path, context) in paths.iter().zip(contexts) {
            let mut sums = vec![0.0; w];
            for t in 0..path.times.len() {
                if t >= if self.panel { 1 } else { from } {
                    self.regressors(&path.z, t, context, &sums, &mut row);
                    rows.extend_from_slice(&row);
                    rows.extend_from_slice(&path.z[t * w..(t + 1) * w]);
                }
                sums.iter_mut().zip(&path.z[t * w..]).for_each(|(s, z)| *s += z);
            }
        }
        Equations::of(&rows, regressors, w)
    }

    /// The regressors of step `t`, given the steps before it and their sum.
    fn regressors(&self, x: &[f64], t: usize, context: &[f64], sums: &[f64], row: &mut [f64]) {
        let w = self.width;
        row[0] = 1.0;
        let mut at = 1;
        if self.panel {
            let place = t as f64 / self.longest;
            row[1..4].copy_from_slice(&[place, place * place, place * place * place]);
            row[4..4 + context.len()].copy_from_slice(context);
            at = 4 + context.len();
            if let Some(level) = self.level {
                (0..w).for_each(|c| row[at + c] = sums[c] / (t as f64 + level));
                at += w;
            }
        }
        for &lag in &self.lags {
            // Before the first step it was as at the first.
            let from = t.saturating_sub(lag) * w;
            row[at..at + w].copy_from_slice(&x[from..from + w]);
            at += w;
        }
    }

    /// What step `t` is expected to be.
    fn expected(&self, row: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (r, b) in row.iter().zip(self.coefficients.chunks(self.width)) {
            out.iter_mut().zip(b).for_each(|(o, b)| *o += r * b);
        }
    }

    /// How much a disturbance grows a step in the long run, by the recursion itself.
    fn root(&self) -> f64 {
        let (w, from) = (self.width, self.base() * self.width);
        let deepest = *self.lags.last().unwrap_or(&0);
        if deepest == 0 {
            return 0.0;
        }
        let steps = 600.max(6 * deepest);
        let mut rng = stream(0, "root", 0);
        let mut x: Vec<f64> = (0..deepest * w).map(|_| draw_normal(&mut rng)).collect();
        let (mut log, mut logs) = (0.0, Vec::with_capacity(steps));
        for _ in 0..steps {
            let mut next = vec![0.0; w];
            let count = x.len() / w;
            for (k, lag) in self.lags.iter().enumerate() {
                let before = &x[(count - lag) * w..(count - lag + 1) * w];
                for (a, b) in before.iter().zip(self.coefficients[from + k * w * w..].chunks(w)) {
                    next.iter_mut().zip(b).for_each(|(n, b)| *n += a * b);
                }
            }
            x.drain(..w);
            x.extend(next);
            let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt();
            if norm < 1e-200 {
                return 0.0;
            }
            log += norm.ln();
            x.iter_mut().for_each(|v| *v /= norm);
            logs.push(log);
        }
        let half = steps / 2;
        ((logs[steps - 1] - logs[half - 1]) / (steps - half) as f64).exp()
    }

    /// Shrinks coefficients until the model is stable: `A_k` by the `k`-th power of one factor moves all roots by that factor. A panel
    /// may go on growing: its sequences end.
    fn stabilise(&mut self) {
        let limit = if self.panel { 1.0 + 0.5 / self.longest } else { STABLE };
        let (w, from) = (self.width, self.base() * self.width);
        let root = self.root();
        if root > limit {
            let factor = limit / root;
            for (k, &lag) in self.lags.iter().enumerate() {
                let shrink = factor.powi(lag as i32);
                self.coefficients[from + k * w * w..from + (k + 1) * w * w].iter_mut().for_each(|b| *b *= shrink);
            }
        }
    }

    /// First steps of a panel, by their context.
    fn fit_first(&mut self, paths: &[Path], contexts: &[Vec<f64>]) {
        if !self.panel {
            return;
        }
        let (w, m) = (self.width, 1 + self.covariates.len());
        let mut rows = Vec::new();
        for (path, context) in paths.iter().zip(contexts).filter(|(p, _)| !p.times.is_empty()) {
            rows.push(1.0);
            rows.extend_from_slice(context);
            rows.extend_from_slice(&path.z[..w]);
        }
        let equations = Equations::of(&rows, m, w);
        // Too few sequences for their context: only the mean.
        let used = if equations.cost(m) < equations.cost(1) { m } else { 1 };
        self.first = equations.coefficients(used);
        self.first.resize(m * w, 0.0);
        for row in rows.chunks(m + w) {
            for c in 0..w {
                let expected: f64 = (0..m).map(|a| row[a] * self.first[a * w + c]).sum();
                self.first_noise.push(row[m + c] - expected);
            }
        }
    }

    /// Residuals, their scales and their correlation.
    fn fit_noise(&mut self, paths: &[Path], contexts: &[Vec<f64>], places: &[f64], config: &Config) {
        let w = self.width;
        let from = if self.panel { 1 } else { *self.lags.last().unwrap_or(&0) };
        let mut row = vec![0.0; self.base() + self.lags.len() * w];
        let mut expected = vec![0.0; w];
        let (mut noise, mut when, mut step) = (Vec::new(), Vec::new(), 0);
        for (path, context) in paths.iter().zip(contexts) {
            let mut sums = vec![0.0; w];
            for t in 0..path.times.len() {
                if t >= from && self.phases.len() < RESIDUALS {
                    self.regressors(&path.z, t, context, &sums, &mut row);
                    self.expected(&row, &mut expected);
                    noise.extend((0..w).map(|c| path.z[t * w + c] - expected[c]));
                    self.phases.push(self.seasons.first().map_or(0, |s| s.phase(path.times[t]) as u32));
                    self.before.extend((0..w).map(|c| path.z[t.saturating_sub(1) * w + c] as f32));
                    when.push(places[step]);
                }
                step += 1;
                sums.iter_mut().zip(&path.z[t * w..]).for_each(|(s, z)| *s += z);
            }
            if self.offsets.last() != Some(&self.phases.len()) {
                self.offsets.push(self.phases.len());
            }
        }
        let count = self.phases.len();
        let phases = self.seasons.first().map_or(1, |s| s.table.len() / w);
        self.by_phase = group(&self.phases, phases);
        // The scale of a phase, drawn to that of all where few steps have it.
        self.scale = vec![1.0; phases * w];
        for c in 0..w {
            let power = |rows: &mut dyn Iterator<Item = usize>| rows.map(|i| noise[i * w + c].powi(2)).sum::<f64>();
            let all = power(&mut (0..count)) / count.max(1) as f64;
            for (p, rows) in self.by_phase.iter().enumerate() {
                let own = power(&mut rows.iter().map(|&i| i as usize));
                self.scale[p * w + c] = ((own + 20.0 * all) / (rows.len() as f64 + 20.0)).sqrt().max(1e-9);
            }
        }
        for (i, row) in noise.chunks_mut(w).enumerate() {
            let at = self.phases[i] as usize * w;
            row.iter_mut().zip(&self.scale[at..]).for_each(|(e, s)| *e /= s);
        }
        if !self.panel && config.trend {
            self.calm = calm(&noise, &when, w);
            for (row, &place) in noise.chunks_mut(w).zip(&when) {
                row.iter_mut().enumerate().for_each(|(c, e)| *e *= (-0.5 * self.calm.at(place, c)).exp());
            }
        }
        let runs: Vec<Range<usize>> = self.offsets.windows(2).map(|p| p[0]..p[1]).collect();
        for c in 0..w {
            let column: Vec<f64> = noise.chunks(w).map(|row| row[c]).collect();
            self.garch[c] = match config.garch {
                true => Garch::fit(&column, &runs),
                false => Garch::even(column.iter().map(|e| e * e).sum::<f64>() / count.max(1) as f64),
            };
            let garch = self.garch[c];
            for run in &runs {
                let mut variance = garch.variance();
                for i in run.clone() {
                    let e = column[i];
                    noise[i * w + c] = if variance > 1e-18 { e / variance.sqrt() } else { 0.0 };
                    variance = garch.next(e, variance);
                }
            }
            let mean = (0..count).map(|i| noise[i * w + c]).sum::<f64>() / count.max(1) as f64;
            (0..count).for_each(|i| noise[i * w + c] -= mean);
        }
        let mut covariance = vec![0.0; w * w];
        for row in noise.chunks(w) {
            (0..w * w).for_each(|k| covariance[k] += row[k / w] * row[k % w] / count.max(1) as f64);
        }
        self.factor = cholesky(&covariance, w);
        self.residuals = noise.iter().map(|&e| e as f32).collect();
    }

    /// Pasts for samples that have none: pieces of a long path of the model itself. A series that comes back slowly would else begin too near
    /// to its mean, and be too restless once it is mapped to its marginals.
    fn fit_pasts(&mut self, seed: u64) {
        let (w, deepest) = (self.width, *self.lags.last().unwrap_or(&0));
        if self.panel || w == 0 || deepest == 0 {
            return;
        }
        let mut rng = stream(seed, "var.pasts", 0);
        // The path is longer than the data, whose restless times would go on for ever at its end.
        let calm = std::mem::take(&mut self.calm);
        let mut path = self.path(&[], self.origin, LONG, &[], &mut rng);
        self.calm = calm;
        let mut add = vec![0.0; w];
        for (t, row) in path.chunks_mut(w).enumerate() {
            self.clockwork(self.origin, t as f64, &mut add);
            row.iter_mut().zip(&add).for_each(|(z, a)| *z -= a);
        }
        let (from, apart) = (LONG / 12, (LONG - LONG / 12 - deepest) / PASTS);
        let piece = |k: usize| &path[(from + k * apart) * w..(from + k * apart + deepest) * w];
        self.pasts = (0..PASTS).flat_map(|k| piece(k).iter().map(|&x| x as f32).collect::<Vec<_>>()).collect();
    }

    /// What clock and trend add at step `t` from `start`, per column; and the place in the data that step has.
    fn clockwork(&self, start: f64, t: f64, out: &mut [f64]) -> f64 {
        let every = self.every.unwrap_or(0.0);
        let time = start + every * t;
        out.fill(0.0);
        for season in &self.seasons {
            out.iter_mut().zip(season.at(time)).for_each(|(o, s)| *o += s);
        }
        let place = if self.every.is_some() { (time - self.origin) / every } else { t };
        out.iter_mut().enumerate().for_each(|(c, o)| *o += self.trend.at(place, c));
        place
    }

    /// Scores of `length` steps, the first of which is at `start`, after those of `past`; not yet mapped.
    fn path(&self, context: &[f64], start: f64, length: usize, past: &[f64], rng: &mut Stream) -> Vec<f64> {
        let w = self.width;
        let known = past.len() / w;
        let deepest = if self.panel { 1 } else { *self.lags.last().unwrap_or(&0) };
        let warm = if known > 0 || self.panel { known } else { deepest + APART };
        let mut x: Vec<f64> = Vec::with_capacity((warm + length) * w);
        let mut out = Vec::with_capacity(length * w);
        let mut variance: Vec<f64> = self.garch.iter().map(Garch::variance).collect();
        let mut row = vec![0.0; self.base() + self.lags.len() * w];
        let (mut sums, mut expected, mut add, mut e) = (vec![0.0; w], vec![0.0; w], vec![0.0; w], vec![0.0; w]);
        let (mut block, mut scale) = (Block::default(), vec![1.0; w]);
        let begun = match known == 0 && !self.pasts.is_empty() {
            true => below(rng, (self.pasts.len() / (deepest * w)) as u64) as usize * deepest * w,
            false => self.pasts.len(),
        };
        let begun = &self.pasts[begun..];
        for t in 0..warm + length {
            let since = t as f64 - warm as f64;
            // Without a clock a long series is followed from its beginning, by steps.
            let place = self.clockwork(start, if self.every.is_some() { since } else { since.max(0.0) }, &mut add);
            let phase = self.seasons.first().map_or(0, |s| s.phase(start + self.every.unwrap_or(0.0) * since));
            let own = &self.scale[phase * w..(phase + 1) * w];
            scale
                .iter_mut()
                .zip(own)
                .enumerate()
                .for_each(|(c, (s, own))| *s = own * (0.5 * self.calm.at(place, c)).exp());
            let is_first = self.panel && t == 0;
            // The first of a series without a past have no lags: the mean.
            let begins = !self.panel && t < deepest;
            if is_first {
                self.first_step(context, rng, &mut expected);
            } else if begins {
                expected.fill(0.0);
            } else {
                self.regressors(&x, t, context, &sums, &mut row);
                self.expected(&row, &mut expected);
            }
            if begins && known == 0 && !begun.is_empty() {
                e.fill(0.0);
                x.extend(begun[t * w..(t + 1) * w].iter().map(|&v| f64::from(v)));
            } else if t < known {
                for c in 0..w {
                    let value = past[t * w + c] - add[c];
                    // A past that is nothing like the data must not break loose.
                    e[c] = if begins || is_first { 0.0 } else { ((value - expected[c]) / scale[c]).clamp(-9.0, 9.0) };
                    x.push(value);
                }
            } else {
                let last = if t == 0 { &[][..] } else { &x[(t - 1) * w..t * w] };
                self.draw_noise(phase, last, &mut block, rng, &mut e);
                for c in 0..w {
                    e[c] *= variance[c].sqrt();
                    let noise = if is_first { 0.0 } else { e[c] * scale[c] };
                    x.push((expected[c] + noise).clamp(-12.0, 12.0));
                }
            }
            (0..w).for_each(|c| {
                variance[c] = self.garch[c].next(e[c], variance[c]).min(400.0 * self.garch[c].variance() + 1e-9);
                sums[c] += x[t * w + c];
            });
            if t >= warm {
                out.extend((0..w).map(|c| x[t * w + c] + add[c]));
            }
        }
        out
    }

    /// A first step of a panel: by its context, with a smoothed bootstrap of the residuals (Silverman, 1986), which keeps their variance.
    fn first_step(&self, context: &[f64], rng: &mut Stream, out: &mut [f64]) {
        let w = self.width;
        let count = self.first_noise.len() / w;
        out.copy_from_slice(&self.first[..w]);
        for (v, b) in context.iter().zip(self.first[w..].chunks(w)) {
            out.iter_mut().zip(b).for_each(|(o, b)| *o += v * b);
        }
        if count == 0 {
            return;
        }
        let smooth = (count as f64).powf(-1.0 / (w as f64 + 4.0)).clamp(0.1, 0.6);
        let own = below(rng, count as u64) as usize * w;
        // The kernel is a difference of other residuals, so that it has their correlation.
        let keep = (1.0 - smooth * smooth).sqrt();
        out.iter_mut().zip(&self.first_noise[own..]).for_each(|(o, e)| *o += keep * e);
        let (a, b) = (below(rng, count as u64) as usize * w, below(rng, count as u64) as usize * w);
        let spread = smooth * std::f64::consts::FRAC_1_SQRT_2;
        (0..w).for_each(|c| out[c] += spread * (self.first_noise[a + c] - self.first_noise[b + c]));
    }

    /// Standardised noise of one step. A block begins at a step of the same phase: among a few, the one before which the series was most as
    /// it is now (a local bootstrap: Paparoditis and Politis, 2002), so that what noise depends on beside its past is kept.
    fn draw_noise(&self, phase: usize, last: &[f64], block: &mut Block, rng: &mut Stream, e: &mut [f64]) {
        let (w, count) = (self.width, self.phases.len());
        if self.noise == Noise::Normal || count == 0 {
            let z: Vec<f64> = (0..w).map(|_| draw_normal(rng)).collect();
            for (c, e) in e.iter_mut().enumerate() {
                let row = self.factor.get(c * w..=c * w + c).unwrap_or(&[]);
                *e = row.iter().zip(&z).map(|(f, z)| f * z).sum();
            }
            return;
        }
        if block.at >= block.end {
            let same = &self.by_phase[phase];
            let mut pick = || match same.is_empty() {
                true => below(rng, count as u64) as usize,
                false => same[below(rng, same.len() as u64) as usize] as usize,
            };
            let far = |row: usize| -> f64 {
                let before = &self.before[row * w..(row + 1) * w];
                before.iter().zip(last).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum()
            };
            block.at = pick();
            for _ in 1..TRIES {
                let other = pick();
                if far(other) < far(block.at) {
                    block.at = other;
                }
            }
            let length = match self.block > 1.0 {
                true => ((1.0 - uniform(rng)).ln() / (1.0 - 1.0 / self.block).ln()) as usize + 1,
                false => 1,
            };
            let run = self.offsets.partition_point(|&o| o <= block.at);
            block.end = (block.at + length).min(self.offsets.get(run).copied().unwrap_or(count));
        }
        let row = &self.residuals[block.at * w..(block.at + 1) * w];
        e.iter_mut().zip(row).for_each(|(e, &r)| *e = f64::from(r));
        block.at += 1;
    }

    /// The scores of samples at the times and with the contexts of the data, at given levels.
    fn fit_map(&mut self, data: &EncodedSeries, runs: &[Range<usize>], train: &[usize], seed: u64) {
        let w = self.width;
        if w == 0 {
            return;
        }
        let mut rng = stream(seed, "var.map", 0);
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); w];
        let mut order = train.to_vec();
        order.sort_unstable();
        let rows: usize = runs.iter().map(ExactSizeIterator::len).sum();
        let times = (MAP_ROWS / rows.max(1)).clamp(1, 50);
        // A long series is sampled in pieces, each from its own time.
        let piece = if self.panel || self.every.is_none() { usize::MAX } else { 250 };
        for _ in 0..times {
            for (r, run) in runs.iter().enumerate() {
                let context: Vec<f64> = match self.panel {
                    true => self.covariates.of(&data.context, order[r]).collect(),
                    false => Vec::new(),
                };
                let mut from = run.start;
                while from < run.end {
                    let length = (run.end - from).min(piece);
                    let path = self.path(&context, data.times[from], length, &[], &mut rng);
                    path.iter().enumerate().for_each(|(k, &z)| columns[k % w].push(z));
                    from += length;
                }
                if columns[0].len() > 4 * MAP_ROWS {
                    break;
                }
            }
        }
        self.map = Marginals::fit(columns);
    }
}

/// Where in the residuals noise is taken from.
#[derive(Default)]
struct Block {
    at: usize,
    end: usize,
}

fn group(phases: &[u32], count: usize) -> Vec<Vec<u32>> {
    let mut rows = vec![Vec::new(); count];
    phases.iter().enumerate().for_each(|(i, &p)| rows[p as usize].push(i as u32));
    rows
}

impl Steps for Var {
    fn draw(&self, wanted: &Wanted<'_>, rng: &mut Stream) -> Result<Encoded> {
        let rows: usize = wanted.lengths.iter().sum();
        let mut out = self.latents.zeros(rows);
        let (w, mut at) = (self.width, 0);
        let mut levels = vec![0.0; w];
        for (i, &length) in wanted.lengths.iter().enumerate() {
            let context: Vec<f64> = self.covariates.of(wanted.context, i).collect();
            let begun = wanted.past.map_or(0..0, |p| p.offsets[i]..p.offsets[i + 1]);
            let mut past = Vec::new();
            if let Some(given) = wanted.past.filter(|_| w > 0) {
                past = self.latents.encode(given.steps, begun.clone());
                past.iter_mut().enumerate().for_each(|(k, z)| *z = self.map.score(k % w, *z));
            }
            let path = match w {
                0 => Vec::new(),
                _ => self.path(&context, wanted.starts[i], length, &past, rng),
            };
            for t in 0..length {
                for (c, level) in levels.iter_mut().enumerate() {
                    *level = self.map.level(c, path[t * w + c]);
                }
                self.latents.decode(&levels, begun.is_empty() && t == 0, &mut out, at);
                at += 1;
            }
        }
        Ok(out)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.trend != Trend::default() {
            notes.push(
                "samples follow the trend of the real series, smoothed, at the same times; beyond them it stays".into(),
            );
        }
        if self.noise == Noise::Blocks {
            notes.push("noise is put together from pieces of real residuals; values are not copied".into());
        }
        notes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
