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

use std::path::Path;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData, activation, module, ops::MaxPoolOptions};
use safetensors::tensor::SafeTensors;
use verisim_data::image::{Shape, Images};
use verisim_data::rng::{below, mix, stream};

use crate::error::{Error, Result};
use crate::nets::params::weights_of;
use crate::nets::vision::{Conv, Down, dense, gather_pixels};
use crate::nets::{Init, conv, norm_act};
use crate::read;
use crate::step::{self, CPU_SHARDS, Epochs};
use crate::training::Training;
use crate::weights::{Numbers, Weights};

/// Features of the network trained here.
const FEATURES: usize = 64;
/// Cells a side, over which the last convolution is averaged.
const GRID: usize = 4;
/// Longest side that is seen; larger images are averaged down to it.
const MOST_PIXELS: usize = 64;
/// Longest side that is convolved: beyond it, 2 x 2 pixels count as one of more channels, which keeps what they show and
/// a quarter of the time.
const MOST_CONVOLVED: usize = 32;
/// Ways to turn an image.
const TURNS: usize = 4;
/// Images in one call of the network: what two cores keep busy with, in a fraction of a gigabyte.
const TOGETHER: usize = 128;
const LEARNING_RATE: f64 = 2e-3;

/// How a classifier is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Steps of the optimiser.
    pub steps: usize,
    /// Images in a step.
    pub batch: usize,
    /// Seed of weights and of the order of images.
    pub seed: u64,
    /// Shards of a batch: [`CPU_SHARDS`] on a CPU, 1 on a GPU.
    pub shards: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { steps: 1500, batch: 128, seed: 0, shards: CPU_SHARDS }
    }
}

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
    Trained { net: Box<Net>, frame: Frame },
    Opened(Box<Opened>),
}

impl Classifier {
    /// Trains on the images at `index`: to tell their classes apart or, where there are fewer than two, four ways of
    /// turning them. `on(done, total)` hears of every step. The same images, index and settings give the same weights on a
    /// CPU. 1,500 steps of 28 x 28 grey pixels take about a minute on two cores.
    ///
    /// # Errors
    /// When there is no image at `index`, or the images cannot be read.
    pub fn train(
        images: &Images,
        index: &[usize],
        settings: &Settings,
        device: &Device,
        on: &mut dyn FnMut(usize, usize),
    ) -> Result<Classifier> {
        if index.is_empty() {
            return Err(Error::Data("there is no image to train a classifier on".into()));
        }
        let plain = device.clone().inner();
        let diff = plain.clone().autodiff();
        let frame = Frame::fitted(images.shape());
        let classes = Some(images.classes().len()).filter(|&k| k >= 2);
        let ways = classes.unwrap_or(TURNS);
        let mut net = Net::new(&frame, ways, settings.seed, &diff);
        let mut optimizer = step::adamw(&training());
        let mut epochs = Epochs::default();
        for step in 0..settings.steps {
            let at = epochs.batch(settings.seed, step as u64, index.len(), settings.batch.max(1));
            let at: Vec<usize> = at.iter().map(|&i| index[i]).collect();
            let (pixels, labels) = match classes {
                Some(_) => (frame.pixels(images, &at, &[])?, at.iter().map(|&i| images.labels()[i] as usize).collect()),
                None => {
                    let mut rng = stream(settings.seed, "turns", step as u64);
                    let turns: Vec<usize> = at.iter().map(|_| below(&mut rng, TURNS as u64) as usize).collect();
                    (frame.pixels(images, &at, &turns)?, turns)
                }
            };
            let each = at.len().div_ceil(settings.shards.max(1));
            // A batch of few images may make fewer shards.
            let shards = at.len().div_ceil(each);
            let (grads, _) = step::gradients(&net, shards, &diff, |s, net: &Net| {
                let labels = &labels[s * each..((s + 1) * each).min(at.len())];
                let pixels = &pixels[s * each * frame.len()..][..labels.len() * frame.len()];
                let logits = net.classes.forward(net.features(Tensor::from_inner(frame.tensor(pixels, &plain))));
                let truth = Tensor::from_inner(one_hot(labels, ways, &plain));
                (-(activation::log_softmax(logits, 1) * truth).sum() / at.len() as f64, Vec::new())
            });
            let left = 1.0 - step as f64 / settings.steps as f64;
            net = optimizer.step(LEARNING_RATE * left, net, grads);
            on(step + 1, settings.steps);
        }
        let net = net.valid();
        let hash = fingerprint(&weights_of(&net)?);
        Ok(Classifier {
            network: Network::Trained { net: Box::new(net), frame },
            classes,
            dim: FEATURES,
            hash,
            device: plain,
        })
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
        let dim = network.features.weight.dims()[1];
        let classes = network.classes.as_ref().map(|layer| layer.weight.dims()[1]);
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
            return Err(Error::Data("this network has features and tells no classes apart".into()));
        };
        let logits = self.run(images, index, |features| match &self.network {
            Network::Trained { net, .. } => Some(net.classes.forward(features)),
            Network::Opened(net) => net.classes.as_ref().map(|layer| layer.forward(features)),
        })?;
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
        let frame = match &self.network {
            Network::Trained { frame, .. } => frame.checked(images.shape())?,
            Network::Opened(net) => net.frame(images.shape())?,
        };
        let mut all = Vec::new();
        // Larger images, which only a network from a file takes as they are, come fewer at a time.
        let together = (TOGETHER * 32 * 32 / (frame.height * frame.width).max(1)).clamp(1, TOGETHER);
        for part in index.chunks(together) {
            let x = frame.tensor(&frame.pixels(images, part, &[])?, &self.device);
            let features = match &self.network {
                Network::Trained { net, .. } => net.features(x),
                Network::Opened(net) => net.features(x),
            };
            let rows = layer(features).map(read::numbers).transpose()?;
            all.append(&mut rows.unwrap_or_default());
        }
        Ok(all)
    }
}

