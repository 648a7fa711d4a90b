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
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, normal, stream};
use verisim_data::table::codec::{CodecConfig, Numeric, Span};
use verisim_data::table::{Spec, Table};

use crate::error::{Error, Result};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::nets::params::{weights_of, with_weights};
use crate::nets::{Blocks, Init, blocks::cap, blocks::check_skip, layers::check_size, linear, silu};
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// Encoder and decoder.
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
    fn decode(&self, z: Tensor<2>, width: usize) -> (Tensor<2>, Option<Tensor<2>>) {
        let h = self.decoder.iter().fold(z, |x, layer| silu(linear(layer, x)));
        let out = linear(&self.output, h);
        let [_, all] = out.dims();
        if all == width {
            return (out, None);
        }
        (out.clone().narrow(1, 0, width), Some(out.narrow(1, width, all - width).tanh()))
    }
}

/// How much faster the skip learns than other weights: it starts at zero and must reach the size of logits.
const SKIP_GAIN: f32 = 4.0;

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

/// The two terms of the loss, summed over rows: reconstruction and divergence.
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
    let (mut logits, means) = net.decode(z, blocks.width());
    if let Some(skip) = &net.skip {
        logits = logits + x.clone().matmul(skip.val() * mask.clone());
    }
    let mut reconstruction = blocks.cross_entropy(cap(logits), x).sum();
    if let (Some(s), Some(m), Some(spread)) = (scalars, means, &net.spread) {
        // -ln N(s; m, sd) without its constant; sd kept in [0.01, 1] as published.
        let log_sd = spread.val().clamp(-4.6, 0.0).unsqueeze::<2>();
        let scaled = (s - m) / log_sd.clone().exp();
        reconstruction = reconstruction + (scaled.powf_scalar(2.0) * 0.5 + log_sd).sum();
    }
    let divergence = (mean.powf_scalar(2.0) + log_var.clone().exp() - log_var - 1.0).sum() * 0.5;
    (reconstruction, divergence)
}

/// A variational autoencoder in training.
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
        let Setup { training, seed, device, shards } = *setup;
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

/// A trained variational autoencoder.
pub struct TvaeSampler {
    spans: Vec<Span>,
    blocks: Blocks,
    latent: usize,
    net: Net,
    /// The skip on the host, masked: `[W, W]`.
    skip: Option<Vec<f32>>,
    spread: Vec<f32>,
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

    /// The sampler of saved weights.
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
            let (logits, means) = self.net.decode(z, self.blocks.width());
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
mod tests {
    use super::*;
    use crate::nets::params::tests::assert_gradients;
    use crate::table::rows::Rows;
    use verisim_data::rng::{below, uniform};
    use verisim_data::table::codec::Encoded;

    const SPANS: [Span; 3] = [
        Span { tokens: 3, scalar: false, ordered: false },
        Span { tokens: 2, scalar: true, ordered: true },
        Span { tokens: 4, scalar: false, ordered: true },
    ];
    const WIDTH: usize = 9;

    fn config() -> Config {
        Config { latent: 2, hidden: vec![5, 4], calibrate: 1, ..Config::default() }
    }

    fn training() -> Training {
        Training {
            batch_size: 64,
            epochs: 1,
            min_steps: 0,
            learning_rate: 1e-2,
            warmup: 0,
            cosine: false,
            betas: [0.9, 0.99],
            weight_decay: 0.0,
            clip: 1.0,
            ema: 0.9,
            validation: 0.0,
            patience: 0,
            ..Training::default()
        }
    }

    /// The third column is the first, except for noise; the second has a scalar.
    fn table(rows: usize) -> Encoded {
        let mut rng = stream(1, "table", 0);
        let mut out = Encoded::zeros(&SPANS, rows);
        for i in 0..rows {
            let a = below(&mut rng, 3) as u32;
            out.tokens[0][i] = a;
            out.tokens[1][i] = below(&mut rng, 2) as u32;
            out.scalars[1][i] = (2.0 * uniform(&mut rng) - 1.0) as f32;
            out.tokens[2][i] = if uniform(&mut rng) < 0.8 { a } else { 3 };
        }
        out
    }

