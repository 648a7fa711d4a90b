//! Rows on their way to their part, as they stand.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use arrow_array::BooleanArray;
use arrow_select::filter::filter_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

use super::To;
use crate::error::{Error, Result};
use crate::table::{Dialect, Quoting, ReadSettings, Table};

/// What is known of how rows lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Records of cells, which may hold line ends in quotes.
    Text,
    Lines,
    Parquet,
}

impl Format {
    pub(super) fn of(path: &Path) -> Result<Format> {
        match ending(path).as_str() {
            "csv" | "txt" | "tsv" => Ok(Format::Text),
            "jsonl" | "ndjson" => Ok(Format::Lines),
            "parquet" => Ok(Format::Parquet),
            _ => Err(Error::file(path, "cannot be parted; save it as .csv, .tsv, .jsonl or .parquet first")),
        }
    }
}

/// The ending of the name, without that of a packed file.
pub(super) fn ending(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name).to_owned();
    name.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_owned())
}

/// Sends row `i` to the part that `rows_to[i]` says.
pub(super) fn copy(
    path: &Path,
    format: Format,
    settings: &ReadSettings,
    rows_to: &[To],
    parts: [File; 2],
) -> Result<()> {
    let io = |result: std::io::Result<usize>| result.map_err(Error::io(path));
    let rows = match format {
        Format::Parquet => parquet(path, rows_to, parts)?,
        Format::Lines => io(lines(unpacked(path)?, rows_to, parts.map(BufWriter::new)))?,
        Format::Text => {
            let dialect = dialect(path, settings)?;
            io(records(unpacked(path)?, dialect, settings.escape, rows_to, parts.map(BufWriter::new)))?
        }
    };
    if rows == rows_to.len() {
        return Ok(());
    }
    Err(Error::file(
        path,
        format!(
            "has {rows} records, of which {} are read as rows; mend or remove what is not read, such as comments and broken lines",
            rows_to.len()
        ),
    ))
}

/// The bytes of a text file, unpacked.
fn unpacked(path: &Path) -> Result<BufReader<Box<dyn Read>>> {
    let file = File::open(path).map_err(Error::io(path))?;
    let name = path.to_string_lossy().to_lowercase();
    let mut bytes: BufReader<Box<dyn Read>> = BufReader::new(if name.ends_with(".gz") {
        Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(file)))
    } else if name.ends_with(".zst") {
        Box::new(zstd::Decoder::new(file).map_err(Error::io(path))?)
    } else {
        Box::new(file)
    });
    match bytes.fill_buf().map_err(Error::io(path))? {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            Err(Error::file(path, "is UTF-16, whose lines cannot be parted; save it as UTF-8 first"))
        }
        _ => Ok(bytes),
    }
}

/// How the file is written.
fn dialect(path: &Path, settings: &ReadSettings) -> Result<Dialect> {
    let first = Table::chunks(path, settings, 1)?.next().transpose()?;
    Ok(first.and_then(|table| table.dialect).unwrap_or_default())
}

/// Rows are lines; blank ones are none.
fn lines(mut bytes: impl BufRead, rows_to: &[To], mut parts: [impl Write; 2]) -> std::io::Result<usize> {
    let (mut line, mut rows) = (Vec::new(), 0);
    while bytes.read_until(b'\n', &mut line)? > 0 {
        if !line.trim_ascii().is_empty() {
            if let Some(part) = rows_to.get(rows).and_then(|to| parts.get_mut(*to as usize)) {
                part.write_all(&line)?;
            }
            rows += 1;
        }
        line.clear();
    }
    parts.iter_mut().try_for_each(Write::flush)?;
    Ok(rows)
}

