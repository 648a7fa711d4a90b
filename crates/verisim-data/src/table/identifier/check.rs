//! Check digits: known sums that tell a mistyped number from a right one.

use serde::{Deserialize, Serialize};

/// A rule that all keys of a column keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Cards, IMEI: every second digit doubled, the sum a multiple of ten (ISO/IEC 7812-1).
    Luhn,
    /// EAN, UPC, ISBN of 13 digits: weights 1 and 3 from behind, the sum a multiple of ten (GS1).
    Ean,
    /// ISBN of 10 digits: weights 10 to 1, the sum a multiple of eleven, X for ten (ISO 2108).
    Isbn10,
    /// IBAN: the two digits after the country make the whole 1 modulo 97 (ISO 13616).
    Iban,
}

impl Check {
    /// The rule that `key` keeps and could keep by design, if any.
    pub(super) fn all() -> [Check; 4] {
        [Check::Iban, Check::Isbn10, Check::Ean, Check::Luhn]
    }

    /// Whether `key` keeps the rule.
    pub(crate) fn is_kept(self, key: &str) -> bool {
        let mut fixed = key.as_bytes().to_vec();
        self.places(&fixed).is_some_and(|_| {
            self.set(&mut fixed);
            fixed == key.as_bytes()
        })
    }

    /// Where the check digits of `key` are; `None` when it is of no shape that has any.
    pub(super) fn places(self, key: &[u8]) -> Option<std::ops::Range<usize>> {
        let plain = |b: &u8| matches!(b, b' ' | b'-' | b'.');
        let digits = key.iter().filter(|b| b.is_ascii_digit()).count();
        let rest = key.iter().filter(|b| !b.is_ascii_digit() && !plain(b)).count();
        let last = key.len().checked_sub(1)?;
        match self {
            Check::Luhn => (rest == 0 && digits >= 8 && key[last].is_ascii_digit()).then_some(last..last + 1),
            Check::Ean => (rest == 0 && matches!(digits, 8 | 12 | 13 | 14) && key[last].is_ascii_digit())
                .then_some(last..last + 1),
            Check::Isbn10 => {
                let x = key[last] == b'X';
                let fits = digits + usize::from(x) == 10 && rest == usize::from(x);
                (fits && (x || key[last].is_ascii_digit())).then_some(last..last + 1)
            }
            Check::Iban => {
                if key.len() < 15 {
                    return None;
                }
                let country = key[..2].iter().all(u8::is_ascii_uppercase);
                let body = key[2..].iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || *b == b' ');
                (country && body && key[2..4].iter().all(u8::is_ascii_digit)).then_some(2..4)
            }
        }
    }

    /// Puts the right check digits into `key`; leaves it alone where it has no place for them.
    pub(super) fn set(self, key: &mut [u8]) {
        let Some(places) = self.places(key) else { return };
        let last = key.len() - 1;
        let digits =
            |key: &[u8]| key.iter().filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0')).collect::<Vec<_>>();
        match self {
            Check::Luhn | Check::Ean => {
                let sum: u32 = (digits(&key[..last]).iter().rev().enumerate())
                    .map(|(i, &d)| match (self, i % 2) {
                        (Check::Luhn, 0) => 2 * d / 10 + 2 * d % 10,
                        (Check::Ean, 0) => 3 * d,
                        _ => d,
                    })
                    .sum();
                key[last] = b'0' + ((10 - sum % 10) % 10) as u8;
            }
            Check::Isbn10 => {
                let sum: u32 = digits(&key[..last]).iter().zip((2..=10).rev()).map(|(d, weight)| d * weight).sum();
                key[last] = match (11 - sum % 11) % 11 {
                    10 => b'X',
                    digit => b'0' + digit as u8,
                };
            }
            Check::Iban => {
                key[places].fill(b'0');
                // The country and its zeros come last, letters count from 10.
                let order = key[4..].iter().chain(&key[..4]).filter(|b| **b != b' ');
                let remainder = order.fold(0_u32, |r, &b| match b {
                    b'0'..=b'9' => (10 * r + u32::from(b - b'0')) % 97,
                    _ => (100 * r + u32::from(b - b'A') + 10) % 97,
                });
                let check = 98 - remainder;
                (key[2], key[3]) = (b'0' + (check / 10) as u8, b'0' + (check % 10) as u8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published examples of each.
    #[test]
    fn known_numbers_hold_and_their_neighbours_do_not() {
        for (check, key) in [
            (Check::Luhn, "4539 5787 6362 1486"),
            (Check::Luhn, "490154203237518"),
            (Check::Ean, "4006381333931"),
            (Check::Ean, "96385074"),
            (Check::Ean, "978-0-306-40615-7"),
            (Check::Isbn10, "0-306-40615-2"),
            (Check::Isbn10, "080442957X"),
            (Check::Iban, "GB82WEST12345698765432"),
            (Check::Iban, "DE89 3704 0044 0532 0130 00"),
        ] {
            assert!(check.is_kept(key), "{key}");
            let mut other = key.as_bytes().to_vec();
            let at = other.len() - 3;
            other[at] = if other[at] == b'1' { b'2' } else { b'1' };
            assert!(!check.is_kept(std::str::from_utf8(&other).unwrap_or_default()), "{key}");
        }
        for check in Check::all() {
            assert!(!check.is_kept("") && !check.is_kept("ab") && !check.is_kept("12"));
        }
    }
}
