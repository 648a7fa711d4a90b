//! What a record may be: its fields, their types and bounds, and what must hold between them.

mod read;

use super::zone;
use crate::error::{Error, Result};
use crate::expression;

/// A value of a field, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// The field itself is left out.
    Absent,
    /// There is a field, and nothing in it.
    Null,
    /// Yes or no.
    Boolean(bool),
    /// A number, in digits.
    Number(String),
    /// A text, a date, a time.
    Text(String),
}

/// What a record may be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    /// Its name.
    pub name: String,
    /// Its fields, in order.
    pub fields: Vec<Field>,
    /// What must hold in each record, as expressions over the fields.
    pub constraints: Vec<String>,
    /// Whether records are documents, whose fields can be left out: a field that is left out is then one thing, and one that is
    /// `null` another.
    pub documents: bool,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// The values that it may have, if these are all.
    pub values: Vec<Value>,
    /// Values that it is known to have, such as its default.
    pub examples: Vec<Value>,
    /// Whether it may be `null`.
    pub nullable: bool,
    /// Whether it must be there. Of records that are no documents, a field that is not nullable must.
    pub required: bool,
}

impl Field {
    /// A field that is there and not `null`.
    pub fn new(name: impl Into<String>, kind: Kind) -> Field {
        let (values, examples) = (Vec::new(), Vec::new());
        Field { name: name.into(), kind, values, examples, nullable: false, required: true }
    }
}

/// The type of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Whole numbers. Least and greatest are those of the bits, where they are given and nearer.
    Integer {
        /// Its width, 1 to 64; nothing for numbers of any size.
        bits: Option<u8>,
        /// Whether there are negative ones.
        signed: bool,
        /// The least.
        least: Option<i128>,
        /// The greatest.
        greatest: Option<i128>,
        /// What each is a multiple of.
        multiple: Option<i128>,
    },
    /// Numbers with a fixed number of digits after the point. Bounds are in units of the last digit.
    Decimal {
        /// Digits in all, 1 to 36.
        digits: u8,
        /// Digits after the point. Of an amount of money: the currency's minor unit.
        scale: u8,
        /// The least, in units of the last digit.
        least: Option<i128>,
        /// The greatest, in units of the last digit.
        greatest: Option<i128>,
        /// The currency (ISO 4217), of an amount of money.
        currency: Option<String>,
    },
    /// Numbers in floating point.
    Float {
        /// 32 or 64.
        bits: u8,
        /// The least.
        least: Option<f64>,
        /// The greatest.
        greatest: Option<f64>,
    },
    /// Yes or no.
    Boolean,
    /// Texts. Lengths are in code points, as those of `varchar` are; a family emoji has seven.
    Text {
        /// Fewest letters.
        shortest: usize,
        /// Most letters.
        longest: Option<usize>,
        /// A regular expression that is found in each; anchors make it the whole.
        pattern: Option<String>,
        /// What the text says.
        format: Option<Format>,
    },
    /// Dates, `2024-02-29`.
    Date {
        /// The first.
        least: Option<String>,
        /// The last.
        greatest: Option<String>,
    },
    /// Times of day, `23:59:59`.
    Time,
    /// Dates with times, `2024-02-29T23:59:59`.
    Timestamp {
        /// The zone that local times are in: its name, or a POSIX rule.
        zone: Option<String>,
        /// Whether an offset from UTC must be written (`true`), must not (`false`), or may.
        offset: Option<bool>,
        /// The first.
        least: Option<String>,
        /// The last.
        greatest: Option<String>,
    },
}

impl Kind {
    /// Texts of any kind.
    pub const TEXT: Kind = Kind::Text { shortest: 0, longest: None, pattern: None, format: None };

    /// The least and the greatest whole number, of a type of whole numbers.
    pub fn whole(&self) -> Option<(Option<i128>, Option<i128>)> {
        let Kind::Integer { bits, signed, least, greatest, .. } = self else { return None };
        let (low, high) = match (bits, signed) {
            (Some(bits), true) => (Some(-(1_i128 << (bits - 1))), Some((1_i128 << (bits - 1)) - 1)),
            (Some(bits), false) => (Some(0), Some((1_i128 << bits) - 1)),
            (None, true) => (None, None),
            (None, false) => (Some(0), None),
        };
        let nearer = |a: Option<i128>, b: Option<i128>, pick: fn(i128, i128) -> i128| match (a, b) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            (a, b) => a.or(b),
        };
        Some((nearer(low, *least, i128::max), nearer(high, *greatest, i128::min)))
    }
}

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Format {
    Date,
    DateTime,
    Time,
    Email,
    Uuid,
    Ipv4,
    Ipv6,
    Uri,
    Hostname,
}

