//! Sounds to try transforms on, and what is measured of them.

use super::act::Work;
use super::*;

pub(super) fn clip(rate: u32, channels: Vec<Vec<f32>>) -> Clip {
    Clip::new(rate, Depth::Sixteen, channels).unwrap()
}

/// A sine of full scale.
pub(super) fn sine(hz: f64, rate: u32, n: usize) -> Vec<f32> {
    let step = 2.0 * std::f64::consts::PI * hz / f64::from(rate);
    (0..n).map(|i| libm::sin(step * i as f64) as f32).collect()
}

/// White noise of about a tenth of full scale.
pub(super) fn rough(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = verisim_data::rng::stream(seed, "rough", n as u64);
    (0..n).map(|_| 0.1 * verisim_data::rng::normal(&mut rng) as f32).collect()
}

pub(super) fn rms(x: &[f32]) -> f64 {
    (x.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / x.len() as f64).sqrt()
}

/// The amplitude of a sine of this frequency in `x`, under a Hann window.
pub(super) fn tone(x: &[f32], hz: f64, rate: u32) -> f64 {
    let (step, turn) = (2.0 * std::f64::consts::PI * hz / f64::from(rate), 2.0 * std::f64::consts::PI / x.len() as f64);
    let (mut re, mut im, mut weight) = (0.0, 0.0, 0.0);
    for (i, s) in x.iter().enumerate() {
        let w = 0.5 - 0.5 * libm::cos(turn * i as f64);
        re += w * f64::from(*s) * libm::cos(step * i as f64);
        im += w * f64::from(*s) * libm::sin(step * i as f64);
        weight += w;
    }
    2.0 * (re * re + im * im).sqrt() / weight
}

/// What an act makes of an item.
pub(super) fn run(act: &Act, item: &Item) -> Item {
    act.check().unwrap();
    let mut work = Work::new(item.clone());
    work.run(act, [item.clone()].as_slice()).unwrap();
    work.finish()
}

/// A pipeline of one step.
pub(super) fn pipeline(step: &str) -> Pipeline {
    Pipeline::from_toml(&format!("seed = 5\n[[sound]]\n{step}\n")).unwrap()
}

/// An item after a step, written as in a config.
pub(super) fn step(step: &str, item: &Item) -> Item {
    apply_with(&pipeline(step), item, 0, 0, [item.clone()].as_slice()).unwrap().0
}
