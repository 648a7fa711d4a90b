//! TVAE: a variational autoencoder for tables (Xu et al., 2019, section 4.4; Kingma and Welling, 2014).
//!
//! `z ~ N(0, I)`, `x_j | z ~ softmax(logits_j(z))` a column, trained on
//!
//! ```text
//! loss = E_q(z|x) [ sum_j -ln p(x_j | z, x_<j) ] + beta KL(q(z|x) || N(0, I))
//! ```
//!
//! Deviations, each measured on the Adult census table:
//! - **A linear skip between columns** (`skip = true`): the logits of column `j` also receive `x_<j U_j`, a linear map of
//!   the one-hot columns before it, so the decoder is autoregressive (as in Chen et al., 2017, "Variational Lossy
//!   Autoencoder"). A plain decoder draws columns independently given `z`; whatever dependence `z` does not carry is
//!   lost, and with a small `beta` the posterior leaves the prior instead. With the skip, pairwise structure
//!   is exact at little cost and `z` carries the rest at `beta = 1`.
//! - Numbers are point masses and quantile bins drawn from the softmax, not the mode of a mixture plus a mean: what is
//!   drawn has the spread of the data. `numeric = "modes"` with `skip = false` is the published model.
//! - After training, a bias a token is added so that sampled marginals equal the training ones (`calibrate`).

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, normal, stream};
use verisim_data::table::codec::{CodecConfig, Numeric, Span};
use verisim_data::table::{Spec, Table};

use crate::error::{Error, Result};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::nets::blocks::{SKIP_GAIN, cap, check_skip};
use crate::nets::layers::check_size;
use crate::nets::params::{weights_of, with_weights};
use crate::nets::{Blocks, Init, linear, silu, sum};
use crate::noise;
use crate::read;
use crate::step::{self, Epochs, Learner};
use crate::table::decode::{Heads, calibrate, marginals};
use crate::table::ordered::{self, Columns};
use crate::table::resident::Resident;
use crate::table::sampler::{Allowed, Drawn, Sampler};
use crate::training::Training;
use crate::weights::Weights;

/// Settings of the variational autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Dimensions of the latent.
    pub latent: usize,
    /// Widths of the hidden layers of the encoder; the decoder has them in reverse.
    pub hidden: Vec<usize>,
    /// Weight of the divergence from the prior.
    pub beta: f64,
    /// Weight of the reconstruction.
    pub reconstruction: f64,
    /// A column's logits see the columns before it.
    pub skip: bool,
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
            latent: 32,
            hidden: vec![256, 256],
            beta: 1.0,
            reconstruction: 1.0,
            skip: true,
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
        let bad = |key: &str, rule: &str| Err(Error::Setting { model: "tvae", key: key.into(), rule: rule.into() });
        if self.latent == 0 || self.latent > 4096 {
            return bad("latent", "must lie between 1 and 4096");
        }
        if self.hidden.is_empty() || self.hidden.iter().any(|&h| h == 0 || h > 16_384) {
            return bad("hidden", "must name at least one width between 1 and 16384");
        }
        if !(self.beta >= 0.0 && self.reconstruction > 0.0 && (self.beta + self.reconstruction).is_finite()) {
            return bad("beta and reconstruction", "must be 0 or more, and positive");
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
            epochs: 30,
            min_steps: 2000,
            weight_decay: 1e-5,
            ema: 0.99,
            validation: 0.05,
            patience: 8,
            ..Training::default()
        })
    }

    fn start(&self, split: &Split<'_, Table>, setup: &Setup<'_>) -> Result<Start<Table>> {
        ordered::start(split, |columns| Tvae::new(self, columns, setup))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<Box<dyn Sampler>> {
        ordered::restore(spec, weights, |spans, weights| TvaeSampler::from_weights(self, spans, weights, device))
    }
}

