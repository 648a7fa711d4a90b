//! Neural models of tables need not know of the order of columns: they are trained on the reordered table, and what they draw is put back
//! in place here.

use verisim_data::rng::Stream;
use verisim_data::table::codec::{Encoded, Span};
use verisim_data::table::{Spec, Table};

use super::order::{by_information, put, take};
use crate::error::Result;
use crate::learn::{Clock, Losses, Split, Start, Trainee};
use crate::table::rows::Rows;
use crate::table::sampler::{Allowed, Drawn, Partial, Sampler, Tuning};
use crate::weights::Weights;

/// The columns of a table as a neural model sees them, in their order.
pub struct Columns<'a> {
    /// What the columns are.
    pub spans: &'a [Span],
    /// Rows to learn.
    pub train: Rows<'a>,
    /// Rows that measure the model; may be none.
    pub validation: Rows<'a>,
}

/// Begins to train a model of the reordered table.
pub fn start<T: Trainee<Table> + 'static>(
    split: &Split<'_, Table>,
    new: impl FnOnce(&Columns<'_>) -> Result<T>,
) -> Result<Start<Table>> {
    let (spans, all) = (split.encoded.spec.codec.spans(), Rows::of(&split.encoded.rows));
    // Without validation rows are learnt in the order of the table.
    let train = if split.validation.is_empty() { all.clone() } else { all.clone().at(split.train) };
    let order = by_information(&spans, &train);
    let spans = arrange(&spans, &order);
    let (train, validation) = (train.arranged(&order), all.at(split.validation).arranged(&order));
    let inner = new(&Columns { spans: &spans, train, validation })?;
    Ok(Start::Steps(Box::new(OrderedTrainee { inner, order })))
}

/// The trained model of the reordered table, put back in place.
pub fn restore<S: Sampler + 'static>(
    spec: &Spec,
    weights: &mut Weights,
    open: impl FnOnce(&[Span], &mut Weights) -> Result<S>,
) -> Result<Box<dyn Sampler>> {
    let spans = spec.codec.spans();
    let order = take(weights, spans.len())?;
    let inner = open(&arrange(&spans, &order), weights)?;
    Ok(Box::new(OrderedSampler::new(Box::new(inner), order)))
}

/// A model in training on a reordered table; the order goes into its weights.
pub struct OrderedTrainee<T> {
    /// The model.
    pub inner: T,
    /// The order of the columns that it sees.
    pub order: Vec<usize>,
}

impl<T: Trainee<Table>> Trainee<Table> for OrderedTrainee<T> {
    fn steps_per_epoch(&self) -> u64 {
        self.inner.steps_per_epoch()
    }

    fn step(&mut self, clock: &Clock) -> Result<Losses> {
        self.inner.step(clock)
    }

    fn validate(&mut self) -> Result<Option<f64>> {
        self.inner.validate()
    }

    fn keep(&mut self) {
        self.inner.keep();
    }

    fn save(&self) -> Result<Weights> {
        self.inner.save()
    }

    fn load(&mut self, weights: Weights) -> Result<()> {
        self.inner.load(weights)
    }

    fn finish(&mut self, seed: u64) -> Result<Weights> {
        let mut weights = self.inner.finish(seed)?;
        put(&mut weights, &self.order);
        Ok(weights)
    }
}

/// A trained model of a reordered table, drawing in the table's own order.
pub struct OrderedSampler {
    inner: Box<dyn Sampler>,
    order: Vec<usize>,
}

impl OrderedSampler {
    /// Puts the columns of `inner` back: its column `k` is column `order[k]` of the table.
    pub fn new(inner: Box<dyn Sampler>, order: Vec<usize>) -> Self {
        OrderedSampler { inner, order }
    }

    /// What is allowed of the columns in their order.
    fn arranged(&self, allowed: &Allowed) -> Allowed {
        let mut inner = Allowed::any(self.order.len());
        for (k, &j) in self.order.iter().enumerate() {
            if let Some(tokens) = allowed.tokens(j) {
                inner.restrict(k, tokens.to_vec());
            }
        }
        inner
    }

    /// Where in the order each column of the table is.
    fn back(&self) -> Vec<usize> {
        let mut back = vec![0; self.order.len()];
        self.order.iter().enumerate().for_each(|(k, &j)| back[j] = k);
        back
    }
}

impl Sampler for OrderedSampler {
    fn draw(&self, rows: usize, allowed: &Allowed, max_tries: u64, rng: &mut Stream) -> Result<Drawn> {
        let drawn = self.inner.draw(rows, &self.arranged(allowed), max_tries, rng)?;
        Ok(Drawn { encoded: arrange_table(drawn.encoded, &self.back()), tried: drawn.tried })
    }

    fn complete(&self, partial: &Partial, rng: &mut Stream) -> Result<Encoded> {
        let rows = arrange_table(partial.rows.clone(), &self.order);
        let known = arrange(&partial.known, &self.order);
        let inner = Partial { rows, known, allowed: self.arranged(&partial.allowed) };
        Ok(arrange_table(self.inner.complete(&inner, rng)?, &self.back()))
    }

    fn log_probabilities(&self, rows: &Encoded) -> Result<Vec<Vec<f32>>> {
        let inner = self.inner.log_probabilities(&arrange_table(rows.clone(), &self.order))?;
        Ok(arrange(&inner, &self.back()))
    }

    fn tuned(&self, tuning: &Tuning) -> Result<Option<Box<dyn Sampler>>> {
        let tuned = self.inner.tuned(tuning)?;
        Ok(tuned.map(|inner| Box::new(OrderedSampler::new(inner, self.order.clone())) as Box<dyn Sampler>))
    }
}

/// `items` in the given order.
fn arrange<T: Clone>(items: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|&j| items[j].clone()).collect()
}

/// A table whose column `k` is column `order[k]` of `data`; `order` names every column once.
fn arrange_table(mut data: Encoded, order: &[usize]) -> Encoded {
    Encoded {
        rows: data.rows,
        tokens: order.iter().map(|&j| std::mem::take(&mut data.tokens[j])).collect(),
        scalars: order.iter().map(|&j| std::mem::take(&mut data.scalars[j])).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arranging_and_putting_back_is_the_identity() {
        let data = Encoded { rows: 2, tokens: vec![vec![0, 1], vec![2, 3], vec![4, 5]], scalars: vec![vec![]; 3] };
        let order = vec![2, 0, 1];
        let there = arrange_table(data.clone(), &order);
        assert_eq!(there.tokens[0], vec![4, 5]);
        let mut back = vec![0; 3];
        order.iter().enumerate().for_each(|(k, &j)| back[j] = k);
        assert_eq!(arrange_table(there, &back).tokens, data.tokens);
    }
}
