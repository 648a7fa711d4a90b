//! What a reply in JSON must be: the part of JSON Schema that says something of plain values. What is not understood is refused by name when
//! the schema is read, and never passed over.

use std::fmt::Write as _;

use regex::Regex;
use serde_json::{Map, Value};

/// A schema, read.
#[derive(Clone, Debug)]
pub struct Schema {
    root: Node,
    said: Value,
    /// Whether it says all that a server wants that holds a model to it to the letter.
    strict: bool,
}

/// What one value must be.
#[derive(Clone, Debug, Default)]
struct Node {
    types: Vec<Type>,
    properties: Vec<(String, Node)>,
    required: Vec<String>,
    /// Whether there may be others than `properties`.
    closed: bool,
    among: Vec<Value>,
    shortest: Option<usize>,
    longest: Option<usize>,
    pattern: Option<Regex>,
    least: Option<f64>,
    greatest: Option<f64>,
    items: Option<Box<Node>>,
    fewest: Option<usize>,
    most: Option<usize>,
}

/// The kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A text.
    String,
    /// A number without a fraction.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list.
    Array,
    /// Names with values.
    Object,
    /// Nothing.
    Null,
}

const TYPES: [(&str, Type); 7] = [
    ("string", Type::String),
    ("integer", Type::Integer),
    ("number", Type::Number),
    ("boolean", Type::Boolean),
    ("array", Type::Array),
    ("object", Type::Object),
    ("null", Type::Null),
];

/// All that is understood.
const KEYWORDS: &str = "type, properties, required, additionalProperties, enum, minLength, maxLength, pattern, minimum, maximum, items, \
     minItems, maxItems, title, description";

impl Type {
    fn of(value: &Value) -> Type {
        match value {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Boolean,
            Value::Number(n) if n.as_f64().is_some_and(|x| x.fract() == 0.0) => Type::Integer,
            Value::Number(_) => Type::Number,
            Value::String(_) => Type::String,
            Value::Array(_) => Type::Array,
            Value::Object(_) => Type::Object,
        }
    }

    fn fits(self, value: &Value) -> bool {
        let is = Type::of(value);
        self == is || (self, is) == (Type::Number, Type::Integer)
    }

    /// As the schema says it.
    pub fn name(self) -> &'static str {
        TYPES.iter().find(|(_, t)| *t == self).map_or("", |t| t.0)
    }
}

impl Schema {
    /// Reads a schema, of an object or a list.
    ///
    /// # Errors
    /// What is wrong with it or not understood, and where.
    pub fn new(said: Value) -> Result<Schema, String> {
        let root = Node::read(&said, "")?;
        if root.types.is_empty() || !root.types.iter().all(|t| matches!(t, Type::Object | Type::Array)) {
            return Err(
                "its `type` must be \"object\" or \"array\"; for one word or number say `choices` or `pattern`"
                    .to_owned(),
            );
        }
        let strict = root.strict() && root.types == [Type::Object];
        Ok(Schema { root, said, strict })
    }

    /// As it was said.
    pub fn said(&self) -> &Value {
        &self.said
    }

    pub(super) fn strict(&self) -> bool {
        self.strict
    }

    /// What a value must be that lies at a path of names; places of a list are numbers. Nothing where the schema does not know it.
    pub fn types(&self, path: &[&str]) -> Option<&[Type]> {
        let mut node = &self.root;
        for step in path {
            node = match (node.properties.iter().find(|p| p.0 == *step), step.parse::<usize>()) {
                (Some((_, next)), _) => next,
                (None, Ok(_)) => node.items.as_deref()?,
                (None, Err(_)) => return None,
            };
        }
        Some(&node.types)
    }

    /// The names that the schema has at its top.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.root.properties.iter().map(|p| p.0.as_str())
    }

    /// Whether a value is as it must be.
    ///
    /// # Errors
    /// What is wrong, and where, for the model that made it.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        self.root.check(value, "")
    }

    /// Whether a value is the schema, or one like it, and not what it describes.
    pub(super) fn is_echo(&self, value: &Value) -> bool {
        let Value::Object(said) = value else { return *value == self.said };
        let own = |name: &str| self.root.properties.iter().any(|p| p.0 == name);
        let has = |name: &str| said.contains_key(name) && !own(name);
        *value == self.said || has("$schema") || (has("properties") && said["properties"].is_object())
    }
}

