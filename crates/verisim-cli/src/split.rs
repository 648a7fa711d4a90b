//! `verisim split`.

use std::io::Write as _;

use anyhow::Result;
use verisim::number::grouped;
use verisim::split::Ask;
use verisim::{Split, split};

use crate::args;

pub fn run(args: &args::Split) -> Result<()> {
    let ask = Ask {
        holdout: args.holdout,
        by: args.by.clone(),
        time: args.time.clone(),
        last: args.last,
        gap: args.gap,
        seed: args.seed,
        out: args.output.clone(),
        replace: args.force,
        delimiter: args.delimiter,
        header: args.no_header.then_some(false),
    };
    let Split { train, holdout, notes } = split(&args.file, &ask)?;
    let mut out = std::io::stdout().lock();
    for (what, part) in [("train", &train), ("hold-out", &holdout)] {
        writeln!(out, "{what:<10}{} rows: {}", grouped(part.rows as u64), part.path.display())?;
    }
    notes.iter().try_for_each(|note| writeln!(out, "{note}"))?;
    let (train, holdout) = (train.path.display(), holdout.path.display());
    writeln!(
        out,
        "\nnext:  verisim train {train} --out runs/split\n\
         then:  verisim sample runs/split -n 1000 -o synthetic.csv\n\
         and:   verisim evaluate --real {train} --synthetic synthetic.csv --holdout {holdout}"
    )?;
    Ok(())
}
