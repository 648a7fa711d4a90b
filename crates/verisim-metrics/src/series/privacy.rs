//! Are synthetic sequences training sequences? Looked at as whole sequences, since a step alone is nobody's.
//!
//! **Closer to training**: share of synthetic sequences whose nearest neighbour in the training series is closer than in equally much of the
//! held-out ones; ties count half, so a half is no copying. Of long series "equally much" is as many steps, in blocks by
//! chance; drift alone lifts the share, so its floor is one half of the held-out blocks beside the other.
//! **Too close**: share that is nearer to a training sequence than the 5 % closest training sequences are to the rest of training, their own
//! neighbourhood left out.
//! **Copies**: whole sequences that stand in training, and stretches of at least five steps that do.
//!
//! Distance is the sum over columns of the mean absolute difference; another category costs 1. Sequences of several lengths are stretched
//! to one number of points, and the logarithms of their lengths, their times and their contexts count too.

use std::ops::Range;

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use schemars::JsonSchema;
use serde::Serialize;
use verisim_data::rng::{mix, stream};

use super::bag::{Bag, Part};
use super::set::{Set, TOP};
use super::sides::{Side, Sides};
use crate::{Count, Estimate};

/// Training sequences that are searched, sequences that search, and those on either side of a comparison, at most.
const SEARCHED: usize = 15_000;
const SEARCHING: usize = 1_000;
const COMPARED: usize = 6_000;
/// Numbers that a search may look at, roughly: some seconds.
const WORK: usize = 4_000_000_000;
/// Points that sequences of several lengths are stretched to.
const POINTS: Range<usize> = 4..32;
/// The share of training sequences that lie so close to others.
const CLOSE: f64 = 0.05;
/// Steps of a stretch that counts as copied.
pub(crate) const RUN: usize = 5;
/// Scaled numbers within this are the same.
const SAME: f64 = 1e-6;

/// What the search of copies found.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Privacy {
    /// Share of synthetic sequences that are closer to training than to held-out ones; 0.5 is no copying.
    pub closer: Option<Closer>,
    /// Synthetic sequences that are closer to training than real ones are to each other; 5 % are by chance.
    pub too_close: Count,
    /// The same of held-out ones.
    pub too_close_holdout: Option<Count>,
    /// Synthetic sequences that stand in training.
    pub copies: Count,
    /// Real sequences that do without having been copied: held-out ones, or one half of training in the other.
    pub copies_real: Option<Count>,
    /// Synthetic sequences with a stretch of at least five steps that stands in training.
    pub windows: Count,
    /// The same of real ones.
    pub windows_real: Option<Count>,
    /// Share of the synthetic steps in such stretches.
    pub copied_steps: f64,
    /// The same of real ones.
    pub copied_steps_real: Option<f64>,
}

/// Closer to training than to held-out ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Closer {
    /// Share of the synthetic sequences.
    pub synthetic: Estimate,
    /// The same of held-out ones, one half beside the other.
    pub holdout: Option<Estimate>,
    /// What a generator that only copies would reach.
    pub copier: f64,
}

