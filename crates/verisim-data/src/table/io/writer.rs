//! Writing a table a chunk at a time, in any format that can be read.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, Float64Array, Int64Array, StringArray};
use arrow_schema::DataType;
use rayon::prelude::*;

use super::dialect::Dialect;
use super::format::{Format, extension};
use super::objects::Objects;
use super::packed::{Finish, packed};
use super::{ipc, output, parquet};
use crate::error::{Error, Result};
use crate::file::Scratch;
use crate::table::schema::Schema;
use crate::table::{Numeral, Table};

/// Rows formatted by one thread at a time; a few hundred kilobytes of text.
const BLOCK: usize = 4096;
/// Blocks held in memory before they are written.
const BLOCKS: usize = 16;

/// Writes tables one after another to one file. The file appears under its name with [`Writer::finish`]; a writer
/// dropped before leaves nothing.
pub struct Writer<'w> {
    output: Output<'w>,
    scratch: Option<Scratch>,
    path: PathBuf,
    schema: Schema,
}

enum Output<'w> {
    Text { stream: Box<dyn Finish + 'w>, dialect: Dialect },
    Json { stream: Box<dyn Finish + 'w>, layout: Layout },
    Columns(Box<output::Output>),
}

/// How objects of JSON follow each other.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    /// One a line.
    Lines,
    /// In an array that is not begun, as items.
    Array,
    /// In an array that has some.
    Within,
}

impl Writer<'static> {
    /// A writer to `path` of tables that [`Schema::render`] made; the format follows from the name (see
    /// [`io`](crate::table::io)). Missing values are written as the schema says the source wrote them.
    ///
    /// # Errors
    /// When the name says no format, or the folder cannot be written to.
    pub fn create(path: impl AsRef<Path>, schema: &Schema) -> Result<Writer<'static>> {
        let path = path.as_ref();
        let format = match Format::of(path)? {
            Format::Workbook => {
                return Err(Error::file(path, "a workbook is read and not written; write .csv or .parquet"));
            }
            format => format,
        };
        let (scratch, file) = Scratch::file(path)?;
        let output = match format {
            Format::Parquet => Output::Columns(Box::new(output::Output::new(path, file, parquet::INTO))),
            Format::Arrow => Output::Columns(Box::new(output::Output::new(path, file, ipc::INTO))),
            Format::ArrowStream => Output::Columns(Box::new(output::Output::new(path, file, ipc::INTO_STREAM))),
            Format::Jsonl => Output::Json { stream: packed(path, file)?, layout: Layout::Lines },
            Format::Json => Output::Json { stream: packed(path, file)?, layout: Layout::Array },
            Format::Delimited | Format::Workbook => {
                let dialect = schema.dialect.unwrap_or_default().named(&extension(path).0);
                Output::Text { stream: packed(path, file)?, dialect }
            }
        };
        Writer { output, scratch: Some(scratch), path: path.to_owned(), schema: schema.clone() }.with_header()
    }
}

