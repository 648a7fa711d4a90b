//! Sampling series: whole sequences, in chunks, each a function of the seed and its number.
//!
//! A chunk draws the contexts of its sequences, under the conditions that were asked for, and then their steps. Histories that are given
//! go on where they end.

mod history;

use std::path::PathBuf;

use rayon::current_num_threads;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{below, stream};
use verisim_data::series::{Made as Sequence, Sequences, Series, Shape, offsets};
use verisim_data::table::codec::Encoded;
use verisim_data::table::{Column, ColumnKind, Frame, Schema, Spec as Rows, Table};
use verisim_models::series::Wanted;
use verisim_models::table::Allowed;

use crate::artefact::{Artefact, DEFAULT_COUNT};
use crate::error::{Error, Result};
use crate::generator::{Generate, Made, Plan};
use crate::table::{Condition, concat, exact, instant, said};
use history::History;

/// Longest sequence that is drawn, in steps: its rows are in memory at one time.
const LONGEST: usize = 10_000_000;

/// What a sample of series is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ask {
    /// Number of sequences; of one long series it is 1 unless a window was learnt.
    pub n: Option<usize>,
    /// Seed of the sample.
    pub seed: u64,
    /// Steps of each sequence, in place of what was learnt.
    pub length: Option<usize>,
    /// When each sequence begins, as the order column has it.
    pub start: Option<String>,
    /// What the context of each sequence must satisfy: `region=north`, `age>=30`.
    #[serde(rename = "where")]
    pub conditions: Vec<String>,
    /// Most tries a wanted sequence.
    pub max_tries: u64,
    /// The number that keys count the first sequence as.
    pub key_offset: u64,
    /// What separates the cells of text, in place of what did in the data that were learnt.
    pub delimiter: Option<char>,
    /// A file of histories: each of its sequences goes on.
    pub given: Option<PathBuf>,
    /// By how many steps histories go on.
    pub horizon: Option<usize>,
}

impl Default for Ask {
    fn default() -> Self {
        Ask {
            n: None,
            seed: 0,
            length: None,
            start: None,
            conditions: Vec::new(),
            max_tries: 1000,
            key_offset: 0,
            delimiter: None,
            given: None,
            horizon: None,
        }
    }
}

impl Generate for Series {
    type Ask = Ask;

    fn plan<'a>(artefact: &'a Artefact<Series>, ask: &Ask) -> Result<Box<dyn Plan<Series> + 'a>> {
        match &ask.given {
            Some(path) => {
                Ok(Box::new(Going { history: History::read(artefact, path, ask)?, artefact, ask: ask.clone() }))
            }
            None => Ok(Box::new(Drawing::new(artefact, ask)?)),
        }
    }
}

/// Sequences, ready to be drawn.
struct Drawing<'a> {
    artefact: &'a Artefact<Series>,
    ask: Ask,
    count: usize,
    allowed: Allowed,
    conditions: Vec<Condition>,
    /// The contexts, as rows of a table.
    rows: Rows,
    length: Option<usize>,
    start: Option<f64>,
    /// All contexts, where several columns say together whose sequence a row belongs to: no two may say the same.
    whole: Option<(Frame, u64)>,
}

