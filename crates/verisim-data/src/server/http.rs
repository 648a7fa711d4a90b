//! One request and one answer: what is sent, and what each way to fail means.

use std::time::Duration;

use serde_json::{Map, Value, json};
use ureq::Agent;

use super::cache::Answer;
use super::request::Message;
use super::schema::Schema;

/// The longest body of an answer that is read.
const LONGEST: u64 = 16 << 20;

/// What is asked, but for how a server is told of the schema.
#[derive(Clone, Debug)]
pub(super) struct Question<'a> {
    pub model: &'a str,
    pub messages: &'a [Message],
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub max_tokens: u32,
    pub seed: u64,
    pub schema: Option<&'a Schema>,
}

/// What a server understands. It begins with the most, and is made less by what the server refuses or passes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub format: Format,
    /// Whether the prompt has the schema too.
    pub said: bool,
    /// Newer models of OpenAI know `max_completion_tokens` alone.
    pub completion: bool,
    /// Whether a seed is sent.
    pub seed: bool,
}

/// How a server is told that JSON is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Format {
    /// With the schema.
    Schema,
    /// With no more than that it is an object.
    Object,
    /// In the prompt alone.
    Plain,
}

impl Dialect {
    pub(super) const FIRST: Dialect = Dialect { format: Format::Schema, said: false, completion: false, seed: true };

    /// What to try next where a request was refused with these words; nothing if there is nothing left to leave out.
    pub(super) fn less(self, refused: &str, schema: bool) -> Option<Dialect> {
        if refused.contains("max_completion_tokens") && !self.completion {
            return Some(Dialect { completion: true, ..self });
        }
        if refused.contains("seed") && self.seed {
            return Some(Dialect { seed: false, ..self });
        }
        match self.format {
            Format::Schema if schema => Some(Dialect { format: Format::Object, said: true, ..self }),
            Format::Object if schema => Some(Dialect { format: Format::Plain, ..self }),
            _ => None,
        }
    }
}

/// How a request failed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Too many at a time; how long to wait, if the server says so.
    Limited(Option<Duration>),
    /// It may do later: an error of the server, no answer in time, a connection that broke. Whether nobody answers there at all.
    Passing(String, bool),
    /// This request will not do.
    Refused(String),
    /// No request will do.
    Fatal(String),
}

/// The body of a request.
pub(super) fn body(question: &Question<'_>, dialect: Dialect) -> Value {
    let mut messages: Vec<Value> =
        question.messages.iter().map(|m| json!({ "role": m.role, "content": m.content })).collect();
    let mut body = Map::new();
    body.insert("model".into(), question.model.into());
    if let Some(schema) = question.schema {
        if let (true, Some(last)) = (dialect.said, messages.last_mut()) {
            let said = last["content"].as_str().unwrap_or_default();
            let text = format!(
                "{said}\n\nReply with JSON that fits this JSON Schema, with values in place of their descriptions, and with nothing else:\n{}",
                schema.said()
            );
            last["content"] = text.into();
        }
        let format = match dialect.format {
            Format::Schema => Some(json!({
                "type": "json_schema",
                "json_schema": { "name": "reply", "schema": schema.said(), "strict": schema.strict() }
            })),
            // llama.cpp and others take the schema in this way; it is in the prompt for those that pass over it.
            Format::Object => Some(json!({ "type": "json_object", "schema": schema.said() })),
            Format::Plain => None,
        };
        if let Some(format) = format {
            body.insert("response_format".into(), format);
        }
    }
    body.insert("messages".into(), messages.into());
    let tokens = if dialect.completion { "max_completion_tokens" } else { "max_tokens" };
    body.insert(tokens.into(), question.max_tokens.into());
    if let Some(temperature) = question.temperature {
        body.insert("temperature".into(), temperature.into());
    }
    if let Some(top_p) = question.top_p {
        body.insert("top_p".into(), top_p.into());
    }
    if dialect.seed {
        body.insert("seed".into(), question.seed.into());
    }
    Value::Object(body)
}

