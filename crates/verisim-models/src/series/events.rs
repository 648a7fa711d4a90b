//! Events: sequences of mixed columns, drawn step by step and, in a step, column by column.
//!
//! A recurrent network remembers the steps before; a masked network draws the columns of the next step given that, one digit after
//! another (`table/tokens`). Both see what is the same throughout the sequence, how many steps have been and how many are
//! to come, and the hour, the weekday and the day of the year where there are such. After the layout of TabularARGN's sequences (Tiwald et al.,
//! 2025).
//!
//! ```text
//! x(t) = W [step t-1 | context | place]                            [B, T, D]
//! m(t) = memory of x(1) .. x(t)                                    [B, T, D]
//! logits of step t = masked network(columns of the step before each, given [m(t) | context | place])
//! loss = sum over the digits of a step of -ln p, a mean over steps
//! ```
//!
//! What is done differently, and why:
//! - The memory (a gated recurrent unit that can be scanned) computes all steps of a sequence at once; a draw is still one step after another.
//! - The length is known before the first step, as part of the context, and the steps that are left count down. So a sequence ends when it
//!   should, and what comes near the end can be learnt.
//! - Time is the first column of a step: what passed since the step before, as bins of a grid that holds zero and common gaps exactly. It cannot be negative, so
//!   time runs forward.
//! - What never comes before, after or twice in the data ([`Order`]) is not drawn.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, stream};
use verisim_data::series::{Change, Clock as Times, Series, Spec, Unit};
use verisim_data::table::ColumnKind;
use verisim_data::table::codec::{CodecConfig, Encoded, Numeric, Span};

use super::memory::Memory;
use super::order::{Guard, Order};
use super::{Contexts, EncodedSeries, Encoding, Sampler, Steps, Wanted};
use crate::error::{Error, Result};
use crate::learn::{Clock, Losses, Model, Setup, Split, Start, Trainee};
use crate::nets::params::{weights_of, with_weights};
use crate::nets::{Blocks, Init, linear, sum};
use crate::noise;
use crate::read;
use crate::step::{self, Epochs, Learner};
use crate::table::tokens::digits::Digits;
use crate::table::tokens::draw::TokensSampler;
use crate::table::tokens::masks::{LATE, Layout, Masks, Roles};
use crate::table::tokens::smooth::Smooth;
use crate::table::tokens::{self, Inputs, layout};
use crate::table::{Allowed, Rows};
use crate::training::Training;
use crate::weights::Weights;

/// Hat functions of a place in a sequence, on a scale of logarithms.
const HATS: usize = 8;
/// Functions of a place: is it the first, how many steps before, is it the last, how many after, and three swings.
const PLACE: usize = 2 * (HATS + 1) + 6;
/// Functions of a column of the context that is a number, and most levels of one that is not.
const CONTEXT: usize = 17;
const LEVELS: usize = 64;
/// Functions of a level.
const LEVEL: usize = 12;
/// Most steps of a past that are looked at.
const MEMORY: usize = 512;

/// Settings of the events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Width of the memory.
    pub memory: usize,
    /// Layers of the memory.
    pub layers: usize,
    /// Hidden units of a layer of the network that draws a step, shared out among the digits of its columns.
    pub width: usize,
    /// Its hidden layers.
    pub depth: usize,
    /// Share of the hidden units that a training step leaves out.
    pub dropout: f64,
    /// Most steps of a sequence that are learnt at a time.
    pub window: usize,
    /// About how many tokens a number column has.
    pub bins: usize,
    /// Levels seen fewer times share the token "other".
    pub rare: usize,
    /// Most levels with a token of their own.
    pub max_levels: usize,
    /// Whether rules of order are found and kept.
    pub order: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            memory: 96,
            layers: 2,
            width: 384,
            depth: 2,
            dropout: 0.1,
            window: 96,
            bins: 256,
            rare: 5,
            max_levels: 512,
            order: true,
        }
    }
}

impl Config {
    fn tokens(&self) -> tokens::Config {
        tokens::Config {
            width: self.width,
            layers: self.depth,
            dropout: self.dropout,
            bins: self.bins,
            rare: self.rare,
            max_levels: self.max_levels,
        }
    }
}

