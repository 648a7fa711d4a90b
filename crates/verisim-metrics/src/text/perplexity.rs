//! How well language models that count runs of characters and words ([`kneser`](super::kneser)) foretell texts.
//!
//! - **Forward**: learnt from the training texts; the perplexity of the synthetic ones beside that of fresh ones. Far below: too typical,
//!   or copied. Far above: unlike.
//! - **Reverse**: learnt from the synthetic texts; the perplexity of fresh ones, beside that by a model of as many training characters.
//!   What synthetic texts lack shows here.
//! - **Neutral**: learnt from the fresh texts, which no generator saw; the perplexity of the synthetic ones beside that of the training
//!   texts. A copy is at the floor here, and far below it in forward.
//! - **Spread**: Kolmogorov-Smirnov distance of the bits a character of synthetic and of fresh texts, under the forward model; beside it
//!   that of training and fresh texts, under a model of the other half of training.
//!
//! How far chance takes the reverse perplexity is told by models of halves of the training texts, in four ways to halve them.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::chance;
use super::kneser::{Characters, Cost, WordModel};
use super::set::{Sides, Text};
use super::shape::{Scored, ks};

/// Characters that a model learns from, and that are foretold, at most.
const LEARNT: usize = 2_000_000;
const FORETOLD: usize = 400_000;
/// Ways to halve the training texts by which chance is measured.
const HALVINGS: usize = 4;
/// What Student's t exceeds once in a hundred times with as many degrees of freedom.
const T: f64 = 3.747;

/// Perplexities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Perplexity {
    /// Of synthetic texts, under a model of training.
    pub forward: Scored,
    /// Of fresh texts, under a model of synthetic ones.
    pub reverse: Scored,
    /// Of synthetic texts, under a model of fresh ones.
    pub neutral: Scored,
}

/// What language models say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Perplexities {
    /// Of runs of six characters; a perplexity a character.
    pub characters: Perplexity,
    /// Of runs of three words; a perplexity a word. Null where texts hold hardly any.
    pub words: Option<Perplexity>,
    /// How far the bits a character of synthetic texts are spread as those of fresh ones.
    pub spread: Scored,
}

/// Texts to learn from, and how many characters.
pub(super) fn at_most(texts: &[Text], characters: usize) -> &[Text] {
    let mut got = 0;
    let end = texts.iter().position(|t| {
        let is_enough = got >= characters;
        got += t.length + 1;
        is_enough
    });
    &texts[..end.unwrap_or(texts.len())]
}

fn size(texts: &[Text]) -> usize {
    texts.iter().map(|t| t.length + 1).sum()
}

/// A model of some texts, as what it says of others.
type Says<'a> = Box<dyn Fn(&[Text]) -> Vec<Cost> + Sync + Send + 'a>;

fn characters(learnt: &[&Text]) -> Says<'static> {
    let raw: Vec<&str> = learnt.iter().map(|t| t.raw.as_str()).collect();
    let model = Characters::new(&raw);
    Box::new(move |texts| texts.iter().map(|t| model.cost(&t.raw)).collect())
}

fn words<'a>(learnt: &[&Text], sides: &'a Sides) -> Says<'a> {
    let model = WordModel::new(learnt, &sides.words.spelt);
    Box::new(move |texts| texts.iter().map(|t| model.cost(t, &sides.words.spelt)).collect())
}

pub(super) fn perplexities(sides: &Sides, seed: u64) -> Perplexities {
    let ((characters, spread), words) = rayon::join(
        || {
            let (found, made, fresh) = perplexity(sides, &characters, seed, "text perplexity");
            (found, spread(sides, &made, &fresh))
        },
        || sides.has_words.then(|| perplexity(sides, &|learnt| words(learnt, sides), seed, "text words told").0),
    );
    Perplexities { characters, words, spread }
}

