//! Each step against its definition, short series, and a panel whose stamps must stay right.

#![allow(clippy::unwrap_used)]

use rayon::ThreadPoolBuilder;
use verisim_data::rng::{normal, stream};
use verisim_data::series::{Sequences, Series, Shape, Source};
use verisim_data::table::{Column, Frame, MISSING, Table};

use super::curve::{monotone, spline};
use super::*;
use crate::table::space::deviation;
use crate::{Draw, Pipeline};

fn category(codes: Vec<u32>) -> Column {
    Column::Category { codes, levels: (0..9).map(|l| format!("l{l}")).collect() }
}

/// A series of these numbers, its steps numbered by a category in tens, at times that lie ever further apart.
fn series(v: &[f64]) -> Sequence {
    let columns = vec![Column::Number(v.to_vec()), category((0..v.len() as u32).map(|t| t / 10 % 9).collect())];
    Sequence::new((0..v.len()).map(|t| (t * t) as f64).collect(), Frame::new(columns, v.len())).unwrap()
}

fn numbers(of: &Sequence) -> &[f64] {
    match &of.steps.columns[0] {
        Column::Number(v) => v,
        Column::Category { .. } => panic!(),
    }
}

fn codes(of: &Sequence) -> &[u32] {
    match &of.steps.columns[1] {
        Column::Category { codes, .. } => codes,
        Column::Number(_) => panic!(),
    }
}

fn steps(list: &str) -> Pipeline {
    Pipeline::from_toml(&format!("series = [{list}]")).unwrap()
}

fn done(toml: &str, of: &Sequence, seed: u64) -> Sequence {
    one(&steps(&format!("{{ {toml} }}")).series, of, &[], |k| Draw::new(seed, 0, 0, k)).unwrap()
}

fn every() -> Pipeline {
    steps(&ALL.map(|name| format!("{{ {name} }}")).join(", "))
}

fn wave(n: usize) -> Vec<f64> {
    (0..n).map(|t| (t as f64 / 7.0).sin() + 0.01 * t as f64).collect()
}

const ALL: [&str; 18] = [
    "window_slice = { stretch = true }",
    "jitter = {}",
    "scaling = {}",
    "drift = {}",
    "magnitude_warp = {}",
    "time_warp = {}",
    "window_slice = {}",
    "window_warp = {}",
    "permutation = {}",
    "dropout = {}",
    "missing_blocks = {}",
    "pooling = {}",
    "quantise = {}",
    "smooth = {}",
    "resample = {}",
    "reverse = {}",
    "frequency_mask = {}",
    "barycentre = {}",
];

#[test]
fn what_changes_values_leaves_times_and_categories_alone() {
    let of = series(&wave(100));
    for name in [
        "jitter = {}",
        "scaling = {}",
        "drift = {}",
        "magnitude_warp = {}",
        "dropout = {}",
        "missing_blocks = {}",
        "pooling = {}",
        "quantise = {}",
        "smooth = {}",
        "frequency_mask = {}",
    ] {
        let made = done(name, &of, 1);
        assert_eq!((&made.times, codes(&made)), (&of.times, codes(&of)), "{name}");
        let moved = numbers(&made).iter().zip(numbers(&of)).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        assert!(moved > 2, "{name} {moved}");
    }
}

#[test]
fn noise_and_factors_are_as_wide_as_they_say() {
    let mut rng = stream(2, "test", 1);
    let v: Vec<f64> = (0..5000).map(|_| normal(&mut rng)).collect();
    let of = series(&v);
    let low = v.iter().copied().fold(f64::INFINITY, f64::min);
    let range = v.iter().copied().fold(f64::NEG_INFINITY, f64::max) - low;
    let made = done("jitter = { scale = 0.03 }", &of, 1);
    let noise = deviation(numbers(&made).iter().zip(&v).map(|(a, b)| a - b));
    assert!((noise / range - 0.03).abs() < 0.002, "{noise}");
    // One factor for the whole; over many seeds they vary by a tenth.
    let factors: Vec<f64> = (0..2000)
        .map(|seed| {
            let made = done("scaling = {}", &series(&[2.0, -4.0]), seed);
            assert!((numbers(&made)[1] / numbers(&made)[0] + 2.0).abs() < 1e-12);
            numbers(&made)[0] / 2.0
        })
        .collect();
    assert!((deviation(factors.iter().copied()) - 0.1).abs() < 0.006);
    // Drift begins at 0 and goes half a range away, not further.
    let made = done("drift = {}", &of, 3);
    let away: Vec<f64> = numbers(&made).iter().zip(&v).map(|(a, b)| (a - b) / range).collect();
    assert_eq!(away[0], 0.0);
    assert!((away.iter().fold(0.0_f64, |far, x| far.max(x.abs())) - 0.5).abs() < 1e-9);
    assert!(away.windows(2).all(|w| (w[1] - w[0]).abs() < 0.01));
    let made = done("magnitude_warp = {}", &series(&[1.0; 300]), 3);
    assert!(numbers(&made).windows(2).all(|w| (w[1] - w[0]).abs() < 0.02));
    assert!(deviation(numbers(&made).iter().copied()) > 0.02);
    let made = done("dropout = { share = 0.2, fill = \"missing\" }", &of, 5);
    let share = numbers(&made).iter().filter(|x| x.is_nan()).count() as f64 / 5000.0;
    assert!((share - 0.2).abs() < 0.025, "{share}");
}

