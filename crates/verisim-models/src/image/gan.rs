//! A convolutional GAN of images, class by class where there are classes.
//!
//! One strong default rather than a list of losses, after R3GAN (Huang et al., NeurIPS 2024): a critic `D` without
//! statistics across the batch, the relativistic pairing loss (Jolicoeur-Martineau, 2019)
//!
//! ```text
//! critic     mean softplus(D(fake) - D(real)) + gamma / 2 (R1 + R2)
//! generator  mean softplus(D(real) - D(fake))
//! ```
//!
//! and penalties on the slope of the critic at real (R1) and made (R2) images, without which it need not converge
//! (Mescheder et al., 2018). For standard normal `u`, `(D(x + s u) - D(x))^2 / s^2` has the expectation `|grad D(x)|^2` as
//! `s` goes to 0: a finite difference that needs no second derivative, which burn does not have.
//!
//! - Each step penalises a part of its batch (`penalty_share`), which costs that part of a second pass.
//! - The critic sees real and made images augmented alike and differentiably (DiffAugment, Zhao et al., 2020), so that
//!   it cannot learn a small training set by heart.
//! - The critic judges images in packs of one class (PacGAN, Lin et al., NeurIPS 2018): a generator that makes much the same
//!   image again and again gives itself away, which no image by itself could show. A pack costs the critic no more than an
//!   image.
//! - The class modulates the blocks of the critic and is projected on its features (Miyato and Koyama, 2018); noise and
//!   class modulate those of the generator.
//! - The generator enlarges images by convolutions that leave what is flat flat: the critic lets a fine grid pass.
//! - Images are drawn from a moving average of the generator.
//!
//! *Deviations* from R3GAN: small networks with RMS-normalised, modulated blocks in the generator; the penalties are finite differences.

use std::ops::Range;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::image::{Images, Spec};
use verisim_data::rng::{Stream, permutation, stream};

use crate::error::{Error, Result};
use crate::image::augment::{Augment, augment};
use crate::image::{Batches, Sampler};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::nets::params::{weights_of, with_weights};
use crate::nets::vision::{Decoder, Encoder, Layout, classes, dense, unit};
use crate::nets::{Init, linear, silu, sum};
use crate::noise;
use crate::step::{self, Cuts, Learner};
use crate::training::Training;
use crate::weights::Weights;

/// As many images teach a critic by themselves. With fewer it comes to know them by heart; with more, shifts teach the
/// generator images off their place: on MNIST, FID is three times as high with them.
const ENOUGH: usize = 20_000;

/// Settings of the GAN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Numbers of noise an image is made of.
    pub latent: usize,
    /// Squares of this many pixels a side are one pixel of the networks.
    pub patch: usize,
    /// Channels at each size, the largest first; every further size halves height and width.
    pub channels: Vec<usize>,
    /// Residual blocks at each size, of generator and critic alike.
    pub blocks: usize,
    /// Numbers that noise and class are turned into, and features of the critic.
    pub condition: usize,
    /// Images that the critic judges together.
    pub pack: usize,
    /// Weight `gamma` of the penalties on the critic's slope.
    pub penalty: f64,
    /// Length `s` of the finite difference, for pixels between -1 and 1.
    pub penalty_step: f64,
    /// Part of each batch that is penalised.
    pub penalty_share: f64,
    /// How images are augmented before the critic sees them; unlike `[augment]`, made images do not learn to look so. Unless
    /// given, they are shifted by up to an eighth of a side where there are fewer than 20,000 to learn, and else not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diffaugment: Option<Augment>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            latent: 64,
            patch: 2,
            channels: vec![32, 64],
            blocks: 1,
            condition: 128,
            pack: 2,
            penalty: 1.0,
            penalty_step: 0.05,
            penalty_share: 0.25,
            diffaugment: None,
        }
    }
}

