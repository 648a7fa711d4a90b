//! Masked tokens: one network that draws any columns from any others.
//!
//! Every column is a token, and a number of many tokens two or three digits. The network gives each digit a distribution that sees the
//! columns that are known and, of the others, those that are drawn before. It is a masked autoencoder (MADE, Germain et
//! al., 2015) whose masks change from step to step, as in order-agnostic NADE (Uria et al., 2014); TabularARGN
//! (Tiwald et al., 2025) learns tables so. Each digit has a group of hidden units of its own, and a mask
//! says which groups and which inputs a group sees:
//!
//! ```text
//! h1 = silu(x (M * W1) + b1)          h(l+1) = h(l) + silu(h(l) (M' * W(l)) + b(l))
//! logits = h(L) (M' * Wo) + bo + x (M * Ws)          loss = sum over digits that are not known of -ln p(digit | seen)
//! ```
//!
//! where `M[i, j]` lets `j` see what is known, and what is drawn before it; `M'` also itself.
//!
//! What is done differently, and why:
//! - Orders are not all alike. Half of the rows of a step learn the plain order, of what columns tell, by which rows are drawn when
//!   nothing is known; a quarter that order after any columns that are known, a quarter any order at all, which conditions need.
//! - Hidden units see each other across columns, so that what one column works out serves those after it.
//! - Digits keep the network small: a number of 256 tokens is two digits of 16. The last digit is told given the first. Other
//!   columns see such a number as smooth functions of its place, not as digits (`smooth.rs`).
//! - A linear skip from what is seen to the logits learns pairs of columns at once, as in [`tvae`](crate::table::tvae).
//!
//! A row costs one pass of the network however many columns are drawn: what a digit adds to the layers is added once
//! (`draw.rs`).

pub(crate) mod digits;
pub(crate) mod draw;
pub(crate) mod masks;
pub(crate) mod smooth;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::stream;
use verisim_data::table::codec::{CodecConfig, Numeric, Span};
use verisim_data::table::{Spec, Table};

use crate::error::{Error, Result};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::nets::blocks::cap;
use crate::nets::conv::affine;
use crate::nets::params::weights_of;
use crate::nets::{Blocks, Init, silu, sum};
use crate::noise;
use crate::read;
use crate::step::{self, Epochs, Learner};
use crate::table::ordered::{self, Columns};
use crate::table::resident::Resident;
use crate::table::rows::Rows;
use crate::table::sampler::Sampler;
use crate::training::Training;
use crate::weights::Weights;
use digits::Digits;
use draw::TokensSampler;
use masks::{Layout, Masks, Roles};
use smooth::{Lookup, Smooth};

/// Most digits of a table: the network grows with their square.
const MOST_DIGITS: usize = 1024;
/// Parts of a batch with roles of their own: the first learns the plain order, the second others.
const PARTS: usize = 2;

/// Settings of the masked network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Hidden units of a layer, shared out among the digits.
    pub width: usize,
    /// Hidden layers.
    pub layers: usize,
    /// Share of the hidden units that a step leaves out.
    pub dropout: f64,
    /// About how many tokens a number column has.
    pub bins: usize,
    /// Levels seen fewer times share the token "other".
    pub rare: usize,
    /// Most levels with a token of their own.
    pub max_levels: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { width: 1024, layers: 2, dropout: 0.1, bins: 128, rare: 5, max_levels: 1024 }
    }
}

impl Model<Table> for Config {
    fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Setting { model: "tokens", key: key.into(), rule: rule.into() });
        if !(1..=65_536).contains(&self.width) {
            return bad("width", "must lie between 1 and 65536");
        }
        if !(1..=64).contains(&self.layers) {
            return bad("layers", "must lie between 1 and 64");
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return bad("dropout", "must be at least 0 and below 1");
        }
        if !(2..=65_536).contains(&self.bins) || !(2..=65_536).contains(&self.max_levels) {
            return bad("bins and max_levels", "must lie between 2 and 65536");
        }
        Ok(())
    }

    fn encoding(&self) -> CodecConfig {
        CodecConfig { numeric: Numeric::Grid, bins: self.bins, rare: self.rare, max_levels: self.max_levels }
    }

    fn training(&self) -> Option<Training> {
        Some(Training {
            batch_size: 512,
            epochs: 40,
            min_steps: 2000,
            learning_rate: 2e-3,
            weight_decay: 1e-2,
            clip: 1.0,
            ema: 0.99,
            validation: 0.1,
            patience: 5,
            ..Training::default()
        })
    }

    fn start(&self, split: &Split<'_, Table>, setup: &Setup<'_>) -> Result<Start<Table>> {
        ordered::start(split, |columns| Tokens::new(self, columns, setup))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<Box<dyn Sampler>> {
        ordered::restore(spec, weights, |spans, weights| TokensSampler::from_weights(self, spans, weights, device))
    }
}

