//! How a neural model is trained: the settings that every training loop has.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Declares the settings of a training once: [`Training`], where every one is filled in, and [`Train`], what a config says.
macro_rules! settings {
    ($($(#[$about:meta])* $name:ident: $type:ty,)*) => {
        /// Settings of a training, every one filled in. Their schema is that of a config, which need give none of them.
        #[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
        #[schemars(rename = "Train", deny_unknown_fields, transform = none_required)]
        pub struct Training {
            $($(#[$about])* pub $name: $type,)*
        }

        /// `[train]` of a config: what differs from the model's own defaults.
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Train {
            $($(#[$about])* pub $name: Option<$type>,)*
        }

        impl Train {
            /// `default` with what is given here in its place.
            fn merge(&self, default: Training) -> Training {
                Training { $($name: self.$name.clone().unwrap_or(default.$name),)* }
            }
        }
    };
}

settings! {
    /// Passes over the data. Given, it is exact: no steps are added for small tables.
    epochs: usize,
    /// Longest training time instead, e.g. `"90s"`, `"5min"`, `"1h"`. A run that it ends depends on the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<Budget>,
    /// Passes are added until there are this many steps, so that small tables train long enough.
    min_steps: usize,
    /// Rows or images in a batch.
    batch_size: usize,
    /// Parts of a batch that take turns, so that only one part's activations are in memory (gradient accumulation); for models
    /// of images.
    #[serde(skip_serializing_if = "is_one")]
    accumulate: usize,
    /// Computes cheap activations again for the gradient rather than keeping them (gradient checkpointing): less memory, more
    /// time.
    #[serde(skip_serializing_if = "is_false")]
    recompute: bool,
    /// Highest learning rate.
    learning_rate: f64,
    /// Steps until the learning rate is reached.
    warmup: usize,
    /// After the warm-up the rate falls along a half cosine to a hundredth; otherwise it stays.
    cosine: bool,
    /// Decay rates of Adam's moments.
    betas: [f64; 2],
    /// Decay of the weights a step, apart from the gradient (AdamW).
    weight_decay: f64,
    /// Largest joint norm of the gradients; 0 for no limit.
    clip: f64,
    /// Decay of the moving average of the weights; 0 for none.
    ema: f64,
    /// Share of the rows or images kept for validation.
    validation: f64,
    /// Measurements without improvement before training stops; 0 for never.
    patience: usize,
    /// Steps between two lines of `metrics.jsonl`.
    log_every: u64,
    /// Seconds between two checkpoints.
    checkpoint_every: u64,
    /// Seconds between two pictures of what a model of images makes so far; a minute, or more where they take long, when not
    /// given.
    #[serde(skip_serializing_if = "Option::is_none")]
    preview_every: Option<u64>,
}

fn none_required(schema: &mut Schema) {
    schema.remove("required");
}

fn is_one(n: &usize) -> bool {
    *n == 1
}

fn is_false(x: &bool) -> bool {
    !*x
}

/// What most models agree on.
impl Default for Training {
    fn default() -> Self {
        Training {
            epochs: 30,
            budget: None,
            min_steps: 0,
            batch_size: 64,
            accumulate: 1,
            recompute: false,
            learning_rate: 2e-3,
            warmup: 100,
            cosine: true,
            betas: [0.9, 0.99],
            weight_decay: 0.0,
            clip: 0.0,
            ema: 0.999,
            validation: 0.0,
            patience: 0,
            log_every: 50,
            checkpoint_every: 60,
            preview_every: None,
        }
    }
}

impl Train {
    /// `default` with what is given here in its place. Epochs that are given are exact.
    pub fn over(&self, mut default: Training) -> Training {
        if self.epochs.is_some() {
            default.min_steps = 0;
        }
        let merged = self.merge(default);
        Training { log_every: merged.log_every.max(1), ..merged }
    }
}

/// A stretch of time, written `90s`, `5min` or `1.5h`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Budget {
    /// Its length in seconds.
    pub seconds: f64,
}

impl TryFrom<String> for Budget {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
        let unit = match text[digits.len()..].trim() {
            "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(format!("`{text}` is no time; write it like \"90s\", \"5min\" or \"1h\"")),
        };
        match digits.trim().parse::<f64>() {
            Ok(x) if x > 0.0 && x.is_finite() => Ok(Budget { seconds: x * unit }),
            _ => Err(format!("`{text}` is no time; write it like \"90s\", \"5min\" or \"1h\"")),
        }
    }
}

impl From<Budget> for String {
    fn from(b: Budget) -> String {
        format!("{}s", b.seconds)
    }
}

impl Training {
    /// Refuses settings that make no sense, naming the key.
    pub fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Training { key: key.into(), rule: rule.into() });
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

    /// Learning rate at `step`, with the share `progress` of the training done, as a factor of the highest.
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
            epochs: 10,
            min_steps: 1000,
            learning_rate: 1e-3,
            warmup: 10,
            ema: 0.0,
            ..Training::default()
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