impl Format {
    /// All, by the names that JSON Schema has for them.
    pub const ALL: [(&'static str, Format); 9] = [
        ("date", Format::Date),
        ("date-time", Format::DateTime),
        ("time", Format::Time),
        ("email", Format::Email),
        ("uuid", Format::Uuid),
        ("ipv4", Format::Ipv4),
        ("ipv6", Format::Ipv6),
        ("uri", Format::Uri),
        ("hostname", Format::Hostname),
    ];

    /// By its name.
    pub fn named(name: &str) -> Option<Format> {
        Format::ALL.iter().find(|f| f.0 == name).map(|f| f.1)
    }
}

/// Digits after the point of a currency's amounts (ISO 4217): two, but for these.
pub fn minor_units(currency: &str) -> Option<u8> {
    const NONE: [&str; 16] = [
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    ];
    const THREE: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
    if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
        return None;
    }
    Some(match currency {
        _ if NONE.contains(&currency) || currency == "XPF" => 0,
        _ if THREE.contains(&currency) => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    })
}

/// A number in digits as units of the last of so many digits after the point; nothing if it is none or has more.
pub fn units(text: &str, scale: u8) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let numeric = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !numeric(whole) || !numeric(part) || (digits.contains('.') && part.is_empty()) {
        return None;
    }
    let part = part.trim_end_matches('0');
    let missing = usize::from(scale).checked_sub(part.len())?;
    let all: i128 = format!("{whole}{part}{}", "0".repeat(missing)).parse().ok()?;
    Some(if negative { -all } else { all })
}

