//! Can synthetic texts be told from real ones? Two tests, each in five folds: the chance that a real text is taken to be more real than
//! a synthetic one. 0.5: they cannot; 1: always.
//!
//! - **By words and spelling**: training against synthetic texts, a logistic regression on [`features`](super::features); `c = 3`. Clearly
//!   below 0.5: synthetic texts repeat training texts, whose twin with the other label is in another fold.
//! - **By order**: fresh against synthetic texts, `log P(real) - log P(synthetic)` a character of two language models
//!   ([`kneser`](super::kneser)). Beside it fresh against training texts. (Against training, runs that any generator repeats would bring it
//!   far below 0.5.)

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::features::Grams;
use super::kneser::{Alphabet, Characters, Cost};
use super::logistic::Logistic;
use super::set::{Sides, Text};
use crate::Estimate;
use crate::auc::auc;

const FOLDS: usize = 5;
/// How much weight the rows have against the penalty.
const WEIGHT: f64 = 3.0;

/// An AUC of synthetic texts, and of fresh real ones in their place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Told {
    /// Of the synthetic texts.
    pub synthetic: Estimate,
    /// Of fresh real texts, or of training texts, in their place.
    pub fresh: Estimate,
}

/// Two-sample tests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TwoSample {
    /// Training against synthetic texts, by words and spelling.
    pub words: Told,
    /// Fresh against synthetic texts, by language models.
    pub order: Told,
}

/// Where the texts of the sides begin in [`Grams`] of all of them: real, synthetic, fresh.
pub(super) fn starts(sides: &Sides) -> [usize; 3] {
    [0, sides.real.len(), sides.real.len() + sides.synthetic.len()]
}

pub(super) fn two_sample(sides: &Sides, grams: &Grams) -> Option<TwoSample> {
    let ((synthetic, fresh), order) =
        rayon::join(|| rayon::join(|| words(sides, grams, 1), || words(sides, grams, 2)), || order(sides));
    Some(TwoSample { words: Told { synthetic: synthetic?, fresh: fresh? }, order: order? })
}

/// Real texts against those of another side.
fn words(sides: &Sides, grams: &Grams, other: usize) -> Option<Estimate> {
    let (n, starts) = (sides.count, starts(sides));
    let of: Vec<usize> = (0..n).chain(starts[other]..starts[other] + n).collect();
    let x = grams.vectors(&grams.learn(&of), &of);
    let fold = |fold: usize| {
        let (tested, learnt): (Vec<usize>, Vec<usize>) = (0..2 * n).partition(|i| i % n % FOLDS == fold);
        let model = Logistic::new(&x, &learnt, |i| i < n, WEIGHT);
        let scores: Vec<f64> = tested.iter().map(|&i| model.score(x.row(i))).collect();
        (scores, tested.iter().map(|&i| i < n).collect::<Vec<bool>>())
    };
    mean((0..FOLDS).into_par_iter().map(fold).collect())
}

/// The mean over folds.
fn mean(folds: Vec<(Vec<f64>, Vec<bool>)>) -> Option<Estimate> {
    let each: Vec<_> = folds.iter().filter_map(|(scores, positive)| auc(scores, positive)).collect();
    if each.len() < FOLDS {
        return None;
    }
    let k = each.len() as f64;
    let value = each.iter().map(|a| a.value).sum::<f64>() / k;
    let error = each.iter().map(|a| a.error().powi(2)).sum::<f64>().sqrt() / k;
    Some(Estimate::normal(value, error, 0.0, 1.0))
}

fn order(sides: &Sides) -> Option<Told> {
    let [real, made, fresh] = sides.equal();
    let sets = [fresh, made, real];
    let alphabet = Alphabet::new(sets.into_iter().flatten().map(|t| t.raw.as_str()));
    let part = |texts: &[Text], of: &dyn Fn(usize) -> bool| -> Vec<usize> {
        (0..texts.len()).filter(|i| of(i % FOLDS)).collect()
    };
    // What the texts of a fold of each set cost under a model of the other folds of one.
    let costs = |job: usize| -> [Vec<Cost>; 3] {
        let (own, fold) = (job % 3, job / 3);
        let learnt: Vec<&str> =
            part(sets[own], &|f| f != fold).into_iter().map(|i| sets[own][i].raw.as_str()).collect();
        let model = Characters::within(&alphabet, &learnt);
        [0, 1, 2].map(|other| match own == other || own == 0 || other == 0 {
            true => part(sets[other], &|f| f == fold).into_iter().map(|i| model.cost(&sets[other][i].raw)).collect(),
            false => Vec::new(),
        })
    };
    let costs: Vec<[Vec<Cost>; 3]> = (0..3 * FOLDS).into_par_iter().map(costs).collect();
    let against = |other: usize| {
        let fold = |fold: usize| {
            let [own, others] = [0, other].map(|set| &costs[3 * fold + set]);
            let (mut scores, mut positive) = (Vec::new(), Vec::new());
            for set in [0, other] {
                let pairs = own[set].iter().zip(&others[set]);
                scores.extend(pairs.map(|(own, other)| (other.bits - own.bits) / own.tokens));
                positive.resize(scores.len(), set == 0);
            }
            (scores, positive)
        };
        mean((0..FOLDS).map(fold).collect())
    };
    Some(Told { synthetic: against(1)?, fresh: against(2)? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::text::tests::{sides, wording};

    #[test]
    fn order_is_seen_by_language_models_alone() {
        let real = wording(0..240);
        let turned: Vec<String> =
            wording(240..480).iter().map(|t| t.split(' ').rev().collect::<Vec<_>>().join(" ")).collect();
        let sides = sides(&real, &turned, Some(&wording(480..720)));
        let grams = Grams::new(sides.real.iter().chain(&sides.synthetic).chain(&sides.fresh));
        let found = two_sample(&sides, &grams).unwrap();
        assert!(found.order.synthetic.value > 0.95 && found.order.fresh.low() < 0.55, "{found:?}");
        assert!(found.words.fresh.low() < 0.52, "{found:?}");
    }

    #[test]
    fn a_copy_falls_below_chance() {
        let real = wording(0..240);
        let sides = sides(&real, &real, Some(&wording(240..480)));
        let grams = Grams::new(sides.real.iter().chain(&sides.synthetic).chain(&sides.fresh));
        let found = two_sample(&sides, &grams).unwrap();
        assert!(found.words.synthetic.high() < 0.45, "{found:?}");
    }
}
