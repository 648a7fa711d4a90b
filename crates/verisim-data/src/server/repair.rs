//! JSON that is nearly JSON: with text or code fences around it, commas at ends, single quotes, names without quotes, the words of Python,
//! line breaks in texts, quotes in texts, or cut off.
//!
//! No value is made up. Where the text is cut off, the value that is not whole is left out with its name, and what is open is closed:
//! whether the rest will do is for the schema to say.

use serde_json::{Map, Number, Value};

/// Containers within containers beyond this are refused.
const DEEPEST: usize = 64;
/// Places of a text at which a value may begin that are tried.
const STARTS: usize = 20;

/// The JSON value in a text, an object or a list; nothing where there is none. Of several the first that is whole, else the first.
pub(super) fn json(text: &str) -> Option<Value> {
    let text = text.trim();
    if let Some(value) = serde_json::from_str::<Value>(text).ok().filter(is_container) {
        return Some(value);
    }
    let starts = text.char_indices().filter(|(_, c)| matches!(c, '{' | '[')).map(|(at, _)| at).take(STARTS);
    let (mut cut, mut end) = (None, 0);
    for start in starts {
        // What lies within a value that was looked at is no other value.
        if start < end {
            continue;
        }
        let rest = &text[start..];
        if let Some(Ok(value)) = serde_json::Deserializer::from_str(rest).into_iter::<Value>().next()
            && is_container(&value)
        {
            return Some(value);
        }
        let mut reader = Reader { letters: rest.char_indices().collect(), at: 0, cut: false };
        if let Some(value) = reader.value(0).filter(is_container) {
            if !reader.cut {
                return Some(value);
            }
            end = text.len();
            cut = cut.or(Some(value));
        }
    }
    cut
}

fn is_container(value: &Value) -> bool {
    match value {
        Value::Object(all) => !all.is_empty(),
        Value::Array(all) => all.iter().any(|v| v.is_object() || v.is_array() || v.is_number() || v.is_string()),
        _ => false,
    }
}