impl<'a> Drawing<'a> {
    fn new(artefact: &'a Artefact<Series>, ask: &Ask) -> Result<Drawing<'a>> {
        let shape = &artefact.spec.shape;
        if ask.horizon.is_some() {
            return Err(asked("horizon", "is how far given histories go on; give some, or ask for a length"));
        }
        let long = shape.key.is_empty();
        let count = ask.n.unwrap_or(if long && shape.window.is_none() { 1 } else { DEFAULT_COUNT });
        let rows = Rows { schema: artefact.spec.context_fields(), codec: artefact.spec.context.clone() };
        if !ask.conditions.is_empty() && rows.codec.columns.is_empty() {
            let problem = "sequences have no context that was learnt, so none can be chosen by it".into();
            return Err(Error::Condition { condition: ask.conditions.join(" and "), problem });
        }
        let conditions: Vec<Condition> =
            ask.conditions.iter().map(|c| condition(c, &rows, shape)).collect::<Result<_>>()?;
        let mut allowed = Allowed::any(rows.codec.columns.len());
        conditions.iter().try_for_each(|c| c.restrict(&rows, &mut allowed))?;
        let contrary = conditions.iter().enumerate().any(|(k, a)| conditions[..k].iter().any(|b| a.contradicts(b)));
        if allowed.is_impossible() || contrary {
            return Err(Error::Condition {
                condition: said(&conditions),
                problem: "no sequence can satisfy both".into(),
            });
        }
        let length = match (ask.length, long) {
            (Some(length), _) => Some(length),
            (None, true) => Some(
                shape.window.filter(|_| ask.n.is_some_and(|n| n > 1) || ask.n.is_none()).unwrap_or(shape.lengths[1]),
            ),
            (None, false) => None,
        };
        if length.is_some_and(|length| length == 0 || length > LONGEST) {
            return Err(asked("length", "must lie between 1 and 10,000,000"));
        }
        if let (Some(length), Some(wide)) = (length, &shape.wide)
            && length > wide.steps.len()
        {
            let most = wide.steps.len();
            return Err(asked(
                "length",
                &format!("can be {most} at most: the file that was learnt has a column a step"),
            ));
        }
        let start = ask.start.as_deref().map(|text| start(text, shape)).transpose()?;
        let mut plan =
            Drawing { artefact, ask: ask.clone(), count, allowed, conditions, rows, length, start, whole: None };
        let keys = plan.learnt_keys();
        if keys.len() > 1 {
            plan.whole = Some(plan.different(&keys)?);
        }
        Ok(plan)
    }

    /// Where the columns of a key of several stand among those of the context; none where one of them is made anew for each sequence.
    fn learnt_keys(&self) -> Vec<usize> {
        let place = |name: &String| self.rows.schema.modelled().position(|f| f.name == *name);
        let keys = &self.artefact.spec.shape.key;
        let is_new = |name: &&String| {
            self.rows
                .schema
                .field(name)
                .is_ok_and(|f| matches!(f.kind, ColumnKind::Identifier { .. } | ColumnKind::Text))
        };
        if keys.iter().any(|name| is_new(&name)) { Vec::new() } else { keys.iter().filter_map(place).collect() }
    }

    /// Contexts of which no two have the same key.
    fn different(&self, keys: &[usize]) -> Result<(Frame, u64)> {
        let mut seen = std::collections::HashSet::new();
        let (mut frames, mut found, mut tried, mut attempt) = (Vec::new(), 0, 0, 1 << 40);
        let most = self.ask.max_tries.saturating_mul(self.count as u64).min(100 * self.count as u64 + 100_000);
        while found < self.count {
            let (frame, n) = self.contexts(self.count - found, attempt)?;
            let key = |i: usize| -> Vec<u64> {
                let bits = |&k: &usize| match &frame.columns[k] {
                    Column::Number(v) => v[i].to_bits(),
                    Column::Category { codes, .. } => u64::from(codes[i]),
                };
                keys.iter().map(bits).collect()
            };
            let new: Vec<usize> = (0..frame.rows).filter(|&i| seen.insert(key(i))).collect();
            (found, tried, attempt) = (found + new.len(), tried + n, attempt + 1);
            frames.push(frame.take(&new));
            if found < self.count && tried > most {
                let names = self.artefact.spec.shape.key.join(" and ");
                return Err(asked(
                    "n",
                    &format!("cannot be met: {tried} tries gave {found} different values of {names}; ask for fewer"),
                ));
            }
        }
        Ok((concat(frames), tried))
    }

    /// Sequences of a chunk.
    fn size(&self) -> usize {
        // A chunk of long sequences is as large in memory as one of many short ones.
        let length = self.length.unwrap_or(self.artefact.spec.shape.lengths[1]).max(1);
        self.artefact.sampler.steps.together().min((1 << 20) / length).max(1)
    }

    /// Where sequences begin that say nothing of it: where the data do. Several windows of one long series begin anywhere in its span.
    fn windows(&self, count: usize, lengths: &[usize], c: u64) -> Vec<f64> {
        let shape = &self.artefact.spec.shape;
        let first = shape.clock.start.unwrap_or(0.0);
        match shape.clock.every.filter(|_| shape.window.is_some() && self.count > 1) {
            None => vec![first; count],
            Some(every) => {
                let mut rng = stream(self.ask.seed, "windows", c);
                let places = |length: &usize| shape.lengths[1].saturating_sub(*length) as u64 + 1;
                lengths.iter().map(|length| first + every * below(&mut rng, places(length)) as f64).collect()
            }
        }
    }

    /// `count` contexts that satisfy every condition, and how many were tried.
    fn contexts(&self, count: usize, c: u64) -> Result<(Frame, u64)> {
        let contexts = &self.artefact.sampler.contexts;
        let mut rng = stream(self.ask.seed, "contexts", c);
        let mut budget = self.ask.max_tries.saturating_mul(count as u64).max(self.ask.max_tries);
        let (mut frames, mut found, mut tried, mut attempt) = (Vec::new(), 0, 0, 0);
        while found < count {
            let drawn = contexts.draw(count - found, &self.allowed, budget, &mut rng)?;
            budget = if drawn.tried == 0 { 0 } else { budget.saturating_sub(drawn.tried) };
            tried += drawn.tried;
            let frame = match self.rows.codec.columns.is_empty() {
                true => Frame::new(Vec::new(), drawn.encoded.rows),
                false => self.rows.codec.decode(&drawn.encoded, self.ask.seed, (c << 20) + attempt),
            };
            attempt += 1;
            let frame = exact(&self.rows.schema, frame, &self.conditions);
            found += frame.rows;
            frames.push(frame);
            if found < count && budget == 0 {
                let percent = 100.0 * found as f64 / tried.max(1) as f64;
                let condition = said(&self.conditions);
                return Err(Error::TooRare { condition, found, wanted: count, tried, percent });
            }
        }
        let frame = concat(frames);
        Ok((if frame.rows == 0 { Frame::new(frame.columns, count) } else { frame }, tried))
    }
}

impl Plan<Series> for Drawing<'_> {
    fn count(&self) -> u64 {
        self.count as u64
    }

