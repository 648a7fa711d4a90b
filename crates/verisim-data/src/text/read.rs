//! How texts are found in files: which form a path has, and why.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use arrow_array::Array as _;

use super::settings::{Shape, Source};
use super::{Document, Form, Texts, conversations};
use crate::error::{Error, Result};
use crate::table::{self, ColumnKind, DetectSettings, ReadSettings, Schema, Table};
use crate::watch::{Event, Watch};

/// What a path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A folder of text files.
    Folder,
    /// A file of plain text.
    Plain,
    /// Conversations.
    Conversations,
    /// Perhaps a table with a column of text.
    Table,
}

/// Lines of a file, or files of a folder, that are looked at.
const LOOKED_AT: usize = 20;
/// How the names of text files end.
const ENDINGS: [&str; 3] = ["txt", "md", "markdown"];
/// The longest line that a file of lines has, in characters: what is longer is a paragraph on a line.
const LONGEST: usize = 2000;
/// Lines that a file has at least whose lines are taken for texts.
const FEWEST: usize = 20;
/// Files in a folder that are read at most, against a path that was not meant.
const FILES: usize = 1_000_000;

impl Found {
    /// What `path` holds, by its name, or its names.
    pub fn at(path: &Path) -> Option<Found> {
        if path.is_dir() {
            return text_files(path).ok().filter(|files| !files.is_empty()).map(|_| Found::Folder);
        }
        match (is_text(path), conversations::is_conversations(path)) {
            (true, _) => Some(Found::Plain),
            (_, true) => Some(Found::Conversations),
            _ => crate::table::io::is_table(path).then_some(Found::Table),
        }
    }
}

/// Whether texts are what a path holds first of all: what has a name or lines of a table is a table.
pub fn is_texts(path: &Path) -> bool {
    match Found::at(path) {
        Some(Found::Conversations) => true,
        Some(Found::Plain) => !is_delimited(path),
        Some(Found::Folder) => {
            let files = text_files(path).unwrap_or_default();
            !files.iter().take(LOOKED_AT).any(|file| is_delimited(file))
        }
        Some(Found::Table) | None => false,
    }
}

/// Whether the first lines of a text file have cells: each as many of some sign that separates them, and one at least.
fn is_delimited(path: &Path) -> bool {
    let Ok(file) = std::fs::File::open(path) else { return false };
    let lines = BufReader::new(file.take(1 << 16)).lines().map_while(|line| line.ok());
    let lines: Vec<String> = lines.filter(|line| !line.trim().is_empty()).take(LOOKED_AT).collect();
    let count = |line: &String, sign: char| line.matches(sign).count();
    let separates = |&sign: &char| {
        let first = count(&lines[0], sign);
        first > 0 && lines.iter().all(|line| count(line, sign) == first)
    };
    lines.len() > 1 && ['\t', ';', '|', ','].iter().any(separates)
}

fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|end| ENDINGS.iter().any(|e| end.eq_ignore_ascii_case(e)))
}

/// The text files in a folder and the folders in it, in order of their names; none where there are pictures or tables, beside which texts
/// are a word about them. Links to folders are not followed.
fn text_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(Error::io(&folder))? {
            let entry = entry.map_err(Error::io(&folder))?;
            let path = entry.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
                continue;
            }
            if entry.file_type().map_err(Error::io(&path))?.is_dir() {
                folders.push(path);
            } else if is_text(&path) {
                files.push(path);
            } else if crate::image::is_image(&path) || crate::table::io::is_table(&path) {
                return Ok(Vec::new());
            }
            if files.len() > FILES {
                let what = format!("holds more than {FILES} texts; is this the folder that is meant?");
                return Err(Error::file(&folder, what));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Reads what `source` says, and tells `watch` what it was taken for.
pub(super) fn read(source: &Source, watch: &mut dyn Watch) -> Result<Texts> {
    let path = source.path.as_path();
    if !path.exists() {
        return Err(Error::file(path, "there is no such file or folder"));
    }
    let what = "holds no text: give a folder of .txt or .md files, such a file, conversations as .jsonl, or a table";
    // What a table is read by may say its format, too.
    let found = match source.table {
        Some(_) => Found::Table,
        None => Found::at(path).ok_or_else(|| Error::file(path, what))?,
    };
    for (key, is_given, of) in [
        ("data.shape", source.shape.is_some(), Found::Plain),
        ("data.text", source.text.is_some(), Found::Table),
        ("data.columns", source.columns.is_some(), Found::Table),
        ("data.table", source.table.is_some(), Found::Table),
    ] {
        if is_given && found != of {
            let of = if of == Found::Plain { "a file of plain text" } else { "a table" };
            return Err(Error::file(path, format!("`{key}` is for {of}, which this is not; remove it")));
        }
    }
    let (texts, said) = match found {
        Found::Folder => folder(path)?,
        Found::Plain => plain(path, source.shape)?,
        Found::Conversations => {
            let (style, documents, others) = conversations::read(path)?;
            let left = if others.is_empty() { String::new() } else { format!("; left out: {}", others.join(", ")) };
            let said = format!("{} conversations{left}", documents.len());
            (Texts { form: Form::Conversations(style), columns: Vec::new(), documents }, said)
        }
        Found::Table => column(source, watch)?,
    };
    watch.on(Event::Note(format!("{}: taken for {said}", path.display())));
    Ok(texts)
}

/// A file's text, its line ends as `\n`.
fn text_of(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Error::file(path, format!("is no UTF-8 text: byte {at} belongs to no character; save it as UTF-8"))
    })?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    Ok(if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text })
}

