//! What an evaluation found.
//!
//! "Fresh" rows are real rows that are as new as synthetic ones should be, on as many rows: hold-out rows or, where there is no
//! hold-out, a part of the training rows against the rest.

use schemars::JsonSchema;
use serde::Serialize;
pub use verisim_data::table::rules::find::RuleKind;

use super::minority::report::Minorities;
use super::pictures::Pictures;
use crate::{Count, Estimate};

/// A part of the report, or why it is not there.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Rows {
    /// Rows that the generator was fitted on.
    pub train: usize,
    /// Rows that it made.
    pub synthetic: usize,
    /// Rows that it never saw.
    pub holdout: Option<usize>,
    /// Rows of each table that were scored, drawn by the seed, where not all were. Exact copies are always looked for in all.
    pub scored: Option<Scored>,
}

/// Rows of each table that were scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Scored {
    /// Training rows.
    pub train: usize,
    /// Synthetic rows.
    pub synthetic: usize,
    /// Hold-out rows.
    pub holdout: Option<usize>,
}

/// The whole evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "TableReport")]
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
    /// Does it keep the rules between columns?
    pub logic: Logic,
    /// Is what is rare still there?
    pub minorities: Minorities,
    /// Every column.
    pub columns: Vec<ColumnReport>,
    /// Columns of the tables that are not compared.
    pub not_compared: Vec<NotCompared>,
    /// Every pair of columns, or those that were drawn of a wide table.
    pub pairs: Vec<PairReport>,
    /// What the pictures of the page show.
    pub pictures: Pictures,
    /// The ends of the scale, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<Baseline>,
}

/// What a table that is known to be bad scores.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Baseline {
    /// What it is.
    pub name: &'static str,
    /// Its scores, by the names of the lines.
    pub scores: Vec<(&'static str, String)>,
}

/// A column that is not compared.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NotCompared {
    /// Its name.
    pub name: String,
    /// Why: what the column holds, in a word or two.
    pub why: &'static str,
    /// Whether its real values come back; nothing where there is no telling, as with one value in all rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<Returned>,
    /// Of a column of one value or none, the values that are others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
}

/// Values of a column that has one value in training, or none, which are others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Foreign {
    /// Synthetic rows with another value.
    pub synthetic: Count,
    /// Real rows with one: of the hold-out or, without one, of training, where there is none.
    pub real: Count,
}

/// Values of a column of keys or text that are values of the training table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Returned {
    /// Synthetic values, of those that are not missing.
    pub synthetic: Count,
    /// Hold-out values: how often people share a value.
    pub holdout: Option<Count>,
    /// Training values that another row has too: how often, where there is no hold-out.
    pub train: Count,
}

/// Column shapes and pair trends (SDMetrics 0.32, all pairs up to 20,000), 1 is perfect. `None` where nothing could be scored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Fidelity {
    /// Mean of the column scores.
    pub column_shapes: Option<f64>,
    /// What fresh real rows score.
    pub column_shapes_fresh: Option<Fresh>,
    /// `100 (1 - column_shapes)`.
    pub shape_error_pct: Option<f64>,
    /// Mean of the pair scores.
    pub pair_trends: Option<f64>,
    /// What fresh real rows score.
    pub pair_trends_fresh: Option<Fresh>,
    /// `100 (1 - pair_trends)`.
    pub trend_error_pct: Option<f64>,
    /// Pairs with a score; a constant column has none with a number.
    pub pairs_counted: usize,
    /// Pairs that there are. Of more than 20,000 so many are drawn by the seed.
    pub pairs_there: usize,
}

/// A score of fresh real rows, from random partings of all real rows (a permutation test), and of as many synthetic rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Fresh {
    /// Their score.
    pub value: f64,
    /// Its standard deviation from parting to parting.
    pub deviation: f64,
    /// The score of as many rows of all tables, synthetic ones among them, which those are judged by.
    pub mixed: f64,
    /// Its standard deviation.
    pub mixed_deviation: f64,
    /// The score of as many synthetic rows.
    pub synthetic: f64,
    /// How many rows are scored, of how many.
    pub rows: [usize; 2],
    /// Partings.
    pub partings: usize,
}

/// The two-sample tests.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Detection {
    /// AUC of boosted trees: 0.5 cannot tell, 1 always can.
    pub boosted_auc: Section<Estimate>,
    /// The same with hold-out rows in place of synthetic ones.
    pub boosted_auc_holdout: Section<Estimate>,
    /// Synthetic rows against hold-out rows, which the generator never saw.
    pub boosted_auc_unseen: Section<Estimate>,
    /// What gives the table away: how much the AUC falls when one column is shuffled, the largest first.
    pub gives_away: Vec<GivesAway>,
    /// Logistic regression; blind to how columns go together.
    pub logistic: Section<Linear>,
    /// The same for the hold-out rows.
    pub logistic_holdout: Section<Linear>,
}

/// What a column means to the boosted test.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct GivesAway {
    /// The column.
    pub column: String,
    /// What its shuffling takes from the AUC.
    pub drop: f64,
}

/// The logistic two-sample test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Linear {
    /// SDMetrics' LogisticDetection: 1 cannot tell, 0 always can.
    pub score: f64,
    /// The same as an AUC: `0.5 + (1 - score) / 2`.
    pub auc: Estimate,
}

