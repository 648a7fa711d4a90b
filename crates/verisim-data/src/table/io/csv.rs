//! Reading delimited text.

use std::borrow::Cow;
use std::io::{self, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ErrorKind};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::cells::{Chunked, Missing, TextColumn, check_names, selection, too_long};
use super::dialect::{Dialect, Quoting};
use super::encoding::{self, Decoded};
use super::format::{extension, open};
use super::head::{Head, Padding, Signs, looks_like_data};
use super::quotes;
use super::settings::ReadSettings;
use crate::error::{Error, Result};
use crate::table::Table;

/// Enough of a file to tell its delimiter from.
const HEAD: u64 = 1 << 16;
/// Of how many rows one may be left out because it has other cells than the header, and how many may be in any case.
const RAGGED: (u64, u64) = (100, 10);

/// A stream whose head was looked at: the head, and the rest.
type Bytes = Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>;

pub(super) struct Reader {
    path: PathBuf,
    csv: csv::Reader<Bytes>,
    /// Lines before the first that the inner reader sees.
    skipped: u64,
    /// The first row, where it is no header.
    first: Option<ByteRecord>,
    names: Vec<String>,
    columns: Vec<usize>,
    padding: Vec<Padding>,
    missing: Missing,
    /// Text that is not UTF-8 is refused.
    strict: bool,
    dialect: Dialect,
    notes: Vec<String>,
    rows: u64,
    /// Rows with other cells than the header.
    ragged: Odd,
    /// Rows that are not UTF-8.
    foreign: Odd,
    /// Cells of the first ragged row.
    cells: usize,
    ended: bool,
}

/// Rows that are not like the others: how many, and the line of the first.
#[derive(Default)]
struct Odd {
    count: u64,
    line: u64,
}

impl Odd {
    /// True for the first one.
    fn add(&mut self, line: u64) -> bool {
        self.count += 1;
        if self.count == 1 {
            self.line = line;
        }
        self.count == 1
    }

    /// `3 rows, the first in line 7,` or `the row in line 7`.
    fn named(&self) -> String {
        match self.count {
            1 => format!("the row in line {}", self.line),
            n => format!("{n} rows, the first in line {},", self.line),
        }
    }
}

/// A file of text, opened: its bytes as UTF-8, or as they are where its encoding is not known.
struct Text {
    bytes: Bytes,
    /// What was looked at.
    head: Vec<u8>,
    encoding: &'static Encoding,
}

impl Text {
    fn open(path: &Path, settings: &ReadSettings) -> Result<Text> {
        let (head, bytes) = peeked(path, open(path, &settings.progress)?)?;
        let encoding = match &settings.encoding {
            Some(label) => encoding::named(path, label)?,
            None => encoding::shown(&head),
        };
        let raw = Cursor::new(head).chain(bytes);
        // What is read as UTF-8 is checked row by row.
        let text: Box<dyn Read + Send> =
            if encoding == UTF_8 { Box::new(raw) } else { Box::new(Decoded::new(raw, encoding)) };
        let (head, bytes) = peeked(path, text)?;
        Ok(Text { bytes: Cursor::new(head.clone()).chain(bytes), head, encoding })
    }

    /// The rest without the first `n` bytes, which must be in the head.
    fn skip(mut self, n: usize) -> Bytes {
        self.head.drain(..n);
        Cursor::new(self.head).chain(self.bytes.into_inner().1)
    }
}

/// The first bytes of a stream, and the stream behind them.
fn peeked(path: &Path, mut bytes: Box<dyn Read + Send>) -> Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut head = Vec::new();
    bytes.by_ref().take(HEAD).read_to_end(&mut head).map_err(|e| unreadable(path, e))?;
    Ok((head, bytes))
}

