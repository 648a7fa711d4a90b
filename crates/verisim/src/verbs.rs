//! The verbs: what is asked finds its kind of data, and is done there.

use std::path::{Path, PathBuf};
use std::time::Instant;

use verisim_data::{Claim, Target, Watch};
use verisim_infer::{file_of, read};
use verisim_metrics::{Document, Record, SEED};

use crate::ask::Ask;
use crate::bench::{Case, Measured};
use crate::configs;
use crate::device::{Choice, choose};
use crate::error::{Error, Result};
use crate::impute::{self, Imputed};
use crate::kind::Inspected;
use crate::kinds::{self, Verb, kind_asked, kind_in, kind_of, kind_of_model};
use crate::sample::Sampled;
use crate::score::{self, Scores};
use crate::split::{self, Split};
use crate::train::{self, Trained};
use crate::written;

/// Learns what a config says, or data by the default model of their kind.
///
/// # Errors
/// When the config or the data cannot be used, the device fails, or the results cannot be written.
pub fn train(ask: &train::Ask, watch: &mut dyn Watch) -> Result<Trained> {
    let config = configs::find(&ask.config, ask.data.as_deref(), &ask.set)?;
    kind_of_model(&config)?.0.train(&config, ask, watch)
}

/// Draws a sample of the model at `model`, a run directory or a `.safetensors` file. What can be asked is in
/// [`table::Ask`](verisim_infer::table::Ask) and [`image::Ask`](verisim_infer::image::Ask).
///
/// # Errors
/// When the model cannot be opened, the sample cannot be met, or it cannot be written. A file that is there and is not as an earlier
/// sample left it is not replaced unless `force` is asked for.
pub fn sample(model: &Path, mut ask: Ask, to: Target<'_>, device: Choice, watch: &mut dyn Watch) -> Result<Sampled> {
    let on = choose(device)?;
    let file = read(model)?;
    let path = match &to {
        Target::Path(path) => Some(*path),
        Target::Stream(_) => None,
    };
    if let (Some(path), false) = (path, ask.take::<bool>("force")?.unwrap_or_default()) {
        written::check_own(path)?;
    }
    let sampled = kind_in(&file, model)?.sample(file, model, ask, to, &on, watch)?;
    path.into_iter().for_each(written::note);
    Ok(sampled)
}

/// Fills the holes of a table by the model at `model`, a run directory or a `.safetensors` file.
///
/// # Errors
/// When the model cannot be opened or completes no rows, the file cannot be read or lacks a column, or the result cannot be written.
/// A file that is there and is not as an earlier run left it is not replaced unless that is asked for.
pub fn impute(
    model: &Path,
    ask: &impute::Ask,
    to: Target<'_>,
    device: Choice,
    watch: &mut dyn Watch,
) -> Result<Imputed> {
    let on = choose(device)?;
    let file = read(model)?;
    let paths = match &to {
        Target::Path(path) => ask.paths(path),
        Target::Stream(_) => Vec::new(),
    };
    if !ask.replace {
        paths.iter().try_for_each(|path| written::check_own(path))?;
    }
    let imputed = kind_in(&file, model)?.impute(file, model, ask, to, &on, watch)?;
    paths.iter().for_each(|path| written::note(path));
    Ok(imputed)
}

/// Says how probable the rows of a table are under the model at `model`, and how unusual beside rows that it draws itself.
///
/// # Errors
/// When the model cannot be opened or cannot say, or the file cannot be read or lacks a column.
pub fn score(model: &Path, ask: &score::Ask, device: Choice, watch: &mut dyn Watch) -> Result<Scores> {
    let on = choose(device)?;
    let file = read(model)?;
    kind_in(&file, model)?.score(file, model, ask, &on, watch)
}

