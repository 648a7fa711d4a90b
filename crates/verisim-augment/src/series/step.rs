//! What can be done to a series, and its defaults: those of tsaug 0.2 where it has the step, else of the papers named.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, uniform};

use super::{Sequence, time, value};
use crate::error::{Error, Result};

/// What stands for the steps of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// Their mean.
    #[default]
    Mean,
    /// Their largest.
    Max,
    /// Their smallest.
    Min,
}

/// What stands where a value was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// The value before; at the beginning the one after.
    #[default]
    Previous,
    /// The value after; at the end the one before.
    Next,
    /// The mean of the column in this series.
    Mean,
    /// Nothing.
    Missing,
}

/// One step of what is done to a series. `p` of each is the chance that it is done at all, 1 when not given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Normal noise on each number (tsaug `AddNoise`).
    Jitter {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// Its standard deviation, as a part of the range of the column in this series; 0.1.
        #[serde(default = "tenth")]
        scale: f64,
    },
    /// Each column times one normal number about 1 (Um et al. 2017).
    Scaling {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// Its standard deviation; 0.1.
        #[serde(default = "tenth")]
        scale: f64,
    },
    /// A smooth curve from 0 is added, one a column (tsaug `Drift`).
    Drift {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// How far the curve goes at most, as a part of the range of the column in this series; 0.5.
        #[serde(default = "half")]
        most: f64,
        /// Points between its ends at which it turns; 3.
        #[serde(default = "three")]
        points: usize,
    },
    /// Each column times a smooth curve about 1 (Um et al. 2017).
    MagnitudeWarp {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// The standard deviation of the curve at its points; 0.2.
        #[serde(default = "fifth")]
        scale: f64,
        /// Points between its ends; 4.
        #[serde(default = "four")]
        points: usize,
    },
    /// The pace changes smoothly, the ends stay (tsaug `TimeWarp`).
    TimeWarp {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// How often the pace changes; 3.
        #[serde(default = "three")]
        changes: usize,
        /// The fastest pace over the slowest, each the mean between two changes; 3.
        #[serde(default = "three_times")]
        ratio: f64,
    },
    /// A part that is as long as said, from anywhere (Le Guennec et al. 2016; tsaug `Crop`).
    WindowSlice {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// Its share of the steps; 0.9. At least one step is left.
        #[serde(default = "nine_tenths")]
        share: f64,
        /// Whether the part is stretched to the length of the whole, at the stamps of the whole. It keeps its own stamps otherwise.
        #[serde(default)]
        stretch: bool,
    },
    /// A part runs faster or slower, and the whole is brought back to its length (Le Guennec et al. 2016).
    WindowWarp {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// The share of the steps that the part has; 0.1.
        #[serde(default = "tenth")]
        share: f64,
        /// How long the part becomes, in lengths of its own: one of these; 0.5 or 2.
        #[serde(default = "half_or_twice")]
        ratios: Vec<f64>,
    },
    /// Parts change places; stamps stay (Um et al. 2017).
    Permutation {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// Number of parts, cut anywhere; 4. As many as there are steps in a shorter series.
        #[serde(default = "four")]
        parts: usize,
    },
    /// Single values are dropped (tsaug `Dropout`).
    Dropout {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// The chance of each step, all columns of numbers at once; 0.05.
        #[serde(default = "twentieth")]
        share: f64,
        /// What stands there.
        #[serde(default)]
        fill: Fill,
        /// Whether each column drops values of its own.
        #[serde(default)]
        apart: bool,
    },
    /// Blocks without values.
    MissingBlocks {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// The share of the steps in blocks, about; 0.1.
        #[serde(default = "tenth")]
        share: f64,
        /// Steps of a block; 5. As many as there are in a shorter series.
        #[serde(default = "five")]
        length: usize,
        /// Whether each column has blocks of its own.
        #[serde(default)]
        apart: bool,
        /// Whether categories are missing there too.
        #[serde(default)]
        categories: bool,
    },
    /// Steps in groups, each with one value (tsaug `Pool`).
    Pooling {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// Steps of a group; 2.
        #[serde(default = "two")]
        size: usize,
        /// That value.
        #[serde(default)]
        by: Pool,
    },
    /// Numbers on few levels, evenly over the range of the column in this series (tsaug `Quantize`, which may move a number by a whole
    /// level where this moves it by half a one at most).
    Quantise {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// The levels; 10.
        #[serde(default = "ten")]
        levels: usize,
    },
    /// Smoothed by a Hann window (tsaug `Convolve`).
    Smooth {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// Steps of the window; 7.
        #[serde(default = "seven")]
        size: usize,
    },
    /// More steps or fewer over the same time (tsaug `Resize`). Stamps lie evenly between those that were there.
    Resample {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// Steps afterwards, per step before: between these; 0.5 to 2. At least one step is left.
        #[serde(default = "half_to_twice")]
        ratio: [f64; 2],
    },
    /// Backwards (tsaug `Reverse`). Times between steps run backwards too, from the same start to the same end.
    Reverse {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
    },
    /// A band of frequencies is taken out of each column; the mean stays.
    FrequencyMask {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// The share of the frequencies; 0.1. At least one.
        #[serde(default = "tenth")]
        share: f64,
    },
    /// A mean with other series of the panel, found by dynamic time warping (weighted DBA; Forestier et al. 2017). The stamps and
    /// categories are those of the series itself.
    Barycentre {
        /// The chance.
        #[serde(default = "one")]
        p: f64,
        /// How many others; 5.
        #[serde(default = "five")]
        others: usize,
        /// How often the mean is bettered; 10.
        #[serde(default = "ten")]
        rounds: usize,
        /// How far steps may lie apart that are taken for one another, as a share of the longer series; 0.25. Costs grow with it.
        #[serde(default = "quarter")]
        band: f64,
    },
}

