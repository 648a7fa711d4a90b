//! What columns are taken for, and that they come back as they were.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use arrow_array::Array;
use proptest::prelude::*;

use super::*;
use crate::table::Table;
use crate::table::frame::{Column, MISSING};
use crate::table::identifier::Shape;
use crate::table::io::ReadSettings;

fn table(name: &str, cells: &[impl AsRef<str>]) -> Table {
    let cells: Vec<Option<&str>> = cells.iter().map(|c| Some(c.as_ref()).filter(|c| !c.is_empty())).collect();
    Table::from_text(&[(name, &cells)]).unwrap()
}

fn detect(table: &Table) -> Schema {
    Schema::detect(table, &DetectSettings::default()).unwrap()
}

fn kind(name: &str, cells: &[impl AsRef<str>]) -> ColumnKind {
    detect(&table(name, cells)).fields[0].kind.clone()
}

fn reason(name: &str, cells: &[impl AsRef<str>]) -> String {
    why(&table(name, cells))
}

/// Why the first column was taken for what it is, as `inspect` of the data says it.
fn why(table: &Table) -> String {
    Detected::of(table, &DetectSettings::default()).unwrap().whys().next().unwrap()
}

fn texts(n: usize, f: impl Fn(usize) -> String) -> Vec<String> {
    (0..n).map(f).collect()
}

fn datetime(format: &str) -> ColumnKind {
    ColumnKind::Datetime { format: format.to_owned() }
}

fn back(schema: &Schema, table: &Table, seed: u64) -> Table {
    schema.render(schema.parse(table).unwrap(), 0, seed).unwrap()
}

fn cells(table: &Table, j: usize) -> Vec<Option<String>> {
    table.text(j).unwrap().iter().map(|c| c.map(str::to_owned)).collect()
}

#[test]
fn columns_without_variety() {
    assert_eq!(kind("a", &["", "", ""]), ColumnKind::AllMissing);
    assert_eq!(kind("a", &["x", "x", "x"]), ColumnKind::Constant { value: "x".to_owned() });
    assert_eq!(kind("a", &["x", "", "x"]), ColumnKind::Categorical { numeric: false });
    assert_eq!(kind("a", &["7"]), ColumnKind::Constant { value: "7".to_owned() });
}

#[test]
fn booleans_are_words() {
    for words in [["TRUE", "FALSE"], ["yes", "no"], ["T", "F"], ["n", "y"]] {
        assert_eq!(kind("a", &words), ColumnKind::Boolean, "{words:?}");
    }
    assert_eq!(kind("a", &texts(20, |i| (i % 2).to_string())), ColumnKind::Categorical { numeric: true });
    assert_eq!(kind("a", &["yes", "true", "yes", "true"]), ColumnKind::Categorical { numeric: false });
}

#[test]
fn numbers() {
    let many = |f: fn(usize) -> String| kind("a", &texts(400, f));
    assert_eq!(many(|i| (i * i % 397).to_string()), ColumnKind::Integer);
    assert_eq!(many(|i| format!("{}.0", i * i % 397)), ColumnKind::Integer);
    assert_eq!(many(|i| format!("{}.50", i * i % 397)), ColumnKind::Decimal { decimals: 1 });
    assert_eq!(many(|i| format!("{}e-3", i * i % 397)), ColumnKind::Decimal { decimals: 3 });
    assert_eq!(many(|i| format!("+{}", i * i % 397)), ColumnKind::Integer);
    // Five rows a code are codes, four are not; 20 levels are codes, 21 are not.
    let codes = |rows: usize, levels: usize| kind("a", &texts(rows, |i| (i % levels).to_string()));
    assert_eq!(codes(100, 20), ColumnKind::Categorical { numeric: true });
    assert_eq!(codes(99, 20), ColumnKind::Integer);
    assert_eq!(codes(1_000, 21), ColumnKind::Integer);
    assert_eq!(reason("a", &texts(1_000, |i| (i % 20).to_string())), "20 distinct whole numbers in 1,000 rows: codes");
}

#[test]
fn codes_that_look_like_numbers_stay_codes() {
    let zip = texts(400, |i| format!("{:05}", i % 40));
    assert_eq!(kind("zip", &zip), ColumnKind::Categorical { numeric: false });
    assert!(reason("zip", &zip).contains("`00000` in row 1 has a leading zero"), "{}", reason("zip", &zip));
    let long = texts(400, |i| format!("90071992547409{:02}9", i % 40));
    assert_eq!(kind("a", &long), ColumnKind::Categorical { numeric: false });
    // Their digits survive although a double cannot hold them.
    let source = table("a", &long);
    assert_eq!(cells(&back(&detect(&source), &source, 1), 0), cells(&source, 0));
}

