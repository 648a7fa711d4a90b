//! Layers of networks for images, channels last `[B, H, W, C]`: convolution, residual block, and steps between sizes.
//!
//! There are no batch statistics. A [`Block`] normalises each pixel by itself and is modulated by a vector of conditions
//! (class, time), as in ADM (Dhariwal and Nichol, 2021) with RMS norm in place of group norm. To change the size, pixels are moved
//! into channels or out of them, and a linear layer follows: one matrix product, where others use a convolution with strides. A
//! generator that a critic judges enlarges by [`Conv::enlarge`].

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use verisim_data::image::Shape;

use super::{Init, conv, linear, norm_act, silu};
use crate::error::{Error, Result};
use crate::weights::Weights;

/// A convolution that keeps the size, its window 3 x 3 unless said.
#[derive(Module, Debug)]
pub struct Conv {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Conv {
    /// `inputs` to `outputs` channels.
    pub fn new(inputs: usize, outputs: usize, init: &mut Init) -> Conv {
        Conv::narrow(9 * inputs, outputs, init)
    }

    /// As [`new`](Conv::new), with a window of one pixel.
    pub fn narrow(inputs: usize, outputs: usize, init: &mut Init) -> Conv {
        let Linear { weight, bias } = init.linear(inputs, outputs);
        Conv { weight, bias: bias.unwrap_or_else(|| init.param([outputs], vec![0.0; outputs])) }
    }

    /// As [`new`](Conv::new), but nothing but zeros comes out at first.
    pub fn zero(inputs: usize, outputs: usize, init: &mut Init) -> Conv {
        let weight = init.param([9 * inputs, outputs], vec![0.0; 9 * inputs * outputs]);
        Conv { weight, bias: init.param([outputs], vec![0.0; outputs]) }
    }

    /// `[B, H, W, I]` to `[B, H, W, O]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv(x, self.weight.val(), self.bias.val())
    }

    /// `[B, H, W, I]` to `[B, k H, k W, O]`: of the image in which each pixel became a square of `k x k` equal ones, computed
    /// at the size before: the weights that fall on one square are added up. A flat area stays flat; with weights of their own
    /// for each pixel of a square ([`spread_pixels`]) it shows a fine grid (Odena et al., 2016).
    pub fn enlarge(&self, x: Tensor<4>, k: usize) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), self.bias.val());
        let ([columns, outputs], device) = (weight.dims(), weight.device());
        let (inputs, squares) = (columns / 9, k * k);
        // Which pixels of the window at place `p` of a square fall on which square of the window.
        let falls = |p: usize, pixel: usize, square: usize| (p + pixel).div_ceil(k) == square;
        let mut sums = vec![0f32; 9 * squares * 9];
        for (i, sum) in sums.iter_mut().enumerate() {
            let (pixel, place, square) = (i % 9, i / 9 % squares, i / (9 * squares));
            let rows = falls(place / k, pixel / 3, square / 3);
            *sum = if rows && falls(place % k, pixel % 3, square % 3) { 1.0 } else { 0.0 };
        }
        let sums = Tensor::<2>::from_data(TensorData::new(sums, [9 * squares, 9]), &device);
        let weight = sums.matmul(weight.reshape([9, inputs * outputs]));
        let weight = weight.reshape([9, squares, inputs, outputs]).swap_dims(1, 2);
        let bias = bias.reshape([1, outputs]).repeat_dim(0, squares);
        let y = conv(x, weight.reshape([9 * inputs, squares * outputs]), bias.reshape([squares * outputs]));
        spread_pixels(y, k)
    }
}

/// A linear layer applied to every pixel, as one matrix product.
pub fn per_pixel(layer: &Linear, x: Tensor<4>) -> Tensor<4> {
    let [b, h, w, c] = x.dims();
    let y = linear(layer, x.reshape([b * h * w, c]));
    let [_, outputs] = y.dims();
    y.reshape([b, h, w, outputs])
}

/// `x + conv(act(conv(act(x))))`, both activations modulated. The second convolution starts at zero, so that a fresh block passes
/// `x` on.
#[derive(Module, Debug)]
pub struct Block {
    modulation: Linear,
    first: Conv,
    second: Conv,
    skip: Option<Linear>,
    inputs: usize,
    norm: bool,
}

