//! What synthetic texts are good for: a classifier that learns a label from them, and is tested on fresh real texts, beside one that
//! learns from as many training texts. A logistic regression on [`features`](super::features), `c = 10`; of more than two labels one
//! against the others each. It hardly sees the order of words.

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;

use super::features::Grams;
use super::logistic::Logistic;
use super::set::{Sides, Text};
use super::shape::{Scored, scored};
use super::told::starts;
use crate::Count;
use crate::auc::auc;

/// How much weight the rows have against the penalty.
const WEIGHT: f64 = 10.0;
/// Labels that are told apart, at most: the most frequent.
const LABELS: usize = 20;

/// How well a classifier does on fresh real texts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Skill {
    /// Texts that it sorts right.
    pub right: Count,
    /// Mean of the F1 scores of all labels.
    pub macro_f1: f64,
    /// Mean of the AUCs of each label against the others.
    pub auc: Option<f64>,
}

/// Train on synthetic, test on real.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Utility {
    /// Texts that each classifier learns from.
    pub learnt: usize,
    /// Synthetic texts with a label that training lacks, or with none.
    pub unknown_labels: usize,
    /// Of one that learnt from synthetic texts.
    pub synthetic: Skill,
    /// Of one that learnt from as many training texts.
    pub real: Skill,
    /// Share of the most frequent label among the tested texts.
    pub majority: f64,
    /// How often the second is so much more often right where both are as good (McNemar, Psychometrika 12, 1947).
    pub chance: f64,
}

/// How frequent labels are.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Labels {
    /// The column.
    pub column: String,
    /// Total variation distance of the labels.
    pub distance: Scored,
    /// Each label with its share of the training, the synthetic and the fresh texts; the most frequent.
    pub shares: Vec<Share>,
}

/// How frequent a label is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Share {
    /// What it says.
    pub label: String,
    /// Among the training texts.
    pub real: f64,
    /// Among the synthetic ones.
    pub synthetic: f64,
    /// Among fresh ones.
    pub fresh: f64,
}

/// The labels of training, most frequent first.
fn known(real: &[Text]) -> Vec<&str> {
    let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
    real.iter().filter_map(|t| t.label.as_deref()).for_each(|l| *counts.entry(l).or_default() += 1);
    let mut labels: Vec<(&str, usize)> = counts.into_iter().collect();
    labels.sort_unstable_by_key(|&(label, n)| (std::cmp::Reverse(n), label));
    labels.into_iter().map(|(label, _)| label).collect()
}

pub(super) fn labels(sides: &Sides, column: &str, seed: u64) -> Option<Labels> {
    let known = known(&sides.real);
    if known.is_empty() {
        return None;
    }
    let number: FxHashMap<&str, usize> = known.iter().zip(0..).map(|(l, k)| (*l, k)).collect();
    // Unknown ones and missing ones are the last two.
    let of = |t: &Text| match &t.label {
        Some(label) => number.get(label.as_str()).copied().unwrap_or(known.len()),
        None => known.len() + 1,
    };
    let shares = |labels: &mut dyn Iterator<Item = usize>| {
        let mut out = vec![0.0; known.len() + 2];
        let mut all = 0.0;
        labels.for_each(|l| {
            out[l] += 1.0;
            all += 1.0;
        });
        out.iter_mut().for_each(|x| *x /= f64::max(all, 1.0));
        out
    };
    let [real, made, fresh] = sides.equal();
    let base = shares(&mut real.iter().map(of));
    let both: Vec<usize> = made.iter().chain(fresh).map(of).collect();
    let distance = scored(made.len(), fresh.len(), seed, "text labels", |of| {
        let own = shares(&mut of.iter().map(|&i| both[i]));
        0.5 * base.iter().zip(&own).map(|(a, b)| (a - b).abs()).sum::<f64>()
    });
    let (made, fresh) = (shares(&mut made.iter().map(of)), shares(&mut fresh.iter().map(of)));
    let share = |(k, label): (usize, &&str)| Share {
        label: (*label).to_owned(),
        real: base[k],
        synthetic: made[k],
        fresh: fresh[k],
    };
    let shares = known.iter().enumerate().take(LABELS).map(share).collect();
    Some(Labels { column: column.to_owned(), distance, shares })
}

