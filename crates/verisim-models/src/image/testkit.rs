//! What the tests of all models of images share.
#![allow(clippy::unwrap_used)]

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use verisim_data::image::{Images, Shape, Spec};
use verisim_data::rng::{below, stream};

use super::{Augment, Model, Sampler, noise_of, render};
use crate::learn::{Clock, Model as _, Setup, Split, Trainee};
use crate::training::Training;
use crate::weights::Weights;

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
    let shape = Shape { height: 8, width: 8, channels: 1 };
    Images::from_pixels(shape, ["left", "right"].map(String::from).to_vec(), labels, pixels).unwrap()
}

/// A training of few and long steps.
pub(crate) fn training() -> Training {
    let base = crate::training::tests::training();
    Training { batch_size: 16, learning_rate: 1e-2, clip: 1.0, ema: 0.9, ..base }
}

/// A model of `images`, of which the last eight are kept for validation.
fn model_of<M>(images: Images, setup: &Setup<'_>, new: &impl Fn(&Split<'_, Images>, &Setup<'_>) -> M) -> M {
    let (train, validation): (Vec<usize>, Vec<usize>) =
        ((0..images.len() - 8).collect(), (images.len() - 8..images.len()).collect());
    let (augment, images) = (Augment::default(), Arc::new(images));
    new(&Split { encoded: &images, train: &train, validation: &validation, augment: &augment }, setup)
}

/// A model of [`halves`] with this seed.
fn seeded<M>(seed: u64, new: &impl Fn(&Split<'_, Images>, &Setup<'_>) -> M) -> M {
    let (training, device) = (training(), Device::flex().autodiff());
    model_of(
        halves(64),
        &Setup { training: &training, seed, device: &device, shards: 2, counter: &crate::Counter::default() },
        new,
    )
}

/// A model of [`halves`].
pub(crate) fn model<M>(new: impl Fn(&Split<'_, Images>, &Setup<'_>) -> M) -> M {
    seeded(1, &new)
}

/// Steps at the highest rate.
pub(crate) fn steps(model: &mut dyn Trainee<Images>, steps: Range<u64>) {
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
pub(crate) fn drawn(sampler: &dyn Sampler) -> Vec<f32> {
    let noise: Vec<f32> = (0..4).flat_map(|i| noise_of(3, i, sampler.noise())).collect();
    let noise = Tensor::from_data(TensorData::new(noise, [4, sampler.noise()]), &sampler.device());
    host(sampler.images(noise, &[0, 1, 0, 1]))
}

/// Draws 16 images of each class of [`halves`], of the same noise, and finds the right half bright in most: a model
/// that does not know the class draws the same images of both.
pub(crate) fn assert_classes(sampler: &dyn Sampler) {
    let noise: Vec<f32> = (0..16).flat_map(|i| noise_of(5, i, sampler.noise())).collect();
    for label in 0..2 {
        let shape = Shape { height: 8, width: 8, channels: 1 };
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
fn parameters(model: &dyn Trainee<Images>) -> Weights {
    let mut weights = model.save().unwrap();
    let names: Vec<String> = weights.iter().map(|(name, _)| name.to_owned()).collect();
    names.iter().filter(|name| name.ends_with("optimizer")).for_each(|name| {
        weights.take_u8(name).unwrap();
    });
    weights
}

/// What was saved goes on as if it had never stopped.
pub(crate) fn assert_resumes<M: Trainee<Images>>(new: impl Fn(&Split<'_, Images>, &Setup<'_>) -> M) {
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
pub(crate) fn assert_seeded<M: Trainee<Images>>(new: impl Fn(&Split<'_, Images>, &Setup<'_>) -> M) {
    let run = |weights: u64, clock: u64| {
        let mut model = seeded(weights, &new);
        (0..2).for_each(|step| drop(model.step(&Clock { seed: clock, step, rate: 1.0 }).unwrap()));
        parameters(&model)
    };
    let one = run(1, 1);
    assert_eq!(one, run(1, 1));
    assert_ne!(one, run(2, 1));
    assert_ne!(one, run(1, 2));
}

/// A batch may be cut in any way, and images have classes or none.
pub(crate) fn assert_cuts<M: Trainee<Images>>(new: impl Fn(&Split<'_, Images>, &Setup<'_>) -> M) {
    let (with, mut pixels) = (halves(64), Vec::new());
    with.gather(&(0..64).collect::<Vec<_>>(), &mut pixels).unwrap();
    let without = Images::from_pixels(with.shape(), Vec::new(), Vec::new(), pixels).unwrap();
    let (training, device) = (training(), Device::flex().autodiff());
    for (images, together, turns) in [(&with, 1, 1), (&with, 1, 2), (&with, 2, 2), (&without, 2, 1), (&without, 1, 3)] {
        let images = images.take(&(0..64).collect::<Vec<_>>()).unwrap();
        let training = Training { accumulate: turns, ..training.clone() };
        let setup = Setup {
            training: &training,
            seed: 1,
            device: &device,
            shards: together,
            counter: &crate::Counter::default(),
        };
        let mut model = model_of(images, &setup, &new);
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
pub(crate) fn assert_restores<M: Trainee<Images>>(config: &Model, new: impl Fn(&Split<'_, Images>, &Setup<'_>) -> M) {
    let mut model = model(new);
    steps(&mut model, 0..3);
    let images = halves(64);
    let spec = Spec::of(&images, &(0..56).collect::<Vec<_>>());
    let open = |weights: &Weights| config.restore(&spec, &mut weights.clone(), &Device::flex());
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
