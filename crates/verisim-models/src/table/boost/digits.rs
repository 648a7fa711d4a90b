//! One column digit by digit: its halves, and a boosted question for each level of them.

use rayon::prelude::*;
use verisim_data::rng::{Stream, stream, uniform};
use verisim_data::table::codec::{Encoded, Span};

use super::forest::{DEEPEST, Forest, Question};
use super::grow::{Growth, Rows, boost, chance};
use super::halving::{Halving, Next, Node};
use crate::error::Result;
use crate::table::particles::{Link, least};
use crate::table::profile::{class_counts, target_classes};
use crate::table::view::{View, damaged};
use crate::weights::Weights;

/// Most bins of a feature.
const BINS: usize = 128;
/// Classes of the column by which the categories of others are put in order.
const CLASSES: usize = 32;
/// Fewest rows that grow trees, and that choose how many.
const FEWEST: (usize, usize) = (40, 20);

/// The boosted questions of one column.
#[derive(Clone, Debug)]
pub struct Digits {
    halving: Halving,
    /// Log-odds of the right half of each node before any tree.
    odds: Vec<f32>,
    /// For each level the bin of each of its nodes: what its trees see of the digits before, as their feature 0.
    nodes: Vec<Vec<u8>>,
    /// The columns that the trees look at, as their features 1, 2, ...
    view: View,
    /// The trees of each level.
    forests: Vec<Forest>,
}

/// Rows that reach one level, those that grow trees first: their numbers, their nodes, and whether they go right.
#[derive(Default)]
struct Level {
    rows: Vec<u32>,
    nodes: Vec<u32>,
    right: Vec<bool>,
    grow: usize,
}

impl Digits {
    /// Learns the last column of `order` from those before it and the first `grow` rows of `data`; the others choose how many trees
    /// there are. Also says how likely those are then, in nats.
    pub fn fit(
        growth: &Growth,
        spans: &[Span],
        data: &Encoded,
        grow: usize,
        order: &[usize],
        seen: Vec<u32>,
        seed: u64,
    ) -> (Digits, f64) {
        let position = order.len() - 1;
        let (span, tokens) = (spans[order[position]], &data.tokens[order[position]]);
        let halving = halving(span, tokens);
        let (class_of, classes) = target_classes(tokens.iter().copied(), span, CLASSES);
        let class: Vec<u8> = tokens.iter().map(|&t| class_of[t as usize]).collect();
        let view = View::new(data, spans, order, seen, (&class, classes), BINS);
        let columns = view.columns(data, order);
        // What is held out must not be in the odds that it is measured by.
        let grown = class_counts(tokens[..grow].iter().copied(), span.tokens);
        let grown: Vec<u32> = halving.ranked.iter().map(|&t| grown[t as usize]).collect();
        let odds = halving.odds(&grown, 0.5);
        let nodes: Vec<Vec<u8>> = (0..halving.depth()).map(|level| halving.bins(level, BINS)).collect();
        let mut widths = view.widths();
        widths.insert(0, 0);
        let learn = |(level, path): (usize, Level)| {
            let mut rng = stream(seed, "boost", ((position as u64) << 16) + level as u64);
            let start: Vec<f32> = path.nodes.iter().map(|&n| odds[n as usize]).collect();
            let first = halving.level(level).start;
            let mut own: Vec<Vec<u8>> = vec![path.nodes.iter().map(|&n| nodes[level][n as usize - first]).collect()];
            own.extend(columns.iter().map(|column| path.rows.iter().map(|&r| column[r as usize]).collect()));
            let own: Vec<&[u8]> = own.iter().map(Vec::as_slice).collect();
            let mut widths = widths.clone();
            widths[0] = usize::from(nodes[level].iter().copied().max().unwrap_or(0)) + 1;
            let rows = Rows { columns: &own, widths: &widths, right: &path.right, grow: path.grow };
            let enough = path.grow >= FEWEST.0 && path.rows.len() - path.grow >= FEWEST.1;
            let growth = Growth { rounds: if enough { growth.rounds } else { 0 }, ..*growth };
            boost(&growth, &rows, start, &mut rng)
        };
        let learnt: Vec<(Forest, f64)> = paths(&halving, tokens, grow).into_par_iter().enumerate().map(learn).collect();
        let likelihood = learnt.iter().map(|l| l.1).sum();
        let forests = learnt.into_iter().map(|l| l.0).collect();
        let odds = halving.odds(&halving.counts, 0.0);
        (Digits { halving, odds, nodes, view, forests }.narrowed(), likelihood)
    }

