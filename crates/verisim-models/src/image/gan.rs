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
use serde::{Deserialize, Serialize};
use verisim_data::image::{Images, Spec};
use verisim_data::rng::{Stream, permutation, stream};

use crate::error::{Error, Result};
use crate::image::augment::{Augment, augment};
use crate::image::{Batches, Sampler};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::nets::params::{weights_of, with_weights};
use crate::nets::vision::{Decoder, Encoder, Layout, classes, dense, unit};
use crate::nets::{Init, linear, silu};
use crate::noise;
use crate::step::{self, Cuts, Learner};
use crate::training::Training;
use crate::weights::Weights;

/// As many images teach a critic by themselves. With fewer it comes to know them by heart; with more, shifts teach the
/// generator images off their place: on MNIST, FID is three times as high with them.
const ENOUGH: usize = 20_000;

/// Settings of the GAN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    activation::softplus(b - a, 1.0).sum()
}

/// Sum over images of the finite-difference estimate of `|grad D|^2`, from scores at `x` and at `x + s u`.
fn slope(at: Tensor<2>, beside: Tensor<2>, s: f64) -> Tensor<1> {
    (beside - at).powf_scalar(2.0).sum() / (s * s)
}

/// Standard normal numbers in the shape of `like`.
fn normal_like(like: &Tensor<4>, rng: &mut Stream) -> Tensor<4> {
    let [b, h, w, c] = like.dims();
    noise::fresh_normal(rng, b, h * w * c, &like.device()).reshape([b, h, w, c])
}

/// A generator and a critic in training.
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
    /// A fresh model.
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

/// A trained generator.
pub struct GanSampler {
    latent: usize,
    labels: usize,
    generator: Generator,
    device: Device,
}

impl GanSampler {
    /// The sampler of saved weights.
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
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use crate::image;
    use crate::image::testkit as images;
    use crate::image::testkit::{host, random, steps};
    use crate::nets::params::tests::{assert_gradients, shaken};
    use verisim_data::image::{Images, Shape, Spec};

    fn config() -> Config {
        Config { latent: 4, channels: vec![8, 8], condition: 16, ..Config::default() }
    }

    /// Settings whose gradients are compared with differences of scores, one image a pack.
    fn tiny() -> Config {
        Config { latent: 2, channels: vec![4, 6], condition: 5, pack: 1, ..Config::default() }
    }

    fn spec() -> Spec {
        let shape = Shape { height: 4, width: 8, channels: 1 };
        Spec { shape, classes: ["left", "right"].map(String::from).to_vec(), shares: vec![0.5, 0.5] }
    }

    fn training() -> Training {
        Training { learning_rate: 3e-3, betas: [0.0, 0.99], clip: 0.0, ..images::training() }
    }

    fn fresh(split: &Split<'_, Images>, setup: &Setup<'_>) -> Gan {
        Gan::new(&config(), split, &Setup { training: &training(), ..*setup }).unwrap()
    }

    /// Classes of four images.
    fn labels() -> Tensor<2> {
        classes(&[0, 1, 1, 0], 2, &Device::flex())
    }

