//! Names, mail addresses and long numbers of the training texts that come back. Patterns find them, so some are none; but they find them
//! in real texts in just the same way. What both synthetic and fresh texts have is public, or a pattern's mistake; what counts is what only
//! one of them has, which for fresh texts is as likely as for synthetic ones that lean on nobody.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use schemars::JsonSchema;
use serde::Serialize;

use super::chance;
use super::copying::Passing;

/// Digits of a number that may be somebody's, at least.
const DIGITS: usize = 7;
/// Words of a name, at most.
const NAMES: usize = 3;

/// What may be private.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Two or three words in a row that begin with a capital letter.
    Names,
    /// Mail addresses.
    Mails,
    /// Phone and other numbers of seven digits or more.
    Numbers,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Returned {
    /// Of which sort.
    pub sort: Sort,
    /// Different ones of training that synthetic texts have, and fresh ones do not.
    pub synthetic: usize,
    /// Different ones of training that as many fresh texts have, and synthetic ones do not.
    pub fresh: usize,
    /// How often there are so many more where the texts of both are dealt anew.
    pub chance: f64,
}

/// What came back of the texts of `real`, in equally many synthetic and fresh texts.
pub(super) fn returned((count, real): Passing<'_>, [made, fresh]: [&[&str]; 2], seed: u64) -> Vec<Returned> {
    let of = |texts: &[&str]| texts.par_iter().map(|t| find(t)).collect::<Vec<_>>();
    let both = [of(made), of(fresh)].concat();
    let asked: FxHashSet<&(Sort, String)> = both.iter().flatten().collect();
    let there: FxHashSet<(Sort, String)> = (0..count)
        .into_par_iter()
        .flat_map_iter(|i| find(&real(i)).into_iter().filter(|secret| asked.contains(secret)))
        .collect::<Vec<_>>()
        .into_iter()
        .collect();
    let one = |sort: Sort| {
        let mut ids: FxHashMap<&str, usize> = FxHashMap::default();
        let mut number = |secret| {
            let next = ids.len();
            *ids.entry(secret).or_insert(next)
        };
        let texts: Vec<Vec<usize>> = both
            .iter()
            .map(|found| {
                let own = found.iter().filter(|secret| secret.0 == sort && there.contains(secret));
                own.map(|secret| number(secret.1.as_str())).collect()
            })
            .collect();
        let different = ids.len();
        let only = |of: [&[usize]; 2]| {
            let mut has = [vec![false; different], vec![false; different]];
            for (has, of) in has.iter_mut().zip(of) {
                of.iter().flat_map(|&i| &texts[i]).for_each(|&s| has[s] = true);
            }
            let [a, b] = has;
            let count = |x: &[bool], y: &[bool]| x.iter().zip(y).filter(|(x, y)| **x && !**y).count();
            (count(&a, &b), count(&b, &a))
        };
        let [first, second] = [0..made.len(), made.len()..both.len()].map(|r| r.collect::<Vec<usize>>());
        let (synthetic, fresh) = only([&first, &second]);
        let chance = chance::of_difference([made.len(), both.len() - made.len()], seed, "text secrets", |of| {
            let (a, b) = only(of);
            a as f64 - b as f64
        });
        Returned { sort, synthetic, fresh, chance }
    };
    [Sort::Names, Sort::Mails, Sort::Numbers].map(one).to_vec()
}

/// What may be private in a text, in one form however it is written; sorted, none twice.
fn find(text: &str) -> Vec<(Sort, String)> {
    let mut out: Vec<(Sort, String)> = numbers(text).into_iter().map(|n| (Sort::Numbers, n)).collect();
    out.extend(mails(text).into_iter().map(|m| (Sort::Mails, m)));
    out.extend(names(text).into_iter().map(|n| (Sort::Names, n)));
    out.sort_unstable();
    out.dedup();
    out
}

/// Digits, with single signs between them as people write phone numbers.
fn numbers(text: &str) -> Vec<String> {
    let (mut out, mut digits, mut signs) = (Vec::new(), String::new(), 0);
    for c in text.chars().chain(['\n']) {
        match c {
            '0'..='9' => {
                digits.push(c);
                signs = 0;
            }
            ' ' | '-' | '.' | '/' | '(' | ')' if !digits.is_empty() && signs < 2 => signs += 1,
            _ => {
                if digits.len() >= DIGITS {
                    out.push(digits.clone());
                }
                digits.clear();
                signs = 0;
            }
        }
    }
    out
}

fn mails(text: &str) -> Vec<String> {
    let is_of = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    let one = |(at, _): (usize, &str)| {
        let before = text[..at].rsplit(|c| !is_of(c)).next()?;
        let after = text[at + 1..].split(|c: char| !is_of(c)).next()?.trim_end_matches(['.', '-', '_']);
        let has_end = after.rsplit_once('.').is_some_and(|(host, end)| !host.is_empty() && end.chars().count() >= 2);
        (!before.is_empty() && has_end).then(|| format!("{before}@{after}").to_lowercase())
    };
    text.match_indices('@').filter_map(one).collect()
}

fn names(text: &str) -> Vec<String> {
    let is_name = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.clone().next().is_some()
            && letters.all(|c| c.is_lowercase() || "'-’".contains(c))
    };
    let (mut out, mut own) = (Vec::new(), Vec::new());
    let mut end = |own: &mut Vec<&str>| {
        if (2..=NAMES).contains(&own.len()) {
            out.push(own.join(" "));
        }
        own.clear();
    };
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        // A sign before a word, or after it, parts names.
        let (opens, closes) = (!word.starts_with(bare), !word.ends_with(bare));
        if opens || !is_name(bare) {
            end(&mut own);
        }
        if is_name(bare) {
            own.push(bare);
        }
        if closes {
            end(&mut own);
        }
    }
    end(&mut own);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_what_people_write() {
        assert_eq!(numbers("call 0800-123 4567 or +44 (20) 7946 0958; 12 345; 2005."), ["08001234567", "442079460958"]);
        assert_eq!(mails("to Ann.B@mail.example.org. or @home, a@b, x@y.z"), ["ann.b@mail.example.org"]);
        assert_eq!(
            names("so Mary Ann Smith, Peter (Paul Jones) met the Queen Of A"),
            ["Mary Ann Smith", "Paul Jones", "Queen Of"]
        );
        assert!(find("nothing here").is_empty());
    }

    #[test]
    fn what_a_copier_gives_back_is_counted() {
        let real: Vec<String> = (0..60).map(|i| format!("call 07{:09} now", i * 7_919)).collect();
        let fresh: Vec<String> = (0..60).map(|i| format!("call 08{:09} now", i * 6_101)).collect();
        let [a, b] = [&real, &fresh].map(|texts| texts.iter().map(String::as_str).collect::<Vec<&str>>());
        let numbers = |made: &[&str]| returned((a.len(), &|i| a[i].to_owned()), [made, &b], 1)[2];
        let found = numbers(&a);
        assert_eq!((found.sort, found.synthetic, found.fresh), (Sort::Numbers, 60, 0));
        assert!(found.chance < 0.01);
        let found = numbers(&b);
        assert_eq!((found.synthetic, found.fresh, found.chance), (0, 0, 1.0));
    }
}
