//! Markov chains of any order, with back-off.
//!
//! The next state given the last `k`: counts, mixed with those of the last `k - 1`, and so on (Witten and Bell, 1991):
//!
//! ```text
//! P(s | h) = (n(h s) + d(h) P(s | h')) / (n(h) + d(h)),   d(h): how many different states follow h
//! ```
//!
//! down to one state before, below which nothing is mixed unless `smooth` is set: so only transitions that were seen are ever drawn, and with
//! them every rule of the kind "nothing after that", "this before that". Where sequences are of several groups, all but that last one are
//! counted by group. What stands before the first state is a state of its own.
//!
//! How long a sequence is is known when it is drawn. `ahead(s, r)` is the probability that a sequence ends after `r` more states from `s`, by
//! the chain of order 1; drawing in proportion to it makes sequences end where sequences end.

use std::collections::BTreeMap;

use verisim_data::rng::{Stream, uniform};
use verisim_data::table::codec::{Encoded, Span};

use super::EncodedSeries;
use crate::error::{Error, Result};
use crate::table::profile::{class_counts, quantile_groups};
use crate::weights::Weights;

/// Histories are counted up to this length.
pub const MOST: usize = 5;
/// Steps ahead that are looked at.
const AHEAD: usize = 400;
/// What a state that was never seen after another counts for in comparisons.
const FLOOR: f64 = 1e-6;
/// Steps that comparisons are made on.
const ENOUGH: usize = 300_000;

/// What followed a history.
#[derive(Clone, Debug, Default, PartialEq)]
struct Node {
    total: f64,
    /// States, in their order, and how often.
    next: Vec<(u32, f64)>,
}

/// A chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    states: usize,
    order: usize,
    smooth: bool,
    /// First one state before, of all groups; then by length of the history, with the group as last element.
    levels: Vec<BTreeMap<Vec<u32>, Node>>,
    /// Share of the occurrences of a state that end a sequence.
    ends: Vec<f64>,
    /// `ahead(s, r)`: a row an `r`; empty where sequences do not end anywhere in particular.
    ahead: Vec<Vec<f64>>,
}

impl Chain {
    /// Counts sequences; `ends` says that where they end means something.
    pub fn fit(sequences: &[Vec<u32>], groups: &[u32], states: usize, order: usize, smooth: bool, ends: bool) -> Chain {
        let mut counts: Vec<BTreeMap<Vec<u32>, BTreeMap<u32, f64>>> = vec![BTreeMap::new(); order + 1];
        let (mut last, mut seen) = (vec![0.0; states], vec![0.0; states]);
        for (sequence, &group) in sequences.iter().zip(groups) {
            for (t, &state) in sequence.iter().enumerate() {
                seen[state as usize] += 1.0;
                for (level, counts) in counts.iter_mut().enumerate() {
                    let key = key(sequence, t, level, group, states);
                    *counts.entry(key).or_default().entry(state).or_default() += 1.0;
                }
            }
            if let Some(&state) = sequence.last() {
                last[state as usize] += 1.0;
            }
        }
        let node = |next: BTreeMap<u32, f64>| Node { total: next.values().sum(), next: next.into_iter().collect() };
        let levels = counts.into_iter().map(|l| l.into_iter().map(|(k, n)| (k, node(n))).collect()).collect();
        let share = |(l, s): (f64, f64)| if s > 0.0 && ends { l / s } else { 0.0 };
        let ends = last.into_iter().zip(seen).map(share).collect();
        Chain { states, order, smooth, levels, ends, ahead: Vec::new() }.looking_ahead()
    }