pub(crate) fn privacy(sides: &Sides<'_>, seed: u64) -> Privacy {
    let set = sides.set;
    let mut rng = stream(seed, "series privacy", 0);
    let points = points(set);
    let (real, synthetic, holdout) = (set.real(), set.synthetic(), set.holdout());
    let candidates = synthetic.tiles(&mut rng).sample(SEARCHING, &mut rng);
    let own = real.tiles(&mut rng).sample(SEARCHING, &mut rng);
    let width = vectors(&own.take(&[0][..own.len().min(1)]), points).width.max(1);
    let most = (WORK / (SEARCHING * width)).clamp(500, SEARCHED);
    let full = real.every(None).sample(most, &mut rng);
    let searched = vectors(&full, points);
    // Neighbours that overlap are of the sequence itself.
    let apart = |i: usize, j: usize| match set.window {
        Some(window) => own.starts[i].abs_diff(full.starts[j]) >= window,
        None => own.starts[i] != full.starts[j],
    };
    let mut inside = nearest(&vectors(&own, points), &searched, apart);
    inside.retain(|d| d.is_finite());
    let edge = if inside.is_empty() {
        0.0
    } else {
        crate::estimate::quantile(&mut inside.iter().map(|&d| f64::from(d)).collect::<Vec<_>>(), CLOSE)
    };
    let close = |bag: &Bag<'_>| {
        Count::of(nearest(&vectors(bag, points), &searched, |_, _| true).into_iter().map(|d| f64::from(d) < edge))
    };
    let too_close = close(&candidates);
    let held = holdout.as_ref().map(|part| part.tiles(&mut rng).sample(SEARCHING, &mut rng));
    let too_close_holdout = held.as_ref().map(close);
    let closer = holdout.as_ref().and_then(|held| closer(&real, held, &candidates, points, most.min(COMPARED), seed));

    let copies = Copies::new(&real);
    let of = |copies: &Copies, bag: &Bag<'_>| copies.count(bag);
    let found = of(&copies, &synthetic.tiles(&mut rng));
    let fresh = match &holdout {
        Some(part) => Some(of(&copies, &part.tiles(&mut rng))),
        None => sides.parts(Side::Fresh, 0).map(|[a, b]| of(&Copies::new(&a), &b.tiles(&mut rng))),
    };
    Privacy {
        closer,
        too_close,
        too_close_holdout,
        copies: found.whole,
        copies_real: fresh.as_ref().map(|f| f.whole),
        windows: found.windows,
        windows_real: fresh.as_ref().map(|f| f.windows),
        copied_steps: found.steps,
        copied_steps_real: fresh.as_ref().map(|f| f.steps),
    }
}

/// Which of the candidates are closer to training than to the held-out ones.
fn closer(
    real: &Part<'_>,
    held: &Part<'_>,
    candidates: &Bag<'_>,
    points: usize,
    most: usize,
    seed: u64,
) -> Option<Closer> {
    let mut rng = stream(seed, "series closer", 0);
    let mut compare = |candidates: &Bag<'_>, held: &Part<'_>| {
        let part = real.some(held.steps(), held.spans.len(), &mut rng);
        let share = match real.set.window {
            Some(_) => part.steps() as f64 / real.steps().max(1) as f64,
            None => part.spans.len() as f64 / real.spans.len().max(1) as f64,
        };
        let (near, far) = (part.every(None), held.every(None));
        let count = near.len().min(far.len()).min(most);
        let [near, far] = [near, far].map(|bag| vectors(&bag.sample(count, &mut rng), points));
        if count == 0 || candidates.len() == 0 {
            return None;
        }
        let x = vectors(candidates, points);
        let (near, far) = (nearest(&x, &near, |_, _| true), nearest(&x, &far, |_, _| true));
        let sum: f64 = near
            .iter()
            .zip(&far)
            .map(|(a, b)| if (a - b).abs() <= 1e-6 { 0.5 } else { f64::from(u8::from(a < b)) })
            .sum();
        let n = candidates.len() as f64;
        // Ties count half, which Wilson's interval does not know; it is of the nearest whole number.
        let found = Estimate::share(sum.round() as usize, candidates.len());
        Some((Estimate { value: sum / n, ..found }, share))
    };
    let (synthetic, share) = compare(candidates, held)?;
    let mut halves = stream(seed, "series closer halves", 0);
    let floor = held.halves(0, &mut halves).and_then(|[a, b]| {
        let own = a.tiles(&mut halves).sample(SEARCHING, &mut halves);
        Some(compare(&own, &b)?.0)
    });
    Some(Closer { synthetic, holdout: floor, copier: share + (1.0 - share) / 2.0 })
}

/// Sequences as vectors of one length.
struct Vectors {
    width: usize,
    values: Vec<f32>,
}

impl Vectors {
    fn rows(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.width..][..self.width]
    }
}

/// Points of a sequence: its steps in a window, else about as many as the median sequence has.
fn points(set: &Set) -> usize {
    set.window.unwrap_or_else(|| {
        let mut lengths: Vec<f64> = set.real.iter().map(|s| s.length as f64).collect();
        (crate::estimate::quantile(&mut lengths, 0.5) as usize).clamp(POINTS.start, POINTS.end)
    })
}

