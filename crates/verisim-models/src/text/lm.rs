//! A language model: a decoder-only transformer (Vaswani et al., 2017), as Llama has it (Touvron et al., 2023).
//!
//! ```text
//! x = E[tokens]
//! x = x + W_o attention(norm(x) W_qkv)          rotary positions, grouped queries       (nets/attention.rs)
//! x = x + W_d (silu(norm(x) W_g) * norm(x) W_u)                                         (nets/rows.rs)
//! p(next | before) = softmax(norm(x) E^T)       the words that come in are those that go out
//! loss = - mean ln p(token(t + 1) | token(1) .. token(t))
//! ```
//!
//! A document is `START cells TEXT body END`. A cell is the token of its column, its text and `CELL`; of a conversation the body has the
//! token of each turn's role before what is said. Cells are left out at random, so that any of them may be given to a sample, and the
//! rest is drawn like text.
//!
//! What is done differently, and why:
//! - **Documents are packed** into rows, and none sees another: padding would be most of a batch of short messages.
//! - **A long text is learnt in windows** that begin anywhere in it.
//! - A cell of a column with few values is drawn among those: no label is ever misspelt.

#[cfg(feature = "flex")]
mod cache;
mod draw;
mod grammar;
mod guide;
mod lora;
mod net;
mod pretrained;
#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used)]
mod pretrained_tests;
#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used)]
mod tests;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use burn::module::Module as _;
use burn::tensor::{Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::stream;
use verisim_data::text::{Spec, Texts};

pub use draw::{Cell, Drawn, How, Sampler, Wanted};
pub use grammar::{Grammar, Rule};
use guide::Levels;
use lora::Adapters;
pub use lora::Lora;
use net::{Net, Shape};
use pretrained::Fresh;

use super::base::{Arch, Base};
use super::pack::{Document, Joined, Packed, Plan, Rows};
use super::{EncodedTexts, Encoding, Tokens, Vocabulary};
use crate::error::{Error, Result};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::nets::attention::{Heads, Layout};
use crate::nets::params::{weights_of, with_weights};
use crate::nets::rows::cross_entropy;
use crate::noise;
use crate::read;
use crate::step::{self, Cuts, Learner, tracked};
use crate::training::Training;
use crate::weights::Weights;

/// Settings of the language model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What a token is: a character (`chars`), a byte, or bytes that often stand together (`bpe`).
    pub tokens: Tokens,
    /// Tokens that are learnt at most, of `bpe`.
    pub vocabulary: usize,
    /// Numbers of a token.
    pub width: usize,
    /// Blocks.
    pub layers: usize,
    /// Heads of attention; a divisor of half the width.
    pub heads: usize,
    /// Heads of keys and values; a divisor of the heads; as many when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_heads: Option<usize>,
    /// Hidden units of a block; 8/3 of the width when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<usize>,
    /// Tokens that are seen at a time.
    pub context: usize,
    /// Share of what blocks add that a training step leaves out.
    pub dropout: f64,
    /// Share of the cells that a training step is not told.
    pub untold: f64,
    /// Base of the angles of positions.
    pub theta: f64,
    /// A pretrained model to begin from: a Hugging Face folder, or a GGUF file; its sizes and tokens count then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<PathBuf>,
    /// What is learnt of a pretrained model.
    #[serde(skip_serializing_if = "is_adapters")]
    pub learn: Part,
    /// Adapters of a pretrained model.
    #[serde(skip_serializing_if = "is_default")]
    pub lora: Lora,
    /// Whether the artefact holds all weights, rather than the adapters of a pretrained model that must be there to sample.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub merge: bool,
}

/// What is learnt of a pretrained model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Low-rank adapters beside its weights.
    #[default]
    Adapters,
    /// All of its weights.
    All,
}

fn is_adapters(part: &Part) -> bool {
    *part == Part::Adapters
}

fn is_default(lora: &Lora) -> bool {
    *lora == Lora::default()
}

impl Default for Config {
    fn default() -> Self {
        Config {
            tokens: Tokens::Bpe,
            vocabulary: 4096,
            width: 256,
            layers: 6,
            heads: 8,
            key_heads: None,
            units: None,
            context: 256,
            dropout: 0.1,
            untold: 0.1,
            theta: 10_000.0,
            base: None,
            learn: Part::Adapters,
            lora: Lora::default(),
            merge: false,
        }
    }
}

