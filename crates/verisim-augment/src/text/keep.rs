//! What must stay as it is.

use std::borrow::Cow;

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What no step for text changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// Regular expressions (syntax of the crate `regex`). What they match is never changed, moved by itself or dropped.
    pub patterns: Vec<Pattern>,
    /// What happens to the text of labelled spans.
    pub spans: Spans,
    /// Whether whatever has a digit in it stays: `1984`, `3.5`, `B2B`, `12:30`.
    pub numbers: bool,
    /// Whether URLs, e-mail addresses, handles such as `@name` and names with points such as `example.com` stay.
    pub addresses: bool,
    /// Whether placeholders and tags stay: `{name}`, `${x}`, `<tag a="b">`, `%s`, `%(count)d`.
    pub placeholders: bool,
}

impl Default for Keep {
    fn default() -> Keep {
        Keep { patterns: vec![], spans: Spans::Change, numbers: true, addresses: true, placeholders: true }
    }
}

/// What happens to the text of labelled spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spans {
    /// It stays as it is.
    Keep,
    /// It changes as any other, and the span goes with it.
    Change,
}

/// A regular expression, compiled where it is read.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// The expression that `text` says; what is wrong with it is said for people.
    pub fn new(text: &str) -> Result<Pattern, String> {
        match Regex::new(text) {
            Ok(regex) => Ok(Pattern(regex)),
            Err(e) => Err(format!("`{text}` is no regular expression: {e}")),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pattern, D::Error> {
        Pattern::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Pattern {
    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "regex" })
    }
}

/// A part of the text that stays, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Held {
    pub start: usize,
    pub end: usize,
    /// Whether the sentence that it is in stays too: it was asked for, not only found.
    pub firm: bool,
}

impl Keep {
    /// What stays of `text`, in order and apart from each other. `labels` are where the spans are, in bytes.
    pub(super) fn held(&self, text: &str, labels: impl Iterator<Item = (usize, usize)>) -> Vec<Held> {
        let mut held = Vec::new();
        if self.numbers || self.addresses || self.placeholders {
            Scan { keep: self, text, bytes: text.as_bytes(), held: &mut held }.run();
        }
        let usual = held.len();
        for Pattern(regex) in &self.patterns {
            let found = regex.find_iter(text).filter(|m| !m.is_empty());
            held.extend(found.map(|m| Held { start: m.start(), end: m.end(), firm: true }));
        }
        if self.spans == Spans::Keep {
            held.extend(labels.map(|(start, end)| Held { start, end, firm: true }));
        }
        if held.len() > usual { merged(held) } else { held }
    }
}

/// In order, those that overlap made one.
pub(super) fn merged(mut held: Vec<Held>) -> Vec<Held> {
    held.sort_unstable();
    held.dedup_by(|next, last| {
        let one = next.start < last.end;
        if one {
            last.end = last.end.max(next.end);
            last.firm |= next.firm;
        }
        one
    });
    held
}

/// Bytes that something which stays may be found at.
const SIGNS: [bool; 256] = {
    let mut signs = [false; 256];
    let mut i = 0;
    while i < 256 {
        signs[i] = matches!(i as u8, b'0'..=b'9' | b'@' | b':' | b'.' | b'<' | b'{' | b'%');
        i += 1;
    }
    signs
};

/// The furthest that the end of a placeholder or a tag is looked for, in bytes.
const REACH: usize = 256;

struct Scan<'a> {
    keep: &'a Keep,
    text: &'a str,
    bytes: &'a [u8],
    held: &'a mut Vec<Held>,
}

