//! More of the data there are.

use crate::util::Dir;

/// Orders: a key, a day, a whole number, a price with a comma, a kind, text, and in one of eight rows a return.
fn orders(rows: usize) -> String {
    let mut out = "id;day;size;price;kind;note;returned\n".to_owned();
    for i in 0..rows {
        let (size, back) = ((i * 37) % 90, i % 8 == 3);
        let price = size * 100 + (i * 13) % 50 + if back { 5000 } else { 0 };
        let kind = ["small", "large", "odd"][(i / 7) % 3];
        out += &format!(
            "K{i:05};{:02}.{:02}.2021;{size};{price},{:02};{kind};{};{}\n",
            1 + i % 28,
            1 + i % 12,
            i % 100,
            note(i),
            if back { "yes" } else { "no" }
        );
    }
    out
}

/// Words that nobody learns.
fn note(i: usize) -> String {
    const WORDS: [&str; 7] = ["leave", "it", "at the door", "please", "ring twice", "call before", "mind the dog"];
    let word = |k: usize| WORDS[(i * 31 + k * k * 17 + i / (k + 3)) % 7];
    (0..3 + i % 4).map(word).collect::<Vec<_>>().join(" ")
}

fn cells(csv: &str) -> Vec<Vec<String>> {
    csv.lines().skip(1).map(|line| line.split(';').map(str::to_owned).collect()).collect()
}

const NOISE: &str = "target = \"returned\"\n[[table]]\nnoise = { scale = 0.2 }\n[[table]]\nswap = {}\np = 0.5\n";

#[test]
fn changed_rows_follow_the_real_ones_under_new_keys() {
    let dir = Dir::new();
    let real = orders(400);
    dir.file("orders.csv", &real);
    dir.file("noise.toml", NOISE);
    let said = dir.run(&["augment", "noise.toml", "--data", "orders.csv", "-o", "more.csv", "--times", "2"]).ok();
    assert!(said.stderr.contains("400 rows as they were, 800 rows made"), "{}", said.stderr);
    let more = dir.text("more.csv");
    assert!(more.starts_with(&real), "the real rows stand as they were");
    let (real, all) = (cells(&real), cells(&more));
    assert_eq!(all.len(), 1200);
    let keys: std::collections::HashSet<&String> = all.iter().map(|row| &row[0]).collect();
    assert_eq!(keys.len(), 1200, "no key comes twice");
    let changed: Vec<(&Vec<String>, &Vec<String>)> = all[400..800].iter().zip(&real).collect();
    assert!(changed.iter().filter(|(made, real)| made[3] != real[3]).count() > 350);
    for (made, real) in changed {
        assert_eq!((&made[5], &made[6]), (&real[5], &real[6]), "text and class stay with the row");
        let (whole, cents) = made[3].split_once(',').unwrap();
        assert!(whole.parse::<i64>().is_ok() && cents.len() == 2, "{}", made[3]);
        assert!((0..90).contains(&made[2].parse::<i64>().unwrap()), "{}", made[2]);
    }
    assert_ne!(all[400..800], all[800..]);
}

#[test]
fn parts_are_the_whole_and_threads_do_not_matter() {
    let dir = Dir::new();
    dir.file("orders.csv", orders(300));
    dir.file("both.toml", format!("{NOISE}[resample]\nmethod = \"smote\"\n"));
    let run = |out: &str, more: &[&str]| {
        dir.run(&[&["augment", "both.toml", "--data", "orders.csv", "-o", out, "--times", "2"], more].concat()).ok();
        dir.text(out)
    };
    let whole = run("whole.csv", &[]);
    let parts: Vec<String> = (1..=3).map(|i| run(&format!("part{i}.csv"), &["--shard", &format!("{i}/3")])).collect();
    let body = |text: &String| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(body(&whole), parts.iter().map(body).collect::<String>());
    dir.run_with(
        ("RAYON_NUM_THREADS", "1"),
        &["augment", "both.toml", "--data", "orders.csv", "-o", "one.csv", "--times", "2"],
    )
    .ok();
    assert_eq!(whole, dir.text("one.csv"));
    assert_ne!(whole, run("other.csv", &["--seed", "7"]));
    // Classes were brought to one size by rows between neighbours, before every real row was changed twice.
    let count = |text: &str, class: &str| cells(text).iter().filter(|row| row[6] == class).count();
    let made = run("made.csv", &["--set", "table=[]"]);
    assert_eq!(count(&made, "yes"), count(&made, "no"));
}

