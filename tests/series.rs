//! Series through the whole program: panels, events, one long series, wide files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use verisim_data::rng::{below, normal, stream};
use verisim_models::Model as _;
use verisim_models::learn::Models as _;

use crate::util::{Dir, configs};

/// Stores, each of a region, with a month, sales that wander and a flag.
fn stores() -> String {
    let mut text = String::from("store,region,month,sales,promotion\n");
    for store in 0..60u64 {
        let mut rng = stream(1, "stores", store);
        let region = ["north", "south", "west"][below(&mut rng, 3) as usize];
        let base = if region == "north" { 900.0 } else { 300.0 };
        let mut level = 0.0;
        for month in 0..18 {
            level = 0.8 * level + 0.2 * normal(&mut rng);
            let promotion = if below(&mut rng, 4) == 0 { "yes" } else { "no" };
            let sales = (base * (1.0_f64 + 0.2 * level)).round();
            text +=
                &format!("S{store:03},{region},{}-{:02}-01,{sales},{promotion}\n", 2024 + month / 12, month % 12 + 1);
        }
    }
    text
}

/// Patients: admitted first, an exam before a consultation, nothing after death; at uneven times.
fn patients() -> String {
    let mut text = String::from("patient,sex,time,event,value\n");
    for patient in 0..150u64 {
        let mut rng = stream(2, "patients", patient);
        let sex = ["f", "m"][below(&mut rng, 2) as usize];
        let (mut time, mut examined) = (1_700_000_000 + below(&mut rng, 9_000_000), false);
        let mut row = |event: &str, time: u64, value: u64| {
            let when = verisim_data::table::date::DateFormat::new("%Y-%m-%d %H:%M:%S").text(time as f64);
            text += &format!("P{patient:04},{sex},{when},{event},{value}\n");
        };
        row("admission", time, 0);
        for _ in 0..2 + below(&mut rng, 8) {
            time += 60 + below(&mut rng, 90_000);
            let event = ["exam", "consultation", "rest"][below(&mut rng, 3) as usize];
            let event = if event == "consultation" && !examined { "rest" } else { event };
            examined |= event == "exam";
            row(event, time, below(&mut rng, 50));
        }
        if below(&mut rng, 3) == 0 {
            row("death", time + 3_600, 0);
        }
    }
    text
}

/// The rows of a file by the value of a column, in their order.
fn by<'t>(text: &'t str, column: &str) -> BTreeMap<&'t str, Vec<BTreeMap<&'t str, &'t str>>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut all: BTreeMap<&str, Vec<BTreeMap<&str, &str>>> = BTreeMap::new();
    for line in lines {
        let row: BTreeMap<&str, &str> = names.iter().copied().zip(line.split(',')).collect();
        all.entry(row[column]).or_default().push(row);
    }
    all
}

fn job(dir: &Dir, model: &str, data: &str) -> String {
    let path = dir.path(data);
    dir.file(&format!("{model}.toml"), format!("[data]\npath = {path:?}\n[model.{model}]\n"));
    format!("{model}.toml")
}

/// Few steps of a model that takes steps.
const SHORT: [&str; 4] = ["--set", "train.epochs=2", "--set", "train.min_steps=0"];

