//! What an evaluation found.

use serde::Serialize;

use super::pictures::Pictures;
use crate::Estimate;

/// A part of the report, or why it is not there.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Section<T> {
    /// The part.
    Done(T),
    /// Why it is missing, in words that follow a dash.
    Skipped {
        /// For example `needs a hold-out table`.
        skipped: String,
    },
}

impl<T> Section<T> {
    pub(crate) fn skipped(why: &str) -> Section<T> {
        Section::Skipped { skipped: why.to_owned() }
    }

    pub(crate) fn from_option(value: Option<T>, why: &str) -> Section<T> {
        value.map_or_else(|| Section::skipped(why), Section::Done)
    }

    /// The part, if it is there.
    pub fn done(&self) -> Option<&T> {
        match self {
            Section::Done(t) => Some(t),
            Section::Skipped { .. } => None,
        }
    }
}

/// Row counts of the three tables.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rows {
    /// Rows that the generator was fitted on.
    pub train: usize,
    /// Rows that it made.
    pub synthetic: usize,
    /// Rows that it never saw.
    pub holdout: Option<usize>,
}

/// The whole evaluation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// How many rows were compared.
    pub rows: Rows,
    /// Do the distributions agree?
    pub fidelity: Fidelity,
    /// Can a classifier tell the tables apart?
    pub detection: Detection,
    /// Can a model be trained on the synthetic table?
    pub utility: Section<Utility>,
    /// Does it repeat its training rows?
    pub privacy: Privacy,
    /// Does it hold impossible values?
    pub violations: Violations,
    /// Every column.
    pub columns: Vec<ColumnReport>,
    /// Columns of the tables that are not compared.
    pub not_compared: Vec<NotCompared>,
    /// Every pair of columns, or those that were drawn of a wide table.
    pub pairs: Vec<PairReport>,
    /// What the pictures of the page show.
    pub pictures: Pictures,
}

/// A column that is not compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NotCompared {
    /// Its name.
    pub name: String,
    /// Why: what the column holds, in a word or two.
    pub why: &'static str,
}

/// Column shapes and pair trends (SDMetrics 0.32, all pairs up to 20,000), 1 is perfect. `None` where nothing could be scored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fidelity {
    /// Mean of the column scores.
    pub column_shapes: Option<f64>,
    /// The same for the hold-out rows: what real rows score.
    pub column_shapes_holdout: Option<f64>,
    /// `100 (1 - column_shapes)`.
    pub shape_error_pct: Option<f64>,
    /// Mean of the pair scores.
    pub pair_trends: Option<f64>,
    /// The same for the hold-out rows.
    pub pair_trends_holdout: Option<f64>,
    /// `100 (1 - pair_trends)`.
    pub trend_error_pct: Option<f64>,
    /// Pairs with a score; a constant column has none with a number.
    pub pairs_counted: usize,
    /// Pairs that there are. Of more than 20,000 so many are drawn by the seed.
    pub pairs_there: usize,
}

/// The two-sample tests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// AUC of boosted trees: 0.5 cannot tell, 1 always can.
    pub boosted_auc: Section<Estimate>,
    /// The same with hold-out rows in place of synthetic ones.
    pub boosted_auc_holdout: Section<Estimate>,
    /// Logistic regression; blind to how columns go together.
    pub logistic: Section<Linear>,
    /// The same for the hold-out rows.
    pub logistic_holdout: Section<Linear>,
}

/// The logistic two-sample test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Linear {
    /// SDMetrics' LogisticDetection: 1 cannot tell, 0 always can.
    pub score: f64,
    /// The same as an AUC: `0.5 + (1 - score) / 2`.
    pub auc: Estimate,
}

/// Train on synthetic, test on real, beside train on real.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Utility {
    /// The column predicted.
    pub target: String,
    /// `binary`, `multiclass` or `regression`.
    pub task: &'static str,
    /// `roc_auc`, `macro_roc_auc` or `r2`.
    pub metric: &'static str,
    /// Hold-out rows scored.
    pub test_rows: usize,
    /// The floor: what real rows are good for.
    pub trained_on_real: ModelScore,
    /// The score.
    pub trained_on_synthetic: ModelScore,
    /// Floor minus score, with the interval of the paired difference.
    pub gap: Estimate,
}

