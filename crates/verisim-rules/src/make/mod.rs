//! The values of a planned world. Each is a function of (seed, table, column, row key), so rows are made in blocks, in any order and on any
//! thread, and only a block at a time is held.

mod ask;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod ask_tests;
pub mod calendar;
mod column;
pub mod copula;
pub mod distribution;
pub mod jinja;
pub mod learned;
pub mod lookup;
pub mod pattern;
mod prompt;
mod reference;
mod rows;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
pub mod text;
mod unique;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use arrow_array::{Array, ArrayRef, UInt32Array};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::expression::Aggregate;
use crate::expression::columns::{Kind, Values};
use crate::plan::{Bound, Plan, Source};

use ask::Replies;
pub use ask::{Cost, Origin};
pub use rows::Rows;

/// Rows of a block, about.
const BLOCK: u64 = 4096;
/// Rows of a table that others refer to whose columns are kept; of larger tables without a parent, values are made anew where they are asked for.
const KEPT: u64 = 1 << 18;
/// Tries at a row until its checks hold.
const TRIES: u32 = 1_000;

/// What is known of columns, by table and column.
type Kept<T> = Mutex<FxHashMap<(usize, usize), Arc<T>>>;

/// Makes the values of a plan.
pub struct Engine {
    /// What is made.
    pub plan: Plan,
    /// Of each table at the top of a family, its rows that make one unit of work.
    units: Vec<OnceLock<u64>>,
    /// Of each table, the number of its first row in each unit, and of all its rows.
    starts: Vec<OnceLock<Arc<Vec<u64>>>>,
    /// Values of whole tables that others refer to.
    kept: Mutex<FxHashMap<(usize, Source), ArrayRef>>,
    /// Tries beyond the first of rows whose values came twice, by table and column.
    again: Kept<FxHashMap<u64, u32>>,
    /// Weights added up, of tables that are referred to by weight.
    sums: Kept<Vec<f64>>,
    /// What language models wrote, by table and column.
    replies: RwLock<FxHashMap<(usize, usize), Arc<Replies>>>,
    /// Which model wrote what.
    origins: Mutex<Vec<Origin>>,
    /// Whether replies that there are not are taken to be there.
    supposed: AtomicBool,
}

/// Rows of a table, and those of its columns that were made.
pub struct Block<'e> {
    engine: &'e Engine,
    table: usize,
    rows: Rows<'e>,
    made: RefCell<FxHashMap<usize, ArrayRef>>,
    picks: RefCell<FxHashMap<usize, Rc<Vec<Option<u64>>>>>,
    slots: RefCell<Option<Rc<Vec<ArrayRef>>>>,
    /// Some rows of another block, whose columns are these.
    of: Option<(Rc<Block<'e>>, Vec<u32>)>,
    /// A column that is being made unique, and the tries so far.
    trying: Option<(usize, Arc<FxHashMap<u64, u32>>)>,
}

impl Engine {
    /// An engine for a plan.
    pub fn new(plan: Plan) -> Engine {
        let tables = plan.tables.len();
        Engine {
            plan,
            units: (0..tables).map(|_| OnceLock::new()).collect(),
            starts: (0..tables).map(|_| OnceLock::new()).collect(),
            kept: Mutex::default(),
            again: Mutex::default(),
            sums: Mutex::default(),
            replies: RwLock::default(),
            origins: Mutex::default(),
            supposed: AtomicBool::new(false),
        }
    }

    /// The table at the top of a table's family.
    fn top(&self, t: usize) -> usize {
        self.plan.tables[t].parent.map_or(t, |parent| self.top(parent))
    }

    /// Rows of the top table that make one unit of work for it and for all tables below it: fewer where a row has many below it.
    ///
    /// # Errors
    /// When rows cannot be made.
    fn unit(&self, t: usize) -> Result<u64> {
        let top = self.top(t);
        if let Some(unit) = self.units[top].get() {
            return Ok(*unit);
        }
        let looked = self.plan.tables[top].rows.min(16);
        let mut most = looked;
        for below in (0..self.plan.tables.len()).filter(|&below| self.numbered(below) && self.top(below) == top) {
            most = most.max(self.part(below, 0, looked, None)?.rows.len() as u64);
        }
        let unit = (BLOCK * looked.max(1) / most.max(1)).clamp(1, BLOCK);
        Ok(*self.units[top].get_or_init(|| unit))
    }

