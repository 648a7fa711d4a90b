//! What is done to a passage once chance has had its say.

use serde::{Deserialize, Serialize};

use super::keep::{Held, Keep, merged};
use super::{Passage, Span};

/// One thing to do, all of which is known. Places are in characters (Unicode code points) of the passage as it is when the act comes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Nothing: a transform that has nothing to work with.
    Nothing,
    /// Parts replaced, from left to right, none over another.
    Edits(Vec<Edit>),
    /// Parts that change places.
    Moves(Moves),
    /// The whole passage written anew, as by a paraphrase. Spans are found again by their text, or dropped.
    Whole {
        /// What it was.
        removed: String,
        /// What it is.
        inserted: String,
    },
}

/// A part replaced; an insertion where nothing is removed, a deletion where nothing is inserted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Where, in characters.
    pub at: usize,
    /// What was there.
    pub removed: String,
    /// What is there now.
    pub inserted: String,
}

/// Parts that change places. What is between them stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moves {
    /// The parts, from left to right, none over another.
    pub pieces: Vec<Piece>,
    /// Which piece comes to each place: each number below the number of pieces once.
    pub order: Vec<usize>,
}

/// A part of the passage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// Where, in characters.
    pub at: usize,
    /// What it says.
    pub text: String,
}

impl Act {
    /// Whether it can be done to any passage.
    pub fn check(&self) -> Result<(), String> {
        let Act::Moves(Moves { pieces, order }) = self else {
            return Ok(());
        };
        let mut seen = vec![false; pieces.len()];
        let fresh = |&i: &usize| seen.get_mut(i).is_some_and(|s| !std::mem::replace(s, true));
        match order.len() == pieces.len() && order.iter().all(fresh) {
            true => Ok(()),
            false => Err(format!("the order of {} pieces does not name each once", pieces.len())),
        }
    }
}

/// A passage that is worked on. Places are in bytes.
pub(super) struct Work {
    pub text: String,
    /// Where each span is, and which it is.
    pub labels: Vec<(usize, usize, usize)>,
    pub held: Vec<Held>,
    /// Spans that were dropped.
    pub lost: u64,
}

impl Work {
    /// Of a passage that was checked.
    pub(super) fn new(passage: &Passage, keep: Option<&Keep>) -> Work {
        let labels = in_bytes(&passage.text, &passage.spans);
        let held = keep.map_or_else(Vec::new, |k| k.held(&passage.text, labels.iter().map(|l| (l.0, l.1))));
        Work { text: passage.text.clone(), labels, held, lost: 0 }
    }

    /// The passage it is now; `spans` are those of the one it was.
    pub(super) fn finish(self, spans: &[Span]) -> (Passage, u64) {
        let mut places: Vec<usize> = self.labels.iter().flat_map(|l| [l.0, l.1]).collect();
        places.sort_unstable();
        let mut cursor = Cursor::new(&self.text);
        let characters: Vec<usize> = places.iter().map(|p| cursor.characters(*p)).collect();
        let place = |byte| characters[places.partition_point(|p| *p < byte)];
        let kept = self.labels.iter().filter_map(|(start, end, which)| {
            let name = spans.get(*which)?.name.clone();
            Some(Span { start: place(*start), end: place(*end), name })
        });
        (Passage { spans: kept.collect(), text: self.text }, self.lost)
    }

    pub(super) fn run(&mut self, act: &Act) -> Result<(), String> {
        match act {
            Act::Nothing => Ok(()),
            Act::Edits(edits) => self.edit(edits),
            Act::Moves(moves) => self.reorder(moves),
            Act::Whole { removed, inserted } if *removed == self.text => {
                self.rewrite(inserted);
                Ok(())
            }
            Act::Whole { .. } => Err("the passage is not the one that was written anew".to_owned()),
        }
    }

    fn edit(&mut self, edits: &[Edit]) -> Result<(), String> {
        let mut cursor = Cursor::new(&self.text);
        let more: usize = edits.iter().map(|e| e.inserted.len()).sum();
        let mut out = String::with_capacity(self.text.len() + more);
        let mut cuts = Cuts { cuts: Vec::with_capacity(edits.len()) };
        let mut done = 0;
        for edit in edits {
            let start = found(&mut cursor, done, edit.at, &edit.removed)?;
            out.push_str(&self.text[done..start]);
            cuts.push(start, edit.removed.len(), out.len(), edit.inserted.len());
            out.push_str(&edit.inserted);
            done = start + edit.removed.len();
        }
        out.push_str(&self.text[done..]);
        self.carry(out, |start, end| cuts.map(start, end));
        Ok(())
    }

