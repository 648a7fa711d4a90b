//! Which row of another table a row refers to.

use std::rc::Rc;
use std::sync::Arc;

use rand_distr::Distribution as _;
use verisim_data::rng::mix;

use super::pattern::shuffled;
use super::{Block, Engine};
use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::expression::columns::Values;
use crate::plan::{Maker, Source};

impl<'e> Block<'e> {
    /// The numbers of the rows that a column refers to; none where it refers to nothing.
    pub(super) fn picked(self: &Rc<Self>, c: usize) -> Result<Rc<Vec<Option<u64>>>> {
        if let Some((block, rows)) = &self.of {
            let all = block.picked(c)?;
            return Ok(Rc::new(rows.iter().map(|&i| all[i as usize]).collect()));
        }
        if let Some(picks) = self.picks.borrow().get(&c) {
            return Ok(picks.clone());
        }
        let column = &self.engine.plan.tables[self.table].columns[c];
        let wrong = |what: String| {
            let table = &self.engine.plan.tables[self.table].name;
            Error::Make { at: format!("{table}.{}", column.name), what }
        };
        let again = match &self.trying {
            Some((trying, again)) if *trying == c => Some(again.clone()),
            _ if column.after.unique => Some(self.engine.again(self.table, c)?),
            _ => None,
        };
        let tried = |i: usize| {
            let more = again.as_ref().and_then(|a| a.get(&self.rows.keys[i])).copied().unwrap_or(0);
            self.rows.attempt(i).wrapping_add(more << 16)
        };
        let cell = |i: usize| Cell::new(column.key.again(tried(i)), self.rows.keys[i]);
        let n = self.rows.len();
        let mut picks: Vec<Option<u64>> = match &column.maker {
            Maker::Ref { table, weight: Some(weight), .. } => {
                let sums = self.engine.sums(*table, *weight)?;
                let total = sums.last().copied().unwrap_or(0.0);
                let pick =
                    |i: usize| (total > 0.0).then(|| sums.partition_point(|&s| s <= cell(i).uniform() * total) as u64);
                (0..n).map(pick).collect()
            }
            Maker::Ref { table, distinct: true, .. } => {
                let count = self.engine.count(*table)?;
                let Some((parents, at)) = &self.rows.parent else { return Err(wrong("has no parent".to_owned())) };
                let pick = |i: usize| {
                    let k = u64::from(self.rows.within[i]);
                    if k >= count {
                        let name = &self.engine.plan.tables[*table].name;
                        return Err(wrong(format!(
                            "a parent has more than {count} rows here, and `{name}` has only {count} to refer to"
                        )));
                    }
                    let parent = parents.rows.keys[at[i] as usize];
                    Ok(Some(shuffled(mix(column.key.word() ^ mix(parent)), count, k)))
                };
                (0..n).map(pick).collect::<Result<_>>()?
            }
            Maker::Ref { table, zipf, .. } => {
                let count = self.engine.count(*table)?;
                match zipf {
                    _ if count == 0 => vec![None; n],
                    Some(exponent) => {
                        let ranks = rand_distr::Zipf::new(count as f64, *exponent);
                        let ranks = ranks.map_err(|_| wrong("`zipf` must not be below 0".to_owned()))?;
                        (0..n).map(|i| Some((ranks.sample(&mut cell(i)) as u64 - 1).min(count - 1))).collect()
                    }
                    None => (0..n).map(|i| Some(cell(i).below(count))).collect(),
                }
            }
            Maker::Tree(_, roots, children) => {
                let above = |i: usize, number: u64| {
                    // Rows lie below earlier ones, about `children` below each, and half as many more or fewer.
                    let below = (number.checked_sub(*roots)?) as f64 / *children as f64;
                    Some(((below * (0.5 + cell(i).uniform())) as u64).min(number - 1))
                };
                self.numbers()?.iter().enumerate().map(|(i, &number)| above(i, number)).collect()
            }
            _ => return Err(wrong("refers to no table".to_owned())),
        };
        if let Some(missing) = &column.after.missing {
            let missing = self.missing(missing, column)?;
            picks.iter_mut().zip(missing).filter(|(_, m)| *m).for_each(|(pick, _)| *pick = None);
        }
        let picks = Rc::new(picks);
        self.picks.borrow_mut().insert(c, picks.clone());
        Ok(picks)
    }
}

impl Engine {
    /// The weights of a table's rows, added up.
    fn sums(&self, t: usize, weight: usize) -> Result<Arc<Vec<f64>>> {
        let kept = || self.sums.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(sums) = kept().get(&(t, weight)) {
            return Ok(sums.clone());
        }
        let weights = Values::of(self.whole(t, &Source::Own(weight))?.as_ref()).numbers();
        let mut sum = 0.0;
        let add = |w: f64| {
            sum += if w > 0.0 && w.is_finite() { w } else { 0.0 };
            sum
        };
        let sums: Arc<Vec<f64>> = Arc::new(weights.into_iter().map(add).collect());
        kept().insert((t, weight), sums.clone());
        Ok(sums)
    }
}
