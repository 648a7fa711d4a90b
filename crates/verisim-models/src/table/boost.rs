//! Boosted trees, digit by digit: each column drawn by gradient-boosted trees on the columns before it.
//!
//! The chain rule writes a row's distribution as `p(x1) p(x2 | x1) ... p(xd | x1..xd-1)`, as [`trees`] does. Here
//! the tokens of a column are halved again and again, and at each level of the halves boosted trees (Friedman, 2001) say from the columns
//! before and from the halves drawn so far in which half the value lies. Boosted classifiers over halves are those of McCarter (2024,
//! "Unmasking Trees for Tabular Data"); drawing numbers digit by digit is older (MADE, Germain et al., 2015).
//!
//! What is done differently, and why:
//! - Trees correct the odds that counts alone give a half, so that a column whose value no other tells has its exact distribution
//!   and no tree.
//! - Halves are even by count and not by value: a heavy token is told by the first questions, and deep levels have few rows.
//! - One tenth of the rows grow no trees. Their likelihood says how many trees a level keeps, and whether the column is
//!   better drawn from a single tree of [`trees`], which repeats a function of other columns without fault.
//! - Trees are symmetric, as in CatBoost, so that many rows are asked at once.
//! - A condition gives a row up as soon as no allowed token lies in its half; rows that remain are exact draws given the condition.
//!
//! Costs: a fit is one pass over the rows for each column seen, question of a tree, tree, and bit of a column's entropy.

mod digits;
mod forest;
mod grow;
mod halving;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, permutation, stream};
use verisim_data::table::codec::{CodecConfig, Encoded, Numeric, Span};
use verisim_data::table::{Spec, Table};

use crate::compute::Device;
use crate::error::{Error, Result};
use crate::learn::{self, Counter, Model, Setup, Start};
use crate::table::order::{self, by_information};
use crate::table::particles::{Chain, Link};
use crate::table::rows::Rows;
use crate::table::sampler::{Allowed, Drawn, Partial, Sampler};
use crate::table::trees;
use crate::table::trees::screen::Screen;
use crate::weights::Weights;
use digits::Digits;
use grow::Growth;

/// In a table of more columns each is learnt from those that tell most about it.
const NARROW: usize = 64;
/// Share of the rows that grow a tree.
const SHARE: f64 = 0.8;
/// Rows that are drawn together.
const BLOCK: usize = 1024;

/// Settings of the boosted trees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Position on the trade-off between fidelity (0) and privacy (1); sets `depth`, `min_rows`, `shrinkage` and `overgrow` where
    /// they are not given.
    pub privacy: f64,
    /// Most questions of a tree.
    pub depth: Option<usize>,
    /// Fewest rows on either side of a split.
    pub min_rows: Option<f64>,
    /// Rows that pull a leaf to zero.
    pub shrinkage: Option<f64>,
    /// Trees that are kept, as a multiple of those by which held-out rows are most likely.
    pub overgrow: Option<f64>,
    /// Most trees of a level.
    pub rounds: usize,
    /// Share of a full step that each tree takes.
    pub rate: f64,
    /// About how many tokens a number column has.
    pub bins: usize,
    /// Levels seen fewer times share the token "other".
    pub rare: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            privacy: 0.5,
            depth: None,
            min_rows: None,
            shrinkage: None,
            overgrow: None,
            rounds: 200,
            rate: 0.1,
            bins: 256,
            rare: 5,
        }
    }
}

impl Config {
    /// Most questions of a tree.
    pub fn depth(&self) -> usize {
        self.depth.unwrap_or((7.0 - 3.0 * self.privacy).round() as usize)
    }

    /// Fewest rows on either side of a split.
    pub fn min_rows(&self) -> f64 {
        self.min_rows.unwrap_or(5.0 * 16f64.powf(self.privacy))
    }

    /// Rows that pull a leaf to zero.
    pub fn shrinkage(&self) -> f64 {
        self.shrinkage.unwrap_or(4.0 * 16f64.powf(self.privacy))
    }

    /// Trees that are kept, as a multiple of those that held-out rows want: 3 at `privacy = 0`, 2 at 0.5, 1 at 1, unless given.
    pub fn overgrow(&self) -> f64 {
        self.overgrow.unwrap_or(3.0 - 2.0 * self.privacy)
    }

    fn growth(&self) -> Growth {
        Growth {
            rounds: self.rounds,
            overgrow: self.overgrow(),
            depth: self.depth(),
            rate: self.rate,
            min_rows: self.min_rows(),
            shrinkage: self.shrinkage(),
            share: SHARE,
        }
    }

    fn single(&self) -> trees::Config {
        trees::Config { privacy: self.privacy, bins: self.bins, rare: self.rare, ..trees::Config::default() }
    }
}

