//! `verisim augment`.

use std::io::Write as _;

use anyhow::Result;
use verisim::augment;
use verisim::augment::{Ask, Files};
use verisim::number::grouped;

use crate::args;
use crate::ui::{Ui, hear_interrupts};

pub fn run(args: &args::Augment, ui: &Ui) -> Result<()> {
    let (part, parts) = args.shard.unwrap_or((1, 1));
    let mut set = args.set.clone();
    set.extend(args.seed.map(|seed| format!("seed={seed}")));
    let files = Files {
        data: args.data.clone(),
        out: args.output.clone(),
        times: args.times,
        originals: !args.no_originals,
        shard: (part.saturating_sub(1), parts),
        replace: args.force,
        replay: args.replay.clone(),
        even_holdout: args.even_holdout,
    };
    hear_interrupts("stopping; nothing is left half-written")?;
    let done = augment(&Ask { pipeline: args.pipeline.clone(), set, files }, &mut ui.watch())?;
    done.notes.iter().for_each(|note| ui.say(note));
    let rate = grouped(((done.kept + done.made) as f64 / done.seconds.max(1e-9)) as u64);
    let kept =
        if args.no_originals { String::new() } else { format!("{} {} as they were, ", grouped(done.kept), done.unit) };
    ui.say(format!("{kept}{} {} made ({rate}/s): {}", grouped(done.made), done.unit, args.output.display()));
    if args.json {
        let json = serde_json::json!({
            "unit": done.unit, "kept": done.kept, "made": done.made, "notes": done.notes, "seconds": done.seconds,
            "output": args.output,
        });
        writeln!(std::io::stdout(), "{json}")?;
    }
    Ok(())
}
