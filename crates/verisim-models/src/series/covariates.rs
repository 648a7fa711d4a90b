//! The context of a sequence as numbers that a regression can use.
//!
//! A column of numbers is one covariate, the normal score of its token; a category is one covariate a level, 1 where it has it. Levels that few
//! sequences have are none of their own.

use verisim_data::normal;
use verisim_data::table::codec::{Encoded, Span};

use crate::error::{Error, Result};
use crate::weights::Weights;

/// Fewest sequences of a level that is a covariate.
const LEAST: usize = 5;
/// Most levels of a category that are.
const MOST: usize = 16;

/// One covariate: a value for each token of a column.
#[derive(Clone, Debug, PartialEq)]
struct Covariate {
    column: usize,
    values: Vec<f64>,
}

/// The covariates of a context.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Covariates(Vec<Covariate>);

impl Covariates {
    /// Those of the contexts at `rows`.
    pub fn fit(spans: &[Span], context: &Encoded, rows: &[usize]) -> Covariates {
        let mut all = Vec::new();
        for (column, span) in spans.iter().enumerate().filter(|(j, _)| *j < context.tokens.len()) {
            let mut counts = vec![0_usize; span.tokens as usize];
            rows.iter().for_each(|&i| counts[context.tokens[column][i] as usize] += 1);
            if counts.iter().filter(|&&c| c > 0).count() < 2 {
                continue;
            }
            if span.ordered {
                let mut before = 0;
                let values = counts.iter().map(|&count| {
                    let middle = (before as f64 + count as f64 / 2.0) / rows.len() as f64;
                    before += count;
                    normal::quantile(middle.clamp(1e-4, 1.0 - 1e-4))
                });
                all.push(Covariate { column, values: values.collect() });
                continue;
            }
            let mut levels: Vec<usize> = (0..counts.len()).filter(|&t| counts[t] >= LEAST).collect();
            levels.sort_by_key(|&t| (std::cmp::Reverse(counts[t]), t));
            // The commonest level is what the others are compared with.
            for &level in levels.iter().skip(1).take(MOST) {
                let values = (0..counts.len()).map(|t| f64::from(u8::from(t == level))).collect();
                all.push(Covariate { column, values });
            }
        }
        Covariates(all)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Those of row `i` of `context`; 0 where there is no context.
    pub fn of<'a>(&'a self, context: &'a Encoded, i: usize) -> impl Iterator<Item = f64> + 'a {
        self.0.iter().map(move |c| {
            let token = context.tokens.get(c.column).map(|tokens| tokens[i] as usize);
            token.and_then(|t| c.values.get(t)).copied().unwrap_or(0.0)
        })
    }

    /// Adds them to `weights`.
    pub fn store(&self, weights: &mut Weights) {
        let columns = self.0.iter().map(|c| c.column as u32).collect();
        weights.put_u32("covariates.columns", &[self.0.len()], columns);
        for (k, c) in self.0.iter().enumerate() {
            weights.put_f64(format!("covariates.{k}"), &[c.values.len()], c.values.clone());
        }
    }

    /// Takes them out of `weights`.
    ///
    /// # Errors
    /// When they are not there.
    pub fn restore(weights: &mut Weights) -> Result<Covariates> {
        let mut all = Vec::new();
        for (k, column) in weights.take_u32("covariates.columns")?.1.into_iter().enumerate() {
            let name = format!("covariates.{k}");
            let values = weights.take_f64(&name)?.1;
            if values.iter().any(|v| !v.is_finite()) {
                return Err(Error::Tensor { name, problem: "is not finite".into() });
            }
            all.push(Covariate { column: column as usize, values });
        }
        Ok(Covariates(all))
    }
}
