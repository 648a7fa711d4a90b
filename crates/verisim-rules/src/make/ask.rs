//! A language model is asked for all columns that it writes, before rows are written: column by column, those first that other prompts need.
//! What it replied is then a value like any other, by the key of its row.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use rustc_hash::FxHashMap;
use serde::Serialize;
use verisim_data::server::{Estimate, Message, Reason, Reply, Request, Server, Tally};
use verisim_data::{Event, Watch};

use super::prompt::Asking;
use super::{Block, Engine};
use crate::error::Result;
use crate::plan::{Asked, Examples, Maker, Prompt};

/// Requests that are held at a time.
const BATCH: usize = 1_024;
/// Rows whose prompts an estimate looks at.
const SAMPLE: usize = 1_000;
/// Units of work that it looks at.
const UNITS: u64 = 8;

/// What a model wrote in a column, by row key.
#[derive(Default)]
pub(super) struct Replies {
    given: FxHashMap<u64, Arc<str>>,
    /// What stands for all others while costs are foreseen.
    supposed: Option<String>,
}

impl Replies {
    pub(super) fn get(&self, key: u64) -> Option<&str> {
        self.given.get(&key).map(|text| &**text).or(self.supposed.as_deref())
    }
}

/// Which model wrote a column, and what is missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Origin {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The model.
    pub model: String,
    /// Where it was asked.
    pub server: String,
    /// The model that scored it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge: Option<String>,
    /// A file of which rows were sent to the server as examples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<String>,
    /// Cells that it wrote, and those that are missing, by reason.
    #[serde(flatten)]
    pub cells: Tally,
    /// What was said of the first that is missing, by reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<(&'static str, String)>,
}

/// What a column would cost.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The model.
    pub model: String,
    /// What it would cost.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// What is asked in the first row.
    pub first: Vec<Message>,
}

impl Engine {
    /// Whether a language model writes any column that is needed.
    pub fn asks(&self) -> bool {
        !self.plan.asked().is_empty()
    }

    /// Asks for all columns that a language model writes, in part `shard.0` of `shard.1` of the rows, and in all rows of what other tables
    /// need.
    ///
    /// # Errors
    /// When a prompt cannot be put together, or the server cannot be asked; what it replied until then is kept.
    pub fn ask(&self, server: &Server, shard: (u64, u64), watch: &mut dyn Watch) -> Result<()> {
        for asked in self.plan.asked() {
            let (replies, tally) = self.ask_column(server, asked, shard, watch)?;
            self.keep(asked, replies);
            let Some(prompt) = self.prompt(asked) else { continue };
            let origin = self.origin(asked, prompt, server, tally);
            self.origins.lock().unwrap_or_else(PoisonError::into_inner).push(origin);
        }
        Ok(())
    }

    fn ask_column(
        &self,
        server: &Server,
        asked: Asked,
        shard: (u64, u64),
        watch: &mut dyn Watch,
    ) -> Result<(Replies, Tally)> {
        let (mut replies, mut tally) = (Replies::default(), Tally::default());
        let units = self.units_of(asked, shard)?;
        // First what is kept, so that the rate of the rest is that of the server.
        let (mut open, mut kept) = (0, 0);
        let mut units_left = Vec::new();
        for unit in units {
            let left = self.each(asked, unit, &mut |key, asking| match asking {
                Asking::Missing => false,
                Asking::Needs => {
                    tally.count(&Reply::Missing(Reason::Needs));
                    false
                }
                Asking::Request(request) => match server.known(request) {
                    Some(reply) => {
                        kept += 1;
                        note(&mut replies, &mut tally, key, reply);
                        false
                    }
                    None => {
                        open += 1;
                        true
                    }
                },
            })?;
            if !left.is_empty() {
                units_left.push((unit, left));
            }
            if watch.stopped() {
                return Err(server.stopped().into());
            }
        }
        if open == 0 {
            return Ok((replies, tally));
        }
        let (table, column) = self.names(asked);
        watch.on(Event::Note(format!("{table}.{column}: asking {}", self.model(asked, server))));
        watch.on(Event::Begin { unit: "replies", total: kept + open, done: kept });
        let result = self.ask_open(server, asked, units_left, kept, &mut replies, &mut tally, watch);
        watch.on(Event::End);
        result.map(|()| (replies, tally))
    }

    /// Asks for rows that are not known yet: of each unit of work those with these places.
    #[allow(clippy::too_many_arguments)]
    fn ask_open(
        &self,
        server: &Server,
        asked: Asked,
        units: Vec<(u64, Vec<usize>)>,
        kept: u64,
        replies: &mut Replies,
        tally: &mut Tally,
        watch: &mut dyn Watch,
    ) -> Result<()> {
        let (mut keys, mut batch, mut done) = (Vec::new(), Vec::new(), kept);
        let last = units.last().map(|u| u.0);
        for (unit, left) in units {
            let block = self.block(asked.table, unit)?;
            let mut all = block.asking(asked.column)?;
            for i in left {
                if let Asking::Request(request) = std::mem::replace(&mut all[i], Asking::Missing) {
                    keys.push(block.keys()[i]);
                    batch.push(*request);
                }
            }
            if batch.len() >= BATCH || Some(unit) == last {
                let made = server.ask(&batch, done, watch)?;
                done += batch.len() as u64;
                batch.clear();
                keys.drain(..).zip(made).for_each(|(key, reply)| note(replies, tally, key, reply));
            }
        }
        Ok(())
    }

