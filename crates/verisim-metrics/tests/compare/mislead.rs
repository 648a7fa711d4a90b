//! Tables made to mislead, and fresh real rows: what the verdicts say of each.

use std::collections::BTreeMap;

use verisim_data::rng::{below, normal, stream, uniform};
use verisim_data::table::{Column, ColumnKind as Kind, Frame, Schema};
use verisim_metrics::table::{Settings, compare};

use super::{category, field, frame, schema};

/// People of one population: a region, an income that depends on it, children, whether they rent, which depends on the income, a
/// score with gaps, and the rarest class of a grade.
fn population() -> Schema {
    schema(vec![
        field("region", Kind::Categorical { numeric: false }),
        field("income", Kind::Decimal { decimals: 2 }),
        field("children", Kind::Integer),
        field("rents", Kind::Boolean),
        field("score", Kind::Decimal { decimals: 3 }),
        field("grade", Kind::Categorical { numeric: false }),
    ])
}

fn people(rows: usize, seed: u64) -> Frame {
    let mut rng = stream(seed, "population", 0);
    let round = |x: f64, places: i32| (x * 10_f64.powi(places)).round() / 10_f64.powi(places);
    let (mut region, mut income, mut children, mut rents, mut score, mut grade) = Default::default();
    for _ in 0..rows {
        let place = ["north", "south", "east", "north", "south", "north"][below(&mut rng, 6) as usize];
        let earns = 30.0 + 8.0 * normal(&mut rng) + if place == "south" { 12.0 } else { 0.0 };
        let pays = uniform(&mut rng) < 1.0 / (1.0 + ((earns - 34.0) / 4.0).exp());
        Vec::push(&mut region, place);
        Vec::push(&mut income, round(earns, 2));
        Vec::push(&mut children, (below(&mut rng, 3) + below(&mut rng, 3)) as f64);
        Vec::push(&mut rents, if pays { "true" } else { "false" });
        Vec::push(
            &mut score,
            if uniform(&mut rng) < 0.1 { f64::NAN } else { round(earns / 10.0 + normal(&mut rng), 3) },
        );
        Vec::push(
            &mut grade,
            ["a", "b", "b", "b", "b", "c", "c", "c", "c", "c", "c", "c"][below(&mut rng, 12) as usize],
        );
    }
    frame(vec![
        category(&region),
        Column::Number(income),
        Column::Number(children),
        category(&rents),
        Column::Number(score),
        category(&grade),
    ])
}

/// The marks of the lines that are judged, by their names.
fn marks(real: &Frame, synthetic: &Frame, holdout: Option<&Frame>) -> BTreeMap<String, (String, String)> {
    let settings = Settings { target: Some("grade".to_owned()), ..Settings::default() };
    let report = compare(&population(), real, synthetic, holdout, &settings).unwrap();
    let json: serde_json::Value = serde_json::from_str(&report.document().to_json()).unwrap();
    let text = |line: &serde_json::Value, key: &str| line[key].as_str().unwrap().to_owned();
    let lines = json["verdicts"].as_array().unwrap().iter();
    lines.map(|line| (text(line, "id"), (text(line, "mark"), text(line, "verdict")))).collect()
}

#[track_caller]
fn is_poor(of: &BTreeMap<String, (String, String)>, id: &str, says: &str) {
    let (mark, verdict) = &of[id];
    assert!(mark == "poor" && verdict.contains(says), "{id}: {mark}, {verdict}\n{of:#?}");
}

fn poor(of: &BTreeMap<String, (String, String)>) -> Vec<&String> {
    of.iter().filter(|(_, (mark, _))| mark == "poor").map(|(id, _)| id).collect()
}

/// The rows with one column changed.
fn with(rows: &Frame, j: usize, column: Column) -> Frame {
    let mut rows = rows.clone();
    rows.columns[j] = column;
    rows
}

