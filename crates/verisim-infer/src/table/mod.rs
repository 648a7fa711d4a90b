//! Drawing many rows: chunks in parallel, handed on in order while the next ones are drawn.

use std::sync::mpsc::sync_channel;

use rayon::prelude::*;
use verisim_data::table::codec::ColumnCodec;
use verisim_data::rng::stream;
use verisim_data::{Column, Frame, Schema, Table};
use verisim_models::Allowed;

use crate::Artefact;
use crate::condition::Condition;
use crate::error::{Error, Result};

/// Rows in a chunk.
pub const CHUNK: usize = 8192;

/// What to sample.
#[derive(Clone, Debug)]
pub struct Request {
    /// Number of rows.
    pub rows: usize,
    /// Seed of the sample.
    pub seed: u64,
    /// What every row must satisfy.
    pub conditions: Vec<Condition>,
    /// A category column whose levels each get the same number of rows.
    pub balance: Option<String>,
    /// Most tries a wanted row.
    pub max_tries: u64,
}

/// How a sample went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows handed on.
    pub rows: usize,
    /// Rows tried for them; more than `rows` only under conditions.
    pub tried: u64,
}

/// Rows that share a condition, and their share of every chunk.
struct Stratum {
    allowed: Allowed,
    conditions: Vec<Condition>,
}

