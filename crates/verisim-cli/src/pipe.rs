//! `-`: standard input and output in place of files.
//!
//! What comes in is kept in a temporary file, since it is looked at before it is read; its name ends as `--format` says, so the
//! library knows of nothing but files.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use tempfile::TempDir;

use crate::args::Command;

/// The formats of a table that come through a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Delimited text.
    Csv,
    /// Text with tabs.
    Tsv,
    /// A JSON array of objects.
    Json,
    /// A JSON object a line.
    Jsonl,
    /// Parquet.
    Parquet,
    /// Arrow IPC.
    Arrow,
    /// An Excel workbook; input only.
    Xlsx,
}

impl Format {
    /// How names of such files end.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Json => "json",
            Format::Jsonl => "jsonl",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
            Format::Xlsx => "xlsx",
        }
    }
}

/// Puts standard input in a file wherever a command names it by `-`. The file lives as long as what is returned.
pub fn take_input(command: &mut Command) -> Result<Option<TempDir>> {
    let (paths, format): (Vec<&mut PathBuf>, Option<Format>) = match command {
        Command::Train(a) => ([a.config.as_mut(), a.data.as_mut()].into_iter().flatten().collect(), a.format),
        Command::Impute(a) => (vec![&mut a.input], a.reading.format),
        Command::Score(a) => ([&mut a.file].into_iter().chain(a.reference.as_mut()).collect(), a.reading.format),
        Command::Inspect(a) => (vec![&mut a.file], a.format),
        Command::Evaluate(a) => {
            let holdout = a.holdout.as_mut();
            ([&mut a.real, &mut a.synthetic].into_iter().chain(holdout).collect(), a.format)
        }
        _ => return Ok(None),
    };
    let mut piped: Vec<&mut PathBuf> = paths.into_iter().filter(|path| is_pipe(path)).collect();
    match piped.as_mut_slice() {
        [] if format.is_some() => bail!("--format is for standard input; name it by -, or set data.format for a file"),
        [] => Ok(None),
        [path] => {
            let folder = tempfile::tempdir().context("no temporary folder for standard input")?;
            let name = format!("stdin.{}", format.unwrap_or(Format::Csv).ending());
            let file = folder.path().join(name);
            let mut out = File::create(&file).with_context(|| file.display().to_string())?;
            io::copy(&mut io::stdin().lock(), &mut out).context("standard input")?;
            **path = file;
            Ok(Some(folder))
        }
        _ => bail!("standard input can stand for one file only; give the others by name"),
    }
}

/// Whether a path means standard input or output.
pub fn is_pipe(path: &Path) -> bool {
    path == Path::new("-")
}