impl Model<Series> for Config {
    fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Setting { model: "events", key: key.into(), rule: rule.into() });
        if !(1..=4096).contains(&self.memory) || !(1..=16).contains(&self.layers) {
            return bad("memory and layers", "must lie between 1 and 4096, and 1 and 16");
        }
        if !(1..=65_536).contains(&self.width) || !(1..=16).contains(&self.depth) {
            return bad("width and depth", "must lie between 1 and 65536, and 1 and 16");
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return bad("dropout", "must be at least 0 and below 1");
        }
        if !(2..=4096).contains(&self.window) {
            return bad("window", "must lie between 2 and 4096");
        }
        if !(2..=65_536).contains(&self.bins) || !(2..=512).contains(&self.max_levels) {
            return bad("bins and max_levels", "must lie between 2 and 65536, and 2 and 512");
        }
        Ok(())
    }

    fn encoding(&self) -> Encoding {
        let steps =
            CodecConfig { numeric: Numeric::Grid, bins: self.bins, rare: self.rare, max_levels: self.max_levels };
        Encoding { steps, changes: true }
    }

    fn training(&self) -> Option<Training> {
        Some(Training {
            batch_size: 32,
            epochs: 60,
            min_steps: 1500,
            learning_rate: 2e-3,
            weight_decay: 1e-2,
            clip: 1.0,
            ema: 0.99,
            validation: 0.15,
            patience: 5,
            ..Training::default()
        })
    }

    fn start(&self, split: &Split<'_, Series>, setup: &Setup<'_>) -> Result<Start<Series>> {
        Ok(Start::Steps(Box::new(Events::new(self, split, setup)?)))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<Box<Sampler>> {
        let contexts = Contexts::restore(spec, weights)?;
        Ok(Box::new(Sampler { contexts, steps: Box::new(EventsSampler::from_weights(self, spec, weights, device)?) }))
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Net {
    /// Of the step before, context and place, `[I + K]`.
    memory: Memory,
    /// `[D + K, H]`: what the units of the first hidden layer are told.
    first: Linear,
    /// `[D + K, W]`: what the logits are told.
    direct: Linear,
    step: tokens::Net,
}

impl Net {
    fn new(config: &Config, layout: &Layout, given: usize, init: &mut Init) -> Net {
        let (d, inputs) = (config.memory, layout.inputs() + given);
        Net {
            memory: Memory::new(layout.digits() + given / 4 + 1, inputs, d, config.layers, init),
            first: init.linear(d + given, layout.hidden()),
            direct: init.zero_linear(d + given, layout.width()),
            step: tokens::Net::drawn(&config.tokens(), layout, init),
        }
    }

    /// What all digits of a step are told.
    fn told(&self, memory: Tensor<2>, given: Tensor<2>) -> [Tensor<2>; 2] {
        let told = Tensor::cat(vec![memory, given], 1);
        [linear(&self.first, told.clone()), linear(&self.direct, told)]
    }
}

/// What a model is told of a sequence beside its steps.
struct Given<'a> {
    spans: &'a [Span],
    width: usize,
    times: &'a Times,
    is_date: bool,
    /// Whether a sequence has a beginning and an end.
    bounded: bool,
    /// The columns of which a level is told, that of the step before.
    changes: &'a [Change],
}

impl<'a> Given<'a> {
    fn new(spec: &'a Spec, spans: &'a [Span]) -> Given<'a> {
        let of = |s: &Span| if s.ordered { CONTEXT } else { (s.tokens as usize).min(LEVELS) };
        Given {
            width: spans.iter().map(of).sum::<usize>() + PLACE + LEVEL * spec.changes.len(),
            changes: &spec.changes,
            spans,
            times: &spec.shape.clock,
            is_date: spec.shape.order.as_ref().is_some_and(|f| matches!(f.kind, ColumnKind::Datetime { .. })),
            bounded: !spec.shape.key.is_empty(),
        }
    }

    /// Row `i` of the contexts.
    fn context(&self, context: &Encoded, i: usize, out: &mut Vec<f32>) {
        for (span, tokens) in self.spans.iter().zip(&context.tokens) {
            let (at, token) = (out.len(), tokens[i] as usize);
            if span.ordered {
                out.resize(at + CONTEXT, 0.0);
                hats(token as f64 / f64::from(span.tokens.max(2) - 1), &mut out[at..at + CONTEXT - 1]);
                out[at + CONTEXT - 1] = f32::from(u8::from(token + 1 == span.tokens as usize));
            } else {
                out.resize(at + (span.tokens as usize).min(LEVELS), 0.0);
                if let Some(level) = out.get_mut(at + token.min(LEVELS - 1)) {
                    *level = 1.0;
                }
            }
        }
    }

    /// The levels of the step before, or of none.
    fn levels(&self, level: impl Fn(usize) -> Option<f64>, out: &mut Vec<f32>) {
        for (k, change) in self.changes.iter().enumerate() {
            let at = out.len();
            out.resize(at + LEVEL, 0.0);
            if let Some(level) = level(k) {
                hats(change.place(level), &mut out[at..at + LEVEL]);
            }
        }
    }

    /// A place with `before` steps before and `left` after, at `time` in units of the clock.
    fn place(&self, before: usize, left: usize, time: f64, out: &mut Vec<f32>) {
        for count in [before, left] {
            let at = out.len();
            out.resize(at + HATS + 1, 0.0);
            if self.bounded {
                out[at] = f32::from(u8::from(count == 0));
                hats(((1 + count) as f64).log2() / 8.0, &mut out[at + 1..]);
            }
        }
        let periods: [f64; 3] = match (self.is_date, self.times.unit) {
            (false, _) => [0.0; 3],
            (true, Unit::One) => [86_400.0, 604_800.0, 31_556_952.0],
            (true, Unit::Day) => [0.0, 7.0, 365.2425],
            (true, Unit::Month) => [0.0, 0.0, 12.0],
        };
        for period in periods {
            let turn = if period > 0.0 && time.is_finite() { time / period * std::f64::consts::TAU } else { 0.0 };
            let (sin, cos) = if period > 0.0 { turn.sin_cos() } else { (0.0, 0.0) };
            out.extend([sin as f32, cos as f32]);
        }
    }
}

