//! How a table is read.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::csv::byte;
use super::progress::Progress;
use crate::error::{Error, Result};

/// How a table is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadSettings {
    /// The format of a file whose name does not say it: `csv`, `tsv`, `json`, `jsonl`, `parquet`, `arrow`, `xlsx` ...
    pub format: Option<String>,
    /// The sheet of a workbook that is read; the first when not given.
    pub sheet: Option<String>,
    /// What separates the cells of a text file; found from its first lines when not given.
    pub delimiter: Option<char>,
    /// Whether the first line of a text file holds the names of the columns; true when not given. Without names they are
    /// `column_1`, `column_2` ...
    pub header: Option<bool>,
    /// How a text file is encoded, by the names that browsers know (`utf-16le`, `windows-1252`, `shift_jis`). When not given: UTF-16
    /// where a mark or its zeros show it, else UTF-8, and rows that are not are Windows-1252.
    pub encoding: Option<String>,
    /// What begins a line of a text file that is a comment. When not given, lines before the header that begin with `#` are.
    pub comment: Option<char>,
    /// What stands around cells of a text file: a sign, or `none`; `"` when not given.
    pub quote: Option<String>,
    /// What stands in a text file before a quote that is a sign like others, beside the quote itself.
    pub escape: Option<char>,
    /// Texts that mean "no value here", compared after blanks around the cell are dropped. The default is what
    /// pandas takes for missing, and `?`. Name the list to keep e.g. `None` as a category.
    pub missing: Vec<String>,
    /// The columns to read; all when not given.
    pub columns: Option<Vec<String>>,
    /// Told how much of a text file has been read.
    #[serde(skip)]
    pub progress: Progress,
}

/// Texts that read as missing unless [`ReadSettings::missing`] says otherwise.
pub const MISSING_TOKENS: [&str; 13] =
    ["", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "null", "NULL", "None"];

impl Default for ReadSettings {
    fn default() -> Self {
        let missing = MISSING_TOKENS.map(str::to_owned).to_vec();
        ReadSettings {
            format: None,
            sheet: None,
            delimiter: None,
            header: None,
            encoding: None,
            comment: None,
            quote: None,
            escape: None,
            missing,
            columns: None,
            progress: Progress::default(),
        }
    }
}

impl ReadSettings {
    /// What stands around cells, if anything does.
    pub(super) fn quote(&self, path: &Path) -> Result<Option<u8>> {
        let Some(quote) = &self.quote else { return Ok(Some(b'"')) };
        let mut signs = quote.chars();
        match (signs.next(), signs.next()) {
            (None, _) => Ok(None),
            (Some(sign), None) => byte(path, "quote", sign).map(Some),
            _ if quote == "none" => Ok(None),
            _ => Err(Error::file(path, format!("the quote `{quote}` is not one character; name one, or `none`"))),
        }
    }
}
