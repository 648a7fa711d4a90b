//! What an artefact says of a table, and what it must not say.

#![allow(clippy::unwrap_used)]

use super::codec::{CodecConfig, Numeric, TableCodec};
use super::*;

const ROWS: usize = 120;

fn column(cell: impl Fn(usize) -> String) -> Vec<String> {
    (0..ROWS).map(cell).collect()
}

/// The same but for one row.
fn but(mut column: Vec<String>, row: usize, cell: &str) -> Vec<String> {
    column[row] = cell.to_owned();
    column
}

/// Columns of every kind; most names say what they are taken for. No learnt column has a cell of one that is not.
fn columns() -> Vec<(&'static str, Vec<String>)> {
    let spelt = |i: usize| format!("{:04}", i * 7_919 % 9_973);
    vec![
        ("integer", column(|i| (i * i % 89).to_string())),
        ("decimal", but(column(|i| format!("{}.5", i * 7 % 83)), 17, "inf")),
        ("category", column(|i| ["red", "green", "blue"][i % 3].to_owned())),
        ("boolean", column(|i| ["yes", "no"][i % 2].to_owned())),
        ("datetime", column(|i| format!("2024-{:02}-{:02}", i % 12 + 1, i % 28 + 1))),
        // Keys of the shapes that hold none of them: running numbers and numbers of different lengths hold their ends.
        ("plate", column(|i| format!("K{}-{}", char::from(b'A' + (i % 26) as u8), spelt(i)))),
        ("padded", column(|i| format!("CU-{}", spelt(i)))),
        ("uuid", column(|i| format!("6fa459ea-ee8a-4ca4-894e-db77e160{}", spelt(i)))),
        ("chosen", column(|i| format!("visitor {} of ward {}", spelt(i), i % 7))),
        ("text", column(|i| format!("seen {} by Dr. Doe", spelt(i)))),
        ("configured", column(|i| format!("diagnosis {}", i % 4))),
        // Numbers with a word among them, which is a level of its own; and such as no double holds.
        ("word", but(column(|i| format!("98{}.75", spelt(i))), 41, "Jane Roe")),
        // What decides that these are no numbers is one cell.
        ("zero", but(column(|i| format!("97{}.75", spelt(i))), 42, "0071928440")),
        ("long", but(column(|i| format!("96{}.75", spelt(i))), 43, "90071992547409931")),
        ("constant", column(|_| "St. Elsewhere".to_owned())),
        ("empty", column(|_| String::new())),
        ("skipped", column(|i| format!("patient {}", spelt(i)))),
    ]
}

fn table() -> Table {
    let columns = columns();
    let cells: Vec<Vec<Option<&str>>> =
        columns.iter().map(|(_, c)| c.iter().map(|c| Some(c.as_str()).filter(|c| !c.is_empty())).collect()).collect();
    let named: Vec<(&str, &[Option<&str>])> =
        columns.iter().zip(&cells).map(|((name, _), cells)| (*name, cells.as_slice())).collect();
    Table::from_text(&named).unwrap()
}