fn vectors(bag: &Bag<'_>, points: usize) -> Vectors {
    let set = bag.set;
    let gaps = if set.window.is_none() && set.has_gap { set.gaps() } else { Vec::new() };
    let longest = gaps.iter().take(set.real.iter().map(|s| s.length).sum()).filter(|g| g.is_finite());
    let scale = longest.fold(0.0_f64, |most, g| most.max(g.max(0.0).ln_1p())).max(1e-9);
    let weight = 1.0 / points.max(1) as f64;
    let one = |i: usize| {
        let (start, length) = (bag.starts[i], bag.lengths[i]);
        let mut out: Vec<f32> = Vec::new();
        let at = |p: usize| match set.window {
            Some(_) => p as f64,
            None => p as f64 / (points - 1).max(1) as f64 * (length - 1) as f64,
        };
        let between = |x: &dyn Fn(usize) -> f64, p: usize| {
            let low = at(p).floor();
            let (a, b) = (start + low as usize, start + (low as usize + 1).min(length - 1));
            let part = at(p) - low;
            if part == 0.0 { x(a) } else { x(a) * (1.0 - part) + x(b) * part }
        };
        for filled in &set.filled {
            out.extend((0..points).map(|p| (between(&|i| filled[i], p) * weight) as f32));
        }
        for (codes, category) in set.steps.codes.iter().zip(&set.steps.categories) {
            for level in 0..category.train.min(TOP) as u32 {
                let is = |p: usize| codes[start + (at(p).round_ties_even() as usize).min(length - 1)] == level;
                out.extend((0..points).map(|p| if is(p) { weight as f32 / 2.0 } else { 0.0 }));
            }
        }
        if set.window.is_none() {
            out.push(libm::log(length as f64) as f32);
            if !gaps.is_empty() {
                let gap = |i: usize| if gaps[i].is_nan() { 0.0 } else { gaps[i].max(0.0).ln_1p() / scale };
                out.extend((0..points).map(|p| (between(&gap, p) * weight) as f32));
            }
            let owner = bag.owners[i];
            out.extend(set.context.raw.iter().map(|raw| if raw[owner].is_nan() { 0.0 } else { raw[owner] as f32 }));
            for (codes, category) in set.context.codes.iter().zip(&set.context.categories) {
                let own = codes[owner];
                out.extend((0..category.train.min(TOP) as u32).map(|level| if own == level { 0.5 } else { 0.0 }));
            }
        }
        out
    };
    let rows: Vec<Vec<f32>> = (0..bag.len()).into_par_iter().map(one).collect();
    Vectors { width: rows.first().map_or(0, Vec::len), values: rows.concat() }
}

/// The distance of each row of `x` to the nearest of `y` that `counts`; infinite where there is none.
fn nearest(x: &Vectors, y: &Vectors, counts: impl Fn(usize, usize) -> bool + Sync) -> Vec<f32> {
    let one = |i: usize| {
        let own = x.row(i);
        let mut best = f32::INFINITY;
        for j in (0..y.rows()).filter(|&j| counts(i, j)) {
            let mut sum = 0.0;
            // What is already farther need not be added up to its end.
            for (a, b) in own.chunks(32).zip(y.row(j).chunks(32)) {
                sum += far(a, b);
                if sum >= best {
                    break;
                }
            }
            best = best.min(sum);
        }
        best
    };
    (0..x.rows()).into_par_iter().map(one).collect()
}

/// The sum of absolute differences, in lanes that processors add side by side.
fn far(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (x, y) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = x.remainder().iter().zip(y.remainder()).map(|(a, b)| (a - b).abs()).sum();
    for (x, y) in x.zip(y) {
        lanes.iter_mut().zip(x.iter().zip(y)).for_each(|(l, (a, b))| *l += (a - b).abs());
    }
    lanes.iter().sum::<f32>() + rest
}

/// Which steps, stretches and whole sequences stand in some series.
struct Copies<'a> {
    set: &'a Set,
    /// The values of each number, and which of them are the same.
    numbers: Vec<(Vec<f64>, Vec<u64>)>,
    gaps: Vec<f64>,
    stretches: FxHashSet<u64>,
    whole: FxHashSet<u64>,
    run: usize,
}

/// What a search found.
struct Found {
    whole: Count,
    windows: Count,
    steps: f64,
}

