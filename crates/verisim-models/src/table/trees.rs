//! Sequential trees: each column drawn from a decision tree on the columns before it.
//!
//! The chain rule writes a row's distribution as `p(x1) p(x2 | x1) ... p(xd | x1..xd-1)`. Each factor is a
//! classification tree (Breiman et al., 1984; used for synthesis by Reiter, 2005, "Using CART to generate
//! partially synthetic public use microdata") grown on token histograms; a row is sampled by walking one
//! tree a column and drawing a token from the leaf.
//!
//! Deviations, each for fidelity at equal privacy:
//! - A split must be significant, not only the best: its likelihood-ratio statistic
//!   `G = 2 sum n ln(p_child / p_parent)` must exceed what the best of all candidate splits reaches on noise.
//! - Leaves back off: with probability `backoff / (n + backoff)` a draw moves from a node of `n` rows to its
//!   parent, again and again. This is the shrinkage of a leaf's distribution towards its ancestors' (the
//!   recursive Dirichlet prior of MacKay and Peto, 1995), done by sampling. The leaves of a subtree
//!   lie side by side in memory, so an ancestor's distribution is a range and costs nothing to store.
//! - A leaf keeps counts of tokens; tokens are point masses and quantile bins of one column.
//! - Splits see a coarse view (at most 64 bins a feature, 32 classes a target, fewer in small nodes), leaves the
//!   fine one.
//! - Columns are drawn in the order of how much they tell about all others, which is chosen from the data.
//! - Categories enter a tree in the order of the first principal component of their class profiles
//!   (Coppersmith et al., 1999), so that a category split is a threshold like any other.
//! - In a table of more than 512 columns a tree sees the 32 columns that tell most about its own at first look.

mod grow;
mod screen;
mod tree;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below};
use verisim_data::table::codec::{CodecConfig, Encoded, Numeric, Span};
use verisim_data::table::{Spec, Table};

use crate::compute::Device;
use crate::error::{Error, Result};
use crate::learn::{self, Counter, Model, Setup, Start};
use crate::table::order::{self, by_information};
use crate::table::profile::{WIDE, class_counts, principal_scores, quantile_groups, target_classes};
use crate::table::rows::Rows;
use crate::table::sampler::{Allowed, Drawn, Sampler};
use crate::weights::Weights;
use grow::Grower;
use screen::Screen;
use tree::{Tree, damaged};

/// Most bins that a split sees of a feature.
const SPLIT_BINS: usize = 64;

/// Settings of the tree model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Position on the trade-off between fidelity (0) and privacy (1); sets `min_leaf`, `backoff` and
    /// `significance` where they are not given.
    pub privacy: f64,
    /// Fewest rows in a leaf.
    pub min_leaf: Option<usize>,
    /// Pseudo-count that pulls a leaf towards its ancestors.
    pub backoff: Option<f64>,
    /// Standard deviations by which a split must beat noise.
    pub significance: Option<f64>,
    /// Classes that a split sees of its target.
    pub classes: usize,
    /// Deepest leaf.
    pub max_depth: usize,
    /// Leaf counts come from other rows than those that chose the splits.
    pub honest: bool,
    /// Trees a column; a draw takes one of them at random.
    pub trees: usize,
    /// About how many tokens a number column has.
    pub bins: usize,
    /// Levels seen fewer times share the token "other".
    pub rare: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            privacy: 0.5,
            min_leaf: None,
            backoff: None,
            significance: None,
            classes: 32,
            max_depth: 24,
            honest: false,
            trees: 1,
            bins: 256,
            rare: 5,
        }
    }
}

impl Config {
    /// Fewest rows in a leaf of a table of `rows`: 20 at `privacy = 0`, 70 at 0.5, 245 at 1, unless given. A small table
    /// has smaller leaves, down to 20 rows, so that a tree keeps some 32 of them; above `privacy = 0.5` fewer, 8 at 1.
    pub fn min_leaf(&self, rows: usize) -> usize {
        let wanted = (20.0 * 12.25f64.powf(self.privacy)).round() as usize;
        let most = rows as f64 / 32.0 * 4f64.powf((2.0 * self.privacy - 1.0).max(0.0));
        self.min_leaf.unwrap_or_else(|| wanted.min((most as usize).max(20)))
    }

    /// The pseudo-count: 0 at `privacy = 0`, 9.5 at 0.5, 199.5 at 1, unless given.
    pub fn backoff(&self) -> f64 {
        self.backoff.unwrap_or_else(|| 0.5 * (400f64.powf(self.privacy) - 1.0))
    }

    /// What a split must beat: 0 at `privacy = 0`, 1.5 at 0.5, 3 at 1, unless given.
    pub fn significance(&self) -> f64 {
        self.significance.unwrap_or(3.0 * self.privacy)
    }
}

