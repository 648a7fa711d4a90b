//! From a table to an artefact, to rows, to a report; the same again; and on from where it stopped.

use std::path::Path;
use std::time::{Duration, Instant};

use verisim_data::table::Table;
use verisim_models::Models as _;
use verisim_models::table::Model;
use verisim_train::{Config, Job};

use crate::util::{
    Dir, Output, cells, column, config, configs, demo, demo_report, schema, small, typed, wine, wine_path,
};

#[test]
fn the_demo_leaves_everything_it_speaks_of() {
    for name in
        ["real.csv", "holdout.csv", "synthetic.csv", "demo.toml", "config.toml", "model.safetensors", "report.html"]
    {
        assert!(!demo().bytes(name).is_empty(), "{name}");
    }
    assert!(demo().leftovers().is_empty());
    assert_eq!(cells(&demo().text("real.csv")).len() + cells(&demo().text("holdout.csv")).len(), 1359 + 2);
    let report = demo_report();
    for word in ["quality", "hold-out"] {
        assert!(report.contains(word), "no {word} in\n{report}");
    }
    let header = demo().run(&["inspect", "--json", "."]).ok().stdout;
    let header: serde_json::Value = serde_json::from_str(&header).unwrap();
    assert_eq!(header["format"], 5);
    assert_eq!(header["kind"], "table");
    assert!(header["model"]["trees"].is_object());
    assert_eq!(header["provenance"]["rows"].as_u64(), Some(cells(&demo().text("real.csv")).len() as u64 - 1));
    assert_eq!(header["spec"]["schema"]["fields"].as_array().unwrap().len(), 12);
}

/// Every config of a table that comes with the program, a new one as soon as it lies in the folder; those of images have
/// tests of their own.
#[test]
fn every_config_trains_samples_and_is_judged() {
    let mut files: Vec<_> = std::fs::read_dir(configs()).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
    files.sort();
    for name in ["trees", "boost", "copula", "tokens", "tvae", "ctgan"] {
        assert!(files.iter().any(|f| f.file_stem().is_some_and(|s| s == name)), "there is no configs/{name}.toml");
    }
    for file in &files {
        the_line(file);
    }
}

fn the_line(file: &Path) {
    let dir = Dir::new();
    let read = Config::read(file, &[wine_path()]).unwrap();
    if !Model::NAMES.contains(&read.model().unwrap().as_str()) {
        return;
    }
    let mut job: Job<Table> = read.job().unwrap_or_else(|e| panic!("{e}"));
    // Kinds set for another table's columns have nothing to say about the wines.
    let own = schema(wine());
    job.data.columns.overrides.retain(|name, _| own.field(name).is_ok());
    let config = dir.file("job.toml", job.filled(None).unwrap()).display().to_string();
    let mut args = vec!["train", &config, "--out", "run"];
    if job.training().is_some() {
        args.extend(["--set", "train.epochs=2", "--set", "train.min_steps=0"]);
    }
    dir.run(&args).ok();
    dir.run(&["sample", "run", "-n", "1000", "-o", "synthetic.csv"]).ok();
    let (synthetic, real) = (dir.text("synthetic.csv"), demo().text("real.csv"));
    are_like(&synthetic, &real, 1000, file);
    let holdout = demo().path("holdout.csv").display().to_string();
    let report = dir
        .run(&["evaluate", "--real", &wine(), "--synthetic", "synthetic.csv", "--holdout", &holdout, "--json", "-"])
        .ok();
    let report: serde_json::Value = serde_json::from_str(&report.stdout).unwrap();
    assert!(
        report["fidelity"]["column_shapes"].as_f64().is_some_and(|s| (0.0..=1.0).contains(&s)),
        "{}",
        file.display()
    );
    assert_eq!(report["violations"]["rows_out_of_range"]["value"].as_f64(), Some(0.0), "{}", file.display());
}

