//! What a record may be: its fields, their types and bounds, and what must hold between them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    name: String,
    #[serde(default)]
    documents: bool,
    zone: Option<String>,
    fields: BTreeMap<Spanned<String>, Spanned<Written>>,
    #[serde(default)]
    constraints: Vec<Spanned<Constraint>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Constraint {
    check: String,
}

/// A field as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    r#type: String,
    bits: Option<u8>,
    signed: Option<bool>,
    digits: Option<u8>,
    scale: Option<u8>,
    currency: Option<String>,
    min: Option<toml::Value>,
    max: Option<toml::Value>,
    multiple_of: Option<i64>,
    min_length: Option<usize>,
    max_length: Option<usize>,
    pattern: Option<String>,
    format: Option<String>,
    values: Option<Vec<toml::Value>>,
    examples: Option<Vec<toml::Value>>,
    zone: Option<String>,
    offset: Option<bool>,
    #[serde(default)]
    nullable: bool,
    required: Option<bool>,
}

impl Form {
    /// Reads a form from TOML: `[fields.NAME]` with `type` and what bounds it, `[[constraints]]` with `check`. `path` is for
    /// messages.
    ///
    /// # Errors
    /// When the file is none, or a key is unknown or makes no sense; with its line.
    pub fn read(path: &Path, text: &str) -> Result<Form> {
        let line = |at: usize| text.as_bytes()[..at.min(text.len())].iter().filter(|&&b| b == b'\n').count() + 1;
        let file: File = toml::from_str(text).map_err(|e| Error::Key {
            path: path.to_owned(),
            line: line(e.span().map_or(0, |s| s.start)),
            key: "form".to_owned(),
            what: e.message().to_owned(),
        })?;
        let mut written: Vec<(Spanned<String>, Spanned<Written>)> = file.fields.into_iter().collect();
        written.sort_by_key(|(name, _)| name.span().start);
        let mut form = Form { name: file.name, documents: file.documents, ..Form::default() };
        for (name, written) in written {
            let at = line(name.span().start);
            let name = name.into_inner();
            let field = field(&name, written.into_inner(), file.zone.as_deref()).map_err(|(key, what)| Error::Key {
                path: path.to_owned(),
                line: at,
                key: format!("fields.{name}{}{key}", if key.is_empty() { "" } else { "." }),
                what,
            })?;
            form.fields.push(field);
        }
        for constraint in file.constraints {
            let at = line(constraint.span().start);
            let text = constraint.into_inner().check;
            expression::read(&text).map_err(|e| Error::Key {
                path: path.to_owned(),
                line: at,
                key: "constraints.check".to_owned(),
                what: e.to_string(),
            })?;
            form.constraints.push(text);
        }
        form.check()?;
        Ok(form)
    }

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

/// A number in digits, without the exponent that `f64` may print.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Datetime(at) => at.to_string(),
        other => other.to_string(),
    }
}

fn value(written: &toml::Value) -> Said<Value> {
    Ok(match written {
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Boolean(yes) => Value::Boolean(*yes),
        toml::Value::Integer(_) | toml::Value::Float(_) => Value::Number(written.to_string()),
        toml::Value::Datetime(at) => Value::Text(at.to_string()),
        _ => return Err(("values", "must be texts, numbers, dates, true or false".to_owned())),
    })
}

