//! Readers and writers: comma- and tab-separated text, Parquet, and one JSON object a line.
//!
//! | name ends in | format |
//! |---|---|
//! | `.csv`, `.txt` | text; the delimiter is found among comma, semicolon, tab and bar |
//! | `.tsv` | text with tabs |
//! | `.jsonl`, `.ndjson` | one JSON object a line |
//! | `.parquet` | Parquet |
//!
//! Text formats may also end in `.gz` or `.zst`.

mod csv;
mod jsonl;
mod parquet;
mod sink;
mod writer;

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::StringBuilder;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::table::Table;
pub use writer::Writer;

/// How to read a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadOptions {
    /// What separates the cells of a text file; found from its first lines when not given.
    pub delimiter: Option<char>,
    /// Texts that mean "no value here", compared after blanks around the cell are dropped. The default is what
    /// pandas takes for missing, and `?`. Name the list to keep e.g. `None` as a category.
    pub missing: Vec<String>,
    /// The columns to read; all when not given.
    pub columns: Option<Vec<String>>,
}

/// Texts that read as missing unless [`ReadOptions::missing`] says otherwise.
pub const MISSING_TOKENS: [&str; 13] =
    ["", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "null", "NULL", "None"];

impl Default for ReadOptions {
    fn default() -> Self {
        let missing = MISSING_TOKENS.map(str::to_owned).to_vec();
        ReadOptions { delimiter: None, missing, columns: None }
    }
}

impl Table {
    /// The whole of the file at `path`; its format follows from its name (see [`io`](crate::table::io)).
    ///
    /// # Errors
    /// When the file cannot be read, is no table (empty, no row, ragged, two columns of one name), is not
    /// UTF-8, or lacks a column that `options` names; the message says where and what to do.
    pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Table> {
        // One chunk holds everything, so the first is the only one.
        match Table::chunks(&path, options, usize::MAX)?.next() {
            Some(table) => table,
            None => Err(no_rows(path.as_ref())),
        }
    }

    /// The file at `path` in tables of about `rows` rows, so that memory stays bounded.
    ///
    /// # Errors
    /// As [`Table::read`]; what is wrong within the file comes with the chunk it is in.
    pub fn chunks(path: impl AsRef<Path>, options: &ReadOptions, rows: usize) -> Result<Chunks> {
        let path = path.as_ref();
        let source: Box<dyn Source> = match Format::of(path)? {
            Format::Delimited => Box::new(csv::Reader::open(path, options)?),
            Format::Jsonl => Box::new(jsonl::Reader::open(path, options)?),
            Format::Parquet => Box::new(parquet::Reader::open(path, options, rows)?),
        };
        Ok(Chunks { source, path: path.to_owned(), rows: rows.max(1), read: 0, failed: false })
    }
}

/// A file, a chunk of rows at a time; see [`Table::chunks`].
pub struct Chunks {
    source: Box<dyn Source>,
    path: PathBuf,
    rows: usize,
    read: usize,
    failed: bool,
}

impl Iterator for Chunks {
    type Item = Result<Table>;

    fn next(&mut self) -> Option<Result<Table>> {
        if self.failed {
            return None;
        }
        let chunk = match self.source.next(self.rows) {
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

/// A file being read.
trait Source: Send {
    /// Up to `rows` further rows; an empty table at the end.
    fn next(&mut self, rows: usize) -> Result<Table>;
}

/// Whether the name is that of a table.
pub fn is_table(path: &Path) -> bool {
    Format::of(path).is_ok()
}

/// What a file's name says about it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Delimited,
    Jsonl,
    Parquet,
}

impl Format {
    fn of(path: &Path) -> Result<Format> {
        match extension(path).0.as_str() {
            "csv" | "tsv" | "txt" => Ok(Format::Delimited),
            "jsonl" | "ndjson" => Ok(Format::Jsonl),
            "parquet" if extension(path).1.is_empty() => Ok(Format::Parquet),
            _ => Err(Error::file(
                path,
                "the name says no format; rename it to end in .csv, .tsv, .txt, .jsonl (also with .gz or .zst) or .parquet",
            )),
        }
    }
}

/// The extension in lower case without the packing, and the packing (`gz`, `zst` or nothing).
fn extension(path: &Path) -> (String, &'static str) {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let (name, packing) = match (name.strip_suffix(".gz"), name.strip_suffix(".zst")) {
        (Some(n), _) => (n, "gz"),
        (_, Some(n)) => (n, "zst"),
        _ => (name.as_str(), ""),
    };
    (name.rsplit_once('.').map_or(String::new(), |(_, e)| e.to_owned()), packing)
}

/// The bytes of the file at `path`, unpacked.
fn open(path: &Path) -> Result<Box<dyn Read + Send>> {
    let file = File::open(path).map_err(Error::io(path))?;
    if path.is_dir() {
        return Err(Error::file(path, "is a folder; name the file in it"));
    }
    Ok(match extension(path).1 {
        "gz" => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file))),
        "zst" => Box::new(zstd::Decoder::new(file).map_err(Error::io(path))?),
        _ => Box::new(file),
    })
}

