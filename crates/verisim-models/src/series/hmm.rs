//! Hidden Markov models, and autoregressions that switch (Baum et al., 1970; Hamilton, 1989).
//!
//! ```text
//! P(k(t) | k(t-1)) = A(k(t-1), k(t)),   x(t) | k ~ N(m_k [+ B_k x(t-1)], S_k),   category j of step t | k ~ p_jk
//! ```
//!
//! `x` are the normal scores of the numbers of a step (`latent.rs`). Fitted by expectation and maximisation with scaled messages, from a
//! start by k-means on the scores and their differences. With `switching` each state has an autoregression of its own. Number of states and
//! switching are chosen by BIC. Covariances are drawn a little to that of all steps, so that no state falls on a point.
//!
//! Where a column of the context changes how states begin and follow each other, its groups have chances of their own, drawn to those of
//! all. Normal scores are normal over all steps, not within a state: what a state draws is mapped by ranks to what the data have in that
//! state, column by column, so that marginals are the real ones and states do not run into each other. A past is heard: what it says about
//! the state it ended in decides how it goes on.

use std::ops::Range;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::normal;
use verisim_data::rng::{Stream, below, normal as draw_normal, stream, uniform};
use verisim_data::series::{Series, Spec};
use verisim_data::table::codec::{CodecConfig, Encoded, Numeric, Span};

use super::chain::Grouping;
use super::latent::{Latents, between};
use super::{Contexts, EncodedSeries, Encoding, Sampler, Steps, Wanted};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::learn::{Model, Setup, Split, Start};
use crate::linalg::{cholesky, solve};
use crate::weights::Weights;

/// Most states that are tried.
const MOST: usize = 12;
/// Rounds of a fit.
const ROUNDS: usize = 40;
/// Rows that the number of states is chosen on.
const ENOUGH: usize = 20_000;
/// How many steps the covariance of all counts for in that of a state.
const RIDGE: f64 = 5.0;
/// How many steps the chances of all count for in those of a group.
const DRAWN: f64 = 10.0;
/// Knots of the map of a column in a state.
const KNOTS: usize = 64;
/// Rows of the sample that it is made of.
const MAP_ROWS: usize = 20_000;

/// Settings of the hidden Markov model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Number of hidden states, 1 to 64; chosen by BIC among 2 to 12 when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub states: Option<usize>,
    /// Whether each state has an autoregression; chosen by BIC when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switching: Option<bool>,
}

impl Model<Series> for Config {
    fn check(&self) -> Result<()> {
        match self.states {
            Some(states) if states == 0 || states > 64 => {
                Err(Error::Setting { model: "hmm", key: "states".into(), rule: "must lie between 1 and 64".into() })
            }
            _ => Ok(()),
        }
    }

    fn encoding(&self) -> Encoding {
        CodecConfig { numeric: Numeric::Normal, bins: 256, rare: 5, max_levels: 4096 }.into()
    }

    fn start(&self, split: &Split<'_, Series>, setup: &Setup<'_>) -> Result<Start<Series>> {
        self.check()?;
        let data = split.encoded;
        let runs = data.runs(split.train);
        if runs.iter().all(|run| run.is_empty()) {
            return Err(Error::Empty { unit: "steps" });
        }
        let mut weights = Weights::default();
        Contexts::fit(data, split.train, &mut weights)?;
        let spans = data.step_spans();
        let words = words(&spans, data.spec.shape.has_gap());
        let latents = Latents::fit(data, &runs, |j| !words.contains(&j));
        latents.store(&mut weights);
        let seen = Seen::of(data, &runs, &latents, &words);
        let mut hidden = choose(self, &seen, &spans, &words, setup.seed);
        let mut train = split.train.to_vec();
        train.sort_unstable();
        let grouping = hidden.by_context(data, &train, &seen);
        grouping.store(&mut weights);
        let ranks = hidden.ranks(&seen, setup.seed);
        weights.put_f64("ranks", &[hidden.states * seen.width, 2, KNOTS], ranks);
        hidden.store(&mut weights);
        Ok(Start::Fitted(weights))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, _: &Device) -> Result<Box<Sampler>> {
        let contexts = Contexts::restore(spec, weights)?;
        let latents = Latents::restore(spec, weights)?;
        let spans = spec.steps.spans();
        let words = words(&spans, spec.shape.has_gap());
        let grouping = Grouping::restore(weights)?;
        let hidden = Hidden::restore(&spans, &words, latents.width(), grouping.count(), weights)?;
        let ranks = weights.take_f64("ranks")?.1;
        let sound = |knots: &[f64]| knots.is_sorted() && knots.iter().all(|x| x.is_finite());
        if ranks.len() != hidden.states * latents.width() * 2 * KNOTS || !ranks.chunks(KNOTS).all(sound) {
            return Err(Error::Tensor { name: "ranks".into(), problem: "is not of these columns".into() });
        }
        let steps = Hmm { hidden, latents, words, grouping, ranks };
        Ok(Box::new(Sampler { contexts, steps: Box::new(steps) }))
    }
}

/// The columns that are categories.
fn words(spans: &[Span], has_gap: bool) -> Vec<usize> {
    (usize::from(has_gap)..spans.len()).filter(|&j| !spans[j].scalar && spans[j].tokens > 1).collect()
}

