//! Text that is made up: names, addresses and the like for columns that hold such, placeholder words for all others.
//!
//! A column of free text is not learnt. What stands in it is recognised by its values and its name, so that what is written is of the same
//! kind, and nothing of it is a real value but by chance. Row `i` of a column is a function of the seed, the column and `i`.

use fake::Fake;
use fake::faker::{address, company, internet, lorem, name, phone_number};
use fake::locales::{AR_SA, DE_DE, EN, FR_FR, IT_IT, JA_JP, NL_NL, PT_BR, TR_TR, ZH_CN};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::identifier::{Check, Part, Shape, words};
use crate::rng::{Stream, below, stream, uniform};

/// What a text is made up as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// First name of a person.
    FirstName,
    /// Family name of a person.
    LastName,
    /// `Ann Lee`
    Name,
    /// `Lee, Ann`
    NameReversed,
    /// An e-mail address, at a domain that is reserved for examples.
    Email,
    /// A telephone number.
    Phone,
    /// Street and house number.
    Street,
    /// A city.
    City,
    /// A company.
    Company,
    /// A web address, at a domain that is reserved for examples.
    Url,
    /// An IPv4 address.
    Ip,
    /// An IPv6 address.
    Ipv6,
    /// A bank account with right check digits.
    Iban,
    /// Words without meaning, as long as the texts were.
    Words,
    /// Nothing: the cell is left empty, because that was asked for.
    Blank,
}

impl Provider {
    /// The word for it in a config.
    pub fn name(self) -> &'static str {
        match self {
            Provider::FirstName => "first_name",
            Provider::LastName => "last_name",
            Provider::Name => "name",
            Provider::NameReversed => "name_reversed",
            Provider::Email => "email",
            Provider::Phone => "phone",
            Provider::Street => "street",
            Provider::City => "city",
            Provider::Company => "company",
            Provider::Url => "url",
            Provider::Ip => "ip",
            Provider::Ipv6 => "ipv6",
            Provider::Iban => "iban",
            Provider::Words => "words",
            Provider::Blank => "blank",
        }
    }

    /// What is made, for people.
    pub fn made(self) -> &'static str {
        match self {
            Provider::FirstName | Provider::LastName | Provider::Name | Provider::NameReversed => {
                "made-up names of persons"
            }
            Provider::Email => "made-up e-mail addresses",
            Provider::Phone => "made-up telephone numbers",
            Provider::Street => "made-up streets",
            Provider::City => "names of cities",
            Provider::Company => "made-up companies",
            Provider::Url => "made-up web addresses",
            Provider::Ip | Provider::Ipv6 => "made-up addresses of computers",
            Provider::Iban => "made-up bank accounts",
            Provider::Words => "placeholder words of the same length",
            Provider::Blank => "nothing",
        }
    }

    /// What such values are, for people.
    pub fn plural(self) -> &'static str {
        match self {
            Provider::FirstName | Provider::LastName | Provider::Name | Provider::NameReversed => "names of persons",
            Provider::Email => "e-mail addresses",
            Provider::Phone => "telephone numbers",
            Provider::Street => "streets",
            Provider::Ip | Provider::Ipv6 => "addresses of computers",
            Provider::Iban => "bank accounts",
            other => other.made(),
        }
    }

    /// Whether values tell of one person.
    pub fn is_personal(self) -> bool {
        use Provider::*;
        matches!(self, FirstName | LastName | Name | NameReversed | Email | Phone | Street | Iban | Ip | Ipv6)
    }
}

/// Country of made-up names and addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Locale {
    #[default]
    En,
    De,
    Fr,
    It,
    Nl,
    Pt,
    Tr,
    Ar,
    Ja,
    Zh,
}

/// How the texts of a column are made up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// As what.
    pub provider: Provider,
    /// Of which country.
    #[serde(default)]
    pub locale: Locale,
    /// Lengths in characters at equal steps from the shortest to the longest, each the mean of a tenth of the rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lengths: Vec<u32>,
}

/// Values that are looked at.
const LOOK: usize = 1_000;
/// Tenths.
const STEPS: usize = 10;