/// Hat functions of `x`, from 0 to 1: two of them share it out.
fn hats(x: f64, out: &mut [f32]) {
    let at = x.clamp(0.0, 1.0) * (out.len() - 1) as f64;
    let k = (at as usize).min(out.len() - 2);
    out[k + 1] = (at - k as f64) as f32;
    out[k] = 1.0 - out[k + 1];
}

/// A sequence, or a piece of one, that is learnt at a time.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// Its sequence, for the context.
    sequence: usize,
    /// Its rows.
    begin: usize,
    end: usize,
    /// Where its sequence begins and ends.
    from: usize,
    to: usize,
}

/// The network in training.
pub struct Events {
    config: Config,
    spec: Spec,
    digits: Digits,
    layout: Layout,
    blocks: Blocks,
    smooth: Vec<Smooth>,
    /// All steps on the device.
    inputs: Inputs,
    context: Encoded,
    context_spans: Vec<Span>,
    times: Vec<f64>,
    levels: Vec<Vec<f64>>,
    train: Vec<Window>,
    validation: Vec<Window>,
    contexts: Weights,
    order: Order,
    device: Device,
    batch: usize,
    shards: usize,
    learner: Learner<Net>,
    epochs: Epochs,
}

impl Events {
    fn new(config: &Config, split: &Split<'_, Series>, setup: &Setup<'_>) -> Result<Events> {
        config.check()?;
        let (data, Setup { training, seed, device, shards, .. }) = (split.encoded, *setup);
        let spans = data.step_spans();
        let (digits, layout) = layout(&config.tokens(), &spans)?;
        let plain = device.clone().inner();
        let blocks = Blocks::new(&digits.spans(), &plain);
        let runs = data.runs(split.train);
        let rows: Vec<usize> = runs.iter().flat_map(Clone::clone).collect();
        let all = Rows::of(&data.steps);
        let smooth = Smooth::of(&digits, &all.clone().at(&rows));
        let inputs = Inputs::new(&digits, &smooth, &all, &blocks, &plain);
        let mut contexts = Weights::default();
        Contexts::fit(data, split.train, &mut contexts)?;
        let order = if config.order { Order::find(&spans, &data.steps, &runs) } else { Order::default() };
        let context_spans = if data.joined { Vec::new() } else { data.context_spans() };
        let given = Given::new(&data.spec, &context_spans).width;
        let net = Net::new(config, &layout, given, &mut Init::new(seed, device));
        let train = windows(data, split.train, config.window);
        Ok(Events {
            config: config.clone(),
            batch: training.batch(train.len()),
            validation: windows(data, split.validation, config.window),
            train,
            spec: data.spec.clone(),
            context: data.context.clone(),
            context_spans,
            times: data.times.clone(),
            levels: data.levels.clone(),
            learner: Learner::new(net, training),
            device: device.clone(),
            epochs: Epochs::default(),
            digits,
            layout,
            blocks,
            smooth,
            inputs,
            contexts,
            order,
            shards,
        })
    }

