//! Text in tables: the cells of some columns are passages.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, StringArray};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use verisim_data::table::{ColumnKind, Schema, Table};

use crate::error::{Error, Result};
use crate::pipeline::Pipeline;
use crate::text::{Passage, Span, apply};

/// The columns of text of a table, and of what is labelled in them.
pub(super) struct Texts {
    columns: Vec<usize>,
    spans: Option<usize>,
}

/// A span as files have it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    List(usize, usize, String),
    Object(Object),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Object {
    start: usize,
    end: usize,
    #[serde(alias = "label")]
    name: String,
}

impl Texts {
    /// Those that the pipeline names, or columns of free text; none where it has no steps for text.
    pub(super) fn of(pipeline: &Pipeline, schema: &Schema, table: &Table) -> Result<Option<Texts>> {
        if pipeline.text.is_empty() {
            return Ok(None);
        }
        let named = &pipeline.passages;
        let columns: Vec<usize> = match &named.columns {
            Some(names) => names.iter().map(|name| table.index(name)).collect::<Result<_, _>>()?,
            None => {
                let spans = named.spans.as_deref();
                let free =
                    schema.fields.iter().filter(|f| f.kind == ColumnKind::Text && Some(f.name.as_str()) != spans);
                let mut prose = Vec::new();
                for field in free {
                    let j = table.index(&field.name)?;
                    if !is_data(&table.text(j)?) {
                        prose.push(j);
                    }
                }
                prose
            }
        };
        if columns.is_empty() {
            let what =
                "no column of free text was found; name those that hold text, as passages.columns = [\"review\"]";
            return Err(Error::setting("passages.columns", what));
        }
        let spans = named.spans.as_deref().map(|name| table.index(name)).transpose()?;
        if spans.is_some() && columns.len() > 1 {
            return Err(Error::setting("passages.spans", "is for one column of text; name that by passages.columns"));
        }
        Ok(Some(Texts { columns, spans }))
    }

    /// Rows of a table with their text changed; row `k` of them is row `from[k]` of all.
    pub(super) fn change(&self, pipeline: &Pipeline, mut rows: Table, from: &[usize], pass: u64) -> Result<Table> {
        let spans = self.spans.map(|j| rows.text(j)).transpose()?;
        for (k, &j) in self.columns.iter().enumerate() {
            let text = rows.text(j)?;
            // Each column has steps of its own.
            let own = Pipeline { seed: pipeline.seed.wrapping_add(k as u64), ..pipeline.clone() };
            let one = |i: usize| -> Result<Option<Passage>> {
                if text.is_null(i) {
                    return Ok(None);
                }
                let said = spans.as_ref().filter(|s| s.is_valid(i)).map_or("", |s| s.value(i));
                let spans = read(said).map_err(|what| self.wrong(&rows, from[i], &what))?;
                let passage = Passage { text: text.value(i).to_owned(), spans };
                let made = apply(&own, &passage, from[i] as u64, pass);
                made.map(|(made, _)| Some(made)).map_err(|e| self.wrong(&rows, from[i], &e.to_string()))
            };
            let made: Vec<Option<Passage>> = (0..rows.rows).into_par_iter().map(one).collect::<Result<_>>()?;
            if let (Some(j), Some(said)) = (self.spans, &spans) {
                let line = |(i, passage): (usize, &Option<Passage>)| match passage {
                    Some(passage) if said.is_valid(i) => Some(written(&passage.spans, said.value(i))),
                    _ => said.is_valid(i).then(|| said.value(i).to_owned()),
                };
                rows.columns[j] = Arc::new(made.iter().enumerate().map(line).collect::<StringArray>());
            }
            let text = made.into_iter().map(|passage| passage.map(|p| p.text));
            rows.columns[j] = Arc::new(text.collect::<StringArray>());
        }
        Ok(rows)
    }

    fn wrong(&self, rows: &Table, row: usize, what: &str) -> Error {
        let column = self.spans.or(self.columns.first().copied()).map_or("", |j| rows.names[j].as_str());
        Error::column(column, format!("row {}: {what}", row + 1))
    }

    /// Which columns they are.
    pub(super) fn said(&self, table: &Table) -> String {
        let names: Vec<String> = self.columns.iter().map(|&j| format!("`{}`", table.names[j])).collect();
        format!("text is changed in {}", names.join(", "))
    }

    /// Whether all columns are text in the table.
    pub(super) fn check(&self, table: &Table) -> Result<()> {
        let number =
            self.columns.iter().chain(&self.spans).find(|j| table.columns[**j].as_string_opt::<i32>().is_none());
        match number {
            Some(&j) => Err(Error::column(&table.names[j], "holds numbers, not text")),
            None => Ok(()),
        }
    }
}

/// Whether most cells are JSON, such as lists of spans: no text for people.
fn is_data(text: &StringArray) -> bool {
    let known = text.iter().flatten().filter(|cell| !cell.trim().is_empty());
    let is_json =
        |c: &&str| c.trim_start().starts_with(['[', '{']) && serde_json::from_str::<serde_json::Value>(c).is_ok();
    2 * known.clone().filter(is_json).count() > known.count()
}

/// The spans that a cell says.
fn read(cell: &str) -> Result<Vec<Span>, String> {
    if cell.trim().is_empty() {
        return Ok(Vec::new());
    }
    let said: Vec<Said> = serde_json::from_str(cell)
        .map_err(|_| format!("its spans are not understood: `{cell}`; write [[start, end, \"name\"], ...]"))?;
    let span = |said| match said {
        Said::List(start, end, name) | Said::Object(Object { start, end, name }) => Span { start, end, name },
    };
    Ok(said.into_iter().map(span).collect())
}

/// Spans as a cell that was `like` this says them.
fn written(spans: &[Span], like: &str) -> String {
    let as_lists = !like.contains('{');
    let key = if like.contains("\"label\"") { "label" } else { "name" };
    let one = |s: &Span| match as_lists {
        true => serde_json::json!([s.start, s.end, s.name]),
        false => serde_json::json!({ "start": s.start, "end": s.end, key: s.name }),
    };
    serde_json::Value::from(spans.iter().map(one).collect::<Vec<_>>()).to_string()
}
