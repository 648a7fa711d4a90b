//! A job: what to learn, with which model and for how long. Read from one TOML file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use verisim_data::image::ImageOptions;
use verisim_data::table::io::ReadOptions;
use verisim_data::table::schema::DetectOptions;
use verisim_models::augment::Augment;
use verisim_models::{Kind, ModelConfig, Training};

use crate::error::{Error, Result};

/// A job as it stands in a config file. Every key but `data.path` and `model` has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Seed of everything random.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Where the results go; `runs/<name of the config>` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<PathBuf>,
    /// The table or the images to learn.
    pub data: Data,
    /// What is done to images on their way to the model, anew each time; they are learnt as they are when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// The model: `[model.trees]`, `[model.copula]`, `[model.tvae]` or `[model.ctgan]` for a table, `[model.vae]`,
    /// `[model.gan]` or `[model.flow]` for images.
    pub model: ModelConfig,
    /// How a neural model is trained, where it should differ from the model's own default.
    #[serde(default)]
    pub train: Train,
}

fn default_seed() -> u64 {
    42
}

/// The table or the images of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// CSV, Parquet or JSON lines; a folder of images, IDX files or an `.npz`; relative to the working directory.
    pub path: PathBuf,
    /// What separates the cells of a text file; found from its first lines when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// Texts that mean "no value here"; a default list when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Vec<String>>,
    /// Columns whose kind detection gets wrong: `age = "integer"`, `when = { kind = "datetime", format = "%d.%m.%Y" }`.
    #[serde(default, skip_serializing_if = "no_columns")]
    pub columns: DetectOptions,
    /// How images are read: `size = 32`, `channels = "rgb"`, `fit = "crop"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ImageOptions>,
}

fn no_columns(columns: &DetectOptions) -> bool {
    *columns == DetectOptions::default()
}

impl Data {
    /// How to read the file.
    pub fn options(&self) -> ReadOptions {
        let default = ReadOptions::default();
        ReadOptions {
            delimiter: self.delimiter,
            missing: self.missing.clone().unwrap_or(default.missing),
            columns: None,
        }
    }

    /// The first key that is set and has no meaning for what a model learns.
    fn stray(&self, kind: Kind) -> Option<&'static str> {
        match kind {
            Kind::Table => self.images.is_some().then_some("images"),
            Kind::Images if self.delimiter.is_some() => Some("delimiter"),
            Kind::Images if self.missing.is_some() => Some("missing"),
            Kind::Images => (!no_columns(&self.columns)).then_some("columns"),
        }
    }
}

/// Training settings of a job; what is not given is the model's default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Train {
    /// Passes over the data. Given, it is exact: no steps are added for small tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Longest training time instead, e.g. `"90s"`, `"5min"`, `"1h"`. A run that it ends depends on the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Fewest steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_steps: Option<usize>,
    /// Rows or images in a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<usize>,
    /// Parts of a batch that take turns, which needs less memory; for models of images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulate: Option<usize>,
    /// Computes activations again for the gradient rather than keeping them, which needs less memory and more time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recompute: Option<bool>,
    /// Highest learning rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Steps until the learning rate is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<usize>,
    /// Whether the rate falls along a cosine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosine: Option<bool>,
    /// Decay rates of Adam's moments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub betas: Option<[f64; 2]>,
    /// Decay of the weights a step, apart from the gradient (AdamW).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Largest joint norm of the gradients; 0 for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// Decay of the moving average of the weights; 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
    /// Share of the rows or images kept back to measure the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
    /// Measurements without improvement before training stops; 0 for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Steps between two lines of `metrics.jsonl`.
    pub log_every: Option<u64>,
    /// Seconds between two checkpoints.
    pub checkpoint_every: Option<u64>,
    /// Seconds between two pictures of what a model of images makes so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview_every: Option<u64>,
}

impl Train {
    /// `default` with the settings that are given here.
    pub fn over(&self, default: Training) -> Training {
        let given = self.clone();
        Training {
            batch_size: given.batch_size.unwrap_or(default.batch_size),
            accumulate: given.accumulate.unwrap_or(default.accumulate),
            recompute: given.recompute.unwrap_or(default.recompute),
            epochs: given.epochs.unwrap_or(default.epochs),
            min_steps: given.min_steps.unwrap_or(if given.epochs.is_some() { 0 } else { default.min_steps }),
            learning_rate: given.learning_rate.unwrap_or(default.learning_rate),
            warmup: given.warmup.unwrap_or(default.warmup),
            cosine: given.cosine.unwrap_or(default.cosine),
            betas: given.betas.unwrap_or(default.betas),
            weight_decay: given.weight_decay.unwrap_or(default.weight_decay),
            clip: given.clip.unwrap_or(default.clip),
            ema: given.ema.unwrap_or(default.ema),
            validation: given.validation.unwrap_or(default.validation),
            patience: given.patience.unwrap_or(default.patience),
        }
    }

