use super::*;
use std::collections::BTreeSet;

use crate::image;
use crate::image::testkit as images;
use crate::image::testkit::{host, random, steps};
use crate::nets::params::tests::{assert_gradients, shaken};
use verisim_data::image::{Images, Shape, Spec};

fn config() -> Config {
    Config { latent: 4, channels: vec![8, 8], condition: 16, ..Config::default() }
}

/// Settings whose gradients are compared with differences of scores, one image a pack.
fn tiny() -> Config {
    Config { latent: 2, channels: vec![4, 6], condition: 5, pack: 1, ..Config::default() }
}

fn spec() -> Spec {
    let shape = Shape { height: 4, width: 8, channels: 1 };
    Spec { shape, classes: ["left", "right"].map(String::from).to_vec(), shares: vec![0.5, 0.5] }
}

fn training() -> Training {
    Training { learning_rate: 3e-3, betas: [0.0, 0.99], clip: 0.0, ..images::training() }
}

fn fresh(split: &Split<'_, Images>, setup: &Setup<'_>) -> Gan {
    Gan::new(&config(), split, &Setup { training: &training(), ..*setup }).unwrap()
}

/// Classes of four images.
fn labels() -> Tensor<2> {
    classes(&[0, 1, 1, 0], 2, &Device::flex())
}

fn column(values: [f32; 3]) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [3, 1]), &Device::flex())
}

#[test]
fn few_images_are_shifted_unless_the_config_says_otherwise() {
    let given = Augment { cutout: 0.5, ..Augment::default() };
    for (config, count, expected) in [
        (None, ENOUGH - 1, Augment { shift: 0.125, ..Augment::default() }),
        (None, ENOUGH, Augment::default()),
        (Some(given.clone()), 100, given.clone()),
        (Some(Augment::default()), 100, Augment::default()),
    ] {
        assert_eq!(Config { diffaugment: config, ..Config::default() }.diffaugment(count), expected);
    }
    let model = images::model(fresh);
    assert_eq!(model.diffaugment.shift, 0.125);
}

#[test]
fn the_pairing_loss_is_softplus_of_the_difference() {
    let got = prefer(column([0.0, 2.0, -1.0]), column([1.0, -1.0, -1.0])).into_scalar::<f32>();
    let softplus = |x: f32| (1.0 + x.exp()).ln();
    assert!((got - (softplus(1.0) + softplus(-3.0) + softplus(0.0))).abs() < 1e-5, "{got}");
}

/// Of `D(x) = w x` the slope is `|w|^2` everywhere.
#[test]
fn the_slope_of_a_linear_function_is_that_of_its_weights() {
    let images = 8000;
    let weight = Tensor::<4>::from_data(TensorData::new(vec![1f32, -2.0, 0.5, 3.0], [1, 2, 2, 1]), &Device::flex());
    let score = |x: Tensor<4>| (x * weight.clone()).sum_dim(3).sum_dim(2).sum_dim(1).reshape([images, 1]);
    let x = random([images, 2, 2, 1], 0);
    for s in [0.05, 0.5] {
        let beside = x.clone() + normal_like(&x, &mut stream(1, "slope", 0)) * s;
        let got = slope(score(x.clone()), score(beside), s).into_scalar::<f32>() / images as f32;
        // Estimates scatter by sqrt(2 / 8000), 1.6 %.
        assert!((got / 14.25 - 1.0).abs() < 0.08, "{got} at {s}");
    }
}

#[test]
fn gradients_of_the_critic_are_those_of_finite_differences() {
    let critic = shaken(Critic::new(&tiny(), &spec(), 3, &Device::flex().autodiff()).unwrap(), 0.2);
    let (real, fake) = (random([4, 4, 8, 1], 0), random([4, 4, 8, 1], 1) * 0.5);
    let beside = real.clone() + random([4, 4, 8, 1], 2) * 0.5;
    assert_gradients(&critic, 3e-3, |critic| {
        let score = |x: &Tensor<4>| critic.forward(Tensor::from_inner(x.clone()), Tensor::from_inner(labels()));
        let at = score(&real);
        (prefer(at.clone(), score(&fake)) + slope(at, score(&beside), 0.5)) * 3.0
    });
}

#[test]
fn gradients_of_the_generator_pass_through_the_critic() {
    let device = Device::flex().autodiff();
    let critic = shaken(Critic::new(&tiny(), &spec(), 3, &device).unwrap(), 0.2);
    let generator = shaken(Generator::new(&tiny(), &spec(), 4, &device).unwrap(), 0.2);
    let real = critic.valid().forward(random([4, 4, 8, 1], 0), labels());
    let critic = critic.fork(&device).no_grad();
    assert_gradients(&generator, 3e-3, |generator| {
        let class = Tensor::from_inner(labels());
        let fake = generator.forward(Tensor::from_inner(random([4, 2], 1)), class.clone());
        prefer(critic.forward(fake, class), Tensor::from_inner(real.clone())) * 10.0
    });
}

