//! A list of steps, done to one series or to all of a panel.

use rayon::prelude::*;
use verisim_data::series::{Made, Sequences, Shape, Unit, offsets};
use verisim_data::table::codec::{Bounds, GridCodec};
use verisim_data::table::{Column, ColumnKind, Field, Frame, MISSING, Schema};

use super::{Sequence, Transform};
use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::pipeline::{Pipeline, Step, any, walk};
use crate::table::joined_all;

/// One series changed: what happens follows from `draw` of each step's place. `others` are those that it may be mixed with.
///
/// # Errors
/// When series are too long to be mixed.
pub fn one(
    steps: &[Step<Transform>],
    of: &Sequence,
    others: &[&Sequence],
    draw: impl Fn(u64) -> Draw,
) -> Result<Sequence> {
    let mut now = of.clone();
    walk(steps, draw, &mut |step: &Transform, _, rng| {
        // A series without steps stays one.
        if !now.is_empty() {
            now = step.settings().apply(std::mem::take(&mut now), others, rng)?;
        }
        Ok(())
    })?;
    Ok(now)
}

/// All series of `sequences`, which have this `shape`, changed for the `pass`-th time. Numbers keep the digits of their column, and
/// those that never are negative stay so. Start, length and gaps are those of the changed series. Where steps come regularly they still do: after `resample` a series
/// then lasts longer or shorter.
///
/// # Errors
/// When a setting cannot be, the target is none, or series are too long to be mixed.
pub fn apply(pipeline: &Pipeline, shape: &Shape, sequences: &Sequences, pass: u64) -> Result<Made> {
    pipeline.check()?;
    let fields = shape.step_fields();
    let date = shape.steps.fields.iter().find(|f| matches!(f.kind, ColumnKind::Datetime { .. }));
    if let (Some(date), None) = (date, &shape.order) {
        let what = "holds times, and it is not known that rows come by it; say so by data.series.order, and whose they are by \
                    data.series.key";
        return Err(Error::column(&date.name, what));
    }
    let gapped = usize::from(shape.has_gap());
    let bounds: Vec<Option<Bounds>> = sequences
        .steps
        .columns
        .iter()
        .zip(fields.modelled())
        .skip(gapped)
        .map(|(column, field)| match column {
            Column::Number(v) => Some(open(GridCodec::fit(v, field.precision(), 2).bounds)),
            Column::Category { .. } => None,
        })
        .collect();
    let alike = alike(pipeline.target.as_deref(), shape, sequences)?;
    let all: Vec<Sequence> = (0..sequences.count()).map(|i| steps_of(shape, sequences, i)).collect();
    let mixes = any(&pipeline.series, &|step| matches!(step, Transform::Barycentre(_)));
    let change = |i: usize| -> Result<Sequence> {
        let like = |k: &&usize| **k != i;
        let others: Vec<&Sequence> = match mixes {
            true => alike.rows[alike.of[i] as usize].iter().filter(like).map(|&k| &all[k]).collect(),
            false => Vec::new(),
        };
        let draw = |k| Draw::new(pipeline.seed, i as u64, pass, k);
        let mut made = one(&pipeline.series, &all[i], &others, draw)?;
        stamp(&mut made, shape);
        Ok(made.map_numbers(|j, v| {
            if let Some(bounds) = &bounds[j] {
                v.iter_mut().filter(|x| !x.is_nan()).for_each(|x| *x = bounds.apply(*x));
            }
        }))
    };
    let made: Vec<Sequence> = (0..all.len()).into_par_iter().map(change).collect::<Result<_>>()?;
    Ok(together(shape, sequences, made))
}

/// Digits and steps, in a range that is open: a series that drifts or is scaled leaves what was there, and would lie flat along its edge
/// otherwise. What is never negative stays so.
fn open(bounds: Bounds) -> Bounds {
    let min = if bounds.min >= 0.0 { 0.0 } else { f64::MIN };
    Bounds { min, max: f64::MAX, gaps: Vec::new(), ..bounds }
}

/// Which series are of one level of the target.
fn alike(target: Option<&str>, shape: &Shape, sequences: &Sequences) -> Result<Alike> {
    let count = sequences.count();
    let Some(name) = target else {
        return Ok(Alike { of: vec![0; count], rows: vec![(0..count).collect()] });
    };
    let context: Schema = shape.context_fields();
    let wrong = |what: &str| Err(Error::column(name, what));
    let Some(place) = context.modelled().position(|f: &Field| f.name == name) else {
        return wrong("is not the same throughout each series, or not there; name one that is, or none");
    };
    let Column::Category { codes, levels } = &sequences.context.columns[place] else {
        return wrong("holds numbers, not classes; name one of categories, or none");
    };
    let of: Vec<u32> = codes.iter().map(|&c| if c == MISSING { levels.len() as u32 } else { c }).collect();
    let mut rows = vec![Vec::new(); levels.len() + 1];
    of.iter().enumerate().for_each(|(i, &level)| rows[level as usize].push(i));
    Ok(Alike { of, rows })
}

struct Alike {
    of: Vec<u32>,
    rows: Vec<Vec<usize>>,
}

/// Series `i` of a panel: its times, and its steps without the column of gaps.
pub fn steps_of(shape: &Shape, sequences: &Sequences, i: usize) -> Sequence {
    let rows: Vec<usize> = sequences.steps_of(i).collect();
    let mut steps = sequences.steps.take(&rows);
    if shape.has_gap() {
        steps.columns.remove(0);
    }
    Sequence { times: rows.iter().map(|&r| sequences.times[r]).collect(), steps }
}

/// Brings times to what the order column can have.
fn stamp(made: &mut Sequence, shape: &Shape) {
    if let (Some(every), Some(&first)) = (shape.clock.every, made.times.first()) {
        made.times.iter_mut().enumerate().for_each(|(t, time)| *time = first + every * t as f64);
        return;
    }
    let whole = shape.order.as_ref().is_some_and(|order| order.kind == ColumnKind::Integer);
    if whole || shape.clock.unit != Unit::One {
        made.times.iter_mut().for_each(|time| *time = time.round());
    }
}

/// The panel of series that were made.
fn together(shape: &Shape, sequences: &Sequences, made: Vec<Sequence>) -> Made {
    let starts: Vec<f64> = made
        .iter()
        .enumerate()
        // A series without steps has none to tell.
        .map(|(i, s)| s.times.first().or(sequences.times.get(sequences.offsets[i])).copied().unwrap_or(0.0))
        .collect();
    let mut context = sequences.context.clone();
    let mut put = |place: usize, values: Vec<f64>| {
        if let Some(Column::Number(v)) = context.columns.get_mut(place) {
            *v = values;
        }
    };
    if shape.has_start() {
        put(0, starts.clone());
    }
    if shape.has_length() {
        put(usize::from(shape.has_start()), made.iter().map(|s| s.len() as f64).collect());
    }
    let times: Vec<f64> = made.iter().flat_map(|s| s.times.iter().copied()).collect();
    let mut steps = joined_all(&sequences.steps.take(&[]), shape.has_gap(), made.iter().map(|s| &s.steps));
    if shape.has_gap() {
        let gaps = made.iter().flat_map(|s| {
            let gap = |t: usize| t.checked_sub(1).map_or(f64::NAN, |before| s.times[t] - s.times[before]);
            (0..s.len()).map(gap)
        });
        steps.columns.insert(0, Column::Number(gaps.collect()));
    }
    let steps = Frame::new(steps.columns, times.len());
    let sequences = Sequences { offsets: offsets(made.iter().map(Sequence::len)), context, steps, times };
    Made { sequences, starts: Some(starts) }
}