    /// These settings with every default of `training` written out.
    fn filled(&self, t: &Training) -> Train {
        Train {
            epochs: Some(t.epochs),
            budget: self.budget,
            min_steps: Some(t.min_steps),
            batch_size: Some(t.batch_size),
            accumulate: (t.accumulate > 1).then_some(t.accumulate),
            recompute: t.recompute.then_some(true),
            learning_rate: Some(t.learning_rate),
            warmup: Some(t.warmup),
            cosine: Some(t.cosine),
            betas: Some(t.betas),
            weight_decay: Some(t.weight_decay),
            clip: Some(t.clip),
            ema: Some(t.ema),
            validation: Some(t.validation),
            patience: Some(t.patience),
            log_every: Some(self.log_every()),
            checkpoint_every: Some(self.checkpoint_every()),
            preview_every: self.preview_every,
        }
    }

    /// Steps between two log lines: 50 unless given.
    pub fn log_every(&self) -> u64 {
        self.log_every.unwrap_or(50).max(1)
    }

    /// Seconds between two checkpoints: 60 unless given.
    pub fn checkpoint_every(&self) -> u64 {
        self.checkpoint_every.unwrap_or(60)
    }
}

/// A stretch of time, written `90s`, `5min` or `1.5h`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Budget {
    /// Its length in seconds.
    pub seconds: f64,
}

impl TryFrom<String> for Budget {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
        let unit = match text[digits.len()..].trim() {
            "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(format!("`{text}` is no time; write it like \"90s\", \"5min\" or \"1h\"")),
        };
        match digits.trim().parse::<f64>() {
            Ok(x) if x > 0.0 && x.is_finite() => Ok(Budget { seconds: x * unit }),
            _ => Err(format!("`{text}` is no time; write it like \"90s\", \"5min\" or \"1h\"")),
        }
    }
}

impl From<Budget> for String {
    fn from(b: Budget) -> String {
        format!("{}s", b.seconds)
    }
}

impl Job {
    /// Reads and checks the config at `path`, with `sets` (`train.epochs=5`) taking the place of what it says.
    pub fn read(path: &Path, sets: &[String]) -> Result<Job> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })?;
        let job = Job::parse(&text, path, sets)?;
        job.check()?;
        Ok(job)
    }

    /// Reads a config from its text; `path` is for messages.
    pub fn parse(text: &str, path: &Path, sets: &[String]) -> Result<Job> {
        let fail = |e: toml::de::Error, lines: bool| {
            let line = e.span().filter(|_| lines).map(|s| text[..s.start.min(text.len())].matches('\n').count() + 1);
            Error::Config { path: path.into(), line, problem: explain(e.message()) }
        };
        // The file itself first, for messages with line numbers; a job without data.path may still get it from --set.
        let whole = toml::from_str::<Job>(text);
        if sets.is_empty() {
            return whole.map_err(|e| fail(e, true));
        }
        let mut table: toml::Table = toml::from_str(text).map_err(|e| fail(e, true))?;
        for set in sets {
            apply(&mut table, set)?;
        }
        let merged = toml::to_string(&table).unwrap_or_default();
        match (toml::from_str::<Job>(&merged), whole) {
            (Ok(job), _) => Ok(job),
            (Err(_), Err(e)) => Err(fail(e, true)),
            (Err(e), Ok(_)) => Err(Error::Set { text: sets.join(" "), problem: explain(e.message()) }),
        }
    }

    /// Refuses settings that make no sense, naming the key.
    pub fn check(&self) -> Result<()> {
        self.model.check()?;
        let (name, kind) = (self.model.name(), self.model.kind());
        let other = if kind == Kind::Table { "images" } else { "tables" };
        if let Some(key) = self.data.stray(kind) {
            return Err(Error::Nothing(format!("data.{key} is for {other}, and {name} learns none; remove it")));
        }
        match &self.augment {
            Some(_) if kind == Kind::Table => {
                return Err(Error::Nothing(format!("[augment] is for images, and {name} learns none; remove it")));
            }
            Some(augment) => augment.check()?,
            None => {}
        }
        let set = [
            ("accumulate", self.train.accumulate.is_some()),
            ("recompute", self.train.recompute.is_some()),
            ("preview_every", self.train.preview_every.is_some()),
        ];
        if let Some((key, _)) = set.iter().find(|(_, given)| *given && kind == Kind::Table) {
            return Err(Error::Nothing(format!("train.{key} is for images, and {name} learns none; remove it")));
        }
        match self.training() {
            Some(training) => {
                training.check()?;
                self.model.check_training(&training)?;
            }
            None if self.train != Train::default() => {
                return Err(Error::Nothing(format!(
                    "[train] has no meaning for {}, which is fitted in closed form; remove the section",
                    self.model.name()
                )));
            }
            None => {}
        }
        Ok(())
    }

    /// How the model is trained; `None` when it has a closed form.
    pub fn training(&self) -> Option<Training> {
        Some(self.train.over(self.model.training()?))
    }

    /// The job with every default written out, as TOML.
    pub fn filled(&self) -> String {
        let mut job = self.clone();
        if let Some(training) = self.training() {
            job.train = self.train.filled(&training);
        }
        toml::to_string(&job).unwrap_or_default()
    }
}

