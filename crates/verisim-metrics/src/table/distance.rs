//! Does the table repeat its training rows? The distance of every synthetic row to its closest record among the
//! training rows, beside that to equally many hold-out rows, which it cannot have copied.
//!
//! How far the table is on its way to a copy is asked of all real rows at once ([`Way`]): the closest real row of a synthetic row that
//! was made without looking is a hold-out row as often as any real row is one.
//!
//! The distance is L1: numbers scaled by the training range to 0..1, two for every category that differs (the
//! L1 distance of one-hot rows), and two where only one of the numbers is missing (the median stands in for
//! its value). Neighbours are exact: a tree over the rows is searched branch and bound.
//!
//! The search is our own. No library was found that is exact over numbers and categories together: k-d trees (`kiddo`) take
//! points of numbers alone, where each level of a category would be a number, and graphs (`hnsw_rs`) may miss the nearest
//! row, so that a copy may go unseen.

use rayon::prelude::*;
use verisim_data::rng::stream;

use super::detection::{sample, shuffle};
use super::report::{Distance, Way};
use super::values::{Comparison, Scale, ValueTable, Values};
use crate::Estimate;
use crate::estimate::quantile;

/// What a differing category costs.
const MISMATCH: f32 = 2.0;
/// A number is at most this many training ranges away.
const FAR: f64 = 1e9;
/// Distances closer than this are ties.
const TIE: f32 = 1e-6;
/// Cells that the search may look at, roughly; some seconds. Where rows have many columns a tree spares few of them.
const WORK: f64 = 4e9;
/// Synthetic rows that are searched for in any case, and those that tell how long a search is.
const LEAST: usize = 1_000;
const PILOT: usize = 200;
/// Rows that are cheaper to compare one by one than to split.
const LEAF_ROWS: usize = 12;

/// Compares distances to training and hold-out rows, for at most `limit` synthetic rows; with `full` for so many, however long it takes.
pub(crate) fn distance(tables: &Comparison, holdout: &ValueTable, limit: usize, full: bool, seed: u64) -> Distance {
    let n = tables.real.rows.min(holdout.rows);
    let space = Space::new(tables, holdout);
    let pool = Pool::new(&space, tables, holdout, seed);
    let limit = if full { limit } else { limit.min(pool.affordable(&space, tables, seed)) };
    let way = || pool.way(&space, tables, limit, seed);
    let (sides, way) = rayon::join(|| sides(&space, tables, holdout, n, limit, seed), way);
    Distance { way, ..sides }
}

/// The training rows and the hold-out in one tree that knows neither.
struct Pool {
    tree: Tree,
    /// The place of each row of the tree among both, the training rows first.
    order: Vec<usize>,
    train: usize,
}

impl Pool {
    fn new(space: &Space, tables: &Comparison, holdout: &ValueTable, seed: u64) -> Pool {
        // In an order that does not know the sides either: of rows equally far, the first is taken.
        let mut order: Vec<usize> = (0..tables.real.rows + holdout.rows).collect();
        shuffle(&mut order, &mut stream(seed, "metrics pool", 0));
        let points = space.points(&tables.real.under(holdout).take(&order));
        Pool { tree: Tree::new(points), order, train: tables.real.rows }
    }

    /// How many synthetic rows can be searched for in this and in the trees of either side.
    fn affordable(&self, space: &Space, tables: &Comparison, seed: u64) -> usize {
        let rows = tables.synthetic.rows;
        let pilot = space.points(&tables.synthetic.take(&sample(rows, rows.min(PILOT), seed, 6)));
        let width = (pilot.width + pilot.categories) as f64;
        let looked: u64 = self.tree.closest(&pilot).iter().map(|found| found.looked).sum();
        let each = 2.0 * width * looked as f64 / pilot.rows as f64;
        LEAST.max((WORK / each.max(1.0)) as usize)
    }

