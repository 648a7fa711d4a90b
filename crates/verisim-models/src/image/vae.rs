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

use std::ops::Range;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use serde::{Deserialize, Serialize};
use verisim_data::image::{Images, Spec};
use verisim_data::rng::stream;

use crate::error::{Error, Result};
use crate::image::{Batches, Sampler};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::linalg::cholesky;
use crate::nets::params::{weights_of, with_weights};
use crate::nets::vision::{Decoder, Encoder, Layout, classes, dense, unit};
use crate::nets::{Init, linear, silu};
use crate::noise;
use crate::read;
use crate::step::{self, Cuts, Learner};
use crate::training::Training;
use crate::weights::Weights;

/// Settings of the autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// Normal, for pixels as numbers.
    Gaussian,
    /// Discretised logistic, for pixels as bytes.
    Logistic,
}

/// The distribution of latents that images are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    let divergence = (log_var.clone().exp() + mean.powf_scalar(2.0) - log_var - 1.0).sum() * 0.5;
    (reconstruction / size, divergence / size)
}

/// `-ln p` of all `count` numbers, without the constant `ln sqrt(2 pi)`.
fn gaussian(x: Tensor<4>, y: Tensor<4>, log_scale: Tensor<1>, count: f64) -> Tensor<1> {
    let squares = (x - y).powf_scalar(2.0).sum();
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
    -(below * not_white + above * not_black + inside).sum()
}

/// An autoencoder in training.
pub struct Vae {
    config: Config,
    spec: Spec,
    batches: Batches,
    device: Device,
    cuts: Cuts,
    learner: Learner<Net>,
}

impl Vae {
    /// A fresh model.
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

/// Sums over latents of one class.
struct Moments {
    size: usize,
    count: f64,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Moments {
    fn new(size: usize) -> Moments {
        Moments { size, count: 0.0, first: vec![0.0; size], second: vec![0.0; size * size] }
    }

    /// An image whose latents have this mean and variance.
    fn add(&mut self, mean: &[f32], var: &[f32]) {
        self.count += 1.0;
        for (i, &m) in mean.iter().enumerate() {
            let m = f64::from(m);
            self.first[i] += m;
            let row = &mut self.second[i * self.size..=i * self.size + i];
            row.iter_mut().zip(mean).for_each(|(sum, &other)| *sum += m * f64::from(other));
            row[i] += f64::from(var[i]);
        }
    }

    /// Both sums together.
    fn and(mut self, other: &Moments) -> Moments {
        self.count += other.count;
        self.first.iter_mut().zip(&other.first).for_each(|(a, b)| *a += b);
        self.second.iter_mut().zip(&other.second).for_each(|(a, b)| *a += b);
        self
    }

    /// Mean and Cholesky factor of the covariance, with `size` standard normal pseudo-images added.
    fn normal(&self) -> (Vec<f64>, Vec<f64>) {
        let n = self.size;
        let total = self.count + n as f64;
        let mean: Vec<f64> = self.first.iter().map(|x| x / total).collect();
        let mut covariance = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let pseudo = if i == j { n as f64 } else { 0.0 };
                let value = (self.second[i * n + j] + pseudo) / total - mean[i] * mean[j];
                (covariance[i * n + j], covariance[j * n + i]) = (value, value);
            }
        }
        (mean, cholesky(&covariance, n))
    }
}

/// Normal distributions of latents, one a class: means `[K, latent]`, Cholesky factors `[K, latent, latent]`.
struct Latents {
    means: Vec<f32>,
    spreads: Vec<f32>,
}

impl Latents {
    fn on(self, latent: usize, device: &Device) -> (Tensor<2>, Tensor<3>) {
        let k = self.means.len() / latent;
        (
            Tensor::from_data(TensorData::new(self.means, [k, latent]), device),
            Tensor::from_data(TensorData::new(self.spreads, [k, latent, latent]), device),
        )
    }
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

    /// The loss on images kept back, with the same noise each time.
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

/// A trained decoder.
pub struct VaeSampler {
    latent: usize,
    labels: usize,
    latents: Option<(Tensor<2>, Tensor<3>)>,
    generator: Generator,
    device: Device,
}

impl VaeSampler {
    /// The sampler of saved weights.
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
mod tests {
    use super::*;
    use crate::image;
    use crate::image::testkit as images;
    use crate::image::testkit::{assert_close, host, random, steps};
    use crate::image::{Tuning, from_byte};
    use crate::nets::params::tests::{assert_gradients, shaken, zeroed};
    use verisim_data::image::{Images, Shape, Spec};

    fn config() -> Config {
        Config { latent: 4, channels: vec![8, 8], condition: 16, ..Config::default() }
    }