/// Train on synthetic, test on real, beside train on real.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Utility {
    /// The column predicted.
    pub target: String,
    /// `binary`, `multiclass` or `regression`.
    pub task: &'static str,
    /// `roc_auc`, `macro_roc_auc` or `r2`.
    pub metric: &'static str,
    /// Hold-out rows scored.
    pub test_rows: usize,
    /// Real rows trained on: all, or as many as there are synthetic ones.
    pub real_rows: usize,
    /// The floor: what real rows are good for.
    pub trained_on_real: ModelScore,
    /// The score.
    pub trained_on_synthetic: ModelScore,
    /// Floor minus score, with the interval of the paired difference; on few rows also of the training.
    pub gap: Estimate,
}

/// One trained model on the hold-out rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Privacy {
    /// Distance to the closest record.
    pub distance: Section<Distance>,
    /// Rows equal in every column.
    pub matches: Matches,
}

/// Distances of synthetic rows to their closest training and hold-out rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
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
    /// How far the table is on its way to a copy.
    pub way: Way,
}

/// Whether the closest real row of a synthetic row is a training row more often than chance has it, all real rows taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Way {
    /// 0: as often as chance has it; 1: always, as for a copy. Below 0: the hold-out is closer.
    pub gone: Estimate,
    /// Its standard deviation where nothing leans.
    pub deviation: f64,
    /// Synthetic rows whose closest real row is a hold-out row.
    pub closest_in_holdout: usize,
    /// How many chance would have.
    pub expected_in_holdout: f64,
}

/// Rows that are equal in every column that is compared.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Matches {
    /// Synthetic rows that equal a training row.
    pub synthetic_in_train: Count,
    /// Hold-out rows that do: how often real rows coincide.
    pub holdout_in_train: Option<Count>,
    /// Training rows that equal another one: how often, where there is no hold-out.
    pub train_in_train: Count,
    /// The same of rows that occur once, which nobody shares.
    pub once: Once,
    /// Part of the synthetic rows that repeat another synthetic row.
    pub synthetic_repeated: f64,
    /// Part of the training rows that repeat another training row.
    pub train_repeated: f64,
    /// The synthetic rows that equal a training row, at most 1,000, those of rows that occur once first.
    pub copies: Vec<Copied>,
}

/// Matches with rows that occur once in their table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Once {
    /// Synthetic rows that equal a training row which occurs once.
    pub synthetic_in_train: Count,
    /// Hold-out rows that do.
    pub holdout_in_train: Option<Count>,
    /// Training rows that occur twice: about as many rows of a fresh table equal one that occurs once (Good, Biometrika 40, 1953).
    pub train_in_train: Count,
    /// Synthetic rows that equal a hold-out row which occurs once.
    pub synthetic_in_holdout: Option<Count>,
    /// Training rows that do.
    pub train_in_holdout: Option<Count>,
}

/// A synthetic row that equals a training row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Copied {
    /// Number of the synthetic row, the first is 1.
    pub synthetic: usize,
    /// Number of the training row, of the first where there are several.
    pub train: usize,
    /// Whether it occurs once in training.
    pub once: bool,
}

/// Rows with a value that no training row has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Violations {
    /// Synthetic rows with a number outside its training range.
    pub rows_out_of_range: Count,
    /// Fresh real rows with one.
    pub rows_out_of_range_fresh: Option<Count>,
    /// Synthetic rows with a level that is not in training.
    pub rows_with_unseen_level: Count,
    /// Fresh real rows with one.
    pub rows_with_unseen_level_fresh: Option<Count>,
}

/// Rules that hold in (nearly) every training row, and the rows that break them. They are learnt from training rows alone.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Logic {
    /// How many rules were found.
    pub found: usize,
    /// The first of them: those that chance would break most often come first.
    pub rules: Vec<Rule>,
    /// Training rows that break at least one rule.
    pub train: Count,
    /// The same for the synthetic rows.
    pub synthetic: Count,
    /// The same for fresh real rows: how often they break them. Without a hold-out a third of the training rows, from which no rule is
    /// learnt then.
    pub fresh: Option<Count>,
}

/// A rule between columns.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Rule {
    /// What it is about.
    pub kind: RuleKind,
    /// The columns that it is about.
    pub columns: Vec<String>,
    /// The rule for people, e.g. `` `a` <= `b` ``.
    pub text: String,
    /// Share of training rows that would break it if its columns knew nothing of each other.
    pub by_chance: f64,
    /// Training rows that break it.
    pub train: Count,
    /// Synthetic rows that break it.
    pub synthetic: Count,
    /// Fresh real rows that break it.
    pub fresh: Option<Count>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ColumnReport {
    /// Its name.
    pub name: String,
    /// `number` or `category`: how it was compared.
    pub compared_as: &'static str,
    /// Shape score.
    pub shape: Option<f64>,
    /// Shape score of as many fresh real rows, the mean of some partings.
    pub shape_fresh: Option<f64>,
    /// Missing values in training.
    pub missing_train: Count,
    /// Missing values in the synthetic table.
    pub missing_synthetic: Count,
    /// Share of numbers outside the training range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_range: Option<f64>,
    /// Share of rows with a level that is not in training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen_level: Option<f64>,
}

/// One pair of columns.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PairReport {
    /// First column.
    pub first: String,
    /// Second column.
    pub second: String,
    /// Trend score.
    pub trend: Option<f64>,
    /// Trend score of as many fresh real rows; of a wide table some pairs have none.
    pub trend_fresh: Option<f64>,
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