/// Sends a request and reads the answer. `key` is sent and said nowhere.
pub(super) fn send(agent: &Agent, url: &str, key: Option<&str>, body: &Value) -> Result<Answer, Trouble> {
    let begun = std::time::Instant::now();
    let mut request = agent.post(url).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let hidden = |text: String| match key {
        Some(key) if !key.is_empty() => text.replace(key, "…"),
        _ => text,
    };
    let mut response = request.send(body.to_string()).map_err(|e| {
        let nobody = matches!(&e, ureq::Error::ConnectionFailed | ureq::Error::HostNotFound)
            || matches!(&e, ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused);
        Trouble::Passing(hidden(e.to_string()), nobody)
    })?;
    let status = response.status().as_u16();
    let after = response.headers().get("retry-after").and_then(|v| v.to_str().ok()).and_then(wait);
    let text = response.body_mut().with_config().limit(LONGEST).lossy_utf8(true).read_to_string();
    let said = |text: &str| hidden(message(text));
    match (status, text) {
        (200..=299, Ok(text)) => read(&text, begun.elapsed().as_secs_f64())
            .map_err(|what| Trouble::Passing(format!("an answer that {what}: {}", said(&text)), false)),
        (200..=299, Err(e)) => {
            Err(Trouble::Passing(format!("an answer that breaks off: {}", hidden(e.to_string())), false))
        }
        (401, text) => Err(Trouble::Fatal(format!(
            "401, not let in: {}; {}",
            said(&text.unwrap_or_default()),
            if key.is_some() {
                "look whether the key is right and still good"
            } else {
                "say the name of a variable with the key as `key`"
            }
        ))),
        (402, text) => Err(Trouble::Fatal(format!("402, not paid: {}", said(&text.unwrap_or_default())))),
        (403, text) => Err(Trouble::Fatal(format!(
            "403, forbidden: {}; look what the key may do, and which models",
            said(&text.unwrap_or_default())
        ))),
        (404, text) => Err(Trouble::Fatal(format!(
            "404, not found: {}; look at `base_url`, which most often ends in /v1, and at the name of the model",
            said(&text.unwrap_or_default())
        ))),
        (429, text) => {
            let text = text.unwrap_or_default();
            // No waiting helps where there is nothing left to pay with.
            match text.contains("insufficient_quota") {
                true => Err(Trouble::Fatal(format!("429, nothing left: {}", said(&text)))),
                false => Err(Trouble::Limited(after)),
            }
        }
        // Some servers break where they do not know what is asked for.
        (500..=599, Ok(text)) if text.contains("response_format") => {
            Err(Trouble::Refused(format!("{status}: {}", said(&text))))
        }
        (408 | 409 | 425 | 500..=599, text) => {
            Err(Trouble::Passing(format!("{status}: {}", said(&text.unwrap_or_default())), false))
        }
        (300..=399, _) => Err(Trouble::Fatal(format!("{status}, moved elsewhere; let `base_url` say where"))),
        (_, text) => Err(Trouble::Refused(format!("{status}: {}", said(&text.unwrap_or_default())))),
    }
}

/// What a body says of an error, in one line that is not too long.
fn message(text: &str) -> String {
    let value: Option<Value> = serde_json::from_str(text).ok();
    let own = value.as_ref().and_then(|v| {
        let error = v.get("error").unwrap_or(v);
        [error.get("message"), error.get("detail"), Some(error)].into_iter().flatten().find_map(Value::as_str)
    });
    let line = own.unwrap_or(text).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None if line.is_empty() => "no more is said".to_owned(),
        None => line,
    }
}

fn read(text: &str, seconds: f64) -> Result<Answer, &'static str> {
    let value: Value = serde_json::from_str(text).map_err(|_| "is no JSON")?;
    let choice = value.get("choices").and_then(|c| c.get(0)).ok_or("has no choices")?;
    let content = choice.get("message").and_then(|m| m.get("content"));
    let text = match content {
        Some(Value::String(text)) => text.clone(),
        // Some servers answer in parts.
        Some(Value::Array(parts)) => parts.iter().filter_map(|p| p.get("text")?.as_str()).collect(),
        Some(Value::Null) | None => String::new(),
        Some(_) => return Err("has no text"),
    };
    let tokens = |name: &str| value.get("usage").and_then(|u| u.get(name)?.as_u64());
    Ok(Answer {
        text,
        cut: choice.get("finish_reason").and_then(Value::as_str) == Some("length"),
        prompt_tokens: tokens("prompt_tokens"),
        reply_tokens: tokens("completion_tokens"),
        seconds,
    })
}

/// How long `Retry-After` wants a client to wait: seconds, or until a date.
fn wait(said: &str) -> Option<Duration> {
    let said = said.trim();
    if let Ok(seconds) = said.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = jiff::fmt::rfc2822::parse(said).ok()?.timestamp();
    Some(Duration::try_from(until.duration_since(jiff::Timestamp::now())).unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_seconds_or_dates() {
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait(" 0.5 "), Some(Duration::from_millis(500)));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert!(wait("Wed, 21 Oct 2099 07:28:00 GMT").unwrap() > Duration::from_secs(1 << 30));
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-1"), None);
    }

    #[test]
    fn a_server_is_asked_with_less_until_nothing_is_left() {
        let first = Dialect::FIRST;
        let object = first.less("no such thing", true).unwrap();
        assert_eq!((object.format, object.said), (Format::Object, true));
        let plain = object.less("no such thing", true).unwrap();
        assert_eq!((plain.format, plain.said), (Format::Plain, true));
        assert_eq!(plain.less("no such thing", true), None);
        assert_eq!(first.less("no such thing", false), None);
        assert!(first.less("use max_completion_tokens", false).unwrap().completion);
        assert!(!first.less("unknown: seed", false).unwrap().seed);
    }

    #[test]
    fn errors_are_said_in_one_line() {
        assert_eq!(message("{\"error\": {\"message\": \"no\\nmodel\"}}"), "no model");
        assert_eq!(message("{\"error\": \"bad\"}"), "bad");
        assert_eq!(message("{\"detail\": \"bad\"}"), "bad");
        assert_eq!(message(" <html>\n x"), "<html> x");
        assert_eq!(message(""), "no more is said");
        assert!(message(&"a".repeat(1000)).chars().count() == 301);
    }
}