    /// Units of work of a table.
    ///
    /// # Errors
    /// When rows cannot be made.
    pub fn units(&self, t: usize) -> Result<u64> {
        Ok(self.plan.tables[self.top(t)].rows.div_ceil(self.unit(t)?))
    }

    /// The rows of one unit of work.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn block(&self, t: usize, unit: u64) -> Result<Rc<Block<'_>>> {
        let (rows, size) = (self.plan.tables[self.top(t)].rows, self.unit(t)?);
        let first = match self.numbered(t) {
            true => Some(self.starts(t)?[unit as usize]),
            false => None,
        };
        self.part(t, unit * size, ((unit + 1) * size).min(rows), first)
    }

    /// Whether rows of a table need their numbers.
    fn numbered(&self, t: usize) -> bool {
        self.plan.tables[t].parent.is_some() || self.plan.tables[t].process.is_some()
    }

    /// The number of the first row of each unit, and of all rows.
    ///
    /// # Errors
    /// When rows cannot be made.
    pub fn starts(&self, t: usize) -> Result<Arc<Vec<u64>>> {
        if let Some(starts) = self.starts[t].get() {
            return Ok(starts.clone());
        }
        let (rows, size) = (self.plan.tables[self.top(t)].rows, self.unit(t)?);
        let units = rows.div_ceil(size);
        let counts: Vec<u64> = if self.numbered(t) {
            let count = |u: u64| Ok(self.part(t, u * size, ((u + 1) * size).min(rows), None)?.rows.len() as u64);
            (0..units).into_par_iter().map(count).collect::<Result<_>>()?
        } else {
            (0..units).map(|u| ((u + 1) * size).min(rows) - u * size).collect()
        };
        let mut sum = 0;
        let mut starts = vec![0];
        starts.extend(counts.into_iter().map(|c| {
            sum += c;
            sum
        }));
        Ok(self.starts[t].get_or_init(|| Arc::new(starts)).clone())
    }

    /// Rows of a table.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn count(&self, t: usize) -> Result<u64> {
        if !self.numbered(t) {
            return Ok(self.plan.tables[t].rows);
        }
        Ok(self.starts(t)?.last().copied().unwrap_or(0))
    }

    /// The rows of a table below rows `from..to` of the table at the top of its family; `first` is the number of the first.
    fn part(&self, t: usize, from: u64, to: u64, first: Option<u64>) -> Result<Rc<Block<'_>>> {
        let table = &self.plan.tables[t];
        let rows = match (table.parent, &table.process) {
            (None, None) => Rows::numbered(from, to),
            (None, Some(_)) => {
                let runs = Block::bare(self, t, Rows::numbered(from, to));
                Rows::of_process(&Rc::new(runs), table, first)?
            }
            (Some(parent), Some(_)) => {
                let parents = self.part(parent, from, to, self.first_of(parent, from)?)?;
                Rows::of_process(&parents, table, first)?
            }
            (Some(parent), None) => {
                let parents = self.part(parent, from, to, self.first_of(parent, from)?)?;
                Rows::of_children(&parents, &parents.counts(t)?, first)
            }
        };
        let rows = self.kept(t, rows)?;
        self.settled(t, rows)
    }

    /// The number of the first row of a table below row `from` of the top, where a unit begins.
    fn first_of(&self, t: usize, from: u64) -> Result<Option<u64>> {
        match (self.numbered(t), from) {
            (false, _) => Ok(None),
            (true, 0) => Ok(Some(0)),
            (true, from) => Ok(self.starts(t)?.get((from / self.unit(t)?) as usize).copied()),
        }
    }

    /// Rows that a process made, but for those that are left out.
    fn kept<'e>(&'e self, t: usize, mut rows: Rows<'e>) -> Result<Rows<'e>> {
        let Some(keep) = &self.plan.tables[t].keep else { return Ok(rows) };
        let first = rows.numbers.as_ref().map(|n| n.first().copied().unwrap_or(0));
        // What is kept is asked before rows are numbered: it cannot depend on that.
        rows.numbers = None;
        let every: Vec<u32> = (0..rows.len() as u32).collect();
        let block = Rc::new(Block::bare(self, t, rows.take(&every)));
        let yes = block.values(keep)?.yes();
        let some: Vec<u32> =
            every.into_iter().filter(|&i| yes[if yes.len() == 1 { 0 } else { i as usize }] == 1).collect();
        let mut kept = rows.take(&some);
        kept.numbers = first.map(|first| (first..first + some.len() as u64).collect());
        Ok(kept)
    }

    /// A block of rows, drawn again until their checks hold.
    fn settled<'e>(&'e self, t: usize, mut rows: Rows<'e>) -> Result<Rc<Block<'e>>> {
        let table = &self.plan.tables[t];
        if (table.checks.is_empty() && table.weight.is_none()) || rows.is_empty() {
            return Ok(Rc::new(Block::bare(self, t, rows)));
        }
        let mut attempts = vec![0u32; rows.len()];
        let mut open: Vec<u32> = (0..rows.len() as u32).collect();
        let mut last = None;
        for attempt in 0..TRIES {
            let mut some = rows.take(&open);
            some.attempts = vec![attempt; open.len()];
            let block = Rc::new(Block::bare(self, t, some));
            let (kept, broken) = block.holds()?;
            if attempt == 0 && kept.iter().all(|k| *k) {
                return Ok(block);
            }
            open.iter().zip(&kept).filter(|(_, k)| **k).for_each(|(&i, _)| attempts[i as usize] = attempt);
            open = open.iter().zip(&kept).filter(|(_, k)| !**k).map(|(&i, _)| i).collect();
            if open.is_empty() {
                rows.attempts = attempts;
                return Ok(Rc::new(Block::bare(self, t, rows)));
            }
            last = broken.or(last);
        }
        let rule = last.map_or_else(|| "`weight`".to_owned(), |k| format!("`{}`", table.checks[k].expression.text));
        let what = format!(
            "{} of {} rows do not keep {rule} in {TRIES} tries; let the columns be drawn closer to it",
            open.len(),
            rows.len()
        );
        Err(Error::Make { at: table.name.clone(), what })
    }

    /// The values of a source in rows of a table by their numbers; missing where there is no number.
    fn at(&self, t: usize, source: &Source, numbers: &[Option<u64>]) -> Result<ArrayRef> {
        if self.plan.tables[t].parent.is_none()
            && self.plan.tables[t].process.is_none()
            && self.plan.tables[t].rows > KEPT
        {
            let there: Vec<u64> = numbers.iter().flatten().copied().collect();
            let block = self.settled(t, Rows::of_numbers(there))?;
            let values = block.source(source)?;
            let mut next = 0;
            let index = numbers.iter().map(|n| {
                n.map(|_| {
                    next += 1;
                    next - 1
                })
            });
            return Ok(arrow_select::take::take(&values, &index.collect::<UInt32Array>(), None)?);
        }
        let whole = self.whole(t, source)?;
        let index: UInt32Array = numbers.iter().map(|n| n.map(|n| n as u32)).collect();
        Ok(arrow_select::take::take(&whole, &index, None)?)
    }

    /// The values of a source in all rows of a table, which are kept.
    fn whole(&self, t: usize, source: &Source) -> Result<ArrayRef> {
        let key = (t, source.clone());
        let kept = || self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(there) = kept().get(&key) {
            return Ok(there.clone());
        }
        let units = self.units(t)?;
        let parts: Vec<ArrayRef> =
            (0..units).into_par_iter().map(|u| self.block(t, u)?.source(source)).collect::<Result<_>>()?;
        let whole = match parts.is_empty() {
            true => Values::Null.array(Kind::Text, 0),
            false => arrow_select::concat::concat(&parts.iter().map(|p| p.as_ref()).collect::<Vec<_>>())?,
        };
        if u32::try_from(whole.len()).is_err() {
            let what = "has more than 2^32 rows below a parent, which cannot be referred to".to_owned();
            return Err(Error::Make { at: self.plan.tables[t].name.clone(), what });
        }
        kept().insert(key, whole.clone());
        Ok(whole)
    }
}

