//! Levels that few rows have are merged before anything is learnt, so that an artefact holds nothing of them.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, StringArray};
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::number::grouped;
use crate::table::Table;
use crate::table::schema::{ColumnKind, Field, Reason, Schema};

/// What stands for levels that were merged.
pub const OTHER: &str = "(other)";

/// Which levels are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Protect {
    /// Those that fewer rows have.
    pub min_rows: usize,
}

impl Protect {
    /// Merges the levels of the categories of `table`, and the words among its numbers, that fewer than `min_rows` rows have: texts into
    /// [`OTHER`], or into missing where even together they are too few; codes and words into missing, since no code may be invented.
    /// Returns the table, and what was done as a sentence a column; `schema` forgets what was merged.
    ///
    /// # Errors
    /// When a column cannot be read as text.
    pub fn apply(self, mut table: Table, schema: &mut Schema) -> Result<(Table, Vec<String>)> {
        let mut told = Vec::new();
        for field in &mut schema.fields {
            let merges = field.is_category() || !field.numeral.words.is_empty();
            if !merges || field.kind == ColumnKind::Boolean {
                continue;
            }
            let j = table.index(&field.name)?;
            let text = table.text(j)?;
            let Some(merged) = self.merge(field, &text) else { continue };
            if let Some(nest) = &mut schema.nest {
                nest.forget(&field.name);
            }
            told.push(merged.told(&field.name, self.min_rows));
            table.columns[j] = Arc::new(merged.column);
            if let Reason::Texts { distinct, .. } = &mut field.reason {
                *distinct = distinct.saturating_sub(merged.levels).saturating_add(usize::from(merged.other));
            }
        }
        Ok((table, told))
    }

    fn merge(self, field: &mut Field, text: &StringArray) -> Option<Merged> {
        let words = field.numeral.words.clone();
        let is_level = |cell: &str| field.is_category() || words.iter().any(|w| w == cell.trim());
        let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
        for cell in text.iter().flatten().filter(|c| is_level(c)) {
            *counts.entry(cell).or_default() += 1;
        }
        let rare = |cell: &str| counts.get(cell).is_some_and(|&n| n < self.min_rows);
        let rows: usize = counts.values().filter(|&&n| n < self.min_rows).sum();
        let levels = counts.values().filter(|&&n| n < self.min_rows).count();
        if levels == 0 {
            return None;
        }
        let as_text = field.kind == ColumnKind::Categorical { numeric: false };
        let other = as_text && rows >= self.min_rows;
        let mut column = StringBuilder::with_capacity(text.len(), text.value_data().len());
        for cell in text.iter() {
            match cell {
                Some(cell) if !rare(cell) => column.append_value(cell),
                Some(_) if other => column.append_value(OTHER),
                _ => column.append_null(),
            }
        }
        let kept = |w: &String| !rare(w.as_str());
        field.numeral.words.retain(kept);
        Some(Merged { column: column.finish(), levels, rows, other })
    }
}

/// A column whose rare levels were merged.
struct Merged {
    column: StringArray,
    /// How many levels were.
    levels: usize,
    /// How many rows had them.
    rows: usize,
    /// Whether they are a level now, or missing.
    other: bool,
}

impl Merged {
    fn told(&self, name: &str, min_rows: usize) -> String {
        let into = if self.other { format!("merged into `{OTHER}`") } else { "taken for missing".to_owned() };
        let (levels, rows) = (grouped(self.levels as u64), grouped(self.rows as u64));
        format!("{levels} values of `{name}` that fewer than {min_rows} rows have ({rows} rows in all) are {into}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::table::DetectSettings;

    #[test]
    fn rare_levels_are_gone_and_said_so() {
        let cells: Vec<String> = (0..200)
            .map(|i| match i {
                7 | 80 | 90 => "rare bird".to_owned(),
                8..=10 => format!("seen {i}"),
                _ => ["owl", "crow"][i % 2].to_owned(),
            })
            .collect();
        let codes: Vec<String> = (0..200).map(|i| if i == 3 { "77".to_owned() } else { (i % 4).to_string() }).collect();
        let mixed: Vec<String> =
            (0..200).map(|i| if i == 5 { "refused".to_owned() } else { format!("{}.5", i * 7 % 150) }).collect();
        let text = |v: &'static [String]| v.iter().map(|c| Some(c.as_str())).collect::<Vec<_>>();
        let leak = |v: Vec<String>| -> &'static [String] { Box::leak(v.into_boxed_slice()) };
        let table =
            Table::from_text(&[("bird", &text(leak(cells))), ("code", &text(leak(codes))), ("x", &text(leak(mixed)))])
                .unwrap();
        let mut schema = Schema::detect(&table, &DetectSettings::default()).unwrap();
        assert_eq!(schema.fields[2].numeral.words, ["refused"]);
        let (table, told) = Protect { min_rows: 5 }.apply(table, &mut schema).unwrap();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("4 values of `bird`") && told[0].contains("6 rows in all") && told[0].contains(OTHER));
        let all: String = (0..3)
            .flat_map(|j| table.text(j).unwrap().iter().flatten().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let stored = serde_json::to_string(&schema).unwrap();
        for gone in ["rare bird", "seen 8", "refused"] {
            assert!(!all.contains(gone) && !stored.contains(gone), "{gone}");
        }
        assert_eq!(table.text(1).unwrap().iter().filter(|c| *c == Some("77")).count(), 0);
        let frame = schema.parse(&table).unwrap();
        assert_eq!((frame.columns[1].missing(), frame.columns[2].missing()), (1, 1));
        // Nothing rare, nothing done.
        assert!(Protect { min_rows: 1 }.apply(table, &mut schema).unwrap().1.is_empty());
    }
}
