//! How a tree grows: which split a node takes, and when it takes none.

use verisim_data::rng::{permutation, stream};

use super::tree::{LEAF, Node, Tree};

/// Rows of a node for each class that a split sees of an ordered target.
const ROWS_PER_CLASS: usize = 25;

/// What growing one tree needs to see, and how far it may grow.
pub struct Grower<'a> {
    /// Class of the target, a row each, and how many classes there are.
    pub class: &'a [u8],
    pub classes: usize,
    /// Split bin of each feature, a row each, and how many bins each feature has.
    pub bins: &'a [Vec<u8>],
    pub widths: Vec<usize>,
    /// Token of the target, a row each.
    pub tokens: &'a [u32],
    /// Whether the order of the classes means something.
    pub ordered: bool,
    /// Fewest rows in a leaf.
    pub min_leaf: usize,
    /// Deepest leaf.
    pub max_depth: usize,
    /// Standard deviations by which a split must beat noise.
    pub significance: f64,
    /// Whether leaf counts come from other rows than those that chose the splits.
    pub honest: bool,
    /// Features that there are for each that was chosen to be seen: a split must be the best of those too.
    pub screened: f64,
}

/// The best threshold of a node.
struct Split {
    feature: usize,
    bin: usize,
    gain: f64,
}

impl Grower<'_> {
    /// A tree of all rows. `index` tells the trees of a model apart, for those that are honest.
    pub fn grow(&self, seed: u64, index: u64) -> Tree {
        let n = self.tokens.len();
        let mut rows: Vec<u32> = (0..n as u32).collect();
        let mut tree = Tree { nodes: Vec::new(), tokens: Vec::new(), cumulative: vec![0] };
        if self.honest && n >= 2 {
            let shuffled = permutation(&mut stream(seed, "honest", index), n);
            let (mut grow, mut fill): (Vec<u32>, Vec<u32>) = (
                shuffled[..n / 2].iter().map(|&i| i as u32).collect(),
                shuffled[n / 2..].iter().map(|&i| i as u32).collect(),
            );
            let histogram = self.histogram(&grow);
            self.node(&mut tree, &mut grow, Some(&mut fill), histogram, 0);
        } else {
            let histogram = self.histogram(&rows);
            self.node(&mut tree, &mut rows, None, histogram, 0);
        }
        tree
    }

    /// Counts of every (feature bin, class), features one after another.
    fn histogram(&self, rows: &[u32]) -> Vec<u32> {
        let k = self.classes;
        let mut histogram = vec![0u32; self.widths.iter().sum::<usize>() * k];
        let mut at = 0;
        for (bins, width) in self.bins.iter().zip(&self.widths) {
            let part = &mut histogram[at..at + width * k];
            for &r in rows {
                part[usize::from(bins[r as usize]) * k + usize::from(self.class[r as usize])] += 1;
            }
            at += width * k;
        }
        histogram
    }

    /// Grows the subtree of `rows`; with `fill`, leaves take their counts from those rows instead.
    fn node(&self, tree: &mut Tree, rows: &mut [u32], fill: Option<&mut [u32]>, histogram: Vec<u32>, depth: usize) {
        let me = tree.nodes.len();
        let start = tree.tokens.len() as u32;
        tree.nodes.push(Node { feature: LEAF, bin: 0, right: 0, start, end: start });
        let split = if depth < self.max_depth { self.best_split(rows, &histogram) } else { None };
        let done = match split {
            Some(split) => self.branch(tree, me, rows, fill, histogram, depth, &split),
            None => Err(fill),
        };
        if let Err(fill) = done {
            self.leaf(tree, fill.map_or(&*rows, |f| &*f));
        }
        tree.nodes[me].end = tree.tokens.len() as u32;
    }

    /// Splits; gives `fill` back when one side of it would be too small to be a leaf.
    #[allow(clippy::too_many_arguments)]
    fn branch<'f>(
        &self,
        tree: &mut Tree,
        me: usize,
        rows: &mut [u32],
        fill: Option<&'f mut [u32]>,
        histogram: Vec<u32>,
        depth: usize,
        split: &Split,
    ) -> std::result::Result<(), Option<&'f mut [u32]>> {
        let bins = &self.bins[split.feature];
        let left = |r: u32| usize::from(bins[r as usize]) <= split.bin;
        let (fill_left, fill_right) = match fill {
            Some(fill) => {
                let at = partition(fill, left);
                if at < self.min_leaf || fill.len() - at < self.min_leaf {
                    return Err(Some(fill));
                }
                let (a, b) = fill.split_at_mut(at);
                (Some(a), Some(b))
            }
            None => (None, None),
        };
        let at = partition(rows, left);
        let (a, b) = rows.split_at_mut(at);
        // The smaller side is counted, the larger is the rest.
        let small = self.histogram(if a.len() <= b.len() { a } else { b });
        let mut large = histogram;
        large.iter_mut().zip(&small).for_each(|(l, s)| *l -= s);
        let (ha, hb) = if a.len() <= b.len() { (small, large) } else { (large, small) };
        tree.nodes[me].feature = split.feature as u32;
        tree.nodes[me].bin = split.bin as u32;
        self.node(tree, a, fill_left, ha, depth + 1);
        tree.nodes[me].right = tree.nodes.len() as u32;
        self.node(tree, b, fill_right, hb, depth + 1);
        Ok(())
    }

    fn leaf(&self, tree: &mut Tree, rows: &[u32]) {
        let mut tokens: Vec<u32> = rows.iter().map(|&r| self.tokens[r as usize]).collect();
        tokens.sort_unstable();
        let mut before = tree.cumulative[tree.cumulative.len() - 1];
        for run in tokens.chunk_by(|a, b| a == b) {
            before += run.len() as u32;
            tree.tokens.push(run[0]);
            tree.cumulative.push(before);
        }
    }

    /// The histogram with neighbouring classes of an ordered target joined until each has rows enough to tell a split
    /// from noise: a shift of the values shows in few classes as in many, and few have less noise.
    fn merge(&self, n: usize, histogram: &[u32]) -> Option<(Vec<u32>, usize)> {
        let most = (n / ROWS_PER_CLASS).max(2);
        if !self.ordered || self.classes <= most {
            return None;
        }
        let mut shift = 1;
        while self.classes.div_ceil(1 << shift) > most {
            shift += 1;
        }
        let k = self.classes.div_ceil(1 << shift);
        let mut joined = vec![0u32; histogram.len() / self.classes * k];
        for (from, to) in histogram.chunks(self.classes).zip(joined.chunks_mut(k)) {
            for (c, &count) in from.iter().enumerate() {
                to[c >> shift] += count;
            }
        }
        Some((joined, k))
    }

    /// The split of largest gain, if it is significant.
    fn best_split(&self, rows: &[u32], histogram: &[u32]) -> Option<Split> {
        let n = rows.len();
        if n < 2 * self.min_leaf || self.bins.is_empty() {
            return None;
        }
        let merged = self.merge(n, histogram);
        let (histogram, k) = match &merged {
            Some((histogram, k)) => (histogram.as_slice(), *k),
            None => (histogram, self.classes),
        };
        let mut total = vec![0u32; k];
        for cell in histogram[..self.widths[0] * k].chunks(k) {
            total.iter_mut().zip(cell).for_each(|(t, c)| *t += c);
        }
        let present = total.iter().filter(|&&c| c > 0).count();
        if present < 2 {
            return None;
        }
        let mut best = Split { feature: 0, bin: 0, gain: 0.0 };
        let (mut at, mut candidates) = (0, 0usize);
        for (feature, width) in self.widths.iter().enumerate() {
            let part = &histogram[at..at + width * k];
            candidates += self.scan(feature, part, k, &total, n, &mut best);
            at += width * k;
        }
        // G of one noise split is chi-square with `present - 1` degrees of freedom; the best of many needs a margin.
        let freedom = (present - 1) as f64;
        let noise = freedom
            + self.significance * (2.0 * freedom).sqrt()
            + 2.0 * (candidates.max(1) as f64 * self.screened).ln();
        (best.gain > 0.0 && 2.0 * best.gain > noise).then_some(best)
    }

    /// Tries every threshold of one feature; returns how many there were.
    fn scan(&self, feature: usize, part: &[u32], k: usize, total: &[u32], n: usize, best: &mut Split) -> usize {
        let mut left = vec![0u32; k];
        let mut left_n = 0usize;
        let mut left_sum = 0.0;
        let mut right_sum: f64 = total.iter().map(|&c| x_ln_x(c)).sum();
        let whole = right_sum - x_ln_x(n as u32);
        let mut candidates = 0;
        for (bin, cell) in part.chunks(k).enumerate() {
            let mut moved = 0;
            for j in 0..k {
                let c = cell[j];
                if c > 0 {
                    let (l, r) = (left[j], total[j] - left[j]);
                    left_sum += x_ln_x(l + c) - x_ln_x(l);
                    right_sum += x_ln_x(r - c) - x_ln_x(r);
                    left[j] = l + c;
                    moved += c;
                }
            }
            if moved == 0 {
                continue;
            }
            left_n += moved as usize;
            let right_n = n - left_n;
            if right_n < self.min_leaf {
                break;
            }
            if left_n < self.min_leaf {
                continue;
            }
            candidates += 1;
            let gain = left_sum - x_ln_x(left_n as u32) + right_sum - x_ln_x(right_n as u32) - whole;
            if gain > best.gain {
                *best = Split { feature, bin, gain };
            }
        }
        candidates
    }
}

/// `x ln x`, from a table for the counts that come up all the time.
pub fn x_ln_x(x: u32) -> f64 {
    use std::sync::LazyLock;
    static TABLE: LazyLock<Vec<f64>> =
        LazyLock::new(|| (0..16_384).map(|x| if x == 0 { 0.0 } else { f64::from(x) * f64::from(x).ln() }).collect());
    match TABLE.get(x as usize) {
        Some(&v) => v,
        None => f64::from(x) * f64::from(x).ln(),
    }
}

/// Moves the rows for which `left` holds to the front, keeping no order; returns how many.
fn partition(rows: &mut [u32], left: impl Fn(u32) -> bool) -> usize {
    let mut at = 0;
    for i in 0..rows.len() {
        if left(rows[i]) {
            rows.swap(at, i);
            at += 1;
        }
    }
    at
}