fn settings() -> DetectSettings {
    serde_json::from_str(r#"{"skipped": {"kind": "skip"}, "configured": "text", "chosen": "identifier"}"#).unwrap()
}

fn spec(numeric: Numeric) -> Spec {
    let table = table();
    let schema = Schema::detect(&table, &settings()).unwrap();
    let frame = schema.parse(&table).unwrap();
    let codec = TableCodec::fit(&schema, &frame, &CodecConfig { numeric, bins: 32, rare: 5, max_levels: 100 });
    Spec { schema, codec }
}

#[test]
fn an_artefact_holds_no_cell_of_a_column_that_is_not_learnt() {
    for numeric in [Numeric::Grid, Numeric::Modes, Numeric::Normal] {
        let spec = spec(numeric);
        let learnt: Vec<&str> = spec.schema.modelled().map(|f| f.name.as_str()).collect();
        assert_eq!(learnt, ["integer", "decimal", "category", "boolean", "datetime", "word", "long"]);
        let written = [serde_json::to_string(&spec).unwrap(), format!("{spec:?}"), spec.schema.to_string()];
        for (name, cells) in columns().iter().filter(|(name, _)| !learnt.contains(name)) {
            for cell in cells.iter().filter(|c| !c.is_empty() && *name != "constant") {
                assert!(written.iter().all(|w| !w.contains(cell)), "{name}: {cell}");
            }
        }
        // The stated exception stands there once, as what is written in every row; nor is a skipped column named.
        assert_eq!(written[0].matches("St. Elsewhere").count(), 1);
        assert!(!written[0].contains("skipped"));
    }
}

#[test]
fn who_has_the_data_is_shown_the_cells_that_decided() {
    let detected = Detected::of(&table(), &settings()).unwrap();
    let (shown, json) = (detected.to_string(), serde_json::to_value(&detected).unwrap());
    for (name, why) in [
        ("decimal", "numbers with at most 1 digits after the point; 1 infinite or not a number, read as missing"),
        ("boolean", "only `yes` and `no`"),
        ("datetime", "dates or times as `%Y-%m-%d`"),
        ("word", "numbers with at most 2 digits after the point; 1 row with `Jane Roe`, levels of their own"),
        (
            "zero",
            "120 distinct texts in 120 rows: free text, not learnt; codes, not numbers: `0071928440` in row 43 has a \
             leading zero; placeholder words of the same length are written",
        ),
        ("long", "numbers with 2 digits after the point, all of which are kept"),
        ("constant", "`St. Elsewhere` in every row"),
        ("empty", "no value in any row"),
        ("configured", "as the configuration says; placeholder words of the same length are written"),
    ] {
        let line = shown.lines().find(|l| l.starts_with(&format!("{name} "))).unwrap();
        assert!(line.ends_with(&format!("  {why}")), "{line}");
        let field = json["fields"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap();
        assert_eq!(field["reason"], why);
    }
}

/// Apart from their reasons, what `inspect` shows as JSON and what an artefact holds are the same.
#[test]
fn a_schema_with_its_evidence_has_the_keys_of_a_schema() {
    let detected = Detected::of(&table(), &settings()).unwrap();
    let mut shown = serde_json::to_value(&detected).unwrap();
    let mut held = serde_json::to_value(&detected.schema).unwrap();
    for (shown, held) in std::iter::zip(shown["fields"].as_array_mut().unwrap(), held["fields"].as_array_mut().unwrap())
    {
        assert!(shown["reason"].take().is_string() && held["reason"].take()["code"].is_string());
    }
    assert_eq!(shown, held);
}

#[test]
fn the_sentences_of_old_artefacts_are_dropped() {
    let old = r#"{"fields": [
        {"name": "ward", "kind": "constant", "value": "7", "reason": "`7` in every row", "missing": ""},
        {"name": "note", "kind": "text", "reason": "9 distinct texts in 9 rows: free text, not modelled; 8 are numbers but `Jane Roe` in row 3 is not: list it under `missing` if it means that; 1 missing, written `?`", "missing": "?"}
    ]}"#;
    let schema: Schema = serde_json::from_str(old).unwrap();
    assert!(schema.fields.iter().all(|f| f.reason == Reason::Untold && f.why().is_empty()));
    let again = serde_json::to_string(&schema).unwrap();
    assert!(!again.contains("Jane Roe") && !schema.to_string().contains("Jane Roe"), "{again}");
    assert_eq!(serde_json::from_str::<Schema>(&again).unwrap(), schema);
    for wrong in [r#"{"code": "unheard_of"}"#, "7"] {
        let json = format!(r#"{{"fields": [{{"name": "a", "kind": "text", "reason": {wrong}}}]}}"#);
        assert!(serde_json::from_str::<Schema>(&json).unwrap_err().to_string().contains("code of a reason"));
    }
}
