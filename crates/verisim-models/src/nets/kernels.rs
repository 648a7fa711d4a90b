//! Loops over slices behind [`conv`](super::conv) and [`norm_act`](super::norm_act) on the `flex` backend.
//!
//! Images lie row by row with channels last, so a window of a `k x k` convolution is `k` runs of `k C` numbers. Work is
//! cut by its size, never by the thread count, and sums run over the cuts in order: any number of
//! cores gives the same bits. Loops are written in lanes of 16, which the compiler turns into the widest instructions
//! that the machine has ([`pulp::Arch`]).

use std::cell::RefCell;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

pub(crate) const LANES: usize = 16;

/// Runs a block compiled for the widest instructions that the machine has.
///
/// [`pulp::Arch`] has a copy of itself for each kind of machine. The block is compiled for that kind only where it is inlined into
/// the copy, and that needs a closure that can be called once (`FnOnce`). One that could be called again is called through a small
/// function of the compiler's, which is compiled for the oldest machine, and the block with it. A closure that moves a value out
/// of itself can be called once only: that is what [`Once`] is for.
macro_rules! wide {
    ($($body:tt)*) => {{
        let once = crate::nets::kernels::Once;
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                once.spend();
                $($body)*
            },
        )
    }};
}
pub(crate) use wide;

/// The value that the closure of [`wide`] moves out of itself.
pub(crate) struct Once;

impl Once {
    #[inline(always)]
    pub(crate) fn spend(self) {}
}

/// Numbers as a matrix, row by row.
pub(crate) fn matrix(values: &[f32], columns: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(values, values.len() / columns.max(1), columns)
}

/// `c = a b`, on this thread: cuts for other threads are the caller's.
///
/// Not burn's product, since `burn-flex` 0.22 fills each result with zeros and copies it before it is written to, and again
/// when it is taken out; for matrices of this size that took as long as the product.
pub(crate) fn product(a: MatRef<'_, f32>, b: MatRef<'_, f32>, c: &mut [f32]) {
    matmul(MatMut::from_row_major_slice_mut(c, a.nrows(), b.ncols()), Accum::Replace, a, b, 1.0, Par::Seq);
}

/// `c += a b`.
pub(crate) fn add_product(a: MatRef<'_, f32>, b: MatRef<'_, f32>, c: &mut [f32]) {
    matmul(MatMut::from_row_major_slice_mut(c, a.nrows(), b.ncols()), Accum::Add, a, b, 1.0, Par::Seq);
}

