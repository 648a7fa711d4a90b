//! The ends of the scale: what a table of independent columns scores and what a copy of the training rows does.

use verisim_data::Watch;
use verisim_data::rng::stream;
use verisim_data::table::{Column, Frame, Schema};

use super::detection::{sample, shuffle};
use super::report::{Baseline, Report};
use super::{Settings, compare_watched};
use crate::Result;

/// Lines that are shown beside those of the table.
const LINES: [&str; 8] = [
    "column_shapes",
    "pair_trends",
    "boosted_auc",
    "boosted_auc_unseen",
    "logistic_auc",
    "utility",
    "closer_to_train",
    "exact_copies",
];

/// The scores of both, for as many rows as the synthetic table has.
pub(crate) fn baselines(
    schema: &Schema,
    real: &Frame,
    rows: usize,
    holdout: Option<&Frame>,
    settings: &Settings,
    watch: &mut dyn Watch,
) -> Result<Vec<Baseline>> {
    // Of more rows than there are, some are there twice.
    let whole = (0..rows / real.rows).flat_map(|_| 0..real.rows);
    let chosen: Vec<usize> = whole.chain(sample(real.rows, rows % real.rows, settings.seed, 30)).collect();
    let copy = real.take(&chosen);
    let independent = Frame::new(
        copy.columns.iter().enumerate().map(|(j, column)| shuffled(column, rows, settings.seed, j)).collect(),
        rows,
    );
    let mut both = Vec::new();
    for (name, table) in [("independent columns", independent), ("copy of training", copy)] {
        let report = compare_watched(schema, real, &table, holdout, settings, watch)?;
        both.push(Baseline { name, scores: scores(&report) });
    }
    Ok(both)
}

fn shuffled(column: &Column, rows: usize, seed: u64, j: usize) -> Column {
    let mut order: Vec<usize> = (0..rows).collect();
    shuffle(&mut order, &mut stream(seed, "metrics baseline", j as u64));
    match column {
        Column::Number(v) => Column::Number(order.iter().map(|&i| v[i]).collect()),
        Column::Category { codes, levels } => {
            Column::Category { codes: order.iter().map(|&i| codes[i]).collect(), levels: levels.clone() }
        }
    }
}

/// The lines of a report by their ids, as they are written.
pub(crate) fn scores(report: &Report) -> Vec<(&'static str, String)> {
    let groups = report.groups();
    let line = |id: &'static str| {
        let line = groups.iter().flat_map(|g| &g.lines).find(|line| line.id == id)?;
        Some((id, line.value.clone()))
    };
    LINES.into_iter().filter_map(line).collect()
}