/// The steps of sequences.
struct Seen {
    /// Scores, a row a step.
    x: Vec<f64>,
    width: usize,
    /// Tokens of the categories, a row a step.
    tokens: Vec<u32>,
    kinds: usize,
    /// Where sequences begin and end.
    runs: Vec<Range<usize>>,
}

impl Seen {
    fn of(data: &EncodedSeries, runs: &[Range<usize>], latents: &Latents, words: &[usize]) -> Seen {
        let mut seen =
            Seen { x: Vec::new(), width: latents.width(), tokens: Vec::new(), kinds: words.len(), runs: Vec::new() };
        let mut at = 0;
        for run in runs {
            seen.x.extend(latents.encode(&data.steps, run.clone()));
            seen.tokens.extend(run.clone().flat_map(|i| words.iter().map(move |&j| data.steps.tokens[j][i])));
            seen.runs.push(at..at + run.len());
            at += run.len();
        }
        seen
    }

    fn rows(&self) -> usize {
        self.runs.last().map_or(0, |r| r.end)
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.x[i * self.width..(i + 1) * self.width]
    }

    fn words(&self, i: usize) -> &[u32] {
        &self.tokens[i * self.kinds..(i + 1) * self.kinds]
    }

    /// The first sequences of about so many steps; one long one is cut.
    fn part(&self, most: usize) -> Seen {
        let end = self.rows().min(most);
        let runs = self.runs.iter().filter(|r| r.start < end).map(|r| r.start..r.end.min(end)).collect();
        let (x, tokens) = (self.x[..end * self.width].to_vec(), self.tokens[..end * self.kinds].to_vec());
        Seen { x, tokens, runs, width: self.width, kinds: self.kinds }
    }
}

/// What a state looks like.
#[derive(Clone, Debug)]
struct Look {
    /// Mean and factor of the covariance, of first steps and without switching of all.
    mean: Vec<f64>,
    lower: Vec<f64>,
    /// With switching: a row 1, then a row a score before.
    pull: Vec<f64>,
    /// Factor of the covariance of what is left.
    rest: Vec<f64>,
    /// The logarithm of the share of each token, column by column.
    words: Vec<Vec<f64>>,
}

/// A hidden Markov model.
#[derive(Clone, Debug)]
struct Hidden {
    states: usize,
    width: usize,
    switching: bool,
    looks: Vec<Look>,
    /// Chances to begin, and to follow each other, row by row; a set a group.
    begin: Vec<Vec<f64>>,
    follow: Vec<Vec<f64>>,
}

/// What a pass over the data gives.
struct Pass {
    /// Chances of the states, a row a step.
    chances: Vec<f64>,
    /// Expected transitions of each sequence, if wanted; else of all in one.
    moves: Vec<Vec<f64>>,
    likelihood: f64,
}

/// The best of the models that the settings allow.
fn choose(config: &Config, seen: &Seen, spans: &[Span], words: &[usize], seed: u64) -> Hidden {
    let rows = seen.rows();
    let part = seen.part(ENOUGH);
    let switchings: Vec<bool> = match config.switching {
        Some(switching) => vec![switching],
        None => vec![false, true],
    };
    let counts: Vec<usize> = match config.states {
        Some(states) => vec![states],
        None => [2, 3, 4, 5, 6, 8, 10, MOST].into_iter().filter(|k| *k == 2 || k * 10 <= rows).collect(),
    };
    let mut tried: Vec<(usize, bool)> = switchings.iter().flat_map(|&s| counts.iter().map(move |&k| (k, s))).collect();
    if seen.width == 0 {
        // Without numbers nothing can pull.
        tried.retain(|t| !t.1 || config.switching == Some(true));
    }
    let sizes: Vec<usize> = words.iter().map(|&j| spans[j].tokens as usize).collect();
    let fit = |&(states, switching): &(usize, bool), seen: &Seen| {
        let mut hidden = Hidden::start(seen, &sizes, states, switching && seen.width > 0, seed);
        let likelihood = hidden.learn(seen);
        (hidden.cost(likelihood, seen.rows(), &sizes), hidden)
    };
    if let [only] = &tried[..] {
        return fit(only, seen).1;
    }
    let costs: Vec<f64> = tried.par_iter().map(|t| fit(t, &part).0).collect();
    let best = (0..tried.len()).fold(0, |best, k| if costs[k] < costs[best] { k } else { best });
    fit(&tried[best], seen).1
}

impl Hidden {
    /// A start by k-means on scores and, with switching, their differences.
    fn start(seen: &Seen, sizes: &[usize], states: usize, switching: bool, seed: u64) -> Hidden {
        let (n, w) = (seen.rows(), seen.width);
        let mut rng = stream(seed, "hmm", states as u64 + 100 * u64::from(switching));
        let wide = if switching { 2 * w } else { w };
        let mut points = vec![0.0; n * wide];
        for run in &seen.runs {
            for i in run.clone() {
                let row = seen.row(i);
                points[i * wide..i * wide + w].copy_from_slice(row);
                if switching && i > run.start {
                    let before = seen.row(i - 1);
                    (0..w).for_each(|c| points[i * wide + w + c] = 2.0 * (row[c] - before[c]));
                }
            }
        }
        let of = if wide > 0 { k_means(&points, wide, states, &mut rng) } else { Vec::new() };
        let mut chances = vec![0.0; n * states];
        for i in 0..n {
            // Without numbers, states begin by the words of a step.
            let own = match wide {
                0 => seen.words(i).iter().fold(0_usize, |h, &t| h * 31 + t as usize) % states,
                _ => of[i],
            };
            (0..states).for_each(|k| chances[i * states + k] = if k == own { 0.9 } else { 0.1 / states as f64 });
            let total: f64 = chances[i * states..(i + 1) * states].iter().sum();
            chances[i * states..(i + 1) * states].iter_mut().for_each(|c| *c /= total);
        }
        let mut hidden = Hidden {
            states,
            width: w,
            switching,
            looks: Vec::new(),
            begin: vec![vec![1.0 / states as f64; states]],
            follow: vec![vec![0.0; states * states]],
        };
        for k in 0..states * states {
            let stays = k / states == k % states;
            hidden.follow[0][k] = if stays { 0.8 } else { 0.0 } + 0.2 / states as f64;
        }
        hidden.look(seen, sizes, &chances);
        hidden
    }

