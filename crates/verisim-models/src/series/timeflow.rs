//! Flow matching over windows of series: a network learns the velocity that carries noise to windows in a straight line.
//!
//! With `x0` noise, `x1` a window and `t` in `0..1` (Lipman et al., 2023; Liu et al., 2023):
//!
//! ```text
//! x_t = (1 - t) x0 + t x1        v = x1 - x0        loss = mean |u(x_t, t, told) - v|^2
//! ```
//!
//! as for [images](crate::image::flow): `t` is logit-normal in training, and Heun's method follows the velocity.
//!
//! What is done differently, and why:
//! - **Windows are white.** What tells real from made series is fine structure: how far a series moves in a step, how nearly equal columns
//!   differ. It is hardly any of the variance of a window, so a network that sees plain values learns it last. A regression of each
//!   step on those before it, and the quantiles of what that leaves, are learnt in closed form (`dense/whiten.rs`); the network sees what is
//!   new in each step, all of one size. Its output is added to the velocity between normal distributions, so that a network
//!   that says nothing draws windows of the right means, covariances and, nearly, marginals.
//! - **To go on is learnt.** In a part of the windows the first steps are given as they are. A series of any length is windows that
//!   overlap, each given the end of the one before; a past is gone on with in the same way.
//! - Categories, point masses and missing values are flags of -1 and 1 beside the values (`dense/channels.rs`; analog bits, Chen et al.,
//!   2023), and the nearest label is taken in the end.
//! - A window is told the context of its sequence, its place in it, and the phase of its first step in the periods that the clock
//!   can have: hour of the day, day of the week, season. A tenth of the windows is told nothing, for starts that are not known.

mod draw;
mod net;

use std::ops::Range;

use burn::module::Module as _;
use burn::tensor::{Device, Tensor, TensorData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, normal, stream, uniform};
use verisim_data::series::{Series, Shape, Spec};
use verisim_data::table::codec::{CodecConfig, Numeric};

use super::dense::told::Told;
use super::dense::{self, Dense, How, Place, places};
use super::{Encoding, Sampler};
use crate::error::{Error, Result};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::nets::params::{weights_of, with_weights};
use crate::noise;
use crate::read;
use crate::step::{self, Cuts, Epochs, Learner};
use crate::training::Training;
use crate::weights::Weights;
use draw::Windows;
use net::{Net, Sizes, Task, loss};

/// Steps of a window where nobody says.
const WINDOW: usize = 24;
/// Longest sequences of a panel that are one window where nobody says.
const WHOLE: usize = 64;
/// Steps or groups of them that the network tells apart, where nobody says.
const TOKENS: usize = 32;
/// Share of windows that are told nothing.
const UNTOLD: f64 = 0.1;
/// Share of windows whose first steps are given.
const GIVEN: f64 = 0.25;

/// Settings of flow matching over windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Steps of a window; that of the data when not given, whole sequences where they are short, else 24.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// Steps that the network sees as one, at most; as many as leave 32 of them when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<usize>,
    /// Width of its layers.
    pub width: usize,
    /// Its layers.
    pub layers: usize,
    /// Numbers that tell it time, place and context.
    pub condition: usize,
    /// Steps of the sampler.
    pub steps: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { window: None, patch: None, width: 96, layers: 4, condition: 64, steps: 16 }
    }
}

impl Config {
    /// Steps of a window of series of this shape.
    fn window(&self, shape: &Shape) -> usize {
        let longest = shape.lengths[1].max(1);
        let own = match shape.key.is_empty() {
            true => WINDOW,
            false if longest <= WHOLE => longest,
            false => WHOLE / 2,
        };
        self.window.or(shape.window).unwrap_or(own).clamp(1, longest)
    }

    /// Sizes of the network.
    fn sizes(&self, steps: usize, channels: usize, told: &Told) -> Sizes {
        let most = self.patch.unwrap_or(steps.div_ceil(TOKENS)).min(steps);
        let patch = (1..=most).rev().find(|p| steps.is_multiple_of(*p)).unwrap_or(1);
        Sizes { steps, channels, patch, told: told.width(), marks: told.marks() }
    }
}

