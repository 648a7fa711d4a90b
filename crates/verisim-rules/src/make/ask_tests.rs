//! Columns that a stand-in for a language model writes.

use std::path::Path;

use arrow_array::RecordBatch;
use serde_json::{Value, json};
use verisim_data::Quiet;
use verisim_data::server::Server;

use super::Engine;
use super::learned::Nothing;
use crate::expression::columns::Values;
use crate::plan::{Plan, Wish};
use crate::world::World;
use standin::{Act, Seen, Standin};

#[path = "../../../../tests/standin.rs"]
mod standin;

fn plan(text: &str, url: &str, folder: &Path) -> Result<Plan, String> {
    let head = format!("seed = 3\n[model.server]\nbase_url = \"{url}\"\nmodel = \"m\"\nparallel = 2\npause = 0.001\n");
    let world = World::parse(&(head + text), &folder.join("world.toml")).map_err(|e| e.to_string())?;
    Plan::new(world, &Wish::default(), &Nothing).map_err(|e| e.to_string())
}

/// What is wrong with a table of a world, and the line of that table, from 1, in which it is.
fn refused(columns: &str) -> (usize, String) {
    let folder = tempfile::tempdir().unwrap();
    let said = plan(columns, "http://x/v1", folder.path()).err().unwrap();
    let line = said.split_once(", line ").and_then(|(_, rest)| rest.split(':').next()?.parse::<usize>().ok()).unwrap();
    (line - 6, said)
}

fn server(engine: &Engine, folder: &Path) -> Server {
    let config = engine.plan.world.model.as_ref().unwrap().server.with_temperature(None);
    Server::open(&config, &folder.join("replies.jsonl")).unwrap()
}

/// The tables of a world, and what was asked for.
fn made(text: &str, standin: &Standin, folder: &Path, shard: (u64, u64)) -> (Engine, Vec<RecordBatch>) {
    let engine = Engine::new(plan(text, &standin.url, folder).unwrap());
    engine.ask(&server(&engine, folder), shard, &mut Quiet).unwrap();
    let tables = (0..engine.plan.tables.len()).map(|t| engine.head(t, 10_000).unwrap()).collect();
    (engine, tables)
}

fn texts(rows: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let array = rows.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    Values::of(array.as_ref()).texts().iter().map(|t| t.map(str::to_owned)).collect()
}

/// A model that says its prompt again.
fn parrot() -> Standin {
    Standin::new(|seen: &Seen| Act::Say(seen.prompt().to_owned()))
}

#[test]
fn prompts_reach_columns_of_the_row_and_of_its_parent_and_of_other_prompts() {
    let folder = tempfile::tempdir().unwrap();
    let standin = parrot();
    let text = r#"
[tables.shops]
rows = 3
[tables.shops.columns]
id = { sequence = 1 }
town = { prompt = "town {{ id }}" }
[tables.products]
rows = 4
[tables.products.columns]
id = { sequence = 1 }
name = { prompt = "thing {{ id }}", hidden = true }
[tables.sales]
parent = "shops"
children = 2
[tables.sales.columns]
persona = { choice = ["a nurse", "a pilot"], hidden = true }
product = { ref = "products" }
day = { value = 2024-05-06 }
price = { value = 2.5 }
gone = { value = 1, missing = 1, hidden = true }
note = { prompt = { system = "You are {{ persona }}.", user = """
{{ product.name }} at {{ parent.town }},
{{ within }} on {{ day }} for {{ price }}{{ gone }}""" } }
size = "size(note)"
"#;
    let (engine, tables) = made(text, &standin, folder.path(), (0, 1));
    assert_eq!(texts(&tables[0], "town")[2].as_deref(), Some("town 3"));
    let (notes, products) = (texts(&tables[2], "note"), texts(&tables[2], "product"));
    for (i, note) in notes.iter().enumerate() {
        let (product, shop) = (products[i].as_deref().unwrap(), i / 2 + 1);
        let wanted = format!("thing {product} at town {shop},\n{} on 2024-05-06 for 2.5", i % 2);
        assert_eq!(note.as_deref(), Some(wanted.as_str()));
    }
    assert_eq!(texts(&tables[2], "size")[0].as_deref(), Some("42"));
    assert!(tables[2].column_by_name("persona").is_none());
    assert_eq!(standin.count(), 3 + 4 + 6);
    let systems: Vec<Value> = standin.seen().iter().map(|s| s.body["messages"][0]["content"].clone()).collect();
    assert!(systems.contains(&json!("You are a nurse.")) && systems.contains(&json!("You are a pilot.")));
    let origins = engine.origins();
    let all: Vec<_> = origins.iter().map(|o| (o.table.as_str(), o.column.as_str(), o.cells.written)).collect();
    assert_eq!(all.len(), 3);
    assert!(all.contains(&("products", "name", 4)) && all.contains(&("sales", "note", 6)));
    // A Parquet file has this schema, and says which model wrote a column.
    let schema = engine.schema(2);
    let said = |name: &str| schema.field_with_name(name).unwrap().metadata().clone();
    assert_eq!((said("note").get("verisim.model").map(String::as_str), said("price").len()), (Some("m"), 0));
    assert_eq!(said("note").get("verisim.server"), Some(&standin.url));
    // Again: from the file, and the same.
    let (_, again) = made(text, &standin, folder.path(), (0, 1));
    assert_eq!((again, standin.count()), (tables, 13));
}

