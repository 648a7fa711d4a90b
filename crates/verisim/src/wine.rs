//! The table that comes along: red wines and how experts liked them (Cortez et al., 2009).

use std::collections::HashSet;
use std::path::Path;

use verisim_data::file::write_atomically;
use verisim_data::rng::{permutation, stream};

use crate::error::Result;

/// The wines as the program carries them; source and licence stand beside the file.
const WINES: &str = include_str!("../data/winequality-red.csv");

/// Writes the wines, every fifth of a random order to the hold-out; returns how many went to the first file.
///
/// The data repeat 240 wines word for word. They are left out: a wine in both files would make real rows look like copies.
///
/// # Errors
/// When the files cannot be written.
pub fn wine(real: &Path, holdout: &Path) -> Result<usize> {
    let (header, rows) = WINES.split_once('\n').unwrap_or_default();
    let header = format!("{header}\n");
    let mut seen = HashSet::new();
    let lines: Vec<&str> = rows.split_inclusive('\n').filter(|line| seen.insert(*line)).collect();
    let (mut kept, mut back) = (header.clone(), header);
    for (k, &i) in permutation(&mut stream(42, "demo", 0), lines.len()).iter().enumerate() {
        let file = if k % 5 == 0 { &mut back } else { &mut kept };
        file.push_str(lines[i]);
    }
    write_atomically(real, kept.as_bytes())?;
    write_atomically(holdout, back.as_bytes())?;
    Ok(lines.len() - lines.len().div_ceil(5))
}
