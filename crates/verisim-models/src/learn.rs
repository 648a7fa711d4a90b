//! The seam between kinds of data, models and the loop that trains them.
//!
//! A kind of data says by [`Learn`] what reaches a model and what a trained one can do. A model is its settings: they check
//! themselves, [`start`](Model::start) a training and [`restore`](Model::restore) what was trained, all by the trait [`Model`]. Models of
//! one kind are a closed enum, which the macro `models!` writes from one line a model.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
pub use verisim_data::Data;

pub use crate::compute::Device;
use crate::compute::Loss;
use crate::error::Result;
use crate::training::{Train, Training};
use crate::weights::Weights;

/// A kind of data that models can learn.
pub trait Learn: Data {
    /// The models of this kind: a closed enum, `[model.NAME]` in a config.
    type Models: Models<Self>;
    /// What a model wants of the encoding.
    type Encoding;
    /// The data, encoded.
    type Encoded: Send + Sync;
    /// What is done to the data on their way to a model, anew each time: `[augment]` in a config.
    type Augment: Augments;
    /// What is learnt besides the model, of what it does not learn: `[text]` in a config.
    type Besides: Augments;
    /// What a trained model can do.
    type Sampler: ?Sized + Send + Sync;

    /// Understands and encodes data.
    ///
    /// # Errors
    /// When there is nothing to learn in them.
    fn encode(self, source: &Self::Source, encoding: &Self::Encoding) -> Result<Ready<Self>>;

    /// Whether those that measure a model are the last, rather than some at random: of parts of one thing, a neighbour tells too much.
    fn in_order(_: &Self::Encoded) -> bool {
        false
    }

    /// What an artefact says of data of which those at `train` were learnt.
    fn spec(encoded: &Self::Encoded, train: &[usize]) -> Self::Spec;

    /// Refuses settings of a training that have no meaning for this kind, naming the key.
    ///
    /// # Errors
    /// When there is one.
    fn check_training(given: &Train) -> Result<()>;

    /// A picture of what a model in training makes so far, as a PNG that says what `says` says; none where there is nothing to see.
    ///
    /// # Errors
    /// When the device fails.
    fn preview(
        sampler: &Self::Sampler,
        spec: &Self::Spec,
        seed: u64,
        says: &[(String, String)],
    ) -> Result<Option<Vec<u8>>>;
}

/// Settings of what is done to data on their way to a model, or of what is learnt besides it.
pub trait Augments: Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync {
    /// Refuses settings that make no sense, naming the key.
    ///
    /// # Errors
    /// When there is one.
    fn check(&self) -> Result<()>;
}

/// Data on their way to a model.
pub struct Ready<K: Learn> {
    /// The data, encoded.
    pub encoded: K::Encoded,
    /// How many there are, in the unit of the kind.
    pub count: usize,
    /// Hash of what was understood.
    pub hash: String,
    /// What they are, for people, after their number: ", 3 of 4 columns to learn".
    pub told: String,
    /// What was left out, a sentence each.
    pub notes: Vec<String>,
}

/// Which part of the data is learnt and which measures the model.
pub struct Split<'a, K: Learn> {
    /// All data.
    pub encoded: &'a K::Encoded,
    /// Those to learn.
    pub train: &'a [usize],
    /// Those that measure the model; may be none.
    pub validation: &'a [usize],
    /// What is done to those that are learnt.
    pub augment: &'a K::Augment,
}

impl<K: Learn> Clone for Split<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Learn> Copy for Split<'_, K> {}

/// Shards of a batch on a CPU.
pub const CPU_SHARDS: usize = 2;

/// How and where a model is trained.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// Settings of the training; a model that is fitted at once has none.
    pub training: &'a Training,
    /// Seed of the job.
    pub seed: u64,
    /// The device; it supports gradients.
    pub device: &'a Device,
    /// Shards of a batch: [`CPU_SHARDS`], or one on a GPU.
    pub shards: usize,
    /// Hears how far a model is that is fitted at once.
    pub counter: &'a Counter,
}

/// How far work is: counted by many threads, read by another.
#[derive(Debug, Default)]
pub struct Counter {
    total: AtomicU64,
    done: AtomicU64,
}

impl Counter {
    /// There are so many to do.
    pub fn begin(&self, total: usize) {
        self.total.store(total as u64, Ordering::Relaxed);
    }

