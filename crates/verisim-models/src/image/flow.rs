//! Flow matching on images: a network learns the velocity that carries noise to images in a straight line.
//!
//! With `x0` noise, `x1` an image and `t` in `0..1` (Lipman et al., 2023; Liu et al., 2023):
//!
//! ```text
//! x_t = (1 - t) x0 + t x1        v = x1 - x0        loss = mean |u(x_t, t, class) - v|^2
//! ```
//!
//! - `t` is drawn logit-normal, which spends most steps where the velocity is hardest to tell (Esser et al., 2024).
//! - The class is left out of a tenth of the images, so that the same network knows the velocity without it, and
//!   `guidance` `w` samples along `u_none + w (u_class - u_none)` (Ho and Salimans, 2022); 1 is plain sampling.
//! - `pairing = "ot"` pairs the noise of a batch with its images so that the sum of squared distances is least
//!   (Tong et al., 2024), within each class: pairs across classes would make the noise tell of the class.
//! - Sampling follows the velocity from 0 to 1 in `steps` steps of Heun's method (two evaluations, the last step one),
//!   which are short at both ends of the way.
//!
//! The network is a small U-Net of residual blocks; squares of `patch x patch` pixels are one pixel of it. At the smallest size
//! a perceptron over positions shows every pixel all others, where many use attention.

use std::ops::Range;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::image::{Images, Shape, Spec};
use verisim_data::rng::{Stream, normal, stream, uniform};

use crate::error::{Error, Result};
use crate::image::{Batch, Batches, Sampler, Tuning, pairing};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::nets::params::{weights_of, with_weights};
use crate::nets::vision::{
    Block, Conv, Down, Layout, Mixer, Sides, Up, classes, dense, gather_pixels, spread_pixels, unit,
};
use crate::nets::{Init, linear, norm_act, sum};
use crate::noise;
use crate::read;
use crate::step::{self, Cuts, Learner};
use crate::training::Training;
use crate::weights::Weights;

/// Settings of flow matching.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Squares of this many pixels a side are one pixel of the network.
    pub patch: usize,
    /// Channels at each size of the U-Net; every further size halves height and width.
    pub channels: Vec<usize>,
    /// Residual blocks at each size, on the way down and again on the way up.
    pub blocks: usize,
    /// Numbers that tell the network time and class.
    pub condition: usize,
    /// How noise and images are paired.
    pub pairing: Pairing,
    /// Part of the images whose class is left out in training.
    pub class_dropout: f64,
    /// How strongly samples follow their class; 1 is the model as it is, more gives clearer and less varied images.
    pub guidance: f64,
    /// Steps of the sampler.
    pub steps: usize,
}

/// How noise and images of a batch are paired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// At random.
    Independent,
    /// With the least sum of squared distances within each class.
    Ot,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            patch: 2,
            channels: vec![32, 96],
            blocks: 2,
            condition: 128,
            pairing: Pairing::Independent,
            class_dropout: 0.1,
            guidance: 1.0,
            steps: 8,
        }
    }
}

impl Model<Images> for Config {
    fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Setting { model: "flow", key: key.into(), rule: rule.into() });
        Layout::check("flow", self.patch, &self.channels, self.blocks, self.condition)?;
        if !(0.0..1.0).contains(&self.class_dropout) {
            return bad("class_dropout", "must be at least 0 and below 1");
        }
        if !(0.0..=100.0).contains(&self.guidance) {
            return bad("guidance", "must lie between 0 and 100");
        }
        if self.guidance != 1.0 && self.class_dropout == 0.0 {
            return bad("guidance", "other than 1 needs class_dropout above 0");
        }
        if !(1..=1000).contains(&self.steps) {
            return bad("steps", "must lie between 1 and 1000");
        }
        Ok(())
    }

    fn encoding(&self) {}

    fn training(&self) -> Option<Training> {
        Some(Training {
            epochs: 7,
            min_steps: 6000,
            weight_decay: 1e-4,
            clip: 1.0,
            validation: 0.02,
            ..Training::default()
        })
    }

    fn start(&self, split: &Split<'_, Images>, setup: &Setup<'_>) -> Result<Start<Images>> {
        Ok(Start::Steps(Box::new(Flow::new(self, split, setup)?)))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<Box<dyn Sampler>> {
        Ok(Box::new(FlowSampler::from_weights(self, spec, weights, device)?))
    }
}

