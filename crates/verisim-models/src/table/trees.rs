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

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, permutation, stream, uniform};
use verisim_data::table::codec::{CodecConfig, Encoded, Numeric, Span};
use verisim_data::table::{Spec, Table};

use crate::compute::Device;
use crate::error::{Error, Result};
use crate::learn::{self, Model, Setup, Start};
use crate::table::order::{self, by_information};
use crate::table::profile::{class_counts, principal_scores, quantile_groups, target_classes};
use crate::table::rows::Rows;
use crate::table::sampler::{Allowed, Drawn, Sampler};
use crate::weights::Weights;

/// Most bins that a split sees of a feature.
const SPLIT_BINS: usize = 64;
/// Rows of a node for each class that a split sees of an ordered target.
const ROWS_PER_CLASS: usize = 25;

/// Settings of the tree model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
        Ok(Start::Fitted(fit(self, &data.spec.codec.spans(), &data.rows, setup.seed)?.weights()))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, _: &Device) -> Result<Box<dyn Sampler>> {
        Ok(Box::new(Trees::from_weights(self, &spec.codec.spans(), weights)?))
    }
}

/// A node; its rows are the range `start..end` of the tree's cumulative counts.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Position (in sampling order) of the feature that this node splits on; `LEAF` for a leaf.
    feature: u32,
    /// Rows whose feature bin is at most this go left (to the next node), others to `right`.
    bin: u32,
    right: u32,
    start: u32,
    end: u32,
}

const LEAF: u32 = u32::MAX;

/// One tree of one column.
#[derive(Clone, Debug)]
struct Tree {
    nodes: Vec<Node>,
    /// Tokens of all leaves, leaf by leaf in the order of the nodes.
    tokens: Vec<u32>,
    /// Rows before each token, one more at the end.
    cumulative: Vec<u32>,
}

/// The trees of one column and how they see the columns before it.
#[derive(Clone, Debug)]
struct Factor {
    /// Split bin of each token of each column before this one.
    bin_of: Vec<Vec<u8>>,
    trees: Vec<Tree>,
}

/// A fitted tree model.
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
    config.check()?;
    let order = by_information(spans, &Rows::of(data));
    let factors = (0..order.len())
        .into_par_iter()
        .map(|position| fit_factor(config, spans, data, &order, position, seed))
        .collect();
    Ok(Trees { spans: spans.to_vec(), order, factors, backoff: config.backoff() })
}

fn fit_factor(config: &Config, spans: &[Span], data: &Encoded, order: &[usize], position: usize, seed: u64) -> Factor {
    let target = order[position];
    let tokens = &data.tokens[target];
    let (class_of, classes) = target_classes(tokens.iter().copied(), spans[target], config.classes);
    let class: Vec<u8> = tokens.iter().map(|&t| class_of[t as usize]).collect();
    let bin_of: Vec<Vec<u8>> =
        order[..position].iter().map(|&f| split_bins(&data.tokens[f], spans[f], &class, classes)).collect();
    let bins: Vec<Vec<u8>> =
        bin_of.iter().zip(order).map(|(map, &f)| data.tokens[f].iter().map(|&t| map[t as usize]).collect()).collect();
    let widths = bin_of.iter().map(|map| map.iter().copied().max().map_or(1, |m| usize::from(m) + 1)).collect();
    let grower = Grower {
        config,
        class: &class,
        classes,
        bins: &bins,
        widths,
        tokens,
        min_leaf: config.min_leaf(data.rows),
        ordered: spans[target].ordered,
    };
    let trees = (0..config.trees).map(|t| grower.grow(seed, (position * config.trees + t) as u64)).collect();
    Factor { bin_of, trees }
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

/// What growing one tree needs to see.
struct Grower<'a> {
    config: &'a Config,
    class: &'a [u8],
    classes: usize,
    bins: &'a [Vec<u8>],
    widths: Vec<usize>,
    tokens: &'a [u32],
    min_leaf: usize,
    ordered: bool,
}

/// The best threshold of a node.
struct Split {
    feature: usize,
    bin: usize,
    gain: f64,
}

