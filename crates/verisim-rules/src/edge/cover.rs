//! Covering arrays: few rows in which every pair (or triple, ...) of values of any two (three, ...) parameters occurs.
//!
//! Rows are made one at a time, as AETG does (Cohen, Dalal, Fredman and Patton, IEEE TSE 23(7), 1997): some candidates a row, each
//! begun with a combination that is still wanted and filled greedily in a random order, of which the one that covers most is kept.
//! What a model can say is what PICT's can (Czerwonka, PNSQC 2006): weights, negative values, aliases, groups with an order of
//! their own, seeding rows, rules. A combination that no row can have under the rules is found by search and told, not missed.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::rule::Rule;
use super::solve::{OPEN, Solver};
use crate::cell::{Cell, ColumnKey};
use crate::error::{Error, Result};

/// More combinations than this are refused: they take a bit each, and time.
const MOST: usize = 400_000_000;
/// Rounds of mending a candidate.
const CLIMBS: usize = 8;
/// A model is covered once more as long as that took less than so many looks at combinations.
const LOOKS: usize = 60_000_000;
/// Candidates that cost more looks than this are made on all threads.
const PARALLEL: usize = 5_000;
/// How many of the combinations that the rules exclude are told by name.
const TOLD: usize = 20;

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

fn tell(coverage: &mut Coverage, what: String) {
    if coverage.examples.len() < TOLD {
        coverage.examples.push(what);
    }
}

/// A set of parameters whose values are combined, and which combinations are still wanted.
#[derive(Clone)]
struct Combo {
    parameters: Vec<usize>,
    strides: Vec<usize>,
    wanted: Vec<u64>,
    left: usize,
}

impl Combo {
    fn has(&self, index: usize) -> bool {
        self.wanted[index / 64] >> (index % 64) & 1 == 1
    }

    fn index(&self, row: &[u16]) -> usize {
        self.parameters.iter().zip(&self.strides).map(|(&p, s)| usize::from(row[p]) * s).sum()
    }
}

/// The work on one set of domains.
#[derive(Clone)]
struct Phase<'a> {
    model: &'a Model,
    solver: &'a Solver<'a>,
    combos: Vec<Combo>,
    /// The combos with a parameter, and its place in each.
    of: Vec<Vec<(usize, usize)>>,
    /// How many wanted combinations have a value of a parameter.
    load: Vec<Vec<usize>>,
    left: usize,
    /// What was wanted before any row was made.
    wanted_at_first: usize,
    witness: Vec<u16>,
}

