//! CTGAN: a conditional Wasserstein GAN for tables (Xu et al., 2019, section 4.3).
//!
//! ```text
//! critic:     mean C(fake) - mean C(real) + lambda mean (|grad_x C(x^)| - 1)^2      x^ between real and fake
//! generator: -mean C(fake) + cross-entropy of the conditioned column
//! ```
//!
//! Training by sampling: each row of a batch picks a column, a token of it by log-frequency and a real row
//! that has it; the generator is told the token (the condition), so that rare categories are seen.
//! Packing (Lin et al., 2018): the critic judges `pac` rows together. Tokens leave the generator by the
//! Gumbel-softmax (Jang et al., 2017).
//!
//! **The gradient penalty needs the gradient of a gradient, which first-order autodiff does not give.** The critic is made
//! of linear layers and leaky ReLUs, so the gradient with respect to its input is itself a forward computation: transposed
//! weights times the 0.2-or-1 masks of the activations, `grad = W1 (m1 * (W2 (m2 * w3)))`. The masks are constant almost
//! everywhere, so differentiating this expression gives the exact gradient of the penalty.
//!
//! Deviations from the paper, measured on the Adult census table:
//! - every column is a softmax block (numbers as point masses and quantile bins) and every column can be the condition;
//! - **a linear skip between columns** (`skip = true`): a column's logits also receive a linear map of the columns generated
//!   before it (as in [`tvae`](crate::table::tvae)), so that a row is consistent column by column rather than only in `z`;
//! - hard samples with a straight-through gradient: the critic sees one-hot rows, as real ones are;
//! - the critic does not see the condition, and judges single rows (`pac = 1`);
//! - the generator's output starts at the log marginals; a moving average of its weights is what samples;
//! - after training a bias a token makes sampled marginals equal the training ones (`calibrate`);
//! - no batch normalisation, whose statistics would tie the shards of a batch together.

mod conditions;
mod distance;
mod network;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, stream, uniform};
use verisim_data::table::codec::{CodecConfig, Encoded, Numeric, Span};
use verisim_data::table::{Spec, Table};

use crate::error::{Error, Result};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::nets::blocks::check_skip;
use crate::nets::layers::check_size;
use crate::nets::params::{weights_of, with_weights};
use crate::nets::{Blocks, Init, mean, sum};
use crate::noise;
use crate::read;
use crate::step::{self, Learner};
use crate::table::decode::{Heads, calibrate, marginals};
use crate::table::ordered::{self, Columns};
use crate::table::resident::Resident;
use crate::table::sampler::{Allowed, Drawn, Sampler};
use crate::training::Training;
use crate::weights::Weights;
use conditions::Conditions;
use distance::pair_distance;
use network::{Critic, Generator, GumbelSoftmax};

/// Settings of the conditional GAN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Dimensions of the noise.
    pub latent: usize,
    /// Widths of the generator's layers; each passes its input on beside its output.
    pub generator: Vec<usize>,
    /// Widths of the critic's layers.
    pub critic: Vec<usize>,
    /// Rows that the critic judges together.
    pub pac: usize,
    /// Critic steps a generator step.
    pub critic_steps: usize,
    /// Weight of the gradient penalty.
    pub penalty: f64,
    /// Weight of the cross-entropy of the condition.
    pub condition: f64,
    /// Whether the critic sees the condition.
    pub critic_condition: bool,
    /// Share of the critic's activations dropped.
    pub dropout: f64,
    /// Each generated column sees the columns generated before it.
    pub skip: bool,
    /// Temperature of the Gumbel-softmax.
    pub temperature: f64,
    /// Whether generated rows are one-hot going forward (straight-through).
    pub hard: bool,
    /// How number columns are encoded: `grid`, `modes` or `normal`.
    pub numeric: Numeric,
    /// About how many tokens a number column has (with `modes`: most modes).
    pub bins: usize,
    /// Levels seen fewer times share the token "other".
    pub rare: usize,
    /// Most levels with a token of their own.
    pub max_levels: usize,
    /// Rounds of marginal calibration after training.
    pub calibrate: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            latent: 64,
            generator: vec![128, 128],
            critic: vec![128, 128],
            pac: 1,
            critic_steps: 1,
            penalty: 0.1,
            condition: 1.0,
            critic_condition: false,
            dropout: 0.0,
            skip: true,
            temperature: 0.5,
            hard: true,
            numeric: Numeric::Grid,
            bins: 32,
            rare: 10,
            max_levels: 256,
            calibrate: 4,
        }
    }
}

