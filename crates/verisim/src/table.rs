//! Tables, as the verbs want them.

use std::path::{Path, PathBuf};

use rayon::current_num_threads;
use schemars::{Schema, SchemaGenerator};
use serde::Deserialize;
use verisim_data::file::write_atomically;
use verisim_data::number::grouped;
use verisim_data::table::rules::{Chosen, RuleSettings, Told};
use verisim_data::table::{Detected, Dialect, Source, Spec, Table};
use verisim_data::{Target, Watch};
use verisim_infer::Artefact;
use verisim_infer::table::{Ask, CHUNK};
#[cfg(feature = "neural")]
use verisim_train::{Ended, Job, Machine, Results};

use crate::error::{Error, Result};
use crate::impute::Imputed;
use crate::kind::{Inspected, Kind};
use crate::score::Scores;
use crate::split::Split;
use crate::wine::wine;

/// What a table is looked at with.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InspectAsk {
    /// What separates the cells of a text file; found from its first lines when not given.
    pub delimiter: Option<char>,
    /// Whether the first line of a text file holds the names of the columns; true when not given.
    pub header: Option<bool>,
    /// Texts that mean "no value here".
    pub missing: Option<Vec<String>>,
}

impl Kind for Table {
    const DEFAULT: &'static str = "trees";
    const FIRST: &'static str = "synthetic.csv";
    const STAND_IN: &'static str = "stand-in table";
    const STREAMS: bool = true;
    type InspectAsk = InspectAsk;

    fn inspect(path: &Path, ask: &InspectAsk) -> Result<Inspected> {
        let source: Source =
            Source { delimiter: ask.delimiter, header: ask.header, missing: ask.missing.clone(), ..Source::default() };
        let table = Table::read(path, &source.options())?;
        let found = Detected::of(&table, &source.columns)?;
        let rules = rules(&table, &found.schema)?;
        let series = crate::series::seen_in(&table, &found.schema)?;
        let notes: String = table.notes.iter().map(|note| format!("\nNote: {note}\n")).collect();
        let text = format!(
            "{}: {} rows, {} columns\n{notes}\n{found}\n{}{}{}To overrule a line, set its kind under [data.columns] in the config.\n",
            path.display(),
            grouped(table.rows as u64),
            table.names.len(),
            found.notes().iter().fold(String::new(), |all, note| all + note + "\n"),
            said(&rules),
            series.as_ref().map(|(text, _)| text.as_str()).unwrap_or_default()
        );
        let mut json = serde_json::to_value(&found).map_err(|e| Error::Ask { problem: e.to_string() })?;
        json["notes"] = [table.notes.clone(), found.notes()].concat().into();
        json["series"] = series.map(|(_, json)| json).unwrap_or_default();
        json["rules"] = serde_json::to_value(&rules).map_err(|e| Error::Ask { problem: e.to_string() })?;
        Ok(Inspected { text, json })
    }

    fn config_schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(verisim_train::schema::<Table>(generator))
    }

    fn split(path: &Path, ask: &crate::split::Ask) -> Result<Split> {
        crate::split::table(path, ask)
    }

    fn impute(
        artefact: &Artefact<Table>,
        _: &Path,
        ask: &crate::impute::Ask,
        to: Target<'_>,
        watch: &mut dyn Watch,
    ) -> Result<Imputed> {
        crate::impute::table(artefact, ask, to, watch)
    }

    fn score(artefact: &Artefact<Table>, _: &Path, ask: &crate::score::Ask, watch: &mut dyn Watch) -> Result<Scores> {
        crate::score::table(artefact, ask, watch)
    }

    #[cfg(feature = "neural")]
    fn besides(
        job: &Job<Table>,
        machine: &Machine,
        results: &Results,
        ended: Ended,
        watch: &mut dyn Watch,
    ) -> Result<Ended> {
        match &job.text {
            Some(text) => crate::writer::learn(job, text, machine, results, ended, watch),
            None => Ok(ended),
        }
    }

    #[cfg(feature = "neural")]
    fn is_begun_besides(out: &Path) -> bool {
        crate::writer::is_begun(out)
    }

    fn describe(spec: &Spec) -> String {
        let told = &spec.codec.rules.told;
        let rules = told.iter().fold(String::new(), |all, rule| format!("{all}  {rule}\n"));
        match told.is_empty() {
            true => spec.schema.to_string(),
            false => format!("{}\nRules between columns:\n{rules}", spec.schema),
        }
    }

    fn styled(mut spec: Spec, ask: &Ask) -> Result<Spec> {
        if let Some(delimiter) = ask.delimiter {
            spec.schema.dialect = Some(dialect(delimiter, spec.schema.dialect)?);
        }
        Ok(spec)
    }

    fn eyes(_: &verisim_metrics::table::Ask) -> Result<Box<()>> {
        Ok(Box::new(()))
    }

    /// The wines of [`demo`](crate::demo()), ten times over, so that batches are as large as with a table of usual length.
    fn stand_in(folder: &Path) -> Result<PathBuf> {
        const TIMES: usize = 10;
        let (once, rest, path) = (folder.join("once.csv"), folder.join("rest.csv"), folder.join("wines.csv"));
        wine(&once, &rest)?;
        let text = std::fs::read_to_string(&once).map_err(Error::io(&once))?;
        let (header, lines) = text.split_once('\n').unwrap_or_default();
        write_atomically(&path, format!("{header}\n{}", lines.repeat(TIMES)).as_bytes())?;
        Ok(path)
    }

    /// As many chunks as are drawn at a time.
    fn bench_ask(seed: u64) -> Ask {
        Ask { n: 2 * current_num_threads().max(1) * CHUNK, seed, ..Ask::default() }
    }
}

/// How text is written whose cells are separated so.
pub(crate) fn dialect(delimiter: char, learnt: Option<Dialect>) -> Result<Dialect> {
    let dialect = Dialect { delimiter, by_name: false, ..learnt.unwrap_or_default() };
    match dialect.problem() {
        Some(_) => {
            let problem = format!("`{delimiter}` cannot separate cells; ask for an ASCII character that is no quote");
            Err(Error::Ask { problem })
        }
        None => Ok(dialect),
    }
}

/// Numbers that the codec of most models holds one by one.
const HELD: usize = 256;

/// The rules between the columns of a table, as a training would keep them.
fn rules(table: &Table, schema: &verisim_data::table::Schema) -> Result<Vec<Told>> {
    let frame = schema.parse(table)?;
    Ok(Chosen::of(schema, &frame, &RuleSettings::default(), 0, HELD)?.rules.told)
}

/// Rules for people, with what to do about one that is none.
fn said(rules: &[Told]) -> String {
    match rules.is_empty() {
        true => String::new(),
        false => {
            let all = rules.iter().fold(String::new(), |all, rule| format!("{all}  {rule}\n"));
            format!(
                "Rules between columns:\n{all}To overrule one, name it in rules = {{ drop = [..] }} under [data].\n"
            )
        }
    }
}
