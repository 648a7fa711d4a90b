//! Files parted: every row in one part, as it stood.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

use super::*;

fn random(holdout: f64) -> Rule {
    Rule { holdout, how: How::Random { seed: 3 } }
}

/// The two parts of a file of this name.
fn parts(name: &str, bytes: &[u8], rule: &Rule) -> Result<(Parted, [Vec<u8>; 2], TempDir)> {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at(name), bytes).unwrap();
    let parted = split(&at(name), &ReadSettings::default(), rule, &at("a"), &at("b"))?;
    let read = ["a", "b"].map(|part| fs::read(at(part)).unwrap());
    Ok((parted, read, folder))
}

fn lines(part: &[u8]) -> Vec<&str> {
    std::str::from_utf8(part).unwrap().lines().collect()
}

#[test]
fn cells_stay_as_they_stand() {
    let text =
        "\u{feff}id;\"note\";x\r\n1;\"two\r\nlines\";007\r\n2;\"a \"\"b\"\" ; c\"; 1.50\r\n3;;\r\n4;\"d\";2\r\n5;e;3";
    let (parted, [train, holdout], _folder) = parts("a.csv", text.as_bytes(), &random(0.4)).unwrap();
    assert_eq!((parted.train, parted.holdout), (3, 2));
    let header = "\u{feff}id;\"note\";x\r\n";
    let whole: Vec<&str> =
        ["1;\"two\r\nlines\";007", "2;\"a \"\"b\"\" ; c\"; 1.50", "3;;", "4;\"d\";2", "5;e;3"].to_vec();
    let [train, holdout] = [&train, &holdout].map(|part| std::str::from_utf8(part).unwrap());
    assert!(train.starts_with(header) && holdout.starts_with(header), "{train:?} {holdout:?}");
    for row in whole {
        assert_eq!(usize::from(train.contains(row)) + usize::from(holdout.contains(row)), 1, "{row:?}");
    }
    assert_eq!(train.len() + holdout.len(), text.len() + header.len());
}

#[test]
fn lines_of_json_and_packed_text_are_parted() {
    let rows: String = (0..10).map(|i| format!("{{\"a\": {i}, \"b\":\"x\"}}\n")).collect();
    let (_, [train, holdout], _folder) = parts("a.jsonl", rows.as_bytes(), &random(0.3)).unwrap();
    assert_eq!((lines(&train).len(), lines(&holdout).len()), (7, 3));
    let all: BTreeSet<&str> = lines(&train).into_iter().chain(lines(&holdout)).collect();
    assert_eq!(all, rows.lines().collect());

    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"a,b\n1,2\n3,4\n5,6\n").unwrap();
    let (_, [train, holdout], _folder) = parts("a.csv.gz", &packed.finish().unwrap(), &random(0.3)).unwrap();
    assert_eq!((lines(&train).len(), lines(&holdout).len()), (3, 2));
}

