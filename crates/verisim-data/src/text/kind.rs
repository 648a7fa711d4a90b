//! Texts as a kind of data.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::read::{Found, read};
use super::settings::Source;
use super::write::sink;
use super::{Document, Form, Texts};
use crate::error::Result;
use crate::kind::{Claim, Data, Sink, Target};
use crate::watch::Watch;

/// What an artefact says of the texts that it makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// How they are written.
    pub form: Form,
    /// The columns that their cells are of.
    pub columns: Vec<String>,
    /// Who speaks in conversations.
    pub roles: Vec<String>,
    /// How long they are, in tokens of the model.
    pub lengths: Lengths,
}

/// How long texts are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lengths {
    /// The longest.
    pub most: usize,
    /// All together.
    pub all: usize,
    /// How many there are.
    pub count: usize,
}

impl Data for Texts {
    const NAME: &'static str = "text";
    const ONE: &'static str = "a set of texts";
    const PLURAL: &'static str = "texts";
    const UNIT: &'static str = "texts";
    type Source = Source;
    type Spec = Spec;
    type Chunk = Vec<Document>;

    /// A table with a column of text is a table first; a model says that it is meant as texts.
    fn claims(path: &Path) -> Claim {
        if Found::at(path).is_some() { Claim::Yes } else { Claim::No }
    }

    fn path(source: &Source) -> &Path {
        &source.path
    }

    fn at(source: Source, path: &Path) -> Source {
        let table = source.table.map(|table| Box::new(crate::table::Source { path: path.to_owned(), ..*table }));
        Source { path: path.to_owned(), table, ..source }
    }

    fn read(source: &Source, watch: &mut dyn Watch) -> Result<Texts> {
        read(source, watch)
    }

    fn problem(spec: &Spec) -> Option<String> {
        let is_twice = |names: &[String]| names.iter().enumerate().any(|(i, name)| names[..i].contains(name));
        if is_twice(&spec.columns) {
            return Some("text: a column is named twice".into());
        }
        if is_twice(&spec.roles) || spec.roles.iter().any(String::is_empty) {
            return Some("text: a role is named twice, or not at all".into());
        }
        let talks = matches!(spec.form, Form::Conversations(_));
        (talks == spec.roles.is_empty()).then(|| "text: conversations without roles, or roles without any".into())
    }

    fn sink<'t>(
        spec: &Spec,
        target: Target<'t>,
        _: u64,
        _: &[(String, String)],
    ) -> Result<Box<dyn Sink<Vec<Document>> + 't>> {
        sink(spec, target)
    }
}
