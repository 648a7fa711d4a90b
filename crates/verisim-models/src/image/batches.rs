//! How images reach a model: batch by batch, as pixels between -1 and 1, augmented on the way.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};
use verisim_data::image::{Images, Shape};
use verisim_data::rng::{permutation, stream};

use super::augment::{Augment, augment};
use crate::error::{Error, Result};
use crate::learn::{Clock, Setup, Split};
use crate::nets::is_cpu;
use crate::step::Epochs;

/// A byte to -1 .. 1.
pub fn from_byte(byte: u8) -> f32 {
    f32::from(byte) / 127.5 - 1.0
}

/// -1 .. 1 to a byte; what is not a number is black.
pub fn to_byte(x: f32) -> u8 {
    // `as` saturates, and takes NaN to 0.
    ((x + 1.0) * 127.5).round() as u8
}

/// The images of one step, or of one part of a validation.
pub struct Batch {
    /// Number of images `B`.
    pub count: usize,
    /// A class number each; 0 where there are no classes.
    pub labels: Vec<u32>,
    /// Their places in the set.
    index: Vec<usize>,
    /// Their pixels as they were read, if they came by way of the host.
    bytes: Option<Vec<u8>>,
    /// Augmented pixels `[B, H, W, C]`, on the device.
    pub pixels: Tensor<4>,
}

impl Batch {
    /// Pixels of the images in `range`.
    pub fn slice(&self, range: &std::ops::Range<usize>) -> Tensor<4> {
        self.pixels.clone().narrow(0, range.start, range.len())
    }
}

/// The images of a training, batch by batch. They stay bytes, which is a quarter of the memory: on a GPU, where batches are then
/// gathered, if they come to 128 MB at most; otherwise on the host, from where a batch goes to the device at a time.
pub struct Batches {
    images: Arc<Images>,
    train: Vec<usize>,
    validation: Vec<usize>,
    augment: Augment,
    epochs: Epochs,
    size: usize,
    device: Device,
    resident: Option<Tensor<2, Int>>,
}

impl Batches {
    /// The images of `split`, taken to the device without gradients.
    ///
    /// # Errors
    /// When there are none, or they cannot be read.
    pub fn new(split: &Split<'_, Images>, setup: &Setup<'_>) -> Result<Batches> {
        if split.train.is_empty() {
            return Err(Error::Empty { unit: "images" });
        }
        let device = setup.device.clone().inner();
        Ok(Batches {
            resident: resident(split.encoded, &device)?,
            images: split.encoded.clone(),
            train: split.train.to_vec(),
            validation: split.validation.to_vec(),
            augment: split.augment.clone(),
            epochs: Epochs::default(),
            size: setup.training.batch(split.train.len()),
            device,
        })
    }

    /// Steps that see as many images as there are.
    pub fn per_epoch(&self) -> u64 {
        (self.train.len() / self.size).max(1) as u64
    }

    /// The images of a step, augmented: the same for the same seed and step.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn next(&mut self, clock: &Clock) -> Result<Batch> {
        let at = self.epochs.batch(clock.seed, clock.step, self.train.len(), self.size);
        let index: Vec<usize> = at.iter().map(|&i| self.train[i]).collect();
        let batch = self.load(&index)?;
        let mut rng = stream(clock.seed, "augment", clock.step);
        Ok(Batch { pixels: augment(&self.augment, batch.pixels, &mut rng), ..batch })
    }

    /// Images kept for validation, as they are, in batches of at most `size`.
    pub fn validation(&self, size: usize) -> impl Iterator<Item = Result<Batch>> + '_ {
        self.validation.chunks(size).map(|index| self.load(index))
    }

    /// At most `most` of the images to learn, chosen at random and not augmented, in batches of at most `size`.
    pub fn some(&self, most: usize, seed: u64, size: usize) -> impl Iterator<Item = Result<Batch>> + '_ {
        let mut chosen = permutation(&mut stream(seed, "some images", 0), self.train.len());
        chosen.truncate(most);
        // In the order of the file, so that a set on disk is read in one pass.
        chosen.sort_unstable();
        let parts: Vec<Vec<usize>> =
            chosen.chunks(size).map(|part| part.iter().map(|&i| self.train[i]).collect()).collect();
        parts.into_iter().map(|index| self.load(&index))
    }

    /// Pixels of a batch as they were read, on the host, `B` times height x width x channels. Reads nothing from the device.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn bytes(&self, batch: &Batch) -> Result<Vec<u8>> {
        match &batch.bytes {
            Some(bytes) => Ok(bytes.clone()),
            None => gather(&self.images, &batch.index),
        }
    }

    fn load(&self, index: &[usize]) -> Result<Batch> {
        let all = self.images.labels();
        let labels = index.iter().map(|&i| all.get(i).copied().unwrap_or(0)).collect();
        let (pixels, bytes) = match &self.resident {
            Some(words) => {
                let rows: Vec<i32> = index.iter().map(|&i| i as i32).collect();
                let rows = Tensor::from_data(TensorData::new(rows, [index.len()]), &self.device);
                (unpack(words.clone().select(0, rows), self.images.shape()), None)
            }
            None => {
                let bytes = gather(&self.images, index)?;
                (self.upload(&bytes), Some(bytes))
            }
        };
        Ok(Batch { count: index.len(), labels, index: index.to_vec(), bytes, pixels })
    }

    fn upload(&self, bytes: &[u8]) -> Tensor<4> {
        let shape = self.images.shape();
        if !is_cpu(&self.device) {
            return unpack(pack(bytes, shape, &self.device), shape);
        }
        let values: Vec<f32> = bytes.iter().map(|&b| from_byte(b)).collect();
        let data = TensorData::new(values, [bytes.len() / shape.len(), shape.height, shape.width, shape.channels]);
        Tensor::from_data(data, &self.device)
    }
}

