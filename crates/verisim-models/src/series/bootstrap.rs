//! The stationary bootstrap: blocks of the real series, put together anew.
//!
//! A block begins at a random step and goes on, at each step, with probability `1 - 1 / b`, so that its length is geometric with mean `b`
//! (Politis and Romano, 1994). `b` is found from the autocorrelation of the data (Politis and White, 2004; Patton, Politis and White,
//! 2009), the largest of all columns. The series is closed to a circle. Of panels whole sequences are taken, unless `block` says otherwise: then a block
//! comes from any sequence, at the same place from its beginning, so that what is early stays early; sequences that are alike in their context
//! are preferred.
//!
//! **It copies.** Every step is a real one, and so are all pieces between two joints. It is the measure of what can be had by copying,
//! and a way to many variants of one long series; it protects nobody.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, uniform};
use verisim_data::series::{Series, Spec, offsets};
use verisim_data::table::codec::{CodecConfig, Encoded, Numeric, Span};

use super::{Contexts, EncodedSeries, Encoding, Sampler, Steps, Wanted};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::learn::{Model, Setup, Split, Start};
use crate::weights::Weights;

/// Steps of a block that no sequence is as long as.
const WHOLE: f64 = 1e15;

/// Settings of the bootstrap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Mean number of steps of a block; when not given, of one long series found from the data, of panels whole sequences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<f64>,
    /// Blocks of one length (moving blocks) in place of random ones.
    pub moving: bool,
}

impl Model<Series> for Config {
    fn check(&self) -> Result<()> {
        match self.block {
            Some(block) if !(block >= 1.0 && block.is_finite()) => {
                Err(Error::Setting { model: "bootstrap", key: "block".into(), rule: "must be 1 or more".into() })
            }
            _ => Ok(()),
        }
    }

    fn encoding(&self) -> Encoding {
        CodecConfig { numeric: Numeric::Normal, bins: 256, rare: 0, max_levels: 65_536 }.into()
    }

    fn start(&self, split: &Split<'_, Series>, _: &Setup<'_>) -> Result<Start<Series>> {
        let data = split.encoded;
        let runs = data.runs(split.train);
        let spans = data.step_spans();
        let mut weights = Weights::default();
        Contexts::fit(data, split.train, &mut weights)?;
        let block = match self.block {
            Some(block) => block,
            None if data.joined => block_length(data, &spans, &runs),
            None => WHOLE,
        };
        let rows: Vec<usize> = runs.iter().flat_map(Clone::clone).collect();
        let at = offsets(runs.iter().map(ExactSizeIterator::len));
        weights.put_f64("block", &[1], vec![block]);
        weights.put_u32("offsets", &[at.len()], at.iter().map(|&o| o as u32).collect());
        store("steps", &data.steps.take(&rows), &mut weights);
        if !data.joined {
            store("contexts", &data.context.take(split.train), &mut weights);
        }
        Ok(Start::Fitted(weights))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, _: &Device) -> Result<Box<Sampler>> {
        let bad = |problem: &str| Error::Tensor { name: "offsets".into(), problem: problem.into() };
        let contexts = Contexts::restore(spec, weights)?;
        let steps = restored("steps", &spec.steps.spans(), weights)?;
        let at: Vec<usize> = weights.take_u32("offsets")?.1.into_iter().map(|o| o as usize).collect();
        if at.first() != Some(&0) || at.last() != Some(&steps.rows) || !at.is_sorted() || steps.rows == 0 {
            return Err(bad("does not part the steps"));
        }
        let known = match spec.shape.key.is_empty() {
            true => Encoded::default(),
            false => restored("contexts", &spec.context.spans(), weights)?,
        };
        if !spec.shape.key.is_empty() && known.rows + 1 != at.len() && !known.tokens.is_empty() {
            return Err(bad("is not of as many sequences as there are contexts"));
        }
        let block = weights.take_f64("block")?.1.first().copied().unwrap_or(1.0).max(1.0);
        let steps = Blocks { steps, at, known, block, moving: self.moving, has_gap: spec.shape.has_gap() };
        Ok(Box::new(Sampler { contexts, steps: Box::new(steps) }))
    }
}

fn store(name: &str, rows: &Encoded, weights: &mut Weights) {
    for (j, (tokens, scalars)) in rows.tokens.iter().zip(&rows.scalars).enumerate() {
        weights.put_u32(format!("{name}.{j}.tokens"), &[rows.rows], tokens.clone());
        if !scalars.is_empty() {
            weights.put_f32(format!("{name}.{j}.scalars"), &[rows.rows], scalars.clone());
        }
    }
}

