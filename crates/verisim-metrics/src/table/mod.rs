//! How good and how private is a synthetic table? [`compare`] measures fidelity, utility, privacy and validity of synthetic
//! rows against the training rows and, where there are some, hold-out rows; [`Report`] is what it found.
//!
//! Copying the training rows would win all scores of fidelity, so exact copies and distances to training rows are always part
//! of the report.
//!
//! Definitions follow SDMetrics 0.32 (shapes, trends over all pairs, logistic detection) and XGBoost's defaults
//! (two-sample test, train on synthetic and test on real), so numbers can be compared with published ones.
//! A column of whole numbers with at most [`MAX_WHOLE_LEVELS`] distinct training values is compared as a category.

mod boost;
mod detection;
mod distance;
mod document;
mod evaluate;
mod exact;
mod lines;
mod logistic;
pub mod pictures;
pub mod report;
mod shape;
mod trend;
mod unit;
mod utility;
mod values;

use std::ops::Range;

use verisim_data::table::{ColumnKind, Field, Frame, Schema};
use verisim_data::{Event, Quiet, Watch};

use detection::BoostedTest;
pub use evaluate::Ask;
pub use report::Report;
use report::{ColumnReport, Detection, Fidelity, NotCompared, PairReport, Privacy, Rows, Section, Utility};
use trend::Trend;
use utility::UtilityTest;
pub use values::MAX_WHOLE_LEVELS;
use values::{Comparison, ValueTable};

use crate::{Estimate, Result};

const NEEDS_HOLDOUT: &str = "needs a hold-out table";
const NEEDS_ROWS: &str = "needs at least five rows in each table";

/// What to measure, beside the tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The column that models are trained to predict; utility is left out without one.
    pub target: Option<String>,
    /// Seed of the folds and samples.
    pub seed: u64,
    /// At most this many synthetic rows look for their closest record.
    pub distance_rows: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { target: None, seed: 42, distance_rows: 20_000 }
    }
}

/// Compares `synthetic` with `real`, the rows that the generator was fitted on, and with `holdout`, rows that it
/// never saw. All frames must have been parsed with `schema`. Uses all rayon threads; the result does not depend
/// on how many there are.
///
/// # Errors
/// A table without rows or with other columns than the schema's; a target that does not exist or
/// has nothing to predict.
pub fn compare(
    schema: &Schema,
    real: &Frame,
    synthetic: &Frame,
    holdout: Option<&Frame>,
    settings: &Settings,
) -> Result<Report> {
    compare_watched(schema, real, synthetic, holdout, settings, &mut Quiet)
}

/// [`compare`], telling `watch` how far it is.
fn compare_watched(
    schema: &Schema,
    real: &Frame,
    synthetic: &Frame,
    holdout: Option<&Frame>,
    settings: &Settings,
    watch: &mut dyn Watch,
) -> Result<Report> {
    let tables = Comparison::new(schema, real, synthetic, holdout)?;
    if let Some(target) = &settings.target {
        utility::index_of(&tables, target)?;
    }
    let (seed, real, holdout) = (settings.seed, &tables.real, tables.holdout.as_ref());
    // The boosted trees take most of the time: all of them run first, on all threads.
    let boosted = boosted(&tables, settings, watch)?;
    let pairs_of = trend::pairs(tables.fields.len(), seed);
    let compared = |other: &ValueTable| {
        (shape::shapes(&tables.fields, real, other), trend::trends(&tables.fields, &pairs_of, real, other))
    };
    let (shapes, trends) = compared(&tables.synthetic);
    let (shapes_holdout, trends_holdout) = holdout.map(compared).unzip();
    let ((linear, linear_floor), distance) = rayon::join(
        || {
            rayon::join(
                || detection::linear(real, &tables.synthetic, seed),
                || holdout.and_then(|h| detection::linear(real, h, seed)),
            )
        },
        || holdout.map(|h| distance::distance(&tables, h, settings.distance_rows, seed)),
    );

    let worst_columns = pictures::worst(shapes.iter().copied());
    let worst_pairs: Vec<(usize, usize)> = pictures::worst(trends.iter().map(|t| t.score))
        .into_iter()
        .take(pictures::PAIRS)
        .map(|k| (trends[k].first, trends[k].second))
        .collect();
    let no_floor = if holdout.is_some() { NEEDS_ROWS } else { NEEDS_HOLDOUT };
    let no_utility = match (holdout, &settings.target) {
        (_, None) => "needs a target column",
        (None, _) => NEEDS_HOLDOUT,
        _ => "no model could be scored",
    };
    Ok(Report {
        rows: Rows { train: real.rows, synthetic: tables.synthetic.rows, holdout: holdout.map(|h| h.rows) },
        fidelity: Fidelity {
            pairs_there: trend::pairs_there(tables.fields.len()),
            ..fidelity(&shapes, &trends, shapes_holdout.as_deref(), trends_holdout.as_deref())
        },
        detection: Detection {
            boosted_auc: Section::from_option(boosted.auc, NEEDS_ROWS),
            boosted_auc_holdout: Section::from_option(boosted.floor, no_floor),
            logistic: Section::from_option(linear, NEEDS_ROWS),
            logistic_holdout: Section::from_option(linear_floor, no_floor),
        },
        utility: Section::from_option(boosted.utility, no_utility),
        privacy: Privacy { distance: Section::from_option(distance, NEEDS_HOLDOUT), matches: exact::matches(&tables) },
        violations: exact::violations(&tables),
        columns: columns(&tables, &shapes, shapes_holdout.as_deref()),
        not_compared: schema.fields.iter().filter_map(not_compared).collect(),
        pairs: pairs(&tables, &trends, trends_holdout.as_deref()),
        pictures: pictures::pictures(&tables, &worst_columns, &worst_pairs, seed),
    })
}

