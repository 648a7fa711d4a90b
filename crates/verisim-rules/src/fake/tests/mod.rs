//! Fields of an entity agree, numbers keep their check digits and stay in their ranges, in every locale. Check digits are computed here
//! anew, in other ways than where they are made.

#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef};

use super::*;

mod numbers;

const N: u64 = 3_000;
/// Locales whose country has IBANs.
const IBAN: [Locale; 11] = [
    Locale::DeDe,
    Locale::EnGb,
    Locale::FrFr,
    Locale::ItIt,
    Locale::EsEs,
    Locale::NlNl,
    Locale::PtBr,
    Locale::PlPl,
    Locale::TrTr,
    Locale::DeAt,
    Locale::DeCh,
];

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
                let none = field.is_nullable() && !IBAN.contains(&locale);
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

/// Each part of neighbouring entities is uniform, and no two parts go together: a part that shares its stream with another fails.
#[test]
fn parts_of_entities_are_independent() {
    use entity::Part;
    let parts =
        [Part::Sex, Part::First, Part::Last, Part::Mobile, Part::City, Part::CompanyName, Part::Industry, Part::Iban];
    let n = 20_000;
    let mut entity = Entity::of(Locale::EnUs.place());
    let draws: Vec<Vec<f64>> =
        parts.iter().map(|p| (0..n).map(|key| entity.turned(key).part(*p).uniform() - 0.5).collect()).collect();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() * 12.0 / n as f64;
    for (i, a) in draws.iter().enumerate() {
        let mean = a.iter().sum::<f64>() / n as f64;
        assert!(mean.abs() < 4.0 * (1.0 / 12.0 / n as f64).sqrt(), "{:?}: {mean}", parts[i]);
        assert!(product(a, &a[1..]).abs() < 4.0 / (n as f64).sqrt(), "{:?} of neighbours", parts[i]);
        for (j, b) in draws.iter().enumerate().skip(i + 1) {
            assert!(product(a, b).abs() < 4.0 / (n as f64).sqrt(), "{:?} and {:?}", parts[i], parts[j]);
        }
    }
    // All patterns of names of companies, evenly.
    let names = texts(Locale::EnGb, "company.name");
    let share = |sign: &str| names.iter().filter(|t| t.contains(sign)).count() as f64 / N as f64;
    assert!((share(" & Sons") - 0.2).abs() < 0.03 && (share(" & ") - 0.4).abs() < 0.04);
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
                assert!(code.len() == 13 && sum.is_multiple_of(10), "{code}");
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
    let shown = std::env::var_os("VERISIM_SHOW").is_some();
    let keys: Vec<u64> = (0..if shown { 200_000 } else { 20_000 }).collect();
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
