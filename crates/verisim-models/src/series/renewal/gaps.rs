//! Times between events: mixtures of log-normals and of single values, given the event before.

use std::collections::BTreeMap;

use verisim_data::rng::{Stream, normal, uniform};

use crate::error::{Error, Result};
use crate::weights::Weights;

/// A value that holds this share of the times is kept as it is; zero always is.
const MASS: f64 = 0.02;
/// Fewest times after an event that are a distribution of their own.
const LEAST: usize = 60;
/// Most log-normals.
const MOST: usize = 5;
/// Rounds of a fit.
const ROUNDS: usize = 100;
/// Least standard deviation of a logarithm.
const NARROW: f64 = 0.01;

/// One log-normal: weight, and mean and standard deviation of the logarithm.
pub type Part = [f64; 3];

/// The times after events of one kind, or after all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct After {
    /// Values that are kept, and their shares.
    pub atoms: Vec<(f64, f64)>,
    /// The rest; weights add up to 1.
    pub parts: Vec<Part>,
}

/// The times after each mark.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaps {
    /// After any.
    all: After,
    /// After each, where there are enough.
    own: BTreeMap<u32, After>,
}

impl Gaps {
    /// Of times and the marks before them.
    pub fn fit(times: &[(u32, f64)]) -> Gaps {
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        times.iter().for_each(|(_, x)| *counts.entry(x.to_bits()).or_default() += 1);
        let is_kept = |(bits, n): (&u64, &usize)| *bits == 0 || *n as f64 >= (MASS * times.len() as f64).max(3.0);
        let atoms: Vec<f64> = counts.iter().filter(|(b, n)| is_kept((b, n))).map(|(b, _)| f64::from_bits(*b)).collect();
        let mut marked: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        times.iter().for_each(|&(mark, x)| marked.entry(mark).or_default().push(x));
        let every: Vec<f64> = times.iter().map(|t| t.1).collect();
        let enough = marked.into_iter().filter(|(_, own)| own.len() >= LEAST);
        Gaps { all: After::fit(&every, &atoms), own: enough.map(|(m, own)| (m, After::fit(&own, &atoms))).collect() }
    }

    fn after(&self, mark: u32) -> &After {
        self.own.get(&mark).unwrap_or(&self.all)
    }

    /// A time after an event with this mark.
    pub fn draw(&self, mark: u32, rng: &mut Stream) -> f64 {
        self.after(mark).draw(rng)
    }

    /// The logarithm of the density of a time; of the share, where it is a value that is kept.
    pub fn likelihood(&self, mark: u32, time: f64) -> f64 {
        self.after(mark).likelihood(time)
    }

    /// Share of the times that are single values.
    pub fn lumps(&self) -> f64 {
        self.all.atoms.iter().map(|a| a.1).sum()
    }

    /// Adds what was learnt to `weights`.
    pub fn store(&self, weights: &mut Weights) {
        let marks: Vec<u32> = self.own.keys().copied().collect();
        weights.put_u32("gaps.marks", &[marks.len()], marks);
        for (k, after) in std::iter::once(&self.all).chain(self.own.values()).enumerate() {
            let atoms: Vec<f64> = after.atoms.iter().flat_map(|&(x, share)| [x, share]).collect();
            weights.put_f64(format!("gaps.{k}.atoms"), &[after.atoms.len(), 2], atoms);
            weights.put_f64(format!("gaps.{k}.parts"), &[after.parts.len(), 3], after.parts.concat());
        }
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not there, or no distribution.
    pub fn restore(weights: &mut Weights) -> Result<Gaps> {
        let marks = weights.take_u32("gaps.marks")?.1;
        let mut after = Vec::new();
        for k in 0..=marks.len() {
            let (name, parts) = (format!("gaps.{k}.atoms"), format!("gaps.{k}.parts"));
            let (atoms, parts) = (weights.take_f64(&name)?.1, weights.take_f64(&parts)?.1);
            let atoms: Vec<(f64, f64)> = atoms.as_chunks::<2>().0.iter().map(|&[x, share]| (x, share)).collect();
            let parts: Vec<Part> = parts.as_chunks::<3>().0.to_vec();
            let sound = atoms.iter().all(|a| a.0.is_finite() && a.0 >= 0.0 && (0.0..=1.0 + 1e-9).contains(&a.1))
                && parts.iter().all(|p| p.iter().all(|x| x.is_finite()) && p[0] >= 0.0 && p[2] > 0.0)
                && !(atoms.is_empty() && parts.is_empty());
            if !sound {
                return Err(Error::Tensor { name, problem: "is no distribution of times".into() });
            }
            after.push(After { atoms, parts });
        }
        let all = after.remove(0);
        Ok(Gaps { all, own: marks.into_iter().zip(after).collect() })
    }
}

impl After {
    fn fit(times: &[f64], atoms: &[f64]) -> After {
        let n = times.len().max(1) as f64;
        let share = |atom: &f64| times.iter().filter(|x| *x == atom).count() as f64 / n;
        let found: Vec<(f64, f64)> = atoms.iter().map(|a| (*a, share(a))).filter(|a| a.1 > 0.0).collect();
        let rest: Vec<f64> = times.iter().filter(|x| !atoms.contains(x) && **x > 0.0).map(|x| x.ln()).collect();
        let parts = mixture(&rest);
        match found.is_empty() && parts.is_empty() {
            // No time at all was seen: there is none between.
            true => After { atoms: vec![(0.0, 1.0)], parts },
            false => After { atoms: found, parts },
        }
    }

