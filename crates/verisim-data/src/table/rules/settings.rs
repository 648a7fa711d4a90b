//! What a config says of rules: `[data.rules]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Which rules between columns what is made keeps: `rules = { find = false }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleSettings {
    /// Whether rules are looked for in the data; true when not given.
    #[serde(default = "yes")]
    pub find: bool,
    /// Rules that were found and are none: each as the training prints it, e.g. `` "`total` = `price` * `count`" ``.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// Rules that are there whether the data show them or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<Declared>,
}

fn yes() -> bool {
    true
}

impl Default for RuleSettings {
    fn default() -> Self {
        RuleSettings { find: true, drop: Vec::new(), add: Vec::new() }
    }
}

/// A rule that a config declares, in expressions over the columns of a row: what must hold (`then`), perhaps only in some rows (`when`);
/// or how a column is computed (`column` and `is`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// In which rows the rule holds, e.g. `tenure == 0`; in all when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What holds there, e.g. `total == null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
    /// The column that is computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// How it is computed, e.g. `price * count`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
}

/// What a declared rule is.
pub(crate) enum Kind<'a> {
    /// Where the first is so, so is the second.
    Holds(Option<&'a str>, &'a str),
    /// The column is computed.
    Computes(&'a str, &'a str),
}

impl Declared {
    /// Which of the two it is; `place` is its place in the config, from 0.
    ///
    /// # Errors
    /// When it is neither or both.
    pub(crate) fn kind(&self, place: usize) -> Result<Kind<'_>> {
        match (&self.when, &self.then, &self.column, &self.is) {
            (when, Some(then), None, None) => Ok(Kind::Holds(when.as_deref(), then)),
            (None, None, Some(column), Some(is)) => Ok(Kind::Computes(column, is)),
            _ => {
                let all = [&self.when, &self.then, &self.column, &self.is];
                let rule = all.into_iter().flatten().cloned().collect::<Vec<_>>().join(", ");
                let what = "is no whole rule: give `then`, perhaps with `when`, or else `column` with `is`".to_owned();
                Err(Error::Rule { key: key(place, ""), rule, what })
            }
        }
    }
}

/// Where a declared rule stands in a config.
pub(crate) fn key(place: usize, part: &str) -> String {
    let dot = if part.is_empty() { "" } else { "." };
    format!("data.rules.add, number {}{dot}{part}", place + 1)
}
