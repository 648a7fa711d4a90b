//! The series of one evaluation on common ground: the steps of all files lie one under the other, numbers scaled by the training series
//! alone, categories as codes into one list of levels.
//!
//! **Numbers** go from 0 to 1 over the training steps. Where there is a key, a column that is positive and whose maximum exceeds 20 medians
//! is taken as its logarithm first. A missing number is counted as missing; whoever cannot do without a value takes the one before it in
//! the sequence, else the training median. A word among numbers is missing.
//!
//! **Categories** are what the schema calls so; a missing one is a level of its own. Levels that the training series do not have come last.
//!
//! **Channels** are what networks see of a step: every number, whether it is missing, levels (the 20 commonest, the rest as one), the time
//! since the step before, the context, and the change of each number since the step before. All are standardised by the training steps
//! and cut at five deviations. At the first step of whatever is shown there is no step before, so that a window out of the middle of a
//! long series looks like one that was made alone.

use std::collections::BTreeMap;

use verisim_data::series::{Sequences, Shape};
use verisim_data::table::{Column, Field, MISSING};

use crate::{Error, Result};

/// Levels of a category that networks see; the others share a channel.
pub(crate) const TOP: usize = 20;
/// Levels whose shares are looked at one by one.
pub(crate) const COMMON: usize = 10;
/// A maximum so many times the median makes a positive column be taken as its logarithm.
const SKEWED: f64 = 20.0;
/// Standard deviations at which a channel is cut.
const FAR: f32 = 5.0;
/// What stands for a missing category.
const MISSING_LEVEL: &str = "(missing)";

/// A column of numbers, and how it is scaled.
#[derive(Clone, Debug)]
pub(crate) struct Number {
    pub name: String,
    log: bool,
    low: f64,
    span: f64,
    /// The smallest training value.
    smallest: f64,
    /// What stands for a value where there is none before it, scaled.
    middle: f64,
}

impl Number {
    fn of(name: &str, train: &[f64], may_log: bool) -> Number {
        let mut known: Vec<f64> = train.iter().copied().filter(|x| x.is_finite()).collect();
        known.sort_unstable_by(f64::total_cmp);
        let (Some(&smallest), Some(&largest)) = (known.first(), known.last()) else {
            return Number { name: name.to_owned(), log: false, low: 0.0, span: 1.0, smallest: 0.0, middle: 0.0 };
        };
        let median = (known[(known.len() - 1) / 2] + known[known.len() / 2]) / 2.0;
        let log = may_log && smallest > 0.0 && largest > SKEWED * median;
        let [low, high] = [smallest, largest].map(|x| if log { x.ln() } else { x });
        let span = if high - low > 0.0 && (high - low).is_finite() { high - low } else { 1.0 };
        let mut number = Number { name: name.to_owned(), log, low, span, smallest, middle: 0.0 };
        number.middle = number.scaled(median);
        number
    }

    fn scaled(&self, x: f64) -> f64 {
        match x {
            x if !x.is_finite() => f64::NAN,
            x if self.log => (x.max(self.smallest / 10.0).ln() - self.low) / self.span,
            x => (x - self.low) / self.span,
        }
    }

    /// The value of a scaled number.
    pub fn value(&self, scaled: f64) -> f64 {
        let x = scaled * self.span + self.low;
        if self.log { x.exp() } else { x }
    }
}

/// A column of categories.
#[derive(Clone, Debug)]
pub(crate) struct Category {
    pub name: String,
    /// Those of the training series first, the commonest of all before the others.
    pub levels: Vec<String>,
    /// How many of them the training series have.
    pub train: usize,
}

impl Category {
    /// Channels of its levels.
    fn width(&self) -> usize {
        self.train.min(TOP) + usize::from(self.has_rest())
    }

    fn has_rest(&self) -> bool {
        self.train > TOP || self.levels.len() > self.train
    }

    /// Classes that are told apart in a prediction: those that have a channel.
    pub fn classes(&self) -> usize {
        self.width().max(1)
    }

