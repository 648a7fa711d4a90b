//! Texts that a regular expression fits: one drawn from a cell, or the n-th of all of them.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use crate::cell::Cell;

/// Letters of a class from which on it is one of all alphabets (`\d`, `\w`, `.`).
const WIDE: u64 = 200;
/// Repetitions without an end (`a*`, `a+`, `a{3,}`) end after so many more.
const MORE: u32 = 8;

/// A regular expression that texts are made of.
#[derive(Clone, Debug)]
pub struct Pattern {
    node: Node,
}

#[derive(Clone, Debug)]
enum Node {
    Empty,
    Text(String),
    /// Ranges of letters, and how many there are in all.
    Letter(Vec<(u32, u32)>, u64),
    Repeat(Box<Node>, u32, u32),
    All(Vec<Node>),
    One(Vec<Node>),
}

impl Pattern {
    /// Reads a regular expression. Anchors at its ends mean nothing, since a text is all of it.
    ///
    /// # Errors
    /// When it is none, or needs what lies around a text.
    pub fn new(pattern: &str) -> Result<Pattern, String> {
        let hir = regex_syntax::Parser::new().parse(pattern).map_err(|e| {
            // The last line says what is wrong; those before draw where.
            let said = e.to_string();
            format!(
                "`{pattern}` is no regular expression: {}",
                said.lines().last().unwrap_or_default().trim_start_matches("error: ")
            )
        })?;
        Ok(Pattern { node: node(&hir)? })
    }

    /// A text drawn from a cell: each letter of a class as likely, each branch as likely.
    pub fn draw(&self, cell: &mut Cell, text: &mut String) {
        draw(&self.node, cell, text);
    }

    /// How many texts there are, if they are fewer than 2^64.
    pub fn count(&self) -> Option<u64> {
        u64::try_from(count(&self.node)?).ok()
    }

    /// The text of number `n`, less than [`count`](Pattern::count).
    pub fn nth(&self, n: u64, text: &mut String) {
        nth(&self.node, u128::from(n), text);
    }
}

fn node(hir: &Hir) -> Result<Node, String> {
    Ok(match hir.kind() {
        HirKind::Empty => Node::Empty,
        // Anchors at the ends: `^` and `$`.
        HirKind::Look(Look::Start | Look::End | Look::StartLF | Look::EndLF | Look::StartCRLF | Look::EndCRLF) => {
            Node::Empty
        }
        HirKind::Look(_) => return Err("asks for the border of a word (`\\b`), which is not made".to_owned()),
        HirKind::Literal(text) => match std::str::from_utf8(&text.0) {
            Ok(text) => Node::Text(text.to_owned()),
            Err(_) => return Err("has bytes that are no text".to_owned()),
        },
        HirKind::Class(class) => letters(class)?,
        HirKind::Repetition(repeat) => {
            let most = repeat.max.unwrap_or(repeat.min.saturating_add(MORE));
            Node::Repeat(Box::new(node(&repeat.sub)?), repeat.min, most)
        }
        HirKind::Capture(capture) => node(&capture.sub)?,
        HirKind::Concat(all) => Node::All(all.iter().map(node).collect::<Result<_, _>>()?),
        HirKind::Alternation(all) => Node::One(all.iter().map(node).collect::<Result<_, _>>()?),
    })
}

/// The letters of a class; of one of all alphabets (as `.`, `\d` and `[^a]` are) the printable ones of ASCII, if it has any.
fn letters(class: &Class) -> Result<Node, String> {
    let mut ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|r| (r.start() as u32, r.end() as u32)).collect(),
        Class::Bytes(class) => class.ranges().iter().map(|r| (u32::from(r.start()), u32::from(r.end()))).collect(),
    };
    let wide: u64 = ranges.iter().map(|(a, b)| u64::from(b - a) + 1).sum();
    let printable: Vec<(u32, u32)> =
        ranges.iter().map(|&(a, b)| (a.max(0x20), b.min(0x7e))).filter(|(a, b)| a <= b).collect();
    if wide > WIDE && !printable.is_empty() {
        ranges = printable;
    }
    // No letters lie between the surrogates.
    let (low, high) = (0xd800, 0xdfff);
    let ranges: Vec<(u32, u32)> = ranges
        .into_iter()
        .flat_map(|(a, b)| [(a, b.min(low - 1)), (a.max(high + 1), b)])
        .filter(|(a, b)| a <= b)
        .collect();
    let mut ranges = ranges;
    ranges.sort_unstable();
    ranges.dedup();
    let count = ranges.iter().map(|(a, b)| u64::from(b - a) + 1).sum();
    if count == 0 { Err("has a class without letters".to_owned()) } else { Ok(Node::Letter(ranges, count)) }
}

fn letter(ranges: &[(u32, u32)], mut n: u64) -> char {
    for &(a, b) in ranges {
        let count = u64::from(b - a) + 1;
        if n < count {
            return char::from_u32(a + n as u32).unwrap_or('?');
        }
        n -= count;
    }
    '?'
}

fn draw(node: &Node, cell: &mut Cell, text: &mut String) {
    match node {
        Node::Empty => {}
        Node::Text(said) => text.push_str(said),
        Node::Letter(ranges, count) => text.push(letter(ranges, cell.below(*count))),
        Node::Repeat(of, least, most) => {
            let times = u64::from(*least) + cell.below(u64::from(most - least) + 1);
            (0..times).for_each(|_| draw(of, cell, text));
        }
        Node::All(all) => all.iter().for_each(|node| draw(node, cell, text)),
        Node::One(all) => draw(&all[cell.below(all.len() as u64) as usize], cell, text),
    }
}

