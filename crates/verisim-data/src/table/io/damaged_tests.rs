//! Bytes that nobody meant: whatever is read, there is a table or an error, and no panic. `VERISIM_FUZZ=1000000` tries as many.

#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;
use crate::rng;
use crate::table::Table;
use crate::table::schema::{DetectSettings, Schema};

use rand::RngExt;

fn cases() -> u64 {
    std::env::var("VERISIM_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000)
}

/// Reads the file called `name` with these bytes; what it says, if it is refused.
fn outcome(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> Option<String> {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    Table::read(&path, &ReadSettings::default()).err().map(|e| e.to_string())
}

/// A small file of each format, of the columns that it can hold.
fn whole(folder: &tempfile::TempDir, name: &str) -> Vec<u8> {
    let lines: String = (0..40)
        .map(|i| {
            let list: Vec<u32> = (0..i % 4).collect();
            format!(
                "{{\"a\":{i},\"b\":\"w{}\",\"o\":{{\"x\":{}.5}},\"l\":{list:?},\"t\":{}}}\n",
                i % 3,
                i * 7,
                i % 2 == 0
            )
        })
        .collect();
    let path = folder.path().join("whole.jsonl");
    fs::write(&path, lines).unwrap();
    let table = Table::read(&path, &ReadSettings::default()).unwrap();
    let schema = Schema::detect(&table, &DetectSettings::default()).unwrap();
    let path = folder.path().join(format!("whole-{name}"));
    let mut writer = Writer::create(&path, &schema).unwrap();
    writer.write(&table).unwrap();
    writer.finish().unwrap();
    fs::read(path).unwrap()
}

/// Memory that nothing damaged may take at any time: all tests of the crate together stay far below.
const MOST: u64 = 1 << 30;

/// The most memory that this program held so far, in bytes; 0 where the system does not tell.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kb| kb << 10)
}

#[test]
fn damaged_bytes_are_refused_or_read() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["t.parquet", "t.arrow", "t.arrows", "t.json", "t.jsonl"] {
        let whole = whole(&folder, name);
        assert_eq!(outcome(&folder, name, &whole), None);
        for case in 0..cases() {
            let mut rng = rng::stream(7, name, case);
            let mut bytes = whole.clone();
            match case % 4 {
                0 => bytes.truncate(rng.random_range(0..whole.len())),
                1 => bytes = (0..rng.random_range(0..200)).map(|_| rng.random()).collect(),
                _ => {
                    for _ in 0..rng.random_range(1..6) {
                        let place = rng.random_range(0..bytes.len());
                        bytes[place] = match rng.random_range(0..4) {
                            0 => 0,
                            1 => 255,
                            2 => bytes[place] ^ (1 << rng.random_range(0..8)),
                            _ => rng.random(),
                        };
                    }
                }
            }
            outcome(&folder, name, &bytes);
            assert!(most_memory() < MOST, "{name}, case {case}: {} bytes", most_memory());
        }
    }
}
