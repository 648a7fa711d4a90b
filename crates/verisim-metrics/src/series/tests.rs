#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;

use verisim_data::Data;
use verisim_data::rng::{Stream, normal, permutation, stream, uniform};
use verisim_data::series::{Names, Series, Settings as Parts, Source};

use super::dynamics::Reach;
use super::report::Report;
use super::*;
use crate::document::{Line, Mark};

/// The series of a text, by their own shape or that of others.
struct Read {
    shape: Shape,
    sequences: Sequences,
}

fn table(text: &str) -> verisim_data::table::Table {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.csv");
    std::fs::write(&path, text).unwrap();
    let source: verisim_data::table::Source = verisim_data::table::Source { path, ..Default::default() };
    <verisim_data::table::Table as Data>::read(&source, &mut Quiet).unwrap()
}

fn read(text: &str, parts: Parts) -> Read {
    let table = table(text);
    let series = Series { table, wide: None };
    let (shape, sequences, _) = Shape::of(&series, &Source { series: Some(parts), ..Source::of("s.csv") }).unwrap();
    Read { shape, sequences }
}

fn keyed(key: &str, order: &str) -> Parts {
    Parts { key: Some(Names::One(key.into())), order: Some(order.into()), ..Parts::default() }
}

fn long() -> Parts {
    Parts { key: Some(Names::Many(Vec::new())), ..Parts::default() }
}

impl Read {
    fn set(&self, synthetic: &str, holdout: Option<&str>, window: Option<usize>) -> Set {
        let parse = |text: &str| self.shape.parse(&table(text)).unwrap();
        Set::new(&self.shape, &self.sequences, &parse(synthetic), holdout.map(parse).as_ref(), window).unwrap()
    }

    fn compare(&self, synthetic: &str, holdout: Option<&str>) -> Report {
        self.compare_by(40, synthetic, holdout)
    }

    /// Networks learn from so many batches only: a test has no time for 300.
    fn compare_by(&self, batches: usize, synthetic: &str, holdout: Option<&str>) -> Report {
        let parse = |text: &str| self.shape.parse(&table(text)).unwrap();
        let settings = Settings { batches, ..Settings::default() };
        compare(&self.shape, &self.sequences, &parse(synthetic), holdout.map(parse).as_ref(), settings).unwrap()
    }
}

fn line(report: &Report, id: &str) -> Line {
    let lines = report.groups().into_iter().flat_map(|g| g.lines).collect::<Vec<_>>();
    let known = lines.iter().map(|l| l.id).collect::<Vec<_>>();
    lines.iter().find(|l| l.id == id).unwrap_or_else(|| panic!("no {id} in {known:?}")).clone()
}

fn mark(report: &Report, id: &str) -> Mark {
    line(report, id).mark
}

/// Thirty sequences by formula, of which other programs can make the same. Numbers, a category, a context of two columns, uneven times.
fn formula(s: usize) -> String {
    let mut text = String::from("id,region,size,time,v,w,u\n");
    for k in 0..30 {
        let mut time = k % 4 + s;
        for t in 0..8 + (k * 7 + s) % 5 {
            time += if t > 0 { 1 + (k * t + s) % 3 } else { 0 };
            let v = ((k * 37 + t * t * 11 + s * 5) % 101) as f64 / 4.0;
            let w = ((k * 13 + t * 29 * (s + 1)) % 89) as f64 / 3.0 + v / 10.0;
            let u = ["a", "b", "c"][(k + t * t + s * (t % 2)) % 3];
            let region = ["north", "south", "west"][(k * k + s) % 3];
            let size = ((k * 17 + s) % 40) as f64 / 8.0;
            writeln!(text, "{}{k:03},{region},{size:.3},{time},{v:.3},{w:.3},{u}", ["x", "y", "z"][s]).unwrap();
        }
    }
    text
}