#[test]
fn infinities_are_missing_and_said_so() {
    let mut values = texts(100, |i| format!("{}.5", i * 7 % 89));
    values[3] = "inf".to_owned();
    values[5] = "-Infinity".to_owned();
    values[7] = "nan".to_owned();
    let source = table("a", &values);
    let schema = detect(&source);
    assert_eq!(schema.fields[0].kind, ColumnKind::Decimal { decimals: 1 });
    assert!(why(&source).contains("3 infinite or not a number, read as missing"));
    assert_eq!(schema.parse(&source).unwrap().columns[0].missing(), 3);
    // Among codes as well.
    let mut codes = texts(100, |i| (i % 3).to_string());
    codes[4] = "inf".to_owned();
    let source = table("a", &codes);
    let frame = detect(&source).parse(&source).unwrap();
    let Column::Category { codes, levels } = &frame.columns[0] else { unreachable!("a category") };
    assert_eq!((codes[4], levels.len()), (MISSING, 3));
    // Words are no numbers just because `inf` is one of them.
    assert_eq!(kind("a", &["inf", "sup", "inf", "sup"]), ColumnKind::Categorical { numeric: false });
}

#[test]
fn mixed_types_are_text_with_a_hint() {
    let mut values = texts(100, |i| (i * 7 % 89).to_string());
    values[41] = "unknown".to_owned();
    assert!(matches!(kind("a", &values), ColumnKind::Categorical { .. }));
    assert!(reason("a", &values).contains("99 are numbers but `unknown` in row 42 is not"), "{}", reason("a", &values));
}

#[test]
fn dates() {
    let days = |f: fn(usize) -> String| kind("seen", &texts(60, f));
    assert_eq!(days(|i| format!("2024-{:02}-{:02}", i % 12 + 1, i % 28 + 1)), datetime("%Y-%m-%d"));
    assert_eq!(days(|i| format!("{:02}.{:02}.2024", i % 28 + 1, i % 12 + 1)), datetime("%d.%m.%Y"));
    assert_eq!(days(|i| format!("{}/{}/2024", i % 28 + 1, i % 12 + 1)), datetime("%-d/%-m/%Y"));
    assert_eq!(days(|i| format!("{:02}/{:02}/2024", i % 12 + 1, i % 28 + 1)), datetime("%m/%d/%Y"));
    assert_eq!(days(|i| format!("2024-{:02}", i % 12 + 1)), datetime("%Y-%m"));
    assert_eq!(days(|i| format!("{:02}:{:02}", i % 24, i)), datetime("%H:%M"));
    assert_eq!(days(|i| format!("2024-01-02 03:04:{i:02}")), datetime("%Y-%m-%d %H:%M:%S"));
    assert_eq!(days(|i| format!("2024-01-02T03:04:{i:02}Z")), datetime("%Y-%m-%dT%H:%M:%SZ"));
    assert_eq!(days(|i| format!("2024-01-02T03:04:{i:02}.250")), datetime("%Y-%m-%dT%H:%M:%S%.3f"));
    assert_eq!(days(|i| format!("2024-01-02T03:04:{i:02}+02:00")), datetime("%Y-%m-%dT%H:%M:%S+02:00"));
    let mixed = |i: usize| format!("2024-01-02T03:04:{i:02}+0{}:00", i % 3);
    assert_eq!(kind("seen", &texts(60, mixed)), datetime("%Y-%m-%dT%H:%M:%S%:z"));
    // Eight digits are dates only where the name says so.
    let compact = texts(60, |i| format!("202401{:02}", i % 28 + 1));
    assert_eq!(kind("birth_date", &compact), datetime("%Y%m%d"));
    assert_eq!(kind("amount", &compact), ColumnKind::Integer);
    // A score is no time of day.
    assert!(matches!(kind("score", &texts(60, |i| format!("{}:{}", i % 5, i % 3))), ColumnKind::Categorical { .. }));
    let unclear = texts(60, |i| format!("{:02}/{:02}/2024", i % 12 + 1, i % 11 + 1));
    assert_eq!(kind("seen", &unclear), datetime("%d/%m/%Y"));
    assert!(reason("seen", &unclear).contains("the month may as well come first"));
}

