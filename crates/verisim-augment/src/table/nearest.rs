//! The nearest rows of rows: a k-d tree whose boxes know categories too.
//!
//! The tree halves its rows at the median of the number that varies most, or parts those that have the commonest level of a category
//! from the others where that tells more (of very many levels, half from half). Its leaves are blocks of 64 rows that are compared with a row at once. A block is first
//! compared in single precision, and what might be among the nearest is compared again in double, so neighbours are exact.
//!
//! A tree helps where a table has few columns that vary on their own, up to about 15. Beyond, most blocks must be looked at, and the
//! search costs as much as comparing all pairs: 100,000 rows of 30 columns are 10^10 pairs. `most` ends the search of a row after
//! so many rows were compared. The nearest blocks come first, so its neighbours are then near and perhaps not the nearest; how many
//! rows that happened to is said.
//!
//! A million rows of 8 columns, 100,000 of them of the class that grows, on two busy cores: SMOTE 10 s, ADASYN (the neighbours of the class
//! among all) 71 s, Tomek links (those of all rows) 148 s, where the searches of 1,476 rows ended early.
//!
//! Equally near rows come in the order of the table, so the result does not depend on threads.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::space::Space;

/// Rows in a leaf, at most.
const LEAF: usize = 64;
/// Nodes of more rows are built on several threads.
const APART: usize = 4096;
/// A level that at least this share of a node's rows has is parted from the others, so that no tree is deep.
const COMMON: f64 = 0.1;
/// Numbers after which a block is given up if none of its rows can be near.
const STRIDE: usize = 8;
/// Rows that are searched at a time on one thread.
const BATCH: usize = 256;

/// Neighbours of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// For each row that was asked for its neighbours, the nearest first: as many as were wanted, or all that there are.
    pub neighbours: Vec<Vec<usize>>,
    /// Rows whose search ended early; the neighbours of all others are exact.
    pub cut: usize,
}

/// Some rows of a space, ready to be searched.
#[derive(Debug)]
pub struct Tree<'a> {
    space: &'a Space,
    weight: f64,
    root: Option<Node>,
    /// The largest number by size: what single precision loses follows from it.
    size: f64,
}

/// A box of rows.
#[derive(Debug)]
struct Node {
    low: Box<[f64]>,
    high: Box<[f64]>,
    /// The least and the greatest code of each category.
    codes: Box<[(u32, u32)]>,
    /// The first of its rows.
    first: usize,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Halves(Box<[Node; 2]>),
    Leaf {
        rows: Box<[u32]>,
        /// Column after column.
        numbers: Box<[f32]>,
        codes: Box<[u32]>,
    },
}

