//! Against imbalanced-learn 0.14.2 (`vectors.json`, made by its classes on rows without equal distances), closed forms, and tables
//! with rules.

#![allow(clippy::unwrap_used)]

use rayon::ThreadPoolBuilder;
use serde_json::Value;
use verisim_data::rng::{below, normal, stream, uniform};
use verisim_data::table::rules::RuleSettings;
use verisim_data::table::{Column, ColumnKind, Detected, Field, Frame, MISSING, Reason, Schema, Table};

use super::nearest::Tree;
use super::space::Space;
use super::*;
use crate::Pipeline;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

fn whole(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as usize).collect()
}

fn lists(value: &Value) -> Vec<Vec<usize>> {
    value.as_array().unwrap().iter().map(whole).collect()
}

fn category(codes: Vec<u32>) -> Column {
    let levels = codes.iter().filter(|c| **c != MISSING).max().map_or(0, |c| c + 1);
    Column::Category { codes, levels: (0..levels).map(|l| format!("l{l}")).collect() }
}

fn codes(column: &Column) -> &[u32] {
    match column {
        Column::Category { codes, .. } => codes,
        Column::Number(_) => panic!(),
    }
}

fn numbers(column: &Column) -> &[f64] {
    match column {
        Column::Number(v) => v,
        Column::Category { .. } => panic!(),
    }
}

/// A schema of columns `c0`, `c1` ..., numbers to so many decimals, and the last called `class`.
fn schema(frame: &Frame, decimals: u8) -> Schema {
    let last = frame.columns.len() - 1;
    let field = |(j, column): (usize, &Column)| {
        let name = if j == last { "class".to_owned() } else { format!("c{j}") };
        let kind = match column {
            Column::Number(_) => ColumnKind::Decimal { decimals },
            Column::Category { .. } => ColumnKind::Categorical { numeric: false },
        };
        Field::new(&name, kind, Reason::Untold)
    };
    Schema { fields: frame.columns.iter().enumerate().map(field).collect(), ..Schema::default() }
}

/// The rows of the vectors: three numbers, perhaps some categories, and the class.
fn stored(categories: &[&str]) -> Frame {
    let v = vectors();
    let x = v["x"].as_array().unwrap();
    let number = |j: usize| Column::Number(x.iter().map(|row| row[j].as_f64().unwrap()).collect());
    let mut columns: Vec<Column> = (0..3).map(number).collect();
    let cats = |which: &str| match which {
        "third" => whole(&v["vdm_third"]),
        which => whole(&v["cats"][which.parse::<usize>().unwrap()]),
    };
    let code = |all: Vec<usize>| category(all.iter().map(|&c| c as u32).collect());
    columns.extend(categories.iter().map(|which| code(cats(which))));
    columns.push(code(whole(&v["y"])));
    let rows = x.len();
    Frame::new(columns, rows)
}

fn no_rules() -> RuleSettings {
    RuleSettings { find: false, ..RuleSettings::default() }
}

fn settings(method: Method) -> Resample {
    Resample { target: "class".into(), method, scale: Scale::None, ..Resample::default() }
}

fn run(settings: &Resample, frame: &Frame) -> Resampled {
    let schema = schema(frame, 3);
    let keeper = Keeper::of(&schema, frame, &no_rules()).unwrap();
    settings.apply(&schema, frame, &keeper, 1).unwrap()
}

/// That each made row lies between its parents, to the digit, and that the second is among the neighbours listed for the first.
fn lies_between(frame: &Frame, out: &Resampled, own: &[usize], near: &[Vec<usize>]) {
    for (i, &[a, b]) in out.parents.iter().enumerate() {
        let place = own.iter().position(|&row| row == a).unwrap();
        assert!(near[place].contains(&b), "{a} {b}");
        // The share of the way is the same in every column.
        let mut range = (0.0_f64, 1.0_f64);
        for (real, made) in frame.columns.iter().zip(&out.made.columns) {
            let (Column::Number(v), Column::Number(made)) = (real, made) else { continue };
            let way = v[b] - v[a];
            let (lo, hi) = ((made[i] - 0.0006 - v[a]) / way, (made[i] + 0.0006 - v[a]) / way);
            range = (range.0.max(lo.min(hi)), range.1.min(lo.max(hi)));
        }
        assert!(range.0 <= range.1, "row {i}: {range:?}");
    }
}