impl Grower<'_> {
    fn grow(&self, seed: u64, index: u64) -> Tree {
        let n = self.tokens.len();
        let mut rows: Vec<u32> = (0..n as u32).collect();
        let mut tree = Tree { nodes: Vec::new(), tokens: Vec::new(), cumulative: vec![0] };
        if self.config.honest && n >= 2 {
            let shuffled = permutation(&mut stream(seed, "honest", index), n);
            let (mut grow, mut fill): (Vec<u32>, Vec<u32>) = (
                shuffled[..n / 2].iter().map(|&i| i as u32).collect(),
                shuffled[n / 2..].iter().map(|&i| i as u32).collect(),
            );
            let histogram = self.histogram(&grow);
            self.node(&mut tree, &mut grow, Some(&mut fill), histogram, 0);
        } else {
            let histogram = self.histogram(&rows);
            self.node(&mut tree, &mut rows, None, histogram, 0);
        }
        tree
    }

    /// Counts of every (feature bin, class), features one after another.
    fn histogram(&self, rows: &[u32]) -> Vec<u32> {
        let k = self.classes;
        let mut histogram = vec![0u32; self.widths.iter().sum::<usize>() * k];
        let mut at = 0;
        for (bins, width) in self.bins.iter().zip(&self.widths) {
            let part = &mut histogram[at..at + width * k];
            for &r in rows {
                part[usize::from(bins[r as usize]) * k + usize::from(self.class[r as usize])] += 1;
            }
            at += width * k;
        }
        histogram
    }

    /// Grows the subtree of `rows`; with `fill`, leaves take their counts from those rows instead.
    fn node(&self, tree: &mut Tree, rows: &mut [u32], fill: Option<&mut [u32]>, histogram: Vec<u32>, depth: usize) {
        let me = tree.nodes.len();
        let start = tree.tokens.len() as u32;
        tree.nodes.push(Node { feature: LEAF, bin: 0, right: 0, start, end: start });
        let split = if depth < self.config.max_depth { self.best_split(rows, &histogram) } else { None };
        let done = match split {
            Some(split) => self.branch(tree, me, rows, fill, histogram, depth, &split),
            None => Err(fill),
        };
        if let Err(fill) = done {
            self.leaf(tree, fill.map_or(&*rows, |f| &*f));
        }
        tree.nodes[me].end = tree.tokens.len() as u32;
    }

    /// Splits; gives `fill` back when one side of it would be too small to be a leaf.
    #[allow(clippy::too_many_arguments)]
    fn branch<'f>(
        &self,
        tree: &mut Tree,
        me: usize,
        rows: &mut [u32],
        fill: Option<&'f mut [u32]>,
        histogram: Vec<u32>,
        depth: usize,
        split: &Split,
    ) -> std::result::Result<(), Option<&'f mut [u32]>> {
        let bins = &self.bins[split.feature];
        let left = |r: u32| usize::from(bins[r as usize]) <= split.bin;
        let (fill_left, fill_right) = match fill {
            Some(fill) => {
                let at = partition(fill, left);
                if at < self.min_leaf || fill.len() - at < self.min_leaf {
                    return Err(Some(fill));
                }
                let (a, b) = fill.split_at_mut(at);
                (Some(a), Some(b))
            }
            None => (None, None),
        };
        let at = partition(rows, left);
        let (a, b) = rows.split_at_mut(at);
        // The smaller side is counted, the larger is the rest.
        let small = self.histogram(if a.len() <= b.len() { a } else { b });
        let mut large = histogram;
        large.iter_mut().zip(&small).for_each(|(l, s)| *l -= s);
        let (ha, hb) = if a.len() <= b.len() { (small, large) } else { (large, small) };
        tree.nodes[me].feature = split.feature as u32;
        tree.nodes[me].bin = split.bin as u32;
        self.node(tree, a, fill_left, ha, depth + 1);
        tree.nodes[me].right = tree.nodes.len() as u32;
        self.node(tree, b, fill_right, hb, depth + 1);
        Ok(())
    }

    fn leaf(&self, tree: &mut Tree, rows: &[u32]) {
        let mut tokens: Vec<u32> = rows.iter().map(|&r| self.tokens[r as usize]).collect();
        tokens.sort_unstable();
        let mut before = tree.cumulative[tree.cumulative.len() - 1];
        for run in tokens.chunk_by(|a, b| a == b) {
            before += run.len() as u32;
            tree.tokens.push(run[0]);
            tree.cumulative.push(before);
        }
    }

    /// The histogram with neighbouring classes of an ordered target joined until each has rows enough to tell a split
    /// from noise: a shift of the values shows in few classes as in many, and few have less noise.
    fn merge(&self, n: usize, histogram: &[u32]) -> Option<(Vec<u32>, usize)> {
        let most = (n / ROWS_PER_CLASS).max(2);
        if !self.ordered || self.classes <= most {
            return None;
        }
        let mut shift = 1;
        while self.classes.div_ceil(1 << shift) > most {
            shift += 1;
        }
        let k = self.classes.div_ceil(1 << shift);
        let mut joined = vec![0u32; histogram.len() / self.classes * k];
        for (from, to) in histogram.chunks(self.classes).zip(joined.chunks_mut(k)) {
            for (c, &count) in from.iter().enumerate() {
                to[c >> shift] += count;
            }
        }
        Some((joined, k))
    }

    /// The split of largest gain, if it is significant.
    fn best_split(&self, rows: &[u32], histogram: &[u32]) -> Option<Split> {
        let n = rows.len();
        if n < 2 * self.min_leaf || self.bins.is_empty() {
            return None;
        }
        let merged = self.merge(n, histogram);
        let (histogram, k) = match &merged {
            Some((histogram, k)) => (histogram.as_slice(), *k),
            None => (histogram, self.classes),
        };
        let mut total = vec![0u32; k];
        for cell in histogram[..self.widths[0] * k].chunks(k) {
            total.iter_mut().zip(cell).for_each(|(t, c)| *t += c);
        }
        let present = total.iter().filter(|&&c| c > 0).count();
        if present < 2 {
            return None;
        }
        let mut best = Split { feature: 0, bin: 0, gain: 0.0 };
        let (mut at, mut candidates) = (0, 0usize);
        for (feature, width) in self.widths.iter().enumerate() {
            let part = &histogram[at..at + width * k];
            candidates += self.scan(feature, part, k, &total, n, &mut best);
            at += width * k;
        }
        // G of one noise split is chi-square with `present - 1` degrees of freedom; the best of many needs a margin.
        let freedom = (present - 1) as f64;
        let noise =
            freedom + self.config.significance() * (2.0 * freedom).sqrt() + 2.0 * (candidates.max(1) as f64).ln();
        (best.gain > 0.0 && 2.0 * best.gain > noise).then_some(best)
    }

    /// Tries every threshold of one feature; returns how many there were.
    fn scan(&self, feature: usize, part: &[u32], k: usize, total: &[u32], n: usize, best: &mut Split) -> usize {
        let mut left = vec![0u32; k];
        let mut left_n = 0usize;
        let mut left_sum = 0.0;
        let mut right_sum: f64 = total.iter().map(|&c| x_ln_x(c)).sum();
        let whole = right_sum - x_ln_x(n as u32);
        let mut candidates = 0;
        for (bin, cell) in part.chunks(k).enumerate() {
            let mut moved = 0;
            for j in 0..k {
                let c = cell[j];
                if c > 0 {
                    let (l, r) = (left[j], total[j] - left[j]);
                    left_sum += x_ln_x(l + c) - x_ln_x(l);
                    right_sum += x_ln_x(r - c) - x_ln_x(r);
                    left[j] = l + c;
                    moved += c;
                }
            }
            if moved == 0 {
                continue;
            }
            left_n += moved as usize;
            let right_n = n - left_n;
            if right_n < self.min_leaf {
                break;
            }
            if left_n < self.min_leaf {
                continue;
            }
            candidates += 1;
            let gain = left_sum - x_ln_x(left_n as u32) + right_sum - x_ln_x(right_n as u32) - whole;
            if gain > best.gain {
                *best = Split { feature, bin, gain };
            }
        }
        candidates
    }
}