    /// Expectation and maximisation until little is gained; the logarithm of the likelihood.
    fn learn(&mut self, seen: &Seen) -> f64 {
        let sizes: Vec<usize> = self.looks.first().map_or_else(Vec::new, |l| l.words.iter().map(Vec::len).collect());
        let mut last = f64::NEG_INFINITY;
        for _ in 0..ROUNDS {
            let pass = self.pass(seen, false);
            if !pass.likelihood.is_finite() || pass.likelihood - last < 1e-5 * seen.rows() as f64 {
                return pass.likelihood.max(last);
            }
            last = pass.likelihood;
            let k = self.states;
            let mut begin = vec![0.1; k];
            for run in seen.runs.iter().filter(|r| !r.is_empty()) {
                (0..k).for_each(|s| begin[s] += pass.chances[run.start * k + s]);
            }
            self.begin = vec![shares(begin)];
            self.follow =
                vec![pass.moves[0].chunks(k).flat_map(|row| shares(row.iter().map(|m| m + 0.01).collect())).collect()];
            self.look(seen, &sizes, &pass.chances);
        }
        last
    }

    /// What states look like, given their chances at each step.
    fn look(&mut self, seen: &Seen, sizes: &[usize], chances: &[f64]) {
        let (n, w, states) = (seen.rows(), self.width, self.states);
        let all = moments(seen, |_| 1.0);
        let switching = self.switching;
        let one = |k: usize| {
            let chance = |i: usize| chances[i * states + k];
            let (mean, mut covariance, total) = moments(seen, chance);
            drawn(&mut covariance, total, &all.1, w);
            let (mut pull, mut rest) = (Vec::new(), Vec::new());
            if switching {
                (pull, rest) = regression(seen, chance, &all.1);
            }
            let mut words: Vec<Vec<f64>> = sizes.iter().map(|&size| vec![0.05; size]).collect();
            for i in 0..n {
                words.iter_mut().zip(seen.words(i)).for_each(|(shares, &t)| shares[t as usize] += chance(i));
            }
            let words = words.into_iter().map(|w| shares(w).into_iter().map(f64::ln).collect()).collect();
            Look {
                mean,
                lower: cholesky(&covariance, w),
                pull,
                rest: cholesky(&rest, if switching { w } else { 0 }),
                words,
            }
        };
        self.looks = (0..states).into_par_iter().map(one).collect();
    }

    /// The logarithm of how well each state fits a step, given the scores before it, if there are any.
    fn fits(&self, x: &[f64], words: &[u32], before: Option<&[f64]>, out: &mut [f64]) {
        let w = self.width;
        let mut off = vec![0.0; w];
        for (look, out) in self.looks.iter().zip(out) {
            let lower = self.expected(look, before, &mut off);
            let mut sum = 0.0;
            for c in 0..w {
                let known: f64 = (0..c).map(|b| lower[c * w + b] * off[b]).sum();
                off[c] = (x[c] - off[c] - known) / lower[c * w + c];
                sum += 0.5 * off[c] * off[c] + lower[c * w + c].ln();
            }
            *out = look.words.iter().zip(words).map(|(shares, &t)| shares[t as usize]).sum::<f64>() - sum;
        }
    }

