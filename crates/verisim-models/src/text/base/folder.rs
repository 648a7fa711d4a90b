//! Hugging Face folders: `config.json`, `tokenizer.json`, and weights as `.safetensors`, in one file or several.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokenizers::Tokenizer;
use verisim_data::rng::hash_words;

use super::quant::Store;
use super::{Arch, Base, Family, Tensors, bad};
use crate::error::{Error, Result};

/// Where a tensor lies.
struct Place {
    file: PathBuf,
    store: Store,
    shape: Vec<usize>,
    from: u64,
    bytes: usize,
}

struct Files(HashMap<String, Place>);

pub(super) fn open(folder: &Path) -> Result<Base> {
    let json = |name: &str| -> Result<Value> {
        let path = folder.join(name);
        let text = std::fs::read(&path).map_err(|e| bad(&path, format!("cannot be read: {e}")))?;
        serde_json::from_slice(&text).map_err(|e| bad(&path, format!("is no JSON: {e}")))
    };
    let config = json("config.json")?;
    let arch = Arch::of_json(folder, &config)?;
    let path = folder.join("tokenizer.json");
    let mut tokenizer = Tokenizer::from_file(&path).map_err(|e| bad(&path, format!("cannot be read: {e}")))?;
    // What is cut or filled up for a batch there would be here, too.
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|e| bad(&path, format!("cannot be read: {e}")))?;
    let mut places = HashMap::new();
    let mut words = Vec::new();
    for file in weights(folder)? {
        let header = header(&file, &mut places)?;
        words.extend(header.bytes().map(u64::from));
        words.extend(samples(&file)?);
    }
    let end = match config.get("eos_token_id") {
        Some(Value::Array(all)) => all.first().and_then(Value::as_u64),
        Some(one) => one.as_u64(),
        None => None,
    };
    // Some folders name their tensors below the whole model's name.
    if arch.family == Family::Gpt2 {
        places =
            places.into_iter().map(|(n, p)| (n.strip_prefix("transformer.").unwrap_or(&n).to_owned(), p)).collect();
    }
    let is_tied = arch.is_tied || !places.contains_key("lm_head.weight");
    let hash = hash_words(words);
    Ok(Base {
        arch: Arch { is_tied, ..arch },
        tokenizer,
        end: end.map(|n| n as u32),
        hash,
        tensors: Box::new(Files(places)),
    })
}

/// Bytes here and there of a file: models of one family differ in nothing else.
fn samples(path: &Path) -> Result<Vec<u64>> {
    const PLACES: u64 = 64;
    const BYTES: usize = 256;
    let fail = |e: std::io::Error| bad(path, format!("cannot be read: {e}"));
    let mut file = File::open(path).map_err(fail)?;
    let size = file.metadata().map_err(fail)?.len();
    let mut words = vec![size];
    for place in 0..PLACES {
        file.seek(SeekFrom::Start(size / PLACES * place)).map_err(fail)?;
        let mut bytes = Vec::new();
        (&mut file).take(BYTES as u64).read_to_end(&mut bytes).map_err(fail)?;
        words.extend(bytes.into_iter().map(u64::from));
    }
    Ok(words)
}

fn weights(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|e| bad(folder, format!("cannot be read: {e}")))?;
    let is_weights = |path: &PathBuf| path.extension().is_some_and(|e| e == "safetensors");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_weights).collect();
    files.sort();
    match files.is_empty() {
        true => Err(bad(folder, "holds no .safetensors file; convert its weights to that")),
        false => Ok(files),
    }
}

/// Adds the tensors of a file to `places`; returns its header.
fn header(path: &Path, places: &mut HashMap<String, Place>) -> Result<String> {
    /// The longest header that is read.
    const LONGEST: u64 = 100 << 20;
    let damaged = |problem: String| bad(path, format!("is damaged: {problem}"));
    let mut file = File::open(path).map_err(|e| bad(path, format!("cannot be read: {e}")))?;
    let mut length = [0u8; 8];
    file.read_exact(&mut length).map_err(|e| damaged(e.to_string()))?;
    let length = u64::from_le_bytes(length);
    let size = file.metadata().map_err(|e| damaged(e.to_string()))?.len();
    if length > LONGEST || length + 8 > size {
        return Err(damaged("its header is longer than the file".into()));
    }
    let mut text = vec![0u8; length as usize];
    file.read_exact(&mut text).map_err(|e| damaged(e.to_string()))?;
    let text = String::from_utf8(text).map_err(|e| damaged(e.to_string()))?;
    let header: serde_json::Map<String, Value> = serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
    for (name, entry) in header.iter().filter(|(name, _)| *name != "__metadata__") {
        let lacks = || damaged(format!("its header says nothing sensible of {name:?}"));
        let store = match entry.get("dtype").and_then(Value::as_str) {
            Some("F32") => Store::F32,
            Some("F16") => Store::F16,
            Some("BF16") => Store::Bf16,
            // Masks and counts are no weights.
            Some("BOOL" | "U8" | "I64" | "I32") => continue,
            Some(other) => return Err(bad(path, format!("stores {name:?} as {other}; F32, F16 and BF16 are read"))),
            None => return Err(lacks()),
        };
        let numbers =
            |key: &str| -> Option<Vec<u64>> { entry.get(key)?.as_array()?.iter().map(Value::as_u64).collect() };
        let (shape, offsets) = numbers("shape").zip(numbers("data_offsets")).ok_or_else(lacks)?;
        let shape: Vec<usize> = shape.into_iter().map(|n| n as usize).collect();
        let count = shape.iter().try_fold(1usize, |all, &n| all.checked_mul(n)).ok_or_else(lacks)?;
        let [from, to] = offsets[..] else { return Err(lacks()) };
        let bytes = store.bytes(count).ok_or_else(lacks)?;
        let from = 8 + length + from;
        if to.checked_sub(offsets[0]) != Some(bytes as u64) || from + bytes as u64 > size {
            return Err(lacks());
        }
        places.insert(name.clone(), Place { file: path.to_owned(), store, shape, from, bytes });
    }
    Ok(text)
}

impl Tensors for Files {
    fn tensor(&mut self, name: &str) -> Result<Option<(Vec<usize>, Vec<f32>)>> {
        let Some(place) = self.0.get(name) else { return Ok(None) };
        let fail =
            |e: std::io::Error| Error::Base { path: place.file.clone(), problem: format!("cannot be read: {e}") };
        let mut file = File::open(&place.file).map_err(fail)?;
        file.seek(SeekFrom::Start(place.from)).map_err(fail)?;
        let mut bytes = vec![0u8; place.bytes];
        file.read_exact(&mut bytes).map_err(fail)?;
        Ok(Some((place.shape.clone(), place.store.numbers(&bytes))))
    }
}
