//! Sequences as rows of numbers, for boosted trees that try to tell synthetic ones from real ones
//! ([`detection`](crate::table): 200 trees of depth 6 over five folds).
//!
//! Of each number: mean, deviation, least, largest, first, last, slope, autocorrelation at lag 1, turning points, and the share that is
//! missing. Of each category: the shares of its ten commonest levels, and how often it changes. Where there is a key: length, time
//! between steps, and the context.

use schemars::JsonSchema;
use serde::Serialize;
use verisim_data::rng::stream;

use super::bag::Bag;
use super::set::{COMMON, TOP};
use super::sides::{Side, Sides};
use crate::table::{BoostedTest, Prediction, TestValues, ValueTable, fit_all};
use crate::{Estimate, Result};

/// Most sequences of a side.
const MOST: usize = 1_000;
/// Fewest sequences a side.
pub(crate) const LEAST: usize = 10;

/// How well boosted trees tell sequences apart by their summaries: areas under the ROC curve.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Boosted {
    /// Training sequences against synthetic ones.
    pub synthetic: Estimate,
    /// Against held-out ones.
    pub holdout: Option<Estimate>,
    /// Real ones of the same span against each other.
    pub fresh: Option<Estimate>,
    /// What gives the synthetic ones away: how much the area falls when one summary is shuffled, the largest first.
    pub gives_away: Vec<GivesAway>,
}

/// A summary that gives synthetic sequences away.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct GivesAway {
    /// The summary, e.g. `sales: slope`.
    pub summary: String,
    /// How much the area falls.
    pub drop: f64,
}

