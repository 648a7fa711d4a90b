//! The network: a memory of the steps before, and for each number of a step the parameters of a density, of which each sees the numbers
//! before it in the step.

use std::ops::Range;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};

use super::Config;
use super::levels::PLACE;
use crate::nets::blocks::cap;
use crate::nets::{Blocks, Init, linear, silu, sum};
use crate::series::dense::channels::{Cell, Channels};
use crate::series::memory::Memory;
use verisim_data::table::codec::Span;

/// Scales of a component of a mixture, as logarithms: the least that a density may be concentrated on, and the widest.
pub const SCALES: [f32; 2] = [-4.0, 1.5];
/// Levels are seen up to so many standard deviations.
pub const MOST: f32 = 6.0;

/// What a step is made of, and where it lies among what the network sees and says. Its variables are the label of each column, where it
/// has more than one, and its number; they are drawn in the order of the columns.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Numbers, and channels of a row: numbers, then flags.
    pub values: usize,
    pub channels: usize,
    pub cells: Vec<Cell>,
    /// The first logit of each column's label; none of a column with one label.
    pub logits: Vec<Option<usize>>,
    /// Logits of all labels.
    pub width: usize,
    /// Labels of the columns that have more than one.
    labels: Vec<usize>,
    /// Numbers that a step is told beside.
    pub told: usize,
}

impl Layout {
    pub fn new(channels: &Channels, told: usize) -> Layout {
        let cells = channels.cells();
        let (mut logits, mut labels, mut width) = (Vec::new(), Vec::new(), 0);
        for cell in &cells {
            let n = cell.is_number.len();
            logits.push((n > 1).then_some(width));
            if n > 1 {
                labels.push(n);
                width += n;
            }
        }
        Layout { values: channels.values, channels: channels.width, cells, logits, width, labels, told }
    }

    /// Variables of a step.
    pub fn variables(&self) -> usize {
        self.values + self.labels.len()
    }

    /// The variables in the order in which they are drawn: whose units they have, those of numbers first, what they are seen by, and what they
    /// see before they are drawn.
    fn order(&self) -> Vec<(usize, Vec<usize>, Range<usize>)> {
        let (mut order, mut q) = (Vec::new(), self.values);
        for cell in &self.cells {
            let place = cell.value.map_or(0..0, |at| self.drawn() + at * PLACE..self.drawn() + (at + 1) * PLACE);
            if cell.is_number.len() > 1 {
                order.push((q, cell.flags.clone().map(|f| self.values + f).collect(), place.clone()));
                q += 1;
            }
            order.extend(cell.value.map(|at| (at, vec![at, self.values + at], place)));
        }
        order
    }

    /// Numbers that tell a step: of each number what is new in it and the size of that, then the flags.
    pub fn drawn(&self) -> usize {
        self.channels + self.values
    }

    /// Numbers by which the variables of a step see each other: those, and where each number is expected after the ones before it.
    pub fn seen(&self) -> usize {
        self.drawn() + PLACE * self.values
    }

    /// Numbers by which a step remembers the one before: those that tell it, levels and changes of the numbers, and whether there is one.
    pub fn remembered(&self) -> usize {
        self.drawn() + 2 * self.values + 1
    }

    /// About the numbers of a network of `config`, the largest parts of it.
    pub fn count(&self, config: &Config) -> usize {
        let units = self.variables().saturating_mul(config.units);
        let d = config.width;
        let layers = config.layers.saturating_mul(d.saturating_mul(d).saturating_mul(7));
        layers.saturating_add(units.saturating_mul(d + self.seen()))
    }

    /// Spans of the labels, for [`Blocks`].
    pub fn spans(&self) -> Vec<Span> {
        self.labels.iter().map(|&n| Span { tokens: n as u32, ordered: false, scalar: false }).collect()
    }

    /// `[seen, variables units]`: 1 where a variable may see.
    fn seen_mask(&self, units: usize) -> Vec<f32> {
        let (order, width) = (self.order(), self.variables() * units);
        let mut mask = vec![0f32; self.seen() * width];
        let mut see = |k: usize, unit: usize| mask[k * width + unit * units..][..units].fill(1.0);
        for (i, (own, inputs, place)) in order.iter().enumerate() {
            place.clone().for_each(|k| see(k, *own));
            for (unit, ..) in &order[i + 1..] {
                inputs.iter().copied().chain(place.clone()).for_each(|k| see(k, *unit));
            }
        }
        mask
    }

