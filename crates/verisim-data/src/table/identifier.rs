//! Keys: recognising the shape of a column of unique values, and making new ones in that shape.
//!
//! New keys are a function of `(seed, row)` alone. They are unique because row numbers are put through a
//! bijection of the key space: a Feistel network on the next power of four, walked until it lands inside
//! (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002). Nothing of the real keys survives but
//! their shape.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::rng::mix;

/// How the keys of a column look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `prefix` and a running number, padded with zeros to `width` digits: row `i` has `start + i * step`.
    Sequence {
        /// Text before the number.
        prefix: String,
        /// The number of row 0.
        start: i64,
        /// From one row to the next.
        step: i64,
        /// Least number of digits.
        width: u8,
    },
    /// `prefix` and a number drawn from `low ..= high`, padded with zeros to `width` digits. When all of those
    /// are used up the numbers go on above `high`.
    Number {
        /// Text before the number.
        prefix: String,
        /// Least number.
        low: i64,
        /// Greatest number.
        high: i64,
        /// Least number of digits.
        width: u8,
    },
    /// A version 4 UUID.
    Uuid {
        /// Hexadecimal digits in upper case.
        upper: bool,
    },
    /// One character after another. When all combinations are used up a number is appended.
    Pattern {
        /// The characters.
        parts: Vec<Part>,
    },
}

/// One character of a [`Shape::Pattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// This character.
    Literal(char),
    /// `0` to `9`.
    Digit,
    /// `0` to `9`, `a` to `f`.
    Hex,
    /// `A` to `Z`.
    Upper,
    /// `a` to `z`.
    Lower,
    /// `0` to `9`, `A` to `Z`.
    UpperDigit,
    /// `0` to `9`, `a` to `z`.
    LowerDigit,
    /// `0` to `9` and both cases.
    Alphanumeric,
}

impl Part {
    fn alphabet(self) -> &'static [u8] {
        const ALL: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        match self {
            Part::Literal(_) => &[],
            Part::Digit => &ALL[..10],
            Part::Hex => &ALL[..16],
            Part::Upper => &ALL[36..],
            Part::Lower => &ALL[10..36],
            Part::UpperDigit => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            Part::LowerDigit => &ALL[..36],
            Part::Alphanumeric => ALL,
        }
    }
}

impl Shape {
    /// True when keys are whole numbers without a prefix or leading zeros.
    pub fn is_integer(&self) -> bool {
        match self {
            Shape::Sequence { prefix, width, .. } | Shape::Number { prefix, width, .. } => {
                prefix.is_empty() && *width <= 1
            }
            Shape::Uuid { .. } | Shape::Pattern { .. } => false,
        }
    }

    /// The number in the key of `row`, for shapes that have one.
    pub fn number(&self, row: u64, seed: u64) -> Option<i64> {
        match *self {
            Shape::Sequence { start, step, .. } => Some(start.wrapping_add(step.wrapping_mul(row as i64))),
            Shape::Number { low, high, .. } => {
                let size = high.abs_diff(low).saturating_add(1);
                let (block, place) = (row / size, shuffled((row % size).into(), size.into(), seed) as u64);
                Some(low.wrapping_add(block.wrapping_mul(size).wrapping_add(place) as i64))
            }
            Shape::Uuid { .. } | Shape::Pattern { .. } => None,
        }
    }

    /// Appends the key of `row` to `out`. Rows have different keys under one `seed`.
    pub fn push(&self, row: u64, seed: u64, out: &mut String) {
        match self {
            Shape::Sequence { prefix, width, .. } | Shape::Number { prefix, width, .. } => {
                let number = self.number(row, seed).unwrap_or_default();
                // Writing to a string cannot fail.
                let _ = write!(out, "{prefix}{number:0width$}", width = usize::from(*width));
            }
            Shape::Uuid { upper } => push_uuid(row, seed, *upper, out),
            Shape::Pattern { parts } => push_pattern(parts, row, seed, out),
        }
    }

    /// The shape that all of `keys` share, in the order of the rows; `None` when they share none.
    pub fn of<'a>(keys: impl Iterator<Item = &'a str> + Clone) -> Option<Shape> {
        uuids(keys.clone()).or_else(|| numbered(keys.clone())).or_else(|| pattern(keys))
    }
}

