//! How long texts are, and which signs and words they use.
//!
//! Lengths are compared by the Kolmogorov-Smirnov distance of the characters and of the words of a text. Characters (case kept) and words
//! (in lower case) by the total variation distance of how often each is used, all against the training texts; and new words are the
//! share of used words that no training text has.

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;

use super::chance;
use super::set::{Sides, Text};

/// A score of the synthetic texts, and of fresh real ones in their place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Scored {
    /// Of the synthetic texts.
    pub value: f64,
    /// Of fresh real texts, equally many.
    pub floor: f64,
    /// How often fresh real texts are so much worse than others, or so far from them.
    pub chance: f64,
}

/// How long texts are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Lengths {
    /// Kolmogorov-Smirnov distance of characters.
    pub characters: Scored,
    /// Of words; null where texts hold hardly any.
    pub words: Option<Scored>,
    /// Mean characters of a synthetic text and of a training text.
    pub mean_characters: [f64; 2],
}

/// Which signs and words texts use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Vocabulary {
    /// Total variation distance of characters.
    pub characters: Scored,
    /// Of words.
    pub words: Option<Scored>,
    /// Share of used words that training lacks.
    pub new_words: Option<Scored>,
}

pub(super) fn lengths(sides: &Sides, seed: u64) -> Lengths {
    let [real, synthetic, fresh] = sides.equal();
    let of = |length: fn(&Text) -> usize, purpose| {
        let real = Steps::new(real.iter().map(length));
        let both: Vec<usize> = synthetic.iter().chain(fresh).map(length).collect();
        let ks = |of: &[usize]| real.ks(of.iter().map(|&i| both[i]));
        scored(synthetic.len(), fresh.len(), seed, purpose, ks)
    };
    let mean = |texts: &[Text]| texts.iter().map(|t| t.length as f64).sum::<f64>() / texts.len().max(1) as f64;
    Lengths {
        characters: of(|t| t.length, "text characters"),
        words: sides.has_words.then(|| of(|t| t.words.len(), "text words")),
        mean_characters: [mean(synthetic), mean(real)],
    }
}

pub(super) fn vocabulary(sides: &Sides, seed: u64) -> Vocabulary {
    let [real, synthetic, fresh] = sides.equal();
    let mut ids = FxHashMap::default();
    let mut signs = |texts: &[Text]| -> Vec<Used> {
        texts
            .iter()
            .map(|t| {
                let number = |c: char| {
                    let next = ids.len() as u32;
                    *ids.entry(c).or_insert(next)
                };
                used(t.raw.chars().map(number).collect())
            })
            .collect()
    };
    let [real_signs, both_signs] = [signs(real), [signs(synthetic), signs(fresh)].concat()];
    let words = |texts: &[Text]| texts.iter().map(|t| used(t.words.clone())).collect::<Vec<Used>>();
    let (real_words, both_words) = (words(real), [words(synthetic), words(fresh)].concat());
    let size = sides.words.spelt.len();
    let compared = |real: &[Used], both: &[Used], size: usize, purpose| {
        let base = shares(real, size);
        let distance = |of: &[usize]| {
            let own = shares(of.iter().map(|&i| &both[i]), size);
            0.5 * base.iter().zip(&own).map(|(a, b)| (a - b).abs()).sum::<f64>()
        };
        scored(synthetic.len(), fresh.len(), seed, purpose, distance)
    };
    let mut known = vec![false; size];
    sides.real.iter().flat_map(|t| &t.words).for_each(|&w| known[w as usize] = true);
    let count = |used: &Used| {
        let new: u32 = used.iter().filter(|(w, _)| !known[*w as usize]).map(|(_, n)| n).sum();
        (f64::from(new), f64::from(used.iter().map(|(_, n)| n).sum::<u32>()))
    };
    let new: Vec<(f64, f64)> = both_words.iter().map(count).collect();
    let rate = |of: &[usize]| {
        let (new, all) = of.iter().map(|&i| new[i]).fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
        new / f64::max(all, 1.0)
    };
    // Fewer new words than fresh texts have is a sign as well: of a generator that repeats.
    let two_sided = |found: Scored| {
        let chance =
            chance::of_difference([synthetic.len(), fresh.len()], seed, "text new", |[a, b]| (rate(a) - rate(b)).abs());
        Scored { chance, ..found }
    };
    let of_words = || {
        let new = Scored {
            value: rate(&(0..synthetic.len()).collect::<Vec<_>>()),
            floor: rate(&(synthetic.len()..both_words.len()).collect::<Vec<_>>()),
            chance: 1.0,
        };
        (compared(&real_words, &both_words, size, "text vocabulary"), two_sided(new))
    };
    let words = sides.has_words.then(of_words);
    Vocabulary {
        characters: compared(&real_signs, &both_signs, ids.len(), "text signs"),
        words: words.map(|w| w.0),
        new_words: words.map(|w| w.1),
    }
}