/// The velocity network: images, times and classes to velocities.
#[derive(Module, Debug)]
pub struct Net {
    time: Linear,
    /// One-hot class, the last of them "not told", to the condition.
    class: Linear,
    condition: Linear,
    stem: Conv,
    down: Vec<Level>,
    up: Vec<Level>,
    head: Linear,
    output: Conv,
    patch: usize,
}

/// The blocks of one size, and the way to the next.
#[derive(Module, Debug)]
struct Level {
    blocks: Vec<Block>,
    /// One after each block of the smallest size.
    mixers: Vec<Mixer>,
    down: Option<Down>,
    up: Option<Up>,
}

/// Frequencies that a time is told by.
const FREQUENCIES: usize = 32;

impl Level {
    fn forward(&self, h: Tensor<4>, condition: &Tensor<2>) -> Tensor<4> {
        self.blocks.iter().enumerate().fold(h, |h, (b, block)| {
            let h = block.forward(h, condition.clone());
            match self.mixers.get(b) {
                Some(mixer) => mixer.forward(h),
                None => h,
            }
        })
    }
}

impl Net {
    fn new(config: &Config, spec: &Spec, sides: Sides, seed: u64, device: &Device) -> Net {
        let mut init = Init::new(seed, device);
        let Config { patch, channels, blocks, condition: e, .. } = config;
        let pixel = patch * patch * spec.shape.channels;
        let sizes = channels.len();
        let level = |s: usize, from: usize, init: &mut Init| -> Vec<Block> {
            let inputs = |b: usize| if b == 0 { from } else { channels[s] };
            (0..*blocks).map(|b| Block::new(inputs(b), channels[s], *e, true, init)).collect()
        };
        let mixers = |s: usize, init: &mut Init| -> Vec<Mixer> {
            let count = if s + 1 == sizes { *blocks } else { 0 };
            (0..count).filter_map(|_| Mixer::new(sides, init)).collect()
        };
        let time = init.linear(2 * FREQUENCIES, *e);
        let class = init.linear(spec.labels() + 1, *e);
        let condition = init.linear(*e, *e);
        let stem = Conv::new(pixel, channels[0], &mut init);
        let mut down = Vec::new();
        for s in 0..sizes {
            let blocks = level(s, channels[s], &mut init);
            let mixers = mixers(s, &mut init);
            let to = (s + 1 < sizes).then(|| Down::new(channels[s], channels[s + 1], &mut init));
            down.push(Level { blocks, mixers, down: to, up: None });
        }
        let mut up = Vec::new();
        for s in (0..sizes).rev() {
            // From below come as many channels as there are here, beside those of the way down.
            let blocks = level(s, 2 * channels[s], &mut init);
            let mixers = mixers(s, &mut init);
            let to = (s > 0).then(|| Up::new(channels[s], channels[s - 1], &mut init));
            up.push(Level { blocks, mixers, down: None, up: to });
        }
        let head = init.zero_linear(*e, 2 * channels[0]);
        let output = Conv::zero(channels[0], pixel, &mut init);
        Net { time, class, condition, stem, down, up, head, output, patch: *patch }
    }

