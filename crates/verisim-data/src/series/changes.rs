//! Columns that are learnt as their change from step to step.
//!
//! What wanders, as a population or a price, is nearly the same from one step to the next. As levels its steps hardly tell neighbours apart
//! from all others; as changes they do. So of such a column the first level stands in the context of a sequence, and its steps are changes: differences, or of columns that
//! are positive and span decades differences of logarithms. Where no change was below zero none is drawn: a counter never runs back.

use serde::{Deserialize, Serialize};

use super::{Sequences, Shape};
use crate::table::{Column, ColumnKind, Field, Reason};

/// A column is learnt by changes when these vary by less than this share of the variance of its levels.
const SMALLER: f64 = 0.2;
/// A positive column is taken by its logarithm when its largest value is so many times its median.
const DECADES: f64 = 20.0;

/// A column of the steps that is learnt as its change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Its place among the columns of the steps ([`Shape::step_fields`]).
    pub column: usize,
    /// Whether its logarithm changes.
    pub log: bool,
    /// Smallest and largest level.
    pub range: [f64; 2],
    /// Digits after the point of a change.
    pub decimals: u8,
}

/// Digits after the point of a change of logarithms.
const LOG_DECIMALS: u8 = 9;

impl Change {
    /// The columns of `sequences` that are better learnt so: always known, and steady enough.
    pub fn choose(shape: &Shape, sequences: &Sequences) -> Vec<Change> {
        let schema = shape.step_fields();
        let first = usize::from(shape.has_gap());
        let fields: Vec<&Field> = schema.modelled().collect();
        let one = |column: usize| {
            let (Column::Number(values), field) = (&sequences.steps.columns[column], fields[column]) else {
                return None;
            };
            let plain = matches!(field.kind, ColumnKind::Integer | ColumnKind::Decimal { .. })
                && field.numeral.words.is_empty();
            if !plain || values.is_empty() || !values.iter().all(|v| v.is_finite()) {
                return None;
            }
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let (low, high, median) = (sorted[0], sorted[sorted.len() - 1], sorted[sorted.len() / 2]);
            let log = low > 0.0 && high > DECADES * median;
            let decimals = match field.kind {
                _ if log => LOG_DECIMALS,
                ColumnKind::Decimal { decimals } => decimals,
                _ => 0,
            };
            let change = Change { column, log, range: [low, high], decimals };
            let levels: Vec<f64> = values.iter().map(|&v| change.scale(v)).collect();
            let steps = sequences.offsets.windows(2).flat_map(|p| (p[0] + 1..p[1]).map(|i| levels[i] - levels[i - 1]));
            let differences: Vec<f64> = steps.collect();
            (differences.len() > 1 && variance(&differences) < SMALLER * variance(&levels)).then_some(change)
        };
        (first..sequences.steps.columns.len()).filter_map(one).collect()
    }

    /// A level on the scale on which it changes.
    pub fn scale(&self, level: f64) -> f64 {
        if self.log { level.max(f64::MIN_POSITIVE).ln() } else { level }
    }

    /// The change from one level to the next, to the digit that columns of changes have.
    fn between(&self, before: f64, after: f64) -> f64 {
        let digits = 10f64.powi(i32::from(self.decimals));
        ((self.scale(after) - self.scale(before)) * digits).round() / digits
    }

    /// The level after a change; never out of the range that was seen.
    pub fn after(&self, level: f64, change: f64) -> f64 {
        let next = if self.log { level * change.exp() } else { level + change };
        next.clamp(self.range[0], self.range[1])
    }

    /// Where a level lies in the range that was seen, from 0 to 1.
    pub fn place(&self, level: f64) -> f64 {
        let [low, high] = self.range.map(|v| self.scale(v));
        if high > low { ((self.scale(level) - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
    }

    /// What is wrong with one that was read from a file.
    pub(crate) fn problem(&self, columns: usize) -> Option<&'static str> {
        let [low, high] = self.range;
        let sound = self.column < columns
            && low.is_finite()
            && high.is_finite()
            && low <= high
            && (!self.log || low > 0.0)
            && self.decimals <= 15;
        (!sound).then_some("says of a column how it changes that has no such values")
    }
}

/// The column of a first level in the context.
pub(super) fn first_field(field: &Field) -> Field {
    Field { name: format!("{} (first)", field.name), reason: Reason::Untold, ..field.clone() }
}

/// The column of a change in the steps.
pub(super) fn change_field(field: &Field, change: &Change) -> Field {
    let kind = match (&field.kind, change.log) {
        (_, true) => ColumnKind::Decimal { decimals: change.decimals },
        (kind, false) => kind.clone(),
    };
    Field::new(&format!("{} (change)", field.name), kind, Reason::Untold)
}

/// Puts changes in place of levels, and first levels into the context, at `at` among its columns. Gives back the levels.
pub fn to_changes(sequences: &mut Sequences, changes: &[Change], at: usize) -> Vec<Vec<f64>> {
    let mut all = Vec::with_capacity(changes.len());
    for (k, change) in changes.iter().enumerate() {
        let Column::Number(values) = &mut sequences.steps.columns[change.column] else { continue };
        let levels = std::mem::take(values);
        *values = vec![f64::NAN; levels.len()];
        for p in sequences.offsets.windows(2) {
            for i in p[0] + 1..p[1] {
                values[i] = change.between(levels[i - 1], levels[i]);
            }
        }
        let firsts = sequences.offsets.windows(2).map(|p| levels.get(p[0]).copied().unwrap_or(f64::NAN)).collect();
        sequences.context.columns.insert(at + k, Column::Number(firsts));
        all.push(levels);
    }
    all
}

/// Puts levels in place of changes again. They begin with those of the context, or follow those of `last`, a list a column.
pub fn to_levels(sequences: &mut Sequences, changes: &[Change], at: usize, last: Option<&[Vec<f64>]>) {
    for (k, change) in changes.iter().enumerate() {
        let firsts = match sequences.context.columns.remove(at) {
            Column::Number(firsts) => firsts,
            Column::Category { .. } => continue,
        };
        let Column::Number(values) = &mut sequences.steps.columns[change.column] else { continue };
        for (s, p) in sequences.offsets.windows(2).enumerate() {
            let mut level = last.map_or(firsts[s], |last| last[k][s]);
            for (i, value) in values[p[0]..p[1]].iter_mut().enumerate() {
                // A first level is one; after a past each step is a change.
                let is_first = i == 0 && last.is_none();
                level = if is_first {
                    level.clamp(change.range[0], change.range[1])
                } else {
                    change.after(level, if value.is_nan() { 0.0 } else { *value })
                };
                *value = level;
            }
        }
    }
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64
}