#[test]
fn smote_makes_rows_between_the_neighbours_of_imbalanced_learn() {
    let (frame, v) = (stored(&[]), vectors());
    let own: Vec<usize> = (0..frame.rows).filter(|&i| codes(&frame.columns[3])[i] == 1).collect();
    let near = lists(&v["smote_neighbours"]);
    let space = Space::of(&frame, Some(3), Scale::None);
    assert_eq!(Tree::of(&space, &own, 1.0).nearest(&own, 5, None).neighbours, near);
    let out = run(&settings(Method::Smote), &frame);
    assert_eq!((out.kept.len(), out.made.rows), (60, 24));
    assert!(codes(&out.made.columns[3]).iter().all(|&c| c == 1));
    lies_between(&frame, &out, &own, &near);
    // The way is a uniform share of the line: its mean over many rows is 1/2, to four deviations.
    let many = Resample { rows: Some([("l1".to_owned(), 4000)].into()), ..settings(Method::Smote) };
    let out = run(&many, &frame);
    let x = numbers(&frame.columns[0]);
    let share = |(i, &[a, b]): (usize, &[usize; 2])| (numbers(&out.made.columns[0])[i] - x[a]) / (x[b] - x[a]);
    let wide = |[a, b]: &[usize; 2]| (x[*a] - x[*b]).abs() > 0.2;
    let shares: Vec<f64> = out.parents.iter().enumerate().filter(|(_, p)| wide(p)).map(share).collect();
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!((mean - 0.5).abs() < 4.0 * (1.0 / 12.0 / shares.len() as f64).sqrt(), "{mean}");
}

#[test]
fn smote_nc_finds_the_neighbours_of_imbalanced_learn_and_takes_the_commonest_value() {
    let (frame, v) = (stored(&["0", "1"]), vectors());
    let own: Vec<usize> = (0..frame.rows).filter(|&i| codes(&frame.columns[5])[i] == 1).collect();
    let space = Space::of(&frame, Some(5), Scale::None);
    let weight = space.weight(&own);
    assert!((weight.sqrt() - v["nc_median"].as_f64().unwrap()).abs() < 1e-12);
    let near = lists(&v["nc_neighbours"]);
    assert_eq!(Tree::of(&space, &own, weight).nearest(&own, 5, None).neighbours, near);
    let out = run(&settings(Method::Smote), &frame);
    assert_eq!(out.made.rows, 24);
    lies_between(&frame, &out, &own, &near);
    for (i, &[a, _]) in out.parents.iter().enumerate() {
        let near = &near[own.iter().position(|&row| row == a).unwrap()];
        for j in [3, 4] {
            let has = |level: u32| near.iter().filter(|&&r| codes(&frame.columns[j])[r] == level).count();
            let most = (0..3).map(has).max().unwrap();
            assert_eq!(has(codes(&out.made.columns[j])[i]), most);
        }
    }
}

#[test]
fn categories_alone_are_compared_by_the_value_difference_metric() {
    let (frame, v) = (stored(&["0", "1", "third"]), vectors());
    let frame = Frame::new(frame.columns[3..].to_vec(), frame.rows);
    let of: Vec<Option<bool>> = codes(&frame.columns[3]).iter().map(|&c| Some(c == 1)).collect();
    let space = Space::of_shares(&frame, 3, &of);
    for a in 0..6 {
        for b in 0..6 {
            assert!((space.distance(a, b, 0.0) - v["vdm"][a][b].as_f64().unwrap()).abs() < 1e-9);
        }
    }
    let out = run(&settings(Method::Smote), &frame);
    assert_eq!((out.made.rows, out.repeated), (24, 0));
    // Of other classes too.
    assert_eq!(run(&settings(Method::Adasyn), &frame).inexact, 0);
}

