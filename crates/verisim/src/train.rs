//! `train`: from a config to a run directory with an artefact in it.

use std::path::{Path, PathBuf};

use verisim_data::{Event, Watch};
use verisim_models::Models as _;
use verisim_train::{Begin, Ended, Job, Results, run};

use crate::device::{Choice, choose};
use crate::error::Result;
use crate::kind::Kind;

/// What a training is asked for.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The config file; or the name of one that came along; or data, which the default model of their kind learns.
    pub config: PathBuf,
    /// The data, in place of the config's.
    pub data: Option<PathBuf>,
    /// Keys of the config and what they are set to, `train.epochs=5`.
    pub set: Vec<String>,
    /// Where the results go; the config's `out`, else `runs/` and the name of the config, when not given.
    pub out: Option<PathBuf>,
    /// Seed of everything random, in place of the config's.
    pub seed: Option<u64>,
    /// Where to compute.
    pub device: Choice,
    /// Where training steps begin.
    pub begin: Begin,
}

/// What came of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The run directory.
    pub out: PathBuf,
    /// How the training ended.
    pub ended: Ended,
    /// Where a first sample could go: a file, or a folder.
    pub first: &'static str,
}

/// The training of a job of kind `K`; `K` need not be among the kinds that the verbs know.
///
/// # Errors
/// As [`train`](crate::train()).
pub fn of_kind<K: Kind>(mut job: Job<K>, ask: &Ask, watch: &mut dyn Watch) -> Result<Trained> {
    job.seed = ask.seed.unwrap_or(job.seed);
    let out = ask.out.clone().or(job.out.clone()).unwrap_or_else(|| default_out(&ask.config));
    let on = choose(ask.device)?;
    let (model, data) = (job.model.name(), K::path(&job.data));
    let say = |text: String| Event::Note(text);
    watch.on(say(format!("model {model}, device {}, seed {}, data {}", on.name, job.seed, data.display())));
    let mut begin = ask.begin;
    // A training that was stopped at what is learnt besides goes on there.
    let at_text = job.text.is_some() && begin != Begin::Anew && K::is_begun_besides(&out);
    if !at_text && job.training().is_none() && begin != Begin::Anew {
        begin = Begin::Anew;
        watch.on(say(format!("{model} is fitted at once, so there is nothing to go on with: it is fitted anew")));
    }
    let results = Results { out, begin };
    let mut ended = match at_text {
        true => Ended::Done { model: results.out.join("model.safetensors"), seconds: 0.0 },
        false => run(&job, &on.machine, &results, watch)?,
    };
    if job.text.is_some() && matches!(ended, Ended::Done { .. }) {
        let begin = if at_text { begin } else { Begin::Anew };
        ended = K::besides(&job, &on.machine, &Results { begin, ..results.clone() }, ended, watch)?;
    }
    let out = results.out;
    Ok(Trained { out, ended, first: K::FIRST })
}

/// `runs/` and the name of the config, or of data without one, without its ending; `.` has no name.
fn default_out(config: &Path) -> PathBuf {
    Path::new("runs").join(config.file_stem().unwrap_or("run".as_ref()))
}
