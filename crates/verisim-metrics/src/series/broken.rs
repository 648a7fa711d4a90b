//! Is the structure of a file whole? Looked at in the file as it lies, before it is parted into sequences, which would mend it.

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;
use verisim_data::series::Shape;
use verisim_data::table::{Column, Schema, Table};

use crate::{Count, Result};

/// What is broken in a file of sequences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Broken {
    /// Sequences of which something changes that ought to be the same throughout.
    pub not_constant: Count,
    /// Steps at the time of the one before them.
    pub at_one_time: Count,
    /// Steps that lie before the one above them in time.
    pub unsorted: Count,
    /// Steps without a key or a time, which belong nowhere.
    pub nowhere: Count,
}

impl Broken {
    /// Looks through a table of one row a step.
    ///
    /// # Errors
    /// When a column cannot be read.
    pub(crate) fn of(shape: &Shape, keys: &[String], table: &Table) -> Result<Broken> {
        let mut owners = vec![Some(0_usize); table.rows];
        for key in keys {
            let text = table.text(table.index(key)?)?;
            let mut seen: FxHashMap<(usize, &str), usize> = FxHashMap::default();
            for (owner, text) in owners.iter_mut().zip(text.iter()) {
                let both = owner.zip(text);
                *owner = both.map(|pair| {
                    let next = seen.len();
                    *seen.entry(pair).or_insert(next)
                });
            }
        }
        let groups = owners.iter().flatten().max().map_or(0, |most| most + 1);
        let mut changed = vec![false; groups];
        let context = shape.context.fields.iter().filter(|f| !keys.contains(&f.name));
        for field in context {
            let Ok(j) = table.index(&field.name) else { continue };
            let text = table.text(j)?;
            let mut first: Vec<Option<Option<&str>>> = vec![None; groups];
            for (owner, value) in owners.iter().zip(text.iter()).filter_map(|(owner, value)| Some(((*owner)?, value))) {
                changed[owner] |= *first[owner].get_or_insert(value) != value;
            }
        }
        let mut there = vec![false; groups];
        owners.iter().flatten().for_each(|&owner| there[owner] = true);
        let kept = there.iter().zip(&changed).filter(|(there, _)| **there).map(|(_, changed)| *changed);
        let mut broken = Broken { not_constant: Count::of(kept), ..Broken::default() };
        // One long series may come without its times.
        let times = match shape.order.as_ref().filter(|field| table.index(&field.name).is_ok()) {
            Some(field) => {
                let schema = Schema { fields: vec![field.clone()], nest: None, dialect: None };
                match schema.parse_other(table)?.frame.columns.pop() {
                    Some(Column::Number(times)) => Some(times),
                    _ => None,
                }
            }
            None => None,
        };
        let is_lost = |i: usize| owners[i].is_none() || times.as_ref().is_some_and(|t| !t[i].is_finite());
        broken.nowhere = Count::of((0..table.rows).map(is_lost));
        if let Some(times) = &times {
            let mut last = vec![f64::NAN; groups];
            let mut own: Vec<Vec<f64>> = vec![Vec::new(); groups];
            let mut falls = Vec::new();
            for i in (0..table.rows).filter(|&i| !is_lost(i)) {
                let Some(owner) = owners[i] else { continue };
                if !last[owner].is_nan() {
                    falls.push(times[i] < last[owner]);
                }
                last[owner] = times[i];
                own[owner].push(times[i]);
            }
            broken.unsorted = Count::of(falls.into_iter());
            let twice = own.iter_mut().flat_map(|times| {
                times.sort_unstable_by(f64::total_cmp);
                times.windows(2).map(|w| w[0] == w[1]).collect::<Vec<bool>>()
            });
            broken.at_one_time = Count::of(twice);
        }
        Ok(broken)
    }
}
