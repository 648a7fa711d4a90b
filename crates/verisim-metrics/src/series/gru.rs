//! A small recurrent network that looks at sequences: one layer of gated recurrent units (Cho et al., EMNLP 2014, in the form of cuDNN) and
//! a linear layer, with its gradients written out.
//!
//! ```text
//! r = s(Wr x + br + Ur h + cr)      z = s(Wz x + bz + Uz h + cz)
//! n = tanh(Wn x + bn + r (Un h + cn))      h' = (1 - z) n + z h      y = V h' (+ S x) + d
//! ```
//!
//! There is no tensor library in this crate, and none is needed for a network of a few thousand weights: all is products of small
//! matrices, in tiles that stay in registers. One network runs on one thread, so sums are of one order whatever the number of threads;
//! several networks run side by side. Exponentials are a polynomial of our own (Cephes), since those of the platform differ from one to
//! another.

use verisim_data::rng::{Stream, uniform};

/// Rows and columns of a tile of a product.
const TILE: (usize, usize) = (4, 8);
/// Adam (Kingma and Ba, 2015).
const BETA: [f32; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-8;
/// The longest gradient.
const NORM: f32 = 1.0;

/// The network: its sizes and all its weights, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Gru {
    inputs: usize,
    hidden: usize,
    outputs: usize,
    /// Whether the linear layer sees the inputs too.
    skip: bool,
    pub weights: Vec<f32>,
}

/// Where the weights lie.
struct Places {
    wx: std::ops::Range<usize>,
    wh: std::ops::Range<usize>,
    bx: std::ops::Range<usize>,
    bh: std::ops::Range<usize>,
    vh: std::ops::Range<usize>,
    vx: std::ops::Range<usize>,
    d: std::ops::Range<usize>,
}

/// Sequences of one batch, of one length: step by step, and of each step a row a sequence.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub steps: usize,
    pub rows: usize,
    pub x: Vec<f32>,
}

/// What the units did, for the gradients.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    /// States, the first of them zeros: one more than there are steps.
    pub states: Vec<f32>,
    r: Vec<f32>,
    z: Vec<f32>,
    n: Vec<f32>,
    /// `Un h + cn`.
    u: Vec<f32>,
}

impl Gru {
    /// A network with weights by chance, evenly within one over the root of what a layer sees, as PyTorch has them.
    pub fn new(inputs: usize, hidden: usize, outputs: usize, skip: bool, rng: &mut Stream) -> Gru {
        let mut gru = Gru { inputs, hidden, outputs, skip, weights: Vec::new() };
        let places = gru.places();
        let seen = hidden + if skip { inputs } else { 0 };
        let [units, linear] = [hidden, seen].map(|n| 1.0 / (n.max(1) as f64).sqrt());
        let bound = |i: usize| if i < places.vh.start { units } else { linear };
        gru.weights = (0..places.d.end).map(|i| (bound(i) * (2.0 * uniform(rng) - 1.0)) as f32).collect();
        gru
    }

    /// Makes the first `count` outputs begin near 0.
    pub fn calm(&mut self, count: usize) {
        let (places, outputs) = (self.places(), self.outputs);
        self.weights[places.d.start..places.d.start + count].fill(0.0);
        for row in self.weights[places.vh.start..places.d.start].chunks_mut(outputs) {
            row[..count].iter_mut().for_each(|w| *w *= 0.1);
        }
    }

    fn places(&self) -> Places {
        let (c, h, o) = (self.inputs, self.hidden, self.outputs);
        let mut end = 0;
        let mut next = |n: usize| {
            end += n;
            end - n..end
        };
        Places {
            wx: next(3 * c * h),
            wh: next(3 * h * h),
            bx: next(3 * h),
            bh: next(3 * h),
            vh: next(h * o),
            vx: next(if self.skip { c * o } else { 0 }),
            d: next(o),
        }
    }

