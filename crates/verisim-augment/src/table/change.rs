//! Rows changed a little: noise, values of other rows, mixtures of two rows.
//!
//! | step | what it does to a row | after |
//! |---|---|---|
//! | `noise` | adds normal noise to numbers, in units of their column's standard deviation | |
//! | `swap` | cells take the value of another row each | SwapNoise; SCARF (Bahri et al. 2022) |
//! | `mixup` | numbers lie between those of two rows, categories are of either | Zhang et al. 2018 |
//! | `cutmix` | some columns come from another row, all from the same | Yun et al. 2019; SAINT (Somepalli et al. 2021) |
//!
//! Other rows are of the same class where the target is a category, so that labels stay true. A target of numbers is mixed as the rest by `mixup`,
//! goes along with the row that gives the larger part by `cutmix`, and is left alone by `noise` and `swap`.
//!
//! What happens to a row follows from the seed, the pass and its place in the table alone: not from the rows asked for with it, nor from
//! threads. A row that breaks a rule is changed again, in another way; after 20 tries it stays as it was, and is counted.

use rand_distr::{Beta, Distribution};
use rayon::prelude::*;
use verisim_data::rng::{Stream, below, normal, uniform};
use verisim_data::table::{Column, Frame, Schema};

use super::keep::Keeper;
use super::resample::blend;
use super::rows::{place, put};
use super::space::deviation;
use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::pipeline::{Pipeline, operations, ready, walk};
use crate::settings::settings;

/// How often a row that breaks a rule is changed again.
const TRIES: u64 = 20;

settings! {
    /// Normal noise on numbers; dates are numbers. What is missing stays so.
    Noise {
        /// The standard deviation of the noise, as a part of that of the column.
        scale: f64 = 0.1, in 0 to 1e9;
        /// The columns; all of numbers when not given.
        columns: Option<Vec<String>> = None;
    }
}

settings! {
    /// Cells from other rows, each from one of its own.
    Swap {
        /// The chance of each cell.
        share: f64 = 0.1, in 0 to 1;
        /// The columns; all when not given.
        columns: Option<Vec<String>> = None;
    }
}

settings! {
    /// A mixture with another row.
    MixUp {
        /// The share of the row itself is drawn from Beta(alpha, alpha).
        alpha: f64 = 0.2, in 0.001 to 1000;
    }
}

settings! {
    /// Columns from another row.
    CutMix {
        /// The share of the columns that stay is drawn from Beta(alpha, alpha); 1 is any share.
        alpha: f64 = 1.0, in 0.001 to 1000;
    }
}

operations! {
    /// One step for rows of tables with its settings.
    "Table" Transform: Change {
        "noise" Noise,
        "swap" Swap,
        "mixup" MixUp,
        "cutmix" CutMix,
    }
}

/// What all steps for rows can do.
pub trait Change {
    /// Whether the settings can be.
    fn check(&self) -> Result<(), String>;
    /// The step with its columns found.
    fn ready(&self, table: &Of<'_>) -> Result<Ready>;
}

/// The table that steps are made ready for.
pub struct Of<'a> {
    schema: &'a Schema,
    frame: &'a Frame,
    target: Option<usize>,
}

impl Of<'_> {
    /// The places of these columns; of all but the target when none are named.
    fn columns(&self, named: Option<&[String]>) -> Result<Vec<usize>> {
        let Some(names) = named else {
            return Ok((0..self.frame.columns.len()).filter(|j| Some(*j) != self.target).collect());
        };
        let column = |name: &String| match place(self.schema, name)? {
            j if Some(j) == self.target => {
                Err(Error::column(name, "is the target, which stays; take it out of `columns`"))
            }
            j => Ok(j),
        };
        names.iter().map(column).collect()
    }
}

impl Change for Noise {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn ready(&self, table: &Of<'_>) -> Result<Ready> {
        let mut deviations = Vec::new();
        for j in table.columns(self.columns.as_deref())? {
            match (&table.frame.columns[j], &self.columns) {
                (Column::Number(v), _) => {
                    let known = v.iter().copied().filter(|x| x.is_finite());
                    deviations.push((j, self.scale * deviation(known)));
                }
                (_, Some(_)) => {
                    let name = table.schema.modelled().nth(j).map_or("", |f| f.name.as_str());
                    return Err(Error::column(name, "holds categories, which have no noise; take `swap`"));
                }
                _ => {}
            }
        }
        Ok(Ready::Noise { deviations })
    }
}

