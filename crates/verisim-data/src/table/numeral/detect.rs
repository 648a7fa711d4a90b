//! Finding the form of a column of numbers.
//!
//! What all values begin and end with is taken off: a currency before, a currency or a unit behind. Before a number only known
//! currencies count, since `A12` is a code. Then the first of these that fits all values decides:
//! a point and nothing between thousands; commas between thousands; a decimal comma; points between thousands and a decimal comma;
//! blanks, apostrophes or underscores between thousands, with either mark. `1,234` alone fits the second and the third: it is
//! taken for a thousand, and said so. A number of four digits or more that is not grouped among others that are fits none.

use super::{CURRENCIES, Exponent, Negative, Numeral};

/// The form of a column, and what its numbers are like.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) numeral: Numeral,
    /// The mark could as well be a decimal comma.
    pub(crate) ambiguous: bool,
    pub(crate) digits: Digits,
}

/// Decimal comma or not, and what stands between thousands.
type Marks = (bool, Option<char>);

/// The marks that are tried, in this order.
const MARKS: [Marks; 15] = [
    (false, None),
    (false, Some(',')),
    (true, None),
    (true, Some('.')),
    (false, Some(' ')),
    (true, Some(' ')),
    (false, Some('\u{a0}')),
    (true, Some('\u{a0}')),
    (false, Some('\u{202f}')),
    (true, Some('\u{202f}')),
    (false, Some('\'')),
    (true, Some('\'')),
    (false, Some('’')),
    (true, Some('’')),
    (false, Some('_')),
];

/// One value apart from its dress.
struct Parts<'a> {
    before: &'a str,
    body: &'a str,
    after: &'a str,
    negative: Option<Negative>,
    plus: bool,
}

/// The form that all `texts` share, if they are numbers. Texts without a digit make it none.
pub(crate) fn detect<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Option<Found> {
    let first = parts(texts.clone().next()?)?;
    if !(is_currency(first.before) && is_unit(first.after)) {
        return None;
    }
    let mut numeral = Numeral { before: first.before.to_owned(), after: first.after.to_owned(), ..Numeral::default() };
    let mut bodies: Vec<&str> = Vec::new();
    let (mut above, mut plus) = (0, 0);
    for text in texts {
        let p = parts(text)?;
        if p.before != first.before || p.after != first.after {
            return None;
        }
        match p.negative {
            Some(negative) => numeral.negative = negative,
            None => above += 1,
        }
        plus += usize::from(p.plus);
        bodies.push(p.body);
    }
    numeral.plus = plus > 0 && plus == above;
    let fits = |&(comma, group): &Marks| {
        let form = Numeral { comma, group, ..Numeral::default() };
        let mut out = String::new();
        bodies.iter().all(|b| {
            out.clear();
            form.digits(b, &mut out) && (group.is_none() || is_grouped(b, comma, group))
        })
    };
    let mut fitting = MARKS.iter().filter(|m| fits(m));
    let &(comma, group) = fitting.next()?;
    // Three digits after every mark, and no zero alone before it.
    let ambiguous =
        group == Some(',') && fitting.next() == Some(&(true, None)) && !bodies.iter().any(|b| b.starts_with("0,"));
    if group == Some(',') && bodies.iter().any(|b| b.starts_with("0,")) {
        (numeral.comma, numeral.group) = (true, None);
    } else {
        (numeral.comma, numeral.group) = (comma, group);
    }
    let digits = numeral.digits_of(bodies.iter().copied());
    Some(Found { numeral, ambiguous, digits })
}

