//! Whatever is wrong with a table, a config or an artefact: an exit code of 1 and a message, never a panic.

use std::time::Instant;

use verisim_data::rng::{below, stream};
use verisim_models::artefact::File;
use verisim_models::{Array, Numbers, Weights};

use crate::util::{Dir, cells, column, demo, wine};

const MODELS: [&str; 5] = ["trees", "boost", "copula", "tvae", "ctgan"];

/// Trains `model` on the table called `name` for one epoch.
fn train(dir: &Dir, name: &str, model: &str) -> crate::util::Output {
    dir.file("job.toml", format!("[data]\npath = {name:?}\n\n[model.{model}]\n"));
    let mut args = vec!["train", "job.toml", "--out", "run"];
    if matches!(model, "tvae" | "ctgan") {
        args.extend(["--set", "train.epochs=1"]);
    }
    dir.run(&args)
}

/// The table cannot be learnt, and `train` and `inspect` say so with these words.
#[track_caller]
fn refused(name: &str, bytes: impl AsRef<[u8]>, words: &[&str]) {
    let dir = Dir::new();
    dir.file(name, bytes);
    dir.run(&["inspect", name]).fails(1).quick().says(&[name]).says(words);
    train(&dir, name, "trees").fails(1).quick().says(&[name]).says(words);
    assert!(!dir.path("run/model.safetensors").exists());
}

/// The table is learnt by every model; the rows of each.
fn learnt(name: &str, bytes: impl AsRef<[u8]>, rows: usize) -> Vec<String> {
    let dir = Dir::new();
    dir.file(name, bytes);
    let sample = |model: &&str| {
        train(&dir, name, model).ok();
        let n = rows.to_string();
        let rows_of = dir.run(&["sample", "run", "-n", &n]).ok().stdout;
        assert_eq!(cells(&rows_of).len(), rows + 1, "{model}");
        rows_of
    };
    MODELS.iter().map(sample).collect()
}

/// `n` rows of a header and of what `row` makes of their number.
fn table(header: &str, n: usize, row: impl Fn(usize) -> String) -> String {
    format!("{header}\n") + &(0..n).map(|i| row(i) + "\n").collect::<String>()
}

#[test]
fn tables_that_are_none() {
    refused("empty.csv", "", &["is empty"]);
    refused("blank.csv", "\n\n  \n", &["is empty"]);
    refused("header.csv", "a,b\n", &["no rows"]);
    refused("empty.jsonl", "", &["has no "]);
    refused("empty.parquet", "", &[]);
    refused("broken.parquet", "PAR1 and nothing of the kind PAR1", &[]);
    refused("broken.jsonl", "{\"a\": 1}\n{\"a\": \n", &["line 2"]);
    refused("list.jsonl", "[1, 2]\n", &["line 1"]);
    refused("broken.csv.gz", "this was never packed", &[]);
    refused("broken.csv.zst", "this was never packed", &[]);
    refused("ragged.csv", "a,b\n1,2\n3\n4\n", &["line 3", "has 1 cells", "header has 2"]);
    refused("quote.csv", "a,b\n\"1\",\"x\ny\"\n\"2\",\"x\n", &["line 4", "does not close", "quote = \"none\""]);
    refused("table.xlsx", "PK", &["is not a whole workbook"]);
    refused("table.doc", "PK", &["says no format", "rename"]);
    refused("zeros.csv", [0u8; 64], &[]);
}

#[test]
fn packed_tables_that_end_early() {
    let dir = Dir::new();
    let model = demo().path(".").display().to_string();
    for name in ["t.csv.gz", "t.csv.zst", "t.parquet"] {
        dir.run(&["sample", &model, "-n", "2000", "-o", name]).ok();
        let whole = dir.bytes(name);
        for part in [1, 2, 3] {
            dir.file(name, &whole[..whole.len() * part / 4]);
            train(&dir, name, "trees").fails(1).quick().says(&[name]);
        }
    }
}

