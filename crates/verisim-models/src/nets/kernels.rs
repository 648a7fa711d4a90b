//! Loops over slices behind [`conv`](super::conv) and [`norm_act`](super::norm_act) on the `flex` backend.
//!
//! Images lie row by row with channels last, so a window of a `k x k` convolution is `k` runs of `k C` numbers. Work is
//! cut into a fixed number of images, never by the thread count, and sums run over the cuts in order: any number of
//! cores gives the same bits. Loops are written in lanes of 16, which the compiler turns into the widest instructions
//! that the machine has ([`pulp::Arch`]).

use pulp::Arch;
use rayon::prelude::*;

use super::adamw::Update;

/// Images that one task takes.
const GROUP: usize = 8;
pub(super) const LANES: usize = 16;

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

    /// Images cut into tasks: first and last of each.
    fn groups(&self) -> Vec<(usize, usize)> {
        (0..self.batch).step_by(GROUP).map(|b| (b, (b + GROUP).min(self.batch))).collect()
    }

    /// Pixels that one matrix product takes: about as much work as stays on one thread, and a matrix that stays in cache.
    fn tile(&self, outputs: usize) -> usize {
        (6_500_000 / (self.columns() * outputs).max(1)).clamp(16, 1024)
    }

    /// Appends the windows around pixels `from..to` (counted over the whole batch), one a row.
    fn unfold(&self, x: &[f32], from: usize, to: usize, out: &mut Vec<f32>) {
        let (h, w, c, k) = (self.height, self.width, self.channels, self.kernel);
        let pad = k / 2;
        for pixel in from..to {
            let (row, column) = (pixel / w % h, pixel % w);
            let image = pixel / (h * w) * h;
            // Columns of the window that lie inside the image.
            let (left, right) = (pad.saturating_sub(column), k.min(w + pad - column));
            for dy in 0..k {
                let y = row + dy;
                if y < pad || y - pad >= h {
                    out.resize(out.len() + k * c, 0.0);
                    continue;
                }
                let start = ((image + y - pad) * w + column + left - pad) * c;
                out.resize(out.len() + left * c, 0.0);
                out.extend_from_slice(&x[start..start + (right - left) * c]);
                out.resize(out.len() + (k - right) * c, 0.0);
            }
        }
    }

    /// Windows of each group in tiles of at most `rows`: `each(group, first pixel, windows)` gets them one after another.
    fn tiles<R: Send>(
        &self,
        x: &[f32],
        rows: usize,
        start: impl Fn() -> R + Sync,
        each: impl Fn(&mut R, usize, Vec<f32>) + Sync,
    ) -> Vec<R> {
        let pixels = self.height * self.width;
        let task = |(first, last): (usize, usize)| {
            let mut state = start();
            let mut at = first * pixels;
            while at < last * pixels {
                let to = (at + rows).min(last * pixels);
                let mut windows = Vec::with_capacity((to - at) * self.columns());
                self.unfold(x, at, to, &mut windows);
                each(&mut state, at, windows);
                at = to;
            }
            state
        };
        self.groups().into_par_iter().map(task).collect()
    }

    /// `y = windows(x) W + b`, `[pixels, O]`. `product(windows, rows)` multiplies by the weights `[k k C, O]`.
    pub fn forward(&self, x: &[f32], bias: &[f32], product: impl Fn(Vec<f32>, usize) -> Vec<f32> + Sync) -> Vec<f32> {
        let columns = self.columns();
        let parts = self.tiles(x, self.tile(bias.len()), Vec::new, |out: &mut Vec<f32>, _, windows| {
            let rows = windows.len() / columns;
            let mut y = product(windows, rows);
            Arch::new().dispatch(|| y.chunks_exact_mut(bias.len()).for_each(|row| add(row, bias)));
            out.append(&mut y);
        });
        parts.concat()
    }

    /// Gradient of the weights, `windows(x)^T g`, and of the bias. `product(windows, rows, first pixel)` multiplies the transposed windows by
    /// the gradient of those pixels.
    pub fn weight_gradient(
        &self,
        x: &[f32],
        grad: &[f32],
        outputs: usize,
        product: impl Fn(Vec<f32>, usize, usize) -> Vec<f32> + Sync,
    ) -> (Vec<f32>, Vec<f32>) {
        let columns = self.columns();
        let start = || (vec![0f32; columns * outputs], vec![0f32; outputs]);
        // Each product adds to all of the weights, so the fewer the better: a tile is a whole task, if that is not too large.
        let parts = self.tiles(x, 1024, start, |(weight, bias), first, windows| {
            let rows = windows.len() / columns;
            let part = product(windows, rows, first);
            let grad = &grad[first * outputs..(first + rows) * outputs];
            Arch::new().dispatch(|| {
                add(weight, &part);
                grad.chunks_exact(outputs).for_each(|row| add(bias, row));
            });
        });
        add_up(parts).unwrap_or_else(start)
    }
}