    fn reorder(&mut self, moves: &Moves) -> Result<(), String> {
        let mut cursor = Cursor::new(&self.text);
        let mut out = String::with_capacity(self.text.len());
        let mut done = 0;
        let mut slots = Slots { was: vec![], now: vec![], goes: vec![0; moves.order.len()], order: &moves.order };
        for (k, (piece, &which)) in moves.pieces.iter().zip(&moves.order).enumerate() {
            let start = found(&mut cursor, done, piece.at, &piece.text)?;
            out.push_str(&self.text[done..start]);
            let other = moves.pieces.get(which).map_or("", |p| &p.text);
            slots.was.push((start, start + piece.text.len()));
            slots.now.push((out.len(), out.len() + other.len()));
            if let Some(goes) = slots.goes.get_mut(which) {
                *goes = k;
            }
            out.push_str(other);
            done = start + piece.text.len();
        }
        out.push_str(&self.text[done..]);
        self.carry(out, |start, end| slots.map(start, end));
        // What moved is out of order.
        self.held = merged(std::mem::take(&mut self.held));
        Ok(())
    }

    /// Takes the new text, and all places along.
    fn carry(&mut self, text: String, map: impl Fn(usize, usize) -> Option<(usize, usize)>) {
        let before = self.labels.len();
        self.labels.retain_mut(|(start, end, _)| {
            let bare = self.text.get(*start..*end).is_some_and(|t| t.trim() == t);
            let place = map(*start, *end).filter(|(s, e)| s < e);
            let place = if bare { place.and_then(|p| trimmed(&text, p)) } else { place };
            place.map(|p| (*start, *end) = p).is_some()
        });
        self.lost += (before - self.labels.len()) as u64;
        self.held.retain_mut(|h| match map(h.start, h.end).filter(|(s, e)| s < e) {
            Some((start, end)) => {
                (h.start, h.end) = (start, end);
                true
            }
            None => false,
        });
        self.text = text;
    }

    /// Each span where its text is found again: the second `Paris` of two is the second one of what is written anew.
    fn rewrite(&mut self, text: &str) {
        let old = std::mem::take(&mut self.text);
        let before = self.labels.len();
        self.labels.retain_mut(|(start, end, _)| {
            let Some(says) = old.get(*start..*end) else { return false };
            let earlier = old[..*start].matches(says).count();
            match text.match_indices(says).nth(earlier) {
                Some((at, _)) => {
                    (*start, *end) = (at, at + says.len());
                    true
                }
                None => false,
            }
        });
        self.lost += (before - self.labels.len()) as u64;
        // What stays of a text that is another one is not known; who wrote it anew was told to keep it.
        self.held.clear();
        self.text = text.to_owned();
    }
}

/// Where the part that says `says` at character `at` begins, which must be at `done` or later.
fn found(cursor: &mut Cursor, done: usize, at: usize, says: &str) -> Result<usize, String> {
    let start = cursor.bytes(at).filter(|s| *s >= done);
    let start = start.ok_or_else(|| format!("character {at} is beyond the end, or within what was changed before"))?;
    match cursor.text[start..].starts_with(says) {
        true => Ok(start),
        false => Err(format!("there is no `{says}` at character {at}: the passage is another one")),
    }
}

/// Without the space around it; nothing where there is nothing else.
fn trimmed(text: &str, (start, end): (usize, usize)) -> Option<(usize, usize)> {
    let part = text.get(start..end)?;
    let bare = part.trim_start();
    let start = start + part.len() - bare.len();
    let end = start + bare.trim_end().len();
    (start < end).then_some((start, end))
}

/// Where spans are in bytes, and which they are.
fn in_bytes(text: &str, spans: &[Span]) -> Vec<(usize, usize, usize)> {
    let mut places: Vec<usize> = spans.iter().flat_map(|s| [s.start, s.end]).collect();
    places.sort_unstable();
    let mut cursor = Cursor::new(text);
    let bytes: Vec<usize> = places.iter().map(|p| cursor.bytes(*p).unwrap_or(text.len())).collect();
    let place = |character| bytes[places.partition_point(|p| *p < character)];
    spans.iter().enumerate().map(|(i, s)| (place(s.start), place(s.end), i)).collect()
}