/// Units of the last digit as a number in digits.
pub fn digits(units: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if units < 0 { "-" } else { "" };
    let all = format!("{:0>width$}", units.unsigned_abs(), width = scale + 1);
    let (whole, part) = all.split_at(all.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

impl Form {
    /// Whether the form makes sense.
    ///
    /// # Errors
    /// When it has no field, two of one name, or one whose bounds leave no value.
    pub fn check(&self) -> Result<()> {
        let wrong = |key: &str, what: String| Err(Error::Setting { key: key.to_owned(), what });
        if self.fields.is_empty() {
            return wrong("fields", "are none; write [fields.NAME] with a type".to_owned());
        }
        for (i, field) in self.fields.iter().enumerate() {
            if self.fields[..i].iter().any(|f| f.name == field.name) {
                return wrong(&field.name, "is the name of two fields".to_owned());
            }
            if let Err((key, what)) = field.check() {
                return wrong(&field.name, format!("{key} {what}").trim_start().to_owned());
            }
        }
        Ok(())
    }
}

/// Bounds of whole numbers are no further from zero.
const FURTHEST: u128 = 10_u128.pow(36);

type Said<T> = Result<T, (&'static str, String)>;

impl Field {
    fn check(&self) -> Said<()> {
        let empty =
            |least: String, greatest: String| Err(("min", format!("{least} is above max {greatest}; swap them")));
        match &self.kind {
            Kind::Integer { bits, multiple, least, greatest, .. } => {
                if least.iter().chain(greatest).any(|b| b.unsigned_abs() > FURTHEST) {
                    return Err(("min", "and max must have at most 36 digits".to_owned()));
                }
                if bits.is_some_and(|b| b == 0 || b > 64) {
                    return Err(("bits", "must be 1 to 64".to_owned()));
                }
                if multiple.is_some_and(|m| !(1..=1 << 62).contains(&m)) {
                    return Err(("multiple_of", "must be at least 1, and at most 2 to 62".to_owned()));
                }
                if let Some((Some(least), Some(greatest))) = self.kind.whole()
                    && least > greatest
                {
                    return empty(least.to_string(), greatest.to_string());
                }
            }
            Kind::Decimal { digits: all, scale, least, greatest, .. } => {
                if *all == 0 || *all > 36 || scale > all {
                    return Err(("digits", "must be 1 to 36, and no fewer than those after the point".to_owned()));
                }
                if let (Some(least), Some(greatest)) = (least, greatest)
                    && least > greatest
                {
                    return empty(digits(*least, *scale), digits(*greatest, *scale));
                }
            }
            Kind::Float { bits, least, greatest } => {
                if *bits != 32 && *bits != 64 {
                    return Err(("bits", "must be 32 or 64".to_owned()));
                }
                if least.is_some_and(f64::is_nan) || greatest.is_some_and(f64::is_nan) {
                    return Err(("min", "must be a number".to_owned()));
                }
                if let (Some(least), Some(greatest)) = (least, greatest)
                    && least > greatest
                {
                    return empty(least.to_string(), greatest.to_string());
                }
            }
            Kind::Text { shortest, longest, pattern, .. } => {
                if longest.is_some_and(|l| l < *shortest) {
                    return Err(("min_length", "is above max_length; swap them".to_owned()));
                }
                if longest.is_some_and(|l| l > 1 << 24) || *shortest > 1 << 24 {
                    return Err(("max_length", format!("is beyond {} letters; leave it out", 1 << 24)));
                }
                if let Some(pattern) = pattern {
                    regex::Regex::new(pattern).map_err(|e| ("pattern", one_line(&e.to_string())))?;
                }
            }
            Kind::Date { least, greatest } | Kind::Timestamp { least, greatest, .. } => {
                let at = |key, text: &Option<String>| match text {
                    Some(text) => expression::iso(text)
                        .map(|t| Some(t.0))
                        .ok_or_else(|| (key, format!("{text:?} is no date; write it as in 2024-02-29"))),
                    None => Ok(None),
                };
                if let (Some(a), Some(b)) = (at("min", least)?, at("max", greatest)?)
                    && a > b
                {
                    return empty(least.clone().unwrap_or_default(), greatest.clone().unwrap_or_default());
                }
                if let Kind::Timestamp { zone: Some(zone), .. } = &self.kind {
                    zone::named(zone).map_err(|what| ("zone", what))?;
                }
            }
            Kind::Boolean | Kind::Time => {}
        }
        Ok(())
    }
}

fn one_line(text: &str) -> String {
    text.lines().filter(|l| !l.trim().is_empty()).map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::*;

    const ORDER: &str = r#"
name = "order"
zone = "Europe/Berlin"

[fields.quantity]
type = "integer"
bits = 16
min = 1
max = 99

[fields.amount]
type = "decimal"
digits = 8
currency = "KWD"
min = 0

[fields.state]
type = "enum"
values = ["new", "paid"]

[fields.code]
type = "text"
max_length = 10
pattern = "^[A-Z]{2}[0-9]+$"
nullable = true

[fields.at]
type = "timestamp"
min = 2020-01-01T00:00:00

[[constraints]]
check = "state != 'paid' || amount > 0"
"#;

    #[test]
    fn a_form_is_read_in_the_order_of_its_file() {
        let form = Form::read(Path::new("order.toml"), ORDER).unwrap();
        let names: Vec<&str> = form.fields.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["quantity", "amount", "state", "code", "at"]);
        assert_eq!(form.fields[0].kind.whole(), Some((Some(1), Some(99))));
        assert!(matches!(form.fields[1].kind, Kind::Decimal { scale: 3, least: Some(0), .. }));
        assert!(matches!(&form.fields[4].kind, Kind::Timestamp { zone: Some(z), .. } if z == "Europe/Berlin"));
        assert_eq!(form.constraints.len(), 1);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let said = |from: &str, to: &str| {
            let text = ORDER.replace(from, to);
            assert_ne!(text, ORDER);
            Form::read(Path::new("order.toml"), &text).unwrap_err().to_string()
        };
        assert!(said("max = 99", "max = 0").contains("order.toml, line 5: `fields.quantity.min`: 1 is above max 0"));
        assert!(said("bits = 16", "bit = 16").contains("line 7"), "{}", said("bits = 16", "bit = 16"));
        assert!(said("bits = 16", "scale = 2").contains("`fields.quantity.scale`: means nothing"));
        assert!(said("\"KWD\"", "\"dinar\"").contains("three capitals"));
        assert!(said("[0-9]+", "[0-9").contains("fields.code.pattern"));
        assert!(said("\"enum\"", "\"set\"").contains("there are integer"));
        assert!(said("Europe/Berlin", "Mars/Base").contains("fields.at.zone"));
        assert!(said("amount > 0\"", "amount >\"").contains("line 31: `constraints.check`"));
        assert!(said("2020-01-01T00:00:00", "\"soon\"").contains("is no date"));
        assert!(said("type = \"integer\"", "type = \"integer\"\nmultiple_of = 0").contains("multiple_of"));
        let far = "1".repeat(38);
        assert!(said("max = 99", &format!("max = \"{far}\"")).contains("at most 36 digits"));
        assert!(Form::read(Path::new("x"), "name = \"x\"").is_err());
        assert!(Form::read(Path::new("x"), "[fields]").unwrap_err().to_string().contains("are none"));
    }

    #[test]
    fn decimals_and_their_units_are_inverse() {
        for (text, scale, value) in [("1.50", 2, 150), ("-0.05", 2, -5), ("7", 0, 7), ("0.001", 3, 1), ("1.5", 3, 1500)]
        {
            assert_eq!(units(text, scale), Some(value));
            assert_eq!(units(&digits(value, scale), scale), Some(value));
        }
        assert_eq!(digits(-5, 2), "-0.05");
        for bad in ["", "-", "1.234", ".5", "1.", "1e3", "+1", "--1"] {
            assert_eq!(units(bad, 2), None, "{bad}");
        }
    }
}
