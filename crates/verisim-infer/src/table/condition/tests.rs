//! Conditions on a table of every kind of column.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use verisim_data::table::codec::{CodecConfig, Numeric, TableCodec};
use verisim_data::table::{DetectSettings, Table};

use super::*;

/// 600 rows: ages, stars 1 to 5, a size class of numbers and a word, towns, times in a format of their own, and gaps.
fn made() -> (Spec, Frame) {
    let cells: [Vec<Option<String>>; 7] = std::array::from_fn(|column| {
        let cell = |i: usize| match column {
            0 => Some(format!("{}", 18 + i * 7 % 60)),
            1 => Some(format!("{}", 1 + i % 5)),
            2 => Some(["1", "2", "3.5", "large"][i * 3 % 4].to_owned()),
            3 => (!i.is_multiple_of(9)).then(|| ["Oslo", "Rome", "New York"][i % 3].to_owned()),
            4 => Some(format!("{:02}.{:02}.2021 {:02}:{:02}", 1 + i % 28, 1 + i % 12, i * 5 % 24, i * 11 % 60)),
            5 => Some(format!("2021-{:02}-{:02}", 1 + i % 12, 1 + i * 3 % 28)),
            _ => Some(if i % 4 > 1 { "yes" } else { "no" }.to_owned()),
        };
        (0..600).map(cell).collect()
    });
    let text: Vec<Vec<Option<&str>>> = cells.iter().map(|c| c.iter().map(Option::as_deref).collect()).collect();
    let names = ["age", "stars", "size", "town", "joined", "day", "BMI>=30"];
    let columns: Vec<(&str, &[Option<&str>])> = names.iter().zip(&text).map(|(n, c)| (*n, &c[..])).collect();
    let table = Table::from_text(&columns).unwrap();
    let schema = Schema::detect(&table, &DetectSettings::default()).unwrap();
    assert!(schema.fields[1].is_category() && schema.fields[2].is_category() && schema.fields[4].is_number());
    let frame = schema.parse(&table).unwrap();
    let config = CodecConfig { numeric: Numeric::Grid, bins: 12, rare: 5, max_levels: 3 };
    (Spec { codec: TableCodec::fit(&schema, &frame, &config), schema }, frame)
}

/// How many rows satisfy a condition; no token of theirs may be ruled out.
fn count(text: &str, spec: &Spec, frame: &Frame) -> usize {
    let condition = Condition::parse(text, spec).unwrap();
    let mut allowed = Allowed::any(spec.codec.columns.len());
    condition.restrict(spec, &mut allowed).unwrap();
    let encoded = spec.codec.encode(frame);
    let held: Vec<usize> = (0..frame.rows).filter(|&i| condition.holds(frame, i)).collect();
    let (tokens, may) = (&encoded.tokens[condition.column], allowed.tokens(condition.column).unwrap());
    assert!(held.iter().all(|&i| may[tokens[i] as usize]), "{text} is too strict");
    held.len()
}

fn refused(text: &str, words: &[&str]) {
    let (spec, _) = made();
    let restrict = |c: Condition| c.restrict(&spec, &mut Allowed::any(spec.codec.columns.len()));
    let said = Condition::parse(text, &spec).and_then(restrict).unwrap_err().to_string();
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
}

#[test]
fn levels_that_are_numbers_compare_as_numbers() {
    let (spec, frame) = made();
    let count = |text: &str| count(text, &spec, &frame);
    assert_eq!(count("stars>=4"), 240);
    assert_eq!(count("stars < 4.0"), 360);
    assert_eq!(count("stars=4.0"), 120);
    assert_eq!(count("stars!=04"), 480);
    assert_eq!(count("stars in 2..3"), 240);
    assert_eq!(count("stars not in 2..3"), 360);
    // A word among them is neither more nor less.
    assert_eq!(count("size>=2"), 300);
    assert_eq!(count("size=large"), 150);
}