    /// Without the columns that no tree asks of.
    fn narrowed(mut self) -> Digits {
        let questions = self.forests.iter().flat_map(|f| &f.questions);
        let mut used: Vec<u32> = questions.filter(|q| q.feature > 0).map(|q| u32::from(q.feature) - 1).collect();
        used.sort_unstable();
        used.dedup();
        for q in self.forests.iter_mut().flat_map(|f| &mut f.questions).filter(|q| q.feature > 0) {
            q.feature = used.partition_point(|&f| f + 1 < u32::from(q.feature)) as u8 + 1;
        }
        self.view = self.view.only(&used);
        self
    }

    /// Draws a token for each of the rows `live`, given those of the columns before by their position; a row whose token is not
    /// allowed does not live on. The tokens of the other rows mean nothing.
    pub fn draw(
        &self,
        before: &[Vec<u32>],
        live: &mut Vec<u32>,
        allowed: Option<&[bool]>,
        tokens: &mut [u32],
        rng: &mut Stream,
    ) {
        let alive = allowed.map(|marked| (marked, self.halving.alive(marked)));
        let lives = |next: Next| match (&alive, next) {
            (None, _) => true,
            (Some((marked, _)), Next::Token(t)) => marked[t as usize],
            (Some((_, alive)), Next::Node(n)) => alive[n as usize],
        };
        let mut rows = std::mem::take(live);
        if self.halving.depth() == 0 {
            let token = self.halving.ranked[0];
            rows.iter().for_each(|&r| tokens[r as usize] = token);
            *live = if lives(Next::Token(token)) { rows } else { Vec::new() };
            return;
        }
        let mut nodes = vec![0u32; rows.len()];
        for level in 0..self.halving.depth() {
            let mut sums: Vec<f32> = nodes.iter().map(|&n| self.odds[n as usize]).collect();
            self.add(level, before, &rows, &nodes, &mut sums);
            let (mut on, mut at) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
            for ((&row, &node), &odds) in rows.iter().zip(&nodes).zip(&sums) {
                let next = self.halving.nodes[node as usize].next[usize::from(uniform(rng) < chance(odds))];
                match next {
                    _ if !lives(next) => {}
                    Next::Token(token) => {
                        tokens[row as usize] = token;
                        live.push(row);
                    }
                    Next::Node(n) => {
                        on.push(row);
                        at.push(n);
                    }
                }
            }
            (rows, nodes) = (on, at);
        }
        live.sort_unstable();
    }

    /// Goes down the halves with each of these rows, one level after the other; `turn` is told a row, its node and the chance of the right
    /// half, and says whether it goes there.
    fn descend(
        &self,
        before: &[Vec<u32>],
        rows: &[u32],
        mut turn: impl FnMut(u32, &Node, f64) -> bool,
        mut arrive: impl FnMut(u32, u32),
    ) {
        if self.halving.depth() == 0 {
            return rows.iter().for_each(|&r| arrive(r, self.halving.ranked[0]));
        }
        let (mut rows, mut nodes) = (rows.to_vec(), vec![0u32; rows.len()]);
        for level in 0..self.halving.depth() {
            let mut sums: Vec<f32> = nodes.iter().map(|&n| self.odds[n as usize]).collect();
            self.add(level, before, &rows, &nodes, &mut sums);
            let (mut on, mut at) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
            for ((&row, &node), &odds) in rows.iter().zip(&nodes).zip(&sums) {
                let node = &self.halving.nodes[node as usize];
                match node.next[usize::from(turn(row, node, chance(odds)))] {
                    Next::Token(token) => arrive(row, token),
                    Next::Node(n) => {
                        on.push(row);
                        at.push(n);
                    }
                }
            }
            (rows, nodes) = (on, at);
        }
    }

