//! Covering arrays: few rows in which every pair (or triple, ...) of values of any two (three, ...) parameters occurs.
//!
//! Rows are made one at a time, as AETG does (Cohen, Dalal, Fredman and Patton, IEEE TSE 23(7), 1997): some candidates a row, each
//! begun with a combination that is still wanted and filled greedily in a random order, of which the one that covers most is kept.
//! What a model can say is what PICT's can (Czerwonka, PNSQC 2006): weights, negative values, aliases, groups with an order of
//! their own, seeding rows, rules. A combination that no row can have under the rules is found by search and told, not missed.

mod greedy;

use rustc_hash::FxHashMap;

use self::greedy::{Phase, tell};
use super::rule::Rule;
use super::solve::{OPEN, Solver};
use crate::cell::ColumnKey;
use crate::error::{Error, Result};

/// A value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Its names, which take turns in the output; rules know the first.
    pub names: Vec<String>,
    /// How much it is liked where nothing else decides; at least 1.
    pub weight: u32,
    /// A row has at most one negative value. Combinations of good values are covered in rows without one.
    pub negative: bool,
    /// Wanted in one row, not in combination with every other value.
    pub once: bool,
}

impl Choice {
    /// A value with one name and weight 1.
    pub fn new(name: impl Into<String>) -> Choice {
        Choice { names: vec![name.into()], weight: 1, negative: false, once: false }
    }
}

/// What varies from row to row.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its values.
    pub choices: Vec<Choice>,
}

/// Parameters that are combined in an order of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Their places.
    pub parameters: Vec<usize>,
    /// How many at a time; nothing for the model's.
    pub order: Option<usize>,
}

/// Parameters, how they are to be combined, and what no row may be.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// What varies.
    pub parameters: Vec<Parameter>,
    /// Sub-models. Combinations within one are of its order and not of the model's, whichever is higher.
    pub groups: Vec<Group>,
    /// What each row obeys.
    pub rules: Vec<Rule>,
    /// Rows to begin with, as far as they are given; the rest is filled in.
    pub seeds: Vec<Vec<Option<usize>>>,
}

/// How rows are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Combinations of how many parameters: 2 for pairs.
    pub strength: usize,
    /// Rows follow from it.
    pub seed: u64,
    /// Candidates a row, at least 1: more make fewer rows and take longer. Large models get by with fewer than asked for.
    pub candidates: usize,
    /// How often a small model is covered, at least 1; the fewest rows are kept. Large models are covered once.
    pub tries: usize,
}

impl Default for Effort {
    fn default() -> Effort {
        Effort { strength: 2, seed: 0, candidates: 40, tries: 24 }
    }
}

/// What a covering array covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Coverage {
    /// Combinations that some row can have.
    pub required: usize,
    /// Those that a row has. Equal to `required`.
    pub covered: usize,
    /// Combinations that the rules exclude.
    pub excluded: usize,
    /// The first of those, by name.
    pub examples: Vec<String>,
    /// What was not as asked: seeding rows that break a rule.
    pub notes: Vec<String>,
}

/// Rows as places of values, and what they cover.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cover {
    /// A value for each parameter.
    pub rows: Vec<Vec<usize>>,
    /// What they cover.
    pub coverage: Coverage,
}

impl Cover {
    /// The names of the rows' values; aliases take turns, negative ones have a `~` before them.
    pub fn named(&self, model: &Model) -> Vec<Vec<String>> {
        let mut turns: FxHashMap<(usize, usize), usize> = FxHashMap::default();
        let name = |(p, &v): (usize, &usize), turns: &mut FxHashMap<(usize, usize), usize>| {
            let choice = &model.parameters[p].choices[v];
            let turn = turns.entry((p, v)).or_default();
            *turn += 1;
            let name = choice.names.get((*turn - 1) % choice.names.len().max(1)).cloned().unwrap_or_default();
            if choice.negative { format!("~{name}") } else { name }
        };
        self.rows.iter().map(|row| row.iter().enumerate().map(|at| name(at, &mut turns)).collect()).collect()
    }
}

