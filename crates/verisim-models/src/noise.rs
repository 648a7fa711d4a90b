//! Random numbers in tensors, all of a stream: a seed decides them.
//!
//! What an artefact samples is made of numbers from the host ([`normal`]), so that every backend draws the same. What a
//! training step needs, and nobody sees, is made where it is used (`fresh_*`): otherwise random numbers would be most of what a
//! step sends to a GPU.

use std::sync::{Mutex, PoisonError};

use burn::tensor::{Device, Distribution, Tensor, TensorData};
use verisim_data::rng::{self, Stream, below, uniform};

use crate::nets::is_cpu;

/// Standard normal numbers `[rows, width]`, made on the host.
pub fn normal(rng: &mut Stream, rows: usize, width: usize, device: &Device) -> Tensor<2> {
    from_host(|| rng::normal(rng) as f32, [rows, width], device)
}

/// Standard normal numbers `[rows, width]` for training.
pub fn fresh_normal(rng: &mut Stream, rows: usize, width: usize, device: &Device) -> Tensor<2> {
    if on_host(device) { normal(rng, rows, width, device) } else { normal_there(rng, [rows, width], device) }
}

/// Standard Gumbel numbers `[rows, width]` for training, `-ln(-ln u)`, in single precision: training needs no more digits.
pub fn fresh_gumbel(rng: &mut Stream, rows: usize, width: usize, device: &Device) -> Tensor<2> {
    if !on_host(device) {
        return gumbel_there(rng, [rows, width], device);
    }
    let draw = || {
        let u = (uniform(rng) as f32).clamp(EDGE, 1.0 - EDGE);
        -(-u.ln()).ln()
    };
    from_host(draw, [rows, width], device)
}

/// Numbers `[rows, width]` that are `1 / kept` with the probability `kept`, and else 0: a mask of dropout.
pub fn fresh_dropout(rng: &mut Stream, rows: usize, width: usize, kept: f64, device: &Device) -> Tensor<2> {
    if !on_host(device) {
        return dropout_there(rng, [rows, width], kept, device);
    }
    from_host(|| if uniform(rng) < kept { (1.0 / kept) as f32 } else { 0.0 }, [rows, width], device)
}

/// As [`fresh_dropout`], of which four come from one draw on a host: the share that is kept is that to the 65,536th.
pub fn fresh_mask(rng: &mut Stream, rows: usize, width: usize, kept: f64, device: &Device) -> Tensor<2> {
    if !on_host(device) {
        return dropout_there(rng, [rows, width], kept, device);
    }
    let (below, scale) = ((kept * 65_536.0).round() as u64, (1.0 / kept) as f32);
    let mut values = Vec::with_capacity((rows * width).next_multiple_of(4));
    while values.len() < rows * width {
        let bits = rng::bits(rng);
        values.extend([0, 16, 32, 48].map(|k| if (bits >> k) & 0xffff < below { scale } else { 0.0 }));
    }
    values.truncate(rows * width);
    Tensor::from_data(TensorData::new(values, [rows, width]), device)
}

/// How close to 0 and 1 a uniform number may come whose logarithm is taken.
const EDGE: f32 = 1e-7;

/// Whether noise of a training is made on the host. In tests it always is, so that steps on two backends can be compared.
fn on_host(device: &Device) -> bool {
    cfg!(test) || is_cpu(device)
}

