//! What models of images share: what they are told, how batches reach them, and what a trained one can do.
//!
//! A model of images sees an [`ImageSpec`], pixels between -1 and 1 as tensors `[B, H, W, C]`, and class numbers; it
//! never sees a file or the name of a class.

use std::collections::HashSet;
use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use verisim_data::images::{ImageShape, Images};
use verisim_data::rng::{Stream, normal, permutation, stream, uniform};

use crate::artefact::Provenance;
use crate::augment::{Augment, augment};
use crate::error::{Error, Result};
use crate::nets::{is_cpu, is_flex};
use crate::read;
use crate::step::{Clock, Cuts, Epochs};
use crate::training::Training;

/// What the images of an artefact are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageSpec {
    /// Height, width and channels.
    pub shape: ImageShape,
    /// Names of the classes; none if the images have no classes.
    pub classes: Vec<String>,
    /// Part of the training images that is of each class.
    pub shares: Vec<f64>,
}

impl ImageSpec {
    /// What the images at `index` of a set are.
    pub fn of(images: &Images, index: &[usize]) -> ImageSpec {
        let mut shares = vec![0.0; images.classes().len()];
        if !shares.is_empty() {
            index.iter().for_each(|&i| shares[images.labels()[i] as usize] += 1.0 / index.len().max(1) as f64);
        }
        ImageSpec { shape: images.shape(), classes: images.classes().to_vec(), shares }
    }

    /// The classes that images were learnt of. Labels that are mere numbers may skip some.
    pub fn learnt(&self) -> Vec<u32> {
        (0..self.classes.len() as u32).filter(|&k| self.shares.get(k as usize).is_some_and(|&s| s > 0.0)).collect()
    }

    /// Classes that a model tells apart: one where there are none.
    pub fn labels(&self) -> usize {
        self.classes.len().max(1)
    }

    /// What is wrong with it, for artefacts that were tampered with.
    pub fn problem(&self) -> Option<String> {
        let whole: f64 = self.shares.iter().sum();
        let odd = self.shares.iter().any(|s| !(0.0..=1.0 + 1e-9).contains(s));
        if self.shares.len() != self.classes.len() || odd || (!self.shares.is_empty() && (whole - 1.0).abs() > 1e-6) {
            return Some("shares of classes that do not add up".into());
        }
        let mut seen = HashSet::new();
        if let Some(twice) = self.classes.iter().find(|c| !seen.insert(c.as_str())) {
            return Some(format!("two classes {twice:?}"));
        }
        self.shape.problem()
    }

    /// A class, as common as it was among the training images. `allowed` holds class numbers; all when it is empty.
    pub fn draw_label(&self, allowed: &[u32], rng: &mut Stream) -> u32 {
        let share = |&l: &u32| self.shares.get(l as usize).copied().unwrap_or(0.0);
        let all: Vec<u32> = (0..self.classes.len() as u32).collect();
        let allowed = if allowed.is_empty() { &all } else { allowed };
        let whole: f64 = allowed.iter().map(share).sum();
        let mut left = uniform(rng) * whole;
        for label in allowed {
            left -= share(label);
            if left < 0.0 {
                return *label;
            }
        }
        // Classes of no image are as likely as each other; rounding ends here too.
        match (whole > 0.0, allowed.len()) {
            (_, 0) => 0,
            (true, _) => allowed.iter().rev().find(|l| share(l) > 0.0).copied().unwrap_or(0),
            (false, n) => allowed[((uniform(rng) * n as f64) as usize).min(n - 1)],
        }
    }
}

/// What a model of images is trained on and with.
pub struct ImageSetup<'a> {
    /// How it is trained.
    pub training: &'a Training,
    /// The images.
    pub images: Arc<Images>,
    /// Which of them to learn.
    pub train: Vec<usize>,
    /// Which of them measure the model; may be none.
    pub kept_back: Vec<usize>,
    /// What is done to the pixels on the way.
    pub augment: Augment,
    /// Seed of the job.
    pub seed: u64,
    /// A device that supports gradients.
    pub device: &'a Device,
    /// How a batch is cut.
    pub cuts: Cuts,
}

/// A trained model of images.
pub trait ImageSampler: Send + Sync {
    /// Numbers of noise an image is made of.
    fn noise(&self) -> usize;

    /// Images `[B, H, W, C]`, about -1 to 1, of standard normal noise `[B, noise]` and a class number each (0 where there are no classes).
    fn images(&self, noise: Tensor<2>, labels: &[u32]) -> Tensor<4>;

    /// The device that it computes on.
    fn device(&self) -> Device;

