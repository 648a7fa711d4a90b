//! Which tokens may come next: cells have the values that they had, turns follow each other as they did, and a text ends only when it is
//! told that it may.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::EncodedTexts;
use super::super::pack::Document;
use super::super::vocabulary::{CELL, END, Vocabulary};
use crate::error::{Error, Result};
use crate::weights::Weights;

/// Most values of a column whose cells are drawn among those.
const MOST: usize = 1000;
/// How often a value occurs on average in a column whose cells are drawn among those.
const OFTEN: usize = 5;

/// What was seen of cells and turns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// Of each column with few values those, as tokens.
    columns: Vec<Option<Vec<Vec<u32>>>>,
    /// Of each column the share of cells that are missing.
    missing: Vec<f64>,
    /// Which role may follow which: of `roles + 1` places each, the last of which is the begin, or the end.
    follows: Vec<Vec<bool>>,
    /// Whether there are texts, or turns, in which nothing is said.
    empty: bool,
}

impl Levels {
    /// What is seen in the documents at `index`.
    pub fn of(encoded: &EncodedTexts, index: &[usize]) -> Levels {
        let vocabulary = &encoded.vocabulary;
        let documents = || index.iter().map(|&i| &encoded.documents[i]);
        let columns = (0..vocabulary.columns).map(|j| few(documents().filter_map(|d| d.cells[j].as_deref()))).collect();
        let share = |j: usize| documents().filter(|d| d.cells[j].is_none()).count() as f64 / index.len().max(1) as f64;
        let missing = (0..vocabulary.columns).map(share).collect();
        let roles = vocabulary.roles;
        let mut follows = vec![vec![false; roles + 1]; roles + 1];
        let mut empty = false;
        for document in documents() {
            let (mut before, mut said) = (roles, false);
            for token in &document.body {
                match vocabulary.as_role(*token) {
                    Some(role) => {
                        empty |= before != roles && !said;
                        follows[before][role] = true;
                        (before, said) = (role, false);
                    }
                    None => said = true,
                }
            }
            empty |= !said && (roles == 0 || before != roles);
            follows[before][roles] = true;
        }
        Levels { columns, missing, follows, empty }
    }

    /// Adds what [`restore`](Levels::restore) needs.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn store(&self, weights: &mut Weights) -> Result<()> {
        let fail = |e: serde_json::Error| Error::Unwritable { what: "values of columns", problem: e.to_string() };
        let bytes = serde_json::to_vec(self).map_err(fail)?;
        weights.put_u8("levels", &[bytes.len()], bytes);
        Ok(())
    }

    /// Takes up what [`store`](Levels::store) wrote.
    ///
    /// # Errors
    /// When it is not there, or damaged.
    pub fn restore(vocabulary: &Vocabulary, weights: &mut Weights) -> Result<Levels> {
        let (_, bytes) = weights.take_u8("levels")?;
        let bad = |problem: String| Error::Tensor { name: "levels".into(), problem };
        let levels: Levels = serde_json::from_slice(&bytes).map_err(|e| bad(format!("is damaged: {e}")))?;
        let places = vocabulary.roles + 1;
        let known = |token: &u32| (*token as usize) < vocabulary.len();
        let fits = levels.columns.len() == vocabulary.columns
            && levels.missing.len() == vocabulary.columns
            && levels.columns.iter().flatten().flatten().flatten().all(known)
            && levels.follows.len() == places
            && levels.follows.iter().all(|row| row.len() == places);
        match fits {
            true => Ok(levels),
            false => Err(bad("is of another vocabulary".into())),
        }
    }

    /// The share of cells of a column that are missing.
    pub fn missing(&self, column: usize) -> f64 {
        self.missing.get(column).copied().unwrap_or(0.0)
    }

    /// The values of a column that has few.
    pub fn values(&self, column: usize) -> Option<&[Vec<u32>]> {
        self.columns.get(column)?.as_deref()
    }

    /// What may follow `so_far` in the cell of a column.
    pub fn cell(&self, column: usize, so_far: &[u32], out: &mut Vec<u32>) -> bool {
        out.clear();
        let Some(values) = self.columns.get(column).and_then(Option::as_ref) else {
            // Any text that is not nothing.
            out.extend((!so_far.is_empty()).then_some(CELL));
            return false;
        };
        for value in values.iter().filter(|value| value.starts_with(so_far)) {
            let next = value.get(so_far.len()).copied().unwrap_or(CELL);
            if !out.contains(&next) {
                out.push(next);
            }
        }
        true
    }

    /// What besides text may follow in a body: its end, or whose turn is next. `role` is whose turn it is, `is_said` whether anything was.
    pub fn body(&self, vocabulary: &Vocabulary, role: Option<usize>, is_said: bool, out: &mut Vec<u32>) {
        out.clear();
        let roles = vocabulary.roles;
        if roles == 0 {
            out.extend((is_said || self.empty).then_some(END));
            return;
        }
        if role.is_some() && !is_said && !self.empty {
            return;
        }
        let follows = &self.follows[role.unwrap_or(roles)];
        out.extend((0..roles).filter(|&r| follows[r]).map(|r| vocabulary.role(r)));
        out.extend(follows[roles].then_some(END));
    }
}

/// The values of a column that has few.
fn few<'a>(cells: impl Iterator<Item = &'a [u32]>) -> Option<Vec<Vec<u32>>> {
    let (mut values, mut count) = (BTreeMap::new(), 0);
    for cell in cells {
        values.entry(cell.to_vec()).or_insert(());
        count += 1;
        if values.len() > MOST {
            return None;
        }
    }
    let often = values.len() * OFTEN <= count || values.len() <= 2;
    often.then(|| values.into_keys().collect())
}

/// Whose turn it is at the end of a body, and whether anything was said in it.
pub fn turn_of(body: &[u32], vocabulary: &Vocabulary) -> (Option<usize>, bool) {
    let last = body.iter().enumerate().rev().find_map(|(i, &t)| vocabulary.as_role(t).map(|role| (i, role)));
    match last {
        Some((i, role)) => (Some(role), i + 1 < body.len()),
        None => (None, !body.is_empty()),
    }
}

/// The turns of a body: role and what is said.
pub fn turns(document: &Document, vocabulary: &Vocabulary) -> Vec<(Option<usize>, Vec<u32>)> {
    let mut turns = Vec::new();
    for &token in &document.body {
        match (vocabulary.as_role(token), turns.last_mut()) {
            (Some(role), _) => turns.push((Some(role), Vec::new())),
            (None, Some((_, said))) => said.push(token),
            (None, None) => turns.push((None, vec![token])),
        }
    }
    if turns.is_empty() && vocabulary.roles == 0 {
        turns.push((None, Vec::new()));
    }
    turns
}
