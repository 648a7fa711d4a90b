//! The network that is trained here.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, module};

use super::view::View;
use crate::nets::vision::{Conv, Down, dense, gather_pixels};
use crate::nets::{Init, norm_act};

/// Features of the network trained here.
pub(super) const FEATURES: usize = 64;
/// Cells a side, over which the last convolution is averaged.
pub(super) const GRID: usize = 4;

/// The network trained here: three convolutions at full, half and quarter size, averages over a grid, 64 features.
#[derive(Module, Debug)]
pub(super) struct Net {
    first: Conv,
    half: Down,
    second: Conv,
    quarter: Down,
    third: Conv,
    features: Linear,
    classes: Linear,
    patch: usize,
}

impl Net {
    /// Fresh weights, for images of this view and `classes` answers.
    pub fn new(view: &View, classes: usize, seed: u64, device: &Device) -> Net {
        const WIDE: usize = 64;
        let init = &mut Init::new(seed, device);
        let channels = view.shape.channels * view.patch * view.patch;
        Net {
            first: Conv::new(channels, WIDE / 2, init),
            half: Down::new(WIDE / 2, WIDE / 2, init),
            second: Conv::new(WIDE / 2, WIDE, init),
            quarter: Down::new(WIDE, WIDE, init),
            third: Conv::new(WIDE, WIDE, init),
            features: init.linear(WIDE * GRID * GRID, FEATURES),
            classes: init.linear(FEATURES, classes),
            patch: view.patch,
        }
    }

    /// Pixels `[B, H, W, C]` to features `[B, F]`.
    pub fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let x = activate(self.first.forward(gather_pixels(x, self.patch)));
        let x = activate(self.second.forward(self.half.forward(x)));
        let x = activate(self.third.forward(self.quarter.forward(x)));
        dense(&self.features, cells(x))
    }

    /// Features `[B, F]` to logits of the answers `[B, K]`.
    pub fn answers(&self, features: Tensor<2>) -> Tensor<2> {
        self.classes.forward(features)
    }
}

/// The activation between convolutions, without a scale or shift of its own.
fn activate(x: Tensor<4>) -> Tensor<4> {
    let [batch, _, _, channels] = x.dims();
    let none = Tensor::zeros([batch, channels], &x.device());
    norm_act(x, none.clone(), none, false)
}

/// Averages over a grid, `[B, H, W, C]` to `[B, 16 C]`, channel by channel.
pub(super) fn cells(x: Tensor<4>) -> Tensor<2> {
    module::adaptive_avg_pool2d(x.permute([0, 3, 1, 2]), [GRID, GRID]).flatten(1, 3)
}
