//! 3 x 3 convolutions with fewer multiplications, on the `flex` backend.
//!
//! Winograd's minimal filtering F(4 x 4, 3 x 3) (Lavin and Gray, CVPR 2016): a tile of 4 x 4 outputs sees 6 x 6 inputs. With
//! the constant matrices `A`, `B` and `G` below,
//!
//! ```text
//! Y = A' [ (G g G') * (B' d B) ] A        d 6 x 6 inputs, g 3 x 3 weights, Y 4 x 4 outputs, * element by element
//! ```
//!
//! needs 36 products for what takes 144. Over channels each of the 36 places is a matrix product `[tiles, C] [C, O]`. The
//! gradient of the weights is the same read backwards: `dg = G' [ sum over tiles (B' d B) (A dY A') ] G`. The coefficients lie
//! between 1/24 and 8, which costs about two of the 24 bits of a number; tiles of 6 x 6 outputs would cost seven.
//!
//! As in [`kernels`](super::kernels) the work is cut by its size and never by the thread count.

use rayon::prelude::*;

use super::kernels::{LANES, add, add_product, add_up, matrix, product, wide, with_scratch};

/// Outputs of a tile, a side.
const TILE: usize = 4;

/// Inputs of a tile, and places of a transformed one, a side.
const SIDE: usize = TILE + 2;

/// Places of a transformed tile.
const PLACES: usize = SIDE * SIDE;

/// Numbers from one place of `tiles` tiles to the next in memory. A little more than there are: at a round distance all places of a
/// tile would fall on the same few lines of the cache, and drive each other out.
fn stride(tiles: usize, channels: usize) -> usize {
    tiles * channels + LANES
}

/// The numbers of each place.
fn places(all: &[f32], tiles: usize, channels: usize) -> impl Iterator<Item = &[f32]> {
    all.chunks_exact(stride(tiles, channels)).map(move |place| &place[..tiles * channels])
}

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
fn times(k: f32, a: Lane) -> Lane {
    map2(a, a, |a, _| k * a)
}

#[inline(always)]
fn load(from: &[f32], at: usize) -> Lane {
    let mut out = [0.0; LANES];
    out.copy_from_slice(&from[at..at + LANES]);
    out
}

/// `M' X M` for a matrix given by what it does to `N` numbers, `K` come out: first to columns, then to rows. `x(i, j)` gives a
/// number of `X`, `y(k, number)` takes one of the result, row by row.
#[inline(always)]
fn both<const N: usize, const K: usize>(
    x: impl Fn(usize, usize) -> Lane,
    f: impl Fn(&[Lane; N]) -> [Lane; K],
    mut y: impl FnMut(usize, Lane),
) {
    let mut columns = [[[0.0; LANES]; N]; K];
    for j in 0..N {
        let column: [Lane; N] = std::array::from_fn(|i| x(i, j));
        columns.iter_mut().zip(f(&column)).for_each(|(row, done)| row[j] = done);
    }
    for (i, row) in columns.iter().enumerate() {
        f(row).into_iter().enumerate().for_each(|(j, done)| y(i * K + j, done));
    }
}

/// `B'`.
#[inline(always)]
fn input(&[a, b, c, d, e, f]: &[Lane; SIDE]) -> [Lane; SIDE] {
    let (p, q) = (minus(e, times(4.0, c)), minus(d, times(4.0, b)));
    let (r, s) = (minus(e, c), times(2.0, minus(d, b)));
    let first = plus(times(4.0, minus(a, c)), r);
    let last = plus(times(4.0, minus(b, d)), minus(f, d));
    [first, plus(p, q), minus(p, q), plus(r, s), minus(r, s), last]
}

/// `A'`.
#[inline(always)]
fn output(&[a, b, c, d, e, f]: &[Lane; SIDE]) -> [Lane; TILE] {
    let (p, q) = (plus(b, c), minus(b, c));
    let (r, s) = (plus(d, e), minus(d, e));
    [plus(plus(a, p), r), plus(q, times(2.0, s)), plus(p, times(4.0, r)), plus(plus(q, times(8.0, s)), f)]
}

