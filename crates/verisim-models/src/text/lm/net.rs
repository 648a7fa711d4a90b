//! The network: blocks of attention and gated units over tokens.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::Config;
use crate::nets::Init;
use crate::nets::attention::{Heads, Layout, Rotary, attention};
use crate::nets::rows::{EPSILON, embed, project, rms_norm, swiglu};

/// All weights. Products are `x W`, weights `[inputs, outputs]`.
#[derive(Module, Debug)]
pub struct Net {
    /// A row a token, for tokens that come in and for those that are told to come: `[tokens, width]`.
    pub words: Param<Tensor<2>>,
    blocks: Vec<Block>,
    /// `[width]`.
    norm: Param<Tensor<1>>,
}

/// `x + A(norm(x))`, then `x + F(norm(x))`.
#[derive(Module, Debug)]
struct Block {
    /// `[width]`.
    norm: Param<Tensor<1>>,
    /// Queries, keys and values: `[width, heads.row()]`.
    qkv: Param<Tensor<2>>,
    /// `[heads.out(), width]`.
    out: Param<Tensor<2>>,
    /// `[width]`.
    norm_units: Param<Tensor<1>>,
    /// The gate, and what it lets through: `[width, 2 units]`.
    up: Param<Tensor<2>>,
    /// `[units, width]`.
    down: Param<Tensor<2>>,
}

/// Sizes that do not follow from the weights.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Heads of attention.
    pub heads: Heads,
    /// Angles of positions.
    pub rotary: Arc<Rotary>,
}

impl Shape {
    /// The sizes of a config, with angles for as many positions.
    pub fn new(config: &Config, positions: usize) -> Shape {
        let heads = config.heads();
        let rotary = Rotary::new(&Rotary::frequencies(config.base, heads.width), positions, 1.0);
        Shape { heads, rotary: Arc::new(rotary) }
    }
}

impl Net {
    /// Weights from a seed. What a block adds starts small, the smaller the more blocks there are (Radford et al., 2019).
    pub fn new(config: &Config, tokens: usize, seed: u64, device: &Device) -> Net {
        let (width, heads, units) = (config.width, config.heads(), config.units());
        let mut init = Init::new(seed, device);
        let of = |inputs: usize| (inputs as f64).sqrt().recip();
        let small = (2.0 * config.layers as f64).sqrt().recip();
        let words = init.normal(tokens, width, 0.5 * of(width));
        let blocks = (0..config.layers)
            .map(|_| Block {
                norm: init.param([width], vec![1.0; width]),
                qkv: init.normal(width, heads.row(), of(width)),
                out: init.normal(heads.out(), width, small * of(heads.out())),
                norm_units: init.param([width], vec![1.0; width]),
                up: init.normal(width, 2 * units, of(width)),
                down: init.normal(units, width, small * of(units)),
            })
            .collect();
        Net { words, blocks, norm: init.param([width], vec![1.0; width]) }
    }

    /// How many numbers the weights of a config are.
    pub fn count(config: &Config, tokens: usize) -> usize {
        let (width, heads, units) = (config.width, config.heads(), config.units());
        let block = 2 * width + width * heads.row() + heads.out() * width + 3 * width * units;
        tokens.saturating_mul(width).saturating_add(config.layers.saturating_mul(block)).saturating_add(width)
    }

    /// How many blocks there are.
    pub fn layers(&self) -> usize {
        self.blocks.len()
    }

    /// What is known after each token, `[tokens, width]`, normed: its product with a word is the word's logit. `attend` is the attention of
    /// a block to its queries, keys and values; `keep` is applied to what is added.
    pub fn hidden(
        &self,
        tokens: &[u32],
        mut attend: impl FnMut(usize, Tensor<2>) -> Tensor<2>,
        mut keep: impl FnMut(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let mut x = keep(embed(self.words.val(), tokens));
        for (i, block) in self.blocks.iter().enumerate() {
            let qkv = project(rms_norm(x.clone(), block.norm.val(), EPSILON), block.qkv.val());
            x = x + keep(project(attend(i, qkv), block.out.val()));
            let units = project(rms_norm(x.clone(), block.norm_units.val(), EPSILON), block.up.val());
            x = x + keep(project(swiglu(units), block.down.val()));
        }
        rms_norm(x, self.norm.val(), EPSILON)
    }

    /// [`hidden`](Net::hidden) of sequences side by side.
    pub fn forward(
        &self,
        shape: &Shape,
        tokens: &[u32],
        layout: &Arc<Layout>,
        keep: impl FnMut(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        self.hidden(tokens, |_, qkv| attention(qkv, shape.heads, Some(&shape.rotary), layout), keep)
    }
}