impl<'e> Block<'e> {
    fn bare(engine: &'e Engine, table: usize, rows: Rows<'e>) -> Block<'e> {
        Block {
            engine,
            table,
            rows,
            made: RefCell::default(),
            picks: RefCell::default(),
            slots: RefCell::default(),
            of: None,
            trying: None,
        }
    }

    /// Some rows of this block.
    fn some(self: &Rc<Self>, rows: &[u32]) -> Rc<Block<'e>> {
        let mut block = Block::bare(self.engine, self.table, self.rows.take(rows));
        block.of = Some((self.clone(), rows.to_vec()));
        Rc::new(block)
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The values of a column.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn column(self: &Rc<Self>, c: usize) -> Result<ArrayRef> {
        if let Some(made) = self.made.borrow().get(&c) {
            return Ok(made.clone());
        }
        let made = match &self.of {
            Some((block, rows)) => arrow_select::take::take(&block.column(c)?, &UInt32Array::from(rows.clone()), None)?,
            None => self.make(&self.engine.plan.tables[self.table].columns[c], Some(c))?,
        };
        self.made.borrow_mut().insert(c, made.clone());
        Ok(made)
    }

    /// The values of a source.
    fn source(self: &Rc<Self>, source: &Source) -> Result<ArrayRef> {
        if let (Some((block, rows)), false) = (&self.of, matches!(source, Source::Own(_))) {
            return Ok(arrow_select::take::take(&block.source(source)?, &UInt32Array::from(rows.clone()), None)?);
        }
        let n = self.rows.len();
        Ok(match source {
            Source::Own(c) => self.column(*c)?,
            Source::Row => Values::Number(self.numbers()?.iter().map(|&x| x as f64).collect()).array(Kind::Whole, n),
            Source::Within => {
                Values::Number(self.rows.within.iter().map(|&x| f64::from(x)).collect()).array(Kind::Whole, n)
            }
            Source::Parent(rest) => {
                let Some((parents, at)) = &self.rows.parent else { return Ok(Values::Null.array(Kind::Text, n)) };
                arrow_select::take::take(&parents.source(rest)?, &UInt32Array::from(at.clone()), None)?
            }
            Source::Via(column, table, rest) => {
                let picks = self.picked(*column)?;
                self.engine.at(*table, rest, &picks)?
            }
            Source::Children(aggregate, child, column) => self.aggregated(*aggregate, *child, *column)?,
        })
    }

    /// The numbers of the rows in their table.
    fn numbers(&self) -> Result<&[u64]> {
        match &self.rows.numbers {
            Some(numbers) => Ok(numbers),
            None => Err(Error::Make {
                at: self.engine.plan.tables[self.table].name.clone(),
                what: "rows are counted by a column that parents need; let it be computed from `within` or be drawn"
                    .to_owned(),
            }),
        }
    }

    /// What an expression comes to.
    fn values(self: &Rc<Self>, bound: &Bound) -> Result<Values> {
        let names = bound.sources.iter().map(|source| Ok(Values::of(self.source(source)?.as_ref())));
        Ok(bound.expression.values(&names.collect::<Result<Vec<_>>>()?, self.rows.len()))
    }

    /// Which rows keep all checks and were not weighed out, and the first check that one does not keep.
    fn holds(self: &Rc<Self>) -> Result<(Vec<bool>, Option<usize>)> {
        let table = &self.engine.plan.tables[self.table];
        let n = self.rows.len();
        let (mut kept, mut broken) = (vec![true; n], None);
        for (k, check) in table.checks.iter().enumerate() {
            let yes = self.values(check)?.yes();
            for (i, kept) in kept.iter_mut().enumerate() {
                // What is not known is not broken.
                if yes[if yes.len() == 1 { 0 } else { i }] == 0 {
                    *kept = false;
                    broken = Some(k);
                }
            }
        }
        if let Some(weight) = &table.weight {
            let weights = self.values(weight)?.numbers();
            for (i, kept) in kept.iter_mut().enumerate() {
                let mut cell = crate::cell::Cell::new(table.key.again(self.rows.attempt(i)), self.rows.keys[i]).part(1);
                let weight = weights[if weights.len() == 1 { 0 } else { i }];
                *kept &= cell.uniform() < weight || weight.is_nan();
            }
        }
        Ok((kept, broken))
    }

    /// How many rows of a child table each row has.
    fn counts(self: &Rc<Self>, child: usize) -> Result<Vec<u32>> {
        let table = &self.engine.plan.tables[child];
        let Some(children) = &table.children else { return Ok(vec![0; self.rows.len()]) };
        let numbers = self.number(children, table.key, 2)?;
        let count = |i: usize| {
            let x = numbers.at(i).round();
            match x {
                x if x.is_nan() || x < 0.0 => Ok(0),
                x if x <= 1e8 => Ok(x as u32),
                x => Err(Error::Make {
                    at: format!("{}.children", table.name),
                    what: format!("{x} rows for one parent are too many"),
                }),
            }
        };
        (0..self.rows.len()).map(count).collect()
    }

    /// What comes of all rows of a child table that belong to each row.
    fn aggregated(self: &Rc<Self>, aggregate: Aggregate, child: usize, column: Option<usize>) -> Result<ArrayRef> {
        let table = &self.engine.plan.tables[child];
        let rows = match &table.process {
            Some(_) => Rows::of_process(self, table, None)?,
            None => Rows::of_children(self, &self.counts(child)?, None),
        };
        let rows = self.engine.kept(child, rows)?;
        let n = self.rows.len();
        let at: Vec<u32> = rows.parent.as_ref().map_or_else(Vec::new, |(_, at)| at.clone());
        let Some(column) = column else {
            let mut counts = vec![0.0; n];
            at.iter().for_each(|&i| counts[i as usize] += 1.0);
            return Ok(Values::Number(counts).array(Kind::Whole, n));
        };
        let block = self.engine.settled(child, rows)?;
        let kind = table.columns[column].kind;
        let values = Values::of(block.column(column)?.as_ref());
        Ok(gathered(aggregate, &values, kind, &at, n))
    }
}

