//! Where texts are written: files in a folder, lines, JSON lines, or the rows of a CSV file.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::kind::Spec;
use super::{Document, Form, conversations};
use crate::error::{Error, Result};
use crate::file::Scratch;
use crate::kind::{Sink, Target};

/// How a text is written.
#[derive(Clone, Copy)]
enum As {
    /// On a line of its own.
    Line,
    /// Between empty lines.
    Paragraph,
    /// As an object of JSON.
    Json,
    /// As a row.
    Csv,
}

/// Where the texts of a sample go.
pub(super) fn sink<'t>(spec: &Spec, target: Target<'t>) -> Result<Box<dyn Sink<Vec<Document>> + 't>> {
    let path = match target {
        Target::Stream(stream) => {
            return Ok(Box::new(Stream::new(spec, as_read(spec), stream, None, "(output)".as_ref())?));
        }
        Target::Path(path) => path,
    };
    let talks = matches!(spec.form, Form::Conversations(_));
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let form = match ending.as_str() {
        "jsonl" | "ndjson" => As::Json,
        "" if !talks => {
            let ending = match &spec.form {
                Form::Files(ending) if !ending.is_empty() => ending.clone(),
                _ => "txt".into(),
            };
            return Ok(Box::new(Folder { scratch: Scratch::folder(path)?, ending, next: 0 }));
        }
        "csv" if !talks => As::Csv,
        "txt" | "md" | "markdown" if !talks => match spec.form {
            Form::Lines => As::Line,
            _ => As::Paragraph,
        },
        _ => {
            let what = match talks {
                true => "conversations are written as .jsonl",
                false => "texts are written as .jsonl, .csv or .txt, or to a folder with a file each",
            };
            return Err(Error::file(path, format!("{what}; choose such a name")));
        }
    };
    let (scratch, file) = Scratch::file(path)?;
    Ok(Box::new(Stream::new(spec, form, Box::new(BufWriter::new(file)), Some(scratch), path)?))
}

/// As texts were read, for a stream that has no name.
fn as_read(spec: &Spec) -> As {
    match spec.form {
        Form::Lines => As::Line,
        Form::Files(_) | Form::Corpus => As::Paragraph,
        Form::Column(_) => As::Csv,
        Form::Conversations(_) => As::Json,
    }
}

struct Stream<'t> {
    spec: Spec,
    form: As,
    out: Box<dyn Write + Send + 't>,
    scratch: Option<Scratch>,
    path: PathBuf,
    is_begun: bool,
}

impl<'t> Stream<'t> {
    fn new(
        spec: &Spec,
        form: As,
        mut out: Box<dyn Write + Send + 't>,
        scratch: Option<Scratch>,
        path: &Path,
    ) -> Result<Self> {
        if matches!(form, As::Csv) {
            let names: Vec<&str> = spec.columns.iter().map(String::as_str).chain([text_name(spec)]).collect();
            out.write_all(&row(&names)?).map_err(Error::io(path))?;
        }
        Ok(Stream { spec: spec.clone(), form, out, scratch, path: path.to_owned(), is_begun: false })
    }

    fn written(&self, document: &Document) -> Result<Vec<u8>> {
        let text = document.text();
        Ok(match self.form {
            // A line that broke would be two texts.
            As::Line => (text.replace('\n', " ") + "\n").into_bytes(),
            As::Paragraph => {
                let apart = if self.is_begun { "\n" } else { "" };
                format!("{apart}{}\n", text.trim_end_matches('\n')).into_bytes()
            }
            As::Json => (object(&self.spec, document) + "\n").into_bytes(),
            As::Csv => {
                let cells = document.cells.iter().map(|cell| cell.as_deref().unwrap_or_default());
                row(&cells.chain([text.as_str()]).collect::<Vec<_>>())?
            }
        })
    }
}

/// The name of the column that holds the text.
fn text_name(spec: &Spec) -> &str {
    match &spec.form {
        Form::Column(name) => name,
        _ => "text",
    }
}

/// A text as an object of JSON: its cells, and what is said.
fn object(spec: &Spec, document: &Document) -> String {
    if let Form::Conversations(style) = spec.form {
        return conversations::to_json(style, &document.turns);
    }
    let mut object = Map::new();
    for (name, cell) in spec.columns.iter().zip(&document.cells) {
        object.insert(name.clone(), json!(cell));
    }
    object.insert(text_name(spec).to_owned(), Value::String(document.text()));
    Value::Object(object).to_string()
}

fn row(cells: &[&str]) -> Result<Vec<u8>> {
    let fail = |what: String| Error::file(Path::new("(output)"), what);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells).map_err(|e| fail(e.to_string()))?;
    writer.into_inner().map_err(|e| fail(e.to_string()))
}

impl Sink<Vec<Document>> for Stream<'_> {
    fn write(&mut self, chunk: &Vec<Document>) -> Result<()> {
        for document in chunk {
            let written = self.written(document)?;
            self.out.write_all(&written).map_err(Error::io(&self.path))?;
            self.is_begun = true;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.out.flush().map_err(Error::io(&self.path))?;
        let Stream { out, scratch, .. } = *self;
        drop(out);
        scratch.map_or(Ok(()), Scratch::publish)
    }
}

struct Folder {
    scratch: Scratch,
    ending: String,
    next: u64,
}

impl Sink<Vec<Document>> for Folder {
    fn write(&mut self, chunk: &Vec<Document>) -> Result<()> {
        for document in chunk {
            self.next += 1;
            let path = self.scratch.temporary().join(format!("{:06}.{}", self.next, self.ending));
            std::fs::write(&path, document.text()).map_err(Error::io(&path))?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.scratch.publish()
    }
}
