//! What is wrong with a value of a field: the one judge of valid and invalid.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};

use super::form::{Field, Format, Kind, Value, digits, units};
use super::rule::Datum;
use super::zone;
use crate::expression::iso;

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Fault {
    Absent,
    Null,
    NotBoolean,
    NotNumber,
    NotWhole,
    NotText,
    NotDate,
    NotTime,
    BelowLeast,
    AboveGreatest,
    BeyondType,
    NotMultiple,
    TooManyDigits,
    TooManyDecimals,
    TooShort,
    TooLong,
    Pattern,
    Format,
    NotAllowed,
    OffsetMissing,
    OffsetGiven,
    Skipped,
}

impl Fault {
    /// In words that need no more.
    pub fn words(self) -> &'static str {
        match self {
            Fault::Absent => "missing",
            Fault::Null => "null",
            Fault::NotBoolean => "neither true nor false",
            Fault::NotNumber => "not a number",
            Fault::NotWhole => "not a whole number",
            Fault::NotText => "not a text",
            Fault::NotDate => "not a date",
            Fault::NotTime => "not a time",
            Fault::BelowLeast => "below the least",
            Fault::AboveGreatest => "above the greatest",
            Fault::BeyondType => "beyond the type",
            Fault::NotMultiple => "not a multiple",
            Fault::TooManyDigits => "too many digits",
            Fault::TooManyDecimals => "too many digits after the point",
            Fault::TooShort => "too short",
            Fault::TooLong => "too long",
            Fault::Pattern => "does not fit the pattern",
            Fault::Format => "does not fit the format",
            Fault::NotAllowed => "not one of the values",
            Fault::OffsetMissing => "no offset from UTC",
            Fault::OffsetGiven => "an offset from UTC where there is none",
            Fault::Skipped => "skipped when summer time begins",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A field, ready to judge values.
#[derive(Debug)]
pub struct Judge<'a> {
    field: &'a Field,
    pattern: Option<regex::Regex>,
    zone: Option<jiff::tz::TimeZone>,
}

impl<'a> Judge<'a> {
    /// The judge of a field. A pattern or a zone that is none, which [`super::form::Form::check`] refuses, judges nothing.
    pub fn new(field: &'a Field) -> Judge<'a> {
        let pattern = match &field.kind {
            Kind::Text { pattern: Some(pattern), .. } => regex::Regex::new(pattern).ok(),
            _ => None,
        };
        let zone = match &field.kind {
            Kind::Timestamp { zone: Some(zone), .. } => zone::named(zone).ok(),
            _ => None,
        };
        Judge { field, pattern, zone }
    }

    /// What is wrong with a value; nothing if it is valid.
    pub fn fault(&self, value: &Value) -> Option<Fault> {
        let field = self.field;
        match value {
            Value::Absent => return field.required.then_some(Fault::Absent),
            Value::Null => return (!field.nullable).then_some(Fault::Null),
            _ => {}
        }
        let fault = match (&field.kind, value) {
            (Kind::Boolean, Value::Boolean(_)) => None,
            (Kind::Boolean, _) => Some(Fault::NotBoolean),
            (Kind::Integer { .. }, Value::Number(text)) => integer(&field.kind, text),
            (Kind::Decimal { .. }, Value::Number(text)) => decimal(&field.kind, text),
            (Kind::Float { bits, least, greatest }, Value::Number(text)) => float(*bits, *least, *greatest, text),
            (Kind::Integer { .. } | Kind::Decimal { .. } | Kind::Float { .. }, _) => Some(Fault::NotNumber),
            (Kind::Text { .. }, Value::Text(text)) => self.text(text),
            // A list of values may have other types in it.
            (Kind::Text { .. }, _) if field.values.contains(value) => None,
            (Kind::Text { .. }, _) => Some(Fault::NotText),
            (Kind::Date { least, greatest }, Value::Text(text)) => match date(text) {
                Some(_) => outside(text, least, greatest),
                None => Some(Fault::NotDate),
            },
            (Kind::Date { .. }, _) => Some(Fault::NotDate),
            (Kind::Time, Value::Text(text)) => time(text).is_none().then_some(Fault::NotTime),
            (Kind::Timestamp { .. }, Value::Text(text)) => self.timestamp(text),
            (Kind::Time | Kind::Timestamp { .. }, _) => Some(Fault::NotTime),
        };
        let listed = field.values.is_empty() || field.values.iter().any(|v| same(v, value));
        fault.or((!listed).then_some(Fault::NotAllowed))
    }

    fn text(&self, text: &str) -> Option<Fault> {
        let Kind::Text { shortest, longest, format, .. } = &self.field.kind else { return None };
        let letters = text.chars().count();
        if letters < *shortest {
            return Some(Fault::TooShort);
        }
        if longest.is_some_and(|l| letters > l) {
            return Some(Fault::TooLong);
        }
        if self.pattern.as_ref().is_some_and(|p| !p.is_match(text)) {
            return Some(Fault::Pattern);
        }
        format.is_some_and(|f| !formatted(f, text)).then_some(Fault::Format)
    }

    fn timestamp(&self, text: &str) -> Option<Fault> {
        let Kind::Timestamp { offset, least, greatest, .. } = &self.field.kind else { return None };
        let Some((local, given)) = timestamp(text) else { return Some(Fault::NotTime) };
        match (offset, given) {
            (Some(true), false) => return Some(Fault::OffsetMissing),
            (Some(false), true) => return Some(Fault::OffsetGiven),
            _ => {}
        }
        if !given && self.zone.as_ref().is_some_and(|z| !zone::shown(z, local)) {
            return Some(Fault::Skipped);
        }
        outside(text, least, greatest)
    }
}

/// Numbers are the same if they are equal, others if they are written the same.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || matches!((a.parse::<f64>(), b.parse::<f64>()), (Ok(a), Ok(b)) if a == b)
        }
        (a, b) => a == b,
    }
}

