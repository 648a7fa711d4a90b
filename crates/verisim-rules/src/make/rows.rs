//! Which rows: their keys, their numbers, and whose children they are.

use std::rc::Rc;

use arrow_array::ArrayRef;
use verisim_data::rng::mix;

use super::Block;
use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::plan::Table;
use crate::process;

/// Rows of a table, before any of their values is made.
pub struct Rows<'e> {
    /// What is mixed into the cells of each row. Of a table without a parent its number, of a child what its parent's key and its place
    /// among its siblings make: other parents may get more or fewer children without changing it.
    pub keys: Vec<u64>,
    /// Numbers in the table, where they are known.
    pub numbers: Option<Vec<u64>>,
    /// Places among the rows of one parent.
    pub within: Vec<u32>,
    /// The parents, and which of them each row has.
    pub parent: Option<(Rc<Block<'e>>, Vec<u32>)>,
    /// Tries before the one that is taken; none if all are first tries.
    pub attempts: Vec<u32>,
    /// What the process that made the rows says of them.
    pub process: Option<Rc<Vec<ArrayRef>>>,
    /// Which rows of the process these are, if not all.
    pub chosen: Option<Vec<u32>>,
}

impl<'e> Rows<'e> {
    /// Rows of a table without a parent.
    pub fn numbered(from: u64, to: u64) -> Rows<'e> {
        Rows::of_numbers((from..to).collect())
    }

    /// Rows of a table without a parent, by their numbers.
    pub fn of_numbers(numbers: Vec<u64>) -> Rows<'e> {
        Rows {
            keys: numbers.clone(),
            within: Vec::new(),
            parent: None,
            attempts: Vec::new(),
            process: None,
            chosen: None,
            numbers: Some(numbers),
        }
    }

    /// As many rows of each parent as `counts` says; `first` is the number of the first.
    pub fn of_children(parents: &Rc<Block<'e>>, counts: &[u32], first: Option<u64>) -> Rows<'e> {
        let total = counts.iter().map(|&c| c as usize).sum();
        let (mut keys, mut within, mut at) =
            (Vec::with_capacity(total), Vec::with_capacity(total), Vec::with_capacity(total));
        for (i, &count) in counts.iter().enumerate() {
            let parent = mix(parents.rows.keys[i]);
            keys.extend((1..=u64::from(count)).map(|k| mix(parent ^ k)));
            within.extend(0..count);
            at.extend(std::iter::repeat_n(i as u32, count as usize));
        }
        Rows {
            numbers: first.map(|first| (first..first + total as u64).collect()),
            keys,
            within,
            parent: Some((parents.clone(), at)),
            attempts: Vec::new(),
            process: None,
            chosen: None,
        }
    }

    /// The rows that a process makes, one run for each row of `parents`.
    ///
    /// # Errors
    /// When a run fails.
    pub fn of_process(parents: &Rc<Block<'e>>, table: &Table, first: Option<u64>) -> Result<Rows<'e>> {
        let Some((process, sources)) = &table.process else { return Ok(Rows::of_numbers(Vec::new())) };
        let wrong = |e: Error| Error::Make { at: format!("{}.process", table.name), what: e.to_string() };
        let inputs = parents.inputs(sources)?;
        let mut made = process::Rows::new(process.columns());
        let mut counts = Vec::with_capacity(parents.len());
        for i in 0..parents.len() {
            let before = made.len();
            let cell = Cell::new(table.key, parents.rows.keys[i]).part(3);
            process.run(&cell, &inputs.row(i), &mut made).map_err(wrong)?;
            counts.push((made.len() - before) as u32);
        }
        let mut rows = Rows::of_children(parents, &counts, first);
        rows.process = Some(Rc::new(made.finish()));
        Ok(rows)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Tries before the one that is taken.
    pub fn attempt(&self, i: usize) -> u32 {
        self.attempts.get(i).copied().unwrap_or(0)
    }

    /// Some of the rows.
    pub fn take(&self, rows: &[u32]) -> Rows<'e> {
        fn some<T: Copy>(all: &[T], rows: &[u32]) -> Vec<T> {
            if all.is_empty() { Vec::new() } else { rows.iter().map(|&i| all[i as usize]).collect() }
        }
        Rows {
            keys: some(&self.keys, rows),
            numbers: self.numbers.as_ref().map(|n| some(n, rows)),
            within: some(&self.within, rows),
            parent: self.parent.as_ref().map(|(block, at)| (block.clone(), some(at, rows))),
            attempts: some(&self.attempts, rows),
            process: self.process.clone(),
            chosen: self
                .process
                .as_ref()
                .map(|_| self.chosen.as_ref().map_or_else(|| rows.to_vec(), |c| some(c, rows))),
        }
    }
}
