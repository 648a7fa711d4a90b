//! Measuring how fast a model trains and samples on a device.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use verisim_data::Quiet;
use verisim_infer::{Artefact, Generate, Generator as _, draw};
use verisim_train::Job;
use verisim_train::bench::measure;
pub use verisim_train::bench::{Figures, Spread};

use crate::device::Chosen;
use crate::error::{Error, Result};
use crate::kind::Kind;

/// What was measured of one model on one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The hardware and driver behind the device, where it tells.
    pub adapter: Option<String>,
    /// The training.
    pub training: Figures,
    /// Seconds a row or image in sampling.
    pub sampling: Spread,
    /// Memory that was reserved on a card, in bytes.
    pub card_memory: Option<u64>,
}

/// A job to be measured.
#[derive(Clone, Debug)]
pub struct Case {
    /// The model.
    pub model: String,
    /// What is counted: rows or images.
    pub unit: &'static str,
    /// The data that the config names.
    pub data: PathBuf,
    /// Whether there is something at that place.
    pub there: bool,
    /// What the kind calls its stand-in data, e.g. `stand-in table`.
    pub stand_in: &'static str,
}

/// The measurement of a job of kind `K`; `K` need not be among the kinds that the verbs know.
///
/// # Errors
/// As training and sampling.
pub fn of_kind<K: Kind>(job: &Job<K>, on: &Chosen, out: &Path, seconds: f64, begun: Instant) -> Result<Measured> {
    let (training, model) = measure(job, &on.machine, out, seconds, begun)?;
    let artefact = Artefact::<K>::open(&model, &on.machine.device)?;
    let sampling = sampling(&artefact, seconds)?;
    // What burn has reserved there it keeps for itself, so that this is about the most that it ever had.
    Ok(Measured { adapter: on.adapter(), training, sampling, card_memory: on.card_memory() })
}

/// Seconds a row or image, over `seconds` of sampling after one round of warm-up. Nothing is written.
fn sampling<K: Kind>(artefact: &Artefact<K>, seconds: f64) -> Result<Spread> {
    let round = |seed: u64| -> Result<u64> {
        let ask: <K as Generate>::Ask = K::bench_ask(seed);
        let plan = artefact.plan(&ask)?;
        Ok(draw(&*plan, &mut |_| Ok(()), &mut Quiet)?.count)
    };
    round(0)?;
    let counted = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || counted.elapsed().as_secs_f64() < seconds {
        let at = Instant::now();
        let count = round(1 + times.len() as u64)?;
        times.push(at.elapsed().as_secs_f64() / count as f64);
    }
    Spread::of(&times).ok_or_else(|| Error::Ask { problem: "nothing was sampled; give more seconds".into() })
}
