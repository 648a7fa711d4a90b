//! One optimisation step, shared by all neural models.
//!
//! burn's CPU backend gains little from a second core inside small operations, so a step is written for one
//! shard of the batch: a fixed number of shards run forward and backward on their own threads, each on its own
//! fork of the module (clones that share parameters share one autodiff graph and queue behind its lock), and
//! their gradients are added in shard order. The number of shards is a constant, not the thread count, so that
//! results do not depend on the machine's cores. On a GPU there is one shard.

mod epochs;
mod gradients;
mod learner;
mod optimizer;

pub use crate::learn::CPU_SHARDS;
pub use epochs::Epochs;
#[cfg(all(test, feature = "flex"))]
pub(crate) use gradients::tests::noted;
pub use gradients::{Cuts, add_losses, gradients, gradients_of_rows, part, tracked};
pub use learner::Learner;
pub use optimizer::adamw;