    /// The chain and the groups that tell most of sequences that are kept back: order by order, then by one column of the context.
    pub fn choose(
        sequences: &[Vec<u32>],
        candidates: &[Vec<u32>],
        states: usize,
        order: Option<usize>,
        smooth: bool,
    ) -> (usize, Option<usize>) {
        let mut steps = 0;
        let used: Vec<usize> = (0..sequences.len())
            .take_while(|&i| {
                steps += sequences[i].len();
                steps <= ENOUGH + sequences[i].len()
            })
            .collect();
        let part = |kept: bool| -> Vec<usize> { used.iter().copied().filter(|i| (i % 5 == 2) == kept).collect() };
        let (learnt, kept) = (part(false), part(true));
        if learnt.is_empty() || kept.is_empty() {
            return (order.unwrap_or(1), None);
        }
        let take = |index: &[usize]| -> Vec<Vec<u32>> { index.iter().map(|&i| sequences[i].clone()).collect() };
        let (own, other) = (take(&learnt), take(&kept));
        let score = |order: usize, groups: Option<&Vec<u32>>| {
            let of = |index: &[usize]| -> Vec<u32> { index.iter().map(|&i| groups.map_or(0, |g| g[i])).collect() };
            Chain::fit(&own, &of(&learnt), states, order, smooth, false).likelihood(&other, &of(&kept), 0)
        };
        let order = order.unwrap_or_else(|| {
            let mut best = (1, score(1, None));
            for order in 2..=MOST {
                let here = score(order, None);
                // The simpler one, if there is hardly a difference.
                if here > best.1 + 2.0 {
                    best = (order, here);
                } else if order > best.0 + 1 {
                    break;
                }
            }
            best.0
        });
        let without = score(order, None);
        let found = candidates.iter().enumerate().map(|(k, g)| (k, score(order, Some(g))));
        let best = found.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, score)| *score > without + 2.0);
        (order, best.map(|(k, _)| k))
    }

    /// The logarithm of the probability of sequences, of their states from number `from` on.
    pub fn likelihood(&self, sequences: &[Vec<u32>], groups: &[u32], from: usize) -> f64 {
        let mut sum = 0.0;
        for (sequence, &group) in sequences.iter().zip(groups) {
            for (t, &state) in sequence.iter().enumerate().skip(from) {
                let next = self.next(&sequence[..t], group);
                let p = next.binary_search_by_key(&state, |n| n.0).map_or(0.0, |k| next[k].1);
                sum += ((1.0 - FLOOR) * p + FLOOR / self.states as f64).ln();
            }
        }
        sum
    }

    /// What may follow, and with which probability, in the order of the states; nothing after a state that always was the last.
    pub fn next(&self, before: &[u32], group: u32) -> Vec<(u32, f64)> {
        let mut found: Vec<(u32, f64)> = Vec::new();
        for (k, level) in self.levels.iter().enumerate() {
            let key = key(before, before.len(), k, group, self.states);
            let Some(node) = level.get(&key) else { continue };
            if found.is_empty() && !self.smooth {
                found = node.next.iter().map(|&(s, n)| (s, n / node.total)).collect();
                continue;
            }
            if found.is_empty() {
                // Any state may follow, each as likely as the others.
                found = (0..self.states as u32).map(|s| (s, 1.0 / self.states as f64)).collect();
            }
            let (kinds, all) = (node.next.len() as f64, node.total + node.next.len() as f64);
            found.iter_mut().for_each(|f| f.1 *= kinds / all);
            for &(state, n) in &node.next {
                match found.binary_search_by_key(&state, |f| f.0) {
                    Ok(at) => found[at].1 += n / all,
                    Err(at) => found.insert(at, (state, n / all)),
                }
            }
        }
        found
    }

    /// One of the states that may follow, so that the sequence can end after `left` more; the last one again where nothing ever followed.
    pub fn draw(&self, before: &[u32], group: u32, left: usize, but: Option<u32>, rng: &mut Stream) -> u32 {
        let mut next = self.next(before, group);
        if let Some(but) = but {
            // Unless there is nothing else that can end in time.
            let may = |n: &&(u32, f64)| n.0 != but && self.may_end(n.0, left);
            if next.iter().any(|n| may(&n)) {
                next.retain(|n| n.0 != but);
            }
        }
        self.pick(next, before, left, rng)
    }

    /// One of the states in `next` by their weight, so that the sequence can end after `left` more.
    pub fn pick(&self, mut next: Vec<(u32, f64)>, before: &[u32], left: usize, rng: &mut Stream) -> u32 {
        if let Some(ahead) = self.ahead(left) {
            let weighed: Vec<(u32, f64)> = next.iter().map(|&(s, p)| (s, p * ahead[s as usize])).collect();
            if weighed.iter().any(|w| w.1 > 0.0) {
                next = weighed;
            }
        }
        let total: f64 = next.iter().map(|n| n.1).sum();
        let mut at = uniform(rng) * total;
        for &(state, p) in &next {
            at -= p;
            if at < 0.0 {
                return state;
            }
        }
        next.iter().rev().find(|n| n.1 > 0.0).map(|n| n.0).or(before.last().copied()).unwrap_or(0)
    }

    /// Whether a sequence may end after `left` more states from `state`.
    pub fn may_end(&self, state: u32, left: usize) -> bool {
        self.ahead(left).is_none_or(|ahead| ahead[state as usize] > 0.0 || ahead.iter().all(|&a| a == 0.0))
    }

    fn ahead(&self, left: usize) -> Option<&Vec<f64>> {
        self.ahead.get(left.min(self.ahead.len().saturating_sub(1)))
    }

    /// Fills `ahead`: backwards from the last state, a step at a time.
    fn looking_ahead(mut self) -> Chain {
        let any = self.ends.iter().any(|&e| e > 0.0);
        let mut row = if any { self.ends.clone() } else { vec![1.0; self.states] };
        let most = AHEAD.min(4_000_000 / self.states.max(1)).max(1);
        let empty = Node::default();
        let follows: Vec<&Node> =
            (0..self.states as u32).map(|s| self.levels[0].get(&[s][..]).unwrap_or(&empty)).collect();
        let mut ahead = Vec::new();
        for _ in 0..most {
            let most = row.iter().copied().fold(0.0, f64::max);
            if most > 0.0 {
                row.iter_mut().for_each(|p| *p /= most);
            }
            let same =
                ahead.last().is_some_and(|last: &Vec<f64>| last.iter().zip(&row).all(|(a, b)| (a - b).abs() < 1e-9));
            ahead.push(row.clone());
            if same {
                break;
            }
            let before = &ahead[ahead.len() - 1];
            let one = |node: &&Node| -> f64 {
                node.next.iter().map(|&(s, n)| n * before[s as usize]).sum::<f64>() / node.total.max(1.0)
            };
            row = follows.iter().map(one).collect();
        }
        self.ahead = ahead;
        self
    }

    /// Adds what was learnt to `weights`.
    pub fn store(&self, weights: &mut Weights) {
        let form = [self.states as u32, self.order as u32, u32::from(self.smooth)];
        weights.put_u32("chain.form", &[3], form.to_vec());
        weights.put_f64("chain.ends", &[self.states], self.ends.clone());
        for (k, level) in self.levels.iter().enumerate() {
            let keys: Vec<u32> = level.keys().flatten().copied().collect();
            let sizes: Vec<u32> = level.values().map(|n| n.next.len() as u32).collect();
            let (states, counts): (Vec<u32>, Vec<f64>) = level.values().flat_map(|n| n.next.iter().copied()).unzip();
            weights.put_u32(format!("chain.{k}.histories"), &[level.len(), keys.len() / level.len().max(1)], keys);
            weights.put_u32(format!("chain.{k}.sizes"), &[sizes.len()], sizes);
            weights.put_u32(format!("chain.{k}.states"), &[states.len()], states);
            weights.put_f64(format!("chain.{k}.counts"), &[counts.len()], counts);
        }
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not there, or no chain over so many states.
    pub fn restore(states: usize, weights: &mut Weights) -> Result<Chain> {
        let bad = |name: &str| Error::Tensor { name: name.into(), problem: "does not fit the other tensors".into() };
        let form = weights.take_u32("chain.form")?.1;
        let &[own, order, smooth] = &form[..] else { return Err(bad("chain.form")) };
        let order = order as usize;
        if own as usize != states || order == 0 || order > MOST {
            return Err(bad("chain.form"));
        }
        let ends = weights.take_f64("chain.ends")?.1;
        if ends.len() != states || ends.iter().any(|e| !(0.0..=1.0).contains(e)) {
            return Err(bad("chain.ends"));
        }
        let mut levels = Vec::new();
        for k in 0..=order {
            let length = k + 1;
            let name = format!("chain.{k}.histories");
            let keys = weights.take_u32(&name)?.1;
            let sizes = weights.take_u32(&format!("chain.{k}.sizes"))?.1;
            let next = weights.take_u32(&format!("chain.{k}.states"))?.1;
            let counts = weights.take_f64(&format!("chain.{k}.counts"))?.1;
            let all: usize = sizes.iter().map(|&s| s as usize).sum();
            let sound = |n: &f64| n.is_finite() && *n > 0.0;
            if keys.len() != length * sizes.len()
                || next.len() != all
                || counts.len() != all
                || sizes.contains(&0)
                || !counts.iter().all(sound)
                || next.iter().any(|&s| s as usize >= states)
            {
                return Err(bad(&name));
            }
            let mut level = BTreeMap::new();
            let mut at = 0;
            for (key, &size) in keys.chunks(length).zip(&sizes) {
                let end = at + size as usize;
                let next: Vec<(u32, f64)> =
                    next[at..end].iter().copied().zip(counts[at..end].iter().copied()).collect();
                if !next.is_sorted_by(|a, b| a.0 < b.0) {
                    return Err(bad(&name));
                }
                level.insert(key.to_vec(), Node { total: next.iter().map(|n| n.1).sum(), next });
                at = end;
            }
            levels.push(level);
        }
        Ok(Chain { states, order, smooth: smooth > 0, levels, ends, ahead: Vec::new() }.looking_ahead())
    }
}

