//! What columns are taken for, and that they come back as they were.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use arrow_array::Array;
use proptest::prelude::*;

use super::*;
use crate::table::Table;
use crate::table::codec::{CodecConfig, Numeric, TableCodec};
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
    assert_eq!(many(|i| format!("{}.50", i * i % 397)), ColumnKind::Decimal { decimals: 2 });
    assert_eq!(kind("a", &texts(400, |i| format!("{}e-3", i * i % 397))).name(), "decimal");
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
    // Their digits survive although a double cannot hold them.
    assert_eq!(kind("a", &long), ColumnKind::Integer);
    let source = table("a", &long);
    assert_eq!(cells(&back(&detect(&source), &source, 1), 0), cells(&source, 0));
    // So do those of numbers too far apart to be counted from the least.
    let far = texts(400, |i| format!("{}00719925474099{:02}9", i % 40 + 1, i % 40));
    assert_eq!(kind("a", &far), ColumnKind::Categorical { numeric: false });
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

/// A column of numbers but for a few words is one of numbers, and the words come back at their rate.
#[test]
fn words_among_numbers_are_levels_of_their_own() {
    let values = texts(300, |i| match i % 30 {
        7 => "unknown".to_owned(),
        19 => "n.v.".to_owned(),
        _ => (i * 7 % 89).to_string(),
    });
    let source = table("a", &values);
    let schema = detect(&source);
    assert_eq!(
        (&schema.fields[0].kind, &schema.fields[0].numeral.words[..]),
        (&ColumnKind::Integer, &["n.v.".to_owned(), "unknown".to_owned()][..])
    );
    assert!(why(&source).contains("20 rows with `n.v.`, `unknown`, levels of their own"), "{}", why(&source));
    assert_eq!(cells(&back(&schema, &source, 1), 0), cells(&source, 0));
    let frame = schema.parse(&source).unwrap();
    for numeric in [Numeric::Grid, Numeric::Modes, Numeric::Normal] {
        let codec = TableCodec::fit(&schema, &frame, &CodecConfig { numeric, bins: 30, rare: 1, max_levels: 50 });
        let made = schema.render(codec.decode(&codec.encode(&frame), 1, 0), 0, 1).unwrap();
        let made = cells(&made, 0);
        assert!(
            values.iter().zip(&made).all(|(v, m)| v.parse::<f64>().is_ok() || Some(v) == m.as_ref()),
            "{numeric:?}"
        );
        assert!(made.iter().flatten().filter(|m| m.parse::<f64>().is_ok()).count() == 280);
        let stored: TableCodec = serde_json::from_str(&serde_json::to_string(&codec).unwrap()).unwrap();
        assert_eq!((&stored, codec.problem(&schema)), (&codec, None));
    }
    // One in ten words is too many, and so are eleven different ones.
    let many = texts(300, |i| if i % 8 == 0 { "x".to_owned() } else { (i * 7 % 89).to_string() });
    assert!(matches!(kind("a", &many), ColumnKind::Categorical { .. }));
}

/// In the form that was read, whatever that is.
#[test]
fn numbers_in_a_dress_come_back_in_it() {
    type Cell = fn(usize) -> String;
    let columns: [(&str, Cell); 7] = [
        ("euro", |i| format!("{}.{:03},{:02} €", i % 9 + 1, i * 7 % 1_000, i * 13 % 100)),
        ("dollar", |i| format!("${}.{:02}", i * 31 % 900, i * 7 % 100)),
        ("balance", |i| if i % 3 == 0 { format!("({}.50)", i * 7 % 390) } else { format!("{}.50", i * 7 % 390) }),
        ("percent", |i| format!("{} %", i * 7 % 100)),
        ("comma", |i| format!("{},{}", i * 7 % 390, i % 10)),
        ("float", |i| format!("{}.0", i * 7 % 390)),
        ("small", |i| format!("{}.{:03}e-0{}", i % 9 + 1, i * 37 % 1_000, i % 4 + 1)),
    ];
    for (name, f) in columns {
        let source = table(name, &texts(400, f));
        let schema = detect(&source);
        assert!(schema.fields[0].is_number(), "{name}: {}", why(&source));
        let mut written = Vec::new();
        let mut writer = crate::table::Writer::csv_to(&mut written, &schema).unwrap();
        writer.write(&back(&schema, &source, 1)).unwrap();
        writer.finish().unwrap();
        let written = String::from_utf8(written).unwrap();
        let lines: Vec<&str> = written.lines().skip(1).map(|l| l.trim_matches('"')).collect();
        assert!(
            cells(&source, 0).iter().flatten().eq(lines.iter()),
            "{name}: {:?} {:?}",
            &cells(&source, 0)[..3],
            &lines[..3]
        );
    }
}