/// The figures of `evaluate_series.py`, an independent program in numpy that has the same definitions, for the same files: its columns
/// `synth` and `floor`, with the key `id`, the order `time` and the static columns `region` and `size`.
#[test]
fn statistics_are_those_of_another_program() {
    let real = read(&formula(0), keyed("id", "time"));
    let (synthetic, held) = (formula(1), formula(2));
    let set = real.set(&synthetic, Some(&held), None);
    let reach = Reach { lags: 9, segment: 10 };
    let bag = |part: bag::Part<'_>| part.every(None).starts.len();
    assert_eq!((bag(set.real()), set.steps.numbers.len(), set.steps.categories.len()), (30, 2, 1));
    let of = |part: bag::Part<'_>| {
        let [a, b] = [set.real(), part].map(|p| p.tiles(&mut stream(1, "test", 0)));
        sides::statistics(&a, &b, reach, &[], 1)
    };
    let (x, y) = (of(set.synthetic()), of(set.holdout().unwrap()));
    type Of = fn(&scores::Statistics) -> Option<f64>;
    let expected: [(&str, Of, f64, f64); 18] = [
        ("marginal", |s| s.marginal_mean, 0.014444, 0.017778),
        ("worst", |s| s.marginal_worst, 0.023333, 0.04),
        ("missing", |s| s.missing, 0.0, 0.0),
        ("sum", |s| s.correlation_sum, 0.007039, 0.005511),
        ("correlation", |s| s.correlation, 0.03537, 0.044371),
        ("pooled", |s| s.acf_pooled, 0.132357, 0.349381),
        ("within", |s| s.acf_within, 0.139164, 0.387764),
        ("repeat", |s| s.acf_repeat, 0.222222, 0.24),
        ("lag", |s| s.cross_lag, 0.09171, 0.034544),
        ("spectrum", |s| s.spectrum, 0.16612, 0.407232),
        ("length", |s| s.length, 0.0, 0.0),
        ("interval", |s| s.interval, 0.288889, 0.288889),
        ("start", |s| s.start, 0.266667, 0.533333),
        ("transition", |s| s.transition, 0.133333, 0.0),
        ("bigram", |s| s.bigram, 0.133333, 0.0),
        ("context", |s| s.context, 0.35, 0.366667),
        ("dependence", |s| s.context_dependence, 0.299458, 0.559837),
        ("ratio", |s| s.context_ratio, 0.172229, 0.178981),
    ];
    for (name, of, synthetic, held) in expected {
        for (found, expected) in [(of(&x), synthetic), (of(&y), held)] {
            assert!((found.unwrap() - expected).abs() < 2e-6, "{name}: {found:?}, not {expected}");
        }
    }
    assert!(x.marginal_by_step.is_none() && x.kurtosis.is_none());
}

/// How a step follows from the one before it, and which kind of sequences they are.
fn step(last: Option<(f64, f64, usize)>, region: usize, rng: &mut Stream) -> (f64, f64, usize) {
    let mean = region as f64;
    let (a, b, u) = last.unwrap_or((mean + normal(rng), mean + normal(rng), region));
    let a = mean + 0.8 * (a - mean) + 0.6 * normal(rng);
    let b = 0.5 * a + 0.5 * (mean + 0.6 * (b - mean)) + 0.5 * normal(rng);
    (a, b, if uniform(rng) < 0.7 { u } else { (u + 1) % 3 })
}

/// `count` sequences of 12 to 15 steps; with `shuffled`, their steps in an order by chance.
fn panel(count: usize, seed: u64, shuffled: bool) -> String {
    let mut rng = stream(seed, "test panel", 0);
    let mut text = String::from("id,region,time,a,b,u\n");
    for k in 0..count {
        let region = k % 2;
        let length = 12 + k % 4;
        let mut steps = Vec::new();
        for t in 0..length {
            let last = if t > 0 { steps.last().copied() } else { None };
            steps.push(step(last, region, &mut rng));
        }
        if shuffled {
            steps = permutation(&mut rng, length).into_iter().map(|i| steps[i]).collect();
        }
        for (t, (a, b, u)) in steps.into_iter().enumerate() {
            writeln!(text, "k{seed}-{k:04},r{region},{t},{a:.4},{b:.4},{}", ["in", "exam", "out"][u]).unwrap();
        }
    }
    text
}

#[test]
fn a_copy_fails_privacy_alone() {
    let real = panel(80, 1, false);
    let copy = read(&real, keyed("id", "time")).compare(&real, Some(&panel(80, 2, false)));
    for id in ["closer_to_train", "too_close", "exact_copies", "copied_windows"] {
        assert_eq!(mark(&copy, id), Mark::Poor, "{id}: {:?}", line(&copy, id));
    }
    assert_eq!((copy.privacy.copies.rate(), copy.privacy.copied_steps), (1.0, 1.0));
    for id in ["acf", "acf_within", "spectrum", "transition", "marginal", "context", "length", "predictive"] {
        assert_eq!(mark(&copy, id), Mark::Good, "{id}: {:?}", line(&copy, id));
    }
}

