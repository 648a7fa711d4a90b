//! Conversations as JSON lines, as trainers of language models read and write them.
//!
//! `{"messages": [{"role", "content"}]}` and `{"conversations": [{"from", "value"}]}`. A turn that calls tools, or is the answer of one, is
//! kept as the JSON of its message: what is not plain talk must come back as it was.

use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Document, Style, Turn};
use crate::error::{Error, Result};

/// The turns of a line, and how they are written.
fn turns_of(line: &Map<String, Value>) -> Option<(Style, &Vec<Value>)> {
    let list = |key: &str| line.get(key).and_then(Value::as_array);
    match (list("messages"), list("conversations")) {
        (Some(turns), _) => Some((Style::OpenAi, turns)),
        (None, Some(turns)) => Some((Style::ShareGpt, turns)),
        (None, None) => None,
    }
}

/// Whether the first line of a file is a conversation.
pub fn is_conversations(path: &Path) -> bool {
    let ends = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jsonl") || e.eq_ignore_ascii_case("ndjson"));
    if !ends {
        return false;
    }
    let Ok(file) = std::fs::File::open(path) else { return false };
    // What is not JSON is for its reader to complain of.
    let first = BufReader::new(file).lines().map_while(|line| line.ok()).find(|line| !line.trim().is_empty());
    let line: Option<Map<String, Value>> = first.and_then(|line| serde_json::from_str(&line).ok());
    line.is_some_and(|line| turns_of(&line).is_some())
}

/// The conversations of a file, the style of the first, and what stands beside turns and is not read.
pub(super) fn read(path: &Path) -> Result<(Style, Vec<Document>, Vec<String>)> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let mut style = None;
    let (mut documents, mut others) = (Vec::new(), Vec::new());
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let bad = |what: String| Error::line(path, i as u64 + 1, what);
        let line: Map<String, Value> = serde_json::from_str(line)
            .map_err(|e| bad(format!("is no JSON object ({e}); a conversation is one such object a line")))?;
        let neither =
            "has neither `messages` nor `conversations`, a list of turns; every line of this file must have one";
        let (found, turns) = turns_of(&line).ok_or_else(|| bad(neither.into()))?;
        style.get_or_insert(found);
        let turns = turns.iter().enumerate();
        let turns =
            turns.map(|(k, turn)| read_turn(found, turn).map_err(|what| bad(format!("turn {}: {what}", k + 1))));
        documents.push(Document { cells: Vec::new(), turns: turns.collect::<Result<_>>()? });
        for key in line.keys().filter(|key| **key != key_of(found)) {
            if !others.contains(key) {
                others.push(key.clone());
            }
        }
    }
    match style {
        Some(style) => Ok((style, documents, others)),
        None => Err(Error::file(path, "holds no conversation")),
    }
}

fn read_turn(style: Style, turn: &Value) -> std::result::Result<Turn, String> {
    let (who, what) = keys(style);
    let turn = turn.as_object().ok_or("is no object")?;
    let role = turn.get(who).and_then(Value::as_str).filter(|role| !role.is_empty());
    let role = role.ok_or_else(|| format!("has no `{who}` that says whose it is"))?.to_owned();
    // Anything but plain talk is kept whole.
    let text = match (turn.len(), turn.get(what)) {
        // Talk that looks like a message is kept whole, too, so that it is not taken for one.
        (2, Some(Value::String(text))) if as_message(text, who, what).is_none() => text.clone(),
        _ => {
            let mut rest = turn.clone();
            rest.shift_remove(who);
            Value::Object(rest).to_string()
        }
    };
    Ok(Turn { role, text })
}

fn keys(style: Style) -> (&'static str, &'static str) {
    match style {
        Style::OpenAi => ("role", "content"),
        Style::ShareGpt => ("from", "value"),
    }
}

/// A conversation as a line of JSON, without its end.
pub fn to_json(style: Style, turns: &[Turn]) -> String {
    let (who, what) = keys(style);
    let turn = |turn: &Turn| match as_message(&turn.text, who, what) {
        Some(rest) => {
            let mut whole = Map::new();
            whole.insert(who.into(), json!(turn.role));
            whole.extend(rest);
            Value::Object(whole)
        }
        None => json!({ who: turn.role, what: turn.text }),
    };
    let turns: Vec<Value> = turns.iter().map(turn).collect();
    json!({ key_of(style): turns }).to_string()
}

/// The key of the turns.
fn key_of(style: Style) -> &'static str {
    match style {
        Style::OpenAi => "messages",
        Style::ShareGpt => "conversations",
    }
}

/// What is left of a message that was kept whole, if a text is that: its own text is there under its key, or it calls something, and it
/// does not say whose it is.
fn as_message(text: &str, who: &str, what: &str) -> Option<Map<String, Value>> {
    let rest: Map<String, Value> = serde_json::from_str(text).ok()?;
    let is_one = [what, "tool_calls", "function_call"].iter().any(|key| rest.contains_key(*key));
    (is_one && !rest.contains_key(who)).then_some(rest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn conversations_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        for (style, line) in [
            (
                Style::OpenAi,
                r#"{"messages":[{"role":"user","content":"Hi {\"a\":1}"},{"role":"assistant","content":"Yes"}]}"#,
            ),
            (
                Style::OpenAi,
                r#"{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]},{"role":"tool","tool_call_id":"1","content":"3"}]}"#,
            ),
            (Style::ShareGpt, r#"{"conversations":[{"from":"human","value":"{\"value\": 1"}]}"#),
            // Talk that is JSON itself, and would pass for a message.
            (Style::OpenAi, r#"{"messages":[{"role":"user","content":"{\"content\": 1}"}]}"#),
            (Style::OpenAi, r#"{"messages":[{"role":"user","content":"{\"role\": \"x\", \"content\": 1}"}]}"#),
        ] {
            let path = folder.path().join("talk.jsonl");
            std::fs::write(&path, format!("\n{line}\n")).unwrap();
            assert!(is_conversations(&path));
            let (found, documents, _) = read(&path).unwrap();
            assert_eq!((found, documents.len()), (style, 1));
            assert_eq!(to_json(style, &documents[0].turns), line);
        }
    }

    #[test]
    fn what_is_no_conversation_is_named_by_line_and_turn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("talk.jsonl");
        let good = r#"{"messages":[{"role":"user","content":"Hi"}]}"#;
        for (line, told) in [
            ("[1]", "is no JSON object"),
            (r#"{"text":"Hi"}"#, "neither `messages` nor"),
            (r#"{"messages":[{"role":"user","content":"a"},{"content":"b"}]}"#, "turn 2: has no `role`"),
            (r#"{"messages":["Hi"]}"#, "turn 1: is no object"),
        ] {
            std::fs::write(&path, format!("{good}\n{line}\n")).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains("line 2") && error.contains(told), "{error}");
        }
        std::fs::write(&path, r#"{"text":"a"}"#).unwrap();
        assert!(!is_conversations(&path));
    }
}