/// Values put together by the rows that they belong to; missing ones do not count.
fn gathered(aggregate: Aggregate, values: &Values, kind: Kind, at: &[u32], n: usize) -> ArrayRef {
    if let (Values::Time(times, _), Aggregate::Least | Aggregate::Greatest) = (values, aggregate) {
        let never = crate::expression::columns::NEVER;
        let mut all = vec![never; n];
        for (&t, &i) in times.iter().zip(at).filter(|(t, _)| **t != never) {
            let best = &mut all[i as usize];
            let better = *best == never || if aggregate == Aggregate::Least { t < *best } else { t > *best };
            *best = if better { t } else { *best };
        }
        return Values::Time(all, kind == Kind::Day).array(kind, n);
    }
    let numbers = match values {
        Values::Yes(yes) => Values::Yes(yes.clone()).numbers(),
        other => other.numbers(),
    };
    let start = match aggregate {
        Aggregate::Sum | Aggregate::Mean | Aggregate::Any | Aggregate::Count => 0.0,
        Aggregate::All => 1.0,
        Aggregate::Least | Aggregate::Greatest => f64::NAN,
    };
    let (mut all, mut counts) = (vec![start; n], vec![0.0f64; n]);
    for (k, &i) in at.iter().enumerate() {
        let x = numbers[if numbers.len() == 1 { 0 } else { k }];
        if x.is_nan() {
            continue;
        }
        let sum = &mut all[i as usize];
        counts[i as usize] += 1.0;
        *sum = match aggregate {
            Aggregate::Sum | Aggregate::Mean | Aggregate::Count => *sum + x,
            Aggregate::Least => sum.min(x),
            Aggregate::Greatest => sum.max(x),
            Aggregate::Any => sum.max(x),
            Aggregate::All => sum.min(x),
        };
    }
    match aggregate {
        Aggregate::Mean => {
            let means = all.iter().zip(&counts).map(|(sum, count)| sum / count).collect();
            Values::Number(means).array(Kind::Number, n)
        }
        Aggregate::Any | Aggregate::All => {
            Values::Yes(all.into_iter().map(|x| u8::from(x > 0.0)).collect()).array(Kind::Yes, n)
        }
        Aggregate::Sum if matches!(kind, Kind::Whole | Kind::Yes) => Values::Number(all).array(Kind::Whole, n),
        Aggregate::Sum => Values::Number(all).array(Kind::Number, n),
        _ => Values::Number(all).array(kind, n),
    }
}
