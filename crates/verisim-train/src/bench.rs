//! How fast a job trains on a device.
//!
//! Steps are the ones that [`run`](crate::run) takes, without its log, checkpoints and pictures. A device that works while
//! the program goes on is waited for: after every step on a CPU, after every few on a GPU, which would otherwise idle
//! between them.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use verisim_data::Quiet;
use verisim_models::{Clock, Counter, Learn, Start, Trainee, Training, compute};

use crate::error::{Error, Result};
use crate::job::Job;
use crate::run::{Learnt, Lesson, Machine};

/// Median and tenths of what was measured several times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle value.
    pub median: f64,
    /// A tenth of the values is below.
    pub p10: f64,
    /// A tenth of the values is above.
    pub p90: f64,
}

impl Spread {
    /// Of at least one value; values at the nearest rank.
    pub fn of(values: &[f64]) -> Option<Spread> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let at = |q: f64| sorted[(q * last as f64).round() as usize];
        Some(Spread { median: at(0.5), p10: at(0.1), p90: at(0.9) })
    }

    /// Every value taken through `f`, which must fall: seconds become rates.
    pub fn inverted(&self, f: impl Fn(f64) -> f64) -> Spread {
        Spread { median: f(self.median), p10: f(self.p90), p90: f(self.p10) }
    }
}

/// What was measured of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Rows or images that there are to learn.
    pub rows: usize,
    /// Rows or images of a step; all of them for a model that is fitted at once.
    pub batch: usize,
    /// Seconds from the start of the program to the end of the first step: data, networks, kernels.
    pub first_step: f64,
    /// Seconds of steps between the first and those that count.
    pub warm_up: f64,
    /// Steps that count; fits for a model that is fitted at once.
    pub steps: usize,
    /// Seconds of one of them.
    pub step: Spread,
}

/// Trains for `seconds` beyond the warm-up, a quarter of that, and writes the model that came of it to the folder `out`. `begun` is
/// when the program started.
///
/// # Errors
/// As [`run`](crate::run).
pub fn measure<K: Learn>(
    job: &Job<K>,
    machine: &Machine,
    out: &Path,
    seconds: f64,
    begun: Instant,
) -> Result<(Figures, PathBuf)> {
    let lesson = Lesson::prepare(job, &mut Quiet)?;
    let rows = lesson.ready.count;
    let (figures, learnt) = match lesson.start(machine, &Counter::default())? {
        Start::Fitted(mut weights) => {
            let first_step = begun.elapsed().as_secs_f64();
            let mut times = Vec::new();
            while times.is_empty() || times.iter().sum::<f64>() < seconds {
                let at = Instant::now();
                if let Start::Fitted(again) = lesson.start(machine, &Counter::default())? {
                    weights = again;
                }
                times.push(at.elapsed().as_secs_f64());
            }
            let timed = Timed { first_step, warm_up: 0.0, times };
            (timed.figures(rows, rows)?, Learnt { weights, steps: None })
        }
        Start::Steps(mut trainee) => {
            let timed = steps(trainee.as_mut(), &lesson.training, job.seed, machine, seconds, begun)?;
            let batch = lesson.training.batch(lesson.train.len());
            (timed.figures(rows, batch)?, Learnt { weights: trainee.finish(job.seed)?, steps: None })
        }
    };
    Ok((figures, lesson.write(learnt, out)?))
}

struct Timed {
    first_step: f64,
    warm_up: f64,
    times: Vec<f64>,
}

impl Timed {
    fn figures(self, rows: usize, batch: usize) -> Result<Figures> {
        let Timed { first_step, warm_up, times } = self;
        let nothing = || Error::Unmeasured { what: "no step was measured; give more seconds".into() };
        Ok(Figures {
            rows,
            batch,
            first_step,
            warm_up,
            steps: times.len(),
            step: Spread::of(&times).ok_or_else(nothing)?,
        })
    }
}

/// Steps of the warm-up beside the first, at least.
const WARM_STEPS: usize = 4;

/// Seconds between two waits for a GPU.
const BETWEEN_WAITS: f64 = 0.1;

fn steps<K: Learn>(
    trainee: &mut dyn Trainee<K>,
    training: &Training,
    seed: u64,
    machine: &Machine,
    seconds: f64,
    begun: Instant,
) -> Result<Timed> {
    let mut step = 0;
    let mut run = |count: usize| -> Result<f64> {
        let at = Instant::now();
        for _ in 0..count {
            trainee.step(&Clock { seed, step, rate: training.rate(0.0, step) })?;
            step += 1;
        }
        let lost = |e| Error::Unmeasured { what: format!("the device failed during step {step}: {e}") };
        compute::wait(&machine.device).map_err(lost)?;
        Ok(at.elapsed().as_secs_f64() / count as f64)
    };
    run(1)?;
    let first_step = begun.elapsed().as_secs_f64();
    let warm = Instant::now();
    let (mut last, mut done) = (f64::INFINITY, 0);
    while done < WARM_STEPS || warm.elapsed().as_secs_f64() < seconds / 4.0 {
        last = run(1)?;
        done += 1;
    }
    let warm_up = warm.elapsed().as_secs_f64();
    let together = if machine.gpu { (BETWEEN_WAITS / last.max(1e-6)).ceil().max(1.0) as usize } else { 1 };
    let counted = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || counted.elapsed().as_secs_f64() < seconds {
        let each = run(together)?;
        times.extend(std::iter::repeat_n(each, together));
    }
    Ok(Timed { first_step, warm_up, times })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_are_those_of_the_sorted_values() {
        let values: Vec<f64> = (0..=10).rev().map(f64::from).collect();
        assert_eq!(Spread::of(&values), Some(Spread { median: 5.0, p10: 1.0, p90: 9.0 }));
        assert_eq!(Spread::of(&[3.0]), Some(Spread { median: 3.0, p10: 3.0, p90: 3.0 }));
        assert_eq!(Spread::of(&[]), None);
        let rate = Spread { median: 0.5, p10: 0.25, p90: 1.0 }.inverted(|s| 1.0 / s);
        assert_eq!(rate, Spread { median: 2.0, p10: 1.0, p90: 4.0 });
    }
}
