//! `inspect`: what data or a trained model are.

use std::path::Path;

use serde_json::Value;
use verisim_data::number::grouped;
use verisim_infer::{file_of, read};
use verisim_models::artefact::File;
use verisim_models::Models as _;

use crate::ask::Ask;
use crate::error::Result;
use crate::kinds::{Kind, Verb, kind_in, kind_of};

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspected {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
}

/// Says what the data at `path` are, or the model in a run directory or a `.safetensors` file. What can be asked is in
/// [`table::InspectAsk`](crate::table::InspectAsk) and [`image::InspectAsk`](crate::image::InspectAsk).
///
/// # Errors
/// When nothing can be read there.
pub fn inspect(path: &Path, ask: Ask) -> Result<Inspected> {
    let file = file_of(path);
    let unfinished = path.join("checkpoint/state.safetensors").exists();
    if unfinished || file.exists() && file != path || file.extension().is_some_and(|e| e == "safetensors") {
        let file = read(path)?;
        let kind = kind_in(&file, path)?;
        // A model has nothing to be asked.
        crate::kinds::read::<Nothing>(ask, Verb::Inspect, path, "a model")?;
        return kind.describe(file);
    }
    kind_of(path).inspect(path, ask)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// What a model of kind `K` is.
pub(crate) fn model<K: Kind>(file: File) -> Result<Inspected> {
    let (header, weights) = file.into_parts::<K>()?;
    let p = &header.provenance;
    let steps = p.steps.map_or_else(String::new, |n| format!(" in {} steps", grouped(n)));
    let text = format!(
        "model       {} ({} numbers, format {})\ntrained by  verisim {}\ndata        {} (hash {}), {} {} learnt{steps}\n\
         config      hash {}\nseed        {}\n\n{}",
        header.model.name(),
        grouped(weights.count() as u64),
        header.format,
        p.version,
        p.data,
        p.data_hash,
        grouped(p.rows),
        K::UNIT,
        p.config_hash,
        p.seed,
        K::describe(&header.spec)
    );
    Ok(Inspected { text, json: header.to_json()? })
}