#[test]
fn pools_levels_fills_and_masks_are_those_of_the_definitions() {
    let of = series(&[1.0, 3.0, f64::NAN, 5.0, 8.0]);
    let bits = |v: &[f64]| v.iter().map(|x| if x.is_nan() { -1.0 } else { *x }).collect::<Vec<f64>>();
    assert_eq!(bits(numbers(&done("pooling = {}", &of, 1))), [2.0, 2.0, -1.0, 5.0, 8.0]);
    assert_eq!(bits(numbers(&done("pooling = { by = \"max\", size = 4 }", &of, 1))), [5.0, 5.0, -1.0, 5.0, 8.0]);
    let of = series(&[0.0, 1.0, 4.9, 5.1, 10.0]);
    assert_eq!(numbers(&done("quantise = { levels = 2 }", &of, 1)), [2.5, 2.5, 2.5, 7.5, 7.5]);
    let drop = |fill: &str| done(&format!("dropout = {{ share = 1.0, fill = \"{fill}\" }}"), &of, 1);
    // Nothing is left to fill with.
    assert!(["previous", "next", "mean"].iter().all(|fill| numbers(&drop(fill)).iter().all(|x| x.is_nan())));
    let dropped = done("dropout = { share = 0.5 }", &series(&wave(400)), 3);
    let (was, is) = (wave(400), numbers(&dropped));
    assert!((1..400).all(|t| is[t] == was[t] || is[t] == is[t - 1]));
    // Hann weights of three steps are 1/2, 1, 1/2.
    let made = done("smooth = { size = 3 }", &series(&[0.0, 0.0, 4.0, 0.0, 0.0]), 1);
    assert!(numbers(&made).iter().zip([0.0, 1.0, 2.0, 1.0, 0.0]).all(|(a, b)| (a - b).abs() < 1e-12));
    // A wave of one frequency is gone where its band is masked, and its mean stays.
    let tone: Vec<f64> = (0..64).map(|t| 3.0 + (std::f64::consts::TAU * 5.0 * t as f64 / 64.0).cos()).collect();
    let made = done("frequency_mask = { share = 1.0 }", &series(&tone), 1);
    assert!(numbers(&made).iter().all(|x| (x - 3.0).abs() < 1e-12));
    let left = |seed| done("frequency_mask = { share = 0.25 }", &series(&tone), seed);
    let gone = (0..400).filter(|&seed| numbers(&left(seed)).iter().all(|x| (x - 3.0).abs() < 1e-9)).count();
    // Bands of 8 begin at 1 .. 25; those from 1 to 5 hold the fifth.
    assert!((60..100).contains(&gone), "{gone}");
    let blocks = done("missing_blocks = { share = 0.1, length = 20, categories = true }", &series(&wave(200)), 1);
    let missing: Vec<usize> = (0..200).filter(|&t| numbers(&blocks)[t].is_nan()).collect();
    assert!(missing.len() == 20 && missing[19] - missing[0] == 19);
    assert!((0..200).all(|t| (codes(&blocks)[t] == MISSING) == missing.contains(&t)));
}

