//! Histories of a file, each of which goes on.

use std::ops::Range;
use std::path::Path;

use verisim_data::rng::stream;
use verisim_data::series::{Made, Sequences, Series, offsets, to_changes};
use verisim_data::table::codec::TableCodec;
use verisim_data::table::{Column, Frame, MISSING, Table};
use verisim_models::series::{Past, Wanted};

use super::{Ask, asked, encoded};
use crate::artefact::Artefact;
use crate::error::{Error, Result};

/// Histories as a model sees them.
pub(super) struct History {
    sequences: Sequences,
    /// The levels of columns that are learnt as their change.
    levels: Vec<Vec<f64>>,
    /// The key of each, where sequences have one.
    keys: Option<Table>,
    /// By how many steps each goes on.
    pub horizon: usize,
}

impl History {
    /// Reads the histories at `path`.
    pub fn read(artefact: &Artefact<Series>, path: &Path, ask: &Ask) -> Result<History> {
        let shape = &artefact.spec.shape;
        let refuse = |what: &str| Error::Given { path: path.to_owned(), what: what.into() };
        let Some(horizon) = ask.horizon else {
            return Err(asked("horizon", "is missing: say by how many steps the given histories go on"));
        };
        if horizon == 0 || horizon > super::LONGEST {
            return Err(asked("horizon", "must lie between 1 and 10,000,000"));
        }
        if ask.n.is_some() || ask.length.is_some() || ask.start.is_some() || !ask.conditions.is_empty() {
            return Err(refuse(
                "each history goes on where it ends; a number, a length, a start or a condition cannot be asked beside it",
            ));
        }
        if shape.wide.is_some() {
            return Err(refuse(
                "the model learnt files with a column a step, which have no room for more; learn a long file",
            ));
        }
        let options = artefact.source.as_ref().map(verisim_data::series::Source::options).unwrap_or_default();
        let table = Table::read(path, &options)?;
        let mut sequences = shape.parse(&table)?;
        let levels = to_changes(&mut sequences, &artefact.spec.changes, artefact.spec.first_level());
        sequences.context = aligned(sequences.context, &artefact.spec.context);
        sequences.steps = aligned(sequences.steps, &artefact.spec.steps);
        let keys = match &shape.key[..] {
            [key] => Some(first_keys(&table, key)?),
            _ => None,
        };
        if keys.as_ref().is_some_and(|keys| keys.rows != sequences.count()) {
            return Err(refuse("some keys have no row with a time; give them one, or remove them"));
        }
        Ok(History { sequences, levels, keys, horizon })
    }

    pub fn count(&self) -> usize {
        self.sequences.count()
    }

    /// The steps that come after those of the histories at `which`.
    pub fn go_on(&self, artefact: &Artefact<Series>, which: Range<usize>, seed: u64, c: u64) -> Result<Table> {
        let (spec, shape) = (&artefact.spec, &artefact.spec.shape);
        let past = self.sequences.take(&which.clone().collect::<Vec<_>>());
        let own = self.sequences.offsets[which.start]..self.sequences.offsets[which.end];
        let levels: Vec<Vec<f64>> = self.levels.iter().map(|all| all[own.clone()].to_vec()).collect();
        let context = encoded(&spec.context, &past.context);
        let before = spec.steps.encode(&past.steps);
        let lengths = vec![self.horizon; which.len()];
        let last = |i: usize| past.times[past.offsets[i + 1] - 1];
        let every = shape.clock.every.unwrap_or(0.0);
        let starts: Vec<f64> = (0..which.len()).map(|i| last(i) + every).collect();
        let wanted = Wanted {
            context: &context,
            lengths: &lengths,
            starts: &starts,
            past: Some(Past { offsets: &past.offsets, steps: &before, times: &past.times, levels: &levels }),
        };
        let drawn = artefact.sampler.steps.draw(&wanted, &mut stream(seed, "steps", c))?;
        let steps = spec.steps.decode(&drawn, seed, c);
        let mut starts = starts;
        if let (true, Some(Column::Number(gaps))) = (shape.has_gap(), steps.columns.first()) {
            starts = (0..which.len()).map(|i| last(i) + gaps[i * self.horizon].max(0.0)).collect();
        }
        let mut sequences = Sequences { offsets: offsets(lengths), context: past.context, steps, times: Vec::new() };
        let ends = |all: &Vec<f64>| past.offsets[1..].iter().map(|&end| all[end - 1]).collect();
        let last: Vec<Vec<f64>> = levels.iter().map(ends).collect();
        spec.finish(&mut sequences, Some(&last), &mut stream(seed, "beside", c));
        let numbers = self.sequences.count() > 1 && shape.key.is_empty();
        let mut table = shape.render(Made { sequences, starts: Some(starts) }, which.start as u64, seed, numbers)?;
        if let (Some(keys), Some(key)) = (&self.keys, shape.key.first()) {
            let repeated: Vec<usize> = which.flat_map(|i| std::iter::repeat_n(i, self.horizon)).collect();
            let j = table.index(key)?;
            table.columns[j] = keys.take(&repeated)?.columns[0].clone();
        }
        Ok(table)
    }
}

/// The key of each sequence, in the order in which they first come.
fn first_keys(table: &Table, key: &str) -> Result<Table> {
    let one = table.select(&[key.to_owned()])?;
    let text = one.text(0)?;
    let mut seen = std::collections::HashSet::new();
    let cells = text.iter().enumerate();
    let firsts: Vec<usize> = cells.filter_map(|(i, cell)| seen.insert(cell?).then_some(i)).collect();
    Ok(one.take(&firsts)?)
}

/// A frame of another table, its levels those of the codec. What was never seen is missing.
fn aligned(frame: Frame, codec: &TableCodec) -> Frame {
    let columns = frame.columns.into_iter().zip(&codec.columns).map(|(column, codec)| match (column, codec.levels()) {
        (Column::Category { codes, levels }, Some(known)) => {
            let place = |level: &String| known.iter().position(|k| k == level).map_or(MISSING, |k| k as u32);
            let places: Vec<u32> = levels.iter().map(place).collect();
            let codes = codes.iter().map(|&c| places.get(c as usize).copied().unwrap_or(MISSING)).collect();
            Column::Category { codes, levels: known.clone() }
        }
        (column, _) => column,
    });
    Frame::new(columns.collect(), frame.rows)
}