impl Config {
    fn generator(&self, blocks: &Blocks, real: &[f64], init: &mut Init) -> Generator {
        Generator::new(self.latent, &self.generator, self.skip, blocks, real, init)
    }

    fn softmax(&self) -> GumbelSoftmax {
        GumbelSoftmax { temperature: self.temperature, hard: self.hard }
    }
}

impl Model<Table> for Config {
    fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Setting { model: "ctgan", key: key.into(), rule: rule.into() });
        if self.latent == 0 || self.latent > 4096 {
            return bad("latent", "must lie between 1 and 4096");
        }
        for (key, widths) in [("generator", &self.generator), ("critic", &self.critic)] {
            if widths.is_empty() || widths.iter().any(|&h| h == 0 || h > 16_384) {
                return bad(key, "must name at least one width between 1 and 16384");
            }
        }
        if !(1..=1024).contains(&self.pac) || !(1..=64).contains(&self.critic_steps) {
            return bad("pac and critic_steps", "must lie between 1 and 1024, and between 1 and 64");
        }
        if [self.penalty, self.condition].iter().any(|x| !x.is_finite() || *x < 0.0) {
            return bad("penalty and condition", "must be 0 or more");
        }
        if !(0.0..0.95).contains(&self.dropout) || self.temperature.is_nan() || self.temperature <= 0.0 {
            return bad("dropout and temperature", "must lie in [0, 0.95), and be positive");
        }
        if !(2..=4096).contains(&self.bins) || !(2..=4096).contains(&self.max_levels) {
            return bad("bins and max_levels", "must lie between 2 and 4096");
        }
        Ok(())
    }

    fn encoding(&self) -> CodecConfig {
        CodecConfig { numeric: self.numeric, bins: self.bins, rare: self.rare, max_levels: self.max_levels }
    }

    fn training(&self) -> Option<Training> {
        Some(Training {
            batch_size: 500,
            epochs: 56,
            min_steps: 3000,
            warmup: 50,
            betas: [0.5, 0.9],
            ema: 0.995,
            validation: 0.05,
            ..Training::default()
        })
    }

    fn start(&self, split: &Split<'_, Table>, setup: &Setup<'_>) -> Result<Start<Table>> {
        ordered::start(split, |columns| Ctgan::new(self, columns, setup))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<Box<dyn Sampler>> {
        ordered::restore(spec, weights, |spans, weights| CtganSampler::from_weights(self, spans, weights, device))
    }
}

/// Generator and critic in training, the rows that they learn beside them on the device.
pub struct Ctgan {
    config: Config,
    spans: Vec<Span>,
    blocks: Blocks,
    train: Resident,
    validation: Option<Encoded>,
    conditions: Conditions,
    /// Training frequency of every token.
    real: Vec<f64>,
    device: Device,
    /// Rows of a batch, and the shards that they are cut into.
    batch: usize,
    shards: usize,
    generator: Learner<Generator>,
    critic: Learner<Critic>,
}

impl Ctgan {
    /// Weights from the seed, rows on the device.
    ///
    /// # Errors
    /// When the settings make no sense, or the columns have too many tokens for them.
    pub fn new(config: &Config, columns: &Columns<'_>, setup: &Setup<'_>) -> Result<Ctgan> {
        let Columns { spans, train, validation } = columns;
        let Setup { training, seed, device, shards, .. } = *setup;
        config.check()?;
        check_skip(config.skip, spans)?;
        let plain = device.clone().inner();
        let blocks = Blocks::new(spans, &plain);
        let real = marginals(spans, train);
        let mut init = Init::new(seed, device);
        let generator = config.generator(&blocks, &real, &mut init);
        let inputs = blocks.width() + blocks.scalars.len() + if config.critic_condition { blocks.width() } else { 0 };
        let critic = Critic::new(inputs * config.pac, &config.critic, &mut init);
        Ok(Ctgan {
            config: config.clone(),
            spans: spans.to_vec(),
            train: Resident::new(train, &blocks, &plain),
            validation: (validation.count() > 0).then(|| validation.copied()),
            conditions: Conditions::new(train, &blocks.offsets),
            real,
            blocks,
            device: device.clone(),
            batch: training.batch(train.count()),
            shards,
            generator: Learner::new(generator, training),
            critic: Learner::without_average(critic, training),
        })
    }