    /// What the steps of some windows cost, in nats, summed, and how many steps there are.
    fn loss(&self, net: &Net, windows: &[Window], masks: &Masks, rng: Option<&mut Stream>) -> (Tensor<1>, usize) {
        let plain = self.device.clone().inner();
        let steps = windows.iter().map(|w| w.end - w.begin).max().unwrap_or(1);
        let given = Given::new(&self.spec, &self.context_spans);
        let rows = windows.len() * steps;
        let (mut here, mut before) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        let (mut is_step, mut has_before) = (vec![0f32; rows], vec![0f32; rows]);
        let mut told = Vec::with_capacity(rows * given.width);
        let mut count = 0;
        for (b, w) in windows.iter().enumerate() {
            let mut context = Vec::new();
            given.context(&self.context, w.sequence, &mut context);
            for t in 0..steps {
                let row = (w.begin + t).min(w.end - 1);
                let is = w.begin + t < w.end;
                is_step[b * steps + t] = f32::from(u8::from(is));
                has_before[b * steps + t] = f32::from(u8::from(row > w.from));
                count += usize::from(is);
                here.push(row);
                before.push(row.max(w.from + 1) - 1);
                told.extend_from_slice(&context);
                given.levels(|k| (row > w.from).then(|| self.levels[k][row - 1]), &mut told);
                given.place(row - w.from, w.to - 1 - row, time_of(&self.spec, &self.times, row, w.from), &mut told);
            }
        }
        let lift = |x: Tensor<2>| if rng.is_some() { Tensor::from_inner(x) } else { x };
        let flag = |v: Vec<f32>| Tensor::<2>::from_data(TensorData::new(v, [rows, 1]), &plain);
        let told = lift(Tensor::from_data(TensorData::new(told, [rows, given.width]), &plain));
        let x = self.inputs.batch(&here, &self.blocks);
        let past = lift(self.inputs.batch(&before, &self.blocks) * flag(has_before));
        let memory = net.memory.all(Tensor::cat(vec![past, told.clone()], 1), steps);
        let dropout: Vec<Tensor<2>> = match rng {
            Some(rng) if self.config.dropout > 0.0 => (0..self.config.depth)
                .map(|_| noise::fresh_dropout(rng, rows, self.layout.hidden(), 1.0 - self.config.dropout, &plain))
                .map(Tensor::from_inner)
                .collect(),
            _ => Vec::new(),
        };
        let is_training = !dropout.is_empty() || memory.device().is_autodiff();
        let blocks = if is_training { self.blocks.with_gradients() } else { self.blocks.clone() };
        let lift = |x: Tensor<2>| if is_training { Tensor::from_inner(x) } else { x };
        let x = lift(x);
        let logits = net.step.logits_given(x.clone(), masks, &dropout, Some(net.told(memory, told)));
        let target = x.narrow(1, 0, self.blocks.width());
        let nats = blocks.cross_entropy(logits, target) * lift(flag(is_step));
        (sum(nats), count)
    }

