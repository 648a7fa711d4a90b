//! How a column writes its numbers: decimal comma, thousands apart, currency, unit, brackets, trailing zeros, exponents.
//!
//! A [`Numeral`] is found from all values of a column at once, because one alone says little: `1,234` is a thousand or a
//! little more than one. It turns a cell into the double that a model sees, and a double into the cell that is written, so
//! that what comes out is in the form of what went in.
//!
//! Numbers that no double holds (19-digit keys, decimals of 38 digits) are counted in their last digit from the least of them
//! on: [`Wide`]. Up to 2^53 of those counts are exact; beyond, the digits that a double has no room for are drawn anew.

mod detect;
mod write;

use serde::{Deserialize, Serialize};

pub(crate) use detect::{Digits, detect, example, plain};

/// How the numbers of one column are written. The default is the plain form, `-1234.5`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Numeral {
    /// A comma before the fraction instead of a point.
    #[serde(skip_serializing_if = "is_default")]
    pub comma: bool,
    /// What stands between thousands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<char>,
    /// What every number begins with, such as `$` or `CHF `.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub before: String,
    /// What every number ends in, such as ` €`, ` %` or ` kg`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub after: String,
    /// How a number below zero is told.
    #[serde(skip_serializing_if = "is_default")]
    pub negative: Negative,
    /// Numbers above zero have a `+`.
    #[serde(skip_serializing_if = "is_default")]
    pub plus: bool,
    /// `.5` rather than `0.5`.
    #[serde(skip_serializing_if = "is_default")]
    pub bare: bool,
    /// Digits after the point in every number, trailing zeros included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<u8>,
    /// Most digits that count; given where numbers are told by their first digits and not to the same place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub significant: Option<u8>,
    /// How exponents are written, where some are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exponent: Option<Exponent>,
    /// Numbers past what a double holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wide: Option<Wide>,
    /// Words that stand among the numbers, as levels of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
}

/// How a number below zero is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Negative {
    /// `-$5`
    #[default]
    First,
    /// `$-5`
    Inside,
    /// `5-`
    Last,
    /// `($5)`
    Brackets,
}

/// How exponents are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Exponent {
    /// Every number has one; otherwise only numbers below 1e-4 or from 1e16 on.
    pub always: bool,
    /// Digits after the point of every number with an exponent; as many as it needs when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digits: Option<u8>,
    /// `E` rather than `e`.
    pub upper: bool,
    /// `e+05` rather than `e05`.
    pub plus: bool,
    /// Least digits of the exponent.
    pub width: u8,
}

/// Numbers that a double does not hold, counted in units of their last digit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wide {
    /// Digits after the point, all of which count.
    pub decimals: u8,
    /// The least, in units of the last digit.
    #[serde(with = "text")]
    pub low: i128,
    /// The greatest, in units of the last digit.
    #[serde(with = "text")]
    pub high: i128,
}

