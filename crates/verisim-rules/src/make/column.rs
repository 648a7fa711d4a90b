//! The values of one column in the rows of a block.

use std::rc::Rc;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, StringArray, UInt32Array};

use super::pattern::shuffled;
use super::{BLOCK, Block, Rows, copula, lookup, text};
use crate::cell::{Cell, ColumnKey};
use crate::error::{Error, Result};
use crate::expression::columns::{Kind, NEVER, Values, number_text};
use crate::expression::rounded;
use crate::make::distribution::Sampler;
use crate::plan::{Bounded, Column, Distribution, Maker, Number, Slot};
use crate::process::Value;

/// Draws until one lies between `min` and `max`.
const TRIES: usize = 10_000;

/// A number for each row, or one for all.
pub(super) enum Numbers {
    /// The same in each row.
    Fixed(f64),
    /// One a row.
    Each(Vec<f64>),
}

impl Numbers {
    pub(super) fn at(&self, i: usize) -> f64 {
        match self {
            Numbers::Fixed(x) => *x,
            Numbers::Each(all) => all[i],
        }
    }
}

/// Samplers of a distribution: one for all rows, or one a row, where parameters are computed.
enum Samplers {
    One(Box<Sampler>),
    Each(Vec<Numbers>),
}

/// What is made within bounds, to so many digits.
struct Bounds {
    min: Option<Numbers>,
    max: Option<Numbers>,
    round: Option<i32>,
}

impl Bounds {
    /// A draw to its digits, if it lies between the bounds of row `i`.
    fn keep(&self, i: usize, x: f64) -> Option<f64> {
        let x = self.round.map_or(x, |digits| rounded(x, digits));
        let above = self.min.as_ref().is_none_or(|min| x >= min.at(i) || min.at(i).is_nan());
        let below = self.max.as_ref().is_none_or(|max| x <= max.at(i) || max.at(i).is_nan());
        (above && below).then_some(x)
    }

    fn are_none(&self) -> bool {
        self.min.is_none() && self.max.is_none()
    }
}

impl<'e> Block<'e> {
    pub(super) fn wrong(&self, column: &Column, what: impl Into<String>) -> Error {
        let table = &self.engine.plan.tables[self.table].name;
        Error::Make { at: format!("{table}.{}", column.name), what: what.into() }
    }

    /// The tries that have been made at a row of a column before this one.
    fn tried(&self, column: Option<usize>, i: usize, again: &Option<Arc<rustc_hash::FxHashMap<u64, u32>>>) -> u32 {
        let more = column.and(again.as_ref()).and_then(|a| a.get(&self.rows.keys[i])).copied().unwrap_or(0);
        // Tries of the row and tries of the column are told apart.
        self.rows.attempt(i).wrapping_add(more << 16)
    }

    /// The values of a column: made, and what is done with them. `c` is its place, if it is not a case of another.
    pub(super) fn make(self: &Rc<Self>, column: &Column, c: Option<usize>) -> Result<ArrayRef> {
        let n = self.rows.len();
        let after = &column.after;
        let again = match (c, &self.trying) {
            (Some(c), Some((trying, again))) if c == *trying => Some(again.clone()),
            (Some(c), _) if after.unique => Some(self.engine.again(self.table, c)?),
            _ => None,
        };
        let cells = |i: usize| Cell::new(column.key.again(self.tried(c, i, &again)), self.rows.keys[i]);
        let mut array = self.drawn(column, c, &cells)?;
        if let (Some(again), true) = (&again, column.maker.follows()) {
            array = numbered(&array, |i| again.get(&self.rows.keys[i]).copied().unwrap_or(0));
        }
        if let (Some(digits), false) = (after.round, column.maker.is_bounded()) {
            let kind = Kind::of(array.data_type());
            let x = Values::of(array.as_ref()).numbers().into_iter().map(|x| rounded(x, digits)).collect();
            array = Values::Number(x).array(kind, n);
        }
        if let Some(format) = &after.format {
            let times = Values::of(array.as_ref()).times();
            array = Arc::new(
                times
                    .iter()
                    .map(|&t| (t != NEVER).then(|| text::formatted(t, format)).flatten())
                    .collect::<StringArray>(),
            );
        }
        if *array.data_type() != column.kind.data() || array.len() != n {
            array = Values::of(array.as_ref()).array(column.kind, n);
        }
        match &after.missing {
            Some(missing) => self.with_missing(&array, missing, column),
            None => Ok(array),
        }
    }

