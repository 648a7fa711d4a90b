//! Numbers that have a rule: accounts, cards, registers, telephones.

use super::*;

#[test]
fn accounts_have_the_shape_of_the_country_and_right_digits() {
    let shapes = [
        (Locale::DeDe, "DE", 22),
        (Locale::EnGb, "GB", 22),
        (Locale::FrFr, "FR", 27),
        (Locale::ItIt, "IT", 27),
        (Locale::EsEs, "ES", 24),
        (Locale::NlNl, "NL", 18),
        (Locale::PtBr, "BR", 29),
        (Locale::PlPl, "PL", 28),
        (Locale::TrTr, "TR", 26),
        (Locale::DeAt, "AT", 20),
        (Locale::DeCh, "CH", 21),
    ];
    assert_eq!(shapes.map(|s| s.0), IBAN);
    for (locale, country, length) in shapes {
        let (ibans, bics, accounts) =
            (texts(locale, "payment.iban"), texts(locale, "payment.bic"), texts(locale, "payment.account"));
        assert_eq!(ibans, accounts);
        for (iban, bic) in ibans.iter().zip(&bics) {
            assert!(iban.len() == length && iban.starts_with(country), "{iban}");
            assert_eq!(iban_rest(iban), 1, "{iban}");
            assert!([8, 11].contains(&bic.len()) && &bic[4..6] == country && bic.as_bytes()[7] == b'0', "{bic}");
            let body = &iban[4..];
            match country {
                "GB" | "NL" => assert_eq!(body[..4], bic[..4]),
                "IT" => assert!(body.starts_with(|c: char| c.is_ascii_uppercase()) && &body[1..2] == "9"),
                _ => assert!(body.starts_with('9'), "{iban}"),
            }
            if country == "NL" {
                let sum: u64 = figures(&body[4..]).iter().zip((1..=10).rev()).map(|(d, w)| d * w).sum();
                assert_eq!(sum % 11, 0, "{iban}");
            }
            if country == "FR" {
                // The key makes the 23 digits a multiple of 97.
                assert_eq!(body.bytes().fold(0, |r, b| (r * 10 + u64::from(b - b'0')) % 97), 0, "{iban}");
            }
        }
    }
    for account in texts(Locale::EnUs, "payment.account") {
        let d = figures(&account);
        assert_eq!((3 * (d[0] + d[3] + d[6]) + 7 * (d[1] + d[4] + d[7]) + d[2] + d[5] + d[8]) % 10, 0, "{account}");
    }
    assert!(texts(Locale::ZhCn, "payment.account").iter().all(|a| a.len() == 19 && passes_luhn(a)));
}

#[test]
fn cards_have_the_length_and_prefix_of_the_brand() {
    for &locale in Locale::ALL {
        let [number_, brand, cvv, expiry] =
            ["payment.card_number", "payment.card_brand", "payment.cvv", "payment.card_expiry"]
                .map(|f| texts(locale, f));
        for i in 0..N as usize {
            let n = &number_[i];
            assert!(passes_luhn(n), "{n}");
            let four = number(&n[..4]);
            let (length, fits) = match brand[i].as_str() {
                "Visa" => (16, n.starts_with('4')),
                "Mastercard" => (16, (5_100..5_600).contains(&four) || (2_221..=2_720).contains(&four)),
                "American Express" => (15, n.starts_with("34") || n.starts_with("37")),
                "Discover" => (16, n.starts_with("6011") || n.starts_with("65")),
                "Diners Club" => (14, n.starts_with("36")),
                "JCB" => (16, (3_528..=3_589).contains(&four)),
                "UnionPay" => (16, n.starts_with("62")),
                "Troy" => (16, n.starts_with("9792")),
                other => panic!("{other}"),
            };
            assert!(n.len() == length && fits, "{} {n}", brand[i]);
            assert_eq!(cvv[i].len(), if brand[i] == "American Express" { 4 } else { 3 });
            let (month, year) = expiry[i].split_once('/').unwrap();
            assert!((1..=12).contains(&number(month)) && (26..=30).contains(&number(year)));
        }
    }
}

