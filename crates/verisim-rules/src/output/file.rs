//! Files: CSV, Parquet, JSON lines, SQL. They appear under their names when all are whole.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use verisim_data::file::Scratch;

use super::{Format, Made, Sink, io, sql};
use crate::error::{Error, Result};
use crate::make::Engine;

/// Rows of a row group of Parquet.
const GROUP: usize = 1 << 20;

/// A format of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    Csv,
    Jsonl,
}

/// Rows as text.
pub fn text(batch: &RecordBatch, format: Text) -> Result<Vec<u8>> {
    let mut text = Vec::with_capacity(batch.num_rows() * batch.num_columns() * 10);
    match format {
        Text::Csv => arrow_csv::WriterBuilder::new().with_header(false).build(&mut text).write(batch)?,
        Text::Jsonl => {
            let mut writer = arrow_json::LineDelimitedWriter::new(&mut text);
            writer.write(batch)?;
            writer.finish()?;
        }
    }
    Ok(text)
}

/// A folder of files.
pub struct Folder {
    path: PathBuf,
    done: Vec<Scratch>,
}

impl Folder {
    pub fn create(path: &Path) -> Result<Folder> {
        if path.is_file() {
            let what = "is a file; give a folder, or a name that ends in .db or .sql".to_owned();
            return Err(Error::File { path: path.to_owned(), what });
        }
        std::fs::create_dir_all(path).map_err(io(path))?;
        Ok(Folder { path: path.to_owned(), done: Vec::new() })
    }

    pub fn table(&mut self, name: &str, format: Format, schema: &SchemaRef) -> Result<(Box<dyn Sink + '_>, String)> {
        let path = self.path.join(self::name(name, format));
        let (scratch, file) = Scratch::file(&path)?;
        self.done.push(scratch);
        let mut file = BufWriter::with_capacity(1 << 20, file);
        let sink: Box<dyn Sink> = match format {
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .set_max_row_group_row_count(Some(GROUP))
                    .build();
                let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(parquet(&path))?;
                Box::new(Parquet { writer, path: path.clone() })
            }
            Format::Csv => {
                // Only the names: no rows.
                let mut header = Vec::new();
                arrow_csv::WriterBuilder::new()
                    .with_header(true)
                    .build(&mut header)
                    .write(&RecordBatch::new_empty(schema.clone()))?;
                file.write_all(&header).map_err(io(&path))?;
                Box::new(Lines { file, path: path.clone() })
            }
            Format::Jsonl | Format::Sql => Box::new(Lines { file, path: path.clone() }),
        };
        Ok((sink, path.display().to_string()))
    }

    pub fn finish(self) -> Result<()> {
        self.done.into_iter().try_for_each(|scratch| scratch.publish().map_err(Error::from))
    }
}

/// The file of a table: a name that every file system takes.
pub fn name(table: &str, format: Format) -> String {
    let extension = match format {
        Format::Csv => "csv",
        Format::Parquet => "parquet",
        Format::Jsonl => "jsonl",
        Format::Sql => "sql",
    };
    let plain: String = table
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ') { c } else { '_' })
        .collect();
    format!("{plain}.{extension}")
}

fn parquet(path: &Path) -> impl Fn(parquet::errors::ParquetError) -> Error {
    let path = path.to_owned();
    move |e| Error::File { path: path.clone(), what: e.to_string() }
}

/// Text that was made already.
struct Lines {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Sink for Lines {
    fn write(&mut self, rows: Vec<Made>) -> Result<()> {
        rows.iter().try_for_each(|made| self.file.write_all(&made.text)).map_err(io(&self.path))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.file.flush().map_err(io(&self.path))
    }
}

struct Parquet {
    writer: ArrowWriter<BufWriter<File>>,
    path: PathBuf,
}

impl Sink for Parquet {
    fn write(&mut self, rows: Vec<Made>) -> Result<()> {
        rows.iter().try_for_each(|made| self.writer.write(&made.batch)).map_err(parquet(&self.path))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Parquet { writer, path } = *self;
        writer.close().map(drop).map_err(parquet(&path))
    }
}

/// One file of SQL.
pub struct SqlFile {
    file: BufWriter<File>,
    scratch: Scratch,
    path: PathBuf,
}

impl SqlFile {
    pub fn create(path: &Path) -> Result<SqlFile> {
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(io(folder))?;
        }
        let (scratch, file) = Scratch::file(path)?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        file.write_all(b"BEGIN;\n").map_err(io(path))?;
        Ok(SqlFile { file, scratch, path: path.to_owned() })
    }

    pub fn table(&mut self, engine: &Engine, t: usize) -> Result<(Box<dyn Sink + '_>, String)> {
        let create = sql::create(&engine.plan, t, sql::Dialect::Postgres);
        self.file.write_all(create.as_bytes()).map_err(io(&self.path))?;
        let to = self.path.display().to_string();
        Ok((Box::new(Inserts { of: self, table: engine.plan.tables[t].name.clone() }), to))
    }

    pub fn finish(mut self) -> Result<()> {
        self.file.write_all(b"COMMIT;\n").and_then(|()| self.file.flush()).map_err(io(&self.path))?;
        Ok(self.scratch.publish()?)
    }
}

struct Inserts<'f> {
    of: &'f mut SqlFile,
    table: String,
}

impl Sink for Inserts<'_> {
    fn write(&mut self, rows: Vec<Made>) -> Result<()> {
        let all = rows.iter().try_for_each(|made| {
            let text = sql::inserts(&self.table, &made.batch);
            self.of.file.write_all(text.as_bytes())
        });
        all.map_err(io(&self.of.path))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
