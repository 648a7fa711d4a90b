//! Recognising the shape of a column of keys.

use super::check::Check;
use super::part::Part;
use super::space::Spare;
use super::{Lengths, Shape};

/// Fewer keys than this prove no check digit.
const CHECKED: usize = 10;
/// With so many keys a place that holds digits alone does so by design.
const PROVEN: usize = 50;
/// Most lengths that keys of one alphabet may have.
const MOST_LENGTHS: usize = 12;

impl Shape {
    /// The shape that all of `keys` share, in the order of the rows; `None` when they share none. New keys of that shape are none
    /// of these.
    pub fn of<'a>(keys: impl Iterator<Item = &'a str> + Clone) -> Option<Shape> {
        Shape::within(keys, None, 0)
    }

    /// As [`Shape::of`], numbers no greater than `most`; `salt` keeps columns of one shape apart.
    pub(crate) fn within<'a>(
        keys: impl Iterator<Item = &'a str> + Clone,
        most: Option<i128>,
        salt: u64,
    ) -> Option<Shape> {
        let shape = uuids(keys.clone())
            .or_else(|| checked(keys.clone()))
            .or_else(|| numbered(keys.clone()))
            .or_else(|| pattern(keys.clone()))
            .or_else(|| lengths(keys.clone()))?;
        let shape = match shape {
            Shape::Number { prefix, low, high, width, spare } => {
                Shape::Number { prefix, low, high: most.map_or(high, |m| high.min(m)), width, spare }
            }
            other => other,
        };
        Some(shape.sparing(keys, salt))
    }

    /// Whether so many new keys and ten times as many are numbers no greater than `most`.
    pub(crate) fn has_room(&self, rows: u64, most: i128) -> bool {
        let wanted = 10 * u128::from(rows);
        match self {
            Shape::Sequence { start, step, .. } => {
                i128::from(*start).saturating_add(i128::from(*step).saturating_mul(wanted as i128)) <= most
            }
            Shape::Number { high, spare, .. } => {
                let free = spare.as_ref().map_or(0, Spare::len);
                free >= wanted || most.saturating_sub(*high) >= wanted as i128
            }
            _ => true,
        }
    }

    /// The shape, none of whose new keys is one of `real`.
    fn sparing<'a>(self, real: impl Iterator<Item = &'a str> + Clone, salt: u64) -> Shape {
        let stretches = |shape: &Shape| {
            let size = shape.size();
            let numbers = real.clone().filter_map(|key| shape.place(key));
            Some(Spare::between(numbers, size, salt))
        };
        match self {
            Shape::Sequence { prefix, start, step, width } => {
                let count = real.count() as i64;
                Shape::Sequence { prefix, start: start.saturating_add(step.saturating_mul(count)), step, width }
            }
            Shape::Lengths { lengths } => {
                let spare = |l: Lengths| Lengths { shape: Box::new(l.shape.sparing(real.clone(), salt)), ..l };
                Shape::Lengths { lengths: lengths.into_iter().map(spare).collect() }
            }
            mut shape => {
                let found = stretches(&shape);
                if let Shape::Number { spare, .. } | Shape::Uuid { spare, .. } | Shape::Pattern { spare, .. } =
                    &mut shape
                {
                    *spare = found;
                }
                shape
            }
        }
    }
}

fn uuids<'a>(mut keys: impl Iterator<Item = &'a str>) -> Option<Shape> {
    let mut upper = false;
    let mut versions: Option<(u8, bool)> = None;
    let is_uuid = |key: &str| {
        upper |= key.bytes().any(|b| b.is_ascii_uppercase());
        let fits = key.len() == 36
            && key.bytes().enumerate().all(|(i, b)| match i {
                8 | 13 | 18 | 23 => b == b'-',
                _ => b.is_ascii_hexdigit(),
            });
        if fits {
            let version = (key.as_bytes()[14] as char).to_digit(16).unwrap_or(4) as u8;
            versions = Some(versions.map_or((version, true), |(v, same)| (v, same && v == version)));
        }
        fits
    };
    keys.all(is_uuid).then_some(())?;
    let version = versions.filter(|v| v.1 && (1..=8).contains(&v.0)).map_or(4, |v| v.0);
    Some(Shape::Uuid { upper, version, spare: None })
}

