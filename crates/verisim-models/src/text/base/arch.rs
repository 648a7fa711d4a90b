//! What a pretrained model is, as its own config says.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bad;
use crate::error::Result;
use crate::nets::attention::{Heads, Rotary};

/// Families whose blocks differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Family {
    /// Llama, SmolLM, Mistral without its window.
    Llama,
    /// Qwen 2 and 2.5: queries, keys and values have a bias.
    Qwen2,
    /// Qwen 3: each query and key is normed.
    Qwen3,
    /// GPT-2: layer norm, learnt positions, GELU.
    Gpt2,
}

/// How the angles of positions are stretched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Scaling {
    /// All by one factor.
    Linear(f64),
    /// Slow ones by a factor, fast ones not (Llama 3).
    Llama3 {
        /// The factor.
        factor: f64,
        /// Below this many turns in the original context an angle is slow.
        low: f64,
        /// Above this many it is fast.
        high: f64,
        /// The original context.
        original: f64,
    },
    /// Slow ones by a factor, and all logits sharpened (YaRN, Peng et al., 2023).
    Yarn {
        /// The factor.
        factor: f64,
        /// The original context.
        original: f64,
        /// Turns in the original context above which an angle is fast.
        fast: f64,
        /// Turns below which it is slow.
        slow: f64,
        /// What cosines and sines are multiplied by.
        scale: f64,
    },
    /// Each by a factor of its own, which it is divided by.
    Each(Vec<f64>),
}

/// The sizes of a pretrained model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arch {
    /// Its family.
    pub family: Family,
    /// Numbers of a token.
    pub width: usize,
    /// Blocks.
    pub layers: usize,
    /// Heads of attention.
    pub heads: Heads,
    /// Hidden units of a block.
    pub units: usize,
    /// Tokens that it knows.
    pub vocabulary: usize,
    /// Tokens that it sees at most.
    pub context: usize,
    /// Added to mean squares.
    pub epsilon: f64,
    /// Base of the angles of positions.
    pub base: f64,
    /// How they are stretched.
    pub scaling: Option<Scaling>,
    /// Whether the words that come in are those that go out.
    pub is_tied: bool,
    /// Whether queries, keys and values have a bias.
    pub has_bias: bool,
}

/// Names of tensors that differ from family to family.
pub(super) struct Names {
    pub words: &'static str,
    pub positions: Option<&'static str>,
    pub norm: &'static str,
}

impl Arch {
    pub(super) fn names(&self) -> Names {
        match self.family {
            Family::Gpt2 => Names { words: "wte.weight", positions: Some("wpe.weight"), norm: "ln_f" },
            _ => Names { words: "model.embed_tokens.weight", positions: None, norm: "model.norm" },
        }
    }

    /// The angles of as many positions; none of a model that has learnt positions.
    pub fn rotary(&self, positions: usize) -> Option<Rotary> {
        if self.family == Family::Gpt2 {
            return None;
        }
        let mut frequencies = Rotary::frequencies(self.base, self.heads.width);
        let mut scale = 1.0;
        match &self.scaling {
            None => {}
            Some(Scaling::Linear(factor)) => frequencies.iter_mut().for_each(|f| *f /= factor),
            Some(Scaling::Each(factors)) => frequencies.iter_mut().zip(factors).for_each(|(f, by)| *f /= by),
            Some(Scaling::Llama3 { factor, low, high, original }) => {
                for f in &mut frequencies {
                    let turns = original * *f / std::f64::consts::TAU;
                    let share = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                    *f = (1.0 - share) * *f / factor + share * *f;
                }
            }
            Some(Scaling::Yarn { factor, original, fast, slow, scale: by }) => {
                scale = *by;
                let width = self.heads.width as f64;
                // The pair whose angle makes so many turns.
                let pair =
                    |turns: f64| width * (original / (turns * std::f64::consts::TAU)).ln() / (2.0 * self.base.ln());
                let (from, to) = (pair(*fast).floor().max(0.0), pair(*slow).ceil().min(width - 1.0));
                for (i, f) in frequencies.iter_mut().enumerate() {
                    let slow = ((i as f64 - from) / (to - from).max(1e-3)).clamp(0.0, 1.0);
                    *f = slow * *f / factor + (1.0 - slow) * *f;
                }
            }
        }
        Some(Rotary::new(&frequencies, positions, scale))
    }

