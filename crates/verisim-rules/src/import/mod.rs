//! From what people have to a description of tables that can be edited: SQL, JSON Schema, OpenAPI, Avro. What is not understood is in
//! the notes, with its line where there is one.

pub mod avro;
mod check;
pub mod data;
pub mod ddl;
pub mod json_schema;
pub mod openapi;

use std::fmt;
use std::path::Path;

use crate::edge::form::{Field, Form, Format, Kind, Value, units};
use crate::error::{Error, Result};

/// Tables, as a file describes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Description {
    /// In the order of the file.
    pub tables: Vec<TableDescription>,
    /// What the file says and the tables do not.
    pub notes: Vec<Note>,
}

/// Reads a description from a file's text: SQL (`.sql`, `.ddl`), Avro (`.avsc`), OpenAPI or JSON Schema (`.json`, told apart by what
/// they say).
///
/// # Errors
/// When the name says nothing of these, or the file is none.
pub fn read(path: &Path, text: &str) -> Result<Description> {
    let kind = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    match kind.as_str() {
        "sql" | "ddl" => ddl::read(path, text, None),
        "avsc" => avro::read(path, text),
        "json" | "yaml" | "yml" => {
            let root = json_schema::json(path, text)?;
            let is = |key: &str| root.get(key).and_then(serde_json::Value::as_str);
            if is("openapi").is_some() || is("swagger").is_some() {
                openapi::read(path, text)
            } else if is("type") == Some("record") {
                avro::read(path, text)
            } else {
                json_schema::read(path, text)
            }
        }
        _ => Err(Error::File {
            path: path.to_owned(),
            what: "says nothing of tables that is known here; give a .sql, .json, .yaml or .avsc file".to_owned(),
        }),
    }
}

/// What was not understood, or is lost.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Note {
    /// Its line, from 1, if it is known.
    pub line: Option<usize>,
    /// The table and column, or the place in a document.
    pub at: String,
    /// What it is.
    pub what: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.at.is_empty() {
            write!(f, "{}: ", self.at)?;
        }
        f.write_str(&self.what)
    }
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableDescription {
    /// Its name, without that of a schema.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<ColumnDescription>,
    /// The columns of the primary key.
    pub primary_key: Vec<String>,
    /// Sets of several columns that are unique together.
    pub unique: Vec<Vec<String>>,
    /// To other tables, or itself.
    pub foreign_keys: Vec<ForeignKey>,
    /// What holds in each row, as expressions over its columns.
    pub checks: Vec<String>,
    /// Whether its rows are documents, whose fields can be left out.
    pub documents: bool,
}

/// Columns whose values are those of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The columns here.
    pub columns: Vec<String>,
    /// The other table.
    pub table: String,
    /// The columns there, in the same order.
    pub referred: Vec<String>,
    /// How many rows here there are for one there, at least and at most, if that is said: the lengths of an array.
    pub children: (Option<usize>, Option<usize>),
}

/// The type of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ColumnKind {
    Integer {
        bits: Option<u8>,
        signed: bool,
    },
    Decimal {
        digits: u8,
        scale: u8,
    },
    Float {
        bits: u8,
    },
    Boolean,
    Text,
    Date,
    Time,
    /// Whether an offset from UTC must be there (`true`), must not, or may.
    Timestamp {
        offset: Option<bool>,
    },
    Bytes,
    /// Any other, by the file's own name.
    Other(String),
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDescription {
    /// Its name. That of a field in an object is the names of both, joined by a dot.
    pub name: String,
    /// Its type.
    pub kind: ColumnKind,
    /// Whether it may be `null`.
    pub nullable: bool,
    /// Whether it must be given: it has no default and is not made by the database.
    pub required: bool,
    /// Whether no two rows have the same value.
    pub unique: bool,
    /// Who makes its values, if it is the database.
    pub generated: Option<Generated>,
    /// The least value, as it is written.
    pub least: Option<String>,
    /// The greatest value, as it is written.
    pub greatest: Option<String>,
    /// What each value is a multiple of.
    pub multiple: Option<String>,
    /// The values that there can be, if these are all.
    pub values: Vec<Value>,
    /// A regular expression that each value has.
    pub pattern: Option<String>,
    /// What texts say, in the words of JSON Schema: `email`, `uuid`.
    pub format: Option<String>,
    /// Fewest letters.
    pub shortest: Option<usize>,
    /// Most letters.
    pub longest: Option<usize>,
    /// Its default, if that is a value.
    pub default: Option<Value>,
    /// What the file says of it.
    pub comment: Option<String>,
}

