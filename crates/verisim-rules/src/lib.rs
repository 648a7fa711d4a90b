//! Data from declared worlds: tables, processes and scenes that a file describes, with no real data at all.
//!
//! Every value is a function of (seed, table, column, row key): see [`cell`].

pub mod cell;
pub mod describe;
pub mod edge;
mod error;
pub mod expression;
pub mod fake;
pub mod import;
pub mod make;
pub mod output;
pub mod plan;
pub mod process;
pub mod scene;
pub mod world;

pub use error::{Error, Result};
