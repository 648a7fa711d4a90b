//! Rows changed a little: noise, values of other rows, mixtures of two rows.
//!
//! | step | what it does to a row | after |
//! |---|---|---|
//! | `noise` | adds normal noise to numbers, in units of their column's standard deviation | |
//! | `swap` | cells take the value of another row each | SwapNoise; SCARF (Bahri et al. 2022) |
//! | `mix_up` | numbers lie between those of two rows, categories are of either | Zhang et al. 2018 |
//! | `cut_mix` | some columns come from another row, all from the same | Yun et al. 2019; SAINT (Somepalli et al. 2021) |
//!
//! Other rows are of the same class where the target is a category, so that labels stay true. A target of numbers is mixed as the rest by `mix_up`,
//! goes along with the row that gives the larger part by `cut_mix`, and is left alone by `noise` and `swap`.
//!
//! What happens to a row follows from the seed, the pass and its place in the table alone: not from the rows asked for with it, nor from
//! threads. A row that breaks a rule is changed again, in another way; after 20 tries it stays as it was, and is counted.

use rand_distr::{Beta, Distribution};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, mix, normal, stream, uniform};
use verisim_data::table::{Column, Frame, Schema};

use super::keep::Keeper;
use super::resample::blend;
use super::rows::{place, put};
use super::space::deviation;
use crate::error::{Error, Result};

/// How often a row that breaks a rule is changed again.
const TRIES: usize = 20;

/// One step of what is done to a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Normal noise on numbers; dates are numbers. What is missing stays so.
    Noise {
        /// The chance that a row is changed at all; 1.
        #[serde(default = "one")]
        p: f64,
        /// The standard deviation of the noise, as a part of that of the column; 0.1.
        #[serde(default = "tenth")]
        scale: f64,
        /// The columns; all of numbers when not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        columns: Option<Vec<String>>,
    },
    /// Cells from other rows, each from one of its own.
    Swap {
        /// The chance that a row is changed at all; 1.
        #[serde(default = "one")]
        p: f64,
        /// The chance of each cell; 0.1.
        #[serde(default = "tenth")]
        share: f64,
        /// The columns; all when not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        columns: Option<Vec<String>>,
    },
    /// A mixture with another row.
    MixUp {
        /// The chance that a row is changed at all; 1.
        #[serde(default = "one")]
        p: f64,
        /// The share of the row itself is drawn from Beta(alpha, alpha); 0.2.
        #[serde(default = "fifth")]
        alpha: f64,
    },
    /// Columns from another row.
    CutMix {
        /// The chance that a row is changed at all; 1.
        #[serde(default = "one")]
        p: f64,
        /// The share of the columns that stay is drawn from Beta(alpha, alpha); 1, which is any share.
        #[serde(default = "one")]
        alpha: f64,
    },
}

fn one() -> f64 {
    1.0
}

fn tenth() -> f64 {
    0.1
}

fn fifth() -> f64 {
    0.2
}

/// What is done to the rows of a table, step after step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Changes {
    /// The steps, in order.
    pub steps: Vec<Change>,
    /// The column whose value must stay true to the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
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
enum Step {
    Noise { p: f64, deviations: Vec<(usize, f64)> },
    Swap { p: f64, share: f64, columns: Vec<usize> },
    Mix { p: f64, share: Beta<f64>, cut: bool },
}

/// Cells of one row: a number, or the code of a level as one.
type Row = Vec<f64>;

