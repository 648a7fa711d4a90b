//! How steps follow each other: correlations at one time and from one step to the next, autocorrelation, spectrum.

use std::sync::Arc;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use realfft::RealFftPlanner;

use super::bag::Bag;
use super::scores::Statistics;
use super::set::COMMON;

/// Lags of an autocorrelation.
pub(crate) const LAGS: usize = 20;
/// A column that varies less than this is constant.
const CONSTANT: f64 = 1e-9;

/// What is the same for all comparisons of one evaluation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// Lags from 1.
    pub lags: usize,
    /// Steps of which a periodogram is computed.
    pub segment: usize,
}

/// What dynamics say of `b` beside `a`.
pub(crate) fn compare(a: &Bag<'_>, b: &Bag<'_>, reach: Reach, out: &mut Statistics) {
    correlation(a, b, out);
    lagged(a, b, out);
    let (x, y) = (Acf::of(a, reach.lags), Acf::of(b, reach.lags));
    out.acf_pooled = mean_gap(&x.pooled, &y.pooled);
    out.acf_within = mean_gap(&x.within, &y.within);
    out.acf_repeat = mean_gap(&x.repeat, &y.repeat);
    if let (Some(x), Some(y)) = (spectrum(a, reach.segment), spectrum(b, reach.segment)) {
        out.spectrum = mean_gap(&x, &y);
    }
}

/// The mean difference of two tables, where both have a number.
pub(crate) fn mean_gap(a: &[Vec<f64>], b: &[Vec<f64>]) -> Option<f64> {
    let gaps = a.iter().flatten().zip(b.iter().flatten()).map(|(x, y)| (x - y).abs()).filter(|gap| !gap.is_nan());
    let (sum, count) = gaps.fold((0.0, 0.0), |(sum, n), gap| (sum + gap, n + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// Correlations of columns of standardised `rows`: `x' y / n`.
fn product(x: &Mat<f64>, y: &Mat<f64>) -> Mat<f64> {
    let mut out = Mat::zeros(x.ncols(), y.ncols());
    if x.nrows() > 0 {
        matmul(out.as_mut(), Accum::Replace, x.transpose(), y.as_ref(), 1.0 / x.nrows() as f64, Par::Seq);
    }
    out
}

/// Columns with mean 0 and deviation 1; constant ones are 0.
fn standardised(rows: usize, columns: usize, value: impl Fn(usize, usize) -> f64) -> Mat<f64> {
    let mut out = Mat::zeros(rows, columns);
    for k in 0..columns {
        let mean = (0..rows).map(|i| value(i, k)).sum::<f64>() / rows.max(1) as f64;
        let variance = (0..rows).map(|i| (value(i, k) - mean).powi(2)).sum::<f64>() / rows.max(1) as f64;
        if variance.sqrt() > CONSTANT {
            (0..rows).for_each(|i| out[(i, k)] = (value(i, k) - mean) / variance.sqrt());
        }
    }
    out
}

/// Correlations at one time, of numbers and of common levels.
fn correlation(a: &Bag<'_>, b: &Bag<'_>, out: &mut Statistics) {
    let values = &a.set.steps;
    let numbers = a.set.filled.len();
    let levels = |k: usize| (0..values.categories[k].train.min(COMMON)).map(move |level| (k, level as u32));
    let levels: Vec<(usize, u32)> = (0..values.categories.len()).flat_map(levels).collect();
    let of = |bag: &Bag<'_>| {
        let rows: Vec<usize> = bag.rows().collect();
        let x = standardised(rows.len(), numbers + levels.len(), |i, k| match k.checked_sub(numbers) {
            None => a.set.filled[k][rows[i]],
            Some(k) => f64::from(u8::from(values.codes[levels[k].0][rows[i]] == levels[k].1)),
        });
        product(&x, &x)
    };
    let (x, y) = (of(a), of(b));
    let own = |k: usize| k.checked_sub(numbers).map_or(k, |k| numbers + levels[k].0);
    let pairs = (0..x.nrows()).flat_map(|i| (0..i).map(move |j| (i, j))).filter(|&(i, j)| own(i) != own(j));
    let (mut sum, mut all, mut count) = (0.0, 0.0, 0.0);
    for (i, j) in pairs {
        let gap = (x[(i, j)] - y[(i, j)]).abs();
        (all, count) = (all + gap, count + 1.0);
        if i < numbers {
            sum += gap;
        }
    }
    if count > 0.0 {
        out.correlation = Some(all / count);
    }
    if numbers > 1 {
        out.correlation_sum = Some(sum / 10.0);
    }
}

/// Correlations of one number with another a step later.
fn lagged(a: &Bag<'_>, b: &Bag<'_>, out: &mut Statistics) {
    let filled = &a.set.filled;
    let columns = filled.len();
    if columns < 2 || a.longest() < 2 || b.longest() < 2 {
        return;
    }
    let of = |bag: &Bag<'_>| {
        let rows: Vec<usize> = bag.ranges().filter(|r| !r.is_empty()).flat_map(|r| r.start..r.end - 1).collect();
        let shifted = |by: usize| standardised(rows.len(), columns, |i, k| filled[k][rows[i] + by]);
        product(&shifted(0), &shifted(1))
    };
    let (x, y) = (of(a), of(b));
    let pairs = (0..columns).flat_map(|i| (0..columns).map(move |j| (i, j))).filter(|(i, j)| i != j);
    let sum: f64 = pairs.map(|(i, j)| (x[(i, j)] - y[(i, j)]).abs()).sum();
    out.cross_lag = Some(sum / (columns * (columns - 1)) as f64);
}

/// Autocorrelations, a row a column and an entry a lag from 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acf {
    /// Of numbers about the mean of all steps.
    pub pooled: Vec<Vec<f64>>,
    /// Of numbers about the mean of each sequence.
    pub within: Vec<Vec<f64>>,
    /// Of categories: how often the level is the same.
    pub repeat: Vec<Vec<f64>>,
}

