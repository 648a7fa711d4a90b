//! GGUF files, as llama.cpp reads them: metadata, a tokenizer and quantised tensors in one file.
//!
//! Queries and keys of the family of Llama are stored with the halves of each head interleaved, which is undone here.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tokenizers::Tokenizer;
use verisim_data::rng::hash_words;

use super::quant::Store;
use super::{Arch, Base, Family, Scaling, Tensors, bad};
use crate::error::{Error, Result};
use crate::nets::attention::Heads;

/// Most entries of a list, and most bytes of a text, that are read: what is larger is no such file.
const MOST: u64 = 1 << 26;

/// Where a tensor lies.
struct Place {
    store: Store,
    shape: Vec<usize>,
    from: u64,
    bytes: usize,
}

struct Packed {
    path: PathBuf,
    arch: Arch,
    places: HashMap<String, Place>,
}

pub(super) fn open(path: &Path) -> Result<Base> {
    let file = File::open(path).map_err(|e| bad(path, format!("cannot be read: {e}")))?;
    let size = file.metadata().map_err(|e| bad(path, format!("cannot be read: {e}")))?.len();
    let mut reader = Reader { input: BufReader::new(file), path, at: 0 };
    if &reader.bytes(4)? != b"GGUF" {
        return Err(bad(path, "is no GGUF file"));
    }
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return Err(bad(path, format!("is of GGUF version {version}; 2 and 3 are read")));
    }
    let (tensors, entries) = (reader.count()?, reader.count()?);
    let mut about = Map::new();
    for _ in 0..entries {
        let key = reader.text()?;
        let kind = reader.u32()?;
        about.insert(key, reader.value(kind)?);
    }
    let mut places = HashMap::new();
    let mut words = Vec::new();
    for _ in 0..tensors {
        let (name, place) = reader.place()?;
        words.extend(name.bytes().map(u64::from).chain([place.from, place.bytes as u64]));
        places.insert(name, place);
    }
    let align = about.get("general.alignment").and_then(Value::as_u64).unwrap_or(32).max(1);
    let begin = reader.at.div_ceil(align).saturating_mul(align);
    for (name, place) in &mut places {
        place.from = place.from.saturating_add(begin);
        if place.from.saturating_add(place.bytes as u64) > size {
            return Err(bad(path, format!("is damaged: tensor {name:?} ends after the file")));
        }
    }
    let mut packed = Packed { path: path.to_owned(), arch: arch(path, &about, &places)?, places };
    if let Some((_, factors)) = packed.read("rope_freqs.weight")? {
        packed.arch.scaling = Some(Scaling::Each(factors.into_iter().map(f64::from).collect()));
    }
    let end = about.get("tokenizer.ggml.eos_token_id").and_then(Value::as_u64).map(|n| n as u32);
    let tokenizer = tokenizer(path, &about)?;
    // The last norm stands for the numbers of all: no two trainings end with the same.
    if let Some((_, numbers)) = packed.read("output_norm.weight")? {
        words.extend(numbers.iter().map(|x| u64::from(x.to_bits())));
    }
    Ok(Base { arch: packed.arch.clone(), tokenizer, end, hash: hash_words(words), tensors: Box::new(packed) })
}