impl Reader {
    pub(super) fn open(path: &Path, settings: &ReadSettings) -> Result<Reader> {
        let text = Text::open(path, settings)?;
        let mut notes = Vec::new();
        if text.head.trim_ascii().is_empty() {
            return Err(Error::file(path, "is empty; a table needs a header line and rows"));
        }
        if text.head.starts_with(b"PK\x03\x04") {
            return Err(Error::file(path, "is an archive or a spreadsheet, not text; save it as .csv first"));
        }
        if text.encoding != UTF_8 && settings.encoding.is_none() {
            notes.push(format!("the file is {} and read as that", text.encoding.name()));
        }
        let cut = text.head.len() as u64 == HEAD;
        let mut skip = if text.head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut lines = 0;
        let sign = |what, sign: Option<char>| sign.map(|c| byte(path, what, c)).transpose();
        let quote = settings.quote(path)?;
        let mut delimiter = match settings.delimiter {
            Some(_) => sign("delimiter", settings.delimiter)?,
            None if extension(path).0 == "tsv" => Some(b'\t'),
            None => None,
        };
        if let Some((named, bytes)) = Head::new(&text.head[skip..], cut).named_delimiter() {
            delimiter = delimiter.filter(|_| settings.delimiter.is_some()).or(Some(named));
            (skip, lines) = (skip + bytes, 1);
        }
        if settings.comment.is_none() {
            let head = Head::new(&text.head[skip..], cut);
            let cells = |line: &[u8]| {
                let split = |d: u8| line.iter().filter(|b| **b == d).count() + 1;
                delimiter.map_or_else(|| [b',', b';', b'\t', b'|'].map(split).into_iter().max().unwrap_or(1), split)
            };
            let (bytes, comments) = head.comments(cells);
            if comments > 0 {
                let what = if comments == 1 {
                    "line before the header is a comment"
                } else {
                    "lines before the header are comments"
                };
                notes.push(format!("{comments} {what}"));
            }
            (skip, lines) = (skip + bytes, lines + comments);
        }
        let head = Head::new(&text.head[skip..], cut);
        let by_name = settings.delimiter.is_none() && extension(path).0 == "tsv" && delimiter == Some(b'\t');
        let (escape, comment) = (sign("escape", settings.escape)?, sign("comment", settings.comment)?);
        let mut signs = Signs { delimiter: b',', quote, escape, comment };
        signs.delimiter = delimiter.unwrap_or_else(|| head.delimiter(signs));
        let delimiter = signs.delimiter;

        let mut dialect = Dialect {
            delimiter: char::from(delimiter),
            by_name,
            quote: '"',
            quoting: Quoting::Never,
            crlf: head.crlf(),
            header: settings.header.unwrap_or(true),
        };
        if let Some(quote) = quote {
            dialect.quote = char::from(quote);
            dialect.quoting = head.quoting(signs, quote, dialect.header);
            // With an escape it is not plain which quotes close.
            if settings.escape.is_none() {
                let body = Text::open(path, settings)?.skip(skip);
                let lone = quotes::unclosed(body, delimiter, quote).map_err(|e| unreadable(path, e))?;
                if let Some(line) = lone.map(|line| line + lines + 1) {
                    signs.quote = None;
                    let body = Text::open(path, settings)?.skip(skip);
                    if settings.quote.is_some() || !is_even(path, signs, body, quote)? {
                        let what = "has a quote that opens a cell and does not close; close it, or set `quote = \"none\"` in [data] if quotes are signs like others";
                        return Err(Error::line(path, line, what));
                    }
                    dialect.quoting = Quoting::Never;
                    notes.push(format!(
                        "line {line} has a quote that does not close, and without quotes the rows are even: they are read as signs like others; set `quote` in [data] to overrule"
                    ));
                }
            }
        }

        let head_rows = head.rows(signs);
        let mut csv = signs.builder().buffer_capacity(1 << 18).from_reader(text.skip(skip));
        let mut first = ByteRecord::new();
        csv.read_byte_record(&mut first).map_err(|e| describe(path, e))?;
        let names: Vec<String> = match dialect.header {
            true => first.iter().enumerate().map(|(j, n)| name(&decoded(n), j)).collect(),
            false => (0..first.len()).map(|j| name("", j)).collect(),
        };
        let names = distinct(names, &mut notes);
        check_names(path, &names)?;
        if settings.header.is_none()
            && let Some(why) = looks_like_data(&head_rows)
        {
            notes.push(format!(
                "the first row looks like data ({why}) but is read as the names of the columns; set `header = false` in [data], or give --no-header, if it is data"
            ));
        }
        let columns = selection(&names, settings.columns.as_deref())?;
        let body = &head_rows[usize::from(dialect.header).min(head_rows.len())..];
        let padding = columns.iter().map(|&j| Padding::of(body, j)).collect();
        Ok(Reader {
            path: path.to_owned(),
            csv,
            skipped: lines,
            first: (!dialect.header).then_some(first),
            names,
            columns,
            padding,
            missing: Missing::new(&settings.missing),
            strict: settings.encoding.is_some(),
            dialect,
            notes,
            rows: 0,
            ragged: Odd::default(),
            foreign: Odd::default(),
            cells: 0,
            ended: false,
        })
    }