impl Model<Series> for Config {
    fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Setting { model: "timeflow", key: key.into(), rule: rule.into() });
        let within = |key: &str, value: usize, most: usize| match (1..=most).contains(&value) {
            true => Ok(()),
            false => bad(key, &format!("must lie between 1 and {most}")),
        };
        if let Some(window) = self.window {
            within("window", window, 1024)?;
        }
        if let Some(patch) = self.patch {
            within("patch", patch, 64)?;
        }
        within("width", self.width, 4096)?;
        within("layers", self.layers, 64)?;
        within("condition", self.condition, 4096)?;
        within("steps", self.steps, 1000)
    }

    fn encoding(&self) -> Encoding {
        CodecConfig { numeric: Numeric::Normal, bins: 256, rare: 5, max_levels: 4096 }.into()
    }

    fn training(&self) -> Option<Training> {
        Some(Training {
            batch_size: 128,
            epochs: 60,
            min_steps: 7000,
            learning_rate: 2e-3,
            weight_decay: 1e-2,
            clip: 1.0,
            ema: 0.999,
            validation: 0.1,
            patience: 0,
            ..Training::default()
        })
    }

    fn start(&self, split: &Split<'_, Series>, setup: &Setup<'_>) -> Result<Start<Series>> {
        Ok(Start::Steps(Box::new(Timeflow::new(self, split, setup)?)))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<Box<Sampler>> {
        let (contexts, parts) = dense::restore(spec, weights)?;
        let sizes = self.sizes(parts.whitener.steps, parts.channels.width, &parts.told);
        if sizes.count(self) > weights.count() {
            return Err(Error::Misfit { sizes: None });
        }
        let net = with_weights(Net::new(self, sizes, 0, device).valid(), weights)?;
        let steps = Windows { parts, net, steps: self.steps, device: device.clone() };
        Ok(Box::new(Sampler { contexts, steps: Box::new(steps) }))
    }
}

/// A network and the windows that it learns.
pub struct Timeflow {
    data: Dense,
    sizes: Sizes,
    train: Vec<Place>,
    validation: Vec<Place>,
    batch: usize,
    device: Device,
    cuts: Cuts,
    learner: Learner<Net>,
    epochs: Epochs,
}

impl Timeflow {
    /// Learns what is learnt in closed form; weights from the seed.
    ///
    /// # Errors
    /// When the settings make no sense, or there is nothing to learn.
    pub fn new(config: &Config, split: &Split<'_, Series>, setup: &Setup<'_>) -> Result<Timeflow> {
        config.check()?;
        let steps = config.window(&split.encoded.spec.shape);
        let data = Dense::fit(split, steps, How { repeats: false, span: true })?;
        let (train, validation) =
            (places(split.encoded, split.train, steps), places(split.encoded, split.validation, steps));
        let sizes = config.sizes(steps, data.parts.channels.width, &data.parts.told);
        Ok(Timeflow {
            data,
            sizes,
            batch: setup.training.batch(train.len()),
            train,
            validation,
            device: setup.device.clone(),
            cuts: Cuts::of(setup),
            learner: Learner::new(Net::new(config, sizes, setup.seed, setup.device), setup.training),
            epochs: Epochs::default(),
        })
    }