    /// Rows in a shard: a multiple of `pac`.
    fn shard_rows(&self) -> usize {
        let per_shard = self.batch.div_ceil(self.shards);
        per_shard.div_ceil(self.config.pac) * self.config.pac
    }

    /// Rows as the critic sees them: scalars and condition beside the tokens, `pac` rows in one.
    fn packed(&self, tokens: Tensor<2>, scalars: Option<Tensor<2>>, condition: Tensor<2>) -> Tensor<2> {
        let mut parts = vec![tokens];
        parts.extend(scalars);
        if self.config.critic_condition {
            parts.push(condition);
        }
        let x = if parts.len() == 1 { parts.swap_remove(0) } else { Tensor::cat(parts, 1) };
        let [rows, width] = x.dims();
        x.reshape([rows / self.config.pac, width * self.config.pac])
    }

    /// Dropout masks of the critic's layers, scaled so that their mean is one; none without dropout.
    fn dropout(&self, rows: usize, rng: &mut Stream) -> Vec<Tensor<2>> {
        if self.config.dropout == 0.0 {
            return Vec::new();
        }
        let kept = 1.0 - self.config.dropout;
        let device = self.device.clone().inner();
        let mut mask = |&h: &usize| Tensor::from_inner(noise::fresh_dropout(rng, rows, h, kept, &device));
        self.config.critic.iter().map(&mut mask).collect()
    }

    /// Step `k` of the critic before a step of the generator.
    fn critic_step(&mut self, clock: &Clock, k: usize) -> Losses {
        let plain = self.device.clone().inner();
        let (rows, width, latent) = (self.shard_rows(), self.blocks.width(), self.config.latent);
        let (this, softmax) = (&*self, self.config.softmax());
        let generator = this.generator.net().valid();
        let shard = |s: usize, critic: &Critic| {
            let mut rng = stream(clock.seed, "critic", (clock.step * 64 + k as u64) * 64 + s as u64);
            let positions: Vec<usize> = (0..rows).map(|_| this.conditions.by_log_frequency(&mut rng)).collect();
            let index: Vec<usize> = positions.iter().map(|&p| this.conditions.row(p, &mut rng)).collect();
            let (tokens, scalars) = this.train.batch(&index, &this.blocks);
            let condition = conditions::one_hot(&positions, width, &plain);
            let real = this.packed(tokens, scalars, condition.clone());
            let noise = noise::fresh_normal(&mut rng, rows, latent, &plain);
            let token_noise = noise::fresh_gumbel(&mut rng, rows, width, &plain);
            let (tokens, _, scalars) = generator.rows(&this.blocks, noise, condition.clone(), token_noise, softmax);
            let fake = this.packed(tokens, scalars, condition);
            let packs = rows / this.config.pac;
            let mix: Vec<f32> = (0..packs).map(|_| uniform(&mut rng) as f32).collect();
            let mix = Tensor::<2>::from_data(TensorData::new(mix, [packs, 1]), &plain);
            let between = real.clone() * mix.clone() + fake.clone() * (mix.neg() + 1.0);
            let keep = this.dropout(packs, &mut rng);
            let up = Tensor::from_inner;
            let (score_real, _) = critic.forward(up(real), &keep);
            let (score_fake, _) = critic.forward(up(fake), &keep);
            let (_, slopes) = critic.forward(up(between), &keep);
            let norm = (critic.input_gradient(&slopes).powf_scalar(2.0).sum_dim(1) + 1e-12).sqrt();
            let penalty = mean((norm - 1.0).powf_scalar(2.0));
            let distance = mean(score_real) - mean(score_fake);
            let scale = 1.0 / this.shards as f64;
            let (penalty, distance) = (penalty * scale, distance * scale);
            let loss = penalty.clone() * this.config.penalty - distance.clone();
            (loss, vec![("distance", distance.inner()), ("penalty", penalty.inner())])
        };
        let (grads, logs) = step::gradients(this.critic.net(), this.shards, &this.device, shard);
        self.critic.update(grads, clock);
        step::add_losses(logs)
    }

