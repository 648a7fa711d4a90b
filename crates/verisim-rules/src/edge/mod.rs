//! Edge cases for software tests: boundary values of fields, few rows that cover all their combinations, rows with one fault each,
//! and real tables under stress.

pub mod cases;
pub mod check;
pub mod cover;
pub mod form;
pub mod pict;
pub mod rule;
pub mod stress;
pub mod values;

mod pattern;
mod solve;
mod texts;
mod times;
mod zone;