fn folder(path: &Path) -> Result<(Texts, String)> {
    let files = text_files(path)?;
    nothing(path, &files)?;
    let texts = files.iter().map(|file| text_of(file)).collect::<Result<Vec<_>>>()?;
    let documents: Vec<Document> =
        texts.into_iter().filter(|text| !text.trim().is_empty()).map(Document::plain).collect();
    nothing(path, &documents)?;
    let ending = files.first().and_then(|f| f.extension()).map(|e| e.to_string_lossy().to_lowercase());
    let said = format!("{} documents, a file each", documents.len());
    Ok((Texts { form: Form::Files(ending.unwrap_or_default()), columns: Vec::new(), documents }, said))
}

fn nothing<T>(path: &Path, documents: &[T]) -> Result<()> {
    match documents.is_empty() {
        true => Err(Error::file(path, "holds no text: it is empty, or blank")),
        false => Ok(()),
    }
}

fn plain(path: &Path, shape: Option<Shape>) -> Result<(Texts, String)> {
    let text = text_of(path)?;
    if text.trim().is_empty() {
        nothing::<()>(path, &[])?;
    }
    let (shape, why) = match shape {
        Some(shape) => (shape, "as asked"),
        None => shape_of(&text),
    };
    let is_text = |part: &&str| !part.trim().is_empty();
    let (form, documents): (Form, Vec<Document>) = match shape {
        Shape::Lines => (Form::Lines, text.lines().filter(is_text).map(Document::plain).collect()),
        Shape::Paragraphs => (Form::Files("txt".into()), paragraphs(&text).into_iter().map(Document::plain).collect()),
        Shape::Corpus => (Form::Corpus, pieces(&text).into_iter().map(Document::plain).collect()),
    };
    nothing(path, &documents)?;
    let count = documents.len();
    let said = match shape {
        Shape::Lines => format!("{count} texts, a line each ({why}; `data.shape` says otherwise)"),
        Shape::Paragraphs => format!("{count} texts between empty lines"),
        Shape::Corpus => {
            let characters = text.chars().count();
            format!("one long text of {characters} characters ({why}; `data.shape` says otherwise)")
        }
    };
    Ok((Texts { form, columns: Vec::new(), documents }, said))
}

/// What the texts of a file of plain text are, and why.
fn shape_of(text: &str) -> (Shape, &'static str) {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let is_long = |line: &&str| line.chars().nth(LONGEST).is_some();
    if lines.iter().any(|line| line.trim().is_empty()) {
        (Shape::Corpus, "it has empty lines")
    } else if lines.len() < FEWEST {
        (Shape::Corpus, "it has few lines")
    } else if lines.iter().any(is_long) {
        (Shape::Corpus, "it has long lines")
    } else {
        (Shape::Lines, "no line is empty or long")
    }
}

fn paragraphs(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut at) = (None, 0);
    for line in text.split_inclusive('\n') {
        match (line.trim().is_empty(), begin) {
            (true, Some(from)) => {
                parts.push(text[from..at].trim_end());
                begin = None;
            }
            (false, None) => begin = Some(at),
            _ => {}
        }
        at += line.len();
    }
    parts.extend(begin.map(|from: usize| text[from..].trim_end()));
    parts
}

