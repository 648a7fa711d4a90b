//! An evaluation of files of texts.

use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;
use serde::Deserialize;
use verisim_data::series::Names;
use verisim_data::text::{Form, Found, Shape, Source, Texts};
use verisim_data::{Data, Event, Watch};

use super::set::pieces;
use super::{MOST_COMPARED, Settings, compare_watched};
use crate::{Compare, Document, Error, Known, Result};

/// Labels that a column has at most that is taken for the target where none is named.
const LABELS: usize = 20;

/// What an evaluation of texts is asked for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Texts that the generator was fitted on.
    pub real: PathBuf,
    /// Texts that it made.
    pub synthetic: PathBuf,
    /// Real texts that it never saw.
    #[serde(default)]
    pub holdout: Option<PathBuf>,
    /// The column of tables that holds the text; found when not given. A trained model knows.
    #[serde(default)]
    pub text: Option<String>,
    /// The column of tables with a label to learn from the text; the first with a few values when not given.
    #[serde(default)]
    pub target: Option<String>,
    /// What a text is in files of plain text; found when not given. A trained model knows.
    #[serde(default)]
    pub shape: Option<Shape>,
    /// Texts a side that are compared, at most; 10,000 when not given.
    #[serde(default)]
    pub max_documents: Option<usize>,
    /// Seed of samples and tests; 42 when not given.
    #[serde(default)]
    pub seed: Option<u64>,
}

impl Ask {
    /// The training texts.
    fn real(&self, known: Option<&Known<Texts>>, watch: &mut dyn Watch) -> Result<Texts> {
        let found = Found::at(&self.real);
        let source = known.and_then(|k| k.source.as_ref());
        let text = known.and_then(|k| match &k.spec.form {
            Form::Column(name) => Some(name.clone()),
            _ => None,
        });
        let columns = || match (&self.target, known.map(|k| &k.spec.columns)) {
            (Some(target), known) => {
                let others = known.into_iter().flatten().filter(|c| *c != target);
                Some(others.chain([target]).cloned().collect())
            }
            (None, known) => known.cloned(),
        };
        let is_table = found == Some(Found::Table);
        let source = Source {
            path: self.real.clone(),
            shape: self.shape.or_else(|| source?.shape.filter(|_| found == Some(Found::Plain))),
            text: self.text.clone().or_else(|| text.filter(|_| is_table)).map(Names::One),
            table: None,
            columns: if is_table || self.target.is_some() { columns() } else { None },
        };
        Ok(<Texts as Data>::read(&source, watch)?)
    }

    /// Other texts, read as the training texts were.
    fn other(&self, path: &Path, real: &Texts, target: Option<&str>, watch: &mut dyn Watch) -> Result<Texts> {
        let found = Found::at(path);
        let (is_table, is_plain) = (found == Some(Found::Table), found == Some(Found::Plain));
        let shape = match &real.form {
            Form::Lines => Some(Shape::Lines),
            Form::Corpus => Some(Shape::Corpus),
            _ => self.shape,
        };
        let text = match &real.form {
            Form::Column(name) => Some(name.clone()),
            _ => self.text.clone(),
        };
        let source = Source {
            path: path.to_owned(),
            shape: shape.filter(|_| is_plain),
            text: text.filter(|_| is_table).map(Names::One),
            table: None,
            columns: is_table.then(|| target.map(str::to_owned).into_iter().collect()),
        };
        <Texts as Data>::read(&source, watch).map_err(|source| match source {
            verisim_data::Error::NoColumn { .. } => {
                Error::OtherColumns { path: path.to_owned(), real: self.real.clone(), source: Box::new(source) }
            }
            _ => Error::Data(source),
        })
    }
}

/// The first column that may be a label: with a few values, and far fewer than texts.
fn label(texts: &Texts) -> Option<&String> {
    let values = |k: usize| texts.documents.iter().filter_map(move |d| d.cells.get(k)?.as_deref());
    let is_label = |k: usize| {
        let mut seen = FxHashSet::default();
        let is_few = values(k).all(|v| {
            seen.insert(v);
            seen.len() <= LABELS
        });
        is_few && seen.len() >= 2 && 10 * seen.len() <= texts.documents.len()
    };
    texts.columns.iter().enumerate().find(|(k, _)| is_label(*k)).map(|(_, name)| name)
}

impl Compare for Texts {
    type Ask = Ask;
    type Eyes = ();

    /// What a text is in a file is as `known` says, if it is there.
    fn compare(ask: &Ask, known: Option<&Known<Texts>>, _: &(), watch: &mut dyn Watch) -> Result<Document> {
        let real = ask.real(known, watch)?;
        let target = ask.target.clone().or_else(|| label(&real).cloned());
        if let (None, Some(target)) = (&ask.target, &target) {
            watch.on(Event::Note(format!("labels are of column `{target}`; `target` names another")));
        }
        let synthetic = ask.other(&ask.synthetic, &real, target.as_deref(), watch)?;
        let holdout = match &ask.holdout {
            Some(path) => Some(ask.other(path, &real, target.as_deref(), watch)?),
            None => None,
        };
        let mut notes = Vec::new();
        let [real, synthetic] =
            [(real, "training"), (synthetic, "synthetic")].map(|(texts, name)| pieces(texts, &mut notes, name));
        let holdout = holdout.map(|texts| pieces(texts, &mut notes, "hold-out"));
        let settings = Settings {
            target,
            max_documents: ask.max_documents.unwrap_or(MOST_COMPARED),
            seed: ask.seed.unwrap_or(crate::SEED),
        };
        let report = compare_watched([&real, &synthetic], holdout.as_ref(), &settings, notes, watch)?;
        Ok(report.document())
    }
}