fn training() -> Training {
    Training {
        learning_rate: LEARNING_RATE,
        warmup: 0,
        cosine: false,
        betas: [0.9, 0.999],
        weight_decay: 1e-2,
        ..Training::default()
    }
}

fn one_hot(labels: &[usize], ways: usize, device: &Device) -> Tensor<2> {
    let mut rows = vec![0f32; labels.len() * ways];
    labels.iter().enumerate().for_each(|(i, &label)| rows[i * ways + label] = 1.0);
    Tensor::from_data(TensorData::new(rows, [labels.len(), ways]), device)
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

/// How images come to a network: squares of `shrink` x `shrink` pixels averaged, and zeros added below and to the right.
#[derive(Clone, Debug)]
struct Frame {
    shape: Shape,
    shrink: usize,
    height: usize,
    width: usize,
    /// Pixels a side that the network takes for one.
    patch: usize,
}

impl Frame {
    /// Sides of at most [`MOST_PIXELS`] that can be halved twice.
    fn fitted(shape: Shape) -> Frame {
        let shrink = shape.height.max(shape.width).div_ceil(MOST_PIXELS);
        let (height, width) = (shape.height.div_ceil(shrink), shape.width.div_ceil(shrink));
        let patch = if height.max(width) > MOST_CONVOLVED { 2 } else { 1 };
        let whole = |side: usize| side.next_multiple_of(4 * patch);
        Frame { shape, shrink, height: whole(height), width: whole(width), patch }
    }

    /// Images as they are.
    fn whole(shape: Shape) -> Frame {
        Frame { shape, shrink: 1, height: shape.height, width: shape.width, patch: 1 }
    }

    fn checked(&self, shape: Shape) -> Result<Frame> {
        if shape == self.shape {
            return Ok(self.clone());
        }
        let said = |s: Shape| format!("{} x {} x {}", s.height, s.width, s.channels);
        let problem = format!(
            "the classifier learnt images of {} (height, width, channels), these are of {}; bring all to one shape",
            said(self.shape),
            said(shape)
        );
        Err(Error::Data(problem))
    }

    /// Numbers of one image.
    fn len(&self) -> usize {
        self.height * self.width * self.shape.channels
    }

    /// Pixels of the images at `index`, each turned as `turns` says, if it says.
    fn pixels(&self, images: &Images, index: &[usize], turns: &[usize]) -> Result<Vec<f32>> {
        let mut bytes = Vec::new();
        images.gather(index, &mut bytes).map_err(|e| Error::Data(e.to_string()))?;
        let mut out = Vec::with_capacity(index.len() * self.len());
        for (i, image) in bytes.chunks_exact(self.shape.len()).enumerate() {
            match turns.get(i) {
                Some(&turn) if turn > 0 => self.put(&turned(image, self.shape, turn), &mut out),
                _ => self.put(image, &mut out),
            }
        }
        Ok(out)
    }

    fn put(&self, image: &[u8], out: &mut Vec<f32>) {
        let Shape { height, width, channels } = self.shape;
        // Squares at the lower and right edge may be cut off, those beyond are empty.
        let span = |at: usize, most: usize| (at * self.shrink).min(most)..((at + 1) * self.shrink).min(most);
        for y in 0..self.height {
            for x in 0..self.width {
                let (rows, columns) = (span(y, height), span(x, width));
                let count = (rows.len() * columns.len()) as f32;
                for c in 0..channels {
                    let row = |r: usize| columns.clone().map(move |x| f32::from(image[(r * width + x) * channels + c]));
                    let sum: f32 = rows.clone().flat_map(row).sum();
                    out.push(if count > 0.0 { sum / count / 127.5 - 1.0 } else { 0.0 });
                }
            }
        }
    }

    fn tensor(&self, pixels: &[f32], device: &Device) -> Tensor<4> {
        let shape = [pixels.len() / self.len(), self.height, self.width, self.shape.channels];
        Tensor::from_data(TensorData::new(pixels.to_vec(), shape), device)
    }
}

/// A square image turned by `turn` quarters; another one mirrored up and down (2), left and right (1) or both (3).
fn turned(image: &[u8], shape: Shape, turn: usize) -> Vec<u8> {
    let Shape { height, width, channels } = shape;
    let (bottom, right) = (height - 1, width - 1);
    let mut out = Vec::with_capacity(image.len());
    for y in 0..height {
        for x in 0..width {
            let (row, column) = match (height == width, turn) {
                (true, 1) => (x, right - y),
                (true, 3) => (bottom - x, y),
                (_, 0) => (y, x),
                (false, 1) => (y, right - x),
                (false, 2) => (bottom - y, x),
                _ => (bottom - y, right - x),
            };
            out.extend_from_slice(&image[(row * width + column) * channels..][..channels]);
        }
    }
    out
}

/// The network trained here: three convolutions at full, half and quarter size, averages over a grid, 64 features.
#[derive(Module, Debug)]
struct Net {
    first: Conv,
    half: Down,
    second: Conv,
    quarter: Down,
    third: Conv,
    features: Linear,
    classes: Linear,
    patch: usize,
}

impl Net {
    fn new(frame: &Frame, classes: usize, seed: u64, device: &Device) -> Net {
        const WIDE: usize = 64;
        let init = &mut Init::new(seed, device);
        let channels = frame.shape.channels * frame.patch * frame.patch;
        Net {
            first: Conv::new(channels, WIDE / 2, init),
            half: Down::new(WIDE / 2, WIDE / 2, init),
            second: Conv::new(WIDE / 2, WIDE, init),
            quarter: Down::new(WIDE, WIDE, init),
            third: Conv::new(WIDE, WIDE, init),
            features: init.linear(WIDE * GRID * GRID, FEATURES),
            classes: init.linear(FEATURES, classes),
            patch: frame.patch,
        }
    }

    /// Pixels `[B, H, W, C]` to features `[B, F]`.
    fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let x = activate(self.first.forward(gather_pixels(x, self.patch)));
        let x = activate(self.second.forward(self.half.forward(x)));
        let x = activate(self.third.forward(self.quarter.forward(x)));
        dense(&self.features, cells(x))
    }
}