impl<'w> Writer<'w> {
    /// A writer of delimited text, as the source was or with commas, into `stream`, e.g. standard output.
    ///
    /// # Errors
    /// When the stream refuses the header.
    pub fn csv_to(stream: impl Write + Send + 'w, schema: &Schema) -> Result<Writer<'w>> {
        let stream = Box::new(BufWriter::with_capacity(1 << 16, stream));
        let output = Output::Text { stream, dialect: schema.dialect.unwrap_or_default() };
        Writer { output, scratch: None, path: PathBuf::from("(output)"), schema: schema.clone() }.with_header()
    }

    fn with_header(mut self) -> Result<Self> {
        if let Output::Text { stream, dialect } = &mut self.output
            && dialect.header
        {
            let mut line = Vec::new();
            for field in &self.schema.fields {
                dialect.push(field.name.as_bytes(), &mut line);
                line.push(dialect.between());
            }
            line.pop();
            line.extend_from_slice(dialect.line_end());
            stream.write_all(&line).map_err(Error::io(&self.path))?;
        }
        Ok(self)
    }

    /// Appends the rows of `table`, whose columns must be those of the schema.
    ///
    /// # Errors
    /// When they are not, or the file cannot be written.
    pub fn write(&mut self, table: &Table) -> Result<()> {
        if let Some(field) = self.schema.fields.iter().zip(&table.names).find(|(f, n)| f.name != **n).map(|(f, _)| f) {
            return Err(Error::column(&field.name, "is not in its place in the table; write what `render` returns"));
        }
        if self.schema.fields.len() != table.names.len() {
            return Err(Error::file(&self.path, "the table has other columns than the schema"));
        }
        match &mut self.output {
            Output::Columns(output) => output.write(table, &self.schema),
            Output::Json { stream, layout } => {
                let objects = Objects::new(table, &self.schema)?;
                let starts: Vec<usize> = (0..table.rows).step_by(BLOCK).collect();
                for wave in starts.chunks(BLOCKS) {
                    let (before, after): (&[u8], &[u8]) = match layout {
                        Layout::Lines => (b"", b"\n"),
                        Layout::Array | Layout::Within => (b",\n", b""),
                    };
                    let text = |&start: &usize| objects.text(start, (start + BLOCK).min(table.rows), before, after);
                    let blocks: Vec<Vec<u8>> = wave.par_iter().map(text).collect();
                    for mut block in blocks {
                        if *layout == Layout::Array {
                            block[0] = b'[';
                            *layout = Layout::Within;
                        }
                        stream.write_all(&block).map_err(Error::io(&self.path))?;
                    }
                }
                Ok(())
            }
            Output::Text { stream, dialect } => {
                let rows = Rows::new(table, &self.schema, *dialect)?;
                // Text is formatted on all threads and written in order; only a few blocks wait in memory.
                let starts: Vec<usize> = (0..table.rows).step_by(BLOCK).collect();
                for wave in starts.chunks(BLOCKS) {
                    let text: Vec<Vec<u8>> =
                        wave.par_iter().map(|&start| rows.text(start, (start + BLOCK).min(table.rows))).collect();
                    for block in text {
                        stream.write_all(&block).map_err(Error::io(&self.path))?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    /// When the last bytes cannot be written or the file cannot be renamed.
    pub fn finish(self) -> Result<()> {
        match self.output {
            Output::Columns(output) => output.finish(&self.schema)?,
            Output::Json { mut stream, layout } => {
                let end: &[u8] = match layout {
                    Layout::Lines => b"",
                    Layout::Array => b"[]\n",
                    Layout::Within => b"\n]\n",
                };
                stream.write_all(end).map_err(Error::io(&self.path))?;
                stream.finish().map_err(Error::io(&self.path))?;
            }
            Output::Text { stream, .. } => stream.finish().map_err(Error::io(&self.path))?,
        }
        self.scratch.map_or(Ok(()), Scratch::publish)
    }
}

/// The columns of a table, ready to be written row by row.
struct Rows<'a> {
    columns: Vec<Cells<'a>>,
    dialect: Dialect,
}

/// One column.
struct Cells<'a> {
    values: Typed<'a>,
    /// What stands for a missing value.
    missing: Vec<u8>,
    /// How numbers are written, where that is not plain.
    numeral: Option<Numeral>,
}

enum Typed<'a> {
    Text(&'a StringArray),
    Whole(&'a Int64Array),
    Real(&'a Float64Array),
}

impl<'a> Rows<'a> {
    fn new(table: &'a Table, schema: &Schema, dialect: Dialect) -> Result<Rows<'a>> {
        let alone = table.columns.len() == 1;
        let cells = |(array, field): (&'a arrow_array::ArrayRef, &crate::table::schema::Field)| {
            let values = match array.data_type() {
                DataType::Utf8 => Typed::Text(array.as_string()),
                DataType::Int64 => Typed::Whole(array.as_primitive::<Int64Type>()),
                DataType::Float64 => Typed::Real(array.as_primitive::<Float64Type>()),
                other => {
                    return Err(Error::column(&field.name, format!("has type {other}, which cannot be written")));
                }
            };
            let mut missing = Vec::new();
            // An empty line is no row, so a lone missing cell is quoted.
            match alone && field.missing.is_empty() {
                true => missing.extend([dialect.around(); 2]),
                false => dialect.push(field.missing.as_bytes(), &mut missing),
            }
            let dressed = !field.numeral.is_plain() && field.numeral.words.is_empty() && !field.is_dressed_text();
            Ok(Cells { values, missing, numeral: dressed.then(|| field.numeral.clone()) })
        };
        let columns = table.columns.iter().zip(&schema.fields).map(cells).collect::<Result<_>>()?;
        Ok(Rows { columns, dialect })
    }

    /// Rows `start .. end` as text.
    fn text(&self, start: usize, end: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity((end - start) * self.columns.len() * 8);
        let (between, end_of_line) = (self.dialect.between(), self.dialect.line_end());
        for row in start..end {
            for (j, cells) in self.columns.iter().enumerate() {
                if j > 0 {
                    out.push(between);
                }
                self.push(cells, row, &mut out);
            }
            out.extend_from_slice(end_of_line);
        }
        out
    }

    fn push(&self, cells: &Cells, row: usize, out: &mut Vec<u8>) {
        if let Some(numeral) = &cells.numeral
            && cells.push_dressed(numeral, row, &self.dialect, out)
        {
            return;
        }
        match &cells.values {
            Typed::Text(v) if v.is_valid(row) => self.dialect.push(v.value(row).as_bytes(), out),
            Typed::Whole(v) if v.is_valid(row) => {
                let start = out.len();
                out.extend_from_slice(itoa::Buffer::new().format(v.value(row)).as_bytes());
                self.dialect.enclose(start, out);
            }
            Typed::Real(v) if v.is_valid(row) && v.value(row).is_finite() => {
                let start = out.len();
                push_real(v.value(row), out);
                self.dialect.enclose(start, out);
            }
            _ => out.extend_from_slice(&cells.missing),
        }
    }
}

impl Cells<'_> {
    /// Appends a number in the dress of its column; false where there is none.
    fn push_dressed(&self, numeral: &Numeral, row: usize, dialect: &Dialect, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        match &self.values {
            Typed::Text(v) if v.is_valid(row) && numeral.wide.is_some() => numeral.push_plain(v.value(row), out),
            Typed::Whole(v) if v.is_valid(row) => numeral.push_whole(v.value(row), out),
            Typed::Real(v) if v.is_valid(row) && v.value(row).is_finite() => numeral.push(v.value(row), out),
            _ => return false,
        }
        dialect.enclose(start, out);
        true
    }
}

/// The shortest decimals that read back as `x`; no exponent between 1e-5 and 1e16, and no `.0`.
pub(super) fn push_real(x: f64, out: &mut Vec<u8>) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(x);
    out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
}