    fn masks(&self) -> Masks {
        self.layout.masks(&Roles(vec![LATE; self.digits.count()]), &self.device.clone().inner())
    }

    /// The window as it is seen in an epoch: a long sequence is cut at random.
    fn cut(&self, w: Window, rng: &mut Stream) -> Window {
        let (length, most) = (w.end - w.begin, self.config.window);
        if length <= most {
            return w;
        }
        let begin = w.begin + below(rng, (length - most + 1) as u64) as usize;
        Window { begin, end: begin + most, ..w }
    }
}

/// When the step at `row` comes, as far as that is known before it is drawn: with regular steps its own time, else that of the step before.
fn time_of(spec: &Spec, times: &[f64], row: usize, from: usize) -> f64 {
    match spec.shape.has_gap() && row > from {
        true => times[row - 1],
        false => times[row],
    }
}

/// What is learnt of the sequences at `index`: each whole. Of one long series runs are cut into stretches of two windows, of which each
/// epoch sees a window.
fn windows(data: &EncodedSeries, index: &[usize], most: usize) -> Vec<Window> {
    if !data.joined {
        let one = |&i: &usize| {
            let (from, to) = (data.offsets[i], data.offsets[i + 1]);
            Window { sequence: i, begin: from, end: to, from, to }
        };
        return index.iter().map(one).filter(|w| w.end > w.begin).collect();
    }
    let mut all = Vec::new();
    for run in data.runs(index) {
        for begin in run.clone().step_by(most) {
            let end = (begin + 2 * most).min(run.end);
            all.push(Window { sequence: 0, begin, end, from: run.start, to: run.end });
        }
    }
    all
}

impl Trainee<Series> for Events {
    fn steps_per_epoch(&self) -> u64 {
        (self.train.len() / self.batch).max(1) as u64
    }

    fn step(&mut self, clock: &Clock) -> Result<Losses> {
        let batch = self.epochs.batch(clock.seed, clock.step, self.train.len(), self.batch).to_vec();
        let mut rng = stream(clock.seed, "windows", clock.step);
        let mut windows: Vec<Window> = batch.into_iter().map(|i| self.cut(self.train[i], &mut rng)).collect();
        // Sequences of like lengths lie side by side, so that little is padded.
        windows.sort_by_key(|w| w.end - w.begin);
        let parts: Vec<&[Window]> = windows.chunks(windows.len().div_ceil(2 * step::CPU_SHARDS).max(1)).collect();
        let all: usize = windows.iter().map(|w| w.end - w.begin).sum();
        let scale = 1.0 / all.max(1) as f64;
        let masks = self.masks();
        let this = &*self;
        let shard = |s: usize, net: &Net| {
            let mut total: Option<Tensor<1>> = None;
            let masks = masks.with_gradients();
            for p in (s..parts.len()).step_by(this.shards) {
                let mut rng = stream(clock.seed, "dropout", (clock.step << 8) + p as u64);
                let loss = this.loss(net, parts[p], &masks, Some(&mut rng)).0 * scale;
                total = Some(match total {
                    Some(sum) => sum + loss,
                    None => loss,
                });
            }
            let total = total.unwrap_or_else(|| sum(net.direct.weight.val()) * 0.0);
            let logs = vec![("loss", total.clone().inner())];
            (total, logs)
        };
        let (grads, logs) = step::gradients(self.learner.net(), self.shards, &self.device, shard);
        self.learner.update(grads, clock);
        Ok(step::add_losses(logs))
    }