    /// Which rows of a column are missing.
    pub(super) fn missing(self: &Rc<Self>, missing: &Number, column: &Column) -> Result<Vec<bool>> {
        let chance = self.number(missing, column.key, 4)?;
        let is = |i: usize| {
            let p = chance.at(i);
            p > 0.0 && Cell::new(column.key.again(self.rows.attempt(i)), self.rows.keys[i]).part(5).uniform() < p
        };
        Ok((0..self.rows.len()).map(is).collect())
    }

    fn with_missing(self: &Rc<Self>, array: &ArrayRef, missing: &Number, column: &Column) -> Result<ArrayRef> {
        let index: UInt32Array =
            self.missing(missing, column)?.iter().enumerate().map(|(i, &m)| (!m).then_some(i as u32)).collect();
        Ok(arrow_select::take::take(array, &index, None)?)
    }

    /// A number in each row; `part` tells apart what is drawn for the same column.
    pub(super) fn number(self: &Rc<Self>, number: &Number, key: ColumnKey, part: u64) -> Result<Numbers> {
        Ok(match number {
            Number::Fixed(x) => Numbers::Fixed(*x),
            Number::Said(bound) => match self.values(bound)?.numbers() {
                all if all.len() == self.rows.len() => Numbers::Each(all),
                all => Numbers::Fixed(all.first().copied().unwrap_or(f64::NAN)),
            },
            Number::Drawn(distribution) => {
                let samplers = self.samplers(distribution, key, part)?;
                let draw = |i: usize| {
                    let mut cell = Cell::new(key.again(self.rows.attempt(i)), self.rows.keys[i]).part(part);
                    Ok(samplers.at(distribution, i)?.map_or(f64::NAN, |s| s.draw(&mut cell)))
                };
                let all: Result<Vec<f64>, String> = (0..self.rows.len()).map(draw).collect();
                Numbers::Each(all.map_err(|what| self.wrong_at(what))?)
            }
        })
    }

    fn wrong_at(&self, what: String) -> Error {
        Error::Make { at: self.engine.plan.tables[self.table].name.clone(), what }
    }

    fn samplers(self: &Rc<Self>, d: &Distribution, key: ColumnKey, part: u64) -> Result<Samplers> {
        let parameters: Vec<Numbers> = (d.parameters.iter().enumerate())
            .map(|(k, p)| self.number(p, key, part ^ (k as u64 + 1) << 8))
            .collect::<Result<_>>()?;
        let fixed: Option<Vec<f64>> =
            parameters.iter().map(|p| if let Numbers::Fixed(x) = p { Some(*x) } else { None }).collect();
        Ok(match fixed {
            Some(fixed) => match Sampler::new(d.family, &fixed).map_err(|what| self.wrong_at(what))? {
                Some(sampler) => Samplers::One(Box::new(sampler)),
                None => Samplers::Each(parameters),
            },
            None => Samplers::Each(parameters),
        })
    }

    /// Of a copula's column: the share of its distribution in a row.
    fn share(&self, c: Option<usize>, i: usize) -> Option<f64> {
        let table = &self.engine.plan.tables[self.table];
        let (columns, factor) = table.copula.as_ref()?;
        let k = columns.iter().position(|&of| Some(of) == c)?;
        let key = ColumnKey::new(self.engine.plan.seed, &table.name, "copula of columns");
        Some(copula::share(factor, k, Cell::new(key.again(self.rows.attempt(i)), self.rows.keys[i])))
    }

