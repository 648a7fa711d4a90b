//! The same bytes whatever the number of threads, in shards, and again.

use super::*;

/// Everything that mixes and moves, over three layouts.
const MIXED: &str = "seed = 4\n[[image]]\nmosaic = {}\np = 0.5\n[[image]]\nrotate = { degrees = [-20, 20] }\n\
    [[image]]\nnoise = { sigma = 0.1 }\np = 0.5\n[[image]]\ncopy_paste = {}\np = 0.5\n[[image]]\nmixup = {}\np = 0.3\n";

fn sets(place: &Place) -> Vec<&'static str> {
    for i in 0..7 {
        place.picture(&format!("yolo/images/train/{i}.png"), 30 + i, 20);
        place.text(&format!("yolo/labels/train/{i}.txt"), "0 0.5 0.5 0.5 0.5\n1 0.2 0.3 0.2 0.2\n");
        place.picture(&format!("folder/{}/{i}.jpg", i % 2), 16, 12);
    }
    place.text("yolo/classes.txt", "a\nb\n");
    let image = |i: u64| json!({ "id": i + 3, "file_name": format!("{i}.png"), "width": 30 + i, "height": 20 });
    let annotation = |i: u64| {
        json!({ "id": i, "image_id": i % 7 + 3, "category_id": 2, "iscrowd": 0, "bbox": [2, 3, 10, 9],
            "segmentation": [[2, 3, 12, 3, 12, 12, 2, 12]] })
    };
    for i in 0..7 {
        place.picture(&format!("coco/images/{i}.png"), 30 + i, 20);
    }
    let file = json!({ "images": (0..7).map(image).collect::<Vec<_>>(), "categories": [{ "id": 2, "name": "x" }],
        "annotations": (0..11).map(annotation).collect::<Vec<_>>() });
    place.text("coco/annotations.json", &file.to_string());
    vec!["yolo", "folder", "coco"]
}

#[test]
fn threads_shards_and_replays_agree() {
    let place = Place::new();
    let pipeline = Pipeline::from_toml(MIXED).unwrap();
    let settings = OutSettings { about: Some(MIXED.to_owned()), ..OutSettings::default() };
    for name in sets(&place) {
        let set = place.open(name).unwrap();
        let run = |out: &str, shard: (u64, u64)| {
            let job = Job { times: 3, shard };
            augment_images(&pipeline, &set, &place.path(out), &settings, job, &mut Quiet).unwrap()
        };
        let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        let (one, three) = (format!("{name} 1"), format!("{name} 3"));
        let report = pool(1).install(|| run(&one, (0, 1)));
        assert_eq!((report.read, report.originals, report.changed, report.skipped.len()), (7, 7, 21, 0), "{name}");
        pool(3).install(|| run(&three, (0, 1)));
        let whole = place.all(&one);
        assert_eq!(whole, place.all(&three), "{name}");
        let parts: Vec<PathBuf> = (0..3)
            .map(|i| {
                let part = format!("{name} part {i}");
                run(&part, (i, 3));
                place.path(&part)
            })
            .collect();
        // In any order.
        let parts: Vec<&Path> = [2, 0, 1].iter().map(|i| parts[*i].as_path()).collect();
        put_together(&parts, &place.path(&format!("{name} together"))).unwrap();
        assert_eq!(whole, place.all(&format!("{name} together")), "{name}");
        assert!(put_together(&parts[..2], &place.path("missing")).is_err());
        assert!(!place.path("missing").exists());
        let drawn = place.path(&one).join("drawn.jsonl");
        let again = place.path(&format!("{name} again"));
        replay_images(&drawn, &set, &again, &OutSettings::default(), &mut Quiet).unwrap();
        assert_eq!(whole, place.all(&format!("{name} again")), "{name}");
        let text = fs::read_to_string(&drawn).unwrap();
        assert_eq!(text.lines().count(), 22);
        assert!(text.lines().next().unwrap().contains("copy_paste"));
    }
}

#[test]
fn replays_of_other_sets_are_refused() {
    let place = Place::new();
    sets(&place);
    place.run("coco", "out", FLIP, &OutSettings::default(), 1).unwrap();
    let drawn = place.path("out/drawn.jsonl");
    let replay = |set: &str| {
        let set = place.open(set).unwrap();
        replay_images(&drawn, &set, &place.path("replayed"), &OutSettings::default(), &mut Quiet)
    };
    let said = replay("folder").unwrap_err().to_string();
    assert!(said.contains("with other names"), "{said}");
    let text =
        place.read("out/drawn.jsonl").replace("\"item\":1", "\"item\":0").replace("\"item\":2", "\"item\":1,\"x\":0");
    place.text("out/drawn.jsonl", &text);
    let said = replay("coco").unwrap_err().to_string();
    assert!(said.contains("line 4"), "{said}");
    place.text("out/drawn.jsonl", "");
    assert!(replay("coco").unwrap_err().to_string().contains("first line"));
}

#[test]
fn numbers_of_coco_are_unique() {
    let place = Place::new();
    sets(&place);
    place.run("coco", "out", MIXED, &OutSettings::default(), 3).unwrap();
    let made: Value = serde_json::from_str(&place.read("out/annotations.json")).unwrap();
    for list in ["images", "annotations"] {
        let mut ids: Vec<u64> = made[list].as_array().unwrap().iter().map(|v| v["id"].as_u64().unwrap()).collect();
        let n = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), n, "{list}");
    }
}
