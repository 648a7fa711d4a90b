//! Sets with mistakes in them.

use super::*;

fn said(place: &Place, name: &str) -> String {
    match place.open(name) {
        Ok(set) => panic!("{name} was taken for {:?}: {}", set.layout(), set.why()),
        Err(e) => e.to_string(),
    }
}

#[test]
fn what_is_no_set_is_refused_with_its_name() {
    let place = Place::new();
    assert!(said(&place, "nowhere").contains("no such file or folder"));
    place.text("empty/readme.txt", "");
    assert!(said(&place, "empty").contains("holds no pictures"));
    place.text("a.json", "");
    assert!(said(&place, "a.json").contains("is no COCO file"));
    place.text("b.json", "{}");
    assert!(said(&place, "b.json").contains("is no COCO file"));
    place.text("c.json", r#"{"images": [], "annotations": [], "categories": []}"#);
    assert!(said(&place, "c.json").contains("lists no images"));
    place.text("d.json", r#"{"images": [{"id": 1, "file_name": "../x.png"}], "annotations": []}"#);
    assert!(said(&place, "d.json").contains("leads out"));
    place.text("e.json", r#"{"images": [{"id": 1, "file_name": "x.png"}], "annotations": []}"#);
    assert!(said(&place, "e.json").contains("`x.png` is in none of"));
    place.text("f.json", r#"{"images": [{"id": 1, "file_name": "x.png"}, {"id": 1, "file_name": "y.png"}]}"#);
    assert!(said(&place, "f.json").contains("two images have the id 1"));
    place.picture("p.png", 2, 2);
    assert!(said(&place, "p.png").contains("neither a folder nor"));
    place.picture("y/images/a.png", 2, 2);
    place.text("y/data.yaml", "names: [a\n");
    assert!(said(&place, "y").contains("data.yaml: cannot be read"));
}

#[test]
fn data_to_test_with_are_refused_unless_named() {
    let place = Place::new();
    place.picture("set/val/a/x.png", 2, 2);
    place.picture("set/test/a/x.png", 2, 2);
    for path in ["set", "set/val"] {
        assert!(said(&place, path).contains("to test with"), "{path}");
    }
    let val = OpenSettings { split: Some("valid".into()), ..OpenSettings::default() };
    for path in ["set", "set/val"] {
        let set = ImageSet::open(&place.path(path), &val).unwrap();
        assert_eq!((set.len(), set.split()), (1, Some("val")));
    }
    let dev = OpenSettings { split: Some("dev".into()), ..OpenSettings::default() };
    assert!(ImageSet::open(&place.path("set"), &dev).unwrap_err().to_string().contains("`test`, `val`"));
    place.picture("plain/a/x.png", 2, 2);
    assert!(ImageSet::open(&place.path("plain"), &dev).unwrap_err().to_string().contains("has no splits"));
    coco_set(&place, "coco");
    let file = place.read("coco/annotations/instances_train2017.json");
    place.text("coco/annotations/instances_val2017.json", &file);
    assert_eq!(place.open("coco").unwrap().others().collect::<Vec<_>>(), ["instances_val2017"]);
    assert!(said(&place, "coco/annotations/instances_val2017.json").contains("to test with"));
}

#[test]
fn one_bad_file_is_told_and_the_rest_is_done() {
    let place = Place::new();
    for name in ["a", "b", "c"] {
        place.picture(&format!("set/{name}.jpg"), 32, 32);
    }
    // Half of a JPEG, and a text.
    let half = fs::read(place.path("set/b.jpg")).unwrap();
    fs::write(place.path("set/b.jpg"), &half[..half.len() / 8]).unwrap();
    place.text("set/straße.png", "no picture");
    let mix = "seed = 1\n[[image]]\nmosaic = {}\n";
    let report = place.run("set", "out", mix, &OutSettings::default(), 2).unwrap();
    assert_eq!((report.read, report.changed, report.skipped.len()), (2, 4, 2), "{report:?}");
    assert!(report.skipped[0].path.ends_with("b.jpg") && report.skipped[1].path.ends_with("straße.png"));
    assert!(!place.path("out/b.jpg").exists() && place.path("out/c.e1.jpg").exists());
    let strict = OutSettings { strict: true, ..OutSettings::default() };
    assert!(place.run("set", "strict", mix, &strict, 2).is_err());
    assert!(!place.path("strict").exists());
    for name in ["a", "c"] {
        place.text(&format!("set/{name}.jpg"), "");
    }
    let said = place.run("set", "none", mix, &OutSettings::default(), 2).unwrap_err().to_string();
    assert!(said.contains("none of its pictures can be used"), "{said}");
}

#[test]
fn boxes_that_cannot_be_are_counted() {
    let place = Place::new();
    place.picture("set/a.png", 10, 10);
    place.picture("set/b.png", 1, 1);
    let annotation = |id: u64, category: u64, bbox: Value| json!({ "id": id, "image_id": 1, "category_id": category, "bbox": bbox, "iscrowd": 0 });
    let mut annotations = vec![
        annotation(1, 1, json!([20, 20, 5, 5])),
        annotation(2, 1, json!([2, 2, 0, 5])),
        annotation(3, 8, json!([2, 2, 3, 3])),
        annotation(4, 1, json!([8, 8, 5, 5])),
        annotation(5, 1, json!([8, 8, -5, 5])),
        annotation(6, 1, json!([1, 2])),
        annotation(7, 1, json!([])),
        annotation(8, 1, json!([1, 1, 2, 2])),
    ];
    annotations[7]["segmentation"] = json!({ "size": [3, 3], "counts": "0" });
    annotations.push(json!({ "id": 9, "image_id": 2, "category_id": 1, "bbox": [0, 0, 1, 1] }));
    annotations.push(json!({ "id": 10, "image_id": 55, "category_id": 1, "bbox": [0, 0, 1, 1] }));
    let images = json!([
        { "id": 1, "file_name": "a.png", "width": 10, "height": 10 },
        { "id": 2, "file_name": "b.png" },
        { "id": 3, "file_name": "gone.png", "width": 10, "height": 10 }
    ]);
    let file = json!({ "images": images, "annotations": annotations, "categories": [{ "id": 1, "name": "x" }] });
    place.text("set/annotations.json", &file.to_string());
    let set = place.open("set").unwrap();
    assert_eq!(set.read(0).unwrap().labels.boxes[0].sides, [8.0, 8.0, 10.0, 10.0]);
    assert!(set.notes()[0].contains("1 annotations are of images"), "{:?}", set.notes());
    let report = place.run("set", "out", FLIP, &OutSettings::default(), 1).unwrap();
    assert_eq!((report.read, report.unfit, report.unfit_first.len()), (2, 7, 7), "{report:?}");
    for (i, part) in ["outside", "no area", "category 8", "side below 0", "2 numbers", "neither", "size [3.0, 3.0]"]
        .iter()
        .enumerate()
    {
        assert!(report.unfit_first[i].contains(part), "{part}: {}", report.unfit_first[i]);
    }
    assert!(report.skipped[0].path.ends_with("gone.png"));
    // A picture of one pixel is a picture.
    let made: Value = serde_json::from_str(&place.read("out/annotations.json")).unwrap();
    let last = made["annotations"].as_array().unwrap().last().unwrap();
    assert_eq!(last["bbox"], json!([0.0, 0.0, 1.0, 1.0]));
}

#[test]
fn boxes_that_are_lost_are_counted_and_empty_pictures_left_out_if_asked() {
    let place = Place::new();
    place.picture("set/images/a.png", 20, 20);
    place.text("set/labels/a.txt", "0 0.05 0.05 0.1 0.1\n");
    place.picture("set/images/b.png", 20, 20);
    place.text("set/labels/b.txt", "0 0.5 0.5 0.3 0.3\n");
    let crop = "[[image]]\ncenter_crop = { width = 10, height = 10 }\n";
    let report = place.run("set", "out", crop, &OutSettings::default(), 1).unwrap();
    assert_eq!(
        (report.boxes_before, report.boxes_after, report.boxes_lost, report.emptied, report.changed),
        (2, 1, 1, 1, 2)
    );
    assert_eq!(place.read("out/labels/a.e0.txt"), "");
    let dropped = OutSettings { drop_empty: true, ..OutSettings::default() };
    assert_eq!(place.run("set", "dropped", crop, &dropped, 1).unwrap().changed, 1);
    assert!(!place.path("dropped/images/a.e0.png").exists());
}

#[test]
fn pictures_of_other_sizes_than_their_labels_say_are_told() {
    let place = Place::new();
    coco_set(&place, "set");
    place.picture("set/train2017/b.png", 5, 3);
    let report = place.run("set", "out", FLIP, &OutSettings::default(), 1).unwrap();
    assert!(report.skipped[0].why.contains("is 5 x 3 pixels, but its labels are for 4 x 3"), "{:?}", report.skipped);
}

#[test]
fn the_folder_that_is_written_is_free_and_not_the_set() {
    let place = Place::new();
    place.picture("set/a.png", 2, 2);
    let run = |out: &str, settings: &OutSettings| place.run("set", out, FLIP, settings, 1);
    let usual = OutSettings::default();
    for out in ["set", "set/out", "."] {
        let said = run(out, &usual).unwrap_err().to_string();
        assert!(said.contains("choose a folder beside it"), "{out}: {said}");
    }
    place.text("out/other.txt", "x");
    assert!(run("out", &usual).unwrap_err().to_string().contains("not empty"));
    // What somebody else put there is not replaced, what an augmentation wrote is.
    let replace = OutSettings { replace: true, ..usual.clone() };
    assert!(run("out", &replace).unwrap_err().to_string().contains("remove them yourself"));
    assert!(place.path("out/other.txt").exists());
    fs::remove_file(place.path("out/other.txt")).unwrap();
    run("out", &usual).unwrap();
    place.text("out/stale.txt", "x");
    run("out", &replace).unwrap();
    assert!(!place.path("out/stale.txt").exists() && place.path("out/a.e0.png").exists());
    assert!(run("out/a.png", &usual).unwrap_err().to_string().contains("is a file"));
    let names: Vec<_> = fs::read_dir(place.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for (settings, key) in [
        (OutSettings { quality: 0, ..usual.clone() }, "quality"),
        (OutSettings { layout: Some(Layout::Coco), ..usual.clone() }, "layout"),
    ] {
        assert!(run("new", &settings).unwrap_err().to_string().contains(key));
    }
    assert!(place.run("set", "new", FLIP, &usual, 0).unwrap_err().to_string().contains("times"));
    assert!(!place.path("new").exists());
}

#[test]
fn names_that_are_the_same_in_other_folders_or_with_other_ends_stay_apart() {
    let place = Place::new();
    for name in ["x/a.png", "y/a.png", "y/a.jpg"] {
        place.picture(&format!("set/images/{name}"), 8, 8);
    }
    for name in ["x/a", "y/a"] {
        place.text(&format!("set/labels/{name}.txt"), "0 0.5 0.5 0.5 0.5\n");
    }
    place.text("set/classes.txt", "ünï\n");
    let report = place.run("set", "out", FLIP, &only_changed(), 1).unwrap();
    assert_eq!(report.changed, 3);
    let all = place.all("out");
    for name in
        ["images/x/a.e0.png", "images/y/a.e0.jpg", "images/y/a-2.e0.png", "labels/x/a.e0.txt", "labels/y/a-2.e0.txt"]
    {
        assert!(all.contains_key(name), "{name} is not in {:?}", all.keys());
    }
}
