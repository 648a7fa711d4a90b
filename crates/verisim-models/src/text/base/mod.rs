//! Pretrained language models: read from the folders and files that they are handed out in.
//!
//! A Hugging Face folder has `config.json`, `tokenizer.json` and one or several `.safetensors` files; a GGUF file has all in one, mostly
//! quantised. What they are is read from them, never from a table of names. Families: Llama (SmolLM among them), Qwen 2 and 2.5, Qwen 3,
//! GPT-2 (folders only).

mod arch;
mod folder;
mod gguf;
mod quant;

use std::path::Path;

use tokenizers::Tokenizer;

pub use arch::{Arch, Family, Scaling};

use crate::error::{Error, Result};

/// A pretrained model, opened; its weights are read one by one.
pub struct Base {
    /// Its sizes.
    pub arch: Arch,
    /// How it reads text.
    pub tokenizer: Tokenizer,
    /// The token that ends a document, if there is one.
    pub end: Option<u32>,
    /// A hash of its weights' files, so that an adapter is not put on another model.
    pub hash: String,
    tensors: Box<dyn Tensors>,
}

/// Tensors by the names that Hugging Face gives them.
trait Tensors {
    /// Shape and numbers, row by row; `None` where there is no such tensor.
    fn tensor(&mut self, name: &str) -> Result<Option<(Vec<usize>, Vec<f32>)>>;
}

/// What is wrong with a pretrained model.
fn bad(path: &Path, problem: impl Into<String>) -> Error {
    Error::Base { path: path.to_owned(), problem: problem.into() }
}

impl Base {
    /// Opens the model at `path`.
    ///
    /// # Errors
    /// When there is none, or it is of a family that is not read.
    pub fn open(path: &Path) -> Result<Base> {
        match path.is_dir() {
            true => folder::open(path),
            false if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf")) => gguf::open(path),
            false if path.exists() => Err(bad(path, "is no model: give a folder with config.json, or a .gguf file")),
            false => Err(bad(path, "there is no such file or folder")),
        }
    }

    /// A matrix `[rows, columns]`, turned where `is_turned` so that products are `x W`.
    fn matrix(&mut self, name: &str, shape: [usize; 2], is_turned: bool) -> Result<Vec<f32>> {
        let (found, numbers) = self.must(name)?;
        let wanted = if is_turned { [shape[1], shape[0]] } else { shape };
        if found != wanted {
            return Err(Error::Tensor {
                name: name.into(),
                problem: format!("has shape {found:?}, its config says {wanted:?}"),
            });
        }
        Ok(if is_turned { transposed(&numbers, wanted[0], wanted[1]) } else { numbers })
    }

    fn must(&mut self, name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
        let missing = || Error::Tensor { name: name.into(), problem: "is missing".into() };
        self.tensors.tensor(name)?.ok_or_else(missing)
    }

    /// A list of so many numbers.
    fn vector(&mut self, name: &str, count: usize) -> Result<Vec<f32>> {
        let (_, numbers) = self.must(name)?;
        match numbers.len() == count {
            true => Ok(numbers),
            false => {
                let problem = format!("has {} numbers, its config says {count}", numbers.len());
                Err(Error::Tensor { name: name.into(), problem })
            }
        }
    }

    /// The rows of words, `[vocabulary, width]`.
    ///
    /// # Errors
    /// When they are not as the config says.
    pub fn words(&mut self) -> Result<Vec<f32>> {
        let (shape, name) = ([self.arch.vocabulary, self.arch.width], self.arch.names().words);
        self.matrix(name, shape, false)
    }

    /// The rows of words that are told to come, where they are others than those that come in.
    ///
    /// # Errors
    /// As of [`words`](Base::words).
    pub fn head(&mut self) -> Result<Option<Vec<f32>>> {
        if self.arch.is_tied {
            return Ok(None);
        }
        self.matrix("lm_head.weight", [self.arch.vocabulary, self.arch.width], false).map(Some)
    }

    /// What is added to the words of each position, `[positions, width]`, where the model has learnt that.
    ///
    /// # Errors
    /// As of [`words`](Base::words).
    pub fn positions(&mut self) -> Result<Option<Vec<f32>>> {
        match self.arch.names().positions {
            Some(name) => self.matrix(name, [self.arch.context, self.arch.width], false).map(Some),
            None => Ok(None),
        }
    }

    /// The last norm: gain, and what is added.
    ///
    /// # Errors
    /// As of [`words`](Base::words).
    pub fn norm(&mut self) -> Result<Normed> {
        let name = self.arch.names().norm;
        self.normed(name)
    }

    fn normed(&mut self, name: &str) -> Result<Normed> {
        let (width, has_shift) = (self.arch.width, self.arch.family == Family::Gpt2);
        let gain = self.vector(&format!("{name}.weight"), width)?;
        let shift = if has_shift { Some(self.vector(&format!("{name}.bias"), width)?) } else { None };
        Ok(Normed { gain, shift })
    }