/// Version 4 (RFC 9562): 122 free bits, of which 62 make it unique and 60 come from a hash.
fn push_uuid(row: u64, seed: u64, upper: bool, out: &mut String) {
    let high = mix(seed ^ mix(row)) & !0xf000 | 0x4000;
    let low = shuffled(row.into(), 1 << 62, seed) as u64 | 1 << 63;
    let [a, b, c] = [high >> 32, high >> 16 & 0xffff, high & 0xffff];
    let [d, e] = [low >> 48, low & 0xffff_ffff_ffff];
    // Writing to a string cannot fail.
    let _ = match upper {
        true => write!(out, "{a:08X}-{b:04X}-{c:04X}-{d:04X}-{e:012X}"),
        false => write!(out, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}"),
    };
}

fn push_pattern(parts: &[Part], row: u64, seed: u64, out: &mut String) {
    // The last characters, as many as fit the bijection, make the key unique; those before come from a hash.
    const MOST: u128 = 1 << 100;
    let mut size: u128 = 1;
    let mut unique_from = parts.len();
    for (i, part) in parts.iter().enumerate().rev() {
        size *= part.alphabet().len().max(1) as u128;
        unique_from = i;
        if size > MOST {
            break;
        }
    }
    let mut place = shuffled(u128::from(row) % size, size, seed);
    let mut hash = mix(seed ^ mix(row));
    let mut text = vec!['\0'; parts.len()];
    for (i, part) in parts.iter().enumerate().rev() {
        text[i] = match (part, part.alphabet()) {
            (Part::Literal(c), _) => *c,
            (_, letters) if i >= unique_from => {
                let letter = letters[(place % letters.len() as u128) as usize];
                place /= letters.len() as u128;
                letter.into()
            }
            (_, letters) => {
                hash = mix(hash);
                letters[(hash % letters.len() as u64) as usize].into()
            }
        };
    }
    out.extend(text);
    let block = u128::from(row) / size;
    if block > 0 {
        let _ = write!(out, "-{block}");
    }
}

/// A permutation of `0 .. size`, chosen by `seed`, at `i` modulo `size`. Takes four walks at most
/// on average.
fn shuffled(i: u128, size: u128, seed: u64) -> u128 {
    let bits = (128 - size.saturating_sub(1).leading_zeros()).max(2);
    let half = bits.div_ceil(2);
    let mask = u64::MAX >> (64 - half.min(64));
    // From outside the power of four the walk would not come back.
    let mut x = i % size;
    loop {
        let (mut left, mut right) = ((x >> half) as u64, x as u64 & mask);
        for round in 0..6 {
            (left, right) = (right, left ^ (mix(seed ^ mix(right ^ round << 58)) & mask));
        }
        x = u128::from(left) << half | u128::from(right);
        if x < size {
            return x;
        }
    }
}

fn uuids<'a>(mut keys: impl Iterator<Item = &'a str>) -> Option<Shape> {
    let mut upper = false;
    let is_uuid = |key: &str| {
        upper |= key.bytes().any(|b| b.is_ascii_uppercase());
        key.len() == 36
            && key.bytes().enumerate().all(|(i, b)| match i {
                8 | 13 | 18 | 23 => b == b'-',
                _ => b.is_ascii_hexdigit(),
            })
    };
    keys.all(is_uuid).then_some(Shape::Uuid { upper })
}

/// A common prefix that ends in no digit, then a number that is either padded to one width or not at all.
fn numbered<'a>(mut keys: impl Iterator<Item = &'a str> + Clone) -> Option<Shape> {
    let first = keys.clone().next()?;
    let prefix = first.trim_end_matches(|c: char| c.is_ascii_digit());
    let prefix = match prefix.strip_suffix('-') {
        // `-12` is a negative number, `A-12` a prefix and a number.
        Some("") => "",
        _ => prefix,
    };
    let digits = |key: &'a str| key.strip_prefix(prefix).filter(|d| is_whole(d, prefix.is_empty()));
    let width = digits(first)?.len();
    let same_width = keys.clone().all(|k| digits(k).is_some_and(|d| d.len() == width));
    let mut padded = false;
    let mut numbers = Vec::new();
    for key in keys.by_ref() {
        let digits = digits(key)?;
        padded |= digits.len() > 1 && digits.trim_start_matches('-').starts_with('0');
        numbers.push(digits.parse::<i64>().ok()?);
    }
    if padded && !same_width {
        return None;
    }
    let width = if padded { width as u8 } else { 0 };
    let (low, high) = (*numbers.iter().min()?, *numbers.iter().max()?);
    let prefix = prefix.to_owned();
    let step = numbers.get(1).map_or(1, |second| second.wrapping_sub(numbers[0]));
    if step != 0 && numbers.windows(2).all(|w| w[1].wrapping_sub(w[0]) == step) {
        return Some(Shape::Sequence { prefix, start: numbers[0], step, width });
    }
    if high.abs_diff(low) + 1 == numbers.len() as u64 {
        return Some(Shape::Sequence { prefix, start: low, step: 1, width });
    }
    // Keys padded to one width, or all of one length, may be any number of that length.
    let (low, high) = match (padded, same_width, width_of(high)) {
        (true, _, _) => (0, 10_i64.checked_pow(width.into())? - 1),
        (false, true, digits) if low > 0 && digits < 18 => (10_i64.pow(digits - 1), 10_i64.pow(digits) - 1),
        _ => (low, high),
    };
    Some(Shape::Number { prefix, low, high, width })
}