impl Fill {
    /// What `texts` of a column called `name` are.
    pub(crate) fn of<'a>(column: &str, texts: impl Iterator<Item = &'a str> + Clone, locale: Locale) -> Fill {
        let provider = recognise(column, texts.clone()).unwrap_or(Provider::Words);
        let lengths = if provider == Provider::Words { lengths(texts) } else { Vec::new() };
        Fill { provider, locale, lengths }
    }

    /// The text of `row`.
    pub(crate) fn text(&self, row: u64, seed: u64) -> String {
        let mut rng = stream(seed, "text", row);
        let rng = &mut rng;
        match self.provider {
            Provider::Blank => String::new(),
            Provider::Words => self.words(rng),
            Provider::Ip => [below(rng, 223) + 1, below(rng, 256), below(rng, 256), below(rng, 254) + 1]
                .map(|b| b.to_string())
                .join("."),
            Provider::Ipv6 => internet::en::IPv6().fake_with_rng::<String, _>(rng),
            // Ten digits after the bank's eight, as in Germany.
            Provider::Iban => {
                let mut parts: Vec<Part> = "DE00".chars().map(Part::Literal).collect();
                parts.extend([Part::Digit; 18]);
                let mut key = String::new();
                Shape::Pattern { parts, check: Some(Check::Iban), spare: None }.push(row, seed, &mut key);
                key
            }
            Provider::Email => {
                let user = |rng: &mut Stream| self.name(Provider::LastName, rng);
                let (first, last) = (self.name(Provider::FirstName, rng), user(rng));
                let (first, last) = (ascii(&first), ascii(&last));
                let number = below(rng, 1_000);
                format!("{first}.{last}{number}@example.{}", ["com", "org", "net"][below(rng, 3) as usize])
            }
            Provider::Url => {
                let host = ascii(&self.name(Provider::LastName, rng));
                let page: String = lorem::en::Word().fake_with_rng::<&str, _>(rng).to_owned();
                format!("https://{host}.example.{}/{page}", ["com", "org", "net"][below(rng, 3) as usize])
            }
            Provider::NameReversed => {
                let first = self.name(Provider::FirstName, rng);
                format!("{}, {first}", self.name(Provider::LastName, rng))
            }
            other => self.name(other, rng),
        }
    }

    /// A name, address, company or number of the locale.
    fn name(&self, provider: Provider, rng: &mut Stream) -> String {
        macro_rules! of_locale {
            ($($locale:ident => $data:expr),*) => {
                match self.locale {
                    $(Locale::$locale => match provider {
                        Provider::FirstName => name::raw::FirstName($data).fake_with_rng::<String, _>(rng),
                        Provider::LastName => name::raw::LastName($data).fake_with_rng(rng),
                        Provider::Name => name::raw::Name($data).fake_with_rng(rng),
                        Provider::Phone => phone_number::raw::PhoneNumber($data).fake_with_rng(rng),
                        Provider::Street => {
                            let street: String = address::raw::StreetName($data).fake_with_rng(rng);
                            let number = below(rng, 180) + 1;
                            match self.locale {
                                Locale::En | Locale::Fr => format!("{number} {street}"),
                                _ => format!("{street} {number}"),
                            }
                        }
                        Provider::City => address::raw::CityName($data).fake_with_rng(rng),
                        _ => company::raw::CompanyName($data).fake_with_rng(rng),
                    }),*
                }
            };
        }
        of_locale!(En => EN, De => DE_DE, Fr => FR_FR, It => IT_IT, Nl => NL_NL, Pt => PT_BR, Tr => TR_TR, Ar => AR_SA, Ja => JA_JP, Zh => ZH_CN)
    }

    /// Words up to a length that a text had.
    fn words(&self, rng: &mut Stream) -> String {
        let at = uniform(rng) * self.lengths.len().saturating_sub(1) as f64;
        let (low, high) = (at.floor() as usize, at.ceil() as usize);
        let length = |i: usize| self.lengths.get(i).copied().map_or(12.0, f64::from);
        let length = (length(low) + at.fract() * (length(high) - length(low))).round().max(1.0) as usize;
        let mut text = String::with_capacity(length + 16);
        while text.chars().count() < length {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(lorem::en::Word().fake_with_rng::<&str, _>(rng));
        }
        // The last word is cut to fit; a blank at the end would not be read back.
        let mut text: String = text.chars().take(length).collect();
        if text.ends_with(' ') {
            text.pop();
            text.push('s');
        }
        text
    }
}

/// Letters that a domain may have.
fn ascii(text: &str) -> String {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    if plain.is_empty() { "someone".to_owned() } else { plain.to_ascii_lowercase() }
}

