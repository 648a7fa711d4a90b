//! GARCH(1,1): noise that is restless after it was restless (Bollerslev, 1986).
//!
//! `s2(t) = w + a e(t-1)^2 + b s2(t-1)`, with `a + b < 1`. Fitted by the likelihood of normal noise, with `w` such that the variance of the
//! whole is that of the data (variance targeting), so that two numbers are searched: a grid, then steps that halve.

use std::ops::Range;

/// Squares of noise that are correlated over so many steps are a GARCH.
const LAGS: usize = 10;
/// The 99.9 % point of chi-squared with as many degrees of freedom.
const RESTLESS: f64 = 29.59;
/// Most of `a + b`.
const MOST: f64 = 0.999;

/// The parameters of one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Garch {
    /// `w`.
    pub base: f64,
    /// `a`.
    pub shock: f64,
    /// `b`.
    pub memory: f64,
}

impl Garch {
    /// Noise of one variance.
    pub fn even(variance: f64) -> Garch {
        Garch { base: variance, shock: 0.0, memory: 0.0 }
    }

    /// The variance in the long run.
    pub fn variance(&self) -> f64 {
        self.base / (1.0 - self.shock - self.memory).max(1.0 - MOST)
    }

    /// The variance of a step after one with noise `e` and variance `before`.
    pub fn next(&self, e: f64, before: f64) -> f64 {
        self.base + self.shock * e * e + self.memory * before
    }

    /// Fits `noise`, whose runs are not joined; one variance where its squares are not correlated (Ljung and Box, 1978).
    pub fn fit(noise: &[f64], runs: &[Range<usize>]) -> Garch {
        let variance = noise.iter().map(|e| e * e).sum::<f64>() / noise.len().max(1) as f64;
        if noise.len() < 200 || variance <= 0.0 || restlessness(noise, runs) < RESTLESS {
            return Garch::even(variance);
        }
        let of = |shock: f64, all: f64| {
            let all = all.clamp(0.0, MOST);
            let shock = shock.clamp(0.0, all);
            Garch { base: variance * (1.0 - all), shock, memory: all - shock }
        };
        let cost = |(shock, all): (f64, f64)| of(shock, all).cost(noise, runs);
        let grid = [0.02, 0.05, 0.1, 0.2, 0.4]
            .into_iter()
            .flat_map(|shock| [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995].map(|all| (shock, all)));
        let mut best = (0.0, 0.0);
        let mut least = cost(best);
        for at in grid {
            let here = cost(at);
            if here < least {
                (best, least) = (at, here);
            }
        }
        let mut step = (0.05, 0.05);
        while step.0 > 1e-3 {
            let tries = [(step.0, 0.0), (-step.0, 0.0), (0.0, step.1), (0.0, -step.1), step, (-step.0, -step.1)];
            let better = tries.into_iter().find_map(|d| {
                let at = ((best.0 + d.0).clamp(0.0, MOST), (best.1 + d.1).clamp(0.0, MOST));
                let here = cost(at);
                (here < least).then_some((at, here))
            });
            match better {
                Some((at, here)) => (best, least) = (at, here),
                None => step = (step.0 / 2.0, step.1 / 2.0),
            }
        }
        of(best.0, best.1)
    }

    /// Minus twice the log-likelihood, but for a constant.
    fn cost(&self, noise: &[f64], runs: &[Range<usize>]) -> f64 {
        let mut sum = 0.0;
        for run in runs {
            let mut variance = self.variance();
            for &e in &noise[run.clone()] {
                sum += variance.ln() + e * e / variance;
                variance = self.next(e, variance);
            }
        }
        sum
    }
}

/// The Ljung-Box statistic of the squares.
fn restlessness(noise: &[f64], runs: &[Range<usize>]) -> f64 {
    let n = noise.len() as f64;
    let mean = noise.iter().map(|e| e * e).sum::<f64>() / n;
    let square = |i: usize| noise[i] * noise[i] - mean;
    let all: f64 = (0..noise.len()).map(|i| square(i) * square(i)).sum();
    if all <= 0.0 {
        return 0.0;
    }
    let correlation = |k: usize| -> f64 {
        let pairs = runs.iter().flat_map(|run| run.start..run.end.saturating_sub(k).max(run.start));
        pairs.map(|i| square(i) * square(i + k)).sum::<f64>() / all
    };
    (1..=LAGS).map(|k| n * (n + 2.0) * correlation(k).powi(2) / (n - k as f64)).sum()
}

#[cfg(test)]
mod tests {
    use verisim_data::rng::{normal, stream};

    use super::*;

    #[test]
    fn persistence_is_found_again_and_white_noise_has_none() {
        let truth = Garch { base: 0.05, shock: 0.1, memory: 0.85 };
        let mut rng = stream(5, "garch", 0);
        let mut variance = truth.variance();
        let noise: Vec<f64> = (0..20_000)
            .map(|_| {
                let e = variance.sqrt() * normal(&mut rng);
                variance = truth.next(e, variance);
                e
            })
            .collect();
        let found = Garch::fit(&noise, std::slice::from_ref(&(0..noise.len())));
        assert!((found.shock + found.memory - 0.95).abs() < 0.02, "{found:?}");
        assert!((found.shock - 0.1).abs() < 0.03, "{found:?}");
        let white: Vec<f64> = (0..5000).map(|_| normal(&mut rng)).collect();
        assert_eq!(Garch::fit(&white, std::slice::from_ref(&(0..white.len()))).shock, 0.0);
        assert_eq!(Garch::fit(&[], &[]).base, 0.0);
    }
}