#[test]
fn keys_text_and_categories() {
    let run = texts(50, |i| (i + 1).to_string());
    assert!(matches!(kind("row", &run), ColumnKind::Identifier { .. }));
    let unique = texts(50, |i| (i * i + 3).to_string());
    assert!(matches!(kind("customer_id", &unique), ColumnKind::Identifier { .. }));
    assert_eq!(kind("income", &unique), ColumnKind::Integer);
    // A decimal is never a key, whatever its name.
    assert_eq!(kind("id", &texts(50, |i| format!("{i}.5"))), ColumnKind::Decimal { decimals: 1 });
    let plates = texts(50, |i| format!("AB-{:03}{}", i * 13, char::from(b'A' + (i % 26) as u8)));
    assert!(matches!(kind("plate", &plates), ColumnKind::Identifier { shape: Shape::Pattern { .. } }));
    let names = texts(50, |i| format!("person {} of {}", "x".repeat(i), i));
    assert_eq!(kind("name", &names), ColumnKind::Text);
    let essays = texts(100, |i| format!("a long sentence about the number {}", i % 60));
    assert_eq!(kind("note", &essays), ColumnKind::Text);
    assert_eq!(kind("note", &texts(200, |i| essays[i % 60].clone())), ColumnKind::Categorical { numeric: false });
}

#[test]
fn fifty_thousand_levels_stay_categorical() {
    let cells = texts(200_000, |i| format!("city {}", i * 7_919 % 50_000));
    let source = table("city", &cells);
    let schema = detect(&source);
    assert_eq!(schema.fields[0].kind, ColumnKind::Categorical { numeric: false });
    assert_eq!(why(&source), "50,000 distinct texts in 200,000 rows");
    let frame = schema.parse(&source).unwrap();
    let Column::Category { levels, .. } = &frame.columns[0] else { unreachable!("a category") };
    assert_eq!(levels.len(), 50_000);
    assert!(levels.is_sorted());
}

#[test]
fn numeric_codes_are_sorted_and_written_alike() {
    let source = table("a", &["10", "9.0", "9", "10.0", "+2", "", "2", "9", "10", "10", "2", "9", "2", "9", "9", "10"]);
    let schema = detect(&source);
    assert_eq!(schema.fields[0].kind, ColumnKind::Categorical { numeric: true });
    let frame = schema.parse(&source).unwrap();
    let Column::Category { codes, levels } = &frame.columns[0] else { unreachable!("a category") };
    assert_eq!(**levels, ["2", "9", "10"]);
    assert_eq!(codes[..6], [2, 1, 1, 2, 0, MISSING]);
    let rendered = schema.render(frame, 0, 0).unwrap();
    assert_eq!(rendered.columns[0].data_type(), &arrow_schema::DataType::Int64);
}

fn configured(text: &str) -> DetectSettings {
    toml::from_str(text).unwrap()
}

fn refused(source: &Table, text: &str) -> String {
    Schema::detect(source, &configured(text)).unwrap_err().to_string()
}

#[test]
fn overrides() {
    let source = Table::from_text(&[
        ("age", &[Some("1"), Some("2"), Some("1"), Some("2")]),
        ("seen", &[Some("01.02.2024"), Some("03.04.2024"), None, None]),
        ("price", &[Some("1.234"), Some("2"), Some("3"), Some("1.5")]),
        ("word", &[Some("x"), Some("y"), Some("x"), Some("z")]),
    ])
    .unwrap();
    let options = configured(
        "age = \"integer\"\nseen = { kind = \"datetime\", format = \"%m.%d.%Y\" }\n\
         price = { kind = \"decimal\", decimals = 2 }\nword = \"skip\"",
    );
    let schema = Schema::detect(&source, &options).unwrap();
    let kinds: Vec<ColumnKind> = schema.fields.iter().map(|f| f.kind.clone()).collect();
    assert_eq!(kinds, [ColumnKind::Integer, datetime("%m.%d.%Y"), ColumnKind::Decimal { decimals: 2 }]);
    assert_eq!(cells(&back(&schema, &source, 0), 2)[0].as_deref(), Some("1.23"));
    let again: DetectSettings = toml::from_str(&toml::to_string(&options).unwrap()).unwrap();
    assert_eq!(again, options);

    assert!(refused(&source, "aeg = \"integer\"").contains("did you mean `age`?"));
    let said = refused(&source, "word = \"integer\"");
    assert!(said.contains("column `word`, row 1: `x` is not a whole number; list the value under `missing`"), "{said}");
    assert!(refused(&source, "price = \"integer\"").contains("row 1: `1.234`"));
    assert!(refused(&source, "word = \"boolean\"").contains("row 4: `z` is not one of two values"));
    assert!(refused(&source, "word = \"identifier\"").contains("different from every other key"));
    assert!(refused(&source, "word = \"datetime\"").contains("no date format fits"));
    assert!(refused(&source, "word = \"constant\"").contains("row 2: `y`"));
    assert!(refused(&source, "price = { kind = \"decimal\", decimals = 16 }").contains("use 0 to 15"));
    assert!(refused(&source, "age = { kind = \"integer\", decimals = 1 }").contains("only a decimal has"));
    for wrong in ["age = \"intger\"", "age = { kind = \"decimal\", decimal = 2 }", "age = 3"] {
        let said = toml::from_str::<DetectSettings>(wrong).unwrap_err().to_string();
        assert!(said.contains("expected"), "{said}");
    }
}

