//! AdamW (Loshchilov and Hutter, 2019), and what else goes over all parameters after a step.
//!
//! burn's own runs a dozen passes over the numbers, each on one thread of a CPU, which is a tenth of a training step of these
//! networks. Here it is one pass on all threads; other backends take plain tensor operations, which a GPU fuses.

use burn::optim::{AdaptiveMomentumState, LearningRate, Optimizer};
use burn::tensor::Tensor;

#[cfg(feature = "flex")]
use super::device::is_flex;

/// Settings of the optimiser, the same for all parameters.
#[derive(Clone, Debug)]
pub struct AdamW {
    /// Decay rates of the moments.
    pub betas: [f32; 2],
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Decay of the parameters a step, as a factor of the learning rate.
    pub weight_decay: f64,
}

/// One step as numbers: `p <- keep p - rate m / (root sqrt(v) + epsilon)`, with the moments already moved.
#[derive(Clone, Copy, Debug)]
struct Update {
    betas: [f32; 2],
    epsilon: f32,
    keep: f32,
    rate: f32,
    root: f32,
}

impl AdamW {
    /// The step after which the optimiser has seen `time` gradients.
    fn update(&self, rate: f64, time: usize) -> Update {
        let [b1, b2] = self.betas.map(|b| 1.0 - f64::from(b).powi(time as i32));
        Update {
            betas: self.betas,
            epsilon: self.epsilon,
            keep: (1.0 - rate * self.weight_decay) as f32,
            rate: (rate / b1) as f32,
            root: b2.sqrt().recip() as f32,
        }
    }
}

impl Optimizer for AdamW {
    type State<const D: usize> = AdaptiveMomentumState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let zeros = || Tensor::zeros(tensor.shape(), &tensor.device());
        let mut state = state.unwrap_or_else(|| AdaptiveMomentumState::new(0, zeros(), zeros()));
        state.time += 1;
        let update = self.update(rate, state.time);
        #[cfg(feature = "flex")]
        if is_flex(&tensor.device()) {
            let [tensor, m, v] = flex::step(update, [tensor, state.moment_1, state.moment_2], grad);
            return (tensor, Some(AdaptiveMomentumState { moment_1: m, moment_2: v, ..state }));
        }
        let [b1, b2] = update.betas;
        let m = state.moment_1 * b1 + grad.clone() * (1.0 - b1);
        let v = state.moment_2 * b2 + grad.square() * (1.0 - b2);
        let delta = m.clone() * update.rate / (v.clone().sqrt() * update.root + update.epsilon);
        (tensor * update.keep - delta, Some(AdaptiveMomentumState { moment_1: m, moment_2: v, ..state }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &burn::tensor::Device) -> Self::State<D> {
        state.to_device(device)
    }
}

/// `keep average + (1 - keep) latest`.
pub fn blend<const D: usize>(average: Tensor<D>, latest: Tensor<D>, keep: f64) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if is_flex(&average.device()) {
        return flex::blend(average, latest, keep as f32);
    }
    average * keep + latest * (1.0 - keep)
}

/// The sum of squares, where it can be had without waiting: on a CPU.
pub fn squares<const D: usize>(tensor: &Tensor<D>) -> Option<f64> {
    #[cfg(feature = "flex")]
    if is_flex(&tensor.device()) {
        return Some(flex::squares(tensor.clone()));
    }
    let _ = tensor;
    None
}

#[cfg(feature = "flex")]
mod flex {
    use burn::backend::Flex;
    use burn::tensor::Tensor;
    use rayon::prelude::*;

    use super::Update;
    use crate::nets::flat::whole;
    use crate::nets::kernels::{PART, dot, wide};

    pub fn step<const D: usize>(update: Update, state: [Tensor<D>; 3], grad: Tensor<D>) -> [Tensor<D>; 3] {
        let [mut p, mut m, mut v] = state.map(whole);
        let grad = whole(grad);
        move_all(update, p.storage_mut(), m.storage_mut(), v.storage_mut(), grad.storage());
        [p, m, v].map(Tensor::from_primitive::<Flex>)
    }

    pub fn blend<const D: usize>(average: Tensor<D>, latest: Tensor<D>, keep: f32) -> Tensor<D> {
        let (mut average, latest) = (whole(average), whole(latest));
        blend_all(average.storage_mut(), latest.storage(), keep);
        Tensor::from_primitive::<Flex>(average)
    }

    pub fn squares<const D: usize>(tensor: Tensor<D>) -> f64 {
        sum_of_squares(whole(tensor).storage())
    }

    /// One step of AdamW: moves the moments `m` and `v` by the gradient, and the parameters by them.
    fn move_all(update: Update, p: &mut [f32], m: &mut [f32], v: &mut [f32], grad: &[f32]) {
        let Update { betas: [b1, b2], epsilon, keep, rate, root } = update;
        let parts = p.par_chunks_mut(PART).zip(m.par_chunks_mut(PART)).zip(v.par_chunks_mut(PART));
        parts.zip(grad.par_chunks(PART)).for_each(|(((p, m), v), g)| {
            wide!(for (((p, m), v), &g) in p.iter_mut().zip(m.iter_mut()).zip(v.iter_mut()).zip(g) {
                *m = b1 * *m + (1.0 - b1) * g;
                *v = b2 * *v + (1.0 - b2) * g * g;
                *p = keep * *p - rate * *m / (root * v.sqrt() + epsilon);
            });
        });
    }

