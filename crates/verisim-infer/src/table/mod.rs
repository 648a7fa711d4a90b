//! Sampling rows: chunks of [`CHUNK`], each a function of the seed and its number.

mod block;
mod complete;
mod condition;
mod given;
pub mod score;
mod seen;
#[cfg(feature = "neural")]
mod written;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::current_num_threads;
use serde::{Deserialize, Serialize};
use verisim_data::rng::stream;
use verisim_data::table::{Column, Frame, Schema, Table};
use verisim_models::table::{Allowed, Sampler, Tuning};

pub use block::block;
pub use complete::{Lack, best, complete, unfilled};
pub use condition::Condition;
pub(crate) use condition::instant;
pub use given::{Reading, read_as_is};
pub use seen::{Seen, State};

use crate::artefact::{Artefact, DEFAULT_COUNT};
use crate::error::{Error, Result};
use crate::generator::{Generate, Made, Plan};

/// Rows in a chunk.
pub const CHUNK: usize = 8192;

/// What a sample of rows is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ask {
    /// Number of rows.
    pub n: usize,
    /// Seed of the sample.
    pub seed: u64,
    /// What every row must satisfy: `occupation=Sales`, `age>=30`, `age in 30..40`, `city in (Oslo, Rome)`, `city is missing`.
    #[serde(rename = "where")]
    pub conditions: Vec<String>,
    /// A category column whose levels each get the same number of rows.
    pub balance: Option<String>,
    /// Most tries a wanted row.
    pub max_tries: u64,
    /// The number that keys count the first row as: the number of rows that are there already, so that two samples can be put together.
    pub key_offset: u64,
    /// What separates the cells of text, in place of what did in the data that were learnt.
    pub delimiter: Option<char>,
    /// Below 1 likely values come up more often than in the data, above 1 less; for `tokens`.
    pub temperature: Option<f64>,
    /// Each value is drawn among the likeliest that make up this share; for `tokens`.
    pub top_p: Option<f64>,
    /// A file with some of the columns: each of its rows is completed to a whole one.
    pub given: Option<PathBuf>,
}

impl Default for Ask {
    fn default() -> Self {
        Ask {
            n: DEFAULT_COUNT,
            seed: 0,
            conditions: Vec::new(),
            balance: None,
            max_tries: 1000,
            key_offset: 0,
            delimiter: None,
            temperature: None,
            top_p: None,
            given: None,
        }
    }
}

impl Generate for Table {
    type Ask = Ask;

    fn plan<'a>(artefact: &'a Artefact<Table>, ask: &Ask) -> Result<Box<dyn Plan<Table> + 'a>> {
        if let Some(path) = &ask.given {
            return Ok(Box::new(given::Given::new(artefact, path, ask)?));
        }
        let tuned = artefact.sampler.tuned(&Tuning { temperature: ask.temperature, top_p: ask.top_p })?;
        let strata = strata(artefact, ask)?;
        Ok(Box::new(Rows { artefact, tuned, strata, ask: ask.clone(), written: Written::default() }))
    }
}

/// Rows that share a condition, and their share of every chunk.
struct Stratum {
    allowed: Allowed,
    conditions: Vec<Condition>,
}

/// A sample of rows, ready to be drawn.
struct Rows<'a> {
    artefact: &'a Artefact<Table>,
    /// The model drawing in another way, where that was asked.
    tuned: Option<Box<dyn Sampler>>,
    ask: Ask,
    strata: Vec<Stratum>,
    written: Written,
}

/// What is said of columns of free text once they are written.
#[derive(Default)]
struct Written {
    cut: AtomicU64,
}

impl Written {
    /// Writes the free text of some rows, where a model for it was learnt.
    fn write(&self, artefact: &Artefact<Table>, table: &mut Table, first: u64, seed: u64) -> Result<()> {
        #[cfg(feature = "neural")]
        self.cut.fetch_add(written::write(artefact, table, first, seed)?, Ordering::Relaxed);
        let _ = (artefact, table, first, seed);
        Ok(())
    }

    /// Whether a chunk takes all threads and much memory.
    fn is_slow(&self, artefact: &Artefact<Table>) -> bool {
        #[cfg(feature = "neural")]
        return artefact.text.is_some();
        #[cfg(not(feature = "neural"))]
        {
            let _ = artefact;
            false
        }
    }

