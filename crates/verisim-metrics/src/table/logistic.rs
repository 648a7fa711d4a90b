//! L2-regularised logistic regression on columns of numbers and category codes, by truncated Newton steps:
//! each step solves `(X'DX + I) s = -g` with conjugate gradients under a diagonal preconditioner (Komarek
//! and Moore, ICDM 2005). A one-hot row is kept as its codes, so a product with X costs rows times columns
//! however many levels there are, and the preconditioner makes unscaled columns harmless.
//!
//! Libraries (`linfa-logistic`, `smartcore`) take dense matrices alone: a column of 10,000 levels in 50,000 rows would be 4 GB.

use super::values::{ValueTable, Values};
use crate::estimate::quantile;

const NEWTON_STEPS: usize = 25;
const GRADIENT_STEPS: usize = 100;
/// Stop when a step promises less than this many nats of likelihood over all rows.
const ENOUGH: f64 = 1e-4;

/// Real rows above other rows: numbers with missing values filled by the real mean, then category codes. Where a number is missing
/// in some rows of either table, being missing is a category of its own.
pub(crate) struct Design {
    /// Row-major.
    numbers: Vec<f64>,
    width: usize,
    /// Row-major, already shifted to the coefficient of the level.
    codes: Vec<u32>,
    categories: usize,
    coefficients: usize,
}

/// Coefficients; the intercept is the last and is not penalised.
type Weights = Vec<f64>;

impl Design {
    pub fn new(real: &ValueTable, other: &ValueTable) -> Design {
        let rows = real.rows + other.rows;
        let width = real.columns.iter().filter(|c| matches!(c, Values::Number(_))).count();
        let gaps = real.columns.iter().zip(&other.columns).filter(|(a, b)| has_gaps(a) || has_gaps(b)).count();
        let categories = real.columns.len() - width + gaps;
        let (mut numbers, mut codes) = (vec![0.0; rows * width], vec![0; rows * categories]);
        let (mut number, mut category, mut offset) = (0, 0, width as u32);
        for pair in real.columns.iter().zip(&other.columns) {
            match pair {
                (Values::Number(a), Values::Number(b)) => {
                    let fill = mean_present(a);
                    let out = numbers.iter_mut().skip(number).step_by(width);
                    for (o, &x) in out.zip(a.iter().chain(b)) {
                        *o = if x.is_nan() { fill } else { x };
                    }
                    number += 1;
                    if has_gaps(pair.0) || has_gaps(pair.1) {
                        let out = codes.iter_mut().skip(category).step_by(categories);
                        for (o, x) in out.zip(a.iter().chain(b)) {
                            *o = offset + u32::from(x.is_nan());
                        }
                        category += 1;
                        offset += 2;
                    }
                }
                (Values::Category(a), Values::Category(b)) => {
                    let out = codes.iter_mut().skip(category).step_by(categories);
                    let mut levels = 0;
                    for (o, &c) in out.zip(a.iter().chain(b)) {
                        *o = offset + c;
                        levels = levels.max(c + 1);
                    }
                    category += 1;
                    offset += levels;
                }
                _ => {}
            }
        }
        Design { numbers, width, codes, categories, coefficients: offset as usize }
    }

    /// Fits on the rows `train` (numbers centred on their median and divided by their interquartile range) and
    /// returns the log-odds of `positive` for the rows `test`.
    pub fn fit_predict(&self, train: &[usize], test: &[usize], positive: impl Fn(usize) -> bool) -> Vec<f64> {
        let scales: Vec<(f64, f64)> = (0..self.width).map(|k| self.robust_scale(k, train)).collect();
        let x = self.rows(train, &scales);
        let y: Vec<f64> = train.iter().map(|&i| f64::from(u8::from(positive(i)))).collect();
        let w = fit(&x, &y);
        self.rows(test, &scales).times(&w)
    }

