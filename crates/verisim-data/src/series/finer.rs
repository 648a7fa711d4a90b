//! Columns that say the same as others, and a little more: a note that names the event and the age, a code that names its group.
//!
//! Such a column has many values, of which each step of a model would have to be certain before it drew what matters, and others would follow
//! from it. So models do not see it: it is drawn last, of the values that stood beside the same cells, as often as they did. What is given up
//! is what else it depends on, which is little where few values are left to choose from (`MOST_LEFT`).

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rng::{Stream, below};
use crate::table::{Column, Frame, MISSING};

/// Columns of fewer levels are learnt like any other.
const LEAST_LEVELS: usize = 33;
/// What the others leave open, in nats: about so many values on average.
const MOST_LEFT: f64 = 1.4;
/// Rows that must have a level that came before, so that it can be seen what follows from it.
const LEAST_SEEN: f64 = 0.9;

/// A column that is drawn last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finer {
    /// The column, one of categories.
    pub column: usize,
    /// The columns that follow from it.
    pub of: Vec<usize>,
    levels: Arc<[String]>,
    /// How many steps had each level.
    counts: Vec<u64>,
    /// What stood in the columns that follow, a row a level: codes and numbers.
    beside: Vec<f64>,
}

impl Finer {
    /// The columns of `steps` that can be drawn last; none follows from another of them. Column 0 is no part of it where it holds `gaps`.
    pub fn find(steps: &Frame, gaps: bool) -> Vec<Finer> {
        let mut found: Vec<Finer> = Vec::new();
        for column in usize::from(gaps)..steps.columns.len() {
            let others = |j: &usize| *j != column && found.iter().all(|f| f.column != *j && !f.of.contains(&column));
            let others: Vec<usize> = (usize::from(gaps)..steps.columns.len()).filter(others).collect();
            found.extend(Finer::of(steps, column, &others));
        }
        found
    }

    fn of(steps: &Frame, column: usize, others: &[usize]) -> Option<Finer> {
        let Column::Category { codes, levels } = &steps.columns[column] else { return None };
        if levels.len() < LEAST_LEVELS || codes.contains(&MISSING) {
            return None;
        }
        let mut counts = vec![0u64; levels.len()];
        codes.iter().for_each(|&code| counts[code as usize] += 1);
        let seen: u64 = counts.iter().filter(|n| **n > 1).sum();
        if (seen as f64) < LEAST_SEEN * codes.len() as f64 {
            return None;
        }
        let of: Vec<usize> =
            others.iter().copied().filter(|&j| follows(&steps.columns[j], codes, levels.len())).collect();
        if of.is_empty() {
            return None;
        }
        let mut first = vec![None; levels.len()];
        codes.iter().enumerate().for_each(|(i, &code)| {
            first[code as usize].get_or_insert(i);
        });
        let cell = |i: Option<usize>, j: usize| i.map_or(f64::NAN, |i| cell(&steps.columns[j], i));
        let beside = first.iter().flat_map(|&i| of.iter().map(|&j| cell(i, j)).collect::<Vec<_>>()).collect();
        let finer = Finer { column, of, levels: levels.clone(), counts, beside };
        (finer.left() <= MOST_LEFT).then_some(finer)
    }

    /// What is not known of the column when the others are, in nats.
    fn left(&self) -> f64 {
        let all: u64 = self.counts.iter().sum();
        let entropy = |levels: &Vec<usize>| {
            let sum: u64 = levels.iter().map(|&l| self.counts[l]).sum();
            let part = |n: u64| if n == 0 { 0.0 } else { n as f64 * (sum as f64 / n as f64).ln() };
            levels.iter().map(|&l| part(self.counts[l])).sum::<f64>()
        };
        self.by_cells().values().map(entropy).sum::<f64>() / all.max(1) as f64
    }

    fn row(&self, level: usize) -> &[f64] {
        &self.beside[level * self.of.len()..(level + 1) * self.of.len()]
    }

    /// The levels that stood beside the same cells.
    fn by_cells(&self) -> HashMap<Vec<u64>, Vec<usize>> {
        let mut by: HashMap<Vec<u64>, Vec<usize>> = HashMap::new();
        for level in (0..self.levels.len()).filter(|&l| self.counts[l] > 0) {
            by.entry(bits(self.row(level))).or_default().push(level);
        }
        by
    }