impl Config {
    fn heads(&self) -> Heads {
        let keys = self.key_heads.unwrap_or(self.heads);
        Heads { queries: self.heads, keys, width: self.width / self.heads.max(1) }
    }

    /// Hidden units: a multiple of 16, which suits the widest instructions.
    fn units(&self) -> usize {
        self.units.unwrap_or((self.width * 8 / 3).div_ceil(16) * 16)
    }
}

impl Model<Texts> for Config {
    fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: String| Err(Error::Setting { model: "lm", key: key.into(), rule });
        for (key, value, least, most) in [
            ("vocabulary", self.vocabulary, 256, 1 << 18),
            ("width", self.width, 2, 1 << 14),
            ("layers", self.layers, 1, 256),
            ("heads", self.heads, 1, 256),
            ("key_heads", self.key_heads.unwrap_or(1), 1, 256),
            ("units", self.units(), 1, 1 << 17),
            ("context", self.context, 2, 1 << 16),
        ] {
            if !(least..=most).contains(&value) {
                return bad(key, format!("must lie between {least} and {most}"));
            }
        }
        if !self.width.is_multiple_of(2 * self.heads) {
            return bad("heads", format!("must divide half the width, {}", self.width / 2));
        }
        if !self.heads.is_multiple_of(self.key_heads.unwrap_or(self.heads)) {
            return bad("key_heads", format!("must divide the {} heads", self.heads));
        }
        for (key, value) in [("dropout", self.dropout), ("untold", self.untold)] {
            if !(0.0..1.0).contains(&value) {
                return bad(key, "must be at least 0 and below 1".into());
            }
        }
        if !(self.theta > 1.0 && self.theta.is_finite()) {
            return bad("theta", "must be above 1".into());
        }
        if !(1..=1024).contains(&self.lora.rank) {
            return bad("lora.rank", "must lie between 1 and 1024".into());
        }
        if !self.lora.alpha.is_finite() {
            return bad("lora.alpha", "must be a number".into());
        }
        let own = Config::default();
        if self.base.is_some() {
            let sizes = [
                ("width", self.width != own.width),
                ("layers", self.layers != own.layers),
                ("heads", self.heads != own.heads),
                ("key_heads", self.key_heads.is_some()),
                ("units", self.units.is_some()),
                ("vocabulary", self.vocabulary != own.vocabulary),
                ("theta", self.theta != own.theta),
            ];
            if let Some((key, _)) = sizes.iter().find(|(_, is_given)| *is_given) {
                return bad(key, "is that of the pretrained model; leave it out where there is a base".into());
            }
        } else if self.merge || self.learn != own.learn || self.lora != own.lora {
            return bad("base", "must name a pretrained model where merge, learn or lora are set".into());
        }
        Ok(())
    }

    fn encoding(&self) -> Encoding {
        Encoding { tokens: self.tokens, vocabulary: self.vocabulary, base: self.base.clone() }
    }

    fn training(&self) -> Option<Training> {
        if self.base.is_some() {
            // A pretrained model is slow, and soon knows few texts by heart.
            let learning_rate = if self.learn == Part::All { 3e-5 } else { 5e-4 };
            return Some(Training {
                batch_size: 4,
                epochs: 3,
                learning_rate,
                warmup: 20,
                clip: 1.0,
                ema: 0.9,
                validation: 0.1,
                patience: 2,
                log_every: 10,
                ..Training::default()
            });
        }
        Some(Training {
            batch_size: 16,
            epochs: 40,
            min_steps: 300,
            learning_rate: 2e-3,
            warmup: 50,
            weight_decay: 0.1,
            clip: 1.0,
            ema: 0.99,
            validation: 0.1,
            patience: 8,
            ..Training::default()
        })
    }

    fn start(&self, split: &Split<'_, Texts>, setup: &Setup<'_>) -> Result<Start<Texts>> {
        Ok(Start::Steps(Box::new(Lm::new(self, split, setup)?)))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<Box<Sampler>> {
        let vocabulary = Vocabulary::restore(weights)?;
        let levels = Levels::restore(&vocabulary, weights)?;
        if (vocabulary.columns, vocabulary.roles) != (spec.columns.len(), spec.roles.len()) {
            return Err(Error::Misfit { sizes: None });
        }
        let (net, shape) = match &self.base {
            Some(path) => {
                let fresh = Fresh { vocabulary: &vocabulary, columns: &spec.columns, roles: &spec.roles };
                let (net, arch) = pretrained::restore(path, &self.lora, &fresh, weights, device)?;
                let context = self.context.min(arch.context);
                (net, Shape::of_base(&arch, context))
            }
            // A damaged header must not decide how much memory is taken.
            None if Net::count(self, vocabulary.len()) > weights.count() => return Err(Error::Misfit { sizes: None }),
            None => {
                let blank = Net::new(self, vocabulary.len(), 0, device).valid();
                (with_weights(blank, weights)?, Shape::new(self, self.context))
            }
        };
        Ok(Box::new(Sampler::new(net, shape, vocabulary, levels, spec, device)))
    }
}

