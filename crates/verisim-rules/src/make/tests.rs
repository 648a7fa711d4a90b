use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Engine;
use super::learned::Nothing;
use crate::expression::columns::Values;
use crate::plan::{Plan, Wish};
use crate::world::World;

fn engine(text: &str) -> Engine {
    with(text, &Wish::default())
}

fn with(text: &str, wish: &Wish) -> Engine {
    let world = World::parse(text, Path::new("world.toml")).unwrap_or_else(|e| panic!("{e}"));
    Engine::new(Plan::new(world, wish, &Nothing).unwrap_or_else(|e| panic!("{e}")))
}

/// What is said of a world that cannot be.
fn refused(text: &str) -> String {
    match World::parse(text, Path::new("world.toml")).and_then(|w| Plan::new(w, &Wish::default(), &Nothing)) {
        Err(e) => e.to_string(),
        Ok(_) => panic!("taken: {text}"),
    }
}

fn all(engine: &Engine, table: &str) -> RecordBatch {
    let t = engine.plan.table(table).unwrap();
    engine.head(t, usize::MAX).unwrap_or_else(|e| panic!("{e}"))
}

fn numbers(batch: &RecordBatch, column: &str) -> Vec<f64> {
    Values::of(batch.column_by_name(column).unwrap().as_ref()).numbers()
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let texts = Values::of(batch.column_by_name(column).unwrap().as_ref()).texts();
    (0..texts.len()).map(|i| if texts.is_valid(i) { texts.value(i).to_owned() } else { "null".to_owned() }).collect()
}

const SHOP: &str = r#"
seed = 3
[tables.products]
rows = 20
fixed = true
[tables.products.columns]
id = { id = "P-[0-9]{3}" }
price = { lognormal = [3, 0.5], round = 2 }
weight = { pareto = [1, 2], hidden = true }

[tables.customers]
rows = 500
[tables.customers.columns]
id = { sequence = 1 }
age = { normal = [45, 18], min = 18, max = 90, round = 0 }
segment = { choice = { new = 5, loyal = 3, vip = "age > 60 ? 4 : 1" } }
orders = "count(orders)"
spent = "sum(orders.total)"

[tables.orders]
parent = "customers"
children = { poisson = "parent.segment == 'vip' ? 6 : 2" }
[tables.orders.columns]
id = { sequence = 1000 }
customer = "parent.id"
day = { date = { from = 2024-01-01, to = 2024-12-31 } }
nth = { number = 1 }
total = "sum(lines.amount)"

[tables.lines]
parent = "orders"
children = { integer = [1, 5] }
key = ["order", "line"]
[tables.lines.columns]
order = "parent.id"
line = { number = 1 }
product = { ref = { table = "products", weight = "weight" } }
price = "product.price"
quantity = { integer = [1, 4] }
amount = "round(price * quantity, 2)"
customer_age = "parent.parent.age"
"#;