impl Node {
    fn read(said: &Value, at: &str) -> Result<Node, String> {
        let wrong = |key: &str, what: &str| Err(format!("{}: {what}", path(at, key)));
        let Value::Object(said) = said else { return wrong("", "must be a table such as { type = \"string\" }") };
        let mut node = Node::default();
        for (key, value) in said {
            let count = || {
                value.as_u64().map(|n| n as usize).ok_or_else(|| format!("{}: must be a whole number", path(at, key)))
            };
            let number = || value.as_f64().ok_or_else(|| format!("{}: must be a number", path(at, key)));
            match key.as_str() {
                "title" | "description" => {}
                "type" => {
                    node.types = types(value).ok_or_else(|| {
                        let all: Vec<&str> = TYPES.iter().map(|t| t.0).collect();
                        format!("{}: must be one of {}, or a list of them", path(at, key), all.join(", "))
                    })?
                }
                "properties" => {
                    let Value::Object(all) = value else { return wrong(key, "must be a table of names") };
                    let one = |(name, said): (&String, &Value)| Ok((name.clone(), Node::read(said, &path(at, name))?));
                    node.properties = all.iter().map(one).collect::<Result<_, String>>()?;
                }
                "required" => {
                    let names = value.as_array().map(|all| all.iter().map(|v| v.as_str().map(str::to_owned)));
                    let Some(names) = names.and_then(Iterator::collect) else {
                        return wrong(key, "must be a list of names");
                    };
                    node.required = names;
                }
                "additionalProperties" => match value {
                    Value::Bool(open) => node.closed = !open,
                    _ => return wrong(key, "can only be true or false here"),
                },
                "enum" => match value.as_array() {
                    Some(all) if !all.is_empty() => node.among.clone_from(all),
                    _ => return wrong(key, "must be a list of values"),
                },
                "minLength" => node.shortest = Some(count()?),
                "maxLength" => node.longest = Some(count()?),
                "pattern" => {
                    let Some(text) = value.as_str() else { return wrong(key, "must be a text") };
                    node.pattern = Some(Regex::new(text).map_err(|e| format!("{}: {e}", path(at, key)))?);
                }
                "minimum" => node.least = Some(number()?),
                "maximum" => node.greatest = Some(number()?),
                "items" => node.items = Some(Box::new(Node::read(value, &path(at, "items"))?)),
                "minItems" => node.fewest = Some(count()?),
                "maxItems" => node.most = Some(count()?),
                other => {
                    return wrong("", &format!("`{other}` is not understood; a schema may say {KEYWORDS}"));
                }
            }
        }
        if node.types.is_empty() && !node.properties.is_empty() {
            node.types.push(Type::Object);
        }
        if let Some(name) = node.required.iter().find(|name| !node.properties.iter().any(|p| p.0 == **name)) {
            return wrong("required", &format!("names `{name}`, which is not among the properties"));
        }
        Ok(node)
    }

    fn strict(&self) -> bool {
        let own = !self.types.contains(&Type::Object) || (self.closed && self.required.len() == self.properties.len());
        own && self.properties.iter().all(|p| p.1.strict()) && self.items.as_ref().is_none_or(|i| i.strict())
    }