/// The parts of a gradient of weights and bias, added in order.
pub(super) fn add_up(parts: Vec<(Vec<f32>, Vec<f32>)>) -> Option<(Vec<f32>, Vec<f32>)> {
    parts.into_iter().reduce(|mut a, b| {
        Arch::new().dispatch(|| {
            add(&mut a.0, &b.0);
            add(&mut a.1, &b.1);
        });
        a
    })
}

#[inline(always)]
pub(super) fn add(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(a, b)| *a += b);
}

/// Numbers that one thread takes at a time in passes over all parameters.
const PART: usize = 1 << 14;

/// One step of AdamW: moves the moments `m` and `v` by the gradient, and the parameters by them.
pub fn adamw(update: Update, p: &mut [f32], m: &mut [f32], v: &mut [f32], grad: &[f32]) {
    let Update { betas: [b1, b2], epsilon, keep, rate, root } = update;
    let parts = p.par_chunks_mut(PART).zip(m.par_chunks_mut(PART)).zip(v.par_chunks_mut(PART));
    parts.zip(grad.par_chunks(PART)).for_each(|(((p, m), v), g)| {
        Arch::new().dispatch(|| {
            for (((p, m), v), &g) in p.iter_mut().zip(m.iter_mut()).zip(v.iter_mut()).zip(g) {
                *m = b1 * *m + (1.0 - b1) * g;
                *v = b2 * *v + (1.0 - b2) * g * g;
                *p = keep * *p - rate * *m / (root * v.sqrt() + epsilon);
            }
        });
    });
}

/// `keep average + (1 - keep) latest`, in place.
pub fn blend(average: &mut [f32], latest: &[f32], keep: f32) {
    average.par_chunks_mut(PART).zip(latest.par_chunks(PART)).for_each(|(average, latest)| {
        Arch::new().dispatch(|| average.iter_mut().zip(latest).for_each(|(a, l)| *a = keep * *a + (1.0 - keep) * l));
    });
}

/// The sum of squares.
pub fn squares(values: &[f32]) -> f64 {
    let parts: Vec<f32> = values.par_chunks(PART).map(|v| Arch::new().dispatch(|| dot(v, v))).collect();
    parts.into_iter().map(f64::from).sum()
}

/// The sum of `a_i b_i`, in lanes.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
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

/// `1 / (1 + e^-x)` to a relative error below 1e-5, without branches or calls.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to an integer, left in the low bits
    let z = (-x).clamp(-87.0, 87.0) * std::f32::consts::LOG2_E;
    let rounded = z + ROUND;
    let f = (z - (rounded - ROUND)) * std::f32::consts::LN_2;
    // e^f on [-ln 2 / 2, ln 2 / 2] by its Taylor series, then times 2^n through the exponent's bits.
    let e = 1.0 + f * (1.0 + f * (0.5 + f * (1.0 / 6.0 + f * (1.0 / 24.0 + f * (1.0 / 120.0 + f * (1.0 / 720.0))))));
    let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23));
    1.0 / (1.0 + e * power)
}

const EPSILON: f32 = 1e-5;

/// Sizes of one modulated activation: samples of `pixels` with `channels` each, every sample with its own scale and shift.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// Pixels of a sample.
    pub pixels: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Whether each pixel is divided by the root mean square of its channels.
    pub norm: bool,
}

impl Rows {
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
            Arch::new().dispatch(|| {
                for (x, y) in x.chunks_exact(c).zip(y.chunks_exact_mut(c)) {
                    let r = self.factor(x);
                    for (((y, &x), &s), &t) in y.iter_mut().zip(x).zip(scale).zip(shift) {
                        let v = x * r * (1.0 + s) + t;
                        *y = v * sigmoid(v);
                    }
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
            Arch::new().dispatch(|| {
                for ((x, g), dx) in x.chunks_exact(c).zip(grad.chunks_exact(c)).zip(dx.chunks_exact_mut(c)) {
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
                }
            });
        });
        [dx, dscale, dshift]
    }
}
