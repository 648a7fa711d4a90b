//! Values that come once. All rows are looked at first: of rows with one value the first keeps it, the others try again.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::Array;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use super::{Block, Engine};
use crate::error::{Error, Result};
use crate::expression::columns::Values;

/// Tries at a value that came before.
const TRIES: u32 = 200;

impl Engine {
    /// How often rows of a unique column try again, by row key. Costs a pass over the column, and 8 bytes a row while it lasts.
    pub(super) fn again(&self, t: usize, c: usize) -> Result<Arc<FxHashMap<u64, u32>>> {
        let known = || self.again.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(there) = known().get(&(t, c)) {
            return Ok(there.clone());
        }
        let units = self.units(t)?;
        let mut again: FxHashMap<u64, u32> = FxHashMap::default();
        let mut seen: FxHashSet<u64> = FxHashSet::default();
        let counted = self.plan.tables[t].columns[c].maker.follows();
        let mut counts: FxHashMap<u64, u32> = FxHashMap::default();
        // Units with rows that must try again; at first all.
        let mut open: Vec<(u64, Option<FxHashSet<u64>>)> = (0..units).map(|u| (u, None)).collect();
        for attempt in 0..TRIES {
            let tries = Arc::new(again.clone());
            let hashes: Vec<Vec<(u64, u64)>> = open
                .par_iter()
                .map(|(unit, only)| self.hashes(t, c, *unit, only.as_ref(), &tries))
                .collect::<Result<_>>()?;
            let mut left = Vec::new();
            for ((unit, _), hashes) in open.iter().zip(hashes) {
                let mut twice = FxHashSet::default();
                for (key, hash) in hashes {
                    if seen.insert(hash) {
                        continue;
                    }
                    // What only gets a number gets the next one at once: thousands may share a value.
                    let next = counts.entry(hash).or_default();
                    *next = if counted { *next + 1 } else { attempt + 1 };
                    let tried = again.entry(key).or_default();
                    *tried = (*tried + 1).max(*next);
                    twice.insert(key);
                }
                if !twice.is_empty() {
                    left.push((*unit, Some(twice)));
                }
            }
            if left.is_empty() {
                let again = Arc::new(again);
                known().insert((t, c), again.clone());
                return Ok(again);
            }
            open = left;
        }
        let table = &self.plan.tables[t];
        let rows: usize = open.iter().map(|(_, keys)| keys.as_ref().map_or(0, FxHashSet::len)).sum();
        let what = format!(
            "cannot be unique: after {TRIES} tries {rows} rows still have a value that came before; let there be more values"
        );
        Err(Error::Make { at: format!("{}.{}", table.name, table.columns[c].name), what })
    }

    /// Row keys and hashes of the values of a unit's rows, of those that are asked for.
    fn hashes(
        &self,
        t: usize,
        c: usize,
        unit: u64,
        only: Option<&FxHashSet<u64>>,
        tries: &Arc<FxHashMap<u64, u32>>,
    ) -> Result<Vec<(u64, u64)>> {
        let block = self.block(t, unit)?;
        let rows: Vec<u32> = (0..block.len() as u32)
            .filter(|&i| only.is_none_or(|only| only.contains(&block.rows.keys[i as usize])))
            .collect();
        let mut some = Block::bare(self, t, block.rows.take(&rows));
        some.trying = Some((c, tries.clone()));
        let some = std::rc::Rc::new(some);
        let texts = Values::of(some.column(c)?.as_ref()).texts();
        let hash = |text: &str| {
            let mut hasher = FxHasher::default();
            text.hash(&mut hasher);
            verisim_data::rng::mix(hasher.finish())
        };
        let there = (0..rows.len()).filter(|&i| texts.is_valid(if texts.len() == 1 { 0 } else { i }));
        Ok(there.map(|i| (some.rows.keys[i], hash(texts.value(i)))).collect())
    }
}
