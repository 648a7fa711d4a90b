//! How good and how private is a synthetic table? [`compare`] measures fidelity, utility, privacy and validity of synthetic
//! rows against the training rows and, where there are some, hold-out rows; [`Report`] is what it found.
//!
//! Copying the training rows would win all scores of fidelity, so exact copies and distances to training rows are always part
//! of the report.
//!
//! Definitions follow SDMetrics 0.32 (shapes, trends over all pairs, logistic detection) and XGBoost's defaults
//! (two-sample test, train on synthetic and test on real), so numbers can be compared with published ones.
//! A column of whole numbers with at most [`MAX_WHOLE_LEVELS`] distinct training values is compared as a category.

mod baseline;
mod boost;
mod detection;
mod distance;
mod document;
mod evaluate;
mod exact;
mod floor;
mod lines;
mod logic;
mod logistic;
pub mod minority;
mod others;
mod parts;
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

pub(crate) use boost::{Prediction, fit_all};
pub(crate) use detection::BoostedTest;
pub use evaluate::Ask;
use floor::Floors;
pub use report::Report;
use report::{
    ColumnReport, Detection, Fidelity, GivesAway, NotCompared, PairReport, Privacy, Rows, Scored, Section, Utility,
};
use trend::Trend;
use utility::UtilityTest;
use values::Comparison;
pub use values::MAX_WHOLE_LEVELS;
pub(crate) use values::{ValueTable, Values as TestValues};

use crate::{Estimate, Result};

const NEEDS_HOLDOUT: &str = "needs a hold-out table";
const NEEDS_ROWS: &str = "needs at least five rows in each table";

/// What to measure, beside the tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The column that models are trained to predict; utility is left out without one.
    pub target: Option<String>,
    /// Columns whose groups are looked at beside the target's: sex, age, region.
    pub sensitive: Vec<String>,
    /// Seed of the folds and samples.
    pub seed: u64,
    /// At most this many synthetic rows look for their closest record.
    pub distance_rows: usize,
    /// Scores all rows of large tables, in place of a sample of [`MOST_CELLS`].
    pub full: bool,
}

/// Cells of a table that are scored: of longer tables as many rows are drawn as hold these, but not fewer than [`LEAST_ROWS`]. The
/// interval of an AUC is then 0.02 wide or less.
pub const MOST_CELLS: usize = 500_000;
/// Rows that are always scored.
pub const LEAST_ROWS: usize = 10_000;

