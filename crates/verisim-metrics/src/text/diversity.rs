//! How varied texts are among each other: synthetic texts, and fresh ones beside them.
//!
//! - **Distinct** n-grams: different n-grams over n-grams, of equally many words of each set (Li et al., NAACL 2016).
//! - **Self-BLEU**: mean BLEU-4 of 500 texts, each against the other 499 (Zhu et al., SIGIR 2018; Papineni et al., ACL 2002). A count of
//!   zero counts as 0.1. 1: all the same.
//! - **Compression**: bytes over bytes that gzip leaves of equally many bytes; more: more repetitive (Shaib et al., 2403.00553).
//! - **Repeated**: share of texts that repeat another of their own set.
//!
//! Where texts hold hardly any words, characters stand in their place. None says much alone: what counts is the difference, either way.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;
use verisim_data::rng::mix;

use super::chance;
use super::set::{Sides, Text};
use super::shape::Scored;

/// Words of a set whose n-grams are counted, at most.
const WORDS: usize = 50_000;
/// Texts that are held against each other.
const COMPARED: usize = 500;
/// Bytes that are compressed, at most.
const BYTES: usize = 300_000;
/// Parts of them by which chance is measured.
const PARTS: usize = 8;

/// How varied texts are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Diversity {
    /// Different words over words.
    pub distinct_1: Scored,
    /// Different pairs over pairs.
    pub distinct_2: Scored,
    /// Different runs of three over runs of three.
    pub distinct_3: Scored,
    /// Mean BLEU-4 against the others.
    pub self_bleu_4: Scored,
    /// Bytes over compressed bytes.
    pub gzip: Scored,
    /// Share of texts that repeat another.
    pub repeated: Scored,
}

pub(super) fn diversity(sides: &Sides, seed: u64) -> Diversity {
    let [_, made, fresh] = sides.equal();
    let tokens = |texts: &[Text]| -> Vec<Vec<u32>> {
        let of = |t: &Text| match sides.has_words {
            true => t.words.clone(),
            false => t.raw.chars().map(u32::from).collect(),
        };
        texts.iter().map(of).collect()
    };
    let (a, b) = (tokens(made), tokens(fresh));
    let ((distinct, repeated), (bleu, gzip)) = rayon::join(
        || ([1, 2, 3].map(|n| distinct(&a, &b, n, seed)), repeated(made, fresh, seed)),
        || rayon::join(|| self_bleu(&a, &b), || gzip(made, fresh)),
    );
    let [distinct_1, distinct_2, distinct_3] = distinct;
    Diversity { distinct_1, distinct_2, distinct_3, self_bleu_4: bleu, gzip, repeated }
}

fn distinct(made: &[Vec<u32>], fresh: &[Vec<u32>], n: usize, seed: u64) -> Scored {
    let count = |texts: &[Vec<u32>]| texts.iter().map(Vec::len).sum::<usize>();
    let limit = count(made).min(count(fresh)).min(WORDS);
    // Every n-gram a number, so that the different ones can be ticked off.
    let mut ids: FxHashMap<&[u32], u32> = FxHashMap::default();
    let mut grams: Vec<Vec<u32>> = Vec::new();
    for text in made.iter().chain(fresh) {
        let number = |gram| {
            let next = ids.len() as u32;
            *ids.entry(gram).or_insert(next)
        };
        grams.push(text.windows(n).map(number).collect());
    }
    let lengths: Vec<usize> = made.iter().chain(fresh).map(Vec::len).collect();
    let different = ids.len();
    let rate = |of: &[usize]| {
        let (mut ticked, mut all, mut new, mut got) = (vec![false; different], 0_usize, 0_usize, 0);
        for &i in of {
            let room = lengths[i].min(limit - got);
            got += room;
            for &gram in &grams[i][..grams[i].len().min((room + 1).saturating_sub(n))] {
                all += 1;
                new += usize::from(!std::mem::replace(&mut ticked[gram as usize], true));
            }
            if got >= limit {
                break;
            }
        }
        new as f64 / all.max(1) as f64
    };
    either_way(made.len(), fresh.len(), seed, "text distinct", rate)
}

/// Scores of the first texts, the others, and the chance of so large a difference, whichever way.
fn either_way(a: usize, b: usize, seed: u64, purpose: &str, score: impl Fn(&[usize]) -> f64 + Sync) -> Scored {
    let [first, second] = [0..a, a..a + b].map(|range| range.collect::<Vec<usize>>());
    let chance = chance::of_difference([a, b], seed, purpose, |[a, b]| (score(a) - score(b)).abs());
    Scored { value: score(&first), floor: score(&second), chance }
}

