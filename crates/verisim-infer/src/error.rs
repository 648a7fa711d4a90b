//! What can go wrong when sampling.

use std::path::PathBuf;

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The artefact could not be read.
    #[error(transparent)]
    Model(#[from] verisim_models::Error),
    /// The rows could not be rendered or written.
    #[error(transparent)]
    Data(#[from] verisim_data::Error),
    /// The directory of a training that was stopped.
    #[error(
        "{}: the training there has not finished; resume it, or make a model of what it has learnt", path.display()
    )]
    Unfinished {
        /// The run directory.
        path: PathBuf,
    },
    /// The file's tensors do not fit its header.
    #[error("{}: {problem}; the file is damaged, train it again or copy it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// Somebody asked for an end before all was drawn.
    #[error("stopped before all was drawn; no file was written")]
    Stopped,
    /// A condition that cannot be read or cannot be met.
    #[error("condition `{condition}`: {problem}")]
    Condition {
        /// The condition as it was given.
        condition: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// Something that was asked of a sample and makes no sense.
    #[error("{key} {rule}")]
    Asked {
        /// What was asked.
        key: String,
        /// What is wrong and what to do.
        rule: String,
    },
    /// Given rows that cannot be completed as asked.
    #[error("{}: {what}", path.display())]
    Given {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        what: String,
    },
    /// Columns that the model learnt and a file has not.
    #[error("the file has no column {columns}, which the model learnt; {remedy}")]
    Columns {
        /// The columns.
        columns: String,
        /// What to do.
        remedy: String,
    },
    /// Too many rows that were drawn broke a rule of the data.
    #[error(
        "of {wanted} rows only {kept} keep the rules of the data; train the model longer, or drop rules in its config"
    )]
    Short {
        /// Rows wanted.
        wanted: usize,
        /// Rows kept.
        kept: usize,
    },
    /// The tries ran out.
    #[error(
        "only {found} of {wanted} rows with {condition} were found in {tried} tries: that is about {percent:.4} % of this \
         model's rows; relax the conditions, leave the level out, or allow more tries (max_tries)"
    )]
    TooRare {
        /// What the rows should satisfy.
        condition: String,
        /// Rows found.
        found: usize,
        /// Rows wanted.
        wanted: usize,
        /// Rows tried.
        tried: u64,
        /// Found per hundred tries.
        percent: f64,
    },
    /// Too few rows keep the rules of the table.
    #[error(
        "only {found} of {wanted} rows that keep the rules of the table ({rules}) were found in {tried} tries: that is about {percent:.4} % \
         of this model's rows; train with another model, drop the rule (data.rules.drop), or allow more tries (max_tries)"
    )]
    Lawless {
        /// The rules.
        rules: String,
        /// Rows found.
        found: usize,
        /// Rows wanted.
        wanted: usize,
        /// Rows tried.
        tried: u64,
        /// Found per hundred tries.
        percent: f64,
    },
}
