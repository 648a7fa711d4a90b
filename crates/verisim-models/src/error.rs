//! What can go wrong with a model or an artefact.

use std::path::PathBuf;

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
    /// A setting of a training outside its range, or without meaning here.
    #[error("[train] {key} {rule}")]
    Training {
        /// The key at fault.
        key: String,
        /// What it must be, or what to do.
        rule: String,
    },
    /// Data that this model cannot learn, or settings that do not fit them.
    #[error("{0}")]
    Data(String),
    /// A table of which no column can be learnt.
    #[error("{}: has no column that can be learnt: {columns}; set kinds under [data.columns]", path.display())]
    Unlearnable {
        /// The file.
        path: PathBuf,
        /// The columns and what they were taken for.
        columns: String,
    },
    /// A file that could not be read or written, or data that cannot be used.
    #[error(transparent)]
    Source(#[from] verisim_data::Error),
    /// A header that cannot be written.
    #[error("cannot write the header of the model: {problem}")]
    Header {
        /// What is wrong.
        problem: String,
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
         a training can be resumed from its last checkpoint, and the device flex computes on the CPU"
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
pub type Result<T, E = Error> = std::result::Result<T, E>;
