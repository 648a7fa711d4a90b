//! From a job to an artefact: read, detect, encode, fit, write.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use verisim_data::table::codec::{Encoded, TableCodec};
use verisim_data::image::{Images, Reading, grid, png_bytes};
use verisim_data::rng::{mix, permutation, stream};
use verisim_data::{Column, Frame, Schema, Table};
use verisim_models::artefact::{self, Content, Header, Provenance, write_atomically};
use verisim_models::image::{labels_of, sheet};
use verisim_models::read;
use verisim_models::step::{CPU_SHARDS, Cuts};
use verisim_models::{Clock, ImageSetup, ImageSpec, Kind, Losses, Setup, Trainee, Training, Weights};

use crate::checkpoint::{self, State};
use crate::error::{Error, Result};
use crate::job::Job;

/// What happens during a run, for progress bars and logs.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// The table was read and understood.
    Read {
        /// Its schema.
        schema: &'a Schema,
        /// Its rows.
        rows: usize,
        /// How long it took.
        took: Duration,
    },
    /// The images were read.
    ReadImages {
        /// The images.
        images: &'a Images,
        /// How they were found, and what could not be read.
        reading: &'a Reading,
        /// How long it took.
        took: Duration,
    },
    /// The results of another training were in the way.
    SetAside {
        /// The folder that they are now in.
        to: &'a Path,
    },
    /// Training begins.
    Start {
        /// Steps already done, by the checkpoint that is resumed.
        done: u64,
        /// Steps in all.
        steps: u64,
        /// Steps that see every row once.
        per_epoch: u64,
    },
    /// A step was done; losses only on logged steps.
    Step {
        /// Steps done.
        step: u64,
        /// Names and values of the losses.
        losses: &'a [(&'static str, f64)],
        /// The score on rows kept back, when it was measured now.
        score: Option<f64>,
        /// Whether the score is the best so far.
        best: bool,
    },
    /// Training ended before its last step.
    Stopped {
        /// Why, for people.
        why: String,
    },
    /// A model without training steps is being fitted, or a trained one finished.
    Finishing,
}

/// How to run a job.
pub struct Options<'a> {
    /// Where the results go.
    pub out: PathBuf,
    /// Where training steps begin.
    pub begin: Begin,
    /// Set from outside (Ctrl-C) to stop with a checkpoint.
    pub stop: &'a AtomicBool,
    /// The device, without gradients.
    pub device: Device,
    /// True for a GPU: the batch is one shard.
    pub gpu: bool,
    /// Version of the program, for the provenance.
    pub version: &'a str,
}

/// Where training steps begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// With a fresh model.
    Anew,
    /// With the checkpoint of a stopped run.
    Resume,
    /// Nowhere: the model is made of what the checkpoint of a stopped run has learnt. The run can still be resumed.
    Finish,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The artefact is written.
    Done {
        /// The artefact.
        model: PathBuf,
        /// Seconds of fitting, without reading.
        seconds: f64,
    },
    /// Stopped on request; the checkpoint is written.
    Interrupted {
        /// Steps done.
        step: u64,
    },
}

/// Data made ready for a model.
pub enum Prepared {
    /// A table.
    Table {
        /// What its columns mean.
        schema: Schema,
        /// How they are encoded.
        codec: TableCodec,
        /// The table, encoded.
        encoded: Encoded,
        /// Hash of the typed table.
        hash: String,
    },
    /// Images.
    Images {
        /// The images.
        images: Arc<Images>,
        /// How they were found.
        reading: Reading,
        /// Hash of the decoded images.
        hash: String,
    },
}

impl Prepared {
    pub(crate) fn len(&self) -> usize {
        match self {
            Prepared::Table { encoded, .. } => encoded.rows,
            Prepared::Images { images, .. } => images.len(),
        }
    }

    /// Which rows or images to learn and which to keep back; all to learn for a model without training.
    pub(crate) fn split(&self, training: Option<&Training>, seed: u64) -> (Vec<usize>, Vec<usize>) {
        split(self.len(), training.map_or(0.0, |t| t.validation), seed)
    }

    fn hash(&self) -> &str {
        match self {
            Prepared::Table { hash, .. } | Prepared::Images { hash, .. } => hash,
        }
    }

    /// What a model of the data at `train` makes.
    fn content(self, train: &[usize]) -> Content {
        match self {
            Prepared::Table { schema, codec, .. } => Content::Table { schema, codec },
            Prepared::Images { images, .. } => Content::Images { images: ImageSpec::of(&images, train) },
        }
    }
}

