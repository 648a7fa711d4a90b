//! Files with one row a sequence and one column a step.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, Int64Array};
use arrow_cast::cast;
use arrow_schema::DataType;
use arrow_select::concat::concat;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::table::Table;

/// Fewest columns of steps that are taken for such without being named.
const LEAST: usize = 8;
/// What the columns of the long form are called.
const STEP: &str = "step";
const VALUE: &str = "value";

/// How a file with one row a sequence was laid out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wide {
    /// All columns, in the order of the file.
    pub names: Vec<String>,
    /// Those that are steps, in their order.
    pub steps: Vec<String>,
    /// The columns of the long form: the number of the row, of the step, and the value.
    pub long: [String; 3],
}

impl Wide {
    /// The steps of a table: columns of numbers whose names are a word, the same for all, and whole numbers that follow each other. With
    /// `prefix` those whose names begin so.
    pub fn of(table: &Table, prefix: Option<&str>) -> Result<Option<Wide>> {
        let mut groups: Vec<(&str, Vec<(u64, &str)>)> = Vec::new();
        for name in &table.names {
            let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
            let (word, number) = name.split_at(name.len() - digits);
            let Ok(number) = number.parse::<u64>() else { continue };
            match groups.iter_mut().find(|g| g.0 == word) {
                Some(group) => group.1.push((number, name)),
                None => groups.push((word, vec![(number, name)])),
            }
        }
        let follows = |steps: &[(u64, &str)]| steps.windows(2).all(|w| w[1].0 == w[0].0 + 1);
        groups.iter_mut().for_each(|g| g.1.sort_unstable());
        let found = match prefix {
            Some(prefix) => groups.iter().find(|g| g.0 == prefix),
            None => groups.iter().filter(|g| g.1.len() >= LEAST && follows(&g.1)).max_by_key(|g| g.1.len()),
        };
        match (found, prefix) {
            (Some((_, steps)), _) if steps.len() >= 2 => {
                let steps: Vec<String> = steps.iter().map(|(_, name)| (*name).to_owned()).collect();
                if prefix.is_none() && !steps.iter().all(|name| table.column(name).is_ok_and(is_numbers)) {
                    return Ok(None);
                }
                let others = || table.names.iter().filter(|n| !steps.contains(n));
                let free = |name: &str| {
                    let mut name = name.to_owned();
                    while others().any(|n| *n == name) {
                        name.push('_');
                    }
                    name
                };
                let long = ["row", STEP, VALUE].map(free);
                Ok(Some(Wide { names: table.names.clone(), steps, long }))
            }
            (_, Some(prefix)) => {
                let what = format!(
                    "begins the name of {} columns; steps are columns such as `{prefix}0`, `{prefix}1`",
                    found.map_or(0, |g| g.1.len())
                );
                Err(Error::column(prefix, what))
            }
            _ => Ok(None),
        }
    }

    /// The columns that are no steps.
    pub fn others(&self) -> impl Iterator<Item = &String> {
        self.names.iter().filter(|name| !self.steps.contains(name))
    }