    /// Nats a step.
    fn validate(&mut self) -> Result<Option<f64>> {
        if self.validation.is_empty() {
            return Ok(None);
        }
        let (net, masks) = (self.learner.average(), self.masks());
        let (mut total, mut steps) = (0.0, 0);
        // Each part of a long sequence, none twice.
        let (most, joined) = (self.config.window, self.spec.shape.key.is_empty());
        let cut = |w: &Window| {
            let (w, end) = (*w, if joined { w.end.min(w.begin + most) } else { w.end });
            (w.begin..end).step_by(most).map(move |begin| Window { begin, end: (begin + most).min(end), ..w })
        };
        let parts: Vec<Window> = self.validation.iter().flat_map(cut).collect();
        for part in parts.chunks(32) {
            let (loss, count) = self.loss(&net, part, &masks, None);
            total += read::number(loss)?;
            steps += count;
        }
        Ok(Some(total / steps.max(1) as f64))
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
        let mut weights = self.contexts.clone();
        weights.extend("net", weights_of(&self.learner.best())?);
        let mut smooth = Weights::default();
        Smooth::put(&self.smooth, &mut smooth);
        weights.extend("smooth", smooth);
        self.order.store(&mut weights);
        Ok(weights)
    }
}

/// A trained network that sequences are drawn from.
struct EventsSampler {
    spec: Spec,
    spans: Vec<Span>,
    context_spans: Vec<Span>,
    smooth: Vec<Smooth>,
    digits: Digits,
    blocks: Blocks,
    net: Net,
    step: TokensSampler,
    order: Order,
    device: Device,
}

impl EventsSampler {
    fn from_weights(config: &Config, spec: &Spec, weights: &mut Weights, device: &Device) -> Result<EventsSampler> {
        let spans = spec.steps.spans();
        let context_spans = if spec.shape.key.is_empty() { Vec::new() } else { spec.context.spans() };
        let (digits, layout) = layout(&config.tokens(), &spans)?;
        // A damaged header must not decide how much memory is taken.
        let wanted = layout.hidden().saturating_mul(layout.inputs() + layout.hidden() * (config.depth - 1));
        if wanted.saturating_add(config.memory * config.memory) > weights.count() {
            return Err(Error::Misfit { sizes: None });
        }
        let given = Given::new(spec, &context_spans).width;
        let net = Net::new(config, &layout, given, &mut Init::new(0, device)).valid();
        let mut own = weights.split_off("net");
        let net = with_weights(net, &mut own)?;
        own.nothing_left()?;
        let mut own = weights.split_off("smooth");
        let smooth = Smooth::take(&digits, &mut own)?;
        own.nothing_left()?;
        let order = Order::restore(&spans, weights)?;
        let step = TokensSampler::of(&config.tokens(), &spans, net.step.clone(), smooth.clone(), device)?;
        Ok(EventsSampler {
            spec: spec.clone(),
            blocks: Blocks::new(&digits.spans(), device),
            device: device.clone(),
            spans,
            context_spans,
            smooth,
            digits,
            net,
            step,
            order,
        })
    }

    /// One row a sequence as the network sees it, `[B, I]`.
    fn seen(&self, rows: &Encoded) -> Tensor<2> {
        let inputs = Inputs::new(&self.digits, &self.smooth, &Rows::of(rows), &self.blocks, &self.device);
        inputs.batch(&(0..rows.rows).collect::<Vec<_>>(), &self.blocks)
    }
}

/// Sequences on their way.
struct Way {
    state: Vec<Tensor<2>>,
    /// The steps before, `[B, I]`; zero at a first step.
    before: Tensor<2>,
    /// How many steps have been, and when the last one came.
    been: Vec<usize>,
    time: Vec<f64>,
    /// The levels of the last step, a list a column that is learnt as its change.
    levels: Vec<Vec<f64>>,
    guards: Vec<Guard>,
}

