use std::f64::consts::TAU;

use burn::tensor::Device;
use verisim_data::series::{Settings, Source};
use verisim_data::table::Table;

use super::*;
use crate::learn::{Learn, Ready};
use crate::nets::params::tests::{assert_gradients, shaken};
use crate::series::{Past, Wanted};
use crate::table::Nothing;
use verisim_data::series::offsets;
use verisim_data::table::codec::Encoded;

fn tiny() -> Config {
    Config { width: 32, layers: 2, condition: 16, steps: 8, ..Config::default() }
}

/// What a table of these columns means, encoded for the model.
fn ready(columns: &[(&str, Vec<String>)], settings: Settings) -> Ready<Series> {
    let cells: Vec<Vec<Option<&str>>> =
        columns.iter().map(|(_, c)| c.iter().map(|x| (x != "-").then_some(x.as_str())).collect()).collect();
    let named: Vec<(&str, &[Option<&str>])> = columns.iter().zip(&cells).map(|((n, _), c)| (*n, &c[..])).collect();
    let table = Table::from_text(&named).unwrap();
    let series = Series { table, wide: None };
    let source = Source { series: Some(settings), ..Source::default() };
    series.encode(&source, &tiny().encoding()).unwrap()
}

/// A model of all sequences after `steps` steps, and the losses at the beginning and at the end.
fn trained(data: &EncodedSeries, config: &Config, steps: u64, shards: usize) -> (Sampler, Weights, [f64; 2]) {
    let training = Training { batch_size: 64, ema: 0.98, warmup: 10, ..config.training().unwrap() };
    let device = Device::flex().autodiff();
    let train: Vec<usize> = (0..data.offsets.len() - 1).collect();
    let split = Split { encoded: data, train: &train, validation: &[], augment: &Nothing::default() };
    let counter = crate::Counter::default();
    let setup = Setup { training: &training, seed: 1, device: &device, shards, counter: &counter };
    let mut model = Timeflow::new(config, &split, &setup).unwrap();
    let mut losses = Vec::new();
    for step in 0..steps {
        let rate = training.rate(step as f64 / steps as f64, step);
        let loss = model.step(&Clock { seed: 1, step, rate }).unwrap().swap_remove(0).1;
        losses.push(f64::from(loss.into_scalar::<f32>()));
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let part = losses.len().min(20);
    let ends = [mean(&losses[..part]), mean(&losses[losses.len() - part..])];
    let weights = model.finish(1).unwrap();
    let mut left = weights.clone();
    let sampler = config.restore(&data.spec, &mut left, &Device::flex()).unwrap();
    left.nothing_left().unwrap();
    (*sampler, weights, ends)
}

/// `count` sequences of 32 steps of a wave of period 8 and a category that tells its sign.
fn waves(count: usize) -> Ready<Series> {
    let mut rng = stream(3, "waves", 0);
    let mut columns = [("who", Vec::new()), ("t", Vec::new()), ("x", Vec::new()), ("sign", Vec::new())];
    for s in 0..count {
        let (phase, size) = (uniform(&mut rng), 1.0 + 0.2 * normal(&mut rng));
        for t in 0..32 {
            let x = size * (TAU * (f64::from(t) / 8.0 + phase)).sin();
            let cells =
                [format!("s{s}"), t.to_string(), format!("{x:.4}"), ["below", "above"][usize::from(x > 0.0)].into()];
            columns.iter_mut().zip(cells).for_each(|((_, column), cell)| column.push(cell));
        }
    }
    let key = Some(verisim_data::series::Names::One("who".into()));
    ready(&columns, Settings { key, order: Some("t".into()), ..Settings::default() })
}

fn values(sampler: &Parts, made: &Encoded) -> Vec<f64> {
    (0..made.rows).map(|i| sampler.channels.number(0, made.tokens[0][i], made.scalars[0][i]).unwrap()).collect()
}

fn parts(data: &EncodedSeries, weights: &Weights) -> Parts {
    Parts::restore(&data.spec, &mut weights.clone()).unwrap()
}

#[test]
fn waves_keep_their_frequency_and_go_on_where_they_end() {
    let data = waves(150).encoded;
    let config = Config { window: Some(16), ..tiny() };
    let (sampler, weights, [first, last]) = trained(&data, &config, 400, 2);
    assert!(last < 0.9 * first, "{first} {last}");
    let parts = parts(&data, &weights);
    let n = 40;
    let context = Encoded { rows: n, ..Encoded::default() };
    let (lengths, starts) = (vec![32; n], vec![0.0; n]);
    let wanted = Wanted { context: &context, lengths: &lengths, starts: &starts, past: None };
    let made = sampler.steps.draw(&wanted, &mut stream(1, "draw", 0)).unwrap();
    assert_eq!((made.rows, made.tokens[0].len(), made.tokens[1].len()), (32 * n, 32 * n, 32 * n));
    let x = values(&parts, &made);
    // x(t + 1) + x(t - 1) = 2 cos(TAU / 8) x(t), also where windows meet.
    let off = |x: &[f64], rule: f64| {
        let errors = x.chunks(32).flat_map(|s| s.windows(3).map(|w| (w[0] + w[2] - rule * w[1]).powi(2)));
        errors.sum::<f64>().sqrt() / x.iter().map(|x| x * x).sum::<f64>().sqrt()
    };
    let rule = 2.0 * (TAU / 8.0).cos();
    assert!(off(&x, rule) < 0.35, "{}", off(&x, rule));
    let is_above = |token: &u32| *token == data.steps.tokens[1][above(&data)];
    let right = x.iter().zip(&made.tokens[1]).filter(|(x, token)| (**x > 0.0) == is_above(token)).count();
    assert!(right as f64 > 0.7 * x.len() as f64, "{right} of {}", x.len());

    // What goes on begins where the past ends.
    let past =
        Past { offsets: &offsets(vec![20; n]), steps: &cut(&data.steps, n), times: &vec![0.0; 20 * n], levels: &[] };
    let lengths = vec![3; n];
    let wanted = Wanted { context: &context, lengths: &lengths, starts: &vec![20.0; n], past: Some(past) };
    let made = sampler.steps.draw(&wanted, &mut stream(1, "draw", 1)).unwrap();
    let (before, after) = (values(&parts, past.steps), values(&parts, &made));
    let error: f64 =
        (0..n).map(|s| (before[20 * s + 18] + after[3 * s] - rule * before[20 * s + 19]).powi(2)).sum::<f64>().sqrt();
    assert!(error / (n as f64).sqrt() < 0.35, "{error}");
}

/// A row of which the sign is said to be above.
fn above(data: &EncodedSeries) -> usize {
    let score = |i: &usize| data.steps.scalars[0][*i];
    (0..data.steps.rows).max_by(|a, b| score(a).total_cmp(&score(b))).unwrap()
}

/// The first 20 steps of `n` sequences of 32.
fn cut(steps: &Encoded, n: usize) -> Encoded {
    steps.take(&(0..n).flat_map(|s| 32 * s..32 * s + 20).collect::<Vec<_>>())
}

#[test]
fn the_same_seed_draws_the_same_and_its_weights_too() {
    let data = waves(12).encoded;
    let draw = |sampler: &Sampler| {
        let context = Encoded { rows: 3, ..Encoded::default() };
        let wanted = Wanted { context: &context, lengths: &[40, 0, 5], starts: &[0.0; 3], past: None };
        sampler.steps.draw(&wanted, &mut stream(1, "draw", 0)).unwrap()
    };
    let (one, weights, _) = trained(&data, &tiny(), 5, 2);
    let (other, same, _) = trained(&data, &tiny(), 5, 2);
    assert_eq!(weights, same);
    assert_same(&draw(&one), &draw(&other));
    let restored = tiny().restore(&data.spec, &mut weights.clone(), &Device::flex()).unwrap();
    assert_same(&draw(&restored), &draw(&one));
    assert_eq!(draw(&one).rows, 45);
}

fn assert_same(a: &Encoded, b: &Encoded) {
    assert_eq!((a.rows, &a.tokens), (b.rows, &b.tokens));
    let bits = |of: &Encoded| of.scalars.iter().flatten().map(|x| x.to_bits()).collect::<Vec<u32>>();
    assert_eq!(bits(a), bits(b));
}

/// Short, empty, constant and missing: nothing of it may panic, and all that comes out are tokens that there are.
#[test]
fn odd_series_are_learnt_and_drawn() {
    let text = |f: &dyn Fn(usize) -> String, n: usize| (0..n).map(f).collect::<Vec<String>>();
    let key = |name: &str| Some(verisim_data::series::Names::One(name.into()));
    let long = |n: usize| {
        ready(
            &[("x", text(&|i| format!("{}", i % 3), n)), ("y", text(&|i| format!("{:.2}", (i as f64).sin()), n))],
            Settings { key: Some(verisim_data::series::Names::Many(Vec::new())), ..Settings::default() },
        )
    };
    let events = ready(
        &[
            ("who", text(&|i| format!("p{}", i / 5), 60)),
            ("time", text(&|i| format!("{}", 3 * i + i * i % 5), 60)),
            ("kind", text(&|i| ["a", "b", "c"][i * i % 3].into(), 60)),
            ("level", text(&|i| if i % 4 == 0 { "-".into() } else { format!("{}", i * 7 % 31) }, 60)),
            ("group", text(&|i| ["u", "v"][(i / 5) % 2].into(), 60)),
        ],
        Settings { key: key("who"), order: Some("time".into()), ..Settings::default() },
    );
    let uneven = ready(
        &[
            ("who", text(&|i| format!("p{}", (i as f64).sqrt() as usize), 100)),
            ("t", text(&|i| i.to_string(), 100)),
            ("x", text(&|i| format!("{}", i * 37 % 11), 100)),
        ],
        Settings { key: key("who"), order: Some("t".into()), ..Settings::default() },
    );
    for (name, ready) in [("two", long(2)), ("thirty", long(30)), ("events", events), ("uneven", uneven)] {
        let data = &ready.encoded;
        let (sampler, _, ends) = trained(data, &tiny(), 3, 2);
        assert!(ends.iter().all(|x| x.is_finite()), "{name}: {ends:?}");
        let context = match data.joined {
            true => Encoded { rows: 4, ..Encoded::default() },
            false => data.context.take(&[0, 1, 2, 3]),
        };
        let wanted =
            Wanted { context: &context, lengths: &[1, 60, 0, 7], starts: &[0.0, f64::NAN, 3.0, 1.0], past: None };
        let made = sampler.steps.draw(&wanted, &mut stream(1, "draw", 0)).unwrap();
        assert_eq!(made.rows, 68, "{name}");
        for ((tokens, scalars), span) in made.tokens.iter().zip(&made.scalars).zip(data.step_spans()) {
            assert!(tokens.len() == 68 && tokens.iter().all(|&t| t < span.tokens), "{name}");
            assert!(
                scalars.len() == if span.scalar { 68 } else { 0 } && scalars.iter().all(|s| s.is_finite()),
                "{name}"
            );
        }
        if data.spec.shape.has_gap() {
            let missing = data.spec.steps.columns[0].missing_token().unwrap();
            let at: Vec<usize> = (0..68).filter(|&i| made.tokens[0][i] == missing).collect();
            assert_eq!(at, [0, 1, 61], "{name}");
        }
    }
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