impl Config {
    /// How the critic's images are augmented, of `count` to learn.
    fn diffaugment(&self, count: usize) -> Augment {
        let shift = if count < ENOUGH { 0.125 } else { 0.0 };
        self.diffaugment.clone().unwrap_or(Augment { shift, ..Augment::default() })
    }

    fn layout(&self, spec: &Spec) -> Result<Layout<'_>> {
        Layout::of("gan", self.patch, &self.channels, self.blocks, spec.shape)
    }
}

impl Model<Images> for Config {
    fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Setting { model: "gan", key: key.into(), rule: rule.into() });
        if !(1..=4096).contains(&self.latent) {
            return bad("latent", "must lie between 1 and 4096");
        }
        Layout::check("gan", self.patch, &self.channels, self.blocks, self.condition)?;
        if !(1..=64).contains(&self.pack) {
            return bad("pack", "must lie between 1 and 64");
        }
        if !(0.0..=1e6).contains(&self.penalty) {
            return bad("penalty", "must lie between 0 and 1000000");
        }
        if !(1e-4..=1.0).contains(&self.penalty_step) {
            return bad("penalty_step", "must lie between 0.0001 and 1");
        }
        if !(0.0..=1.0).contains(&self.penalty_share) {
            return bad("penalty_share", "must lie between 0 and 1");
        }
        self.diffaugment.clone().unwrap_or_default().check().map_err(|e| Error::Setting {
            model: "gan",
            key: "diffaugment".into(),
            rule: format!("is refused: {e}"),
        })
    }

    fn encoding(&self) {}

    fn training(&self) -> Option<Training> {
        Some(Training {
            epochs: 11,
            min_steps: 8000,
            learning_rate: 5e-4,
            betas: [0.0, 0.99],
            ema: 0.998,
            ..Training::default()
        })
    }

    fn check_training(&self, training: &Training) -> Result<()> {
        if training.validation == 0.0 && training.patience == 0 {
            return Ok(());
        }
        let rule = "have no meaning for a gan, whose losses say nothing of its quality; remove them";
        Err(Error::Training { key: "validation and patience".into(), rule: rule.into() })
    }

    fn start(&self, split: &Split<'_, Images>, setup: &Setup<'_>) -> Result<Start<Images>> {
        Ok(Start::Steps(Box::new(Gan::new(self, split, setup)?)))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<Box<dyn Sampler>> {
        Ok(Box::new(GanSampler::from_weights(self, spec, weights, device)?))
    }
}

/// Noise and class to images.
#[derive(Module, Debug)]
pub struct Generator {
    noise: Linear,
    class: Linear,
    mix: Linear,
    decoder: Decoder,
}

impl Generator {
    fn new(config: &Config, spec: &Spec, seed: u64, device: &Device) -> Result<Generator> {
        let mut init = Init::new(seed, device);
        let e = config.condition;
        Ok(Generator {
            noise: init.linear(config.latent, e),
            class: init.linear(spec.labels(), e),
            mix: init.linear(e, e),
            decoder: Decoder::new(&config.layout(spec)?, e, true, &mut init),
        })
    }

    /// `z [B, latent]` and one-hot classes `[B, K]` to images `[B, H, W, C]` within -1 and 1.
    fn forward(&self, z: Tensor<2>, class: Tensor<2>) -> Tensor<4> {
        let mixed = silu(unit(linear(&self.noise, z)) + unit(linear(&self.class, class)));
        self.decoder.forward(unit(dense(&self.mix, mixed))).tanh()
    }
}

/// Packs of images and their classes to scores, higher for what looks real.
#[derive(Module, Debug)]
pub struct Critic {
    encoder: Encoder,
    score: Linear,
    class: Linear,
    pack: usize,
}