#[test]
fn parts_of_json_are_columns_of_their_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let standin = Standin::new(|seen: &Seen| match seen.prompt().split(' ').nth(1).unwrap() {
        "1" => Act::Say(
            r#"{"title": "A", "stars": 4, "score": 1, "good": true, "tags": ["x", "y"], "who": {"name": "N"}}"#.into(),
        ),
        "2" => Act::Say(r#"Here: {'title': 'B', 'stars': 2, 'score': 0.5, 'tags': [],}"#.into()),
        _ => Act::Say("I would rather not.".into()),
    });
    let text = r#"
[tables.t]
rows = 3
[tables.t.columns]
id = { sequence = 1 }
title = { part = "r.title" }
stars = { part = "r.stars" }
score = { part = "r.score" }
good = { part = "r.good" }
tags = { part = "r.tags" }
tag = { part = "r.tags.1" }
who = { part = "r.who.name" }
double = "stars * 2"
follow = { prompt = "about {{ title }}" }
[tables.t.columns.r]
hidden = true
[tables.t.columns.r.prompt]
user = "row {{ id }}"
[tables.t.columns.r.prompt.schema]
type = "object"
required = ["title", "stars"]
[tables.t.columns.r.prompt.schema.properties]
title = { type = "string" }
stars = { type = "integer" }
score = { type = "number" }
good = { type = "boolean" }
tags = { type = "array", items = { type = "string" } }
who = { type = "object", properties = { name = { type = "string" } } }
"#;
    let (engine, tables) = made(text, &standin, folder.path(), (0, 1));
    let column =
        |name: &str| texts(&tables[0], name).into_iter().map(|t| t.unwrap_or("-".into())).collect::<Vec<_>>().join("|");
    assert_eq!(column("title"), "A|B|-");
    assert_eq!(
        (column("stars"), column("double"), column("score")),
        ("4|2|-".into(), "8|4|-".into(), "1|0.5|-".into())
    );
    assert_eq!((column("good"), column("tags")), ("true|-|-".into(), "[\"x\",\"y\"]|[]|-".into()));
    assert_eq!((column("tag"), column("who")), ("y|-|-".into(), "N|-|-".into()));
    let kinds: Vec<_> = engine.plan.tables[0].columns.iter().map(|c| c.kind.name()).collect();
    assert_eq!(kinds[1..6], ["text", "whole number", "number", "yes or no", "text"]);
    // No row is lost, and what is missing is counted.
    let origins = engine.origins();
    assert_eq!((origins[0].cells.written, origins[0].cells.missing().unwrap().as_str()), (2, "1 no JSON"));
    assert_eq!(
        (origins[1].column.as_str(), origins[1].cells.missing().unwrap().as_str()),
        ("follow", "1 needs a missing reply")
    );
    assert_eq!(origins[0].words, [("no JSON", "it is no JSON".to_owned())]);
}

