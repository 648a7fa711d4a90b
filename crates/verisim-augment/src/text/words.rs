//! Where words and sentences are.

use unicode_segmentation::UnicodeSegmentation;

use super::keep::Held;

/// A word of a passage, in bytes.
///
/// In plain letters a word is a run of letters, digits and underscores, with apostrophes between them: `it's`. Elsewhere it is one of
/// Unicode's (UAX #29), so that each ideograph is a word, and so is each run of Arabic or Greek letters with their marks. What is longer
/// than 1024 bytes is data of some kind, and stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub start: usize,
    pub end: usize,
    /// How many letters are in it.
    pub letters: u32,
    /// Whether nothing of it must stay.
    pub free: bool,
}

impl Word {
    pub(super) fn of(self, text: &str) -> &str {
        &text[self.start..self.end]
    }
}

/// All words of `text`, in order. `held` is in order.
pub(super) fn words(text: &str, held: &[Held]) -> Vec<Word> {
    let bytes = text.as_bytes();
    let mut found = Found { words: Vec::with_capacity(text.len() / 6), held, next: 0 };
    let mut at = 0;
    while at < bytes.len() {
        if !in_word(bytes[at]) {
            at += 1;
            continue;
        }
        let from = at;
        let (mut plain, mut others) = (true, 0);
        while at < bytes.len() && (in_word(bytes[at]) || joins(bytes, at)) {
            plain &= bytes[at] < 128;
            others += u32::from(!bytes[at].is_ascii_alphabetic());
            at += 1;
        }
        if plain {
            found.push(from, at, (at - from) as u32 - others);
            continue;
        }
        for (i, part) in text[from..at].split_word_bound_indices() {
            if part.chars().any(char::is_alphanumeric) {
                let letters = part.chars().filter(|c| c.is_alphabetic()).count();
                found.push(from + i, from + i + part.len(), letters as u32);
            }
        }
    }
    found.words
}

fn in_word(byte: u8) -> bool {
    byte >= 128 || byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether an apostrophe at `at` is within a word.
fn joins(bytes: &[u8], at: usize) -> bool {
    bytes[at] == b'\'' && bytes.get(at + 1).is_some_and(|b| in_word(*b))
}

/// The longest word, in bytes.
const LONGEST: usize = 1024;

struct Found<'a> {
    words: Vec<Word>,
    held: &'a [Held],
    next: usize,
}

impl Found<'_> {
    fn push(&mut self, start: usize, end: usize, letters: u32) {
        while self.held.get(self.next).is_some_and(|h| h.end <= start) {
            self.next += 1;
        }
        let word = end - start <= LONGEST;
        let free = word && self.held.get(self.next).is_none_or(|h| h.start >= end);
        self.words.push(Word { start, end, letters, free });
    }
}

/// Words with a point that ends no sentence.
const ABBREVIATIONS: [&str; 32] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc", "e.g", "i.e", "cf", "al", "fig", "no", "vol", "pp",
    "gen", "col", "lt", "sgt", "rev", "hon", "inc", "ltd", "co", "corp", "approx", "dept", "jan", "feb",
];

/// The sentences of `text` without the space around them, in bytes and in order.
///
/// A sentence ends at marks that end one (`.`, `!`, `?`, their kin in other scripts) with the quotes and brackets after them, where space
/// follows or where the script has none; and at an empty line or any other line's end. A point after an initial or a known
/// abbreviation ends none.
pub(super) fn sentences(text: &str) -> Vec<(usize, usize)> {
    let mut all = Vec::new();
    let mut start = None;
    let mut last = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let end = at + c.len_utf8();
        if c == '\n' || c == '\r' {
            if let Some(from) = start.take() {
                all.push((from, last));
            }
            continue;
        }
        if c.is_whitespace() {
            continue;
        }
        let from = *start.get_or_insert(at);
        last = end;
        let wide = matches!(c, '。' | '！' | '？');
        if !wide && !matches!(c, '.' | '!' | '?' | '…' | '؟' | '۔' | '।') {
            continue;
        }
        // Further marks, quotes and brackets belong to it.
        while let Some((i, next)) = chars.next_if(|(_, n)| closes(*n)) {
            last = i + next.len_utf8();
        }
        let open = chars.peek().is_some_and(|(_, n)| !n.is_whitespace());
        if (open && !wide) || (c == '.' && last == end && shortened(&text[from..at])) {
            continue;
        }
        all.push((from, last));
        start = None;
    }
    if let Some(from) = start {
        all.push((from, last));
    }
    all
}

