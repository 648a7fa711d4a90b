//! What changes the values of a series. Times and categories stay, but for categories in missing blocks where that is asked.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;
use verisim_data::rng::{Stream, below, normal, uniform};
use verisim_data::table::{Column, MISSING};

use super::Sequence;
use super::curve::spline;
use super::step::{Fill, Pool};
use crate::table::space::mean;

/// From the smallest to the largest number; 0 where there is none.
fn range(v: &[f64]) -> f64 {
    let known = v.iter().filter(|x| x.is_finite());
    let (low, high) = known.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
    if high > low { high - low } else { 0.0 }
}

pub(super) fn jitter(of: Sequence, scale: f64, rng: &mut Stream) -> Sequence {
    of.map_numbers(|_, v| {
        let scale = scale * range(v);
        v.iter_mut().for_each(|x| move_by(x, scale * normal(rng)));
    })
}

pub(super) fn scaling(of: Sequence, scale: f64, rng: &mut Stream) -> Sequence {
    of.map_numbers(|_, v| {
        let factor = 1.0 + scale * normal(rng);
        v.iter_mut().for_each(|x| stretch_by(x, factor));
    })
}

/// Adds; what is missing keeps its bits, which may name a word.
fn move_by(x: &mut f64, by: f64) {
    if !x.is_nan() {
        *x += by;
    }
}

fn stretch_by(x: &mut f64, factor: f64) {
    if !x.is_nan() {
        *x *= factor;
    }
}

/// The curve goes through sums of normal numbers at its points, begins at 0, and is at its furthest `most` ranges away.
pub(super) fn drift(of: Sequence, most: f64, points: usize, rng: &mut Stream) -> Sequence {
    let steps = of.len();
    of.map_numbers(|_, v| {
        let mut sum = 0.0;
        let anchors: Vec<f64> = (0..points + 2)
            .map(|_| {
                sum += normal(rng);
                sum
            })
            .collect();
        let curve = spline(&anchors, steps);
        let furthest = curve.iter().fold(0.0_f64, |far, x| far.max((x - curve[0]).abs()));
        let scale = if furthest > 0.0 { most * range(v) / furthest } else { 0.0 };
        v.iter_mut().zip(&curve).for_each(|(x, c)| move_by(x, scale * (c - curve[0])));
    })
}

pub(super) fn magnitude_warp(of: Sequence, scale: f64, points: usize, rng: &mut Stream) -> Sequence {
    let steps = of.len();
    of.map_numbers(|_, v| {
        let anchors: Vec<f64> = (0..points + 2).map(|_| 1.0 + scale * normal(rng)).collect();
        v.iter_mut().zip(spline(&anchors, steps)).for_each(|(x, factor)| stretch_by(x, factor));
    })
}

pub(super) fn dropout(of: Sequence, share: f64, fill: Fill, apart: bool, rng: &mut Stream) -> Sequence {
    let mut draw = |n: usize| (0..n).map(|_| uniform(rng) < share).collect::<Vec<bool>>();
    let steps = of.len();
    let shared = draw(steps);
    of.map_numbers(|_, v| {
        let dropped = if apart { draw(steps) } else { shared.clone() };
        fill_in(v, &dropped, fill);
    })
}

/// Puts something in the place of what was dropped; nothing where there is no other value.
fn fill_in(v: &mut [f64], dropped: &[bool], fill: Fill) {
    let kept: Vec<usize> = (0..v.len()).filter(|&t| !dropped[t] && !v[t].is_nan()).collect();
    let middle = mean(kept.iter().map(|&t| v[t]));
    let before = v.to_vec();
    for t in (0..v.len()).filter(|&t| dropped[t]) {
        let after = kept.partition_point(|&k| k < t);
        let (previous, next) = (after.checked_sub(1).map(|k| kept[k]), kept.get(after).copied());
        let near = match fill {
            Fill::Previous => previous.or(next),
            Fill::Next => next.or(previous),
            Fill::Mean | Fill::Missing => None,
        };
        v[t] = match near {
            Some(near) => before[near],
            None if fill == Fill::Mean && !kept.is_empty() => middle,
            None => f64::NAN,
        };
    }
}

