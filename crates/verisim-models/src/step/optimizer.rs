//! The optimiser of all neural models, and its state in a checkpoint.

use burn::optim::ModuleOptimizer;
use burn::tensor::Bytes;

use crate::error::{Error, Result};
use crate::nets::adamw::AdamW;
use crate::training::Training;
use crate::weights::Weights;

/// AdamW with the settings of a training, and no moments yet.
pub fn adamw(training: &Training) -> ModuleOptimizer {
    // burn's default epsilon, 1e-5, is larger than the gradients of a critic.
    let betas = training.betas.map(|b| b as f32);
    ModuleOptimizer::from(AdamW { betas, epsilon: 1e-8, weight_decay: training.weight_decay })
}

/// Adds the optimiser's state, both moments of every parameter, as one tensor of bytes. Their order is that of a hash map: two saves
/// of one state may differ.
pub(super) fn save_optimizer(optimizer: &ModuleOptimizer, weights: &mut Weights, name: &str) -> Result<()> {
    let bytes = optimizer.into_bytes().map_err(|e| Error::Unwritable { what: "optimiser", problem: e.to_string() })?;
    weights.put_u8(name, &[bytes.len()], bytes.to_vec());
    Ok(())
}

/// An optimiser with the state that [`save_optimizer`] wrote.
pub(super) fn load_optimizer(optimizer: ModuleOptimizer, weights: &mut Weights, name: &str) -> Result<ModuleOptimizer> {
    let (_, bytes) = weights.take_u8(name)?;
    optimizer
        .from_bytes(Bytes::from_bytes_vec(bytes))
        .map_err(|e| Error::Tensor { name: name.into(), problem: format!("is damaged: {e}") })
}
