//! What can go wrong with a job.

use std::path::{Path, PathBuf};

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The config file cannot be read as one.
    #[error("{}{}: {problem}", path.display(), line.map(|l| format!(", line {l}")).unwrap_or_default())]
    Config {
        /// The file.
        path: PathBuf,
        /// The line, where there is one.
        line: Option<usize>,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A setting in place of the config's that is not of the form `key=value`, or names no key.
    #[error("{text}: {problem}")]
    Set {
        /// The setting as it was given.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A setting in place of the config's that the job does not know or cannot use.
    #[error("{text}: {problem}")]
    Setting {
        /// The setting as it was given; all of them where it cannot be told which.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Settings of a training for a model that has none.
    #[error("[train] has no meaning for {model}, which is fitted in closed form; remove the section")]
    NoTraining {
        /// The model.
        model: &'static str,
    },
    /// The job cannot be written as a config.
    #[error("cannot write the config of this job: {problem}")]
    Unwritable {
        /// Why not.
        problem: String,
    },
    /// The data cannot be read or used, or a file cannot be written.
    #[error(transparent)]
    Data(#[from] verisim_data::Error),
    /// The model refuses its settings or the data.
    #[error(transparent)]
    Model(#[from] verisim_models::Error),
    /// A loss that is no longer a number.
    #[error(
        "the loss became {value} at step {step}; {kept}. Lower learning_rate (now {rate}), or set clip under [train], and run again"
    )]
    Diverged {
        /// The step.
        step: u64,
        /// The loss.
        value: f64,
        /// Learning rate at that step.
        rate: f64,
        /// What became of the good model.
        kept: String,
    },
    /// A stopped run waits where another was to begin: hours of training should not end by a forgotten word.
    #[error("{}: a stopped run is here; resume it, or remove {} to start again", path.display(), folder.display())]
    Waiting {
        /// The checkpoint.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// No stopped run to go on with.
    #[error("{}: there is no checkpoint of a stopped run here; begin anew", path.display())]
    NoCheckpoint {
        /// Where it would be.
        path: PathBuf,
    },
    /// A checkpoint that cannot be continued.
    #[error("{}: {problem}", path.display())]
    Resume {
        /// The checkpoint.
        path: PathBuf,
        /// Why it cannot be continued and what to do.
        problem: String,
    },
    /// A checkpoint that cannot be written.
    #[error("cannot write the checkpoint: {problem}")]
    Checkpoint {
        /// Why not.
        problem: String,
    },
    /// A measurement that found nothing.
    #[error("{what}")]
    Unmeasured {
        /// What is missing and what to do.
        what: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Data(verisim_data::Error::Io { path, source })
    }
}