/// `x ln x`, from a table for the counts that come up all the time.
fn x_ln_x(x: u32) -> f64 {
    use std::sync::LazyLock;
    static TABLE: LazyLock<Vec<f64>> =
        LazyLock::new(|| (0..16_384).map(|x| if x == 0 { 0.0 } else { f64::from(x) * f64::from(x).ln() }).collect());
    match TABLE.get(x as usize) {
        Some(&v) => v,
        None => f64::from(x) * f64::from(x).ln(),
    }
}

/// Moves the rows for which `left` holds to the front, keeping no order; returns how many.
fn partition(rows: &mut [u32], left: impl Fn(u32) -> bool) -> usize {
    let mut at = 0;
    for i in 0..rows.len() {
        if left(rows[i]) {
            rows.swap(at, i);
            at += 1;
        }
    }
    at
}

impl Tree {
    /// Draws a token for a row whose earlier columns have the bins `bin(feature)`, among the tokens `allowed`.
    /// `None` when the draw is not allowed.
    fn draw(&self, bin: impl Fn(usize) -> u8, allowed: Option<&[bool]>, backoff: f64, rng: &mut Stream) -> Option<u32> {
        let mut path = [0u32; 64];
        let mut depth = 0;
        let mut at = 0usize;
        loop {
            path[depth] = at as u32;
            let node = &self.nodes[at];
            if node.feature == LEAF {
                break;
            }
            at = if u32::from(bin(node.feature as usize)) <= node.bin { at + 1 } else { node.right as usize };
            depth += 1;
        }
        let mass = |at: usize| {
            let node = &self.nodes[at];
            (self.cumulative[node.start as usize], self.cumulative[node.end as usize])
        };
        let (mut first, mut last) = mass(at);
        while backoff > 0.0 && depth > 0 && uniform(rng) * (f64::from(last - first) + backoff) < backoff {
            depth -= 1;
            (first, last) = mass(path[depth] as usize);
        }
        let row = first + below(rng, u64::from(last - first).max(1)) as u32;
        let token = self.tokens[self.cumulative.partition_point(|&c| c <= row) - 1];
        match allowed {
            Some(allowed) if !allowed[token as usize] => None,
            _ => Some(token),
        }
    }
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
            let bin = |f: usize| factor.bin_of[f][row[f] as usize];
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
            let bins = factor.bin_of.concat();
            weights.put_u8(format!("{p}.bins"), &[bins.len()], bins);
            for (t, tree) in factor.trees.iter().enumerate() {
                let nodes: Vec<u32> =
                    tree.nodes.iter().flat_map(|n| [n.feature, n.bin, n.right, n.start, n.end]).collect();
                weights.put_u32(format!("{p}.{t}.nodes"), &[tree.nodes.len(), 5], nodes);
                weights.put_u32(format!("{p}.{t}.tokens"), &[tree.tokens.len()], tree.tokens.clone());
                weights.put_u32(format!("{p}.{t}.cumulative"), &[tree.cumulative.len()], tree.cumulative.clone());
            }
        }
        weights
    }

    /// The model of these arrays; an error when they do not describe trees over `spans`.
    pub fn from_weights(config: &Config, spans: &[Span], weights: &mut Weights) -> Result<Trees> {
        let order = order::take(weights, spans.len())?;
        let factor = |p: usize, weights: &mut Weights| -> Result<Factor> {
            let name = format!("{p}.bins");
            let bins = weights.take_u8(&name)?.1;
            let mut rest = bins.as_slice();
            let mut bin_of = Vec::with_capacity(p);
            for &j in &order[..p] {
                let (map, tail) = rest
                    .split_at_checked(spans[j].tokens as usize)
                    .ok_or_else(|| damaged(&name, "is shorter than the tokens of its columns"))?;
                bin_of.push(map.to_vec());
                rest = tail;
            }
            let tokens = spans[order[p]].tokens;
            let trees = (0..config.trees).map(|t| Tree::from_weights(&format!("{p}.{t}"), p, tokens, weights));
            Ok(Factor { bin_of, trees: trees.collect::<Result<_>>()? })
        };
        let factors = (0..order.len()).map(|p| factor(p, weights)).collect::<Result<_>>()?;
        Ok(Trees { spans: spans.to_vec(), order, factors, backoff: config.backoff() })
    }
}

