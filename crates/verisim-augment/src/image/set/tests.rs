//! Sets made by hand, read, changed and written.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use verisim_data::Quiet;

use super::*;
use crate::image::picture::{Picture, Samples};
use crate::pipeline::Pipeline;

mod bad;
mod whole;

const FLIP: &str = "[[image]]\nhorizontal_flip = {}\n";

/// A folder that goes away.
pub(super) struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn text(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// A picture of two slopes, no two pixels of a row alike.
    pub fn picture(&self, name: &str, w: usize, h: usize) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        let level = |i: usize| [(i % w * 9) as u8, (i / w * 11) as u8, (i * 5) as u8];
        let samples = Samples::Eight((0..w * h).flat_map(level).collect());
        Picture::new(w, h, 3, samples).unwrap().write(&self.path(name)).unwrap();
    }

    pub fn open(&self, name: &str) -> Result<ImageSet> {
        ImageSet::open(&self.path(name), &OpenSettings::default())
    }

    /// Changes the set at `set` and writes it to `out`.
    pub fn run(&self, set: &str, out: &str, pipeline: &str, settings: &OutSettings, times: u64) -> Result<Report> {
        let pipeline = Pipeline::from_toml(pipeline).unwrap();
        let set = self.open(set)?;
        augment_images(&pipeline, &set, &self.path(out), settings, Job { times, shard: (0, 1) }, &mut Quiet)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// All files below a folder and what is in them.
    pub fn all(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let names = files::walk(&self.path(name), &|_| true).unwrap();
        names.into_iter().map(|n| (files::slashed(&n), fs::read(self.path(name).join(&n)).unwrap())).collect()
    }
}

fn only_changed() -> OutSettings {
    OutSettings { originals: false, ..OutSettings::default() }
}

/// Two pictures: a box with a polygon and key points, and one with a crowd of pixels; ids that do not count from 1.
pub(super) fn coco_set(place: &Place, root: &str) {
    place.picture(&format!("{root}/train2017/straße/a.png"), 10, 6);
    place.picture(&format!("{root}/train2017/b.png"), 4, 3);
    let file = json!({
        "info": { "year": 2026 },
        "categories": [
            { "id": 7, "name": "person", "supercategory": "animal", "keypoints": ["nose", "left_eye", "right_eye"], "skeleton": [[1, 2]] },
            { "id": 90, "name": "hair drier", "supercategory": "indoor" }
        ],
        "images": [
            { "id": 100, "file_name": "straße/a.png", "width": 10, "height": 6, "license": 3 },
            { "id": 12, "file_name": "b.png", "width": 4, "height": 3 }
        ],
        "annotations": [
            { "id": 5, "image_id": 12, "category_id": 90, "iscrowd": 1, "bbox": [1, 0, 2, 2], "area": 3,
              "segmentation": { "size": [3, 4], "counts": [3, 2, 1, 1, 5] } },
            { "id": 9, "image_id": 100, "category_id": 7, "iscrowd": 0, "bbox": [1, 2, 3.5, 2], "area": 7, "attributes": { "wet": true },
              "segmentation": [[1, 2, 4.5, 2, 4.5, 4, 1, 4]],
              "keypoints": [2, 3, 2, 3, 2.5, 1, 0, 0, 0], "num_keypoints": 2 }
        ]
    });
    place.text(&format!("{root}/annotations/instances_train2017.json"), &file.to_string());
}

