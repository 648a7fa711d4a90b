//! A convolutional variational autoencoder of images (Kingma and Welling, 2014), class by class where there are classes.
//!
//! With an image `x` of `D` numbers, its class `c`, latents `z` and a decoder `y(z, c)`:
//!
//! ```text
//! loss = (-ln p(x | y(z, c)) + beta KL(q(z | x, c) || N(0, I))) / D
//! gaussian   -ln p = sum (x - y)^2 / (2 s^2) + D ln s
//! logistic   -ln p = -sum ln(F((x + 1/255 - y) / s) - F((x - 1/255 - y) / s)),  F the logistic function
//! ```
//!
//! - The scale `s` is one number that is learnt, which balances both parts without a weight to tune (sigma-VAE, Rybkin et
//!   al., 2021). The logistic likelihood is that of bytes: black and white have the whole of their tails (PixelCNN++,
//!   Salimans et al., 2017).
//! - After training a normal distribution is fitted to the latents of the training images of each class (`prior =
//!   "fitted"`; Ghosh et al., 2020), since these fill the prior unevenly and what lies between decodes badly. It is drawn
//!   towards the standard normal by as many pseudo-images as there are latents, so that a class of few images does not
//!   stand for single ones.
//! - Classes of fewer than twice as many images as latents take the distribution of all classes together.
//! - What is drawn is the mean `y`, without the noise of the likelihood.

mod prior;

use std::ops::Range;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::image::{Images, Spec};
use verisim_data::rng::stream;

use crate::error::{Error, Result};
use crate::image::{Batches, Sampler};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::nets::params::{weights_of, with_weights};
use crate::nets::vision::{Decoder, Encoder, Layout, classes, dense, unit};
use crate::nets::{Init, linear, silu, sum};
use crate::noise;
use crate::read;
use crate::step::{self, Cuts, Learner};
use crate::training::Training;
use crate::weights::Weights;
use prior::{Latents, Moments};

/// Settings of the autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Numbers that an image is squeezed into.
    pub latent: usize,
    /// Squares of this many pixels a side are one pixel of the networks.
    pub patch: usize,
    /// Channels at each size, the largest first; every further size halves height and width.
    pub channels: Vec<usize>,
    /// Residual blocks at each size, of encoder and decoder alike.
    pub blocks: usize,
    /// Numbers that latents and class are turned into.
    pub condition: usize,
    /// Weight of the divergence from the prior.
    pub beta: f64,
    /// How pixels scatter around the decoder's mean.
    pub likelihood: Likelihood,
    /// What images are drawn from.
    pub prior: Prior,
}

/// How pixels scatter around the decoder's mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// Normal, for pixels as numbers.
    Gaussian,
    /// Discretised logistic, for pixels as bytes.
    Logistic,
}

/// The distribution of latents that images are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prior {
    /// The standard normal one of the loss.
    Standard,
    /// For each class the normal one of its training images' latents.
    Fitted,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            latent: 32,
            patch: 2,
            channels: vec![64, 128],
            blocks: 1,
            condition: 128,
            beta: 1.0,
            likelihood: Likelihood::Gaussian,
            prior: Prior::Fitted,
        }
    }
}

impl Config {
    fn layout(&self, spec: &Spec) -> Result<Layout<'_>> {
        Layout::of("vae", self.patch, &self.channels, self.blocks, spec.shape)
    }
}

impl Model<Images> for Config {
    fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Setting { model: "vae", key: key.into(), rule: rule.into() });
        if !(1..=1024).contains(&self.latent) {
            return bad("latent", "must lie between 1 and 1024");
        }
        Layout::check("vae", self.patch, &self.channels, self.blocks, self.condition)?;
        if !(0.0..=1e6).contains(&self.beta) {
            return bad("beta", "must lie between 0 and 1000000");
        }
        Ok(())
    }

    fn encoding(&self) {}

    fn training(&self) -> Option<Training> {
        Some(Training {
            epochs: 7,
            min_steps: 6000,
            learning_rate: 1e-3,
            weight_decay: 1e-4,
            ema: 0.998,
            validation: 0.02,
            ..Training::default()
        })
    }

    fn start(&self, split: &Split<'_, Images>, setup: &Setup<'_>) -> Result<Start<Images>> {
        Ok(Start::Steps(Box::new(Vae::new(self, split, setup)?)))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<Box<dyn Sampler>> {
        Ok(Box::new(VaeSampler::from_weights(self, spec, weights, device)?))
    }
}

