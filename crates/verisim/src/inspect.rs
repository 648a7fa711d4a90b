//! `inspect` of a trained model.

use verisim_data::number::grouped;
use verisim_models::Models as _;
use verisim_models::artefact::File;

use crate::error::Result;
use crate::kind::{Inspected, Kind};

/// What a model of kind `K` is; `K` need not be among the kinds that the verbs know.
///
/// # Errors
/// When it is of another kind, or damaged.
pub fn of_kind<K: Kind>(file: File) -> Result<Inspected> {
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