    fn generator_step(&mut self, clock: &Clock) -> Losses {
        let plain = self.device.clone().inner();
        let (rows, width, latent) = (self.shard_rows(), self.blocks.width(), self.config.latent);
        let (this, softmax) = (&*self, self.config.softmax());
        let shard = |s: usize, generator: &Generator| {
            let mut rng = stream(clock.seed, "generator", clock.step * 64 + s as u64);
            let positions: Vec<usize> = (0..rows).map(|_| this.conditions.by_log_frequency(&mut rng)).collect();
            let up = Tensor::from_inner;
            let condition = up(conditions::one_hot(&positions, width, &plain));
            let chosen = up(conditions::columns(&positions, &this.blocks.offsets, &plain));
            let noise = up(noise::fresh_normal(&mut rng, rows, latent, &plain));
            let token_noise = up(noise::fresh_gumbel(&mut rng, rows, width, &plain));
            let blocks = this.blocks.with_gradients();
            let (tokens, logits, scalars) = generator.rows(&blocks, noise, condition.clone(), token_noise, softmax);
            let keep = this.dropout(rows / this.config.pac, &mut rng);
            // The critic is only passed through: its own fork keeps its parameters out of this graph's lock.
            let critic = this.critic.net().clone().fork(&this.device);
            let (score, _) = critic.forward(this.packed(tokens, scalars, condition.clone()), &keep);
            let entropy = blocks.cross_entropy(logits, condition);
            let condition_loss = sum(entropy * chosen) / rows as f64;
            let scale = 1.0 / this.shards as f64;
            let (adversarial, condition_loss) = (mean(score).neg() * scale, condition_loss * scale);
            let loss = adversarial.clone() + condition_loss.clone() * this.config.condition;
            (loss, vec![("generator", adversarial.inner()), ("condition", condition_loss.inner())])
        };
        let (grads, logs) = step::gradients(this.generator.net(), this.shards, &this.device, shard);
        self.generator.update(grads, clock);
        step::add_losses(logs)
    }

    fn sampler(&self, generator: Generator) -> Result<CtganSampler> {
        Ok(CtganSampler {
            skip: generator.skip_on_host(&self.blocks)?,
            spans: self.spans.clone(),
            blocks: self.blocks.clone(),
            latent: self.config.latent,
            generator,
            marginals: self.real.clone(),
            bias: vec![0.0; self.blocks.width()],
            device: self.device.clone().inner(),
        })
    }
}

impl Trainee<Table> for Ctgan {
    fn steps_per_epoch(&self) -> u64 {
        (self.train.rows / (self.shard_rows() * self.shards)).max(1) as u64
    }

    fn step(&mut self, clock: &Clock) -> Result<Losses> {
        let mut losses = Losses::new();
        for k in 0..self.config.critic_steps {
            losses = self.critic_step(clock, k);
        }
        losses.extend(self.generator_step(clock));
        Ok(losses)
    }

