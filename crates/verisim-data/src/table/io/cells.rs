//! What the readers of all formats share: the columns they fill, and what they refuse.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::StringBuilder;

use super::head::Padding;
use crate::error::{Error, Result};
use crate::table::Table;

/// A file being read.
pub(super) trait Chunked: Send {
    /// Up to `rows` further rows; an empty table at the end.
    fn next(&mut self, rows: usize) -> Result<Table>;
}

/// The texts that mean "no value", found fast: almost every cell is turned away by its first byte.
pub(super) struct Missing {
    pub(super) tokens: Vec<String>,
    first: [bool; 256],
    empty: Option<usize>,
}

impl Missing {
    pub(super) fn new(tokens: &[String]) -> Missing {
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
    pub(super) fn find(&self, cell: &str) -> Option<usize> {
        match cell.as_bytes().first() {
            None => self.empty,
            Some(&b) if self.first[b as usize] => self.tokens.iter().position(|t| t == cell),
            Some(_) => None,
        }
    }
}

/// Bytes of text that a column may hold: Arrow's offsets end at 2 GiB, and the margin holds the rows until the next look.
const MOST_BYTES: usize = (1 << 31) - (1 << 24);

/// A text column being read.
pub(super) struct TextColumn {
    cells: StringBuilder,
    /// How often each missing token was seen.
    pub(super) seen: Vec<usize>,
    pub(super) len: usize,
}

impl TextColumn {
    pub(super) fn new(missing: &Missing) -> TextColumn {
        TextColumn::with_tokens(missing.tokens.len())
    }

    pub(super) fn with_tokens(tokens: usize) -> TextColumn {
        TextColumn { cells: StringBuilder::new(), seen: vec![0; tokens], len: 0 }
    }

    /// Appends a cell without the blanks around it.
    pub(super) fn push(&mut self, cell: &str, missing: &Missing) {
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

    /// Appends a cell as it stands, but for its padding.
    pub(super) fn push_padded(&mut self, cell: &str, padding: &Padding, missing: &Missing) {
        self.len += 1;
        match missing.find(cell.trim_ascii()) {
            Some(token) => {
                self.seen[token] += 1;
                self.cells.append_null();
            }
            None => self.cells.append_value(padding.strip(cell)),
        }
    }

    pub(super) fn push_null(&mut self) {
        self.len += 1;
        self.cells.append_null();
    }

    /// Whether the text is about as long as a column may hold.
    pub(super) fn is_full(&self) -> bool {
        self.cells.values_slice().len() > MOST_BYTES
    }

    pub(super) fn finish(mut self, missing: &Missing) -> (ArrayRef, String) {
        (Arc::new(self.cells.finish()), commonest(&self.seen, missing))
    }
}

/// The token seen most often, the first of equals; empty when none was.
pub(super) fn commonest(seen: &[usize], missing: &Missing) -> String {
    let best = seen.iter().copied().enumerate().rev().max_by_key(|&(_, n)| n);
    best.filter(|&(_, n)| n > 0).map_or(String::new(), |(i, _)| missing.tokens[i].clone())
}

/// The error of a column that is full.
pub(super) fn too_long(path: &Path, column: &str) -> Error {
    let what = format!("column `{column}` holds more than 2 GiB of text; split the file, or read it in chunks");
    Error::file(path, what)
}

/// The places in `names` of the columns to read.
pub(super) fn selection(names: &[String], columns: Option<&[String]>) -> Result<Vec<usize>> {
    let place = |c: &String| names.iter().position(|n| n == c).ok_or_else(|| Error::no_column(c, names));
    match columns {
        None => Ok((0..names.len()).collect()),
        Some(wanted) => wanted.iter().map(place).collect(),
    }
}

/// Refuses a table with two columns of one name, or with none.
pub(super) fn check_names(path: &Path, names: &[String]) -> Result<()> {
    let mut seen = HashSet::new();
    match names.iter().find(|n| !seen.insert(n.as_str())) {
        Some(twice) => Err(Error::file(path, format!("has two columns named `{twice}`; rename one of them"))),
        None if names.is_empty() => {
            Err(Error::file(path, "has no columns; give it a header of names and rows below it"))
        }
        None => Ok(()),
    }
}
