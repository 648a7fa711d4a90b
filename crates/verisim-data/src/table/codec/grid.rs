//! Number columns as tokens: point masses and quantile bins.
//!
//! A value that alone holds as many rows as an average bin (0 in a column that is 0 nine times in ten, 40
//! hours a week) is a *point mass* with a token of its own; so is every value when there are no more of
//! them than bins. Between point masses the values are cut into bins of equal count. Tokens are in the order
//! of the values; words that stand among the numbers follow, and missing comes last. No bin reaches over a gap of the data.
//!
//! Decoding a bin draws from the quantile function inside the bin, kept as a few knots that are linear in
//! between. Inner knots stand for at least [`ROWS_PER_KNOT`] rows each; the ends of a bin are values that occur, and so is
//! every point mass.

use serde::{Deserialize, Serialize};

use super::absent::Absent;
use super::bounds::{Bounds, Precision};
use super::encoded::Span;
use crate::rng::{Stream, uniform};
use crate::table::frame::word_of;

/// Fewest rows between two knots of the quantile function inside a bin.
pub const ROWS_PER_KNOT: usize = 10;
/// Most knots of one bin: with eight pieces the shape inside a bin is told well enough.
const MAX_KNOTS: usize = 9;

/// A fitted grid codec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GridCodec {
    /// Range and precision.
    pub bounds: Bounds,
    /// Quantile knots of each token, ascending; one knot is a point mass.
    cells: Vec<Vec<f64>>,
    #[serde(flatten)]
    absent: Absent,
}

impl GridCodec {
    /// Cuts the values into about `bins` tokens.
    pub fn fit(values: &[f64], precision: Precision, bins: usize) -> Self {
        let sorted = sorted(values);
        let bounds = Bounds::of(&sorted, precision);
        GridCodec { cells: cut(&sorted, bins.max(2), &bounds), bounds, absent: Absent::of(values) }
    }

    /// What a model sees of this column.
    pub fn span(&self) -> Span {
        let tokens = (self.cells.len() + self.absent.tokens()).max(1);
        Span { tokens: tokens as u32, scalar: false, ordered: true }
    }

    /// The token of missing values, if any were seen.
    pub fn missing_token(&self) -> Option<u32> {
        self.absent.missing_token(self.cells.len())
    }

    /// The smallest and largest value that a token decodes to; `None` for missing.
    pub fn range(&self, token: u32) -> Option<(f64, f64)> {
        Some(self.ends(self.cells.get(token as usize)?))
    }

    /// The smallest and largest value of a cell: bins reach half a step beyond them.
    fn ends(&self, cell: &[f64]) -> (f64, f64) {
        let half = if cell.len() == 1 { 0.0 } else { 0.5 * self.bounds.step };
        (self.bounds.apply(cell[0] + half), self.bounds.apply(cell[cell.len() - 1] - half))
    }

    /// Tokens of a column; a value between two cells goes to the nearer one, missing without such a token to 0.
    pub fn encode(&self, values: &[f64]) -> Vec<u32> {
        let (lower, upper): (Vec<f64>, Vec<f64>) = self.cells.iter().map(|c| self.ends(c)).unzip();
        let token = |&x: &f64| {
            if x.is_nan() || upper.is_empty() {
                return self.absent.token(x, self.cells.len());
            }
            let at = upper.partition_point(|&u| u < x).min(upper.len() - 1);
            let below_gap = at > 0 && x < lower[at] && x - upper[at - 1] < lower[at] - x;
            (at - usize::from(below_gap)) as u32
        };
        values.iter().map(token).collect()
    }

    /// Which word a token stands for, if it does.
    pub fn word(&self, token: u32) -> Option<u32> {
        word_of(self.absent.value(token, self.cells.len()))
    }

    /// What is wrong with a codec that was read from a file, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let sound = |c: &Vec<f64>| !c.is_empty() && c.is_sorted() && c.iter().all(|x| x.is_finite());
        match self.cells.iter().all(sound) {
            true => self.absent.problem().or_else(|| self.bounds.problem()),
            false => Some("has a cell that is no range"),
        }
    }

    /// Values of a column of tokens.
    pub fn decode(&self, tokens: &[u32], rng: &mut Stream) -> Vec<f64> {
        tokens.iter().map(|&t| self.draw(t, rng)).collect()
    }

    fn draw(&self, token: u32, rng: &mut Stream) -> f64 {
        let Some(cell) = self.cells.get(token as usize) else { return self.absent.value(token, self.cells.len()) };
        if cell.len() == 1 {
            return cell[0];
        }
        let at = uniform(rng) * (cell.len() - 1) as f64;
        let (k, f) = (at as usize, at.fract());
        let (least, most) = self.ends(cell);
        self.bounds.apply(self.bounds.between(cell[k], cell[k + 1], f)).clamp(least, most)
    }
}

/// Point masses and bins of sorted values; every cell's knots lie inside its own values, so cells never overlap.
fn cut(sorted: &[f64], bins: usize, bounds: &Bounds) -> Vec<Vec<f64>> {
    let step = bounds.step;
    let runs = runs(sorted);
    if runs.len() <= bins {
        return runs.iter().map(|&(start, _)| vec![sorted[start]]).collect();
    }
    let heavy = |&(start, end): &(usize, usize)| (end - start) * bins >= sorted.len();
    let masses = runs.iter().filter(|r| heavy(r)).count();
    let light_rows: usize = runs.iter().filter(|r| !heavy(r)).map(|(s, e)| e - s).sum();
    let per_bin = light_rows.div_ceil(bins.saturating_sub(masses).max(1)).max(1);
    let mut cells = Vec::with_capacity(bins + masses);
    let mut open: Option<usize> = None; // first row of the bin being filled
    for run in &runs {
        if heavy(run) {
            cells.extend(open.take().map(|first| knots(&sorted[first..run.0], step)));
            cells.push(vec![sorted[run.0]]);
            continue;
        }
        let first = *open.get_or_insert(run.0);
        let before_gap = || bounds.gaps.iter().any(|g| g.0 == sorted[run.0]);
        if run.1 - first >= per_bin || before_gap() {
            cells.push(knots(&sorted[first..run.1], step));
            open = None;
        }
    }
    cells.extend(open.map(|first| knots(&sorted[first..], step)));
    cells
}

