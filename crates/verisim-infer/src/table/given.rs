//! A sample whose rows are given in part: each row of a file is completed to a whole one.

use std::path::Path;

use rayon::current_num_threads;
use verisim_data::table::schema::given_or;
use verisim_data::table::{Cell, Column, ColumnKind, Field, ReadSettings, Source, Table};

use super::complete::{Lack, complete};
use super::seen::Seen;
use super::{Ask, CHUNK};
use crate::artefact::{Artefact, DEFAULT_COUNT};
use crate::error::{Error, Result};
use crate::generator::{Made, Plan};

/// How a file is read whose rows are completed or scored. The rest is as the data that the model learnt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// What separates the cells of a text file; found from its first lines when not given.
    pub delimiter: Option<char>,
    /// Whether the first line of a text file holds the names of the columns.
    pub header: Option<bool>,
    /// Texts that mean "no value here".
    pub missing: Option<Vec<String>>,
}

/// The table at `path` as it stands, with every text that means "no value" in it, and these texts.
///
/// # Errors
/// When it cannot be read.
pub fn read_as_is(path: &Path, source: Option<&Source>, reading: &Reading) -> Result<(Table, Vec<String>)> {
    let learnt = source.map(|s| s.options()).unwrap_or_default();
    let missing = reading.missing.clone().unwrap_or(learnt.missing);
    let settings = ReadSettings {
        delimiter: reading.delimiter,
        header: reading.header.or(learnt.header),
        encoding: learnt.encoding,
        comment: learnt.comment,
        quote: learnt.quote,
        escape: learnt.escape,
        missing: Vec::new(),
        ..ReadSettings::default()
    };
    Ok((Table::read(path, &settings)?, missing))
}

/// A sample whose rows are given in part, ready to be drawn.
pub(super) struct Given<'a> {
    artefact: &'a Artefact<Table>,
    ask: Ask,
    seen: Seen,
    missing: Vec<String>,
    notes: Vec<String>,
}

impl<'a> Given<'a> {
    pub fn new(artefact: &'a Artefact<Table>, path: &Path, ask: &Ask) -> Result<Given<'a>> {
        let refuse = |what: &str| Err(Error::Given { path: path.to_owned(), what: what.into() });
        if !ask.conditions.is_empty() || ask.balance.is_some() {
            return refuse(
                "a condition or a balance cannot be asked beside given rows; give what it says as columns there",
            );
        }
        if ask.temperature.is_some() || ask.top_p.is_some() {
            return refuse("a temperature or a top_p cannot be asked beside given rows; leave them out");
        }
        if ask.n != DEFAULT_COUNT {
            return refuse(
                "each of its rows makes one, so a number of rows cannot be asked beside it; repeat rows for more",
            );
        }
        let (table, missing) = read_as_is(path, artefact.source.as_ref(), &Reading::default())?;
        let schema = &artefact.spec.schema;
        for name in &table.names {
            schema.field(name)?;
        }
        let seen = Seen::new(&artefact.spec, table, &missing)?;
        for (field, cells) in schema.modelled().zip(&seen.cells) {
            if let Some(row) = cells.iter().position(|c| *c == Cell::Unread) {
                let text = seen.table.text(seen.table.index(&field.name)?)?;
                return Err(Error::Data(verisim_data::Error::Cell {
                    column: field.name.clone(),
                    row: row + 1,
                    value: text.value(row).chars().take(40).collect(),
                    wanted: format!("a value of a column of kind {}", field.kind.name()),
                    remedy: "correct it, or leave it empty to have it drawn".into(),
                }));
            }
        }
        let rounded = schema.modelled().zip(&seen.frame.columns).filter_map(|(field, column)| rounded(field, column));
        let notes = seen.table.notes.iter().cloned().chain(seen.notes(&artefact.spec)).chain(rounded).collect();
        Ok(Given { artefact, ask: ask.clone(), seen, missing, notes })
    }
}

/// How many given numbers have more digits than their column, in words.
fn rounded(field: &Field, column: &Column) -> Option<String> {
    let scale = match &field.kind {
        ColumnKind::Integer => 1.0,
        ColumnKind::Decimal { decimals } if field.numeral.significant.is_none() => 10f64.powi(i32::from(*decimals)),
        _ => return None,
    };
    let Column::Number(values) = column else { return None };
    let finer = |x: &&f64| (*x * scale).abs() < 9e15 && ((*x * scale).round() / scale - **x).abs() > 1e-9 * x.abs();
    let count = values.iter().filter(finer).count();
    (count > 0)
        .then(|| format!("`{}`: {count} given numbers have more digits than the column, and are rounded", field.name))
}

impl Plan<Table> for Given<'_> {
    fn count(&self) -> u64 {
        self.seen.table.rows as u64
    }

    fn chunks(&self) -> u64 {
        self.seen.table.rows.div_ceil(CHUNK) as u64
    }

    /// A model completes rows on all threads.
    fn together(&self) -> usize {
        current_num_threads().clamp(1, 2)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn chunk(&self, c: u64) -> Result<Made<Table>> {
        let first = c as usize * CHUNK;
        let rows = first..(first + CHUNK).min(self.seen.table.rows);
        let count = rows.len();
        let mut frames = complete(self.artefact, &self.seen, rows, 1, Lack::Drawn, self.ask.seed, c)?;
        let frame = frames.pop().unwrap_or_default();
        let schema = &self.artefact.spec.schema;
        let mut made = schema.render(frame, self.ask.key_offset.saturating_add(first as u64), self.ask.seed)?;
        #[cfg(feature = "neural")]
        super::written::write(
            self.artefact,
            &mut made,
            self.ask.key_offset.saturating_add(first as u64),
            self.ask.seed,
        )?;
        for (j, field) in schema.fields.iter().enumerate().filter(|(_, f)| !f.is_modelled()) {
            if let Ok(own) = self.seen.table.index(&field.name) {
                let given = self.seen.table.slice(first, count).text(own)?;
                made.columns[j] = given_or(&given, &made.columns[j], &self.missing);
            }
        }
        Ok(Made { count: count as u64, chunk: made, tried: count as u64, lost: 0 })
    }
}
