//! The scores that are numbers of two sets of sequences: computed for the synthetic series, for held-out ones in their place, and for real
//! ones of the training series' own span, several times each.
//!
//! **Three columns.** *Synthetic*: training series against synthetic ones. *Hold-out*: against real series that the generator never saw;
//! where a long series drifts, these are of another time. *Fresh*: real series that are as new as synthetic ones should be: of long
//! series every other block (eight windows) of the training series against the blocks between, of others two halves of all real sequences
//! by chance. All have the same number of sequences. What is judged by is a fourth, *mixed*: halves by chance of training and synthetic
//! sequences together. Were they of one kind, it would not matter which is called what, outliers included (a permutation test; Fisher,
//! 1935).

use rayon::prelude::*;
use verisim_data::rng::stream;

use super::bag::{Bag, Part};
use super::dynamics::Reach;
use super::scores::{Repeated, Score, Scores, Statistics};
use super::set::Set;
use super::{dynamics, facts, frechet, marginal, panel};

/// Repetitions of small evaluations and of large ones.
const REPEATS: [usize; 2] = [12, 4];
/// Numbers that all repetitions together may look at, roughly; some seconds.
const WORK: usize = 60_000_000;
/// Most sequences of a side.
pub(crate) const MOST: usize = 2_000;

/// Real series that are put in the place of synthetic ones, and these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Synthetic,
    Holdout,
    Fresh,
    Mixed,
}

/// The sets that are compared, equally many sequences of each.
#[derive(Clone, Debug)]
pub(crate) struct Sides<'a> {
    pub set: &'a Set,
    /// Sequences a side.
    pub count: usize,
    pub repeats: usize,
    seed: u64,
}

impl<'a> Sides<'a> {
    pub fn new(set: &'a Set, seed: u64) -> Sides<'a> {
        let mut sides = Sides { set, count: MOST, repeats: REPEATS[0], seed };
        let fewest = |repeats: usize| {
            let sides = &sides;
            let all =
                Side::ALL.into_iter().flat_map(move |side| (0..repeats).filter_map(move |r| sides.parts(side, r)));
            let tiles = all.flat_map(|parts| parts.map(|part| part.tiles(&mut stream(seed, "series count", 0)).len()));
            tiles.min().unwrap_or(0)
        };
        // Offsets by chance give or take a window; the rest is taken care of where sequences are drawn.
        sides.count = fewest(3).min(MOST);
        let length = set.window.unwrap_or_else(|| set.rows() / set.real.len().max(1));
        let work = 6 * sides.count * length * (set.width + 10);
        sides.repeats = (WORK / work.max(1)).clamp(REPEATS[1], REPEATS[0]);
        sides
    }

    /// The two sets of series of a side, for repetition `turn`: those in the place of training, those in the place of synthetic ones.
    pub fn parts(&self, side: Side, turn: usize) -> Option<[Part<'a>; 2]> {
        let real = self.set.real();
        match side {
            Side::Synthetic => Some([real, self.set.synthetic()]),
            Side::Holdout => Some([real, self.set.holdout()?]),
            Side::Fresh => {
                let mut rng = stream(self.seed, "series halves", turn as u64);
                match (self.set.window, &self.set.holdout) {
                    (None, Some(held)) => {
                        let pool = Part::new(self.set, [&self.set.real[..], held].concat());
                        pool.halves(turn, &mut rng)
                    }
                    _ => real.halves(turn, &mut rng),
                }
            }
            Side::Mixed => {
                let mut rng = stream(self.seed, "series mixed", turn as u64);
                // Whole sequences by as many of both; of long series the blocks that there are.
                let parts = [real, self.set.synthetic()].map(|part| match self.set.window {
                    Some(_) => part.spans,
                    None => part.some(0, self.count, &mut rng).spans,
                });
                Part::new(self.set, parts.concat()).halves(turn + 1, &mut rng)
            }
        }
    }

    /// The sequences of a side, for repetition `turn`: equally many of both, and of every side.
    pub fn bags(&self, side: Side, turn: usize) -> Option<[Bag<'a>; 2]> {
        let mut rng = stream(self.seed, "series tiles", turn as u64);
        let [a, b] = self.parts(side, turn)?.map(|part| part.tiles(&mut rng).sample(self.count, &mut rng));
        let least = a.len().min(b.len());
        (least > 0).then(|| [a, b].map(|bag| bag.sample(least, &mut rng)))
    }

    /// All scores of all sides.
    pub fn scores(&self, reach: Reach, prices: &[usize]) -> Scores {
        let all: Vec<(Side, usize)> =
            Side::ALL.into_iter().flat_map(|s| (0..self.repeats).map(move |r| (s, r))).collect();
        let found: Vec<(Side, Statistics)> = all
            .par_iter()
            .filter_map(|&(side, turn)| {
                let [a, b] = self.bags(side, turn)?;
                Some((side, statistics(&a, &b, reach, prices, self.seed.wrapping_add(turn as u64))))
            })
            .collect();
        Scores::of(|of| {
            let repeated = |side: Side| {
                let values: Option<Vec<f64>> = found.iter().filter(|(s, _)| *s == side).map(|(_, s)| of(s)).collect();
                Repeated::of(&values?)
            };
            let synthetic = repeated(Side::Synthetic)?;
            let [holdout, fresh, mixed] = [Side::Holdout, Side::Fresh, Side::Mixed].map(repeated);
            Some(Score { synthetic, holdout, fresh, mixed })
        })
    }
}

impl Side {
    pub const ALL: [Side; 4] = [Side::Synthetic, Side::Holdout, Side::Fresh, Side::Mixed];
    /// Those that classifiers are tested on.
    pub const TESTED: [Side; 3] = [Side::Synthetic, Side::Holdout, Side::Fresh];
}

/// The scores of `b` beside `a`.
pub(crate) fn statistics(a: &Bag<'_>, b: &Bag<'_>, reach: Reach, prices: &[usize], seed: u64) -> Statistics {
    let mut out = Statistics::default();
    marginal::compare(a, b, &mut out);
    dynamics::compare(a, b, reach, &mut out);
    if a.set.window.is_none() {
        panel::compare(a, b, &mut out);
    } else {
        panel::transitions(a, b, &mut out);
        panel::intervals(a, b, &mut out);
    }
    facts::compare(a, b, prices, reach.lags, &mut out);
    out.frechet = frechet::distance(a, b, seed);
    out
}