fn width_of(number: i64) -> u32 {
    number.checked_ilog10().map_or(1, |d| d + 1)
}

fn is_whole(text: &str, signed: bool) -> bool {
    let digits = if signed { text.strip_prefix('-').unwrap_or(text) } else { text };
    !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|b| b.is_ascii_digit())
}

/// One class of characters for each place, when all keys are equally long ASCII.
fn pattern<'a>(mut keys: impl Iterator<Item = &'a str>) -> Option<Shape> {
    let first = keys.next()?;
    if first.is_empty() || first.len() > 128 || !first.is_ascii() {
        return None;
    }
    let mut seen: Vec<[bool; 128]> = vec![[false; 128]; first.len()];
    for key in std::iter::once(first).chain(keys) {
        if key.len() != first.len() || !key.is_ascii() {
            return None;
        }
        for (place, byte) in seen.iter_mut().zip(key.bytes()) {
            place[usize::from(byte)] = true;
        }
    }
    let parts = seen.iter().map(part).collect::<Option<Vec<Part>>>()?;
    let free = parts.iter().any(|p| !matches!(p, Part::Literal(_)));
    free.then_some(Shape::Pattern { parts: as_hex(parts, &seen) })
}

fn part(seen: &[bool; 128]) -> Option<Part> {
    let has = |class: fn(&u8) -> bool| (0_u8..128).filter(|b| seen[usize::from(*b)]).any(|b| class(&b));
    let mut bytes = (0_u8..128).filter(|b| seen[usize::from(*b)]);
    if let (Some(only), None) = (bytes.next(), bytes.next()) {
        return Some(Part::Literal(only.into()));
    }
    let other = has(|b| !b.is_ascii_alphanumeric());
    match (has(u8::is_ascii_digit), has(u8::is_ascii_uppercase), has(u8::is_ascii_lowercase), other) {
        (true, false, false, false) => Some(Part::Digit),
        (false, true, false, false) => Some(Part::Upper),
        (false, false, true, false) => Some(Part::Lower),
        (true, true, false, false) => Some(Part::UpperDigit),
        (true, false, true, false) => Some(Part::LowerDigit),
        (_, _, _, false) => Some(Part::Alphanumeric),
        (_, _, _, true) => None,
    }
}

/// Lower-case hexadecimal strings, told from other mixtures by having no letter past `f` anywhere.
fn as_hex(parts: Vec<Part>, seen: &[[bool; 128]]) -> Vec<Part> {
    let past_f = |place: &[bool; 128]| (b'g'..=b'z').any(|b| place[usize::from(b)]);
    let mixed = parts.iter().filter(|p| **p == Part::LowerDigit).count();
    if mixed * 2 < parts.len() || seen.iter().any(past_f) {
        return parts;
    }
    let hex = |p| if p == Part::LowerDigit { Part::Hex } else { p };
    parts.into_iter().map(hex).collect()
}

/// True when the name says that the column is a key: one of its words is `id`, `key`, `number` or the like,
/// and stands first or last. Words end at anything but a letter and where a capital follows a small letter.
pub(crate) fn is_key_name(name: &str) -> bool {
    const WORDS: [&str; 16] = [
        "id",
        "ids",
        "key",
        "uuid",
        "guid",
        "no",
        "nr",
        "num",
        "number",
        "code",
        "ref",
        "reference",
        "pk",
        "index",
        "rowid",
        "serial",
    ];
    let words = words(name);
    let is_key = |word: Option<&String>| word.is_some_and(|w| WORDS.contains(&w.as_str()));
    is_key(words.first()) || is_key(words.last())
}