    /// `[labels units, logits]`: 1 where a logit is one of the variable's own.
    fn logit_mask(&self, units: usize) -> Vec<f32> {
        let mut mask = vec![0f32; self.labels.len() * units * self.width];
        let first = self.logits.iter().flatten();
        for (q, (&n, &first)) in self.labels.iter().zip(first).enumerate() {
            for unit in q * units..(q + 1) * units {
                mask[unit * self.width + first..][..n].fill(1.0);
            }
        }
        mask
    }
}

/// The constants of a layout on a device.
#[derive(Clone, Debug)]
pub struct Masks {
    seen: Tensor<2>,
    labels: Option<(Tensor<2>, Blocks)>,
}

impl Masks {
    pub fn new(layout: &Layout, units: usize, device: &Device) -> Masks {
        let tensor = |v: Vec<f32>, shape: [usize; 2]| Tensor::<2>::from_data(TensorData::new(v, shape), device);
        let q = layout.labels.len();
        let labels = || {
            let mask = tensor(layout.logit_mask(units), [q * units, layout.width]);
            (mask, Blocks::new(&layout.spans(), device))
        };
        let seen = tensor(layout.seen_mask(units), [layout.seen(), layout.variables() * units]);
        Masks { seen, labels: (q > 0).then(labels) }
    }

    pub fn with_gradients(&self) -> Masks {
        let up = |x: &Tensor<2>| Tensor::from_inner(x.clone());
        let labels = self.labels.as_ref().map(|(mask, blocks)| (up(mask), blocks.with_gradients()));
        Masks { seen: up(&self.seen), labels }
    }
}

/// The network. `V` variables have `U` units each.
#[derive(Module, Debug)]
pub struct Net {
    memory: Memory,
    /// `[D + told, V U]`: what the units know of the steps before.
    first: Linear,
    /// `[seen, V U]`: what they know of the step itself.
    pub seen: Param<Tensor<2>>,
    /// `[C, U, 3 K]` and `[C, 1, 3 K]`: weights, means and scales of the mixtures.
    pub mixtures: Option<Param<Tensor<3>>>,
    pub start: Option<Param<Tensor<3>>>,
    /// `[Q U, L]` and `[L]`.
    pub labels: Option<Linear>,
}

/// What one pass is told of windows of `T` steps: what they remember of the step before, `[B T, remembered]`, what they are told, `[B T,
/// told]`, what the variables of a step see, `[B T, seen]`, and dropout of the memory, `[B T, D]`.
pub struct Seen {
    pub remembered: Tensor<2>,
    pub told: Tensor<2>,
    pub seen: Tensor<2>,
    pub dropout: Option<Tensor<2>>,
    pub steps: usize,
}

/// What a pass is scored by: which numbers count, `[B T, C]`, labels, `[B T, L]` one-hot, and which steps count, `[B T, 1]`.
pub struct Target {
    pub numbers: Tensor<2>,
    pub labels: Option<Tensor<2>>,
    pub counts: Tensor<2>,
}

impl Net {
    pub fn new(config: &Config, layout: &Layout, seed: u64, device: &Device) -> Net {
        let mut init = Init::new(seed, device);
        let (d, units, k) = (config.width, config.units, config.components);
        let (inputs, variables, values) = (layout.remembered() + layout.told, layout.variables(), layout.values);
        let memory = Memory::new(inputs, inputs, d, config.layers, &mut init);
        let first = init.linear(d + layout.told, variables * units);
        let seen = init.linear(layout.seen(), variables * units).weight;
        // Components begin side by side, so that no two stay the same.
        let begin = |o: usize| match (o / k, o % k) {
            (1, c) if k > 1 => 2.0 * (2.0 * c as f32 / (k - 1) as f32 - 1.0),
            (2, _) => -0.4,
            _ => 0.0,
        };
        let has_values = values > 0;
        let mixtures = has_values.then(|| init.param([values, units, 3 * k], vec![0.0; values * units * 3 * k]));
        let start = has_values.then(|| {
            let one: Vec<f32> = (0..3 * k).map(begin).collect();
            init.param([values, 1, 3 * k], one.repeat(values))
        });
        let q = layout.labels.len();
        let labels = (q > 0).then(|| init.zero_linear(q * units, layout.width));
        Net { memory, first, seen, mixtures, start, labels }
    }