#[test]
fn a_flipped_coco_set_is_as_worked_out_by_hand() {
    let place = Place::new();
    coco_set(&place, "set");
    let set = place.open("set").unwrap();
    assert_eq!((set.layout(), set.len(), set.split()), (Layout::Coco, 2, Some("instances_train2017")));
    assert!(set.why().contains("annotations/instances_train2017.json"), "{}", set.why());
    let report = place.run("set", "out", FLIP, &only_changed(), 1).unwrap();
    assert_eq!((report.read, report.changed, report.boxes_before, report.boxes_after), (2, 2, 2, 2));
    let made: Value = serde_json::from_str(&place.read("out/annotations/instances_train2017.json")).unwrap();
    assert_eq!(made["info"], json!({ "year": 2026 }));
    assert_eq!(made["categories"][0]["skeleton"], json!([[1, 2]]));
    let image = &made["images"][0];
    assert_eq!(image["file_name"], "straße/a.e0.png");
    assert_eq!((&image["width"], &image["license"], &image["augmented_from"]), (&json!(10), &json!(3), &json!(100)));
    let person = &made["annotations"][0];
    assert_eq!(person["image_id"], image["id"]);
    assert_eq!((&person["category_id"], &person["attributes"]), (&json!(7), &json!({ "wet": true })));
    // From 1 to 4.5 of 10 is from 5.5 to 9.
    assert_eq!((&person["bbox"], &person["area"]), (&json!([5.5, 2.0, 3.5, 2.0]), &json!(7.0)));
    assert_eq!(person["segmentation"], json!([[9.0, 2.0, 5.5, 2.0, 5.5, 4.0, 9.0, 4.0]]));
    // The right eye, which nobody saw, is where the left one is named; the left is where the right one is.
    assert_eq!(person["keypoints"], json!([8.0, 3.0, 2.0, 0.0, 0.0, 0.0, 7.0, 2.5, 1.0]));
    assert_eq!(person["num_keypoints"], 2);
    let crowd = &made["annotations"][1];
    // Columns from the left were out 3, in 2 out 1, in 1 out 2, out 3; they are now the other way round.
    let runs = rle::from_text(crowd["segmentation"]["counts"].as_str().unwrap()).unwrap();
    assert_eq!((runs, &crowd["iscrowd"]), (vec![3, 1, 2, 2, 4], &json!(1)));
    assert_eq!((&crowd["bbox"], &crowd["area"]), (&json!([1.0, 0.0, 2.0, 2.0]), &json!(3.0)));
    let flipped = Picture::read(&place.path("out/train2017/b.e0.png")).unwrap();
    let before = Picture::read(&place.path("set/train2017/b.png")).unwrap();
    assert_eq!(flipped.at(0, 1, 2), before.at(3, 1, 2));
    // Another reader finds it in order.
    let theirs = hotcoco::COCO::new(&place.path("out/annotations/instances_train2017.json")).unwrap();
    assert!(theirs.load_warnings().is_empty(), "{:?}", theirs.load_warnings());
    // It is a set again, and flipped once more it is the first.
    place.run("out", "again", FLIP, &only_changed(), 1).unwrap();
    let again: Value = serde_json::from_str(&place.read("again/annotations/instances_train2017.json")).unwrap();
    assert_eq!(again["annotations"][0]["segmentation"], json!([[1.0, 2.0, 4.5, 2.0, 4.5, 4.0, 1.0, 4.0]]));
    assert_eq!(again["annotations"][0]["keypoints"], json!([2.0, 3.0, 2.0, 3.0, 2.5, 1.0, 0.0, 0.0, 0.0]));
    assert_eq!(again["images"][0]["file_name"], "straße/a.e0.ee0.png");
}

#[test]
fn a_flipped_voc_set_keeps_its_fields() {
    let place = Place::new();
    place.picture("set/JPEGImages/köln 1.png", 10, 6);
    place.picture("set/JPEGImages/empty.png", 5, 5);
    place.text(
        "set/Annotations/köln 1.xml",
        "<annotation><folder>JPEGImages</folder><filename>köln 1.png</filename><size><width>10</width><height>6</height>\
         <depth>3</depth></size><segmented>0</segmented><object><name>dog</name><pose>Left</pose><truncated>1</truncated>\
         <difficult>1</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>6</ymax></bndbox></object></annotation>",
    );
    let report = place.run("set", "out", FLIP, &OutSettings::default(), 2).unwrap();
    assert_eq!((report.originals, report.changed), (2, 4));
    assert!(report.notes[0].contains("1 pictures have no XML"), "{:?}", report.notes);
    let text = place.read("out/Annotations/köln 1.e1.xml");
    let root = xml::Element::read(&text).unwrap();
    assert_eq!(root.of("filename"), Some("köln 1.e1.png"));
    let object = root.child("object").unwrap();
    // Pixels 1 to 4 of 10 are 7 to 10 from the other side.
    let of = |k| object.child("bndbox").unwrap().number(k).unwrap();
    assert_eq!([of("xmin"), of("ymin"), of("xmax"), of("ymax")], [7.0, 2.0, 10.0, 6.0]);
    assert_eq!(
        (object.of("pose"), object.of("truncated"), object.of("difficult")),
        (Some("Left"), Some("1"), Some("1"))
    );
    assert_eq!(place.read("out/Annotations/köln 1.xml"), place.read("set/Annotations/köln 1.xml"));
    assert!(!place.path("out/Annotations/empty.xml").exists() && place.path("out/Annotations/empty.e0.xml").exists());
}

