//! Rules that are there are kept by whatever a model draws, and a table without rules is encoded as ever.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::Error;
use crate::rng::{Stream, below, stream};
use crate::table::codec::{CodecConfig, ColumnCodec, Encoded, Numeric, TableCodec};
use crate::table::frame::{Column, Frame, MISSING};
use crate::table::schema::{ColumnKind, Field, Reason, Schema};

const CONFIG: CodecConfig = CodecConfig { numeric: Numeric::Grid, bins: 32, rare: 5, max_levels: 100 };

/// A table under construction.
#[derive(Clone, Default)]
struct Draft {
    schema: Schema,
    columns: Vec<Column>,
}

impl Draft {
    fn number(mut self, name: &str, kind: ColumnKind, values: Vec<f64>) -> Draft {
        self.schema.fields.push(Field::new(name, kind, Reason::default()));
        self.columns.push(Column::Number(values));
        self
    }

    fn whole(self, name: &str, values: Vec<f64>) -> Draft {
        self.number(name, ColumnKind::Integer, values)
    }

    fn cents(self, name: &str, values: Vec<f64>) -> Draft {
        let values = values.into_iter().map(|x| (x * 100.0).round() / 100.0).collect();
        self.number(name, ColumnKind::Decimal { decimals: 2 }, values)
    }

    fn date(self, name: &str, days: Vec<f64>) -> Draft {
        let kind = ColumnKind::Datetime { format: "%Y-%m-%d".to_owned() };
        self.number(name, kind, days.into_iter().map(|d| 86_400.0 * (d + 18_000.0)).collect())
    }

    /// An empty text is a missing value.
    fn text(mut self, name: &str, values: Vec<String>) -> Draft {
        let mut levels: Vec<String> = values.iter().filter(|v| !v.is_empty()).cloned().collect();
        levels.sort();
        levels.dedup();
        let code = |v: &String| levels.binary_search(v).map_or(MISSING, |i| i as u32);
        let numeric = levels.iter().all(|l| l.parse::<f64>().is_ok());
        self.schema.fields.push(Field::new(name, ColumnKind::Categorical { numeric }, Reason::default()));
        self.columns.push(Column::Category { codes: values.iter().map(code).collect(), levels: levels.into() });
        self
    }

    fn frame(&self) -> Frame {
        Frame::new(self.columns.clone(), self.columns[0].len())
    }

    fn chosen(&self, settings: &RuleSettings) -> crate::Result<Chosen> {
        Chosen::of(&self.schema, &self.frame(), settings, 0, CONFIG.held())
    }

    fn codec(&self) -> TableCodec {
        let chosen = self.chosen(&RuleSettings::default()).unwrap();
        TableCodec::fit_by(&self.schema, &self.frame(), &CONFIG, &chosen)
    }
}

/// Rows whose tokens know nothing of each other: the worst that a model can draw.
fn shuffled(codec: &TableCodec, rows: usize, seed: u64) -> Encoded {
    let mut rng = stream(seed, "shuffled", 0);
    let mut encoded = Encoded::zeros(&codec.spans(), rows);
    for (tokens, span) in encoded.tokens.iter_mut().zip(codec.spans()) {
        tokens.iter_mut().for_each(|t| *t = below(&mut rng, u64::from(span.tokens)) as u32);
    }
    encoded
}

fn told(codec: &TableCodec) -> Vec<String> {
    codec.rules.told.iter().map(|t| t.text.clone()).collect()
}

fn values(frame: &Frame, j: usize) -> Vec<f64> {
    numbers(&frame.columns[j]).into_owned()
}

fn draws(rng: &mut Stream, n: usize, most: u64) -> Vec<f64> {
    (0..n).map(|_| below(rng, most) as f64).collect()
}

fn map<const N: usize>(of: [&[f64]; N], make: impl Fn([f64; N]) -> f64) -> Vec<f64> {
    (0..of[0].len()).map(|i| make(of.map(|v| v[i]))).collect()
}

fn words(of: &[f64], make: impl Fn(f64) -> String) -> Vec<String> {
    of.iter().map(|&x| make(x)).collect()
}

