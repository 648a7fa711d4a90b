//! What is the same throughout a sequence: drawn before its steps, for every model of series.
//!
//! Contexts are rows like any others, the start and the length of a sequence among their columns, and are drawn by a Gaussian copula
//! ([`copula`](crate::table::copula)), which keeps every condition exactly.

use verisim_data::rng::Stream;
use verisim_data::series::Spec;
use verisim_data::table::codec::Encoded;

use super::EncodedSeries;
use crate::error::Result;
use crate::table::copula::{self, Copula};
use crate::table::{Allowed, Drawn, Sampler as _};
use crate::weights::Weights;

/// Where the tensors of a context model lie among those of a model.
const PREFIX: &str = "context";

/// A model of contexts; none where there is nothing to learn in them.
pub struct Contexts(Option<Copula>);

impl Contexts {
    /// Learns the contexts of the sequences at `train`, and adds what was learnt to `weights`.
    ///
    /// # Errors
    /// When there is none.
    pub fn fit(data: &EncodedSeries, train: &[usize], weights: &mut Weights) -> Result<()> {
        let spans = data.context_spans();
        if spans.is_empty() || data.joined {
            return Ok(());
        }
        let copula = copula::fit(&copula::Config::default(), &spans, &data.context.take(train))?;
        weights.extend(PREFIX, copula.weights());
        Ok(())
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn restore(spec: &Spec, weights: &mut Weights) -> Result<Contexts> {
        let spans = spec.context.spans();
        if spans.is_empty() || spec.shape.key.is_empty() {
            return Ok(Contexts(None));
        }
        let mut own = weights.split_off(PREFIX);
        let copula = Copula::from_weights(&spans, &mut own)?;
        own.nothing_left()?;
        Ok(Contexts(Some(copula)))
    }

    /// `count` contexts that are allowed; fewer when `max_tries` ran out.
    ///
    /// # Errors
    /// When the model fails.
    pub fn draw(&self, count: usize, allowed: &Allowed, max_tries: u64, rng: &mut Stream) -> Result<Drawn> {
        match &self.0 {
            Some(copula) => copula.draw(count, allowed, max_tries, rng),
            None => Ok(Drawn { encoded: Encoded { rows: count, ..Encoded::default() }, tried: count as u64 }),
        }
    }
}