/// The network in training.
struct Lm {
    data: Prepared,
    shape: Shape,
    dropout: f64,
    batch: usize,
    device: Device,
    cuts: Cuts,
    learner: Learning,
    plan: Option<Plan>,
    steps_per_epoch: u64,
}

/// What is learnt.
enum Learning {
    /// All weights.
    Whole(Box<Whole>),
    /// Adapters beside the weights of a pretrained model.
    Beside(Box<Beside>),
}

/// A network in training, of a pretrained model with its sizes.
struct Whole {
    learner: Learner<Net>,
    arch: Option<Arch>,
}

/// Adapters in training.
struct Beside {
    net: Net,
    arch: Arch,
    hash: String,
    learner: Learner<Adapters>,
    /// Whether the artefact holds all weights.
    merge: bool,
}

/// What is learnt, and what measures the model.
struct Prepared {
    documents: Vec<Document>,
    vocabulary: Vocabulary,
    train: Vec<usize>,
    /// What is learnt, where it is one long text.
    joined: Option<Joined>,
    validation: Vec<Packed>,
    levels: Levels,
    length: usize,
    untold: f64,
    seed: u64,
}

impl Prepared {
    fn rows<'a>(&'a self, index: &'a [usize]) -> Rows<'a> {
        Rows {
            documents: &self.documents,
            index,
            vocabulary: &self.vocabulary,
            length: self.length,
            untold: self.untold,
            seed: self.seed,
        }
    }

    /// What measures the model, in batches; every cell is told.
    fn validation(&self, index: &[usize], together: usize) -> Vec<Packed> {
        /// Most tokens that are looked at.
        const LOOKED_AT: usize = 1 << 16;
        let rows = Rows { untold: 0.0, ..self.rows(index) };
        let all = match self.joined {
            _ if index.is_empty() => Vec::new(),
            Some(_) => rows.all_windows(&Joined::new(&self.documents, index)),
            None => {
                let plan = rows.plan(0);
                (0..plan.len()).map(|row| rows.rows(&plan, std::iter::once(row))).collect()
            }
        };
        let every = (all.len() * self.length).div_ceil(LOOKED_AT).max(1);
        let looked_at: Vec<Packed> = all.into_iter().step_by(every).collect();
        looked_at.chunks(together.max(1)).map(Packed::together).collect()
    }
}

