//! `edge-cases`: what a program should have been given before its users give it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use verisim_data::file::write_atomically;
use verisim_data::table::{ReadSettings, Table, Writer};
use verisim_infer::table::{Seen, block, score};
use verisim_infer::{Artefact, file_of};
use verisim_rules::edge::cases::{Report, Settings, cases};
use verisim_rules::edge::cover::{Effort, cover};
use verisim_rules::edge::form::Form;
pub use verisim_rules::edge::stress::Shares;
use verisim_rules::edge::{pict, stress};
use verisim_rules::import;

use crate::device::{Choice, choose};
use crate::error::{Error, Result};
use crate::{world, written};

/// Rows of a world or a file that a form is made from.
const LOOK: usize = 5_000;
/// Rows that a model draws for each of its least likely that are wanted.
const DRAWN: usize = 50;

/// What is asked of edge cases.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// A form, a world, a schema, a table, a model of PICT, or a trained artefact.
    pub of: PathBuf,
    /// Which table, where there are several.
    pub table: Option<String>,
    /// Of how many fields all combinations of values occur.
    pub strength: usize,
    /// Whether there are rows with one fault each.
    pub invalid: bool,
    /// The seed.
    pub seed: u64,
    /// In place of cases: the rows of a table, with such shares of trouble.
    pub stress: Option<Shares>,
    /// Of a trained artefact: how many of its least likely rows.
    pub rare: usize,
    /// Where the cases go: a file that ends in `.csv` or `.jsonl`; standard output when not given.
    pub out: Option<PathBuf>,
    /// A file that is there and is not as an earlier run left it is replaced.
    pub force: bool,
    /// What an artefact is drawn on.
    pub device: Choice,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct EdgeCases {
    /// The cases, as CSV or JSON lines.
    pub text: Vec<u8>,
    /// For people, what they cover, a sentence each.
    pub notes: Vec<String>,
}

/// Makes edge cases and writes them, if they have a place to go.
///
/// # Errors
/// When the source cannot be understood, or the result cannot be written.
pub fn edge_cases(ask: &Ask) -> Result<EdgeCases> {
    if let (Some(out), false) = (&ask.out, ask.force) {
        written::check_own(out)?;
    }
    let made = make(ask)?;
    ask.out.iter().for_each(|out| written::note(out));
    Ok(made)
}

fn make(ask: &Ask) -> Result<EdgeCases> {
    let json = ask.out.as_ref().is_some_and(|out| out.extension().is_some_and(|e| e == "jsonl" || e == "json"));
    let made = match &ask.stress {
        Some(shares) => stressed(ask, shares)?,
        None if is_artefact(&ask.of) => return rare(ask),
        None if ending(&ask.of) == "pict" => covered(ask)?,
        None => {
            let (form, mut notes) = form(ask)?;
            let settings = Settings { strength: ask.strength, invalid: ask.invalid, odd: true, seed: ask.seed };
            let cases = cases(&form, &settings)?;
            let mut text = Vec::new();
            let written = if json { cases.write_json(&mut text) } else { cases.write_csv(&mut text) };
            written.map_err(|e| Error::Ask { problem: e.to_string() })?;
            notes.extend(said(&cases.report));
            EdgeCases { text, notes }
        }
    };
    if let Some(out) = &ask.out {
        write_atomically(out, &made.text)?;
    }
    Ok(made)
}

