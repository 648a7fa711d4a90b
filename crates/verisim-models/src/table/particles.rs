//! Rows of which some tokens are known, completed by a chain of factors: sequential Monte Carlo.
//!
//! A chain `p(x1) p(x2 | x1) ...` draws a row from front to back. Where a known column stands behind one that is not, what is drawn in
//! front must fit what is known behind. So a row has many *particles* (Gordon, Salmond and Smith, 1993, "Novel approach to
//! nonlinear/non-Gaussian Bayesian state estimation"): each draws what is not known from the factors, and each known column multiplies
//! its weight by the probability that its factor gives the known token. Particles of little weight make way for copies of others when
//! the weights have become too uneven (effective sample size below a half). A particle that is chosen by weight in the end is a draw given
//! what is known, exactly as the number of particles grows.
//!
//! - A known column whose factor looks at no unknown one weighs all particles of a row alike and is not asked. A row with none that does look is drawn
//!   once.
//! - An unknown column that must become one of some tokens is drawn among them, and weighs what they weighed together.
//! - Where a known column leaves few particles, as one that is a function of an unknown one does, the row is completed again with more.
//! - A probability of zero counts as half a row, so that no row dies.
//!
//! Costs as many draws as there are particles, and as many probabilities in each known column that looks at an unknown one.

use rayon::prelude::*;
use verisim_data::rng::{Stream, below, stream, uniform};
use verisim_data::table::codec::{Encoded, Span};

use crate::error::Result;
use crate::table::sampler::Partial;

/// Fewest particles of a row that needs some. On California housing with a fifth of the cells hidden 64 and 256 are alike (mean absolute
/// error 0.0412 with boost), and 90 % intervals cover 91 % and 92 %.
const PARTICLES: usize = 64;
/// Particles that are kept for each completion that is asked for, so that these differ.
const EACH: usize = 2;
/// A row whose weights are left to fewer than one in so many particles is completed again.
const THIN: f64 = 8.0;
/// With so many times as many.
const MORE: usize = 8;
/// Most particles of the rows that are completed together.
const TOGETHER: usize = 4096;
/// Most tokens of them.
const CELLS: usize = 1 << 22;
/// Rows whose probabilities are asked together.
const ROWS: usize = 1024;

/// How one column of a chain follows from those before it. Tokens stand in slots, the same for all columns; `before` holds the columns before
/// by their position.
pub(super) trait Link: Sync {
    /// The positions of the columns that it looks at.
    fn seen(&self) -> Vec<u32>;

    /// Draws a token for each of `slots`, among those allowed, and adds to `weights` the logarithm of what these weigh.
    fn draw(
        &self,
        before: &[Vec<u32>],
        slots: &[u32],
        allowed: Option<&[bool]>,
        tokens: &mut [u32],
        weights: &mut [f64],
        rng: &mut Stream,
    );

    /// Adds to `weights` the logarithm of the probability of each slot's token.
    fn weigh(&self, before: &[Vec<u32>], slots: &[u32], tokens: &[u32], weights: &mut [f64]);
}

/// The logarithm of half a row among so many: what counts for a token that was never seen so.
pub(super) fn least(rows: u64) -> f64 {
    (0.5 / rows.max(1) as f64).ln()
}

/// A model that draws column after column.
pub(super) struct Chain<'a> {
    spans: &'a [Span],
    /// Columns in the order in which they are drawn.
    order: &'a [usize],
    links: Vec<Box<dyn Link + 'a>>,
    /// For each position those that it looks at.
    seen: Vec<Vec<u32>>,
}

