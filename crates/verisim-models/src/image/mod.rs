//! Models of images.
//!
//! A model of images sees a [`Spec`], pixels between -1 and 1 as tensors `[B, H, W, C]`, and class numbers; it never sees a file or the
//! name of a class.

pub mod augment;
mod batches;
pub mod classifier;
pub mod flow;
pub mod gan;
mod pairing;
mod sampler;
#[cfg(test)]
pub(crate) mod testkit;
pub mod vae;

use std::sync::Arc;

use verisim_data::image::{Images, Source, Spec, grid, png_bytes};

pub use augment::Augment;
pub use batches::{Batch, Batches, from_byte, to_byte};
pub use sampler::{Sampler, Tuning, noise_of, render, sheet, together};

use crate::error::Result;
use crate::learn::{Augments, Learn, Ready};
use crate::training::Train;

crate::models! {
    /// A model of images and its settings: `[model.flow]`, `[model.gan]`, ...
    Images:
    /// Convolutional variational autoencoder.
    Vae = vae;
    /// Convolutional GAN.
    Gan = gan;
    /// Flow matching.
    Flow = flow;
}

/// Images in a row of a picture on the way.
const WIDE: usize = 10;

impl Learn for Images {
    type Models = Model;
    type Encoding = ();
    type Encoded = Arc<Images>;
    type Augment = Augment;
    type Besides = crate::table::NoText;
    type Sampler = dyn Sampler;

    fn encode(self, _: &Source, (): &()) -> Result<Ready<Images>> {
        let shape = self.shape();
        let classes = match self.classes().len() {
            0 => "without classes".into(),
            n => format!("of {n} classes"),
        };
        Ok(Ready {
            count: self.len(),
            hash: format!("{:016x}", self.hash()?),
            told: format!(" of {} x {} x {}, {classes}", shape.height, shape.width, shape.channels),
            notes: Vec::new(),
            encoded: Arc::new(self),
        })
    }

    fn spec(images: &Arc<Images>, train: &[usize]) -> Spec {
        Spec::of(images, train)
    }

    fn check_training(_: &Train) -> Result<()> {
        Ok(())
    }

    fn preview(
        sampler: &(dyn Sampler + 'static),
        spec: &Spec,
        seed: u64,
        says: &[(String, String)],
    ) -> Result<Option<Vec<u8>>> {
        let scale = (56 / spec.shape.height.max(spec.shape.width)).max(1);
        let (pixels, shape) = grid(&sheet(sampler, spec, seed, &[], WIDE)?, spec.shape, WIDE, 2, scale);
        Ok(Some(png_bytes(&pixels, shape, says)?))
    }
}

impl Augments for Augment {
    fn check(&self) -> Result<()> {
        Augment::check(self)
    }
}