/// Encoder and decoder, both perceptrons. The skip and the spread belong to the decoder.
#[derive(Module, Debug)]
pub struct Net {
    encoder: Vec<Linear>,
    /// Last hidden layer to mean and log variance of the latent.
    posterior: Linear,
    decoder: Vec<Linear>,
    /// Last hidden layer to logits, then scalars.
    output: Linear,
    /// `[W, W]`; only entries from a block to a later one count.
    skip: Option<Param<Tensor<2>>>,
    /// Log standard deviation of each scalar.
    spread: Option<Param<Tensor<1>>>,
}

impl Net {
    fn new(config: &Config, blocks: &Blocks, seed: u64, device: &Device) -> Net {
        let mut init = Init::new(seed, device);
        let (width, scalars) = (blocks.width(), blocks.scalars.len());
        let chain = |from: usize, widths: &[usize], init: &mut Init| {
            let mut at = from;
            let layer = |&h: &usize| init.linear(std::mem::replace(&mut at, h), h);
            widths.iter().map(layer).collect::<Vec<Linear>>()
        };
        let back: Vec<usize> = config.hidden.iter().rev().copied().collect();
        let encoder = chain(width + scalars, &config.hidden, &mut init);
        let decoder = chain(config.latent, &back, &mut init);
        Net {
            encoder,
            posterior: init.linear(back[0], 2 * config.latent),
            decoder,
            output: init.linear(back[back.len() - 1], width + scalars),
            skip: config.skip.then(|| init.param([width, width], vec![0.0; width * width])),
            spread: (scalars > 0).then(|| init.param([scalars], vec![-1.0; scalars])),
        }
    }

    /// Rows `[B, W + S]` to mean and log variance of the latent, `[B, Z]` each.
    fn encode(&self, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let h = self.encoder.iter().fold(x, |x, layer| silu(linear(layer, x)));
        let parts = linear(&self.posterior, h).chunk(2, 1);
        (parts[0].clone(), parts[1].clone().clamp(-9.0, 2.0))
    }

    /// Latents `[B, Z]` to logits `[B, W]` before the skip, and scalars `[B, S]`.
    fn decode(&self, z: Tensor<2>, blocks: &Blocks) -> (Tensor<2>, Option<Tensor<2>>) {
        let h = self.decoder.iter().fold(z, |x, layer| silu(linear(layer, x)));
        blocks.heads(linear(&self.output, h))
    }
}

/// `[W, W]` mask that is [`SKIP_GAIN`] from each block to the blocks after it, 0 elsewhere.
fn later(blocks: &Blocks, device: &Device) -> Tensor<2> {
    let w = blocks.width();
    let mut mask = vec![0f32; w * w];
    for c in 0..blocks.columns() {
        for from in 0..blocks.offsets[c] {
            (blocks.offsets[c]..blocks.offsets[c + 1]).for_each(|to| mask[from * w + to] = SKIP_GAIN);
        }
    }
    Tensor::from_data(TensorData::new(mask, [w, w]), device)
}

/// The two terms of the loss in nats, summed over the rows: reconstruction and divergence. `x [B, W]` is one-hot, `scalars [B, S]`,
/// `noise [B, Z]` standard normal; without noise the latents are their means.
fn loss(
    net: &Net,
    blocks: &Blocks,
    mask: &Tensor<2>,
    x: Tensor<2>,
    scalars: Option<Tensor<2>>,
    noise: Option<Tensor<2>>,
) -> (Tensor<1>, Tensor<1>) {
    let input = match &scalars {
        Some(s) => Tensor::cat(vec![x.clone(), s.clone()], 1),
        None => x.clone(),
    };
    let (mean, log_var) = net.encode(input);
    let z = match noise {
        Some(noise) => mean.clone() + noise * (log_var.clone() * 0.5).exp(),
        None => mean.clone(),
    };
    let (mut logits, means) = net.decode(z, blocks);
    if let Some(skip) = &net.skip {
        logits = logits + x.clone().matmul(skip.val() * mask.clone());
    }
    let mut reconstruction = sum(blocks.cross_entropy(cap(logits), x));
    if let (Some(s), Some(m), Some(spread)) = (scalars, means, &net.spread) {
        // -ln N(s; m, sd) without its constant; sd kept in [0.01, 1] as published.
        let log_sd = spread.val().clamp(-4.6, 0.0).unsqueeze::<2>();
        let scaled = (s - m) / log_sd.clone().exp();
        reconstruction = reconstruction + sum(scaled.powf_scalar(2.0) * 0.5 + log_sd);
    }
    let divergence = sum(mean.powf_scalar(2.0) + log_var.clone().exp() - log_var - 1.0) * 0.5;
    (reconstruction, divergence)
}

