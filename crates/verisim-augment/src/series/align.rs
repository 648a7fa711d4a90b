//! The mean of series that run at different paces.
//!
//! Dynamic time warping (Sakoe and Chiba 1978) finds which steps of two series are one another's: the path through the table of their squared
//! distances with the least sum, from both beginnings to both ends. The barycentre (DBA; Petitjean et al. 2011) begins as the first series;
//! each round every step of it becomes the mean of the steps that are its own in all series. Distances count each column in units of its
//! deviation in the first series. Missing numbers are bridged to find the path, and count for no mean.

use verisim_data::table::Column;

use super::Sequence;
use super::value::bridged;
use crate::error::{Error, Result};
use crate::table::space::deviation;

/// Most cells of the table of one pair; it has a byte for each.
const MOST_CELLS: usize = 400_000_000;

/// Numbers of a series, step after step.
struct Track {
    width: usize,
    steps: usize,
    values: Vec<f64>,
}

impl Track {
    fn of(sequence: &Sequence, units: &[f64]) -> Track {
        let columns: Vec<Vec<f64>> = numbers(sequence).map(bridged).collect();
        let steps = sequence.len();
        let cell = |t: usize| columns.iter().zip(units).map(move |(column, unit)| column[t] / unit);
        Track { width: columns.len(), steps, values: (0..steps).flat_map(cell).collect() }
    }

    fn at(&self, t: usize) -> &[f64] {
        &self.values[t * self.width..(t + 1) * self.width]
    }
}

fn numbers(sequence: &Sequence) -> impl Iterator<Item = &[f64]> {
    sequence.steps.columns.iter().filter_map(|column| match column {
        Column::Number(v) => Some(&v[..]),
        Column::Category { .. } => None,
    })
}

/// What makes distances of columns comparable.
fn units(sequence: &Sequence) -> Vec<f64> {
    let unit = |v: &[f64]| match deviation(v.iter().copied().filter(|x| x.is_finite())) {
        d if d > 0.0 => d,
        _ => 1.0,
    };
    numbers(sequence).map(unit).collect()
}

/// The path of least distance, from the first steps to the last, and its squared length. Steps at most `band` of the longer series off the
/// diagonal are looked at.
fn path(a: &Track, b: &Track, band: f64) -> Result<(f64, Vec<(usize, usize)>)> {
    let (n, m) = (a.steps, b.steps);
    // The diagonal of two lengths is itself off by their ratio, so a row always reaches into the next.
    let reach = (band * n.max(m) as f64).ceil() + (m as f64 / n as f64).ceil();
    let row = |i: usize| {
        let middle = if n > 1 { i as f64 * (m - 1) as f64 / (n - 1) as f64 } else { 0.0 };
        let low = (middle - reach).max(0.0) as usize;
        let high = if n > 1 { ((middle + reach) as usize).min(m - 1) } else { m - 1 };
        (low, high)
    };
    let wide = (2.0 * reach + 3.0).min(m as f64);
    if wide * n as f64 > MOST_CELLS as f64 {
        let what = format!("series of {n} and {m} steps are too long to be laid on one another; set a smaller `band`");
        return Err(Error::setting("band", what));
    }
    // Which way each cell was reached: from both before, the first before, the second before.
    let mut ways: Vec<Vec<u8>> = Vec::with_capacity(n);
    let (mut before, mut before_low): (Vec<f64>, usize) = (Vec::new(), 0);
    for i in 0..n {
        let (low, high) = row(i);
        let mut sums = Vec::with_capacity(high - low + 1);
        let mut way = Vec::with_capacity(high - low + 1);
        for j in low..=high {
            let cost: f64 = a.at(i).iter().zip(b.at(j)).map(|(x, y)| (x - y) * (x - y)).sum();
            let earlier = |j: Option<usize>| {
                j.and_then(|j| j.checked_sub(before_low)).and_then(|k| before.get(k)).copied().unwrap_or(f64::INFINITY)
            };
            let ways = [earlier(j.checked_sub(1)), earlier(Some(j)), sums.last().copied().unwrap_or(f64::INFINITY)];
            let (best, least) = match (i, j) {
                (0, 0) => (0, 0.0),
                _ => ways.into_iter().enumerate().fold((0, f64::INFINITY), |b, w| if w.1 < b.1 { w } else { b }),
            };
            sums.push(least + cost);
            way.push(best as u8);
        }
        ways.push(way);
        (before, before_low) = (sums, low);
    }
    let (mut i, mut j) = (n - 1, m - 1);
    let mut steps = vec![(i, j)];
    while (i, j) != (0, 0) {
        let way = ways[i].get(j - row(i).0).copied().unwrap_or(0);
        // At an edge there is one way only, also where numbers are too large to tell.
        (i, j) = match way {
            _ if i == 0 => (0, j - 1),
            _ if j == 0 => (i - 1, 0),
            0 => (i - 1, j - 1),
            1 => (i - 1, j),
            _ => (i, j - 1),
        };
        steps.push((i, j));
    }
    steps.reverse();
    Ok((before.last().copied().unwrap_or(0.0), steps))
}