    /// The class of a level.
    pub fn class(&self, code: u32) -> usize {
        self.channel(code).unwrap_or(0)
    }

    /// The channel of a level; none where a level has none.
    fn channel(&self, code: u32) -> Option<usize> {
        let (code, seen) = (code as usize, self.train.min(TOP));
        match code < seen {
            true => Some(code),
            false => self.has_rest().then_some(seen),
        }
    }
}

/// Columns of one sort: numbers scaled, `NaN` where missing; codes of categories.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    pub numbers: Vec<Number>,
    pub raw: Vec<Vec<f64>>,
    pub categories: Vec<Category>,
    pub codes: Vec<Vec<u32>>,
}

/// A stretch of steps, and whose they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: usize,
    pub length: usize,
    pub owner: usize,
}

/// All series of an evaluation.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    /// What changes, one entry a step.
    pub steps: Values,
    /// What is the same throughout a sequence, one entry a sequence.
    pub context: Values,
    /// The numbers of the steps with every gap filled.
    pub filled: Vec<Vec<f64>>,
    /// When each step comes.
    pub times: Vec<f64>,
    /// Whether the time between steps varies, whether sequences start at times of their own.
    pub has_gap: bool,
    pub has_start: bool,
    /// Steps of a window of long series; whole sequences where there is none.
    pub window: Option<usize>,
    /// Where sequences lie: of the training series, the synthetic ones, and those that were held out.
    pub real: Vec<Span>,
    pub synthetic: Vec<Span>,
    pub holdout: Option<Vec<Span>>,
    /// Channels of a step, and the channels of all steps.
    pub width: usize,
    channels: Vec<f32>,
    /// Channels that look back, and what they are where there is nothing to look back at.
    back: Vec<(usize, f32)>,
}

