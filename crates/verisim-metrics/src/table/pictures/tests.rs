//! What is counted, and what is drawn of it.
#![allow(clippy::unwrap_used)]

use verisim_data::table::{Column, ColumnKind as Kind, Field, Frame, MISSING, Reason, Schema};

use super::*;
use crate::Document;
use crate::document::{Content, Part};

type Named = (Field, Column);

pub(super) fn number(name: &str, values: &[f64]) -> Named {
    (Field::new(name, Kind::Decimal { decimals: 3 }, Reason::default()), Column::Number(values.to_vec()))
}

fn whole(name: &str, values: impl Iterator<Item = u32>) -> Named {
    let column = Column::Number(values.map(f64::from).collect());
    (Field::new(name, Kind::Integer, Reason::default()), column)
}

fn days(values: impl Iterator<Item = u32>) -> Named {
    let column = Column::Number(values.map(|day| f64::from(day) * 86_400.0).collect());
    (Field::new("day", Kind::Datetime { format: "%Y-%m-%d".to_owned() }, Reason::default()), column)
}

/// Levels; the empty one is missing.
pub(super) fn category(name: &str, values: &[&str]) -> Named {
    let mut levels: Vec<String> = values.iter().filter(|v| !v.is_empty()).map(|v| (*v).to_owned()).collect();
    levels.sort();
    levels.dedup();
    let code = |v: &&str| levels.iter().position(|l| l == v).map_or(MISSING, |i| i as u32);
    let codes = values.iter().map(code).collect();
    (
        Field::new(name, Kind::Categorical { numeric: false }, Reason::default()),
        Column::Category { codes, levels: levels.into() },
    )
}

pub(super) fn tables(real: Vec<Named>, synthetic: Vec<Named>, holdout: Option<Vec<Named>>) -> Comparison {
    let schema = Schema { fields: real.iter().map(|(field, _)| field.clone()).collect(), ..Schema::default() };
    let frame = |columns: Vec<Named>| {
        let rows = columns[0].1.len();
        Frame::new(columns.into_iter().map(|(_, column)| column).collect(), rows)
    };
    Comparison::new(&schema, &frame(real), &frame(synthetic), holdout.map(frame).as_ref()).unwrap()
}

fn only(real: Named, synthetic: Named) -> Distribution {
    distribution(&tables(vec![real], vec![synthetic], None), 0)
}

fn edges(bins: &Bins) -> &[f64] {
    match bins {
        Bins::Number { edges, .. } | Bins::Date { edges } => edges,
        Bins::Level { .. } => &[],
    }
}

