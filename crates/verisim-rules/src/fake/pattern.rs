//! Patterns of a locale's file, such as `({area}) 555-01##`.

use super::draw::{digits, number};
use crate::cell::Cell;

/// A place in a pattern that something else fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    First,
    Last,
    Other,
    Word,
    Brand,
    Form,
    Base,
    Area,
    Mark,
    Street,
    Number,
    StreetLine,
    Postcode,
    City,
    Town,
    Region,
    Outer,
    RegionCode,
}

impl Slot {
    fn of(word: &str) -> Option<Slot> {
        Some(match word {
            "first" => Slot::First,
            "last" => Slot::Last,
            "other" => Slot::Other,
            "word" => Slot::Word,
            "brand" => Slot::Brand,
            "form" => Slot::Form,
            "" => Slot::Base,
            "area" => Slot::Area,
            "mark" => Slot::Mark,
            "street" => Slot::Street,
            "number" => Slot::Number,
            "street_line" => Slot::StreetLine,
            "postcode" => Slot::Postcode,
            "city" => Slot::City,
            "town" => Slot::Town,
            "region" => Slot::Region,
            "outer" => Slot::Outer,
            "regioncode" => Slot::RegionCode,
            _ => return None,
        })
    }
}

/// Signs that plates of Japan carry.
const KANA: [&str; 20] = [
    "さ", "す", "せ", "そ", "た", "ち", "つ", "て", "と", "な", "に", "ぬ", "ね", "の", "は", "ひ", "ふ", "ほ", "ま",
    "み",
];

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(&'static str),
    /// `#`: a digit.
    Digit,
    /// `%`: a digit, not 0.
    NonZero,
    /// `@`: a capital letter that the country uses.
    Letter,
    /// `$`: a sign of a Japanese plate.
    Kana,
    /// `{10-99}`: a number from a range, with leading zeros if the least has one.
    Range {
        low: u64,
        high: u64,
        width: usize,
    },
    /// `{city}`
    Slot(Slot),
}

/// Text with places for digits, letters and slots.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pattern(Vec<Piece>);

impl Pattern {
    /// The pattern that `text` writes.
    pub fn read(text: &'static str) -> Result<Pattern, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let at = rest.find(['#', '%', '@', '$', '{']).unwrap_or(rest.len());
            if at > 0 {
                pieces.push(Piece::Text(&rest[..at]));
            }
            rest = &rest[at..];
            let Some(sign) = rest.chars().next() else { break };
            rest = &rest[1..];
            pieces.push(match sign {
                '#' => Piece::Digit,
                '%' => Piece::NonZero,
                '@' => Piece::Letter,
                '$' => Piece::Kana,
                _ => {
                    let (inner, after) = rest.split_once('}').ok_or_else(|| format!("`{text}` has no `}}`"))?;
                    rest = after;
                    brace(inner).ok_or_else(|| format!("`{{{inner}}}` of `{text}` is unknown"))?
                }
            });
        }
        Ok(Pattern(pieces))
    }

    /// Several patterns with `;` between them.
    pub fn read_all(text: &'static str) -> Result<Vec<Pattern>, String> {
        text.split(';').map(|p| Pattern::read(p.trim())).collect()
    }

    /// The slots in their order.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        self.0.iter().filter_map(|p| if let Piece::Slot(slot) = p { Some(*slot) } else { None })
    }

    /// Writes it with digits and letters drawn from `cell`, and each slot by `fill`.
    pub fn write(&self, letters: &[u8], cell: &mut Cell, out: &mut String, fill: &mut dyn FnMut(Slot, &mut String)) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Digit => digits(out, cell.below(10), 1),
                Piece::NonZero => digits(out, 1 + cell.below(9), 1),
                Piece::Letter => out.push(letter(letters, cell)),
                Piece::Kana => out.push_str(KANA[cell.below(KANA.len() as u64) as usize]),
                Piece::Range { low, high, width } => digits(out, low + cell.below(high - low + 1), *width),
                Piece::Slot(slot) => fill(*slot, out),
            }
        }
    }
}

/// One of `letters`, or `X` if there are none.
pub(super) fn letter(letters: &[u8], cell: &mut Cell) -> char {
    letters.get(cell.below(letters.len() as u64) as usize).map_or('X', |&b| char::from(b))
}

fn brace(inner: &str) -> Option<Piece> {
    if let Some(slot) = Slot::of(inner) {
        return Some(Piece::Slot(slot));
    }
    let (low, high) = inner.split_once('-')?;
    let width = if low.starts_with('0') { low.len() } else { 1 };
    let (low, high) = (number(low)?, number(high)?);
    (low <= high).then_some(Piece::Range { low, high, width })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_and_written() {
        let pattern = Pattern::read("{area}-{007-009}.#%@x").unwrap();
        for i in 0..50 {
            let mut out = String::new();
            pattern.write(b"QZ", &mut Cell::from_state(i), &mut out, &mut |slot, out| {
                assert_eq!(slot, Slot::Area);
                out.push_str("030");
            });
            let bytes = out.as_bytes();
            assert!(out.starts_with("030-00") && (b'7'..=b'9').contains(&bytes[6]), "{out}");
            assert!(bytes[8].is_ascii_digit() && (b'1'..=b'9').contains(&bytes[9]) && b"QZ".contains(&bytes[10]));
            assert!(out.ends_with('x') && out.len() == 12);
        }
        for wrong in ["{area", "{nothing}", "{9-1}", "{a-b}"] {
            assert!(Pattern::read(wrong).is_err(), "{wrong}");
        }
    }
}
