use super::*;
use crate::image;
use crate::image::testkit as images;
use crate::image::testkit::{assert_close, drawn, host, random};
use crate::nets::params::tests::{assert_gradients, shaken, zeroed};

const SHAPE: Shape = Shape { height: 4, width: 8, channels: 1 };

fn config() -> Config {
    Config { channels: vec![8, 8], blocks: 1, condition: 16, steps: 5, guidance: 1.0, ..Config::default() }
}

fn tiny() -> Config {
    Config { channels: vec![4, 6], blocks: 1, condition: 5, guidance: 1.0, ..Config::default() }
}

fn net(device: &Device) -> Net {
    let classes = ["left", "right"].map(String::from).to_vec();
    let sides = Sides::of("flow", 2, 2, SHAPE).unwrap();
    Net::new(&tiny(), &Spec { shape: SHAPE, classes, shares: vec![0.5, 0.5] }, sides, 3, device)
}

fn sampler(net: &Net, config: Config) -> FlowSampler {
    FlowSampler { config, shape: SHAPE, labels: 2, net: net.clone(), device: Device::flex() }
}

fn fresh(split: &Split<'_, Images>, setup: &Setup<'_>) -> Flow {
    Flow::new(&config(), split, setup).unwrap()
}

const TIMES: [f32; 3] = [0.0, 0.25, 1.0];

/// Three images, noises and times; the last class is not told.
fn task(x1: Tensor<4>, x0: Tensor<4>) -> Task {
    let t = Tensor::from_data(TensorData::new(TIMES.to_vec(), [3, 1]), &Device::flex());
    Task { x1, x0, t, class: classes(&[0, 1, 2], 3, &Device::flex()) }
}

