//! The rarest tenth of the rows. How rare a row is, is learnt from the training rows: the sum over its values of minus the
//! logarithm of their shares, where a number stands for its bin. Columns that say the same twice would count twice, and a
//! common value can be rare beside another; so each strong dependence adds minus the logarithm of how much more often than
//! by chance its two values meet. The dependences used are a forest of the columns, the strongest first: on a forest these sums
//! are the logarithm of a probability (Chow and Liu, 1968).
//!
//! Rows of another table can be as rare because of values, or dependent pairs of them, that no training row has. Fresh rows
//! have some of those, and more of the fewer training rows there are; a careless generator has many. They are counted apart.

use rayon::prelude::*;

use super::super::trend;
use super::super::values::Comparison;
use super::cells::Cells;
use super::likeness::Compare;
use super::report::RareRows;
use super::{Draw, HOLDOUT, SYNTHETIC, TRAIN, draw, each};
use crate::Count;

/// Numbers are cut into sixteen equal parts, and the outermost hundredths are cut off, which are rare.
const PARTS: [f64; 17] = {
    let mut parts = [0.01; 17];
    let mut k = 1;
    while k < 16 {
        parts[k] = k as f64 / 16.0;
        k += 1;
    }
    parts[16] = 0.99;
    parts
};
/// Pairs that share less information than this, in nats, are not taken as dependent.
const STRONG: f64 = 0.05;
/// Rows by which dependences are found.
const STRENGTH_ROWS: usize = 10_000;
/// Part of the training rows that counts as rare.
const RARE: f64 = 0.1;
/// Sums of the same terms in another order are equal.
const EQUAL: f64 = 1e-9;

/// The rare rows of each table.
pub(super) fn rare(tables: &Comparison, seed: u64) -> RareRows {
    let columns: Vec<usize> = (0..tables.fields.len()).collect();
    let cells: Vec<Cells> = columns.par_iter().map(|&j| Cells::new(tables, j, &PARTS)).collect();
    let rarity = Rarity::learn(&cells, tables.real.rows, seed);
    let found: Vec<Vec<Rare>> = (0..each(tables).len()).map(|t| rarity.of(&cells, t)).collect();
    let least = threshold(&found[TRAIN]) - EQUAL;
    let rare = |found: &Vec<Rare>| (0..found.len()).filter(|&i| found[i].sum >= least).collect();
    let rows: Vec<Vec<usize>> = found.iter().map(rare).collect();
    let hits = |t: usize| Count::new(rows[t].len(), found[t].len());
    let unseen = |t: usize| Count::new(rows[t].iter().filter(|&&i| found[t][i].unseen).count(), rows[t].len());
    let compare = Compare { tables, columns: &columns, fields: &tables.fields, seed };
    let held = tables.holdout.as_ref();
    RareRows {
        train: hits(TRAIN),
        synthetic: hits(SYNTHETIC),
        holdout: held.map(|_| hits(HOLDOUT)),
        unseen_synthetic: unseen(SYNTHETIC),
        unseen_holdout: held.map(|_| unseen(HOLDOUT)),
        likeness: compare.likeness(&rows),
    }
}

/// How rare a row is, or what a value or a pair of values adds to it.
#[derive(Clone, Copy, Debug, Default)]
struct Rare {
    sum: f64,
    /// No training row has it.
    unseen: bool,
}

impl Rare {
    /// `count` training rows where `expected` are the rule, half a row more of either: so what was not expected, and is not
    /// there, is no surprise.
    fn new(count: u32, expected: f64) -> Rare {
        Rare { sum: ((expected + 0.5) / (f64::from(count) + 0.5)).ln(), unseen: count == 0 }
    }

    fn add(&mut self, other: Rare) {
        self.sum += other.sum;
        self.unseen |= other.unseen;
    }
}

/// What makes a row rare.
struct Rarity {
    /// For each column, each of its codes.
    single: Vec<Vec<Rare>>,
    pairs: Vec<Pair>,
}

/// What two codes add to those of their columns when they meet.
struct Pair {
    first: usize,
    second: usize,
    /// Codes of the second column.
    width: usize,
    added: Vec<Rare>,
}

