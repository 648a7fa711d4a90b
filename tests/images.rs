//! Sets of images: what an evaluation says of honest ones, of copies, and of what cannot be compared.

use serde_json::Value;
use verisim_data::image::{Shape, Writer, png_bytes};
use verisim_data::rng::{below, stream};
use verisim_models::Weights;
use verisim_models::artefact::File;

use crate::image_models::tiny;
use crate::util::Dir;

const GREY: Shape = Shape { height: 12, width: 12, channels: 1 };

/// Images that are bright on the left and on the right in turn; how bright, how dark and the noise are random.
pub fn halves(count: usize, shape: Shape, seed: u64) -> Vec<u8> {
    let mut rng = stream(seed, "halves", 0);
    let mut pixels = Vec::new();
    for i in 0..count {
        let (bright, dark) = (120 + below(&mut rng, 100), 10 + below(&mut rng, 80));
        for p in 0..shape.height * shape.width {
            let left = p % shape.width < shape.width / 2;
            let level = if left == i.is_multiple_of(2) { bright } else { dark } + below(&mut rng, 16);
            let colours = [level, level / 2, 250 - level, 255 - level / 2].map(|c| c as u8);
            pixels.extend(&colours[..shape.channels]);
        }
    }
    pixels
}

/// Writes images of two classes in turn, or of none.
pub fn write(dir: &Dir, name: &str, shape: Shape, pixels: &[u8], classes: &[&str]) {
    let classes: Vec<String> = classes.iter().map(|&c| c.to_owned()).collect();
    let count = pixels.len() / shape.len();
    let labels: Vec<u32> = if classes.is_empty() { Vec::new() } else { (0..count as u32).map(|i| i % 2).collect() };
    let mut writer = Writer::create(&dir.path(name), shape, &classes, count, &[]).unwrap();
    writer.write(pixels, &labels).unwrap();
    writer.finish().unwrap();
}

/// 120 training and 120 hold-out images, in class folders or in none.
fn real(classes: &[&str]) -> Dir {
    let dir = Dir::new();
    write(&dir, "real", GREY, &halves(120, GREY, 1), classes);
    write(&dir, "held", GREY, &halves(120, GREY, 2), classes);
    dir
}

/// A network whose features are the brightness of sixteen squares.
fn squares(dir: &Dir) {
    let mut weights = Weights::default();
    weights.put_f32("conv0.weight", &[1, 1, 1, 1], vec![1.0]);
    weights.put_f32("conv0.bias", &[1], vec![1.0]);
    let identity = (0..256).map(|i| if i % 17 == 0 { 1.0 } else { 0.0 }).collect();
    weights.put_f32("features.weight", &[16, 16], identity);
    weights.put_f32("features.bias", &[16], vec![0.0; 16]);
    dir.file("squares.safetensors", weights.to_bytes(Default::default()).unwrap());
}

pub fn is_png(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG")
}

/// The difference of two numbers of a report.
fn gap(a: &Value, b: &Value) -> f64 {
    (a.as_f64().unwrap() - b.as_f64().unwrap()).abs()
}

#[test]
fn honest_images_score_as_real_ones_do() {
    let dir = real(&["left", "right"]);
    write(&dir, "made", GREY, &halves(120, GREY, 3), &["left", "right"]);
    let sets = ["evaluate", "--real", "real", "--synthetic", "made", "--holdout", "held"];
    let output = dir.run(&[&sets[..], &["--json", "-", "--html", "r.html", "--pairs", "pairs.png"]].concat()).ok();
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let scores = &report["scores"];
    assert_eq!(scores["images"], 120);
    assert!(scores["fid"]["floor"].is_f64());
    for share in ["precision", "coverage"] {
        assert!(gap(&scores["prdc"][share], &scores["prdc_floor"][share]) < 0.2, "{scores}");
    }
    let copying = &report["copying"];
    let closer = copying["closer"]["value"].as_f64().unwrap();
    assert!((0.3..0.7).contains(&closer) && copying["synthetic"]["copies"] == 0, "{copying}");
    assert_eq!(report["classes"], serde_json::json!(["left", "right"]));
    assert!(report["shares"].as_array().unwrap().iter().all(|s| gap(&s["real"], &s["synthetic"]) < 0.05));
    let extractor = &report["extractor"];
    assert!(extractor["name"].as_str().unwrap().contains("trained here") && extractor["accuracy"].as_f64() > Some(0.9));
    assert!(report["accuracy"]["synthetic"].as_f64() > Some(0.9), "{}", report["accuracy"]);
    // As many real images as there are: their classifier is the one whose features are compared.
    assert_eq!(report["accuracy"]["real"], extractor["accuracy"]);
    assert!(is_png(&dir.bytes("pairs.png")));
    let page = dir.text("r.html");
    assert_eq!(page.matches("data:image/png;base64").count(), 3);
    assert!(page.contains("Closest pairs") && page.contains("a row for each class") && dir.leftovers().is_empty());
}