impl Block {
    /// `inputs` to `outputs` channels under conditions of `width` numbers. Without `norm`, activations are modulated as they are,
    /// which is what a critic wants.
    pub fn new(inputs: usize, outputs: usize, width: usize, norm: bool, init: &mut Init) -> Block {
        Block {
            modulation: init.zero_linear(width, 2 * (inputs + outputs)),
            first: Conv::new(inputs, outputs, init),
            second: Conv::zero(outputs, outputs, init),
            skip: (inputs != outputs).then(|| init.linear(inputs, outputs)),
            inputs,
            norm,
        }
    }

    /// `x [B, H, W, I]`, `condition [B, E]`; gives `[B, H, W, O]`.
    pub fn forward(&self, x: Tensor<4>, condition: Tensor<2>) -> Tensor<4> {
        let all = linear(&self.modulation, condition);
        let outputs = all.dims()[1] / 2 - self.inputs;
        let part = |from: usize, width: usize| all.clone().narrow(1, from, width);
        let (i, o) = (self.inputs, outputs);
        let h = self.first.forward(norm_act(x.clone(), part(0, i), part(i, i), self.norm));
        let h = self.second.forward(norm_act(h, part(2 * i, o), part(2 * i + o, o), self.norm));
        h + match &self.skip {
            Some(skip) => per_pixel(skip, x),
            None => x,
        }
    }
}

/// Shows every pixel all others: a perceptron over positions, the same for all channels (MLP-Mixer, Tolstikhin et al., 2021).
/// Convolutions alone are slow to learn what an image is as a whole. It starts at zero, so that a fresh one passes `x` on.
#[derive(Module, Debug)]
pub struct Mixer {
    wide: Linear,
    narrow: Linear,
}

/// Positions that are mixed, at most; the perceptron grows with their square.
const MOST_MIXED: usize = 256;

impl Mixer {
    /// For layers of `sides`; none for layers too large.
    pub fn new(sides: Sides, init: &mut Init) -> Option<Mixer> {
        let n = sides.height * sides.width;
        (n <= MOST_MIXED).then(|| Mixer { wide: init.linear(n, 2 * n), narrow: init.zero_linear(2 * n, n) })
    }

    /// About the numbers of one of `sides`.
    pub fn count(sides: Sides) -> usize {
        let n = sides.height.saturating_mul(sides.width);
        if n <= MOST_MIXED { 4 * n * n } else { 0 }
    }

    /// `[B, H, W, C]` to the same.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [b, h, w, c] = x.dims();
        let none = Tensor::zeros([b, c], &x.device());
        let seen = norm_act(x.clone(), none.clone(), none, true);
        let rows = seen.reshape([b, h * w, c]).swap_dims(1, 2).reshape([b * c, h * w]);
        let mixed = linear(&self.narrow, dense(&self.wide, rows));
        x + mixed.reshape([b, c, h * w]).swap_dims(1, 2).reshape([b, h, w, c])
    }
}

/// Each `k x k` square of pixels becomes one pixel: `[B, H, W, C]` to `[B, H / k, W / k, k k C]`.
pub fn gather_pixels(x: Tensor<4>, k: usize) -> Tensor<4> {
    if k == 1 {
        return x;
    }
    let [b, h, w, c] = x.dims();
    // Rows of a square are k C numbers in a run, so one swap of middle axes does it.
    let x = x.reshape([b * h / k, k, w / k, k * c]).swap_dims(1, 2);
    x.reshape([b, h / k, w / k, k * k * c])
}

/// The reverse of [`gather_pixels`]: `[B, H, W, k k C]` to `[B, k H, k W, C]`.
pub fn spread_pixels(x: Tensor<4>, k: usize) -> Tensor<4> {
    if k == 1 {
        return x;
    }
    let [b, h, w, c] = x.dims();
    let c = c / (k * k);
    let x = x.reshape([b * h, w, k, k * c]).swap_dims(1, 2);
    x.reshape([b, h * k, w * k, c])
}

/// Halves height and width.
#[derive(Module, Debug)]
pub struct Down {
    layer: Linear,
}

impl Down {
    /// `inputs` to `outputs` channels.
    pub fn new(inputs: usize, outputs: usize, init: &mut Init) -> Down {
        Down { layer: init.linear(4 * inputs, outputs) }
    }

    /// `[B, H, W, I]` to `[B, H / 2, W / 2, O]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        per_pixel(&self.layer, gather_pixels(x, 2))
    }
}

/// Doubles height and width.
#[derive(Module, Debug)]
pub struct Up {
    layer: Linear,
}