#[test]
fn curves_are_those_of_their_definitions() {
    // A natural spline through a straight line is that line, and it goes through its points.
    let line = spline(&[1.0, 3.0, 5.0, 7.0], 7);
    assert!(line.iter().enumerate().all(|(t, x)| (x - (1.0 + t as f64)).abs() < 1e-12));
    // Through 0, 1, 0 its second derivative in the middle is -3, so at a quarter 0.5 - 3 * (0.125 - 0.5) / 6 = 0.6875.
    let bump = spline(&[0.0, 1.0, 0.0], 5);
    assert!(bump.iter().zip([0.0, 0.6875, 1.0, 0.6875, 0.0]).all(|(a, b)| (a - b).abs() < 1e-12));
    // SciPy: PchipInterpolator([0, 1, 2, 3], [0, 1, 4, 5])(linspace(0, 3, 7)).
    let way = monotone(&[0.0, 1.0, 4.0, 5.0], 7);
    let scipy = [0.0, 0.3125, 1.0, 2.5, 4.0, 4.6875, 5.0];
    assert!(way.iter().zip(scipy).all(|(a, b)| (a - b).abs() < 1e-12), "{way:?}");
    assert!(monotone(&[0.0, 0.0, 7.0, 7.1, 9.0], 50).is_sorted());
}

#[test]
fn what_moves_in_time_takes_categories_along_and_leaves_stamps() {
    // Values are their own times, so each step says where it comes from.
    let of = series(&(0..100).map(f64::from).collect::<Vec<f64>>());
    for (name, ends) in
        [("time_warp = {}", true), ("window_warp = {}", true), ("window_slice = { stretch = true }", false)]
    {
        for seed in 0..20 {
            let made = done(name, &of, seed);
            assert_eq!(made.times, of.times);
            let from = numbers(&made);
            assert!(from.is_sorted() && from.iter().all(|x| (0.0..=99.0).contains(x)), "{name}");
            assert!(!ends || (from[0] == 0.0 && (from[99] - 99.0).abs() < 1e-9), "{name} {from:?}");
            assert!(
                from.iter().zip(codes(&made)).all(|(x, &c)| ((x.round() as u32) / 10 % 9).abs_diff(c)
                    <= u32::from(x.fract() > 0.49 && x.fract() < 0.51))
            );
        }
    }
    // The pace between two changes is at its fastest three times what it is at its slowest.
    let long = series(&(0..101).map(f64::from).collect::<Vec<f64>>());
    let made = done("time_warp = {}", &long, 4);
    let paces = [0, 25, 50, 75].map(|t| numbers(&made)[t + 25] - numbers(&made)[t]);
    let ratio = paces.iter().copied().fold(0.0, f64::max) / paces.iter().copied().fold(99.0, f64::min);
    assert!((ratio - 3.0).abs() < 1e-9, "{ratio}");
    // A slice keeps its own stamps.
    let made = done("window_slice = { share = 0.5 }", &of, 2);
    assert_eq!(made.len(), 50);
    assert!(numbers(&made).iter().zip(&made.times).all(|(x, t)| x * x == *t));
    // A window of 10 steps runs at half or twice the pace.
    let made = done("window_warp = { ratio = { choice = [2.0] } }", &of, 2);
    let paces: Vec<f64> = numbers(&made).windows(2).map(|w| w[1] - w[0]).collect();
    let (slow, fast) = (paces.iter().copied().fold(9.0, f64::min), paces.iter().copied().fold(0.0, f64::max));
    assert!((fast / slow - 2.0).abs() < 1e-6, "{slow} {fast}");
    // Parts change places; all steps are there.
    let made = done("permutation = {}", &of, 3);
    assert_eq!(made.times, of.times);
    let breaks = numbers(&made).windows(2).filter(|w| w[1] != w[0] + 1.0).count();
    assert!((1..=3).contains(&breaks), "{breaks}");
    let mut sorted = numbers(&made).to_vec();
    sorted.sort_by(f64::total_cmp);
    assert_eq!(sorted, numbers(&of));
    assert!(numbers(&made).iter().zip(codes(&made)).all(|(x, c)| *x as u32 / 10 % 9 == *c));
    // Backwards twice is forwards.
    let back = done("reverse = {}", &of, 1);
    assert_eq!(
        (numbers(&back)[0], back.times[0], back.times[1], back.times[99]),
        (99.0, 0.0, 9801.0 - 98.0 * 98.0, 9801.0)
    );
    let forth = done("reverse = {}", &back, 1);
    assert_eq!((numbers(&forth), &forth.times, codes(&forth)), (numbers(&of), &of.times, codes(&of)));
    // Twice as many steps over the same time: each value is the one of its stamp.
    let made = done("resample = { ratio = [2.0, 2.0] }", &of, 1);
    assert_eq!((made.len(), made.times[0], made.times[199]), (200, 0.0, 9801.0));
    let at = |x: f64| x.floor() * x.floor() + (x - x.floor()) * (2.0 * x.floor() + 1.0);
    assert!(numbers(&made).iter().zip(&made.times).all(|(x, t)| (at(*x) - t).abs() < 1e-6));
}

