//! The loop: steps until done, spent, tired or stopped. It knows no kind of data, no file and no loss.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use verisim_data::{Event, Watch};
use verisim_models::{Clock, Learn, Losses, Trainee, Training, compute};

use crate::error::{Error, Result};

/// Where a training stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Best score so far.
    pub best: Option<f64>,
    /// Measurements since the best.
    pub stale: usize,
    /// Seconds trained.
    pub seconds: f64,
}

/// Why the loop came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The training is over, by its steps, its budget or its patience.
    Over,
    /// The watch asked for it, before the training was over.
    Asked,
}

/// What was measured at a step.
pub struct Entry<'a> {
    /// Names and values of the losses.
    pub losses: &'a [(&'static str, f64)],
    /// The score on data kept for validation, where it was measured.
    pub score: Option<f64>,
    /// Learning rate of the step.
    pub rate: f64,
}

/// Who keeps what a training leaves behind on its way: a log, pictures, checkpoints.
pub trait Diary<K: Learn> {
    /// Something was measured.
    ///
    /// # Errors
    /// When it cannot be written.
    fn log(&mut self, state: &State, entry: &Entry<'_>) -> Result<()>;

    /// A step is done; `last` if the training ends with it.
    ///
    /// # Errors
    /// When something cannot be written.
    fn step(&mut self, state: &State, last: bool, trainee: &dyn Trainee<K>) -> Result<()>;

    /// The training was asked to stop here.
    ///
    /// # Errors
    /// When the checkpoint cannot be written.
    fn stopped(&mut self, state: &State, trainee: &dyn Trainee<K>) -> Result<()>;

    /// What is left of the model, for the message about a loss that is no number.
    fn kept(&self) -> String;
}

/// Keeps nothing.
pub struct NoDiary;

impl<K: Learn> Diary<K> for NoDiary {
    fn log(&mut self, _: &State, _: &Entry<'_>) -> Result<()> {
        Ok(())
    }

    fn step(&mut self, _: &State, _: bool, _: &dyn Trainee<K>) -> Result<()> {
        Ok(())
    }

    fn stopped(&mut self, _: &State, _: &dyn Trainee<K>) -> Result<()> {
        Ok(())
    }

    fn kept(&self) -> String {
        "nothing is kept of it".into()
    }
}

/// Fewest steps between two measurements on the data kept for validation.
const BETWEEN_MEASUREMENTS: u64 = 50;

/// Trains from `state` on.
///
/// # Errors
/// When a step or the diary fails, or a loss is no longer a number.
pub fn steps<K: Learn>(
    trainee: &mut dyn Trainee<K>,
    training: &Training,
    seed: u64,
    state: &mut State,
    diary: &mut dyn Diary<K>,
    watch: &mut dyn Watch,
) -> Result<Stop> {
    let per_epoch = trainee.steps_per_epoch();
    let total = training.steps(per_epoch);
    let measure_every = per_epoch.max(BETWEEN_MEASUREMENTS);
    let (before, begun) = (state.seconds, Instant::now());
    while state.step < total {
        let done = progress(state, training, total);
        if done >= 1.0 {
            watch.on(Event::Note("stopped early: the time budget is spent".into()));
            break;
        }
        let rate = training.rate(done, state.step);
        let losses = trainee.step(&Clock { seed, step: state.step, rate })?;
        state.step += 1;
        state.seconds = before + begun.elapsed().as_secs_f64();
        // By steps or by time: the last step is looked at, whatever ends the training.
        let last = progress(state, training, total) >= 1.0;
        let measured = state.step.is_multiple_of(measure_every) || last;
        let logged = state.step.is_multiple_of(training.log_every) || last;
        let values = if logged || measured { read(losses)? } else { Vec::new() };
        let rate = rate * training.learning_rate;
        if let Some(&(_, value)) = values.iter().find(|(_, v)| !v.is_finite()) {
            return Err(Error::Diverged { step: state.step, value, rate, kept: diary.kept() });
        }
        let score = if measured { trainee.validate()? } else { None };
        let best = score.is_some_and(|s| state.best.is_none_or(|b| s < b));
        if best {
            trainee.keep();
            (state.best, state.stale) = (score, 0);
        } else if score.is_some() {
            state.stale += 1;
        }
        if !values.is_empty() {
            diary.log(state, &Entry { losses: &values, score, rate })?;
        }
        watch.on(Event::Progress { done: state.step, measured: values, score, best });
        if watch.stopped() {
            diary.stopped(state, trainee)?;
            return Ok(Stop::Asked);
        }
        let tired = training.patience > 0 && state.stale >= training.patience;
        diary.step(state, last || tired, trainee)?;
        if tired {
            watch.on(Event::Note(format!("stopped early: no improvement in {} measurements", state.stale)));
            break;
        }
    }
    Ok(Stop::Over)
}

/// Share of the training that is done, by steps or, under a budget, by time if that is further on.
fn progress(state: &State, training: &Training, total: u64) -> f64 {
    let steps = state.step as f64 / total as f64;
    training.budget.map_or(steps, |b| steps.max(state.seconds / b.seconds))
}

/// Reads losses from the device, which is waited for.
fn read(losses: Losses) -> Result<Vec<(&'static str, f64)>> {
    losses.into_iter().map(|(name, value)| Ok((name, compute::number(value)?))).collect()
}