impl Critic {
    fn new(config: &Config, spec: &Spec, seed: u64, device: &Device) -> Result<Critic> {
        let mut init = Init::new(seed, device);
        let (e, k) = (config.condition, spec.labels());
        let layout = config.layout(spec)?;
        let layout = Layout { pixel: layout.pixel * config.pack, ..layout };
        Ok(Critic {
            encoder: Encoder::new(&layout, k, e, false, &mut init),
            score: init.linear(e, 1),
            class: init.linear(k, e),
            pack: config.pack,
        })
    }

    /// Images `[B, H, W, C]` and one-hot classes `[B, K]`, packs of them in a row, to scores `[B / pack, 1]`.
    fn forward(&self, x: Tensor<4>, class: Tensor<2>) -> Tensor<2> {
        let x = pack_channels(x, self.pack);
        let [packs, ..] = x.dims();
        let [_, k] = class.dims();
        let class = class.reshape([packs, self.pack, k]).mean_dim(1).reshape([packs, k]);
        let features = silu(self.encoder.forward(x, class.clone()));
        let width = features.dims()[1] as f64;
        linear(&self.score, features.clone()) + (features * linear(&self.class, class)).sum_dim(1) / width.sqrt()
    }
}

/// Every `pack` images in a row become one of as many times the channels.
fn pack_channels(x: Tensor<4>, pack: usize) -> Tensor<4> {
    if pack == 1 {
        return x;
    }
    let [b, h, w, c] = x.dims();
    let x = x.reshape([b / pack, pack, h * w, c]).swap_dims(1, 2);
    x.reshape([b / pack, h, w, pack * c])
}

/// An order of the images with `labels` in which those of a pack are of one class, as far as that goes. Packs are shuffled,
/// so that any part of a batch has all classes. Images left over wait for another batch; too few for a pack come again.
fn pack_order(labels: &[u32], pack: usize, rng: &mut Stream) -> Vec<usize> {
    let whole = (labels.len() / pack * pack).max(pack);
    let mut order: Vec<usize> = (0..whole).map(|i| i % labels.len()).collect();
    if pack == 1 {
        return order;
    }
    order.sort_by_key(|&i| labels[i]);
    let packs = permutation(rng, order.len() / pack);
    packs.into_iter().flat_map(|p| order[p * pack..][..pack].to_vec()).collect()
}

/// The images of `x` at `index`.
fn select(x: Tensor<4>, index: &[usize]) -> Tensor<4> {
    let count = index.len();
    let index: Vec<i32> = index.iter().map(|&i| i as i32).collect();
    let index = Tensor::<1, Int>::from_data(TensorData::new(index, [count]), &x.device());
    x.select(0, index)
}

/// The pairing loss `softplus(b - a)`, summed over the batch.
fn prefer(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    sum(activation::softplus(b - a, 1.0))
}

/// Sum over images of the finite-difference estimate of `|grad D|^2`, from scores at `x` and at `x + s u`.
fn slope(at: Tensor<2>, beside: Tensor<2>, s: f64) -> Tensor<1> {
    sum((beside - at).powf_scalar(2.0)) / (s * s)
}

/// Standard normal numbers in the shape of `like`.
fn normal_like(like: &Tensor<4>, rng: &mut Stream) -> Tensor<4> {
    let [b, h, w, c] = like.dims();
    noise::fresh_normal(rng, b, h * w * c, &like.device()).reshape([b, h, w, c])
}

/// A generator, a critic and the images that they learn.
pub struct Gan {
    config: Config,
    diffaugment: Augment,
    spec: Spec,
    batches: Batches,
    device: Device,
    cuts: Cuts,
    generator: Learner<Generator>,
    critic: Learner<Critic>,
}