/// Reads the data of a job; a table is detected and encoded too.
pub fn prepare(job: &Job) -> Result<Prepared> {
    match job.model.codec() {
        Some(codec) => {
            let table = Table::read(&job.data.path, &job.data.options())?;
            let schema = Schema::detect(&table, &job.data.columns)?;
            let frame = schema.parse(&table)?;
            drop(table);
            if frame.columns.is_empty() {
                let kind = |f: &verisim_data::table::Field| format!("{} ({})", f.name, f.kind.name());
                return Err(Error::Nothing(format!(
                    "{} has no column that can be learnt: {}; set kinds under [data.columns]",
                    job.data.path.display(),
                    schema.fields.iter().map(kind).collect::<Vec<_>>().join(", ")
                )));
            }
            let codec = TableCodec::fit(&schema, &frame, &codec);
            let encoded = codec.encode(&frame);
            Ok(Prepared::Table { schema, codec, encoded, hash: hash_frame(&frame) })
        }
        None => {
            let (images, reading) = Images::read(&job.data.path, &job.data.images.clone().unwrap_or_default())?;
            let hash = format!("{:016x}", images.hash()?);
            Ok(Prepared::Images { images: Arc::new(images), reading, hash })
        }
    }
}

/// Runs a job from its data to its artefact.
pub fn run(job: &Job, options: &Options<'_>, on: &mut dyn FnMut(Event<'_>)) -> Result<Outcome> {
    let start = Instant::now();
    check_source(job)?;
    let prepared = prepare(job)?;
    let took = start.elapsed();
    match &prepared {
        Prepared::Table { schema, encoded, .. } => on(Event::Read { schema, rows: encoded.rows, took }),
        Prepared::Images { images, reading, .. } => on(Event::ReadImages { images, reading, took }),
    }
    let out = options.out.as_path();
    fs::create_dir_all(out).map_err(|source| Error::Io { path: out.into(), source })?;
    let config = filled(job, out);
    let start = Instant::now();
    let training = job.training();
    let (train_index, kept_back) = prepared.split(training.as_ref(), job.seed);
    if options.begin == Begin::Anew {
        checkpoint::refuse(out)?;
        if let Some(to) = set_aside(out)? {
            on(Event::SetAside { to: &to });
        }
    }
    let (weights, steps) = match &training {
        None => {
            on(Event::Finishing);
            (fit_at_once(job, &prepared)?, None)
        }
        Some(training) => match train(job, training, &prepared, (&train_index, &kept_back), options, on)? {
            Ok((weights, steps)) => (weights, Some(steps)),
            Err(step) => return Ok(Outcome::Interrupted { step }),
        },
    };
    let seconds = start.elapsed().as_secs_f64();
    write_atomically(&out.join("config.toml"), config.as_bytes())?;
    let model = write_model(job, prepared, &train_index, (&weights, steps), options)?;
    if options.begin != Begin::Finish {
        checkpoint::remove(out);
    }
    Ok(Outcome::Done { model, seconds })
}

/// Writes the artefact of a model that learnt the data at `train`, in so many steps if it takes steps; returns its path.
pub(crate) fn write_model(
    job: &Job,
    prepared: Prepared,
    train: &[usize],
    (weights, steps): (&Weights, Option<u64>),
    options: &Options<'_>,
) -> Result<PathBuf> {
    let provenance = Provenance { steps, ..provenance(job, &prepared, train.len(), options) };
    let content = prepared.content(train);
    let header = Header { format: content.format(), model: job.model.clone(), content, provenance };
    let model = options.out.join("model.safetensors");
    artefact::save(&model, &header, weights)?;
    Ok(model)
}

/// Where a model comes from that learnt so many rows or images of the data.
fn provenance(job: &Job, prepared: &Prepared, learnt: usize, options: &Options<'_>) -> Provenance {
    Provenance {
        version: options.version.into(),
        data: job.data.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        data_hash: prepared.hash().into(),
        config_hash: config_hash(job),
        rows: learnt as u64,
        seed: job.seed,
        steps: None,
    }
}

/// Fits a model that has a closed form.
pub(crate) fn fit_at_once(job: &Job, prepared: &Prepared) -> Result<Weights> {
    match prepared {
        Prepared::Table { codec, encoded, .. } => Ok(job.model.fit(&codec.spans(), encoded, job.seed)?),
        Prepared::Images { .. } => {
            Err(Error::Nothing(format!("{} is fitted in closed form, and to tables alone", job.model.name())))
        }
    }
}