#[test]
fn a_barycentre_finds_the_shape_that_comes_at_other_times() {
    let bump = |at: f64| -> Vec<f64> { (0..60).map(|t| (-(t as f64 - at).powi(2) / 18.0).exp()).collect() };
    let all: Vec<Sequence> = [25.0, 30.0, 35.0].iter().map(|&at| series(&bump(at))).collect();
    let made = barycentre(&all[1], &[&all[0], &all[2]], 10, 0.25).unwrap();
    let top = numbers(&made).iter().copied().fold(0.0, f64::max);
    // The plain mean of the three is lower.
    let plain = (0..60).map(|t| all.iter().map(|s| numbers(s)[t]).sum::<f64>() / 3.0).fold(0.0, f64::max);
    assert!(top > 0.97 && plain < 0.75, "{top} {plain}");
    assert!((numbers(&made)[30] - top).abs() < 0.02);
    assert_eq!((&made.times, codes(&made)), (&all[1].times, codes(&all[1])));
    // The mean of a series with itself is itself, and of three constants the weighted mean: 1, and 1/2 for the nearest, 1/4 for one twice as far.
    assert_eq!(numbers(&barycentre(&all[0], &[&all[0]], 3, 0.1).unwrap()), numbers(&all[0]));
    let [zero, one, two] = [0.0, 1.0, 2.0].map(|x| series(&[x; 5]));
    let made = barycentre(&zero, &[&one, &two], 1, 0.0).unwrap();
    assert!(numbers(&made).iter().all(|x| (x - (0.5 + 0.25 * 2.0) / 1.75).abs() < 1e-12), "{:?}", numbers(&made));
    let long = series(&vec![0.0; 40_000]);
    assert!(barycentre(&long, &[&long], 1, 1.0).unwrap_err().to_string().contains("band"));
}

#[test]
fn short_empty_constant_and_missing_series_come_through() {
    let inputs: Vec<Vec<f64>> = vec![
        vec![],
        vec![1.0],
        vec![1.0, 2.0],
        vec![1.0, 2.0, 0.0],
        vec![5.0; 12],
        vec![f64::NAN; 12],
        vec![1.0, f64::NAN, f64::NAN, 4.0, f64::NAN],
    ];
    for v in &inputs {
        let of = series(v);
        for name in ALL {
            let step = steps(&format!("{{ {name} }}"));
            for seed in 0..8 {
                let made = one(&step.series, &of, &[&series(&[3.0, 1.0]), &of], |k| Draw::new(seed, 0, 0, k)).unwrap();
                assert!(made.times.is_sorted() && made.times.len() == made.len(), "{name} {v:?}");
                assert!(made.steps.columns.iter().all(|c| c.len() == made.len()));
                assert_eq!(made.is_empty(), v.is_empty());
                let known = numbers(&made).iter().filter(|x| !x.is_nan());
                assert!(known.clone().all(|x| x.is_finite()), "{name} {v:?}");
                if v.iter().all(|x| x.is_nan()) {
                    assert_eq!(known.count(), 0, "{name}");
                }
            }
        }
    }
    // All of them together.
    one(&every().series, &series(&wave(50)), &[&series(&wave(30))], |k| Draw::new(1, 0, 0, k)).unwrap();
}

#[test]
fn bad_settings_are_said() {
    let said = |step: &str| Pipeline::from_toml(&format!("series = [{{ {step} }}]")).unwrap_err().to_string();
    assert!(said("jitter = { scale = -1.0 }").contains("scale"));
    assert!(said("jitter = {}, p = 1.5").contains("between 0 and 1"));
    assert!(said("pooling = { size = 0 }").contains("`size`"));
    assert!(said("time_warp = { ratio = 0.5 }").contains("ratio"));
    assert!(said("resample = { ratio = [2.0, 1.0] }").contains("lower end"));
    assert!(said("window_warp = { ratio = { choice = [] } }").contains("ratio"));
    assert!(said("jiter = {}").contains("did you mean `jitter`"));
    assert!(said("jitter = { scal = 1 }").contains("scal"));
    assert!(Sequence::new(vec![1.0, 0.0], series(&[1.0, 2.0]).steps).unwrap_err().to_string().contains("sort"));
    assert!(Sequence::new(vec![1.0], series(&[1.0, 2.0]).steps).unwrap_err().to_string().contains("1 times for 2"));
}