    /// Takes the column out of what models see.
    pub fn hide(&self, steps: &mut Frame) {
        let rows = steps.rows;
        steps.columns[self.column] = Column::Category { codes: vec![MISSING; rows], levels: Arc::from(Vec::new()) };
    }

    /// Draws the column for `steps`, whose other columns are made. Numbers that stood beside no level become the nearest that did with the
    /// same categories, so that they still follow from it; where no level fits, there is no value.
    pub fn draw(&self, steps: &mut Frame, rng: &mut Stream) {
        let mut by = self.by_cells();
        let is_number: Vec<bool> = self.of.iter().map(|&j| !steps.columns[j].is_category()).collect();
        let mut codes = Vec::with_capacity(steps.rows);
        for i in 0..steps.rows {
            let cells: Vec<f64> = self.of.iter().map(|&j| cell(&steps.columns[j], i)).collect();
            let levels = by.entry(bits(&cells)).or_insert_with(|| self.nearest(&cells, &is_number));
            let sum: u64 = levels.iter().map(|&l| self.counts[l]).sum();
            let mut left = if sum > 0 { below(rng, sum) } else { 0 };
            let drawn = levels.iter().copied().find(|&l| match left.checked_sub(self.counts[l]) {
                Some(less) => {
                    left = less;
                    false
                }
                None => true,
            });
            codes.push(drawn.map_or(MISSING, |l| l as u32));
            let Some(level) = drawn else { continue };
            for (&j, x) in self.of.iter().zip(self.row(level)) {
                if let Column::Number(v) = &mut steps.columns[j] {
                    v[i] = *x;
                }
            }
        }
        steps.columns[self.column] = Column::Category { codes, levels: self.levels.clone() };
    }

    /// The levels beside whose numbers these are nearest, of those beside these categories.
    fn nearest(&self, cells: &[f64], is_number: &[bool]) -> Vec<usize> {
        let far = |level: usize| -> Option<f64> {
            let mut sum = 0.0;
            for ((a, b), number) in self.row(level).iter().zip(cells).zip(is_number) {
                match number {
                    true if a.is_nan() && b.is_nan() => {}
                    true => sum += (a - b).abs(),
                    false if bits(&[*a]) != bits(&[*b]) => return None,
                    false => {}
                }
            }
            Some(sum).filter(|sum| sum.is_finite())
        };
        let there = (0..self.levels.len()).filter(|&l| self.counts[l] > 0);
        let ways: Vec<(usize, f64)> = there.filter_map(|l| Some((l, far(l)?))).collect();
        let least = ways.iter().map(|(_, far)| *far).fold(f64::INFINITY, f64::min);
        ways.into_iter().filter(|(_, far)| *far <= least).map(|(l, _)| l).collect()
    }

    /// What is wrong with one that was read from a file, if anything; `categories` says of each column whether it is one of categories.
    pub fn problem(&self, categories: &[bool]) -> Option<&'static str> {
        let levels = self.levels.len();
        let there = self.of.iter().all(|&j| j < categories.len() && j != self.column);
        let sound = categories.get(self.column) == Some(&true)
            && there
            && self.counts.len() == levels
            && self.beside.len() == levels * self.of.len()
            && self.counts.iter().try_fold(0u64, |sum, n| sum.checked_add(*n)).is_some();
        (!sound).then_some("is drawn beside columns that are not there")
    }
}

/// Whether each level of `codes` that came twice has one value in `column`, which has several.
fn follows(column: &Column, codes: &[u32], levels: usize) -> bool {
    let mut first: Vec<Option<u64>> = vec![None; levels];
    let one = (0..codes.len()).all(|i| {
        let own = bit(cell(column, i));
        *first[codes[i] as usize].get_or_insert(own) == own
    });
    one && first.iter().flatten().any(|own| Some(*own) != first.iter().flatten().next().copied())
}

fn cell(column: &Column, i: usize) -> f64 {
    match column {
        Column::Number(v) => v[i],
        Column::Category { codes, .. } if codes[i] == MISSING => f64::NAN,
        Column::Category { codes, .. } => f64::from(codes[i]),
    }
}

