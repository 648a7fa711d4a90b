#![allow(clippy::unwrap_used)]

use verisim_data::rng::{Stream, below, normal, stream, uniform};

use super::super::unit::Unit;
use super::super::values::{Scale, Values};
use super::report::Likeness;
use super::*;
use crate::Count;

fn category(name: &str, levels: &[&str], missing: bool) -> Compared {
    let levels = levels.iter().map(|l| l.to_string()).collect();
    Compared { name: name.to_owned(), scale: Scale::Category { levels, missing }, date: None }
}

fn number(name: &str) -> Compared {
    Compared { name: name.to_owned(), scale: Scale::Number { decimals: Some(0), unit: Unit::default() }, date: None }
}

fn codes(codes: &[u32]) -> ValueTable {
    table(vec![Values::Category(codes.to_vec())])
}

fn table(columns: Vec<Values>) -> ValueTable {
    let rows = match &columns[0] {
        Values::Category(v) => v.len(),
        Values::Number(v) => v.len(),
    };
    ValueTable { rows, columns }
}

fn times(counts: &[usize]) -> Vec<u32> {
    counts.iter().enumerate().flat_map(|(code, &n)| vec![code as u32; n]).collect()
}

/// People: a job out of twelve, ever rarer, its sector, age, an income that goes with it, members, and cities.
fn people() -> Vec<Compared> {
    let names: Vec<String> = (0..30).map(|i| format!("level {i}")).collect();
    let levels: Vec<&str> = names.iter().map(String::as_str).collect();
    vec![
        category("job", &levels[..12], false),
        category("sector", &levels[..4], false),
        number("age"),
        number("income"),
        category("member", &["no", "yes"], false),
        category("city", &levels, false),
    ]
}

const MEMBER: usize = 4;

fn person(rng: &mut Stream) -> ([u32; 4], [f64; 2]) {
    let job = ((uniform(rng).powi(2) * 12.0) as u32).min(11);
    let sector = if uniform(rng) < 0.9 { job / 3 } else { below(rng, 4) as u32 };
    let age = (40.0 + 12.0 * normal(rng)).round();
    let income = (10.0 + 0.03 * age + 0.4 * normal(rng)).exp().round();
    let city = ((uniform(rng).powi(3) * 30.0) as u32).min(29);
    ([job, sector, u32::from(uniform(rng) < 0.08), city], [age, income])
}

/// The first `n` people of a stream that `wanted` lets in.
fn draw_people(n: usize, seed: u64, wanted: impl Fn(&[u32; 4]) -> bool) -> ValueTable {
    let mut rng = stream(seed, "people", 0);
    let rows = std::iter::from_fn(|| Some(person(&mut rng)));
    let rows: Vec<_> = rows.filter(|(codes, _)| wanted(codes)).take(n).collect();
    let code = |k: usize| Values::Category(rows.iter().map(|r| r.0[k]).collect());
    let value = |k: usize| Values::Number(rows.iter().map(|r| r.1[k]).collect());
    table(vec![code(0), code(1), value(0), value(1), code(2), code(3)])
}

fn all(_: &[u32; 4]) -> bool {
    true
}

fn compared(synthetic: ValueTable, n: usize, seed: u64) -> Minorities {
    let (real, holdout) = (draw_people(n, 10 * seed, all), Some(draw_people(n, 10 * seed + 1, all)));
    minorities(&Comparison { fields: people(), real, synthetic, holdout }, &[MEMBER, 2], seed)
}

/// Two shares differ by no more than `sds` standard deviations of chance.
fn alike(a: Count, b: Count, sds: f64) -> bool {
    let share = (a.hits + b.hits) as f64 / (a.rows + b.rows) as f64;
    let spread = (share * (1.0 - share) * (1.0 / a.rows as f64 + 1.0 / b.rows as f64)).sqrt();
    (a.rate() - b.rate()).abs() <= sds * spread
}