/// The mean of `first` and `others` by dynamic time warping. It has the length, the stamps, the categories and the missing values of
/// `first`. Each of the others counts `0.5^(d / nearest)`, where `d` is its distance from `first` and `nearest` the smallest such distance
/// (Forestier et al. 2017), and `first` counts 1. `rounds` says how often the mean is bettered, `band` how far off the diagonal steps are
/// looked for, as a share of the longer series. Costs the product of two lengths, times the band, a pair and round.
///
/// # Errors
/// When series are too long, or of different columns.
pub fn barycentre(first: &Sequence, others: &[&Sequence], rounds: usize, band: f64) -> Result<Sequence> {
    let kinds = |s: &Sequence| s.steps.columns.iter().map(Column::is_category).collect::<Vec<bool>>();
    if others.iter().any(|other| kinds(other) != kinds(first)) {
        return Err(Error::Series { what: "a mean needs series of the same columns".into() });
    }
    let others: Vec<&Sequence> = others.iter().copied().filter(|other| !other.is_empty()).collect();
    let units = units(first);
    if units.is_empty() || first.is_empty() || others.is_empty() {
        return Ok(first.clone());
    }
    let all: Vec<&Sequence> = std::iter::once(first).chain(others).collect();
    let tracks: Vec<Track> = all.iter().map(|s| Track::of(s, &units)).collect();
    let distances: Vec<f64> =
        tracks[1..].iter().map(|t| path(&tracks[0], t, band).map(|(d, _)| d.sqrt())).collect::<Result<_>>()?;
    let nearest = distances.iter().copied().filter(|d| *d > 0.0).fold(f64::INFINITY, f64::min);
    let weight = |d: &f64| if nearest.is_finite() { 0.5_f64.powf(d / nearest) } else { 1.0 };
    let weights: Vec<f64> = std::iter::once(1.0).chain(distances.iter().map(weight)).collect();
    let mut mean = first.clone();
    for _ in 0..rounds {
        let track = Track::of(&mean, &units);
        let mut sums = vec![vec![(0.0, 0.0); first.len()]; units.len()];
        for ((sequence, own), weight) in all.iter().zip(&tracks).zip(&weights) {
            let (_, path) = path(&track, own, band)?;
            for (sums, v) in sums.iter_mut().zip(numbers(sequence)) {
                for &(t, s) in path.iter().filter(|p| v[p.1].is_finite()) {
                    sums[t].0 += weight * v[s];
                    sums[t].1 += weight;
                }
            }
        }
        let mut sums = sums.into_iter();
        mean = mean.map_numbers(|_, v| {
            let sums = sums.next().unwrap_or_default();
            let known = v.iter_mut().zip(sums).filter(|(x, (_, weight))| !x.is_nan() && *weight > 0.0);
            known.for_each(|(x, (sum, weight))| *x = sum / weight);
        });
    }
    Ok(mean)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_path_follows_what_is_late() {
        let track = |v: &[f64]| Track { width: 1, steps: v.len(), values: v.to_vec() };
        let (distance, way) = path(&track(&[0.0, 1.0, 2.0]), &track(&[0.0, 0.0, 1.0, 2.0]), 1.0).unwrap();
        assert_eq!((distance, way), (0.0, vec![(0, 0), (0, 1), (1, 2), (2, 3)]));
        let (distance, way) = path(&track(&[1.0]), &track(&[0.0, 3.0]), 1.0).unwrap();
        assert_eq!((distance, way), (5.0, vec![(0, 0), (0, 1)]));
        // Every cell by hand: the least of the three before, and the cost.
        let (a, b): ([f64; 4], [f64; 4]) = ([3.0, 1.0, 4.0, 1.5], [2.0, 7.0, 1.0, 8.0]);
        let mut table = [[f64::INFINITY; 5]; 5];
        table[0][0] = 0.0;
        for i in 1..5 {
            for j in 1..5 {
                let before = table[i - 1][j - 1].min(table[i - 1][j]).min(table[i][j - 1]);
                table[i][j] = before + (a[i - 1] - b[j - 1]).powi(2);
            }
        }
        assert_eq!(path(&track(&a), &track(&b), 1.0).unwrap().0, table[4][4]);
        // A narrow band still comes through, whatever the lengths.
        for (n, m) in [(1, 1), (1, 9), (9, 1), (3, 40), (40, 3), (17, 16)] {
            let (_, way) = path(&track(&vec![1.0; n]), &track(&vec![2.0; m]), 0.0).unwrap();
            assert_eq!((way[0], way[way.len() - 1]), ((0, 0), (n - 1, m - 1)));
        }
    }
}
