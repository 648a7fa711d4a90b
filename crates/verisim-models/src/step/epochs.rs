//! Which rows a step sees.

use verisim_data::rng::{permutation, stream};

/// The order in which rows are visited: a new permutation each epoch, of which the current one is kept.
#[derive(Clone, Debug, Default)]
pub struct Epochs {
    current: Option<(u64, Vec<usize>)>,
}

impl Epochs {
    /// Rows of step `step` when `rows` rows are visited `batch` at a time. Depends on the seed and the step alone.
    pub fn batch(&mut self, seed: u64, step: u64, rows: usize, batch: usize) -> &[usize] {
        let per_epoch = (rows / batch).max(1) as u64;
        let epoch = step / per_epoch;
        if self.current.as_ref().is_none_or(|(e, order)| *e != epoch || order.len() != rows) {
            self.current = Some((epoch, permutation(&mut stream(seed, "epoch", epoch), rows)));
        }
        let order = self.current.as_ref().map_or(&[][..], |(_, order)| order);
        let at = (step % per_epoch) as usize * batch;
        &order[at..(at + batch).min(rows)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_visits_every_row_once() {
        let mut epochs = Epochs::default();
        let mut seen: Vec<usize> = (0..10).flat_map(|s| epochs.batch(1, s, 100, 10).to_vec()).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
        let first = epochs.batch(1, 0, 100, 10).to_vec();
        assert_ne!(first, epochs.batch(1, 10, 100, 10));
        assert_eq!(first, Epochs::default().batch(1, 0, 100, 10));
        assert_eq!(epochs.batch(1, 3, 7, 10).len(), 7);
    }
}
