//! Readers and writers: comma- and tab-separated text, JSON, Parquet and Arrow.
//!
//! | name ends in | format |
//! |---|---|
//! | `.csv`, `.txt` | text; the delimiter is found among comma, semicolon, tab and bar |
//! | `.tsv` | text with tabs |
//! | `.jsonl`, `.ndjson` | one JSON object a line |
//! | `.json` | an array of JSON objects |
//! | `.parquet` | Parquet |
//! | `.xlsx`, `.xlsm`, `.xlsb`, `.xls`, `.ods` | a sheet of a workbook; read only |
//! | `.arrow`, `.feather`, `.ipc` | an Arrow file (Feather of version 2 is one) |
//! | `.arrows` | an Arrow stream |
//!
//! A folder of such files is one table: see [`is_dataset`].
//!
//! Text formats may also end in `.gz` or `.zst`.

mod branch;
mod cells;
mod columnar;
mod csv;
#[cfg(test)]
mod damaged_tests;
mod dialect;
mod encoding;
mod folder;
mod format;
mod head;
mod ipc;
mod json;
#[cfg(test)]
mod nested_tests;
mod objects;
mod output;
mod packed;
mod page;
mod parquet;
mod progress;
mod quotes;
mod read;
mod settings;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod text_tests;
mod typed;
mod workbook;
mod writer;

pub use dialect::{Dialect, Quoting};
pub use folder::is_dataset;
pub use format::{is_delimited, is_table};
pub use progress::Progress;
pub use read::Chunks;
pub use settings::{MISSING_TOKENS, ReadSettings};
pub use writer::Writer;
