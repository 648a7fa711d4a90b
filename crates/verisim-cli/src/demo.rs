//! `verisim demo`: train, sample and evaluate on the wine-quality data (Cortez et al., 2009).

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use verisim_data::table::Writer;
use verisim_data::table::io::ReadOptions;
use verisim_data::rng::{permutation, stream};
use verisim_infer::{Artefact, Request};
use verisim_models::artefact::write_atomically;
use verisim_train::{Begin, Job, Options};

use crate::args::Demo;
use crate::device::{Choice, choose};
use crate::ui::Ui;
use crate::{evaluate, sample, train};

/// The wines as the program carries them; source and licence stand beside the file.
const WINES: &str = include_str!("../../verisim/data/winequality-red.csv");

pub fn run(args: &Demo, ui: &Ui) -> Result<()> {
    let out = args.out.as_path();
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let (real, holdout, synthetic) = (out.join("real.csv"), out.join("holdout.csv"), out.join("synthetic.csv"));
    let rows = wine(&real, &holdout)?;
    ui.say(format!("1. data       {rows} red wines, a fifth kept back as hold-out: {}", real.display()));

    let config = out.join("demo.toml");
    let text = format!(
        "# The default model on the demo table.\nseed = 42\n\n[data]\npath = {:?}\n\n[model.trees]\n",
        real.display().to_string()
    );
    write_atomically(&config, text.as_bytes())?;
    ui.say("2. train");
    let job = Job::read(&config, &[])?;
    let chosen = choose(Choice::Flex).or_else(|_| choose(Choice::Auto))?;
    let stop = AtomicBool::new(false);
    let options = Options {
        out: out.into(),
        begin: Begin::Anew,
        stop: &stop,
        device: chosen.device.clone(),
        gpu: chosen.gpu,
        version: env!("CARGO_PKG_VERSION"),
    };
    train::fit(&job, &options, &Ui::new(true), None)?;

    let artefact = Artefact::open(out, &chosen.device)?;
    let request = Request { rows, seed: 0, conditions: Vec::new(), balance: None, max_tries: 1000 };
    let writer = Writer::create(&synthetic, &artefact.schema)?;
    sample::write(&artefact, &request, writer, &|_| {})?;
    ui.say(format!("3. sample     {rows} synthetic wines: {}", synthetic.display()));

    ui.say("4. evaluate\n");
    let target = Some("quality".to_string());
    let options = verisim_metrics::Options { target, ..Default::default() };
    let files = evaluate::Files { real: &real, synthetic: &synthetic, holdout: Some(&holdout) };
    let report = evaluate::report(&files, None, &ReadOptions::default(), &options, ui)?;
    let page = out.join("report.html");
    write_atomically(&page, report.to_html().as_bytes())?;
    std::io::Write::write_all(&mut std::io::stdout(), report.to_text().as_bytes())?;
    ui.say(format!("\nThe whole report: {}. The model: {}.", page.display(), out.join("model.safetensors").display()));
    ui.say(format!("Try:  verisim sample {} -n 5 --where 'alcohol>=12' --where quality=7", out.display()));
    Ok(())
}

/// Writes the wines, every fifth of a random order to the hold-out; returns how many went to the first file.
///
/// The data repeat 240 wines word for word. They are left out: a wine in both files would make real rows look like copies.
pub fn wine(real: &Path, holdout: &Path) -> Result<usize> {
    let (header, rows) = WINES.split_once('\n').context("the wines have no header")?;
    let header = format!("{header}\n");
    let mut seen = HashSet::new();
    let lines: Vec<&str> = rows.split_inclusive('\n').filter(|line| seen.insert(*line)).collect();
    let (mut kept, mut back) = (header.clone(), header);
    for (k, &i) in permutation(&mut stream(42, "demo", 0), lines.len()).iter().enumerate() {
        let file = if k % 5 == 0 { &mut back } else { &mut kept };
        file.push_str(lines[i]);
    }
    write_atomically(real, kept.as_bytes())?;
    write_atomically(holdout, back.as_bytes())?;
    Ok(lines.len() - lines.len().div_ceil(5))
}