#[test]
fn voc_lists_say_which_pictures_are_to_train_with() {
    let place = Place::new();
    for name in ["a", "b", "c"] {
        place.picture(&format!("set/JPEGImages/{name}.png"), 4, 4);
        place.text(
            &format!("set/Annotations/{name}.xml"),
            "<annotation><object><name>x</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox>\
             </object></annotation>",
        );
    }
    place.text("set/ImageSets/Main/train.txt", "a\nc\n");
    place.text("set/ImageSets/Main/trainval.txt", "a\nb\nc\n");
    place.text("set/ImageSets/Main/val.txt", "b\n");
    place.text("set/ImageSets/Main/x_train.txt", "a 1\nc -1\n");
    let set = place.open("set").unwrap();
    assert_eq!((set.len(), set.split(), set.others().collect::<Vec<_>>()), (2, Some("train"), vec!["trainval", "val"]));
    place.run("set", "out", FLIP, &OutSettings::default(), 1).unwrap();
    assert_eq!(place.read("out/ImageSets/Main/train.txt"), "a\na.e0\nc\nc.e0\n");
    let held = OpenSettings { split: Some("val".into()), ..OpenSettings::default() };
    assert_eq!(ImageSet::open(&place.path("set"), &held).unwrap().entries()[0].name, Path::new("b.png"));
}

#[test]
fn yolo_trees_are_flipped_in_their_train_split() {
    let place = Place::new();
    for split in ["train", "val"] {
        place.picture(&format!("set/images/{split}/a.b.png"), 20, 10);
        place.text(&format!("set/labels/{split}/a.b.txt"), "1 0.25 0.5 0.1 0.2\n0 0.9 0.9 0.2 0.2\n");
    }
    place.picture("set/images/train/none.png", 20, 10);
    place.text("set/labels/train/lost.txt", "0 0.5 0.5 0.1 0.1\n");
    place.text(
        "set/data.yaml",
        "path: ../datasets/none\ntrain: images/train\nval: images/val\nnc: 2\nnames: [cat, 'yes']\n",
    );
    let set = place.open("set").unwrap();
    assert_eq!(
        (set.layout(), set.split(), set.classes()),
        (Layout::Yolo, Some("train"), &["cat".into(), "yes".into()][..])
    );
    assert_eq!(set.notes().len(), 3, "{:?}", set.notes());
    place.run("set", "out", FLIP, &only_changed(), 1).unwrap();
    assert_eq!(place.read("out/labels/train/a.b.e0.txt"), "1 0.75 0.5 0.1 0.2\n0 0.1 0.9 0.2 0.2\n");
    assert_eq!(place.read("out/labels/train/none.e0.txt"), "");
    let yaml = place.read("out/data.yaml");
    assert!(
        yaml.contains("train: \"images/train\"\n# left where it was: val:") && yaml.contains("1: \"yes\""),
        "{yaml}"
    );
    assert!(!place.path("out/images/val").exists());
    let copied = OutSettings { others: true, ..OutSettings::default() };
    place.run("set", "copied", FLIP, &copied, 1).unwrap();
    assert!(place.path("copied/labels/val/a.b.txt").exists() && place.path("copied/images/val/a.b.png").exists());
    // What was written is a set again.
    let again = place.open("copied").unwrap();
    assert_eq!((again.len(), again.split(), again.classes()), (4, Some("train"), set.classes()));
    // A box at the edge by a rounding error is not outside.
    assert_eq!(again.read(0).unwrap().labels.boxes.len(), 2);
}