    /// The mean of a state, and the factor of its covariance.
    fn expected<'a>(&self, look: &'a Look, before: Option<&[f64]>, mean: &mut [f64]) -> &'a [f64] {
        let w = self.width;
        match before.filter(|_| self.switching) {
            None => {
                mean.copy_from_slice(&look.mean);
                &look.lower
            }
            Some(before) => {
                mean.copy_from_slice(&look.pull[..w]);
                for (b, row) in before.iter().zip(look.pull[w..].chunks(w)) {
                    mean.iter_mut().zip(row).for_each(|(m, r)| *m += b * r);
                }
                &look.rest
            }
        }
    }

    /// Messages forwards and backwards, scaled at each step.
    fn pass(&self, seen: &Seen, each: bool) -> Pass {
        let k = self.states;
        let run = |run: &Range<usize>| {
            let n = run.len();
            let (mut fits, mut forward, mut scale) = (vec![0.0; n * k], vec![0.0; n * k], vec![0.0; n]);
            let mut likelihood = 0.0;
            for t in 0..n {
                let i = run.start + t;
                let own = &mut fits[t * k..(t + 1) * k];
                self.fits(seen.row(i), seen.words(i), (t > 0).then(|| seen.row(i - 1)), own);
                let most = own.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                own.iter_mut().for_each(|f| *f = (*f - most).exp());
                for s in 0..k {
                    let reach = match t {
                        0 => self.begin[0][s],
                        _ => (0..k).map(|r| forward[(t - 1) * k + r] * self.follow[0][r * k + s]).sum(),
                    };
                    forward[t * k + s] = reach * fits[t * k + s];
                }
                scale[t] = forward[t * k..(t + 1) * k].iter().sum::<f64>().max(1e-300);
                forward[t * k..(t + 1) * k].iter_mut().for_each(|f| *f /= scale[t]);
                likelihood += scale[t].ln() + most;
            }
            let mut moves = vec![0.0; k * k];
            let mut backward = vec![1.0; k];
            let mut chances = forward.clone();
            for t in (1..n).rev() {
                let heard: Vec<f64> = (0..k).map(|s| backward[s] * fits[t * k + s] / scale[t]).collect();
                for r in 0..k {
                    let from = forward[(t - 1) * k + r];
                    (0..k).for_each(|s| moves[r * k + s] += from * self.follow[0][r * k + s] * heard[s]);
                }
                backward = (0..k).map(|r| (0..k).map(|s| self.follow[0][r * k + s] * heard[s]).sum()).collect();
                (0..k).for_each(|r| chances[(t - 1) * k + r] *= backward[r]);
            }
            (chances, moves, likelihood)
        };
        let parts: Vec<(Vec<f64>, Vec<f64>, f64)> = seen.runs.par_iter().map(run).collect();
        let mut pass = Pass { chances: Vec::new(), moves: vec![vec![0.0; k * k]], likelihood: 0.0 };
        if each {
            pass.moves.clear();
        }
        for (chances, moves, likelihood) in parts {
            pass.chances.extend(chances);
            pass.likelihood += likelihood;
            match each {
                true => pass.moves.push(moves),
                false => pass.moves[0].iter_mut().zip(moves).for_each(|(a, b)| *a += b),
            }
        }
        pass
    }

    /// BIC.
    fn cost(&self, likelihood: f64, rows: usize, sizes: &[usize]) -> f64 {
        let w = self.width;
        let pulls = if self.switching { w * (w + 1) + w * (w + 1) / 2 } else { 0 };
        let words: usize = sizes.iter().map(|s| s - 1).sum();
        let own = w + w * (w + 1) / 2 + pulls + words;
        let parameters = self.states * (own + self.states) - 1;
        -2.0 * likelihood + parameters as f64 * (rows.max(2) as f64).ln()
    }

    /// Chances by the groups of the column of the context that changes them most, if one does: by the gain of likelihood of expected beginnings
    /// and transitions, less what chance gains.
    fn by_context(&mut self, data: &EncodedSeries, train: &[usize], seen: &Seen) -> Grouping {
        let k = self.states;
        if data.joined || k < 2 {
            return Grouping::default();
        }
        let pass = self.pass(seen, true);
        let begins = |i: usize| -> Vec<f64> {
            let run = &seen.runs[i];
            if run.is_empty() { vec![0.0; k] } else { pass.chances[run.start * k..(run.start + 1) * k].to_vec() }
        };
        let gathered = |grouping: &Grouping| {
            let mut all = vec![vec![0.0; k + k * k]; grouping.count()];
            for (i, &s) in train.iter().enumerate() {
                let own = &mut all[grouping.of(&data.context, s) as usize];
                own.iter_mut().zip(begins(i).iter().chain(&pass.moves[i])).for_each(|(a, b)| *a += b);
            }
            all
        };
        let worth = |all: &[Vec<f64>]| -> f64 {
            let told = |counts: &[f64]| -> f64 {
                let total: f64 = counts.iter().sum();
                counts.iter().filter(|&&c| c > 0.0).map(|c| c * (c / total).ln()).sum()
            };
            all.iter().map(|group| group.chunks(k).map(told).sum::<f64>()).sum()
        };
        let pooled = worth(&gathered(&Grouping::default()));
        let mut best: Option<(f64, Grouping)> = None;
        for candidate in Grouping::candidates(data, train) {
            let all = gathered(&candidate);
            let groups = all.iter().filter(|g| g.iter().sum::<f64>() > 0.0).count();
            let free = (groups.saturating_sub(1) * (k + 1) * (k - 1)) as f64;
            let gain = worth(&all) - pooled - 0.5 * free * (seen.runs.len().max(2) as f64).ln();
            if gain > best.as_ref().map_or(0.0, |b| b.0) {
                best = Some((gain, candidate));
            }
        }
        let Some((_, grouping)) = best else { return Grouping::default() };
        let (begin, follow) = (self.begin[0].clone(), self.follow[0].clone());
        (self.begin, self.follow) = gathered(&grouping)
            .into_iter()
            .map(|group| {
                let mixed =
                    |own: &[f64], all: &[f64]| shares(own.iter().zip(all).map(|(o, a)| o + DRAWN * a).collect());
                let rows = group[k..].chunks(k).zip(follow.chunks(k));
                (mixed(&group[..k], &begin), rows.flat_map(|(own, all)| mixed(own, all)).collect::<Vec<f64>>())
            })
            .unzip();
        grouping
    }

    /// Scores and states of `length` steps after `before` and a state that is known by its chances.
    fn sample(
        &self,
        group: usize,
        length: usize,
        (mut before, mut chances): (Option<Vec<f64>>, Option<Vec<f64>>),
        rng: &mut Stream,
    ) -> Vec<(usize, Vec<f64>)> {
        let (k, w) = (self.states, self.width);
        let group = group.min(self.begin.len() - 1);
        let mut out: Vec<(usize, Vec<f64>)> = Vec::with_capacity(length);
        for _ in 0..length {
            let next: Vec<f64> = match &chances {
                None => self.begin[group].clone(),
                Some(now) => (0..k).map(|s| (0..k).map(|r| now[r] * self.follow[group][r * k + s]).sum()).collect(),
            };
            let state = pick(&next, rng);
            let mut x = vec![0.0; w];
            let lower = self.expected(&self.looks[state], before.as_deref(), &mut x);
            let noise: Vec<f64> = (0..w).map(|_| draw_normal(rng)).collect();
            for c in 0..w {
                let e: f64 = (0..=c).map(|b| lower[c * w + b] * noise[b]).sum();
                // A pull that is stronger than 1 must not break loose.
                x[c] = (x[c] + e).clamp(-8.0, 8.0);
            }
            let mut sure = vec![0.0; k];
            sure[state] = 1.0;
            (before, chances) = (Some(x.clone()), Some(sure));
            out.push((state, x));
        }
        out
    }

    /// What samples have in each state, and what the data have there: knots of either, a pair of rows a column.
    fn ranks(&self, seen: &Seen, seed: u64) -> Vec<f64> {
        let mut rng = stream(seed, "hmm.ranks", 0);
        let (k, w) = (self.states, self.width);
        let mut made: Vec<Vec<Vec<(f64, f64)>>> = vec![vec![Vec::new(); w]; k];
        let rows = seen.rows().max(1);
        for round in 0..(MAP_ROWS / rows).clamp(1, 50) {
            for (i, run) in seen.runs.iter().enumerate() {
                // Groups in turn: within a state they are alike.
                let group = (i + round) % self.begin.len();
                for (state, x) in self.sample(group, run.len().min(4 * MAP_ROWS), (None, None), &mut rng) {
                    made[state].iter_mut().zip(x).for_each(|(column, x)| column.push((x, 1.0)));
                }
            }
        }
        let pass = self.pass(seen, false);
        let mut all = Vec::with_capacity(k * w * 2 * KNOTS);
        for (state, made) in made.into_iter().enumerate() {
            for (c, column) in made.into_iter().enumerate() {
                let chance = |i: usize| pass.chances[i * k + state];
                let real: Vec<(f64, f64)> = (0..seen.rows()).map(|i| (seen.row(i)[c], chance(i))).collect();
                let (made, real) = (quantiles(column), quantiles(real));
                match (made, real) {
                    (Some(made), Some(real)) => all.extend(made.into_iter().chain(real)),
                    // A state that is hardly ever: as it is.
                    _ => (0..2).for_each(|_| all.extend((0..KNOTS).map(|k| k as f64))),
                }
            }
        }
        all
    }

    /// The chances of the states at the end of a past.
    fn heard(&self, x: &[f64], words: &[u32], kinds: usize, rows: usize, group: usize) -> Vec<f64> {
        let (k, w) = (self.states, self.width);
        let group = group.min(self.begin.len() - 1);
        let mut now = self.begin[group].clone();
        let mut fits = vec![0.0; k];
        for t in 0..rows {
            let before = (t > 0).then(|| &x[(t - 1) * w..t * w]);
            self.fits(&x[t * w..(t + 1) * w], &words[t * kinds..(t + 1) * kinds], before, &mut fits);
            let most = fits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if t > 0 {
                now = (0..k).map(|s| (0..k).map(|r| now[r] * self.follow[group][r * k + s]).sum()).collect();
            }
            now.iter_mut().zip(&fits).for_each(|(n, f)| *n *= (f - most).exp());
            now = shares(now);
        }
        now
    }

    fn store(&self, weights: &mut Weights) {
        weights.put_u32("form", &[2], vec![self.states as u32, u32::from(self.switching)]);
        weights.put_f64("begin", &[self.begin.len(), self.states], self.begin.concat());
        weights.put_f64("follow", &[self.follow.len(), self.states, self.states], self.follow.concat());
        for (k, look) in self.looks.iter().enumerate() {
            let numbers = [&look.mean[..], &look.lower, &look.pull, &look.rest].concat();
            weights.put_f64(format!("look.{k}"), &[numbers.len()], numbers);
            let words = look.words.concat();
            weights.put_f64(format!("words.{k}"), &[words.len()], words);
        }
    }

    fn restore(spans: &[Span], words: &[usize], width: usize, groups: usize, weights: &mut Weights) -> Result<Hidden> {
        let bad = |name: &str| Error::Tensor { name: name.into(), problem: "does not fit the other tensors".into() };
        let form = weights.take_u32("form")?.1;
        let &[states, switching] = &form[..] else { return Err(bad("form")) };
        let (states, switching, w) = (states as usize, switching > 0, width);
        let (begin, follow) = (weights.take_f64("begin")?.1, weights.take_f64("follow")?.1);
        let chance = |p: &f64| (0.0..=1.0 + 1e-9).contains(p);
        let sets = begin.len() / states.max(1);
        if states == 0
            || !(sets == 1 || sets == groups)
            || begin.len() != sets * states
            || follow.len() != sets * states * states
            || !begin.iter().chain(&follow).all(chance)
        {
            return Err(bad("begin"));
        }
        let mut looks = Vec::new();
        for k in 0..states {
            let name = format!("look.{k}");
            let numbers = weights.take_f64(&name)?.1;
            let shares = weights.take_f64(&format!("words.{k}"))?.1;
            let sizes: Vec<usize> = words.iter().map(|&j| spans[j].tokens as usize).collect();
            let pull = if switching { w * (w + 1) } else { 0 };
            let rest = if switching { w * w } else { 0 };
            if numbers.len() != w + w * w + pull + rest
                || shares.len() != sizes.iter().sum::<usize>()
                || numbers.iter().chain(&shares).any(|x| !x.is_finite())
            {
                return Err(bad(&name));
            }
            let mut left = &shares[..];
            let mut own = Vec::new();
            for size in sizes {
                let (column, after) = left.split_at(size);
                own.push(column.to_vec());
                left = after;
            }
            looks.push(Look {
                mean: numbers[..w].to_vec(),
                lower: numbers[w..w + w * w].to_vec(),
                pull: numbers[w + w * w..w + w * w + pull].to_vec(),
                rest: numbers[w + w * w + pull..].to_vec(),
                words: own,
            });
        }
        let begin = begin.chunks(states).map(<[f64]>::to_vec).collect();
        let follow = follow.chunks(states * states).map(<[f64]>::to_vec).collect();
        Ok(Hidden { states, width, switching, looks, begin, follow })
    }
}