/// `A`.
#[inline(always)]
fn output_back(&[a, b, c, d]: &[Lane; TILE]) -> [Lane; SIDE] {
    let (p, q) = (plus(a, c), plus(b, d));
    let (r, s) = (plus(a, times(4.0, c)), times(2.0, plus(b, times(4.0, d))));
    [a, plus(p, q), minus(p, q), plus(r, s), minus(r, s), d]
}

/// `G`.
#[inline(always)]
fn weight(&[a, b, c]: &[Lane; 3]) -> [Lane; SIDE] {
    let (p, q) = (times(-1.0 / 6.0, plus(a, c)), times(1.0 / 6.0, b));
    let (r, s) = (plus(times(1.0 / 24.0, a), times(1.0 / 6.0, c)), times(1.0 / 12.0, b));
    [times(0.25, a), minus(p, q), plus(p, q), plus(r, s), minus(r, s), c]
}

/// `G'`.
#[inline(always)]
fn weight_back(&[a, b, c, d, e, f]: &[Lane; SIDE]) -> [Lane; 3] {
    let (p, q) = (times(-1.0 / 6.0, plus(b, c)), times(1.0 / 6.0, minus(c, b)));
    let (r, s) = (plus(d, e), times(1.0 / 12.0, minus(d, e)));
    let first = plus(plus(times(0.25, a), p), times(1.0 / 24.0, r));
    [first, plus(q, s), plus(plus(p, times(1.0 / 6.0, r)), f)]
}