#[test]
fn parsing_another_file_of_the_same_schema() {
    let words = [Some("x"), Some("y"), Some("x"), Some("y")];
    let train = Table::from_text(&[("a", &[Some("1.5"), Some("2"), None, None]), ("b", &words)]).unwrap();
    let schema = detect(&train);
    let swapped = Table::from_text(&[("b", &[Some("y")]), ("extra", &[Some("1")]), ("a", &[Some("7")])]).unwrap();
    let frame = schema.parse(&swapped).unwrap();
    assert!(matches!(&frame.columns[0], Column::Number(v) if v == &[7.0]));
    let lacking = Table::from_text(&[("A", &[Some("1")])]).unwrap();
    assert!(schema.parse(&lacking).unwrap_err().to_string().contains("no column `a`"));
    let bad = Table::from_text(&[("a", &[Some("1"), Some("oops")]), ("b", &[None, None])]).unwrap();
    let said = schema.parse(&bad).unwrap_err().to_string();
    assert!(said.contains("column `a`, row 2: `oops` is not a number; correct it"), "{said}");
    let (frame, odd) = schema.parse_counting(&bad).unwrap();
    assert_eq!((frame.columns[0].missing(), odd), (1, vec![1, 0]));
}

#[test]
fn keys_are_made_anew_and_rows_do_not_depend_on_chunks() {
    let ids = texts(40, |i| format!("{:04}", i * i * 7 % 9_973));
    let source = table("id", &ids);
    let schema = detect(&source);
    let frame = |rows| crate::table::Frame::new(Vec::new(), rows);
    let whole = cells(&schema.render(frame(100), 0, 9).unwrap(), 0);
    let tail = cells(&schema.render(frame(60), 40, 9).unwrap(), 0);
    assert_eq!(whole[40..], tail[..]);
    assert_eq!(whole.iter().collect::<HashSet<_>>().len(), 100);
    assert!(whole.iter().flatten().all(|k| k.len() == 4));
    assert_ne!(whole, cells(&schema.render(frame(100), 0, 10).unwrap(), 0));
}

#[test]
fn what_is_not_learnt_is_put_back() {
    let rows = texts(30, |i| i.to_string());
    let column = |f: &dyn Fn(usize) -> Option<&'static str>| (0..30).map(f).collect::<Vec<_>>();
    let key: Vec<Option<&str>> = rows.iter().map(|r| Some(r.as_str())).collect();
    let source = Table::from_text(&[
        ("id", &key),
        ("unit", &column(&|_| Some("kg"))),
        ("version", &column(&|_| Some("3"))),
        ("none", &column(&|_| None)),
        ("sex", &column(&|i| Some(["f", "m"][i % 2]))),
    ])
    .unwrap();
    let schema = detect(&source);
    assert_eq!(schema.modelled().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["sex"]);
    let made = back(&schema, &source, 3);
    for j in 0..5 {
        assert_eq!(cells(&made, j), cells(&source, j), "{}", source.names[j]);
    }
    let wrong = schema.render(crate::table::Frame::new(Vec::new(), 3), 0, 0).unwrap_err().to_string();
    assert!(wrong.contains("the schema has 1 modelled columns, the frame 0"), "{wrong}");
}

#[test]
fn a_schema_survives_json_and_prints_as_a_table() {
    let source = Table::from_text(&[
        ("id", &[Some("a1"), Some("b2"), Some("c3")]),
        ("a long name", &[Some("1.5"), None, Some("2")]),
        ("when", &[Some("2024-01-01"), Some("2024-01-02"), None]),
    ])
    .unwrap();
    let schema = detect(&source);
    let again: Schema = serde_json::from_str(&serde_json::to_string(&schema).unwrap()).unwrap();
    assert_eq!(again, schema);
    let shown = schema.to_string();
    let starts: Vec<Option<usize>> =
        shown.lines().zip(["kind", "identifier", "decimal", "datetime"]).map(|(l, k)| l.find(k)).collect();
    assert_eq!(starts, [Some(13); 4], "{shown}");
}

