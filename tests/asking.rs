//! What can be asked for: conditions, configs by name, settings, parts of a table, and pictures of every ending.

use std::collections::BTreeSet;

use crate::util::{Dir, column, wine, wine_path};

/// 1,500 rows of stars, towns, times with a name that holds an operator, learnt by naming the file alone.
fn stays() -> Dir {
    let dir = Dir::new();
    let row = |i: usize| {
        let town = ["Oslo", "Rome", "New York", ""][i * 3 % 4];
        let time = format!("2021-{:02}-{:02} {:02}:{:02}:00", 1 + i % 12, 1 + i % 28, i * 5 % 24, i * 7 % 60);
        format!("{},{town},{time},{}\n", 1 + i / 2 % 5, if i.is_multiple_of(3) { "yes" } else { "no" })
    };
    dir.file("stays.csv", "stars,town,joined,BMI>=30\n".to_owned() + &(0..1500).map(row).collect::<String>());
    dir.run(&["train", "stays.csv"]).ok().says(&["model trees", "stays.csv"]);
    dir
}

#[test]
fn conditions_of_every_form_hold() {
    let dir = stays();
    let asked = |condition: &str, name: &str| {
        let args = ["sample", "runs/stays", "-n", "300", "--max-tries", "5000", "--where", condition];
        let values = column(&dir.run(&args).ok().stdout, name);
        assert_eq!(values.len(), 300);
        values.into_iter().collect::<BTreeSet<String>>()
    };
    let set = |values: &[&str]| values.iter().map(|v| v.to_string()).collect::<BTreeSet<_>>();
    assert!(asked("stars>=4", "stars").is_subset(&set(&["4", "5"])));
    assert_eq!(asked("stars=4.0", "stars"), set(&["4"]));
    assert_eq!(asked("stars in 4..4.9", "stars"), set(&["4"]));
    assert_eq!(asked("\"BMI>=30\"=yes", "BMI>=30"), set(&["yes"]));
    assert_eq!(asked("town in (Rome, 'New York')", "town"), set(&["Rome", "New York"]));
    assert_eq!(asked("town is missing", "town"), set(&[""]));
    assert!(!asked("town is not missing", "town").contains(""));
    assert!(asked("joined>=2021-06-05", "joined").iter().all(|t| t.as_str() >= "2021-06-05 00:00:00"));
    assert!(asked("joined<=2021-06-05", "joined").iter().all(|t| t.as_str() < "2021-06-06"));
    assert!(asked("joined=2021-06", "joined").iter().all(|t| t.starts_with("2021-06-")));
    let refused = |condition: &str, words: &[&str]| {
        dir.run(&["sample", "runs/stays", "--where", condition]).fails(1).quick().says(words);
    };
    refused("stars=9", &["did you mean `5`"]);
    refused("BMI>=30=yes", &["\"BMI>=30\"=yes", "quotes"]);
    refused("joined>2030-01-01", &["range from 2021-01-01", "2021-12-"]);
    refused("town=oslo", &["did you mean `Oslo`"]);
}

#[test]
fn configs_come_along_by_name() {
    let dir = Dir::new();
    let list = dir.run(&["config"]).ok().stdout;
    assert!(list.lines().any(|line| line.starts_with("trees ") && line.len() > 30), "{list}");
    let tvae = dir.run(&["config", "tvae"]).ok().stdout;
    assert!(tvae.contains("[model.tvae]") && tvae.contains("# latent"), "{tvae}");
    dir.run(&["config", "tvea"]).fails(1).says(&["did you mean `tvae`"]);
    dir.file("my.toml", tvae.replace("# latent = 32", "latent = 4"));
    let short = ["--set", "train.epochs=1", "--set", "model.tvae.hidden=[8]", "--set", "model.tvae.calibrate=0"];
    dir.run(&[&["train", "my.toml", "--data", &wine()][..], &short].concat()).ok().says(&["runs/my"]);
    dir.run(&[&["train", "tvae", "--data", &wine()][..], &short].concat()).ok().says(&["model tvae", "runs/tvae"]);
    dir.run(&["train", "--data", &wine()]).ok().says(&["model trees", "runs/real"]);
    dir.run(&["train", "tres", "--data", &wine()]).fails(1).says(&["did you mean `trees`"]);
    dir.run(&["train", "trees"]).fails(1).says(&["without data", "--data PATH"]);
    dir.run(&["train", "nowhere.csv"]).fails(1).says(&["nowhere.csv", "No such file"]);
    dir.run(&["train", &wine(), "--data", &wine()]).fails(1).says(&["name a config"]);
    dir.run(&["train", "flow", "--data", &wine()]).fails(1).says(&["is a table", "flow learns images"]);
}

#[test]
fn the_schema_of_configs_knows_their_keys() {
    let dir = Dir::new();
    let schema: serde_json::Value = serde_json::from_str(&dir.run(&["config", "--schema"]).ok().stdout).unwrap();
    let text = schema.to_string();
    for word in [
        "\"tvae\"",
        "\"flow\"",
        "\"latent\"",
        "\"learning_rate\"",
        "\"batch_size\"",
        "\"flip\"",
        "dimensions of the latent",
    ] {
        assert!(text.to_lowercase().contains(word), "no {word} in the schema");
    }
    let kinds = schema["anyOf"].as_array().unwrap();
    assert_eq!(kinds.len(), 5, "models of tables, series, images and texts, and pipelines");
    assert!(kinds[0]["properties"]["data"]["$ref"] != kinds[1]["properties"]["data"]["$ref"]);
    // What is referred to is there.
    for place in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(schema.pointer(place).is_some(), "{place} is not in the schema");
    }
}

