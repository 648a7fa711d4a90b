//! The one file that a trained model is: a `.safetensors` with a versioned header.
//!
//! The header (key `verisim` of the file's metadata) is JSON. Nothing in it or in the tensors is a row of the training data.
//!
//! | key | since format | what |
//! |---|---|---|
//! | `format` | 1 | number of the format |
//! | `kind` | 3 | kind of data; formats 1 and 2 tell it by the name of the model |
//! | `model` | 1 | the model and its settings |
//! | `source` | 3 | `[data]` of the config, its path without the folder |
//! | `spec` | 3 | what is made; formats 1 and 2 have its keys in the header itself |
//! | `provenance` | 1 | where the model comes from |
//! | `text` | 5 | of a table with free text the header of the model that writes it, whose tensors begin with `text.` |

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use verisim_data::Data;
use verisim_data::file::write_atomically;

use crate::error::{Error, Result};
use crate::learn::{Learn, Models};
use crate::weights::Weights;

/// The newest format that this version reads, and the one that it writes.
pub const FORMAT: u32 = 5;
const KEY: &str = "verisim";
const TEXT: &str = "text";
const AGAIN: &str = "train it again or copy it again from where it came";

/// Where an artefact comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of verisim that trained it.
    pub version: String,
    /// Name of the data file, without its folder.
    pub data: String,
    /// Hash of the data as parsed.
    pub data_hash: String,
    /// Hash of the filled-in config.
    pub config_hash: String,
    /// Rows or images that it was trained on.
    pub rows: u64,
    /// Seed of the training.
    pub seed: u64,
    /// Steps of the training, of a model that takes steps: fewer than its config says where it was ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
}

/// The header of an artefact.
#[derive(Clone, Debug, PartialEq)]
pub struct Header<K: Learn> {
    /// Format number of the file.
    pub format: u32,
    /// The model and its settings.
    pub model: K::Models,
    /// How its data were read; files of formats 1 and 2 do not tell.
    pub source: Option<K::Source>,
    /// What it makes.
    pub spec: K::Spec,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// An artefact as it was read, before it is known of what kind it is.
pub struct File {
    /// Where it lies; for messages.
    pub path: PathBuf,
    /// The header, format checked.
    pub header: serde_json::Map<String, Value>,
    /// The tensors.
    pub weights: Weights,
}

/// Writes an artefact.
///
/// # Errors
/// When the file cannot be written.
pub fn save<K: Learn>(path: &Path, header: &Header<K>, weights: &Weights) -> Result<()> {
    write(path, &header.to_json()?, weights)
}

fn write(path: &Path, header: &Value, weights: &Weights) -> Result<()> {
    Ok(write_atomically(path, &weights.to_bytes(HashMap::from([(KEY.to_string(), header.to_string())]))?)?)
}

impl<K: Learn> Header<K> {
    /// The header as it is written.
    ///
    /// # Errors
    /// When a setting has no place in JSON.
    pub fn to_json(&self) -> Result<Value> {
        #[derive(Serialize)]
        #[serde(bound = "")]
        struct Written<'a, K: Learn> {
            format: u32,
            kind: &'static str,
            model: &'a K::Models,
            #[serde(skip_serializing_if = "Option::is_none")]
            source: &'a Option<K::Source>,
            spec: &'a K::Spec,
            provenance: &'a Provenance,
        }
        let Header { format, model, source, spec, provenance } = self;
        let written = Written::<K> { format: *format, kind: K::NAME, model, source, spec, provenance };
        serde_json::to_value(&written).map_err(|e| Error::Unwritable { what: "header", problem: e.to_string() })
    }
}