    /// Adds what the trees of a level say of these rows at these nodes.
    fn add(&self, level: usize, before: &[Vec<u32>], rows: &[u32], nodes: &[u32], sums: &mut [f32]) {
        let forest = &self.forests[level];
        let mut used = vec![false; self.view.seen.len() + 1];
        forest.questions.iter().for_each(|q| used[usize::from(q.feature)] = true);
        let first = self.halving.level(level).start;
        let column = |(f, used): (usize, &bool)| -> Vec<u8> {
            match f {
                _ if !used => Vec::new(),
                0 => nodes.iter().map(|&n| self.nodes[level][n as usize - first]).collect(),
                _ => {
                    let (tokens, bins) = (&before[self.view.seen[f - 1] as usize], &self.view.bin_of[f - 1]);
                    rows.iter().map(|&r| bins[tokens[r as usize] as usize]).collect()
                }
            }
        };
        let columns: Vec<Vec<u8>> = used.iter().enumerate().map(column).collect();
        let columns: Vec<&[u8]> = columns.iter().map(Vec::as_slice).collect();
        forest.add(&columns, sums);
    }

    /// Adds the arrays of the column at `position`.
    pub fn put(&self, position: usize, weights: &mut Weights) {
        self.view.put(position, weights);
        let name = |what: &str| format!("{position}.{what}");
        let width = self.halving.ranked.len();
        weights.put_u32(name("ranked"), &[width], self.halving.ranked.clone());
        weights.put_u32(name("counts"), &[width], self.halving.counts.clone());
        let trees: Vec<u32> = self.forests.iter().map(|f| f.depths.len() as u32).collect();
        weights.put_u32(name("trees"), &[trees.len()], trees);
        let all = self.forests.iter();
        let depths: Vec<u8> = all.clone().flat_map(|f| f.depths.iter().copied()).collect();
        weights.put_u8(name("depths"), &[depths.len()], depths);
        let questions: Vec<u8> = all.clone().flat_map(|f| &f.questions).flat_map(|q| [q.feature, q.bin]).collect();
        weights.put_u8(name("questions"), &[questions.len() / 2, 2], questions);
        let leaves: Vec<f32> = all.flat_map(|f| f.leaves.iter().copied()).collect();
        weights.put_f32(name("leaves"), &[leaves.len()], leaves);
    }

    /// What [`put`](Digits::put) wrote, checked, so that drawing can trust every index.
    pub fn take(position: usize, order: &[usize], spans: &[Span], weights: &mut Weights) -> Result<Digits> {
        let view = View::take(position, order, spans, weights)?;
        let name = |what: &str| format!("{position}.{what}");
        let width = spans[order[position]].tokens as usize;
        let ranked = weights.take_u32(&name("ranked"))?.1;
        let counts = weights.take_u32(&name("counts"))?.1;
        let mut sorted = ranked.clone();
        sorted.sort_unstable();
        if counts.len() != width || !sorted.into_iter().eq(0..width as u32) {
            return Err(damaged(&name("ranked"), "does not name every token once"));
        }
        let halving = Halving::new(ranked, counts);
        let trees = weights.take_u32(&name("trees"))?.1;
        let depths = weights.take_u8(&name("depths"))?.1;
        let questions = weights.take_u8(&name("questions"))?.1;
        let leaves = weights.take_f32(&name("leaves"))?.1;
        let questions: Vec<Question> =
            questions.as_chunks::<2>().0.iter().map(|&[feature, bin]| Question { feature, bin }).collect();
        if questions.iter().any(|q| usize::from(q.feature) > view.seen.len()) {
            return Err(damaged(&name("questions"), "asks of a column that is not seen"));
        }
        if leaves.iter().any(|v| !v.is_finite()) {
            return Err(damaged(&name("leaves"), "holds what is no number"));
        }
        if depths.iter().any(|&d| usize::from(d) > DEEPEST) {
            return Err(damaged(&name("depths"), "has a tree that is too deep"));
        }
        let all = Forest { depths, questions, leaves };
        let total: u64 = trees.iter().map(|&t| u64::from(t)).sum();
        let fits = trees.len() == halving.depth()
            && total == all.depths.len() as u64
            && all.asked() == all.questions.len()
            && all.told() == all.leaves.len();
        if !fits {
            return Err(damaged(&name("trees"), "does not fit its column"));
        }
        let odds = halving.odds(&halving.counts, 0.0);
        let nodes = (0..halving.depth()).map(|level| halving.bins(level, BINS)).collect();
        Ok(Digits { forests: all.parted(&trees), halving, odds, nodes, view })
    }
}