impl Lm {
    fn new(config: &Config, split: &Split<'_, Texts>, setup: &Setup<'_>) -> Result<Lm> {
        config.check()?;
        let encoded: &EncodedTexts = split.encoded;
        // A row need not be longer than all that there is.
        let cells = |d: &Document| d.cells.iter().flatten().map(|cell| cell.len() + 2).sum::<usize>();
        let all: usize = encoded.documents.iter().map(|d| cells(d) + d.body.len() + 3).sum();
        let length = config.context.min(all.max(2));
        let mut data = Prepared {
            documents: encoded.documents.clone(),
            vocabulary: encoded.vocabulary.clone(),
            train: split.train.to_vec(),
            joined: encoded.is_joined().then(|| Joined::new(&encoded.documents, split.train)),
            validation: Vec::new(),
            levels: Levels::of(encoded, split.train),
            length,
            untold: config.untold,
            seed: setup.seed,
        };
        let batch = setup.training.batch_size.max(1);
        data.validation = data.validation(split.validation, batch.min(16));
        let tokens = match &data.joined {
            Some(joined) => joined.len(),
            None => data.rows(&data.train).plan(0).len() * length,
        };
        let (learner, shape) = learning(config, encoded, setup, length)?;
        Ok(Lm {
            shape,
            // What a pretrained model knows is not left out.
            dropout: if config.base.is_some() { 0.0 } else { config.dropout },
            batch,
            device: setup.device.clone(),
            cuts: Cuts::of(setup),
            learner,
            plan: None,
            steps_per_epoch: tokens.div_ceil(batch * length).max(1) as u64,
            data,
        })
    }

    /// The rows of a step.
    fn batch(&mut self, step: u64) -> Packed {
        let rows = self.data.rows(&self.data.train);
        if let Some(joined) = &self.data.joined {
            return rows.windows(joined, self.batch, step);
        }
        let epoch = step / self.steps_per_epoch;
        let plan = match self.plan.take().filter(|plan| plan.epoch == epoch) {
            Some(plan) => plan,
            None => rows.plan(epoch),
        };
        // Passes need not have as many rows as the first: one that has fewer begins anew, of one that has more the last are left out.
        let first = (step % self.steps_per_epoch) as usize * self.batch;
        let count = plan.len().max(1);
        let packed = rows.rows(&plan, (first..first + self.batch.min(count)).map(|row| row % count));
        self.plan = Some(plan);
        packed
    }
}

/// What is learnt, from the begin, and the sizes of the network.
fn learning(config: &Config, encoded: &EncodedTexts, setup: &Setup<'_>, length: usize) -> Result<(Learning, Shape)> {
    let (vocabulary, training, device) = (&encoded.vocabulary, setup.training, setup.device);
    let Some(path) = &config.base else {
        let net = Net::new(config, vocabulary.len(), setup.seed, device);
        return Ok((
            Learning::Whole(Box::new(Whole { learner: Learner::new(net, training), arch: None })),
            Shape::new(config, length),
        ));
    };
    let mut base = Base::open(path)?;
    if length > base.arch.context {
        let rule = format!("can be {} at most: the pretrained model sees no more", base.arch.context);
        return Err(Error::Setting { model: "lm", key: "context".into(), rule });
    }
    let fresh = Fresh { vocabulary, columns: &encoded.columns, roles: &encoded.roles };
    let shape = Shape::of_base(&base.arch, length);
    let arch = base.arch.clone();
    if config.learn == Part::All {
        let net = Net::of_base(&mut base, &fresh, device)?;
        return Ok((
            Learning::Whole(Box::new(Whole { learner: Learner::new(net, training), arch: Some(arch) })),
            shape,
        ));
    }
    let net = Net::of_base(&mut base, &fresh, &device.clone().inner())?;
    let adapters = Adapters::new(&net, vocabulary.first() as usize, &config.lora, setup.seed, device)?;
    let learner = Learner::new(adapters, training);
    let beside = Beside { net, arch, hash: base.hash, learner, merge: config.merge };
    Ok((Learning::Beside(Box::new(beside)), shape))
}

/// A network, and what was learnt beside it.
#[derive(Clone, Copy)]
struct With<'a> {
    net: &'a Net,
    adapters: Option<&'a Adapters>,
}

/// Nats of all tokens that count.
fn loss(
    with: With<'_>,
    shape: &Shape,
    packed: &Packed,
    length: usize,
    device: &Device,
    keep: impl FnMut(Tensor<2>) -> Tensor<2>,
) -> Tensor<1> {
    let layout = Arc::new(Layout::new(length, packed.first.clone(), device));
    let hidden = with.net.forward(shape, &packed.tokens, &layout, with.adapters, keep);
    cross_entropy(hidden, with.net.told(with.adapters), &packed.targets, &packed.weights)
}

impl Trainee<Texts> for Lm {
    fn steps_per_epoch(&self) -> u64 {
        self.steps_per_epoch
    }