#[test]
fn keys_hold_exactly_and_sums_agree() {
    let engine = engine(SHOP);
    let [products, customers, orders, lines] = ["products", "customers", "orders", "lines"].map(|t| all(&engine, t));
    assert_eq!((products.num_rows(), customers.num_rows()), (20, 500));
    let ids: FxHashSet<String> = texts(&products, "id").into_iter().collect();
    assert_eq!(ids.len(), 20);
    let price: FxHashMap<String, f64> = texts(&products, "id").into_iter().zip(numbers(&products, "price")).collect();

    // Every line has an order and a product, and what it says of them is theirs.
    let mut sums: FxHashMap<u64, f64> = FxHashMap::default();
    let (order, product) = (numbers(&lines, "order"), texts(&lines, "product"));
    let (line_price, amount, quantity) =
        (numbers(&lines, "price"), numbers(&lines, "amount"), numbers(&lines, "quantity"));
    for i in 0..lines.num_rows() {
        assert_eq!(line_price[i], price[&product[i]]);
        assert!((amount[i] - line_price[i] * quantity[i]).abs() < 0.006);
        *sums.entry(order[i] as u64).or_default() += amount[i];
    }
    let (ids, totals) = (numbers(&orders, "id"), numbers(&orders, "total"));
    assert_eq!(ids, (0..orders.num_rows()).map(|i| 1000.0 + i as f64).collect::<Vec<_>>());
    assert_eq!(sums.len(), orders.num_rows());
    for (id, total) in ids.iter().zip(&totals) {
        assert!((sums[&(*id as u64)] - total).abs() < 1e-6);
    }
    let (owner, count, spent) =
        (numbers(&orders, "customer"), numbers(&customers, "orders"), numbers(&customers, "spent"));
    let (mut of, mut paid) = (vec![0.0; 501], vec![0.0; 501]);
    for (owner, total) in owner.iter().zip(&totals) {
        of[*owner as usize] += 1.0;
        paid[*owner as usize] += total;
    }
    for c in 1..=500 {
        assert_eq!(of[c], count[c - 1]);
        assert!((paid[c] - spent[c - 1]).abs() < 1e-6);
    }
    // VIPs have three times as many orders, and are more frequent above 60.
    let segment = texts(&customers, "segment");
    let mean = |name: &str| {
        let of: Vec<f64> = segment.iter().zip(&count).filter(|(s, _)| *s == name).map(|(_, c)| *c).collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    assert!((mean("vip") - 6.0).abs() < 0.8 && (mean("new") - 2.0).abs() < 0.4);
    let age = numbers(&customers, "age");
    assert!(age.iter().all(|a| (18.0..=90.0).contains(a) && a.fract() == 0.0));
    // The age that a line knows is that of its customer.
    let mut age_of: FxHashMap<u64, f64> = FxHashMap::default();
    ids.iter().zip(&owner).for_each(|(id, owner)| {
        age_of.insert(*id as u64, age[*owner as usize - 1]);
    });
    for (order, known) in order.iter().zip(numbers(&lines, "customer_age")) {
        assert_eq!(age_of[&(*order as u64)], known);
    }
}

#[test]
fn columns_do_not_depend_on_each_other_nor_on_other_rows() {
    let before = all(&engine(SHOP), "orders");
    // Another column, and more rows.
    let changed = SHOP.replace("nth = { number = 1 }", "nth = { number = 1 }\nnote = { regex = \"[a-z]{5}\" }");
    let wish = Wish { rows: Some(800), seed: None };
    let after = all(&with(&changed, &wish), "orders");
    let n = before.num_rows();
    assert!(after.num_rows() > n);
    for column in ["id", "customer", "day", "total"] {
        assert_eq!(texts(&before, column), texts(&after, column)[..n], "{column}");
    }
    let other = all(&with(SHOP, &Wish { rows: None, seed: Some(4) }), "orders");
    assert_ne!(texts(&before, "day")[..50], texts(&other, "day")[..50]);
}

#[test]
fn a_table_is_the_same_whether_others_were_made_before_it() {
    // 6,000 customers are several units of work, and lines have parents that have parents.
    let wish = Wish { rows: Some(6_000), seed: None };
    let [cold, warm] = [with(SHOP, &wish), with(SHOP, &wish)];
    ["customers", "orders"].iter().for_each(|t| drop(all(&warm, t)));
    let (cold, warm) = (all(&cold, "lines"), all(&warm, "lines"));
    assert!(cold == warm && cold.num_rows() > 20_000);
    let orders = numbers(&cold, "order");
    assert!(orders.windows(2).all(|w| w[1] == w[0] || w[1] == w[0] + 1.0), "numbers run on from unit to unit");
}

#[test]
fn blocks_and_single_rows_agree() {
    let text = "[tables.t]\nrows = 20000\n[tables.t.columns]\nid = { sequence = 0 }\nx = { normal = [0, 1] }\n\
                [tables.u]\nrows = 300\nfixed = true\n[tables.u.columns]\nt = { ref = \"t\" }\nx = \"t.x\"";
    let engine = engine(text);
    let t = all(&engine, "t");
    let x = numbers(&t, "x");
    let u = all(&engine, "u");
    for (id, known) in numbers(&u, "t").iter().zip(numbers(&u, "x")) {
        assert_eq!(x[*id as usize], known);
    }
    // A table too large to be kept is asked row by row; the values are the same.
    let large = with(text, &Wish { rows: Some(super::KEPT + 5), seed: None });
    let t = large.plan.table("t").unwrap();
    let some = [Some(17), None, Some(19_999), Some(super::KEPT)];
    let found = large.at(t, &crate::plan::Source::Own(1), &some).unwrap();
    let found = Values::of(found.as_ref()).numbers();
    assert!(found[0] == x[17] && found[1].is_nan() && found[2] == x[19_999] && found[3].is_finite());
}

#[test]
fn checks_hold_in_every_row_and_what_cannot_hold_is_said() {
    let text = |check: &str| {
        format!(
            "[tables.t]\nrows = 3000\ncheck = [\"{check}\"]\n[tables.t.columns]\na = {{ uniform = [0, 10] }}\nb = {{ uniform = [0, 10] }}\n\
             [tables.c]\nparent = \"t\"\nchildren = 1\n[tables.c.columns]\na = \"parent.a\"\nb = \"parent.b\"\n"
        )
    };
    let engine = engine(&text("a < b"));
    for table in ["t", "c"] {
        let rows = all(&engine, table);
        assert!(numbers(&rows, "a").iter().zip(numbers(&rows, "b")).all(|(a, b)| *a < b), "{table}");
    }
    assert_eq!(texts(&all(&engine, "t"), "a"), texts(&all(&engine, "c"), "a"));
    let impossible = super::tests::engine(&text("a > 20"));
    let t = impossible.plan.table("t").unwrap();
    let said = impossible.block(t, 0).map(drop).unwrap_err().to_string();
    assert!(said.contains("rows do not keep `a > 20` in 1000 tries"), "{said}");
}

#[test]
fn weights_of_rows_thin_them() {
    let text = "[tables.t]\nrows = 20000\nweight = \"x < 0 ? 0.25 : 1\"\n[tables.t.columns]\nx = { normal = [0, 1] }";
    let below = numbers(&all(&engine(text), "t"), "x").iter().filter(|&&x| x < 0.0).count() as f64 / 20_000.0;
    assert!((below - 0.2).abs() < 0.015, "{below}");
}

#[test]
fn unique_values_come_once() {
    let text = "[tables.t]\nrows = 5000\n[tables.t.columns]\ncode = { regex = \"[0-9]{4}\", unique = true }\n\
                first = { choice = [\"ann\", \"bob\"] }\nmail = { template = \"{first}@example.com\", unique = true }";
    let rows = all(&engine(text), "t");
    for column in ["code", "mail"] {
        let seen: FxHashSet<String> = texts(&rows, column).into_iter().collect();
        assert_eq!(seen.len(), 5000, "{column}");
    }
    assert!(texts(&rows, "mail").iter().any(|m| m == "ann2@example.com"));
    let full = engine(&text.replace("{4}", "{3}"));
    let said = full.block(0, 0).and_then(|b| b.column(0)).unwrap_err().to_string();
    assert!(said.contains("t.code") && said.contains("cannot be unique"), "{said}");
}

#[test]
fn references_may_be_distinct_ranked_missing_or_a_tree() {
    let text = r#"
[tables.courses]
rows = 12
fixed = true
[tables.courses.columns]
id = { sequence = 1 }
[tables.students]
rows = 2000
[tables.students.columns]
id = { sequence = 1 }
tutor = { tree = { roots = 3, children = 5 } }
tutor_id = "tutor.id"
favourite = { ref = { table = "courses", zipf = 1.0 }, missing = 0.25 }
favourite_id = "favourite.id"
[tables.enrolments]
parent = "students"
children = { integer = [0, 12] }
[tables.enrolments.columns]
student = "parent.id"
course = { ref = { table = "courses", distinct = true } }
"#;
    let engine = engine(text);
    let enrolments = all(&engine, "enrolments");
    let pairs: FxHashSet<(u64, u64)> = (numbers(&enrolments, "student").iter())
        .zip(numbers(&enrolments, "course"))
        .map(|(s, c)| (*s as u64, c as u64))
        .collect();
    assert_eq!(pairs.len(), enrolments.num_rows());
    let students = all(&engine, "students");
    let (id, tutor) = (numbers(&students, "id"), numbers(&students, "tutor"));
    assert!(tutor[..3].iter().all(|t| t.is_nan()));
    assert!(id.iter().zip(&tutor).skip(3).all(|(id, tutor)| tutor < id && *tutor >= 1.0));
    let favourite = numbers(&students, "favourite");
    assert_eq!(texts(&students, "favourite"), texts(&students, "favourite_id"));
    let missing = favourite.iter().filter(|f| f.is_nan()).count() as f64 / 2000.0;
    assert!((missing - 0.25).abs() < 0.03);
    let share = |k: f64| favourite.iter().filter(|&&f| f == k).count() as f64;
    assert!((share(1.0) / share(4.0) - 4.0).abs() < 1.2);
}

#[test]
fn cases_lookups_and_copulas() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("cities.csv"),
        "city,zip,state,people\nA,01234,X,10\nB,02345,X,30\nC,99999,Y,5\n",
    )
    .unwrap();
    let text = r#"
