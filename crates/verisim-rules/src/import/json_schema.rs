//! Tables from a JSON Schema (drafts 7 and 2020-12): objects in objects become columns with dots in their names, arrays tables of their
//! own.

mod join;

use std::path::Path;

use serde_json::{Map, Value as Json};

use super::{ColumnDescription, ColumnKind, Description, TableDescription};
use crate::edge::form::Value;
use crate::error::{Error, Result};

/// Objects in objects beyond this are left out, with a note.
const DEEPEST: usize = 16;

/// Where a schema that was put together keeps the references that were followed for it.
const REFS: &str = "x-verisim-references";

/// Keywords that are understood, or say nothing of values.
const KNOWN: &[&str] = &[
    "$schema",
    "id",
    "$id",
    "$ref",
    "$defs",
    "definitions",
    "$comment",
    "$anchor",
    "title",
    "description",
    "default",
    "examples",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "properties",
    "required",
    "allOf",
    "anyOf",
    "oneOf",
    "items",
    "minItems",
    "maxItems",
    "nullable",
    "additionalProperties",
    "unevaluatedProperties",
    "dependentRequired",
    "contentMediaType",
    "xml",
    "externalDocs",
];

/// Reads a schema. Its table is named by its title, or by `path`. Where the schema itself says nothing, its definitions of objects are
/// the tables.
///
/// # Errors
/// When the text is no JSON, with its line, or there is no object in it.
pub fn read(path: &Path, text: &str) -> Result<Description> {
    let root = json(path, text)?;
    let mut reader = Reader::new(&root);
    let stem = path.file_stem().map_or_else(|| "record".to_owned(), |s| s.to_string_lossy().into_owned());
    let stem = stem.trim_end_matches(".schema").to_owned();
    let name = root.get("title").and_then(Json::as_str).map_or(stem, str::to_owned);
    let top = reader.resolved(&root, &name);
    // A list of records is as good as one.
    let top = match top.get("items") {
        Some(items) if !top.contains_key("properties") => reader.resolved(&items.clone(), &name),
        _ => top,
    };
    if top.contains_key("properties") {
        reader.table(&name, &top);
    } else {
        for (key, definitions) in ["$defs", "definitions"].iter().filter_map(|k| Some((*k, root.get(*k)?.as_object()?)))
        {
            for (name, schema) in definitions {
                let schema = reader.resolved(schema, &format!("{key}/{name}"));
                if schema.contains_key("properties") {
                    reader.table(name, &schema);
                }
            }
        }
    }
    reader.finish(path)
}

/// A document: YAML where the file's name ends so, JSON otherwise.
pub(super) fn json(path: &Path, text: &str) -> Result<Json> {
    let text = text.trim_start_matches('\u{feff}');
    let (key, line, what) = match path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
        true => match serde_saphyr::from_str(text) {
            Ok(document) => return Ok(document),
            Err(e) => ("YAML", e.location().map_or(1, |at| at.line() as usize), e.without_snippet().to_string()),
        },
        false => match serde_json::from_str(text) {
            Ok(document) => return Ok(document),
            Err(e) => ("JSON", e.line(), format!("{e}; name the file .yaml if it is YAML")),
        },
    };
    Err(Error::Key { path: path.to_owned(), line: line.max(1), key: key.to_owned(), what })
}

/// What reads schemas out of a document.
pub(super) struct Reader<'a> {
    root: &'a Json,
    pub(super) made: Description,
}

/// An array, whose table is made when its parent's columns are all there.
struct Later {
    name: String,
    items: Json,
    /// The references that were followed on the way here.
    above: Vec<String>,
    children: (Option<usize>, Option<usize>),
}

