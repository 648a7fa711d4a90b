//! What can go wrong with a model or an artefact.

use std::path::PathBuf;

use verisim_data::error::io_remedy;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting outside its range.
    #[error("[model.{model}] {key} {rule}")]
    Setting {
        /// The model, as it is named in the config.
        model: &'static str,
        /// The key at fault.
        key: String,
        /// What it must be.
        rule: String,
    },
    /// Data that this model cannot learn, or settings that do not fit them.
    #[error("{0}")]
    Data(String),
    /// A file that could not be read or written.
    #[error("{}: {source}{}", path.display(), io_remedy(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that is no artefact, or a damaged one.
    #[error("{}: {problem}; {remedy}", path.display())]
    Artefact {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A device that failed: out of memory, or lost.
    #[error(
        "the device failed: {problem}. Where its memory may be too small, give [train] a smaller batch_size or accumulate = 2; \
         a training goes on from its last checkpoint with --resume, and --device flex computes on the CPU"
    )]
    Device {
        /// What the device said.
        problem: String,
    },
    /// A tensor that is absent, or not of the type and shape that the model needs.
    #[error("tensor {name:?} {problem}")]
    Tensor {
        /// Name of the tensor.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// Results of this crate.
pub type Result<T> = std::result::Result<T, Error>;