#[test]
fn steps_in_another_order_fail_dynamics_alone() {
    let read = read(&panel(80, 1, false), keyed("id", "time"));
    let shuffled = read.compare(&panel(80, 3, true), Some(&panel(80, 2, false)));
    assert!(matches!(mark(&shuffled, "acf_repeat"), Mark::Fair | Mark::Poor));
    for id in ["acf_within", "transition", "boosted_auc"] {
        assert_eq!(mark(&shuffled, id), Mark::Poor, "{id}: {:?}", line(&shuffled, id));
    }
    for id in ["marginal", "correlation", "context", "length", "closer_to_train", "too_close", "exact_copies"] {
        assert_eq!(mark(&shuffled, id), Mark::Good, "{id}: {:?}", line(&shuffled, id));
    }
    assert!(shuffled.predictive.done().unwrap().ratio.unwrap() > 1.05);
}

#[test]
fn fresh_series_fail_nothing() {
    let read = read(&panel(80, 1, false), keyed("id", "time"));
    let fresh = read.compare(&panel(80, 3, false), Some(&panel(80, 2, false)));
    for line in fresh.groups().into_iter().flat_map(|g| g.lines) {
        assert!(matches!(line.mark, Mark::Good | Mark::Plain), "{line:?}");
    }
}

/// One long series: two numbers that follow each other, and a day of 12 steps.
fn series(steps: usize, seed: u64, shuffled: bool) -> String {
    let mut rng = stream(seed, "test long", 0);
    let mut rows = Vec::new();
    let (mut a, mut b) = (0.0, 0.0);
    for t in 0..steps {
        a = 0.7 * a + 0.5 * normal(&mut rng);
        b = 0.9 * b + 0.3 * a + 0.2 * normal(&mut rng);
        rows.push((a + libm::sin(t as f64 * std::f64::consts::TAU / 12.0), b));
    }
    if shuffled {
        rows = permutation(&mut rng, steps).into_iter().map(|i| rows[i]).collect();
    }
    rows.into_iter().fold(String::from("a,b\n"), |text, (a, b)| text + &format!("{a:.4},{b:.4}\n"))
}

