use verisim_data::rng::{normal, stream};

use super::*;
use crate::series::testkit::{Cells, assert_sound, fitted, goes_on, learnt, numbers, sample, series};

fn encoding() -> CodecConfig {
    Config::default().encoding().steps
}

/// Two columns that lead each other.
fn two(n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut rng = stream(2, "two", 0);
    let (mut a, mut b) = (vec![0.0], vec![0.0]);
    for t in 1..n {
        let (e, f) = (normal(&mut rng), normal(&mut rng));
        a.push(0.5 * a[t - 1] + 0.3 * b[t - 1] + 0.6 * e);
        b.push(-0.3 * a[t - 1] + 0.6 * b[t - 1] + 0.6 * (0.6 * e + 0.8 * f));
    }
    (a, b)
}

fn correlation(a: &[f64], b: &[f64], lag: usize) -> f64 {
    let n = a.len() - lag;
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let of = |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| x * y).sum() };
    let (ca, cb): (Vec<f64>, Vec<f64>) = (a.iter().map(|x| x - ma).collect(), b.iter().map(|x| x - mb).collect());
    of(&ca[..n], &cb[lag..]) / (of(&ca, &ca) * of(&cb, &cb)).sqrt()
}

#[test]
fn coefficients_are_found_again() {
    let (a, b) = two(8000);
    let deviation = |v: &[f64]| (v.iter().map(|x| x * x).sum::<f64>() / v.len() as f64).sqrt();
    let ratio = deviation(&a) / deviation(&b);
    let data = series(&encoding(), &[8000], vec![Cells::Numbers(a), Cells::Numbers(b)], vec![], None);
    let weights = learnt(&Config::default(), &data).unwrap();
    let mut weights = weights;
    let lags = weights.take_u32("lags").unwrap().1;
    assert_eq!(lags, vec![1]);
    let found = weights.take_f64("coefficients").unwrap().1;
    // A row a regressor: the constant, then each column before. Scores are of unit variance.
    let expected = [0.0, 0.0, 0.5, -0.3 * ratio, 0.3 / ratio, 0.6];
    assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 0.04), "{found:?} {expected:?}");
}

#[test]
fn samples_have_the_marginals_and_the_correlations_of_the_data() {
    let (a, b) = two(6000);
    // A shape that is nothing like a normal one.
    let a: Vec<f64> = a.iter().map(|x| x.exp()).collect();
    let data = series(&encoding(), &[6000], vec![Cells::Numbers(a.clone()), Cells::Numbers(b.clone())], vec![], None);
    for noise in [Noise::Blocks, Noise::Normal] {
        let drawn = sample(&fitted(&Config { noise, ..Config::default() }, &data), &data, &[6000], 3);
        let (x, y) = (numbers(&data, &drawn, 0), numbers(&data, &drawn, 1));
        let mut pairs = [(a.clone(), x.clone()), (b.clone(), y.clone())];
        for (real, made) in &mut pairs {
            real.sort_by(f64::total_cmp);
            made.sort_by(f64::total_cmp);
            for q in [0.1, 0.5, 0.9] {
                let at = (q * 6000.0) as usize;
                let rank = made.partition_point(|v| v < &real[at]) as f64 / 6000.0;
                assert!((rank - q).abs() < 0.05, "{q} {rank}");
            }
        }
        for lag in [1, 2, 4] {
            let off = (correlation(&a, &a, lag) - correlation(&x, &x, lag)).abs();
            let cross = (correlation(&a, &b, lag) - correlation(&x, &y, lag)).abs();
            assert!(off < 0.08 && cross < 0.08, "{lag} {off} {cross}");
        }
    }
}

#[test]
fn seasons_and_trends_are_followed() {
    let mut rng = stream(4, "season", 0);
    let season = |t: usize| (2.0 * std::f64::consts::PI * t as f64 / 12.0).sin();
    let values: Vec<f64> = (0..480).map(|t| t as f64 / 40.0 + 2.0 * season(t) + 0.3 * normal(&mut rng)).collect();
    let data = series(&encoding(), &[480], vec![Cells::Numbers(values.clone())], vec![], None);
    let drawn = numbers(&data, &sample(&fitted(&Config::default(), &data), &data, &[480], 5), 0);
    let off = values.iter().zip(&drawn).map(|(a, b)| (a - b).abs()).sum::<f64>() / 480.0;
    // Noise of 0.3 twice is 0.34 on average.
    assert!(off < 0.7, "{off}");
    let off = |m: usize| (values[m * 100] - drawn[m * 100]).abs();
    assert!((0..4).map(off).sum::<f64>() / 4.0 < 1.5);
}

/// Sequences of a level each, which follows a context; white noise around it.
fn levels() -> EncodedSeries {
    let mut rng = stream(6, "levels", 0);
    let (mut values, mut groups) = (Vec::new(), Vec::new());
    for i in 0..200 {
        let group = i % 2;
        groups.push(group);
        let level = 3.0 * f64::from(group) + normal(&mut rng);
        (0..10 + i % 5).for_each(|_| values.push(level + 0.4 * normal(&mut rng)));
    }
    let lengths: Vec<usize> = (0..200).map(|i| 10 + i % 5).collect();
    series(&encoding(), &lengths, vec![Cells::Numbers(values)], vec![Cells::Words(groups)], None)
}

