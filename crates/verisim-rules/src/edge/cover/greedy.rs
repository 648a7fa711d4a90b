//! The work of covering: combinations that are wanted, and rows that have most of them.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{Cover, Coverage, Effort, Model};
use crate::cell::{Cell, ColumnKey};
use crate::edge::solve::{OPEN, Solver};
use crate::error::{Error, Result};

/// Rounds of mending a candidate, fewer where that would be more looks than this.
const CLIMBS: usize = 8;
const CLIMB_LOOKS: usize = 4_000_000;
/// A model is covered once more as long as that took less than so many looks at combinations.
const LOOKS: usize = 60_000_000;
/// Candidates that cost more looks than this are made on all threads.
const PARALLEL: usize = 5_000;
/// How many of the combinations that the rules exclude are told by name.
const TOLD: usize = 20;
/// More combinations than this are refused: they take a bit each, and time.
const MOST: usize = 400_000_000;

/// Keeps an example of what is excluded.
pub(super) fn tell(coverage: &mut Coverage, what: String) {
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
pub(super) struct Phase<'a> {
    model: &'a Model,
    solver: &'a Solver<'a>,
    combos: Vec<Combo>,
    /// The combos with a parameter, and its place in each.
    of: Vec<Vec<(usize, usize)>>,
    /// How many wanted combinations have a value of a parameter.
    load: Vec<Vec<usize>>,
    left: usize,
    /// Looks at combinations that a row takes.
    cost: usize,
    /// What was wanted before any row was made.
    wanted_at_first: usize,
    witness: Vec<u16>,
}

impl<'a> Phase<'a> {
    pub(super) fn new(
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
            cost: 0,
            wanted_at_first: 0,
            witness,
        };
        let mut known = FxHashMap::default();
        for (set, single) in sets.iter().map(|s| (s, false)).chain(once.iter().map(|s| (s, true))) {
            phase.want(set, single, &mut known, coverage)?;
        }
        coverage.required += phase.left;
        phase.wanted_at_first = phase.left;
        phase.cost = phase.combos.iter().map(|c| c.parameters.len() * c.parameters.len()).sum();
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
    pub(super) fn seeded(&self, seed: &[Option<usize>]) -> Result<Option<Vec<u16>>> {
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
    pub(super) fn fill(&self, effort: &Effort, key: ColumnKey, made: &mut Cover) -> Result<()> {
        let cost = self.cost;
        let candidates = (4_000_000 / cost.max(1)).max(3).min(effort.candidates);
        let mut best: Option<Vec<Vec<usize>>> = None;
        let mut looks = 0;
        let before = self.solver.steps();
        for attempt in 0..effort.tries {
            let rows = self.clone().filled(candidates, key.again(attempt as u32))?;
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

    fn filled(mut self, candidates: usize, key: ColumnKey) -> Result<Vec<Vec<usize>>> {
        let mut rows = Vec::new();
        while self.left > 0 {
            let row_key = Cell::new(key, rows.len() as u64);
            let made = |candidate: usize| -> Result<(usize, Vec<u16>)> {
                let row = self.candidate(&mut row_key.part(candidate as u64))?;
                let gain = self.combos.iter().filter(|c| c.left > 0 && c.has(c.index(&row))).count();
                Ok((gain, row))
            };
            let all: Vec<(usize, Vec<u16>)> = if self.cost > PARALLEL {
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
        for _ in 0..(CLIMB_LOOKS / self.cost.max(1)).clamp(1, CLIMBS) {
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
    pub(super) fn take(&mut self, row: Vec<u16>) -> Vec<usize> {
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
