//! `verisim bench`: how fast each model trains and samples on each device.
//!
//! Every measurement runs in a process of its own, so that its peak memory and its time to the first step are its own, and a
//! driver that crashes takes one line of the table with it.

mod chart;
mod stand_in;
mod table;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use verisim_infer::{CHUNK, ImageRequest, Request, Trained};
use verisim_models::artefact::{check_writable, write_atomically};
use verisim_models::{Kind, ModelConfig};
use verisim_train::bench::{Figures, Spread, measure};
use verisim_train::{Begin, Job, Options};

use crate::args::Bench;
use crate::device::{self, Choice, choose};
use crate::ui::Ui;
use stand_in::{Case, StandIn};

/// What `--json` writes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the program.
    version: String,
    /// The processor, as it calls itself.
    processor: String,
    /// Threads that compute.
    threads: usize,
    /// Operating system and architecture.
    system: String,
    /// Seconds of each measurement.
    seconds: f64,
    results: Vec<Row>,
}

/// One model on one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the config, without its ending.
    config: String,
    model: String,
    device: String,
    /// The hardware and driver behind the device, where it tells.
    adapter: Option<String>,
    /// What was learnt: a file, or stand-in data.
    data: String,
    /// What is counted: rows or images.
    unit: String,
    training: Option<Figures>,
    /// Seconds a row or image in sampling.
    sampling: Option<Spread>,
    /// Highest memory of the process, in bytes.
    peak_memory: Option<u64>,
    /// Memory that was reserved on a card, in bytes.
    #[serde(default)]
    card_memory: Option<u64>,
    /// Why there are no figures.
    error: Option<String>,
}

impl Row {
    /// Rows or images a second in training.
    fn training_rate(&self) -> Option<Spread> {
        self.training.as_ref().map(|f| f.step.inverted(|s| f.batch as f64 / s))
    }

    /// Rows or images a second in sampling.
    fn sampling_rate(&self) -> Option<Spread> {
        self.sampling.map(|s| s.inverted(f64::recip))
    }
}

pub fn run(args: &Bench, ui: &Ui) -> Result<()> {
    if !(0.05..=3600.0).contains(&args.seconds) {
        bail!("--seconds {}: must lie between 0.05 and 3600", args.seconds);
    }
    let devices = if args.devices.is_empty() { device::all() } else { args.devices.clone() };
    if args.one {
        return one(args, &devices);
    }
    [&args.json, &args.chart].into_iter().flatten().try_for_each(|path| check_writable(path))?;
    let before = args.against.as_deref().map(read).transpose()?;
    let stand_in = StandIn::new()?;
    let configs = match args.configs.is_empty() {
        true => ModelConfig::NAMES.into_iter().map(PathBuf::from).collect(),
        false => args.configs.clone(),
    };
    let mut results = Vec::new();
    for config in &configs {
        // Settings and files are looked at before anything is measured.
        let case = stand_in.case(config, &args.set)?;
        for &choice in &devices {
            ui.say(format!("{} on {} ...", case.name, choice.name()));
            let empty = Row {
                config: case.name.clone(),
                model: case.job.model.name().into(),
                device: choice.name(),
                adapter: None,
                data: case.data.clone(),
                unit: if case.job.model.kind() == Kind::Table { "rows" } else { "images" }.into(),
                training: None,
                sampling: None,
                peak_memory: None,
                card_memory: None,
                error: None,
            };
            results.push(apart(&case, choice, args.seconds, empty)?);
        }
    }
    let report = Report {
        version: env!("CARGO_PKG_VERSION").into(),
        processor: processor(),
        threads: rayon::current_num_threads(),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        seconds: args.seconds,
        results,
    };
    let mut text = table::table(&report);
    if let Some(before) = &before {
        text += &table::comparison(&report, before);
    }
    std::io::stdout().write_all(text.as_bytes())?;
    if let Some(path) = &args.json {
        write_atomically(path, (serde_json::to_string_pretty(&report)? + "\n").as_bytes())?;
    }
    if let Some(path) = &args.chart {
        write_atomically(path, chart::svg(&report).as_bytes())?;
    }
    let failed = report.results.iter().filter(|r| r.error.is_some()).count();
    if failed > 0 {
        bail!("{failed} of {} could not be measured; the reasons stand below the table", report.results.len());
    }
    Ok(())
}

