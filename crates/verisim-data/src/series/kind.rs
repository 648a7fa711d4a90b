//! Series as a kind of data.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::changes::{Change, change_field, first_field, to_levels};
use super::finer::Finer;
use super::settings::Source;
use super::shape::Shape;
use super::wide::Wide;
use super::{Sequences, Series};
use crate::error::Result;
use crate::kind::{Claim, Data, Sink, Target};
use crate::rng::Stream;
use crate::table::codec::TableCodec;
use crate::table::{Field, Schema, Table, Writer};
use crate::watch::Watch;

/// What an artefact says of the series that it makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Which columns play which part.
    pub shape: Shape,
    /// Columns of the steps that are learnt as their change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Columns of the steps that are drawn last, beside others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finer: Vec<Finer>,
    /// How what is the same throughout a sequence is encoded: [`Spec::context_fields`].
    pub context: TableCodec,
    /// How what changes is encoded: [`Spec::step_fields`].
    pub steps: TableCodec,
}

impl Spec {
    /// The columns of the context as models see them: those of [`Shape::context_fields`], and after start and length the first levels of
    /// columns that are learnt as their change.
    pub fn context_fields(&self) -> Schema {
        let mut schema = self.shape.context_fields();
        let steps = self.shape.step_fields();
        let fields: Vec<&Field> = steps.modelled().collect();
        for (k, change) in self.changes.iter().enumerate() {
            if let Some(field) = fields.get(change.column) {
                schema.fields.insert(self.first_level() + k, first_field(field));
            }
        }
        schema
    }

    /// The columns of the steps as models see them.
    pub fn step_fields(&self) -> Schema {
        let mut schema = self.shape.step_fields();
        let places: Vec<usize> = (0..schema.fields.len()).filter(|&j| schema.fields[j].is_modelled()).collect();
        for change in &self.changes {
            if let Some(&j) = places.get(change.column) {
                schema.fields[j] = change_field(&schema.fields[j], change);
            }
        }
        schema
    }

    /// Makes sequences of what a model drew: levels of changes, which begin with those of the context or follow `last`, and columns that
    /// are drawn last.
    pub fn finish(&self, sequences: &mut Sequences, last: Option<&[Vec<f64>]>, rng: &mut Stream) {
        to_levels(sequences, &self.changes, self.first_level(), last);
        self.finer.iter().for_each(|finer| finer.draw(&mut sequences.steps, rng));
    }

    /// Where first levels stand in the context.
    pub fn first_level(&self) -> usize {
        usize::from(self.shape.has_start()) + usize::from(self.shape.has_length())
    }
}

impl Data for Series {
    const NAME: &'static str = "series";
    const ONE: &'static str = "a table of series";
    const PLURAL: &'static str = "series";
    const UNIT: &'static str = "sequences";
    type Source = Source;
    type Spec = Spec;
    type Chunk = Table;

    /// A file of series is a table; a model says that it is meant as series.
    fn claims(path: &Path) -> Claim {
        <Table as Data>::claims(path)
    }

    fn path(source: &Source) -> &Path {
        &source.path
    }

    fn at(source: Source, path: &Path) -> Source {
        Source { path: path.to_owned(), ..source }
    }

    fn read(source: &Source, watch: &mut dyn Watch) -> Result<Series> {
        let (table, said) = (source.table(watch)?, source.parts());
        // A file with a key or an order of its own is long.
        let may_be_wide = said.wide.is_some() || (said.key.is_none() && said.order.is_none());
        let wide = if may_be_wide { Wide::of(&table, said.wide.as_deref())? } else { None };
        Ok(match wide {
            Some(wide) => Series { table: wide.long(&table)?, wide: Some(wide) },
            None => Series { table, wide: None },
        })
    }

    fn problem(spec: &Spec) -> Option<String> {
        let of = |codec: &TableCodec, schema| match codec.columns.is_empty() {
            true => None,
            false => codec.problem(&schema),
        };
        let shape = spec.shape.problem().map(|problem| format!("shape: {problem}"));
        let context = || of(&spec.context, spec.context_fields()).map(|problem| format!("context: {problem}"));
        let steps = || of(&spec.steps, spec.step_fields()).map(|problem| format!("steps: {problem}"));
        let columns = spec.shape.step_fields().modelled().count();
        let changes =
            || spec.changes.iter().find_map(|c| c.problem(columns)).map(|problem| format!("changes: {problem}"));
        let finer = || {
            let schema = spec.shape.step_fields();
            let categories: Vec<bool> = schema.modelled().map(Field::is_category).collect();
            spec.finer
                .iter()
                .find_map(|f| f.problem(&categories))
                .map(|problem| format!("a column that is drawn last {problem}"))
        };
        shape.or_else(changes).or_else(context).or_else(steps).or_else(finer)
    }

    fn sink<'t>(
        spec: &Spec,
        target: Target<'t>,
        count: u64,
        _: &[(String, String)],
    ) -> Result<Box<dyn Sink<Table> + 't>> {
        let schema = spec.shape.rows(spec.shape.numbers(count));
        Ok(match target {
            Target::Path(path) => Box::new(Writer::create(path, &schema)?),
            Target::Stream(stream) => Box::new(Writer::csv_to(stream, &schema)?),
        })
    }
}