/// Missing values are alike, and so are both zeros.
fn bit(x: f64) -> u64 {
    if x.is_nan() { u64::MAX } else { (x + 0.0).to_bits() }
}

fn bits(cells: &[f64]) -> Vec<u64> {
    cells.iter().map(|&x| bit(x)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::rng::{stream, uniform};

    /// An event, an age, a note that names both in one of two ways, and a product of which the event is the group.
    fn steps(rows: usize) -> Frame {
        let mut rng = stream(1, "notes", 0);
        let mut levels: Vec<String> = Vec::new();
        let (mut event, mut age, mut note, mut product) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rows {
            let (e, a) = (below(&mut rng, 4) as u32, 20 + below(&mut rng, 25));
            let text = if uniform(&mut rng) < 0.5 { format!("{e} at {a}") } else { format!("{a}: {e}") };
            let code = levels.iter().position(|l| *l == text).unwrap_or_else(|| {
                levels.push(text);
                levels.len() - 1
            });
            event.push(e);
            age.push(a as f64);
            note.push(code as u32);
            product.push(e + 4 * below(&mut rng, 20) as u32);
        }
        let named = |n: usize| -> Arc<[String]> { (0..n).map(|k| k.to_string()).collect() };
        let columns = vec![
            Column::Category { codes: event, levels: named(4) },
            Column::Number(age),
            Column::Category { codes: note, levels: levels.into() },
            Column::Category { codes: product, levels: named(80) },
        ];
        Frame::new(columns, rows)
    }

    #[test]
    fn a_note_is_drawn_beside_what_it_names_and_a_product_is_learnt() {
        let real = steps(4000);
        let found = Finer::find(&real, false);
        assert_eq!(found.iter().map(|f| (f.column, f.of.clone())).collect::<Vec<_>>(), [(2, vec![0, 1])]);
        let finer = &found[0];
        assert!((finer.left() - 0.68).abs() < 0.03, "{}", finer.left());
        let mut made = real.clone();
        finer.hide(&mut made);
        assert!((0..made.rows).all(|i| made.columns[2].is_missing(i)));
        // An age that never was becomes the nearest that was.
        let Column::Number(age) = &mut made.columns[1] else { panic!() };
        age[0] = 60.0;
        finer.draw(&mut made, &mut stream(2, "draw", 0));
        let (Column::Number(age), Column::Category { codes, levels }) = (&made.columns[1], &made.columns[2]) else {
            panic!()
        };
        let Column::Category { codes: events, .. } = &made.columns[0] else { panic!() };
        assert_eq!(age[0], 44.0);
        let mut first_way = 0;
        for i in 0..made.rows {
            let (e, a, text) = (events[i], age[i], &levels[codes[i] as usize]);
            first_way += usize::from(*text == format!("{e} at {a}"));
            assert!(*text == format!("{e} at {a}") || *text == format!("{a}: {e}"), "{text}");
        }
        assert!((first_way as f64 / 4000.0 - 0.5).abs() < 0.03, "{first_way}");
        let text = serde_json::to_string(finer).unwrap();
        assert_eq!(serde_json::from_str::<Finer>(&text).unwrap(), *finer);
        assert_eq!(finer.problem(&[true, false, true, true]), None);
        assert!(finer.problem(&[true, false]).is_some());
    }

    #[test]
    fn few_levels_gaps_and_values_of_their_own_are_left_alone() {
        let real = steps(4000);
        assert!(Finer::find(&steps(60), false).is_empty());
        // Each level once: nothing can be seen to follow.
        let levels: Arc<[String]> = (0..4000).map(|k| k.to_string()).collect();
        let unique = Column::Category { codes: (0..4000).collect(), levels };
        assert!(Finer::find(&Frame::new(vec![real.columns[0].clone(), unique], 4000), false).is_empty());
        let Column::Category { codes, levels } = &real.columns[2] else { panic!() };
        let mut holed = codes.clone();
        holed[7] = MISSING;
        let holed = Column::Category { codes: holed, levels: levels.clone() };
        assert!(Finer::find(&Frame::new(vec![real.columns[0].clone(), holed], 4000), false).is_empty());
        // The column of gaps takes no part.
        let gaps = Frame::new(vec![real.columns[1].clone(), real.columns[2].clone()], 4000);
        assert!(Finer::find(&gaps, true).is_empty());
    }
}
