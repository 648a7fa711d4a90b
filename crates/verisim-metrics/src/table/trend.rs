//! Do pairs of columns go together in the right way? The column pair trends of SDMetrics 0.32 over all pairs:
//! two numbers by their Pearson correlations, two categories by the total variation distance of their
//! contingency tables, a number and a category by the same after cutting the number into ten bins. Bins
//! are cut for each table by itself, over its own range, which is how SDMetrics does it.
//!
//! The pairs of a wide table are too many: of more than [`MOST_PAIRS`] that many are drawn by the seed, without repeats.

use std::collections::BTreeSet;

use rayon::prelude::*;
use verisim_data::rng::{below, stream};

use super::values::{Compared, ValueTable, Values};

/// Bins of a number beside a category.
const BINS: usize = 10;
/// Codes of a binned number: ten half-open bins from code 1, then the maximum and missing values together.
const BIN_CODES: usize = BINS + 2;
/// Contingency tables up to this many cells are counted in place, larger ones by sorting.
const DENSE_CELLS: usize = 1 << 18;

/// Most pairs that are compared; all pairs of 200 columns.
pub(crate) const MOST_PAIRS: usize = 20_000;

/// How many pairs so many columns have.
pub(crate) fn pairs_there(columns: usize) -> usize {
    columns * columns.saturating_sub(1) / 2
}

/// The pairs to compare, the first index rising slowest.
pub(crate) fn pairs(columns: usize, seed: u64) -> Vec<(usize, usize)> {
    if pairs_there(columns) <= MOST_PAIRS {
        return (0..columns).flat_map(|i| (i + 1..columns).map(move |j| (i, j))).collect();
    }
    let mut rng = stream(seed, "metrics pairs", 0);
    let mut column = || below(&mut rng, columns as u64) as usize;
    let mut drawn = BTreeSet::new();
    while drawn.len() < MOST_PAIRS {
        let (i, j) = (column(), column());
        if i != j {
            drawn.insert((i.min(j), i.max(j)));
        }
    }
    drawn.into_iter().collect()
}

/// One pair of columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trend {
    pub first: usize,
    pub second: usize,
    /// 1 is the same dependence. `None` where a correlation is not defined (a constant column).
    pub score: Option<f64>,
    /// Pearson correlation in the training table and in the other; for two numbers only.
    pub correlations: Option<(f64, f64)>,
}

/// A table with its numbers binned as well.
struct Binned<'a> {
    table: &'a ValueTable,
    codes: Vec<Vec<u32>>,
}

impl<'a> Binned<'a> {
    fn new(table: &'a ValueTable) -> Self {
        let codes = table.columns.par_iter().map(|c| match c {
            Values::Number(v) => bins(v),
            Values::Category(_) => Vec::new(),
        });
        Binned { table, codes: codes.collect() }
    }

    fn codes(&self, j: usize) -> &[u32] {
        match &self.table.columns[j] {
            Values::Category(c) => c,
            Values::Number(_) => &self.codes[j],
        }
    }
}

/// The trends of `pairs` of columns, in their order.
pub(crate) fn trends<'t>(
    fields: &[Compared],
    pairs: &[(usize, usize)],
    real: &'t ValueTable,
    other: &'t ValueTable,
) -> Vec<Trend> {
    let (a, b) = (Binned::new(real), Binned::new(other));
    let width = |j: usize| {
        if fields[j].is_number() { BIN_CODES } else { fields[j].levels() }
    };
    pairs
        .par_iter()
        .map(|&(first, second)| {
            let numbers = |t: &'t ValueTable| match (&t.columns[first], &t.columns[second]) {
                (Values::Number(x), Values::Number(y)) => Some((x.as_slice(), y.as_slice())),
                _ => None,
            };
            let (score, correlations) = match (numbers(real), numbers(other)) {
                (Some(a), Some(b)) => correlation_similarity(a, b),
                _ => {
                    let (cells, step) = (width(first) * width(second), width(second));
                    let a = joint(a.codes(first), a.codes(second), step);
                    let b = joint(b.codes(first), b.codes(second), step);
                    (Some(contingency_similarity(a, b, cells)), None)
                }
            };
            Trend { first, second, score, correlations }
        })
        .collect()
}

fn joint<'a>(a: &'a [u32], b: &'a [u32], width: usize) -> impl ExactSizeIterator<Item = u64> + 'a {
    a.iter().zip(b).map(move |(&i, &j)| u64::from(i) * width as u64 + u64::from(j))
}

/// `1 - sum |p - q| / 2` over the cells of two contingency tables, each given as the cell of every row.
fn contingency_similarity(
    a: impl ExactSizeIterator<Item = u64>,
    b: impl ExactSizeIterator<Item = u64>,
    cells: usize,
) -> f64 {
    let (na, nb) = (a.len() as f64, b.len() as f64);
    let distance: f64 = if cells <= DENSE_CELLS {
        let mut counts = vec![(0u32, 0u32); cells];
        a.for_each(|k| counts[k as usize].0 += 1);
        b.for_each(|k| counts[k as usize].1 += 1);
        counts.iter().map(|&(x, y)| (f64::from(x) / na - f64::from(y) / nb).abs()).sum()
    } else {
        let mut keys: Vec<(u64, bool)> = a.map(|k| (k, true)).chain(b.map(|k| (k, false))).collect();
        keys.sort_unstable();
        let cells = keys.chunk_by(|x, y| x.0 == y.0);
        let gap = |cell: &[(u64, bool)]| {
            let x = cell.iter().filter(|(_, real)| *real).count();
            (x as f64 / na - (cell.len() - x) as f64 / nb).abs()
        };
        cells.map(gap).sum()
    };
    (1.0 - distance / 2.0).max(0.0)
}

