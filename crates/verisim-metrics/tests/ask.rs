//! Evaluations of files, as the programs above this crate ask for them.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use verisim_data::table::codec::TableCodec;
use verisim_data::table::{DetectSettings, Schema, Spec, Table};
use verisim_data::{Data, Event, Quiet, Watch};
use verisim_metrics::table::Ask;
use verisim_metrics::{Compare, Document, Known, Result};

/// Keeps what it is told.
#[derive(Default)]
struct Notes(Vec<String>);

impl Watch for Notes {
    fn on(&mut self, event: Event) {
        if let Event::Note(note) = event {
            self.0.push(note);
        }
    }
}

/// A folder with a table of two modelled columns and a key, called `real.csv`.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.write("real.csv", &rows(0..60));
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn ask(&self, synthetic: &str) -> Ask {
        Ask { real: self.path("real.csv"), synthetic: self.path(synthetic), ..Ask::default() }
    }
}

fn rows(numbers: std::ops::Range<usize>) -> String {
    let row = |i: usize| format!("row-{i:05},{},<{}>\n", (i * 37 % 101) as f64 / 4.0, ["a", "b"][i / 3 % 2]);
    format!("id,size,kind\n{}", numbers.map(row).collect::<String>())
}

fn compare(ask: &Ask, watch: &mut dyn Watch) -> Result<Document> {
    <Table as Compare>::compare(ask, None, &(), watch)
}

#[test]
fn what_is_not_compared_is_told() {
    let folder = Folder::new();
    folder.write("made.csv", &rows(60..100).replace("\nrow-00060,", "\nrow-00060,about "));
    let mut notes = Notes::default();
    let document = compare(&folder.ask("made.csv"), &mut notes).unwrap();
    let made = folder.path("made.csv");
    let unfit = format!("{}: 1 values of `size` do not fit its kind and count as missing", made.display());
    assert_eq!(notes.0, [unfit]);
    let text = document.to_text();
    let opening =
        "40 synthetic rows against 60 training rows, no hold-out, 2 columns\nnot compared: id (a running number)\n\n";
    assert!(text.starts_with(opening), "{text}");
    let json: serde_json::Value = serde_json::from_str(&document.to_json()).unwrap();
    let (left_out, returned) = (&json["not_compared"][0], &json["not_compared"][0]["returned"]["synthetic"]);
    assert_eq!((left_out["name"].as_str(), left_out["why"].as_str()), (Some("id"), Some("a running number")));
    assert_eq!((returned["hits"].as_u64(), returned["rows"].as_u64()), (Some(0), Some(40)));
    assert!(document.to_html().contains("Columns that are not compared"));
    assert!(text.contains("Train on synthetic") && text.contains("needs a target column"));
}

#[test]
fn a_table_of_other_columns_is_named() {
    let folder = Folder::new();
    folder.write("made.csv", &rows(60..100).replace("kind", "sort").replace("size", "length"));
    let error = compare(&folder.ask("made.csv"), &mut Quiet).unwrap_err();
    let (made, real) = (folder.path("made.csv"), folder.path("real.csv"));
    assert_eq!(error.to_string(), format!("{} does not have the columns of {}", made.display(), real.display()));
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("no column `size`"));
    let error = compare(&folder.ask("none.csv"), &mut Quiet).unwrap_err().to_string();
    assert!(error.contains("none.csv: "), "{error}");
}

#[test]
fn a_lost_column_scores_nothing_and_an_added_one_is_named() {
    let folder = Folder::new();
    folder.write("made.csv", &rows(60..100).replace("kind", "sort"));
    let mut notes = Notes::default();
    let document = compare(&folder.ask("made.csv"), &mut notes).unwrap();
    assert!(
        notes.0[0].ends_with("made.csv: has no column `kind`, which counts as missing throughout"),
        "{:?}",
        notes.0
    );
    let json: serde_json::Value = serde_json::from_str(&document.to_json()).unwrap();
    let kind = json["columns"].as_array().unwrap().iter().find(|c| c["name"] == "kind").unwrap();
    assert_eq!((&kind["shape"], &kind["missing_synthetic"]["value"]), (&0.0.into(), &1.0.into()));
    assert!(document.to_text().contains("sort (not in the real table)"));
}

#[test]
fn values_where_training_has_none_are_seen() {
    let folder = Folder::new();
    let rows = |gone: &str, same: &str| {
        let row = |i: usize| format!("{},{gone},{same}\n", (i * 37 % 101) as f64 / 4.0);
        "size,gone,same\n".to_owned() + &(0..80).map(row).collect::<String>()
    };
    folder.write("real.csv", &rows("", "x"));
    for (gone, same, says) in [("1", "x", Some("in gone")), ("", "y", Some("in same")), ("", "x", None)] {
        folder.write("made.csv", &rows(gone, same));
        let json = compare(&folder.ask("made.csv"), &mut Quiet).unwrap().to_json();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let line = json["verdicts"].as_array().unwrap().iter().find(|line| line["id"] == "foreign_values").cloned();
        assert_eq!(line.is_some(), says.is_some());
        if let (Some(line), Some(says)) = (line, says) {
            assert!(line["mark"] == "poor" && line["verdict"].as_str().unwrap().contains(says), "{line}");
        }
    }
}

