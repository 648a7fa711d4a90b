//! Tables for verisim: readers, writers, schema detection and codecs. No tensors, no burn.
//!
//! The line through this crate: a file becomes a [`Table`] (Arrow columns as they were read), a
//! [`Schema`] says what each column means and why, [`Schema::parse`] turns the table into a [`Frame`]
//! of numbers and category codes, and [`Schema::render`] turns a sampled frame back into a table.

pub mod codec;
pub mod date;
pub mod error;
pub mod frame;
pub mod identifier;
pub mod images;
pub mod io;
pub mod normal;
pub mod rng;
pub mod schema;
pub mod table;

pub use error::{Error, Result};
pub use frame::{Column, Frame, MISSING};
pub use io::{ReadOptions, Writer};
pub use schema::{DetectOptions, Field, Kind, KindName, Override, Schema};
pub use table::Table;
