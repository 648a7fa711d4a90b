//! What can go wrong with a job.

use std::path::PathBuf;

use verisim_data::error::io_remedy;

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
    /// An override that is not of the form `key=value`, or names no key.
    #[error("--set {text}: {problem}")]
    Set {
        /// The override as it was given.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file that could not be read or written.
    #[error("{}: {source}{}", path.display(), io_remedy(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The data cannot be read or used.
    #[error(transparent)]
    Data(#[from] verisim_data::Error),
    /// The model refuses its settings or the data.
    #[error(transparent)]
    Model(#[from] verisim_models::Error),
    /// A table with nothing to learn.
    #[error("{0}")]
    Nothing(String),
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
    /// A checkpoint that does not belong to this job.
    #[error("{}: {problem}", path.display())]
    Resume {
        /// The checkpoint.
        path: PathBuf,
        /// Why it cannot be continued and what to do.
        problem: String,
    },
}
