//! Tables from an Avro schema (`.avsc`, Avro 1.12): records in records become columns with dots in their names, arrays tables of their
//! own.

use std::path::Path;

use rustc_hash::FxHashMap;
use serde_json::Value as Json;

use super::json_schema::json;
use super::{ColumnDescription, ColumnKind, Description, TableDescription};
use crate::edge::form::Value;
use crate::error::{Error, Result};

/// Reads a schema: a record, a list of schemas, or a union of them. Records that others name are not tables of their own.
///
/// # Errors
/// When the text is no JSON, with its line, or has no record.
pub fn read(path: &Path, text: &str) -> Result<Description> {
    let root = json(path, text)?;
    let mut reader = Reader { made: Description::default(), types: FxHashMap::default() };
    let schemas = match &root {
        Json::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    for schema in &schemas {
        reader.define(schema, "");
    }
    for schema in &schemas {
        if schema.get("type").and_then(Json::as_str) == Some("record") {
            reader.record_table(schema);
        }
    }
    if reader.made.tables.is_empty() {
        return Err(Error::File {
            path: path.to_owned(),
            what: "has no record; it needs \"type\": \"record\"".to_owned(),
        });
    }
    reader.made.finish();
    Ok(reader.made)
}

struct Reader {
    made: Description,
    /// Records, enums and fixed types by name, with and without namespace.
    types: FxHashMap<String, Json>,
}

struct Later {
    name: String,
    items: Json,
    above: Vec<String>,
}

impl Reader {
    /// Takes in the named types of a schema.
    fn define(&mut self, schema: &Json, namespace: &str) {
        match schema {
            Json::Array(all) => all.iter().for_each(|s| self.define(s, namespace)),
            Json::Object(map) => {
                let namespace = map.get("namespace").and_then(Json::as_str).unwrap_or(namespace);
                if let Some(name) = map.get("name").and_then(Json::as_str)
                    && matches!(map.get("type").and_then(Json::as_str), Some("record" | "error" | "enum" | "fixed"))
                {
                    let short = name.rsplit('.').next().unwrap_or(name);
                    let full = if name.contains('.') { name.to_owned() } else { format!("{namespace}.{name}") };
                    self.types.insert(full, schema.clone());
                    self.types.entry(short.to_owned()).or_insert_with(|| schema.clone());
                }
                for key in ["type", "items", "values"] {
                    if let Some(inner @ (Json::Object(_) | Json::Array(_))) = map.get(key) {
                        self.define(inner, namespace);
                    }
                }
                for field in map.get("fields").and_then(Json::as_array).into_iter().flatten() {
                    self.define(field, namespace);
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, at: &str, what: impl Into<String>) {
        self.made.note(None, at, what);
    }

    fn record_table(&mut self, schema: &Json) {
        let name = schema.get("name").and_then(Json::as_str).unwrap_or("record");
        let short = name.rsplit('.').next().unwrap_or(name).to_owned();
        let name = self.made.free(&short);
        self.made.tables.push(TableDescription { name, documents: true, ..TableDescription::default() });
        self.fill(self.made.tables.len() - 1, schema, &[short]);
    }

    fn fill(&mut self, table: usize, schema: &Json, above: &[String]) {
        let mut later = Vec::new();
        self.record(table, "", schema, true, &mut later, above);
        self.arrays(table, later);
    }

    fn arrays(&mut self, table: usize, later: Vec<Later>) {
        for array in later {
            let at = format!("{}.{}", self.made.tables[table].name, array.name);
            let name = self.made.free(&at);
            let (items, _) = self.one(&array.items, &at);
            let record = short_name(&items);
            if record.as_ref().is_some_and(|r| array.above.contains(r)) || at.matches('.').count() > 16 {
                self.note(
                    &at,
                    "is an array of what it is in itself, which is left out; make it a table that refers to itself",
                );
                continue;
            }
            let child = self.made.child(table, name, (None, None));
            let above = [array.above, record.clone().into_iter().collect()].concat();
            if record.is_some() {
                self.fill(child, &items, &above);
            } else {
                let mut later = Vec::new();
                self.field(child, "value", &array.items, None, true, &mut later, &above);
                self.arrays(child, later);
            }
        }
    }

    fn record(
        &mut self,
        table: usize,
        prefix: &str,
        schema: &Json,
        required: bool,
        later: &mut Vec<Later>,
        above: &[String],
    ) {
        for field in schema.get("fields").and_then(Json::as_array).into_iter().flatten() {
            let name = format!("{prefix}{}", field.get("name").and_then(Json::as_str).unwrap_or("field"));
            let Some(kind) = field.get("type") else {
                let at = format!("{}.{name}", self.made.tables[table].name);
                self.note(&at, "has no type, and is left out");
                continue;
            };
            self.field(table, &name, kind, Some(field), required, later, above);
        }
    }

    /// A type without its `null`, with a name replaced by what it names, and whether `null` was there.
    fn one(&mut self, schema: &Json, at: &str) -> (Json, bool) {
        match schema {
            Json::Array(all) => {
                let rest: Vec<&Json> = all.iter().filter(|s| s.as_str() != Some("null")).collect();
                let nullable = rest.len() < all.len();
                if rest.len() > 1 {
                    self.note(at, format!("may be one of {} types; it is taken for the first", rest.len()));
                }
                match rest.first() {
                    Some(first) => (self.one(first, at).0, nullable),
                    None => (Json::from("null"), true),
                }
            }
            Json::String(name) => (self.types.get(name).cloned().unwrap_or_else(|| schema.clone()), false),
            Json::Object(map) if map.get("type").is_some_and(|t| !t.is_string()) => match map.get("type") {
                Some(inner) => self.one(&inner.clone(), at),
                None => (schema.clone(), false),
            },
            other => (other.clone(), false),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn field(
        &mut self,
        table: usize,
        name: &str,
        schema: &Json,
        field: Option<&Json>,
        required: bool,
        later: &mut Vec<Later>,
        above: &[String],
    ) {
        let at = format!("{}.{name}", self.made.tables[table].name);
        let (schema, nullable) = self.one(schema, &at);
        let kind = schema.as_str().or_else(|| schema.get("type").and_then(Json::as_str)).unwrap_or("").to_owned();
        let default = field.and_then(|f| f.get("default"));
        match kind.as_str() {
            "record" | "error" => {
                let record = short_name(&schema).unwrap_or_default();
                if above.contains(&record) {
                    return self.note(&at, "is a record of what it is in itself, which is left out");
                }
                if nullable {
                    self.note(&at, "is a record that may be null; its fields are, together");
                }
                let above = [above, &[record]].concat();
                return self.record(table, &format!("{name}."), &schema, required && !nullable, later, &above);
            }
            "array" => {
                let items = schema.get("items").cloned().unwrap_or(Json::from("string"));
                later.push(Later { name: name.to_owned(), items, above: above.to_vec() });
                return;
            }
            _ => {}
        }
        let mut column = ColumnDescription::new(name, ColumnKind::Text);
        column.nullable = nullable;
        column.required = required && default.is_none();
        column.comment = field.and_then(|f| f.get("doc")).and_then(Json::as_str).map(str::to_owned);
        column.default = default.and_then(|d| match d {
            Json::Null => Some(Value::Null),
            Json::Bool(yes) => Some(Value::Boolean(*yes)),
            Json::Number(n) => Some(Value::Number(n.to_string())),
            Json::String(text) => Some(Value::Text(text.clone())),
            _ => None,
        });
        let logical = schema.get("logicalType").and_then(Json::as_str).unwrap_or("").to_owned();
        let size = |key: &str| schema.get(key).and_then(Json::as_u64);
        column.kind = match (kind.as_str(), logical.as_str()) {
            ("bytes" | "fixed", "decimal") => {
                let (digits, scale) = (size("precision").unwrap_or(18), size("scale").unwrap_or(0));
                let held = digits.clamp(1, 36) as u8;
                if u64::from(held) != digits || scale > digits {
                    self.note(&at, format!("has {digits} digits, {scale} after the point, of which {held} are kept"));
                }
                ColumnKind::Decimal { digits: held, scale: (scale.min(36) as u8).min(held) }
            }
            ("int", "date") => ColumnKind::Date,
            ("int", "time-millis") | ("long", "time-micros") => ColumnKind::Time,
            ("long", "timestamp-millis" | "timestamp-micros" | "timestamp-nanos") => {
                ColumnKind::Timestamp { offset: Some(true) }
            }
            ("long", "local-timestamp-millis" | "local-timestamp-micros" | "local-timestamp-nanos") => {
                ColumnKind::Timestamp { offset: Some(false) }
            }
            ("string" | "fixed", "uuid") => {
                column.format = Some("uuid".to_owned());
                ColumnKind::Text
            }
            (kind, logical) => {
                if !logical.is_empty() {
                    self.note(&at, format!("is {logical:?} of {kind}, which is not known; it is taken for a {kind}"));
                }
                match kind {
                    "int" => ColumnKind::Integer { bits: Some(32), signed: true },
                    "long" => ColumnKind::Integer { bits: Some(64), signed: true },
                    "float" => ColumnKind::Float { bits: 32 },
                    "double" => ColumnKind::Float { bits: 64 },
                    "boolean" => ColumnKind::Boolean,
                    "string" => ColumnKind::Text,
                    "bytes" => ColumnKind::Bytes,
                    "fixed" => {
                        let size = size("size").and_then(|s| usize::try_from(s).ok());
                        (column.shortest, column.longest) = (size, size);
                        ColumnKind::Bytes
                    }
                    "enum" => {
                        let symbols = schema.get("symbols").and_then(Json::as_array).into_iter().flatten();
                        column.values = symbols.filter_map(|s| s.as_str()).map(|s| Value::Text(s.to_owned())).collect();
                        ColumnKind::Text
                    }
                    other => {
                        self.note(&at, format!("is of the type {other:?}, which is not known or has no columns"));
                        ColumnKind::Other(other.to_owned())
                    }
                }
            }
        };
        self.made.tables[table].columns.push(column);
    }
}

/// The name of a record, without its namespace.
fn short_name(schema: &Json) -> Option<String> {
    let record = matches!(schema.get("type").and_then(Json::as_str), Some("record" | "error"));
    let name = schema.get("name").and_then(Json::as_str).filter(|_| record)?;
    Some(name.rsplit('.').next().unwrap_or(name).to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ORDER: &str = r#"{
      "type": "record", "name": "Order", "namespace": "shop",
      "fields": [
        {"name": "id", "type": "long"},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}, "default": "NEW"},
        {"name": "before", "type": ["null", "State"], "default": null},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}], "doc": "Of delivery"},
        {"name": "customer", "type": {"type": "record", "name": "Customer", "fields": [
          {"name": "email", "type": "string"}, {"name": "uid", "type": {"type": "string", "logicalType": "uuid"}},
          {"name": "friend", "type": ["null", "shop.Customer"]}]}},
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
          {"name": "sku", "type": {"type": "fixed", "name": "Sku", "size": 8}}, {"name": "tags", "type": {"type": "array", "items": "string"}}]}}},
        {"name": "extra", "type": {"type": "map", "values": "string"}},
        {"name": "odd", "type": ["int", "string"]},
        {"name": "again", "type": {"type": "array", "items": "Order"}}
      ]}"#;

    #[test]
    fn an_order_in_avro() {
        let made = read(Path::new("o.avsc"), ORDER).unwrap();
        let names: Vec<&str> = made.tables.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["Order", "Order.lines", "Order.lines.tags"]);
        let order = &made.tables[0];
        let column = |name: &str| order.column(name).unwrap();
        assert_eq!(order.primary_key, ["id"]);
        assert_eq!(column("state").values.len(), 2);
        assert!(column("before").nullable && column("before").values.len() == 2 && !column("before").required);
        assert_eq!(column("amount").kind, ColumnKind::Decimal { digits: 10, scale: 2 });
        assert_eq!(column("at").kind, ColumnKind::Timestamp { offset: Some(true) });
        assert!(column("day").kind == ColumnKind::Date && column("day").nullable);
        assert_eq!(column("day").comment.as_deref(), Some("Of delivery"));
        assert_eq!(column("customer.uid").format.as_deref(), Some("uuid"));
        let lines = &made.tables[1];
        assert_eq!(lines.primary_key, ["Order_id", "position"]);
        assert_eq!(lines.foreign_keys[0].referred, ["id"]);
        assert_eq!(lines.column("sku").unwrap().longest, Some(8));
        let tags = &made.tables[2];
        assert_eq!(tags.primary_key.len(), 3);
        assert_eq!(tags.column("value").unwrap().kind, ColumnKind::Text);
        let notes: Vec<String> = made.notes.iter().map(ToString::to_string).collect();
        for wanted in [
            "Order.customer.friend: is a record of",
            "Order.extra: is of the type \"map\"",
            "Order.odd: may be one of 2",
            "Order.again: is an array of what",
        ] {
            assert!(notes.iter().any(|n| n.starts_with(wanted)), "{wanted}: {notes:#?}");
        }
        assert_eq!(notes.len(), 4, "{notes:#?}");
        let (form, _) = lines.form();
        assert_eq!(form.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["sku"]);
    }

    #[test]
    fn mistakes_are_told() {
        let said = |text: &str| read(Path::new("o.avsc"), text).unwrap_err().to_string();
        assert!(said("{\n\"type\": }").starts_with("o.avsc, line 2: `JSON`"));
        assert!(said("\"string\"").contains("has no record"));
        assert!(said("[]").contains("has no record"));
    }
}
