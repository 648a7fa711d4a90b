//! What is known of a country: names, cities, streets, jobs, read from the text files in `locales/`.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::OnceLock;

use fake::locales::{Data, FR_FR};
use verisim_data::error::nearest;

use super::draw::{ascii, number};
use super::pattern::Pattern;
use crate::{Error, Result};

macro_rules! locales {
    ($($(#[$default:ident])? $variant:ident $name:literal $what:literal,)*) => {
        /// A language and a country: how persons are called and addresses are written.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum Locale {
            $(#[doc = $what] $(#[$default])? $variant,)*
        }

        impl Locale {
            /// All there are.
            pub const ALL: &[Locale] = &[$(Locale::$variant),*];

            /// Its name: `de_DE`.
            pub fn name(self) -> &'static str {
                match self { $(Locale::$variant => $name,)* }
            }

            /// Its language and country in English.
            pub fn what(self) -> &'static str {
                match self { $(Locale::$variant => $what,)* }
            }

            fn text(self) -> &'static str {
                match self { $(Locale::$variant => include_str!(concat!("locales/", $name, ".txt")),)* }
            }
        }
    };
}

locales! {
    #[default]
    EnUs "en_US" "English, United States",
    EnGb "en_GB" "English, United Kingdom",
    DeDe "de_DE" "German, Germany",
    FrFr "fr_FR" "French, France",
    ItIt "it_IT" "Italian, Italy",
    EsEs "es_ES" "Spanish, Spain",
    NlNl "nl_NL" "Dutch, Netherlands",
    PtBr "pt_BR" "Portuguese, Brazil",
    PlPl "pl_PL" "Polish, Poland",
    TrTr "tr_TR" "Turkish, Turkey",
    JaJp "ja_JP" "Japanese, Japan",
    ZhCn "zh_CN" "Chinese, China",
    EnCa "en_CA" "English, Canada",
    EnAu "en_AU" "English, Australia",
    DeAt "de_AT" "German, Austria",
    DeCh "de_CH" "German, Switzerland",
}

impl FromStr for Locale {
    type Err = Error;

    /// `de_DE`, `de-DE` or `de`, in any case. A language alone is the first locale of it.
    fn from_str(text: &str) -> Result<Locale> {
        let wanted = text.trim().replace('-', "_").to_lowercase();
        let found = Locale::ALL.iter().find(|l| {
            let name = l.name().to_lowercase();
            name == wanted || name.split('_').next() == Some(&wanted)
        });
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = Locale::ALL.iter().map(|l| l.name()).collect();
            Error::Setting {
                key: "locale".into(),
                what: format!("is `{text}`, which is not known; the locales are {}", names.join(", ")),
            }
        })
    }
}

impl Locale {
    /// What is known of it. Its file is read once, in about a millisecond.
    pub(super) fn place(self) -> &'static Place {
        static PLACES: [OnceLock<Place>; Locale::ALL.len()] = [const { OnceLock::new() }; Locale::ALL.len()];
        // That every file can be read is a test, so the default is never taken.
        PLACES[self as usize].get_or_init(|| Place::read(self).unwrap_or_default())
    }

    /// Family names of the crate `fake`, after the common ones. Only where its list is longer than ours and has the country's names: its
    /// English list has invented ones, its Dutch one misspelt ones, its Brazilian one those of Spain.
    fn more_names(self) -> &'static [&'static str] {
        match self {
            Locale::FrFr => FR_FR::NAME_LAST_NAME,
            _ => &[],
        }
    }
}

/// A name, and how it is written in an address of mail.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Name {
    pub text: String,
    pub ascii: String,
}

