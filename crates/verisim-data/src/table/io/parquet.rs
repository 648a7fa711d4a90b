//! Reading and writing Parquet.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, make_array};
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{DataType, Field as ArrowField, Schema as ArrowSchema};
use arrow_select::concat::concat;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::cells::{Chunked, Missing, TextColumn, check_names, commonest, selection};
use super::settings::ReadSettings;
use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::schema::{ColumnKind, Field, Schema};

/// Rows decoded at once: large enough to be fast, small enough for the cache.
const BATCH: usize = 1 << 16;

pub(super) struct Reader {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    names: Vec<String>,
    types: Vec<DataType>,
    missing: Missing,
}

impl Reader {
    pub(super) fn open(path: &Path, settings: &ReadSettings, rows: usize) -> Result<Reader> {
        let file = File::open(path).map_err(Error::io(path))?;
        let damaged = |e: parquet::errors::ParquetError| {
            Error::file(path, format!("is not a whole Parquet file ({e}); write, copy or download it again"))
        };
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
        let schema = builder.schema().clone();
        let all: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        check_names(path, &all)?;
        let chosen = selection(&all, settings.columns.as_deref())?;
        let names = chosen.iter().map(|&j| all[j].clone()).collect();
        let types: Vec<DataType> = chosen.iter().map(|&j| schema.field(j).data_type().clone()).collect();
        for (&j, kind) in chosen.iter().zip(&types) {
            if plain_type(kind).is_none() {
                let what =
                    format!("column `{}` has type {kind}; flatten it, or read the other `columns` alone", all[j]);
                return Err(Error::file(path, what));
            }
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), chosen.iter().copied());
        let batches = builder.with_projection(mask).with_batch_size(rows.clamp(1, BATCH)).build().map_err(damaged)?;
        Ok(Reader { path: path.to_owned(), batches, names, types, missing: Missing::new(&settings.missing) })
    }
}

impl Chunked for Reader {
    fn next(&mut self, rows: usize) -> Result<Table> {
        let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); self.names.len()];
        let mut seen = vec![vec![0; self.missing.tokens.len()]; self.names.len()];
        let mut count = 0;
        while count < rows {
            let Some(batch) = self.batches.next() else {
                break;
            };
            let batch = batch.map_err(|e| {
                Error::file(
                    &self.path,
                    format!("cannot be read on ({e}); it may be damaged: write, copy or download it again"),
                )
            })?;
            for (j, name) in self.names.iter().enumerate() {
                // By name: the file keeps its own order of columns.
                let array = batch.column_by_name(name).ok_or_else(|| Error::no_column(name, &self.names))?;
                parts[j].push(plain_array(array, name, &self.missing, &mut seen[j])?);
            }
            count += batch.num_rows();
        }
        if count == 0 {
            return Ok(Table::default());
        }
        let whole = |(parts, name): (&Vec<ArrayRef>, &String)| {
            let parts: Vec<&dyn Array> = parts.iter().map(|a| a.as_ref()).collect();
            concat(&parts).map_err(|e| {
                let what = format!("column `{name}` is too large ({e}); split the file, or read it in chunks");
                Error::file(&self.path, what)
            })
        };
        let columns = parts.iter().zip(&self.names).map(whole).collect::<Result<_>>()?;
        let table = Table::new(self.names.clone(), columns)?;
        let arrow = self.types.iter().map(|kind| Some(kind.to_string())).collect();
        let missing_tokens = seen.iter().map(|s| commonest(s, &self.missing)).collect();
        Ok(Table { missing_tokens, arrow, ..table })
    }
}

/// The type that a column of type `kind` has in a [`Table`]; `None` when a table cannot hold it.
fn plain_type(kind: &DataType) -> Option<DataType> {
    use DataType::*;
    match kind {
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 => Some(Int64),
        Float16 | Float32 | Float64 | Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => Some(Float64),
        Utf8 | LargeUtf8 | Utf8View | Boolean | Null => Some(Utf8),
        Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..) => Some(Utf8),
        Dictionary(_, values) => plain_type(values),
        _ => None,
    }
}

/// `array` as text or native numbers; texts that mean "missing" and not-a-number become nulls.
fn plain_array(array: &ArrayRef, name: &str, missing: &Missing, seen: &mut [usize]) -> Result<ArrayRef> {
    let kind = array.data_type();
    let to = plain_type(kind).unwrap_or(DataType::Utf8);
    let failed = |e: arrow_schema::ArrowError| {
        Error::column(name, format!("of type {kind} cannot be read ({e}); save it as text or as a type that holds it"))
    };
    let array = match kind {
        DataType::Dictionary(_, values) => {
            return plain_array(&cast(array, values).map_err(failed)?, name, missing, seen);
        }
        // The shortest decimals of a single are not those of the same number as a double: 0.1 would become
        // 0.10000000149011612. Going through text keeps what people see.
        DataType::Float16 | DataType::Float32 => {
            let text = cast(array, &DataType::Utf8).map_err(failed)?;
            cast(&text, &to).map_err(failed)?
        }
        // An instant; its text is that of the same instant in UTC.
        DataType::Timestamp(unit, Some(_)) => {
            let utc = retyped(array, DataType::Timestamp(*unit, None)).map_err(failed)?;
            cast(&utc, &to).map_err(failed)?
        }
        _ => cast_with_options(array, &to, &STRICT).map_err(failed)?,
    };
    if let Some(numbers) = array.as_primitive_opt::<Float64Type>() {
        let present = |x: Option<f64>| x.filter(|x| !x.is_nan());
        return Ok(Arc::new(numbers.iter().map(present).collect::<Float64Array>()));
    }
    let Some(text) = array.as_string_opt::<i32>() else {
        return Ok(array);
    };
    let mut column = TextColumn::new(missing);
    for cell in text {
        match cell {
            Some(cell) => column.push(cell, missing),
            None => column.push_null(),
        }
    }
    seen.iter_mut().zip(&column.seen).for_each(|(total, here)| *total += here);
    Ok(column.finish(missing).0)
}

