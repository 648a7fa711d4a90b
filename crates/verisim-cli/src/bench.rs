//! `verisim bench`: how fast each model trains and samples on each device.
//!
//! Every measurement runs in a process of its own, so that its peak memory and its time to the first step are its own, and a
//! driver that crashes takes one line of the table with it.

mod chart;
mod table;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use verisim::bench::{Case, Figures, Measured, Spread};
use verisim::file::{check_writable, write_atomically};
use verisim::{Choice, bench, case, device, stand_in};

use crate::args::Bench;
use crate::ui::Ui;

/// What `--json` writes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Benchmarks {
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
    let devices: Vec<Choice> = match args.devices.is_empty() {
        true => device::all(),
        false => args.devices.iter().map(|device| device.0).collect(),
    };
    if args.one {
        return one(args, &devices);
    }
    [&args.json, &args.chart].into_iter().flatten().try_for_each(|path| check_writable(path))?;
    let before = args.against.as_deref().map(read).transpose()?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let configs = match args.configs.is_empty() {
        true => verisim::models().into_iter().map(PathBuf::from).collect(),
        false => args.configs.clone(),
    };
    let mut results = Vec::new();
    for config in &configs {
        // Settings and files are looked at before anything is measured.
        let job = prepare(config, &args.set, &folder)?;
        for &choice in &devices {
            ui.say(format!("{} on {} ...", job.name, choice.name()));
            let empty = Row {
                config: job.name.clone(),
                model: job.case.model.clone(),
                device: choice.name().into(),
                adapter: None,
                data: job.data.clone(),
                unit: job.case.unit.into(),
                training: None,
                sampling: None,
                peak_memory: None,
                card_memory: None,
                error: None,
            };
            results.push(apart(&job, choice, args.seconds, empty)?);
        }
    }
    let report = Benchmarks {
        version: env!("CARGO_PKG_VERSION").into(),
        processor: processor(),
        threads: device::threads(),
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
        write_atomically(path, chart::svg(&report)?.as_bytes())?;
    }
    let failed = report.results.iter().filter(|r| r.error.is_some()).count();
    if failed > 0 {
        bail!("{failed} of {} could not be measured; the reasons stand below the table", report.results.len());
    }
    Ok(())
}

fn read(path: &Path) -> Result<Benchmarks> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text)
        .with_context(|| format!("{}: not a report that `verisim bench --json` wrote", path.display()))
}

/// Measures in a process of its own; a failure there becomes a row that says so.
fn apart(job: &Prepared, choice: Choice, seconds: f64, empty: Row) -> Result<Row> {
    let program = std::env::current_exe().context("cannot find the program itself to run it again")?;
    let mut command = Command::new(program);
    command.args(["--quiet", "bench", "--one", "--devices", choice.name(), "--seconds", &seconds.to_string()]);
    command.args(job.set.iter().flat_map(|s| ["--set", s]));
    let output =
        command.arg("--").arg(&job.config).stdin(Stdio::null()).output().context("cannot run the program again")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let measured: Result<Here, _> = serde_json::from_slice(&output.stdout);
    Ok(match (output.status.success(), measured) {
        (true, Ok(m)) => Row {
            adapter: m.measured.adapter,
            training: Some(m.measured.training),
            sampling: Some(m.measured.sampling),
            peak_memory: m.peak_memory,
            card_memory: m.measured.card_memory,
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

/// A job to be measured.
struct Prepared {
    /// Name of the config, without its ending.
    name: String,
    case: Case,
    /// The config file that makes the job...
    config: PathBuf,
    /// ... and the settings: those given, and where the stand-in data are.
    set: Vec<String>,
    /// What is learnt, for people.
    data: String,
}

/// The job of a config file, or of a model by its name with default settings; data that are not there have stand-ins.
fn prepare(config: &Path, set: &[String], folder: &TempDir) -> Result<Prepared> {
    let name = config.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (mut config, mut set) = (config.to_path_buf(), set.to_vec());
    if !config.exists() {
        let known = verisim::models();
        if !known.iter().any(|n| Path::new(n) == config) {
            let known = known.join(", ");
            bail!("{}: no such config file, and no model of that name; models are {known}", config.display());
        }
        config = folder.path().join(format!("{name}.toml"));
        std::fs::write(&config, format!("[data]\npath = \"none\"\n\n[model.{name}]\n"))?;
    }
    let mut asked = case(&config, &set)?;
    let mut data = asked.data.display().to_string();
    if !asked.there && !set.iter().any(|s| s.trim_start().starts_with("data.path")) {
        let path = stand_in(&config, &set, folder.path())?;
        set.push(format!("data.path={}", path.display()));
        asked = case(&config, &set)?;
        data = asked.stand_in.into();
    }
    Ok(Prepared { name, case: asked, config, set, data })
}

/// What a process of its own tells.
#[derive(Serialize, Deserialize)]
struct Here {
    measured: Measured,
    peak_memory: Option<u64>,
}

/// The measurement of one config on one device, as JSON on standard output.
fn one(args: &Bench, devices: &[Choice]) -> Result<()> {
    let begun = Instant::now();
    let ([config], [choice]) = (args.configs.as_slice(), devices) else {
        bail!("--one wants one config and one device");
    };
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let measured = bench(config, &args.set, *choice, folder.path(), args.seconds, begun)?;
    let here = Here { measured, peak_memory: peak_memory() };
    std::io::stdout().write_all(serde_json::to_string(&here)?.as_bytes())?;
    Ok(())
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