    /// The next row as it stands; false at the end.
    fn record(&mut self, record: &mut ByteRecord) -> Result<bool> {
        match self.first.take() {
            Some(first) => *record = first,
            None if self.ended => return Ok(false),
            None => self.ended = !self.csv.read_byte_record(record).map_err(|e| describe(&self.path, e))?,
        }
        Ok(!self.ended)
    }

    /// Whether a row has the cells of the header; none is lost if those behind are empty.
    fn fits(&mut self, record: &ByteRecord, line: u64) -> bool {
        let width = self.names.len();
        if record.len() == width || record.len() > width && record.iter().skip(width).all(<[u8]>::is_empty) {
            return true;
        }
        if self.ragged.add(line) {
            self.cells = record.len();
        }
        false
    }

    /// What is known at the end: an error if too many rows were left out.
    fn end(&mut self) -> Result<()> {
        let (share, least) = RAGGED;
        let width = self.names.len();
        if self.ragged.count > 0
            && (self.ragged.count > self.rows || self.ragged.count > least.max((self.rows + self.ragged.count) / share))
        {
            let others = match self.ragged.count {
                1 => String::new(),
                n => format!(" ({n} rows have other numbers of cells)"),
            };
            let what = format!(
                "has {} cells where the header has {width}{others}; quote cells that contain the delimiter, or name another delimiter",
                self.cells
            );
            return Err(Error::line(&self.path, self.ragged.line, what));
        }
        if self.ragged.count > 0 {
            self.notes.push(format!(
                "{} left out for having other than {width} cells; quote cells that contain the delimiter to keep them",
                self.ragged.named()
            ));
        }
        if self.foreign.count > 0 {
            self.notes.push(format!(
                "{} read as Windows-1252 for not being UTF-8; name the `encoding` in [data] if it is another",
                self.foreign.named()
            ));
        }
        (self.ragged.count, self.foreign.count) = (0, 0);
        Ok(())
    }
}

