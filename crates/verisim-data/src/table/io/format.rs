//! What a file's name says of its format, and the bytes in it.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::progress::Progress;
use crate::error::{Error, Result};

/// Whether the name is that of a table.
pub fn is_table(path: &Path) -> bool {
    Format::of(path).is_ok()
}

/// Whether the name is that of a file of delimited text, which has no types.
pub fn is_delimited(path: &Path) -> bool {
    Format::of(path).is_ok_and(|format| format == Format::Delimited)
}

/// What a file's name says about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Format {
    Delimited,
    Json,
    Jsonl,
    Parquet,
    Arrow,
    ArrowStream,
    /// Read only.
    Workbook,
}

impl Format {
    pub(super) fn of(path: &Path) -> Result<Format> {
        let (ending, packing) = extension(path);
        let known = Format::named(&ending).filter(|format| packing.is_empty() || format.is_text());
        known.ok_or_else(|| {
            let what = "the name says no format; set `format` (csv, tsv, json, jsonl, parquet, arrow, xlsx), or rename it to end in .csv, \
                        .tsv, .txt, .json, .jsonl (also with .gz or .zst), .parquet, .arrow or .xlsx";
            Error::file(path, what)
        })
    }

    /// The format that files with this ending have.
    pub(super) fn named(ending: &str) -> Option<Format> {
        Some(match ending {
            "csv" | "tsv" | "txt" => Format::Delimited,
            "json" => Format::Json,
            "jsonl" | "ndjson" => Format::Jsonl,
            "arrow" | "feather" | "ipc" => Format::Arrow,
            "arrows" => Format::ArrowStream,
            "parquet" => Format::Parquet,
            "xlsx" | "xlsm" | "xlsb" | "xls" | "ods" => Format::Workbook,
            _ => return None,
        })
    }

    /// Whether files may be packed.
    fn is_text(self) -> bool {
        matches!(self, Format::Delimited | Format::Json | Format::Jsonl)
    }
}

/// The extension in lower case without the packing, and the packing (`gz`, `zst` or nothing).
pub(super) fn extension(path: &Path) -> (String, &'static str) {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let (name, packing) = match (name.strip_suffix(".gz"), name.strip_suffix(".zst")) {
        (Some(n), _) => (n, "gz"),
        (_, Some(n)) => (n, "zst"),
        _ => (name.as_str(), ""),
    };
    (name.rsplit_once('.').map_or(String::new(), |(_, e)| e.to_owned()), packing)
}

/// The bytes of the file at `path`, unpacked; `progress` is told how many were read.
pub(super) fn open(path: &Path, progress: &Progress) -> Result<Box<dyn Read + Send>> {
    let file = File::open(path).map_err(Error::io(path))?;
    if path.is_dir() {
        return Err(Error::file(path, "is a folder; name the file in it"));
    }
    let file = progress.count(file);
    Ok(match extension(path).1 {
        "gz" => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file))),
        "zst" => Box::new(zstd::Decoder::new(file).map_err(Error::io(path))?),
        _ => Box::new(file),
    })
}
