//! What moves the steps of a series in time, and what leaves some out.

use verisim_data::rng::{self, Stream, below, uniform};

use super::Sequence;
use super::curve::{evenly, monotone};
use crate::range::Range;

/// Paces between the anchors are uniform, brought to the ratio; the way is the monotone curve through their sums.
pub(super) fn time_warp(of: Sequence, changes: usize, ratio: f64, rng: &mut Stream) -> Sequence {
    let drawn: Vec<f64> = (0..=changes).map(|_| uniform(rng)).collect();
    let (low, high) = drawn.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &x| (low.min(x), high.max(x)));
    // From 1 to the ratio.
    let pace = |x: f64| if high > low { 1.0 + (ratio - 1.0) * (x - low) / (high - low) } else { 1.0 };
    let sum: f64 = drawn.iter().map(|&x| pace(x)).sum();
    let last = (of.len() - 1) as f64;
    let mut way = vec![0.0];
    let mut done = 0.0;
    for x in drawn {
        done += pace(x);
        way.push(done / sum * last);
    }
    let places = monotone(&way, of.len());
    let times = of.times.clone();
    of.at(&places, times)
}

/// A window of this share of the steps, from anywhere.
fn window(steps: usize, share: f64, rng: &mut Stream) -> std::ops::Range<usize> {
    let length = ((share * steps as f64).round() as usize).clamp(1, steps);
    let start = below(rng, (steps - length + 1) as u64) as usize;
    start..start + length
}

pub(super) fn window_slice(of: Sequence, share: f64, stretch: bool, rng: &mut Stream) -> Sequence {
    let window = window(of.len(), share, rng);
    if stretch {
        let places: Vec<f64> = evenly(window.len(), of.len()).map(|x| x + window.start as f64).collect();
        let times = of.times.clone();
        return of.at(&places, times);
    }
    let index: Vec<usize> = window.collect();
    Sequence { times: index.iter().map(|&t| of.times[t]).collect(), steps: of.steps.take(&index) }
}

/// The steps of the window get `ratio` times the room, and all is brought back to the length.
pub(super) fn window_warp(of: Sequence, share: f64, ratio: &Range, rng: &mut Stream) -> Sequence {
    let window = window(of.len(), share, rng);
    let ratio = ratio.draw(rng);
    // The way from each step to the next is 1, in the window as much longer as it runs slower.
    let mut at = vec![0.0];
    for t in 1..of.len() {
        let room = if window.contains(&t) { ratio } else { 1.0 };
        at.push(at[t - 1] + room);
    }
    let end = at[at.len() - 1];
    let place = |x: f64| {
        let x = x / (of.len().max(2) - 1) as f64 * end;
        let after = at.partition_point(|&a| a <= x).clamp(1, at.len().max(2) - 1);
        match at.get(after) {
            Some(b) => after as f64 - 1.0 + (x - at[after - 1]) / (b - at[after - 1]),
            None => 0.0,
        }
    };
    let places: Vec<f64> = (0..of.len()).map(|t| place(t as f64)).collect();
    let times = of.times.clone();
    of.at(&places, times)
}

pub(super) fn permutation(of: Sequence, parts: usize, rng: &mut Stream) -> Sequence {
    let steps = of.len();
    // Cuts at different steps, so that no part is empty.
    let mut cuts: Vec<usize> =
        rng::permutation(rng, steps - 1).into_iter().take(parts.min(steps) - 1).map(|c| c + 1).collect();
    cuts.extend([0, steps]);
    cuts.sort_unstable();
    let order = rng::permutation(rng, cuts.len() - 1);
    let index: Vec<usize> = order.into_iter().flat_map(|k| cuts[k]..cuts[k + 1]).collect();
    Sequence { times: of.times, steps: of.steps.take(&index) }
}

pub(super) fn resample(of: Sequence, ratio: &Range, rng: &mut Stream) -> Sequence {
    let ratio = ratio.draw(rng);
    let steps = ((of.len() as f64 * ratio).round() as usize).max(1);
    let places: Vec<f64> = evenly(of.len(), steps).collect();
    let last = of.len() - 1;
    let time = |place: &f64| {
        let low = (*place as usize).min(last);
        of.times[low] + (of.times[(low + 1).min(last)] - of.times[low]) * (place - low as f64)
    };
    let times = places.iter().map(time).collect();
    of.at(&places, times)
}

pub(super) fn reverse(of: Sequence) -> Sequence {
    let index: Vec<usize> = (0..of.len()).rev().collect();
    let (first, last) = (of.times[0], of.times[of.len() - 1]);
    Sequence { times: index.iter().map(|&t| first + (last - of.times[t])).collect(), steps: of.steps.take(&index) }
}