#[test]
fn names_and_values_may_stand_in_quotes() {
    let (spec, frame) = made();
    assert_eq!(count(r#""BMI>=30"=yes"#, &spec, &frame), 300);
    assert_eq!(count("'BMI>=30' != 'yes'", &spec, &frame), 300);
    assert_eq!(count("town=\"New York\"", &spec, &frame), count("town=New York", &spec, &frame));
    refused("BMI>=30=yes", &["no column `BMI`", "write `\"BMI>=30\"=yes`"]);
}

#[test]
fn lists_and_gaps() {
    let (spec, frame) = made();
    let count = |text: &str| count(text, &spec, &frame);
    let gaps = count("town is missing");
    assert_eq!(gaps, 67);
    assert_eq!(count("town is not missing"), 600 - gaps);
    assert_eq!(count("town in (Oslo, \"New York\")") + count("town = Rome") + gaps, 600);
    assert_eq!(count("town not in (Oslo, \"New York\")"), count("town=Rome"));
    assert_eq!(count("age in (18, 25)"), count("age=18") + count("age=25"));
    assert_eq!(count("age in 18..25"), count("age<=25"));
}

#[test]
fn days_and_times_meet() {
    let (spec, frame) = made();
    let count = |text: &str| count(text, &spec, &frame);
    let of = |text: &str| {
        let format = DateFormat::new("%d.%m.%Y %H:%M");
        let Column::Number(v) = &frame.columns[4] else { panic!() };
        v.iter().filter(|x| format.text(**x).starts_with(text)).count()
    };
    assert_eq!(count("joined=2021-06-06"), of("06.06.2021"));
    assert_eq!(count("joined=2021-06"), count("joined in 2021-06-01..2021-06-30"));
    assert_eq!(count("joined>=2021-06-06") + count("joined<2021-06-06"), 600);
    assert_eq!(count("joined<=2021-06-06") + count("joined>2021-06-06"), 600);
    assert_eq!(count("joined<=2021-06-06") - count("joined<2021-06-06"), of("06.06.2021"));
    assert_eq!(count("joined=06.06.2021 01:06") + count("joined!=06.06.2021 01:06"), 600);
    // A time lies on its day; a day begins at midnight.
    assert_eq!(count("day=2021-06-16T12:00"), count("day=2021-06-16"));
    assert_eq!(count("day>=2021-06-16T12:00"), count("day>2021-06-16"));
}

#[test]
fn what_cannot_be_names_what_can() {
    refused("stars=9", &["did you mean `5`"]);
    refused("stars>5", &["impossible", "1, 2, 3, 4, 5"]);
    refused("stars>many", &["`many` is not a number"]);
    refused("town=Romme", &["did you mean `Rome`"]);
    refused("town!=Paris", &["New York, Oslo, Rome"]);
    refused("town>Oslo", &["only = and !="]);
    refused("age=18.5", &["whole numbers", "`19`"]);
    refused("age>200", &["range from 18 to 77", "nearest value is 77"]);
    refused("age in 40..30", &["smaller one first"]);
    refused("age is missing", &["no value of this column was missing"]);
    refused("joined>2030-01-01", &["to 28.", "2021"]);
    refused("joined=soon", &["%d.%m.%Y %H:%M", "2021-06-30"]);
    refused("stars", &["column=value", "is missing"]);
}

proptest! {
    #[test]
    fn a_token_is_never_ruled_out_for_what_holds(
        column in prop::sample::select(vec!["age", "stars", "day"]),
        sign in prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]),
        a in 1_u32..28, width in 0_u32..28, form in 0..3,
    ) {
        let (spec, frame) = made();
        let value = |n: u32| if column == "day" { format!("2021-06-{:02}", n.min(28)) } else { n.to_string() };
        let text = match form {
            0 => format!("{column}{sign}{}", value(a)),
            1 => format!("{column} in {}..{}", value(a), value(a + width)),
            _ => format!("{column} not in ({}, {})", value(a), value(a + width)),
        };
        // Most of what is refused has no row; whatever is accepted is checked in `count`.
        let restrict = |c: Condition| c.restrict(&spec, &mut Allowed::any(spec.codec.columns.len()));
        if Condition::parse(&text, &spec).and_then(restrict).is_ok() {
            count(&text, &spec, &frame);
        }
    }
}