impl<'a> Tree<'a> {
    /// The tree of `rows` of `space`, which must be fewer than 2^32. A category in which two rows differ adds `weight` to their squared
    /// distance. Costs a pass over all numbers for each halving.
    pub fn of(space: &'a Space, rows: &[usize], weight: f64) -> Tree<'a> {
        let mut order: Vec<u32> = rows.iter().map(|&i| i as u32).collect();
        let size = space.numbers.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let root = (!order.is_empty()).then(|| build(space, weight, &mut order));
        Tree { space, weight, root, size }
    }

    /// The `wanted` rows of the tree nearest to each row of `queries`, itself not among them. `most` is how many rows each is compared with
    /// at most; all that is needed when not given.
    pub fn nearest(&self, queries: &[usize], wanted: usize, most: Option<usize>) -> Found {
        let one = |&(k, row): &(usize, usize)| {
            let mut search = Search::new(self, row, wanted, most);
            if let Some(root) = self.root.as_ref().filter(|_| wanted > 0) {
                search.visit(root);
            }
            (k, search.best.into_iter().map(|(_, i)| i).collect::<Vec<usize>>(), search.cut)
        };
        // Rows that lie together look at the same blocks.
        let places = self.places();
        let mut order: Vec<(usize, usize)> = queries.iter().copied().enumerate().collect();
        order.sort_unstable_by_key(|&(k, row)| (places[row], k));
        let found: Vec<(usize, Vec<usize>, bool)> =
            order.par_iter().with_min_len(BATCH.min(queries.len() / 8 + 1)).map(one).collect();
        let mut neighbours = vec![Vec::new(); queries.len()];
        let mut cut = 0;
        for (k, rows, is_cut) in found {
            neighbours[k] = rows;
            cut += usize::from(is_cut);
        }
        Found { neighbours, cut }
    }

    /// Where each row of the space stands in the tree; those that are not in it come last.
    fn places(&self) -> Vec<u32> {
        let mut places = vec![u32::MAX; self.space.rows];
        let (mut next, mut open) = (0, Vec::from_iter(&self.root));
        while let Some(node) = open.pop() {
            match &node.inner {
                Inner::Halves(halves) => open.extend([&halves[1], &halves[0]]),
                Inner::Leaf { rows, .. } => {
                    for &row in rows {
                        places[row as usize] = next;
                        next += 1;
                    }
                }
            }
        }
        places
    }
}

fn build(space: &Space, weight: f64, rows: &mut [u32]) -> Node {
    let (mut low, mut high) = (vec![f64::INFINITY; space.width], vec![f64::NEG_INFINITY; space.width]);
    let mut codes = vec![(u32::MAX, 0); space.kinds];
    for &row in rows.iter() {
        for (j, &x) in space.numbers_of(row as usize).iter().enumerate() {
            low[j] = low[j].min(x);
            high[j] = high[j].max(x);
        }
        for (ends, &code) in codes.iter_mut().zip(space.codes_of(row as usize)) {
            *ends = (ends.0.min(code), ends.1.max(code));
        }
    }
    let first = rows.iter().copied().min().unwrap_or(0) as usize;
    let inner = match rows.len() <= LEAF {
        true => leaf(space, rows),
        false => {
            let at = part(space, weight, rows, (&low, &high, &codes));
            let (left, right) = rows.split_at_mut(at);
            let (left, right) = match left.len() + right.len() > APART {
                true => rayon::join(|| build(space, weight, left), || build(space, weight, right)),
                false => (build(space, weight, left), build(space, weight, right)),
            };
            Inner::Halves(Box::new([left, right]))
        }
    };
    Node { low: low.into(), high: high.into(), codes: codes.into(), first, inner }
}

fn leaf(space: &Space, rows: &mut [u32]) -> Inner {
    rows.sort_unstable();
    let at = |row: &u32| *row as usize;
    let numbers =
        (0..space.width).flat_map(|j| rows.iter().map(move |r| space.numbers[at(r) * space.width + j] as f32));
    let codes = (0..space.kinds).flat_map(|j| rows.iter().map(move |r| space.codes[at(r) * space.kinds + j]));
    Inner::Leaf { numbers: numbers.collect(), codes: codes.collect(), rows: (&*rows).into() }
}

/// Parts the rows of a node in two, and says where the second part begins. Rows that are all alike are parted by their place.
fn part(space: &Space, weight: f64, rows: &mut [u32], (low, high, codes): (&[f64], &[f64], &[(u32, u32)])) -> usize {
    let n = rows.len() as f64;
    let mut best = (0.0, None);
    for j in (0..space.width).filter(|&j| high[j] > low[j]) {
        let value = |row: &u32| space.numbers[*row as usize * space.width + j];
        let mean = rows.iter().map(|r| value(r) / n).sum::<f64>();
        let variance = rows.iter().map(|r| (value(r) - mean) * (value(r) - mean) / n).sum::<f64>();
        if variance > best.0 {
            best = (variance, Some((j, None)));
        }
    }
    for j in (0..space.kinds).filter(|&j| codes[j].0 < codes[j].1) {
        let mut counts: FxHashMap<u32, usize> = FxHashMap::default();
        rows.iter().for_each(|r| *counts.entry(space.codes[*r as usize * space.kinds + j]).or_default() += 1);
        let commonest = counts.iter().map(|(&code, &count)| (count, std::cmp::Reverse(code))).max();
        if let Some((count, std::cmp::Reverse(code))) = commonest {
            let share = count as f64 / n;
            let variance = weight * share * (1.0 - share);
            if variance > best.0 {
                best = (variance, Some((j, Some(code))));
            }
        }
    }
    match best.1 {
        Some((j, Some(code))) => {
            let of = |row: &u32| space.codes[*row as usize * space.kinds + j];
            let common = rows.iter().filter(|row| of(row) == code).count();
            if common as f64 >= COMMON * n {
                rows.sort_unstable_by_key(|row| (of(row) != code, *row));
                return common;
            }
            // Of very many levels none is common; as many codes as make about half of the rows stand on either side.
            rows.sort_unstable_by_key(|row| (of(row), *row));
            let middle = of(&rows[rows.len() / 2]);
            match rows.partition_point(|row| of(row) < middle) {
                0 => rows.partition_point(|row| of(row) <= middle),
                at => at,
            }
        }
        Some((j, None)) => {
            let value = |row: u32| space.numbers[row as usize * space.width + j];
            let middle = rows.len() / 2;
            rows.select_nth_unstable_by(middle, |&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));
            middle
        }
        None => {
            let middle = rows.len() / 2;
            rows.select_nth_unstable(middle);
            middle
        }
    }
}

/// The search for the neighbours of one row.
struct Search<'a> {
    tree: &'a Tree<'a>,
    row: usize,
    k: usize,
    /// The nearest so far, nearest first: squared distance and row.
    best: Vec<(f64, usize)>,
    single: Vec<f32>,
    left: usize,
    cut: bool,
}