    /// Velocity `[B, H, W, C]` at `x` of that shape, with times `t [B, 1]` and one-hot classes `[B, K + 1]`.
    fn forward(&self, x: Tensor<4>, t: Tensor<2>, class: Tensor<2>) -> Tensor<4> {
        let condition = unit(dense(&self.time, waves(t))) + unit(linear(&self.class, class));
        let condition = unit(dense(&self.condition, condition));
        let mut h = self.stem.forward(gather_pixels(x, self.patch));
        let mut kept = Vec::with_capacity(self.down.len());
        for level in &self.down {
            h = level.forward(h, &condition);
            kept.push(h.clone());
            if let Some(down) = &level.down {
                h = down.forward(h);
            }
        }
        for (level, kept) in self.up.iter().zip(kept.into_iter().rev()) {
            h = Tensor::cat(vec![h, kept], 3);
            h = level.forward(h, &condition);
            if let Some(up) = &level.up {
                h = up.forward(h);
            }
        }
        let parts = linear(&self.head, condition).chunk(2, 1);
        let h = norm_act(h, parts[0].clone(), parts[1].clone(), true);
        spread_pixels(self.output.forward(h), self.patch)
    }
}

/// Sines and cosines of times `[B, 1]`, from one wave over `0..1` to a hundred: `[B, 2 FREQUENCIES]`.
fn waves(t: Tensor<2>) -> Tensor<2> {
    let step = 100f64.ln() / (FREQUENCIES - 1) as f64;
    let rates: Vec<f32> = (0..FREQUENCIES).map(|i| (std::f64::consts::TAU * (step * i as f64).exp()) as f32).collect();
    let rates = Tensor::<2>::from_data(TensorData::new(rates, [1, FREQUENCIES]), &t.device());
    let angles = t.matmul(rates);
    Tensor::cat(vec![angles.clone().sin(), angles.cos()], 1)
}

/// What one shard of a step learns from: images, noise, times `[B, 1]` and one-hot classes.
struct Task {
    x1: Tensor<4>,
    x0: Tensor<4>,
    t: Tensor<2>,
    class: Tensor<2>,
}

/// Sum over images of the mean squared error of the velocity.
fn loss(net: &Net, task: Task) -> Tensor<1> {
    let Task { x1, x0, t, class } = task;
    let [b, h, w, c] = x1.dims();
    let velocity = x1.clone() - x0.clone();
    let at = x0 + velocity.clone() * t.clone().reshape([b, 1, 1, 1]);
    sum((net.forward(at, t, class) - velocity).powf_scalar(2.0)) / (h * w * c) as f64
}

/// A velocity network and the images that it learns.
pub struct Flow {
    config: Config,
    spec: Spec,
    batches: Batches,
    device: Device,
    cuts: Cuts,
    learner: Learner<Net>,
}

impl Flow {
    /// Weights from the seed, images on their way to the device.
    ///
    /// # Errors
    /// When the settings make no sense, or do not fit the images.
    pub fn new(config: &Config, split: &Split<'_, Images>, setup: &Setup<'_>) -> Result<Flow> {
        config.check()?;
        let spec = Spec::of(split.encoded, split.train);
        let sides = Sides::of("flow", config.patch, config.channels.len(), spec.shape)?;
        let net = Net::new(config, &spec, sides, setup.seed, setup.device);
        Ok(Flow {
            config: config.clone(),
            spec,
            batches: Batches::new(split, setup)?,
            device: setup.device.clone(),
            cuts: Cuts::of(setup),
            learner: Learner::new(net, setup.training),
        })
    }

    /// Noise for a whole batch, paired with its images before it is cut. They are taken as they were before augmentation,
    /// from the host, so that nothing is read from the device: any pairing leaves the noise normal.
    fn paired(&self, batch: &Batch, clock: &Clock) -> Result<Option<Tensor<4>>> {
        if self.config.pairing != Pairing::Ot {
            return Ok(None);
        }
        let bytes = self.batches.bytes(batch)?;
        let mut rng = stream(clock.seed, "paired noise", clock.step);
        let noise = (0..bytes.len()).map(|_| normal(&mut rng) as f32).collect();
        let paired = pairing::pair(&bytes, noise, self.spec.shape.len(), &batch.labels);
        let data = TensorData::new(paired, batch.pixels.dims());
        Ok(Some(Tensor::from_data(data, &self.device.clone().inner())))
    }