    /// Numbers that `draw` draws from a cell, drawn again until they lie within the column's bounds.
    fn bounded(
        self: &Rc<Self>,
        column: &Column,
        c: Option<usize>,
        cells: &dyn Fn(usize) -> Cell,
        draw: &dyn Fn(usize, &mut Cell) -> Result<f64, String>,
    ) -> Result<ArrayRef> {
        let bound = |n: &Option<Number>, part| n.as_ref().map(|n| self.number(n, column.key, part)).transpose();
        let bounds =
            Bounds { min: bound(&column.after.min, 6)?, max: bound(&column.after.max, 7)?, round: column.after.round };
        let one = |i: usize| {
            let mut cell = cells(i);
            let first = draw(i, &mut cell)?;
            if bounds.are_none() || first.is_nan() {
                return Ok(bounds.round.map_or(first, |digits| rounded(first, digits)));
            }
            // A copula says at which share of the distribution a value lies: beyond a bound it is the bound.
            if self.share(c, i).is_some() {
                let x = bounds.round.map_or(first, |digits| rounded(first, digits));
                let least = bounds.min.as_ref().map_or(x, |min| x.max(min.at(i)));
                return Ok(bounds.max.as_ref().map_or(least, |max| least.min(max.at(i))));
            }
            let mut x = first;
            for _ in 0..TRIES {
                if let Some(kept) = bounds.keep(i, x) {
                    return Ok(kept);
                }
                x = draw(i, &mut cell)?;
            }
            let at = |n: &Option<Numbers>| n.as_ref().map_or("none".to_owned(), |n| number_text(n.at(i)));
            let (min, max) = (at(&bounds.min), at(&bounds.max));
            Err(format!("none of {TRIES} draws lies between min = {min} and max = {max}; change the distribution"))
        };
        let all: Result<Vec<f64>, String> = (0..self.rows.len()).map(one).collect();
        let all = all.map_err(|what| self.wrong(column, what))?;
        Ok(Values::Number(all)
            .array(if column.kind == Kind::Whole { Kind::Whole } else { Kind::Number }, self.rows.len()))
    }

    fn texts(&self, each: impl Fn(usize, &mut String) -> bool) -> ArrayRef {
        let n = self.rows.len();
        let (mut all, mut text) = (StringBuilder::with_capacity(n, n * 16), String::new());
        for i in 0..n {
            text.clear();
            match each(i, &mut text) {
                true => all.append_value(&text),
                false => all.append_null(),
            }
        }
        Arc::new(all.finish())
    }