impl<'a> Search<'a> {
    fn new(tree: &'a Tree<'a>, row: usize, k: usize, most: Option<usize>) -> Search<'a> {
        let single = tree.space.numbers_of(row).iter().map(|&x| x as f32).collect();
        Search { tree, row, k, best: Vec::with_capacity(k + 1), single, left: most.unwrap_or(usize::MAX), cut: false }
    }

    /// Whether something at this squared distance, of which this row is the first, can be among the nearest.
    fn may_be(&self, distance: f64, row: usize) -> bool {
        self.best.len() < self.k || self.best.last().is_some_and(|&(d, i)| distance < d || (distance == d && row < i))
    }

    /// The squared distance of the row from the box of a node. Terms are added as those of a distance, so it is never above one.
    fn bound(&self, node: &Node) -> f64 {
        let space = self.tree.space;
        let mut sum = 0.0;
        for ((x, low), high) in space.numbers_of(self.row).iter().zip(&node.low).zip(&node.high) {
            let out = if x < low {
                low - x
            } else if x > high {
                x - high
            } else {
                0.0
            };
            sum += out * out;
        }
        let differ =
            space.codes_of(self.row).iter().zip(&node.codes).filter(|(code, ends)| **code < ends.0 || **code > ends.1);
        sum + self.tree.weight * differ.count() as f64
    }

    fn visit(&mut self, node: &Node) {
        match &node.inner {
            Inner::Leaf { rows, numbers, codes } => self.compare(rows, numbers, codes),
            Inner::Halves(halves) => {
                let mut order = [(self.bound(&halves[0]), &halves[0]), (self.bound(&halves[1]), &halves[1])];
                if (order[1].0, order[1].1.first) < (order[0].0, order[0].1.first) {
                    order.swap(0, 1);
                }
                for (bound, node) in order {
                    if self.may_be(bound, node.first) {
                        if self.left == 0 && self.best.len() == self.k {
                            self.cut = true;
                            return;
                        }
                        self.visit(node);
                    }
                }
            }
        }
    }

    /// Compares the row with those of a leaf.
    fn compare(&mut self, rows: &[u32], numbers: &[f32], codes: &[u32]) {
        self.left = self.left.saturating_sub(rows.len());
        let Some(near) = self.screen(rows.len(), numbers, codes) else { return };
        for (_, &row) in rows.iter().enumerate().filter(|(k, _)| near >> k & 1 == 1) {
            let row = row as usize;
            let distance = self.tree.space.distance(self.row, row, self.tree.weight);
            if row != self.row && self.may_be(distance, row) {
                let at = self.best.partition_point(|&(d, i)| (d, i) < (distance, row));
                self.best.insert(at, (distance, row));
                self.best.truncate(self.k);
            }
        }
    }

    /// Which rows of a leaf may be among the nearest, as bits, by what single precision says of them.
    fn screen(&self, n: usize, numbers: &[f32], codes: &[u32]) -> Option<u64> {
        let all = if n == LEAF { u64::MAX } else { (1 << n) - 1 };
        let worst = match self.best.last() {
            Some(&(worst, _)) if self.best.len() == self.k => worst,
            _ => return Some(all),
        };
        // A single holds 24 bits, so each difference is off by at most 2^-23 of the largest number.
        let lost = (self.tree.space.width as f64).sqrt() * self.tree.size * 2.0_f64.powi(-22);
        let limit = ((worst.sqrt() + lost) * (worst.sqrt() + lost) * 1.0001) as f32;
        let mut sums = [0.0_f32; LEAF];
        let sums = &mut sums[..n];
        let far = |sums: &[f32]| sums.iter().fold(true, |far, &s| far & (s > limit));
        for (j, column) in numbers.chunks_exact(n).enumerate() {
            let x = self.single[j];
            sums.iter_mut().zip(column).for_each(|(sum, y)| *sum += (y - x) * (y - x));
            if j % STRIDE == STRIDE - 1 && far(sums) {
                return None;
            }
        }
        let weight = self.tree.weight as f32;
        for (column, code) in codes.chunks_exact(n).zip(self.tree.space.codes_of(self.row)) {
            sums.iter_mut().zip(column).for_each(|(sum, y)| *sum += if y == code { 0.0 } else { weight });
        }
        if far(sums) {
            return None;
        }
        // What is no number, since it is past what a single holds, is looked at.
        let near = |sum: f32| sum <= limit || sum.is_nan() || limit.is_nan();
        Some(sums.iter().enumerate().fold(0, |bits, (k, &sum)| bits | u64::from(near(sum)) << k))
    }
}