impl Link for &Digits {
    fn seen(&self) -> Vec<u32> {
        self.view.seen.clone()
    }

    /// Where only one half has an allowed token a row goes there, and weighs as much as that was likely: the weights make up for what
    /// was not left to chance.
    fn draw(
        &self,
        before: &[Vec<u32>],
        slots: &[u32],
        allowed: Option<&[bool]>,
        tokens: &mut [u32],
        weights: &mut [f64],
        rng: &mut Stream,
    ) {
        let least = least(self.rows());
        let alive = allowed.filter(|marked| marked.contains(&true)).map(|marked| (marked, self.halving.alive(marked)));
        let lives = |next: Next| match (&alive, next) {
            (None, _) => true,
            (Some((marked, _)), Next::Token(t)) => marked[t as usize],
            (Some((_, alive)), Next::Node(n)) => alive[n as usize],
        };
        let turn = |slot: u32, node: &Node, right: f64| match node.next.map(&lives) {
            [true, false] => {
                weights[slot as usize] += (1.0 - right).ln().max(least);
                false
            }
            [false, true] => {
                weights[slot as usize] += right.ln().max(least);
                true
            }
            _ => uniform(rng) < right,
        };
        self.descend(before, slots, turn, |slot, token| tokens[slot as usize] = token);
    }

    fn weigh(&self, before: &[Vec<u32>], slots: &[u32], tokens: &[u32], weights: &mut [f64]) {
        let places = self.halving.places();
        let mut chances = vec![0.0; weights.len()];
        let turn = |slot: u32, node: &Node, right: f64| {
            let goes = places[tokens[slot as usize] as usize] >= node.middle;
            chances[slot as usize] += if goes { right.ln() } else { (-right).ln_1p() };
            goes
        };
        self.descend(before, slots, turn, |_, _| ());
        let least = least(self.rows());
        slots.iter().for_each(|&slot| weights[slot as usize] += chances[slot as usize].max(least));
    }
}

impl Digits {
    /// How many rows it was learnt from.
    fn rows(&self) -> u64 {
        self.halving.counts.iter().map(|&c| u64::from(c)).sum()
    }
}

/// The halves of a column: numbers in their order, categories with the frequent ones first.
fn halving(span: Span, tokens: &[u32]) -> Halving {
    let counts = class_counts(tokens.iter().copied(), span.tokens);
    let mut ranked: Vec<u32> = (0..span.tokens).collect();
    if !span.ordered {
        ranked.sort_by_key(|&t| (std::cmp::Reverse(counts[t as usize]), t));
    }
    let counts = ranked.iter().map(|&t| counts[t as usize]).collect();
    Halving::new(ranked, counts)
}

/// Which rows reach each level.
fn paths(halving: &Halving, tokens: &[u32], grow: usize) -> Vec<Level> {
    let places = halving.places();
    let mut levels = Vec::with_capacity(halving.depth());
    let mut rows: Vec<u32> = (0..tokens.len() as u32).collect();
    let mut nodes = vec![0u32; rows.len()];
    for _ in 0..halving.depth() {
        let goes =
            |(&row, &node): (&u32, &u32)| places[tokens[row as usize] as usize] >= halving.nodes[node as usize].middle;
        let right: Vec<bool> = rows.iter().zip(&nodes).map(goes).collect();
        let (mut on, mut at) = (Vec::new(), Vec::new());
        for ((&row, &node), &right) in rows.iter().zip(&nodes).zip(&right) {
            if let Next::Node(n) = halving.nodes[node as usize].next[usize::from(right)] {
                on.push(row);
                at.push(n);
            }
        }
        let grow = rows.partition_point(|&r| (r as usize) < grow);
        levels.push(Level {
            rows: std::mem::replace(&mut rows, on),
            nodes: std::mem::replace(&mut nodes, at),
            right,
            grow,
        });
    }
    levels
}