fn restored(name: &str, spans: &[Span], weights: &mut Weights) -> Result<Encoded> {
    let mut rows = Encoded::default();
    for (j, span) in spans.iter().enumerate() {
        let tensor = format!("{name}.{j}.tokens");
        let tokens = weights.take_u32(&tensor)?.1;
        if (j > 0 && tokens.len() != rows.rows) || tokens.iter().any(|&t| t >= span.tokens) {
            return Err(Error::Tensor { name: tensor, problem: "holds other tokens than the columns have".into() });
        }
        rows.rows = tokens.len();
        let scalars = if span.scalar { weights.take_f32(&format!("{name}.{j}.scalars"))?.1 } else { Vec::new() };
        if span.scalar && scalars.len() != tokens.len() {
            return Err(Error::Tensor { name: tensor, problem: "has more or fewer scalars than tokens".into() });
        }
        rows.tokens.push(tokens);
        rows.scalars.push(scalars);
    }
    Ok(rows)
}

/// The real steps, to take blocks from.
struct Blocks {
    steps: Encoded,
    /// Where the sequences begin.
    at: Vec<usize>,
    /// Their contexts.
    known: Encoded,
    block: f64,
    moving: bool,
    has_gap: bool,
}

impl Steps for Blocks {
    fn draw(&self, wanted: &Wanted<'_>, rng: &mut Stream) -> Result<Encoded> {
        let mut rows = Vec::with_capacity(wanted.lengths.iter().sum());
        let mut firsts = Vec::new();
        for (i, &length) in wanted.lengths.iter().enumerate() {
            let alike = self.alike(wanted.context, i);
            let begun = wanted.past.map_or(0, |p| p.offsets[i + 1] - p.offsets[i]);
            firsts.extend((begun == 0 && length > 0).then_some(rows.len()));
            self.sequence(&alike, begun, length, &mut rows, rng);
        }
        let mut made = self.steps.take(&rows);
        if self.has_gap {
            self.mend_gaps(&mut made, &firsts, rng);
        }
        Ok(made)
    }

    fn notes(&self) -> Vec<String> {
        let blocks = match self.block < WHOLE {
            true => format!("every step is a real one, in blocks of {:.0} steps on average", self.block),
            false => "every sequence is a real one".to_owned(),
        };
        vec![format!("the bootstrap copies: {blocks}; it protects nobody")]
    }
}

impl Blocks {
    /// The sequences with the same categories of context; all where there are fewer than five.
    fn alike(&self, context: &Encoded, i: usize) -> Vec<usize> {
        let count = self.at.len() - 1;
        let same =
            |s: &usize| self.known.tokens.iter().zip(&context.tokens).all(|(known, wanted)| known[*s] == wanted[i]);
        let alike: Vec<usize> = (0..count).filter(same).collect();
        if alike.len() >= 5 { alike } else { (0..count).collect() }
    }

    /// The rows of one sequence, of which `begun` steps are there.
    fn sequence(&self, alike: &[usize], begun: usize, length: usize, rows: &mut Vec<usize>, rng: &mut Stream) {
        let (mut from, mut left) = (0..0, 0_usize);
        let mut place = 0;
        let one = self.at.len() == 2;
        for step in begun..begun + length {
            if left == 0 {
                let s = alike[below(rng, alike.len() as u64) as usize];
                from = self.at[s]..self.at[s + 1];
                let own = from.len();
                // A long series has no early and no late; a sequence of a panel has.
                place = if one { below(rng, own as u64) as usize } else { step.min(own - 1) };
                left = match self.moving {
                    true => self.block.round() as usize,
                    // 1 - u, so that no logarithm is of 0.
                    false if self.block > 1.0 => {
                        ((1.0 - uniform(rng)).ln() / (1.0 - 1.0 / self.block).ln()) as usize + 1
                    }
                    false => 1,
                };
            }
            rows.push(from.start + place % from.len());
            place += 1;
            left -= 1;
            if place >= from.len() && !one {
                left = 0;
            }
        }
    }

