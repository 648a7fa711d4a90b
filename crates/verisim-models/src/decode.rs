//! From logits to tokens on the host, one row at a time, and marginal calibration.

use verisim_data::codec::{Encoded, Span};
use verisim_data::rng::{Stream, stream, uniform};

use crate::nets::blocks::CAP;
use crate::sampler::Allowed;

/// Rows drawn to measure marginals.
const CALIBRATION_ROWS: usize = 20_000;

/// Draws the tokens of rows from their logits, column by column.
pub struct TokenDraw<'a> {
    offsets: &'a [usize],
    /// `[W, W]` map from the one-hot columns drawn so far to the logits of later ones.
    skip: Option<&'a [f32]>,
    logits: Vec<f32>,
    weights: Vec<f32>,
    tokens: Vec<u32>,
}

impl<'a> TokenDraw<'a> {
    /// For rows whose block `c` is `offsets[c]..offsets[c + 1]`.
    pub fn new(offsets: &'a [usize], skip: Option<&'a [f32]>) -> Self {
        let width = offsets[offsets.len() - 1];
        TokenDraw {
            offsets,
            skip,
            logits: vec![0.0; width],
            weights: vec![0.0; width],
            tokens: vec![0; offsets.len() - 1],
        }
    }

    /// One row; `None` when a draw fell on a token that is not allowed. Each token that is allowed keeps its
    /// probability, so rows that remain are exact draws given the condition.
    pub fn row(&mut self, logits: &[f32], bias: &[f32], allowed: &Allowed, rng: &mut Stream) -> Option<&[u32]> {
        let width = self.logits.len();
        self.logits.copy_from_slice(logits);
        for c in 0..self.tokens.len() {
            let (a, b) = (self.offsets[c], self.offsets[c + 1]);
            let mut total = 0.0;
            for w in a..b {
                let l = CAP * (self.logits[w] / CAP).tanh() + bias[w];
                self.weights[w] = l.exp();
                total += self.weights[w];
            }
            let mut u = uniform(rng) as f32 * total;
            let mut token = b - 1;
            for w in a..b {
                u -= self.weights[w];
                if u < 0.0 {
                    token = w;
                    break;
                }
            }
            let t = (token - a) as u32;
            if allowed.tokens(c).is_some_and(|ok| !ok[t as usize]) {
                return None;
            }
            self.tokens[c] = t;
            if let Some(skip) = self.skip {
                let row = &skip[token * width + b..(token + 1) * width];
                self.logits[b..].iter_mut().zip(row).for_each(|(l, s)| *l += s);
            }
        }
        Some(&self.tokens)
    }
}

/// Share of every token of every column, columns one after another.
pub fn marginals(spans: &[Span], data: &Encoded) -> Vec<f64> {
    let mut all = Vec::new();
    for (span, tokens) in spans.iter().zip(&data.tokens) {
        let mut counts = vec![0.0; span.tokens as usize];
        tokens.iter().for_each(|&t| counts[t as usize] += 1.0);
        all.extend(counts.into_iter().map(|c| c / data.rows.max(1) as f64));
    }
    all
}

/// The bias a token with which rows have the marginals `real`: each round draws rows with the bias so far and adds
/// `ln(real / drawn)`, at most 1 in size.
pub fn calibrate(
    rounds: usize,
    real: &[f64],
    spans: &[Span],
    seed: u64,
    draw: impl Fn(&[f32], usize, &mut Stream) -> Encoded,
) -> Vec<f32> {
    const FLOOR: f64 = 1e-4;
    let mut bias = vec![0.0; real.len()];
    for round in 0..rounds {
        let mut rng = stream(seed, "calibrate", round as u64);
        let drawn = marginals(spans, &draw(&bias, CALIBRATION_ROWS, &mut rng));
        for ((b, &p), &q) in bias.iter_mut().zip(real).zip(&drawn) {
            *b += (((p + FLOOR) / (q + FLOOR)).ln().clamp(-1.0, 1.0)) as f32;
        }
    }
    bias
}