/// Same columns, so many rows, every number within the range of the real ones and no more precise.
fn are_like(synthetic: &str, real: &str, rows: usize, what: &Path) {
    let (s, r) = (cells(synthetic), cells(real));
    assert_eq!(s[0], r[0], "{}", what.display());
    assert_eq!(s.len(), rows + 1, "{}", what.display());
    let decimals = |text: &str| text.split_once('.').map_or(0, |(_, d)| d.len());
    for (j, name) in r[0].iter().enumerate() {
        let number =
            |row: &Vec<String>| row[j].parse::<f64>().unwrap_or_else(|_| panic!("{name}: `{}` is no number", row[j]));
        let (mut low, mut high, mut most) = (f64::INFINITY, f64::NEG_INFINITY, 0);
        for row in &r[1..] {
            (low, high, most) = (low.min(number(row)), high.max(number(row)), most.max(decimals(&row[j])));
        }
        for row in &s[1..] {
            assert!(
                (low..=high).contains(&number(row)),
                "{}, {name}: {} not in {low}..={high}",
                what.display(),
                row[j]
            );
            assert!(decimals(&row[j]) <= most, "{}, {name}: {} has more than {most} decimals", what.display(), row[j]);
        }
    }
}

/// Two epochs of the config as it is, on this many threads; the artefact's bytes and the bytes of a sample.
fn artefact_and_rows(model: &str, threads: &str, more: &[&str]) -> (Vec<u8>, Vec<u8>) {
    let dir = Dir::new();
    let (config, wine) = (config(&format!("{model}.toml")), wine_path());
    let mut args = vec!["train", &config, "--set", &wine, "--out", "run"];
    if !matches!(model, "trees" | "boost" | "copula") {
        args.extend(["--set", "train.epochs=2", "--set", "train.min_steps=0"]);
    }
    args.extend(more);
    dir.run_with(("RAYON_NUM_THREADS", threads), &args).ok();
    dir.run_with(("RAYON_NUM_THREADS", threads), &["sample", "run", "-n", "20000", "-o", "s.csv"]).ok();
    (dir.bytes("run/model.safetensors"), dir.bytes("s.csv"))
}

/// The name of the output folder and the number of threads leave no trace; the seed does.
fn repeats(model: &str) {
    let first = artefact_and_rows(model, "1", &[]);
    let second = artefact_and_rows(model, "4", &[]);
    assert!(first.0 == second.0, "{model}: the artefacts of two equal runs differ");
    assert!(first.1 == second.1, "{model}: the samples of two equal runs differ");
    let other = artefact_and_rows(model, "4", &["--seed", "43"]);
    assert!(first.0 != other.0, "{model}: another seed gave the same artefact");
}

#[test]
fn trees_repeat() {
    repeats("trees");
}

#[test]
fn boosted_trees_repeat() {
    repeats("boost");
}

#[test]
fn copulas_repeat() {
    repeats("copula");
}

#[test]
fn tokens_repeat() {
    repeats("tokens");
}

#[test]
fn tvae_repeats() {
    repeats("tvae");
}

#[test]
fn ctgan_repeats() {
    repeats("ctgan");
}

#[test]
fn another_seed_gives_other_rows() {
    let model = demo().path("model.safetensors").display().to_string();
    let dir = Dir::new();
    let rows = |seed: &str| dir.run(&["sample", &model, "-n", "200", "--seed", seed]).ok().stdout;
    assert_eq!(rows("5"), rows("5"));
    assert_ne!(rows("5"), rows("6"));
}

/// How a training is cut short.
#[cfg(unix)]
#[derive(Clone, Copy, PartialEq)]
pub enum Cut {
    /// Ctrl-C, which writes a checkpoint.
    Interrupt,
    /// SIGKILL at any moment; the checkpoint is that of some step before.
    Kill,
}

/// Starts `train` and cuts it short when it has logged `lines` steps; false when it was done before.
#[cfg(unix)]
pub fn cut_short(dir: &Dir, args: &[&str], out: &str, lines: usize, cut: Cut) -> bool {
    use std::process::Stdio;
    let begun = Instant::now();
    let mut child = dir.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let log = dir.path(out).join("metrics.jsonl");
    let enough = || std::fs::read_to_string(&log).is_ok_and(|t| t.lines().count() >= lines);
    while !enough() && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(300), "the training never got to step {lines}");
        std::thread::sleep(Duration::from_millis(2));
    }
    match cut {
        Cut::Kill => child.kill().unwrap(),
        Cut::Interrupt => {
            // Fails when the child is gone already, which is found out below.
            let _ = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        }
    }
    let output = child.wait_with_output().unwrap();
    if dir.path(out).join("model.safetensors").exists() {
        return false;
    }
    if cut == Cut::Interrupt {
        let output = Output::new(args, begun, output).interrupted().says(&["stopped at step", "--resume"]);
        assert!(output.stdout.is_empty());
    }
    assert!(dir.path(out).join("checkpoint/state.safetensors").exists());
    true
}