/// Orders of a shop: its rules are all that a table of orders has.
fn orders(n: usize) -> Draft {
    let rng = &mut stream(3, "orders", 0);
    let price: Vec<f64> = draws(rng, n, 9_000).iter().map(|x| 1.0 + x / 100.0).collect();
    let count: Vec<f64> = draws(rng, n, 9).iter().map(|x| x + 1.0).collect();
    let total = map([&price, &count], |[p, c]| (p * c * 100.0).round() / 100.0);
    let tax = map([&total, &draws(rng, n, 2)], |[t, k]| (t * [7.0, 19.0][k as usize]).round() / 100.0);
    let (day, wait, way) = (draws(rng, n, 700), draws(rng, n, 6), draws(rng, n, 9));
    let (city, pay, back) = (draws(rng, n, 12), draws(rng, n, 3), draws(rng, n, 6));
    let paid = |by: f64| words(&pay, |p| u8::from(p == by).to_string());
    let refund = map([&back, &total], |[b, t]| if b == 0.0 { t / 2.0 } else { f64::NAN });
    Draft::default()
        .text("city", words(&city, |c| format!("city {c}")))
        .text("state", words(&city, |c| format!("state {}", (c / 4.0).floor())))
        .cents("price", price)
        .whole("count", count)
        .cents("total", total.clone())
        .cents("tax", tax.clone())
        .cents("gross", map([&total, &tax], |[a, b]| a + b))
        .date("ordered", day.clone())
        .date("shipped", map([&day, &wait], |[a, b]| a + b))
        .date("delivered", map([&day, &wait, &way], |[a, b, c]| a + b + c + 1.0))
        .text("card", paid(0.0))
        .text("cash", paid(1.0))
        .text("transfer", paid(2.0))
        .text("returned", words(&back, |b| if b == 0.0 { "yes" } else { "no" }.to_owned()))
        .cents("refund", refund)
}

/// Rows of `frame` that break a rule of [`orders`].
fn broken(frame: &Frame) -> usize {
    let [price, count, total, tax, gross, ordered, shipped, delivered] =
        [2, 3, 4, 5, 6, 7, 8, 9].map(|j| values(frame, j));
    let [card, cash, transfer] = [10, 11, 12].map(|j| values(frame, j));
    let code = |j: usize, i: usize| match &frame.columns[j] {
        Column::Category { codes, levels } => levels[codes[i] as usize].clone(),
        Column::Number(_) => String::new(),
    };
    let refund = values(frame, 14);
    let keeps = |i: usize| {
        let city: usize = code(0, i)[5..].parse().unwrap();
        (total[i] - price[i] * count[i]).abs() < 0.005_001
            && (gross[i] - total[i] - tax[i]).abs() < 1e-6
            && ordered[i] <= shipped[i]
            && shipped[i] < delivered[i]
            && code(1, i) == format!("state {}", city / 4)
            && card[i] + cash[i] + transfer[i] == 1.0
            && refund[i].is_nan() == (code(13, i) == "no")
    };
    (0..frame.rows).filter(|&i| !keeps(i)).count()
}

#[test]
fn whatever_a_model_draws_keeps_the_rules() {
    let draft = orders(4_000);
    let frame = draft.frame();
    assert_eq!(broken(&frame), 0);
    let codec = draft.codec();
    let all = told(&codec);
    for rule in ["`total` = `price` × `count`", "`gross` = `total` + `tax`", "`city` determines `state`"] {
        assert!(all.iter().any(|t| t == rule), "{rule} in {all:?}");
    }
    for (j, made) in [(4, true), (6, true), (1, true), (8, true), (9, true), (12, true), (2, false), (0, false)] {
        assert_eq!(codec.columns[j].is_own(), !made, "{}", draft.schema.fields[j].name);
    }
    // Computed columns have nothing to learn.
    for j in [1, 4, 6, 12] {
        assert_eq!(codec.spans()[j].tokens, 1);
    }
    let drawn = shuffled(&codec, 4_000, 1);
    assert!(broken(&codec.decode(&drawn, 1, 0)) > 500, "unkept rows break rules, or this tests nothing");
    let kept = codec.decode_kept(&drawn, 1, 0);
    assert!(kept.rows > 200, "{}", kept.rows);
    assert_eq!(broken(&kept), 0);
    // Real rows are all kept and come back as they were, but for what a bin is.
    let back = codec.decode_kept(&codec.encode(&frame), 1, 0);
    assert!(back.rows > 3_900 && broken(&back) == 0, "{}", back.rows);
    assert!(codec.problem(&draft.schema).is_none());
    let stored: TableCodec = serde_json::from_str(&serde_json::to_string(&codec).unwrap()).unwrap();
    assert_eq!(stored, codec);
}

