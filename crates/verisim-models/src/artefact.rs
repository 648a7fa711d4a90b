//! The one file that a trained model is: a `.safetensors` with a versioned header.
//!
//! The header (key `verisim` of the file's metadata) is JSON: format number, model config, schema and codec (or
//! what the images are), and provenance. Nothing in it or in the tensors is a row of the training data.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};
use verisim_data::Schema;
use verisim_data::codec::TableCodec;

use crate::ModelConfig;
use crate::error::{Error, Result};
use crate::image::ImageSpec;
use crate::weights::Weights;

/// The newest format that this version reads and writes.
pub const FORMAT: u32 = 2;
const KEY: &str = "verisim";

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Format number.
    pub format: u32,
    /// The model and its settings.
    pub model: ModelConfig,
    /// What it makes.
    #[serde(flatten)]
    pub content: Content,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// What an artefact makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Rows of a table.
    Table {
        /// What the columns mean.
        schema: Schema,
        /// How they are encoded.
        codec: TableCodec,
    },
    /// Images.
    Images {
        /// What they are.
        images: ImageSpec,
    },
}

impl Content {
    /// The format that holds it: 1 for tables, 2 for images. So tables still open where images are not known.
    pub fn format(&self) -> u32 {
        match self {
            Content::Table { .. } => 1,
            Content::Images { .. } => FORMAT,
        }
    }

    /// What is wrong with it, for artefacts that were tampered with.
    fn problem(&self) -> Option<String> {
        match self {
            Content::Table { schema, codec } => codec.problem(schema).map(|p| format!("codec: {p}")),
            Content::Images { images } => images.problem().map(|p| format!("description of its images: {p}")),
        }
    }
}

/// Writes `bytes` under a temporary name next to `path` and renames it, so that a killed run leaves either the old file or the new one.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary(path);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(|source| {
        let _ = std::fs::remove_file(&temporary);
        Error::Io { path: path.into(), source }
    })
}

/// Fails if [`write_atomically`] would fail, so that long work is not lost for want of a folder; leaves nothing behind.
pub fn check_writable(path: &Path) -> Result<()> {
    let io = |source| Error::Io { path: path.into(), source };
    if path.is_dir() {
        return Err(Error::Data(format!("{}: is a folder; name a file in it", path.display())));
    }
    let temporary = temporary(path);
    File::create(&temporary).map_err(io)?;
    std::fs::remove_file(&temporary).map_err(io)
}

/// The name next to `path` under which it is written.
fn temporary(path: &Path) -> PathBuf {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    PathBuf::from(temporary)
}

/// Writes an artefact.
pub fn save(path: &Path, header: &Header, weights: &Weights) -> Result<()> {
    let json = serde_json::to_string(header).map_err(|e| Error::Data(format!("cannot write the header: {e}")))?;
    write_atomically(path, &weights.to_bytes(HashMap::from([(KEY.to_string(), json)]))?)
}

/// Reads an artefact. Allocates no more than the file's own size, whatever its header claims.
pub fn load(path: &Path) -> Result<(Header, Weights)> {
    const AGAIN: &str = "train it again or copy it again from where it came";
    let bad = |problem: String, remedy| Error::Artefact { path: path.into(), problem, remedy };
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes)
        .map_err(|e| bad(format!("is no complete .safetensors file ({e})"), AGAIN))?;
    let json = metadata.metadata().as_ref().and_then(|m| m.get(KEY)).cloned();
    let json = json.ok_or_else(|| {
        bad("has no verisim header".into(), "give a model.safetensors that `verisim train` wrote, or its run directory")
    })?;
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let format: Format = serde_json::from_str(&json).map_err(|e| bad(format!("has a damaged header ({e})"), AGAIN))?;
    if format.format > FORMAT || format.format == 0 {
        let problem = format!("has format {}, this version reads up to {FORMAT}", format.format);
        return Err(bad(problem, "install a newer verisim"));
    }
    let header: Header = serde_json::from_str(&json).map_err(|e| bad(format!("has a damaged header ({e})"), AGAIN))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| bad(format!("has damaged tensors ({e})"), AGAIN))?;
    let weights = Weights::from_parsed(&file).map_err(|e| bad(e.to_string(), AGAIN))?;
    if let Some(problem) = header.content.problem() {
        return Err(bad(format!("has a damaged {problem}"), AGAIN));
    }
    Ok((header, weights))
}