fn names(bins: &Bins) -> Vec<(&str, usize, bool)> {
    match bins {
        Bins::Level { levels } => levels.iter().map(|l| (l.name.as_str(), l.levels, l.new)).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn numbers_are_counted_in_round_steps_of_the_training_rows() {
    // 0 to 99.5 by halves: steps of 5, ten values in each bin.
    let real: Vec<f64> = (0..200).map(|i| f64::from(i) / 2.0).collect();
    let found = only(number("x", &real), number("x", &[-50.0, 0.0, 4.999, 5.0, 500.0, f64::NAN, 99.0, 50.0]));
    assert_eq!(edges(&found.bins), (0..=20).map(|k| 5.0 * f64::from(k)).collect::<Vec<_>>());
    assert!(found.shares.train.iter().all(|&share| share == 0.05));
    let seventh = |n: usize| n as f64 / 7.0;
    let synthetic = &found.shares.synthetic;
    assert_eq!(
        (synthetic[0], synthetic[1], synthetic[10], synthetic[19]),
        (seventh(3), seventh(1), seventh(1), seventh(2))
    );
    assert_eq!((found.missing.train, found.missing.synthetic, found.missing.holdout), (0.0, 0.125, None));
}

#[test]
fn a_far_value_does_not_stretch_the_bins() {
    let mut real: Vec<f64> = (0..1000).map(|i| f64::from(i) / 1000.0 - 0.5).collect();
    real[500] = 1e6;
    let found = only(number("x", &real), number("x", &real));
    assert!(edges(&found.bins).last().unwrap() < &1.0, "{:?}", found.bins);
    assert_eq!(found.shares.train.iter().sum::<f64>().round(), 1.0);
}

#[test]
fn whole_numbers_have_as_many_values_in_each_bin() {
    let ages = || whole("age", (0..740).map(|i| 17 + i % 74));
    let found = only(ages(), ages());
    let steps: Vec<f64> = edges(&found.bins).windows(2).map(|e| e[1] - e[0]).collect();
    assert!(steps.iter().all(|&step| step == 2.0), "{:?}", found.bins);
    let inside = &found.shares.train[1..found.shares.train.len() - 1];
    assert!(inside.iter().all(|&share| (share - 20.0 / 740.0).abs() < 1e-12), "{inside:?}");
}

#[test]
fn a_very_skewed_column_is_counted_by_its_logarithm_and_zeros_apart() {
    let skewed: Vec<f64> = (0..500).map(|i| if i % 2 == 0 { 0.0 } else { (f64::from(i) / 40.0).exp() }).collect();
    let found = only(number("x", &skewed), number("x", &[0.0, -3.0, 1e9, 10.5]));
    let Bins::Number { edges, log: true } = &found.bins else { panic!("{:?}", found.bins) };
    assert_eq!((edges[0], edges[1]), (0.0, 1.0));
    let factors: Vec<f64> = edges[1..].windows(2).map(|e| e[1] / e[0]).collect();
    assert!(factors.iter().all(|f| (f - factors[0]).abs() < 1e-9));
    assert_eq!((found.shares.train[0], found.shares.synthetic[0]), (0.5, 0.5));
    assert_eq!(*found.shares.synthetic.last().unwrap(), 0.25);
    let plain: Vec<f64> = (0..500).map(f64::from).collect();
    assert!(matches!(only(number("x", &plain), number("x", &plain)).bins, Bins::Number { log: false, .. }));
}

#[test]
fn counts_with_a_long_tail_leave_no_bin_empty() {
    let count = || whole("n", (0..4000).map(|i| 1 + 3000 / (i + 1)));
    let found = only(count(), count());
    assert!(matches!(found.bins, Bins::Number { log: true, .. }), "{:?}", found.bins);
    assert!(found.shares.train[..8].iter().all(|&share| share > 0.0), "{:?}", found.shares.train);
}

#[test]
fn months_are_counted_one_by_one() {
    // The firsts of the months of 1990 to 1992, in days.
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut day = 7305;
    let mut firsts = Vec::new();
    for month in 0..36 {
        firsts.push(day);
        day += lengths[month % 12] + u32::from(month == 25);
    }
    let column = || days(firsts.iter().copied());
    let found = only(column(), column());
    assert!(matches!(&found.bins, Bins::Date { .. }));
    assert_eq!(found.shares.train, [1.0 / 36.0; 36]);
}

#[test]
fn few_dates_are_levels_that_read_as_dates() {
    let found = only(days([7305, 7305, 7336].into_iter()), days([7305].into_iter()));
    assert_eq!(names(&found.bins), [("1990-01-01", 1, false), ("1990-02-01", 1, false)]);
}

#[test]
fn columns_without_a_spread_or_values_have_bins_all_the_same() {
    let nothing = only(number("x", &[f64::NAN; 3]), number("x", &[1.5]));
    assert_eq!((nothing.missing.train, nothing.shares.train.iter().sum::<f64>()), (1.0, 0.0));
    let same = only(number("x", &[0.25; 3]), number("x", &[0.25, 7.0]));
    assert_eq!(same.shares.train.iter().sum::<f64>(), 1.0);
    for extreme in [[1e308, -1e308, 0.5], [5e-324, 1e-300, 2e-310], [1e15, 1e15 + 1.0, 1e15 + 2.5]] {
        let found = only(number("x", &extreme), number("x", &extreme));
        assert!(edges(&found.bins).iter().all(|edge| edge.is_finite()), "{extreme:?}: {:?}", found.bins);
        assert!((found.shares.train.iter().sum::<f64>() - 1.0).abs() < 1e-12 && found.bins.len() < 1001);
    }
}

#[test]
fn levels_are_the_commonest_the_others_and_the_new() {
    let all: Vec<String> = (0..15).flat_map(|k| vec![format!("l{k:02}"); 20 - k]).collect();
    let real: Vec<&str> = all.iter().map(String::as_str).chain([""]).collect();
    let synthetic = ["l00", "l14", "z1", "z1", "z1", "z2", "z2", "z3", "z4", "z5"];
    let found = only(category("c", &real), category("c", &synthetic));
    let bins = names(&found.bins);
    assert_eq!((bins[0], bins[11]), (("l00", 1, false), ("l11", 1, false)));
    let last = [("other", 3, false), ("z1", 1, true), ("z2", 1, true), ("z3", 1, true), ("other", 2, true)];
    assert_eq!(bins[12..], last);
    let rows = 195.0;
    assert_eq!((found.shares.train[0], found.shares.train[12]), (20.0 / rows, 21.0 / rows));
    assert_eq!(found.shares.synthetic[12..], [0.1, 0.3, 0.2, 0.1, 0.2]);
    assert_eq!((found.missing.train, found.missing.synthetic), (1.0 / 196.0, 0.0));
}

#[test]
fn levels_that_are_numbers_keep_their_order() {
    let ten = whole("n", [10, 10, 10, 2, 2, 1].into_iter());
    let found = only(ten.clone(), ten);
    assert_eq!(names(&found.bins).iter().map(|level| level.0).collect::<Vec<_>>(), ["1", "2", "10"]);
}

#[test]
fn a_density_counts_cells_and_missing_values() {
    let columns = |n: &[f64], c: &[&str]| vec![number("n", n), category("c", c)];
    let tables = tables(
        columns(&[0.5, 0.5, 1.5, f64::NAN], &["a", "b", "a", "a"]),
        columns(&[1.5, 1.5, 1.5, 1.5], &["b", "b", "", "b"]),
        None,
    );
    let found = density(&tables, (1, 0));
    assert!(found.first.missing && found.second.missing, "each side has a missing value in some table");
    let (rows, width) = (found.first.len(), found.second.len());
    assert_eq!((rows, found.train.len(), found.synthetic.len()), (3, 3 * width, 3 * width));
    let row = |shares: &[f64], i: usize| shares[i * width..(i + 1) * width].iter().sum::<f64>();
    assert_eq!([0, 1, 2].map(|i| row(&found.train, i)), [0.75, 0.25, 0.0]);
    assert_eq!([0, 1, 2].map(|i| row(&found.synthetic, i)), [0.0, 0.75, 0.25]);
    assert_eq!(found.train[width - 1], 0.25, "level a without a number");
}

#[test]
fn the_worst_come_first() {
    assert_eq!(worst([Some(0.9), None, Some(0.2), Some(0.9), Some(0.5)].into_iter()), [2, 4, 0, 3]);
}

#[test]
fn of_many_columns_the_worst_are_drawn_and_the_rest_counted() {
    let wide = || (0..70).map(|j| number(&format!("n{j}"), &[0.5, 1.5, 2.5])).collect::<Vec<_>>();
    let order: Vec<usize> = (0..70).rev().collect();
    let all = pictures(&tables(wide(), wide(), None), &order, &[(0, 1)], 1);
    assert_eq!((all.columns.len(), all.pairs.len()), (70, 1));
    let Some(Part::Figures(part)) = all.columns_part(|j| format!("n. {j}")) else { panic!() };
    assert_eq!((part.figures.len() + part.more.len(), part.figures[0].name.as_str()), (60, "n69"));
    assert!(part.note.contains("10 more") && part.figures[0].note == "n. 69");
    assert_eq!(all, pictures(&tables(wide(), wide(), None), &order, &[(0, 1)], 1));
}

#[test]
fn what_data_say_is_text_on_the_page() {
    let long = "A".repeat(5000);
    let evil = ["<script>alert(1)</script>", long.as_str(), "\u{202e}evil", "שלום", "😀", "\"><svg onload=x>", "a\nb"];
    let levels: Vec<&str> = evil.iter().copied().cycle().take(70).collect();
    let others: Vec<&str> = levels.iter().rev().copied().chain(["</title><b>new"]).collect();
    let numbers: Vec<f64> = (0..71).map(|i| f64::from(i) + 0.5).collect();
    let columns = |c: &[&str]| {
        let name = |k: usize| evil[k];
        vec![category(name(0), c), category(name(1), c), category("\"><img>", c), number(name(5), &numbers[..c.len()])]
    };
    let tables = tables(columns(&levels), columns(&others), Some(columns(&levels)));
    let all = pictures(&tables, &[0, 1, 2, 3], &[(0, 1), (1, 3), (2, 3), (0, 2)], 1);
    let lost: Vec<(String, f64)> = evil.iter().map(|name| ((*name).to_owned(), 0.1)).collect();
    let parts = [
        all.columns_part(|_| String::new()),
        all.pairs_part(|_| String::new()),
        all.projection_part(),
        figures::drops_part(&lost),
    ];
    let content = Content { before: parts.into_iter().map(Option::unwrap).collect(), ..Content::default() };
    let page = Document::new(&all, content).to_html();
    for tag in ["<script", "<b>", "<img", "onload=x>", &"A".repeat(100)] {
        assert!(!page.contains(tag), "{tag} in the page");
    }
    assert_eq!(page.matches("<svg").count(), 4 + 4 + 1 + 1);
    assert_eq!(page.matches("<title>").count(), page.matches("</title>").count());
    assert!(page.contains("&lt;script&gt;") && page.contains("שלום") && page.contains("😀"));
}
