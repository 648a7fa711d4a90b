//! Reading delimited text.

use std::io::{Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use csv::{ErrorKind, StringRecord};

use super::cells::{Chunked, Missing, TextColumn, check_names, selection, too_long};
use super::format::{extension, open};
use super::settings::ReadSettings;
use crate::error::{Error, Result};
use crate::table::Table;

/// Enough of a file to tell its delimiter from.
const HEAD: u64 = 1 << 16;

/// The head of the file, which was looked at, and the rest.
type Bytes = Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>;

pub(super) struct Reader {
    path: PathBuf,
    csv: csv::Reader<Bytes>,
    names: Vec<String>,
    columns: Vec<usize>,
    missing: Missing,
}

impl Reader {
    pub(super) fn open(path: &Path, settings: &ReadSettings) -> Result<Reader> {
        let mut bytes = open(path)?;
        let mut head = Vec::new();
        bytes.by_ref().take(HEAD).read_to_end(&mut head).map_err(Error::io(path))?;
        if head.trim_ascii().is_empty() {
            return Err(Error::file(path, "is empty; a table needs a header line and rows"));
        }
        let delimiter = match settings.delimiter {
            Some(c) => u8::try_from(c).ok().filter(u8::is_ascii).ok_or_else(|| {
                Error::file(path, format!("the delimiter `{c}` is not an ASCII character; use one that is"))
            })?,
            None if extension(path).0 == "tsv" => b'\t',
            None => sniff(&head),
        };
        let mut csv = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .buffer_capacity(1 << 18)
            .from_reader(Cursor::new(head).chain(bytes));
        let header = csv.headers().map_err(|e| describe(path, e))?;
        let names: Vec<String> = header.iter().enumerate().map(|(j, n)| name(n, j)).collect();
        check_names(path, &names)?;
        let columns = selection(&names, settings.columns.as_deref())?;
        Ok(Reader { path: path.to_owned(), csv, names, columns, missing: Missing::new(&settings.missing) })
    }
}

impl Chunked for Reader {
    fn next(&mut self, rows: usize) -> Result<Table> {
        let mut columns: Vec<TextColumn> = self.columns.iter().map(|_| TextColumn::new(&self.missing)).collect();
        let mut record = StringRecord::new();
        let mut count = 0;
        while count < rows && self.csv.read_record(&mut record).map_err(|e| describe(&self.path, e))? {
            for (column, &j) in columns.iter_mut().zip(&self.columns) {
                column.push(&record[j], &self.missing);
            }
            count += 1;
            if count.is_multiple_of(1024)
                && let Some(long) = columns.iter().position(TextColumn::is_full)
            {
                return Err(too_long(&self.path, &self.names[self.columns[long]]));
            }
        }
        let names = self.columns.iter().map(|&j| self.names[j].clone()).collect();
        let (arrays, tokens) = columns.into_iter().map(|c| c.finish(&self.missing)).unzip();
        Ok(Table { missing_tokens: tokens, ..Table::new(names, arrays)? })
    }
}

/// A header cell as a name; a nameless column (a row index, as a rule) is called after its place.
fn name(cell: &str, place: usize) -> String {
    match cell.trim() {
        "" => format!("column_{}", place + 1),
        named => named.to_owned(),
    }
}

/// The delimiter under which the first lines split evenly into the most cells; failing that the one seen most
/// often in the header, so that the error about a ragged line counts sensibly.
fn sniff(head: &[u8]) -> u8 {
    // The last line is cut off by the end of the head, unless the file ends there.
    let whole = match head.iter().rposition(|&b| b == b'\n') {
        Some(end) if head.len() as u64 == HEAD => &head[..end],
        _ => head,
    };
    let score = |&delimiter: &u8| {
        let mut csv =
            csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(whole);
        let widths: Vec<usize> = csv.byte_records().take(100).map_while(|r| r.ok()).map(|r| r.len()).collect();
        let header = widths.first().copied().unwrap_or(1);
        (header > 1 && widths.iter().all(|&w| w == header), header)
    };
    // `max_by_key` takes the last of equals; the comma should win those.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(score).unwrap_or(b',')
}

/// A reader's complaint in our words.
fn describe(path: &Path, error: csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(source) => Error::Io { path: path.to_owned(), source },
        ErrorKind::Utf8 { .. } => Error::line(
            path,
            line,
            "is not UTF-8 text; convert the file first, e.g. `iconv -f latin1 -t utf8 IN > OUT` if it is Latin-1",
        ),
        ErrorKind::UnequalLengths { expected_len, len, .. } => Error::line(
            path,
            line,
            format!(
                "has {len} cells where the header has {expected_len}; quote cells that contain the delimiter, or name another delimiter"
            ),
        ),
        other => Error::line(path, line, format!("cannot be read ({other:?}); look at the line")),
    }
}