/// What state `t` is counted by at a level: the state before it, or as many states as the number of the level, and the group. Before the first
/// stands a state of its own.
fn key(sequence: &[u32], t: usize, level: usize, group: u32, states: usize) -> Vec<u32> {
    let length = level.max(1);
    let before = (1..=length).rev().map(|back| t.checked_sub(back).map_or(states as u32, |i| sequence[i]));
    before.chain((level > 0).then_some(group)).collect()
}

/// A column of the context that parts sequences into groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grouping(Option<(usize, Vec<u32>)>);

impl Grouping {
    /// Columns that may: categories by their commonest levels, numbers by thirds; not the length, which says when a sequence ends and is heard
    /// otherwise.
    pub fn candidates(data: &EncodedSeries, rows: &[usize]) -> Vec<Grouping> {
        /// Fewest sequences of a group.
        const LEAST: u32 = 20;
        let (spans, context, shape) = (data.context_spans(), &data.context, &data.spec.shape);
        let length = shape.has_length().then_some(usize::from(shape.has_start()));
        let column = |(j, span): (usize, &Span)| {
            let tokens = context.tokens.get(j)?;
            let counts = class_counts(rows.iter().map(|&i| tokens[i]), span.tokens);
            let groups: Vec<u32> = match span.ordered {
                true => quantile_groups(&counts, 3).0.into_iter().map(u32::from).collect(),
                false => counts.iter().enumerate().map(|(t, &c)| if c >= LEAST { t as u32 + 1 } else { 0 }).collect(),
            };
            let mut seen: Vec<u32> = rows.iter().map(|&i| groups[tokens[i] as usize]).collect();
            seen.sort_unstable();
            seen.dedup();
            (seen.len() > 1 && rows.len() >= 2 * LEAST as usize).then_some(Grouping(Some((j, groups))))
        };
        spans.iter().enumerate().filter(|(j, _)| Some(*j) != length).filter_map(column).collect()
    }