impl<'a> Phase<'a> {
    fn new(
        model: &'a Model,
        solver: &'a Solver<'a>,
        sets: &[Vec<usize>],
        once: &[Vec<usize>],
        coverage: &mut Coverage,
    ) -> Result<Phase<'a>> {
        let Some(witness) = solver.any()? else {
            return Err(Error::Setting {
                key: "constraints".to_owned(),
                what: "leave no row: no combination of values obeys all of them; drop one or give more values"
                    .to_owned(),
            });
        };
        let n = model.parameters.len();
        let sizes: Vec<usize> = model.parameters.iter().map(|p| p.choices.len()).collect();
        let total = sets.iter().chain(once).try_fold(0_usize, |all, set| {
            let one = set.iter().try_fold(1_usize, |x, &p| x.checked_mul(sizes[p]))?;
            all.checked_add(one).filter(|&t| t <= MOST)
        });
        if total.is_none() {
            return Err(Error::Setting {
                key: "strength".to_owned(),
                what: format!("asks for more than {MOST} combinations; lower it, or give fields fewer values"),
            });
        }
        let mut phase = Phase {
            model,
            solver,
            combos: Vec::new(),
            of: vec![Vec::new(); n],
            load: sizes.iter().map(|&s| vec![0; s]).collect(),
            left: 0,
            wanted_at_first: 0,
            witness,
        };
        let mut known = FxHashMap::default();
        for (set, single) in sets.iter().map(|s| (s, false)).chain(once.iter().map(|s| (s, true))) {
            phase.want(set, single, &mut known, coverage)?;
        }
        coverage.required += phase.left;
        phase.wanted_at_first = phase.left;
        Ok(phase)
    }

    /// Wants all combinations of a set's values, but for those that no row can have.
    fn want(
        &mut self,
        set: &[usize],
        single: bool,
        known: &mut FxHashMap<Vec<(usize, u16)>, bool>,
        coverage: &mut Coverage,
    ) -> Result<()> {
        let mut strides = Vec::with_capacity(set.len());
        let mut total = 1;
        for &p in set {
            strides.push(total);
            total *= self.model.parameters[p].choices.len();
        }
        let mut combo = Combo { parameters: set.to_vec(), strides, wanted: vec![0; total.div_ceil(64)], left: 0 };
        let tied: Vec<usize> = set.iter().copied().filter(|&p| self.solver.tied(p)).collect();
        let mut values = vec![0_usize; set.len()];
        for index in 0..total {
            for (v, (&p, stride)) in values.iter_mut().zip(set.iter().zip(&combo.strides)) {
                *v = index / stride % self.model.parameters[p].choices.len();
            }
            let choice = |(&p, &v): (&usize, &usize)| &self.model.parameters[p].choices[v];
            let meant = set.iter().zip(&values).all(|(&p, &v)| self.solver.domain(p)[v])
                && set.iter().zip(&values).all(|at| single == choice(at).once);
            if !meant {
                continue;
            }
            if !tied.is_empty() {
                let part: Vec<(usize, u16)> =
                    set.iter().zip(&values).filter(|(p, _)| tied.contains(p)).map(|(&p, &v)| (p, v as u16)).collect();
                let can = match known.get(&part) {
                    Some(&can) => can,
                    None => {
                        let can = self.can(&part)?;
                        known.insert(part, can);
                        can
                    }
                };
                if !can {
                    coverage.excluded += 1;
                    if coverage.examples.len() < TOLD {
                        let said = |(&p, &v): (&usize, &usize)| {
                            let parameter = &self.model.parameters[p];
                            format!("{} = {}", parameter.name, parameter.choices[v].names.join("|"))
                        };
                        coverage.examples.push(set.iter().zip(&values).map(said).collect::<Vec<_>>().join(", "));
                    }
                    continue;
                }
            }
            combo.wanted[index / 64] |= 1 << (index % 64);
            combo.left += 1;
            for (&p, &v) in set.iter().zip(&values) {
                self.load[p][v] += 1;
            }
        }
        self.left += combo.left;
        for (place, &p) in set.iter().enumerate() {
            self.of[p].push((self.combos.len(), place));
        }
        self.combos.push(combo);
        Ok(())
    }

    /// Whether some row has these values.
    fn can(&mut self, part: &[(usize, u16)]) -> Result<bool> {
        let mut row = vec![OPEN; self.model.parameters.len()];
        let mut witness = self.witness.clone();
        for &(p, v) in part {
            row[p] = v;
        }
        for &(p, _) in part {
            if !self.solver.extends(&row, p, &mut witness)? {
                return Ok(false);
            }
        }
        self.witness = witness;
        Ok(true)
    }

    /// A whole row from a part of one; nothing if it breaks a rule.
    fn seeded(&self, seed: &[Option<usize>]) -> Result<Option<Vec<u16>>> {
        let mut row: Vec<u16> = seed.iter().map(|v| v.map_or(OPEN, |v| v as u16)).collect();
        let mut witness = self.witness.clone();
        for p in 0..row.len() {
            if row[p] != OPEN && !self.solver.extends(&row, p, &mut witness)? {
                return Ok(None);
            }
        }
        let mut random = Cell::from_state(0);
        self.complete(&mut row, &mut witness, &mut random)?;
        Ok(Some(row))
    }

    /// Rows until nothing is wanted.
    fn fill(&self, effort: &Effort, key: ColumnKey, made: &mut Cover) -> Result<()> {
        let cost: usize = self.combos.iter().map(|c| c.parameters.len() * c.parameters.len()).sum();
        let candidates = (4_000_000 / cost.max(1)).max(3).min(effort.candidates);
        let mut best: Option<Vec<Vec<usize>>> = None;
        let mut looks = 0;
        let before = self.solver.steps();
        for attempt in 0..effort.tries {
            let rows = self.clone().filled(candidates, cost, key.again(attempt as u32))?;
            // A step of a search costs some hundred looks.
            looks += rows.len() * candidates * cost.max(1);
            if best.as_ref().is_none_or(|b| rows.len() < b.len()) {
                best = Some(rows);
            }
            if looks + (self.solver.steps() - before) * 200 > LOOKS {
                break;
            }
        }
        made.rows.extend(best.unwrap_or_default());
        made.coverage.covered += self.wanted_at_first;
        Ok(())
    }

    fn filled(mut self, candidates: usize, cost: usize, key: ColumnKey) -> Result<Vec<Vec<usize>>> {
        let mut rows = Vec::new();
        while self.left > 0 {
            let row_key = Cell::new(key, rows.len() as u64);
            let made = |candidate: usize| -> Result<(usize, Vec<u16>)> {
                let row = self.candidate(&mut row_key.part(candidate as u64))?;
                let gain = self.combos.iter().filter(|c| c.left > 0 && c.has(c.index(&row))).count();
                Ok((gain, row))
            };
            let all: Vec<(usize, Vec<u16>)> = if cost > PARALLEL {
                (0..candidates).into_par_iter().map(made).collect::<Result<_>>()?
            } else {
                (0..candidates).map(made).collect::<Result<_>>()?
            };
            // Of those that cover most, the first: threads do not matter.
            let best = all.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
            // A candidate has a wanted combination, so this ends.
            let Some((_, row)) = best.filter(|(gain, _)| *gain > 0) else {
                return Err(Error::Setting {
                    key: "constraints".to_owned(),
                    what: format!("left {} combinations without a row, which is a fault of this program", self.left),
                });
            };
            rows.push(self.take(row));
        }
        Ok(rows)
    }

    /// A row that has a wanted combination, and as many others as a greedy walk finds.
    fn candidate(&self, random: &mut Cell) -> Result<Vec<u16>> {
        let mut row = vec![OPEN; self.model.parameters.len()];
        let mut witness = self.witness.clone();
        if let Some((combo, index)) = self.wanted(random) {
            for (&p, stride) in combo.parameters.iter().zip(&combo.strides) {
                row[p] = (index / stride % self.model.parameters[p].choices.len()) as u16;
            }
            for &p in &combo.parameters {
                self.solver.extends(&row, p, &mut witness)?;
            }
        }
        self.complete(&mut row, &mut witness, random)?;
        self.climb(&mut row, random)?;
        Ok(row)
    }

    /// A wanted combination with the value that most wanted ones have.
    fn wanted(&self, random: &mut Cell) -> Option<(&Combo, usize)> {
        let most = self.load.iter().flatten().copied().max().filter(|&m| m > 0)?;
        let at: Vec<(usize, usize)> = (0..self.load.len())
            .flat_map(|p| (0..self.load[p].len()).map(move |v| (p, v)))
            .filter(|&(p, v)| self.load[p][v] == most)
            .collect();
        let (p, v) = at[random.below(at.len() as u64) as usize];
        let has = |(c, place): (usize, usize)| {
            let combo = &self.combos[c];
            let (stride, size) = (combo.strides[place], self.model.parameters[p].choices.len());
            let fits = move |index: &usize| combo.has(*index) && index / stride % size == v;
            (0..combo.wanted.len() * 64).filter(fits).map(move |index| (combo, index))
        };
        let open = |c: &(usize, usize)| self.combos[c.0].left > 0;
        // A random set of those that have one; then a random combination of it.
        let start = random.below(self.of[p].len() as u64) as usize;
        let mut around = self.of[p][start..].iter().chain(&self.of[p][..start]).copied().filter(open);
        let all: Vec<(&Combo, usize)> = around.find_map(|c| {
            let all: Vec<_> = has(c).collect();
            (!all.is_empty()).then_some(all)
        })?;
        Some(all[random.below(all.len() as u64) as usize])
    }

    /// Fills what is open in a row, in a random order, each place with the value that makes most wanted combinations.
    fn complete(&self, row: &mut [u16], witness: &mut [u16], random: &mut Cell) -> Result<()> {
        let mut open: Vec<usize> = (0..row.len()).filter(|&p| row[p] == OPEN).collect();
        for i in (1..open.len()).rev() {
            open.swap(i, random.below(i as u64 + 1) as usize);
        }
        for p in open {
            let mut order = self.ranked(p, row, random);
            order.retain(|&v| self.solver.domain(p)[usize::from(v)]);
            for v in order {
                row[p] = v;
                if self.solver.extends(row, p, witness)? {
                    break;
                }
                row[p] = OPEN;
            }
            if row[p] == OPEN {
                // The witness is whole and agrees with the row, so it is not reached.
                row[p] = witness[p];
            }
        }
        Ok(())
    }

    /// The values of a parameter, those first that make most wanted combinations with what the row has. Ties are drawn by weight.
    fn ranked(&self, p: usize, row: &[u16], random: &mut Cell) -> Vec<u16> {
        let choices = &self.model.parameters[p].choices;
        let gain = self.gains(p, row);
        // A draw by weight: the greatest of u^(1/w) is value i with probability w_i of all (Efraimidis and Spirakis, 2006).
        let mut order: Vec<(usize, bool, f64, u16)> = choices
            .iter()
            .enumerate()
            .map(|(v, c)| {
                let draw = (1.0 - random.uniform()).ln() / f64::from(c.weight);
                (gain[v], !c.once, draw, v as u16)
            })
            .collect();
        order.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(b.2.total_cmp(&a.2)));
        order.into_iter().map(|(.., v)| v).collect()
    }

    /// How many wanted combinations each value of a parameter makes with what the row has elsewhere.
    fn gains(&self, p: usize, row: &[u16]) -> Vec<usize> {
        let mut gain = vec![0_usize; self.model.parameters[p].choices.len()];
        for &(c, place) in &self.of[p] {
            let combo = &self.combos[c];
            if combo.left == 0 {
                continue;
            }
            let mut base = 0;
            let known = combo.parameters.iter().zip(&combo.strides).enumerate().all(|(i, (&q, stride))| {
                if i != place && row[q] != OPEN {
                    base += usize::from(row[q]) * stride;
                }
                i == place || row[q] != OPEN
            });
            if known {
                for (v, gain) in gain.iter_mut().enumerate() {
                    *gain += usize::from(combo.has(base + v * combo.strides[place]));
                }
            }
        }
        gain
    }

    /// Changes single values of a whole row for ones that cover more, or as much, as long as it helps.
    fn climb(&self, row: &mut [u16], random: &mut Cell) -> Result<()> {
        for _ in 0..CLIMBS {
            let mut better = false;
            let start = random.below(row.len() as u64) as usize;
            for i in 0..row.len() {
                let p = (start + i) % row.len();
                let gain = self.gains(p, row);
                let was = row[p];
                let now = gain[usize::from(was)];
                let most = (0..gain.len()).filter(|&v| self.solver.domain(p)[v]).map(|v| gain[v]).max().unwrap_or(0);
                if most == 0 || most < now {
                    continue;
                }
                let equal: Vec<u16> = (0..gain.len())
                    .filter(|&v| gain[v] == most && self.solver.domain(p)[v] && v != usize::from(was))
                    .map(|v| v as u16)
                    .collect();
                if equal.is_empty() {
                    continue;
                }
                row[p] = equal[random.below(equal.len() as u64) as usize];
                if !self.solver.lawful(row, p)? {
                    row[p] = was;
                } else if most > now {
                    better = true;
                }
            }
            if !better {
                break;
            }
        }
        Ok(())
    }

    /// Strikes off what a row covers.
    fn take(&mut self, row: Vec<u16>) -> Vec<usize> {
        for combo in &mut self.combos {
            let index = combo.index(&row);
            if combo.has(index) {
                combo.wanted[index / 64] &= !(1 << (index % 64));
                combo.left -= 1;
                self.left -= 1;
                for &p in &combo.parameters {
                    self.load[p][usize::from(row[p])] -= 1;
                }
            }
        }
        row.into_iter().map(usize::from).collect()
    }
}

#[cfg(test)]
#[path = "cover_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