fn repeated(made: &[Text], fresh: &[Text], seed: u64) -> Scored {
    let mut ids: FxHashMap<&str, u32> = FxHashMap::default();
    let mut number = |t| {
        let next = ids.len() as u32;
        *ids.entry(t).or_insert(next)
    };
    let texts: Vec<u32> = made.iter().chain(fresh).map(|t| number(t.raw.as_str())).collect();
    let rate = |of: &[usize]| {
        let mut ticked = vec![false; texts.len()];
        let again = of.iter().filter(|&&i| std::mem::replace(&mut ticked[texts[i] as usize], true)).count();
        again as f64 / of.len().max(1) as f64
    };
    either_way(made.len(), fresh.len(), seed, "text repeated", rate)
}

fn self_bleu(made: &[Vec<u32>], fresh: &[Vec<u32>]) -> Scored {
    let [a, b] = [made, fresh].map(|texts| bleu(&texts[..texts.len().min(COMPARED)]));
    let moments = |x: &[f64]| {
        let n = x.len().max(1) as f64;
        let mean = x.iter().sum::<f64>() / n;
        (mean, x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n * n))
    };
    let ((value, va), (floor, vb)) = (moments(&a), moments(&b));
    // Texts share their references: chance moves their mean about twice as far as it would move texts alone (measured).
    let error = 2.0 * (va + vb).sqrt();
    Scored { value, floor, chance: normal((value - floor).abs() / error.max(1e-12)) }
}

/// BLEU-4 of each text against all others; texts without words are left out.
fn bleu(texts: &[Vec<u32>]) -> Vec<f64> {
    let texts: Vec<&Vec<u32>> = texts.iter().filter(|t| !t.is_empty()).collect();
    if texts.len() < 2 {
        return vec![1.0; texts.len()];
    }
    let logs = |n: usize| -> Vec<f64> {
        let grams = |t: &&Vec<u32>| -> Vec<(u64, u32)> {
            let hash = |gram: &[u32]| gram.iter().fold(n as u64, |h, &w| mix(h ^ u64::from(w)));
            let mut all: Vec<u64> = t.windows(n).map(hash).collect();
            all.sort_unstable();
            all.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect()
        };
        let counts: Vec<Vec<(u64, u32)>> = texts.iter().map(grams).collect();
        // The most that a text has of an n-gram, which text, and the most that another one has.
        let mut most: FxHashMap<u64, (u32, usize, u32)> = FxHashMap::default();
        for (d, counts) in counts.iter().enumerate() {
            for &(gram, n) in counts {
                let (first, owner, second) = most.entry(gram).or_insert((0, d, 0));
                if n > *first {
                    (*second, *first, *owner) = (*first, n, d);
                } else if n > *second {
                    *second = n;
                }
            }
        }
        let one = |(d, counts): (usize, &Vec<(u64, u32)>)| {
            let hit = |&(gram, n): &(u64, u32)| {
                let (first, owner, second) = most[&gram];
                n.min(if owner == d { second } else { first })
            };
            let hits: u32 = counts.iter().map(hit).sum();
            let all: u32 = counts.iter().map(|c| c.1).sum();
            (f64::from(hits).max(0.1) / f64::from(all.max(1))).ln().min(0.0)
        };
        counts.iter().enumerate().map(one).collect()
    };
    let logs: Vec<Vec<f64>> = (1..=4).into_par_iter().map(logs).collect();
    let lengths: Vec<usize> = texts.iter().map(|t| t.len()).collect();
    let mut sorted = lengths.clone();
    sorted.sort_unstable();
    let one = |(d, &own): (usize, &usize)| {
        // The closest length of another text, the shorter of two.
        let at = sorted.partition_point(|&l| l < own);
        let same = sorted[at..].iter().take(2).filter(|l| **l == own).count() > 1;
        let above = sorted[sorted.partition_point(|&l| l <= own)..].first();
        let closest = match (same, at.checked_sub(1).map(|k| sorted[k]), above) {
            (true, ..) => own,
            (_, Some(below), Some(&above)) if above - own < own - below => above,
            (_, Some(below), _) => below,
            (_, None, above) => above.copied().unwrap_or(own),
        };
        let brevity = if own >= closest { 1.0 } else { (1.0 - closest as f64 / own as f64).exp() };
        brevity * (logs.iter().map(|l| l[d]).sum::<f64>() / 4.0).exp()
    };
    lengths.iter().enumerate().map(one).collect()
}

