//! Rows of a table as JSON objects.

use std::collections::{HashMap, HashSet};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, Float64Array, Int64Array, StringArray};
use arrow_schema::DataType;

use super::typed::{self, Column, is_number, truth};
use super::writer::push_real;
use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::nest::{Node, Shape};
use crate::table::schema::{ColumnKind, Field, Schema};

/// The rows of a table, ready to be written as objects.
pub(super) struct Objects<'a> {
    cells: Vec<Cells<'a>>,
    fields: Vec<Part>,
}

/// One column of the table.
struct Cells<'a> {
    values: Values<'a>,
    style: Style,
}

enum Values<'a> {
    Text(&'a StringArray),
    Whole(&'a Int64Array),
    Real(&'a Float64Array),
}

/// How the values of a column are written.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// In quotes whatever they are.
    Text,
    /// Texts in quotes, numbers without.
    Plain,
    /// As numbers where they are some.
    Number,
    /// As numbers with a point.
    Real,
    /// As `true` or `false`.
    Truth,
    /// As what they are; a text like a number is in quotes already.
    Mixed,
}

/// A part of an object: a column or what holds some.
struct Part {
    /// `"name":`, nothing for an item of a list.
    key: Vec<u8>,
    omitted: bool,
    absent: bool,
    inner: Inner,
}

enum Inner {
    Cell(usize),
    Object(Vec<Part>),
    Map(Vec<Part>),
    List(Option<usize>, Vec<Part>),
}

impl<'a> Objects<'a> {
    pub(super) fn new(table: &'a Table, schema: &Schema) -> Result<Objects<'a>> {
        let nest = schema.nest.as_ref();
        let set = |list: fn(&crate::table::Nest) -> &Vec<String>| -> HashSet<&str> {
            nest.map(list).into_iter().flatten().map(String::as_str).collect()
        };
        let (mixed, omitted) = (set(|n| &n.mixed), set(|n| &n.omitted));
        let cells = |(array, field): (&'a arrow_array::ArrayRef, &Field)| {
            let values = match array.data_type() {
                DataType::Utf8 => Values::Text(array.as_string()),
                DataType::Int64 => Values::Whole(array.as_primitive::<Int64Type>()),
                DataType::Float64 => Values::Real(array.as_primitive::<Float64Type>()),
                other => return Err(Error::column(&field.name, format!("has type {other}, which cannot be written"))),
            };
            Ok(Cells { values, style: style(field, mixed.contains(field.name.as_str())) })
        };
        let cells = table.columns.iter().zip(&schema.fields).map(cells).collect::<Result<_>>()?;
        let places: HashMap<&str, usize> =
            schema.fields.iter().enumerate().map(|(j, f)| (f.name.as_str(), j)).collect();
        let part = |column: &Column| match column {
            Column::Plain(j) => {
                let name = schema.fields[*j].name.as_str();
                Some(Part { key: key(name), omitted: omitted.contains(name), absent: true, inner: Inner::Cell(*j) })
            }
            Column::Nested(node) => part(node, &places),
        };
        Ok(Objects { cells, fields: typed::columns(schema).iter().filter_map(part).collect() })
    }

    /// Rows `start .. end` as text, with `after` behind each.
    pub(super) fn text(&self, start: usize, end: usize, before: &[u8], after: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity((end - start) * self.cells.len() * 16);
        for row in start..end {
            out.extend_from_slice(before);
            self.object(&self.fields, row, false, &mut out);
            out.extend_from_slice(after);
        }
        out
    }

    fn object(&self, parts: &[Part], row: usize, present_only: bool, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut first = true;
        for part in parts {
            if (present_only || part.omitted) && !self.is_there(part, row) {
                continue;
            }
            if !std::mem::replace(&mut first, false) {
                out.push(b',');
            }
            out.extend_from_slice(&part.key);
            self.part(part, row, out);
        }
        out.push(b'}');
    }

    fn part(&self, part: &Part, row: usize, out: &mut Vec<u8>) {
        if !self.is_there(part, row) {
            out.extend_from_slice(b"null");
            return;
        }
        match &part.inner {
            Inner::Cell(j) => self.cells[*j].push(row, out),
            Inner::Object(parts) => self.object(parts, row, false, out),
            Inner::Map(parts) => self.object(parts, row, true, out),
            Inner::List(_, items) => {
                out.push(b'[');
                let mut first = true;
                for item in items.iter().take(self.length(part, row).unwrap_or(0)) {
                    if !item.absent && !self.is_there(item, row) {
                        continue;
                    }
                    if !std::mem::replace(&mut first, false) {
                        out.push(b',');
                    }
                    self.part(item, row, out);
                }
                out.push(b']');
            }
        }
    }

    /// The number of items that a list has.
    fn length(&self, part: &Part, row: usize) -> Option<usize> {
        let Inner::List(count, items) = &part.inner else { return None };
        let Some(j) = count else { return Some(items.len()) };
        let count = match &self.cells[*j].values {
            Values::Whole(v) => v.is_valid(row).then(|| v.value(row)),
            Values::Real(v) => v.is_valid(row).then(|| v.value(row) as i64),
            Values::Text(v) => v.is_valid(row).then(|| v.value(row).parse::<f64>().map_or(0, |x| x as i64)),
        };
        count.map(|n| n.clamp(0, items.len() as i64) as usize)
    }

    /// Whether some column in it has a value.
    fn has_value(&self, part: &Part, row: usize) -> bool {
        match &part.inner {
            Inner::Object(parts) | Inner::Map(parts) => parts.iter().any(|p| self.has_value(p, row)),
            Inner::Cell(_) | Inner::List(..) => self.is_there(part, row),
        }
    }

    fn is_there(&self, part: &Part, row: usize) -> bool {
        match &part.inner {
            Inner::Cell(j) => match &self.cells[*j].values {
                Values::Text(v) => v.is_valid(row),
                Values::Whole(v) => v.is_valid(row),
                Values::Real(v) => v.is_valid(row) && v.value(row).is_finite(),
            },
            Inner::Object(_) | Inner::Map(_) => !part.absent || self.has_value(part, row),
            Inner::List(..) => self.length(part, row).is_some(),
        }
    }
}

fn part(node: &Node, places: &HashMap<&str, usize>) -> Option<Part> {
    let all = |nodes: &[Node]| nodes.iter().filter_map(|n| part(n, places)).collect();
    let inner = match &node.shape {
        Shape::Column(name) => Inner::Cell(*places.get(name.as_str())?),
        Shape::Object(nodes) => Inner::Object(all(nodes)),
        Shape::Map(nodes) => Inner::Map(all(nodes)),
        Shape::List { count, items } => {
            Inner::List(count.as_ref().and_then(|c| places.get(c.as_str()).copied()), all(items))
        }
    };
    let key = if node.name.is_empty() { Vec::new() } else { key(&node.name) };
    Some(Part { key, omitted: node.omitted, absent: node.absent, inner })
}

fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::new();
    push_text(name, &mut key);
    key.push(b':');
    key
}

fn style(field: &Field, mixed: bool) -> Style {
    let source = field.arrow.as_deref().and_then(|t| t.parse::<DataType>().ok());
    match (source, &field.kind) {
        _ if mixed => Style::Mixed,
        (Some(DataType::Boolean), _) => Style::Truth,
        (Some(kind), _) if kind.is_floating() => Style::Real,
        (Some(kind), _) if kind.is_numeric() || matches!(kind, DataType::Duration(_)) => Style::Number,
        (Some(_), _) => Style::Text,
        (None, ColumnKind::Boolean) => Style::Truth,
        (None, ColumnKind::Integer | ColumnKind::Decimal { .. } | ColumnKind::Categorical { numeric: true }) => {
            Style::Number
        }
        (None, ColumnKind::Datetime { format }) if matches!(format.as_str(), "%s" | "%Q") => Style::Number,
        (None, ColumnKind::Identifier { shape }) if shape.is_integer() => Style::Number,
        // A constant that is a number comes as one.
        (None, ColumnKind::Constant { .. }) => Style::Plain,
        (None, _) => Style::Text,
    }
}

impl Cells<'_> {
    fn push(&self, row: usize, out: &mut Vec<u8>) {
        let quoted = self.style == Style::Text && !matches!(self.values, Values::Text(_));
        if quoted {
            out.push(b'"');
        }
        match &self.values {
            Values::Text(v) => self.push_word(v.value(row), out),
            Values::Whole(v) => out.extend_from_slice(itoa::Buffer::new().format(v.value(row)).as_bytes()),
            Values::Real(v) if self.style == Style::Real => {
                out.extend_from_slice(zmij::Buffer::new().format_finite(v.value(row)).as_bytes());
            }
            Values::Real(v) => push_real(v.value(row), out),
        }
        if self.style == Style::Real && matches!(self.values, Values::Whole(_)) {
            out.extend_from_slice(b".0");
        }
        if quoted {
            out.push(b'"');
        }
    }

    fn push_word(&self, word: &str, out: &mut Vec<u8>) {
        match self.style {
            Style::Number | Style::Real if is_number(word) => out.extend_from_slice(word.as_bytes()),
            Style::Truth => match truth(word) {
                Some(true) => out.extend_from_slice(b"true"),
                Some(false) => out.extend_from_slice(b"false"),
                None => push_text(word, out),
            },
            Style::Mixed if super::json::is_alike(word) => out.extend_from_slice(word.as_bytes()),
            _ => push_text(word, out),
        }
    }
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    // Writing a string to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}
