//! A job: what to learn, with which model and for how long. Read from one TOML file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use toml::Spanned;
use verisim_data::rng::hash_words;
use verisim_models::learn::Augments as _;
use verisim_models::{Learn, Model as _, Models, Train, Training};

use crate::error::{Error, Result};

/// A config as it was read, before it is known which kind of data its model learns.
#[derive(Clone, Debug)]
pub struct Config {
    path: PathBuf,
    text: String,
    sets: Vec<String>,
}

/// A job as it stands in a config. Every key but `data.path` and `model` has a default.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
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
    pub train: Train,
}

fn default_seed() -> u64 {
    42
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
}

/// A model that is fitted at once has an empty section.
#[derive(Serialize)]
#[serde(untagged)]
enum FilledTrain {
    Steps(Box<Training>),
    AtOnce {},
}

impl Config {
    /// Reads the config at `path`, with `sets` (`train.epochs=5`) taking the place of what it says.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(path: &Path, sets: &[String]) -> Result<Config> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        Ok(Config::new(text, path, sets))
    }

    /// The config of this text; `path` is for messages.
    pub fn new(text: impl Into<String>, path: &Path, sets: &[String]) -> Config {
        Config { path: path.into(), text: text.into(), sets: sets.to_vec() }
    }

    /// The name of the model: the key under `[model]`.
    ///
    /// # Errors
    /// When the text is no TOML, or names no model or several.
    pub fn model(&self) -> Result<String> {
        #[derive(Deserialize)]
        struct Probe {
            model: BTreeMap<String, IgnoredAny>,
        }
        let Probe { model } = self.parse()?;
        let mut names = model.into_keys();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name),
            (None, _) => Err(self.error(None, "[model] is empty; name a model, e.g. [model.trees]".into())),
            (Some(one), Some(two)) => {
                let problem = format!("there are two models, {one} and {two}; a job has one");
                Err(self.error(self.line_of_model(&two), problem))
            }
        }
    }

    /// The error about a model of which no kind knows.
    pub fn unknown_model(&self, name: &str, known: &[&str]) -> Error {
        self.error(self.line_of_model(name), unknown(name, known))
    }

    /// The job, whose model must be one of kind `K`; checked.
    ///
    /// # Errors
    /// When a key is unknown, lacks, or is out of its range; with the line where it stands in the file.
    pub fn job<K: Learn>(&self) -> Result<Job<K>> {
        let job: Job<K> = self.parse()?;
        job.check()?;
        Ok(job)
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        let fail = |e: toml::de::Error| {
            let line = e.span().map(|s| self.text[..s.start.min(self.text.len())].matches('\n').count() + 1);
            self.error(line, explain(e.message()))
        };
        // The file itself first, for messages with line numbers; what it lacks may still come from the settings.
        let whole = toml::from_str::<T>(&self.text);
        if self.sets.is_empty() {
            return whole.map_err(fail);
        }
        let mut table: toml::Table = toml::from_str(&self.text).map_err(fail)?;
        for set in &self.sets {
            apply(&mut table, set)?;
        }
        match (T::deserialize(table), whole) {
            (Ok(job), _) => Ok(job),
            // What the file lacks may have been set: then the error is in the settings.
            (Err(_), Err(e)) if !e.message().starts_with("missing field") => Err(fail(e)),
            (Err(e), _) => Err(Error::Setting { text: self.meant(e.message()), problem: explain(e.message()) }),
        }
    }

    /// The setting that a message is about: the one with the word that it quotes, else all of them.
    fn meant(&self, message: &str) -> String {
        let wrong = message.split('`').nth(1).unwrap_or_default();
        let has =
            |set: &&String| set.split('=').next().is_some_and(|key| key.trim().split('.').any(|part| part == wrong));
        self.sets.iter().find(has).cloned().unwrap_or_else(|| self.sets.join(" "))
    }

    fn error(&self, line: Option<usize>, problem: String) -> Error {
        Error::Config { path: self.path.clone(), line, problem }
    }

    fn line_of_model(&self, name: &str) -> Option<usize> {
        #[derive(Deserialize)]
        struct Probe {
            model: BTreeMap<Spanned<String>, IgnoredAny>,
        }
        let Probe { model } = toml::from_str(&self.text).ok()?;
        let key = model.into_keys().find(|key| key.get_ref() == name)?;
        Some(self.text[..key.span().start].matches('\n').count() + 1)
    }
}