#[test]
fn copies_of_the_training_images_are_found_out() {
    let dir = real(&[]);
    squares(&dir);
    write(&dir, "made", GREY, &halves(120, GREY, 1)[..60 * GREY.len()], &[]);
    dir.file("made/broken.png", "no image");
    let sets = ["evaluate", "--real", "real", "--synthetic", "made", "--holdout", "held"];
    let args = [&sets[..], &["--features", "squares.safetensors", "--json", "r.json", "--pairs", "p.png"]].concat();
    let output = dir.run(&args).ok();
    for words in ["repeats training images", "1 file could not be read", "many more than real images"] {
        // Whatever lines it is broken into.
        let text = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(words), "{}", output.stdout);
    }
    let report: Value = serde_json::from_str(&dir.text("r.json")).unwrap();
    let copying = &report["copying"];
    assert_eq!(report["counts"]["unreadable"], 1);
    assert_eq!(
        (&copying["synthetic"]["checked"], &copying["synthetic"]["copies"], &copying["holdout"]["copies"]),
        (&60.into(), &60.into(), &0.into())
    );
    assert!(copying["closer"]["value"].as_f64() > Some(0.99), "{copying}");
    // The first images of one set are those of the other.
    let closest = copying["closest"].as_array().unwrap();
    assert!(closest.len() == 16 && closest.iter().all(|c| c["synthetic"] == c["train"] && c["distance"] == 0.0));
    assert_eq!(
        (&report["extractor"]["name"], &report["extractor"]["dim"]),
        (&"squares.safetensors".into(), &16.into())
    );
    assert!(report["accuracy"].is_null() && report["shares"].is_null() && is_png(&dir.bytes("p.png")));
}

#[test]
fn images_of_another_shape_are_brought_to_that_of_the_real_ones() {
    let dir = Dir::new();
    let (colour, large) = (Shape { channels: 3, ..GREY }, Shape { height: 24, width: 24, channels: 1 });
    write(&dir, "real.npz", colour, &halves(20, colour, 1), &[]);
    write(&dir, "made", large, &halves(20, large, 2), &["left", "right"]);
    let args = ["evaluate", "--real", "real.npz", "--synthetic", "made", "--json", "r.json", "--pairs", "p.png"];
    let output = dir.run(&args).ok().says(&["20 images were brought to 12 x 12", "classes are not used"]);
    assert!(output.stdout.contains("no hold-out images"), "{}", output.stdout);
    let report: Value = serde_json::from_str(&dir.text("r.json")).unwrap();
    assert_eq!(report["shape"], serde_json::json!([12, 12, 3]));
    let copying = &report["copying"];
    for absent in [&copying["closer"], &report["accuracy"], &report["shares"], &report["scores"]["fid"]["floor"]] {
        assert!(absent.is_null(), "{report}");
    }
    // Copies are looked for all the same.
    assert_eq!((&copying["searched"], &copying["synthetic"]["copies"]), (&20.into(), &0.into()));
    assert!(is_png(&dir.bytes("p.png")));
}