/// The values that are numbers, ascending.
pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// Start and end of each run of equal values.
fn runs(sorted: &[f64]) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut start = 0;
    for i in 1..=sorted.len() {
        if i == sorted.len() || sorted[i] != sorted[start] {
            out.push((start, i));
            start = i;
        }
    }
    out
}

/// Quantiles of one bin's sorted values, each spread over the step that rounds to it: drawing between these knots and
/// rounding gives every value its share, the ends of the bin too.
fn knots(bin: &[f64], step: f64) -> Vec<f64> {
    let last = bin.len() - 1;
    if bin[0] == bin[last] {
        return vec![bin[0]];
    }
    let pieces = (bin.len() / ROWS_PER_KNOT).clamp(1, MAX_KNOTS - 1);
    let knot = |k: usize| {
        // The value at this share of the rows, and how far into its run of equals.
        let rank = k as f64 / pieces as f64 * bin.len() as f64;
        let value = bin[(rank as usize).min(last)];
        let (from, to) = (bin.partition_point(|&v| v < value), bin.partition_point(|&v| v <= value));
        value + step * ((rank - from as f64) / (to - from) as f64 - 0.5)
    };
    (0..=pieces).map(knot).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::rng::stream;
    use proptest::prelude::*;

    #[test]
    fn point_masses_are_exact() {
        // 900 zeros, then 1..=100: zero is a point mass, the rest are bins.
        let mut values = vec![0.0; 900];
        values.extend((1..=100).map(f64::from));
        let codec = GridCodec::fit(&values, Precision::decimals(0), 20);
        assert_eq!(codec.range(0), Some((0.0, 0.0)));
        assert!(codec.range(1).unwrap().0 < codec.range(1).unwrap().1);
        let back = codec.decode(&codec.encode(&values), &mut stream(0, "t", 0));
        assert_eq!(back.iter().filter(|&&x| x == 0.0).count(), 900);
        assert!(back.iter().all(|&x| (0.0..=100.0).contains(&x) && x.fract() == 0.0));
    }

    #[test]
    fn a_decoded_column_has_the_quantiles_of_the_original() {
        let values: Vec<f64> = (0..20_000).map(|i| (f64::from(i) / 20_000.0).powi(6) * 1e6).collect();
        let codec = GridCodec::fit(&values, Precision::default(), 32);
        let mut back = codec.decode(&codec.encode(&values), &mut stream(0, "t", 0));
        back.sort_unstable_by(f64::total_cmp);
        let worst =
            (0..20_000).map(|i| (values.partition_point(|&v| v < back[i]) as f64 - i as f64).abs()).fold(0.0, f64::max);
        assert!(worst / 20_000.0 < 0.01, "KS distance {}", worst / 20_000.0);
    }

    /// Whole numbers in bins of a few values each: the ends of a bin come up as often as its middle.
    #[test]
    fn every_value_of_a_bin_is_drawn_alike() {
        let values: Vec<f64> = (0..60_000).map(|i| f64::from(i % 600)).collect();
        let codec = GridCodec::fit(&values, Precision::decimals(0), 100);
        let mut counts = vec![0f64; 600];
        let mut rng = stream(3, "t", 0);
        for x in codec.decode(&codec.encode(&values.repeat(5)), &mut rng) {
            counts[x as usize] += 1.0;
        }
        // 500 of each are expected, with a standard deviation of about 20.
        let worst = counts.iter().map(|c| (c - 500.0).abs()).fold(0.0, f64::max);
        assert!(worst < 110.0, "{worst}");
    }

    #[test]
    fn all_missing_and_constant() {
        let codec = GridCodec::fit(&[f64::NAN, f64::NAN], Precision::default(), 8);
        assert_eq!(codec.span().tokens, 1);
        assert!(codec.decode(&[0], &mut stream(0, "t", 0))[0].is_nan());
        let codec = GridCodec::fit(&[3.5; 10], Precision::decimals(1), 8);
        assert_eq!(codec.decode(&codec.encode(&[3.5]), &mut stream(0, "t", 0)), vec![3.5]);
    }

    proptest! {
        #[test]
        fn decoding_keeps_the_token_the_range_and_the_precision(
            raw in prop::collection::vec(prop_oneof![8 => (-500i32..500).prop_map(|x| f64::from(x) / 10.0), 1 => Just(f64::NAN), 3 => Just(0.0)], 1..400),
            bins in 2usize..40,
        ) {
            let codec = GridCodec::fit(&raw, Precision::decimals(1), bins);
            let tokens = codec.encode(&raw);
            let back = codec.decode(&tokens, &mut stream(5, "t", 0));
            prop_assert_eq!(codec.encode(&back), tokens);
            for (x, y) in raw.iter().zip(&back) {
                prop_assert_eq!(x.is_nan(), y.is_nan());
                if !y.is_nan() {
                    prop_assert!(*y >= codec.bounds.min && *y <= codec.bounds.max);
                    prop_assert!((y * 10.0 - (y * 10.0).round()).abs() < 1e-9);
                }
            }
        }
    }
}
