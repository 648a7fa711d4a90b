//! Telling what each column is.
//!
//! A column is judged by its distinct values, in this order; the first rule that fits decides.
//!
//! 1. No value in any row: all missing. One value in every row: constant.
//! 2. Two values that are a pair of words for yes and no (`true`/`false`, `yes`/`no`, `t`/`f`, `y`/`n`,
//!    `on`/`off`, in any case): boolean. `0` and `1` are codes.
//! 3. Every value is a number: `-1.5`, `+2`, `.5` and `1e-3` are; a number with leading zeros (`007`) or a whole
//!    number past 2^53 is a code, and a number with thousands separators or a decimal comma is text. `inf` and
//!    `nan` among numbers count as missing, and the reason says so.
//!    - Eight digits that are all calendar days, under a name that speaks of a date: date.
//!    - Whole, different in every row, none missing, and either named like a key (`id`, `no`, `key`, `code` ... as
//!      first or last word) or, in ten rows or more, every number of an unbroken run: identifier.
//!    - Whole, at most 20 distinct values, five rows or more for each on average: categorical codes.
//!    - Whole (`3` or `3.0`): integer. Otherwise decimal, with the digits of its longest value, at most 15.
//! 4. Every value fits one date or time format: datetime.
//! 5. Different in every row, none missing, of one shape (UUID, prefix and number, the same kind of character in
//!    each place), and either named like a key or, in ten rows or more, with digits in it: identifier.
//! 6. More than nine in ten values differ, or more than half do and they are long (over 20 characters or three
//!    words on average): text.
//! 7. Otherwise categorical.

use arrow_array::{Array, StringArray};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::parse::{Number, number};
use super::wish::{DetectOptions, KindName};
use super::{ColumnKind, Field, Schema};
use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::date::{self, DateFormat};
use crate::table::identifier::{Shape, is_date_name, is_key_name};

/// Whole numbers with more distinct values than this are quantities.
const MOST_CODES: usize = 20;
/// Rows that each code must have on average.
const ROWS_PER_CODE: usize = 5;
/// Fewer rows than this prove no key by themselves.
const KEY_ROWS: usize = 10;
/// Whole numbers from here on are not exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Schema {
    /// What the columns of `table` are, by the rules of [`detect`](self), unless
    /// `options` says otherwise.
    ///
    /// # Errors
    /// When an override names a column that is not there, or its values contradict it.
    pub fn detect(table: &Table, options: &DetectOptions) -> Result<Schema> {
        if let Some(unknown) = options.overrides.keys().find(|k| !table.names.contains(k)) {
            return Err(Error::no_column(unknown, &table.names));
        }
        let wanted: Vec<usize> = (0..table.names.len())
            .filter(|&j| options.overrides.get(&table.names[j]).is_none_or(|o| o.kind != KindName::Skip))
            .collect();
        let field = |&j: &usize| {
            let text = table.text(j)?;
            let column = Values::of(&table.names[j], &text, table.first_row);
            let (kind, reason) = match options.overrides.get(&table.names[j]) {
                Some(wish) => (column.obey(wish)?, "as the configuration says".to_owned()),
                None => column.judge(table.arrow[j].as_deref()),
            };
            Ok(Field {
                name: table.names[j].clone(),
                reason: reason + &column.missing_note(&table.missing_tokens[j]),
                kind,
                missing: table.missing_tokens[j].clone(),
                arrow: table.arrow[j].clone(),
            })
        };
        Ok(Schema { fields: wanted.par_iter().map(field).collect::<Result<_>>()? })
    }
}

/// One distinct value of a column.
pub(super) struct Value<'a> {
    pub(super) text: &'a str,
    pub(super) rows: usize,
    pub(super) first: usize,
}

/// The distinct values of a column, in the order in which they were first seen. Whatever is asked about a
/// column is asked of these: a column of a million rows and forty values costs forty parses.
pub(super) struct Values<'a> {
    pub(super) name: &'a str,
    pub(super) distinct: Vec<Value<'a>>,
    rows: usize,
    missing: usize,
    pub(super) first_row: usize,
}

/// What a column of numbers amounts to.
struct Numbers {
    /// Rows with an infinity or not-a-number.
    infinite: usize,
    whole: bool,
    /// Most digits after the point.
    decimals: u8,
    /// Distinct finite values; `1` and `1.0` are the same.
    distinct: usize,
}