/// Every config of series that comes with the program, a new one as soon as it lies in the folder.
#[test]
fn every_config_of_series_keeps_their_form() {
    let dir = Dir::new();
    dir.file("stores.csv", stores());
    let mut tried = 0;
    for file in std::fs::read_dir(configs()).unwrap().map(|f| f.unwrap().path()) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let Ok(config) = verisim_train::Config::read(&file, &[]) else { continue };
        let model = config.model().unwrap();
        if !verisim_models::series::Model::NAMES.contains(&model.as_str()) {
            continue;
        }
        tried += 1;
        let job = config.job::<verisim_data::series::Series>().unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut args = vec!["train", &name, "--data", "stores.csv", "--out", &name];
        if job.model.training().is_some() {
            args.extend(SHORT);
        }
        if name == "renewal" {
            // It learns events at uneven times, and these are even.
            dir.run(&args).fails(1).says(&["renewal"]);
            continue;
        }
        dir.run(&args).ok().says(&["60 sequences by store, 18 steps each, by `month`, every month"]);
        let (out, again) = (format!("{name}.csv"), format!("{name}-2.csv"));
        dir.run(&["sample", &name, "-n", "40", "-o", &out]).ok();
        dir.run(&["sample", &name, "-n", "40", "-o", &again]).ok();
        assert_eq!(dir.bytes(&out), dir.bytes(&again), "{name}");
        let text = dir.text(&out);
        assert!(text.starts_with("store,region,month,sales,promotion\n"), "{name}");
        let sequences = by(&text, "store");
        assert_eq!(sequences.len(), 40, "{name}");
        for (store, rows) in &sequences {
            assert!(store.starts_with('S') && store.len() >= 4, "{name}: {store}");
            let months: Vec<&str> = rows.iter().map(|r| r["month"]).collect();
            assert_eq!((months.len(), months[0], months[17]), (18, "2024-01-01", "2025-06-01"), "{name}");
            assert_eq!(rows.iter().map(|r| r["region"]).collect::<BTreeSet<_>>().len(), 1, "{name}");
            assert!(rows.iter().all(|r| (100.0..2000.0).contains(&r["sales"].parse::<f64>().unwrap())), "{name}");
        }
        let some = format!("{name}-north.csv");
        dir.run(&[
            "sample",
            &name,
            "-n",
            "5",
            "--where",
            "region=north",
            "--length",
            "30",
            "--start",
            "2030-05-01",
            "-o",
            &some,
        ])
        .ok();
        for rows in by(&dir.text(&some), "store").values() {
            assert!(rows.len() == 30 && rows.iter().all(|r| r["region"] == "north"), "{name}");
            assert_eq!((rows[0]["month"], rows[29]["month"]), ("2030-05-01", "2032-10-01"), "{name}");
        }
        let on = format!("{name}-on.csv");
        dir.run(&["sample", &name, "--given", "stores.csv", "--horizon", "4", "-o", &on]).ok();
        let on = dir.text(&on);
        let on = by(&on, "store");
        assert_eq!(on.len(), 60, "{name}");
        let first = &on["S000"];
        assert_eq!((first.len(), first[0]["month"], first[3]["month"]), (4, "2025-07-01", "2025-10-01"), "{name}");
        dir.run(&["inspect", &name]).ok();
    }
    assert!(tried >= 7);
}

#[test]
fn events_keep_their_order_and_run_forward() {
    let dir = Dir::new();
    dir.file("patients.csv", patients());
    let config = job(&dir, "events", "patients.csv");
    dir.run(
        &[&["train", &config, "--out", "run"][..], &["--set", "train.epochs=12", "--set", "train.min_steps=0"]]
            .concat(),
    )
    .ok()
    .says(&["150 sequences by patient", "at uneven times"]);
    dir.run(&["sample", "run", "-n", "300", "-o", "made.csv"])
        .ok()
        .says(&["nothing comes after death", "exam comes before consultation"]);
    let made = dir.text("made.csv");
    let sequences = by(&made, "patient");
    assert_eq!(sequences.len(), 300);
    let mut lengths = BTreeSet::new();
    for rows in sequences.values() {
        lengths.insert(rows.len());
        let events: Vec<&str> = rows.iter().map(|r| r["event"]).collect();
        let place = |event| events.iter().position(|e| *e == event);
        assert_eq!(place("admission"), Some(0), "{events:?}");
        assert!(place("death").is_none_or(|d| d + 1 == events.len()), "{events:?}");
        assert!(place("consultation").is_none_or(|c| place("exam").is_some_and(|e| e < c)), "{events:?}");
        assert!(rows.windows(2).all(|w| w[0]["time"] < w[1]["time"]), "{rows:?}");
    }
    assert!(lengths.len() > 4, "{lengths:?}");
    // A history goes on: nobody is admitted again.
    dir.run(&["sample", "run", "--given", "made.csv", "--horizon", "2", "-o", "on.csv"]).ok();
    let on = dir.text("on.csv");
    for (patient, rows) in by(&on, "patient") {
        let last = sequences[patient].last().unwrap();
        assert!(rows.len() == 2 && rows[0]["time"] > last["time"] && rows.iter().all(|r| r["event"] != "admission"));
    }
}

