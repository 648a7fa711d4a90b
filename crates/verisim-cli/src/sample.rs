//! `verisim sample`.

use std::time::Instant;

use anyhow::Result;
use verisim_data::Writer;
use verisim_infer::{Artefact, Condition, Request, Summary};

use crate::args::Sample;
use crate::device::choose;
use crate::ui::{Ui, grouped};

pub fn run(args: &Sample, ui: &Ui) -> Result<()> {
    let artefact = Artefact::open(&args.model, &choose(args.device)?.device)?;
    let schema = &artefact.header.schema;
    let conditions = args.conditions.iter().map(|c| Condition::parse(c, schema)).collect::<Result<_, _>>()?;
    let request =
        Request { rows: args.n, seed: args.seed, conditions, balance: args.balance.clone(), max_tries: args.max_tries };
    artefact.check(&request)?;
    let begun = Instant::now();
    let progress = ui.progress(args.n as u64, "rows");
    let writer = match &args.output {
        Some(path) => Writer::create(path, schema)?,
        None => Writer::csv_to(std::io::stdout(), schema)?,
    };
    let summary = write(&artefact, &request, writer, &|done| progress.at(done, Some("")))?;
    progress.finish();
    let seconds = begun.elapsed().as_secs_f64();
    if summary.tried > summary.rows as u64 {
        let rate = 100.0 * summary.rows as f64 / summary.tried as f64;
        ui.say(format!(
            "{} of {} rows tried satisfy the conditions ({rate:.3} %)",
            grouped(summary.rows as u64),
            grouped(summary.tried)
        ));
    }
    if let Some(path) = &args.output {
        let rate = grouped((summary.rows as f64 / seconds.max(1e-9)) as u64);
        ui.say(format!(
            "wrote {} rows to {} in {seconds:.2} s ({rate} rows/s)",
            grouped(summary.rows as u64),
            path.display()
        ));
        if args.json {
            let json =
                serde_json::json!({ "rows": summary.rows, "tried": summary.tried, "seconds": seconds, "output": path });
            std::io::Write::write_all(&mut std::io::stdout(), format!("{json}\n").as_bytes())?;
        }
    }
    Ok(())
}

/// Samples into a writer; `done` hears of the rows written so far.
pub fn write(artefact: &Artefact, request: &Request, mut writer: Writer<'_>, done: &dyn Fn(u64)) -> Result<Summary> {
    let mut written = 0;
    let (sender, receiver) = std::sync::mpsc::channel();
    let summary = std::thread::scope(|scope| {
        let worker = scope.spawn(move || -> Result<Summary> {
            let summary = artefact.sample(request, |table| {
                writer.write(&table)?;
                let _ = sender.send(table.rows as u64);
                Ok(())
            })?;
            writer.finish()?;
            Ok(summary)
        });
        for rows in receiver {
            written += rows;
            done(written);
        }
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    Ok(summary)
}
