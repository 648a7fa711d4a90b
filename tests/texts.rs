//! Texts through the whole program: lines, one long text, folders, conversations, and tables with free text.

use verisim_data::rng::{below, stream};

use crate::util::Dir;

/// Few steps of a small model.
const SMALL: [&str; 12] = [
    "--set",
    "model.lm.width=32",
    "--set",
    "model.lm.layers=2",
    "--set",
    "model.lm.heads=4",
    "--set",
    "model.lm.context=64",
    "--set",
    "train.epochs=25",
    "--set",
    "train.batch_size=8",
];

fn one<'a>(seed: u64, index: u64, of: &[&'a str]) -> &'a str {
    of[below(&mut stream(seed, "texts", index), of.len() as u64) as usize]
}

/// Lines of a small grammar.
fn lines() -> String {
    let line = |i: u64| {
        let who = one(1, 3 * i, &["the cat", "a dog", "nobody"]);
        let does = one(1, 3 * i + 1, &["sees", "follows", "trusts"]);
        format!("{who} {does} {}\n", one(1, 3 * i + 2, &["the moon", "her sister", "a train"]))
    };
    (0..300).map(line).collect()
}

/// A table with a key, a label, a number and a text that says both.
fn claims() -> String {
    let mut text = String::from("id,kind,amount,note\n");
    for i in 0..400u64 {
        let kind = one(2, i, &["fire", "water"]);
        let amount = 100 + below(&mut stream(3, "texts", i), 900);
        let what = if kind == "fire" { "burnt" } else { "flooded" };
        let where_ = one(4, i, &["kitchen", "cellar", "garage", "attic"]);
        let end = one(5, i, &["at night", "while away", "on Sunday", "again", "last week"]);
        text += &format!("C{i:04},{kind},{amount},\"The {where_} was {what} {end}, claim {i}\"\n");
    }
    text
}