impl Model<Table> for Config {
    fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Setting { model: "boost", key: key.into(), rule: rule.into() });
        if !(0.0..=1.0).contains(&self.privacy) {
            return bad("privacy", "must lie between 0 and 1");
        }
        if self.depth.is_some_and(|d| d == 0 || d > forest::DEEPEST) {
            return bad("depth", "must lie between 1 and 8");
        }
        if self.min_rows.is_some_and(|m| !(m >= 0.0 && m.is_finite())) {
            return bad("min_rows", "must be 0 or more");
        }
        if self.shrinkage.is_some_and(|s| !(s >= 0.0 && s.is_finite())) {
            return bad("shrinkage", "must be 0 or more");
        }
        if self.overgrow.is_some_and(|o| !(o >= 1.0 && o.is_finite())) {
            return bad("overgrow", "must be 1 or more");
        }
        if self.rounds > 100_000 {
            return bad("rounds", "must be 100000 or less");
        }
        if !(self.rate > 0.0 && self.rate <= 1.0) {
            return bad("rate", "must be more than 0 and at most 1");
        }
        if !(2..=65_536).contains(&self.bins) {
            return bad("bins", "must lie between 2 and 65536");
        }
        Ok(())
    }

    fn encoding(&self) -> CodecConfig {
        CodecConfig { numeric: Numeric::Grid, bins: self.bins, rare: self.rare, max_levels: 65_536 }
    }

    fn start(&self, split: &learn::Split<'_, Table>, setup: &Setup<'_>) -> Result<Start<Table>> {
        let data = split.encoded;
        Ok(Start::Fitted(fit_counted(self, &data.spec.codec.spans(), &data.rows, setup.seed, setup.counter)?.weights()))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, _: &Device) -> Result<Box<dyn Sampler>> {
        Ok(Box::new(Boosted::from_weights(self, &spec.codec.spans(), weights)?))
    }
}

/// How one column is drawn.
#[derive(Clone, Debug)]
enum Factor {
    /// Digit by digit.
    Digits(Digits),
    /// From a single tree.
    Tree(trees::Factor),
}

/// A fitted model: for each column how it is drawn given the columns before it.
#[derive(Clone, Debug)]
pub struct Boosted {
    spans: Vec<Span>,
    /// Columns in sampling order.
    order: Vec<usize>,
    /// One factor a column, in sampling order.
    factors: Vec<Factor>,
    /// Pull of a single tree's leaf to its ancestors.
    backoff: f64,
}

/// Fits the model, columns and levels in parallel.
pub fn fit(config: &Config, spans: &[Span], data: &Encoded, seed: u64) -> Result<Boosted> {
    fit_counted(config, spans, data, seed, &Counter::default())
}

fn fit_counted(config: &Config, spans: &[Span], data: &Encoded, seed: u64, counter: &Counter) -> Result<Boosted> {
    config.check()?;
    let order = by_information(spans, &Rows::of(data));
    let screen = Screen::new(spans, data, NARROW);
    let shuffled = data.take(&permutation(&mut stream(seed, "held out", 0), data.rows));
    let held = (data.rows / 10).max(200).min(data.rows / 4);
    let learner =
        Learner { config, spans, order: &order, data: &shuffled, grow: data.rows - held, screen: &screen, seed };
    counter.begin(order.len());
    let factor = |position| {
        let factor = learner.factor(position);
        counter.one();
        factor
    };
    // The last columns take longest.
    let mut factors: Vec<(usize, Factor)> =
        (0..order.len()).rev().collect::<Vec<_>>().into_par_iter().with_max_len(1).map(|p| (p, factor(p))).collect();
    factors.sort_by_key(|f| f.0);
    let factors = factors.into_iter().map(|f| f.1).collect();
    Ok(Boosted { spans: spans.to_vec(), order, factors, backoff: config.single().backoff() })
}

struct Learner<'a> {
    config: &'a Config,
    spans: &'a [Span],
    order: &'a [usize],
    /// Rows in random order; the first `grow` grow trees, the others choose among them.
    data: &'a Encoded,
    grow: usize,
    screen: &'a Screen,
    seed: u64,
}

impl Learner<'_> {
    /// Of the ways to draw a column that by which the held-out rows are most likely.
    fn factor(&self, position: usize) -> Factor {
        let seen = self.screen.seen(self.order, position);
        let growth = self.config.growth();
        let (digits, likelihood) =
            Digits::fit(&growth, self.spans, self.data, self.grow, &self.order[..=position], seen.clone(), self.seed);
        let grown = self.data.take(&(0..self.grow).collect::<Vec<_>>());
        let tree = self.tree(&grown, seen.clone(), position);
        let tree_says = self.likelihood(&tree, position);
        match tree_says > likelihood {
            true => Factor::Tree(self.tree(self.data, seen, position).narrowed()),
            false => Factor::Digits(digits),
        }
    }

    fn tree(&self, data: &Encoded, seen: Vec<u32>, position: usize) -> trees::Factor {
        trees::fit_factor(&self.config.single(), self.spans, data, self.order, seen, position, self.seed)
    }

    /// How likely the held-out rows are by a tree, in nats; a token that it never gives counts as half a row.
    fn likelihood(&self, tree: &trees::Factor, position: usize) -> f64 {
        let (backoff, least) = (self.config.single().backoff(), 0.5 / self.grow as f64);
        let row = |i: usize| {
            let before = |p: usize| self.data.tokens[self.order[p]][i];
            tree.chance(before(position), before, backoff).max(least).ln()
        };
        (self.grow..self.data.rows).map(row).sum()
    }
}