/// True when the name speaks of a date.
pub(crate) fn is_date_name(name: &str) -> bool {
    const WORDS: [&str; 9] = ["date", "day", "dt", "dob", "birthday", "birthdate", "ymd", "yyyymmdd", "datum"];
    words(name).iter().any(|w| WORDS.contains(&w.as_str()))
}

fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for c in name.chars() {
        let ends = !c.is_alphabetic() || (c.is_uppercase() && small);
        small = c.is_lowercase();
        if ends {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphabetic(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    fn shape(keys: &[&str]) -> Option<Shape> {
        Shape::of(keys.iter().copied())
    }

    fn key(shape: &Shape, row: u64, seed: u64) -> String {
        let mut out = String::new();
        shape.push(row, seed, &mut out);
        out
    }

    #[test]
    fn shapes_are_recognised() {
        let sequence =
            |prefix: &str, start, step, width| Some(Shape::Sequence { prefix: prefix.to_owned(), start, step, width });
        assert_eq!(shape(&["1", "2", "3"]), sequence("", 1, 1, 0));
        assert_eq!(shape(&["3", "1", "2"]), sequence("", 1, 1, 0));
        assert_eq!(shape(&["10", "20", "30"]), sequence("", 10, 10, 0));
        assert_eq!(shape(&["-1", "-2", "-3"]), sequence("", -1, -1, 0));
        assert_eq!(shape(&["CU-0001", "CU-0002"]), sequence("CU-", 1, 1, 4));
        assert_eq!(shape(&["C9", "C10", "C11"]), sequence("C", 9, 1, 0));
        let number = Shape::Number { prefix: String::new(), low: 67, high: 72940, width: 0 };
        assert_eq!(shape(&["9046", "67", "72940"]), Some(number));
        let padded = Shape::Number { prefix: String::new(), low: 0, high: 99_999, width: 5 };
        assert_eq!(shape(&["00123", "90210", "04000"]), Some(padded));
        let uuid = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
        assert_eq!(shape(&[uuid, "16fd2706-8baf-433b-82eb-8c7fada847da"]), Some(Shape::Uuid { upper: false }));
        let plate = [Part::Upper, Part::Upper, Part::Literal('-'), Part::Digit];
        assert_eq!(shape(&["AB-1", "CD-2"]), Some(Shape::Pattern { parts: plate.to_vec() }));
        assert_eq!(shape(&["Braund, Mr. Owen", "Heikkinen, Miss"]), None);
    }

    #[test]
    fn keys_keep_their_shape() {
        let plate = shape(&["AB-12", "CX-34", "QZ-90"]).unwrap();
        let made = key(&plate, 0, 7);
        assert_eq!(shape(&[&made, "ZA-55"]).is_some(), made.len() == 5);
        assert_eq!(made.as_bytes()[2], b'-');
        let uuid = key(&Shape::Uuid { upper: false }, 3, 7);
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!("89ab".contains(&uuid[19..20]), "variant of {uuid}");
    }

    #[test]
    fn keys_stay_unique_beyond_their_space() {
        let shape = Shape::Pattern { parts: vec![Part::Digit] };
        let made: HashSet<String> = (0..35).map(|row| key(&shape, row, 1)).collect();
        assert_eq!(made.len(), 35);
        let shape = Shape::Number { prefix: String::new(), low: 5, high: 9, width: 0 };
        let made: HashSet<i64> = (0..23).map(|row| shape.number(row, 1).unwrap()).collect();
        assert_eq!(made.len(), 23);
    }

    #[test]
    fn names_of_keys() {
        for name in ["id", "PassengerId", "customer_id", "ID", "PolicyNumber", "order no", "uuid", "id_customer"] {
            assert!(is_key_name(name), "{name}");
        }
        for name in ["idle", "fnlwgt", "education-num-years", "monkey", "paid", "Age"] {
            assert!(!is_key_name(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn shuffling_is_a_permutation(size in 1_u64..300, seed: u64) {
            let all: HashSet<u128> = (0..size).map(|i| shuffled(i.into(), size.into(), seed)).collect();
            prop_assert_eq!(all.len() as u64, size);
            prop_assert!(all.iter().all(|&x| x < size.into()));
        }

        #[test]
        fn uuids_and_long_patterns_are_unique(seed: u64, first in 0..u64::MAX / 2) {
            for shape in [Shape::Uuid { upper: true }, Shape::Pattern { parts: vec![Part::Hex; 64] }] {
                let made: HashSet<String> = (first..first + 200).map(|row| key(&shape, row, seed)).collect();
                prop_assert_eq!(made.len(), 200);
            }
        }
    }
}