impl Scan<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while let Some(i) = self.bytes[at..].iter().position(|b| SIGNS[*b as usize]) {
            at += i;
            let found = match self.bytes[at] {
                b'0'..=b'9' if self.keep.numbers => Some(self.number(at)),
                b'<' | b'{' | b'%' if self.keep.placeholders => self.placeholder(at),
                b'@' | b':' | b'.' if self.keep.addresses => self.address(at),
                _ => None,
            };
            match found {
                Some((start, end)) => {
                    self.push(start, end);
                    at = end;
                }
                None => at += 1,
            }
        }
    }

    fn push(&mut self, start: usize, end: usize) {
        match self.held.last_mut() {
            Some(last) if last.end >= start => last.end = last.end.max(end),
            _ => self.held.push(Held { start, end, firm: false }),
        }
    }

    fn back(&self, at: usize, of: impl Fn(u8) -> bool) -> usize {
        let floor = self.held.last().map_or(0, |h| h.end.min(at));
        at - self.bytes[floor..at].iter().rev().take_while(|b| of(**b)).count()
    }

    fn on(&self, at: usize, of: impl Fn(u8) -> bool) -> usize {
        at + self.bytes[at..].iter().take_while(|b| of(**b)).count()
    }

    /// Without marks at its end that belong to the sentence.
    fn trimmed(&self, start: usize, end: usize) -> usize {
        let tail = self.bytes[start..end].iter().rev();
        end - tail
            .take_while(|b| matches!(b, b'.' | b',' | b':' | b';' | b'!' | b'?' | b')' | b'\'' | b'-' | b'/'))
            .count()
    }

    fn number(&self, at: usize) -> (usize, usize) {
        let within = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b',' | b':' | b'/' | b'-' | b'_');
        // What leads in: letters right before, and a sign or a currency.
        let start =
            self.back(at, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.' | b'$' | b'#' | b'_'));
        let end = self.trimmed(at + 1, self.on(at, within));
        let end = if self.bytes.get(end) == Some(&b'%') { end + 1 } else { end };
        // A mark that combines with the last digit, as of a keycap, is part of it.
        (start, self.whole(end))
    }

    /// Past marks that combine with what ends at `end`.
    fn whole(&self, end: usize) -> usize {
        let marks =
            self.text[end..].chars().take_while(|c| matches!(c, '\u{300}'..='\u{36f}' | '\u{fe0f}' | '\u{20e3}'));
        end + marks.map(char::len_utf8).sum::<usize>()
    }

    fn placeholder(&self, at: usize) -> Option<(usize, usize)> {
        let (first, next) = (self.bytes[at], *self.bytes.get(at + 1)?);
        let reach = |mark: u8, from: usize| {
            let rest = &self.bytes[from..self.bytes.len().min(from + REACH)];
            let end = rest.iter().position(|b| *b == mark || *b == b'\n')?;
            (rest[end] == mark).then_some(from + end + 1)
        };
        match first {
            b'<' if next.is_ascii_alphabetic() || matches!(next, b'/' | b'!') => Some((at, reach(b'>', at + 1)?)),
            b'{' => {
                let end = reach(b'}', at + 1)?;
                Some((self.back(at, |b| matches!(b, b'$' | b'{')), self.on(end, |b| b == b'}')))
            }
            b'%' if next == b'(' => {
                let end = reach(b')', at + 1)?;
                Some((at, self.on(end, |b| b.is_ascii_alphabetic()).min(end + 1)))
            }
            b'%' if matches!(next, b's' | b'd' | b'i' | b'f') => {
                let alone = self.bytes.get(at + 2).is_none_or(|b| !b.is_ascii_alphanumeric());
                alone.then_some((at, at + 2))
            }
            _ => None,
        }
    }

    fn address(&self, at: usize) -> Option<(usize, usize)> {
        let next = *self.bytes.get(at + 1)?;
        let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
        let visible = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'`' | b'{' | b'}');
        let (start, end) = match self.bytes[at] {
            b'@' if next.is_ascii_alphanumeric() => (self.back(at, name), self.on(at + 1, name)),
            b':' if self.bytes[at..].starts_with(b"://") => {
                (self.back(at, |b| name(b) && b != b'_'), self.on(at, visible))
            }
            b'.' if next.is_ascii_alphabetic() => {
                let start = self.back(at, name);
                if start == at {
                    return None;
                }
                // A path or a question may follow a name; a name before an @ goes on to it.
                (start, self.on(at, |b| visible(b) && !matches!(b, b',' | b';' | b'(' | b')')))
            }
            _ => return None,
        };
        Some((start, self.trimmed(at + 1, end)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn held<'a>(keep: &Keep, text: &'a str) -> Vec<&'a str> {
        keep.held(text, [].into_iter()).iter().map(|h| &text[h.start..h.end]).collect()
    }

    #[test]
    fn numbers_addresses_and_placeholders_are_found() {
        let all = |text| held(&Keep::default(), text);
        assert_eq!(
            all("In 1984, at 12:30, 3.5% of B2B (-7) paid $5,000."),
            ["1984", "12:30", "3.5%", "B2B", "-7", "$5,000"]
        );
        assert_eq!(
            all("See https://a.org/b?c=d#e, (www.x.com/y) or mail jo.do+x@ex-am.org; @jane!"),
            ["https://a.org/b?c=d#e", "www.x.com/y", "jo.do+x@ex-am.org", "@jane"]
        );
        assert_eq!(
            all("Hi {name}, {{ a.b }} <a href=\"x\">you</a> ${x} %s %(n)d 5 < 6 {open"),
            ["{name}", "{{ a.b }}", "<a href=\"x\">", "</a>", "${x}", "%s", "%(n)d", "5", "6"]
        );
        assert_eq!(all("Nothing here. Or: a, b... end"), [""; 0]);
        assert_eq!(all("1\u{fe0f}\u{20e3}我3天"), ["1\u{fe0f}\u{20e3}", "3"]);
    }

    #[test]
    fn what_is_not_asked_for_is_not_held() {
        let none = Keep { numbers: false, addresses: false, placeholders: false, ..Keep::default() };
        assert_eq!(held(&none, "1984 a@b.c {x}"), [""; 0]);
        let named = Keep { patterns: vec![Pattern::new("[A-Z]{2,}").unwrap(), Pattern::new("A|x*").unwrap()], ..none };
        assert_eq!(held(&named, "NASA is A"), ["NASA", "A"]);
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        assert!(Pattern::new("(").unwrap_err().contains("`(` is no regular expression"));
    }
}
