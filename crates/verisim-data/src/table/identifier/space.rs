//! Which keys are free: numbers of a key space that no real key has.
//!
//! Every key of a shape has a number. Under a permutation of these numbers the real keys lie scattered, and between
//! two neighbours nothing is real. The widest of these stretches are kept, and new keys come from them alone: none is a real one, by
//! construction, and what an artefact tells of the real keys is that they lie elsewhere.

use serde::{Deserialize, Serialize};

use crate::rng::mix;

/// Most stretches that are kept.
const MOST: usize = 64;
/// Real keys for each stretch that is kept, so that what is told of them stays little.
const KEYS_PER_STRETCH: usize = 20;
/// New keys that are enough.
const ENOUGH: u128 = 1 << 40;

/// Stretches of a key space without a real key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spare {
    /// Chooses the permutation. It is as public as the stretches.
    pub(super) salt: u64,
    /// Where each begins, and how long it is.
    #[serde(with = "pairs")]
    stretches: Vec<(u128, u128)>,
}

impl Spare {
    /// The widest stretches between `real` keys of a space of `size`.
    pub(super) fn between(real: impl Iterator<Item = u128>, size: u128, salt: u64) -> Spare {
        let mut taken: Vec<u128> = real.map(|x| place(x, size, salt)).collect();
        taken.sort_unstable();
        taken.dedup();
        let mut stretches: Vec<(u128, u128)> = Vec::with_capacity(taken.len() + 1);
        let mut start = 0;
        for &x in taken.iter().chain([&size]) {
            if x > start {
                stretches.push((start, x - start));
            }
            start = x + 1;
        }
        stretches.sort_by_key(|&(start, len)| (std::cmp::Reverse(len), start));
        stretches.truncate((taken.len() / KEYS_PER_STRETCH).clamp(1, MOST));
        let mut sum = 0_u128;
        let needed = stretches.iter().position(|&(_, len)| {
            sum = sum.saturating_add(len);
            sum >= ENOUGH
        });
        stretches.truncate(needed.map_or(stretches.len(), |at| at + 1));
        Spare { salt, stretches }
    }

    /// The number of the free key that row `row` gets; beyond the last of them, by how many.
    pub(super) fn key(&self, row: u64, size: u128) -> Result<u128, u64> {
        let mut row = u128::from(row);
        for &(start, len) in &self.stretches {
            if row < len {
                return Ok(shuffled(start.saturating_add(row), size, self.salt));
            }
            row -= len;
        }
        Err(row as u64)
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> u128 {
        self.stretches.iter().fold(0, |sum, s| sum.saturating_add(s.1))
    }
}

/// A permutation of `0 .. size`, chosen by `seed`, at `i` modulo `size`: a Feistel network on the next power of four, walked until it
/// lands inside (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002). Takes four walks at most on average.
pub(super) fn shuffled(i: u128, size: u128, seed: u64) -> u128 {
    let (half, mask) = halves(size);
    // From outside the power of four the walk would not come back.
    let mut x = i % size;
    loop {
        let (mut left, mut right) = ((x >> half) as u64, x as u64 & mask);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ (mix(seed ^ mix(right ^ round << 58)) & mask));
        }
        x = u128::from(left) << half | u128::from(right);
        if x < size {
            return x;
        }
    }
}

/// The inverse of [`shuffled`]: the place of `x`, which is less than `size`.
pub(super) fn place(x: u128, size: u128, seed: u64) -> u128 {
    let (half, mask) = halves(size);
    let mut x = x % size;
    loop {
        let (mut left, mut right) = ((x >> half) as u64, x as u64 & mask);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ (mix(seed ^ mix(left ^ round << 58)) & mask), left);
        }
        x = u128::from(left) << half | u128::from(right);
        if x < size {
            return x;
        }
    }
}

const ROUNDS: u64 = 6;

/// Bits of one half of the network, and a mask of them.
fn halves(size: u128) -> (u32, u64) {
    let bits = (128 - size.saturating_sub(1).leading_zeros()).max(2);
    let half = bits.div_ceil(2);
    (half, u64::MAX >> (64 - half.min(64)))
}

/// Numbers of 128 bits as text: JSON readers take numbers for doubles.
mod pairs {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(pairs: &[(u128, u128)], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(pairs.iter().map(|(a, b)| [a.to_string(), b.to_string()]))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(u128, u128)>, D::Error> {
        let number = |text: &str| text.parse::<u128>().map_err(D::Error::custom);
        let pairs = Vec::<[String; 2]>::deserialize(deserializer)?;
        pairs.iter().map(|[a, b]| Ok((number(a)?, number(b)?))).collect()
    }
}
