use super::*;
use crate::image;
use crate::image::testkit as images;
use crate::image::testkit::{assert_close, host, random, steps};
use crate::image::{Tuning, from_byte};
use crate::nets::params::tests::{assert_gradients, shaken, zeroed};
use verisim_data::image::{Images, Shape, Spec};

fn config() -> Config {
    Config { latent: 4, channels: vec![8, 8], condition: 16, ..Config::default() }
}

fn tiny() -> Config {
    Config { latent: 2, channels: vec![4, 6], condition: 5, ..Config::default() }
}

fn spec() -> Spec {
    let shape = Shape { height: 4, width: 8, channels: 1 };
    Spec { shape, classes: ["left", "right"].map(String::from).to_vec(), shares: vec![0.5, 0.5] }
}

fn fresh(split: &Split<'_, Images>, setup: &Setup<'_>) -> Vae {
    Vae::new(&config(), split, setup).unwrap()
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Three images of 4 x 8 pixels, black and white ones among them.
fn pixels() -> Tensor<4> {
    tensor((0..96).map(|i| from_byte((i * 37 % 256) as u8)).collect(), [3, 4, 8, 1])
}

/// `-ln p` of one byte around `y`.
fn logistic_of(byte: u8, y: f32, log_scale: f32) -> f64 {
    let (x, y) = (tensor(vec![from_byte(byte)], [1; 4]), tensor(vec![y], [1; 4]));
    f64::from(logistic(x, y, tensor(vec![log_scale], [1])).into_scalar::<f32>())
}

#[test]
fn the_logistic_likelihood_is_the_mass_of_a_byte() {
    let f = |x: f64| 1.0 / (1.0 + (-x).exp());
    for (y, log_scale) in [(0.0, 0.0), (-0.3, -2.0), (0.7, -4.0), (1.2, -1.0), (-1.0, -3.0)] {
        let mut whole = 0.0;
        for byte in 0..=255 {
            let x = f64::from(byte) / 127.5 - 1.0;
            let at = |x: f64| (x - f64::from(y)) / f64::from(log_scale).exp();
            let (below, above) = (at(x - 1.0 / 255.0), at(x + 1.0 / 255.0));
            let mass = match byte {
                0 => f(above),
                255 => f(-below),
                // Of the tail on the right the mirror image, whose digits are not lost beside 1.
                _ if below > 0.0 => f(-below) - f(-above),
                _ => f(above) - f(below),
            };
            let got = logistic_of(byte, y, log_scale);
            let error = (got + mass.ln()).abs();
            assert!(error < 1e-3 + 1e-5 * got, "{byte} around {y}: {got} and {}", -mass.ln());
            whole += (-got).exp();
        }
        assert!((whole - 1.0).abs() < 1e-3, "the masses around {y} add up to {whole}");
    }
    // White where black was expected, at the smallest scale: 1 - F(d) is e^-d, which is 0 for a computer.
    let expected = (2.0 - 1.0 / 255.0) * 7f64.exp();
    for (byte, y) in [(255, -1.0), (0, 1.0)] {
        assert!((logistic_of(byte, y, -7.0) / expected - 1.0).abs() < 1e-4);
    }
}

#[test]
fn the_gaussian_likelihood_is_that_of_normals() {
    let (x, y) = (tensor(vec![1.0, 0.0, -1.0, 0.5], [2, 1, 2, 1]), tensor(vec![0.5, 0.0, 0.0, 0.0], [2, 1, 2, 1]));
    let got = gaussian(x, y, tensor(vec![2f32.ln()], [1]), 4.0).into_scalar::<f32>();
    // Squares of 1.5 in all, and a deviation of 2.
    assert!((got - (1.5 / 8.0 + 4.0 * 2f32.ln())).abs() < 1e-5, "{got}");
}

/// With weights of zero the decoder gives 0, and the latents are what the bias of the encoder's last layer says.
#[test]
fn the_loss_of_an_empty_net_is_known() {
    let bias = [0.5, -1.0, 0.8, -1.6];
    let net = Net::new(&tiny(), &spec(), 3, &Device::flex()).unwrap();
    let net = zeroed(net, &[&bias, &[2f32.ln()]]);
    let class = classes(&[0, 1, 1], 2, &Device::flex());
    let (reconstruction, divergence) = loss(&tiny(), &net, pixels(), class, random([3, 2], 0));
    let squares: f32 = host(pixels()).iter().map(|x| x * x).sum();
    let expected = squares / 8.0 / 32.0 + 3.0 * 2f32.ln();
    let got = reconstruction.into_scalar::<f32>();
    assert!((got - expected).abs() < 1e-4, "{got} and {expected}");
    let of = |mean: f32, raw: f32| {
        let log_var = 8.0 * (raw / 8.0).tanh();
        0.5 * (log_var.exp() + mean * mean - log_var - 1.0)
    };
    let expected = 3.0 * (of(bias[0], bias[2]) + of(bias[1], bias[3])) / 32.0;
    let got = divergence.into_scalar::<f32>();
    assert!((got - expected).abs() < 1e-5, "{got} and {expected}");
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for likelihood in [Likelihood::Gaussian, Likelihood::Logistic] {
        let config = Config { likelihood, ..tiny() };
        let net = shaken(Net::new(&config, &spec(), 3, &Device::flex().autodiff()).unwrap(), 0.2);
        let (x, class) = (pixels(), classes(&[0, 1, 1], 2, &Device::flex()));
        assert_gradients(&net, 3e-3, |net| {
            let (x, class) = (Tensor::from_inner(x.clone()), Tensor::from_inner(class.clone()));
            let (r, d) = loss(&config, net, x, class, Tensor::from_inner(random([3, 2], 0)));
            r * 2.0 + d
        });
    }
}

#[test]
fn moments_are_those_of_the_latents_and_of_pseudo_images() {
    let mut moments = Moments::new(2);
    moments.add(&[1.0, 0.0], &[0.5, 0.25]);
    moments.add(&[3.0, 2.0], &[0.5, 0.25]);
    // Two images and two pseudo-images: means 4/4 and 2/4; variances (1 + 9 + 1 + 2) / 4 - 1 = 2.25 and
    // (4 + 0.5 + 2) / 4 - 0.25 = 1.375; covariance 6/4 - 0.5 = 1.
    let (mean, spread) = moments.normal();
    assert_eq!(mean, [1.0, 0.5]);
    let expected = [1.5, 0.0, 1.0 / 1.5, (1.375f64 - 1.0 / 2.25).sqrt()];
    assert!(spread.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{spread:?}");
    // A class without images has the standard normal distribution.
    assert_eq!(Moments::new(2).normal(), (vec![0.0; 2], vec![1.0, 0.0, 0.0, 1.0]));
}

#[test]
fn latents_are_drawn_from_the_normal_distribution_of_their_class() {
    let device = Device::flex();
    let generator = shaken(Net::new(&tiny(), &spec(), 3, &device).unwrap(), 0.2).generator;
    let latents = Latents { means: vec![1.0, -1.0, 0.5, 2.0], spreads: vec![2.0, 0.0, 0.5, 1.0, 1.0, 0.0, -1.0, 0.25] };
    let latents = Some(latents.on(2, &device));
    let sampler = VaeSampler { latent: 2, labels: 2, latents, generator: generator.clone(), device: device.clone() };
    let labels = [0, 1, 1];
    let got = sampler.images(tensor(vec![1.0, 2.0, 1.0, 2.0, 0.0, -1.0], [3, 2]), &labels);
    let z = tensor(vec![3.0, 1.5, 1.5, 1.5, 0.5, 1.75], [3, 2]);
    assert_close(&host(got), &host(generator.forward(z.clone(), classes(&labels, 2, &device))));
    let plain = VaeSampler { latents: None, ..sampler };
    assert_close(&host(plain.images(z.clone(), &labels)), &host(generator.forward(z, classes(&labels, 2, &device))));
}

#[test]
fn training_lowers_the_loss_and_images_follow_their_class() {
    for (likelihood, prior) in [(Likelihood::Gaussian, Prior::Fitted), (Likelihood::Logistic, Prior::Standard)] {
        let config = Config { likelihood, prior, ..config() };
        let mut model = images::model(|split, setup| Vae::new(&config, split, setup).unwrap());
        let before = model.validate().unwrap().unwrap();
        steps(&mut model, 0..150);
        let after = model.validate().unwrap().unwrap();
        assert!(after < before - 0.6, "{before} before, {after} after");
        assert_eq!(model.validate().unwrap(), Some(after));
        images::assert_classes(&*model.preview().unwrap());
    }
}

#[test]
fn what_was_saved_goes_on_alike() {
    images::assert_resumes(fresh);
}

#[test]
fn weights_draw_what_the_model_drew() {
    images::assert_restores(&image::Model::Vae(config()), fresh);
    let standard = Config { prior: Prior::Standard, ..config() };
    images::assert_restores(&image::Model::Vae(standard.clone()), |split, setup| {
        Vae::new(&standard, split, setup).unwrap()
    });
}

#[test]
fn seeds_decide_the_model() {
    images::assert_seeded(fresh);
}

#[test]
fn batches_may_be_cut_in_any_way() {
    images::assert_cuts(fresh);
}

#[test]
fn steps_and_guidance_are_refused() {
    let sampler = images::model(fresh).preview().unwrap();
    assert!(sampler.tuned(&Tuning::default()).unwrap().is_none());
    for tuning in [Tuning { steps: Some(3), guidance: None }, Tuning { steps: None, guidance: Some(2.0) }] {
        assert!(sampler.tuned(&tuning).is_err());
    }
}
