//! All kinds of data, and what each can do for a verb.
//!
//! [`KINDS`] is the only code that goes through them all. A kind is a type that implements [`Kind`]; what a verb does is written once, for
//! any kind, and reached as a trait object.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::Instant;

use schemars::{Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
#[cfg(feature = "neural")]
use verisim_data::image::Images;
use verisim_data::series::Series;
use verisim_data::table::Table;
#[cfg(feature = "neural")]
use verisim_data::text::Texts;
use verisim_data::{Claim, Target, Watch};
use verisim_infer::{Artefact, Generate};
use verisim_metrics::{Compare, Document};
use verisim_models::Models;
use verisim_models::artefact::File;
use verisim_train::Config;

use crate::ask::{Ask, Refusal};
use crate::bench::{self, Measured};
use crate::device::Chosen;
use crate::error::{Error, Result};
use crate::evaluate;
use crate::impute::{self, Imputed};
use crate::inspect;
use crate::kind::{Inspected, Kind};
use crate::sample::{self, Sampled};
use crate::score::{self, Scores};
use crate::split::{self, Split};
use crate::train::{self, Trained};

/// Every kind of data, the one that unknown files are taken for first.
pub(crate) static KINDS: &[&dyn Verbs] = &[
    &Of::<Table>::NEW,
    #[cfg(feature = "neural")]
    &Of::<Images>::NEW,
    &Of::<Series>::NEW,
    #[cfg(feature = "neural")]
    &Of::<Texts>::NEW,
];

/// The verbs of one kind, whichever it is.
pub(crate) trait Verbs: Sync {
    fn plural(&self) -> &'static str;
    fn unit(&self) -> &'static str;
    fn one(&self) -> &'static str;
    fn models(&self) -> &'static [&'static str];
    /// The name of the config for data of which nothing more is said.
    fn default_model(&self) -> &'static str;
    fn config_schema(&self, generator: &mut SchemaGenerator) -> Option<Schema>;
    fn claims(&self, path: &Path) -> Claim;
    fn exists(&self, path: &Path) -> bool;
    /// Whether a file holds a model of this kind.
    fn made(&self, file: &File) -> bool;
    fn train(&self, config: &Config, ask: &train::Ask, watch: &mut dyn Watch) -> Result<Trained>;
    fn sample(
        &self,
        file: File,
        path: &Path,
        ask: Ask,
        to: Target<'_>,
        on: &Chosen,
        watch: &mut dyn Watch,
    ) -> Result<Sampled>;
    fn impute(
        &self,
        file: File,
        path: &Path,
        ask: &impute::Ask,
        to: Target<'_>,
        on: &Chosen,
        watch: &mut dyn Watch,
    ) -> Result<Imputed>;
    fn score(&self, file: File, path: &Path, ask: &score::Ask, on: &Chosen, watch: &mut dyn Watch) -> Result<Scores>;
    fn evaluate(&self, ask: Ask, model: Option<File>, watch: &mut dyn Watch) -> Result<Document>;
    fn inspect(&self, path: &Path, ask: Ask) -> Result<Inspected>;
    fn split(&self, path: &Path, ask: &split::Ask) -> Result<Split>;
    fn describe(&self, file: File) -> Result<Inspected>;
    fn measure(&self, config: &Config, on: &Chosen, out: &Path, seconds: f64, begun: Instant) -> Result<Measured>;
    /// The data of a config, and whether they are there.
    fn data(&self, config: &Config) -> Result<(PathBuf, bool)>;
    fn stand_in(&self, folder: &Path) -> Result<PathBuf>;
    /// What stands in, in words.
    fn stand_in_name(&self) -> &'static str;
    /// Whether a verb of this kind knows a name.
    fn knows(&self, verb: Verb, name: &str) -> bool;
}

/// The verbs that ask for something that is of a kind.
#[derive(Clone, Copy)]
pub(crate) enum Verb {
    Sample,
    Evaluate,
    Inspect,
}

struct Of<K>(PhantomData<fn() -> K>);

impl<K> Of<K> {
    const NEW: Of<K> = Of(PhantomData);
}