/// Keys that all keep the rule of a check digit.
fn checked<'a>(keys: impl Iterator<Item = &'a str> + Clone) -> Option<Shape> {
    let check = Check::all().into_iter().find(|c| keys.clone().all(|k| c.is_kept(k)))?;
    if keys.clone().take(CHECKED).count() < CHECKED {
        return None;
    }
    let places = check.places(keys.clone().next()?.as_bytes())?;
    let Shape::Pattern { mut parts, .. } = pattern(keys.clone())? else { return None };
    // The body alone makes keys different, so it may not be a run of numbers that ends in the check digit by chance.
    parts.get_mut(places)?.fill(Part::Literal('0'));
    Some(Shape::Pattern { parts, check: Some(check), spare: None })
}

/// A common prefix that ends in no digit, then a number that is either padded to one width or not at all.
fn numbered<'a>(mut keys: impl Iterator<Item = &'a str> + Clone) -> Option<Shape> {
    let first = keys.clone().next()?;
    let prefix = first.trim_end_matches(|c: char| c.is_ascii_digit());
    let prefix = match prefix.strip_suffix('-') {
        // `-12` is a negative number, `A-12` a prefix and a number.
        Some("") => "",
        _ => prefix,
    };
    let digits = |key: &'a str| key.strip_prefix(prefix).filter(|d| is_whole(d, prefix.is_empty()));
    let width = digits(first)?.len();
    let same_width = keys.clone().all(|k| digits(k).is_some_and(|d| d.len() == width));
    let mut padded = false;
    let mut numbers: Vec<i128> = Vec::new();
    for key in keys.by_ref() {
        let digits = digits(key)?;
        padded |= digits.len() > 1 && digits.trim_start_matches('-').starts_with('0');
        // Numbers of 64 bits are read in half the time.
        numbers.push(digits.parse::<i64>().map(i128::from).or_else(|_| digits.parse()).ok()?);
    }
    if padded && !same_width {
        return None;
    }
    let width = if padded { width as u8 } else { 0 };
    let (low, high) = (*numbers.iter().min()?, *numbers.iter().max()?);
    let prefix = prefix.to_owned();
    let step = numbers.get(1).map_or(1, |second| second - numbers[0]);
    let even = step != 0 && numbers.windows(2).all(|w| w[1] - w[0] == step);
    let run = high - low + 1 == numbers.len() as i128;
    let start = if even { numbers[0] } else { low };
    if let (true, Ok(start), Ok(step)) = (even || run, i64::try_from(start), i64::try_from(if even { step } else { 1 }))
    {
        return Some(Shape::Sequence { prefix, start, step, width });
    }
    // Keys padded to one width, or all of one length, may be any number of that length.
    let power = |digits: u32| 10_i128.pow(digits);
    let (low, high) = match (padded, same_width, digits_of(high)) {
        (true, _, _) => (0, power(width.into()) - 1),
        (false, true, digits) if low > 0 => (power(digits - 1), power(digits) - 1),
        _ => (low, high),
    };
    Some(Shape::Number { prefix, low, high, width, spare: None })
}

fn digits_of(number: i128) -> u32 {
    number.checked_ilog10().map_or(1, |d| d + 1)
}

