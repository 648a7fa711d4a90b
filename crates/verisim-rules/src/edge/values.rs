//! The boundary values of a field, each with a name, and what is wrong with it.

use super::check::{Fault, Judge};
use super::form::{Field, Kind, Value, digits, units};
use super::{pattern, texts, times};
use crate::expression::iso;

/// A value to try.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The value.
    pub value: Value,
    /// What it is of.
    pub name: String,
    /// What is wrong with it; nothing if it is valid.
    pub fault: Option<Fault>,
    /// Whether it stands for a class of values, and is worth to be combined with those of other fields. Others are tried once.
    pub core: bool,
}

impl Case {
    /// Whether it is valid.
    pub fn valid(&self) -> bool {
        self.fault.is_none()
    }
}

/// The boundary values of a field. `documents`: whether a field that is left out differs from one that is `null`.
pub fn values(field: &Field, documents: bool) -> Vec<Case> {
    let mut list = List { judge: Judge::new(field), cases: Vec::new() };
    for value in &field.values {
        list.core(format!("one of the values, {}", shown(value)), value.clone());
    }
    for value in &field.examples {
        list.core("example", value.clone());
    }
    match &field.kind {
        Kind::Boolean => {
            list.core("true", Value::Boolean(true));
            list.core("false", Value::Boolean(false));
            for (name, text) in [("1 for true", "1"), ("0 for false", "0"), ("2", "2")] {
                list.odd(name, Value::Number(text.to_owned()));
            }
            for text in ["yes", "TRUE", "t", ""] {
                list.odd(format!("text {text:?}"), Value::Text(text.to_owned()));
            }
        }
        Kind::Integer { .. } => list.integers(&field.kind),
        Kind::Decimal { digits, scale, least, greatest, .. } => list.decimals(*digits, *scale, *least, *greatest),
        Kind::Float { bits, least, greatest } => list.floats(*bits, *least, *greatest),
        Kind::Text { .. } => list.texts(field),
        Kind::Date { least, greatest } => {
            list.times(least, greatest, "2024-06-15");
            list.listed(times::DATES);
        }
        Kind::Time => {
            list.core("noon", Value::Text("12:00:00".to_owned()));
            list.core("midnight", Value::Text("00:00:00".to_owned()));
            list.core("last second", Value::Text("23:59:59".to_owned()));
            list.listed(times::TIMES);
        }
        Kind::Timestamp { zone, offset, least, greatest } => {
            let end = if *offset == Some(true) { "Z" } else { "" };
            list.times(least, greatest, &format!("2024-06-15T12:00:00{end}"));
            for &(name, text) in times::STAMPS {
                // Where no offset is written, the same times without it are the ones to try.
                let bare = text.strip_suffix('Z').filter(|_| *offset == Some(false));
                list.odd(name, Value::Text(bare.unwrap_or(text).to_owned()));
            }
            if *offset == Some(false) {
                list.odd("offset", Value::Text("2024-06-15T12:00:00Z".to_owned()));
            } else {
                list.odd("no offset", Value::Text("2024-06-15T12:00:00".to_owned()));
            }
            for (name, text) in zone.iter().flat_map(|z| times::of_zone(z)) {
                list.odd(name, Value::Text(text));
            }
        }
    }
    if !matches!(field.kind, Kind::Text { .. }) {
        list.odd("empty", Value::Text(String::new()));
    }
    list.core("missing", Value::Null);
    if documents {
        list.core("left out", Value::Absent);
    }
    list.cases
}

fn shown(value: &Value) -> String {
    match value {
        Value::Absent => "left out".to_owned(),
        Value::Null => "null".to_owned(),
        Value::Boolean(yes) => yes.to_string(),
        Value::Number(text) | Value::Text(text) => text.clone(),
    }
}

struct List<'a> {
    judge: Judge<'a>,
    cases: Vec<Case>,
}

