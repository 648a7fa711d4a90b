//! What a column says that a language model writes, and where the model is.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use toml::Spanned;
use verisim_data::server::Config;

use super::Number;

/// Models that a world asks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The server.
    pub server: Config<Number>,
}

/// A column that a language model writes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// What is asked: a template over the columns of the row.
    pub user: String,
    /// What the model is and does: a template too.
    #[serde(default)]
    pub system: Option<String>,
    /// What the reply must be, which is JSON then.
    #[serde(default)]
    pub schema: Option<SchemaSaid>,
    /// The replies that there may be.
    #[serde(default)]
    pub choices: Vec<toml::Value>,
    /// A regular expression that the reply must fit as a whole.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The fewest characters of the reply.
    #[serde(default)]
    pub min_length: Option<usize>,
    /// The most characters of the reply.
    #[serde(default)]
    pub max_length: Option<usize>,
    /// What must hold: an expression over the row, in which the column is the reply.
    #[serde(default)]
    pub valid: Option<String>,
    /// A second prompt that scores the reply.
    #[serde(default)]
    pub judge: Option<Judge>,
    /// Examples that the model is shown.
    #[serde(default)]
    pub examples: Option<Examples>,
    /// The model [the server's].
    #[serde(default)]
    pub model: Option<String>,
    /// How freely it draws [as the server says].
    #[serde(default)]
    pub temperature: Option<Number>,
    /// The most tokens of a reply [as the server says].
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// Whether a text will do that was cut off at the most tokens.
    #[serde(default)]
    pub cut: bool,
}

/// A second prompt that scores a reply.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// What is asked: a template over the columns of the row and `reply`.
    pub user: String,
    /// What the judge is: a template too.
    #[serde(default)]
    pub system: Option<String>,
    /// The least score that will do.
    pub at_least: f64,
    /// The model [the one that wrote].
    #[serde(default)]
    pub model: Option<String>,
}

/// What a reply in JSON must be.
#[derive(Clone, Debug)]
pub enum SchemaSaid {
    /// In a file.
    File(PathBuf),
    /// Here.
    Here(serde_json::Value),
}

/// What a model is shown before it is asked.
#[derive(Clone, Debug)]
pub enum Examples {
    /// Made up by whoever wrote the file.
    Here(Vec<Example>),
    /// Rows of a file.
    Rows(ExampleRows),
}

/// One example: what was asked, and a good reply.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What was asked.
    pub user: String,
    /// The reply.
    pub reply: String,
}

/// Rows of a file that a model is shown, other ones in each row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleRows {
    /// The file: any table that verisim reads.
    pub file: PathBuf,
    /// How many rows of it (3).
    #[serde(default = "three")]
    pub count: usize,
    /// What was asked: a template over the columns of the file.
    pub user: String,
    /// The reply: a template over the columns of the file.
    pub reply: String,
    /// That these rows may be sent to the server.
    #[serde(default)]
    pub share_real_rows: bool,
}

fn three() -> usize {
    3
}

/// A prompt as it is written: a text alone, or all that is said of it.
#[derive(Clone, Debug)]
pub(super) struct PromptSaid(pub Prompt);

impl<'de> Deserialize<'de> for PromptSaid {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = PromptSaid;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a text with columns in double braces, or a table such as { user = \"..\", max_length = 300 }",
                )
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<PromptSaid, E> {
                Ok(PromptSaid(Prompt { user: text.to_owned(), ..Prompt::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PromptSaid, A::Error> {
                Prompt::deserialize(MapAccessDeserializer::new(map)).map(PromptSaid)
            }
        }
        from.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Examples {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Examples;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of { user = \"..\", reply = \"..\" }, or a table that names a file")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Examples, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Examples::Here)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Examples, A::Error> {
                ExampleRows::deserialize(MapAccessDeserializer::new(map)).map(Examples::Rows)
            }
        }
        from.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for SchemaSaid {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Json::deserialize(from)?.0 {
            serde_json::Value::String(file) => Ok(SchemaSaid::File(file.into())),
            value @ serde_json::Value::Object(_) => Ok(SchemaSaid::Here(value)),
            _ => Err(D::Error::custom(
                "must be a table such as { type = \"object\", .. }, or the name of a file of JSON",
            )),
        }
    }
}

/// A value of a file as JSON, with the names of tables in the order of the file: a model writes what it thinks before what it decides if
/// the schema has them in this order.
struct Json(serde_json::Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value of JSON")
            }

            fn visit_bool<E>(self, x: bool) -> Result<Json, E> {
                Ok(Json(x.into()))
            }

            fn visit_i64<E>(self, x: i64) -> Result<Json, E> {
                Ok(Json(x.into()))
            }

            fn visit_u64<E>(self, x: u64) -> Result<Json, E> {
                Ok(Json(x.into()))
            }

            fn visit_f64<E>(self, x: f64) -> Result<Json, E> {
                Ok(Json(x.into()))
            }

            fn visit_str<E>(self, x: &str) -> Result<Json, E> {
                Ok(Json(x.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                let mut all = Vec::new();
                while let Some(Json(value)) = seq.next_element()? {
                    all.push(value);
                }
                Ok(Json(all.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut all = Vec::new();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    all.push((key.span().start, key.into_inner(), map.next_value::<Json>()?.0));
                }
                all.sort_by_key(|entry| entry.0);
                Ok(Json(serde_json::Value::Object(all.into_iter().map(|(_, key, value)| (key, value)).collect())))
            }
        }
        from.deserialize_any(Reader)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct File {
        prompt: PromptSaid,
    }

    fn read(text: &str) -> Result<Prompt, String> {
        toml::from_str::<File>(text).map(|f| f.prompt.0).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn a_text_alone_will_do_and_names_stay_in_order() {
        assert_eq!(read("prompt = \"Hi {{ name }}\"").unwrap().user, "Hi {{ name }}");
        let text = "[prompt]\nuser = \"x\"\nschema = { type = \"object\", properties = { z = { type = \"string\" }, a = { minimum = 1.5 } }, required = [\"z\"] }";
        match read(text).unwrap().schema {
            Some(SchemaSaid::Here(value)) => {
                let names: Vec<&String> = value["properties"].as_object().unwrap().keys().collect();
                assert_eq!(names, ["z", "a"]);
                assert_eq!(value["properties"]["a"]["minimum"], serde_json::json!(1.5));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            read("prompt = { user = \"x\", schema = \"a.json\" }").unwrap().schema,
            Some(SchemaSaid::File(_))
        ));
        let examples = |said: &str| read(&format!("prompt = {{ user = \"x\", examples = {said} }}"));
        assert!(
            matches!(examples("[{ user = \"a\", reply = \"b\" }]").unwrap().examples, Some(Examples::Here(all)) if all.len() == 1)
        );
        let rows = "{ file = \"a.csv\", user = \"a\", reply = \"b\" }";
        assert!(
            matches!(examples(rows).unwrap().examples, Some(Examples::Rows(rows)) if rows.count == 3 && !rows.share_real_rows)
        );
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_name() {
        assert!(read("prompt = 3").unwrap_err().contains("double braces"));
        assert!(read("prompt = { user = \"x\", max = 3 }").unwrap_err().contains("`max`"));
        assert!(read("prompt = { system = \"x\" }").unwrap_err().contains("`user`"));
        assert!(read("prompt = { user = \"x\", schema = 3 }").unwrap_err().contains("name of a file"));
        assert!(read("prompt = { user = \"x\", judge = { user = \"y\" } }").unwrap_err().contains("at_least"));
    }
}
