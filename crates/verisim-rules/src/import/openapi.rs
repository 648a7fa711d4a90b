//! Tables from an OpenAPI document (3.0 and 3.1, in JSON or YAML): one for each operation that takes something, of its parameters and its
//! body, and one for each object among the schemas.

use std::path::Path;

use serde_json::{Map, Value as Json};

use super::json_schema::{Reader, json};
use super::{Description, TableDescription};
use crate::error::{Error, Result};

/// Reads a document. The table of an operation is named by its `operationId`, or by its method and path; its parameters come before
/// the fields of its body.
///
/// # Errors
/// When the text is no JSON, with its line, is not OpenAPI 3, or describes nothing.
pub fn read(path: &Path, text: &str) -> Result<Description> {
    let root = json(path, text)?;
    let version = root.get("openapi").and_then(Json::as_str).unwrap_or("");
    if !version.starts_with("3.") {
        let what = format!("is not OpenAPI 3 (`openapi` is {version:?}); older ones are to be converted first");
        return Err(Error::File { path: path.to_owned(), what });
    }
    let mut reader = Reader::new(&root);
    for (place, item) in root.get("paths").and_then(Json::as_object).into_iter().flatten() {
        let shared = parameters(item);
        for method in ["get", "put", "post", "delete", "options", "head", "patch", "trace"] {
            let Some(operation) = item.get(method) else { continue };
            let name = operation.get("operationId").and_then(Json::as_str);
            let name = name.map_or_else(|| format!("{} {place}", method.to_uppercase()), str::to_owned);
            self::operation(&mut reader, &name, &shared, operation);
        }
    }
    for (name, schema) in root.pointer("/components/schemas").and_then(Json::as_object).into_iter().flatten() {
        let resolved = reader.resolved(schema, name);
        if resolved.contains_key("properties") {
            reader.table(name, &resolved);
        }
    }
    reader.finish(path)
}

fn parameters(of: &Json) -> Vec<Json> {
    of.get("parameters").and_then(Json::as_array).cloned().unwrap_or_default()
}

