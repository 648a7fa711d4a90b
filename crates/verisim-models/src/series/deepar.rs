//! An autoregressive recurrent network (after DeepAR, Salinas et al., 2020): step by step and, in a step, number by number, a density
//! given all that came before.
//!
//! ```text
//! u(t) = what is new in step t                                              (dense/whiten.rs)
//! m(t) = memory of x(1) .. x(t-1)                                           (memory.rs)
//! p(u_j(t)) = sum_k w_k N(mu_k, sigma_k),   w, mu, sigma = f(m(t), calendar, u_1(t) .. u_(j-1)(t))
//! loss = - sum_t sum_j ln p(u_j(t))
//! ```
//!
//! What is done differently, and why:
//! - **What is new is learnt.** A regression of each step on those before it and on the calendar is solved in closed form first, and what
//!   it leaves has normal scores. What is left to the network is how restless a series is and when, and what lines do not say; with a
//!   network that says nothing, samples have the means, covariances and marginals of the data.
//! - **All numbers of a step are one distribution.** Each sees those before it in the step, so that columns which move together do so in samples.
//! - Densities are mixtures of normal distributions, on which likelihood is exact. Windows begin anywhere in a series, with nothing
//!   remembered, as samples do.
//! - Categories, missing values, values that hold many rows and numbers that stand still are labels, drawn before the number that they stand
//!   for. A number is rounded to what its column can hold before the next step sees it.

mod draw;
mod levels;
mod net;

use std::ops::Range;

use burn::module::Module as _;
use burn::tensor::{Device, Tensor, TensorData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, stream, uniform};
use verisim_data::series::{Series, Shape, Spec};
use verisim_data::table::codec::{CodecConfig, Numeric};

use super::dense::{self, Dense, How, Parts, Place, places};
use super::order::Order;
use super::{Encoding, Sampler};
use crate::error::{Error, Result};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::nets::params::{weights_of, with_weights};
use crate::noise;
use crate::read;
use crate::step::{self, Cuts, Epochs, Learner};
use crate::training::Training;
use crate::weights::Weights;
use draw::Kept;
use levels::{Levels, PLACE, Restless};
use net::{Layout, MOST, Masks, Net, Seen, Target, loss};

/// Steps that are learnt at a time, at least, where nobody says.
const WINDOW: usize = 128;
/// Longest sequences of a panel that are learnt whole where nobody says.
const WHOLE: usize = 256;
/// Most steps that one is regressed on.
const PAST: usize = 32;
/// Share of windows that are not told when they come.
const UNTOLD: f64 = 0.1;

/// Settings of the recurrent network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Steps that are learnt at a time; when not given two windows of the data, and 128 at least; whole sequences where they are short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// Width of the memory.
    pub width: usize,
    /// Its layers.
    pub layers: usize,
    /// Hidden units of each number of a step.
    pub units: usize,
    /// Normal distributions of a mixture.
    pub components: usize,
    /// Share of the memory that a training step leaves out.
    pub dropout: f64,
    /// Whether steps are told where in the span of one long series they lie; then a sample has the levels of its time.
    pub span: bool,
    /// Whether rules of order are found and kept.
    pub order: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { window: None, width: 64, layers: 1, units: 32, components: 6, dropout: 0.4, span: true, order: true }
    }
}

impl Config {
    /// Steps that are learnt at a time of series of this shape.
    fn window(&self, shape: &Shape) -> usize {
        let longest = shape.lengths[1].max(1);
        let own = match shape.key.is_empty() {
            true => shape.window.map_or(WINDOW, |w| (2 * w).max(WINDOW)),
            false => WHOLE,
        };
        self.window.unwrap_or(own).clamp(1, longest)
    }
}

