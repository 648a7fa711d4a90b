//! A small classifier of images, whose features (its last hidden layer) tell how much two sets of images are alike.
//!
//! It is trained here on real images, or opened from a file. Images of fewer than two classes leave nothing to classify;
//! the network then learns which of four ways an image was turned (Gidaris et al., ICLR 2018), for which it has to see
//! what is in it. Features come from the same layer either way.
//!
//! A file holds a plain network as PyTorch has it, for pixels between -1 and 1:
//!
//! | tensor | shape | |
//! |---|---|---|
//! | `conv0.weight`, `conv0.bias`, `conv1.weight`, ... | `[O, I, k, k]`, `[O]`, `k` odd | padded to keep the size; ReLU; after each but the last, the largest of 2 x 2 |
//! | `features.weight`, `features.bias` | `[F, 16 O]`, `[F]` | on averages over a 4 x 4 grid, channel by channel; ReLU: the features |
//! | `classes.weight`, `classes.bias` | `[K, F]`, `[K]` | optional |

mod net;
mod opened;
mod training;
mod view;

use std::path::Path;

use burn::tensor::{Device, Tensor};
use safetensors::tensor::SafeTensors;
use verisim_data::image::{Images, Shape};
use verisim_data::rng::mix;

use crate::error::{Error, Result};
use crate::nets::params::weights_of;
use crate::read;
use crate::weights::{Numbers, Weights};
use net::{FEATURES, Net};
use opened::Opened;
pub use training::{InTraining, Settings};
use view::View;

/// Images in one call of the network: what two cores keep busy with, in a fraction of a gigabyte.
const TOGETHER: usize = 128;

/// A trained classifier.
#[derive(Clone, Debug)]
pub struct Classifier {
    network: Network,
    classes: Option<usize>,
    dim: usize,
    hash: u64,
    device: Device,
}

#[derive(Clone, Debug)]
enum Network {
    Trained { net: Box<Net>, view: View },
    Opened(Box<Opened>),
}

impl Network {
    /// How it sees images of `shape`.
    fn view(&self, shape: Shape) -> Result<View> {
        match self {
            Network::Trained { view, .. } => view.check(shape).map(|()| view.clone()),
            Network::Opened(net) => net.view(shape),
        }
    }

    /// Pixels `[B, H, W, C]` to features `[B, F]`.
    fn features(&self, x: Tensor<4>) -> Tensor<2> {
        match self {
            Network::Trained { net, .. } => net.features(x),
            Network::Opened(net) => net.features(x),
        }
    }

    /// Features `[B, F]` to logits `[B, K]`, if it gives any.
    fn answers(&self, features: Tensor<2>) -> Option<Tensor<2>> {
        match self {
            Network::Trained { net, .. } => Some(net.answers(features)),
            Network::Opened(net) => net.answers(features),
        }
    }
}

impl Classifier {
    /// The trained `net`, which tells `classes` apart, or turns if there are none.
    fn trained(net: Net, view: View, classes: Option<usize>, device: Device) -> Result<Classifier> {
        let hash = fingerprint(&weights_of(&net)?);
        Ok(Classifier { network: Network::Trained { net: Box::new(net), view }, classes, dim: FEATURES, hash, device })
    }

    /// Opens the network in a `.safetensors` file; what it must hold is in the header of
    /// [`classifier`](crate::image::classifier).
    ///
    /// # Errors
    /// When the file cannot be read, or a tensor is missing, of the wrong shape, or not part of such a network.
    pub fn open(path: &Path, device: &Device) -> Result<Classifier> {
        let bad = |problem: String| Error::Artefact {
            path: path.into(),
            problem,
            remedy: "export a plain network: conv0.weight, conv0.bias, conv1..., features.weight, features.bias",
        };
        let bytes = std::fs::read(path).map_err(|source| verisim_data::Error::Io { path: path.into(), source })?;
        let file =
            SafeTensors::deserialize(&bytes).map_err(|e| bad(format!("is no complete .safetensors file ({e})")))?;
        let mut weights = Weights::from_parsed(&file).map_err(|e| bad(e.to_string()))?;
        let hash = fingerprint(&weights);
        let device = device.clone().inner();
        let network = Opened::new(&mut weights, &device).map_err(|e| bad(e.to_string()))?;
        let (dim, classes) = (network.dim(), network.count());
        Ok(Classifier { network: Network::Opened(Box::new(network)), classes, dim, hash, device })
    }