/// The score of the first `a` texts, of the `b` after them, and how often fresh ones differ so much to the worse.
pub(super) fn scored(a: usize, b: usize, seed: u64, purpose: &str, score: impl Fn(&[usize]) -> f64 + Sync) -> Scored {
    let [first, second] = [0..a, a..a + b].map(|range| range.collect::<Vec<usize>>());
    let chance = chance::of_difference([a, b], seed, purpose, |[a, b]| score(a) - score(b));
    Scored { value: score(&first), floor: score(&second), chance }
}

/// What a text uses, and how often.
type Used = Vec<(u32, u32)>;

fn used(mut tokens: Vec<u32>) -> Used {
    tokens.sort_unstable();
    tokens.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)).collect()
}

fn shares<'a>(of: impl IntoIterator<Item = &'a Used>, size: usize) -> Vec<f64> {
    let mut out = vec![0.0; size];
    let mut all = 0.0;
    for &(token, n) in of.into_iter().flatten() {
        out[token as usize] += f64::from(n);
        all += f64::from(n);
    }
    out.iter_mut().for_each(|x| *x /= f64::max(all, 1.0));
    out
}

/// The distribution of whole numbers.
pub(super) struct Steps {
    /// The share at or below each.
    below: Vec<f64>,
}

impl Steps {
    pub fn new(values: impl IntoIterator<Item = usize>) -> Steps {
        let mut counts: Vec<f64> = Vec::new();
        let mut all = 0.0;
        for v in values {
            if v >= counts.len() {
                counts.resize(v + 1, 0.0);
            }
            counts[v] += 1.0;
            all += 1.0;
        }
        let mut sum = 0.0;
        let below = counts.iter().map(|c| {
            sum += c;
            sum / all
        });
        Steps { below: below.collect() }
    }

    /// The Kolmogorov-Smirnov distance of other numbers from these; 1 where there are none.
    pub fn ks(&self, values: impl IntoIterator<Item = usize>) -> f64 {
        let other = Steps::new(values);
        if self.below.is_empty() || other.below.is_empty() {
            return 1.0;
        }
        let most = self.below.len().max(other.below.len());
        let at = |s: &Steps, v: usize| s.below.get(v).copied().unwrap_or(1.0);
        (0..most).map(|v| (at(self, v) - at(&other, v)).abs()).fold(0.0, f64::max)
    }
}

/// The Kolmogorov-Smirnov distance of two samples of numbers; 1 where one is empty.
pub(super) fn ks(a: &[f64], b: &[f64]) -> f64 {
    let sorted = |x: &[f64]| {
        let mut x = x.to_vec();
        x.sort_unstable_by(f64::total_cmp);
        x
    };
    let (a, b) = (sorted(a), sorted(b));
    if a.is_empty() || b.is_empty() {
        return 1.0;
    }
    let (mut i, mut j, mut most) = (0, 0, 0.0_f64);
    while i < a.len() && j < b.len() {
        let at = a[i].min(b[j]);
        i += a[i..].iter().take_while(|x| **x <= at).count();
        j += b[j..].iter().take_while(|x| **x <= at).count();
        most = most.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_by_hand() {
        // Shares at or below 1, 2, 3: 1/2, 1/2, 1 and 0, 1/2, 1/2.
        assert_eq!(Steps::new([1, 3]).ks([2, 4]), 0.5);
        assert_eq!(ks(&[3.0, 1.0], &[4.0, 2.0]), 0.5);
        assert_eq!((Steps::new([5, 5]).ks([5]), ks(&[5.0, 5.0], &[5.0])), (0.0, 0.0));
        assert_eq!((Steps::new([1]).ks([7]), ks(&[1.0], &[7.0]), ks(&[], &[1.0])), (1.0, 1.0, 1.0));
        // One of three against two of three, of the same two: a third.
        let [a, b] = [used(vec![0, 1, 1]), used(vec![0, 0, 1])];
        assert_eq!((a.clone(), b.clone()), (vec![(0, 1), (1, 2)], vec![(0, 2), (1, 1)]));
        let [a, b] = [shares([&a], 2), shares([&b], 2)];
        assert!((0.5 * ((a[0] - b[0]).abs() + (a[1] - b[1]).abs()) - 1.0 / 3.0).abs() < 1e-15);
    }
}