    fn check(&self, value: &Value, at: &str) -> Result<(), String> {
        let wrong = |what: String| {
            Err(format!("{} {what}", if at.is_empty() { "the value".to_owned() } else { format!("`{at}`") }))
        };
        if !self.types.is_empty() && !self.types.iter().any(|t| t.fits(value)) {
            let wanted: Vec<&str> = self.types.iter().map(|t| t.name()).collect();
            return wrong(format!(
                "must be of type {}, and is of type {}",
                wanted.join(" or "),
                Type::of(value).name()
            ));
        }
        if !self.among.is_empty() && !self.among.iter().any(|v| same(v, value)) {
            return wrong(format!("must be one of {}, and is {}", listed(&self.among), short(value)));
        }
        match value {
            Value::String(text) => {
                let length = text.chars().count();
                if let Some(least) = self.shortest.filter(|&n| length < n) {
                    return wrong(format!("must have {least} characters or more, and has {length}"));
                }
                if let Some(most) = self.longest.filter(|&n| length > n) {
                    return wrong(format!("must have {most} characters at most, and has {length}"));
                }
                if let Some(pattern) = self.pattern.as_ref().filter(|p| !p.is_match(text)) {
                    return wrong(format!("must fit the regular expression {pattern}, and is {}", short(value)));
                }
            }
            Value::Number(number) => {
                let x = number.as_f64().unwrap_or(f64::NAN);
                if let Some(least) = self.least.filter(|&least| x < least) {
                    return wrong(format!("must be {least} or more, and is {number}"));
                }
                if let Some(greatest) = self.greatest.filter(|&greatest| x > greatest) {
                    return wrong(format!("must be {greatest} or less, and is {number}"));
                }
            }
            Value::Array(all) => {
                if let Some(fewest) = self.fewest.filter(|&n| all.len() < n) {
                    return wrong(format!("must have {fewest} items or more, and has {}", all.len()));
                }
                if let Some(most) = self.most.filter(|&n| all.len() > n) {
                    return wrong(format!("must have {most} items at most, and has {}", all.len()));
                }
                if let Some(items) = &self.items {
                    all.iter().enumerate().try_for_each(|(k, v)| items.check(v, &path(at, &k.to_string())))?;
                }
            }
            Value::Object(all) => self.check_object(all, at)?,
            _ => {}
        }
        Ok(())
    }

    fn check_object(&self, all: &Map<String, Value>, at: &str) -> Result<(), String> {
        if let Some(name) = self.required.iter().find(|name| !all.contains_key(name.as_str())) {
            return Err(format!("`{}` is not there", path(at, name)));
        }
        for (name, value) in all {
            match self.properties.iter().find(|p| p.0 == *name) {
                Some((_, node)) => node.check(value, &path(at, name))?,
                None if self.closed => return Err(format!("`{}` must not be there", path(at, name))),
                None => {}
            }
        }
        Ok(())
    }
}

fn path(at: &str, key: &str) -> String {
    match (at, key) {
        ("", key) => key.to_owned(),
        (at, "") => at.to_owned(),
        (at, key) => format!("{at}.{key}"),
    }
}

fn types(said: &Value) -> Option<Vec<Type>> {
    let one = |value: &Value| TYPES.iter().find(|t| Some(t.0) == value.as_str()).map(|t| t.1);
    match said {
        Value::Array(all) if !all.is_empty() => all.iter().map(one).collect(),
        one_type => one(one_type).map(|t| vec![t]),
    }
}

/// Numbers are equal by what they are, not by how they are written.
fn same(a: &Value, b: &Value) -> bool {
    a == b || matches!((a.as_f64(), b.as_f64()), (Some(x), Some(y)) if x == y)
}

/// Values for a sentence.
fn listed(all: &[Value]) -> String {
    let mut text = String::new();
    for (k, value) in all.iter().enumerate() {
        let _ = write!(text, "{}{value}", if k > 0 { ", " } else { "" });
    }
    text
}