impl<'a> Values<'a> {
    fn of(name: &'a str, text: &'a StringArray, first_row: usize) -> Values<'a> {
        let mut place: FxHashMap<&str, u32> = FxHashMap::default();
        let mut distinct: Vec<Value> = Vec::new();
        for (row, cell) in text.iter().enumerate() {
            let Some(text) = cell else { continue };
            let next = distinct.len() as u32;
            match *place.entry(text).or_insert(next) {
                new if new == next => distinct.push(Value { text, rows: 1, first: row }),
                old => distinct[old as usize].rows += 1,
            }
        }
        Values { name, distinct, rows: text.len(), missing: text.null_count(), first_row }
    }

    /// Rows with a value.
    pub(super) fn present(&self) -> usize {
        self.rows - self.missing
    }

    /// Different in every row, and none missing.
    fn unique(&self) -> bool {
        self.distinct.len() == self.rows
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.distinct.iter().map(|v| v.text)
    }

    /// The kind of the column and the evidence.
    fn judge(&self, arrow: Option<&str>) -> (ColumnKind, String) {
        if self.present() == 0 {
            return (ColumnKind::AllMissing, "no value in any row".to_owned());
        }
        if let ([only], 0) = (self.distinct.as_slice(), self.missing) {
            let value = only.text.to_owned();
            return (ColumnKind::Constant { value }, format!("`{}` in every row", clip(only.text)));
        }
        if arrow == Some("Boolean") || self.is_yes_or_no() {
            return (ColumnKind::Boolean, format!("only {}", self.examples()));
        }
        match self.numbers() {
            Ok(numbers) => self.judge_numbers(&numbers),
            Err(odd) => self.judge_text(odd),
        }
    }

    fn is_yes_or_no(&self) -> bool {
        const PAIRS: [[&str; 2]; 5] = [["false", "true"], ["no", "yes"], ["f", "t"], ["n", "y"], ["off", "on"]];
        let mut words: Vec<String> = self.texts().take(3).map(str::to_lowercase).collect();
        words.sort();
        PAIRS.iter().any(|pair| words == *pair)
    }

    /// The column as numbers, or the first value that is none.
    fn numbers(&self) -> Result<Numbers, &Value<'a>> {
        let mut numbers = Numbers { infinite: 0, whole: true, decimals: 0, distinct: 0 };
        let mut finite = Vec::with_capacity(self.distinct.len());
        for value in &self.distinct {
            match number(value.text) {
                Number::Finite(x) if is_quantity(value.text, x) => {
                    numbers.whole &= x.fract() == 0.0;
                    numbers.decimals = numbers.decimals.max(decimals(value.text));
                    finite.push((x + 0.0).to_bits());
                }
                Number::Infinite => numbers.infinite += value.rows,
                _ => return Err(value),
            }
        }
        finite.sort_unstable();
        finite.dedup();
        numbers.distinct = finite.len();
        match (self.distinct.first(), numbers.distinct) {
            (Some(infinite), 0) => Err(infinite),
            _ => Ok(numbers),
        }
    }

    fn judge_numbers(&self, numbers: &Numbers) -> (ColumnKind, String) {
        if is_date_name(self.name)
            && let Some(format) = self.date_format(true)
        {
            return (ColumnKind::Datetime { format }, "eight digits that are all calendar days".to_owned());
        }
        let infinite = match numbers.infinite {
            0 => String::new(),
            n => format!("; {} infinite or not a number, read as missing", thousands(n)),
        };
        if !numbers.whole {
            let decimals = numbers.decimals.clamp(1, 15);
            return (
                ColumnKind::Decimal { decimals },
                format!("numbers with at most {decimals} digits after the point{infinite}"),
            );
        }
        if let Some(found) = self.integer_key(numbers) {
            return found;
        }
        let present = self.present() - numbers.infinite;
        let (distinct, rows) = (thousands(numbers.distinct), thousands(present));
        if numbers.distinct <= MOST_CODES && present >= ROWS_PER_CODE * numbers.distinct {
            let reason = format!("{distinct} distinct whole numbers in {rows} rows: codes{infinite}");
            return (ColumnKind::Categorical { numeric: true }, reason);
        }
        (ColumnKind::Integer, format!("whole numbers, {distinct} distinct in {rows} rows{infinite}"))
    }

    fn integer_key(&self, numbers: &Numbers) -> Option<(ColumnKind, String)> {
        if numbers.distinct < self.rows || numbers.infinite > 0 {
            return None;
        }
        let keys: Vec<String> = self.texts().map(whole_text).collect();
        let shape = Shape::of(keys.iter().map(String::as_str))?;
        let reason = match shape {
            Shape::Sequence { step: 1 | -1, .. } if self.rows >= KEY_ROWS => "every number of an unbroken run, once",
            _ if is_key_name(self.name) => "named like a key and different in every row",
            _ => return None,
        };
        Some((ColumnKind::Identifier { shape }, reason.to_owned()))
    }

    /// `odd` is the first value that is not a number.
    fn judge_text(&self, odd: &Value<'_>) -> (ColumnKind, String) {
        if let Some(format) = self.date_format(false) {
            let reason = match ambiguous(&format, |other| self.all_parse(other)) {
                true => format!("dates as `{format}`; the month may as well come first: say which if so"),
                false => format!("dates or times as `{format}`"),
            };
            return (ColumnKind::Datetime { format }, reason);
        }
        if let Some(found) = self.text_key() {
            return found;
        }
        let (distinct, present) = (self.distinct.len(), self.present());
        let share = distinct as f64 / present as f64;
        let mean = |size: fn(&str) -> usize| {
            self.distinct.iter().map(|v| size(v.text) * v.rows).sum::<usize>() as f64 / present as f64
        };
        let long = mean(|t| t.chars().count()) > 20.0 || mean(|t| t.split_whitespace().count()) >= 3.0;
        let counts = format!("{} distinct texts in {} rows", thousands(distinct), thousands(present));
        let note = self.nearly_numbers(odd);
        match share > 0.9 || (share > 0.5 && long) {
            true => (ColumnKind::Text, format!("{counts}: free text, not modelled{note}")),
            false => (ColumnKind::Categorical { numeric: false }, counts + &note),
        }
    }

    fn text_key(&self) -> Option<(ColumnKind, String)> {
        if !self.unique() {
            return None;
        }
        let has_digits = self.texts().all(|t| t.bytes().any(|b| b.is_ascii_digit()));
        let named = is_key_name(self.name);
        if !(named || has_digits && self.rows >= KEY_ROWS) {
            return None;
        }
        let shape = Shape::of(self.texts())?;
        let reason = if named {
            "named like a key and different in every row"
        } else {
            "different in every row, and all of one shape"
        };
        Some((ColumnKind::Identifier { shape }, reason.to_owned()))
    }

    /// Why a column that is mostly numbers is not one of numbers.
    fn nearly_numbers(&self, odd: &Value<'_>) -> String {
        let is_number = |v: &&Value<'_>| matches!(number(v.text), Number::Finite(_));
        let rows: usize = self.distinct.iter().filter(is_number).map(|v| v.rows).sum();
        if 10 * rows < 9 * self.present() {
            return String::new();
        }
        let (value, row) = (clip(odd.text), thousands(odd.first + 1 + self.first_row));
        match number(odd.text) {
            Number::Finite(_) if has_leading_zeros(odd.text) => {
                format!("; codes, not numbers: `{value}` in row {row} has a leading zero")
            }
            Number::Finite(_) => {
                format!("; codes, not numbers: `{value}` in row {row} is too long for one")
            }
            _ => format!(
                "; {} are numbers but `{value}` in row {row} is not: list it under `missing` if it means that",
                thousands(rows)
            ),
        }
    }

    fn all_parse(&self, format: &str) -> bool {
        let format = DateFormat::new(format);
        let year_1000 = -30_610_224_000.0;
        self.texts().all(|t| format.parse(t).is_some_and(|s| s >= year_1000))
    }

    /// The format in which every value reads as a date or time and is written the same again; failing that, the
    /// first in which all of them read at least.
    pub(super) fn date_format(&self, compact: bool) -> Option<String> {
        let first = self.distinct.first()?;
        let reads = |f: &String| {
            let format = DateFormat::new(f);
            self.texts().take(20).all(|t| format.parse(t).is_some()) && self.all_parse(f)
        };
        let formats: Vec<String> = date::candidates(first.text, compact).into_iter().filter(reads).collect();
        let exact = |f: &&String| {
            let format = DateFormat::new(f);
            self.texts().take(1_000).all(|t| format.parse(t).is_some_and(|s| format.text(s) == t))
        };
        match formats.iter().find(exact) {
            Some(format) => Some(format.clone()),
            // `3:2` is a score as often as a time.
            None => formats.into_iter().find(|f| f.contains("%Y")),
        }
    }

    fn examples(&self) -> String {
        self.texts().map(|t| format!("`{}`", clip(t))).collect::<Vec<_>>().join(" and ")
    }

    fn missing_note(&self, token: &str) -> String {
        match (self.missing, token) {
            (0, _) => String::new(),
            (n, _) if n == self.rows => String::new(),
            (n, "") => format!("; {} missing", thousands(n)),
            (n, token) => format!("; {} missing, written `{token}`", thousands(n)),
        }
    }
}