#[test]
fn logs_of_events_are_learnt_in_closed_form() {
    let dir = Dir::new();
    dir.file("patients.csv", patients());
    for model in ["markov", "renewal"] {
        let config = job(&dir, model, "patients.csv");
        dir.run(&["train", &config, "--out", model]).ok();
        dir.run(&["sample", model, "-n", "200", "-o", "made.csv"]).ok();
        let made = dir.text("made.csv");
        for rows in by(&made, "patient").values() {
            let events: Vec<&str> = rows.iter().map(|r| r["event"]).collect();
            assert_eq!(events[0], "admission", "{model}");
            assert!(
                events.iter().position(|e| *e == "death").is_none_or(|d| d + 1 == events.len()),
                "{model}: {events:?}"
            );
            assert!(rows.windows(2).all(|w| w[0]["time"] < w[1]["time"]), "{model}");
        }
    }
}

#[test]
fn a_note_that_says_what_happened_fits_what_was_drawn() {
    let dir = Dir::new();
    // The age rises by a year now and then, and the note names event and age in one of two ways.
    let (mut age, mut text) = (0, String::new());
    let mut rng = stream(3, "notes", 0);
    for line in patients().lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        age = if cells[3] == "admission" { 30 + below(&mut rng, 30) } else { age + u64::from(below(&mut rng, 4) == 0) };
        let note = match below(&mut rng, 2) {
            0 => format!("{} at {age}", cells[3]),
            _ => format!("aged {age}: {}", cells[3]),
        };
        text += &format!("{},{},{},{age},{note}\n", cells[0], cells[2], cells[3]);
    }
    dir.file("notes.csv", format!("patient,time,event,age,note\n{text}"));
    for model in ["events", "renewal"] {
        let short = ["--set", "train.epochs=1", "--set", "train.min_steps=5"];
        let short = if model == "events" { &short[..] } else { &[] };
        let said = dir.run(&[&["train", model, "--data", "notes.csv", "--out", model], short].concat()).ok();
        assert!(said.stderr.contains("follow from `note`, which is drawn last"), "{}", said.stderr);
        dir.run(&["sample", model, "-n", "40", "-o", "made.csv", "--force"]).ok();
        let made = dir.text("made.csv");
        assert!(made.lines().count() > 100);
        for line in made.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let (event, age, note) = (cells[2], cells[3], cells[4]);
            let fits = note == format!("{event} at {age}") || note == format!("aged {age}: {event}");
            assert!(fits, "{model}: {line}");
        }
    }
}

#[test]
fn one_long_series_and_wide_files_come_back_in_their_form() {
    let dir = Dir::new();
    let mut text = String::from("when;load;temperature\n");
    for hour in 0..400 {
        let day = f64::from(hour) / 24.0;
        let swing = (day * std::f64::consts::TAU).sin();
        text += &format!(
            "2024-03-{:02} {:02}:00;{:.2};{:.1}\n",
            1 + hour / 24,
            hour % 24,
            50.0 + 20.0 * swing,
            10.0 - 5.0 * swing
        );
    }
    dir.file("load.csv", text);
    let config = job(&dir, "bootstrap", "load.csv");
    let trained = dir.run(&["train", &config, "--out", "long"]).ok();
    trained.says(&["one long series of 400 steps, by `when`, every 3600 seconds", "one person's"]);
    dir.run(&["sample", "long", "-o", "long.csv"]).ok().says(&["copies"]);
    let made = dir.text("long.csv");
    assert!(made.starts_with("when;load;temperature\n2024-03-01 00:00;") && made.lines().count() == 401);
    dir.run(&["sample", "long", "-n", "3", "--length", "48", "-o", "three.csv"]).ok();
    let three = dir.text("three.csv").replace(';', ",");
    assert!(by(&three, "sequence").values().all(|rows| rows.len() == 48));

    let mut text = String::from("label");
    (0..12).for_each(|t| text += &format!(",t{t}"));
    for i in 0..80 {
        text += &format!("\n{}", ["calm", "wild"][i % 2]);
        (0..12).for_each(|t| text += &format!(",{}", (i % 2 + 1) * 100 + t * 3 + i));
    }
    dir.file("wide.csv", text + "\n");
    let config = job(&dir, "bootstrap", "wide.csv");
    dir.run(&["train", &config, "--out", "wide"]).ok().says(&["columns t0 to t11"]);
    dir.run(&["sample", "wide", "-n", "20", "--where", "label=wild", "-o", "w.csv"]).ok();
    let made = dir.text("w.csv");
    assert!(
        made.lines().count() == 21
            && made.lines().skip(1).all(|l| l.starts_with("wild,") && l.split(',').count() == 13)
    );
    dir.run(&["sample", "wide", "--length", "13", "-o", "x.csv"]).fails(1).says(&["12 at most"]);
}

