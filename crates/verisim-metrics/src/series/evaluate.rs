//! An evaluation of files of series.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use verisim_data::series::{Clock, Names, SEQUENCE, Sequences, Series, Settings as Parts, Shape, Source};
use verisim_data::table::Table;
use verisim_data::{Data, Event, Watch};

use super::broken::Broken;
use super::report::Structure;
use super::{Settings, compare_watched};
use crate::{Compare, Document, Error, Known, Result};

/// What an evaluation of series is asked for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Series that the generator was fitted on.
    pub real: PathBuf,
    /// Series that it made. Of one long series either one as well, or several with a column `sequence`.
    pub synthetic: PathBuf,
    /// Real series that it never saw: of other keys, or of later with a gap between.
    #[serde(default)]
    pub holdout: Option<PathBuf>,
    /// The columns that say whose sequence a row belongs to; found when not given. A trained model knows.
    #[serde(default)]
    pub key: Option<Names>,
    /// The column that says when a row comes; found when not given. A trained model knows.
    #[serde(default)]
    pub order: Option<String>,
    /// Columns that are the same throughout a sequence; found when not given. A trained model knows.
    #[serde(default)]
    pub context: Option<Vec<String>>,
    /// Steps of the windows that one long series is cut into; those that a model learnt when not given, else 24.
    #[serde(default)]
    pub window: Option<usize>,
    /// Of files with one row a sequence: what the names of the columns of steps begin with.
    #[serde(default)]
    pub wide: Option<String>,
    /// What separates the cells of text files; found from their first lines when not given.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// Whether the first line of text files holds the names of the columns; true when not given.
    #[serde(default)]
    pub header: Option<bool>,
    /// Texts that mean "no value here"; those of [`ReadSettings`](verisim_data::table::ReadSettings) when not given.
    #[serde(default)]
    pub missing: Option<Vec<String>>,
    /// Seed of windows, networks and samples; 42 when not given.
    #[serde(default)]
    pub seed: Option<u64>,
}

impl Ask {
    fn source(&self, path: &Path) -> Source {
        let series = Parts {
            key: self.key.clone(),
            order: self.order.clone(),
            context: self.context.clone(),
            window: self.window,
            wide: self.wide.clone(),
        };
        Source {
            path: path.to_owned(),
            delimiter: self.delimiter,
            header: self.header,
            missing: self.missing.clone(),
            series: Some(series),
            ..Source::default()
        }
    }

    /// What the series are, and the training ones.
    fn real(&self, known: Option<&Known<Series>>, watch: &mut dyn Watch) -> Result<(Shape, Sequences, Table)> {
        let source = self.source(&self.real);
        if let Some(known) = known {
            let shape = known.spec.shape.clone();
            let (sequences, table) = self.parse(&shape, &self.real, watch)?;
            return Ok((shape, sequences, table));
        }
        let series = <Series as Data>::read(&source, watch)?;
        let (shape, sequences, notes) = Shape::of(&series, &source)?;
        notes.into_iter().for_each(|note| watch.on(Event::Note(note)));
        Ok((shape, sequences, series.table))
    }

    /// Another file under the shape of the real one, and its rows, one a step. Values that do not fit are counted, and told, and so are
    /// lost columns.
    fn parse(&self, shape: &Shape, path: &Path, watch: &mut dyn Watch) -> Result<(Sequences, Table)> {
        let others = |source| match source {
            verisim_data::Error::Sequences { .. } => Error::Data(source),
            _ => Error::OtherColumns { path: path.to_owned(), real: self.real.clone(), source: Box::new(source) },
        };
        let table = self.source(path).table(watch)?;
        let unordered;
        let shape = match &shape.order {
            // Steps of one long series may come without their even times.
            Some(order) if shape.key.is_empty() && !shape.has_gap() && table.index(&order.name).is_err() => {
                let path = path.display();
                watch.on(Event::Note(format!(
                    "{path}: has no column `{}`; its steps are taken as they lie",
                    order.name
                )));
                unordered = Shape { order: None, clock: Clock::steps(), ..shape.clone() };
                &unordered
            }
            _ => shape,
        };
        let sequences = shape.parse(&table).map_err(others)?;
        let long = match &shape.wide {
            Some(wide) => wide.long(&table).map_err(others)?,
            None => table,
        };
        for schema in [&shape.context, &shape.steps] {
            if schema.modelled().next().is_none() {
                continue;
            }
            let other = schema.parse_other(&long).map_err(others)?;
            let path = path.display();
            for (field, n) in schema.modelled().zip(&other.unfit).filter(|(_, n)| **n > 0) {
                let name = &field.name;
                watch.on(Event::Note(format!(
                    "{path}: {n} values of `{name}` do not fit its kind and count as missing"
                )));
            }
            for name in &other.lost {
                watch.on(Event::Note(format!("{path}: has no column `{name}`, which counts as missing throughout")));
            }
        }
        Ok((sequences, long))
    }
}

impl Compare for Series {
    type Ask = Ask;
    type Eyes = ();

    /// Files are read as `ask` says; which column plays which part, and what columns mean, is as `known` says, if it is there.
    fn compare(ask: &Ask, known: Option<&Known<Series>>, _: &(), watch: &mut dyn Watch) -> Result<Document> {
        let (shape, real, table) = ask.real(known, watch)?;
        let (synthetic, other) = ask.parse(&shape, &ask.synthetic, watch)?;
        let holdout = match &ask.holdout {
            Some(path) => Some(ask.parse(&shape, path, watch)?.0),
            None => None,
        };
        let settings = Settings { window: ask.window, seed: ask.seed.unwrap_or(crate::SEED), ..Settings::default() };
        let mut report = compare_watched(&shape, &real, &synthetic, holdout.as_ref(), settings, watch)?;
        let numbered = [SEQUENCE.to_owned()];
        let keys: &[String] = match shape.key.is_empty() && other.index(SEQUENCE).is_ok() {
            true => &numbered,
            false => &shape.key,
        };
        let (train, synthetic) = (Broken::of(&shape, &shape.key, &table)?, Broken::of(&shape, keys, &other)?);
        report.structure = Some(Structure { train, synthetic });
        Ok(report.document())
    }
}