/// Refuses a table given to a model of images, and the reverse, with the models that would do.
pub(crate) fn check_source(job: &Job) -> Result<()> {
    let images = verisim_data::image::is_image_source(&job.data.path);
    let (path, name) = (job.data.path.display(), job.model.name());
    match job.model.kind() {
        Kind::Table if images => Err(Error::Nothing(format!(
            "{path} is a set of images, and {name} learns tables; choose [model.flow], [model.gan] or [model.vae]"
        ))),
        Kind::Images if !images && verisim_data::table::io::is_table(&job.data.path) => Err(Error::Nothing(format!(
            "{path} is a table, and {name} learns images; choose [model.trees], [model.copula], [model.tvae] or [model.ctgan]"
        ))),
        _ => Ok(()),
    }
}

fn filled(job: &Job, out: &Path) -> String {
    let mut job = job.clone();
    job.out = Some(out.into());
    job.filled()
}

/// Hash of everything that decides what is learnt: the filled config without where its results go.
pub fn config_hash(job: &Job) -> String {
    let mut job = job.clone();
    job.out = None;
    hash_words(job.filled().bytes().map(u64::from))
}

/// A fresh model of the data at `index`: what to learn, and what is kept back.
pub(crate) fn trainee(
    job: &Job,
    training: &Training,
    prepared: &Prepared,
    index: (&[usize], &[usize]),
    options: &Options<'_>,
) -> Result<Box<dyn Trainee>> {
    let device = options.device.clone().autodiff();
    let device = if training.recompute { device.gradient_checkpointing() } else { device };
    let shards = if options.gpu { 1 } else { CPU_SHARDS };
    let (learn, kept_back) = index;
    Ok(match prepared {
        Prepared::Table { codec, encoded, .. } => job.model.trainee(Setup {
            training,
            spans: &codec.spans(),
            train: &if kept_back.is_empty() { encoded.clone() } else { encoded.take(learn) },
            kept_back: &encoded.take(kept_back),
            seed: job.seed,
            device: &device,
            shards,
        })?,
        Prepared::Images { images, .. } => job.model.image_trainee(ImageSetup {
            training,
            images: images.clone(),
            train: learn.to_vec(),
            kept_back: kept_back.to_vec(),
            augment: job.augment.clone().unwrap_or_default(),
            seed: job.seed,
            device: &device,
            cuts: Cuts { together: shards, turns: training.accumulate },
        })?,
    })
}

