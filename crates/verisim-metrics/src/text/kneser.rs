//! Language models of counted runs of tokens: interpolated Kneser-Ney with one discount an order (Kneser and Ney, ICASSP 1995; Chen and
//! Goodman, Computer Speech and Language 13, 1999, which this follows).
//!
//! For a run of k tokens with the last one w and those before it h, `P_k(w|h) = max(c - D, 0) / c(h) + D t(h) / c(h) * P_(k-1)(w|h')`,
//! where t counts the different tokens seen after h. At the longest runs c counts occurrences; below them it counts the different tokens
//! that stand before a run, but for runs from the start of a text, before which nothing can stand. `D = n1 / (n1 + 2 n2)` of an order, a
//! half where there is no such number. Below single tokens lies a base: all alike, or a fixed share for what is new.
//!
//! A run is one number of 64 bits, its last token lowest, so all runs of an order are a sorted list, and those after one context lie side
//! by side in it. Only contexts are hashed.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::set::Text;

/// The end of a text, and a token that is not known. Zero stands before the start; own tokens follow.
const END: u32 = 1;
const UNKNOWN: u32 = 2;
const FIRST: u32 = 3;

/// Characters of an alphabet, at most; rarer ones are unknown.
const SIGNS: usize = 1_000;
/// Tokens of the runs of models of characters and of words, and of the spelling of new words.
const CHARACTERS: u32 = 6;
const WORDS: u32 = 3;
const SPELLING: u32 = 4;
/// Runs are numbers of 64 bits: three words of so many bits.
const WORD_BITS: u32 = 21;

/// Counts of runs.
#[derive(Debug)]
struct Model {
    /// Bits of a token.
    bits: u32,
    /// Probability of any token and of an unknown one, where nothing was seen.
    base: [f64; 2],
    /// From single tokens up.
    orders: Vec<Order>,
}

/// The runs of one length.
#[derive(Debug, Default)]
struct Order {
    discount: f64,
    /// Where the tokens after a context are, how many, and the sum of their counts.
    contexts: FxHashMap<u64, [u32; 3]>,
    tokens: Vec<u32>,
    counts: Vec<u32>,
}

impl Model {
    /// Counts `texts` of tokens below `size`.
    fn new<'t>(order: u32, size: u32, unknown: Option<f64>, texts: impl Iterator<Item = &'t [u32]>) -> Model {
        let others = f64::from(size - 1);
        let base = match unknown {
            None => [1.0 / others; 2],
            Some(share) => [(1.0 - share) / (others - 1.0).max(1.0), share],
        };
        let bits = u32::BITS - (size - 1).leading_zeros();
        let mut model = Model { bits: bits.max(2), base, orders: Vec::new() };
        let whole = model.mask(order);
        let mut runs = Vec::new();
        for text in texts {
            let mut run = 0;
            for &token in text.iter().chain([&END]) {
                run = (run << model.bits | u64::from(token)) & whole;
                runs.push(run);
            }
        }
        runs.sort_unstable();
        // Runs with how often they occur, and how many different tokens stand before them.
        let mut found: Vec<(u64, u32, u32)> =
            runs.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32, same.len() as u32)).collect();
        drop(runs);
        for length in (1..=order).rev() {
            model.orders.push(model.order(&found, length, order));
            let shorter = model.mask(length - 1);
            found.iter_mut().for_each(|(run, ..)| *run &= shorter);
            // Stretches of it are sorted already, which a stable sort makes use of.
            found.sort_by_key(|(run, ..)| *run);
            let sum = |same: &[(u64, u32, u32)]| (same[0].0, same.iter().map(|r| r.1).sum(), same.len() as u32);
            found = found.chunk_by(|a, b| a.0 == b.0).map(sum).collect();
        }
        model.orders.reverse();
        model
    }

    fn mask(&self, length: u32) -> u64 {
        (1 << (self.bits * length)) - 1
    }

    fn order(&self, found: &[(u64, u32, u32)], length: u32, longest: u32) -> Order {
        let from_start = |run: u64| run >> (self.bits * (length - 1)) == 0;
        let count =
            |&(run, seen, before): &(u64, u32, u32)| if length == longest || from_start(run) { seen } else { before };
        let mut out = Order {
            tokens: found.iter().map(|r| (r.0 & self.mask(1)) as u32).collect(),
            counts: found.iter().map(count).collect(),
            ..Order::default()
        };
        let of = |n: u32| out.counts.iter().filter(|c| **c == n).count() as f64;
        let (once, twice) = (of(1), of(2));
        out.discount = if once > 0.0 && twice > 0.0 { once / (once + 2.0 * twice) } else { 0.5 };
        let mut from = 0;
        for same in found.chunk_by(|a, b| a.0 >> self.bits == b.0 >> self.bits) {
            let total = out.counts[from..from + same.len()].iter().sum();
            out.contexts.insert(same[0].0 >> self.bits, [from as u32, same.len() as u32, total]);
            from += same.len();
        }
        out
    }

    /// The probability of the last token of a run.
    fn probability(&self, run: u64, token: u32) -> f64 {
        let mut p = self.base[usize::from(token == UNKNOWN)];
        for (order, length) in self.orders.iter().zip(1..) {
            // A context that was not seen was not seen with more before it.
            let context = (run & self.mask(length)) >> self.bits;
            let Some(&[from, types, total]) = order.contexts.get(&context) else { break };
            let after = from as usize..(from + types) as usize;
            let at = order.tokens[after.clone()].binary_search(&token);
            let count = at.map_or(0.0, |k| f64::from(order.counts[after][k]));
            let (d, total) = (order.discount, f64::from(total));
            p = (count - d).max(0.0) / total + d * f64::from(types) / total * p;
        }
        p
    }

    /// What a text costs, the end of it too, in bits.
    fn bits_of(&self, text: impl Iterator<Item = u32>) -> Cost {
        let (mut run, mut cost) = (0_u64, Cost::default());
        let whole = self.mask(self.orders.len() as u32);
        for token in text.chain([END]) {
            run = (run << self.bits | u64::from(token)) & whole;
            cost.bits -= self.probability(run, token).log2();
            cost.tokens += 1.0;
        }
        cost
    }
}

