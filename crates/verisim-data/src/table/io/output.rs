//! Writing formats that hold columns of Arrow's types.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema as ArrowSchema;

use super::typed::Typed;
use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::schema::Schema;

/// A file of columns being written. Its types follow from the schema and the first table.
pub(super) struct Output {
    path: PathBuf,
    state: State,
}

enum State {
    Empty(File, Into),
    Open(Box<dyn Sink>, Box<Typed>),
    Failed,
}

/// A writer of some format, begun.
pub(super) trait Sink: Send {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), String>;
    fn finish(self: Box<Self>) -> Result<(), String>;
}

/// Begins a file.
type Begin = fn(File, Arc<ArrowSchema>) -> Result<Box<dyn Sink>, String>;

/// How a file of some format is written.
pub(super) struct Into {
    pub(super) begin: Begin,
    /// As for [`Typed::new`].
    pub(super) by_rows: bool,
}

impl Output {
    pub(super) fn new(path: &Path, file: File, into: Into) -> Output {
        Output { path: path.to_owned(), state: State::Empty(file, into) }
    }

    pub(super) fn write(&mut self, table: &Table, schema: &Schema) -> Result<()> {
        let (sink, typed) = self.open(schema, Some(table))?;
        if table.columns.is_empty() {
            return Ok(());
        }
        let written = sink.write(&typed.batch(table, schema)?);
        written.map_err(|e| Error::file(&self.path, format!("cannot be written ({e}); write elsewhere, or to a .csv")))
    }

    pub(super) fn finish(mut self, schema: &Schema) -> Result<()> {
        self.open(schema, None)?;
        match self.state {
            State::Open(sink, _) => sink.finish().map_err(|e| {
                Error::file(&self.path, format!("cannot be completed ({e}); write elsewhere, or to a .csv"))
            }),
            State::Empty(..) | State::Failed => Ok(()),
        }
    }

    /// The writer, begun with the types of `table` if need be.
    fn open(&mut self, schema: &Schema, table: Option<&Table>) -> Result<(&mut dyn Sink, &mut Typed)> {
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Empty(file, into) => {
                let typed = Typed::new(schema, table, into.by_rows);
                let sink = (into.begin)(file, typed.schema.clone()).map_err(|e| {
                    Error::file(&self.path, format!("cannot be begun ({e}); write elsewhere, or to a .csv"))
                })?;
                State::Open(sink, Box::new(typed))
            }
            begun => begun,
        };
        match &mut self.state {
            State::Open(sink, typed) => Ok((sink.as_mut(), typed)),
            State::Empty(..) | State::Failed => {
                Err(Error::file(&self.path, "an earlier write failed; begin again with a new writer"))
            }
        }
    }
}