#[test]
fn without_rules_nothing_changes() {
    let draft = orders(500);
    let off = draft.chosen(&RuleSettings { find: false, ..RuleSettings::default() }).unwrap();
    let codec = TableCodec::fit_by(&draft.schema, &draft.frame(), &CONFIG, &off);
    assert_eq!(codec, TableCodec::fit(&draft.schema, &draft.frame(), &CONFIG));
    assert!(codec.is_own() && !serde_json::to_string(&codec).unwrap().contains("rules"));
}

#[test]
fn exceptions_come_back_as_often_as_they_were() {
    let n = 20_000;
    let rng = &mut stream(5, "t", 0);
    let (a, b) = (draws(rng, n, 500), draws(rng, n, 500));
    let mut sum = map([&a, &b], |[a, b]| a + b);
    sum.iter_mut().step_by(250).for_each(|x| *x = 0.0);
    let draft = Draft::default().whole("a", a).whole("b", b).whole("sum", sum);
    let codec = draft.codec();
    assert_eq!(codec.rules.told[0].how, How::Mostly);
    assert!(codec.rules.told[0].to_string().contains("19,92"), "{}", codec.rules.told[0]);
    let frame = draft.frame();
    let back = codec.decode_kept(&codec.encode(&frame), 1, 0);
    let off = |frame: &Frame| {
        let [a, b, sum] = [0, 1, 2].map(|j| values(frame, j));
        (0..frame.rows).filter(|&i| a[i] + b[i] != sum[i]).count()
    };
    assert_eq!(off(&frame), off(&back));
    // No value of the few that are exceptions is held: they are drawn from the whole column's bins.
    assert!(codec.spans()[2].tokens > 2);
}

#[test]
fn a_sum_with_gaps_is_computed_where_it_can_be() {
    let n = 3_000;
    let rng = &mut stream(6, "t", 0);
    let (a, b, gone) = (draws(rng, n, 900), draws(rng, n, 900), draws(rng, n, 10));
    // The second is missing in a tenth of the rows, and the sum is the first there; in another tenth there is no sum.
    let second = map([&b, &gone], |[b, g]| if g == 0.0 { f64::NAN } else { b });
    let sum = map([&a, &b, &gone], |[a, b, g]| match g {
        0.0 => a,
        1.0 => f64::NAN,
        _ => a + b,
    });
    let draft = Draft::default().whole("a", a).whole("b", second).whole("sum", sum);
    let codec = draft.codec();
    assert_eq!(codec.rules.told[0].how, How::Computed, "{:?}", codec.rules.told);
    let back = codec.decode(&codec.encode(&draft.frame()), 1, 0);
    let [a, b, sum] = [0, 1, 2].map(|j| values(&back, j));
    for i in 0..n {
        assert!(sum[i].is_nan() || b[i].is_nan() || sum[i] == a[i] + b[i], "{i}");
        assert_eq!(sum[i].is_nan(), gone[i] == 1.0);
    }
}

#[test]
fn what_is_never_missing_never_is() {
    let n = 2_000;
    let rng = &mut stream(11, "t", 0);
    let (size, gone, luck) = (draws(rng, n, 40), draws(rng, n, 12), draws(rng, n, 3));
    // Where the size is missing the colour is any.
    let known = map([&size, &gone], |[s, g]| if g == 0.0 { f64::NAN } else { s });
    let colour = map([&known, &luck], |[s, l]| if s.is_nan() { l } else { s % 3.0 });
    let draft = Draft::default().whole("size", known).text("colour", words(&colour, |c| format!("c{c}")));
    let codec = draft.codec();
    assert!(!codec.columns[1].is_own());
    let made = codec.decode_kept(&shuffled(&codec, 3_000, 4), 1, 0);
    assert!(made.columns[0].missing() > 20 && made.rows > 2_000);
    assert_eq!(made.columns[1].missing(), 0);
}