    /// The weights of block `i`.
    ///
    /// # Errors
    /// As of [`words`](Base::words).
    pub fn block(&mut self, i: usize) -> Result<Block> {
        match self.arch.family {
            Family::Gpt2 => self.gpt2_block(i),
            _ => self.llama_block(i),
        }
    }

    fn llama_block(&mut self, i: usize) -> Result<Block> {
        let arch = self.arch.clone();
        let (width, heads, units) = (arch.width, arch.heads, arch.units);
        let at = |name: &str| format!("model.layers.{i}.{name}");
        let (queries, keys) = (heads.out(), heads.keys * heads.width);
        let mut qkv = Vec::new();
        let mut bias = Vec::new();
        for (name, count) in [("q", queries), ("k", keys), ("v", keys)] {
            // Rows are put one below the other and turned together.
            qkv.extend(self.matrix(&at(&format!("self_attn.{name}_proj.weight")), [count, width], false)?);
            if arch.has_bias {
                bias.extend(self.vector(&at(&format!("self_attn.{name}_proj.bias")), count)?);
            }
        }
        let mut up = self.matrix(&at("mlp.gate_proj.weight"), [units, width], false)?;
        up.extend(self.matrix(&at("mlp.up_proj.weight"), [units, width], false)?);
        let head_norm = |base: &mut Base, name: &str| match arch.family {
            Family::Qwen3 => base.vector(&at(&format!("self_attn.{name}_norm.weight")), heads.width).map(Some),
            _ => Ok(None),
        };
        Ok(Block {
            norm: self.normed(&at("input_layernorm"))?,
            qkv: Product { weight: transposed(&qkv, heads.row(), width), bias: arch.has_bias.then_some(bias) },
            query_norm: head_norm(self, "q")?,
            key_norm: head_norm(self, "k")?,
            out: Product::plain(self.matrix(&at("self_attn.o_proj.weight"), [queries, width], true)?),
            norm_units: self.normed(&at("post_attention_layernorm"))?,
            up: Product::plain(transposed(&up, 2 * units, width)),
            down: Product::plain(self.matrix(&at("mlp.down_proj.weight"), [units, width], true)?),
        })
    }

    /// Its matrices are `[inputs, outputs]` already.
    fn gpt2_block(&mut self, i: usize) -> Result<Block> {
        let (width, row, units) = (self.arch.width, self.arch.heads.row(), self.arch.units);
        let at = |name: &str| format!("h.{i}.{name}");
        let mut product = |name: &str, inputs: usize, outputs: usize| -> Result<Product> {
            let weight = self.matrix(&at(&format!("{name}.weight")), [inputs, outputs], false)?;
            Ok(Product { weight, bias: Some(self.vector(&at(&format!("{name}.bias")), outputs)?) })
        };
        let (qkv, out) = (product("attn.c_attn", width, row)?, product("attn.c_proj", width, width)?);
        let (up, down) = (product("mlp.c_fc", width, units)?, product("mlp.c_proj", units, width)?);
        let (norm, norm_units) = (self.normed(&at("ln_1"))?, self.normed(&at("ln_2"))?);
        Ok(Block { norm, qkv, query_norm: None, key_norm: None, out, norm_units, up, down })
    }
}

/// The weights of a norm.
#[derive(Clone, Debug, PartialEq)]
pub struct Normed {
    /// What it multiplies by.
    pub gain: Vec<f32>,
    /// What it adds, where it takes the mean away first.
    pub shift: Option<Vec<f32>>,
}

/// The weights of a product, `[inputs, outputs]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// The matrix.
    pub weight: Vec<f32>,
    /// What is added.
    pub bias: Option<Vec<f32>>,
}

impl Product {
    fn plain(weight: Vec<f32>) -> Product {
        Product { weight, bias: None }
    }
}

/// The weights of a block.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Before attention.
    pub norm: Normed,
    /// Queries, keys and values.
    pub qkv: Product,
    /// Of each query, where it is normed.
    pub query_norm: Option<Vec<f32>>,
    /// Of each key.
    pub key_norm: Option<Vec<f32>>,
    /// After attention.
    pub out: Product,
    /// Before the units.
    pub norm_units: Normed,
    /// Gate and units, or units alone.
    pub up: Product,
    /// After the units.
    pub down: Product,
}

/// A matrix of `rows` rows, turned.
fn transposed(numbers: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    /// A square that stays in cache.
    const SIDE: usize = 32;
    let mut out = vec![0f32; numbers.len()];
    for top in (0..rows).step_by(SIDE) {
        for left in (0..columns).step_by(SIDE) {
            for i in top..(top + SIDE).min(rows) {
                for j in left..(left + SIDE).min(columns) {
                    out[j * rows + i] = numbers[i * columns + j];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_turned() {
        let numbers: Vec<f32> = (0..6).map(|i| i as f32).collect();
        assert_eq!(transposed(&numbers, 2, 3), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let many: Vec<f32> = (0..70 * 45).map(|i| i as f32).collect();
        assert_eq!(transposed(&transposed(&many, 70, 45), 45, 70), many);
    }
}
