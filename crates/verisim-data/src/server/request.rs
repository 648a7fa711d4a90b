//! What is asked of a model, and what a reply to it must be.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use regex::Regex;
use serde::Serialize;
use serde_json::Value;

use super::cache::Answer;
use super::repair;
use super::schema::Schema;

/// A turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: &'static str,
    /// What is said.
    pub content: String,
}

impl Message {
    /// What the model is and does.
    pub fn system(content: impl Into<String>) -> Message {
        Message { role: "system", content: content.into() }
    }

    /// What is asked.
    pub fn user(content: impl Into<String>) -> Message {
        Message { role: "user", content: content.into() }
    }

    /// What the model said.
    pub fn assistant(content: impl Into<String>) -> Message {
        Message { role: "assistant", content: content.into() }
    }
}

/// A question of the caller's own about a reply: what is wrong with it, for the model that wrote it. Given the reply, and its value if it is
/// JSON.
pub type Check = Arc<dyn Fn(&str, Option<&Value>) -> Result<(), String> + Send + Sync>;

/// The conversation in which a reply is scored.
pub type Scoring = Arc<dyn Fn(&str) -> Result<Vec<Message>, String> + Send + Sync>;

/// One reply that is wanted.
#[derive(Clone)]
pub struct Request {
    /// What it is for, such as `reviews.text`: the cache and the estimate tell replies apart by it.
    pub at: Arc<str>,
    /// The model, if it is not the config's.
    pub model: Option<String>,
    /// The conversation so far; the last turn is the user's.
    pub messages: Vec<Message>,
    /// How freely the model draws, if not as the config says.
    pub temperature: Option<f64>,
    /// The most tokens of the reply, if not as the config says.
    pub max_tokens: Option<u32>,
    /// The number of the draw: requests that say the same and have another number have another reply.
    pub draw: u64,
    /// What the reply must be.
    pub want: Arc<Want>,
    /// What else it must be.
    pub check: Option<Check>,
    /// Who scores it.
    pub judge: Option<Judge>,
}

/// A second prompt that scores a reply.
#[derive(Clone)]
pub struct Judge {
    /// The conversation about a reply; the last turn is the user's.
    pub messages: Scoring,
    /// The model, if it is not the one that wrote.
    pub model: Option<String>,
    /// The least score that will do.
    pub at_least: f64,
}

/// What a reply must be.
#[derive(Clone, Debug, Default)]
pub struct Want {
    /// JSON of this schema.
    pub schema: Option<Schema>,
    /// One of these.
    pub choices: Vec<String>,
    /// A text that this fits as a whole.
    pub pattern: Option<Pattern>,
    /// The fewest characters.
    pub min_length: Option<usize>,
    /// The most characters.
    pub max_length: Option<usize>,
    /// Whether a text will do that was cut off at the most tokens.
    pub cut: bool,
}

/// A regular expression that a text must fit from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Pattern {
    said: String,
    whole: Regex,
}

impl Pattern {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(said: &str) -> Result<Pattern, String> {
        let whole =
            Regex::new(said).and_then(|_| Regex::new(&format!(r"\A(?:{said})\z"))).map_err(|e| e.to_string())?;
        Ok(Pattern { said: said.to_owned(), whole })
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// A reply that is as it must be.
    Text(String),
    /// None after all tries.
    Missing(Reason),
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Cut off at the most tokens.
    Cut,
    /// Empty.
    Empty,
    /// No JSON, even when what is nearly JSON is taken for it.
    NotJson,
    /// The schema itself.
    Echo,
    /// JSON that is not of the schema.
    Schema,
    /// None of the choices.
    Choices,
    /// A text that the pattern does not fit.
    Pattern,
    /// Too short or too long.
    Length,
    /// Refused by a rule.
    Rule,
    /// Scored too low.
    Judge,
    /// Not scored.
    Score,
    /// No answer from the server, however often it was asked.
    NoAnswer,
    /// The server refused this request.
    Refused,
    /// It needs another reply that is missing.
    Needs,
}

impl Reason {
    /// In a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Cut => "cut off",
            Reason::Empty => "empty",
            Reason::NotJson => "no JSON",
            Reason::Echo => "the schema repeated",
            Reason::Schema => "not of the schema",
            Reason::Choices => "none of the choices",
            Reason::Pattern => "not of the pattern",
            Reason::Length => "too short or too long",
            Reason::Rule => "refused by the rule",
            Reason::Judge => "scored too low",
            Reason::Score => "not scored",
            Reason::NoAnswer => "no answer",
            Reason::Refused => "refused by the server",
            Reason::Needs => "needs a missing reply",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many replies there are, and why others are not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Replies.
    pub written: u64,
    /// By reason.
    pub missing: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Counts what came of a request.
    pub fn count(&mut self, reply: &Reply) {
        match reply {
            Reply::Text(_) => self.written += 1,
            Reply::Missing(reason) => *self.missing.entry(reason.name()).or_default() += 1,
        }
    }