/// Latents and class to images: all that sampling needs.
#[derive(Module, Debug)]
pub struct Generator {
    latent: Linear,
    class: Linear,
    mix: Linear,
    decoder: Decoder,
}

impl Generator {
    fn new(config: &Config, spec: &Spec, init: &mut Init) -> Result<Generator> {
        let e = config.condition;
        Ok(Generator {
            latent: init.linear(config.latent, e),
            class: init.linear(spec.labels(), e),
            mix: init.linear(e, e),
            decoder: Decoder::new(&config.layout(spec)?, e, false, init),
        })
    }

    /// `z [B, latent]` and one-hot classes `[B, K]` to means `[B, H, W, C]`.
    fn forward(&self, z: Tensor<2>, class: Tensor<2>) -> Tensor<4> {
        let mixed = silu(linear(&self.latent, z) + unit(linear(&self.class, class)));
        self.decoder.forward(unit(dense(&self.mix, mixed)))
    }
}

/// Encoder, decoder and the scale of the likelihood.
#[derive(Module, Debug)]
pub struct Net {
    generator: Generator,
    encoder: Encoder,
    log_scale: Param<Tensor<1>>,
}

impl Net {
    fn new(config: &Config, spec: &Spec, seed: u64, device: &Device) -> Result<Net> {
        let mut init = Init::new(seed, device);
        Ok(Net {
            generator: Generator::new(config, spec, &mut init)?,
            encoder: Encoder::new(&config.layout(spec)?, spec.labels(), 2 * config.latent, true, &mut init),
            log_scale: init.param([1], vec![0.0]),
        })
    }

    /// Means and log variances `[B, latent]` of the latents of `x`.
    fn encode(&self, x: Tensor<4>, class: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let parts = self.encoder.forward(x, class).chunk(2, 1);
        // Bounded, so that an early step cannot overflow the exponential.
        (parts[0].clone(), (parts[1].clone() / 8.0).tanh() * 8.0)
    }
}

/// Sums over images of reconstruction and divergence, in nats a number of an image. `noise [B, latent]` is standard normal.
fn loss(config: &Config, net: &Net, x: Tensor<4>, class: Tensor<2>, noise: Tensor<2>) -> (Tensor<1>, Tensor<1>) {
    let [batch, h, w, c] = x.dims();
    let size = (h * w * c) as f64;
    let (mean, log_var) = net.encode(x.clone(), class.clone());
    let z = mean.clone() + noise * (log_var.clone() * 0.5).exp();
    let y = net.generator.forward(z, class);
    // Below a tenth of a byte step there is nothing to gain.
    let log_scale = net.log_scale.val().clamp_min(-7.0);
    let reconstruction = match config.likelihood {
        Likelihood::Gaussian => gaussian(x, y, log_scale, batch as f64 * size),
        Likelihood::Logistic => logistic(x, y, log_scale),
    };
    let divergence = sum(log_var.clone().exp() + mean.powf_scalar(2.0) - log_var - 1.0) * 0.5;
    (reconstruction / size, divergence / size)
}

/// `-ln p` of all `count` numbers, without the constant `ln sqrt(2 pi)`.
fn gaussian(x: Tensor<4>, y: Tensor<4>, log_scale: Tensor<1>, count: f64) -> Tensor<1> {
    let squares = sum((x - y).powf_scalar(2.0));
    squares * (log_scale.clone() * -2.0).exp() * 0.5 + log_scale * count
}

/// `-ln p` of bytes: the logistic mass of the byte's step, with the whole tail at black and white.
///
/// With `a = (x - y - 1/255) / s` and `b = (x - y + 1/255) / s`, `F(b) - F(a) = F(b) F(-a) (1 - e^(a - b))`; the tails leave out one factor
/// and the last: all of it in logarithms that do not overflow.
fn logistic(x: Tensor<4>, y: Tensor<4>, log_scale: Tensor<1>) -> Tensor<1> {
    const HALF_STEP: f64 = 1.0 / 255.0;
    let rate = (-log_scale).exp().reshape([1, 1, 1, 1]);
    let middle = (x.clone() - y) * rate.clone();
    let step = rate * HALF_STEP;
    let not_white = x.clone().lower_elem(0.999).float();
    let not_black = x.greater_elem(-0.999).float();
    let below = -activation::softplus(-(middle.clone() + step.clone()), 1.0); // ln F(b)
    let above = -activation::softplus(middle - step.clone(), 1.0); // ln F(-a)
    let width = (-(step * -2.0).exp() + 1.0).log();
    let inside = not_white.clone() * not_black.clone() * width;
    -sum(below * not_white + above * not_black + inside)
}