/// Whole numbers of 128 bits as text: JSON readers take numbers for doubles.
pub(crate) mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(x: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(x)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Whether a field of the header need not be written.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Currency signs, and codes that stand before an amount.
const CURRENCIES: [&str; 34] = [
    "$", "€", "£", "¥", "₹", "₽", "₩", "₺", "₫", "₴", "₦", "฿", "¢", "R$", "US$", "A$", "C$", "Fr.", "zł", "Kč", "USD",
    "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "CAD", "AUD", "SEK", "NOK", "DKK", "BRL", "PLN",
];

impl Numeral {
    /// Whether numbers are written as every program writes them, so that no cell needs a second look.
    pub fn is_plain(&self) -> bool {
        let shared = Numeral { significant: None, wide: None, ..self.clone() };
        shared == Numeral::default()
    }

    /// Whether the text is a number in JSON as well: what may be written without quotes.
    pub fn is_json(&self) -> bool {
        !self.comma
            && !self.bare
            && !self.plus
            && self.group.is_none()
            && self.before.is_empty()
            && self.after.is_empty()
            && self.negative == Negative::First
    }

    /// What a program writes that knows numbers only: no dress, the same digits.
    pub fn undressed(&self) -> Numeral {
        Numeral {
            fixed: self.fixed,
            significant: self.significant,
            exponent: self.exponent,
            wide: self.wide.clone(),
            ..Numeral::default()
        }
    }

    /// How numbers are written, for people, where that is not plain.
    pub(crate) fn described(&self) -> Option<String> {
        let mut said: Vec<String> = Vec::new();
        if self.comma {
            said.push("a decimal comma".to_owned());
        }
        if let Some(group) = self.group {
            said.push(format!("`{group}` between thousands"));
        }
        if !self.before.is_empty() {
            said.push(format!("`{}` before", self.before));
        }
        if !self.after.is_empty() {
            said.push(format!("`{}` behind", self.after));
        }
        match self.negative {
            Negative::Brackets => said.push("brackets below zero".to_owned()),
            Negative::Last => said.push("a minus behind".to_owned()),
            Negative::First | Negative::Inside => {}
        }
        (!said.is_empty()).then(|| format!("written with {}", said.join(", ")))
    }

    /// What is wrong with a form that was read from a file, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let digits = |d: Option<u8>| d.is_some_and(|d| d > 60);
        if digits(self.fixed) || digits(self.significant) || digits(self.exponent.and_then(|e| e.digits)) {
            return Some("has numbers of more digits than there are");
        }
        self.wide.as_ref().filter(|w| w.low > w.high || w.decimals > 60).map(|_| "has a range of numbers that is none")
    }

    /// Writes the digits, the point and the sign of `cell` into `out` as every program reads them; false when the cell is not
    /// of this form.
    pub(crate) fn plain(&self, cell: &str, out: &mut String) -> bool {
        out.clear();
        let mut rest = cell.trim();
        let mut negative = false;
        if let Some(inner) = rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')) {
            (rest, negative) = (inner, true);
        }
        let mut sign = |rest: &mut &str| {
            let signed = rest.strip_prefix('-').map(|r| (r, true)).or(rest.strip_prefix('+').map(|r| (r, false)));
            if let Some((tail, minus)) = signed
                && !negative
            {
                (*rest, negative) = (tail, minus);
            }
        };
        sign(&mut rest);
        let Some(inner) = rest.strip_prefix(self.before.as_str()) else { return false };
        rest = inner;
        if !self.before.is_empty() {
            sign(&mut rest);
        }
        let Some(mut rest) = rest.strip_suffix(self.after.as_str()) else { return false };
        if let Some(inner) = rest.strip_suffix('-') {
            (rest, negative) = (inner, true);
        }
        if negative {
            out.push('-');
        }
        self.digits(rest, out)
    }

    /// The digits of a number without sign and dress.
    fn digits(&self, body: &str, out: &mut String) -> bool {
        let (mantissa, exponent) = match body.find(['e', 'E']) {
            Some(at) => (&body[..at], &body[at + 1..]),
            None => (body, ""),
        };
        let point = if self.comma { ',' } else { '.' };
        let (whole, fraction) = match mantissa.split_once(point) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let is_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(fraction.unwrap_or("")) || whole.len() + fraction.map_or(0, str::len) == 0 {
            return false;
        }
        match self.group {
            Some(group) if whole.contains(group) => {
                for (i, part) in whole.split(group).enumerate() {
                    let fits = if i == 0 { (1..=3).contains(&part.len()) } else { part.len() == 3 };
                    if !fits || !is_digits(part) {
                        return false;
                    }
                    out.push_str(part);
                }
            }
            _ if is_digits(whole) => out.push_str(if whole.is_empty() { "0" } else { whole }),
            _ => return false,
        }
        if let Some(fraction) = fraction.filter(|f| !f.is_empty()) {
            out.push('.');
            out.push_str(fraction);
        }
        if exponent.is_empty() {
            return mantissa.len() == body.len();
        }
        let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if power.is_empty() || !is_digits(power) {
            return false;
        }
        out.push('e');
        out.push_str(exponent);
        true
    }

    /// What a model sees of `cell`: the number, or of wide numbers their distance from the least; a word of the column as
    /// [`word`](crate::table::frame::word) has it. `None` where it is neither. Reads the plain form too, as others may write it.
    pub fn value(&self, cell: &str) -> Option<f64> {
        let mut plain = String::new();
        self.value_with(cell, &mut plain)
    }

    /// One of the column's words.
    pub(crate) fn word(&self, cell: &str) -> Option<f64> {
        let k = self.words.iter().position(|w| w == cell.trim())?;
        Some(crate::table::frame::word(k as u32))
    }

    /// As [`Numeral::value`], with a buffer to work in.
    pub(crate) fn value_with(&self, cell: &str, plain: &mut String) -> Option<f64> {
        if !self.plain(cell, plain) {
            if let Some(word) = self.word(cell) {
                return Some(word);
            }
            if self.is_plain() || !Numeral::default().plain(cell, plain) {
                return None;
            }
        }
        match &self.wide {
            Some(wide) => wide.value(plain),
            None => plain.parse::<f64>().ok().filter(|x| x.is_finite()),
        }
    }
}

impl Wide {
    /// Distance of a plain number from the least, in units of the last digit.
    fn value(&self, plain: &str) -> Option<f64> {
        match units(plain, self.decimals) {
            Some(units) => units.checked_sub(self.low).map(|d| d as f64),
            // With an exponent, or digits past the last: near enough to be compared.
            None => plain
                .parse::<f64>()
                .ok()
                .filter(|x| x.is_finite())
                .map(|x| (x * 10_f64.powi(self.decimals.into()) - self.low as f64).round()),
        }
    }

    /// The number at this distance from the least, in units of the last digit; `noise` fills the digits that a double has no
    /// room for.
    pub(crate) fn units(&self, distance: f64, noise: u64) -> i128 {
        let distance = distance.max(0.0);
        // The step between neighbouring doubles: a power of two from 2^53 on.
        let step =
            if distance < 9_007_199_254_740_992.0 { 1 } else { 1_i128 << ((distance.log2() as u32) - 52).min(100) };
        let low = self.low.saturating_add(distance as i128);
        low.saturating_add(i128::from(noise).rem_euclid(step)).clamp(self.low, self.high)
    }

    /// A number of units in plain digits.
    pub(crate) fn text(&self, units: i128) -> String {
        let decimals = usize::from(self.decimals);
        if decimals == 0 {
            return units.to_string();
        }
        let digits = format!("{:0>width$}", units.unsigned_abs(), width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        format!("{}{whole}.{fraction}", if units < 0 { "-" } else { "" })
    }
}

/// A plain number without exponent in units of its `decimals`-th digit after the point; `None` if it has further digits, or is
/// past 128 bits.
pub(crate) fn units(plain: &str, decimals: u8) -> Option<i128> {
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let extra = usize::from(decimals).checked_sub(fraction.len());
    let fraction = match extra {
        Some(_) => fraction,
        None => {
            let (kept, lost) = fraction.split_at(usize::from(decimals));
            if lost.bytes().any(|b| b != b'0') {
                return None;
            }
            kept
        }
    };
    let all = format!("{whole}{fraction}{:0<width$}", "", width = extra.unwrap_or(0));
    all.parse().ok()
}

#[cfg(test)]
mod tests;