impl Rarity {
    fn learn(cells: &[Cells], rows: usize, seed: u64) -> Rarity {
        let n = rows as f64;
        let counts: Vec<Vec<u32>> = cells.iter().map(Cells::counts).collect();
        let single = |counts: &Vec<u32>| counts.iter().map(|&c| Rare::new(c, n)).collect();
        let pair = |(first, second): (usize, usize)| {
            let (a, b, width) = (&counts[first], &counts[second], cells[second].width);
            let together = joint(&cells[first].codes[TRAIN], &cells[second].codes[TRAIN], a.len(), width);
            let expected = |cell: usize| f64::from(a[cell / width]) * f64::from(b[cell % width]) / n;
            let added = together.iter().enumerate().map(|(cell, &c)| Rare::new(c, expected(cell))).collect();
            Pair { first, second, width, added }
        };
        let pairs = forest(cells, rows, seed).into_iter().map(pair).collect();
        Rarity { single: counts.iter().map(single).collect(), pairs }
    }

    /// Each row of table `t`.
    fn of(&self, cells: &[Cells], t: usize) -> Vec<Rare> {
        let mut rows = vec![Rare::default(); cells.first().map_or(0, |c| c.codes[t].len())];
        for (cells, single) in cells.iter().zip(&self.single) {
            rows.iter_mut().zip(&*cells.codes[t]).for_each(|(row, &c)| row.add(single[c as usize]));
        }
        for Pair { first, second, width, added } in &self.pairs {
            let codes = cells[*first].codes[t].iter().zip(&*cells[*second].codes[t]);
            rows.iter_mut().zip(codes).for_each(|(row, (&a, &b))| row.add(added[a as usize * width + b as usize]));
        }
        rows
    }
}

/// The strongest dependences that make no circle.
fn forest(cells: &[Cells], rows: usize, seed: u64) -> Vec<(usize, usize)> {
    let rows = draw(rows, STRENGTH_ROWS, seed, Draw::Strengths, 0);
    let drawn = |c: &Cells| rows.iter().map(|&i| c.codes[TRAIN][i]).collect();
    let codes: Vec<Vec<u32>> = cells.iter().map(drawn).collect();
    let strength = |(a, b): (usize, usize)| {
        let (wide, high) = (cells[a].width, cells[b].width);
        // More cells than rows say nothing, and cost.
        let found = if wide * high <= rows.len() { strength(&codes[a], &codes[b], wide, high) } else { 0.0 };
        (found > STRONG).then_some((found, a, b))
    };
    let mut strong: Vec<(f64, usize, usize)> =
        trend::pairs(cells.len(), seed).into_par_iter().filter_map(strength).collect();
    strong.sort_by(|x, y| y.0.total_cmp(&x.0));
    // Columns of one tree have the same mark.
    let mut tree: Vec<usize> = (0..cells.len()).collect();
    strong.retain(|&(_, a, b)| {
        let (kept, joined) = (tree[a], tree[b]);
        tree.iter_mut().filter(|mark| **mark == joined).for_each(|mark| *mark = kept);
        kept != joined
    });
    strong.into_iter().map(|(_, a, b)| (a, b)).collect()
}

/// Mutual information of two columns in nats, less what chance may make of independent ones: 2n times that is chi squared, of
/// which four standard deviations above the mean are taken off.
fn strength(a: &[u32], b: &[u32], wide: usize, high: usize) -> f64 {
    let n = a.len() as f64;
    let together = joint(a, b, wide, high);
    let rows: Vec<u32> = together.chunks(high).map(|row| row.iter().sum()).collect();
    let columns: Vec<u32> = (0..high).map(|j| together.iter().skip(j).step_by(high).sum()).collect();
    let term = |(cell, &c): (usize, &u32)| match c {
        0 => 0.0,
        c => {
            let c = f64::from(c);
            c / n * (c * n / (f64::from(rows[cell / high]) * f64::from(columns[cell % high]))).ln()
        }
    };
    let information: f64 = together.iter().enumerate().map(term).sum();
    let used = |counts: &[u32]| counts.iter().filter(|c| **c > 0).count().saturating_sub(1) as f64;
    let freedom = used(&rows) * used(&columns);
    information - (freedom + 4.0 * (2.0 * freedom).sqrt()) / (2.0 * n)
}

/// Rows of every pair of codes, the first rising slowest.
fn joint(a: &[u32], b: &[u32], wide: usize, high: usize) -> Vec<u32> {
    let mut counts = vec![0; wide * high];
    a.iter().zip(b).for_each(|(&i, &j)| counts[i as usize * high + j as usize] += 1);
    counts
}

