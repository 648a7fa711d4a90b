//! Training: a checked [`Job`] becomes a run directory with an artefact in it.
//!
//! [`Config`] is the file as it was read, [`Job`] what it asks of one kind of data, [`run`] the whole way from data to artefact, and
//! [`steps`] the loop, which knows neither kinds nor files.

pub mod bench;
mod checkpoint;
mod config;
mod directory;
mod error;
mod job;
mod run;
mod steps;

pub use config::Config;
pub use error::{Error, Result};
pub use job::{Job, schema};
pub use run::{Begin, Ended, Machine, Results, run};
pub use steps::{Diary, Entry, NoDiary, State, Stop, steps};
