//! What a config says of texts.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::series::Names;
use crate::table;

/// Which texts are read, and how: `[data]` of a config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TextSource")]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A folder of `.txt` or `.md` files, one such file, conversations as JSON lines, or a table with a column of text; relative to the
    /// working directory.
    pub path: PathBuf,
    /// What a text is in a file of plain text: found when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// The column of a table that holds the text, or several; found when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Names>,
    /// The columns of a table that say something of the text, in this order; all that are categories or numbers when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// How a table is read, and what its columns are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Box<table::Source>>,
}

/// What a text is in a file of plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TextShape")]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Each line.
    Lines,
    /// What stands between empty lines.
    Paragraphs,
    /// The whole file, one long text.
    Corpus,
}
