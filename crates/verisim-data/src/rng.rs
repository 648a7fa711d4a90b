//! Random streams derived from one seed by counter, so that no randomness is global and every chunk of
//! work has its own, whatever thread runs it.

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The generator used everywhere in verisim.
pub type Stream = Xoshiro256PlusPlus;

/// The stream of `(seed, purpose, index)`. Two streams that differ in any of the three are independent.
pub fn stream(seed: u64, purpose: &str, index: u64) -> Stream {
    // FNV-1a over the purpose, then the three words mixed by the SplitMix64 finaliser.
    let label =
        purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
    Stream::seed_from_u64(mix(mix(mix(seed) ^ label) ^ index))
}

/// The SplitMix64 finaliser: a bijection of 64-bit words that spreads every input bit.
pub fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A hash of `words`, as 16 hexadecimal digits.
pub fn hash_words(words: impl IntoIterator<Item = u64>) -> String {
    format!("{:016x}", words.into_iter().fold(0x7665_7269_7369_6d00, |h, w| mix(h ^ w)))
}

/// A uniform number in `[0, 1)` with 53 random bits.
pub fn uniform(rng: &mut impl Rng) -> f64 {
    rng.random::<f64>()
}

/// A standard normal number.
pub fn normal(rng: &mut impl Rng) -> f64 {
    rng.sample(rand_distr::StandardNormal)
}

/// Sixty-four random bits.
pub fn bits(rng: &mut impl Rng) -> u64 {
    rng.next_u64()
}

/// A uniform integer in `0..n`; `n` must be positive.
pub fn below(rng: &mut impl Rng, n: u64) -> u64 {
    rng.random_range(0..n)
}

/// The numbers `0..n` in random order.
pub fn permutation(rng: &mut impl Rng, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, below(rng, i as u64 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_each_part_and_repeat() {
        let first = |seed, purpose, index| uniform(&mut stream(seed, purpose, index));
        let base = first(1, "sample", 0);
        assert_eq!(base, first(1, "sample", 0));
        assert_ne!(base, first(2, "sample", 0));
        assert_ne!(base, first(1, "split", 0));
        assert_ne!(base, first(1, "sample", 1));
    }

    #[test]
    fn permutation_holds_every_index_once() {
        let mut p = permutation(&mut stream(3, "p", 0), 1000);
        assert_ne!(p, (0..1000).collect::<Vec<_>>());
        p.sort_unstable();
        assert_eq!(p, (0..1000).collect::<Vec<_>>());
    }
}
