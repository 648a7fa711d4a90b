//! Declared worlds, edge cases and scenes through the program.

use std::collections::{HashMap, HashSet};

use crate::util::{Dir, wine};

/// The worlds that come along and have tables, with few rows of each.
const TABLES: [(&str, &str); 10] = [
    ("shop", "120"),
    ("bank", "40"),
    ("hospital", "30"),
    ("call-centre", "1"),
    ("weblogs", "60"),
    ("sensors", "2"),
    ("factory", "1"),
    ("machines", "3"),
    ("sir", "3"),
    ("pendulum", "2"),
];
const SCENES: [&str; 3] = ["shapes", "road", "shelf"];

/// The cells of a column of a CSV file that has no quoted cells before it.
fn column(text: &str, name: &str) -> Vec<String> {
    let mut lines = text.lines();
    let place = lines.next().unwrap().split(',').position(|n| n == name).unwrap();
    lines.map(|l| l.split(',').nth(place).unwrap().to_owned()).collect()
}

#[test]
fn every_world_that_comes_along_is_made() {
    let dir = Dir::new();
    let list = dir.run(&["check"]).ok().stdout;
    for name in TABLES.iter().map(|t| t.0).chain(SCENES) {
        assert!(list.contains(name), "{name} is not listed");
    }
    for (name, rows) in TABLES {
        let said = dir.run(&["generate", name, "-n", rows, "-o", name, "--json"]).ok().stdout;
        let written: serde_json::Value = serde_json::from_str(&said).unwrap();
        for table in written.as_array().unwrap() {
            assert!(table["rows"].as_u64().unwrap() > 0, "{name}: {table} has no rows");
            let path = table["output"].as_str().unwrap();
            let text = dir.text(path);
            let count = text.lines().count() as u64 - 1;
            assert_eq!(Some(count), table["rows"].as_u64(), "{path}");
        }
        // What the program writes, it reads.
        let first = written[0]["output"].as_str().unwrap().to_owned();
        dir.run(&["inspect", &first]).ok();
        dir.run(&["check", name, "--preview", "3"]).ok();
    }
    assert!(dir.leftovers().is_empty());
}

#[test]
fn any_number_of_threads_and_any_parts_give_the_same_rows() {
    let dir = Dir::new();
    for threads in ["1", "2"] {
        dir.run_with(("RAYON_NUM_THREADS", threads), &["generate", "shop", "-n", "3000", "-o", threads]).ok();
    }
    let tables = ["customers", "orders", "lines", "returns", "products"];
    for table in tables {
        assert_eq!(dir.bytes(&format!("1/{table}.csv")), dir.bytes(&format!("2/{table}.csv")), "{table}");
    }
    for part in ["1/3", "2/3", "3/3"] {
        let to = format!("part{}", &part[..1]);
        dir.run(&["generate", "shop", "-n", "3000", "-o", &to, "--shard", part]).ok();
    }
    for table in tables {
        let whole = dir.text(&format!("1/{table}.csv"));
        let mut together: Vec<String> = vec![whole.lines().next().unwrap().to_owned()];
        for part in 1..=3 {
            together.extend(dir.text(&format!("part{part}/{table}.csv")).lines().skip(1).map(str::to_owned));
        }
        assert!(together == whole.lines().collect::<Vec<_>>(), "{table}: parts are not the whole");
    }
    // Other files of the same rows.
    dir.run(&["generate", "shop", "-n", "3000", "-o", "packed", "--format", "parquet"]).ok();
    dir.run(&["generate", "shop", "-n", "3000", "-o", "lines", "--format", "jsonl"]).ok();
    let count = dir.text("lines/orders.jsonl").lines().count();
    assert_eq!(count, dir.text("1/orders.csv").lines().count() - 1);
    let packed = verisim_data::table::Table::read(dir.path("packed/orders.parquet"), &Default::default()).unwrap();
    assert_eq!(packed.rows, count);
}

#[test]
fn references_of_files_and_databases_hold() {
    let dir = Dir::new();
    dir.run(&["generate", "bank", "-n", "60", "-o", "bank"]).ok();
    let ids: HashSet<String> = column(&dir.text("bank/customers.csv"), "id").into_iter().collect();
    let accounts = dir.text("bank/accounts.csv");
    assert!(column(&accounts, "customer_id").iter().all(|id| ids.contains(id)));
    let ibans = column(&accounts, "iban");
    let known: HashSet<&String> = ibans.iter().collect();
    assert_eq!(known.len(), ibans.len());
    assert!(column(&dir.text("bank/transactions.csv"), "iban").iter().all(|iban| known.contains(iban)));
    // SQLite checks every foreign key before anything stays; a second time its tables are there already.
    dir.run(&["generate", "shop", "-n", "200", "-o", "shop.db"]).ok();
    assert!(dir.bytes("shop.db").starts_with(b"SQLite format 3"));
    let again = dir.run(&["generate", "shop", "-n", "200", "-o", "shop.db"]).fails(1);
    assert!(again.stderr.contains("already exists"), "{}", again.stderr);
    dir.run(&["generate", "shop", "-n", "20", "-o", "shop.sql"]).ok();
    let sql = dir.text("shop.sql");
    assert!(
        sql.starts_with("BEGIN;\nCREATE TABLE")
            && sql.contains("FOREIGN KEY (\"customer_id\") REFERENCES \"customers\" (\"id\")")
    );
    assert!(sql.ends_with("COMMIT;\n"));
}

