//! References, `allOf`, `anyOf` and `oneOf`: schemas put together into one.

use serde_json::{Map, Value as Json};

use super::{DEEPEST, REFS, Reader, followed};

impl Reader<'_> {
    /// A schema with what it refers to, and with all of `allOf`, put into it.
    pub(in crate::import) fn resolved(&mut self, schema: &Json, at: &str) -> Map<String, Json> {
        self.put_together(schema, at, &mut Vec::new())
    }

    fn put_together(&mut self, schema: &Json, at: &str, stack: &mut Vec<String>) -> Map<String, Json> {
        let mut made = match schema {
            Json::Object(map) => map.clone(),
            // `true` is any value.
            Json::Bool(true) => return Map::new(),
            _ => {
                self.note(at, "is no schema, and is left out");
                return Map::new();
            }
        };
        if let Some(Json::String(reference)) = made.remove("$ref") {
            if stack.contains(&reference) || stack.len() > DEEPEST {
                self.note(at, format!("refers to {reference:?}, which refers to itself, and is not followed further"));
            } else if let Some(found) = self.found(&reference) {
                stack.push(reference.clone());
                let inner = self.put_together(&found, at, stack);
                stack.pop();
                self.both(&mut made, inner, at);
                let mut refs = followed(&made);
                refs.push(reference);
                made.insert(REFS.to_owned(), Json::from(refs));
            } else {
                self.note(at, format!("refers to {reference:?}, which is not in this file"));
            }
        }
        if let Some(Json::Array(parts)) = made.remove("allOf") {
            for part in parts {
                let inner = self.put_together(&part, at, stack);
                self.both(&mut made, inner, at);
            }
        }
        for key in ["anyOf", "oneOf"] {
            let Some(Json::Array(parts)) = made.remove(key) else { continue };
            let parts: Vec<Map<String, Json>> = parts.iter().map(|p| self.put_together(p, at, stack)).collect();
            let null = |p: &Map<String, Json>| {
                p.get("type") == Some(&Json::from("null")) || p.get("const") == Some(&Json::Null)
            };
            let rest: Vec<&Map<String, Json>> = parts.iter().filter(|p| !null(p)).collect();
            if rest.len() < parts.len() {
                made.insert("nullable".to_owned(), Json::Bool(true));
            }
            let listed: Option<Vec<Json>> = rest
                .iter()
                .map(|p| p.get("const").map(|c| vec![c.clone()]).or_else(|| Some(p.get("enum")?.as_array()?.clone())))
                .collect::<Option<Vec<_>>>()
                .map(|all| all.concat());
            match (rest.as_slice(), listed) {
                ([], _) => {}
                (_, Some(values)) => {
                    made.insert("enum".to_owned(), Json::Array(values));
                    if let Some(kind) = rest[0].get("type") {
                        made.entry("type").or_insert_with(|| kind.clone());
                    }
                }
                ([one], None) => self.both(&mut made, (*one).clone(), at),
                (several, None) => {
                    // Alternatives that only say what is required of the same fields.
                    let what = if several.iter().all(|p| p.keys().all(|k| k == "required")) {
                        format!("`{key}` of required fields is left out")
                    } else {
                        self.both(&mut made, several[0].clone(), at);
                        format!("may be one of {} things by `{key}`; it is taken for the first", several.len())
                    };
                    self.note(at, what);
                }
            }
        }
        made
    }

    /// Puts what another schema says into one, and notes what cannot be said of both.
    fn both(&mut self, into: &mut Map<String, Json>, other: Map<String, Json>, at: &str) {
        for lost in merge(into, other) {
            self.note(at, format!("has `{lost}` twice; the nearer is kept"));
        }
    }

    /// What a reference within the document leads to.
    fn found(&self, reference: &str) -> Option<Json> {
        let pointer = reference.strip_prefix('#')?;
        let plain = pointer.replace("%20", " ").replace("%7B", "{").replace("%7D", "}").replace("%24", "$");
        self.root.pointer(&plain).cloned()
    }
}

/// Puts what another schema says into one: both hold. The keywords of which one only is kept come back.
fn merge(into: &mut Map<String, Json>, other: Map<String, Json>) -> Vec<String> {
    let mut lost = Vec::new();
    for (key, value) in other {
        let Some(old) = into.get_mut(&key) else {
            into.insert(key, value);
            continue;
        };
        match (key.as_str(), old, value) {
            ("properties" | "$defs" | "definitions" | "dependentRequired", Json::Object(old), Json::Object(new)) => {
                for (name, property) in new {
                    match old.get_mut(&name) {
                        // Both hold of one property too.
                        Some(both) => {
                            let parts = vec![both.take(), property];
                            *both = serde_json::json!({ "allOf": parts });
                        }
                        None => {
                            old.insert(name, property);
                        }
                    }
                }
            }
            ("required", Json::Array(old), Json::Array(new)) => {
                for name in new {
                    if !old.contains(&name) {
                        old.push(name);
                    }
                }
            }
            ("enum", Json::Array(old), Json::Array(new)) => old.retain(|v| new.contains(v)),
            ("minimum" | "exclusiveMinimum" | "minLength" | "minItems", old, new) => {
                if new.as_f64() > old.as_f64() {
                    *old = new;
                }
            }
            ("maximum" | "exclusiveMaximum" | "maxLength" | "maxItems", old, new) => {
                if new.as_f64().is_some_and(|n| old.as_f64().is_none_or(|o| n < o)) {
                    *old = new;
                }
            }
            (REFS, Json::Array(old), Json::Array(new)) => old.extend(new),
            ("type", old, new) if *old == "number" && new == "integer" => *old = new,
            // What stands nearer counts.
            (
                "title" | "description" | "default" | "examples" | "example" | "nullable" | "$id" | "$schema"
                | "$comment",
                ..,
            ) => {}
            (_, old, new) if *old == new => {}
            _ => lost.push(key),
        }
    }
    lost
}
