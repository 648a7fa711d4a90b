//! `verisim sample`.

use std::fs::File;
use std::io::Write as _;

use anyhow::{Result, bail};
use verisim::{Sampled, To, number::grouped, sample};

use crate::args::Sample;
use crate::pipe::{Format, is_pipe};
use crate::ui::{Ui, hear_interrupts};

/// A larger part of the rows that is lost to the rules of the data is told.
const WORTH_TELLING: f64 = 0.01;

pub fn run(args: &Sample, ui: &Ui) -> Result<()> {
    let output = args.output.as_deref().filter(|path| !is_pipe(path));
    if output.is_some() && args.format.is_some() {
        bail!("--format is for standard output; the name of a file says its format");
    }
    // A stream keeps what it got, so that there the program may end at any time.
    if output.is_some() {
        hear_interrupts("stopping after this part; Ctrl-C again ends at once, and may leave a hidden file")?;
    }
    let by_file = args.format.filter(|format| *format != Format::Csv);
    let made = by_file.map(|format| Ok::<_, anyhow::Error>((tempfile::tempdir()?, format))).transpose()?;
    let made = made.map(|(folder, format)| (folder.path().join(format!("out.{}", format.ending())), folder));
    let to = match (output, &made) {
        (Some(path), _) => To::Path(path),
        (None, Some((path, _))) => To::Path(path),
        (None, None) => To::Stream(Box::new(std::io::stdout())),
    };
    let Sampled { unit, summary, seconds, picture } =
        sample(&args.model, args.ask(), to, args.device.0, &mut ui.watch())?;
    if let Some((path, _)) = &made {
        std::io::copy(&mut File::open(path)?, &mut std::io::stdout().lock())?;
    }
    if let Some(summary) = summary {
        let (count, tried) = (grouped(summary.count), grouped(summary.tried));
        if summary.tried > summary.count {
            let rate = 100.0 * summary.count as f64 / summary.tried as f64;
            ui.say(format!("{count} of {tried} {unit} tried satisfy the conditions ({rate:.3} %)"));
        }
        let lost = summary.lost as f64 / (summary.tried + summary.lost).max(1) as f64;
        if lost > WORTH_TELLING {
            let lost = 100.0 * lost;
            ui.say(format!("{lost:.1} % of the {unit} drawn broke a rule of the data and were drawn again"));
        }
        if let Some(path) = output {
            let rate = grouped((summary.count as f64 / seconds.max(1e-9)) as u64);
            // One sequence, one image.
            let made = if summary.count == 1 { unit.trim_end_matches('s') } else { unit };
            ui.say(format!("wrote {count} {made} to {} in {seconds:.2} s ({rate} {unit}/s)", path.display()));
            if args.json {
                let json = serde_json::json!({
                    unit: summary.count, "seconds": seconds, "output": path.to_string_lossy(), "tried": summary.tried,
                    "lost": summary.lost
                });
                writeln!(std::io::stdout(), "{json}")?;
            }
        }
    }
    if let Some(path) = picture {
        ui.say(format!("wrote {}", path.display()));
    }
    Ok(())
}