fn both(a: &Frame, b: &Frame) -> Frame {
    let columns = a.columns.iter().zip(&b.columns).map(|(a, b)| match (a, b) {
        (Column::Number(a), Column::Number(b)) => Column::Number([&a[..], b].concat()),
        (Column::Category { codes, levels }, Column::Category { codes: more, levels: same }) => {
            assert_eq!(levels, same);
            Column::Category { codes: [&codes[..], more].concat(), levels: levels.clone() }
        }
        _ => unreachable!("columns of one kind"),
    });
    frame(columns.collect())
}

/// No fresh table gets a cross, and no more than one verdict in twenty is a warning.
#[test]
fn fresh_real_rows_are_good() {
    let (mut judged, mut warnings) = (0, Vec::new());
    for (rows, held, made, seeds) in
        [(600, 200, 100, 4), (600, 300, 300, 4), (900, 900, 1_000, 3), (3_000, 1_500, 1_500, 1)]
    {
        for seed in 0..seeds {
            let [real, holdout, fresh] =
                [(rows, 1), (held, 2), (made, 3)].map(|(n, part)| people(n, 10 * (seed + made as u64) + part));
            for holdout in [Some(&holdout), None] {
                let found = marks(&real, &fresh, holdout);
                assert!(poor(&found).is_empty(), "{made} rows, seed {seed}: {found:#?}");
                judged += found.values().filter(|(mark, _)| mark != "not judged").count();
                let odd = found.into_iter().filter(|(_, (mark, _))| mark == "fair");
                warnings.extend(odd.map(|(id, (_, verdict))| format!("{made} rows, seed {seed}: {id} {verdict}")));
            }
        }
    }
    assert!(warnings.len() * 20 <= judged, "{} of {judged}: {warnings:#?}", warnings.len());
}

#[test]
fn copies_are_found_with_and_without_a_holdout() {
    let (real, holdout, fresh) = (people(800, 1), people(400, 2), people(800, 3));
    let found = marks(&real, &real, Some(&holdout));
    is_poor(&found, "exact_copies", "rows more than real rows");
    is_poor(&found, "closer_to_train", "repeats training rows");
    is_poor(&found, "boosted_auc", "real rows come back");
    is_poor(&marks(&real, &real, None), "exact_copies", "rows more than real rows");
    // Two in a hundred.
    let some = both(&fresh, &real.take(&(0..16).map(|i| 50 * i).collect::<Vec<_>>()));
    is_poor(&marks(&real, &some, Some(&holdout)), "exact_copies", "about 16 rows");
    is_poor(&marks(&real, &some, None), "exact_copies", "about 16 rows");
    let report = compare(&population(), &real, &some, Some(&holdout), &Settings::default()).unwrap();
    let listed: Vec<_> = report.privacy.matches.copies.iter().map(|c| (c.synthetic, c.train)).collect();
    assert_eq!(listed, (0..16).map(|i| (801 + i, 50 * i + 1)).collect::<Vec<_>>());
    assert!(report.document().to_html().contains("Rows that equal training rows"));
}

#[test]
fn a_digit_changed_in_every_row_is_a_copy() {
    let (real, holdout) = (people(1_500, 1), people(120, 2));
    let Column::Number(income) = &real.columns[1] else { unreachable!("a number") };
    let near = with(&real, 1, Column::Number(income.iter().map(|x| x + 0.01).collect()));
    let found = marks(&real, &near, Some(&holdout));
    is_poor(&found, "closer_to_train", "repeats training rows");
    assert_eq!(found["exact_copies"].0, "good");
}

#[test]
fn a_holdout_that_was_seen_is_said() {
    let (real, holdout, fresh) = (people(800, 1), people(400, 2), people(600, 3));
    let found = marks(&real, &holdout, Some(&holdout));
    is_poor(&found, "holdout_returns", "hold-out rows come back");
    is_poor(&found, "closer_to_train", "repeats unseen rows");
    let found = marks(&real, &fresh, Some(&real));
    is_poor(&found, "holdout_overlap", "holds training rows");
    assert_eq!(found["closer_to_train"].0, "not judged");
    // A hold-out of another population.
    let Column::Number(income) = &holdout.columns[1] else { unreachable!("a number") };
    let other = with(&holdout, 1, Column::Number(income.iter().map(|x| x * 1.3).collect()));
    let found = marks(&real, &fresh, Some(&other));
    assert!(found["holdout_population"].1.contains("another population"), "{found:#?}");
}

