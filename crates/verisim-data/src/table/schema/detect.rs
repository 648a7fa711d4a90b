//! Telling what each column is.
//!
//! A column is judged by its distinct values, in this order; the first rule that fits decides.
//!
//! 1. No value in any row: all missing. One value in every row: constant.
//! 2. Two values that are a pair of words for yes and no (`true`/`false`, `yes`/`no`, `t`/`f`, `y`/`n`,
//!    `on`/`off`, in any case): boolean. `0` and `1` are codes.
//! 3. Every value is a number: `-1.5`, `+2`, `.5` and `1e-3` are; a number with leading zeros (`007`) is a code. `inf` and
//!    `nan` among numbers count as missing, and the reason says so.
//!    - Eight digits that are all calendar days, under a name that speaks of a date or in ten distinct values of 1900 to 2100; 12, 14,
//!      17 or 20 digits that are days and times; seconds or milliseconds since 1970 under a name that speaks of a time: datetime.
//!    - Whole, different in every row, none missing, and either named like a key (`id`, `key`, `uuid` ... as first or last word, `no`,
//!      `number`, `code` ... as last) or, in ten rows or more, every number of an unbroken run: identifier. Under the name of a
//!      key one row in ten may repeat another, and half may be missing.
//!    - Past what a double holds, and more than half of them the same as others: categorical, so that every digit comes back.
//!    - Whole, at most 20 distinct values, five rows or more for each on average: categorical codes.
//!    - Whole (`3` or `3.0`): integer. Otherwise decimal, to the last place or, of numbers with exponents, to the digits that count.
//! 4. Every value fits one date or time format: datetime.
//! 5. Every value is a number in one dress (`1.234,56 €`, `(12.50)`, `12 %`), or a number but for at most ten words in at most one row in ten:
//!    as 3, the words levels of their own.
//! 6. Different in nine rows of ten, of one shape (UUID, prefix and number, one alphabet), and with digits in nine of ten values where there are ten
//!    rows or the name is that of a key, but no sentence of three words, or without any but of eight characters or more under such a name: identifier.
//! 7. More than nine in ten values differ, or more than half do and they are long (over 20 characters or three
//!    words on average): text.
//! 8. Otherwise categorical.

use arrow_schema::DataType;
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::explain::{Detected, Evidence};
use super::numbers::Numbers;
use super::parse::{Number, number};
use super::values::{Value, Values, clip, has_leading_zeros};
use super::wish::{ColumnKindName, DetectSettings};
use super::{ColumnKind, Field, Odd, Rates, Reason, Schema};
use crate::error::{Error, Result};
use crate::rng::mix;
use crate::table::date::DateFormat;
use crate::table::fake::{Fill, Provider, recognise};
use crate::table::identifier::{Shape, is_date_name, is_key_name, is_time_name};
use crate::table::{Numeral, Offsets, Table};

/// Whole numbers with more distinct values than this are quantities.
const MOST_CODES: usize = 20;
/// Rows that each code must have on average.
const ROWS_PER_CODE: usize = 5;
/// Fewer rows than this prove no key by themselves.
const KEY_ROWS: usize = 10;
/// Names of persons are worth a warning if there are so many.
const MANY_LEVELS: usize = 20;
/// Letters without a digit are words if there are fewer.
const WORD: usize = 8;
/// Whole numbers from here on are not exact in a double.
const EXACT: u128 = 1 << 53;

impl Schema {
    /// What the columns of `table` are, by the rules of [`detect`](self), unless `settings` say otherwise.
    ///
    /// # Errors
    /// When an override names a column that is not there, or its values contradict it.
    pub fn detect(table: &Table, settings: &DetectSettings) -> Result<Schema> {
        Detected::of(table, settings).map(|detected| detected.schema)
    }
}