fn from_host(draw: impl FnMut() -> f32, shape: [usize; 2], device: &Device) -> Tensor<2> {
    let values: Vec<f32> = std::iter::repeat_with(draw).take(shape[0] * shape[1]).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn normal_there(rng: &mut Stream, shape: [usize; 2], device: &Device) -> Tensor<2> {
    made_there(rng, Distribution::Normal(0.0, 1.0), shape, device)
}

fn gumbel_there(rng: &mut Stream, shape: [usize; 2], device: &Device) -> Tensor<2> {
    let u = made_there(rng, Distribution::Uniform(0.0, 1.0), shape, device);
    -(-u.clamp(EDGE, 1.0 - EDGE).log()).log()
}

fn dropout_there(rng: &mut Stream, shape: [usize; 2], kept: f64, device: &Device) -> Tensor<2> {
    let u = made_there(rng, Distribution::Uniform(0.0, 1.0), shape, device);
    u.lower_elem(kept).float() / kept
}

/// A backend has one generator for all its devices and threads: who sets its seed must draw before anyone else does, hence the
/// lock.
fn made_there(rng: &mut Stream, distribution: Distribution, shape: [usize; 2], device: &Device) -> Tensor<2> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    let _mine = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    device.seed(below(rng, u64::MAX));
    Tensor::random(shape, distribution, device)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::agreement::wgpu;
    use verisim_data::rng::stream;

    const SHAPE: [usize; 2] = [300, 211];

    /// Mean and variance, and of numbers next to each other in a row and in a column the mean product of their deviations.
    fn moments(values: &[f32]) -> [f64; 4] {
        let n = values.len() as f64;
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let product = |lag: usize| {
            let pairs = values.iter().zip(&values[lag..]);
            pairs.map(|(&a, &b)| (f64::from(a) - mean) * (f64::from(b) - mean)).sum::<f64>() / n
        };
        [mean, product(0), product(1), product(SHAPE[1])]
    }

    fn host(tensor: Tensor<2>) -> Vec<f32> {
        tensor.into_data().try_into_vec().unwrap()
    }

    fn assert_moments(what: &str, values: &[f32], mean: f64, variance: f64) {
        let got = moments(values);
        let error = 5.0 * (3.0 * variance.powi(2) / values.len() as f64).sqrt();
        for (got, wanted) in got.iter().zip([mean, variance, 0.0, 0.0]) {
            assert!((got - wanted).abs() < error, "{what}: {got}, not {wanted}");
        }
    }

    /// A normal, a Gumbel and a dropout sample have their moments: Euler's constant and pi^2 / 6 are those of Gumbel's.
    fn assert_distributions([normal, gumbel, dropout]: [Tensor<2>; 3]) {
        assert_moments("normal", &host(normal), 0.0, 1.0);
        assert_moments("gumbel", &host(gumbel), 0.577216, 1.644934);
        let keep = host(dropout);
        assert!(keep.iter().all(|&x| x == 0.0 || x == 1.25));
        assert_moments("dropout", &keep, 1.0, 0.25);
    }

    #[test]
    fn what_a_device_makes_is_of_its_distribution_and_seed() {
        let test = "what_a_device_makes_is_of_its_distribution_and_seed";
        for device in [Some(Device::flex()), wgpu(test)].iter().flatten() {
            let make = |index| {
                let rng = &mut stream(1, "noise", index);
                [
                    normal_there(rng, SHAPE, device),
                    gumbel_there(rng, SHAPE, device),
                    dropout_there(rng, SHAPE, 0.8, device),
                ]
            };
            let reads = crate::read::count();
            let first = make(0);
            assert_eq!(crate::read::count(), reads);
            assert_distributions(first.clone());
            assert_eq!(first.map(host), make(0).map(host));
            let two = || normal_there(&mut stream(1, "noise", 0), SHAPE, device);
            assert_eq!(host(two()), host(two()));
            let rng = &mut stream(1, "noise", 0);
            assert_ne!(host(normal_there(rng, SHAPE, device)), host(normal_there(rng, SHAPE, device)));
        }
    }

    #[test]
    fn noise_of_the_host_has_its_distribution() {
        let (device, rng, [rows, width]) = (Device::flex(), &mut stream(1, "noise", 0), SHAPE);
        let normal = fresh_normal(rng, rows, width, &device);
        let gumbel = fresh_gumbel(rng, rows, width, &device);
        assert_distributions([normal, gumbel, fresh_dropout(rng, rows, width, 0.8, &device)]);
        assert_moments("mask", &host(fresh_mask(rng, rows, width, 0.8, &device)), 1.0, 0.25);
    }
}