/// A value as rules see it. One that is not of its field's type is missing to them.
pub fn datum(kind: &Kind, value: &Value) -> Datum {
    match (kind, value) {
        (_, Value::Absent | Value::Null) => Datum::Null,
        (_, Value::Boolean(yes)) => Datum::Yes(*yes),
        (_, Value::Number(text)) => text.parse().map_or(Datum::Null, Datum::Number),
        (Kind::Date { .. }, Value::Text(text)) => {
            date(text).and_then(|_| iso(text)).map_or(Datum::Null, |(t, alone)| Datum::Time(t, alone))
        }
        (Kind::Timestamp { .. }, Value::Text(text)) => {
            timestamp(text).and_then(|_| iso(text)).map_or(Datum::Null, |(t, _)| Datum::Time(t, false))
        }
        (Kind::Text { .. } | Kind::Time, Value::Text(text)) => Datum::Text(text.clone()),
        (_, Value::Text(_)) => Datum::Null,
    }
}

fn integer(kind: &Kind, text: &str) -> Option<Fault> {
    let Kind::Integer { least, greatest, multiple, .. } = kind else { return None };
    let Some(x) = units(text, 0) else {
        let number = text.parse::<f64>().is_ok_and(f64::is_finite);
        let long = text.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit());
        return Some(match (number, long) {
            // Beyond 38 digits.
            (true, true) if text.starts_with('-') => {
                if least.is_some() {
                    Fault::BelowLeast
                } else {
                    Fault::BeyondType
                }
            }
            (true, true) => {
                if greatest.is_some() {
                    Fault::AboveGreatest
                } else {
                    Fault::BeyondType
                }
            }
            (true, false) => Fault::NotWhole,
            _ => Fault::NotNumber,
        });
    };
    if least.is_some_and(|l| x < l) {
        return Some(Fault::BelowLeast);
    }
    if greatest.is_some_and(|g| x > g) {
        return Some(Fault::AboveGreatest);
    }
    let (low, high) = kind.whole().unwrap_or_default();
    if low.is_some_and(|l| x < l) || high.is_some_and(|h| x > h) {
        return Some(Fault::BeyondType);
    }
    multiple.is_some_and(|m| x % m != 0).then_some(Fault::NotMultiple)
}