impl Set {
    /// Brings series of one shape together.
    ///
    /// # Errors
    /// When one has no steps, or none has a column to compare.
    pub fn new(
        shape: &Shape,
        real: &Sequences,
        synthetic: &Sequences,
        holdout: Option<&Sequences>,
        window: Option<usize>,
    ) -> Result<Set> {
        let named = [("real", Some(real)), ("synthetic", Some(synthetic)), ("hold-out", holdout)];
        let all: Vec<(&'static str, &Sequences)> = named.into_iter().filter_map(|(n, s)| Some((n, s?))).collect();
        if let Some((table, _)) = all.iter().find(|(_, s)| s.steps.rows == 0) {
            return Err(Error::NoRows { table });
        }
        let all: Vec<&Sequences> = all.into_iter().map(|(_, s)| s).collect();
        let own = usize::from(shape.has_gap());
        let (step_fields, context_fields) = (&shape.steps, &shape.context);
        let skip = usize::from(shape.has_start()) + usize::from(shape.has_length());
        let step_columns: Vec<&[Column]> = all.iter().map(|s| s.steps.columns.get(own..).unwrap_or(&[])).collect();
        let context_columns: Vec<&[Column]> =
            all.iter().map(|s| s.context.columns.get(skip..).unwrap_or(&[])).collect();
        let may_log = window.is_none();
        let steps = Values::of(&step_fields.modelled().collect::<Vec<_>>(), &step_columns, may_log);
        let context = Values::of(&context_fields.modelled().collect::<Vec<_>>(), &context_columns, may_log);
        if steps.numbers.is_empty() && steps.categories.is_empty() && !shape.has_gap() {
            return Err(Error::NoColumns);
        }
        let (mut from, mut sequence) = (0, 0);
        let mut spans = all.iter().map(|s| {
            let lengths: Vec<usize> = s.lengths().collect();
            let own: Vec<Span> = lengths
                .into_iter()
                .map(|length| {
                    let span = Span { start: from, length, owner: sequence };
                    (from, sequence) = (from + length, sequence + 1);
                    span
                })
                .collect();
            own
        });
        let (real, synthetic) = (spans.next().unwrap_or_default(), spans.next().unwrap_or_default());
        let holdout = spans.next();
        let mut set = Set {
            filled: Vec::new(),
            times: all.iter().flat_map(|s| &s.times).copied().collect(),
            has_gap: shape.has_gap(),
            has_start: shape.has_start(),
            steps,
            context,
            window,
            real,
            synthetic,
            holdout,
            width: 0,
            channels: Vec::new(),
            back: Vec::new(),
        };
        set.filled = set.steps.raw.iter().zip(&set.steps.numbers).map(|(raw, n)| set.fill(raw, n.middle)).collect();
        set.channels();
        Ok(set)
    }

    /// All sequences of all files.
    fn spans(&self) -> impl Iterator<Item = &Span> {
        self.real.iter().chain(&self.synthetic).chain(self.holdout.iter().flatten())
    }

    /// Number of steps.
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// The time since the step before; `NaN` at the first step of a sequence.
    pub fn gaps(&self) -> Vec<f64> {
        let mut gaps = vec![f64::NAN; self.rows()];
        for span in self.spans() {
            let times = self.times[span.start..span.start + span.length].windows(2).map(|w| w[1] - w[0]);
            gaps[span.start..].iter_mut().skip(1).zip(times).for_each(|(gap, found)| *gap = found);
        }
        gaps
    }

    fn fill(&self, raw: &[f64], middle: f64) -> Vec<f64> {
        let mut filled = raw.to_vec();
        for span in self.spans() {
            let mut last = middle;
            for x in &mut filled[span.start..span.start + span.length] {
                if x.is_nan() {
                    *x = last;
                }
                last = *x;
            }
        }
        filled
    }

    /// Computes what networks see.
    fn channels(&mut self) {
        let rows = self.rows();
        let mut all: Vec<Vec<f32>> = Vec::new();
        let mut back = Vec::new();
        all.extend(self.filled.iter().map(|v| v.iter().map(|&x| x as f32).collect::<Vec<f32>>()));
        for raw in self.steps.raw.iter().filter(|raw| raw.iter().any(|x| x.is_nan())) {
            all.push(raw.iter().map(|x| f32::from(u8::from(x.is_nan()))).collect());
        }
        let levels = |category: &Category, codes: &mut dyn Iterator<Item = u32>| {
            let codes: Vec<Option<usize>> = codes.map(|code| category.channel(code)).collect();
            let one = |k: usize| codes.iter().map(|c| f32::from(u8::from(*c == Some(k)))).collect::<Vec<f32>>();
            (0..category.width()).map(one).collect::<Vec<_>>()
        };
        for (category, codes) in self.steps.categories.iter().zip(&self.steps.codes) {
            all.extend(levels(category, &mut codes.iter().copied()));
        }
        if self.has_gap {
            back.push(all.len());
            all.push(
                self.gaps()
                    .iter()
                    .map(|gap| gap.max(0.0).ln_1p() as f32)
                    .map(|x| if x.is_finite() { x } else { 0.0 })
                    .collect(),
            );
        }
        let owners: Vec<usize> = {
            let mut owners = vec![0; rows];
            self.spans().for_each(|s| owners[s.start..s.start + s.length].fill(s.owner));
            owners
        };
        for raw in &self.context.raw {
            all.push(owners.iter().map(|&o| if raw[o].is_nan() { 0.0 } else { raw[o] as f32 }).collect());
        }
        for (category, codes) in self.context.categories.iter().zip(&self.context.codes) {
            all.extend(levels(category, &mut owners.iter().map(|&o| codes[o])));
        }
        for filled in &self.filled {
            back.push(all.len());
            let mut change = vec![0.0_f32; rows];
            for span in self.spans() {
                for i in span.start + 1..span.start + span.length {
                    change[i] = (filled[i] - filled[i - 1]) as f32;
                }
            }
            all.push(change);
        }
        let train: usize = self.real.iter().map(|s| s.length).sum();
        let width = all.len();
        let mut channels = vec![0.0_f32; rows * width];
        let mut rest = vec![0.0_f32; width];
        for (k, values) in all.iter().enumerate() {
            let n = train as f64;
            let mean = values[..train].iter().map(|&x| f64::from(x)).sum::<f64>() / n;
            let variance = values[..train].iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
            let deviation = if variance.sqrt() < 1e-6 { 1.0 } else { variance.sqrt() };
            let standard = |x: f32| ((f64::from(x) - mean) / deviation).clamp(-f64::from(FAR), f64::from(FAR)) as f32;
            values.iter().enumerate().for_each(|(i, &x)| channels[i * width + k] = standard(x));
            rest[k] = standard(0.0);
        }
        self.back = back.into_iter().map(|k| (k, rest[k])).collect();
        (self.width, self.channels) = (width, channels);
    }

    /// What networks see of some steps: a row a step, [`Set::width`] channels each, zeros up to `most` rows.
    pub fn seen(&self, start: usize, length: usize, most: usize) -> Vec<f32> {
        let c = self.width;
        let length = length.min(most);
        let mut out = vec![0.0; most * c];
        out[..length * c].copy_from_slice(&self.channels[start * c..(start + length) * c]);
        if length > 0 {
            self.back.iter().for_each(|&(k, rest)| out[k] = rest);
        }
        out
    }
}

impl Values {
    /// The columns of several frames, one under the other; the first of them is scaled by.
    fn of(fields: &[&Field], frames: &[&[Column]], may_log: bool) -> Values {
        let mut values = Values::default();
        for (j, field) in fields.iter().enumerate() {
            let columns: Vec<&Column> = frames.iter().filter_map(|f| f.get(j)).collect();
            match columns.first() {
                Some(Column::Number(train)) => {
                    let number = Number::of(&field.name, train, may_log);
                    let all = columns.iter().flat_map(|c| match c {
                        Column::Number(v) => v.iter().map(|&x| number.scaled(x)).collect::<Vec<_>>(),
                        Column::Category { codes, .. } => vec![f64::NAN; codes.len()],
                    });
                    values.raw.push(all.collect());
                    values.numbers.push(number);
                }
                Some(Column::Category { .. }) => {
                    let (category, codes) = category(&field.name, &columns);
                    values.categories.push(category);
                    values.codes.push(codes);
                }
                None => {}
            }
        }
        values
    }
}

/// One list of levels for several columns, and their codes in it.
fn category(name: &str, columns: &[&Column]) -> (Category, Vec<u32>) {
    let text = |column: &Column| -> Vec<String> {
        match column {
            Column::Category { codes, levels } => {
                let level = |&code: &u32| match code {
                    MISSING => MISSING_LEVEL.to_owned(),
                    code => levels.get(code as usize).cloned().unwrap_or_else(|| MISSING_LEVEL.to_owned()),
                };
                codes.iter().map(level).collect()
            }
            Column::Number(v) => vec![MISSING_LEVEL.to_owned(); v.len()],
        }
    };
    let texts: Vec<Vec<String>> = columns.iter().map(|c| text(c)).collect();
    let mut levels: Vec<String> = Vec::new();
    let mut code: BTreeMap<String, u32> = BTreeMap::new();
    let mut train = 0;
    for (k, texts) in texts.iter().enumerate() {
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        texts.iter().filter(|t| !code.contains_key(*t)).for_each(|t| *counts.entry(t).or_default() += 1);
        let mut new: Vec<(&String, usize)> = counts.into_iter().collect();
        new.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let new: Vec<String> = new.into_iter().map(|(t, _)| t.clone()).collect();
        for level in new {
            code.insert(level.clone(), levels.len() as u32);
            levels.push(level);
        }
        if k == 0 {
            train = levels.len();
        }
    }
    let codes = texts.iter().flatten().map(|t| code.get(t).copied().unwrap_or(0)).collect();
    (Category { name: name.to_owned(), levels, train }, codes)
}