impl Detected {
    /// As [`Schema::detect`], with the cells that decided.
    ///
    /// # Errors
    /// As [`Schema::detect`].
    pub fn of(table: &Table, settings: &DetectSettings) -> Result<Detected> {
        // The name of a column of the source that holds others stands for all of them.
        let parts = |name: &String| table.nest.as_ref().and_then(|n| n.columns_of(name));
        let mut skipped: FxHashSet<&str> = FxHashSet::default();
        for (name, wish) in &settings.overrides {
            match (table.names.contains(name), wish.kind, parts(name)) {
                (false, ColumnKindName::Skip, Some(parts)) => skipped.extend(parts),
                (false, ..) => return Err(Error::no_column(name, &table.names)),
                (true, ColumnKindName::Skip, _) => {
                    skipped.insert(name);
                }
                (true, ..) => {}
            }
        }
        let wanted: Vec<usize> =
            (0..table.names.len()).filter(|&j| !skipped.contains(table.names[j].as_str())).collect();
        let field = |&j: &usize| {
            let text = table.text(j)?;
            let column = Values::of(&table.names[j], &text, table.first_row);
            let missing = if column.present() == 0 { 0 } else { column.missing };
            let mut evidence = Evidence { missing, ..Evidence::default() };
            let arrow = table.arrow[j].clone();
            let wish = settings.overrides.get(&table.names[j]);
            let Judged { kind, reason, numeral } = match wish {
                Some(wish) => column.obey(wish)?,
                None => column.judge(arrow.as_deref(), &mut evidence),
            };
            let texts = || column.texts();
            if matches!(kind, ColumnKind::Categorical { numeric: false }) && column.distinct.len() >= MANY_LEVELS {
                evidence.personal = recognise(&table.names[j], texts()).filter(|p| p.is_personal());
            }
            let (offsets, fill, rates) = match &kind {
                ColumnKind::Datetime { format } => (column.offsets(&DateFormat::new(format)), None, Rates::default()),
                ColumnKind::Text => {
                    let found = Fill::of(&table.names[j], texts(), settings.locale);
                    let asked = wish.and_then(|w| match w.kind {
                        ColumnKindName::Blank => Some(Provider::Blank),
                        _ => w.provider,
                    });
                    let provider = asked.unwrap_or(found.provider);
                    (None, Some(Fill { provider, ..found }), column.rates())
                }
                ColumnKind::Identifier { .. } => (None, None, column.rates()),
                _ => (None, None, Rates::default()),
            };
            let field = Field {
                missing: table.missing_tokens[j].clone(),
                // A type that has no room for new keys gives way to one that has.
                arrow: if evidence.narrow { Some("Int64".to_owned()) } else { arrow.clone() },
                numeral,
                offsets,
                fill,
                rates,
                ..Field::new(&table.names[j], kind, reason)
            };
            Ok((field, evidence))
        };
        let found: Vec<(Field, Evidence)> = wanted.par_iter().map(field).collect::<Result<_>>()?;
        let (fields, evidence): (Vec<Field>, _) = found.into_iter().unzip();
        let nest = table.nest.as_ref().and_then(|n| n.keep(fields.iter().map(|f| f.name.as_str())));
        Ok(Detected { schema: Schema { fields, nest, dialect: table.dialect }, evidence })
    }
}

/// What a column was taken for.
pub(super) struct Judged {
    pub(super) kind: ColumnKind,
    pub(super) reason: Reason,
    pub(super) numeral: Numeral,
}

impl Judged {
    pub(super) fn new(kind: ColumnKind, reason: Reason) -> Judged {
        Judged { kind, reason, numeral: Numeral::default() }
    }
}

impl<'a> Values<'a> {
    /// The kind of the column and the rule that decided; the cells that decided go to `evidence`.
    fn judge(&self, arrow: Option<&str>, evidence: &mut Evidence) -> Judged {
        if self.present() == 0 {
            return Judged::new(ColumnKind::AllMissing, Reason::NoValue);
        }
        if let ([only], 0) = (self.distinct.as_slice(), self.missing) {
            evidence.values = vec![clip(only.text)];
            return Judged::new(ColumnKind::Constant { value: only.text.to_owned() }, Reason::OneValue);
        }
        if arrow == Some("Boolean") || self.is_yes_or_no() {
            evidence.values = self.texts().map(clip).collect();
            return Judged::new(ColumnKind::Boolean, Reason::YesOrNo);
        }
        match self.plain_numbers() {
            Ok(numbers) => self.judge_numbers(numbers, arrow, evidence),
            Err(odd) => self.judge_text(odd, arrow, evidence),
        }
    }

    fn is_yes_or_no(&self) -> bool {
        const PAIRS: [[&str; 2]; 5] = [["false", "true"], ["no", "yes"], ["f", "t"], ["n", "y"], ["off", "on"]];
        let mut words: Vec<String> = self.texts().take(3).map(str::to_lowercase).collect();
        words.sort();
        PAIRS.iter().any(|pair| words == *pair)
    }