#[test]
fn learnt_columns_and_rules_are_in_one_world() {
    let dir = Dir::new();
    let text = std::fs::read_to_string(wine()).unwrap();
    dir.file("real.csv", &text);
    dir.run(&["train", "trees", "--data", "real.csv", "--out", "run"]).ok();
    let name = text.lines().next().unwrap().split(',').next().unwrap().to_owned();
    dir.file(
        "world.toml",
        format!(
            "[tables.wines]\nrows = 5000\nlearned = \"run\"\n[tables.wines.columns]\nid = {{ sequence = 1 }}\n\
             double = \"2 * col(\\\"{name}\\\")\"\n\
             [tables.tastings]\nparent = \"wines\"\nchildren = 1\n[tables.tastings.columns]\nwine = \"parent.id\"\n"
        ),
    );
    dir.run(&["generate", "world.toml", "-o", "out"]).ok();
    let made = dir.text("out/wines.csv");
    let numbers = |c: &str| column(&made, c).iter().map(|t| t.parse::<f64>().unwrap_or(f64::NAN)).collect::<Vec<_>>();
    let (one, two) = (numbers(&name), numbers("double"));
    assert!(one.len() == 5_000 && one.iter().zip(&two).all(|(a, b)| (2.0 * a - b).abs() < 1e-9 || a.is_nan()));
    assert!(one.iter().any(|x| *x != one[0]));
    // Declared columns may be what others are drawn for.
    let given = format!(
        "[tables.w]\nrows = 300\nlearned = {{ path = \"run\", given = [\"{name}\"] }}\n[tables.w.columns]\n\"{name}\" = {{ choice = [6.5, 9.5] }}\n"
    );
    dir.file("given.toml", given);
    dir.run(&["generate", "given.toml", "-o", "given"]).ok();
    let values: HashSet<String> = column(&dir.text("given/w.csv"), &name).into_iter().collect();
    assert_eq!(values, HashSet::from(["6.5".to_owned(), "9.5".to_owned()]));
    std::fs::remove_dir_all(dir.path("run")).unwrap();
    let gone = dir.run(&["generate", "world.toml", "-o", "out2"]).fails(1);
    assert!(gone.stderr.contains("run"), "{}", gone.stderr);
}