/// Rows that cover all combinations of the strength asked for.
///
/// # Errors
/// When the model is empty, asks for too much, no row obeys its rules, or these are too tangled.
pub fn cover(model: &Model, effort: &Effort) -> Result<Cover> {
    check(model, effort)?;
    let sizes: Vec<usize> = model.parameters.iter().map(|p| p.choices.len()).collect();
    let mut solver = Solver::new(&sizes, &model.rules)?;
    for (p, parameter) in model.parameters.iter().enumerate() {
        solver.restrict(p, parameter.choices.iter().map(|c| !c.negative).collect());
    }
    let sets = sets(model, effort.strength);
    let once: Vec<Vec<usize>> = (0..sizes.len())
        .filter(|&p| model.parameters[p].choices.iter().any(|c| c.once && !c.negative))
        .map(|p| vec![p])
        .collect();
    let mut made = Cover::default();
    let mut phase = Phase::new(model, &solver, &sets, &once, &mut made.coverage)?;
    let key = ColumnKey::new(effort.seed, "cover", "rows");
    for (n, seed) in model.seeds.iter().enumerate() {
        // Rows with a negative value come with the others of that value.
        if seed.iter().enumerate().any(|(p, v)| v.is_some_and(|v| model.parameters[p].choices[v].negative)) {
            continue;
        }
        match phase.seeded(seed)? {
            Some(row) => made.rows.push(phase.take(row)),
            None => made.coverage.notes.push(format!("seeding row {} breaks a rule and is left out", n + 1)),
        }
    }
    phase.fill(effort, key, &mut made)?;
    for (p, &size) in sizes.iter().enumerate() {
        for v in (0..size).filter(|&v| model.parameters[p].choices[v].negative) {
            let mut only = vec![false; size];
            only[v] = true;
            let good = solver.domain(p).to_vec();
            solver.restrict(p, only);
            let rest: Vec<Vec<usize>> = sets
                .iter()
                .filter(|s| s.contains(&p))
                .map(|s| s.iter().copied().filter(|&q| q != p).collect())
                .collect();
            negative(model, &solver, &rest, (p, v), effort, &mut made)?;
            solver.restrict(p, good);
        }
    }
    Ok(made)
}

/// Rows with one negative value, whose other values are combined in one order less.
fn negative(
    model: &Model,
    solver: &Solver<'_>,
    sets: &[Vec<usize>],
    (p, v): (usize, usize),
    effort: &Effort,
    made: &mut Cover,
) -> Result<()> {
    let key = ColumnKey::new(effort.seed, "cover", &format!("negative {p} {v}"));
    let before = made.rows.len();
    let Some(any) = solver.any()? else {
        let (parameter, choice) = (&model.parameters[p], &model.parameters[p].choices[v]);
        made.coverage.excluded += 1;
        tell(&mut made.coverage, format!("{} = ~{}", parameter.name, choice.names.join("|")));
        return Ok(());
    };
    let others: Vec<Vec<usize>> = sets.iter().filter(|s| !s.is_empty()).cloned().collect();
    let mut phase = Phase::new(model, solver, &others, &[], &mut made.coverage)?;
    // A row with two of them is told once, with the first.
    let first =
        |s: &[Option<usize>]| (0..s.len()).find(|&q| s[q].is_some_and(|v| model.parameters[q].choices[v].negative));
    for (n, seed) in model.seeds.iter().enumerate().filter(|(_, s)| s[p] == Some(v) && first(s) == Some(p)) {
        match phase.seeded(seed)? {
            Some(row) => made.rows.push(phase.take(row)),
            None => made
                .coverage
                .notes
                .push(format!("seeding row {} breaks a rule or has two negative values and is left out", n + 1)),
        }
    }
    phase.fill(effort, key, made)?;
    if others.is_empty() {
        made.coverage.required += 1;
        made.coverage.covered += 1;
    }
    if made.rows.len() == before {
        made.rows.push(any.into_iter().map(usize::from).collect());
    }
    Ok(())
}