/// The texts that mean "no value", found fast: almost every cell is turned away by its first byte.
struct Missing {
    tokens: Vec<String>,
    first: [bool; 256],
    empty: Option<usize>,
}

impl Missing {
    fn new(tokens: &[String]) -> Missing {
        let tokens: Vec<String> = tokens.iter().map(|t| t.trim().to_owned()).collect();
        let mut first = [false; 256];
        for token in &tokens {
            if let Some(&b) = token.as_bytes().first() {
                first[b as usize] = true;
            }
        }
        let empty = tokens.iter().position(String::is_empty);
        Missing { tokens, first, empty }
    }

    /// Which token `cell` is.
    fn find(&self, cell: &str) -> Option<usize> {
        match cell.as_bytes().first() {
            None => self.empty,
            Some(&b) if self.first[b as usize] => self.tokens.iter().position(|t| t == cell),
            Some(_) => None,
        }
    }
}

/// A text column being read.
struct TextColumn {
    cells: StringBuilder,
    /// How often each missing token was seen.
    seen: Vec<usize>,
    len: usize,
}

impl TextColumn {
    fn new(missing: &Missing) -> TextColumn {
        TextColumn { cells: StringBuilder::new(), seen: vec![0; missing.tokens.len()], len: 0 }
    }

    /// Appends a cell without the blanks around it.
    fn push(&mut self, cell: &str, missing: &Missing) {
        let cell = cell.trim_ascii();
        self.len += 1;
        match missing.find(cell) {
            Some(token) => {
                self.seen[token] += 1;
                self.cells.append_null();
            }
            None => self.cells.append_value(cell),
        }
    }

    fn push_null(&mut self) {
        self.len += 1;
        self.cells.append_null();
    }

    /// Bytes of text so far; Arrow's offsets end at 2 GiB.
    fn bytes(&self) -> usize {
        self.cells.values_slice().len()
    }

    fn finish(mut self, missing: &Missing) -> (ArrayRef, String) {
        (Arc::new(self.cells.finish()), commonest(&self.seen, missing))
    }
}

/// The token seen most often, the first of equals; empty when none was.
fn commonest(seen: &[usize], missing: &Missing) -> String {
    let best = seen.iter().copied().enumerate().rev().max_by_key(|&(_, n)| n);
    best.filter(|&(_, n)| n > 0).map_or(String::new(), |(i, _)| missing.tokens[i].clone())
}

/// The places in `names` of the columns to read.
fn selection(names: &[String], columns: Option<&[String]>) -> Result<Vec<usize>> {
    let place = |c: &String| names.iter().position(|n| n == c).ok_or_else(|| Error::no_column(c, names));
    match columns {
        None => Ok((0..names.len()).collect()),
        Some(wanted) => wanted.iter().map(place).collect(),
    }
}

/// Refuses a table with two columns of one name, or with none.
fn check_names(path: &Path, names: &[String]) -> Result<()> {
    let mut seen = HashSet::new();
    match names.iter().find(|n| !seen.insert(n.as_str())) {
        Some(twice) => Err(Error::file(path, format!("has two columns named `{twice}`; rename one of them"))),
        None if names.is_empty() => Err(Error::file(path, "has no columns")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