#[test]
fn files_that_are_not_there() {
    let dir = Dir::new();
    std::fs::create_dir(dir.path("folder.csv")).unwrap();
    for name in ["nowhere.csv", "folder.csv", "nowhere/at/all.parquet"] {
        dir.run(&["inspect", name]).fails(1).quick().says(&[name]);
        train(&dir, name, "trees").fails(1).quick().says(&[name]);
        dir.run(&["evaluate", "--real", name, "--synthetic", name]).fails(1).quick().says(&[name]);
    }
    for name in ["nowhere", "nowhere.safetensors"] {
        dir.run(&["sample", name]).fails(1).quick().says(&[name]);
        dir.run(&["inspect", name]).fails(1).quick().says(&[name]);
    }
    dir.run(&["train", "nowhere.toml"]).fails(1).quick().says(&["nowhere.toml"]);
    dir.run(&["train", "folder.csv"]).fails(1).quick().says(&["folder.csv"]);
    // A run directory in which nothing was trained.
    dir.run(&["sample", "folder.csv"]).fails(1).quick().says(&["model.safetensors"]);
}

#[test]
fn tables_with_nothing_to_learn() {
    let dir = Dir::new();
    for (name, text) in [
        ("constant.csv", table("a,b", 50, |_| "1,x".to_owned())),
        ("missing.csv", table("a,b", 50, |_| ",".to_owned())),
        ("keys.csv", table("id", 50, |i| i.to_string())),
        ("one.csv", "a,b\n1,2\n".to_owned()),
    ] {
        dir.file(name, text);
        for model in MODELS {
            train(&dir, name, model).fails(1).quick().says(&[name, "[data.columns]"]);
        }
    }
}

#[test]
fn odd_tables_are_learnt() {
    for rows in learnt("one.csv", table("a", 300, |i| ["x", "y", "y"][i % 3].to_owned()), 50) {
        assert!(column(&rows, "a").iter().all(|a| a == "x" || a == "y"));
    }
    for rows in learnt("gap.csv", table("a,gone,b", 300, |i| format!("{},,{}.5", ["x", "y"][i % 2], i % 90)), 50) {
        assert!(column(&rows, "gone").iter().all(String::is_empty));
    }
    for rows in learnt("two.csv", "a,b\n1,2.5\n3,4.5\n", 10) {
        assert!(column(&rows, "a").iter().all(|a| (1.0..=3.0).contains(&a.parse::<f64>().unwrap())));
    }
    for rows in learnt("three.csv", "a,b\n1,2.5\n3,4.5\n,\n", 10) {
        assert_eq!(cells(&rows)[0], ["a", "b"]);
    }
    // Names and values that need quotes, and a byte order mark.
    let quoted = table("\u{feff}\"a, b\",\"say \"\"so\"\"\"", 300, |i| {
        format!("\"{}\",{}", ["x,y", "line\nbreak", "\"\""][i % 3], i % 40)
    });
    for rows in learnt_rows("quoted.csv", &quoted) {
        assert!(rows.starts_with("\"a, b\",\"say \"\"so\"\"\"\n"), "{rows}");
    }
}

/// As [`learnt`], for a table whose rows are not its lines.
fn learnt_rows(name: &str, text: &str) -> Vec<String> {
    let dir = Dir::new();
    dir.file(name, text);
    let sample = |model: &&str| {
        train(&dir, name, model).ok();
        dir.run(&["sample", "run", "-n", "50"]).ok().stdout
    };
    MODELS.iter().map(sample).collect()
}

#[test]
fn infinities_and_mixtures_are_learnt_and_told_of() {
    let odd = |i: usize| match i % 10 {
        0 => "NaN".to_owned(),
        1 => "inf".to_owned(),
        2 => "-inf".to_owned(),
        _ => format!("{}.25", i % 70),
    };
    let text = table("x,y", 400, |i| format!("{},{}", odd(i), i % 3));
    for rows in learnt("inf.csv", &text, 200) {
        let x = column(&rows, "x");
        let numbers: Vec<f64> = x.iter().filter_map(|v| v.parse().ok()).filter(|v: &f64| !v.is_nan()).collect();
        assert!(numbers.iter().all(|v| (0.25..=69.25).contains(v)), "{numbers:?}");
        assert!(numbers.len() < 200, "what was infinite or no number comes back as missing");
    }
    let mixed = table("x,y", 400, |i| format!("{},{}.5", ["1", "2", "three", "4.5", "2020-01-01"][i % 5], i % 60));
    for rows in learnt("mixed.csv", &mixed, 100) {
        assert!(column(&rows, "x").iter().all(|x| ["1", "2", "three", "4.5", "2020-01-01"].contains(&x.as_str())));
    }
    let extreme = table("x,y,z", 400, |i| {
        format!("{},{},{}", ["1e300", "-1.7e308", "0.5"][i % 3], ["1e-300", "5e-324", "-2e-310", "0.5"][i % 4], i % 60)
    });
    learnt("extreme.csv", &extreme, 50);
}

