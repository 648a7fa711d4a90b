//! Gradient boosting of one yes-or-no question (Friedman, 2001), by Newton steps as in XGBoost (Chen and Guestrin, 2016), with
//! symmetric trees on histograms of bytes.
//!
//! Gradients are whole numbers, so that sums do not depend on the order of rows, and the histogram of one side of a split is exactly its
//! parent's less the other side's. How many trees there are is chosen by the likelihood of rows that grew none.

use verisim_data::rng::{Stream, uniform};

use super::forest::{Forest, Question};

/// How trees grow.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// Most trees.
    pub rounds: usize,
    /// Trees that are kept, as a multiple of those by which held-out rows are most likely. More than those repeat the training rows
    /// more closely; a sample is told apart less and leans more.
    pub overgrow: f64,
    /// Most questions of a tree.
    pub depth: usize,
    /// Share of a Newton step that is taken.
    pub rate: f64,
    /// Fewest rows on either side of a split, each counted as `4 p (1 - p)`: less where the answer is all but known.
    pub min_rows: f64,
    /// Added to the weight of a leaf, in the same unit.
    pub shrinkage: f64,
    /// Share of the rows that grow a tree.
    pub share: f64,
}

/// Trees without a better likelihood of held-out rows after which boosting ends.
const PATIENCE: usize = 30;

/// Rows of a question.
pub struct Rows<'a> {
    /// Bins of each feature, a row each; first those that grow trees, then those held out.
    pub columns: &'a [&'a [u8]],
    /// Bins of each feature.
    pub widths: &'a [usize],
    /// The answers.
    pub right: &'a [bool],
    /// How many rows grow trees.
    pub grow: usize,
}

/// Gradient and curvature of a row, or their sums, in one number: adding it adds both.
type Slope = i64;

/// The trees, and how likely the held-out rows are by them, in nats. `odds` are the log-odds of each row to begin with.
pub fn boost(growth: &Growth, rows: &Rows<'_>, mut odds: Vec<f32>, rng: &mut Stream) -> (Forest, f64) {
    let mut forest = Forest::default();
    let held = |odds: &[f32]| -> f64 {
        odds[rows.grow..].iter().zip(&rows.right[rows.grow..]).map(|(&o, &r)| likelihood(o, r)).sum()
    };
    let (mut best, mut kept) = (held(&odds), 0);
    let unit = unit(rows.grow);
    let mut slopes = vec![0; rows.grow];
    // So many trees are kept where those so far are the best.
    let wanted = |kept: usize| (kept as f64 * growth.overgrow) as usize;
    while forest.depths.len() < growth.rounds && forest.depths.len() < wanted(kept).max(kept + PATIENCE) {
        for ((slope, &o), &r) in slopes.iter_mut().zip(&odds).zip(rows.right) {
            *slope = slope_of(o, r, unit);
        }
        let some: Vec<u32> = (0..rows.grow as u32).filter(|_| uniform(rng) < growth.share).collect();
        let grower = Grower { growth, rows, slopes: &slopes, features: (0..rows.widths.len()).collect(), unit };
        let Some((questions, leaves)) = grower.tree(&some) else { break };
        forest.push(&questions, &leaves);
        forest.add_last(rows.columns, &mut odds);
        let now = held(&odds);
        if now > best {
            (best, kept) = (now, forest.depths.len());
        }
    }
    forest.truncate(wanted(kept).min(forest.depths.len()));
    (forest, best)
}

/// Log-likelihood of an answer, in nats.
fn likelihood(odds: f32, right: bool) -> f64 {
    let z = f64::from(if right { -odds } else { odds });
    if z > 0.0 { -z - (-z).exp().ln_1p() } else { -z.exp().ln_1p() }
}

/// The chance of the right half.
pub fn chance(odds: f32) -> f64 {
    1.0 / (1.0 + (-f64::from(odds)).exp())
}