/// The log without the times.
#[cfg(unix)]
fn log(dir: &Dir, out: &str) -> Vec<serde_json::Value> {
    let text = dir.text(&format!("{out}/metrics.jsonl"));
    let line = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        value.as_object_mut().unwrap().remove("seconds");
        value
    };
    text.lines().map(line).collect()
}

#[cfg(unix)]
fn resumes(model: &str, cut: Cut) {
    let dir = Dir::new();
    dir.file("job.toml", small(model));
    resumes_in(&dir, model, cut);
}

/// The training of `job.toml`, cut short and resumed, ends in the bytes of one that was not.
#[cfg(unix)]
pub fn resumes_in(dir: &Dir, model: &str, cut: Cut) {
    // On a fast machine a short training may be over before the signal comes; a longer one is not.
    for epochs in [20, 80, 320] {
        let epochs = format!("train.epochs={epochs}");
        // A SIGKILL leaves what was saved last, so there every step is saved.
        let every = if cut == Cut::Kill { "train.checkpoint_every=0" } else { "train.checkpoint_every=3600" };
        let sets = ["train", "job.toml", "--set", &epochs, "--set", "train.log_every=1", "--set", every, "--out"];
        let _ = std::fs::remove_dir_all(dir.path("parts"));
        let parts = [&sets[..], &["parts"]].concat();
        // 60 steps: a score has been measured and a best model kept.
        if !cut_short(dir, &parts, "parts", 60, cut) {
            continue;
        }
        // What is learnt so far can be used, and does not disturb what follows.
        dir.run(&["sample", "parts", "-n", "1", "-o", "made.npz"]).fails(1).quick().says(&["--resume", "--finish"]);
        dir.run(&[&parts[..], &["--finish"]].concat()).ok();
        assert!(dir.path("parts/model.safetensors").exists());
        dir.run(&[&parts[..], &["--resume"]].concat()).ok();
        dir.run(&[&sets[..], &["whole"]].concat()).ok();
        assert!(
            dir.bytes("parts/model.safetensors") == dir.bytes("whole/model.safetensors"),
            "{model}: resumed to another model"
        );
        assert!(!dir.path("parts/checkpoint").exists(), "the checkpoint outlived the training");
        assert_eq!(log(dir, "parts"), log(dir, "whole"));
        return;
    }
    panic!("{model}: could not cut the training short");
}

#[cfg(unix)]
#[test]
fn tvae_resumes_after_an_interrupt() {
    resumes("tvae", Cut::Interrupt);
}

#[test]
fn only_tokens_are_drawn_colder() {
    let dir = Dir::new();
    dir.file("job.toml", small("tokens"));
    dir.run(&["train", "job.toml", "--set", "train.epochs=3", "--out", "tokens"]).ok();
    let draw = |more: &[&str]| dir.run(&[&["sample", "tokens", "-n", "400"][..], more].concat()).ok().stdout;
    let plain = draw(&[]);
    assert_eq!(plain, draw(&["--temperature", "1", "--top-p", "1"]));
    let commonest = |csv: &str| {
        let mut all = column(csv, "quality");
        all.sort();
        all.chunk_by(|a, b| a == b).map(<[String]>::len).max().unwrap_or_default()
    };
    let cold = draw(&["--temperature", "0.05"]);
    assert!(2 * commonest(&cold) > 3 * commonest(&plain), "{} and {}", commonest(&cold), commonest(&plain));
    assert_ne!(plain, draw(&["--top-p", "0.5"]));
    dir.run(&["sample", "tokens", "--temperature", "0"]).fails(1).says(&["temperature", "more than 0"]);
    dir.run(&["sample", "tokens", "--top-p", "1.5"]).fails(1).says(&["top_p", "at most 1"]);
    let trees = demo().path("model.safetensors").display().to_string();
    dir.run(&["sample", &trees, "--temperature", "0.5"]).fails(1).says(&["temperature", "train tokens"]);
}

#[cfg(unix)]
#[test]
fn tokens_resume_after_an_interrupt() {
    resumes("tokens", Cut::Interrupt);
}

#[cfg(unix)]
#[test]
fn ctgan_resumes_after_an_interrupt() {
    resumes("ctgan", Cut::Interrupt);
}

#[cfg(unix)]
#[test]
fn tvae_resumes_after_a_kill() {
    resumes("tvae", Cut::Kill);
}