impl<'a> Copies<'a> {
    fn new(part: &Part<'a>) -> Copies<'a> {
        let set = part.set;
        let every = part.every(None);
        let ranges = || part.spans.iter().map(|s| s.start..s.start + s.length);
        let values = |raw: &Vec<f64>| {
            let mut known: Vec<f64> = ranges().flatten().map(|i| raw[i]).filter(|x| !x.is_nan()).collect();
            known.sort_unstable_by(f64::total_cmp);
            known.dedup();
            let mut group = 0;
            let groups = (0..known.len()).map(|i| {
                group += u64::from(i > 0 && known[i] - known[i - 1] > SAME);
                group
            });
            let groups = groups.collect();
            (known, groups)
        };
        let mut copies = Copies {
            set,
            numbers: set.steps.raw.iter().map(values).collect(),
            gaps: if set.window.is_none() && set.has_gap { set.gaps() } else { Vec::new() },
            stretches: FxHashSet::default(),
            whole: FxHashSet::default(),
            run: set.window.map_or(RUN, |w| w.min(RUN)),
        };
        for range in ranges() {
            let rows: Vec<u64> = range.map(|i| copies.row(i)).collect();
            copies.stretches.extend(rows.windows(copies.run).map(hash));
        }
        let whole = every.ranges().zip(&every.owners);
        copies.whole = whole.map(|(range, &owner)| copies.sequence(range, owner)).collect();
        copies
    }

    /// A step as a number: equal steps have equal ones, and other steps hardly ever.
    fn row(&self, i: usize) -> u64 {
        let one = |(raw, (known, groups)): (&Vec<f64>, &(Vec<f64>, Vec<u64>))| {
            let x = raw[i];
            let above = known.partition_point(|k| *k < x);
            let beside = [above.checked_sub(1), Some(above)].into_iter().flatten().filter(|&j| j < known.len());
            let close = beside.min_by(|&a, &b| (known[a] - x).abs().total_cmp(&(known[b] - x).abs()));
            match close {
                _ if x.is_nan() => 1,
                Some(j) if (known[j] - x).abs() <= SAME => groups[j] + 3,
                // Not a value of these series: like none of theirs.
                _ => 2,
            }
        };
        let numbers = self.set.steps.raw.iter().zip(&self.numbers).map(one);
        let codes = self.set.steps.codes.iter().map(|codes| u64::from(codes[i]));
        let gap = self.gaps.get(i).map(|gap| if gap.is_nan() { 0 } else { (gap * 1_000.0).round() as i64 as u64 });
        numbers.chain(codes).chain(gap).fold(0, |h, word| mix(h ^ word))
    }

    fn sequence(&self, range: Range<usize>, owner: usize) -> u64 {
        let steps = range.map(|i| self.row(i)).collect::<Vec<u64>>();
        if self.set.window.is_some() {
            return hash(&steps);
        }
        let context = &self.set.context;
        let numbers = context
            .raw
            .iter()
            .map(|raw| if raw[owner].is_nan() { u64::MAX } else { (raw[owner] * 1e5).round() as i64 as u64 });
        let codes = context.codes.iter().map(|codes| u64::from(codes[owner]));
        numbers.chain(codes).fold(hash(&steps), |h, word| mix(h ^ word))
    }

    fn count(&self, bag: &Bag<'_>) -> Found {
        let each = |k: usize| {
            let range = bag.starts[k]..bag.starts[k] + bag.lengths[k];
            let rows: Vec<u64> = range.clone().map(|i| self.row(i)).collect();
            let mut copied = vec![false; rows.len()];
            for (i, stretch) in rows.windows(self.run).enumerate() {
                if self.stretches.contains(&hash(stretch)) {
                    copied[i..i + self.run].fill(true);
                }
            }
            (self.whole.contains(&self.sequence(range, bag.owners[k])), copied.iter().filter(|c| **c).count())
        };
        let found: Vec<(bool, usize)> = (0..bag.len()).into_par_iter().map(each).collect();
        Found {
            whole: Count::of(found.iter().map(|f| f.0)),
            windows: Count::of(found.iter().map(|f| f.1 > 0)),
            steps: found.iter().map(|f| f.1).sum::<usize>() as f64 / bag.steps().max(1) as f64,
        }
    }
}

fn hash(words: &[u64]) -> u64 {
    words.iter().fold(words.len() as u64, |h, &word| mix(h ^ word))
}
