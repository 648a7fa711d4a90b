//! `verisim inspect`.

use std::io::Write as _;

use anyhow::Result;
use verisim::inspect;

use crate::args::Inspect;

pub fn run(args: &Inspect) -> Result<()> {
    let found = inspect(&args.file, args.ask())?;
    let mut out = std::io::stdout().lock();
    match args.json {
        true => writeln!(out, "{:#}", found.json)?,
        false => write!(out, "{}", found.text)?,
    }
    Ok(())
}