/// What texts cost under a model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// Minus the logarithm of their probability, to base 2.
    pub bits: f64,
    /// Their tokens and ends.
    pub tokens: f64,
}

impl Cost {
    /// Bits a token.
    pub fn rate(&self) -> f64 {
        if self.tokens > 0.0 { self.bits / self.tokens } else { 0.0 }
    }

    /// Of several texts together.
    pub fn sum<'c>(costs: impl IntoIterator<Item = &'c Cost>) -> Cost {
        let add = |a: Cost, b: &Cost| Cost { bits: a.bits + b.bits, tokens: a.tokens + b.tokens };
        costs.into_iter().fold(Cost::default(), add)
    }

    /// The perplexity of several texts together.
    pub fn perplexity<'c>(costs: impl IntoIterator<Item = &'c Cost>) -> f64 {
        Cost::sum(costs).rate().min(60.0).exp2()
    }
}

/// The characters that a model knows.
#[derive(Clone, Debug)]
pub(super) struct Alphabet(FxHashMap<char, u32>);

impl Alphabet {
    /// The most frequent characters of some texts.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Alphabet {
        let mut counts: FxHashMap<char, u32> = FxHashMap::default();
        texts.into_iter().flat_map(str::chars).for_each(|c| *counts.entry(c).or_default() += 1);
        let mut found: Vec<(char, u32)> = counts.into_iter().collect();
        found.sort_unstable_by_key(|&(c, n)| (std::cmp::Reverse(n), c));
        Alphabet(found.into_iter().take(SIGNS).zip(FIRST..).map(|((c, _), id)| (c, id)).collect())
    }

    fn size(&self) -> u32 {
        self.0.len() as u32 + FIRST
    }

    fn codes<'a>(&'a self, text: &'a str) -> impl Iterator<Item = u32> + 'a {
        text.chars().map(|c| self.0.get(&c).copied().unwrap_or(UNKNOWN))
    }
}

/// A model of characters.
#[derive(Debug)]
pub(super) struct Characters<'a> {
    alphabet: Cow<'a, Alphabet>,
    model: Model,
}

