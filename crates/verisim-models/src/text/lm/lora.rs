//! Low-rank adapters (LoRA, Hu et al., 2022): what is learnt beside the weights of a pretrained model, which stay as they are.
//!
//! ```text
//! y = x W + alpha / rank (x A) B        A [inputs, rank] normal, B [rank, outputs] from zero
//! ```
//!
//! The tokens that no text holds (where documents begin and end, roles, columns) are new to a pretrained model; their rows are learnt
//! whole.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::net::{Linear, Net};
use crate::nets::Init;
use crate::nets::rows::project;
use crate::step::tracked;

/// Settings of the adapters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Lora {
    /// Inner width of an adapter.
    pub rank: usize,
    /// What is added is multiplied by `alpha / rank`.
    pub alpha: f64,
    /// Which products have one.
    pub on: Vec<On>,
}

/// A product of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// Queries, keys and values.
    Qkv,
    /// What attention gives.
    Out,
    /// Hidden units.
    Up,
    /// What they give.
    Down,
}

impl Default for Lora {
    fn default() -> Self {
        Lora { rank: 16, alpha: 32.0, on: vec![On::Qkv, On::Out, On::Up, On::Down] }
    }
}

/// All that is learnt beside a network.
#[derive(Module, Debug)]
pub struct Adapters {
    /// Rows of the tokens that are new: `[new, width]`.
    pub new: Param<Tensor<2>>,
    /// Those of the same tokens as they are told to come, where the network tells them apart.
    pub new_told: Option<Param<Tensor<2>>>,
    /// Those of each block.
    pub blocks: Vec<BlockAdapters>,
}

/// The adapters of a block.
#[derive(Module, Debug)]
pub struct BlockAdapters {
    /// Of queries, keys and values.
    pub qkv: Option<Adapter>,
    /// Of what attention gives.
    pub out: Option<Adapter>,
    /// Of hidden units.
    pub up: Option<Adapter>,
    /// Of what they give.
    pub down: Option<Adapter>,
}

/// One adapter.
#[derive(Module, Debug)]
pub struct Adapter {
    /// `[inputs, rank]`.
    pub down: Param<Tensor<2>>,
    /// `[rank, outputs]`.
    pub up: Param<Tensor<2>>,
    scale: f64,
}

impl Adapter {
    fn new(init: &mut Init, of: &Linear, lora: &Lora) -> Adapter {
        let [inputs, outputs] = of.weight.val().dims();
        Adapter {
            down: init.normal(inputs, lora.rank, (inputs as f64).sqrt().recip()),
            up: init.param([lora.rank, outputs], vec![0.0; lora.rank * outputs]),
            scale: lora.alpha / lora.rank as f64,
        }
    }

    /// What it adds.
    pub fn apply(&self, x: Tensor<2>) -> Tensor<2> {
        project(project(x, self.down.val()), self.up.val()) * self.scale
    }

    /// What it adds to the weight.
    pub fn weight(&self) -> Tensor<2> {
        project(self.down.val(), self.up.val()) * self.scale
    }
}

impl Adapters {
    /// Adapters that change nothing yet; the first rows of the words of `net` are those of the `new` tokens.
    pub fn new(net: &Net, new: usize, lora: &Lora, seed: u64, device: &Device) -> crate::Result<Adapters> {
        let mut init = Init::new(seed, device);
        let mut rows = |of: &Param<Tensor<2>>| -> crate::Result<Param<Tensor<2>>> {
            let rows = of.val().narrow(0, 0, new);
            Ok(init.param(rows.dims(), crate::read::numbers(rows)?))
        };
        let words = rows(&net.words)?;
        let new_told = net.head.as_ref().map(rows).transpose()?;
        let blocks = net
            .blocks
            .iter()
            .map(|block| {
                let mut on =
                    |which: On, of: &Linear| lora.on.contains(&which).then(|| Adapter::new(&mut init, of, lora));
                BlockAdapters {
                    qkv: on(On::Qkv, &block.qkv),
                    out: on(On::Out, &block.out),
                    up: on(On::Up, &block.up),
                    down: on(On::Down, &block.down),
                }
            })
            .collect();
        Ok(Adapters { new: words, new_told, blocks })
    }

    /// All rows of words that come in.
    pub fn words(&self, net: &Net) -> Tensor<2> {
        after(&self.new, &net.words)
    }

    /// All rows of words that are told to come.
    pub fn told(&self, net: &Net) -> Tensor<2> {
        match (&self.new_told, &net.head) {
            (Some(new), Some(head)) => after(new, head),
            _ => self.words(net),
        }
    }

    /// The network with what was learnt in its weights.
    pub fn merged(&self, mut net: Net) -> Net {
        let (words, told) = (self.words(&net), self.told(&net));
        net.words = net.words.map(|_| words);
        net.head = net.head.map(|head| head.map(|_| told));
        for (block, adapters) in net.blocks.iter_mut().zip(&self.blocks) {
            let parts = [
                (&mut block.qkv, &adapters.qkv),
                (&mut block.out, &adapters.out),
                (&mut block.up, &adapters.up),
                (&mut block.down, &adapters.down),
            ];
            for (linear, adapter) in parts {
                if let Some(adapter) = adapter {
                    linear.weight = linear.weight.clone().map(|weight| weight + adapter.weight());
                }
            }
        }
        net
    }
}

/// Rows that are new, then those of a network that are not, which are not learnt.
fn after(new: &Param<Tensor<2>>, words: &Param<Tensor<2>>) -> Tensor<2> {
    let (new, words) = (new.val(), words.val());
    let (count, all) = (new.dims()[0], words.dims()[0]);
    let old = words.narrow(0, count, all - count);
    let old = if new.device().is_autodiff() { tracked(old, &new.device()) } else { old };
    Tensor::cat(vec![new, old], 0)
}