impl Model<Series> for Config {
    fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Setting { model: "deepar", key: key.into(), rule: rule.into() });
        let within = |key: &str, value: usize, most: usize| match (1..=most).contains(&value) {
            true => Ok(()),
            false => bad(key, &format!("must lie between 1 and {most}")),
        };
        if let Some(window) = self.window {
            within("window", window, 4096)?;
        }
        within("width", self.width, 4096)?;
        within("layers", self.layers, 16)?;
        within("units", self.units, 1024)?;
        within("components", self.components, 64)?;
        if !(0.0..1.0).contains(&self.dropout) {
            return bad("dropout", "must be at least 0 and below 1");
        }
        Ok(())
    }

    fn encoding(&self) -> Encoding {
        CodecConfig { numeric: Numeric::Normal, bins: 256, rare: 5, max_levels: 4096 }.into()
    }

    fn training(&self) -> Option<Training> {
        Some(Training {
            batch_size: 16,
            epochs: 500,
            min_steps: 300,
            learning_rate: 2e-3,
            weight_decay: 0.1,
            clip: 1.0,
            ema: 0.995,
            validation: 0.15,
            patience: 10,
            ..Training::default()
        })
    }

    fn start(&self, split: &Split<'_, Series>, setup: &Setup<'_>) -> Result<Start<Series>> {
        Ok(Start::Steps(Box::new(Deepar::new(self, split, setup)?)))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<Box<Sampler>> {
        let (contexts, parts) = dense::restore(spec, weights)?;
        let levels = Levels::restore(parts.channels.values, weights)?;
        let spans = spec.steps.spans();
        let order = Order::restore(&spans, weights)?;
        let kept = Kept { told: order.notes(spec), order, spans };
        let layout = Layout::new(&parts.channels, told(&parts));
        // A damaged header must not decide how much memory is taken.
        if layout.count(self) > weights.count() {
            return Err(Error::Misfit { sizes: None });
        }
        let net = with_weights(Net::new(self, &layout, 0, device).valid(), weights)?;
        let steps = draw::Network::new(parts, levels, layout, net, kept, self, device)?;
        Ok(Box::new(Sampler { contexts, steps: Box::new(steps) }))
    }
}

/// Numbers that a step is told: those of [`Told::window`](dense::told::Told::window), how many steps are left, where its numbers are
/// expected, and how restless they were.
fn told(parts: &Parts) -> usize {
    parts.told.width() + LEFT + (PLACE + Restless::WIDTH) * parts.channels.values
}

/// Numbers that tell how many steps are left.
const LEFT: usize = 2;

/// Tells the step that comes at `time`, with `before` steps of its sequence before it and `left` after it.
fn tell(parts: &Parts, context: &[f32], time: Option<f64>, before: usize, left: usize, out: &mut Vec<f32>) {
    out.extend(parts.told.window(context, time, before));
    match parts.joined {
        true => out.extend([0.0; LEFT]),
        false => out.extend([f32::from(u8::from(left == 0)), ((1 + left) as f64).ln() as f32 / 4.0]),
    }
}

/// Tells a step by its row `white`, with what is new in place of its numbers: `[drawn]`.
fn drawn(layout: &Layout, white: &[f32], out: &mut Vec<f32>) {
    let (numbers, flags) = white.split_at(layout.values);
    out.extend_from_slice(numbers);
    out.extend(numbers.iter().map(|u| u.abs()));
    out.extend_from_slice(flags);
}

/// What is remembered of a step: [`drawn`], its levels, their changes since the step before it, and that it is there.
fn remember(layout: &Layout, white: &[f32], row: &[f32], before: Option<&[f32]>, out: &mut Vec<f32>) {
    drawn(layout, white, out);
    let values = &row[..layout.values];
    out.extend(values.iter().map(|x| x.clamp(-MOST, MOST)));
    match before {
        Some(before) => out.extend(values.iter().zip(before).map(|(x, b)| (x - b).clamp(-MOST, MOST))),
        None => out.extend(std::iter::repeat_n(0.0, layout.values)),
    }
    out.push(1.0);
}

/// The network in training.
pub struct Deepar {
    data: Dense,
    levels: Levels,
    order: Order,
    layout: Layout,
    masks: Masks,
    window: usize,
    /// Steps of all sequences for training.
    steps: usize,
    /// Rows after the last of each sequence.
    ends: Vec<usize>,
    train: Vec<Place>,
    validation: Vec<Place>,
    dropout: f64,
    width: usize,
    batch: usize,
    device: Device,
    cuts: Cuts,
    learner: Learner<Net>,
    epochs: Epochs,
}

/// One batch.
struct Task {
    seen: Seen,
    target: Target,
}

