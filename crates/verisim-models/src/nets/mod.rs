//! Blocks that neural models share: layers with reproducible weights, block-wise softmax, EMA, optimiser state.

pub mod blocks;
pub mod conv;
#[cfg(feature = "flex")]
mod kernels;
pub mod layers;
pub mod params;

pub use blocks::Blocks;
pub use conv::{conv, norm_act};
pub use layers::Init;
pub use params::Ema;
