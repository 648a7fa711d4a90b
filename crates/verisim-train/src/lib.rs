//! Training: a checked [`Job`] becomes a run directory with an artefact in it.

pub mod bench;
mod checkpoint;
mod error;
mod fit;
mod job;

pub use error::{Error, Result};
pub use fit::{Begin, Event, Options, Outcome, Prepared, config_hash, prepare, run};
pub use job::{Budget, Data, Job, Train};