/// 60,000 levels, each seen twice: as one rare group, and with a token each.
#[test]
fn very_many_categories_are_learnt() {
    let dir = Dir::new();
    dir.file("many.csv", table("c,n", 120_000, |i| format!("c{},{}.5", i % 60_000, i % 90)));
    for (model, more) in
        [("trees", "model.trees.rare=5"), ("trees", "model.trees.rare=1"), ("copula", "model.copula.rare=1")]
    {
        dir.file("job.toml", format!("[data]\npath = \"many.csv\"\n[model.{model}]\n"));
        dir.run(&["train", "job.toml", "--out", "run", "--set", more]).ok();
        let rows = dir.run(&["sample", "run", "-n", "1000"]).ok().stdout;
        let known = |c: &String| c.strip_prefix('c').and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n < 60_000);
        assert!(column(&rows, "c").iter().all(known));
        let mut distinct = column(&rows, "c");
        distinct.sort();
        distinct.dedup();
        assert!(distinct.len() > 900, "{} of 1000 draws from 60,000 levels differ", distinct.len());
    }
}

#[test]
fn a_config_with_a_mistake_is_told_where_it_is() {
    let dir = Dir::new();
    dir.file("data.csv", table("a,b", 100, |i| format!("{},{}.5", ["x", "y"][i % 2], i % 30)));
    let good = "seed = 1\n\n[data]\npath = \"data.csv\"\n\n[model.tvae]\nlatent = 4\n\n[train]\nepochs = 1\n";
    let wrong = |from: &str, to: &str, words: &[&str]| {
        assert!(good.contains(from));
        dir.file("job.toml", good.replace(from, to));
        dir.run(&["train", "job.toml", "--out", "run"]).fails(1).quick().says(&["job.toml"]).says(words);
    };
    wrong("latent", "latnet", &["line 7", "did you mean `latent`"]);
    wrong("epochs", "epoch", &["line 10", "did you mean `epochs`"]);
    wrong("tvae", "tvea", &["line 6", "did you mean `tvae`"]);
    wrong("tvae", "transformer", &["line 6", "trees", "boost", "copula", "tvae", "ctgan"]);
    wrong("seed", "sede", &["line 1", "did you mean `seed`"]);
    wrong("latent = 4", "latent = \"four\"", &["line 7"]);
    wrong("latent = 4", "latent = -4", &["line 7"]);
    wrong("epochs = 1", "budget = \"5 parsecs\"", &["line 10", "5 parsecs", "5min"]);
    wrong("[train]", "[train", &["line 9"]);
    wrong("path = \"data.csv\"\n", "", &["`path`"]);
    wrong("[model.tvae]\nlatent = 4\n", "", &["`model`"]);

    let refused = |set: &str, words: &[&str]| {
        dir.file("job.toml", good);
        dir.run(&["train", "job.toml", "--out", "run", "--set", set]).fails(1).quick().says(words);
    };
    refused("train.epoch=3", &["train.epoch=3", "did you mean `epochs`"]);
    refused("train.epochs", &["train.epochs", "key=value"]);
    refused("train.epochs=0", &["epochs", "at least 1"]);
    refused("train.learning_rate=-1", &["learning_rate", "positive"]);
    refused("model.tvae.latent=0", &["latent", "between 1 and 4096"]);
    refused("model.tvae.hidden=[]", &["hidden"]);
    refused("data.columns.a=\"intger\"", &["did you mean `integer`"]);
    refused("data.columns.c=\"integer\"", &["`c`"]);
    refused("data.columns.a=\"integer\"", &["column `a`", "row 1", "`x`", "whole number"]);
    refused("data.delimiter=\";;\"", &["delimiter"]);
    dir.file("trees.toml", "[data]\npath = \"data.csv\"\n[model.trees]\n[train]\nepochs = 3\n");
    dir.run(&["train", "trees.toml"]).fails(1).says(&["[train]", "trees"]);
    dir.file("binary.toml", b"\xff\xfe\x00");
    dir.run(&["train", "binary.toml"]).fails(1).says(&["binary.toml"]);
    assert!(!dir.path("run/model.safetensors").exists());
}