/// The digits of a table of columns `spans`, and the hidden units that each has.
pub(crate) fn layout(config: &Config, spans: &[Span]) -> Result<(Digits, Layout)> {
    let digits = Digits::of(spans);
    let count = digits.count();
    if count > MOST_DIGITS {
        return Err(Error::Digits { digits: count, most: MOST_DIGITS });
    }
    let group = (config.width / count.max(1)).clamp(8, 128);
    let layout = Layout::new(&digits, group);
    Ok((digits, layout))
}

/// The network. `U` digits have `G` hidden units each, `H = U G`, and `W` places in a one-hot row, which with the smooth functions of
/// columns is `I` inputs.
#[derive(Module, Debug)]
pub struct Net {
    /// `[I, H]`.
    input: Linear,
    /// `[H, H]` each.
    hidden: Vec<Linear>,
    /// `[H, W]`.
    output: Linear,
    /// `[I, W]`.
    skip: Param<Tensor<2>>,
}

impl Net {
    fn new(config: &Config, layout: &Layout, seed: u64, device: &Device) -> Net {
        Net::drawn(config, layout, &mut Init::new(seed, device))
    }

    /// As part of another network, whose weights `init` draws.
    pub(crate) fn drawn(config: &Config, layout: &Layout, init: &mut Init) -> Net {
        let (inputs, width, hidden) = (layout.inputs(), layout.width(), layout.hidden());
        // About as many inputs as there are digits are not 0.
        let input = init.linear_of(layout.digits(), inputs, hidden);
        Net {
            input,
            hidden: (1..config.layers).map(|_| init.linear(hidden, hidden)).collect(),
            output: init.linear(hidden, width),
            skip: init.param([inputs, width], vec![0.0; inputs * width]),
        }
    }

    /// Rows `[B, I]` to logits `[B, W]`; a mask of dropout `[B, H]` for each layer, or none.
    fn logits(&self, x: Tensor<2>, masks: &Masks, dropout: &[Tensor<2>]) -> Tensor<2> {
        self.logits_given(x, masks, dropout, None)
    }

    /// As [`logits`](Net::logits), with what all digits are told besides: added to the first hidden layer `[B, H]` and to the logits `[B, W]`.
    pub(crate) fn logits_given(
        &self,
        x: Tensor<2>,
        masks: &Masks,
        dropout: &[Tensor<2>],
        given: Option<[Tensor<2>; 2]>,
    ) -> Tensor<2> {
        let drop = |h: Tensor<2>, layer: usize| match dropout.get(layer) {
            Some(mask) => h * mask.clone(),
            None => h,
        };
        let first = masked(&self.input, &masks.input, x.clone());
        let (first, direct) = match given {
            Some([first_given, direct]) => (first + first_given, Some(direct)),
            None => (first, None),
        };
        let mut h = drop(silu(first), 0);
        for (l, layer) in self.hidden.iter().enumerate() {
            h = h.clone() + drop(silu(masked(layer, &masks.hidden, h)), l + 1);
        }
        let skip = x.matmul(self.skip.val() * masks.skip.clone());
        let logits = masked(&self.output, &masks.output, h) + skip;
        cap(match direct {
            Some(direct) => logits + direct,
            None => logits,
        })
    }
}

/// A linear layer of which only the weights that `mask` marks count.
fn masked(layer: &Linear, mask: &Tensor<2>, x: Tensor<2>) -> Tensor<2> {
    let weight = layer.weight.val() * mask.clone();
    match &layer.bias {
        Some(bias) => affine(x, weight, bias.val()),
        None => x.matmul(weight),
    }
}

/// What the digits that are not known cost, in nats, summed over the rows: `x [B, I]`; `wanted [U]` is 1 for those.
fn loss(
    net: &Net,
    blocks: &Blocks,
    masks: &Masks,
    wanted: Tensor<1>,
    x: Tensor<2>,
    dropout: &[Tensor<2>],
) -> Tensor<1> {
    let logits = net.logits(x.clone(), masks, dropout);
    let x = x.narrow(1, 0, blocks.width());
    sum(blocks.cross_entropy(logits, x) * wanted.unsqueeze::<2>())
}

/// Rows on the device, as the network sees them.
pub(crate) struct Inputs {
    rows: usize,
    digits: Resident,
    smooth: Option<Lookup>,
}

impl Inputs {
    pub(crate) fn new(digits: &Digits, smooth: &[Smooth], rows: &Rows<'_>, blocks: &Blocks, device: &Device) -> Inputs {
        let split = digits.split(rows);
        Inputs {
            rows: rows.count(),
            digits: Resident::new(&Rows::of(&split), blocks, device),
            smooth: Lookup::new(smooth, rows, device),
        }
    }

    /// The rows at `index`, `[B, I]`.
    pub(crate) fn batch(&self, index: &[usize], blocks: &Blocks) -> Tensor<2> {
        let (digits, _) = self.digits.batch(index, blocks);
        match &self.smooth {
            Some(smooth) => Tensor::cat(vec![digits, smooth.batch(index)], 1),
            None => digits,
        }
    }
}

