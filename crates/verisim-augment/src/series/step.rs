//! What can be done to a series, and its defaults: those of tsaug 0.2 where it has the step, else of the papers named.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below};

use super::align::barycentre;
use super::{Sequence, time, value};
use crate::error::Result;
use crate::pipeline::operations;
use crate::range::{Range, Spread};
use crate::settings::settings;

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

/// What all steps for series can do.
pub trait Change {
    /// Whether the settings can be.
    fn check(&self) -> Result<(), String>;
    /// The series changed, which has a step at least. `others` are those that it may be mixed with.
    fn apply(&self, of: Sequence, others: &[&Sequence], rng: &mut Stream) -> Result<Sequence>;
}

/// Writes `Change` for settings whose limits are all there is to check, and that need no other series.
macro_rules! alone {
    ($name:ident, $this:ident, $of:ident, $rng:ident => $made:expr) => {
        impl Change for $name {
            fn check(&self) -> Result<(), String> {
                self.limits()
            }
            fn apply(&self, $of: Sequence, _: &[&Sequence], $rng: &mut Stream) -> Result<Sequence> {
                let $this = self;
                Ok($made)
            }
        }
    };
}

settings! {
    /// Normal noise on each number (tsaug `AddNoise`).
    Jitter {
        /// Its standard deviation, as a part of the range of the column in this series.
        scale: f64 = 0.1, in 0 to 1e9;
    }
}
alone!(Jitter, this, of, rng => value::jitter(of, this.scale, rng));

settings! {
    /// Each column times one normal number about 1 (Um et al. 2017).
    Scaling {
        /// Its standard deviation.
        scale: f64 = 0.1, in 0 to 1e9;
    }
}
alone!(Scaling, this, of, rng => value::scaling(of, this.scale, rng));

settings! {
    /// A smooth curve from 0 is added, one a column (tsaug `Drift`).
    Drift {
        /// How far the curve goes at most, as a part of the range of the column in this series.
        most: f64 = 0.5, in 0 to 1e9;
        /// Points between its ends at which it turns.
        points: usize = 3, in 0 to 1e6;
    }
}
alone!(Drift, this, of, rng => value::drift(of, this.most, this.points, rng));

settings! {
    /// Each column times a smooth curve about 1 (Um et al. 2017).
    MagnitudeWarp {
        /// The standard deviation of the curve at its points.
        scale: f64 = 0.2, in 0 to 1e9;
        /// Points between its ends.
        points: usize = 4, in 0 to 1e6;
    }
}
alone!(MagnitudeWarp, this, of, rng => value::magnitude_warp(of, this.scale, this.points, rng));

settings! {
    /// The pace changes smoothly, the ends stay (tsaug `TimeWarp`).
    TimeWarp {
        /// How often the pace changes.
        changes: usize = 3, in 1 to 1e6;
        /// The fastest pace over the slowest, each the mean between two changes.
        ratio: f64 = 3.0, in 1 to 1000;
    }
}
alone!(TimeWarp, this, of, rng => time::time_warp(of, this.changes, this.ratio, rng));

settings! {
    /// A part that is as long as said, from anywhere (Le Guennec et al. 2016; tsaug `Crop`).
    WindowSlice {
        /// Its share of the steps. At least one step is left.
        share: f64 = 0.9, in 0 to 1;
        /// Whether the part is stretched to the length of the whole, at the stamps of the whole. It keeps its own stamps otherwise.
        stretch: bool = false;
    }
}
alone!(WindowSlice, this, of, rng => time::window_slice(of, this.share, this.stretch, rng));

settings! {
    /// A part runs faster or slower, and the whole is brought back to its length (Le Guennec et al. 2016).
    WindowWarp {
        /// The share of the steps that the part has.
        share: f64 = 0.1, in 0 to 1;
        /// How long the part becomes, in lengths of its own.
        ratio: Range = Range::Spread(Spread::Choice(vec![0.5, 2.0])), in 0.001 to 1000;
    }
}
alone!(WindowWarp, this, of, rng => time::window_warp(of, this.share, &this.ratio, rng));

settings! {
    /// Parts change places; stamps stay (Um et al. 2017).
    Permutation {
        /// Number of parts, cut anywhere. As many as there are steps in a shorter series.
        parts: usize = 4, in 1 to 1e9;
    }
}
alone!(Permutation, this, of, rng => time::permutation(of, this.parts, rng));