fn gather(images: &Images, index: &[usize]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    images.gather(index, &mut bytes)?;
    Ok(bytes)
}

/// Bytes of images that a GPU holds all the time, at most: what every adapter allows in one buffer.
const MOST_RESIDENT: usize = 1 << 27;

/// All images, as by [`pack`], if `device` is a GPU and they are not too many.
fn resident(images: &Images, device: &Device) -> Result<Option<Tensor<2, Int>>> {
    let bytes = words(images.shape()).saturating_mul(images.len()).saturating_mul(4);
    if is_cpu(device) || bytes > MOST_RESIDENT {
        return Ok(None);
    }
    let all: Vec<usize> = (0..images.len()).collect();
    Ok(Some(pack(&gather(images, &all)?, images.shape(), device)))
}

/// Words of four bytes that hold an image.
fn words(shape: Shape) -> usize {
    shape.len().div_ceil(4)
}

/// The bytes of images, four to a word, `[B, words]`: few GPUs know bytes.
fn pack(bytes: &[u8], shape: Shape, device: &Device) -> Tensor<2, Int> {
    let word = |four: &[u8]| four.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte)) as i32;
    let packed: Vec<i32> = bytes.chunks(shape.len()).flat_map(|image| image.chunks(4).map(word)).collect();
    let count = bytes.len() / shape.len();
    Tensor::from_data(TensorData::new(packed, [count, words(shape)]), device)
}

/// Packed images to pixels `[B, H, W, C]` in -1 .. 1, where they are.
fn unpack(packed: Tensor<2, Int>, shape: Shape) -> Tensor<4> {
    let [count, words] = packed.dims();
    let byte = |i: i32| packed.clone().bitwise_right_shift_scalar(8 * i).bitwise_and_scalar(255);
    let bytes: Tensor<3, Int> = Tensor::stack((0..4).map(byte).collect(), 2);
    let bytes = bytes.reshape([count, 4 * words]).narrow(1, 0, shape.len());
    bytes.reshape([count, shape.height, shape.width, shape.channels]).float() / 127.5 - 1.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::training::Training;

    #[test]
    fn every_byte_survives() {
        (0..=255).for_each(|b| assert_eq!(to_byte(from_byte(b)), b));
        assert_eq!((to_byte(-3.0), to_byte(3.0), to_byte(f32::NAN)), (0, 255, 0));
    }

    /// Images of a number of bytes that fills no whole words, gathered in any order.
    #[test]
    fn packed_images_are_those_of_the_host() {
        let shape = Shape { height: 3, width: 2, channels: 3 };
        let bytes: Vec<u8> = (0..5 * shape.len()).map(|i| (i * 151 % 256) as u8).collect();
        let test = "packed_images_are_those_of_the_host";
        for device in [Some(Device::flex()), crate::agreement::wgpu(test)].iter().flatten() {
            let packed = pack(&bytes, shape, device);
            assert_eq!(packed.dims(), [5, 5]);
            let index = Tensor::<1, Int>::from_data(TensorData::new(vec![3i32, 0, 4], [3]), device);
            let got = unpack(packed.select(0, index), shape);
            assert_eq!(got.dims(), [3, 3, 2, 3]);
            let each = shape.len();
            let wanted = [3, 0, 4].iter().flat_map(|&i| &bytes[i * each..][..each]).map(|&b| from_byte(b));
            crate::image::testkit::assert_close(&crate::image::testkit::host(got), &wanted.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_batch_holds_the_images_of_its_step() {
        let shape = Shape { height: 2, width: 1, channels: 3 };
        let pixels: Vec<u8> = (0..40u8).flat_map(|i| [i; 6]).collect();
        let labels: Vec<u32> = (0..40).map(|i| i % 2).collect();
        let images = Images::from_pixels(shape, vec!["x".into(), "y".into()], labels, pixels).unwrap();
        let training = Training { batch_size: 16, ..crate::training::tests::training() };
        let (train, validation): (Vec<usize>, Vec<usize>) = ((8..40).collect(), (0..8).collect());
        let augment = Augment::default();
        let split = Split { encoded: &Arc::new(images), train: &train, validation: &validation, augment: &augment };
        let setup = Setup {
            training: &training,
            seed: 3,
            device: &Device::flex().autodiff(),
            shards: 2,
            counter: &crate::Counter::default(),
        };
        let mut batches = Batches::new(&split, &setup).unwrap();
        assert_eq!(batches.per_epoch(), 2);
        let mut seen = Vec::new();
        for step in 0..2 {
            let batch = batches.next(&Clock { seed: 3, step, rate: 1.0 }).unwrap();
            assert_eq!((batch.count, batch.pixels.dims()), (16, [16, 2, 1, 3]));
            let values = batch.pixels.into_data().try_into_vec::<f32>().unwrap();
            for (image, label) in values.chunks(6).zip(&batch.labels) {
                let byte = to_byte(image[0]);
                assert!(image.iter().all(|&x| to_byte(x) == byte) && u32::from(byte % 2) == *label);
                seen.push(byte);
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (8..40).collect::<Vec<u8>>());
        assert_eq!(batches.validation(5).map(|b| b.unwrap().count).collect::<Vec<_>>(), [5, 3]);
    }
}
