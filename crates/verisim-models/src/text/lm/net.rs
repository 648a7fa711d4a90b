//! The network: blocks of attention and hidden units over tokens, of our own kind or as pretrained models have them.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, activation};

use super::Config;
use super::lora::{Adapter, Adapters};
use crate::nets::Init;
use crate::nets::attention::{Heads, Layout, Rotary, attention};
use crate::nets::rows::{EPSILON, embed, project, rms_norm, swiglu};
use crate::step::tracked;

/// All weights. Products are `x W + b`, weights `[inputs, outputs]`.
#[derive(Module, Debug)]
pub struct Net {
    /// A row a token that comes in: `[tokens, width]`.
    pub words: Param<Tensor<2>>,
    /// What is added for each position, `[positions, width]`, where that is learnt.
    pub positions: Option<Param<Tensor<2>>>,
    /// The blocks.
    pub blocks: Vec<Block>,
    /// The last norm.
    pub norm: Norm,
    /// A row a token that is told to come, where it is not the same: `[tokens, width]`.
    pub head: Option<Param<Tensor<2>>>,
}

/// `x + A(norm(x))`, then `x + F(norm(x))`.
#[derive(Module, Debug)]
pub struct Block {
    /// Before attention.
    pub norm: Norm,
    /// Queries, keys and values: `[width, heads.row()]`.
    pub qkv: Linear,
    /// Norms of each query and each key, `[heads.width]`.
    pub head_norms: Option<[Norm; 2]>,
    /// `[heads.out(), width]`.
    pub out: Linear,
    /// Before the units.
    pub norm_units: Norm,
    /// The gate, and what it lets through, `[width, 2 units]`; or units alone.
    pub up: Linear,
    /// `[units, width]`.
    pub down: Linear,
}

/// A norm: by the root mean square, or with a shift by mean and deviation.
#[derive(Module, Debug)]
pub struct Norm {
    /// What it multiplies by.
    pub gain: Param<Tensor<1>>,
    /// What it adds.
    pub shift: Option<Param<Tensor<1>>>,
}

/// A product, and what is added.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[inputs, outputs]`.
    pub weight: Param<Tensor<2>>,
    /// `[outputs]`.
    pub bias: Option<Param<Tensor<1>>>,
}

/// What does not follow from the weights.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Heads of attention.
    pub heads: Heads,
    /// Angles of positions.
    pub rotary: Option<Arc<Rotary>>,
    /// Added to mean squares.
    pub epsilon: f32,
    /// Whether hidden units have a gate.
    pub is_gated: bool,
}

impl Shape {
    /// That of a network of our own, with angles for as many positions.
    pub fn new(config: &Config, positions: usize) -> Shape {
        let heads = config.heads();
        let rotary = Rotary::new(&Rotary::frequencies(config.theta, heads.width), positions, 1.0);
        Shape { heads, rotary: Some(Arc::new(rotary)), epsilon: EPSILON, is_gated: true }
    }
}

/// A weight as part of the graph that `x` is part of; one that is not learnt is a constant there.
fn beside<const D: usize, const E: usize>(weight: Tensor<D>, x: &Tensor<E>) -> Tensor<D> {
    let device = x.device();
    if device.is_autodiff() && !weight.device().is_autodiff() { tracked(weight, &device) } else { weight }
}

impl Linear {
    fn apply(&self, x: Tensor<2>, adapter: Option<&Adapter>) -> Tensor<2> {
        let mut y = project(x.clone(), beside(self.weight.val(), &x));
        if let Some(bias) = &self.bias {
            y = y + beside(bias.val(), &x).unsqueeze::<2>();
        }
        match adapter {
            Some(adapter) => y + adapter.apply(x),
            None => y,
        }
    }
}

impl Norm {
    /// Gains of 1.
    pub fn new(init: &mut Init, width: usize) -> Norm {
        Norm { gain: init.param([width], vec![1.0; width]), shift: None }
    }

    fn apply(&self, x: Tensor<2>, epsilon: f32) -> Tensor<2> {
        let gain = beside(self.gain.val(), &x);
        let Some(shift) = &self.shift else { return rms_norm(x, gain, epsilon) };
        let shift = beside(shift.val(), &x);
        let x = x.clone() - x.mean_dim(1);
        rms_norm(x, gain, epsilon) + shift.unsqueeze::<2>()
    }
}

