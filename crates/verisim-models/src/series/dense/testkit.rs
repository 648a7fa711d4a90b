//! Small dense series for tests, and what every network that draws them must do.

use std::f64::consts::TAU;

use burn::tensor::Device;
use verisim_data::rng::{normal, stream, uniform};
use verisim_data::series::{Names, Settings, Source, offsets};
use verisim_data::table::Table;
use verisim_data::table::codec::Encoded;

use super::Parts;
use crate::learn::{Clock, Learn, Model, Ready, Setup, Split, Start};
use crate::series::{EncodedSeries, Past, Sampler, Series, Wanted};
use crate::table::Nothing;
use crate::training::Training;
use crate::weights::Weights;

/// What a table of these columns means, encoded for a model.
fn ready(config: &dyn Model<Series>, columns: &[(&str, Vec<String>)], settings: Settings) -> Ready<Series> {
    let cells: Vec<Vec<Option<&str>>> =
        columns.iter().map(|(_, c)| c.iter().map(|x| (x != "-").then_some(x.as_str())).collect()).collect();
    let named: Vec<(&str, &[Option<&str>])> = columns.iter().zip(&cells).map(|((n, _), c)| (*n, &c[..])).collect();
    let table = Table::from_text(&named).unwrap();
    let series = Series { table, wide: None };
    let source = Source { series: Some(settings), ..Source::default() };
    series.encode(&source, &config.encoding()).unwrap()
}