    fn step(&mut self, clock: &Clock) -> Result<Losses> {
        let packed = self.batch(clock.step);
        let length = self.data.length;
        let rows = packed.tokens.len() / length;
        let scale = 1.0 / f64::from(packed.count().max(1.0));
        let inner = self.device.clone().inner();
        let this = &*self;
        let shard = |range: Range<usize>, with: With<'_>| {
            let mut rng = stream(clock.seed, "lm", step::part(clock, &range));
            let keep = |x: Tensor<2>| match this.dropout > 0.0 {
                true => {
                    let [rows, width] = x.dims();
                    let mask = noise::fresh_mask(&mut rng, rows, width, 1.0 - this.dropout, &inner);
                    x * tracked(mask, &this.device)
                }
                false => x,
            };
            let packed = packed.part(&range, length);
            let loss = loss(with, &this.shape, &packed, length, &this.device, keep) * scale;
            (loss.clone(), vec![("loss", loss.inner())])
        };
        let (cuts, device) = (self.cuts, &self.device);
        let (grads, logs) = match &self.learner {
            Learning::Whole(whole) => step::gradients_of_rows(whole.learner.net(), cuts, rows, device, |range, net| {
                shard(range, With { net, adapters: None })
            }),
            Learning::Beside(beside) => {
                step::gradients_of_rows(beside.learner.net(), cuts, rows, device, |range, adapters| {
                    shard(range, With { net: &beside.net, adapters: Some(adapters) })
                })
            }
        };
        match &mut self.learner {
            Learning::Whole(whole) => whole.learner.update(grads, clock),
            Learning::Beside(beside) => beside.learner.update(grads, clock),
        }
        Ok(step::add_losses(logs))
    }

    /// Nats a token.
    fn validate(&mut self) -> Result<Option<f64>> {
        let device = self.device.clone().inner();
        let (whole, adapters) = match &self.learner {
            Learning::Whole(whole) => (Some(whole.learner.average()), None),
            Learning::Beside(beside) => (None, Some((&beside.net, beside.learner.average()))),
        };
        let with = match (&whole, &adapters) {
            (Some(net), _) => With { net, adapters: None },
            (None, Some((net, adapters))) => With { net, adapters: Some(adapters) },
            (None, None) => return Ok(None),
        };
        let (mut nats, mut count) = (0.0, 0.0);
        for packed in &self.data.validation {
            nats += read::number(loss(with, &self.shape, packed, self.data.length, &device, |x| x))?;
            count += f64::from(packed.count());
        }
        Ok((count > 0.0).then(|| nats / count))
    }

    fn keep(&mut self) {
        match &mut self.learner {
            Learning::Whole(whole) => whole.learner.keep(),
            Learning::Beside(beside) => beside.learner.keep(),
        }
    }

    fn save(&self) -> Result<Weights> {
        let mut weights = Weights::default();
        match &self.learner {
            Learning::Whole(whole) => whole.learner.save(&mut weights, "net")?,
            Learning::Beside(beside) => beside.learner.save(&mut weights, "net")?,
        }
        Ok(weights)
    }

    fn load(&mut self, mut weights: Weights) -> Result<()> {
        match &mut self.learner {
            Learning::Whole(whole) => whole.learner.load(&mut weights, "net"),
            Learning::Beside(beside) => beside.learner.load(&mut weights, "net"),
        }
    }

    fn finish(&mut self, _: u64) -> Result<Weights> {
        let mut weights = Weights::default();
        match &self.learner {
            Learning::Whole(whole) => match &whole.arch {
                Some(arch) => pretrained::store_whole(&whole.learner.best(), arch, &mut weights)?,
                None => weights = weights_of(&whole.learner.best())?,
            },
            Learning::Beside(beside) if beside.merge => {
                let net = beside.learner.best().merged(beside.net.clone());
                pretrained::store_whole(&net, &beside.arch, &mut weights)?;
            }
            Learning::Beside(beside) => {
                pretrained::store_adapters(&beside.learner.best(), &beside.hash, &mut weights)?;
            }
        }
        self.data.vocabulary.store(&mut weights)?;
        self.data.levels.store(&mut weights)?;
        Ok(weights)
    }
}
