//! One tree of one column: how a token is drawn from it, and the arrays that it is stored as.

use verisim_data::rng::{Stream, below, uniform};

use crate::error::Result;
use crate::table::view::damaged;
use crate::weights::Weights;

/// A node; its rows are the range `start..end` of the tree's cumulative counts.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// Position (in sampling order) of the feature that this node splits on; `LEAF` for a leaf.
    pub feature: u32,
    /// Rows whose feature bin is at most this go left (to the next node), others to `right`.
    pub bin: u32,
    pub right: u32,
    pub start: u32,
    pub end: u32,
}

pub const LEAF: u32 = u32::MAX;

/// Draws of a token that must be allowed, before it is looked for.
const TRIES: usize = 64;

/// Where each token stands in a tree, so that the chance of one is found without a look at all: [`Tree::chance`] reads every leaf.
#[derive(Clone, Debug)]
pub struct Index {
    /// The first entry of each token, and the number of entries.
    starts: Vec<u32>,
    /// Where it stands, ascending within a token.
    at: Vec<u32>,
    /// Rows of all entries before.
    before: Vec<u32>,
}

impl Index {
    /// Of the tokens of a tree, each counted as what `name` names it.
    pub fn of(tree: &Tree, name: impl Fn(u32) -> u32) -> Index {
        let names: Vec<u32> = tree.tokens.iter().map(|&t| name(t)).collect();
        let width = names.iter().max().map_or(0, |&t| t as usize + 1);
        let mut starts = vec![0u32; width + 1];
        names.iter().for_each(|&t| starts[t as usize + 1] += 1);
        (0..width).for_each(|t| starts[t + 1] += starts[t]);
        let mut next = starts.clone();
        let mut at = vec![0u32; names.len()];
        for (i, &t) in names.iter().enumerate() {
            at[next[t as usize] as usize] = i as u32;
            next[t as usize] += 1;
        }
        let mut before = vec![0u32];
        before.extend(at.iter().scan(0, |sum, &i| {
            *sum += tree.cumulative[i as usize + 1] - tree.cumulative[i as usize];
            Some(*sum)
        }));
        Index { starts, at, before }
    }

    /// How many rows of a node have the token.
    fn rows(&self, token: u32, node: &Node) -> u32 {
        let token = token as usize;
        if token + 1 >= self.starts.len() {
            return 0;
        }
        let (first, end) = (self.starts[token] as usize, self.starts[token + 1] as usize);
        let own = &self.at[first..end];
        let place = |at: u32| first + own.partition_point(|&i| i < at);
        self.before[place(node.end)] - self.before[place(node.start)]
    }
}

/// One tree of one column.
#[derive(Clone, Debug)]
pub struct Tree {
    pub nodes: Vec<Node>,
    /// Tokens of all leaves, leaf by leaf in the order of the nodes.
    pub tokens: Vec<u32>,
    /// Rows before each token, one more at the end.
    pub cumulative: Vec<u32>,
}

impl Tree {
    /// Draws a token for a row whose earlier columns have the bins `bin(feature)`, among the tokens `allowed`.
    /// `None` when the draw is not allowed.
    pub fn draw(
        &self,
        bin: impl Fn(usize) -> u8,
        allowed: Option<&[bool]>,
        backoff: f64,
        rng: &mut Stream,
    ) -> Option<u32> {
        let (path, mut depth) = self.path(bin);
        let (mut first, mut last) = self.mass(path[depth]);
        while backoff > 0.0 && depth > 0 && uniform(rng) * (f64::from(last - first) + backoff) < backoff {
            depth -= 1;
            (first, last) = self.mass(path[depth]);
        }
        let row = first + below(rng, u64::from(last - first).max(1)) as u32;
        let token = self.tokens[self.cumulative.partition_point(|&c| c <= row) - 1];
        match allowed {
            Some(allowed) if !allowed[token as usize] => None,
            _ => Some(token),
        }
    }

    /// The chance that [`draw`](Tree::draw) gives this token.
    pub fn chance(&self, token: u32, bin: impl Fn(usize) -> u8, backoff: f64) -> f64 {
        let counted = |node: &Node| {
            let own = (node.start as usize..node.end as usize).filter(|&i| self.tokens[i] == token);
            own.map(|i| self.cumulative[i + 1] - self.cumulative[i]).sum()
        };
        self.chance_by(counted, bin, backoff)
    }

    /// The same, with an index of this tree.
    pub fn chance_with(&self, index: &Index, token: u32, bin: impl Fn(usize) -> u8, backoff: f64) -> f64 {
        self.chance_by(|node| index.rows(token, node), bin, backoff)
    }