/// `1 - |r_a - r_b| / 2` over the rows where both values are present, the real ones first. Where a column became constant it has no
/// correlation left, which counts as 0, and where no two values are present nothing of the pair is left.
fn correlation_similarity(a: (&[f64], &[f64]), b: (&[f64], &[f64])) -> (Option<f64>, Option<(f64, f64)>) {
    let present = |(x, y): (&[f64], &[f64])| x.iter().zip(y).any(|(x, y)| !x.is_nan() && !y.is_nan());
    match (pearson(a.0, a.1), pearson(b.0, b.1)) {
        (Some(r), Some(s)) => (Some(1.0 - (r - s).abs() / 2.0), Some((r, s))),
        (Some(r), None) if present(b) => (Some(1.0 - r.abs() / 2.0), None),
        (Some(_), None) => (Some(0.0), None),
        _ => (None, None),
    }
}

/// Pearson correlation of the rows where both are present; `None` for a constant side or under two rows.
fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let pairs = || x.iter().zip(y).filter(|(x, y)| !x.is_nan() && !y.is_nan());
    let (n, sx, sy) = pairs().fold((0.0, 0.0, 0.0), |(n, sx, sy), (x, y)| (n + 1.0, sx + x, sy + y));
    let (mx, my) = (sx / n, sy / n);
    let (&x0, &y0) = pairs().next()?;
    if pairs().all(|(&x, _)| x == x0) || pairs().all(|(_, &y)| y == y0) {
        return None;
    }
    let (xx, yy, xy) = pairs().fold((0.0, 0.0, 0.0), |(xx, yy, xy), (x, y)| {
        let (dx, dy) = (x - mx, y - my);
        (xx + dx * dx, yy + dy * dy, xy + dx * dy)
    });
    let r = xy / (f64::sqrt(xx) * f64::sqrt(yy));
    r.is_finite().then(|| r.clamp(-1.0, 1.0))
}

/// The bin of every value: edges spread evenly over the range of the present values, a bin holds its lower
/// edge. The maximum, which no half-open bin holds, shares a code with missing values: NumPy's `digitize`
/// does so, and the scores follow it.
fn bins(values: &[f64]) -> Vec<u32> {
    let present = || values.iter().copied().filter(|x| !x.is_nan());
    let (mut low, mut high) = present().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    if low > high {
        (low, high) = (0.0, 1.0);
    } else if low == high {
        (low, high) = (low - 0.5, high + 0.5);
    }
    let step = (high - low) / BINS as f64;
    let mut edges: [f64; BINS + 1] = std::array::from_fn(|i| i as f64 * step + low);
    edges[BINS] = high;
    let bin = |&x: &f64| match x.is_nan() {
        true => BINS as u32 + 1,
        false => edges.iter().map(|&e| u32::from(x >= e)).sum(),
    };
    values.iter().map(bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_pairs_some_are_drawn_once_each() {
        assert_eq!(pairs(3, 1), [(0, 1), (0, 2), (1, 2)]);
        assert_eq!((pairs(200, 1).len(), pairs(0, 1).len()), (19_900, 0));
        let drawn = pairs(1000, 7);
        assert_eq!(drawn.len(), MOST_PAIRS);
        assert!(drawn.is_sorted_by(|a, b| a < b) && drawn.iter().all(|(i, j)| i < j && *j < 1000));
        assert!(drawn == pairs(1000, 7) && drawn != pairs(1000, 8));
    }

    #[test]
    fn pearson_by_hand() {
        // x = 1..4, y = 1, 3, 2, 4: covariance 4, variances 5 and 5.
        let r = pearson(&[1.0, 2.0, 3.0, 4.0, 9.0], &[1.0, 3.0, 2.0, 4.0, f64::NAN]);
        assert!((r.unwrap_or(0.0) - 0.8).abs() < 1e-15);
        assert_eq!(pearson(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(pearson(&[], &[]), None);
        let line = [1.0, 2.0, 3.0];
        let (score, r) = correlation_similarity((&line, &line), (&line, &[3.0, 2.0, 1.0]));
        assert!(score.unwrap_or(1.0).abs() < 1e-15, "opposite correlations score 0");
        assert_eq!(r.map(|(a, b)| (a.round(), b.round())), Some((1.0, -1.0)));
        let (gone, flat) = ([f64::NAN; 3], [2.0; 3]);
        assert_eq!(correlation_similarity((&line, &line), (&gone, &line)).0, Some(0.0));
        let left = correlation_similarity((&line, &line), (&flat, &line)).0;
        assert!((left.unwrap_or(0.0) - 0.5).abs() < 1e-12);
        assert_eq!(correlation_similarity((&flat, &line), (&line, &line)).0, None);
    }

    #[test]
    fn contingency_by_hand_in_place_and_sorted() {
        // Cells (0,0) and (1,1) a half each, against four quarters: distance 1/2.
        let (a1, a2, b1, b2) = ([0, 1], [0, 1], [0, 0, 1, 1], [0, 1, 0, 1]);
        for cells in [4, DENSE_CELLS + 1] {
            assert_eq!(contingency_similarity(joint(&a1, &a2, 2), joint(&b1, &b2, 2), cells), 0.5);
        }
    }

    #[test]
    fn bins_hold_their_lower_edge_and_the_maximum_stands_with_missing() {
        let v = [0.0, 1.0, 0.999, 9.99, 10.0, f64::NAN];
        assert_eq!(bins(&v), [1, 2, 1, 10, 11, 11]);
        assert_eq!(bins(&[5.0, 5.0]), [6, 6]);
        assert_eq!(bins(&[f64::NAN]), [11]);
    }
}
