//! Keys: recognising the shape of a column of unique values, and making new ones in that shape.
//!
//! New keys are a function of the row number alone, so that two samples of one artefact can be put together by numbering the rows
//! of the second after those of the first. They are unique because row numbers go through a bijection of the key space, and none is a
//! real key because they come from stretches of that space which hold none (`Spare`); a running number goes on after its last. Nothing
//! of the real keys survives but their shape, their lengths and where they are not.

mod check;
mod find;
mod name;
mod part;
mod space;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::rng::mix;

pub use check::Check;
pub(crate) use name::{is_date_name, is_key_name, is_time_name, words};
pub use part::Part;
pub use space::Spare;
use space::shuffled;

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
    /// `prefix` and a number drawn from `low ..= high`, padded with zeros to `width` digits. When all that are free
    /// are used up the numbers go on above `high`.
    Number {
        /// Text before the number.
        prefix: String,
        /// Least number.
        #[serde(with = "whole")]
        low: i128,
        /// Greatest number.
        #[serde(with = "whole")]
        high: i128,
        /// Least number of digits.
        width: u8,
        /// Which of them are free; all, in an order of the sample's seed, where it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spare: Option<Spare>,
    },
    /// A UUID.
    Uuid {
        /// Hexadecimal digits in upper case.
        upper: bool,
        /// Its version (RFC 9562).
        #[serde(default = "random_version")]
        version: u8,
        /// As of `Number`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spare: Option<Spare>,
    },
    /// One character after another. When all that are free are used up a number is appended.
    Pattern {
        /// The characters.
        parts: Vec<Part>,
        /// The rule of its check digit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        check: Option<Check>,
        /// As of `Number`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spare: Option<Spare>,
    },
    /// Keys of several lengths.
    Lengths {
        /// One shape a length.
        lengths: Vec<Lengths>,
    },
}

/// The keys of one length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lengths {
    /// How many there are.
    pub count: u64,
    /// How they look.
    pub shape: Box<Shape>,
}

fn random_version() -> u8 {
    4
}

/// A pattern as large as this is filled by a hash in its first characters.
const MOST: u128 = 1 << 100;

impl Shape {
    /// True when keys are whole numbers without a prefix or leading zeros.
    pub fn is_integer(&self) -> bool {
        match self {
            Shape::Sequence { prefix, width, .. } | Shape::Number { prefix, width, .. } => {
                prefix.is_empty() && *width <= 1
            }
            Shape::Uuid { .. } | Shape::Pattern { .. } | Shape::Lengths { .. } => false,
        }
    }

    /// True when all numbers that are drawn fit 64 bits.
    pub(crate) fn fits_i64(&self) -> bool {
        match self {
            Shape::Number { low, high, .. } => i64::try_from(*low).is_ok() && *high < i128::from(i64::MAX) / 2,
            _ => true,
        }
    }

    /// The number in the key of `row`, for shapes that have one. `seed` counts only for shapes that do not know which are free.
    pub fn number(&self, row: u64, seed: u64) -> Option<i128> {
        match self {
            Shape::Sequence { start, step, .. } => {
                Some(i128::from(*start).saturating_add(i128::from(*step).saturating_mul(i128::from(row))))
            }
            Shape::Number { low, high, spare, .. } => {
                let size = self.size();
                Some(match spare {
                    Some(spare) => match spare.key(row, size) {
                        Ok(place) => low.saturating_add_unsigned(place),
                        Err(beyond) => high.saturating_add(1).saturating_add(beyond.into()),
                    },
                    None => {
                        let (block, place) = (u128::from(row) / size, shuffled(u128::from(row) % size, size, seed));
                        low.saturating_add_unsigned(block.saturating_mul(size).saturating_add(place))
                    }
                })
            }
            Shape::Uuid { .. } | Shape::Pattern { .. } | Shape::Lengths { .. } => None,
        }
    }

    /// Appends the key of `row` to `out`. Rows have different keys. `seed` as of [`Shape::number`].
    pub fn push(&self, row: u64, seed: u64, out: &mut String) {
        match self {
            Shape::Sequence { prefix, width, .. } | Shape::Number { prefix, width, .. } => {
                let number = self.number(row, seed).unwrap_or_default();
                // Writing to a string cannot fail.
                let _ = write!(out, "{prefix}{number:0width$}", width = usize::from(*width));
            }
            Shape::Uuid { upper, version, spare } => push_uuid(row, seed, *upper, *version, spare.as_ref(), out),
            Shape::Pattern { parts, check, spare } => push_pattern(parts, *check, spare.as_ref(), row, seed, out),
            Shape::Lengths { lengths } => {
                let total = lengths.iter().map(|l| l.count).fold(0, u64::saturating_add).max(1);
                let mut at = mix(mix(row) ^ 0x6c65_6e67) % total;
                let found = lengths.iter().find(|l| {
                    let here = at < l.count;
                    at = at.saturating_sub(l.count);
                    here
                });
                if let Some(found) = found.or(lengths.last()) {
                    found.shape.push(row, seed, out);
                }
            }
        }
    }