impl Net {
    /// Weights from a seed. What a block adds starts small, the smaller the more blocks there are (Radford et al., 2019).
    pub fn new(config: &Config, tokens: usize, seed: u64, device: &Device) -> Net {
        let (width, heads, units) = (config.width, config.heads(), config.units());
        let mut init = Init::new(seed, device);
        let linear = |init: &mut Init, inputs: usize, outputs: usize, by: f64| Linear {
            weight: init.normal(inputs, outputs, by * (inputs as f64).sqrt().recip()),
            bias: None,
        };
        let small = (2.0 * config.layers as f64).sqrt().recip();
        let words = init.normal(tokens, width, 0.5 * (width as f64).sqrt().recip());
        let blocks = (0..config.layers)
            .map(|_| Block {
                norm: Norm::new(&mut init, width),
                qkv: linear(&mut init, width, heads.row(), 1.0),
                head_norms: None,
                out: linear(&mut init, heads.out(), width, small),
                norm_units: Norm::new(&mut init, width),
                up: linear(&mut init, width, 2 * units, 1.0),
                down: linear(&mut init, units, width, small),
            })
            .collect();
        Net { words, positions: None, blocks, norm: Norm::new(&mut init, width), head: None }
    }

    /// How many numbers the weights of a config are.
    pub fn count(config: &Config, tokens: usize) -> usize {
        let (width, heads, units) = (config.width, config.heads(), config.units());
        let block = 2 * width + width * heads.row() + heads.out() * width + 3 * width * units;
        tokens.saturating_mul(width).saturating_add(config.layers.saturating_mul(block)).saturating_add(width)
    }

    /// The rows of tokens that are told to come.
    pub fn told(&self, adapters: Option<&Adapters>) -> Tensor<2> {
        match adapters {
            Some(adapters) => adapters.told(self),
            None => self.head.as_ref().unwrap_or(&self.words).val(),
        }
    }

    /// What is known after each token, `[tokens, width]`, normed: its product with a word is the word's logit. `places` are the tokens'
    /// positions in their documents, `attend` is the attention of a block to its queries, keys and values, and `keep` is applied to what
    /// is added.
    pub fn hidden(
        &self,
        shape: &Shape,
        seen: Seen<'_>,
        mut attend: impl FnMut(usize, Tensor<2>) -> Tensor<2>,
        mut keep: impl FnMut(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let Seen { tokens, places, adapters } = seen;
        let words = match adapters {
            Some(adapters) => adapters.words(self),
            None => self.words.val(),
        };
        let mut x = embed(words, tokens);
        if let Some(positions) = &self.positions {
            x = x.clone() + embed(beside(positions.val(), &x), places);
        }
        x = keep(x);
        for (i, block) in self.blocks.iter().enumerate() {
            let lora = adapters.and_then(|adapters| adapters.blocks.get(i));
            let qkv = block.qkv.apply(block.norm.apply(x.clone(), shape.epsilon), lora.and_then(|l| l.qkv.as_ref()));
            let qkv = match &block.head_norms {
                Some(norms) => headed(qkv, norms, shape),
                None => qkv,
            };
            x = x + keep(block.out.apply(attend(i, qkv), lora.and_then(|l| l.out.as_ref())));
            let normed = block.norm_units.apply(x.clone(), shape.epsilon);
            let up = block.up.apply(normed, lora.and_then(|l| l.up.as_ref()));
            // The hyperbolic tangent's form is the one that GPT-2 was trained with.
            let units = if shape.is_gated { swiglu(up) } else { activation::gelu_approximate(up) };
            x = x + keep(block.down.apply(units, lora.and_then(|l| l.down.as_ref())));
        }
        self.norm.apply(x, shape.epsilon)
    }

    /// [`hidden`](Net::hidden) of sequences side by side.
    pub fn forward(
        &self,
        shape: &Shape,
        tokens: &[u32],
        layout: &Arc<Layout>,
        adapters: Option<&Adapters>,
        keep: impl FnMut(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let length = layout.length;
        let places: Vec<u32> = match self.positions {
            Some(_) => layout.first.iter().enumerate().map(|(row, first)| (row % length) as u32 - first).collect(),
            None => Vec::new(),
        };
        let attend = |_, qkv| attention(qkv, shape.heads, shape.rotary.as_ref(), layout);
        self.hidden(shape, Seen { tokens, places: &places, adapters }, attend, keep)
    }
}

/// What a network looks at.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// Tokens, a row each.
    pub tokens: &'a [u32],
    /// Their positions; empty where the network has learnt none.
    pub places: &'a [u32],
    /// What was learnt besides.
    pub adapters: Option<&'a Adapters>,
}

/// Queries and keys, each normed.
fn headed(qkv: Tensor<2>, norms: &[Norm; 2], shape: &Shape) -> Tensor<2> {
    let Heads { queries, keys, width } = shape.heads;
    let rows = qkv.dims()[0];
    let normed = |from: usize, count: usize, norm: &Norm| {
        let part = qkv.clone().narrow(1, from * width, count * width).reshape([rows * count, width]);
        norm.apply(part, shape.epsilon).reshape([rows, count * width])
    };
    let values = qkv.clone().narrow(1, (queries + keys) * width, keys * width);
    Tensor::cat(vec![normed(0, queries, &norms[0]), normed(queries, keys, &norms[1]), values], 1)
}
