//! Rows completed: what a row lacks is drawn given what it has.

use std::collections::BTreeMap;

use verisim_data::rng::stream;
use verisim_data::table::codec::{ColumnCodec, Encoded, TableCodec};
use verisim_data::table::frame::word_of;
use verisim_data::table::{Column, Frame, MISSING, Table};
use verisim_models::table::{Allowed, Partial};

use super::seen::{Seen, missing_tokens};
use crate::artefact::Artefact;
use crate::error::Result;

/// Draws of a row that has no value where it must, or breaks a rule.
const TRIES: usize = 40;

/// What a row that lacks a value gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// A value, whatever the model thinks.
    Filled,
    /// What the model draws, which may be no value where its data had such rows.
    Drawn,
}

/// Rows `first .. first + rows` of `seen`, completed `times` times. What is known stands in them as it is in `seen`. Part `index` of
/// the rows has its own random stream under `seed`.
///
/// # Errors
/// When the model completes no rows, or its device fails.
pub fn complete(
    artefact: &Artefact<Table>,
    seen: &Seen,
    rows: std::ops::Range<usize>,
    times: usize,
    lack: Lack,
    seed: u64,
    index: u64,
) -> Result<Vec<Frame>> {
    let spec = &artefact.spec;
    let mut allowed = Allowed::any(spec.codec.columns.len());
    if lack == Lack::Filled {
        for (j, (codec, missing)) in spec.codec.columns.iter().zip(missing_tokens(&spec.codec)).enumerate() {
            if let Some(missing) = missing {
                allowed.restrict(j, (0..codec.span().tokens).map(|t| t != missing).collect());
            }
        }
    }
    let index_of: Vec<usize> = rows.collect();
    let known: Vec<Vec<bool>> =
        seen.known().iter().map(|column| index_of.iter().map(|&i| column[i]).collect()).collect();
    let own = seen.frame.take(&index_of);
    let partial = Partial { rows: seen.encoded.take(&index_of), known: spec.codec.known_tokens(&known), allowed };
    let groups = by_demand(artefact, &own, &known, &partial);
    let mut rng = stream(seed, "complete", index);
    let mut drawn = vec![partial.rows.clone(); times];
    for (at, partial) in &groups {
        for (whole, part) in drawn.iter_mut().zip(artefact.sampler.complete_many(partial, times, &mut rng)?) {
            put(whole, &part, at);
        }
    }
    let mut frames = Vec::with_capacity(times);
    for (t, whole) in drawn.iter_mut().enumerate() {
        let chunk = (index << 20) + (t * (TRIES + 1)) as u64;
        let (mut frame, mut broken) = around(&spec.codec, whole, &own, &known, (seed, chunk));
        for attempt in 1..=TRIES as u64 {
            partial.broken(whole).into_iter().for_each(|i| broken[i] = true);
            let wrong: Vec<usize> = (0..broken.len()).filter(|&i| broken[i]).collect();
            if wrong.is_empty() {
                break;
            }
            for (at, partial) in &groups {
                let again: Vec<usize> = (0..at.len()).filter(|&k| broken[at[k]]).collect();
                if !again.is_empty() {
                    let places: Vec<usize> = again.iter().map(|&k| at[k]).collect();
                    put(whole, &artefact.sampler.complete(&partial.take(&again), &mut rng)?, &places);
                }
            }
            let known: Vec<Vec<bool>> = known.iter().map(|k| wrong.iter().map(|&i| k[i]).collect()).collect();
            let at = (seed, chunk + attempt);
            let (new, still) = around(&spec.codec, &whole.take(&wrong), &own.take(&wrong), &known, at);
            replace(&mut frame, &new, &wrong);
            wrong.iter().zip(still).for_each(|(&i, still)| broken[i] = still);
        }
        frames.push(frame);
    }
    Ok(frames)
}

/// Rows decoded around the known cells of `own`, and which of them break a rule.
fn around(
    codec: &TableCodec,
    whole: &Encoded,
    own: &Frame,
    known: &[Vec<bool>],
    (seed, chunk): (u64, u64),
) -> (Frame, Vec<bool>) {
    let decode = |own: &Frame| codec.decode_over(whole, seed, chunk, &|j, made| overlaid(made, &own.columns[j]));
    let (mut frame, mut broken) = decode(own);
    if broken.contains(&true) {
        let mut mended = own.clone();
        codec.mend(&frame, &mut mended, known);
        let (other, still) = decode(&mended);
        let better: Vec<usize> = (0..broken.len()).filter(|&i| broken[i] && !still[i]).collect();
        replace(&mut frame, &other.take(&better), &better);
        better.into_iter().for_each(|i| broken[i] = false);
    }
    (frame, broken)
}

