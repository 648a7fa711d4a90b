//! Passages of text and what is labelled in them.
//!
//! A step of the pipeline is a [`Transform`]: settings. For each passage it draws an [`Act`]: parts replaced, or parts that change places.
//! What was drawn is the list of acts, [`Drawn`], which [`replay`] does again to the byte, and refuses where the passage is another one.
//!
//! All places are in characters (Unicode code points), as spaCy, doccano and Python count them. What a person sees as one character, a
//! letter with its marks or a family of emoji, is never cut. What must stay is said once for the pipeline: [`Keep`].

mod act;
mod case;
mod characters;
mod contraction;
mod diacritics;
mod inflect;
mod keep;
mod order;
mod pick;
mod spaces;
mod spelling;
mod substitute;
mod synonym;
mod tables;
mod words;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use act::{Act, Edit, Moves, Piece};
pub use case::*;
pub use characters::*;
pub use contraction::*;
pub use diacritics::*;
pub use keep::{Keep, Pattern, Spans};
pub use order::*;
pub use pick::Change;
pub use spaces::*;
pub use spelling::*;
pub use substitute::*;
pub use synonym::*;

pub use pick::View;

use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::pipeline::{Operation as _, Pipeline, operations, walk};

/// A text and the spans that are labelled in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passage {
    /// The text. Any: empty, of any script, with any ends of lines.
    pub text: String,
    /// What is labelled in it; spans may overlap.
    #[serde(default)]
    pub spans: Vec<Span>,
}

/// A labelled part of a passage.
///
/// It goes with its text: edits before it shift it, those within it make it longer or shorter, and one that takes all of it away drops it.
/// A word replaced as a whole stays labelled. Space that an edit leaves at its ends is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The first character (Unicode code point, from 0).
    pub start: usize,
    /// The one after the last.
    pub end: usize,
    /// What it is, such as `PERSON`.
    pub name: String,
}

impl From<&str> for Passage {
    fn from(text: &str) -> Passage {
        Passage { text: text.to_owned(), spans: vec![] }
    }
}

impl Passage {
    /// What each span says, in the order of the spans; nothing where it is beyond the text.
    pub fn labelled(&self) -> Vec<Option<&str>> {
        let ends = self.text.char_indices().map(|(byte, _)| byte).chain([self.text.len()]);
        let bytes: Vec<usize> = ends.collect();
        let says = |s: &Span| self.text.get(*bytes.get(s.start)?..*bytes.get(s.end)?);
        self.spans.iter().map(says).collect()
    }

    /// Whether all spans are within the text and not empty.
    pub fn check(&self) -> Result<()> {
        if self.spans.is_empty() {
            return Ok(());
        }
        let count = self.text.chars().count();
        for (i, Span { start, end, name }) in self.spans.iter().enumerate() {
            let what = match (start < end, *end <= count) {
                (true, true) => continue,
                (false, _) => "it is empty; leave it out".to_owned(),
                (true, false) => {
                    format!(
                        "the passage has {count} characters; places are in characters (Unicode code points), not in bytes"
                    )
                }
            };
            return Err(Error::Item(format!("span {} (`{name}`) reaches from {start} to {end}: {what}", i + 1)));
        }
        Ok(())
    }
}

/// What was done to one passage: as a line of JSON, and enough to do it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// Which passage.
    pub item: u64,
    /// In which pass over the data.
    pub pass: u64,
    /// How many spans were dropped, their text being gone.
    pub dropped: u64,
    /// What happened, in order.
    pub steps: Vec<Done>,
}

/// One step that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// Where it stands in the pipeline, from 1; steps within steps after a point.
    pub step: String,
    /// The transform.
    pub name: String,
    /// What it did.
    pub act: Act,
}

impl Drawn {
    /// As a line of JSON, without the end of the line.
    pub fn to_line(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::Replay { item: self.item, what: e.to_string() })
    }

    /// From a line of [`Drawn::to_line`].
    pub fn from_line(line: &str) -> Result<Drawn> {
        let drawn: Drawn = serde_json::from_str(line).map_err(|e| Error::Syntax(format!("what was drawn: {e}")))?;
        drawn.steps.iter().try_for_each(|done| done.act.check().map_err(|what| drawn.wrong(done, &what)))?;
        Ok(drawn)
    }

    fn wrong(&self, done: &Done, what: &str) -> Error {
        Error::Replay { item: self.item, what: format!("step {} (`{}`): {what}", done.step, done.name) }
    }
}

/// The passage at `index` of the data after the steps for text, in this pass over the data, and what was drawn.
pub fn apply(pipeline: &Pipeline, passage: &Passage, index: u64, pass: u64) -> Result<(Passage, Drawn)> {
    passage.check()?;
    let mut work = act::Work::new(passage, Some(&pipeline.keep));
    let mut steps = Vec::new();
    walk(&pipeline.text, |k| Draw::new(pipeline.seed, index, pass, k), &mut |transform: &Transform, place, rng| {
        let act = transform.settings().draw(rng, &View::new(&work));
        let wrong = |what| Error::Step { step: place.to_owned(), name: transform.name().to_owned(), what };
        work.run(&act).map_err(wrong)?;
        steps.push(Done { step: place.to_owned(), name: transform.name().to_owned(), act });
        Ok(())
    })?;
    let (passage, dropped) = work.finish(&passage.spans);
    Ok((passage, Drawn { item: index, pass, dropped, steps }))
}

/// Does again what was drawn: the same passage gives the same one. A passage that does not say what was removed is refused.
pub fn replay(drawn: &Drawn, passage: &Passage) -> Result<Passage> {
    passage.check()?;
    let mut work = act::Work::new(passage, None);
    for done in &drawn.steps {
        done.act.check().and_then(|()| work.run(&done.act)).map_err(|what| drawn.wrong(done, &what))?;
    }
    Ok(work.finish(&passage.spans).0)
}

/// All of `passages`, the first of which is at `first` in the data, on all threads.
pub fn apply_all(pipeline: &Pipeline, passages: &[Passage], first: u64, pass: u64) -> Result<Vec<(Passage, Drawn)>> {
    passages.par_iter().enumerate().map(|(i, p)| apply(pipeline, p, first + i as u64, pass)).collect()
}

operations! {
    /// One transform of text with its settings.
    "Text" Transform: Change {
        "keyboard" Keyboard,
        "ocr" Ocr,
        "homoglyph" Homoglyph,
        "characters" Characters,
        "diacritics" Diacritics,
        "case" Case,
        "punctuation" Punctuation,
        "spacing" Spacing,
        "word_split" WordSplit,
        "word_drop" WordDrop,
        "word_repeat" WordRepeat,
        "word_swap" WordSwap,
        "synonym" Synonym,
        "spelling" Spelling,
        "contraction" Contraction,
        "sentence_shuffle" SentenceShuffle,
        "sentence_drop" SentenceDrop,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod step_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testkit;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