impl<'a> Characters<'a> {
    /// Of runs of six characters.
    pub fn new(texts: &[&str]) -> Characters<'static> {
        let alphabet = Cow::Owned(Alphabet::new(texts.iter().copied()));
        Characters::of(CHARACTERS, alphabet, texts)
    }

    /// The same with an alphabet that others share.
    pub fn within(alphabet: &'a Alphabet, texts: &[&str]) -> Characters<'a> {
        Characters::of(CHARACTERS, Cow::Borrowed(alphabet), texts)
    }

    fn of(order: u32, alphabet: Cow<'a, Alphabet>, texts: &[&str]) -> Characters<'a> {
        let codes: Vec<Vec<u32>> = texts.iter().map(|t| alphabet.codes(t).collect()).collect();
        let model = Model::new(order, alphabet.size(), None, codes.iter().map(Vec::as_slice));
        Characters { alphabet, model }
    }

    /// What a text costs.
    pub fn cost(&self, text: &str) -> Cost {
        self.model.bits_of(self.alphabet.codes(text))
    }
}

/// A model of words. A new word costs half of the base and its spelling, so that nonsense is never cheap.
#[derive(Debug)]
pub(super) struct WordModel {
    ids: FxHashMap<u32, u32>,
    model: Model,
    spelling: Characters<'static>,
}

impl WordModel {
    /// Of runs of three words, spelt as `spelt` says. Words that are one too many are new.
    pub fn new(texts: &[&Text], spelt: &[Box<str>]) -> WordModel {
        let mut known: Vec<u32> = texts.iter().flat_map(|t| &t.words).copied().collect();
        known.sort_unstable();
        known.dedup();
        known.truncate((1 << WORD_BITS) - FIRST as usize);
        let spellings: Vec<&str> = known.iter().map(|&w| &*spelt[w as usize]).collect();
        let alphabet = Cow::Owned(Alphabet::new(spellings.iter().copied()));
        let spelling = Characters::of(SPELLING, alphabet, &spellings);
        let ids: FxHashMap<u32, u32> = known.iter().copied().zip(FIRST..).collect();
        let code = |t: &&Text| t.words.iter().map(|w| ids.get(w).copied().unwrap_or(UNKNOWN)).collect();
        let codes: Vec<Vec<u32>> = texts.iter().map(code).collect();
        let model = Model::new(WORDS, known.len() as u32 + FIRST, Some(0.5), codes.iter().map(Vec::as_slice));
        WordModel { ids, model, spelling }
    }

    /// What a text costs.
    pub fn cost(&self, text: &Text, spelt: &[Box<str>]) -> Cost {
        let mut cost = self.model.bits_of(text.words.iter().map(|w| self.ids.get(w).copied().unwrap_or(UNKNOWN)));
        let new = text.words.iter().filter(|w| !self.ids.contains_key(w));
        cost.bits += new.map(|&w| self.spelling.cost(&spelt[w as usize]).bits).sum::<f64>();
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::texts;

    #[test]
    fn pairs_of_letters_by_hand() {
        // "ab", "ab", "a": tokens a = 3, b = 4, size 5, base 1/4. Order 2 counts: (start a) 3, (a b) 2, (b end) 2, (a end) 1; D: n1 = 1,
        // n2 = 2: 1/5. Single tokens by what stands before: a 1, b 1, end 2: n1 = 2, n2 = 1: D = 1/2, sum 4.
        let texts: [&[u32]; 3] = [&[3, 4], &[3, 4], &[3]];
        let model = Model::new(2, 5, None, texts.into_iter());
        let one = |count: f64| (count - 0.5) / 4.0 + 0.5 * 3.0 / 4.0 * 0.25;
        let start_a = 2.8 / 3.0 + 0.2 / 3.0 * one(1.0);
        let a_end = 0.8 / 3.0 + 0.2 * 2.0 / 3.0 * one(2.0);
        let cost = model.bits_of([3].into_iter());
        assert!((cost.bits + (start_a * a_end).log2()).abs() < 1e-12, "{cost:?}");
    }

    #[test]
    fn probabilities_add_up() {
        let texts: [&[u32]; 4] = [&[3, 4, 5], &[4, 4, 3], &[5, 3, 4, 5], &[3]];
        for unknown in [None, Some(0.5)] {
            let model = Model::new(3, 6, unknown, texts.into_iter());
            for before in [0, 3, 3 << model.bits | 4, 5 << model.bits | 5] {
                let sum: f64 = (1..6).map(|t| model.probability(before << model.bits | u64::from(t), t)).sum();
                assert!((sum - 1.0).abs() < 1e-12, "{before} {sum}");
            }
        }
    }

    #[test]
    fn an_unknown_character_costs_the_base() {
        let model = Characters::new(&["aab", "ab"]);
        let [known, unknown] = ["ab", "az"].map(|t| model.cost(t));
        assert!(unknown.bits > known.bits && unknown.tokens == 3.0);
        let (texts, words) = texts(&["the cat sat", "the cat ran", "a dog sat"]);
        let all: Vec<&Text> = texts.iter().collect();
        let model = WordModel::new(&all[..2], &words.spelt);
        let cost = |k: usize| model.cost(all[k], &words.spelt);
        assert!(cost(2).bits > cost(0).bits + 10.0, "{:?} {:?}", cost(2), cost(0));
    }
}