/// Numbers of persons, each by the rule of its country.
#[test]
fn national_numbers_keep_their_rules() {
    for &locale in Locale::ALL {
        let (ids, sexes) = (texts(locale, "person.national_id"), texts(locale, "person.sex"));
        let born = dates(locale, "person.adult_birth_date");
        for ((id, sex), (year, month, day)) in ids.iter().zip(&sexes).zip(born) {
            let d = figures(id);
            let (female, weigh) = (sex == "female", |w: &[u64]| d.iter().zip(w).map(|(d, w)| d * w).sum::<u64>());
            let right = match locale {
                Locale::EnUs => id.starts_with("666-") && id.len() == 11 && &id[4..6] != "00" && &id[7..] != "0000",
                Locale::EnGb => id.starts_with("QQ") && d.len() == 6 && id.ends_with(['A', 'B', 'C', 'D']),
                Locale::DeDe => {
                    let mut counts = [0; 10];
                    d[..10].iter().for_each(|&x| counts[x as usize] += 1);
                    counts.sort_unstable();
                    let mut rest = 10;
                    for &x in &d[..10] {
                        let m = (x + rest) % 10;
                        rest = 2 * if m == 0 { 10 } else { m } % 11;
                    }
                    d[0] == 0 && d.len() == 11 && counts == [0, 1, 1, 1, 1, 1, 1, 1, 1, 2] && (rest + d[10]) % 10 == 1
                }
                Locale::FrFr => {
                    let body = number(&id[..13]);
                    id.len() == 15
                        && d[0] == if female { 2 } else { 1 }
                        && number(&id[1..3]) == year as u64 % 100
                        && number(&id[3..5]) == month as u64
                        && &id[10..13] == "000"
                        && (body + number(&id[13..])).is_multiple_of(97)
                }
                Locale::ItIt => {
                    id.len() == 16
                        && &id[11..15] == "Z999"
                        && number(&id[6..8]) == year as u64 % 100
                        && number(&id[9..11]) == day as u64 + if female { 40 } else { 0 }
                }
                Locale::EsEs => {
                    id.len() == 9
                        && id.chars().last() == "TRWAGMYFPDXBNJZSQVHLCKE".chars().nth((number(&id[..8]) % 23) as usize)
                }
                Locale::NlNl => {
                    id.len() == 9 && id.starts_with("9999") && weigh(&[9, 8, 7, 6, 5, 4, 3, 2, 10]) % 11 == 0
                }
                Locale::PtBr => {
                    let digit = |sum: u64| if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
                    id.len() == 14
                        && d[9] == digit(weigh(&[10, 9, 8, 7, 6, 5, 4, 3, 2]))
                        && d[10] == digit(weigh(&[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]))
                }
                Locale::PlPl => {
                    let shifted = number(&id[2..4]);
                    d.len() == 11
                        && number(&id[..2]) == year as u64 % 100
                        && shifted == month as u64 + if year >= 2000 { 20 } else { 0 }
                        && number(&id[4..6]) == day as u64
                        && d[9].is_multiple_of(2) == female
                        && weigh(&[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 == 0
                }
                Locale::TrTr => {
                    let odd = d[0] + d[2] + d[4] + d[6] + d[8];
                    let even = d[1] + d[3] + d[5] + d[7];
                    d.len() == 11
                        && d[0] > 0
                        && (7 * odd as i64 - even as i64).rem_euclid(10) as u64 == d[9]
                        && d[..10].iter().sum::<u64>() % 10 == d[10]
                }
                Locale::JaJp => {
                    let sum: u64 = (1..=11).map(|n| d[11 - n] * if n <= 6 { n as u64 + 1 } else { n as u64 - 5 }).sum();
                    d.len() == 12 && d[11] == if sum % 11 <= 1 { 0 } else { 11 - sum % 11 }
                }
                Locale::EnCa => id.len() == 11 && id.starts_with('0') && passes_luhn(id),
                Locale::EnAu => id.len() == 9 && weigh(&[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11),
                Locale::DeAt => {
                    let sum = weigh(&[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
                    id.starts_with('0')
                        && sum % 11 == d[3]
                        && id[5..] == format!("{day:02}{month:02}{:02}", year % 100)
                        && id.len() == 11
                }
                Locale::DeCh => {
                    let sum: u64 = d.iter().enumerate().map(|(i, d)| d * (1 + 2 * (i as u64 % 2))).sum();
                    id.len() == 16 && id.starts_with("756.") && sum.is_multiple_of(10)
                }
                Locale::ZhCn => {
                    let last = if id.ends_with('X') { 10 } else { d[17] };
                    let sum: u64 = (0..17).map(|i| d[i] * (1 << (17 - i)) % 11).sum::<u64>() + last;
                    &id[2..6] == "0000"
                        && id[6..14] == format!("{year}{month:02}{day:02}")
                        && d[16].is_multiple_of(2) == female
                        && sum % 11 == 1
                }
            };
            assert!(right, "{} {id} {sex} {year}-{month}-{day}", locale.name());
        }
    }
}

/// Numbers of companies, each by the rule of its country.
#[test]
fn tax_numbers_keep_their_rules() {
    for &locale in Locale::ALL {
        for id in texts(locale, "company.vat_id") {
            let d = figures(&id);
            let weigh = |w: &[u64]| d.iter().zip(w).map(|(d, w)| d * w).sum::<u64>();
            let right = match locale {
                Locale::EnUs => {
                    ["07", "08", "09", "17", "18", "19", "28", "29", "49", "69", "70", "78", "79"].contains(&&id[..2])
                }
                Locale::EnGb => d.len() == 9 && (weigh(&[8, 7, 6, 5, 4, 3, 2, 10, 1])) % 97 == 0,
                Locale::DeDe => {
                    let mut rest = 10;
                    for &x in &d[..8] {
                        let m = (x + rest) % 10;
                        rest = 2 * if m == 0 { 10 } else { m } % 11;
                    }
                    id.len() == 11 && (11 - rest) % 10 == d[8]
                }
                Locale::FrFr => {
                    let siren = &id[4..];
                    id.len() == 13 && passes_luhn(siren) && (12 + 3 * (number(siren) % 97)) % 97 == number(&id[2..4])
                }
                Locale::ItIt => id.len() == 13 && passes_luhn(&id),
                Locale::EsEs => id.len() == 11 && ["A", "B", "F"].contains(&&id[2..3]) && passes_luhn(&id),
                Locale::NlNl => id.len() == 14 && &id[11..13] == "B0" && weigh(&[9, 8, 7, 6, 5, 4, 3, 2, 10]) % 11 == 0,
                Locale::PlPl => id.len() == 12 && weigh(&[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == d[9],
                Locale::PtBr => {
                    let digit = |sum: u64| if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
                    id.len() == 18
                        && d[12] == digit(weigh(&[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]))
                        && d[13] == digit(weigh(&[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]))
                }
                Locale::TrTr => {
                    let mut sum = 0;
                    for (i, x) in d[..9].iter().enumerate() {
                        let t = (x + 9 - i as u64) % 10;
                        sum += if t == 9 { 9 } else { t * 2u64.pow(9 - i as u32) % 9 };
                    }
                    d.len() == 10 && (sum + d[9]).is_multiple_of(10)
                }
                Locale::JaJp => {
                    let sum: u64 = (1..=12).map(|n| d[13 - n] * if n % 2 == 0 { 2 } else { 1 }).sum();
                    d.len() == 13 && d[0] == 9 - sum % 9
                }
                Locale::EnCa => id.ends_with("RT0001") && passes_luhn(&id[..9]) && id.len() == 15,
                Locale::EnAu => {
                    let sum = weigh(&[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) - 10;
                    id.len() == 14 && d[0] > 0 && sum.is_multiple_of(89)
                }
                Locale::DeAt => {
                    let cross = |(i, d): (usize, &u64)| {
                        if i % 2 == 1 { [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][*d as usize] } else { *d }
                    };
                    let sum: u64 = d.iter().enumerate().map(cross).take(7).sum();
                    id.starts_with("ATU") && id.len() == 11 && (sum + d[7] + 4).is_multiple_of(10)
                }
                Locale::DeCh => {
                    id.len() == 20 && id.ends_with(" MWST") && weigh(&[5, 4, 3, 2, 7, 6, 5, 4, 1]).is_multiple_of(11)
                }
                Locale::ZhCn => {
                    let sum: u64 = id
                        .bytes()
                        .enumerate()
                        .map(|(i, b)| {
                            let place = "0123456789ABCDEFGHJKLMNPQRTUWXY".bytes().position(|s| s == b).unwrap() as u64;
                            place * (0..i % 17).fold(1, |w, _| w * 3 % 31)
                        })
                        .sum();
                    id.len() == 18 && sum.is_multiple_of(31)
                }
            };
            assert!(right, "{} {id}", locale.name());
        }
    }
}

#[test]
fn telephones_are_of_ranges_for_fiction() {
    let german = ["030 23125 ", "040 66969 ", "089 99998 ", "0221 4710 ", "069 90009 "];
    let drama = ["020 7946 0", "0191 498 0", "029 2018 0", "028 9649 6", "01632 960"];
    for &locale in Locale::ALL {
        for phone in texts(locale, "person.phone") {
            let after = |n: usize| phone.split_at(n).1;
            let kept = match locale {
                Locale::EnUs => after(6).starts_with("555-01") && phone.len() == 14,
                Locale::EnGb => drama.iter().any(|d| phone.starts_with(d)) || after(4).starts_with(" 496 0"),
                Locale::DeDe => {
                    german.iter().any(|d| phone.starts_with(d)) || phone.split_once(' ').unwrap().1.starts_with('0')
                }
                Locale::FrFr => {
                    ["01 99 00", "02 61 91", "03 53 01", "04 65 71", "05 36 49"].iter().any(|d| phone.starts_with(d))
                }
                Locale::NlNl => phone.split_once('-').unwrap().1.starts_with('0') && figures(&phone).len() == 10,
                Locale::PtBr => after(5).starts_with('1') && figures(&phone).len() == 10,
                Locale::PlPl => after(3).starts_with('0') && figures(&phone).len() == 9,
                Locale::TrTr => after(5).starts_with('0') && figures(&phone).len() == 11,
                Locale::JaJp => phone.split_once('-').unwrap().1.starts_with('0') && figures(&phone).len() == 10,
                Locale::ZhCn => phone.split_once('-').unwrap().1.starts_with('1'),
                Locale::EnCa => after(6).starts_with("555-01") && phone.len() == 14,
                Locale::EnAu => after(5).starts_with("5550 ") && figures(&phone).len() == 10,
                Locale::DeAt => phone.split_once(' ').unwrap().1.starts_with('0'),
                Locale::DeCh => after(4).starts_with('0') && figures(&phone).len() == 10,
                Locale::EsEs => figures(&phone).len() == 9,
                Locale::ItIt => figures(&phone).len() >= 9,
            };
            assert!(kept, "{} {phone}", locale.name());
        }
        for mobile in texts(locale, "person.mobile") {
            let kept = match locale {
                Locale::EnUs | Locale::EnCa => mobile[6..].starts_with("555-01"),
                Locale::EnAu => mobile.starts_with("0491 57") && mobile.len() == 12,
                Locale::DeAt | Locale::DeCh => mobile.split_once(' ').unwrap().1.starts_with('0'),
                Locale::EnGb => mobile.starts_with("07700 900"),
                Locale::DeDe => mobile.starts_with("0171 39200") || mobile.starts_with("0176 040690"),
                Locale::FrFr => mobile.starts_with("06 39 98 "),
                Locale::ItIt => mobile.starts_with("30"),
                Locale::EsEs => mobile.starts_with("79"),
                Locale::NlNl => mobile.starts_with("06-0"),
                Locale::PtBr => mobile[5..].starts_with("90"),
                Locale::TrTr => mobile.starts_with("0500 "),
                Locale::JaJp => mobile[3..].starts_with("-0"),
                Locale::ZhCn => mobile.starts_with("154") && mobile.len() == 11,
                Locale::PlPl => mobile.len() == 11,
            };
            assert!(kept, "{} {mobile}", locale.name());
        }
    }
}

fn passes_luhn(text: &str) -> bool {
    let mut sum = 0;
    for (i, d) in figures(text).into_iter().rev().enumerate() {
        sum += if i % 2 == 0 { d } else { [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][d as usize] };
    }
    sum % 10 == 0
}

/// The whole number by 97, digit by digit as text.
fn iban_rest(iban: &str) -> u64 {
    let turned: String = iban[4..].chars().chain(iban[..4].chars()).collect();
    let digits: String = turned.chars().map(|c| c.to_digit(36).unwrap().to_string()).collect();
    digits.bytes().fold(0, |r, b| (r * 10 + u64::from(b - b'0')) % 97)
}
