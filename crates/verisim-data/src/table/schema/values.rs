//! The distinct values of a column, and what can be asked of them.

use arrow_array::{Array, StringArray};
use rustc_hash::FxHashMap;

use crate::table::date::{self, DateFormat};

/// One distinct value of a column.
pub(super) struct Value<'a> {
    pub(super) text: &'a str,
    /// Rows that have it.
    pub(super) rows: usize,
    /// The first of them, from 0.
    pub(super) first: usize,
}

/// The distinct values of a column, in the order in which they were first seen. Whatever is asked about a
/// column is asked of these: a column of a million rows and forty values costs forty parses.
pub(super) struct Values<'a> {
    pub(super) name: &'a str,
    pub(super) distinct: Vec<Value<'a>>,
    pub(super) rows: usize,
    pub(super) missing: usize,
    /// Rows of the file before the first.
    pub(super) first_row: usize,
}

impl<'a> Values<'a> {
    pub(super) fn of(name: &'a str, text: &'a StringArray, first_row: usize) -> Values<'a> {
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
    pub(super) fn unique(&self) -> bool {
        self.distinct.len() == self.rows
    }

    /// Different in more than nine of ten rows that have a value, which are half of all or more.
    pub(super) fn nearly_unique(&self) -> bool {
        10 * self.distinct.len() > 9 * self.present() && 2 * self.missing <= self.rows
    }

    /// Values that one row alone has.
    pub(super) fn singles(&self) -> usize {
        self.distinct.iter().filter(|v| v.rows == 1).count()
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.distinct.iter().map(|v| v.text)
    }

    /// Whether every value reads as a date of this format, none of them before the year 1000.
    pub(super) fn all_parse(&self, format: &str) -> bool {
        let format = DateFormat::new(format);
        let year_1000 = -30_610_224_000.0;
        self.texts().all(|t| format.parse(t).is_some_and(|s| s >= year_1000))
    }

    /// Whether every value is of the years 1900 to 2100.
    pub(super) fn all_recent(&self, format: &str) -> bool {
        let format = DateFormat::new(format);
        self.texts().all(|t| format.parse(t).is_some_and(|s| (-2_208_988_800.0..4_133_980_800.0).contains(&s)))
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
            let same = |(s, offset): (f64, Option<i32>), t| format.text_at(s, offset.unwrap_or(0)) == t;
            self.texts().take(1_000).all(|t| format.parse_zoned(t).is_some_and(|found| same(found, t)))
        };
        match formats.iter().find(exact) {
            Some(format) => Some(format.clone()),
            // Nanoseconds are finer than a double of seconds; what is as long is the format all the same. `3:2` is a score as often as
            // a time.
            None => {
                let as_long = |f: &&String| {
                    let format = DateFormat::new(f);
                    self.texts().take(100).all(|t| format.parse(t).is_some_and(|s| format.text(s).len() == t.len()))
                };
                let with_year = || formats.iter().filter(|f| f.contains("%Y"));
                with_year().find(as_long).or(with_year().next()).cloned()
            }
        }
    }
}

/// `007` and `-01`, but not `0`, `0.5` or `-0.5`.
pub(super) fn has_leading_zeros(text: &str) -> bool {
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

/// A value short enough for a message.
pub(super) fn clip(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