/// Values at even levels of weighted numbers; none where they weigh next to nothing.
fn quantiles(mut numbers: Vec<(f64, f64)>) -> Option<Vec<f64>> {
    numbers.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = numbers.iter().map(|n| n.1).sum();
    if total < 20.0 {
        return None;
    }
    let (mut at, mut below) = (0, 0.0);
    let knot = |k: usize| {
        let level = (k as f64 + 0.5) / KNOTS as f64 * total;
        while at + 1 < numbers.len() && below + numbers[at].1 < level {
            below += numbers[at].1;
            at += 1;
        }
        numbers[at].0
    };
    Some((0..KNOTS).map(knot).collect())
}

/// Numbers as shares of their sum.
fn shares(mut numbers: Vec<f64>) -> Vec<f64> {
    let total: f64 = numbers.iter().sum();
    let even = 1.0 / numbers.len().max(1) as f64;
    numbers.iter_mut().for_each(|n| *n = if total > 0.0 { *n / total } else { even });
    numbers
}

/// One of several by their weights.
fn pick(weights: &[f64], rng: &mut Stream) -> usize {
    let mut at = uniform(rng) * weights.iter().sum::<f64>();
    let found = weights.iter().position(|w| {
        at -= w;
        at < 0.0
    });
    found.unwrap_or_else(|| weights.iter().rposition(|&w| w > 0.0).unwrap_or(0))
}