    /// Everything that the loss of `rows` rows needs, on a device with gradients.
    struct Case {
        net: Net,
        blocks: Blocks,
        mask: Tensor<2>,
        x: Tensor<2>,
        scalars: Tensor<2>,
    }

    impl Case {
        fn new(config: &Config, rows: usize) -> Case {
            let device = Device::flex().autodiff();
            let plain = Device::flex();
            let blocks = Blocks::new(&SPANS, &plain);
            let index: Vec<usize> = (0..rows).collect();
            let (x, scalars) = Resident::new(&Rows::of(&table(rows)), &blocks, &plain).batch(&index, &blocks);
            Case {
                net: Net::new(config, &blocks, 3, &device),
                mask: Tensor::from_inner(later(&blocks, &plain)),
                blocks: blocks.with_gradients(),
                x: Tensor::from_inner(x),
                scalars: Tensor::from_inner(scalars.unwrap()),
            }
        }

        fn loss(&self, net: &Net, noise: Option<Tensor<2>>) -> (Tensor<1>, Tensor<1>) {
            loss(net, &self.blocks, &self.mask, self.x.clone(), Some(self.scalars.clone()), noise)
        }
    }

    fn noise(rows: usize) -> Tensor<2> {
        Tensor::from_inner(noise::normal(&mut stream(1, "noise", 0), rows, 2, &Device::flex()))
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for skip in [true, false] {
            let case = Case::new(&Config { skip, ..config() }, 6);
            let noise = noise(6);
            assert_gradients(&case.net, 3e-3, |net| {
                let (reconstruction, divergence) = case.loss(net, Some(noise.clone()));
                reconstruction * 1.3 + divergence * 0.7
            });
        }
    }

    /// With weights of zero every softmax is uniform, the posterior is the prior, and the loss is known.
    #[test]
    fn the_loss_of_an_empty_net_is_known() {
        let case = Case::new(&config(), 6);
        let mut zero = Weights::default();
        for (name, array) in weights_of(&case.net).unwrap().iter() {
            let count: usize = array.shape.iter().product();
            zero.put_f32(name, &array.shape, vec![0.0; count]);
        }
        let net = with_weights(case.net.clone(), &mut zero).unwrap();
        let (reconstruction, divergence) = case.loss(&net, None);
        let squares: f32 = case.scalars.clone().inner().powf_scalar(2.0).sum().into_scalar();
        // ln 3 + ln 2 + ln 4 a row, and s^2 / 2 for a normal of mean 0 and deviation 1.
        let expected = 6.0 * 24f32.ln() + squares / 2.0;
        assert!((reconstruction.into_scalar::<f32>() - expected).abs() < 1e-4);
        assert!(divergence.into_scalar::<f32>().abs() < 1e-5);
    }

    #[test]
    fn the_divergence_is_that_of_normals() {
        let case = Case::new(&config(), 6);
        let input = Tensor::cat(vec![case.x.clone(), case.scalars.clone()], 1);
        let (mean, log_var) = case.net.encode(input);
        let host = |t: Tensor<2>| t.into_data().try_into_vec::<f32>().unwrap();
        let sum = |(m, v): (f32, f32)| 0.5 * (m * m + v.exp() - v - 1.0);
        let expected: f32 = host(mean).into_iter().zip(host(log_var)).map(sum).sum();
        let (_, divergence) = case.loss(&case.net, None);
        assert!(expected > 0.0 && (divergence.into_scalar::<f32>() - expected).abs() < 1e-4 * (1.0 + expected));
    }