/// True when day and month could be swapped in every value.
fn ambiguous(format: &str, all_parse: impl Fn(&str) -> bool) -> bool {
    let other = if format.contains("%d/%m/%Y") {
        format.replace("%d/%m/%Y", "%m/%d/%Y")
    } else if format.contains("%-d/%-m/%Y") {
        format.replace("%-d/%-m/%Y", "%-m/%-d/%Y")
    } else {
        return false;
    };
    all_parse(&other)
}

/// False for digits that lose something as a double: leading zeros, or whole numbers past 2^53.
pub(super) fn is_quantity(text: &str, x: f64) -> bool {
    !has_leading_zeros(text) && (x.abs() < EXACT || text.contains(['.', 'e', 'E']))
}

/// `007` and `-01`, but not `0`, `0.5` or `-0.5`.
fn has_leading_zeros(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']).as_bytes();
    matches!(digits, [b'0', b'0'..=b'9', ..])
}

/// Digits after the point of a number as written, trailing zeros not counted.
pub(super) fn decimals(text: &str) -> u8 {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let fraction = mantissa.split_once('.').map_or("", |(_, f)| f.trim_end_matches('0'));
    let digits = fraction.len() as i64 - exponent.parse::<i64>().unwrap_or(0);
    digits.clamp(0, 255) as u8
}

/// `3.0` and `+3` as `3`.
fn whole_text(text: &str) -> String {
    match number(text) {
        Number::Finite(x) => format!("{x:.0}"),
        _ => text.to_owned(),
    }
}

/// A value short enough for a message.
pub(super) fn clip(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// `1234567` as `1,234,567`.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
