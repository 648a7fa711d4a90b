//! Fields of an entity agree, numbers keep their check digits and stay in their ranges, in every locale. Check digits are computed here
//! anew, in other ways than where they are made.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef};

use super::*;

const N: u64 = 3_000;

fn column(locale: Locale, kind: &str, name: &str, n: u64) -> ArrayRef {
    let keys: Vec<u64> = (0..n).map(|i| verisim_data::rng::mix(i + 77)).collect();
    Field::parse(kind, name).unwrap().column(locale, &keys)
}

fn texts(locale: Locale, field: &str) -> Vec<String> {
    let (kind, name) = field.split_once('.').unwrap();
    let column = column(locale, kind, name, N);
    column.as_string::<i32>().iter().map(|t| t.unwrap_or_default().to_owned()).collect()
}

fn ints(locale: Locale, field: &str) -> Vec<i64> {
    let (kind, name) = field.split_once('.').unwrap();
    column(locale, kind, name, N).as_primitive::<Int64Type>().values().to_vec()
}

fn floats(locale: Locale, field: &str) -> Vec<f64> {
    let (kind, name) = field.split_once('.').unwrap();
    column(locale, kind, name, N).as_primitive::<Float64Type>().values().to_vec()
}

fn dates(locale: Locale, field: &str) -> Vec<(i64, i64, i64)> {
    let (kind, name) = field.split_once('.').unwrap();
    let days = column(locale, kind, name, N).as_primitive::<Date32Type>().values().to_vec();
    days.into_iter().map(|d| draw::date(i64::from(d))).collect()
}