/// What boosted trees say of the tables.
struct Boosted {
    auc: Option<Estimate>,
    /// The AUC with hold-out rows in place of synthetic ones.
    floor: Option<Estimate>,
    utility: Option<Utility>,
}

/// Fits the models of all tests at once, since they share the threads, and scores each test by its own.
fn boosted(tables: &Comparison, settings: &Settings, watch: &mut dyn Watch) -> Result<Boosted> {
    let (seed, real, holdout) = (settings.seed, &tables.real, tables.holdout.as_ref());
    let mut all = Vec::new();
    let mut queue = |fits: Vec<boost::Fit>| {
        let from = all.len();
        all.extend(fits);
        from..all.len()
    };
    let auc = BoostedTest::new(real, &tables.synthetic, seed)?.map(|(test, fits)| (test, queue(fits)));
    let floor = holdout.map(|h| BoostedTest::new(real, h, seed)).transpose()?.flatten();
    let floor = floor.map(|(test, fits)| (test, queue(fits)));
    let utility = match (holdout, &settings.target) {
        (Some(h), Some(target)) => Some(UtilityTest::new(tables, h, target)?).map(|(test, fits)| (test, queue(fits))),
        _ => None,
    };
    watch.on(Event::Busy { unit: "models", total: all.len() as u64 });
    let predictions = boost::fit_all(&all, |fitted| watch.on(Event::done(fitted)));
    watch.on(Event::End);
    let predictions = predictions?;
    let score = |(test, own): (BoostedTest, Range<usize>)| test.score(&predictions[own]);
    Ok(Boosted {
        auc: auc.map(score),
        floor: floor.map(score),
        utility: utility.and_then(|(test, own)| test.score(&predictions[own])),
    })
}

fn fidelity(
    shapes: &[Option<f64>],
    trends: &[Trend],
    shapes_holdout: Option<&[Option<f64>]>,
    trends_holdout: Option<&[Trend]>,
) -> Fidelity {
    let error = |score: Option<f64>| score.map(|s| 100.0 * (1.0 - s));
    let mean_trend = |t: &[Trend]| shape::mean(t.iter().map(|t| t.score));
    let column_shapes = shape::mean(shapes.iter().copied());
    let pair_trends = mean_trend(trends);
    Fidelity {
        column_shapes,
        column_shapes_holdout: shapes_holdout.and_then(|s| shape::mean(s.iter().copied())),
        shape_error_pct: error(column_shapes),
        pair_trends,
        pair_trends_holdout: trends_holdout.and_then(mean_trend),
        trend_error_pct: error(pair_trends),
        pairs_counted: trends.iter().filter(|t| t.score.is_some()).count(),
        pairs_there: trends.len(),
    }
}

/// Why a column is not compared, if it is not.
fn not_compared(field: &Field) -> Option<NotCompared> {
    let why = match field.kind {
        _ if field.is_modelled() => return None,
        ColumnKind::Identifier { .. } => "a key",
        ColumnKind::Constant { .. } => "one value",
        ColumnKind::AllMissing => "no value",
        _ => "text",
    };
    Some(NotCompared { name: field.name.clone(), why })
}

fn columns(tables: &Comparison, shapes: &[Option<f64>], shapes_holdout: Option<&[Option<f64>]>) -> Vec<ColumnReport> {
    let one = |(j, field): (usize, &values::Compared)| {
        let (real, synthetic) = (&tables.real.columns[j], &tables.synthetic.columns[j]);
        ColumnReport {
            name: field.name.clone(),
            compared_as: if field.is_number() { "number" } else { "category" },
            shape: shapes[j],
            shape_holdout: shapes_holdout.and_then(|s| s[j]),
            missing_train: exact::missing_rate(field, real),
            missing_synthetic: exact::missing_rate(field, synthetic),
            out_of_range: exact::out_of_range(real, synthetic),
            unseen_level: exact::unseen_level(field, real, synthetic),
        }
    };
    tables.fields.iter().enumerate().map(one).collect()
}

fn pairs(tables: &Comparison, trends: &[Trend], trends_holdout: Option<&[Trend]>) -> Vec<PairReport> {
    let one = |(k, t): (usize, &Trend)| PairReport {
        first: tables.fields[t.first].name.clone(),
        second: tables.fields[t.second].name.clone(),
        trend: t.score,
        trend_holdout: trends_holdout.and_then(|h| h[k].score),
        correlation_train: t.correlations.map(|c| c.0),
        correlation_synthetic: t.correlations.map(|c| c.1),
    };
    trends.iter().enumerate().map(one).collect()
}
