//! What can go wrong in a verb. Messages name no flag of a command line: every door has its own words for what is asked.

use std::path::{Path, PathBuf};

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Data that cannot be read, or a file that cannot be written.
    #[error(transparent)]
    Data(#[from] verisim_data::Error),
    /// A model that cannot be opened.
    #[error(transparent)]
    Model(#[from] verisim_models::Error),
    /// A training that failed.
    #[error(transparent)]
    Train(#[from] verisim_train::Error),
    /// A sample that cannot be drawn.
    #[error(transparent)]
    Infer(#[from] verisim_infer::Error),
    /// An evaluation that cannot be made.
    #[error(transparent)]
    Metrics(#[from] verisim_metrics::Error),
    /// Data that cannot be changed as a pipeline says.
    #[error(transparent)]
    Augment(#[from] verisim_augment::Error),
    /// A declared world that cannot be understood or made.
    #[error(transparent)]
    Rules(#[from] verisim_rules::Error),
    /// A device that cannot be had.
    #[error("device {name} cannot be used: {problem}. Available: {known}")]
    Device {
        /// The device.
        name: String,
        /// Why not, and what to do.
        problem: String,
        /// Those that can be had.
        known: String,
    },
    /// Something was asked that has no meaning for this kind of data.
    #[error("`{name}` {}, and {} is {holds}; leave it out",
        others.as_ref().map_or_else(|| "has no meaning here".into(), |others| format!("is for {others}")), path.display())]
    Meaningless {
        /// What was asked.
        name: String,
        /// The data or the model.
        path: PathBuf,
        /// What it is.
        holds: String,
        /// The kinds for which it has a meaning.
        others: Option<String>,
    },
    /// Something was asked in a way that cannot be understood, or is lacking.
    #[error("{problem}")]
    Ask {
        /// What is wrong and what to do.
        problem: String,
    },
    /// A sample that would replace what is not one.
    #[error("{} is there and was not written by verisim, or was changed since; write elsewhere", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A config that came along, without data of its own.
    #[error("the config `{config}` comes without data; say which are to be learnt")]
    NoData {
        /// Its name.
        config: &'static str,
    },
    /// Data of one kind for a model of another.
    #[error("{} is {holds}, and {model} learns {learns}; choose {choose}", path.display())]
    OtherKind {
        /// The data.
        path: PathBuf,
        /// What they are.
        holds: &'static str,
        /// The model.
        model: String,
        /// What it learns.
        learns: &'static str,
        /// Models that would do.
        choose: String,
    },
    /// Data of two kinds that are to be compared.
    #[error("{} is {holds}, and {} is {other}; compare like with like", path.display(), real.display())]
    Unlike {
        /// Data of the other kind.
        path: PathBuf,
        /// What they are.
        holds: &'static str,
        /// The real data.
        real: PathBuf,
        /// What they are.
        other: &'static str,
    },
    /// A model of one kind for data of another.
    #[error("{}: makes {makes}, and {} is {holds}; give another model", path.display(), real.display())]
    OtherModel {
        /// The model.
        path: PathBuf,
        /// What it makes.
        makes: &'static str,
        /// The data.
        real: PathBuf,
        /// What they are.
        holds: &'static str,
    },
    /// An artefact of a kind that this version does not know.
    #[error("{}: makes data of a kind that this version does not know; install a newer verisim, or one with all models", path.display())]
    UnknownKind {
        /// The file.
        path: PathBuf,
    },
    /// A sample that can go to no stream, and has no other place to go.
    #[error("{}: makes {makes}; say where they go", path.display())]
    NoTarget {
        /// The model.
        path: PathBuf,
        /// What it makes.
        makes: &'static str,
    },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Data(verisim_data::Error::Io { path, source })
    }

    /// Whether the work was stopped on request.
    pub fn is_stop(&self) -> bool {
        matches!(
            self,
            Error::Infer(verisim_infer::Error::Stopped)
                | Error::Metrics(verisim_metrics::Error::Stopped)
                | Error::Rules(verisim_rules::Error::Stopped)
                | Error::Rules(verisim_rules::Error::Data(verisim_data::Error::Unasked { .. }))
                | Error::Augment(verisim_augment::Error::Data(verisim_data::Error::Unasked { .. }))
                | Error::Augment(verisim_augment::Error::Stopped)
        )
    }

    /// A device that has no memory left.
    pub fn out_of_memory() -> Error {
        Error::Model(verisim_models::Error::Device { problem: "out of memory".into() })
    }

    /// The sort of failure, of those for which a door knows a remedy of its own.
    pub fn cause(&self) -> Option<Cause<'_>> {
        use verisim_data::Error::Sizes;
        use verisim_models::Error::Device;
        match self {
            Error::Train(verisim_train::Error::Waiting { .. })
            | Error::Infer(verisim_infer::Error::Unfinished { .. }) => Some(Cause::Waiting),
            Error::Train(verisim_train::Error::NoCheckpoint { .. }) => Some(Cause::NoCheckpoint),
            Error::Train(verisim_train::Error::Set { .. }) => Some(Cause::Setting),
            Error::Infer(verisim_infer::Error::TooRare { .. }) => Some(Cause::TooRare),
            Error::Model(Device { .. })
            | Error::Train(verisim_train::Error::Model(Device { .. }))
            | Error::Infer(verisim_infer::Error::Model(Device { .. })) => Some(Cause::Device),
            Error::Data(Sizes { fitting, .. })
            | Error::Train(verisim_train::Error::Data(Sizes { fitting, .. }))
            | Error::Metrics(verisim_metrics::Error::Data(Sizes { fitting, .. })) => Some(Cause::Sizes(*fitting)),
            Error::Metrics(verisim_metrics::Error::Network(e)) if is_device(&**e) => Some(Cause::Device),
            Error::Augment(verisim_augment::Error::Holdout { .. }) => Some(Cause::Holdout),
            Error::NoTarget { .. } => Some(Cause::NoTarget),
            Error::NotOurs { .. } => Some(Cause::NotOurs),
            Error::NoData { .. } => Some(Cause::NoData),
            Error::Meaningless { name, .. } => Some(Cause::Meaningless(name)),
            _ => None,
        }
    }
}

/// Whether a network failed for its device.
fn is_device(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    use verisim_models::Error::Device;
    matches!(error.downcast_ref(), Some(Device { .. }))
        || matches!(error.downcast_ref(), Some(verisim_train::Error::Model(Device { .. })))
}

/// A sort of failure for which a door, such as the command line, knows a remedy in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause<'a> {
    /// A stopped training waits there.
    Waiting,
    /// There is no stopped training to go on with.
    NoCheckpoint,
    /// The device failed.
    Device,
    /// The tries ran out.
    TooRare,
    /// Images differ in size; height and width that would do.
    Sizes((usize, usize)),
    /// A setting in place of the config's cannot be used.
    Setting,
    /// Data that were kept back were to be changed.
    Holdout,
    /// A sample has no place to go.
    NoTarget,
    /// A sample would replace what is not one.
    NotOurs,
    /// There are no data to learn.
    NoData,
    /// This was asked, and has no meaning.
    Meaningless(&'a str),
}