    fn drawn(self: &Rc<Self>, column: &Column, c: Option<usize>, cells: &dyn Fn(usize) -> Cell) -> Result<ArrayRef> {
        let n = self.rows.len();
        Ok(match &column.maker {
            Maker::Value(one) => arrow_select::take::take(one, &UInt32Array::from(vec![0; n]), None)?,
            Maker::Sequence(first, step) => {
                let numbers = self.numbers()?;
                if first.fract() == 0.0 && step.fract() == 0.0 {
                    let (first, step) = (*first as i64, *step as i64);
                    let at = |&k: &u64| first.wrapping_add(step.wrapping_mul(k as i64));
                    return Ok(Arc::new(numbers.iter().map(at).map(Some).collect::<Int64Array>()));
                }
                Arc::new(numbers.iter().map(|&k| Some(first + step * k as f64)).collect::<Float64Array>())
            }
            Maker::Number(first) => {
                Arc::new(self.rows.within.iter().map(|&k| Some(first + i64::from(k))).collect::<Int64Array>())
            }
            Maker::Id(pattern) => {
                let (numbers, count) = (self.numbers()?, pattern.count().unwrap_or(u64::MAX));
                if let Some(over) = numbers.iter().find(|&&k| k >= count) {
                    return Err(
                        self.wrong(column, format!("fits {count} texts, and row {over} needs another; make it longer"))
                    );
                }
                self.texts(|i, text| {
                    pattern.nth(shuffled(column.key.word(), count, numbers[i]), text);
                    true
                })
            }
            Maker::Uuid => self.texts(|i, text| {
                uuid(&mut cells(i), text);
                true
            }),
            Maker::Distribution(d) => {
                let samplers = self.samplers(d, column.key, 8)?;
                self.bounded(column, c, cells, &|i, cell| match (samplers.at(d, i)?, self.share(c, i)) {
                    (Some(sampler), None) => Ok(sampler.draw(cell)),
                    (Some(sampler), Some(share)) => Ok(sampler.quantile(share)),
                    (None, _) => Ok(f64::NAN),
                })?
            }
            Maker::Mixture(all) => {
                let weights = all.iter().map(|(w, _)| self.number(w, column.key, 9)).collect::<Result<Vec<_>>>()?;
                let samplers = (all.iter().enumerate())
                    .map(|(k, (_, d))| self.samplers(d, column.key, 16 + k as u64))
                    .collect::<Result<Vec<_>>>()?;
                self.bounded(column, c, cells, &|i, cell| {
                    let u = cell.uniform();
                    let Some(k) = weighed(weights.iter().map(|w| w.at(i)), u) else { return Ok(f64::NAN) };
                    Ok(samplers[k].at(&all[k].1, i)?.map_or(f64::NAN, |s| s.draw(cell)))
                })?
            }
            Maker::Chance(p) => {
                let p = self.number(p, column.key, 9)?;
                let yes = |i: usize| {
                    let u = self.share(c, i).map_or_else(|| cells(i).uniform(), |share| 1.0 - share);
                    if p.at(i).is_nan() { 2 } else { u8::from(u < p.at(i)) }
                };
                Values::Yes((0..n).map(yes).collect()).array(Kind::Yes, n)
            }
            Maker::Empirical(values, smooth) => {
                let count = values.len();
                let place = |i: usize| self.share(c, i).unwrap_or_else(|| cells(i).uniform());
                if *smooth {
                    let x = Values::of(values.as_ref()).numbers();
                    return self.bounded(column, c, cells, &|i, cell| {
                        let at = self.share(c, i).unwrap_or_else(|| cell.uniform()) * (count - 1) as f64;
                        let (low, high) = (x[at as usize], x[(at as usize + 1).min(count - 1)]);
                        Ok(low + at.fract() * (high - low))
                    });
                }
                let index: UInt32Array =
                    (0..n).map(|i| Some(((place(i) * count as f64) as u32).min(count as u32 - 1))).collect();
                arrow_select::take::take(values, &index, None)?
            }
            Maker::Choice(values, weights) => {
                let place = |i: usize| self.share(c, i).unwrap_or_else(|| cells(i).uniform());
                let index: UInt32Array = match crate::plan::fixed(weights) {
                    Some(weights) => {
                        let sums: Vec<f64> = weights
                            .iter()
                            .scan(0.0, |sum, w| {
                                *sum += w;
                                Some(*sum)
                            })
                            .collect();
                        let total = sums.last().copied().unwrap_or(0.0);
                        let pick = |u: f64| sums.partition_point(|&s| s <= u * total).min(sums.len() - 1) as u32;
                        (0..n).map(|i| Some(pick(place(i)))).collect()
                    }
                    None => {
                        let weights =
                            weights.iter().map(|w| self.number(w, column.key, 9)).collect::<Result<Vec<_>>>()?;
                        (0..n).map(|i| weighed(weights.iter().map(|w| w.at(i)), place(i)).map(|k| k as u32)).collect()
                    }
                };
                arrow_select::take::take(values, &index, None)?
            }
            Maker::Cases(of, cases, otherwise) => self.cases(column, *of, cases, otherwise.as_deref())?,
            Maker::Lookup(rows, place, own, row) => {
                let texts = own.iter().map(|&c| Ok(Values::of(self.column(c)?.as_ref()).texts()));
                let texts = texts.collect::<Result<Vec<_>>>()?;
                let key = ColumnKey::new(
                    self.engine.plan.seed,
                    &self.engine.plan.tables[self.table].name,
                    &format!("row of {row}"),
                );
                let pick = |i: usize| {
                    let mut cell = Cell::new(key.again(self.rows.attempt(i)), self.rows.keys[i]);
                    rows.draw(&lookup::key(texts.iter().map(|t| t.is_valid(i).then(|| t.value(i)))), &mut cell)
                };
                arrow_select::take::take(&rows.columns[*place], &(0..n).map(pick).collect::<UInt32Array>(), None)?
            }
            Maker::Moment(calendar, from, to) => {
                let moment = |m: &Bounded| match m {
                    Bounded::Fixed(at) => Ok(vec![*at]),
                    Bounded::Said(bound) => Ok::<_, Error>(self.values(bound)?.times()),
                };
                let (from, to) = (moment(from)?, moment(to)?);
                let at = |all: &[i64], i: usize| if all.len() == 1 { all[0] } else { all[i] };
                let draw = |i: usize| match (at(&from, i), at(&to, i)) {
                    (from, to) if from == NEVER || to == NEVER => NEVER,
                    // Between a moment and an earlier one lies nothing: such a value is missing.
                    (from, to) => calendar.draw(from, to, &mut cells(i)).unwrap_or(NEVER),
                };
                let kind = if calendar.day { Kind::Day } else { Kind::Time };
                Values::Time((0..n).map(draw).collect(), calendar.day).array(kind, n)
            }
            Maker::Regex(pattern) => self.texts(|i, text| {
                pattern.draw(&mut cells(i), text);
                true
            }),
            Maker::Grammar(grammar) => self.texts(|i, text| {
                grammar.draw(&mut cells(i), text);
                true
            }),
            Maker::Template(all) => self.templates(all, cells)?,
            Maker::Field(field, locale, of) => {
                let key = ColumnKey::new(
                    self.engine.plan.seed,
                    &self.engine.plan.tables[self.table].name,
                    &format!("made-up {of}"),
                );
                let entity = |i: usize| Cell::new(key.again(self.rows.attempt(i)), self.rows.keys[i]).bits();
                field.column(*locale, &(0..n).map(entity).collect::<Vec<_>>())
            }
            Maker::Expr(bound) => {
                let kind = self.engine.plan.bound_kind(self.table, bound);
                self.values(bound)?.array(kind, n)
            }
            Maker::Ref { table, column: target, .. } => {
                let Some(c) = c else { return Err(self.wrong(column, "cannot be one of several cases")) };
                self.engine.at(*table, &crate::plan::Source::Own(*target), &self.picked(c)?)?
            }
            Maker::Tree(target, ..) => {
                let Some(c) = c else { return Err(self.wrong(column, "cannot be one of several cases")) };
                self.engine.at(self.table, &crate::plan::Source::Own(*target), &self.picked(c)?)?
            }
            Maker::Slot(Slot::Process(k)) => {
                let Some(made) = &self.rows.process else { return Err(self.wrong(column, "has no process")) };
                match &self.rows.chosen {
                    Some(chosen) => arrow_select::take::take(&made[*k], &UInt32Array::from(chosen.clone()), None)?,
                    None => made[*k].clone(),
                }
            }
            Maker::Slot(Slot::Learned(k)) => self.learned()?[*k].clone(),
            Maker::Prompt(_) => c.map_or_else(|| Values::Null.array(Kind::Text, n), |c| self.replies(c)),
            Maker::Part { of, path, kind } => self.parts(*of, path, *kind)?,
        })
    }