    /// How many keys are told apart by their number.
    fn size(&self) -> u128 {
        match self {
            Shape::Sequence { .. } | Shape::Lengths { .. } => 1,
            Shape::Number { low, high, .. } => high.abs_diff(*low).saturating_add(1),
            Shape::Uuid { .. } => 1 << 62,
            Shape::Pattern { parts, .. } => unique(parts).1,
        }
    }

    /// The number of a real key in the space of its shape.
    fn place(&self, key: &str) -> Option<u128> {
        match self {
            Shape::Sequence { .. } | Shape::Lengths { .. } => None,
            Shape::Number { prefix, low, .. } => {
                let number: i128 = key.strip_prefix(prefix.as_str())?.parse().ok()?;
                (number >= *low).then(|| number.abs_diff(*low))
            }
            Shape::Uuid { .. } => {
                let low = u64::from_str_radix(&key.get(19..)?.replace('-', ""), 16).ok()?;
                Some(u128::from(low & (u64::MAX >> 2)))
            }
            Shape::Pattern { parts, .. } => {
                let from = unique(parts).0;
                if key.len() != parts.len() {
                    return None;
                }
                let digits = parts.iter().zip(key.bytes()).skip(from).filter(|(p, _)| !matches!(p, Part::Literal(_)));
                digits.into_iter().try_fold(0, |place, (part, byte)| {
                    let alphabet = part.alphabet();
                    let at = alphabet.iter().position(|b| *b == byte)?;
                    Some(place * alphabet.len() as u128 + at as u128)
                })
            }
        }
    }
}

/// From which part on a pattern's characters make it unique, and how many of them there are. Those before come from a hash.
fn unique(parts: &[Part]) -> (usize, u128) {
    let mut size: u128 = 1;
    for (i, part) in parts.iter().enumerate().rev() {
        size *= part.alphabet().len().max(1) as u128;
        if size > MOST {
            return (i, size);
        }
    }
    (0, size)
}

/// RFC 9562: 122 free bits, of which 62 make it unique and 60 come from a hash.
fn push_uuid(row: u64, seed: u64, upper: bool, version: u8, spare: Option<&Spare>, out: &mut String) {
    let seed = spare.map_or(seed, |s| s.salt);
    let high = mix(seed ^ mix(row)) & !0xf000 | u64::from(version) << 12;
    let low = match spare.map(|s| s.key(row, 1 << 62)) {
        Some(Ok(place)) => place as u64,
        // There are more free ones than rows can be counted.
        Some(Err(_)) | None => shuffled(row.into(), 1 << 62, seed) as u64,
    } | 1 << 63;
    let [a, b, c] = [high >> 32, high >> 16 & 0xffff, high & 0xffff];
    let [d, e] = [low >> 48, low & 0xffff_ffff_ffff];
    // Writing to a string cannot fail.
    let _ = match upper {
        true => write!(out, "{a:08X}-{b:04X}-{c:04X}-{d:04X}-{e:012X}"),
        false => write!(out, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}"),
    };
}

fn push_pattern(parts: &[Part], check: Option<Check>, spare: Option<&Spare>, row: u64, seed: u64, out: &mut String) {
    let (unique_from, size) = unique(parts);
    let (mut place, block) = match spare {
        Some(spare) => match spare.key(row, size) {
            Ok(place) => (place, 0),
            Err(beyond) => (u128::from(beyond) % size, u128::from(beyond) / size + 1),
        },
        None => (shuffled(u128::from(row) % size, size, seed), u128::from(row) / size),
    };
    let mut hash = mix(spare.map_or(seed, |s| s.salt) ^ mix(row));
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
    let mut text: String = text.into_iter().collect();
    if let Some(check) = check {
        let mut bytes = text.into_bytes();
        check.set(&mut bytes);
        text = String::from_utf8(bytes).unwrap_or_default();
    }
    out.push_str(&text);
    if block > 0 {
        let _ = write!(out, "-{block}");
    }
}

/// Whole numbers of 128 bits: as a number where JSON readers do not take it for a double, else as text.
mod whole {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(x: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(*x) {
            Ok(x) => serializer.serialize_i64(x),
            Err(_) => serializer.collect_str(x),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a whole number, or one as text")]
        enum Stored {
            Number(i64),
            Text(String),
        }
        match Stored::deserialize(deserializer)? {
            Stored::Number(x) => Ok(x.into()),
            Stored::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}