    fn chance_by(&self, rows: impl Fn(&Node) -> u32, bin: impl Fn(usize) -> u8, backoff: f64) -> f64 {
        let (path, depth) = self.path(bin);
        // Without a pull an ancestor says nothing.
        let first = if backoff > 0.0 { 0 } else { depth };
        let mut chance = 0.0;
        for (above, &at) in path[..=depth].iter().enumerate().skip(first) {
            let (own, (first, last)) = (rows(&self.nodes[at as usize]), self.mass(at));
            let pull = if above == 0 { 0.0 } else { backoff };
            chance = (f64::from(own) + pull * chance) / (f64::from(last - first) + pull);
        }
        chance
    }

    /// Draws as [`draw`](Tree::draw) does, given that the token is allowed: again and again, then from the nearest ancestor of the leaf that has
    /// allowed tokens, then the first of them.
    pub fn draw_among(&self, bin: impl Fn(usize) -> u8, allowed: &[bool], backoff: f64, rng: &mut Stream) -> u32 {
        for _ in 0..TRIES {
            if let Some(token) = self.draw(&bin, Some(allowed), backoff, rng) {
                return token;
            }
        }
        let (path, depth) = self.path(bin);
        for &at in path[..=depth].iter().rev() {
            let node = &self.nodes[at as usize];
            let fits = || (node.start as usize..node.end as usize).filter(|&i| allowed[self.tokens[i] as usize]);
            let rows = |i: usize| u64::from(self.cumulative[i + 1] - self.cumulative[i]);
            let total: u64 = fits().map(rows).sum();
            if total > 0 {
                let mut left = below(rng, total);
                let found = fits().find(|&i| {
                    let here = left < rows(i);
                    left = left.saturating_sub(rows(i));
                    here
                });
                if let Some(i) = found {
                    return self.tokens[i];
                }
            }
        }
        allowed.iter().position(|&ok| ok).unwrap_or(0) as u32
    }

    /// The nodes from the root to a leaf, and the number of the last.
    fn path(&self, bin: impl Fn(usize) -> u8) -> ([u32; 64], usize) {
        let mut path = [0u32; 64];
        let mut depth = 0;
        let mut at = 0usize;
        loop {
            path[depth] = at as u32;
            let node = &self.nodes[at];
            if node.feature == LEAF {
                return (path, depth);
            }
            at = if u32::from(bin(node.feature as usize)) <= node.bin { at + 1 } else { node.right as usize };
            depth += 1;
        }
    }

    /// How many of the rows that it was grown on have each of so many tokens.
    pub fn counts(&self, width: usize) -> Vec<u32> {
        let mut counts = vec![0; width];
        let rows = self.cumulative.windows(2).map(|w| w[1] - w[0]);
        self.tokens.iter().zip(rows).for_each(|(&t, rows)| counts[t as usize] += rows);
        counts
    }

    /// How many rows it was grown on.
    pub fn rows(&self) -> u32 {
        let (first, last) = self.mass(0);
        last - first
    }

    /// The rows of a node: the first, and that after the last.
    fn mass(&self, at: u32) -> (u32, u32) {
        let node = &self.nodes[at as usize];
        (self.cumulative[node.start as usize], self.cumulative[node.end as usize])
    }

    /// The features that its nodes split on.
    pub fn splits(&self) -> impl Iterator<Item = u32> {
        self.nodes.iter().map(|node| node.feature).filter(|&feature| feature != LEAF)
    }

    /// Counts features as their places in `used`, which is sorted and holds all of them.
    pub fn renumber(&mut self, used: &[u32]) {
        for node in self.nodes.iter_mut().filter(|node| node.feature != LEAF) {
            node.feature = used.partition_point(|&f| f < node.feature) as u32;
        }
    }

    /// Adds the arrays that [`from_weights`](Tree::from_weights) reads, under `name`.
    pub fn put(&self, name: &str, weights: &mut Weights) {
        let nodes: Vec<u32> = self.nodes.iter().flat_map(|n| [n.feature, n.bin, n.right, n.start, n.end]).collect();
        weights.put_u32(format!("{name}.nodes"), &[self.nodes.len(), 5], nodes);
        weights.put_u32(format!("{name}.tokens"), &[self.tokens.len()], self.tokens.clone());
        weights.put_u32(format!("{name}.cumulative"), &[self.cumulative.len()], self.cumulative.clone());
    }

    /// Reads and checks one tree, so that drawing from it can trust every index.
    pub fn from_weights(name: &str, features: usize, width: u32, weights: &mut Weights) -> Result<Tree> {
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