/// How large 1 is among slopes, so that the sum over so many rows fits its half of a word.
fn unit(rows: usize) -> f64 {
    f64::from(1u32 << (31 - (rows.max(1) as u64).ilog2().min(25) - 2))
}

/// Gradient in the upper half of the word, curvature in the lower, which is never below zero.
fn slope_of(odds: f32, right: bool, unit: f64) -> Slope {
    let p = chance(odds);
    let gradient = ((f64::from(u8::from(right)) - p) * unit).round() as i64;
    let curvature = (p * (1.0 - p) * unit).round() as i64;
    (gradient << 32) + curvature
}

fn parts(slope: Slope, unit: f64) -> (f64, f64) {
    ((slope >> 32) as f64 / unit, (slope & 0xffff_ffff) as f64 / unit)
}

struct Grower<'a> {
    growth: &'a Growth,
    rows: &'a Rows<'a>,
    slopes: &'a [Slope],
    /// What a question may be about.
    features: Vec<usize>,
    unit: f64,
}

impl Grower<'_> {
    /// A tree of `some` rows; none when no question gains anything.
    fn tree(&self, some: &[u32]) -> Option<(Vec<Question>, Vec<f32>)> {
        let mut leaf = vec![0u8; some.len()];
        let mut histogram = self.histogram(some, &leaf, 1);
        let mut questions = Vec::new();
        while questions.len() < self.growth.depth {
            let Some(question) = self.best(&histogram, 1 << questions.len()) else { break };
            questions.push(question);
            let bins = self.rows.columns[usize::from(question.feature)];
            let mut right = 0;
            for (l, &r) in leaf.iter_mut().zip(some) {
                let answer = u8::from(bins[r as usize] > question.bin);
                right += usize::from(answer);
                *l = (*l << 1) | answer;
            }
            if questions.len() < self.growth.depth {
                let side = u8::from(2 * right <= some.len());
                histogram = self.halved(&histogram, some, &leaf, side, 1 << (questions.len() - 1));
            }
        }
        if questions.is_empty() {
            return None;
        }
        let leaves = self.leaves(some, &leaf, questions.len());
        Some((questions, leaves))
    }

    /// Sums of slopes: feature by feature, leaf by leaf, bin by bin.
    fn histogram(&self, some: &[u32], leaf: &[u8], leaves: usize) -> Vec<Slope> {
        let widths = self.features.iter().map(|&f| self.rows.widths[f]);
        let mut histogram = vec![0; widths.sum::<usize>() * leaves];
        let slopes: Vec<Slope> = some.iter().map(|&r| self.slopes[r as usize]).collect();
        let mut rest = histogram.as_mut_slice();
        for &f in &self.features {
            let (bins, width) = (self.rows.columns[f], self.rows.widths[f]);
            let (part, tail) = std::mem::take(&mut rest).split_at_mut(width * leaves);
            for ((&r, &l), &slope) in some.iter().zip(leaf).zip(&slopes) {
                part[usize::from(l) * width + usize::from(bins[r as usize])] += slope;
            }
            rest = tail;
        }
        histogram
    }

    /// The histogram of leaves that were just halved: one side is counted, the other is what is left of the `parents`.
    fn halved(&self, parent: &[Slope], some: &[u32], leaf: &[u8], side: u8, parents: usize) -> Vec<Slope> {
        let counted = some.iter().zip(leaf).filter(|(_, l)| **l & 1 == side);
        let (rows, above): (Vec<u32>, Vec<u8>) = counted.map(|(&r, &l)| (r, l >> 1)).unzip();
        let counted = self.histogram(&rows, &above, parents);
        let mut both = Vec::with_capacity(2 * parent.len());
        let mut at = 0;
        for &f in &self.features {
            let width = self.rows.widths[f];
            for _ in 0..parents {
                let (all, own) = (&parent[at..at + width], &counted[at..at + width]);
                let others = all.iter().zip(own).map(|(a, b)| a - b);
                if side == 0 {
                    both.extend_from_slice(own);
                    both.extend(others);
                } else {
                    both.extend(others);
                    both.extend_from_slice(own);
                }
                at += width;
            }
        }
        both
    }

    /// The question that gains most over all leaves, if one gains.
    fn best(&self, histogram: &[Slope], leaves: usize) -> Option<Question> {
        let mut best = (1e-6, None);
        let mut at = 0;
        let mut gains = [0.0f64; 256];
        for &f in &self.features {
            let width = self.rows.widths[f];
            let gains = &mut gains[..width];
            gains.fill(0.0);
            for cells in histogram[at..at + width * leaves].chunks(width) {
                self.gains(cells, gains);
            }
            at += width * leaves;
            for (bin, &gain) in gains.iter().enumerate() {
                if gain > best.0 {
                    best = (gain, Some(Question { feature: f as u8, bin: bin as u8 }));
                }
            }
        }
        best.1
    }

    /// Adds to `gains` what each threshold gains in one leaf.
    fn gains(&self, cells: &[Slope], gains: &mut [f64]) {
        let all: Slope = cells.iter().sum();
        let (gradient, curvature) = parts(all, self.unit);
        let fewest = self.growth.min_rows / 4.0;
        if curvature < 2.0 * fewest {
            return;
        }
        let more = self.growth.shrinkage / 4.0 + 1e-9;
        let score = |g: f64, h: f64| g * g / (h + more);
        let whole = score(gradient, curvature);
        let (mut left, mut gain) = (0, 0.0);
        for (cell, total) in cells.iter().zip(gains) {
            if *cell != 0 {
                left += cell;
                let (g, h) = parts(left, self.unit);
                if curvature - h < fewest {
                    break;
                }
                gain = if h < fewest { 0.0 } else { score(g, h) + score(gradient - g, curvature - h) - whole };
            }
            *total += gain;
        }
    }

    /// Newton steps of all leaves. A leaf of too few rows takes the step of the smallest subtree about it that has enough.
    fn leaves(&self, some: &[u32], leaf: &[u8], depth: usize) -> Vec<f32> {
        let mut sums = vec![vec![0; 1 << depth]];
        for (&r, &l) in some.iter().zip(leaf) {
            sums[0][usize::from(l)] += self.slopes[r as usize];
        }
        for _ in 0..depth {
            let above = sums[sums.len() - 1].chunks(2).map(|pair| pair.iter().sum()).collect();
            sums.push(above);
        }
        let step = |leaf: usize| {
            let subtrees = sums.iter().enumerate().map(|(up, sums)| parts(sums[leaf >> up], self.unit));
            let enough = subtrees.clone().find(|&(_, h)| h >= self.growth.min_rows / 4.0);
            let (g, h) = enough.unwrap_or_default();
            (self.growth.rate * g / (h + self.growth.shrinkage / 4.0 + 1e-9)) as f32
        };
        (0..1 << depth).map(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use verisim_data::rng::stream;

    const GROWTH: Growth =
        Growth { rounds: 1, overgrow: 1.0, depth: 1, rate: 1.0, min_rows: 1.0, shrinkage: 0.0, share: 1.0 };

    /// One split of a fair start: the leaf is the Newton step, `(right - n / 2) / (n / 4)`.
    #[test]
    fn leaves_are_newton_steps() {
        // Bin 0: 1 of 4 right; bin 1: 5 of 6 right. The same rows again are held out.
        let bins = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1].repeat(2);
        let right: Vec<bool> = [0, 0, 0, 1, 1, 1, 1, 1, 1, 0].repeat(2).iter().map(|&r| r == 1).collect();
        let rows = Rows { columns: &[&bins], widths: &[2], right: &right, grow: 10 };
        let (forest, best) = boost(&GROWTH, &rows, vec![0.0; 20], &mut stream(1, "t", 0));
        assert_eq!(forest.questions, [Question { feature: 0, bin: 0 }]);
        assert!((forest.leaves[0] + 1.0).abs() < 1e-4 && (forest.leaves[1] - 4.0 / 3.0).abs() < 1e-4, "{forest:?}");
        let by_hand =
            3.0 * chance(1.0).ln() + chance(-1.0).ln() + 5.0 * chance(4.0 / 3.0).ln() + chance(-4.0 / 3.0).ln();
        assert!((best - by_hand).abs() < 1e-3, "{best} {by_hand}");
        // Shrinkage of 4 rows doubles the weight of the first leaf.
        let (forest, _) = boost(&Growth { shrinkage: 4.0, ..GROWTH }, &rows, vec![0.0; 20], &mut stream(1, "t", 0));
        assert!((forest.leaves[0] + 0.5).abs() < 1e-4);
        // No side may have fewer than 5 rows.
        let (forest, _) = boost(&Growth { min_rows: 5.0, ..GROWTH }, &rows, vec![0.0; 20], &mut stream(1, "t", 0));
        assert!(forest.depths.is_empty());
    }

    /// The gradient of the likelihood is what slopes hold, the curvature its second derivative.
    #[test]
    fn slopes_are_derivatives() {
        for (odds, right) in [(0.3f32, true), (-2.0, false), (4.0, true)] {
            let (g, h) = parts(slope_of(odds, right, 65_536.0), 65_536.0);
            let e = 0.01f32;
            let (up, at, down) = (likelihood(odds + e, right), likelihood(odds, right), likelihood(odds - e, right));
            assert!((g - (up - down) / f64::from(2.0 * e)).abs() < 1e-4);
            assert!((h + (up - 2.0 * at + down) / f64::from(e * e)).abs() < 1e-3);
        }
    }

    #[test]
    fn sums_of_slopes_fit_their_halves() {
        for rows in [1usize, 2, 1000, 65_535, 65_536, 3_000_000, 50_000_000] {
            assert!(rows as f64 * unit(rows) < f64::from(1u32 << 31), "{rows}");
            let sum = slope_of(0.0, false, unit(rows)) * rows as i64;
            let (g, h) = parts(sum, unit(rows));
            assert!((g / rows as f64 + 0.5).abs() < 1e-2 && (h / rows as f64 - 0.25).abs() < 1e-2);
        }
    }

    /// An exclusive or needs two questions, of which the first gains nothing on its own.
    #[test]
    fn trees_find_what_two_features_say_together() {
        let n = 4000;
        let a: Vec<u8> = (0..n).map(|i| (i % 5) as u8).collect();
        let b: Vec<u8> = (0..n).map(|i| (i / 7 % 3) as u8).collect();
        let right: Vec<bool> = a.iter().zip(&b).map(|(&a, &b)| (a > 2) != (b > 0)).collect();
        let rows = Rows { columns: &[&a, &b], widths: &[5, 3], right: &right, grow: n - 400 };
        let growth = Growth { rounds: 60, depth: 3, rate: 0.3, ..GROWTH };
        let (forest, best) = boost(&growth, &rows, vec![0.0; n], &mut stream(1, "t", 0));
        assert!(best > -400.0 * 0.02 && forest.depths.len() > 10, "{best}");
    }

    #[test]
    fn noise_grows_few_trees_that_say_little() {
        let mut rng = stream(7, "noise", 0);
        let n = 4000;
        let column: Vec<u8> = (0..n).map(|_| (uniform(&mut rng) * 64.0) as u8).collect();
        let right: Vec<bool> = (0..n).map(|_| uniform(&mut rng) < 0.5).collect();
        let rows = Rows { columns: &[&column], widths: &[64], right: &right, grow: n - 1000 };
        let growth = Growth { rounds: 100, depth: 6, rate: 0.1, min_rows: 20.0, ..GROWTH };
        let (forest, best) = boost(&growth, &rows, vec![0.0; n], &mut rng);
        assert!(forest.depths.len() < 50, "{} trees on noise", forest.depths.len());
        let gained = best + 1000.0 * 2f64.ln();
        assert!((0.0..4.0).contains(&gained), "{gained} nats out of nothing");
    }
}