fn count(node: &Node) -> Option<u128> {
    match node {
        Node::Empty | Node::Text(_) => Some(1),
        Node::Letter(_, count) => Some(u128::from(*count)),
        Node::Repeat(of, least, most) => {
            let one = count(of)?;
            (*least..=*most).try_fold(0u128, |sum, k| sum.checked_add(one.checked_pow(k)?))
        }
        Node::All(all) => all.iter().try_fold(1u128, |product, node| product.checked_mul(count(node)?)),
        Node::One(all) => all.iter().try_fold(0u128, |sum, node| sum.checked_add(count(node)?)),
    }
}

/// The last part counts up fastest, as in numbers.
fn nth(node: &Node, mut n: u128, text: &mut String) {
    match node {
        Node::Empty => {}
        Node::Text(said) => text.push_str(said),
        Node::Letter(ranges, _) => text.push(letter(ranges, n as u64)),
        Node::Repeat(of, least, most) => {
            let one = count(of).unwrap_or(1);
            for k in *least..=*most {
                let all = one.saturating_pow(k);
                if n < all {
                    let parts: Vec<&Node> = (0..k).map(|_| of.as_ref()).collect();
                    return product(&parts, n, text);
                }
                n -= all;
            }
        }
        Node::All(all) => product(&all.iter().collect::<Vec<_>>(), n, text),
        Node::One(all) => {
            for node in all {
                let here = count(node).unwrap_or(1);
                if n < here {
                    return nth(node, n, text);
                }
                n -= here;
            }
        }
    }
}

fn product(parts: &[&Node], mut n: u128, text: &mut String) {
    let mut digits = vec![0; parts.len()];
    for (digit, part) in digits.iter_mut().zip(parts).rev() {
        let base = count(part).unwrap_or(1).max(1);
        *digit = n % base;
        n /= base;
    }
    parts.iter().zip(digits).for_each(|(part, digit)| nth(part, digit, text));
}

/// A permutation of `0..count`, by a Feistel network of four rounds on the smallest even number of bits that holds it: values beyond are
/// sent on until one is inside ("cycle walking", Black and Rogaway 2002). It takes no memory.
pub fn shuffled(key: u64, count: u64, n: u64) -> u64 {
    if count <= 1 {
        return 0;
    }
    let half = (64 - (count - 1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1u64 << half) - 1;
    let mut x = n;
    loop {
        let (mut left, mut right) = (x >> half, x & mask);
        for round in 0..4u64 {
            let mixed = verisim_data::rng::mix(key ^ (round << 56) ^ right) & mask;
            (left, right) = (right, left ^ mixed);
        }
        x = (left << half) | right;
        if x < count {
            return x;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn all(pattern: &str) -> Vec<String> {
        let pattern = Pattern::new(pattern).unwrap();
        let text = |n| {
            let mut text = String::new();
            pattern.nth(n, &mut text);
            text
        };
        (0..pattern.count().unwrap()).map(text).collect()
    }

    #[test]
    fn all_texts_are_counted_and_told_apart() {
        assert_eq!(all("a[0-2]"), ["a0", "a1", "a2"]);
        assert_eq!(all("x|y[ab]"), ["x", "ya", "yb"]);
        assert_eq!(all("[ab]{1,2}"), ["a", "b", "aa", "ab", "ba", "bb"]);
        assert_eq!(all("^[A-B]-\\d$").len(), 20);
        assert_eq!(Pattern::new("CUS-[0-9]{6}").unwrap().count(), Some(1_000_000));
        assert_eq!(Pattern::new("[a-z]{40}").unwrap().count(), None);
    }

    #[test]
    fn drawn_texts_are_among_all() {
        let pattern = Pattern::new("(ab|c)[0-9]{1,3}x?").unwrap();
        let there: BTreeSet<String> = all("(ab|c)[0-9]{1,3}x?").into_iter().collect();
        let mut seen = BTreeSet::new();
        for k in 0..2_000 {
            let mut text = String::new();
            pattern.draw(&mut Cell::from_state(k), &mut text);
            assert!(there.contains(&text), "{text}");
            seen.insert(text);
        }
        assert!(seen.len() > 300);
    }

    #[test]
    fn wide_classes_keep_to_letters_that_can_be_seen() {
        let pattern = Pattern::new(".{20}").unwrap();
        let mut text = String::new();
        pattern.draw(&mut Cell::from_state(1), &mut text);
        assert!(text.len() == 20 && text.chars().all(|c| (' '..='~').contains(&c)));
        assert!(Pattern::new("[а-я]{3}").unwrap().count() == Some(32 * 32 * 32));
    }

    #[test]
    fn mistakes_are_said() {
        assert!(Pattern::new("[a-").unwrap_err().contains("no regular expression"));
        assert!(Pattern::new("\\bx").unwrap_err().contains("border"));
    }

    #[test]
    fn a_permutation_hits_each_number_once() {
        for count in [1, 2, 3, 10, 1_000, 4_097] {
            let seen: BTreeSet<u64> = (0..count).map(|n| shuffled(9, count, n)).collect();
            assert_eq!(seen.len() as u64, count);
            assert!(seen.iter().all(|&n| n < count));
        }
        let moved = (0..1_000).filter(|&n| shuffled(9, 1_000, n) != n).count();
        assert!(moved > 980);
    }
}