#[test]
fn pairs_that_are_too_rare_to_be_held_drop_no_row() {
    let n = 2_000;
    let rng = &mut stream(12, "t", 0);
    let (a, b) = (draws(rng, n, 40), draws(rng, n, 6));
    let other = map([&a, &b], |[a, b]| (a * 7.0 + b) % 100.0);
    let draft =
        Draft::default().text("a", words(&a, |x| format!("a{x}"))).text("b", words(&other, |x| format!("b{x}")));
    let rules = |least: usize| {
        let frame = draft.frame();
        Chosen::of(&draft.schema, &frame, &RuleSettings::default(), least, CONFIG.held()).unwrap().rules
    };
    assert_eq!(rules(0).told[0].how, How::Redrawn);
    assert_eq!(rules(60).told[0].how, How::Learnt);
    assert!(rules(60).checks.is_empty());
}

#[test]
fn maps_hold_no_rare_value() {
    let n = 3_000;
    let rng = &mut stream(7, "t", 0);
    let city = draws(rng, n, 20);
    let mut names = words(&city, |c| format!("city {c}"));
    let mut mayors = words(&city, |c| format!("mayor {}", (c / 2.0).floor()));
    let mut budget: Vec<f64> = city.iter().map(|c| 1_000.0 * c + 7.0).collect();
    (names[5], mayors[5], budget[5]) = ("hamlet".to_owned(), "mayor 3".to_owned(), 123_457.0);
    let draft = Draft::default().text("city", names).text("mayor", mayors).whole("budget", budget);
    let codec = draft.codec();
    let made = codec.columns.iter().filter(|c| !c.is_own()).count();
    assert_eq!(made, 2, "{:?}", codec.rules.told);
    // Of two that fix each other the number is the source.
    let ColumnCodec::Derived(city) = &codec.columns[0] else { panic!("{:?}", codec.columns[0]) };
    let Formula::Map(map) = &city.formula else { panic!() };
    assert_eq!(map.keys.len(), 20);
    assert!(!map.keys.contains(&123_457.0));
    let ColumnCodec::Derived(mayor) = &codec.columns[1] else { panic!("{:?}", codec.columns[1]) };
    let Formula::Map(map) = &mayor.formula else { panic!() };
    assert_eq!((map.of, map.keys.len()), (0, 20));
    // The one row is an exception of both, and no other is.
    let encoded = codec.encode(&draft.frame());
    let exceptions = |j: usize| (0..n).filter(|&i| encoded.tokens[j][i] > 0).collect::<Vec<_>>();
    assert_eq!((exceptions(0), exceptions(1)), (vec![5], vec![5]));
}

#[test]
fn parts_of_dates_and_other_units_are_computed() {
    let n = 2_000;
    let rng = &mut stream(8, "t", 0);
    let (day, miles) = (draws(rng, n, 900), draws(rng, n, 5_000));
    let seconds: Vec<f64> = day.iter().map(|d| 86_400.0 * (d + 18_000.0)).collect();
    let weekday = words(&seconds, |s| {
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][Part::Weekday.of(s) as usize - 1].to_owned()
    });
    let month: Vec<f64> = seconds.iter().map(|&s| Part::Month.of(s)).collect();
    let draft = Draft::default()
        .date("when", day)
        .text("weekday", weekday)
        .whole("month", month)
        .whole("miles", miles.clone())
        .whole("km", miles.iter().map(|m| (1.609_344 * m).round()).collect());
    let codec = draft.codec();
    let all = told(&codec);
    assert!(all.iter().any(|t| t == "the weekday of `when` determines `weekday`"), "{all:?}");
    assert!(all.iter().any(|t| t == "`month` is the month of `when`"), "{all:?}");
    assert!(all.iter().any(|t| t.starts_with("`km` = 1.6")), "{all:?}");
    let made = codec.decode_kept(&shuffled(&codec, 500, 2), 1, 0);
    let [when, month, miles, km] = [0, 2, 3, 4].map(|j| values(&made, j));
    assert!(made.rows > 450);
    assert!((0..made.rows).all(|i| Part::Month.of(when[i]) == month[i]));
    assert!((0..made.rows).all(|i| (1.609_344 * miles[i] - km[i]).abs() < 0.51));
}