    fn judge_numbers(&self, numbers: Numbers, arrow: Option<&str>, evidence: &mut Evidence) -> Judged {
        evidence.infinite = numbers.infinite;
        evidence.ambiguous = numbers.ambiguous;
        evidence.words = numbers.words;
        let infinite = numbers.infinite > 0;
        if numbers.numeral.is_plain()
            && numbers.whole
            && let Some(format) = self.digits_of_time()
        {
            return Judged::new(ColumnKind::Datetime { format }, Reason::CalendarDays);
        }
        if let Some(found) = self.integer_key(&numbers, arrow, evidence) {
            return found;
        }
        let (distinct, rows) = (numbers.distinct, self.present() - numbers.infinite);
        let of = |kind, reason| Judged { kind, reason, numeral: numbers.numeral.clone() };
        if let Some(wide) = &numbers.numeral.wide
            && wide.high.abs_diff(wide.low) > EXACT
            && 2 * distinct <= rows
        {
            // Their digits would not all come back, and as texts they do.
            let reason = Reason::Texts { distinct, rows, odd: Some(Odd::TooLong) };
            self.show(self.distinct.first(), evidence);
            return Judged::new(ColumnKind::Categorical { numeric: false }, reason);
        }
        if !numbers.whole {
            let decimals = numbers.decimals.clamp(u8::from(numbers.numeral.significant.is_none()), 15);
            return of(ColumnKind::Decimal { decimals }, Reason::Decimals { infinite });
        }
        let few = distinct <= MOST_CODES && rows >= ROWS_PER_CODE * distinct;
        if few && numbers.words == 0 && numbers.numeral.wide.is_none() {
            return of(ColumnKind::Categorical { numeric: true }, Reason::Codes { distinct, rows, infinite });
        }
        of(ColumnKind::Integer, Reason::WholeNumbers { distinct, rows, infinite })
    }

    /// The format of digits that are all instants: days and times without a mark between, or seconds since 1970 under a telling name.
    fn digits_of_time(&self) -> Option<String> {
        let between =
            |low: i64, high: i64| self.texts().all(|t| t.parse::<i64>().is_ok_and(|x| (low..high).contains(&x)));
        if (is_date_name(self.name) || self.distinct.len() >= KEY_ROWS)
            && let Some(format) = self.date_format(true)
            && (is_date_name(self.name) || self.all_recent(&format))
        {
            return Some(format);
        }
        // From 2001 to 2100.
        let epoch = |unit: i64| is_time_name(self.name) && between(978_307_200 * unit, 4_133_980_800 * unit);
        match (epoch(1), epoch(1_000)) {
            (true, _) => Some("%s".to_owned()),
            (_, true) => Some("%Q".to_owned()),
            _ => None,
        }
    }

    fn integer_key(&self, numbers: &Numbers, arrow: Option<&str>, evidence: &mut Evidence) -> Option<Judged> {
        let unique = self.unique() && numbers.distinct == self.rows;
        let named = is_key_name(self.name);
        let nearly = named && self.nearly_unique() && self.rows >= KEY_ROWS;
        if !numbers.whole || numbers.infinite > 0 || numbers.words > 0 || !(unique || nearly) {
            return None;
        }
        let most = arrow.and_then(greatest);
        let is_plain = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        let shape = match self.texts().all(is_plain) {
            true => Shape::within(self.texts(), most, self.salt()),
            false => {
                let keys: Vec<String> = self.texts().map(|t| whole_text(t, &numbers.numeral)).collect();
                Shape::within(keys.iter().map(String::as_str), most, self.salt())
            }
        }?;
        let reason = match shape {
            Shape::Sequence { step: 1 | -1, .. } if self.rows >= KEY_ROWS && unique => Reason::UnbrokenRun,
            _ if named => Reason::NamedLikeKey,
            _ => return None,
        };
        evidence.narrow = most.is_some_and(|most| !shape.has_room(self.rows as u64, most));
        let numeral = Numeral { wide: None, ..numbers.numeral.clone() };
        Some(Judged { kind: ColumnKind::Identifier { shape }, reason, numeral })
    }

    /// `odd` is the first value that is not a number.
    fn judge_text(&self, odd: &Value<'_>, arrow: Option<&str>, evidence: &mut Evidence) -> Judged {
        if let Some(format) = self.date_format(is_date_name(self.name) || self.distinct.len() >= KEY_ROWS) {
            let ambiguous = ambiguous(&format, |other| self.all_parse(other));
            return Judged::new(ColumnKind::Datetime { format }, Reason::Dates { ambiguous });
        }
        if let Some(numbers) = self.dressed_numbers() {
            let quantity = numbers.distinct > MOST_CODES || !numbers.whole;
            if numbers.words == 0 || quantity {
                return self.judge_numbers(numbers, arrow, evidence);
            }
        }
        if let Some(found) = self.text_key() {
            return found;
        }
        let (distinct, rows) = (self.distinct.len(), self.present());
        let share = distinct as f64 / rows as f64;
        let mean = |size: fn(&str) -> usize| {
            self.distinct.iter().map(|v| size(v.text) * v.rows).sum::<usize>() as f64 / rows as f64
        };
        let long = mean(|t| t.chars().count()) > 20.0 || mean(|t| t.split_whitespace().count()) >= 3.0;
        let odd = self.nearly_numbers(odd, evidence);
        match share > 0.9 || (share > 0.5 && long) {
            true => Judged::new(ColumnKind::Text, Reason::FreeText { distinct, rows, odd }),
            false => {
                evidence.singles = self.singles();
                Judged::new(ColumnKind::Categorical { numeric: false }, Reason::Texts { distinct, rows, odd })
            }
        }
    }

