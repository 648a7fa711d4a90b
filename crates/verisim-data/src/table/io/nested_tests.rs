//! Nested columns and rich types: they lie flat in a table, and come back as they were.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::basic::{BrotliLevel, Compression, GzipLevel};
use ::parquet::file::properties::WriterProperties;
use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::*;
use arrow_buffer::i256;
use arrow_schema::{DataType, Field as ArrowField, Fields, Schema as ArrowSchema, TimeUnit};

use super::*;
use crate::error::Result;
use crate::table::Table;
use crate::table::schema::{DetectSettings, Schema};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn read(path: &Path) -> Result<Table> {
    Table::read(path, &ReadSettings::default())
}

fn column(table: &Table, name: &str) -> Vec<String> {
    let text = table.text(table.index(name).unwrap()).unwrap();
    text.iter().map(|c| c.unwrap_or("-").to_owned()).collect()
}

fn detect(table: &Table) -> Schema {
    let schema = Schema::detect(table, &DetectSettings::default()).unwrap();
    serde_json::from_str(&serde_json::to_string(&schema).unwrap()).unwrap()
}

/// Writes `table` to a file of this name, half by half.
fn written(folder: &tempfile::TempDir, name: &str, table: &Table, schema: &Schema) -> PathBuf {
    let path = folder.path().join(name);
    let mut writer = Writer::create(&path, schema).unwrap();
    writer.write(&table.slice(0, table.rows / 2)).unwrap();
    writer.write(&table.slice(table.rows / 2, table.rows)).unwrap();
    writer.finish().unwrap();
    path
}

fn json(text: &str) -> (Table, String) {
    let folder = folder();
    let path = folder.path().join("t.jsonl");
    fs::write(&path, text).unwrap();
    let table = read(&path).unwrap();
    let back = fs::read_to_string(written(&folder, "back.jsonl", &table, &detect(&table))).unwrap();
    (table, back)
}