[tables.t]
rows = 8000
copula = { columns = ["income", "rent"], correlation = [[1, 0.7], [0.7, 1]] }
[tables.t.columns]
state = { choice = ["X", "Y"] }
city = { lookup = { file = "cities.csv", column = "city", weight = "people", match = { state = "state" } } }
zip = { lookup = { file = "cities.csv", column = "zip", weight = "people", match = { state = "state" } } }
income = { lognormal = [8, 0.4] }
rent = { gamma = [4, 200] }
size = { cases = { of = "state", when = { X = { integer = [1, 3] }, Y = { value = 9 } } } }
"#;
    let world = World::parse(text, &folder.path().join("world.toml")).unwrap();
    let engine = Engine::new(Plan::new(world, &Wish::default(), &Nothing).unwrap());
    let rows = all(&engine, "t");
    let [state, city, zip] = ["state", "city", "zip"].map(|c| texts(&rows, c));
    for i in 0..rows.num_rows() {
        let place = (state[i].as_str(), city[i].as_str(), zip[i].as_str());
        assert!([("X", "A", "01234"), ("X", "B", "02345"), ("Y", "C", "99999")].contains(&place), "{place:?}");
    }
    let [a, b] = ["A", "B"].map(|c| city.iter().filter(|x| *x == c).count() as f64);
    assert!((b / a - 3.0).abs() < 0.4);
    let size = numbers(&rows, "size");
    assert!(state.iter().zip(&size).all(|(s, x)| if s == "Y" { *x == 9.0 } else { (1.0..=3.0).contains(x) }));
    let ranks = |x: &[f64]| {
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by(|&i, &j| x[i].total_cmp(&x[j]));
        let mut rank = vec![0.0; x.len()];
        order.iter().enumerate().for_each(|(r, &i)| rank[i] = r as f64 / x.len() as f64 - 0.5);
        rank
    };
    let (income, rent) = (ranks(&numbers(&rows, "income")), ranks(&numbers(&rows, "rent")));
    let spearman = 12.0 * income.iter().zip(&rent).map(|(a, b)| a * b).sum::<f64>() / 8000.0;
    // Of normal scores with correlation r: 6 / pi asin(r / 2).
    let wanted = 6.0 / std::f64::consts::PI * (0.35f64).asin();
    assert!((spearman - wanted).abs() < 0.03, "{spearman} {wanted}");
}