    fn chunks(&self) -> u64 {
        self.count.div_ceil(self.size()) as u64
    }

    fn together(&self) -> usize {
        current_num_threads().max(1)
    }

    fn notes(&self) -> Vec<String> {
        self.artefact.sampler.steps.notes()
    }

    fn chunk(&self, c: u64) -> Result<Made<Table>> {
        let (spec, shape) = (&self.artefact.spec, &self.artefact.spec.shape);
        let first = c as usize * self.size();
        let count = (self.count - first).min(self.size());
        let (mut context, tried) = match &self.whole {
            Some((all, tried)) => {
                (all.take(&(first..first + count).collect::<Vec<_>>()), if c == 0 { *tried } else { 0 })
            }
            None => self.contexts(count, c)?,
        };
        let own_start = usize::from(shape.has_start());
        if let (Some(start), true) = (self.start, shape.has_start()) {
            context.columns[0] = Column::Number(vec![start; count]);
        }
        if let (Some(length), true) = (self.length, shape.has_length() && !context.columns.is_empty()) {
            context.columns[own_start] = Column::Number(vec![length as f64; count]);
        }
        let lengths: Vec<usize> = match (self.length, context.columns.get(own_start)) {
            (Some(length), _) => vec![length; count],
            (None, Some(Column::Number(lengths))) if shape.has_length() => {
                lengths.iter().map(|l| (l.round() as usize).clamp(1, LONGEST)).collect()
            }
            _ => vec![shape.lengths[0].max(1); count],
        };
        let starts: Vec<f64> = match (self.start, context.columns.first()) {
            (Some(start), _) => vec![start; count],
            (None, Some(Column::Number(starts))) if shape.has_start() => starts.clone(),
            _ => self.windows(count, &lengths, c),
        };
        let encoded = encoded(&spec.context, &context);
        let wanted = Wanted { context: &encoded, lengths: &lengths, starts: &starts, past: None };
        let drawn = self.artefact.sampler.steps.draw(&wanted, &mut stream(self.ask.seed, "steps", c))?;
        let steps = spec.steps.decode(&drawn, self.ask.seed, c);
        let mut sequences = Sequences { offsets: offsets(lengths), context, steps, times: Vec::new() };
        spec.finish(&mut sequences, None, &mut stream(self.ask.seed, "beside", c));
        let key = self.ask.key_offset.saturating_add(first as u64);
        let table = shape.render(
            Sequence { sequences, starts: Some(starts) },
            key,
            self.ask.seed,
            shape.numbers(self.count as u64),
        )?;
        Ok(Made { count: count as u64, chunk: table, tried, lost: 0 })
    }
}

