//! `sample`: synthetic data from a trained model.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use verisim_data::file::{check_writable, write_atomically};
use verisim_data::{Event, Target, Watch};
use verisim_infer::{Artefact, Generate, Generator as _, Plan, Summary, draw, read};

use crate::ask::Ask;
use crate::device::{Choice, choose};
use crate::error::{Error, Result};
use crate::kinds::{Kind, kind_in};

/// Where a sample goes.
pub enum To<'t> {
    /// A file or a folder, which appears when it is whole.
    Path(&'t Path),
    /// A stream, for kinds that have a form for it: tables become comma-separated text.
    Stream(Box<dyn Write + Send + 't>),
}

/// What came of a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// What was made: rows, images.
    pub unit: &'static str,
    /// How many were made and tried; nothing where only a picture was asked for.
    pub summary: Option<Summary>,
    /// Seconds of drawing and writing.
    pub seconds: f64,
    /// The picture that was asked for beside it.
    pub picture: Option<PathBuf>,
}

/// Draws a sample of the model at `model`, a run directory or a `.safetensors` file. What can be asked is in
/// [`table::Ask`](verisim_infer::table::Ask) and [`image::Ask`](verisim_infer::image::Ask).
///
/// # Errors
/// When the model cannot be opened, the sample cannot be met, or it cannot be written.
pub fn sample(model: &Path, ask: Ask, to: To<'_>, device: Choice, watch: &mut dyn Watch) -> Result<Sampled> {
    let on = choose(device)?;
    let file = read(model)?;
    kind_in(&file, model)?.sample(file, model, ask, to, &on, watch)
}

/// A sample of a model of kind `K`, whether the verbs know that kind or not; `model` is where it lies.
///
/// # Errors
/// As [`sample`].
pub fn of_kind<K: Kind>(
    artefact: &Artefact<K>,
    model: &Path,
    ask: &<K as Generate>::Ask,
    to: To<'_>,
    watch: &mut dyn Watch,
) -> Result<Sampled> {
    let plan = artefact.plan(ask)?;
    let picture = K::picture_at(ask)?;
    let path = match &to {
        To::Path(path) => Some(*path),
        To::Stream(_) => None,
    };
    if let Some(picture) = picture
        // The folder of the sample is not there yet.
        && picture.parent() != path
    {
        check_writable(picture)?;
    }
    let begun = Instant::now();
    let target = match to {
        To::Path(path) => Some(Target::Path(path)),
        To::Stream(stream) if K::STREAMS => Some(Target::Stream(stream)),
        To::Stream(_) if picture.is_some() => None,
        To::Stream(_) => return Err(Error::NoTarget { path: model.to_owned(), makes: K::PLURAL }),
    };
    let summary = target.map(|target| write(artefact, &*plan, target, watch)).transpose()?;
    let seconds = begun.elapsed().as_secs_f64();
    if let Some(path) = picture {
        write_atomically(path, &K::picture(artefact, ask)?)?;
    }
    Ok(Sampled { unit: K::UNIT, summary, seconds, picture: picture.map(Path::to_owned) })
}

fn write<K: Kind>(
    artefact: &Artefact<K>,
    plan: &dyn Plan<K>,
    target: Target<'_>,
    watch: &mut dyn Watch,
) -> Result<Summary> {
    watch.on(Event::Begin { unit: K::UNIT, total: plan.count(), done: 0 });
    let mut sink = K::sink(&artefact.spec, target, plan.count(), &artefact.says())?;
    let summary = draw(plan, &mut |chunk| Ok(sink.write(&chunk)?), watch)?;
    sink.finish()?;
    watch.on(Event::End);
    Ok(summary)
}