    /// A first step has no step before it, and all others have one.
    fn mend_gaps(&self, made: &mut Encoded, firsts: &[usize], rng: &mut Stream) {
        let firsts: Vec<bool> = {
            let mut is = vec![false; made.rows];
            firsts.iter().for_each(|&i| is[i] = true);
            is
        };
        let starts: Vec<usize> = self.at[..self.at.len() - 1].to_vec();
        let others: Vec<usize> = (0..self.steps.rows).filter(|r| starts.binary_search(r).is_err()).collect();
        let copy = |made: &mut Encoded, i: usize, from: usize| {
            made.tokens[0][i] = self.steps.tokens[0][from];
            if let Some(scalar) = made.scalars[0].get_mut(i) {
                *scalar = self.steps.scalars[0][from];
            }
        };
        let missing = self.steps.tokens[0][starts[0]];
        for (i, is_first) in firsts.into_iter().enumerate() {
            if is_first {
                copy(made, i, starts[0]);
            } else if made.tokens[0][i] == missing && !others.is_empty() {
                copy(made, i, others[below(rng, others.len() as u64) as usize]);
            }
        }
    }
}

/// The mean length of a block: the largest of all columns.
fn block_length(data: &EncodedSeries, spans: &[Span], runs: &[std::ops::Range<usize>]) -> f64 {
    let longest = runs.iter().max_by_key(|run| run.len()).cloned().unwrap_or(0..0);
    let column = |j: usize| -> f64 {
        let values: Vec<f64> = longest
            .clone()
            .map(|i| match spans[j].scalar {
                true => f64::from(data.steps.scalars[j][i]) + f64::from(data.steps.tokens[j][i]),
                false => f64::from(data.steps.tokens[j][i]),
            })
            .collect();
        stationary_block(&values)
    };
    (0..spans.len()).map(column).fold(1.0, f64::max)
}

/// The mean block of the stationary bootstrap that estimates the variance of a mean best (Patton, Politis and White, 2009), at least 1.
fn stationary_block(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 8 {
        return 1.0;
    }
    let (length, log) = (n as f64, (n as f64).log10());
    let mean = values.iter().sum::<f64>() / length;
    let centred: Vec<f64> = values.iter().map(|x| x - mean).collect();
    let covariance = |k: usize| centred[k..].iter().zip(&centred).map(|(a, b)| a * b).sum::<f64>() / length;
    let variance = covariance(0);
    if variance <= 0.0 {
        return 1.0;
    }
    let quiet_for = (log.ceil() as usize).max(5);
    let most = (length.sqrt().ceil() as usize + quiet_for).min(n - 1);
    let noise = 2.0 * (log / length).sqrt();
    let correlations: Vec<f64> = (1..=most).map(|k| covariance(k) / variance).collect();
    // The lag after which nothing is left for a while.
    let quiet = (0..most).find(|&k| correlations[k..(k + quiet_for).min(most)].iter().all(|r| r.abs() < noise));
    let last = match quiet {
        Some(k) => k,
        None => correlations.iter().rposition(|r| r.abs() >= noise).map_or(1, |k| k + 1),
    };
    let m = (2 * last.max(1)).min(most);
    // The flat-top window.
    let window = |k: usize| {
        let x = k as f64 / m as f64;
        if x <= 0.5 { 1.0 } else { 2.0 * (1.0 - x) }
    };
    let weighted = |k: usize| window(k) * correlations[k - 1] * variance;
    let g: f64 = (1..=m).map(|k| 2.0 * k as f64 * weighted(k)).sum();
    let spectrum: f64 = variance + (1..=m).map(|k| 2.0 * weighted(k)).sum::<f64>();
    let block = (2.0 * g * g / (2.0 * spectrum * spectrum)).cbrt() * length.cbrt();
    block.clamp(1.0, (3.0 * length.sqrt()).min(length / 3.0).ceil())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::rng::{normal, stream};

    use super::*;

    /// Of an autoregression with coefficient r the best block is known: `(2 r / (1 - r^2))^(2/3) n^(1/3)`.
    #[test]
    fn the_block_of_an_autoregression_is_the_known_one() {
        let r = 0.6_f64;
        let mut rng = stream(3, "ar", 0);
        let mut x = 0.0;
        let values: Vec<f64> = (0..20_000)
            .map(|_| {
                x = r * x + normal(&mut rng);
                x
            })
            .collect();
        let best = (2.0 * r / (1.0 - r * r)).powf(2.0 / 3.0) * 20_000_f64.cbrt();
        let found = stationary_block(&values);
        assert!((found / best - 1.0).abs() < 0.15, "{found} {best}");
        // Noise needs no blocks.
        let noise: Vec<f64> = (0..20_000).map(|_| normal(&mut rng)).collect();
        assert!(stationary_block(&noise) < 8.0);
    }
}