fn activate(x: Tensor<4>) -> Tensor<4> {
    let [batch, _, _, channels] = x.dims();
    let none = Tensor::zeros([batch, channels], &x.device());
    norm_act(x, none.clone(), none, false)
}

/// Averages over a grid, `[B, H, W, C]` to `[B, 16 C]`, channel by channel.
fn cells(x: Tensor<4>) -> Tensor<2> {
    module::adaptive_avg_pool2d(x.permute([0, 3, 1, 2]), [GRID, GRID]).flatten(1, 3)
}

/// A network from a file.
#[derive(Clone, Debug)]
struct Opened {
    channels: usize,
    /// Weights `[k k I, O]` and bias `[O]` of each convolution.
    convolutions: Vec<(Tensor<2>, Tensor<1>)>,
    features: Layer,
    classes: Option<Layer>,
}

/// `x W + b`, with `W [I, O]`.
#[derive(Clone, Debug)]
struct Layer {
    weight: Tensor<2>,
    bias: Tensor<1>,
}

impl Layer {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.clone()) + self.bias.clone().unsqueeze()
    }
}

impl Opened {
    fn new(weights: &mut Weights, device: &Device) -> Result<Opened> {
        let count = (0..).take_while(|i| weights.iter().any(|(n, _)| n == format!("conv{i}.weight"))).count();
        let (mut convolutions, mut channels) = (Vec::new(), Vec::new());
        for i in 0..count.max(1) {
            let (inputs, outputs, weight) = take_convolution(weights, i, channels.last().copied(), device)?;
            if i == 0 {
                channels.push(inputs);
            }
            channels.push(outputs);
            convolutions.push((weight, take_bias(weights, &format!("conv{i}.bias"), outputs, device)?));
        }
        let cells = channels.last().map_or(0, |o| o * GRID * GRID);
        let features = take_layer(weights, "features", cells, device)?;
        let [_, dim] = features.weight.dims();
        let any = weights.iter().any(|(name, _)| name.starts_with("classes."));
        let classes = any.then(|| take_layer(weights, "classes", dim, device)).transpose()?;
        match weights.iter().next() {
            Some((name, _)) => Err(wrong(name, "is not part of such a network".into())),
            None => Ok(Opened { channels: channels[0], convolutions, features, classes }),
        }
    }

