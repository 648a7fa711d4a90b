//! Which rows are kept back.

use std::path::Path;

use arrow_array::Array;
use rustc_hash::FxHashMap;

use super::{How, Rule, To, names};
use crate::error::{Error, Result};
use crate::rng::{below, stream};
use crate::table::{Column, ColumnKind, ColumnKindName, DetectSettings, Override, ReadSettings, Schema, Table};

/// For each row where it goes, and what is to be said of the choice.
pub(super) fn choose(path: &Path, settings: &ReadSettings, rule: &Rule) -> Result<(Vec<To>, Vec<String>)> {
    let column = |name: &String| -> Result<Table> {
        Table::read(path, &ReadSettings { columns: Some(vec![name.clone()]), ..settings.clone() })
    };
    let to = |(chosen, notes): (Vec<bool>, Vec<String>)| (chosen.into_iter().map(To::of).collect(), notes);
    let (chosen, notes): (Vec<To>, Vec<String>) = match &rule.how {
        How::Random { seed } => to((at_random(rows(path, settings)?, rule.holdout, *seed), Vec::new())),
        How::Key { column: name, seed } => to(by_key(&column(name)?, rule.holdout, *seed)?),
        How::Time { column: name, gap } => by_time(&column(name)?, rule.holdout, *gap)?,
        How::Last { gap } => last(rows(path, settings)?, rule.holdout, *gap),
    };
    match chosen.contains(&To::Train) && chosen.contains(&To::Holdout) {
        true => Ok((chosen, notes)),
        false => Err(Error::file(path, "cannot be parted: one part would have no rows; give it more rows")),
    }
}

/// Rows of the file at `path`, counted a chunk at a time.
fn rows(path: &Path, settings: &ReadSettings) -> Result<usize> {
    const CHUNK: usize = 1 << 16;
    let first = names(path, settings)?.into_iter().take(1).collect();
    let settings = ReadSettings { columns: Some(first), ..settings.clone() };
    Table::chunks(path, &settings, CHUNK)?.try_fold(0, |rows, chunk| Ok(rows + chunk?.rows))
}

/// How many of `n` are `share`, at least one and not all.
fn part(n: usize, share: f64) -> usize {
    ((share * n as f64).round() as usize).clamp(1, n.saturating_sub(1).max(1))
}

/// Numbers below `n` in random order.
fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let mut rng = stream(seed, "split", 0);
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, below(&mut rng, i as u64 + 1) as usize);
    }
    order
}

fn at_random(rows: usize, share: f64, seed: u64) -> Vec<bool> {
    let mut chosen = vec![false; rows];
    shuffled(rows, seed).into_iter().take(part(rows, share)).for_each(|i| chosen[i] = true);
    chosen
}

/// Whole keys, until the rows come as near to their share as keys can bring them. Rows without a key are learnt: nobody knows whose
/// they are.
fn by_key(table: &Table, share: f64, seed: u64) -> Result<(Vec<bool>, Vec<String>)> {
    let text = table.text(0)?;
    let mut places: FxHashMap<&str, usize> = FxHashMap::default();
    let mut counts: Vec<usize> = Vec::new();
    let keys: Vec<Option<usize>> = text
        .iter()
        .map(|key| {
            let place = *places.entry(key?).or_insert(counts.len());
            if place == counts.len() {
                counts.push(0);
            }
            counts[place] += 1;
            Some(place)
        })
        .collect();
    let column = &table.names[0];
    if counts.len() < 2 {
        return Err(Error::column(column, "has fewer than two different values; part by another column"));
    }
    let wanted = part(table.rows, share);
    let (mut held, mut apart) = (0, vec![false; counts.len()]);
    for key in shuffled(counts.len(), seed) {
        if (held + counts[key]).abs_diff(wanted) < held.abs_diff(wanted) {
            (held, apart[key]) = (held + counts[key], true);
        }
    }
    // Where every key is far larger than its share, the smallest is the nearest.
    if held == 0
        && let Some(least) = (0..counts.len()).min_by_key(|&key| counts[key])
    {
        apart[least] = true;
    }
    let mut notes = vec![format!(
        "{} of the {} values of `{column}` are kept back, with all their rows",
        apart.iter().filter(|a| **a).count(),
        counts.len()
    )];
    if text.null_count() > 0 {
        notes.push(format!("{} rows without `{column}` are to learn", text.null_count()));
    }
    Ok((keys.iter().map(|key| key.is_some_and(|key| apart[key])).collect(), notes))
}

/// The last rows as the file lies.
fn last(rows: usize, share: f64, gap: usize) -> (Vec<To>, Vec<String>) {
    let first = rows - part(rows, share).min(rows);
    let begin = first.saturating_sub(gap);
    let to = |i: usize| {
        if i >= first {
            To::Holdout
        } else if i >= begin {
            To::Neither
        } else {
            To::Train
        }
    };
    ((0..rows).map(to).collect(), left_out(first - begin))
}

/// What is said of rows that go to neither part.
fn left_out(rows: usize) -> Vec<String> {
    if rows == 0 { Vec::new() } else { vec![format!("{rows} rows between the parts are left out")] }
}

/// The last rows in the order of the column; rows of one time stay together.
fn by_time(table: &Table, share: f64, gap: usize) -> Result<(Vec<To>, Vec<String>)> {
    let column = &table.names[0];
    let (times, kind) = times(table)?;
    let mut sorted: Vec<f64> = times.iter().copied().filter(|t| !t.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let cut = sorted.len().saturating_sub(part(table.rows, share));
    let begins = |i: &usize| *i > 0 && sorted[i - 1] < sorted[*i];
    let Some(at) = (1..sorted.len()).filter(begins).min_by_key(|i| i.abs_diff(cut)) else {
        return Err(Error::column(column, "has fewer than two different times; part by another column"));
    };
    let first = sorted[at];
    let row = times.iter().position(|t| *t == first).unwrap_or_default();
    let mut notes = vec![format!("what is kept back begins at {} (`{column}`, {kind})", table.text(0)?.value(row))];
    let missing = times.len() - sorted.len();
    if missing > 0 {
        notes.push(format!("{missing} rows without `{column}` are to learn"));
    }
    let begin = sorted[at.saturating_sub(gap)];
    let to = |t: &f64| {
        if *t >= first {
            To::Holdout
        } else if gap > 0 && *t >= begin {
            To::Neither
        } else {
            To::Train
        }
    };
    let to: Vec<To> = times.iter().map(to).collect();
    notes.extend(left_out(to.iter().filter(|t| **t == To::Neither).count()));
    Ok((to, notes))
}

/// A column of dates, or failing that of numbers, as numbers in their order, and what it was taken for.
fn times(table: &Table) -> Result<(Vec<f64>, String)> {
    let column = &table.names[0];
    let taken_for = |kind: ColumnKindName| -> Result<(Vec<f64>, String)> {
        let mut settings = DetectSettings::default();
        settings.overrides.insert(column.clone(), Override::from(kind));
        let schema = Schema::detect(table, &settings)?;
        let kind = match &schema.fields[0].kind {
            ColumnKind::Datetime { format, .. } => format!("dates of the form {format}"),
            kind => kind.name().to_owned(),
        };
        match schema.parse(table)?.columns.into_iter().next() {
            Some(Column::Number(times)) => Ok((times, kind)),
            _ => Err(Error::column(column, "has neither dates nor numbers")),
        }
    };
    taken_for(ColumnKindName::Datetime).or_else(|_| taken_for(ColumnKindName::Decimal)).map_err(|_| {
        Error::column(
            column,
            "has neither dates nor numbers in one form, so there is no last part; part by another column",
        )
    })
}
