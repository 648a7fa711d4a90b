//! `verisim score`.

use std::io::Write as _;

use anyhow::Result;
use verisim::file::check_writable;
use verisim::score;

use crate::args::Score;
use crate::ui::Ui;

pub fn run(args: &Score, ui: &Ui) -> Result<()> {
    // A file that cannot be written is refused before the work that would be lost.
    args.output.as_deref().map_or(Ok(()), check_writable)?;
    let scores = score(&args.model, &args.ask(), args.device.0, &mut ui.watch())?;
    scores.notes.iter().for_each(|note| ui.say(note));
    if let Some(path) = &args.output {
        scores.write(path)?;
        ui.say(format!("wrote {}", path.display()));
    }
    match args.json {
        true => writeln!(std::io::stdout(), "{:#}", scores.to_json())?,
        false => write!(std::io::stdout(), "{}", scores.to_text())?,
    }
    Ok(())
}
