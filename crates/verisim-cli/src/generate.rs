//! `verisim generate` and `verisim check`.

use std::io::Write as _;

use anyhow::Result;
use verisim::edge::{self, Shares};
use verisim::number::grouped;
use verisim::world::{Ask, Cost, Making, Origin, Sheet, Target, WORLDS, costs, described, read, sheet};
use verisim::{check, edge_cases, generate};

use crate::args;
use crate::ui::{Ui, hear_interrupts};

pub fn run(args: &args::Generate, ui: &Ui) -> Result<()> {
    let ask = Ask { world: args.world.clone(), seed: args.seed, rows: args.rows, device: args.device.0 };
    let (part, parts) = args.shard.unwrap_or((1, 1));
    let target = Target::of(&args.output, args.format);
    let making = Making { target, shard: (part.saturating_sub(1), parts), force: args.force };
    if args.dry_run {
        return foreseen(&costs(&ask, &making)?, args.json);
    }
    hear_interrupts("stopping after this part; Ctrl-C again ends at once, and may leave hidden files")?;
    let all = generate(&ask, &making, &mut ui.watch())?;
    let mut json = Vec::new();
    for table in &all {
        let rate = grouped((table.rows as f64 / table.seconds.max(1e-9)) as u64);
        ui.say(format!("{}: {} rows ({rate} rows/s) to {}", table.table, grouped(table.rows), table.to));
        json.push(serde_json::json!({
            "table": table.table, "rows": table.rows, "seconds": table.seconds, "output": table.to, "models": table.models
        }));
        table.models.iter().for_each(|origin| ui.say(wrote(origin)));
    }
    if args.json {
        writeln!(std::io::stdout(), "{}", serde_json::Value::from(json))?;
    }
    Ok(())
}

/// What a model wrote of a column.
fn wrote(origin: &Origin) -> String {
    let mut said = format!("  {}: {} wrote {}", origin.column, origin.model, grouped(origin.cells.written));
    if let Some(missing) = origin.cells.missing() {
        let words: Vec<String> =
            origin.words.iter().map(|(reason, words)| format!("\n    {reason}: {words}")).collect();
        said += &format!("; missing: {missing}{}", words.concat());
    }
    said
}

/// Prints what asking would cost.
fn foreseen(all: &[Cost], json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(all)?)?;
        return Ok(());
    }
    for cost in all {
        let of = &cost.estimate;
        writeln!(
            out,
            "{}.{}, by {}: {} replies, {} kept",
            cost.table,
            cost.column,
            cost.model,
            grouped(of.replies),
            grouped(of.kept)
        )?;
        for message in &cost.first {
            writeln!(out, "  {}: {}", message.role, message.content.replace('\n', "\n    "))?;
        }
    }
    let Some(sum) = all.iter().map(|cost| cost.estimate.clone()).reduce(|a, b| a.and(&b)) else { return Ok(()) };
    let (about, how) = match sum.measured {
        true => ("about", "as long as those that are kept"),
        false => ("at most", "as long as they may be"),
    };
    writeln!(out, "\n{} requests", grouped(sum.requests))?;
    writeln!(out, "{} tokens of prompts, a token being 4 characters", grouped(sum.prompt_tokens))?;
    writeln!(out, "{about} {} tokens of replies, if they are {how}", grouped(sum.reply_tokens))?;
    match sum.price {
        Some(price) => writeln!(out, "{about} {price:.4} to pay")?,
        None => {
            writeln!(out, "what that costs is not known: say price = {{ input = .., output = .. }} in [model.server]")?
        }
    }
    match sum.seconds {
        Some(seconds) => writeln!(out, "about {seconds:.0} s")?,
        None => writeln!(out, "how long it takes is not known before some replies are kept")?,
    }
    writeln!(out, "Replies that will not do are asked for again, which comes on top. Nothing was sent.")?;
    Ok(())
}