#[test]
fn a_loss_that_is_no_number_ends_the_training() {
    let dir = Dir::new();
    dir.file("data.csv", table("a,b", 400, |i| format!("{},{}.5", ["x", "y"][i % 2], i % 30)));
    dir.file("job.toml", "[data]\npath = \"data.csv\"\n[model.tvae]\n[train]\nlearning_rate = 1e30\nwarmup = 0\nlog_every = 1\nepochs = 20\n");
    dir.run(&["train", "job.toml", "--out", "run"]).fails(1).says(&["the loss became", "learning_rate"]);
    assert!(!dir.path("run/model.safetensors").exists());
}

/// `sample` and `inspect` refuse the file and name it.
#[track_caller]
fn refused_artefact(dir: &Dir, bytes: &[u8], what: &str) {
    dir.file("bad.safetensors", bytes);
    let sample = dir.run(&["sample", "bad.safetensors", "-n", "10"]);
    assert!(!sample.succeeded(), "{what} was taken for a model");
    sample.fails(1).quick().says(&["bad.safetensors"]);
    dir.run(&["inspect", "bad.safetensors"]).fails(1).quick().says(&["bad.safetensors"]);
}

#[test]
fn damaged_artefacts_are_refused() {
    let dir = Dir::new();
    let whole = demo().bytes("model.safetensors");
    let header = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    for length in
        [0, 1, 7, 8, 9, 8 + header / 2, 8 + header - 1, 8 + header, 8 + header + 1, whole.len() / 2, whole.len() - 1]
    {
        refused_artefact(&dir, &whole[..length], &format!("a file of {length} bytes"));
    }
    for byte in 0..8 {
        for bit in [1u8, 0x80] {
            let mut bytes = whole.clone();
            bytes[byte] ^= bit;
            refused_artefact(&dir, &bytes, &format!("a header length with byte {byte} changed"));
        }
    }
    for length in [u64::MAX, 1 << 62, 1 << 40, whole.len() as u64] {
        let mut bytes = whole.clone();
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        refused_artefact(&dir, &bytes, &format!("a header of {length} bytes"));
    }
    let mut longer = whole.clone();
    longer.push(0);
    refused_artefact(&dir, &longer, "a byte too many");
    let mut rng = stream(1, "noise", 0);
    let noise: Vec<u8> = (0..10_000).map(|_| below(&mut rng, 256) as u8).collect();
    refused_artefact(&dir, &noise, "noise");
    refused_artefact(&dir, b"a,b\n1,2\n", "a table");
    // A safetensors file of somebody else.
    let mut other = Weights::default();
    other.put_f32("weight", &[2], vec![1.0, 2.0]);
    refused_artefact(
        &dir,
        &other.to_bytes([("format".to_owned(), "pt".to_owned())].into()).unwrap(),
        "another program's file",
    );
}

#[test]
fn artefacts_of_another_format_are_refused() {
    let dir = Dir::new();
    let mut file = File::read(&demo().path("model.safetensors")).unwrap();
    for format in [0, 999] {
        file.header["format"] = format.into();
        file.write(&dir.path("new.safetensors")).unwrap();
        dir.run(&["sample", "new.safetensors"]).fails(1).says(&["new.safetensors", &format!("format {format}")]);
    }
}

/// The artefact without one number of one tensor.
pub fn shortened(weights: &Weights, name: &str) -> Option<Weights> {
    fn cut<T: Clone>(v: &[T]) -> Option<Vec<T>> {
        v.split_last().map(|(_, rest)| rest.to_vec())
    }
    let numbers = match &weights.iter().find(|(n, _)| *n == name)?.1.numbers {
        Numbers::F32(v) => Numbers::F32(cut(v)?),
        Numbers::F64(v) => Numbers::F64(cut(v)?),
        Numbers::U32(v) => Numbers::U32(cut(v)?),
        Numbers::U8(v) => Numbers::U8(cut(v)?),
    };
    let mut weights = weights.clone();
    match numbers {
        Numbers::F32(v) => weights.put_f32(name, &[v.len()], v),
        Numbers::F64(v) => weights.put_f64(name, &[v.len()], v),
        Numbers::U32(v) => weights.put_u32(name, &[v.len()], v),
        Numbers::U8(v) => weights.put_u8(name, &[v.len()], v),
    }
    Some(weights)
}