/// What the metadata say of the sizes.
fn arch(path: &Path, about: &Map<String, Value>, places: &HashMap<String, Place>) -> Result<Arch> {
    let kind = about.get("general.architecture").and_then(Value::as_str).unwrap_or_default();
    let family = match kind {
        "llama" => Family::Llama,
        "qwen2" => Family::Qwen2,
        "qwen3" => Family::Qwen3,
        _ => {
            let read = "llama, qwen2 and qwen3 are read from GGUF";
            return Err(bad(path, format!("is a model of type `{kind}`; {read}")));
        }
    };
    let value = |key: &str| about.get(&format!("{kind}.{key}"));
    let count = |key: &str| value(key).and_then(Value::as_u64).map(|n| n as usize);
    let number = |key: &str| value(key).and_then(Value::as_f64);
    let must = |key: &str| count(key).ok_or_else(|| bad(path, format!("its metadata lack `{kind}.{key}`")));
    let (width, queries) = (must("embedding_length")?, must("attention.head_count")?);
    let scaling = match value("rope.scaling.type").and_then(Value::as_str) {
        None | Some("none") => None,
        Some("linear") => number("rope.scaling.factor").map(Scaling::Linear),
        Some("yarn") => {
            let factor = number("rope.scaling.factor").unwrap_or(1.0);
            let original = number("rope.scaling.original_context_length").unwrap_or(4096.0);
            Some(Scaling::Yarn { factor, original, fast: 32.0, slow: 1.0, scale: 0.1 * factor.ln() + 1.0 })
        }
        Some(other) => return Err(bad(path, format!("stretches positions by `{other}`, which is not read"))),
    };
    let words = places.get("token_embd.weight").and_then(|place| place.shape.first().copied());
    Arch {
        family,
        width,
        layers: must("block_count")?,
        heads: Heads {
            queries,
            keys: count("attention.head_count_kv").unwrap_or(queries),
            width: count("attention.key_length").unwrap_or(width / queries.max(1)),
        },
        units: must("feed_forward_length")?,
        vocabulary: words.unwrap_or(0),
        context: must("context_length")?,
        epsilon: number("attention.layer_norm_rms_epsilon").unwrap_or(1e-6),
        base: number("rope.freq_base").unwrap_or(10_000.0),
        scaling,
        is_tied: !places.contains_key("output.weight"),
        has_bias: places.contains_key("blk.0.attn_q.bias"),
    }
    .checked(path)
}

/// The tokenizer that the metadata describe, as `tokenizer.json` would.
fn tokenizer(path: &Path, about: &Map<String, Value>) -> Result<Tokenizer> {
    /// How texts are cut before pairs are joined, of families that cut alike.
    const SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    let of = |key: &str| about.get(&format!("tokenizer.ggml.{key}"));
    let kind = of("model").and_then(Value::as_str).unwrap_or_default();
    if kind != "gpt2" {
        return Err(bad(path, format!("has a tokenizer of type `{kind}`; byte pairs (`gpt2`) are read")));
    }
    let lacks = |key: &str| bad(path, format!("its metadata lack `tokenizer.ggml.{key}`"));
    let list = |key: &str| of(key).and_then(Value::as_array).ok_or_else(|| lacks(key));
    let (tokens, merges, kinds) = (list("tokens")?, list("merges")?, list("token_type")?);
    let vocabulary: Map<String, Value> =
        tokens.iter().enumerate().filter_map(|(i, token)| Some((token.as_str()?.to_owned(), json!(i)))).collect();
    // Control tokens and those that users added are no text.
    let is_added = |kind: &Value| matches!(kind.as_u64(), Some(3 | 4));
    let added: Vec<Value> = tokens
        .iter()
        .zip(kinds)
        .enumerate()
        .filter(|(_, (_, kind))| is_added(kind))
        .map(|(id, (content, kind))| {
            let special = kind.as_u64() == Some(3);
            json!({"id": id, "content": content, "special": special, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false})
        })
        .collect();
    let level = |regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": regex});
    let split = |digits: &str| {
        let pattern = json!({"Regex": SPLIT.replace("DIGITS", digits)});
        json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": false}, level(false)]})
    };
    let pre = of("pre").and_then(Value::as_str).unwrap_or("gpt-2");
    let cut = match pre {
        "gpt-2" | "default" => level(true),
        "smollm" => {
            json!({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, level(true)]})
        }
        "llama-bpe" | "llama3" => split(r"\p{N}{1,3}"),
        "qwen2" => split(r"\p{N}"),
        other => return Err(bad(path, format!("cuts texts by `{other}`, which is not known"))),
    };
    let whole = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": cut, "post_processor": null, "decoder": level(true),
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
                  "fuse_unk": false, "byte_fallback": false, "ignore_merges": pre.starts_with("llama"), "vocab": vocabulary, "merges": merges},
    });
    Tokenizer::from_bytes(whole.to_string()).map_err(|e| bad(path, format!("its tokenizer cannot be read: {e}")))
}

