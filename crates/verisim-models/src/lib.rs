//! The models of verisim, one file each, and the artefact that holds a trained one.
//!
//! A model of tables sees [`Span`]s, tokens and scalars, one of images an [`ImageSpec`] and pixels; none sees a file, a column
//! name or the command line.
//! [`ModelConfig`] is the whole registry: a new model is one file, one variant and the match arms below.

// What tests read is waited for by nobody.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

#[cfg(all(test, feature = "flex"))]
mod agreement;
pub mod artefact;
pub mod augment;
pub mod classifier;
pub mod copula;
pub mod ctgan;
mod decode;
mod error;
pub mod flow;
pub mod gan;
pub mod image;
mod linalg;
pub mod nets;
pub mod noise;
mod order;
mod profile;
pub mod read;
mod sampler;
pub mod step;
pub mod training;
pub mod trees;
pub mod tvae;
pub mod vae;
mod weights;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use verisim_data::codec::{CodecConfig, Encoded, Span, TableCodec};

pub use error::{Error, Result};
pub use image::{ImageSampler, ImageSetup, ImageSpec};
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
    /// Convolutional variational autoencoder of images.
    Vae(vae::Config),
    /// Convolutional GAN of images.
    Gan(gan::Config),
    /// Flow matching on images.
    Flow(flow::Config),
}

/// What a model learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rows of a table.
    Table,
    /// Images.
    Images,
}

impl ModelConfig {
    /// Names of all models.
    pub const NAMES: [&str; 7] = ["trees", "copula", "tvae", "ctgan", "vae", "gan", "flow"];

    /// The name of the model, as it stands in a config.
    pub fn name(&self) -> &'static str {
        match self {
            ModelConfig::Trees(_) => "trees",
            ModelConfig::Copula(_) => "copula",
            ModelConfig::Tvae(_) => "tvae",
            ModelConfig::Ctgan(_) => "ctgan",
            ModelConfig::Vae(_) => "vae",
            ModelConfig::Gan(_) => "gan",
            ModelConfig::Flow(_) => "flow",
        }
    }

    /// What the model learns.
    pub fn kind(&self) -> Kind {
        match self {
            ModelConfig::Trees(_) | ModelConfig::Copula(_) | ModelConfig::Tvae(_) | ModelConfig::Ctgan(_) => {
                Kind::Table
            }
            ModelConfig::Vae(_) | ModelConfig::Gan(_) | ModelConfig::Flow(_) => Kind::Images,
        }
    }

    /// Refuses settings that make no sense, naming the key.
    pub fn check(&self) -> Result<()> {
        match self {
            ModelConfig::Trees(c) => c.check(),
            ModelConfig::Copula(c) => c.check(),
            ModelConfig::Tvae(c) => c.check(),
            ModelConfig::Ctgan(c) => c.check(),
            ModelConfig::Vae(c) => c.check(),
            ModelConfig::Gan(c) => c.check(),
            ModelConfig::Flow(c) => c.check(),
        }
    }

    /// The codec that the model wants; `None` for a model of images.
    pub fn codec(&self) -> Option<CodecConfig> {
        match self {
            ModelConfig::Trees(c) => Some(c.codec()),
            ModelConfig::Copula(c) => Some(c.codec()),
            ModelConfig::Tvae(c) => Some(c.codec()),
            ModelConfig::Ctgan(c) => Some(c.codec()),
            ModelConfig::Vae(_) | ModelConfig::Gan(_) | ModelConfig::Flow(_) => None,
        }
    }

    /// How the model is trained unless the job says otherwise; `None` for a model with a closed form.
    pub fn training(&self) -> Option<Training> {
        match self {
            ModelConfig::Trees(_) | ModelConfig::Copula(_) => None,
            ModelConfig::Tvae(c) => Some(c.training()),
            ModelConfig::Ctgan(c) => Some(c.training()),
            ModelConfig::Vae(c) => Some(c.training()),
            ModelConfig::Gan(c) => Some(c.training()),
            ModelConfig::Flow(c) => Some(c.training()),
        }
    }

    /// Refuses settings of a training that have no meaning for this model.
    pub fn check_training(&self, training: &Training) -> Result<()> {
        match self {
            ModelConfig::Gan(c) => c.check_training(training),
            _ => Ok(()),
        }
    }

    /// Fits a model that has a closed form.
    pub fn fit(&self, spans: &[Span], data: &Encoded, seed: u64) -> Result<Weights> {
        match self {
            ModelConfig::Trees(c) => Ok(trees::fit(c, spans, data, seed)?.weights()),
            ModelConfig::Copula(c) => Ok(copula::fit(c, spans, data)?.weights()),
            _ => Err(Error::Data(format!("{} has no closed form; train it step by step", self.name()))),
        }
    }

    /// A fresh model of a table that is trained step by step. The device must support gradients.
    pub fn trainee(&self, setup: Setup<'_>) -> Result<Box<dyn Trainee>> {
        let order = order::by_information(setup.spans, setup.train);
        let spans = order::arrange(setup.spans, &order);
        let (train, kept_back) =
            (order::arrange_table(setup.train, &order), order::arrange_table(setup.kept_back, &order));
        let setup = Setup { spans: &spans, train: &train, kept_back: &kept_back, ..setup };
        match self {
            ModelConfig::Tvae(c) => Ok(Box::new(OrderedTrainee { inner: tvae::Tvae::new(c, setup)?, order })),
            ModelConfig::Ctgan(c) => Ok(Box::new(OrderedTrainee { inner: ctgan::Ctgan::new(c, setup)?, order })),
            _ => Err(Error::Data(format!("{} learns no table step by step", self.name()))),
        }
    }

    /// A fresh model of images. The device must support gradients.
    pub fn image_trainee(&self, setup: ImageSetup<'_>) -> Result<Box<dyn Trainee>> {
        match self {
            ModelConfig::Vae(c) => Ok(Box::new(vae::Vae::new(c, setup)?)),
            ModelConfig::Gan(c) => Ok(Box::new(gan::Gan::new(c, setup)?)),
            ModelConfig::Flow(c) => Ok(Box::new(flow::Flow::new(c, setup)?)),
            _ => Err(Error::Data(format!("{} learns tables, not images", self.name()))),
        }
    }
}