pub(super) fn utility(sides: &Sides, grams: &Grams) -> Result<Utility, &'static str> {
    let known: Vec<&str> = known(&sides.real).into_iter().take(LABELS).collect();
    let label = |t: &Text| known.iter().position(|k| t.label.as_deref() == Some(k));
    let with = |texts: &[Text], start: usize| -> Vec<(usize, usize)> {
        texts.iter().enumerate().filter_map(|(i, t)| Some((start + i, label(t)?))).collect()
    };
    let [real_at, made_at, fresh_at] = starts(sides);
    let (mut real, mut made) = (with(&sides.real, real_at), with(&sides.synthetic, made_at));
    let tested = with(&sides.fresh, fresh_at);
    let unknown_labels = sides.synthetic.len() - made.len();
    let learnt = real.len().min(made.len());
    real.truncate(learnt);
    made.truncate(learnt);
    let labels = |of: &[(usize, usize)]| {
        let mut there = vec![false; known.len()];
        of.iter().for_each(|(_, l)| there[*l] = true);
        there.into_iter().filter(|t| *t).count()
    };
    if labels(&real) < 2 || labels(&tested) < 2 {
        return Err("needs two labels among the real texts");
    }
    if learnt == 0 {
        return Err("no synthetic text has a label of the training texts");
    }
    let (a, b) =
        rayon::join(|| sorted(grams, &made, &tested, known.len()), || sorted(grams, &real, &tested, known.len()));
    let truth: Vec<usize> = tested.iter().map(|(_, l)| *l).collect();
    let is_right = |found: &Sorted| found.choice.iter().zip(&truth).map(|(a, b)| a == b).collect::<Vec<bool>>();
    let (right_a, right_b) = (is_right(&a), is_right(&b));
    let only = |x: &[bool], y: &[bool]| x.iter().zip(y).filter(|(x, y)| **x && !**y).count();
    let (lost, won) = (only(&right_b, &right_a), only(&right_a, &right_b));
    let most = (0..known.len()).map(|k| truth.iter().filter(|l| **l == k).count()).max().unwrap_or(0);
    Ok(Utility {
        learnt,
        unknown_labels,
        synthetic: skill(&a, &truth, known.len()),
        real: skill(&b, &truth, known.len()),
        majority: most as f64 / truth.len() as f64,
        chance: heads(lost, lost + won),
    })
}

/// The chance of as many heads of `n` throws of a coin, or more.
pub(super) fn heads(heads: usize, n: usize) -> f64 {
    let ln = |k: usize| libm::lgamma(k as f64 + 1.0);
    let one = |k: usize| (ln(n) - ln(k) - ln(n - k) - n as f64 * std::f64::consts::LN_2).exp();
    if heads == 0 { 1.0 } else { (heads..=n).map(one).sum::<f64>().min(1.0) }
}

/// What a classifier says of the tested texts.
struct Sorted {
    choice: Vec<usize>,
    /// The log-odds of each label; of two the first alone.
    scores: Vec<Vec<f64>>,
}

fn sorted(grams: &Grams, learnt: &[(usize, usize)], tested: &[(usize, usize)], labels: usize) -> Sorted {
    let of: Vec<usize> = learnt.iter().map(|(i, _)| *i).collect();
    let features = grams.learn(&of);
    let x = grams.vectors(&features, &of);
    let fresh = grams.vectors(&features, &tested.iter().map(|(i, _)| *i).collect::<Vec<_>>());
    let rows: Vec<usize> = (0..of.len()).collect();
    let count = |label: usize| learnt.iter().filter(|(_, l)| *l == label).count();
    let score = |label: usize| -> Vec<f64> {
        // A label that is all there is, or is not there, needs no learning.
        let sure = match count(label) {
            0 => Some(-100.0),
            n if n == learnt.len() => Some(100.0),
            _ => None,
        };
        if let Some(sure) = sure {
            return vec![sure; tested.len()];
        }
        let model = Logistic::new(&x, &rows, |i| learnt[i].1 == label, WEIGHT);
        (0..tested.len()).map(|i| model.score(fresh.row(i))).collect()
    };
    let scores: Vec<Vec<f64>> = match labels {
        2 => {
            let first = score(0);
            let second = first.iter().map(|s| -s).collect();
            vec![first, second]
        }
        _ => (0..labels).into_par_iter().map(score).collect(),
    };
    let best = |i: usize| {
        let better = |best: usize, k: usize| if scores[k][i] > scores[best][i] { k } else { best };
        (1..labels).fold(0, better)
    };
    Sorted { choice: (0..tested.len()).map(best).collect(), scores }
}

fn skill(found: &Sorted, truth: &[usize], labels: usize) -> Skill {
    let there: Vec<usize> = (0..labels).filter(|k| truth.contains(k)).collect();
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let f1 = |&k: &usize| {
        let both = found.choice.iter().zip(truth).filter(|(a, b)| **a == k && **b == k).count();
        let either = found.choice.iter().filter(|a| **a == k).count() + truth.iter().filter(|b| **b == k).count();
        2.0 * both as f64 / either.max(1) as f64
    };
    let one = |&k: &usize| Some(auc(&found.scores[k], &truth.iter().map(|l| *l == k).collect::<Vec<_>>())?.value);
    let aucs: Vec<f64> = there.iter().filter_map(one).collect();
    Skill {
        right: Count::of(found.choice.iter().zip(truth).map(|(a, b)| a == b)),
        macro_f1: mean(there.iter().map(f1).collect()),
        auc: (!aucs.is_empty()).then(|| mean(aucs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coins_by_hand() {
        assert_eq!(heads(0, 0), 1.0);
        assert!((heads(3, 3) - 0.125).abs() < 1e-12 && (heads(2, 3) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn skill_by_hand() {
        // Truth 0 0 1 1, said 0 1 1 1: F1 of 0 is 2/3, of 1 is 4/5.
        let found =
            Sorted { choice: vec![0, 1, 1, 1], scores: vec![vec![2.0, -1.0, -2.0, -3.0], vec![-2.0, 1.0, 2.0, 3.0]] };
        let skill = skill(&found, &[0, 0, 1, 1], 2);
        assert!((skill.macro_f1 - (2.0 / 3.0 + 0.8) / 2.0).abs() < 1e-12);
        assert_eq!((skill.right.hits, skill.auc), (3, Some(1.0)));
    }
}