impl Chunked for Reader {
    fn next(&mut self, rows: usize) -> Result<Table> {
        let mut columns: Vec<TextColumn> = self.columns.iter().map(|_| TextColumn::new(&self.missing)).collect();
        let mut record = ByteRecord::new();
        let mut count: usize = 0;
        while count < rows && self.record(&mut record)? {
            let line = record.position().map_or(0, csv::Position::line) + self.skipped;
            if !self.fits(&record, line) {
                continue;
            }
            let utf8 = std::str::from_utf8(record.as_slice()).ok();
            let mut foreign = utf8.is_none();
            for ((column, &j), padding) in columns.iter_mut().zip(&self.columns).zip(&self.padding) {
                // Two cells may be UTF-8 together and not each.
                let cell = match record.range(j).and_then(|range| utf8?.get(range)) {
                    Some(cell) => Cow::Borrowed(cell),
                    None => {
                        foreign = true;
                        decoded(&record[j])
                    }
                };
                column.push_padded(&cell, padding, &self.missing);
            }
            if foreign {
                if self.strict {
                    let what = "is not UTF-8 text; name its `encoding` in [data], such as windows-1252";
                    return Err(Error::line(&self.path, line, what));
                }
                self.foreign.add(line);
            }
            count += 1;
            if count.is_multiple_of(1024)
                && let Some(long) = columns.iter().position(TextColumn::is_full)
            {
                return Err(too_long(&self.path, &self.names[self.columns[long]]));
            }
        }
        self.rows += count as u64;
        if self.ended {
            self.end()?;
        }
        let names = self.columns.iter().map(|&j| self.names[j].clone()).collect();
        let (arrays, tokens) = columns.into_iter().map(|c| c.finish(&self.missing)).unzip();
        Ok(Table {
            missing_tokens: tokens,
            dialect: Some(self.dialect),
            notes: std::mem::take(&mut self.notes),
            ..Table::new(names, arrays)?
        })
    }
}

/// A sign of the settings as a byte.
pub(super) fn byte(path: &Path, what: &str, sign: char) -> Result<u8> {
    let ascii = u8::try_from(sign).ok().filter(|b| b.is_ascii() && !matches!(b, b'\n' | b'\r'));
    ascii.ok_or_else(|| Error::file(path, format!("the {what} `{sign}` is not an ASCII character; use one that is")))
}

/// Whether the rows are even where quotes are signs like others, and such a file: one in which quotes around cells are the habit is not.
fn is_even(path: &Path, signs: Signs, bytes: Bytes, quote: u8) -> Result<bool> {
    let mut csv = signs.builder().from_reader(bytes);
    let (mut record, mut width, mut rows, mut odd, mut quoted) = (ByteRecord::new(), None, 0u64, 0u64, 0u64);
    while csv.read_byte_record(&mut record).map_err(|e| describe(path, e))? {
        rows += 1;
        odd += u64::from(record.len() != *width.get_or_insert(record.len()));
        let around = |cell: &[u8]| cell.len() > 1 && cell.first() == Some(&quote) && cell.last() == Some(&quote);
        quoted += u64::from(record.iter().any(around));
    }
    Ok(odd <= rows / RAGGED.0 && 10 * quoted <= rows)
}

/// A cell as text: what is not UTF-8 is Windows-1252, in which every byte means something.
fn decoded(cell: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(cell) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(cell).0,
    }
}

/// A header cell as a name; a nameless column (a row index, as a rule) is called after its place.
pub(super) fn name(cell: &str, place: usize) -> String {
    match cell.trim() {
        "" => format!("column_{}", place + 1),
        named => named.to_owned(),
    }
}

/// The names, of which those that came before get a number.
pub(super) fn distinct(names: Vec<String>, notes: &mut Vec<String>) -> Vec<String> {
    let mut taken: std::collections::HashSet<String> = names.iter().cloned().collect();
    let mut seen = std::collections::HashSet::new();
    let rename = |name: String| {
        if seen.insert(name.clone()) {
            return name;
        }
        let fresh = (2..).map(|n| format!("{name}_{n}")).find(|n| !taken.contains(n)).unwrap_or_default();
        notes.push(format!("two columns are named `{name}`; the later one is called `{fresh}`"));
        taken.insert(fresh.clone());
        fresh
    };
    names.into_iter().map(rename).collect()
}

/// An error of the stream.
fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Io { path: path.to_owned(), source }
}

/// A reader's complaint in our words.
fn describe(path: &Path, error: csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(source) => unreadable(path, source),
        other => Error::line(path, line, format!("cannot be read ({other:?}); look at the line")),
    }
}