fn is_whole(text: &str, signed: bool) -> bool {
    let digits = if signed { text.strip_prefix('-').unwrap_or(text) } else { text };
    !digits.is_empty() && digits.len() <= 36 && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Which bytes were seen, among those of ASCII.
type Seen = [bool; 128];

/// One class of characters for each place, when all keys are equally long ASCII.
fn pattern<'a>(keys: impl Iterator<Item = &'a str>) -> Option<Shape> {
    let mut keys = keys.peekable();
    let first: &str = keys.peek()?;
    let width = first.len();
    if first.is_empty() || width > 128 {
        return None;
    }
    let mut seen: Vec<Seen> = vec![[false; 128]; width];
    let mut count = 0;
    for key in keys {
        if key.len() != width || !key.is_ascii() {
            return None;
        }
        for (place, byte) in seen.iter_mut().zip(key.bytes()) {
            place[usize::from(byte)] = true;
        }
        count += 1;
    }
    let only = |place: &Seen| {
        let mut bytes = (0_u8..128).filter(|b| place[usize::from(*b)]);
        bytes.next().filter(|_| bytes.next().is_none())
    };
    let mut parts: Vec<Part> = Vec::with_capacity(width);
    while parts.len() < width {
        let from = parts.len();
        if let Some(byte) = only(&seen[from]) {
            parts.push(Part::Literal(byte.into()));
            continue;
        }
        let end = seen[from..].iter().position(|p| only(p).is_some_and(|b| !b.is_ascii_alphanumeric()));
        let stretch = &seen[from..end.map_or(width, |e| from + e)];
        parts.extend(classes(stretch, count >= PROVEN)?);
    }
    let free = parts.iter().any(|p| !matches!(p, Part::Literal(_)));
    // A number does not begin with a zero if none ever does.
    if parts.iter().all(|p| *p == Part::Digit) && !seen[0][usize::from(b'0')] {
        parts[0] = Part::NonZero;
    }
    free.then_some(Shape::Pattern { parts, check: None, spare: None })
}

/// The classes of neighbouring places between two marks: each its own where all are plain or the keys are many, else one alphabet.
fn classes(stretch: &[Seen], proven: bool) -> Option<Vec<Part>> {
    let own: Vec<Option<Part>> = stretch.iter().map(Part::plain).collect();
    if own.iter().all(Option::is_some) {
        return own.into_iter().collect();
    }
    let mut pool = [false; 128];
    for place in stretch {
        pool.iter_mut().zip(place).for_each(|(all, here)| *all |= here);
    }
    let shared = Part::alphabet_of(&pool)?;
    let keep = |own: Option<Part>| own.filter(|_| proven).unwrap_or(shared);
    Some(own.into_iter().map(keep).collect())
}

/// Keys of one alphabet and a few lengths, with what all begin and end with.
fn lengths<'a>(keys: impl Iterator<Item = &'a str> + Clone) -> Option<Shape> {
    let first = keys.clone().next()?;
    if !keys.clone().all(|k| k.is_ascii() && k.len() <= 128) {
        return None;
    }
    let shared =
        |f: fn(&[u8], &[u8]) -> usize| keys.clone().map(|k| f(k.as_bytes(), first.as_bytes())).min().unwrap_or(0);
    let prefix = shared(|a, b| a.iter().zip(b).take_while(|(x, y)| x == y).count());
    let suffix = shared(|a, b| a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count());
    // What they begin with ends at a mark: letters that all share may be chance.
    let mark = |b: &u8| !b.is_ascii_alphanumeric();
    let prefix = first.as_bytes()[..prefix].iter().rposition(mark).map_or(0, |at| at + 1);
    let shortest = keys.clone().map(str::len).min()?;
    let suffix = first.as_bytes()[first.len() - suffix..].iter().position(mark).map_or(0, |at| suffix - at);
    let suffix = suffix.min(shortest.saturating_sub(prefix + 1));
    let mut pool = [false; 128];
    let mut counts: std::collections::BTreeMap<usize, u64> = std::collections::BTreeMap::new();
    for key in keys.clone() {
        let middle = key.as_bytes().get(prefix..key.len() - suffix).filter(|m| !m.is_empty())?;
        middle.iter().for_each(|b| pool[usize::from(*b)] = true);
        *counts.entry(key.len()).or_default() += 1;
    }
    let shared = Part::alphabet_of(&pool)?;
    if counts.len() > MOST_LENGTHS {
        return None;
    }
    let literal = |bytes: &[u8]| bytes.iter().map(|&b| Part::Literal(b.into())).collect::<Vec<Part>>();
    let (head, tail) = (literal(&first.as_bytes()[..prefix]), literal(&first.as_bytes()[first.len() - suffix..]));
    let of = |(&len, &count): (&usize, &u64)| {
        let middle = vec![shared; len - prefix - suffix];
        let parts = [head.clone(), middle, tail.clone()].concat();
        Lengths { count, shape: Box::new(Shape::Pattern { parts, check: None, spare: None }) }
    };
    Some(Shape::Lengths { lengths: counts.iter().map(of).collect() })
}