    /// What a column is in each case of another.
    fn cases(
        self: &Rc<Self>,
        column: &Column,
        of: usize,
        cases: &[(String, Column)],
        otherwise: Option<&Column>,
    ) -> Result<ArrayRef> {
        let texts = Values::of(self.column(of)?.as_ref()).texts();
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); cases.len() + 1];
        for i in 0..self.rows.len() {
            let case = texts.is_valid(i).then(|| cases.iter().position(|(name, _)| name == texts.value(i))).flatten();
            rows[case.unwrap_or(cases.len())].push(i as u32);
        }
        let made = cases.iter().map(|(_, c)| Some(c)).chain([otherwise]);
        let mut parts: Vec<ArrayRef> = Vec::new();
        let mut places = vec![0u32; self.rows.len()];
        let mut next = 0;
        for (rows, case) in rows.iter().zip(made).filter(|(rows, _)| !rows.is_empty()) {
            let part = match case {
                Some(case) => {
                    let made = self.some(rows).make(case, None)?;
                    Values::of(made.as_ref()).array(column.kind_of_cases(), rows.len())
                }
                None => Values::Null.array(column.kind_of_cases(), rows.len()),
            };
            rows.iter().for_each(|&i| {
                places[i as usize] = next;
                next += 1;
            });
            parts.push(part);
        }
        if parts.is_empty() {
            return Ok(Values::Null.array(column.kind_of_cases(), 0));
        }
        let all = arrow_select::concat::concat(&parts.iter().map(|p| p.as_ref()).collect::<Vec<_>>())?;
        Ok(arrow_select::take::take(&all, &UInt32Array::from(places), None)?)
    }

    fn templates(self: &Rc<Self>, all: &[text::Template], cells: &dyn Fn(usize) -> Cell) -> Result<ArrayRef> {
        enum Part<'t> {
            Text(&'t str),
            Texts(StringArray),
            Numbers(Vec<f64>, usize),
        }
        let made: Vec<Vec<Part>> = all
            .iter()
            .map(|template| {
                let part = |piece: &'_ text::Piece| match piece {
                    text::Piece::Value(bound, Some(digits)) => {
                        Ok(Part::Numbers(self.values(bound)?.numbers(), *digits))
                    }
                    text::Piece::Value(bound, None) => Ok(Part::Texts(self.values(bound)?.texts())),
                    text::Piece::Text(_) => Ok(Part::Text("")),
                };
                let mut parts = template.parts.iter().map(part).collect::<Result<Vec<Part>>>()?;
                for (part, piece) in parts.iter_mut().zip(&template.parts) {
                    if let text::Piece::Text(said) = piece {
                        *part = Part::Text(said);
                    }
                }
                Ok(parts)
            })
            .collect::<Result<_>>()?;
        use std::fmt::Write;
        Ok(self.texts(|i, text| {
            let which = if made.len() == 1 { 0 } else { cells(i).below(made.len() as u64) as usize };
            // A value that is missing leaves its place empty.
            made[which].iter().for_each(|part| match part {
                Part::Text(said) => text.push_str(said),
                Part::Texts(all) => {
                    let i = if all.len() == 1 { 0 } else { i };
                    text.push_str(if all.is_valid(i) { all.value(i) } else { "" });
                }
                Part::Numbers(all, digits) => {
                    let x = all[if all.len() == 1 { 0 } else { i }];
                    if !x.is_nan() {
                        // Writing into a text does not fail.
                        let _ = write!(text, "{x:.digits$}", digits = *digits);
                    }
                }
            });
            true
        }))
    }

    /// All columns of the table's trained artefact. It draws whole blocks of rows, and whole blocks anew for rows that try again.
    fn learned(self: &Rc<Self>) -> Result<Rc<Vec<ArrayRef>>> {
        if let Some(slots) = &*self.slots.borrow() {
            return Ok(slots.clone());
        }
        let plan = &self.engine.plan;
        let table = &plan.tables[self.table];
        let Some(artefact) = &plan.artefacts[self.table] else {
            return Err(self.wrong_at("has no trained artefact".to_owned()));
        };
        let numbers = self.numbers()?;
        let whole: Vec<(u64, u32)> =
            numbers.iter().enumerate().map(|(i, number)| (number / BLOCK, self.rows.attempt(i))).collect();
        let mut drawn: Vec<(u64, u32)> = whole.clone();
        drawn.sort_unstable();
        drawn.dedup();
        let mut made: Vec<Vec<ArrayRef>> = Vec::new();
        for &(block, attempt) in &drawn {
            let mut rows = Rows::numbered(block * BLOCK, (block + 1) * BLOCK);
            rows.attempts = vec![attempt; BLOCK as usize];
            let all = Rc::new(Block::bare(self.engine, self.table, rows));
            let given = table.learned.iter().flat_map(|(_, given)| given);
            let given =
                given.map(|&g| Ok((table.columns[g].name.clone(), all.column(g)?))).collect::<Result<Vec<_>>>()?;
            let seed = Cell::new(table.key.again(attempt), block).bits();
            made.push(artefact.rows(seed, BLOCK as usize, &given)?);
        }
        let place = |i: usize| {
            let block = drawn.partition_point(|d| *d < whole[i]);
            Some((block as u64 * BLOCK + numbers[i] % BLOCK) as u32)
        };
        let index: UInt32Array = (0..numbers.len()).map(place).collect();
        let columns = (0..made.first().map_or(0, Vec::len)).map(|k| {
            let parts: Vec<&dyn Array> = made.iter().map(|m| m[k].as_ref()).collect();
            Ok(arrow_select::take::take(&arrow_select::concat::concat(&parts)?, &index, None)?)
        });
        let columns = Rc::new(columns.collect::<Result<Vec<ArrayRef>>>()?);
        *self.slots.borrow_mut() = Some(columns.clone());
        Ok(columns)
    }

    /// What a process is told of each of these rows.
    pub(super) fn inputs(self: &Rc<Self>, sources: &[crate::plan::Source]) -> Result<Inputs> {
        let columns = sources.iter().map(|source| Ok(Values::of(self.source(source)?.as_ref())));
        Ok(Inputs(columns.collect::<Result<_>>()?))
    }
}

