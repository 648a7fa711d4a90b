//! Files that are right, files that are wrong, and files that come back as they were.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow_array::types::Int32Type;
use arrow_array::*;
use arrow_schema::{DataType, Field as ArrowField, Schema as ArrowSchema};
use proptest::prelude::*;

use super::*;
use crate::error::Result;
use crate::table::Table;
use crate::table::schema::{ColumnKind, DetectSettings, Schema};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn file(folder: &tempfile::TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn read(name: &str, bytes: impl AsRef<[u8]>) -> Result<Table> {
    let folder = folder();
    Table::read(file(&folder, name, bytes), &ReadSettings::default())
}

/// What the error says.
fn refusal(name: &str, bytes: impl AsRef<[u8]>) -> String {
    read(name, bytes).unwrap_err().to_string()
}

fn column(table: &Table, name: &str) -> Vec<Option<String>> {
    let text = table.text(table.index(name).unwrap()).unwrap();
    text.iter().map(|c| c.map(str::to_owned)).collect()
}

fn some(cells: &[&str]) -> Vec<Option<String>> {
    cells.iter().map(|c| Some((*c).to_owned())).collect()
}

fn detect(table: &Table) -> Schema {
    Schema::detect(table, &DetectSettings::default()).unwrap()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Reads `table` from a file called `name` to which it was written as it is.
fn through(name: &str, table: &Table, schema: &Schema) -> Table {
    let folder = folder();
    let path = folder.path().join(name);
    let mut writer = Writer::create(&path, schema).unwrap();
    writer.write(table).unwrap();
    writer.finish().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left");
    Table::read(path, &ReadSettings::default()).unwrap()
}

#[test]
fn delimiters_are_found() {
    for (name, text) in [
        ("t.csv", "a,b\n1,x\n2,y\n"),
        ("t.csv", "a;b\n1;x\n2;y\n"),
        ("t.txt", "a|b\n1|x\n2|y"),
        ("t.txt", "a\tb\r\n1\tx\r\n2\ty\r\n"),
        ("t.tsv", "a\tb\n1\tx\n2\ty\n"),
        ("t.csv", "\u{feff}a,b\n1,x\n2,y\n"),
        ("t.csv", "a,b\n 1 ,\"x\"\n2,y\n\n"),
    ] {
        let table = read(name, text).unwrap();
        assert_eq!(table.names, ["a", "b"], "{text:?}");
        assert_eq!(column(&table, "a"), some(&["1", "2"]), "{text:?}");
        assert_eq!(column(&table, "b"), some(&["x", "y"]), "{text:?}");
    }
    // A decimal comma does not make the comma a delimiter.
    let table = read("t.csv", "a;b\n1,5;2\n2,5;3\n").unwrap();
    assert_eq!(column(&table, "a"), some(&["1,5", "2,5"]));
    let options = ReadSettings { delimiter: Some('#'), ..ReadSettings::default() };
    let folder = folder();
    let table = Table::read(file(&folder, "t.csv", "a#b\n1,2#3\n"), &options).unwrap();
    assert_eq!(column(&table, "a"), some(&["1,2"]));
}

#[test]
fn quotes_hold_delimiters_quotes_and_lines() {
    let table = read("t.csv", "a,b\n\"x, \"\"y\"\"\",\"1\n2\"\nz,3\n").unwrap();
    assert_eq!(column(&table, "a"), some(&["x, \"y\"", "z"]));
    assert_eq!(column(&table, "b"), some(&["1\n2", "3"]));
    assert_eq!(table.rows, 2);
}

#[test]
fn missing_values_and_their_token() {
    let table = read("t.csv", "a,b,c\n?,,1\n?,x,2\nNA,y,3\n").unwrap();
    assert_eq!(column(&table, "a"), [None, None, None]);
    assert_eq!(table.missing_tokens, ["?", "", ""]);
    assert_eq!(column(&table, "b")[0], None);
    let folder = folder();
    let options = ReadSettings { missing: vec!["-9".to_owned()], ..ReadSettings::default() };
    let table = Table::read(file(&folder, "t.csv", "a,b\nNone,1\nNA,-9\n"), &options).unwrap();
    assert_eq!(column(&table, "a"), some(&["None", "NA"]));
    assert_eq!(column(&table, "b"), [Some("1".to_owned()), None]);
}

#[test]
fn bad_text_files_are_refused_with_place_and_remedy() {
    for (name, bytes, says) in [
        ("t.csv", "".as_bytes(), "is empty"),
        ("t.csv", b"\n\n", "is empty"),
        ("t.csv", b"a,b\n", "has a header but no rows"),
        ("t.csv", b"a,b\n1,2\n1,2,3\n1,2,3\n", "line 3: has 3 cells where the header has 2"),
        ("t.csv", b"a,b\n\"x\ny\",2\n1\n1\n", "line 4: has 1 cells"),
        ("t.doc", b"PK", "the name says no format"),
        ("t.jsonl", b"", "has a header but no rows"),
        ("t.jsonl", b"{\"a\":1}\n[2]\n", "line 2: is not a JSON object"),
        (
            "t.jsonl",
            b"{\"a\":1}\n{\"a\":[2]}\n",
            "no column that can be learnt: column `a` is left out: it holds objects or lists in some rows",
        ),
        ("t.jsonl", b"{\"a\":\"\xfc\"}\n", "line 1: is not UTF-8"),
        ("t.parquet", b"PAR1 no more", "is not a whole Parquet file"),
        ("t.csv.gz", b"a,b\n1,2\n3,4\n5,6\n", "invalid gzip header"),
    ] {
        let said = match (name, says) {
            ("t.jsonl", "has a header but no rows") => {
                assert!(refusal(name, bytes).contains("no columns"), "{}", refusal(name, bytes));
                continue;
            }
            _ => refusal(name, bytes),
        };
        assert!(said.contains(says), "{said}");
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn a_file_cut_short_is_refused() {
    let text: String =
        std::iter::once("a,b\n".to_owned()).chain((0..50_000).map(|i| format!("{i},{}\n", i * i % 977))).collect();
    let packed = gz(text.as_bytes());
    let said = refusal("t.csv.gz", &packed[..packed.len() / 2]);
    assert!(said.contains("ends too early"), "{said}");
    let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    assert_eq!(read("t.csv.zst", &packed).unwrap().rows, 50_000);
    let said = refusal("t.csv.zst", &packed[..packed.len() / 2]);
    assert!(said.contains("t.csv.zst"), "{said}");

    let folder = folder();
    let table = read("t.csv", &text).unwrap();
    let path = folder.path().join("t.parquet");
    let schema = detect(&table);
    let mut writer = Writer::create(&path, &schema).unwrap();
    writer.write(&table).unwrap();
    writer.finish().unwrap();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 100]).unwrap();
    let said = Table::read(&path, &ReadSettings::default()).unwrap_err().to_string();
    assert!(said.contains("is not a whole Parquet file"), "{said}");
}

#[test]
fn one_column_and_nameless_columns() {
    assert_eq!(column(&read("t.csv", "a\n1\n2\n").unwrap(), "a"), some(&["1", "2"]));
    assert_eq!(read("t.csv", ",a\n0,x\n1,y\n").unwrap().names, ["column_1", "a"]);
}

#[test]
fn chosen_columns_in_the_chosen_order() {
    let folder = folder();
    let columns = Some(vec!["c".to_owned(), "a".to_owned()]);
    let options = ReadSettings { columns, ..ReadSettings::default() };
    let text = "a,b,c\n1,2,3\n";
    let table = Table::read(file(&folder, "t.csv", text), &options).unwrap();
    assert_eq!((column(&table, "a"), table.names.clone()), (some(&["1"]), vec!["c".to_owned(), "a".to_owned()]));
    let path = folder.path().join("t.parquet");
    let all = read("t.csv", text).unwrap();
    let mut writer = Writer::create(&path, &detect(&all)).unwrap();
    writer.write(&all).unwrap();
    writer.finish().unwrap();
    let table = Table::read(&path, &options).unwrap();
    assert_eq!((column(&table, "a"), table.names.clone()), (some(&["1"]), vec!["c".to_owned(), "a".to_owned()]));
    let table = Table::read(file(&folder, "t.jsonl", "{\"a\":1,\"b\":{},\"c\":3}"), &options).unwrap();
    assert_eq!((column(&table, "a"), table.names.clone()), (some(&["1"]), vec!["c".to_owned(), "a".to_owned()]));
    let options = ReadSettings { columns: Some(vec!["aa".to_owned()]), ..options };
    for name in ["t.csv", "t.parquet"] {
        let said = Table::read(folder.path().join(name), &options).unwrap_err().to_string();
        assert!(said.contains("no column `aa`") && said.contains("did you mean `a`?"), "{said}");
    }
    let said = Table::read(folder.path().join("t.jsonl"), &options).unwrap_err().to_string();
    assert!(said.contains("no row has the key `aa`"), "{said}");
}

#[test]
fn json_lines_gather_keys_and_keep_booleans() {
    let text = "{\"a\": 1, \"ok\": true}\n\n{\"b\": \"x\", \"ok\": null, \"a\": 2.5}\n";
    let table = read("t.jsonl", text).unwrap();
    assert_eq!(table.names, ["a", "ok", "b"]);
    assert_eq!(column(&table, "a"), some(&["1", "2.5"]));
    assert_eq!(column(&table, "b"), [None, Some("x".to_owned())]);
    assert_eq!(table.arrow, [None, Some("Boolean".to_owned()), Some("Utf8".to_owned())]);
    let table = read("t.ndjson", "{\"ok\":true}\n{\"ok\":false}\n{\"ok\":null}\n").unwrap();
    let schema = detect(&table);
    let folder = folder();
    let path = folder.path().join("o.jsonl");
    let mut writer = Writer::create(&path, &schema).unwrap();
    writer.write(&table).unwrap();
    writer.finish().unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "{\"ok\":true}\n{\"ok\":false}\n{\"ok\":null}\n");
}

#[test]
fn chunks_are_the_file() {
    let folder = folder();
    let rows: Vec<String> = (0..1_000).map(|i| format!("{},{}", i * 37 % 101, ["x", "y", ""][i % 3])).collect();
    let csv = file(&folder, "t.csv", format!("a,b\n{}\n", rows.join("\n")));
    let whole = Table::read(&csv, &ReadSettings::default()).unwrap();
    let schema = detect(&whole);
    for name in ["t.parquet", "t.jsonl"] {
        let mut writer = Writer::create(folder.path().join(name), &schema).unwrap();
        writer.write(&whole).unwrap();
        writer.finish().unwrap();
    }
    for name in ["t.csv", "t.parquet", "t.jsonl"] {
        let chunks = Table::chunks(folder.path().join(name), &ReadSettings::default(), 300).unwrap();
        let chunks: Vec<Table> = chunks.collect::<Result<_>>().unwrap();
        assert_eq!(chunks.iter().map(|c| c.rows).sum::<usize>(), 1_000, "{name}");
        assert_eq!(chunks.iter().map(|c| c.first_row).collect::<Vec<_>>(), [0, 300, 600, 900], "{name}");
        for name in ["a", "b"] {
            let glued: Vec<_> = chunks.iter().flat_map(|c| column(c, name)).collect();
            assert_eq!(glued, column(&whole, name));
        }
    }
}

#[test]
fn a_bad_cell_in_a_later_chunk_counts_in_the_file() {
    let folder = folder();
    let path = file(&folder, "t.csv", "a\n1.5\n2.5\n3.5\nx\n");
    let chunks: Vec<Table> = Table::chunks(path, &ReadSettings::default(), 3).unwrap().collect::<Result<_>>().unwrap();
    let said = detect(&chunks[0]).parse(&chunks[1]).unwrap_err().to_string();
    assert!(said.contains("column `a`, row 4: `x` is not a number"), "{said}");
}

#[test]
fn a_dropped_writer_leaves_nothing() {
    let folder = folder();
    let table = read("t.csv", "a,b\n1,2\n").unwrap();
    for name in ["o.csv", "o.parquet", "o.jsonl.gz"] {
        let mut writer = Writer::create(folder.path().join(name), &detect(&table)).unwrap();
        writer.write(&table).unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{name}");
    }
}

#[test]
fn csv_goes_to_any_stream_with_the_sources_tokens() {
    let table = read("t.csv", "name,x\n\"a, b\",1.50\n?,2\n\"say \"\"so\"\"\",?\n\"two\nlines\",1e3\n").unwrap();
    let schema = detect(&table);
    let mut out = Vec::new();
    let mut writer = Writer::csv_to(&mut out, &schema).unwrap();
    writer.write(&table).unwrap();
    writer.finish().unwrap();
    let wanted = "name,x\n\"a, b\",1.50\n?,2\n\"say \"\"so\"\"\",?\n\"two\nlines\",1e3\n";
    assert_eq!(String::from_utf8(out).unwrap(), wanted);
}

#[test]
fn an_empty_cell_alone_on_its_line_is_still_a_row() {
    let table = Table::from_text(&[("a", &[Some("x"), None, Some("y")])]).unwrap();
    let schema = detect(&table);
    let back = through("o.csv", &table, &schema);
    assert_eq!(column(&back, "a"), column(&table, "a"));
}

#[test]
fn another_table_is_not_written_under_the_schema() {
    let folder = folder();
    let (one, two) = (read("t.csv", "a,b\n1,2\n").unwrap(), read("t.csv", "b,a\n1,2\n").unwrap());
    let mut writer = Writer::create(folder.path().join("o.csv"), &detect(&one)).unwrap();
    assert!(writer.write(&two).unwrap_err().to_string().contains("column `a`"));
    assert!(writer.write(&read("t.csv", "a\n1\n").unwrap()).is_err());
}

#[test]
fn numbers_are_written_short() {
    for (x, text) in [(1.0, "1"), (0.1, "0.1"), (-2.5, "-2.5"), (1e15, "1000000000000000"), (0.0001, "0.0001")] {
        let mut out = Vec::new();
        writer::push_real(x, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }
}

/// A Parquet file of one column a type.
fn typed(folder: &tempfile::TempDir, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    let path = folder.path().join("typed.parquet");
    let fields: Vec<ArrowField> =
        columns.iter().map(|(n, a)| ArrowField::new(*n, a.data_type().clone(), true)).collect();
    let schema = Arc::new(ArrowSchema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, a)| a).collect()).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(&path).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn parquet_types_come_back() {
    let folder = folder();
    let decimal = Decimal128Array::from(vec![Some(1_050), None, Some(-3)]).with_precision_and_scale(10, 2).unwrap();
    let instants = [Some(1_700_000_000_123_456), None, Some(0)];
    let path = typed(
        &folder,
        vec![
            ("small", Arc::new(Int8Array::from(vec![Some(1), None, Some(-3)]))),
            ("single", Arc::new(Float32Array::from(vec![Some(0.1), Some(f32::NAN), Some(2.5)]))),
            ("price", Arc::new(decimal)),
            ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
            ("day", Arc::new(Date32Array::from(vec![Some(19_782), None, Some(0)]))),
            ("utc", Arc::new(TimestampMicrosecondArray::from(instants.to_vec()).with_timezone("Europe/Berlin"))),
            ("local", Arc::new(TimestampSecondArray::from(vec![Some(1_700_000_000), None, Some(0)]))),
            ("level", Arc::new(DictionaryArray::<Int32Type>::from_iter([Some("x"), None, Some("x")]))),
            ("long", Arc::new(LargeStringArray::from(vec![Some("p"), Some("?"), Some("p")]))),
            ("nothing", Arc::new(NullArray::new(3))),
        ],
    );
    let table = Table::read(&path, &ReadSettings::default()).unwrap();
    assert_eq!(column(&table, "single"), [Some("0.1".to_owned()), None, Some("2.5".to_owned())]);
    assert_eq!(column(&table, "price"), [Some("10.5".to_owned()), None, Some("-0.03".to_owned())]);
    assert_eq!(column(&table, "flag"), [Some("true".to_owned()), None, Some("false".to_owned())]);
    assert_eq!(column(&table, "day"), [Some("2024-02-29".to_owned()), None, Some("1970-01-01".to_owned())]);
    assert_eq!(column(&table, "utc")[0].as_deref(), Some("2023-11-14T22:13:20.123456"));
    assert_eq!(column(&table, "long"), [Some("p".to_owned()), None, Some("p".to_owned())]);
    assert_eq!(table.missing_tokens[8], "?");

    let schema = detect(&table);
    assert_eq!(schema.field("flag").unwrap().kind, ColumnKind::Boolean);
    assert_eq!(schema.field("nothing").unwrap().kind, ColumnKind::AllMissing);
    assert_eq!(schema.field("day").unwrap().kind, ColumnKind::Datetime { format: "%Y-%m-%d".to_owned() });
    let back = schema.render(schema.parse(&table).unwrap(), 0, 0).unwrap();
    let out = folder.path().join("back.parquet");
    let mut writer = Writer::create(&out, &schema).unwrap();
    writer.write(&back).unwrap();
    writer.write(&back).unwrap();
    writer.finish().unwrap();
    let again = Table::read(&out, &ReadSettings::default()).unwrap();
    assert_eq!(again.rows, 6);
    assert_eq!(again.arrow, table.arrow, "the types of the source");
    for name in table.names.iter().filter(|n| *n != "nothing") {
        assert_eq!(column(&again, name)[..3], column(&table, name)[..], "{name}");
    }
}

#[test]
fn a_parquet_file_without_rows_still_has_its_columns() {
    let folder = folder();
    let table = read("t.csv", "a,b\n1,x\n2,y\n").unwrap();
    let path = folder.path().join("o.parquet");
    Writer::create(&path, &detect(&table)).unwrap().finish().unwrap();
    let said = Table::read(&path, &ReadSettings::default()).unwrap_err().to_string();
    assert!(said.contains("has a header but no rows"), "{said}");
    assert_eq!(DataType::Utf8.to_string().parse::<DataType>().unwrap(), DataType::Utf8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any text survives the writer and the reader, in every format.
    #[test]
    fn text_round_trips(cells in prop::collection::vec(prop::option::of("[ -~é\n\t,;\"]{0,12}"), 2..40)) {
        let kept = |c: &Option<String>| c.as_deref().map(|t| t.trim_ascii().to_owned()).filter(|t| !MISSING_TOKENS.contains(&t.as_str()));
        let wanted: Vec<Option<String>> = cells.iter().map(kept).collect();
        let texts: Vec<Option<&str>> = wanted.iter().map(Option::as_deref).collect();
        let row: Vec<Option<&str>> = texts.iter().map(|_| Some("r")).collect();
        let table = Table::from_text(&[("a", &texts), ("b", &row)]).unwrap();
        let schema = detect(&table);
        for name in ["o.csv", "o.tsv", "o.jsonl", "o.parquet", "o.csv.gz", "o.jsonl.zst"] {
            let back = through(name, &table, &schema);
            prop_assert_eq!(column(&back, "a"), wanted.clone(), "{}", name);
        }
    }

    /// So does any finite number, to the last bit.
    #[test]
    fn numbers_round_trip(values in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 2..40)) {
        let table = Table::new(vec!["x".to_owned()], vec![Arc::new(Float64Array::from(values.clone()))]).unwrap();
        let schema = detect(&table);
        for name in ["o.csv", "o.jsonl", "o.parquet"] {
            let back = through(name, &table, &schema);
            let read: Vec<f64> = column(&back, "x").iter().map(|c| c.as_ref().unwrap().parse().unwrap()).collect();
            prop_assert_eq!(&read, &values, "{}", name);
        }
    }
}