impl Gan {
    /// Weights from the seed, images on their way to the device.
    ///
    /// # Errors
    /// When the settings make no sense, or do not fit the images.
    pub fn new(config: &Config, split: &Split<'_, Images>, setup: &Setup<'_>) -> Result<Gan> {
        config.check()?;
        let spec = Spec::of(split.encoded, split.train);
        let generator = Generator::new(config, &spec, setup.seed, setup.device)?;
        let critic = Critic::new(config, &spec, setup.seed ^ 1, setup.device)?;
        Ok(Gan {
            config: config.clone(),
            diffaugment: config.diffaugment(split.train.len()),
            batches: Batches::new(split, setup)?,
            device: setup.device.clone(),
            cuts: Cuts::of(setup),
            critic: Learner::without_average(critic, setup.training),
            generator: Learner::new(generator, setup.training),
            spec,
        })
    }

    fn one_hot(&self, labels: &[u32]) -> Tensor<2> {
        classes(labels, self.spec.labels(), &self.device.clone().inner())
    }

    fn noise(&self, rng: &mut Stream, count: usize) -> Tensor<2> {
        noise::fresh_normal(rng, count, self.config.latent, &self.device.clone().inner())
    }

    fn critic_step(&mut self, clock: &Clock, real: &Tensor<4>, labels: &[u32]) -> Losses {
        let this = &*self;
        let generator = this.generator.net().valid();
        let pack = this.config.pack;
        let count = labels.len() / pack;
        let shard = |range: Range<usize>, critic: &Critic| {
            let mut rng = stream(clock.seed, "critic", step::part(clock, &range));
            let rows = range.start * pack..range.end * pack;
            let class = this.one_hot(&labels[rows.clone()]);
            let fake = generator.forward(this.noise(&mut rng, rows.len()), class.clone());
            let real = augment(&this.diffaugment, real.clone().narrow(0, rows.start, rows.len()), &mut rng);
            let fake = augment(&this.diffaugment, fake, &mut rng);
            // One pass scores packs real and made, and those of both that are moved a little for the penalty.
            let n = range.len();
            let part = ((n as f64 * this.config.penalty_share).ceil() as usize).min(n);
            let mut images = vec![real.clone(), fake.clone()];
            let mut kinds = vec![class.clone(), class.clone()];
            if this.config.penalty > 0.0 && part > 0 {
                for x in [real, fake] {
                    let x = x.narrow(0, 0, part * pack);
                    images.push(x.clone() + normal_like(&x, &mut rng) * this.config.penalty_step);
                    kinds.push(class.clone().narrow(0, 0, part * pack));
                }
            }
            let penalised = images.len() > 2;
            let (images, kinds) = (Tensor::cat(images, 0), Tensor::cat(kinds, 0));
            let scores = critic.forward(step::tracked(images, &this.device), step::tracked(kinds, &this.device));
            let packs = |from: usize, n: usize| scores.clone().narrow(0, from, n);
            let adversarial = prefer(packs(0, n), packs(n, n)) / count as f64;
            if !penalised {
                return (adversarial.clone(), vec![("critic", adversarial.inner())]);
            }
            let s = this.config.penalty_step;
            let r1 = slope(packs(0, part), packs(2 * n, part), s);
            let r2 = slope(packs(n, part), packs(2 * n + part, part), s);
            let penalty = (r1 + r2) * (0.5 * n as f64 / (part * count) as f64);
            let loss = adversarial.clone() + penalty.clone() * this.config.penalty;
            (loss, vec![("critic", adversarial.inner()), ("slope", penalty.inner())])
        };
        let (grads, logs) = step::gradients_of_rows(this.critic.net(), this.cuts, count, &this.device, shard);
        self.critic.update(grads, clock);
        step::add_losses(logs)
    }

