//! Whether a column is one of numbers, and what its numbers are like.

use super::parse::{Number, number};
use super::values::{Value, Values, has_leading_zeros};
use crate::table::Numeral;
use crate::table::numeral::{Wide, detect, units};

/// Most words that may stand among the numbers of a column.
const MOST_WORDS: usize = 10;
/// Rows with a number for each row with a word.
const NUMBERS_PER_WORD: usize = 9;
/// Whole numbers from here on are not exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Digits that a double always holds.
const DIGITS: usize = 17;

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
        let mut finite: Vec<&Value<'a>> = Vec::with_capacity(self.distinct.len());
        let mut infinite = 0;
        for value in &self.distinct {
            match number(value.text) {
                Number::Finite(_) if !has_leading_zeros(value.text) => finite.push(value),
                Number::Infinite => infinite += value.rows,
                _ => return Err(value),
            }
        }
        let Some(first) = self.distinct.first() else { return Ok(Numbers::default()) };
        if finite.is_empty() {
            return Err(first);
        }
        // What Rust reads and no form describes, such as `5.`, is written plainly.
        let found = detect(finite.iter().map(|v| v.text)).filter(|f| f.numeral.group.is_none());
        let numeral = found.map(|f| f.numeral).unwrap_or_default();
        measure(&finite, Numbers { numeral, infinite, ..Numbers::default() }).ok_or(first)
    }

    /// The column as numbers in a dress of their own, or with a few words among them.
    pub(super) fn dressed_numbers(&self) -> Option<Numbers> {
        let has_digit = |v: &&Value<'a>| v.text.bytes().any(|b| b.is_ascii_digit());
        let sample = self.distinct.iter().filter(has_digit).take(3);
        // Most columns of text end here.
        if sample.clone().all(|v| detect([v.text].into_iter()).is_none()) {
            return None;
        }
        let plain = || self.split(&Numeral::default(), false).filter(|n| n.words > 0);
        let with_digits = self.distinct.iter().filter(has_digit).map(|v| v.text);
        match detect(with_digits) {
            Some(found) => self.split(&found.numeral, found.ambiguous).or_else(plain),
            None => plain(),
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
        // The form of the plain numbers alone, where words stand among them.
        let numeral = match form.is_plain() && !words.is_empty() {
            true => detect(finite.iter().map(|v| v.text))?.numeral,
            false => form.clone(),
        };
        let mut texts: Vec<String> = words.iter().map(|v| v.text.trim().to_owned()).collect();
        texts.sort();
        texts.dedup();
        let numeral = Numeral { words: texts, ..numeral };
        measure(&finite, Numbers { numeral, ambiguous, words: rows(&words), ..Numbers::default() })
    }
}

/// What the numbers are like; `None` when they have more digits than 128 bits hold.
fn measure(finite: &[&Value<'_>], mut numbers: Numbers) -> Option<Numbers> {
    let mut plain = String::new();
    let mut bits: Vec<u64> = Vec::with_capacity(finite.len());
    let (mut whole, mut most_decimals, mut wide, mut exponent) = (true, 0_usize, false, false);
    for value in finite {
        if !numbers.numeral.plain(value.text, &mut plain) {
            plain.clear();
            plain.push_str(value.text);
        }
        let x: f64 = plain.parse().ok().filter(|x: &f64| x.is_finite())?;
        whole &= x.fract() == 0.0;
        bits.push((x + 0.0).to_bits());
        if plain.contains(['e', 'E']) {
            exponent = true;
            continue;
        }
        let (before, after) =
            plain.trim_start_matches(['-', '+']).split_once('.').unwrap_or((plain.trim_start_matches(['-', '+']), ""));
        most_decimals = most_decimals.max(after.trim_end_matches('0').len());
        let counting = if before == "0" { 0 } else { before.len() };
        wide |= counting > 0 && (counting + after.len() > DIGITS || x.abs() >= EXACT);
    }
    bits.sort_unstable();
    bits.dedup();
    numbers.distinct = bits.len();
    numbers.whole = whole && !exponent;
    numbers.decimals = most_decimals.min(15) as u8;
    if let Some(fixed) = numbers.numeral.fixed {
        numbers.decimals = if numbers.whole { 0 } else { fixed.min(15) };
    }
    if wide && !exponent {
        let decimals = u8::try_from(numbers.numeral.fixed.map_or(most_decimals, usize::from)).ok()?;
        numbers.distinct = widen(finite, &mut numbers.numeral, decimals)?;
    }
    Some(numbers)
}

/// Counts numbers in their last digit; how many there are.
fn widen(finite: &[&Value<'_>], numeral: &mut Numeral, decimals: u8) -> Option<usize> {
    let mut plain = String::new();
    let mut all: Vec<i128> = Vec::with_capacity(finite.len());
    for value in finite {
        if !numeral.plain(value.text, &mut plain) {
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