/// Reads a file from its begin, and counts.
struct Reader<'a> {
    input: BufReader<File>,
    path: &'a Path,
    at: u64,
}

impl Reader<'_> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.input.read_exact(bytes).map_err(|e| bad(self.path, format!("is damaged: {e}")))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn bytes(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0u8; count];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self) -> Result<u64> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// A length, if it is one that can be.
    fn count(&mut self) -> Result<u64> {
        match self.u64()? {
            n if n <= MOST => Ok(n),
            n => Err(bad(self.path, format!("is damaged: a list of {n}"))),
        }
    }

    fn text(&mut self) -> Result<String> {
        let count = self.count()?;
        let bytes = self.bytes(count as usize)?;
        String::from_utf8(bytes).map_err(|e| bad(self.path, format!("is damaged: {e}")))
    }

    fn value(&mut self, kind: u32) -> Result<Value> {
        Ok(match kind {
            0 | 7 => {
                let byte = self.bytes(1)?[0];
                if kind == 7 { json!(byte != 0) } else { json!(byte) }
            }
            1 => json!(self.bytes(1)?[0] as i8),
            2 | 3 => {
                let b = self.bytes(2)?;
                let word = u16::from_le_bytes([b[0], b[1]]);
                if kind == 3 { json!(word as i16) } else { json!(word) }
            }
            4 => json!(self.u32()?),
            5 => json!(self.u32()? as i32),
            6 => json!(f32::from_bits(self.u32()?)),
            8 => json!(self.text()?),
            9 => {
                let (kind, count) = (self.u32()?, self.count()?);
                if kind == 9 {
                    return Err(bad(self.path, "holds a list of lists, which is not read"));
                }
                Value::Array((0..count).map(|_| self.value(kind)).collect::<Result<_>>()?)
            }
            10 => json!(self.u64()?),
            11 => json!(self.u64()? as i64),
            12 => json!(f64::from_bits(self.u64()?)),
            other => return Err(bad(self.path, format!("is damaged: a value of kind {other}"))),
        })
    }

    fn place(&mut self) -> Result<(String, Place)> {
        let name = self.text()?;
        let dims = self.u32()?;
        if dims > 4 {
            return Err(bad(self.path, format!("is damaged: tensor {name:?} has {dims} dimensions")));
        }
        let mut shape = (0..dims).map(|_| self.u64().map(|n| n as usize)).collect::<Result<Vec<usize>>>()?;
        // The fastest comes first there.
        shape.reverse();
        let (kind, from) = (self.u32()?, self.u64()?);
        let store = match kind {
            0 => Store::F32,
            1 => Store::F16,
            2 => Store::Q4_0,
            3 => Store::Q4_1,
            8 => Store::Q8_0,
            30 => Store::Bf16,
            _ => {
                let read = "F32, F16, BF16, Q4_0, Q4_1 and Q8_0 are read";
                return Err(bad(self.path, format!("stores tensor {name:?} as type {kind}; {read}")));
            }
        };
        let count = shape.iter().try_fold(1usize, |all, &n| all.checked_mul(n)).filter(|n| *n < 1 << 40);
        let bytes = count.and_then(|count| store.bytes(count));
        let bytes =
            bytes.ok_or_else(|| bad(self.path, format!("is damaged: tensor {name:?} has a shape that cannot be")))?;
        Ok((name, Place { store, shape, from, bytes }))
    }
}

