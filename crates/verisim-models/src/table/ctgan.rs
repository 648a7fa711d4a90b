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

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData, activation};
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, stream, uniform};
use verisim_data::table::codec::{CodecConfig, Encoded, Numeric, Span};
use verisim_data::table::{Spec, Table};

use crate::error::{Error, Result};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::nets::params::{weights_of, with_weights};
use crate::nets::{Blocks, Init, blocks::cap, blocks::check_skip, layers::check_size, linear};
use crate::noise;
use crate::read;
use crate::step::{self, Learner};
use crate::table::decode::{Heads, calibrate, marginals};
use crate::table::ordered::{self, Columns};
use crate::table::resident::Resident;
use crate::table::rows::Rows;
use crate::table::sampler::{Allowed, Drawn, Sampler};
use crate::training::Training;
use crate::weights::Weights;

/// Settings of the conditional GAN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// Noise and condition to logits and scalars.
#[derive(Module, Debug)]
pub struct Generator {
    layers: Vec<Linear>,
    output: Linear,
    /// For each column after the first, the map from the one-hot columns before it to its logits; empty without skip.
    skip: Vec<Param<Tensor<2>>>,
}

impl Generator {
    fn new(config: &Config, blocks: &Blocks, real: &[f64], init: &mut Init) -> Generator {
        let mut width = config.latent + blocks.width();
        let mut layers = Vec::new();
        for &h in &config.generator {
            layers.push(init.linear(width, h));
            width += h;
        }
        let mut output = init.linear(width, blocks.width() + blocks.scalars.len());
        let mut bias: Vec<f32> = real.iter().map(|p| (p + 1e-4).ln() as f32).collect();
        bias.resize(blocks.width() + blocks.scalars.len(), 0.0);
        output.bias = Some(init.param([bias.len()], bias));
        let pairs = blocks.offsets.windows(2).skip(1).filter(|_| config.skip);
        let skip = pairs.map(|o| init.param([o[0], o[1] - o[0]], vec![0.0; o[0] * (o[1] - o[0])])).collect();
        Generator { layers, output, skip }
    }

    /// `[B, Z]` and `[B, W]` to logits `[B, W]` and scalars `[B, S]`.
    fn forward(&self, noise: Tensor<2>, condition: Tensor<2>, width: usize) -> (Tensor<2>, Option<Tensor<2>>) {
        let mut x = Tensor::cat(vec![noise, condition], 1);
        for layer in &self.layers {
            let h = activation::relu(linear(layer, x.clone()));
            x = Tensor::cat(vec![h, x], 1);
        }
        let out = linear(&self.output, x);
        let [_, all] = out.dims();
        match all - width {
            0 => (out, None),
            s => (out.clone().narrow(1, 0, width), Some(out.narrow(1, width, s).tanh())),
        }
    }
}

/// Packed rows to a score.
#[derive(Module, Debug)]
pub struct Critic {
    layers: Vec<Linear>,
    output: Param<Tensor<2>>,
}

const SLOPE: f32 = 0.2;
/// How much faster the skip learns than other weights: it starts at zero and must reach the size of logits.
const SKIP_GAIN: f32 = 4.0;

impl Critic {
    fn new(config: &Config, inputs: usize, init: &mut Init) -> Critic {
        let mut width = inputs * config.pac;
        let mut layers = Vec::new();
        for &h in &config.critic {
            layers.push(init.linear(width, h));
            width = h;
        }
        // A bias would cancel in the loss, so there is none.
        Critic { layers, output: init.linear(width, 1).weight }
    }

    /// Scores `[B, 1]`, and the slope `[B, H]` of each layer's activation. `keep` holds a dropout mask a layer, or is empty.
    fn forward(&self, mut x: Tensor<2>, keep: &[Tensor<2>]) -> (Tensor<2>, Vec<Tensor<2>>) {
        let mut slopes = Vec::with_capacity(self.layers.len());
        for (l, layer) in self.layers.iter().enumerate() {
            let before = linear(layer, x);
            let slope = before.clone().detach().greater_elem(0.0).float() * (1.0 - SLOPE) + SLOPE;
            let slope = match keep.get(l) {
                Some(keep) => slope * keep.clone(),
                None => slope,
            };
            x = before * slope.clone();
            slopes.push(slope);
        }
        (x.matmul(self.output.val()), slopes)
    }