/// How rare a row must be for the part of training rows that are as rare to come nearest to [`RARE`].
fn threshold(train: &[Rare]) -> f64 {
    let mut sorted: Vec<f64> = train.iter().map(|row| row.sum).collect();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let wanted = (RARE * train.len() as f64).round() as usize;
    let Some(&at) = sorted.get(wanted.saturating_sub(1)) else { return f64::INFINITY };
    let above = sorted.partition_point(|x| *x > at + EQUAL);
    let with = sorted.partition_point(|x| *x >= at - EQUAL);
    if with.abs_diff(wanted) <= wanted.abs_diff(above) {
        at
    } else {
        above.checked_sub(1).map_or(f64::INFINITY, |last| sorted[last])
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn cells(width: usize, codes: &[u32]) -> Cells<'_> {
        Cells { width, codes: vec![Cow::Borrowed(codes)] }
    }

    #[test]
    fn the_rarest_tenth_or_what_is_nearest_to_it() {
        let rows = |sums: &[f64]| sums.iter().map(|&sum| Rare { sum, unseen: false }).collect::<Vec<_>>();
        let distinct: Vec<f64> = (0..20).map(f64::from).collect();
        assert_eq!(threshold(&rows(&distinct)), 18.0);
        // Two of twenty are wanted: one level has three, and the next all the others.
        let tied = |rare: usize| rows(&[vec![5.0; rare], vec![1.0; 20 - rare]].concat());
        assert_eq!([1, 3, 4].map(|rare| threshold(&tied(rare))), [5.0; 3]);
        // None is nearer to two than five are.
        assert_eq!([0, 5, 19].map(|rare| threshold(&tied(rare))), [f64::INFINITY; 3]);
        assert_eq!(threshold(&[]), f64::INFINITY);
    }

    #[test]
    fn information_by_hand() {
        // Two halves that always meet share ln 2; of 100 rows chance may make (1 + 4 sqrt 2) / 200.
        let codes: Vec<u32> = (0..100).map(|i| i % 2).collect();
        let expected = 2_f64.ln() - (1.0 + 4.0 * 2_f64.sqrt()) / 200.0;
        assert!((strength(&codes, &codes, 2, 3) - expected).abs() < 1e-12);
        let other: Vec<u32> = (0..100).map(|i| i / 2 % 2).collect();
        assert!(strength(&codes, &other, 2, 2) < 0.0);
    }

    #[test]
    fn a_row_is_rare_by_its_values_and_by_how_they_meet() {
        // The second column repeats the first, but for one row; the third has one rare value.
        let first: Vec<u32> = (0..100).map(|i| i % 2).collect();
        let second: Vec<u32> = (0..100).map(|i| if i == 7 { 0 } else { i % 2 }).collect();
        let third: Vec<u32> = (0..100).map(|i| u32::from(i == 40)).collect();
        let cells = [cells(2, &first), cells(2, &second), cells(2, &third)];
        assert_eq!(forest(&cells, 100, 1), [(0, 1)]);
        let rarity = Rarity::learn(&cells, 100, 1);
        let scores: Vec<f64> = rarity.of(&cells, 0).into_iter().map(|row| row.sum).collect();
        let mut order: Vec<usize> = (0..100).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        assert!(order[..2] == [40, 7] || order[..2] == [7, 40], "{order:?}");
        // Row 0: 50, 51 and 99 of 100 rows; codes 0 and 0 meet 50 times where 25.5 are expected.
        let single = |c: f64| (100.5 / (c + 0.5)).ln();
        let expected = single(50.0) + single(51.0) + single(99.0) + (26.0_f64 / 50.5).ln();
        assert!((scores[0] - expected).abs() < 1e-12);
        assert!(rarity.of(&cells, 0).iter().all(|row| !row.unseen));
        // 0 and 1 do not meet in training; 1 and 0 do, once.
        let fresh = [[0, 1], [1, 0], [0, 0]].map(|[a, b]| [vec![a], vec![b], vec![0]]);
        let unseen = fresh.map(|row| {
            let cells: Vec<Cells> = row.iter().map(|codes| self::cells(2, codes)).collect();
            rarity.of(&cells, 0)[0].unseen
        });
        assert_eq!(unseen, [true, false, false]);
    }

    #[test]
    fn a_forest_has_no_circle() {
        let codes: Vec<u32> = (0..400).map(|i| i % 4).collect();
        let cells: Vec<Cells> = (0..5).map(|_| cells(4, &codes)).collect();
        assert_eq!(forest(&cells, 400, 1).len(), 4);
    }
}
