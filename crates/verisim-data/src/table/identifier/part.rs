//! The characters that one place of a key may hold.

use serde::{Deserialize, Serialize};

/// One character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// This character.
    Literal(char),
    /// `0` to `9`.
    Digit,
    /// `1` to `9`.
    NonZero,
    /// `0` to `9`, `a` to `f`.
    Hex,
    /// `0` to `9`, `A` to `F`.
    HexUpper,
    /// `A` to `Z`.
    Upper,
    /// `a` to `z`.
    Lower,
    /// Both cases.
    Letter,
    /// `A` to `Z`, `2` to `7` (RFC 4648).
    Base32,
    /// `0` to `9`, `A` to `Z`.
    UpperDigit,
    /// `0` to `9`, `a` to `z`.
    LowerDigit,
    /// Digits and letters but `0`, `O`, `I` and `l` (Bitcoin).
    Base58,
    /// `0` to `9` and both cases.
    Alphanumeric,
    /// `0` to `9`, both cases, `+` and `/` (RFC 4648).
    Base64,
    /// `0` to `9`, both cases, `-` and `_` (RFC 4648).
    Base64Url,
}

impl Part {
    /// Its characters, ascending where they are of one kind.
    pub(super) fn alphabet(self) -> &'static [u8] {
        const ALL: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        match self {
            Part::Literal(_) => &[],
            Part::Digit => &ALL[..10],
            Part::NonZero => &ALL[1..10],
            Part::Hex => &ALL[..16],
            Part::HexUpper => b"0123456789ABCDEF",
            Part::Upper => &ALL[36..],
            Part::Lower => &ALL[10..36],
            Part::Letter => &ALL[10..],
            Part::Base32 => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
            Part::UpperDigit => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            Part::LowerDigit => &ALL[..36],
            Part::Base58 => b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
            Part::Alphanumeric => ALL,
            Part::Base64 => b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/",
            Part::Base64Url => b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_",
        }
    }

    /// The class of a place that holds one character, digits, or letters of one case only.
    pub(super) fn plain(seen: &[bool; 128]) -> Option<Part> {
        let mut bytes = (0_u8..128).filter(|b| seen[usize::from(*b)]);
        match (bytes.next(), bytes.next()) {
            (Some(only), None) => Some(Part::Literal(only.into())),
            _ => [Part::Digit, Part::Upper, Part::Lower].into_iter().find(|p| p.holds(seen)),
        }
    }

    /// The smallest alphabet that holds all of `seen`, with digits only where some are.
    pub(super) fn alphabet_of(seen: &[bool; 128]) -> Option<Part> {
        use Part::*;
        let any = |class: fn(&u8) -> bool| (0_u8..128).any(|b| seen[usize::from(b)] && class(&b));
        let letters = [Upper, Lower, Letter];
        let mixed = [Digit, Hex, HexUpper, Base32, UpperDigit, LowerDigit, Base58, Alphanumeric, Base64, Base64Url];
        match any(u8::is_ascii_digit) {
            true => mixed.into_iter().find(|p| p.holds(seen)),
            // Marks among letters alone are words with hyphens.
            false => letters.into_iter().find(|p| p.holds(seen)),
        }
    }

    fn holds(self, seen: &[bool; 128]) -> bool {
        (0_u8..128).filter(|b| seen[usize::from(*b)]).all(|b| self.alphabet().contains(&b))
    }
}