/// A tensor that is too short, of another type or absent is found when the model is opened, not when it is used.
#[test]
fn artefacts_with_wrong_tensors_are_refused() {
    for model in MODELS {
        let dir = Dir::new();
        dir.file("job.toml", crate::util::small(model));
        let mut args = vec!["train", "job.toml", "--out", "."];
        if matches!(model, "tvae" | "ctgan") {
            args.extend(["--set", "train.epochs=1"]);
        }
        dir.run(&args).ok();
        let File { path, header, weights } = File::read(&dir.path("model.safetensors")).unwrap();
        let write = |weights: &Weights| {
            let file = File { path: path.clone(), header: header.clone(), weights: weights.clone() };
            file.write(&dir.path("bad.safetensors")).unwrap();
        };
        let refused = |what: &str| {
            let sample = dir.run(&["sample", "bad.safetensors", "-n", "10"]);
            assert!(!sample.succeeded(), "{model} with {what} was taken for a model");
            sample.fails(1).quick().says(&["bad.safetensors", "tensor"]);
        };
        let arrays: Vec<(String, Array)> = weights.iter().map(|(n, a)| (n.to_owned(), a.clone())).collect();
        for (name, _) in &arrays {
            if let Some(short) = shortened(&weights, name) {
                write(&short);
                refused(&format!("a short {name}"));
            }
        }
        let (name, array) = &arrays[0];
        let mut typed = weights.clone();
        match array.numbers {
            Numbers::U8(_) => typed.put_u32(name.clone(), &[1], vec![0]),
            _ => typed.put_u8(name.clone(), &[1], vec![0]),
        }
        write(&typed);
        refused(&format!("another type of {name}"));
        write(&Weights::default());
        refused("no tensor at all");
    }
}

/// One flipped bit anywhere: the file is refused, or read as another model that samples or fails in words.
#[test]
fn flipped_bits_never_panic() {
    let dir = Dir::new();
    let whole = demo().bytes("model.safetensors");
    let mut rng = stream(7, "flip", 0);
    let header = u64::from_le_bytes(whole[..8].try_into().unwrap());
    for k in 0..80 {
        let mut bytes = whole.clone();
        // Half of them in the header, which is the smaller part.
        let end = if k % 2 == 0 { 8 + header } else { whole.len() as u64 };
        let at = below(&mut rng, end) as usize;
        bytes[at] ^= 1u8 << below(&mut rng, 8);
        dir.file("flipped.safetensors", bytes);
        dir.run(&["sample", "flipped.safetensors", "-n", "100"]).calm().quick();
        dir.run(&["inspect", "flipped.safetensors"]).calm().quick();
    }
}