fn squares(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[test]
fn the_loss_is_that_of_the_straight_way_from_noise_to_image() {
    let net = net(&Device::flex());
    let (x1, x0) = (random([3, 4, 8, 1], 0), random([3, 4, 8, 1], 1));
    let loss = |net: &Net, x1: &Tensor<4>| loss(net, task(x1.clone(), x0.clone())).into_scalar::<f32>();
    let (image, noise) = (host(x1.clone()), host(x0.clone()));
    // A fresh net says 0 everywhere.
    assert!((loss(&net, &x1) - squares(&image, &noise) / 32.0).abs() < 1e-4);
    // One that says 1/2 everywhere is right if all images are their noise and 1/2.
    let half = zeroed(net.clone(), &[&[0.5; 4]]);
    assert!(loss(&half, &(x0.clone() + 0.5)) < 1e-8);
    // Any other is asked between the two.
    let net = shaken(net, 0.2);
    let between: Vec<f32> = (0..96).map(|i| noise[i] + TIMES[i / 32] * (image[i] - noise[i])).collect();
    let between = Tensor::from_data(TensorData::new(between, [3, 4, 8, 1]), &Device::flex());
    let Task { t, class, .. } = task(x1.clone(), x0.clone());
    let said = host(net.forward(between, t, class));
    let velocity: Vec<f32> = image.iter().zip(&noise).map(|(x1, x0)| x1 - x0).collect();
    let expected = squares(&said, &velocity) / 32.0;
    let got = loss(&net, &x1);
    assert!((got - expected).abs() < 1e-4 * (1.0 + expected), "{got} and {expected}");
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let net = shaken(net(&Device::flex().autodiff()), 0.2);
    assert_gradients(&net, 3e-3, |net| {
        let Task { x1, x0, t, class } = task(random([3, 4, 8, 1], 0), random([3, 4, 8, 1], 1));
        let (x1, x0) = (Tensor::from_inner(x1), Tensor::from_inner(x0));
        loss(net, Task { x1, x0, t: Tensor::from_inner(t), class: Tensor::from_inner(class) })
    });
}

#[test]
fn a_constant_velocity_is_followed_exactly() {
    let net = net(&Device::flex());
    let noise = random([2, 32], 0);
    for steps in [1, 7] {
        let images = |net: &Net| sampler(net, Config { steps, ..tiny() }).images(noise.clone(), &[0, 1]);
        assert_eq!(images(&net).dims(), [2, 4, 8, 1]);
        assert_eq!(host(images(&net)), host(noise.clone()));
        assert_close(&host(images(&zeroed(net.clone(), &[&[0.5; 4]]))), &host(noise.clone() + 0.5));
    }
}

#[test]
fn steps_lead_from_noise_to_image_and_are_short_at_both_ends() {
    let times: Vec<f64> = (0..=8).map(|k| time(f64::from(k) / 8.0)).collect();
    assert_eq!((times[0], times[8]), (0.0, 1.0));
    let steps: Vec<f64> = times.windows(2).map(|t| t[1] - t[0]).collect();
    assert!(steps.iter().all(|&h| h > 0.02) && steps[0] < 0.05 && steps[7] < 0.08 && steps[4] > 0.15, "{steps:?}");
}

/// As of Heun's method; of Euler's, or one that is told wrong times, they would fall with the step itself.
#[test]
fn errors_of_the_sampler_fall_with_the_square_of_the_step() {
    let net = shaken(net(&Device::flex()), 0.2);
    // Only the slow waves of time, so that the steps are short beside them.
    let mut weights = weights_of(&net).unwrap();
    let (shape, mut time) = weights.take_f32("p0").unwrap();
    assert_eq!(shape, [2 * FREQUENCIES, 5]);
    let fast = |wave: usize| wave % FREQUENCIES >= 4;
    time.chunks_mut(5).enumerate().filter(|(wave, _)| fast(*wave)).for_each(|(_, row)| row.fill(0.0));
    weights.put_f32("p0", &shape, time);
    let net = with_weights(net, &mut weights).unwrap();
    let images = |steps| drawn(&sampler(&net, Config { steps, ..tiny() }));
    let exact = images(320);
    let error = |steps| squares(&images(steps), &exact).sqrt();
    let (long, short) = (error(10), error(40));
    assert!(long > 8.0 * short, "{long} with 10 steps, {short} with 40");
}

#[test]
fn guidance_leads_away_from_the_velocity_without_class() {
    let net = shaken(net(&Device::flex()), 0.2);
    let x = random([2, 4, 8, 1], 0);
    let (class, none) = (classes(&[0, 1], 3, &Device::flex()), classes(&[2, 2], 3, &Device::flex()));
    let said = |class: &Tensor<2>| host(net.forward(x.clone(), Tensor::full([2, 1], 0.3, &x.device()), class.clone()));
    let (told, free) = (said(&class), said(&none));
    assert!(squares(&told, &free) > 1e-4);
    let velocity = |guidance, none| host(sampler(&net, Config { guidance, ..tiny() }).velocity(&x, 0.3, &class, none));
    assert_close(&velocity(1.0, None), &told);
    for guidance in [0.0, 1.0, 2.5] {
        let expected: Vec<f32> =
            told.iter().zip(&free).map(|(told, free)| free + guidance as f32 * (told - free)).collect();
        assert_close(&velocity(guidance, Some(&none)), &expected);
    }
    let images = |steps, guidance| drawn(&sampler(&net, Config { steps, guidance, ..tiny() }));
    assert!(squares(&images(5, 1.0), &images(5, 2.0)) > 1e-4);
    assert!(squares(&images(5, 1.0), &images(2, 1.0)) > 1e-4);
    assert_eq!(images(5, 2.0), images(5, 2.0));
}

#[test]
fn a_sampler_takes_only_settings_that_make_sense() {
    let net = net(&Device::flex());
    let one = sampler(&net, tiny());
    let tuned = |steps, guidance| one.config_of(&Tuning { steps, guidance });
    let refused = [
        (Some(0), None, "steps"),
        (Some(1001), None, "steps"),
        (None, Some(-0.5), "guidance"),
        (None, Some(100.5), "guidance"),
        (Some(3), Some(f64::NAN), "guidance"),
    ];
    for (steps, guidance, key) in refused {
        let error = tuned(steps, guidance).unwrap_err().to_string();
        assert!(error.starts_with(&format!("[model.flow] {key} must lie between")), "{error}");
    }
    assert_eq!(tuned(Some(3), None).unwrap(), Config { steps: 3, ..tiny() });
    assert_eq!(tuned(None, Some(2.0)).unwrap(), Config { guidance: 2.0, ..tiny() });
    let untaught = sampler(&net, Config { class_dropout: 0.0, ..tiny() });
    let error = untaught.config_of(&Tuning { steps: None, guidance: Some(2.0) }).unwrap_err().to_string();
    assert!(error.contains("class_dropout"), "{error}");
}

/// The task of a batch's images 4 to 12, and these images.
fn some(config: &Config, step: u64) -> (Task, Vec<f32>, Vec<u32>) {
    let mut model = images::model(|split, setup| Flow::new(config, split, setup).unwrap());
    let batch = model.batches.next(&Clock { seed: 1, step, rate: 1.0 }).unwrap();
    let task = model.task(&batch, &(4..12), None, |i, _| i as f64, &mut stream(2, "task", step));
    (task, host(batch.slice(&(4..12))), batch.labels[4..12].to_vec())
}

#[test]
fn classes_are_left_out_as_often_as_asked_for() {
    for (class_dropout, least, most) in [(0.0, 0, 0), (0.5, 16, 48)] {
        let mut untold = 0;
        for step in 0..8 {
            let (task, images, labels) = some(&Config { class_dropout, ..config() }, step);
            assert_eq!(host(task.x1), images);
            assert_eq!(host(task.t), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
            for (row, label) in host(task.class).chunks(3).zip(labels) {
                let told = row.iter().position(|&x| x == 1.0).unwrap();
                assert!(row.iter().sum::<f32>() == 1.0 && (told == 2 || told as u32 == label), "{row:?} {label}");
                untold += usize::from(told == 2);
            }
        }
        assert!((least..=most).contains(&untold), "{untold} of 64 at {class_dropout}");
    }
}

#[test]
fn optimal_transport_shortens_the_ways_and_changes_nothing_else() {
    let config = || Config { pairing: Pairing::Ot, ..config() };
    let mut model = images::model(|split, setup| Flow::new(&config(), split, setup).unwrap());
    let clock = Clock { seed: 1, step: 0, rate: 1.0 };
    let batch = model.batches.next(&clock).unwrap();
    let mut rng = stream(1, "paired noise", 0);
    let x1 = host(batch.pixels.clone());
    let noise: Vec<f32> = x1.iter().map(|_| normal(&mut rng) as f32).collect();
    let there = model.paired(&batch, &clock).unwrap().unwrap();
    let paired = host(there.clone());
    assert!(squares(&x1, &paired) < squares(&x1, &noise) - 0.01);
    let sorted = |noise: &[f32]| {
        let mut rows: Vec<Vec<f32>> = noise.chunks(64).map(<[f32]>::to_vec).collect();
        rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
        rows
    };
    assert_eq!(sorted(&noise), sorted(&paired));
    let task = model.task(&batch, &(4..12), Some(&there), |_, _| 0.5, &mut rng);
    assert_eq!(host(task.x0), paired[4 * 64..12 * 64]);
    images::assert_cuts(|split, setup| Flow::new(&config(), split, setup).unwrap());
}

#[test]
fn training_lowers_the_loss_and_images_follow_their_class() {
    let mut model = images::model(fresh);
    let before = model.validate().unwrap().unwrap();
    for step in 0..300 {
        model.step(&Clock { seed: 1, step, rate: 1.0 - step as f64 / 300.0 }).unwrap();
    }
    let after = model.validate().unwrap().unwrap();
    assert!(after < 0.7 * before, "{before} before, {after} after");
    assert_eq!(model.validate().unwrap(), Some(after));
    images::assert_classes(&*model.preview().unwrap());
}

#[test]
fn what_was_saved_goes_on_alike() {
    images::assert_resumes(fresh);
}

#[test]
fn weights_draw_what_the_model_drew() {
    images::assert_restores(&image::Model::Flow(config()), fresh);
}

#[test]
fn seeds_decide_the_model() {
    images::assert_seeded(fresh);
}

#[test]
fn batches_may_be_cut_in_any_way() {
    images::assert_cuts(fresh);
}