/// Images of two sizes are learnt in grey, padded or cropped to a rectangle, and compared as they were learnt.
#[test]
fn images_are_compared_as_a_model_saw_them() {
    let dir = Dir::new();
    let (tall, wide) = (Shape { height: 16, width: 8, channels: 3 }, Shape { height: 8, width: 16, channels: 3 });
    for (name, seed) in [("real", 1), ("held", 2)] {
        write(&dir, "tall", tall, &halves(20, tall, seed), &[]);
        write(&dir, name, wide, &halves(20, wide, seed + 2), &[]);
        for file in std::fs::read_dir(dir.path("tall")).unwrap().map(|f| f.unwrap()) {
            let renamed = format!("tall-{}", file.file_name().to_string_lossy());
            std::fs::rename(file.path(), dir.path(name).join(renamed)).unwrap();
        }
        std::fs::remove_dir_all(dir.path("tall")).unwrap();
    }
    dir.file("job.toml", tiny("vae"));
    let sets = ["evaluate", "--real", "real", "--synthetic", "made", "--holdout", "held"];
    // The shape of what is compared, and how far apart the closest pair is.
    let compared = |more: &[&str]| {
        let output = dir.run(&[&sets[..], &["--json", "-"], more].concat()).ok();
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
        (report["shape"].clone(), report["copying"]["closest"][0]["distance"].as_f64().unwrap())
    };
    let [padded, cropped] = ["pad", "crop"].map(|fit| {
        let images = format!("data.images={{size=[8,12],channels=\"grey\",fit=\"{fit}\"}}");
        dir.run(&["train", "job.toml", "--out", fit, "--set", &images]).ok();
        if !dir.path("made").exists() {
            dir.run(&["sample", fit, "-n", "20", "-o", "made"]).ok();
            dir.run(&sets).fails(1).quick().says(&["real", "20 of 8 x 16", "20 of 16 x 8", "--size", "--model RUN"]);
        }
        compared(&["--model", fit])
    });
    assert_eq!((&padded.0, &cropped.0), (&serde_json::json!([8, 12, 1]), &serde_json::json!([8, 12, 1])));
    assert_eq!(compared(&["--size", "8x12"]).0, serde_json::json!([8, 12, 3]));
    // An artefact by itself, or beside another's config, knows how its size was reached.
    std::fs::create_dir(dir.path("alone")).unwrap();
    dir.file("alone/model.safetensors", dir.bytes("pad/model.safetensors"));
    dir.file("alone/config.toml", dir.bytes("crop/config.toml"));
    assert_eq!(compared(&["--model", "alone"]), padded);
    // One of format 2 does not.
    let mut old = File::read(&dir.path("alone/model.safetensors")).unwrap();
    let spec = old.header.remove("spec").unwrap();
    old.header.extend([("images".to_owned(), spec), ("format".to_owned(), 2.into())]);
    old.header.retain(|key, _| !["kind", "source"].contains(&key.as_str()));
    old.write(&dir.path("alone/model.safetensors")).unwrap();
    assert_eq!(compared(&["--model", "alone"]), cropped);
    let output = dir.run(&[&sets[..], &["--model", "alone/model.safetensors"]].concat()).ok();
    output.says(&["cropped"]);
    // The same rectangle of other pixels.
    assert_ne!(padded.1, cropped.1);
    let said = dir.run(&["inspect", "real", "--sheet", "sheet.png"]).ok().stdout;
    for words in ["40 images, 2 sizes, RGB", "size        8 x 16: 20", "size        16 x 8: 20", "data.images.size"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(is_png(&dir.bytes("sheet.png")));
    let json: Value = serde_json::from_str(&dir.run(&["inspect", "real", "--json"]).ok().stdout).unwrap();
    assert_eq!((&json["shape"], &json["channels"], &json["sizes"][0][2]), (&Value::Null, &3.into(), &20.into()));
    let large = Shape { height: 2, width: 5000, channels: 3 };
    std::fs::create_dir(dir.path("large")).unwrap();
    let strip = png_bytes(&vec![90; large.len()], large, &[]).unwrap();
    (0..6).for_each(|i| drop(dir.file(&format!("large/{i}.png"), &strip)));
    assert!(dir.run(&["inspect", "large"]).ok().stdout.contains("6 images, 2 x 5000 grey"));
    dir.run(&["evaluate", "--real", "large", "--synthetic", "made"]).fails(1).says(&["2 x 5000", "--size 64x64"]);
    assert!(dir.run(&["inspect", "real", "--size", "4x6"]).ok().stdout.contains("40 images, 4 x 6 RGB"));
}

#[test]
fn what_cannot_be_compared_is_said_at_once() {
    let dir = real(&["left", "right"]);
    write(&dir, "top", GREY, &halves(20, GREY, 3), &["left", "top"]);
    write(&dir, "few", GREY, &halves(3, GREY, 3), &["left", "right"]);
    std::fs::create_dir(dir.path("empty")).unwrap();
    let evaluate = |synthetic: &str, more: &[&str]| {
        dir.run(&[&["evaluate", "--real", "real", "--synthetic", synthetic][..], more].concat())
    };
    evaluate("top", &[]).fails(1).quick().says(&["top", "the class `top`", "left, right"]);
    evaluate("held", &["--holdout", "top"]).fails(1).quick().says(&["the class `top`"]);
    evaluate("few", &[]).fails(1).quick().says(&["few", "3 images", "at least 6"]);
    evaluate("held", &["--holdout", "empty"]).fails(1).quick().says(&["empty", "no images"]);
    evaluate("nowhere", &[]).fails(1).quick().says(&["nowhere"]);
    evaluate("held", &["--features", "nowhere.safetensors"]).fails(1).quick().says(&["nowhere.safetensors"]);
    for size in ["0", "12x", "12x0", "axb", "5000"] {
        evaluate("held", &["--size", size]).fails(2).quick().says(&["--size", "height x width (32x48)"]);
    }
    evaluate("held", &["--size", "8", "--model", "run"]).fails(2).quick().says(&["--size", "--model"]);
    evaluate("held", &["--model", "nowhere"]).fails(1).quick().says(&["nowhere"]);
}

#[test]
fn arguments_of_tables_and_of_images_are_kept_apart() {
    let dir = real(&[]);
    let images = ["evaluate", "--real", "real", "--synthetic", "held"];
    for (name, value) in [("--target", "income"), ("--delimiter", ";"), ("--missing", "NA")] {
        let output = dir.run(&[&images[..], &[name, value]].concat()).fails(1).quick();
        output.says(&[name, "is for tables", "real"]);
    }
    dir.file("t.csv", "a,b\n1,2\n3,4\n");
    let table = ["evaluate", "--real", "t.csv", "--synthetic", "t.csv"];
    for (name, value) in [("--features", "f.safetensors"), ("--pairs", "p.png"), ("--size", "8")] {
        dir.run(&[&table[..], &[name, value]].concat()).fails(1).quick().says(&[name, "is for images", "t.csv"]);
    }
    let mixed = dir.run(&["evaluate", "--real", "t.csv", "--synthetic", "held"]).fails(1).quick();
    mixed.says(&["held is a set of images", "t.csv"]);
    dir.run(&["evaluate", "--real", "real", "--synthetic", "t.csv"]).fails(1).quick().says(&["t.csv", "set of images"]);
}