#[test]
fn yolo_polygons_key_points_and_turned_boxes_move_along() {
    let place = Place::new();
    for (set, line, expected, extra) in [
        ("polygons", "0 0.1 0.2 0.5 0.2 0.3 0.8", "0 0.9 0.2 0.5 0.2 0.7 0.8\n", ""),
        ("turned", "0 0.1 0.2 0.5 0.2 0.5 0.8 0.1 0.8", "0 0.9 0.2 0.5 0.2 0.5 0.8 0.9 0.8\n", ""),
        (
            "points",
            "0 0.3 0.5 0.4 0.6 0.1 0.2 2 0.4 0.3 1",
            "0 0.7 0.5 0.4 0.6 0.6 0.3 1 0.9 0.2 2\n",
            "kpt_shape: [2, 3]\nflip_idx: [1, 0]\n",
        ),
    ] {
        place.picture(&format!("{set}/images/a.png"), 20, 10);
        place.text(&format!("{set}/labels/a.txt"), line);
        place.text(&format!("{set}/data.yaml"), &format!("train: images\nval: images\n{extra}names: {{0: a}}\n"));
        place.run(set, &format!("{set} out"), FLIP, &only_changed(), 1).unwrap();
        assert_eq!(place.read(&format!("{set} out/labels/a.e0.txt")), expected, "{set}");
    }
    assert!(place.read("points out/data.yaml").contains("kpt_shape: [2, 3]\nflip_idx: [1,0]"));
}

#[test]
fn masks_keep_their_numbers_and_their_palette() {
    let place = Place::new();
    place.picture("set/images/deep/a.png", 4, 2);
    fs::create_dir_all(place.path("set/masks/deep")).unwrap();
    let form = {
        // A palette of sixteen colours in four bits.
        let palette: Vec<u8> = (0..48).map(|i| i * 5).collect();
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 4, 2);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Four);
        encoder.set_palette(palette);
        encoder.write_header().unwrap().write_image_data(&[0x12, 0x3f, 0x00, 0x45]).unwrap();
        fs::write(place.path("set/masks/deep/a.png"), &file).unwrap();
        ids::read_masks(&place.path("set/masks/deep/a.png")).unwrap().1
    };
    let report = place.run("set", "out", FLIP, &OutSettings::default(), 1).unwrap();
    assert_eq!(report.changed, 1);
    let (masks, found) = ids::read_masks(&place.path("out/masks/deep/a.e0.png")).unwrap();
    assert_eq!(masks[0].samples(), &Samples::Eight(vec![15, 3, 2, 1, 5, 4, 0, 0]));
    assert_eq!(found, form);
}

#[test]
fn folders_are_classes_and_shares_of_mixed_ones_are_told() {
    let place = Place::new();
    place.picture("set/train/cats/a.png", 6, 6);
    place.picture("set/train/big, dogs/a.png", 6, 6);
    place.picture("set/test/cats/t.png", 6, 6);
    let set = place.open("set").unwrap();
    assert_eq!((set.layout(), set.split()), (Layout::Folder, Some("train")));
    assert_eq!(set.classes(), ["big, dogs", "cats"]);
    assert_eq!(set.notes(), ["left alone: `test`"]);
    place.run("set", "out", "[[image]]\nmixup = { alpha = 1 }\n", &OutSettings::default(), 3).unwrap();
    assert!(place.path("out/train/big, dogs/a.e2.png").exists() && !place.path("out/test").exists());
    let shares = place.read("out/shares.csv");
    assert!(shares.starts_with("file,class,share\n") && shares.contains(",\"big, dogs\",0."), "{shares}");
}

