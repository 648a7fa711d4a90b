//! What a trained model of images can do, and how its images become bytes.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use verisim_data::image::{Shape, Spec};
use verisim_data::rng::{normal, stream};

use super::batches::to_byte;
use crate::error::{Error, Result};
use crate::nets::is_flex;
use crate::read;

/// A trained model of images.
pub trait Sampler: Send + Sync {
    /// Numbers of noise an image is made of.
    fn noise(&self) -> usize;

    /// Images `[B, H, W, C]`, about -1 to 1, of standard normal noise `[B, noise]` and a class number each (0 where there are no classes).
    fn images(&self, noise: Tensor<2>, labels: &[u32]) -> Tensor<4>;

    /// The device that it computes on.
    fn device(&self) -> Device;

    /// The same model drawing in another way; none when `tuning` says nothing.
    ///
    /// # Errors
    /// When the model knows no such setting, or the value makes no sense.
    fn tuned(&self, tuning: &Tuning) -> Result<Option<Box<dyn Sampler>>> {
        match *tuning == Tuning::default() {
            true => Ok(None),
            false => Err(Error::NoTuning),
        }
    }
}

/// How images are drawn, where it should differ from the config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tuning {
    /// Steps of the sampler; fewer are faster.
    pub steps: Option<usize>,
    /// How strongly images follow their class.
    pub guidance: Option<f64>,
}

/// Images of `shape` to be handed on at a time, so that memory does not grow with their number: 128 of usual size, fewer of
/// larger ones.
pub fn together(shape: Shape) -> usize {
    ((1 << 22) / shape.len().max(1)).clamp(1, 128)
}

/// Images that a network makes at a time: on a core few, whose activations stay in its cache.
fn piece(shape: Shape, on_cores: bool) -> usize {
    if on_cores { ((1 << 20) / shape.len().max(1)).clamp(1, 16) } else { together(shape) }
}

/// The noise of image `index` of a sample.
pub fn noise_of(seed: u64, index: u64, width: usize) -> Vec<f32> {
    let mut rng = stream(seed, "image", index);
    (0..width).map(|_| normal(&mut rng) as f32).collect()
}

/// Bytes of the images of `shape` made of `noise`, [`Sampler::noise`] numbers each, and their `labels`.
///
/// Images are made in pieces of one size, the last filled up, since products of other sizes round otherwise: so an image
/// does not depend on how many are asked for. On a CPU the pieces run on all threads.
///
/// # Errors
/// When the device fails.
pub fn render(sampler: &dyn Sampler, shape: Shape, noise: &[f32], labels: &[u32]) -> Result<Vec<u8>> {
    let (width, device) = (sampler.noise(), sampler.device());
    let on_cores = is_flex(&device);
    let size = piece(shape, on_cores);
    let make = |(noise, labels): (&[f32], &[u32])| -> Result<Vec<u8>> {
        let (mut filled, mut classes) = (noise.to_vec(), labels.to_vec());
        filled.resize(size * width, 0.0);
        classes.resize(size, 0);
        let noise = Tensor::from_data(TensorData::new(filled, [size, width]), &device);
        let pixels = read::numbers(sampler.images(noise, &classes))?;
        Ok(pixels[..pixels.len() / size * labels.len()].iter().map(|&x| to_byte(x)).collect())
    };
    let (noise, labels) = (noise.chunks(size * width), labels.chunks(size));
    let pieces: Vec<_> = noise.zip(labels).collect();
    let made: Result<Vec<Vec<u8>>> = match on_cores {
        true => pieces.into_par_iter().map(make).collect(),
        false => pieces.into_iter().map(make).collect(),
    };
    Ok(made?.concat())
}

/// Most rows of a sheet.
const MOST_ROWS: usize = 20;

/// A row of images for each class, `wide` of each, or `wide` rows where there are no classes: bytes for a grid `wide` wide.
/// `allowed` holds class numbers; all that were learnt when it is empty.
pub fn sheet(sampler: &dyn Sampler, spec: &Spec, seed: u64, allowed: &[u32], wide: usize) -> Result<Vec<u8>> {
    let rows: Vec<u32> = match (spec.classes.len(), allowed) {
        (0, _) => vec![0; wide],
        (_, []) => spec.learnt(),
        (_, allowed) => allowed.to_vec(),
    };
    let rows = rows.into_iter().take(wide.max(MOST_ROWS));
    let labels: Vec<u32> = rows.flat_map(|label| std::iter::repeat_n(label, wide)).collect();
    let noise: Vec<f32> = (0..labels.len()).flat_map(|i| noise_of(seed, i as u64, sampler.noise())).collect();
    render(sampler, spec.shape, &noise, &labels)
}