/// Rows that have each value of the sets' parameters, in the combinations of the sets, that a row can have; nothing if no row
/// obeys the rules. Values wanted once and negative ones do not count.
pub(super) fn cover_sets(model: &Model, sets: &[Vec<usize>], effort: &Effort) -> Result<Option<Cover>> {
    let sizes: Vec<usize> = model.parameters.iter().map(|p| p.choices.len()).collect();
    let solver = Solver::new(&sizes, &model.rules)?;
    if solver.any()?.is_none() {
        return Ok(None);
    }
    let mut made = Cover::default();
    let phase = Phase::new(model, &solver, sets, &[], &mut made.coverage)?;
    phase.fill(effort, ColumnKey::new(effort.seed, "cover", "sets"), &mut made)?;
    if made.rows.is_empty() {
        made.rows.extend(solver.any()?.map(|row| row.into_iter().map(usize::from).collect::<Vec<usize>>()));
    }
    Ok(Some(made))
}

fn check(model: &Model, effort: &Effort) -> Result<()> {
    let wrong = |key: &str, what: String| Err(Error::Setting { key: key.to_owned(), what });
    let n = model.parameters.len();
    if n == 0 {
        return wrong("parameters", "are none; give at least one with its values".to_owned());
    }
    if effort.strength == 0 || effort.strength > n {
        return wrong("strength", format!("is {}, and must be 1 to {n}, the number of fields", effort.strength));
    }
    for (key, count) in [("candidates", effort.candidates), ("tries", effort.tries)] {
        if count == 0 {
            return wrong(key, "must be at least 1".to_owned());
        }
    }
    for parameter in &model.parameters {
        if parameter.choices.is_empty() || parameter.choices.len() >= usize::from(OPEN) {
            return wrong(&parameter.name, format!("must have 1 to {} values", OPEN - 1));
        }
        if parameter.choices.iter().all(|c| c.negative) {
            return wrong(&parameter.name, "has negative values alone; give it a good one".to_owned());
        }
        if parameter.choices.iter().any(|c| c.weight == 0 || c.names.is_empty()) {
            return wrong(&parameter.name, "has a value without a name or with weight 0".to_owned());
        }
    }
    for group in &model.groups {
        if group.order.is_some_and(|o| o == 0 || o > group.parameters.len()) {
            return wrong("groups", format!("have one of an order that is not 1 to {}", group.parameters.len()));
        }
    }
    if model.seeds.iter().any(|s| s.len() != n) {
        return wrong("seeds", format!("have a row that does not have {n} values"));
    }
    Ok(())
}

/// The sets of parameters whose values are combined.
fn sets(model: &Model, strength: usize) -> Vec<Vec<usize>> {
    let all: Vec<usize> = (0..model.parameters.len()).collect();
    let inside = |set: &[usize], group: &Group| set.iter().all(|p| group.parameters.contains(p));
    let mut sets = subsets(&all, strength);
    sets.retain(|set| !model.groups.iter().any(|g| inside(set, g)));
    for group in &model.groups {
        let mut members = group.parameters.clone();
        members.sort_unstable();
        members.dedup();
        sets.extend(subsets(&members, group.order.unwrap_or(strength).min(members.len())));
    }
    sets.sort();
    sets.dedup();
    sets
}

/// All ways to take `count` of `of`, in order.
pub fn subsets(of: &[usize], count: usize) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    let mut at: Vec<usize> = (0..count).collect();
    if count > of.len() {
        return all;
    }
    loop {
        all.push(at.iter().map(|&i| of[i]).collect());
        let Some(i) = (0..count).rev().find(|&i| at[i] < of.len() - count + i) else { return all };
        at[i] += 1;
        for j in i + 1..count {
            at[j] = at[j - 1] + 1;
        }
    }
}

#[cfg(test)]
#[path = "cover_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