impl Model<Table> for Config {
    fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Setting { model: "trees", key: key.into(), rule: rule.into() });
        if !(0.0..=1.0).contains(&self.privacy) {
            return bad("privacy", "must lie between 0 and 1");
        }
        if self.min_leaf == Some(0) {
            return bad("min_leaf", "must be at least 1");
        }
        if self.backoff.is_some_and(|b| !(b >= 0.0 && b.is_finite())) {
            return bad("backoff", "must be 0 or more");
        }
        if self.significance.is_some_and(|s| !s.is_finite()) {
            return bad("significance", "must be a number");
        }
        if !(2..=64).contains(&self.classes) {
            return bad("classes", "must lie between 2 and 64");
        }
        if self.max_depth == 0 || self.max_depth > 60 {
            return bad("max_depth", "must lie between 1 and 60");
        }
        if self.trees == 0 || self.trees > 64 {
            return bad("trees", "must lie between 1 and 64");
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
        Ok(Box::new(Trees::from_weights(self, &spec.codec.spans(), weights)?))
    }
}

/// The trees of one column and how they see the columns before it.
#[derive(Clone, Debug)]
struct Factor {
    /// Positions, in sampling order, of the columns that the trees look at: all before this one or, in a wide table, those on which
    /// some tree splits.
    seen: Vec<u32>,
    /// Split bin of each token of each of them.
    bin_of: Vec<Vec<u8>>,
    trees: Vec<Tree>,
}

/// A fitted model: for each column its trees on the columns drawn before it.
#[derive(Clone, Debug)]
pub struct Trees {
    spans: Vec<Span>,
    /// Columns in sampling order.
    order: Vec<usize>,
    /// One factor a column, in sampling order.
    factors: Vec<Factor>,
    backoff: f64,
}

/// Fits one tree (or `config.trees`) a column, columns in parallel.
pub fn fit(config: &Config, spans: &[Span], data: &Encoded, seed: u64) -> Result<Trees> {
    fit_counted(config, spans, data, seed, &Counter::default())
}

fn fit_counted(config: &Config, spans: &[Span], data: &Encoded, seed: u64, counter: &Counter) -> Result<Trees> {
    config.check()?;
    let order = by_information(spans, &Rows::of(data));
    let screen = Screen::new(spans, data);
    counter.begin(order.len());
    let factor = |position| {
        let factor = fit_factor(config, spans, data, &order, screen.seen(&order, position), position, seed);
        counter.one();
        if spans.len() > WIDE { factor.narrowed() } else { factor }
    };
    let factors = (0..order.len()).into_par_iter().map(factor).collect();
    Ok(Trees { spans: spans.to_vec(), order, factors, backoff: config.backoff() })
}

fn fit_factor(
    config: &Config,
    spans: &[Span],
    data: &Encoded,
    order: &[usize],
    seen: Vec<u32>,
    position: usize,
    seed: u64,
) -> Factor {
    let target = order[position];
    let features: Vec<usize> = seen.iter().map(|&p| order[p as usize]).collect();
    let tokens = &data.tokens[target];
    let (class_of, classes) = target_classes(tokens.iter().copied(), spans[target], config.classes);
    let class: Vec<u8> = tokens.iter().map(|&t| class_of[t as usize]).collect();
    let bin_of: Vec<Vec<u8>> =
        features.iter().map(|&f| split_bins(&data.tokens[f], spans[f], &class, classes)).collect();
    let bins: Vec<Vec<u8>> = bin_of
        .iter()
        .zip(&features)
        .map(|(map, &f)| data.tokens[f].iter().map(|&t| map[t as usize]).collect())
        .collect();
    let widths = bin_of.iter().map(|map| map.iter().copied().max().map_or(1, |m| usize::from(m) + 1)).collect();
    let grower = Grower {
        class: &class,
        classes,
        bins: &bins,
        widths,
        tokens,
        ordered: spans[target].ordered,
        min_leaf: config.min_leaf(data.rows),
        max_depth: config.max_depth,
        significance: config.significance(),
        honest: config.honest,
        screened: position.max(1) as f64 / seen.len().max(1) as f64,
    };
    let trees = (0..config.trees).map(|t| grower.grow(seed, (position * config.trees + t) as u64)).collect();
    Factor { seen, bin_of, trees }
}

impl Factor {
    /// Without the columns on which no tree splits.
    fn narrowed(self) -> Factor {
        let Factor { seen, bin_of, mut trees } = self;
        let mut used: Vec<u32> = trees.iter().flat_map(|tree| tree.splits()).collect();
        used.sort_unstable();
        used.dedup();
        trees.iter_mut().for_each(|tree| tree.renumber(&used));
        let (seen, bin_of) = used.iter().map(|&f| (seen[f as usize], bin_of[f as usize].clone())).unzip();
        Factor { seen, bin_of, trees }
    }
}

