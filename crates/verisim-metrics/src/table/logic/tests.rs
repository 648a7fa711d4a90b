//! Rules that are there are found, and nothing else is.
#![allow(clippy::unwrap_used)]

use verisim_data::rng::{below, normal, stream, uniform};
use verisim_data::table::{Column, ColumnKind as Kind, Field, Frame, MISSING, Reason, Schema};

use super::super::report::{Logic, RuleKind};
use super::super::values::Comparison;
use super::learnt;
use crate::Count;

/// A table under construction.
#[derive(Clone, Default)]
struct Draft {
    fields: Vec<Field>,
    columns: Vec<Column>,
}

impl Draft {
    fn number(mut self, name: &str, kind: Kind, values: impl IntoIterator<Item = f64>) -> Draft {
        self.fields.push(Field::new(name, kind, Reason::default()));
        self.columns.push(Column::Number(values.into_iter().collect()));
        self
    }

    fn whole(self, name: &str, values: impl IntoIterator<Item = f64>) -> Draft {
        self.number(name, Kind::Integer, values)
    }

    fn cents(self, name: &str, values: impl IntoIterator<Item = f64>) -> Draft {
        let values: Vec<f64> = values.into_iter().map(|x| (x * 100.0).round() / 100.0).collect();
        self.number(name, Kind::Decimal { decimals: 2 }, values)
    }

    /// An empty text is a missing value.
    fn text(mut self, name: &str, values: impl IntoIterator<Item = String>) -> Draft {
        let values: Vec<String> = values.into_iter().collect();
        let mut levels: Vec<String> = values.iter().filter(|v| !v.is_empty()).cloned().collect();
        levels.sort();
        levels.dedup();
        let code = |v: &String| levels.binary_search(v).map_or(MISSING, |i| i as u32);
        self.fields.push(Field::new(name, Kind::Categorical { numeric: false }, Reason::default()));
        self.columns.push(Column::Category { codes: values.iter().map(code).collect(), levels: levels.into() });
        self
    }

    fn frame(&self) -> Frame {
        Frame::new(self.columns.clone(), self.columns[0].len())
    }

    fn against(&self, synthetic: &Frame) -> Logic {
        let schema = Schema { fields: self.fields.clone(), ..Schema::default() };
        learnt(&Comparison::new(&schema, &self.frame(), synthetic, None).unwrap(), 7)
    }

    fn logic(&self) -> Logic {
        self.against(&self.frame())
    }
}

fn draws(n: usize, seed: u64, most: u64) -> Vec<f64> {
    let mut rng = stream(seed, "draws", 0);
    (0..n).map(|_| below(&mut rng, most) as f64).collect()
}

fn texts(logic: &Logic) -> Vec<&str> {
    logic.rules.iter().map(|r| r.text.as_str()).collect()
}

fn each<const N: usize>(columns: [&[f64]; N], make: impl Fn([f64; N]) -> f64) -> Vec<f64> {
    (0..columns[0].len()).map(|i| make(columns.map(|c| c[i]))).collect()
}

fn words(values: &[f64], of: impl Fn(f64) -> String) -> Vec<String> {
    values.iter().map(|&x| of(x)).collect()
}

#[test]
fn sums_products_and_lines_are_found_and_broken() {
    let n = 400;
    let (a, b, c) = (draws(n, 1, 1_000), draws(n, 2, 1_000), draws(n, 3, 300));
    let price: Vec<f64> = draws(n, 4, 5_000).iter().map(|x| x / 100.0 + 1.0).collect();
    let draft = Draft::default()
        .whole("a", a.clone())
        .whole("b", b.clone())
        .whole("sum", each([&a, &b], |[a, b]| a + b))
        .cents("price", price.clone())
        .whole("count", c.clone())
        .cents("cost", each([&price, &c], |[p, c]| p * c))
        .cents("hot", a.iter().map(|a| 1.8 * a + 32.0));
    let found = draft.logic();
    let mut told = texts(&found);
    told.sort_unstable();
    assert_eq!(told, ["`cost` = `price` × `count`", "`hot` = 1.8 × `a` + 32", "`sum` = `a` + `b`"]);
    assert_eq!(found.synthetic, Count::new(0, n));
    // One more in every tenth row is seen, in these rows alone.
    let mut made = draft.frame();
    made.columns[2] = Column::Number(
        each([&a, &b], |[a, b]| a + b).iter().enumerate().map(|(i, s)| s + f64::from(u8::from(i % 10 == 0))).collect(),
    );
    let off = draft.against(&made);
    assert_eq!(off.synthetic, Count::new(n / 10, n));
    let sum = off.rules.iter().find(|r| r.text.starts_with("`sum`")).unwrap();
    assert_eq!((sum.kind, sum.train.rate(), sum.synthetic.rate()), (RuleKind::Sum, 0.0, 0.1));
    assert_eq!(sum.columns, ["sum", "a", "b"]);
}

