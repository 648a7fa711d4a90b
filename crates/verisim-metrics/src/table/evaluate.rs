//! Tables as a kind of data that can be compared.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use verisim_data::table::{DetectSettings, Frame, Schema, Source, Table};
use verisim_data::{Data, Event, Watch};

use super::report::NotCompared;
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
}

impl Ask {
    fn read(&self, path: &Path, watch: &mut dyn Watch) -> Result<Table> {
        let source = Source {
            path: path.to_owned(),
            delimiter: self.delimiter,
            header: self.header,
            missing: self.missing.clone(),
            ..Source::default()
        };
        Ok(<Table as Data>::read(&source, watch)?)
    }

    /// Another table than the real one, under its schema. Values that do not fit are counted, and told.
    fn read_as(&self, schema: &Schema, path: &Path, watch: &mut dyn Watch) -> Result<Frame> {
        let table = self.read(path, watch)?;
        let (frame, unfit) = schema.parse_counting(&table).map_err(|source| Error::OtherColumns {
            path: path.to_owned(),
            real: self.real.clone(),
            source: Box::new(source),
        })?;
        for (field, n) in schema.modelled().zip(unfit) {
            if n > 0 {
                let (path, name) = (path.display(), &field.name);
                let note = format!("{path}: {n} values of `{name}` do not fit its kind and count as missing");
                watch.on(Event::Note(note));
            }
        }
        Ok(frame)
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
        let synthetic = ask.read_as(&schema, &ask.synthetic, watch)?;
        let holdout = ask.holdout.as_deref().map(|path| ask.read_as(&schema, path, watch)).transpose()?;
        let defaults = Settings::default();
        let settings = Settings { target: ask.target.clone(), seed: ask.seed.unwrap_or(defaults.seed), ..defaults };
        let mut report = compare_watched(&schema, &real, &synthetic, holdout.as_ref(), &settings, watch)?;
        let known: HashSet<&str> = schema.fields.iter().map(|f| f.name.as_str()).collect();
        let skipped = table.names.iter().filter(|name| !known.contains(name.as_str()));
        report.not_compared.extend(skipped.map(|name| NotCompared { name: name.clone(), why: "not learnt" }));
        Ok(report.document())
    }
}