impl Default for Settings {
    fn default() -> Self {
        Settings { target: None, sensitive: Vec::new(), seed: crate::SEED, distance_rows: 20_000, full: false }
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
    let all = Comparison::new(schema, real, synthetic, holdout)?;
    for target in settings.target.iter().chain(&settings.sensitive) {
        utility::index_of(&all, target)?;
    }
    let seed = settings.seed;
    let sampled = (!settings.full).then(|| all.sampled(MOST_CELLS, LEAST_ROWS, seed)).flatten();
    let tables = sampled.as_ref().unwrap_or(&all);
    let (real, holdout) = (&tables.real, tables.holdout.as_ref());
    // The boosted trees take most of the time: all of them run first, on all threads.
    let boosted = boosted(tables, settings, watch)?;
    watch.on(Event::Busy { unit: "scores", total: 5 });
    let pairs_of = trend::pairs(tables.fields.len(), seed);
    let shapes = shape::shapes(&tables.fields, real, &tables.synthetic);
    let trends = trend::trends(&tables.fields, &pairs_of, real, &tables.synthetic);
    let floors = floor::floors(tables, &pairs_of, seed);
    watch.on(Event::done(1));
    let linear = detection::linear(real, &tables.synthetic, seed);
    let linear_floor = holdout.and_then(|h| detection::linear(real, h, seed));
    watch.on(Event::done(2));
    let distance =
        all.holdout.as_ref().map(|h| distance::distance(&all, h, settings.distance_rows, settings.full, seed));
    watch.on(Event::done(3));
    let (matches, violations) = (exact::matches(&all), exact::violations(&all, seed));
    let logic = logic::logic(tables, seed);
    let named = settings.target.iter().chain(&settings.sensitive).map(|name| utility::index_of(&all, name));
    let minorities = minority::minorities(&all, &named.collect::<Result<Vec<_>>>()?, seed);
    watch.on(Event::done(4));
    watch.on(Event::End);

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
    let scored = |tables: &Comparison| Scored {
        train: tables.real.rows,
        synthetic: tables.synthetic.rows,
        holdout: tables.holdout.as_ref().map(|h| h.rows),
    };
    Ok(Report {
        rows: Rows {
            train: all.real.rows,
            synthetic: all.synthetic.rows,
            holdout: all.holdout.as_ref().map(|h| h.rows),
            scored: sampled.as_ref().map(scored),
        },
        fidelity: fidelity(&shapes, &trends, floors.as_ref(), tables.fields.len()),
        detection: Detection {
            boosted_auc: Section::from_option(boosted.auc, NEEDS_ROWS),
            boosted_auc_holdout: Section::from_option(boosted.floor, no_floor),
            boosted_auc_unseen: Section::from_option(boosted.unseen, no_floor),
            gives_away: boosted.gives_away,
            logistic: Section::from_option(linear, NEEDS_ROWS),
            logistic_holdout: Section::from_option(linear_floor, no_floor),
        },
        utility: Section::from_option(boosted.utility, no_utility),
        privacy: Privacy { distance: Section::from_option(distance, NEEDS_HOLDOUT), matches },
        violations,
        logic,
        minorities,
        columns: columns(&all, &shapes, floors.as_ref()),
        not_compared: schema.fields.iter().filter_map(not_compared).collect(),
        pairs: pairs(tables, &trends, floors.as_ref()),
        pictures: pictures::pictures(tables, &worst_columns, &worst_pairs, seed),
        baselines: Vec::new(),
    })
}

/// What boosted trees say of the tables.
struct Boosted {
    auc: Option<Estimate>,
    /// The AUC with hold-out rows in place of synthetic ones.
    floor: Option<Estimate>,
    /// The AUC of synthetic rows against hold-out rows.
    unseen: Option<Estimate>,
    gives_away: Vec<GivesAway>,
    utility: Option<Utility>,
}

/// Fits the models of all tests at once, since they share the threads, and scores each test by its own.
fn boosted(tables: &Comparison, settings: &Settings, watch: &mut dyn Watch) -> Result<Boosted> {
    let (seed, real, synthetic) = (settings.seed, &tables.real, &tables.synthetic);
    let holdout = tables.holdout.as_ref();
    let mut all = Vec::new();
    let mut queue = |fits: Vec<boost::Fit>| {
        let from = all.len();
        all.extend(fits);
        from..all.len()
    };
    let mut test = |a: Option<&ValueTable>, b: Option<&ValueTable>, telling: bool| -> Result<_> {
        let (Some(a), Some(b)) = (a, b) else { return Ok(None) };
        Ok(BoostedTest::new(a, b, seed, telling)?.map(|(test, fits)| (test, queue(fits))))
    };
    // What gives a table away is seen best beside rows that it was not learnt from.
    let auc = test(Some(real), Some(synthetic), holdout.is_none())?;
    let floor = test(Some(real), holdout, false)?;
    let unseen = test(holdout, Some(synthetic), true)?;
    let utility = match (holdout, &settings.target) {
        (Some(h), Some(target)) => {
            Some(UtilityTest::new(tables, h, target, seed)?).map(|(test, fits)| (test, queue(fits)))
        }
        _ => None,
    };
    watch.on(Event::Busy { unit: "models", total: all.len() as u64 });
    let predictions = boost::fit_all(&all, |fitted| watch.on(Event::done(fitted)));
    watch.on(Event::End);
    let predictions = predictions?;
    let score = |(test, own): &(BoostedTest, Range<usize>)| test.score(&predictions[own.clone()]);
    let telling = unseen.as_ref().or(auc.as_ref());
    let drops = telling.map(|(test, own)| test.drops(&predictions[own.clone()])).unwrap_or_default();
    Ok(Boosted {
        auc: auc.as_ref().map(score),
        floor: floor.as_ref().map(score),
        unseen: unseen.as_ref().map(score),
        gives_away: gives_away(tables, &drops),
        utility: utility.and_then(|(test, own)| test.score(&predictions[own])),
    })
}

/// The columns whose shuffling takes from the AUC, the largest first.
fn gives_away(tables: &Comparison, drops: &[f64]) -> Vec<GivesAway> {
    let named = tables.fields.iter().zip(drops).filter(|(_, drop)| **drop > 0.0);
    let mut all: Vec<GivesAway> = named.map(|(field, &drop)| GivesAway { column: field.name.clone(), drop }).collect();
    all.sort_by(|a, b| b.drop.total_cmp(&a.drop));
    all
}

fn fidelity(shapes: &[Option<f64>], trends: &[Trend], floors: Option<&Floors>, columns: usize) -> Fidelity {
    let error = |score: Option<f64>| score.map(|s| 100.0 * (1.0 - s));
    let column_shapes = shape::mean(shapes.iter().copied());
    let pair_trends = shape::mean(trends.iter().map(|t| t.score));
    Fidelity {
        column_shapes,
        column_shapes_fresh: floors.and_then(|f| f.shape),
        shape_error_pct: error(column_shapes),
        pair_trends,
        pair_trends_fresh: floors.and_then(|f| f.trend),
        trend_error_pct: error(pair_trends),
        pairs_counted: trends.iter().filter(|t| t.score.is_some()).count(),
        pairs_there: trend::pairs_there(columns),
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
    Some(NotCompared { name: field.name.clone(), why, returned: None, foreign: None })
}

fn columns(tables: &Comparison, shapes: &[Option<f64>], floors: Option<&Floors>) -> Vec<ColumnReport> {
    let one = |(j, field): (usize, &values::Compared)| {
        let (real, synthetic) = (&tables.real.columns[j], &tables.synthetic.columns[j]);
        ColumnReport {
            name: field.name.clone(),
            compared_as: if field.is_number() { "number" } else { "category" },
            shape: shapes[j],
            shape_fresh: floors.and_then(|f| f.shapes[j]),
            missing_train: exact::missing(field, real),
            missing_synthetic: exact::missing(field, synthetic),
            out_of_range: exact::out_of_range(real, synthetic),
            unseen_level: exact::unseen_level(field, real, synthetic),
        }
    };
    tables.fields.iter().enumerate().map(one).collect()
}

fn pairs(tables: &Comparison, trends: &[Trend], floors: Option<&Floors>) -> Vec<PairReport> {
    let one = |(k, t): (usize, &Trend)| PairReport {
        first: tables.fields[t.first].name.clone(),
        second: tables.fields[t.second].name.clone(),
        trend: t.score,
        trend_fresh: floors.and_then(|f| f.trends[k]),
        correlation_train: t.correlations.map(|c| c.0),
        correlation_synthetic: t.correlations.map(|c| c.1),
    };
    trends.iter().enumerate().map(one).collect()
}
