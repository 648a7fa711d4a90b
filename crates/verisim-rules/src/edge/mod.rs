//! Edge cases for software tests: boundary values of fields, few rows that cover all their combinations, rows with one fault each,
//! and real tables under stress.

pub mod cover;
pub mod form;
pub mod pict;
pub mod rule;
mod solve;
mod zone;
