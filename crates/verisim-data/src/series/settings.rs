//! What a config says of series.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::table;

/// Which series are read, and how: `[data]` of a config. All keys of a table's, and `[data.series]`.
pub type Source = table::Source<Settings>;

impl Source {
    /// The file at `path`, of which everything else is found.
    pub fn of(path: impl Into<PathBuf>) -> Source {
        Source { path: path.into(), ..Source::default() }
    }

    /// What is said of the parts that columns play.
    pub fn parts(&self) -> Settings {
        self.series.clone().unwrap_or_default()
    }
}

/// Which column plays which part: `[data.series]` of a config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The column that says whose sequence a row belongs to, or several that say it together; an empty list for one long series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Names>,
    /// The column that says when a row comes: a date, a time or a number. Without one rows come in the order of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Columns that are the same throughout a sequence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Vec<String>>,
    /// Of one long series, the steps of a window that a model learns at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// Of a file with one row a sequence: what the names of its columns of steps begin with, as `t` of `t0`, `t1` ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wide: Option<String>,
}

/// One name, or several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Names {
    /// One name.
    One(String),
    /// Several names, or none.
    Many(Vec<String>),
}

impl Names {
    /// The names.
    pub fn list(&self) -> &[String] {
        match self {
            Names::One(name) => std::slice::from_ref(name),
            Names::Many(names) => names,
        }
    }
}