fn ending(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

fn is_artefact(path: &Path) -> bool {
    ending(path) == "safetensors" || (path.is_dir() && file_of(path).exists())
}

/// What the cases cover, in words.
fn said(report: &Report) -> Vec<String> {
    let combined = &report.combinations;
    let mut all = vec![format!(
        "{} valid rows cover {} of {} combinations of {} fields' values; {} are excluded by constraints",
        report.valid, combined.covered, combined.required, report.strength, combined.excluded
    )];
    all.push(format!("{} invalid rows have one fault each", report.invalid));
    for field in &report.fields {
        all.push(format!(
            "{}: {} values combined, {} tried once, {} invalid",
            field.name, field.combined, field.once, field.invalid
        ));
    }
    all.extend(report.notes.iter().cloned());
    all
}

/// The form of what is asked, and what could not be understood.
fn form(ask: &Ask) -> Result<(Form, Vec<String>)> {
    let path = &ask.of;
    let read =
        || std::fs::read_to_string(path).map_err(|source| verisim_data::Error::Io { path: path.clone(), source });
    let is_world = |text: &str| text.lines().any(|l| l.trim_start().starts_with("[tables."));
    match ending(path).as_str() {
        "toml" => {
            let text = read()?;
            if !is_world(&text) {
                return Ok((Form::read(path, &text)?, Vec::new()));
            }
            of_rows(&world_rows(ask)?, path)
        }
        "sql" | "ddl" | "avsc" | "json" | "yaml" | "yml" => {
            let description = import::read(path, &read()?)?;
            let mut notes: Vec<String> = description.notes.iter().map(ToString::to_string).collect();
            let table = match &ask.table {
                Some(name) => description.table(name),
                None => description.tables.first(),
            };
            let names: Vec<&str> = description.tables.iter().map(|t| t.name.as_str()).collect();
            let table = table.ok_or_else(|| {
                let asked = ask.table.as_deref().unwrap_or("any");
                Error::Ask {
                    problem: format!("{}: there is no table `{asked}`; there are {}", path.display(), names.join(", ")),
                }
            })?;
            if ask.table.is_none() && names.len() > 1 {
                notes.push(format!("cases of `{}`; the file has {}", table.name, names.join(", ")));
            }
            let (form, more) = table.form();
            notes.extend(more.iter().map(ToString::to_string));
            Ok((form, notes))
        }
        _ if path.is_file() => of_rows(&file_rows(path)?, path),
        _ => of_rows(&world_rows(ask)?, path),
    }
}

fn of_rows(rows: &RecordBatch, path: &Path) -> Result<(Form, Vec<String>)> {
    let name = path.file_stem().map_or("table".into(), |name| name.to_string_lossy().into_owned());
    let (form, notes) = import::data::describe(&name, rows)?.form();
    Ok((form, notes.iter().map(ToString::to_string).collect()))
}

/// Rows of a world's table.
fn world_rows(ask: &Ask) -> Result<RecordBatch> {
    let of = world::Ask { world: ask.of.clone(), seed: Some(ask.seed), rows: None, device: ask.device };
    world::head(&of, ask.table.as_deref(), LOOK)
}

/// Rows of a file, numbers and dates as such.
fn file_rows(path: &Path) -> Result<RecordBatch> {
    let table = Table::read(path, &ReadSettings::default())?;
    Ok(verisim_rules::make::lookup::batch(&table)?)
}

/// The rows of a table with trouble in them.
fn stressed(ask: &Ask, shares: &Shares) -> Result<EdgeCases> {
    let rows = if ask.of.is_file() && ending(&ask.of) != "toml" { file_rows(&ask.of)? } else { world_rows(ask)? };
    let made = stress::stress(&rows, shares, ask.seed)?;
    let text = verisim_rules::output::csv(&made)?;
    let notes = vec![format!(
        "{} rows, of {} before; the last column names what is wrong with a row",
        made.num_rows(),
        rows.num_rows()
    )];
    Ok(EdgeCases { text, notes })
}

/// The rows of a model of PICT.
fn covered(ask: &Ask) -> Result<EdgeCases> {
    let text =
        std::fs::read_to_string(&ask.of).map_err(|source| verisim_data::Error::Io { path: ask.of.clone(), source })?;
    let model = pict::read(&ask.of, &text)?;
    let made = cover(&model, &Effort { strength: ask.strength, seed: ask.seed, ..Effort::default() })?;
    let names: Vec<String> = model.parameters.iter().map(|p| p.name.clone()).collect();
    let mut text = Vec::new();
    for row in std::iter::once(names).chain(made.named(&model)) {
        // As PICT writes them; a list of bytes takes all that is written.
        let _ = writeln!(text, "{}", row.join("\t"));
    }
    let coverage = &made.coverage;
    let mut notes = vec![format!(
        "{} rows cover {} of {} combinations; {} are excluded by constraints",
        made.rows.len(),
        coverage.covered,
        coverage.required,
        coverage.excluded
    )];
    notes.extend(coverage.notes.iter().cloned());
    Ok(EdgeCases { text, notes })
}

/// The least likely of many rows that a trained artefact draws: rare, and like real ones.
fn rare(ask: &Ask) -> Result<EdgeCases> {
    let device = choose(ask.device)?;
    let artefact = Artefact::<Table>::open(&ask.of, &device.machine.device)?;
    let drawn = block(&artefact, ask.seed, (ask.rare * DRAWN).max(1_000), None)?;
    let scores = score::of_file(&artefact, &Seen::new(&artefact.spec, drawn.clone(), &[])?)?;
    let mut order: Vec<usize> = (0..drawn.rows).collect();
    order.sort_by(|&a, &b| scores.rows[a].total_cmp(&scores.rows[b]));
    order.truncate(ask.rare);
    let rare = drawn.take(&order)?;
    let schema = &artefact.spec.schema;
    let mut text = Vec::new();
    match &ask.out {
        Some(out) => {
            let mut writer = Writer::create(out, schema)?;
            writer.write(&rare)?;
            writer.finish()?;
        }
        None => {
            let mut writer = Writer::csv_to(&mut text, schema)?;
            writer.write(&rare)?;
            writer.finish()?;
        }
    }
    let worst = order.first().map_or(f64::NAN, |&i| scores.rows[i]);
    let notes = vec![format!(
        "the {} least likely of {} rows drawn, the first with a log-probability of {worst:.1}",
        rare.rows, drawn.rows
    )];
    Ok(EdgeCases { text, notes })
}