/// Goes through a text, from left to right, from characters to bytes or the other way. Both are the same in plain letters.
pub(super) struct Cursor<'a> {
    text: &'a str,
    plain: bool,
    byte: usize,
    character: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, plain: text.is_ascii(), byte: 0, character: 0 }
    }

    /// The byte at which character `at` begins, which is not before the last one asked for; nothing beyond the end.
    fn bytes(&mut self, at: usize) -> Option<usize> {
        if self.plain {
            return (at <= self.text.len()).then_some(at);
        }
        let more = at.checked_sub(self.character)?;
        let rest = &self.text[self.byte..];
        let on = match more {
            0 => 0,
            _ => rest.char_indices().nth(more - 1).map(|(i, c)| i + c.len_utf8())?,
        };
        (self.byte, self.character) = (self.byte + on, at);
        Some(self.byte)
    }

    /// How many characters are before `byte`, which is where one begins, and not before the last one asked for.
    pub(super) fn characters(&mut self, byte: usize) -> usize {
        if self.plain {
            return byte;
        }
        self.character += self.text[self.byte..byte].chars().count();
        self.byte = byte;
        self.character
    }
}

/// Parts replaced, in bytes: where, how long, and where and how long what stands there now is.
struct Cut {
    start: usize,
    end: usize,
    new: usize,
    len: usize,
}

struct Cuts {
    cuts: Vec<Cut>,
}

impl Cuts {
    fn push(&mut self, start: usize, len: usize, new: usize, new_len: usize) {
        self.cuts.push(Cut { start, end: start + len, new, len: new_len });
    }

    /// Where a place that is in none of the first `n` parts, and in no later one, has come to.
    fn shift(&self, place: usize, n: usize) -> usize {
        match n.checked_sub(1).and_then(|i| self.cuts.get(i)) {
            Some(cut) => place - cut.end + cut.new + cut.len,
            None => place,
        }
    }

    /// Where a span has come to. What is inserted right before it or after it is no part of it; what replaces its beginning from before
    /// it is neither.
    fn map(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        let before = self.cuts.partition_point(|c| c.end <= start);
        let from = match self.cuts.get(before) {
            Some(cut) if cut.start < start => cut.new + cut.len,
            _ => self.shift(start, before),
        };
        let within = self.cuts.partition_point(|c| c.end <= end && c.start < end);
        let to = match self.cuts.get(within) {
            Some(cut) if cut.start < end => cut.new,
            _ => self.shift(end, within),
        };
        (from < to).then_some((from, to))
    }
}

/// Pieces that changed places, in bytes.
struct Slots<'a> {
    was: Vec<(usize, usize)>,
    now: Vec<(usize, usize)>,
    /// The slot that each piece goes to.
    goes: Vec<usize>,
    /// The piece that comes to each slot.
    order: &'a [usize],
}

impl Slots<'_> {
    /// Where a span has come to; nothing where its parts are no longer together.
    fn map(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        let first = self.was.partition_point(|w| w.1 <= start);
        let beyond = self.was.partition_point(|w| w.0 < end);
        if first >= beyond {
            // Between pieces: as far as the piece before has grown.
            let shift = |place| match first.checked_sub(1) {
                Some(i) => place - self.was[i].1 + self.now[i].1,
                None => place,
            };
            return Some((shift(start), shift(end)));
        }
        let last = beyond - 1;
        if first == last && self.was[first].0 <= start && end <= self.was[first].1 {
            let to = self.now[self.goes[first]].0;
            return Some((to + start - self.was[first].0, to + end - self.was[first].0));
        }
        let together = self.order[first..beyond].iter().all(|i| (first..beyond).contains(i));
        let cut = |slot: usize, inside: bool| inside && self.order[slot] != slot;
        if !together || cut(first, self.was[first].0 < start) || cut(last, self.was[last].1 > end) {
            return None;
        }
        let from = match start.checked_sub(self.was[first].0) {
            Some(in_piece) => self.now[first].0 + in_piece,
            None => self.now[first].0 - (self.was[first].0 - start),
        };
        let to = match end.checked_sub(self.was[last].1) {
            Some(after) => self.now[last].1 + after,
            None => self.now[last].1 - (self.was[last].1 - end),
        };
        Some((from, to))
    }
}