    /// Adds another tally.
    pub fn add(&mut self, other: &Tally) {
        self.written += other.written;
        other.missing.iter().for_each(|(reason, n)| *self.missing.entry(reason).or_default() += n);
    }

    /// Those that are missing, in words; nothing if there are none.
    pub fn missing(&self) -> Option<String> {
        let all: Vec<String> = self.missing.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

/// What is wrong with a reply.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub reason: Reason,
    /// For the model.
    pub said: String,
}

impl Want {
    /// What is asked of the model at the end of the last turn, beside what the caller says.
    pub(super) fn asked(&self) -> Option<String> {
        (!self.choices.is_empty())
            .then(|| format!("Reply with one of these, and with nothing else: {}.", self.choices.join(", ")))
    }

    /// The reply in an answer, and its value if it is JSON.
    pub(super) fn read(&self, answer: &Answer) -> Result<(String, Option<Value>), Fault> {
        let wrong = |reason, said: String| Err(Fault { reason, said });
        let text = without_thoughts(&answer.text).trim();
        let cut = || wrong(Reason::Cut, "it was cut off, being too long; be briefer".to_owned());
        if let Some(schema) = &self.schema {
            let Some(value) = repair::json(text) else {
                return if answer.cut { cut() } else { wrong(Reason::NotJson, "it is no JSON".to_owned()) };
            };
            if schema.is_echo(&value) {
                return wrong(
                    Reason::Echo,
                    "it repeats the schema; reply with values in place of their descriptions".to_owned(),
                );
            }
            if let Err(said) = schema.check(&value) {
                return if answer.cut { cut() } else { wrong(Reason::Schema, said) };
            }
            return Ok((value.to_string(), Some(value)));
        }
        if text.is_empty() {
            return if answer.cut { cut() } else { wrong(Reason::Empty, "it is empty".to_owned()) };
        }
        if !self.choices.is_empty() {
            return match self.chosen(text) {
                Some(choice) => Ok((choice.to_owned(), None)),
                None => wrong(Reason::Choices, format!("it must be one of: {}", self.choices.join(", "))),
            };
        }
        if answer.cut && !self.cut {
            return cut();
        }
        let length = text.chars().count();
        if let Some(least) = self.min_length.filter(|&least| length < least) {
            return wrong(Reason::Length, format!("it must have {least} characters or more, and has {length}"));
        }
        if let Some(most) = self.max_length.filter(|&most| length > most) {
            return wrong(Reason::Length, format!("it must have {most} characters at most, and has {length}"));
        }
        if let Some(pattern) = self.pattern.as_ref().filter(|p| !p.whole.is_match(text)) {
            return wrong(Reason::Pattern, format!("it must fit the regular expression {} as a whole", pattern.said));
        }
        Ok((text.to_owned(), None))
    }