/// Mean lengths of each tenth of the texts, shortest first.
fn lengths<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<u32> {
    let mut lengths: Vec<u64> = texts.map(|t| t.chars().count() as u64).collect();
    lengths.sort_unstable();
    let steps = STEPS.min(lengths.len()).max(1);
    let tenth = |k: usize| &lengths[k * lengths.len() / steps..(k + 1) * lengths.len() / steps];
    let mean = |part: &[u64]| (part.iter().sum::<u64>() / part.len().max(1) as u64).min(1 << 20) as u32;
    if lengths.is_empty() { Vec::new() } else { (0..steps).map(|k| mean(tenth(k))).collect() }
}

/// What nine in ten of the texts are, if it is something that can be made up.
pub(crate) fn recognise<'a>(column: &str, texts: impl Iterator<Item = &'a str> + Clone) -> Option<Provider> {
    let texts = texts.take(LOOK);
    let count = texts.clone().count();
    let most = |is: fn(&str) -> bool| count > 0 && 10 * texts.clone().filter(|t| is(t)).count() >= 9 * count;
    let column = words(column);
    let named = |list: &[&str]| column.iter().any(|w| list.contains(&w.as_str()));
    for (is, provider) in [
        (is_email as fn(&str) -> bool, Provider::Email),
        (is_url, Provider::Url),
        (is_ipv4, Provider::Ip),
        (is_ipv6, Provider::Ipv6),
        (|t: &str| Check::Iban.is_kept(t), Provider::Iban),
        (is_international_phone, Provider::Phone),
    ] {
        if most(is) {
            return Some(provider);
        }
    }
    if named(&["phone", "tel", "telephone", "telefon", "mobile", "fax", "handy", "cell"]) && most(is_phone) {
        return Some(Provider::Phone);
    }
    if most(is_street) || named(&["street", "address", "addr", "strasse", "straße", "road"]) && most(has_digit_and_word)
    {
        return Some(Provider::Street);
    }
    if most(is_company)
        || named(&["company", "employer", "firm", "organisation", "organization", "vendor", "supplier", "firma"])
            && most(is_title)
    {
        return Some(Provider::Company);
    }
    if named(&["city", "town", "stadt", "ort", "village"]) && most(is_title) {
        return Some(Provider::City);
    }
    let person = [
        "name",
        "names",
        "person",
        "customer",
        "patient",
        "employee",
        "author",
        "contact",
        "surname",
        "firstname",
        "lastname",
        "fullname",
        "vorname",
        "nachname",
        "owner",
        "member",
        "passenger",
        "student",
        "doctor",
        "physician",
        "holder",
    ];
    if named(&person) && most(is_title) {
        let one_word = most(|t| !t.trim().contains(' '));
        let last = named(&["last", "surname", "lastname", "family", "nachname"]);
        let first = named(&["first", "firstname", "given", "vorname"]);
        return Some(match (last, first, one_word) {
            (true, false, _) => Provider::LastName,
            (_, true, _) => Provider::FirstName,
            (_, _, true) => Provider::FirstName,
            _ if most(|t| t.contains(", ")) => Provider::NameReversed,
            _ => Provider::Name,
        });
    }
    None
}

fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.split_once('@') else { return false };
    let plain = |t: &str| !t.is_empty() && !t.contains([' ', '@', ',', ';']);
    plain(user) && plain(host) && host.contains('.') && !host.ends_with('.')
}

fn is_url(text: &str) -> bool {
    ["http://", "https://", "www.", "ftp://"].iter().any(|p| text.starts_with(p)) && !text.contains(' ')
}

fn is_ipv4(text: &str) -> bool {
    text.parse::<std::net::Ipv4Addr>().is_ok()
}

fn is_ipv6(text: &str) -> bool {
    text.parse::<std::net::Ipv6Addr>().is_ok()
}

fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (6..=16).contains(&digits) && text.chars().all(|c| c.is_ascii_digit() || "+ ()/-.x".contains(c))
}

fn is_international_phone(text: &str) -> bool {
    text.starts_with('+') && is_phone(text)
}

fn has_digit_and_word(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit()) && text.chars().any(char::is_alphabetic) && text.contains(' ')
}

fn is_street(text: &str) -> bool {
    const ENDS: [&str; 20] = [
        "street",
        "st",
        "st.",
        "avenue",
        "ave",
        "ave.",
        "road",
        "rd",
        "rd.",
        "lane",
        "ln",
        "drive",
        "dr",
        "blvd",
        "boulevard",
        "way",
        "court",
        "weg",
        "platz",
        "allee",
    ];
    let small = text.to_lowercase();
    let word = |w: &str| {
        let w = w.trim_end_matches(',');
        ENDS.contains(&w) || w.ends_with("straße") || w.ends_with("strasse") || w.ends_with("str.")
    };
    has_digit_and_word(text) && small.split_whitespace().any(word)
}

