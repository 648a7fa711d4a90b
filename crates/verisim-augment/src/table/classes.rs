//! The classes of a table, and rows repeated or left out at random.

use verisim_data::rng::{below, permutation, stream};
use verisim_data::table::{Column, Frame, Schema};

use super::resample::{Resample, Resampled};
use super::rows::place;
use crate::error::{Error, Result};

/// The class of a row without one.
pub(super) const MISSING_CLASS: usize = usize::MAX;

/// The classes of a table.
pub(super) struct Classes {
    /// The place of the target.
    pub column: usize,
    pub names: Vec<String>,
    /// The rows of each.
    pub rows: Vec<Vec<usize>>,
    /// Rows without a class.
    pub unknown: usize,
}

impl Classes {
    pub fn of(settings: &Resample, schema: &Schema, frame: &Frame) -> Result<Classes> {
        let column = place(schema, &settings.target)?;
        let Column::Category { codes, levels } = &frame.columns[column] else {
            let what = "holds numbers, not classes; where its values are classes, say so: \
                        [data.columns] with this column = \"categorical\"";
            return Err(Error::column(&settings.target, what));
        };
        let mut rows = vec![Vec::new(); levels.len()];
        for (i, &code) in codes.iter().enumerate() {
            if let Some(rows) = rows.get_mut(code as usize) {
                rows.push(i);
            }
        }
        let unknown = frame.rows - rows.iter().map(Vec::len).sum::<usize>();
        if rows.iter().filter(|rows: &&Vec<usize>| !rows.is_empty()).count() < 2 {
            return Err(Error::column(&settings.target, "has fewer than two classes; there is nothing to balance"));
        }
        Ok(Classes { column, names: levels.to_vec(), rows, unknown })
    }

    pub fn listed(&self) -> String {
        let there = self.names.iter().zip(&self.rows).filter(|(_, rows)| !rows.is_empty());
        there.take(20).map(|(name, rows)| format!("{name} ({} rows)", rows.len())).collect::<Vec<_>>().join(", ")
    }

    /// The class with the fewest rows; the first of several.
    pub fn smallest(&self) -> usize {
        let there = (0..self.rows.len()).filter(|&c| !self.rows[c].is_empty());
        there.min_by_key(|&c| self.rows[c].len()).unwrap_or(0)
    }

    pub fn repeat(&self, growth: &[usize], seed: u64, out: &mut Resampled) {
        for (class, (rows, &more)) in self.rows.iter().zip(growth).enumerate() {
            let mut rng = stream(seed, "augment resample over", class as u64);
            out.kept.extend((0..more).map(|_| rows[below(&mut rng, rows.len() as u64) as usize]));
        }
    }

    pub fn thin(&self, sizes: &[usize], seed: u64, out: &mut Resampled) {
        let mut stays = vec![true; out.kept.len()];
        for (class, (rows, &size)) in self.rows.iter().zip(sizes).enumerate() {
            let mut rng = stream(seed, "augment resample under", class as u64);
            let order = permutation(&mut rng, rows.len());
            order[size..].iter().for_each(|&k| stays[rows[k]] = false);
        }
        out.kept.retain(|&i| stays[i]);
    }
}
