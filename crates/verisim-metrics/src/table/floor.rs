//! What fresh real rows score, on as many rows as there are synthetic ones.
//!
//! Shapes and trends fall with the number of rows, so a score says nothing without its floor. All real rows, training and hold-out,
//! are parted anew at random, into as many "training" rows as there are and as many "fresh" ones as both a hold-out and the synthetic
//! table have: the scores of some such partings say what chance does (a permutation test; Good, 2005). Without a hold-out a part of the
//! training rows is the fresh one, at most a third. The synthetic table is scored on as many rows for the comparison.
//!
//! What is shown is what real rows score. What is judged by is the same with the synthetic rows in the pool too: were they rows like the
//! others, it would not matter which are called synthetic, outliers included (the exact test of a permutation; Fisher, 1935).

use rayon::prelude::*;
use verisim_data::rng::stream;

use super::detection::{sample, shuffle};
use super::report::Fresh;
use super::shape;
use super::trend::{self, Trend};
use super::values::{Comparison, ValueTable};

/// Partings of a small table, and of one whose every parting takes long.
const PARTINGS: [usize; 2] = [20, 6];
/// Cells that all partings together may look at, roughly; a few seconds.
const WORK: usize = 400_000_000;
/// Most pairs that are scored in partings.
const MOST_PAIRS: usize = 1_500;
/// Fewer fresh rows than this say nothing.
const LEAST: usize = 5;

/// The floors of a table.
pub(crate) struct Floors {
    /// Of the mean of all column shapes.
    pub shape: Option<Fresh>,
    /// Of the mean of all pair trends.
    pub trend: Option<Fresh>,
    /// Of each column.
    pub shapes: Vec<Option<f64>>,
    /// Of each pair that was scored.
    pub trends: Vec<Option<f64>>,
}

/// The scores of one parting.
struct Parting {
    /// Of fresh real rows, of as many rows of all tables, and of as many synthetic rows.
    shapes: [Vec<Option<f64>>; 3],
    trends: [Vec<Option<f64>>; 3],
}

/// Real rows that play the training table and fresh rows: how many of each there are.
pub(crate) fn sizes(tables: &Comparison) -> (usize, usize) {
    let (n, most) = (tables.real.rows, tables.synthetic.rows);
    match &tables.holdout {
        Some(holdout) => (n, most.min(holdout.rows)),
        None => (n - most.min(n / 3), most.min(n / 3)),
    }
}

/// The floors, or nothing where there are too few rows.
pub(crate) fn floors(tables: &Comparison, pairs: &[(usize, usize)], seed: u64) -> Option<Floors> {
    let (n, k) = sizes(tables);
    if k < LEAST {
        return None;
    }
    let pool = match &tables.holdout {
        Some(holdout) => tables.real.under(holdout),
        None => tables.real.clone(),
    };
    let kept = sample(pairs.len(), pairs.len().min(MOST_PAIRS), seed, 4);
    let some: Vec<(usize, usize)> = kept.iter().map(|&i| pairs[i]).collect();
    let work = 3 * (n + k) * (some.len() + 10 * tables.fields.len());
    let partings = (WORK / work.max(1)).clamp(PARTINGS[1], PARTINGS[0]);
    let everything = pool.under(&tables.synthetic);
    let part = |index: usize| {
        let mut rng = stream(seed, "metrics partings", index as u64);
        let mut parted = |pool: &ValueTable| {
            let mut order: Vec<usize> = (0..pool.rows).collect();
            shuffle(&mut order, &mut rng);
            (pool.take(&order[k..n + k]), pool.take(&order[..k]))
        };
        let chosen =
            |t: &ValueTable, rows, side: u64| t.take(&sample(t.rows, rows, seed, 100 + 2 * index as u64 + side));
        let sides = [parted(&pool), parted(&everything), (chosen(&tables.real, n, 0), chosen(&tables.synthetic, k, 1))];
        let trends = |(real, other): &(ValueTable, ValueTable)| {
            trend::trends(&tables.fields, &some, real, other).iter().map(|t: &Trend| t.score).collect()
        };
        Parting {
            shapes: sides.each_ref().map(|(real, other)| shape::shapes(&tables.fields, real, other)),
            trends: sides.each_ref().map(trends),
        }
    };
    let all: Vec<Parting> = (0..partings).into_par_iter().map(part).collect();
    let of = |scores: fn(&Parting) -> &[Vec<Option<f64>>; 3]| {
        fresh(all.iter().map(|p| scores(p).each_ref().map(|s| shape::mean(s.iter().copied()))), [k, n])
    };
    let mut trends = vec![None; pairs.len()];
    let means = means(all.iter().map(|p| &p.trends[0]), some.len());
    kept.into_iter().zip(means).for_each(|(i, mean)| trends[i] = mean);
    Some(Floors {
        shape: of(|p| &p.shapes),
        trend: of(|p| &p.trends),
        shapes: self::means(all.iter().map(|p| &p.shapes[0]), tables.fields.len()),
        trends,
    })
}