/// What a process is told of rows, column by column.
pub(super) struct Inputs(Vec<Values>);

impl Inputs {
    pub(super) fn row(&self, i: usize) -> Vec<Value> {
        let one = |values: &Values| match values {
            Values::Null => Value::Null,
            Values::Yes(all) if all[i] == 2 => Value::Null,
            Values::Yes(all) => Value::Yes(all[i] == 1),
            Values::Number(all) if all[i].is_nan() => Value::Null,
            Values::Number(all) => Value::Number(all[i]),
            Values::Text(all) if all.is_null(i) => Value::Null,
            Values::Text(all) => Value::Text(all.value(i).into()),
            Values::Time(all, _) if all[i] == NEVER => Value::Null,
            Values::Time(all, _) => Value::Time(all[i]),
        };
        self.0.iter().map(one).collect()
    }
}

impl Samplers {
    /// The sampler of a row; `None` where a parameter is missing.
    fn at(&self, d: &Distribution, i: usize) -> Result<Option<std::borrow::Cow<'_, Sampler>>, String> {
        match self {
            Samplers::One(sampler) => Ok(Some(std::borrow::Cow::Borrowed(sampler))),
            Samplers::Each(parameters) => {
                let parameters: Vec<f64> = parameters.iter().map(|p| p.at(i)).collect();
                Ok(Sampler::new(d.family, &parameters)?.map(std::borrow::Cow::Owned))
            }
        }
    }
}

