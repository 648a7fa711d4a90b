//! `sample`: synthetic data from a trained model.

use std::path::{Path, PathBuf};
use std::time::Instant;

use verisim_data::file::{check_writable, write_atomically};
use verisim_data::{Event, Target, Watch};
use verisim_infer::{Artefact, Generate, Generator as _, Plan, Summary, draw};

use crate::error::{Error, Result};
use crate::kind::Kind;

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

/// A sample of a model of kind `K`; `K` need not be among the kinds that the verbs know; `model` is where it lies.
///
/// # Errors
/// As [`sample`](crate::sample()).
pub fn of_kind<K: Kind>(
    artefact: &Artefact<K>,
    model: &Path,
    ask: &<K as Generate>::Ask,
    to: Target<'_>,
    watch: &mut dyn Watch,
) -> Result<Sampled> {
    let plan = artefact.plan(ask)?;
    plan.notes().into_iter().for_each(|note| watch.on(Event::Note(note)));
    let spec = K::styled(artefact.spec.clone(), ask)?;
    let picture = K::picture_at(ask)?;
    let path = match &to {
        Target::Path(path) => Some(*path),
        Target::Stream(_) => None,
    };
    if let Some(picture) = picture
        // The folder of the sample is not there yet.
        && picture.parent() != path
    {
        check_writable(picture)?;
    }
    let begun = Instant::now();
    let target = match to {
        Target::Stream(_) if !K::STREAMS && picture.is_some() => None,
        Target::Stream(_) if !K::STREAMS => {
            return Err(Error::NoTarget { path: model.to_owned(), makes: K::PLURAL });
        }
        target => Some(target),
    };
    let summary = target.map(|target| write(artefact, &spec, &*plan, target, watch)).transpose()?;
    let seconds = begun.elapsed().as_secs_f64();
    plan.told().into_iter().for_each(|note| watch.on(Event::Note(note)));
    if let Some(path) = picture {
        write_atomically(path, &K::picture(artefact, ask)?)?;
    }
    Ok(Sampled { unit: K::UNIT, summary, seconds, picture: picture.map(Path::to_owned) })
}

fn write<K: Kind>(
    artefact: &Artefact<K>,
    spec: &K::Spec,
    plan: &dyn Plan<K>,
    target: Target<'_>,
    watch: &mut dyn Watch,
) -> Result<Summary> {
    watch.on(Event::Begin { unit: K::UNIT, total: plan.count(), done: 0 });
    let written = || -> Result<Summary> {
        let mut sink = K::sink(spec, target, plan.count(), &artefact.says())?;
        let summary = draw(plan, &mut |chunk| Ok(sink.write(&chunk)?), watch)?;
        sink.finish()?;
        Ok(summary)
    };
    let written = written();
    watch.on(Event::End);
    written
}