#[test]
fn no_key_is_on_both_sides() {
    let rows: String =
        (0..1000).map(|i| format!("{},{i}\n", ["", "ann", "bob", "cid", "dan", "eve"][i * i % 6])).collect();
    let rule = Rule { holdout: 0.3, how: How::Key { column: "who".into(), seed: 1 } };
    let (parted, [train, holdout], _folder) = parts("a.csv", format!("who,n\n{rows}").as_bytes(), &rule).unwrap();
    let keys = |part: &[u8]| -> BTreeSet<String> {
        lines(part)[1..].iter().map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    assert!(keys(&train).is_disjoint(&keys(&holdout)) && keys(&train).contains(""));
    assert!((150..450).contains(&parted.holdout), "{parted:?}");
    assert!(parted.notes[0].contains("values of `who`") && parted.notes[1].contains("without `who`"), "{parted:?}");
    let rule = Rule { holdout: 0.3, how: How::Key { column: "whom".into(), seed: 1 } };
    let error = parts("a.csv", b"who,n\na,1\nb,2\n", &rule).unwrap_err().to_string();
    assert!(error.contains("did you mean `who`"), "{error}");
}

#[test]
fn the_last_times_are_kept_back_together() {
    let rows: String = (0..100).map(|i| format!("{:02}.{:02}.2021,{i}\n", 1 + i * 7 % 28, 1 + i * 5 % 12)).collect();
    let rule = Rule { holdout: 0.25, how: How::Time { column: "day".into(), gap: 0 } };
    let (parted, [train, holdout], _folder) = parts("a.csv", format!("day,n\n{rows}").as_bytes(), &rule).unwrap();
    let days = |part: &[u8]| -> Vec<String> {
        let iso = |line: &&str| format!("{}-{}", &line[3..5], &line[0..2]);
        lines(part)[1..].iter().map(iso).collect()
    };
    assert!(days(&train).iter().max() < days(&holdout).iter().min());
    assert!((20..=30).contains(&parted.holdout) && parted.notes[0].contains("%d.%m.%Y"), "{parted:?}");
    // Years are numbers, and have a last one as well.
    let years: String = (0..40).map(|i| format!("{}\n", 1990 + i % 10)).collect();
    let rule = Rule { holdout: 0.2, how: How::Time { column: "year".into(), gap: 0 } };
    let (_, [_, holdout], _folder) = parts("a.csv", format!("year\n{years}").as_bytes(), &rule).unwrap();
    assert_eq!(lines(&holdout)[1..].iter().collect::<BTreeSet<_>>().len(), 2);
    let rule = Rule { holdout: 0.2, how: How::Time { column: "word".into(), gap: 0 } };
    let error = parts("a.csv", b"word\nred\nblue\n", &rule).unwrap_err().to_string();
    assert!(error.contains("neither dates nor numbers"), "{error}");
}

#[test]
fn a_parquet_file_keeps_its_schema() {
    use arrow_array::{ArrayRef, Int8Array, StringArray};
    use arrow_schema::{DataType, Field, Schema};
    use std::sync::Arc;
    let schema =
        Arc::new(Schema::new(vec![Field::new("n", DataType::Int8, false), Field::new("s", DataType::Utf8, true)]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..100).collect::<Int8Array>()),
        Arc::new((0..100).map(|i| (i % 3 > 0).then(|| i.to_string())).collect::<StringArray>()),
    ];
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, schema.clone(), None).unwrap();
    writer.append_key_value_metadata(parquet::file::metadata::KeyValue::new("by".into(), Some("me".to_string())));
    writer.write(&RecordBatch::try_new(schema.clone(), columns).unwrap()).unwrap();
    writer.close().unwrap();
    let (parted, _, folder) = parts("a.parquet", &bytes, &random(0.2)).unwrap();
    assert_eq!((parted.train, parted.holdout), (80, 20));
    for (part, rows) in [("a", 80), ("b", 20)] {
        let file = fs::File::open(folder.path().join(part)).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        assert_eq!(builder.schema().fields(), schema.fields());
        let notes = builder.metadata().file_metadata().key_value_metadata().unwrap();
        assert!(notes.iter().any(|note| note.key == "by"), "{notes:?}");
        assert_eq!(builder.build().unwrap().map(|b| b.unwrap().num_rows()).sum::<usize>(), rows);
    }
}

#[test]
fn what_cannot_be_parted_is_refused() {
    let refused = |name: &str, bytes: &[u8], rule: &Rule, word: &str| {
        let error = parts(name, bytes, rule).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    for share in [0.0, 1.0, -0.5, f64::NAN] {
        refused("a.csv", b"a\n1\n2\n", &random(share), "between 0 and 1");
    }
    refused("a.csv", b"a\n1\n", &random(0.5), "no rows");
    refused("a.xyz", b"a\n1\n2\n", &random(0.5), "save it as");
}

proptest! {
    #[test]
    fn every_row_is_in_one_part(
        cells in prop::collection::vec(("[a-c \"\n,;é]{0,4}", "[0-9]{1,3}"), 2..40), share in 0.05..0.95,
    ) {
        let mut csv = csv::WriterBuilder::new().from_writer(Vec::new());
        csv.write_record(["t", "n"]).unwrap();
        cells.iter().for_each(|(text, n)| csv.write_record([text, n]).unwrap());
        let whole = csv.into_inner().unwrap();
        let (parted, [train, holdout], _folder) = parts("a.csv", &whole, &random(share)).unwrap();
        prop_assert_eq!(parted.train + parted.holdout, cells.len());
        let rows = |part: &[u8]| -> Vec<csv::StringRecord> { csv::Reader::from_reader(part).records().map(|r| r.unwrap()).collect() };
        let (train, holdout, mut all) = (rows(&train), rows(&holdout), rows(&whole));
        let mut both: Vec<_> = train.into_iter().chain(holdout).collect();
        let key = |r: &csv::StringRecord| r.iter().map(str::to_owned).collect::<Vec<_>>();
        both.sort_by_key(key);
        all.sort_by_key(key);
        prop_assert_eq!(both, all);
    }
}

#[test]
fn a_gap_goes_to_neither_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let text: String = std::iter::once("t,x\n".to_owned()).chain((0..10).map(|i| format!("{i},{}\n", i * i))).collect();
    std::fs::write(&path, &text).unwrap();
    let [train, holdout] = ["a.csv", "b.csv"].map(|name| folder.path().join(name));
    for how in [How::Last { gap: 2 }, How::Time { column: "t".into(), gap: 2 }] {
        let parted = split(&path, &ReadSettings::default(), &Rule { holdout: 0.3, how }, &train, &holdout).unwrap();
        assert_eq!((parted.train, parted.holdout), (5, 3));
        assert!(parted.notes.iter().any(|n| n.contains("2 rows between the parts are left out")), "{:?}", parted.notes);
        assert_eq!(std::fs::read_to_string(&train).unwrap(), "t,x\n0,0\n1,1\n2,4\n3,9\n4,16\n");
        assert_eq!(std::fs::read_to_string(&holdout).unwrap(), "t,x\n7,49\n8,64\n9,81\n");
    }
}