#[test]
fn tables_of_other_formats_stay_what_they_are() {
    let dir = Dir::new();
    dir.file("orders.csv", orders(200));
    dir.file("noise.toml", NOISE);
    dir.run(&["augment", "noise.toml", "--data", "orders.csv", "-o", "more.parquet"]).ok();
    dir.run(&["augment", "noise.toml", "--data", "more.parquet", "-o", "more.jsonl", "--no-originals"]).ok();
    let text = dir.text("more.jsonl");
    assert_eq!(text.lines().count(), 400);
    let row: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert!(row["size"].is_i64() && row["price"].is_f64() && row["kind"].is_string(), "{row}");
}

/// Sensors that measure every hour.
fn panel() -> String {
    let mut out = "sensor,place,time,heat,state\n".to_owned();
    for s in 0..6 {
        for t in 0..40 {
            let heat = 20.0 + f64::from(s) + (f64::from(t) / 4.0).sin() * 3.0;
            let state = if t % 10 < 7 { "on" } else { "off" };
            let place = if s % 2 == 0 { "north" } else { "south" };
            out += &format!("s{s},{place},2024-03-{:02} {:02}:00:00,{heat:.2},{state}\n", 1 + t / 24, t % 24);
        }
    }
    out
}

#[test]
fn series_are_changed_one_by_one_and_their_stamps_stay_right() {
    let dir = Dir::new();
    let real = panel();
    dir.file("plant.csv", &real);
    let run = |out: &str, more: &[&str]| {
        let said = dir.run(&[&["augment", "sensors", "--data", "plant.csv", "-o", out], more].concat()).ok();
        (dir.text(out), said.stderr)
    };
    let (more, said) = run("more.csv", &["--times", "2"]);
    assert!(said.contains("6 sequences as they were, 12 sequences made"), "{said}");
    assert!(more.starts_with(&real));
    let rows: Vec<Vec<&str>> = more.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 3 * 240);
    assert_eq!((rows[240][0], rows[480][0]), ("s0.e0", "s0.e1"));
    for (made, real) in rows[240..480].iter().zip(&rows[..240]) {
        assert_eq!((made[1], made[2]), (real[1], real[2]), "place and stamp");
    }
    assert!(rows[240..480].iter().zip(&rows[..240]).filter(|(made, real)| made[3] != real[3]).count() > 120);
    let parts: String = (1..=4)
        .map(|i| run(&format!("p{i}.csv"), &["--times", "2", "--shard", &format!("{i}/4")]).0)
        .map(|text| text.split_once('\n').unwrap().1.to_owned())
        .collect();
    assert_eq!(more.split_once('\n').unwrap().1, parts);
}

#[test]
fn one_long_series_gets_a_column_that_tells_the_copies_apart() {
    let dir = Dir::new();
    let row = |t: u32| format!("2024-03-{:02} {:02}:00:00,{:.1}\n", 1 + t / 24, t % 24, 50.0 + f64::from(t % 24));
    dir.file("load.csv", format!("time,load\n{}", (0..200).map(row).collect::<String>()));
    dir.file("slower.toml", "[[series]]\nresample = { ratio = 0.5 }\n");
    dir.run(&["augment", "slower.toml", "--data", "load.csv", "-o", "more.csv"]).ok();
    let more = dir.text("more.csv");
    let lines: Vec<&str> = more.lines().collect();
    assert_eq!((lines[0], lines[1], lines.len()), ("sequence,time,load", "0,2024-03-01 00:00:00,50.0", 301));
    assert!(lines[201].starts_with("1,2024-03-01 00:00:00,5"), "{}", lines[201]);
}

