//! From logits to tokens on the host, one row at a time, and marginal calibration.

use verisim_data::rng::{Stream, stream, uniform};
use verisim_data::table::codec::{Encoded, Span};

use crate::error::Result;
use crate::nets::{Blocks, blocks::CAP};
use crate::table::rows::Rows;
use crate::table::sampler::{Allowed, Drawn};

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
            for ((weight, &logit), &bias) in self.weights[a..b].iter_mut().zip(&self.logits[a..b]).zip(&bias[a..b]) {
                *weight = (CAP * (logit / CAP).tanh() + bias).exp();
                total += *weight;
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

/// What turns the outputs of a network into rows.
pub struct Heads<'a> {
    /// The columns.
    pub spans: &'a [Span],
    /// Where they lie in the outputs.
    pub blocks: &'a Blocks,
    /// See [`TokenDraw`].
    pub skip: Option<&'a [f32]>,
    /// Added to the capped logits.
    pub bias: &'a [f32],
}

impl Heads<'_> {
    /// Rows that are allowed, from batches of outputs: `next(n, rng)` gives the logits `[n, W]` and scalars `[n, S]` of
    /// `n` rows. Gives up after `max_tries` rows.
    pub fn draw(
        &self,
        rows: usize,
        allowed: &Allowed,
        max_tries: u64,
        rng: &mut Stream,
        next: impl Fn(usize, &mut Stream) -> Result<(Vec<f32>, Vec<f32>)>,
    ) -> Result<Drawn> {
        const BATCH: usize = 1024;
        let scalars = &self.blocks.scalars;
        let mut out = Encoded::zeros(self.spans, rows);
        let (mut made, mut tried) = (0, 0u64);
        let mut draw = TokenDraw::new(&self.blocks.offsets, self.skip);
        while made < rows && tried < max_tries {
            let wanted = if allowed.is_any() { rows - made } else { BATCH };
            let n = BATCH.min(wanted).min((max_tries - tried) as usize);
            let (logits, means) = next(n, rng)?;
            for (i, logits) in logits.chunks_exact(self.blocks.width()).enumerate() {
                if made == rows {
                    break;
                }
                tried += 1;
                let Some(tokens) = draw.row(logits, self.bias, allowed, rng) else { continue };
                tokens.iter().enumerate().for_each(|(c, &t)| out.tokens[c][made] = t);
                for (s, &c) in scalars.iter().enumerate() {
                    out.scalars[c][made] = means[i * scalars.len() + s];
                }
                made += 1;
            }
        }
        out.truncate(made);
        Ok(Drawn { encoded: out, tried })
    }
}

/// Share of every token of every column, columns one after another.
pub fn marginals(spans: &[Span], rows: &Rows<'_>) -> Vec<f64> {
    let mut all = Vec::new();
    for (c, span) in spans.iter().enumerate() {
        let mut counts = vec![0.0; span.tokens as usize];
        rows.tokens(c).for_each(|t| counts[t as usize] += 1.0);
        all.extend(counts.into_iter().map(|c| c / rows.count().max(1) as f64));
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
    draw: impl Fn(&[f32], usize, &mut Stream) -> Result<Drawn>,
) -> Result<Vec<f32>> {
    const FLOOR: f64 = 1e-4;
    let mut bias = vec![0.0; real.len()];
    for round in 0..rounds {
        let mut rng = stream(seed, "calibrate", round as u64);
        let drawn = marginals(spans, &Rows::of(&draw(&bias, CALIBRATION_ROWS, &mut rng)?.encoded));
        for ((b, &p), &q) in bias.iter_mut().zip(real).zip(&drawn) {
            *b += (((p + FLOOR) / (q + FLOOR)).ln().clamp(-1.0, 1.0)) as f32;
        }
    }
    Ok(bias)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::needless_range_loop)]
mod tests {
    use super::*;

    const OFFSETS: [usize; 3] = [0, 3, 5];
    const LOGITS: [f32; 5] = [0.0, 1.0, -1.0, 0.5, 0.0];
    const BIAS: [f32; 5] = [0.2, 0.0, 0.0, -0.3, 0.0];

    fn softmax(logits: &[f32], bias: &[f32]) -> Vec<f64> {
        let cap = f64::from(CAP);
        let e: Vec<f64> =
            logits.iter().zip(bias).map(|(&l, &b)| (cap * (f64::from(l) / cap).tanh() + f64::from(b)).exp()).collect();
        let total: f64 = e.iter().sum();
        e.iter().map(|e| e / total).collect()
    }