thread_local! {
    /// Memory of this thread between two uses.
    static SPARE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f` with `len` numbers of any value, without asking the system for memory each time.
pub(crate) fn with_scratch<R>(len: usize, f: impl FnOnce(&mut [f32]) -> R) -> R {
    // Taken out, since `f` may come back here, or run another task that does.
    let mut scratch = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
    if scratch.len() < len {
        scratch = vec![0.0; len];
    }
    let result = f(&mut scratch[..len]);
    SPARE.with_borrow_mut(|spare| spare.push(scratch));
    result
}

/// Sizes of one convolution.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Images.
    pub batch: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Width of the window, odd; the image is padded with zeros so that its size stays.
    pub kernel: usize,
}

impl Window {
    /// Numbers in a window.
    pub fn columns(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }

    /// Pixels that one matrix product takes, whose windows stay in cache.
    fn tile(&self) -> usize {
        ((1 << 19) / self.columns().max(1)).clamp(16, 2048)
    }

    /// Windows around the pixels from `from` on (counted over the whole batch), as many as `out` holds, one a row.
    fn unfold(&self, x: &[f32], from: usize, out: &mut [f32]) {
        let (h, w, c, k) = (self.height, self.width, self.channels, self.kernel);
        let pad = k / 2;
        for (i, window) in out.chunks_exact_mut(self.columns()).enumerate() {
            let pixel = from + i;
            let (row, column) = (pixel / w % h, pixel % w);
            let image = pixel / (h * w) * h;
            // Columns of the window that lie inside the image.
            let (left, right) = (pad.saturating_sub(column), k.min(w + pad - column));
            for (dy, run) in window.chunks_exact_mut(k * c).enumerate() {
                let y = row + dy;
                if y < pad || y - pad >= h {
                    run.fill(0.0);
                    continue;
                }
                let start = ((image + y - pad) * w + column + left - pad) * c;
                run[..left * c].fill(0.0);
                run[left * c..right * c].copy_from_slice(&x[start..start + (right - left) * c]);
                run[right * c..].fill(0.0);
            }
        }
    }

    /// Calls `f` with the windows around `count` pixels from `from` on. A window of one pixel is the pixel.
    fn windows<R>(&self, x: &[f32], from: usize, count: usize, f: impl FnOnce(MatRef<'_, f32>) -> R) -> R {
        let columns = self.columns();
        if self.kernel == 1 {
            return f(matrix(&x[from * columns..(from + count) * columns], columns));
        }
        with_scratch(count * columns, |out| {
            self.unfold(x, from, out);
            f(matrix(out, columns))
        })
    }

    /// `y = windows(x) W + b`, `[pixels, O]`, of weights `[k k C, O]`.
    pub fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
        let outputs = bias.len();
        let tile = self.tile();
        let mut y = vec![0f32; self.batch * self.height * self.width * outputs];
        y.par_chunks_mut(tile * outputs).enumerate().for_each(|(i, y)| {
            let count = y.len() / outputs;
            self.windows(x, i * tile, count, |windows| product(windows, matrix(weight, outputs), y));
            wide!(y.chunks_exact_mut(outputs).for_each(|row| add(row, bias)));
        });
        y
    }

    /// Gradient of the weights, `windows(x)^T g`, and of the bias.
    pub fn weight_gradient(&self, x: &[f32], grad: &[f32], outputs: usize) -> (Vec<f32>, Vec<f32>) {
        /// Tiles that one task adds up.
        const TOGETHER: usize = 4;
        let (columns, tile) = (self.columns(), self.tile());
        let start = || (vec![0f32; columns * outputs], vec![0f32; outputs]);
        let task = |(i, grad): (usize, &[f32])| {
            let (mut weight, mut bias) = start();
            for (j, grad) in grad.chunks(tile * outputs).enumerate() {
                let count = grad.len() / outputs;
                self.windows(x, (i * TOGETHER + j) * tile, count, |windows| {
                    add_product(windows.transpose(), matrix(grad, outputs), &mut weight);
                });
                wide!(grad.chunks_exact(outputs).for_each(|row| add(&mut bias, row)));
            }
            (weight, bias)
        };
        add_up(grad.par_chunks(TOGETHER * tile * outputs).enumerate().map(task).collect()).unwrap_or_else(start)
    }

    /// Gradient of `x` where the window is one pixel: `g W^T`.
    pub fn pixel_gradient(&self, weight: &[f32], grad: &[f32], outputs: usize) -> Vec<f32> {
        let (columns, tile) = (self.columns(), self.tile());
        let mut dx = vec![0f32; grad.len() / outputs * columns];
        dx.par_chunks_mut(tile * columns).zip(grad.par_chunks(tile * outputs)).for_each(|(dx, grad)| {
            product(matrix(grad, outputs), matrix(weight, outputs).transpose(), dx);
        });
        dx
    }
}

/// The parts of a gradient of weights and bias, added in order.
pub(crate) fn add_up(parts: Vec<(Vec<f32>, Vec<f32>)>) -> Option<(Vec<f32>, Vec<f32>)> {
    parts.into_iter().reduce(|mut a, b| {
        wide!(                add(&mut a.0, &b.0);
            add(&mut a.1, &b.1);
        );
        a
    })
}

#[inline(always)]
pub(crate) fn add(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(a, b)| *a += b);
}

/// Numbers that one thread takes at a time in passes over all parameters.
pub(crate) const PART: usize = 1 << 14;

/// The sum of `a_i b_i`, in lanes.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let (a, rest_a) = a.as_chunks::<LANES>();
    let (b, rest_b) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for l in 0..LANES {
            lanes[l] += a[l] * b[l];
        }
    }
    lanes.iter().sum::<f32>() + rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum::<f32>()
}

/// `e^x` to a relative error below 1e-5, without branches or calls.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to an integer, left in the low bits
    let z = x.clamp(-87.0, 87.0) * std::f32::consts::LOG2_E;
    let rounded = z + ROUND;
    let f = (z - (rounded - ROUND)) * std::f32::consts::LN_2;
    // e^f on [-ln 2 / 2, ln 2 / 2] by its Taylor series, then times 2^n through the exponent's bits.
    let e = 1.0 + f * (1.0 + f * (0.5 + f * (1.0 / 6.0 + f * (1.0 / 24.0 + f * (1.0 / 120.0 + f * (1.0 / 720.0))))));
    let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23));
    e * power
}

/// `1 / (1 + e^-x)` to a relative error below 1e-5, without branches or calls.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `most tanh(x / most)`.
pub fn cap(x: &[f32], most: f32) -> Vec<f32> {
    let mut y = x.to_vec();
    y.par_chunks_mut(PART).for_each(|y| {
        wide!(y.iter_mut().for_each(|y| *y = most * (2.0 * sigmoid(*y * (2.0 / most)) - 1.0)));
    });
    y
}

/// Gradient of the `x` of which [`cap`] made `y`.
pub fn cap_gradient(y: &[f32], most: f32, grad: &[f32]) -> Vec<f32> {
    let mut dx = grad.to_vec();
    dx.par_chunks_mut(PART).zip(y.par_chunks(PART)).for_each(|(dx, y)| {
        wide!(dx.iter_mut().zip(y).for_each(|(dx, y)| *dx *= 1.0 - (y / most) * (y / most)));
    });
    dx
}

const EPSILON: f32 = 1e-5;

/// Sizes of one modulated activation: samples of `pixels` with `channels` each, every sample with its own scale and shift.
#[derive(Clone, Copy, Debug)]
pub struct Activation {
    /// Pixels of a sample.
    pub pixels: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Whether each pixel is divided by the root mean square of its channels.
    pub norm: bool,
}

impl Activation {
    /// `1 / sqrt(mean x^2 + epsilon)` of a pixel, or 1.
    #[inline(always)]
    fn factor(&self, x: &[f32]) -> f32 {
        if self.norm { (dot(x, x) / self.channels as f32 + EPSILON).sqrt().recip() } else { 1.0 }
    }

    /// `silu(x r (1 + scale) + shift)`, with `r` from [`factor`](Self::factor); see [`norm_act`](super::norm_act).
    pub fn forward(&self, x: &[f32], scale: &[f32], shift: &[f32]) -> Vec<f32> {
        let c = self.channels;
        let mut y = vec![0f32; x.len()];
        y.par_chunks_exact_mut(self.pixels * c).enumerate().for_each(|(i, y)| {
            let x = &x[i * self.pixels * c..][..self.pixels * c];
            let (scale, shift) = (&scale[i * c..(i + 1) * c], &shift[i * c..(i + 1) * c]);
            wide!(for (x, y) in x.chunks_exact(c).zip(y.chunks_exact_mut(c)) {
                let r = self.factor(x);
                for (((y, &x), &s), &t) in y.iter_mut().zip(x).zip(scale).zip(shift) {
                    let v = x * r * (1.0 + s) + t;
                    *y = v * sigmoid(v);
                }
            });
        });
        y
    }

    /// Gradients of `x`, `scale` and `shift`, given that of the result.
    pub fn backward(&self, x: &[f32], scale: &[f32], shift: &[f32], grad: &[f32]) -> [Vec<f32>; 3] {
        let (c, len) = (self.channels, self.pixels * self.channels);
        let mut dx = vec![0f32; x.len()];
        let (mut dscale, mut dshift) = (vec![0f32; scale.len()], vec![0f32; shift.len()]);
        let samples = dx.par_chunks_exact_mut(len).zip(dscale.par_chunks_exact_mut(c));
        samples.zip(dshift.par_chunks_exact_mut(c)).enumerate().for_each(|(i, ((dx, dscale), dshift))| {
            let (x, grad) = (&x[i * len..(i + 1) * len], &grad[i * len..(i + 1) * len]);
            let (scale, shift) = (&scale[i * c..(i + 1) * c], &shift[i * c..(i + 1) * c]);
            wide!(for ((x, g), dx) in x.chunks_exact(c).zip(grad.chunks_exact(c)).zip(dx.chunks_exact_mut(c)) {
                let r = self.factor(x);
                let rows = x.iter().zip(g).zip(scale).zip(shift).zip(&mut *dx);
                for (((((&x, &g), &s), &t), dx), (ds, dt)) in rows.zip(dscale.iter_mut().zip(dshift.iter_mut())) {
                    let u = x * r;
                    let v = u * (1.0 + s) + t;
                    let sig = sigmoid(v);
                    let dv = g * sig * (1.0 + v * (1.0 - sig));
                    *dt += dv;
                    *ds += dv * u;
                    *dx = dv * (1.0 + s);
                }
                // d(x r): r is a function of x too.
                let inner = if self.norm { dot(dx, x) * r * r / c as f32 } else { 0.0 };
                dx.iter_mut().zip(x).for_each(|(d, &x)| *d = r * (*d - x * inner));
            });
        });
        [dx, dscale, dshift]
    }
}