fn parquet_file(folder: &tempfile::TempDir, name: &str, batch: &RecordBatch, packing: Compression) -> PathBuf {
    let path = folder.path().join(name);
    let properties = WriterProperties::builder().set_compression(packing).build();
    let mut writer = ArrowWriter::try_new(fs::File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    path
}

fn batches(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let all: Vec<RecordBatch> = reader.build().unwrap().map(|b| b.unwrap()).collect();
    let columns = (0..schema.fields().len())
        .map(|j| arrow_select::concat::concat(&all.iter().map(|b| b.column(j).as_ref()).collect::<Vec<_>>()).unwrap())
        .collect();
    RecordBatch::try_new(schema, columns).unwrap()
}

fn nested() -> RecordBatch {
    let geo = Fields::from(vec![ArrowField::new("lat", DataType::Float32, true)]);
    let address = Fields::from(vec![
        ArrowField::new("city", DataType::Utf8, false),
        ArrowField::new("geo", DataType::Struct(geo.clone()), true),
    ]);
    let lat: ArrayRef = Arc::new(Float32Array::from(vec![Some(0.1), None, None, Some(2.5)]));
    let geo = StructArray::new(geo, vec![lat], Some(vec![true, false, false, true].into()));
    let city: ArrayRef = Arc::new(StringArray::from(vec!["P", "Q", "", "Q"]));
    let address = StructArray::new(address, vec![city, Arc::new(geo)], Some(vec![true, true, false, true].into()));
    let mut tags = ListBuilder::new(StringBuilder::new());
    tags.append_value([Some("a"), Some("b")]);
    tags.append_null();
    tags.append_value([Some("c")]);
    tags.append(true);
    let mut grid = ListBuilder::new(ListBuilder::new(Int32Builder::new()));
    for row in [vec![vec![1, 2], vec![]], vec![], vec![vec![3]], vec![vec![], vec![4, 5]]] {
        for line in row {
            grid.values().append_value(line.into_iter().map(Some));
        }
        grid.append(true);
    }
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for row in [vec![("x", 1)], vec![], vec![("x", 2), ("y", 3)], vec![("y", 4)]] {
        for (key, value) in row {
            map.keys().append_value(key);
            map.values().append_value(value);
        }
        map.append(true).unwrap();
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("address", Arc::new(address)),
        ("tags", Arc::new(tags.finish())),
        ("grid", Arc::new(grid.finish())),
        ("map", Arc::new(map.finish())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap()
}

#[test]
fn nested_columns_lie_flat_and_are_built_again() {
    let folder = folder();
    let batch = nested();
    let path = parquet_file(&folder, "t.parquet", &batch, Compression::UNCOMPRESSED);
    let table = read(&path).unwrap();
    assert!(table.notes.is_empty(), "{:?}", table.notes);
    let names = [
        "address.city",
        "address.geo.lat",
        "tags[]",
        "tags[0]",
        "tags[1]",
        "grid[]",
        "grid[0][]",
        "grid[0][0]",
        "grid[0][1]",
        "grid[1][]",
        "grid[1][0]",
        "grid[1][1]",
        "map.x",
        "map.y",
    ];
    assert_eq!(table.names, names);
    assert_eq!(column(&table, "address.city"), ["P", "Q", "-", "Q"]);
    assert_eq!(column(&table, "tags[]"), ["2", "-", "1", "0"]);
    assert_eq!(column(&table, "tags[1]"), ["b", "-", "-", "-"]);
    assert_eq!(column(&table, "map.x"), ["1", "-", "2", "-"]);
    let schema = detect(&table);
    let back = batches(&written(&folder, "back.parquet", &table, &schema));
    assert_eq!(back, batches(&path));
    let arrow = read(&written(&folder, "back.arrow", &table, &schema)).unwrap();
    assert_eq!((arrow.names, arrow.arrow, arrow.nest), (table.names.clone(), table.arrow.clone(), table.nest.clone()));
    let lines = fs::read_to_string(written(&folder, "back.jsonl", &table, &schema)).unwrap();
    let first = r#"{"address":{"city":"P","geo":{"lat":0.1}},"tags":["a","b"],"grid":[[1,2],[]],"map":{"x":1}}"#;
    let third = r#"{"address":null,"tags":["c"],"grid":[[3]],"map":{"x":2,"y":3}}"#;
    assert_eq!((lines.lines().next(), lines.lines().nth(2)), (Some(first), Some(third)));
}

#[test]
fn a_part_that_is_skipped_is_not_there_again() {
    let folder = folder();
    let table = read(&parquet_file(&folder, "t.parquet", &nested(), Compression::UNCOMPRESSED)).unwrap();
    let kept: Vec<String> = table.names.iter().filter(|n| !n.contains("city") && *n != "tags[1]").cloned().collect();
    let table = table.select(&kept).unwrap();
    let schema = detect(&table);
    assert!(!serde_json::to_string(&schema).unwrap().contains("city"));
    let back = read(&written(&folder, "back.parquet", &table, &schema)).unwrap();
    assert_eq!(back.names[..4], ["address.geo.lat", "tags[]", "tags[0]", "grid[]"]);
    let one = table.select(&["map".to_owned()]).unwrap();
    assert_eq!(one.names, ["map.x", "map.y"]);
}

#[test]
fn what_cannot_lie_flat_is_left_out_by_name() {
    let folder = folder();
    let long = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1); 17])]);
    let bytes = BinaryArray::from(vec![&b"\xff"[..]]);
    let holder = StructArray::from(vec![(
        Arc::new(ArrowField::new("raw", DataType::Binary, true)),
        Arc::new(bytes.clone()) as ArrayRef,
    )]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("a", Arc::new(Int32Array::from(vec![1]))),
        ("raw", Arc::new(bytes)),
        ("holder", Arc::new(holder)),
        ("long", Arc::new(long)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let table = read(&parquet_file(&folder, "t.parquet", &batch, Compression::UNCOMPRESSED)).unwrap();
    assert_eq!(table.names, ["a"]);
    let notes = table.notes.join("\n");
    for says in ["`raw` is left out", "`holder.raw` is left out", "`holder` is left out", "`long` is left out"] {
        assert!(notes.contains(says), "{notes}");
    }
    let (table, back) = json("{\"a\":1,\"b\":[1]}\n{\"a\":2,\"b\":\"x\"}\n");
    assert!(
        table.notes[0].contains("column `b` is left out: it holds objects or lists in some rows"),
        "{:?}",
        table.notes
    );
    assert_eq!(back, "{\"a\":1}\n{\"a\":2}\n");
    let wide: Vec<String> = (0..400).map(|i| format!("{{\"a\":{i},\"m\":{{\"k{i}\":1}}}}")).collect();
    let (table, _) = json(&wide.join("\n"));
    assert!(table.notes[0].contains("more than 256 columns"), "{:?}", table.notes);
    assert_eq!(table.names, ["a"]);
    let deep = format!("{{\"a\":1,\"d\":{}1{}}}\n", "[".repeat(100), "]".repeat(100));
    assert!(json(&deep).0.notes[0].contains("`d"), "{:?}", json(&deep).0.notes);
}

#[test]
fn json_comes_back_as_it_was() {
    for text in [
        "{\"o\":{\"a\":1,\"b\":{\"c\":\"x\"}},\"l\":[\"p\",null]}\n{\"o\":null,\"l\":[]}\n{\"o\":{\"a\":null,\"b\":{\"c\":\"y\"}},\"l\":null}\n",
        // Keys that rows leave away, and ones that come late.
        "{\"a\":1}\n{\"a\":2,\"b\":{\"c\":1}}\n{\"a\":3}\n",
        // Texts like numbers, big numbers, numbers to the last digit, truth values.
        "{\"zip\":\"01234\",\"n\":\"12\",\"big\":9007199254740993,\"x\":0.12345678901234567,\"t\":true}\n{\"zip\":\"1\",\"n\":\"3\",\"big\":18446744073709551615,\"x\":1.5,\"t\":false}\n",
        // Kinds that are mixed.
        "{\"m\":1}\n{\"m\":\"1\"}\n{\"m\":true}\n{\"m\":\"true\"}\n{\"m\":\"x\"}\n{\"m\":\"\\\"q\\\"\"}\n",
        "{\"m\":1}\n{\"m\":\"none of them\"}\n{\"m\":2.5}\n",
        // A key with a dot beside the object that lies flat under that name.
        "{\"a.b\":1,\"a\":{\"b\":\"x\"}}\n{\"a.b\":2,\"a\":{\"b\":\"y\"}}\n",
        "{\"orders\":[{\"sku\":\"a\",\"n\":1},{\"sku\":\"b\"}]}\n{\"orders\":[]}\n",
    ] {
        let (table, back) = json(text);
        assert_eq!(back, text, "{:?} {:?}", table.names, table.nest);
    }
    let (table, _) = json("{\"a.b\":1,\"a\":{\"b\":\"x\"}}\n");
    assert_eq!(table.names, ["a.b", "a.b_2"]);
    assert!(table.notes[0].contains("is called `a.b_2`"));
}

#[test]
fn a_json_array_is_a_table() {
    let folder = folder();
    let path = folder.path().join("t.json");
    for text in [
        "[{\"a\":1,\"b\":\"x]}\\\"\"},\n {\"a\":2,\"b\":\"y\"}]",
        "\u{feff} [\n{\n\"a\": 1, \"b\": \"x]}\\\"\"\n},{\"a\":2,\"b\":\"y\"}\n]\n",
        "{\"a\":1,\"b\":\"x]}\\\"\"} {\"a\":2,\n\"b\":\"y\"}",
    ] {
        fs::write(&path, text).unwrap();
        let table = read(&path).unwrap();
        assert_eq!(
            (column(&table, "a"), column(&table, "b")),
            (vec!["1".into(), "2".into()], vec!["x]}\"".into(), "y".into()])
        );
        let back = fs::read_to_string(written(&folder, "back.json", &table, &detect(&table))).unwrap();
        assert_eq!(back, "[\n{\"a\":1,\"b\":\"x]}\\\"\"},\n{\"a\":2,\"b\":\"y\"}\n]\n");
    }
    fs::write(&path, "[{\"a\":1},\n\n3]").unwrap();
    let said = read(&path).unwrap_err().to_string();
    assert!(said.contains("line 3: is not a JSON object"), "{said}");
    Writer::create(&path, &Schema::default()).unwrap().finish().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "[]\n");
}

