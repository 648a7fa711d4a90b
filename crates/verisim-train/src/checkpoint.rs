//! What a stopped training needs to go on as if it had never stopped.
//!
//! Random streams are derived from the seed and the step, so there is no random state to save.

use std::path::{Path, PathBuf};

use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};
use verisim_data::file::write_atomically;
use verisim_models::Weights;

use crate::error::{Error, Result};
use crate::steps::State;

const KEY: &str = "verisim-checkpoint";

/// What a training was of: a checkpoint of another is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Of {
    /// Hash of the config.
    pub config: String,
    /// Hash of the data.
    pub data: String,
}

/// The words beside the tensors.
#[derive(Serialize, Deserialize)]
struct Words {
    #[serde(flatten)]
    state: State,
    #[serde(flatten)]
    of: Of,
}

/// The checkpoint file of a run directory.
pub fn file(out: &Path) -> PathBuf {
    out.join("checkpoint").join("state.safetensors")
}

/// Writes a checkpoint in place of the one before.
pub fn save(out: &Path, state: &State, of: &Of, weights: &Weights) -> Result<()> {
    let path = file(out);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    let words = Words { state: state.clone(), of: of.clone() };
    let json = serde_json::to_string(&words).map_err(|e| Error::Checkpoint { problem: e.to_string() })?;
    Ok(write_atomically(&path, &weights.to_bytes([(KEY.to_string(), json)].into())?)?)
}

/// Reads the checkpoint of a run and checks that it is of this config and this data.
pub fn load(out: &Path, of: &Of) -> Result<(State, Weights)> {
    let path = file(out);
    let bad = |problem: &str| Error::Resume { path: path.clone(), problem: problem.into() };
    if !path.exists() {
        return Err(Error::NoCheckpoint { path });
    }
    let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
    let damaged = || bad("the checkpoint is damaged; remove its folder to start again");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|_| damaged())?;
    let json = metadata.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or_else(damaged)?;
    let Words { state, of: found } = serde_json::from_str(json).map_err(|_| damaged())?;
    if found.config != of.config {
        return Err(bad(
            "it was made with another config or seed; restore that one, or remove its folder to start again",
        ));
    }
    if found.data != of.data {
        return Err(bad("the data have changed since; restore them, or remove its folder to start again"));
    }
    let file = SafeTensors::deserialize(&bytes).map_err(|_| damaged())?;
    Ok((state, Weights::from_parsed(&file)?))
}

/// Refuses to start anew where a stopped run waits.
pub fn refuse(out: &Path) -> Result<()> {
    let path = file(out);
    match path.exists() {
        true => Err(Error::Waiting { folder: out.join("checkpoint"), path }),
        false => Ok(()),
    }
}

/// Removes the checkpoint of a finished run.
pub fn remove(out: &Path) {
    let _ = std::fs::remove_dir_all(out.join("checkpoint"));
}