#[test]
fn what_cannot_be_augmented_is_said() {
    let dir = Dir::new();
    dir.file("orders.csv", orders(60));
    dir.file("orders-holdout.csv", orders(60));
    dir.file("noise.toml", NOISE);
    let refused = |args: &[&str]| dir.run(&[&["augment"], args].concat()).fails(1).stderr;
    let said = refused(&["noise.toml", "--data", "orders-holdout.csv", "-o", "x.csv"]);
    assert!(said.contains("holdout") && said.contains("--even-holdout"), "{said}");
    dir.run(&["augment", "noise.toml", "--data", "orders-holdout.csv", "-o", "x.csv", "--even-holdout"]).ok();
    assert!(refused(&["noise.toml", "--data", "orders.csv", "-o", "x.csv"]).contains("already"));
    assert!(refused(&["noise.toml", "--data", "orders.csv", "-o", "orders.csv", "--force"]).contains("what is read"));
    assert!(refused(&["nois", "--data", "orders.csv", "-o", "y.csv"]).contains("no pipeline of that name"));
    assert!(refused(&["detecton", "--data", "orders.csv", "-o", "y.csv"]).contains("did you mean `detection`"));
    assert!(refused(&["detection", "--data", "orders.csv", "-o", "y.csv"]).contains("no steps for it"));
    assert!(refused(&["noise.toml", "--data", "none.csv", "-o", "y.csv"]).contains("not there"));
    assert!(refused(&["noise.toml", "--data", "orders.csv", "-o", "y.csv", "--times", "0"]).contains("times"));
    let set = |set: &str| refused(&["noise.toml", "--data", "orders.csv", "-o", "y.csv", "--set", set]);
    assert!(set("target=colour").contains("colour"));
    assert!(set("table=[{ nois = {} }]").contains("did you mean `noise`"));
    dir.file("wrong.toml", "[[table]]\nnoise = { scale = -1 }\n");
    assert!(refused(&["wrong.toml", "--data", "orders.csv", "-o", "y.csv"]).contains("step 1 (`noise`)"));
    dir.file("empty.csv", "a;b\n");
    refused(&["noise.toml", "--data", "empty.csv", "-o", "y.csv", "--set", "target=a"]);
    assert!(!dir.path("y.csv").exists() && dir.leftovers().is_empty());
}

/// A WAV of a second of a tone, 8 kHz, 16 bits.
fn wave(hertz: f64) -> Vec<u8> {
    let sample = |i: i32| ((f64::from(i) * hertz / 8000.0 * std::f64::consts::TAU).sin() * 8000.0).round() as i16;
    let data: Vec<u8> = (0..8000).flat_map(|i| sample(i).to_le_bytes()).collect();
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + data.len() as u32).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(8000u32.to_le_bytes());
    wav.extend(16000u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend((data.len() as u32).to_le_bytes());
    wav.extend(data);
    wav
}

#[test]
fn sounds_of_a_folder_are_changed_with_their_tracks_and_again_from_a_record() {
    let dir = Dir::new();
    std::fs::create_dir_all(dir.path("clips/low")).unwrap();
    for (name, hertz) in [("low/a", 200.0), ("low/b", 300.0), ("high", 2000.0)] {
        dir.file(&format!("clips/{name}.wav"), wave(hertz));
    }
    dir.file("clips/low/a.txt", "0.25\t0.75\tspoken\n");
    dir.file("clips/broken.wav", "no sound");
    dir.file("slow.toml", "[[sound]]\nspeed = { factor = 0.5 }\n[[sound]]\nnoise = { snr = [5, 40] }\n");
    let run = |out: &str, more: &[&str]| {
        dir.run(&[&["augment", "slow.toml", "--data", "clips", "-o", out, "--times", "2"], more].concat()).ok().stderr
    };
    let said = run("more", &["--replay", "drawn.jsonl"]);
    assert!(said.contains("3 sounds as they were, 6 sounds made"), "{said}");
    assert_eq!(said.matches("broken.wav").count(), 1, "{said}");
    assert_eq!(dir.bytes("more/low/a.wav"), dir.bytes("clips/low/a.wav"));
    assert_eq!(dir.text("more/low/a.e0.txt"), "0.500000\t1.500000\tspoken\n");
    assert_eq!(dir.bytes("more/high.e1.wav").len(), 44 + 2 * 16000);
    // What was drawn is done again, whatever the seed; parts and threads change nothing.
    run("again", &["--replay", "drawn.jsonl", "--seed", "99"]);
    run("part1", &["--shard", "1/2"]);
    run("part2", &["--shard", "2/2"]);
    for name in ["low/a", "low/a.e0", "low/b.e1", "high.e0", "high.e1"] {
        let name = format!("{name}.wav");
        let whole = dir.bytes(&format!("more/{name}"));
        assert_eq!(whole, dir.bytes(&format!("again/{name}")), "{name}");
        let parts = ["part1", "part2"].map(|part| std::fs::read(dir.path(part).join(&name)).ok());
        assert_eq!(parts.iter().flatten().collect::<Vec<_>>(), [&whole], "{name}");
    }
    let others =
        dir.run(&["augment", "slow.toml", "--data", "clips/low", "-o", "x", "--replay", "drawn.jsonl"]).fails(1);
    assert!(others.stderr.contains("others"), "{}", others.stderr);
    assert!(!dir.path("x").exists());
}