    /// Where the closest real row of each synthetic row is.
    fn way(&self, space: &Space, tables: &Comparison, limit: usize, seed: u64) -> Way {
        let rows = tables.synthetic.rows;
        let synthetic = tables.synthetic.take(&sample(rows, limit.min(rows), seed, 2));
        let mut chosen = vec![0_u32; self.order.len()];
        let closest = self.tree.closest(&space.points(&synthetic));
        closest.iter().for_each(|found| chosen[self.order[found.row as usize]] += 1);
        Way::of(&chosen, self.train)
    }
}
impl Way {
    /// How often each real row is the closest, the first `n` of them training rows. Under no leaning, which rows are training rows
    /// is chance: the sum over the hold-out is that of a sample without replacement, whose variance is known (Cochran, Sampling
    /// Techniques, 1977, 2.8). Many synthetic rows around one real row are one piece of evidence in it.
    fn of(chosen: &[u32], n: usize) -> Way {
        let (all, h) = (chosen.len() as f64, (chosen.len() - n) as f64);
        let total: f64 = chosen.iter().map(|&c| f64::from(c)).sum();
        let held: f64 = chosen[n..].iter().map(|&c| f64::from(c)).sum();
        let (mean, share) = (total / all, h / all);
        let spread: f64 = chosen.iter().map(|&c| (f64::from(c) - mean).powi(2)).sum::<f64>() / (all - 1.0);
        let error = (h * (1.0 - share) * spread).sqrt();
        let expected = total * share;
        Way {
            gone: Estimate::normal(1.0 - held / expected, error / expected, f64::NEG_INFINITY, 1.0),
            deviation: error / expected,
            closest_in_holdout: held as usize,
            expected_in_holdout: expected,
        }
    }
}

/// The shares of rows that are closer to either side, of equally many rows on both.
fn sides(space: &Space, tables: &Comparison, holdout: &ValueTable, n: usize, limit: usize, seed: u64) -> Distance {
    let points = |t: &ValueTable, k: usize, side| space.points(&t.take(&sample(t.rows, k.min(t.rows), seed, side)));
    let synthetic = points(&tables.synthetic, limit, 2);
    let nearest = |t: &ValueTable, side| {
        let tree = Tree::new(points(t, n, side));
        tree.nearest(&synthetic)
    };
    let (mut train, mut held) = rayon::join(|| nearest(&tables.real, 0), || nearest(holdout, 1));
    let closer: Vec<f64> = train
        .iter()
        .zip(&held)
        .map(|(a, b)| match a - b {
            d if d.abs() <= f64::from(TIE) => 0.5,
            d => f64::from(u8::from(d < 0.0)),
        })
        .collect();
    let rows = closer.len() as f64;
    let share = closer.iter().sum::<f64>() / rows;
    let variance = closer.iter().map(|c| (c - share).powi(2)).sum::<f64>() / rows;
    let covered = n as f64 / tables.real.rows as f64;
    Distance {
        share_closer_to_train: Estimate::normal(share, (variance / rows).sqrt(), 0.0, 1.0),
        ties: closer.iter().filter(|c| **c == 0.5).count() as f64 / rows,
        copier_share: covered + (1.0 - covered) / 2.0,
        synthetic_rows: closer.len(),
        rows_each_side: n,
        median_to_train: quantile(&mut train, 0.5),
        median_to_holdout: quantile(&mut held, 0.5),
        p05_to_train: quantile(&mut train, 0.05),
        p05_to_holdout: quantile(&mut held, 0.05),
        way: Way::default(),
    }
}

/// How each column enters the distance.
struct Space {
    /// For each number its column, minimum, range and median, all from the training rows.
    numbers: Vec<(usize, f64, f64, f64)>,
    categories: Vec<usize>,
    /// Numbers with a missing value in some table: being missing is a category of theirs.
    gaps: Vec<usize>,
}

impl Space {
    fn new(tables: &Comparison, holdout: &ValueTable) -> Space {
        let mut space = Space { numbers: Vec::new(), categories: Vec::new(), gaps: Vec::new() };
        for (j, field) in tables.fields.iter().enumerate() {
            if let Scale::Category { .. } = field.scale {
                space.categories.push(j);
                continue;
            }
            let Values::Number(values) = &tables.real.columns[j] else {
                continue;
            };
            let mut present: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
            let low = present.iter().copied().fold(f64::INFINITY, f64::min);
            let high = present.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let middle = quantile(&mut present, 0.5);
            let range = if high > low { high - low } else { 1.0 };
            space.numbers.push((j, low, range, middle));
            let all = [&tables.real, &tables.synthetic, holdout];
            let gap = |t: &&ValueTable| matches!(&t.columns[j], Values::Number(v) if v.iter().any(|x| x.is_nan()));
            if all.iter().any(gap) {
                space.gaps.push(j);
            }
        }
        space
    }