#[test]
fn the_same_of_one_long_series() {
    let real = series(2400, 1, false);
    let (held, read) = (series(1200, 2, false), read(&real, Parts { window: Some(12), ..long() }));
    let copy = read.compare(&real, Some(&held));
    for id in ["too_close", "exact_copies", "copied_windows"] {
        assert_eq!(mark(&copy, id), Mark::Poor, "{id}: {:?}", line(&copy, id));
    }
    assert!(matches!(mark(&copy, "closer_to_train"), Mark::Poor | Mark::Fair));
    assert_eq!((copy.counts.window, mark(&copy, "acf")), (Some(12), Mark::Good));
    let shuffled = read.compare(&series(2400, 3, true), Some(&held));
    for id in ["acf", "acf_within", "spectrum", "cross_lag", "boosted_auc"] {
        assert_eq!(mark(&shuffled, id), Mark::Poor, "{id}: {:?}", line(&shuffled, id));
    }
    assert!(matches!(mark(&shuffled, "discriminative"), Mark::Fair | Mark::Poor));
    assert_eq!((mark(&shuffled, "marginal"), mark(&shuffled, "exact_copies")), (Mark::Good, Mark::Good));
    // Without a hold-out real blocks are there to judge by; what needs one says so.
    let fresh = read.compare(&series(1200, 4, false), None);
    for line in fresh.groups().into_iter().flat_map(|g| g.lines) {
        assert!(matches!(line.mark, Mark::Good | Mark::Plain), "{line:?}");
    }
    assert!(
        line(&fresh, "closer_to_train").verdict.contains("needs held-out")
            && fresh.scores.acf_pooled.unwrap().holdout.is_none()
    );
    assert!(fresh.scores.acf_pooled.unwrap().fresh.is_some());
    // Windows that were made alone, in a file of several.
    let mut windows = String::from("sequence,a,b\n");
    for k in 0..40 {
        series(12, 100 + k, false).lines().skip(1).for_each(|row| writeln!(windows, "{k},{row}").unwrap());
    }
    assert_eq!(read.compare(&windows, Some(&held)).counts.compared, 40);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let read = read(&panel(40, 1, false), keyed("id", "time"));
    let (synthetic, held) = (panel(40, 2, false), panel(30, 3, false));
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let document = read.compare_by(10, &synthetic, Some(&held)).document();
            (document.to_json(), document.to_html())
        })
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn odd_series_give_reports() {
    let panel = |cell: &dyn Fn(usize, usize) -> String, keys: usize, steps: usize| {
        let mut text = String::from("id,time,x,y\n");
        for k in 0..keys {
            (0..steps).for_each(|t| writeln!(text, "k{k:02},{t},{}", cell(k, t)).unwrap());
        }
        text
    };
    let plain =
        |k: usize, t: usize| format!("{:.2},{}", (k * 31 + t * 17) as f64 % 23.0 / 3.0, ["a", "b"][(k + t) % 2]);
    let real = read(&panel(&plain, 20, 6), keyed("id", "time"));
    let others = [
        ("one sequence", panel(&plain, 1, 6)),
        ("one step", panel(&plain, 1, 1)),
        ("lengths of 1", panel(&plain, 30, 1)),
        ("a constant", panel(&|_, _| "3.00,a".into(), 20, 6)),
        (
            "missing numbers",
            panel(
                &|k, t| format!("{},{}", if t % 2 == 0 { String::new() } else { "2.50".into() }, ["a", "b"][k % 2]),
                20,
                6,
            ),
        ),
        ("nothing", panel(&|_, _| ",".into(), 20, 6)),
        ("other levels", panel(&|k, t| format!("{:.2},z{}", k as f64 * 1e6, t), 20, 6)),
        ("much longer", panel(&plain, 5, 200)),
        ("without a column", panel(&plain, 20, 6).replace("time,x,y", "time,x,q")),
    ];
    for (name, text) in &others {
        for held in [None, Some(others[0].1.as_str()), Some(others[2].1.as_str())] {
            let document = real.compare_by(3, text, held).document();
            assert!(document.to_html().ends_with("</html>\n") && document.to_text().len() > 100, "{name}");
            assert!(!document.to_text().contains("NaN"), "{name}: {}", document.to_text());
        }
    }
    // Odd training series.
    let empty = |_: usize, _: usize| ",".to_owned();
    let words = |k: usize, t: usize| format!("{},{}", ["p", "q", "r"][(k * t) % 3], ["a", "b"][(k + t) % 2]);
    let lonely = |k: usize, t: usize| format!("{},{}", (k * 7 + t) % 5, ["a", "b"][(k + t) % 2]);
    for text in [panel(&words, 20, 6), panel(&lonely, 12, 1), panel(&plain, 2, 3), panel(&lonely, 1, 9)] {
        let real = read(&text, keyed("id", "time"));
        for other in [text.clone(), panel(&plain, 3, 4), panel(&empty, 3, 4)] {
            real.compare_by(3, &other, Some(&text)).document().to_html();
        }
    }
    // Short long series.
    let long_one = |steps: usize| {
        (0..steps).fold(String::from("x,y\n"), |text, t| text + &format!("{}.5,{}\n", t * t % 11, ["a", "b"][t % 2]))
    };
    for steps in [3, 5, 24, 144] {
        let real = read(&long_one(steps), long());
        for other in [1, 2, 50] {
            let report = real.compare_by(3, &long_one(other), None);
            assert!(report.counts.window.unwrap() >= 1);
            report.document().to_html();
        }
    }
}

#[test]
fn few_sequences_are_not_judged() {
    let read = read(&panel(6, 1, false), keyed("id", "time"));
    let report = read.compare(&panel(6, 3, true), Some(&panel(6, 2, false)));
    for id in ["acf_within", "transition", "too_close"] {
        assert_eq!(
            (line(&report, id).verdict.as_str(), mark(&report, id)),
            ("too few sequences to tell", Mark::Plain),
            "{id}"
        );
    }
    assert!(line(&report, "boosted_auc").verdict.contains("at least ten"));
}

#[test]
fn what_is_broken_in_a_file_is_counted() {
    let real = read(&panel(8, 1, false), keyed("id", "time"));
    let text = "id,region,time,a,b,u\nk1,r0,0,1.5,1.5,in\nk1,r1,1,1.5,1.5,in\nk2,r0,5,1.5,1.5,in\nk2,r0,4,1.5,1.5,in\nk2,r0,4,1.5,1.5,in\n,r0,4,1.5,1.5,in\n";
    let broken = Broken::of(&real.shape, &real.shape.key, &table(text)).unwrap();
    let counts = [broken.not_constant, broken.at_one_time, broken.unsorted, broken.nowhere].map(|c| (c.hits, c.rows));
    assert_eq!(counts, [(1, 2), (1, 3), (1, 3), (1, 6)]);
}

