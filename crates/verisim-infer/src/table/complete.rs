//! Rows completed: what a row lacks is drawn given what it has.

use verisim_data::rng::stream;
use verisim_data::table::codec::Encoded;
use verisim_data::table::frame::word_of;
use verisim_data::table::{Column, Frame, MISSING, Table};
use verisim_models::table::{Allowed, Partial};

use super::seen::{Seen, missing_tokens};
use crate::artefact::Artefact;
use crate::error::Result;

/// Draws of a row for which a model gave no value where it must.
const TRIES: usize = 20;

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
    let known = seen.known();
    let known = known.iter().map(|column| index_of.iter().map(|&i| column[i]).collect()).collect();
    let partial = Partial { rows: seen.encoded.take(&index_of), known, allowed };
    let mut rng = stream(seed, "complete", index);
    let mut drawn = artefact.sampler.complete_many(&partial, times, &mut rng)?;
    for whole in &mut drawn {
        for _ in 0..TRIES {
            let broken = partial.broken(whole);
            if broken.is_empty() {
                break;
            }
            let again = artefact.sampler.complete(&partial.take(&broken), &mut rng)?;
            put(whole, &again, &broken);
        }
    }
    let frame = |(t, whole): (usize, &Encoded)| {
        let made = spec.codec.decode(whole, seed, (index << 20) + t as u64);
        overlaid(made, seen, &index_of)
    };
    Ok(drawn.iter().enumerate().map(frame).collect())
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

/// The values that the rows at `index` have in `seen`, and those of `made` elsewhere. A cell that the model cannot read but that holds a
/// level has it still.
fn overlaid(made: Frame, seen: &Seen, index: &[usize]) -> Frame {
    let columns = made.columns.into_iter().zip(&seen.frame.columns);
    let column = |(made, own): (Column, &Column)| match (made, own) {
        (Column::Number(mut made), Column::Number(own)) => {
            for (to, &i) in made.iter_mut().zip(index) {
                if !own[i].is_nan() || word_of(own[i]).is_some() {
                    *to = own[i];
                }
            }
            Column::Number(made)
        }
        (Column::Category { codes: mut made, .. }, Column::Category { codes, levels }) => {
            for (to, &i) in made.iter_mut().zip(index) {
                if codes[i] != MISSING {
                    *to = codes[i];
                }
            }
            Column::Category { codes: made, levels: levels.clone() }
        }
        (made, _) => made,
    };
    Frame::new(columns.map(column).collect(), index.len())
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