#[test]
fn borderline_starts_from_the_rows_of_imbalanced_learn() {
    let (frame, v) = (stored(&[]), vectors());
    let danger = whole(&v["danger"]);
    for method in [Method::Borderline1, Method::Borderline2] {
        let many = Resample { rows: Some([("l1".to_owned(), 600)].into()), ..settings(method) };
        let out = run(&many, &frame);
        let mut from: Vec<usize> = out.parents.iter().map(|p| p[0]).collect();
        from.sort_unstable();
        from.dedup();
        assert_eq!(from, danger);
        let own = |i: usize| codes(&frame.columns[3])[i] == 1;
        assert_eq!(out.parents.iter().all(|p| own(p[1])), method == Method::Borderline1);
        // Towards a row of another class at most half the way.
        let x = numbers(&frame.columns[0]);
        for (i, &[a, b]) in out.parents.iter().enumerate().filter(|(_, p)| !own(p[1])) {
            assert!((numbers(&out.made.columns[0])[i] - x[a]).abs() <= 0.5 * (x[b] - x[a]).abs() + 0.001);
        }
    }
    let out = run(&settings(Method::Borderline1), &frame);
    assert_eq!(out.made.rows + 18, whole(&v["borderline_count"])[1]);
}

#[test]
fn adasyn_makes_as_many_rows_of_each_as_imbalanced_learn() {
    let (frame, v) = (stored(&[]), vectors());
    let out = run(&settings(Method::Adasyn), &frame);
    assert_eq!(out.made.rows + 18, v["adasyn_total"].as_u64().unwrap() as usize);
    let own = (0..frame.rows).filter(|&i| codes(&frame.columns[3])[i] == 1);
    let each: Vec<usize> = own.map(|i| out.parents.iter().filter(|p| p[0] == i).count()).collect();
    assert_eq!(each, whole(&v["adasyn_each"]));
}

#[test]
fn rows_are_taken_away_as_by_imbalanced_learn() {
    let (frame, v) = (stored(&[]), vectors());
    for (agree, name) in [(Agree::All, "all"), (Agree::Mode, "mode")] {
        for (clean_all, which) in [(None, "auto"), (Some(true), "every")] {
            let out = run(&Resample { agree, clean_all, ..settings(Method::Enn) }, &frame);
            assert_eq!(out.kept, whole(&v[&format!("enn_{name}_{which}")]), "{name} {which}");
        }
    }
    for (clean_all, which) in [(None, "auto"), (Some(true), "every")] {
        let out = run(&Resample { clean_all, ..settings(Method::Tomek) }, &frame);
        assert_eq!(out.kept, whole(&v[&format!("tomek_{which}")]), "{which}");
    }
    // After SMOTE, made rows are taken away too, and their parents with them.
    for method in [Method::SmoteEnn, Method::SmoteTomek] {
        let out = run(&settings(method), &frame);
        assert_eq!(out.parents.len(), out.made.rows);
        assert!(out.kept.len() + out.made.rows < 84);
        assert_eq!(out.frame(&frame).rows, out.kept.len() + out.made.rows);
    }
}

#[test]
fn random_sampling_repeats_and_leaves_out() {
    let frame = stored(&[]);
    let out = run(&settings(Method::RandomOver), &frame);
    assert_eq!((out.kept.len(), out.made.rows), (84, 0));
    assert!(out.kept[60..].iter().all(|&i| codes(&frame.columns[3])[i] == 1));
    let out = run(&settings(Method::RandomUnder), &frame);
    assert_eq!(out.kept.len(), 36);
    assert!(out.kept.is_sorted_by(|a, b| a < b));
    let wanted = Resample { rows: Some([("l0".to_owned(), 10)].into()), ..settings(Method::RandomUnder) };
    assert_eq!(run(&wanted, &frame).kept.len(), 28);
}