/// One trained model on the hold-out rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ModelScore {
    /// The metric.
    pub score: Estimate,
    /// Share of rows classified right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Root mean squared error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
}

/// Signs of copying. None of them proves that there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Privacy {
    /// Distance to the closest record.
    pub distance: Section<Distance>,
    /// Rows equal in every column.
    pub matches: Matches,
}

/// Distances of synthetic rows to their closest training and hold-out rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Distance {
    /// Part of the synthetic rows whose closest row is a training row; ties count half, 0.5 is no copying.
    pub share_closer_to_train: Estimate,
    /// Part of the rows equally far from both.
    pub ties: f64,
    /// What a generator that copies training rows would reach (1 when both sides keep all rows).
    pub copier_share: f64,
    /// Synthetic rows compared.
    pub synthetic_rows: usize,
    /// Training and hold-out rows compared, equally many.
    pub rows_each_side: usize,
    /// Median distance to the training rows.
    pub median_to_train: f64,
    /// Median distance to the hold-out rows.
    pub median_to_holdout: f64,
    /// 5 % of the rows are closer to a training row than this.
    pub p05_to_train: f64,
    /// 5 % of the rows are closer to a hold-out row than this.
    pub p05_to_holdout: f64,
}

/// Rows equal to a training row in every column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Matches {
    /// Part of the synthetic rows.
    pub synthetic_in_train: Estimate,
    /// Part of the hold-out rows: how often real rows coincide.
    pub holdout_in_train: Option<Estimate>,
    /// Part of the synthetic rows that repeat another synthetic row.
    pub synthetic_repeated: f64,
    /// Part of the training rows that repeat another training row.
    pub train_repeated: f64,
}

/// Synthetic rows with a value that no training row has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Violations {
    /// Part of the rows with a number outside its training range.
    pub rows_out_of_range: f64,
    /// Part of the rows with a level that is not in training.
    pub rows_with_unseen_level: f64,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnReport {
    /// Its name.
    pub name: String,
    /// `number` or `category`: how it was compared.
    pub compared_as: &'static str,
    /// Shape score.
    pub shape: Option<f64>,
    /// Shape score of the hold-out.
    pub shape_holdout: Option<f64>,
    /// Share of missing values in training.
    pub missing_train: f64,
    /// Share of missing values in the synthetic table.
    pub missing_synthetic: f64,
    /// Share of numbers outside the training range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_range: Option<f64>,
    /// Share of rows with a level that is not in training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen_level: Option<f64>,
}

/// One pair of columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairReport {
    /// First column.
    pub first: String,
    /// Second column.
    pub second: String,
    /// Trend score.
    pub trend: Option<f64>,
    /// Trend score of the hold-out.
    pub trend_holdout: Option<f64>,
    /// Pearson correlation in training, for two numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_train: Option<f64>,
    /// Pearson correlation in the synthetic table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_synthetic: Option<f64>,
}

impl Report {
    /// Columns from the worst shape up.
    pub fn worst_columns(&self) -> Vec<&ColumnReport> {
        let mut columns: Vec<&ColumnReport> = self.columns.iter().filter(|c| c.shape.is_some()).collect();
        columns.sort_by(|a, b| a.shape.unwrap_or(1.0).total_cmp(&b.shape.unwrap_or(1.0)));
        columns
    }

    /// Pairs from the worst trend up.
    pub fn worst_pairs(&self) -> Vec<&PairReport> {
        let mut pairs: Vec<&PairReport> = self.pairs.iter().filter(|p| p.trend.is_some()).collect();
        pairs.sort_by(|a, b| a.trend.unwrap_or(1.0).total_cmp(&b.trend.unwrap_or(1.0)));
        pairs
    }
}
