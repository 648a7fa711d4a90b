//! A Fréchet distance of sequences: Gaussians fitted to features of random convolutions.
//!
//! Convolutions of five taps over the channels that networks see ([`Set`](super::set::Set)), 32 of each dilation 1, 2, 4 ..., each over at
//! most three channels, half of them blind to the level; a bias at a quantile of what they give, ReLU, then mean and largest value over
//! time (untrained, as those of ROCKET; Dempster et al., 2020). Features are standardised and reduced to at most 16 whitened principal
//! components of the training sequences. Like the Context-FID in kind, but nothing is trained, so that it takes a second and is the same
//! for everyone. It falls with the number of sequences: compare it with its floor, not with figures of elsewhere.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::{Accum, Col, Mat, Par, Spec};
use verisim_data::rng::{Stream, normal, permutation, stream, uniform};

use super::bag::Bag;
use crate::estimate::quantile;
use crate::image::{Features, fid};

/// Convolutions of a dilation.
const EACH: usize = 32;
/// Taps of a convolution.
const TAPS: usize = 5;
/// Channels that a convolution looks at, at most.
const CHANNELS: usize = 3;
/// Values of which a bias is a quantile, at most.
const VALUES: usize = 20_000;
/// Components, at most.
const COMPONENTS: usize = 16;
/// Steps that are looked at, at most.
pub(crate) const LONGEST: usize = 150;
/// Fewest sequences a side.
pub(crate) const LEAST: usize = 10;

/// The distance of `b` from `a`, if there are enough of both.
pub(crate) fn distance(a: &Bag<'_>, b: &Bag<'_>, seed: u64) -> Option<f64> {
    if a.len() < LEAST || b.len() < LEAST || a.set.width == 0 {
        return None;
    }
    let [a, b] = whitened(features([a, b], seed))?;
    fid(&a, &b).ok()
}

/// One convolution: channels with their taps.
struct Filter {
    taps: Vec<(usize, [f32; TAPS])>,
    /// Which quantile its bias is.
    quantile: f64,
}

impl Filter {
    fn new(width: usize, blind: bool, rng: &mut Stream) -> Filter {
        let channels = permutation(rng, width).into_iter().take(CHANNELS);
        let mut taps: Vec<(usize, [f32; TAPS])> =
            channels.map(|c| (c, [(); TAPS].map(|()| normal(rng) as f32))).collect();
        if blind {
            for (_, taps) in &mut taps {
                let mean = taps.iter().sum::<f32>() / TAPS as f32;
                taps.iter_mut().for_each(|t| *t -= mean);
            }
        }
        Filter { taps, quantile: 0.1 + 0.8 * uniform(rng) }
    }

    /// What it gives at each of `length` steps of `x`, which lies channel by channel; beyond the ends there are zeros.
    fn over(&self, x: &[f32], length: usize, dilation: usize) -> Vec<f32> {
        let mut out = vec![0.0; length];
        for (channel, taps) in &self.taps {
            for (k, tap) in taps.iter().enumerate() {
                let (ahead, behind) = (k * dilation, TAPS / 2 * dilation);
                let from = behind.saturating_sub(ahead);
                let to = (length + behind).saturating_sub(ahead).min(length);
                if from < to {
                    let shifted = &x[channel * length + from + ahead - behind..];
                    out[from..to].iter_mut().zip(shifted).for_each(|(o, x)| *o += tap * x);
                }
            }
        }
        out
    }
}

