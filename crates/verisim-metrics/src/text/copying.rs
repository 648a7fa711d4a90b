//! Are synthetic texts training texts? Shares of texts that equal a training text but for white space, that hold a run of 30, 50 or 100
//! characters or of 8 words that stands in one training text, and of near duplicates ([`near`](super::near)). Honest texts share set
//! phrases too, so beside each stands the share of fresh real texts, and Fisher's exact test says whether there are more.
//!
//! All training texts are looked at, however many are compared elsewhere. Without a hold-out the test is against one half of them, where the other
//! half are the fresh texts.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use schemars::JsonSchema;
use serde::Serialize;
use verisim_data::text::Texts;

use super::near::Near;
use super::runs::{Runs, characters, words};
use super::secrets::{Returned, returned};
use super::set::Sides;
use crate::Count;

/// Characters of the runs that are looked for.
pub(super) const CHARACTERS: [usize; 3] = [30, 50, 100];
/// Words of them.
const WORDS: usize = 8;
/// Where half of the training texts are shorter, runs of three characters say whether texts are near each other, not of five.
const SHORT: usize = 30;
/// Texts that are shown: drawn by chance, and with copied runs.
const SHOWN: usize = 8;

/// A sign of copying.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Copied {
    /// Synthetic texts with it, beside all training texts.
    pub synthetic: Count,
    /// The same beside the training texts that fresh ones are held against: all, or a half where there is no hold-out.
    pub tested: Count,
    /// Fresh texts with it.
    pub fresh: Count,
    /// How likely fresh texts have it so often (Fisher's exact test).
    pub chance: f64,
}

/// Signs of copying.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Copying {
    /// Training texts that were looked at.
    pub searched: usize,
    /// The same text but for white space.
    pub exact: Copied,
    /// A run of 30 characters.
    pub run_30_characters: Copied,
    /// Of 50.
    pub run_50_characters: Copied,
    /// Of 100.
    pub run_100_characters: Copied,
    /// A run of eight words.
    pub run_8_words: Copied,
    /// Nearly the same text.
    pub near_duplicates: Copied,
    /// Names, mail addresses and numbers that came back.
    pub returned: Vec<Returned>,
}

/// A text in parts, of which some are copied.
pub(super) type Marked = Vec<(String, bool)>;

/// Texts with their copied runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// Synthetic texts drawn by chance.
    pub drawn: Vec<Marked>,
    /// Those with the longest copied runs.
    pub copied: Vec<Marked>,
}

/// Texts as they are looked at.
struct Looked {
    whole: Vec<String>,
    characters: Vec<Vec<u64>>,
    words: Vec<Vec<u64>>,
}

impl Looked {
    fn new(texts: &[&str]) -> Looked {
        let whole: Vec<String> = texts.par_iter().map(|t| clean(t)).collect();
        Looked {
            characters: whole.par_iter().map(|t| characters(t)).collect(),
            words: whole.par_iter().map(|t| words(t)).collect(),
            whole,
        }
    }
}

/// A text with single spaces.
fn clean(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

/// What each of some texts has, by sign.
type Signs = [Vec<bool>; 6];

/// Any number of texts, one at a time.
pub(super) type Passing<'a> = (usize, &'a (dyn Fn(usize) -> String + Sync));

/// Which signs of being copied from `real` the texts `asked` about have; and the runs of 30 characters.
fn signs(asked: &Looked, (count, real): Passing<'_>, seed: u64) -> (Signs, Runs) {
    let mut lengths: Vec<usize> = (0..count).into_par_iter().map(|i| real(i).chars().count()).collect();
    lengths.sort_unstable();
    let k = if lengths.get(count / 2).is_some_and(|l| *l < SHORT) { 3 } else { 5 };
    let whole: FxHashMap<&str, AtomicBool> = asked.whole.iter().map(|t| (t.as_str(), AtomicBool::new(false))).collect();
    let runs = CHARACTERS.map(|length| Runs::new(length, asked.characters.iter().map(Vec::as_slice)));
    let of_words = Runs::new(WORDS, asked.words.iter().map(Vec::as_slice));
    let near = Near::new(&asked.characters, k, seed);
    (0..count).into_par_iter().for_each(|i| {
        let text = clean(&real(i));
        if let Some(ticked) = whole.get(text.as_str()) {
            ticked.store(true, Ordering::Relaxed);
        }
        let tokens = characters(&text);
        runs.iter().for_each(|runs| runs.pass(&tokens));
        near.pass(&tokens);
        of_words.pass(&words(&text));
    });
    let exact = asked.whole.iter().map(|t| whole[t.as_str()].load(Ordering::Relaxed)).collect();
    let has = |runs: &Runs, texts: &[Vec<u64>]| texts.par_iter().map(|t| runs.is_in(t)).collect::<Vec<bool>>();
    let [short, middle, long] = runs.each_ref().map(|runs| has(runs, &asked.characters));
    let words = has(&of_words, &asked.words);
    let [runs, ..] = runs;
    ([exact, short, middle, long, words, near.found()], runs)
}