#[test]
fn fresh_rows_stand_beside_their_floors() {
    for (n, seeds, close) in [(100, 20, 0.04), (1_000, 10, 0.015), (10_000, 3, 0.006)] {
        let found: Vec<Minorities> =
            (0..seeds).map(|seed| compared(draw_people(n, 10 * seed + 2, all), n, seed)).collect();
        let mut gaps = Vec::new();
        for m in &found {
            assert!(alike(m.rare.synthetic, m.rare.holdout.unwrap(), 4.0), "{n}: {:?}", m.rare);
            assert!((m.rare.train.rate() - 0.1).abs() <= 0.03, "{n}: {:?}", m.rare);
            assert_eq!((m.lost.synthetic.hits, m.lost.holdout.unwrap().hits), (0, 0));
            // Pairs overlap, so chance is wider than that of coins.
            assert!(alike(m.combinations.synthetic, m.combinations.holdout.unwrap(), 8.0), "{:?}", m.combinations);
            let groups = m.groups.iter().map(|g| (g.synthetic, g.holdout.unwrap(), g.likeness));
            for (synthetic, holdout, likeness) in groups {
                assert!(alike(synthetic, holdout, 4.0), "{n}: {synthetic:?} {holdout:?}");
                gaps.extend(likeness);
            }
            gaps.extend(m.rare.likeness);
        }
        let gap = |l: &Likeness| l.floor.map(|floor| l.score - floor);
        let gaps: Vec<f64> = gaps.iter().filter_map(gap).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!(mean.abs() < close, "{n}: {mean} over {}", gaps.len());
    }
}

#[test]
fn a_small_holdout_is_a_fair_floor() {
    let mut gaps = Vec::new();
    for seed in 0..10 {
        let (real, synthetic) = (draw_people(2_000, 10 * seed, all), draw_people(2_000, 10 * seed + 1, all));
        let holdout = Some(draw_people(150, 10 * seed + 2, all));
        let m = minorities(&Comparison { fields: people(), real, synthetic, holdout }, &[MEMBER, 2], seed);
        let scored = m.groups.iter().filter_map(|g| g.likeness).chain(m.rare.likeness);
        gaps.extend(scored.filter_map(|l| l.floor.map(|floor| l.score - floor)));
        assert!(m.combinations.rows == 150 && alike(m.combinations.synthetic, m.combinations.holdout.unwrap(), 8.0));
    }
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    assert!(mean.abs() < 0.02, "{mean} over {}", gaps.len());
}

#[test]
fn rare_rows_that_were_removed_are_seen() {
    let n = 4_000;
    let common = |codes: &[u32; 4]| codes[2] == 0 && codes[3] < 15 && codes[0] < 9;
    let m = compared(draw_people(n, 2, common), n, 0);
    let floor = m.rare.holdout.unwrap();
    assert!(m.rare.synthetic.rate() < 0.7 * floor.rate() && !alike(m.rare.synthetic, floor, 4.0), "{:?}", m.rare);
    assert!(m.combinations.synthetic.rate() < 0.5 * m.combinations.holdout.unwrap().rate());
    let lost: Vec<(&str, &str)> = m.lost.levels.iter().map(|l| (l.column.as_str(), l.level.as_str())).collect();
    assert!(lost.contains(&("member", "yes")) && lost.contains(&("job", "level 9")), "{lost:?}");
    assert_eq!((m.lost.synthetic.hits, m.lost.holdout.unwrap().hits), (lost.len(), 0));
    let members = m.groups.iter().find(|g| g.level == "yes").unwrap();
    assert!(members.synthetic.hits == 0 && members.train.hits > 50 && members.likeness.is_none());
}

#[test]
fn a_group_made_badly_scores_below_its_floor() {
    let n = 4_000;
    let mut synthetic = draw_people(n, 2, all);
    let member = synthetic.columns[MEMBER].clone();
    // The incomes of members are those of others.
    if let (Values::Category(member), Values::Number(income)) = (member, &mut synthetic.columns[3]) {
        income.iter_mut().zip(member).filter(|(_, m)| *m == 1).for_each(|(x, _)| *x *= 4.0);
    }
    let m = compared(synthetic, n, 0);
    let gap = |level: &str| {
        let likeness = m.groups.iter().find(|g| g.level == level).unwrap().likeness.unwrap();
        likeness.floor.unwrap() - likeness.score
    };
    assert!(gap("yes") > 0.05 && gap("no").abs() < 0.02, "{} {}", gap("yes"), gap("no"));
}

#[test]
fn a_lost_level_is_found_and_one_missing_by_chance_is_not() {
    let fields = vec![category("class", &["a", "b", "c", "(missing)"], true), number("age")];
    let with = |counts: &[usize]| {
        let codes = times(counts);
        let ages = vec![f64::NAN; codes.len()];
        table(vec![Values::Category(codes), Values::Number(ages)])
    };
    let real = with(&[900, 40, 10, 50]);
    let holdout = Some(with(&[980, 0, 20, 0]));
    let found = lost::lost(&Comparison { fields, real, synthetic: with(&[990, 0, 0, 10]), holdout });
    // Of 10 rows none may come back by chance; b is lost, and missing values are there.
    assert_eq!((found.synthetic.hits, found.synthetic.rows), (1, 3));
    assert_eq!((found.levels[0].level.as_str(), found.levels[0].train), ("b", 40));
    assert_eq!(found.holdout.unwrap().hits, 2);
}