/// Features of the sequences of two bags, rows of one length; biases are of the first.
fn features(bags: [&Bag<'_>; 2], seed: u64) -> [Vec<Vec<f64>>; 2] {
    let width = bags[0].set.width;
    let inputs = bags.map(|bag| {
        let one = |i: usize| {
            let length = bag.lengths[i].min(LONGEST);
            let rows = bag.inputs(i, length);
            let channel = |c: usize| rows.iter().skip(c).step_by(width).copied().collect::<Vec<f32>>();
            (length, (0..width).flat_map(channel).collect::<Vec<f32>>())
        };
        (0..bag.len()).map(one).collect::<Vec<(usize, Vec<f32>)>>()
    });
    let longest = bags.map(|bag| bag.longest().min(LONGEST));
    let mut out = [vec![Vec::new(); bags[0].len()], vec![Vec::new(); bags[1].len()]];
    let (mut dilation, length) = (1, longest[0].min(longest[1]));
    while dilation == 1 || 4 * dilation < length {
        let mut rng = stream(seed, "series convolutions", dilation as u64);
        for k in 0..EACH {
            let filter = Filter::new(width, k < EACH / 2, &mut rng);
            let given = inputs.each_ref().map(|inputs| {
                inputs.iter().map(|(length, x)| filter.over(x, *length, dilation)).collect::<Vec<Vec<f32>>>()
            });
            let mut values: Vec<f64> = given[0].iter().flatten().map(|&x| f64::from(x)).collect();
            if values.len() > VALUES {
                // Every so manieth, as good as by chance.
                let every = values.len().div_ceil(VALUES);
                values = values.into_iter().step_by(every).collect();
            }
            let bias = quantile(&mut values, filter.quantile) as f32;
            for (out, given) in out.iter_mut().zip(&given) {
                for (out, given) in out.iter_mut().zip(given) {
                    let (sum, most) = given
                        .iter()
                        .map(|x| (x - bias).max(0.0))
                        .fold((0.0_f32, 0.0_f32), |(s, m), x| (s + x, m.max(x)));
                    out.extend([f64::from(sum) / given.len().max(1) as f64, f64::from(most)]);
                }
            }
        }
        dilation *= 2;
    }
    out
}

/// Features standardised and whitened by those of the first.
fn whitened([a, b]: [Vec<Vec<f64>>; 2]) -> Option<[Features; 2]> {
    let (n, columns) = (a.len(), a.first()?.len());
    let moments = |k: usize| {
        let mean = a.iter().map(|row| row[k]).sum::<f64>() / n as f64;
        (mean, (a.iter().map(|row| (row[k] - mean).powi(2)).sum::<f64>() / n as f64).sqrt())
    };
    let kept: Vec<(usize, f64, f64)> =
        (0..columns).map(|k| (k, moments(k))).filter(|(_, (_, s))| *s > 1e-9).map(|(k, (m, s))| (k, m, s)).collect();
    if kept.is_empty() {
        return None;
    }
    let matrix =
        |rows: &[Vec<f64>]| Mat::from_fn(rows.len(), kept.len(), |i, j| (rows[i][kept[j].0] - kept[j].1) / kept[j].2);
    let (x, y) = (matrix(&a), matrix(&b));
    let (values, vectors) = components(&x)?;
    let largest = *values.first()?;
    let most = COMPONENTS.min((n / 10).max(2));
    // Eigenvalues are squares of singular values.
    let used = values.iter().take(most).filter(|v| **v > largest * 1e-12).count();
    let project = |x: &Mat<f64>| {
        let mut out = Mat::zeros(x.nrows(), used);
        let axes = Mat::from_fn(kept.len(), used, |i, j| vectors[(i, j)] / (values[j] / n as f64).sqrt());
        matmul(out.as_mut(), Accum::Replace, x.as_ref(), axes.as_ref(), 1.0, Par::Seq);
        Features::new(
            used,
            (0..out.nrows()).flat_map(|i| (0..used).map(move |j| (i, j))).map(|(i, j)| out[(i, j)] as f32).collect(),
        )
        .ok()
    };
    Some([project(&x)?, project(&y)?])
}

/// The eigenvalues of `x' x`, the largest first, and their eigenvectors as columns; on one thread, so that the result does not depend on
/// how many there are.
pub(crate) fn components(x: &Mat<f64>) -> Option<(Vec<f64>, Mat<f64>)> {
    let n = x.ncols();
    let mut products = Mat::zeros(n, n);
    matmul(products.as_mut(), Accum::Replace, x.transpose(), x.as_ref(), 1.0, Par::Seq);
    let (mut values, mut vectors) = (Col::zeros(n), Mat::zeros(n, n));
    let need = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Spec::default());
    let mut memory = MemBuffer::new(need);
    let stack = MemStack::new(&mut memory);
    let (s, u) = (values.as_diagonal_mut(), Some(vectors.as_mut()));
    self_adjoint_evd(products.as_ref(), s, u, Par::Seq, stack, Spec::default()).ok()?;
    // They come in rising order.
    Some(((0..n).map(|k| values[n - 1 - k]).collect(), Mat::from_fn(n, n, |i, k| vectors[(i, n - 1 - k)])))
}
