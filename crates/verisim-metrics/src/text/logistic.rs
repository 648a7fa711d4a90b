//! Logistic regression on sparse vectors, by truncated Newton steps with conjugate gradients (Komarek and Moore, ICDM 2005): minimises
//! `|w|^2 / 2 + c * loss`; the intercept is free.

use super::features::Sparse;

const NEWTON_STEPS: usize = 15;
const GRADIENT_STEPS: usize = 15;
/// Stop where a step promises less than this part of a nat a row.
const ENOUGH: f64 = 1e-5;

/// What was learnt.
#[derive(Debug)]
pub(super) struct Logistic {
    weights: Vec<f64>,
    intercept: f64,
}

impl Logistic {
    /// Learns which of the rows `of` are positive.
    pub fn new(x: &Sparse, of: &[usize], is_positive: impl Fn(usize) -> bool, c: f64) -> Logistic {
        let sign: Vec<f64> = of.iter().map(|&i| if is_positive(i) { 1.0 } else { -1.0 }).collect();
        let mut model = Logistic { weights: vec![0.0; x.width], intercept: 0.0 };
        let mut scores = vec![0.0; of.len()];
        let loss = |scores: &[f64], weights: &[f64]| {
            let of_rows: f64 = scores.iter().zip(&sign).map(|(z, s)| softplus(-s * z)).sum();
            c * of_rows + 0.5 * weights.iter().map(|w| w * w).sum::<f64>()
        };
        let mut now = loss(&scores, &model.weights);
        for _ in 0..NEWTON_STEPS {
            let p: Vec<f64> = scores.iter().zip(&sign).map(|(z, s)| 1.0 / (1.0 + (s * z).exp())).collect();
            let pull: Vec<f64> = p.iter().zip(&sign).map(|(p, s)| c * s * p).collect();
            let curve: Vec<f64> = p.iter().map(|p| c * p * (1.0 - p)).collect();
            // Minus the gradient.
            let mut down = times_transposed(x, of, &pull);
            down.0.iter_mut().zip(&model.weights).for_each(|(d, w)| *d -= w);
            let (step, promised) = newton_step(x, of, &curve, down);
            if promised < ENOUGH * of.len() as f64 {
                break;
            }
            let moved = times(x, of, &step);
            let mut size = 1.0;
            loop {
                let tried: Vec<f64> = scores.iter().zip(&moved).map(|(z, m)| z + size * m).collect();
                let weights: Vec<f64> = model.weights.iter().zip(&step.0).map(|(w, s)| w + size * s).collect();
                let then = loss(&tried, &weights);
                if then <= now - 1e-4 * size * promised || size < 1e-3 {
                    (scores, now) = (tried, then);
                    model = Logistic { weights, intercept: model.intercept + size * step.1 };
                    break;
                }
                size /= 2.0;
            }
        }
        model
    }

    /// The log-odds of a row.
    pub fn score(&self, row: &[(u32, f32)]) -> f64 {
        self.intercept + row.iter().map(|&(at, x)| f64::from(x) * self.weights[at as usize]).sum::<f64>()
    }
}

/// Weights and an intercept.
type Both = (Vec<f64>, f64);

fn softplus(x: f64) -> f64 {
    if x > 30.0 { x } else { x.exp().ln_1p() }
}

fn times(x: &Sparse, of: &[usize], (w, intercept): &Both) -> Vec<f64> {
    let row = |&i: &usize| intercept + x.row(i).iter().map(|&(at, x)| f64::from(x) * w[at as usize]).sum::<f64>();
    of.iter().map(row).collect()
}

fn times_transposed(x: &Sparse, of: &[usize], v: &[f64]) -> Both {
    let mut out = vec![0.0; x.width];
    for (&i, v) in of.iter().zip(v) {
        x.row(i).iter().for_each(|&(at, x)| out[at as usize] += f64::from(x) * v);
    }
    (out, v.iter().sum())
}

