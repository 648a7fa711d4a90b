//! Tables as a kind of data that can be compared.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use verisim_data::table::{DetectSettings, Frame, Schema, Source, Table};
use verisim_data::{Data, Event, Watch};

use super::baseline::baselines;
use super::others::not_compared;
use super::{Settings, compare_watched};
use crate::{Compare, Document, Error, Known, Result};

/// What an evaluation of tables is asked for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Rows that the generator was fitted on.
    pub real: PathBuf,
    /// Rows that it made.
    pub synthetic: PathBuf,
    /// Real rows that it never saw.
    #[serde(default)]
    pub holdout: Option<PathBuf>,
    /// The column to predict when training on synthetic rows and testing on real ones.
    #[serde(default)]
    pub target: Option<String>,
    /// What separates the cells of text files; found from their first lines when not given.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// Whether the first line of text files holds the names of the columns; true when not given.
    #[serde(default)]
    pub header: Option<bool>,
    /// Texts that mean "no value here"; those of [`ReadSettings`](verisim_data::table::ReadSettings) when not given.
    #[serde(default)]
    pub missing: Option<Vec<String>>,
    /// Seed of the folds and samples; 42 when not given.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Columns whose groups are looked at beside the target's.
    #[serde(default)]
    pub sensitive: Vec<String>,
    /// Scores all rows of large tables in place of a sample.
    #[serde(default)]
    pub full: bool,
    /// Scores a table of independent columns and a copy of the training rows too.
    #[serde(default)]
    pub baselines: bool,
}

impl Ask {
    fn read(&self, path: &Path, watch: &mut dyn Watch) -> Result<Table> {
        let source: Source = Source {
            path: path.to_owned(),
            delimiter: self.delimiter,
            header: self.header,
            missing: self.missing.clone(),
            ..Source::default()
        };
        Ok(<Table as Data>::read(&source, watch)?)
    }

    /// Another table than the real one, under its schema. Values that do not fit are counted, and told, and so are lost columns.
    fn parse(&self, schema: &Schema, path: &Path, table: &Table, watch: &mut dyn Watch) -> Result<Frame> {
        let other = schema.parse_other(table).map_err(|source| Error::OtherColumns {
            path: path.to_owned(),
            real: self.real.clone(),
            source: Box::new(source),
        })?;
        let path = path.display();
        for (field, n) in schema.modelled().zip(&other.unfit).filter(|(_, n)| **n > 0) {
            let name = &field.name;
            watch.on(Event::Note(format!("{path}: {n} values of `{name}` do not fit its kind and count as missing")));
        }
        for name in &other.lost {
            watch.on(Event::Note(format!("{path}: has no column `{name}`, which counts as missing throughout")));
        }
        Ok(other.frame)
    }

    fn settings(&self) -> Settings {
        let defaults = Settings::default();
        Settings {
            target: self.target.clone(),
            sensitive: self.sensitive.clone(),
            seed: self.seed.unwrap_or(defaults.seed),
            full: self.full,
            ..defaults
        }
    }
}

impl Compare for Table {
    type Ask = Ask;
    type Eyes = ();

    /// The files are read as `ask` says, and only the kinds of the columns are taken from `known`: a table may be written in
    /// another dialect than the one that the model learnt from.
    fn compare(ask: &Ask, known: Option<&Known<Table>>, _: &(), watch: &mut dyn Watch) -> Result<Document> {
        let table = ask.read(&ask.real, watch)?;
        let schema = match known {
            Some(known) => known.spec.schema.clone(),
            None => Schema::detect(&table, &DetectSettings::default())?,
        };
        let real = schema.parse(&table)?;
        let other = ask.read(&ask.synthetic, watch)?;
        let synthetic = ask.parse(&schema, &ask.synthetic, &other, watch)?;
        let unseen = ask.holdout.as_deref().map(|path| ask.read(path, watch)).transpose()?;
        let holdout = match (&ask.holdout, &unseen) {
            (Some(path), Some(table)) => Some(ask.parse(&schema, path, table, watch)?),
            _ => None,
        };
        let settings = ask.settings();
        let mut report = compare_watched(&schema, &real, &synthetic, holdout.as_ref(), &settings, watch)?;
        report.not_compared = not_compared(&schema, &table, &other, unseen.as_ref())?;
        if ask.baselines {
            report.baselines = baselines(&schema, &real, synthetic.rows, holdout.as_ref(), &settings, watch)?;
        }
        Ok(report.document())
    }
}