impl Deepar {
    /// Learns what is learnt in closed form; weights from the seed.
    ///
    /// # Errors
    /// When the settings make no sense, or there is nothing to learn.
    pub fn new(config: &Config, split: &Split<'_, Series>, setup: &Setup<'_>) -> Result<Deepar> {
        config.check()?;
        let encoded = split.encoded;
        let window = config.window(&encoded.spec.shape);
        let data = Dense::fit(split, window.min(PAST), How { repeats: true, span: config.span })?;
        let train = places(encoded, split.train, window);
        // No two windows that validate overlap.
        let mut validation = places(encoded, split.validation, window);
        validation.retain(|p| p.before.is_multiple_of(window) || p.steps < window);
        let layout = Layout::new(&data.parts.channels, told(&data.parts));
        let rows = |run: Range<usize>| {
            data.rows[run.start * layout.channels..run.end * layout.channels].chunks_exact(layout.channels.max(1))
        };
        let learnt: Vec<&[f32]> = encoded.runs(split.train).into_iter().flat_map(rows).collect();
        let order = match config.order {
            true => Order::find(&encoded.step_spans(), &encoded.steps, &encoded.runs(split.train)),
            false => Order::default(),
        };
        Ok(Deepar {
            order,
            levels: Levels::fit(&learnt, layout.values),
            masks: Masks::new(&layout, config.units, &setup.device.clone().inner()),
            window,
            steps: encoded.runs(split.train).iter().map(Range::len).sum(),
            ends: encoded.offsets[1..].to_vec(),
            batch: setup.training.batch(train.len()),
            train,
            validation,
            dropout: config.dropout,
            width: config.width,
            device: setup.device.clone(),
            cuts: Cuts::of(setup),
            learner: Learner::new(Net::new(config, &layout, setup.seed, setup.device), setup.training),
            epochs: Epochs::default(),
            data,
            layout,
        })
    }

    /// A batch of windows; with `rng` some of them are not told when they come, and some of the memory is left out.
    fn task(&self, places: &[Place], mut rng: Option<&mut Stream>) -> Task {
        let Layout { channels, values, .. } = self.layout;
        let (layout, steps) = (&self.layout, self.window);
        let rows = places.len() * steps;
        let (mut remembered, mut seen) =
            (Vec::with_capacity(rows * layout.remembered()), Vec::with_capacity(rows * layout.seen()));
        let mut told = Vec::with_capacity(rows * layout.told);
        let (mut numbers, mut counts) = (vec![0f32; rows * values], vec![0f32; rows]);
        let width = layout.width;
        let mut labels = vec![0f32; rows * width];
        for (i, place) in places.iter().enumerate() {
            let plain = &self.data.rows[place.start * channels..(place.start + place.steps) * channels];
            let known = rng.as_mut().is_none_or(|rng| uniform(*rng) >= UNTOLD);
            let time = |row: usize| self.data.times.get(row).copied().filter(|_| known);
            let white = self.data.parts.white(plain, time(place.start));
            let mut restless = Restless::new(values);
            let context = self.data.context.get(place.sequence).map_or(&[][..], Vec::as_slice);
            let end = self.ends[place.sequence];
            for t in 0..place.steps {
                let row = |t: usize| &plain[t * channels..(t + 1) * channels];
                let new = |t: usize| &white.rows[t * channels..(t + 1) * channels];
                match t {
                    0 => remembered.resize(remembered.len() + layout.remembered(), 0.0),
                    t => remember(layout, new(t - 1), row(t - 1), (t > 1).then(|| row(t - 2)), &mut remembered),
                }
                drawn(layout, new(t), &mut seen);
                self.levels.tell(&white.centres[t * values..(t + 1) * values], &mut seen);
                let at = place.start + t;
                let time = match self.data.parts.gap {
                    // When a step comes is not known before it is drawn.
                    Some(_) => at.checked_sub(1).filter(|_| place.before + t > 0).and_then(time),
                    None => time(at),
                };
                tell(&self.data.parts, context, time, place.before + t, end.saturating_sub(at + 1), &mut told);
                self.levels.tell(&white.expected[t * values..(t + 1) * values], &mut told);
                restless.tell(&mut told);
                restless.pass(&new(t)[..values]);
                let k = i * steps + t;
                counts[k] = 1.0;
                let is_first = place.before + t == 0;
                self.count(new(t), is_first, &mut numbers[k * values..][..values], &mut labels[k * width..][..width]);
            }
            let padded = (i + 1) * steps;
            remembered.resize(padded * layout.remembered(), 0.0);
            seen.resize(padded * layout.seen(), 0.0);
            told.resize(padded * layout.told, 0.0);
        }
        let device = self.device.clone().inner();
        let tensor = |v: Vec<f32>, width: usize| Tensor::<2>::from_data(TensorData::new(v, [rows, width]), &device);
        let dropout = rng.filter(|_| self.dropout > 0.0);
        let dropout = dropout.map(|rng| noise::fresh_dropout(rng, rows, self.width, 1.0 - self.dropout, &device));
        let seen = Seen {
            remembered: tensor(remembered, layout.remembered()),
            told: tensor(told, layout.told),
            seen: tensor(seen, layout.seen()),
            dropout,
            steps,
        };
        let target = Target {
            numbers: tensor(numbers, values),
            labels: (width > 0).then(|| tensor(labels, width)),
            counts: tensor(counts, 1),
        };
        Task { seen, target }
    }

