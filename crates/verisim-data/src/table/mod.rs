//! Tables: read from text, JSON, Parquet or Arrow, understood, encoded for a model, and written back.
//!
//! A file becomes a [`Table`] of Arrow columns as they were read. A [`Schema`] says what each column means and why.
//! [`Schema::parse`] turns the table into a [`Frame`] of numbers and category codes, a [`codec`] turns that into tokens, and
//! [`Schema::render`] turns a sampled frame back into a table.

pub mod codec;
pub mod date;
pub mod fake;
pub mod frame;
pub mod identifier;
pub mod io;
mod kind;
mod nest;
pub mod numeral;
mod offsets;
mod protect;
mod raw;
pub mod rules;
pub mod schema;
pub mod split;
#[cfg(test)]
mod tests;

pub use frame::{Column, Frame, MISSING};
pub use io::{Dialect, Quoting, ReadSettings, Writer};
pub use kind::{NoSeries, Source, Spec};
pub use nest::Nest;
pub use numeral::Numeral;
pub use offsets::Offsets;
pub use protect::{OTHER, Protect};
pub use raw::Table;
pub use schema::{
    Cell, ColumnKind, ColumnKindName, DetectSettings, Detected, Field, Filler, Holes, Odd, Other, Override, Reason,
    Schema,
};
