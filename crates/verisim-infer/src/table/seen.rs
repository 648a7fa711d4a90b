//! Rows of a file as a model sees them: which cells are known to it, and which it has never seen the like of.

use std::collections::HashMap;

use rayon::prelude::*;
use verisim_data::table::codec::{ColumnCodec, Encoded, TableCodec};
use verisim_data::table::frame::word_of;
use verisim_data::table::{Cell, Column, Frame, MISSING, OTHER, Spec, Table};

use crate::error::{Error, Result};

/// What a cell is to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A value that it knows.
    Known,
    /// No value.
    Empty,
    /// No value, in a column that always had one.
    Lacking,
    /// A number below or above all that it has seen: taken for the nearest.
    Outside,
    /// A level or a word that it has never seen.
    Unseen,
    /// No value of its column.
    Unread,
    /// Not what other columns make it, in a column of which that was never so.
    Contradicted,
}

impl State {
    /// Whether the model has never seen the like.
    pub fn is_strange(self) -> bool {
        !matches!(self, State::Known | State::Empty)
    }

    /// Whether the model can read the value.
    pub fn is_known(self) -> bool {
        matches!(self, State::Known | State::Outside | State::Contradicted)
    }

    /// In words, of one cell; nothing of a known one.
    pub fn said(self) -> &'static str {
        match self {
            State::Known => "",
            State::Empty => "empty",
            State::Lacking => "empty, and never was",
            State::Outside => "out of the range that was learnt",
            State::Unseen => "a level that was never seen",
            State::Unread => "no value of its column",
            State::Contradicted => "not what the other columns make it",
        }
    }
}

/// A table and what a model sees of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// As it was read.
    pub table: Table,
    /// The learnt columns. Levels are those of the codec, and after them those that it does not know.
    pub frame: Frame,
    /// What each cell is, column by column.
    pub states: Vec<Vec<State>>,
    /// What was read of each cell.
    pub cells: Vec<Vec<Cell>>,
    /// The tokens; those of cells that are not known mean nothing.
    pub encoded: Encoded,
    /// Learnt columns that the file has not.
    pub lost: Vec<String>,
}

impl Seen {
    /// `table`, read with no text that means "no value", under the schema and the codec of a model; texts in `missing` mean that.
    ///
    /// # Errors
    /// When it has none of the columns.
    pub fn new(spec: &Spec, table: Table, missing: &[String]) -> Result<Seen> {
        let holes = spec.schema.holes(&table, missing)?;
        let columns = spec.codec.columns.par_iter().zip(holes.frame.columns).zip(&holes.cells);
        let (columns, states): (Vec<Column>, Vec<Vec<State>>) =
            columns.map(|((codec, column), cells)| aligned(codec, column, cells)).unzip();
        let (mut frame, mut states) = (Frame::new(columns, table.rows), states);
        let mut known: Vec<Vec<bool>> = states.iter().map(|c| c.iter().map(|s| s.is_known()).collect()).collect();
        spec.codec.solve(&mut frame, &mut known);
        for ((states, known), wrong) in states.iter_mut().zip(&known).zip(spec.codec.contradicted(&frame)) {
            for ((state, &known), wrong) in states.iter_mut().zip(known).zip(wrong) {
                match *state {
                    State::Known if wrong => *state = State::Contradicted,
                    state_now if known && !state_now.is_known() => *state = State::Known,
                    _ => {}
                }
            }
        }
        let encoded = spec.codec.encode(&frame);
        Ok(Seen { table, frame, states, cells: holes.cells, encoded, lost: holes.lost })
    }

    /// Which cells have a value that the model can read, a column each. Some follow from others of their row.
    pub fn known(&self) -> Vec<Vec<bool>> {
        self.states.iter().map(|column| column.iter().map(|s| s.is_known()).collect()).collect()
    }