fn damaged(name: &str, problem: &str) -> Error {
    Error::Tensor { name: name.into(), problem: problem.into() }
}

impl Tree {
    /// Reads and checks one tree, so that drawing from it can trust every index.
    fn from_weights(name: &str, features: usize, width: u32, weights: &mut Weights) -> Result<Tree> {
        let (_, flat) = weights.take_u32(&format!("{name}.nodes"))?;
        let (_, tokens) = weights.take_u32(&format!("{name}.tokens"))?;
        let (_, cumulative) = weights.take_u32(&format!("{name}.cumulative"))?;
        let nodes: Vec<Node> = flat
            .as_chunks::<5>()
            .0
            .iter()
            .map(|&[feature, bin, right, start, end]| Node { feature, bin, right, start, end })
            .collect();
        if cumulative.len() != tokens.len() + 1 || !cumulative.is_sorted() || tokens.iter().any(|&t| t >= width) {
            return Err(damaged(name, "has leaf counts that do not fit its tokens"));
        }
        let mut depth = vec![0u8; nodes.len()];
        for (i, node) in nodes.iter().enumerate() {
            let rows = (node.start as usize) < node.end as usize
                && (node.end as usize) < cumulative.len()
                && cumulative[node.start as usize] < cumulative[node.end as usize];
            let split = node.feature == LEAF
                || ((node.feature as usize) < features
                    && i + 1 < (node.right as usize)
                    && (node.right as usize) < nodes.len()
                    && depth[i] < 62);
            if !rows || !split {
                return Err(damaged(name, "has a node that points nowhere"));
            }
            if node.feature != LEAF {
                let d = depth[i] + 1;
                depth[i + 1] = depth[i + 1].max(d);
                depth[node.right as usize] = depth[node.right as usize].max(d);
            }
        }
        if nodes.is_empty() {
            return Err(damaged(name, "has no node"));
        }
        Ok(Tree { nodes, tokens, cumulative })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SPANS: [Span; 4] = [
        Span { tokens: 3, scalar: false, ordered: false },
        Span { tokens: 4, scalar: false, ordered: true },
        Span { tokens: 5, scalar: false, ordered: false },
        Span { tokens: 40, scalar: false, ordered: true },
    ];
    /// `P(b | a)`.
    const GIVEN: [[f64; 4]; 3] = [[0.7, 0.1, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4], [0.0, 0.5, 0.0, 0.5]];

    fn pick(p: &[f64], rng: &mut Stream) -> u32 {
        let mut u = uniform(rng);
        p.iter()
            .position(|p| {
                u -= p;
                u < 0.0
            })
            .unwrap_or(p.len() - 1) as u32
    }

    /// `a` by fixed shares, `b` given `a`, `c` a function of `a`, and `d` noise around ten times `b`.
    fn table(rows: usize) -> Encoded {
        let mut rng = stream(1, "table", 0);
        let mut out = Encoded::zeros(&SPANS, rows);
        for i in 0..rows {
            let a = pick(&[0.5, 0.3, 0.2], &mut rng);
            let b = pick(&GIVEN[a as usize], &mut rng);
            out.tokens[0][i] = a;
            out.tokens[1][i] = b;
            out.tokens[2][i] = [4, 0, 2][a as usize];
            out.tokens[3][i] = 10 * b + below(&mut rng, 10) as u32;
        }
        out
    }

    /// Without a pull towards ancestors, so that leaves are what was counted.
    fn config() -> Config {
        Config { min_leaf: Some(20), backoff: Some(0.0), ..Config::default() }
    }

    fn share(data: &Encoded, holds: impl Fn(usize) -> bool) -> f64 {
        (0..data.rows).filter(|&i| holds(i)).count() as f64 / data.rows as f64
    }

    fn draw(trees: &Trees, rows: usize, allowed: &Allowed) -> Encoded {
        trees.draw(rows, allowed, u64::MAX, &mut stream(2, "draw", 0)).unwrap().encoded
    }

    #[test]
    fn conditional_distributions_are_recovered() {
        let data = table(20_000);
        let trees = fit(&config(), &SPANS, &data, 1).unwrap();
        let drawn = draw(&trees, 100_000, &Allowed::any(4));
        for a in 0..3u32 {
            let of_a =
                |data: &Encoded| data.take(&(0..data.rows).filter(|&i| data.tokens[0][i] == a).collect::<Vec<_>>());
            let (real, made) = (of_a(&data), of_a(&drawn));
            for b in 0..4u32 {
                let p = share(&real, |i| real.tokens[1][i] == b);
                let q = share(&made, |i| made.tokens[1][i] == b);
                // Three standard deviations of the draw, and one row for a share of zero or one.
                let noise = 3.0 * (p * (1.0 - p) / made.rows as f64).sqrt() + 1.0 / made.rows as f64;
                assert!((p - q).abs() < noise, "P(b = {b} | a = {a}) is {p} in the table, {q} in the draw");
            }
        }
    }

    #[test]
    fn a_function_of_another_column_is_reproduced() {
        let drawn = draw(&fit(&config(), &SPANS, &table(5000), 1).unwrap(), 20_000, &Allowed::any(4));
        assert_eq!(share(&drawn, |i| drawn.tokens[2][i] == [4, 0, 2][drawn.tokens[0][i] as usize]), 1.0);
        assert_eq!(share(&drawn, |i| drawn.tokens[3][i] / 10 == drawn.tokens[1][i]), 1.0);
    }

    #[test]
    fn the_pull_towards_ancestors_mixes_them_in() {
        let data = table(5000);
        let pulled = fit(&Config { backoff: Some(500.0), ..config() }, &SPANS, &data, 1).unwrap();
        let drawn = draw(&pulled, 20_000, &Allowed::any(4));
        let kept = share(&drawn, |i| drawn.tokens[2][i] == [4, 0, 2][drawn.tokens[0][i] as usize]);
        assert!(kept > 0.5 && kept < 0.95, "{kept}");
    }

    #[test]
    fn conditions_give_what_filtering_gives() {
        let trees = fit(&config(), &SPANS, &table(20_000), 1).unwrap();
        let mut allowed = Allowed::any(4);
        allowed.restrict(1, vec![false, true, false, true]);
        allowed.restrict(3, (0..40).map(|t| t % 10 < 7).collect());
        let all = draw(&trees, 150_000, &Allowed::any(4));
        let filtered = all.take(&allowed.matching(&all));
        let asked = trees.draw(40_000, &allowed, u64::MAX, &mut stream(3, "draw", 0)).unwrap();
        assert_eq!(allowed.matching(&asked.encoded).len(), 40_000);
        let rate = filtered.rows as f64 / all.rows as f64;
        assert!((40_000.0 / asked.tried as f64 - rate).abs() < 0.01, "{} tries at a rate of {rate}", asked.tried);
        for a in 0..3u32 {
            let (p, q) = (
                share(&filtered, |i| filtered.tokens[0][i] == a),
                share(&asked.encoded, |i| asked.encoded.tokens[0][i] == a),
            );
            // Four standard deviations of a difference of two shares.
            let noise = 4.0 * (p * (1.0 - p) * (1.0 / filtered.rows as f64 + 1.0 / 40_000.0)).sqrt();
            assert!((p - q).abs() < noise, "a = {a}: {p} filtered, {q} asked for");
        }
    }

    #[test]
    fn tries_run_out() {
        let trees = fit(&config(), &SPANS, &table(2000), 1).unwrap();
        let mut never = Allowed::any(4);
        never.restrict(2, vec![false, true, false, false, false]);
        let drawn = trees.draw(10, &never, 500, &mut stream(2, "draw", 0)).unwrap();
        assert_eq!((drawn.encoded.rows, drawn.tried), (0, 500));
    }

    #[test]
    fn weights_make_the_same_model() {
        for config in [config(), Config { trees: 3, honest: true, ..config() }] {
            let trees = fit(&config, &SPANS, &table(5000), 1).unwrap();
            let weights = trees.weights();
            let back = Trees::from_weights(&config, &SPANS, &mut weights.clone()).unwrap();
            assert_eq!(back.weights(), weights);
            assert_eq!(draw(&back, 1000, &Allowed::any(4)).tokens, draw(&trees, 1000, &Allowed::any(4)).tokens);
        }
    }

    #[test]
    fn damaged_weights_are_refused() {
        let weights = fit(&config(), &SPANS, &table(5000), 1).unwrap().weights();
        let refused = |name: &str, damage: &dyn Fn(&mut Vec<u32>)| {
            let mut weights = weights.clone();
            let (_, mut numbers) = weights.take_u32(name).unwrap();
            damage(&mut numbers);
            weights.put_u32(name, &[numbers.len()], numbers);
            let error = Trees::from_weights(&config(), &SPANS, &mut weights)
                .err()
                .unwrap_or_else(|| panic!("{name} was taken"));
            assert!(error.to_string().contains("tensor"), "{error}");
        };
        refused("order", &|v| v[0] = v[1]);
        refused("order", &|v| v.truncate(3));
        refused("order", &|v| v[0] = 99);
        refused("1.0.cumulative", &|v| v[1] = u32::MAX);
        refused("1.0.cumulative", &|v| v.iter_mut().for_each(|c| *c = 0));
        refused("1.0.tokens", &|v| v[0] = 99);
        refused("1.0.tokens", &|v| v.push(0));
        // A node is feature, bin, right, start, end: the root goes right to itself, beyond the last, by a feature that is not there.
        refused("1.0.nodes", &|v| v[2] = 0);
        refused("1.0.nodes", &|v| v[2] = u32::MAX - 1);
        refused("1.0.nodes", &|v| v[0] = 1);
        refused("1.0.nodes", &|v| v[4] = u32::MAX);
        refused("1.0.nodes", &|v| v[3] = v[4]);
        refused("1.0.nodes", &|v| v.clear());
        let mut short = weights.clone();
        let (_, mut bins) = short.take_u8("2.bins").unwrap();
        bins.pop();
        short.put_u8("2.bins", &[bins.len()], bins);
        assert!(Trees::from_weights(&config(), &SPANS, &mut short).is_err());
        assert!(Trees::from_weights(&Config { trees: 2, ..config() }, &SPANS, &mut weights.clone()).is_err());
    }

    #[test]
    fn noise_is_not_split_on() {
        let mut rng = stream(4, "noise", 0);
        let mut data = Encoded::zeros(&SPANS, 4000);
        for (column, span) in data.tokens.iter_mut().zip(&SPANS) {
            column.iter_mut().for_each(|t| *t = below(&mut rng, u64::from(span.tokens)) as u32);
        }
        let trees = fit(&Config { significance: Some(4.0), ..config() }, &SPANS, &data, 1).unwrap();
        assert!(trees.factors.iter().all(|f| f.trees[0].nodes.len() == 1), "a tree was grown on noise");
    }

    #[test]
    fn leaves_are_not_smaller_than_they_may_be() {
        for honest in [false, true] {
            let config = Config { min_leaf: Some(150), honest, ..config() };
            let trees = fit(&config, &SPANS, &table(5000), 1).unwrap();
            for tree in trees.factors.iter().flat_map(|f| &f.trees) {
                for node in &tree.nodes {
                    let rows = tree.cumulative[node.end as usize] - tree.cumulative[node.start as usize];
                    assert!(rows >= 150, "a leaf of {rows} rows");
                }
            }
        }
    }

    /// With a negative `significance` a node without any possible split was once split into nothing.
    #[test]
    fn a_node_without_a_possible_split_stays_a_leaf() {
        let config = Config { significance: Some(-5.0), min_leaf: Some(20), ..Config::default() };
        let fitted = fit(&config, &SPANS, &table(200), 1).unwrap();
        Trees::from_weights(&config, &SPANS, &mut fitted.weights()).unwrap();
    }

    #[test]
    fn small_tables_have_smaller_leaves() {
        let config = Config::default();
        assert_eq!((config.min_leaf(300), config.min_leaf(1600), config.min_leaf(1_000_000)), (20, 50, 70));
        assert_eq!(Config { min_leaf: Some(7), ..config }.min_leaf(300), 7);
    }
}