/// The means of fresh, mixed and synthetic rows over the partings.
fn fresh(scores: impl Iterator<Item = [Option<f64>; 3]>, rows: [usize; 2]) -> Option<Fresh> {
    let all: Vec<[f64; 3]> = scores.map(|[a, b, c]| Some([a?, b?, c?])).collect::<Option<_>>()?;
    let count = all.len() as f64;
    let mean = |side: usize| all.iter().map(|s| s[side]).sum::<f64>() / count;
    let deviation = |side: usize| {
        let squares: f64 = all.iter().map(|s| (s[side] - mean(side)).powi(2)).sum();
        (squares / (count - 1.0)).sqrt()
    };
    Some(Fresh {
        value: mean(0),
        deviation: deviation(0),
        mixed: mean(1),
        mixed_deviation: deviation(1),
        synthetic: mean(2),
        rows,
        partings: all.len(),
    })
}

/// The mean of each place over the partings that scored it.
fn means<'a>(scores: impl Iterator<Item = &'a Vec<Option<f64>>> + Clone, places: usize) -> Vec<Option<f64>> {
    (0..places).map(|j| shape::mean(scores.clone().map(|s| s[j]))).collect()
}

impl Fresh {
    /// How many standard deviations the synthetic rows are worse than rows of all tables.
    pub(crate) fn distance(&self) -> f64 {
        let deviation = self.mixed_deviation * (1.0 + 1.0 / self.partings as f64).sqrt();
        match self.mixed - self.synthetic {
            worse if worse <= 0.0 => 0.0,
            worse if deviation > 0.0 => worse / deviation,
            _ => f64::INFINITY,
        }
    }

    /// How many it takes that one score of fresh real rows in a hundred is as bad: Student's t, since the deviation is itself an
    /// estimate of a few partings (the expansion of Fisher and Cornish, 1960, to its second term).
    pub(crate) fn doubt(&self) -> f64 {
        const Z: f64 = 2.326;
        let free = self.partings.saturating_sub(1).max(1) as f64;
        Z + (Z.powi(3) + Z) / (4.0 * free) + (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / (96.0 * free * free)
    }

    /// How much worse the synthetic rows are.
    pub(crate) fn excess(&self) -> f64 {
        self.value - self.synthetic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_is_students_t() {
        let fresh = |partings| Fresh {
            value: 0.91,
            deviation: 0.02,
            mixed: 0.9,
            mixed_deviation: 0.01,
            synthetic: 0.87,
            rows: [1, 1],
            partings,
        };
        // 1 % points of t with 5 and 19 degrees of freedom: 3.365, 2.539.
        assert!((fresh(6).doubt() - 3.365).abs() < 0.07, "{}", fresh(6).doubt());
        assert!((fresh(20).doubt() - 2.539).abs() < 0.01);
        assert!((fresh(20).distance() - 3.0 / (1.0_f64 + 1.0 / 20.0).sqrt()).abs() < 1e-9);
        assert_eq!(Fresh { synthetic: 0.95, ..fresh(6) }.distance(), 0.0);
    }
}