#[test]
fn neighbours_are_those_of_all_pairs() {
    // Numbers on a coarse grid have many equal distances; some are missing; categories have one common level or many.
    let mut rng = stream(5, "test", 0);
    let rows = 3000;
    let mut number = |step: f64| (0..rows).map(|_| (normal(&mut rng) / step).round() * step).collect::<Vec<f64>>();
    let (a, mut b, c) = (number(0.5), number(1e-6), number(0.1));
    b.iter_mut().step_by(7).for_each(|x| *x = f64::NAN);
    let mut code = |levels: u64, skew: f64| {
        let mut draw = || if uniform(&mut rng) < skew { 0 } else { below(&mut rng, levels) as u32 };
        category((0..rows).map(|_| draw()).collect())
    };
    let columns = vec![Column::Number(a), Column::Number(b), Column::Number(c), code(3, 0.8), code(400, 0.0)];
    let frame = Frame::new(columns, rows);
    for scale in [Scale::Standard, Scale::None] {
        let space = Space::of(&frame, None, scale);
        let among: Vec<usize> = (0..rows).filter(|i| i % 3 != 0).collect();
        let weight = space.weight(&among);
        let asked: Vec<usize> = (0..rows).step_by(37).collect();
        let found = Tree::of(&space, &among, weight).nearest(&asked, 6, None);
        assert_eq!(found.cut, 0);
        for (&i, near) in asked.iter().zip(&found.neighbours) {
            let mut all: Vec<(f64, usize)> =
                among.iter().filter(|&&j| j != i).map(|&j| (space.distance(i, j, weight), j)).collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            assert_eq!(*near, all[..6].iter().map(|p| p.1).collect::<Vec<_>>());
        }
        // A search that ends early finds as many, near ones, and says so.
        let found = Tree::of(&space, &among, weight).nearest(&asked, 6, Some(64));
        assert!(found.cut > 0 && found.neighbours.iter().all(|near| near.len() == 6));
    }
    // Categories alone, one of them of 20,000 levels: no tree is deep for that.
    let rows = 20_000;
    let frame = Frame::new(
        vec![category((0..rows as u32).collect()), category((0..rows as u32).map(|i| i / 3 % 7).collect())],
        rows,
    );
    let space = Space::of(&frame, None, Scale::Standard);
    let all: Vec<usize> = (0..rows).collect();
    let found = Tree::of(&space, &all, 1.0).nearest(&[0, 77, 19_999], 4, None);
    for (i, near) in [0, 77, 19_999].into_iter().zip(&found.neighbours) {
        let alike = all.iter().copied().filter(|&j| j != i && j / 3 % 7 == i / 3 % 7);
        assert_eq!(*near, alike.take(4).collect::<Vec<_>>());
    }
    // Rows that are all alike.
    let frame = Frame::new(vec![Column::Number(vec![1.0; 500])], 500);
    let space = Space::of(&frame, None, Scale::Standard);
    let found = Tree::of(&space, &(0..500).collect::<Vec<_>>(), 1.0).nearest(&[3, 400], 3, None);
    assert_eq!(found.neighbours, [[0, 1, 2], [0, 1, 2]]);
    // Fewer rows than are wanted, numbers at the end of what a double holds, no rows.
    let huge = vec![f64::MAX, -f64::MAX, 1.0, 0.0];
    let space = Space::of(&Frame::new(vec![Column::Number(huge)], 4), None, Scale::Standard);
    assert_eq!(Tree::of(&space, &[0, 1, 2, 3], 1.0).nearest(&[2], 9, None).neighbours[0].len(), 3);
    assert!(Tree::of(&space, &[], 1.0).nearest(&[2], 9, None).neighbours[0].is_empty());
}

