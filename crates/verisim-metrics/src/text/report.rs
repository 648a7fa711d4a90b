//! What an evaluation of texts found.

use schemars::JsonSchema;
use serde::Serialize;

use super::copying::{Copying, Shown};
use super::diversity::Diversity;
use super::mauve::Mauve;
use super::perplexity::Perplexities;
use super::shape::{Lengths, Vocabulary};
use super::talk::Conversations;
use super::told::TwoSample;
use super::utility::{Labels, Utility};
use crate::table::report::Section;

/// How much was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// What the generator was fitted on.
    pub train: usize,
    /// What it made.
    pub synthetic: usize,
    /// What it never saw.
    pub holdout: Option<usize>,
    /// Texts a side of a comparison.
    pub compared: usize,
}

/// What stands in the place of synthetic texts for the floors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fresh {
    /// Texts that the generator never saw, held against training texts.
    Holdout,
    /// A half of the training texts, held against the other half; so are the synthetic ones.
    Halves,
}

/// The whole evaluation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "TextReport")]
pub struct Report {
    /// How much there was.
    pub counts: Counts,
    /// What the floors are of.
    pub fresh: Fresh,
    /// What people should know of it.
    pub notes: Vec<String>,
    /// Can they be told from real texts?
    pub two_sample: Section<TwoSample>,
    /// How much of the mass of both lies together?
    pub mauve: Section<Mauve>,
    /// How long are they?
    pub lengths: Lengths,
    /// Which signs and words do they use?
    pub vocabulary: Vocabulary,
    /// How varied are they?
    pub diversity: Diversity,
    /// What do language models say?
    pub perplexity: Perplexities,
    /// How frequent are labels?
    pub labels: Option<Labels>,
    /// What are they good for?
    pub utility: Section<Utility>,
    /// How are conversations built?
    pub conversations: Option<Conversations>,
    /// Are they training texts?
    pub copying: Copying,
    /// Texts for the page.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) shown: Shown,
    /// Real texts for the page.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) real: Vec<String>,
}