impl Acf {
    pub fn of(bag: &Bag<'_>, lags: usize) -> Acf {
        let set = bag.set;
        let pooled = |x: &Vec<f64>| {
            let mean = bag.rows().map(|i| x[i]).sum::<f64>() / bag.steps().max(1) as f64;
            autocorrelation(bag, x, lags, |_| mean)
        };
        let within =
            |x: &Vec<f64>| autocorrelation(bag, x, lags, |r| x[r.clone()].iter().sum::<f64>() / r.len() as f64);
        let repeat = |codes: &Vec<u32>| {
            let same = |lag: usize| {
                let (mut hits, mut all) = (0.0, 0.0);
                for r in bag.ranges().filter(|r| r.len() > lag) {
                    let pairs = codes[r.clone()].iter().zip(&codes[r.start + lag..r.end]);
                    hits += pairs.filter(|(a, b)| a == b).count() as f64;
                    all += (r.len() - lag) as f64;
                }
                hits / all
            };
            (1..=lags).map(same).collect()
        };
        Acf {
            pooled: set.filled.iter().map(pooled).collect(),
            within: set.filled.iter().map(within).collect(),
            repeat: set.steps.codes.iter().map(repeat).collect(),
        }
    }
}

/// The autocorrelation of `x` about `mean` of each sequence, at lags from 1; 0 of what does not vary.
fn autocorrelation(bag: &Bag<'_>, x: &[f64], lags: usize, mean: impl Fn(&std::ops::Range<usize>) -> f64) -> Vec<f64> {
    let (mut products, mut counts) = (vec![0.0; lags + 1], vec![0.0; lags + 1]);
    for range in bag.ranges().filter(|r| !r.is_empty()) {
        let mean = mean(&range);
        let z: Vec<f64> = x[range].iter().map(|v| v - mean).collect();
        for lag in 0..=lags.min(z.len() - 1) {
            products[lag] += z[..z.len() - lag].iter().zip(&z[lag..]).map(|(a, b)| a * b).sum::<f64>();
            counts[lag] += (z.len() - lag) as f64;
        }
    }
    let variance = products[0] / f64::max(counts[0], 1.0);
    let at = |lag: usize| match variance > 1e-12 {
        true => products[lag] / f64::max(counts[lag], 1.0) / variance,
        false => 0.0,
    };
    (1..=lags).map(at).collect()
}

/// Decimal logarithms of the mean periodogram of the first `segment` steps, a row a number and an entry a frequency above 0: the own mean
/// is taken off, and a Hann window laid over. `None` where no sequence is so long, or a segment is too short to swing.
pub(crate) fn spectrum(bag: &Bag<'_>, segment: usize) -> Option<Vec<Vec<f64>>> {
    let long: Vec<usize> = (0..bag.len()).filter(|&i| bag.lengths[i] >= segment).map(|i| bag.starts[i]).collect();
    if segment < 4 || long.is_empty() || bag.set.filled.is_empty() {
        return None;
    }
    let turn = std::f64::consts::TAU / (segment + 1) as f64;
    let hann: Vec<f64> = (1..=segment).map(|i| 0.5 - 0.5 * libm::cos(turn * i as f64)).collect();
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(segment);
    let of = |x: &Vec<f64>| mean_power(x, &long, &hann, &fft);
    bag.set.filled.iter().map(of).collect()
}

fn mean_power(
    x: &[f64],
    starts: &[usize],
    hann: &[f64],
    fft: &Arc<dyn realfft::RealToComplex<f64>>,
) -> Option<Vec<f64>> {
    let segment = hann.len();
    let (mut input, mut output, mut scratch) = (fft.make_input_vec(), fft.make_output_vec(), fft.make_scratch_vec());
    let mut power = vec![0.0; output.len() - 1];
    for &start in starts {
        let own = &x[start..start + segment];
        let mean = own.iter().sum::<f64>() / segment as f64;
        input.iter_mut().zip(own).zip(hann).for_each(|((i, v), w)| *i = (v - mean) * w);
        // Lengths fit, which is all that can go wrong.
        fft.process_with_scratch(&mut input, &mut output, &mut scratch).ok()?;
        power.iter_mut().zip(&output[1..]).for_each(|(p, c)| *p += c.norm_sqr());
    }
    Some(power.into_iter().map(|p| libm::log10(p / starts.len() as f64 + 1e-10)).collect())
}
