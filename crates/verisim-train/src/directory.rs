//! The run directory: what a training leaves behind, on its way and at its end.
//!
//! | file | what |
//! |---|---|
//! | `config.toml` | the job, every default written out |
//! | `model.safetensors` | the artefact |
//! | `metrics.jsonl` | a line for each step that was looked at |
//! | `samples/step-000500.png` | pictures of what a model of images made on the way |
//! | `checkpoint/` | what a stopped training goes on from; gone when it is done |
//! | `previous-1/`, ... | the results of earlier trainings by steps |

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use verisim_data::file::write_atomically;
use verisim_models::artefact::Provenance;
use verisim_models::{Learn, Trainee, Training};

use crate::checkpoint::{self, Of};
use crate::error::{Error, Result};
use crate::steps::{Diary, Entry, State};

/// Moves the results of an earlier training by steps to a folder of their own, `previous-1` and so on, and returns it: hours may
/// have gone into them. A model that was fitted at once is left to be replaced.
pub fn set_aside(out: &Path) -> Result<Option<PathBuf>> {
    if !out.join("model.safetensors").exists() || !out.join("metrics.jsonl").exists() {
        return Ok(None);
    }
    let mut number = 1;
    let to = loop {
        let to = out.join(format!("previous-{number}"));
        match fs::create_dir(&to) {
            Ok(()) => break to,
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(e) => return Err(Error::io(&to)(e)),
        }
    };
    // The model before the log: a run that is killed in between leaves no more than the log to be replaced.
    for name in ["config.toml", "samples", "model.safetensors", "metrics.jsonl"] {
        let from = out.join(name);
        if from.exists() {
            fs::rename(&from, to.join(name)).map_err(Error::io(&from))?;
        }
    }
    Ok(Some(to))
}

/// Removes the pictures of an earlier training in the same folder.
pub fn clear_pictures(out: &Path) -> Result<()> {
    let Ok(files) = fs::read_dir(out.join("samples")) else { return Ok(()) };
    for path in files.filter_map(|f| Some(f.ok()?.path())) {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("step-") && name.ends_with(".png") {
            fs::remove_file(&path).map_err(Error::io(&path))?;
        }
    }
    Ok(())
}

/// The run directory while a training is under way.
pub struct Directory<'a, K: Learn> {
    out: &'a Path,
    of: Of,
    training: &'a Training,
    seed: u64,
    /// What the model makes, and where it comes from: for pictures.
    spec: K::Spec,
    model: &'static str,
    provenance: Provenance,
    log: File,
    saved: Instant,
    drawn: Instant,
    /// How long the last picture took.
    drawing: Duration,
}

impl<'a, K: Learn> Directory<'a, K> {
    /// Opens the log. When `done` steps were done before, lines beyond them are dropped; else it begins anew.
    pub fn open(
        out: &'a Path,
        of: Of,
        (training, seed): (&'a Training, u64),
        spec: K::Spec,
        (model, provenance): (&'static str, Provenance),
        done: Option<u64>,
    ) -> Result<Self> {
        let (saved, drawn) = (Instant::now(), Instant::now());
        let log = open_log(&out.join("metrics.jsonl"), done)?;
        Ok(Directory { out, of, training, seed, spec, model, provenance, log, saved, drawn, drawing: Duration::ZERO })
    }

    fn checkpoint(&mut self, state: &State, trainee: &dyn Trainee<K>) -> Result<()> {
        checkpoint::save(self.out, state, &self.of, &trainee.save()?)?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Time between two pictures: a minute unless given, longer where they would take more than a twentieth of the time.
    fn preview_every(&self) -> Duration {
        match self.training.preview_every {
            Some(seconds) => Duration::from_secs(seconds),
            None => Duration::from_secs(60).max(20 * self.drawing),
        }
    }

    /// Draws what the model makes so far, from the same noise each time: `samples/step-000500.png`.
    fn preview(&mut self, state: &State, trainee: &dyn Trainee<K>) -> Result<()> {
        let begun = Instant::now();
        let Some(sampler) = trainee.preview() else { return Ok(()) };
        let by = Provenance { steps: Some(state.step), ..self.provenance.clone() };
        let Some(png) = K::preview(&*sampler, &self.spec, self.seed, &by.says::<K>(self.model))? else { return Ok(()) };
        let folder = self.out.join("samples");
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        write_atomically(&folder.join(format!("step-{:06}.png", state.step)), &png)?;
        (self.drawing, self.drawn) = (begun.elapsed(), Instant::now());
        Ok(())
    }
}

impl<K: Learn> Diary<K> for Directory<'_, K> {
    fn log(&mut self, state: &State, entry: &Entry<'_>) -> Result<()> {
        let mut line = serde_json::Map::new();
        line.insert("step".into(), state.step.into());
        for (name, value) in entry.losses {
            line.insert((*name).into(), (*value).into());
        }
        if let Some(score) = entry.score {
            line.insert("validation".into(), score.into());
        }
        line.insert("learning_rate".into(), entry.rate.into());
        line.insert("seconds".into(), ((state.seconds * 1000.0).round() / 1000.0).into());
        let text = format!("{}\n", serde_json::Value::Object(line));
        self.log.write_all(text.as_bytes()).map_err(Error::io(&self.out.join("metrics.jsonl")))
    }

    fn step(&mut self, state: &State, last: bool, trainee: &dyn Trainee<K>) -> Result<()> {
        if last || self.drawn.elapsed() >= self.preview_every() {
            self.preview(state, trainee)?;
        }
        if !last && self.saved.elapsed().as_secs() >= self.training.checkpoint_every {
            self.checkpoint(state, trainee)?;
        }
        Ok(())
    }

    fn stopped(&mut self, state: &State, trainee: &dyn Trainee<K>) -> Result<()> {
        self.checkpoint(state, trainee)
    }

    fn kept(&self) -> String {
        match checkpoint::file(self.out).exists() {
            true => format!("the last good checkpoint is kept in {}", self.out.join("checkpoint").display()),
            false => "no checkpoint had been written yet".into(),
        }
    }
}

fn open_log(path: &Path, done: Option<u64>) -> Result<File> {
    let Some(done) = done.filter(|_| path.exists()) else {
        return File::create(path).map_err(Error::io(path));
    };
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    let within = |line: &&str| {
        let step = serde_json::from_str::<serde_json::Value>(line).ok().and_then(|v| v["step"].as_u64());
        step.is_some_and(|s| s <= done)
    };
    let kept: String = text.lines().filter(within).map(|l| format!("{l}\n")).collect();
    write_atomically(path, kept.as_bytes())?;
    OpenOptions::new().append(true).open(path).map_err(Error::io(path))
}