impl<'a> Reader<'a> {
    pub(super) fn new(root: &'a Json) -> Reader<'a> {
        Reader { root, made: Description::default() }
    }

    pub(super) fn finish(mut self, path: &Path) -> Result<Description> {
        if self.made.tables.is_empty() {
            return Err(Error::File {
                path: path.to_owned(),
                what: "describes no object; it needs `properties`".to_owned(),
            });
        }
        self.made.finish();
        Ok(self.made)
    }

    pub(super) fn note(&mut self, at: &str, what: impl Into<String>) {
        self.made.note(None, at, what);
    }

    /// A table from an object's schema.
    pub(super) fn table(&mut self, name: &str, schema: &Map<String, Json>) -> usize {
        let name = self.made.free(name);
        self.made.tables.push(TableDescription { name: name.clone(), documents: true, ..TableDescription::default() });
        let table = self.made.tables.len() - 1;
        self.fill(table, schema);
        table
    }

    /// Columns of an object, and then the tables of its arrays.
    pub(super) fn fill(&mut self, table: usize, schema: &Map<String, Json>) {
        self.fill_below(table, schema, &[]);
    }

    fn fill_below(&mut self, table: usize, schema: &Map<String, Json>, above: &[String]) {
        let mut later = Vec::new();
        let above = [above, &followed(schema)].concat();
        self.object(table, "", schema, true, &mut later, &above);
        self.arrays(table, later);
    }

    fn arrays(&mut self, table: usize, later: Vec<Later>) {
        for array in later {
            let at = self.at(table, &array.name);
            let items = self.resolved(&array.items, &at);
            if followed(&items).iter().any(|r| array.above.contains(r)) || at.matches('.').count() > DEEPEST {
                self.note(
                    &at,
                    "is an array of what it is in itself, which is left out; make it a table that refers to itself",
                );
                continue;
            }
            let name = self.made.free(&format!("{}.{}", self.made.tables[table].name, array.name));
            let child = self.made.child(table, name, array.children);
            if items.contains_key("properties") {
                self.fill_below(child, &items, &array.above);
            } else {
                let mut later = Vec::new();
                self.property(child, "value", &items, true, &mut later, &array.above);
                self.arrays(child, later);
            }
        }
    }

    fn at(&self, table: usize, name: &str) -> String {
        format!("{}.{name}", self.made.tables[table].name)
    }

    fn object(
        &mut self,
        table: usize,
        prefix: &str,
        schema: &Map<String, Json>,
        required: bool,
        later: &mut Vec<Later>,
        above: &[String],
    ) {
        let at = self.at(table, prefix.trim_end_matches('.'));
        let at = at.trim_end_matches('.');
        if prefix.matches('.').count() > DEEPEST {
            return self.note(at, "is an object too deep in others, which is left out");
        }
        self.unknown(at, schema);
        let needed: Vec<&str> = list(schema.get("required")).iter().filter_map(|r| r.as_str()).collect();
        let properties = schema.get("properties").and_then(Json::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let full = format!("{prefix}{name}");
            let resolved = self.resolved(property, &self.at(table, &full));
            self.property(table, &full, &resolved, required && needed.contains(&name.as_str()), later, above);
        }
        for name in &needed {
            if !properties.is_some_and(|p| p.contains_key(*name)) {
                self.note(at, format!("requires `{name}`, which it does not describe"));
            }
        }
        for (name, others) in schema.get("dependentRequired").and_then(Json::as_object).into_iter().flatten() {
            for other in list(Some(others)).iter().filter_map(|o| o.as_str()) {
                let check = format!(
                    "{} == null || {} != null",
                    expression(&format!("{prefix}{name}")),
                    expression(&format!("{prefix}{other}"))
                );
                self.made.tables[table].checks.push(check);
            }
        }
    }

    /// A property: a column, columns of an object in it, or an array for later.
    pub(super) fn plain_property(&mut self, table: usize, name: &str, schema: &Json, required: bool) {
        let mut later = Vec::new();
        let resolved = self.resolved(schema, &self.at(table, name));
        self.property(table, name, &resolved, required, &mut later, &[]);
        self.arrays(table, later);
    }

    fn property(
        &mut self,
        table: usize,
        name: &str,
        schema: &Map<String, Json>,
        required: bool,
        later: &mut Vec<Later>,
        above: &[String],
    ) {
        let at = self.at(table, name);
        let mut types: Vec<String> = match schema.get("type") {
            Some(Json::String(one)) => vec![one.clone()],
            Some(Json::Array(all)) => all.iter().filter_map(|t| t.as_str().map(str::to_owned)).collect(),
            _ => inferred(schema),
        };
        let mut nullable = types.iter().any(|t| t == "null") || schema.get("nullable") == Some(&Json::Bool(true));
        types.retain(|t| t != "null");
        // Whole numbers are numbers.
        if types.iter().any(|t| t == "number") {
            types.retain(|t| t != "integer");
        }
        if types.len() > 1 {
            self.note(&at, format!("may be of the types {}; it is taken for {}", types.join(" and "), types[0]));
        }
        let kind = types.first().map_or("", String::as_str);
        if kind == "object" && schema.contains_key("properties") {
            if nullable {
                self.note(&at, "is an object that may be null; its fields are, together");
            }
            let refs = followed(schema);
            if refs.iter().any(|r| above.contains(r)) {
                return self.note(&at, "is an object of what it is in itself, which is left out");
            }
            let above = [above, &refs].concat();
            return self.object(table, &format!("{name}."), schema, required && !nullable, later, &above);
        }
        if kind == "array" {
            let Some(items) = schema.get("items").filter(|i| i.is_object()) else {
                return self.note(&at, "is an array that does not say of what, and is left out");
            };
            let count = |key: &str| schema.get(key).and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok());
            self.unknown(&at, schema);
            let children = (count("minItems"), count("maxItems"));
            later.push(Later { name: name.to_owned(), items: items.clone(), above: above.to_vec(), children });
            return;
        }
        self.unknown(&at, schema);
        let mut column = ColumnDescription::new(name, ColumnKind::Text);
        column.comment = schema.get("description").and_then(Json::as_str).map(str::to_owned);
        column.required = required;
        let mut values: Vec<Json> = list(schema.get("enum")).to_vec();
        if let Some(one) = schema.get("const") {
            values = vec![one.clone()];
        }
        nullable |= values.contains(&Json::Null);
        column.nullable = nullable;
        for value in values.iter().filter(|v| !v.is_null()) {
            match scalar(value) {
                Some(value) => column.values.push(value),
                None => self.note(&at, format!("may be {value}, which is left out")),
            }
        }
        column.default = schema.get("default").and_then(scalar);
        let checks = self.kind(&mut column, kind, schema, &at);
        self.made.tables[table].checks.extend(checks);
        self.made.tables[table].columns.push(column);
    }