/// A word for a woman and for a man.
pub(super) type Pair = [&'static str; 2];

/// A branch of trade, and the word for it in names of companies.
#[derive(Clone, Debug)]
pub(super) struct Industry {
    pub name: &'static str,
    pub word: Name,
}

/// A city.
#[derive(Clone, Debug)]
pub(super) struct City {
    pub name: &'static str,
    /// The name without the word for city.
    pub town: &'static str,
    pub region: &'static str,
    pub region_code: &'static str,
    pub postcodes: Vec<Pattern>,
    /// Area codes, each with the pattern of its numbers if that is not the country's.
    pub phones: Vec<(&'static str, Option<Pattern>)>,
    pub latitude: f64,
    pub longitude: f64,
    /// Inhabitants in thousands.
    pub weight: f64,
    pub time_zone: &'static str,
    /// What stands on plates of vehicles, or the sign of the province.
    pub mark: &'static str,
}

/// All that is known of a locale.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub country: &'static str,
    pub code: &'static str,
    pub currency: &'static str,
    pub calling: &'static str,
    /// What is left out of a number after the country's code.
    pub trunk: &'static str,
    pub language: &'static str,
    pub letters: &'static [u8],
    pub phone: Pattern,
    pub mobile: Vec<Pattern>,
    pub number: Vec<Pattern>,
    pub street_line: Pattern,
    pub full: Pattern,
    pub plate: Vec<Pattern>,
    pub name: Pattern,
    /// Two where persons have a family name of each parent.
    pub family_names: u64,
    /// Mean heights of women and of men in cm.
    pub height: [f64; 2],
    pub blood: &'static str,
    pub mail: Vec<&'static str>,
    pub companies: Vec<Pattern>,
    /// Brands of cards and their shares.
    pub cards: Vec<(&'static str, f64)>,
    pub female: Vec<Name>,
    pub male: Vec<Name>,
    /// The common family names, as men have them.
    pub last: Vec<Name>,
    /// The same as women have them, where they differ.
    pub last_female: Vec<Name>,
    /// Less common ones, for both.
    pub more: Vec<Name>,
    pub brands: Vec<Name>,
    pub legal: Vec<Name>,
    pub titles: Vec<Pair>,
    pub doctor: Pair,
    /// Single, married, divorced, widowed.
    pub marital: [Pair; 4],
    pub student: Pair,
    pub retired: Pair,
    pub jobs: Vec<Pair>,
    pub bases: Vec<&'static str>,
    pub forms: Vec<Pattern>,
    pub industries: Vec<Industry>,
    pub makes: Vec<&'static str>,
    pub cities: Vec<City>,
    /// Sums of the weights of cities up to each, as shares of all.
    pub shares: Vec<f64>,
}

/// The lines of a file by the heading above them, and the file of the locale that says what is not in this one.
struct Sections {
    own: BTreeMap<&'static str, Vec<&'static str>>,
    like: Option<Box<Sections>>,
}

impl Sections {
    fn read(text: &'static str) -> Sections {
        let mut sections = BTreeMap::<_, Vec<_>>::new();
        let mut heading = "";
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            match line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                Some(name) => heading = name,
                None => sections.entry(heading).or_default().push(line),
            }
        }
        let mut read = Sections { own: sections, like: None };
        let like = Locale::ALL.iter().find(|l| l.name() == read.setting("like"));
        read.like = like.map(|l| Box::new(Sections::read(l.text())));
        read
    }

    fn lines(&self, heading: &str) -> &[&'static str] {
        match (self.own.get(heading), &self.like) {
            (Some(lines), _) => lines,
            (None, Some(like)) => like.lines(heading),
            (None, None) => &[],
        }
    }

    fn list(&self, heading: &str) -> Vec<&'static str> {
        self.lines(heading).iter().flat_map(|l| l.split(", ")).map(|e| e.trim().trim_end_matches(',')).collect()
    }

    fn pairs(&self, heading: &str) -> Vec<Pair> {
        self.list(heading).into_iter().map(|e| e.split_once('/').map_or([e, e], |(f, m)| [f, m])).collect()
    }

    fn pair(&self, heading: &str) -> Pair {
        self.pairs(heading).first().copied().unwrap_or_default()
    }

    fn setting(&self, key: &str) -> &'static str {
        let mut settings = self.lines("settings").iter().filter_map(|l| l.split_once('='));
        match (settings.find(|(k, _)| k.trim() == key), &self.like) {
            (Some((_, value)), _) => value.trim(),
            (None, Some(like)) => like.setting(key),
            (None, None) => "",
        }
    }
}

/// `text=ascii`, or a text whose ASCII form follows from it.
fn name(entry: &str, german: bool) -> Name {
    match entry.split_once('=') {
        Some((text, ascii)) => Name { text: text.into(), ascii: ascii.into() },
        None => Name { text: entry.into(), ascii: ascii(entry, german) },
    }
}