/// Keys and texts of real people that come back are counted, whether a model learns them or not.
#[test]
fn real_keys_that_come_back_are_seen() {
    let folder = Folder::new();
    let key = |i: usize| format!("{:08x}", (i as u64 * 2_654_435_761) % (1 << 32));
    let with_keys = |range: std::ops::Range<usize>, from: usize| {
        let row =
            |i: usize| format!("{},{}.5,{}\n", key(i.wrapping_add(from)), (i * 37) % 101, ["a", "b", "c"][i * 7 % 3]);
        "key,size,kind\n".to_owned() + &range.map(row).collect::<String>()
    };
    folder.write("real.csv", &with_keys(0..200, 0));
    folder.write("unseen.csv", &with_keys(200..300, 0));
    for (from, mark) in [(0, "good"), (300, "poor")] {
        // Rows 300 to 400 with their own keys, or with those of training.
        folder.write("made.csv", &with_keys(300..400, 0usize.wrapping_sub(from)));
        let ask = Ask { holdout: Some(folder.path("unseen.csv")), ..folder.ask("made.csv") };
        let json: serde_json::Value = serde_json::from_str(&compare(&ask, &mut Quiet).unwrap().to_json()).unwrap();
        let lines = json["verdicts"].as_array().unwrap();
        let line = lines.iter().find(|line| line["id"] == "returned_values").unwrap();
        assert_eq!(line["mark"], mark, "{line}");
    }
}

#[test]
fn a_model_says_what_the_columns_are() {
    let folder = Folder::new();
    let ask = Ask { holdout: Some(folder.path("real.csv")), target: Some("kind".to_owned()), ..folder.ask("real.csv") };
    let table = Table::read(&ask.real, &Default::default()).unwrap();
    let mut schema = Schema::detect(&table, &DetectSettings::default()).unwrap();
    // Found as a number; the model learnt it as a category.
    schema.fields[1].kind = verisim_data::table::ColumnKind::Categorical { numeric: false };
    // Nothing is encoded here.
    let codec = TableCodec::default();
    let known: Known<Table> = Known { source: None, spec: Spec { schema, codec } };
    let kinds = |known| -> Vec<String> {
        let document = <Table as Compare>::compare(&ask, known, &(), &mut Quiet).unwrap();
        let json: serde_json::Value = serde_json::from_str(&document.to_json()).unwrap();
        assert_eq!(json["utility"]["target"], "kind");
        json["columns"].as_array().unwrap().iter().map(|c| c["compared_as"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(None), ["number", "category"]);
    assert_eq!(kinds(Some(&known)), ["category", "category"]);
    assert_eq!(<Table as Data>::NAME, "table");
}

#[test]
fn unknown_keys_are_refused() {
    let ask = |text: &str| serde_json::from_str::<Ask>(text);
    let found = ask(r#"{ "real": "a", "synthetic": "b", "seed": 7 }"#).unwrap();
    assert_eq!((found.seed, found.holdout), (Some(7), None));
    assert!(ask(r#"{ "real": "a", "synthetic": "b", "size": 32 }"#).unwrap_err().to_string().contains("size"));
    assert!(ask(r#"{ "real": "a" }"#).unwrap_err().to_string().contains("synthetic"));
}

#[test]
fn the_page_stands_alone_and_leads_with_four_scores() {
    let folder = Folder::new();
    folder.write("made.csv", &rows(30..90).replace("<a>", "<script>"));
    let ask = Ask { holdout: Some(folder.path("real.csv")), target: Some("size".to_owned()), ..folder.ask("made.csv") };
    let page = compare(&ask, &mut Quiet).unwrap().to_html();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(!page.contains("http") && !page.contains("<script"));
    let cards = &page[..page.find("<h2>").unwrap()];
    assert_eq!(cards.matches("<div class=\"card\">").count(), 4);
    for label in ["Boosted two-sample AUC", "Train on synthetic, R²", "Closer to training", "Exact copies"] {
        assert!(cards.contains(&format!("<div class=\"name\">{label}</div>")), "no card {label}");
    }
    assert!(page.contains("size × kind: ") && page.contains("Weakest pairs") && page.contains("correlation, training"));
    assert!(page.contains("Impossible and missing values"));
    for tag in ["div", "table", "tr", "td", "th", "svg", "g", "text", "title", "h2", "p"] {
        let count = |t: String| page.matches(&t).count();
        assert_eq!(count(format!("<{tag}>")) + count(format!("<{tag} ")), count(format!("</{tag}>")), "{tag}");
    }
}
