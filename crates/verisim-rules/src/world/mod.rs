//! The language: what a world's file says, key by key.
//!
//! These are the words alone. What they mean together (which name is which column, what is made before what) is found in
//! [`plan`](crate::plan).

mod column;
mod number;
mod ordered;
mod prompt;
mod read;
mod when;

use std::path::PathBuf;

use serde::Deserialize;

pub use column::{
    Choice, Column, Copula, Empirical, FieldSaid, Generator, Grammar, Lookup, Options, Reference, Template, Tree,
};
pub use number::{Distribution, FAMILIES, Family, Number};
pub use ordered::{Entry, Ordered};
pub use prompt::{Example, ExampleRows, Examples, Judge, Model, Prompt, SchemaSaid};
pub use when::{DateSaid, Moment, TimeSaid};

use crate::process::Process;
use crate::scene::Scene;

/// A world: tables, and perhaps a scene.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// What it is called.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is for, for people.
    #[serde(default)]
    pub description: Option<String>,
    /// The seed, unless another is asked for.
    #[serde(default)]
    pub seed: u64,
    /// Of which country persons and addresses are, unless a table or column says otherwise.
    #[serde(default)]
    pub locale: Option<String>,
    /// The language models that columns are written by.
    #[serde(default)]
    pub model: Option<Model>,
    /// The tables.
    #[serde(default)]
    pub tables: Ordered<Table>,
    /// A scene that is rendered, with labels.
    #[serde(default)]
    pub scene: Option<Scene>,
    /// Where it was read from: paths in it are taken from there.
    #[serde(skip)]
    pub path: PathBuf,
    /// The text of the file, to say where a mistake is.
    #[serde(skip)]
    pub text: String,
}

/// A table of a world.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What it is for, for people.
    #[serde(default)]
    pub description: Option<String>,
    /// Rows, of a table without a parent.
    #[serde(default)]
    pub rows: Option<u64>,
    /// Whether the rows stay as many when others are asked for.
    #[serde(default)]
    pub fixed: bool,
    /// The table whose rows have rows here.
    #[serde(default)]
    pub parent: Option<String>,
    /// How many rows a row of the parent has.
    #[serde(default)]
    pub children: Option<Number>,
    /// The columns that tell rows apart, for databases.
    #[serde(default)]
    pub key: Option<Key>,
    /// What holds in each row: rows in which it does not are drawn again.
    #[serde(default)]
    pub check: Vec<String>,
    /// The chance that a row that was drawn is kept; others are drawn again.
    #[serde(default)]
    pub weight: Option<String>,
    /// Rows of which this is not true are left out: for rows that a process makes.
    #[serde(default)]
    pub keep: Option<String>,
    /// Columns of the process or the artefact that are not written.
    #[serde(default)]
    pub hide: Vec<String>,
    /// Whether the table is made for others alone, and not written.
    #[serde(default)]
    pub hidden: bool,
    /// Of which country persons and addresses are.
    #[serde(default)]
    pub locale: Option<String>,
    /// What makes the rows, instead of counts.
    #[serde(default)]
    pub process: Option<Process>,
    /// A trained artefact that fills columns.
    #[serde(default)]
    pub learned: Option<Learned>,
    /// Columns that go together.
    #[serde(default)]
    pub copula: Option<Copula>,
    /// The columns.
    #[serde(default)]
    pub columns: Ordered<Column>,
}

/// The columns of a key.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// One.
    One(String),
    /// Several together.
    Several(Vec<String>),
}

impl Key {
    /// The names.
    pub fn names(&self) -> &[String] {
        match self {
            Key::One(name) => std::slice::from_ref(name),
            Key::Several(names) => names,
        }
    }
}

/// Columns that a trained artefact fills.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Learned {
    /// All its columns, drawn freely.
    Path(PathBuf),
    /// As said.
    Said(LearnedSaid),
}

/// How a trained artefact fills columns.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedSaid {
    /// The artefact, or the folder of its run.
    pub path: PathBuf,
    /// Which of its columns [all that are not declared].
    #[serde(default)]
    pub columns: Option<Vec<String>>,
    /// Declared columns that the others are drawn for; they have the names of columns of the artefact.
    #[serde(default)]
    pub given: Vec<String>,
}

impl Learned {
    /// In full.
    pub fn said(&self) -> LearnedSaid {
        match self {
            Learned::Path(path) => LearnedSaid { path: path.clone(), columns: None, given: Vec::new() },
            Learned::Said(said) => said.clone(),
        }
    }
}