/// Compares synthetic data with real ones. What can be asked is in [`table::Ask`](verisim_metrics::table::Ask) and
/// [`image::Ask`](verisim_metrics::image::Ask), and `model`: a run directory or an artefact that says what the data are and how they
/// are read.
///
/// # Errors
/// When data cannot be read or compared.
pub fn evaluate(mut ask: Ask, watch: &mut dyn Watch) -> Result<Document> {
    ask.check()?;
    let command = ask.take::<String>("command")?;
    let seed = ask.take::<u64>("seed")?;
    ask = ask.with("seed", seed);
    let Some(real) = ask.text("real").map(PathBuf::from) else {
        return Err(Error::Ask { problem: "`real` is missing: the data that the model learnt".into() });
    };
    for other in ["synthetic", "holdout"].into_iter().filter_map(|name| ask.text(name)) {
        check_alike(Path::new(other), &real)?;
    }
    let at = ask.take::<PathBuf>("model")?;
    let (kind, model) = match &at {
        Some(path) => {
            let file = read(path)?;
            let (makes, surest) = (kind_in(&file, path)?, kind_of(&real));
            if makes.claims(&real) < surest.claims(&real) {
                return Err(Error::OtherModel { path: path.clone(), makes: makes.plural(), real, holds: surest.one() });
            }
            (makes, Some(file))
        }
        None => (kind_asked(&real, Verb::Evaluate, &ask), None),
    };
    let named =
        [("training", ask.text("real")), ("synthetic", ask.text("synthetic")), ("hold-out", ask.text("holdout"))];
    let files = named.into_iter().filter_map(|(role, path)| Some((role, PathBuf::from(path?))));
    let files: Vec<_> = files.chain(at.map(|path| ("model", path))).collect();
    let document = kind.evaluate(ask, model, watch)?;
    let record = Record::new(files.iter().map(|(role, path)| (*role, path.as_path())), command, seed.unwrap_or(SEED))?;
    Ok(document.recorded(&record))
}

/// Refuses data that are of another kind for sure.
fn check_alike(path: &Path, real: &Path) -> Result<()> {
    let (kind, other) = (kind_of(real), kind_of(path));
    // What is not there is missed by its reader.
    if kind.claims(path) != Claim::No || other.claims(path) == Claim::No || !kind.exists(real) {
        return Ok(());
    }
    Err(Error::Unlike { path: path.into(), holds: other.one(), real: real.into(), other: kind.one() })
}

/// Says what the data at `path` are, or the model in a run directory or a `.safetensors` file. What can be asked is in
/// [`table::InspectAsk`](crate::table::InspectAsk) and [`image::InspectAsk`](crate::image::InspectAsk).
///
/// # Errors
/// When nothing can be read there.
pub fn inspect(path: &Path, ask: Ask) -> Result<Inspected> {
    let file = file_of(path);
    let unfinished = path.join("checkpoint/state.safetensors").exists();
    if unfinished || file.exists() && file != path || path.extension().is_some_and(|e| e == "safetensors") {
        let file = read(path)?;
        let kind = kind_in(&file, path)?;
        // A model has nothing to be asked.
        kinds::read::<Nothing>(ask, Verb::Inspect, path, "a model")?;
        return kind.describe(file);
    }
    kind_asked(path, Verb::Inspect, &ask).inspect(path, ask)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Parts data into those to learn and those to keep back, and writes both.
///
/// # Errors
/// When the data cannot be read or parted so, or the parts cannot be written.
pub fn split(path: &Path, ask: &split::Ask) -> Result<Split> {
    kind_of(path).split(path, ask)
}

/// What a config would measure; its settings are checked.
///
/// # Errors
/// When the config cannot be used.
pub fn case(config: &Path, set: &[String]) -> Result<Case> {
    let config = configs::find(config, None, set)?;
    let (kind, model) = kind_of_model(&config)?;
    let (data, there) = kind.data(&config)?;
    Ok(Case { model, unit: kind.unit(), data, there, stand_in: kind.stand_in_name() })
}

/// Writes data that stand in for those of a config that has none, to `folder`, and returns where they are: what a step costs
/// hardly depends on what the data say.
///
/// # Errors
/// When the config cannot be used, or nothing can be written there.
pub fn stand_in(config: &Path, set: &[String], folder: &Path) -> Result<PathBuf> {
    kind_of_model(&configs::find(config, None, set)?)?.0.stand_in(folder)
}

/// Trains and samples for `seconds` each, after a warm-up of a quarter of that. `begun` is when the program started, and `out` a
/// folder for the model that comes of it.
///
/// # Errors
/// As training and sampling.
pub fn bench(
    config: &Path,
    set: &[String],
    device: Choice,
    out: &Path,
    seconds: f64,
    begun: Instant,
) -> Result<Measured> {
    let config = configs::find(config, None, set)?;
    let on = choose(device)?;
    kind_of_model(&config)?.0.measure(&config, &on, out, seconds, begun)
}

/// The names of all models of all kinds, each of which can be measured on stand-in data.
pub fn models() -> Vec<&'static str> {
    kinds::models()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_names() {
        let of = |path: &str| kind_of(Path::new(path)).plural();
        assert_eq!(["a.csv", "b.parquet", "c"].map(of), ["tables"; 3]);
        #[cfg(feature = "neural")]
        assert_eq!(of("d.npz"), "images");
    }
}