/// A Polish family name as a woman has it: adjectives change.
fn polish(last: &Name) -> Name {
    let text = match last.text.strip_suffix("ki") {
        Some(stem) if stem.ends_with('s') || stem.ends_with('c') || stem.ends_with("dz") => format!("{stem}ka"),
        _ => match last.text.strip_suffix('y') {
            Some(stem) => format!("{stem}a"),
            None => last.text.clone(),
        },
    };
    Name { ascii: ascii(&text, false), text }
}

impl Place {
    /// Reads the file of a locale; the error says what is wrong in it.
    pub fn read(locale: Locale) -> Result<Place, String> {
        let file = Sections::read(locale.text());
        let setting = |key: &str| file.setting(key);
        let pattern = |key: &str| Pattern::read(setting(key));
        let patterns = |key: &str| Pattern::read_all(setting(key));
        let german = setting("language") == "de";
        let names = |heading: &str| file.list(heading).into_iter().map(|e| name(e, german)).collect::<Vec<_>>();
        let last = names("last");
        let more = locale.more_names().iter().map(|n| n.trim()).filter(|n| last.iter().all(|l| l.text != *n));
        let cities = file.lines("cities").iter().map(|l| city(l, setting("time_zone")));
        let cities = cities.collect::<Result<Vec<_>, _>>()?;
        let total: f64 = cities.iter().map(|c| c.weight).sum();
        let shares = cities.iter().scan(0.0, |sum, c| {
            *sum += c.weight / total;
            Some(*sum)
        });
        let marital = file.pairs("marital");
        let industries = file.list("industries").into_iter().map(|e| {
            let (kind, word) = e.split_once('=').ok_or_else(|| format!("industry `{e}` has no word"))?;
            Ok(Industry { name: kind, word: name(word, german) })
        });
        Ok(Place {
            country: setting("country"),
            code: setting("code"),
            currency: setting("currency"),
            calling: setting("calling"),
            trunk: setting("trunk"),
            language: setting("language"),
            letters: setting("letters").as_bytes(),
            phone: pattern("phone")?,
            mobile: patterns("mobile")?,
            number: patterns("number")?,
            street_line: pattern("street_line")?,
            full: pattern("full")?,
            plate: patterns("plate")?,
            name: pattern("name")?,
            family_names: number(setting("family_names")).unwrap_or(1),
            height: pair_of_numbers(setting("height"))?,
            blood: setting("blood"),
            mail: setting("mail").split(", ").collect(),
            companies: patterns("companies")?,
            cards: cards(setting("brands"))?,
            female: names("female"),
            male: names("male"),
            last_female: if locale == Locale::PlPl { last.iter().map(polish).collect() } else { Vec::new() },
            more: more.map(|n| name(n, german)).collect(),
            last,
            brands: names("brands"),
            legal: names("legal"),
            titles: file.pairs("titles"),
            doctor: file.pair("doctor"),
            marital: marital.try_into().map_err(|m| format!("four marital states are wanted, not {m:?}"))?,
            student: file.pair("student"),
            retired: file.pair("retired"),
            jobs: file.pairs("jobs"),
            bases: file.list("bases"),
            forms: file.list("forms").into_iter().map(Pattern::read).collect::<Result<_, _>>()?,
            industries: industries.collect::<Result<_, String>>()?,
            makes: file.list("makes"),
            shares: shares.collect(),
            cities,
        })
    }
}

fn pair_of_numbers(text: &str) -> Result<[f64; 2], String> {
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    numbers.try_into().map_err(|_| format!("`{text}` is not two numbers"))
}

fn cards(text: &'static str) -> Result<Vec<(&'static str, f64)>, String> {
    let text = if text.is_empty() { "visa 48, mastercard 42, amex 6, discover 1, diners 1" } else { text };
    let card = |c: &'static str| {
        let (brand, share) = c.split_once(' ').ok_or_else(|| format!("`{c}` is not a brand and a share"))?;
        Ok((brand, share.parse().map_err(|_| format!("`{share}` is not a share"))?))
    };
    text.split(", ").map(card).collect()
}

