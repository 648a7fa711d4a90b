//! How good and how private are synthetic texts? [`compare`] measures synthetic texts against those that a generator was fitted on and,
//! where there are some, against held-out ones; [`Report`] is what it found.
//!
//! Every score stands beside its **floor**: what fresh real texts, equally many, get in the synthetic ones' place. Fresh texts are held-out
//! ones; where there are none, one half of the training texts, and then all is held against the other half. A verdict is not good only where
//! fresh texts would score so less than once in a hundred times: by exchange of texts between both sets where a score can be worked out
//! often (`chance.rs`), else by Fisher's, McNemar's and DeLong's tests, or by parts of the training texts.
//!
//! | | a copy of training | words shuffled | random characters | fresh real texts |
//! |---|---|---|---|---|
//! | lengths | as real | as real | as real, but for words | as real |
//! | vocabulary | as real | as real | far off | as real |
//! | diversity | as real | more varied | more varied | as real |
//! | perplexity, forward | far too low | too high | far too high | as real |
//! | perplexity, reverse and neutral | as real | too high | far too high | as real |
//! | by words and spelling | below chance | hardly told | told | as real |
//! | by order | as real | told | told | as real |
//! | train on synthetic | as real | nearly as real | useless | as real |
//! | copying | caught | none | none | as real |
//!
//! Tests of `compare` hold it to this table.

mod chance;
mod copying;
mod diversity;
mod document;
mod evaluate;
mod features;
mod kneser;
mod lines;
mod logistic;
mod mauve;
mod near;
mod perplexity;
pub mod report;
mod runs;
mod secrets;
mod set;
mod shape;
mod svd;
mod talk;
#[cfg(test)]
mod tests;
mod told;
mod utility;
mod verdict;

use verisim_data::text::Texts;
use verisim_data::{Event, Quiet, Watch};

pub use copying::{Copied, Copying};
pub use diversity::Diversity;
pub use evaluate::Ask;
pub use mauve::Mauve;
pub use perplexity::{Perplexities, Perplexity};
pub use report::Report;
pub use secrets::{Returned, Sort};
pub use shape::{Lengths, Scored, Vocabulary};
pub use talk::{Conversations, Counted};
pub use told::{Told, TwoSample};
pub use utility::{Labels, Share, Skill, Utility};

use features::Grams;
use report::{Counts, Fresh};
use set::Sides;

use crate::table::report::Section;
use crate::{Error, Result};

/// Texts a side that are compared, where nobody says how many.
pub const MOST_COMPARED: usize = 10_000;
/// Fewest texts a side that tests can be made of.
const LEAST: usize = 10;
/// Real texts on the page.
const SHOWN: usize = 8;

/// What to measure, beside the texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The column of labels, where there is one.
    pub target: Option<String>,
    /// Texts a side that are compared, at most. Copies are looked for among all training texts.
    pub max_documents: usize,
    /// Seed of samples and tests.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { target: None, max_documents: MOST_COMPARED, seed: crate::SEED }
    }
}

/// Compares `synthetic` with `real`, the texts that the generator was fitted on, and with `holdout`, texts that it never saw. Uses all
/// rayon threads; the result does not depend on how many there are.
///
/// # Errors
/// A set without texts, or a single real text and no hold-out.
pub fn compare(real: &Texts, synthetic: &Texts, holdout: Option<&Texts>, settings: &Settings) -> Result<Report> {
    compare_watched([real, synthetic], holdout, settings, Vec::new(), &mut Quiet)
}

/// [`compare`], telling `watch` how far it is.
fn compare_watched(
    [real, synthetic]: [&Texts; 2],
    holdout: Option<&Texts>,
    settings: &Settings,
    mut notes: Vec<String>,
    watch: &mut dyn Watch,
) -> Result<Report> {
    let seed = settings.seed;
    for (texts, table) in [(Some(real), "real"), (Some(synthetic), "synthetic"), (holdout, "hold-out")] {
        if texts.is_some_and(|t| t.documents.is_empty()) {
            return Err(Error::NoRows { table });
        }
    }
    let target = settings.target.as_deref();
    let sides = Sides::new([real, synthetic], holdout, target, settings.max_documents.max(1), seed, &mut notes);
    if sides.count == 0 {
        return Err(Error::OneText);
    }
    if sides.is_halves {
        notes.push(
            "no hold-out: real texts are one half of the training texts, and all is held against the other".into(),
        );
    }
    let mut done = 0;
    let mut step = |watch: &mut dyn Watch| {
        done += 1;
        watch.on(Event::done(done));
    };
    watch.on(Event::Busy { unit: "scores", total: 6 });
    let lengths = shape::lengths(&sides, seed);
    let vocabulary = shape::vocabulary(&sides, seed);
    let diversity = diversity::diversity(&sides, seed);
    step(watch);
    let perplexity = perplexity::perplexities(&sides, seed);
    step(watch);
    let grams = Grams::new(sides.real.iter().chain(&sides.synthetic).chain(&sides.fresh));
    let enough = sides.count >= LEAST;
    let two_sample = enough.then(|| told::two_sample(&sides, &grams)).flatten();
    step(watch);
    let mauve = enough.then(|| mauve::mauve(&sides, &grams, seed)).flatten();
    step(watch);
    let labels = target.and_then(|target| utility::labels(&sides, target, seed));
    let utility = match labels {
        None => Section::skipped("needs a column of labels"),
        Some(_) => match utility::utility(&sides, &grams) {
            Ok(utility) => Section::Done(utility),
            Err(why) => Section::skipped(why),
        },
    };
    drop(grams);
    step(watch);
    let (copying, shown) = copying::copying(&sides, real, seed);
    step(watch);
    watch.on(Event::End);
    Ok(Report {
        counts: Counts {
            train: real.documents.len(),
            synthetic: synthetic.documents.len(),
            holdout: holdout.map(|h| h.documents.len()),
            compared: sides.count,
        },
        fresh: if sides.is_halves { Fresh::Halves } else { Fresh::Holdout },
        notes,
        two_sample: Section::from_option(two_sample, "needs at least ten texts on each side"),
        mauve: Section::from_option(mauve, "needs at least twenty texts on each side"),
        lengths,
        vocabulary,
        diversity,
        perplexity,
        labels,
        utility,
        conversations: talk::conversations(&sides, seed),
        copying,
        shown,
        real: sides.real.iter().take(SHOWN).map(|t| t.raw.clone()).collect(),
    })
}