/// A panel of sensors: whole counts, two decimals, a state; days with or without gaps.
fn panel(gaps: bool) -> (Shape, Sequences) {
    let mut cells: Vec<Vec<String>> = vec![Vec::new(); 6];
    for sensor in 0..12_usize {
        let mut day = if gaps { sensor % 3 } else { 0 };
        for t in 0..(if gaps { 15 + sensor } else { 20 }) {
            day += if gaps { 1 + (t * 7 + sensor) % 3 } else { usize::from(t > 0) };
            let row = [
                format!("s{sensor}"),
                if sensor % 2 == 0 { "north" } else { "south" }.to_owned(),
                format!("2024-{:02}-{:02}", 1 + day / 28, 1 + day % 28),
                (10 + (t * 5 + sensor * 31) % 97).to_string(),
                format!("{:.2}", 20.0 + (t as f64 / 3.0).sin() * 2.0),
                if t % 6 < 2 { "off" } else { "on" }.to_owned(),
            ];
            cells.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
        }
    }
    let texts: Vec<Vec<Option<&str>>> = cells.iter().map(|c| c.iter().map(|x| Some(x.as_str())).collect()).collect();
    let names = ["sensor", "place", "day", "count", "warmth", "state"];
    let named: Vec<(&str, &[Option<&str>])> = names.iter().zip(&texts).map(|(n, c)| (*n, &c[..])).collect();
    let table = Table::from_text(&named).unwrap();
    let mut source = Source::of("t.csv");
    source.series = Some(toml::from_str("key = \"sensor\"\norder = \"day\"").unwrap());
    let (shape, sequences, _) = Shape::of(&Series { table, wide: None }, &source).unwrap();
    (shape, sequences)
}

#[test]
fn a_panel_comes_back_as_rows_with_right_stamps() {
    for gaps in [false, true] {
        let (shape, sequences) = panel(gaps);
        assert_eq!(shape.has_gap(), gaps);
        for name in ALL {
            let pipeline = Pipeline { seed: 5, target: Some("place".into()), ..steps(&format!("{{ {name} }}")) };
            let made = apply(&pipeline, &shape, &sequences, 0).unwrap();
            let of = made.sequences.clone();
            assert_eq!(of.count(), 12, "{name}");
            let table = shape.render(made, 0, 1, false).unwrap();
            let back = shape.parse(&table).unwrap();
            // The rows say what the sequences say: the same times, numbers to the digit.
            assert_eq!(of.offsets, back.offsets, "{name}");
            assert!(
                of.times.iter().zip(&back.times).all(|(a, b)| a == b),
                "{name} {gaps} {:?} {:?}",
                &of.times[..9],
                &back.times[..9]
            );
            for (a, b) in of.steps.columns.iter().zip(&back.steps.columns) {
                match (a, b) {
                    (Column::Number(a), Column::Number(b)) => {
                        assert!(a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan())), "{name}");
                    }
                    (Column::Category { codes: a, .. }, Column::Category { codes: b, .. }) => assert_eq!(a, b),
                    _ => panic!(),
                }
            }
        }
        let wrong = Pipeline { target: Some("state".into()), ..Pipeline::default() };
        assert!(apply(&wrong, &shape, &sequences, 0).unwrap_err().to_string().contains("throughout"));
    }
}

#[test]
fn a_panel_does_not_depend_on_threads_nor_on_other_series() {
    let (shape, sequences) = panel(true);
    let work = || format!("{:?}", apply(&Pipeline { seed: 1, ..every() }, &shape, &sequences, 2).unwrap());
    let with = |threads: usize| ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work);
    assert_eq!(with(1), with(3));
    let alone = steps("{ jitter = {} }");
    let all = apply(&alone, &shape, &sequences, 2).unwrap().sequences;
    let few = apply(&alone, &shape, &sequences.take(&[0, 1, 2]), 2).unwrap().sequences;
    let (a, b) = (steps_of(&shape, &all, 0), steps_of(&shape, &few, 0));
    assert_eq!(numbers(&a).len(), numbers(&b).len());
    assert!(numbers(&a).iter().zip(numbers(&b)).filter(|(a, b)| a == b).count() > numbers(&a).len() / 2);
}