/// How a database makes a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
    /// One number after another.
    Sequence,
    /// From other columns.
    Computed,
}

impl ColumnDescription {
    /// A column that may be anything of its type, but not `null`.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> ColumnDescription {
        ColumnDescription {
            name: name.into(),
            kind,
            nullable: false,
            required: true,
            unique: false,
            generated: None,
            least: None,
            greatest: None,
            multiple: None,
            values: Vec::new(),
            pattern: None,
            format: None,
            shortest: None,
            longest: None,
            default: None,
            comment: None,
        }
    }
}

impl Description {
    /// A table by its name, whatever its capitals.
    pub fn table(&self, name: &str) -> Option<&TableDescription> {
        self.tables
            .iter()
            .find(|t| t.name == name)
            .or_else(|| self.tables.iter().find(|t| t.name.eq_ignore_ascii_case(name)))
    }

    /// Adds a note.
    fn note(&mut self, line: Option<usize>, at: impl Into<String>, what: impl Into<String>) {
        self.notes.push(Note { line, at: at.into(), what: what.into() });
    }

    /// A table for the elements of an array: with the key of its parent's rows and a place in the array.
    fn child(&mut self, parent: usize, name: String, children: (Option<usize>, Option<usize>)) -> usize {
        let above = &mut self.tables[parent];
        if above.primary_key.is_empty() {
            let id = above.columns.iter_mut().find(|c| c.name == "id" && c.required && !c.nullable);
            if let Some(id) = id {
                id.unique = true;
                above.primary_key = vec!["id".to_owned()];
            } else {
                let mut row = ColumnDescription::new("row", ColumnKind::Integer { bits: Some(64), signed: true });
                row.generated = Some(Generated::Sequence);
                above.columns.insert(0, row);
                above.primary_key = vec!["row".to_owned()];
            }
        }
        let mut table = TableDescription { name, documents: above.documents, ..TableDescription::default() };
        let mut key = ForeignKey { columns: Vec::new(), table: above.name.clone(), referred: Vec::new(), children };
        for referred in above.primary_key.clone() {
            let Some(column) = above.column(&referred) else { continue };
            let mut column = column.clone();
            column.name = format!("{}_{referred}", above.name);
            (column.unique, column.generated) = (false, Some(Generated::Sequence));
            key.columns.push(column.name.clone());
            key.referred.push(referred);
            table.columns.push(column);
        }
        let mut position = ColumnDescription::new("position", ColumnKind::Integer { bits: Some(32), signed: true });
        position.least = Some("0".to_owned());
        position.generated = Some(Generated::Sequence);
        table.columns.push(position);
        table.primary_key = key.columns.iter().cloned().chain(["position".to_owned()]).collect();
        table.foreign_keys.push(key);
        self.tables.push(table);
        self.tables.len() - 1
    }

    /// A name that no table has: the one asked for, or that with a number.
    fn free(&self, name: &str) -> String {
        let taken = |n: &str| self.tables.iter().any(|t| t.name == n);
        let numbered = (2..).map(|i| format!("{name}_{i}"));
        std::iter::once(name.to_owned()).chain(numbered).find(|n| !taken(n)).unwrap_or_else(|| name.to_owned())
    }

