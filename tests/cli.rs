//! Arguments: what they mean, and what is said when they mean nothing.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use crate::util::{Dir, Output, cells, column, config, demo, wine, wine_path};

const COMMANDS: [&str; 12] = [
    "train",
    "sample",
    "impute",
    "score",
    "evaluate",
    "inspect",
    "split",
    "config",
    "bench",
    "devices",
    "demo",
    "completions",
];

/// The folder of the demo, whose model the tests sample.
fn model() -> String {
    demo().path(".").display().to_string()
}

/// A small table of text, numbers and gaps, and trees that learnt it.
fn shapes() -> Dir {
    let dir = Dir::new();
    let row = |i: usize| {
        let colour = ["red", "green", "blue", "green"][i % 4];
        let size = if i.is_multiple_of(5) { String::new() } else { format!("{}.5", i * 7 % 60) };
        format!("{i},{colour},{size},fixed\n")
    };
    let rows: String = (1..=1200).map(row).collect();
    dir.file("shapes.csv", format!("id,colour,size,same\n{rows}"));
    dir.file("job.toml", "[data]\npath = \"shapes.csv\"\n[model.trees]\n");
    dir.run(&["train", "job.toml", "--out", "run"]).ok();
    dir
}

#[test]
fn help_has_examples() {
    let dir = Dir::new();
    for command in COMMANDS {
        let help = dir.run(&[command, "--help"]).ok().stdout;
        assert!(help.contains(&format!("verisim {command}")), "{command}:\n{help}");
        assert!(help.contains("Example"), "{command} --help has no example:\n{help}");
    }
    let help = dir.run(&["--help"]).ok().stdout;
    for command in COMMANDS {
        assert!(help.contains(&format!("verisim {command}")), "{command} is not among the examples:\n{help}");
    }
    assert!(dir.run(&["--version"]).ok().stdout.contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_ends_with_two() {
    let dir = Dir::new();
    for args in [
        &["sample"][..],
        &["nonsense"],
        &["train"],
        &["train", "job.toml", "--device", "abacus"],
        &["sample", "run", "-n", "many"],
        &["sample", "run", "--json"],
        &["evaluate", "--real", "a.csv"],
        &["sample", "run", "--seed", "-1"],
    ] {
        dir.run(args).fails(2).quick();
    }
    assert!(!dir.run(&[]).succeeded());
}

#[test]
fn a_device_that_is_not_there_is_an_error_that_lists_the_others() {
    let dir = Dir::new();
    // With every backend built in, and a GPU, there is nothing to refuse.
    let output = dir.run(&["sample", &model(), "-n", "1", "--device", "ndarray"]).calm();
    if !output.succeeded() {
        output.fails(1).says(&["ndarray", "Available", "flex"]);
    }
}

#[test]
fn quiet_says_nothing() {
    let dir = Dir::new();
    let (config, wine) = (config("trees.toml"), wine_path());
    let train = dir.run(&["--quiet", "train", &config, "--set", &wine, "--out", "run"]).ok();
    assert_eq!(train.stderr + &train.stdout, "");
    let sample = dir.run(&["sample", "run", "-n", "10", "-o", "s.csv", "-q"]).ok();
    assert_eq!(sample.stderr + &sample.stdout, "");
    let loud = dir.run(&["sample", "run", "-n", "10", "-o", "s.csv"]).ok();
    assert!(loud.stderr.contains("wrote 10 rows"), "{}", loud.stderr);
    // Errors are said whatever was asked.
    dir.run(&["-q", "sample", "nowhere"]).fails(1).says(&["nowhere"]);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let dir = Dir::new();
    let model = model();
    let args = ["sample", &model, "-n", "200000"];
    let begun = Instant::now();
    let mut child = dir.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("quality"), "{first}");
    let output = Output::new(&args, begun, child.wait_with_output().unwrap()).ok();
    assert!(!output.stderr.contains("error"), "{}", output.stderr);
}

#[test]
fn a_full_disk_is_an_error() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        println!("skipped: there is no /dev/full here");
        return;
    };
    let dir = Dir::new();
    let model = model();
    let args = ["sample", &model, "-n", "20000"];
    let begun = Instant::now();
    let output = dir.command(&args).stdout(full).stderr(Stdio::piped()).output().unwrap();
    Output::new(&args, begun, output).fails(1).says(&["free some space"]);
    dir.run(&["sample", &model, "-o", "/dev/full"]).fails(1).says(&["/dev/full"]);
}