impl<K: Learn> Job<K> {
    /// Refuses settings that make no sense, naming the key.
    fn check(&self) -> Result<()> {
        self.model.check()?;
        if let Some(augment) = &self.augment {
            augment.check()?;
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
        let Job { seed, data, augment, model, .. } = self;
        let filled = Filled::<K> { seed: *seed, out, data, augment, model, train };
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

/// Sets `a.b.c=value` in a table. The value is read as TOML where it can be, else as text.
fn apply(table: &mut toml::Table, set: &str) -> Result<()> {
    let fail = |problem: &str| Error::Set { text: set.into(), problem: problem.into() };
    let (key, value) = set.split_once('=').ok_or_else(|| fail("write it as key=value, e.g. train.epochs=5"))?;
    let value = match toml::from_str::<toml::Table>(&format!("v = {value}")) {
        Ok(mut t) => t.remove("v").unwrap_or_else(|| value.into()),
        Err(_) => toml::Value::String(value.into()),
    };
    let mut parts: Vec<&str> = key.trim().split('.').collect();
    let last = parts.pop().filter(|k| !k.is_empty()).ok_or_else(|| fail("the key is empty"))?;
    let mut at = table;
    for part in parts {
        let inner = at.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        at = inner.as_table_mut().ok_or_else(|| fail("a part of the key is a value, not a section"))?;
    }
    at.insert(last.into(), value);
    Ok(())
}

/// A serde message with the nearest valid key added to "unknown field".
fn explain(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let is_unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    match quoted.split_first() {
        Some((wrong, known)) if is_unknown && !known.is_empty() => unknown(wrong, known),
        _ => message.trim().to_string(),
    }
}

fn unknown(wrong: &str, known: &[&str]) -> String {
    let all = known.join(", ");
    match verisim_data::error::nearest(wrong, known.iter().copied()) {
        Some(near) => format!("unknown key `{wrong}`; did you mean `{near}`? (known here: {all})"),
        None => format!("unknown key `{wrong}`; known here: {all}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::image::Images;
    use verisim_data::table::Table;

    use super::*;

    fn config(text: &str, sets: &[&str]) -> Config {
        let sets: Vec<String> = sets.iter().map(|s| s.to_string()).collect();
        Config::new(text, Path::new("job.toml"), &sets)
    }

    fn parse(text: &str, sets: &[&str]) -> Result<Job<Table>> {
        config(text, sets).job()
    }

    const TVAE: &str = "[data]\npath = \"a.csv\"\n\n[model.tvae]\nlatent = 8\n\n[train]\nepochs = 3\n";

    #[test]
    fn a_wrong_key_is_named_with_its_line_and_the_nearest_one() {
        let error = parse(&TVAE.replace("latent", "latnet"), &[]).unwrap_err().to_string();
        assert!(error.contains("line 5") && error.contains("did you mean `latent`"), "{error}");
        let error = parse(&TVAE.replace("epochs", "epoch"), &[]).unwrap_err().to_string();
        assert!(error.contains("line 8") && error.contains("did you mean `epochs`"), "{error}");
        let error = parse(&TVAE.replace("3", "\"three\""), &[]).unwrap_err().to_string();
        assert!(error.contains("line 8"), "{error}");
    }

    #[test]
    fn a_model_is_told_before_its_kind_is_known() {
        assert_eq!(config(TVAE, &[]).model().unwrap(), "tvae");
        assert_eq!(config("[data]\npath = 1\n", &["model.flow.patch=2"]).model().unwrap(), "flow");
        let misspelt = config(&TVAE.replace("tvae", "tvea"), &[]);
        let error = misspelt.unknown_model(&misspelt.model().unwrap(), &["trees", "tvae"]).to_string();
        assert!(error.contains("line 4") && error.contains("did you mean `tvae`"), "{error}");
        let two = config(&format!("{TVAE}[model.trees]\n"), &[]).model().unwrap_err().to_string();
        assert!(two.contains("two models"), "{two}");
        let none = config("[data]\npath = 1\n", &[]).model().unwrap_err().to_string();
        assert!(none.contains("`model`"), "{none}");
    }

    #[test]
    fn a_key_of_another_kind_is_unknown() {
        let images = TVAE.replace("\"a.csv\"", "\"a.csv\"\nimages = { size = 32 }");
        let error = parse(&images, &[]).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("unknown key `images`"), "{error}");
        let error = parse(&format!("{TVAE}[augment]\nflip = true\n"), &[]).unwrap_err().to_string();
        assert!(error.contains("line 9") && error.contains("for images"), "{error}");
        let flow = "[data]\npath = \"a\"\nmissing = [\"?\"]\n[model.flow]\n";
        let error = config(flow, &[]).job::<Images>().unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("unknown key `missing`"), "{error}");
        let error = parse(&format!("{TVAE}accumulate = 2\n"), &[]).unwrap_err().to_string();
        assert!(error.contains("[train] accumulate is for images"), "{error}");
    }

    #[test]
    fn sets_take_the_place_of_the_file() {
        let job = parse(TVAE, &["train.epochs=7", "data.path=b.csv", "train.budget=5min"]).unwrap();
        assert_eq!(job.train.epochs, Some(7));
        assert_eq!(job.data.path, PathBuf::from("b.csv"));
        assert_eq!(job.training().unwrap().budget.unwrap().seconds, 300.0);
        let error = parse(TVAE, &["seed=3", "train.epoch=7"]).unwrap_err().to_string();
        assert!(error.starts_with("train.epoch=7: ") && error.contains("did you mean `epochs`"), "{error}");
        // Nor is a wrong setting hidden by what the file lacks.
        let error = parse("[model.tvae]\n", &["data.path=a.csv", "model.tvae.foo=1"]).unwrap_err().to_string();
        assert!(error.starts_with("model.tvae.foo=1: ") && error.contains("unknown key `foo`"), "{error}");
        assert!(parse(TVAE, &["epochs"]).unwrap_err().to_string().contains("key=value"));
    }

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