/// The form of one number that someone wrote as an example, such as `1.234,56 €` or `(1,000.00)`.
pub(crate) fn example(text: &str) -> Option<Numeral> {
    let p = parts(text)?;
    let last = p.body.rfind(|c: char| !c.is_ascii_digit());
    let mark = last.and_then(|at| p.body[at..].chars().next());
    let digits_after = last.map_or(0, |at| p.body[at..].chars().count() - 1);
    let marks = |decimal_comma: bool| {
        MARKS.iter().copied().find(|&(comma, group)| {
            let form = Numeral { comma, group, ..Numeral::default() };
            (comma || !decimal_comma) && form.digits(p.body, &mut String::new())
        })
    };
    // A lone comma before other than three digits can only be a decimal comma.
    let (comma, group) = match mark {
        Some(',') if digits_after != 3 => marks(true)?,
        _ => marks(false)?,
    };
    let mut numeral = Numeral {
        comma,
        group,
        before: p.before.to_owned(),
        after: p.after.to_owned(),
        negative: p.negative.unwrap_or_default(),
        plus: p.plus,
        ..Numeral::default()
    };
    numeral.digits_of(std::iter::once(p.body));
    Some(numeral)
}

/// A text taken apart; `None` where it has no digit.
fn parts(text: &str) -> Option<Parts<'_>> {
    let mut text = text.trim();
    let mut negative = None;
    if let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        (text, negative) = (inner, Some(Negative::Brackets));
    }
    let is_digit = |c: char| c.is_ascii_digit();
    let (start, end) = (text.find(is_digit)?, text.rfind(is_digit)? + 1);
    let (mut before, mut after) = (&text[..start], &text[end..]);
    let mut from = start;
    // `.5` has its point before the first digit.
    if let Some(shorter) = before.strip_suffix(['.', ',']).filter(|b| !b.ends_with(char::is_alphabetic)) {
        (before, from) = (shorter, start - 1);
    }
    let mut to = end;
    // `5.` ends in its point.
    if let Some(longer) = after.strip_prefix('.') {
        (after, to) = (longer, end + 1);
    }
    let mut plus = false;
    let mut sign = |text: &mut &str, place: Negative, first: bool| {
        let stripped = if first { text.strip_prefix('-') } else { text.strip_suffix('-') };
        let added = if first { text.strip_prefix('+') } else { text.strip_suffix('+') };
        if let (Some(rest), None) = (stripped, negative) {
            (*text, negative) = (rest, Some(place));
        } else if let (Some(rest), false) = (added, plus) {
            (*text, plus) = (rest, true);
        }
    };
    sign(&mut before, Negative::First, true);
    sign(&mut before, Negative::Inside, false);
    if let (Some(rest), None) = (after.strip_prefix('-'), negative) {
        (after, negative) = (rest, Some(Negative::Last));
    }
    Some(Parts { before, body: &text[from..to], after, negative, plus })
}

/// Nothing, or a currency with or without blanks.
fn is_currency(before: &str) -> bool {
    let name = before.trim();
    name.is_empty() && before.is_empty() || CURRENCIES.contains(&name)
}

/// Nothing, or a short unit or currency with or without a blank.
fn is_unit(after: &str) -> bool {
    let name = after.trim();
    let letter = |c: char| c.is_alphabetic() || "%‰°$€£¥₹₽₩₺/²³µ·".contains(c) || c == '.';
    after.chars().count() <= 12 && name.chars().all(letter) && (after.is_empty() || !name.is_empty())
}

/// Whether four digits or more before the mark are grouped.
fn is_grouped(body: &str, comma: bool, group: Option<char>) -> bool {
    let end = body.find([if comma { ',' } else { '.' }, 'e', 'E']).unwrap_or(body.len());
    let whole = &body[..end];
    whole.len() <= 3 || group.is_some_and(|g| whole.contains(g))
}

/// What the digits of a column of numbers are like, beyond how they are written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Digits {
    /// Most digits after the point, trailing zeros not counted.
    pub(crate) decimals: usize,
    /// Some have more digits than a double holds.
    pub(crate) long: bool,
    /// Some have an exponent.
    pub(crate) exponent: bool,
}

/// Digits that a double always holds.
const EXACT: usize = 17;

