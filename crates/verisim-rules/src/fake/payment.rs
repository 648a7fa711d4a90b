//! Accounts and cards.

use super::check;
use super::draw::{digits, even, random_digits, weighted};
use super::entity::{Entity, Part};
use super::pattern::letter;
use super::person::NOW;
use crate::cell::Cell;

const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The four letters of the bank. They begin with ZZ, which no bank is known to have.
fn bank(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Bic);
    out.push_str("ZZ");
    out.push(letter(CAPITALS, &mut cell));
    out.push(letter(CAPITALS, &mut cell));
}

/// The bank's code for banks: a 0 in the eighth place marks those for tests (ISO 9362).
pub(super) fn bic(e: &Entity, out: &mut String) {
    bank(e, out);
    out.push_str(e.place.code);
    out.push(letter(CAPITALS, &mut e.part(Part::Bic).part(1)));
    out.push('0');
    if e.part(Part::Bic).part(2).bits() & 1 == 1 {
        out.push_str("XXX");
    }
}

/// The account's number; `false` and nothing where the country has none of this kind. Codes of banks begin with 9, which no bank of
/// these countries is known to have, or with ZZ.
pub(super) fn iban(e: &Entity, out: &mut String) -> bool {
    let code = e.place.code;
    out.push_str(code);
    out.push_str("00");
    let start = out.len();
    let cell = &mut e.part(Part::Iban);
    match code {
        "DE" => random_after(out, cell, "9", 17),
        "GB" => {
            bank(e, out);
            random_digits(out, cell, 14);
        }
        "FR" => france(out, cell),
        "IT" => {
            random_after(out, cell, "9", 9);
            random_digits(out, cell, 12);
            let sign = check::codice_fiscale(&out.as_bytes()[start..]);
            out.insert(start, sign);
        }
        "ES" => {
            random_after(out, cell, "9", 7);
            let mut account = String::with_capacity(10);
            random_digits(&mut account, cell, 10);
            let of = |body: &[u8], weights: &[u32]| match 11 - check::sum(body, weights) % 11 {
                10 => 1,
                11 => 0,
                n => u64::from(n),
            };
            let first = of(&out.as_bytes()[start..], &[4, 8, 5, 10, 9, 7, 3, 6]);
            digits(out, first, 1);
            digits(out, of(account.as_bytes(), &[1, 2, 4, 8, 5, 10, 9, 7, 3, 6]), 1);
            out.push_str(&account);
        }
        "NL" => {
            bank(e, out);
            netherlands(out, cell);
        }
        "AT" => random_after(out, cell, "9", 15),
        "CH" => random_after(out, cell, "9", 16),
        "BR" => {
            random_after(out, cell, "99", 21);
            out.push(letter(b"CP", cell));
            out.push('1');
        }
        "PL" => {
            random_after(out, cell, "9", 6);
            let sum = check::sum(&out.as_bytes()[start..], &[3, 9, 7, 1, 3, 9, 7]);
            digits(out, u64::from((10 - sum % 10) % 10), 1);
            random_digits(out, cell, 16);
        }
        "TR" => {
            random_after(out, cell, "99", 3);
            out.push('0');
            random_digits(out, cell, 16);
        }
        _ => {
            out.truncate(start - 4);
            return false;
        }
    }
    let check = check::iban(code, &out[start..]);
    let digits = [check / 10, check % 10].map(|d| char::from(b'0' + d as u8));
    out.replace_range(start - 2..start, digits.iter().collect::<String>().as_str());
    true
}

fn random_after(out: &mut String, cell: &mut Cell, prefix: &str, n: usize) {
    out.push_str(prefix);
    random_digits(out, cell, n);
}

/// Bank, branch, account and the key of a relevé d'identité bancaire.
fn france(out: &mut String, cell: &mut Cell) {
    let (bank, branch, account) = (90_000 + cell.below(10_000), cell.below(100_000), cell.below(100_000_000_000));
    digits(out, bank, 5);
    digits(out, branch, 5);
    digits(out, account, 11);
    digits(out, 97 - (89 * bank + 15 * branch + 3 * account) % 97, 2);
}

