//! How good and how private are synthetic data? A kind of data that can be compared says so by [`Compare`]: the synthetic
//! data are measured against the real data that a generator was fitted on and, where there are some, against hold-out data
//! that it never saw. What comes out is a [`Document`]. No tensors, no burn: networks that look at data are handed in.
//!
//! Every score stands beside its **floor**: what the same score gives for real data that are as new as synthetic ones should
//! be. A perfect generator reaches its floor. A copier does better than that, so signs of copying are part of every report.

mod auc;
mod compare;
mod document;
pub mod error;
mod estimate;
pub mod image;
pub mod series;
pub mod table;
pub mod text;

pub use compare::{Compare, Known};
pub use document::{Document, OfFile, Record, clip, report_schema};
pub use error::{Error, Result};
pub use estimate::{Count, Estimate};

/// The seed of an evaluation that is asked for none.
pub const SEED: u64 = 42;