/// A long text in about a hundred parts that follow each other, none shorter than 2,000 bytes, each to the end of a line where there is
/// one: so that some can be kept back.
fn pieces(text: &str) -> Vec<&str> {
    const PIECES: usize = 100;
    const LEAST: usize = 2000;
    let each = text.len().div_ceil(PIECES).max(LEAST);
    let (mut parts, mut rest) = (Vec::new(), text);
    while rest.len() > each + LEAST / 2 {
        let near = rest.floor_char_boundary(each);
        let line = rest[near..].find('\n').map(|n| near + n + 1).filter(|n| *n < near + LEAST);
        let (part, after) = rest.split_at(line.unwrap_or(near));
        parts.push(part);
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

/// What the column is called that says which column a text is of, where there are several.
const WHICH: &str = "column";

/// Columns of text of a table, and those beside them.
fn column(source: &Source, watch: &mut dyn Watch) -> Result<(Texts, String)> {
    let path = source.path.as_path();
    let given = source.table.as_deref().map(|said| table::Source { path: path.to_owned(), ..said.clone() });
    let (table, schema) = match &given {
        Some(said) => {
            let table = said.table(watch)?;
            let mut schema = Schema::detect(&table, &said.wishes())?;
            // What is merged for the table's own model is merged for this one.
            let table = match said.protect {
                Some(protect) => protect.apply(table, &mut schema)?.0,
                None => table,
            };
            (table, schema)
        }
        None => {
            let table = Table::read(path, &ReadSettings::default())?;
            let schema = Schema::detect(&table, &DetectSettings::default())?;
            (table, schema)
        }
    };
    let texts: Vec<usize> = match &source.text {
        Some(names) => names.list().iter().map(|name| table.index(name)).collect::<Result<_>>()?,
        None => vec![longest(&table, &schema, path)?],
    };
    let beside: Vec<usize> = match &source.columns {
        Some(names) => names.iter().map(|name| table.index(name)).collect::<Result<_>>()?,
        None => (0..table.names.len()).filter(|&j| !texts.contains(&j) && is_told(&schema, &table.names[j])).collect(),
    };
    if let Some(&j) = beside.iter().find(|j| texts.contains(j)) {
        return Err(Error::column(&table.names[j], "is the text itself; leave it out of `data.columns`"));
    }
    let cells = beside.iter().map(|&j| table.text(j)).collect::<Result<Vec<_>>>()?;
    let cell = |of: &arrow_array::StringArray, i: usize| (!of.is_null(i)).then(|| of.value(i).to_owned());
    let is_one = texts.len() == 1;
    let mut documents = Vec::new();
    for &j in &texts {
        let name = &table.names[j];
        let text = table.text(j)?;
        for i in (0..table.rows).filter(|&i| !text.is_null(i)) {
            let which = (!is_one).then(|| Some(name.clone()));
            let cells = which.into_iter().chain(cells.iter().map(|of| cell(of, i))).collect();
            documents.push(Document { cells, ..Document::plain(text.value(i)) });
        }
    }
    let names: Vec<&str> = texts.iter().map(|&j| table.names[j].as_str()).collect();
    if documents.is_empty() {
        return Err(Error::column(&names.join(", "), "holds no text: all its values are missing"));
    }
    let told: Vec<String> = beside.iter().map(|&j| table.names[j].clone()).collect();
    let said = match told.is_empty() {
        true => String::new(),
        false => format!(", told {}", told.join(", ")),
    };
    let said = format!("{} texts of {}{said}", documents.len(), names.join(", "));
    let free = |name: &str| {
        let mut name = name.to_owned();
        while told.contains(&name) {
            name.push('_');
        }
        name
    };
    let form = Form::Column(if is_one { names[0].to_owned() } else { free("text") });
    let columns = (!is_one).then(|| free(WHICH)).into_iter().chain(told.iter().cloned()).collect();
    Ok((Texts { form, columns, documents }, said))
}

/// Whether a column may say something of a text: a key says nothing, and one text does not tell another.
fn is_told(schema: &Schema, name: &str) -> bool {
    schema.field(name).is_ok_and(|field| field.is_modelled())
}

/// The column of text with the longest texts; of categories where there is none.
fn longest(table: &Table, schema: &Schema, path: &Path) -> Result<usize> {
    let length = |j: usize| table.text(j).map_or(0, |text| text.value_data().len());
    let of = |is: &dyn Fn(&ColumnKind) -> bool| {
        let is = |j: &usize| schema.field(&table.names[*j]).is_ok_and(|field| is(&field.kind));
        (0..table.names.len()).filter(is).max_by_key(|&j| (length(j), std::cmp::Reverse(j)))
    };
    let text = of(&|kind| matches!(kind, ColumnKind::Text));
    let found = text.or_else(|| of(&|kind| matches!(kind, ColumnKind::Categorical { numeric: false })));
    found.ok_or_else(|| {
        let names = table.names.join(", ");
        Error::file(path, format!("no column holds text; say which one does by `data.text`: {names}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_the_ends_of_lines_and_nothing_is_lost() {
        let text: String = (0..5000).map(|i| format!("line number {i}\n")).collect();
        let parts = pieces(&text);
        assert_eq!(parts.concat(), text);
        assert!(parts.len() > 20 && parts.iter().all(|p| p.ends_with('\n') && p.len() >= 1000));
        let wall = "ä".repeat(10_000);
        assert_eq!(pieces(&wall).concat(), wall);
        assert!(pieces("").is_empty() && pieces("short") == ["short"]);
    }

    #[test]
    fn paragraphs_stand_between_empty_lines() {
        assert_eq!(paragraphs("\n\na\nb\n \n\nc\n"), ["a\nb", "c"]);
        assert_eq!(paragraphs("a"), ["a"]);
    }

    #[test]
    fn lines_are_texts_unless_some_are_empty_or_long() {
        let names = "anna\n".repeat(30);
        assert_eq!(shape_of(&names).0, Shape::Lines);
        assert_eq!(shape_of(&format!("{names}\nanna\n")).0, Shape::Corpus);
        assert_eq!(shape_of(&format!("{names}{}\n", "a".repeat(2001))).0, Shape::Corpus);
        assert_eq!(shape_of("anna\n").0, Shape::Corpus);
    }
}