    /// Median and interquartile range (1 where it is 0) of number `k` in `rows`.
    fn robust_scale(&self, k: usize, rows: &[usize]) -> (f64, f64) {
        let mut v: Vec<f64> = rows.iter().map(|&i| self.numbers[i * self.width + k]).collect();
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|q| quantile(&mut v, q));
        let range = high - low;
        (middle, if range < 10.0 * f64::EPSILON { 1.0 } else { range })
    }

    fn rows(&self, rows: &[usize], scales: &[(f64, f64)]) -> Rows {
        let mut numbers = Vec::with_capacity(rows.len() * self.width);
        let mut codes = Vec::with_capacity(rows.len() * self.categories);
        for &i in rows {
            let row = &self.numbers[i * self.width..(i + 1) * self.width];
            numbers.extend(row.iter().zip(scales).map(|(x, (middle, range))| (x - middle) / range));
            codes.extend_from_slice(&self.codes[i * self.categories..(i + 1) * self.categories]);
        }
        Rows {
            n: rows.len(),
            numbers,
            width: self.width,
            codes,
            categories: self.categories,
            coefficients: self.coefficients,
        }
    }
}

/// Whether a number is missing somewhere.
fn has_gaps(values: &Values) -> bool {
    matches!(values, Values::Number(v) if v.iter().any(|x| x.is_nan()))
}

fn mean_present(v: &[f64]) -> f64 {
    let (n, sum) = v.iter().filter(|x| !x.is_nan()).fold((0.0, 0.0), |(n, s), x| (n + 1.0, s + x));
    if n > 0.0 { sum / n } else { 0.0 }
}

/// A scaled block of rows.
struct Rows {
    n: usize,
    numbers: Vec<f64>,
    width: usize,
    codes: Vec<u32>,
    categories: usize,
    coefficients: usize,
}

impl Rows {
    fn row(&self, i: usize) -> (&[f64], &[u32]) {
        let (w, c) = (self.width, self.categories);
        (&self.numbers[i * w..(i + 1) * w], &self.codes[i * c..(i + 1) * c])
    }

    /// `x_i . w` with the intercept.
    fn dot(&self, i: usize, w: &[f64]) -> f64 {
        let (numbers, codes) = self.row(i);
        let linear: f64 = numbers.iter().zip(w).map(|(x, w)| x * w).sum();
        linear + codes.iter().map(|&c| w[c as usize]).sum::<f64>() + w[self.coefficients]
    }

    fn times(&self, w: &[f64]) -> Vec<f64> {
        (0..self.n).map(|i| self.dot(i, w)).collect()
    }

    /// Adds `a x_i` to `out`, each number first passed through `f`.
    fn add(&self, i: usize, a: f64, f: impl Fn(f64) -> f64, out: &mut [f64]) {
        let (numbers, codes) = self.row(i);
        numbers.iter().zip(&mut *out).for_each(|(&x, o)| *o += a * f(x));
        codes.iter().for_each(|&c| out[c as usize] += a);
        out[self.coefficients] += a;
    }
}

/// Minimises `sum log(1 + exp(-y z)) + |w|^2 / 2`, the intercept free.
fn fit(x: &Rows, y: &[f64]) -> Weights {
    let p = x.coefficients;
    let mut w = vec![0.0; p + 1];
    let share = y.iter().sum::<f64>() / y.len() as f64;
    w[p] = (share / (1.0 - share)).ln().clamp(-30.0, 30.0);
    let mut z = x.times(&w);
    let mut loss = objective(&z, y, &w);
    for _ in 0..NEWTON_STEPS {
        // Gradient, curvature of each row, and the diagonal of the Hessian.
        let mut gradient: Vec<f64> = w[..p].to_vec();
        gradient.push(0.0);
        let mut diagonal = vec![1.0; p];
        diagonal.push(1e-9);
        let curvature: Vec<f64> = (0..x.n)
            .map(|i| {
                let chance = 1.0 / (1.0 + (-z[i]).exp());
                let d = (chance * (1.0 - chance)).max(1e-12);
                x.add(i, chance - y[i], |v| v, &mut gradient);
                x.add(i, d, |v| v * v, &mut diagonal);
                d
            })
            .collect();
        let promised: f64 = gradient.iter().zip(&diagonal).map(|(g, d)| g * g / d).sum();
        if promised < ENOUGH {
            break;
        }
        let step = newton_step(x, &curvature, &gradient, &diagonal);
        let along = x.times(&step);
        let mut length = 1.0;
        let improved = loop {
            let next: Weights = w.iter().zip(&step).map(|(w, s)| w + length * s).collect();
            let moved: Vec<f64> = z.iter().zip(&along).map(|(z, a)| z + length * a).collect();
            let trial = objective(&moved, y, &next);
            if trial < loss {
                let gain = loss - trial;
                (w, z, loss) = (next, moved, trial);
                break gain > ENOUGH / 10.0;
            }
            length /= 2.0;
            if length < 1e-6 {
                break false;
            }
        };
        if !improved {
            break;
        }
    }
    w
}