/// Encoder and decoder in training, the rows that they learn beside them on the device.
pub struct Tvae {
    config: Config,
    spans: Vec<Span>,
    blocks: Blocks,
    /// See [`later`].
    mask: Tensor<2>,
    train: Resident,
    validation: Option<Resident>,
    /// Training frequency of every token.
    real: Vec<f64>,
    device: Device,
    /// Rows of a batch, and the shards that they are cut into.
    batch: usize,
    shards: usize,
    learner: Learner<Net>,
    epochs: Epochs,
}

impl Tvae {
    /// Weights from the seed, rows on the device.
    ///
    /// # Errors
    /// When the settings make no sense, or the columns have too many tokens for them.
    pub fn new(config: &Config, columns: &Columns<'_>, setup: &Setup<'_>) -> Result<Tvae> {
        let Columns { spans, train, validation } = columns;
        let Setup { training, seed, device, shards, .. } = *setup;
        config.check()?;
        check_skip(config.skip, spans)?;
        let plain = device.clone().inner();
        let blocks = Blocks::new(spans, &plain);
        let net = Net::new(config, &blocks, seed, device);
        Ok(Tvae {
            config: config.clone(),
            spans: spans.to_vec(),
            mask: later(&blocks, &plain),
            train: Resident::new(train, &blocks, &plain),
            validation: (validation.count() > 0).then(|| Resident::new(validation, &blocks, &plain)),
            real: marginals(spans, train),
            batch: training.batch(train.count()),
            blocks,
            device: device.clone(),
            shards,
            learner: Learner::new(net, training),
            epochs: Epochs::default(),
        })
    }
}

impl Trainee<Table> for Tvae {
    fn steps_per_epoch(&self) -> u64 {
        (self.train.rows / self.batch).max(1) as u64
    }

    fn step(&mut self, clock: &Clock) -> Result<Losses> {
        let batch = self.epochs.batch(clock.seed, clock.step, self.train.rows, self.batch);
        let per_shard = batch.len().div_ceil(self.shards);
        let (blocks, config, device) = (&self.blocks, &self.config, &self.device);
        let (mask, train) = (&self.mask, &self.train);
        let shard = |s: usize, net: &Net| {
            let rows = batch.chunks(per_shard).nth(s).unwrap_or(&[]);
            let (x, scalars) = train.batch(rows, blocks);
            let mut rng = stream(clock.seed, "latent", clock.step * 64 + s as u64);
            let noise = noise::fresh_normal(&mut rng, rows.len(), config.latent, &device.clone().inner());
            let up = Tensor::from_inner;
            let (r, d) =
                loss(net, &blocks.with_gradients(), &up(mask.clone()), up(x), scalars.map(up), Some(up(noise)));
            let scale = 1.0 / batch.len() as f64;
            let (r, d) = (r * scale, d * scale);
            let total = r.clone() * config.reconstruction + d.clone() * config.beta;
            (total.clone(), vec![("loss", total.inner()), ("reconstruction", r.inner()), ("divergence", d.inner())])
        };
        let (grads, logs) = step::gradients(self.learner.net(), self.shards, device, shard);
        self.learner.update(grads, clock);
        Ok(step::add_losses(logs))
    }

