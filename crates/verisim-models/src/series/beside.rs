//! What stands beside the states of steps: cells of observed steps with the same transition.
//!
//! A step whose state is drawn takes its other cells from one real step that had the same state before and the same state: among a few that
//! are drawn at random, the one before which the other cells were nearest to what they are now (a local bootstrap: Paparoditis and Politis,
//! 2002). So numbers that go on slowly go on slowly.

use std::ops::Range;

use verisim_data::rng::{Stream, below};
use verisim_data::table::codec::{Encoded, Span};

use crate::error::{Error, Result};
use crate::weights::Weights;

/// So many are looked at.
const TRIES: usize = 8;
/// Most steps that are kept.
const MOST: usize = 200_000;

/// The cells beside the states.
pub struct Beside {
    columns: Vec<usize>,
    /// Width of the tokens of each column, to measure distances by.
    widths: Vec<f64>,
    states: usize,
    /// Rows by (state before, state): their keys, rising, and where each begins.
    keys: Vec<u32>,
    begins: Vec<usize>,
    /// The cells of each row, and those of the row before: tokens and scalars.
    tokens: Vec<u32>,
    scalars: Vec<f32>,
    before: Vec<u32>,
    /// Rows by state alone but for first ones, for transitions that were never seen.
    by_state: Vec<Vec<u32>>,
}

impl Beside {
    /// What people should know of it, if it has columns.
    pub fn notes(&self) -> Vec<String> {
        match self.columns.is_empty() {
            true => Vec::new(),
            false => vec!["cells beside the states are those of real steps with the same transition".to_owned()],
        }
    }

    /// Of the steps in `runs`, whose states are `sequences`; before the first stands a state of its own.
    pub fn fit(
        columns: Vec<usize>,
        spans: &[Span],
        states: usize,
        steps: &Encoded,
        runs: &[Range<usize>],
        sequences: &[Vec<u32>],
    ) -> Beside {
        let mut rows: Vec<(u32, usize, usize)> = Vec::new();
        for (run, sequence) in runs.iter().zip(sequences) {
            for (t, &state) in sequence.iter().enumerate() {
                let last = if t == 0 { states as u32 } else { sequence[t - 1] };
                let i = run.start + t;
                rows.push((last * states as u32 + state, i, if t == 0 { i } else { i - 1 }));
            }
        }
        if columns.is_empty() {
            rows.clear();
        }
        if rows.len() > MOST {
            // Evenly over all of them.
            let all = rows.len();
            rows = (0..MOST).map(|k| rows[k * all / MOST]).collect();
        }
        rows.sort_unstable();
        let cells = |pick: &dyn Fn(&(u32, usize, usize)) -> usize| -> Vec<u32> {
            rows.iter().flat_map(|r| columns.iter().map(|&j| steps.tokens[j][pick(r)]).collect::<Vec<_>>()).collect()
        };
        let scalar = |r: &(u32, usize, usize), j: usize| steps.scalars[j].get(r.1).copied().unwrap_or(0.0);
        let all: Vec<u32> = rows.iter().map(|r| r.0).collect();
        let mut keys = all.clone();
        keys.dedup();
        let begins = keys.iter().map(|&key| all.partition_point(|&k| k < key)).chain([rows.len()]).collect();
        let (tokens, before) = (cells(&|r| r.1), cells(&|r| r.2));
        let scalars = rows.iter().flat_map(|r| columns.iter().map(|&j| scalar(r, j)).collect::<Vec<_>>()).collect();
        Beside::of(columns, spans, states, keys, begins, (tokens, scalars, before))
    }

    fn of(
        columns: Vec<usize>,
        spans: &[Span],
        states: usize,
        keys: Vec<u32>,
        begins: Vec<usize>,
        (tokens, scalars, before): (Vec<u32>, Vec<f32>, Vec<u32>),
    ) -> Beside {
        let widths = columns.iter().map(|&j| f64::from(spans[j].tokens)).collect();
        let mut by_state = vec![Vec::new(); states];
        for (k, &key) in keys.iter().enumerate().filter(|(_, key)| (**key as usize) < states * states) {
            by_state[key as usize % states.max(1)].extend(begins[k] as u32..begins[k + 1] as u32);
        }
        Beside { columns, widths, states, keys, begins, tokens, scalars, before, by_state }
    }

