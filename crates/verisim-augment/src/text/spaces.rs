//! Punctuation and the space between words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below};

use super::act::Act;
use super::pick::{Change, Edits, View, one, shared, some_kinds};
use super::words::{Word, seen};

/// What happens to marks of punctuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// One is left out.
    Drop,
    /// One stands twice.
    Double,
    /// One comes after a word: a comma mostly.
    Add,
}

shared! {
    /// Punctuation left out, doubled, or put in.
    Punctuation,
    /// Of marks, and of words where marks are put in, those that change.
    share [0.1, 0.3], least 1, most 10;
    /// What may happen; one is drawn for a passage, each as likely.
    kinds: Vec<Mark> = vec![Mark::Drop, Mark::Double, Mark::Add];
}

/// What is put in, as likely as it stands here.
const ADDED: [&str; 8] = [",", ",", ",", ",", ".", ".", ";", "!"];

/// Marks of punctuation; none of them is a mark on a letter or within a word.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '!' | '"'
            | '\''
            | '('
            | ')'
            | ','
            | '-'
            | '.'
            | ':'
            | ';'
            | '?'
            | '['
            | ']'
            | '–'
            | '—'
            | '‘'
            | '’'
            | '“'
            | '”'
            | '„'
            | '…'
            | '«'
            | '»'
            | '¡'
            | '¿'
            | '،'
            | '؛'
            | '؟'
            | '۔'
            | '।'
            | '、'
            | '。'
            | '「'
            | '」'
            | '！'
            | '（'
            | '）'
            | '，'
            | '：'
            | '；'
            | '？'
    )
}

impl Change for Punctuation {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.pick().check()?;
        some_kinds(&self.kinds)
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let Some(kind) = one(rng, &self.kinds).copied() else { return Act::Nothing };
        let words = view.words();
        let mut edits = Edits::new(view);
        if kind == Mark::Add {
            // Where space or the end follows: a mark within a run of ideographs would be no slip of a hand.
            let open = |w: &Word| view.text[w.end..].chars().next().is_none_or(char::is_whitespace);
            let places: Vec<usize> = words.iter().filter(|w| w.free && open(w)).map(|w| w.end).collect();
            for place in self.pick().some(rng, &places) {
                edits.replace(place, place, one(rng, &ADDED).copied().unwrap_or(","));
            }
            return edits.act();
        }
        for (start, end) in self.pick().some(rng, &marks(view, &words)) {
            let own = &view.text[start..end];
            edits.replace(start, end, &if kind == Mark::Drop { String::new() } else { own.repeat(2) });
        }
        edits.act()
    }
}

/// All marks between words that may change.
fn marks(view: &View, words: &[Word]) -> Vec<(usize, usize)> {
    let mut marks = Vec::new();
    let mut from = 0;
    let beyond = view.text.len();
    for (start, end) in words.iter().map(|w| (w.start, w.end)).chain([(beyond, beyond)]) {
        for (i, c) in view.text[from..start].char_indices().filter(|(_, c)| is_mark(*c)) {
            let place = (from + i, from + i + c.len_utf8());
            // One that is part of a larger sign, as in `!` with the look of an emoji, stays.
            let alone = !view.text[place.1..].starts_with(['\u{fe0f}', '\u{20e3}', '\u{200d}', '\u{301}']);
            if alone && view.may(place.0, place.1) {
                marks.push(place);
            }
        }
        from = end;
    }
    marks
}

/// What happens to the space between words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// It is left out: the words are one.
    Join,
    /// One more.
    Double,
}

shared! {
    /// Space between words left out or doubled. Ends of lines stay.
    Spacing,
    /// Of the spaces between two words that may change, those that do.
    share [0.1, 0.3], least 1, most 10;
    /// What may happen; each is as likely.
    kinds: Vec<Gap> = vec![Gap::Join, Gap::Double];
}

/// The space from the end of one word to the beginning of the next, where nothing else is between them, and no end of a line.
pub(super) fn gap(text: &str, from: usize, to: usize) -> Option<(usize, usize)> {
    let between = &text[from..to];
    let space = !between.is_empty() && between.chars().all(|c| c.is_whitespace() && !is_end(c));
    space.then_some((from, to))
}

fn is_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

impl Change for Spacing {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.pick().check()?;
        some_kinds(&self.kinds)
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let words = view.words();
        let pairs = words.iter().zip(words.iter().skip(1)).filter(|(a, b)| a.free && b.free);
        let gaps: Vec<(usize, usize)> = pairs.filter_map(|(a, b)| gap(view.text, a.end, b.start)).collect();
        let mut edits = Edits::new(view);
        for (start, end) in self.pick().some(rng, &gaps) {
            match one(rng, &self.kinds) {
                Some(Gap::Join) => edits.replace(start, end, ""),
                Some(Gap::Double) => edits.replace(start, end, &format!("{} ", &view.text[start..end])),
                None => {}
            }
        }
        edits.act()
    }
}

shared! {
    /// Words cut in two by a space.
    WordSplit,
    /// Of words of so many letters, those that are cut.
    share [0.1, 0.3], least 1, most 10;
    /// The fewest letters of a word that may be cut.
    letters: usize = 4, in 2 to 1000;
}

impl Change for WordSplit {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.pick().check()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let mut words = view.words();
        words.retain(|w| w.free && w.letters as usize >= self.letters);
        let mut edits = Edits::new(view);
        for word in self.pick().some(rng, &words) {
            let edges = seen(word.of(view.text));
            let inner = edges.get(1..edges.len() - 1).unwrap_or_default();
            if !inner.is_empty() {
                let at = word.start + inner[below(rng, inner.len() as u64) as usize];
                edits.replace(at, at, " ");
            }
        }
        edits.act()
    }
}
