//! What can go wrong, said so that who wrote the pipeline can mend it.

use std::path::{Path, PathBuf};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text of a pipeline is not understood.
    #[error("the pipeline cannot be read: {0}")]
    Syntax(String),
    /// A step says what cannot be.
    #[error("step {step} (`{name}`): {what}")]
    Step {
        /// Where it stands, from 1; steps within steps after a point.
        step: String,
        /// Its name.
        name: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// A key beside the steps says what cannot be.
    #[error("`{key}`: {what}")]
    Key {
        /// The key.
        key: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// There is no preset of this name.
    #[error("there is no preset `{name}`{hint}")]
    Preset {
        /// The name asked for.
        name: String,
        /// The nearest, or all.
        hint: String,
    },
    /// A picture's file cannot be read or written.
    #[error("{path}: {what}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        what: String,
    },
    /// A picture or its labels do not fit each other, or what is asked of them.
    #[error("{0}")]
    Item(String),
    /// A setting that cannot be.
    #[error("{key}: {what}")]
    Setting {
        /// The key.
        key: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// A column cannot be used as asked.
    #[error("column `{column}`: {what}")]
    Column {
        /// The column.
        column: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// A series cannot be changed as asked.
    #[error("series: {what}")]
    Series {
        /// What is wrong and what to do.
        what: String,
    },
    /// Data that were kept back to measure with.
    #[error(
        "{}: its name says `{word}`: what was kept back to measure with is not changed, or copies of it would be learnt. Change the part that is \
         learnt; where the name misleads, rename it or say that it may be changed",
        path.display()
    )]
    Holdout {
        /// The data.
        path: PathBuf,
        /// The word of its name that says so.
        word: String,
    },
    /// Somebody asked for an end.
    #[error("stopped")]
    Stopped,
    /// The data cannot be read, or their rules are none.
    #[error(transparent)]
    Data(#[from] verisim_data::Error),
    /// What was drawn cannot be read or applied.
    #[error("what was drawn for item {item} cannot be applied: {what}")]
    Replay {
        /// The item.
        item: u64,
        /// What is wrong and what to do.
        what: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |e| Error::File { path, what: e.to_string() }
    }

    pub(crate) fn setting(key: &str, what: impl Into<String>) -> Error {
        Error::Setting { key: key.to_owned(), what: what.into() }
    }

    pub(crate) fn column(column: &str, what: impl Into<String>) -> Error {
        Error::Column { column: column.to_owned(), what: what.into() }
    }
}