    fn points(&self, table: &ValueTable) -> Points {
        let (width, categories) = (self.numbers.len(), self.categories.len() + self.gaps.len());
        let mut points = Points {
            rows: table.rows,
            width,
            categories,
            numbers: vec![0.0; table.rows * width],
            codes: vec![0; table.rows * categories],
        };
        for (k, &(j, low, range, middle)) in self.numbers.iter().enumerate() {
            let Values::Number(v) = &table.columns[j] else {
                continue;
            };
            for (o, &x) in points.numbers.iter_mut().skip(k).step_by(width).zip(v) {
                let scaled = (if x.is_nan() { middle } else { x } - low) / range;
                *o = if scaled.is_nan() { 0.0 } else { scaled.clamp(-FAR, FAR) as f32 };
            }
        }
        for (k, &j) in self.categories.iter().chain(&self.gaps).enumerate() {
            let out = points.codes.iter_mut().skip(k).step_by(categories);
            match &table.columns[j] {
                Values::Category(v) => out.zip(v).for_each(|(o, &c)| *o = c),
                Values::Number(v) => out.zip(v).for_each(|(o, x)| *o = u32::from(x.is_nan())),
            }
        }
        points
    }
}

/// Rows as the distance sees them, row-major.
#[derive(Clone)]
struct Points {
    rows: usize,
    width: usize,
    categories: usize,
    numbers: Vec<f32>,
    codes: Vec<u32>,
}

impl Points {
    fn row(&self, i: usize) -> (&[f32], &[u32]) {
        let (w, c) = (self.width, self.categories);
        (&self.numbers[i * w..(i + 1) * w], &self.codes[i * c..(i + 1) * c])
    }
}

fn l1(a: (&[f32], &[u32]), b: (&[f32], &[u32])) -> f32 {
    let numbers: f32 = a.0.iter().zip(b.0).map(|(x, y)| (x - y).abs()).sum();
    let mismatches: u32 = a.1.iter().zip(b.1).map(|(x, y)| u32::from(x != y)).sum();
    numbers + MISMATCH * mismatches as f32
}

/// A tree over rows. A split on a number keeps the nearest value of either side, a split on a category asks
/// whether a row has one given code; so each side adds to the distance in one column only, and the bound of a
/// branch is updated in constant time (Arya and Mount, DCC 1993).
struct Tree {
    /// In the order of the leaves.
    points: Points,
    /// The row that each of them was.
    order: Vec<u32>,
    nodes: Vec<Node>,
}

enum Node {
    Leaf { from: usize, to: usize },
    Number { column: usize, below: f32, above: f32, children: [usize; 2] },
    Category { column: usize, code: u32, children: [usize; 2] },
}

/// Where to cut a set of rows.
enum Cut {
    Number { column: usize, at: f32 },
    Category { column: usize, code: u32 },
}

impl Tree {
    fn new(points: Points) -> Tree {
        let mut order: Vec<u32> = (0..points.rows as u32).collect();
        let mut tree = Tree { points: points.clone(), order: Vec::new(), nodes: Vec::new() };
        let mut counts = vec![0; points.codes.iter().max().map_or(0, |&c| c as usize + 1)];
        tree.grow(&points, &mut order, 0, &mut counts);
        for (to, &from) in order.iter().enumerate() {
            let (w, c, from) = (points.width, points.categories, from as usize);
            tree.points.numbers[to * w..(to + 1) * w].copy_from_slice(points.row(from).0);
            tree.points.codes[to * c..(to + 1) * c].copy_from_slice(points.row(from).1);
        }
        tree.order = order;
        tree
    }