#[test]
fn quotients_that_were_rounded_are_products() {
    let n = 2_000;
    let (a, b) = (draws(n, 1, 90_000), draws(n, 2, 900));
    let b: Vec<f64> = b.iter().map(|x| x + 1.0).collect();
    let found = Draft::default()
        .whole("a", a.clone())
        .whole("b", b.clone())
        .cents("each", each([&a, &b], |[a, b]| a / b))
        .logic();
    assert_eq!(texts(&found), ["`a` = `b` × `each`, rounded"]);
}

#[test]
fn a_line_that_is_rounded_needs_many_values() {
    let n = 2_000;
    let miles = draws(n, 1, 1_000);
    let km = miles.iter().map(|m| (1.609344 * m).round());
    let found = Draft::default().whole("km", km).whole("miles", miles.clone()).logic();
    assert_eq!((found.found, found.train.hits), (1, 0));
    let text = texts(&found)[0];
    assert!(text.starts_with("`miles` = 0.62") && text.ends_with("`km`, rounded"), "{text}");
    // The hour of a time of day is nearly a line.
    let (hour, part) = (draws(n, 2, 24), draws(n, 3, 12));
    let time = each([&hour, &part], |[h, p]| 100.0 * h + 5.0 * p);
    let found = Draft::default().whole("time", time).whole("hour", hour).logic();
    assert_eq!(texts(&found), ["`time` determines `hour`"]);
}

#[test]
fn totals_of_neighbours_and_days_after_a_date() {
    let n = 300;
    let parts: Vec<Vec<f64>> = (0..5).map(|k| draws(n, k, 50)).collect();
    let total: Vec<f64> = (0..n).map(|i| parts.iter().map(|p| p[i]).sum()).collect();
    let mut draft = Draft::default().whole("total", total);
    for (k, part) in parts.into_iter().enumerate() {
        draft = draft.whole(&format!("p{k}"), part);
    }
    assert_eq!(texts(&draft.logic())[0], "`total` = `p0` + `p1` + `p2` + `p3` + `p4`");

    let date = || Kind::Datetime { format: "%Y-%m-%d".to_owned() };
    let (start, days) = (draws(n, 8, 3_000), draws(n, 9, 90));
    let second = |day: f64| 86_400.0 * (day + 15_000.0);
    let found = Draft::default()
        .number("start", date(), start.iter().copied().map(second))
        .whole("days", days.clone())
        .number("end", date(), each([&start, &days], |[s, d]| second(s + d)))
        .logic();
    assert_eq!(texts(&found), ["`end` = `start` + `days` × 86400 seconds"]);
}

#[test]
fn orders_are_found_once_and_follow_from_each_other() {
    let n = 1_000;
    let (a, b, c) = (draws(n, 1, 1_000), draws(n, 2, 500), draws(n, 3, 500));
    let (b, c) = (each([&a, &b], |[a, b]| a + b), each([&a, &b, &c], |[a, b, c]| a + b + c + 1.0));
    let noise = draws(n, 9, 2_000);
    let draft = Draft::default().whole("c", c).whole("noise", noise).whole("a", a).whole("b", b);
    assert_eq!(texts(&draft.logic()), ["`b` <= `c`", "`a` <= `b`"]);
    // Columns that hardly overlap are in order whatever they are.
    let far =
        Draft::default().whole("a", draws(n, 1, 100)).whole("b", draws(n, 2, 9_000).iter().map(|x| x + 99.0)).logic();
    assert_eq!(far.found, 0);
}

#[test]
fn a_strict_order_needs_ties_by_chance() {
    let n = 500;
    let (a, b) = (draws(n, 1, 30), draws(n, 2, 9));
    let after = each([&a, &b], |[a, b]| a + b + 1.0);
    let whole = Draft::default().whole("a", a.clone()).whole("b", after.clone()).logic();
    assert_eq!(texts(&whole), ["`a` < `b`"]);
    // Fine numbers are never equal anyway.
    let fine = |v: &[f64], seed| each([v, &draws(n, seed, 1_000_000)], |[x, y]| x + y / 1e6);
    let found = Draft::default()
        .number("a", Kind::Decimal { decimals: 6 }, fine(&a, 5))
        .number("b", Kind::Decimal { decimals: 6 }, fine(&after, 5))
        .logic();
    assert!(texts(&found).iter().all(|t| !t.contains(" < ")), "{:?}", texts(&found));
}