impl Up {
    /// `inputs` to `outputs` channels.
    pub fn new(inputs: usize, outputs: usize, init: &mut Init) -> Up {
        Up { layer: init.linear(inputs, 4 * outputs) }
    }

    /// `[B, H, W, I]` to `[B, 2 H, 2 W, O]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        spread_pixels(per_pixel(&self.layer, x), 2)
    }
}

/// Images to vectors: what a critic and the encoder of a VAE see with. Squares of `patch x patch` pixels are one pixel of
/// the network; at each size come `blocks` residual blocks, and between sizes a [`Down`].
#[derive(Module, Debug)]
pub struct Encoder {
    stem: Conv,
    blocks: Vec<Vec<Block>>,
    downs: Vec<Down>,
    head: Linear,
    patch: usize,
}

impl Encoder {
    /// For images of `pixel / patch^2` channels and smallest layers of `sides`; `condition` numbers modulate the blocks,
    /// and `outputs` come out.
    pub fn new(layout: &Layout<'_>, condition: usize, outputs: usize, norm: bool, init: &mut Init) -> Encoder {
        let Layout { channels, blocks, patch, pixel, sides } = *layout;
        let stem = Conv::new(pixel, channels[0], init);
        let level = |c: usize, init: &mut Init| (0..blocks).map(|_| Block::new(c, c, condition, norm, init)).collect();
        let blocks = channels.iter().map(|&c| level(c, init)).collect();
        let downs = channels.windows(2).map(|c| Down::new(c[0], c[1], init)).collect();
        let last = channels[channels.len() - 1];
        Encoder { stem, blocks, downs, head: init.linear(sides.height * sides.width * last, outputs), patch }
    }

    /// `x [B, H, W, C]`, `condition [B, E]`; gives `[B, outputs]`.
    pub fn forward(&self, x: Tensor<4>, condition: Tensor<2>) -> Tensor<2> {
        let mut h = self.stem.forward(gather_pixels(x, self.patch));
        for (s, blocks) in self.blocks.iter().enumerate() {
            h = blocks.iter().fold(h, |h, block| block.forward(h, condition.clone()));
            if let Some(down) = self.downs.get(s) {
                h = down.forward(h);
            }
        }
        linear(&self.head, silu(h.flatten(1, 3)))
    }
}

/// Vectors to images: a generator, the decoder of a VAE. The reverse of [`Encoder`], every block modulated by the vector.
#[derive(Module, Debug)]
pub struct Decoder {
    start: Linear,
    blocks: Vec<Vec<Block>>,
    ups: Vec<Conv>,
    head: Linear,
    output: Conv,
    patch: usize,
    smooth: bool,
    height: usize,
    width: usize,
}

impl Decoder {
    /// From vectors of `condition` numbers. A `smooth` one makes larger images by [`Conv::enlarge`]. Others make the pixels of
    /// a square by weights of their own, which is faster, and enough for a likelihood: it is about single pixels, and a grid costs it.
    pub fn new(layout: &Layout<'_>, condition: usize, smooth: bool, init: &mut Init) -> Decoder {
        let Layout { channels, blocks, patch, pixel, sides } = *layout;
        let last = channels[channels.len() - 1];
        let start = init.linear(condition, sides.height * sides.width * last);
        let level = |c: usize, init: &mut Init| (0..blocks).map(|_| Block::new(c, c, condition, true, init)).collect();
        let blocks = channels.iter().rev().map(|&c| level(c, init)).collect();
        let up = |inputs: usize, outputs: usize, init: &mut Init| match smooth {
            true => Conv::new(inputs, outputs, init),
            false => Conv::narrow(inputs, 4 * outputs, init),
        };
        let ups = channels.windows(2).rev().map(|c| up(c[1], c[0], init)).collect();
        let head = init.zero_linear(condition, 2 * channels[0]);
        let output = Conv::new(channels[0], if smooth { pixel / (patch * patch) } else { pixel }, init);
        Decoder { start, blocks, ups, head, output, patch, smooth, height: sides.height, width: sides.width }
    }

    /// `[B, E]` to `[B, H, W, C]`.
    pub fn forward(&self, condition: Tensor<2>) -> Tensor<4> {
        let [b, _] = condition.dims();
        let start = linear(&self.start, condition.clone());
        let channels = start.dims()[1] / (self.height * self.width);
        let mut h = start.reshape([b, self.height, self.width, channels]);
        for (s, blocks) in self.blocks.iter().enumerate() {
            h = blocks.iter().fold(h, |h, block| block.forward(h, condition.clone()));
            if let Some(up) = self.ups.get(s) {
                h = self.larger(up, h, 2);
            }
        }
        let parts = linear(&self.head, condition).chunk(2, 1);
        let h = norm_act(h, parts[0].clone(), parts[1].clone(), true);
        self.larger(&self.output, h, self.patch)
    }

