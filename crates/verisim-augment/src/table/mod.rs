//! Rows of tables: classes brought to sizes ([`Resample`]), rows changed ([`apply`]).
//!
//! Rows come as a `Frame` of a schema and go as one of the same: whole numbers stay whole, dates dates, levels levels, and what was
//! missing may be missing. [`Keeper`] holds the ranges, digits and rules that every new row keeps.

mod change;
mod classes;
mod clean;
mod keep;
pub mod nearest;
mod resample;
mod rows;
pub mod space;
#[cfg(test)]
mod tests;

pub use change::{Change, Changed, CutMix, MixUp, Noise, Swap, Transform, apply};
pub use keep::Keeper;
pub use resample::{Agree, Method, Resample, Resampled};
pub use space::Scale;

#[cfg(test)]
pub(crate) use change::every_step;
pub(crate) use resample::blend;
pub(crate) use rows::joined_all;
