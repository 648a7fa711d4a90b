//! 3 x 3 convolutions with fewer multiplications, on the `flex` backend.
//!
//! Winograd's minimal filtering F(2 x 2, 3 x 3) (Lavin and Gray, CVPR 2016): a tile of 2 x 2 outputs sees 4 x 4 inputs. With
//! the constant matrices `A`, `B` and `G` below,
//!
//! ```text
//! Y = A' [ (G g G') * (B' d B) ] A        d 4 x 4 inputs, g 3 x 3 weights, Y 2 x 2 outputs, * element by element
//! ```
//!
//! needs 16 products for what takes 36. Over channels each of the 16 places is a matrix product `[tiles, C] [C, O]`. The
//! gradient of the weights is the same read backwards: `dg = G' [ sum over tiles (B' d B) (A dY A') ] G`. All coefficients are
//! 0, 1 and 1/2, so that it is about as exact as the plain sum.
//!
//! As in [`kernels`](super::kernels) the work is cut by its size and never by the thread count.

use pulp::Arch;
use rayon::prelude::*;

use super::kernels::{LANES, add, add_up};

/// Places of a transformed tile.
pub const PLACES: usize = 16;

/// Bytes of transformed numbers that a task holds; about what a core's own cache does.
const CACHE: usize = 1 << 21;

type Lane = [f32; LANES];

/// Sizes of one convolution.
#[derive(Clone, Copy, Debug)]
pub struct Tiles {
    /// Images.
    pub batch: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Channels of a pixel.
    pub inputs: usize,
    /// Channels of a pixel of the result.
    pub outputs: usize,
}

#[inline(always)]
fn map2(a: Lane, b: Lane, f: impl Fn(f32, f32) -> f32) -> Lane {
    let mut out = [0.0; LANES];
    for l in 0..LANES {
        out[l] = f(a[l], b[l]);
    }
    out
}

#[inline(always)]
fn plus(a: Lane, b: Lane) -> Lane {
    map2(a, b, |a, b| a + b)
}

#[inline(always)]
fn minus(a: Lane, b: Lane) -> Lane {
    map2(a, b, |a, b| a - b)
}

#[inline(always)]
fn half(a: Lane) -> Lane {
    map2(a, a, |a, _| 0.5 * a)
}

#[inline(always)]
fn load(from: &[f32], at: usize) -> Lane {
    let mut out = [0.0; LANES];
    out.copy_from_slice(&from[at..at + LANES]);
    out
}

/// `M' X M` for a matrix given by what it does to four numbers (`N` in, `K` out): first to columns, then to rows.
#[inline(always)]
fn both<const N: usize, const K: usize>(x: [[Lane; N]; N], f: impl Fn([Lane; N]) -> [Lane; K]) -> [[Lane; K]; K] {
    let zero = [0.0; LANES];
    let mut columns = [[zero; N]; K];
    for j in 0..N {
        let mut column = [zero; N];
        for i in 0..N {
            column[i] = x[i][j];
        }
        let y = f(column);
        for i in 0..K {
            columns[i][j] = y[i];
        }
    }
    let mut out = [[zero; K]; K];
    for i in 0..K {
        out[i] = f(columns[i]);
    }
    out
}

/// `B'`.
#[inline(always)]
fn input([a, b, c, d]: [Lane; 4]) -> [Lane; 4] {
    [minus(a, c), plus(b, c), minus(c, b), minus(b, d)]
}

/// `A'`.
#[inline(always)]
fn output([a, b, c, d]: [Lane; 4]) -> [Lane; 2] {
    [plus(plus(a, b), c), minus(minus(b, c), d)]
}

/// `A`.
#[inline(always)]
fn output_back([a, b]: [Lane; 2]) -> [Lane; 4] {
    [a, plus(a, b), minus(a, b), minus([0.0; LANES], b)]
}

/// `G`.
#[inline(always)]
fn weight([a, b, c]: [Lane; 3]) -> [Lane; 4] {
    let ends = plus(a, c);
    [a, half(plus(ends, b)), half(minus(ends, b)), c]
}

/// `G'`.
#[inline(always)]
fn weight_back([a, b, c, d]: [Lane; 4]) -> [Lane; 3] {
    let (sum, difference) = (half(plus(b, c)), half(minus(b, c)));
    [plus(a, sum), difference, plus(sum, d)]
}

/// `M' X M` of `N x N` matrices of which `from` holds place after place, `size` numbers each; the `K x K` places that come out.
fn place_by_place<const N: usize, const K: usize>(
    from: &[f32],
    size: usize,
    f: impl Fn([Lane; N]) -> [Lane; K],
) -> Vec<f32> {
    let mut out = vec![0f32; K * K * size];
    Arch::new().dispatch(|| {
        for lane in (0..size).step_by(LANES) {
            let mut x = [[[0.0; LANES]; N]; N];
            for (k, x) in x.as_flattened_mut().iter_mut().enumerate() {
                *x = load(from, k * size + lane);
            }
            for (k, y) in both(x, &f).as_flattened().iter().enumerate() {
                out[k * size + lane..][..LANES].copy_from_slice(y);
            }
        }
    });
    out
}

impl Tiles {
    /// Whether it pays and fits: enough channels, in whole lanes.
    pub fn fits(&self) -> bool {
        self.inputs.is_multiple_of(LANES) && self.outputs.is_multiple_of(LANES)
    }

    /// Tiles of an image.
    fn tiles(&self) -> usize {
        self.height.div_ceil(2) * self.width.div_ceil(2)
    }

