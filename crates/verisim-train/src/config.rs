//! A config as text: read, changed by settings, and what is said of its mistakes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use toml::{Spanned, Table, Value};
use verisim_data::error::nearest;
use verisim_models::Learn;

use crate::error::{Error, Result};
use crate::job::Job;

/// A config as it was read, before it is known which kind of data its model learns.
#[derive(Clone, Debug)]
pub struct Config {
    path: PathBuf,
    text: String,
    sets: Vec<Set>,
}

/// A setting in place of what the config says.
#[derive(Clone, Debug)]
struct Set {
    /// As it was given.
    text: String,
    key: Vec<String>,
    value: Value,
}

impl Config {
    /// Reads the config at `path`, with `sets` (`train.epochs=5`) taking the place of what it says.
    ///
    /// # Errors
    /// When the file cannot be read, or a setting is none.
    pub fn read(path: &Path, sets: &[String]) -> Result<Config> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        Config::new(text, path, sets)
    }

    /// The config of this text; `path` is for messages.
    ///
    /// # Errors
    /// When a setting is none.
    pub fn new(text: impl Into<String>, path: &Path, sets: &[String]) -> Result<Config> {
        let sets = sets.iter().map(|set| Set::read(set)).collect::<Result<_>>()?;
        Ok(Config { path: path.into(), text: text.into(), sets })
    }

    /// The config with its data at `path`, unless a setting puts them elsewhere.
    ///
    /// # Errors
    /// When the path is no text, which a config could not hold.
    #[must_use = "the config is not changed in place"]
    pub fn at(mut self, path: &Path) -> Result<Config> {
        let Some(text) = path.to_str() else {
            return Err(Error::Unwritable { problem: format!("{} is no text; rename it", path.display()) });
        };
        let key = ["data", "path"].map(str::to_owned).to_vec();
        self.sets.insert(0, Set { text: format!("data.path={text}"), key, value: text.into() });
        Ok(self)
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
            (Some(one), Some(two)) => Err(self.two_models(&one, &two)),
        }
    }

    /// A second model that a setting brought is the fault of that setting.
    fn two_models(&self, one: &str, two: &str) -> Error {
        for (own, other) in [(one, two), (two, one)] {
            let brings = |set: &&Set| matches!(&set.key[..], [model, name, ..] if model == "model" && name == other);
            if let Some(set) = self.sets.iter().find(brings)
                && self.line_of_model(own).is_some()
                && self.line_of_model(other).is_none()
            {
                let problem = format!(
                    "the model of this config is {own}, whose keys are set as model.{own}.KEY; to learn with {other}, take a \
                     config of it"
                );
                return set.error(problem);
            }
        }
        self.error(self.line_of_model(two), format!("there are two models, {one} and {two}; a job has one"))
    }

    /// The error about a model of which no kind knows.
    pub fn unknown_model(&self, name: &str, known: &[&str]) -> Error {
        let brings = |set: &&Set| matches!(&set.key[..], [model, own, ..] if model == "model" && own == name);
        match (self.line_of_model(name), self.sets.iter().find(brings)) {
            (None, Some(set)) => set.error(unknown("model", name, known)),
            (line, _) => self.error(line, unknown("key", name, known)),
        }
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

    /// What it says, where it is not a job: the settings of something else.
    ///
    /// # Errors
    /// As [`Config::job`], but that nothing is checked beyond what can be read.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T> {
        self.parse()
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        let fail = |e: toml::de::Error| {
            let line = e.span().map(|s| self.text[..s.start.min(self.text.len())].matches('\n').count() + 1);
            self.error(line, explain(e.message(), "key"))
        };
        // The file itself first, for messages with line numbers; what it lacks may still come from the settings.
        let whole = toml::from_str::<T>(&self.text);
        if self.sets.is_empty() {
            return whole.map_err(fail);
        }
        let mut table: Table = toml::from_str(&self.text).map_err(fail)?;
        self.sets.iter().try_for_each(|set| set.apply(&mut table))?;
        match (T::deserialize(table), whole) {
            (Ok(job), _) => Ok(job),
            // What the file lacks may have been set: then the error is in the settings.
            (Err(_), Err(e)) if !e.message().starts_with("missing field") => Err(fail(e)),
            (Err(e), Err(own)) if e.message() == own.message() => Err(fail(own)),
            (Err(e), _) => Err(self.misset::<T>(e.message())),
        }
    }

    /// An error that the settings brought, told of the one that did: the first after which it is there.
    fn misset<T: DeserializeOwned>(&self, message: &str) -> Error {
        let mut table: Table = toml::from_str(&self.text).unwrap_or_default();
        let wrong = self.sets.iter().find(|set| {
            // All of them were applied before.
            let applied = set.apply(&mut table).is_ok();
            applied && T::deserialize(table.clone()).is_err_and(|e: toml::de::Error| e.message() == message)
        });
        let unknown = message.split('`').nth(1).unwrap_or_default();
        match wrong {
            Some(set) if set.key.len() > 1 && set.key[0] == unknown => set.error(explain(message, "section")),
            Some(set) => set.error(explain(message, "key")),
            None => self.error(None, explain(message, "key")),
        }
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

impl Set {
    /// Reads `a.b.c=value`. The value is TOML where it can be, else text.
    fn read(text: &str) -> Result<Set> {
        let fail = |problem: &str| Error::Set { text: text.into(), problem: problem.into() };
        let (key, value) = text.split_once('=').ok_or_else(|| fail("write it as key=value, e.g. train.epochs=5"))?;
        let value = match toml::from_str::<Table>(&format!("v = {value}")) {
            Ok(mut t) => t.remove("v").unwrap_or_else(|| value.into()),
            Err(_) => Value::String(value.into()),
        };
        let key: Vec<String> = key.trim().split('.').map(|part| part.trim().to_owned()).collect();
        if key.iter().any(String::is_empty) {
            return Err(fail("a part of the key is empty; write it as key=value, e.g. train.epochs=5"));
        }
        match &key[..] {
            [model] if model == "model" && !value.is_table() => {
                Err(fail("the model is a section; take a config of another model, or set a key as model.trees.bins=64"))
            }
            _ => Ok(Set { text: text.into(), key, value }),
        }
    }

    /// Puts the value in its place.
    fn apply(&self, table: &mut Table) -> Result<()> {
        let Some((last, parts)) = self.key.split_last() else { return Ok(()) };
        let mut at = table;
        for part in parts {
            let inner = at.entry(part.as_str()).or_insert_with(|| Value::Table(Table::new()));
            at = inner.as_table_mut().ok_or_else(|| {
                let problem = format!("`{part}` is a value, not a section; set it as a whole");
                Error::Set { text: self.text.clone(), problem }
            })?;
        }
        at.insert(last.clone(), self.value.clone());
        Ok(())
    }

    fn error(&self, problem: String) -> Error {
        Error::Setting { text: self.text.clone(), problem }
    }
}

fn is_unknown(message: &str) -> bool {
    message.starts_with("unknown field") || message.starts_with("unknown variant")
}

/// A message of serde in words for people; `what` it is that it does not know.
fn explain(message: &str, what: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match quoted.split_first() {
        Some((wrong, known)) if is_unknown(message) && !known.is_empty() => unknown(what, wrong, known),
        _ => mistyped(message).unwrap_or_else(|| message.trim().to_string()),
    }
}

fn unknown(what: &str, wrong: &str, known: &[&str]) -> String {
    let all = known.join(", ");
    match nearest(wrong, known.iter().copied()) {
        Some(near) => format!("unknown {what} `{wrong}`; did you mean `{near}`? (known here: {all})"),
        None => format!("unknown {what} `{wrong}`; known here: {all}"),
    }
}

/// `invalid type: string "five", expected usize` in words.
fn mistyped(message: &str) -> Option<String> {
    let message = message.trim();
    let rest = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "))?;
    let (found, wanted) = rest.rsplit_once(", expected ")?;
    let found = match found.split_once(' ') {
        Some(("string" | "integer" | "boolean", value)) => value.trim_matches('`'),
        Some(("floating", value)) => value.trim_start_matches("point ").trim_matches('`'),
        _ => match found {
            "map" => "a section",
            "sequence" => "a list",
            other => other,
        },
    };
    let wanted = match wanted {
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number from 0",
        "isize" | "i64" | "i32" => "a whole number",
        "f64" | "f32" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "text",
        "a sequence" => "a list, as [1, 2]",
        "a map" => "a section with keys of its own",
        other if other.starts_with("struct ") || other.starts_with("enum ") => "a section with keys of its own",
        other => other,
    };
    Some(format!("must be {wanted}, not {found}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::image::Images;

    use super::*;
    use crate::job::tests::{TVAE, config, parse};

    #[test]
    fn a_wrong_key_is_named_with_its_line_and_the_nearest_one() {
        let error = parse(&TVAE.replace("latent", "latnet"), &[]).unwrap_err().to_string();
        assert!(error.contains("line 5") && error.contains("did you mean `latent`"), "{error}");
        let error = parse(&TVAE.replace("epochs", "epoch"), &[]).unwrap_err().to_string();
        assert!(error.contains("line 8") && error.contains("did you mean `epochs`"), "{error}");
        let error = parse(&TVAE.replace("3", "\"three\""), &[]).unwrap_err().to_string();
        assert!(error.contains("line 8") && error.contains("whole number from 0, not \"three\""), "{error}");
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
        let job = config(TVAE, &[]).at(Path::new("1")).unwrap().job::<verisim_data::table::Table>().unwrap();
        assert_eq!(job.data.path, PathBuf::from("1"));
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_it_should_be() {
        let refused = |sets: &[&str], begin: &str, words: &[&str]| {
            let whole =
                Config::new(TVAE, Path::new("job.toml"), &sets.iter().map(|s| s.to_string()).collect::<Vec<_>>());
            let job = whole.and_then(|config| config.model().and_then(|_| config.job::<verisim_data::table::Table>()));
            let error = job.unwrap_err().to_string();
            assert!(error.starts_with(&format!("{begin}: ")), "{error}");
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        };
        refused(&["seed=3", "train.epoch=7"], "train.epoch=7", &["did you mean `epochs`"]);
        refused(&["seed=3", "train.epochs=five"], "train.epochs=five", &["whole number from 0, not \"five\""]);
        refused(&["train.epochs=-1", "train.ema=0"], "train.epochs=-1", &["whole number from 0, not -1"]);
        refused(&["train.cosine=1", "seed=1"], "train.cosine=1", &["true or false, not 1"]);
        refused(&["model.tvae.hidden=256", "seed=1"], "model.tvae.hidden=256", &["a list", "not 256"]);
        refused(&["trian.epochs=5", "seed=1"], "trian.epochs=5", &["unknown section `trian`", "did you mean `train`"]);
        refused(&["sede=5"], "sede=5", &["unknown key `sede`", "did you mean `seed`"]);
        refused(&["model=trees"], "model=trees", &["section", "model.trees.bins=64"]);
        refused(&["model.trees.bins=5"], "model.trees.bins=5", &["is tvae", "model.tvae.KEY", "trees"]);
        refused(&["train=5", "seed=1"], "train=5", &["section", "not 5"]);
        refused(&["seed.a=5"], "seed.a=5", &["whole number"]);
        refused(&["train..epochs=5"], "train..epochs=5", &["empty"]);
        refused(&["epochs"], "epochs", &["key=value"]);
        // Nor is a wrong setting hidden by what the file lacks.
        let error = parse("[model.tvae]\n", &["data.path=a.csv", "model.tvae.foo=1"]).unwrap_err().to_string();
        assert!(error.starts_with("model.tvae.foo=1: ") && error.contains("unknown key `foo`"), "{error}");
    }
}