#[test]
fn a_place_that_cannot_be_written_to_is_an_error() {
    let dir = Dir::new();
    let model = demo().path(".").display().to_string();
    dir.run(&["sample", &model, "-n", "10", "-o", "nowhere/s.csv"]).fails(1).quick().says(&["nowhere/s.csv"]);
    dir.run(&["sample", &model, "-n", "10", "-o", "s.xlsx"]).fails(1).quick().says(&["s.xlsx", ".parquet"]);
    dir.run(&["sample", &model, "-n", "10", "-o", ".."]).fails(1).quick();
    dir.file("file", "not a folder");
    dir.file("data.csv", demo().text("real.csv"));
    dir.file("job.toml", "[data]\npath = \"data.csv\"\n[model.trees]\n");
    dir.run(&["train", "job.toml", "--out", "file"]).fails(1).quick().says(&["file"]);
    dir.run(&["train", "job.toml", "--out", "file/run"]).fails(1).quick().says(&["file/run"]);
    dir.run(&["evaluate", "--real", "data.csv", "--synthetic", "data.csv", "--json", "nowhere/r.json"])
        .fails(1)
        .says(&["nowhere/r.json"]);
    assert!(dir.leftovers().is_empty());
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new();
    let closed = dir.path("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(closed.join("probe"), "").is_ok() {
        println!("skipped: a_folder_without_permission_is_an_error: this user may write anywhere");
        return;
    }
    let model = demo().path(".").display().to_string();
    dir.run(&["sample", &model, "-n", "10", "-o", "closed/s.csv"])
        .fails(1)
        .says(&["closed/s.csv", "check who may read and write there"]);
    dir.file("job.toml", crate::util::small("trees"));
    dir.run(&["train", "job.toml", "--out", "closed"]).fails(1).says(&["closed"]);
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A sample that is killed half way leaves what was there before under that name.
#[test]
fn a_killed_sample_leaves_the_old_file() {
    let dir = Dir::new();
    dir.file("s.csv", "the old rows\n");
    let model = demo().path(".").display().to_string();
    let mut child =
        dir.command(&["sample", &model, "-n", "100000000", "-o", "s.csv", "--force", "-q"]).spawn().unwrap();
    let begun = Instant::now();
    while dir.leftovers().is_empty() {
        assert!(begun.elapsed().as_secs() < 60, "nothing was ever written");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(dir.text("s.csv"), "the old rows\n");
}

/// Headers that are well-formed and wrong: each would once have made sampling fail in the middle.
#[test]
fn headers_that_do_not_fit_are_refused() {
    let file = File::read(&demo().path("model.safetensors")).unwrap();
    let dir = Dir::new();
    let edits: [(&str, serde_json::Value); 5] = [
        ("/spec/codec/columns/0/cells/0", serde_json::json!([])),
        ("/spec/codec/columns/0/bounds/min", serde_json::json!(1e9)),
        ("/spec/codec/columns/11/token_of", serde_json::json!([])),
        ("/spec/codec/columns/11/level_of/0", serde_json::json!(1_000_000)),
        ("/model/trees/trees", serde_json::json!(0)),
    ];
    for (place, value) in edits {
        let mut json = serde_json::Value::Object(file.header.clone());
        *json.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value;
        let header = json.as_object().unwrap().clone();
        File { path: file.path.clone(), header, weights: file.weights.clone() }
            .write(&dir.path("new.safetensors"))
            .unwrap();
        dir.run(&["sample", "new.safetensors", "--where", "quality=5"]).fails(1).says(&["new.safetensors"]);
    }
}

/// A path that is no text is refused by its name: it was once left out without a word.
#[cfg(unix)]
#[test]
fn paths_that_are_no_text_are_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let dir = Dir::new();
    let odd = OsStr::from_bytes(b"b\xff.csv");
    let run = |args: &[&str]| {
        let output = dir.command(args).arg(odd).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let real = wine();
    let given = ["evaluate", "--real", &real, "--synthetic", &real];
    for (args, name) in [
        ([&given[..], &["--holdout"]].concat(), "`holdout`"),
        ([&given[..], &["--model"]].concat(), "`model`"),
        (vec!["evaluate", "--synthetic", &real, "--real"], "`real`"),
        (vec!["sample", ".", "-n", "1", "--grid"], "`grid`"),
    ] {
        let dir_args: Vec<&str> =
            args.iter().map(|&a| if a == "." { real.trim_end_matches("/real.csv") } else { a }).collect();
        let (code, said) = run(&dir_args);
        assert!(code == Some(1) && said.contains(name) && said.contains("another name"), "{dir_args:?}: {said}");
    }
}

#[test]
fn what_to_type_follows_an_error() {
    let dir = Dir::new();
    let model = demo().path(".").display().to_string();
    dir.run(&["sample", &model, "--grid", "g.png"]).fails(1).says(&["is a model of tables", "try: ", "--grid"]);
    dir.file("job.toml", "[model.tvae]\n");
    let misspelt = ["train", "job.toml", "--set", "data.path=a.csv", "--set", "model.tvae.foo=1"];
    dir.run(&misspelt).fails(1).says(&["model.tvae.foo=1: unknown key `foo`"]);
    dir.run(&["train", "job.toml", "--set", "epochs"]).fails(1).says(&["key=value", "try: --set KEY=VALUE"]);
}
