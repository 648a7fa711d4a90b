//! A recurrent memory whose steps are computed at once in training: minGRU (Feng et al., 2024), gates that do not see what is remembered.
//!
//! ```text
//! z, c = sigmoid(Wz n(x)), Wc n(x)      h(t) = (1 - z) h(t-1) + z c      x += Wo h      x += W2 silu(W1 n(x))      (each layer)
//! ```
//!
//! `n` divides a row by its root mean square.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use crate::nets::{Init, linear, silu};

/// The memory: `[I]` a step to `[D]`.
#[derive(Module, Debug)]
pub struct Memory {
    /// `[I, D]`.
    embed: Linear,
    layers: Vec<Layer>,
}

#[derive(Module, Debug)]
struct Layer {
    /// `[D, 2 D]`: gate and candidate.
    gates: Linear,
    /// `[D, D]`.
    out: Linear,
    /// `[D, 2 D]`.
    wide: Linear,
    /// `[2 D, D]`.
    narrow: Linear,
}

impl Memory {
    /// A memory of width `d` of steps of `inputs` numbers, of which about `active` are not 0 at a time.
    pub fn new(active: usize, inputs: usize, d: usize, layers: usize, init: &mut Init) -> Memory {
        let embed = init.linear_of(active, inputs, d);
        let mut layer = || Layer {
            gates: init.linear(d, 2 * d),
            out: init.linear(d, d),
            wide: init.linear(d, 2 * d),
            narrow: init.linear(2 * d, d),
        };
        Memory { embed, layers: (0..layers).map(|_| layer()).collect() }
    }

    /// What is remembered at each step: `[B T, I]` to `[B T, D]`, sequences of `steps` steps one after another.
    pub fn all(&self, x: Tensor<2>, steps: usize) -> Tensor<2> {
        let mut x = linear(&self.embed, x);
        for layer in &self.layers {
            let (gate, candidate) = layer.parts(x.clone());
            let [rows, d] = gate.dims();
            let shape = [rows / steps, steps, d];
            let h = scan(gate.reshape(shape), candidate.reshape(shape)).reshape([rows, d]);
            x = layer.after(x, h);
        }
        x
    }

    /// The state before the first step of `count` sequences: `[B, D]` a layer.
    pub fn nothing(&self, count: usize, device: &Device) -> Vec<Tensor<2>> {
        let [_, d] = self.embed.weight.dims();
        self.layers.iter().map(|_| Tensor::zeros([count, d], device)).collect()
    }

    /// What is remembered at one more step, `[B, I]` to `[B, D]`, after `state`, which goes on.
    pub fn next(&self, x: Tensor<2>, state: &mut [Tensor<2>]) -> Tensor<2> {
        let mut x = linear(&self.embed, x);
        for (layer, state) in self.layers.iter().zip(state) {
            let (gate, candidate) = layer.parts(x.clone());
            *state = state.clone() + gate * (candidate - state.clone());
            x = layer.after(x, state.clone());
        }
        x
    }
}

impl Layer {
    fn parts(&self, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let d = x.dims()[1];
        let both = linear(&self.gates, normed(x));
        (sigmoid(both.clone().narrow(1, 0, d)), both.narrow(1, d, d))
    }

    fn after(&self, x: Tensor<2>, h: Tensor<2>) -> Tensor<2> {
        let x = x + linear(&self.out, h);
        x.clone() + linear(&self.narrow, silu(linear(&self.wide, normed(x))))
    }
}

/// Each row divided by its root mean square.
fn normed(x: Tensor<2>) -> Tensor<2> {
    let size = x.clone().powi_scalar(2).mean_dim(1) + 1e-5;
    x / size.sqrt()
}

/// `h(t) = (1 - z(t)) h(t-1) + z(t) c(t)` for all `t` at once, `[B, T, D]`: each pass reaches twice as far back.
fn scan(gate: Tensor<3>, candidate: Tensor<3>) -> Tensor<3> {
    let [batch, steps, d] = gate.dims();
    let device = gate.device();
    let mut sums = gate.clone() * candidate;
    let mut kept = -gate + 1.0;
    let mut reach = 1;
    while reach < steps {
        let pad = Tensor::<3>::zeros([batch, reach, d], &device);
        let back = |x: Tensor<3>| Tensor::cat(vec![pad.clone(), x.narrow(1, 0, steps - reach)], 1);
        sums = sums.clone() + kept.clone() * back(sums);
        // What lies before the first step is nothing, kept or not.
        kept = kept.clone() * back(kept);
        reach *= 2;
    }
    sums
}