    /// Looks at what is asked in the rows of a unit of work; the places of rows for which `look` says so.
    fn each(&self, asked: Asked, unit: u64, look: &mut dyn FnMut(u64, &Asking) -> bool) -> Result<Vec<usize>> {
        let block = self.block(asked.table, unit)?;
        let all = block.asking(asked.column)?;
        let chosen = all.iter().zip(block.keys()).enumerate().filter(|(_, (asking, key))| look(**key, asking));
        Ok(chosen.map(|(i, _)| i).collect())
    }

    /// What it would cost to ask: nothing is sent.
    ///
    /// # Errors
    /// When a prompt cannot be put together.
    pub fn costs(&self, server: &Server, shard: (u64, u64)) -> Result<Vec<Cost>> {
        self.supposed.store(true, Ordering::Relaxed);
        let costs = self.plan.asked().into_iter().map(|asked| self.cost(server, asked, shard)).collect();
        self.supposed.store(false, Ordering::Relaxed);
        costs
    }

    fn cost(&self, server: &Server, asked: Asked, shard: (u64, u64)) -> Result<Cost> {
        let units = self.units_of(asked, shard)?;
        let count = units.end - units.start;
        let mut replies = Replies::default();
        let (mut sample, mut rows, mut asks): (Vec<Request>, u64, u64) = (Vec::new(), 0, 0);
        // Units from all over the table, and rows from all over each.
        let step = count.div_ceil(UNITS).max(1);
        let looked = count.div_ceil(step);
        let most = SAMPLE.div_ceil(looked.max(1) as usize);
        for unit in units.clone().step_by(step as usize) {
            let block: Rc<Block<'_>> = self.block(asked.table, unit)?;
            rows += block.len() as u64;
            let mut own = Vec::new();
            for (asking, key) in block.asking(asked.column)?.into_iter().zip(block.keys()) {
                if let Asking::Request(request) = asking {
                    if let Some(Reply::Text(text)) = server.known(&request) {
                        replies.given.insert(*key, text.into());
                    }
                    own.push(*request);
                }
            }
            asks += own.len() as u64;
            let every = own.len().div_ceil(most).max(1);
            sample.extend(own.into_iter().step_by(every));
        }
        let total = if looked == count {
            asks
        } else {
            let starts = self.starts(asked.table)?;
            let all = starts[units.end as usize] - starts[units.start as usize];
            (all as f64 * asks as f64 / rows.max(1) as f64).round() as u64
        };
        let estimate = server.estimate(&sample, total);
        let most = sample.first().and_then(|r| r.max_tokens).unwrap_or(server.config().max_tokens);
        let long = if estimate.measured { estimate.reply_tokens / estimate.requests.max(1) } else { most.into() };
        replies.supposed = Some("x".repeat(4 * long as usize));
        self.keep(asked, replies);
        let (table, column) = self.names(asked);
        let first = sample.first().map_or_else(Vec::new, |request| request.messages.clone());
        Ok(Cost { table, column, model: self.model(asked, server), estimate, first })
    }

    /// Which model wrote what, of what was asked for.
    pub fn origins(&self) -> Vec<Origin> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn replies_of(&self, table: usize, column: usize) -> Arc<Replies> {
        let all = self.replies.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&(table, column)).cloned().unwrap_or_default()
    }

    fn keep(&self, asked: Asked, replies: Replies) {
        let mut all = self.replies.write().unwrap_or_else(PoisonError::into_inner);
        all.insert((asked.table, asked.column), Arc::new(replies));
    }

    fn units_of(&self, asked: Asked, (part, parts): (u64, u64)) -> Result<Range<u64>> {
        let units = self.units(asked.table)?;
        Ok(if asked.everywhere { 0..units } else { units * part / parts..units * (part + 1) / parts })
    }

    fn prompt(&self, asked: Asked) -> Option<&Prompt> {
        match &self.plan.tables[asked.table].columns[asked.column].maker {
            Maker::Prompt(prompt) => Some(prompt),
            _ => None,
        }
    }

    fn names(&self, asked: Asked) -> (String, String) {
        let table = &self.plan.tables[asked.table];
        (table.name.clone(), table.columns[asked.column].name.clone())
    }

    fn model(&self, asked: Asked, server: &Server) -> String {
        let own = self.prompt(asked).and_then(|p| p.model.clone());
        own.unwrap_or_else(|| server.config().model.clone())
    }

    fn origin(&self, asked: Asked, prompt: &Prompt, server: &Server, cells: Tally) -> Origin {
        let (table, column) = self.names(asked);
        let model = self.model(asked, server);
        let judge = prompt.judge.as_ref().map(|judge| judge.model.clone().unwrap_or_else(|| model.clone()));
        let shared = match &prompt.examples {
            Examples::Rows(rows) => Some(rows.file.clone()),
            Examples::Here(_) => None,
        };
        let words = cells.missing.keys().filter_map(|name| Some((*name, server.words(name)?))).collect();
        let server = server.config().base_url.clone();
        Origin { table, column, model, server, judge, shared, cells, words }
    }
}

fn note(replies: &mut Replies, tally: &mut Tally, key: u64, reply: Reply) {
    tally.count(&reply);
    if let Reply::Text(text) = reply {
        replies.given.insert(key, text.into());
    }
}