/// Ten digits whose sum with weights 10 to 1 is a multiple of eleven.
fn netherlands(out: &mut String, cell: &mut Cell) {
    let start = out.len();
    for _ in 0..64 {
        out.truncate(start);
        random_after(out, cell, "0", 8);
        let rest = check::sum(&out.as_bytes()[start..], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        if rest != 1 {
            return digits(out, u64::from((11 - rest) % 11), 1);
        }
    }
}

/// The IBAN; where the country has none, its own form.
pub(super) fn account(e: &Entity, out: &mut String) {
    if iban(e, out) {
        return;
    }
    let cell = &mut e.part(Part::Iban);
    let start = out.len();
    match e.place.code {
        // Routing numbers that begin with 19 are not given.
        "US" => {
            random_after(out, cell, "19", 6);
            let sum = check::sum(&out.as_bytes()[start..], &[3, 7, 1, 3, 7, 1, 3, 7]);
            digits(out, u64::from((10 - sum % 10) % 10), 1);
            random_after(out, cell, " ", 10);
        }
        "JP" => {
            random_after(out, cell, "98", 2);
            random_after(out, cell, "-", 3);
            random_after(out, cell, "-", 7);
        }
        // Branch, bank and account.
        "CA" => {
            random_digits(out, cell, 5);
            random_after(out, cell, "-99", 1);
            random_after(out, cell, "-", 7);
        }
        "AU" => {
            random_after(out, cell, "99", 1);
            random_after(out, cell, "-", 3);
            random_after(out, cell, " ", 9);
        }
        "CN" => {
            random_after(out, cell, "62", 16);
            out.push(char::from(check::luhn(&out.as_bytes()[start..])));
        }
        _ => random_digits(out, cell, 12),
    }
}

fn brand(e: &Entity) -> &'static str {
    let cards = &e.place.cards;
    cards.get(weighted(&mut e.part(Part::Card), cards.iter().map(|c| c.1))).map_or("visa", |c| c.0)
}

pub(super) fn card_brand(e: &Entity, out: &mut String) {
    out.push_str(match brand(e) {
        "mastercard" => "Mastercard",
        "amex" => "American Express",
        "discover" => "Discover",
        "diners" => "Diners Club",
        "jcb" => "JCB",
        "unionpay" => "UnionPay",
        "troy" => "Troy",
        _ => "Visa",
    });
}

pub(super) fn card_number(e: &Entity, out: &mut String) {
    let cell = &mut e.part(Part::Card).part(1);
    let start = out.len();
    let length = match brand(e) {
        "mastercard" => {
            let old = cell.below(4) > 0;
            digits(out, if old { 51 + cell.below(5) } else { 2_221 + cell.below(500) }, 1);
            16
        }
        "amex" => {
            out.push_str(even(cell, &["34", "37"]).copied().unwrap_or("37"));
            15
        }
        "discover" => {
            out.push_str(even(cell, &["6011", "65"]).copied().unwrap_or("65"));
            16
        }
        "diners" => {
            out.push_str("36");
            14
        }
        "jcb" => {
            digits(out, 3_528 + cell.below(62), 4);
            16
        }
        "unionpay" => {
            out.push_str("62");
            16
        }
        "troy" => {
            out.push_str("9792");
            16
        }
        _ => {
            out.push('4');
            16
        }
    };
    random_digits(out, cell, length - 1 - (out.len() - start));
    out.push(char::from(check::luhn(&out.as_bytes()[start..])));
}

/// Month and year, within five years from the first day of [`NOW`].
pub(super) fn card_expiry(e: &Entity, out: &mut String) {
    let month = e.part(Part::Expiry).below(60);
    digits(out, month % 12 + 1, 2);
    out.push('/');
    digits(out, NOW as u64 % 100 + month / 12, 2);
}

pub(super) fn cvv(e: &Entity, out: &mut String) {
    random_digits(out, &mut e.part(Part::Cvv), if brand(e) == "amex" { 4 } else { 3 });
}

pub(super) fn currency(e: &Entity, out: &mut String) {
    out.push_str(e.place.currency);
}