#[test]
fn what_determines_what() {
    let n = 1_000;
    let zip = draws(n, 1, 90);
    let draft = Draft::default()
        .text("state", words(&zip, |z| format!("s{}", z as usize / 30)))
        .whole("zip", zip.iter().map(|z| z + 10_000.0))
        .text("city", words(&zip, |z| format!("c{}", z as usize / 10)))
        .text("mayor", words(&zip, |z| format!("m{}", z as usize / 10)))
        .text("noise", words(&draws(n, 2, 5), |x| format!("n{x}")));
    let mut told = draft.logic().rules.iter().map(|r| r.text.clone()).collect::<Vec<_>>();
    told.sort_unstable();
    assert_eq!(
        told,
        ["`city` and `mayor` determine each other", "`city` determines `state`", "`zip` determines `city`"]
    );
    // A zip of another city breaks two rules at most; one that nobody knows breaks none.
    let mut made = draft.frame();
    if let Column::Number(zip) = &mut made.columns[1] {
        let elsewhere = zip.iter().position(|z| *z < 10_030.0).unwrap();
        let unknown = zip.iter().position(|z| *z > 10_050.0).unwrap();
        (zip[elsewhere], zip[unknown]) = (10_089.0, 99_999.0);
    }
    assert_eq!(draft.against(&made).synthetic, Count::new(1, n));
}

#[test]
fn where_values_are_missing() {
    let n = 600;
    let kind = draws(n, 1, 4);
    let gone = |k: f64, x: f64| if k == 2.0 { f64::NAN } else { x };
    let gap = |seed| each([&kind, &draws(n, seed, 5_000)], |[k, x]| gone(k, x));
    let sometimes =
        each(
            [&kind, &draws(n, 8, 2), &draws(n, 9, 7_000)],
            |[k, lost, x]| if k < 2.0 && lost == 1.0 { f64::NAN } else { x },
        );
    let draft = Draft::default()
        .text("kind", words(&kind, |k| ["own", "rent", "free", ""][k as usize].to_owned()))
        .whole("rent", gap(2))
        .whole("deposit", gap(3))
        .whole("loan", sometimes);
    let mut told = draft.logic().rules.iter().map(|r| r.text.clone()).collect::<Vec<_>>();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "`deposit` is missing exactly where `rent` is missing",
            "`loan` is never missing where `kind` is `free` or missing",
            "`rent` is missing exactly where `kind` is `free`",
        ]
    );
}

#[test]
fn combinations_that_never_occur() {
    let n = 2_000;
    let (sex, role) = (draws(n, 1, 2), draws(n, 2, 6));
    // Of five roles two belong to one sex each.
    let role = each([&sex, &role], |[s, r]| if r == 0.0 { 4.0 + s } else { r % 4.0 });
    let draft =
        Draft::default().text("sex", words(&sex, |s| format!("s{s}"))).text("role", words(&role, |r| format!("r{r}")));
    let found = draft.logic();
    assert_eq!(texts(&found), ["`sex` and `role` go together in 10 of 12 ways"]);
    assert_eq!(found.rules[0].kind, RuleKind::Combinations);
    let mut made = draft.frame();
    made.columns[0] = made.columns[0].take(&(0..n).map(|i| (i + 1) % n).collect::<Vec<_>>());
    let broken = draft.against(&made).rules[0].synthetic.rate();
    assert!((0.05..0.12).contains(&broken), "{broken}");
}

/// Twenty columns of all kinds that know nothing of each other.
fn independent(n: usize, seed: u64) -> Draft {
    (0..20).fold(Draft::default(), |draft, k| {
        let mut rng = stream(seed, "independent", k);
        let name = format!("c{k}");
        let odds = k as f64 / 40.0;
        // The first values are the most frequent.
        let mut skewed = |most: f64| (most * uniform(&mut rng).powi(3)).floor();
        let most = 3.0 + k as f64;
        match k % 5 {
            0 => draft.cents(&name, (0..n).map(|_| normal(&mut rng))),
            1 => draft.whole(&name, (0..n).map(|_| if skewed(1.0 / odds) < 1.0 { f64::NAN } else { skewed(most) })),
            2 => draft.text(&name, (0..n).map(|_| format!("l{}", skewed(most)))),
            3 => draft.whole(&name, (0..n).map(|_| skewed(900.0) * f64::from(u8::from(skewed(2.0) > 0.0)))),
            _ => {
                let other = if k < 12 { "" } else { "no" };
                draft.text(&name, (0..n).map(|_| if uniform(&mut rng) < odds { other } else { "yes" }.to_owned()))
            }
        }
    })
}

#[test]
fn chance_makes_hardly_any_rule() {
    for n in [30, 50, 100, 300, 1_000, 5_000] {
        let found: Vec<String> = (0..20).flat_map(|seed| independent(n, seed).logic().rules).map(|r| r.text).collect();
        assert!(found.is_empty(), "{n} rows: {found:?}");
    }
}

#[test]
fn few_rows_teach_nothing() {
    let a = draws(29, 1, 100);
    assert_eq!(Draft::default().whole("a", a.clone()).whole("b", a.clone()).logic().found, 0);
    let a = draws(200, 1, 100);
    assert_eq!(Draft::default().whole("a", a.clone()).whole("b", a).logic().found, 1);
}
