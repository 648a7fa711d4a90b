//! Generator and critic, and how rows come out of the one and go into the other.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Tensor, activation};

use crate::error::Result;
use crate::nets::blocks::{SKIP_GAIN, cap};
use crate::nets::{Blocks, Init, linear};
use crate::read;

/// How tokens leave the generator: by the Gumbel-softmax (Jang et al., 2017).
#[derive(Clone, Copy, Debug)]
pub struct GumbelSoftmax {
    /// Near 0 rows are almost one-hot, and their gradients rough.
    pub temperature: f64,
    /// Whether rows are one-hot going forward, and as soft as ever going back (straight-through).
    pub hard: bool,
}

/// Noise and condition to logits and scalars.
#[derive(Module, Debug)]
pub struct Generator {
    layers: Vec<Linear>,
    output: Linear,
    /// For each column after the first, the map from the one-hot columns before it to its logits; empty without skip.
    skip: Vec<Param<Tensor<2>>>,
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

    /// Rows `[B, W]`, their logits and their scalars. `gumbel [B, W]` is the noise of the tokens. The tensors, `blocks` among them,
    /// all carry gradients or none does.
    pub fn rows(
        &self,
        blocks: &Blocks,
        noise: Tensor<2>,
        condition: Tensor<2>,
        gumbel: Tensor<2>,
        softmax: GumbelSoftmax,
    ) -> (Tensor<2>, Tensor<2>, Option<Tensor<2>>) {
        let (logits, scalars) = self.forward(noise, condition, blocks);
        if !self.skip.is_empty() {
            let (rows, logits) = self.one_by_one(blocks, logits, gumbel, softmax);
            return (rows, logits, scalars);
        }
        let logits = cap(logits);
        let noisy = logits.clone() + gumbel;
        let peak = blocks.peak(noisy.clone());
        let soft = blocks.softmax((noisy.clone() - peak.clone()).div_scalar(softmax.temperature));
        (softmax.harden(soft, noisy, peak), logits, scalars)
    }

    /// Tokens column after column, each with the skip of those before it. The loop is over columns because each needs the
    /// last one's draw; without the skip all columns are drawn at once.
    fn one_by_one(
        &self,
        blocks: &Blocks,
        logits: Tensor<2>,
        gumbel: Tensor<2>,
        softmax: GumbelSoftmax,
    ) -> (Tensor<2>, Tensor<2>) {
        let (mut rows, mut all) = (Vec::new(), Vec::new());
        for (c, o) in blocks.offsets.windows(2).enumerate() {
            let mut own = logits.clone().narrow(1, o[0], o[1] - o[0]);
            if c > 0 {
                own = own + Tensor::cat(rows.clone(), 1).matmul(self.skip[c - 1].val() * SKIP_GAIN);
            }
            let own = cap(own);
            let noisy = own.clone() + gumbel.clone().narrow(1, o[0], o[1] - o[0]);
            let soft = activation::softmax(noisy.clone().div_scalar(softmax.temperature), 1);
            let peak = noisy.clone().detach().max_dim(1);
            rows.push(softmax.harden(soft, noisy, peak));
            all.push(own);
        }
        (Tensor::cat(rows, 1), Tensor::cat(all, 1))
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

impl GumbelSoftmax {
    /// `soft` with the numbers of one-hot rows, if rows are to be hard: 1 where `noisy` reaches its `peak`, `[B, W]` or `[B, 1]`.
    fn harden(self, soft: Tensor<2>, noisy: Tensor<2>, peak: Tensor<2>) -> Tensor<2> {
        if !self.hard {
            return soft;
        }
        let [_, width] = noisy.dims();
        let [rows, columns] = peak.dims();
        let peak = if columns == width { peak } else { peak.expand([rows, width]) };
        let hard = noisy.detach().greater_equal(peak).float();
        soft.clone() + (hard - soft.detach())
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