    fn told(&self) -> Vec<String> {
        let cut = self.cut.load(Ordering::Relaxed);
        (cut > 0).then(|| format!("{cut} texts were cut, where they were not over")).into_iter().collect()
    }
}

impl Plan<Table> for Rows<'_> {
    fn count(&self) -> u64 {
        self.ask.n as u64
    }

    fn chunks(&self) -> u64 {
        self.ask.n.div_ceil(CHUNK) as u64
    }

    fn together(&self) -> usize {
        if self.written.is_slow(self.artefact) { 1 } else { 2 * current_num_threads().max(1) }
    }

    fn told(&self) -> Vec<String> {
        self.written.told()
    }

    /// Rows `c * CHUNK ..` of the sample, and how many were tried.
    fn chunk(&self, c: u64) -> Result<Made<Table>> {
        let c = c as usize;
        let first = c * CHUNK;
        let rows = (self.ask.n - first).min(CHUNK);
        let k = self.strata.len();
        let (mut tried, mut lost) = (0, 0);
        let mut parts = Vec::with_capacity(k);
        for (s, stratum) in self.strata.iter().enumerate() {
            // Row i belongs to stratum i % k.
            let quota = (rows + k - 1 - (s + k - first % k) % k) / k;
            let drawn = self.stratum(stratum, quota, (c * k + s) as u64)?;
            tried += drawn.tried;
            lost += drawn.lost;
            parts.push(drawn.frame);
        }
        let frame = if k == 1 { parts.swap_remove(0) } else { interleave(&parts, first, rows) };
        let offset = self.ask.key_offset.saturating_add(first as u64);
        let mut table = self.artefact.spec.schema.render(frame, offset, self.ask.seed)?;
        self.written.write(self.artefact, &mut table, offset, self.ask.seed)?;
        Ok(Made { count: table.rows as u64, chunk: table, tried, lost })
    }
}

impl Rows<'_> {
    /// `quota` rows of a stratum, from the stream of this index.
    fn stratum(&self, stratum: &Stratum, quota: usize, index: u64) -> Result<Drawn> {
        let (spec, seed) = (&self.artefact.spec, self.ask.seed);
        let own = spec.codec.is_own();
        let mut rng = stream(seed, "sample", index);
        let mut budget = self.ask.max_tries.saturating_mul(quota as u64).max(self.ask.max_tries);
        let (mut attempt, mut found, mut decoded, mut all) = (0, 0, 0, Drawn::default());
        let mut frames: Vec<Frame> = Vec::new();
        while found < quota {
            let wanted = if own { quota - found } else { more(found, decoded, quota - found) };
            let sampler = self.tuned.as_deref().unwrap_or(&*self.artefact.sampler);
            let drawn = sampler.draw(wanted, &stratum.allowed, budget, &mut rng)?;
            // A model that tries nothing has nothing to give.
            budget = if drawn.tried == 0 { 0 } else { budget.saturating_sub(drawn.tried) };
            // 2^20 attempts a stratum keep their own decode streams; the budget ends long before.
            let frame = spec.codec.decode_kept(&drawn.encoded, seed, (index << 20) + attempt);
            attempt += 1;
            decoded += drawn.encoded.rows;
            let lost = (drawn.encoded.rows - frame.rows) as u64;
            all.lost += lost;
            all.tried += drawn.tried.saturating_sub(lost);
            let mut frame = exact(&spec.schema, frame, &stratum.conditions);
            if frame.rows > quota - found {
                // Of rows that were drawn in store none is missed.
                let surplus = frame.rows - (quota - found);
                frame = frame.take(&(0..quota - found).collect::<Vec<_>>());
                all.tried = all.tried.saturating_sub(surplus as u64);
            }
            found += frame.rows;
            frames.push(frame);
            if found < quota && budget == 0 {
                return Err(self.too_few(stratum, (found, quota), &all));
            }
        }
        Ok(Drawn { frame: concat(frames), ..all })
    }

    /// Why no more rows are found.
    fn too_few(&self, stratum: &Stratum, (found, wanted): (usize, usize), all: &Drawn) -> Error {
        let tried = all.tried + all.lost;
        let percent = 100.0 * found as f64 / tried.max(1) as f64;
        if stratum.conditions.is_empty() {
            let rules = self.artefact.spec.codec.rules.redrawn();
            return Error::Lawless { rules, found, wanted, tried, percent };
        }
        Error::TooRare { condition: said(&stratum.conditions), found, wanted, tried, percent }
    }
}