#[test]
fn copies_are_counted_by_hand() {
    // Two windows of five stand in training, one of them across its windows; the others do not.
    let number =
        |rows: &[i32]| rows.iter().fold(String::from("x,y\n"), |text, x| text + &format!("{x}.25,{}.5\n", x * x));
    let train: Vec<i32> = (0..40).map(|t| t * 7 % 41).collect();
    let real = read(&number(&train), Parts { window: Some(5), ..long() });
    let mut synthetic = String::from("sequence,x,y\n");
    let windows = [&train[3..8], &train[10..15], &[50, 51, 52, 53, 54], &[train[0], train[1], train[2], train[3], 60]];
    for (k, rows) in windows.iter().enumerate() {
        number(rows).lines().skip(1).for_each(|row| writeln!(synthetic, "{k},{row}").unwrap());
    }
    let set = real.set(&synthetic, None, Some(5));
    let found = privacy::privacy(&Sides::new(&set, 1), 1);
    let count = |c: crate::Count| (c.hits, c.rows);
    assert_eq!((count(found.copies), count(found.windows), found.copied_steps), ((2, 4), (2, 4), 0.5));
    assert_eq!(found.closer, None);
}

#[test]
fn tiles_and_blocks_are_as_they_should_be() {
    let real = read(&series(12_194, 1, false), long());
    let set = real.set(&series(600, 2, false), None, Some(24));
    let part = set.real();
    // 12,194 // max(min(192, 1,524), 48) of the other program.
    let blocks = part.blocks();
    assert_eq!((blocks.len(), blocks.iter().map(|b| b.length).sum::<usize>()), (63, 12_194));
    let mut rng = stream(1, "test", 0);
    let tiles = part.tiles(&mut rng);
    assert!(tiles.starts.windows(2).all(|w| (24..=28).contains(&(w[1] - w[0]))));
    assert!(tiles.starts[0] < 24 && tiles.starts[tiles.len() - 1] + 24 <= 12_194);
    let some = tiles.take(&[3, 100]);
    let rest = part.every(Some(&some));
    let free = |start: usize| some.starts.iter().all(|s| start + 24 <= *s || s + 24 <= start);
    assert_eq!(rest.len(), part.every(None).starts.iter().filter(|s| free(**s)).count());
    for turn in 0..3 {
        let [a, b] = part.halves(turn, &mut rng).unwrap();
        let mut all: Vec<usize> =
            [a, b].iter().flat_map(|p| &p.spans).flat_map(|s| s.start..s.start + s.length).collect();
        all.sort_unstable();
        assert_eq!(all, (0..12_194).collect::<Vec<_>>());
    }
}

#[test]
fn prices_are_known_by_their_returns() {
    let mut rng = stream(5, "test prices", 0);
    let (mut log, mut size) = (4.0_f64, 0.01_f64);
    let mut text = String::from("price,wave,noise\n");
    for t in 0..1500 {
        // A size of returns that stays, and tails that are heavy for it.
        size = (0.0005 + 0.12 * size * size * normal(&mut rng).powi(2) / 0.0005_f64.sqrt() * 0.02 + 0.93 * size)
            .clamp(0.002, 0.05);
        log += size * normal(&mut rng);
        let wave = 10.0 + libm::sin(t as f64 / 30.0);
        writeln!(text, "{:.4},{wave:.4},{:.4}", log.exp(), 20.0 + normal(&mut rng)).unwrap();
    }
    let set = read(&text, long()).set(&text, None, Some(24));
    assert_eq!(facts::prices(&set.real()), [0]);
    let bag = set.real().every(None);
    let of = facts::Facts::of(&bag, 0, 20);
    assert!(of.kurtosis > 2.5 && of.returns[0].abs() < 0.1, "{of:?}");
}

/// Asks for what is in a folder.
fn ask(folder: &std::path::Path, rest: &str) -> crate::Result<(crate::Document, Vec<String>)> {
    struct Notes(Vec<String>);
    impl Watch for Notes {
        fn on(&mut self, event: Event) {
            if let Event::Note(note) = event {
                self.0.push(note);
            }
        }
    }
    let path = |name: &str| format!("{:?}", folder.join(name));
    let text = format!("{{\"real\":{},\"synthetic\":{}{rest}}}", path("real.csv"), path("made.csv"));
    let mut notes = Notes(Vec::new());
    let ask: Ask = serde_json::from_str(&text).unwrap();
    let document = <Series as crate::Compare>::compare(&ask, None, &(), &mut notes)?;
    Ok((document, notes.0))
}

