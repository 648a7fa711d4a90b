//! `verisim demo`.

use std::io::Write as _;

use anyhow::Result;
use verisim::demo;

use crate::args::Demo;
use crate::ui::Ui;

pub fn run(args: &Demo, ui: &Ui) -> Result<()> {
    let made = demo(&args.out, &mut ui.watch())?;
    std::io::stdout().write_all(made.report.to_text().as_bytes())?;
    ui.say(format!("\nThe whole report: {}. The model: {}.", made.page.display(), made.model.display()));
    ui.say(format!("Try:  verisim sample {} -n 5 --where 'alcohol>=12' --where quality=7", args.out.display()));
    Ok(())
}