fn read(path: &Path) -> Result<Report> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text)
        .with_context(|| format!("{}: not a report that `verisim bench --json` wrote", path.display()))
}

/// Measures in a process of its own; a failure there becomes a row that says so.
fn apart(case: &Case, choice: Choice, seconds: f64, empty: Row) -> Result<Row> {
    let program = std::env::current_exe().context("cannot find the program itself to run it again")?;
    let mut command = Command::new(program);
    command.args(["--quiet", "bench", "--one", "--devices", &choice.name(), "--seconds", &seconds.to_string()]);
    command.args(case.set.iter().flat_map(|s| ["--set", s]));
    let output =
        command.arg("--").arg(&case.config).stdin(Stdio::null()).output().context("cannot run the program again")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let measured: Result<Measured, _> = serde_json::from_slice(&output.stdout);
    Ok(match (output.status.success(), measured) {
        (true, Ok(m)) => Row {
            adapter: m.adapter,
            training: Some(m.training),
            sampling: Some(m.sampling),
            peak_memory: m.peak_memory,
            card_memory: m.card_memory,
            ..empty
        },
        _ => {
            let last = said.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("no message");
            let why = last.trim_start_matches("error: ");
            Row {
                error: Some(if output.status.code().is_some() { why.into() } else { format!("it crashed: {why}") }),
                ..empty
            }
        }
    })
}

/// What a process of its own tells.
#[derive(Serialize, Deserialize)]
struct Measured {
    adapter: Option<String>,
    training: Figures,
    sampling: Spread,
    peak_memory: Option<u64>,
    card_memory: Option<u64>,
}

/// The measurement of one config on one device, as JSON on standard output.
fn one(args: &Bench, devices: &[Choice]) -> Result<()> {
    let begun = Instant::now();
    let ([config], [choice]) = (args.configs.as_slice(), devices) else {
        bail!("--one wants one config and one device");
    };
    let job = Job::read(config, &args.set)?;
    let chosen = choose(*choice)?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let stop = AtomicBool::new(false);
    let options = Options {
        out: folder.path().into(),
        begin: Begin::Anew,
        stop: &stop,
        device: chosen.device.clone(),
        gpu: chosen.gpu,
        version: env!("CARGO_PKG_VERSION"),
    };
    let (training, model) = measure(&job, &options, args.seconds, begun)?;
    let trained = verisim_infer::open(&model, &chosen.device)?;
    let sampling = sampling(&trained, args.seconds)?;
    // What burn has reserved there it keeps for itself, so that this is about the most that it ever had.
    let card = if chosen.gpu { chosen.device.memory_pool_usage() } else { None };
    let measured = Measured {
        adapter: chosen.adapter(),
        training,
        sampling,
        peak_memory: peak_memory(),
        card_memory: card.map(|usage| usage.bytes_reserved),
    };
    std::io::stdout().write_all(serde_json::to_string(&measured)?.as_bytes())?;
    Ok(())
}

/// Seconds a row or image, over `seconds` of sampling after one round of warm-up. Nothing is written.
fn sampling(trained: &Trained, seconds: f64) -> Result<Spread> {
    let round = |seed: u64| -> Result<usize> {
        match trained {
            Trained::Table(artefact) => {
                // As many chunks as are drawn at a time.
                let rows = 2 * rayon::current_num_threads().max(1) * CHUNK;
                let request = Request { rows, seed, conditions: Vec::new(), balance: None, max_tries: 1 };
                Ok(artefact.sample(&request, |_| Ok(()))?.rows)
            }
            Trained::Images(artefact) => {
                let request = ImageRequest { count: 128, seed, ..ImageRequest::default() };
                artefact.sample(&request, &mut |_, _| Ok(()))?;
                Ok(request.count)
            }
        }
    };
    round(0)?;
    let counted = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || counted.elapsed().as_secs_f64() < seconds {
        let at = Instant::now();
        let count = round(1 + times.len() as u64)?;
        times.push(at.elapsed().as_secs_f64() / count as f64);
    }
    Spread::of(&times).context("nothing was sampled")
}

/// The name of the processor.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    line.map_or_else(|| std::env::consts::ARCH.to_owned(), str::to_owned)
}

/// Highest memory of this process so far, in bytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|k| k * 1024)
}