#[test]
fn mistakes_in_a_world_name_file_line_and_key() {
    let dir = Dir::new();
    let bad = [
        ("[tables.t]\nrows = 3\n[tables.t.columns]\nx = { normal = [0, -1] }\n", "line 4"),
        ("[tables.t]\nrows = 3\n[tables.t.columns]\nx = \"y\"\n", "no column `y`"),
        ("[tables.t]\nrows = \"many\"\n", "line 2"),
        ("tables = 3\n", "line 1"),
        (
            "[tables.t]\nrows = 3\n[tables.t.columns]\nx = { regex = \"[0-9]\", unique = true }\ny = \"x\"\n[tables.u]\n",
            "line 6",
        ),
        ("not toml at all", "line 1"),
    ];
    for (text, words) in bad {
        dir.file("bad.toml", text);
        let said = dir.run(&["generate", "bad.toml", "-o", "out"]).fails(1).stderr;
        assert!(said.contains("bad.toml") && said.contains(words), "{text}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    let said = dir.run(&["generate", "shopp", "-o", "out"]).fails(1).stderr;
    assert!(said.contains("did you mean `shop`"), "{said}");
    // What somebody else wrote is not replaced.
    std::fs::create_dir(dir.path("mine")).unwrap();
    dir.file("mine/orders.csv", "my own");
    let said = dir.run(&["generate", "shop", "-n", "10", "-o", "mine"]).fails(1).stderr;
    assert!(said.contains("was not written by verisim"), "{said}");
    assert_eq!(dir.text("mine/orders.csv"), "my own");
    dir.run(&["generate", "shop", "-n", "10", "-o", "mine", "--force"]).ok();
}

#[test]
fn a_table_and_a_schema_become_worlds() {
    let dir = Dir::new();
    dir.run(&["generate", "shop", "-n", "2000", "-o", "shop"]).ok();
    let text = dir.run(&["world", "shop/lines.csv"]).ok().stdout;
    dir.file("lines.toml", &text);
    dir.run(&["generate", "lines.toml", "-o", "copy"]).ok();
    let (real, copy) = (dir.text("shop/lines.csv"), dir.text("copy/lines.csv"));
    assert_eq!(real.lines().next(), copy.lines().next());
    let shares = |text: &str| {
        let mut all: HashMap<String, f64> = HashMap::new();
        let cells = column(text, "units");
        cells.iter().for_each(|c| *all.entry(c.clone()).or_default() += 1.0 / cells.len() as f64);
        all
    };
    let (real, copy) = (shares(&real), shares(&copy));
    assert!((real["1"] - copy["1"]).abs() < 0.03, "{real:?} {copy:?}");
    dir.run(&["generate", "shop", "-n", "20", "-o", "made.sql"]).ok();
    let schema: String = dir
        .text("made.sql")
        .lines()
        .filter(|l| !l.starts_with("INSERT") && !l.starts_with('('))
        .collect::<Vec<_>>()
        .join("\n");
    dir.file("schema.sql", schema);
    let text = dir.run(&["world", "schema.sql"]).ok().stdout;
    dir.file("schema.toml", &text);
    dir.run(&["generate", "schema.toml", "-n", "30", "-o", "schema.db"]).ok();
}

#[test]
fn edge_cases_come_from_schemas_tables_worlds_models_and_pict() {
    let dir = Dir::new();
    dir.file("t.sql", "CREATE TABLE t (id INTEGER PRIMARY KEY, code VARCHAR(5) NOT NULL, day DATE, price NUMERIC(6,2) CHECK (price >= 0));");
    dir.run(&["edge-cases", "t.sql", "-o", "cases.csv"]).ok();
    let cases = dir.text("cases.csv");
    assert!(cases.lines().count() > 30 && cases.contains(",invalid,") && cases.contains("2024-02-29"), "{cases}");
    dir.run(&["edge-cases", "t.sql", "-o", "cases.jsonl", "--valid"]).ok();
    assert!(!dir.text("cases.jsonl").contains("\"invalid\""));
    dir.file("m.pict", "A: 1, 2, 3\nB: x, y, z\nC: p, q\nIF [A] = 1 THEN [B] <> \"x\";\n");
    let rows = dir.run(&["edge-cases", "m.pict"]).ok().stdout;
    assert!(!rows.lines().any(|l| l.starts_with("1\tx")) && (9..=11).contains(&rows.lines().count()), "{rows}");
    let world = dir.run(&["edge-cases", "shop", "--table", "lines"]).ok().stdout;
    assert!(world.starts_with("case,expected,fault,"), "{world}");
    dir.run(&["generate", "shop", "-n", "300", "-o", "shop"]).ok();
    let bad = dir.run(&["edge-cases", "shop/orders.csv", "--stress", "0.05"]).ok().stdout;
    let marked = column(&bad, "stress").iter().filter(|c| !c.is_empty()).count();
    assert!(marked > 20, "{marked}");
    dir.run(&["train", "trees", "--data", "shop/orders.csv", "--out", "run"]).ok();
    let rare = dir.run(&["edge-cases", "run", "--rare", "7"]).ok().stdout;
    assert_eq!(rare.lines().count(), 8);
    let api = crate::util::configs().join("worlds/orders-api.json").display().to_string();
    dir.run(&["edge-cases", &api, "--table", "Order", "-o", "api.jsonl"]).ok();
    let api = dir.text("api.jsonl");
    assert!(api.lines().count() > 200 && api.lines().all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()));
    dir.file("mine.csv", "my own");
    let said = dir.run(&["edge-cases", "t.sql", "-o", "mine.csv"]).fails(1).stderr;
    assert!(said.contains("was not written by verisim") && dir.text("mine.csv") == "my own", "{said}");
    let said = dir.run(&["edge-cases", "t.sql", "--table", "nothing"]).fails(1).stderr;
    assert!(said.contains("there are t"), "{said}");
}

#[test]
fn scenes_are_rendered_with_labels() {
    let dir = Dir::new();
    dir.file("one.toml", "[scene]\nwidth = 64\nheight = 48\nframes = 2\n[[scene.objects]]\nclass = \"ball\"\nshape = \"sphere\"\nsize = 0.5\nposition = [3, 0, 0.5]\n");
    let said = dir.run(&["generate", "one.toml", "-n", "2", "-o", "scenes", "--json"]).ok().stdout;
    assert!(said.contains("\"rows\":4"), "{said}");
    for name in [
        "images/000003.png",
        "depth/000000.png",
        "instance/000001.png",
        "annotations.json",
        "labels/000000.txt",
        "frames.parquet",
    ] {
        assert!(!dir.bytes(&format!("scenes/{name}")).is_empty(), "{name}");
    }
    let said = dir.run(&["generate", "one.toml", "-o", "scenes"]).fails(1).stderr;
    assert!(said.contains("scenes"), "{said}");
    dir.run(&["check", "one.toml", "--sheet", "sheet.png"]).ok();
    assert!(dir.bytes("sheet.png").starts_with(b"\x89PNG"));
    for name in SCENES {
        dir.run(&["generate", name, "-n", "1", "-o", name]).ok();
    }
}
