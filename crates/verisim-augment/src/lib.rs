//! Real examples changed: augmentation. No tensors, no burn.
//!
//! A [`Pipeline`] is an ordered list of steps, read from TOML. What happens to item `i` in pass `e` at step `k` depends on (seed, i,
//! e, k) alone ([`Draw`]): any number of threads, any shard and any resumption gives the same bytes. What was drawn is handed out
//! as [`image::Drawn`], plain data, and applied again exactly by [`image::replay`].
//!
//! Kinds of data have a folder each. [`image`]: pictures with their masks, boxes and key points. [`table`]: rows resampled by class and
//! changed, rules of rows kept. [`series`]: sequences changed, their stamps kept right. [`text`]: passages with their labelled spans.
//! [`sound`]: sounds with what is heard when.

pub mod draw;
pub mod error;
pub mod image;
pub mod pipeline;
pub mod range;
pub mod run;
pub mod series;
mod settings;
pub mod sound;
pub mod table;
pub mod text;
mod wide;

pub use draw::Draw;
pub use error::{Error, Result};
pub use image::set::put_together;
pub use image::{Drawn, Item, apply, replay};
pub use pipeline::Pipeline;
pub use range::Range;
pub use run::{Ask, Augmented, Leaks, augment, leaks, preview};
