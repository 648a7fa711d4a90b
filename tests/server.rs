//! Columns that a language model writes, through the program, with a stand-in for the model that has the faults of real servers.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::standin::{Act, Seen, Standin};
use crate::util::{Dir, Output};

const REVIEWS: &str = r#"
[tables.reviews]
rows = 60

[tables.reviews.columns]
id = { sequence = 1 }
product = { choice = ["kettle", "lamp"] }
stars = { integer = [1, 5] }
persona = { choice = ["a student", "a cook"], hidden = true }
text = { prompt = { system = "You are {{ persona }}.", user = "Review the {{ product }}, {{ stars }} stars.", max_length = 80 } }
mood = { prompt = { user = "Mood of: {{ text }}", choices = ["good", "bad"] } }
tags = { prompt = { user = "Tags for row {{ id }}", schema = { type = "object", properties = { tags = { type = "array", items = { type = "string" }, minItems = 1 } }, required = ["tags"] } }, hidden = true }
first_tag = { part = "tags.tags.0" }
"#;

fn world(dir: &Dir, server: &Standin, more: &str) {
    let head =
        format!("seed = 5\n[model.server]\nbase_url = \"{}\"\nmodel = \"tiny\"\npause = 0.002\n{more}\n", server.url);
    dir.file("w.toml", head + REVIEWS);
}

/// A model that does what it is asked.
fn good(seen: &Seen) -> Act {
    let prompt = seen.prompt();
    match prompt.split(' ').next().unwrap() {
        "Review" => Act::Say(format!("A review, \"{}\", by {}", &prompt[11..17], seen.body["messages"][0]["content"])),
        "Mood" => Act::Say("Good.".into()),
        _ => Act::Say(format!("{{\"tags\": [\"tag of {}\"]}}", prompt.split_whitespace().nth(3).unwrap())),
    }
}

