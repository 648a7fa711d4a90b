//! A folder of files that are one table: in the order of their names, with what the folders `year=2024` say as columns.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, NullArray, StringArray};
use arrow_cast::cast;
use arrow_schema::DataType;
use arrow_select::concat::concat;

use super::cells::{Chunked, check_names};
use super::format::{Format, extension};
use super::read::open;
use super::settings::ReadSettings;
use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::nest::Nest;

/// Levels that folders may be deep.
const MOST_DEEP: usize = 8;
/// Entries that are looked at to tell what a folder is.
const LOOK: usize = 10_000;
/// What stands for a missing value in the name of a folder.
pub(super) const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// Whether there is a table in the folder at `path`: files of it, no images, and no model.
pub fn is_dataset(path: &Path) -> bool {
    if path.join("model.safetensors").exists() {
        return false;
    }
    let (mut left, mut found) = (LOOK, false);
    has_no_image(path, 0, &mut left, &mut found) && found
}

/// Looks at up to `left` entries of the folder for files of a table; false at the first image.
fn has_no_image(folder: &Path, deep: usize, left: &mut usize, found: &mut bool) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return true };
    for path in entries.flatten().map(|e| e.path()) {
        if *left == 0 {
            return true;
        }
        *left -= 1;
        if path.is_dir() {
            if deep < MOST_DEEP && !has_no_image(&path, deep + 1, left, found) {
                return false;
            }
        } else if crate::image::is_image(&path) {
            return false;
        } else {
            *found |= kind(&path).is_some();
        }
    }
    true
}

/// The name of a column and the type that it has in its file.
type Kind = (String, Option<String>);

/// One file of the table.
#[derive(Clone)]
struct Part {
    path: PathBuf,
    /// What the folders above it say.
    says: Vec<(String, Option<String>)>,
}

/// The files in `folder` and the folders in it. What is hidden, and what other programs keep for themselves, is left out.
fn list(folder: &Path, says: &mut Vec<(String, Option<String>)>, deep: usize, files: &mut Vec<Part>) -> Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .map_err(Error::io(folder))?
        .map(|e| e.map(|e| e.path()).map_err(Error::io(folder)))
        .collect::<Result<_>>()?;
    entries.sort_unstable();
    for path in entries {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with(['.', '_']) {
            continue;
        }
        if path.is_dir() {
            if deep == MOST_DEEP {
                continue;
            }
            let said = name.split_once('=').map(|(k, v)| (plain(k), Some(plain(v)).filter(|_| v != MISSING)));
            let known = said.is_some();
            says.extend(said);
            list(&path, says, deep + 1, files)?;
            if known {
                says.pop();
            }
        } else if path.is_file() {
            files.push(Part { path, says: says.clone() });
        }
    }
    Ok(())
}

/// What a table's files are taken for, the surest first; nothing for files that only might be of one.
fn kind(path: &Path) -> Option<u8> {
    if extension(path).0 == "txt" {
        return None;
    }
    Some(match Format::of(path).ok()? {
        Format::Parquet => 0,
        Format::Arrow | Format::ArrowStream => 1,
        Format::Json | Format::Jsonl => 2,
        Format::Delimited => 3,
        Format::Workbook => return None,
    })
}