fn decimal(kind: &Kind, text: &str) -> Option<Fault> {
    let Kind::Decimal { digits: all, scale, least, greatest, .. } = kind else { return None };
    let Some(x) = units(text, *scale) else {
        let fine = units(text, 30).is_some_and(|x| digits(x, 30).len() <= 36 + 2);
        let number = text.parse::<f64>().is_ok_and(f64::is_finite);
        return Some(match (number, fine || text.contains('.')) {
            (false, _) => Fault::NotNumber,
            (true, true) => Fault::TooManyDecimals,
            (true, false) => Fault::TooManyDigits,
        });
    };
    if least.is_some_and(|l| x < l) {
        return Some(Fault::BelowLeast);
    }
    if greatest.is_some_and(|g| x > g) {
        return Some(Fault::AboveGreatest);
    }
    (x.unsigned_abs() >= 10_u128.pow(u32::from(*all))).then_some(Fault::TooManyDigits)
}

fn float(bits: u8, least: Option<f64>, greatest: Option<f64>, text: &str) -> Option<Fault> {
    let Ok(x) = text.parse::<f64>() else { return Some(Fault::NotNumber) };
    if x.is_nan() || text.contains(['i', 'I']) {
        return Some(Fault::NotNumber);
    }
    if least.is_some_and(|l| x < l) {
        return Some(Fault::BelowLeast);
    }
    if greatest.is_some_and(|g| x > g) {
        return Some(Fault::AboveGreatest);
    }
    let held = if bits == 32 { (x as f32).is_finite() } else { x.is_finite() };
    (!held).then_some(Fault::BeyondType)
}

/// Whether a date or time is outside its bounds.
fn outside(text: &str, least: &Option<String>, greatest: &Option<String>) -> Option<Fault> {
    let at = |t: &str| iso(&t.replace(' ', "T")).map(|x| x.0);
    let x = at(text)?;
    if least.as_deref().and_then(at).is_some_and(|l| x < l) {
        return Some(Fault::BelowLeast);
    }
    greatest.as_deref().and_then(at).is_some_and(|g| x > g).then_some(Fault::AboveGreatest)
}

/// A date in the form `2024-02-29`, from year 1.
pub fn date(text: &str) -> Option<Date> {
    let b = text.as_bytes();
    let shape = b.len() == 10
        && b.iter().enumerate().all(|(i, c)| if i == 4 || i == 7 { *c == b'-' } else { c.is_ascii_digit() });
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    if !shape {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    if year == 0 {
        return None;
    }
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// A time of day in the form `23:59:59`, with up to nine digits after a point.
pub fn time(text: &str) -> Option<Time> {
    let (clock, part) = text.split_once('.').map_or((text, None), |(c, p)| (c, Some(p)));
    let b = clock.as_bytes();
    if b.len() != 8
        || !b.iter().enumerate().all(|(i, c)| if i == 2 || i == 5 { *c == b':' } else { c.is_ascii_digit() })
    {
        return None;
    }
    let nanos = match part {
        Some(p) if (1..=9).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{p:0<9}").parse::<i32>().ok()?
        }
        Some(_) => return None,
        None => 0,
    };
    let number = |from: usize, to: usize| clock.get(from..to)?.parse::<i8>().ok();
    Time::new(number(0, 2)?, number(3, 5)?, number(6, 8)?, nanos).ok()
}

/// A date with a time, and whether an offset from UTC is written: `2024-02-29T23:59:59.5+01:00`, or with `Z`, or with neither.
pub fn timestamp(text: &str) -> Option<(DateTime, bool)> {
    let (day, rest) = (text.get(..10)?, text.get(10..)?);
    let rest = rest.strip_prefix(['T', ' '])?;
    let (clock, offset) = match rest.find(['Z', '+', '-']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let b = offset.as_bytes();
    let number = |from: usize, to: usize| offset.get(from..to).and_then(|t| t.parse::<u8>().ok());
    let fine = match offset {
        "" | "Z" => true,
        _ => {
            b.len() == 6
                && b[3] == b':'
                && b[1..].iter().all(|c| c.is_ascii_digit() || *c == b':')
                && number(1, 3).is_some_and(|h| h < 24)
                && number(4, 6).is_some_and(|m| m < 60)
        }
    };
    fine.then_some(())?;
    Some((DateTime::from_parts(date(day)?, time(clock)?), !offset.is_empty()))
}

/// Whether a text says what its format asks for. Of URIs and e-mail addresses it sees the plain ones: no quoted local parts, no
/// addresses in brackets.
pub fn formatted(format: Format, text: &str) -> bool {
    match format {
        Format::Date => date(text).is_some(),
        Format::DateTime => !text.contains(' ') && timestamp(text).is_some_and(|(_, offset)| offset),
        Format::Time => {
            let at = text.find(['Z', '+', '-']).unwrap_or(text.len());
            timestamp(&format!("2000-01-01T{text}")).is_some() && time(&text[..at]).is_some()
        }
        Format::Email => email(text),
        Format::Uuid => {
            let dashes = [8, 13, 18, 23];
            text.len() == 36
                && text
                    .bytes()
                    .enumerate()
                    .all(|(i, b)| if dashes.contains(&i) { b == b'-' } else { b.is_ascii_hexdigit() })
        }
        Format::Ipv4 => text.parse::<std::net::Ipv4Addr>().is_ok(),
        Format::Ipv6 => text.parse::<std::net::Ipv6Addr>().is_ok(),
        Format::Uri => uri(text),
        Format::Hostname => hostname(text),
    }
}

fn hostname(text: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    (1..=253).contains(&text.len()) && text.split('.').all(label)
}

fn email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom =
        |a: &str| !a.is_empty() && a.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b));
    local.len() <= 64 && text.len() <= 254 && local.split('.').all(atom) && domain.contains('.') && hostname(domain)
}