fn is_company(text: &str) -> bool {
    const ENDS: [&str; 16] = [
        "inc", "inc.", "ltd", "ltd.", "llc", "gmbh", "ag", "corp", "corp.", "co.", "plc", "s.a.", "b.v.", "kg", "sarl",
        "group",
    ];
    text.split_whitespace().next_back().is_some_and(|w| ENDS.contains(&w.to_lowercase().as_str())) && text.contains(' ')
}

/// Up to six words, most of them with a capital, and no digit.
fn is_title(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let first = words.next().is_some_and(|w| w.starts_with(|c: char| c.is_uppercase() || !c.is_ascii()));
    first && words.count() < 8 && !text.bytes().any(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(column: &str, texts: &[&str]) -> Option<Provider> {
        recognise(column, texts.iter().copied())
    }

    #[test]
    fn kinds_of_text_are_recognised() {
        for (column, texts, provider) in [
            ("contact", &["ann@site.org", "b.lee@mail.co.uk"][..], Provider::Email),
            ("page", &["https://a.org/x", "www.b.net"], Provider::Url),
            ("host", &["10.0.0.1", "192.168.4.77"], Provider::Ip),
            ("host", &["fe80::1", "2001:db8::8a2e:370:7334"], Provider::Ipv6),
            ("acc", &["GB82WEST12345698765432", "DE89370400440532013000"], Provider::Iban),
            ("p", &["+49 30 1234567", "+1 (555) 010-9999"], Provider::Phone),
            ("phone", &["030 1234567", "555-0100"], Provider::Phone),
            ("where", &["12 High Street", "7 Mill Rd."], Provider::Street),
            ("wo", &["Hauptstraße 5", "Am Weg 12"], Provider::Street),
            ("c", &["Miller Ltd", "Stone & Sons Inc."], Provider::Company),
            ("city", &["Berlin", "New York"], Provider::City),
            ("Name", &["Braund, Mr. Owen Harris", "Heikkinen, Miss. Laina"], Provider::NameReversed),
            ("customer_name", &["Ann Lee", "Bo Berg"], Provider::Name),
            ("first_name", &["Ann", "Bo"], Provider::FirstName),
            ("surname", &["Lee", "Berg"], Provider::LastName),
        ] {
            assert_eq!(kind(column, texts), Some(provider), "{column}");
        }
        assert_eq!(kind("note", &["The patient was seen.", "No change."]), None);
        assert_eq!(kind("x", &[]), None);
    }

    #[test]
    fn what_is_made_up_is_of_its_kind_in_every_locale() {
        use Locale::*;
        for locale in [En, De, Fr, It, Nl, Pt, Tr, Ar, Ja, Zh] {
            let text = |provider| Fill { provider, locale, lengths: Vec::new() }.text(3, 1);
            assert!(is_email(&text(Provider::Email)), "{}", text(Provider::Email));
            assert!(is_url(&text(Provider::Url)) && is_ipv4(&text(Provider::Ip)) && is_ipv6(&text(Provider::Ipv6)));
            assert!(Check::Iban.is_kept(&text(Provider::Iban)));
            for provider in [
                Provider::FirstName,
                Provider::LastName,
                Provider::Name,
                Provider::Phone,
                Provider::Street,
                Provider::City,
                Provider::Company,
            ] {
                assert!(!text(provider).is_empty());
            }
            assert_eq!(text(Provider::Name), text(Provider::Name));
        }
    }

    #[test]
    fn placeholder_words_are_as_long_as_the_texts() {
        let texts: Vec<String> = (0..500).map(|i| "x".repeat(5 + i % 40)).collect();
        let fill = Fill::of("note", texts.iter().map(String::as_str), Locale::En);
        assert_eq!(fill.provider, Provider::Words);
        let made: Vec<usize> = (0..2_000).map(|row| fill.text(row, 4).chars().count()).collect();
        let mean = made.iter().sum::<usize>() as f64 / 2_000.0;
        assert!((mean - 24.5).abs() < 1.0, "{mean}");
        assert!(made.iter().all(|n| (5..=44).contains(n)));
        assert_ne!(fill.text(1, 4), fill.text(2, 4));
    }
}