    /// Sets steps and guidance of a sampler that has them.
    fn tune(&mut self, steps: Option<usize>, guidance: Option<f64>) -> Result<()> {
        match (steps, guidance) {
            (None, None) => Ok(()),
            _ => Err(Error::Data(
                "steps and guidance are settings of a flow, and this model has none; leave them out".into(),
            )),
        }
    }
}

/// Images of `shape` to be handed on at a time, so that memory does not grow with their number: 128 of usual size, fewer of
/// larger ones.
pub fn together(shape: ImageShape) -> usize {
    ((1 << 22) / shape.len().max(1)).clamp(1, 128)
}

/// Images that a network makes at a time: on a core few, whose activations stay in its cache.
fn piece(shape: ImageShape, on_cores: bool) -> usize {
    if on_cores { ((1 << 20) / shape.len().max(1)).clamp(1, 16) } else { together(shape) }
}

/// The noise of image `index` of a sample.
pub fn noise_of(seed: u64, index: u64, width: usize) -> Vec<f32> {
    let mut rng = stream(seed, "image", index);
    (0..width).map(|_| normal(&mut rng) as f32).collect()
}

/// Bytes of the images of `shape` made of `noise`, [`ImageSampler::noise`] numbers each, and their `labels`.
///
/// Images are made in pieces of one size, the last filled up, since products of other sizes round otherwise: so an image
/// does not depend on how many are asked for. On a CPU the pieces run on all threads.
///
/// # Errors
/// When the device fails.
pub fn render(sampler: &dyn ImageSampler, shape: ImageShape, noise: &[f32], labels: &[u32]) -> Result<Vec<u8>> {
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

/// What is written into every picture, as keywords and texts: that it is synthetic, and by which model. The hashes of its
/// config and of what it learnt and its steps, which `verisim inspect` shows too, tell it from others of its kind.
pub fn labels_of(model: &str, by: &Provenance) -> Vec<(String, String)> {
    let Provenance { config_hash, data_hash, .. } = by;
    let steps = by.steps.map_or_else(String::new, |n| format!(", {n} steps"));
    let comment =
        format!("Synthetic image, drawn from a {model} model (config {config_hash}, data {data_hash}{steps})");
    let texts = [("Software", format!("verisim {}", by.version)), ("Source", "synthetic".into()), ("Comment", comment)];
    texts.map(|(keyword, text)| (keyword.to_owned(), text)).to_vec()
}

/// Most rows of a sheet.
const MOST_ROWS: usize = 20;

/// A row of images for each class, `wide` of each, or `wide` rows where there are no classes: bytes for a grid `wide` wide.
/// `allowed` holds class numbers; all that were learnt when it is empty.
pub fn sheet(sampler: &dyn ImageSampler, spec: &ImageSpec, seed: u64, allowed: &[u32], wide: usize) -> Result<Vec<u8>> {
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

/// A byte to -1 .. 1.
pub fn from_byte(byte: u8) -> f32 {
    f32::from(byte) / 127.5 - 1.0
}

/// -1 .. 1 to a byte; what is not a number is black.
pub fn to_byte(x: f32) -> u8 {
    // `as` saturates, and takes NaN to 0.
    ((x + 1.0) * 127.5).round() as u8
}

/// One batch.
pub struct Batch {
    /// Images.
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
    kept_back: Vec<usize>,
    augment: Augment,
    epochs: Epochs,
    size: usize,
    device: Device,
    resident: Option<Tensor<2, Int>>,
}

impl Batches {
    /// The images of `setup`, taken to its device without gradients.
    ///
    /// # Errors
    /// When there are none, or they cannot be read.
    pub fn new(setup: &ImageSetup<'_>) -> Result<Batches> {
        if setup.train.is_empty() {
            return Err(Error::Data("there is no image to learn".into()));
        }
        let device = setup.device.clone().inner();
        Ok(Batches {
            resident: resident(&setup.images, &device)?,
            images: setup.images.clone(),
            train: setup.train.clone(),
            kept_back: setup.kept_back.clone(),
            augment: setup.augment.clone(),
            epochs: Epochs::default(),
            size: setup.training.batch(setup.train.len()),
            device,
        })
    }

    /// Steps that see as many images as there are.
    pub fn per_epoch(&self) -> u64 {
        (self.train.len() / self.size).max(1) as u64
    }

    /// The batch of a step.
    pub fn next(&mut self, clock: &Clock) -> Result<Batch> {
        let at = self.epochs.batch(clock.seed, clock.step, self.train.len(), self.size);
        let index: Vec<usize> = at.iter().map(|&i| self.train[i]).collect();
        let batch = self.load(&index)?;
        let mut rng = stream(clock.seed, "augment", clock.step);
        Ok(Batch { pixels: augment(&self.augment, batch.pixels, &mut rng), ..batch })
    }

    /// Images kept back, as they are, in batches of at most `size`.
    pub fn kept_back(&self, size: usize) -> impl Iterator<Item = Result<Batch>> + '_ {
        self.kept_back.chunks(size).map(|index| self.load(index))
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

    /// Pixels of a batch as they were read, on the host.
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
    images.gather(index, &mut bytes).map_err(|e| Error::Data(e.to_string()))?;
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
fn words(shape: ImageShape) -> usize {
    shape.len().div_ceil(4)
}

/// The bytes of images, four to a word, `[B, words]`: few GPUs know bytes.
fn pack(bytes: &[u8], shape: ImageShape, device: &Device) -> Tensor<2, Int> {
    let word = |four: &[u8]| four.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte)) as i32;
    let packed: Vec<i32> = bytes.chunks(shape.len()).flat_map(|image| image.chunks(4).map(word)).collect();
    let count = bytes.len() / shape.len();
    Tensor::from_data(TensorData::new(packed, [count, words(shape)]), device)
}

/// Packed images to pixels `[B, H, W, C]` in -1 .. 1, where they are.
fn unpack(packed: Tensor<2, Int>, shape: ImageShape) -> Tensor<4> {
    let [count, words] = packed.dims();
    let byte = |i: i32| packed.clone().bitwise_right_shift_scalar(8 * i).bitwise_and_scalar(255);
    let bytes: Tensor<3, Int> = Tensor::stack((0..4).map(byte).collect(), 2);
    let bytes = bytes.reshape([count, 4 * words]).narrow(1, 0, shape.len());
    bytes.reshape([count, shape.height, shape.width, shape.channels]).float() / 127.5 - 1.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;
    use crate::{ModelConfig, Trainee, Weights, restore_images};
    use std::ops::Range;
    use verisim_data::rng::below;

    /// Grey images of 8 x 8, bright on the left (class 0) and on the right (class 1) in turn; how bright is random.
    pub(crate) fn halves(count: usize) -> Images {
        let mut rng = stream(1, "halves", 0);
        let labels: Vec<u32> = (0..count as u32).map(|i| i % 2).collect();
        let mut pixels = Vec::with_capacity(64 * count);
        for label in &labels {
            let (dark, bright) = (20 + below(&mut rng, 40), 180 + below(&mut rng, 40));
            for p in 0..64 {
                let lit = (p % 8 >= 4) == (*label == 1);
                pixels.push((if lit { bright } else { dark } + below(&mut rng, 20)) as u8);
            }
        }
        let shape = ImageShape { height: 8, width: 8, channels: 1 };
        Images::from_pixels(shape, ["left", "right"].map(String::from).to_vec(), labels, pixels).unwrap()
    }

    /// A training of few and long steps.
    pub(crate) fn training() -> Training {
        let base = crate::training::tests::training();
        Training { batch_size: 16, learning_rate: 1e-2, clip: 1.0, ema: 0.9, ..base }
    }

    /// `images`, of which the last eight are kept back.
    fn setup<'a>(images: Images, training: &'a Training, device: &'a Device) -> ImageSetup<'a> {
        let (augment, cuts) = (Augment::default(), Cuts { together: 2, turns: 1 });
        let (train, kept_back) = ((0..images.len() - 8).collect(), (images.len() - 8..images.len()).collect());
        ImageSetup { training, images: Arc::new(images), train, kept_back, augment, seed: 1, device, cuts }
    }

    /// A model of [`halves`].
    pub(crate) fn model<M>(new: impl Fn(ImageSetup<'_>) -> M) -> M {
        new(setup(halves(64), &training(), &Device::flex().autodiff()))
    }

    /// Steps at the highest rate.
    pub(crate) fn steps(model: &mut dyn Trainee, steps: Range<u64>) {
        for step in steps {
            model.step(&Clock { seed: 1, step, rate: 1.0 }).unwrap();
        }
    }

    /// The numbers of a tensor.
    pub(crate) fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_into_vec().unwrap()
    }

    /// Normal numbers, of a stream of their own for each `index`.
    pub(crate) fn random<const D: usize>(shape: [usize; D], index: u64) -> Tensor<D> {
        Tensor::from_data(TensorData::new(noise_of(9, index, shape.iter().product()), shape), &Device::flex())
    }

    /// Compares numbers one by one.
    pub(crate) fn assert_close(a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).enumerate().for_each(|(i, (a, b))| assert!((a - b).abs() < 1e-4, "{i}: {a} and {b}"));
    }

    /// Four images of the two classes in turn.
    pub(crate) fn drawn(sampler: &dyn ImageSampler) -> Vec<f32> {
        let noise: Vec<f32> = (0..4).flat_map(|i| noise_of(3, i, sampler.noise())).collect();
        let noise = Tensor::from_data(TensorData::new(noise, [4, sampler.noise()]), &sampler.device());
        host(sampler.images(noise, &[0, 1, 0, 1]))
    }

    /// Draws 16 images of each class of [`halves`], of the same noise, and finds the right half bright in most: a model
    /// that does not know the class draws the same images of both.
    pub(crate) fn assert_classes(sampler: &dyn ImageSampler) {
        let noise: Vec<f32> = (0..16).flat_map(|i| noise_of(5, i, sampler.noise())).collect();
        for label in 0..2 {
            let shape = ImageShape { height: 8, width: 8, channels: 1 };
            let bytes = render(sampler, shape, &noise, &[label; 16]).unwrap();
            let lit = |image: &[u8]| -> f64 {
                let sign = |p: usize| if (p % 8 >= 4) == (label == 1) { 1.0 } else { -1.0 };
                image.iter().enumerate().map(|(p, &byte)| sign(p) * f64::from(byte)).sum::<f64>() / 32.0
            };
            // Of the images learnt it is 160 brighter on the average.
            let brighter: Vec<i32> = bytes.chunks(64).map(|image| lit(image) as i32).collect();
            let right = brighter.iter().filter(|&&b| b > 40).count();
            assert!(brighter.len() == 16 && right >= 13, "class {label}: {right} right, {brighter:?}");
        }
    }

    /// All that is saved but the state of optimisers, whose bytes have no order.
    fn parameters(model: &dyn Trainee) -> Weights {
        let mut weights = model.save().unwrap();
        let names: Vec<String> = weights.iter().map(|(name, _)| name.to_owned()).collect();
        names.iter().filter(|name| name.ends_with("optimizer")).for_each(|name| {
            weights.take_u8(name).unwrap();
        });
        weights
    }

    /// What was saved goes on as if it had never stopped.
    pub(crate) fn assert_resumes<M: Trainee>(new: impl Fn(ImageSetup<'_>) -> M) {
        let (mut whole, mut again) = (model(&new), model(&new));
        steps(&mut whole, 0..4);
        whole.keep();
        again.load(whole.save().unwrap()).unwrap();
        assert_eq!(parameters(&whole), parameters(&again));
        steps(&mut whole, 4..7);
        steps(&mut again, 4..7);
        assert_eq!(parameters(&whole), parameters(&again));
        assert_eq!(whole.finish(1).unwrap(), again.finish(1).unwrap());
    }

    /// The same seeds give the same model, another seed of weights or steps another one.
    pub(crate) fn assert_seeded<M: Trainee>(new: impl Fn(ImageSetup<'_>) -> M) {
        let run = |weights: u64, clock: u64| {
            let mut model = model(|setup| new(ImageSetup { seed: weights, ..setup }));
            (0..2).for_each(|step| drop(model.step(&Clock { seed: clock, step, rate: 1.0 }).unwrap()));
            parameters(&model)
        };
        let one = run(1, 1);
        assert_eq!(one, run(1, 1));
        assert_ne!(one, run(2, 1));
        assert_ne!(one, run(1, 2));
    }

    /// A batch may be cut in any way, and images have classes or none.
    pub(crate) fn assert_cuts<M: Trainee>(new: impl Fn(ImageSetup<'_>) -> M) {
        let (with, mut pixels) = (halves(64), Vec::new());
        with.gather(&(0..64).collect::<Vec<_>>(), &mut pixels).unwrap();
        let without = Images::from_pixels(with.shape(), Vec::new(), Vec::new(), pixels).unwrap();
        let (training, device) = (training(), Device::flex().autodiff());
        for (images, together, turns) in
            [(&with, 1, 1), (&with, 1, 2), (&with, 2, 2), (&without, 2, 1), (&without, 1, 3)]
        {
            let images = images.take(&(0..64).collect::<Vec<_>>()).unwrap();
            let setup = setup(images, &training, &device);
            let mut model = new(ImageSetup { cuts: Cuts { together, turns }, ..setup });
            for step in 0..2 {
                let losses = model.step(&Clock { seed: 1, step, rate: 1.0 }).unwrap();
                assert!(!losses.is_empty());
                for (name, loss) in losses {
                    assert!(loss.into_scalar::<f32>().is_finite(), "{name} of {turns} turns");
                }
            }
            assert!(drawn(&*model.preview().unwrap()).iter().all(|x| x.is_finite()));
        }
    }

    /// Saved weights draw what the model drew, and every tensor that is damaged is named.
    pub(crate) fn assert_restores<M: Trainee>(config: &ModelConfig, new: impl Fn(ImageSetup<'_>) -> M) {
        let mut model = model(new);
        steps(&mut model, 0..3);
        let images = halves(64);
        let spec = ImageSpec::of(&images, &(0..56).collect::<Vec<_>>());
        let open = |weights: &Weights| restore_images(config, &spec, weights.clone(), &Device::flex());
        let weights = model.finish(1).unwrap();
        assert_eq!(drawn(&*open(&weights).unwrap()), drawn(&*model.preview().unwrap()));
        let refused = |weights: &Weights| open(weights).err().unwrap().to_string();
        for (name, array) in weights.iter() {
            let mut damaged = weights.clone();
            let (_, numbers) = damaged.take_f32(name).unwrap();
            assert_eq!(refused(&damaged), format!("tensor {name:?} is missing"));
            let shape = [&array.shape[..], &[1]].concat();
            damaged.put_f32(name, &shape, numbers);
            let error = refused(&damaged);
            assert!(error.starts_with(&format!("tensor {name:?} has shape {shape:?}")), "{error}");
        }
        let mut more = weights.clone();
        more.put_f32("more", &[1], vec![0.0]);
        assert_eq!(refused(&more), "tensor \"more\" is not part of this model");
        assert!(refused(&Weights::default()).contains("do not fit"));
    }

    #[test]
    fn every_byte_survives() {
        (0..=255).for_each(|b| assert_eq!(to_byte(from_byte(b)), b));
        assert_eq!((to_byte(-3.0), to_byte(3.0), to_byte(f32::NAN)), (0, 255, 0));
    }

    #[test]
    fn classes_are_drawn_at_their_shares() {
        let shape = ImageShape { height: 1, width: 1, channels: 1 };
        let classes = ["a", "b", "c"].map(String::from).to_vec();
        let spec = ImageSpec { shape, classes, shares: vec![0.5, 0.0, 0.5] };
        let mut rng = stream(1, "test", 0);
        let drawn: Vec<u32> = (0..1000).map(|_| spec.draw_label(&[], &mut rng)).collect();
        let count = |l| drawn.iter().filter(|&&x| x == l).count();
        assert!(count(1) == 0 && (400..600).contains(&count(0)));
        assert!((0..100).all(|_| spec.draw_label(&[2], &mut rng) == 2));
        // A class asked for that was never seen is drawn all the same.
        assert_eq!(spec.draw_label(&[1], &mut rng), 1);
        assert!(spec.problem().is_none());
        assert!(ImageSpec { shares: vec![0.5, 0.2, 0.5], ..spec.clone() }.problem().is_some());
        let twice = ["a", "b", "a"].map(String::from).to_vec();
        assert!(ImageSpec { classes: twice, ..spec }.problem().is_some_and(|p| p.contains("\"a\"")));
    }

    /// Images of a number of bytes that fills no whole words, gathered in any order.
    #[test]
    fn packed_images_are_those_of_the_host() {
        let shape = ImageShape { height: 3, width: 2, channels: 3 };
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
            assert_close(&host(got), &wanted.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_batch_holds_the_images_of_its_step() {
        let shape = ImageShape { height: 2, width: 1, channels: 3 };
        let pixels: Vec<u8> = (0..40u8).flat_map(|i| [i; 6]).collect();
        let labels: Vec<u32> = (0..40).map(|i| i % 2).collect();
        let images = Images::from_pixels(shape, vec!["x".into(), "y".into()], labels, pixels).unwrap();
        let training = Training { batch_size: 16, ..crate::training::tests::training() };
        let setup = ImageSetup {
            training: &training,
            images: Arc::new(images),
            train: (8..40).collect(),
            kept_back: (0..8).collect(),
            augment: Augment::default(),
            seed: 3,
            device: &Device::flex().autodiff(),
            cuts: Cuts { together: 2, turns: 1 },
        };
        let mut batches = Batches::new(&setup).unwrap();
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
        assert_eq!(batches.kept_back(5).map(|b| b.unwrap().count).collect::<Vec<_>>(), [5, 3]);
    }
}