    /// The choice that a reply means: the same but for case, quotes and a point.
    fn chosen(&self, text: &str) -> Option<&str> {
        let bare = |text: &str| text.trim_matches(|c: char| c.is_whitespace() || "\"'`*.".contains(c)).to_lowercase();
        let is = |choice: &&String| ***choice == *text;
        let alike = |choice: &&String| bare(choice) == bare(text);
        self.choices.iter().find(is).or_else(|| self.choices.iter().find(alike)).map(String::as_str)
    }
}

/// What stands behind the thoughts of a model that thinks aloud.
fn without_thoughts(text: &str) -> &str {
    match text.trim_start().strip_prefix("<think>") {
        Some(thoughts) => thoughts.split_once("</think>").map_or("", |t| t.1),
        None => text,
    }
}

/// The schema of a judge's reply.
pub(super) fn score_schema() -> Value {
    serde_json::json!({
        "type": "object",
        "properties": { "reason": { "type": "string" }, "score": { "type": "number" } },
        "required": ["reason", "score"],
        "additionalProperties": false
    })
}

/// The score in a judge's reply: in JSON, or the one number that it says.
pub(super) fn score(answer: &Answer) -> Option<f64> {
    let text = without_thoughts(&answer.text).trim();
    if let Some(score) = repair::json(text).as_ref().and_then(|v| v.get("score")) {
        return score.as_f64().or_else(|| score.as_str()?.trim().parse().ok());
    }
    // `7`, `7/10`, `Score: 7 out of 10`: the first of them is meant, if it is said at once.
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let number = &text[start..];
    let number = &number[..number.find(|c| !digits(c)).unwrap_or(number.len())];
    (start <= 12 && !text[..start].contains('-')).then(|| number.trim_end_matches('.').parse().ok())?
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn answer(text: &str, cut: bool) -> Answer {
        Answer { text: text.into(), cut, prompt_tokens: None, reply_tokens: None, seconds: 0.0 }
    }

    fn reason(want: &Want, text: &str, cut: bool) -> Result<String, Reason> {
        want.read(&answer(text, cut)).map(|r| r.0).map_err(|f| f.reason)
    }

    #[test]
    fn texts_are_held_to_what_they_must_be() {
        let want = Want {
            min_length: Some(2),
            max_length: Some(6),
            pattern: Some(Pattern::new("a|[a-zä]+").unwrap()),
            ..Want::default()
        };
        assert_eq!(reason(&want, "  abc\n", false), Ok("abc".into()));
        assert_eq!(reason(&want, "<think>abcdefgh 1</think>\nabä", false), Ok("abä".into()));
        assert_eq!(reason(&want, "<think>abcdefgh", false), Err(Reason::Empty));
        assert_eq!(reason(&want, "a", false), Err(Reason::Length));
        assert_eq!(reason(&want, "abcdefg", false), Err(Reason::Length));
        assert_eq!(reason(&want, "abc1", false), Err(Reason::Pattern));
        assert_eq!(reason(&want, "abc", true), Err(Reason::Cut));
        assert_eq!(reason(&Want { cut: true, ..want }, "abc", true), Ok("abc".into()));
    }

    #[test]
    fn choices_are_known_again() {
        let want = Want { choices: vec!["Yes".into(), "No".into(), "no".into()], ..Want::default() };
        assert_eq!(reason(&want, "\"yes\".", false), Ok("Yes".into()));
        assert_eq!(reason(&want, "no", false), Ok("no".into()));
        assert_eq!(reason(&want, "Yes, I think", false), Err(Reason::Choices));
        assert!(want.asked().unwrap().contains("Yes, No, no"));
    }

    #[test]
    fn json_is_repaired_checked_and_put_in_one_line() {
        let said = serde_json::json!({ "type": "object", "properties": { "a": { "type": "integer" }, "b": { "type": "string" } }, "required": ["a"] });
        let want = Want { schema: Some(Schema::new(said.clone()).unwrap()), ..Want::default() };
        assert_eq!(reason(&want, "```\n{'a': 1,\n 'b': 'x',}\n```", false), Ok("{\"a\":1,\"b\":\"x\"}".into()));
        assert_eq!(reason(&want, "{\"a\": 1, \"b\": \"half", true), Ok("{\"a\":1}".into()));
        assert_eq!(reason(&want, "{\"b\": \"half", true), Err(Reason::Cut));
        assert_eq!(reason(&want, "{\"b\": \"half\"}", false), Err(Reason::Schema));
        assert_eq!(reason(&want, "I cannot do that.", false), Err(Reason::NotJson));
        assert_eq!(reason(&want, &said.to_string(), false), Err(Reason::Echo));
    }

    #[test]
    fn scores_are_found() {
        for (text, found) in [
            ("{\"reason\": \"good\", \"score\": 7.5}", Some(7.5)),
            ("{\"score\": \"8\"}", Some(8.0)),
            ("7", Some(7.0)),
            ("Score: 9/10. It is good.", Some(9.0)),
            ("8.", Some(8.0)),
            ("The text, which has 200 words, is good.", None),
            ("good", None),
        ] {
            assert_eq!(score(&answer(text, false)), found, "{text}");
        }
    }
}
