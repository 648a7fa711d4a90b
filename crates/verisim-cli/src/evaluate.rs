//! `verisim evaluate`.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use verisim_data::image::is_image_source;
use verisim_data::table::io::ReadOptions;
use verisim_data::table::schema::DetectOptions;
use verisim_data::{Schema, Table};
use verisim_metrics::{Report, compare};
use verisim_models::artefact::{self, Content, check_writable, write_atomically};

use crate::args::Evaluate;
use crate::evaluate_images;
use crate::ui::Ui;

pub fn run(args: &Evaluate, ui: &Ui) -> Result<()> {
    check_outputs(args)?;
    if is_image_source(&args.real) {
        return evaluate_images::run(args, ui);
    }
    refuse_image_arguments(args)?;
    let mut read = ReadOptions { delimiter: args.delimiter, ..Default::default() };
    if !args.missing.is_empty() {
        read.missing = args.missing.clone();
    }
    let options = verisim_metrics::Options { target: args.target.clone(), seed: args.seed, ..Default::default() };
    let schema = match &args.model {
        Some(model) => match artefact::load(&verisim_infer::file_of(model))?.0.content {
            Content::Table { schema, .. } => Some(schema),
            Content::Images { .. } => bail!("{}: makes images, and these are tables", model.display()),
        },
        None => None,
    };
    let files = Files { real: &args.real, synthetic: &args.synthetic, holdout: args.holdout.as_deref() };
    let report = report(&files, schema, &read, &options, ui)?;
    put(args, &Forms { text: report.to_text(), json: report.to_json()?, html: report.to_html() }, ui)
}

/// Refuses what means nothing for tables. A table that is not there is missed by its reader.
fn refuse_image_arguments(args: &Evaluate) -> Result<()> {
    let given =
        [("--features", args.features.is_some()), ("--pairs", args.pairs.is_some()), ("--size", args.size.is_some())];
    refuse(&given, &format!("is for images, and {} is no set of images; leave it out", args.real.display()))?;
    let others = [Some(&args.synthetic), args.holdout.as_ref()].into_iter().flatten();
    match others.into_iter().find(|other| args.real.is_file() && is_image_source(other)) {
        Some(images) => bail!(
            "{} is a set of images, and {} is none; compare images with images and rows with rows",
            images.display(),
            args.real.display()
        ),
        None => Ok(()),
    }
}

/// An error about the first argument that was given.
pub fn refuse(arguments: &[(&str, bool)], why: &str) -> Result<()> {
    match arguments.iter().find(|(_, given)| *given) {
        Some((name, _)) => bail!("{name} {why}"),
        None => Ok(()),
    }
}

/// A report in every form that can be asked for.
pub struct Forms {
    pub text: String,
    pub json: String,
    pub html: String,
}

/// Prints and writes a report as it was asked for.
pub fn put(args: &Evaluate, report: &Forms, ui: &Ui) -> Result<()> {
    // Files first, since a reader of the text may hang up (`| head`); the text comes even if the disk is full by now.
    let files = || -> Result<()> {
        if let Some(path) = json_file(args) {
            write_atomically(path, report.json.as_bytes())?;
        }
        if let Some(path) = &args.html {
            write_atomically(path, report.html.as_bytes())?;
            ui.say(format!("wrote {}", path.display()));
        }
        Ok(())
    };
    let written = files();
    let printed = match args.json.is_some() && json_file(args).is_none() {
        true => writeln!(std::io::stdout(), "{}", report.json),
        false => write!(std::io::stdout(), "{}", report.text),
    };
    written.and(Ok(printed?))
}

/// The file that the JSON goes to, if not to standard output.
fn json_file(args: &Evaluate) -> Option<&Path> {
    args.json.as_deref().filter(|path| *path != Path::new("-"))
}

/// Refuses files that cannot be written, before the work that would be lost.
fn check_outputs(args: &Evaluate) -> Result<()> {
    let files = [json_file(args), args.html.as_deref(), args.pairs.as_deref()];
    Ok(files.into_iter().flatten().try_for_each(check_writable)?)
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
