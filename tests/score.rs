//! Rows scored.

use serde_json::Value;

use crate::util::{Dir, cells, column, csv, demo};

fn model() -> String {
    demo().path(".").display().to_string()
}

fn json(dir: &Dir, args: &[&str]) -> Value {
    serde_json::from_str(&dir.run(&[args, &["--json"]].concat()).ok().stdout).unwrap()
}

/// The model's own rows are as usual as they should be, and no drift is seen in them.
#[test]
fn rows_of_the_model_are_usual() {
    let dir = Dir::new();
    dir.run(&["sample", &model(), "-n", "4000", "--seed", "9", "-o", "own.csv"]).ok();
    let found = json(&dir, &["score", &model(), "own.csv", "-o", "scores.csv"]);
    assert_eq!(found["drift"]["found"], false, "{found}");
    // 4 are expected.
    assert!(found["unusual"]["rows"].as_u64().unwrap() < 16, "{found}");
    let scores = dir.text("scores.csv");
    assert_eq!(cells(&scores).len(), 4001);
    let shares: Vec<f64> = column(&scores, "share").iter().map(|x| x.parse().unwrap()).collect();
    let half = shares.iter().filter(|&&x| x < 0.5).count() as f64 / 4000.0;
    assert!((half - 0.5).abs() < 0.05, "{half}");
}

/// Columns that know nothing of each other are improbable together, though each alone is as it was.
#[test]
fn shuffled_columns_are_told() {
    let dir = Dir::new();
    let mut rows = cells(&std::fs::read_to_string(demo().path("real.csv")).unwrap());
    let last = rows.len() - 1;
    for j in 0..rows[0].len() {
        let values: Vec<String> = rows[1..].iter().map(|row| row[j].clone()).collect();
        (0..last).for_each(|i| rows[i + 1][j] = values[(i + 97 * j) % last].clone());
    }
    dir.file("shuffled.csv", csv(&rows));
    let kept = demo().path("holdout.csv").display().to_string();
    let found = json(&dir, &["score", &model(), "shuffled.csv", "--reference", &kept]);
    assert_eq!(found["drift"]["found"], true, "{found}");
    // The model's own rows are no proof that rows have changed.
    let found = json(&dir, &["score", &model(), "shuffled.csv"]);
    assert!(found["drift"]["found"].is_null(), "{found}");
    assert!(found["drift"]["distance"].as_f64().unwrap() > 0.25, "{found}");
    let columns = found["columns"].as_array().unwrap();
    assert!(columns.iter().all(|c| c["values"].as_f64().unwrap() < 0.08), "{found}");
}

#[test]
fn what_was_never_seen_is_named() {
    let dir = Dir::new();
    let mut rows = cells(&std::fs::read_to_string(demo().path("holdout.csv")).unwrap());
    let place = |name: &str| rows[0].iter().position(|n| n == name).unwrap();
    let (alcohol, ph) = (place("alcohol"), place("pH"));
    rows[5][alcohol] = "77".into();
    rows[9][ph] = "acid".into();
    rows[12][ph] = String::new();
    dir.file("odd.csv", csv(&rows));
    let found = json(&dir, &["score", &model(), "odd.csv", "-o", "scores.jsonl"]);
    let least = found["least_probable"].as_array().unwrap();
    let of = |row: u64| least.iter().find(|r| r["row"] == row).unwrap_or_else(|| panic!("no row {row} in {found}"));
    assert_eq!((&of(5)["column"], &of(5)["value"]), (&"alcohol".into(), &"77".into()));
    assert_eq!((&of(9)["column"], &of(9)["value"], &of(12)["column"]), (&"pH".into(), &"acid".into(), &"pH".into()));
    assert_eq!(found["never_seen"].as_array().unwrap().iter().map(|n| n["cells"].as_u64().unwrap()).sum::<u64>(), 3);
    let text = dir.run(&["score", &model(), "odd.csv"]).ok().stdout;
    assert!(text.contains("alcohol = `77`: out of the range that was learnt"), "{text}");
    assert!(dir.text("scores.jsonl").lines().count() == rows.len() - 1);
    // Beside rows that were kept back instead.
    let kept = demo().path("holdout.csv").display().to_string();
    let found = json(&dir, &["score", &model(), "odd.csv", "--reference", &kept]);
    assert_eq!(found["drift"]["found"], false, "{found}");
    assert!(found["reference"].as_str().unwrap().contains("holdout.csv"));
}

#[test]
fn what_cannot_be_scored_is_refused() {
    let dir = Dir::new();
    dir.file("less.csv", "alcohol,pH\n9,3\n");
    let score = |args: &[&str]| dir.run(&[&["score", &model()], args].concat());
    score(&["less.csv"]).fails(1).quick().says(&["quality", "add it"]);
    score(&["nowhere.csv"]).fails(1).quick().says(&["nowhere.csv"]);
    score(&["less.csv", "--own", "0"]).fails(2);
    let kept = demo().path("holdout.csv").display().to_string();
    score(&[&kept, "-o", "nowhere/scores.csv"]).fails(1).quick();
}