#[test]
fn rules_kinds_choices_and_judges_hold_replies() {
    let folder = tempfile::tempdir().unwrap();
    // Says the number of turns that it sees, and more of what is asked for.
    let standin = Standin::new(|seen: &Seen| {
        let turns = seen.body["messages"].as_array().unwrap().len();
        // What the choices are is said below it.
        let first = seen.body["messages"][0]["content"].as_str().unwrap().lines().next().unwrap().to_owned();
        match (first.as_str(), turns) {
            ("number", 1) => Act::Say("about seven".into()),
            ("number", _) => Act::Say("7".into()),
            ("choose", _) => {
                Act::Say(if seen.prompt().contains("Reply with one of these") { "RED." } else { "what?" }.into())
            }
            ("judged", 1) => Act::Say("bad".into()),
            ("judged", _) => Act::Say("good".into()),
            (score, _) if score.starts_with("Score") => {
                Act::Say(if score == "Score good of 2" { "9" } else { "1" }.into())
            }
            (_, turns) => Act::Say("x".repeat(turns)),
        }
    });
    let text = r#"
[tables.t]
rows = 2
[tables.t.columns]
least = { value = 3 }
number = { prompt = "number", type = "int" }
more = "number + 1"
color = { prompt = { user = "choose", choices = ["red", "blue"] } }
rule = { prompt = { user = "rule", valid = "size(rule) >= least" } }
judged = { prompt = { user = "judged", judge = { user = "Score {{ reply }} of {{ number_of }}", at_least = 5 } } }
number_of = { value = 2, hidden = true }
json = { prompt = { user = "json", schema = { type = "object", properties = { a = { type = "integer" } } }, valid = "json.a > least" } }
"#;
    let (engine, tables) = made(text, &standin, folder.path(), (0, 1));
    let column = |name: &str| texts(&tables[0], name)[0].clone().unwrap_or("-".into());
    assert_eq!((column("number"), column("more")), ("7".into(), "8".into()));
    assert_eq!(
        (column("color"), column("rule"), column("judged"), column("json")),
        ("red".into(), "xxx".into(), "good".into(), "-".into())
    );
    assert_eq!(engine.plan.tables[0].columns[1].kind.name(), "whole number");
    let origin = engine.origins().into_iter().find(|o| o.column == "judged").unwrap();
    assert_eq!((origin.judge.as_deref(), origin.cells.written), (Some("m"), 2));
    let asked: Vec<String> = standin.seen().iter().map(|s| s.prompt().to_owned()).collect();
    assert!(asked.iter().any(|p| p == "This will not do: it must be a whole number. Reply again, with nothing else."));
    assert!(asked.iter().any(|p| p.contains("this must hold: size(rule) >= least")));
}

#[test]
fn examples_are_drawn_from_a_file_only_if_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("real.csv"), "stars,text\n1,Bad\n2,Poor\n3,Fair\n4,Good\n5,Best\n").unwrap();
    let text = |share: &str| {
        format!(
            r#"
[tables.t]
rows = 20
[tables.t.columns]
stars = {{ value = 3 }}
text = {{ prompt = {{ user = "{{{{ stars }}}} stars", examples = {{ file = "real.csv", count = 2, user = "{{{{ stars }}}} stars", reply = "{{{{ text }}}}"{share} }} }} }}
"#
        )
    };
    let said = plan(&text(""), "http://host/v1", folder.path()).err().unwrap();
    assert!(
        said.contains("would send rows of real.csv to http://host/v1") && said.contains("share_real_rows = true"),
        "{said}"
    );
    let standin = parrot();
    let (engine, _) = made(&text(", share_real_rows = true"), &standin, folder.path(), (0, 1));
    let mut shown: Vec<String> = Vec::new();
    for seen in standin.seen() {
        let turns = seen.body["messages"].as_array().unwrap().clone();
        assert_eq!(turns.len(), 5);
        assert_ne!(turns[1]["content"], turns[3]["content"]);
        assert_eq!(turns[4]["content"], json!("3 stars"));
        shown.push(turns[1]["content"].as_str().unwrap().to_owned());
        assert_eq!(turns[1]["role"], json!("assistant"));
    }
    shown.sort();
    shown.dedup();
    assert!(shown.len() > 2, "other rows in other rows");
    assert_eq!(engine.origins()[0].shared.as_deref(), Some("real.csv"));
}

#[test]
fn mistakes_are_said_with_line_and_key() {
    let table = |columns: &str| format!("[tables.t]\nrows = 3\n[tables.t.columns]\na = {{ sequence = 1 }}\n{columns}");
    let of = |columns: &str, line: usize, words: &[&str]| {
        let (at, said) = refused(&table(columns));
        assert!(words.iter().all(|w| said.contains(w)), "{said}");
        assert_eq!(at, line, "{said}");
    };
    of("b = { prompt = \"\"\"\nHi\n{{ a }} {{ c }}\"\"\" }", 7, &["`tables.t.columns.b.prompt.user`", "no column `c`"]);
    of("b = { prompt = \"{{ parent.a }}\" }", 5, &["neither `parent` nor"]);
    of("b = { prompt = \"\"\"\nHi {{ a }}\n{% if a %}\"\"\" }", 7, &["prompt.user`"]);
    of(
        "b = { prompt = { user = \"x\", schema = { type = \"object\", properties = { c = { format = \"email\" } } } } }",
        5,
        &["b.prompt.schema`: c: `format` is not understood"],
    );
    of("b = { prompt = { user = \"x\", pattern = \"(\" } }", 5, &["b.prompt.pattern`"]);
    of("b = { prompt = { user = \"x\", valid = \"size(b) > d\" } }", 5, &["b.prompt.valid`", "`d`"]);
    of("b = { prompt = { user = \"x\", valid = \"b.title == a\" } }", 5, &["the reply has no such part"]);
    of("b = { prompt = { user = \"x\", max_length = 3, min_length = 4 } }", 5, &["above max_length"]);
    of("b = { prompt = { user = \"x\" }, min = 3 }", 5, &["`min` means nothing beside `prompt`"]);
    of("b = { prompt = { user = \"x\" } }\nc = { part = \"b.d\" }", 6, &["is a text without parts"]);
    of("c = { part = \"a.d\" }", 5, &["`a` is no column here that has a `prompt`"]);
    of(
        "b = { prompt = { user = \"x\", schema = { type = \"object\", properties = { d = { type = \"string\" } } } } }\nc = { part = \"b.e\" }",
        6,
        &["has no `e`; at its top are d"],
    );
    of("b = { prompt = \"{{ c }}\" }\nc = { prompt = \"{{ b }}\" }", 5, &["needs itself"]);
    of("b = { cases = { of = \"a\", when = { x = { prompt = \"y\" } } } }", 5, &["cannot be one of several cases"]);
    let check = "[tables.t]\nrows = 3\ncheck = [\"size(b) > 3\"]\n[tables.t.columns]\nb = { prompt = \"x\" }";
    assert!(refused(check).1.contains("check, weight and keep cannot need `t.b`"));
    let children = "[tables.t]\nrows = 3\n[tables.t.columns]\nb = { prompt = \"x\", type = \"int\" }\n[tables.u]\nparent = \"t\"\nchildren = \"parent.b\"\n[tables.u.columns]\nn = { number = 1 }";
    assert!(refused(children).1.contains("how many rows there are cannot need `t.b`"));
    let world =
        World::parse("[tables.t]\nrows = 1\n[tables.t.columns]\nb = { prompt = \"x\" }", Path::new("w.toml")).unwrap();
    let said = Plan::new(world, &Wish::default(), &Nothing).err().unwrap().to_string();
    assert!(said.contains("[model.server] with base_url and model"), "{said}");
}

