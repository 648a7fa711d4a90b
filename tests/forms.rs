//! Real files in, the same kind of file out: what people write comes back in the form that they wrote it in, and nothing is made up
//! that the data could not have held.

use std::collections::{HashMap, HashSet};

use verisim_data::rng::mix;

use crate::util::{Dir, cells};

const ROWS: usize = 600;

/// The columns of [`shop`], by name.
type Columns = HashMap<String, Vec<String>>;

/// A table as a shop would keep it, `;` between cells.
fn shop() -> String {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut text = String::from("price;share;sold;seen;balance;level;phone;token;order;note;mail;bird\n");
    for i in 0..ROWS {
        let level = match i {
            100 | 300 | 500 => "9999".to_owned(),
            _ if i % 50 == 7 => "refused".to_owned(),
            _ => (150 + i * 7 % 50).to_string(),
        };
        let phone = match i {
            _ if i % 10 == 3 => String::new(),
            5 => "030-1000000".to_owned(),
            _ => format!("030-{:07}", 1_000_000 + i * i * 13 % 8_999_993),
        };
        let token = format!("{:016X}{:016X}", mix(i as u64), mix(i as u64 ^ 0x5eed));
        let bird = match i {
            17 | 18 => "great bustard".to_owned(),
            _ if i % 97 == 0 => format!("stray {i}"),
            _ => ["owl", "crow", "tit"][i % 3].to_owned(),
        };
        let line = [
            format!("{}.{:03},{:02} €", i % 9 + 1, i * 7 % 1_000, i * 13 % 100),
            format!("{} %", i * 7 % 100),
            format!("{:02} {} 20{:02}", i % 28 + 1, months[i % 12], 18 + i % 5),
            format!("2024-{:02}-10T03:04:{:02}+0{}:00", i % 12 + 1, i % 60, if i % 12 < 6 { 1 } else { 2 }),
            if i % 3 == 0 { format!("({}.50)", i * 7 % 391) } else { format!("{}.50", i * 7 % 391) },
            level,
            phone,
            token,
            format!("A-{:05}", i * 7_919 % 99_991),
            format!("called about the order on day {i}, no answer"),
            format!("person{i}@mail{}.org", i % 7),
            bird,
        ];
        text.push_str(&line.join(";"));
        text.push('\n');
    }
    text
}

fn columns(rows: &[Vec<String>]) -> Columns {
    (rows[0].iter().enumerate()).map(|(j, n)| (n.clone(), rows[1..].iter().map(|r| r[j].clone()).collect())).collect()
}