    /// Features of the images at `index`: [`dim`](Classifier::dim) numbers each, image after image.
    ///
    /// # Errors
    /// When the images are not of the shape that the network takes, or cannot be read.
    pub fn features(&self, images: &Images, index: &[usize]) -> Result<Vec<f32>> {
        self.run(images, index, Some)
    }

    /// The likeliest class of each image at `index`.
    ///
    /// # Errors
    /// As [`features`](Classifier::features), or when the network tells no classes apart.
    pub fn predict(&self, images: &Images, index: &[usize]) -> Result<Vec<u32>> {
        let Some(classes) = self.classes else {
            return Err(Error::Unfit { problem: "this network has features and tells no classes apart".into() });
        };
        let logits = self.run(images, index, |features| self.network.answers(features))?;
        Ok(logits.chunks_exact(classes).map(largest).collect())
    }

    /// Features an image.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Classes that it tells apart; `None` when it has learnt turns, or was opened without a layer for classes.
    pub fn classes(&self) -> Option<usize> {
        self.classes
    }

    /// Hash of its weights, 16 hex digits: features can be compared only where it is the same.
    pub fn hash(&self) -> String {
        format!("{:016x}", self.hash)
    }

    /// What `layer` makes of the features of the images at `index`, row by row.
    fn run(
        &self,
        images: &Images,
        index: &[usize],
        layer: impl Fn(Tensor<2>) -> Option<Tensor<2>>,
    ) -> Result<Vec<f32>> {
        let view = self.network.view(images.shape())?;
        let mut all = Vec::new();
        // Larger images, which only a network from a file takes as they are, come fewer at a time.
        let together = (TOGETHER * 32 * 32 / (view.height * view.width).max(1)).clamp(1, TOGETHER);
        for part in index.chunks(together) {
            let features = self.network.features(view.tensor(&view.pixels(images, part, &[])?, &self.device));
            let rows = layer(features).map(read::numbers).transpose()?;
            all.append(&mut rows.unwrap_or_default());
        }
        Ok(all)
    }
}

/// Where the largest number is; the first of several.
fn largest(row: &[f32]) -> u32 {
    let first = (0, f32::NEG_INFINITY);
    row.iter().enumerate().fold(first, |best, (k, &x)| if x > best.1 { (k, x) } else { best }).0 as u32
}