    /// One row a step: the number of the row, that of the step, the value, and the other columns beside them.
    ///
    /// # Errors
    /// When the table lacks a column.
    pub fn long(&self, table: &Table) -> Result<Table> {
        let (rows, steps) = (table.rows, self.steps.len());
        let places: Vec<usize> = self.steps.iter().map(|name| table.index(name)).collect::<Result<_>>()?;
        // Whole numbers and others become one type, which holds both.
        let kinds: Vec<&DataType> = places.iter().map(|&j| table.columns[j].data_type()).collect();
        let kind = match kinds.iter().all(|k| *k == kinds[0]) {
            true => kinds[0].clone(),
            false if kinds.contains(&&DataType::Utf8) => DataType::Utf8,
            false => DataType::Float64,
        };
        let parts: Vec<ArrayRef> = places
            .iter()
            .map(|&j| cast(&table.columns[j], &kind).map_err(|e| Error::column(&table.names[j], e.to_string())))
            .collect::<Result<_>>()?;
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        let below = concat(&parts).map_err(|e| Error::column(&self.long[2], e.to_string()))?;
        // The columns lie below each other; rows want them beside each other.
        let across: Vec<usize> = (0..rows).flat_map(|i| (0..steps).map(move |s| s * rows + i)).collect();
        let value = Table {
            missing_tokens: vec![self.missing_of(table, places[0])],
            arrow: vec![table.arrow[places[0]].clone()],
            ..Table::new(vec![self.long[2].clone()], vec![below])?
        };
        let value = value.take(&across)?;
        let row = Int64Array::from_iter_values((0..rows).flat_map(|i| std::iter::repeat_n(i as i64, steps)));
        let step = Int64Array::from_iter_values((0..rows).flat_map(|_| 0..steps as i64));
        let others: Vec<String> = self.others().cloned().collect();
        let repeated: Vec<usize> = (0..rows).flat_map(|i| std::iter::repeat_n(i, steps)).collect();
        let beside = match others.is_empty() {
            true => Table { rows: rows * steps, ..table.select(&[])? },
            false => table.select(&others)?.take(&repeated)?,
        };
        let [row_name, step_name, _] = self.long.clone();
        Ok(Table {
            names: [vec![row_name, step_name], others, value.names].concat(),
            columns: [vec![Arc::new(row) as ArrayRef, Arc::new(step)], beside.columns.clone(), value.columns].concat(),
            missing_tokens: [vec![String::new(); 2], beside.missing_tokens.clone(), value.missing_tokens].concat(),
            arrow: [vec![None; 2], beside.arrow.clone(), value.arrow].concat(),
            rows: rows * steps,
            nest: None,
            ..beside
        })
    }

    fn missing_of(&self, table: &Table, j: usize) -> String {
        table.missing_tokens[j].clone()
    }

    /// One row a sequence, from the long form of whole sequences. A sequence that is shorter has no values at its end; one that is longer
    /// cannot be written so.
    ///
    /// # Errors
    /// When a sequence is longer than the file has columns for.
    pub fn fold(&self, table: &Table, offsets: &[usize]) -> Result<Table> {
        let value = table.column(&self.long[2])?.clone();
        let longest = offsets.windows(2).map(|p| p[1] - p[0]).max().unwrap_or(0);
        if longest > self.steps.len() {
            let what = format!(
                "has {} columns of steps, and a sequence is {longest} long; ask for at most that length, or learn a long file",
                self.steps.len()
            );
            return Err(Error::column(&self.long[2], what));
        }
        let firsts: Vec<usize> = offsets.windows(2).filter(|p| p[1] > p[0]).map(|p| p[0]).collect();
        let first = table.take(&firsts)?;
        let j = table.index(&self.long[2])?;
        let (mut columns, mut missing, mut arrow) = (Vec::new(), Vec::new(), Vec::new());
        for name in &self.names {
            match self.steps.iter().position(|s| s == name) {
                Some(s) => {
                    let at: arrow_array::UInt64Array = offsets
                        .windows(2)
                        .filter(|p| p[1] > p[0])
                        .map(|p| (p[0] + s < p[1]).then_some((p[0] + s) as u64))
                        .collect();
                    columns.push(
                        arrow_select::take::take(&value, &at, None).map_err(|e| Error::column(name, e.to_string()))?,
                    );
                    missing.push(table.missing_tokens[j].clone());
                    arrow.push(table.arrow[j].clone());
                }
                None => {
                    let k = first.index(name)?;
                    columns.push(first.columns[k].clone());
                    missing.push(first.missing_tokens[k].clone());
                    arrow.push(first.arrow[k].clone());
                }
            }
        }
        Ok(Table {
            names: self.names.clone(),
            columns,
            rows: firsts.len(),
            missing_tokens: missing,
            arrow,
            ..Table::default()
        })
    }
}

/// Whether a column is of numbers, or of texts that are.
fn is_numbers(column: &ArrayRef) -> bool {
    match column.data_type() {
        DataType::Utf8 => cast(column, &DataType::Float64).is_ok_and(|cast| {
            let cast = cast.as_any().downcast_ref::<Float64Array>().map_or(0, |a| a.null_count());
            // What is no number has become missing.
            cast <= column.null_count()
        }),
        _ => true,
    }
}