impl Steps for EventsSampler {
    fn draw(&self, wanted: &Wanted<'_>, rng: &mut Stream) -> Result<Encoded> {
        let count = wanted.lengths.len();
        let longest = wanted.lengths.iter().copied().max().unwrap_or(0);
        let given = Given::new(&self.spec, &self.context_spans);
        let contexts: Vec<Vec<f32>> = (0..count)
            .map(|i| {
                let mut context = Vec::with_capacity(given.width);
                given.context(wanted.context, i, &mut context);
                context
            })
            .collect();
        let zeros = |width: usize| Tensor::<2>::zeros([count, width], &self.device);
        let inputs = self.blocks.width() + self.smooth.len() * tokens::smooth::FUNCTIONS;
        let mut way = Way {
            state: self.net.memory.nothing(count, &self.device),
            before: zeros(inputs),
            been: vec![0; count],
            time: wanted.starts.to_vec(),
            levels: self.first_levels(wanted.context),
            guards: vec![Guard::new(&self.order, &self.spans); count],
        };
        self.recall(wanted, &given, &contexts, &mut way)?;
        // Histories have steps, all of them.
        let begun = wanted.past.is_some();
        let (walk, sums) = self.step.walk()?;
        let since: Vec<(usize, u32)> = self.since().collect();
        let mut drawn: Vec<Encoded> = Vec::with_capacity(longest);
        for t in 0..longest {
            let told = self.told(&given, &contexts, &way, wanted, t);
            let memory = self.net.memory.next(Tensor::cat(vec![way.before.clone(), told.clone()], 1), &mut way.state);
            let sums = sums.repeated(count).given(self.net.told(memory, told));
            let own = self.own(&way, wanted.lengths, t);
            let mut allowed = Allowed::any(self.spans.len());
            for &(c, nothing) in &since {
                // A first step has no step before it, and all others have one.
                allowed.restrict(c, (0..self.spans[c].tokens).map(|k| (k == nothing) == (t == 0 && !begun)).collect());
            }
            let walked = walk.go_guarded(sums, &allowed, &own, rng)?;
            let step = Encoded { rows: count, scalars: vec![Vec::new(); self.spans.len()], tokens: walked.tokens };
            self.pass(&step, &mut way);
            way.before = self.seen(&step);
            drawn.push(step);
        }
        let mut out = Encoded::zeros(&self.spans, 0);
        for (i, &length) in wanted.lengths.iter().enumerate() {
            out.rows += length;
            for (c, tokens) in out.tokens.iter_mut().enumerate() {
                tokens.extend(drawn[..length].iter().map(|step| step.tokens[c][i]));
            }
        }
        Ok(out)
    }

    fn together(&self) -> usize {
        1024
    }

    fn notes(&self) -> Vec<String> {
        self.order.notes(&self.spec)
    }
}

impl EventsSampler {
    /// The columns that say what passed or changed since the step before, and their token of nothing.
    fn since(&self) -> impl Iterator<Item = (usize, u32)> {
        let gap = self.spec.shape.has_gap().then_some(0);
        let columns = gap.into_iter().chain(self.spec.changes.iter().map(|c| c.column));
        columns.filter_map(|c| Some((c, self.spec.steps.columns[c].missing_token()?)))
    }

    /// About where sequences begin, a list a column that is learnt as its change.
    fn first_levels(&self, context: &Encoded) -> Vec<Vec<f64>> {
        let at = self.spec.first_level();
        let level = |k: usize| {
            let codec = &self.spec.context.columns[at + k];
            let middle =
                |&t: &u32| codec.range(t).map_or(self.spec.changes[k].range[0], |(low, high)| (low + high) / 2.0);
            context.tokens[at + k].iter().map(middle).collect()
        };
        (0..self.spec.changes.len()).map(level).collect()
    }

    /// Context and place of the next step of each sequence, `[B, K]`.
    fn told(&self, given: &Given<'_>, contexts: &[Vec<f32>], way: &Way, wanted: &Wanted<'_>, t: usize) -> Tensor<2> {
        let mut told = Vec::with_capacity(contexts.len() * given.width);
        let every = self.spec.shape.clock.every.unwrap_or(0.0);
        for (i, context) in contexts.iter().enumerate() {
            told.extend_from_slice(context);
            given.levels(|k| (way.been[i] > 0).then(|| way.levels[k][i]), &mut told);
            let left = wanted.lengths[i].saturating_sub(t + 1);
            let time = if self.spec.shape.has_gap() { way.time[i] } else { wanted.starts[i] + every * t as f64 };
            given.place(way.been[i], left, time, &mut told);
        }
        Tensor::from_data(TensorData::new(told, [contexts.len(), given.width]), &self.device)
    }