#[test]
fn parts_of_a_world_ask_for_their_rows_and_chance_and_temperature_follow_from_the_row() {
    let folder = tempfile::tempdir().unwrap();
    let standin = parrot();
    let text = r#"
[tables.t]
rows = 9000
[tables.t.columns]
id = { sequence = 1 }
a = { prompt = { user = "{{ id }}", temperature = { uniform = [0.2, 0.9] } }, missing = 0.99 }
"#;
    let engine = |shard: (u64, u64)| {
        let engine = Engine::new(plan(text, &standin.url, folder.path()).unwrap());
        engine.ask(&server(&engine, folder.path()), shard, &mut Quiet).unwrap();
        engine
    };
    let written: Vec<u64> = (0..3).map(|part| engine((part, 3)).origins()[0].cells.written).collect();
    let whole = engine((0, 1));
    assert_eq!(written.iter().sum::<u64>(), whole.origins()[0].cells.written);
    assert_eq!(standin.count() as u64, written.iter().sum::<u64>(), "the whole comes from what its parts kept");
    assert!((50..150).contains(&standin.count()), "{}", standin.count());
    let mut temperatures: Vec<f64> = standin.seen().iter().map(|s| s.body["temperature"].as_f64().unwrap()).collect();
    temperatures.sort_by(f64::total_cmp);
    assert!(temperatures[0] >= 0.2 && temperatures[temperatures.len() - 1] <= 0.9 && temperatures[0] < 0.35);
    let there = texts(&whole.head(0, 9000).unwrap(), "a").into_iter().enumerate().filter_map(|(i, t)| Some((i, t?)));
    there.for_each(|(i, t)| assert_eq!(t, (i + 1).to_string()));
}

#[test]
fn costs_are_foreseen_and_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let standin = parrot();
    let text = r#"
[tables.t]
rows = 50
[tables.t.columns]
a = { prompt = { user = "12345678", max_tokens = 10 } }
b = { prompt = { user = "{{ a }}", max_tokens = 5 } }
"#;
    let engine = Engine::new(plan(text, &standin.url, folder.path()).unwrap());
    let costs = engine.costs(&server(&engine, folder.path()), (0, 1)).unwrap();
    let of = |k: usize| (costs[k].estimate.requests, costs[k].estimate.prompt_tokens, costs[k].estimate.reply_tokens);
    // A reply that is not there yet is taken to be as long as it may be.
    assert_eq!((of(0), of(1)), ((50, 50 * 6, 500), (50, 50 * 14, 250)));
    assert_eq!((standin.count(), costs[0].first[0].content.as_str()), (0, "12345678"));
    // What was foreseen is not taken for what is there.
    engine.ask(&server(&engine, folder.path()), (0, 1), &mut Quiet).unwrap();
    assert_eq!(texts(&engine.head(0, 50).unwrap(), "b"), vec![Some("12345678".to_owned()); 50]);
    let engine = Engine::new(plan(text, &standin.url, folder.path()).unwrap());
    let costs = engine.costs(&server(&engine, folder.path()), (0, 1)).unwrap();
    assert!(costs.iter().all(|c| c.estimate.requests == 0 && c.estimate.kept == 50));
}