    /// How far pairs of columns of generated rows are from those of the rows kept for validation: mean total variation distance.
    /// The losses of a GAN say nothing of its quality; this does.
    fn validate(&mut self) -> Result<Option<f64>> {
        let Some(real) = &self.validation else { return Ok(None) };
        let sampler = self.sampler(self.generator.average())?;
        let rows = real.rows.clamp(2000, 8000);
        let fake =
            sampler.draw(rows, &Allowed::any(self.spans.len()), u64::MAX, &mut stream(0, "validate", 0))?.encoded;
        Ok(Some(pair_distance(&self.spans, real, &fake)))
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

    fn finish(&mut self, seed: u64) -> Result<Weights> {
        let generator = self.generator.best();
        let mut weights = weights_of(&generator)?;
        let sampler = self.sampler(generator)?;
        let bias = calibrate(self.config.calibrate, &self.real, &self.spans, seed, |bias, rows, rng| {
            sampler.draw_biased(bias, rows, &Allowed::any(self.spans.len()), u64::MAX, rng)
        })?;
        weights.put_f32("bias", &[bias.len()], bias);
        weights.put_f64("marginals", &[self.real.len()], self.real.clone());
        Ok(weights)
    }
}

/// Draws rows: logits on the device, tokens one after another on the host.
pub struct CtganSampler {
    spans: Vec<Span>,
    blocks: Blocks,
    latent: usize,
    generator: Generator,
    /// The skip on the host: `[W, W]`.
    skip: Option<Vec<f32>>,
    /// Training frequency of every token.
    marginals: Vec<f64>,
    /// What calibration adds to the logits, `[W]`.
    bias: Vec<f32>,
    device: Device,
}

impl CtganSampler {
    /// Takes out of `weights` what a finished training left there.
    ///
    /// # Errors
    /// When they are not those of these settings and columns.
    pub fn from_weights(config: &Config, spans: &[Span], weights: &mut Weights, device: &Device) -> Result<Self> {
        check_skip(config.skip, spans)?;
        check_size(&config.generator, config.latent, weights)?;
        let blocks = Blocks::new(spans, device);
        let (_, bias) = weights.take_f32("bias")?;
        let (_, marginals) = weights.take_f64("marginals")?;
        if bias.len() != blocks.width()
            || marginals.len() != blocks.width()
            || marginals.iter().any(|p| !(0.0..=1.0).contains(p))
        {
            return Err(Error::Tensor { name: "bias".into(), problem: "does not fit the columns".into() });
        }
        let generator = config.generator(&blocks, &marginals, &mut Init::new(0, device)).valid();
        let generator = with_weights(generator, weights)?;
        let skip = generator.skip_on_host(&blocks)?;
        Ok(CtganSampler {
            skip,
            spans: spans.to_vec(),
            latent: config.latent,
            blocks,
            generator,
            marginals,
            bias,
            device: device.clone(),
        })
    }

    /// A condition by true frequency: of a random column, or of `column` among the tokens that are allowed.
    fn condition(&self, column: Option<(usize, &[bool])>, rng: &mut Stream) -> usize {
        let c = column.map_or_else(|| below(rng, self.spans.len() as u64) as usize, |(c, _)| c);
        let (a, b) = (self.blocks.offsets[c], self.blocks.offsets[c + 1]);
        let mass = |w: usize| if column.is_none_or(|(_, ok)| ok[w - a]) { self.marginals[w] } else { 0.0 };
        let mut u = uniform(rng) * (a..b).map(mass).sum::<f64>();
        for w in a..b {
            u -= mass(w);
            if u < 0.0 {
                return w;
            }
        }
        (a..b).rev().find(|&w| mass(w) > 0.0).unwrap_or(a)
    }

    /// Under a condition the generator is told a token of the restricted column with the least mass, which makes rows
    /// that satisfy it frequent; rows that do not are given up.
    fn draw_biased(
        &self,
        bias: &[f32],
        rows: usize,
        allowed: &Allowed,
        max_tries: u64,
        rng: &mut Stream,
    ) -> Result<Drawn> {
        let width = self.blocks.width();
        let mass = |(c, ok): &(usize, &[bool])| -> f64 {
            ok.iter().zip(&self.marginals[self.blocks.offsets[*c]..]).filter(|(ok, _)| **ok).map(|(_, p)| p).sum()
        };
        let rarest = allowed.restricted().min_by(|a, b| mass(a).total_cmp(&mass(b)));
        let heads = Heads { spans: &self.spans, blocks: &self.blocks, skip: self.skip.as_deref(), bias };
        heads.draw(rows, allowed, max_tries, rng, |n, rng| {
            let positions: Vec<usize> = (0..n).map(|_| self.condition(rarest, rng)).collect();
            let noise = noise::normal(rng, n, self.latent, &self.device);
            let (logits, means) =
                self.generator.forward(noise, conditions::one_hot(&positions, width, &self.device), &self.blocks);
            Ok((read::numbers(logits)?, means.map(read::numbers).transpose()?.unwrap_or_default()))
        })
    }
}

impl Sampler for CtganSampler {
    fn draw(&self, rows: usize, allowed: &Allowed, max_tries: u64, rng: &mut Stream) -> Result<Drawn> {
        self.draw_biased(&self.bias, rows, allowed, max_tries, rng)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::needless_range_loop)]
mod tests;
