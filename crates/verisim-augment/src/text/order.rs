//! Words and sentences left out, said twice, and in another order.

use verisim_data::rng::{Stream, below, permutation};

use super::act::{Act, Cursor, Moves, Piece};
use super::pick::{Change, Edits, View, shared};
use super::spaces::gap;
use super::words::{Word, sentences};
use crate::range::Range;

shared! {
    /// Words left out, each with the space beside it. One at least stays.
    WordDrop,
    /// Of words of so many letters, those that are left out.
    share [0.1, 0.3], least 1, most 10;
    /// The fewest letters of a word that may be left out.
    letters: usize = 1, in 0 to 1000;
}

impl Change for WordDrop {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.pick().check()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let all = view.words();
        let free = |i: &usize| all[*i].free && all[*i].letters as usize >= self.letters;
        let wanted: Vec<usize> = (0..all.len()).filter(free).collect();
        let mut chosen = self.pick().some(rng, &wanted);
        if chosen.len() == all.len() {
            chosen.pop();
        }
        let mut edits = Edits::new(view);
        for i in chosen {
            let word = all[i];
            let ahead = all.get(i + 1).and_then(|next| gap(view.text, word.end, next.start));
            let behind = i.checked_sub(1).and_then(|j| gap(view.text, all[j].end, word.start));
            // The space goes by itself: it may be in no span, or in another one.
            if let (None, Some((start, end))) = (ahead, behind) {
                edits.replace(start, end, "");
            }
            edits.replace(word.start, word.end, "");
            if let Some((start, end)) = ahead {
                edits.replace(start, end, "");
            }
        }
        edits.act()
    }
}

shared! {
    /// Words said twice.
    WordRepeat,
    /// Of words of so many letters, those that are.
    share [0.1, 0.3], least 1, most 10;
    /// The fewest letters of a word that may be.
    letters: usize = 1, in 0 to 1000;
}

impl Change for WordRepeat {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.pick().check()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let mut words = view.words();
        words.retain(|w| w.free && w.letters as usize >= self.letters);
        let mut edits = Edits::new(view);
        for word in self.pick().some(rng, &words) {
            let says = word.of(view.text);
            // Scripts without space between words get none.
            let space = if next_to_space(view.text, &word) { " " } else { "" };
            edits.replace(word.start, word.end, &format!("{says}{space}{says}"));
        }
        edits.act()
    }
}

/// Whether no letter stands right beside the word.
fn next_to_space(text: &str, word: &Word) -> bool {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !letter(text[word.end..].chars().next()) && !letter(text[..word.start].chars().next_back())
}

shared! {
    /// Words that change places with one that follows, in the same clause: nothing but space is between them. The words of a labelled span
    /// move together, as one. What stays as it is stays where it is.
    WordSwap,
    /// Of words that can, those that do, in pairs.
    share [0.1, 0.3], least 1, most 10;
    /// How many words further at most; each distance is as likely.
    distance: usize = 1, in 1 to 100;
}

impl Change for WordSwap {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.pick().check()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let units = units(view, view.words().iter().map(|w| (w.start, w.end)));
        // How many units further each can go: through units that may move, with space alone between.
        let mut reach = vec![0usize; units.len()];
        for i in (0..units.len().saturating_sub(1)).rev() {
            let (this, next) = (&units[i], &units[i + 1]);
            if this.free && next.free && gap(view.text, this.end, next.start).is_some() {
                reach[i] = reach[i + 1] + 1;
            }
        }
        let wanted: Vec<usize> = (0..units.len()).filter(|i| reach[*i] > 0).collect();
        // Each exchange moves two.
        let n = self.pick().count(rng, wanted.len()).div_ceil(2);
        let order = permutation(rng, wanted.len());
        let mut goes: Vec<usize> = (0..units.len()).collect();
        let mut swaps = 0;
        for i in order.into_iter().filter_map(|o| wanted.get(o).copied()) {
            if swaps == n {
                break;
            }
            let other = i + 1 + below(rng, reach[i].min(self.distance) as u64) as usize;
            if goes[i] == i && goes[other] == other {
                goes.swap(i, other);
                swaps += 1;
            }
        }
        let moved: Vec<usize> = (0..units.len()).filter(|i| goes[*i] != *i).collect();
        let pieces: Vec<(usize, usize)> = moved.iter().map(|i| (units[*i].start, units[*i].end)).collect();
        let order = moved.iter().filter_map(|i| moved.binary_search(&goes[*i]).ok()).collect();
        moves(view, &pieces, order)
    }
}

