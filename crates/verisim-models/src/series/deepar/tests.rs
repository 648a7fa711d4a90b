use burn::tensor::Device;
use verisim_data::rng::normal;

use super::*;
use crate::nets::params::tests::{assert_gradients, shaken};
use crate::series::dense::channels::Channels;
use crate::series::dense::testkit::{assert_odd_series, assert_repeats, assert_waves, trained, waves};
use crate::series::testkit::{Cells, numbers, series};
use crate::series::{EncodedSeries, Wanted};
use verisim_data::table::codec::Encoded;

fn tiny() -> Config {
    Config { width: 32, units: 12, components: 3, ..Config::default() }
}

#[test]
fn waves_keep_their_frequency_and_go_on_where_they_end() {
    assert_waves(&tiny(), 200, 0.2);
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
        (Config { units: 0, ..tiny() }, "units"),
        (Config { components: 65, ..tiny() }, "components"),
        (Config { dropout: 1.0, ..tiny() }, "dropout"),
    ] {
        let said = config.check().unwrap_err().to_string();
        assert!(said.contains("[model.deepar]") && said.contains(key), "{said}");
    }
}

/// The layout of a wave and of the category that tells its sign.
fn layout() -> Layout {
    let data = waves(&tiny(), 8);
    Layout::new(&Channels::fit(&data.spec.steps, &data.steps, false, true), 3)
}

/// What a network sees of two windows of three steps.
fn seen(layout: &Layout, device: &Device, change: Option<usize>) -> Seen {
    let random = |index, width: usize| {
        let mut rng = stream(2, "random", index);
        let values: Vec<f32> = (0..6 * width).map(|_| normal(&mut rng) as f32).collect();
        Tensor::<2>::from_data(TensorData::new(values, [6, width]), device)
    };
    let mut seen = random(2, layout.seen());
    if let Some(k) = change {
        let values = vec![1f32; 6];
        seen = seen.slice_assign([0..6, k..k + 1], Tensor::from_data(TensorData::new(values, [6, 1]), device));
    }
    Seen { remembered: random(0, layout.remembered()), told: random(1, layout.told), seen, dropout: None, steps: 3 }
}

/// Numbers, labels or both count; not the last step.
fn target(layout: &Layout, device: &Device, number: f32, label: f32) -> Target {
    let tensor = |v: Vec<f32>, width| Tensor::<2>::from_data(TensorData::new(v, [6, width]), device);
    let labels: Vec<f32> = (0..6 * layout.width).map(|i| if i % 2 == (i / 2) % 2 { label } else { 0.0 }).collect();
    Target {
        numbers: tensor(vec![number; 6 * layout.values], layout.values),
        labels: (label > 0.0).then(|| tensor(labels, layout.width)),
        counts: tensor(vec![1.0, 1.0, 1.0, 1.0, 1.0, 0.0], 1),
    }
}

#[test]
fn gradients_are_those_of_the_loss() {
    let device = Device::flex().autodiff();
    let layout = layout();
    assert_eq!((layout.values, layout.width), (1, 2));
    let config = Config { width: 5, layers: 1, units: 4, components: 2, ..tiny() };
    let masks = Masks::new(&layout, config.units, &device.clone().inner()).with_gradients();
    let net = shaken(Net::new(&config, &layout, 1, &device), 0.2);
    assert_gradients(&net, 1e-2, |net| {
        loss(net, seen(&layout, &device, None), target(&layout, &device, 1.0, 1.0), &masks)
    });
}

#[test]
fn what_is_drawn_later_in_a_step_is_not_seen() {
    let device = Device::flex();
    let layout = layout();
    let net = shaken(Net::new(&tiny(), &layout, 1, &device), 0.2);
    let masks = Masks::new(&layout, tiny().units, &device);
    let nats = |change: Option<usize>, number: f32, label: f32| {
        let nats = loss(&net, seen(&layout, &device, change), target(&layout, &device, number, label), &masks);
        nats.into_scalar::<f32>()
    };
    // The wave is the first column, its sign the second: what is seen is the wave, its size, and the flag of the sign.
    assert_eq!(layout.drawn(), 3);
    assert_eq!(nats(None, 1.0, 0.0), nats(Some(2), 1.0, 0.0));
    let labels = |change| nats(change, 0.0, 1.0);
    assert_ne!(labels(None), labels(Some(0)));
    assert_eq!(labels(None), labels(Some(2)));
}