/// The beginning of a value, for a sentence.
pub(super) fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn review() -> Schema {
        Schema::new(json!({
            "type": "object",
            "properties": {
                "title": { "type": "string", "minLength": 3, "maxLength": 12, "description": "of the review" },
                "stars": { "type": "integer", "minimum": 1, "maximum": 5 },
                "mood": { "enum": ["good", "bad", 1] },
                "tags": { "type": "array", "items": { "type": "string", "pattern": "^[a-z]+$" }, "minItems": 1, "maxItems": 2 },
                "price": { "type": ["number", "null"] },
                "who": { "properties": { "name": { "type": "string" } }, "required": ["name"], "additionalProperties": false }
            },
            "required": ["title", "stars"]
        }))
        .unwrap()
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let schema = review();
        let good = json!({ "title": "Good", "stars": 4.0, "mood": 1.0, "tags": ["a"], "price": null, "who": { "name": "A" }, "more": 1 });
        assert_eq!(schema.check(&good), Ok(()));
        for (value, said) in [
            (json!([]), "the value must be of type object, and is of type array"),
            (json!({ "title": "Good" }), "`stars` is not there"),
            (json!({ "title": "Go", "stars": 4 }), "`title` must have 3 characters or more, and has 2"),
            (json!({ "title": "Göööööööööööö", "stars": 4 }), "`title` must have 12 characters at most, and has 13"),
            (json!({ "title": "Good", "stars": 4.5 }), "`stars` must be of type integer, and is of type number"),
            (json!({ "title": "Good", "stars": 6 }), "`stars` must be 5 or less, and is 6"),
            (json!({ "title": "Good", "stars": 0 }), "`stars` must be 1 or more, and is 0"),
            (
                json!({ "title": "Good", "stars": 4, "mood": "sad" }),
                "`mood` must be one of \"good\", \"bad\", 1, and is \"sad\"",
            ),
            (json!({ "title": "Good", "stars": 4, "tags": [] }), "`tags` must have 1 items or more, and has 0"),
            (
                json!({ "title": "Good", "stars": 4, "tags": ["a", "b", "c"] }),
                "`tags` must have 2 items at most, and has 3",
            ),
            (
                json!({ "title": "Good", "stars": 4, "tags": ["A"] }),
                "`tags.0` must fit the regular expression ^[a-z]+$, and is \"A\"",
            ),
            (
                json!({ "title": "Good", "stars": 4, "price": "1" }),
                "`price` must be of type number or null, and is of type string",
            ),
            (json!({ "title": "Good", "stars": 4, "who": {} }), "`who.name` is not there"),
            (json!({ "title": "Good", "stars": 4, "who": { "name": "A", "age": 1 } }), "`who.age` must not be there"),
        ] {
            assert_eq!(schema.check(&value), Err(said.to_owned()), "{value}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let said = |value| Schema::new(value).unwrap_err();
        let text = said(json!({ "type": "object", "properties": { "a": { "type": "string", "format": "email" } } }));
        assert!(text.starts_with("a: `format` is not understood"), "{text}");
        assert!(said(json!({ "type": "object", "oneOf": [] })).contains("`oneOf` is not understood"));
        assert!(said(json!({ "type": "text" })).contains("must be one of string, integer"));
        assert!(said(json!({ "type": "string" })).contains("must be \"object\" or \"array\""));
        assert!(said(json!({ "type": "object", "required": ["a"] })).contains("names `a`"));
        assert!(
            said(json!({ "type": "object", "properties": { "a": { "pattern": "(" } } })).starts_with("a.pattern: ")
        );
        assert!(said(json!({ "type": "array", "items": { "minLength": -1 } })).starts_with("items.minLength: must be"));
    }

    #[test]
    fn paths_and_echoes() {
        let schema = review();
        assert_eq!(schema.types(&["who", "name"]), Some(&[Type::String][..]));
        assert_eq!(schema.types(&["tags", "0"]), Some(&[Type::String][..]));
        assert_eq!(schema.types(&["price"]), Some(&[Type::Number, Type::Null][..]));
        assert_eq!(schema.types(&["nothing"]), None);
        assert!(schema.is_echo(schema.said()));
        assert!(schema.is_echo(&json!({ "type": "object", "properties": { "title": { "type": "string" } } })));
        assert!(!schema.is_echo(&json!({ "title": "Good", "stars": 4 })));
        // A schema that has such names itself.
        let own =
            Schema::new(json!({ "type": "object", "properties": { "properties": { "type": "object" } } })).unwrap();
        assert!(!own.is_echo(&json!({ "properties": { "a": 1 } })));
        let strict = |closed| json!({ "type": "object", "properties": { "a": {} }, "required": ["a"], "additionalProperties": closed });
        assert!(Schema::new(strict(false)).unwrap().strict() && !Schema::new(strict(true)).unwrap().strict());
    }
}
