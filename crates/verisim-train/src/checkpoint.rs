//! What a stopped training needs to go on as if it had never stopped.
//!
//! Random streams are derived from the seed and the step, so there is no random state to save.

use std::path::{Path, PathBuf};

use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};
use verisim_models::Weights;
use verisim_models::artefact::write_atomically;

use crate::error::{Error, Result};

const KEY: &str = "verisim-checkpoint";

/// Where a training stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Best score so far, and how many measurements ago it was.
    pub best: Option<f64>,
    /// Measurements since the best.
    pub stale: usize,
    /// Seconds trained.
    pub seconds: f64,
    /// Hash of the config.
    pub config: String,
    /// Hash of the data.
    pub data: String,
}

/// The checkpoint file of a run directory.
pub fn file(out: &Path) -> PathBuf {
    out.join("checkpoint").join("state.safetensors")
}

/// Writes a checkpoint in place of the one before.
pub fn save(out: &Path, state: &State, weights: &Weights) -> Result<()> {
    let path = file(out);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.into(), source })?;
    }
    let json = serde_json::to_string(state).map_err(|e| Error::Nothing(format!("cannot write the checkpoint: {e}")))?;
    Ok(write_atomically(&path, &weights.to_bytes([(KEY.to_string(), json)].into())?)?)
}

/// Reads the checkpoint of a run and checks that it belongs to this config and this data.
pub fn load(out: &Path, config: &str, data: &str) -> Result<(State, Weights)> {
    let path = file(out);
    let bad = |problem: &str| Error::Resume { path: path.clone(), problem: problem.into() };
    if !path.exists() {
        return Err(bad("there is no checkpoint of a stopped run here; run without --resume or --finish"));
    }
    let bytes = std::fs::read(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
    let damaged = || bad("the checkpoint is damaged; remove its folder to start again");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|_| damaged())?;
    let json = metadata.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or_else(damaged)?;
    let state: State = serde_json::from_str(json).map_err(|_| damaged())?;
    if state.config != config {
        return Err(bad(
            "it was made with another config or seed; restore that one, or remove its folder to start again",
        ));
    }
    if state.data != data {
        return Err(bad("the data have changed since; restore them, or remove its folder to start again"));
    }
    let file = SafeTensors::deserialize(&bytes).map_err(|_| damaged())?;
    Ok((state, Weights::from_parsed(&file)?))
}

/// Refuses to start anew where a stopped run waits: hours of training should not end by a forgotten flag.
pub fn refuse(out: &Path) -> Result<()> {
    let path = file(out);
    if !path.exists() {
        return Ok(());
    }
    let folder = out.join("checkpoint");
    let problem = format!("a stopped run is here; go on with --resume, or remove {} to start again", folder.display());
    Err(Error::Resume { path, problem })
}

/// Removes the checkpoint of a finished run.
pub fn remove(out: &Path) {
    let _ = std::fs::remove_dir_all(out.join("checkpoint"));
}