impl Column {
    /// What the values of its cases are held as.
    fn kind_of_cases(&self) -> Kind {
        if self.after.format.is_some() { Kind::Time } else { self.kind }
    }
}

impl Maker {
    /// Whether values follow from others, so that drawing again changes nothing.
    pub(super) fn follows(&self) -> bool {
        matches!(self, Maker::Field(..) | Maker::Template(_) | Maker::Expr(_))
    }

    /// Whether it draws within `min`, `max` and to digits itself.
    fn is_bounded(&self) -> bool {
        matches!(self, Maker::Distribution(_) | Maker::Mixture(_) | Maker::Empirical(_, true))
    }
}

/// The place of a share among weights; `None` if none is above 0.
fn weighed(weights: impl Iterator<Item = f64> + Clone, u: f64) -> Option<usize> {
    let weights = weights.map(|w| if w > 0.0 && w.is_finite() { w } else { 0.0 });
    let total: f64 = weights.clone().sum();
    if total <= 0.0 {
        return None;
    }
    let (mut left, mut last) = (u * total, None);
    for (k, weight) in weights.enumerate() {
        if weight > 0.0 {
            last = Some(k);
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
    }
    last
}

/// Texts that came before with a number, in front of an `@` if there is one.
fn numbered(array: &ArrayRef, again: impl Fn(usize) -> u32) -> ArrayRef {
    let texts = Values::of(array.as_ref()).texts();
    let one = |i: usize| {
        let text = texts.is_valid(i).then(|| texts.value(i))?;
        Some(match (again(i), text.split_once('@')) {
            (0, _) => text.to_owned(),
            (k, Some((name, host))) => format!("{name}{}@{host}", k + 1),
            (k, None) => format!("{text}{}", k + 1),
        })
    };
    Arc::new((0..array.len()).map(one).collect::<StringArray>())
}

/// Version 4, RFC 9562.
fn uuid(cell: &mut Cell, text: &mut String) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let (high, low) = (cell.bits(), cell.bits());
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    for (k, word) in [(0, high), (1, low)] {
        for digit in 0..16 {
            if matches!((k, digit), (0, 8 | 12) | (1, 0 | 4)) {
                text.push('-');
            }
            text.push(char::from(HEX[(word >> (60 - 4 * digit) & 0xf) as usize]));
        }
    }
}