#[test]
fn values_of_every_kind() {
    let text = r#"
[tables.t]
rows = 400
[tables.t.columns]
one = { value = "x" }
half = { sequence = 0.5, step = 0.25 }
key = { uuid = true }
yes = { chance = 0.3 }
mixed = { mixture = [{ weight = 3, normal = [0, 1] }, { weight = 1, normal = [100, 1] }] }
listed = { empirical = [1, 5, 9] }
when = { time = { from = 2024-03-01T08:00:00, to = 2024-03-01T20:00:00, step = 60 } }
later = "when + minutes(90)"
shown = { expr = "later", format = "%d.%m. %H:%M" }
text = { template = "{upper(one)}-{half:.2}" }
maybe = { normal = [0, 1], missing = "yes ? 1 : 0" }
said = { grammar = { start = "<a>!", rules = { a = ["hm", "oh <a>"] } } }
cut = { normal = [0, 1], min = 0.5, max = "0.5 + half", round = 3 }
"#;
    let rows = all(&engine(text), "t");
    let kinds: Vec<&DataType> = rows.columns().iter().map(|c: &ArrayRef| c.data_type()).collect();
    assert_eq!(kinds[1], &DataType::Float64);
    assert_eq!(kinds[5], &DataType::Int64);
    assert_eq!(rows.column_by_name("listed").unwrap().as_primitive::<Int64Type>().null_count(), 0);
    assert_eq!(rows.column_by_name("half").unwrap().as_primitive::<Float64Type>().value(2), 1.0);
    let keys: FxHashSet<String> = texts(&rows, "key").into_iter().collect();
    assert!(keys.len() == 400 && keys.iter().all(|k| k.len() == 36 && k.as_bytes()[14] == b'4'));
    let high = numbers(&rows, "mixed").iter().filter(|&&x| x > 50.0).count();
    assert!((60..140).contains(&high), "{high}");
    assert_eq!(texts(&rows, "text")[1], "X-0.75");
    let (yes, maybe) = (texts(&rows, "yes"), numbers(&rows, "maybe"));
    assert!(yes.iter().zip(&maybe).all(|(y, x)| (y == "true") == x.is_nan()));
    let (when, shown) = (texts(&rows, "when"), texts(&rows, "shown"));
    assert!(when[0].starts_with("2024-03-01T") && when[0].ends_with(":00"), "{}", when[0]);
    assert!(shown[0].starts_with("01.03. ") || shown[0].starts_with("02.03. "), "{}", shown[0]);
    assert!(texts(&rows, "said").iter().all(|t| t.ends_with("hm!")));
    let (cut, half) = (numbers(&rows, "cut"), numbers(&rows, "half"));
    assert!(cut.iter().zip(&half).all(|(x, h)| (0.5..=0.5 + h).contains(x)));
}