/// An autoencoder and the images that it learns.
pub struct Vae {
    config: Config,
    spec: Spec,
    batches: Batches,
    device: Device,
    cuts: Cuts,
    learner: Learner<Net>,
}

impl Vae {
    /// Weights from the seed, images on their way to the device.
    ///
    /// # Errors
    /// When the settings make no sense, or do not fit the images.
    pub fn new(config: &Config, split: &Split<'_, Images>, setup: &Setup<'_>) -> Result<Vae> {
        config.check()?;
        let spec = Spec::of(split.encoded, split.train);
        let numbers = spec.labels().saturating_mul(config.latent * config.latent);
        if config.prior == Prior::Fitted && numbers > MOST_NUMBERS {
            return bad_prior(spec.labels());
        }
        let net = Net::new(config, &spec, setup.seed, setup.device)?;
        Ok(Vae {
            config: config.clone(),
            batches: Batches::new(split, setup)?,
            device: setup.device.clone(),
            cuts: Cuts::of(setup),
            learner: Learner::new(net, setup.training),
            spec,
        })
    }

    fn one_hot(&self, labels: &[u32]) -> Tensor<2> {
        classes(labels, self.spec.labels(), &self.device.clone().inner())
    }

    /// For each class the normal distribution of the latents of its images, of at most `most` images in all.
    fn fitted(&self, net: &Net, most: usize, seed: u64) -> Result<Latents> {
        let (n, k) = (self.config.latent, self.spec.labels());
        let mut moments: Vec<Moments> = (0..k).map(|_| Moments::new(n)).collect();
        for batch in self.batches.some(most, seed, crate::image::together(self.spec.shape)) {
            let batch = batch?;
            let (mean, log_var) = net.encode(batch.pixels, self.one_hot(&batch.labels));
            let (mean, var) = (read::numbers(mean)?, read::numbers(log_var.exp())?);
            for ((mean, var), &label) in mean.chunks(n).zip(var.chunks(n)).zip(&batch.labels) {
                moments[label as usize].add(mean, var);
            }
        }
        let all = moments.iter().fold(Moments::new(n), Moments::and);
        let (mut means, mut spreads) = (Vec::with_capacity(k * n), Vec::with_capacity(k * n * n));
        for moments in &moments {
            // The moments of a few images would stand for these images.
            let (mean, spread) = if moments.count < 2.0 * n as f64 { all.normal() } else { moments.normal() };
            means.extend(mean.iter().map(|&x| x as f32));
            spreads.extend(spread.iter().map(|&x| x as f32));
        }
        Ok(Latents { means, spreads })
    }

    fn sampler(&self, net: &Net, latents: Option<Latents>) -> VaeSampler {
        let device = self.device.clone().inner();
        VaeSampler {
            latent: self.config.latent,
            labels: self.spec.labels(),
            latents: latents.map(|l| l.on(self.config.latent, &device)),
            generator: net.generator.clone(),
            device,
        }
    }
}

/// Training images whose latents the prior is fitted to: enough for the moments, and a second or two; more where classes are
/// many.
const MOST_FITTED: usize = 10_000;
/// Numbers of all Cholesky factors together, at most: a quarter of a gigabyte.
const MOST_NUMBERS: usize = 1 << 26;

fn bad_prior<T>(classes: usize) -> Result<T> {
    let rule = format!(
        "= \"fitted\" needs latent x latent numbers for each of {classes} classes; take \"standard\" or fewer latents"
    );
    Err(Error::Setting { model: "vae", key: "prior".into(), rule })
}

impl Trainee<Images> for Vae {
    fn steps_per_epoch(&self) -> u64 {
        self.batches.per_epoch()
    }

    fn step(&mut self, clock: &Clock) -> Result<Losses> {
        let batch = self.batches.next(clock)?;
        let this = &*self;
        let shard = |rows: Range<usize>, net: &Net| {
            let mut rng = stream(clock.seed, "vae", step::part(clock, &rows));
            let noise = noise::fresh_normal(&mut rng, rows.len(), this.config.latent, &this.device.clone().inner());
            let class = this.one_hot(&batch.labels[rows.clone()]);
            let (x, up) = (step::tracked(batch.slice(&rows), &this.device), |x| step::tracked(x, &this.device));
            let (r, d) = loss(&this.config, net, x, up(class), up(noise));
            let (r, d) = (r / batch.count as f64, d / batch.count as f64);
            (r.clone() + d.clone() * this.config.beta, vec![("reconstruction", r.inner()), ("divergence", d.inner())])
        };
        let (grads, logs) = step::gradients_of_rows(this.learner.net(), this.cuts, batch.count, &this.device, shard);
        self.learner.update(grads, clock);
        Ok(step::add_losses(logs))
    }

