//! Rows of which some tokens are known, completed under a copula.
//!
//! A known token says between which bounds its latent normal lies. The latents of the known columns are drawn one after the other, each within
//! its bounds given those before, and the draw weighs as much as the bounds were likely (the simulator of Geweke, Hajivassiliou and
//! Keane); each group of rows draws some. One draw is chosen by weight, and what is not known follows from the conditional normal.
//! Rows with the same columns known share the factors of their matrices.

use std::collections::BTreeMap;

use rayon::prelude::*;
use verisim_data::normal;
use verisim_data::rng::{Stream, below, normal as draw_normal, stream, uniform};
use verisim_data::table::codec::Encoded;

use super::{Component, Copula, Correlation};
use crate::error::{Error, Result};
use crate::linalg::cholesky;
use crate::table::particles::systematic;
use crate::table::sampler::{Allowed, Partial};

/// Fewest draws of the known latents, all groups together.
const DRAWS: usize = 32;
/// Fewest draws of one group.
const EACH: usize = 2;
/// What a group weighs in which a known token never occurs.
const LEAST: f64 = 1e-9;
/// Rows that share one random stream.
const BLOCK: usize = 256;

/// The columns of one pattern and, a group each, the factor of their correlations.
struct Pattern {
    /// Known columns, then those that are restricted, then the others.
    columns: Vec<usize>,
    known: usize,
    lower: Vec<Vec<f64>>,
}

impl Copula {
    pub(super) fn completed(&self, partial: &Partial, times: usize, rng: &mut Stream) -> Result<Vec<Encoded>> {
        let d = self.spans.len();
        if self.components.iter().any(|c| matches!(c.correlation, Correlation::Factors(_))) {
            return Err(Error::Incapable { what: "complete rows of more than 512 columns" });
        }
        let ranks: Vec<Vec<u32>> = self.order.iter().map(|order| super::inverse(order)).collect();
        let mut of_pattern: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
        let mut patterns = Vec::new();
        let pattern_of = |i: usize| -> usize {
            let known: Vec<bool> = (0..d).map(|j| partial.known[j][i]).collect();
            *of_pattern.entry(known.clone()).or_insert_with(|| {
                patterns.push(known);
                patterns.len() - 1
            })
        };
        let pattern: Vec<usize> = (0..partial.rows.rows).map(pattern_of).collect();
        let patterns: Vec<Pattern> = patterns.par_iter().map(|known| self.pattern(known, &partial.allowed)).collect();
        let seed = below(rng, u64::MAX);
        let block = |b: usize| {
            let mut rng = stream(seed, "complete", b as u64);
            let rows = b * BLOCK..((b + 1) * BLOCK).min(partial.rows.rows);
            let mut out = vec![Encoded::zeros(&self.spans, rows.len()); times];
            for (at, i) in rows.enumerate() {
                self.complete_row(&patterns[pattern[i]], &ranks, partial, i, at, &mut out, &mut rng);
            }
            out
        };
        let blocks: Vec<Vec<Encoded>> = (0..partial.rows.rows.div_ceil(BLOCK)).into_par_iter().map(block).collect();
        let mut out = vec![Encoded::zeros(&self.spans, 0); times];
        for (whole, part) in blocks.iter().flat_map(|block| block.iter().enumerate()) {
            out[whole].append(part);
        }
        Ok(out)
    }

    fn pattern(&self, known: &[bool], allowed: &Allowed) -> Pattern {
        let d = known.len();
        let mut columns: Vec<usize> = (0..d).collect();
        columns.sort_by_key(|&j| (!known[j], allowed.tokens(j).is_none()));
        let lower = |component: &Component| {
            let together = |&i: &usize| columns.iter().map(move |&j| component.correlation.of(i, j, d));
            cholesky(&columns.iter().flat_map(together).collect::<Vec<f64>>(), d)
        };
        let lower = self.components.iter().map(lower).collect();
        Pattern { known: known.iter().filter(|k| **k).count(), columns, lower }
    }