#[test]
fn a_found_rule_can_be_dropped() {
    let draft = orders(600);
    let drop = |rule: &str| RuleSettings { drop: vec![rule.to_owned()], ..RuleSettings::default() };
    for rule in ["`total` = `price` × `count`", "total = price * count", "total=price*count"] {
        let chosen = draft.chosen(&drop(rule)).unwrap();
        assert!(!chosen.rules.told.iter().any(|t| t.text.contains("`count`")), "{:?}", chosen.rules.told);
    }
    let said = draft.chosen(&drop("total = price * cuont")).unwrap_err().to_string();
    assert!(said.contains("data.rules.drop") && said.contains("did you mean `total = price × count`?"), "{said}");
    let off = RuleSettings { find: false, ..drop("total = price * count") };
    assert!(draft.chosen(&off).unwrap_err().to_string().contains("data.rules.find"));
}

fn add(when: Option<&str>, then: Option<&str>, column: Option<&str>, is: Option<&str>) -> RuleSettings {
    let own = |text: Option<&str>| text.map(str::to_owned);
    let declared = Declared { when: own(when), then: own(then), column: own(column), is: own(is) };
    RuleSettings { find: false, add: vec![declared], ..RuleSettings::default() }
}

#[test]
fn declared_rules_are_kept_in_every_row() {
    let n = 1_000;
    let rng = &mut stream(9, "t", 0);
    let (a, b, kind) = (draws(rng, n, 50), draws(rng, n, 50), draws(rng, n, 3));
    let sum = map([&a, &b, &kind], |[a, b, k]| if k == 0.0 { 1.0 } else { a + b });
    let draft = Draft::default()
        .whole("a", a)
        .whole("b.c", b)
        .text("kind", words(&kind, |k| format!("k{k}")))
        .whole("sum-of all", sum);
    // A third of the training rows breaks it, and no made row does.
    let settings = add(None, None, Some("sum-of all"), Some("a + b.c"));
    let chosen = draft.chosen(&settings).unwrap();
    assert!(chosen.rules.told[0].kept < 700 && chosen.rules.told[0].of == 1_000, "{:?}", chosen.rules.told);
    let codec = TableCodec::fit_by(&draft.schema, &draft.frame(), &CONFIG, &chosen);
    let made = codec.decode_kept(&shuffled(&codec, 500, 1), 0, 0);
    let [a, b, sum] = [0, 1, 3].map(|j| values(&made, j));
    assert!(made.rows > 300 && (0..made.rows).all(|i| sum[i] == a[i] + b[i]));

    let settings = add(Some("kind == 'k1'"), Some("col('sum-of all') >= 40"), None, None);
    let chosen = draft.chosen(&settings).unwrap();
    let codec = TableCodec::fit_by(&draft.schema, &draft.frame(), &CONFIG, &chosen);
    assert!(codec.columns.iter().all(ColumnCodec::is_own) && !codec.is_own());
    let made = codec.decode_kept(&shuffled(&codec, 500, 1), 0, 0);
    let (kind, sum) = (values(&made, 2), values(&made, 3));
    let Column::Category { codes, levels } = &made.columns[2] else { panic!("{kind:?}") };
    assert!((300..500).contains(&made.rows));
    assert!((0..made.rows).all(|i| levels[codes[i] as usize] != "k1" || sum[i] >= 40.0));
    let stored: TableCodec = serde_json::from_str(&serde_json::to_string(&codec).unwrap()).unwrap();
    assert_eq!(stored, codec);
}