/// The perplexities by models that `learn` makes, and what synthetic and fresh texts cost under the forward one.
fn perplexity<'a>(
    sides: &Sides,
    learn: &(dyn Fn(&[&Text]) -> Says<'a> + Sync),
    seed: u64,
    purpose: &str,
) -> (Perplexity, Vec<Cost>, Vec<Cost>) {
    let same = size(&sides.real).min(size(&sides.synthetic)).min(LEARNT);
    let foretold = [&sides.synthetic, &sides.fresh, &sides.real].map(|texts| at_most(texts, FORETOLD));
    let [made, fresh, real] = foretold;
    let all = at_most(&sides.real, LEARNT);
    // The texts are in an order of chance: halves by one binary digit of their place have a quarter in common with those by another.
    let half = |k: usize| all.iter().enumerate().filter(|(i, _)| i >> (k / 2) & 1 == k % 2).map(|(_, t)| t).collect();
    // What to learn from, and what to foretell.
    let jobs: Vec<(Vec<&Text>, Vec<&[Text]>)> = [
        (all, vec![made, fresh]),
        (at_most(&sides.fresh, LEARNT), vec![made, real]),
        (at_most(&sides.synthetic, same), vec![fresh]),
        (at_most(&sides.real, same), vec![fresh]),
    ]
    .into_iter()
    .map(|(learnt, foretold)| (learnt.iter().collect(), foretold))
    .chain((0..2 * HALVINGS).map(|k| (half(k), vec![fresh])))
    .collect();
    let mut said: Vec<Vec<Vec<Cost>>> = jobs
        .par_iter()
        .map(|(learnt, foretold)| {
            let says = learn(learnt);
            foretold.iter().map(|texts| says(texts)).collect()
        })
        .collect();
    let of_halves: Vec<f64> = said.split_off(4).iter().map(|costs| Cost::sum(&costs[0]).rate()).collect();
    let compared = |made: &[Cost], real: &[Cost]| {
        let both = [made, real].concat();
        let rate = |of: &[usize]| Cost::sum(of.iter().map(|&i| &both[i])).rate();
        let chance = chance::of_difference([made.len(), real.len()], seed, purpose, |[a, b]| (rate(a) - rate(b)).abs());
        Scored { value: Cost::perplexity(made), floor: Cost::perplexity(real), chance }
    };
    let [value, floor] = [&said[2][0], &said[3][0]].map(Cost::sum);
    let squares: f64 = of_halves.chunks_exact(2).map(|pair| (pair[0] - pair[1]).powi(2)).sum();
    // Models of fewer texts than a half differ by more; those of more texts by less, which is not counted on.
    let fewer = size(all) as f64 / 2.0 / same.max(1) as f64;
    let doubt = T * (squares / HALVINGS as f64 * fewer.max(1.0)).sqrt();
    let reverse = Scored {
        value: value.rate().min(60.0).exp2(),
        floor: floor.rate().min(60.0).exp2(),
        // Only whether it is beyond doubt is known: the tail that Student's t has there.
        chance: tail((value.rate() - floor.rate()) / doubt.max(1e-9)),
    };
    let found = Perplexity {
        forward: compared(&said[0][0], &said[0][1]),
        reverse,
        neutral: compared(&said[1][0], &said[1][1]),
    };
    let mut forward = said.swap_remove(0).into_iter();
    (found, forward.next().unwrap_or_default(), forward.next().unwrap_or_default())
}

/// One in a hundred where `x` is 1: the tail of Student's t with four degrees of freedom, near enough.
fn tail(x: f64) -> f64 {
    match x {
        x if x <= 0.0 => 1.0,
        x if x < 1.0 => 0.5 * 0.02_f64.powf(x),
        x => 0.01 * x.powf(-4.0),
    }
}

fn spread(sides: &Sides, made: &[Cost], fresh: &[Cost]) -> Scored {
    let all = at_most(&sides.real, LEARNT);
    let (learnt, other) = all.split_at(all.len().div_ceil(2));
    let says = characters(&learnt.iter().collect::<Vec<_>>());
    let rates = |costs: &[Cost]| costs.iter().map(Cost::rate).collect::<Vec<f64>>();
    let value = ks(&rates(made), &rates(fresh));
    Scored {
        value,
        floor: ks(&rates(&says(other)), &rates(&says(at_most(&sides.fresh, FORETOLD)))),
        chance: chance::of_ks(value, [made.len(), fresh.len()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_falls_through_one_in_a_hundred() {
        assert!((tail(1.0) - 0.01).abs() < 1e-12 && (tail(1.0 - 1e-9) - 0.01).abs() < 1e-6);
        assert!(tail(0.3) > 0.01 && tail(1.1) < 0.01 && tail(-2.0) == 1.0);
    }

    #[test]
    fn texts_are_taken_up_to_so_many_characters() {
        let (texts, _) = crate::text::tests::texts(&["abc", "de", "f"]);
        assert_eq!([0, 1, 4, 5, 7, 100].map(|n| at_most(&texts, n).len()), [0, 1, 1, 2, 2, 3]);
    }
}
