//! Networks that look at images. They need tensors, which this crate has not: whoever compares images hands them in.

use std::path::Path;

use verisim_data::Watch;
use verisim_data::image::Images;

use crate::Result;

/// Trains and opens networks. What goes wrong with one comes as [`Error::Network`](crate::Error::Network).
pub trait Eyes {
    /// How a network is trained where images are many.
    fn usual(&self) -> Effort;

    /// A network that has learnt, in `steps` steps, to tell the classes of the images at `index` apart or, where there are fewer
    /// than two, how they were turned. `watch` hears of the beginning, each step and the end. The same images, index and steps
    /// give the same network.
    ///
    /// # Errors
    /// When the images cannot be read, or the network cannot be trained.
    fn learn(&self, images: &Images, index: &[usize], steps: u64, watch: &mut dyn Watch) -> Result<Box<dyn Eye>>;

    /// The network in a file.
    ///
    /// # Errors
    /// When there is none that looks at images.
    fn open(&self, path: &Path) -> Result<Box<dyn Eye>>;
}

/// How much a network is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Steps of the optimiser.
    pub steps: u64,
    /// Images in a step.
    pub batch: usize,
}

/// A network that looks at images of one shape.
pub trait Eye {
    /// Features an image.
    fn dim(&self) -> usize;

    /// Classes that it tells apart; `None` when it has features alone.
    fn classes(&self) -> Option<usize>;

    /// Hash of its weights: features can be compared only where it is the same.
    fn hash(&self) -> String;

    /// Features of the images at `index`: [`dim`](Eye::dim) numbers each, image after image.
    ///
    /// # Errors
    /// When the images are not of its shape, or cannot be read.
    fn features(&self, images: &Images, index: &[usize]) -> Result<Vec<f32>>;

    /// The likeliest class of each image at `index`.
    ///
    /// # Errors
    /// As [`features`](Eye::features), or when it tells no classes apart.
    fn predict(&self, images: &Images, index: &[usize]) -> Result<Vec<u32>>;
}
