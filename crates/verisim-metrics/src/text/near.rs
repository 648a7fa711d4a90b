//! Near duplicates: texts whose runs of five characters (three, where texts are short) are for four fifths the same, as a share of all
//! runs of both (Jaccard). Candidates are found by MinHash with 128 hashes in 32 bands (Broder, 1997) and then counted out, so none is found that is
//! none, and one in 10^7 is missed.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use verisim_data::rng::{bits, mix, stream};

const HASHES: usize = 128;
const BANDS: usize = 32;
const ROWS: usize = HASHES / BANDS;
/// What counts as the same.
const LEAST: f64 = 0.8;
/// A candidate that the hashes hold for less is not counted out: three deviations below.
const SEEN: f64 = 0.68;

/// The different runs of `k` characters of a text, sorted; a shorter text is one.
fn shingles(tokens: &[u64], k: usize) -> Vec<u64> {
    let hash = |run: &[u64]| run.iter().fold(run.len() as u64, |h, &t| mix(h ^ t));
    let mut out: Vec<u64> = if tokens.len() < k { vec![hash(tokens)] } else { tokens.windows(k).map(hash).collect() };
    out.sort_unstable();
    out.dedup();
    out
}

fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (mut i, mut j, mut both) = (0, 0, 0_usize);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                both += 1;
                i += 1;
                j += 1;
            }
        }
    }
    both as f64 / (a.len() + b.len() - both).max(1) as f64
}

/// The smallest of each hash over some runs.
struct Hasher([[u32; 2]; HASHES]);

type Signature = [u32; HASHES];

impl Hasher {
    fn new(seed: u64) -> Hasher {
        let mut rng = stream(seed, "text near", 0);
        Hasher([(); HASHES].map(|()| {
            let word = bits(&mut rng);
            [word as u32 | 1, (word >> 32) as u32]
        }))
    }

    fn sign(&self, shingles: &[u64]) -> Signature {
        let mut least = [u32::MAX; HASHES];
        for shingle in shingles {
            let low = (*shingle >> 32) as u32;
            for (least, [a, b]) in least.iter_mut().zip(&self.0) {
                let mut h = low.wrapping_mul(*a).wrapping_add(*b);
                h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
                h ^= h >> 12;
                *least = (*least).min(h);
            }
        }
        least
    }
}

fn band(signature: &Signature, k: usize) -> u64 {
    signature[k * ROWS..(k + 1) * ROWS].iter().fold(k as u64, |h, &x| mix(h ^ u64::from(x)))
}

/// Texts that are asked about. Others, of which there may be any number, pass by.
pub(super) struct Near {
    /// Which of the different texts each is.
    of: Vec<usize>,
    sets: Vec<(Vec<u64>, Signature)>,
    bands: FxHashMap<u64, Vec<u32>>,
    found: Vec<AtomicBool>,
    hasher: Hasher,
    k: usize,
}

impl Near {
    /// Texts are tokens of characters; runs have `k` of them.
    pub fn new(asked: &[Vec<u64>], k: usize, seed: u64) -> Near {
        // Texts that are the same need one look.
        let mut ids: FxHashMap<&[u64], usize> = FxHashMap::default();
        let mut different: Vec<&[u64]> = Vec::new();
        let mut number = |tokens| {
            *ids.entry(tokens).or_insert_with(|| {
                different.push(tokens);
                different.len() - 1
            })
        };
        let of: Vec<usize> = asked.iter().map(|tokens| number(tokens.as_slice())).collect();
        let hasher = Hasher::new(seed);
        let sign = |tokens: &&[u64]| {
            let set = shingles(tokens, k);
            let signature = hasher.sign(&set);
            (set, signature)
        };
        let sets: Vec<(Vec<u64>, Signature)> = different.par_iter().map(sign).collect();
        let mut bands: FxHashMap<u64, Vec<u32>> = FxHashMap::default();
        for (i, (_, signature)) in sets.iter().enumerate() {
            (0..BANDS).for_each(|k| bands.entry(band(signature, k)).or_default().push(i as u32));
        }
        let found = sets.iter().map(|_| AtomicBool::new(false)).collect();
        Near { of, sets, bands, found, hasher, k }
    }

    /// Marks what is near another text.
    pub fn pass(&self, tokens: &[u64]) {
        let set = shingles(tokens, self.k);
        let signature = self.hasher.sign(&set);
        let mut looked = Vec::new();
        for candidate in (0..BANDS).filter_map(|k| self.bands.get(&band(&signature, k))).flatten() {
            let i = *candidate as usize;
            let (own, signed) = &self.sets[i];
            if self.found[i].load(Ordering::Relaxed) || looked.contains(candidate) {
                continue;
            }
            looked.push(*candidate);
            let same = signed.iter().zip(&signature).filter(|(a, b)| a == b).count();
            if same as f64 >= SEEN * HASHES as f64 && jaccard(own, &set) >= LEAST {
                self.found[i].store(true, Ordering::Relaxed);
            }
        }
    }

    /// Which texts are near another.
    pub fn found(&self) -> Vec<bool> {
        self.of.iter().map(|&i| self.found[i].load(Ordering::Relaxed)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::runs::characters;
    use super::*;

    #[test]
    fn jaccard_by_hand() {
        // "abcdef" and "abcdeg": of runs of three 4 each, 3 the same, 5 in all.
        let [a, b] = ["abcdef", "abcdeg"].map(|t| shingles(&characters(t), 3));
        assert_eq!(jaccard(&a, &b), 0.6);
        assert_eq!((shingles(&characters("ab"), 5).len(), shingles(&characters("aaaaaaa"), 3).len()), (1, 1));
    }

    #[test]
    fn a_changed_letter_is_near_and_another_text_is_not() {
        let text = "please call the office before noon to claim what is yours, and bring the letter with you today";
        let near = text.replace("noon", "nine");
        let far = "there is nothing in this one that anybody has seen in the other, except for a few short words";
        let near_of = |asked: &[Vec<u64>]| {
            let near = Near::new(asked, 5, 1);
            near.pass(&characters(text));
            near.found()
        };
        let asked = [near.as_str(), far, text, "", near.as_str()].map(characters);
        assert_eq!(near_of(&asked), [true, false, true, false, true]);
        // Half of it is not near.
        let half = [characters(&text[..text.len() / 2])];
        assert_eq!(near_of(&half), [false]);
    }
}