#[test]
fn chunks_have_the_columns_of_the_whole_file() {
    let folder = folder();
    let lines: Vec<String> = (0..10).map(|i| format!("{{\"l\":{:?}}}", vec![i; i % 4])).collect();
    let path = folder.path().join("t.jsonl");
    fs::write(&path, lines.join("\n")).unwrap();
    let whole = read(&path).unwrap();
    let parquet = written(&folder, "t.parquet", &whole, &detect(&whole));
    for path in [path, parquet] {
        let chunks: Vec<Table> =
            Table::chunks(path, &ReadSettings::default(), 3).unwrap().collect::<Result<_>>().unwrap();
        assert!(chunks.len() > 2);
        for chunk in chunks {
            assert_eq!(chunk.names, whole.names);
        }
    }
}

#[test]
fn every_packing_and_every_digit() {
    let folder = folder();
    let d38 = Decimal128Array::from(vec![12345678901234567890123456789012345678, 500]).with_precision_and_scale(38, 3);
    let d76 =
        Decimal256Array::from(vec![i256::from_i128(i128::MAX), i256::from_i128(-1)]).with_precision_and_scale(60, 2);
    let fields = vec![
        ArrowField::new("i8", DataType::Int8, false).with_metadata(HashMap::from([("unit".into(), "kg".into())])),
        ArrowField::new("u64", DataType::UInt64, true),
        ArrowField::new("f16", DataType::Float16, true),
        ArrowField::new("d38", DataType::Decimal128(38, 3), true),
        ArrowField::new("d76", DataType::Decimal256(60, 2), true),
        ArrowField::new("wait", DataType::Duration(TimeUnit::Nanosecond), true),
        ArrowField::new("ns", DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), true),
        ArrowField::new("day", DataType::Date64, true),
        ArrowField::new("view", DataType::Utf8View, true),
    ];
    let f16 = arrow_cast::cast(&Float32Array::from(vec![0.5, 2.0]), &DataType::Float16).unwrap();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int8Array::from(vec![-128, 127])),
        Arc::new(UInt64Array::from(vec![u64::MAX, 7])),
        f16,
        Arc::new(d38.unwrap()),
        Arc::new(d76.unwrap()),
        Arc::new(DurationNanosecondArray::from(vec![Some(1_500), None])),
        Arc::new(TimestampNanosecondArray::from(vec![1_700_000_000_123_456_789, 1]).with_timezone("UTC")),
        Arc::new(Date64Array::from(vec![86_400_000 * 19_000, 0])),
        Arc::new(StringViewArray::from(vec!["a longer text than a view holds", "b"])),
    ];
    let batch = RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), columns).unwrap();
    for packing in [
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::SNAPPY,
        Compression::ZSTD(Default::default()),
    ] {
        let path = parquet_file(&folder, "t.parquet", &batch, packing);
        let table = read(&path).unwrap();
        assert_eq!(column(&table, "u64"), ["18446744073709551615", "7"]);
        assert_eq!(column(&table, "d38"), ["12345678901234567890123456789012345.678", "0.500"]);
        assert_eq!(column(&table, "wait"), ["1500", "-"]);
        let schema = detect(&table);
        assert_eq!(batches(&written(&folder, "back.parquet", &table, &schema)), batches(&path));
        let lines = fs::read_to_string(written(&folder, "back.jsonl", &table, &schema)).unwrap();
        assert!(
            lines.contains("\"u64\":18446744073709551615,\"f16\":0.5,\"d38\":12345678901234567890123456789012345.678"),
            "{lines}"
        );
        let stream = written(&folder, "back.arrows", &table, &schema);
        assert_eq!(read(&stream).unwrap().arrow, table.arrow);
    }
    let schema = detect(&read(&folder.path().join("t.parquet")).unwrap());
    let table = read(&folder.path().join("t.parquet")).unwrap();
    let wide = Table {
        columns: [vec![Arc::new(Int64Array::from(vec![128, 1])) as ArrayRef], table.columns[1..].to_vec()].concat(),
        ..table.clone()
    };
    let mut writer = Writer::create(folder.path().join("x.parquet"), &schema).unwrap();
    let said = writer.write(&wide).unwrap_err().to_string();
    assert!(said.contains("column `i8`: does not fit the type Int8") && said.contains(".csv or .jsonl"), "{said}");
    let gap = Table {
        columns: [vec![Arc::new(Int64Array::from(vec![None, Some(1)])) as ArrayRef], table.columns[1..].to_vec()]
            .concat(),
        ..table
    };
    let schema = Schema { fields: schema.fields.clone(), ..schema };
    let mut writer = Writer::create(folder.path().join("x.parquet"), &schema).unwrap();
    let said = writer.write(&gap);
    // A key that is blank was asked to be so; a learnt column is never without a value.
    assert!(said.is_ok() || said.unwrap_err().to_string().contains("column `i8`: has no value in some rows"));
}