/// The sampler of a trained model of images.
pub fn restore_images(
    config: &ModelConfig,
    spec: &ImageSpec,
    mut weights: Weights,
    device: &Device,
) -> Result<Box<dyn ImageSampler>> {
    config.check()?;
    let weights = &mut weights;
    let sampler: Box<dyn ImageSampler> = match config {
        ModelConfig::Vae(c) => Box::new(vae::VaeSampler::from_weights(c, spec, weights, device)?),
        ModelConfig::Gan(c) => Box::new(gan::GanSampler::from_weights(c, spec, weights, device)?),
        ModelConfig::Flow(c) => Box::new(flow::FlowSampler::from_weights(c, spec, weights, device)?),
        _ => return Err(Error::Data(format!("{} learns tables, not images", config.name()))),
    };
    nothing_left(weights)?;
    Ok(sampler)
}

fn nothing_left(weights: &Weights) -> Result<()> {
    match weights.iter().next() {
        Some((name, _)) => Err(Error::Tensor { name: name.into(), problem: "is not part of this model".into() }),
        None => Ok(()),
    }
}

/// The sampler of a trained model of a table.
pub fn restore(
    config: &ModelConfig,
    codec: &TableCodec,
    weights: Weights,
    device: &Device,
) -> Result<Box<dyn Sampler>> {
    restore_spans(config, &codec.spans(), weights, device)
}

fn restore_spans(
    config: &ModelConfig,
    spans: &[Span],
    mut weights: Weights,
    device: &Device,
) -> Result<Box<dyn Sampler>> {
    config.check()?;
    // The order of a neural model's columns, and their spans in that order.
    let ordered = |weights: &mut Weights| -> Result<(Vec<usize>, Vec<Span>)> {
        let order = order::take(weights, spans.len())?;
        let arranged = order::arrange(spans, &order);
        Ok((order, arranged))
    };
    let sampler: Box<dyn Sampler> = match config {
        ModelConfig::Trees(c) => Box::new(trees::Trees::from_weights(c, spans, &mut weights)?),
        ModelConfig::Copula(_) => Box::new(copula::Copula::from_weights(spans, &mut weights)?),
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
        _ => return Err(Error::Data(format!("{} learns images, not tables", config.name()))),
    };
    nothing_left(&weights)?;
    Ok(sampler)
}