    /// Counts of (first token, second token) in `n` rows; rows that were not allowed are left out.
    fn counts(n: usize, skip: Option<&[f32]>, allowed: &Allowed) -> [[f64; 2]; 3] {
        let mut draw = TokenDraw::new(&OFFSETS, skip);
        let mut rng = stream(1, "t", 0);
        let mut counts = [[0.0; 2]; 3];
        for _ in 0..n {
            if let Some(row) = draw.row(&LOGITS, &BIAS, allowed, &mut rng) {
                counts[row[0] as usize][row[1] as usize] += 1.0;
            }
        }
        counts
    }

    /// `got` of `n` is `p` within four standard deviations.
    fn assert_share(got: f64, n: f64, p: f64) {
        assert!((got / n - p).abs() < 4.0 * (p * (1.0 - p) / n).sqrt(), "{got} of {n} is not {p}");
    }

    #[test]
    fn tokens_are_drawn_by_their_softmax() {
        let n = 100_000;
        let got = counts(n, None, &Allowed::any(2));
        let (first, second) = (softmax(&LOGITS[..3], &BIAS[..3]), softmax(&LOGITS[3..], &BIAS[3..]));
        for a in 0..3 {
            for b in 0..2 {
                assert_share(got[a][b], n as f64, first[a] * second[b]);
            }
        }
    }

    #[test]
    fn earlier_tokens_move_the_logits_of_later_ones() {
        let mut skip = vec![0f32; 25];
        skip[2 * 5 + 4] = 3.0; // the third token of the first column favours the second of the other
        skip[5 + 3] = 1.0;
        let got = counts(100_000, Some(&skip), &Allowed::any(2));
        for (a, moved) in [[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]].into_iter().enumerate() {
            let p = softmax(&[LOGITS[3] + moved[0], LOGITS[4] + moved[1]], &BIAS[3..]);
            assert_share(got[a][0], got[a][0] + got[a][1], p[0]);
        }
    }

    #[test]
    fn rows_that_are_not_allowed_are_given_up() {
        let n = 100_000;
        let mut allowed = Allowed::any(2);
        allowed.restrict(0, vec![true, false, true]);
        let got = counts(n, None, &allowed);
        let p = softmax(&LOGITS[..3], &BIAS[..3]);
        assert_eq!(got[1], [0.0, 0.0]);
        // What is allowed keeps its probability among all tries.
        assert_share(got[0][0] + got[0][1], n as f64, p[0]);
        assert_share(got[2][0] + got[2][1], n as f64, p[2]);
    }

    #[test]
    fn marginals_are_shares() {
        let spans =
            [Span { tokens: 3, scalar: false, ordered: false }, Span { tokens: 1, scalar: false, ordered: true }];
        let data = Encoded { rows: 4, tokens: vec![vec![0, 2, 2, 2], vec![0; 4]], scalars: vec![vec![], vec![]] };
        assert_eq!(marginals(&spans, &Rows::of(&data)), [0.25, 0.0, 0.75, 1.0]);
    }

    #[test]
    fn calibration_brings_the_marginals_home() {
        let spans =
            [Span { tokens: 3, scalar: false, ordered: false }, Span { tokens: 2, scalar: false, ordered: false }];
        let real = [0.7, 0.2, 0.1, 0.05, 0.95];
        let draw = |bias: &[f32], rows: usize, rng: &mut Stream| -> Result<Drawn> {
            let mut out = Encoded::zeros(&spans, rows);
            let mut draw = TokenDraw::new(&OFFSETS, None);
            for i in 0..rows {
                let row = draw.row(&LOGITS, bias, &Allowed::any(2), rng).unwrap();
                (out.tokens[0][i], out.tokens[1][i]) = (row[0], row[1]);
            }
            Ok(Drawn { encoded: out, tried: rows as u64 })
        };
        let error = |bias: &[f32]| {
            let got = marginals(&spans, &Rows::of(&draw(bias, 100_000, &mut stream(9, "t", 0)).unwrap().encoded));
            got.iter().zip(&real).map(|(g, r)| (g - r).abs()).fold(0.0, f64::max)
        };
        assert!(error(&[0.0; 5]) > 0.3);
        let bias = calibrate(6, &real, &spans, 1, draw).unwrap();
        assert!(error(&bias) < 0.015, "{}", error(&bias));
    }
}