#[test]
fn a_panel_keeps_the_levels_of_its_sequences_and_follows_the_context() {
    let data = levels();
    let sampler = fitted(&Config::default(), &data);
    let lengths = vec![20; 200];
    let drawn = numbers(&data, &sample(&sampler, &data, &lengths, 7), 0);
    let mean = |s: &[f64]| s.iter().sum::<f64>() / s.len() as f64;
    let means: Vec<f64> = drawn.chunks(20).map(mean).collect();
    let group = |g: usize| means.iter().skip(g).step_by(2).sum::<f64>() / 100.0;
    assert!((group(1) - group(0) - 3.0).abs() < 0.6, "{} {}", group(0), group(1));
    // Between sequences of a group 1, within one 0.4.
    let spread: f64 = means.iter().step_by(2).map(|m| (m - group(0)).powi(2)).sum::<f64>() / 100.0;
    assert!((0.6..1.4).contains(&spread.sqrt()), "{spread}");
    let within: f64 = drawn.chunks(20).map(|s| s.iter().map(|x| (x - mean(s)).powi(2)).sum::<f64>()).sum();
    assert!(((within / 3800.0).sqrt() - 0.4).abs() < 0.12, "{}", (within / 3800.0).sqrt());
    // Histories go on at their level.
    let next = numbers(&data, &goes_on(&sampler, &data, &data.offsets, 4, 8), 0);
    let real = numbers(&data, &data.steps, 0);
    let off: f64 = (0..200)
        .map(|i| (mean(&next[4 * i..4 * i + 4]) - mean(&real[data.offsets[i]..data.offsets[i + 1]])).abs())
        .sum();
    assert!(off / 200.0 < 0.4, "{}", off / 200.0);
}

#[test]
fn a_continuation_begins_where_the_past_ends() {
    let mut rng = stream(9, "slow", 0);
    let mut x = 0.0;
    let values: Vec<f64> = (0..3000)
        .map(|_| {
            x = 0.98 * x + 0.2 * normal(&mut rng);
            x
        })
        .collect();
    let data = series(&encoding(), &[3000], vec![Cells::Numbers(values.clone())], vec![], None);
    let sampler = fitted(&Config::default(), &data);
    let off: f64 = (1..=20)
        .map(|k| {
            let next = numbers(&data, &goes_on(&sampler, &data, &[0, 140 * k], 1, k as u64), 0);
            (next[0] - values[140 * k - 1]).abs()
        })
        .sum::<f64>()
        / 20.0;
    assert!(off < 0.4, "{off}");
}

#[test]
fn any_mix_of_columns_is_learnt_soundly() {
    let mut rng = stream(10, "mix", 0);
    let n = 400;
    let rain: Vec<f64> = (0..n).map(|_| normal(&mut rng).max(0.0)).collect();
    let holes: Vec<f64> = (0..n).map(|t| if t % 50 < 10 { f64::NAN } else { t as f64 + normal(&mut rng) }).collect();
    let words: Vec<u32> = (0..n).map(|t| (t / 7 % 3) as u32).collect();
    let columns = || {
        vec![
            Cells::Numbers(rain.clone()),
            Cells::Numbers(holes.clone()),
            Cells::Words(words.clone()),
            Cells::Numbers(vec![4.0; n]),
            // One value, and mostly none.
            Cells::Numbers((0..n).map(|t| if t % 4 == 0 { 2.0 } else { f64::NAN }).collect()),
        ]
    };
    let data = series(&encoding(), &[n], columns(), vec![], None);
    assert_sound(&Config::default(), &data);
    let made = sample(&fitted(&Config::default(), &data), &data, &[n], 1);
    let missing = numbers(&data, &made, 1).iter().filter(|x| x.is_nan()).count();
    assert!((30..150).contains(&missing), "{missing}");
    let dry = numbers(&data, &made, 0).iter().filter(|&&x| x == 0.0).count();
    assert!((120..280).contains(&dry), "{dry}");
    let two = numbers(&data, &made, 4).iter().filter(|&&x| x == 2.0).count();
    assert!((60..150).contains(&two), "{two}");
    let lengths: Vec<usize> = std::iter::repeat_n([1, 2, 17, 20], 10).flatten().collect();
    let gaps: Vec<f64> = (0..n).map(|t| (t as f64).powf(1.3)).collect();
    assert_sound(
        &Config::default(),
        &series(&encoding(), &lengths, columns(), vec![Cells::Words(vec![0; 40])], Some(gaps)),
    );
    // Nothing at all to learn, and hardly anything.
    assert_sound_small();
}

fn assert_sound_small() {
    for lengths in [&[1][..], &[3], &[1, 1, 1], &[2, 1]] {
        let rows: usize = lengths.iter().sum();
        let values: Vec<f64> = (0..rows).map(|t| t as f64).collect();
        let data = series(&encoding(), lengths, vec![Cells::Numbers(values)], vec![], None);
        let made = sample(&fitted(&Config::default(), &data), &data, &[4, 2], 1);
        assert_eq!(made.rows, 6);
        let data = series(&encoding(), lengths, vec![Cells::Numbers(vec![f64::NAN; rows])], vec![], None);
        assert_eq!(sample(&fitted(&Config::default(), &data), &data, &[4], 1).rows, 4);
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let said = |config: Config| config.check().unwrap_err().to_string();
    assert!(said(Config { lags: Some(0), ..Config::default() }).contains("lags"));
    assert!(said(Config { seasons: Some(vec![1.0]), ..Config::default() }).contains("seasons"));
    assert!(said(Config { block: f64::NAN, ..Config::default() }).contains("block"));
}