#[test]
fn lines_are_learnt_written_and_the_same_again() {
    let dir = Dir::new();
    dir.file("lines.txt", lines());
    let mut args = vec!["train", "lm-tiny", "--data", "lines.txt", "--out", "run"];
    args.extend(SMALL);
    dir.run(&args).ok().says(&["300 texts, a line each", "tokens of"]);
    dir.run(&["sample", "run", "-n", "50", "-o", "made.txt"]).ok();
    let made = dir.text("made.txt");
    assert_eq!(made.lines().count(), 50);
    assert!(made.lines().filter(|line| line.len() > 5).count() > 45, "{made}");
    // The same seed, the same texts; what is asked for beside does not change them.
    dir.run(&["sample", "run", "-n", "20", "-o", "again.txt"]).ok();
    assert!(made.starts_with(&dir.text("again.txt")));
    let out = dir.run(&["sample", "run", "-n", "20"]).ok().stdout;
    assert_eq!(out, dir.text("again.txt"));
    let prompted = dir.run(&["sample", "run", "-n", "5", "--prompt", "the cat", "--temperature", "0.5"]).ok().stdout;
    assert!(prompted.lines().all(|line| line.starts_with("the cat")), "{prompted}");
    dir.run(&["sample", "run", "-n", "5", "--max-tokens", "3", "-o", "cut.txt"]).ok().says(&["were cut at 3 tokens"]);
    dir.run(&["sample", "run", "-n", "5", "-o", "made.jsonl"]).ok();
    assert!(dir.text("made.jsonl").lines().all(|line| line.starts_with("{\"text\":")));
    dir.run(&["sample", "run", "-n", "3", "-o", "files"]).ok();
    assert_eq!(dir.text("files/000001.txt"), made.lines().next().unwrap());
    let held = dir.run(&["sample", "run", "-n", "20", "--regex", "the (cat|dog) [a-z ]{4,9}"]).ok().stdout;
    let fits = |line: &str| line.starts_with("the ") && (12..=17).contains(&line.len());
    assert!(held.lines().count() == 20 && held.lines().all(fits), "{held}");
    dir.file("schema.json", r#"{"type": "object", "properties": {"a": {"enum": ["cat", "dog"]}}, "required": ["a"]}"#);
    dir.run(&["sample", "run", "--schema", "schema.json", "-o", "json.txt"]).fails(1).says(&["cannot be held to that"]);
    let held = dir.run(&["sample", "run", "-n", "9", "--one-of", "the moon", "--one-of", "a train"]).ok().stdout;
    assert!(held.lines().all(|line| line == "the moon" || line == "a train"), "{held}");
    dir.run(&["sample", "run", "--regex", "(", "-o", "a.txt"]).fails(1).says(&["cannot be held to that"]);
    let said = dir.run(&["inspect", "run"]).ok().stdout;
    assert!(said.contains("Texts, a line each") && said.contains("lm"), "{said}");
    dir.run(&["evaluate", "--real", "lines.txt", "--synthetic", "made.txt"]).ok();
}

#[test]
fn what_cannot_be_written_is_refused() {
    let dir = Dir::new();
    dir.file("lines.txt", lines());
    let mut args = vec!["train", "lm-tiny", "--data", "lines.txt", "--out", "run"];
    args.extend(SMALL);
    dir.run(&args).ok();
    dir.run(&["sample", "run", "--prompt", "Ω", "-o", "a.txt"]).fails(1).says(&["no character `Ω`"]);
    dir.run(&["sample", "run", "--where", "label=a", "-o", "a.txt"]).fails(1).says(&["these texts have no columns"]);
    dir.run(&["sample", "run", "--role", "user", "-o", "a.txt"]).fails(1).says(&["role", "conversations"]);
    dir.run(&["sample", "run", "--top-p", "1.5", "-o", "a.txt"]).fails(1).says(&["top_p"]);
    dir.run(&["sample", "run", "-o", "a.parquet"]).fails(1).says(&[".jsonl"]);
    dir.run(&["sample", "run", "--balance", "label", "-o", "a.txt"]).fails(1).says(&["balance"]);
    assert!(dir.leftovers().is_empty());
    // Bad data, bad settings.
    dir.file("empty.txt", "\n \n");
    dir.run(&["train", "lm-tiny", "--data", "empty.txt"]).fails(1).says(&["holds no text"]);
    dir.file("latin.txt", b"caf\xe9\nbar\n");
    dir.run(&["train", "lm-tiny", "--data", "latin.txt"]).fails(1).says(&["is no UTF-8 text: byte 3"]);
    dir.run(&["train", "lm-tiny", "--data", "nowhere.txt"]).fails(1).says(&["nowhere.txt"]);
    let set = ["train", "lm-tiny", "--data", "lines.txt", "--set", "model.lm.heads=7"];
    dir.run(&set).fails(1).says(&["heads must divide half the width"]);
    let set = ["train", "lm-tiny", "--data", "lines.txt", "--set", "data.text=\"note\""];
    dir.run(&set).fails(1).says(&["`data.text` is for a table"]);
    let set = ["train", "lm-small", "--data", "lines.txt", "--set", "model.lm.base=\"nowhere\""];
    dir.run(&set).fails(1).says(&["nowhere", "no such file or folder"]);
    dir.file("numbers.csv", "a,b\n1,2\n3,4\n");
    dir.run(&["train", "lm-tiny", "--data", "numbers.csv"]).fails(1).says(&["no column holds text"]);
}

#[test]
fn one_long_text_goes_on_from_a_prompt() {
    let dir = Dir::new();
    let text: String = (0..200).map(|i| format!("{}\n", lines().lines().nth(i).unwrap())).collect();
    dir.file("story.md", text.replace("the cat sees the moon\n", "the cat sees the moon\n\n"));
    let mut args = vec!["train", "lm-tiny", "--data", "story.md", "--out", "run"];
    args.extend(SMALL);
    dir.run(&args).ok().says(&["one long text of"]);
    let made = dir.run(&["sample", "run", "--prompt", "the cat ", "--max-tokens", "200"]).ok().stdout;
    assert!(made.starts_with("the cat ") && made.len() >= 200, "{made}");
}

#[test]
fn conversations_keep_their_turns() {
    let dir = Dir::new();
    let talk = |i: u64| {
        let question = one(6, i, &["hello", "what is the time", "are you well"]);
        let answer = if question == "hello" { "good day" } else { "yes" };
        format!(
            "{{\"messages\":[{{\"role\":\"user\",\"content\":\"{question}\"}},{{\"role\":\"assistant\",\"content\":\"{answer}\"}}]}}\n"
        )
    };
    dir.file("talk.jsonl", (0..200).map(talk).collect::<String>());
    let mut args = vec!["train", "lm-tiny", "--data", "talk.jsonl", "--out", "run"];
    args.extend(SMALL);
    dir.run(&args).ok().says(&["200 conversations"]);
    dir.run(&["sample", "run", "-n", "40", "-o", "made.jsonl"]).ok();
    for line in dir.text("made.jsonl").lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let turns = line["messages"].as_array().unwrap();
        assert!(turns.len() == 2 && turns[0]["role"] == "user" && turns[1]["role"] == "assistant", "{line}");
    }
    dir.run(&["sample", "run", "-n", "4", "-o", "made.csv"]).fails(1).says(&["conversations are written as .jsonl"]);
    dir.run(&["sample", "run", "--role", "judge", "-o", "a.jsonl"]).fails(1).says(&["user, assistant"]);
}

#[test]
fn a_folder_of_documents_is_learnt() {
    let dir = Dir::new();
    std::fs::create_dir_all(dir.path("docs/more")).unwrap();
    for i in 0..30 {
        let folder = if i % 2 == 0 { "docs" } else { "docs/more" };
        dir.file(&format!("{folder}/{i}.md"), format!("# Title {i}\n\n{}", lines().lines().nth(i).unwrap()));
    }
    let mut args = vec!["train", "docs", "--out", "run"];
    args.extend(SMALL);
    args.extend(["--set", "model.lm.tokens=\"bytes\""]);
    dir.run(&args).ok().says(&["30 documents, a file each"]);
    dir.run(&["sample", "run", "-n", "4", "-o", "made"]).ok();
    assert!(dir.path("made/000004.md").exists());
}