    /// The memory before the first step of `count` sequences.
    pub fn nothing(&self, count: usize, device: &Device) -> Vec<Tensor<2>> {
        self.memory.nothing(count, device)
    }

    /// What the units of one more step know of the steps before: `[B, V U]`.
    pub fn next(&self, remembered: Tensor<2>, told: Tensor<2>, state: &mut [Tensor<2>]) -> Tensor<2> {
        let h = self.memory.next(Tensor::cat(vec![remembered, told.clone()], 1), state);
        linear(&self.first, Tensor::cat(vec![h, told], 1))
    }

    /// The units of all variables, `[B T, V U]`.
    fn units(&self, x: Seen, masks: &Masks) -> Tensor<2> {
        let h = self.memory.all(Tensor::cat(vec![x.remembered, x.told.clone()], 1), x.steps);
        let h = match x.dropout {
            Some(dropout) => h * dropout,
            None => h,
        };
        let known = linear(&self.first, Tensor::cat(vec![h, x.told], 1));
        silu(known + x.seen.matmul(self.seen.val() * masks.seen.clone()))
    }
}

/// Nats that the steps cost, summed over those that count.
pub fn loss(net: &Net, x: Seen, target: Target, masks: &Masks) -> Tensor<1> {
    let u = x.seen.clone();
    let rows = u.dims()[0];
    let units = net.units(x, masks);
    let mut total: Option<Tensor<1>> = None;
    let mut at = 0;
    if let (Some(mixtures), Some(start)) = (&net.mixtures, &net.start) {
        let [values, each, out] = mixtures.dims();
        at = values * each;
        let own = units.clone().narrow(1, 0, at).reshape([rows, values, each]).swap_dims(0, 1);
        let parameters = own.matmul(mixtures.val()) + start.val();
        let u = u.narrow(1, 0, values).swap_dims(0, 1).reshape([values, rows, 1]);
        let nats = mixture(parameters, u, out / 3).reshape([values, rows]).swap_dims(0, 1);
        total = Some(sum(nats * target.numbers * target.counts.clone()));
    }
    if let (Some(head), Some((mask, blocks)), Some(labels)) = (&net.labels, &masks.labels, target.labels) {
        let width = units.dims()[1];
        let own = units.narrow(1, at, width - at);
        let logits = own.matmul(head.weight.val() * mask.clone());
        let logits = match &head.bias {
            Some(bias) => logits + bias.val().unsqueeze::<2>(),
            None => logits,
        };
        let nats = sum(blocks.cross_entropy(cap(logits), labels) * target.counts);
        total = Some(total.map_or(nats.clone(), |sum| sum + nats));
    }
    total.unwrap_or_else(|| sum(net.seen.val()) * 0.0)
}

/// `-ln p(u)` of mixtures of normal distributions: parameters `[C, N, 3 K]` and `u [C, N, 1]` to `[C, N, 1]`.
fn mixture(parameters: Tensor<3>, u: Tensor<3>, k: usize) -> Tensor<3> {
    let part = |i: usize| parameters.clone().narrow(2, i * k, k);
    let scale = part(2).clamp(SCALES[0], SCALES[1]);
    let away = (u - part(1)) * scale.clone().neg().exp();
    let each = part(0) - scale - away.powi_scalar(2) * 0.5;
    let half = 0.5 * std::f64::consts::TAU.ln();
    lse(part(0)) - lse(each) + half
}

/// `ln sum exp` over the last dimension.
fn lse(x: Tensor<3>) -> Tensor<3> {
    let most = x.clone().detach().max_dim(2);
    (x - most.clone()).exp().sum_dim(2).log() + most
}
