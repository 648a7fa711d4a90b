//! Reading one JSON object a line.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::cells::{Chunked, Missing, TextColumn, check_names, too_long};
use super::format::open;
use super::settings::ReadSettings;
use crate::error::{Error, Result};
use crate::table::Table;

/// The columns are the keys of the rows of the first chunk, in the order in which they appear; a row without one
/// of them has no value there.
pub(super) struct Reader {
    path: PathBuf,
    lines: BufReader<Box<dyn Read + Send>>,
    line: u64,
    names: Vec<String>,
    wanted: Option<Vec<String>>,
    missing: Missing,
    begun: bool,
}

impl Reader {
    pub(super) fn open(path: &Path, settings: &ReadSettings) -> Result<Reader> {
        let lines = BufReader::with_capacity(1 << 18, open(path)?);
        let wanted = settings.columns.clone();
        let missing = Missing::new(&settings.missing);
        Ok(Reader { path: path.to_owned(), lines, line: 0, names: Vec::new(), wanted, missing, begun: false })
    }

    /// The object on the next line that is not blank.
    fn object(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Map<String, Value>>> {
        loop {
            buffer.clear();
            if self.lines.read_until(b'\n', buffer).map_err(Error::io(&self.path))? == 0 {
                return Ok(None);
            }
            self.line += 1;
            let mut start = buffer.as_slice();
            if self.line == 1 {
                start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
            }
            if start.trim_ascii().is_empty() {
                continue;
            }
            let wrong = |what: String| Error::line(&self.path, self.line, what);
            if std::str::from_utf8(start).is_err() {
                return Err(wrong("is not UTF-8 text; convert the file first, e.g. with iconv".to_owned()));
            }
            return serde_json::from_slice(start).map(Some).map_err(|e| {
                wrong(format!("is not a JSON object ({e}); each line must be one, like {{\"age\": 39}}"))
            });
        }
    }
}

/// The columns of a chunk while it is read.
struct Columns {
    places: FxHashMap<String, usize>,
    names: Vec<String>,
    cells: Vec<TextColumn>,
    /// Only `true` and `false` so far.
    boolean: Vec<bool>,
    rows: usize,
}

impl Columns {
    fn add(&mut self, name: &str, missing: &Missing) -> usize {
        let mut column = TextColumn::new(missing);
        (0..self.rows).for_each(|_| column.push_null());
        self.cells.push(column);
        self.boolean.push(true);
        self.names.push(name.to_owned());
        self.places.insert(name.to_owned(), self.names.len() - 1);
        self.names.len() - 1
    }
}

/// Appends a value; false when it is a list or an object, which no cell can hold.
fn push(column: &mut TextColumn, value: &Value, missing: &Missing) -> bool {
    match value {
        Value::Null => column.push_null(),
        Value::String(text) => column.push(text, missing),
        Value::Bool(true) => column.push("true", missing),
        Value::Bool(false) => column.push("false", missing),
        Value::Number(number) => column.push(&number.to_string(), missing),
        Value::Array(_) | Value::Object(_) => return false,
    }
    true
}

impl Chunked for Reader {
    fn next(&mut self, rows: usize) -> Result<Table> {
        let mut columns = Columns {
            places: FxHashMap::default(),
            names: Vec::new(),
            cells: Vec::new(),
            boolean: Vec::new(),
            rows: 0,
        };
        for name in std::mem::take(&mut self.names).iter().chain(self.wanted.iter().flatten().filter(|_| !self.begun)) {
            columns.add(name, &self.missing);
        }
        let mut buffer = Vec::new();
        let mut used = vec![false; columns.names.len()];
        while columns.rows < rows {
            let Some(object) = self.object(&mut buffer)? else {
                break;
            };
            for (key, value) in &object {
                let j = match columns.places.get(key) {
                    Some(&j) => j,
                    None if self.wanted.is_some() => continue,
                    None if self.begun => {
                        let what = format!(
                            "has the key `{key}`, which no row of the first chunk has; add it there, as null if need be"
                        );
                        return Err(Error::line(&self.path, self.line, what));
                    }
                    None => {
                        used.push(true);
                        columns.add(key, &self.missing)
                    }
                };
                used[j] = true;
                let column = &mut columns.cells[j];
                columns.boolean[j] &= matches!(value, Value::Bool(_) | Value::Null);
                if !push(column, value, &self.missing) {
                    let what = format!("has a list or an object under `{key}`; flatten it, or leave the column out");
                    return Err(Error::line(&self.path, self.line, what));
                }
            }
            columns.rows += 1;
            columns.cells.iter_mut().filter(|c| c.len < columns.rows).for_each(TextColumn::push_null);
            if columns.rows.is_multiple_of(1024)
                && let Some(long) = columns.cells.iter().position(TextColumn::is_full)
            {
                return Err(too_long(&self.path, &columns.names[long]));
            }
        }
        if !self.begun {
            check_names(&self.path, &columns.names)?;
            if let Some(unused) = used.iter().position(|u| !u) {
                let what = format!("no row has the key `{}`; check how it is spelt", columns.names[unused]);
                return Err(Error::file(&self.path, what));
            }
        }
        self.begun = true;
        self.names.clone_from(&columns.names);
        let (arrays, tokens) = columns.cells.into_iter().map(|c| c.finish(&self.missing)).unzip();
        let table = Table::new(columns.names, arrays)?;
        let arrow = std::iter::zip(&table.columns, columns.boolean)
            .map(|(c, b)| (b && c.null_count() < c.len()).then(|| "Boolean".to_owned()))
            .collect();
        Ok(Table { missing_tokens: tokens, arrow, ..table })
    }
}