#[test]
fn packs_hold_images_of_one_class_and_every_image_once() {
    let labels: Vec<u32> = (0..61).map(|i| i * i % 5).collect();
    for pack in [1, 2, 3] {
        let order = |index| pack_order(&labels, pack, &mut stream(1, "packs", index));
        let got = order(0);
        let mut sorted = got.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..61 / pack * pack).collect::<Vec<_>>());
        let mixed = got.chunks(pack).filter(|p| p.iter().any(|&i| labels[i] != labels[p[0]])).count();
        assert!(mixed < 5, "{mixed} packs of more than one class");
        assert!(pack == 1 || got != order(1), "packs are not shuffled");
        // The first third of the packs has all classes, too.
        let first: BTreeSet<u32> = got[..20].iter().map(|&i| labels[i]).collect();
        assert_eq!(first.len(), 3, "squares modulo 5 are 0, 1 and 4");
    }
    assert_eq!(pack_order(&[0], 2, &mut stream(1, "packs", 0)), [0, 0]);
}

#[test]
fn a_pack_is_one_image_of_more_channels() {
    let x = random([6, 2, 3, 2], 0);
    let (packed, x) = (host(pack_channels(x.clone(), 3)), host(x));
    for (i, value) in packed.into_iter().enumerate() {
        // Place in [2, 2, 3, 3 x 2].
        let (pack, pixel, image, channel) = (i / 36, i / 6 % 6, i / 2 % 3, i % 2);
        assert_eq!(value, x[((pack * 3 + image) * 6 + pixel) * 2 + channel]);
    }
}

#[test]
fn a_critic_of_packs_sees_how_alike_images_are() {
    let config = Config { pack: 2, ..tiny() };
    let critic = shaken(Critic::new(&config, &spec(), 3, &Device::flex().autodiff()).unwrap(), 0.5).valid();
    let x = random([2, 4, 8, 1], 0);
    let class = classes(&[1, 1], 2, &Device::flex());
    let twice = Tensor::cat(vec![x.clone().narrow(0, 0, 1), x.clone().narrow(0, 0, 1)], 0);
    let (apart, alike) = (critic.forward(x, class.clone()), critic.forward(twice, class));
    assert_eq!((apart.dims(), alike.dims()), ([1, 1], [1, 1]));
    assert!((apart - alike).abs().into_scalar::<f32>() > 1e-3);
}

/// Where the smallest layer is flat, all that is made of it is, but for its edges.
#[test]
fn a_generator_leaves_flat_what_is_flat() {
    let shape = Shape { height: 48, width: 48, channels: 1 };
    let generator = Generator::new(&tiny(), &Spec { shape, ..spec() }, 3, &Device::flex()).unwrap();
    let mut weights = weights_of(&shaken(generator.clone(), 0.3)).unwrap();
    // The layer from the condition to the smallest image, [5, 12 x 12 x 6]: every pixel as the first.
    for (name, rows) in [("p6", 5), ("p7", 1)] {
        let (shape, mut numbers) = weights.take_f32(name).unwrap();
        assert_eq!(numbers.len(), rows * 864, "{name} is another layer");
        numbers.chunks_mut(864).for_each(|row| (6..864).for_each(|i| row[i] = row[i % 6]));
        weights.put_f32(name, &shape, numbers);
    }
    let generator = with_weights(generator, &mut weights).unwrap();
    let image = host(generator.forward(random([1, 2], 0), classes(&[0], 2, &Device::flex())));
    // Convolutions see the dark around an image up to 18 pixels from its edge: 2 of 12, 1 and 2 of 24, 1 and no more.
    let inner: Vec<f32> = (20 * 48..28 * 48).filter(|p| (20..28).contains(&(p % 48))).map(|p| image[p]).collect();
    assert!(inner.iter().all(|x| (x - inner[0]).abs() < 1e-5), "{inner:?}");
    assert!(image.iter().any(|x| (x - inner[0]).abs() > 1e-3));
}

#[test]
fn made_images_follow_their_class() {
    let mut model = images::model(fresh);
    steps(&mut model, 0..100);
    let sampler = model.preview().unwrap();
    images::assert_classes(&*sampler);
    let noise = random([8, sampler.noise()], 0) * 100.0;
    assert!(host(sampler.images(noise, &[0; 8])).iter().all(|x| (-1.0..=1.0).contains(x)));
    assert_eq!(model.validate().unwrap(), None);
}

#[test]
fn a_step_tells_of_the_penalty_if_there_is_one() {
    for (penalty, share, told) in [(1.0, 0.25, true), (1.0, 1.0, true), (0.0, 0.25, false), (1.0, 0.0, false)] {
        let config = Config { penalty, penalty_share: share, ..config() };
        let mut model = images::model(|split, setup| Gan::new(&config, split, setup).unwrap());
        let losses = model.step(&Clock { seed: 1, step: 0, rate: 1.0 }).unwrap();
        let names: Vec<&str> = losses.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, if told { vec!["critic", "slope", "generator"] } else { vec!["critic", "generator"] });
    }
}

#[test]
fn what_was_saved_goes_on_alike() {
    images::assert_resumes(fresh);
}

#[test]
fn weights_draw_what_the_model_drew() {
    images::assert_restores(&image::Model::Gan(config()), fresh);
}

#[test]
fn seeds_decide_the_model() {
    images::assert_seeded(fresh);
}

#[test]
fn batches_may_be_cut_in_any_way() {
    images::assert_cuts(fresh);
}