#[test]
fn a_form_can_be_told() {
    let source = table("price", &["1,234", "2,345", "1,000"]);
    let told = |json: &str| Schema::detect(&source, &serde_json::from_str(json).unwrap()).unwrap();
    let frame = |schema: &Schema| match &schema.parse(&source).unwrap().columns[0] {
        Column::Number(v) => v[0],
        Column::Category { .. } => f64::NAN,
    };
    assert_eq!(frame(&told(r#"{"price": {"kind": "decimal", "format": "12,5"}}"#)), 1.234);
    assert_eq!(frame(&told(r#"{"price": {"kind": "integer", "format": "1,234,567"}}"#)), 1234.0);
    let wrong = serde_json::from_str(r#"{"price": {"kind": "decimal", "format": "abc"}}"#).unwrap();
    assert!(Schema::detect(&source, &wrong).unwrap_err().to_string().contains("`abc` is no number"));
}

#[test]
fn offsets_keep_their_mix() {
    let source = table(
        "seen",
        &texts(400, |i| {
            format!("2024-{:02}-10T03:04:{:02}+0{}:00", i % 12 + 1, i % 60, if i % 12 < 6 { 1 } else { 2 })
        }),
    );
    let schema = detect(&source);
    let made = cells(&back(&schema, &source, 1), 0);
    assert_eq!(made, cells(&source, 0));
}

#[test]
fn keys_that_are_nearly_unique_are_made_anew_with_their_repeats_and_gaps() {
    let phones = texts(300, |i| match i {
        _ if i % 10 == 0 => String::new(),
        7 => "030-1000001".to_owned(),
        _ => format!("030-{:07}", 1_000_000 + i * i * 31 % 899_981),
    });
    let source = table("phone", &phones);
    let schema = detect(&source);
    assert!(matches!(schema.fields[0].kind, ColumnKind::Identifier { .. }), "{}", why(&source));
    let frame = crate::table::Frame::new(Vec::new(), 3_000);
    let made = cells(&schema.render(frame, 0, 1).unwrap(), 0);
    let missing = made.iter().filter(|c| c.is_none()).count();
    assert!((200..400).contains(&missing), "{missing}");
    assert!(made.iter().flatten().all(|m| m.len() == 11 && m.starts_with("030-") && !phones.contains(m)));
}

/// Whole columns of words, dates and amounts, each value once.
#[test]
fn what_is_unique_is_not_a_key_for_that() {
    for (name, cells) in [
        (
            "code",
            texts(40, |i| {
                ["ash", "oak", "elm", "fir"][i % 4].to_owned()
                    + ["en", "wood", "tree", "leaf", "bark", "root", "seed", "cone", "twig", "moss"][i / 4]
            }),
        ),
        ("no", texts(30, |i| format!("2024{:02}{:02}", i / 28 + 1, i % 28 + 1))),
        ("reference price", texts(40, |i| format!("{}.{:02}", 100 + i * i, i))),
        ("number of rooms", texts(40, |i| (i * i + 3).to_string())),
        ("ref date", texts(40, |i| format!("{:02} Jan {}", i % 28 + 1, 1990 + i))),
    ] {
        assert!(!matches!(kind(name, &cells), ColumnKind::Identifier { .. }), "{name}: {}", reason(name, &cells));
    }
}

#[test]
fn instants_in_digits_and_in_words() {
    for (name, format, f) in [
        ("created_at", "%s", (|i| (1_600_000_000 + i * 7_919).to_string()) as fn(usize) -> String),
        ("ts", "%Q", |i| (1_600_000_000_123_usize + i * 7_919).to_string()),
        ("x", "%Y%m%d%H%M%S%6f", |i| format!("202103{:02}1011{:02}000{:03}", i % 28 + 1, i % 60, i)),
        ("x", "%d%m%Y", |i| format!("{:02}{:02}2021", i % 28 + 1, i % 12 + 1)),
        ("x", "%d %b %Y", |i| format!("{:02} {} 2020", i % 28 + 1, ["Jan", "Feb", "Dec"][i % 3])),
        ("x", "%Y-%d-%m", |i| format!("2021-{:02}-{:02}", i % 28 + 1, i % 12 + 1)),
        ("x", "%-m/%-d/%Y %-I:%M %p", |i| {
            format!("{}/{}/2021 {}:{:02} {}", i % 12 + 1, i % 28 + 1, i % 12 + 1, i % 60, ["AM", "PM"][i % 2])
        }),
        ("x", "%d.%m.%y", |i| format!("{:02}.{:02}.21", i % 28 + 1, i % 12 + 1)),
        ("x", "%YQ%q", |i| format!("{}Q{}", 1990 + i % 30, i % 4 + 1)),
        ("x", "%G-W%V", |i| format!("{}-W{:02}", 2000 + i % 20, i % 52 + 1)),
    ] {
        let source = table(name, &texts(120, f));
        let schema = detect(&source);
        assert_eq!(schema.fields[0].kind, datetime(format), "{}", why(&source));
        assert_eq!(cells(&back(&schema, &source, 1), 0), cells(&source, 0), "{format}");
    }
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
    // Eight digits are dates where the name says so, and where ten different ones are nothing but days.
    let compact = texts(60, |i| format!("202401{:02}", i % 9 + 1));
    assert_eq!(kind("birth_date", &compact), datetime("%Y%m%d"));
    assert_eq!(kind("amount", &compact), ColumnKind::Categorical { numeric: true });
    assert_eq!(kind("amount", &texts(60, |i| format!("202401{:02}", i % 28 + 1))), datetime("%Y%m%d"));
    assert_eq!(kind("amount", &texts(60, |i| format!("2024{:04}", i * 37))), ColumnKind::Integer);
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
    let Other { frame, unfit: odd, .. } = schema.parse_other(&bad).unwrap();
    assert_eq!((frame.columns[0].missing(), odd), (1, vec![1, 0]));
    // A column that is not there is missing; a table of which none is there is another table.
    let other = schema.parse_other(&Table::from_text(&[("b", &[Some("x"), None])]).unwrap()).unwrap();
    assert_eq!((other.lost, other.unfit, other.frame.columns[0].missing()), (vec!["a".to_owned()], vec![0, 0], 2));
    assert!(schema.parse_other(&lacking).unwrap_err().to_string().contains("no column `a`"));
}

#[test]
fn days_and_times_of_another_program_fit() {
    let days = texts(30, |i| format!("{:02}.03.2024", 1 + i % 28));
    let schema = detect(&table("day", &days));
    let cells =
        [Some("05.03.2024"), Some("2024-03-05"), Some("2024-03-05 00:00:00"), Some("2024-03-05T00:00:00"), Some("5")];
    let other = schema.parse_other(&Table::from_text(&[("day", &cells)]).unwrap()).unwrap();
    let Column::Number(days) = &other.frame.columns[0] else { panic!("a day is a number") };
    assert!(days[..4].iter().all(|d| *d == days[0]) && days[4].is_nan());
    assert_eq!(other.unfit, [1]);
    assert!(schema.parse(&Table::from_text(&[("day", &cells)]).unwrap()).is_err());
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
    assert!(whole.iter().flatten().all(|k| !ids.contains(k)));
    // Two samples of any seed can be put together by the numbers of their rows.
    assert_eq!(whole, cells(&schema.render(frame(100), 0, 10).unwrap(), 0));
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
    for j in 1..5 {
        assert_eq!(cells(&made, j), cells(&source, j), "{}", source.names[j]);
    }
    // A running number goes on after the last.
    assert_eq!(cells(&made, 0), texts(30, |i| (i + 30).to_string()).into_iter().map(Some).collect::<Vec<_>>());
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