    fn larger(&self, layer: &Conv, x: Tensor<4>, k: usize) -> Tensor<4> {
        if self.smooth { layer.enlarge(x, k) } else { spread_pixels(layer.forward(x), k) }
    }
}

/// Sizes of an [`Encoder`] or [`Decoder`].
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// Channels at each size; every further size halves height and width.
    pub channels: &'a [usize],
    /// Residual blocks at each size.
    pub blocks: usize,
    /// Pixels a side that the network takes for one.
    pub patch: usize,
    /// Numbers of such a square.
    pub pixel: usize,
    /// Sides of the smallest layer.
    pub sides: Sides,
}

impl<'a> Layout<'a> {
    /// Refuses settings that no network has, naming the key; `condition` is the width of what modulates it.
    pub fn check(model: &'static str, patch: usize, channels: &[usize], blocks: usize, condition: usize) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Setting { model, key: key.into(), rule: rule.into() });
        if !(1..=16).contains(&patch) {
            return bad("patch", "must lie between 1 and 16");
        }
        if channels.is_empty() || channels.iter().any(|c| !(1..=4096).contains(c)) {
            return bad("channels", "must name at least one number between 1 and 4096");
        }
        if !(1..=16).contains(&blocks) {
            return bad("blocks", "must lie between 1 and 16");
        }
        if !(2..=4096).contains(&condition) {
            return bad("condition", "must lie between 2 and 4096");
        }
        Ok(())
    }

    /// For images of `shape`; an error when they cannot be halved as often as `channels` wants.
    pub fn of(model: &'static str, patch: usize, channels: &'a [usize], blocks: usize, shape: Shape) -> Result<Self> {
        let sides = Sides::of(model, patch, channels.len(), shape)?;
        Ok(Layout { channels, blocks, patch, pixel: patch * patch * shape.channels, sides })
    }
}

/// `silu` after a plain linear layer.
pub fn dense(layer: &Linear, x: Tensor<2>) -> Tensor<2> {
    silu(linear(layer, x))
}

/// Rows `[B, N]` scaled to a root mean square of 1. What modulates a network is brought to this size: fresh layers make it small,
/// and the layers that it modulates start at zero and would be slow to listen to so little.
pub fn unit(x: Tensor<2>) -> Tensor<2> {
    x.clone() / (x.powf_scalar(2.0).mean_dim(1) + 1e-8).sqrt()
}

/// Class numbers as one-hot rows `[B, width]`.
pub fn classes(labels: &[u32], width: usize, device: &Device) -> Tensor<2> {
    let mut rows = vec![0f32; labels.len() * width];
    labels.iter().enumerate().for_each(|(i, &l)| rows[i * width + (l as usize).min(width - 1)] = 1.0);
    Tensor::from_data(TensorData::new(rows, [labels.len(), width]), device)
}

/// Height and width of the smallest layer of a network that halves images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
}

impl Sides {
    /// Sides of images of `shape` after squares of `patch` pixels became one and `sizes - 1` halvings.
    ///
    /// # Errors
    /// When they do not come out even; the error says what would fit.
    pub fn of(model: &'static str, patch: usize, sizes: usize, shape: Shape) -> Result<Sides> {
        let Shape { height, width, .. } = shape;
        let by = 1usize.checked_shl(sizes as u32 - 1).and_then(|k| k.checked_mul(patch)).unwrap_or(usize::MAX);
        if height.is_multiple_of(by) && width.is_multiple_of(by) {
            return Ok(Sides { height: height / by, width: width / by });
        }
        let near = |side: usize| (side / by).max(1).saturating_mul(by);
        let near = (near(height), near(width));
        Err(Error::Indivisible { model, by, patch, sizes, sides: (height, width), near })
    }

    /// Numbers of a layer from `width` numbers to all of the smallest size with `channels`.
    pub fn start(&self, width: usize, channels: &[usize]) -> usize {
        let last = channels.last().copied().unwrap_or(1);
        [self.height, self.width, last].into_iter().fold(width, usize::saturating_mul)
    }

