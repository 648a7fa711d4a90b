//! XML as trees of names and texts, which is all that labels need: attributes and comments are left out.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// An element.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Element {
    pub name: String,
    pub text: String,
    pub children: Vec<Element>,
}

/// Elements in one another; more is no file of labels.
const DEEPEST: usize = 64;

impl Element {
    /// The element that a text is.
    pub fn read(text: &str) -> Result<Element, String> {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Element::default()];
        loop {
            let at = reader.buffer_position();
            let fail = |what: String| format!("{what}, near byte {at}");
            let event = reader.read_event().map_err(|e| fail(e.to_string()))?;
            let name = |name: &str| name.to_owned();
            match event {
                Event::Start(e) if open.len() < DEEPEST => {
                    open.push(Element { name: name(e.name().as_ref()), ..Element::default() });
                }
                Event::Start(_) => return Err(fail("elements lie too deep in one another".into())),
                Event::Empty(e) => {
                    let empty = Element { name: name(e.name().as_ref()), ..Element::default() };
                    if let Some(parent) = open.last_mut() {
                        parent.children.push(empty);
                    }
                }
                Event::End(_) => close(&mut open),
                Event::Text(t) => add(&mut open, &t),
                Event::CData(t) => add(&mut open, &t),
                Event::GeneralRef(r) => {
                    let named: &str = &r;
                    let letter = match r.resolve_char_ref() {
                        Ok(Some(c)) => Some(c),
                        _ => entity(named),
                    };
                    let letter = letter.ok_or_else(|| fail(format!("`&{named};` stands for nothing known")))?;
                    add(&mut open, letter.encode_utf8(&mut [0; 4]));
                }
                Event::Eof => break,
                _ => {}
            }
        }
        if open.len() > 1 {
            return Err(format!("the element `{}` does not end", open[open.len() - 1].name));
        }
        let root = open.pop().unwrap_or_default();
        root.children.into_iter().next().ok_or_else(|| "there is no element in it".to_owned())
    }

    /// The first child of a name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    /// The text of the first child of a name.
    pub fn of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|c| c.text.trim())
    }

    /// The number that the first child of a name is.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.of(name)?.parse().ok()
    }

    /// As JSON: a text, a whole number, or an object of the children.
    pub fn value(&self) -> Value {
        if self.children.is_empty() {
            let text = self.text.trim();
            return match text.parse::<i64>() {
                Ok(n) if n.to_string() == text => Value::from(n),
                _ => Value::from(text),
            };
        }
        let mut all: Map<String, Value> = Map::new();
        for child in &self.children {
            put(&mut all, &child.name, child.value());
        }
        Value::Object(all)
    }
}

/// Adds a value under a name; several of one name become a list.
pub(super) fn put(all: &mut Map<String, Value>, name: &str, value: Value) {
    match all.get_mut(name) {
        None => {
            all.insert(name.to_owned(), value);
        }
        Some(Value::Array(list)) => list.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

fn add(open: &mut [Element], text: &str) {
    if let Some(e) = open.last_mut() {
        e.text.push_str(text);
    }
}

fn close(open: &mut Vec<Element>) {
    if open.len() > 1
        && let (Some(done), Some(parent)) = (open.pop(), open.last_mut())
    {
        parent.children.push(done);
    }
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// Whether a name can be that of an element.
fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Writes a value as an element, indented by tabs as the files of the original are. Names that no element can have are left out.
pub(super) fn write(out: &mut String, name: &str, value: &Value, depth: usize) {
    if !is_name(name) {
        return;
    }
    let indent = "\t".repeat(depth);
    match value {
        Value::Array(list) => list.iter().for_each(|v| write(out, name, v, depth)),
        Value::Object(all) => {
            out.push_str(&format!("{indent}<{name}>\n"));
            all.iter().for_each(|(k, v)| write(out, k, v, depth + 1));
            out.push_str(&format!("{indent}</{name}>\n"));
        }
        value => {
            let text = match value {
                Value::String(s) => s.clone(),
                Value::Null => String::new(),
                Value::Bool(b) => u8::from(*b).to_string(),
                other => other.to_string(),
            };
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            // What XML has no way to say is left out.
            let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n')).collect();
            out.push_str(&format!("{indent}<{name}>{text}</{name}>\n"));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_read_and_written() {
        let text = "<?xml version='1.0'?><!-- so --><a verified='yes'><b>x &amp; &#233; &lt;</b><c/><n>7</n><n>07</n>\
                    <d><e>1.5</e></d></a>";
        let a = Element::read(text).unwrap();
        assert_eq!((a.name.as_str(), a.of("b").unwrap(), a.of("c").unwrap()), ("a", "x & é <", ""));
        assert_eq!(a.child("d").unwrap().number("e"), Some(1.5));
        let value = a.value();
        assert_eq!(value.to_string(), r#"{"b":"x & é <","c":"","n":[7,"07"],"d":{"e":"1.5"}}"#);
        let mut out = String::new();
        write(&mut out, "a", &value, 0);
        assert_eq!(Element::read(&out).unwrap().value(), value);
        write(&mut out, "no name", &value, 0);
        assert!(!out.contains("no name"));
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        for text in ["", "plain", "<a>", "<a><b></a>", "<a>&nothing;</a>"] {
            assert!(Element::read(text).is_err(), "{text}");
        }
        assert!(Element::read(&"<a>".repeat(100_000)).unwrap_err().contains("too deep"));
    }
}