    /// What a `config.json` says.
    pub(super) fn of_json(path: &Path, config: &Value) -> Result<Arch> {
        let kind = config.get("model_type").and_then(Value::as_str).unwrap_or_default();
        let family = match kind {
            "llama" | "mistral" => Family::Llama,
            "qwen2" => Family::Qwen2,
            "qwen3" => Family::Qwen3,
            "gpt2" => Family::Gpt2,
            _ => {
                let read = "llama, mistral, qwen2, qwen3 and gpt2 are read";
                return Err(bad(path, format!("is a model of type `{kind}`; {read}")));
            }
        };
        let number = |key: &str| config.get(key).and_then(Value::as_f64);
        let count = |key: &str| config.get(key).and_then(Value::as_u64).map(|n| n as usize);
        let must = |key: &str| count(key).ok_or_else(|| bad(path, format!("its config.json lacks `{key}`")));
        let flag = |key: &str, default: bool| config.get(key).and_then(Value::as_bool).unwrap_or(default);
        if family == Family::Gpt2 {
            let (width, heads) = (must("n_embd")?, must("n_head")?);
            return Arch {
                family,
                width,
                layers: must("n_layer")?,
                heads: Heads { queries: heads, keys: heads, width: width / heads.max(1) },
                units: count("n_inner").unwrap_or(4 * width),
                vocabulary: must("vocab_size")?,
                context: must("n_positions")?,
                epsilon: number("layer_norm_epsilon").unwrap_or(1e-5),
                base: 10_000.0,
                scaling: None,
                is_tied: flag("tie_word_embeddings", true),
                has_bias: true,
            }
            .checked(path);
        }
        if count("sliding_window").is_some() && flag("use_sliding_window", family == Family::Llama) {
            return Err(bad(path, "attends within a sliding window, which is not read"));
        }
        let (width, queries) = (must("hidden_size")?, must("num_attention_heads")?);
        // Newer configs keep both under one key.
        let rope = config.get("rope_parameters");
        let rope_number = |key: &str| rope.and_then(|rope| rope.get(key)).and_then(Value::as_f64);
        let scaling = rope.or_else(|| config.get("rope_scaling")).filter(|s| s.is_object());
        Arch {
            family,
            width,
            layers: must("num_hidden_layers")?,
            heads: Heads {
                queries,
                keys: count("num_key_value_heads").unwrap_or(queries),
                width: count("head_dim").unwrap_or(width / queries.max(1)),
            },
            units: must("intermediate_size")?,
            vocabulary: must("vocab_size")?,
            context: must("max_position_embeddings")?,
            epsilon: number("rms_norm_eps").unwrap_or(1e-6),
            base: rope_number("rope_theta").or(number("rope_theta")).unwrap_or(10_000.0),
            scaling: scaling
                .map(|scaling| Scaling::of_json(path, scaling, count("max_position_embeddings")))
                .transpose()?
                .flatten(),
            is_tied: flag("tie_word_embeddings", false),
            has_bias: flag("attention_bias", family == Family::Qwen2),
        }
        .checked(path)
    }

    /// Refuses sizes that make no network.
    pub(crate) fn checked(self, path: &Path) -> Result<Arch> {
        let Heads { queries, keys, width } = self.heads;
        let sizes = [self.width, self.layers, queries, keys, width, self.units, self.vocabulary, self.context];
        let fits = sizes.iter().all(|&n| n > 0 && n < 1 << 24) && queries % keys.max(1) == 0 && width.is_multiple_of(2);
        match fits {
            true => Ok(self),
            false => Err(bad(path, "has sizes that make no network; is its config damaged?")),
        }
    }
}

impl Scaling {
    fn of_json(path: &Path, scaling: &Value, context: Option<usize>) -> Result<Option<Scaling>> {
        let kind =
            scaling.get("rope_type").or_else(|| scaling.get("type")).and_then(Value::as_str).unwrap_or("default");
        let number = |key: &str| scaling.get(key).and_then(Value::as_f64);
        let must = |key: &str| number(key).ok_or_else(|| bad(path, format!("its rope_scaling lacks `{key}`")));
        let original = || number("original_max_position_embeddings").or(context.map(|n| n as f64));
        let lacks = || bad(path, "its rope_scaling lacks `original_max_position_embeddings`");
        Ok(match kind {
            // What is dynamic changes nothing within the context that the model was trained for, and no more is asked of it.
            "default" | "dynamic" => None,
            "linear" => Some(Scaling::Linear(must("factor")?)),
            "llama3" => Some(Scaling::Llama3 {
                factor: must("factor")?,
                low: must("low_freq_factor")?,
                high: must("high_freq_factor")?,
                original: original().ok_or_else(lacks)?,
            }),
            "yarn" => {
                let factor = must("factor")?;
                let scale = number("attention_factor").unwrap_or(0.1 * factor.ln() + 1.0);
                let (fast, slow) = (number("beta_fast").unwrap_or(32.0), number("beta_slow").unwrap_or(1.0));
                Some(Scaling::Yarn { factor, original: original().ok_or_else(lacks)?, fast, slow, scale })
            }
            other => return Err(bad(path, format!("stretches positions by `{other}`, which is not read"))),
        })
    }
}