/// Rows that are completed together, and what they may become: those of which a known column demands the same of one that is not.
fn by_demand(
    artefact: &Artefact<Table>,
    own: &Frame,
    known: &[Vec<bool>],
    partial: &Partial,
) -> Vec<(Vec<usize>, Partial)> {
    let codec = &artefact.spec.codec;
    let demands = codec.demands(own, known);
    let mut groups: BTreeMap<Vec<Option<u64>>, Vec<usize>> = BTreeMap::new();
    for i in 0..own.rows {
        let asked = demands.iter().map(|d| d.values[i].map(f64::to_bits)).collect();
        groups.entry(asked).or_default().push(i);
    }
    let group = |(asked, at): (Vec<Option<u64>>, Vec<usize>)| {
        let mut part = partial.take(&at);
        for (demand, value) in demands.iter().zip(asked).filter_map(|(d, asked)| Some((d, f64::from_bits(asked?)))) {
            let ColumnCodec::Category(category) = &codec.columns[demand.column()] else { continue };
            let mut tokens = vec![false; category.span().tokens as usize];
            let levels = (0..category.levels.len() as u32).filter(|&level| demand.allows(level, value));
            levels.for_each(|level| tokens[category.token(level) as usize] = true);
            // What no level comes to cannot be demanded.
            if tokens.contains(&true) {
                part.allowed.restrict(demand.column(), tokens);
            }
        }
        (at, part)
    };
    groups.into_iter().map(group).collect()
}

/// Puts rows in the places `at` of others.
fn put(whole: &mut Encoded, rows: &Encoded, at: &[usize]) {
    for (into, from) in whole.tokens.iter_mut().zip(&rows.tokens) {
        at.iter().zip(from).for_each(|(&i, &t)| into[i] = t);
    }
    for (into, from) in whole.scalars.iter_mut().zip(&rows.scalars) {
        at.iter().zip(from).for_each(|(&i, &s)| into[i] = s);
    }
}

/// Puts rows in the places `at` of a frame of the same columns.
fn replace(whole: &mut Frame, rows: &Frame, at: &[usize]) {
    for (into, from) in whole.columns.iter_mut().zip(&rows.columns) {
        match (into, from) {
            (Column::Number(into), Column::Number(from)) => at.iter().zip(from).for_each(|(&i, &x)| into[i] = x),
            (Column::Category { codes: into, .. }, Column::Category { codes: from, .. }) => {
                at.iter().zip(from).for_each(|(&i, &code)| into[i] = code);
            }
            _ => {}
        }
    }
}

/// The values that rows have of their own, and those that were made elsewhere. A cell that the model cannot read but that holds a level has
/// it still.
fn overlaid(made: Column, own: &Column) -> Column {
    match (made, own) {
        (Column::Number(made), Column::Number(own)) => {
            let value = |(made, &own): (f64, &f64)| if own.is_nan() && word_of(own).is_none() { made } else { own };
            Column::Number(made.into_iter().zip(own).map(value).collect())
        }
        (Column::Category { codes: made, .. }, Column::Category { codes, levels }) => {
            let code = |(made, &own): (u32, &u32)| if own == MISSING { made } else { own };
            Column::Category { codes: made.into_iter().zip(codes).map(code).collect(), levels: levels.clone() }
        }
        (made, _) => made,
    }
}

/// One best guess out of several completions of the same rows: of numbers the median, of categories the level that comes most often. An odd
/// number of completions has a median that was drawn.
pub fn best(frames: &[Frame]) -> Frame {
    let Some(first) = frames.first() else { return Frame::default() };
    let column = |j: usize| match &first.columns[j] {
        Column::Number(_) => {
            let value = |i: usize| middle(frames.iter().filter_map(|f| number(&f.columns[j], i)).collect());
            Column::Number((0..first.rows).map(value).collect())
        }
        Column::Category { levels, .. } => {
            let code = |i: usize| commonest(frames.iter().filter_map(|f| code(&f.columns[j], i)).collect());
            Column::Category { codes: (0..first.rows).map(code).collect(), levels: levels.clone() }
        }
    };
    Frame::new((0..first.columns.len()).map(column).collect(), first.rows)
}

fn number(column: &Column, row: usize) -> Option<f64> {
    match column {
        Column::Number(v) => Some(v[row]),
        Column::Category { .. } => None,
    }
}

fn code(column: &Column, row: usize) -> Option<u32> {
    match column {
        Column::Number(_) => None,
        Column::Category { codes, .. } => Some(codes[row]),
    }
}

/// The median of those that are numbers; where most are none, what these are most often.
fn middle(values: Vec<f64>) -> f64 {
    let (mut numbers, others): (Vec<f64>, Vec<f64>) = values.into_iter().partition(|x| !x.is_nan());
    if numbers.len() < others.len() {
        return f64::from_bits(commonest(others.iter().map(|x| x.to_bits()).collect()));
    }
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get((numbers.len().max(1) - 1) / 2).copied().unwrap_or(f64::NAN)
}

/// The value that comes most often, the least of equals.
fn commonest<T: Ord + Copy + Default>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    let runs = values.chunk_by(|a, b| a == b);
    runs.rev().max_by_key(|run| run.len()).map_or(T::default(), |run| run[0])
}

/// How many of these `holes`, a column each, have no value still.
pub fn unfilled(frame: &Frame, holes: &[Vec<bool>]) -> usize {
    let lacks = |(column, holes): (&Column, &Vec<bool>)| {
        let lacks = |i: usize| match column {
            Column::Number(v) => v[i].is_nan() && word_of(v[i]).is_none(),
            Column::Category { codes, .. } => codes[i] == MISSING,
        };
        holes.iter().enumerate().filter(|(i, hole)| **hole && lacks(*i)).count()
    };
    frame.columns.iter().zip(holes).map(lacks).sum()
}