#[test]
fn text_is_changed_in_tables_and_in_documents_and_spans_go_along() {
    let dir = Dir::new();
    // The name is from character 34 to 44, whatever the number of two digits before it.
    let row = |i: usize| {
        format!(
            "\"The quick brown fox number {i} met Anna Smith near the old river\",\"[[34, 44, \"\"PERSON\"\"]]\",fox\n"
        )
    };
    let rows: String = (10..60).map(row).collect();
    dir.file("notes.csv", format!("text,people,label\n{rows}"));
    dir.file("typos.toml", "[passages]\ncolumns = [\"text\"]\nspans = \"people\"\n[[text]]\nword_drop = { share = 0.3 }\n[[text]]\nkeyboard = {}\n");
    dir.run(&["augment", "typos.toml", "--data", "notes.csv", "-o", "more.csv"]).ok();
    let settings = verisim_data::table::ReadSettings::default();
    let table = verisim_data::table::Table::read(dir.path("more.csv"), &settings).unwrap();
    let (text, spans) = (table.text(0).unwrap(), table.text(1).unwrap());
    assert_eq!(table.rows, 100);
    let mut kept = 0;
    for i in 50..100 {
        assert_ne!(text.value(i), text.value(i - 50));
        let said: Vec<(usize, usize, String)> = serde_json::from_str(spans.value(i)).unwrap();
        for (start, end, name) in said {
            let part: String = text.value(i).chars().skip(start).take(end - start).collect();
            // Letters are struck wrongly, words are dropped; what stood beside the name is no part of it.
            assert!(name == "PERSON" && part.len() > 2 && !part.contains("near") && !part.contains("met"), "{part}");
            kept += 1;
        }
    }
    assert!(kept > 40, "{kept}");
    std::fs::create_dir_all(dir.path("docs")).unwrap();
    dir.file("docs/a.md", "# Title\n\nSome words that nobody has to read twice, really.\n");
    dir.run(&["augment", "typos", "--data", "docs", "-o", "spoilt", "--times", "3", "--no-originals"]).ok();
    assert!(!dir.path("spoilt/a.md").exists());
    assert_ne!(dir.text("spoilt/a.e0.md"), dir.text("spoilt/a.e1.md"));
}

/// Four pictures of 64 x 48 pixels of rough patches, each with one box, as COCO.
fn coco(dir: &Dir, name: &str) {
    std::fs::create_dir_all(dir.path(name)).unwrap();
    let (mut images, mut boxes) = (Vec::new(), Vec::new());
    for k in 0..4usize {
        let patch =
            |x: usize, y: usize| ((x / 8 * 37 + y / 8 * 91 + k * 53 + (x / 8) * (y / 8) * (k + 2) * 29) % 256) as u8;
        let pixels: Vec<u8> = (0..64 * 48 * 3).map(|i| patch(i / 3 % 64, i / 3 / 64)).collect();
        let shape = verisim_data::image::Shape { height: 48, width: 64, channels: 3 };
        dir.file(&format!("{name}/{k}.png"), verisim_data::image::png_bytes(&pixels, shape, &[]).unwrap());
        images.push(serde_json::json!({ "id": k + 1, "file_name": format!("{k}.png"), "width": 64, "height": 48 }));
        boxes.push(serde_json::json!({
            "id": k + 1, "image_id": k + 1, "category_id": 7, "bbox": [10 + k, 5, 20, 30], "area": 600, "iscrowd": 0
        }));
    }
    let all =
        serde_json::json!({ "images": images, "annotations": boxes, "categories": [{ "id": 7, "name": "thing" }] });
    dir.file(&format!("{name}/annotations.json"), all.to_string());
}