    fn column(values: [f32; 3]) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values.to_vec(), [3, 1]), &Device::flex())
    }

    #[test]
    fn few_images_are_shifted_unless_the_config_says_otherwise() {
        let given = Augment { cutout: 0.5, ..Augment::default() };
        for (config, count, expected) in [
            (None, ENOUGH - 1, Augment { shift: 0.125, ..Augment::default() }),
            (None, ENOUGH, Augment::default()),
            (Some(given.clone()), 100, given.clone()),
            (Some(Augment::default()), 100, Augment::default()),
        ] {
            assert_eq!(Config { diffaugment: config, ..Config::default() }.diffaugment(count), expected);
        }
        let model = images::model(fresh);
        assert_eq!(model.diffaugment.shift, 0.125);
    }

    #[test]
    fn the_pairing_loss_is_softplus_of_the_difference() {
        let got = prefer(column([0.0, 2.0, -1.0]), column([1.0, -1.0, -1.0])).into_scalar::<f32>();
        let softplus = |x: f32| (1.0 + x.exp()).ln();
        assert!((got - (softplus(1.0) + softplus(-3.0) + softplus(0.0))).abs() < 1e-5, "{got}");
    }

    /// Of `D(x) = w x` the slope is `|w|^2` everywhere.
    #[test]
    fn the_slope_of_a_linear_function_is_that_of_its_weights() {
        let images = 8000;
        let weight = Tensor::<4>::from_data(TensorData::new(vec![1f32, -2.0, 0.5, 3.0], [1, 2, 2, 1]), &Device::flex());
        let score = |x: Tensor<4>| (x * weight.clone()).sum_dim(3).sum_dim(2).sum_dim(1).reshape([images, 1]);
        let x = random([images, 2, 2, 1], 0);
        for s in [0.05, 0.5] {
            let beside = x.clone() + normal_like(&x, &mut stream(1, "slope", 0)) * s;
            let got = slope(score(x.clone()), score(beside), s).into_scalar::<f32>() / images as f32;
            // Estimates scatter by sqrt(2 / 8000), 1.6 %.
            assert!((got / 14.25 - 1.0).abs() < 0.08, "{got} at {s}");
        }
    }

    #[test]
    fn gradients_of_the_critic_are_those_of_finite_differences() {
        let critic = shaken(Critic::new(&tiny(), &spec(), 3, &Device::flex().autodiff()).unwrap(), 0.2);
        let (real, fake) = (random([4, 4, 8, 1], 0), random([4, 4, 8, 1], 1) * 0.5);
        let beside = real.clone() + random([4, 4, 8, 1], 2) * 0.5;
        assert_gradients(&critic, 3e-3, |critic| {
            let score = |x: &Tensor<4>| critic.forward(Tensor::from_inner(x.clone()), Tensor::from_inner(labels()));
            let at = score(&real);
            (prefer(at.clone(), score(&fake)) + slope(at, score(&beside), 0.5)) * 3.0
        });
    }

    #[test]
    fn gradients_of_the_generator_pass_through_the_critic() {
        let device = Device::flex().autodiff();
        let critic = shaken(Critic::new(&tiny(), &spec(), 3, &device).unwrap(), 0.2);
        let generator = shaken(Generator::new(&tiny(), &spec(), 4, &device).unwrap(), 0.2);
        let real = critic.valid().forward(random([4, 4, 8, 1], 0), labels());
        let critic = critic.fork(&device).no_grad();
        assert_gradients(&generator, 3e-3, |generator| {
            let class = Tensor::from_inner(labels());
            let fake = generator.forward(Tensor::from_inner(random([4, 2], 1)), class.clone());
            prefer(critic.forward(fake, class), Tensor::from_inner(real.clone())) * 10.0
        });
    }

    #[test]
    fn packs_hold_images_of_one_class_and_every_image_once() {
        let labels: Vec<u32> = (0..61).map(|i| i * i % 5).collect();
        for pack in [1, 2, 3] {
            let order = |index| pack_order(&labels, pack, &mut stream(1, "packs", index));
            let got = order(0);
            let mut sorted = got.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..61 / pack * pack).collect::<Vec<_>>());
            let mixed = got.chunks(pack).filter(|p| p.iter().any(|&i| labels[i] != labels[p[0]])).count();
            assert!(mixed < 5, "{mixed} packs of more than one class");
            assert!(pack == 1 || got != order(1), "packs are not shuffled");
            // The first third of the packs has all classes, too.
            let first: BTreeSet<u32> = got[..20].iter().map(|&i| labels[i]).collect();
            assert_eq!(first.len(), 3, "squares modulo 5 are 0, 1 and 4");
        }
        assert_eq!(pack_order(&[0], 2, &mut stream(1, "packs", 0)), [0, 0]);
    }

    #[test]
    fn a_pack_is_one_image_of_more_channels() {
        let x = random([6, 2, 3, 2], 0);
        let (packed, x) = (host(pack_channels(x.clone(), 3)), host(x));
        for (i, value) in packed.into_iter().enumerate() {
            // Place in [2, 2, 3, 3 x 2].
            let (pack, pixel, image, channel) = (i / 36, i / 6 % 6, i / 2 % 3, i % 2);
            assert_eq!(value, x[((pack * 3 + image) * 6 + pixel) * 2 + channel]);
        }
    }

    #[test]
    fn a_critic_of_packs_sees_how_alike_images_are() {
        let config = Config { pack: 2, ..tiny() };
        let critic = shaken(Critic::new(&config, &spec(), 3, &Device::flex().autodiff()).unwrap(), 0.5).valid();
        let x = random([2, 4, 8, 1], 0);
        let class = classes(&[1, 1], 2, &Device::flex());
        let twice = Tensor::cat(vec![x.clone().narrow(0, 0, 1), x.clone().narrow(0, 0, 1)], 0);
        let (apart, alike) = (critic.forward(x, class.clone()), critic.forward(twice, class));
        assert_eq!((apart.dims(), alike.dims()), ([1, 1], [1, 1]));
        assert!((apart - alike).abs().into_scalar::<f32>() > 1e-3);
    }

    /// Where the smallest layer is flat, all that is made of it is, but for its edges.
    #[test]
    fn a_generator_leaves_flat_what_is_flat() {
        let shape = Shape { height: 48, width: 48, channels: 1 };
        let generator = Generator::new(&tiny(), &Spec { shape, ..spec() }, 3, &Device::flex()).unwrap();
        let mut weights = weights_of(&shaken(generator.clone(), 0.3)).unwrap();
        // The layer from the condition to the smallest image, [5, 12 x 12 x 6]: every pixel as the first.
        for (name, rows) in [("p6", 5), ("p7", 1)] {
            let (shape, mut numbers) = weights.take_f32(name).unwrap();
            assert_eq!(numbers.len(), rows * 864, "{name} is another layer");
            numbers.chunks_mut(864).for_each(|row| (6..864).for_each(|i| row[i] = row[i % 6]));
            weights.put_f32(name, &shape, numbers);
        }
        let generator = with_weights(generator, &mut weights).unwrap();
        let image = host(generator.forward(random([1, 2], 0), classes(&[0], 2, &Device::flex())));
        // Convolutions see the dark around an image up to 18 pixels from its edge: 2 of 12, 1 and 2 of 24, 1 and no more.
        let inner: Vec<f32> = (20 * 48..28 * 48).filter(|p| (20..28).contains(&(p % 48))).map(|p| image[p]).collect();
        assert!(inner.iter().all(|x| (x - inner[0]).abs() < 1e-5), "{inner:?}");
        assert!(image.iter().any(|x| (x - inner[0]).abs() > 1e-3));
    }

    #[test]
    fn made_images_follow_their_class() {
        let mut model = images::model(fresh);
        steps(&mut model, 0..100);
        let sampler = model.preview().unwrap();
        images::assert_classes(&*sampler);
        let noise = random([8, sampler.noise()], 0) * 100.0;
        assert!(host(sampler.images(noise, &[0; 8])).iter().all(|x| (-1.0..=1.0).contains(x)));
        assert_eq!(model.validate().unwrap(), None);
    }

    #[test]
    fn a_step_tells_of_the_penalty_if_there_is_one() {
        for (penalty, share, told) in [(1.0, 0.25, true), (1.0, 1.0, true), (0.0, 0.25, false), (1.0, 0.0, false)] {
            let config = Config { penalty, penalty_share: share, ..config() };
            let mut model = images::model(|split, setup| Gan::new(&config, split, setup).unwrap());
            let losses = model.step(&Clock { seed: 1, step: 0, rate: 1.0 }).unwrap();
            let names: Vec<&str> = losses.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, if told { vec!["critic", "slope", "generator"] } else { vec!["critic", "generator"] });
        }
    }

    #[test]
    fn what_was_saved_goes_on_alike() {
        images::assert_resumes(fresh);
    }

    #[test]
    fn weights_draw_what_the_model_drew() {
        images::assert_restores(&image::Model::Gan(config()), fresh);
    }

    #[test]
    fn seeds_decide_the_model() {
        images::assert_seeded(fresh);
    }

    #[test]
    fn batches_may_be_cut_in_any_way() {
        images::assert_cuts(fresh);
    }
}