#[test]
fn files_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("real.csv", &panel(12, 1, false));
    write("made.csv", &panel(9, 2, false).replace(",r0,0,", ",r1,0,").replacen("k2-0000,r0,1,", "k2-0000,r0,1,x", 1));
    let (document, notes) = ask(folder.path(), ",\"key\":\"id\",\"order\":\"time\"").unwrap();
    let json: serde_json::Value = serde_json::from_str(&document.to_json()).unwrap();
    assert_eq!(json["counts"]["train"]["sequences"], 12);
    assert_eq!(
        (&json["counts"]["compared"], &json["structure"]["synthetic"]["not_constant"]["hits"]),
        (&6.into(), &5.into())
    );
    assert!(json["verdicts"].as_array().unwrap().iter().any(|v| v["id"] == "not_constant" && v["mark"] != "good"));
    assert!(json["pictures"]["autocorrelation"][0]["train"].as_array().unwrap().len() > 5);
    assert!(notes.iter().any(|n| n.contains("made.csv: 1 values of `a` do not fit")), "{notes:?}");
    // A file of other columns is named, and so is one that lacks some.
    write("made.csv", "id,region,time,a\nx,r0,1,2.5\nx,r0,2,2.5\n");
    let (_, notes) = ask(folder.path(), "").unwrap();
    assert!(notes.iter().any(|n| n.contains("has no column `b`")), "{notes:?}");
    write("made.csv", "other\n1\n");
    let error = ask(folder.path(), "").unwrap_err().to_string();
    assert!(error.contains("made.csv") && error.contains("real.csv"), "{error}");
    write("made.csv", "id,region,time,a,b,u\n");
    assert!(ask(folder.path(), "").is_err());
    assert!(serde_json::from_str::<Ask>("{\"real\":\"a\",\"synthetic\":\"b\",\"target\":\"c\"}").is_err());
}

#[test]
fn a_long_series_may_come_without_its_times() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let text = series(200, 1, false);
    let mut dated = String::from("day,a,b\n");
    text.lines().skip(1).enumerate().for_each(|(t, row)| writeln!(dated, "{t},{row}").unwrap());
    write("real.csv", &dated);
    write("made.csv", &series(150, 2, false));
    let (document, notes) = ask(folder.path(), ",\"window\":8,\"order\":\"day\",\"key\":[]").unwrap();
    assert!(notes.iter().any(|n| n.contains("made.csv: has no column `day`")), "{notes:?}");
    assert!(document.to_text().contains("windows of 8 steps"));
}

#[test]
fn files_with_a_row_a_sequence_are_compared_under_a_known_shape() {
    let folder = tempfile::tempdir().unwrap();
    let wide = |count: usize, by: usize| {
        let head = (0..10).fold(String::from("label"), |head, t| head + &format!(",t{t}")) + "\n";
        (0..count).fold(head, |text, i| {
            let cells = (0..10).map(|t| format!(",{}.5", (i * by + t * t) % 17)).collect::<String>();
            text + ["p", "q"][i % 2] + &cells + "\n"
        })
    };
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("real.csv", &wide(30, 5));
    write("made.csv", &wide(20, 7));
    let (document, _) = ask(folder.path(), "").unwrap();
    let json: serde_json::Value = serde_json::from_str(&document.to_json()).unwrap();
    assert_eq!(
        (&json["counts"]["train"]["sequences"], &json["counts"]["synthetic"]["steps"]),
        (&30.into(), &200.into())
    );
    let source = Source::of(folder.path().join("real.csv"));
    let (shape, ..) = Shape::of(&<Series as Data>::read(&source, &mut Quiet).unwrap(), &source).unwrap();
    let spec = verisim_data::series::Spec {
        shape,
        changes: Vec::new(),
        finer: Vec::new(),
        context: Default::default(),
        steps: Default::default(),
    };
    let known = crate::Known { source: None, spec };
    let paths = ["real.csv", "made.csv"].map(|name| folder.path().join(name));
    let [real, synthetic] = paths;
    let ask = Ask { real, synthetic, ..Ask::default() };
    let same = <Series as crate::Compare>::compare(&ask, Some(&known), &(), &mut Quiet).unwrap();
    assert_eq!(same.to_json(), document.to_json());
}