/// Orders: `total` is `price` times `count`, `sent` is never before `ordered`, a city has a state, some discounts are missing, and
/// there is a fee where it is paid and nowhere else.
fn orders(rows: usize) -> (Schema, Frame) {
    let mut rng = stream(9, "orders", 0);
    let mut cells: Vec<Vec<Option<String>>> = vec![Vec::new(); 11];
    for i in 0..rows {
        let late = i % 5 == 0;
        let (price, count) = (1 + below(&mut rng, 40), 1 + below(&mut rng, 50));
        let (city, day) = (below(&mut rng, 6), below(&mut rng, 20));
        let sent = day + below(&mut rng, if late { 9 } else { 3 });
        let row = [
            Some(price.to_string()),
            Some(count.to_string()),
            Some((price * count).to_string()),
            Some(format!("2024-03-{:02}", day + 1)),
            Some(format!("2024-03-{:02}", sent + 1)),
            Some(format!("city {city}")),
            Some(format!("state {}", city / 2)),
            (uniform(&mut rng) < 0.7).then(|| format!("{:.2}", uniform(&mut rng))),
            Some(if late { "yes" } else { "no" }.to_owned()),
            Some(if price % 3 == 0 { "free" } else { "paid" }.to_owned()),
            (price % 3 > 0).then(|| format!("{:.2}", 3.0 + uniform(&mut rng))),
        ];
        cells.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
    }
    let names = ["price", "count", "total", "ordered", "sent", "city", "state", "discount", "late", "post", "fee"];
    let texts: Vec<Vec<Option<&str>>> = cells.iter().map(|c| c.iter().map(Option::as_deref).collect()).collect();
    let named: Vec<(&str, &[Option<&str>])> = names.iter().zip(&texts).map(|(n, c)| (*n, &c[..])).collect();
    let table = Table::from_text(&named).unwrap();
    let schema = Detected::of(&table, &Default::default()).unwrap().schema;
    let frame = schema.parse(&table).unwrap();
    (schema, frame)
}

/// That every row of `made` keeps the rules of the orders.
fn is_lawful(made: &Frame) {
    let [price, count, total, ordered, sent] = [0, 1, 2, 3, 4].map(|j| numbers(&made.columns[j]));
    for i in 0..made.rows {
        assert_eq!(price[i] * count[i], total[i]);
        assert!(price[i].fract() == 0.0 && (1.0..=40.0).contains(&price[i]));
        assert!(ordered[i] % 86_400.0 == 0.0 && ordered[i] <= sent[i]);
        assert_eq!(codes(&made.columns[5])[i] / 2, codes(&made.columns[6])[i]);
        let discount = numbers(&made.columns[7])[i];
        assert_eq!(numbers(&made.columns[10])[i].is_nan(), codes(&made.columns[9])[i] == 0);
        assert!(discount.is_nan() || (discount * 100.0 - (discount * 100.0).round()).abs() < 1e-9);
    }
}

#[test]
fn made_rows_keep_kinds_ranges_digits_and_rules() {
    let (schema, frame) = orders(1500);
    let keeper = Keeper::of(&schema, &frame, &RuleSettings::default()).unwrap();
    for method in [Method::Smote, Method::Borderline1, Method::Borderline2, Method::Adasyn, Method::SmoteTomek] {
        let settings = Resample { target: "late".into(), method, ..Resample::default() };
        let out = settings.apply(&schema, &frame, &keeper, 4).unwrap();
        assert!(out.made.rows > 500, "{method:?}");
        assert!(out.repeated < out.made.rows / 10, "{method:?} {}", out.repeated);
        is_lawful(&out.made);
        let missing = numbers(&out.made.columns[7]).iter().filter(|x| x.is_nan()).count() as f64;
        assert!((0.1..0.5).contains(&(missing / out.made.rows as f64)), "{missing}");
        let table = schema.render(out.frame(&frame), 0, 1).unwrap();
        assert_eq!(table.rows, out.kept.len() + out.made.rows);
    }
}

fn changes(steps: &str, target: Option<&str>, seed: u64) -> Pipeline {
    let target = target
        .map(|name| {
            format!(
                "target = \"{name}\"
"
            )
        })
        .unwrap_or_default();
    Pipeline::from_toml(&format!(
        "seed = {seed}
{target}table = [{steps}]"
    ))
    .unwrap()
}

const EVERY: &str = "{ noise = {} }, { swap = { share = 0.2 }, p = 0.5 }, { mixup = { alpha = 0.4 }, p = 0.5 }, { cutmix = {}, p = 0.5 }";