impl Change for Swap {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn ready(&self, table: &Of<'_>) -> Result<Ready> {
        Ok(Ready::Swap { share: self.share, columns: table.columns(self.columns.as_deref())? })
    }
}

impl Change for MixUp {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn ready(&self, _: &Of<'_>) -> Result<Ready> {
        Ok(Ready::Mix { share: beta(self.alpha)?, cut: false })
    }
}

impl Change for CutMix {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn ready(&self, _: &Of<'_>) -> Result<Ready> {
        Ok(Ready::Mix { share: beta(self.alpha)?, cut: true })
    }
}

fn beta(alpha: f64) -> Result<Beta<f64>> {
    Beta::new(alpha, alpha).map_err(|e| Error::setting("alpha", e.to_string()))
}

/// Rows that were changed.
#[derive(Clone, Debug)]
pub struct Changed {
    /// One row for each that was asked for, in that order.
    pub frame: Frame,
    /// Rows that stayed as they were, since no change of theirs kept the rules.
    pub unchanged: usize,
}

/// One step, its columns found.
pub enum Ready {
    /// Of each column its deviation.
    Noise { deviations: Vec<(usize, f64)> },
    /// The chance of each cell, and which.
    Swap { share: f64, columns: Vec<usize> },
    /// The share that stays, and whether whole cells come from the other row.
    Mix { share: Beta<f64>, cut: bool },
}

/// Cells of one row: a number, or the code of a level as one.
type Row = Vec<f64>;

/// The rows `rows` of `frame`, which `schema` parsed, changed for the `pass`-th time. The column `pipeline.target`, if there is one, stays true
/// to the row. Memory and time grow with `rows` alone, but for a pass over the columns that get noise.
///
/// # Errors
/// When a setting cannot be, or a column is not there.
pub fn apply(
    pipeline: &Pipeline,
    schema: &Schema,
    frame: &Frame,
    keeper: &Keeper,
    rows: &[usize],
    pass: u64,
) -> Result<Changed> {
    pipeline.check()?;
    let target = pipeline.target.as_deref().map(|name| place(schema, name)).transpose()?;
    if let Some(&row) = rows.iter().find(|&&row| row >= frame.rows) {
        return Err(Error::setting("rows", format!("has {row}, and the table has {} rows", frame.rows)));
    }
    let table = Of { schema, frame, target };
    let steps = ready(&pipeline.table, "", &mut |step: &Transform, _| step.settings().ready(&table))?;
    let groups = Groups::of(frame, target);
    let mut made = frame.take(rows);
    let mut open: Vec<usize> = (0..rows.len()).collect();
    for time in 0..TRIES {
        let draw = |&i: &usize| -> Result<Row> {
            let (row, mut cells) = (rows[i], cells(frame, rows[i]));
            let draw = |k| Draw::new(pipeline.seed, row as u64, pass, k).within(time);
            walk(&steps, draw, &mut |step, _, rng| {
                step.apply(&mut cells, row, frame, &groups, rng);
                Ok(())
            })?;
            Ok(cells)
        };
        let drawn: Vec<Row> = open.par_iter().map(draw).collect::<Result<_>>()?;
        let from: Vec<usize> = open.iter().map(|&i| rows[i]).collect();
        let (kept, broken) = keeper.keep(of_cells(frame, &drawn), &from);
        let broken: Vec<bool> = (0..open.len()).map(|k| broken[k] || groups.moved(&kept, k, from[k])).collect();
        put(&mut made, &kept, &open, |k| !broken[k]);
        open = open.iter().zip(&broken).filter(|(_, broken)| **broken).map(|(&i, _)| i).collect();
        if open.is_empty() {
            break;
        }
    }
    Ok(Changed { frame: made, unchanged: open.len() })
}

