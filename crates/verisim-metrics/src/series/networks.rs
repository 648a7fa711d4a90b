//! What a small recurrent network makes of sequences: can it tell synthetic ones from real ones, and does it learn from them what helps
//! with real ones?
//!
//! **Discriminative score** (TimeGAN; Yoon et al., NeurIPS 2019): accuracy less a half, on sequences that it did not see. Its inputs are the
//! channels of [`Set`](super::set::Set), differences of steps among them, its hidden size is 16 or half of the channels, and it learns 300
//! batches of 64 + 64. With these 300 do what 1,500 do; with the plain inputs and the hidden size of TimeGAN, a network still called
//! Gaussian noise real. So half a point comes far sooner than in papers. A fifth of the sequences is tested on, with others again, until
//! 110 a side are.
//!
//! **Predictive score**: a network with a linear way past it, which begins at "as now", learns the next step of all columns from the steps
//! before: mean distance of numbers, cross-entropy of categories, 400 batches of 128. Trained on synthetic sequences and on as many real
//! ones, tested on held-out ones. Beside it the error of "as now". Not to be compared with TimeGAN's figure, which is of one column,
//! squeezed, and tested on what was trained on.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use verisim_data::rng::{Stream, below, permutation, stream};

use super::bag::{Bag, Part};
use super::gru::{Adam, Batch, Gru, sigmoid};
use super::scores::Repeated;
use super::set::Set;
use super::sides::{MOST, Side, Sides};
use crate::Estimate;

/// Batches of the discriminator.
pub(crate) const BATCHES: usize = 300;
/// Its rows of each side, and its learning rate.
const DISCRIMINATOR: (usize, f32) = (64, 1e-2);
/// Rows and learning rate of the predictor.
const PREDICTOR: (usize, f32) = (128, 5e-3);
/// Parts of the sequences, of which one is tested on.
const PARTS: usize = 5;
/// Most parts that are tested on in turn, and tested sequences of a side after which it is enough.
const FOLDS: (usize, usize) = (5, 110);
/// Steps of all folds together, about: long sequences are tested on fewer folds.
const FOLD_STEPS: usize = 240;
/// Most tested sequences of a fold and side.
const TESTED: usize = 400;
/// Most sequences that a predictor is tested on.
const MOST_TESTED: usize = 1_000;
/// Steps that networks see, at most.
const LONGEST: usize = 150;
/// Fewest sequences a side.
pub(crate) const LEAST: usize = 10;
/// Rows that are looked at together where nothing is learnt.
const CHUNK: usize = 256;
/// Steps of the networks that predict together: short sequences are predicted several times.
const REPEAT_STEPS: usize = 72;
/// Most repetitions of a predictor.
const REPEATS: usize = 3;

/// How well a network tells sequences apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Told {
    /// Accuracy less a half, without its sign: 0 where it guesses, 0.5 where it always knows.
    pub score: Estimate,
    /// What chance alone gives on average.
    pub guessing: f64,
    /// Sequences of each side that it was tested on.
    pub tested: usize,
}

/// Discriminative scores, beside those of real series in the synthetic ones' place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Discriminative {
    /// Of the synthetic series.
    pub synthetic: Told,
    /// Of held-out ones.
    pub holdout: Option<Told>,
    /// Of real ones of the same span.
    pub fresh: Option<Told>,
}

/// Errors of networks that predict the next step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Predicted {
    /// Mean absolute error over numbers, which go from 0 to 1 over the training steps.
    pub error: Option<Repeated>,
    /// The same of the last column of numbers.
    pub error_last: Option<Repeated>,
    /// Share of categories predicted right.
    pub accuracy: Option<Repeated>,
}

/// Predictive scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Predictive {
    /// Trained on synthetic sequences.
    pub synthetic: Predicted,
    /// Trained on as many real ones.
    pub real: Predicted,
    /// "As now."
    pub persistence: Predicted,
    /// Error of the first over that of the second; where there are no numbers, of the shares predicted wrong.
    pub ratio: Option<f64>,
    /// Sequences that were trained on.
    pub trained: usize,
    /// Held-out sequences that were tested on.
    pub tested: usize,
}

/// Sequences at `index`, gathered for a network.
fn gather(bag: &Bag<'_>, index: &[usize], steps: usize, batch: &mut Batch, first: usize) {
    let width = bag.set.width;
    for (k, &i) in index.iter().enumerate() {
        let x = bag.inputs(i, steps);
        for (t, row) in x.chunks(width).enumerate() {
            batch.x[(t * batch.rows + first + k) * width..][..width].copy_from_slice(row);
        }
    }
}