impl<'a> Chain<'a> {
    pub fn new(spans: &'a [Span], order: &'a [usize], links: Vec<Box<dyn Link + 'a>>) -> Chain<'a> {
        let seen = links.iter().map(|link| link.seen()).collect();
        Chain { spans, order, links, seen }
    }

    /// The rows with every token.
    pub fn complete_one(&self, rows: &Partial, rng: &mut Stream) -> Result<Encoded> {
        Ok(self.complete(rows, 1, rng).swap_remove(0))
    }

    /// The rows with every token, `times` times. Rows whose weights were left to few particles are completed again with more of them.
    pub fn complete(&self, partial: &Partial, times: usize, rng: &mut Stream) -> Vec<Encoded> {
        let seed = below(rng, u64::MAX);
        let mut out = vec![Encoded::zeros(self.spans, partial.rows.rows); times];
        let most = PARTICLES.max(EACH * times);
        let all: Vec<usize> = (0..partial.rows.rows).collect();
        let thin = self.stage(partial, &all, most, &mut out, (seed, "complete"));
        self.stage(partial, &thin, MORE * most, &mut out, (seed, "complete again"));
        out
    }

    /// Completes these rows with so many particles, in blocks, each with a random stream of its own; those that had too few.
    fn stage(
        &self,
        partial: &Partial,
        rows: &[usize],
        most: usize,
        out: &mut [Encoded],
        (seed, purpose): (u64, &str),
    ) -> Vec<usize> {
        let size = (TOGETHER / most).min(CELLS / most / self.order.len().max(1)).max(1);
        let block = |(b, rows): (usize, &[usize])| {
            self.block(partial, rows, most, out.len(), &mut stream(seed, purpose, b as u64))
        };
        let blocks: Vec<(Vec<Encoded>, Vec<usize>)> = rows.par_chunks(size).enumerate().map(block).collect();
        let mut thin = Vec::new();
        for ((parts, few), rows) in blocks.into_iter().zip(rows.chunks(size)) {
            for (whole, part) in out.iter_mut().zip(parts) {
                for (into, from) in whole.tokens.iter_mut().zip(part.tokens) {
                    rows.iter().zip(from).for_each(|(&i, t)| into[i] = t);
                }
            }
            thin.extend(few);
        }
        thin
    }

    /// These rows, `times` times, and which of them had too few particles.
    fn block(
        &self,
        partial: &Partial,
        rows: &[usize],
        most: usize,
        times: usize,
        rng: &mut Stream,
    ) -> (Vec<Encoded>, Vec<usize>) {
        let mut all = Particles::new(self, partial, rows, most, times);
        for (position, link) in self.links.iter().enumerate() {
            let column = self.order[position];
            let slots = all.slots(|row| !row.known[position]);
            let (before, own) = all.tokens.split_at_mut(position);
            let allowed = partial.allowed.tokens(column);
            link.draw(before, &slots, allowed, &mut own[0], &mut all.weights, rng);
            let slots = all.slots(|row| row.known[position] && row.asks[position]);
            let (before, own) = all.tokens.split_at_mut(position);
            link.weigh(before, &slots, &own[0], &mut all.weights);
            for row in 0..all.rows.len() {
                if all.rows[row].asks[position] {
                    all.renew(row, position, rng);
                }
            }
        }
        let mut out = vec![Encoded::zeros(self.spans, rows.len()); times];
        let thin = all.rows.iter().zip(rows).filter(|(row, _)| row.fewest * THIN < row.slots.len() as f64);
        let thin = thin.map(|(_, &i)| i).collect();
        for row in 0..all.rows.len() {
            for (whole, slot) in out.iter_mut().zip(all.chosen(row, times, rng)) {
                for (tokens, &column) in all.tokens.iter().zip(self.order) {
                    whole.tokens[column][row] = tokens[slot];
                }
            }
        }
        (out, thin)
    }

    /// For each column the logarithm of the probability of each row's token given the columns before.
    pub fn log_probabilities(&self, rows: &Encoded) -> Vec<Vec<f32>> {
        let before: Vec<&Vec<u32>> = self.order.iter().map(|&column| &rows.tokens[column]).collect();
        let block = |b: usize| {
            let range = b * ROWS..((b + 1) * ROWS).min(rows.rows);
            let tokens: Vec<Vec<u32>> = before.iter().map(|tokens| tokens[range.clone()].to_vec()).collect();
            let slots: Vec<u32> = (0..range.len() as u32).collect();
            let of = |position: usize| {
                let mut weights = vec![0.0; slots.len()];
                self.links[position].weigh(&tokens[..position], &slots, &tokens[position], &mut weights);
                weights.into_iter().map(|w| w as f32).collect()
            };
            (0..self.links.len()).map(of).collect()
        };
        let blocks: Vec<Vec<Vec<f32>>> = (0..rows.rows.div_ceil(ROWS)).into_par_iter().map(block).collect();
        let mut out = vec![Vec::with_capacity(rows.rows); self.order.len()];
        for block in blocks {
            block.into_iter().zip(self.order).for_each(|(part, &column)| out[column].extend(part));
        }
        out
    }
}

/// One row and what must be asked of it.
struct Row {
    /// Its particles.
    slots: std::ops::Range<usize>,
    /// Whether the column at each position is known.
    known: Vec<bool>,
    /// Whether it weighs the particles differently.
    asks: Vec<bool>,
    /// The last position that does.
    last: usize,
    /// The least effective sample size so far.
    fewest: f64,
}

/// The particles of some rows.
struct Particles {
    rows: Vec<Row>,
    /// By position, and there by slot.
    tokens: Vec<Vec<u32>>,
    /// Logarithms.
    weights: Vec<f64>,
}

impl Particles {
    fn new(chain: &Chain<'_>, partial: &Partial, rows: &[usize], most: usize, times: usize) -> Particles {
        let mut all = Vec::with_capacity(rows.len());
        let mut slots = 0;
        for &i in rows {
            let known: Vec<bool> = chain.order.iter().map(|&column| partial.known[column][i]).collect();
            let asks = |position: usize| {
                let weighs = known[position] || partial.allowed.tokens(chain.order[position]).is_some();
                weighs && chain.seen[position].iter().any(|&p| !known[p as usize])
            };
            let asks: Vec<bool> = (0..known.len()).map(asks).collect();
            let last = asks.iter().rposition(|&a| a);
            let count = match last {
                Some(_) => most,
                None if known.contains(&false) => times,
                None => 1,
            };
            all.push(Row { slots: slots..slots + count, known, asks, last: last.unwrap_or(0), fewest: count as f64 });
            slots += count;
        }
        let column = |&column: &usize| {
            let mut tokens = Vec::with_capacity(slots);
            for (row, &i) in all.iter().zip(rows) {
                tokens.extend(std::iter::repeat_n(partial.rows.tokens[column][i], row.slots.len()));
            }
            tokens
        };
        Particles { tokens: chain.order.iter().map(column).collect(), weights: vec![0.0; slots], rows: all }
    }

