//! From a job to an artefact: read, encode, fit, write.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use verisim_data::file::write_atomically;
use verisim_data::number::grouped;
use verisim_data::rng::{permutation, stream};
use verisim_data::{Event, Watch};
use verisim_models::artefact::{self, FORMAT, Header, Provenance};
use verisim_models::compute::{self, Device};
use verisim_models::learn::CPU_SHARDS;
use verisim_models::{Counter, Learn, Model as _, Models as _, Ready, Setup, Split, Start, Trainee, Training, Weights};

use crate::checkpoint::{self, Of};
use crate::directory::{Directory, clear_pictures, set_aside};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::steps::{State, Stop, steps};

/// What computes.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The device, without gradients.
    pub device: Device,
    /// True for a GPU, where a batch is one shard.
    pub gpu: bool,
}

/// Where results go, and where training steps begin.
#[derive(Clone, Debug)]
pub struct Results {
    /// The run directory.
    pub out: PathBuf,
    /// Where training steps begin.
    pub begin: Begin,
}

/// Where training steps begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begin {
    /// With a fresh model.
    #[default]
    Anew,
    /// With the checkpoint of a stopped run.
    Resume,
    /// Nowhere: the model is made of what the checkpoint of a stopped run has learnt. The run can still be resumed.
    Finish,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// The artefact is written.
    Done {
        /// The artefact.
        model: PathBuf,
        /// Seconds of fitting, without reading.
        seconds: f64,
    },
    /// Stopped on request; the checkpoint is written.
    Stopped {
        /// Steps done.
        step: u64,
    },
}

/// Runs a job from its data to its artefact.
///
/// # Errors
/// When the data cannot be read or learnt, the device fails, the loss diverges, or results cannot be written.
pub fn run<K: Learn>(job: &Job<K>, machine: &Machine, results: &Results, watch: &mut dyn Watch) -> Result<Ended> {
    let begun = Instant::now();
    let lesson = Lesson::prepare(job, watch)?;
    lesson.tell(begun, watch);
    let out = results.out.as_path();
    std::fs::create_dir_all(out).map_err(Error::io(out))?;
    let config = job.filled(Some(out))?;
    let begun = Instant::now();
    if results.begin == Begin::Anew {
        checkpoint::refuse(out)?;
        if let Some(to) = set_aside(out)? {
            let to = to.display();
            watch.on(Event::Note(format!("the results of another training were here; they are now in {to}")));
        }
    }
    let learnt = match lesson.start_told(machine, watch)? {
        Start::Fitted(weights) => Learnt { weights, steps: None },
        Start::Steps(mut trainee) => {
            let mut state = State::default();
            match train(&lesson, trainee.as_mut(), &mut state, results, watch)? {
                Stop::Over => Learnt { weights: trainee.finish(job.seed)?, steps: Some(state.step) },
                Stop::Asked => return Ok(Ended::Stopped { step: state.step }),
            }
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    write_atomically(&out.join("config.toml"), config.as_bytes())?;
    let model = lesson.write(learnt, out)?;
    if results.begin != Begin::Finish {
        checkpoint::remove(out);
    }
    Ok(Ended::Done { model, seconds })
}

/// Trains from where `results` say to begin.
fn train<K: Learn>(
    lesson: &Lesson<'_, K>,
    trainee: &mut dyn Trainee<K>,
    state: &mut State,
    results: &Results,
    watch: &mut dyn Watch,
) -> Result<Stop> {
    let (job, training, out) = (lesson.job, &lesson.training, results.out.as_path());
    let of = Of { config: job.hash()?, data: lesson.ready.hash.clone() };
    match results.begin {
        Begin::Anew => clear_pictures(out)?,
        Begin::Resume | Begin::Finish => {
            let (found, weights) = checkpoint::load(out, &of)?;
            trainee.load(weights)?;
            *state = found;
        }
    }
    if results.begin == Begin::Finish {
        return Ok(Stop::Over);
    }
    let per_epoch = trainee.steps_per_epoch();
    let total = training.steps(per_epoch);
    watch.on(Event::Note(format!("training for at most {total} steps, {per_epoch} an epoch")));
    let done = (results.begin == Begin::Resume).then_some(state.step);
    let by = (job.model.name(), lesson.provenance(None)?);
    let mut directory = Directory::<K>::open(out, of, (training, job.seed), lesson.spec(), by, done)?;
    watch.on(Event::Begin { unit: "steps", total, done: state.step });
    let stop = steps(trainee, training, job.seed, state, &mut directory, watch);
    watch.on(Event::End);
    stop
}

/// What a model has learnt, and in how many steps if it takes steps.
pub(crate) struct Learnt {
    pub(crate) weights: Weights,
    pub(crate) steps: Option<u64>,
}

/// The data of a job made ready, and which of them are learnt.
pub(crate) struct Lesson<'a, K: Learn> {
    job: &'a Job<K>,
    /// Settings of the training; of a model that is fitted at once they have no meaning.
    pub(crate) training: Training,
    pub(crate) ready: Ready<K>,
    pub(crate) train: Vec<usize>,
    validation: Vec<usize>,
    augment: K::Augment,
}

/// Tells `watch` what `counter` counts, until the sender of `over` is gone.
fn tell_until(over: Receiver<()>, counter: &Counter, watch: &mut dyn Watch) {
    const EVERY: Duration = Duration::from_millis(200);
    let mut begun = false;
    while over.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let (done, total) = counter.read();
        if total > 0 && !begun {
            watch.on(Event::Busy { unit: "columns", total });
            begun = true;
        }
        if begun {
            watch.on(Event::done(done));
        }
    }
    if begun {
        watch.on(Event::End);
    }
}

