//! Networks of pretrained models: with the tokens that no text holds before their own, and what is learnt of them.

use std::path::Path;
use std::sync::Arc;

use burn::module::{Module as _, Param};
use burn::tensor::{Device, Tensor};

use super::super::base::{Arch, Base, Family, Normed, Product};
use super::super::vocabulary::Vocabulary;
use super::lora::{Adapters, Lora};
use super::net::{Block, Linear, Net, Norm, Shape};
use crate::error::{Error, Result};
use crate::nets::Init;
use crate::nets::params::{weights_of, with_weights};
use crate::weights::Weights;

impl Shape {
    /// That of a pretrained model, with angles for as many positions.
    pub fn of_base(arch: &Arch, positions: usize) -> Shape {
        Shape {
            heads: arch.heads,
            rotary: arch.rotary(positions).map(Arc::new),
            epsilon: arch.epsilon as f32,
            is_gated: arch.family != Family::Gpt2,
        }
    }
}

/// What is known of the new tokens before anything is learnt: texts whose words' rows they begin as.
pub struct Fresh<'a> {
    /// What their tokens are.
    pub vocabulary: &'a Vocabulary,
    /// Names of columns.
    pub columns: &'a [String],
    /// Names of roles.
    pub roles: &'a [String],
}

impl Fresh<'_> {
    /// The rows of the new tokens: the mean of the rows of what they are called, those of begin and end as the model's own end.
    fn rows(&self, words: &[f32], width: usize, end: Option<u32>) -> Result<Vec<f32>> {
        let row = |token: u32| &words[token as usize * width..][..width];
        let first = self.vocabulary.first();
        let named = |name: &str| -> Result<Vec<f32>> {
            let tokens = self.vocabulary.encode(name)?;
            let mut mean = vec![0f32; width];
            for token in &tokens {
                let share = 1.0 / tokens.len() as f32;
                mean.iter_mut().zip(row(token - first)).for_each(|(m, x)| *m += share * x);
            }
            Ok(mean)
        };
        let over = match end.filter(|&token| (token as usize) < words.len() / width) {
            Some(token) => row(token).to_vec(),
            None => named("\n\n")?,
        };
        let mut rows = vec![over.clone(), over, named("\n")?, named(":")?];
        for name in self.columns.iter().chain(self.roles) {
            rows.push(named(name)?);
        }
        Ok(rows.concat())
    }
}

impl Net {
    /// The network of a pretrained model, with rows for the new tokens before those of its own.
    ///
    /// # Errors
    /// When its weights are not as its config says.
    pub fn of_base(base: &mut Base, fresh: &Fresh<'_>, device: &Device) -> Result<Net> {
        let arch = base.arch.clone();
        let (width, heads, units, end) = (arch.width, arch.heads, arch.units, base.end);
        let mut init = Init::new(0, device);
        // Words that the tokenizer does not know are never written.
        let known = fresh.vocabulary.len() - fresh.vocabulary.first() as usize;
        let tokens = fresh.vocabulary.len();
        let rows = |init: &mut Init, words: Vec<f32>| -> Result<Param<Tensor<2>>> {
            let mut words = words;
            words.resize(known * width, 0.0);
            let mut all = fresh.rows(&words, width, end)?;
            all.extend(words);
            Ok(init.param([tokens, width], all))
        };
        let words = base.words()?;
        let words = rows(&mut init, words)?;
        let positions = base.positions()?.map(|numbers| init.param([arch.context, width], numbers));
        let gate = if arch.family == Family::Gpt2 { 1 } else { 2 };
        let mut blocks = Vec::with_capacity(arch.layers);
        for i in 0..arch.layers {
            let block = base.block(i)?;
            let head_norms = match (block.query_norm, block.key_norm) {
                (Some(q), Some(k)) => Some([plain_norm(&mut init, q), plain_norm(&mut init, k)]),
                _ => None,
            };
            blocks.push(Block {
                norm: norm(&mut init, block.norm),
                qkv: linear(&mut init, width, heads.row(), block.qkv),
                head_norms,
                out: linear(&mut init, heads.out(), width, block.out),
                norm_units: norm(&mut init, block.norm_units),
                up: linear(&mut init, width, gate * units, block.up),
                down: linear(&mut init, units, width, block.down),
            });
        }
        let last = base.norm()?;
        let last = norm(&mut init, last);
        let head = match base.head()? {
            Some(words) => Some(rows(&mut init, words)?),
            None => None,
        };
        Ok(Net { words, positions, blocks, norm: last, head })
    }