fn figures(text: &str) -> Vec<u64> {
    text.bytes().filter(u8::is_ascii_digit).map(|b| u64::from(b - b'0')).collect()
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

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

#[test]
fn every_field_is_made_in_every_locale() {
    let keys: Vec<u64> = (0..400).collect();
    for &locale in Locale::ALL {
        for (kind, name, ..) in Field::all() {
            let field = Field::parse(kind, name).unwrap();
            let column = field.column(locale, &keys);
            assert_eq!((column.len(), column.data_type()), (keys.len(), &field.data_type()));
            let at = format!("{} {kind}.{name}", locale.name());
            if let Some(text) = column.as_string_opt::<i32>() {
                let none = field.is_nullable() && matches!(locale, Locale::EnUs | Locale::JaJp | Locale::ZhCn);
                assert_eq!(text.null_count(), if none { keys.len() } else { 0 }, "{at}");
                for value in text.iter().flatten() {
                    let clean = !value.is_empty() && value.trim() == value && !value.contains("  ");
                    assert!(clean && !value.contains(['{', '}', '|', '\n']), "{at}: `{value}`");
                }
            } else {
                assert_eq!(column.null_count(), 0, "{at}");
            }
            // The same entity, the same value, whatever stands around it.
            let few = field.column(locale, &[7, 399]);
            assert_eq!(
                few.to_data(),
                arrow_select::concat::concat(&[&column.slice(7, 1), &column.slice(399, 1)]).unwrap().to_data(),
                "{at}"
            );
        }
    }
}

#[test]
fn names_addresses_of_mail_and_titles_agree() {
    for &locale in Locale::ALL {
        let place = locale.place();
        let [first, last, name, user, email, sex, work, domain] = [
            "person.first_name",
            "person.last_name",
            "person.name",
            "person.user_name",
            "person.email",
            "person.sex",
            "person.work_email",
            "company.domain",
        ]
        .map(|f| texts(locale, f));
        let titles = texts(locale, "person.title");
        for i in 0..N as usize {
            let eastern = matches!(locale, Locale::JaJp | Locale::ZhCn);
            let both = match (eastern, locale) {
                (true, Locale::ZhCn) => format!("{}{}", last[i], first[i]),
                (true, _) => format!("{} {}", last[i], first[i]),
                _ => format!("{} {}", first[i], last[i]),
            };
            assert_eq!(name[i], both);
            let female = sex[i] == "female";
            let list = if female { &place.female } else { &place.male };
            let first_ascii = &list.iter().find(|n| n.text == first[i]).unwrap().ascii;
            let stem = user[i].trim_end_matches(|c: char| c.is_ascii_digit());
            let family: Vec<&str> = place
                .last
                .iter()
                .chain(&place.last_female)
                .chain(&place.more)
                .filter(|n| last[i] == n.text || last[i].starts_with(&format!("{} ", n.text)))
                .map(|n| n.ascii.as_str())
                .collect();
            let fits = family.iter().any(|l| {
                [
                    format!("{first_ascii}.{l}"),
                    format!("{}{l}", &first_ascii[..1]),
                    format!("{l}.{first_ascii}"),
                    format!("{first_ascii}_{l}"),
                ]
                .iter()
                .any(|s| s == stem)
            });
            assert!(fits, "{} {} {:?}", name[i], user[i], family);
            let (mailbox, host) = email[i].split_once('@').unwrap();
            assert_eq!(mailbox, user[i]);
            assert!(["example.com", "example.net", "example.org"].contains(&host));
            assert!(work[i].ends_with(&format!("@{}", domain[i])) && domain[i].ends_with(".example"));
            let side = usize::from(!female);
            assert!(place.titles.iter().any(|t| t[side] == titles[i]) || place.doctor[side] == titles[i]);
        }
        let women = sex.iter().filter(|s| *s == "female").count() as f64 / N as f64;
        assert!((women - 0.5).abs() < 0.04, "{women}");
        let different: HashSet<&String> = name.iter().collect();
        assert!(different.len() as u64 > N * 55 / 100, "{} of {N} names differ in {}", different.len(), locale.name());
    }
}

#[test]
fn addresses_are_of_their_city() {
    for &locale in Locale::ALL {
        let place = locale.place();
        let [city, region, code, postcode, zone, phone, office, full, line, e164] = [
            "address.city",
            "address.region",
            "address.region_code",
            "address.postcode",
            "address.time_zone",
            "person.phone",
            "company.phone",
            "address.full",
            "address.street_line",
            "person.phone_e164",
        ]
        .map(|f| texts(locale, f));
        let (latitude, longitude) = (floats(locale, "address.latitude"), floats(locale, "address.longitude"));
        for i in 0..N as usize {
            let known = place.cities.iter().find(|c| c.name == city[i] && c.region == region[i]).unwrap();
            assert_eq!((code[i].as_str(), zone[i].as_str()), (known.region_code, known.time_zone));
            assert!((latitude[i] - known.latitude).abs() < 0.041 && (longitude[i] - known.longitude).abs() < 0.041);
            let plain = |t: &str| t.replace(['(', ')'], "");
            let area = known.phones.iter().any(|(a, _)| plain(&phone[i]).starts_with(a));
            assert!(
                area && known.phones.iter().any(|(a, _)| plain(&office[i]).starts_with(a)),
                "{} {}",
                city[i],
                phone[i]
            );
            assert!(full[i].contains(&city[i]) && full[i].contains(&postcode[i]) && full[i].contains(&line[i]));
            let digits: String = phone[i].chars().filter(char::is_ascii_digit).collect();
            let national = digits.strip_prefix(place.trunk).unwrap();
            assert_eq!(e164[i], format!("+{}{national}", place.calling));
            assert!(
                known.postcodes.iter().any(|p| fits(p, &postcode[i], place.letters)),
                "{} {}",
                city[i],
                postcode[i]
            );
        }
    }
}

/// Whether a pattern can have written a text: tried by writing it with many draws, for all signs at once.
fn fits(pattern: &pattern::Pattern, text: &str, letters: &[u8]) -> bool {
    let mut made = String::new();
    pattern.write(letters, &mut crate::cell::Cell::from_state(1), &mut made, &mut |_, _| ());
    let kind = |c: char| match c {
        '0'..='9' => '#',
        'A'..='Z' => '@',
        c => c,
    };
    made.chars().map(kind).eq(text.chars().map(kind))
}

/// Postcodes whose first digits say where a place is, one by one.
#[test]
fn postcodes_are_those_of_the_cities() {
    let cases = [
        (Locale::EnUs, "Chicago", "606"),
        (Locale::EnUs, "Boston", "021"),
        (Locale::EnGb, "Glasgow", "G"),
        (Locale::FrFr, "Paris", "750"),
        (Locale::FrFr, "Nice", "06"),
        (Locale::ItIt, "Milano", "201"),
        (Locale::EsEs, "Sevilla", "410"),
        (Locale::NlNl, "Amsterdam", "1"),
        (Locale::PlPl, "Gdańsk", "80-"),
        (Locale::TrTr, "Ankara", "06"),
        (Locale::JaJp, "札幌市中央区", "060-"),
        (Locale::ZhCn, "上海市", "20"),
    ];
    for (locale, city, start) in cases {
        let (cities, codes) = (texts(locale, "address.city"), texts(locale, "address.postcode"));
        let of_city: Vec<_> = cities.iter().zip(&codes).filter(|(c, _)| *c == city).collect();
        assert!(of_city.len() > 5, "{city}");
        assert!(of_city.iter().all(|(_, code)| code.starts_with(start)), "{city}");
    }
    for code in texts(Locale::DeDe, "address.postcode") {
        assert!(code.len() == 5 && (1_067..=99_099).contains(&number(&code)), "{code}");
    }
}

#[test]
fn cities_come_by_their_inhabitants() {
    for &locale in Locale::ALL {
        let cities = &locale.place().cities;
        let total: f64 = cities.iter().map(|c| c.weight).sum();
        let n = 40_000;
        let drawn = column(locale, "address", "city", n);
        let mut counts = HashMap::<&str, f64>::new();
        drawn.as_string::<i32>().iter().flatten().for_each(|c| *counts.entry(c).or_default() += 1.0);
        // Chi-square with as many degrees of freedom as cities less one: mean k, standard deviation sqrt(2 k).
        let k = cities.len() as f64 - 1.0;
        let chi: f64 = cities
            .iter()
            .map(|c| {
                let wanted = n as f64 * c.weight / total;
                (counts.get(c.name).copied().unwrap_or(0.0) - wanted).powi(2) / wanted
            })
            .sum();
        assert!(chi < k + 4.0 * (2.0 * k).sqrt(), "{}: {chi}", locale.name());
    }
}

#[test]
fn ages_and_what_depends_on_them() {
    let locale = Locale::DeDe;
    let (age, adult) = (ints(locale, "person.age"), ints(locale, "person.adult_age"));
    let (born, adult_born) = (dates(locale, "person.birth_date"), dates(locale, "person.adult_birth_date"));
    let full_years = |(y, m, d): (i64, i64, i64)| 2026 - y - i64::from((m, d) > (1, 1));
    for i in 0..N as usize {
        assert_eq!((full_years(born[i]), full_years(adult_born[i])), (age[i], adult[i]));
        assert!((0..=95).contains(&age[i]) && (18..=90).contains(&adult[i]));
        assert!(!(18..=90).contains(&age[i]) || age[i] == adult[i]);
    }
    let share = |from: i64, to: i64| age.iter().filter(|a| (from..to).contains(a)).count() as f64 / N as f64;
    assert!((share(0, 18) - 0.181).abs() < 0.03 && (share(65, 99) - 0.214).abs() < 0.03);
    let (jobs, marital) = (texts(locale, "person.job"), texts(locale, "person.marital_status"));
    let rate = |yes: &dyn Fn(usize) -> bool, of: &dyn Fn(usize) -> bool| {
        let all: Vec<usize> = (0..N as usize).filter(|i| of(*i)).collect();
        all.iter().filter(|i| yes(**i)).count() as f64 / all.len() as f64
    };
    assert!(rate(&|i| jobs[i].starts_with("Rentner"), &|i| adult[i] >= 67) > 0.75);
    assert!(rate(&|i| jobs[i].starts_with("Rentner"), &|i| adult[i] < 60) == 0.0);
    assert!(rate(&|i| marital[i] == "ledig", &|i| adult[i] < 25) > 0.85);
    assert!(rate(&|i| marital[i] == "verwitwet", &|i| adult[i] >= 80) > 0.3);
    let women = texts(locale, "person.sex").iter().map(|s| s == "female").collect::<Vec<_>>();
    for i in 0..N as usize {
        assert!(jobs[i] != "Rentner" || !women[i]);
        assert!(jobs[i] != "Rentnerin" || women[i]);
    }
    let (height, weight) = (floats(locale, "person.height_cm"), floats(locale, "person.weight_kg"));
    let mean = |female: bool| {
        let of: Vec<f64> = (0..N as usize).filter(|i| women[*i] == female).map(|i| height[i]).collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    assert!((mean(true) - 166.0).abs() < 0.8 && (mean(false) - 180.0).abs() < 0.8);
    assert!(height.iter().zip(&weight).all(|(h, w)| (15.0..50.0).contains(&(w / (h / 100.0).powi(2)))));
}

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
    ];
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
                    d[0] == 0
                        && d.len() == 11
                        && counts == [0, 1, 1, 1, 1, 1, 1, 1, 1, 2]
                        && (rest + d[10]) % 10 == 1
                }
                Locale::FrFr => {
                    let body = number(&id[..13]);
                    id.len() == 15
                        && d[0] == if female { 2 } else { 1 }
                        && number(&id[1..3]) == year as u64 % 100
                        && number(&id[3..5]) == month as u64
                        && &id[10..13] == "000"
                        && (body + number(&id[13..])) % 97 == 0
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
                        && (d[9] % 2 == 0) == female
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
                Locale::ZhCn => {
                    let last = if id.ends_with('X') { 10 } else { d[17] };
                    let sum: u64 = (0..17).map(|i| d[i] * (1 << (17 - i)) % 11).sum::<u64>() + last;
                    &id[2..6] == "0000"
                        && id[6..14] == format!("{year}{month:02}{day:02}")
                        && (d[16] % 2 == 0) == female
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
                    d.len() == 10 && (sum + d[9]) % 10 == 0
                }
                Locale::JaJp => {
                    let sum: u64 = (1..=12).map(|n| d[13 - n] * if n % 2 == 0 { 2 } else { 1 }).sum();
                    d.len() == 13 && d[0] == 9 - sum % 9
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
                    id.len() == 18 && sum % 31 == 0
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
                Locale::EsEs => figures(&phone).len() == 9,
                Locale::ItIt => figures(&phone).len() >= 9,
            };
            assert!(kept, "{} {phone}", locale.name());
        }
        for mobile in texts(locale, "person.mobile") {
            let kept = match locale {
                Locale::EnUs => mobile[6..].starts_with("555-01"),
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

#[test]
fn companies_have_their_own_domain_and_form() {
    for &locale in Locale::ALL {
        let [name, form, domain, email, site, industry] = [
            "company.name",
            "company.legal_form",
            "company.domain",
            "company.email",
            "company.website",
            "company.industry",
        ]
        .map(|f| texts(locale, f));
        let place = locale.place();
        for i in 0..N as usize {
            assert!(name[i].contains(&form[i]), "{} {}", name[i], form[i]);
            assert!(email[i].split_once('@').unwrap().1 == domain[i] && site[i].ends_with(&domain[i]));
            let label = domain[i].strip_suffix(".example").unwrap();
            let clean = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(label.chars().all(clean) && !label.is_empty() && label.len() <= 63, "{label}");
            // A word of trade in the name is that of the industry.
            let own = &place.industries.iter().find(|t| t.name == industry[i]).unwrap().word;
            let ends = |w: &locale::Name| label.ends_with(&format!("-{}", w.ascii));
            if let Some(other) = place.industries.iter().find(|t| ends(&t.word)) {
                assert!(ends(own) || own.ascii == other.word.ascii, "{} {}", name[i], industry[i]);
            }
        }
    }
}

#[test]
fn things_of_the_internet_are_reserved_where_they_can_be() {
    let locale = Locale::EnUs;
    for ip in texts(locale, "internet.ipv4_example") {
        assert!(["192.0.2.", "198.51.100.", "203.0.113."].iter().any(|n| ip.starts_with(n)), "{ip}");
        assert!(ip.parse::<std::net::Ipv4Addr>().unwrap().is_documentation());
    }
    for ip in texts(locale, "internet.ipv4") {
        let ip: std::net::Ipv4Addr = ip.parse().unwrap();
        let special = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_documentation();
        assert!(!special && !ip.is_multicast() && !ip.is_unspecified() && ip.octets()[0] < 224, "{ip}");
    }
    assert!(
        texts(locale, "internet.ipv4_private").iter().all(|i| i.parse::<std::net::Ipv4Addr>().unwrap().is_private())
    );
    for ip in texts(locale, "internet.ipv6") {
        let parsed: std::net::Ipv6Addr = ip.parse().unwrap();
        assert_eq!(parsed.segments()[..2], [0x2001, 0xdb8]);
    }
    for mac in texts(locale, "internet.mac") {
        let first = u8::from_str_radix(&mac[..2], 16).unwrap();
        assert!(mac.len() == 17 && first & 3 == 2, "{mac}");
    }
    for (url, domain) in texts(locale, "internet.url").iter().zip(texts(locale, "internet.domain")) {
        assert!(url.starts_with(&format!("https://{domain}/")));
        assert!([".example.com", ".example.net", ".example.org"].iter().any(|e| domain.ends_with(e)));
    }
    let uuids = texts(locale, "internet.uuid");
    for uuid in &uuids {
        let bytes = uuid.as_bytes();
        let variant = b"89ab".contains(&bytes[19]);
        assert!(uuid.len() == 36 && bytes[14] == b'4' && variant && uuid.matches('-').count() == 4, "{uuid}");
    }
    assert_eq!(uuids.iter().collect::<HashSet<_>>().len() as u64, N);
    let ok = ints(locale, "internet.http_status").iter().filter(|s| **s == 200).count() as f64 / N as f64;
    assert!((ok - 0.83).abs() < 0.03, "{ok}");
}

#[test]
fn vehicles_agree_with_themselves() {
    let worth = |b: u8| match b {
        b'0'..=b'9' => u64::from(b - b'0'),
        b => "?ABCDEFGH??JKLMN?P?R??STUVWXYZ".bytes().position(|c| c == b).map_or(0, |i| i as u64 % 10),
    };
    // S is worth 2.
    assert_eq!(
        [worth(b'A'), worth(b'H'), worth(b'J'), worth(b'P'), worth(b'R'), worth(b'S'), worth(b'Z')],
        [1, 8, 1, 7, 9, 2, 9]
    );
    let weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    for &locale in Locale::ALL {
        let [make, model, vin, fuel, plate, region] =
            ["vehicle.make", "vehicle.model", "vehicle.vin", "vehicle.fuel", "vehicle.plate", "address.region_code"]
                .map(|f| texts(locale, f));
        let (year, driven) = (ints(locale, "vehicle.year"), ints(locale, "vehicle.mileage_km"));
        let mut makers = HashMap::new();
        let mut makes_of_model = HashMap::<&str, HashSet<&str>>::new();
        for i in 0..N as usize {
            let b = vin[i].as_bytes();
            assert!(b.len() == 17 && !vin[i].contains(['I', 'O', 'Q']), "{}", vin[i]);
            let sum: u64 = b.iter().zip(weights).map(|(&b, w)| worth(b) * w).sum();
            let sign = b"0123456789X"[(sum % 11) as usize];
            assert_eq!(b[8], sign, "{}", vin[i]);
            assert_eq!(makers.entry(&make[i]).or_insert(&vin[i][..3]), &&vin[i][..3]);
            let code = "ABCDEFGHJKLMNPRSTVWXY123456789".as_bytes()[(year[i] - 1980) as usize % 30];
            assert!(b[9] == code && (2005..=2025).contains(&year[i]) && driven[i] > 0, "{} {}", vin[i], year[i]);
            assert!(fuel[i] != "electric" || year[i] >= 2020);
            assert!(make[i] != "Tesla" || fuel[i] == "electric");
            makes_of_model.entry(&model[i]).or_default().insert(&make[i]);
            if locale == Locale::TrTr {
                assert_eq!(plate[i][..2], region[i]);
            }
        }
        let twins = ["Corsa", "Astra", "Mokka", "Insignia", "Crossland"];
        assert!(makes_of_model.iter().all(|(m, makes)| makes.len() == 1 || twins.contains(m)), "{makes_of_model:?}");
    }
}

#[test]
fn goods_have_right_numbers() {
    for &locale in Locale::ALL {
        for (ean, isbn) in texts(locale, "commerce.ean13").iter().zip(texts(locale, "commerce.isbn13")) {
            for code in [ean, &isbn] {
                let sum: u64 = figures(code).iter().enumerate().map(|(i, d)| d * (1 + 2 * (i as u64 % 2))).sum();
                assert!(code.len() == 13 && sum % 10 == 0, "{code}");
            }
            assert!(ean.starts_with('2') && isbn.starts_with("9797"));
        }
        assert!(floats(locale, "commerce.price").iter().all(|p| *p > 0.4));
        let (sku, category) = (texts(locale, "commerce.sku"), texts(locale, "commerce.category"));
        assert!(sku.iter().zip(category).all(|(s, c)| s[..3] == c[..3].to_uppercase()));
    }
}

#[test]
fn what_is_not_known_is_said() {
    let error = Field::parse("person", "emial").unwrap_err().to_string();
    assert!(
        error.contains("`person.emial`") && error.contains("did you mean `email`?") && error.contains("first_name"),
        "{error}"
    );
    let error = Field::parse("persn", "email").unwrap_err().to_string();
    assert!(error.contains("did you mean `person`?") && error.contains("vehicle"), "{error}");
    assert!(Field::parse("", "").is_err());
    let mut names: Vec<_> = Field::all().map(|(kind, name, ..)| (kind, name)).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    let field = Field::parse("person", "age").unwrap();
    assert_eq!((field.kind(), field.name(), field.is_nullable()), ("person", "age", false));
    assert_eq!(field.column(Locale::EnUs, &[]).len(), 0);
}

/// The tables of the page are those of the code.
#[test]
fn the_page_lists_all_fields() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fake.md");
    let mut wanted = String::from("| field | what it is | example |\n|---|---|---|\n");
    for (kind, name, what, example) in Field::all() {
        let example = if example.is_empty() { "(missing)".to_owned() } else { format!("`{example}`") };
        wanted += &format!("| `{kind}.{name}` | {what} | {example} |\n");
    }
    wanted += "\n| locale | language, country | a person | an address |\n|---|---|---|---|\n";
    for &locale in Locale::ALL {
        let text = |kind: &str, name: &str| {
            let column = Field::parse(kind, name).unwrap().column(locale, &[5]);
            column.as_string::<i32>().value(0).to_owned()
        };
        let (name, what) = (locale.name(), locale.what());
        wanted += &format!("| `{name}` | {what} | {} | {} |\n", text("person", "name"), text("address", "full"));
    }
    if std::env::var_os("VERISIM_WRITE_DOCS").is_some() {
        let page = std::fs::read_to_string(path).unwrap();
        let (before, rest) = page.split_once("<!-- fields -->\n").unwrap();
        let (_, after) = rest.split_once("<!-- end of fields -->\n").unwrap();
        std::fs::write(path, format!("{before}<!-- fields -->\n{wanted}<!-- end of fields -->\n{after}")).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap();
    assert!(page.contains(&wanted), "docs/fake.md is not of this code: run this test with VERISIM_WRITE_DOCS=1");
}

/// Prints how fast columns are, and samples; asserts only that all came.
#[test]
fn speed_is_printed() {
    let keys: Vec<u64> = (0..200_000).collect();
    let shown = std::env::var_os("VERISIM_SHOW").is_some();
    let mut lines = String::new();
    for locale in if shown { &Locale::ALL[..3] } else { &Locale::ALL[..1] } {
        for (kind, name, ..) in Field::all() {
            let field = Field::parse(kind, name).unwrap();
            field.column(*locale, &keys[..100]);
            let start = Instant::now();
            assert_eq!(field.column(*locale, &keys).len(), keys.len());
            let rate = keys.len() as f64 / start.elapsed().as_secs_f64() / 1e6;
            lines += &format!("{} {kind}.{name}: {rate:.1} million a second\n", locale.name());
        }
    }
    if shown {
        for &locale in Locale::ALL {
            lines += &format!("\n== {}\n", locale.name());
            for f in fields::FIELDS.iter().filter(|f| !["internet", "lorem", "commerce"].contains(&f.kind)) {
                let samples: Vec<String> = (0..9).map(|key| example(f.make, locale, key)).collect();
                lines += &format!("{}.{}: {}\n", f.kind, f.name, samples.join(" ; "));
            }
        }
    }
    eprintln!("{lines}");
}