fn longest(bag: &Bag<'_>, index: &[usize]) -> usize {
    index.iter().map(|&i| bag.lengths[i]).max().unwrap_or(1).clamp(1, LONGEST)
}

fn draw(count: usize, from: usize, rng: &mut Stream) -> Vec<usize> {
    (0..count).map(|_| below(rng, from as u64) as usize).collect()
}

/// The discriminative scores; `None` where there are too few sequences.
pub(crate) fn discriminative(sides: &Sides<'_>, batches: usize, seed: u64) -> Option<Discriminative> {
    if sides.count < LEAST || sides.set.width == 0 {
        return None;
    }
    let parts: Vec<(Side, [Part<'_>; 2])> =
        Side::TESTED.into_iter().filter_map(|side| Some((side, sides.parts(side, 0)?))).collect();
    // All learn from equally many.
    let left = parts
        .iter()
        .flat_map(|(_, p)| p)
        .map(|part| left(part, &shares(part, &mut stream(seed, "series parts", 0))[0]).len());
    let most = left.min().unwrap_or(0).min(MOST);
    if most < LEAST {
        return None;
    }
    let all: Vec<(Side, &[Part<'_>; 2], usize)> =
        parts.iter().flat_map(|(side, p)| (0..folds(p, seed)).map(move |fold| (*side, p, fold))).collect();
    let told: Vec<(Side, [usize; 2])> =
        all.par_iter().map(|&(side, p, fold)| (side, discriminate(p, fold, most, [batches as u64, seed]))).collect();
    let of = |side: Side| {
        let own = told.iter().filter(|(s, _)| *s == side);
        let [right, tested] = own.fold([0, 0], |[r, n], (_, [a, b])| [r + a, n + b]);
        (tested > 0).then(|| Told::of(right, tested))
    };
    Some(Discriminative { synthetic: of(Side::Synthetic)?, holdout: of(Side::Holdout), fresh: of(Side::Fresh) })
}

impl Told {
    fn of(right: usize, tested: usize) -> Told {
        let accuracy = Estimate::share(right, tested);
        let [low, high] = [accuracy.low(), accuracy.high()].map(|x| x - 0.5);
        let value = (accuracy.value - 0.5).abs();
        // The interval of the accuracy, laid around a score without a sign.
        let half = (high - low) / 2.0;
        let interval = Some([(value - half).max(0.0), (value + half).min(0.5)]);
        Told { score: Estimate { value, interval }, guessing: 0.4 / (tested as f64).sqrt(), tested: tested / 2 }
    }
}

/// Tiles of a part, in five shares.
fn shares<'a>(part: &Part<'a>, rng: &mut Stream) -> Vec<Bag<'a>> {
    let tiles = part.tiles(rng);
    let order = permutation(rng, tiles.len());
    let share = |k: usize| {
        let mut own: Vec<usize> = order.iter().copied().skip(k).step_by(PARTS).collect();
        own.sort_unstable();
        tiles.take(&own)
    };
    (0..PARTS).map(share).collect()
}

/// What may be learnt from while `tested` is tested on.
fn left<'a>(part: &Part<'a>, tested: &Bag<'_>) -> Bag<'a> {
    part.every(Some(tested)).longer(0)
}

/// Tested sequences a side and fold, and the shares of both sides.
fn testing<'a>(parts: &[Part<'a>; 2], seed: u64) -> ([Vec<Bag<'a>>; 2], usize) {
    let mut rng = stream(seed, "series shares", 0);
    let both = parts.each_ref().map(|part| shares(part, &mut rng));
    let fewest = both.iter().flatten().map(Bag::len).min().unwrap_or(0).min(TESTED);
    (both, fewest)
}

fn folds(parts: &[Part<'_>; 2], seed: u64) -> usize {
    let (both, tested) = testing(parts, seed);
    if tested == 0 {
        return 0;
    }
    let mut lengths = both[0].iter().flat_map(|bag| bag.lengths.iter().map(|&l| l as f64)).collect::<Vec<f64>>();
    let length = crate::estimate::quantile(&mut lengths, 0.5).max(1.0) as usize;
    FOLDS.0.min(FOLDS.1.div_ceil(tested)).min(FOLD_STEPS.div_ceil(length)).max(1)
}

/// Right answers and answers of one fold.
fn discriminate(parts: &[Part<'_>; 2], fold: usize, most: usize, [batches, seed]: [u64; 2]) -> [usize; 2] {
    let (shares, tested) = testing(parts, seed);
    let mut rng = stream(seed, "series discriminator", fold as u64);
    let tests = [0, 1].map(|side| shares[side][fold].clone().sample(tested, &mut rng));
    let learnt = [0, 1].map(|side| left(&parts[side], &shares[side][fold]));
    let count = most.min(learnt[0].len()).min(learnt[1].len());
    if count == 0 {
        return [0, 0];
    }
    let learnt = learnt.map(|bag| bag.sample(count, &mut rng));
    let set = tests[0].set;
    let (steps, (rows, rate)) = (batches as usize, DISCRIMINATOR);
    let hidden = (set.width / 2).max(16);
    let mut gru = Gru::new(set.width, hidden, 1, false, &mut rng);
    let mut adam = Adam::new(rate, steps, gru.weights.len());
    for _ in 0..steps {
        let index = [0, 1].map(|_| draw(rows, count, &mut rng));
        let length = longest(&learnt[0], &index[0]).max(longest(&learnt[1], &index[1]));
        let mut batch = Batch { steps: length, rows: 2 * rows, x: vec![0.0; length * 2 * rows * set.width] };
        (0..2).for_each(|side| gather(&learnt[side], &index[side], length, &mut batch, side * rows));
        let ends: Vec<usize> = (0..2)
            .flat_map(|s| index[s].iter().map(|&i| learnt[s].lengths[i].min(length)).collect::<Vec<_>>())
            .collect();
        let (trace, last) = last_states(&gru, &batch, &ends, hidden);
        let out = gru.outputs(&last, &[]);
        // Cross-entropy: the share less the label, over the rows.
        let given: Vec<f32> = out
            .iter()
            .enumerate()
            .map(|(k, z)| (sigmoid(*z) - f32::from(u8::from(k < rows))) / (2 * rows) as f32)
            .collect();
        let mut gradients = vec![0.0; gru.weights.len()];
        let back = gru.outputs_back(&last, &[], &given, &mut gradients);
        let mut states = vec![0.0; batch.steps * batch.rows * hidden];
        for (k, &end) in ends.iter().enumerate() {
            states[((end - 1) * batch.rows + k) * hidden..][..hidden].copy_from_slice(&back[k * hidden..][..hidden]);
        }
        gru.back(&batch, &trace, &states, &mut gradients);
        adam.step(&mut gru.weights, &gradients);
    }
    let mut right = 0;
    for (side, test) in tests.iter().enumerate() {
        let all: Vec<usize> = (0..test.len()).collect();
        for index in all.chunks(CHUNK) {
            let length = longest(test, index);
            let mut batch = Batch { steps: length, rows: index.len(), x: vec![0.0; length * index.len() * set.width] };
            gather(test, index, length, &mut batch, 0);
            let ends: Vec<usize> = index.iter().map(|&i| test.lengths[i].min(length)).collect();
            let (_, last) = last_states(&gru, &batch, &ends, hidden);
            right += gru.outputs(&last, &[]).iter().filter(|z| (**z > 0.0) == (side == 0)).count();
        }
    }
    [right, tests[0].len() + tests[1].len()]
}

/// The states after the last step of each sequence.
fn last_states(gru: &Gru, batch: &Batch, ends: &[usize], hidden: usize) -> (super::gru::Trace, Vec<f32>) {
    let trace = gru.run(batch);
    let last = ends
        .iter()
        .enumerate()
        .flat_map(|(k, &end)| trace.states[(end * batch.rows + k) * hidden..][..hidden].iter().copied());
    let last = last.collect();
    (trace, last)
}

/// The predictive scores; `None` without held-out sequences, or where none has two steps.
pub(crate) fn predictive(set: &Set, batches: usize, seed: u64) -> Option<Predictive> {
    let held = set.holdout()?;
    let mut rng = stream(seed, "series tested", 0);
    let test = held.tiles(&mut rng).sample(MOST_TESTED, &mut rng).longer(1);
    let learnt = [set.synthetic(), set.real()].map(|part| part.every(None));
    let count = learnt[0].len().min(learnt[1].len()).min(MOST);
    let length = learnt[1].longest().min(LONGEST);
    if test.len() == 0 || count == 0 || learnt.iter().any(|bag| bag.longest() < 2) {
        return None;
    }
    let repeats = (REPEAT_STEPS / length.max(1)).clamp(1, REPEATS);
    let all: Vec<(usize, usize)> = (0..2).flat_map(|k| (0..repeats).map(move |r| (k, r))).collect();
    let found: Vec<(usize, Option<Errors>)> = all
        .par_iter()
        .map(|&(k, turn)| {
            let mut rng = stream(seed, "series predictor", (2 * turn + k) as u64);
            let bag = learnt[k].clone().sample(count, &mut rng).longer(1);
            (k, (bag.len() > 0).then(|| predict(&bag, &test, 4 * batches / 3, &mut rng)))
        })
        .collect();
    let of = |k: usize| {
        let own: Vec<Errors> = found.iter().filter(|(i, _)| *i == k).map(|(_, e)| *e).collect::<Option<_>>()?;
        Some(Predicted::of(&own))
    };
    let (synthetic, real) = (of(0)?, of(1)?);
    let share = |a: Option<Repeated>, b: Option<Repeated>| Some(a?.value / b?.value).filter(|r| r.is_finite());
    let wrong = |p: &Predicted| p.accuracy.map(|a| Repeated { value: 1.0 - a.value, ..a });
    let ratio = share(synthetic.error, real.error).or_else(|| share(wrong(&synthetic), wrong(&real)));
    let persistence = Predicted::of(&[as_now(&test)]);
    Some(Predictive { synthetic, real, persistence, ratio, trained: count, tested: test.len() })
}

/// Errors of one network.
#[derive(Clone, Copy, Debug)]
struct Errors {
    mean: Option<f64>,
    last: Option<f64>,
    accuracy: Option<f64>,
}

impl Predicted {
    fn of(all: &[Errors]) -> Predicted {
        let of = |of: fn(&Errors) -> Option<f64>| Repeated::of(&all.iter().map(of).collect::<Option<Vec<f64>>>()?);
        Predicted { error: of(|e| e.mean), error_last: of(|e| e.last), accuracy: of(|e| e.accuracy) }
    }
}

/// Sums of errors over steps.
struct Sums {
    /// Of each number: sum and count.
    numbers: Vec<(f64, f64)>,
    /// Of each category: hits and count.
    categories: Vec<(f64, f64)>,
}

impl Sums {
    fn new(set: &Set) -> Sums {
        Sums { numbers: vec![(0.0, 0.0); set.filled.len()], categories: vec![(0.0, 0.0); set.steps.codes.len()] }
    }

    fn errors(&self) -> Errors {
        let mean = |sums: &[(f64, f64)]| {
            let rates = sums.iter().map(|(sum, n)| sum / n.max(1.0));
            (!sums.is_empty()).then(|| rates.sum::<f64>() / sums.len() as f64)
        };
        let last = self.numbers.last().map(|(sum, n)| sum / n.max(1.0));
        Errors { mean: mean(&self.numbers), last, accuracy: mean(&self.categories) }
    }
}

/// The errors of "as now".
fn as_now(test: &Bag<'_>) -> Errors {
    let set = test.set;
    let mut sums = Sums::new(set);
    for i in test.ranges().flat_map(|r| r.start..r.start + r.len().min(LONGEST) - 1) {
        for (k, sum) in sums.numbers.iter_mut().enumerate().filter(|(k, _)| !set.steps.raw[*k][i + 1].is_nan()) {
            *sum = (sum.0 + (set.filled[k][i + 1] - set.filled[k][i]).abs(), sum.1 + 1.0);
        }
        for (codes, sum) in set.steps.codes.iter().zip(&mut sums.categories) {
            *sum = (sum.0 + f64::from(u8::from(codes[i] == codes[i + 1])), sum.1 + 1.0);
        }
    }
    sums.errors()
}

/// Learns to predict the sequences of `bag`, and predicts those of `test`.
fn predict(bag: &Bag<'_>, test: &Bag<'_>, steps: usize, rng: &mut Stream) -> Errors {
    let set = bag.set;
    let numbers = set.filled.len();
    let sizes: Vec<usize> = set.steps.categories.iter().map(|c| c.classes()).collect();
    let outputs = numbers + sizes.iter().sum::<usize>();
    let hidden = set.width.max(16);
    let (rows, rate) = PREDICTOR;
    let mut gru = Gru::new(set.width, hidden, outputs, true, rng);
    gru.calm(numbers);
    let mut adam = Adam::new(rate, steps, gru.weights.len());
    let mut sums = Sums::new(set);
    for _ in 0..steps {
        let index = draw(rows, bag.len(), rng);
        let (batch, trace, out) = look(&gru, bag, &index);
        let targets = Targets::of(bag, &index, batch.steps);
        let given = targets.slopes(&out, numbers, &sizes);
        let mut gradients = vec![0.0; gru.weights.len()];
        let states = &trace.states[batch.rows * hidden..];
        let back = gru.outputs_back(states, &batch.x, &given, &mut gradients);
        gru.back(&batch, &trace, &back, &mut gradients);
        adam.step(&mut gru.weights, &gradients);
    }
    let all: Vec<usize> = (0..test.len()).collect();
    for index in all.chunks(CHUNK) {
        let (batch, _, out) = look(&gru, test, index);
        Targets::of(test, index, batch.steps).score(&out, numbers, &sizes, &mut sums);
    }
    sums.errors()
}

/// Runs the network over all steps but the last.
fn look(gru: &Gru, bag: &Bag<'_>, index: &[usize]) -> (Batch, super::gru::Trace, Vec<f32>) {
    let length = longest(bag, index).max(2) - 1;
    let mut batch = Batch { steps: length, rows: index.len(), x: vec![0.0; length * index.len() * bag.set.width] };
    gather(bag, index, length, &mut batch, 0);
    let trace = gru.run(&batch);
    let out = gru.outputs(&trace.states[trace.states.len() / (length + 1)..], &batch.x);
    (batch, trace, out)
}

/// What is to be predicted at each step and row of a batch: the row of the set before it, if there is one after it.
struct Targets<'a> {
    set: &'a Set,
    at: Vec<Option<usize>>,
}

impl<'a> Targets<'a> {
    fn of(bag: &Bag<'a>, index: &[usize], steps: usize) -> Targets<'a> {
        let one = |t: usize, i: usize| (t + 1 < bag.lengths[i]).then(|| bag.starts[i] + t);
        Targets { set: bag.set, at: (0..steps).flat_map(|t| index.iter().map(move |&i| one(t, i))).collect() }
    }

    /// The gradients of the loss by the outputs.
    fn slopes(&self, out: &[f32], numbers: usize, sizes: &[usize]) -> Vec<f32> {
        let outputs = numbers + sizes.iter().sum::<usize>();
        let known = |i: usize, k: usize| !self.set.steps.raw[k][i + 1].is_nan();
        let weight: usize = self.at.iter().flatten().map(|&i| (0..numbers).filter(|&k| known(i, k)).count()).sum();
        let there = self.at.iter().flatten().count();
        let mut slopes = vec![0.0; out.len()];
        for (row, i) in self.at.iter().enumerate().filter_map(|(row, i)| Some((row, (*i)?))) {
            let (out, slopes) = (&out[row * outputs..][..outputs], &mut slopes[row * outputs..][..outputs]);
            for k in (0..numbers).filter(|&k| known(i, k)) {
                let error = self.set.filled[k][i] + f64::from(out[k]) - self.set.filled[k][i + 1];
                slopes[k] = if error == 0.0 { 0.0 } else { error.signum() as f32 / weight.max(1) as f32 };
            }
            let mut from = numbers;
            for (k, &size) in sizes.iter().enumerate() {
                let scores = &out[from..from + size];
                let most = scores.iter().copied().fold(f32::MIN, f32::max);
                let shares: Vec<f32> = scores.iter().map(|s| super::gru::exp(s - most)).collect();
                let (sum, class) = (shares.iter().sum::<f32>(), self.class(k, i + 1));
                for (c, share) in shares.iter().enumerate() {
                    let gap = share / sum - f32::from(u8::from(c == class));
                    slopes[from + c] = gap / (there.max(1) * sizes.len()) as f32;
                }
                from += size;
            }
        }
        slopes
    }

    fn class(&self, k: usize, row: usize) -> usize {
        self.set.steps.categories[k].class(self.set.steps.codes[k][row])
    }

    fn score(&self, out: &[f32], numbers: usize, sizes: &[usize], sums: &mut Sums) {
        let outputs = numbers + sizes.iter().sum::<usize>();
        for (row, i) in self.at.iter().enumerate().filter_map(|(row, i)| Some((row, (*i)?))) {
            let out = &out[row * outputs..][..outputs];
            for k in (0..numbers).filter(|&k| !self.set.steps.raw[k][i + 1].is_nan()) {
                let error = (self.set.filled[k][i] + f64::from(out[k]) - self.set.filled[k][i + 1]).abs();
                sums.numbers[k] = (sums.numbers[k].0 + error, sums.numbers[k].1 + 1.0);
            }
            let mut from = numbers;
            for (k, &size) in sizes.iter().enumerate() {
                let best = (0..size).max_by(|&a, &b| out[from + a].total_cmp(&out[from + b])).unwrap_or(0);
                let hit = f64::from(u8::from(best == self.class(k, i + 1)));
                sums.categories[k] = (sums.categories[k].0 + hit, sums.categories[k].1 + 1.0);
                from += size;
            }
        }
    }
}