    /// How images of `shape` come to it.
    fn frame(&self, shape: Shape) -> Result<Frame> {
        let halvings = self.convolutions.len() - 1;
        if shape.channels != self.channels {
            let problem = format!(
                "the network takes images of {} channels, these have {}; give it images, or choose a network, that fit",
                self.channels, shape.channels
            );
            return Err(Error::Data(problem));
        }
        // No image is so large that it could be halved 32 times.
        if halvings >= 32 || shape.height.min(shape.width) >> halvings == 0 {
            return Err(Error::Data(format!(
                "images of {} x {} pixels cannot be halved {halvings} times, as the network does; give it larger ones",
                shape.height, shape.width
            )));
        }
        Ok(Frame::whole(shape))
    }

    fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let last = self.convolutions.len() - 1;
        let x = self.convolutions.iter().enumerate().fold(x, |x, (i, (weight, bias))| {
            let y = activation::relu(conv(x, weight.clone(), bias.clone()));
            if i == last { y } else { halved(y) }
        });
        activation::relu(self.features.forward(cells(x)))
    }
}

/// The largest of each 2 x 2 pixels; an odd row or column at the end is left out.
fn halved(x: Tensor<4>) -> Tensor<4> {
    module::max_pool2d(x.permute([0, 3, 1, 2]), MaxPoolOptions::new([2, 2])).permute([0, 2, 3, 1])
}

fn wrong(name: &str, problem: String) -> Error {
    Error::Tensor { name: name.into(), problem }
}

/// Convolution `i`, `[O, I, k, k]` as `[k k I, O]`, with `I` and `O`.
fn take_convolution(
    weights: &mut Weights,
    i: usize,
    expected: Option<usize>,
    device: &Device,
) -> Result<(usize, usize, Tensor<2>)> {
    let name = format!("conv{i}.weight");
    let (shape, numbers) = weights.take_f32(&name)?;
    let (outputs, inputs, k) = match shape[..] {
        [o, i, k, l] if o > 0 && i > 0 && k == l && k % 2 == 1 => (o, i, k),
        _ => return Err(wrong(&name, format!("has shape {shape:?}, it should be [O, I, k, k] with k odd"))),
    };
    if expected.is_some_and(|e| e != inputs) {
        let e = expected.unwrap_or(0);
        return Err(wrong(&name, format!("takes {inputs} channels, the convolution before it gives {e}")));
    }
    let weight = Tensor::<4>::from_data(TensorData::new(numbers, [outputs, inputs, k, k]), device);
    Ok((inputs, outputs, weight.permute([2, 3, 1, 0]).reshape([k * k * inputs, outputs])))
}

fn take_bias(weights: &mut Weights, name: &str, width: usize, device: &Device) -> Result<Tensor<1>> {
    let (shape, numbers) = weights.take_f32(name)?;
    if shape != [width] {
        return Err(wrong(name, format!("has shape {shape:?}, it should be [{width}]")));
    }
    Ok(Tensor::from_data(TensorData::new(numbers, [width]), device))
}

