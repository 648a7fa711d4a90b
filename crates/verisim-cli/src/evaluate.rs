//! `verisim evaluate`.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use verisim_data::io::ReadOptions;
use verisim_data::schema::DetectOptions;
use verisim_data::{Schema, Table};
use verisim_metrics::{Report, compare};
use verisim_models::artefact::{self, write_atomically};

use crate::args::Evaluate;
use crate::ui::Ui;

pub fn run(args: &Evaluate, ui: &Ui) -> Result<()> {
    let mut read = ReadOptions { delimiter: args.delimiter, ..Default::default() };
    if !args.missing.is_empty() {
        read.missing = args.missing.clone();
    }
    let options = verisim_metrics::Options { target: args.target.clone(), seed: args.seed, ..Default::default() };
    let schema = match &args.model {
        Some(model) => Some(artefact::load(&verisim_infer::file_of(model))?.0.schema),
        None => None,
    };
    let files = Files { real: &args.real, synthetic: &args.synthetic, holdout: args.holdout.as_deref() };
    let report = report(&files, schema, &read, &options, ui)?;
    let json_to_stdout = args.json.as_deref() == Some(Path::new("-"));
    match &args.json {
        Some(_) if json_to_stdout => writeln!(std::io::stdout(), "{}", report.to_json()?)?,
        Some(path) => write_atomically(path, report.to_json()?.as_bytes())?,
        None => {}
    }
    if let Some(path) = &args.html {
        write_atomically(path, report.to_html().as_bytes())?;
        ui.say(format!("wrote {}", path.display()));
    }
    if !json_to_stdout {
        write!(std::io::stdout(), "{}", report.to_text())?;
    }
    Ok(())
}

/// The tables of an evaluation.
pub struct Files<'a> {
    pub real: &'a Path,
    pub synthetic: &'a Path,
    pub holdout: Option<&'a Path>,
}

/// Reads the tables under `schema`, or that of the real one, and compares them.
pub fn report(
    files: &Files<'_>,
    schema: Option<Schema>,
    read: &ReadOptions,
    options: &verisim_metrics::Options,
    ui: &Ui,
) -> Result<Report> {
    let Files { real, synthetic, holdout } = *files;
    let table = Table::read(real, read)?;
    let schema = match schema {
        Some(schema) => schema,
        None => Schema::detect(&table, &DetectOptions::default())?,
    };
    let real_frame = schema.parse(&table)?;
    let other = |path: &Path| -> Result<_> {
        let table = Table::read(path, read)?;
        let (frame, bad) = schema
            .parse_counting(&table)
            .with_context(|| format!("{} does not have the columns of {}", path.display(), real.display()))?;
        for (field, n) in schema.modelled().zip(bad) {
            if n > 0 {
                ui.say(format!(
                    "{}: {n} values of `{}` do not fit its kind and count as missing",
                    path.display(),
                    field.name
                ));
            }
        }
        Ok(frame)
    };
    let synthetic = other(synthetic)?;
    let holdout = holdout.map(other).transpose()?;
    let left_out: Vec<&str> = schema.fields.iter().filter(|f| !f.is_modelled()).map(|f| f.name.as_str()).collect();
    if !left_out.is_empty() {
        ui.say(format!("not compared (keys, text, constants): {}", left_out.join(", ")));
    }
    Ok(compare(&schema, &real_frame, &synthetic, holdout.as_ref(), options)?)
}