    fn validate(&mut self) -> Result<Option<f64>> {
        let Some(rows) = &self.validation else { return Ok(None) };
        let index: Vec<usize> = (0..rows.rows).collect();
        let (net, mut total) = (self.learner.average(), 0.0);
        for part in index.chunks(4096) {
            let (x, scalars) = rows.batch(part, &self.blocks);
            let (r, d) = loss(&net, &self.blocks, &self.mask, x, scalars, None);
            total += read::number(r * self.config.reconstruction + d * self.config.beta)?;
        }
        Ok(Some(total / rows.rows as f64))
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
        let plain = self.device.clone().inner();
        let mut weights = weights_of(&net)?;
        let sampler = TvaeSampler::new(&self.config, &self.spans, net, vec![0.0; self.blocks.width()], &plain)?;
        let bias = calibrate(self.config.calibrate, &self.real, &self.spans, seed, |bias, rows, rng| {
            sampler.draw_biased(bias, rows, &Allowed::any(self.spans.len()), u64::MAX, rng)
        })?;
        weights.put_f32("bias", &[bias.len()], bias);
        Ok(weights)
    }
}

/// Draws rows: latents from the prior, logits on the device, tokens one after another on the host.
pub struct TvaeSampler {
    spans: Vec<Span>,
    blocks: Blocks,
    latent: usize,
    net: Net,
    /// The skip on the host, masked: `[W, W]`.
    skip: Option<Vec<f32>>,
    /// Standard deviation of each scalar.
    spread: Vec<f32>,
    /// What calibration adds to the logits, `[W]`.
    bias: Vec<f32>,
    device: Device,
}

impl TvaeSampler {
    fn new(config: &Config, spans: &[Span], net: Net, bias: Vec<f32>, device: &Device) -> Result<Self> {
        let blocks = Blocks::new(spans, device);
        let skip = net.skip.as_ref().map(|skip| read::numbers(skip.val() * later(&blocks, device))).transpose()?;
        let spread =
            net.spread.as_ref().map(|spread| read::numbers(spread.val().clamp(-4.6, 0.0).exp())).transpose()?;
        Ok(TvaeSampler {
            spans: spans.to_vec(),
            blocks,
            latent: config.latent,
            net,
            skip,
            spread: spread.unwrap_or_default(),
            bias,
            device: device.clone(),
        })
    }

    /// Takes out of `weights` what a finished training left there.
    ///
    /// # Errors
    /// When they are not those of these settings and columns.
    pub fn from_weights(config: &Config, spans: &[Span], weights: &mut Weights, device: &Device) -> Result<Self> {
        check_skip(config.skip, spans)?;
        check_size(&config.hidden, config.latent, weights)?;
        let blocks = Blocks::new(spans, device);
        let (shape, bias) = weights.take_f32("bias")?;
        if shape != [blocks.width()] {
            return Err(Error::Tensor { name: "bias".into(), problem: "does not fit the columns".into() });
        }
        let net = with_weights(Net::new(config, &blocks, 0, device).valid(), weights)?;
        Self::new(config, spans, net, bias, device)
    }
}

impl Sampler for TvaeSampler {
    fn draw(&self, rows: usize, allowed: &Allowed, max_tries: u64, rng: &mut Stream) -> Result<Drawn> {
        self.draw_biased(&self.bias, rows, allowed, max_tries, rng)
    }
}

impl TvaeSampler {
    /// Columns are drawn in order; a row is given up with the probability that its next token would not be allowed.
    fn draw_biased(
        &self,
        bias: &[f32],
        rows: usize,
        allowed: &Allowed,
        max_tries: u64,
        rng: &mut Stream,
    ) -> Result<Drawn> {
        let heads = Heads { spans: &self.spans, blocks: &self.blocks, skip: self.skip.as_deref(), bias };
        heads.draw(rows, allowed, max_tries, rng, |n, rng| {
            let z = noise::normal(rng, n, self.latent, &self.device);
            let (logits, means) = self.net.decode(z, &self.blocks);
            let mut means = means.map(read::numbers).transpose()?.unwrap_or_default();
            for row in means.chunks_mut(self.spread.len().max(1)) {
                row.iter_mut().zip(&self.spread).for_each(|(m, sd)| *m += sd * normal(rng) as f32);
            }
            Ok((read::numbers(logits)?, means))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