    /// The loss on images kept for validation, with the same noise each time.
    fn validate(&mut self) -> Result<Option<f64>> {
        let (net, mut total, mut count) = (self.learner.average(), 0.0, 0);
        for (k, batch) in self.batches.validation(64).enumerate() {
            let batch = batch?;
            let class = self.one_hot(&batch.labels);
            let mut rng = stream(0, "validate", k as u64);
            let noise = noise::normal(&mut rng, batch.count, self.config.latent, &self.device.clone().inner());
            let (r, d) = loss(&self.config, &net, batch.pixels, class, noise);
            total += read::number(r + d * self.config.beta)?;
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

    fn finish(&mut self, seed: u64) -> Result<Weights> {
        let net = self.learner.best();
        let mut weights = weights_of(&net.generator)?;
        if self.config.prior == Prior::Fitted {
            let (n, k) = (self.config.latent, self.spec.labels());
            let Latents { means, spreads } = self.fitted(&net, MOST_FITTED.max(20 * n * k), seed)?;
            weights.put_f32("prior.mean", &[k, n], means);
            weights.put_f32("prior.cholesky", &[k, n, n], spreads);
        }
        Ok(weights)
    }

    fn preview(&self) -> Option<Box<dyn Sampler>> {
        let net = self.learner.average();
        // A picture on the way may do with the standard prior when images cannot be read.
        let latents = match self.config.prior {
            Prior::Fitted => self.fitted(&net, MOST_FITTED / 10, 0).ok(),
            Prior::Standard => None,
        };
        Some(Box::new(self.sampler(&net, latents)))
    }
}

/// Draws images: latents from the prior, decoded to their mean.
pub struct VaeSampler {
    latent: usize,
    labels: usize,
    /// The fitted prior, `[K, latent]` and `[K, latent, latent]`; none for the standard one.
    latents: Option<(Tensor<2>, Tensor<3>)>,
    generator: Generator,
    device: Device,
}

impl VaeSampler {
    /// Takes out of `weights` what a finished training left there.
    ///
    /// # Errors
    /// When they are not those of these settings and images.
    pub fn from_weights(config: &Config, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<Self> {
        let layout = config.layout(spec)?;
        let (n, k) = (config.latent, spec.labels());
        let start = layout.sides.start(config.condition, &config.channels);
        let other = start.saturating_add(config.condition.saturating_mul(k));
        layout.sides.check_size(&config.channels, config.blocks, other, weights)?;
        let latents = match config.prior {
            Prior::Standard => None,
            Prior::Fitted => {
                let mut take = |name: &str, want: &[usize]| match weights.take_f32(name)? {
                    (shape, values) if shape == want => Ok(values),
                    (shape, _) => {
                        let problem = format!("has shape {shape:?}, the model needs {want:?}");
                        Err(Error::Tensor { name: name.into(), problem })
                    }
                };
                let means = take("prior.mean", &[k, n])?;
                Some(Latents { means, spreads: take("prior.cholesky", &[k, n, n])? }.on(n, device))
            }
        };
        let generator = with_weights(Generator::new(config, spec, &mut Init::new(0, device))?.valid(), weights)?;
        Ok(VaeSampler { latent: n, labels: k, latents, generator, device: device.clone() })
    }
}

impl Sampler for VaeSampler {
    fn noise(&self) -> usize {
        self.latent
    }

    fn images(&self, noise: Tensor<2>, labels: &[u32]) -> Tensor<4> {
        let (b, n) = (labels.len(), self.latent);
        let z = match &self.latents {
            None => noise,
            Some((means, spreads)) => {
                let index: Vec<i32> = labels.iter().map(|&l| (l as usize).min(self.labels - 1) as i32).collect();
                let index = Tensor::<1, Int>::from_data(TensorData::new(index, [b]), &self.device);
                let spread = spreads.clone().select(0, index.clone()).matmul(noise.reshape([b, n, 1]));
                means.clone().select(0, index) + spread.reshape([b, n])
            }
        };
        self.generator.forward(z, classes(labels, self.labels, &self.device))
    }

    fn device(&self) -> Device {
        self.device.clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
