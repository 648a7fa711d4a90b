//! Facts of schemas as people write them.

use super::*;
use crate::import::Note;

fn made(text: &str) -> Description {
    read(Path::new("order.schema.json"), text).unwrap()
}

fn notes(made: &Description) -> Vec<String> {
    made.notes.iter().map(Note::to_string).collect()
}

const ORDER: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "required": ["id", "state", "amount"],
  "properties": {
    "id": {"type": "string", "format": "uuid"},
    "state": {"enum": ["new", "paid", "shipped"], "description": "Where it is"},
    "version": {"const": 2},
    "amount": {"type": "number", "minimum": 0, "multipleOf": 0.01},
    "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    "count": {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 100, "multipleOf": 5},
    "note": {"type": ["string", "null"], "maxLength": 200, "default": "none"},
    "code": {"type": "string", "pattern": "^[A-Z]{2}\\d+$"},
    "day": {"type": "string", "format": "date"},
    "at": {"type": "string", "format": "date-time"},
    "gift": {"type": "boolean"},
    "address": {"$ref": "#/$defs/address"},
    "billing": {"anyOf": [{"$ref": "#/$defs/address"}, {"type": "null"}]},
    "level": {"oneOf": [{"const": 1, "title": "one"}, {"const": 2}]},
    "either": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
    "lines": {"type": "array", "minItems": 1, "maxItems": 9, "items": {
      "allOf": [{"$ref": "#/$defs/line"}, {"required": ["sku"], "properties": {"price": {"minimum": 1}}}]}},
    "tags": {"type": "array", "items": {"type": "string"}},
    "tree": {"$ref": "#/$defs/node"},
    "any": {"type": "object"},
    "odd": {"type": "string", "contentEncoding": "base64"}
  },
  "dependentRequired": {"billing.city": ["note"]},
  "if": {"properties": {"state": {"const": "paid"}}}, "then": {"required": ["at"]},
  "$defs": {
    "address": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}, "zip": {"type": "string", "minLength": 5, "maxLength": 5}}},
    "line": {"type": "object", "properties": {"sku": {"type": "string"}, "price": {"type": "number", "minimum": 0}}},
    "node": {"type": "object", "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/node"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}
  }
}"##;

#[test]
fn an_order_in_json_schema() {
    let made = made(ORDER);
    let names: Vec<&str> = made.tables.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["order", "order.lines", "order.tags"]);
    let order = &made.tables[0];
    let column = |name: &str| order.column(name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(order.primary_key, ["id"]);
    assert!(column("id").unique && column("id").format.as_deref() == Some("uuid"));
    assert_eq!(column("state").values.len(), 3);
    assert_eq!(column("state").comment.as_deref(), Some("Where it is"));
    assert_eq!(column("version").values, [Value::Number("2".into())]);
    assert_eq!(column("version").kind, ColumnKind::Integer { bits: None, signed: true });
    assert_eq!(column("amount").kind, ColumnKind::Decimal { digits: 18, scale: 2 });
    assert_eq!(column("share").greatest.as_deref(), Some("1"));
    assert_eq!((column("count").least.as_deref(), column("count").greatest.as_deref()), (Some("1"), Some("99")));
    assert_eq!(column("count").multiple.as_deref(), Some("5"));
    assert!(column("note").nullable && column("note").longest == Some(200));
    assert_eq!(column("note").default, Some(Value::Text("none".into())));
    assert_eq!(column("day").kind, ColumnKind::Date);
    assert_eq!(column("at").kind, ColumnKind::Timestamp { offset: Some(true) });
    assert!(!column("address.city").required && column("amount").required);
    assert_eq!(column("address.zip").shortest, Some(5));
    assert_eq!(column("level").values.len(), 2);
    assert_eq!(
        order.checks,
        ["billing.city == null || note != null", "share > 0"].into_iter().rev().map(str::to_owned).collect::<Vec<_>>()
    );
    let lines = &made.tables[1];
    assert_eq!(lines.foreign_keys[0].children, (Some(1), Some(9)));
    assert!(lines.column("sku").unwrap().required);
    assert_eq!(lines.column("price").unwrap().least.as_deref(), Some("1"));
    let said = notes(&made);
    for wanted in [
        "order.billing: is an object that may be null",
        "order.either: may be one of 2 things by `oneOf`",
        "order: `if` is left out",
        "order: `then` is left out",
        "order.any: is an object that does not say",
        "order.odd: `contentEncoding` is left out",
        "order.tree.next: is an object of what it is in itself",
        "order.tree.children: is an array of what it is in itself",
    ] {
        assert!(said.iter().any(|n| n.starts_with(wanted)), "{wanted}: {said:#?}");
    }
    assert_eq!(said.len(), 8, "{said:#?}");
    let (form, lost) = order.form();
    assert!(form.documents && form.constraints.len() == 2, "{lost:?}");
    let cases = crate::edge::cases::cases(&form, &Default::default()).unwrap();
    assert_eq!(cases.report.combinations.required, cases.report.combinations.covered);
}

#[test]
fn definitions_alone_are_tables_and_draft_7_is_read() {
    let made = made(
        r##"{"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {
        "a": {"properties": {"x": {"type": "integer"}}}, "b": {"type": "object", "properties": {"y": {"$ref": "#/definitions/c"}}},
        "c": {"type": "string", "minLength": 2}}}"##,
    );
    assert_eq!(made.tables.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(made.tables[1].column("y").unwrap().shortest, Some(2));
}

#[test]
fn what_cannot_be_followed_is_noted() {
    let made = made(
        r##"{"title": "t", "type": "array", "items": {"properties": {
        "a": {"$ref": "other.json#/a"}, "b": {"$ref": "#/nowhere"}, "c": {"$ref": "#/items/properties/c"},
        "d": {"type": "quantity"}, "e": 5, "f": {"type": "array"}, "g": true, "h": {"type": ["integer", "string"]},
        "i": {"allOf": [{"type": "string", "pattern": "a"}, {"pattern": "b"}]}, "j": {"type": "string", "pattern": "(?=x)"}}}}"##,
    );
    let said = notes(&made);
    for wanted in [
        "t.a: refers to \"other.json#/a\"",
        "t.b: refers to",
        "t.c: refers to",
        "t.d: is of the type",
        "t.e: is no schema",
        "t.f: is an array that does not say",
        "t.g: has no type",
        "t.h: may be of the types integer and string",
        "t.i: has `pattern` twice",
    ] {
        assert!(said.iter().any(|n| n.starts_with(wanted)), "{wanted}: {said:#?}");
    }
    let (_, lost) = made.tables[0].form();
    assert!(
        lost.iter().any(|n| n.to_string().contains("t.j: has the pattern \"(?=x)\", which cannot be read")),
        "{lost:?}"
    );
}

#[test]
fn mistakes_are_told_with_their_line() {
    let said = |text: &str| read(Path::new("a.json"), text).unwrap_err().to_string();
    assert!(said("{\n  \"type\": \"object\",\n}").starts_with("a.json, line 3: `JSON`"));
    assert!(said("{}").contains("describes no object"));
    assert!(said("3").contains("describes no object"));
    let deep = format!("{}{}", "{\"properties\": {\"a\": ".repeat(100), "}}".repeat(100));
    assert!(said(&deep).contains("recursion limit"));
}
