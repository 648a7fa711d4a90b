//! Series, as the verbs want them.

use std::path::{Path, PathBuf};

use schemars::{Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value;
use verisim_data::Data;
use verisim_data::file::write_atomically;
use verisim_data::rng::{below, normal, stream};
use verisim_data::series::{Names, Sequences, Series, Settings, Shape, Source, Spec, recognise};
use verisim_data::table::{Column, Table};
use verisim_infer::series::Ask;

use crate::error::{Error, Result};
use crate::kind::{Inspected, Kind};

/// What series are looked at with.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InspectAsk {
    /// The column that says whose sequence a row belongs to, or several.
    pub key: Option<Names>,
    /// The column that says when a row comes.
    pub order: Option<String>,
    /// What separates the cells of a text file; found from its first lines when not given.
    pub delimiter: Option<char>,
    /// Whether the first line of a text file holds the names of the columns; true when not given.
    pub header: Option<bool>,
    /// Texts that mean "no value here".
    pub missing: Option<Vec<String>>,
}

impl Kind for Series {
    const DEFAULT: &'static str = "var";
    const FIRST: &'static str = "synthetic.csv";
    const STAND_IN: &'static str = "stand-in series";
    const STREAMS: bool = true;
    type InspectAsk = InspectAsk;

    fn inspect(path: &Path, ask: &InspectAsk) -> Result<Inspected> {
        let mut source = Source::of(path);
        source.series = Some(Settings { key: ask.key.clone(), order: ask.order.clone(), ..Settings::default() });
        source.delimiter = ask.delimiter;
        source.header = ask.header;
        source.missing = ask.missing.clone();
        let series = Series::read(&source, &mut crate::Quiet)?;
        let (shape, sequences, notes) = Shape::of(&series, &source)?;
        let said: String = notes.iter().fold(String::new(), |all, note| format!("{all}{note}\n"));
        let text = format!("{}: series\n{said}\n{}\n{}", path.display(), parts(&shape), drawn(&shape, &sequences));
        let json = serde_json::json!({
            "sequences": sequences.count(),
            "steps": sequences.steps.rows,
            "lengths": shape.lengths,
            "shape": shape,
            "notes": notes,
        });
        Ok(Inspected { text, json })
    }

    fn config_schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(verisim_train::schema::<Series>(generator))
    }

    fn describe(spec: &Spec) -> String {
        let told = &spec.steps.rules.told;
        let rules = told.iter().fold(String::new(), |all, rule| format!("{all}  {rule}\n"));
        match told.is_empty() {
            true => parts(&spec.shape),
            false => format!("{}\nRules between the columns of a step:\n{rules}", parts(&spec.shape)),
        }
    }

    fn eyes(_: &<Self as verisim_metrics::Compare>::Ask) -> Result<Box<()>> {
        Ok(Box::new(()))
    }

    fn styled(mut spec: Spec, ask: &Ask) -> Result<Spec> {
        if let Some(delimiter) = ask.delimiter {
            spec.shape.dialect = Some(crate::table::dialect(delimiter, spec.shape.dialect)?);
        }
        Ok(spec)
    }

    /// Sixty sequences of two columns that swing and one of categories, at uneven times, so that every model has something to learn.
    fn stand_in(folder: &Path) -> Result<PathBuf> {
        let path = folder.join("swings.csv");
        let mut text = String::from("sensor,minute,level,load,state\n");
        for sensor in 0..60 {
            let mut rng = stream(1, "swings", sensor);
            let (mut level, phase, mut minute) = (0.0, normal(&mut rng), 0);
            for hour in 0..48 {
                level = 0.9 * level + normal(&mut rng);
                let load = (f64::from(hour) / 24.0 * std::f64::consts::TAU + phase).sin() + 0.1 * level;
                let state = ["low", "high"][usize::from(level > 1.0)];
                text += &format!("s{sensor:03},{minute},{level:.3},{load:.3},{state}\n");
                minute += 30 + below(&mut rng, 60);
            }
        }
        write_atomically(&path, text.as_bytes()).map_err(Error::from)?;
        Ok(path)
    }

    fn bench_ask(seed: u64) -> Ask {
        Ask { n: Some(128), seed, ..Ask::default() }
    }
}

/// The sequences in a table, if its rows look as if they belong together in time, for people who look at it as a table.
pub(crate) fn seen_in(table: &Table, schema: &verisim_data::table::Schema) -> Result<Option<(String, Value)>> {
    let Some(found) = recognise(table, schema)? else { return Ok(None) };
    let said =
        |flag: &str, column: &Option<String>| column.as_ref().map(|c| format!(" --{flag} {c}")).unwrap_or_default();
    let text = format!(
        "Rows that belong together in time:\n{found}To see them as series: --order and --key, here{}{}; to learn them: a model of series, such as \
         [model.var].\n",
        said("key", &found.key),
        said("order", &found.order)
    );
    let json = serde_json::to_value(&found).map_err(|e| Error::Ask { problem: e.to_string() })?;
    Ok(Some((text, json)))
}

/// The first sequences as lines, a column each.
fn drawn(shape: &Shape, sequences: &Sequences) -> String {
    const SEQUENCES: usize = 3;
    const COLUMNS: usize = 6;
    let schema = shape.step_fields();
    let fields: Vec<_> =
        schema.modelled().zip(&sequences.steps.columns).filter(|(f, _)| f.is_number()).take(COLUMNS).collect();
    let width = fields.iter().map(|(f, _)| f.name.chars().count()).max().unwrap_or(0).min(28);
    let mut text = String::new();
    for i in 0..sequences.count().min(SEQUENCES) {
        text += &format!("Sequence {} of {}, {} steps\n", i + 1, sequences.count(), sequences.steps_of(i).len());
        for (field, column) in &fields {
            if let Column::Number(values) = column {
                let name: String = field.name.chars().take(width).collect();
                text += &format!("  {name:width$}  {}\n", line(&values[sequences.steps_of(i)]));
            }
        }
    }
    text
}

/// Numbers as a line of blocks, at most sixty wide; a space where all are missing.
fn line(values: &[f64]) -> String {
    const WIDTH: usize = 60;
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let known = || values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = known().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let each = values.len().div_ceil(WIDTH).max(1);
    let block = |part: &[f64]| {
        let known: Vec<f64> = part.iter().copied().filter(|v| v.is_finite()).collect();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        match (known.is_empty(), high > low) {
            (true, _) => ' ',
            (false, true) => BLOCKS[(((mean - low) / (high - low) * 7.0).round() as usize).min(7)],
            (false, false) => BLOCKS[3],
        }
    };
    values.chunks(each).map(block).collect()
}

/// What is the same throughout a sequence, and what changes.
fn parts(shape: &Shape) -> String {
    let part = |title: &str, schema: &verisim_data::table::Schema| match schema.fields.is_empty() {
        true => String::new(),
        false => format!("{title}:\n{schema}\n"),
    };
    part("The same throughout a sequence", &shape.context) + &part("What changes", &shape.steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_drawn_as_blocks() {
        assert_eq!(line(&[0.0, 1.0, f64::NAN, 7.0]), "▁▂ █");
        assert_eq!(line(&[2.0, 2.0]), "▄▄");
        assert_eq!(line(&(0..600).map(f64::from).collect::<Vec<_>>()).chars().count(), 60);
    }
}
