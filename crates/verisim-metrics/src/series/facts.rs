//! Stylised facts of prices (Cont, Quantitative Finance 1, 2001): returns have heavy tails and hardly any memory, their size has much,
//! and it rises after losses.
//!
//! A column looks like a price when it is positive throughout, moves by little against its spread (the mean square of its changes is under
//! 2 % of its variance), and its returns have hardly any memory (lag 1 within 0.25 of 0). Returns are changes of the logarithm, taken
//! within windows or sequences, never across.

use super::bag::{Bag, Part};
use super::dynamics::mean_gap;
use super::scores::Statistics;

/// A change is small against the spread of a price.
const SMALL: f64 = 0.02;
/// What memory of returns is hardly any.
const MEMORY: f64 = 0.25;
/// Fewest returns that say anything.
const LEAST: usize = 100;

/// The numbers of the training series that look like prices.
pub(crate) fn prices(real: &Part<'_>) -> Vec<usize> {
    let set = real.set;
    let looks = |&k: &usize| {
        let (number, raw) = (&set.steps.numbers[k], &set.steps.raw[k]);
        let runs: Vec<Vec<f64>> = real
            .spans
            .iter()
            .map(|s| raw[s.start..s.start + s.length].iter().map(|&x| number.value(x)).collect())
            .collect();
        let known: Vec<f64> = runs.iter().flatten().copied().filter(|x| !x.is_nan()).collect();
        if known.len() < LEAST || known.iter().any(|x| *x <= 0.0) {
            return false;
        }
        let changes: Vec<f64> =
            runs.iter().flat_map(|r| r.windows(2).map(|w| w[1] - w[0])).filter(|x| !x.is_nan()).collect();
        let mean_square = changes.iter().map(|x| x * x).sum::<f64>() / changes.len().max(1) as f64;
        let variance = spread(&known);
        let returns: Vec<Vec<f64>> = runs.iter().map(|r| returns(r)).collect();
        variance > 0.0 && mean_square < SMALL * variance && memory(&returns, 1, |r| r, |r| r).abs() < MEMORY
    };
    (0..set.steps.numbers.len()).filter(looks).collect()
}

/// What the facts say of `b` beside `a`.
pub(crate) fn compare(a: &Bag<'_>, b: &Bag<'_>, prices: &[usize], lags: usize, out: &mut Statistics) {
    if prices.is_empty() || lags == 0 {
        return;
    }
    let of = |bag: &Bag<'_>| prices.iter().map(|&k| Facts::of(bag, k, lags)).collect::<Vec<Facts>>();
    let (x, y) = (of(a), of(b));
    let gap = |of: fn(&Facts) -> Vec<f64>| {
        mean_gap(&x.iter().map(of).collect::<Vec<_>>(), &y.iter().map(of).collect::<Vec<_>>())
    };
    out.kurtosis = gap(|f| vec![libm::log(f.kurtosis)]);
    out.returns_acf = gap(|f| f.returns.clone());
    out.volatility_acf = gap(|f| f.sizes.clone());
    out.leverage = gap(|f| f.leverage.clone());
}

/// The facts of a column; vectors have an entry a lag from 1.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The fourth moment over the square of the second; 3 of a normal distribution.
    pub kurtosis: f64,
    pub returns: Vec<f64>,
    pub sizes: Vec<f64>,
    pub leverage: Vec<f64>,
}

impl Facts {
    pub fn of(bag: &Bag<'_>, k: usize, lags: usize) -> Facts {
        let (number, raw) = (&bag.set.steps.numbers[k], &bag.set.steps.raw[k]);
        let run = |r: std::ops::Range<usize>| returns(&raw[r].iter().map(|&x| number.value(x)).collect::<Vec<f64>>());
        let runs: Vec<Vec<f64>> = bag.ranges().map(run).collect();
        let all: Vec<f64> = runs.iter().flatten().copied().filter(|x| !x.is_nan()).collect();
        let n = all.len().max(1) as f64;
        let mean = all.iter().sum::<f64>() / n;
        let fourth = all.iter().map(|x| (x - mean).powi(4)).sum::<f64>() / n;
        let kurtosis = fourth / spread(&all).powi(2);
        let along = |x: fn(f64) -> f64, y: fn(f64) -> f64| (1..=lags).map(|lag| memory(&runs, lag, x, y)).collect();
        Facts {
            kurtosis,
            returns: along(|r| r, |r| r),
            sizes: along(f64::abs, f64::abs),
            leverage: along(|r| r, |r| r * r),
        }
    }
}

/// Changes of the logarithm; `NaN` where one is missing or not positive.
fn returns(values: &[f64]) -> Vec<f64> {
    let one = |w: &[f64]| if w[0] > 0.0 && w[1] > 0.0 { libm::log(w[1] / w[0]) } else { f64::NAN };
    values.windows(2).map(one).collect()
}

fn spread(v: &[f64]) -> f64 {
    let n = v.len().max(1) as f64;
    let mean = v.iter().sum::<f64>() / n;
    v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n
}

/// The correlation of `x` of a value with `y` of the one `lag` later; `NaN` where there is none.
fn memory(runs: &[Vec<f64>], lag: usize, x: fn(f64) -> f64, y: fn(f64) -> f64) -> f64 {
    let pairs = || {
        let of = |run: &Vec<f64>| (lag..run.len()).map(|i| (run[i - lag], run[i])).collect::<Vec<_>>();
        runs.iter().flat_map(of).filter(|(a, b)| !a.is_nan() && !b.is_nan()).map(|(a, b)| (x(a), y(b)))
    };
    let (n, sx, sy) = pairs().fold((0.0, 0.0, 0.0), |(n, sx, sy), (a, b)| (n + 1.0, sx + a, sy + b));
    let (mx, my) = (sx / n, sy / n);
    let (xy, xx, yy) = pairs().fold((0.0, 0.0, 0.0), |(xy, xx, yy), (a, b)| {
        (xy + (a - mx) * (b - my), xx + (a - mx).powi(2), yy + (b - my).powi(2))
    });
    xy / (xx * yy).sqrt()
}