/// `M' X M` of `N x N` matrices of which `from` holds place after place, `size` numbers each; the `K x K` places that come out.
fn place_by_place<const N: usize, const K: usize>(
    from: &[f32],
    size: usize,
    f: impl Fn(&[Lane; N]) -> [Lane; K],
) -> Vec<f32> {
    let mut out = vec![0f32; K * K * size];
    wide!(for lane in (0..size).step_by(LANES) {
        let x = |i, j| load(from, (i * N + j) * size + lane);
        both(x, &f, |k, y| out[k * size + lane..][..LANES].copy_from_slice(&y));
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
        self.height.div_ceil(TILE) * self.width.div_ceil(TILE)
    }

    /// Tiles of the images in `x`, of `channels` channels.
    fn count(&self, x: &[f32], channels: usize) -> usize {
        x.len() / (self.height * self.width * channels) * self.tiles()
    }

    /// The image of a tile, and the row and column where its outputs begin.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (image, place) = (tile / self.tiles(), tile % self.tiles());
        let across = self.width.div_ceil(TILE);
        (image, TILE * (place / across), TILE * (place % across))
    }

    /// Images of a task.
    fn group(&self) -> usize {
        let image = PLACES * self.tiles() * (self.inputs + self.outputs) * size_of::<f32>();
        (CACHE / image.max(1)).clamp(1, 16)
    }

    /// Transforms all tiles of the images in `x`, of `channels` channels, to `out` `[36, tiles, channels]`. `N` pixels a side are
    /// read for each tile, from the row and column of its outputs less `pad` on; those outside the image are zeros.
    #[inline(always)]
    fn transform<const N: usize>(
        &self,
        x: &[f32],
        channels: usize,
        pad: usize,
        f: impl Fn(&[Lane; N]) -> [Lane; SIDE],
        out: &mut [f32],
    ) {
        let (h, w) = (self.height, self.width);
        let tiles = self.count(x, channels);
        let stride = stride(tiles, channels);
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
                let d = |i: usize, j: usize| at[i][j].map_or([0.0; LANES], |at: usize| load(x, at + lane));
                both(d, &f, |k, v| out[k * stride + tile * channels + lane..][..LANES].copy_from_slice(&v));
            }
        }
    }

    /// `A' M A + bias` of all tiles in `m` `[36, tiles, outputs]`, into the images `y`.
    #[inline(always)]
    fn outputs(&self, m: &[f32], bias: &[f32], y: &mut [f32]) {
        let (h, w, channels) = (self.height, self.width, self.outputs);
        let tiles = self.count(y, channels);
        let stride = stride(tiles, channels);
        for tile in 0..tiles {
            let (image, ty, tx) = self.place(tile);
            for lane in (0..channels).step_by(LANES) {
                let bias = load(bias, lane);
                let m = |i, j| load(m, (i * SIDE + j) * stride + tile * channels + lane);
                both(m, output, |k, value| {
                    let (row, column) = (ty + k / TILE, tx + k % TILE);
                    if row < h && column < w {
                        let at = ((image * h + row) * w + column) * channels + lane;
                        y[at..at + LANES].copy_from_slice(&plus(value, bias));
                    }
                });
            }
        }
    }

    /// `G g G'` of weights `[9 C, O]`: `[36, C, O]`.
    pub fn weights(&self, weights: &[f32]) -> Vec<f32> {
        place_by_place(weights, self.inputs * self.outputs, weight)
    }

    /// The convolution of `x` `[B, H, W, C]`, `[B, H, W, O]`, with the transformed `weights` `[36, C, O]`.
    pub fn forward(&self, x: &[f32], weights: &[f32], bias: &[f32]) -> Vec<f32> {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let pixels = self.group() * self.height * self.width;
        let mut y = vec![0f32; self.batch * self.height * self.width * outputs];
        y.par_chunks_mut(pixels * outputs).zip(x.par_chunks(pixels * inputs)).for_each(|(y, x)| {
            let tiles = self.count(x, inputs);
            with_scratch(PLACES * stride(tiles, inputs), |v| {
                wide!(self.transform(x, inputs, 1, input, v));
                with_scratch(PLACES * stride(tiles, outputs), |m| {
                    let sums = m.chunks_exact_mut(stride(tiles, outputs));
                    for ((v, m), u) in places(v, tiles, inputs).zip(sums).zip(weights.chunks_exact(inputs * outputs)) {
                        product(matrix(v, inputs), matrix(u, outputs), &mut m[..tiles * outputs]);
                    }
                    wide!(self.outputs(m, bias, y));
                });
            });
        });
        y
    }

    /// Gradients of the weights `[9 C, O]` and of the bias, given that of the result.
    pub fn weight_gradient(&self, x: &[f32], grad: &[f32]) -> (Vec<f32>, Vec<f32>) {
        /// Groups of images that one task adds up.
        const TOGETHER: usize = 2;
        let (inputs, outputs) = (self.inputs, self.outputs);
        let pixels = self.group() * self.height * self.width;
        let start = || (vec![0f32; PLACES * inputs * outputs], vec![0f32; outputs]);
        let task = |(x, grad): (&[f32], &[f32])| {
            let (mut weight, mut bias) = start();
            for (x, grad) in x.chunks(pixels * inputs).zip(grad.chunks(pixels * outputs)) {
                let tiles = self.count(x, inputs);
                with_scratch(PLACES * stride(tiles, inputs), |v| {
                    wide!(self.transform(x, inputs, 1, input, v));
                    with_scratch(PLACES * stride(tiles, outputs), |g| {
                        wide!(self.transform(grad, outputs, 0, output_back, g));
                        let pairs = places(v, tiles, inputs).zip(places(g, tiles, outputs));
                        for ((v, g), u) in pairs.zip(weight.chunks_exact_mut(inputs * outputs)) {
                            add_product(matrix(v, inputs).transpose(), matrix(g, outputs), u);
                        }
                    });
                });
                wide!(grad.chunks_exact(outputs).for_each(|row| add(&mut bias, row)));
            }
            (weight, bias)
        };
        let parts = x.par_chunks(TOGETHER * pixels * inputs).zip(grad.par_chunks(TOGETHER * pixels * outputs));
        let (weight, bias) = add_up(parts.map(task).collect()).unwrap_or_else(start);
        (place_by_place(&weight, inputs * outputs, weight_back), bias)
    }
}
