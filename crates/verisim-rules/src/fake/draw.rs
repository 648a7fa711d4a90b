//! Small draws and small writing, without allocation.

use crate::cell::Cell;

/// Writes `number` with at least `width` digits.
pub(super) fn digits(out: &mut String, mut number: u64, width: usize) {
    let mut buffer = [b'0'; 20];
    let mut at = buffer.len();
    while number > 0 || buffer.len() - at < width.clamp(1, 20) {
        at -= 1;
        buffer[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    buffer[at..].iter().for_each(|&b| out.push(char::from(b)));
}

/// The number that digits alone write.
pub(super) fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Writes `n` random digits.
pub(super) fn random_digits(out: &mut String, cell: &mut Cell, n: usize) {
    for _ in 0..n {
        out.push(char::from(b'0' + cell.below(10) as u8));
    }
}

/// A place in a list of `n` whose first are the most common: the density at a share `x` of the list falls as `x^(-1/3)`. So of
/// 100 names the first ten have 22 % of all draws, the last ten 7 %.
pub(super) fn ranked(cell: &mut Cell, n: usize) -> usize {
    let u = cell.uniform();
    // u^1.5 without `powf`.
    ((u * u.sqrt() * n as f64) as usize).min(n.saturating_sub(1))
}

/// An entry, the first the most common.
pub(super) fn common<'a, T>(cell: &mut Cell, list: &'a [T]) -> Option<&'a T> {
    list.get(ranked(cell, list.len()))
}

/// An entry, all equally likely.
pub(super) fn even<'a, T>(cell: &mut Cell, list: &'a [T]) -> Option<&'a T> {
    list.get(cell.below(list.len() as u64) as usize)
}

/// A place in a list with these weights.
pub(super) fn weighted(cell: &mut Cell, weights: impl Iterator<Item = f64> + Clone) -> usize {
    let total: f64 = weights.clone().sum();
    let mut left = cell.uniform() * total;
    let mut last = 0;
    for (i, w) in weights.enumerate() {
        last = i;
        left -= w;
        if left < 0.0 {
            break;
        }
    }
    last
}

/// Letters without their marks, in lower case, as people write them in addresses of mail. Spaces, dots and apostrophes are left out.
/// German writes `ü` as `ue`.
pub(super) fn ascii(text: &str, german: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let c = match c {
            'İ' | 'I' => 'i',
            c => c.to_lowercase().next().unwrap_or(c),
        };
        match c {
            'a'..='z' | '0'..='9' | '-' => out.push(c),
            'ä' if german => out.push_str("ae"),
            'ö' if german => out.push_str("oe"),
            'ü' if german => out.push_str("ue"),
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' => out.push('a'),
            'ç' | 'ć' | 'č' => out.push('c'),
            'ď' => out.push('d'),
            'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' => out.push('e'),
            'ğ' => out.push('g'),
            'ì' | 'í' | 'î' | 'ï' | 'ı' => out.push('i'),
            'ł' => out.push('l'),
            'ñ' | 'ń' | 'ň' => out.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => out.push('o'),
            'ř' => out.push('r'),
            'ś' | 'ş' | 'š' => out.push('s'),
            'ť' => out.push('t'),
            'ù' | 'ú' | 'û' | 'ü' | 'ů' => out.push('u'),
            'ý' | 'ÿ' => out.push('y'),
            'ź' | 'ż' | 'ž' => out.push('z'),
            _ => (),
        }
    }
    out
}

/// Days since 1970-01-01 of a date of the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms").
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
pub(super) fn date(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_off() {
        assert_eq!(ascii("Müller-Weiß", true), "mueller-weiss");
        assert_eq!(ascii("Şükrü Işık", false), "sukruisik");
        assert_eq!(ascii("İbrahim", false), "ibrahim");
        assert_eq!(ascii("Łukasz Żółć", false), "lukaszzolc");
        assert_eq!(ascii("D'Angelo", false), "dangelo");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for n in (-60_000..60_000).step_by(7) {
            let (y, m, d) = date(n);
            assert_eq!(days(y, m, d), n);
            let jiff = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(n);
            assert_eq!((i64::from(jiff.year()), i64::from(jiff.month()), i64::from(jiff.day())), (y, m, d));
        }
    }

    #[test]
    fn numbers_are_written() {
        let write = |n, width| {
            let mut out = String::new();
            digits(&mut out, n, width);
            out
        };
        assert_eq!(write(0, 1), "0");
        assert_eq!(write(7, 3), "007");
        assert_eq!(write(1_234, 2), "1234");
        assert_eq!(write(u64::MAX, 1), u64::MAX.to_string());
    }
}