fn rows(dir: &Dir, name: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(dir.path(name)).unwrap();
    reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn a_model_writes_columns_and_the_same_again_sends_nothing() {
    let dir = Dir::new();
    let server = Standin::new(good);
    world(&dir, &server, "key = \"VERISIM_TEST_KEY\"\nprice = { input = 1.0, output = 2.0 }");
    let key = ("VERISIM_TEST_KEY", "not-to-be-seen-1234");
    // What it would cost, with no key and nothing sent or written.
    let said = dir.run(&["generate", "w.toml", "-o", "out", "--dry-run"]).ok().stdout;
    for words in [
        "reviews.text, by tiny: 60 replies, 0 kept",
        "180 requests",
        "to pay",
        "Nothing was sent",
        "system: You are a ",
    ] {
        assert!(said.contains(words), "no `{words}` in\n{said}");
    }
    assert!(server.count() == 0 && !dir.path("out").exists() && !dir.path("out.replies.jsonl").exists());
    dir.run(&["generate", "w.toml", "-o", "out"]).fails(1).says(&["VERISIM_TEST_KEY, which is not set"]);

    let output = dir.run_with(key, &["generate", "w.toml", "-o", "out", "--json"]).ok().says(&["text: tiny wrote 60"]);
    let said: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(said[0]["models"][0]["written"], json!(60));
    assert_eq!(server.count(), 180);
    assert!(server.seen().iter().all(|s| s.header("authorization") == Some("Bearer not-to-be-seen-1234")));
    assert!(server.seen().iter().all(|s| s.path == "/v1/chat/completions" && s.body["seed"].is_u64()));
    let made = rows(&dir, "out/reviews.csv");
    assert_eq!(made.len(), 60);
    for row in &made {
        assert!(row[3].starts_with(&format!("A review, \"{}", &row[1][..4])), "{row:?}");
        assert_eq!((row.len(), row[4].as_str(), row[5].clone()), (6, "good", format!("tag of {}", row[0])));
    }
    let describes: Value = serde_json::from_str(&dir.text("out/made.json")).unwrap();
    assert_eq!(describes["models"][2]["column"], json!("tags"));
    assert_eq!(describes["models"][2]["model"], json!("tiny"));
    assert_eq!((&describes["synthetic"], &describes["models"][0]["missing"]), (&json!(true), &json!({})));
    for file in ["out/reviews.csv", "out/made.json", "out.replies.jsonl"] {
        assert!(!dir.text(file).contains("not-to-be-seen"), "{file}");
    }
    assert!(!output.stderr.contains("not-to-be-seen"));

    // Again: from the file, without a key; in another format too.
    let first = dir.bytes("out/reviews.csv");
    dir.run(&["generate", "w.toml", "-o", "out"]).ok();
    assert_eq!((dir.bytes("out/reviews.csv") == first, server.count()), (true, 180));
    std::fs::copy(dir.path("out.replies.jsonl"), dir.path("packed.replies.jsonl")).unwrap();
    dir.run(&["generate", "w.toml", "-o", "packed", "--format", "parquet"]).ok();
    assert_eq!(server.count(), 180);
    // What the program writes, it may replace; a changed prompt is asked anew, and nothing else.
    let changed = dir.text("w.toml").replace("Mood of", "The mood of");
    dir.file("w.toml", changed);
    let said = dir.run(&["generate", "w.toml", "-o", "out", "--dry-run"]).ok().stdout;
    assert!(said.contains("\n60 requests") && said.contains("about"), "{said}");
    dir.run_with(key, &["generate", "w.toml", "-o", "out"]).ok().says(&["60 none of the choices"]);
    assert!(rows(&dir, "out/reviews.csv").iter().all(|row| row[4].is_empty() && !row[3].is_empty()));
    assert!(dir.leftovers().is_empty());
}

#[test]
fn no_row_is_lost_to_a_bad_reply_and_each_is_counted() {
    let dir = Dir::new();
    let server = Standin::new(|seen: &Seen| {
        let row = seen.body["messages"][0]["content"].as_str().unwrap().split_whitespace().nth(3);
        match (seen.prompt().starts_with("Review"), row) {
            (true, _) | (_, None) => good(seen),
            (_, Some("7")) => {
                Act::Say("{\"type\": \"object\", \"properties\": {\"tags\": {\"type\": \"array\"}}}".into())
            }
            (_, Some("8")) => Act::Cut("{\"tags\": [\"never wh".into()),
            (_, Some("9")) => Act::Status(400, "", "{\"error\": {\"message\": \"no such words here\"}}".into()),
            (_, Some("10")) => Act::Say("{\"tags\": []}".into()),
            (_, Some(_)) => good(seen),
        }
    });
    world(&dir, &server, "tries = 2");
    let text = dir.text("w.toml").replace("Mood of: {{ text }}", "Mood of it");
    dir.file("w.toml", text);
    let words =
        ["1 cut off, 1 not of the schema, 1 refused by the server, 1 the schema repeated", "400: no such words here"];
    dir.run(&["generate", "w.toml", "-o", "out"]).ok().says(&words);
    let made = rows(&dir, "out/reviews.csv");
    assert_eq!(made.len(), 60);
    let lost: Vec<&str> = made.iter().filter(|row| row[5].is_empty()).map(|row| row[0].as_str()).collect();
    assert_eq!(lost, ["7", "8", "9", "10"]);
    let describes: Value = serde_json::from_str(&dir.text("out/made.json")).unwrap();
    assert_eq!(describes["models"][2]["missing"]["cut off"], json!(1));
    assert_eq!(describes["models"][2]["written"], json!(56));
}

#[test]
fn faults_of_a_server_that_pass_leave_no_trace() {
    let dir = Dir::new();
    let count = AtomicUsize::new(0);
    let server = Standin::new(move |seen: &Seen| match count.fetch_add(1, Ordering::Relaxed) % 12 {
        1 => Act::Status(429, "retry-after: 0", "{}".into()),
        3 => Act::Status(429, "", "{}".into()),
        5 => Act::Status(502, "", "<html>bad gateway</html>".into()),
        7 => Act::Half,
        8 => Act::Close,
        9 => Act::Slow(400, "too late".into()),
        10 => Act::Body("{\"half\": ".into()),
        _ => good(seen),
    });
    world(&dir, &server, "timeout = 0.2\nparallel = 3\nretries = 20");
    dir.run(&["generate", "w.toml", "-o", "out"]).ok().says(&[
        "text: tiny wrote 60",
        "mood: tiny wrote 60",
        "tags: tiny wrote 60",
    ]);
    assert!(rows(&dir, "out/reviews.csv").iter().all(|row| row.iter().all(|cell| !cell.is_empty())));
    let clean = Dir::new();
    world(&clean, &Standin::new(good), "");
    clean.run(&["generate", "w.toml", "-o", "out"]).ok();
    assert_eq!(dir.text("out/reviews.csv"), clean.text("out/reviews.csv"));
}

#[test]
fn ctrl_c_and_a_server_that_goes_down_lose_nothing() {
    let dir = Dir::new();
    let server = Standin::new(|seen: &Seen| {
        std::thread::sleep(Duration::from_millis(if seen.number < 60 { 8 } else { 0 }));
        match (60..90).contains(&seen.number) {
            true => Act::Status(500, "", "{\"error\": \"gone\"}".into()),
            false => good(seen),
        }
    });
    world(&dir, &server, "retries = 0\nparallel = 2");
    let args = ["generate", "w.toml", "-o", "out"];
    let begun = Instant::now();
    let child = dir.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while server.count() < 5 {
        std::thread::sleep(Duration::from_millis(2));
    }
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let stopped = Output::new(&args, begun, child.wait_with_output().unwrap()).interrupted();
    stopped.says(&["replies are kept in out.replies.jsonl, and the same again goes on from there"]);
    let kept = dir.text("out.replies.jsonl").lines().count();
    assert!((3..60).contains(&kept) && kept == server.count(), "{kept} of {}", server.count());
    // Half of a line, as a run leaves that was killed.
    let text = dir.text("out.replies.jsonl");
    dir.file("out.replies.jsonl", text + "{\"key\": \"0011");
    dir.run(&args).fails(1).says(&[
        "of the last 20 requests failed for good, the last one with: 500: gone",
        "are kept in out.replies.jsonl",
    ]);
    let failed = server.count();
    assert!(!dir.path("out/reviews.csv").exists() && failed < 90);
    while server.count() < 90 {
        // The server is down for so many requests; nobody waits for it here.
        dir.run(&args);
    }
    dir.run(&args).ok();
    let good: Vec<&str> = vec!["good"; 60];
    let made = rows(&dir, "out/reviews.csv");
    assert_eq!(made.iter().map(|row| row[4].as_str()).collect::<Vec<_>>(), good);
    assert_eq!(dir.text("out.replies.jsonl").lines().count(), 180);
}

#[test]
fn mistakes_are_said_before_anything_is_sent() {
    let dir = Dir::new();
    let server = Standin::new(good);
    let wrong = |from: &str, to: &str, words: &[&str]| {
        world(&dir, &server, "");
        let text = dir.text("w.toml").replace(from, to);
        dir.file("w.toml", text);
        dir.run(&["generate", "w.toml", "-o", "out"]).fails(1).says(words).quick();
    };
    wrong(
        "the {{ product }}",
        "the {{ prodct }}",
        &["w.toml, line 16: `tables.reviews.columns.text.prompt.user`", "no column `prodct`"],
    );
    wrong("minItems = 1", "uniqueItems = true", &["line 18", "`uniqueItems` is not understood"]);
    wrong(
        "model = \"tiny\"",
        "model = \"tiny\"\nkey = \"sk-abcDEF123\"",
        &["line 5", "NAME of an environment variable"],
    );
    wrong("rows = 60", "rows = 60\ncheck = [\"size(text) > 3\"]", &["say what must hold as `valid`"]);
    wrong("[model.server]", "[model.sever]", &["`sever`"]);
    let key = dir.run(&["generate", "w.toml", "-o", "out", "--dry-run"]);
    assert!(!key.stderr.contains("sk-abc"));
    assert_eq!(server.count(), 0);
    // A server that lets nobody in, and one that is not there.
    let closed = Standin::new(|_: &Seen| Act::Status(401, "", "{\"error\": {\"message\": \"no key\"}}".into()));
    world(&dir, &closed, "");
    dir.run(&["generate", "w.toml", "-o", "out"])
        .fails(1)
        .says(&["401, not let in: no key; say the name of a variable"])
        .quick();
    let text = dir.text("w.toml").replace(&closed.url, "http://127.0.0.1:9/v1");
    dir.file("w.toml", text);
    dir.run(&["generate", "w.toml", "-o", "out"]).fails(1).says(&["nobody answers there"]).quick();
    // A world without a model costs nothing.
    dir.run(&["generate", "shop", "-o", "out", "--dry-run"]).fails(1).says(&["costs nothing"]);
    // A look at a world sends nothing.
    world(&dir, &server, "");
    let said = dir.run(&["check", "w.toml"]).ok().stdout;
    assert!(said.contains("from product, stars, persona"), "{said}");
    dir.run(&["check", "w.toml", "--preview", "2"]).ok();
    assert_eq!(server.count(), 0);
}