#[test]
fn changed_rows_keep_rules_and_class_whatever_is_asked_for_with_them() {
    let (schema, frame) = orders(1200);
    let keeper = Keeper::of(&schema, &frame, &RuleSettings::default()).unwrap();
    let changes = changes(EVERY, Some("late"), 3);
    let all: Vec<usize> = (0..frame.rows).collect();
    let made = apply(&changes, &schema, &frame, &keeper, &all, 0).unwrap();
    is_lawful(&made.frame);
    assert!(made.unchanged < frame.rows / 50, "{}", made.unchanged);
    assert_eq!(codes(&made.frame.columns[8]), codes(&frame.columns[8]));
    let some: Vec<usize> = (300..310).collect();
    let part = apply(&changes, &schema, &frame, &keeper, &some, 0).unwrap().frame;
    let again = apply(&changes, &schema, &frame, &keeper, &some, 1).unwrap().frame;
    let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
    for j in [0, 3, 7] {
        assert!(same(numbers(&part.columns[j]), &numbers(&made.frame.columns[j])[300..310]));
    }
    assert!(!same(numbers(&part.columns[0]), numbers(&again.columns[0])));
}

#[test]
fn noise_swap_and_mixtures_are_as_wide_as_they_say() {
    let mut rng = stream(1, "test", 1);
    let x: Vec<f64> = (0..8000).map(|_| 5.0 + 2.0 * normal(&mut rng)).collect();
    let class: Vec<u32> = (0..8000).map(|i| (i % 2) as u32).collect();
    let level: Vec<u32> = class.iter().map(|c| c * 2 + below(&mut rng, 2) as u32).collect();
    let frame = Frame::new(vec![Column::Number(x.clone()), category(level.clone()), category(class.clone())], 8000);
    let (schema, all) = (schema(&frame, 9), (0..8000).collect::<Vec<usize>>());
    let keeper = Keeper::of(&schema, &frame, &no_rules()).unwrap();
    let with = |step: &str| apply(&changes(step, Some("class"), 1), &schema, &frame, &keeper, &all, 0).unwrap().frame;
    // A tenth of 2, in most rows untouched by the range.
    let made = with("{ noise = {} }");
    let moved: Vec<f64> = numbers(&made.columns[0]).iter().zip(&x).map(|(a, b)| a - b).collect();
    let deviation = super::space::deviation(moved.iter().copied());
    assert!((deviation - 0.2).abs() < 0.01, "{deviation}");
    assert_eq!(codes(&made.columns[1]), level);
    // A fifth of the cells from another row of the class: levels of one class never come to the other, half of those swapped differ.
    let made = with("{ swap = { share = 0.2 } }");
    let changed = numbers(&made.columns[0]).iter().zip(&x).filter(|(a, b)| (**a - **b).abs() > 1e-8).count() as f64;
    assert!((changed / 8000.0 - 0.2).abs() < 0.02, "{changed}");
    assert!(codes(&made.columns[1]).iter().zip(&class).all(|(l, c)| l / 2 == *c));
    // Mixtures of all shares alike have (1/3 + 1/3) of the variance.
    let made = with("{ mixup = { alpha = 1 } }");
    let deviation = super::space::deviation(numbers(&made.columns[0]).iter().copied());
    assert!((deviation * deviation / 4.0 - 2.0 / 3.0).abs() < 0.05, "{deviation}");
    // Half of all columns come from another row.
    let made = with("{ cutmix = {} }");
    let changed = numbers(&made.columns[0]).iter().zip(&x).filter(|(a, b)| (**a - **b).abs() > 1e-8).count() as f64;
    assert!((changed / 8000.0 - 0.5).abs() < 0.03, "{changed}");
}

#[test]
fn rows_do_not_depend_on_threads() {
    let (schema, frame) = orders(700);
    let work = || {
        let keeper = Keeper::of(&schema, &frame, &RuleSettings::default()).unwrap();
        let settings =
            Resample { target: "late".into(), method: Method::SmoteEnn, agree: Agree::Mode, ..Resample::default() };
        let out = settings.apply(&schema, &frame, &keeper, 8).unwrap();
        let rows: Vec<usize> = (0..frame.rows).collect();
        let changed = apply(&changes(EVERY, None, 8), &schema, &frame, &keeper, &rows, 2).unwrap().frame;
        format!("{:?}", (out.kept, out.parents, out.made, changed))
    };
    let with = |threads: usize| ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work);
    assert_eq!(with(1), with(3));
}