/// Names, shapes and numbers folded by the SplitMix64 finaliser.
fn fingerprint(weights: &Weights) -> u64 {
    let word = |hash: u64, x: u64| mix(hash ^ x);
    weights.iter().fold(0, |hash, (name, array)| {
        let hash = name.bytes().map(u64::from).fold(word(hash, name.len() as u64), word);
        let hash = array.shape.iter().map(|&n| n as u64).fold(word(hash, array.shape.len() as u64), word);
        match &array.numbers {
            Numbers::F32(v) => v.iter().map(|x| u64::from(x.to_bits())).fold(hash, word),
            Numbers::F64(v) => v.iter().map(|x| x.to_bits()).fold(hash, word),
            Numbers::U32(v) => v.iter().map(|&x| u64::from(x)).fold(hash, word),
            Numbers::U8(v) => v.iter().map(|&x| u64::from(x)).fold(hash, word),
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::rng::{stream, uniform};

    use super::*;
    use crate::learn::{Clock, Trainee};

    /// Noisy images with a bright top (class 0), left (1) or middle (2).
    fn bright(count: usize, height: usize, width: usize, channels: usize, classes: bool) -> Images {
        let shape = Shape { height, width, channels };
        let mut rng = stream(4, "bright", 0);
        let labels: Vec<u32> = (0..count as u32).map(|i| i % 3).collect();
        let mut pixels = Vec::new();
        for label in &labels {
            for i in 0..shape.len() {
                let (y, x) = (i / channels / width, i / channels % width);
                let middle = |at: usize, side: usize| at > side / 4 && at < 3 * side / 4;
                let lit = match label {
                    0 => y < height / 3,
                    1 => x < width / 3,
                    _ => middle(y, height) && middle(x, width),
                };
                pixels.push(if lit { 180 } else { 20 } + (60.0 * uniform(&mut rng)) as u8);
            }
        }
        let names = ["top", "left", "middle"].map(String::from).to_vec();
        match classes {
            true => Images::from_pixels(shape, names, labels, pixels).unwrap(),
            false => Images::from_pixels(shape, Vec::new(), Vec::new(), pixels).unwrap(),
        }
    }

    fn learnt(images: &Images, index: &[usize], settings: &Settings) -> Classifier {
        let mut training = InTraining::new(images, index, settings, &Device::flex()).unwrap();
        (0..settings.steps).for_each(|step| {
            assert!(training.step(&Clock { seed: settings.seed, step, rate: 1.0 }).unwrap().is_empty())
        });
        training.finished().unwrap()
    }

    fn trained(images: &Images, index: &[usize], seed: u64) -> Classifier {
        learnt(images, index, &Settings { steps: 40, batch: 32, seed, ..Settings::default() })
    }

    fn all(images: &Images) -> Vec<usize> {
        (0..images.len()).collect()
    }

    #[test]
    fn it_learns_classes_that_are_easy_to_tell() {
        // Sides that do not halve evenly, few channels and many.
        for (height, width, channels) in [(9, 14, 1), (12, 12, 3)] {
            let images = bright(160, height, width, channels, true);
            let classifier = trained(&images, &(0..120).collect::<Vec<_>>(), 1);
            let unseen: Vec<usize> = (120..160).collect();
            let right: Vec<u32> = unseen.iter().map(|&i| images.labels()[i]).collect();
            assert_eq!(classifier.predict(&images, &unseen).unwrap(), right);
            assert_eq!(classifier.classes(), Some(3));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_network() {
        let images = bright(40, 8, 8, 1, true);
        let (one, same, other) = (
            trained(&images, &all(&images), 1),
            trained(&images, &all(&images), 1),
            trained(&images, &all(&images), 2),
        );
        assert_eq!(one.hash(), same.hash());
        assert_eq!(one.hash().len(), 16);
        assert_ne!(one.hash(), other.hash());
        assert_ne!(one.hash(), trained(&images, &all(&images)[..39], 1).hash());
        let features = one.features(&images, &[3, 1]).unwrap();
        assert_eq!(features.len(), 2 * one.dim());
        // Products of other sizes may round otherwise.
        let alone = one.features(&images, &[1]).unwrap();
        assert!(features[one.dim()..].iter().zip(&alone).all(|(a, b)| (a - b).abs() < 1e-5 * (1.0 + b.abs())));
    }

    /// Processors round sums in other orders, so the numbers are close and not equal.
    #[test]
    fn the_network_is_the_one_that_it_always_was() {
        // Height, width, classes, steps, batch, seed and shards; then the sum of the features of two images, and the first two.
        let cases = [
            (40, 40, true, 5, 7, 3, 1, [-0.722_538_2, -0.010_892_943, 0.047_975_67]),
            (8, 8, false, 3, 500, 0, 2, [0.512_332_9, 0.045_183_536, 0.044_470_88]),
            (8, 8, true, 12, 16, 5, 2, [6.034_194, 0.079_322_25, -0.245_002_99]),
        ];
        for (height, width, classes, steps, batch, seed, shards, expected) in cases {
            let images = bright(60, height, width, 1, classes);
            let settings = Settings { steps, batch, seed, shards };
            let classifier = learnt(&images, &(0..50).collect::<Vec<_>>(), &settings);
            let features = classifier.features(&images, &[55, 3]).unwrap();
            let found = [features.iter().sum::<f32>(), features[0], features[1]];
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 2e-3), "{found:?}, not {expected:?}");
        }
    }

    #[test]
    fn a_resumed_training_goes_on_as_if_it_had_never_stopped() {
        let images = bright(40, 8, 8, 1, true);
        let (index, settings) = (all(&images), Settings { steps: 6, batch: 16, seed: 4, ..Settings::default() });
        let fresh = || InTraining::new(&images, &index, &settings, &Device::flex()).unwrap();
        let run = |training: &mut InTraining<'_>, steps: std::ops::Range<u64>| {
            steps.for_each(|step| drop(training.step(&Clock { seed: settings.seed, step, rate: 1.0 }).unwrap()));
        };
        let (mut first, mut second) = (fresh(), fresh());
        run(&mut first, 0..3);
        second.load(first.save().unwrap()).unwrap();
        run(&mut second, 3..6);
        let whole = learnt(&images, &index, &settings);
        assert_eq!(fingerprint(&second.finish(0).unwrap()), whole.hash);
        assert_eq!(second.finished().unwrap().hash(), whole.hash());
    }

    #[test]
    fn images_without_classes_have_features_too() {
        for (height, width) in [(10, 10), (6, 10)] {
            let images = bright(60, height, width, 1, false);
            let settings = Settings { steps: 3, batch: 500, ..Settings::default() };
            let classifier = learnt(&images, &all(&images), &settings);
            assert_eq!(classifier.features(&images, &all(&images)).unwrap().len(), 60 * classifier.dim());
            assert_eq!(classifier.classes(), None);
            assert!(classifier.predict(&images, &[0]).unwrap_err().to_string().contains("no classes"));
        }
    }

    #[test]
    fn turns_are_learnt() {
        // A bright top is turned to the right, the bottom, the left.
        let images = bright(120, 8, 8, 1, true).take(&(0..120).step_by(3).collect::<Vec<_>>()).unwrap();
        let mut pixels = Vec::new();
        images.gather(&all(&images), &mut pixels).unwrap();
        let plain = Images::from_pixels(images.shape(), Vec::new(), Vec::new(), pixels).unwrap();
        let Network::Trained { net, view } = trained(&plain, &all(&plain), 1).network else { unreachable!() };
        for turn in 0..4 {
            let x = view.tensor(&view.pixels(&plain, &[0, 1], &[turn; 2]).unwrap(), &Device::flex());
            let logits = net.answers(net.features(x)).into_data().try_into_vec::<f32>().unwrap();
            assert!(logits.chunks(4).all(|row| largest(row) == turn));
        }
    }

    /// One convolution of one channel that passes pixels on twice as bright, one that shifts them to the left; features
    /// of the first and the last cell.
    fn tiny() -> Weights {
        let mut weights = Weights::default();
        weights.put_f32("conv0.weight", &[1, 1, 1, 1], vec![2.0]);
        weights.put_f32("conv0.bias", &[1], vec![0.5]);
        weights.put_f32("conv1.weight", &[2, 1, 3, 3], {
            let mut both = vec![0.0; 18];
            (both[4], both[9 + 5]) = (1.0, 1.0);
            both
        });
        weights.put_f32("conv1.bias", &[2], vec![0.0, 0.25]);
        let mut features = vec![0.0; 2 * 32];
        (features[0], features[32 + 16], features[32 + 31]) = (1.0, 1.0, -10.0);
        weights.put_f32("features.weight", &[2, 32], features);
        weights.put_f32("features.bias", &[2], vec![0.0, 1.0]);
        weights.put_f32("classes.weight", &[2, 2], vec![1.0, 0.0, 0.0, 1.0]);
        weights.put_f32("classes.bias", &[2], vec![0.0, 0.0]);
        weights
    }

    fn open(weights: &Weights) -> Result<Classifier> {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let id = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("verisim-{}-{id}.safetensors", std::process::id()));
        std::fs::write(&path, weights.to_bytes(Default::default()).unwrap()).unwrap();
        let classifier = Classifier::open(&path, &Device::flex());
        std::fs::remove_file(&path).unwrap();
        classifier
    }

    #[test]
    fn an_opened_network_computes_what_it_says() {
        let classifier = open(&tiny()).unwrap();
        // 9 x 9 black but for white at (1, 0) and (0, 2). The first convolution makes 2.5 of white and 0 of black
        // (-1.5); of 2 x 2 the largest is kept, so that (0, 0) and (0, 1) of 4 x 4 are 2.5, and the ninth row is left
        // out. The second passes them on, and shifts them: 2.75 at (0, 0) and 0.25 elsewhere. Cells are single pixels.
        let mut pixels = vec![0u8; 81];
        (pixels[9], pixels[2], pixels[80]) = (255, 255, 255);
        let shape = Shape { height: 9, width: 9, channels: 1 };
        let images = Images::from_pixels(shape, Vec::new(), Vec::new(), pixels).unwrap();
        // 2.5, and 1 + 2.75 - 10 * 0.25.
        let features = classifier.features(&images, &[0]).unwrap();
        assert!((features[0] - 2.5).abs() < 1e-6 && (features[1] - 1.25).abs() < 1e-6, "{features:?}");
        assert_eq!(classifier.predict(&images, &[0]).unwrap(), [0]);
        assert_eq!((classifier.dim(), classifier.classes()), (2, Some(2)));
        assert_eq!(classifier.hash(), open(&tiny()).unwrap().hash());
    }

    #[test]
    fn wrong_tensors_are_named() {
        let cases: [(&str, &[usize], &str); 7] = [
            ("conv0.weight", &[1, 1, 2, 2], "k odd"),
            ("conv0.bias", &[3], "[1]"),
            ("conv1.weight", &[2, 3, 3, 3], "takes 3 channels"),
            ("features.weight", &[32, 2], "[outputs, 32]"),
            ("features.bias", &[1], "[2]"),
            ("classes.weight", &[2, 3], "[outputs, 2]"),
            ("norm0.running_mean", &[4], "not part"),
        ];
        for (name, shape, word) in cases {
            let mut weights = tiny();
            weights.put_f32(name, shape, vec![0.0; shape.iter().product()]);
            let error = open(&weights).unwrap_err().to_string();
            assert!([".safetensors", name, word].iter().all(|w| error.contains(w)), "{error}");
        }
        for name in ["conv0.weight", "conv1.bias", "features.weight", "classes.bias"] {
            let mut weights = tiny();
            weights.take_f32(name).unwrap();
            let error = open(&weights).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("is missing"), "{error}");
        }
    }

    #[test]
    fn images_that_do_not_fit_are_refused() {
        let opened = open(&tiny()).unwrap();
        let error = opened.features(&bright(3, 8, 8, 3, false), &[0]).unwrap_err().to_string();
        assert!(error.contains("1 channels, these have 3"), "{error}");
        let error = opened.features(&bright(3, 8, 1, 1, false), &[0]).unwrap_err().to_string();
        assert!(error.contains("8 x 1"), "{error}");
        let images = bright(6, 8, 8, 1, true);
        let nothing = InTraining::new(&images, &[], &Settings::default(), &Device::flex());
        assert!(nothing.err().unwrap().to_string().contains("no image"));
        let error = trained(&images, &all(&images), 0).features(&bright(3, 8, 9, 1, true), &[0]).unwrap_err();
        assert!(error.to_string().contains("8 x 9"), "{error}");
    }
}
