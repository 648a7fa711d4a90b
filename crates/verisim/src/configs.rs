//! The configs that come along, by their names.

use std::path::Path;

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};
use verisim_augment::Pipeline;
use verisim_data::Claim;
use verisim_data::error::nearest;
use verisim_train::Config;

use crate::error::{Error, Result};
use crate::kinds::{KINDS, kind_of, models};

/// A config that came with the program: any data of its kind can be learnt with it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// Its name, as `tvae`.
    pub name: &'static str,
    /// The file, which lists every key with its default.
    pub text: &'static str,
}

impl Shipped {
    /// What it is, in one line: the first sentence of the file.
    pub fn about(&self) -> String {
        let lines = self.text.lines().map(|line| line.trim_start_matches('#').trim());
        let first: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
        let all = first.join(" ");
        all.split_once(". ").map_or(all.as_str(), |(sentence, _)| sentence).trim_end_matches('.').to_owned()
    }

    /// The model that it names; configs say nothing before it that looks alike.
    fn model(&self) -> &'static str {
        let section = self.text.lines().find_map(|line| line.strip_prefix("[model."));
        section.and_then(|rest| rest.split(']').next()).unwrap_or_default()
    }
}

macro_rules! shipped {
    ($($name:literal)+) => {
        &[$(Shipped { name: $name, text: include_str!(concat!("../../../configs/", $name, ".toml")) }),+]
    };
}

const ALL: &[Shipped] = shipped! {
    "trees" "boost" "copula" "tokens" "tvae" "tvae-published" "ctgan" "ctgan-published" "flow" "flow-gpu" "gan" "gan-gpu" "vae" "vae-gpu"
    "var" "bootstrap" "markov" "hmm" "renewal" "events" "deepar" "timeflow" "lm-tiny" "lm-small"
};

/// The configs that came along, as far as this build knows their models.
pub fn configs() -> impl Iterator<Item = &'static Shipped> {
    let known = models();
    ALL.iter().filter(move |config| known.contains(&config.model()))
}

/// The one of this name.
///
/// # Errors
/// When there is none.
pub fn shipped(name: &str) -> Result<&'static Shipped> {
    configs().find(|config| config.name == name).ok_or_else(|| {
        let names: Vec<&str> = configs().map(|config| config.name).collect();
        let hint = nearest(name, names.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
        let problem = format!(
            "there is no config `{name}`{} Those that come along: {}",
            hint.unwrap_or_else(|| ".".into()),
            names.join(", ")
        );
        Error::Ask { problem }
    })
}

/// The config that `named` is: a file, one that came along by its name, or, where it is data, the default one of their kind. The
/// data are at `data` where that is given.
pub(crate) fn find(named: &Path, data: Option<&Path>, sets: &[String]) -> Result<Config> {
    let at = |config: Config, data: Option<&Path>| match data {
        Some(data) => config.at(data).map_err(Error::from),
        None => Ok(config),
    };
    let of = |shipped: &Shipped, data: Option<&Path>| {
        // The data that it names are an example.
        if data.is_none() && !sets.iter().any(|set| set.trim_start().starts_with("data.path")) {
            return Err(Error::NoData { config: shipped.name });
        }
        at(Config::new(shipped.text, Path::new(shipped.name), sets)?, data)
    };
    let own = named.to_str().and_then(|name| configs().find(|config| config.name == name));
    let kind = kind_of(named);
    let is_data = kind.claims(named) > Claim::No;
    let wrong = |problem: String| Err(Error::Ask { problem: format!("{}: {problem}", named.display()) });
    match own {
        Some(shipped) if !named.is_file() => of(shipped, data),
        _ if named.extension().is_some_and(|e| e == "toml") || named.is_file() && !is_data => {
            at(Config::read(named, sets)?, data)
        }
        _ if is_data && data.is_some() => {
            wrong(format!("is {}, and data are given beside it; name a config, or one of both", kind.one()))
        }
        _ if is_data => of(shipped(kind.default_model())?, Some(named)),
        _ if named.exists() => wrong("is neither a config nor data to learn; name what is".into()),
        _ => match shipped(&named.to_string_lossy()) {
            Ok(shipped) => of(shipped, data),
            Err(error) => wrong(format!("no such file, and {error}")),
        },
    }
}

/// The JSON schema of all configs, of models and of pipelines, by which editors complete and check them.
pub fn config_schema() -> Value {
    let mut generator = SchemaGenerator::default();
    let mut kinds: Vec<Schema> = KINDS.iter().filter_map(|kind| kind.config_schema(&mut generator)).collect();
    kinds.push(generator.subschema_for::<Pipeline>());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A config of verisim",
        "anyOf": kinds,
        "$defs": generator.take_definitions(true),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kinds::kind_of_model;

    #[test]
    fn every_config_is_of_a_known_model_and_says_what_it_is() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs")).unwrap();
        let files = files.map(|f| f.unwrap().path()).filter(|path| path.is_file());
        let mut names: Vec<String> = files.map(|f| f.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        let mut own: Vec<&str> = ALL.iter().map(|config| config.name).collect();
        own.sort();
        assert_eq!(names, own);
        for config in configs() {
            let (_, model) = kind_of_model(&Config::new(config.text, Path::new(config.name), &[]).unwrap()).unwrap();
            assert_eq!(model, config.model());
            assert!(config.about().len() > 20 && !config.about().starts_with('['), "{}", config.about());
        }
    }

    #[test]
    fn a_name_a_file_and_data_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        let model = |named: &Path, data: Option<&Path>| find(named, data, &[]).map(|config| config.model().unwrap());
        let table = at("a.csv", "x\n1\n");
        assert_eq!(model(Path::new("trees"), Some(&table)).unwrap(), "trees");
        assert!(model(Path::new("trees"), None).unwrap_err().to_string().contains("without data"));
        assert_eq!(model(&table, None).unwrap(), "trees");
        assert_eq!(model(&at("job.toml", "[model.copula]\n"), Some(&table)).unwrap(), "copula");
        assert_eq!(model(&at("job", "[model.copula]\n"), None).unwrap(), "copula");
        let error = model(Path::new("tres"), None).unwrap_err().to_string();
        assert!(error.contains("did you mean `trees`"), "{error}");
        assert!(model(&table, Some(&table)).unwrap_err().to_string().contains("a config"));
        assert_eq!(model(folder.path(), None).unwrap(), "trees");
        #[cfg(feature = "neural")]
        {
            let photos = tempfile::tempdir().unwrap();
            std::fs::write(photos.path().join("a.png"), "").unwrap();
            assert_eq!(model(photos.path(), None).unwrap(), "vae");
        }
    }
}