macro_rules! defaults {
    ($($name:ident: $kind:ty = $value:expr;)*) => { $(fn $name() -> $kind { $value })* };
}

defaults! {
    one: f64 = 1.0;
    nine_tenths: f64 = 0.9;
    half: f64 = 0.5;
    quarter: f64 = 0.25;
    fifth: f64 = 0.2;
    tenth: f64 = 0.1;
    twentieth: f64 = 0.05;
    three_times: f64 = 3.0;
    two: usize = 2;
    three: usize = 3;
    four: usize = 4;
    five: usize = 5;
    seven: usize = 7;
    ten: usize = 10;
    half_or_twice: Vec<f64> = vec![0.5, 2.0];
    half_to_twice: [f64; 2] = [0.5, 2.0];
}

impl Step {
    /// The chance that it is done.
    pub(crate) fn chance(&self) -> f64 {
        match self {
            Step::Jitter { p, .. }
            | Step::Scaling { p, .. }
            | Step::Drift { p, .. }
            | Step::MagnitudeWarp { p, .. }
            | Step::TimeWarp { p, .. }
            | Step::WindowSlice { p, .. }
            | Step::WindowWarp { p, .. }
            | Step::Permutation { p, .. }
            | Step::Dropout { p, .. }
            | Step::MissingBlocks { p, .. }
            | Step::Pooling { p, .. }
            | Step::Quantise { p, .. }
            | Step::Smooth { p, .. }
            | Step::Resample { p, .. }
            | Step::Reverse { p }
            | Step::FrequencyMask { p, .. }
            | Step::Barycentre { p, .. } => *p,
        }
    }