fn uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut escapes = text.match_indices('%').map(|(i, _)| text.as_bytes().get(i + 1..i + 3));
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && !rest.is_empty()
        && rest.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
        && escapes.all(|e| e.is_some_and(|e| e.iter().all(u8::is_ascii_hexdigit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_those_of_the_calendar() {
        for good in ["2000-02-29", "0001-01-01", "9999-12-31"] {
            assert!(date(good).is_some(), "{good}");
        }
        for bad in
            ["1900-02-29", "0000-01-01", "2023-04-31", "2023-13-01", "2023-1-1", "10000-01-01", "２０２３-01-01", ""]
        {
            assert!(date(bad).is_none(), "{bad}");
        }
        assert!(time("23:59:59.999999999").is_some());
        for bad in ["24:00:00", "23:60:00", "23:59:60", "23:59", "1:00:00", "00:00:00.", "00:00:00.0000000000"] {
            assert!(time(bad).is_none(), "{bad}");
        }
        assert_eq!(timestamp("2024-01-01T00:00:00+05:45").map(|t| t.1), Some(true));
        assert_eq!(timestamp("2024-01-01 00:00:00").map(|t| t.1), Some(false));
        for bad in ["2024-01-01", "2024-01-01T00:00:00+5", "2024-01-01T00:00:00ZZ", "2024-01-01T00:00:00+24:00", "é"] {
            assert!(timestamp(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn formats_are_told() {
        let good = [
            (Format::Email, "a.b+c@example.org"),
            (Format::Uuid, "123e4567-e89b-12d3-a456-426614174000"),
            (Format::Ipv6, "::1"),
            (Format::Uri, "https://example.org/a?b=%20#c"),
            (Format::Hostname, "xn--bcher-kva.example"),
            (Format::Time, "12:00:00Z"),
            (Format::DateTime, "2024-02-29T12:00:00Z"),
        ];
        for (format, text) in good {
            assert!(formatted(format, text), "{text}");
        }
        let bad = [
            (Format::Email, "a..b@example.org"),
            (Format::Email, "a@localhost"),
            (Format::Uuid, "123e4567e89b12d3a456426614174000"),
            (Format::Ipv4, "256.0.0.1"),
            (Format::Uri, "no scheme"),
            (Format::Uri, "https://a/%zz"),
            (Format::Hostname, "-a.example"),
            (Format::DateTime, "2024-02-29T12:00:00"),
        ];
        for (format, text) in bad {
            assert!(!formatted(format, text), "{text}");
        }
    }
}