impl Changes {
    /// The rows `rows` of `frame`, which `schema` parsed, changed for the `pass`-th time. Memory and time grow with `rows` alone, but for
    /// a pass over the columns that get noise.
    ///
    /// # Errors
    /// When a setting cannot be, or a column is not there.
    pub fn apply(
        &self,
        schema: &Schema,
        frame: &Frame,
        keeper: &Keeper,
        rows: &[usize],
        (seed, pass): (u64, u64),
    ) -> Result<Changed> {
        let target = self.target.as_deref().map(|name| place(schema, name)).transpose()?;
        if let Some(&row) = rows.iter().find(|&&row| row >= frame.rows) {
            return Err(Error::setting("rows", format!("has {row}, and the table has {} rows", frame.rows)));
        }
        let steps: Vec<Step> =
            self.steps.iter().map(|step| self.step(step, schema, frame, target)).collect::<Result<_>>()?;
        let groups = Groups::of(frame, target);
        let mut rngs: Vec<Stream> =
            rows.iter().map(|&row| stream(seed, "augment table rows", mix(mix(pass) ^ row as u64))).collect();
        let mut made = frame.take(rows);
        let mut open: Vec<usize> = (0..rows.len()).collect();
        for _ in 0..TRIES {
            let mut own: Vec<(usize, &mut Stream)> = Vec::with_capacity(open.len());
            let mut next = open.iter().peekable();
            for (k, rng) in rngs.iter_mut().enumerate() {
                if next.next_if(|&&i| i == k).is_some() {
                    own.push((rows[k], rng));
                }
            }
            let draw = |(row, rng): (usize, &mut Stream)| {
                let mut cells = cells(frame, row);
                steps.iter().for_each(|step| step.apply(&mut cells, row, frame, &groups, rng));
                cells
            };
            let drawn: Vec<Row> = own.into_par_iter().map(draw).collect();
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

    fn step(&self, step: &Change, schema: &Schema, frame: &Frame, target: Option<usize>) -> Result<Step> {
        let share = |key: &str, x: f64| match (0.0..=1.0).contains(&x) {
            true => Ok(x),
            false => Err(Error::setting(key, format!("is {x}; it is a chance, from 0 to 1"))),
        };
        let columns = |named: &Option<Vec<String>>| -> Result<Vec<usize>> {
            let columns: Vec<usize> = match named {
                Some(names) => names.iter().map(|name| place(schema, name)).collect::<Result<_>>()?,
                None => (0..frame.columns.len()).filter(|j| Some(*j) != target).collect(),
            };
            match (&self.target, columns.iter().any(|j| Some(*j) == target)) {
                (Some(name), true) => Err(Error::column(name, "is the target, which stays; take it out of `columns`")),
                _ => Ok(columns),
            }
        };
        let beta = |alpha: f64| {
            let what = || Error::setting("alpha", format!("is {alpha}; it must be above 0"));
            if alpha > 0.0 && alpha.is_finite() { Beta::new(alpha, alpha).map_err(|_| what()) } else { Err(what()) }
        };
        Ok(match step {
            Change::Noise { p, scale, columns: named } => {
                if !(*scale >= 0.0 && scale.is_finite()) {
                    return Err(Error::setting(
                        "scale",
                        format!("is {scale}; it is a part of the deviation, 0 or more"),
                    ));
                }
                let mut deviations = Vec::new();
                for j in columns(named)? {
                    match (&frame.columns[j], named) {
                        (Column::Number(v), _) => {
                            let known = v.iter().copied().filter(|x| x.is_finite());
                            deviations.push((j, scale * deviation(known)));
                        }
                        (_, Some(_)) => {
                            let name = schema.modelled().nth(j).map_or("", |f| f.name.as_str());
                            return Err(Error::column(name, "holds categories, which have no noise; take `swap`"));
                        }
                        _ => {}
                    }
                }
                Step::Noise { p: share("p", *p)?, deviations }
            }
            Change::Swap { p, share: cells, columns: named } => {
                Step::Swap { p: share("p", *p)?, share: share("share", *cells)?, columns: columns(named)? }
            }
            Change::MixUp { p, alpha } => Step::Mix { p: share("p", *p)?, share: beta(*alpha)?, cut: false },
            Change::CutMix { p, alpha } => Step::Mix { p: share("p", *p)?, share: beta(*alpha)?, cut: true },
        })
    }
}

impl Step {
    /// Changes the cells of a row. A row that has no other of its class is left alone but for noise.
    fn apply(&self, cells: &mut Row, row: usize, frame: &Frame, groups: &Groups, rng: &mut Stream) {
        let p = match self {
            Step::Noise { p, .. } | Step::Swap { p, .. } | Step::Mix { p, .. } => *p,
        };
        if uniform(rng) >= p {
            return;
        }
        match self {
            Step::Noise { deviations, .. } => {
                for &(j, deviation) in deviations {
                    let noise = normal(rng) * deviation;
                    // A word among numbers is a NaN with a name, and stays.
                    if !cells[j].is_nan() {
                        cells[j] += noise;
                    }
                }
            }
            Step::Swap { share, columns, .. } => {
                for &j in columns {
                    if uniform(rng) < *share
                        && let Some(other) = groups.other(row, rng)
                    {
                        cells[j] = cell(&frame.columns[j], other);
                    }
                }
            }
            Step::Mix { share, cut, .. } => {
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
