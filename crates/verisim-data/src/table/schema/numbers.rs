//! Whether a column is one of numbers, and what its numbers are like.

use super::parse::{Number, number};
use super::values::{Value, Values, has_leading_zeros};
use crate::table::Numeral;
use crate::table::numeral::{Digits, Wide, detect, plain, units};

/// Most words that may stand among the numbers of a column.
const MOST_WORDS: usize = 10;
/// Rows with a number for each row with a word.
const NUMBERS_PER_WORD: usize = 9;

/// What a column of numbers amounts to.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) numeral: Numeral,
    /// The mark between digits may as well be a decimal comma.
    pub(super) ambiguous: bool,
    /// Rows with an infinity or not-a-number.
    pub(super) infinite: usize,
    /// Rows with a word.
    pub(super) words: usize,
    pub(super) whole: bool,
    /// Most digits after the point.
    pub(super) decimals: u8,
    /// Distinct finite values; `1` and `1.0` are the same.
    pub(super) distinct: usize,
}

impl<'a> Values<'a> {
    /// The column as numbers that every program reads, or the first value that is none.
    pub(super) fn plain_numbers(&self) -> Result<Numbers, &Value<'a>> {
        let mut texts: Vec<&str> = Vec::with_capacity(self.distinct.len());
        let mut finite: Vec<f64> = Vec::with_capacity(self.distinct.len());
        let mut infinite = 0;
        for value in &self.distinct {
            match number(value.text) {
                Number::Finite(x) if !has_leading_zeros(value.text) => {
                    texts.push(value.text);
                    finite.push(x);
                }
                Number::Infinite => infinite += value.rows,
                _ => return Err(value),
            }
        }
        let Some(first) = self.distinct.first() else { return Ok(Numbers::default()) };
        if finite.is_empty() {
            return Err(first);
        }
        let (numeral, digits) = plain(&texts);
        measure(&texts, &finite, digits, Numbers { numeral, infinite, ..Numbers::default() }).ok_or(first)
    }

    /// The column as numbers in a dress of their own, or with a few words among them.
    pub(super) fn dressed_numbers(&self) -> Option<Numbers> {
        let has_digit = |v: &&Value<'a>| v.text.bytes().any(|b| b.is_ascii_digit());
        let sample = self.distinct.iter().filter(has_digit).take(3);
        // Most columns of text end here.
        if sample.clone().all(|v| detect([v.text].into_iter()).is_none()) {
            return None;
        }
        let undressed = || self.split(&Numeral::default(), false).filter(|n| n.words > 0);
        let with_digits = self.distinct.iter().filter(has_digit).map(|v| v.text);
        match detect(with_digits) {
            Some(found) => self.split(&found.numeral, found.ambiguous).or_else(undressed),
            None => undressed(),
        }
    }

    /// The numbers of one form, and the others as words if they are few.
    fn split(&self, form: &Numeral, ambiguous: bool) -> Option<Numbers> {
        let mut buffer = String::new();
        let mut finite: Vec<&Value<'a>> = Vec::with_capacity(self.distinct.len());
        let mut words: Vec<&Value<'a>> = Vec::new();
        for value in &self.distinct {
            if form.plain(value.text, &mut buffer) {
                // `007` among numbers is a code.
                if has_leading_zeros(&buffer) {
                    return None;
                }
                finite.push(value);
            } else {
                words.push(value);
                if words.len() > MOST_WORDS {
                    return None;
                }
            }
        }
        let rows = |values: &[&Value<'a>]| values.iter().map(|v| v.rows).sum::<usize>();
        if rows(&words) * NUMBERS_PER_WORD > rows(&finite) {
            return None;
        }
        let numbers_only: Vec<&str> = finite.iter().map(|v| v.text).collect();
        // The form of the plain numbers alone, where words stand among them.
        let found = detect(numbers_only.iter().copied())?;
        let mut texts: Vec<String> = words.iter().map(|v| v.text.trim().to_owned()).collect();
        texts.sort();
        texts.dedup();
        let value = |t: &&str| found.numeral.plain(t, &mut buffer).then(|| buffer.parse().ok()).flatten();
        let parsed: Vec<f64> = numbers_only.iter().map(value).collect::<Option<_>>()?;
        if parsed.iter().any(|x| !x.is_finite()) {
            return None;
        }
        let numeral = Numeral { words: texts, ..found.numeral };
        let numbers = Numbers { numeral, ambiguous, words: rows(&words), ..Numbers::default() };
        measure(&numbers_only, &parsed, found.digits, numbers)
    }
}

/// What the numbers are like; `None` when they have more digits than 128 bits hold.
fn measure(texts: &[&str], finite: &[f64], digits: Digits, mut numbers: Numbers) -> Option<Numbers> {
    let mut bits: Vec<u64> = finite.iter().map(|x| (x + 0.0).to_bits()).collect();
    bits.sort_unstable();
    bits.dedup();
    numbers.distinct = bits.len();
    numbers.whole = !digits.exponent && finite.iter().all(|x| x.fract() == 0.0);
    numbers.decimals = digits.decimals.min(15) as u8;
    if let Some(fixed) = numbers.numeral.fixed {
        numbers.decimals = if numbers.whole { 0 } else { fixed.min(15) };
    }
    if digits.long && !digits.exponent {
        let decimals = u8::try_from(numbers.numeral.fixed.map_or(digits.decimals, usize::from)).ok()?;
        numbers.distinct = widen(texts, &mut numbers.numeral, decimals)?;
    }
    Some(numbers)
}

/// Counts numbers in their last digit; how many there are.
fn widen(texts: &[&str], numeral: &mut Numeral, decimals: u8) -> Option<usize> {
    let mut plain = String::new();
    let mut all: Vec<i128> = Vec::with_capacity(texts.len());
    for text in texts {
        if !numeral.plain(text, &mut plain) {
            return None;
        }
        all.push(units(&plain, decimals)?);
    }
    all.sort_unstable();
    all.dedup();
    numeral.wide = Some(Wide { decimals, low: *all.first()?, high: *all.last()? });
    numeral.significant = None;
    Some(all.len())
}