/// The test on all sides; `None` where there are too few sequences.
pub(crate) fn boosted(sides: &Sides<'_>, seed: u64) -> Result<Option<Boosted>> {
    if sides.count < LEAST {
        return Ok(None);
    }
    let (mut all, mut tests, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for side in Side::TESTED {
        let Some([a, b]) = sides.bags(side, 0) else { continue };
        let mut rng = stream(seed, "series summaries", 0);
        let [(x, own), (y, _)] = [a, b].map(|bag| summaries(&bag.sample(MOST, &mut rng)));
        if let Some((test, fits)) = BoostedTest::new(&x, &y, seed, side == Side::Synthetic)? {
            tests.push((side, test, all.len()..all.len() + fits.len()));
            all.extend(fits);
            names = own;
        }
    }
    let predictions: Vec<Prediction> = fit_all(&all, |_| ())?;
    let of =
        |side: Side| tests.iter().find(|t| t.0 == side).map(|(_, test, own)| test.score(&predictions[own.clone()]));
    let Some(synthetic) = of(Side::Synthetic) else { return Ok(None) };
    let told = tests.iter().find(|t| t.0 == Side::Synthetic);
    let drops = told.map(|(_, test, own)| test.drops(&predictions[own.clone()])).unwrap_or_default();
    let mut gives_away: Vec<GivesAway> = names
        .into_iter()
        .zip(drops)
        .filter(|(_, drop)| *drop > 0.0)
        .map(|(summary, drop)| GivesAway { summary, drop })
        .collect();
    gives_away.sort_by(|a, b| b.drop.total_cmp(&a.drop));
    Ok(Some(Boosted { synthetic, holdout: of(Side::Holdout), fresh: of(Side::Fresh), gives_away }))
}

/// The summaries of sequences, a row each, and what each column is.
pub(crate) fn summaries(bag: &Bag<'_>) -> (ValueTable, Vec<String>) {
    let set = bag.set;
    let mut all: Vec<(String, Vec<f64>)> = Vec::new();
    if set.window.is_none() {
        all.push(("length".to_owned(), bag.lengths.iter().map(|&l| l as f64).collect()));
    }
    if set.has_gap {
        let (mean, spread): (Vec<f64>, Vec<f64>) = bag.ranges().map(|r| gaps(&set.times[r])).unzip();
        all.extend([
            ("time between steps: mean".to_owned(), mean),
            ("time between steps: deviation".to_owned(), spread),
        ]);
    }
    for (number, raw) in set.context.numbers.iter().zip(&set.context.raw) {
        all.push((number.name.clone(), bag.owners.iter().map(|&o| raw[o]).collect()));
    }
    for (category, codes) in set.context.categories.iter().zip(&set.context.codes) {
        for level in 0..category.train.min(TOP) {
            let is = bag.owners.iter().map(|&o| f64::from(u8::from(codes[o] as usize == level)));
            all.push((format!("{} = {}", category.name, category.levels[level]), is.collect()));
        }
    }
    for (k, number) in set.steps.numbers.iter().enumerate() {
        let of = bag.ranges().map(|r| number_summaries(&set.filled[k][r]));
        let rows: Vec<[f64; SUMMARIES.len()]> = of.collect();
        for (j, what) in SUMMARIES.iter().enumerate() {
            all.push((format!("{}: {what}", number.name), rows.iter().map(|row| row[j]).collect()));
        }
        let raw = &set.steps.raw[k];
        if raw.iter().any(|x| x.is_nan()) {
            let share = |r: std::ops::Range<usize>| {
                raw[r.clone()].iter().filter(|x| x.is_nan()).count() as f64 / r.len().max(1) as f64
            };
            all.push((format!("{}: missing", number.name), bag.ranges().map(share).collect()));
        }
    }
    for (category, codes) in set.steps.categories.iter().zip(&set.steps.codes) {
        for level in 0..category.train.min(COMMON) {
            let share = |r: std::ops::Range<usize>| {
                codes[r.clone()].iter().filter(|c| **c as usize == level).count() as f64 / r.len().max(1) as f64
            };
            all.push((format!("{} = {}", category.name, category.levels[level]), bag.ranges().map(share).collect()));
        }
        let changes = |r: std::ops::Range<usize>| {
            codes[r.clone()].windows(2).filter(|w| w[0] != w[1]).count() as f64
                / r.len().saturating_sub(1).max(1) as f64
        };
        all.push((format!("{}: changes", category.name), bag.ranges().map(changes).collect()));
    }
    let (names, columns): (Vec<String>, Vec<Vec<f64>>) = all.into_iter().unzip();
    (ValueTable { rows: bag.len(), columns: columns.into_iter().map(TestValues::Number).collect() }, names)
}

/// Mean and deviation of the times between steps; missing of one step.
fn gaps(times: &[f64]) -> (f64, f64) {
    let gaps: Vec<f64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    if gaps.is_empty() {
        return (f64::NAN, 0.0);
    }
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    (mean, (gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt())
}

const SUMMARIES: [&str; 9] =
    ["mean", "deviation", "least", "largest", "first", "last", "slope", "autocorrelation", "turning points"];

fn number_summaries(x: &[f64]) -> [f64; SUMMARIES.len()] {
    let n = x.len().max(1) as f64;
    let mean = x.iter().sum::<f64>() / n;
    let z: Vec<f64> = x.iter().map(|v| v - mean).collect();
    let squares: f64 = z.iter().map(|v| v * v).sum();
    let place = |i: usize| i as f64 - (n - 1.0) / 2.0;
    let places: f64 = (0..x.len()).map(|i| place(i).powi(2)).sum();
    let slope = z.iter().enumerate().map(|(i, v)| v * place(i)).sum::<f64>() / places.max(1e-9);
    let next: f64 = z.windows(2).map(|w| w[0] * w[1]).sum();
    let turns = x.windows(3).filter(|w| (w[1] - w[0]) * (w[2] - w[1]) < 0.0).count();
    [
        mean,
        (squares / n).sqrt(),
        x.iter().copied().fold(f64::INFINITY, f64::min),
        x.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        x.first().copied().unwrap_or(f64::NAN),
        x.last().copied().unwrap_or(f64::NAN),
        slope,
        next / squares.max(1e-12),
        turns as f64,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_by_hand() {
        // Mean 2, squares 4 + 1 + 1 + 4; slope 10 / 10 of ..; neighbours -2 -1 | 1 ..
        let found = number_summaries(&[0.0, 3.0, 1.0, 4.0]);
        // z = -2, 1, -1, 2; places -1.5, -0.5, 0.5, 1.5: (3 - 0.5 - 0.5 + 3) / 5; neighbours (-2 - 1 - 2) / 10.
        let expected = [2.0, 2.5_f64.sqrt(), 0.0, 4.0, 0.0, 4.0, 1.0, -0.5, 2.0];
        found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{found:?}"));
        assert_eq!(number_summaries(&[7.0])[6..], [0.0, 0.0, 0.0]);
    }
}