#[test]
fn shells_complete_commands_and_flags() {
    let dir = Dir::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = dir.run(&["completions", shell]).ok().stdout;
        assert!(script.contains("holdout") && script.contains("max-tries"), "{shell}");
    }
    dir.run(&["completions", "cobol"]).fails(2);
}

#[test]
fn a_wrong_setting_is_named() {
    let dir = Dir::new();
    let refused = |set: &str, words: &[&str]| {
        let args = ["train", "tvae", "--set", &wine_path(), "--set", set];
        dir.run(&args).fails(1).quick().says(&[set]).says(words);
    };
    refused("model=trees", &["section", "model.trees.bins=64"]);
    refused("model.trees.bins=5", &["is tvae", "model.tvae.KEY"]);
    refused("trian.epochs=5", &["unknown section `trian`", "did you mean `train`"]);
    refused("train.epochs=five", &["a whole number from 0, not \"five\""]);
    refused("model.tvae.latnet=5", &["did you mean `latent`"]);
}

#[test]
fn a_table_is_parted_and_both_parts_are_of_use() {
    let dir = Dir::new();
    let row = |i: usize| format!("{},2021-{:02}-{:02},{}.50\n", i % 40, 1 + i / 28 % 12, 1 + i % 28, i * 7 % 90);
    let text = "who,day,sum\n".to_owned() + &(0..336).map(row).collect::<String>();
    dir.file("sales.csv", &text);
    let said = dir.run(&["split", "sales.csv", "--holdout", "0.25"]).ok().stdout;
    for words in
        ["train     252 rows: sales-train.csv", "hold-out  84 rows: sales-holdout.csv", "--holdout sales-holdout.csv"]
    {
        assert!(said.contains(words), "{said}");
    }
    let lines = |name: &str| dir.text(name).lines().map(str::to_owned).collect::<Vec<_>>();
    let parts = [lines("sales-train.csv"), lines("sales-holdout.csv")];
    assert!(parts.iter().all(|part| part[0] == "who,day,sum"));
    let mut all: Vec<_> = parts.iter().flat_map(|part| &part[1..]).cloned().collect();
    let mut real: Vec<_> = text.lines().skip(1).map(str::to_owned).collect();
    all.sort();
    real.sort();
    assert_eq!(all, real);

    // Files that are there stay there.
    dir.run(&["split", "sales.csv"]).fails(1).says(&["sales-train.csv", "is there already"]);
    dir.run(&["split", "sales.csv", "--force", "--seed", "5"]).ok();
    dir.run(&["split", "sales.csv", "--by", "who", "-o", "keys"]).ok();
    let keys = |name: &str| column(&dir.text(name), "who").into_iter().collect::<BTreeSet<_>>();
    assert!(keys("keys-train.csv").is_disjoint(&keys("keys-holdout.csv")));
    let said = dir.run(&["split", "sales.csv", "--time", "day", "-o", "times/"]).ok().stdout;
    assert!(said.contains("begins at 2021-"), "{said}");
    let days = |name: &str| column(&dir.text(name), "day");
    assert!(days("times/train.csv").iter().max() < days("times/holdout.csv").iter().min());

    dir.run(&["split", "sales.csv", "--holdout", "1.5", "-o", "x"]).fails(1).says(&["between 0 and 1"]);
    dir.run(&["split", "sales.csv", "--by", "whom", "-o", "x"]).fails(1).says(&["did you mean `who`"]);
    dir.run(&["split", "nowhere.csv"]).fails(1).says(&["nowhere.csv"]);
    dir.run(&["split", "sales.csv", "--by", "who", "--time", "day"]).fails(2);
    assert!(dir.leftovers().is_empty());
}

#[test]
fn pictures_of_every_ending_are_read_and_others_named() {
    let dir = Dir::new();
    std::fs::create_dir(dir.path("set")).unwrap();
    // An uncompressed picture of 2 x 2 pixels in two formats that other tests do not write.
    let tga = [&[0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 8, 0][..], &[10, 200, 30, 90]].concat();
    let gif = b"GIF89a\x02\x00\x02\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x02\x00\x02\x00\x00\x02\x03\x0c\x10\x05\x00;";
    (0..4).for_each(|i| drop(dir.file(&format!("set/{i}.tga"), &tga)));
    dir.file("set/a.gif", gif);
    dir.file("set/b.avif", "?");
    dir.file("set/c.avif", "?");
    let said = dir.run(&["inspect", "set"]).ok().stdout;
    for words in ["5 images, 2 x 2 grey", "left out    2 .avif", "convert"] {
        assert!(said.contains(words), "{said}");
    }
    let train =
        ["train", "set", "--set", "train.epochs=1", "--set", "model.vae.channels=[4]", "--set", "model.vae.patch=2"];
    dir.run(&train).calm().says(&["model vae", "left out 2 .avif", "warning: 5 images"]);
}