    /// The slots of the rows that `wants` wants.
    fn slots(&self, wants: impl Fn(&Row) -> bool) -> Vec<u32> {
        self.rows.iter().filter(|row| wants(row)).flat_map(|row| row.slots.start as u32..row.slots.end as u32).collect()
    }

    /// What each particle of a row weighs, the heaviest 1.
    fn weights(&self, row: usize) -> Vec<f64> {
        let weights = &self.weights[self.rows[row].slots.clone()];
        let most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        weights.iter().map(|w| (w - most).exp()).collect()
    }

    /// Copies of particles in proportion to their weights, where these are too uneven and further columns will weigh them; all weigh the same
    /// then.
    fn renew(&mut self, row: usize, position: usize, rng: &mut Stream) {
        let weights = self.weights(row);
        let (sum, squares) = weights.iter().fold((0.0, 0.0), |(s, q), w| (s + w, q + w * w));
        let count = weights.len();
        let size = sum * sum / squares;
        self.rows[row].fewest = self.rows[row].fewest.min(size);
        if size > 0.5 * count as f64 || self.rows[row].last == position {
            return;
        }
        let chosen = systematic(&weights, count, rng);
        let Row { slots, known, .. } = &self.rows[row];
        self.weights[slots.clone()].fill(0.0);
        for (tokens, _) in self.tokens[..=position].iter_mut().zip(known).filter(|(_, known)| !**known) {
            let own = &mut tokens[slots.clone()];
            let new: Vec<u32> = chosen.iter().map(|&c| own[c]).collect();
            own.copy_from_slice(&new);
        }
    }

    /// `times` particles of a row, chosen by weight.
    fn chosen(&self, row: usize, times: usize, rng: &mut Stream) -> Vec<usize> {
        let first = self.rows[row].slots.start;
        let mut chosen = systematic(&self.weights(row), times, rng);
        for i in (1..chosen.len()).rev() {
            chosen.swap(i, below(rng, i as u64 + 1) as usize);
        }
        chosen.into_iter().map(|c| first + c).collect()
    }
}

/// `count` places in proportion to the weights, each as often as it must be or once more (systematic resampling).
pub(super) fn systematic(weights: &[f64], count: usize, rng: &mut Stream) -> Vec<usize> {
    let step = weights.iter().sum::<f64>() / count as f64;
    let mut next = uniform(rng) * step;
    let (mut out, mut sum) = (Vec::with_capacity(count), 0.0);
    for (place, weight) in weights.iter().enumerate() {
        sum += weight;
        while next < sum && out.len() < count {
            out.push(place);
            next += step;
        }
    }
    // Rounding may leave the last one out.
    out.resize(count, weights.len() - 1);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