    /// Whether all settings can be.
    ///
    /// # Errors
    /// With the key of the first that cannot.
    pub fn check(&self) -> Result<()> {
        let share = |key: &str, x: f64| match (0.0..=1.0).contains(&x) {
            true => Ok(()),
            false => Err(Error::setting(key, format!("is {x}; it lies between 0 and 1"))),
        };
        let size = |key: &str, x: f64| match x >= 0.0 && x.is_finite() {
            true => Ok(()),
            false => Err(Error::setting(key, format!("is {x}; it is 0 or more"))),
        };
        let count = |key: &str, n: usize| match n {
            0 => Err(Error::setting(key, "is 0; it is at least 1")),
            _ => Ok(()),
        };
        let above = |key: &str, x: f64| match x > 0.0 && x.is_finite() {
            true => Ok(()),
            false => Err(Error::setting(key, format!("is {x}; it is above 0"))),
        };
        share("p", self.chance())?;
        match self {
            Step::Jitter { scale, .. } | Step::Scaling { scale, .. } | Step::MagnitudeWarp { scale, .. } => {
                size("scale", *scale)
            }
            Step::Drift { most, .. } => size("most", *most),
            Step::TimeWarp { changes, ratio, .. } => {
                count("changes", *changes)?;
                match *ratio >= 1.0 && ratio.is_finite() {
                    true => Ok(()),
                    false => {
                        Err(Error::setting("ratio", format!("is {ratio}; the fastest over the slowest is 1 or more")))
                    }
                }
            }
            Step::WindowSlice { share: s, .. } => share("share", *s),
            Step::WindowWarp { share: s, ratios, .. } => {
                share("share", *s)?;
                count("ratios", ratios.len())?;
                ratios.iter().try_for_each(|&r| above("ratios", r))
            }
            Step::Permutation { parts, .. } => count("parts", *parts),
            Step::Dropout { share: s, .. } | Step::FrequencyMask { share: s, .. } => share("share", *s),
            Step::MissingBlocks { share: s, length, .. } => share("share", *s).and(count("length", *length)),
            Step::Pooling { size: n, .. } | Step::Smooth { size: n, .. } => count("size", *n),
            Step::Quantise { levels, .. } => count("levels", *levels),
            Step::Resample { ratio: [low, high], .. } => {
                above("ratio", *low)?;
                above("ratio", *high)?;
                match low <= high {
                    true => Ok(()),
                    false => Err(Error::setting("ratio", format!("runs from {low} to {high}; put the smaller first"))),
                }
            }
            Step::Reverse { .. } => Ok(()),
            Step::Barycentre { others, rounds, band, .. } => {
                count("others", *others)?;
                count("rounds", *rounds)?;
                share("band", *band)
            }
        }
    }

    /// A sequence changed; [`Step::Barycentre`], which needs others, leaves it alone. One random number is always drawn for `p`.
    pub(crate) fn alone(&self, of: Sequence, rng: &mut Stream) -> Sequence {
        // A series without steps stays one.
        if uniform(rng) >= self.chance() || of.is_empty() {
            return of;
        }
        match self {
            Step::Jitter { scale, .. } => value::jitter(of, *scale, rng),
            Step::Scaling { scale, .. } => value::scaling(of, *scale, rng),
            Step::Drift { most, points, .. } => value::drift(of, *most, *points, rng),
            Step::MagnitudeWarp { scale, points, .. } => value::magnitude_warp(of, *scale, *points, rng),
            Step::TimeWarp { changes, ratio, .. } => time::time_warp(of, *changes, *ratio, rng),
            Step::WindowSlice { share, stretch, .. } => time::window_slice(of, *share, *stretch, rng),
            Step::WindowWarp { share, ratios, .. } => time::window_warp(of, *share, ratios, rng),
            Step::Permutation { parts, .. } => time::permutation(of, *parts, rng),
            Step::Dropout { share, fill, apart, .. } => value::dropout(of, *share, *fill, *apart, rng),
            Step::MissingBlocks { share, length, apart, categories, .. } => {
                value::missing_blocks(of, (*share, *length), *apart, *categories, rng)
            }
            Step::Pooling { size, by, .. } => value::pooling(of, *size, *by),
            Step::Quantise { levels, .. } => value::quantise(of, *levels),
            Step::Smooth { size, .. } => value::smooth(of, *size),
            Step::Resample { ratio, .. } => time::resample(of, *ratio, rng),
            Step::Reverse { .. } => time::reverse(of),
            Step::FrequencyMask { share, .. } => value::frequency_mask(of, *share, rng),
            Step::Barycentre { .. } => of,
        }
    }
}