    /// Draws the cells of row `i`, whose state comes after `last`, and whose row before is at `at` in `now`.
    pub fn draw(
        &self,
        (last, state): (Option<u32>, u32),
        now: Option<(&Encoded, usize)>,
        out: &mut Encoded,
        i: usize,
        rng: &mut Stream,
    ) {
        let width = self.columns.len();
        if width == 0 {
            return;
        }
        // What stands in the same rows is read before it is written.
        let is: Option<Vec<u32>> = now.map(|(rows, at)| self.columns.iter().map(|&j| rows.tokens[j][at]).collect());
        self.put(last, state, is.as_deref(), out, i, rng);
    }

    /// The same, after the row before in `out` itself.
    pub fn go_on(&self, (last, state): (u32, u32), out: &mut Encoded, i: usize, rng: &mut Stream) {
        let is: Vec<u32> = self.columns.iter().map(|&j| out.tokens[j][i - 1]).collect();
        if !is.is_empty() {
            self.put(Some(last), state, Some(&is), out, i, rng);
        }
    }

    fn put(&self, last: Option<u32>, state: u32, now: Option<&[u32]>, out: &mut Encoded, i: usize, rng: &mut Stream) {
        let width = self.columns.len();
        let key = last.unwrap_or(self.states as u32) * self.states as u32 + state;
        let place = self.keys.binary_search(&key).ok();
        let count = |k: usize| self.begins[k + 1] - self.begins[k];
        let others = &self.by_state[state as usize];
        let mut pick = || match place {
            Some(k) => self.begins[k] + below(rng, count(k) as u64) as usize,
            None if others.is_empty() => usize::MAX,
            None => others[below(rng, others.len() as u64) as usize] as usize,
        };
        let mut best = pick();
        if best == usize::MAX {
            return;
        }
        if let Some(now) = now {
            let far = |row: usize| -> f64 {
                let before = &self.before[row * width..(row + 1) * width];
                let one = |((a, b), w): ((&u32, &u32), &f64)| (f64::from(*a) - f64::from(*b)).abs() / w;
                before.iter().zip(now).zip(&self.widths).map(one).sum()
            };
            let mut least = far(best);
            for _ in 1..TRIES {
                let other = pick();
                let here = far(other);
                if here < least {
                    (best, least) = (other, here);
                }
            }
        }
        for (c, &j) in self.columns.iter().enumerate() {
            out.tokens[j][i] = self.tokens[best * width + c];
            if let Some(scalar) = out.scalars[j].get_mut(i) {
                *scalar = self.scalars[best * width + c];
            }
        }
    }

    /// Adds what was learnt to `weights`.
    pub fn store(&self, weights: &mut Weights) {
        let columns: Vec<u32> = self.columns.iter().map(|&j| j as u32).collect();
        let shape = [self.begins.last().copied().unwrap_or(0), columns.len()];
        weights.put_u32("beside.columns", &[columns.len()], columns);
        weights.put_u32("beside.keys", &[self.keys.len()], self.keys.clone());
        weights.put_u32("beside.begins", &[self.begins.len()], self.begins.iter().map(|&b| b as u32).collect());
        weights.put_u32("beside.tokens", &shape, self.tokens.clone());
        weights.put_u32("beside.before", &shape, self.before.clone());
        weights.put_f32("beside.scalars", &shape, self.scalars.clone());
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not there, or does not fit together.
    pub fn restore(spans: &[Span], states: usize, weights: &mut Weights) -> Result<Beside> {
        let bad = || Error::Tensor { name: "beside.tokens".into(), problem: "does not fit the columns".into() };
        let columns: Vec<usize> = weights.take_u32("beside.columns")?.1.into_iter().map(|j| j as usize).collect();
        let keys = weights.take_u32("beside.keys")?.1;
        let begins: Vec<usize> = weights.take_u32("beside.begins")?.1.into_iter().map(|b| b as usize).collect();
        let tokens = weights.take_u32("beside.tokens")?.1;
        let before = weights.take_u32("beside.before")?.1;
        let scalars = weights.take_f32("beside.scalars")?.1;
        let rows = begins.last().copied().unwrap_or(0);
        let size = rows * columns.len();
        let exists = |(k, t): (usize, &u32)| *t < spans[columns[k % columns.len()]].tokens;
        if columns.iter().any(|&j| j >= spans.len())
            || begins.len() != keys.len() + 1
            || !begins.is_sorted_by(|a, b| a < b)
            || !keys.is_sorted_by(|a, b| a < b)
            || keys.iter().any(|&k| k as usize >= (states + 1) * states)
            || [tokens.len(), before.len(), scalars.len()] != [size; 3]
            || !tokens.iter().enumerate().all(exists)
            || scalars.iter().any(|s| !s.is_finite())
        {
            return Err(bad());
        }
        Ok(Beside::of(columns, spans, states, keys, begins, (tokens, scalars, before)))
    }
}