impl File {
    /// Reads an artefact. Allocates no more than the file's own size, whatever its header claims.
    ///
    /// # Errors
    /// When the file cannot be read, is none of verisim's, is of a newer format, or is damaged.
    pub fn read(path: &Path) -> Result<File> {
        let bad = |problem: String, remedy| Error::Artefact { path: path.into(), problem, remedy };
        let io = |source| verisim_data::Error::Io { path: path.into(), source };
        let bytes = std::fs::read(path).map_err(io)?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes)
            .map_err(|e| bad(format!("is no complete .safetensors file ({e})"), AGAIN))?;
        let json = metadata.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or_else(|| {
            let remedy = "give a model.safetensors that `verisim train` wrote, or its run directory";
            bad("has no verisim header".into(), remedy)
        })?;
        let damaged = |e: serde_json::Error| bad(format!("has a damaged header ({e})"), AGAIN);
        let header: serde_json::Map<String, Value> = serde_json::from_str(json).map_err(damaged)?;
        match header.get("format").map(|f| u32::deserialize(f).map_err(damaged)).transpose()? {
            Some(1..=FORMAT) => {}
            Some(newer) => {
                let problem = format!("has format {newer}, this version reads up to {FORMAT}");
                return Err(bad(problem, "install a newer verisim"));
            }
            None => return Err(bad("has a damaged header (missing field `format`)".into(), AGAIN)),
        }
        let file = SafeTensors::deserialize(&bytes).map_err(|e| bad(format!("has damaged tensors ({e})"), AGAIN))?;
        let weights = Weights::from_parsed(&file).map_err(|e| bad(e.to_string(), AGAIN))?;
        Ok(File { path: path.into(), header, weights })
    }

    /// Writes it to `path` as it is, whatever its header says.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write(path, &Value::Object(self.header.clone()), &self.weights)
    }

    /// Takes up the model that writes the text of this one's table.
    pub fn take_up(&mut self, text: File) {
        self.header.insert(TEXT.into(), Value::Object(text.header));
        self.weights.extend(TEXT, text.weights);
    }

    /// The model that writes the text of this one's table, taken out; none where there is none.
    pub fn text(&mut self) -> Option<File> {
        let Some(Value::Object(header)) = self.header.remove(TEXT) else { return None };
        Some(File { path: self.path.clone(), header, weights: self.weights.split_off(TEXT) })
    }

    /// Whether the model in it is of kind `K`.
    pub fn is<K: Learn>(&self) -> bool {
        match (self.header.get("kind").and_then(Value::as_str), self.header.get("model").and_then(Value::as_object)) {
            (Some(kind), _) => kind == K::NAME,
            (None, Some(model)) => model.keys().any(|name| K::Models::NAMES.contains(&name.as_str())),
            (None, None) => false,
        }
    }

    /// Header and tensors of a model of kind `K`.
    ///
    /// # Errors
    /// When it is of another kind, or the header is damaged.
    pub fn into_parts<K: Learn>(mut self) -> Result<(Header<K>, Weights)> {
        let bad = |problem: String, remedy| Error::Artefact { path: self.path.clone(), problem, remedy };
        let kind = self.header.get("kind").and_then(Value::as_str);
        if let Some(kind) = kind.filter(|kind| *kind != K::NAME) {
            return Err(bad(format!("makes data of the kind `{kind}`, not `{}`", K::NAME), "give another model"));
        }
        if !self.is::<K>() {
            return Err(bad(format!("holds no model of {}", K::PLURAL), "give another model"));
        }
        #[derive(Deserialize)]
        #[serde(bound = "")]
        struct Read<K: Learn> {
            format: u32,
            model: K::Models,
            #[serde(default = "none")]
            source: Option<K::Source>,
            spec: K::Spec,
            provenance: Provenance,
        }
        fn none<T>() -> Option<T> {
            None
        }
        // Formats 1 and 2 had the keys of a table's description beside the others, and that of images under `images`.
        if !self.header.contains_key("spec") {
            let spec = match self.header.remove("images") {
                Some(images) => images,
                None => Value::Object(self.header.clone()),
            };
            self.header.insert("spec".into(), spec);
        }
        let damaged = |e: serde_json::Error| bad(format!("has a damaged header ({e})"), AGAIN);
        let read = Read::<K>::deserialize(Value::Object(self.header)).map_err(damaged)?;
        if let Some(problem) = <K as Data>::problem(&read.spec) {
            return Err(bad(format!("has a damaged {problem}"), AGAIN));
        }
        let Read { format, model, source, spec, provenance } = read;
        Ok((Header { format, model, source, spec, provenance }, self.weights))
    }
}

impl Provenance {
    /// What is written into every picture and archive that a model makes, as keywords and texts: that it is synthetic, and by which
    /// model. The hashes of its config and of what it learnt and its steps, which `verisim inspect` shows too, tell it from
    /// others of its kind.
    pub fn says<K: Learn>(&self, model: &str) -> Vec<(String, String)> {
        let Provenance { config_hash, data_hash, .. } = self;
        let steps = self.steps.map_or_else(String::new, |n| format!(", {n} steps"));
        let kind = K::NAME;
        let comment =
            format!("Synthetic {kind}, drawn from a {model} model (config {config_hash}, data {data_hash}{steps})");
        let texts =
            [("Software", format!("verisim {}", self.version)), ("Source", "synthetic".into()), ("Comment", comment)];
        texts.map(|(keyword, text)| (keyword.to_owned(), text)).to_vec()
    }
}
