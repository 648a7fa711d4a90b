//! The models of verisim, one file each, and the artefact that holds a trained one.
//!
//! A model sees [`Span`]s, tokens and scalars; it never sees a file, a column name or the command line.
//! [`ModelConfig`] is the whole registry: a new model is one file, one variant and the match arms below.

pub mod artefact;
pub mod copula;
pub mod ctgan;
mod decode;
mod error;
mod linalg;
pub mod nets;
mod order;
mod profile;
mod sampler;
pub mod step;
pub mod training;
pub mod trees;
pub mod tvae;
mod weights;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use verisim_data::codec::{CodecConfig, Encoded, Span, TableCodec};

pub use error::{Error, Result};
use order::{OrderedSampler, OrderedTrainee};
pub use sampler::{Allowed, Drawn, Sampler};
pub use step::{Clock, Losses, Setup, Trainee};
pub use training::Training;
pub use weights::{Array, Numbers, Weights};

/// A model and its settings: `[model.trees]`, `[model.copula]`, ...
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ModelConfig {
    /// Sequential decision trees: the default for tables.
    Trees(trees::Config),
    /// Gaussian copulas with empirical marginals.
    Copula(copula::Config),
    /// Variational autoencoder.
    Tvae(tvae::Config),
    /// Conditional GAN.
    Ctgan(ctgan::Config),
}

impl ModelConfig {
    /// The name of the model, as it stands in a config.
    pub fn name(&self) -> &'static str {
        match self {
            ModelConfig::Trees(_) => "trees",
            ModelConfig::Copula(_) => "copula",
            ModelConfig::Tvae(_) => "tvae",
            ModelConfig::Ctgan(_) => "ctgan",
        }
    }

    /// Refuses settings that make no sense, naming the key.
    pub fn check(&self) -> Result<()> {
        match self {
            ModelConfig::Trees(c) => c.check(),
            ModelConfig::Copula(c) => c.check(),
            ModelConfig::Tvae(c) => c.check(),
            ModelConfig::Ctgan(c) => c.check(),
        }
    }

    /// The codec that the model wants.
    pub fn codec(&self) -> CodecConfig {
        match self {
            ModelConfig::Trees(c) => c.codec(),
            ModelConfig::Copula(c) => c.codec(),
            ModelConfig::Tvae(c) => c.codec(),
            ModelConfig::Ctgan(c) => c.codec(),
        }
    }

    /// How the model is trained unless the job says otherwise; `None` for a model with a closed form.
    pub fn training(&self) -> Option<Training> {
        match self {
            ModelConfig::Trees(_) | ModelConfig::Copula(_) => None,
            ModelConfig::Tvae(c) => Some(c.training()),
            ModelConfig::Ctgan(c) => Some(c.training()),
        }
    }

    /// Fits a model that has a closed form.
    pub fn fit(&self, spans: &[Span], data: &Encoded, seed: u64) -> Result<Weights> {
        match self {
            ModelConfig::Trees(c) => Ok(trees::fit(c, spans, data, seed)?.weights()),
            ModelConfig::Copula(c) => Ok(copula::fit(c, spans, data)?.weights()),
            ModelConfig::Tvae(_) | ModelConfig::Ctgan(_) => {
                Err(Error::Data(format!("{} has no closed form; train it step by step", self.name())))
            }
        }
    }

    /// A fresh model that is trained step by step. `device` must support gradients.
    pub fn trainee(&self, setup: Setup<'_>) -> Result<Box<dyn Trainee>> {
        let order = order::by_information(setup.spans, setup.train);
        let spans = order::arrange(setup.spans, &order);
        let (train, kept_back) =
            (order::arrange_table(setup.train, &order), order::arrange_table(setup.kept_back, &order));
        let setup = Setup { spans: &spans, train: &train, kept_back: &kept_back, ..setup };
        match self {
            ModelConfig::Tvae(c) => Ok(Box::new(OrderedTrainee { inner: tvae::Tvae::new(c, setup)?, order })),
            ModelConfig::Ctgan(c) => Ok(Box::new(OrderedTrainee { inner: ctgan::Ctgan::new(c, setup)?, order })),
            ModelConfig::Trees(_) | ModelConfig::Copula(_) => {
                Err(Error::Data(format!("{} is fitted in closed form, not step by step", self.name())))
            }
        }
    }
}

/// The sampler of a trained model.
pub fn restore(
    config: &ModelConfig,
    codec: &TableCodec,
    mut weights: Weights,
    device: &Device,
) -> Result<Box<dyn Sampler>> {
    config.check()?;
    let spans = codec.spans();
    // The order of a neural model's columns, and their spans in that order.
    let ordered = |weights: &mut Weights| -> Result<(Vec<usize>, Vec<Span>)> {
        let order = order::take(weights, spans.len())?;
        let arranged = order::arrange(&spans, &order);
        Ok((order, arranged))
    };
    let sampler: Box<dyn Sampler> = match config {
        ModelConfig::Trees(c) => Box::new(trees::Trees::from_weights(c, &spans, &mut weights)?),
        ModelConfig::Copula(_) => Box::new(copula::Copula::from_weights(&spans, &mut weights)?),
        ModelConfig::Tvae(c) => {
            let (order, arranged) = ordered(&mut weights)?;
            let inner = tvae::TvaeSampler::from_weights(c, &arranged, &mut weights, device)?;
            Box::new(OrderedSampler::new(inner, order))
        }
        ModelConfig::Ctgan(c) => {
            let (order, arranged) = ordered(&mut weights)?;
            let inner = ctgan::CtganSampler::from_weights(c, &arranged, &mut weights, device)?;
            Box::new(OrderedSampler::new(inner, order))
        }
    };
    match weights.iter().next() {
        Some((name, _)) => Err(Error::Tensor { name: name.into(), problem: "is not part of this model".into() }),
        None => Ok(sampler),
    }
}