#[cfg(unix)]
#[test]
fn only_the_same_job_resumes() {
    let dir = Dir::new();
    dir.file("job.toml", small("tvae").replace(&format!("{:?}", wine()), "\"data.csv\""));
    let wines = demo().text("real.csv");
    dir.file("data.csv", &wines);
    dir.run(&["train", "job.toml", "--out", "run", "--resume"]).fails(1).says(&["checkpoint", "without --resume"]);
    let args = ["train", "job.toml", "--set", "train.epochs=2000", "--set", "train.log_every=1", "--out", "run"];
    assert!(cut_short(&dir, &args, "run", 3, Cut::Interrupt), "2000 epochs were over at once");
    let again = [&args[..], &["--resume"]].concat();
    dir.run(&[&again[..], &["--seed", "2"]].concat()).fails(1).says(&["state.safetensors", "another config or seed"]);
    dir.run(&[&again[..], &["--set", "model.tvae.latent=9"]].concat()).fails(1).says(&["another config or seed"]);
    let fewer: Vec<&str> = wines.lines().take(1000).collect();
    dir.file("data.csv", fewer.join("\n"));
    dir.run(&again).fails(1).says(&["the data have changed"]);
    let state = dir.bytes("run/checkpoint/state.safetensors");
    dir.file("run/checkpoint/state.safetensors", &state[..state.len() / 2]);
    dir.run(&again).fails(1).says(&["state.safetensors", "damaged"]);
}

/// Row `i` of a sample is the same whatever the number of rows, chunk by chunk.
#[test]
fn a_longer_sample_begins_with_the_shorter_one() {
    let dir = Dir::new();
    dir.file("job.toml", small("tvae"));
    dir.run(&["train", "job.toml", "--set", "train.epochs=2", "--out", "tvae"]).ok();
    let trees = demo().path("model.safetensors").display().to_string();
    for model in [trees.as_str(), "tvae"] {
        let rows = |n: &str| dir.run(&["sample", model, "-n", n, "--seed", "3"]).ok().stdout;
        let (long, short) = (rows("20000"), rows("9000"));
        assert_eq!((long.lines().count(), short.lines().count()), (20_001, 9_001));
        let differ = long.lines().zip(short.lines()).take(8192 + 1).position(|(a, b)| a != b);
        assert_eq!(differ, None, "{model}");
    }
}

#[test]
fn every_format_holds_the_same_rows() {
    let dir = Dir::new();
    let model = demo().path(".").display().to_string();
    let schema = schema(wine());
    let names = ["s.csv", "s.tsv", "s.csv.gz", "s.csv.zst", "s.parquet", "s.jsonl", "s.jsonl.gz"];
    let tables = names.map(|name| {
        dir.run(&["sample", &model, "-n", "9000", "-o", name]).ok();
        typed(&dir.path(name), &schema)
    });
    assert_eq!(tables[0].len(), 12);
    assert_eq!(tables[0][0].len(), 9000);
    for (name, table) in names.iter().zip(&tables) {
        assert!(*table == tables[0], "{name} holds other rows than {}", names[0]);
    }
    assert!(dir.leftovers().is_empty());
    // Standard output is CSV.
    assert_eq!(dir.run(&["sample", &model, "-n", "9000"]).ok().stdout, dir.text("s.csv"));
}

#[test]
fn missing_values_are_written_as_the_source_wrote_them() {
    let dir = Dir::new();
    let row = |i: usize| {
        format!(
            "{},{}\n",
            ["red", "green", "?"][i % 3],
            if i.is_multiple_of(4) { String::from("?") } else { format!("{}.5", i % 50) }
        )
    };
    let rows: String = (0..600).map(row).collect();
    dir.file("data.csv", format!("colour,size\n{rows}"));
    dir.file("job.toml", "[data]\npath = \"data.csv\"\n[model.trees]\n");
    dir.run(&["train", "job.toml", "--out", "run"]).ok();
    let sample = dir.run(&["sample", "run", "-n", "600"]).ok().stdout;
    let share = |name: &str| column(&sample, name).iter().filter(|v| *v == "?").count() as f64 / 600.0;
    // A third and a quarter; five standard deviations are 0.1 and 0.09.
    assert!(
        (share("colour") - 1.0 / 3.0).abs() < 0.1 && (share("size") - 0.25).abs() < 0.09,
        "{} {}",
        share("colour"),
        share("size")
    );
}