/// A value that does not fit the type is an error, not a silent null.
const STRICT: CastOptions<'static> =
    CastOptions { safe: false, format_options: arrow_cast::display::FormatOptions::new() };

/// The same bytes under another type.
fn retyped(array: &ArrayRef, kind: DataType) -> Result<ArrayRef, arrow_schema::ArrowError> {
    Ok(make_array(array.to_data().into_builder().data_type(kind).build()?))
}

/// A Parquet file being written. Its types follow from the schema and the first table.
pub(super) struct Output {
    path: PathBuf,
    state: State,
}

enum State {
    Empty(File),
    Open { writer: Box<ArrowWriter<File>>, schema: Arc<ArrowSchema> },
    Failed,
}

impl Output {
    pub(super) fn new(path: &Path, file: File) -> Output {
        Output { path: path.to_owned(), state: State::Empty(file) }
    }

    pub(super) fn write(&mut self, table: &Table, schema: &Schema) -> Result<()> {
        let (writer, types) = self.open(schema, Some(table))?;
        let mut columns = Vec::with_capacity(table.columns.len());
        for (array, field) in table.columns.iter().zip(types.fields()) {
            columns.push(native(array, field.data_type(), field.name())?);
        }
        let batch = match columns.is_empty() {
            true => return Ok(()),
            false => RecordBatch::try_new(types, columns),
        };
        let written = batch.map_err(Into::into).and_then(|b| writer.write(&b));
        written.map_err(|e| Error::file(&self.path, format!("cannot be written ({e}); write elsewhere, or to a .csv")))
    }

    pub(super) fn finish(mut self, schema: &Schema) -> Result<()> {
        self.open(schema, None)?;
        match self.state {
            State::Open { writer, .. } => writer.close().map(|_| ()).map_err(|e| {
                Error::file(&self.path, format!("cannot be completed ({e}); write elsewhere, or to a .csv"))
            }),
            State::Empty(_) | State::Failed => Ok(()),
        }
    }

    /// The writer, begun with the types of `table` if need be.
    fn open(&mut self, schema: &Schema, table: Option<&Table>) -> Result<(&mut ArrowWriter<File>, Arc<ArrowSchema>)> {
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Empty(file) => begin(&self.path, file, schema, table)?,
            begun => begun,
        };
        match &mut self.state {
            State::Open { writer, schema } => Ok((writer, schema.clone())),
            State::Empty(_) | State::Failed => {
                Err(Error::file(&self.path, "an earlier write failed; begin again with a new writer"))
            }
        }
    }
}

/// Opens the writer with the source's types, else those of `table`, else those that follow from the kinds.
fn begin(path: &Path, file: File, schema: &Schema, table: Option<&Table>) -> Result<State> {
    let kind = |(j, f): (usize, &Field)| {
        let source = f.arrow.as_deref().and_then(|t| t.parse().ok());
        let here = || table.map_or_else(|| default_type(f), |t| t.columns[j].data_type().clone());
        ArrowField::new(&f.name, source.unwrap_or_else(here), true)
    };
    let types: Vec<ArrowField> = schema.fields.iter().enumerate().map(kind).collect();
    let types = Arc::new(ArrowSchema::new(types));
    let compression = Compression::ZSTD(Default::default());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let writer = ArrowWriter::try_new(file, types.clone(), Some(properties))
        .map_err(|e| Error::file(path, format!("cannot be begun ({e}); write elsewhere, or to a .csv")))?;
    Ok(State::Open { writer: Box::new(writer), schema: types })
}

fn default_type(field: &Field) -> DataType {
    match &field.kind {
        ColumnKind::Integer | ColumnKind::Categorical { numeric: true } => DataType::Int64,
        ColumnKind::Decimal { .. } => DataType::Float64,
        ColumnKind::Identifier { shape } if shape.is_integer() => DataType::Int64,
        _ => DataType::Utf8,
    }
}

/// A table's column as the type that the source had.
fn native(array: &ArrayRef, kind: &DataType, name: &str) -> Result<ArrayRef> {
    let failed = |e: arrow_schema::ArrowError| {
        Error::column(
            name,
            format!("does not fit the type {kind} of the source ({e}); write .csv or .jsonl, which have no types"),
        )
    };
    match kind {
        same if same == array.data_type() => Ok(array.clone()),
        DataType::Timestamp(unit, Some(_)) => {
            let utc = cast_with_options(array, &DataType::Timestamp(*unit, None), &STRICT).map_err(failed)?;
            retyped(&utc, kind.clone()).map_err(failed)
        }
        // Nothing but nulls fits the null type, and what a null column should hold is nothing.
        DataType::Null => Ok(arrow_array::new_null_array(kind, array.len())),
        _ => cast_with_options(array, kind, &STRICT).map_err(failed),
    }
}