fn operation(reader: &mut Reader<'_>, name: &str, shared: &[Json], operation: &Json) {
    // One of an operation counts before one of its path with the same name and place.
    let own = parameters(operation);
    let resolve = |reader: &mut Reader<'_>, all: &[Json]| -> Vec<Map<String, Json>> {
        all.iter().map(|p| reader.resolved(p, name)).collect()
    };
    let own = resolve(reader, &own);
    let same =
        |a: &Map<String, Json>, b: &Map<String, Json>| a.get("name") == b.get("name") && a.get("in") == b.get("in");
    let mut all: Vec<Map<String, Json>> =
        resolve(reader, shared).into_iter().filter(|p| !own.iter().any(|o| same(o, p))).collect();
    all.extend(own);
    let body = operation.get("requestBody").map(|b| reader.resolved(b, name));
    if all.is_empty() && body.is_none() {
        return;
    }
    let table = reader.made.free(name);
    reader.made.tables.push(TableDescription { name: table.clone(), documents: true, ..TableDescription::default() });
    let place = reader.made.tables.len() - 1;
    for parameter in all {
        let Some(column) = parameter.get("name").and_then(Json::as_str) else {
            reader.note(&table, "has a parameter without a name, which is left out");
            continue;
        };
        let media = parameter.get("content").and_then(Json::as_object).and_then(|c| c.values().next());
        let Some(schema) = parameter.get("schema").or_else(|| media.and_then(|m| m.get("schema"))) else {
            reader.note(&format!("{table}.{column}"), "is a parameter without a schema, and is left out");
            continue;
        };
        if reader.made.tables[place].column(column).is_some() {
            reader.note(&format!("{table}.{column}"), "is a parameter in two places; the first is kept");
            continue;
        }
        let required = parameter.get("required") == Some(&Json::Bool(true));
        reader.plain_property(place, column, schema, required);
    }
    let Some(body) = body else { return };
    let content = body.get("content").and_then(Json::as_object);
    let wanted = |kind: &str| content.and_then(|c| c.iter().find(|(k, _)| k.contains(kind)));
    let Some((kind, media)) = wanted("json").or_else(|| wanted("form")).or_else(|| wanted("")) else {
        return reader.note(&table, "has a body that does not say of what");
    };
    if content.is_some_and(|c| c.len() > 1) {
        reader.note(&table, format!("has a body of several kinds; {kind} is taken"));
    }
    let Some(schema) = media.get("schema") else {
        return reader.note(&table, format!("has a body of {kind} without a schema, which is left out"));
    };
    let resolved = reader.resolved(schema, &table);
    if resolved.contains_key("properties") {
        reader.fill(place, &resolved);
    } else {
        let required = body.get("required") == Some(&Json::Bool(true));
        reader.plain_property(place, "body", schema, required);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::import::ColumnKind;

    const PETS: &str = r##"{
      "openapi": "3.0.3", "info": {"title": "Pets", "version": "1"},
      "paths": {
        "/pets/{id}": {
          "parameters": [{"$ref": "#/components/parameters/id"}],
          "get": {"operationId": "getPet", "parameters": [
            {"name": "depth", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 5, "exclusiveMaximum": true}}]},
          "put": {"requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}},
          "delete": {"operationId": "deletePet"}
        },
        "/health": {"get": {"operationId": "health"}}
      },
      "components": {
        "parameters": {"id": {"name": "id", "in": "path", "required": true, "schema": {"type": "integer", "format": "int64", "minimum": 1}}},
        "schemas": {
          "Kind": {"type": "string", "enum": ["cat", "dog"]},
          "Pet": {"type": "object", "required": ["name", "kind"], "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 50},
            "kind": {"$ref": "#/components/schemas/Kind"},
            "born": {"type": "string", "format": "date", "nullable": true},
            "owner": {"type": "object", "required": ["email"], "properties": {"email": {"type": "string", "format": "email"}}},
            "tags": {"type": "array", "maxItems": 3, "items": {"type": "string"}}
          }}
        }
      }
    }"##;

    #[test]
    fn operations_and_schemas_are_tables() {
        let made = read(Path::new("pets.json"), PETS).unwrap();
        let names: Vec<&str> = made.tables.iter().map(|t| t.name.as_str()).collect();
        let wanted = ["getPet", "PUT /pets/{id}", "PUT /pets/{id}.tags", "deletePet", "Pet", "Pet.tags"];
        assert_eq!(names, wanted);
        let get = made.table("getPet").unwrap();
        assert_eq!(get.column("id").unwrap().kind, ColumnKind::Integer { bits: Some(64), signed: true });
        assert!(get.column("id").unwrap().required && !get.column("depth").unwrap().required);
        assert_eq!(get.column("depth").unwrap().greatest.as_deref(), Some("4"));
        let put = made.table("PUT /pets/{id}").unwrap();
        let columns: Vec<&str> = put.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(columns, ["id", "name", "kind", "born", "owner.email"]);
        assert!(put.column("born").unwrap().nullable && !put.column("born").unwrap().required);
        assert!(!put.column("owner.email").unwrap().required);
        assert_eq!(made.table("Pet.tags").unwrap().foreign_keys[0].children, (None, Some(3)));
        assert!(made.notes.is_empty(), "{:?}", made.notes);
        let (form, _) = put.form();
        let cases = crate::edge::cases::cases(&form, &Default::default()).unwrap();
        assert!(cases.rows.iter().any(|r| r.fault.as_deref() == Some("name: missing (left out)")));
    }

    #[test]
    fn mistakes_are_told() {
        let said = |text: &str| read(Path::new("p.json"), text).unwrap_err().to_string();
        assert!(said("openapi: 3.0.0\npaths: {}").contains("name the file .yaml if it is YAML"));
        assert!(said("{\"swagger\": \"2.0\"}").contains("is not OpenAPI 3"));
        assert!(said("{\"openapi\": \"3.1.0\"}").contains("describes no object"));
    }
}