/// Writes edge cases.
pub fn edges(args: &args::EdgeCases, ui: &Ui) -> Result<()> {
    let stress = args.stress.map(|share| Shares { faults: share, duplicates: share, late: share, ..Shares::default() });
    let ask = edge::Ask {
        of: args.of.clone(),
        table: args.table.clone(),
        strength: args.strength,
        invalid: !args.valid,
        seed: args.seed,
        stress,
        rare: args.rare,
        out: args.output.clone(),
        force: args.force,
        device: args.device.0,
    };
    let made = edge_cases(&ask)?;
    made.notes.iter().for_each(|note| ui.say(note));
    match &args.output {
        Some(out) => ui.say(format!("wrote {}", out.display())),
        None => std::io::stdout().lock().write_all(&made.text)?,
    }
    Ok(())
}

/// Prints a world's file that is fitted to a table.
pub fn describe(args: &args::World) -> Result<()> {
    Ok(write!(std::io::stdout().lock(), "{}", described(&args.file)?)?)
}

/// Prints what a world is, or the worlds that come along.
pub fn explain(args: &args::Check) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let Some(world) = &args.world else {
        for world in WORLDS {
            writeln!(out, "{:<14}{}", world.name, world.about())?;
        }
        writeln!(
            out,
            "\n`verisim check NAME --print > my.toml` writes one to change; `verisim generate NAME -o out/` makes it."
        )?;
        return Ok(());
    };
    if args.print {
        write!(out, "{}", read(world)?.text)?;
        return Ok(());
    }
    let ask = Ask { world: world.clone(), seed: args.seed, rows: args.rows, device: args.device.0 };
    if let Some(picture) = &args.sheet {
        sheet(&ask, picture)?;
        writeln!(out, "wrote {}", picture.display())?;
        return Ok(());
    }
    let checked = check(&ask, args.preview.unwrap_or(0))?;
    match &checked.description {
        Some(description) => writeln!(out, "{}: {description}", checked.name)?,
        None => writeln!(out, "{}", checked.name)?,
    }
    for sheet in &checked.tables {
        let hidden = if sheet.hidden { " (not written)" } else { "" };
        writeln!(
            out,
            "\n{}{hidden}: {}",
            sheet.name,
            if sheet.rows.ends_with(|c: char| c.is_ascii_digit()) {
                format!("{} rows", sheet.rows)
            } else {
                sheet.rows.clone()
            }
        )?;
        match &sheet.head {
            Some(head) => preview(&mut out, head)?,
            None => columns(&mut out, sheet)?,
        }
    }
    Ok(())
}

fn columns(out: &mut impl std::io::Write, sheet: &Sheet) -> Result<()> {
    let width = sheet.columns.iter().map(|c| c.0.chars().count()).max().unwrap_or(0);
    for (name, kind, needs) in &sheet.columns {
        let needs = if needs.is_empty() { String::new() } else { format!("from {}", needs.join(", ")) };
        writeln!(out, "  {name:<width$}  {kind:<12}  {needs}")?;
    }
    Ok(())
}

/// The longest text of a cell that is shown.
const WIDEST: usize = 24;

fn preview(out: &mut impl std::io::Write, head: &verisim::world::RecordBatch) -> Result<()> {
    let cells = verisim::world::texts(head);
    let short = |text: &str| match text.chars().count() > WIDEST {
        true => text.chars().take(WIDEST - 1).chain(['…']).collect(),
        false => text.to_owned(),
    };
    let cells: Vec<Vec<String>> = cells.iter().map(|column| column.iter().map(|t| short(t)).collect()).collect();
    let width = |column: &Vec<String>| column.iter().map(|t| t.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = cells.iter().map(width).collect();
    for row in 0..cells.first().map_or(0, Vec::len) {
        let line: Vec<String> = cells.iter().zip(&widths).map(|(c, w)| format!("{:<w$}", c[row], w = *w)).collect();
        writeln!(out, "  {}", line.join("  ").trim_end())?;
    }
    Ok(())
}