/// Looks for copies of the training texts.
pub(super) fn copying(sides: &Sides, train: &Texts, seed: u64) -> (Copying, Shown) {
    let made = &sides.synthetic;
    let every: Passing<'_> = (train.documents.len(), &|i| train.documents[i].text());
    let half: Passing<'_> = (sides.real.len(), &|i| sides.real[i].raw.clone());
    let both: Vec<&str> = made.iter().chain(&sides.fresh).map(|t| t.raw.as_str()).collect();
    let asked = Looked::new(&both);
    let (of_all, runs) = signs(&asked, every, seed);
    let of_half = if sides.is_halves { Some(signs(&asked, half, seed).0) } else { None };
    let count = |of: &[bool]| Count::of(of.iter().copied());
    let sign = |k: usize| {
        let tested = of_half.as_ref().unwrap_or(&of_all);
        let (own, fresh) = tested[k].split_at(made.len());
        let (tested, fresh) = (count(own), count(fresh));
        let synthetic = count(&of_all[k][..made.len()]);
        Copied { synthetic, tested, fresh, chance: tested.chance_of_more(fresh) }
    };
    let real = if sides.is_halves { half } else { every };
    let n = sides.count;
    let returned = returned(real, [&both[..n], &both[made.len()..made.len() + n]], seed);
    let found = Copying {
        searched: every.0,
        exact: sign(0),
        run_30_characters: sign(1),
        run_50_characters: sign(2),
        run_100_characters: sign(3),
        run_8_words: sign(4),
        near_duplicates: sign(5),
        returned,
    };
    (found, shown(&asked, &runs, made.len()))
}

fn shown(asked: &Looked, runs: &Runs, made: usize) -> Shown {
    let marked = |i: usize| {
        let mut parts = Vec::new();
        let mut rest = asked.whole[i].chars();
        let mut at = 0;
        for stretch in runs.stretches(&asked.characters[i]) {
            let mut take = |n: usize, is_copied| {
                let part: String = rest.by_ref().take(n).collect();
                if !part.is_empty() {
                    parts.push((part, is_copied));
                }
            };
            take(stretch.start - at, false);
            take(stretch.len(), true);
            at = stretch.end;
        }
        let last: String = rest.collect();
        if !last.is_empty() {
            parts.push((last, false));
        }
        parts
    };
    let longest =
        |i: &usize| runs.stretches(&asked.characters[*i]).iter().map(ExactSizeIterator::len).max().unwrap_or(0);
    let mut with: Vec<(usize, usize)> =
        (0..made).into_par_iter().map(|i| (longest(&i), i)).filter(|(n, _)| *n > 0).collect();
    with.sort_by_key(|&(n, i)| (std::cmp::Reverse(n), i));
    // The same text shows nothing new.
    let mut seen: FxHashSet<&str> = FxHashSet::default();
    with.retain(|(_, i)| seen.insert(&asked.whole[*i]));
    Shown {
        drawn: (0..made.min(SHOWN)).map(marked).collect(),
        copied: with.into_iter().take(SHOWN).map(|(_, i)| marked(i)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::{set, sides, wording};

    fn copies(made: &[String], fresh: Option<&[String]>) -> (Copying, Shown) {
        let real = wording(0..150);
        copying(&sides(&real, made, fresh), &set(&real), 1)
    }

    #[test]
    fn a_copy_is_caught_and_fresh_texts_are_not() {
        let (found, shown) = copies(&wording(0..150), Some(&wording(150..300)));
        for (sign, name) in [(found.exact, "exact"), (found.run_30_characters, "run"), (found.near_duplicates, "near")]
        {
            assert_eq!(sign.synthetic.hits, 150, "{name}");
            assert!(sign.chance < 1e-20 && sign.fresh.rate() < 0.4, "{name} {sign:?}");
        }
        assert_eq!(shown.copied.len(), SHOWN);
        assert!(shown.copied.iter().all(|t| t.len() == 1 && t[0].1));
        let (found, _) = copies(&wording(300..450), Some(&wording(150..300)));
        for sign in [found.exact, found.run_30_characters, found.run_50_characters, found.run_8_words] {
            assert!(sign.chance > 0.01, "{sign:?}");
        }
    }

    #[test]
    fn without_a_hold_out_a_copy_is_caught_by_halves() {
        let (found, _) = copies(&wording(0..150), None);
        assert_eq!((found.exact.synthetic.hits, found.exact.tested.hits), (150, 75));
        assert!(found.exact.chance < 1e-10 && found.exact.fresh.hits == 0);
        let (found, _) = copies(&wording(300..450), None);
        assert!(found.run_30_characters.chance > 0.01);
    }

    #[test]
    fn overlaps_of_each_length_are_told() {
        let letters: String = (0..200_u32).map(|i| char::from(b'a' + (i * i % 97 % 26) as u8)).collect();
        let real = vec![letters.clone()];
        // 29, 30, 49, 50, 99, 100 characters of it between digits.
        let made: Vec<String> = [29, 30, 49, 50, 99, 100].map(|n| format!("1{}2", &letters[40..40 + n])).to_vec();
        let (found, shown) = copying(&sides(&real, &made, Some(&["nothing".to_owned()])), &set(&real), 1);
        let hits =
            [found.run_30_characters, found.run_50_characters, found.run_100_characters].map(|s| s.synthetic.hits);
        assert_eq!(hits, [5, 3, 1]);
        assert_eq!((found.exact.synthetic.hits, found.run_8_words.synthetic.hits), (0, 0));
        assert_eq!(shown.copied[0].iter().map(|p| p.0.len()).collect::<Vec<_>>(), [1, 100, 1]);
    }
}
