//! How steps for text are declared, which words they take, and how their edits are put together.

use verisim_data::rng::{Stream, below, uniform};

use super::act::{Act, Cursor, Edit, Work};
use super::keep::Held;
use super::words::{Word, words};
use crate::range::Range;

/// One transform: settings that chance is drawn by. What comes of it is an [`Act`] without chance.
pub trait Change {
    /// Whether the settings can be.
    fn check(&self) -> Result<(), String>;
    /// What is done to this passage.
    fn draw(&self, rng: &mut Stream, view: &View) -> Act;
}

/// What a transform may know of the passage when it draws.
pub struct View<'a> {
    /// The text as it is when the step comes.
    pub text: &'a str,
    pub(super) held: &'a [Held],
    /// Where labelled spans begin and end, in bytes, in order.
    pub(super) bounds: Vec<usize>,
    pub(super) labels: &'a [(usize, usize, usize)],
}

impl<'a> View<'a> {
    pub(super) fn new(work: &'a Work) -> View<'a> {
        let mut bounds: Vec<usize> = work.labels.iter().flat_map(|l| [l.0, l.1]).collect();
        bounds.sort_unstable();
        View { text: &work.text, held: &work.held, bounds, labels: &work.labels }
    }

    pub(super) fn words(&self) -> Vec<Word> {
        words(self.text, self.held)
    }

    /// Whether nothing from `start` to `end` must stay, and no labelled span begins or ends within it. What is empty is a place between
    /// characters.
    pub(super) fn may(&self, start: usize, end: usize) -> bool {
        let held = self.held.get(self.held.partition_point(|h| h.end <= start));
        let bound = self.bounds.get(self.bounds.partition_point(|b| *b <= start));
        held.is_none_or(|h| h.start >= end) && bound.is_none_or(|b| *b >= end)
    }
}

/// How many of what could change do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pick<'a> {
    pub share: &'a Range,
    pub least: usize,
    pub most: usize,
}

impl Pick<'_> {
    pub(super) fn check(&self) -> Result<(), String> {
        match self.least <= self.most {
            true => Ok(()),
            false => Err(format!("`least` is {} and `most` is {}: the lower one comes first", self.least, self.most)),
        }
    }

    /// How many of `of`: the share that is drawn, rounded by chance so that its mean is right, between the limits. A share of 0 is none.
    pub(super) fn count(&self, rng: &mut Stream, of: usize) -> usize {
        let (share, by) = (self.share.draw(rng), uniform(rng));
        if share.is_nan() || share <= 0.0 {
            return 0;
        }
        let n = (share * of as f64 + by).floor() as usize;
        n.max(self.least).min(self.most).min(of)
    }

    /// Some of `of`, in order; each is as likely to be among them.
    pub(super) fn some<T: Copy>(&self, rng: &mut Stream, of: &[T]) -> Vec<T> {
        let n = self.count(rng, of.len());
        let mut left = n;
        let mut some = Vec::with_capacity(n);
        for (i, one) in of.iter().enumerate() {
            if left == 0 {
                break;
            }
            if below(rng, (of.len() - i) as u64) < left as u64 {
                some.push(*one);
                left -= 1;
            }
        }
        some
    }
}

/// One of `of`, which is not empty; the first of what is empty is nothing.
pub(super) fn one<'a, T>(rng: &mut Stream, of: &'a [T]) -> Option<&'a T> {
    if of.is_empty() { None } else { of.get(below(rng, of.len() as u64) as usize) }
}

/// Edits of a text that are put together from left to right, in bytes. What must stay is left alone.
pub(super) struct Edits<'a> {
    view: &'a View<'a>,
    cursor: Cursor<'a>,
    done: usize,
    edits: Vec<Edit>,
}

impl<'a> Edits<'a> {
    pub(super) fn new(view: &'a View<'a>) -> Edits<'a> {
        Edits { view, cursor: Cursor::new(view.text), done: 0, edits: Vec::new() }
    }

    /// What is from `start` to `end` becomes `by`, where it may, and where it is not before the last edit.
    pub(super) fn replace(&mut self, start: usize, end: usize, by: &str) {
        let removed = &self.view.text[start..end];
        if start < self.done || removed == by || !self.view.may(start, end) {
            return;
        }
        let at = self.cursor.characters(start);
        self.edits.push(Edit { at, removed: removed.to_owned(), inserted: by.to_owned() });
        self.done = end;
    }

    pub(super) fn act(self) -> Act {
        if self.edits.is_empty() { Act::Nothing } else { Act::Edits(self.edits) }
    }
}

/// Settings of a step that takes a share of something: `share`, `least` and `most`, and what else it says.
macro_rules! shared {
    ($(#[$meta:meta])* $name:ident, $(#[$of:meta])* share $share:expr, least $least:literal, most $most:literal; $($rest:tt)*) => {
        $crate::settings::settings! {
            $(#[$meta])*
            $name {
                $(#[$of])*
                share: $crate::range::Range = $share.into(), in 0 to 1;
                /// At least so many, where there are, and where the share is not 0.
                least: usize = $least, in 0 to 1e12;
                /// At most so many.
                most: usize = $most, in 0 to 1e12;
                $($rest)*
            }
        }

        impl $name {
            fn pick(&self) -> $crate::text::pick::Pick<'_> {
                $crate::text::pick::Pick { share: &self.share, least: self.least, most: self.most }
            }
        }
    };
}
pub(super) use shared;

/// Whether there is something to choose from.
pub(super) fn some_kinds<T>(kinds: &[T]) -> Result<(), String> {
    if kinds.is_empty() { Err("`kinds` has nothing to choose from".to_owned()) } else { Ok(()) }
}
