//! `verisim inspect`.

use std::io::Write as _;

use anyhow::Result;
use verisim_data::io::ReadOptions;
use verisim_data::schema::DetectOptions;
use verisim_data::{Schema, Table};
use verisim_models::artefact::{self, Header};

use crate::args::Inspect;
use crate::ui::grouped;

pub fn run(args: &Inspect) -> Result<()> {
    let file = verisim_infer::file_of(&args.file);
    let mut out = std::io::stdout().lock();
    if file.extension().is_some_and(|e| e == "safetensors") {
        let (header, weights) = artefact::load(&file)?;
        match args.json {
            true => writeln!(out, "{}", serde_json::to_string_pretty(&header)?)?,
            false => write!(out, "{}", describe(&header, weights.count()))?,
        }
        return Ok(());
    }
    let mut options = ReadOptions { delimiter: args.delimiter, ..Default::default() };
    if !args.missing.is_empty() {
        options.missing = args.missing.clone();
    }
    let table = Table::read(&file, &options)?;
    let schema = Schema::detect(&table, &DetectOptions::default())?;
    match args.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&schema)?)?,
        false => {
            writeln!(
                out,
                "{}: {} rows, {} columns\n\n{schema}",
                file.display(),
                grouped(table.rows as u64),
                table.names.len()
            )?;
            writeln!(out, "To overrule a line, set its kind under [data.columns] in the config.")?;
        }
    }
    Ok(())
}

fn describe(header: &Header, numbers: usize) -> String {
    let p = &header.provenance;
    format!(
        "model       {} ({} numbers, format {})\ntrained by  verisim {}\ndata        {} ({} rows, hash {})\nconfig      hash {}\nseed        {}\n\n{}",
        header.model.name(),
        grouped(numbers as u64),
        header.format,
        p.version,
        p.data,
        grouped(p.rows),
        p.data_hash,
        p.config_hash,
        p.seed,
        header.schema,
    )
}