    /// Refuses networks larger than all of `weights` together before they are made; `other` counts numbers beside those of
    /// convolutions.
    pub fn check_size(&self, channels: &[usize], blocks: usize, other: usize, weights: &Weights) -> Result<()> {
        let convolutions = channels.iter().map(|c| c.saturating_mul(*c)).fold(0, usize::saturating_add);
        if convolutions.saturating_mul(9 * blocks).saturating_add(other) > weights.count() {
            return Err(Error::Misfit { sizes: None });
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::image::testkit::{assert_close, host, random};
    use crate::nets::params::tests::shaken;

    fn init() -> Init {
        Init::new(3, &Device::flex())
    }

    #[test]
    fn a_mixer_shows_every_pixel_all_others_of_its_channel() {
        let sides = Sides { height: 3, width: 2 };
        let fresh = Mixer::new(sides, &mut init()).unwrap();
        let x = random([2, 3, 2, 4], 0);
        assert_close(&host(fresh.forward(x.clone())), &host(x.clone()));
        let mixer = shaken(fresh, 0.3);
        let mut values = host(x.clone());
        // Another direction of the last pixel of the first image, so that its norm cannot hide it.
        values[5 * 4] = -3.0 * values[5 * 4] - 1.0;
        let moved = Tensor::from_data(TensorData::new(values, [2, 3, 2, 4]), &Device::flex());
        let (a, b) = (host(mixer.forward(x)), host(mixer.forward(moved)));
        assert!((0..6).all(|pixel| (a[pixel * 4] - b[pixel * 4]).abs() > 1e-4), "{a:?} {b:?}");
        assert_eq!(a[24..], b[24..]);
        assert!(Mixer::new(Sides { height: 16, width: 17 }, &mut init()).is_none());
    }

    #[test]
    fn squares_of_pixels_go_together_by_row_column_channel() {
        let count = |shape: [usize; 4]| -> Tensor<4> {
            let values: Vec<f32> = (0..shape.iter().product()).map(|i: usize| i as f32).collect();
            Tensor::from_data(TensorData::new(values, shape), &Device::flex())
        };
        let y = gather_pixels(count([1, 2, 4, 1]), 2);
        assert_eq!(y.dims(), [1, 1, 2, 4]);
        assert_eq!(host(y), [0.0, 1.0, 4.0, 5.0, 2.0, 3.0, 6.0, 7.0]);
        for ([b, h, w, c], k) in [([2, 4, 6, 3], 2), ([3, 9, 3, 2], 3), ([2, 8, 4, 1], 4), ([2, 3, 5, 4], 1)] {
            let x = count([b, h, w, c]);
            let y = gather_pixels(x.clone(), k);
            assert_eq!(y.dims(), [b, h / k, w / k, k * k * c]);
            assert_eq!(host(spread_pixels(y.clone(), k)), host(x.clone()));
            let (x, y) = (host(x), host(y));
            for (i, value) in x.into_iter().enumerate() {
                let (image, row, column, channel) = (i / (h * w * c), i / (w * c) % h, i / c % w, i % c);
                let pixel = (image * (h / k) + row / k) * (w / k) + column / k;
                assert_eq!(y[((pixel * k + row % k) * k + column % k) * c + channel], value, "{k} {i}");
            }
        }
    }

    #[test]
    fn sizes_halve_and_double() {
        let x = random([2, 4, 6, 3], 0);
        let down = Down::new(3, 5, &mut init()).forward(x);
        assert_eq!(down.dims(), [2, 2, 3, 5]);
        assert_eq!(Up::new(5, 3, &mut init()).forward(down).dims(), [2, 4, 6, 3]);
    }

    #[test]
    fn an_enlarging_convolution_is_one_of_the_enlarged_image() {
        for k in [1, 2, 3, 4] {
            let layer = shaken(Conv::new(3, 2, &mut init()), 0.3);
            let [b, h, w] = [2, 3, 4];
            let x = random([b, h, w, 3], 0);
            let large = x.clone().reshape([b, h, 1, w, 1, 3]).repeat_dim(2, k).repeat_dim(4, k);
            let y = layer.enlarge(x, k);
            assert_eq!(y.dims(), [b, k * h, k * w, 2]);
            assert_close(&host(y), &host(layer.forward(large.reshape([b, k * h, k * w, 3]))));
        }
    }

    #[test]
    fn a_zero_convolution_gives_zeros() {
        let x = random([2, 4, 6, 3], 0);
        let y = Conv::zero(3, 5, &mut init()).forward(x.clone());
        assert_eq!((y.dims(), host(y)), ([2, 4, 6, 5], vec![0.0; 2 * 4 * 6 * 5]));
        assert!(host(Conv::new(3, 5, &mut init()).forward(x)).iter().all(|&x| x != 0.0));
    }

    #[test]
    fn a_fresh_block_passes_images_on_and_a_trained_one_heeds_conditions() {
        let (x, condition) = (random([2, 4, 6, 3], 0), random([2, 5], 1));
        for norm in [true, false] {
            let block = Block::new(3, 3, 5, norm, &mut init());
            assert_eq!(host(block.forward(x.clone(), condition.clone())), host(x.clone()));
            let wider = Block::new(3, 4, 5, norm, &mut init());
            let skipped = per_pixel(wider.skip.as_ref().unwrap(), x.clone());
            assert_eq!(skipped.dims(), [2, 4, 6, 4]);
            assert_eq!(host(wider.forward(x.clone(), condition.clone())), host(skipped));
            let block = shaken(block, 0.3);
            let [one, other] = [1.0, -1.0].map(|sign| host(block.forward(x.clone(), condition.clone() * sign)));
            assert!(one.iter().zip(&other).any(|(a, b)| (a - b).abs() > 0.01));
        }
    }

    #[test]
    fn images_of_all_sizes_go_in_and_come_out_each_by_itself() {
        for (height, width, channels, patch, sizes) in [
            (4, 8, 1, 1, &[4, 6][..]),
            (8, 4, 3, 2, &[4, 6]),
            (8, 16, 4, 4, &[5]),
            (3, 5, 1, 1, &[4]),
            (8, 8, 1, 1, &[4, 4, 6]),
        ] {
            let shape = Shape { height, width, channels };
            let layout = Layout::of("vae", patch, sizes, 1, shape).unwrap();
            let encoder = shaken(Encoder::new(&layout, 2, 7, true, &mut init()), 0.2);
            let (x, class, z) = (random([3, height, width, channels], 0), random([3, 2], 1), random([3, 5], 2));
            let code = encoder.forward(x.clone(), class.clone());
            assert_eq!(code.dims(), [3, 7]);
            let last = |rows: Tensor<2>| rows.narrow(0, 2, 1);
            assert_close(&host(encoder.forward(x.narrow(0, 2, 1), last(class))), &host(last(code)));
            for smooth in [false, true] {
                let decoder = shaken(Decoder::new(&layout, 5, smooth, &mut init()), 0.2);
                let images = decoder.forward(z.clone());
                assert_eq!(images.dims(), [3, height, width, channels]);
                assert_close(&host(decoder.forward(last(z.clone()))), &host(images.narrow(0, 2, 1)));
            }
        }
    }

    #[test]
    fn sides_that_do_not_come_out_even_are_refused_with_a_remedy() {
        let shape = |height, width| Shape { height, width, channels: 1 };
        assert_eq!(Sides::of("vae", 2, 2, shape(8, 12)).unwrap(), Sides { height: 2, width: 3 });
        assert_eq!(Sides::of("vae", 1, 1, shape(5, 7)).unwrap(), Sides { height: 5, width: 7 });
        let error = Layout::of("vae", 2, &[8, 8], 1, shape(6, 8)).unwrap_err().to_string();
        for part in ["model.vae", "by 4 (patch 2, 2 sizes)", "6 x 8", "data.images.size = [4, 8]"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        let error = Sides::of("gan", 4, 2, shape(30, 3)).unwrap_err().to_string();
        assert!(error.contains("data.images.size = [24, 8]"), "{error}");
        // More halvings than a number has bits.
        for sizes in [64, 70] {
            assert!(Sides::of("flow", 2, sizes, shape(28, 28)).is_err());
        }
    }

    #[test]
    fn networks_larger_than_their_weights_are_refused() {
        let mut weights = Weights::default();
        weights.put_f32("p0", &[200], vec![0.0; 200]);
        let sides = Sides { height: 1, width: 1 };
        // 9 (2 * 2 + 4 * 4) is 180.
        assert!(sides.check_size(&[2, 4], 1, 20, &weights).is_ok());
        assert!(sides.check_size(&[2, 4], 1, 21, &weights).is_err());
        assert!(sides.check_size(&[2, 4], 2, 0, &weights).is_err());
        assert!(sides.check_size(&[usize::MAX], 16, usize::MAX, &weights).is_err());
    }

    #[test]
    fn classes_are_one_hot() {
        let rows = classes(&[0, 2, 9], 3, &Device::flex());
        assert_eq!(host(rows), [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    }
}