impl Artefact {
    /// Draws the rows of `request` and hands them to `sink` as tables, in order.
    ///
    /// A second thread runs `sink` while the next chunks are drawn; at most a few chunks are in memory at a time.
    pub fn sample(&self, request: &Request, mut sink: impl FnMut(Table) -> Result<()> + Send) -> Result<Summary> {
        let strata = self.strata(request)?;
        let chunks = request.rows.div_ceil(CHUNK);
        let wave = rayon::current_num_threads().max(1) * 2;
        let (sender, receiver) = sync_channel::<Result<(Table, u64)>>(wave);
        std::thread::scope(|scope| {
            let consumer = scope.spawn(move || {
                let mut summary = Summary::default();
                for chunk in receiver {
                    let (table, tried) = chunk?;
                    summary.rows += table.rows;
                    summary.tried += tried;
                    sink(table)?;
                }
                Ok(summary)
            });
            'waves: for first in (0..chunks).step_by(wave) {
                let last = (first + wave).min(chunks);
                let made: Vec<Result<(Table, u64)>> =
                    (first..last).into_par_iter().map(|c| self.chunk(request, &strata, c)).collect();
                for chunk in made {
                    let failed = chunk.is_err();
                    // The receiver hangs up when the sink fails; its error comes with the join.
                    if sender.send(chunk).is_err() || failed {
                        break 'waves;
                    }
                }
            }
            drop(sender);
            match consumer.join() {
                Ok(summary) => summary,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Refuses a request that cannot be met, before anything is written.
    pub fn check(&self, request: &Request) -> Result<()> {
        self.strata(request).map(drop)
    }

    fn strata(&self, request: &Request) -> Result<Vec<Stratum>> {
        let codec = &self.codec;
        let make = |conditions: Vec<Condition>| -> Result<Stratum> {
            let mut allowed = Allowed::any(codec.columns.len());
            for condition in &conditions {
                condition.restrict(codec, &mut allowed)?;
            }
            if allowed.is_impossible() {
                let condition = request.conditions.iter().map(Condition::text).collect::<Vec<_>>().join(" and ");
                return Err(Error::Condition { condition, problem: "no row can satisfy both".into() });
            }
            Ok(Stratum { allowed, conditions })
        };
        let Some(name) = &request.balance else {
            return Ok(vec![make(request.conditions.clone())?]);
        };
        let fail = |problem: String| Error::Condition { condition: format!("--balance {name}"), problem };
        let column = self.schema.modelled().position(|f| f.name == *name);
        let column = match (column, self.schema.field(name)) {
            (Some(j), _) => j,
            (None, Ok(field)) => return Err(fail(format!("the column is {} and is not learnt", field.kind.name()))),
            (None, Err(e)) => return Err(fail(e.to_string())),
        };
        let ColumnCodec::Category(categories) = &codec.columns[column] else {
            return Err(fail("the column holds numbers; balance a column of categories".into()));
        };
        let with = |level: &String| {
            let mut conditions = request.conditions.clone();
            conditions.push(Condition::level(column, name, level));
            make(conditions)
        };
        // A level that contradicts a --where is left out rather than refused.
        let kept = |l: &&String| !request.conditions.iter().any(|c| c.excludes(column, l));
        let strata: Vec<Stratum> = categories.levels.iter().filter(kept).map(with).collect::<Result<_>>()?;
        if strata.is_empty() { Err(fail("no level is left under the conditions".into())) } else { Ok(strata) }
    }

    /// Rows `c * CHUNK ..` of the sample, and how many were tried.
    fn chunk(&self, request: &Request, strata: &[Stratum], c: usize) -> Result<(Table, u64)> {
        let first = c * CHUNK;
        let rows = (request.rows - first).min(CHUNK);
        let k = strata.len();
        let mut tried = 0;
        let mut parts = Vec::with_capacity(k);
        for (s, stratum) in strata.iter().enumerate() {
            // Row i belongs to stratum i % k.
            let quota = (rows + k - 1 - (s + k - first % k) % k) / k;
            let (frame, t) = self.stratum(request, stratum, quota, (c * k + s) as u64)?;
            tried += t;
            parts.push(frame);
        }
        let frame = if k == 1 { parts.swap_remove(0) } else { interleave(&parts, first, rows) };
        Ok((self.schema.render(frame, first as u64, request.seed)?, tried))
    }

    fn stratum(&self, request: &Request, stratum: &Stratum, quota: usize, index: u64) -> Result<(Frame, u64)> {
        let codec = &self.codec;
        let mut rng = stream(request.seed, "sample", index);
        let mut budget = request.max_tries.saturating_mul(quota as u64).max(request.max_tries);
        let (mut tried, mut attempt, mut found) = (0, 0, 0);
        let mut frames: Vec<Frame> = Vec::new();
        while found < quota {
            let drawn = self.sampler.draw(quota - found, &stratum.allowed, budget, &mut rng)?;
            tried += drawn.tried;
            // A model that tries nothing has nothing to give.
            budget = if drawn.tried == 0 { 0 } else { budget.saturating_sub(drawn.tried) };
            // 2^20 attempts a stratum keep their own decode streams; the budget ends long before.
            let frame = codec.decode(&drawn.encoded, request.seed, (index << 20) + attempt);
            attempt += 1;
            let frame = exact(&self.schema, frame, &stratum.conditions);
            found += frame.rows;
            frames.push(frame);
            if found < quota && budget == 0 {
                let percent = 100.0 * found as f64 / tried.max(1) as f64;
                let condition = stratum.conditions.iter().map(Condition::text).collect::<Vec<_>>().join(" and ");
                return Err(Error::TooRare { condition, found, wanted: quota, tried, percent });
            }
        }
        Ok((concat(frames), tried))
    }
}

/// The rows that satisfy every condition.
fn exact(schema: &Schema, mut frame: Frame, conditions: &[Condition]) -> Frame {
    if conditions.is_empty() {
        return frame;
    }
    conditions.iter().for_each(|c| c.canonical(schema, &mut frame));
    let keep: Vec<usize> = (0..frame.rows).filter(|&i| conditions.iter().all(|c| c.holds(&frame, i))).collect();
    if keep.len() == frame.rows { frame } else { frame.take(&keep) }
}

fn concat(mut frames: Vec<Frame>) -> Frame {
    // A stratum that is owed no row of this chunk has an empty frame.
    frames.retain(|f| f.rows > 0);
    if frames.len() == 1 {
        return frames.swap_remove(0);
    }
    let mut frames = frames.into_iter();
    let mut all = frames.next().unwrap_or_default();
    for frame in frames {
        all.rows += frame.rows;
        for (a, b) in all.columns.iter_mut().zip(frame.columns) {
            match (a, b) {
                (Column::Number(a), Column::Number(b)) => a.extend(b),
                (Column::Category { codes: a, .. }, Column::Category { codes: b, .. }) => a.extend(b),
                _ => {}
            }
        }
    }
    all
}

/// Rows of the strata dealt out in turn: row `i` of the whole sample belongs to stratum `i % k`.
fn interleave(parts: &[Frame], first: usize, rows: usize) -> Frame {
    let k = parts.len();
    let all = concat(parts.to_vec());
    let mut start = vec![0; k];
    for s in 1..k {
        start[s] = start[s - 1] + parts[s - 1].rows;
    }
    let mut index = Vec::with_capacity(rows);
    for i in first..first + rows {
        index.push(start[i % k]);
        start[i % k] += 1;
    }
    all.take(&index)
}