    /// A network of the same sizes without anything learnt.
    fn blank(arch: &Arch, tokens: usize, device: &Device) -> Net {
        let (width, heads, units) = (arch.width, arch.heads, arch.units);
        let is_gpt2 = arch.family == Family::Gpt2;
        let mut init = Init::new(0, device);
        let zeros = |rows: usize, columns: usize| vec![0f32; rows * columns];
        let normed = |count: usize| Normed { gain: zeros(1, count), shift: is_gpt2.then(|| zeros(1, count)) };
        let product = |inputs: usize, outputs: usize, has_bias: bool| Product {
            weight: zeros(inputs, outputs),
            bias: has_bias.then(|| zeros(1, outputs)),
        };
        let gate = if is_gpt2 { 1 } else { 2 };
        let words = init.param([tokens, width], zeros(tokens, width));
        let positions = is_gpt2.then(|| init.param([arch.context, width], zeros(arch.context, width)));
        let blocks = (0..arch.layers)
            .map(|_| Block {
                norm: norm(&mut init, normed(width)),
                qkv: linear(&mut init, width, heads.row(), product(width, heads.row(), arch.has_bias)),
                head_norms: (arch.family == Family::Qwen3)
                    .then(|| [0; 2].map(|_| plain_norm(&mut init, zeros(1, heads.width)))),
                out: linear(&mut init, heads.out(), width, product(heads.out(), width, is_gpt2)),
                norm_units: norm(&mut init, normed(width)),
                up: linear(&mut init, width, gate * units, product(width, gate * units, is_gpt2)),
                down: linear(&mut init, units, width, product(units, width, is_gpt2)),
            })
            .collect();
        let last = norm(&mut init, normed(width));
        let head = (!arch.is_tied).then(|| init.param([tokens, width], zeros(tokens, width)));
        Net { words, positions, blocks, norm: last, head }
    }
}

fn norm(init: &mut Init, of: Normed) -> Norm {
    let width = of.gain.len();
    Norm { gain: init.param([width], of.gain), shift: of.shift.map(|shift| init.param([width], shift)) }
}

fn plain_norm(init: &mut Init, gain: Vec<f32>) -> Norm {
    norm(init, Normed { gain, shift: None })
}

fn linear(init: &mut Init, inputs: usize, outputs: usize, of: Product) -> Linear {
    Linear { weight: init.param([inputs, outputs], of.weight), bias: of.bias.map(|bias| init.param([outputs], bias)) }
}

/// Adds a whole network, so that the base is not needed again.
///
/// # Errors
/// When the device fails.
pub fn store_whole(net: &Net, arch: &Arch, weights: &mut Weights) -> Result<()> {
    let fail = |e: serde_json::Error| Error::Unwritable { what: "sizes", problem: e.to_string() };
    let bytes = serde_json::to_vec(arch).map_err(fail)?;
    weights.put_u8("arch", &[bytes.len()], bytes);
    weights.extend("net", weights_of(net)?);
    Ok(())
}

/// Adds adapters, and the hash of the model that they belong to.
///
/// # Errors
/// When the device fails.
pub fn store_adapters(adapters: &Adapters, hash: &str, weights: &mut Weights) -> Result<()> {
    weights.put_u8("base_hash", &[hash.len()], hash.as_bytes().to_vec());
    weights.extend("adapters", weights_of(adapters)?);
    Ok(())
}

/// The network that [`store_whole`] or [`store_adapters`] wrote, and its sizes; of adapters the base at `path` is read again.
///
/// # Errors
/// When they are damaged, or the base is not there or another.
pub fn restore(
    path: &Path,
    lora: &Lora,
    fresh: &Fresh<'_>,
    weights: &mut Weights,
    device: &Device,
) -> Result<(Net, Arch)> {
    if weights.has("arch") {
        let (_, bytes) = weights.take_u8("arch")?;
        let bad = |problem: String| Error::Tensor { name: "arch".into(), problem };
        let arch: Arch = serde_json::from_slice(&bytes).map_err(|e| bad(format!("is damaged: {e}")))?;
        let arch = arch.checked(path)?;
        // A damaged header must not decide how much memory is taken.
        let words = fresh.vocabulary.len().saturating_mul(arch.width);
        let block = arch.width.saturating_mul(arch.heads.row().saturating_add(arch.units));
        let positions = if arch.family == Family::Gpt2 { arch.context.saturating_mul(arch.width) } else { 0 };
        let least = words.saturating_add(positions).saturating_add(arch.layers.saturating_mul(block));
        if least > weights.count() {
            return Err(Error::Misfit { sizes: None });
        }
        let net = with_weights(Net::blank(&arch, fresh.vocabulary.len(), device), &mut weights.split_off("net"))?;
        return Ok((net, arch));
    }
    let (_, hash) = weights.take_u8("base_hash")?;
    let mut base = Base::open(path).map_err(|e| Error::Base {
        path: path.to_owned(),
        problem: format!("this model is an adapter of the pretrained model that lay here ({e}); put it there again, or train with merge = true"),
    })?;
    if base.hash.as_bytes() != hash {
        let problem = "is another model than the one that the adapter was trained on; put that one here".into();
        return Err(Error::Base { path: path.to_owned(), problem });
    }
    let net = Net::of_base(&mut base, fresh, device)?;
    let blank = Adapters::new(&net, fresh.vocabulary.first() as usize, lora, 0, device)?;
    let adapters = with_weights(blank, &mut weights.split_off("adapters"))?.valid();
    Ok((adapters.merged(net), base.arch.clone()))
}
