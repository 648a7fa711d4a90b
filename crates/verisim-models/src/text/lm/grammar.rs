//! What a text must be: one that a regular expression matches, JSON of a schema, or one of a list. Tokens that lead elsewhere are not
//! drawn, so that no text has to be drawn again.

use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};

use super::super::vocabulary::{END, Vocabulary};
use crate::error::{Error, Result};

/// What a text must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// What this matches, the whole of it.
    Regex(String),
    /// JSON of this schema.
    Schema(serde_json::Value),
    /// One of these.
    OneOf(Vec<String>),
}

/// A rule, ready to be followed.
pub struct Grammar {
    factory: ParserFactory,
    grammar: TopLevelGrammar,
}

/// Why texts cannot follow a rule.
pub(super) fn cannot(what: impl std::fmt::Display) -> Error {
    Error::Ask { problem: format!("the texts cannot be held to that: {what}") }
}

impl Grammar {
    /// The grammar of a rule, over the tokens of a vocabulary.
    ///
    /// # Errors
    /// When the rule is none, or no text can follow it.
    pub fn new(rule: &Rule, vocabulary: &Vocabulary) -> Result<Grammar> {
        let grammar = match rule {
            Rule::Regex(regex) => TopLevelGrammar::from_regex(regex),
            Rule::Schema(schema) => TopLevelGrammar::from_json_schema(schema.clone()),
            Rule::OneOf(texts) if texts.is_empty() => return Err(cannot("there is none to choose from")),
            Rule::OneOf(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| escaped(text)).collect();
                TopLevelGrammar::from_regex(&texts.join("|"))
            }
        };
        let words = vocabulary.words();
        let trie = TokTrie::from(&TokRxInfo::new(words.len() as u32, END), &words);
        let env: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let mut factory = ParserFactory::new_simple(&env).map_err(cannot)?;
        factory.quiet();
        let grammar = Grammar { factory, grammar };
        // What is no rule is found before anything is drawn.
        let mut first = grammar.matcher();
        let allowed = first.compute_mask_or_eos().map_err(cannot)?;
        match allowed.num_set() {
            0 => Err(cannot("no token that the model knows begins such a text")),
            _ => Ok(grammar),
        }
    }

    /// One that follows a text from its begin.
    pub fn matcher(&self) -> Matcher {
        Matcher::new(self.factory.create_parser(self.grammar.clone()))
    }
}

/// A text as an expression that matches it alone.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::text::vocabulary::Tokens;

    fn follows(rule: &Rule, tokens: Tokens, text: &str) -> bool {
        let texts = ["abc the 12.5 {\"a\": 1, \"b\"} ü", "the the the ab ab"];
        let vocabulary = Vocabulary::learn(tokens, 300, texts.into_iter(), 1, 0).unwrap();
        let mut matcher = Grammar::new(rule, &vocabulary).unwrap().matcher();
        for token in vocabulary.encode(text).unwrap() {
            if !matcher.compute_mask_or_eos().unwrap().is_allowed(token) {
                return false;
            }
            matcher.consume_token(token).unwrap();
        }
        matcher.compute_mask_or_eos().unwrap().is_allowed(END)
    }

    #[test]
    fn texts_follow_their_rule_to_the_end() {
        for tokens in [Tokens::Chars, Tokens::Bytes, Tokens::Bpe] {
            let number = Rule::Regex(r"[0-9]+(\.[0-9])?".into());
            for (text, is_one) in [("12", true), ("12.5", true), ("12.", false), ("a", false), ("", false)] {
                assert_eq!(follows(&number, tokens, text), is_one, "{tokens:?} {text}");
            }
            let schema = serde_json::json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
                                            "additionalProperties": false});
            let object = Rule::Schema(schema);
            for (text, is_one) in
                [("{\"a\": 1}", true), ("{\"a\": 1", false), ("{\"b\": 1}", false), ("{\"a\": \"b\"}", false)]
            {
                assert_eq!(follows(&object, tokens, text), is_one, "{tokens:?} {text}");
            }
            let some = Rule::OneOf(vec!["the ü".into(), "a.b".into(), "the".into()]);
            for (text, is_one) in [("the ü", true), ("the", true), ("a.b", true), ("acb", false), ("the a", false)] {
                assert_eq!(follows(&some, tokens, text), is_one, "{tokens:?} {text}");
            }
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        let vocabulary = Vocabulary::learn(Tokens::Bytes, 0, ["a"].into_iter(), 0, 0).unwrap();
        let error = |rule: Rule| Grammar::new(&rule, &vocabulary).map(|_| ()).unwrap_err().to_string();
        assert!(error(Rule::Regex("(a".into())).contains("cannot be held to that"));
        assert!(error(Rule::Schema(serde_json::json!({"type": "nothing"}))).contains("cannot be held to that"));
        assert!(error(Rule::OneOf(Vec::new())).contains("none to choose from"));
    }
}