/// The name of a folder without the escapes of signs that file systems refuse.
fn plain(name: &str) -> String {
    let bytes = name.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let code = name.get(i + 1..i + 3).filter(|_| bytes[i] == b'%').and_then(|h| u8::from_str_radix(h, 16).ok());
        out.push(code.unwrap_or(bytes[i]));
        i += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

pub(super) struct Reader {
    folder: PathBuf,
    settings: ReadSettings,
    /// Rows that each file is read in.
    rows: usize,
    parts: std::vec::IntoIter<Part>,
    current: Option<(Part, Box<dyn Chunked>)>,
    /// The first file with its columns and their types, which those of all others must be.
    first: Option<(PathBuf, Vec<Kind>)>,
    notes: Vec<String>,
}

impl Reader {
    pub(super) fn open(folder: &Path, settings: &ReadSettings, rows: usize) -> Result<Reader> {
        let mut files = Vec::new();
        list(folder, &mut Vec::new(), 0, &mut files)?;
        let Some(best) = files.iter().filter_map(|f| kind(&f.path)).min() else {
            return Err(Error::file(
                folder,
                "holds no tables; name a file, or a folder of .parquet, .csv or .jsonl files",
            ));
        };
        let (parts, others): (Vec<Part>, Vec<Part>) = files.into_iter().partition(|f| kind(&f.path) == Some(best));
        let mut notes = Vec::new();
        if let Some(other) = others.first() {
            let name = other.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            notes.push(format!("{} files in the folder are not of the table, such as {name}", others.len()));
        }
        let keys = |part: &Part| part.says.iter().map(|(k, _)| k.clone()).collect::<Vec<_>>();
        if let Some(odd) = parts.iter().find(|p| keys(p) != keys(&parts[0])) {
            let what = format!(
                "lies in folders that say {}, where {} lies in such that say {}; move one of them",
                named(&keys(odd)),
                parts[0].path.display(),
                named(&keys(&parts[0]))
            );
            return Err(Error::file(&odd.path, what));
        }
        Ok(Reader {
            folder: folder.to_owned(),
            settings: settings.clone(),
            rows,
            parts: parts.into_iter(),
            current: None,
            first: None,
            notes,
        })
    }

    /// The next rows of the files; an empty table at the end.
    fn piece(&mut self, rows: usize) -> Result<Table> {
        loop {
            if self.current.is_none() {
                let Some(part) = self.parts.next() else { return Ok(Table::default()) };
                let says: HashSet<&String> = part.says.iter().map(|(k, _)| k).collect();
                let inner =
                    self.settings.columns.as_ref().map(|c| c.iter().filter(|c| !says.contains(c)).cloned().collect());
                let settings = ReadSettings { columns: inner, ..self.settings.clone() };
                let reader = open(&part.path, &settings, self.rows)?;
                self.current = Some((part, reader));
            }
            let Some((part, reader)) = &mut self.current else { return Ok(Table::default()) };
            let table = reader.next(rows)?;
            if table.rows == 0 {
                self.current = None;
                continue;
            }
            let part = part.clone();
            self.check(&part.path, &table)?;
            return with_folders(table, &part);
        }
    }

    /// Refuses a file whose columns are not those of the first. Keys of JSON and parts of nested columns may be absent.
    fn check(&mut self, path: &Path, table: &Table) -> Result<()> {
        let nested: HashSet<&str> = table.nest.iter().flat_map(|n| n.parts()).collect();
        let plain = |name: &String| !nested.contains(name.as_str());
        let columns: Vec<Kind> =
            table.names.iter().cloned().zip(table.arrow.iter().cloned()).filter(|(n, _)| plain(n)).collect();
        let Some((first, wanted)) = &self.first else {
            self.first = Some((path.to_owned(), columns));
            return Ok(());
        };
        if kind(path) == Some(2) {
            return Ok(());
        }
        let other = |what: String| Err(Error::file(path, format!("{what}; make the files alike, or read them apart")));
        for (name, kind) in wanted {
            match columns.iter().find(|(n, _)| n == name) {
                None => return other(format!("has no column `{name}`, which {} has", first.display())),
                Some((_, here)) if here != kind => {
                    let said = |kind: &Option<String>| kind.clone().unwrap_or("another type".to_owned());
                    let (here, there) = (said(here), said(kind));
                    return other(format!(
                        "has column `{name}` as {here}, where {} has it as {there}",
                        first.display()
                    ));
                }
                Some(_) => {}
            }
        }
        match columns.iter().find(|(name, _)| !wanted.iter().any(|(n, _)| n == name)) {
            Some((name, _)) => other(format!("has a column `{name}`, which {} does not have", first.display())),
            None => Ok(()),
        }
    }
}

fn named(keys: &[String]) -> String {
    if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") }
}

/// `table` with a column for each folder that says something.
fn with_folders(table: Table, part: &Part) -> Result<Table> {
    let mut table = table;
    for (name, value) in &part.says {
        let cells = StringArray::from_iter(std::iter::repeat_n(value.as_deref(), table.rows));
        table.names.push(name.clone());
        table.columns.push(Arc::new(cells));
        table.missing_tokens.push(String::new());
        table.arrow.push(None);
    }
    check_names(&part.path, &table.names)?;
    Ok(table)
}

impl Chunked for Reader {
    fn next(&mut self, rows: usize) -> Result<Table> {
        let mut pieces: Vec<Table> = Vec::new();
        let mut count = 0;
        while count < rows {
            let piece = self.piece(rows - count)?;
            if piece.rows == 0 {
                break;
            }
            count += piece.rows;
            pieces.push(piece);
        }
        let Some(mut table) = joined(&self.folder, pieces)? else { return Ok(Table::default()) };
        table.notes.append(&mut self.notes);
        match &self.settings.columns {
            Some(columns) => table.select(columns),
            None => Ok(table),
        }
    }
}

/// One table of all `pieces`, column by column; where a piece lacks one it is missing.
fn joined(folder: &Path, pieces: Vec<Table>) -> Result<Option<Table>> {
    let mut pieces = pieces.into_iter();
    let Some(first) = pieces.next() else { return Ok(None) };
    let mut rest: Vec<Table> = pieces.collect();
    if rest.is_empty() {
        return Ok(Some(first));
    }
    rest.insert(0, first);
    let mut whole = Table { names: Vec::new(), columns: Vec::new(), ..rest[0].clone() };
    (whole.missing_tokens, whole.arrow) = (Vec::new(), Vec::new());
    whole.rows = rest.iter().map(|p| p.rows).sum();
    for piece in &rest {
        for (j, name) in piece.names.iter().enumerate().filter(|(_, n)| !whole.names.contains(n)).collect::<Vec<_>>() {
            whole.names.push(name.clone());
            whole.missing_tokens.push(piece.missing_tokens[j].clone());
            whole.arrow.push(piece.arrow[j].clone());
        }
        for note in &piece.notes {
            if !whole.notes.contains(note) {
                whole.notes.push(note.clone());
            }
        }
    }
    for (j, name) in whole.names.iter().enumerate() {
        let part = |piece: &Table| -> ArrayRef {
            match piece.names.iter().position(|n| n == name) {
                Some(k) => piece.columns[k].clone(),
                None => Arc::new(NullArray::new(piece.rows)),
            }
        };
        let arrays: Vec<ArrayRef> = rest.iter().map(part).collect();
        let has = |kind: DataType| arrays.iter().any(|a| *a.data_type() == kind).then_some(kind);
        let kind = has(DataType::Utf8).or(has(DataType::Float64)).or(has(DataType::Int64)).unwrap_or(DataType::Utf8);
        let failed = |e: arrow_schema::ArrowError| {
            let what = format!("column `{name}` is too large ({e}); read the files apart, or in chunks");
            Error::file(folder, what)
        };
        let arrays = arrays.iter().map(|a| cast(a, &kind)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        whole
            .columns
            .push(concat(&arrays.iter().map(|a| a.as_ref() as &dyn Array).collect::<Vec<_>>()).map_err(failed)?);
        let types: HashSet<&Option<String>> =
            rest.iter().filter_map(|p| p.names.iter().position(|n| n == name).map(|k| &p.arrow[k])).collect();
        if types.len() > 1 {
            // Files of JSON may have whole numbers in one and others in the next.
            whole.arrow[j] = united(&types);
        }
    }
    let nest = rest.iter().filter_map(|p| p.nest.as_deref()).fold(Nest::default(), |all, one| all.with(one));
    whole.nest = nest.keep(whole.names.iter().map(String::as_str)).map(Arc::new);
    Ok(Some(whole))
}

fn united(types: &HashSet<&Option<String>>) -> Option<String> {
    let number = |t: &str| t.parse::<DataType>().is_ok_and(|t| t.is_numeric());
    types.iter().all(|t| t.as_deref().is_some_and(number)).then(|| DataType::Float64.to_string())
}