#[test]
fn groups_by_hand() {
    let fields = vec![category("sex", &["f", "m", "x"], false), number("age"), category("city", &["a", "b"], false)];
    let with = |sexes: &[usize], cities: [u32; 2]| {
        let sex = times(sexes);
        let ages = (0..sex.len()).map(|i| if i == 0 { f64::NAN } else { i as f64 }).collect();
        // All women live in one city, and all others in another.
        let city = sex.iter().map(|&s| cities[usize::from(s > 0)]).collect();
        table(vec![Values::Category(sex), Values::Number(ages), Values::Category(city)])
    };
    let synthetic = with(&[10, 91, 0], [1, 1]);
    let tables = Comparison { fields, real: with(&[60, 36, 5], [0, 1]), synthetic, holdout: None };
    let found = groups::groups(&tables, &[0, 1], &[0, 2], 1);
    let rows: Vec<(&str, usize, usize)> =
        found.iter().map(|g| (g.level.as_str(), g.train.hits, g.synthetic.hits)).collect();
    let quarters = ["1 to 25", "26 to 50", "51 to 75", "76 to 100"].map(|level| (level, 25, 25));
    assert_eq!(rows[..2], [("f", 60, 10), ("m", 36, 91)]);
    assert_eq!(rows[2..], quarters);
    // Their city alone is compared: no woman's is right.
    let scores = found[..2].iter().map(|g| g.likeness.unwrap());
    let scores: Vec<_> = scores.map(|l| (l.rows, l.score.round(), l.floor)).collect();
    assert_eq!(scores, [(10, 0.0, None), (91, 1.0, None)]);
}

#[test]
fn combinations_by_hand() {
    let levels: Vec<Compared> = ["a", "b"].map(|name| category(name, &["0", "1", "2", "3"], false)).to_vec();
    let pairs = |pairs: &[(u32, u32, usize)]| {
        let column =
            |of: fn(&(u32, u32, usize)) -> u32| Values::Category(pairs.iter().flat_map(|p| vec![of(p); p.2]).collect());
        table(vec![column(|p| p.0), column(|p| p.1)])
    };
    // Met once, twice, ten times and eleven times.
    let real = pairs(&[(0, 3, 1), (1, 1, 2), (2, 3, 10), (3, 3, 11)]);
    let synthetic = pairs(&[(0, 3, 5), (2, 3, 1), (3, 3, 6)]);
    let holdout = Some(pairs(&[(1, 1, 4), (2, 3, 8)]));
    let found = combinations::combinations(&Comparison { fields: levels, real, synthetic, holdout }, 1);
    assert_eq!((found.pairs, found.rows), (1, 12));
    assert_eq!((found.synthetic, found.holdout), (Count::new(1, 2), Some(Count::new(2, 2))));
}

#[test]
fn tiny_tables_give_numbers() {
    let fields = vec![category("a", &["x"], false)];
    let tables = Comparison { fields, real: codes(&[0]), synthetic: codes(&[0]), holdout: Some(codes(&[0])) };
    let found = minorities(&tables, &[0], 1);
    assert_eq!((found.rare.train.hits, found.rare.likeness, found.lost.synthetic.rows), (0, None, 0));
    assert!(found.groups.is_empty() && found.combinations.pairs == 0);
}

#[test]
fn wide_tables_are_drawn_from_and_threads_change_nothing() {
    let n = 300;
    let wide = |seed: u64| {
        let column = |j: usize| {
            let mut rng = stream(seed, "wide", j as u64);
            match j.is_multiple_of(2) {
                true => Values::Number((0..n).map(|_| normal(&mut rng)).collect()),
                false => Values::Category((0..n).map(|_| below(&mut rng, 3) as u32).collect()),
            }
        };
        table((0..5_000).map(column).collect())
    };
    let field = |j: usize| if j.is_multiple_of(2) { number("x") } else { category("c", &["0", "1", "2"], false) };
    let fields = (0..5_000).map(field).collect();
    let tables = Comparison { fields, real: wide(1), synthetic: wide(2), holdout: Some(wide(3)) };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| minorities(&tables, &[0, 4_999], 1))
    };
    let found = with(1);
    assert_eq!(found, with(3));
    assert_eq!((found.combinations.pairs, found.lost.synthetic.rows), (500, 7_500));
}