/// Columns that were shuffled apart follow the training rows one by one, so the published test is below a half; no row comes back.
#[test]
fn shuffled_columns_are_told_apart_and_no_copies() {
    let (real, holdout) = (people(1_200, 1), people(1_200, 2));
    let apart = frame(
        (0..6)
            .map(|j| real.take(&(0..1_200).map(|i| (i + 197 * j) % 1_200).collect::<Vec<_>>()).columns[j].clone())
            .collect(),
    );
    let found = marks(&real, &apart, Some(&holdout));
    assert!(["detectable", "easily told apart"].contains(&found["boosted_auc_unseen"].1.as_str()), "{found:#?}");
    assert!(!found["boosted_auc"].1.contains("real rows"), "{found:#?}");
    assert!(["exact_copies", "closer_to_train"].iter().all(|id| found[*id].0 == "good"), "{found:#?}");
    let alone = marks(&real, &apart, None);
    assert!(!alone["boosted_auc"].1.contains("real rows"), "{alone:#?}");
}

#[test]
fn lost_and_destroyed_columns_score_nothing() {
    let (real, holdout, fresh) = (people(800, 1), people(400, 2), people(800, 3));
    let empty = with(&fresh, 1, Column::Number(vec![f64::NAN; 800]));
    let report = compare(&population(), &real, &empty, Some(&holdout), &Settings::default()).unwrap();
    assert_eq!(report.columns[1].shape, Some(0.0));
    assert_eq!(report.worst_columns()[0].name, "income");
    assert!(report.pairs.iter().any(|p| p.trend == Some(0.0)));
    is_poor(&marks(&real, &empty, Some(&holdout)), "missing_gap", "income");
    is_poor(&marks(&real, &empty, Some(&holdout)), "logistic_auc", "told apart");
    is_poor(&marks(&real, &empty, None), "missing_gap", "income");
    let destroyed = with(&fresh, 0, category(&["abc"; 800]));
    let found = marks(&real, &destroyed, Some(&holdout));
    is_poor(&found, "unseen_level", "many more");
    is_poor(&found, "lost_levels", "region = north");
}

#[test]
fn a_lost_class_is_named() {
    let (real, holdout, fresh) = (people(800, 1), people(400, 2), people(900, 3));
    let Column::Category { codes, levels } = &fresh.columns[5] else { unreachable!("a category") };
    assert_eq!(&levels[0], "a");
    let kept: Vec<usize> = (0..900).filter(|&i| codes[i] != 0).collect();
    let found = marks(&real, &fresh.take(&kept), Some(&holdout));
    is_poor(&found, "lost_levels", "grade = a");
    is_poor(&found, "groups", "grade = a");
}

#[test]
fn another_spelling_is_the_same_value() {
    let (real, holdout, fresh) = (people(800, 1), people(400, 2), people(800, 3));
    let spelt = |words: [&str; 2]| {
        let Column::Category { codes, levels } = &fresh.columns[3] else { unreachable!("a category") };
        let word = |&c: &u32| words[usize::from(levels[c as usize] == "true")];
        with(&fresh, 3, category(&codes.iter().map(word).collect::<Vec<_>>()))
    };
    let same = compare(&population(), &real, &fresh, Some(&holdout), &Settings::default()).unwrap();
    for words in [["FALSE", "TRUE"], ["False", "True"], ["0", "1"], ["no", "Yes"]] {
        let other = compare(&population(), &real, &spelt(words), Some(&holdout), &Settings::default()).unwrap();
        assert_eq!(other, same, "{words:?}");
    }
}