    /// Noise (`paired` with the batch, or fresh), times and classes for the images `range` of `batch`.
    fn task(
        &self,
        batch: &Batch,
        range: &Range<usize>,
        paired: Option<&Tensor<4>>,
        time: impl Fn(usize, &mut Stream) -> f64,
        rng: &mut Stream,
    ) -> Task {
        let (count, none) = (range.len(), self.spec.labels() as u32);
        let plain = self.device.clone().inner();
        let x1 = batch.slice(range);
        let mut labels = batch.labels[range.clone()].to_vec();
        let x0 = match paired {
            Some(noise) => noise.clone().narrow(0, range.start, count),
            None => noise::fresh_normal(rng, count, self.spec.shape.len(), &plain).reshape(x1.dims()),
        };
        let t: Vec<f32> = (0..count).map(|i| time(i, rng) as f32).collect();
        for label in &mut labels {
            if uniform(rng) < self.config.class_dropout {
                *label = none;
            }
        }
        Task {
            x1,
            x0,
            t: Tensor::from_data(TensorData::new(t, [count, 1]), &plain),
            class: classes(&labels, none as usize + 1, &plain),
        }
    }
}

impl Trainee<Images> for Flow {
    fn steps_per_epoch(&self) -> u64 {
        self.batches.per_epoch()
    }

    fn step(&mut self, clock: &Clock) -> Result<Losses> {
        let batch = self.batches.next(clock)?;
        let paired = self.paired(&batch, clock)?;
        let shard = |rows: Range<usize>, net: &Net| {
            let mut rng = stream(clock.seed, "flow", step::part(clock, &rows));
            let logit_normal = |_: usize, rng: &mut Stream| 1.0 / (1.0 + (-normal(rng)).exp());
            let task = self.task(&batch, &rows, paired.as_ref(), logit_normal, &mut rng);
            let Task { x1, x0, t, class } = task;
            let device = &self.device;
            let (x1, x0) = (step::tracked(x1, device), step::tracked(x0, device));
            let task = Task { x1, x0, t: step::tracked(t, device), class: step::tracked(class, device) };
            let loss = loss(net, task) / batch.count as f64;
            (loss.clone(), vec![("loss", loss.inner())])
        };
        let (grads, logs) = step::gradients_of_rows(self.learner.net(), self.cuts, batch.count, &self.device, shard);
        self.learner.update(grads, clock);
        Ok(step::add_losses(logs))
    }

    /// The loss on images kept for validation, with the same noise and times each time.
    fn validate(&mut self) -> Result<Option<f64>> {
        let (net, mut total, mut count) = (self.learner.average(), 0.0, 0);
        for (k, batch) in self.batches.validation(64).enumerate() {
            let batch = batch?;
            let even = |i: usize, _: &mut Stream| (i as f64 + 0.5) / batch.count as f64;
            let mut rng = stream(0, "validate", k as u64);
            let noise = noise::normal(&mut rng, batch.count, self.spec.shape.len(), &self.device.clone().inner());
            let noise = noise.reshape(batch.pixels.dims());
            let task = self.task(&batch, &(0..batch.count), Some(&noise), even, &mut rng);
            total += read::number(loss(&net, task))?;
            count += batch.count;
        }
        Ok((count > 0).then(|| total / count as f64))
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
        weights_of(&self.learner.best())
    }

    fn preview(&self) -> Option<Box<dyn Sampler>> {
        Some(Box::new(FlowSampler {
            config: self.config.clone(),
            shape: self.spec.shape,
            labels: self.spec.labels(),
            net: self.learner.average(),
            device: self.device.clone().inner(),
        }))
    }
}

/// Draws images: carries noise along the velocity.
pub struct FlowSampler {
    config: Config,
    shape: Shape,
    labels: usize,
    net: Net,
    device: Device,
}