    /// Fills row `at` of each of `out` with row `i`.
    #[allow(clippy::too_many_arguments)]
    fn complete_row(
        &self,
        pattern: &Pattern,
        ranks: &[Vec<u32>],
        partial: &Partial,
        i: usize,
        at: usize,
        out: &mut [Encoded],
        rng: &mut Stream,
    ) {
        let (d, times) = (self.spans.len(), out.len());
        let free = |j: &usize| partial.allowed.tokens(*j).is_none();
        let bound = pattern.columns[pattern.known..].iter().filter(|j| !free(j)).count() + pattern.known;
        // Bounds of the latents, a component each.
        let bounds: Vec<Vec<Vec<(f64, f64)>>> = (self.components.iter())
            .map(|c| (0..bound).map(|a| self.bounds(c, pattern, ranks, partial, i, a)).collect())
            .collect();
        let wanted = if bound == 0 { times } else { DRAWS.max(2 * times) };
        let each = (wanted / self.components.len()).max(EACH);
        let mut draws: Vec<(usize, Vec<f64>)> = Vec::with_capacity(each * self.components.len());
        let mut weights = Vec::with_capacity(draws.capacity());
        for (c, component) in self.components.iter().enumerate() {
            for _ in 0..each {
                let mut z = Vec::with_capacity(d);
                let mut weight = component.weight.max(f64::MIN_POSITIVE).ln();
                for (a, bounds) in bounds[c].iter().enumerate() {
                    weight += bounded(bounds, &pattern.lower[c][a * d..=a * d + a], &mut z, rng);
                }
                // What is not known is drawn anew for each completion.
                z.truncate(pattern.known);
                draws.push((c, z));
                weights.push(weight);
            }
        }
        let most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        weights.iter_mut().for_each(|w| *w = (*w - most).exp());
        let mut chosen = systematic(&weights, times, rng);
        for t in (1..times).rev() {
            chosen.swap(t, below(rng, t as u64 + 1) as usize);
        }
        for (whole, chosen) in out.iter_mut().zip(chosen) {
            let (c, mut z) = (draws[chosen].0, draws[chosen].1.clone());
            for (a, &j) in pattern.columns.iter().enumerate() {
                if a < pattern.known {
                    whole.tokens[j][at] = partial.rows.tokens[j][i];
                    continue;
                }
                let row = &pattern.lower[c][a * d..=a * d + a];
                match bounds[c].get(a) {
                    Some(bounds) => {
                        bounded(bounds, row, &mut z, rng);
                    }
                    None => z.push(draw_normal(rng)),
                }
                let latent: f64 = row.iter().zip(&z).map(|(l, z)| l * z).sum();
                let token = self.token(&self.components[c], j, latent);
                whole.tokens[j][at] = match partial.allowed.tokens(j) {
                    Some(allowed) if !allowed[token as usize] => self.nearest(ranks, allowed, j, token),
                    _ => token,
                };
            }
        }
    }

    /// The intervals of cumulative frequency that the column in this place may fall into.
    fn bounds(
        &self,
        component: &Component,
        pattern: &Pattern,
        ranks: &[Vec<u32>],
        partial: &Partial,
        i: usize,
        a: usize,
    ) -> Vec<(f64, f64)> {
        let j = pattern.columns[a];
        let cumulative = &component.cumulative[j];
        let interval = |r: usize| (if r == 0 { 0.0 } else { cumulative[r - 1] }, cumulative[r]);
        if a < pattern.known {
            return vec![interval(ranks[j][partial.rows.tokens[j][i] as usize] as usize)];
        }
        let allowed = partial.allowed.tokens(j).unwrap_or_default();
        let fits = |&r: &usize| allowed[self.order[j][r] as usize];
        let mut out: Vec<(f64, f64)> = Vec::new();
        for (low, high) in (0..cumulative.len()).filter(fits).map(interval).filter(|(low, high)| high > low) {
            match out.last_mut() {
                // Neighbours are one interval.
                Some(last) if last.1 == low => last.1 = high,
                _ => out.push((low, high)),
            }
        }
        out
    }

    /// The allowed token next to another in latent order; of a group that has none of them, and of a latent at the end of its bounds.
    fn nearest(&self, ranks: &[Vec<u32>], allowed: &[bool], j: usize, token: u32) -> u32 {
        let rank = ranks[j][token as usize];
        let fits = self.order[j].iter().filter(|&&t| allowed[t as usize]);
        fits.min_by_key(|&&t| ranks[j][t as usize].abs_diff(rank)).copied().unwrap_or(token)
    }
}

/// Adds to `z` an independent normal by which the latent of these `weights` falls within the bounds; the logarithm of how likely that was.
fn bounded(bounds: &[(f64, f64)], weights: &[f64], z: &mut Vec<f64>, rng: &mut Stream) -> f64 {
    let sd = weights[weights.len() - 1].max(1e-9);
    let mean: f64 = weights.iter().zip(z.iter()).map(|(l, z)| l * z).sum();
    let local = |p: f64| normal::cdf((normal::quantile(p) - mean) / sd);
    let local: Vec<(f64, f64)> = bounds.iter().map(|&(low, high)| (local(low), local(high))).collect();
    let total: f64 = local.iter().map(|(low, high)| high - low).sum();
    if total <= LEAST {
        // As near as can be.
        let near = |&(low, high): &(f64, f64)| {
            let (low, high) = (normal::quantile(low).max(-9.0), normal::quantile(high).min(9.0));
            ((mean.clamp(low.min(high), high.max(low))) - mean) / sd
        };
        let nearest = bounds.iter().map(near).min_by(|a, b| a.abs().total_cmp(&b.abs()));
        z.push(nearest.unwrap_or(0.0).clamp(-9.0, 9.0));
        return LEAST.ln();
    }
    let mut u = uniform(rng) * total;
    let mut at = local[0].0;
    for &(low, high) in &local {
        at = low + u.min(high - low);
        if u < high - low {
            break;
        }
        u -= high - low;
    }
    z.push(normal::quantile(at).clamp(-9.0, 9.0));
    total.ln()
}
