//! Texts that fit a regular expression.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::cell::Cell;

/// Repetitions without an end are made at most so often, and texts so long.
const MOST: usize = 4096;

#[derive(Clone, Copy)]
enum Way<'a> {
    Shortest,
    /// Up to so many letters, as far as the first repetitions go.
    Longest(usize),
    Random(&'a std::cell::RefCell<Cell>),
}

/// The shortest text of a pattern, one of at most `longest` letters that repeats what can be repeated, and a few at random. They fit
/// where the pattern has no anchor inside it nor a boundary of words; whoever asks tries them.
pub fn texts(pattern: &str, longest: Option<usize>, seed: u64) -> Vec<String> {
    let Ok(hir) = regex_syntax::parse(pattern) else { return Vec::new() };
    let random = std::cell::RefCell::new(Cell::from_state(seed));
    let ways =
        [Way::Shortest, Way::Longest(longest.unwrap_or(64).min(MOST)), Way::Random(&random), Way::Random(&random)];
    let mut all: Vec<String> = Vec::new();
    for way in ways {
        let mut out = String::new();
        write(&hir, way, &mut out);
        if !all.contains(&out) {
            all.push(out);
        }
    }
    all
}

fn least(hir: &Hir) -> usize {
    hir.properties().minimum_len().unwrap_or(0)
}

fn write(hir: &Hir, way: Way<'_>, out: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => out.extend(letter(class, way)),
        HirKind::Capture(capture) => write(&capture.sub, way, out),
        HirKind::Concat(parts) => {
            for (i, part) in parts.iter().enumerate() {
                // What follows needs its room.
                let rest: usize = parts[i + 1..].iter().map(least).sum();
                let way = match way {
                    Way::Longest(most) => Way::Longest(most.saturating_sub(rest)),
                    other => other,
                };
                write(part, way, out);
            }
        }
        HirKind::Alternation(parts) => {
            let part = match way {
                Way::Shortest => parts.iter().min_by_key(|p| least(p)),
                Way::Longest(_) => parts.iter().max_by_key(|p| p.properties().maximum_len().unwrap_or(usize::MAX)),
                Way::Random(random) => parts.get(random.borrow_mut().below(parts.len() as u64) as usize),
            };
            if let Some(part) = part {
                write(part, way, out);
            }
        }
        HirKind::Repetition(repetition) => {
            let least = repetition.min as usize;
            let most = repetition.max.map_or(usize::MAX, |m| m as usize);
            let times = match way {
                Way::Shortest => least,
                Way::Longest(_) => most,
                Way::Random(random) => {
                    least + random.borrow_mut().below((most.min(least + 8) - least) as u64 + 1) as usize
                }
            };
            let mut made = 0;
            while made < times.min(least.max(MOST)) && out.len() < 4 * MOST {
                let before = out.len();
                let mut one = String::new();
                write(&repetition.sub, way, &mut one);
                if let Way::Longest(limit) = way
                    && made >= least
                    && out.chars().count() + one.chars().count() > limit
                {
                    break;
                }
                out.push_str(&one);
                made += 1;
                if out.len() == before {
                    break;
                }
            }
        }
    }
}

fn letter(class: &Class, way: Way<'_>) -> Option<char> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|r| (u32::from(r.start()), u32::from(r.end()))).collect(),
        Class::Bytes(class) => class.ranges().iter().map(|r| (u32::from(r.start()), u32::from(r.end()))).collect(),
    };
    // Plain letters where there are some: the odd ones come by name.
    let plain: Vec<(u32, u32)> =
        ranges.iter().map(|&(a, b)| (a.max(0x21), b.min(0x7e))).filter(|(a, b)| a <= b).collect();
    let ranges = if plain.is_empty() { ranges } else { plain };
    let (first, last) = (ranges.first()?, ranges.last()?);
    let code = match way {
        Way::Shortest => first.0,
        Way::Longest(_) => last.1,
        Way::Random(random) => {
            let total: u64 = ranges.iter().map(|(a, b)| u64::from(b - a) + 1).sum();
            let mut at = random.borrow_mut().below(total);
            ranges
                .iter()
                .find_map(|&(a, b)| {
                    let size = u64::from(b - a) + 1;
                    let found = (at < size).then(|| a + at as u32);
                    at = at.saturating_sub(size);
                    found
                })
                .unwrap_or(first.0)
        }
    };
    char::from_u32(code).or(char::from_u32(first.0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_their_pattern() {
        for pattern in [
            "^[A-Z]{2}[0-9]{3,6}$",
            "^(a|bcd)+x?$",
            r"^\d{4}-\d{2}$",
            r"^\p{Greek}+$",
            "^$",
            "^[^a]*$",
            "a.c",
            r"^\w+@\w+$",
        ] {
            let regex = regex::Regex::new(pattern).unwrap();
            let all = texts(pattern, Some(20), 1);
            assert!(!all.is_empty());
            for text in all {
                assert!(regex.is_match(&text), "{pattern}: {text:?}");
                assert!(text.chars().count() <= 20, "{pattern}: {text:?}");
            }
        }
        assert_eq!(texts("^[A-Z]{2}[0-9]{3,6}$", None, 1)[..2], ["AA000", "ZZ999999"]);
        assert!(texts("^(a{60000}){60000}$", None, 1).len() <= 4);
    }
}