    /// Adds the subtree of `rows`, which start at `offset` in leaf order, and returns its node.
    fn grow(&mut self, points: &Points, rows: &mut [u32], offset: usize, counts: &mut [u32]) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node::Leaf { from: offset, to: offset + rows.len() });
        if rows.len() <= LEAF_ROWS {
            return node;
        }
        let Some(cut) = best_cut(points, rows, counts) else {
            // All rows are equal: one stands for all.
            self.nodes[node] = Node::Leaf { from: offset, to: offset + 1 };
            return node;
        };
        let goes_left = |&r: &u32| match cut {
            Cut::Number { column, at } => points.row(r as usize).0[column] <= at,
            Cut::Category { column, code } => points.row(r as usize).1[column] == code,
        };
        let middle = partition(rows, goes_left);
        let (left, right) = rows.split_at_mut(middle);
        let edge = |rows: &[u32], column: usize, start: f32, pick: fn(f32, f32) -> f32| {
            rows.iter().map(|&r| points.row(r as usize).0[column]).fold(start, pick)
        };
        let edges = match cut {
            Cut::Number { column, .. } => {
                (edge(left, column, f32::NEG_INFINITY, f32::max), edge(right, column, f32::INFINITY, f32::min))
            }
            Cut::Category { .. } => (0.0, 0.0),
        };
        let children = [self.grow(points, left, offset, counts), self.grow(points, right, offset + middle, counts)];
        self.nodes[node] = match cut {
            Cut::Number { column, .. } => Node::Number { column, below: edges.0, above: edges.1, children },
            Cut::Category { column, code } => Node::Category { column, code, children },
        };
        node
    }

    /// The distance of every row of `queries` to its nearest row.
    fn nearest(&self, queries: &Points) -> Vec<f64> {
        self.closest(queries).into_iter().map(|found| f64::from(found.distance)).collect()
    }

    /// The nearest row of every row of `queries`.
    fn closest(&self, queries: &Points) -> Vec<Closest> {
        let one = |i: usize| {
            let query = queries.row(i);
            let paid = vec![0.0; query.0.len() + query.1.len()];
            let mut search = Search { tree: self, query, paid, best: f32::INFINITY, row: 0, looked: 0 };
            search.visit(0, 0.0);
            Closest { distance: search.best, row: self.order[search.row], looked: search.looked }
        };
        (0..queries.rows).into_par_iter().with_min_len(64).map(one).collect()
    }
}

/// The nearest row of another one.
struct Closest {
    distance: f32,
    row: u32,
    /// Rows that were compared to find it.
    looked: u64,
}

/// Moves the rows that go left to the front and returns their number.
fn partition(rows: &mut [u32], goes_left: impl Fn(&u32) -> bool) -> usize {
    let mut middle = 0;
    for i in 0..rows.len() {
        if goes_left(&rows[i]) {
            rows.swap(i, middle);
            middle += 1;
        }
    }
    middle
}

/// The column in which two random rows differ most, cut at its mean or its commonest code. `None` if all rows
/// are equal. `counts` is scratch space, one zero per code.
fn best_cut(points: &Points, rows: &[u32], counts: &mut [u32]) -> Option<Cut> {
    let n = rows.len() as f32;
    let mut best = (0.0, None);
    for column in 0..points.categories {
        let code = |&r: &u32| points.row(r as usize).1[column];
        let mut top = (0, 0);
        for c in rows.iter().map(code) {
            counts[c as usize] += 1;
            let count = counts[c as usize];
            if count > top.0 || (count == top.0 && c < top.1) {
                top = (count, c);
            }
        }
        rows.iter().for_each(|r| counts[code(r) as usize] = 0);
        let share = top.0 as f32 / n;
        let spread = MISMATCH * 2.0 * share * (1.0 - share);
        if spread > best.0 {
            best = (spread, Some(Cut::Category { column, code: top.1 }));
        }
    }
    for column in 0..points.width {
        let values = || rows.iter().map(|&r| points.row(r as usize).0[column]);
        let (low, high) = values().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        if low < high {
            let mean = (values().map(f64::from).sum::<f64>() / f64::from(n)) as f32;
            let spread = values().map(|x| (x - mean).abs()).sum::<f32>() / n * 1.4;
            // The maximum itself must stay on the right, whatever the rounding of the mean.
            let at = if mean < high { mean.max(low) } else { low };
            if spread > best.0 {
                best = (spread, Some(Cut::Number { column, at }));
            }
        }
    }
    best.1
}

/// One query on its way through the tree.
struct Search<'a> {
    tree: &'a Tree,
    query: (&'a [f32], &'a [u32]),
    /// The least that each column adds to the distance inside the current branch.
    paid: Vec<f32>,
    best: f32,
    /// The best row, by its place in the tree.
    row: usize,
    /// Rows that were looked at.
    looked: u64,
}