/// Mean and covariance of steps by their weight, and the sum of the weights.
fn moments(seen: &Seen, weight: impl Fn(usize) -> f64) -> (Vec<f64>, Vec<f64>, f64) {
    let (n, w) = (seen.rows(), seen.width);
    let total: f64 = (0..n).map(&weight).sum::<f64>().max(1e-9);
    let (mut mean, mut covariance) = (vec![0.0; w], vec![0.0; w * w]);
    for i in 0..n {
        let g = weight(i) / total;
        mean.iter_mut().zip(seen.row(i)).for_each(|(m, x)| *m += g * x);
    }
    let mut off = vec![0.0; w];
    for i in 0..n {
        let g = weight(i) / total;
        (0..w).for_each(|c| off[c] = seen.row(i)[c] - mean[c]);
        for a in 0..w {
            (0..=a).for_each(|b| covariance[a * w + b] += g * off[a] * off[b]);
        }
    }
    (0..w).for_each(|a| (0..a).for_each(|b| covariance[b * w + a] = covariance[a * w + b]));
    (mean, covariance, total)
}

/// A covariance of `total` steps, drawn a little to the variances of all.
fn drawn(covariance: &mut [f64], total: f64, all: &[f64], w: usize) {
    let share = RIDGE / (total + RIDGE);
    covariance.iter_mut().for_each(|x| *x *= 1.0 - share);
    // A floor, so that a column that does not change in a state has a density.
    (0..w).for_each(|c| covariance[c * w + c] += 0.1 * share * all[c * w + c] + 1e-6);
}

