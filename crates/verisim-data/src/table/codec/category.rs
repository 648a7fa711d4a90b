//! Category columns: one token a level.
//!
//! Rule for rare levels: a level seen fewer than `rare` times, or beyond the `max_levels` most frequent
//! ones, shares the token "other", and decoding "other" draws one of those levels in proportion to its
//! frequency. So no level is lost, the number of tokens stays bounded whatever the cardinality, and what is
//! given up is only what else such rows have in common, which a model could not learn without memorising.
//! A group of one level gains nothing and keeps its own token.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::encoded::Span;
use crate::rng::{Stream, below};
use crate::table::frame::MISSING;

/// A fitted category codec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoryCodec {
    /// Every level of the training data, as text.
    pub levels: Arc<[String]>,
    /// Token of each level.
    token_of: Vec<u32>,
    /// Level of each token that stands for one level.
    level_of: Vec<u32>,
    /// Levels that share the token "other", with their counts; empty when there is no such token.
    other: Vec<(u32, u64)>,
    /// True when missing values were seen: they have the last token.
    missing: bool,
}

impl CategoryCodec {
    /// Learns the tokens of a column of `codes` into `levels`.
    pub fn fit(codes: &[u32], levels: &Arc<[String]>, rare: usize, max_levels: usize) -> Self {
        let mut counts = vec![0u64; levels.len()];
        let mut missing = false;
        for &c in codes {
            match counts.get_mut(c as usize) {
                Some(n) => *n += 1,
                None => missing = true,
            }
        }
        let mut by_count: Vec<u32> = (0..levels.len() as u32).collect();
        by_count.sort_by_key(|&l| (std::cmp::Reverse(counts[l as usize]), l));
        let frequent = by_count.iter().take_while(|&&l| counts[l as usize] >= rare.max(1) as u64).count();
        let mut kept = frequent.min(max_levels);
        if by_count.len() - kept == 1 {
            kept += 1;
        }
        let other: Vec<(u32, u64)> = by_count[kept..].iter().map(|&l| (l, counts[l as usize])).collect();
        let mut level_of = by_count[..kept].to_vec();
        level_of.sort_unstable(); // tokens in level order: numeric codes stay in order
        let mut token_of = vec![kept as u32; levels.len()];
        for (token, &level) in level_of.iter().enumerate() {
            token_of[level as usize] = token as u32;
        }
        CategoryCodec { levels: levels.clone(), token_of, level_of, other, missing }
    }

    /// What a model sees of this column.
    pub fn span(&self) -> Span {
        let tokens = self.level_of.len() + usize::from(!self.other.is_empty()) + usize::from(self.missing);
        Span { tokens: tokens.max(1) as u32, scalar: false, ordered: false }
    }

    /// The token of missing values, if any were seen.
    pub fn missing_token(&self) -> Option<u32> {
        self.missing.then(|| self.span().tokens - 1)
    }

    /// The token of level `code`; missing or unknown levels get the token of missing values, or 0 without one.
    pub fn token(&self, code: u32) -> u32 {
        match self.token_of.get(code as usize) {
            Some(&t) => t,
            None => self.missing_token().unwrap_or(0),
        }
    }

    /// The token of the level with this text, and whether that token stands for this level alone.
    pub fn find(&self, text: &str) -> Option<(u32, bool)> {
        let level = self.levels.iter().position(|l| l == text)?;
        let token = self.token_of[level];
        Some((token, (token as usize) < self.level_of.len()))
    }

    /// What is wrong with a codec that was read from a file, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let levels = self.levels.len() as u32;
        let tokens = self.span().tokens;
        let sound = self.token_of.len() == self.levels.len()
            && self.token_of.iter().all(|&t| t < tokens)
            && self.level_of.len() <= self.levels.len()
            && self.level_of.iter().chain(self.other.iter().map(|(l, _)| l)).all(|&l| l < levels)
            && self.other.iter().try_fold(0u64, |sum, (_, n)| sum.checked_add(*n)).is_some();
        (!sound).then_some("has tokens and levels that do not fit")
    }

    /// Tokens of a column of codes into the same levels.
    pub fn encode(&self, codes: &[u32]) -> Vec<u32> {
        codes.iter().map(|&c| self.token(c)).collect()
    }

    /// Codes of a column of tokens. Tokens beyond the last are read as missing.
    pub fn decode(&self, tokens: &[u32], rng: &mut Stream) -> Vec<u32> {
        let mut cumulative: Vec<u64> = Vec::with_capacity(self.other.len());
        for &(_, n) in &self.other {
            cumulative.push(n + cumulative.last().copied().unwrap_or(0));
        }
        let total = cumulative.last().copied().unwrap_or(0);
        let draw = |rng: &mut Stream| {
            if total == 0 {
                return MISSING;
            }
            let u = below(rng, total);
            self.other[cumulative.partition_point(|&c| c <= u)].0
        };
        let other = (!self.other.is_empty()).then_some(self.level_of.len() as u32);
        tokens
            .iter()
            .map(|&t| match self.level_of.get(t as usize) {
                Some(&level) => level,
                None if Some(t) == other => draw(rng),
                None => MISSING,
            })
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::rng::stream;
    use proptest::prelude::*;

    fn levels(n: usize) -> Arc<[String]> {
        (0..n).map(|i| format!("level {i}")).collect()
    }

    #[test]
    fn rare_levels_share_a_token_and_come_back_by_frequency() {
        // level 0: 50 rows, level 1: 30, level 2: 6, level 3: 2, one missing
        let mut codes = vec![0; 50];
        codes.extend(vec![1; 30]);
        codes.extend(vec![2; 6]);
        codes.extend(vec![3; 2]);
        codes.push(MISSING);
        let codec = CategoryCodec::fit(&codes, &levels(4), 10, 100);
        assert_eq!(codec.span().tokens, 4);
        assert_eq!(codec.token(2), codec.token(3));
        assert_eq!(codec.missing_token(), Some(3));
        let back = codec.decode(&vec![2; 8000], &mut stream(1, "t", 0));
        let share = back.iter().filter(|&&c| c == 2).count() as f64 / 8000.0;
        assert!((share - 0.75).abs() < 0.02, "{share}");
        assert!(back.iter().all(|&c| c == 2 || c == 3));
    }

    #[test]
    fn fifty_thousand_levels_stay_bounded() {
        let codes: Vec<u32> = (0..200_000).map(|i| i % 50_000).collect();
        let codec = CategoryCodec::fit(&codes, &levels(50_000), 1, 256);
        assert_eq!(codec.span().tokens, 257);
        assert!(codec.encode(&codes).iter().all(|&t| t < 257));
    }

    proptest! {
        #[test]
        fn round_trip_without_rare_levels(codes in prop::collection::vec(prop_oneof![0u32..7, Just(MISSING)], 1..200)) {
            let codec = CategoryCodec::fit(&codes, &levels(7), 1, 7);
            let tokens = codec.encode(&codes);
            prop_assert!(tokens.iter().all(|&t| t < codec.span().tokens));
            prop_assert_eq!(codec.decode(&tokens, &mut stream(0, "t", 0)), codes);
        }

        #[test]
        fn what_comes_back_has_the_same_token(codes in prop::collection::vec(0u32..30, 1..200), rare in 1usize..20) {
            let codec = CategoryCodec::fit(&codes, &levels(30), rare, 8);
            let tokens = codec.encode(&codes);
            let back = codec.decode(&tokens, &mut stream(0, "t", 0));
            prop_assert_eq!(codec.encode(&back), tokens);
        }
    }
}
