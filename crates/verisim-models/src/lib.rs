//! The models of verisim, one file each, and the artefact that holds a trained one.
//!
//! Models of one kind of data are in one folder, `table`, `series`, `image` or `text`; the seam between data, models and the loop is [`learn`]. What
//! neural models share, of whatever kind, stands beside: the step, the networks' parts, the optimiser.

// What tests read is waited for by nobody.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

#[cfg(all(test, feature = "flex"))]
mod agreement;
pub mod artefact;
pub mod compute;
mod error;
#[cfg(feature = "neural")]
pub mod image;
pub mod learn;
mod linalg;
#[cfg(feature = "neural")]
pub mod nets;
#[cfg(feature = "neural")]
pub mod noise;
#[cfg(feature = "neural")]
pub mod read;
pub mod series;
#[cfg(feature = "neural")]
pub mod step;
pub mod table;
#[cfg(feature = "neural")]
pub mod text;
pub mod training;
mod weights;

pub use error::{Error, Result};
pub use learn::{Clock, Counter, Learn, Losses, Model, Models, Ready, Setup, Split, Start, Trainee};
pub use training::{Budget, Train, Training};
pub use weights::{Array, Numbers, Weights};