/// The boxes of a picture in a COCO file.
fn boxes(text: &str, file: &str) -> Vec<Vec<f64>> {
    let all: serde_json::Value = serde_json::from_str(text).unwrap();
    let image = all["images"].as_array().unwrap().iter().find(|i| i["file_name"] == file).unwrap();
    let own = all["annotations"].as_array().unwrap().iter().filter(|a| a["image_id"] == image["id"]);
    own.map(|a| a["bbox"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()).collect()
}

#[test]
fn pictures_and_their_boxes_are_mirrored_shown_done_again_put_together_and_found() {
    let dir = Dir::new();
    coco(&dir, "set");
    dir.file("flip.toml", "[[image]]\nhorizontal_flip = {}\n[[image]]\nbrightness = { shift = [-0.1, 0.1] }\n");
    dir.file("other.toml", "[[image]]\nvertical_flip = {}\n");
    let run = |pipeline: &str, out: &str, more: &[&str]| {
        dir.run(&[&["augment", pipeline, "--data", "set", "-o", out, "--times", "2"], more].concat()).ok()
    };
    let said = run("flip.toml", "more", &["--replay", "drawn.jsonl"]);
    assert!(said.stderr.contains("4 pictures as they were, 8 pictures made"), "{}", said.stderr);
    let labels = dir.text("more/annotations.json");
    for k in 0..4u8 {
        // 64 - (10 + k) - 20 from the left.
        assert_eq!(boxes(&labels, &format!("{k}.e1.png")), [[34.0 - f64::from(k), 5.0, 20.0, 30.0]]);
        assert_eq!(dir.bytes(&format!("more/{k}.png")), dir.bytes(&format!("set/{k}.png")));
    }
    assert_ne!(dir.bytes("more/2.e0.png"), dir.bytes("more/2.e1.png"));
    run("other.toml", "again", &["--replay", "drawn.jsonl"]);
    run("flip.toml", "part1", &["--shard", "1/2"]);
    run("flip.toml", "part2", &["--shard", "2/2"]);
    dir.run(&["augment", "--join", "part2", "part1", "-o", "whole"]).ok();
    for name in ["annotations.json", "0.e0.png", "3.e1.png"] {
        for other in ["again", "whole"] {
            assert_eq!(dir.bytes(&format!("more/{name}")), dir.bytes(&format!("{other}/{name}")), "{other} {name}");
        }
    }
    let show = ["augment", "flip.toml", "--data", "set", "--preview", "sheet.png"];
    dir.run(&show).ok();
    assert!(dir.bytes("sheet.png").starts_with(b"\x89PNG"));
    assert!(dir.run(&show).fails(1).stderr.contains("already"));
    // Both sides have all of them; files of others are not replaced.
    let found = dir.run(&["leaks", "set", "more"]).ok().stdout;
    assert!(found.contains("12 of 12 pictures of more look like copies"), "{found}");
    dir.run(&["leaks", "set", "more", "--strict"]).fails(1);
    std::fs::create_dir(dir.path("mine")).unwrap();
    dir.file("mine/notes.txt", "mine");
    let refused = dir.run(&["augment", "flip.toml", "--data", "set", "-o", "mine", "--force"]).fails(1);
    assert!(refused.stderr.contains("not written by an augmentation") && dir.path("mine/notes.txt").exists());
}

#[test]
fn rows_on_both_sides_are_counted() {
    let dir = Dir::new();
    let all = orders(200);
    let (head, lines) = all.split_once('\n').unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    dir.file("a.csv", format!("{head}\n{}\n", lines[..120].join("\n")));
    dir.file("b.csv", format!("{head}\n{}\n", lines[110..].join("\n")));
    dir.file("c.csv", "size;other\n1;2\n");
    let found = dir.run(&["leaks", "a.csv", "b.csv"]).ok().stdout;
    assert!(found.contains("10 of 90 rows of b.csv look like copies of rows of a.csv"), "{found}");
    assert!(dir.run(&["leaks", "a.csv", "c.csv"]).fails(1).stderr.contains("lacks"));
}