impl Packed {
    fn read(&self, name: &str) -> Result<Option<(Vec<usize>, Vec<f32>)>> {
        let Some(place) = self.places.get(name) else { return Ok(None) };
        let fail = |e: std::io::Error| Error::Base { path: self.path.clone(), problem: format!("cannot be read: {e}") };
        let mut file = File::open(&self.path).map_err(fail)?;
        file.seek(SeekFrom::Start(place.from)).map_err(fail)?;
        let mut bytes = vec![0u8; place.bytes];
        file.read_exact(&mut bytes).map_err(fail)?;
        Ok(Some((place.shape.clone(), place.store.numbers(&bytes))))
    }
}

/// The name of a tensor in such a file.
fn named(name: &str) -> Option<String> {
    let last = |rest: &str| -> Option<&'static str> {
        Some(match rest {
            "input_layernorm.weight" => "attn_norm.weight",
            "self_attn.q_proj.weight" => "attn_q.weight",
            "self_attn.k_proj.weight" => "attn_k.weight",
            "self_attn.v_proj.weight" => "attn_v.weight",
            "self_attn.q_proj.bias" => "attn_q.bias",
            "self_attn.k_proj.bias" => "attn_k.bias",
            "self_attn.v_proj.bias" => "attn_v.bias",
            "self_attn.q_norm.weight" => "attn_q_norm.weight",
            "self_attn.k_norm.weight" => "attn_k_norm.weight",
            "self_attn.o_proj.weight" => "attn_output.weight",
            "post_attention_layernorm.weight" => "ffn_norm.weight",
            "mlp.gate_proj.weight" => "ffn_gate.weight",
            "mlp.up_proj.weight" => "ffn_up.weight",
            "mlp.down_proj.weight" => "ffn_down.weight",
            _ => return None,
        })
    };
    match name {
        "model.embed_tokens.weight" => Some("token_embd.weight".into()),
        "model.norm.weight" => Some("output_norm.weight".into()),
        "lm_head.weight" => Some("output.weight".into()),
        _ => {
            let (block, rest) = name.strip_prefix("model.layers.")?.split_once('.')?;
            Some(format!("blk.{block}.{}", last(rest)?))
        }
    }
}

impl Tensors for Packed {
    fn tensor(&mut self, name: &str) -> Result<Option<(Vec<usize>, Vec<f32>)>> {
        let Some(stored) = named(name) else { return Ok(None) };
        let found = self.read(&stored)?;
        let is_turned = ["attn_q.", "attn_k."].iter().any(|part| stored.contains(part));
        Ok(match found {
            Some((shape, numbers)) if is_turned && self.arch.family == Family::Llama => {
                let columns = numbers.len() / shape.first().copied().unwrap_or(1).max(1);
                Some((shape, halves(&numbers, self.arch.heads.width, columns)))
            }
            found => found,
        })
    }
}

/// Rows of heads whose pairs stand beside each other, as heads of two halves.
fn halves(rows: &[f32], width: usize, columns: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows.len());
    for head in rows.chunks_exact(width * columns) {
        for half in 0..2 {
            (0..width / 2).for_each(|i| out.extend_from_slice(&head[(2 * i + half) * columns..][..columns]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_become_halves() {
        let rows: Vec<f32> = (0..16).map(|i| i as f32).collect();
        // Two heads of four rows of two numbers.
        assert_eq!(halves(&rows, 4, 2)[..8], [0.0, 1.0, 4.0, 5.0, 2.0, 3.0, 6.0, 7.0]);
        assert_eq!(halves(&rows, 4, 2)[8..], [8.0, 9.0, 12.0, 13.0, 10.0, 11.0, 14.0, 15.0]);
    }

    #[test]
    fn names_are_those_of_the_file() {
        assert_eq!(named("model.layers.12.mlp.up_proj.weight").as_deref(), Some("blk.12.ffn_up.weight"));
        assert_eq!(named("lm_head.weight").as_deref(), Some("output.weight"));
        assert_eq!(named("model.layers.1.mlp.experts.weight"), None);
    }
}