    fn generator_step(&mut self, clock: &Clock, real: &Tensor<4>, labels: &[u32]) -> Losses {
        let this = &*self;
        let pack = this.config.pack;
        let count = labels.len() / pack;
        let shard = |range: Range<usize>, generator: &Generator| {
            let mut rng = stream(clock.seed, "generator", step::part(clock, &range));
            let rows = range.start * pack..range.end * pack;
            let (n, class) = (rows.len(), this.one_hot(&labels[rows.clone()]));
            // The critic is only passed through: its parameters want no gradient here, which saves a third of its work.
            let critic = this.critic.net().clone().fork(&this.device).no_grad();
            let real = augment(&this.diffaugment, real.clone().narrow(0, rows.start, n), &mut rng);
            let real_score = this.critic.net().valid().forward(real, class.clone());
            let up = |x: Tensor<2>| step::tracked(x, &this.device);
            let fake = generator.forward(up(this.noise(&mut rng, n)), up(class.clone()));
            let fake = augment(&this.diffaugment, fake, &mut rng);
            let fake_score = critic.forward(fake, up(class));
            let loss = prefer(fake_score, up(real_score)) / count as f64;
            (loss.clone(), vec![("generator", loss.inner())])
        };
        let (grads, logs) = step::gradients_of_rows(this.generator.net(), this.cuts, count, &this.device, shard);
        self.generator.update(grads, clock);
        step::add_losses(logs)
    }
}

impl Trainee<Images> for Gan {
    fn steps_per_epoch(&self) -> u64 {
        self.batches.per_epoch()
    }

    fn step(&mut self, clock: &Clock) -> Result<Losses> {
        let batch = self.batches.next(clock)?;
        let order = pack_order(&batch.labels, self.config.pack, &mut stream(clock.seed, "packs", clock.step));
        let (pixels, labels) = match self.config.pack {
            1 => (batch.pixels, batch.labels),
            _ => (select(batch.pixels, &order), order.iter().map(|&i| batch.labels[i]).collect()),
        };
        let mut losses = self.critic_step(clock, &pixels, &labels);
        losses.extend(self.generator_step(clock, &pixels, &labels));
        Ok(losses)
    }

    /// Nothing: the losses of a GAN say nothing of its quality.
    fn validate(&mut self) -> Result<Option<f64>> {
        Ok(None)
    }

    fn keep(&mut self) {
        self.generator.keep();
    }

    fn save(&self) -> Result<Weights> {
        let mut weights = Weights::default();
        self.generator.save(&mut weights, "generator")?;
        self.critic.save(&mut weights, "critic")?;
        Ok(weights)
    }

    fn load(&mut self, mut weights: Weights) -> Result<()> {
        self.generator.load(&mut weights, "generator")?;
        self.critic.load(&mut weights, "critic")
    }

    fn finish(&mut self, _: u64) -> Result<Weights> {
        weights_of(&self.generator.best())
    }

    fn preview(&self) -> Option<Box<dyn Sampler>> {
        Some(Box::new(GanSampler {
            latent: self.config.latent,
            labels: self.spec.labels(),
            generator: self.generator.average(),
            device: self.device.clone().inner(),
        }))
    }
}

/// Draws images: one pass of the generator.
pub struct GanSampler {
    latent: usize,
    labels: usize,
    generator: Generator,
    device: Device,
}

impl GanSampler {
    /// Takes out of `weights` what a finished training left there.
    ///
    /// # Errors
    /// When they are not those of these settings and images.
    pub fn from_weights(config: &Config, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<Self> {
        let layout = config.layout(spec)?;
        let start = layout.sides.start(config.condition, &config.channels);
        let other = start.saturating_add(config.condition.saturating_mul(spec.labels()));
        layout.sides.check_size(&config.channels, config.blocks, other, weights)?;
        let generator = with_weights(Generator::new(config, spec, 0, device)?.valid(), weights)?;
        Ok(GanSampler { latent: config.latent, labels: spec.labels(), generator, device: device.clone() })
    }
}

impl Sampler for GanSampler {
    fn noise(&self) -> usize {
        self.latent
    }

    fn images(&self, noise: Tensor<2>, labels: &[u32]) -> Tensor<4> {
        self.generator.forward(noise, classes(labels, self.labels, &self.device))
    }

    fn device(&self) -> Device {
        self.device.clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
