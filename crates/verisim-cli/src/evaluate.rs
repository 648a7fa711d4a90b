//! `verisim evaluate`.

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use verisim::file::{check_writable, write_atomically};
use verisim::{Document, evaluate};

use crate::args::Evaluate;
use crate::ui::Ui;

pub fn run(args: &Evaluate, ui: &Ui) -> Result<()> {
    // Files that cannot be written are refused before the work that would be lost.
    [json_file(args), args.html.as_deref()].into_iter().flatten().try_for_each(check_writable)?;
    let report = evaluate(args.ask(), &mut ui.watch())?;
    // Files first, since a reader of the text may hang up (`| head`); the text comes even if the disk is full by now.
    let written = files(args, &report, ui);
    let printed = match args.json.is_some() && json_file(args).is_none() {
        true => writeln!(std::io::stdout(), "{}", report.to_json()),
        false => write!(std::io::stdout(), "{}", report.to_text()),
    };
    written.and(Ok(printed?))
}

/// Writes the report to the files that were asked for.
fn files(args: &Evaluate, report: &Document, ui: &Ui) -> Result<()> {
    if let Some(path) = json_file(args) {
        write_atomically(path, report.to_json().as_bytes())?;
    }
    if let Some(path) = &args.html {
        write_atomically(path, report.to_html().as_bytes())?;
        ui.say(format!("wrote {}", path.display()));
    }
    Ok(())
}

/// The file that the JSON goes to, if not to standard output.
fn json_file(args: &Evaluate) -> Option<&Path> {
    args.json.as_deref().filter(|path| *path != Path::new("-"))
}