    fn draw(&self, rng: &mut Stream) -> f64 {
        let mut at = uniform(rng);
        if self.parts.is_empty() {
            at *= self.atoms.iter().map(|a| a.1).sum::<f64>();
        }
        for &(x, share) in &self.atoms {
            at -= share;
            if at < 0.0 {
                return x;
            }
        }
        let mut at = uniform(rng);
        let part = self.parts.iter().find(|p| {
            at -= p[0];
            at < 0.0
        });
        match part.or(self.parts.last()) {
            Some(&[_, mean, deviation]) => (mean + deviation * normal(rng)).clamp(-700.0, 700.0).exp(),
            None => self.atoms.last().map_or(0.0, |a| a.0),
        }
    }

    fn likelihood(&self, time: f64) -> f64 {
        if let Some(atom) = self.atoms.iter().find(|a| a.0 == time) {
            return atom.1.max(1e-9).ln();
        }
        let log = time.max(1e-300).ln();
        let rest = 1.0 - self.atoms.iter().map(|a| a.1).sum::<f64>();
        (rest.max(1e-9) * density(&self.parts, log)).max(1e-300).ln() - log
    }
}

/// The density of a mixture of normals.
fn density(parts: &[Part], x: f64) -> f64 {
    let one = |&[weight, mean, deviation]: &Part| {
        let z = (x - mean) / deviation;
        weight * (-0.5 * z * z).exp() / (deviation * (2.0 * std::f64::consts::PI).sqrt())
    };
    parts.iter().map(one).sum()
}

/// A mixture of normals, of as many as BIC says (McLachlan and Peel, 2000).
pub fn mixture(values: &[f64]) -> Vec<Part> {
    let n = values.len();
    if n == 0 {
        return Vec::new();
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut best: Option<(f64, Vec<Part>)> = None;
    for count in 1..=MOST.min(1 + n / 20) {
        let (parts, likelihood) = with(&sorted, count);
        let cost = -2.0 * likelihood + (3 * count - 1) as f64 * (n as f64).ln();
        if best.as_ref().is_none_or(|b| cost < b.0) {
            best = Some((cost, parts));
        }
    }
    best.map(|b| b.1).unwrap_or_default()
}

/// Expectation and maximisation from stretches of the sorted values.
fn with(sorted: &[f64], count: usize) -> (Vec<Part>, f64) {
    let n = sorted.len();
    let moments = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len().max(1) as f64;
        (mean, variance.sqrt())
    };
    let narrow = (0.02 * moments(sorted).1).max(NARROW);
    let mut parts: Vec<Part> = (0..count)
        .map(|k| {
            let (mean, deviation) = moments(&sorted[k * n / count..(k + 1) * n / count]);
            [1.0 / count as f64, mean, deviation.max(narrow)]
        })
        .collect();
    let mut last = f64::NEG_INFINITY;
    for _ in 0..ROUNDS {
        let mut sums = vec![[0.0; 3]; count];
        let mut likelihood = 0.0;
        for &x in sorted {
            let all = density(&parts, x).max(1e-300);
            likelihood += all.ln();
            for (sum, part) in sums.iter_mut().zip(&parts) {
                let chance = density(std::slice::from_ref(part), x) / all;
                sum[0] += chance;
                sum[1] += chance * x;
                sum[2] += chance * x * x;
            }
        }
        if likelihood - last < 1e-6 * n as f64 {
            return (parts, likelihood.max(last));
        }
        last = likelihood;
        for (part, sum) in parts.iter_mut().zip(&sums) {
            let weight = sum[0].max(1e-9);
            let mean = sum[1] / weight;
            *part = [sum[0] / n as f64, mean, (sum[2] / weight - mean * mean).max(0.0).sqrt().max(narrow)];
        }
    }
    (parts, last)
}

#[cfg(test)]
mod tests {
    use verisim_data::rng::stream;

    use super::*;

    #[test]
    fn a_mixture_and_its_atoms_are_found_again() {
        let mut rng = stream(1, "gaps", 0);
        let times: Vec<(u32, f64)> = (0..4000)
            .map(|i| {
                let mark = i % 2;
                let fast = uniform(&mut rng) < if mark == 0 { 0.3 } else { 1.0 };
                let log = if fast { -1.0 + 0.3 * normal(&mut rng) } else { 2.0 + 0.5 * normal(&mut rng) };
                (mark, if uniform(&mut rng) < 0.1 { 7.0 } else { log.exp() })
            })
            .collect();
        let gaps = Gaps::fit(&times);
        let own = gaps.after(0);
        assert_eq!(own.parts.len(), 2, "{own:?}");
        let truth = [[0.3, -1.0, 0.3], [0.7, 2.0, 0.5]];
        let off =
            own.parts.iter().flatten().zip(truth.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 0.06, "{own:?}");
        assert!(own.atoms.len() == 1 && own.atoms[0].0 == 7.0 && (own.atoms[0].1 - 0.1).abs() < 0.03);
        assert_eq!(gaps.after(1).parts.len(), 1);
        let drawn: Vec<f64> = (0..4000).map(|_| gaps.draw(0, &mut rng)).collect();
        let slow = drawn.iter().filter(|x| **x > 1.5 && **x != 7.0).count() as f64 / 4000.0;
        assert!((slow - 0.63).abs() < 0.04, "{slow}");
        assert_eq!(Gaps::fit(&[]).draw(3, &mut rng), 0.0);
    }
}