/// Histories that go on.
struct Going<'a> {
    artefact: &'a Artefact<Series>,
    ask: Ask,
    history: History,
}

impl Going<'_> {
    fn size(&self) -> usize {
        self.artefact.sampler.steps.together().min((1 << 20) / self.history.horizon.max(1)).max(1)
    }
}

impl Plan<Series> for Going<'_> {
    fn count(&self) -> u64 {
        self.history.count() as u64
    }

    fn chunks(&self) -> u64 {
        self.history.count().div_ceil(self.size()) as u64
    }

    fn together(&self) -> usize {
        current_num_threads().max(1)
    }

    fn notes(&self) -> Vec<String> {
        self.artefact.sampler.steps.notes()
    }

    fn chunk(&self, c: u64) -> Result<Made<Table>> {
        let first = c as usize * self.size();
        let which = first..(first + self.size()).min(self.history.count());
        let table = self.history.go_on(self.artefact, which.clone(), self.ask.seed, c)?;
        Ok(Made { count: which.len() as u64, chunk: table, tried: which.len() as u64, lost: 0 })
    }
}

/// A context as a model sees it; nothing where there is none.
fn encoded(codec: &verisim_data::table::codec::TableCodec, context: &Frame) -> Encoded {
    match codec.columns.is_empty() {
        true => Encoded { rows: context.rows, ..Encoded::default() },
        false => codec.encode(context),
    }
}

/// A condition on the context; one on what changes is refused with what can be asked.
fn condition(text: &str, rows: &Rows, shape: &Shape) -> Result<Condition> {
    Condition::parse(text, rows).map_err(|error| {
        let names = |schema: &Schema| schema.fields.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
        let steps = names(&shape.steps);
        match steps.iter().any(|name| text.trim_start().trim_start_matches(['`', '"']).starts_with(name.as_str())) {
            true => Error::Condition {
                condition: text.into(),
                problem: format!(
                    "that column changes within a sequence; conditions are on what is the same throughout: {}",
                    names(&rows.schema).join(", ")
                ),
            },
            false => error,
        }
    })
}

/// A start that was asked for, in units of the clock.
fn start(text: &str, shape: &Shape) -> Result<f64> {
    let Some(order) = &shape.order else {
        return Err(asked("start", "cannot be set: no column says when a step comes"));
    };
    let time = match &order.kind {
        ColumnKind::Datetime { format } => instant(text, format.as_str()),
        _ => order.number(text),
    };
    match time.map(|time| shape.clock.units(time)) {
        Some(units) if units.is_finite() => Ok(units),
        _ => Err(asked("start", &format!("`{text}` is no value of column `{}`", order.name))),
    }
}

fn asked(key: &str, rule: &str) -> Error {
    Error::Asked { key: key.to_owned(), rule: rule.to_owned() }
}
