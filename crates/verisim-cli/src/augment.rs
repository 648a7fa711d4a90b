//! `verisim augment`.

use std::io::Write as _;

use anyhow::{Result, bail};
use verisim::augment;
use verisim::augment::{Ask, Files};
use verisim::number::grouped;

use crate::args;
use crate::ui::{Ui, hear_interrupts};

pub fn run(args: &args::Augment, ui: &Ui) -> Result<()> {
    if let Some(kind) = &args.steps {
        return list(kind);
    }
    if let (Some(parts), Some(out)) = (&args.join, &args.output) {
        augment::join(parts, out)?;
        ui.say(format!("put {} parts together: {}", parts.len(), out.display()));
        return Ok(());
    }
    let (part, parts) = args.shard.unwrap_or((1, 1));
    let mut set = args.set.clone();
    set.extend(args.seed.map(|seed| format!("seed={seed}")));
    let files = Files {
        data: args.data.clone().unwrap_or_default(),
        out: args.output.clone().unwrap_or_default(),
        times: args.times,
        originals: !args.no_originals,
        shard: (part.saturating_sub(1), parts),
        replace: args.force,
        replay: args.replay.clone(),
        even_holdout: args.even_holdout,
    };
    let ask = Ask { pipeline: args.pipeline.clone().unwrap_or_default(), set, files };
    if let Some(picture) = &args.preview {
        augment::preview(&ask, picture)?;
        ui.say(format!("drew {}", picture.display()));
        return Ok(());
    }
    hear_interrupts("stopping; nothing is left half-written")?;
    let done = augment(&ask, &mut ui.watch())?;
    done.notes.iter().for_each(|note| ui.say(note));
    let rate = grouped(((done.kept + done.made) as f64 / done.seconds.max(1e-9)) as u64);
    let kept =
        if args.no_originals { String::new() } else { format!("{} {} as they were, ", grouped(done.kept), done.unit) };
    ui.say(format!("{kept}{} {} made ({rate}/s): {}", grouped(done.made), done.unit, ask.files.out.display()));
    if args.json {
        let json = serde_json::json!({
            "unit": done.unit, "kept": done.kept, "made": done.made, "notes": done.notes, "seconds": done.seconds,
            "output": args.output,
        });
        writeln!(std::io::stdout(), "{json}")?;
    }
    Ok(())
}

/// Most pairs that are printed.
const PAIRS: usize = 20;

/// `verisim leaks`.
pub fn leaks(args: &args::Leaks, ui: &Ui) -> Result<()> {
    let found = verisim::leaks(&args.first, &args.second, &mut ui.watch())?;
    found.notes.iter().for_each(|note| ui.say(note));
    let mut out = std::io::stdout().lock();
    if args.json {
        let json = serde_json::json!({
            "unit": found.unit, "compared": [found.compared.0, found.compared.1], "copies": found.copies, "pairs": found.pairs,
            "notes": found.notes,
        });
        writeln!(out, "{json}")?;
    } else {
        told(&found, args, &mut out)?;
    }
    if args.strict && found.copies > 0 {
        bail!("there are copies on both sides");
    }
    Ok(())
}

/// The pairs, and how many there are.
fn told(found: &verisim::augment::Leaks, args: &args::Leaks, out: &mut impl std::io::Write) -> Result<()> {
    for (a, b) in found.pairs.iter().take(PAIRS) {
        writeln!(out, "{b}  looks like a copy of  {a}")?;
    }
    if found.pairs.len() > PAIRS {
        writeln!(out, "... and {} more pairs", found.pairs.len() - PAIRS)?;
    }
    let (copies, all) = (grouped(found.copies), grouped(found.compared.1));
    let (unit, second, first) = (found.unit, args.second.display(), args.first.display());
    Ok(writeln!(out, "{copies} of {all} {unit} of {second} look like copies of {unit} of {first}")?)
}

/// Prints steps and their settings.
fn list(kind: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let kinds: Vec<_> = augment::steps().into_iter().filter(|(name, _)| kind == "all" || *name == kind).collect();
    if kinds.is_empty() {
        bail!("there are no steps for `{kind}`; there are those for image, table, series, text and sound");
    }
    for (kind, steps) in kinds {
        writeln!(out, "[[{kind}]]")?;
        for step in steps {
            writeln!(out, "\n{}: {}", step.name, step.about)?;
            let width = step.settings.iter().map(|(key, value, _)| key.len() + value.len() + 3).max().unwrap_or(0);
            for (key, value, about) in &step.settings {
                writeln!(out, "    {:<width$}  {about}", format!("{key} = {value}"))?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}
