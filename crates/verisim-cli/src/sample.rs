//! `verisim sample`.

use std::io::Write as _;

use anyhow::Result;
use verisim::{Sampled, To, number::grouped, sample};

use crate::args::Sample;
use crate::ui::{Ui, hear_interrupts};

pub fn run(args: &Sample, ui: &Ui) -> Result<()> {
    // A stream keeps what it got, so that there the program may end at any time.
    if args.output.is_some() {
        hear_interrupts("stopping after this part; Ctrl-C again ends at once, and may leave a hidden file")?;
    }
    let to = match &args.output {
        Some(path) => To::Path(path),
        None => To::Stream(Box::new(std::io::stdout())),
    };
    let Sampled { unit, summary, seconds, picture } =
        sample(&args.model, args.ask(), to, args.device.0, &mut ui.watch())?;
    if let Some(summary) = summary {
        let (count, tried) = (grouped(summary.count), grouped(summary.tried));
        if summary.tried > summary.count {
            let rate = 100.0 * summary.count as f64 / summary.tried as f64;
            ui.say(format!("{count} of {tried} {unit} tried satisfy the conditions ({rate:.3} %)"));
        }
        if let Some(path) = &args.output {
            let rate = grouped((summary.count as f64 / seconds.max(1e-9)) as u64);
            ui.say(format!("wrote {count} {unit} to {} in {seconds:.2} s ({rate} {unit}/s)", path.display()));
            if args.json {
                let json = serde_json::json!({
                    unit: summary.count, "seconds": seconds, "output": path.to_string_lossy(), "tried": summary.tried
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
