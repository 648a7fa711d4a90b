//! What a kind of data must know for the verbs, beyond learning, sampling and comparing.

use std::path::{Path, PathBuf};

use schemars::{Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;
use verisim_data::{Target, Watch};
use verisim_infer::{Artefact, Generate};
use verisim_metrics::Compare;
use verisim_train::{Ended, Job, Machine, Results};

use crate::error::{Error, Result};
use crate::impute::Imputed;
use crate::score::Scores;
use crate::split::Split;

/// A kind of data as the verbs want it.
pub trait Kind: Generate + Compare {
    /// The model that learns data for which no config is named; a config of that name comes along.
    const DEFAULT: &'static str;
    /// Where a first sample goes, as a suggestion to people.
    const FIRST: &'static str;
    /// The name of its stand-in data, as a bench prints it.
    const STAND_IN: &'static str;
    /// Whether a sample can go to a stream.
    const STREAMS: bool;
    /// What data are looked at with.
    type InspectAsk: DeserializeOwned;

    /// What the data at `path` are, for people and for programs.
    ///
    /// # Errors
    /// When they cannot be read.
    fn inspect(path: &Path, ask: &Self::InspectAsk) -> Result<Inspected>;

    /// The JSON schema of its configs; none where it has none. What it refers to goes to the generator.
    fn config_schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    /// Parts the data at `path` into those to learn and those to keep back.
    ///
    /// # Errors
    /// When that cannot be done.
    fn split(path: &Path, _: &crate::split::Ask) -> Result<Split> {
        let problem =
            format!("{}: {} cannot be split here; move some of them to another place", path.display(), Self::PLURAL);
        Err(Error::Ask { problem })
    }

    /// Learns what is learnt besides the model that `results` hold by now, and adds it to that. `ended` is how the model's own training
    /// ended.
    ///
    /// # Errors
    /// When it cannot be learnt.
    fn besides(_: &Job<Self>, _: &Machine, _: &Results, ended: Ended, _: &mut dyn Watch) -> Result<Ended> {
        Ok(ended)
    }

    /// Whether a training of that was stopped in the folder of these results, with the model done.
    fn is_begun_besides(_: &Path) -> bool {
        false
    }

    /// Fills the holes of a file.
    ///
    /// # Errors
    /// When that cannot be done.
    fn impute(
        _: &Artefact<Self>,
        model: &Path,
        _: &crate::impute::Ask,
        _: Target<'_>,
        _: &mut dyn Watch,
    ) -> Result<Imputed> {
        let problem = format!("{}: makes {}, and only tables have cells to fill", model.display(), Self::PLURAL);
        Err(Error::Ask { problem })
    }

    /// Says how probable the rows of a file are.
    ///
    /// # Errors
    /// When that cannot be done.
    fn score(_: &Artefact<Self>, model: &Path, _: &crate::score::Ask, _: &mut dyn Watch) -> Result<Scores> {
        let problem = format!("{}: makes {}, and only rows of tables are scored", model.display(), Self::PLURAL);
        Err(Error::Ask { problem })
    }

    /// What an artefact says of the data that it makes, for people.
    fn describe(spec: &Self::Spec) -> String;

    /// The networks that an evaluation looks with.
    ///
    /// # Errors
    /// When their device cannot be had.
    fn eyes(ask: &<Self as Compare>::Ask) -> Result<Box<Self::Eyes>>;

    /// The description of the data with what is asked of the form in which a sample is written.
    ///
    /// # Errors
    /// When it cannot be written so.
    fn styled(spec: Self::Spec, _: &<Self as Generate>::Ask) -> Result<Self::Spec> {
        Ok(spec)
    }

    /// Where a picture goes that is asked for beside a sample; refused if it cannot be drawn.
    ///
    /// # Errors
    /// When it cannot be drawn.
    fn picture_at(_: &<Self as Generate>::Ask) -> Result<Option<&Path>> {
        Ok(None)
    }

    /// That picture, as a PNG.
    ///
    /// # Errors
    /// When the sample cannot be drawn.
    fn picture(_: &Artefact<Self>, _: &<Self as Generate>::Ask) -> Result<Vec<u8>> {
        Err(Error::Ask { problem: format!("there is no picture of {}", Self::PLURAL) })
    }

    /// Writes data for a bench without data of its own to a folder; returns where they are.
    ///
    /// # Errors
    /// When they cannot be written.
    fn stand_in(folder: &Path) -> Result<PathBuf>;

    /// A sample that a bench draws once: as much as is drawn at a time.
    fn bench_ask(seed: u64) -> <Self as Generate>::Ask;
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspected {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
}
