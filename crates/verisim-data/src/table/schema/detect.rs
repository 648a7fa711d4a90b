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

use rayon::prelude::*;

use super::explain::{Detected, Evidence};
use super::parse::{Number, number};
use super::values::{Value, Values, clip, decimals, has_leading_zeros, is_quantity};
use super::wish::{ColumnKindName, DetectSettings};
use super::{ColumnKind, Field, Odd, Reason, Schema};
use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::identifier::{Shape, is_date_name, is_key_name};

/// Whole numbers with more distinct values than this are quantities.
const MOST_CODES: usize = 20;
/// Rows that each code must have on average.
const ROWS_PER_CODE: usize = 5;
/// Fewer rows than this prove no key by themselves.
const KEY_ROWS: usize = 10;

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
        if let Some(unknown) = settings.overrides.keys().find(|k| !table.names.contains(k)) {
            return Err(Error::no_column(unknown, &table.names));
        }
        let wanted: Vec<usize> = (0..table.names.len())
            .filter(|&j| settings.overrides.get(&table.names[j]).is_none_or(|o| o.kind != ColumnKindName::Skip))
            .collect();
        let field = |&j: &usize| {
            let text = table.text(j)?;
            let column = Values::of(&table.names[j], &text, table.first_row);
            let missing = if column.present() == 0 { 0 } else { column.missing };
            let mut evidence = Evidence { missing, ..Evidence::default() };
            let (kind, reason) = match settings.overrides.get(&table.names[j]) {
                Some(wish) => (column.obey(wish)?, Reason::Configured),
                None => column.judge(table.arrow[j].as_deref(), &mut evidence),
            };
            let field = Field {
                name: table.names[j].clone(),
                kind,
                reason,
                missing: table.missing_tokens[j].clone(),
                arrow: table.arrow[j].clone(),
            };
            Ok((field, evidence))
        };
        let found: Vec<(Field, Evidence)> = wanted.par_iter().map(field).collect::<Result<_>>()?;
        let (fields, evidence): (Vec<Field>, _) = found.into_iter().unzip();
        let nest = table.nest.as_ref().and_then(|n| n.keep(fields.iter().map(|f| f.name.as_str())));
        Ok(Detected { schema: Schema { fields, nest }, evidence })
    }
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
    /// The kind of the column and the rule that decided; the cells that decided go to `evidence`.
    fn judge(&self, arrow: Option<&str>, evidence: &mut Evidence) -> (ColumnKind, Reason) {
        if self.present() == 0 {
            return (ColumnKind::AllMissing, Reason::NoValue);
        }
        if let ([only], 0) = (self.distinct.as_slice(), self.missing) {
            evidence.values = vec![clip(only.text)];
            return (ColumnKind::Constant { value: only.text.to_owned() }, Reason::OneValue);
        }
        if arrow == Some("Boolean") || self.is_yes_or_no() {
            evidence.values = self.texts().map(clip).collect();
            return (ColumnKind::Boolean, Reason::YesOrNo);
        }
        match self.numbers() {
            Ok(numbers) => {
                evidence.infinite = numbers.infinite;
                self.judge_numbers(&numbers)
            }
            Err(odd) => self.judge_text(odd, evidence),
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

    fn judge_numbers(&self, numbers: &Numbers) -> (ColumnKind, Reason) {
        if is_date_name(self.name)
            && let Some(format) = self.date_format(true)
        {
            return (ColumnKind::Datetime { format }, Reason::CalendarDays);
        }
        let infinite = numbers.infinite > 0;
        if !numbers.whole {
            return (ColumnKind::Decimal { decimals: numbers.decimals.clamp(1, 15) }, Reason::Decimals { infinite });
        }
        if let Some(found) = self.integer_key(numbers) {
            return found;
        }
        let (distinct, rows) = (numbers.distinct, self.present() - numbers.infinite);
        if distinct <= MOST_CODES && rows >= ROWS_PER_CODE * distinct {
            return (ColumnKind::Categorical { numeric: true }, Reason::Codes { distinct, rows, infinite });
        }
        (ColumnKind::Integer, Reason::WholeNumbers { distinct, rows, infinite })
    }

    fn integer_key(&self, numbers: &Numbers) -> Option<(ColumnKind, Reason)> {
        if numbers.distinct < self.rows || numbers.infinite > 0 {
            return None;
        }
        let keys: Vec<String> = self.texts().map(whole_text).collect();
        let shape = Shape::of(keys.iter().map(String::as_str))?;
        let reason = match shape {
            Shape::Sequence { step: 1 | -1, .. } if self.rows >= KEY_ROWS => Reason::UnbrokenRun,
            _ if is_key_name(self.name) => Reason::NamedLikeKey,
            _ => return None,
        };
        Some((ColumnKind::Identifier { shape }, reason))
    }

    /// `odd` is the first value that is not a number.
    fn judge_text(&self, odd: &Value<'_>, evidence: &mut Evidence) -> (ColumnKind, Reason) {
        if let Some(format) = self.date_format(false) {
            let ambiguous = ambiguous(&format, |other| self.all_parse(other));
            return (ColumnKind::Datetime { format }, Reason::Dates { ambiguous });
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
            true => (ColumnKind::Text, Reason::FreeText { distinct, rows, odd }),
            false => (ColumnKind::Categorical { numeric: false }, Reason::Texts { distinct, rows, odd }),
        }
    }

    fn text_key(&self) -> Option<(ColumnKind, Reason)> {
        if !self.unique() {
            return None;
        }
        let has_digits = self.texts().all(|t| t.bytes().any(|b| b.is_ascii_digit()));
        let named = is_key_name(self.name);
        if !(named || has_digits && self.rows >= KEY_ROWS) {
            return None;
        }
        let shape = Shape::of(self.texts())?;
        let reason = if named { Reason::NamedLikeKey } else { Reason::OneShape };
        Some((ColumnKind::Identifier { shape }, reason))
    }

    /// Why a column that is mostly numbers is not one of numbers.
    fn nearly_numbers(&self, odd: &Value<'_>, evidence: &mut Evidence) -> Option<Odd> {
        let is_number = |v: &&Value<'_>| matches!(number(v.text), Number::Finite(_));
        let rows: usize = self.distinct.iter().filter(is_number).map(|v| v.rows).sum();
        if 10 * rows < 9 * self.present() {
            return None;
        }
        evidence.values = vec![clip(odd.text)];
        evidence.row = odd.first + 1 + self.first_row;
        evidence.numbers = rows;
        Some(match number(odd.text) {
            Number::Finite(_) if has_leading_zeros(odd.text) => Odd::LeadingZero,
            Number::Finite(_) => Odd::TooLong,
            _ => Odd::NoNumber,
        })
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

/// `3.0` and `+3` as `3`.
fn whole_text(text: &str) -> String {
    match number(text) {
        Number::Finite(x) => format!("{x:.0}"),
        _ => text.to_owned(),
    }
}