impl List<'_> {
    /// A value that is combined with those of other fields, if it is valid.
    fn core(&mut self, name: impl Into<String>, value: Value) {
        self.add(name.into(), value, true);
    }

    /// A value that is tried once.
    fn odd(&mut self, name: impl Into<String>, value: Value) {
        self.add(name.into(), value, false);
    }

    fn add(&mut self, name: String, value: Value, core: bool) {
        if self.cases.iter().any(|c| c.value == value) {
            return;
        }
        let fault = self.judge.fault(&value);
        self.cases.push(Case { value, name, core: core && fault.is_none(), fault });
    }

    fn listed(&mut self, list: &[(&str, &str)]) {
        for &(name, text) in list {
            self.odd(name, Value::Text(text.to_owned()));
        }
    }

    fn number(&mut self, name: &str, text: impl Into<String>, core: bool) {
        self.add(name.to_owned(), Value::Number(text.into()), core);
    }

    /// What is no number, whatever the type.
    fn no_numbers(&mut self) {
        self.listed(&[
            ("letters", "abc"),
            ("not a number", "NaN"),
            ("infinity", "Infinity"),
            ("minus infinity", "-Infinity"),
            ("thousands", "1,000"),
            ("decimal comma", "1,5"),
            ("space before", " 1"),
            ("plus sign", "+1"),
            ("hexadecimal", "0x10"),
            ("full-width digits", "\u{ff11}\u{ff12}"),
            ("Arabic digits", "\u{661}\u{662}"),
            ("minus sign of typesetters", "\u{2212}1"),
            ("two points", "1.2.3"),
        ]);
    }

    fn integers(&mut self, kind: &Kind) {
        let Kind::Integer { multiple, .. } = kind else { return };
        let (low, high) = kind.whole().unwrap_or_default();
        let step = multiple.unwrap_or(1);
        let up = |x: i128| x + (step - x.rem_euclid(step)) % step;
        let down = |x: i128| x - x.rem_euclid(step);
        let add = |list: &mut Self, name: &str, x: i128, core| list.number(name, x.to_string(), core);
        if let Some(low) = low {
            add(self, "least", up(low), true);
            add(self, "least and one", up(low) + step, false);
            add(self, "one below the least", low - 1, false);
        }
        if let Some(high) = high {
            add(self, "greatest", down(high), true);
            add(self, "one before the greatest", down(high) - step, false);
            add(self, "one beyond the greatest", high + 1, false);
        }
        if step > 1 {
            add(self, "no multiple", down(high.or(low).unwrap_or(0)) + 1, false);
        }
        add(self, "zero", 0, true);
        let nominal = match (low, high) {
            (Some(low), Some(high)) => low + (high - low) / 2,
            (Some(low), None) => low.saturating_add(41),
            (None, Some(high)) => high.saturating_sub(41),
            (None, None) => 42,
        };
        add(self, "in the middle", down(nominal), true);
        self.number("negative zero", "-0", false);
        for (name, x) in [("one", 1), ("minus one", -1), ("ten", 10), ("hundred", 100)] {
            add(self, name, x, false);
        }
        for bits in [8_u32, 16, 31, 32, 53, 63, 64] {
            let power = 1_i128 << bits;
            add(self, &format!("2 to {bits}, less one"), power - 1, false);
            add(self, &format!("2 to {bits}"), power, false);
            if bits == 53 {
                add(self, "2 to 53, and one: no double", power + 1, false);
            }
            if matches!(bits, 31 | 63) {
                add(self, &format!("minus 2 to {bits}"), -power, false);
                add(self, &format!("minus 2 to {bits}, less one"), -power - 1, false);
            }
        }
        self.number("forty digits", "1".repeat(40), false);
        self.number("half", "1.5", false);
        // `1.0` and `1e3` are whole to some readers and not to others, so they are not tried.
        self.no_numbers();
    }

    fn decimals(&mut self, all: u8, scale: u8, least: Option<i128>, greatest: Option<i128>) {
        let end = 10_i128.pow(u32::from(all)) - 1;
        let (low, high) = (least.unwrap_or(-end).max(-end), greatest.unwrap_or(end).min(end));
        let add = |list: &mut Self, name: &str, x: i128, core| list.number(name, digits(x, scale), core);
        add(self, "least", low, true);
        add(self, "least and one unit", low + 1, false);
        add(self, "one unit below the least", low - 1, false);
        add(self, "greatest", high, true);
        add(self, "one unit before the greatest", high - 1, false);
        add(self, "one unit beyond the greatest", high + 1, false);
        add(self, "zero", 0, true);
        add(self, "in the middle", low + (high - low) / 2, true);
        self.number("negative zero", "-0", false);
        add(self, "one unit", 1, false);
        add(self, "minus one unit", -1, false);
        let one = 10_i128.pow(u32::from(scale));
        add(self, "one", one, false);
        add(self, "one less a unit", one - 1, false);
        add(self, "a third, as far as it goes", one / 3, false);
        for (name, text) in [("no double: a tenth", "0.1"), ("a tenth and a fifth", "0.3"), ("thousand", "1000")] {
            if units(text, scale).is_some() {
                self.number(name, text, false);
            }
        }
        add(self, "2 to 53, and one unit: no double", (1 << 53) + 1, false);
        self.number("half a unit", format!("{}5", fraction(0, scale)), false);
        self.number("unit and a half", format!("{}5", fraction(1, scale)), false);
        self.number("many digits after the point", format!("0.{}", "3".repeat(30)), false);
        self.number("many digits", "9".repeat(60), false);
        self.no_numbers();
    }

    fn floats(&mut self, bits: u8, least: Option<f64>, greatest: Option<f64>) {
        let single = bits == 32;
        let next = |x: f64, up: bool| match (single, up) {
            (true, true) => f64::from((x as f32).next_up()),
            (true, false) => f64::from((x as f32).next_down()),
            (false, true) => x.next_up(),
            (false, false) => x.next_down(),
        };
        let add = |list: &mut Self, name: &str, x: f64, core| {
            if x.is_finite() {
                list.number(name, if single { short(x as f32) } else { long(x) }, core);
            }
        };
        if let Some(low) = least {
            add(self, "least", low, true);
            add(self, "next above the least", next(low, true), false);
            add(self, "next below the least", next(low, false), false);
        }
        if let Some(high) = greatest {
            add(self, "greatest", high, true);
            add(self, "next below the greatest", next(high, false), false);
            add(self, "next beyond the greatest", next(high, true), false);
        }
        add(self, "zero", 0.0, true);
        let middle = match (least, greatest) {
            (Some(a), Some(b)) => a / 2.0 + b / 2.0,
            (Some(a), None) => a + 1.5,
            (None, Some(b)) => b - 1.5,
            (None, None) => 1.5,
        };
        add(self, "in the middle", middle, true);
        let (most, tiny, subnormal) = if single {
            (f64::from(f32::MAX), f64::from(f32::MIN_POSITIVE), f64::from(f32::from_bits(1)))
        } else {
            (f64::MAX, f64::MIN_POSITIVE, f64::from_bits(1))
        };
        self.number("negative zero", "-0.0", false);
        add(self, "greatest of the type", most, least.is_none() && greatest.is_none());
        add(self, "least of the type", -most, least.is_none() && greatest.is_none());
        add(self, "least normal", tiny, false);
        add(self, "least above zero", subnormal, false);
        add(self, "one", 1.0, false);
        add(self, "minus one", -1.0, false);
        add(self, "next above one", next(1.0, true), false);
        self.number("a tenth and a fifth", "0.30000000000000004", false);
        self.number("2 to 24, and one: no single", "16777217", false);
        self.number("2 to 53, and one: no double", "9007199254740993", false);
        self.number("many digits", "3.14159265358979323846264338327950288419716939937510582097494459", false);
        self.number("exponent", "1e-7", false);
        self.number("capital exponent", "1E+5", false);
        self.number("beyond a single", "3.5e38", false);
        self.number("beyond a double", "1.8e308", false);
        self.number("far beyond a double", "1e400", false);
        self.number("vanishes", "1e-400", false);
        self.no_numbers();
    }

    fn texts(&mut self, field: &Field) {
        let Kind::Text { shortest, longest, pattern, format } = &field.kind else { return };
        let add = |list: &mut Self, name: &str, text: String, core| list.add(name.to_owned(), Value::Text(text), core);
        if let Some(format) = format {
            for (i, (name, text)) in texts::of_format(*format).iter().enumerate() {
                add(self, name, (*text).to_owned(), i < 2);
            }
        }
        if let Some(pattern) = pattern {
            let names = ["shortest of the pattern", "longest of the pattern", "of the pattern", "also of the pattern"];
            let made = pattern::texts(pattern, *longest, 1);
            for (i, text) in made.iter().enumerate() {
                add(self, names[i.min(3)], text.clone(), i < 2);
            }
            if let Some(text) = made.get(1).or(made.first()) {
                add(self, "of the pattern, and a letter", format!("{text}x"), false);
                add(self, "of the pattern, and a line feed", format!("{text}\n"), false);
                add(self, "of the pattern, other capitals", turned(text), false);
                add(self, "of the pattern, less a letter", text.chars().skip(1).collect(), false);
            }
        }
        add(self, "empty", String::new(), true);
        let free = pattern.is_none() && format.is_none();
        add(self, "shortest", "a".repeat(*shortest), true);
        if *shortest > 0 {
            add(self, "one shorter", "a".repeat(shortest - 1), false);
        }
        // Without an end, what databases and forms trip over: a byte's and 16 bits' worth.
        let ends = match longest {
            Some(longest) => vec![*longest],
            None if field.values.is_empty() => vec![255, 256, 65_536],
            None => Vec::new(),
        };
        for (i, &end) in ends.iter().enumerate() {
            add(self, if longest.is_some() { "longest" } else { "long" }, "a".repeat(end), free && i == 0);
            add(self, "longest, of four bytes each", "\u{1f600}".repeat(end.min(65_536)), false);
        }
        if let Some(longest) = longest {
            add(self, "one longer", "a".repeat(longest + 1), false);
            add(self, "longest, and a space", "a".repeat(*longest) + " ", false);
            add(self, "far longer", "a".repeat((longest * 10).clamp(1_000, 1 << 20).max(longest + 2)), false);
        }
        let fitted = |text: &str| {
            // What a length bounds is filled up or cut where that leaves what it is of.
            let count = text.chars().count();
            if free && count < *shortest && *shortest <= 1_000 {
                text.to_owned() + &"a".repeat(shortest - count)
            } else {
                text.to_owned()
            }
        };
        if free {
            add(self, "plain", fitted("Example"), true);
        }
        for (name, text) in texts::TEXTS {
            // Where all values are listed, a few of those that are not say as much as all.
            if field.values.is_empty() || FEW.contains(name) {
                add(self, name, fitted(text), false);
            }
        }
        if !field.values.is_empty() {
            for value in &field.values {
                if let Value::Text(text) = value {
                    add(self, "one of the values, other capitals", turned(text), false);
                    add(self, "one of the values, and a space", format!("{text} "), false);
                }
            }
        }
        self.number("number where a text should be", "1", false);
    }

    /// The bounds of dates or times, and what is beside them.
    fn times(&mut self, least: &Option<String>, greatest: &Option<String>, plain: &str) {
        let text = |t: &str| Value::Text(t.replace(' ', "T"));
        // A bound that is a date alone bounds times too.
        let like = |t: &str| {
            if t.len() == 10 && plain.len() > 10 { format!("{t}T00:00:00{}", &plain[19..]) } else { t.to_owned() }
        };
        let bounds = [(least, "least", "before", 1), (greatest, "greatest", "beyond", -1)];
        for (bound, name, side, inside) in bounds {
            let Some(bound) = bound.as_deref().map(like) else { continue };
            let step = times::step(bound.len() == 10) * inside;
            self.core(name, text(&bound));
            if let Some(next) = times::moved(&bound, step) {
                self.odd(format!("next to the {name}"), text(&next));
            }
            if let Some(beyond) = times::moved(&bound, -step) {
                self.odd(format!("one {side} the {name}"), text(&beyond));
            }
        }
        let at = |t: &Option<String>| t.as_deref().and_then(|t| iso(&like(t).replace(' ', "T"))).map(|t| t.0);
        match (at(least), at(greatest)) {
            (Some(a), Some(b)) => {
                let from = least.as_deref().map(like).unwrap_or_default();
                if let Some(middle) = times::moved(&from, (b - a) / 2) {
                    self.core("in the middle", text(&middle));
                }
            }
            (None, None) => {
                self.core("plain", text(plain));
                for year in ["0001-01-01", "9999-12-31"] {
                    let name = if year.starts_with('0') { "year 1" } else { "year 9999" };
                    self.core(name, text(&like(year)));
                }
            }
            _ => {}
        }
        self.core("plain", text(plain));
        let leap = format!("2024-02-29{}", &plain[10..]);
        self.core("leap day", text(&leap));
    }
}

/// Texts that are tried where only listed ones are valid.
const FEW: [&str; 8] =
    ["space", "emoji", "combining accent (NFD)", "NUL", "null as text", "SQL, quote", "HTML, script", "formula"];

/// Units of the last digit, with a point to write more digits after.
fn fraction(units: i128, scale: u8) -> String {
    let text = digits(units, scale);
    if scale == 0 { text + "." } else { text }
}

fn turned(text: &str) -> String {
    let upper = text.to_uppercase();
    if upper == text { text.to_lowercase() } else { upper }
}

/// A number as its shortest digits; with an exponent where these would be many.
fn long(x: f64) -> String {
    if x != 0.0 && !(1e-5..1e17).contains(&x.abs()) { format!("{x:e}") } else { format!("{x:?}") }
}

fn short(x: f32) -> String {
    if x != 0.0 && !(1e-5..1e9).contains(&x.abs()) { format!("{x:e}") } else { format!("{x:?}") }
}

#[cfg(test)]
#[path = "values_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