    /// The group of a sequence; 0 where there is no context.
    pub fn of(&self, context: &Encoded, i: usize) -> u32 {
        let Some((column, groups)) = &self.0 else { return 0 };
        let token = context.tokens.get(*column).map(|tokens| tokens[i] as usize);
        token.and_then(|t| groups.get(t)).copied().unwrap_or(0)
    }

    /// One more than the largest group.
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(1, |(_, groups)| groups.iter().max().map_or(1, |&m| m as usize + 1))
    }

    /// Adds it to `weights`.
    pub fn store(&self, weights: &mut Weights) {
        let (column, groups) = self.0.clone().unwrap_or((0, Vec::new()));
        weights.put_u32("grouping.column", &[1], vec![column as u32]);
        weights.put_u32("grouping.groups", &[groups.len()], groups);
    }

    /// Takes it out of `weights`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn restore(weights: &mut Weights) -> Result<Grouping> {
        let column = weights.take_u32("grouping.column")?.1.first().copied().unwrap_or(0) as usize;
        let groups = weights.take_u32("grouping.groups")?.1;
        if groups.iter().any(|&g| g > 1_000_000) {
            return Err(Error::Tensor { name: "grouping.groups".into(), problem: "has too many groups".into() });
        }
        Ok(Grouping((!groups.is_empty()).then_some((column, groups))))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::rng::stream;

    use super::*;

    #[test]
    fn transitions_are_found_again_with_their_order() {
        let truth = [[0.1, 0.6, 0.3], [0.5, 0.0, 0.5], [0.2, 0.2, 0.6]];
        let mut rng = stream(1, "chain", 0);
        let draw = |p: &[f64], rng: &mut Stream| {
            let mut at = uniform(rng);
            p.iter()
                .position(|p| {
                    at -= p;
                    at < 0.0
                })
                .unwrap_or(2) as u32
        };
        let sequences: Vec<Vec<u32>> = (0..200)
            .map(|_| {
                let mut s = vec![0];
                (1..50).for_each(|_| s.push(draw(&truth[s[s.len() - 1] as usize], &mut rng)));
                s
            })
            .collect();
        assert_eq!(Chain::choose(&sequences, &[], 3, None, false), (1, None));
        let chain = Chain::fit(&sequences, &[0; 200], 3, 1, false, true);
        for (a, row) in truth.iter().enumerate() {
            let next = chain.next(&[a as u32], 0);
            for (b, p) in row.iter().enumerate() {
                let found = next.iter().find(|n| n.0 == b as u32).map_or(0.0, |n| n.1);
                assert!((found - p).abs() < 0.03, "{a} {b} {found}");
            }
        }
        // What comes two steps before decides.
        let second: Vec<Vec<u32>> = (0..100)
            .map(|_| {
                let mut s = vec![0, 1];
                for t in 2..40 {
                    let same = uniform(&mut rng) < 0.9;
                    s.push(if same { s[t - 2] } else { 1 - s[t - 2] });
                }
                s
            })
            .collect();
        assert_eq!(Chain::choose(&second, &[], 2, None, false).0, 2);
        // So does the group.
        let groups: Vec<u32> = (0..200).map(|i| i % 2).collect();
        let parted: Vec<Vec<u32>> = groups
            .iter()
            .map(|g| (0..20).map(|_| u32::from(uniform(&mut rng) < 0.2 + 0.6 * f64::from(*g))).collect())
            .collect();
        assert_eq!(Chain::choose(&parted, &[vec![0; 200], groups], 2, Some(1), false).1, Some(1));
    }

    #[test]
    fn sequences_end_where_they_end_and_nothing_unseen_is_drawn() {
        // In, some exams, out.
        let sequences: Vec<Vec<u32>> = (0..60).map(|i| [vec![0], vec![1; 1 + i % 4], vec![2]].concat()).collect();
        let chain = Chain::fit(&sequences, &[0; 60], 3, 2, false, true);
        let mut rng = stream(2, "ends", 0);
        for length in [3, 4, 6, 9] {
            let mut s: Vec<u32> = Vec::new();
            for t in 0..length {
                let next = chain.draw(&s, 0, length - 1 - t, None, &mut rng);
                s.push(next);
            }
            assert_eq!(s, [vec![0], vec![1; length - 2], vec![2]].concat());
        }
        let smooth = Chain::fit(&sequences, &[0; 60], 3, 1, true, true);
        assert_eq!(smooth.next(&[0], 0).len(), 3);
        assert!(chain.next(&[2], 0).is_empty());
    }
}