/// Cells of a text with any delimiter.
fn split(text: &str) -> Columns {
    let delimiter = if text.lines().next().unwrap().contains(';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(text.as_bytes());
    let rows: Vec<Vec<String>> = reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect();
    columns(&rows)
}

fn made() -> (Dir, Columns, Columns) {
    let dir = Dir::new();
    dir.file("shop.csv", shop());
    dir.run(&["train", "trees", "--data", "shop.csv", "--out", "run"]).ok();
    let made = dir.run(&["sample", "run", "-n", "2000", "--seed", "3"]).ok().stdout;
    (dir, split(&shop()), split(&made))
}

/// Digits as 9, so that forms can be compared.
fn form(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect()
}

#[test]
fn every_column_comes_back_in_its_form() {
    let (_dir, real, made) = made();
    for name in ["price", "share", "balance", "phone", "order", "seen"] {
        let forms: HashSet<String> = real[name].iter().map(|c| form(c)).collect();
        let odd = made[name].iter().find(|c| !forms.contains(&form(c)));
        // Amounts of fewer digits than any that were read may come out in between.
        let close = |c: &str| {
            forms.iter().any(|f| f.trim_start_matches(['9', '.', '(']) == form(c).trim_start_matches(['9', '.', '(']))
        };
        assert!(odd.is_none_or(|c| close(c)), "{name}: {odd:?}");
    }
    let days: HashSet<&str> = real["sold"].iter().map(|d| &d[3..6]).collect();
    assert!(
        made["sold"].iter().all(|d| d.len() == 11
            && days.contains(&d[3..6])
            && (2018..=2022).contains(&d[7..].parse::<i32>().unwrap()))
    );
}

#[test]
fn sentinels_and_words_keep_their_rate_and_gaps_stay_empty() {
    let (_dir, _, made) = made();
    let level = &made["level"];
    let count = |word: &str| level.iter().filter(|l| *l == word).count();
    // 3 and 12 of 600 rows are 10 and 40 of 2,000.
    assert!((2..=24).contains(&count("9999")), "{}", count("9999"));
    assert!((20..=65).contains(&count("refused")), "{}", count("refused"));
    let others: Vec<f64> = level.iter().filter_map(|l| l.parse().ok()).filter(|x| *x != 9999.0).collect();
    assert!(others.iter().all(|x| (150.0..200.0).contains(x)));
}

#[test]
fn keys_are_new_unique_and_can_be_numbered_on() {
    let (dir, real, made) = made();
    for name in ["token", "order", "phone"] {
        let old: HashSet<&String> = real[name].iter().filter(|k| !k.is_empty()).collect();
        assert!(made[name].iter().all(|k| !old.contains(k)), "{name}");
    }
    assert_eq!(made["token"].iter().collect::<HashSet<_>>().len(), 2_000);
    let gaps = made["phone"].iter().filter(|p| p.is_empty()).count();
    assert!((130..280).contains(&gaps), "{gaps}");
    let more = dir.run(&["sample", "run", "-n", "2000", "--seed", "4", "--key-offset", "2000"]).ok().stdout;
    let both: HashSet<String> = split(&more)["order"].iter().chain(&made["order"]).cloned().collect();
    assert_eq!(both.len(), 4_000);
}

#[test]
fn text_is_made_up_by_its_kind_and_blank_only_where_that_was_asked_for() {
    let (dir, real, made) = made();
    assert!(made["mail"].iter().all(|m| m.contains("@example.")), "{:?}", &made["mail"][..3]);
    let mean = |c: &Vec<String>| c.iter().map(|t| t.chars().count()).sum::<usize>() as f64 / c.len() as f64;
    assert!((mean(&made["note"]) - mean(&real["note"])).abs() < 3.0);
    let set = |columns: &str| {
        let set = format!("data.columns={columns}");
        dir.run(&["train", "trees", "--data", "shop.csv", "--out", "other", "--set", &set]).ok();
        split(&dir.run(&["sample", "other", "-n", "50"]).ok().stdout)
    };
    let other = set("{ note = \"blank\", mail = { kind = \"text\", provider = \"city\" }, token = \"skip\" }");
    assert!(other["note"].iter().all(String::is_empty) && !other.contains_key("token"));
    assert!(other["mail"].iter().all(|m| !m.is_empty() && !m.contains('@')));
}

#[test]
fn what_is_not_learnt_and_what_tells_of_persons_is_said() {
    let dir = Dir::new();
    dir.file("shop.csv", shop());
    let said = dir.run(&["train", "trees", "--data", "shop.csv", "--out", "run"]).ok().stderr;
    for words in [
        "`note` is text and not learnt: placeholder words",
        "`token` is a key",
        "columns = { \"note\" = \"skip\" }",
        "`refused`",
    ] {
        assert!(said.contains(words), "no {words} in\n{said}");
    }
    let shown = dir.run(&["inspect", "shop.csv"]).ok().stdout;
    for words in [
        "a decimal comma, `.` between thousands, ` €` behind",
        "`refused`",
        "offsets from UTC",
        "made-up e-mail addresses",
    ] {
        assert!(shown.contains(words), "no {words} in\n{shown}");
    }
}

#[test]
fn a_protected_artefact_holds_nothing_of_rare_levels() {
    let dir = Dir::new();
    dir.file("shop.csv", shop());
    let train = |out: &str, more: &[&str]| {
        let mut all = vec!["train", "trees", "--data", "shop.csv", "--out", out];
        all.extend(more);
        dir.run(&all).ok().stderr
    };
    let has = |out: &str, word: &str| {
        let bytes = dir.bytes(&format!("{out}/model.safetensors"));
        bytes.windows(word.len()).any(|w| w == word.as_bytes())
    };
    train("open", &[]);
    assert!(has("open", "great bustard") && has("open", "stray 97"));
    let said = train("safe", &["--set", "data.protect={ min_rows = 5 }"]);
    assert!(said.contains("`bird`") && said.contains("(other)"), "{said}");
    for word in ["great bustard", "stray 97"] {
        assert!(!has("safe", word), "{word}");
    }
    let made = split(&dir.run(&["sample", "safe", "-n", "2000"]).ok().stdout);
    let kinds: HashSet<&str> = made["bird"].iter().map(String::as_str).collect();
    assert_eq!(kinds, HashSet::from(["owl", "crow", "tit", "(other)"]));
}

#[test]
fn numbers_past_a_double_keep_every_digit() {
    let dir = Dir::new();
    let mut text = String::from("account,amount,tiny\n");
    for i in 0..300_u128 {
        let cents = 10_u128.pow(20) + i * 7_919 % 1_000_003;
        text.push_str(&format!(
            "{},{}.{:03},{}.{:02}e-18\n",
            9_007_199_254_740_993 + i * i * 31,
            cents,
            i * 37 % 1_000,
            i % 9 + 1,
            i * 7 % 100
        ));
    }
    dir.file("wide.csv", &text);
    dir.run(&["train", "trees", "--data", "wide.csv", "--out", "run"]).ok();
    dir.run(&["sample", "run", "-n", "500", "-o", "made.csv"]).ok();
    let (real, made) = (columns(&cells(&text)), columns(&cells(&dir.text("made.csv"))));
    let span = |c: &Vec<String>| {
        let all: Vec<u128> = c.iter().map(|x| x.replace('.', "").parse().unwrap()).collect();
        (*all.iter().min().unwrap(), *all.iter().max().unwrap())
    };
    for name in ["account", "amount"] {
        let ((low, high), (least, most)) = (span(&real[name]), span(&made[name]));
        assert!(low <= least && most <= high && made[name].iter().collect::<HashSet<_>>().len() > 200, "{name}");
        assert!(made[name].iter().all(|x| form(x) == form(&real[name][0])), "{name}: {}", made[name][0]);
    }
    assert!(
        made["tiny"].iter().all(|x| x.ends_with("e-18") && x.len() == 8 && x.parse::<f64>().unwrap() > 0.0),
        "{:?}",
        &made["tiny"][..3]
    );
    let report = dir.run(&["evaluate", "--real", "wide.csv", "--synthetic", "made.csv"]).ok().stdout;
    assert!(report.contains("tiny") || report.contains("%"), "{report}");
}