/// Rows of a stratum.
#[derive(Default)]
struct Drawn {
    frame: Frame,
    /// How many were tried.
    tried: u64,
    /// How many broke a rule besides.
    lost: u64,
}

/// Most rows that are drawn at once beyond those that are wanted.
const MOST_MORE: usize = CHUNK;

/// How many rows to draw for `wanted` more, when of `decoded` rows `found` were kept.
fn more(found: usize, decoded: usize, wanted: usize) -> usize {
    if decoded == 0 {
        return wanted;
    }
    let each = (decoded as f64 / found.max(1) as f64).min(decoded as f64 * 2.0);
    (wanted as f64 * each * 1.1).ceil().min((wanted + MOST_MORE) as f64) as usize
}

/// The strata of a sample: one for each level of the column that is balanced, else one in all.
fn strata(artefact: &Artefact<Table>, ask: &Ask) -> Result<Vec<Stratum>> {
    let (codec, schema) = (&artefact.spec.codec, &artefact.spec.schema);
    let asked: Vec<Condition> =
        ask.conditions.iter().map(|c| Condition::parse(c, &artefact.spec)).collect::<Result<_>>()?;
    let make = |conditions: Vec<Condition>| -> Result<Stratum> {
        let mut allowed = Allowed::any(codec.columns.len());
        for condition in &conditions {
            condition.restrict(&artefact.spec, &mut allowed)?;
        }
        // What a column is made from may not tell that nothing is left of it.
        let contrary = || asked.iter().enumerate().any(|(k, a)| asked[..k].iter().any(|b| a.contradicts(b)));
        if allowed.is_impossible() || contrary() {
            let condition = said(&asked);
            return Err(Error::Condition { condition, problem: "no row can satisfy both".into() });
        }
        Ok(Stratum { allowed, conditions })
    };
    let Some(name) = &ask.balance else {
        return Ok(vec![make(asked.clone())?]);
    };
    let fail = |problem: String| Error::Condition { condition: format!("balance {name}"), problem };
    let column = schema.modelled().position(|f| f.name == *name);
    let column = match (column, schema.field(name)) {
        (Some(j), _) => j,
        (None, Ok(field)) => return Err(fail(format!("the column is {} and is not learnt", field.kind.name()))),
        (None, Err(e)) => return Err(fail(e.to_string())),
    };
    let Some(levels) = codec.columns[column].levels() else {
        return Err(fail("the column holds numbers; balance a column of categories".into()));
    };
    let with = |code: usize| {
        let mut conditions = asked.clone();
        conditions.push(Condition::level(column, name, &levels[code], code));
        make(conditions)
    };
    // A level that contradicts a condition is left out rather than refused.
    let kept = |code: &usize| !asked.iter().any(|c| c.excludes(column, *code));
    let strata: Vec<Stratum> = (0..levels.len()).filter(kept).map(with).collect::<Result<_>>()?;
    if strata.is_empty() { Err(fail("no level is left under the conditions".into())) } else { Ok(strata) }
}

pub(crate) fn said(conditions: &[Condition]) -> String {
    conditions.iter().map(Condition::text).collect::<Vec<_>>().join(" and ")
}

/// The rows that satisfy every condition.
pub(crate) fn exact(schema: &Schema, mut frame: Frame, conditions: &[Condition]) -> Frame {
    if conditions.is_empty() {
        return frame;
    }
    conditions.iter().for_each(|c| c.canonical(schema, &mut frame));
    let keep: Vec<usize> = (0..frame.rows).filter(|&i| conditions.iter().all(|c| c.holds(&frame, i))).collect();
    if keep.len() == frame.rows { frame } else { frame.take(&keep) }
}

pub(crate) fn concat(mut frames: Vec<Frame>) -> Frame {
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
