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

mod cells;
mod csv;
mod format;
mod jsonl;
mod packed;
mod parquet;
mod read;
mod settings;
#[cfg(test)]
mod tests;
mod writer;

pub use format::is_table;
pub use read::Chunks;
pub use settings::{MISSING_TOKENS, ReadSettings};
pub use writer::Writer;