fn closes(c: char) -> bool {
    matches!(
        c,
        '.' | '!'
            | '?'
            | '…'
            | '。'
            | '！'
            | '？'
            | '"'
            | '\''
            | ')'
            | ']'
            | '}'
            | '”'
            | '’'
            | '»'
            | '」'
            | '』'
            | '）'
    )
}

/// Whether what stands before a point is an initial or an abbreviation.
fn shortened(before: &str) -> bool {
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or(before);
    let mut chars = word.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => c.is_uppercase(),
        _ => word.len() <= 8 && ABBREVIATIONS.contains(&word.to_ascii_lowercase().as_str()),
    }
}

/// Where the characters that a person sees begin, and the end of the last: one more than there are.
pub(super) fn seen(text: &str) -> Vec<usize> {
    if text.is_ascii() && !text.contains('\r') {
        return (0..=text.len()).collect();
    }
    text.grapheme_indices(true).map(|(i, _)| i).chain([text.len()]).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        words(text, &[]).iter().map(|w| w.of(text)).collect()
    }

    fn cut(text: &str) -> Vec<&str> {
        sentences(text).iter().map(|(a, b)| &text[*a..*b]).collect()
    }

    #[test]
    fn words_are_found_in_any_script() {
        assert_eq!(split("It's 'fine', snake_case 42!"), ["It's", "fine", "snake_case", "42"]);
        assert_eq!(split("naïve—l’été, Ωmega"), ["naïve", "l’été", "Ωmega"]);
        assert_eq!(split("e\u{301}te\u{301} x"), ["e\u{301}te\u{301}", "x"]);
        assert_eq!(split("我喜欢"), ["我", "喜", "欢"]);
        assert_eq!(split("مرحبا بالعالم"), ["مرحبا", "بالعالم"]);
        assert_eq!(split("👨‍👩‍👧 \u{a0} ..."), [""; 0]);
        assert_eq!(split(""), [""; 0]);
    }

    #[test]
    fn letters_are_counted_without_digits() {
        let counted: Vec<u32> = words("abc1 été 漢 12", &[]).iter().map(|w| w.letters).collect();
        assert_eq!(counted, [3, 3, 1, 0]);
    }

    #[test]
    fn words_that_touch_what_is_held_are_not_free() {
        let held = [Held { start: 2, end: 5, firm: false }];
        let free: Vec<bool> = words("ab cd efg", &held).iter().map(|w| w.free).collect();
        assert_eq!(free, [true, false, true]);
    }

    #[test]
    fn sentences_end_where_they_do() {
        assert_eq!(cut("One. Two! “Three?” Four"), ["One.", "Two!", "“Three?”", "Four"]);
        assert_eq!(
            cut("Dr. A. Smith paid 3.5 (approx. half). Yes."),
            ["Dr. A. Smith paid 3.5 (approx. half).", "Yes."]
        );
        assert_eq!(cut("你好。再见！"), ["你好。", "再见！"]);
        assert_eq!(cut("A line\r\nAnother... and on.  \n\n"), ["A line", "Another...", "and on."]);
        assert_eq!(cut("  \n "), [""; 0]);
    }

    #[test]
    fn what_a_person_sees_is_one() {
        assert_eq!(seen("ab"), [0, 1, 2]);
        assert_eq!(seen("e\u{301}👨‍👩‍👧"), [0, 3, 21]);
    }
}
