//! Generator and critic.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Tensor, activation};

use crate::error::Result;
use crate::nets::blocks::SKIP_GAIN;
use crate::nets::{Blocks, Init, linear};
use crate::read;

/// Noise and condition to logits and scalars.
#[derive(Module, Debug)]
pub struct Generator {
    layers: Vec<Linear>,
    output: Linear,
    /// For each column after the first, the map from the one-hot columns before it to its logits; empty without skip.
    pub skip: Vec<Param<Tensor<2>>>,
}

impl Generator {
    /// Layers of `widths` on noise of `latent` numbers. Logits start at those of the frequencies `real`, one a token.
    pub fn new(
        latent: usize,
        widths: &[usize],
        skip: bool,
        blocks: &Blocks,
        real: &[f64],
        init: &mut Init,
    ) -> Generator {
        let mut width = latent + blocks.width();
        let mut layers = Vec::new();
        for &h in widths {
            layers.push(init.linear(width, h));
            width += h;
        }
        let mut output = init.linear(width, blocks.width() + blocks.scalars.len());
        let mut bias: Vec<f32> = real.iter().map(|p| (p + 1e-4).ln() as f32).collect();
        bias.resize(blocks.width() + blocks.scalars.len(), 0.0);
        output.bias = Some(init.param([bias.len()], bias));
        let pairs = blocks.offsets.windows(2).skip(1).filter(|_| skip);
        let skip = pairs.map(|o| init.param([o[0], o[1] - o[0]], vec![0.0; o[0] * (o[1] - o[0])])).collect();
        Generator { layers, output, skip }
    }

    /// `[B, Z]` and `[B, W]` to logits `[B, W]` and scalars `[B, S]`.
    pub fn forward(&self, noise: Tensor<2>, condition: Tensor<2>, blocks: &Blocks) -> (Tensor<2>, Option<Tensor<2>>) {
        let mut x = Tensor::cat(vec![noise, condition], 1);
        for layer in &self.layers {
            let h = activation::relu(linear(layer, x.clone()));
            x = Tensor::cat(vec![h, x], 1);
        }
        blocks.heads(linear(&self.output, x))
    }

    /// The skip as one `[W, W]` matrix on the host; none without skip.
    ///
    /// # Errors
    /// When the device fails.
    pub fn skip_on_host(&self, blocks: &Blocks) -> Result<Option<Vec<f32>>> {
        if self.skip.is_empty() {
            return Ok(None);
        }
        let width = blocks.width();
        let mut all = vec![0.0; width * width];
        for (part, o) in self.skip.iter().zip(blocks.offsets.windows(2).skip(1)) {
            let part = read::numbers(part.val())?;
            let own = o[1] - o[0];
            for (from, row) in part.chunks(own).enumerate() {
                let place = &mut all[from * width + o[0]..from * width + o[1]];
                place.iter_mut().zip(row).for_each(|(p, u)| *p = u * SKIP_GAIN);
            }
        }
        Ok(Some(all))
    }
}

/// Slope of the critic's activation below zero.
const SLOPE: f32 = 0.2;

/// Packed rows to a score.
#[derive(Module, Debug)]
pub struct Critic {
    layers: Vec<Linear>,
    output: Param<Tensor<2>>,
}

impl Critic {
    /// Layers of `widths` on packs of `inputs` numbers.
    pub fn new(inputs: usize, widths: &[usize], init: &mut Init) -> Critic {
        let mut width = inputs;
        let mut layers = Vec::new();
        for &h in widths {
            layers.push(init.linear(width, h));
            width = h;
        }
        // A bias would cancel in the loss, so there is none.
        Critic { layers, output: init.linear(width, 1).weight }
    }

    /// Scores `[B, 1]`, and the slope `[B, H]` of each layer's activation. `keep` holds a dropout mask a layer, or is empty.
    pub fn forward(&self, mut x: Tensor<2>, keep: &[Tensor<2>]) -> (Tensor<2>, Vec<Tensor<2>>) {
        let mut slopes = Vec::with_capacity(self.layers.len());
        for (l, layer) in self.layers.iter().enumerate() {
            let before = linear(layer, x);
            let slope = before.clone().detach().greater_elem(0.0).float() * (1.0 - SLOPE) + SLOPE;
            let slope = match keep.get(l) {
                Some(keep) => slope * keep.clone(),
                None => slope,
            };
            x = before * slope.clone();
            slopes.push(slope);
        }
        (x.matmul(self.output.val()), slopes)
    }

    /// Gradient `[B, I]` of each score with respect to its input, given the slopes there: weights and slopes alone, so that burn can
    /// differentiate it once more.
    pub fn input_gradient(&self, slopes: &[Tensor<2>]) -> Tensor<2> {
        let mut gradient = self.output.val().transpose();
        for (layer, slope) in self.layers.iter().zip(slopes).rev() {
            gradient = (slope.clone() * gradient).matmul(layer.weight.val().transpose());
        }
        gradient
    }
}