struct Reader {
    letters: Vec<(usize, char)>,
    at: usize,
    /// Whether the text ended too early.
    cut: bool,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).map(|l| l.1)
    }

    fn space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// The next value; nothing if there is none, or if it is cut off and not a container.
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.space();
        match self.peek() {
            None => {
                self.cut = true;
                None
            }
            Some('{') if depth < DEEPEST => self.object(depth),
            Some('[') if depth < DEEPEST => self.list(depth),
            Some('"' | '\'' | '“') => self.text().map(Value::String),
            Some(_) => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut all = Map::new();
        loop {
            self.space();
            let name = match self.peek() {
                None => {
                    self.cut = true;
                    return Some(Value::Object(all));
                }
                Some('}') => {
                    self.at += 1;
                    return Some(Value::Object(all));
                }
                Some(',') => {
                    self.at += 1;
                    continue;
                }
                Some('"' | '\'' | '“') => self.text(),
                Some(c) if c.is_alphabetic() || c == '_' => Some(self.bare()),
                Some(_) => return None,
            };
            self.space();
            let Some(name) = name.filter(|_| self.peek().is_some()) else {
                self.cut = true;
                return Some(Value::Object(all));
            };
            if self.peek() != Some(':') {
                return None;
            }
            self.at += 1;
            match self.value(depth + 1) {
                Some(value) => {
                    all.insert(name, value);
                }
                None if self.cut => return Some(Value::Object(all)),
                None => return None,
            }
            if self.cut {
                return Some(Value::Object(all));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut all = Vec::new();
        loop {
            self.space();
            match self.peek() {
                None => {
                    self.cut = true;
                    return Some(Value::Array(all));
                }
                Some(']') => {
                    self.at += 1;
                    return Some(Value::Array(all));
                }
                Some(',') => {
                    self.at += 1;
                    continue;
                }
                Some(_) => {}
            }
            match self.value(depth + 1) {
                Some(value) => all.push(value),
                None if self.cut => return Some(Value::Array(all)),
                None => return None,
            }
            if self.cut {
                return Some(Value::Array(all));
            }
        }
    }

    /// A text in quotes; nothing if it is cut off.
    fn text(&mut self) -> Option<String> {
        let close = match self.peek()? {
            '“' => '”',
            other => other,
        };
        self.at += 1;
        let mut text = String::new();
        while let Some(letter) = self.peek() {
            self.at += 1;
            match letter {
                '\\' => {
                    let escaped = self.peek();
                    self.at += 1;
                    match escaped {
                        Some('n') => text.push('\n'),
                        Some('t') => text.push('\t'),
                        Some('r') => text.push('\r'),
                        Some('b' | 'f') => {}
                        Some('u') => text.push(self.unicode()?),
                        Some(other) => text.push(other),
                        None => break,
                    }
                }
                // A quote within a text is one that nothing of JSON comes after.
                c if c == close && self.closes() => return Some(text),
                other => text.push(other),
            }
        }
        self.cut = true;
        None
    }

    fn closes(&self) -> bool {
        let next = self.letters[self.at.min(self.letters.len())..].iter().map(|l| l.1).find(|c| !c.is_whitespace());
        matches!(next, None | Some(',' | '}' | ']' | ':'))
    }

    /// The letter of four digits, or of two times four.
    fn unicode(&mut self) -> Option<char> {
        let first = self.digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let start = self.at;
        if self.peek() == Some('\\') {
            self.at += 2;
            if let Some(second) = self.digits().filter(|s| (0xdc00..0xe000).contains(s)) {
                return char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
            }
        }
        self.at = start;
        Some(char::REPLACEMENT_CHARACTER)
    }

    fn digits(&mut self) -> Option<u32> {
        let four = self.letters.get(self.at..self.at + 4);
        let value = four.and_then(|four| four.iter().try_fold(0, |x, l| Some(x * 16 + l.1.to_digit(16)?)));
        match value {
            Some(value) => {
                self.at += 4;
                Some(value)
            }
            None => {
                self.cut |= self.at + 4 > self.letters.len();
                None
            }
        }
    }

    fn bare(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_alphanumeric() || "_-+.".contains(c)) {
            self.at += 1;
        }
        self.letters[start..self.at].iter().map(|l| l.1).collect()
    }

    /// A number, or a word that is a value. One at the very end may be half of it.
    fn word(&mut self) -> Option<Value> {
        let word = self.bare();
        if self.peek().is_none() {
            self.cut = true;
            return None;
        }
        match word.as_str() {
            "true" | "True" => Some(Value::Bool(true)),
            "false" | "False" => Some(Value::Bool(false)),
            "null" | "None" | "NaN" => Some(Value::Null),
            word => {
                let number = word.strip_prefix('+').unwrap_or(word);
                let whole = number.parse::<i64>().ok().map(Number::from);
                let number = whole.or_else(|| Number::from_f64(number.parse().ok()?));
                number.map(Value::Number)
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json as value;

    #[test]
    fn what_is_nearly_json_is_read() {
        let good = value!({ "a": 1, "b": "x" });
        for text in [
            r#"{"a": 1, "b": "x"}"#,
            "```json\n{\"a\": 1, \"b\": \"x\"}\n```",
            "Sure! Here it is: {\"a\": 1, \"b\": \"x\"} I hope that {this} helps.",
            "As [you] asked {well}: {\"a\": 1, \"b\": \"x\"}",
            r#"{"a": 1, "b": "x",}"#,
            r#"{'a': 1, 'b': 'x'}"#,
            r#"{a: 1, b: "x"}"#,
            r#"{“a”: 1, “b”: “x”}"#,
            "{\"a\": +1, \"b\": \"x\" ",
        ] {
            assert_eq!(json(text), Some(good.clone()), "{text}");
        }
        assert_eq!(
            json("{'a': True, 'b': None, 'c': [1, 2.5,],}"),
            Some(value!({ "a": true, "b": null, "c": [1, 2.5] }))
        );
        assert_eq!(json("{\"a\": \"two\nlines\"}"), Some(value!({ "a": "two\nlines" })));
        assert_eq!(
            json(r#"{"a": "he said "hi" to me", "b": 1}"#),
            Some(value!({ "a": "he said \"hi\" to me", "b": 1 }))
        );
        assert_eq!(json(r#"{'a': 'it\u00e4s \ud83d\ude00',}"#), Some(value!({ "a": "itäs 😀" })));
    }

    #[test]
    fn what_is_cut_off_is_closed_and_nothing_is_made_up() {
        assert_eq!(json(r#"{"a": 1, "b": "half a te"#), Some(value!({ "a": 1 })));
        assert_eq!(json(r#"{"a": 1, "b": 12"#), Some(value!({ "a": 1 })), "12 may be half of 123");
        assert_eq!(json(r#"{"a": 1, "b": tr"#), Some(value!({ "a": 1 })));
        assert_eq!(json(r#"{"a": 1, "b"#), Some(value!({ "a": 1 })));
        assert_eq!(json(r#"{"a": {"c": 1, "d": [1, 2, "#), Some(value!({ "a": { "c": 1, "d": [1, 2] } })));
        assert_eq!(json(r#"[{"a": 1}, {"a": 2"#), Some(value!([{ "a": 1 }, {}])));
        assert_eq!(json(r#"{"a": "\u00"#), None);
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in ["", "no", "{}", "[]", "{ well }", "12", "\"a\"", "{\"a\" 1}", "[oh, no]", &"[".repeat(100_000)] {
            assert_eq!(json(text), None, "{}", &text[..text.len().min(40)]);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_and_what_is_json_stays(text in ".{0,80}", names in proptest::collection::vec("[a-z\"' {}\\[\\],:\\\\]{1,8}", 1..5)) {
            json(&text);
            json(&format!("{{{text}"));
            let object: Map<String, Value> = names.iter().map(|n| (n.clone(), n.clone().into())).collect();
            let whole = Value::Object(object).to_string();
            proptest::prop_assert_eq!(json(&format!("so: {whole} ok")), serde_json::from_str(&whole).ok());
            (0..whole.len()).filter(|&k| whole.is_char_boundary(k)).for_each(|k| { json(&whole[..k]); });
        }
    }
}