/// The form of numbers that every program reads, and their digits.
pub(crate) fn plain(texts: &[&str]) -> (Numeral, Digits) {
    let mut numeral = Numeral::default();
    let (mut above, mut plus) = (0, 0);
    let sign = |text: &&'_ str| -> usize {
        match text.as_bytes().first() {
            Some(b'-') => 1,
            Some(b'+') => {
                plus += 1;
                above += 1;
                1
            }
            _ => {
                above += 1;
                0
            }
        }
    };
    let starts: Vec<usize> = texts.iter().map(sign).collect();
    numeral.plus = plus > 0 && plus == above;
    let digits = numeral.digits_of(texts.iter().zip(&starts).map(|(t, &start)| &t[start..]));
    (numeral, digits)
}

impl Numeral {
    /// Learns what the digits of all numbers have in common, told from numbers without sign and dress.
    fn digits_of<'a>(&mut self, bodies: impl Iterator<Item = &'a str>) -> Digits {
        let point = if self.comma { b',' } else { b'.' };
        let mut found = Digits::default();
        let mut places: Option<(usize, usize)> = None;
        let mut mantissas: Option<(usize, usize)> = None;
        let (mut significant, mut exponents, mut count) = (0, 0, 0);
        let (mut bare, mut led) = (false, false);
        let widen = |range: &mut Option<(usize, usize)>, n: usize| {
            *range = Some(range.map_or((n, n), |(least, most)| (least.min(n), most.max(n))));
        };
        for body in bodies {
            count += 1;
            let at = body.bytes().position(|b| matches!(b, b'e' | b'E'));
            let mantissa = &body.as_bytes()[..at.unwrap_or(body.len())];
            let mark = mantissa.iter().position(|&b| b == point);
            let (whole, fraction) = mantissa.split_at(mark.unwrap_or(mantissa.len()));
            let fraction = fraction.get(1..).unwrap_or_default();
            widen(&mut places, fraction.len());
            bare |= whole.is_empty();
            led |= whole == b"0" && mark.is_some();
            let zeros = fraction.iter().rev().take_while(|&&b| b == b'0').count();
            found.decimals = found.decimals.max(fraction.len() - zeros);
            let all = counting(mantissa);
            if let Some(at) = at {
                exponents += 1;
                self.exponent = Some(exponent(&body[at..], self.exponent));
                widen(&mut mantissas, fraction.len());
            } else if all + fraction.len() > 15 {
                let before = counting(whole);
                // 2^53 is the first whole number that a double does not tell from the next.
                let far =
                    before > 16 || before == 16 && self.group.is_none() && whole >= b"9007199254740992".as_slice();
                found.long |= before > 0 && (before + fraction.len() > EXACT || far);
            }
            significant = significant.max(all);
        }
        found.exponent = exponents > 0;
        self.bare = bare && !led;
        if let (Some(exponent), Some((least, most))) = (&mut self.exponent, mantissas) {
            exponent.always = exponents == count;
            exponent.digits = (least == most && (exponents > 1 || most > 0)).then_some(most.min(17) as u8);
        }
        let (least, most) = places.unwrap_or((0, 0));
        if exponents > 0 || most > 15 {
            self.significant = Some(significant.clamp(1, 17) as u8);
        } else if least == most && most > 0 {
            self.fixed = Some(most as u8);
        }
        found
    }
}

/// Digits that count of a number without sign, dress and exponent.
fn counting(mantissa: &[u8]) -> usize {
    let digits = mantissa.iter().filter(|b| b.is_ascii_digit());
    digits.skip_while(|b| **b == b'0').count()
}

/// The style of an exponent such as `e-05`, together with what was known of it.
fn exponent(text: &str, known: Option<Exponent>) -> Exponent {
    let power = text[1..].trim_start_matches(['+', '-']);
    let known_width = known.map_or(u8::MAX, |k| k.width);
    Exponent {
        always: false,
        digits: None,
        upper: text.starts_with('E'),
        plus: text[1..].starts_with('+') || known.is_some_and(|k| k.plus),
        width: known_width.min(power.len().min(9) as u8),
    }
}
