//! Text files as people bring them, and samples in their form.

use std::io::Write as _;
use std::process::Stdio;

use crate::util::Dir;

fn rows(n: usize, row: impl Fn(usize) -> String) -> String {
    (0..n).map(|i| row(i) + "\n").collect()
}

#[test]
fn a_sample_has_the_form_of_its_data() {
    let dir = Dir::new();
    let text = rows(60, |i| format!("{};x{}\r", i % 7, i % 2));
    dir.file("t.csv", &text);
    dir.run(&["inspect", "t.csv"]).ok();
    let without = ["train", "--data", "t.csv", "--set", "data.header=false", "--out", "run"];
    dir.run(&without).ok();
    let lines = |args: &[&str]| -> Vec<String> {
        dir.run(&[&["sample", "run", "-n", "5"], args].concat())
            .ok()
            .stdout
            .split_inclusive('\n')
            .map(str::to_owned)
            .collect()
    };
    let like = lines(&[]);
    assert_eq!(like.len(), 5);
    assert!(like.iter().all(|line| line.contains(";x") && line.ends_with("\r\n")), "{like:?}");
    let asked = lines(&["--delimiter", "|"]);
    assert!(asked.iter().all(|line| line.contains("|x")), "{asked:?}");
    dir.run(&["sample", "run", "-o", "./t.csv"]).fails(1).says(&["was not written by verisim", "--force"]);
    assert_eq!(dir.text("t.csv"), text);
    dir.run(&["sample", "run", "--delimiter", "ü"]).fails(1).says(&["`ü` cannot separate cells"]);
}

#[test]
fn a_sample_replaces_samples_alone() {
    let dir = Dir::new();
    dir.file("t.csv", rows(60, |i| format!("{};x{}", i % 7, i % 2)));
    dir.run(&["train", "--data", "t.csv", "--out", "run"]).ok();
    let onto = |name: &str| dir.run(&["sample", "run", "-n", "5", "-o", name]);
    onto("new.csv").ok();
    onto("new.csv").ok();
    onto("./run/../new.csv").ok();
    for theirs in ["mine.csv", "mine.parquet"] {
        dir.file(theirs, "years of work");
        onto(theirs).fails(1).says(&["was not written by verisim", "--force"]);
        assert_eq!(dir.text(theirs), "years of work");
        dir.run(&["sample", "run", "-n", "5", "-o", theirs, "--force"]).ok();
        onto(theirs).ok();
    }
    // An edited sample is no longer ours, and neither is one that took the place of another.
    dir.file("new.csv", dir.text("new.csv") + "1;x1\n");
    onto("new.csv").fails(1).says(&["was changed since"]);
    std::fs::copy(dir.path("new.csv"), dir.path("copy.csv")).unwrap();
    onto("copy.csv").fails(1).says(&["was not written by verisim"]);
}

#[test]
fn a_first_row_of_data_is_said() {
    let dir = Dir::new();
    dir.file("t.csv", rows(30, |i| format!("{i},a{}", i % 3)));
    let said = dir.run(&["inspect", "t.csv"]).ok().stdout;
    assert!(said.contains("looks like data") && said.contains("--no-header"), "{said}");
    let said = dir.run(&["inspect", "t.csv", "--no-header"]).ok().stdout;
    assert!(said.contains("30 rows") && said.contains("column_2"), "{said}");
    dir.run(&["split", "t.csv", "--no-header"]).ok();
    let parts = dir.text("t-train.csv") + &dir.text("t-holdout.csv");
    assert_eq!(parts.lines().count(), 30);
}

#[test]
fn tables_come_and_go_through_pipes() {
    let dir = Dir::new();
    let text = "a;b\n".to_owned() + &(0..60).map(|i| format!("{},5;x{}\n", i * 7 % 40, i % 3)).collect::<String>();
    let fed = |args: &[&str], input: &[u8]| {
        let mut child =
            dir.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    };
    let shown = fed(&["inspect", "-"], text.as_bytes());
    assert!(String::from_utf8_lossy(&shown.stdout).contains("a decimal comma"), "{shown:?}");
    assert!(fed(&["train", "-", "--out", "run"], text.as_bytes()).status.success());
    let rows = dir.run(&["sample", "run", "-n", "5", "-o", "-"]).ok().stdout;
    assert!(rows.starts_with("a;b\n") && rows.lines().count() == 6, "{rows}");
    let objects = dir.run(&["sample", "run", "-n", "5", "--format", "jsonl"]).ok().stdout;
    assert!(objects.lines().count() == 5 && objects.starts_with("{\"a\":"), "{objects}");
    let json = fed(&["inspect", "-", "--format", "jsonl"], objects.as_bytes());
    assert!(json.status.success(), "{json:?}");
    let twice = fed(&["evaluate", "--real", "-", "--synthetic", "-"], b"");
    assert!(String::from_utf8_lossy(&twice.stderr).contains("one file only"));
    dir.run(&["inspect", "run/config.toml", "--format", "csv"]).fails(1).says(&["data.format"]);
    dir.run(&["sample", "run", "-o", "x.csv", "--format", "csv"]).fails(1).says(&["name of a file"]);
    // A name that says nothing.
    dir.file("export.dat", &text);
    dir.run(&["train", "trees", "--data", "export.dat", "--out", "dat"]).fails(1).says(&["set `format`"]);
    dir.run(&["train", "trees", "--data", "export.dat", "--set", "data.format=csv", "--out", "dat"]).ok();
}