    /// Gradient `[B, I]` of each score with respect to its input, given the slopes there: see the header.
    fn input_gradient(&self, slopes: &[Tensor<2>]) -> Tensor<2> {
        let mut gradient = self.output.val().transpose();
        for (layer, slope) in self.layers.iter().zip(slopes).rev() {
            gradient = (slope.clone() * gradient).matmul(layer.weight.val().transpose());
        }
        gradient
    }
}

/// Picks conditions and the rows that satisfy them.
struct ConditionSampler {
    /// Rows by column and token: `rows[start[w]..start[w + 1]]` have token `w`.
    rows: Vec<u32>,
    start: Vec<u32>,
    /// First position of each column, one more at the end.
    offsets: Vec<usize>,
    /// Cumulative log-frequency within each column, one entry a position.
    log_mass: Vec<f64>,
}

impl ConditionSampler {
    fn new(data: &Rows<'_>, offsets: &[usize]) -> Self {
        let columns = offsets.len() - 1;
        let mut rows = Vec::with_capacity(data.count() * columns);
        let mut start = vec![0u32];
        let mut log_mass = Vec::new();
        for c in 0..columns {
            let mut by_token: Vec<Vec<u32>> = vec![Vec::new(); offsets[c + 1] - offsets[c]];
            data.tokens(c).enumerate().for_each(|(i, t)| by_token[t as usize].push(i as u32));
            let mut mass = 0.0;
            for own in by_token {
                mass += (own.len() as f64).ln_1p();
                log_mass.push(mass);
                rows.extend(own);
                start.push(rows.len() as u32);
            }
        }
        ConditionSampler { rows, start, offsets: offsets.to_vec(), log_mass }
    }

    /// Position of a token chosen by column, then log-frequency.
    fn by_log_frequency(&self, rng: &mut Stream) -> usize {
        let c = below(rng, self.offsets.len() as u64 - 1) as usize;
        let mass = &self.log_mass[self.offsets[c]..self.offsets[c + 1]];
        let u = uniform(rng) * mass[mass.len() - 1];
        self.offsets[c] + mass.partition_point(|&m| m <= u).min(mass.len() - 1)
    }

    /// A row that has the token at a position; tokens drawn by log-frequency always have one.
    fn row(&self, position: usize, rng: &mut Stream) -> usize {
        let own = &self.rows[self.start[position] as usize..self.start[position + 1] as usize];
        own[below(rng, own.len().max(1) as u64) as usize] as usize
    }
}

/// One-hot conditions `[B, W]`.
fn condition_rows(positions: &[usize], width: usize, device: &Device) -> Tensor<2> {
    let mut rows = vec![0f32; positions.len() * width];
    positions.iter().enumerate().for_each(|(i, &p)| rows[i * width + p] = 1.0);
    Tensor::from_data(TensorData::new(rows, [positions.len(), width]), device)
}

/// `[B, C]` that is 1 at the conditioned column.
fn condition_columns(positions: &[usize], offsets: &[usize], device: &Device) -> Tensor<2> {
    let columns = offsets.len() - 1;
    let mut rows = vec![0f32; positions.len() * columns];
    positions.iter().enumerate().for_each(|(i, &p)| rows[i * columns + offsets.partition_point(|&o| o <= p) - 1] = 1.0);
    Tensor::from_data(TensorData::new(rows, [positions.len(), columns]), device)
}

