//! Sampling from a trained artefact: open it, draw rows under conditions, hand them on chunk by chunk.
//!
//! Chunk `c` of a sample depends on `(seed, c)` alone, so chunks are drawn in parallel and any thread count gives the same rows.

pub mod condition;
mod error;
mod sample;

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use verisim_models::artefact::{self, Header};
use verisim_models::{Sampler, restore};

pub use condition::{Condition, Operator};
pub use error::{Error, Result};
pub use sample::{CHUNK, Request, Summary};

/// A trained model, ready to sample.
pub struct Artefact {
    /// What the file says of itself.
    pub header: Header,
    sampler: Box<dyn Sampler>,
}

impl Artefact {
    /// Opens a `.safetensors` file or the run directory that holds one, with its tensors on `device`.
    pub fn open(path: impl AsRef<Path>, device: &Device) -> Result<Artefact> {
        let path = file_of(path.as_ref());
        let (header, weights) = artefact::load(&path)?;
        let sampler = restore(&header.model, &header.codec, weights, device)
            .map_err(|e| Error::Damaged { path: path.clone(), problem: e.to_string() })?;
        Ok(Artefact { header, sampler })
    }
}

/// The artefact of a run directory, or the path itself.
pub fn file_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("model.safetensors") } else { path.to_path_buf() }
}