pub(super) fn missing_blocks(
    mut of: Sequence,
    (share, length): (f64, usize),
    apart: bool,
    categories: bool,
    rng: &mut Stream,
) -> Sequence {
    let steps = of.len();
    let length = length.min(steps);
    // What is left of a whole number of blocks is one more by chance, so that the share holds on average.
    let wanted = share * steps as f64 / length as f64;
    let mut draw = || {
        let blocks = wanted as usize + usize::from(uniform(rng) < wanted.fract());
        let mut missing = vec![false; steps];
        for _ in 0..blocks {
            let start = below(rng, (steps - length + 1) as u64) as usize;
            missing[start..start + length].fill(true);
        }
        missing
    };
    let shared = draw();
    for column in &mut of.steps.columns {
        if column.is_category() && !categories {
            continue;
        }
        let missing = if apart { draw() } else { shared.clone() };
        match column {
            Column::Number(v) => v.iter_mut().zip(&missing).filter(|(_, m)| **m).for_each(|(x, _)| *x = f64::NAN),
            Column::Category { codes, .. } => {
                codes.iter_mut().zip(&missing).filter(|(_, m)| **m).for_each(|(code, _)| *code = MISSING);
            }
        }
    }
    of
}

pub(super) fn pooling(of: Sequence, size: usize, by: Pool) -> Sequence {
    of.map_numbers(|_, v| {
        for group in v.chunks_mut(size) {
            let known = group.iter().copied().filter(|x| x.is_finite());
            let one = match by {
                Pool::Mean => mean(known),
                Pool::Max => known.fold(f64::NEG_INFINITY, f64::max),
                Pool::Min => known.fold(f64::INFINITY, f64::min),
            };
            group.iter_mut().filter(|x| !x.is_nan()).for_each(|x| *x = one);
        }
    })
}

pub(super) fn quantise(of: Sequence, levels: usize) -> Sequence {
    of.map_numbers(|_, v| {
        let (range, levels) = (range(v), levels as f64);
        let low = v.iter().copied().filter(|x| x.is_finite()).fold(f64::INFINITY, f64::min);
        if range > 0.0 {
            let level = |x: f64| ((x - low) / range * levels).floor().min(levels - 1.0);
            v.iter_mut().filter(|x| !x.is_nan()).for_each(|x| *x = low + (level(*x) + 0.5) / levels * range);
        }
    })
}

/// Each number becomes the mean of those about it, weighted by a Hann window; at the ends by the part of the window that is there.
pub(super) fn smooth(of: Sequence, size: usize) -> Sequence {
    let weight = |k: usize| {
        let x = std::f64::consts::PI * (k as f64 + 1.0) / (size as f64 + 1.0);
        x.sin() * x.sin()
    };
    let window: Vec<f64> = (0..size).map(weight).collect();
    of.map_numbers(|_, v| {
        let before = v.clone();
        for (t, x) in v.iter_mut().enumerate().filter(|(_, x)| !x.is_nan()) {
            let (mut sum, mut weights) = (0.0, 0.0);
            for (k, w) in window.iter().enumerate() {
                let near = (t + k).checked_sub(size / 2).and_then(|at| before.get(at)).filter(|x| x.is_finite());
                if let Some(near) = near {
                    sum += w * near;
                    weights += w;
                }
            }
            *x = sum / weights;
        }
    })
}

/// Missing numbers are bridged by straight lines while frequencies are counted, and missing again afterwards.
pub(super) fn frequency_mask(of: Sequence, share: f64, rng: &mut Stream) -> Sequence {
    let steps = of.len();
    let bins = steps / 2;
    if bins == 0 {
        return of;
    }
    let width = ((share * bins as f64).round() as usize).clamp(1, bins);
    let mut planner = RealFftPlanner::<f64>::new();
    let (forward, inverse) = (planner.plan_fft_forward(steps), planner.plan_fft_inverse(steps));
    of.map_numbers(|_, v| {
        let first = 1 + below(rng, (bins - width + 1) as u64) as usize;
        let mut signal = bridged(v);
        let mut spectrum = forward.make_output_vec();
        if forward.process(&mut signal, &mut spectrum).is_err() {
            return;
        }
        spectrum[first..first + width].fill(Complex::new(0.0, 0.0));
        if inverse.process(&mut spectrum, &mut signal).is_err() {
            return;
        }
        let known = v.iter_mut().zip(signal).filter(|(x, _)| !x.is_nan());
        known.for_each(|(x, masked)| *x = masked / steps as f64);
    })
}

/// The numbers with straight lines over those that are missing; 0 where there is none at all.
pub(super) fn bridged(v: &[f64]) -> Vec<f64> {
    let known: Vec<usize> = (0..v.len()).filter(|&t| v[t].is_finite()).collect();
    let at = |t: usize| {
        let after = known.partition_point(|&k| k < t);
        match (after.checked_sub(1).map(|k| known[k]), known.get(after).copied()) {
            (_, Some(b)) if b == t => v[t],
            (Some(a), Some(b)) => v[a] + (v[b] - v[a]) * (t - a) as f64 / (b - a) as f64,
            (Some(one), None) | (None, Some(one)) => v[one],
            (None, None) => 0.0,
        }
    };
    (0..v.len()).map(at).collect()
}