/// A part of a passage that moves as one, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Unit {
    start: usize,
    end: usize,
    /// Whether nothing in it must stay.
    free: bool,
}

/// `parts` with the labelled spans and what must stay, those that overlap made one: no span is cut.
fn units(view: &View, parts: impl Iterator<Item = (usize, usize)>) -> Vec<Unit> {
    let labels = view.labels.iter().map(|l| (l.0, l.1));
    let mut all: Vec<Unit> = parts.chain(labels).map(|(start, end)| Unit { start, end, free: true }).collect();
    let ordered = view.labels.is_empty() && view.held.is_empty();
    all.extend(view.held.iter().map(|h| Unit { start: h.start, end: h.end, free: false }));
    if !ordered {
        all.sort_unstable();
        all.dedup_by(|next, last| {
            let one = next.start < last.end;
            if one {
                last.end = last.end.max(next.end);
                last.free &= next.free;
            }
            one
        });
    }
    all
}

/// Pieces in another order. Pieces are in bytes.
fn moves(view: &View, pieces: &[(usize, usize)], order: Vec<usize>) -> Act {
    if order.iter().enumerate().all(|(i, o)| i == *o) {
        return Act::Nothing;
    }
    let mut cursor = Cursor::new(view.text);
    let piece =
        |&(start, end): &(usize, usize)| Piece { at: cursor.characters(start), text: view.text[start..end].to_owned() };
    Act::Moves(Moves { pieces: pieces.iter().map(piece).collect(), order })
}

crate::settings::settings! {
    /// Sentences in another order. What is between them, ends of lines too, stays. Sentences that a labelled span reaches over stay together.
    SentenceShuffle {
        /// Of the sentences, those that may come to another place.
        share: Range = 1.0.into(), in 0 to 1;
    }
}

impl Change for SentenceShuffle {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let all: Vec<(usize, usize)> =
            units(view, sentences(view.text).into_iter()).iter().map(|u| (u.start, u.end)).collect();
        let pick = super::pick::Pick { share: &self.share, least: 0, most: usize::MAX };
        let pieces = pick.some(rng, &all);
        let order = permutation(rng, pieces.len());
        moves(view, &pieces, order)
    }
}

shared! {
    /// Sentences left out. One with a part that was asked to stay stays, and so does one at least.
    SentenceDrop,
    /// Of the sentences, those that are left out.
    share [0.1, 0.3], least 0, most 10;
}

impl Change for SentenceDrop {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.pick().check()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let all = units(view, sentences(view.text).into_iter());
        let firm = |&i: &usize| {
            let Unit { start, end, .. } = all[i];
            let first = view.held.partition_point(|h| h.end <= start);
            !view.held[first..].iter().take_while(|h| h.start < end).any(|h| h.firm)
        };
        let wanted: Vec<usize> = (0..all.len()).filter(firm).collect();
        let mut chosen = self.pick().some(rng, &wanted);
        if chosen.len() == all.len() {
            chosen.pop();
        }
        let pieces: Vec<(usize, usize)> = chosen.iter().map(|i| with_space(view.text, &all, *i)).collect();
        dropped(view, &pieces)
    }
}

/// A sentence with the space after it, but for ends of lines; of the last one on a line, with that before it.
fn with_space(text: &str, all: &[Unit], i: usize) -> (usize, usize) {
    let Unit { start, end, .. } = all[i];
    let next = all.get(i + 1).map_or(text.len(), |s| s.start);
    let on = text[end..next].bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
    if on > 0 && end + on == next && next < text.len() {
        return (start, next);
    }
    let before = i.checked_sub(1).map_or(0, |j| all[j].end);
    let back = text[before..start].bytes().rev().take_while(|b| matches!(b, b' ' | b'\t')).count();
    // Not the space that the sentence before has taken: that one is left to it.
    if i > 0 { (start - back, end) } else { (start, end) }
}

/// The passage without these parts, which may hold numbers and the like: they go with what they are in.
fn dropped(view: &View, pieces: &[(usize, usize)]) -> Act {
    let mut cursor = Cursor::new(view.text);
    let mut edits = Vec::with_capacity(pieces.len());
    let mut done = 0;
    for &(start, end) in pieces {
        let start = start.max(done);
        if start < end {
            let removed = view.text[start..end].to_owned();
            edits.push(super::act::Edit { at: cursor.characters(start), removed, inserted: String::new() });
            done = end;
        }
    }
    if edits.is_empty() { Act::Nothing } else { Act::Edits(edits) }
}
