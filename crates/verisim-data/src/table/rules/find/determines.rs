//! Rules of the kind `zip` determines `city`: wherever a value of the one repeats, the other has one and the same value.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::RuleKind;
use super::check::{Bar, Check, Form, Found, MOST_TRIED, near_pairs, tested};
use super::sheet::{Column, MISSING, Sheet, of_one_source};

const BAR: Bar = Bar { leeway: 0.001, worth: 0.01 };
/// Rows there must be for each value that repeats.
const ROWS_A_VALUE: usize = 5;
/// Most pairs of columns that are looked at.
const MOST_PAIRS: usize = 250_000;
/// Pairs of rows of the first look, which lets so many exceptions pass.
const FIRST_TWINS: usize = 256;
const FIRST_LEEWAY: usize = 4;
/// A value that fixes nothing.
const FREE: u32 = MISSING;

/// Each value of the first column has its value of the second.
struct Fate {
    columns: [usize; 2],
    of: Vec<u32>,
}

impl Check for Fate {
    fn columns(&self) -> &[usize] {
        &self.columns
    }

    fn breaks(&self, sheet: &Sheet, rows: &[usize]) -> Option<bool> {
        let [a, b] = [0, 1].map(|k| sheet.cells[self.columns[k]].codes[rows[k]]);
        let fate = self.of.get(a as usize).copied().filter(|f| *f != FREE)?;
        (b != MISSING).then_some(b != fate)
    }

    fn form(&self) -> Form {
        Form::Determines(self.columns)
    }
}

impl Fate {
    /// The most frequent value beside each value that occurs twice or more, if these have rows enough.
    fn learn(sheet: &Sheet, columns: [usize; 2], codes: usize) -> Option<Fate> {
        let [a, b] = columns.map(|j| &sheet.cells[j].codes);
        let present = || a.iter().zip(b).filter(|(a, b)| (**a as usize) < codes && **b != MISSING);
        // A majority, if there is one, is left when different values cancel out (Boyer and Moore).
        let mut votes = vec![(FREE, 0_usize, 0_usize); codes];
        for (&a, &b) in present() {
            let (leader, lead, rows) = &mut votes[a as usize];
            *rows += 1;
            match *lead {
                0 => (*leader, *lead) = (b, 1),
                _ if *leader == b => *lead += 1,
                _ => *lead -= 1,
            }
        }
        let repeated = || votes.iter().filter(|v| v.2 > 1);
        let enough = repeated().map(|v| v.2).sum::<usize>() >= ROWS_A_VALUE * repeated().count();
        let of = votes.iter().map(|&(leader, _, rows)| if rows > 1 { leader } else { FREE }).collect();
        enough.then_some(Fate { columns, of })
    }
}

/// Which columns say everything of which others.
pub(super) struct Determined {
    /// The rule of every pair that holds, and how often chance would break it.
    hold: BTreeMap<[usize; 2], (Fate, f64)>,
}

impl Determined {
    pub fn find(columns: &[Column], sheet: &Sheet, of: &[usize]) -> Determined {
        let of: Vec<usize> = of.iter().copied().filter(|&j| columns[j].repeats && columns[j].distinct > 1).collect();
        let twins: Vec<Vec<[u32; 2]>> = of.par_iter().map(|&j| twins(&sheet.cells[j].codes)).collect();
        let mut pairs: Vec<[usize; 2]> = near_pairs(of.len(), MOST_PAIRS)
            .into_par_iter()
            .flat_map_iter(|(i, j)| [(i, j), (j, i)])
            .filter(|&(i, j)| !of_one_source(columns, of[i], of[j]) && may_be(&twins[i], &sheet.cells[of[j]].codes))
            .map(|(i, j)| [of[i], of[j]])
            .collect();
        pairs.truncate(MOST_TRIED);
        let rule = |pair: [usize; 2]| {
            let fate = Fate::learn(sheet, pair, columns[pair[0]].codes())?;
            let by_chance = tested(&fate, sheet, BAR)?;
            Some((pair, (fate, by_chance)))
        };
        Determined { hold: pairs.into_par_iter().filter_map(rule).collect() }
    }

    /// Whether column `a` determines column `b`.
    pub fn has(&self, a: usize, b: usize) -> bool {
        self.hold.contains_key(&[a, b])
    }

    /// Whether one column determines both.
    pub fn has_both(&self, a: usize, b: usize) -> bool {
        self.hold.keys().any(|&[from, to]| to == a && self.has(from, b))
    }

    /// Whether an earlier column says the same as column `j`, both ways.
    pub fn is_double(&self, j: usize) -> bool {
        self.first_twin(j).is_some()
    }

    fn first_twin(&self, j: usize) -> Option<usize> {
        self.hold.range([j, 0]..[j, j]).map(|([_, b], _)| *b).find(|&b| self.has(b, j))
    }

    /// The rules that do not follow from two others.
    pub fn rules(self, columns: &[Column]) -> Vec<Found> {
        let pairs: Vec<[usize; 2]> = self.hold.keys().copied().collect();
        let doubles: BTreeSet<usize> = pairs.iter().map(|p| p[0]).filter(|&j| self.is_double(j)).collect();
        let follows = |[a, b]: [usize; 2]| {
            let mut between = self.hold.range([a, 0]..=[a, usize::MAX]).map(|([_, m], _)| *m);
            between.any(|m| m != b && !doubles.contains(&m) && self.has(m, b))
        };
        let kept: Vec<([usize; 2], bool)> = pairs
            .into_iter()
            .filter_map(|[a, b]| match self.first_twin(b) {
                Some(twin) => (twin == a).then_some(([a, b], true)),
                None => (!doubles.contains(&a) && !follows([a, b])).then_some(([a, b], false)),
            })
            .collect();
        let mut hold = self.hold;
        let rule = |(pair, both): ([usize; 2], bool)| {
            let [a, b] = pair.map(|j| columns[j].name());
            let text =
                if both { format!("`{a}` and `{b}` determine each other") } else { format!("`{a}` determines `{b}`") };
            let (fate, by_chance) = hold.remove(&pair)?;
            Some(Found::new(RuleKind::Determines, text, by_chance, fate))
        };
        kept.into_iter().filter_map(rule).collect()
    }
}

/// Pairs of rows that have the same value, from all over the table.
fn twins(codes: &[u32]) -> Vec<[u32; 2]> {
    let mut rows: Vec<u32> = (0..codes.len() as u32).filter(|&r| codes[r as usize] != MISSING).collect();
    rows.sort_by_key(|&r| codes[r as usize]);
    let same = |pair: &&[u32]| codes[pair[0] as usize] == codes[pair[1] as usize];
    let mut twins: Vec<[u32; 2]> = rows.windows(2).filter(same).map(|pair| [pair[0], pair[1]]).collect();
    let every = twins.len().div_ceil(FIRST_TWINS).max(1);
    twins = twins.into_iter().step_by(every).collect();
    twins
}

/// Whether (nearly) all twins have the same value, as far as they have one.
fn may_be(twins: &[[u32; 2]], codes: &[u32]) -> bool {
    let differ = |pair: &&[u32; 2]| {
        let [a, b] = pair.map(|r| codes[r as usize]);
        a != b && a != MISSING && b != MISSING
    };
    twins.iter().filter(differ).take(FIRST_LEEWAY + 1).count() <= FIRST_LEEWAY
}