fn field(name: &str, written: Written, zone: Option<&str>) -> Said<Field> {
    let taken = |keys: &[&'static str]| -> Said<()> {
        let given = [
            ("bits", written.bits.is_some()),
            ("signed", written.signed.is_some()),
            ("digits", written.digits.is_some()),
            ("scale", written.scale.is_some()),
            ("currency", written.currency.is_some()),
            ("min", written.min.is_some()),
            ("max", written.max.is_some()),
            ("multiple_of", written.multiple_of.is_some()),
            ("min_length", written.min_length.is_some()),
            ("max_length", written.max_length.is_some()),
            ("pattern", written.pattern.is_some()),
            ("format", written.format.is_some()),
            ("zone", written.zone.is_some()),
            ("offset", written.offset.is_some()),
        ];
        match given.iter().find(|(key, given)| *given && !keys.contains(key)) {
            Some((key, _)) => Err((key, format!("means nothing for the type `{}`; drop it", written.r#type))),
            None => Ok(()),
        }
    };
    let whole = |key, bound: &Option<toml::Value>, scale| match bound {
        Some(text) => units(&plain(text), scale)
            .map(Some)
            .ok_or_else(|| (key, format!("{text} must be a number with at most {scale} digits after the point"))),
        None => Ok(None),
    };
    let real = |key, bound: &Option<toml::Value>| match bound {
        Some(text) => plain(text).parse::<f64>().map(Some).map_err(|_| (key, format!("{text} must be a number"))),
        None => Ok(None),
    };
    let text = |bound: &Option<toml::Value>| bound.as_ref().map(plain);
    let kind = match written.r#type.as_str() {
        "integer" => {
            taken(&["bits", "signed", "min", "max", "multiple_of"])?;
            Kind::Integer {
                bits: written.bits,
                signed: written.signed.unwrap_or(true),
                least: whole("min", &written.min, 0)?,
                greatest: whole("max", &written.max, 0)?,
                multiple: written.multiple_of.map(i128::from),
            }
        }
        "decimal" => {
            taken(&["digits", "scale", "currency", "min", "max"])?;
            let currency = written.currency.as_deref();
            let minor = currency.map(|c| {
                minor_units(c).ok_or_else(|| ("currency", format!("{c:?} must be three capitals, as in \"EUR\"")))
            });
            let minor = minor.transpose()?;
            let scale = written.scale.or(minor).unwrap_or(2);
            Kind::Decimal {
                digits: written.digits.unwrap_or(18),
                scale,
                least: whole("min", &written.min, scale)?,
                greatest: whole("max", &written.max, scale)?,
                currency: written.currency.clone(),
            }
        }
        "float" => {
            taken(&["bits", "min", "max"])?;
            let (least, greatest) = (real("min", &written.min)?, real("max", &written.max)?);
            Kind::Float { bits: written.bits.unwrap_or(64), least, greatest }
        }
        "boolean" => {
            taken(&[])?;
            Kind::Boolean
        }
        "text" => {
            taken(&["min_length", "max_length", "pattern", "format"])?;
            let format = written.format.as_deref().map(|f| {
                let known = || Format::ALL.map(|f| f.0).join(", ");
                Format::named(f).ok_or_else(|| ("format", format!("{f:?} is not known; there are {}", known())))
            });
            Kind::Text {
                shortest: written.min_length.unwrap_or(0),
                longest: written.max_length,
                pattern: written.pattern.clone(),
                format: format.transpose()?,
            }
        }
        "enum" => {
            taken(&[])?;
            if written.values.as_ref().is_none_or(Vec::is_empty) {
                return Err(("values", "must be given to an enum, as in values = [\"new\", \"paid\"]".to_owned()));
            }
            Kind::TEXT
        }
        "date" => {
            taken(&["min", "max"])?;
            Kind::Date { least: text(&written.min), greatest: text(&written.max) }
        }
        "time" => {
            taken(&[])?;
            Kind::Time
        }
        "timestamp" => {
            taken(&["min", "max", "zone", "offset"])?;
            Kind::Timestamp {
                zone: written.zone.clone().or(zone.map(str::to_owned)),
                offset: written.offset,
                least: text(&written.min),
                greatest: text(&written.max),
            }
        }
        other => {
            let known = "integer, decimal, float, boolean, text, enum, date, time, timestamp";
            return Err(("type", format!("{other:?} is not known; there are {known}")));
        }
    };
    let list = |values: &Option<Vec<toml::Value>>| values.iter().flatten().map(value).collect::<Said<Vec<Value>>>();
    let field = Field {
        name: name.to_owned(),
        kind,
        values: list(&written.values)?,
        examples: list(&written.examples)?,
        nullable: written.nullable,
        required: written.required.unwrap_or(true),
    };
    field.check()?;
    Ok(field)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
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
