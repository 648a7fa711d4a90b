//! Which runs of tokens of some texts stand in other texts, word for word? All runs of one length are hashed. Those of the texts that are
//! asked about are sorted once; the others, of which there may be any number, pass by and tick off what they have. So memory follows the
//! texts that are asked about alone.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use verisim_data::rng::mix;

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// The runs of one length.
#[derive(Debug)]
pub(super) struct Runs {
    length: usize,
    sorted: Vec<u64>,
    ticked: Vec<AtomicBool>,
    /// Where hashes begin whose first bits are so much.
    starts: Vec<u32>,
    shift: u32,
}

/// The hashes of all runs of `length` tokens, in order.
fn hashes(tokens: &[u64], length: usize) -> impl Iterator<Item = u64> + '_ {
    let lost = (0..length).fold(1_u64, |p, _| p.wrapping_mul(MULTIPLIER));
    let mut hash = 0_u64;
    tokens.iter().enumerate().filter_map(move |(i, &token)| {
        hash = hash.wrapping_mul(MULTIPLIER).wrapping_add(token);
        if i >= length {
            hash = hash.wrapping_sub(tokens[i - length].wrapping_mul(lost));
        }
        (i + 1 >= length).then(|| mix(hash))
    })
}

impl Runs {
    /// The runs of texts that are asked about; tokens are hashes.
    pub fn new<'t>(length: usize, texts: impl IntoIterator<Item = &'t [u64]>) -> Runs {
        let mut sorted: Vec<u64> = Vec::new();
        texts.into_iter().for_each(|tokens| sorted.extend(hashes(tokens, length)));
        sorted.sort_unstable();
        sorted.dedup();
        let bits = (usize::BITS - sorted.len().leading_zeros()).clamp(1, 24);
        let shift = u64::BITS - bits;
        let mut starts = vec![0_u32; (1 << bits) + 1];
        sorted.iter().for_each(|h| starts[(h >> shift) as usize + 1] += 1);
        for k in 1..starts.len() {
            starts[k] += starts[k - 1];
        }
        let ticked = sorted.iter().map(|_| AtomicBool::new(false)).collect();
        Runs { length, sorted, ticked, starts, shift }
    }

    fn at(&self, hash: u64) -> Option<usize> {
        let bucket = (hash >> self.shift) as usize;
        let [from, to] = [self.starts[bucket], self.starts[bucket + 1]].map(|x| x as usize);
        self.sorted[from..to].iter().position(|h| *h == hash).map(|k| from + k)
    }

    /// Ticks off what another text has.
    pub fn pass(&self, tokens: &[u64]) {
        hashes(tokens, self.length)
            .filter_map(|h| self.at(h))
            .for_each(|k| self.ticked[k].store(true, Ordering::Relaxed));
    }

    /// Whether a text has a run that some other text has.
    pub fn is_in(&self, tokens: &[u64]) -> bool {
        hashes(tokens, self.length).any(|h| self.is_ticked(h))
    }

    fn is_ticked(&self, hash: u64) -> bool {
        self.at(hash).is_some_and(|k| self.ticked[k].load(Ordering::Relaxed))
    }

    /// The stretches of tokens of a text that such runs cover.
    pub fn stretches(&self, tokens: &[u64]) -> Vec<Range<usize>> {
        let mut out: Vec<Range<usize>> = Vec::new();
        for (i, hash) in hashes(tokens, self.length).enumerate() {
            if self.is_ticked(hash) {
                match out.last_mut() {
                    Some(last) if last.end >= i => last.end = i + self.length,
                    _ => out.push(i..i + self.length),
                }
            }
        }
        out
    }
}

/// Characters as tokens.
pub(super) fn characters(text: &str) -> Vec<u64> {
    text.chars().map(|c| mix(u64::from(u32::from(c)) + 1)).collect()
}

/// Words in lower case as tokens.
pub(super) fn words(text: &str) -> Vec<u64> {
    let lower = text.to_lowercase();
    let hash = |&(from, to): &(u32, u32)| {
        lower.as_bytes()[from as usize..to as usize].iter().fold(u64::from(to - from), |h, &b| mix(h ^ u64::from(b)))
    };
    super::set::spans(&lower).iter().map(hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_and_stretches_joined() {
        let asked = characters("xxabcdefyyabcxxbcde");
        let runs = Runs::new(4, [asked.as_slice()]);
        assert!(!runs.is_in(&asked));
        runs.pass(&characters("__abcde__"));
        assert!(runs.is_in(&asked));
        // "abcd" and "bcde" stand there: together from the third sign on; "bcde" at the end too, "abc" is too short.
        assert_eq!(runs.stretches(&asked), [2..7, 15..19]);
        // A run does not go on from one text to another.
        let runs = Runs::new(4, [characters("abcd").as_slice()]);
        runs.pass(&characters("ab"));
        runs.pass(&characters("cd"));
        assert!(!runs.is_in(&characters("abcd")));
        assert!(!Runs::new(4, [characters("abc").as_slice()]).is_in(&characters("abc")));
    }

    #[test]
    fn words_do_not_see_case_or_space() {
        assert_eq!(words("The  cat's\nhat"), words("the CAT's hat"));
        assert_ne!(words("ab c"), words("a bc"));
    }
}