#[test]
fn no_two_sequences_share_a_key_of_two_columns() {
    let dir = Dir::new();
    let mut text = String::from("store,item,day,sold\n");
    for store in 0..6 {
        for item in 0..9 {
            (1..15)
                .for_each(|day| text += &format!("s{store},i{item},2024-01-{day:02},{}\n", (store * day + item) % 13));
        }
    }
    dir.file("sold.csv", text);
    dir.run(&[
        "train",
        "bootstrap",
        "--data",
        "sold.csv",
        "--out",
        "run",
        "--set",
        "data.series.key=[\"store\", \"item\"]",
    ])
    .ok()
    .says(&["54 sequences by store and item"]);
    dir.run(&["sample", "run", "-n", "40", "-o", "made.csv"]).ok();
    let made = dir.text("made.csv");
    let keys: BTreeSet<(&str, &str)> = by(&made, "store").values().flatten().map(|r| (r["store"], r["item"])).collect();
    assert_eq!((keys.len(), made.lines().count()), (40, 40 * 14 + 1));
    dir.run(&["sample", "run", "-n", "55", "-o", "no.csv"]).fails(1).says(&["54 different values of store and item"]);
}

#[test]
fn series_are_seen_in_a_table_and_drawn() {
    let dir = Dir::new();
    dir.file("stores.csv", stores());
    let said = dir.run(&["inspect", "stores.csv"]).ok().stdout;
    assert!(said.contains("Rows that belong together in time") && said.contains("--key store --order month"), "{said}");
    let said = dir.run(&["inspect", "stores.csv", "--key", "store", "--order", "month"]).ok().stdout;
    assert!(said.contains("Sequence 1 of 60, 18 steps") && said.contains('▁'), "{said}");
}

#[test]
fn what_is_asked_of_series_wrongly_is_said() {
    let dir = Dir::new();
    dir.file("stores.csv", stores());
    let config = job(&dir, "bootstrap", "stores.csv");
    dir.run(&["train", &config, "--out", "run"]).ok();
    let fails = |args: &[&str], words: &[&str]| {
        dir.run(&[&["sample", "run", "-o", "x.csv"], args].concat()).fails(1).says(words).quick();
        assert!(!dir.path("x.csv").exists());
    };
    fails(&["--where", "sales>3"], &["changes within a sequence"]);
    fails(&["--where", "region=east"], &["region"]);
    fails(&["--start", "soon"], &["`soon` is no value of column `month`"]);
    fails(&["--length", "0"], &["between 1 and"]);
    fails(&["--given", "stores.csv"], &["horizon is missing"]);
    fails(&["--balance", "region"], &["balance"]);
    let set = |set: &str, words: &[&str]| {
        dir.run(&["train", &config, "--out", "no", "--set", set]).fails(1).says(words).quick();
    };
    set("data.series.key=stroe", &["did you mean `store`"]);
    set("data.series.order=region", &["neither a date nor a number"]);
    set("data.serie.key=store", &["unknown", "did you mean `series`"]);
    // A key of [data.series] with its line.
    dir.file("bad.toml", "[data]\npath = \"stores.csv\"\n\n[data.series]\nkee = \"store\"\n\n[model.bootstrap]\n");
    dir.run(&["train", "bad.toml"]).fails(1).says(&["bad.toml, line 5", "did you mean `key`"]);
    dir.file("bad.toml", "[data]\npath = \"stores.csv\"\nmising = [\"?\"]\n[model.bootstrap]\n");
    dir.run(&["train", "bad.toml"]).fails(1).says(&["bad.toml, line 3", "did you mean `missing`"]);
    dir.file("empty.csv", "a,b\n");
    dir.run(&["train", "bootstrap", "--data", "empty.csv", "--out", "no"]).fails(1).quick();
    dir.file("one.csv", "time,x\n1,2\n");
    dir.run(&["train", "bootstrap", "--data", "one.csv", "--out", "no"]).calm();
    assert!(!Path::new("no").exists());
}