fn gzip(made: &[Text], fresh: &[Text]) -> Scored {
    let [a, b] = [made, fresh].map(|texts| {
        let raw: Vec<&str> = texts.iter().map(|t| t.raw.as_str()).collect();
        raw.join("\n").into_bytes()
    });
    let size = a.len().min(b.len()).min(BYTES);
    let ratio = |bytes: &[u8]| bytes.len() as f64 / compressed(bytes).max(1) as f64;
    let parts = |bytes: &[u8]| -> Vec<f64> {
        let each = (size / PARTS).max(1);
        bytes[..size].chunks_exact(each).take(PARTS).map(ratio).collect()
    };
    let (a, b) = (&a[..size], &b[..size]);
    let ((value, floor), (of_a, of_b)) = rayon::join(|| (ratio(a), ratio(b)), || (parts(a), parts(b)));
    let variance = |x: &[f64]| {
        let n = x.len().max(2) as f64;
        let mean = x.iter().sum::<f64>() / n;
        x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))
    };
    let error = (variance(&of_a) + variance(&of_b)).sqrt();
    // Seven degrees of freedom a side: of Student's t with fourteen, 2.98 is one in a hundred, where it is 2.58 of the normal.
    let chance = normal((value - floor).abs() / error.max(1e-12) * 2.576 / 2.977);
    Scored { value, floor, chance }
}

fn compressed(bytes: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory cannot fail.
    encoder.write_all(bytes).and_then(|()| encoder.finish()).map_or(0, |out| out.len())
}

/// The chance that a normal number is so far from its mean, either way, in deviations.
pub(super) fn normal(deviations: f64) -> f64 {
    libm::erfc(deviations / 2.0_f64.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::texts;

    fn numbers(texts: &[Text]) -> Vec<Vec<u32>> {
        texts.iter().map(|t| t.words.clone()).collect()
    }

    #[test]
    fn distinct_by_hand() {
        // "a b a b" and "a c": words a b a b a c, 3 of 6; pairs ab ba ab ac, 3 of 4; no pair runs over an end.
        let [a, b] = [vec![vec![0, 1, 0, 1], vec![0, 2]], vec![vec![5, 6, 7, 8], vec![9, 4]]];
        let of = |n| distinct(&a, &b, n, 1);
        assert_eq!((of(1).value, of(2).value, of(3).value), (0.5, 0.75, 1.0));
        assert_eq!((of(1).floor, of(2).floor), (1.0, 1.0));
        // Equally many words: of a longer set only so many as of the shorter.
        assert_eq!(distinct(&[vec![0, 1]], &[vec![0, 1, 0, 0, 0]], 1, 1).floor, 1.0);
    }

    #[test]
    fn bleu_by_hand() {
        // Each of two same texts has all n-grams of the other.
        assert_eq!(bleu(&[vec![1, 2, 3, 4, 5], vec![1, 2, 3, 4, 5]]), [1.0, 1.0]);
        // "1 2 3 4 5" against "1 2 3 4 6": 4/5, 3/4, 2/3, 1/2, lengths the same: (1/5) ^ (1/4).
        let score = bleu(&[vec![1, 2, 3, 4, 5], vec![1, 2, 3, 4, 6]])[0];
        assert!((score - 0.2_f64.powf(0.25)).abs() < 1e-12);
        // Texts of words, by an independent program with the same definition.
        let numbered = |words: &str| {
            words
                .split(' ')
                .map(|w| w.bytes().fold(0, |h: u32, b| h.wrapping_mul(31).wrapping_add(u32::from(b))))
                .collect()
        };
        let made: Vec<Vec<u32>> =
            ["the cat sat on the log", "a dog ran and sang", "zebra 42 ran", "the cat"].map(numbered).to_vec();
        assert!((bleu(&made).iter().sum::<f64>() / 4.0 - 0.108_936_736_700_320_56).abs() < 1e-9);
        // Nothing shared: 0.1 of 5, 4, 3, 2; and shorter by one: exp(1 - 6/5).
        let score = bleu(&[vec![1, 2, 3, 4, 5], vec![6, 7, 8, 9, 10, 11]])[0];
        assert!((score - 0.1 / 120.0_f64.powf(0.25) * (-0.2_f64).exp()).abs() < 1e-12);
    }

    #[test]
    fn repeats_and_compression_see_what_is_the_same() {
        let varied: Vec<String> = (0..40_u64).map(|i| format!("{:x}", mix(i))).collect();
        let varied: Vec<&str> = varied.iter().map(String::as_str).collect();
        let same = ["the very same text"; 40];
        let ((a, _), (b, _)) = (texts(&same), texts(&varied));
        let found = repeated(&a, &b, 1);
        assert_eq!((found.value, found.floor), (39.0 / 40.0, 0.0));
        assert!(found.chance < 0.01);
        let found = gzip(&a, &b);
        assert!(found.value > 5.0 && found.floor < 2.5 && found.chance < 0.01, "{found:?}");
        assert_eq!(bleu(&numbers(&a)), [1.0; 40]);
    }
}
