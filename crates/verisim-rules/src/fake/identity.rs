//! Numbers that states give persons and companies: their shape, their check digits, and ranges that nobody is given where there are such.

use super::address::city_of;
use super::check;
use super::company;
use super::draw::{ascii, digits, even, random_digits};
use super::entity::{Entity, Part};
use super::pattern::letter;
use super::person::{born_on, first_name, is_female, last_of};
use crate::cell::Cell;

/// Weights of the Dutch test by eleven; the ninth digit counts negative.
const ELEVEN: [u32; 8] = [9, 8, 7, 6, 5, 4, 3, 2];

/// The number of a person in the country's register.
pub(super) fn person(e: &Entity, out: &mut String) {
    let cell = &mut e.part(Part::NationalId);
    let (year, month, day) = born_on(e);
    let (year, month, day) = (year as u64, month as u64, day as u64);
    let start = out.len();
    match e.place.code {
        // Social security numbers of the area 666 are never given.
        "US" => {
            out.push_str("666-");
            digits(out, 1 + cell.below(99), 2);
            out.push('-');
            digits(out, 1 + cell.below(9_999), 4);
        }
        // National insurance numbers with QQ are never given; HMRC prints them as examples.
        "GB" => {
            out.push_str("QQ");
            random_digits(out, cell, 6);
            out.push(letter(b"ABCD", cell));
        }
        // Steuer-Identifikationsnummer: a first 0 marks a number for tests. Of the first ten digits one is there twice.
        "DE" => {
            let mut ten = [0u8, 1, 2, 3, 4, 5, 6, 7, 8, 9];
            let (gone, twice) = (1 + cell.below(9) as usize, cell.below(9) as usize);
            let others = (0..10u8).filter(|&d| usize::from(d) != gone).nth(twice);
            ten[gone] = others.unwrap_or(0);
            for i in (2..10).rev() {
                ten.swap(i, 1 + cell.below(i as u64) as usize);
            }
            ten.iter().for_each(|d| out.push(char::from(b'0' + d)));
            push(out, check::mod11_10(&out.as_bytes()[start..]));
        }
        // Numéro d'inscription au répertoire: the number of order 000 is never given.
        "FR" => {
            digits(out, if is_female(e) { 2 } else { 1 }, 1);
            digits(out, year % 100, 2);
            digits(out, month, 2);
            // Corsica has letters for digits: left out.
            let department = 1 + cell.below(94);
            digits(out, if department >= 20 { department + 1 } else { department }, 2);
            digits(out, 1 + cell.below(500), 3);
            out.push_str("000");
            let rest = check::mod97(out.bytes().skip(start));
            digits(out, u64::from(97 - rest), 2);
        }
        "IT" => codice_fiscale(e, out),
        // Documento nacional de identidad.
        "ES" => {
            let number = 10_000_000 + cell.below(89_999_999);
            digits(out, number, 8);
            push(out, b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize]);
        }
        // Burgerservicenummer: those of the register's invented persons begin with 9999.
        "NL" => eleven(out, cell, "9999"),
        // Cadastro de pessoas físicas: the ninth digit is the tax region of the state.
        "BR" => {
            random_digits(out, cell, 8);
            push(out, region_of_tax(city_of(e).region_code));
            let [a, b] = check::brazil(&out.as_bytes()[start..], 20);
            push(out, a);
            push(out, b);
            out.insert(start + 9, '-');
            out.insert(start + 6, '.');
            out.insert(start + 3, '.');
        }
        // PESEL: date of birth, with 20 added to the month from 2000; the tenth digit is odd for men.
        "PL" => {
            digits(out, year % 100, 2);
            digits(out, month + if year >= 2000 { 20 } else { 0 }, 2);
            digits(out, day, 2);
            random_digits(out, cell, 3);
            digits(out, cell.below(5) * 2 + u64::from(!is_female(e)), 1);
            let sum = check::sum(&out.as_bytes()[start..], &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
            push(out, b'0' + ((10 - sum % 10) % 10) as u8);
        }
        // T.C. kimlik numarası.
        "TR" => {
            digits(out, 1 + cell.below(9), 1);
            random_digits(out, cell, 8);
            let body = &out.as_bytes()[start..];
            let odd = check::sum(body, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
            let even = check::sum(body, &[0, 1, 0, 1, 0, 1, 0, 1, 0]);
            let tenth = (odd * 7 + 100 - even) % 10;
            digits(out, u64::from(tenth), 1);
            digits(out, u64::from((odd + even + tenth) % 10), 1);
        }
        // Individual Number, "My Number".
        "JP" => {
            random_digits(out, cell, 11);
            let rest = check::sum(&out.as_bytes()[start..], &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
            digits(out, if rest <= 1 { 0 } else { u64::from(11 - rest) }, 1);
        }
        // Resident identity number: the district 0000 of a province is never given.
        "CN" => {
            out.push_str(city_of(e).region_code);
            out.push_str("0000");
            digits(out, year, 4);
            digits(out, month, 2);
            digits(out, day, 2);
            random_digits(out, cell, 2);
            digits(out, cell.below(5) * 2 + u64::from(!is_female(e)), 1);
            out.push(check::china(&out.as_bytes()[start..]));
        }
        // Sozialversicherungsnummer: a number of the day, from 100 on; those below are never given. The fourth digit checks the rest.
        "AT" => {
            for _ in 0..64 {
                out.truncate(start);
                digits(out, 1 + cell.below(99), 3);
                [day, month, year % 100].into_iter().for_each(|n| digits(out, n, 2));
                let rest = check::sum(&out.as_bytes()[start..], &[3, 7, 9, 5, 8, 4, 2, 1, 6]) % 11;
                if rest < 10 {
                    out.insert(start + 3, char::from(b'0' + rest as u8));
                    out.insert(start + 4, ' ');
                    return;
                }
            }
        }
        // AHV number: 756, nine digits and the check digit of an EAN.
        "CH" => {
            out.push_str("756");
            random_digits(out, cell, 9);
            push(out, check::ean(&out.as_bytes()[start..]));
            [11, 7, 3].into_iter().for_each(|at| out.insert(start + at, '.'));
        }
        // Social insurance numbers that begin with 0 are never given.
        "CA" => {
            out.push('0');
            random_digits(out, cell, 7);
            push(out, check::luhn(&out.as_bytes()[start..]));
            [6, 3].into_iter().for_each(|at| out.insert(start + at, ' '));
        }
        // Tax file number.
        "AU" => {
            for _ in 0..64 {
                out.truncate(start);
                digits(out, 1 + cell.below(9), 1);
                random_digits(out, cell, 7);
                // The last weighs 10, which is -1 by eleven.
                let rest = check::sum(&out.as_bytes()[start..], &[1, 4, 3, 7, 5, 8, 6, 9]) % 11;
                if rest < 10 {
                    return digits(out, u64::from(rest), 1);
                }
            }
        }
        _ => random_digits(out, cell, 10),
    }
}

fn push(out: &mut String, digit: u8) {
    out.push(char::from(digit));
}

/// Nine digits that begin with `prefix` and pass the Dutch test by eleven.
fn eleven(out: &mut String, cell: &mut Cell, prefix: &str) {
    let start = out.len();
    // One try in eleven has no check digit: 64 in a row never are.
    for _ in 0..64 {
        out.truncate(start);
        out.push_str(prefix);
        random_digits(out, cell, 8 - prefix.len());
        let rest = check::sum(&out.as_bytes()[start..], &ELEVEN) % 11;
        if rest < 10 {
            return digits(out, u64::from(rest), 1);
        }
    }
}

/// Three consonants of each name, the date, the sex, and a place: Z999, which no country has.
fn codice_fiscale(e: &Entity, out: &mut String) {
    let start = out.len();
    three(&last_of(e).ascii, false, out);
    let mut first = String::new();
    first_name(e, &mut first);
    three(&ascii(&first, false), true, out);
    let (year, month, day) = born_on(e);
    digits(out, year as u64 % 100, 2);
    push(out, b"ABCDEHLMPRST"[(month - 1) as usize % 12]);
    digits(out, day as u64 + if is_female(e) { 40 } else { 0 }, 2);
    out.push_str("Z999");
    out.push(check::codice_fiscale(&out.as_bytes()[start..]));
}

/// The consonants, then the vowels, then X. Of four or more consonants of a first name the second is left out.
fn three(name: &str, first_name: bool, out: &mut String) {
    let vowel = |c: &char| "aeiou".contains(*c);
    let letters = || name.chars().filter(char::is_ascii_lowercase);
    let many = first_name && letters().filter(|c| !vowel(c)).count() >= 4;
    let consonants = letters().filter(|c| !vowel(c)).enumerate().filter(|(i, _)| !(many && *i == 1)).map(|(_, c)| c);
    let all = consonants.chain(letters().filter(vowel)).chain("xxx".chars());
    all.take(3).for_each(|c| out.push(c.to_ascii_uppercase()));
}

/// The tax region of a Brazilian state.
fn region_of_tax(state: &str) -> u8 {
    match state {
        "RS" => b'0',
        "DF" | "GO" | "MS" | "MT" | "TO" => b'1',
        "AC" | "AM" | "AP" | "PA" | "RO" | "RR" => b'2',
        "CE" | "MA" | "PI" => b'3',
        "AL" | "PB" | "PE" | "RN" => b'4',
        "BA" | "SE" => b'5',
        "MG" => b'6',
        "ES" | "RJ" => b'7',
        "SP" => b'8',
        _ => b'9',
    }
}

/// The number that a company pays taxes under.
pub(super) fn company(e: &Entity, out: &mut String) {
    let cell = &mut e.part(Part::VatId);
    let start = out.len();
    match e.place.code {
        // Employer identification numbers with these prefixes are never given.
        "US" => {
            const FREE: [&str; 13] = ["07", "08", "09", "17", "18", "19", "28", "29", "49", "69", "70", "78", "79"];
            out.push_str(even(cell, &FREE).copied().unwrap_or("07"));
            out.push('-');
            random_digits(out, cell, 7);
        }
        "GB" => {
            out.push_str("GB");
            random_digits(out, cell, 7);
            let rest = check::sum(&out.as_bytes()[start + 2..], &[8, 7, 6, 5, 4, 3, 2]) % 97;
            digits(out, u64::from((97 - rest) % 97), 2);
        }
        "DE" => {
            out.push_str("DE");
            digits(out, 1 + cell.below(9), 1);
            random_digits(out, cell, 7);
            push(out, check::mod11_10(&out.as_bytes()[start + 2..]));
        }
        "FR" => {
            let mut siren = String::with_capacity(9);
            random_digits(&mut siren, cell, 8);
            let last = check::luhn(siren.as_bytes());
            push(&mut siren, last);
            let rest = check::mod97(siren.bytes());
            out.push_str("FR");
            digits(out, u64::from((12 + 3 * rest) % 97), 2);
            out.push_str(&siren);
        }
        // Seven digits, the province of the office, and the digit of Luhn.
        "IT" => {
            out.push_str("IT");
            random_digits(out, cell, 7);
            digits(out, 1 + cell.below(100), 3);
            push(out, check::luhn(&out.as_bytes()[start + 2..]));
        }
        // The letter is that of the legal form.
        "ES" => {
            let mut form = String::new();
            company::legal_form(e, &mut form);
            out.push_str("ES");
            out.push(match form.as_str() {
                "S.A." => 'A',
                "S. Coop." => 'F',
                _ => 'B',
            });
            random_digits(out, cell, 7);
            push(out, check::luhn(&out.as_bytes()[start + 3..]));
        }
        "NL" => {
            eleven(out, cell, "8");
            out.insert_str(start, "NL");
            out.push_str("B0");
            digits(out, 1 + cell.below(3), 1);
        }
        "PL" => {
            let weights = [6, 5, 7, 2, 3, 4, 5, 6, 7];
            for _ in 0..64 {
                out.truncate(start);
                out.push_str("PL");
                digits(out, 1 + cell.below(9), 1);
                random_digits(out, cell, 8);
                let rest = check::sum(&out.as_bytes()[start + 2..], &weights) % 11;
                if rest < 10 {
                    return digits(out, u64::from(rest), 1);
                }
            }
        }
        // Cadastro nacional da pessoa jurídica, of the head office.
        "BR" => {
            random_digits(out, cell, 8);
            out.push_str("0001");
            let [a, b] = check::brazil(&out.as_bytes()[start..], 9);
            push(out, a);
            push(out, b);
            for (at, sign) in [(12, '-'), (8, '/'), (5, '.'), (2, '.')] {
                out.insert(start + at, sign);
            }
        }
        // Vergi kimlik numarası.
        "TR" => {
            random_digits(out, cell, 9);
            let sum: u32 = (0..9)
                .map(|i| {
                    let t = (u32::from(out.as_bytes()[start + i] - b'0') + 9 - i as u32) % 10;
                    let v = t * (1 << (9 - i)) % 9;
                    if t != 0 && v == 0 { 9 } else { v }
                })
                .sum();
            digits(out, u64::from((10 - sum % 10) % 10), 1);
        }
        // Corporate Number: the check digit is the first.
        "JP" => {
            random_digits(out, cell, 12);
            let sum = check::sum(&out.as_bytes()[start..], &[2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]);
            out.insert(start, char::from(b'0' + (9 - sum % 9) as u8));
        }
        // Unified social credit identifier, with the code of an organisation in it.
        "CN" => {
            out.push_str("91");
            out.push_str(city_of(e).region_code);
            out.push_str("0100");
            for _ in 0..8 {
                out.push(letter(check::CHINA_SIGNS, cell));
            }
            let rest = organisation(&out.as_bytes()[start + 8..]);
            out.push(rest);
            out.push(check::china_company(&out.as_bytes()[start..]));
        }
        "AT" => {
            out.push_str("ATU");
            random_digits(out, cell, 7);
            let sum: u32 = (0..7)
                .map(|i| {
                    let d = u32::from(out.as_bytes()[start + 3 + i] - b'0');
                    if i % 2 == 0 { d } else { d / 5 + d * 2 % 10 }
                })
                .sum();
            digits(out, u64::from((96 - sum) % 10), 1);
        }
        // Unternehmens-Identifikationsnummer.
        "CH" => {
            for _ in 0..64 {
                out.truncate(start);
                random_digits(out, cell, 8);
                let rest = check::sum(&out.as_bytes()[start..], &[5, 4, 3, 2, 7, 6, 5, 4]) % 11;
                if rest != 1 {
                    digits(out, u64::from((11 - rest) % 11), 1);
                    break;
                }
            }
            [6, 3].into_iter().for_each(|at| out.insert(start + at, '.'));
            out.insert_str(start, "CHE-");
            out.push_str(" MWST");
        }
        // Business number, with the account for sales tax.
        "CA" => {
            digits(out, 1 + cell.below(9), 1);
            random_digits(out, cell, 7);
            push(out, check::luhn(&out.as_bytes()[start..]));
            out.push_str("RT0001");
        }
        // Australian business number: the first two digits check the rest.
        "AU" => {
            random_digits(out, cell, 9);
            let sum = check::sum(&out.as_bytes()[start..], &[3, 5, 7, 9, 11, 13, 15, 17, 19]);
            let mut first = String::with_capacity(2);
            digits(&mut first, u64::from(10 + (89 - sum % 89) % 89), 2);
            out.insert_str(start, &first);
            [8, 5, 2].into_iter().for_each(|at| out.insert(start + at, ' '));
        }
        _ => random_digits(out, cell, 10),
    }
}

/// The last sign of a Chinese organisation code of 8 signs (GB 11714-1997).
fn organisation(body: &[u8]) -> char {
    match 11 - check::sum(body, &[3, 7, 9, 10, 5, 8, 4, 2]) % 11 {
        10 => 'X',
        11 => '0',
        n => char::from(b'0' + n as u8),
    }
}
