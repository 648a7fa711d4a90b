//! The velocity network: a perceptron over the channels of a step and one over the steps of a window, in turns (MLP-Mixer, Tolstikhin et
//! al., 2021). A window is short and of one length, for which attention costs more and says no more.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};

use super::Config;
use crate::nets::vision::{Mixer, Sides, dense, per_pixel, unit};
use crate::nets::{Init, linear, norm_act, sum};

/// Frequencies that a time is told by.
const FREQUENCIES: usize = 32;

/// Sizes of what a network sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Steps of a window, and channels of a step.
    pub steps: usize,
    pub channels: usize,
    /// Steps that are one token; divides the steps.
    pub patch: usize,
    /// Numbers that a window is told beside, and each of its steps.
    pub told: usize,
    pub marks: usize,
}

impl Sizes {
    fn tokens(self) -> usize {
        self.steps / self.patch
    }

    fn inputs(self) -> usize {
        self.patch * (self.channels + self.marks)
    }

    /// About the numbers of a network of `config`, the largest parts of it.
    pub fn count(self, config: &Config) -> usize {
        let (width, e) = (config.width, config.condition);
        let layer = 4usize.saturating_mul(width).saturating_mul(width).saturating_add(6 * width * e);
        let mixer = Mixer::count(Sides { height: 1, width: self.tokens() });
        config.layers.saturating_mul(layer.saturating_add(mixer)).saturating_add(e * e)
    }
}

/// What one pass is told: windows on their way `[B, steps, channels]`, marks of steps `[B, steps, marks]`, of which the first says whether
/// a step is given, the second whether it is there, the others where it lies in the calendar, times `[B, 1]` and conditions `[B, told]`.
pub struct Seen {
    pub at: Tensor<3>,
    pub marks: Tensor<3>,
    pub t: Tensor<2>,
    pub told: Tensor<2>,
}

/// The network.
#[derive(Module, Debug)]
pub struct Net {
    time: Linear,
    told: Linear,
    condition: Linear,
    stem: Linear,
    /// `[1, tokens, width]`: which step is which.
    place: Param<Tensor<3>>,
    layers: Vec<Layer>,
    head: Linear,
    output: Linear,
    patch: usize,
}

/// Steps see each other, then each step thinks.
#[derive(Module, Debug)]
struct Layer {
    mixer: Option<Mixer>,
    modulation: Linear,
    wide: Linear,
    narrow: Linear,
}

impl Layer {
    fn new(width: usize, condition: usize, tokens: usize, init: &mut Init) -> Layer {
        Layer {
            mixer: Mixer::new(Sides { height: 1, width: tokens }, init),
            modulation: init.zero_linear(condition, 6 * width),
            wide: init.linear(width, 2 * width),
            narrow: init.zero_linear(2 * width, width),
        }
    }

    fn forward(&self, h: Tensor<4>, condition: &Tensor<2>) -> Tensor<4> {
        let h = match &self.mixer {
            Some(mixer) => mixer.forward(h),
            None => h,
        };
        let [_, _, _, width] = h.dims();
        let all = linear(&self.modulation, condition.clone());
        let part = |from: usize, count: usize| all.clone().narrow(1, from * width, count * width);
        let inner = per_pixel(&self.wide, norm_act(h.clone(), part(0, 1), part(1, 1), true));
        h + per_pixel(&self.narrow, norm_act(inner, part(2, 2), part(4, 2), true))
    }
}

impl Net {
    /// A network whose output layer is zero.
    pub fn new(config: &Config, sizes: Sizes, seed: u64, device: &Device) -> Net {
        let mut init = Init::new(seed, device);
        let (width, e, tokens) = (config.width, config.condition, sizes.tokens());
        Net {
            time: init.linear(2 * FREQUENCIES, e),
            told: init.linear(sizes.told.max(1), e),
            condition: init.linear(e, e),
            stem: init.linear(sizes.inputs(), width),
            place: init.param([1, tokens, width], vec![0.0; tokens * width]),
            layers: (0..config.layers).map(|_| Layer::new(width, e, tokens, &mut init)).collect(),
            head: init.zero_linear(e, 2 * width),
            output: init.zero_linear(width, sizes.patch * sizes.channels),
            patch: sizes.patch,
        }
    }

    /// The velocity `[B, steps, channels]`: what it would be if all numbers were independent and normal, and what the layers add.
    pub fn velocity(&self, seen: Seen) -> Tensor<3> {
        let Seen { at, marks, t, told } = seen;
        let [b, steps, channels] = at.dims();
        let tokens = steps / self.patch;
        let condition = unit(dense(&self.time, waves(t.clone()))) + unit(linear(&self.told, told));
        let condition = unit(dense(&self.condition, condition));
        let inputs = self.patch * (channels + marks.dims()[2]);
        let x = Tensor::cat(vec![at.clone(), marks], 2).reshape([b * tokens, inputs]);
        let [_, _, width] = self.place.val().dims();
        let h = linear(&self.stem, x).reshape([b, tokens, width]) + self.place.val();
        let h = self.layers.iter().fold(h.reshape([b, 1, tokens, width]), |h, layer| layer.forward(h, &condition));
        let parts = linear(&self.head, condition).chunk(2, 1);
        let h = norm_act(h, parts[0].clone(), parts[1].clone(), true);
        let added = linear(&self.output, h.reshape([b * tokens, width])).reshape([b, steps, channels]);
        // E[x1 - x0 | x_t] of two independent standard normal numbers.
        let rest = t.clone().neg() + 1.0;
        let slope = (t.clone() * 2.0 - 1.0) / (t.clone() * t + rest.clone() * rest);
        at * slope.reshape([b, 1, 1]) + added
    }
}

/// Sines and cosines of times `[B, 1]`, from one wave over `0..1` to a hundred: `[B, 2 FREQUENCIES]`.
fn waves(t: Tensor<2>) -> Tensor<2> {
    let step = 100f64.ln() / (FREQUENCIES - 1) as f64;
    let rates: Vec<f32> = (0..FREQUENCIES).map(|i| (std::f64::consts::TAU * (step * i as f64).exp()) as f32).collect();
    let rates = Tensor::<2>::from_data(TensorData::new(rates, [1, FREQUENCIES]), &t.device());
    let angles = t.matmul(rates);
    Tensor::cat(vec![angles.clone().sin(), angles.cos()], 1)
}

/// What one shard of a step learns from: windows, noise, times, conditions, marks as in [`Seen`], and which channels count, `[B, steps,
/// 1]`, scaled so that a whole window counts 1.
pub struct Task {
    pub x1: Tensor<3>,
    pub x0: Tensor<3>,
    pub t: Tensor<2>,
    pub told: Tensor<2>,
    pub marks: Tensor<3>,
    pub counts: Tensor<3>,
}

/// Sum over windows of the mean squared error of the velocity, at the steps that count.
pub fn loss(net: &Net, task: Task) -> Tensor<1> {
    let Task { x1, x0, t, told, marks, counts } = task;
    let [b, _, channels] = x1.dims();
    let velocity = x1.clone() - x0.clone();
    let given = marks.clone().narrow(2, 0, 1);
    let there = marks.clone().narrow(2, 1, 1);
    let on_the_way = x0 + velocity.clone() * t.clone().reshape([b, 1, 1]);
    // What is given is seen as it is, what is not there as nothing.
    let at = (on_the_way.clone() + (x1 - on_the_way) * given) * there;
    let error = net.velocity(Seen { at, marks, t, told }) - velocity;
    sum(error.powf_scalar(2.0) * counts) / channels as f64
}
