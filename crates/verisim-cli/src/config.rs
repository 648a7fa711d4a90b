//! `verisim config`: the configs that come along, and the schema of all.

use std::io::Write as _;

use anyhow::Result;
use verisim::augment::pipelines;
use verisim::{config_schema, configs, shipped};

use crate::args::Config;

pub fn run(args: &Config) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match &args.name {
        _ if args.schema => writeln!(out, "{:#}", config_schema())?,
        Some(name) => match pipelines().find(|pipeline| pipeline.name == name) {
            Some(pipeline) => out.write_all(pipeline.text.as_bytes())?,
            None => out.write_all(shipped(name)?.text.as_bytes())?,
        },
        None => {
            configs().try_for_each(|config| writeln!(out, "{:<17}{}", config.name, config.about()))?;
            writeln!(out, "\nfor `verisim augment`:")?;
            pipelines().try_for_each(|pipeline| writeln!(out, "{:<17}{}", pipeline.name, pipeline.about()))?;
        }
    }
    Ok(())
}
