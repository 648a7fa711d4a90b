use burn::tensor::Device;
use verisim_data::rng::normal;

use super::*;
use crate::nets::params::tests::{assert_gradients, shaken};
use crate::series::dense::testkit::{assert_odd_series, assert_repeats, assert_waves};

fn tiny() -> Config {
    Config { width: 32, layers: 2, condition: 16, steps: 8, ..Config::default() }
}

#[test]
fn waves_keep_their_frequency_and_go_on_where_they_end() {
    assert_waves(&Config { window: Some(16), ..tiny() }, 400, 0.35);
}

#[test]
fn the_same_seed_draws_the_same_and_its_weights_too() {
    assert_repeats(&tiny());
}

#[test]
fn odd_series_are_learnt_and_drawn() {
    assert_odd_series(&tiny());
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for (config, key) in [
        (Config { window: Some(0), ..tiny() }, "window"),
        (Config { width: 0, ..tiny() }, "width"),
        (Config { steps: 0, ..tiny() }, "steps"),
        (Config { layers: 65, ..tiny() }, "layers"),
    ] {
        let said = config.check().unwrap_err().to_string();
        assert!(said.contains("[model.timeflow]") && said.contains(key), "{said}");
    }
}

/// A network that says nothing leaves noise as it is: white windows have the moments of the data already.
#[test]
fn a_silent_network_carries_noise_to_the_same_noise() {
    let device = Device::flex();
    let sizes = Sizes { steps: 4, channels: 3, patch: 2, told: 2, marks: 2 };
    let net = Net::new(&tiny(), sizes, 1, &device);
    let noise = noise::normal(&mut stream(1, "noise", 0), 500, 12, &device).reshape([500, 4, 3]);
    let (mut x, n) = (noise.clone(), 200);
    for k in 0..n {
        let t = Tensor::full([500, 1], (f64::from(k) + 0.5) / f64::from(n), &device);
        let seen = net::Seen {
            at: x.clone(),
            marks: Tensor::ones([500, 4, 2], &device),
            t,
            told: Tensor::zeros([500, 2], &device),
        };
        x = x + net.velocity(seen) / f64::from(n);
    }
    let off = (x - noise).abs().max().into_scalar::<f32>();
    assert!(off < 0.05, "{off}");
}

#[test]
fn gradients_are_those_of_the_loss() {
    let device = Device::flex().autodiff();
    let sizes = Sizes { steps: 4, channels: 2, patch: 2, told: 3, marks: 2 };
    let config = Config { width: 6, layers: 1, condition: 5, ..tiny() };
    let net = shaken(Net::new(&config, sizes, 1, &device), 0.2);
    let random = |index, shape: [usize; 3]| {
        let mut rng = stream(2, "random", index);
        let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|_| normal(&mut rng) as f32).collect();
        Tensor::<3>::from_data(TensorData::new(values, shape), &device)
    };
    let marks = vec![1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0f32];
    let counts = vec![0.0, 0.4, 0.3, 0.3, 0.5, 0.5, 0.0, 0.0f32];
    assert_gradients(&net, 1e-2, |net| {
        let marks = Tensor::from_data(TensorData::new(marks.clone(), [2, 4, 2]), &device);
        let counts = Tensor::from_data(TensorData::new(counts.clone(), [2, 4, 1]), &device);
        let t = Tensor::from_data(TensorData::new(vec![0.3f32, 0.7], [2, 1]), &device);
        let told = random(2, [1, 2, 3]).reshape([2, 3]);
        loss(net, Task { x1: random(0, [2, 4, 2]), x0: random(1, [2, 4, 2]), t, told, marks, counts })
    });
}