#[test]
fn declared_rules_that_are_none_are_refused() {
    let draft = orders(200);
    let mut draft = draft.text("note", vec!["x".to_owned(); 200]);
    draft.schema.fields.last_mut().unwrap().kind = ColumnKind::Text;
    draft.columns.pop();
    for (settings, words) in [
        (add(Some("price > 1"), None, None, None), ["number 1", "give `then`"]),
        (add(None, Some("price > 1"), Some("total"), Some("price")), ["number 1", "`column` with `is`"]),
        (add(None, Some("pirce > 1"), None, None), ["number 1.then", "did you mean `price`?"]),
        (add(None, Some("price >"), None, None), ["number 1.then", "cannot be read"]),
        (add(None, Some("1 == 1"), None, None), ["number 1.then", "names no column"]),
        (add(None, Some("note == 'x'"), None, None), ["number 1.then", "not learnt"]),
        (add(None, Some("sqrt(price) > 1"), None, None), ["calls `sqrt`", "not known"]),
        (add(None, Some("abs(price, 2) > 1"), None, None), ["`abs` 2 values", "takes 1"]),
        (add(None, Some("price > 1e9"), None, None), ["no training row", "number 1.then"]),
        (add(None, None, Some("totl"), Some("price")), ["number 1.column", "did you mean `total`?"]),
        (add(None, None, Some("total"), Some("total + 1")), ["number 1.is", "from itself"]),
        (add(None, None, Some("total"), Some("price * 1e9")), ["number 1.is", "in no training row"]),
        (add(None, Some(&"(".repeat(900)), None, None), ["number 1.then", "brackets"]),
        (add(None, Some(&"-".repeat(900)), None, None), ["number 1.then", "cannot be read"]),
        (add(None, Some(&"!".repeat(900)), None, None), ["number 1.then", "cannot be read"]),
        (add(None, Some(&"a?".repeat(450)), None, None), ["number 1.then", "cannot be read"]),
        (add(None, Some(&"a + ".repeat(300)), None, None), ["number 1.then", "longer"]),
    ] {
        let said = draft.chosen(&settings).unwrap_err();
        assert!(matches!(said, Error::Rule { .. }));
        let said = said.to_string();
        assert!(words.iter().all(|w| said.contains(w)), "{said}");
    }
}

/// The one row of a small table, and what an expression comes to in it.
fn value(text: &str) -> String {
    let draft = Draft::default()
        .whole("n", vec![7.0])
        .cents("x", vec![2.5])
        .whole("gone", vec![f64::NAN])
        .text("word", vec!["yes".to_owned()])
        .text("code", vec!["4".to_owned()])
        .date("day", vec![0.0])
        .date("later", vec![3.0]);
    let said = Expression::parse(text, "key", &draft.schema).unwrap();
    let frame = draft.frame();
    let columns: Vec<&Column> = frame.columns.iter().collect();
    match said.value(&columns, 0) {
        Value::Null => "null".to_owned(),
        Value::Yes(yes) => yes.to_string(),
        Value::Number(x) => x.to_string(),
        Value::Date(x) => format!("at {x}"),
        Value::Text(text) => text.to_owned(),
    }
}

#[test]
fn expressions_mean_what_they_say() {
    for (text, wanted) in [
        ("n * x", "17.5"),
        ("n / 2", "3.5"),
        ("n % 4 + 2 * x - 1", "7"),
        ("-n", "-7"),
        ("n == 7.0 && x < 3", "true"),
        ("n in [1, 7]", "true"),
        ("gone == null", "true"),
        ("gone != null", "false"),
        ("n == null", "false"),
        ("gone + n", "null"),
        ("gone > 3", "null"),
        ("gone > 3 || n > 3", "true"),
        ("gone > 3 && n > 3", "null"),
        ("gone > 3 && n > 9", "false"),
        ("!(n > 9)", "true"),
        ("n > 9 ? 1 : x", "2.5"),
        ("n / 0", "null"),
        ("word == 'yes'", "true"),
        ("word == true", "true"),
        ("word ? 1 : 2", "1"),
        ("code * 2", "8"),
        ("code >= 4", "true"),
        ("word < 'zebra'", "true"),
        ("later - day", "3"),
        ("day + 3 == later", "true"),
        ("day < '2019-04-15'", "true"),
        ("day == '2019-04-14'", "true"),
        ("day < 'soon'", "null"),
        ("year(day)", "2019"),
        ("weekday(later)", "3"),
        ("round(x) + floor(x) + ceil(x) + abs(-x)", "10.5"),
        ("min(n, x, 3)", "2.5"),
        ("max(n, x)", "7"),
        ("max(n, gone)", "null"),
        ("n == 'seven'", "false"),
    ] {
        assert_eq!(value(text), wanted, "{text}");
    }
}