/// The network in training, the rows that it learns beside it on the device.
pub struct Tokens {
    config: Config,
    columns: usize,
    digits: Digits,
    layout: Layout,
    blocks: Blocks,
    smooth: Vec<Smooth>,
    train: Inputs,
    validation: Option<Inputs>,
    device: Device,
    batch: usize,
    shards: usize,
    learner: Learner<Net>,
    epochs: Epochs,
}

impl Tokens {
    /// Weights from the seed, rows on the device.
    ///
    /// # Errors
    /// When the settings make no sense, or the columns have too many digits.
    pub fn new(config: &Config, columns: &Columns<'_>, setup: &Setup<'_>) -> Result<Tokens> {
        let Columns { spans, train, validation } = columns;
        let Setup { training, seed, device, shards, .. } = *setup;
        config.check()?;
        let (digits, layout) = layout(config, spans)?;
        let plain = device.clone().inner();
        let blocks = Blocks::new(&digits.spans(), &plain);
        let smooth = Smooth::of(&digits, train);
        let inputs = |rows: &Rows<'_>| Inputs::new(&digits, &smooth, rows, &blocks, &plain);
        Ok(Tokens {
            config: config.clone(),
            columns: spans.len(),
            train: inputs(train),
            validation: (validation.count() > 0).then(|| inputs(validation)),
            batch: training.batch(train.count()),
            learner: Learner::new(Net::new(config, &layout, seed, device), training),
            device: device.clone(),
            epochs: Epochs::default(),
            smooth,
            digits,
            layout,
            blocks,
            shards,
        })
    }

    /// The part `p` of a step's batch: its loss, summed over its rows.
    fn part(&self, net: &Net, rows: &[usize], clock: &Clock, p: usize) -> Tensor<1> {
        let plain = self.device.clone().inner();
        let index = clock.step * PARTS as u64 + p as u64;
        let roles = match p {
            0 => Roles::plain(self.columns),
            _ => Roles::random(self.columns, &mut stream(clock.seed, "roles", index)),
        };
        let roles = roles.of_digits(&self.digits);
        let masks = self.layout.masks(&roles, &plain).with_gradients();
        let wanted = Tensor::from_inner(roles.wanted(&plain));
        let x = self.train.batch(rows, &self.blocks);
        let mut rng = stream(clock.seed, "dropout", index);
        let hidden = self.layout.hidden();
        let dropout: Vec<Tensor<2>> = match self.config.dropout > 0.0 {
            true => (0..self.config.layers)
                .map(|_| noise::fresh_dropout(&mut rng, rows.len(), hidden, 1.0 - self.config.dropout, &plain))
                .map(Tensor::from_inner)
                .collect(),
            false => Vec::new(),
        };
        loss(net, &self.blocks.with_gradients(), &masks, wanted, Tensor::from_inner(x), &dropout)
    }
}

impl Trainee<Table> for Tokens {
    fn steps_per_epoch(&self) -> u64 {
        (self.train.rows / self.batch).max(1) as u64
    }

    fn step(&mut self, clock: &Clock) -> Result<Losses> {
        let batch = self.epochs.batch(clock.seed, clock.step, self.train.rows, self.batch).to_vec();
        let parts: Vec<&[usize]> = batch.chunks(batch.len().div_ceil(PARTS).max(1)).collect();
        let scale = 1.0 / batch.len().max(1) as f64;
        let this = &*self;
        let shard = |s: usize, net: &Net| {
            let mut logs = Losses::new();
            let mut total: Option<Tensor<1>> = None;
            for p in (s..parts.len()).step_by(this.shards) {
                let loss = this.part(net, parts[p], clock, p);
                // Of the plain order alone, so that it can be compared: nats a row.
                if p == 0 {
                    logs.push(("nats", loss.clone().inner() / parts[p].len() as f64));
                }
                let loss = loss * scale;
                total = Some(match total {
                    Some(sum) => sum + loss,
                    None => loss,
                });
            }
            let total = total.unwrap_or_else(|| sum(net.skip.val()) * 0.0);
            logs.insert(0, ("loss", total.clone().inner()));
            (total, logs)
        };
        let (grads, logs) = step::gradients(self.learner.net(), self.shards, &self.device, shard);
        self.learner.update(grads, clock);
        Ok(step::add_losses(logs))
    }

    /// Nats a row in the plain order.
    fn validate(&mut self) -> Result<Option<f64>> {
        let Some(rows) = &self.validation else { return Ok(None) };
        let index: Vec<usize> = (0..rows.rows).collect();
        let plain = self.device.clone().inner();
        let roles = Roles::plain(self.columns).of_digits(&self.digits);
        let (masks, wanted) = (self.layout.masks(&roles, &plain), roles.wanted(&plain));
        let (net, mut total) = (self.learner.average(), 0.0);
        for part in index.chunks(4096) {
            let x = rows.batch(part, &self.blocks);
            total += read::number(loss(&net, &self.blocks, &masks, wanted.clone(), x, &[]))?;
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

    fn finish(&mut self, _: u64) -> Result<Weights> {
        let mut weights = weights_of(&self.learner.best())?;
        Smooth::put(&self.smooth, &mut weights);
        Ok(weights)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