    /// Fills in keys that foreign keys do not name, and names those that lead nowhere.
    fn finish(&mut self) {
        for t in 0..self.tables.len() {
            for k in 0..self.tables[t].foreign_keys.len() {
                let key = &self.tables[t].foreign_keys[k];
                let (here, at) = (self.tables[t].name.clone(), key.table.clone());
                let Some(other) = self.table(&at) else {
                    self.note(None, here, format!("refers to `{at}`, which the file does not describe"));
                    continue;
                };
                let (name, referred) = (other.name.clone(), other.primary_key.clone());
                let key = &mut self.tables[t].foreign_keys[k];
                key.table = name;
                if key.referred.is_empty() {
                    key.referred = referred;
                }
                if key.referred.len() != key.columns.len() {
                    let what =
                        format!("refers to `{at}` with {} columns for {}", key.columns.len(), key.referred.len());
                    self.note(None, here, what);
                }
            }
        }
    }
}

impl TableDescription {
    /// A column by its name, whatever its capitals.
    pub fn column(&self, name: &str) -> Option<&ColumnDescription> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    fn column_mut(&mut self, name: &str) -> Option<&mut ColumnDescription> {
        self.columns.iter_mut().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// The form of its records, for edge cases, and what is not in it.
    pub fn form(&self) -> (Form, Vec<Note>) {
        let mut notes = Vec::new();
        let mut form = Form { name: self.name.clone(), documents: self.documents, ..Form::default() };
        let mut note = |column: &str, what: String| {
            notes.push(Note { line: None, at: format!("{}.{column}", self.name), what });
        };
        for column in &self.columns {
            // What keeps the elements of an array apart is not in the document.
            if self.documents && column.generated.is_some() {
                continue;
            }
            if column.generated == Some(Generated::Computed) {
                note(&column.name, "is computed by the database, and is left out".to_owned());
                continue;
            }
            let mut field = Field::new(&column.name, column.field(&mut |what| note(&column.name, what)));
            field.values = column.values.clone();
            field.examples = column.default.iter().filter(|v| **v != Value::Null).cloned().collect();
            field.nullable = column.nullable;
            field.required = if self.documents { column.required } else { !column.nullable };
            form.fields.push(field);
        }
        // What an expression names must be a field.
        for check in &self.checks {
            let known = crate::expression::read(check).map(|e| {
                e.names.iter().all(|n| n.aggregate.is_none() && form.fields.iter().any(|f| f.name == n.path.join(".")))
            });
            match known {
                Ok(true) => form.constraints.push(check.clone()),
                Ok(false) => note("", format!("the check `{check}` names what is no field, and is left out")),
                Err(e) => note("", format!("the check `{check}` is left out: {e}")),
            }
        }
        if let Err(e) = form.check() {
            note("", format!("makes no form that can be used: {e}"));
        }
        (form, notes)
    }
}

impl ColumnDescription {
    fn field(&self, note: &mut impl FnMut(String)) -> Kind {
        let mut whole = |bound: &Option<String>, scale: u8, up: bool| {
            let text = bound.as_deref()?;
            let found = units(text, scale).or_else(|| {
                // A bound between two values is one at the next.
                let x: f64 = text.parse().ok()?;
                let x = x * 10f64.powi(i32::from(scale));
                let x = if up { x.ceil() } else { x.floor() };
                (x.abs() < 1e30).then_some(x as i128)
            });
            if found.is_none() {
                note(format!("the bound {text} is no number that is understood, and is left out"));
            }
            found
        };
        match &self.kind {
            ColumnKind::Integer { bits, signed } => Kind::Integer {
                bits: *bits,
                signed: *signed,
                least: whole(&self.least, 0, true),
                greatest: whole(&self.greatest, 0, false),
                multiple: self.multiple.as_deref().and_then(|m| units(m, 0)).filter(|m| *m > 0),
            },
            ColumnKind::Decimal { digits, scale } => Kind::Decimal {
                digits: *digits,
                scale: *scale,
                least: whole(&self.least, *scale, true),
                greatest: whole(&self.greatest, *scale, false),
                currency: None,
            },
            ColumnKind::Float { bits } => {
                let real = |bound: &Option<String>| bound.as_deref().and_then(|b| b.parse::<f64>().ok());
                if let Some(multiple) = &self.multiple {
                    note(format!("is a multiple of {multiple}, which numbers in floating point are not held to"));
                }
                Kind::Float { bits: *bits, least: real(&self.least), greatest: real(&self.greatest) }
            }
            ColumnKind::Boolean => Kind::Boolean,
            ColumnKind::Date => Kind::Date { least: self.least.clone(), greatest: self.greatest.clone() },
            ColumnKind::Time => {
                if self.least.is_some() || self.greatest.is_some() {
                    note("has bounds, which times of day are not held to".to_owned());
                }
                Kind::Time
            }
            ColumnKind::Timestamp { offset } => {
                let (least, greatest) = (self.least.clone(), self.greatest.clone());
                Kind::Timestamp { zone: None, offset: *offset, least, greatest }
            }
            ColumnKind::Text => {
                let format = self.format.as_deref().and_then(|name| {
                    let known = Format::named(name);
                    if known.is_none() {
                        note(format!("has the format {name:?}, which is not known; it is any text"));
                    }
                    known
                });
                let pattern = self.pattern.clone().filter(|pattern| {
                    let fine = regex::Regex::new(pattern).is_ok();
                    if !fine {
                        note(format!("has the pattern {pattern:?}, which cannot be read; it is any text"));
                    }
                    fine
                });
                Kind::Text { shortest: self.shortest.unwrap_or(0), longest: self.longest, pattern, format }
            }
            ColumnKind::Bytes => {
                note("has bytes; it is tried with texts".to_owned());
                Kind::Text { shortest: self.shortest.unwrap_or(0), longest: self.longest, pattern: None, format: None }
            }
            ColumnKind::Other(name) => {
                note(format!("is of the type {name}, which is not known; it is tried with texts"));
                Kind::TEXT
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart() {
        let named = |path: &str, text: &str| read(Path::new(path), text).map(|d| d.tables[0].name.clone());
        assert_eq!(named("a.sql", "create table t (x int)").unwrap(), "t");
        assert_eq!(named("a.json", r#"{"properties": {"x": {"type": "string"}}}"#).unwrap(), "a");
        assert_eq!(named("a.json", r#"{"type": "record", "name": "r", "fields": []}"#).unwrap(), "r");
        let api = r#"{"openapi": "3.1.0", "paths": {"/a": {"get": {"parameters": [{"name": "x", "in": "query", "schema": {"type": "string"}}]}}}}"#;
        assert_eq!(named("a.json", api).unwrap(), "GET /a");
        let api = "openapi: 3.0.3\npaths:\n  /a:\n    get:\n      parameters:\n      - {name: x, in: query, schema: {type: string}}\n      responses: {200: {description: fine}}\n";
        assert_eq!(named("a.yaml", api).unwrap(), "GET /a");
        let said = named("a.yml", "openapi: 3.0.3\npaths:\n  /a: [\n").unwrap_err().to_string();
        assert!(said.contains("a.yml, line 3") && said.contains("YAML"), "{said}");
        assert!(named("a.txt", "").unwrap_err().to_string().contains("give a .sql"));
    }

    #[test]
    fn bounds_between_two_values_are_at_the_next() {
        let mut column = ColumnDescription::new("x", ColumnKind::Integer { bits: Some(16), signed: true });
        (column.least, column.greatest) = (Some("0.5".into()), Some("9.5".into()));
        let mut lost = Vec::new();
        assert!(matches!(column.field(&mut |w| lost.push(w)), Kind::Integer { least: Some(1), greatest: Some(9), .. }));
        column.least = Some("many".into());
        column.field(&mut |w| lost.push(w));
        assert_eq!(lost, ["the bound many is no number that is understood, and is left out"]);
    }
}
