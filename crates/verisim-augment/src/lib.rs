//! Real data changed: more of the data that are there.
//!
//! [`table`] makes rows of tables, [`series`] changes series.

mod error;
pub mod series;
pub mod table;

pub use error::{Error, Result};