#[test]
fn a_column_without_nulls_keeps_what_means_missing() {
    let folder = folder();
    let fields = vec![ArrowField::new("x", DataType::Float32, false), ArrowField::new("s", DataType::Utf8, false)];
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Float32Array::from(vec![1.5, f32::NAN, 2.0])), Arc::new(StringArray::from(vec!["a", "", "b"]))];
    let batch = RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), columns).unwrap();
    let path = parquet_file(&folder, "t.parquet", &batch, Compression::UNCOMPRESSED);
    let table = read(&path).unwrap();
    let schema = detect(&table);
    let back = batches(&written(&folder, "back.parquet", &table, &schema));
    assert_eq!((back.schema(), back.column(1)), (batch.schema(), batch.column(1)));
    let back = arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Float32Type>(back.column(0)).clone();
    assert!(back.value(1).is_nan() && back.value(2) == 2.0);
    let lines = fs::read_to_string(written(&folder, "back.jsonl", &table, &schema)).unwrap();
    assert_eq!(lines, "{\"x\":1.5,\"s\":\"a\"}\n{\"x\":null,\"s\":null}\n{\"x\":2.0,\"s\":\"b\"}\n");
}

#[test]
fn categories_keep_their_type_and_order() {
    let folder = folder();
    let levels = StringArray::from(vec!["low", "mid", "high"]);
    let cells = DictionaryArray::<Int8Type>::new(Int8Array::from(vec![2, 0, 2, 1]), Arc::new(levels));
    let field = ArrowField::new("c", cells.data_type().clone(), true).with_dict_is_ordered(true);
    let pandas = "{\"index_columns\":[],\"columns\":[{\"name\":\"c\",\"field_name\":\"c\"},{\"name\":\"gone\"}]}";
    let metadata = HashMap::from([("pandas".to_owned(), pandas.to_owned())]);
    let schema = Arc::new(ArrowSchema::new_with_metadata(vec![field], metadata));
    let batch = RecordBatch::try_new(schema, vec![Arc::new(cells)]).unwrap();
    let path = folder.path().join("t.arrow");
    let mut writer = arrow_ipc::writer::FileWriter::try_new(fs::File::create(&path).unwrap(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let table = read(&path).unwrap();
    let schema = detect(&table);
    let path = written(&folder, "back.arrow", &table, &schema);
    let mut reader = arrow_ipc::reader::FileReader::try_new(fs::File::open(path).unwrap(), None).unwrap();
    let back = reader.next().unwrap().unwrap();
    assert_eq!(back.schema().field(0).dict_is_ordered(), Some(true));
    let words = arrow_array::cast::AsArray::as_any_dictionary(back.column(0)).values().clone();
    assert_eq!(arrow_array::cast::AsArray::as_string::<i32>(&words).value(0), "low");
    assert!(
        back.schema().metadata()["pandas"].contains("\"c\"") && !back.schema().metadata()["pandas"].contains("gone")
    );
    // Parquet keeps categories in the order of the rows: it is not said to be theirs where it is not.
    let back = batches(&written(&folder, "back.parquet", &table, &schema));
    assert_eq!(back.schema().field(0).data_type(), batch.schema().field(0).data_type());
    assert_ne!(back.schema().field(0).dict_is_ordered(), Some(true));
}

#[test]
fn dates_and_truth_values_of_text_get_types() {
    let folder = folder();
    let path = folder.path().join("t.csv");
    let rows: Vec<String> = (0..20)
        .map(|i| format!("{:02}.03.2024,2024-03-{:02} 10:00:{i:02},{}", i + 1, i + 1, ["Yes", "No"][i % 2]))
        .collect();
    fs::write(&path, format!("day,at,ok\n{}\n", rows.join("\n"))).unwrap();
    let table = read(&path).unwrap();
    let schema = detect(&table);
    let back = batches(&written(&folder, "back.parquet", &table, &schema));
    let kinds: Vec<DataType> = back.schema().fields().iter().map(|f| f.data_type().clone()).collect();
    assert_eq!(kinds, [DataType::Date32, DataType::Timestamp(TimeUnit::Microsecond, None), DataType::Boolean]);
    let back = read(&folder.path().join("back.parquet")).unwrap();
    assert_eq!((back.text(0).unwrap().value(1), back.text(1).unwrap().value(2)), ("2024-03-02", "2024-03-03T10:00:02"));
    let lines = fs::read_to_string(written(&folder, "back.jsonl", &table, &schema)).unwrap();
    assert!(lines.starts_with("{\"day\":\"01.03.2024\",\"at\":\"2024-03-01 10:00:00\",\"ok\":true}\n"), "{lines}");
}

#[test]
fn a_folder_of_files_is_a_table() {
    let folder = folder();
    for (year, longest) in [("2023", 1), ("2024%2F5", 2), (super::folder::MISSING, 0)] {
        let place = folder.path().join(format!("year={year}"));
        fs::create_dir(&place).unwrap();
        let lists = (0..4).map(|i| Some(vec![Some(i); (i as usize).min(longest)]));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("a", Arc::new(Int32Array::from(vec![1, 2, 3, 4]))),
            ("l", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
        parquet_file(&folder, &format!("year={year}/part-0.parquet"), &batch, Compression::SNAPPY);
        fs::write(place.join("_SUCCESS"), "").unwrap();
    }
    fs::write(folder.path().join("about.csv"), "a\n1\n").unwrap();
    assert!(is_dataset(folder.path()));
    let table = read(folder.path()).unwrap();
    assert_eq!((table.rows, table.notes.len()), (12, 1));
    assert_eq!(table.names, ["a", "l[]", "l[0]", "year", "l[1]"]);
    assert_eq!(column(&table, "year")[3..9], ["2023", "2024/5", "2024/5", "2024/5", "2024/5", "-"]);
    let back = read(&written(&folder, "back.parquet", &table, &detect(&table))).unwrap();
    assert_eq!(column(&back, "l[1]"), column(&table, "l[1]"));
    fs::remove_file(folder.path().join("back.parquet")).unwrap();
    let chunks: Vec<Table> =
        Table::chunks(folder.path(), &ReadSettings::default(), 5).unwrap().collect::<Result<_>>().unwrap();
    assert_eq!(chunks.iter().map(|c| c.rows).sum::<usize>(), 12);

    let other = RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
    parquet_file(&folder, "year=2023/z.parquet", &other, Compression::SNAPPY);
    let said = read(folder.path()).unwrap_err().to_string();
    assert!(said.contains("z.parquet") && said.contains("column `a` as Int64"), "{said}");
    fs::write(folder.path().join("x.png"), "").unwrap();
    assert!(!is_dataset(folder.path()));
}