    /// Which numbers of a step are scored, and which labels it has.
    fn count(&self, white: &[f32], is_first: bool, numbers: &mut [f32], labels: &mut [f32]) {
        for (cell, first) in self.layout.cells.iter().zip(&self.layout.logits) {
            let k = cell.label(white);
            if let Some(first) = first {
                labels[first + k] = 1.0;
            }
            if let Some(at) = cell.value {
                let is_gap = self.data.parts.gap.is_some() && at == 0;
                numbers[at] = f32::from(u8::from(cell.is_number[k] && !(is_gap && is_first)));
            }
        }
    }
}

/// A task on a device with gradients.
fn tracked(task: Task, device: &Device) -> Task {
    let up = |x: Tensor<2>| step::tracked(x, device);
    let Task { seen, target } = task;
    Task {
        seen: Seen {
            remembered: up(seen.remembered),
            told: up(seen.told),
            seen: up(seen.seen),
            dropout: seen.dropout.map(up),
            steps: seen.steps,
        },
        target: Target { numbers: up(target.numbers), labels: target.labels.map(up), counts: up(target.counts) },
    }
}

impl Trainee<Series> for Deepar {
    /// As many windows as would cover the series side by side.
    fn steps_per_epoch(&self) -> u64 {
        (self.steps / (self.window * self.batch)).max(1) as u64
    }

    fn step(&mut self, clock: &Clock) -> Result<Losses> {
        let index = self.epochs.batch(clock.seed, clock.step, self.train.len(), self.batch);
        let batch: Vec<Place> = index.iter().map(|&i| self.train[i]).collect();
        let scale = 1.0 / batch.iter().map(|p| p.steps).sum::<usize>().max(1) as f64;
        let masks = self.masks.with_gradients();
        let this = &*self;
        let shard = |rows: Range<usize>, net: &Net| {
            let mut rng = stream(clock.seed, "deepar", step::part(clock, &rows));
            let Task { seen, target } = tracked(this.task(&batch[rows], Some(&mut rng)), &this.device);
            let loss = loss(net, seen, target, &masks) * scale;
            (loss.clone(), vec![("loss", loss.inner())])
        };
        let (grads, logs) = step::gradients_of_rows(self.learner.net(), self.cuts, batch.len(), &self.device, shard);
        self.learner.update(grads, clock);
        Ok(step::add_losses(logs))
    }

    /// Nats a step.
    fn validate(&mut self) -> Result<Option<f64>> {
        /// Most windows that are looked at.
        const LOOKED_AT: usize = 512;
        let every = self.validation.len().div_ceil(LOOKED_AT).max(1);
        let places: Vec<Place> = self.validation.iter().copied().step_by(every).collect();
        let (net, mut total) = (self.learner.average(), 0.0);
        for part in places.chunks(64) {
            let Task { seen, target } = self.task(part, None);
            total += read::number(loss(&net, seen, target, &self.masks))?;
        }
        let steps: usize = places.iter().map(|p| p.steps).sum();
        Ok((steps > 0).then(|| total / steps as f64))
    }

    fn keep(&mut self) {
        self.learner.keep();
    }

    fn save(&self) -> Result<Weights> {
        let mut weights = Weights::default();
        self.learner.save(&mut weights, "net")?;
        Ok(weights)
    }

    fn load(&mut self, mut weights: Weights) -> Result<()> {
        self.learner.load(&mut weights, "net")
    }

    fn finish(&mut self, _: u64) -> Result<Weights> {
        let mut weights = weights_of(&self.learner.best())?;
        self.data.put(&mut weights);
        self.levels.put(&mut weights);
        self.order.store(&mut weights);
        Ok(weights)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
