//! Copies on both sides of a split.

use std::path::Path;

use rustc_hash::FxHashMap;
use verisim_data::Watch;
use verisim_data::rng::mix;
use verisim_data::table::{Column, ColumnKind, DetectSettings, Frame, MISSING, ReadSettings, Schema, Table, io};

use super::images;
use crate::error::{Error, Result};
use crate::image::set::copies;
use crate::pipeline::Pipeline;

/// What is on both sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Leaks {
    /// What is compared, in the plural: `pictures`, `rows`.
    pub unit: &'static str,
    /// How many on either side.
    pub compared: (u64, u64),
    /// How many of the second side are copies of some on the first.
    pub copies: u64,
    /// The pairs: of the first side, of the second.
    pub pairs: Vec<(String, String)>,
    /// What should be known besides.
    pub notes: Vec<String>,
}

/// Most pairs of rows that are named.
const NAMED: usize = 20;

/// Finds what of `b` is a copy of something of `a`: pictures that are the same but for turns, mirrors, light, compression and small crops; rows
/// that are the same in all columns but keys.
///
/// # Errors
/// When the two are not of one kind, or cannot be read.
pub fn leaks(a: &Path, b: &Path, watch: &mut dyn Watch) -> Result<Leaks> {
    let is_table = |path: &Path| if path.is_dir() { io::is_dataset(path) } else { io::is_table(path) };
    match (is_table(a), is_table(b)) {
        (true, true) => of_tables(a, b),
        (false, false) => of_pictures(a, b, watch),
        _ => Err(Error::File { path: b.to_owned(), what: format!("is of another kind than {}", a.display()) }),
    }
}

fn of_pictures(a: &Path, b: &Path, watch: &mut dyn Watch) -> Result<Leaks> {
    for path in [a, b] {
        if !path.exists() || !images::is_one(path)? {
            return Err(Error::File { path: path.to_owned(), what: "is neither a table nor a set of pictures".into() });
        }
    }
    let said = Pipeline::default().pictures;
    let found = copies(&said.open(a, true)?, &said.open(b, true)?, watch)?;
    let mut notes = Vec::new();
    let plain = found.plain.0 + found.plain.1;
    if plain > 0 {
        notes.push(format!("{plain} pictures of one colour say nothing, and are not compared"));
    }
    notes.extend(found.skipped.iter().take(3).map(|s| format!("left out: {}: {}", s.path.display(), s.why)));
    let pairs: Vec<(String, String)> =
        found.pairs.iter().map(|p| (p.a.display().to_string(), p.b.display().to_string())).collect();
    let mut second: Vec<&String> = pairs.iter().map(|(_, b)| b).collect();
    second.sort();
    second.dedup();
    Ok(Leaks { unit: "pictures", compared: found.compared, copies: second.len() as u64, pairs, notes })
}

fn of_tables(a: &Path, b: &Path) -> Result<Leaks> {
    let read = |path: &Path| Table::read(path, &ReadSettings::default());
    let (first, second) = (read(a)?, read(b)?);
    let schema = Schema::detect(&first, &DetectSettings::default())?;
    let other = schema.parse_other(&second)?;
    if !other.lost.is_empty() {
        let what = format!("lacks `{}`; compare tables of the same columns", other.lost.join("`, `"));
        return Err(Error::File { path: b.to_owned(), what });
    }
    // Text is compared as it stands; keys are of one row each.
    let text: Vec<&str> =
        schema.fields.iter().filter(|f| f.kind == ColumnKind::Text).map(|f| f.name.as_str()).collect();
    let hashes_of = |frame: &Frame, table: &Table| -> Result<Vec<u64>> {
        let mut all = hashes(frame);
        for name in &text {
            let cells = table.text(table.index(name)?)?;
            all.iter_mut().zip(cells.iter()).for_each(|(hash, cell)| {
                *hash = mix(*hash ^ one(cell.unwrap_or_default().bytes().map(u64::from)));
            });
        }
        Ok(all)
    };
    let (hashes, others) = (hashes_of(&schema.parse(&first)?, &first)?, hashes_of(&other.frame, &second)?);
    let mut places: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
    hashes.iter().enumerate().for_each(|(i, &hash)| places.entry(hash).or_default().push(i));
    let found: Vec<(usize, usize)> =
        others.iter().enumerate().filter_map(|(j, hash)| Some((*places.get(hash)?.first()?, j))).collect();
    let within = |hashes: &[u64]| {
        let mut counts: FxHashMap<u64, u64> = FxHashMap::default();
        hashes.iter().for_each(|&hash| *counts.entry(hash).or_default() += 1);
        counts.values().filter(|n| **n > 1).sum::<u64>() as f64 / hashes.len().max(1) as f64
    };
    let line = |i: usize| format!("row {}", i + 1);
    let notes = vec![format!(
        "by chance: {:.1} % of the rows of {} are the same as another row there, and {:.1} % of {}",
        100.0 * within(&hashes),
        a.display(),
        100.0 * within(&others),
        b.display()
    )];
    Ok(Leaks {
        unit: "rows",
        compared: (hashes.len() as u64, others.len() as u64),
        copies: found.len() as u64,
        pairs: found.iter().take(NAMED).map(|&(i, j)| (line(i), line(j))).collect(),
        notes,
    })
}

/// A number for each row: rows of the same cells have the same.
fn hashes(frame: &Frame) -> Vec<u64> {
    // Codes of two tables differ; their texts do not.
    let texts: Vec<Vec<u64>> = frame
        .columns
        .iter()
        .map(|column| match column {
            Column::Category { levels, .. } => levels.iter().map(|l| one(l.bytes().map(u64::from))).collect(),
            Column::Number(_) => Vec::new(),
        })
        .collect();
    let cell = |(column, texts): (&Column, &Vec<u64>), i: usize| match column {
        Column::Number(v) if v[i].is_nan() => u64::MAX,
        Column::Number(v) => (v[i] + 0.0).to_bits(),
        Column::Category { codes, .. } if codes[i] == MISSING => u64::MAX,
        Column::Category { codes, .. } => texts.get(codes[i] as usize).copied().unwrap_or(u64::MAX),
    };
    let row = |i: usize| one(frame.columns.iter().zip(&texts).map(|column| cell(column, i)));
    (0..frame.rows).map(row).collect()
}

fn one(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(1, |hash, word| mix(hash ^ word))
}
