//! The categories of a step as one state: the tuple of their tokens.

use std::collections::BTreeMap;
use std::ops::Range;

use verisim_data::table::codec::{Encoded, Span};

use crate::error::{Error, Result};
use crate::weights::Weights;

/// Numbers of so few different values are states too.
const FEW: u32 = 8;
/// Most states.
const MOST: usize = 20_000;

/// The states of the steps.
#[derive(Clone, Debug, PartialEq)]
pub struct States {
    /// The columns that make a state.
    columns: Vec<usize>,
    /// The tokens of each state, in the order of the columns.
    tuples: Vec<Vec<u32>>,
    index: BTreeMap<Vec<u32>, u32>,
    /// The state that is taken for one that was never seen and is like none.
    common: u32,
}

impl States {
    /// Which columns are states: categories, and numbers of few values; not the time since the step before.
    pub fn columns(spans: &[Span], has_gap: bool) -> Vec<usize> {
        let is_state = |j: &usize| {
            let span = spans[*j];
            span.tokens > 1 && (!span.ordered || (!span.scalar && span.tokens <= FEW))
        };
        (usize::from(has_gap)..spans.len()).filter(is_state).collect()
    }

    /// The states of the steps in `runs`. Where nearly every step has a state of its own, the column of most tokens is no part of it.
    pub fn fit(mut columns: Vec<usize>, spans: &[Span], steps: &Encoded, runs: &[Range<usize>]) -> States {
        let rows: usize = runs.iter().map(ExactSizeIterator::len).sum();
        loop {
            let states = States::all(columns.clone(), steps, runs);
            if states.count() <= (rows / 5).clamp(50, MOST) || columns.len() < 2 {
                return states;
            }
            let widest = (0..columns.len()).max_by_key(|&k| spans[columns[k]].tokens).unwrap_or(0);
            columns.remove(widest);
        }
    }

    fn all(columns: Vec<usize>, steps: &Encoded, runs: &[Range<usize>]) -> States {
        let mut counts: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
        for i in runs.iter().flat_map(Clone::clone) {
            *counts.entry(tuple(&columns, steps, i)).or_default() += 1;
        }
        let common = counts.values().enumerate().max_by_key(|&(k, &c)| (c, usize::MAX - k)).map_or(0, |(k, _)| k);
        States::of(columns, counts.into_keys().collect(), common as u32)
    }

    fn of(columns: Vec<usize>, tuples: Vec<Vec<u32>>, common: u32) -> States {
        let index = tuples.iter().enumerate().map(|(k, t)| (t.clone(), k as u32)).collect();
        States { columns, tuples, index, common }
    }

    /// The columns that make no state.
    pub fn others(&self, spans: &[Span]) -> Vec<usize> {
        (0..spans.len()).filter(|j| !self.columns.contains(j)).collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.tuples.len()
    }

    /// The state of each step of a sequence. One that was never seen is taken for the one that has most in common with it.
    pub fn encode(&self, steps: &Encoded, run: Range<usize>) -> Vec<u32> {
        run.map(|i| {
            let own = tuple(&self.columns, steps, i);
            self.index.get(&own).copied().unwrap_or_else(|| {
                let alike = |k: &usize| self.tuples[*k].iter().zip(&own).filter(|(a, b)| a == b).count();
                let best = (0..self.tuples.len()).max_by_key(|k| (alike(k), *k == self.common as usize)).unwrap_or(0);
                best as u32
            })
        })
        .collect()
    }

    /// Puts a state in row `i`.
    pub fn decode(&self, state: u32, out: &mut Encoded, i: usize) {
        for (&j, &token) in self.columns.iter().zip(&self.tuples[state as usize]) {
            out.tokens[j][i] = token;
        }
    }

    /// Adds what was learnt to `weights`.
    pub fn store(&self, weights: &mut Weights) {
        let columns: Vec<u32> = self.columns.iter().map(|&j| j as u32).collect();
        weights.put_u32("states.columns", &[columns.len()], columns);
        let shape = [self.tuples.len(), self.columns.len()];
        weights.put_u32("states.tokens", &shape, self.tuples.concat());
        weights.put_u32("states.common", &[1], vec![self.common]);
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not there, or not of these columns.
    pub fn restore(spans: &[Span], weights: &mut Weights) -> Result<States> {
        let bad = |problem: &str| Error::Tensor { name: "states.tokens".into(), problem: problem.into() };
        let columns: Vec<usize> = weights.take_u32("states.columns")?.1.into_iter().map(|j| j as usize).collect();
        let (shape, tokens) = weights.take_u32("states.tokens")?;
        let common = weights.take_u32("states.common")?.1.first().copied().unwrap_or(0);
        if columns.iter().any(|&j| j >= spans.len()) {
            return Err(bad("is of columns that are not there"));
        }
        let count = shape.first().copied().unwrap_or(0);
        // Without a column there is one state, which says nothing.
        let tuples: Vec<Vec<u32>> = match columns.len() {
            0 => vec![Vec::new(); count],
            width => tokens.chunks(width).map(<[u32]>::to_vec).collect(),
        };
        let fits =
            |t: &Vec<u32>| t.len() == columns.len() && t.iter().zip(&columns).all(|(&t, &j)| t < spans[j].tokens);
        if tuples.len() != count || count == 0 || !tuples.iter().all(fits) || common as usize >= count {
            return Err(bad("names tokens that do not exist"));
        }
        Ok(States::of(columns, tuples, common))
    }
}

fn tuple(columns: &[usize], steps: &Encoded, i: usize) -> Vec<u32> {
    columns.iter().map(|&j| steps.tokens[j][i]).collect()
}
