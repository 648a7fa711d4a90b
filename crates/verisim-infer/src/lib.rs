//! Sampling from a trained artefact: open it, draw rows or images under conditions, hand them on chunk by chunk.
//!
//! Chunk `c` of a sample of rows depends on `(seed, c)` alone, so chunks are drawn in parallel and any thread count gives the same rows.
//! Image `i` of a sample depends on `(seed, i)` alone.

pub mod condition;
mod error;
pub mod images;
mod sample;

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use verisim_models::artefact::{self, Content, Header};
use verisim_models::{Sampler, restore, restore_images};

pub use condition::{Condition, Operator};
pub use error::{Error, Result};
pub use images::{ImageArtefact, ImageRequest};
pub use sample::{CHUNK, Request, Summary};
use verisim_data::table::Schema;
use verisim_data::table::codec::TableCodec;

/// A trained model of a table, ready to sample.
pub struct Artefact {
    /// What the columns mean.
    pub schema: Schema,
    codec: TableCodec,
    sampler: Box<dyn Sampler>,
}

impl Artefact {
    /// Opens a `.safetensors` file or the run directory that holds one, with its tensors on `device`.
    pub fn open(path: impl AsRef<Path>, device: &Device) -> Result<Artefact> {
        let path = path.as_ref();
        match open(path, device)? {
            Trained::Table(artefact) => Ok(artefact),
            Trained::Images(_) => Err(Error::Images { path: file_of(path) }),
        }
    }
}

/// A trained model.
pub enum Trained {
    /// Of a table.
    Table(Artefact),
    /// Of images.
    Images(ImageArtefact),
}

/// Opens the artefact of any model, with its tensors on `device`.
pub fn open(path: &Path, device: &Device) -> Result<Trained> {
    let file = file_of(path);
    if path.join("checkpoint/state.safetensors").exists() && !file.exists() {
        return Err(Error::Unfinished { path: path.to_owned() });
    }
    let path = file;
    let (Header { model, content, provenance, .. }, weights) = artefact::load(&path)?;
    let damaged = |e: verisim_models::Error| Error::Damaged { path: path.clone(), problem: e.to_string() };
    Ok(match content {
        Content::Table { schema, codec } => {
            let sampler = restore(&model, &codec, weights, device).map_err(damaged)?;
            Trained::Table(Artefact { schema, codec, sampler })
        }
        Content::Images { images } => {
            let sampler = restore_images(&model, &images, weights, device).map_err(damaged)?;
            Trained::Images(ImageArtefact::new(images, model.name(), provenance, sampler))
        }
    })
}

/// The artefact of a run directory, or the path itself.
pub fn file_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("model.safetensors") } else { path.to_path_buf() }
}