impl Sampler for Boosted {
    /// Rows are drawn in blocks, column by column; a row is given up as soon as its token cannot be an allowed one, which makes the
    /// rows that remain exact draws given the condition.
    fn draw(&self, rows: usize, allowed: &Allowed, max_tries: u64, rng: &mut Stream) -> Result<Drawn> {
        let mut out = Encoded::zeros(&self.spans, rows);
        let (mut made, mut tried) = (0, 0);
        let mut block = vec![vec![0u32; BLOCK]; self.order.len()];
        let mut size = rows.min(BLOCK);
        while made < rows && tried < max_tries {
            let count = (max_tries - tried).min(size as u64) as u32;
            let mut live: Vec<u32> = (0..count).collect();
            for (position, factor) in self.factors.iter().enumerate() {
                let allowed = allowed.tokens(self.order[position]);
                let (before, own) = block.split_at_mut(position);
                self.draw_column(factor, before, &mut live, allowed, &mut own[0], rng);
            }
            // What was drawn beyond the last row that is wanted was not tried for it.
            live.truncate(rows - made);
            tried +=
                if made + live.len() == rows { live.last().map_or(0, |&r| u64::from(r) + 1) } else { u64::from(count) };
            for (&column, tokens) in self.order.iter().zip(&block) {
                let drawn = live.iter().map(|&r| tokens[r as usize]);
                out.tokens[column][made..made + live.len()].iter_mut().zip(drawn).for_each(|(to, t)| *to = t);
            }
            made += live.len();
            size = if tried > 2 * made as u64 { BLOCK } else { (rows - made).min(BLOCK) };
        }
        out.truncate(made);
        Ok(Drawn { encoded: out, tried })
    }

    fn complete(&self, rows: &Partial, rng: &mut Stream) -> Result<Encoded> {
        self.chain(trees::OWN).complete_one(rows, rng)
    }

    fn complete_many(&self, rows: &Partial, times: usize, rng: &mut Stream) -> Result<Vec<Encoded>> {
        Ok(self.chain(trees::OWN).complete(rows, times, rng))
    }

    fn log_probabilities(&self, rows: &Encoded) -> Result<Vec<Vec<f32>>> {
        Ok(self.chain(trees::TOLD).log_probabilities(rows))
    }
}

impl Boosted {
    fn chain(&self, own: f64) -> Chain<'_> {
        let links = self.factors.iter().zip(&self.order);
        Chain::new(&self.spans, &self.order, links.map(|(factor, &column)| self.link(factor, column, own)).collect())
    }

    fn link<'a>(&self, factor: &'a Factor, column: usize, own: f64) -> Box<dyn Link + 'a> {
        match factor {
            Factor::Digits(digits) => Box::new(digits),
            Factor::Tree(tree) => Box::new(trees::Weighed::new(tree, self.spans[column], own, self.backoff)),
        }
    }

    fn draw_column(
        &self,
        factor: &Factor,
        before: &[Vec<u32>],
        live: &mut Vec<u32>,
        allowed: Option<&[bool]>,
        tokens: &mut [u32],
        rng: &mut Stream,
    ) {
        match factor {
            Factor::Digits(digits) => digits.draw(before, live, allowed, tokens, rng),
            Factor::Tree(tree) => live.retain(|&row| {
                let drawn = tree.draw(|p| before[p][row as usize], allowed, self.backoff, rng);
                drawn.is_some_and(|token| {
                    tokens[row as usize] = token;
                    true
                })
            }),
        }
    }

    /// The arrays that the model is made of.
    pub fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        order::put(&mut weights, &self.order);
        for (p, factor) in self.factors.iter().enumerate() {
            match factor {
                Factor::Digits(digits) => digits.put(p, &mut weights),
                Factor::Tree(tree) => tree.put(p, &mut weights),
            }
        }
        weights
    }

    /// The model of these arrays; an error when they do not describe one over `spans`.
    pub fn from_weights(config: &Config, spans: &[Span], weights: &mut Weights) -> Result<Boosted> {
        let order = order::take(weights, spans.len())?;
        let factor = |p: usize| match weights.has(&format!("{p}.ranked")) {
            true => Ok(Factor::Digits(Digits::take(p, &order, spans, weights)?)),
            false => Ok(Factor::Tree(trees::Factor::take(p, 1, &order, spans, weights)?)),
        };
        let factors = (0..order.len()).map(factor).collect::<Result<_>>()?;
        Ok(Boosted { spans: spans.to_vec(), order, factors, backoff: config.single().backoff() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