/// The regression of each step on the one before, by weight, and the covariance of what is left.
fn regression(seen: &Seen, weight: impl Fn(usize) -> f64, all: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let w = seen.width;
    let m = w + 1;
    let (mut gram, mut with, mut own) = (vec![0.0; m * m], vec![0.0; m * w], vec![0.0; w * w]);
    let (mut row, mut total) = (vec![1.0; m], 0.0);
    for run in &seen.runs {
        for i in run.start + 1..run.end {
            let g = weight(i);
            if g < 1e-8 {
                continue;
            }
            total += g;
            row[1..].copy_from_slice(seen.row(i - 1));
            let x = seen.row(i);
            for a in 0..m {
                (0..=a).for_each(|b| gram[a * m + b] += g * row[a] * row[b]);
                (0..w).for_each(|c| with[a * w + c] += g * row[a] * x[c]);
            }
            (0..w * w).for_each(|k| own[k] += g * x[k / w] * x[k % w]);
        }
    }
    for a in 0..m {
        (0..a).for_each(|b| gram[b * m + a] = gram[a * m + b]);
        gram[a * m + a] += 0.1;
    }
    let lower = cholesky(&gram, m);
    let mut pull = vec![0.0; m * w];
    for c in 0..w {
        let mut b: Vec<f64> = (0..m).map(|a| with[a * w + c]).collect();
        solve(&lower, &mut b);
        (0..m).for_each(|a| pull[a * w + c] = b[a]);
    }
    let total = total.max(1e-9);
    let mut rest = vec![0.0; w * w];
    for a in 0..w {
        for b in 0..w {
            // Of what is explained, with the ridge in mind, both forms count half.
            let ab: f64 = (0..m).map(|r| pull[r * w + a] * with[r * w + b]).sum();
            let ba: f64 = (0..m).map(|r| pull[r * w + b] * with[r * w + a]).sum();
            rest[a * w + b] = (own[a * w + b] - 0.5 * (ab + ba)) / total;
        }
        rest[a * w + a] = rest[a * w + a].max(1e-6);
    }
    drawn(&mut rest, total, all, w);
    (pull, rest)
}

/// The group of each point: k-means (Lloyd, 1982) from points that lie far from each other (Arthur and Vassilvitskii, 2007).
fn k_means(points: &[f64], width: usize, count: usize, rng: &mut Stream) -> Vec<usize> {
    let n = points.len() / width;
    let far = |i: usize, centre: &[f64]| -> f64 {
        points[i * width..(i + 1) * width].iter().zip(centre).map(|(a, b)| (a - b) * (a - b)).sum()
    };
    let row = |i: usize| points[i * width..(i + 1) * width].to_vec();
    let mut centres = vec![row(below(rng, n as u64) as usize)];
    let mut least: Vec<f64> = (0..n).map(|i| far(i, &centres[0])).collect();
    while centres.len() < count {
        let next = pick(&least, rng);
        centres.push(row(next));
        let newest = &centres[centres.len() - 1];
        least.iter_mut().enumerate().for_each(|(i, l)| *l = l.min(far(i, newest)));
    }
    let mut of = vec![0; n];
    for _ in 0..12 {
        let nearest = |i: usize| {
            (0..count)
                .map(|k| (far(i, &centres[k]), k))
                .fold((f64::INFINITY, 0), |a, b| if b.0 < a.0 { b } else { a })
                .1
        };
        of = (0..n).map(nearest).collect();
        let (mut sums, mut sizes) = (vec![vec![0.0; width]; count], vec![0.0_f64; count]);
        for (i, &k) in of.iter().enumerate() {
            sizes[k] += 1.0;
            sums[k].iter_mut().zip(&points[i * width..]).for_each(|(s, p)| *s += p);
        }
        for k in (0..count).filter(|&k| sizes[k] > 0.0) {
            centres[k] = sums[k].iter().map(|s| s / sizes[k]).collect();
        }
    }
    of
}

/// The model.
struct Hmm {
    hidden: Hidden,
    latents: Latents,
    words: Vec<usize>,
    grouping: Grouping,
    /// See [`Hidden::ranks`].
    ranks: Vec<f64>,
}

impl Hmm {
    /// The level of a score that a state has drawn.
    fn level(&self, state: usize, c: usize, x: f64) -> f64 {
        let at = (state * self.hidden.width + c) * 2 * KNOTS;
        let (made, real) = self.ranks[at..at + 2 * KNOTS].split_at(KNOTS);
        normal::cdf(between(KNOTS, x, |k| made[k], |k| real[k]))
    }
}