/// How far along the way a sampler is that has taken the part `u` of its steps.
///
/// Steps are short at both ends: at first, since there the way bends most; at last, since the last step is Euler's and gives the
/// mean of the images that are still possible, which is blurred. Eight such steps come close to 32 even ones, and eight even ones
/// are far off. Powers from 1.3 to 2 differ little.
fn time(u: f64) -> f64 {
    let (begun, left) = (u.powf(1.75), (1.0 - u).powf(1.5));
    begun / (begun + left)
}

impl FlowSampler {
    /// Takes out of `weights` what a finished training left there.
    ///
    /// # Errors
    /// When they are not those of these settings and images.
    pub fn from_weights(config: &Config, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<Self> {
        let sides = Sides::of("flow", config.patch, config.channels.len(), spec.shape)?;
        let other = Mixer::count(sides).saturating_add(config.condition.saturating_mul(spec.labels()));
        sides.check_size(&config.channels, config.blocks, other, weights)?;
        let net = with_weights(Net::new(config, spec, sides, 0, device).valid(), weights)?;
        Ok(FlowSampler {
            config: config.clone(),
            shape: spec.shape,
            labels: spec.labels(),
            net,
            device: device.clone(),
        })
    }

    /// The settings with those of `tuning` in their place.
    fn config_of(&self, tuning: &Tuning) -> Result<Config> {
        if tuning.guidance.is_some() && self.labels == 1 {
            return Err(Error::NoGuidance);
        }
        let Config { steps, guidance, .. } = self.config;
        let (steps, guidance) = (tuning.steps.unwrap_or(steps), tuning.guidance.unwrap_or(guidance));
        let config = Config { steps, guidance, ..self.config.clone() };
        config.check()?;
        Ok(config)
    }

    /// Velocity at `x` and time `t`, with guidance.
    fn velocity(&self, x: &Tensor<4>, t: f64, class: &Tensor<2>, none: Option<&Tensor<2>>) -> Tensor<4> {
        let [b, ..] = x.dims();
        let t = Tensor::full([b, 1], t, &self.device);
        let told = self.net.forward(x.clone(), t.clone(), class.clone());
        match none {
            None => told,
            Some(none) => {
                let free = self.net.forward(x.clone(), t, none.clone());
                free.clone() + (told - free) * self.config.guidance
            }
        }
    }
}

impl Sampler for FlowSampler {
    fn noise(&self) -> usize {
        self.shape.len()
    }

    fn images(&self, noise: Tensor<2>, labels: &[u32]) -> Tensor<4> {
        let Shape { height, width, channels } = self.shape;
        let class = classes(labels, self.labels + 1, &self.device);
        // Without classes there is nothing to be guided to.
        let none = (self.config.guidance != 1.0 && self.labels > 1)
            .then(|| classes(&vec![self.labels as u32; labels.len()], self.labels + 1, &self.device));
        let mut x = noise.reshape([labels.len(), height, width, channels]);
        let time = |k: usize| time(k as f64 / self.config.steps as f64);
        for k in 0..self.config.steps {
            let (t, h) = (time(k), time(k + 1) - time(k));
            let slope = self.velocity(&x, t, &class, none.as_ref());
            let ahead = x.clone() + slope.clone() * h;
            // At the end the velocity is no longer asked for: the last step is Euler's.
            x = match k + 1 == self.config.steps {
                true => ahead,
                false => x + (slope + self.velocity(&ahead, t + h, &class, none.as_ref())) * (0.5 * h),
            };
        }
        x
    }

    fn device(&self) -> Device {
        self.device.clone()
    }

    fn tuned(&self, tuning: &Tuning) -> Result<Option<Box<dyn Sampler>>> {
        let config = self.config_of(tuning)?;
        Ok(Some(Box::new(FlowSampler { config, net: self.net.clone(), device: self.device.clone(), ..*self })))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