#[test]
fn sets_of_boxes_are_written_as_one_another() {
    let place = Place::new();
    coco_set(&place, "set");
    let set = place.open("set").unwrap();
    let boxes = |set: &ImageSet| -> Vec<(PathBuf, String, [f64; 4])> {
        let mut all: Vec<_> = (0..set.len())
            .flat_map(|i| {
                let item = set.read(i).unwrap();
                let name = set.entries()[i].name.clone();
                item.labels.boxes.into_iter().map(move |b| (name.clone(), b.class, b.sides))
            })
            .map(|(name, class, sides)| (name, set.class_name(class), sides.map(|s| found::short(s, 3))))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    let nothing = "seed = 1\n";
    for layout in [Layout::Yolo, Layout::Voc, Layout::Coco] {
        let name = layout.name();
        let settings = OutSettings { layout: Some(layout), task: Some(Task::Detect), ..OutSettings::default() };
        place.run("set", name, nothing, &settings, 1).unwrap();
        let made = place.open(name).unwrap();
        assert_eq!((made.layout(), made.len()), (layout, 4), "{name}");
        let found = boxes(&made);
        let expected: Vec<_> = boxes(&set)
            .into_iter()
            // YOLO has no crowds, VOC no halves of pixels.
            .filter(|b| layout != Layout::Yolo || b.1 == "person")
            .map(|(n, c, s)| (n, c, if layout == Layout::Voc { s.map(f64::round) } else { s }))
            .collect();
        assert_eq!(
            found.iter().filter(|b| !b.0.to_str().unwrap().contains(".e0.")).cloned().collect::<Vec<_>>(),
            expected
        );
        assert_eq!(found.len(), 2 * expected.len());
        // And back again.
        let settings = OutSettings { layout: Some(Layout::Coco), ..only_changed() };
        let back = format!("{name} back");
        place.run(name, &back, nothing, &settings, 1).unwrap();
        assert_eq!(boxes(&place.open(&back).unwrap()).len(), found.len());
        let theirs = hotcoco::COCO::new(
            &files::walk(&place.path(&back), &|p| files::extension(p) == "json")
                .map(|l| place.path(&back).join(&l[0]))
                .unwrap(),
        )
        .unwrap();
        assert!(theirs.load_warnings().is_empty());
    }
    let polygons = OutSettings { layout: Some(Layout::Yolo), ..only_changed() };
    place.run("set", "polygons", nothing, &polygons, 1).unwrap();
    let line = place.read("polygons/labels/straße/a.e0.txt");
    assert_eq!(line, "0 0.1 0.333333 0.45 0.333333 0.45 0.666667 0.1 0.666667\n");
}

#[test]
fn a_stored_turn_is_applied_once() {
    use image::ImageEncoder as _;
    let place = Place::new();
    fs::create_dir_all(place.path("set/a")).unwrap();
    // Orientation 6, to be turned clockwise, in the smallest Exif block.
    let exif = [b"II*\0\x08\0\0\0\x01\0".as_slice(), &[0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]].concat();
    let mut file = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut file);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.write_image(&[10, 20, 30, 40, 50, 60], 3, 2, image::ExtendedColorType::L8).unwrap();
    fs::write(place.path("set/a/a.png"), file).unwrap();
    place.run("set", "out", "seed = 1\n", &OutSettings::default(), 1).unwrap();
    let upright = Picture::read(&place.path("set/a/a.png")).unwrap();
    assert_eq!((upright.width(), upright.height(), upright.at(0, 0, 0)), (2, 3, 40.0));
    assert_eq!(Picture::read(&place.path("out/a/a.e0.png")).unwrap(), upright);
    // Labels for the stored sides are not those of the upright picture.
    assert_eq!(files::read(&place.path("set/a/a.png"), Some((3, 2))).unwrap().at(0, 0, 0), 10.0);
}

#[test]
fn a_sheet_shows_pictures_side_by_side() {
    let place = Place::new();
    coco_set(&place, "set");
    let set = place.open("set").unwrap();
    let rows = vec![vec![set.read(0).unwrap(), set.read(1).unwrap()], vec![set.read(1).unwrap()]];
    let shown = sheet(&rows, 40).unwrap();
    assert_eq!((shown.width(), shown.height(), shown.channels()), (98, 98, 3));
    // The box begins at 1 of 10 and 2 of 6: 4 and 8 of 40 and 24, beside the gap and below what is free above.
    let at = |x: usize, y: usize| [0, 1, 2].map(|c| shown.at(x, y, c));
    assert_eq!(at(6 + 4, 6 + 8 + 8), [230.0, 159.0, 0.0]);
    assert_eq!(at(0, 0), [255.0; 3]);
    assert!(sheet(&[], 40).is_err() && sheet(&rows, 4).is_err());
}