settings! {
    /// Single values are dropped (tsaug `Dropout`).
    Dropout {
        /// The chance of each step, all columns of numbers at once.
        share: f64 = 0.05, in 0 to 1;
        /// What stands there.
        fill: Fill = Fill::Previous;
        /// Whether each column drops values of its own.
        apart: bool = false;
    }
}
alone!(Dropout, this, of, rng => value::dropout(of, this.share, this.fill, this.apart, rng));

settings! {
    /// Blocks without values.
    MissingBlocks {
        /// The share of the steps in blocks, about.
        share: f64 = 0.1, in 0 to 1;
        /// Steps of a block. As many as there are in a shorter series.
        length: usize = 5, in 1 to 1e9;
        /// Whether each column has blocks of its own.
        apart: bool = false;
        /// Whether categories are missing there too.
        categories: bool = false;
    }
}
alone!(MissingBlocks, this, of, rng => value::missing_blocks(of, (this.share, this.length), this.apart, this.categories, rng));

settings! {
    /// Steps in groups, each with one value (tsaug `Pool`).
    Pooling {
        /// Steps of a group.
        size: usize = 2, in 1 to 1e9;
        /// That value.
        by: Pool = Pool::Mean;
    }
}
alone!(Pooling, this, of, _rng => value::pooling(of, this.size, this.by));

settings! {
    /// Numbers on few levels, evenly over the range of the column in this series (tsaug `Quantize`, which may move a number by a whole
    /// level where this moves it by half a one at most).
    Quantise {
        /// The levels.
        levels: usize = 10, in 1 to 1e9;
    }
}
alone!(Quantise, this, of, _rng => value::quantise(of, this.levels));

settings! {
    /// Smoothed by a Hann window (tsaug `Convolve`).
    Smooth {
        /// Steps of the window.
        size: usize = 7, in 1 to 1e9;
    }
}
alone!(Smooth, this, of, _rng => value::smooth(of, this.size));

settings! {
    /// More steps or fewer over the same time (tsaug `Resize`). Stamps lie evenly between those that were there.
    Resample {
        /// Steps afterwards, per step before: between these. At least one step is left.
        ratio: Range = Range::from([0.5, 2.0]), in 0.001 to 1000;
    }
}
alone!(Resample, this, of, rng => time::resample(of, &this.ratio, rng));

settings! {
    /// Backwards (tsaug `Reverse`). Times between steps run backwards too, from the same start to the same end.
    Reverse {}
}
alone!(Reverse, _this, of, _rng => time::reverse(of));

settings! {
    /// A band of frequencies is taken out of each column; the mean stays.
    FrequencyMask {
        /// The share of the frequencies. At least one.
        share: f64 = 0.1, in 0 to 1;
    }
}
alone!(FrequencyMask, this, of, rng => value::frequency_mask(of, this.share, rng));

settings! {
    /// A mean with other series of the panel, found by dynamic time warping (weighted DBA; Forestier et al. 2017). The stamps and
    /// categories are those of the series itself.
    Barycentre {
        /// How many others.
        others: usize = 5, in 1 to 1e6;
        /// How often the mean is bettered.
        rounds: usize = 10, in 1 to 1e6;
        /// How far steps may lie apart that are taken for one another, as a share of the longer series. Costs grow with it.
        band: f64 = 0.25, in 0 to 1;
    }
}

impl Change for Barycentre {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn apply(&self, of: Sequence, others: &[&Sequence], rng: &mut Stream) -> Result<Sequence> {
        let mut left: Vec<usize> = (0..others.len()).collect();
        // Without the drawn ones, so that none comes twice.
        let few = (0..self.others.min(left.len())).map(|_| left.swap_remove(below(rng, left.len() as u64) as usize));
        let few: Vec<&Sequence> = few.collect::<Vec<usize>>().into_iter().map(|k| others[k]).collect();
        barycentre(&of, &few, self.rounds, self.band)
    }
}

operations! {
    /// One step for series with its settings.
    "Series" Transform: Change {
        "jitter" Jitter,
        "scaling" Scaling,
        "drift" Drift,
        "magnitude_warp" MagnitudeWarp,
        "time_warp" TimeWarp,
        "window_slice" WindowSlice,
        "window_warp" WindowWarp,
        "permutation" Permutation,
        "dropout" Dropout,
        "missing_blocks" MissingBlocks,
        "pooling" Pooling,
        "quantise" Quantise,
        "smooth" Smooth,
        "resample" Resample,
        "reverse" Reverse,
        "frequency_mask" FrequencyMask,
        "barycentre" Barycentre,
    }
}