/// A GAN in training.
pub struct Ctgan {
    config: Config,
    spans: Vec<Span>,
    blocks: Blocks,
    train: Resident,
    validation: Option<Encoded>,
    conditions: ConditionSampler,
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
        let Setup { training, seed, device, shards } = *setup;
        config.check()?;
        check_skip(config.skip, spans)?;
        let plain = device.clone().inner();
        let blocks = Blocks::new(spans, &plain);
        let real = marginals(spans, train);
        let mut init = Init::new(seed, device);
        let generator = Generator::new(config, &blocks, &real, &mut init);
        let inputs = blocks.width() + blocks.scalars.len() + if config.critic_condition { blocks.width() } else { 0 };
        let critic = Critic::new(config, inputs, &mut init);
        Ok(Ctgan {
            config: config.clone(),
            spans: spans.to_vec(),
            train: Resident::new(train, &blocks, &plain),
            validation: (validation.count() > 0).then(|| validation.copied()),
            conditions: ConditionSampler::new(train, &blocks.offsets),
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

    /// Generated rows `[B, W]`, their logits and scalars. `gumbel` is the noise of the tokens. The tensors, `blocks` among
    /// them, all carry gradients or none does.
    fn generate(
        &self,
        generator: &Generator,
        blocks: &Blocks,
        noise: Tensor<2>,
        condition: Tensor<2>,
        gumbel: Tensor<2>,
    ) -> (Tensor<2>, Tensor<2>, Option<Tensor<2>>) {
        let (logits, scalars) = generator.forward(noise, condition, blocks.width());
        if !generator.skip.is_empty() {
            let (rows, logits) = self.one_by_one(generator, blocks, logits, gumbel);
            return (rows, logits, scalars);
        }
        let logits = cap(logits);
        let noisy = logits.clone() + gumbel;
        let peak = blocks.peak(noisy.clone());
        let soft = blocks.softmax((noisy.clone() - peak.clone()).div_scalar(self.config.temperature));
        (self.harden(soft, noisy, peak), logits, scalars)
    }

    /// Tokens column after column, each with the skip of those before it. The loop is over columns because each needs the
    /// last one's draw; without the skip all columns are drawn at once.
    fn one_by_one(
        &self,
        generator: &Generator,
        blocks: &Blocks,
        logits: Tensor<2>,
        gumbel: Tensor<2>,
    ) -> (Tensor<2>, Tensor<2>) {
        let (mut rows, mut all) = (Vec::new(), Vec::new());
        for (c, o) in blocks.offsets.windows(2).enumerate() {
            let mut own = logits.clone().narrow(1, o[0], o[1] - o[0]);
            if c > 0 {
                own = own + Tensor::cat(rows.clone(), 1).matmul(generator.skip[c - 1].val() * SKIP_GAIN);
            }
            let own = cap(own);
            let noisy = own.clone() + gumbel.clone().narrow(1, o[0], o[1] - o[0]);
            let soft = activation::softmax(noisy.clone().div_scalar(self.config.temperature), 1);
            let peak = noisy.clone().detach().max_dim(1);
            rows.push(self.harden(soft, noisy, peak));
            all.push(own);
        }
        (Tensor::cat(rows, 1), Tensor::cat(all, 1))
    }

    /// One-hot going forward, soft going back (straight-through), if the config says so.
    fn harden(&self, soft: Tensor<2>, noisy: Tensor<2>, peak: Tensor<2>) -> Tensor<2> {
        if !self.config.hard {
            return soft;
        }
        let [_, width] = noisy.dims();
        let [rows, columns] = peak.dims();
        let peak = if columns == width { peak } else { peak.expand([rows, width]) };
        let hard = noisy.detach().greater_equal(peak).float();
        soft.clone() + (hard - soft.detach())
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

    fn critic_step(&mut self, clock: &Clock, k: usize) -> Losses {
        let plain = self.device.clone().inner();
        let (rows, width, latent) = (self.shard_rows(), self.blocks.width(), self.config.latent);
        let this = &*self;
        let generator = this.generator.net().valid();
        let shard = |s: usize, critic: &Critic| {
            let mut rng = stream(clock.seed, "critic", (clock.step * 64 + k as u64) * 64 + s as u64);
            let positions: Vec<usize> = (0..rows).map(|_| this.conditions.by_log_frequency(&mut rng)).collect();
            let index: Vec<usize> = positions.iter().map(|&p| this.conditions.row(p, &mut rng)).collect();
            let (tokens, scalars) = this.train.batch(&index, &this.blocks);
            let condition = condition_rows(&positions, width, &plain);
            let real = this.packed(tokens, scalars, condition.clone());
            let noise = noise::fresh_normal(&mut rng, rows, latent, &plain);
            let token_noise = noise::fresh_gumbel(&mut rng, rows, width, &plain);
            let (tokens, _, scalars) = this.generate(&generator, &this.blocks, noise, condition.clone(), token_noise);
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
            let penalty = (norm - 1.0).powf_scalar(2.0).mean();
            let distance = score_real.mean() - score_fake.mean();
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
        let this = &*self;
        let shard = |s: usize, generator: &Generator| {
            let mut rng = stream(clock.seed, "generator", clock.step * 64 + s as u64);
            let positions: Vec<usize> = (0..rows).map(|_| this.conditions.by_log_frequency(&mut rng)).collect();
            let up = Tensor::from_inner;
            let condition = up(condition_rows(&positions, width, &plain));
            let chosen = up(condition_columns(&positions, &this.blocks.offsets, &plain));
            let noise = up(noise::fresh_normal(&mut rng, rows, latent, &plain));
            let token_noise = up(noise::fresh_gumbel(&mut rng, rows, width, &plain));
            let blocks = this.blocks.with_gradients();
            let (tokens, logits, scalars) = this.generate(generator, &blocks, noise, condition.clone(), token_noise);
            let keep = this.dropout(rows / this.config.pac, &mut rng);
            // The critic is only passed through: its own fork keeps its parameters out of this graph's lock.
            let critic = this.critic.net().clone().fork(&this.device);
            let (score, _) = critic.forward(this.packed(tokens, scalars, condition.clone()), &keep);
            let entropy = blocks.cross_entropy(logits, condition);
            let condition_loss = (entropy * chosen).sum() / rows as f64;
            let scale = 1.0 / this.shards as f64;
            let (adversarial, condition_loss) = (score.mean().neg() * scale, condition_loss * scale);
            let loss = adversarial.clone() + condition_loss.clone() * this.config.condition;
            (loss, vec![("generator", adversarial.inner()), ("condition", condition_loss.inner())])
        };
        let (grads, logs) = step::gradients(this.generator.net(), this.shards, &this.device, shard);
        self.generator.update(grads, clock);
        step::add_losses(logs)
    }

    fn sampler(&self, generator: Generator) -> Result<CtganSampler> {
        Ok(CtganSampler {
            skip: host_skip(&generator, &self.blocks)?,
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

    /// How far pairs of columns of generated rows are from those of the rows kept back: mean total variation distance.
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

/// Mean total variation distance between the joint tokens of two tables, over all pairs of columns with few enough cells to count.
fn pair_distance(spans: &[Span], real: &Encoded, fake: &Encoded) -> f64 {
    let (mut sum, mut pairs) = (0.0, 0.0);
    for a in 0..spans.len() {
        for b in 0..a {
            let width = spans[b].tokens as usize;
            let cells = spans[a].tokens as usize * width;
            if cells > 1 << 14 {
                continue;
            }
            let mut difference = vec![0f64; cells];
            for (table, sign) in [(real, 1.0), (fake, -1.0)] {
                let share = sign / table.rows.max(1) as f64;
                for (&x, &y) in table.tokens[a].iter().zip(&table.tokens[b]) {
                    difference[x as usize * width + y as usize] += share;
                }
            }
            sum += difference.iter().map(|d| d.abs()).sum::<f64>() / 2.0;
            pairs += 1.0;
        }
    }
    if pairs > 0.0 { sum / pairs } else { 0.0 }
}

/// The generator's skip as one `[W, W]` matrix on the host.
fn host_skip(generator: &Generator, blocks: &Blocks) -> Result<Option<Vec<f32>>> {
    if generator.skip.is_empty() {
        return Ok(None);
    }
    let width = blocks.width();
    let mut all = vec![0.0; width * width];
    for (part, o) in generator.skip.iter().zip(blocks.offsets.windows(2).skip(1)) {
        let part = read::numbers(part.val())?;
        let own = o[1] - o[0];
        for (from, row) in part.chunks(own).enumerate() {
            let place = &mut all[from * width + o[0]..from * width + o[1]];
            place.iter_mut().zip(row).for_each(|(p, u)| *p = u * SKIP_GAIN);
        }
    }
    Ok(Some(all))
}

/// A trained GAN.
pub struct CtganSampler {
    spans: Vec<Span>,
    blocks: Blocks,
    latent: usize,
    generator: Generator,
    /// The skip on the host: `[W, W]`.
    skip: Option<Vec<f32>>,
    /// Training frequency of every token.
    marginals: Vec<f64>,
    bias: Vec<f32>,
    device: Device,
}

impl CtganSampler {
    /// The sampler of saved weights.
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
        let generator = Generator::new(config, &blocks, &marginals, &mut Init::new(0, device)).valid();
        let generator = with_weights(generator, weights)?;
        let skip = host_skip(&generator, &blocks)?;
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
            let (logits, means) = self.generator.forward(noise, condition_rows(&positions, width, &self.device), width);
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
mod tests {
    use super::*;
    use crate::nets::params::tests::assert_gradients;

    const SPANS: [Span; 3] = [
        Span { tokens: 3, scalar: false, ordered: false },
        Span { tokens: 2, scalar: true, ordered: true },
        Span { tokens: 4, scalar: false, ordered: true },
    ];
    const OFFSETS: [usize; 4] = [0, 3, 5, 9];
    const WIDTH: usize = 9;

    fn config() -> Config {
        Config { latent: 3, generator: vec![6, 5], critic: vec![7, 4], calibrate: 1, ..Config::default() }
    }

    fn training() -> Training {
        Training {
            batch_size: 64,
            epochs: 1,
            min_steps: 0,
            learning_rate: 2e-3,
            warmup: 0,
            cosine: false,
            betas: [0.5, 0.9],
            weight_decay: 0.0,
            clip: 0.0,
            ema: 0.9,
            validation: 0.0,
            patience: 0,
            ..Training::default()
        }
    }

    /// The third column is the first, except for noise, and never 2; the second has a scalar.
    fn table(rows: usize) -> Encoded {
        let mut rng = stream(1, "table", 0);
        let mut out = Encoded::zeros(&SPANS, rows);
        for i in 0..rows {
            let a = [0, 0, 0, 1][below(&mut rng, 4) as usize];
            out.tokens[0][i] = if uniform(&mut rng) < 0.02 { 2 } else { a };
            out.tokens[1][i] = below(&mut rng, 2) as u32;
            out.scalars[1][i] = (2.0 * uniform(&mut rng) - 1.0) as f32;
            out.tokens[2][i] = if uniform(&mut rng) < 0.8 { a } else { 3 };
        }
        out
    }

    fn gan(config: &Config, data: &Encoded) -> Ctgan {
        let device = Device::flex().autodiff();
        let validation = data.take(&(0..50).collect::<Vec<_>>());
        let training = training();
        let columns = Columns { spans: &SPANS, train: Rows::of(data), validation: Rows::of(&validation) };
        let setup = Setup { training: &training, seed: 1, device: &device, shards: 2 };
        Ctgan::new(config, &columns, &setup).unwrap()
    }

    fn host(t: Tensor<2>) -> Vec<f32> {
        t.into_data().try_into_vec::<f32>().unwrap()
    }

    /// A critic of five inputs, and rows for it.
    fn critic(rows: usize) -> (Critic, Tensor<2>) {
        let critic = Critic::new(&config(), 5, &mut Init::new(3, &Device::flex().autodiff()));
        (critic, noise::fresh_normal(&mut stream(1, "x", 0), rows, 5, &Device::flex()))
    }

    #[test]
    fn the_input_gradient_is_that_of_autodiff() {
        let (critic, x) = critic(6);
        let mask = |width: usize| {
            let values: Vec<f32> = (0..6 * width).map(|i| if i % 3 == 0 { 0.0 } else { 1.5 }).collect();
            Tensor::<2>::from_inner(Tensor::from_data(TensorData::new(values, [6, width]), &Device::flex()))
        };
        for keep in [vec![], vec![mask(7), mask(4)]] {
            let x = Tensor::<2>::from_inner(x.clone()).require_grad();
            let (score, slopes) = critic.forward(x.clone(), &keep);
            let by_hand = host(critic.input_gradient(&slopes));
            let grads = score.sum().backward();
            let by_autodiff = host(x.grad(&grads).unwrap());
            assert_eq!(by_hand.len(), 30);
            assert!(by_hand.iter().any(|g| g.abs() > 0.01));
            for (a, b) in by_hand.iter().zip(&by_autodiff) {
                assert!((a - b).abs() < 1e-5, "{a} by hand, {b} by autodiff");
            }
        }
    }

    #[test]
    fn the_gradient_of_the_penalty_is_that_of_finite_differences() {
        let (critic, x) = critic(3);
        let x = Tensor::<2>::from_inner(x);
        // The penalty jumps where an activation changes sign, so the step is short enough to cross none.
        assert_gradients(&critic, 3e-4, |critic| {
            let (_, slopes) = critic.forward(x.clone(), &[]);
            let norm = (critic.input_gradient(&slopes).powf_scalar(2.0).sum_dim(1) + 1e-12).sqrt();
            (norm - 1.0).powf_scalar(2.0).sum()
        });
    }

    #[test]
    fn the_generators_gradient_is_that_of_finite_differences() {
        for skip in [false, true] {
            let gan = gan(&Config { hard: false, skip, ..config() }, &table(64));
            let plain = Device::flex();
            let mut rng = stream(2, "g", 0);
            let positions: Vec<usize> = (0..4).map(|_| gan.conditions.by_log_frequency(&mut rng)).collect();
            let up = Tensor::<2>::from_inner;
            let condition = up(condition_rows(&positions, WIDTH, &plain));
            let noise = up(noise::fresh_normal(&mut rng, 4, 3, &plain));
            let token_noise = up(noise::fresh_gumbel(&mut rng, 4, WIDTH, &plain));
            let wanted = up(noise::fresh_normal(&mut rng, 4, WIDTH, &plain));
            let blocks = gan.blocks.with_gradients();
            assert_gradients(gan.generator.net(), 3e-3, |generator| {
                let (rows, logits, scalars) =
                    gan.generate(generator, &blocks, noise.clone(), condition.clone(), token_noise.clone());
                let entropy = blocks.cross_entropy(logits, condition.clone());
                (rows * wanted.clone()).sum() + entropy.sum() + scalars.unwrap().powf_scalar(2.0).sum()
            });
        }
    }

    #[test]
    fn hard_rows_are_one_hot() {
        for skip in [false, true] {
            let gan = gan(&Config { skip, ..config() }, &table(64));
            let plain = Device::flex();
            let mut rng = stream(2, "g", 0);
            let positions: Vec<usize> = (0..500).map(|_| gan.conditions.by_log_frequency(&mut rng)).collect();
            let condition = condition_rows(&positions, WIDTH, &plain);
            let (noise, token_noise) =
                (noise::fresh_normal(&mut rng, 500, 3, &plain), noise::fresh_gumbel(&mut rng, 500, WIDTH, &plain));
            let up = Tensor::<2>::from_inner;
            let (above, below) = (gan.blocks.with_gradients(), gan.generator.net().valid());
            let (tracked, _, _) = gan.generate(
                gan.generator.net(),
                &above,
                up(noise.clone()),
                up(condition.clone()),
                up(token_noise.clone()),
            );
            let (plain, _, _) = gan.generate(&below, &gan.blocks, noise, condition, token_noise);
            let (tracked, plain) = (host(tracked), host(plain));
            assert!(tracked.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-5));
            for row in plain.chunks(WIDTH) {
                assert!(row.iter().all(|&x| x.abs() < 1e-6 || (x - 1.0).abs() < 1e-6), "{row:?}");
                for c in 0..3 {
                    let ones = row[OFFSETS[c]..OFFSETS[c + 1]].iter().filter(|&&x| x > 0.5).count();
                    assert_eq!(ones, 1, "{row:?}");
                }
            }
        }
    }

    /// The largest of logits with Gumbel noise is a draw from their softmax.
    #[test]
    fn gumbel_noise_draws_from_the_softmax() {
        let (device, n) = (Device::flex(), 20_000);
        let blocks = Blocks::new(&SPANS, &device);
        let logits = [0.0f32, 1.0, -1.0, 0.3, 0.0, 2.0, 0.0, -2.0, 1.0];
        let rows = Tensor::<2>::from_data(TensorData::new(logits.repeat(n), [n, WIDTH]), &device);
        let p = host(blocks.softmax(rows.clone().narrow(0, 0, 1)));
        let noisy = rows + noise::fresh_gumbel(&mut stream(1, "gumbel", 0), n, WIDTH, &device);
        let peak = blocks.peak(noisy.clone());
        let shares = host(noisy.greater_equal(peak).float().mean_dim(0));
        for (share, p) in shares.iter().zip(&p) {
            assert!(
                (share - p).abs() < 4.0 * (p * (1.0 - p) / n as f32).sqrt(),
                "{share} of the draws, {p} by softmax"
            );
        }
    }

    #[test]
    fn rows_have_the_token_that_was_picked_by_log_frequency() {
        let data = table(300);
        let conditions = ConditionSampler::new(&Rows::of(&data), &OFFSETS);
        let mut rng = stream(1, "c", 0);
        let n = 30_000;
        let mut counts = [0f64; WIDTH];
        for _ in 0..n {
            let position = conditions.by_log_frequency(&mut rng);
            let column = OFFSETS.partition_point(|&o| o <= position) - 1;
            let row = conditions.row(position, &mut rng);
            assert_eq!(data.tokens[column][row] as usize, position - OFFSETS[column]);
            counts[position] += 1.0;
        }
        assert_eq!(counts[5 + 2], 0.0, "a token that no row has was picked");
        for c in 0..3 {
            let range = OFFSETS[c]..OFFSETS[c + 1];
            let seen = |w: usize| data.tokens[c].iter().filter(|&&t| t as usize == w - OFFSETS[c]).count() as f64;
            let total: f64 = range.clone().map(|w| seen(w).ln_1p()).sum();
            for w in range {
                let p = seen(w).ln_1p() / total / 3.0;
                let noise = 4.0 * (p * (1.0 - p) / f64::from(n)).sqrt();
                assert!((counts[w] / f64::from(n) - p).abs() <= noise, "position {w}: {} of {n}, not {p}", counts[w]);
            }
        }
    }

    #[test]
    fn conditions_are_one_hot_and_know_their_column() {
        let device = Device::flex();
        let rows = host(condition_rows(&[0, 4], WIDTH, &device));
        assert_eq!(rows, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        let columns = host(condition_columns(&[2, 3, 8], &OFFSETS, &device));
        assert_eq!(columns, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn the_distance_of_pairs_is_known() {
        let spans = [Span { tokens: 2, scalar: false, ordered: false }; 2];
        let table =
            |a: Vec<u32>, b: Vec<u32>| Encoded { rows: a.len(), tokens: vec![a, b], scalars: vec![Vec::new(); 2] };
        let (equal, opposite) = (table(vec![0, 1], vec![0, 1]), table(vec![0, 1], vec![1, 0]));
        let mixed = table(vec![0, 0, 1, 1], vec![0, 1, 0, 1]);
        assert_eq!(pair_distance(&spans, &equal, &equal), 0.0);
        assert_eq!(pair_distance(&spans, &equal, &opposite), 1.0);
        assert_eq!(pair_distance(&spans, &equal, &mixed), 0.5);
    }

    #[test]
    fn what_was_saved_goes_on_alike_and_samples_under_conditions() {
        // Packing, dropout and a critic that sees the condition, so that every way through is taken.
        let config = Config { pac: 2, dropout: 0.2, critic_condition: true, critic_steps: 2, ..config() };
        let data = table(512);
        let mut model = gan(&config, &data);
        let run = |model: &mut Ctgan, steps: std::ops::Range<u64>| {
            for step in steps {
                let losses = model.step(&Clock { seed: 1, step, rate: 1.0 }).unwrap();
                assert!(losses.into_iter().all(|(_, l)| l.into_scalar::<f32>().is_finite()));
            }
        };
        run(&mut model, 0..5);
        model.keep();
        let saved = model.save().unwrap();
        let mut again = gan(&config, &data);
        again.load(saved).unwrap();
        run(&mut model, 5..10);
        run(&mut again, 5..10);
        assert_eq!(model.validate().unwrap(), again.validate().unwrap());
        model.keep();
        again.keep();
        let weights = model.finish(1).unwrap();
        assert_eq!(weights, again.finish(1).unwrap());

        let sampler = CtganSampler::from_weights(&config, &SPANS, &mut weights.clone(), &Device::flex()).unwrap();
        let mut allowed = Allowed::any(3);
        allowed.restrict(0, vec![false, false, true]);
        let drawn = sampler.draw(200, &allowed, 1_000_000, &mut stream(2, "draw", 0)).unwrap();
        assert_eq!((drawn.encoded.rows, allowed.matching(&drawn.encoded).len()), (200, 200));
        assert!(CtganSampler::from_weights(&config, &SPANS[..2], &mut weights.clone(), &Device::flex()).is_err());
    }
}