/// The linear layer `name` of `inputs` numbers; PyTorch holds it as `[O, I]`.
fn take_layer(weights: &mut Weights, name: &str, inputs: usize, device: &Device) -> Result<Layer> {
    let named = format!("{name}.weight");
    let (shape, numbers) = weights.take_f32(&named)?;
    let outputs = match shape[..] {
        [o, i] if o > 0 && i == inputs => o,
        _ => return Err(wrong(&named, format!("has shape {shape:?}, it should be [outputs, {inputs}]"))),
    };
    let weight = Tensor::<2>::from_data(TensorData::new(numbers, [outputs, inputs]), device).transpose();
    Ok(Layer { weight, bias: take_bias(weights, &format!("{name}.bias"), outputs, device)? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use verisim_data::rng::uniform;

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

    fn trained(images: &Images, index: &[usize], seed: u64) -> Classifier {
        let settings = Settings { steps: 40, batch: 32, seed, ..Settings::default() };
        Classifier::train(images, index, &settings, &Device::flex(), &mut |_, _| {}).unwrap()
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

    #[test]
    fn images_without_classes_have_features_too() {
        let mut heard = Vec::new();
        for (height, width) in [(10, 10), (6, 10)] {
            let images = bright(60, height, width, 1, false);
            let settings = Settings { steps: 3, batch: 500, ..Settings::default() };
            let mut on = |done, total| heard.push((done, total));
            let classifier = Classifier::train(&images, &all(&images), &settings, &Device::flex(), &mut on).unwrap();
            assert_eq!(classifier.features(&images, &all(&images)).unwrap().len(), 60 * classifier.dim());
            assert_eq!(classifier.classes(), None);
            assert!(classifier.predict(&images, &[0]).unwrap_err().to_string().contains("no classes"));
        }
        assert_eq!(heard, [(1, 3), (2, 3), (3, 3), (1, 3), (2, 3), (3, 3)]);
    }

    #[test]
    fn turns_are_learnt() {
        // A bright top is turned to the right, the bottom, the left.
        let images = bright(120, 8, 8, 1, true).take(&(0..120).step_by(3).collect::<Vec<_>>()).unwrap();
        let mut pixels = Vec::new();
        images.gather(&all(&images), &mut pixels).unwrap();
        let plain = Images::from_pixels(images.shape(), Vec::new(), Vec::new(), pixels).unwrap();
        let Network::Trained { net, frame } = trained(&plain, &all(&plain), 1).network else { unreachable!() };
        for turn in 0..TURNS {
            let x = frame.tensor(&frame.pixels(&plain, &[0, 1], &[turn; 2]).unwrap(), &Device::flex());
            let logits = net.classes.forward(net.features(x)).into_data().try_into_vec::<f32>().unwrap();
            assert!(logits.chunks(TURNS).all(|row| largest(row) == turn as u32));
        }
    }

    #[test]
    fn four_turns_are_four_images_and_four_quarters_none() {
        let shape = Shape { height: 2, width: 2, channels: 1 };
        assert_eq!(turned(&[1, 2, 3, 4], shape, 0), [1, 2, 3, 4]);
        let quarter = turned(&[1, 2, 3, 4], shape, 1);
        let half = turned(&quarter, shape, 1);
        assert_eq!(
            (&half, turned(&half, shape, 1)),
            (&turned(&[1, 2, 3, 4], shape, 2), turned(&[1, 2, 3, 4], shape, 3))
        );
        assert_eq!((half, turned(&quarter, shape, 3)), (vec![4, 3, 2, 1], vec![1, 2, 3, 4]));
        assert_eq!(quarter, [2, 4, 1, 3]);
        let wide = Shape { height: 1, width: 2, channels: 3 };
        assert_eq!(turned(&[1, 2, 3, 4, 5, 6], wide, 1), [4, 5, 6, 1, 2, 3]);
        assert_eq!(turned(&[1, 2, 3, 4, 5, 6], wide, 2), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn large_images_are_averaged_and_edges_filled() {
        let shape = Shape { height: 100, width: 130, channels: 1 };
        let frame = Frame::fitted(shape);
        assert_eq!((frame.shrink, frame.height, frame.width, frame.patch), (3, 40, 48, 2));
        let image: Vec<u8> = (0..shape.len()).map(|i| if i % 130 == 129 { 255 } else { 0 }).collect();
        let mut out = Vec::new();
        frame.put(&image, &mut out);
        assert_eq!(out.len(), frame.len());
        // The last square of a row has one column of pixels, all white; beyond it there is nothing.
        assert_eq!((out[42], out[43], out[44], out[39 * 48]), (-1.0, 1.0, 0.0, 0.0));
        let small = Frame::fitted(Shape { height: 28, width: 3, channels: 3 });
        assert_eq!((small.shrink, small.height, small.width, small.patch), (1, 28, 4, 1));
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
        let settings = Settings { steps: 1, batch: 2, ..Settings::default() };
        let nothing = Classifier::train(&images, &[], &settings, &Device::flex(), &mut |_, _| {});
        assert!(nothing.unwrap_err().to_string().contains("no image"));
        let error = trained(&images, &all(&images), 0).features(&bright(3, 8, 9, 1, true), &[0]).unwrap_err();
        assert!(error.to_string().contains("8 x 9"), "{error}");
    }
}
