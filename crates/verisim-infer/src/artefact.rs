//! A trained model, opened.

use std::path::{Path, PathBuf};

#[cfg(feature = "neural")]
use verisim_data::text::Texts;
use verisim_models::artefact::{File, Header, Provenance};
use verisim_models::compute::Device;
use verisim_models::{Learn, Model as _, Models as _};

use crate::error::{Error, Result};

/// Rows or images of a sample unless their number is given.
pub const DEFAULT_COUNT: usize = 1000;

/// A trained model, ready to sample.
pub struct Artefact<K: Learn> {
    /// Name of the model.
    pub model: &'static str,
    /// How its data were read, if the file tells.
    pub source: Option<K::Source>,
    /// What it makes.
    pub spec: K::Spec,
    /// Where it comes from.
    pub provenance: Provenance,
    pub(crate) sampler: Box<K::Sampler>,
    /// What writes the free text of a table, where that was learnt.
    #[cfg(feature = "neural")]
    pub text: Option<Box<Artefact<Texts>>>,
}

impl<K: Learn> Artefact<K> {
    /// The trained model itself.
    pub fn sampler(&self) -> &K::Sampler {
        &self.sampler
    }

    /// Opens a `.safetensors` file or the run directory that holds one, with its tensors on `device`.
    ///
    /// # Errors
    /// When there is none, it is of another kind, damaged, or the training there has not finished.
    pub fn open(path: impl AsRef<Path>, device: &Device) -> Result<Artefact<K>> {
        Artefact::of(read(path.as_ref())?, &file_of(path.as_ref()), device)
    }

    /// The model in a file that was read from `path`.
    ///
    /// # Errors
    /// When it is of another kind, or damaged.
    pub fn of(mut file: File, path: &Path, device: &Device) -> Result<Artefact<K>> {
        let text = file.text();
        #[cfg(feature = "neural")]
        let text = text.map(|text| Artefact::<Texts>::of(text, path, device)).transpose()?.map(Box::new);
        // Without neural models columns of free text are blank.
        #[cfg(not(feature = "neural"))]
        drop(text);
        let (Header { model, source, spec, provenance, .. }, mut weights) = file.into_parts::<K>()?;
        let damaged = |e: verisim_models::Error| Error::Damaged { path: path.into(), problem: e.to_string() };
        let sampler = model.restore(&spec, &mut weights, device).map_err(damaged)?;
        Ok(Artefact {
            model: model.name(),
            source,
            spec,
            provenance,
            sampler,
            #[cfg(feature = "neural")]
            text,
        })
    }
}

/// Reads the artefact of a run directory, or the file at `path`.
///
/// # Errors
/// When there is none, or the training there has not finished.
pub fn read(path: &Path) -> Result<File> {
    let file = file_of(path);
    if path.join("checkpoint/state.safetensors").exists() && !file.exists() {
        return Err(Error::Unfinished { path: path.to_owned() });
    }
    Ok(File::read(&file)?)
}

/// The artefact of a run directory, or the path itself.
pub fn file_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("model.safetensors") } else { path.to_path_buf() }
}