    fn text_key(&self) -> Option<Judged> {
        let named = is_key_name(self.name);
        if !(self.unique() || self.nearly_unique() && self.rows >= KEY_ROWS) {
            return None;
        }
        if 2 * self.texts().filter(|t| is_prose(t)).count() > self.distinct.len() {
            return None;
        }
        // A word has no digit; what has none is a key by its name and its length alone.
        let digits = self.texts().filter(|t| t.bytes().any(|b| b.is_ascii_digit())).count();
        let mostly_digits = 10 * digits >= 9 * self.distinct.len();
        let long = self.texts().all(|t| t.len() >= WORD && !t.contains(' '));
        if !(mostly_digits && (named || self.rows >= KEY_ROWS) || named && long) {
            return None;
        }
        let shape = Shape::within(self.texts(), None, self.salt())?;
        let reason = if named { Reason::NamedLikeKey } else { Reason::OneShape };
        Some(Judged::new(ColumnKind::Identifier { shape }, reason))
    }

    /// Keeps the keys of columns of one shape apart.
    fn salt(&self) -> u64 {
        self.name.bytes().fold(0x6b65_7973, |hash, byte| mix(hash ^ u64::from(byte)))
    }

    /// Keeps `value` as that which decided.
    fn show(&self, value: Option<&Value<'_>>, evidence: &mut Evidence) {
        if let Some(value) = value {
            evidence.values = vec![clip(value.text)];
            evidence.row = value.first + 1 + self.first_row;
        }
    }

    /// Why a column that is mostly numbers is not one of numbers.
    fn nearly_numbers(&self, odd: &Value<'_>, evidence: &mut Evidence) -> Option<Odd> {
        let is_number = |v: &&Value<'_>| matches!(number(v.text), Number::Finite(_));
        let rows: usize = self.distinct.iter().filter(is_number).map(|v| v.rows).sum();
        if 10 * rows < 9 * self.present() {
            return None;
        }
        self.show(Some(odd), evidence);
        evidence.numbers = rows;
        Some(match number(odd.text) {
            Number::Finite(_) if has_leading_zeros(odd.text) => Odd::LeadingZero,
            Number::Finite(_) => Odd::TooLong,
            _ => Odd::NoNumber,
        })
    }

    /// Offsets from UTC of a column of times in this format, where it has some.
    pub(super) fn offsets(&self, format: &DateFormat) -> Option<Offsets> {
        if !format.is_zoned() {
            return None;
        }
        let parsed = self.distinct.iter().filter_map(|v| {
            let (instant, offset) = format.parse_zoned(v.text.trim())?;
            Some((instant, offset?, v.rows))
        });
        Offsets::of(parsed)
    }

    /// How often a value is missing, and how often it came before.
    pub(super) fn rates(&self) -> Rates {
        let present = self.present().max(1) as f64;
        Rates {
            missing: self.missing as f64 / self.rows.max(1) as f64,
            again: 1.0 - self.distinct.len() as f64 / present,
        }
    }
}

/// Three words or more: a sentence with a number in it is no key.
fn is_prose(text: &str) -> bool {
    let is_word =
        |w: &&str| w.chars().filter(|c| c.is_alphabetic()).count() >= 2 && !w.bytes().any(|b| b.is_ascii_digit());
    text.split_whitespace().filter(is_word).count() >= 3
}

/// The greatest whole number of an Arrow type that has one.
pub(super) fn greatest(arrow: &str) -> Option<i128> {
    Some(match arrow.parse::<DataType>().ok()? {
        DataType::Int8 => i8::MAX.into(),
        DataType::Int16 => i16::MAX.into(),
        DataType::Int32 => i32::MAX.into(),
        DataType::Int64 => i64::MAX.into(),
        DataType::UInt8 => u8::MAX.into(),
        DataType::UInt16 => u16::MAX.into(),
        DataType::UInt32 => u32::MAX.into(),
        DataType::UInt64 => u64::MAX.into(),
        DataType::Decimal32(p, 0) | DataType::Decimal64(p, 0) | DataType::Decimal128(p, 0) if p <= 38 => {
            10_i128.pow(p.into()) - 1
        }
        _ => return None,
    })
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

/// `3.0` and `+3` as `3`.
fn whole_text(text: &str, numeral: &Numeral) -> String {
    let mut plain = String::new();
    match numeral.plain(text, &mut plain) || Numeral::default().plain(text, &mut plain) {
        true => plain.split('.').next().unwrap_or_default().to_owned(),
        false => text.to_owned(),
    }
}