    /// One more is done.
    pub fn one(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// How many are done and how many there are; none before the work has begun.
    pub fn read(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}

/// One model and its settings.
pub trait Model<K: Learn> {
    /// Refuses settings that make no sense, naming the key.
    ///
    /// # Errors
    /// When there is one.
    fn check(&self) -> Result<()>;

    /// What the model wants of the encoding.
    fn encoding(&self) -> K::Encoding;

    /// How it is trained unless the job says otherwise; `None` for a model that is fitted at once.
    fn training(&self) -> Option<Training> {
        None
    }

    /// Refuses settings of a training that have no meaning for this model.
    ///
    /// # Errors
    /// When there is one.
    fn check_training(&self, _: &Training) -> Result<()> {
        Ok(())
    }

    /// Fits the model, or begins to train it.
    ///
    /// # Errors
    /// When the model cannot learn these data.
    fn start(&self, split: &Split<'_, K>, setup: &Setup<'_>) -> Result<Start<K>>;

    /// The trained model of `weights`, which are taken out.
    ///
    /// # Errors
    /// When they are not those of such a model.
    fn restore(&self, spec: &K::Spec, weights: &mut Weights, device: &Device) -> Result<Box<K::Sampler>>;
}

/// All models of a kind, as one closed enum.
pub trait Models<K: Learn>:
    Model<K> + Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Their names, as they stand in a config.
    const NAMES: &'static [&'static str];

    /// The name of this one.
    fn name(&self) -> &'static str;
}

/// A model as it begins.
pub enum Start<K: Learn> {
    /// Fitted at once.
    Fitted(Weights),
    /// To be trained step by step.
    Steps(Box<dyn Trainee<K>>),
}

/// When and how fast: what the loop tells a step.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Seed of the job.
    pub seed: u64,
    /// Step, from 0.
    pub step: u64,
    /// Learning rate of this step, as a factor of the highest.
    pub rate: f64,
}

/// Losses of one step, by name; still on the device, so that only logged steps wait for them.
pub type Losses = Vec<(&'static str, Loss)>;

/// A model in training.
pub trait Trainee<K: Learn>: Send {
    /// Steps that see as many rows or images as there are to learn.
    fn steps_per_epoch(&self) -> u64;

    /// One optimisation step.
    ///
    /// # Errors
    /// When its batch cannot be read.
    fn step(&mut self, clock: &Clock) -> Result<Losses>;

    /// A score of the current model on the data kept for validation, lower is better; `None` when there are none.
    ///
    /// # Errors
    /// When the device fails.
    fn validate(&mut self) -> Result<Option<f64>>;

    /// Remembers the current model as the best so far.
    fn keep(&mut self);

    /// Everything that a resumed training needs.
    ///
    /// # Errors
    /// When the device fails.
    fn save(&self) -> Result<Weights>;

    /// Takes up what [`save`](Trainee::save) gave.
    ///
    /// # Errors
    /// When the weights are not those of this model.
    fn load(&mut self, weights: Weights) -> Result<()>;

    /// What the sampler needs, from the best model (the last one when none was kept).
    ///
    /// # Errors
    /// When the device fails.
    fn finish(&mut self, seed: u64) -> Result<Weights>;

    /// The model as it is now, for pictures on the way; none of a kind that has no pictures.
    fn preview(&self) -> Option<Box<K::Sampler>> {
        None
    }
}

/// The closed enum `Model` of a kind's models, from one line a model: its variant and its module, whose `Config` is a
/// [`Model`](crate::Model).
#[macro_export]
macro_rules! models {
    ($(#[$about:meta])* $kind:ty: $($(#[$doc:meta])* $variant:ident = $module:ident;)+) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub enum Model {
            $($(#[$doc])* $variant($module::Config),)+
        }

        impl $crate::learn::Models<$kind> for Model {
            const NAMES: &'static [&'static str] = &[$(stringify!($module)),+];

            fn name(&self) -> &'static str {
                match self {
                    $(Model::$variant(_) => stringify!($module),)+
                }
            }
        }

        impl Model {
            /// The settings of the model, whichever it is.
            fn settings(&self) -> &dyn $crate::learn::Model<$kind> {
                match self {
                    $(Model::$variant(config) => config,)+
                }
            }
        }

        impl $crate::learn::Model<$kind> for Model {
            fn check(&self) -> $crate::Result<()> {
                self.settings().check()
            }

            fn encoding(&self) -> <$kind as $crate::learn::Learn>::Encoding {
                self.settings().encoding()
            }

            fn training(&self) -> Option<$crate::Training> {
                self.settings().training()
            }

            fn check_training(&self, training: &$crate::Training) -> $crate::Result<()> {
                self.settings().check_training(training)
            }

            fn start(
                &self,
                split: &$crate::learn::Split<'_, $kind>,
                setup: &$crate::learn::Setup<'_>,
            ) -> $crate::Result<$crate::learn::Start<$kind>> {
                self.settings().start(split, setup)
            }

            fn restore(
                &self,
                spec: &<$kind as $crate::learn::Data>::Spec,
                weights: &mut $crate::Weights,
                device: &$crate::learn::Device,
            ) -> $crate::Result<Box<<$kind as $crate::learn::Learn>::Sampler>> {
                self.check()?;
                let sampler = self.settings().restore(spec, weights, device)?;
                weights.nothing_left()?;
                Ok(sampler)
            }
        }
    };
}