    /// The type of a column, and what bounds it. What is no bound comes back as checks.
    fn kind(
        &mut self,
        column: &mut ColumnDescription,
        kind: &str,
        schema: &Map<String, Json>,
        at: &str,
    ) -> Vec<String> {
        let format = schema.get("format").and_then(Json::as_str);
        let number = |key: &str| schema.get(key).and_then(Json::as_number).map(ToString::to_string);
        let mut checks = Vec::new();
        match kind {
            "integer" | "number" => {
                column.multiple = number("multipleOf");
                column.kind = match (kind, format) {
                    ("integer", Some("int32")) => ColumnKind::Integer { bits: Some(32), signed: true },
                    ("integer", Some("int64")) => ColumnKind::Integer { bits: Some(64), signed: true },
                    ("integer", _) => ColumnKind::Integer { bits: None, signed: true },
                    (_, Some("float")) => ColumnKind::Float { bits: 32 },
                    _ => match column.multiple.as_deref().and_then(power_of_ten) {
                        Some(scale) => {
                            column.multiple = None;
                            ColumnKind::Decimal { digits: 18, scale }
                        }
                        None => ColumnKind::Float { bits: 64 },
                    },
                };
                if let Some(format) = format.filter(|f| !["int32", "int64", "float", "double"].contains(f)) {
                    self.note(at, format!("has the format {format:?}, which is left out"));
                }
                let exclusive = |key: &str| schema.get(key) == Some(&Json::Bool(true));
                // Draft 4, and OpenAPI 3.0 with it, says whether a bound is exclusive; later ones have it as a number.
                let open = |key: &str, bound: &str| number(key).or_else(|| number(bound).filter(|_| exclusive(key)));
                column.least = number("minimum").filter(|_| !exclusive("exclusiveMinimum"));
                column.greatest = number("maximum").filter(|_| !exclusive("exclusiveMaximum"));
                let name = expression(&column.name);
                if let Some(bound) = open("exclusiveMinimum", "minimum") {
                    checks.push(format!("{name} > {bound}"));
                }
                if let Some(bound) = open("exclusiveMaximum", "maximum") {
                    checks.push(format!("{name} < {bound}"));
                }
                checks.retain(|check| !whole_bound(column, check));
            }
            "boolean" => column.kind = ColumnKind::Boolean,
            "string" | "" => {
                let count = |key: &str| schema.get(key).and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok());
                (column.shortest, column.longest) = (count("minLength"), count("maxLength"));
                column.pattern = schema.get("pattern").and_then(Json::as_str).map(str::to_owned);
                let text = column.shortest.is_none() && column.longest.is_none() && column.pattern.is_none();
                match format {
                    Some("date") if text => column.kind = ColumnKind::Date,
                    Some("date-time") if text => column.kind = ColumnKind::Timestamp { offset: Some(true) },
                    Some("byte" | "binary") => column.kind = ColumnKind::Bytes,
                    other => column.format = other.map(str::to_owned),
                }
                if kind.is_empty() && column.values.is_empty() {
                    self.note(at, "has no type; it is taken for a text");
                }
            }
            "object" => {
                column.kind = ColumnKind::Other("object".to_owned());
                self.note(at, "is an object that does not say what is in it");
            }
            other => {
                column.kind = ColumnKind::Other(other.to_owned());
                self.note(at, format!("is of the type {other:?}, which is not known"));
            }
        }
        checks
    }

    fn unknown(&mut self, at: &str, schema: &Map<String, Json>) {
        for key in schema.keys() {
            if !KNOWN.contains(&key.as_str()) && !key.starts_with("x-") {
                self.note(at, format!("`{key}` is left out"));
            }
        }
        if schema.get("additionalProperties").is_some_and(Json::is_object) {
            self.note(at, "has fields of any name, which are left out");
        }
    }
}