impl Search<'_> {
    /// Visits a branch none of whose rows is closer than `bound`.
    fn visit(&mut self, node: usize, bound: f32) {
        match self.tree.nodes[node] {
            Node::Leaf { from, to } => {
                self.looked += (to - from) as u64;
                for i in from..to {
                    let distance = l1(self.query, self.tree.points.row(i));
                    if distance < self.best {
                        (self.best, self.row) = (distance, i);
                    }
                }
            }
            Node::Number { column, below, above, children: [left, right] } => {
                let x = self.query.0[column];
                let (to_left, to_right) = ((x - below).max(0.0), (above - x).max(0.0));
                if to_left <= to_right {
                    self.enter(left, bound, column, to_left);
                    self.enter(right, bound, column, to_right);
                } else {
                    self.enter(right, bound, column, to_right);
                    self.enter(left, bound, column, to_left);
                }
            }
            Node::Category { column, code, children: [same, other] } => {
                let slot = self.query.0.len() + column;
                if self.query.1[column] == code {
                    self.enter(same, bound, slot, 0.0);
                    self.enter(other, bound, slot, MISMATCH);
                } else {
                    self.enter(other, bound, slot, 0.0);
                    self.enter(same, bound, slot, MISMATCH);
                }
            }
        }
    }

    /// Visits a child in which column `slot` costs at least `cost`, unless that is already too far.
    fn enter(&mut self, child: usize, bound: f32, slot: usize, cost: f32) {
        let before = self.paid[slot];
        let cost = cost.max(before);
        let bound = bound - before + cost;
        if bound < self.best {
            self.paid[slot] = cost;
            self.visit(child, bound);
            self.paid[slot] = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use verisim_data::rng::{below, stream, uniform};

    fn points(rows: usize, seed: u64) -> Points {
        let mut rng = stream(seed, "test points", 0);
        let (width, categories) = (3, 4);
        let numbers = (0..rows * width).map(|_| (uniform(&mut rng) * 10.0).round() as f32 / 10.0);
        let numbers = numbers.collect();
        let codes = (0..rows * categories).map(|_| below(&mut rng, 5) as u32).collect();
        Points { rows, width, categories, numbers, codes }
    }

    #[test]
    fn the_tree_finds_what_a_full_scan_finds() {
        for (rows, seed) in [(1, 1), (40, 2), (700, 3)] {
            let (records, queries) = (points(rows, seed), points(90, seed + 10));
            let found = Tree::new(records.clone()).nearest(&queries);
            for (i, d) in found.iter().enumerate() {
                let scan = (0..rows).map(|r| l1(queries.row(i), records.row(r))).fold(f32::INFINITY, f32::min);
                assert!((f64::from(scan) - d).abs() < 1e-5, "row {i} of {rows}: {scan} against {d}");
            }
        }
    }

    #[test]
    fn the_way_by_hand() {
        // Of 4 training and 2 hold-out rows, 6 synthetic rows choose 2, 1, 1, 0 and 1, 1: a third, as expected.
        let way = Way::of(&[2, 1, 1, 0, 1, 1], 4);
        assert_eq!((way.gone.value, way.closest_in_holdout, way.expected_in_holdout), (0.0, 2, 2.0));
        // Spread 2 / 5 around 1, so the sum over 2 of 6 rows varies by 2 (1 - 1/3) 2/5 = 8/15.
        assert!((way.deviation - (8.0_f64 / 15.0).sqrt() / 2.0).abs() < 1e-12);
        assert_eq!(Way::of(&[3, 3, 0, 0], 2).gone.value, 1.0);
        assert_eq!(Way::of(&[0, 0, 3, 3], 2).gone.value, -1.0);
    }

    #[test]
    fn equal_rows_need_one_leaf() {
        let mut same = points(1, 4);
        same.rows = 100;
        same.numbers = same.numbers.repeat(100);
        same.codes = same.codes.repeat(100);
        let tree = Tree::new(same.clone());
        assert_eq!(tree.nodes.len(), 1);
        assert!(tree.nearest(&same).iter().all(|d| *d == 0.0));
    }

    #[test]
    fn the_distance_by_hand() {
        let d = l1((&[0.25, 1.0], &[1, 2, 3]), (&[0.5, 0.0], &[1, 0, 0]));
        assert_eq!(d, 0.25 + 1.0 + 4.0);
    }
}
