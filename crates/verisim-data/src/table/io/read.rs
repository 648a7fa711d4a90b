//! Reading a table, whole or a chunk at a time, whatever its format.

use std::path::{Path, PathBuf};

use super::cells::Chunked;
use super::format::Format;
use super::settings::ReadSettings;
use super::{columnar, csv, folder, ipc, json, parquet, workbook};
use crate::error::{Error, Result};
use crate::table::Table;

impl Table {
    /// The whole of the file at `path`; its format follows from its name (see [`io`](crate::table::io)).
    ///
    /// # Errors
    /// When the file cannot be read, is no table (empty, no row, too many ragged ones), or lacks a column that `settings` names; the
    /// message says where and what to do.
    pub fn read(path: impl AsRef<Path>, settings: &ReadSettings) -> Result<Table> {
        // One chunk holds everything, so the first is the only one.
        match Table::chunks(&path, settings, usize::MAX)?.next() {
            Some(table) => table,
            None => Err(no_rows(path.as_ref())),
        }
    }

    /// The file at `path` in tables of about `rows` rows, so that memory stays bounded.
    ///
    /// # Errors
    /// As [`Table::read`]; what is wrong within the file comes with the chunk it is in.
    pub fn chunks(path: impl AsRef<Path>, settings: &ReadSettings, rows: usize) -> Result<Chunks> {
        let path = path.as_ref();
        let file: Box<dyn Chunked> = match path.is_dir() {
            true => Box::new(folder::Reader::open(path, settings, rows)?),
            false => open(path, settings, rows)?,
        };
        Ok(Chunks { file, path: path.to_owned(), rows: rows.max(1), read: 0, failed: false })
    }
}

/// The file at `path`, which is read in tables of `rows` rows.
pub(super) fn open(path: &Path, settings: &ReadSettings, rows: usize) -> Result<Box<dyn Chunked>> {
    let format = match &settings.format {
        Some(name) => Format::named(&name.to_lowercase()).ok_or_else(|| {
            let what = format!("`{name}` is no format; it may be csv, tsv, json, jsonl, parquet, arrow or xlsx");
            Error::file(path, what)
        })?,
        None => Format::of(path)?,
    };
    Ok(match format {
        Format::Delimited => Box::new(csv::Reader::open(path, settings)?),
        Format::Jsonl | Format::Json => Box::new(json::Reader::open(path, settings, rows)?),
        Format::Arrow | Format::ArrowStream => {
            Box::new(columnar::Reader::open(path, settings, rows, "Arrow", ipc::open)?)
        }
        Format::Parquet => Box::new(columnar::Reader::open(path, settings, rows, "Parquet", parquet::open)?),
        Format::Workbook => Box::new(workbook::Reader::open(path, settings)?),
    })
}

/// A file, a chunk of rows at a time; see [`Table::chunks`].
pub struct Chunks {
    file: Box<dyn Chunked>,
    path: PathBuf,
    rows: usize,
    /// Rows read so far.
    read: usize,
    failed: bool,
}

impl Iterator for Chunks {
    type Item = Result<Table>;

    fn next(&mut self) -> Option<Result<Table>> {
        if self.failed {
            return None;
        }
        let chunk = match self.file.next(self.rows) {
            Ok(table) if table.rows > 0 => {
                let table = Table { first_row: self.read, ..table };
                self.read += table.rows;
                Some(Ok(table))
            }
            Ok(_) if self.read > 0 => None,
            Ok(_) => Some(Err(no_rows(&self.path))),
            Err(e) => Some(Err(e)),
        };
        self.failed = !matches!(chunk, Some(Ok(_)));
        chunk
    }
}

fn no_rows(path: &Path) -> Error {
    Error::file(path, "has a header but no rows; give it at least one row of data")
}
