//! Steps of dense series as networks see them: numbers standardised, labels as flags ([`channels`]), what is new in each step
//! ([`whiten`]), and what they are told beside ([`told`]).

pub mod channels;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub mod testkit;
pub mod told;
pub mod whiten;

use verisim_data::series::{Series, Spec};

use super::{Contexts, EncodedSeries};
use crate::error::{Error, Result};
use crate::learn::Split;
use crate::weights::Weights;
use channels::Channels;
use told::Told;
use whiten::Whitener;

/// Where the tensors of the contexts lie among those of a model.
const CONTEXT: &str = "sequence";

/// What is learnt in closed form.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    pub channels: Channels,
    pub whitener: Whitener,
    pub told: Told,
    /// The token of the time since the step before where there is no step before, if the steps have such times.
    pub gap: Option<u32>,
    /// The time between two steps, where it is always the same.
    pub every: f64,
    /// Whether all is one long series.
    pub joined: bool,
}

impl Parts {
    fn of(spec: &Spec, channels: Channels, whitener: Whitener, told: Told) -> Parts {
        let shape = &spec.shape;
        let gap = spec.steps.columns.first().filter(|_| shape.has_gap());
        Parts {
            channels,
            whitener,
            told,
            gap: gap.map(|codec| codec.missing_token().unwrap_or(0)),
            every: shape.clock.every.unwrap_or(0.0),
            joined: shape.key.is_empty(),
        }
    }

    /// Adds what was learnt to `weights`.
    pub fn put(&self, weights: &mut Weights) {
        self.channels.put(weights);
        self.whitener.put(weights);
        self.told.put(weights);
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not there, or does not fit together.
    pub fn restore(spec: &Spec, weights: &mut Weights) -> Result<Parts> {
        let channels = Channels::restore(&spec.steps, spec.shape.has_gap(), weights)?;
        let whitener = Whitener::restore(weights)?;
        if whitener.values != channels.values || whitener.steps == 0 {
            let problem = "is of other columns than the data have".into();
            return Err(Error::Tensor { name: "whiten".into(), problem });
        }
        Ok(Parts::of(spec, channels, whitener, Told::restore(spec, weights)?))
    }

    /// The first steps of a window, `[steps, width]`, that begins at `time`.
    pub fn white(&self, rows: &[f32], time: Option<f64>) -> White {
        let (values, width) = (self.channels.values, self.channels.width);
        let own: Vec<f32> = rows.chunks_exact(width.max(1)).flat_map(|row| &row[..values]).copied().collect();
        let waves = self.told.calendar(time, rows.len() / width.max(1));
        let new = self.whitener.whiten(&own, &waves);
        let mut rows = rows.to_vec();
        let parts = rows.chunks_exact_mut(width.max(1)).zip(new.u.chunks_exact(values.max(1)));
        parts.for_each(|(row, u)| row[..values].copy_from_slice(u));
        White { rows, expected: new.expected, centres: new.centres }
    }
}

/// The steps of a window with what is new in them in the place of their values, `[steps, width]`, and the values that lines expect, as in
/// [`New`](whiten::New).
pub struct White {
    pub rows: Vec<f32>,
    pub expected: Vec<f32>,
    pub centres: Vec<f32>,
}

/// Where a window lies.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its first row, and how many it has.
    pub start: usize,
    pub steps: usize,
    /// The sequence that it is of.
    pub sequence: usize,
    /// Steps of the sequence before it.
    pub before: usize,
}

/// All windows of `steps` steps of the sequences at `index`, and shorter sequences as they are.
pub fn places(data: &EncodedSeries, index: &[usize], steps: usize) -> Vec<Place> {
    let mut all = Vec::new();
    for run in data.runs(index) {
        let sequence = data.offsets.partition_point(|&o| o <= run.start) - 1;
        let own = steps.min(run.len());
        let windows = run.len() + 1 - own;
        let begin = |k: usize| Place { start: run.start + k, steps: own, sequence, before: k };
        all.extend((0..windows).filter(|_| own > 0).map(begin));
    }
    all
}

/// What is made of series.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// Whether numbers that stand still are a label of their own.
    pub repeats: bool,
    /// Whether steps are told where in the span of one long series they lie.
    pub span: bool,
}

/// Series as a network learns them.
pub struct Dense {
    pub parts: Parts,
    /// All rows, `[rows, width]`, and when each comes.
    pub rows: Vec<f32>,
    pub times: Vec<f64>,
    /// Contexts of the sequences, in numbers.
    pub context: Vec<Vec<f32>>,
    /// The model of the contexts.
    pub contexts: Weights,
}

impl Dense {
    /// Learns what is learnt in closed form of the sequences for training: what is new in a step given the steps before it in windows of
    /// `steps` steps. As `how` says numbers that stand still are a label of their own, and steps
    /// are told where in the span of one long series they lie.
    ///
    /// # Errors
    /// When there is nothing to learn.
    pub fn fit(split: &Split<'_, Series>, steps: usize, how: How) -> Result<Dense> {
        let data = split.encoded;
        let mut contexts = Weights::default();
        Contexts::fit(data, split.train, &mut contexts)?;
        let windows = places(data, split.train, steps);
        if windows.is_empty() {
            return Err(Error::Empty { unit: "steps" });
        }
        let learnt: Vec<usize> = data.runs(split.train).into_iter().flatten().collect();
        let channels =
            Channels::fit(&data.spec.steps, &data.steps.take(&learnt), data.spec.shape.has_gap(), how.repeats);
        let every: Vec<usize> = (0..data.offsets.len() - 1).collect();
        let rows: Vec<f32> = data.runs(&every).into_iter().flat_map(|run| channels.encode(&data.steps, run)).collect();
        let values = values_of(&rows, &channels);
        let window = |p: &Place| &values[p.start * channels.values..(p.start + p.steps) * channels.values];
        let told = Told::fit(data, split.train, how.span);
        let begins = data.runs(&every).into_iter();
        let calendar: Vec<f32> =
            begins.flat_map(|run| told.calendar(data.times.get(run.start).copied(), run.len())).collect();
        let waves = calendar.len() / data.steps.rows.max(1);
        let seen = whiten::Windows {
            rows: windows.iter().map(window).collect(),
            waves: windows.iter().map(|p| &calendar[p.start * waves..(p.start + p.steps) * waves]).collect(),
        };
        let whitener = Whitener::fit(steps, channels.values, &seen);
        let context = (0..data.offsets.len() - 1).map(|i| told.context(&data.context, i)).collect();
        let parts = Parts::of(&data.spec, channels, whitener, told);
        Ok(Dense { parts, rows, times: data.times.clone(), context, contexts })
    }

    /// Adds what was learnt to `weights`.
    pub fn put(&self, weights: &mut Weights) {
        self.parts.put(weights);
        weights.extend(CONTEXT, self.contexts.clone());
    }
}

/// The model of the contexts and what else [`Dense::put`] has put into `weights`.
///
/// # Errors
/// When it is not there, or does not fit together.
pub fn restore(spec: &Spec, weights: &mut Weights) -> Result<(Contexts, Parts)> {
    let contexts = Contexts::restore(spec, &mut weights.split_off(CONTEXT))?;
    Ok((contexts, Parts::restore(spec, weights)?))
}

/// The value channels of all rows.
fn values_of(rows: &[f32], channels: &Channels) -> Vec<f32> {
    match channels.width {
        0 => Vec::new(),
        width => rows.chunks_exact(width).flat_map(|row| &row[..channels.values]).copied().collect(),
    }
}
