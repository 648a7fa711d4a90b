//! `verisim impute`.

use std::io::Write as _;

use anyhow::Result;
use verisim::{To, impute, number::grouped};

use crate::args::Impute;
use crate::pipe::is_pipe;
use crate::ui::{Ui, hear_interrupts};

pub fn run(args: &Impute, ui: &Ui) -> Result<()> {
    let output = args.output.as_deref().filter(|path| !is_pipe(path));
    let to = match output {
        Some(path) => {
            hear_interrupts("stopping after this part; Ctrl-C again ends at once, and may leave a hidden file")?;
            To::Path(path)
        }
        None => To::Stream(Box::new(std::io::stdout())),
    };
    let made = impute(&args.model, &args.ask(), to, args.device.0, &mut ui.watch())?;
    let cells: usize = made.filled.iter().map(|(_, n)| n).sum::<usize>() - made.unfilled;
    let columns: Vec<String> = made.filled.iter().map(|(name, n)| format!("{name} {}", grouped(*n as u64))).collect();
    let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
    ui.say(format!(
        "filled {} empty cells of {} rows{columns} in {:.2} s",
        grouped(cells as u64),
        grouped(made.rows as u64),
        made.seconds
    ));
    if made.unfilled > 0 {
        ui.say(format!("{} cells are empty still: the model gave no value for them", grouped(made.unfilled as u64)));
    }
    made.paths.iter().for_each(|path| ui.say(format!("wrote {}", path.display())));
    if args.json && output.is_some() {
        let filled: serde_json::Map<_, _> = made.filled.iter().map(|(name, n)| (name.clone(), (*n).into())).collect();
        let paths: Vec<_> = made.paths.iter().map(|path| path.to_string_lossy()).collect();
        let json = serde_json::json!({
            "rows": made.rows, "filled": filled, "unfilled": made.unfilled, "seconds": made.seconds, "output": paths
        });
        writeln!(std::io::stdout(), "{json}")?;
    }
    Ok(())
}