/// Sets `a.b.c=value` in a table. The value is read as TOML where it can be, else as text.
fn apply(table: &mut toml::Table, set: &str) -> Result<()> {
    let fail = |problem: &str| Error::Set { text: set.into(), problem: problem.into() };
    let (key, value) = set.split_once('=').ok_or_else(|| fail("write it as key=value, e.g. --set train.epochs=5"))?;
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
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    match quoted.split_first() {
        Some((wrong, valid)) if unknown && !valid.is_empty() => {
            match verisim_data::error::nearest(wrong, valid.iter().copied()) {
                Some(near) => {
                    format!("unknown key `{wrong}`; did you mean `{near}`? (known here: {})", valid.join(", "))
                }
                None => format!("unknown key `{wrong}`; known here: {}", valid.join(", ")),
            }
        }
        _ => message.trim().to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(text: &str, sets: &[&str]) -> Result<Job> {
        let sets: Vec<String> = sets.iter().map(|s| s.to_string()).collect();
        Job::parse(text, Path::new("job.toml"), &sets)
    }

    const TVAE: &str = "[data]\npath = \"a.csv\"\n\n[model.tvae]\nlatent = 8\n\n[train]\nepochs = 3\n";

    #[test]
    fn a_wrong_key_is_named_with_its_line_and_the_nearest_one() {
        let error = parse(&TVAE.replace("latent", "latnet"), &[]).unwrap_err().to_string();
        assert!(error.contains("line 5") && error.contains("did you mean `latent`"), "{error}");
        let error = parse(&TVAE.replace("epochs", "epoch"), &[]).unwrap_err().to_string();
        assert!(error.contains("line 8") && error.contains("did you mean `epochs`"), "{error}");
        let error = parse(&TVAE.replace("tvae", "tvea"), &[]).unwrap_err().to_string();
        assert!(error.contains("line 4") && error.contains("`tvae`"), "{error}");
        let error = parse(&TVAE.replace("3", "\"three\""), &[]).unwrap_err().to_string();
        assert!(error.contains("line 8"), "{error}");
    }

    #[test]
    fn sets_take_the_place_of_the_file() {
        let job = parse(TVAE, &["train.epochs=7", "data.path=b.csv", "train.budget=5min"]).unwrap();
        assert_eq!(job.train.epochs, Some(7));
        assert_eq!(job.data.path, PathBuf::from("b.csv"));
        assert_eq!(job.train.budget.unwrap().seconds, 300.0);
        let error = parse(TVAE, &["train.epoch=7"]).unwrap_err().to_string();
        assert!(error.contains("did you mean `epochs`"), "{error}");
        assert!(parse(TVAE, &["epochs"]).unwrap_err().to_string().contains("key=value"));
    }

    #[test]
    fn the_filled_config_reads_back_as_the_same_job() {
        let job = parse(TVAE, &[]).unwrap();
        let again = parse(&job.filled(), &[]).unwrap();
        assert_eq!(job.training(), again.training());
        assert_eq!(again.filled(), job.filled());
    }

    #[test]
    fn closed_forms_refuse_training_settings() {
        let job = parse("[data]\npath = \"a.csv\"\n[model.trees]\n[train]\nepochs = 3\n", &[]).unwrap();
        assert!(job.check().unwrap_err().to_string().contains("trees"));
        assert!(parse("[data]\npath = \"a.csv\"\n[model.trees]\n[train]\nbudget = \"5 parsecs\"\n", &[]).is_err());
    }
}