/// Split bins of a feature's tokens: in the order of the numbers, or of the categories' class profiles.
fn split_bins(tokens: &[u32], span: Span, class: &[u8], classes: usize) -> Vec<u8> {
    let width = span.tokens as usize;
    if span.ordered {
        return quantile_groups(&class_counts(tokens.iter().copied(), span.tokens), SPLIT_BINS).0;
    }
    let mut table = vec![0u32; width * classes];
    for (&t, &c) in tokens.iter().zip(class) {
        table[t as usize * classes + usize::from(c)] += 1;
    }
    let score = principal_scores(&table, width, classes);
    let mut sorted: Vec<usize> = (0..width).collect();
    sorted.sort_by(|&a, &b| score[a].total_cmp(&score[b]).then(a.cmp(&b)));
    let row_count = |t: &usize| table[t * classes..(t + 1) * classes].iter().sum();
    let groups = quantile_groups_or_identity(&sorted.iter().map(row_count).collect::<Vec<u32>>());
    let mut bin_of = vec![0u8; width];
    for (&t, &g) in sorted.iter().zip(&groups) {
        bin_of[t] = g;
    }
    bin_of
}

fn quantile_groups_or_identity(counts: &[u32]) -> Vec<u8> {
    if counts.len() <= SPLIT_BINS { (0..counts.len() as u8).collect() } else { quantile_groups(counts, SPLIT_BINS).0 }
}

impl Sampler for Trees {
    /// Rows are drawn column by column; a row is given up as soon as one of its tokens is not allowed, which
    /// makes the rows that remain exact draws given the condition.
    fn draw(&self, rows: usize, allowed: &Allowed, max_tries: u64, rng: &mut Stream) -> Result<Drawn> {
        let mut out = Encoded::zeros(&self.spans, rows);
        let mut row = vec![0u32; self.order.len()];
        let (mut made, mut tried) = (0, 0);
        while made < rows && tried < max_tries {
            tried += 1;
            if self.draw_row(&mut row, allowed, rng) {
                for (&column, &token) in self.order.iter().zip(&row) {
                    out.tokens[column][made] = token;
                }
                made += 1;
            }
        }
        out.truncate(made);
        Ok(Drawn { encoded: out, tried })
    }
}

impl Trees {
    /// Fills `row` (in sampling order); false when a token is not allowed.
    fn draw_row(&self, row: &mut [u32], allowed: &Allowed, rng: &mut Stream) -> bool {
        for (position, factor) in self.factors.iter().enumerate() {
            let tree = match factor.trees.len() {
                1 => &factor.trees[0],
                n => &factor.trees[below(rng, n as u64) as usize],
            };
            let bin = |f: usize| factor.bin_of[f][row[factor.seen[f] as usize] as usize];
            match tree.draw(bin, allowed.tokens(self.order[position]), self.backoff, rng) {
                Some(token) => row[position] = token,
                None => return false,
            }
        }
        true
    }
}

impl Trees {
    /// The arrays that the model is made of.
    pub fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        order::put(&mut weights, &self.order);
        for (p, factor) in self.factors.iter().enumerate() {
            if self.order.len() > WIDE {
                weights.put_u32(format!("{p}.seen"), &[factor.seen.len()], factor.seen.clone());
            }
            let bins = factor.bin_of.concat();
            weights.put_u8(format!("{p}.bins"), &[bins.len()], bins);
            for (t, tree) in factor.trees.iter().enumerate() {
                tree.put(&format!("{p}.{t}"), &mut weights);
            }
        }
        weights
    }

    /// The model of these arrays; an error when they do not describe trees over `spans`.
    pub fn from_weights(config: &Config, spans: &[Span], weights: &mut Weights) -> Result<Trees> {
        let order = order::take(weights, spans.len())?;
        let factor = |p: usize, weights: &mut Weights| -> Result<Factor> {
            let name = format!("{p}.seen");
            let seen = match weights.has(&name) {
                true => weights.take_u32(&name)?.1,
                false => (0..p as u32).collect(),
            };
            if seen.iter().any(|&f| f as usize >= p) {
                return Err(damaged(&name, "names a column that is not drawn before"));
            }
            let name = format!("{p}.bins");
            let bins = weights.take_u8(&name)?.1;
            let mut rest = bins.as_slice();
            let mut bin_of = Vec::with_capacity(seen.len());
            for j in seen.iter().map(|&f| order[f as usize]) {
                let (map, tail) = rest
                    .split_at_checked(spans[j].tokens as usize)
                    .ok_or_else(|| damaged(&name, "is shorter than the tokens of its columns"))?;
                bin_of.push(map.to_vec());
                rest = tail;
            }
            let tokens = spans[order[p]].tokens;
            let trees = (0..config.trees).map(|t| Tree::from_weights(&format!("{p}.{t}"), seen.len(), tokens, weights));
            Ok(Factor { trees: trees.collect::<Result<_>>()?, seen, bin_of })
        };
        let factors = (0..order.len()).map(|p| factor(p, weights)).collect::<Result<_>>()?;
        Ok(Trees { spans: spans.to_vec(), order, factors, backoff: config.backoff() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