    /// `keep average + (1 - keep) latest`, in place.
    fn blend_all(average: &mut [f32], latest: &[f32], keep: f32) {
        average.par_chunks_mut(PART).zip(latest.par_chunks(PART)).for_each(|(average, latest)| {
            wide!(average.iter_mut().zip(latest).for_each(|(a, l)| *a = keep * *a + (1.0 - keep) * l));
        });
    }

    /// The sum of squares.
    fn sum_of_squares(values: &[f32]) -> f64 {
        let parts: Vec<f32> = values.par_chunks(PART).map(|v| wide!(dot(v, v))).collect();
        parts.into_iter().map(f64::from).sum()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::nn::Linear;
    use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
    use burn::tensor::Device;

    use super::*;
    use crate::nets::Init;
    use crate::nets::params::weights_of;

    /// A linear layer of more numbers than one thread takes, and gradients for it.
    fn layer() -> Linear {
        Init::new(5, &Device::flex().autodiff()).linear(300, 200)
    }

    fn gradients(layer: &Linear, step: usize) -> GradientsParams {
        let x = Tensor::<2>::from_inner(crate::noise::normal(
            &mut verisim_data::rng::stream(1, "adamw", step as u64),
            8,
            300,
            &Device::flex(),
        ));
        let loss = layer.forward(x).powf_scalar(2.0).sum() * 0.01;
        GradientsParams::from_grads(loss.backward(), layer)
    }

    fn numbers(layer: &Linear) -> Vec<f32> {
        let mut weights = weights_of(layer).unwrap();
        ["p0", "p1"].iter().flat_map(|p| weights.take_f32(p).unwrap().1).collect()
    }

    #[test]
    fn it_steps_as_burns_own() {
        let burns = AdamWConfig::new().with_epsilon(1e-8).with_beta_1(0.8).with_beta_2(0.95).with_weight_decay(0.1);
        let mut burns = burns.init();
        let ours = AdamW { betas: [0.8, 0.95], epsilon: 1e-8, weight_decay: 0.1 };
        let mut ours = ModuleOptimizer::from(ours);
        let (mut a, mut b) = (layer(), layer());
        for step in 0..5 {
            let (grads, same) = (gradients(&a, step), gradients(&b, step));
            a = burns.step(0.01, a, grads);
            b = ours.step(0.01, b, same);
        }
        let (a, b) = (numbers(&a), numbers(&b));
        assert_eq!(a.len(), 300 * 200 + 200);
        assert!(a.iter().zip(&numbers(&layer())).any(|(a, b)| (a - b).abs() > 0.02), "nothing moved");
        a.iter().zip(&b).enumerate().for_each(|(i, (a, b))| assert!((a - b).abs() < 1e-5, "{i}: {a} and {b}"));
    }

    /// The one pass against plain tensor operations.
    #[test]
    fn both_forms_agree() {
        let adam = AdamW { betas: [0.9, 0.99], epsilon: 1e-8, weight_decay: 0.01 };
        let device = Device::flex();
        let random = |i: u64| crate::noise::normal(&mut verisim_data::rng::stream(2, "adamw", i), 300, 151, &device);
        let (p, grad) = (random(0), random(1));
        let (m, v) = (random(2) * 0.1, random(3).powf_scalar(2.0));
        let update = adam.update(0.01, 3);
        let [b1, b2] = update.betas;
        let m2 = m.clone() * b1 + grad.clone() * (1.0 - b1);
        let v2 = v.clone() * b2 + grad.clone().square() * (1.0 - b2);
        let p2 =
            p.clone() * update.keep - m2.clone() * update.rate / (v2.clone().sqrt() * update.root + update.epsilon);
        let state = AdaptiveMomentumState::new(2, m.clone(), v.clone());
        // Clones stay what they were, and a transposed gradient is no other.
        let turned = grad.clone().transpose().transpose();
        let (p1, state) = adam.step(0.01, p.clone(), turned, Some(state));
        let state = state.unwrap();
        for (a, b) in [(p1, p2), (state.moment_1, m2), (state.moment_2, v2)] {
            assert!((a - b).abs().max().into_scalar::<f32>() < 1e-5);
        }
        assert_eq!(state.time, 3);
        assert_eq!(p.into_data(), random(0).into_data());
    }

    #[test]
    fn blends_and_squares_are_those_of_tensors() {
        let device = Device::flex();
        let random = |i: u64| crate::noise::normal(&mut verisim_data::rng::stream(3, "adamw", i), 70, 901, &device);
        let (a, b) = (random(0), random(1));
        let plain = a.clone() * 0.9 + b.clone() * 0.1;
        assert!((blend(a.clone(), b, 0.9) - plain).abs().max().into_scalar::<f32>() < 1e-6);
        // A narrowed view counts its own numbers alone.
        for x in [a.clone(), a.clone().narrow(0, 3, 20), a.transpose()] {
            let plain = f64::from(x.clone().square().sum().into_scalar::<f32>());
            assert!((squares(&x).unwrap() / plain - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn a_copy_of_the_module_is_not_moved() {
        let module = layer();
        let before = numbers(&module);
        let copy = module.clone();
        let mut adam = ModuleOptimizer::from(AdamW { betas: [0.9, 0.99], epsilon: 1e-8, weight_decay: 0.0 });
        let grads = gradients(&module, 0);
        let moved = adam.step(0.1, module, grads);
        assert_eq!(numbers(&copy), before);
        assert_ne!(numbers(&moved), before);
    }
}