    /// Runs the units over a batch.
    pub fn run(&self, batch: &Batch) -> Trace {
        let (h, rows, places) = (self.hidden, batch.rows, self.places());
        let step = rows * h;
        let mut trace = Trace { states: vec![0.0; (batch.steps + 1) * step], ..Trace::default() };
        for v in [&mut trace.r, &mut trace.z, &mut trace.n, &mut trace.u] {
            *v = vec![0.0; batch.steps * step];
        }
        let mut zx = repeated(&self.weights[places.bx.clone()], batch.steps * rows);
        multiply(
            &mut zx,
            (&batch.x, self.inputs, 1),
            &self.weights[places.wx.clone()],
            [batch.steps * rows, 3 * h, self.inputs],
        );
        for t in 0..batch.steps {
            let mut zh = repeated(&self.weights[places.bh.clone()], rows);
            let (before, after) = trace.states.split_at_mut((t + 1) * step);
            let last = &before[t * step..];
            multiply(&mut zh, (last, h, 1), &self.weights[places.wh.clone()], [rows, 3 * h, h]);
            for i in 0..rows {
                let zx = &zx[(t * rows + i) * 3 * h..][..3 * h];
                let zh = &zh[i * 3 * h..][..3 * h];
                let at = t * step + i * h;
                let (r, z) = (&mut trace.r[at..at + h], &mut trace.z[at..at + h]);
                let (n, u) = (&mut trace.n[at..at + h], &mut trace.u[at..at + h]);
                let (last, next) = (&last[i * h..][..h], &mut after[i * h..][..h]);
                u.copy_from_slice(&zh[2 * h..]);
                (0..h).for_each(|k| r[k] = sigmoid(zx[k] + zh[k]));
                (0..h).for_each(|k| z[k] = sigmoid(zx[h + k] + zh[h + k]));
                (0..h).for_each(|k| n[k] = tanh(zx[2 * h + k] + r[k] * u[k]));
                (0..h).for_each(|k| next[k] = (1.0 - z[k]) * n[k] + z[k] * last[k]);
            }
        }
        trace
    }

    /// The linear layer over some states, and the inputs of the same rows.
    pub fn outputs(&self, states: &[f32], x: &[f32]) -> Vec<f32> {
        let (rows, o, places) = (states.len() / self.hidden, self.outputs, self.places());
        let mut out = repeated(&self.weights[places.d], rows);
        multiply(&mut out, (states, self.hidden, 1), &self.weights[places.vh], [rows, o, self.hidden]);
        if self.skip {
            multiply(&mut out, (x, self.inputs, 1), &self.weights[places.vx], [rows, o, self.inputs]);
        }
        out
    }

    /// Adds the gradients of the linear layer, given those of its outputs, and returns those of the states.
    pub fn outputs_back(&self, states: &[f32], x: &[f32], given: &[f32], gradients: &mut [f32]) -> Vec<f32> {
        let (rows, h, o, places) = (states.len() / self.hidden, self.hidden, self.outputs, self.places());
        given.chunks(o).for_each(|row| add(&mut gradients[places.d.clone()], row));
        multiply(&mut gradients[places.vh.clone()], (states, 1, h), given, [h, o, rows]);
        if self.skip {
            multiply(&mut gradients[places.vx.clone()], (x, 1, self.inputs), given, [self.inputs, o, rows]);
        }
        let mut back = vec![0.0; rows * h];
        multiply(&mut back, (given, o, 1), &transposed(&self.weights[places.vh], o), [rows, h, o]);
        back
    }

    /// Adds the gradients of the units, given those of the states after each step.
    pub fn back(&self, batch: &Batch, trace: &Trace, given: &[f32], gradients: &mut [f32]) {
        let (h, rows, places) = (self.hidden, batch.rows, self.places());
        let step = rows * h;
        let turned = transposed(&self.weights[places.wh.clone()], 3 * h);
        let mut dzx = vec![0.0; batch.steps * rows * 3 * h];
        let mut dzh = vec![0.0; rows * 3 * h];
        let mut carry = vec![0.0; step];
        for t in (0..batch.steps).rev() {
            for i in 0..rows {
                let at = t * step + i * h;
                let (r, z, n, u) = (&trace.r[at..][..h], &trace.z[at..][..h], &trace.n[at..][..h], &trace.u[at..][..h]);
                let (last, given) = (&trace.states[at..][..h], &given[at..][..h]);
                let carry = &mut carry[i * h..][..h];
                let dx = &mut dzx[(t * rows + i) * 3 * h..][..3 * h];
                let dh = &mut dzh[i * 3 * h..][..3 * h];
                for k in 0..h {
                    let g = given[k] + carry[k];
                    let dn = g * (1.0 - z[k]) * (1.0 - n[k] * n[k]);
                    let dr = dn * u[k] * r[k] * (1.0 - r[k]);
                    let dz = g * (last[k] - n[k]) * z[k] * (1.0 - z[k]);
                    (dx[k], dx[h + k], dx[2 * h + k]) = (dr, dz, dn);
                    (dh[k], dh[h + k], dh[2 * h + k]) = (dr, dz, dn * r[k]);
                    carry[k] = g * z[k];
                }
            }
            multiply(&mut carry, (&dzh, 3 * h, 1), &turned, [rows, h, 3 * h]);
            multiply(&mut gradients[places.wh.clone()], (&trace.states[t * step..], 1, h), &dzh, [h, 3 * h, rows]);
            dzh.chunks(3 * h).for_each(|row| add(&mut gradients[places.bh.clone()], row));
        }
        dzx.chunks(3 * h).for_each(|row| add(&mut gradients[places.bx.clone()], row));
        let all = batch.steps * rows;
        multiply(&mut gradients[places.wx.clone()], (&batch.x, 1, self.inputs), &dzx, [self.inputs, 3 * h, all]);
    }
}