    /// A batch of `places`, as far along the way as `way` says.
    fn task(
        &self,
        places: &[Place],
        noise: Tensor<2>,
        way: impl Fn(usize, &mut Stream) -> f64,
        rng: &mut Stream,
    ) -> Task {
        let Sizes { steps, channels, told: width, marks: each, .. } = self.sizes;
        let count = places.len();
        let device = self.device.clone().inner();
        let mut x1 = vec![0f32; count * steps * channels];
        let (mut marks, mut counts) = (Vec::with_capacity(count * steps * each), vec![0f32; count * steps]);
        let (mut told, mut times) = (vec![0f32; count * width], Vec::with_capacity(count));
        for (i, place) in places.iter().enumerate() {
            let rows = &self.data.rows[place.start * channels..(place.start + place.steps) * channels];
            let time = self.data.times.get(place.start).copied();
            let white = self.data.parts.white(rows, time).rows;
            x1[i * steps * channels..][..white.len()].copy_from_slice(&white);
            let given = match uniform(rng) < GIVEN && place.steps > 1 {
                true => 1 + below(rng, place.steps as u64 - 1) as usize,
                false => 0,
            };
            let known = uniform(rng) >= UNTOLD;
            let first = time.filter(|_| known);
            for s in 0..place.steps {
                self.data.parts.told.mark(s, s < given, first, &mut marks);
                if s >= given {
                    counts[i * steps + s] = 1.0 / (place.steps - given) as f32;
                }
            }
            marks.resize((i + 1) * steps * each, 0.0);
            if known {
                let context = self.data.context.get(place.sequence).map_or(&[][..], Vec::as_slice);
                told[i * width..][..width].copy_from_slice(&self.data.parts.told.window(context, first, place.before));
            }
            times.push(way(i, rng) as f32);
        }
        let tensor =
            |values: Vec<f32>, shape: [usize; 3]| Tensor::<3>::from_data(TensorData::new(values, shape), &device);
        Task {
            x1: tensor(x1, [count, steps, channels]),
            x0: noise.reshape([count, steps, channels]),
            t: Tensor::from_data(TensorData::new(times, [count, 1]), &device),
            told: Tensor::from_data(TensorData::new(told, [count, width]), &device),
            marks: tensor(marks, [count, steps, each]),
            counts: tensor(counts, [count, steps, 1]),
        }
    }
}

impl Trainee<Series> for Timeflow {
    fn steps_per_epoch(&self) -> u64 {
        (self.train.len() / self.batch).max(1) as u64
    }

    fn step(&mut self, clock: &Clock) -> Result<Losses> {
        let index = self.epochs.batch(clock.seed, clock.step, self.train.len(), self.batch);
        let batch: Vec<Place> = index.iter().map(|&i| self.train[i]).collect();
        let this = &*self;
        let shard = |rows: Range<usize>, net: &Net| {
            let mut rng = stream(clock.seed, "timeflow", step::part(clock, &rows));
            let plain = this.device.clone().inner();
            let x0 = noise::fresh_normal(&mut rng, rows.len(), this.sizes.steps * this.sizes.channels, &plain);
            let logit_normal = |_: usize, rng: &mut Stream| 1.0 / (1.0 + (-normal(rng)).exp());
            let Task { x1, x0, t, told, marks, counts } = this.task(&batch[rows], x0, logit_normal, &mut rng);
            let device = &this.device;
            let task = Task {
                x1: step::tracked(x1, device),
                x0: step::tracked(x0, device),
                t: step::tracked(t, device),
                told: step::tracked(told, device),
                marks: step::tracked(marks, device),
                counts: step::tracked(counts, device),
            };
            let loss = loss(net, task) / batch.len() as f64;
            (loss.clone(), vec![("loss", loss.inner())])
        };
        let (grads, logs) = step::gradients_of_rows(self.learner.net(), self.cuts, batch.len(), &self.device, shard);
        self.learner.update(grads, clock);
        Ok(step::add_losses(logs))
    }

    /// The loss on windows kept for validation, with the same noise and times each time.
    fn validate(&mut self) -> Result<Option<f64>> {
        /// Most windows that are looked at.
        const MOST: usize = 1024;
        let every = self.validation.len().div_ceil(MOST).max(1);
        let places: Vec<Place> = self.validation.iter().copied().step_by(every).collect();
        let (net, mut total) = (self.learner.average(), 0.0);
        for (k, part) in places.chunks(256).enumerate() {
            let mut rng = stream(0, "validate", k as u64);
            let plain = self.device.clone().inner();
            let x0 = noise::normal(&mut rng, part.len(), self.sizes.steps * self.sizes.channels, &plain);
            let even = |i: usize, _: &mut Stream| (i as f64 + 0.5) / part.len() as f64;
            total += read::number(loss(&net, self.task(part, x0, even, &mut rng)))?;
        }
        Ok((!places.is_empty()).then(|| total / places.len() as f64))
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
        Ok(weights)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
