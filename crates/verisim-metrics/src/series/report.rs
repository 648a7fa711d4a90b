//! What an evaluation of series found.

use schemars::JsonSchema;
use serde::Serialize;

use super::broken::Broken;
use super::networks::{Discriminative, Predictive};
use super::pictures::Pictures;
use super::privacy::Privacy;
use super::scores::Scores;
use super::summaries::Boosted;
use crate::table::report::Section;

/// Sequences and steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Size {
    /// Sequences.
    pub sequences: usize,
    /// Steps of all of them.
    pub steps: usize,
}

/// How much was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// What the generator was fitted on.
    pub train: Size,
    /// What it made.
    pub synthetic: Size,
    /// What it never saw.
    pub holdout: Option<Size>,
    /// Steps of the windows that long series are cut into; null where whole sequences are compared.
    pub window: Option<usize>,
    /// Sequences or windows of each side of a comparison.
    pub compared: usize,
    /// How often each comparison was made, on other windows or halves.
    pub repeats: usize,
}

/// One column of the steps.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ColumnReport {
    /// Its name.
    pub name: String,
    /// `number` or `category`.
    pub compared_as: &'static str,
    /// Kolmogorov-Smirnov or total variation distance of the synthetic steps from the training steps.
    pub distance: f64,
    /// The same of real steps in their place.
    pub distance_real: Option<f64>,
}

/// A column that is not compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// Why, e.g. `a key`.
    pub why: &'static str,
}

/// The stylised facts of a column that looks like a price, of one side.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OfPrice {
    /// Fourth moment of the returns over the square of the second; 3 of a normal distribution.
    pub kurtosis: Option<f64>,
    /// Autocorrelation of returns at lag 1.
    pub returns_acf: Option<f64>,
    /// Autocorrelation of absolute returns at lag 1.
    pub volatility_acf: Option<f64>,
    /// Correlation of a return with the square of the next.
    pub leverage: Option<f64>,
}

/// A column that looks like a price.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Price {
    /// Its name.
    pub name: String,
    /// Of the training series.
    pub train: OfPrice,
    /// Of the synthetic ones.
    pub synthetic: OfPrice,
}

/// The structure of the files.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Structure {
    /// Of the training series.
    pub train: Broken,
    /// Of the synthetic ones.
    pub synthetic: Broken,
}

/// The whole evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "SeriesReport")]
pub struct Report {
    /// How much there was.
    pub counts: Counts,
    /// What people should know of it.
    pub notes: Vec<String>,
    /// Numbers of two sets of sequences.
    pub scores: Scores,
    /// Can boosted trees tell them apart?
    pub boosted: Section<Boosted>,
    /// Can a network?
    pub discriminative: Section<Discriminative>,
    /// Can a network learn from them?
    pub predictive: Section<Predictive>,
    /// Are they training series?
    pub privacy: Privacy,
    /// Are the files whole? Only of files.
    pub structure: Option<Structure>,
    /// The columns that look like prices.
    pub prices: Vec<Price>,
    /// The columns of the steps.
    pub columns: Vec<ColumnReport>,
    /// Columns that are not compared.
    pub not_compared: Vec<LeftOut>,
    /// What the pictures of the page show.
    pub pictures: Pictures,
}
