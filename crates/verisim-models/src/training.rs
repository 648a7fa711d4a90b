//! How a neural model is trained: the settings that every training loop has.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Settings of a training, every one filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Rows or images in a batch.
    pub batch_size: usize,
    /// Parts of a batch that take turns, so that only one part's activations are in memory (gradient accumulation); of
    /// models of images.
    pub accumulate: usize,
    /// Computes cheap activations again for the gradient rather than keeping them (gradient checkpointing): less memory, more
    /// time.
    pub recompute: bool,
    /// Passes over the data.
    pub epochs: usize,
    /// Passes are added until there are this many steps, so that small tables train long enough.
    pub min_steps: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Steps until the learning rate is reached.
    pub warmup: usize,
    /// After the warm-up the rate falls along a half cosine to a hundredth; otherwise it stays.
    pub cosine: bool,
    /// Decay rates of Adam's moments.
    pub betas: [f64; 2],
    /// Decay of the weights a step, apart from the gradient (AdamW).
    pub weight_decay: f64,
    /// Largest joint norm of the gradients; 0 for no limit.
    pub clip: f64,
    /// Decay of the moving average of the weights; 0 for none.
    pub ema: f64,
    /// Share of the rows kept back to measure the model.
    pub validation: f64,
    /// Measurements without improvement before training stops; 0 for never.
    pub patience: usize,
}

impl Training {
    /// Refuses settings that make no sense, naming the key.
    pub fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Data(format!("[train] {key} {rule}")));
        if self.batch_size == 0 {
            return bad("batch_size", "must be at least 1");
        }
        if self.accumulate == 0 {
            return bad("accumulate", "must be at least 1");
        }
        if self.epochs == 0 {
            return bad("epochs", "must be at least 1");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return bad("learning_rate", "must be positive");
        }
        if self.betas.iter().any(|b| !(0.0..1.0).contains(b)) {
            return bad("betas", "must lie between 0 and 1");
        }
        // No range holds NaN.
        if [self.weight_decay, self.clip].iter().any(|x| !(0.0..=f64::MAX).contains(x)) {
            return bad("weight_decay and clip", "must be 0 or more");
        }
        if !(0.0..1.0).contains(&self.ema) {
            return bad("ema", "must be at least 0 and below 1");
        }
        if !(0.0..=0.5).contains(&self.validation) {
            return bad("validation", "must lie between 0 and 0.5");
        }
        Ok(())
    }

    /// Learning rate at `step` of `total`, as a factor of the highest.
    pub fn rate(&self, progress: f64, step: u64) -> f64 {
        let warm = if self.warmup == 0 { 1.0 } else { ((step + 1) as f64 / self.warmup as f64).min(1.0) };
        let fall = if self.cosine {
            0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * progress.clamp(0.0, 1.0)).cos())
        } else {
            1.0
        };
        warm * fall
    }

    /// Rows in a batch of a table of `rows`: at most an eighth of it, so that an epoch has several steps.
    pub fn batch(&self, rows: usize) -> usize {
        self.batch_size.min((rows / 8).max(16)).min(rows.max(1))
    }

    /// Steps of the whole training.
    pub fn steps(&self, per_epoch: u64) -> u64 {
        let wanted = (self.epochs as u64 * per_epoch).max(self.min_steps as u64);
        wanted.div_ceil(per_epoch) * per_epoch
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn training() -> Training {
        Training {
            batch_size: 500,
            accumulate: 1,
            recompute: false,
            epochs: 10,
            min_steps: 1000,
            learning_rate: 1e-3,
            warmup: 10,
            cosine: true,
            betas: [0.9, 0.99],
            weight_decay: 0.0,
            clip: 0.0,
            ema: 0.0,
            validation: 0.0,
            patience: 0,
        }
    }

    #[test]
    fn the_rate_rises_then_falls() {
        let t = training();
        assert!((t.rate(0.0, 0) - 0.1).abs() < 1e-12);
        assert!((t.rate(0.5, 500) - 0.505).abs() < 1e-12);
        assert!((t.rate(1.0, 999) - 0.01).abs() < 1e-12);
    }

    #[test]
    fn small_tables_get_enough_steps() {
        assert_eq!(training().steps(65), 1040);
        assert_eq!(training().steps(200), 2000);
        assert_eq!(training().batch(891), 111);
    }
}