/// Rows are records; what stands before the first, the header, goes to both parts.
fn records(
    mut bytes: impl BufRead,
    dialect: Dialect,
    escape: Option<char>,
    rows_to: &[To],
    mut parts: [impl Write; 2],
) -> std::io::Result<usize> {
    // To one part, or to both; a number of no part is of neither.
    let mut put = |to: Option<usize>, bytes: &[u8]| {
        let mut wanted = parts.iter_mut().enumerate().filter(|(part, _)| to.is_none_or(|to| to == *part));
        wanted.try_for_each(|(_, part)| part.write_all(bytes))
    };
    // A mark of the byte order would not be counted.
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if bytes.fill_buf()?.starts_with(MARK) {
        bytes.consume(MARK.len());
        put(None, MARK)?;
    }
    let bytes = Kept { inner: bytes, bytes: Vec::new(), begin: 0, at: 0 };
    let byte = |sign: char, default| u8::try_from(sign).unwrap_or(default);
    let mut csv = csv::ReaderBuilder::new()
        .delimiter(byte(dialect.delimiter, b','))
        .quote(byte(dialect.quote, b'"'))
        .quoting(dialect.quoting != Quoting::Never)
        .escape(escape.and_then(|sign| u8::try_from(sign).ok()))
        .flexible(true)
        .has_headers(false)
        .from_reader(bytes);
    let header = usize::from(dialect.header);
    let (mut record, mut count) = (csv::ByteRecord::new(), 0usize);
    let (mut to, mut half) = (None, false);
    while csv.read_byte_record(&mut record).map_err(std::io::Error::other)? {
        let end = csv.position().byte();
        let bytes = csv.get_mut().until(end);
        // A record ends before the second byte of `\r\n`, which then is the first of the next.
        let (rest, own) = bytes.split_at(usize::from(half && bytes.first() == Some(&b'\n')));
        put(to, rest)?;
        to = count.checked_sub(header).map(|row| rows_to.get(row).map_or(To::Neither, |to| *to) as usize);
        put(to, own)?;
        half = own.last() == Some(&b'\r');
        count += 1;
    }
    put(to, csv.get_mut().rest())?;
    parts.iter_mut().try_for_each(Write::flush)?;
    Ok(count.saturating_sub(header))
}

/// Hands bytes on and keeps them until they are asked for.
struct Kept<R> {
    inner: R,
    bytes: Vec<u8>,
    /// Bytes that were asked for already.
    begin: usize,
    /// The place of the next one in the file.
    at: u64,
}

impl<R> Kept<R> {
    /// The bytes from where the last ones ended up to the place `end`.
    fn until(&mut self, end: u64) -> &[u8] {
        let begin = self.begin;
        self.begin = (begin + end.saturating_sub(self.at) as usize).min(self.bytes.len());
        self.at = end;
        &self.bytes[begin..self.begin]
    }

    fn rest(&mut self) -> &[u8] {
        &self.bytes[self.begin..]
    }
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let got = self.inner.read(out)?;
        self.bytes.drain(..self.begin);
        self.begin = 0;
        self.bytes.extend_from_slice(&out[..got]);
        Ok(got)
    }
}

/// Batches of rows, in the types, the packing and with the notes of the file.
fn parquet(path: &Path, rows_to: &[To], parts: [File; 2]) -> Result<usize> {
    let damaged = |e: parquet::errors::ParquetError| {
        Error::file(path, format!("cannot be parted ({e}); write, copy or download it again"))
    };
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(File::open(path).map_err(Error::io(path))?).map_err(damaged)?;
    let notes = builder.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    // The writer adds Arrow's own schema by itself.
    let notes = notes.into_iter().filter(|note| note.key != "ARROW:schema").collect();
    let mut settings = WriterProperties::builder().set_key_value_metadata(Some(notes));
    if let Some(column) = builder.metadata().row_groups().first().and_then(|group| group.columns().first()) {
        settings = settings.set_compression(column.compression());
    }
    let (schema, settings) = (builder.schema().clone(), settings.build());
    let mut writers = Vec::new();
    for part in parts {
        writers.push(ArrowWriter::try_new(part, schema.clone(), Some(settings.clone())).map_err(damaged)?);
    }
    let mut rows = 0;
    for batch in builder.build().map_err(damaged)? {
        let batch = batch.map_err(|e| damaged(e.into()))?;
        for (writer, wanted) in writers.iter_mut().zip([To::Train, To::Holdout]) {
            let mine: BooleanArray =
                (rows..rows + batch.num_rows()).map(|row| Some(rows_to.get(row) == Some(&wanted))).collect();
            let part = filter_record_batch(&batch, &mine).map_err(|e| damaged(e.into()))?;
            writer.write(&part).map_err(damaged)?;
        }
        rows += batch.num_rows();
    }
    writers.into_iter().try_for_each(|writer| writer.close().map(drop)).map_err(damaged)?;
    Ok(rows)
}
