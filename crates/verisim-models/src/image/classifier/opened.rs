//! A network from a file, as the header of [`classifier`](super) says it must be.

use burn::tensor::{Device, Tensor, TensorData, activation, module, ops::MaxPoolOptions};
use verisim_data::image::Shape;

use super::net::{GRID, cells};
use super::view::View;
use crate::error::{Error, Result};
use crate::nets::conv;
use crate::weights::Weights;

/// A network from a file.
#[derive(Clone, Debug)]
pub(super) struct Opened {
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
    /// The network of `weights`, which are taken out and all used.
    pub fn new(weights: &mut Weights, device: &Device) -> Result<Opened> {
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

    /// What it sees of images of `shape`: all of them, as they are.
    pub fn view(&self, shape: Shape) -> Result<View> {
        let halvings = self.convolutions.len() - 1;
        if shape.channels != self.channels {
            let problem = format!(
                "the network takes images of {} channels, these have {}; give it images, or choose a network, that fit",
                self.channels, shape.channels
            );
            return Err(Error::Unfit { problem });
        }
        // No image is so large that it could be halved 32 times.
        if halvings >= 32 || shape.height.min(shape.width) >> halvings == 0 {
            let problem = format!(
                "images of {} x {} pixels cannot be halved {halvings} times, as the network does; give it larger ones",
                shape.height, shape.width
            );
            return Err(Error::Unfit { problem });
        }
        Ok(View::whole(shape))
    }

    /// Features of an image.
    pub fn dim(&self) -> usize {
        self.features.weight.dims()[1]
    }

    /// Classes that it tells apart, if any.
    pub fn count(&self) -> Option<usize> {
        self.classes.as_ref().map(|layer| layer.weight.dims()[1])
    }

    /// Pixels `[B, H, W, C]` to features `[B, F]`.
    pub fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let last = self.convolutions.len() - 1;
        let x = self.convolutions.iter().enumerate().fold(x, |x, (i, (weight, bias))| {
            let y = activation::relu(conv(x, weight.clone(), bias.clone()));
            if i == last { y } else { halved(y) }
        });
        activation::relu(self.features.forward(cells(x)))
    }

    /// Features `[B, F]` to logits of the classes `[B, K]`, if there is a layer for them.
    pub fn answers(&self, features: Tensor<2>) -> Option<Tensor<2>> {
        self.classes.as_ref().map(|layer| layer.forward(features))
    }
}

/// The largest of each 2 x 2 pixels; an odd row or column at the end is left out.
fn halved(x: Tensor<4>) -> Tensor<4> {
    module::max_pool2d(x.permute([0, 3, 1, 2]), MaxPoolOptions::new([2, 2])).permute([0, 2, 3, 1])
}

fn wrong(name: &str, problem: String) -> Error {
    Error::Tensor { name: name.into(), problem }
}

/// Takes convolution `i`, which is `[O, I, k, k]` in the file, out as `I`, `O` and weights `[k k I, O]`.
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

/// Takes the linear layer `name` of `inputs` numbers out; it is `[O, I]` in the file.
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