impl Ready {
    /// Changes the cells of a row. A row that has no other of its class is left alone but for noise.
    fn apply(&self, cells: &mut Row, row: usize, frame: &Frame, groups: &Groups, rng: &mut Stream) {
        match self {
            Ready::Noise { deviations, .. } => {
                for &(j, deviation) in deviations {
                    let noise = normal(rng) * deviation;
                    // A word among numbers is a NaN with a name, and stays.
                    if !cells[j].is_nan() {
                        cells[j] += noise;
                    }
                }
            }
            Ready::Swap { share, columns, .. } => {
                for &j in columns {
                    if uniform(rng) < *share
                        && let Some(other) = groups.other(row, rng)
                    {
                        cells[j] = cell(&frame.columns[j], other);
                    }
                }
            }
            Ready::Mix { share, cut, .. } => {
                let Some(other) = groups.other(row, rng) else { return };
                let own = share.sample(rng);
                for (j, cell_) in cells.iter_mut().enumerate() {
                    let (u, column) = (uniform(rng), &frame.columns[j]);
                    // The target goes with the larger part.
                    let u = if groups.target == Some(j) && (*cut || column.is_category()) { 0.5 } else { u };
                    *cell_ = match column {
                        Column::Number(v) if !cut => blend(*cell_, v[other], 1.0 - own),
                        _ if u < own => *cell_,
                        _ => cell(column, other),
                    };
                }
            }
        }
    }
}

/// Rows that may give each other values.
struct Groups {
    target: Option<usize>,
    /// The group of each row, if there are several.
    of: Option<Vec<u32>>,
    /// The rows of each group.
    rows: Vec<Vec<usize>>,
    all: usize,
}

impl Groups {
    fn of(frame: &Frame, target: Option<usize>) -> Groups {
        let (mut of, mut rows) = (None, Vec::new());
        if let Some(Column::Category { codes, levels }) = target.map(|j| &frame.columns[j]) {
            // Rows without a class are a group too.
            rows = vec![Vec::new(); levels.len() + 1];
            let place = |&code: &u32| code.min(levels.len() as u32);
            let places: Vec<u32> = codes.iter().map(place).collect();
            places.iter().enumerate().for_each(|(i, &g)| rows[g as usize].push(i));
            of = Some(places);
        }
        Groups { target, of, rows, all: frame.rows }
    }

    /// Another row of the same group, if there is one.
    fn other(&self, row: usize, rng: &mut Stream) -> Option<usize> {
        let Some(of) = &self.of else {
            let other = (self.all > 1).then(|| below(rng, self.all as u64 - 1) as usize)?;
            return Some(other + usize::from(other >= row));
        };
        let rows = &self.rows[of[row] as usize];
        let place = rows.binary_search(&row).ok()?;
        let other = (rows.len() > 1).then(|| below(rng, rows.len() as u64 - 1) as usize)?;
        Some(rows[other + usize::from(other >= place)])
    }

    /// Whether row `k` of `rows`, which comes from row `from`, has come into another class.
    fn moved(&self, rows: &Frame, k: usize, from: usize) -> bool {
        match (&self.of, self.target.map(|j| &rows.columns[j])) {
            (Some(of), Some(Column::Category { codes, levels })) => codes[k].min(levels.len() as u32) != of[from],
            _ => false,
        }
    }
}

/// One cell: a number, or a code as one.
fn cell(column: &Column, row: usize) -> f64 {
    match column {
        Column::Number(v) => v[row],
        Column::Category { codes, .. } => f64::from(codes[row]),
    }
}

fn cells(frame: &Frame, row: usize) -> Row {
    frame.columns.iter().map(|column| cell(column, row)).collect()
}

fn of_cells(frame: &Frame, rows: &[Row]) -> Frame {
    let column = |(j, column): (usize, &Column)| match column {
        Column::Number(_) => Column::Number(rows.iter().map(|row| row[j]).collect()),
        Column::Category { levels, .. } => {
            Column::Category { codes: rows.iter().map(|row| row[j] as u32).collect(), levels: levels.clone() }
        }
    };
    Frame::new(frame.columns.iter().enumerate().map(column).collect(), rows.len())
}