#[test]
fn a_network_that_says_nothing_says_what_its_first_mixture_says() {
    let device = Device::flex();
    let layout = layout();
    let config = Config { components: 2, ..tiny() };
    let net = Net::new(&config, &layout, 1, &device);
    let masks = Masks::new(&layout, config.units, &device);
    let x = seen(&layout, &device, None);
    let u = read::numbers(x.seen.clone().narrow(1, 0, 1)).unwrap();
    let nats = loss(&net, x, target(&layout, &device, 1.0, 0.0), &masks).into_scalar::<f32>();
    // Halves around -2 and 2, of the scale exp(-0.4).
    let density = |x: f32, mean: f32| (-0.5 * ((x - mean) / (-0.4f32).exp()).powi(2)).exp() / (-0.4f32).exp();
    let one = |x: f32| -(0.5 * (density(x, -2.0) + density(x, 2.0)) / std::f32::consts::TAU.sqrt()).ln();
    let wanted: f32 = u[..5].iter().map(|x| one(*x)).sum();
    assert!((nats - wanted).abs() < 1e-4 * wanted.abs(), "{nats} {wanted}");
}

#[test]
fn numbers_that_stand_still_do_so_in_samples() {
    let (data, share) = stuck();
    let config = Config { window: Some(32), ..tiny() };
    let (sampler, ..) = trained(&config, &data, 300);
    let context = Encoded { rows: 40, ..Encoded::default() };
    let wanted = Wanted { context: &context, lengths: &[100; 40], starts: &[0.0; 40], past: None };
    let made = sampler.steps.draw(&wanted, &mut stream(1, "draw", 0)).unwrap();
    let x = numbers(&data, &made, 0);
    let still = x.chunks(100).flat_map(|s| s.windows(2)).filter(|w| w[0] == w[1]).count() as f64 / (40.0 * 99.0);
    assert!((still - share).abs() < 0.04, "{still} for {share}");
}

/// A walk that stands still at a third of its steps, and the share of steps at which it does.
fn stuck() -> (EncodedSeries, f64) {
    let mut rng = stream(4, "stuck", 0);
    let (mut x, mut all) = (0.0f64, Vec::new());
    for _ in 0..2000 {
        if uniform(&mut rng) > 0.33 {
            x = 0.9 * x + normal(&mut rng);
        }
        all.push((x * 1e4).round() / 1e4);
    }
    let share = all.windows(2).filter(|w| w[0] == w[1]).count() as f64 / 1999.0;
    let encoding = CodecConfig { numeric: Numeric::Normal, bins: 256, rare: 5, max_levels: 4096 };
    (series(&encoding, &[2000], vec![Cells::Numbers(all)], Vec::new(), None), share)
}

#[test]
fn rules_of_order_are_kept_by_networks_that_know_nothing() {
    // An admission first, then rest and exams, in a third of the sequences a death, which is the end.
    let one = |i: u64| {
        let mut rng = stream(3, "journey", i);
        let mut all = vec![0];
        all.extend((0..6).map(|_| 1 + u32::from(uniform(&mut rng) < 0.5)));
        all.push(if uniform(&mut rng) < 0.33 { 3 } else { 1 });
        all
    };
    let states: Vec<u32> = (0..200).flat_map(one).collect();
    let encoding = CodecConfig { numeric: Numeric::Normal, bins: 256, rare: 5, max_levels: 4096 };
    let data = series(&encoding, &[8; 200], vec![Cells::Words(states)], Vec::new(), None);
    let broken = |order: bool| {
        let (sampler, ..) = trained(&Config { order, ..tiny() }, &data, 2);
        assert_eq!(sampler.steps.notes().is_empty(), !order);
        let context = Encoded { rows: 300, ..Encoded::default() };
        let wanted = Wanted { context: &context, lengths: &[8; 300], starts: &[0.0; 300], past: None };
        let made = sampler.steps.draw(&wanted, &mut stream(1, "draw", 0)).unwrap();
        let wrong = |s: &[u32]| s[1..].contains(&0) || s[..7].contains(&3);
        made.tokens[0].chunks(8).filter(|s| wrong(s)).count()
    };
    assert_eq!(broken(true), 0);
    assert!(broken(false) > 30);
}
