//! Texts: documents, the lines of a file, conversations, or a column of a table with what stands beside it.
//!
//! Whatever the file, a set of texts is a list of [`Document`]s: cells that say something of it, and turns that hold its text. A text
//! that nobody says has one turn without a role.

mod conversations;
mod kind;
mod read;
mod settings;
mod write;

use serde::{Deserialize, Serialize};

pub use conversations::{is_conversations, to_json};
pub use kind::{Lengths, Spec};
pub use read::{Found, is_texts};
pub use settings::{Shape, Source};

/// A set of texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    /// How they stood where they were read.
    pub form: Form,
    /// The columns that their cells are of.
    pub columns: Vec<String>,
    /// The texts.
    pub documents: Vec<Document>,
}

/// How texts stand in files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A file each, in a folder; their names end so, without the point.
    Files(String),
    /// One long text in a file, of which the documents are parts that follow each other.
    Corpus,
    /// The lines of a file.
    Lines,
    /// A column of a table.
    Column(String),
    /// Turns with roles, a conversation a line of JSON.
    Conversations(Style),
}

/// How conversations are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// `{"messages": [{"role": "user", "content": "..."}]}`.
    OpenAi,
    /// `{"conversations": [{"from": "human", "value": "..."}]}`.
    ShareGpt,
}

/// One text, and what is known of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// One a column; `None` where the value is missing.
    pub cells: Vec<Option<String>>,
    /// What is said. One turn without a role where it is no conversation.
    pub turns: Vec<Turn>,
}

/// What one speaker says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// Who speaks; empty for a text that is no conversation.
    pub role: String,
    /// What is said.
    pub text: String,
}

impl Document {
    /// A text that is no conversation.
    pub fn plain(text: impl Into<String>) -> Document {
        Document { cells: Vec::new(), turns: vec![Turn { role: String::new(), text: text.into() }] }
    }

    /// All that is said, a turn a line.
    pub fn text(&self) -> String {
        let turns: Vec<&str> = self.turns.iter().map(|turn| turn.text.as_str()).collect();
        turns.join("\n")
    }
}

impl Texts {
    /// The roles of a set of conversations, in the order in which they first speak; none where there are only texts.
    pub fn roles(&self) -> Vec<String> {
        let mut roles: Vec<String> = Vec::new();
        for turn in self.documents.iter().flat_map(|d| &d.turns) {
            if !turn.role.is_empty() && !roles.contains(&turn.role) {
                roles.push(turn.role.clone());
            }
        }
        roles
    }
}