    #[test]
    fn the_mask_lets_only_earlier_blocks_through() {
        let mask =
            later(&Blocks::new(&SPANS, &Device::flex()), &Device::flex()).into_data().try_into_vec::<f32>().unwrap();
        let column = |w: usize| [3, 5, 9].iter().position(|&end| w < end).unwrap();
        for from in 0..WIDTH {
            for to in 0..WIDTH {
                let want = if column(from) < column(to) { SKIP_GAIN } else { 0.0 };
                assert_eq!(mask[from * WIDTH + to], want, "{from} to {to}");
            }
        }
    }

    fn tvae(data: &Encoded, training: &Training) -> Tvae {
        let device = Device::flex().autodiff();
        let validation = data.take(&(0..50).collect::<Vec<_>>());
        let columns = Columns { spans: &SPANS, train: Rows::of(data), validation: Rows::of(&validation) };
        Tvae::new(&config(), &columns, &Setup { training, seed: 1, device: &device, shards: 2 }).unwrap()
    }

    fn steps(model: &mut Tvae, steps: std::ops::Range<u64>) {
        for step in steps {
            model.step(&Clock { seed: 1, step, rate: 1.0 }).unwrap();
        }
    }

    #[test]
    fn training_lowers_the_score_and_what_was_saved_goes_on_alike() {
        let (data, training) = (table(512), training());
        let mut model = tvae(&data, &training);
        let before = model.validate().unwrap().unwrap();
        steps(&mut model, 0..150);
        let after = model.validate().unwrap().unwrap();
        assert!(after < before - 0.3, "{before} before, {after} after");
        model.keep();
        let saved = model.save().unwrap();
        let mut again = tvae(&data, &training);
        again.load(saved).unwrap();
        for model in [&mut model, &mut again] {
            steps(model, 150..160);
        }
        assert_eq!(model.validate().unwrap(), again.validate().unwrap());
        model.keep();
        again.keep();
        assert_eq!(model.finish(1).unwrap(), again.finish(1).unwrap());
    }

    #[test]
    fn conditions_give_what_filtering_gives() {
        let (data, training) = (table(512), training());
        let mut model = tvae(&data, &training);
        steps(&mut model, 0..100);
        let mut weights = model.finish(1).unwrap();
        let sampler = TvaeSampler::from_weights(&config(), &SPANS, &mut weights, &Device::flex()).unwrap();
        let mut allowed = Allowed::any(3);
        allowed.restrict(2, vec![false, true, false, true]);
        let all = sampler.draw(60_000, &Allowed::any(3), u64::MAX, &mut stream(2, "draw", 0)).unwrap().encoded;
        let filtered = all.take(&allowed.matching(&all));
        let asked = sampler.draw(20_000, &allowed, u64::MAX, &mut stream(3, "draw", 0)).unwrap().encoded;
        assert_eq!(allowed.matching(&asked).len(), 20_000);
        for a in 0..3u32 {
            let share = |data: &Encoded| data.tokens[0].iter().filter(|&&t| t == a).count() as f64 / data.rows as f64;
            let (p, q) = (share(&filtered), share(&asked));
            // Four standard deviations of a difference of two shares.
            let noise = 4.0 * (p * (1.0 - p) * (1.0 / filtered.rows as f64 + 1.0 / 20_000.0)).sqrt();
            assert!((p - q).abs() < noise, "a = {a}: {p} filtered, {q} asked for");
        }
        assert!(all.scalars[0].is_empty() && all.scalars[1].len() == 60_000);
    }

    #[test]
    fn weights_of_another_table_are_refused() {
        let (data, training) = (table(512), training());
        let weights = tvae(&data, &training).finish(1).unwrap();
        let open = |spans: &[Span]| TvaeSampler::from_weights(&config(), spans, &mut weights.clone(), &Device::flex());
        assert!(open(&SPANS).is_ok());
        assert!(open(&SPANS[..2]).is_err());
        assert!(open(&[SPANS[0], Span { scalar: false, ..SPANS[1] }, SPANS[2]]).is_err());
    }
}
