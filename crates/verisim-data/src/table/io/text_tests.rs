//! Delimited text as people bring it.

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tempfile::TempDir;

use super::{Dialect, Quoting, ReadSettings, Writer};
use crate::error::Result;
use crate::table::{DetectSettings, Schema, Table};

fn file(name: &str, bytes: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn read(name: &str, bytes: impl AsRef<[u8]>, settings: &ReadSettings) -> Result<Table> {
    let (_folder, path) = file(name, bytes);
    Table::read(path, settings)
}

fn plain(bytes: impl AsRef<[u8]>) -> Table {
    read("t.csv", bytes, &ReadSettings::default()).unwrap()
}

/// The cells of a table, row by row; `-` where one is missing.
fn cells(table: &Table) -> String {
    let text: Vec<_> = (0..table.names.len()).map(|j| table.text(j).unwrap()).collect();
    let row = |i: usize| {
        text.iter().map(|t| t.iter().nth(i).flatten().unwrap_or("-").to_owned()).collect::<Vec<_>>().join("|")
    };
    (0..table.rows).map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn encodings_are_found_or_named() {
    let text = "a,b\nü,1\né,2\n";
    let utf16 = |mark: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("{mark}{text}").encode_utf16().flat_map(bytes).collect()
    };
    let said = ["UTF-16LE", "UTF-16BE"];
    for mark in ["\u{feff}", ""] {
        for (bytes, name) in [utf16(mark, u16::to_le_bytes), utf16(mark, u16::to_be_bytes)].iter().zip(said) {
            let table = plain(bytes);
            assert_eq!((cells(&table), table.names.join("")), ("ü|1\né|2".into(), "ab".into()));
            assert_eq!(table.notes, [format!("the file is {name} and read as that")]);
        }
    }
    assert_eq!(plain(format!("\u{feff}{text}")).names, ["a", "b"]);
    // What is not UTF-8 is Windows-1252, row by row.
    let table = plain(b"a,b\n\xfc\x80,1\n\xc3\xbc,2\n\xe9,3\n");
    assert_eq!(cells(&table), "ü€|1\nü|2\né|3");
    let note = "2 rows, the first in line 2, read as Windows-1252 for not being UTF-8; name the `encoding` in [data] if it is another";
    assert_eq!(table.notes, [note]);
    // Two cells that are UTF-8 only together.
    assert_eq!(cells(&plain(b"a,b\nx\xc3,\xbcy\n1,2\n")), "xÃ|¼y\n1|2");
    let with = |encoding: &str| ReadSettings { encoding: Some(encoding.into()), ..ReadSettings::default() };
    assert_eq!(cells(&read("t.csv", b"a\n\xb3\nb\n", &with("iso-8859-2")).unwrap()), "ł\nb");
    let refused = |bytes: &[u8], encoding| read("t.csv", bytes, &with(encoding)).unwrap_err().to_string();
    assert!(refused(b"a\n1\n\xb3\n", "utf-8").contains("line 3: is not UTF-8"));
    assert!(refused(b"a\n1\n", "utf-9").contains("`utf-9` is not known"));
    assert!(refused(b"a\n1\n\xff", "shift_jis").contains("name its `encoding`"));
}

#[test]
fn lines_before_the_header_are_understood() {
    let table = plain("sep=;\na;b\n1,5;x\n2,5;y\n");
    assert_eq!((cells(&table), table.names.join("")), ("1,5|x\n2,5|y".into(), "ab".into()));
    let table = plain("# made by hand\n# in 2021, twice\na,b,c\n1,2,3\n4,5,6\n");
    assert_eq!((cells(&table), table.names.join("")), ("1|2|3\n4|5|6".into(), "abc".into()));
    assert_eq!(table.notes, ["2 lines before the header are comments"]);
    // A header may begin with the sign, and so may a cell.
    assert_eq!(plain("#id,b\n1,2\n#3,4\n").names, ["#id", "b"]);
    assert_eq!(plain("#id\nx\ny\n").names, ["#id"]);
    assert_eq!(plain("# one\nid\nx\ny\n").names, ["id"]);
    let settings = ReadSettings { comment: Some('%'), ..ReadSettings::default() };
    assert_eq!(cells(&read("t.csv", "% x\na,b\n1,2\n%\n3,4\n", &settings).unwrap()), "1|2\n3|4");
}

#[test]
fn odd_rows_are_left_out_up_to_a_limit() {
    let rows = |n: usize, odd: usize| format!("a,b\n{}{}", "1,x\n".repeat(n), "1\n".repeat(odd));
    let table = plain(rows(20, 2));
    assert_eq!(table.rows, 20);
    let note = "2 rows, the first in line 22, left out for having other than 2 cells";
    assert!(table.notes[0].starts_with(note), "{:?}", table.notes);
    assert_eq!(plain(rows(2000, 20)).rows, 2000);
    // What is empty behind the last column is nothing lost.
    assert_eq!(cells(&plain("a,b\n1,2,\n3,4,,\n")), "1|2\n3|4");
    for (n, odd) in [(20, 11), (1000, 12)] {
        let said = read("t.csv", rows(n, odd), &ReadSettings::default()).unwrap_err().to_string();
        assert!(said.contains(&format!("line {}: has 1 cells where the header has 2", n + 2)), "{said}");
        assert!(said.contains(&format!("{odd} rows have")), "{said}");
    }
}

#[test]
fn a_lone_quote_does_not_swallow_lines() {
    let table = plain("a\tb\n1\t\"x\n2\ty\n3\tz\"\"\n".replace('\t', ","));
    assert_eq!(cells(&table), "1|\"x\n2|y\n3|z\"\"");
    assert!(table.notes[0].starts_with("line 2 has a quote that does not close"), "{:?}", table.notes);
    assert_eq!(table.dialect.unwrap().quoting, Quoting::Never);
    // Where quotes are in use one that does not close cannot be mended.
    let said = read("t.csv", "a,b\n\"1\",\"x,y\"\n\"2\",\"z\n\"3\",\"v\"\n", &ReadSettings::default());
    assert!(said.unwrap_err().to_string().contains("line 3: has a quote"));
    let quotes = ReadSettings { quote: Some("\"".into()), ..ReadSettings::default() };
    assert!(read("t.csv", "a,b\n1,\"x\n2,y\n", &quotes).is_err());
    assert_eq!(cells(&plain("a,b\n1,\"x\ny\"\n2,\"z, \"\"v\"\"\"\n")), "1|x\ny\n2|z, \"v\"");
    let none = ReadSettings { quote: Some("none".into()), ..ReadSettings::default() };
    assert_eq!(cells(&read("t.csv", "a,b\n\"1\",2\n", &none).unwrap()), "\"1\"|2");
    let settings = ReadSettings { quote: Some("'".into()), escape: Some('\\'), ..ReadSettings::default() };
    assert_eq!(cells(&read("t.csv", "a,b\n'x\\', y',\"\n", &settings).unwrap()), "x', y|\"");
    let wrong = ReadSettings { quote: Some("ab".into()), ..ReadSettings::default() };
    assert!(read("t.csv", "a\n1\n", &wrong).unwrap_err().to_string().contains("`none`"));
}

#[test]
fn a_first_row_of_data_is_said() {
    let without = ReadSettings { header: Some(false), ..ReadSettings::default() };
    let data = "8,a,0.5\n9,b,0.25\n10,a,1\n";
    let table = read("t.csv", data, &without).unwrap();
    assert_eq!((table.names.join(" "), table.rows), ("column_1 column_2 column_3".into(), 3));
    assert!(table.notes.is_empty());
    let notes = |text: &str| plain(text).notes.join("");
    assert!(notes(data).contains("looks like data (`8` stands over numbers)"));
    assert!(notes("ham,x y\nham,z\nspam,y\n").contains("`ham` comes again below"));
    for names in ["a,b\n1,2\n3,4\n", "land,1990,1991\nx,1,2\ny,3,4\n", "a,b\nx,y\nz,v\n"] {
        assert_eq!(notes(names), "", "{names}");
    }
}

#[test]
fn two_columns_of_one_name_get_two() {
    let table = plain("a,b,a,a_2,a\n1,2,3,4,5\n");
    assert_eq!(table.names, ["a", "b", "a_3", "a_2", "a_4"]);
    assert_eq!(table.notes[0], "two columns are named `a`; the later one is called `a_3`");
}

#[test]
fn blanks_are_kept_unless_they_pad() {
    let table = plain("n, s,t\n1, x,y \n 2, z z,y\n 3 , NA,  \n");
    assert_eq!(cells(&table), "1|x|y \n2|z z|y\n3|-|-");
}

#[test]
fn line_ends_of_every_kind_are_read() {
    for end in ["\n", "\r\n", "\r"] {
        let text = format!("a,b{end}1,\"x{end}y\"{end}{end}2,z");
        assert_eq!(cells(&plain(text)), format!("1|x{end}y\n2|z"));
    }
    assert_eq!(cells(&plain("a,b\n1\0,2\n")), "1\0|2");
    assert!(read("t.csv", "PK\x03\x04 and more", &ReadSettings::default()).is_err());
}

#[test]
fn text_is_written_as_it_was_read() {
    let again = |name: &str, text: &str, to: &str, settings: &ReadSettings| -> String {
        let (folder, path) = file(name, text);
        let table = Table::read(&path, settings).unwrap();
        let wishes: DetectSettings = Default::default();
        let schema = Schema::detect(&table, &wishes).unwrap();
        let rows = schema.render(schema.parse(&table).unwrap(), 0, 0).unwrap();
        let out = folder.path().join(to);
        let mut writer = Writer::create(&out, &schema).unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap();
        std::fs::read_to_string(out).unwrap()
    };
    let default = ReadSettings::default();
    let comma = "preis;n\n12,50;1\n3,25;2\n3,25;1\n";
    for text in [
        comma,
        "n|s\r\n1|x\r\n2|y\r\n1|x\r\n",
        "\"n\",\"s\"\n\"1\",\"x\"\n\"2\",\"y\"\n\"1\",\"x\"\n\"2\",\"x\"\n",
        "n\ts\n1\t\"x\n2\t\"y\n1\t\"x\n1\t\"y\n",
    ] {
        assert_eq!(again("a.csv", text, "b.csv", &default), text);
    }
    let bare = "1,x\n2,y\n1,x\n2,x\n";
    assert_eq!(again("a.csv", bare, "b.csv", &ReadSettings { header: Some(false), ..default.clone() }), bare);
    assert_eq!(again("a.csv", comma, "b.tsv", &default), comma.replace(';', "\t"));
    let tabs = "n\ts\n1\tx\n2\ty\n1\tx\n";
    assert_eq!(again("a.tsv", tabs, "b.csv", &default), tabs.replace('\t', ","));
    assert_eq!(again("a.tsv", tabs, "b.tsv", &default), tabs);
}

#[test]
fn a_dialect_that_cannot_be_is_refused() {
    assert_eq!(Dialect::default().problem(), None);
    for (delimiter, quote) in [('ü', '"'), (',', '\n'), (',', ',')] {
        assert!(Dialect { delimiter, quote, ..Dialect::default() }.problem().is_some());
    }
}

/// Bytes near to a table: what such files are made of, in any order.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let parts: Vec<&'static [u8]> = vec![
        b",",
        b";",
        b"\t",
        b"\"",
        b"\"\"",
        b"\n",
        b"\r\n",
        b"\r",
        b"#",
        b"sep=;\n",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\0",
        b"\xfc",
        b"a",
        b"12,5",
        b" x ",
        b"\\",
        b"NA",
        "ü".as_bytes(),
    ];
    let part = prop_oneof![
        9 => prop::sample::select(parts).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 1..8),
        2 => Just(b"a,b\n1,x\n2,\"y\"\n".to_vec()),
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

/// No bytes make the reader panic, and what it reads is the same in chunks. `VERISIM_FUZZ` says how many are tried.
#[test]
fn any_bytes_are_read_or_refused() {
    let cases = std::env::var("VERISIM_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(3000);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let (_folder, path) = file("t.csv", "");
    let settings = (any::<bool>(), prop::option::of(prop::sample::select(vec!["none", "'"])), any::<bool>());
    let run = TestRunner::new_with_rng(config, rng).run(&(bytes(), settings), |(bytes, (header, quote, escape))| {
        std::fs::write(&path, &bytes).unwrap();
        let settings = ReadSettings {
            header: header.then_some(false),
            quote: quote.map(str::to_owned),
            escape: escape.then_some('\\'),
            ..ReadSettings::default()
        };
        if let Ok(table) = Table::read(&path, &settings) {
            let chunks: Vec<Table> = Table::chunks(&path, &settings, 2).unwrap().map(|c| c.unwrap()).collect();
            prop_assert_eq!(chunks.iter().map(|c| c.rows).sum::<usize>(), table.rows);
            let text: Vec<String> = chunks.iter().map(cells).collect();
            prop_assert_eq!(text.join("\n"), cells(&table));
        }
        Ok(())
    });
    run.unwrap();
}