    /// Refuses a file that lacks learnt columns; `remedy` says what to do.
    ///
    /// # Errors
    /// When it lacks some.
    pub fn check_whole(&self, remedy: &str) -> Result<()> {
        match self.lost.is_empty() {
            true => Ok(()),
            false => Err(Error::Columns { columns: self.lost.join(", "), remedy: remedy.into() }),
        }
    }

    /// How many cells of each column the model has not seen the like of, a sentence a column and state.
    pub fn notes(&self, spec: &Spec) -> Vec<String> {
        let of = |state: State, name: &str, count: usize| {
            let (cells, are) = if count == 1 { ("cell", "is") } else { ("cells", "are") };
            match state {
                State::Contradicted => format!("`{name}`: {count} {cells} {are} {}, kept as it stands", state.said()),
                State::Outside => format!(
                    "`{name}`: {count} {cells} {are} {}, kept as it stands and taken for the nearest value that was",
                    state.said()
                ),
                _ => format!(
                    "`{name}`: {count} {cells} {are} {}, kept as it stands and not known to the model",
                    state.said()
                ),
            }
        };
        let mut out = Vec::new();
        for (field, states) in spec.schema.modelled().zip(&self.states) {
            for state in [State::Outside, State::Unseen, State::Unread, State::Contradicted] {
                let count = states.iter().filter(|s| **s == state).count();
                if count > 0 {
                    out.push(of(state, &field.name, count));
                }
            }
        }
        out
    }
}

/// A column whose levels are those of the codec first, and what each cell is to it.
fn aligned(codec: &ColumnCodec, column: Column, cells: &[Cell]) -> (Column, Vec<State>) {
    let absent = |cell: Cell| match cell {
        Cell::Unread => State::Unread,
        _ if codec.missing_token().is_some() => State::Empty,
        _ => State::Lacking,
    };
    match column {
        Column::Number(values) => {
            let range = codec.extent();
            let state = |(&x, &cell): (&f64, &Cell)| match word_of(x) {
                _ if cell != Cell::Known => absent(cell),
                Some(word) if !knows_word(codec, word) => State::Unseen,
                None if range.is_none_or(|(least, most)| x < least || x > most) => State::Outside,
                _ => State::Known,
            };
            let states = values.iter().zip(cells).map(state).collect();
            (Column::Number(values), states)
        }
        Column::Category { codes, levels } => {
            let own: &[String] = codec.levels().map_or(&[], |levels| levels);
            let places: HashMap<&str, u32> = own.iter().enumerate().map(|(i, l)| (l.as_str(), i as u32)).collect();
            let mut all = own.to_vec();
            // Rare levels were merged before anything was learnt.
            let merged = places.contains_key(OTHER);
            let mut new = |level: &String| {
                all.push(level.clone());
                all.len() as u32 - 1
            };
            let to: Vec<u32> =
                levels.iter().map(|l| places.get(l.as_str()).copied().unwrap_or_else(|| new(l))).collect();
            let codes: Vec<u32> = codes.iter().map(|&c| to.get(c as usize).copied().unwrap_or(MISSING)).collect();
            let state = |(&code, &cell): (&u32, &Cell)| match code {
                _ if cell != Cell::Known => absent(cell),
                code if (code as usize) < own.len() || merged => State::Known,
                _ => State::Unseen,
            };
            let states = codes.iter().zip(cells).map(state).collect();
            (Column::Category { codes, levels: all.into() }, states)
        }
    }
}

fn knows_word(codec: &ColumnCodec, word: u32) -> bool {
    (0..codec.span().tokens).rev().take_while(|&t| codec.range(t).is_none()).any(|t| codec.word(t) == Some(word))
}

/// The tokens of missing values, a column each, where a column has other tokens beside.
pub(crate) fn missing_tokens(codec: &TableCodec) -> Vec<Option<u32>> {
    codec.columns.iter().map(|c| c.gap_token().filter(|_| c.span().tokens > 1)).collect()
}