    fn tiny() -> Config {
        Config { latent: 2, channels: vec![4, 6], condition: 5, ..Config::default() }
    }

    fn spec() -> Spec {
        let shape = Shape { height: 4, width: 8, channels: 1 };
        Spec { shape, classes: ["left", "right"].map(String::from).to_vec(), shares: vec![0.5, 0.5] }
    }

    fn fresh(split: &Split<'_, Images>, setup: &Setup<'_>) -> Vae {
        Vae::new(&config(), split, setup).unwrap()
    }

    fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    /// Three images of 4 x 8 pixels, black and white ones among them.
    fn pixels() -> Tensor<4> {
        tensor((0..96).map(|i| from_byte((i * 37 % 256) as u8)).collect(), [3, 4, 8, 1])
    }

    /// `-ln p` of one byte around `y`.
    fn logistic_of(byte: u8, y: f32, log_scale: f32) -> f64 {
        let (x, y) = (tensor(vec![from_byte(byte)], [1; 4]), tensor(vec![y], [1; 4]));
        f64::from(logistic(x, y, tensor(vec![log_scale], [1])).into_scalar::<f32>())
    }

    #[test]
    fn the_logistic_likelihood_is_the_mass_of_a_byte() {
        let f = |x: f64| 1.0 / (1.0 + (-x).exp());
        for (y, log_scale) in [(0.0, 0.0), (-0.3, -2.0), (0.7, -4.0), (1.2, -1.0), (-1.0, -3.0)] {
            let mut whole = 0.0;
            for byte in 0..=255 {
                let x = f64::from(byte) / 127.5 - 1.0;
                let at = |x: f64| (x - f64::from(y)) / f64::from(log_scale).exp();
                let (below, above) = (at(x - 1.0 / 255.0), at(x + 1.0 / 255.0));
                let mass = match byte {
                    0 => f(above),
                    255 => f(-below),
                    // Of the tail on the right the mirror image, whose digits are not lost beside 1.
                    _ if below > 0.0 => f(-below) - f(-above),
                    _ => f(above) - f(below),
                };
                let got = logistic_of(byte, y, log_scale);
                let error = (got + mass.ln()).abs();
                assert!(error < 1e-3 + 1e-5 * got, "{byte} around {y}: {got} and {}", -mass.ln());
                whole += (-got).exp();
            }
            assert!((whole - 1.0).abs() < 1e-3, "the masses around {y} add up to {whole}");
        }
        // White where black was expected, at the smallest scale: 1 - F(d) is e^-d, which is 0 for a computer.
        let expected = (2.0 - 1.0 / 255.0) * 7f64.exp();
        for (byte, y) in [(255, -1.0), (0, 1.0)] {
            assert!((logistic_of(byte, y, -7.0) / expected - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn the_gaussian_likelihood_is_that_of_normals() {
        let (x, y) = (tensor(vec![1.0, 0.0, -1.0, 0.5], [2, 1, 2, 1]), tensor(vec![0.5, 0.0, 0.0, 0.0], [2, 1, 2, 1]));
        let got = gaussian(x, y, tensor(vec![2f32.ln()], [1]), 4.0).into_scalar::<f32>();
        // Squares of 1.5 in all, and a deviation of 2.
        assert!((got - (1.5 / 8.0 + 4.0 * 2f32.ln())).abs() < 1e-5, "{got}");
    }

    /// With weights of zero the decoder gives 0, and the latents are what the bias of the encoder's last layer says.
    #[test]
    fn the_loss_of_an_empty_net_is_known() {
        let bias = [0.5, -1.0, 0.8, -1.6];
        let net = Net::new(&tiny(), &spec(), 3, &Device::flex()).unwrap();
        let net = zeroed(net, &[&bias, &[2f32.ln()]]);
        let class = classes(&[0, 1, 1], 2, &Device::flex());
        let (reconstruction, divergence) = loss(&tiny(), &net, pixels(), class, random([3, 2], 0));
        let squares: f32 = host(pixels()).iter().map(|x| x * x).sum();
        let expected = squares / 8.0 / 32.0 + 3.0 * 2f32.ln();
        let got = reconstruction.into_scalar::<f32>();
        assert!((got - expected).abs() < 1e-4, "{got} and {expected}");
        let of = |mean: f32, raw: f32| {
            let log_var = 8.0 * (raw / 8.0).tanh();
            0.5 * (log_var.exp() + mean * mean - log_var - 1.0)
        };
        let expected = 3.0 * (of(bias[0], bias[2]) + of(bias[1], bias[3])) / 32.0;
        let got = divergence.into_scalar::<f32>();
        assert!((got - expected).abs() < 1e-5, "{got} and {expected}");
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for likelihood in [Likelihood::Gaussian, Likelihood::Logistic] {
            let config = Config { likelihood, ..tiny() };
            let net = shaken(Net::new(&config, &spec(), 3, &Device::flex().autodiff()).unwrap(), 0.2);
            let (x, class) = (pixels(), classes(&[0, 1, 1], 2, &Device::flex()));
            assert_gradients(&net, 3e-3, |net| {
                let (x, class) = (Tensor::from_inner(x.clone()), Tensor::from_inner(class.clone()));
                let (r, d) = loss(&config, net, x, class, Tensor::from_inner(random([3, 2], 0)));
                r * 2.0 + d
            });
        }
    }

    #[test]
    fn moments_are_those_of_the_latents_and_of_pseudo_images() {
        let mut moments = Moments::new(2);
        moments.add(&[1.0, 0.0], &[0.5, 0.25]);
        moments.add(&[3.0, 2.0], &[0.5, 0.25]);
        // Two images and two pseudo-images: means 4/4 and 2/4; variances (1 + 9 + 1 + 2) / 4 - 1 = 2.25 and
        // (4 + 0.5 + 2) / 4 - 0.25 = 1.375; covariance 6/4 - 0.5 = 1.
        let (mean, spread) = moments.normal();
        assert_eq!(mean, [1.0, 0.5]);
        let expected = [1.5, 0.0, 1.0 / 1.5, (1.375f64 - 1.0 / 2.25).sqrt()];
        assert!(spread.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{spread:?}");
        // A class without images has the standard normal distribution.
        assert_eq!(Moments::new(2).normal(), (vec![0.0; 2], vec![1.0, 0.0, 0.0, 1.0]));
    }

    #[test]
    fn latents_are_drawn_from_the_normal_distribution_of_their_class() {
        let device = Device::flex();
        let generator = shaken(Net::new(&tiny(), &spec(), 3, &device).unwrap(), 0.2).generator;
        let latents =
            Latents { means: vec![1.0, -1.0, 0.5, 2.0], spreads: vec![2.0, 0.0, 0.5, 1.0, 1.0, 0.0, -1.0, 0.25] };
        let latents = Some(latents.on(2, &device));
        let sampler =
            VaeSampler { latent: 2, labels: 2, latents, generator: generator.clone(), device: device.clone() };
        let labels = [0, 1, 1];
        let got = sampler.images(tensor(vec![1.0, 2.0, 1.0, 2.0, 0.0, -1.0], [3, 2]), &labels);
        let z = tensor(vec![3.0, 1.5, 1.5, 1.5, 0.5, 1.75], [3, 2]);
        assert_close(&host(got), &host(generator.forward(z.clone(), classes(&labels, 2, &device))));
        let plain = VaeSampler { latents: None, ..sampler };
        assert_close(
            &host(plain.images(z.clone(), &labels)),
            &host(generator.forward(z, classes(&labels, 2, &device))),
        );
    }

    #[test]
    fn training_lowers_the_loss_and_images_follow_their_class() {
        for (likelihood, prior) in [(Likelihood::Gaussian, Prior::Fitted), (Likelihood::Logistic, Prior::Standard)] {
            let config = Config { likelihood, prior, ..config() };
            let mut model = images::model(|split, setup| Vae::new(&config, split, setup).unwrap());
            let before = model.validate().unwrap().unwrap();
            steps(&mut model, 0..150);
            let after = model.validate().unwrap().unwrap();
            assert!(after < before - 0.6, "{before} before, {after} after");
            assert_eq!(model.validate().unwrap(), Some(after));
            images::assert_classes(&*model.preview().unwrap());
        }
    }

    #[test]
    fn what_was_saved_goes_on_alike() {
        images::assert_resumes(fresh);
    }

    #[test]
    fn weights_draw_what_the_model_drew() {
        images::assert_restores(&image::Model::Vae(config()), fresh);
        let standard = Config { prior: Prior::Standard, ..config() };
        images::assert_restores(&image::Model::Vae(standard.clone()), |split, setup| {
            Vae::new(&standard, split, setup).unwrap()
        });
    }

    #[test]
    fn seeds_decide_the_model() {
        images::assert_seeded(fresh);
    }

    #[test]
    fn batches_may_be_cut_in_any_way() {
        images::assert_cuts(fresh);
    }

    #[test]
    fn steps_and_guidance_are_refused() {
        let sampler = images::model(fresh).preview().unwrap();
        assert!(sampler.tuned(&Tuning::default()).unwrap().is_none());
        for tuning in [Tuning { steps: Some(3), guidance: None }, Tuning { steps: None, guidance: Some(2.0) }] {
            assert!(sampler.tuned(&tuning).is_err());
        }
    }
}