/// A model of all sequences after `steps` steps, and the losses at the beginning and at the end.
pub(crate) fn trained(config: &dyn Model<Series>, data: &EncodedSeries, steps: u64) -> (Sampler, Weights, [f64; 2]) {
    let training = Training { batch_size: 64, ema: 0.98, warmup: 10, ..config.training().unwrap() };
    let device = Device::flex().autodiff();
    let train: Vec<usize> = (0..data.offsets.len() - 1).collect();
    let split = Split { encoded: data, train: &train, validation: &[], augment: &Nothing::default() };
    let counter = crate::Counter::default();
    let setup = Setup { training: &training, seed: 1, device: &device, shards: 2, counter: &counter };
    let Start::Steps(mut model) = config.start(&split, &setup).unwrap() else { panic!("is fitted at once") };
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
pub(crate) fn waves(config: &dyn Model<Series>, count: usize) -> EncodedSeries {
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
    let key = Some(Names::One("who".into()));
    ready(config, &columns, Settings { key, order: Some("t".into()), ..Settings::default() }).encoded
}

fn values(sampler: &Parts, made: &Encoded) -> Vec<f64> {
    (0..made.rows).map(|i| sampler.channels.number(0, made.tokens[0][i], made.scalars[0][i]).unwrap()).collect()
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

/// After `steps` steps of training waves keep their frequency up to the share `error`, signs fit, and what goes on begins where the past
/// ends.
pub(crate) fn assert_waves(config: &dyn Model<Series>, steps: u64, error: f64) {
    let data = waves(config, 150);
    let (sampler, weights, [first, last]) = trained(config, &data, steps);
    assert!(last < 0.9 * first, "{first} {last}");
    let parts = Parts::restore(&data.spec, &mut weights.clone()).unwrap();
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
    assert!(off(&x, rule) < error, "{}", off(&x, rule));
    let is_above = |token: &u32| *token == data.steps.tokens[1][above(&data)];
    let right = x.iter().zip(&made.tokens[1]).filter(|(x, token)| (**x > 0.0) == is_above(token)).count();
    assert!(right as f64 > 0.7 * x.len() as f64, "{right} of {}", x.len());

    let past =
        Past { offsets: &offsets(vec![20; n]), steps: &cut(&data.steps, n), times: &vec![0.0; 20 * n], levels: &[] };
    let lengths = vec![3; n];
    let wanted = Wanted { context: &context, lengths: &lengths, starts: &vec![20.0; n], past: Some(past) };
    let made = sampler.steps.draw(&wanted, &mut stream(1, "draw", 1)).unwrap();
    let (before, after) = (values(&parts, past.steps), values(&parts, &made));
    let squares: f64 = (0..n).map(|s| (before[20 * s + 18] + after[3 * s] - rule * before[20 * s + 19]).powi(2)).sum();
    assert!((squares / n as f64).sqrt() < error, "{squares}");
}

/// The same seed learns the same weights and draws the same.
pub(crate) fn assert_repeats(config: &dyn Model<Series>) {
    let data = waves(config, 12);
    let draw = |sampler: &Sampler| {
        let context = Encoded { rows: 3, ..Encoded::default() };
        let wanted = Wanted { context: &context, lengths: &[40, 0, 5], starts: &[0.0; 3], past: None };
        sampler.steps.draw(&wanted, &mut stream(1, "draw", 0)).unwrap()
    };
    let (one, weights, _) = trained(config, &data, 5);
    let (other, same, _) = trained(config, &data, 5);
    assert_eq!(weights, same);
    assert_same(&draw(&one), &draw(&other));
    let restored = config.restore(&data.spec, &mut weights.clone(), &Device::flex()).unwrap();
    assert_same(&draw(&restored), &draw(&one));
    assert_eq!(draw(&one).rows, 45);
}

fn assert_same(a: &Encoded, b: &Encoded) {
    assert_eq!((a.rows, &a.tokens), (b.rows, &b.tokens));
    let bits = |of: &Encoded| of.scalars.iter().flatten().map(|x| x.to_bits()).collect::<Vec<u32>>();
    assert_eq!(bits(a), bits(b));
}

/// Short, empty, constant and missing: nothing of it may panic, and all that comes out are tokens that there are.
pub(crate) fn assert_odd_series(config: &dyn Model<Series>) {
    let text = |f: &dyn Fn(usize) -> String, n: usize| (0..n).map(f).collect::<Vec<String>>();
    let key = |name: &str| Some(Names::One(name.into()));
    let long = |n: usize| {
        ready(
            config,
            &[("x", text(&|i| format!("{}", i % 3), n)), ("y", text(&|i| format!("{:.2}", (i as f64).sin()), n))],
            Settings { key: Some(Names::Many(Vec::new())), ..Settings::default() },
        )
    };
    let events = ready(
        config,
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
        config,
        &[
            ("who", text(&|i| format!("p{}", (i as f64).sqrt() as usize), 100)),
            ("t", text(&|i| i.to_string(), 100)),
            ("x", text(&|i| format!("{}", i * 37 % 11), 100)),
        ],
        Settings { key: key("who"), order: Some("t".into()), ..Settings::default() },
    );
    let huge = ready(
        config,
        &[("x", text(&|i| format!("{}e300", i * 37 % 101), 200)), ("y", text(&|i| format!("{}e-12", i % 9), 200))],
        Settings { key: Some(Names::Many(Vec::new())), ..Settings::default() },
    );
    let all = [("two", long(2)), ("thirty", long(30)), ("events", events), ("uneven", uneven), ("huge", huge)];
    for (name, ready) in all {
        let data = &ready.encoded;
        let (sampler, _, ends) = trained(config, data, 3);
        assert!(ends.iter().all(|x| x.is_finite()), "{name}: {ends:?}");
        let context = match data.joined {
            true => Encoded { rows: 4, ..Encoded::default() },
            false => data.context.take(&[0, 1, 2, 3]),
        };
        let wanted =
            Wanted { context: &context, lengths: &[1, 60, 0, 7], starts: &[0.0, f64::NAN, 3.0, 1.0], past: None };
        let made = sampler.steps.draw(&wanted, &mut stream(1, "draw", 0)).unwrap();
        assert_eq!(made.rows, 68, "{name}");
        assert_tokens(data, &made, name);
        if data.spec.shape.has_gap() {
            let missing = data.spec.steps.columns[0].missing_token().unwrap();
            let at: Vec<usize> = (0..68).filter(|&i| made.tokens[0][i] == missing).collect();
            assert_eq!(at, [0, 1, 61], "{name}");
        }
        let ends = if data.joined { vec![0, data.steps.rows] } else { data.offsets.clone() };
        let next = crate::series::testkit::goes_on(&sampler, data, &ends, 3, 1);
        assert_eq!(next.rows, 3 * (ends.len() - 1), "{name}");
        assert_tokens(data, &next, name);
    }
}

fn assert_tokens(data: &EncodedSeries, made: &Encoded, name: &str) {
    for ((tokens, scalars), span) in made.tokens.iter().zip(&made.scalars).zip(data.step_spans()) {
        assert!(tokens.len() == made.rows && tokens.iter().all(|&t| t < span.tokens), "{name}");
        let count = if span.scalar { made.rows } else { 0 };
        assert!(scalars.len() == count && scalars.iter().all(|s| s.is_finite()), "{name}");
    }
}