#[test]
fn bad_settings_and_tables_are_said() {
    let frame = stored(&["0"]);
    let schema = schema(&frame, 3);
    let keeper = Keeper::of(&schema, &frame, &no_rules()).unwrap();
    let said = |settings: Resample| settings.apply(&schema, &frame, &keeper, 1).unwrap_err().to_string();
    let base = || settings(Method::Smote);
    assert!(said(Resample { k: 18, ..base() }).contains("set k = 17"), "{}", said(Resample { k: 18, ..base() }));
    assert!(said(Resample { k: 0, ..base() }).contains("at least 1"));
    assert!(said(Resample { target: "klass".into(), ..base() }).contains("class"));
    assert!(said(Resample { target: "c0".into(), ..base() }).contains("numbers"));
    assert!(said(Resample { target: String::new(), ..base() }).contains("target"));
    let rows = |name: &str, n: usize| Some([(name.to_owned(), n)].into());
    assert!(said(Resample { rows: rows("l7", 9), ..base() }).contains("l1 (18 rows)"));
    assert!(said(Resample { rows: rows("l1", 9), ..base() }).contains("random_under"));
    assert!(said(Resample { rows: rows("l1", 90), ..settings(Method::RandomUnder) }).contains("random_over"));
    assert!(said(Resample { rows: rows("l1", 9), ..settings(Method::Enn) }).contains("remove it"));
    assert!(said(Resample { edit: 70, ..settings(Method::Enn) }).contains("edit"));
    assert!(toml::from_str::<Resample>("neighbors = 3").unwrap_err().to_string().contains("neighbors"));
    let read: Resample = toml::from_str("target = \"class\"\nmethod = \"smote_enn\"\nrows = { l1 = 40 }").unwrap();
    assert_eq!((read.method, read.k, read.edit), (Method::SmoteEnn, 5, 3));

    let change = |step: &str, target: Option<&str>| {
        let made = apply(&changes(step, target, 0), &schema, &frame, &keeper, &[0, 1], 0);
        made.map(|made| made.frame.rows).map_err(|e| e.to_string())
    };
    let refused = |step: &str| Pipeline::from_toml(&format!("table = [{step}]")).unwrap_err().to_string();
    assert!(refused("{ noise = {}, p = 2 }").contains("between 0 and 1"));
    assert!(refused("{ noise = { scale = nan } }").contains("`scale`"));
    assert!(refused("{ mixup = { alpha = 0 } }").contains("alpha"));
    assert!(refused("{ nois = {} }").contains("did you mean `noise`"));
    assert!(change("{ noise = { columns = [\"c3\"] } }", None).unwrap_err().contains("swap"));
    assert!(change("{ noise = { columns = [\"class\"] } }", Some("class")).unwrap_err().contains("target"));
    assert_eq!(change("{ noise = { columns = [\"c0\"] } }", None), Ok(2));

    // Rows without a class stay; a column without values, a constant one and a lone row of its class do no harm.
    let class = vec![0, 0, 0, 0, 1, 1, MISSING, 2];
    let frame =
        Frame::new(vec![Column::Number(vec![f64::NAN; 8]), Column::Number(vec![2.0; 8]), category(class.clone())], 8);
    let schema = super::tests::schema(&frame, 1);
    let keeper = Keeper::of(&schema, &frame, &no_rules()).unwrap();
    let resampled = |settings: Resample| settings.apply(&schema, &frame, &keeper, 1);
    assert!(resampled(settings(Method::Smote)).unwrap_err().to_string().contains("random_over"));
    let out =
        resampled(Resample { k: 1, rows: Some([("l1".to_owned(), 6)].into()), ..settings(Method::Smote) }).unwrap();
    assert_eq!((out.made.rows, out.kept.len(), out.notes.len()), (4, 8, 1));
    assert!(numbers(&out.made.columns[0]).iter().all(|x| x.is_nan()));
    assert!(numbers(&out.made.columns[1]).iter().all(|x| *x == 2.0));
    assert_eq!(resampled(settings(Method::RandomOver)).unwrap().kept.len(), 13);
    let all: Vec<usize> = (0..8).collect();
    let made = apply(&changes(EVERY, Some("class"), 1), &schema, &frame, &keeper, &all, 1).unwrap().frame;
    assert_eq!(codes(&made.columns[2]), class);
}