fn dot(a: &Both, b: &Both) -> f64 {
    a.0.iter().zip(&b.0).map(|(x, y)| x * y).sum::<f64>() + a.1 * b.1
}

fn add(to: &mut Both, by: f64, what: &Both) {
    to.0.iter_mut().zip(&what.0).for_each(|(t, w)| *t += by * w);
    to.1 += by * what.1;
}

/// The step of `(X' curve X + 1) step = down`, nearly, and how much it goes down by.
fn newton_step(x: &Sparse, of: &[usize], curve: &[f64], down: Both) -> (Both, f64) {
    // Slightly more than nothing holds the intercept where all rows are sure.
    let held = 1e-8;
    let mut step = (vec![0.0; x.width], 0.0);
    let mut rest = down.clone();
    // Most of the curve is the intercept's: a preconditioner of that and of the penalty.
    let scale = curve.iter().sum::<f64>() + held;
    let eased = |r: &Both| (r.0.clone(), r.1 / scale);
    let mut eased_rest = eased(&rest);
    let mut way = eased_rest.clone();
    let mut size = dot(&rest, &eased_rest);
    let enough = 0.01 * size;
    for _ in 0..GRADIENT_STEPS {
        if size <= enough || size <= 0.0 {
            break;
        }
        let bent: Vec<f64> = times(x, of, &way).iter().zip(curve).map(|(z, c)| z * c).collect();
        let mut curved = times_transposed(x, of, &bent);
        curved.0.iter_mut().zip(&way.0).for_each(|(c, w)| *c += w);
        curved.1 += held * way.1;
        let far = size / dot(&way, &curved).max(f64::MIN_POSITIVE);
        add(&mut step, far, &way);
        add(&mut rest, -far, &curved);
        eased_rest = eased(&rest);
        let next = dot(&rest, &eased_rest);
        let keep = next / size;
        way.0.iter_mut().zip(&eased_rest.0).for_each(|(w, r)| *w = r + keep * *w);
        way.1 = eased_rest.1 + keep * way.1;
        size = next;
    }
    let promised = dot(&step, &down);
    (step, promised)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_optimum_of_scikit_learn() {
        // LogisticRegression(C=3, tol=1e-10).fit(x, y), scikit-learn: see the constants.
        let dense =
            [[1.0, 0.0, 0.5], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 2.0], [0.5, 0.0, 1.0], [0.0, 2.0, 0.0]];
        let y = [true, false, false, true, true, true];
        let rows = dense.map(|row| {
            row.iter().enumerate().filter(|(_, x)| **x != 0.0).map(|(k, x)| (k as u32, *x as f32)).collect()
        });
        let x = Sparse::new(3, rows.to_vec());
        let of: Vec<usize> = (0..6).collect();
        let model = Logistic::new(&x, &of, |i| y[i], 3.0);
        let found = [model.weights[0], model.weights[1], model.weights[2], model.intercept];
        for (found, right) in found.iter().zip(OPTIMUM) {
            assert!((found - right).abs() < 0.02, "{found} {right}");
        }
        assert!((model.score(x.row(3)) - (2.0 * OPTIMUM[2] + OPTIMUM[3])).abs() < 0.05);
    }

    const OPTIMUM: [f64; 4] = [-0.242862, -0.159373, 1.304036, 0.353049];

    #[test]
    fn rows_that_are_told_apart_are() {
        let rows: Vec<Vec<(u32, f32)>> = (0..100).map(|i| vec![(i % 2, 1.0), (2 + i % 7, 0.5)]).collect();
        let x = Sparse::new(9, rows);
        let of: Vec<usize> = (0..60).collect();
        let model = Logistic::new(&x, &of, |i| i % 2 == 1, 3.0);
        assert!((60..100).all(|i| (model.score(x.row(i)) > 0.0) == (i % 2 == 1)));
    }
}