fn city(line: &'static str, zone: &'static str) -> Result<City, String> {
    let columns: Vec<&'static str> = line.split('|').collect();
    let column = |i: usize| columns.get(i).copied().unwrap_or("");
    let figure = |i: usize| column(i).parse::<f64>().map_err(|_| format!("`{line}`: column {i} is not a number"));
    let phone = |text: &'static str| {
        // The area is what stands before the first digit that is drawn, where the city has a pattern of its own.
        match text.contains('#') {
            true => Ok((text.split([' ', '-', '#']).next().unwrap_or(text), Some(Pattern::read(text)?))),
            false => Ok((text, None)),
        }
    };
    Ok(City {
        name: column(0),
        town: column(0).strip_suffix('市').unwrap_or(column(0)),
        region: column(1),
        region_code: column(2),
        postcodes: Pattern::read_all(column(3))?,
        phones: column(4).split(';').map(phone).collect::<Result<_, String>>()?,
        latitude: figure(5)?,
        longitude: figure(6)?,
        weight: figure(7)?,
        time_zone: if column(8).is_empty() { zone } else { column(8) },
        mark: column(9),
    })
}

/// The names nearest to `name`, as the end of a message.
pub(super) fn hint<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, names).map_or_else(String::new, |n| format!("; did you mean `{n}`?"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::pattern::Slot;
    use super::*;

    #[test]
    fn every_file_is_read_and_full() {
        for &locale in Locale::ALL {
            let place = Place::read(locale).unwrap_or_else(|e| panic!("{}: {e}", locale.name()));
            let at = locale.name();
            assert!(place.female.len() >= 40 && place.male.len() >= 40, "{at}");
            assert!(place.last.len() >= 60 && place.jobs.len() >= 40 && place.bases.len() >= 40, "{at}");
            assert!(place.cities.len() >= 25 && place.industries.len() >= 15 && place.makes.len() >= 8, "{at}");
            let names = place.female.iter().chain(&place.male).chain(&place.last).chain(&place.more);
            for name in names.chain(&place.legal) {
                let wrong = |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
                assert!(
                    !name.ascii.is_empty() && !name.ascii.contains(wrong) && !name.text.is_empty(),
                    "{at} {name:?}"
                );
                assert!(!name.text.contains(['|', '=', ',', '/']) || name.text.contains("/A"), "{at} {name:?}");
            }
            for list in [&place.female, &place.male, &place.last] {
                let mut texts: Vec<&str> = list.iter().map(|n| n.text.as_str()).collect();
                texts.sort_unstable();
                let all = texts.len();
                texts.dedup();
                assert_eq!(texts.len(), all, "{at}: a name is there twice");
            }
            for city in &place.cities {
                assert!(!city.name.is_empty() && !city.region.is_empty() && !city.region_code.is_empty(), "{city:?}");
                assert!(city.latitude.abs() < 72.0 && city.longitude.abs() <= 180.0 && city.weight > 0.0, "{city:?}");
                assert!(city.time_zone.contains('/'), "{city:?}");
                let marked = place.plate.iter().flat_map(Pattern::slots).any(|s| s == Slot::Mark);
                assert!(!marked || !city.mark.is_empty(), "{city:?}");
            }
            assert!((place.shares.last().unwrap() - 1.0).abs() < 1e-9);
            let texts = [place.country, place.code, place.currency, place.calling, place.language, place.student[0]];
            assert!(texts.iter().all(|t| !t.is_empty()), "{at}");
            assert!(!place.letters.is_empty() && place.height[1] > place.height[0]);
        }
    }

    #[test]
    fn locales_are_found_by_name_and_language() {
        for (text, locale) in
            [("de_DE", Locale::DeDe), ("de-de", Locale::DeDe), ("pt", Locale::PtBr), (" EN_gb", Locale::EnGb)]
        {
            assert_eq!(text.parse::<Locale>().unwrap(), locale);
        }
        let error = "xx".parse::<Locale>().unwrap_err().to_string();
        assert!(error.contains("`xx`") && Locale::ALL.iter().all(|l| error.contains(l.name())), "{error}");
    }

    #[test]
    fn polish_women_have_their_form_of_a_name() {
        let of = |text: &str| polish(&name(text, false)).text;
        assert_eq!(
            [of("Kowalski"), of("Zawadzki"), of("Konieczny"), of("Nowak")],
            ["Kowalska", "Zawadzka", "Konieczna", "Nowak"]
        );
    }
}
