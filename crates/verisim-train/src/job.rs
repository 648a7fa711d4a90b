//! A job: what to learn, with which model and for how long. Read from one TOML file.

use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use verisim_data::rng::hash_words;
use verisim_models::learn::Augments as _;
use verisim_models::{Learn, Model as _, Models, Train, Training};

use crate::error::{Error, Result};

/// A job as it stands in a config. Every key but `data.path` and `model` has a default.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound = "")]
// The schema's name would not tell kinds apart.
#[schemars(
    inline,
    bound = "K::Source: JsonSchema, K::Augment: JsonSchema, K::Besides: JsonSchema, K::Models: JsonSchema"
)]
pub struct Job<K: Learn> {
    /// Seed of everything random.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Where the results go; `runs/<name of the config>` when not given.
    #[serde(default)]
    pub out: Option<PathBuf>,
    /// What is read, and how.
    pub data: K::Source,
    /// What is done to the data on their way to the model, anew each time; they are learnt as they are when not given.
    #[serde(default)]
    pub augment: Option<K::Augment>,
    /// The model and its settings: `[model.trees]`, `[model.flow]`, ...
    pub model: K::Models,
    /// How the model is trained, where it should differ from its own default.
    #[serde(default)]
    #[schemars(with = "Training")]
    pub train: Train,
    /// What is learnt besides, of columns that the model does not learn.
    #[serde(default)]
    pub text: Option<K::Besides>,
}

fn default_seed() -> u64 {
    42
}

/// The JSON schema of the configs of a kind, which editors complete and check by; what it refers to goes to `generator`.
pub fn schema<K: Learn>(generator: &mut SchemaGenerator) -> Schema
where
    K::Source: JsonSchema,
    K::Augment: JsonSchema,
    K::Besides: JsonSchema,
    K::Models: JsonSchema,
{
    generator.subschema_for::<Job<K>>()
}

/// A job with every default of its training written out.
#[derive(Serialize)]
#[serde(bound = "")]
struct Filled<'a, K: Learn> {
    seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<&'a Path>,
    data: &'a K::Source,
    #[serde(skip_serializing_if = "Option::is_none")]
    augment: &'a Option<K::Augment>,
    model: &'a K::Models,
    train: FilledTrain,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: &'a Option<K::Besides>,
}

/// A model that is fitted at once has an empty section.
#[derive(Serialize)]
#[serde(untagged)]
enum FilledTrain {
    Steps(Box<Training>),
    AtOnce {},
}

impl<K: Learn> Job<K> {
    /// Refuses settings that make no sense, naming the key.
    pub(crate) fn check(&self) -> Result<()> {
        self.model.check()?;
        if let Some(augment) = &self.augment {
            augment.check()?;
        }
        if let Some(text) = &self.text {
            text.check()?;
        }
        K::check_training(&self.train)?;
        let Some(training) = self.training() else {
            return match self.train == Train::default() {
                true => Ok(()),
                false => Err(Error::NoTraining { model: self.model.name() }),
            };
        };
        training.check()?;
        Ok(self.model.check_training(&training)?)
    }

    /// How the model is trained; `None` when it is fitted at once.
    pub fn training(&self) -> Option<Training> {
        Some(self.train.over(self.model.training()?))
    }

    /// The job with every default written out, as TOML; `out` is where the results go.
    ///
    /// # Errors
    /// When a setting has no place in TOML, as a path that is no text.
    pub fn filled(&self, out: Option<&Path>) -> Result<String> {
        let train = match self.training() {
            Some(training) => FilledTrain::Steps(Box::new(training)),
            None => FilledTrain::AtOnce {},
        };
        let Job { seed, data, augment, model, text, .. } = self;
        let filled = Filled::<K> { seed: *seed, out, data, augment, model, train, text };
        toml::to_string(&filled).map_err(|e| Error::Unwritable { problem: e.to_string() })
    }

    /// Hash of everything that decides what is learnt: the filled config without where its results go.
    ///
    /// # Errors
    /// As [`filled`](Job::filled).
    pub fn hash(&self) -> Result<String> {
        Ok(hash_words(self.filled(None)?.bytes().map(u64::from)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use verisim_data::table::Table;

    use super::*;
    use crate::config::Config;

    pub(crate) fn config(text: &str, sets: &[&str]) -> Config {
        let sets: Vec<String> = sets.iter().map(|s| s.to_string()).collect();
        Config::new(text, Path::new("job.toml"), &sets).unwrap()
    }

    pub(crate) fn parse(text: &str, sets: &[&str]) -> Result<Job<Table>> {
        config(text, sets).job()
    }

    pub(crate) const TVAE: &str = "[data]\npath = \"a.csv\"\n\n[model.tvae]\nlatent = 8\n\n[train]\nepochs = 3\n";

    #[test]
    fn the_filled_config_reads_back_as_the_same_job() {
        let job = parse(TVAE, &["train.budget=90s"]).unwrap();
        let filled = job.filled(None).unwrap();
        let again = parse(&filled, &[]).unwrap();
        assert_eq!(job.training(), again.training());
        assert_eq!(again.filled(None).unwrap(), filled);
        assert_eq!(again.hash().unwrap(), job.hash().unwrap());
    }

    #[test]
    fn models_that_are_fitted_at_once_refuse_training_settings() {
        let error = parse("[data]\npath = \"a.csv\"\n[model.trees]\n[train]\nepochs = 3\n", &[]).unwrap_err();
        assert!(error.to_string().contains("trees"), "{error}");
        assert!(parse("[data]\npath = \"a.csv\"\n[model.trees]\n[train]\nbudget = \"5 parsecs\"\n", &[]).is_err());
    }
}
