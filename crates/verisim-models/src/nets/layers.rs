//! Layers with weights drawn from our own random stream and with parameter ids that do not change from run to run.

use crate::error::{Error, Result};
use crate::weights::Weights;
use burn::module::{Param, ParamId};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use verisim_data::rng::{Stream, normal, stream, uniform};

/// Refuses layers that are larger than all of `weights` together, before they are made: a damaged header must not
/// decide how much memory is taken.
pub fn check_size(hidden: &[usize], latent: usize, weights: &Weights) -> Result<()> {
    let mut width = latent;
    for &h in hidden {
        if h.saturating_mul(width) > weights.count() {
            return Err(Error::Misfit { sizes: Some((width, h)) });
        }
        width = h;
    }
    Ok(())
}

/// Makes layers one after another. The same seed makes the same layers with the same ids, which is what lets a
/// checkpointed optimiser find its parameters again.
pub struct Init {
    rng: Stream,
    next: u64,
    device: Device,
}

impl Init {
    /// Weights are drawn from `seed` and lie on `device`, with gradients if it has them.
    pub fn new(seed: u64, device: &Device) -> Self {
        Init { rng: stream(seed, "weights", 0), next: 1, device: device.clone() }
    }

    /// A parameter of these values, row by row. Its id is its number among all that were made before it.
    pub fn param<const D: usize>(&mut self, shape: [usize; D], values: Vec<f32>) -> Param<Tensor<D>> {
        let id = ParamId::from(self.next);
        self.next += 1;
        let tensor = Tensor::from_data(TensorData::new(values, shape), &self.device);
        Param::initialized(id, if self.device.is_autodiff() { tensor.require_grad() } else { tensor })
    }

    /// A linear layer, weights and bias uniform in `+-1/sqrt(inputs)` (the default of PyTorch).
    pub fn linear(&mut self, inputs: usize, outputs: usize) -> Linear {
        self.linear_of(inputs, inputs, outputs)
    }

    /// A linear layer of which `active` inputs are not 0 at a time: weights and bias uniform in `+-1/sqrt(active)`.
    pub fn linear_of(&mut self, active: usize, inputs: usize, outputs: usize) -> Linear {
        let k = 1.0 / (active.max(1) as f64).sqrt();
        let mut draw =
            |n: usize| (0..n).map(|_| ((2.0 * uniform(&mut self.rng) - 1.0) * k) as f32).collect::<Vec<f32>>();
        let (weight, bias) = (draw(inputs * outputs), draw(outputs));
        Linear { weight: self.param([inputs, outputs], weight), bias: Some(self.param([outputs], bias)) }
    }

    /// Normal numbers with the standard deviation `deviation`.
    pub fn normal(&mut self, rows: usize, columns: usize, deviation: f64) -> Param<Tensor<2>> {
        let values = (0..rows * columns).map(|_| (deviation * normal(&mut self.rng)) as f32).collect();
        self.param([rows, columns], values)
    }

    /// A linear layer whose weights and bias start at zero.
    pub fn zero_linear(&mut self, inputs: usize, outputs: usize) -> Linear {
        Linear {
            weight: self.param([inputs, outputs], vec![0.0; inputs * outputs]),
            bias: Some(self.param([outputs], vec![0.0; outputs])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_larger_than_the_weights_are_refused() {
        let mut weights = Weights::default();
        weights.put_f32("p0", &[40], vec![0.0; 40]);
        assert!(check_size(&[8, 5], 5, &weights).is_ok());
        assert!(check_size(&[8, 6], 5, &weights).is_err());
        assert!(check_size(&[usize::MAX], usize::MAX, &weights).is_err());
    }
}