#[test]
fn a_sample_can_sum_itself_up_as_json() {
    let dir = Dir::new();
    let json = dir.run(&["sample", &model(), "-n", "12", "-o", "s.csv", "--json"]).ok().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["rows"].as_u64(), json["output"].as_str()), (Some(12), Some("s.csv")));
    let none = dir.run(&["sample", &model(), "-n", "0"]).ok().stdout;
    assert_eq!(none.lines().count(), 1, "a sample of no rows is its header: {none}");
}

#[test]
fn inspect_tells_what_the_columns_are() {
    let dir = shapes();
    let text = dir.run(&["inspect", "shapes.csv"]).ok().stdout;
    for word in ["1,200 rows", "identifier", "categorical", "decimal", "constant"] {
        assert!(text.contains(word), "no {word} in\n{text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&dir.run(&["inspect", "shapes.csv", "--json"]).ok().stdout).unwrap();
    let kinds: Vec<&str> = json["fields"].as_array().unwrap().iter().map(|f| f["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["identifier", "categorical", "decimal", "constant"]);
    let model = dir.run(&["inspect", "run"]).ok().stdout;
    for word in ["trees", "shapes.csv", "1,200 rows", "colour"] {
        assert!(model.contains(word), "no {word} in\n{model}");
    }
}

/// Rows of the demo's model under conditions.
fn wines(args: &[&str]) -> String {
    let model = model();
    demo().run(&[&["sample", &model, "-n", "300"][..], args].concat()).ok().stdout
}

fn numbers(csv: &str, name: &str) -> Vec<f64> {
    column(csv, name).iter().map(|v| v.parse().unwrap()).collect()
}

#[test]
fn every_row_satisfies_every_condition() {
    let strong = wines(&["--where", "alcohol>=11.5"]);
    assert_eq!(strong.lines().count(), 301);
    assert!(numbers(&strong, "alcohol").iter().all(|&x| x >= 11.5));

    let range = wines(&["--where", "alcohol>10.1", "--where", "alcohol<10.9", "--where", "quality!=5"]);
    assert_eq!(range.lines().count(), 301);
    assert!(numbers(&range, "alcohol").iter().all(|&x| x > 10.1 && x < 10.9));
    assert!(column(&range, "quality").iter().all(|q| q != "5"));

    let good = wines(&["--where", "quality=7", "--where", "alcohol <= 12"]);
    assert_eq!(good.lines().count(), 301);
    assert!(column(&good, "quality").iter().all(|q| q == "7"));
    assert!(numbers(&good, "alcohol").iter().all(|&x| x <= 12.0));
    // A condition restricts one column and leaves the others their spread.
    let mut levels = column(&good, "pH");
    levels.sort();
    levels.dedup();
    assert!(levels.len() > 20, "{} values of pH", levels.len());
}

#[test]
fn a_condition_gives_the_rows_that_unconditional_sampling_gives_under_it() {
    let share = |csv: &str, from: f64| {
        let all = numbers(csv, "alcohol");
        all.iter().filter(|&&x| x >= from).count() as f64 / all.len() as f64
    };
    let model = model();
    let dir = Dir::new();
    let all = dir.run(&["sample", &model, "-n", "40000", "--seed", "1"]).ok().stdout;
    let rows = cells(&all);
    let last = rows[0].len() - 1;
    assert_eq!(rows[0][last], "quality");
    let sevens: Vec<Vec<String>> =
        rows.iter().filter(|row| row[last] == "7" || row[last] == "quality").cloned().collect();
    let filtered = crate::util::csv(&sevens);
    let asked = dir.run(&["sample", &model, "-n", "5000", "--seed", "2", "--where", "quality=7"]).ok().stdout;
    for from in [10.0, 11.0, 12.0] {
        let (a, b) = (share(&filtered, from), share(&asked, from));
        // Two shares of about 5,000 rows each: 4 standard deviations are 0.04.
        assert!((a - b).abs() < 0.04, "alcohol >= {from}: {a} filtered, {b} asked for");
    }
}

#[test]
fn a_missing_value_can_be_asked_for_and_ruled_out() {
    let dir = shapes();
    let sizes =
        |condition: &str| column(&dir.run(&["sample", "run", "-n", "200", "--where", condition]).ok().stdout, "size");
    assert!(sizes("size=").iter().all(String::is_empty));
    assert!(sizes("size!=").iter().all(|s| !s.is_empty()));
    assert!(sizes("size<30").iter().all(|s| s.parse::<f64>().unwrap() < 30.0));
    let colours = column(&dir.run(&["sample", "run", "-n", "200", "--where", "colour!=green"]).ok().stdout, "colour");
    assert!(colours.iter().all(|c| c == "red" || c == "blue"));
    assert!(colours.contains(&"red".to_owned()) && colours.contains(&"blue".to_owned()));
}

#[test]
fn a_condition_that_cannot_be_met_says_why() {
    let dir = shapes();
    let refused = |conditions: &[&str], words: &[&str]| {
        let mut args = vec!["sample", "run", "-n", "50", "-o", "s.csv"];
        conditions.iter().for_each(|c| args.extend(["--where", *c]));
        dir.run(&args).fails(1).quick().says(words);
        assert!(!dir.path("s.csv").exists() && dir.leftovers().is_empty(), "{conditions:?} left a file");
    };
    refused(&["color=red"], &["color=red", "did you mean `colour`"]);
    refused(&["weather=fine"], &["weather", "size"]);
    refused(&["colour=gren"], &["colour=gren", "did you mean `green`"]);
    refused(&["colour>red"], &["colour", "only = and !="]);
    refused(&["colour="], &["colour=", "missing"]);
    refused(&["size=large"], &["`large` is not a number"]);
    refused(&["size>1000"], &["size>1000", "range from"]);
    refused(&["size"], &["column=value"]);
    refused(&["id=7"], &["id", "not learnt"]);
    refused(&["same=fixed"], &["same", "not learnt"]);
    refused(&["colour=red", "colour=blue"], &["colour=red and colour=blue", "no row can satisfy"]);
    refused(&["size<5", "size>50"], &["size<5 and size>50", "no row can satisfy"]);
}

#[test]
fn a_condition_that_is_too_rare_says_how_rare() {
    let dir = Dir::new();
    let model = model();
    let rare = [
        "sample",
        &model,
        "-n",
        "1000",
        "-o",
        "s.csv",
        "--where",
        "quality=3",
        "--where",
        "alcohol>=10.5",
        "--max-tries",
        "1",
    ];
    dir.run(&rare).fails(1).says(&["of 1000 rows", "1000 tries", "--max-tries"]);
    assert!(!dir.path("s.csv").exists() && dir.leftovers().is_empty());
}

#[test]
fn balanced_samples_have_as_many_rows_of_each_level() {
    let counts = |csv: &str| {
        let mut counts = std::collections::BTreeMap::new();
        column(csv, "quality").into_iter().for_each(|q| *counts.entry(q).or_insert(0usize) += 1);
        counts
    };
    let mut levels = column(&demo().text("real.csv"), "quality");
    levels.sort();
    levels.dedup();
    let dir = Dir::new();
    // 9,001 rows are two chunks and do not divide evenly.
    let all = counts(&dir.run(&["sample", &model(), "-n", "9001", "--balance", "quality"]).ok().stdout);
    assert_eq!(all.keys().cloned().collect::<Vec<_>>(), levels);
    assert_eq!(all.values().sum::<usize>(), 9001);
    assert!(all.values().max().unwrap() - all.values().min().unwrap() <= 1, "{all:?}");

    let strong = dir
        .run(&[
            "sample",
            &model(),
            "-n",
            "300",
            "--balance",
            "quality",
            "--where",
            "alcohol>=10",
            "--where",
            "quality!=5",
        ])
        .ok()
        .stdout;
    let counts = counts(&strong);
    assert!(!counts.contains_key("5") && counts.len() == levels.len() - 1, "{counts:?}");
    assert!(counts.values().max().unwrap() - counts.values().min().unwrap() <= 1, "{counts:?}");
    assert!(numbers(&strong, "alcohol").iter().all(|&x| x >= 10.0));

    dir.run(&["sample", &model(), "--balance", "alcohol"]).fails(1).says(&["balance alcohol", "numbers"]);
    dir.run(&["sample", &model(), "--balance", "qualty"]).fails(1).says(&["did you mean `quality`"]);
}

#[test]
fn an_evaluation_writes_what_it_is_asked_for() {
    let dir = Dir::new();
    let (real, synthetic) = (wine(), demo().path("synthetic.csv").display().to_string());
    let pair = ["evaluate", "--real", &real, "--synthetic", &synthetic];
    let text = dir.run(&pair).ok().stdout;
    assert!(text.contains("Column shapes") && text.contains("no hold-out"), "{text}");
    let files = dir.run(&[&pair[..], &["--json", "r.json", "--html", "r.html"]].concat()).ok();
    assert!(files.stdout.contains("Column shapes"));
    assert!(serde_json::from_str::<serde_json::Value>(&dir.text("r.json")).is_ok());
    assert!(dir.text("r.html").contains("<html") && dir.leftovers().is_empty());
    dir.run(&[&pair[..], &["--target", "colour"]].concat()).fails(1).says(&["colour", "quality"]);
    dir.file("other.csv", "a,b\n1,2\n3,4\n");
    dir.run(&["evaluate", "--real", &real, "--synthetic", "other.csv"]).fails(1).says(&["other.csv", "columns"]);
}

/// The report for programs says what was compared, when and how, and holds what people read.
#[test]
fn a_report_tells_where_it_comes_from() {
    let dir = Dir::new();
    let (real, synthetic) = (wine(), demo().path("synthetic.csv").display().to_string());
    let holdout = demo().path("holdout.csv").display().to_string();
    let more = [
        "--holdout",
        &holdout,
        "--sensitive",
        "quality",
        "--baselines",
        "--full",
        "--json",
        "r.json",
        "--html",
        "r.html",
    ];
    let args = [&["evaluate", "--real", &real, "--synthetic", &synthetic][..], &more].concat();
    dir.run(&args).ok();
    let json: serde_json::Value = serde_json::from_str(&dir.text("r.json")).unwrap();
    let files = json["record"]["files"].as_array().unwrap();
    let roles: Vec<&str> = files.iter().map(|f| f["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["training", "synthetic", "hold-out"]);
    for file in files {
        let bytes = std::fs::metadata(file["path"].as_str().unwrap()).unwrap().len();
        assert_eq!(file["bytes"].as_u64(), Some(bytes));
        assert_eq!(file["sha256"].as_str().map(str::len), Some(64));
    }
    assert!(json["record"]["command"].as_str().unwrap().contains("--baselines"));
    assert_eq!(json["record"]["version"], env!("CARGO_PKG_VERSION"));
    let marks = json["verdicts"].as_array().unwrap().iter().map(|line| line["mark"].as_str().unwrap());
    assert!(marks.clone().any(|m| m == "good") && marks.clone().any(|m| m == "not judged"));
    let names: Vec<&str> = json["baselines"].as_array().unwrap().iter().map(|b| b["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["independent columns", "copy of training"]);
    let page = dir.text("r.html");
    for title in ["What was compared", "The ends of the scale", "Groups", "quality = 5"] {
        assert!(page.contains(title), "{title}");
    }
    dir.run(&[&args[..5], &["--sensitive", "colour"]].concat()).fails(1).says(&["colour", "quality"]);

    let schema = verisim::report_schema();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/report.schema.json");
    assert!(
        std::fs::read_to_string(path).is_ok_and(|kept| kept == schema),
        "docs/report.schema.json is not the schema of this version; it should be:\n{schema}"
    );
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let known = schema.to_string();
    for key in json.as_object().unwrap().keys() {
        assert!(known.contains(&format!("\"{key}\":")), "{key} is not in the schema");
    }
}

/// Three years of days, three cities and a number, learnt by the default model.
fn dated() -> Dir {
    let dir = Dir::new();
    let row = |i: usize| {
        let (year, month, day) = (2020 + i % 3, 1 + i / 3 % 12, 1 + i / 36 % 28);
        format!("{year}-{month:02}-{day:02},{},{}\n", ["lima", "oslo", "rome"][i * 7 % 3], i % 50)
    };
    dir.file("dated.csv", "day,city,n\n".to_owned() + &(0..3000).map(row).collect::<String>());
    dir.file("job.toml", "[data]\npath = \"dated.csv\"\n\n[model.trees]\n");
    dir.run(&["train", "job.toml", "--out", "run"]).ok();
    dir
}

/// Days were once compared before the time of day was cut off, so that a day could break its own condition.
#[test]
fn conditions_on_dates_hold_for_what_is_written() {
    let dir = dated();
    let bound = "2021-03-10";
    for (sign, holds) in [
        (">", (|d, b| d > b) as fn(&str, &str) -> bool),
        (">=", |d, b| d >= b),
        ("<", |d, b| d < b),
        ("<=", |d, b| d <= b),
        ("!=", |d, b| d != b),
        ("=", |d, b| d == b),
    ] {
        let n = if sign == "=" { "5" } else { "2000" };
        let args = ["sample", "run", "-n", n, "--max-tries", "20000", "--where", &format!("day{sign}{bound}")];
        let days = column(&dir.run(&args).ok().stdout, "day");
        assert_eq!(days.len().to_string(), n);
        assert!(days.iter().all(|d| holds(d, bound)), "day{sign}{bound}: {days:?}");
    }
}

/// The last chunk owes nothing to some levels when it is shorter than there are levels.
#[test]
fn a_short_last_chunk_is_balanced_too() {
    let dir = dated();
    let cities = column(&dir.run(&["sample", "run", "-n", "8193", "--balance", "city"]).ok().stdout, "city");
    assert_eq!(cities.len(), 8193);
    for city in ["lima", "oslo", "rome"] {
        assert_eq!(cities.iter().filter(|c| *c == city).count(), 2731, "{city}");
    }
}

#[test]
fn a_level_that_does_not_exist_is_an_error_whatever_the_sign() {
    let output = dated().run(&["sample", "run", "--where", "city!=osla"]).fails(1);
    assert!(output.stderr.contains("did you mean `oslo`"), "{}", output.stderr);
    assert_eq!(output.stdout, "", "nothing is written before the request is checked");
}

#[test]
fn a_stopped_run_is_not_lost_by_a_forgotten_flag() {
    let dir = dated();
    dir.file("neural.toml", "[data]\npath = \"dated.csv\"\n\n[model.tvae]\n");
    std::fs::create_dir_all(dir.path("run/checkpoint")).unwrap();
    dir.file("run/checkpoint/state.safetensors", "hours of work");
    let output = dir.run(&["train", "neural.toml", "--out", "run"]).fails(1);
    assert!(output.stderr.contains("--resume"), "{}", output.stderr);
    assert_eq!(dir.text("run/checkpoint/state.safetensors"), "hours of work");
}

/// What `models/` holds opens without training, in the format of today.
#[test]
fn the_models_that_ship_can_be_sampled() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir());
    let mut seen = 0;
    for entry in entries {
        assert!(entry.join("README.md").exists(), "{} has no card", entry.display());
        let path = entry.display().to_string();
        let csv = Dir::new().run(&["sample", &path, "-n", "20"]).ok().stdout;
        assert_eq!(csv.lines().count(), 21, "{path}");
        seen += 1;
    }
    assert!(seen > 0, "models/ is empty");
}

/// A column that only the config knows to be a category is compared when the model is given.
#[test]
fn evaluation_can_take_the_kinds_of_the_model() {
    let dir = Dir::new();
    let rows: String = (0..400).map(|i| format!("the item called {i} or so;{}\n", i % 7)).collect();
    dir.file("real.csv", format!("what;n\n{rows}"));
    dir.file("job.toml", "[data]\npath = \"real.csv\"\ncolumns = { what = \"categorical\" }\n\n[model.trees]\n");
    dir.run(&["train", "job.toml", "--out", "run"]).ok();
    dir.run(&["sample", "run", "-n", "400", "-o", "s.csv"]).ok();
    let compared = |extra: &[&str]| {
        let args = [&["evaluate", "--real", "real.csv", "--synthetic", "s.csv", "--json", "-"], extra].concat();
        let json: serde_json::Value = serde_json::from_str(&dir.run(&args).ok().stdout).unwrap();
        json["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(compared(&[]), ["n"], "detection takes the column for free text");
    assert_eq!(compared(&["--model", "run"]), ["what", "n"]);
    dir.run(&["evaluate", "--real", "real.csv", "--synthetic", "s.csv", "--model", "nowhere"]).fails(1);
}

#[test]
fn inspect_shows_a_set_of_images_and_its_contact_sheet() {
    use verisim_data::image::{Images, Shape, Writer};
    let dir = Dir::new();
    let classes = ["cat".to_string(), "dog".to_string()];
    let shape = Shape { height: 8, width: 8, channels: 3 };
    let mut writer = Writer::create(&dir.path("pets"), shape, &classes, 5, &[]).unwrap();
    let pixels: Vec<u8> = (0..5 * shape.len()).map(|i| (i % 251) as u8).collect();
    writer.write(&pixels, &[0, 0, 0, 1, 1]).unwrap();
    writer.finish().unwrap();
    dir.file("pets/cat/broken.png", "not a picture");
    let said = dir.run(&["inspect", "pets", "--sheet", "sheet.png"]).ok().stdout;
    for words in ["5 images", "8 x 8 RGB", "cat: 3", "dog: 2", "broken.png"] {
        assert!(said.contains(words), "no `{words}` in:\n{said}");
    }
    std::fs::create_dir(dir.path("alone")).unwrap();
    dir.file("alone/sheet.png", dir.bytes("sheet.png"));
    let (sheet, _) = Images::read(&dir.path("alone"), &Default::default()).unwrap();
    // Two classes of at most 16 images, each pixel 8 x 8, with lines of 2 between them.
    assert!(sheet.shape().width >= 16 * 64 && (128..200).contains(&sheet.shape().height), "{:?}", sheet.shape());
    let json = dir.run(&["inspect", "pets", "--json"]).ok().stdout;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["classes"]["dog"], 2);
    dir.run(&["inspect", "nowhere.csv", "--sheet", "x.png"]).fails(1);
}