/// Real tables: every column is taken for what its documentation says, and the table comes back cell by cell.
#[test]
fn real_tables() {
    let Some(data) = std::env::var_os("VERISIM_DATA").map(PathBuf::from) else {
        println!("skipped: real_tables: set VERISIM_DATA");
        return;
    };
    let expected: [(&str, &[(&str, &str)]); 7] = [
        (
            "adult/train.csv",
            &[
                ("age", "integer"),
                ("fnlwgt", "integer"),
                ("education-num", "categorical"),
                ("capital-gain", "integer"),
                ("income", "categorical"),
            ],
        ),
        (
            "online_shoppers/online_shoppers_intention.csv",
            &[
                ("Month", "categorical"),
                ("Browser", "categorical"),
                ("ProductRelated", "integer"),
                ("PageValues", "decimal"),
                ("Revenue", "boolean"),
            ],
        ),
        (
            "california_housing/housing.csv",
            &[("longitude", "decimal"), ("total_rooms", "integer"), ("ocean_proximity", "categorical")],
        ),
        (
            "stroke/healthcare-dataset-stroke-data.csv",
            &[("id", "identifier"), ("bmi", "decimal"), ("ever_married", "boolean")],
        ),
        ("heart_cleveland/heart_cleveland.csv", &[("age", "integer"), ("thal", "categorical"), ("oldpeak", "decimal")]),
        (
            "titanic/titanic.csv",
            &[("PassengerId", "identifier"), ("Name", "text"), ("Cabin", "categorical"), ("Fare", "decimal")],
        ),
        (
            "vehicle_claim_fraud/fraud_oracle.csv",
            &[("PolicyNumber", "identifier"), ("Make", "categorical"), ("Age", "integer")],
        ),
    ];
    for (path, kinds) in expected {
        let source = Table::read(data.join("tables").join(path), &ReadSettings::default()).unwrap();
        let schema = detect(&source);
        for (name, kind) in kinds {
            assert_eq!(schema.field(name).unwrap().kind.name(), *kind, "{path}: {name}");
        }
        let made = back(&schema, &source, 1);
        let number =
            |c: &Option<String>| c.as_deref().map(|c| c.parse::<f64>().map_or(c.to_owned(), |x| x.to_string()));
        for (j, field) in schema.fields.iter().enumerate().filter(|(_, f)| f.is_modelled()) {
            let (was, is) = (cells(&source, j), cells(&made, j));
            assert!(was.iter().map(number).eq(is.iter().map(number)), "{path}: {}", field.name);
        }
    }
}

#[test]
fn an_override_of_every_kind_is_accepted_by_name() {
    for name in ["integer", "decimal", "categorical", "boolean", "datetime", "identifier", "text", "constant", "skip"] {
        let parsed: BTreeMap<String, Override> = toml::from_str(&format!("a = \"{name}\"")).unwrap();
        assert_eq!(serde_json::to_value(parsed["a"].kind).unwrap(), name);
    }
}

proptest! {
    /// What is detected as numbers comes back as the same numbers.
    #[test]
    fn numbers_come_back(values in prop::collection::vec((-1_000_000_i64..1_000_000, 0_u8..5), 2..200)) {
        let cells: Vec<String> = values.iter().map(|&(v, d)| (v as f64 / 10_f64.powi(d.into())).to_string()).collect();
        let source = table("x", &cells);
        let schema = detect(&source);
        if !schema.fields[0].is_modelled() {
            return Ok(());
        }
        let made = back(&schema, &source, 0);
        for (was, is) in cells.iter().zip(self::cells(&made, 0)) {
            prop_assert_eq!(was.parse::<f64>().unwrap(), is.unwrap().parse::<f64>().unwrap());
        }
    }

    /// Detection does not fail or panic on any text.
    #[test]
    fn any_text_has_a_kind(cells in prop::collection::vec("[-+0-9a-eT:./ ]{0,12}|\\PC{0,6}", 1..60)) {
        let source = table("x", &cells);
        let schema = detect(&source);
        let made = back(&schema, &source, 0);
        prop_assert_eq!(made.columns[0].len(), source.rows);
    }
}
