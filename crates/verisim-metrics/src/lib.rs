//! How good and how private are synthetic data? [`table`] and [`image`] compare them with the real data that a generator
//! was fitted on and, where there are some, with hold-out data that it never saw. No tensors, no burn.

mod auc;
pub mod error;
mod estimate;
pub mod image;
mod lines;
pub mod table;

pub use error::{Error, Result};
pub use estimate::Estimate;