impl Steps for Hmm {
    fn draw(&self, wanted: &Wanted<'_>, rng: &mut Stream) -> Result<Encoded> {
        let mut out = self.latents.zeros(wanted.lengths.iter().sum());
        let (w, mut at) = (self.hidden.width, 0);
        for (i, &length) in wanted.lengths.iter().enumerate() {
            let group = self.grouping.of(wanted.context, i) as usize;
            let begun = wanted.past.map_or(0..0, |p| p.offsets[i]..p.offsets[i + 1]);
            let mut known = (None, None);
            if let Some(past) = wanted.past.filter(|_| !begun.is_empty()) {
                let x = self.latents.encode(past.steps, begun.clone());
                let words: Vec<u32> =
                    begun.clone().flat_map(|i| self.words.iter().map(move |&j| past.steps.tokens[j][i])).collect();
                let now = self.hidden.heard(&x, &words, self.words.len(), begun.len(), group);
                known = (Some(x[x.len() - w..].to_vec()), Some(now));
            }
            for (t, (state, x)) in self.hidden.sample(group, length, known, rng).into_iter().enumerate() {
                let levels: Vec<f64> = x.iter().enumerate().map(|(c, &z)| self.level(state, c, z)).collect();
                self.latents.decode(&levels, begun.is_empty() && t == 0, &mut out, at);
                for (&j, shares) in self.words.iter().zip(&self.hidden.looks[state].words) {
                    let weights: Vec<f64> = shares.iter().map(|s| s.exp()).collect();
                    out.tokens[j][at] = pick(&weights, rng) as u32;
                }
                at += 1;
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::series::testkit::{Cells, assert_sound, fitted, goes_on, learnt, numbers, sample, series};

    fn encoding() -> CodecConfig {
        Config::default().encoding().steps
    }

    /// Two states, each with its own mean, spread and words.
    fn hidden(n: usize) -> (Vec<f64>, Vec<u32>) {
        let mut rng = stream(4, "hidden", 0);
        let mut state = 0;
        (0..n)
            .map(|_| {
                if uniform(&mut rng) < [0.05, 0.1][state] {
                    state = 1 - state;
                }
                let x = [-2.0, 2.0][state] + [0.5, 1.0][state] * draw_normal(&mut rng);
                (x, u32::from(uniform(&mut rng) < [0.1, 0.9][state]))
            })
            .unzip()
    }

    #[test]
    fn states_are_found_again() {
        let (x, words) = hidden(4000);
        let data = series(&encoding(), &[4000], vec![Cells::Numbers(x.clone()), Cells::Words(words)], vec![], None);
        let mut weights = learnt(&Config { switching: Some(false), ..Config::default() }, &data).unwrap();
        assert_eq!(weights.take_u32("form").unwrap().1[1], 0);
        let mut weights = learnt(&Config { states: Some(2), switching: Some(false) }, &data).unwrap();
        let follow = weights.take_f64("follow").unwrap().1;
        let mut leaves = [follow[1], follow[2]];
        leaves.sort_by(f64::total_cmp);
        assert!((leaves[0] - 0.05).abs() < 0.02 && (leaves[1] - 0.1).abs() < 0.03, "{follow:?}");
        // The words of the state of the lower mean.
        let (a, b) = (weights.take_f64("look.0").unwrap().1[0], weights.take_f64("look.1").unwrap().1[0]);
        let words = weights.take_f64(if a < b { "words.0" } else { "words.1" }).unwrap().1;
        assert!((words[1].exp() - 0.1).abs() < 0.04, "{words:?}");
        // Samples stay as long as the data, and have their words with their numbers.
        let config = Config { states: Some(2), ..Config::default() };
        let made = sample(&fitted(&config, &data), &data, &[4000], 2);
        let (y, w) = (numbers(&data, &made, 0), numbers(&data, &made, 1));
        let crossings = |v: &[f64]| v.windows(2).filter(|p| (p[0] < 0.0) != (p[1] < 0.0)).count() as f64;
        assert!((crossings(&y) / crossings(&x) - 1.0).abs() < 0.3, "{} {}", crossings(&y), crossings(&x));
        let together = y.iter().zip(&w).filter(|(y, w)| (**y > 0.0) == (**w > 0.5)).count() as f64 / 4000.0;
        assert!((0.85..0.95).contains(&together), "{together}");
    }

    #[test]
    fn pulls_are_found_where_they_are() {
        let mut rng = stream(6, "pull", 0);
        let (mut x, mut state) = (0.0, 0_usize);
        let values: Vec<f64> = (0..4000)
            .map(|_| {
                if uniform(&mut rng) < 0.02 {
                    state = 1 - state;
                }
                x = [0.95, -0.5][state] * x + [0.2, 1.0][state] * draw_normal(&mut rng);
                x
            })
            .collect();
        let data = series(&encoding(), &[4000], vec![Cells::Numbers(values.clone())], vec![], None);
        let mut weights = learnt(&Config { states: Some(2), switching: None }, &data).unwrap();
        assert_eq!(weights.take_u32("form").unwrap().1, vec![2, 1]);
        let mut pulls = [0, 1].map(|k| weights.take_f64(&format!("look.{k}")).unwrap().1[3]);
        pulls.sort_by(f64::total_cmp);
        assert!((pulls[0] + 0.5).abs() < 0.15 && (pulls[1] - 0.95).abs() < 0.1, "{pulls:?}");
        let sampler = fitted(&Config::default(), &data);
        let next = numbers(&data, &goes_on(&sampler, &data, &[0, 2000], 1, 1), 0)[0];
        assert!(next.is_finite());
    }

    #[test]
    fn any_mix_of_columns_is_learnt_soundly() {
        let n = 300;
        let mut rng = stream(8, "mix", 0);
        let holes: Vec<f64> = (0..n).map(|t| if t % 7 == 0 { f64::NAN } else { draw_normal(&mut rng) }).collect();
        let words: Vec<u32> = (0..n).map(|t| (t / 5 % 3) as u32).collect();
        let columns = || vec![Cells::Numbers(holes.clone()), Cells::Words(words.clone())];
        let few = |switching| Config { states: Some(2), switching: Some(switching) };
        assert_sound(&few(true), &series(&encoding(), &[n], columns(), vec![], None));
        let lengths: Vec<usize> = std::iter::repeat_n([1, 2, 5, 7], 20).flatten().collect();
        let gaps: Vec<f64> = (0..n).map(|t| (t as f64).powf(1.2)).collect();
        let groups = vec![Cells::Words((0..80).map(|i| i % 2).collect())];
        assert_sound(&few(false), &series(&encoding(), &lengths, columns(), groups, Some(gaps)));
        // Words alone, and one step.
        assert_sound(&few(false), &series(&encoding(), &[n], vec![Cells::Words(words)], vec![], None));
        let data = series(&encoding(), &[1, 1], vec![Cells::Numbers(vec![1.0, 2.0])], vec![], None);
        assert_eq!(sample(&fitted(&Config::default(), &data), &data, &[3, 1], 1).rows, 4);
        assert!(Config { states: Some(0), switching: None }.check().is_err());
    }
}