    /// The image of a tile, and the row and column where its outputs begin.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (image, place) = (tile / self.tiles(), tile % self.tiles());
        let across = self.width.div_ceil(2);
        (image, 2 * (place / across), 2 * (place % across))
    }

    /// Images of a task.
    fn group(&self) -> usize {
        let image = PLACES * self.tiles() * (self.inputs + self.outputs) * size_of::<f32>();
        (CACHE / image.max(1)).clamp(1, 8)
    }

    /// Transforms all tiles of `images` images in `x`, of `channels` channels: `[16, tiles, channels]`. `N` pixels a side are
    /// read for each tile, from `2 ty - pad` and `2 tx - pad` on; those outside the image are zeros.
    #[inline(always)]
    fn transform<const N: usize>(
        &self,
        x: &[f32],
        channels: usize,
        pad: usize,
        f: impl Fn([Lane; N]) -> [Lane; 4],
    ) -> Vec<f32> {
        let (h, w) = (self.height, self.width);
        let images = x.len() / (h * w * channels);
        let tiles = images * self.tiles();
        let mut out = vec![0f32; PLACES * tiles * channels];
        for tile in 0..tiles {
            let (image, ty, tx) = self.place(tile);
            // Where the pixels start, those inside the image.
            let mut at = [[None; N]; N];
            for (i, row) in at.iter_mut().enumerate() {
                for (j, at) in row.iter_mut().enumerate() {
                    let inside = ty + i >= pad && ty + i - pad < h && tx + j >= pad && tx + j - pad < w;
                    *at = inside.then(|| ((image * h + ty + i - pad) * w + tx + j - pad) * channels);
                }
            }
            for lane in (0..channels).step_by(LANES) {
                let mut d = [[[0.0; LANES]; N]; N];
                for (d, at) in d.iter_mut().zip(&at) {
                    for (d, at) in d.iter_mut().zip(at) {
                        if let Some(at) = at {
                            *d = load(x, at + lane);
                        }
                    }
                }
                let v = both(d, &f);
                for (k, v) in v.as_flattened().iter().enumerate() {
                    out[(k * tiles + tile) * channels + lane..][..LANES].copy_from_slice(v);
                }
            }
        }
        out
    }

    /// `A' M A + bias` of all tiles in `m` `[16, tiles, outputs]`, into the images `y`.
    #[inline(always)]
    fn outputs(&self, m: &[f32], bias: &[f32], y: &mut [f32]) {
        let (h, w, channels) = (self.height, self.width, self.outputs);
        let tiles = m.len() / (PLACES * channels);
        for tile in 0..tiles {
            let (image, ty, tx) = self.place(tile);
            for lane in (0..channels).step_by(LANES) {
                let mut d = [[[0.0; LANES]; 4]; 4];
                for (k, d) in d.as_flattened_mut().iter_mut().enumerate() {
                    *d = load(m, (k * tiles + tile) * channels + lane);
                }
                let values = both(d, output);
                let bias = load(bias, lane);
                for (i, row) in values.into_iter().enumerate().take(h - ty) {
                    for (j, value) in row.into_iter().enumerate().take(w - tx) {
                        let at = ((image * h + ty + i) * w + tx + j) * channels + lane;
                        y[at..at + LANES].copy_from_slice(&plus(value, bias));
                    }
                }
            }
        }
    }

    /// `G g G'` of weights `[9 C, O]`: `[16, C, O]`.
    pub fn weights(&self, weights: &[f32]) -> Vec<f32> {
        place_by_place(weights, self.inputs * self.outputs, weight)
    }

    /// The convolution of `x` `[B, H, W, C]`, `[B, H, W, O]`. `product(v, tiles)` multiplies `[16, tiles, C]` by the
    /// transformed weights.
    pub fn forward(&self, x: &[f32], bias: &[f32], product: impl Fn(Vec<f32>, usize) -> Vec<f32> + Sync) -> Vec<f32> {
        let pixels = self.group() * self.height * self.width;
        let mut y = vec![0f32; self.batch * self.height * self.width * self.outputs];
        y.par_chunks_mut(pixels * self.outputs).zip(x.par_chunks(pixels * self.inputs)).for_each(|(y, x)| {
            let v = Arch::new().dispatch(|| self.transform(x, self.inputs, 1, input));
            let tiles = v.len() / (PLACES * self.inputs);
            let m = product(v, tiles);
            Arch::new().dispatch(|| self.outputs(&m, bias, y));
        });
        y
    }

    /// Gradients of the weights `[9 C, O]` and of the bias, given that of the result. `product(v, g, tiles)` is
    /// `[16, C, tiles] [16, tiles, O]`.
    pub fn weight_gradient(
        &self,
        x: &[f32],
        grad: &[f32],
        product: impl Fn(Vec<f32>, Vec<f32>, usize) -> Vec<f32> + Sync,
    ) -> (Vec<f32>, Vec<f32>) {
        let pixels = self.group() * self.height * self.width;
        let part = |(x, grad): (&[f32], &[f32])| {
            let v = Arch::new().dispatch(|| self.transform(x, self.inputs, 1, input));
            let g = Arch::new().dispatch(|| self.transform(grad, self.outputs, 0, output_back));
            let mut bias = vec![0f32; self.outputs];
            Arch::new().dispatch(|| grad.chunks_exact(self.outputs).for_each(|row| add(&mut bias, row)));
            let tiles = v.len() / (PLACES * self.inputs);
            (product(v, g, tiles), bias)
        };
        let parts: Vec<(Vec<f32>, Vec<f32>)> =
            x.par_chunks(pixels * self.inputs).zip(grad.par_chunks(pixels * self.outputs)).map(part).collect();
        let none = || (vec![0f32; PLACES * self.inputs * self.outputs], vec![0f32; self.outputs]);
        let (weight, bias) = add_up(parts).unwrap_or_else(none);
        (place_by_place(&weight, self.inputs * self.outputs, weight_back), bias)
    }
}