#[test]
fn a_damaged_codec_is_refused_and_harms_nothing() {
    let draft = orders(400);
    let codec = draft.codec();
    let json = serde_json::to_value(&codec).unwrap();
    let read = |json: serde_json::Value| serde_json::from_value::<TableCodec>(json).unwrap();
    let mut far = json.clone();
    far["columns"][4]["formula"]["product"][0] = 99.into();
    assert!(read(far).problem(&draft.schema).unwrap().contains("not there"));
    let mut circle = json.clone();
    circle["columns"][4]["formula"]["product"][0] = 6.into();
    let circle = read(circle);
    assert!(circle.problem(&draft.schema).unwrap().contains("circle"));
    // Nor does it bring down who decodes without asking.
    circle.decode_kept(&shuffled(&circle, 10, 1), 1, 0);
    let mut map = json.clone();
    map["columns"][1]["formula"]["map"]["values"] = serde_json::json!([1.0]);
    assert!(read(map).problem(&draft.schema).unwrap().contains("looked up"));
    let mut gap = json.clone();
    gap["rules"]["gaps"][0]["column"] = 77.into();
    assert!(read(gap).problem(&draft.schema).unwrap().contains("missing values"));
}

#[test]
fn rows_that_break_a_rule_are_encoded_all_the_same() {
    let draft = orders(1_000);
    let codec = draft.codec();
    let mut other = orders(1_000).frame();
    // Each column from other rows.
    for (j, column) in other.columns.iter_mut().enumerate() {
        *column = column.take(&(0..1_000).map(|i| (i + 37 * j) % 1_000).collect::<Vec<_>>());
    }
    let encoded = codec.encode(&other);
    for (tokens, span) in encoded.tokens.iter().zip(codec.spans()) {
        assert!(tokens.iter().all(|t| *t < span.tokens));
    }
    assert_eq!(broken(&codec.decode_kept(&encoded, 1, 0)), 0);
}

proptest! {
    #[test]
    fn any_table_is_encoded_and_decoded(
        cells in prop::collection::vec((0..4_u32, 0..4_u32, 0..3_i32, any::<bool>()), 30..120),
        seed in 0..20_u64,
    ) {
        let number = |x: u32| if x == 3 { f64::NAN } else { f64::from(x) };
        let draft = Draft::default()
            .whole("a", cells.iter().map(|c| number(c.0)).collect())
            .whole("b", cells.iter().map(|c| number(c.1)).collect())
            .whole("sum", cells.iter().map(|c| number(c.0) + number(c.1)).collect())
            .text("c", cells.iter().map(|c| if c.2 == 0 { String::new() } else { c.2.to_string() }).collect())
            .text("d", cells.iter().map(|c| if c.3 { format!("d{}", c.2) } else { "d".to_owned() }).collect());
        let codec = draft.codec();
        prop_assert!(codec.problem(&draft.schema).is_none());
        let frame = draft.frame();
        let encoded = codec.encode(&frame);
        for (tokens, span) in encoded.tokens.iter().zip(codec.spans()) {
            prop_assert!(tokens.iter().all(|t| *t < span.tokens));
        }
        let back = codec.decode(&encoded, seed, 0);
        prop_assert_eq!(back.rows, frame.rows);
        let kept = codec.decode_kept(&shuffled(&codec, 50, seed), seed, 0);
        prop_assert!(kept.columns.iter().all(|c| c.len() == kept.rows));
    }
}