/// The cells of a CSV file, a list a row.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn a_column_of_a_table_is_told_what_stands_beside_it() {
    let dir = Dir::new();
    dir.file("claims.csv", claims());
    let mut args = vec!["train", "lm-tiny", "--data", "claims.csv", "--out", "run"];
    args.extend(SMALL);
    args.extend(["--set", "data.columns=[\"kind\"]"]);
    dir.run(&args).ok().says(&["texts of note, told kind"]);
    let made = rows(&dir.run(&["sample", "run", "-n", "60", "--where", "kind=water"]).ok().stdout);
    assert!(made.iter().all(|row| row[0] == "water"));
    let fits = made.iter().filter(|row| row[1].contains("flooded")).count();
    let wrong = made.iter().filter(|row| row[1].contains("burnt")).count();
    assert!(fits > 40 && wrong < 8, "{fits} fit, {wrong} do not: {made:?}");
    dir.run(&["sample", "run", "-n", "200", "-o", "made.csv"]).ok();
    let report = dir
        .run(&["evaluate", "--real", "claims.csv", "--synthetic", "made.csv", "--text", "note", "--target", "kind"])
        .ok()
        .stdout;
    assert!(report.contains("Copying") || report.contains("Verbatim"), "{report}");
    dir.run(&["sample", "run", "--where", "colour=red", "-o", "a.csv"]).fails(1).says(&["the columns are kind"]);
}

#[test]
fn free_text_of_a_table_is_written_with_its_rows() {
    let dir = Dir::new();
    dir.file("claims.csv", claims());
    let mut config = String::from("[data]\npath = \"claims.csv\"\n\n[model.trees]\n\n[text]\ntold = [\"kind\"]\n");
    config += "[text.model.lm]\ntokens = \"chars\"\nwidth = 32\nlayers = 2\nheads = 4\ncontext = 64\n";
    config += "[text.train]\nepochs = 25\nbatch_size = 8\n";
    dir.file("job.toml", config);
    dir.run(&["train", "job.toml", "--out", "run"]).ok().says(&["the text of note, given the row"]);
    // The config that is kept says how the text was learnt, too.
    let kept = dir.text("run/config.toml");
    let section = |name: &str| kept.split(name).nth(1).unwrap_or_default().split("\n[").next().unwrap().to_owned();
    assert!(section("[text.train]\n").contains("epochs = 25\n"), "{kept}");
    assert!(section("[text.model.lm]\n").contains("width = 32\n"), "{kept}");
    // The artefact holds all that a sample needs.
    std::fs::copy(dir.path("run/model.safetensors"), dir.path("model.safetensors")).unwrap();
    std::fs::remove_file(dir.path("claims.csv")).unwrap();
    dir.run(&["sample", "model.safetensors", "-n", "80", "-o", "made.csv"]).ok();
    let made = rows(&dir.text("made.csv"));
    let fits = |row: &&Vec<String>| row[3].contains(if row[1] == "fire" { "burnt" } else { "flooded" });
    let (all, fits) = (made.len(), made.iter().filter(fits).count());
    assert!(all == 80 && fits > 56, "{fits} of {all}: {made:?}");
    assert!(made.iter().all(|row| row[0].starts_with('C') && row[2].parse::<u32>().is_ok()));
    // A sample that begins later has the rows that another has there.
    dir.run(&["sample", "model.safetensors", "-n", "80", "-o", "again.csv"]).ok();
    assert_eq!(dir.text("made.csv"), dir.text("again.csv"));
    let rare = rows(&dir.run(&["sample", "model.safetensors", "-n", "30", "--where", "kind=fire"]).ok().stdout);
    assert!(rare.iter().filter(|row| row[3].contains("burnt")).count() > 20);
}

#[test]
fn text_that_is_not_there_is_not_learnt() {
    let dir = Dir::new();
    dir.file("plain.csv", "a,b\n1,x\n2,y\n3,x\n4,y\n5,x\n6,y\n7,x\n8,y\n9,x\n10,y\n");
    dir.file("job.toml", "[data]\npath = \"plain.csv\"\n[model.trees]\n[text]\n");
    dir.run(&["train", "job.toml", "--out", "run"]).ok().says(&["no column holds free text"]);
    dir.file("job.toml", "[data]\npath = \"plain.csv\"\n[model.trees]\n[text]\ncolumns = [\"b\"]\n");
    dir.run(&["train", "job.toml", "--out", "other"]).fails(1).says(&["text.columns: `b`"]);
    dir.file("job.toml", "[data]\npath = \"lines.txt\"\n[model.lm]\n[text]\n");
    dir.run(&["train", "job.toml", "--out", "third"]).fails(1).says(&["`text` is for the columns of a table"]);
}
