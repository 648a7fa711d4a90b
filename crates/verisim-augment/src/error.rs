//! What can go wrong when data are changed.

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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
    /// The data cannot be read, or their rules are none.
    #[error(transparent)]
    Data(#[from] verisim_data::Error),
}

impl Error {
    pub(crate) fn setting(key: &str, what: impl Into<String>) -> Error {
        Error::Setting { key: key.to_owned(), what: what.into() }
    }

    pub(crate) fn column(column: &str, what: impl Into<String>) -> Error {
        Error::Column { column: column.to_owned(), what: what.into() }
    }
}