/// Steps until done, stopped or interrupted: the weights and how many it took. `Err(step)` is an interruption at that step.
fn train(
    job: &Job,
    training: &Training,
    prepared: &Prepared,
    index: (&[usize], &[usize]),
    options: &Options<'_>,
    on: &mut dyn FnMut(Event<'_>),
) -> Result<std::result::Result<(Weights, u64), u64>> {
    let mut trainee = trainee(job, training, prepared, index, options)?;
    let spec = match prepared {
        Prepared::Table { .. } => None,
        Prepared::Images { images, .. } => Some(ImageSpec::of(images, index.0)),
    };
    let mut run = Run {
        job,
        training,
        out: &options.out,
        state: State { config: config_hash(job), data: prepared.hash().into(), ..State::default() },
        spec,
        provenance: provenance(job, prepared, index.0.len(), options),
        log: None,
        begun: Instant::now(),
        saved: Instant::now(),
        drawn: Instant::now(),
        drawing: Duration::ZERO,
    };
    if options.begin != Begin::Anew {
        let (state, weights) = checkpoint::load(&options.out, &run.state.config, &run.state.data)?;
        trainee.load(weights)?;
        run.state = state;
    } else {
        clear_pictures(&options.out)?;
    }
    if options.begin == Begin::Finish {
        on(Event::Finishing);
        return Ok(Ok((trainee.finish(job.seed)?, run.state.step)));
    }
    run.open_log(options.begin == Begin::Resume)?;
    run.steps(trainee.as_mut(), options.stop, on)
}

/// Moves the results of an earlier training by steps to a folder of their own, `previous-1` and so on, and returns it: hours may
/// have gone into them. A model that was fitted at once is left to be replaced.
fn set_aside(out: &Path) -> Result<Option<PathBuf>> {
    if !out.join("model.safetensors").exists() || !out.join("metrics.jsonl").exists() {
        return Ok(None);
    }
    let io = |path: &Path| -> Box<dyn Fn(std::io::Error) -> Error> {
        let path = path.to_owned();
        Box::new(move |source| Error::Io { path: path.clone(), source })
    };
    let mut number = 1;
    let to = loop {
        let to = out.join(format!("previous-{number}"));
        match fs::create_dir(&to) {
            Ok(()) => break to,
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(e) => return Err(io(&to)(e)),
        }
    };
    // The model before the log: a run that is killed in between leaves no more than the log to be replaced.
    for name in ["config.toml", "samples", "model.safetensors", "metrics.jsonl"] {
        let from = out.join(name);
        if from.exists() {
            fs::rename(&from, to.join(name)).map_err(io(&from))?;
        }
    }
    Ok(Some(to))
}

/// Removes the pictures of an earlier training in the same folder.
fn clear_pictures(out: &Path) -> Result<()> {
    let Ok(files) = fs::read_dir(out.join("samples")) else { return Ok(()) };
    for path in files.filter_map(|f| Some(f.ok()?.path())) {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("step-") && name.ends_with(".png") {
            fs::remove_file(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        }
    }
    Ok(())
}

/// A training under way.
struct Run<'a> {
    job: &'a Job,
    training: &'a Training,
    out: &'a Path,
    state: State,
    /// What the images are, for a model of images.
    spec: Option<ImageSpec>,
    provenance: Provenance,
    log: Option<File>,
    begun: Instant,
    saved: Instant,
    drawn: Instant,
    /// How long the last picture took.
    drawing: Duration,
}

impl Run<'_> {
    fn steps(
        &mut self,
        trainee: &mut dyn Trainee,
        stop: &AtomicBool,
        on: &mut dyn FnMut(Event<'_>),
    ) -> Result<std::result::Result<(Weights, u64), u64>> {
        let per_epoch = trainee.steps_per_epoch();
        let total = self.training.steps(per_epoch);
        let measure_every = per_epoch.max(50);
        let before = self.state.seconds;
        on(Event::Start { done: self.state.step, steps: total, per_epoch });
        while self.state.step < total {
            let progress = self.progress(total);
            if progress >= 1.0 {
                on(Event::Stopped { why: "the time budget is spent".into() });
                break;
            }
            let step = self.state.step;
            let rate = self.training.rate(progress, step);
            let losses = trainee.step(&Clock { seed: self.job.seed, step, rate })?;
            self.state.step += 1;
            self.state.seconds = before + self.begun.elapsed().as_secs_f64();
            // By steps or by time: the last step is looked at, whatever ends the training.
            let last = self.progress(total) >= 1.0;
            let logged = self.state.step.is_multiple_of(self.job.train.log_every()) || last;
            let measured = self.state.step.is_multiple_of(measure_every) || last;
            let values = if logged || measured { read(losses)? } else { Vec::new() };
            if let Some((_, value)) = values.iter().find(|(_, v)| !v.is_finite()) {
                return Err(self.diverged(*value, rate));
            }
            let score = if measured { trainee.validate()? } else { None };
            let best = score.is_some_and(|s| self.state.best.is_none_or(|b| s < b));
            if best {
                trainee.keep();
                self.state.best = score;
                self.state.stale = 0;
            } else if score.is_some() {
                self.state.stale += 1;
            }
            if !values.is_empty() {
                self.write_log(&values, score, rate)?;
            }
            on(Event::Step { step: self.state.step, losses: &values, score, best });
            if stop.load(Ordering::Relaxed) {
                self.checkpoint(trainee)?;
                return Ok(Err(self.state.step));
            }
            let tired = self.training.patience > 0 && self.state.stale >= self.training.patience;
            if last || tired || self.drawn.elapsed() >= self.preview_every() {
                self.preview(trainee)?;
            }
            if tired {
                on(Event::Stopped { why: format!("no improvement in {} measurements", self.state.stale) });
                break;
            }
            if self.saved.elapsed().as_secs() >= self.job.train.checkpoint_every() {
                self.checkpoint(trainee)?;
            }
        }
        on(Event::Finishing);
        Ok(Ok((trainee.finish(self.job.seed)?, self.state.step)))
    }

    /// Share of the training that is done, by steps or, under a budget, by time if that is further on.
    fn progress(&self, total: u64) -> f64 {
        let steps = self.state.step as f64 / total as f64;
        self.job.train.budget.map_or(steps, |b| steps.max(self.state.seconds / b.seconds))
    }

    fn checkpoint(&mut self, trainee: &dyn Trainee) -> Result<()> {
        checkpoint::save(self.out, &self.state, &trainee.save()?)?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Time between two pictures: a minute unless given, longer where they would take more than a twentieth of the time.
    fn preview_every(&self) -> Duration {
        match self.job.train.preview_every {
            Some(seconds) => Duration::from_secs(seconds),
            None => Duration::from_secs(60).max(20 * self.drawing),
        }
    }

    /// Draws what a model of images makes so far, from the same noise each time: `samples/step-000500.png`.
    fn preview(&mut self, trainee: &dyn Trainee) -> Result<()> {
        const WIDE: usize = 10;
        let begun = Instant::now();
        let (Some(spec), Some(sampler)) = (&self.spec, trainee.preview()) else { return Ok(()) };
        let folder = self.out.join("samples");
        fs::create_dir_all(&folder).map_err(|source| Error::Io { path: folder.clone(), source })?;
        let scale = (56 / spec.shape.height.max(spec.shape.width)).max(1);
        let (pixels, shape) =
            grid(&sheet(sampler.as_ref(), spec, self.job.seed, &[], WIDE)?, spec.shape, WIDE, 2, scale);
        let by = Provenance { steps: Some(self.state.step), ..self.provenance.clone() };
        let text = labels_of(self.job.model.name(), &by);
        let path = folder.join(format!("step-{:06}.png", self.state.step));
        write_atomically(&path, &png_bytes(&pixels, shape, &text)?)?;
        (self.drawing, self.drawn) = (begun.elapsed(), Instant::now());
        Ok(())
    }

    fn diverged(&self, value: f64, rate: f64) -> Error {
        let kept = if checkpoint::file(self.out).exists() {
            format!("the last good checkpoint is kept in {}", self.out.join("checkpoint").display())
        } else {
            "no checkpoint had been written yet".into()
        };
        Error::Diverged { step: self.state.step, value, rate: rate * self.training.learning_rate, kept }
    }

    /// Opens `metrics.jsonl`; when resuming, lines beyond the checkpoint are dropped.
    fn open_log(&mut self, resume: bool) -> Result<()> {
        let path = self.out.join("metrics.jsonl");
        let io = |source| Error::Io { path: path.clone(), source };
        if resume && path.exists() {
            let text = fs::read_to_string(&path).map_err(io)?;
            let within = |line: &&str| {
                let step = serde_json::from_str::<serde_json::Value>(line).ok().and_then(|v| v["step"].as_u64());
                step.is_some_and(|s| s <= self.state.step)
            };
            let kept: String = text.lines().filter(within).map(|l| format!("{l}\n")).collect();
            fs::write(&path, kept).map_err(io)?;
            self.log = Some(OpenOptions::new().append(true).open(&path).map_err(io)?);
        } else {
            self.log = Some(File::create(&path).map_err(io)?);
        }
        Ok(())
    }

    fn write_log(&mut self, losses: &[(&'static str, f64)], score: Option<f64>, rate: f64) -> Result<()> {
        let mut line = serde_json::Map::new();
        line.insert("step".into(), self.state.step.into());
        for (name, value) in losses {
            line.insert((*name).into(), (*value).into());
        }
        if let Some(score) = score {
            line.insert("validation".into(), score.into());
        }
        line.insert("learning_rate".into(), (rate * self.training.learning_rate).into());
        line.insert("seconds".into(), ((self.state.seconds * 1000.0).round() / 1000.0).into());
        let text = format!("{}\n", serde_json::Value::Object(line));
        let path = self.out.join("metrics.jsonl");
        match &mut self.log {
            Some(file) => file.write_all(text.as_bytes()).map_err(|source| Error::Io { path, source }),
            None => Ok(()),
        }
    }
}

/// Reads losses from the device: the one place where a step waits for it.
fn read(losses: Losses) -> Result<Vec<(&'static str, f64)>> {
    losses.into_iter().map(|(name, value)| Ok((name, read::number(value)?))).collect()
}

/// Which rows or images to learn and which to keep back, at random. Too few to spare keep nothing back.
fn split(count: usize, share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let back = (count as f64 * share) as usize;
    if back < 10 {
        return ((0..count).collect(), Vec::new());
    }
    let mut learn = permutation(&mut stream(seed, "validation", 0), count);
    let rest = learn.split_off(back);
    (rest, learn)
}

fn hash_words(words: impl Iterator<Item = u64>) -> String {
    format!("{:016x}", words.fold(0x7665_7269_7369_6d00, |h, w| mix(h ^ w)))
}

/// Hash of a typed table: values in order, categories by their text.
fn hash_frame(frame: &Frame) -> String {
    let mut parts = vec![frame.rows as u64];
    for column in &frame.columns {
        let hash = match column {
            Column::Number(v) => v.iter().fold(1, |h, x| mix(h ^ x.to_bits())),
            Column::Category { codes, levels } => {
                let text = levels.iter().flat_map(|l| l.bytes().chain([0])).fold(2, |h, b| mix(h ^ u64::from(b)));
                codes.iter().fold(text, |h, &c| mix(h ^ u64::from(c)))
            }
        };
        parts.push(hash);
    }
    hash_words(parts.into_iter())
}
