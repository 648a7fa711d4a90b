//! What can go wrong with a declared world, said so that its author can mend it.

use std::path::PathBuf;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key of a world's file is not what it should be.
    #[error("{}, line {line}: `{key}`: {what}", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key, from the top, its parts joined by dots.
        key: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// A file as a whole cannot be used.
    #[error("{}: {what}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        what: String,
    },
    /// An expression is not understood, or cannot be computed.
    #[error("the expression `{text}`: {what}")]
    Expression {
        /// As it was written.
        text: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// A value could not be made.
    #[error("`{at}`: {what}")]
    Make {
        /// The table and the column, joined by a dot.
        at: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// A setting of a part of a world makes no sense.
    #[error("`{key}` {what}")]
    Setting {
        /// The key within the part.
        key: String,
        /// What it must be.
        what: String,
    },
    /// The operating system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Somebody asked for an end before all was made.
    #[error("stopped before all was made; nothing was written")]
    Stopped,
    /// A database refused.
    #[error("{place}: {what}")]
    Database {
        /// Which database.
        place: String,
        /// What it said.
        what: String,
    },
    /// Reading or writing data failed.
    #[error(transparent)]
    Data(#[from] verisim_data::Error),
    /// An operation on columns failed.
    #[error(transparent)]
    Arrow(#[from] arrow_schema::ArrowError),
}