impl<'a, K: Learn> Lesson<'a, K> {
    /// Reads, understands and encodes the data of a job, and keeps some for validation.
    pub(crate) fn prepare(job: &'a Job<K>, watch: &mut dyn Watch) -> Result<Self> {
        let ready = K::read(&job.data, watch)?.encode(&job.data, &job.model.encoding())?;
        let training = job.training();
        let share = training.as_ref().map_or(0.0, |t| t.validation);
        let (train, validation) = match K::in_order(&ready.encoded) {
            true => {
                let learnt = ready.count - (ready.count as f64 * share) as usize;
                ((0..learnt).collect(), (learnt..ready.count).collect())
            }
            false => split(ready.count, share, job.seed),
        };
        let augment = job.augment.clone().unwrap_or_default();
        Ok(Lesson { job, training: training.unwrap_or_default(), ready, train, validation, augment })
    }

    fn tell(&self, begun: Instant, watch: &mut dyn Watch) {
        let (count, seconds) = (grouped(self.ready.count as u64), begun.elapsed().as_secs_f64());
        watch.on(Event::Note(format!("read {count} {}{}, in {seconds:.2} s", K::UNIT, self.ready.told)));
        self.ready.notes.iter().for_each(|note| watch.on(Event::Note(note.clone())));
    }

    /// A fitted model, or a fresh one to train; `watch` hears how far a fit is.
    fn start_told(&self, machine: &Machine, watch: &mut dyn Watch) -> Result<Start<K>> {
        let counter = Counter::default();
        let (working, over) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(|| tell_until(over, &counter, watch));
            let start = self.start(machine, &counter);
            // This, or a panic before it, ends the telling.
            drop(working);
            start
        })
    }

    /// A fitted model, or a fresh one to train. `counter` counts what is fitted.
    pub(crate) fn start(&self, machine: &Machine, counter: &Counter) -> Result<Start<K>> {
        let device = compute::tracking(&machine.device, self.training.recompute);
        let shards = if machine.gpu { 1 } else { CPU_SHARDS };
        let setup = Setup { training: &self.training, seed: self.job.seed, device: &device, shards, counter };
        let split = Split {
            encoded: &self.ready.encoded,
            train: &self.train,
            validation: &self.validation,
            augment: &self.augment,
        };
        Ok(self.job.model.start(&split, &setup)?)
    }

    fn spec(&self) -> K::Spec {
        K::spec(&self.ready.encoded, &self.train)
    }

    fn provenance(&self, steps: Option<u64>) -> Result<Provenance> {
        let name = K::path(&self.job.data).file_name();
        Ok(Provenance {
            version: env!("CARGO_PKG_VERSION").into(),
            data: name.map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
            data_hash: self.ready.hash.clone(),
            config_hash: self.job.hash()?,
            rows: self.train.len() as u64,
            seed: self.job.seed,
            steps,
        })
    }

    /// Writes the artefact to the folder `out` and returns its path.
    pub(crate) fn write(&self, learnt: Learnt, out: &Path) -> Result<PathBuf> {
        let source = self.job.data.clone();
        // Folders are nobody's business but their owner's.
        let name = K::path(&source).file_name().map(PathBuf::from).unwrap_or_default();
        let header = Header::<K> {
            format: FORMAT,
            model: self.job.model.clone(),
            source: Some(K::at(source, &name)),
            spec: self.spec(),
            provenance: self.provenance(learnt.steps)?,
        };
        let model = out.join("model.safetensors");
        artefact::save(&model, &header, &learnt.weights)?;
        Ok(model)
    }
}

/// Which of the data to learn and which to keep for validation, at random. Too few to spare keep nothing back.
fn split(count: usize, share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let back = (count as f64 * share) as usize;
    if back < 10 {
        return ((0..count).collect(), Vec::new());
    }
    let mut learn = permutation(&mut stream(seed, "validation", 0), count);
    let rest = learn.split_off(back);
    (rest, learn)
}
