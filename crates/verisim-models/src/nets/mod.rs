//! Parts of networks that models share: layers whose weights a seed decides, their fast forms on a CPU, softmax by blocks, moving
//! averages and the optimiser.

pub mod adamw;
pub mod attention;
pub mod blocks;
pub mod conv;
mod device;
#[cfg(feature = "flex")]
pub(crate) mod flat;
#[cfg(feature = "flex")]
pub(crate) mod kernels;
pub mod layers;
pub mod params;
pub mod rows;
pub mod sums;
pub mod vision;
#[cfg(feature = "flex")]
mod winograd;

pub use adamw::AdamW;
pub use blocks::Blocks;
pub use conv::{conv, linear, norm_act, silu};
pub use device::{is_cpu, is_flex};
pub use layers::Init;
pub use params::Ema;
pub use sums::{mean, sum};