fn objective(z: &[f64], y: &[f64], w: &[f64]) -> f64 {
    // log(1 + exp(z)) - y z, without overflow.
    let fit: f64 = z.iter().zip(y).map(|(&z, &y)| z.max(0.0) + (-z.abs()).exp().ln_1p() - y * z).sum();
    fit + w[..w.len() - 1].iter().map(|w| w * w).sum::<f64>() / 2.0
}

/// Preconditioned conjugate gradients on the Newton system, down to a tenth of the gradient.
fn newton_step(x: &Rows, curvature: &[f64], gradient: &[f64], diagonal: &[f64]) -> Weights {
    let p = x.coefficients;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let precondition = |r: &[f64]| r.iter().zip(diagonal).map(|(r, d)| r / d).collect::<Vec<f64>>();
    let mut step = vec![0.0; p + 1];
    let mut residual: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut scaled = precondition(&residual);
    let mut direction = scaled.clone();
    let mut size = dot(&residual, &scaled);
    let target = size * 0.01;
    for _ in 0..GRADIENT_STEPS {
        let mut image: Vec<f64> = direction[..p].to_vec();
        image.push(0.0);
        for (i, d) in curvature.iter().enumerate() {
            x.add(i, d * x.dot(i, &direction), |v| v, &mut image);
        }
        let length = size / dot(&direction, &image);
        if !length.is_finite() {
            break;
        }
        step.iter_mut().zip(&direction).for_each(|(s, d)| *s += length * d);
        residual.iter_mut().zip(&image).for_each(|(r, i)| *r -= length * i);
        scaled = precondition(&residual);
        let before = size;
        size = dot(&residual, &scaled);
        if size <= target {
            break;
        }
        direction.iter_mut().zip(&scaled).for_each(|(d, s)| *d = s + size / before * *d);
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At the optimum `w = sum (y - p) x` and `sum (y - p) = 0`: both follow from setting the gradient to zero.
    #[test]
    fn the_optimum_satisfies_its_equations() {
        let n = 400;
        let number: Vec<f64> = (0..n).map(|i| ((i * 37) % 101) as f64 / 20.0).collect();
        let codes: Vec<u32> = (0..n as u32).map(|i| (i * i) % 3).collect();
        let y: Vec<f64> =
            (0..n).map(|i| f64::from(u8::from(number[i] + f64::from(codes[i]) + (i % 7) as f64 > 6.0))).collect();
        let x = Rows {
            n,
            numbers: number,
            width: 1,
            codes: codes.iter().map(|c| c + 1).collect(),
            categories: 1,
            coefficients: 4,
        };
        let w = fit(&x, &y);
        let mut rest = w[..4].to_vec();
        rest.push(0.0);
        for (i, z) in x.times(&w).into_iter().enumerate() {
            x.add(i, 1.0 / (1.0 + (-z).exp()) - y[i], |v| v, &mut rest);
        }
        assert!(w[0] > 0.5, "the number matters: {w:?}");
        assert!(rest.iter().all(|g| g.abs() < 0.5), "gradient left over: {rest:?}");
    }
}
