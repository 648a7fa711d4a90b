//! Sampling from a trained artefact: open it, plan a sample, hand it on chunk by chunk.
//!
//! Chunk `c` of a sample of rows depends on `(seed, c)` alone, image or text `i` on `(seed, i)`: any thread count gives the same sample.

mod artefact;
mod error;
mod generator;
#[cfg(feature = "neural")]
pub mod image;
pub mod series;
pub mod table;
#[cfg(feature = "neural")]
pub mod text;

pub use artefact::{Artefact, DEFAULT_COUNT, file_of, read};
pub use error::{Error, Result};
pub use generator::{Generate, Generator, Made, Plan, Summary, draw};