/// The references that were followed for a schema.
fn followed(schema: &Map<String, Json>) -> Vec<String> {
    list(schema.get(REFS)).iter().filter_map(|r| r.as_str().map(str::to_owned)).collect()
}

fn list(value: Option<&Json>) -> &[Json] {
    value.and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// The type that a schema without one is of, by what else it says.
fn inferred(schema: &Map<String, Json>) -> Vec<String> {
    let has = |keys: &[&str]| keys.iter().any(|k| schema.contains_key(*k));
    let value = schema.get("const").or_else(|| list(schema.get("enum")).iter().find(|v| !v.is_null()));
    let kind = match value {
        Some(Json::Number(n)) if n.is_f64() => "number",
        Some(Json::Number(_)) => "integer",
        Some(Json::Bool(_)) => "boolean",
        Some(Json::String(_)) => "string",
        _ if has(&["properties"]) => "object",
        _ if has(&["items"]) => "array",
        _ if has(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) => "number",
        _ if has(&["minLength", "maxLength", "pattern", "format"]) => "string",
        _ => return Vec::new(),
    };
    vec![kind.to_owned()]
}

fn scalar(value: &Json) -> Option<Value> {
    Some(match value {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Boolean(*yes),
        Json::Number(n) => Value::Number(n.to_string()),
        Json::String(text) => Value::Text(text.clone()),
        _ => return None,
    })
}

/// The digits after the point of 0.1, 0.01, ...; a currency's.
fn power_of_ten(text: &str) -> Option<u8> {
    let x: f64 = text.parse().ok()?;
    (1..=9_u8).find(|&scale| (x * 10f64.powi(i32::from(scale)) - 1.0).abs() < 1e-9)
}

/// A column's name in an expression.
fn expression(name: &str) -> String {
    let part = |p: &str| {
        p.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let reserved = ["true", "false", "null", "in", "pi"].contains(&name);
    if name.split('.').all(part) && !reserved { name.to_owned() } else { format!("col({})", Json::from(name)) }
}

/// `x > 3` of whole numbers is a bound, 4.
fn whole_bound(column: &mut ColumnDescription, check: &str) -> bool {
    let scale = match column.kind {
        ColumnKind::Integer { .. } => 0,
        ColumnKind::Decimal { scale, .. } => scale,
        _ => return false,
    };
    let Some((_, bound)) = check.rsplit_once(' ') else { return false };
    let Some(units) = crate::edge::form::units(bound, scale) else { return false };
    let up = check.contains(" > ");
    let next = crate::edge::form::digits(units + if up { 1 } else { -1 }, scale);
    let place = if up { &mut column.least } else { &mut column.greatest };
    let nearer = |old: &str| match (old.parse::<f64>(), next.parse::<f64>()) {
        (Ok(old), Ok(new)) => (new > old) == up,
        _ => true,
    };
    if place.as_deref().is_none_or(nearer) {
        *place = Some(next);
    }
    true
}

#[cfg(test)]
#[path = "json_schema_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