#[test]
fn mistakes_name_line_and_key() {
    let t = |columns: &str| refused(&format!("[tables.t]\nrows = 5\n[tables.t.columns]\n{columns}"));
    for (columns, words) in [
        ("a = { norml = [0, 1] }", vec!["line 4", "tables.t.columns.a", "there is no `norml`", "normal"]),
        ("a = { normal = [0, -1] }", vec!["line 4", "tables.t.columns.a", "sd = -1"]),
        ("a = \"b + 1\"", vec!["line 4", "there is no column `b` in `t`"]),
        ("a = \"c + 1\"\nb = \"a\"\nc = \"b\"", vec!["t.a needs t.c needs t.b needs t.a"]),
        ("a = { normal = [0, 1], value = 3 }", vec!["says both `normal` and `value`"]),
        ("a = { ref = \"u\" }", vec!["there is no table `u`"]),
        ("a = { id = \"[0-3]\" }", vec!["fits 4 texts", "5 rows"]),
        ("a = { regex = \"[\" }", vec!["no regular expression"]),
        ("a = { lookup = { file = \"none.csv\", column = \"x\" } }", vec!["none.csv"]),
        ("a = { number = 1 }", vec!["there is no parent"]),
        ("a = { choice = { x = 0 } }", vec!["none above 0"]),
        ("a = { date = { from = 2024-01-01, to = 2024-02-01, weekdays = [1] } }", vec!["`weekdays` has 1 weights"]),
        ("a = { template = \"{b\" }", vec!["does not close"]),
        ("a = { value = 1, of = \"x\" }", vec!["`of` means nothing beside `value`"]),
    ] {
        let said = t(columns);
        assert!(words.iter().all(|w| said.contains(w)), "{columns}: {said}");
    }
    assert!(
        refused("[tables.a]\nparent = \"b\"\nchildren = 1\n[tables.a.columns]\nx = 'row'").contains("no table `b`")
    );
    assert!(refused("[tables.a]\n[tables.a.columns]\nx = 'row'").contains("no `rows`"));
    assert!(refused("[tables.a]\nrows = 1\nsize = 3").contains("unknown field"));
    let circle = "[tables.a]\nparent = \"b\"\nchildren = 1\n[tables.a.columns]\nx = 'row'\n[tables.b]\nparent = \"a\"\nchildren = 1\n[tables.b.columns]\nx = 'row'";
    assert!(refused(circle).contains("its own parent"));
}
