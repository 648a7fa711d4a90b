//! The ground that verisim stands on: data as they are read, understood, encoded and written. No tensors, no burn.
//!
//! A kind of data has a folder of its own, [`table`], [`series`], [`image`] and [`text`]. What every kind has is the trait [`Data`]. Random
//! numbers come from [`rng`] alone, files are written by [`file`](mod@file), language models elsewhere are asked by [`server`], and whoever
//! waits for long work hears of it by a [`Watch`].

pub mod error;
pub mod file;
pub mod image;
mod kind;
pub mod normal;
pub mod number;
pub mod rng;
pub mod series;
pub mod server;
pub mod table;
pub mod text;
mod watch;

pub use error::{Error, Result};
pub use kind::{Claim, Data, Sink, Target};
pub use watch::{Event, Quiet, Watch};