    /// Which tokens each sequence may have next, of the columns that have rules.
    fn own(&self, way: &Way, lengths: &[usize], t: usize) -> Vec<(usize, Vec<Option<Vec<bool>>>)> {
        let column = |c: usize| {
            let row = |i: usize| way.guards[i].allowed(&self.order, c, lengths[i].saturating_sub(t + 1));
            (c, (0..lengths.len()).map(row).collect())
        };
        self.order.columns().into_iter().map(column).collect()
    }

    /// Takes a step that was drawn into account.
    fn pass(&self, step: &Encoded, way: &mut Way) {
        for c in self.order.columns() {
            way.guards.iter_mut().zip(&step.tokens[c]).for_each(|(guard, &token)| guard.took(c, token));
        }
        let gap = self.spec.shape.has_gap().then(|| &self.spec.steps.columns[0]);
        for i in 0..way.been.len() {
            if let Some((low, high)) = gap.and_then(|codec| codec.range(step.tokens[0][i])) {
                way.time[i] += ((low + high) / 2.0).max(0.0);
            }
            for (k, change) in self.spec.changes.iter().enumerate() {
                let token = step.tokens[change.column][i];
                if let Some((low, high)) = self.spec.steps.columns[change.column].range(token) {
                    way.levels[k][i] = change.after(way.levels[k][i], (low + high) / 2.0);
                }
            }
            way.been[i] += 1;
        }
    }

    /// Reads what came before, the last steps of each sequence.
    fn recall(&self, wanted: &Wanted<'_>, given: &Given<'_>, contexts: &[Vec<f32>], way: &mut Way) -> Result<()> {
        let Some(past) = wanted.past else { return Ok(()) };
        let count = contexts.len();
        let length = |i: usize| past.offsets[i + 1] - past.offsets[i];
        let seen = (0..count).map(|i| length(i).min(MEMORY)).max().unwrap_or(0);
        for k in 0..seen {
            // The last step of all comes at the end; who has fewer waits.
            let row = |i: usize| (length(i) + k >= seen).then(|| past.offsets[i + 1] + k - seen);
            let is: Vec<f32> = (0..count).map(|i| f32::from(u8::from(row(i).is_some()))).collect();
            let is = Tensor::<2>::from_data(TensorData::new(is, [count, 1]), &self.device);
            let mut told = Vec::with_capacity(count * given.width);
            for (i, context) in contexts.iter().enumerate() {
                told.extend_from_slice(context);
                let at = row(i).unwrap_or(past.offsets[i]);
                given.levels(|k| (at > past.offsets[i]).then(|| past.levels[k][at - 1]), &mut told);
                let before = at - past.offsets[i];
                let left = length(i) - before + wanted.lengths[i];
                given.place(
                    before,
                    left.saturating_sub(1),
                    time_of(&self.spec, past.times, at, past.offsets[i]),
                    &mut told,
                );
            }
            let told = Tensor::from_data(TensorData::new(told, [count, given.width]), &self.device);
            let mut state = way.state.clone();
            self.net.memory.next(Tensor::cat(vec![way.before.clone(), told], 1), &mut state);
            let keep = |new: Tensor<2>, old: &Tensor<2>| old.clone() + (new - old.clone()) * is.clone();
            way.state = state.into_iter().zip(&way.state).map(|(new, old)| keep(new, old)).collect();
            let rows: Vec<usize> = (0..count).map(|i| row(i).unwrap_or(past.offsets[i])).collect();
            way.before = keep(self.seen(&past.steps.take(&rows)), &way.before);
        }
        for i in 0..count {
            way.been[i] = length(i);
            if length(i) > 0 {
                way.levels.iter_mut().zip(past.levels).for_each(|(level, all)| level[i] = all[past.offsets[i + 1] - 1]);
            }
            if self.spec.shape.has_gap() && length(i) > 0 {
                way.time[i] = past.times[past.offsets[i + 1] - 1];
            }
            for c in self.order.columns() {
                past.steps.tokens[c][past.offsets[i]..past.offsets[i + 1]]
                    .iter()
                    .for_each(|&t| way.guards[i].took(c, t));
            }
        }
        Ok(())
    }
}