impl<K: Kind> Verbs for Of<K> {
    fn plural(&self) -> &'static str {
        K::PLURAL
    }

    fn unit(&self) -> &'static str {
        K::UNIT
    }

    fn one(&self) -> &'static str {
        K::ONE
    }

    fn models(&self) -> &'static [&'static str] {
        K::Models::NAMES
    }

    fn default_model(&self) -> &'static str {
        K::DEFAULT
    }

    fn config_schema(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        K::config_schema(generator)
    }

    fn split(&self, path: &Path, ask: &split::Ask) -> Result<Split> {
        K::split(path, ask)
    }

    fn claims(&self, path: &Path) -> Claim {
        K::claims(path)
    }

    fn exists(&self, path: &Path) -> bool {
        K::exists(path)
    }

    fn made(&self, file: &File) -> bool {
        file.is::<K>()
    }

    fn train(&self, config: &Config, ask: &train::Ask, watch: &mut dyn Watch) -> Result<Trained> {
        let job = config.job::<K>()?;
        check_source(K::path(&job.data), self, job.model.name())?;
        train::of_kind(job, ask, watch)
    }

    fn sample(
        &self,
        file: File,
        path: &Path,
        ask: Ask,
        to: Target<'_>,
        on: &Chosen,
        watch: &mut dyn Watch,
    ) -> Result<Sampled> {
        let artefact = Artefact::<K>::of(file, &verisim_infer::file_of(path), &on.machine.device)?;
        let ask = read(ask, Verb::Sample, path, &format!("a model of {}", K::PLURAL))?;
        sample::of_kind(&artefact, path, &ask, to, watch)
    }

    fn impute(
        &self,
        file: File,
        path: &Path,
        ask: &impute::Ask,
        to: Target<'_>,
        on: &Chosen,
        watch: &mut dyn Watch,
    ) -> Result<Imputed> {
        let artefact = Artefact::<K>::of(file, &verisim_infer::file_of(path), &on.machine.device)?;
        K::impute(&artefact, path, ask, to, watch)
    }

    fn score(&self, file: File, path: &Path, ask: &score::Ask, on: &Chosen, watch: &mut dyn Watch) -> Result<Scores> {
        let artefact = Artefact::<K>::of(file, &verisim_infer::file_of(path), &on.machine.device)?;
        K::score(&artefact, path, ask, watch)
    }

    fn evaluate(&self, ask: Ask, model: Option<File>, watch: &mut dyn Watch) -> Result<Document> {
        let real = PathBuf::from(ask.text("real").unwrap_or_default());
        evaluate::of_kind::<K>(&read(ask, Verb::Evaluate, &real, K::ONE)?, model, watch)
    }

    fn inspect(&self, path: &Path, ask: Ask) -> Result<Inspected> {
        K::inspect(path, &read(ask, Verb::Inspect, path, K::ONE)?)
    }

    fn describe(&self, file: File) -> Result<Inspected> {
        inspect::of_kind::<K>(file)
    }

    fn measure(&self, config: &Config, on: &Chosen, out: &Path, seconds: f64, begun: Instant) -> Result<Measured> {
        bench::of_kind::<K>(&config.job()?, on, out, seconds, begun)
    }

    fn data(&self, config: &Config) -> Result<(PathBuf, bool)> {
        let job = config.job::<K>()?;
        let path = K::path(&job.data);
        Ok((path.to_owned(), K::exists(path)))
    }

    fn stand_in(&self, folder: &Path) -> Result<PathBuf> {
        K::stand_in(folder)
    }

    fn stand_in_name(&self) -> &'static str {
        K::STAND_IN
    }

    fn knows(&self, verb: Verb, name: &str) -> bool {
        match verb {
            Verb::Sample => Ask::knows::<<K as Generate>::Ask>(name),
            Verb::Evaluate => Ask::knows::<<K as Compare>::Ask>(name),
            Verb::Inspect => Ask::knows::<K::InspectAsk>(name),
        }
    }
}

/// What is asked of data or a model at `path`; names of no meaning there are refused, with the kinds for which they have one.
pub(crate) fn read<T: DeserializeOwned>(ask: Ask, verb: Verb, path: &Path, holds: &str) -> Result<T> {
    ask.read().map_err(|refusal| match refusal {
        Refusal::Misunderstood(error) => error,
        Refusal::Unknown(name) => {
            let others: Vec<&str> = KINDS.iter().filter(|k| k.knows(verb, &name)).map(|k| k.plural()).collect();
            Error::Meaningless {
                name,
                path: path.to_owned(),
                holds: holds.to_owned(),
                others: (!others.is_empty()).then(|| others.join(" and ")),
            }
        }
    })
}

/// The kind that the data at `path` are of: the one that is surest; where none is, the first, whose reader says what it reads.
pub(crate) fn kind_of(path: &Path) -> &'static dyn Verbs {
    let mut best = KINDS[0];
    for &kind in KINDS {
        if kind.claims(path) > best.claims(path) {
            best = kind;
        }
    }
    best
}

/// The kind that knows all that is asked, among those that are as sure of the data at `path` as any: a table is one of series when it is
/// asked about its key.
pub(crate) fn kind_asked(path: &Path, verb: Verb, ask: &Ask) -> &'static dyn Verbs {
    let surest = kind_of(path);
    let is_sure = |kind: &&&'static dyn Verbs| kind.claims(path) == surest.claims(path);
    let knows = |kind: &&&'static dyn Verbs| ask.names().all(|name| kind.knows(verb, name));
    KINDS.iter().filter(is_sure).find(knows).copied().unwrap_or(surest)
}

/// The kind of the model in a file.
pub(crate) fn kind_in(file: &File, path: &Path) -> Result<&'static dyn Verbs> {
    KINDS.iter().copied().find(|kind| kind.made(file)).ok_or_else(|| Error::UnknownKind { path: path.to_owned() })
}

/// The kind whose model a config names.
pub(crate) fn kind_of_model(config: &Config) -> Result<(&'static dyn Verbs, String)> {
    let name = config.model()?;
    match KINDS.iter().copied().find(|kind| kind.models().contains(&name.as_str())) {
        Some(kind) => Ok((kind, name)),
        None => Err(config.unknown_model(&name, &models()).into()),
    }
}

/// The names of all models of all kinds.
pub(crate) fn models() -> Vec<&'static str> {
    KINDS.iter().flat_map(|kind| kind.models()).copied().collect()
}

/// Refuses data of one kind for a model of another, with the models that would do.
pub(crate) fn check_source(path: &Path, kind: &dyn Verbs, model: &str) -> Result<()> {
    let found = kind_of(path);
    if found.claims(path) <= kind.claims(path) {
        return Ok(());
    }
    let choose: Vec<String> = found.models().iter().map(|name| format!("[model.{name}]")).collect();
    Err(Error::OtherKind {
        path: path.to_owned(),
        holds: found.one(),
        model: model.to_owned(),
        learns: kind.plural(),
        choose: choose.join(", "),
    })
}
