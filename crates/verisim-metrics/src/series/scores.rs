//! The scores that are numbers of two sets of sequences, and what chance does to them.

use schemars::JsonSchema;
use serde::Serialize;

/// A score and how far chance moves it from repetition to repetition.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Repeated {
    /// The mean over the repetitions.
    pub value: f64,
    /// Their standard deviation.
    pub deviation: f64,
    /// How many there were.
    pub repeats: usize,
    /// What a further repetition exceeds less than once in a hundred times, as far as these tell.
    pub most: f64,
}

/// A score beside what real series get.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Score {
    /// Of the synthetic series.
    pub synthetic: Repeated,
    /// Of held-out series in their place.
    pub holdout: Option<Repeated>,
    /// Of real series of the same span in their place.
    pub fresh: Option<Repeated>,
    /// Of halves of training and synthetic series together.
    pub mixed: Option<Repeated>,
}

macro_rules! scores {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// One repetition of all scores; 0 is perfect for each.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub(crate) struct Statistics { $(pub $name: Option<f64>,)+ }

        /// The scores; 0 is perfect for each. What cannot be computed of these series is null.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
        pub struct Scores { $($(#[doc = $doc])+ pub $name: Option<Score>,)+ }

        impl Scores {
            pub(super) fn of(gather: impl Fn(fn(&Statistics) -> Option<f64>) -> Option<Score>) -> Scores {
                Scores { $($name: gather(|s| s.$name),)+ }
            }
        }
    };
}

scores! {
    /// Mean over the columns: Kolmogorov-Smirnov distance of numbers, total variation distance of categories, over all steps.
    marginal_mean,
    /// The same of the worst column.
    marginal_worst,
    /// Mean Kolmogorov-Smirnov distance of numbers at up to 24 places of sequences of one length.
    marginal_by_step,
    /// Mean difference of the share of missing numbers.
    missing,
    /// Sum of the differences of the correlations of all pairs of numbers, over 10 (TimeGAN, Diffusion-TS).
    correlation_sum,
    /// Mean difference of correlations, the ten commonest levels of categories among them.
    correlation,
    /// Mean difference of the correlations of one number with another a step later.
    cross_lag,
    /// Mean difference of autocorrelations about the mean of all steps, lags 1 to 20.
    acf_pooled,
    /// The same about the mean of each sequence.
    acf_within,
    /// Mean difference of how often a category is the same some steps on.
    acf_repeat,
    /// Mean difference of decimal logarithms of mean periodograms.
    spectrum,
    /// Fréchet distance on features of random convolutions.
    frechet,
    /// Kolmogorov-Smirnov distance of the number of steps.
    length,
    /// Kolmogorov-Smirnov distance of the time between steps.
    interval,
    /// Kolmogorov-Smirnov distance of the time of the first step.
    start,
    /// Mean total variation distance of the next level given the level.
    transition,
    /// Mean total variation distance of pairs of levels that follow each other.
    bigram,
    /// Mean distance of the columns of the context.
    context,
    /// Mean difference of a column's mean over the sequences of one level (or quarter) of the context, in training deviations.
    context_dependence,
    /// Mean difference of the correlation ratio of sequence means and context.
    context_ratio,
    /// Mean difference of the logarithm of the kurtosis of returns.
    kurtosis,
    /// Mean difference of the autocorrelation of returns.
    returns_acf,
    /// Mean difference of the autocorrelation of absolute returns.
    volatility_acf,
    /// Mean difference of the correlation of a return with the square of later ones.
    leverage,
}

impl Repeated {
    /// `None` of no values, or where one is no number.
    pub(crate) fn of(values: &[f64]) -> Option<Repeated> {
        let [value, deviation] = moments(values);
        let most = value + doubt(values.len()) * deviation;
        value.is_finite().then_some(Repeated { value, deviation, repeats: values.len(), most })
    }
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> [f64; 2] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    [mean, if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 }]
}

/// How many deviations above the mean of `repeats` values a further one lies less than once in a hundred times: Student's t, as for
/// tables (the expansion of Fisher and Cornish, 1960).
fn doubt(repeats: usize) -> f64 {
    let free = repeats.saturating_sub(1).max(1) as f64;
    let z: f64 = 2.326;
    let t = z + (z.powi(3) + z) / (4.0 * free) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * free * free);
    t * (1.0 + 1.0 / repeats.max(1) as f64).sqrt()
}