/// Adam with a rate that falls evenly to 0, and gradients of length 1 at most.
pub(crate) struct Adam {
    rate: f32,
    steps: usize,
    done: usize,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Adam {
    pub fn new(rate: f32, steps: usize, weights: usize) -> Adam {
        Adam { rate, steps, done: 0, first: vec![0.0; weights], second: vec![0.0; weights] }
    }

    pub fn step(&mut self, weights: &mut [f32], gradients: &[f32]) {
        let rate = self.rate * (1.0 - self.done as f32 / self.steps as f32);
        self.done += 1;
        let norm = gradients.iter().map(|g| g * g).sum::<f32>().sqrt();
        let scale = (NORM / (norm + 1e-6)).min(1.0);
        let power = self.done as i32;
        let [one, two] = BETA.map(|b| 1.0 - b.powi(power));
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((w, g), (m, v)) in weights.iter_mut().zip(gradients).zip(moments) {
            let g = g * scale;
            *m = BETA[0] * *m + (1.0 - BETA[0]) * g;
            *v = BETA[1] * *v + (1.0 - BETA[1]) * g * g;
            *w -= rate * (*m / one) / ((*v / two).sqrt() + EPSILON);
        }
    }
}

/// `row`, `count` times.
fn repeated(row: &[f32], count: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(row.len() * count);
    (0..count).for_each(|_| out.extend_from_slice(row));
    out
}

fn add(to: &mut [f32], row: &[f32]) {
    to.iter_mut().zip(row).for_each(|(t, x)| *t += x);
}

/// A matrix of rows of `columns`, turned.
fn transposed(a: &[f32], columns: usize) -> Vec<f32> {
    let rows = a.len() / columns.max(1);
    (0..columns).flat_map(|j| (0..rows).map(move |i| a[i * columns + j])).collect()
}

/// `c += a b` for `[m, n, k]`: `a` has `m` rows and `k` columns with the given steps from row to row and from column to column; `b` and
/// `c` lie row by row.
fn multiply(c: &mut [f32], a: (&[f32], usize, usize), b: &[f32], [m, n, k]: [usize; 3]) {
    let (tall, wide) = (m - m % TILE.0, n - n % TILE.1);
    for i in (0..tall).step_by(TILE.0) {
        (0..wide).step_by(TILE.1).for_each(|j| tile::<{ TILE.0 }, { TILE.1 }>(c, a, b, [i, j], n, k));
        (wide..n).for_each(|j| tile::<{ TILE.0 }, 1>(c, a, b, [i, j], n, k));
    }
    for i in tall..m {
        (0..wide).step_by(TILE.1).for_each(|j| tile::<1, { TILE.1 }>(c, a, b, [i, j], n, k));
        (wide..n).for_each(|j| tile::<1, 1>(c, a, b, [i, j], n, k));
    }
}

#[inline(always)]
fn tile<const R: usize, const W: usize>(
    c: &mut [f32],
    (a, down, along): (&[f32], usize, usize),
    b: &[f32],
    [i, j]: [usize; 2],
    n: usize,
    k: usize,
) {
    let mut sums = [[0.0_f32; W]; R];
    for p in 0..k {
        let row = &b[p * n + j..][..W];
        for (r, sums) in sums.iter_mut().enumerate() {
            let x = a[(i + r) * down + p * along];
            sums.iter_mut().zip(row).for_each(|(s, y)| *s += x * y);
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        add(&mut c[(i + r) * n + j..][..W], sums);
    }
}

/// The exponential to 24 bits or so, of what is within what a float holds (Cephes, expf).
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding and taking off this number rounds to whole numbers.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = ((((1.987_569_1e-4 * r + 1.398_199_9e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r + 1.666_666_5e-1)
        * r
        + 0.5;
    let power = f32::from_bits((shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127)) << 23);
    (p * r * r + r + 1.0) * power
}

#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

#[cfg(test)]
mod tests {
    use verisim_data::rng::{normal, stream};

    use super::*;

    #[test]
    fn exponentials_are_those_of_the_platform() {
        for i in -860..860 {
            let x = i as f32 / 10.0 + 0.013;
            assert!((exp(x) / x.exp() - 1.0).abs() < 3e-7, "{x}");
            assert!((tanh(x / 10.0) - (x / 10.0).tanh()).abs() < 2e-7, "{x}");
        }
        assert_eq!((sigmoid(-1e9), sigmoid(1e9)), (sigmoid(-87.0), 1.0));
    }

    #[test]
    fn products_are_those_by_hand() {
        let mut rng = stream(1, "test", 0);
        for [m, n, k] in [[1, 1, 1], [4, 8, 3], [7, 13, 5], [9, 24, 2]] {
            let mut draw = |count: usize| (0..count).map(|_| normal(&mut rng) as f32).collect::<Vec<f32>>();
            let (a, b) = (draw(m * k), draw(k * n));
            let by_hand: Vec<f32> =
                (0..m * n).map(|ij| (0..k).map(|p| a[ij / n * k + p] * b[p * n + ij % n]).sum::<f32>() + 1.0).collect();
            let mut c = vec![1.0; m * n];
            multiply(&mut c, (&a, k, 1), &b, [m, n, k]);
            let mut turned = vec![1.0; m * n];
            multiply(&mut turned, (&transposed(&a, k), 1, m), &b, [m, n, k]);
            for (i, x) in by_hand.iter().enumerate() {
                assert!((c[i] - x).abs() < 1e-5 && (turned[i] - x).abs() < 1e-5);
            }
        }
    }

    /// The sum of outputs times `pull`, over all steps, and its gradients.
    fn pulled(gru: &Gru, batch: &Batch, pull: &[f32]) -> (f64, Vec<f32>) {
        let trace = gru.run(batch);
        let states = &trace.states[batch.rows * gru.hidden..];
        let out = gru.outputs(states, &batch.x);
        let value = out.iter().zip(pull).map(|(o, p)| f64::from(*o) * f64::from(*p)).sum();
        let mut gradients = vec![0.0; gru.weights.len()];
        let back = gru.outputs_back(states, &batch.x, pull, &mut gradients);
        gru.back(batch, &trace, &back, &mut gradients);
        (value, gradients)
    }

    #[test]
    fn gradients_are_those_of_small_steps() {
        for skip in [false, true] {
            let mut rng = stream(7, "test", 0);
            let gru = Gru::new(3, 5, 2, skip, &mut rng);
            let mut draw = |count: usize| (0..count).map(|_| normal(&mut rng) as f32).collect::<Vec<f32>>();
            let batch = Batch { steps: 6, rows: 4, x: draw(6 * 4 * 3) };
            let pull = draw(6 * 4 * 2);
            let (_, gradients) = pulled(&gru, &batch, &pull);
            for (k, found) in gradients.iter().map(|g| f64::from(*g)).enumerate() {
                let at = |by: f32| {
                    let mut moved = gru.clone();
                    moved.weights[k] += by;
                    pulled(&moved, &batch, &pull).0
                };
                let slope = (at(0.01) - at(-0.01)) / 0.02;
                assert!((found - slope).abs() < 2e-3 * (1.0 + slope.abs()), "weight {k}: {found} and {slope}");
            }
        }
    }

    #[test]
    fn one_unit_by_hand() {
        let mut gru = Gru::new(1, 1, 1, false, &mut stream(1, "test", 0));
        // Wr Wz Wn, Ur Uz Un, br bz bn, cr cz cn, V, d.
        gru.weights = vec![0.5, -0.3, 0.8, 0.2, 0.4, -0.6, 0.1, 0.0, 0.2, 0.0, -0.1, 0.3, 2.0, 0.5];
        let trace = gru.run(&Batch { steps: 2, rows: 1, x: vec![1.0, -0.5] });
        let s = |x: f64| 1.0 / (1.0 + (-x).exp());
        let mut h = 0.0_f64;
        for x in [1.0, -0.5] {
            let (r, z) = (s(0.5 * x + 0.1 + 0.2 * h), s(-0.3 * x + 0.4 * h - 0.1));
            let n = (0.8 * x + 0.2 + r * (-0.6 * h + 0.3)).tanh();
            h = (1.0 - z) * n + z * h;
        }
        assert!((f64::from(trace.states[2]) - h).abs() < 1e-6);
        assert!((f64::from(gru.outputs(&trace.states[2..], &[])[0]) - (2.0 * h + 0.5)).abs() < 1e-6);
    }
}
