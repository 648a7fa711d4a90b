//! Models of images: from a set of images to an artefact, to images; the same again; and on from where it stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
#[cfg(unix)]
use std::time::Instant;

use serde_json::{Value, json};
use verisim_data::image::{Images, ReadSettings, Shape};
use verisim_models::image::Model;
use verisim_models::{Models as _, Training};
use verisim_train::{Config, Job};

use crate::images::{halves, is_png, write};
#[cfg(unix)]
use crate::pipeline::{Cut, cut_short, resumes_in};
use crate::util::{Dir, Output, configs};

pub const MODELS: [&str; 3] = ["flow", "gan", "vae"];
pub const CLASSES: [&str; 2] = ["left", "right"];
pub const GREY: Shape = Shape { height: 8, width: 8, channels: 1 };

/// Every setting of an augmentation.
const AUGMENT: &str = "{ flip = true, shift = 0.2, crop = 0.3, rotate = 20, brightness = 0.2, contrast = 0.2, \
                       saturation = 0.3, noise = 0.05, cutout = 0.3 }";

/// A small config of each model, for the images `real`: an epoch is six steps of 16 of the 96 images.
pub fn tiny(model: &str) -> String {
    let own = if model == "flow" { "steps = 10\nguidance = 1.0" } else { "latent = 4" };
    format!(
        "seed = 1\n\n[data]\npath = \"real\"\n\n[model.{model}]\nchannels = [8, 16]\nblocks = 1\ncondition = 16\n{own}\n\n\
         [train]\nepochs = 2\nwarmup = 0\nema = 0.9\n"
    )
}

/// A folder with 96 images `real` and the small config `job.toml`.
pub fn ready(model: &str, shape: Shape, classes: &[&str]) -> Dir {
    let dir = Dir::new();
    write(&dir, "real", shape, &halves(96, shape, 1), classes);
    dir.file("job.toml", tiny(model));
    dir
}

/// Trains `job.toml` into `run`.
pub fn train(dir: &Dir, sets: &[&str]) -> Output {
    let sets = sets.iter().flat_map(|&set| ["--set", set]);
    dir.run(&["train", "job.toml", "--out", "run"].into_iter().chain(sets).collect::<Vec<_>>())
}

/// A folder in which the small config was trained into `run`, once for all tests.
pub fn trained(model: &str) -> &'static Dir {
    static DIRS: [OnceLock<Dir>; 3] = [const { OnceLock::new() }; 3];
    let place = MODELS.iter().position(|&m| m == model).unwrap();
    DIRS[place].get_or_init(|| {
        let dir = ready(model, GREY, &CLASSES);
        train(&dir, &[]).ok();
        dir
    })
}

/// Samples the trained model in `dir`.
pub fn sample(dir: &Dir, model: &str, args: &[&str]) -> Output {
    let run = trained(model).path("run").display().to_string();
    dir.run(&[&["sample", &run][..], args].concat())
}

/// The files in a folder and in the folders in it, by their names.
fn files(dir: &Dir, folder: &str) -> BTreeMap<String, Vec<u8>> {
    fn add(path: &Path, name: &str, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let inner = format!("{name}{}", entry.file_name().to_string_lossy());
            match entry.path().is_dir() {
                true => add(&entry.path(), &format!("{inner}/"), files),
                false => drop(files.insert(inner, std::fs::read(entry.path()).unwrap())),
            }
        }
    }
    let mut all = BTreeMap::new();
    add(&dir.path(folder), "", &mut all);
    all
}

/// The PNGs among [`files`].
fn pngs(dir: &Dir, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let mut all = files(dir, folder);
    all.retain(|name, _| name.ends_with(".png"));
    assert!(all.values().all(|bytes| is_png(bytes)), "{folder}");
    all
}

/// Four bytes, the highest first.
fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// The shape in the header of a PNG.
fn shape_of(png: &[u8]) -> Shape {
    assert!(is_png(png));
    let channels = match png[25] {
        0 => 1,
        2 => 3,
        6 => 4,
        other => panic!("colour type {other}"),
    };
    Shape { height: number(png, 20), width: number(png, 16), channels }
}

/// The text chunks of a PNG: what is said by keyword.
fn texts(png: &[u8]) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    let mut at = 8;
    while at < png.len() {
        let data = &png[at + 8..][..number(png, at)];
        if &png[at + 4..at + 8] == b"tEXt" {
            let (keyword, text) = std::str::from_utf8(data).unwrap().split_once('\0').unwrap();
            texts.insert(keyword.to_owned(), text.to_owned());
        }
        at += data.len() + 12;
    }
    texts
}

/// The image says that it is synthetic, and which model made it.
#[track_caller]
fn is_labelled(png: &[u8], model: &str) {
    let texts = texts(png);
    assert_eq!(texts["Source"], "synthetic");
    assert!(texts["Software"].starts_with("verisim "), "{texts:?}");
    let comment = &texts["Comment"];
    assert!(comment.contains("Synthetic image") && comment.contains(&format!("{model} model")), "{comment}");
}

/// The pixels of a set, image after image, in an order that does not depend on the format.
fn pixels(path: &Path) -> Vec<Vec<u8>> {
    let (images, _) = Images::read(path, &ReadSettings::default()).unwrap();
    let mut all = Vec::new();
    images.gather(&(0..images.len()).collect::<Vec<_>>(), &mut all).unwrap();
    let mut all: Vec<Vec<u8>> = all.chunks(images.shape().len()).map(<[u8]>::to_vec).collect();
    all.sort();
    all
}

/// The lines of `metrics.jsonl` of a run.
fn log(dir: &Dir) -> Vec<Value> {
    dir.text("run/metrics.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn inspected(dir: &Dir, path: &str) -> Value {
    serde_json::from_str(&dir.run(&["inspect", path, "--json"]).ok().stdout).unwrap()
}

/// The job of a config of images.
fn read(file: &Path) -> Job<Images> {
    Config::read(file, &[]).and_then(|config| config.job()).unwrap_or_else(|e| panic!("{e}"))
}

/// The configs of images that come with the program, and their names.
fn image_configs() -> Vec<(PathBuf, String)> {
    let files = std::fs::read_dir(configs()).unwrap().map(|f| f.unwrap().path());
    let named = files.map(|f| (f.clone(), f.file_stem().unwrap().to_string_lossy().into_owned()));
    let of_images = |file: &Path| {
        let model = Config::read(file, &[]).and_then(|config| config.model()).unwrap_or_else(|e| panic!("{e}"));
        Model::NAMES.contains(&model.as_str())
    };
    let mut all: Vec<_> = named.filter(|(f, _)| f.extension().is_some_and(|e| e == "toml") && of_images(f)).collect();
    all.sort();
    for model in MODELS {
        assert!(all.iter().any(|(_, name)| name == model), "there is no configs/{model}.toml");
    }
    all
}

/// Three steps of each, a new one as soon as it lies in the folder. Those for a GPU get a smaller network.
#[test]
fn every_config_of_images_trains_and_samples() {
    let shape = Shape { height: 16, width: 16, channels: 1 };
    for (file, name) in image_configs() {
        let dir = Dir::new();
        write(&dir, "real", shape, &halves(48, shape, 1), &CLASSES);
        let (model, file) = (read(&file).model.name(), file.display().to_string());
        let channels = format!("model.{model}.channels=[8, 16]");
        let mut sets = vec!["data.path=real", "data.images.size=16", "train.epochs=1", "train.min_steps=0"];
        if name.ends_with("-gpu") {
            sets.push(&channels);
        }
        let sets = sets.into_iter().flat_map(|set| ["--set", set]);
        dir.run(&["train", &file, "--out", "run"].into_iter().chain(sets).collect::<Vec<_>>()).ok();
        dir.run(&["sample", "run", "-n", "5", "-o", "made"]).ok();
        let made = pngs(&dir, "made");
        assert_eq!(made.len(), 5, "{name}");
        assert!(made.values().all(|png| shape_of(png) == shape), "{name}");
    }
}

/// What a config shows as a default, in a line that is commented out, is the default.
#[test]
fn configs_of_images_show_the_defaults() {
    for (file, name) in image_configs() {
        let text = std::fs::read_to_string(&file).unwrap();
        let is_key = |c: char| c.is_ascii_lowercase() || c == '_';
        // These have no one default.
        let free = |line: &str| ["out", "images", "budget", "diffaugment"].iter().any(|key| line.starts_with(key));
        let uncommented = |line: &str| match line.strip_prefix("# ").filter(|line| !free(line)) {
            Some(set) if set.split_once(" = ").is_some_and(|(key, _)| key.chars().all(is_key)) => set.to_owned(),
            Some(section) if section.starts_with("[augment]") => section.to_owned(),
            _ => line.to_owned(),
        };
        let shown: Vec<String> = text.lines().map(uncommented).collect();
        let job = read(&file);
        let shown: Job<Images> = Config::new(shown.join("\n"), &file, &[]).unwrap().job().unwrap();
        assert_eq!(shown.augment.is_some(), !name.ends_with("-gpu"), "{name}");
        assert!(shown.augment.as_ref().is_none_or(|augment| augment.is_none()), "{name}");
        assert_eq!(shown.model, job.model, "{name}");
        // Pictures come as often as they can be afforded, unless the config says how often.
        let training = |job: &Job<Images>| job.training().map(|t| Training { preview_every: None, ..t });
        assert_eq!(training(&shown), training(&job), "{name}");
    }
}

#[test]
fn a_training_leaves_a_model_a_log_and_pictures() {
    for model in MODELS {
        let dir = trained(model);
        let left = files(dir, "run");
        let names: Vec<&str> = left.keys().map(String::as_str).collect();
        assert_eq!(names, ["config.toml", "metrics.jsonl", "model.safetensors", "samples/step-000012.png"], "{model}");
        assert!(dir.leftovers().is_empty());
        // A row of ten for each class, every pixel 7 x 7 and two pixels between images.
        let picture = &left["samples/step-000012.png"];
        assert_eq!(shape_of(picture), Shape { height: 2 * 56 + 2, width: 10 * 56 + 9 * 2, channels: 1 });
        let said = &texts(picture)["Comment"];
        assert!(said.contains("Synthetic") && said.contains(model), "{said}");
        let log = log(dir);
        assert!(log.last().unwrap()["step"] == 12 && log[0]["learning_rate"].as_f64() > Some(0.0), "{log:?}");
        let filled = read(&dir.path("run/config.toml"));
        assert_eq!((filled.model.name(), filled.training().unwrap().epochs), (model, 2));
        for path in ["run", "run/model.safetensors"] {
            let header = inspected(dir, path);
            assert!(header["model"][model].is_object(), "{header}");
            assert_eq!(header["spec"]["shape"], json!({ "height": 8, "width": 8, "channels": 1 }));
            assert_eq!(header["spec"]["classes"], json!(CLASSES));
            assert_eq!((&header["provenance"]["rows"], &header["provenance"]["data"]), (&json!(96), &json!("real")));
            let text = dir.run(&["inspect", path]).ok().stdout;
            for word in [model, "96 images", "8 x 8 grey", "left: 50.00 %", "right: 50.00 %"] {
                assert!(text.contains(word), "no {word} in\n{text}");
            }
        }
    }
}

#[test]
fn images_come_in_class_folders_and_say_that_they_are_synthetic() {
    for model in MODELS {
        let dir = Dir::new();
        sample(&dir, model, &["-n", "7", "-o", "out/"]).ok().says(&["wrote 7 images"]);
        let made = pngs(&dir, "out");
        assert_eq!(made.len(), 7, "{model}");
        let table = dir.text("out/labels.csv");
        assert_eq!(table.lines().next(), Some("file,class"));
        for (i, line) in table.lines().skip(1).enumerate() {
            let (file, class) = line.split_once(',').unwrap();
            assert!(CLASSES.contains(&class) && file == format!("{class}/{i:06}.png"), "{line}");
            assert_eq!(shape_of(&made[file]), GREY);
            is_labelled(&made[file], model);
        }
        assert_eq!(table.lines().count(), 8);
        assert_eq!(pixels(&dir.path("out")).len(), 7);
        // What is there is not overwritten.
        sample(&dir, model, &["-n", "7", "-o", "out"]).fails(1).quick().says(&["out", "not empty"]);
        sample(&dir, model, &["-n", "0", "-o", "none"]).ok();
        assert_eq!(dir.text("none/labels.csv"), "file,class\n");
        assert!(dir.leftovers().is_empty());
    }
}

#[test]
fn a_grid_is_one_picture_with_a_row_for_each_class() {
    for model in MODELS {
        let dir = Dir::new();
        let grid = |args: &[&str], height: usize, images: usize| {
            sample(&dir, model, &[&["--grid", "g.png"][..], args].concat()).ok();
            let png = dir.bytes("g.png");
            // Every pixel is 8 x 8, and there are two pixels between images.
            let side = |n: usize| n * 64 + (n - 1) * 2;
            assert_eq!(shape_of(&png), Shape { height: side(height), width: side(images), channels: 1 }, "{model}");
            is_labelled(&png, model);
            png
        };
        let both = grid(&[], 2, 10);
        assert!(both == grid(&["-n", "3"], 2, 10), "{model}: the number of images changes the grid");
        assert!(both != grid(&["--seed", "1"], 2, 10), "{model}: another seed gave the same grid");
        grid(&["--where", "class=right"], 1, 10);
        grid(&["--interpolate", "0", "3", "-n", "5"], 1, 5);
        // Images and their grid in one go.
        sample(&dir, model, &["-n", "2", "-o", "out", "--grid", "both.png"]).ok();
        assert!(pngs(&dir, "out").len() == 2 && dir.bytes("both.png") == both);
    }
}

#[test]
fn a_class_can_be_asked_for() {
    for model in MODELS {
        let dir = Dir::new();
        let classes = |name: &str, args: &[&str]| -> Vec<usize> {
            sample(&dir, model, &[&["-n", "10", "-o", name][..], args].concat()).ok();
            let made = pngs(&dir, name);
            CLASSES.map(|c| made.keys().filter(|k| k.starts_with(c)).count()).to_vec()
        };
        assert_eq!(classes("right", &["--where", "class=right"]), [0, 10], "{model}");
        assert_eq!(classes("left", &["--where", "class!=right"]), [10, 0]);
        assert_eq!(classes("balanced", &["--balance", "class"]), [5, 5]);
        assert_eq!(classes("both", &["--balance", "class", "--where", "class=left"]), [10, 0]);
        let refused = |args: &[&str], words: &[&str]| {
            sample(&dir, model, &[&["-n", "10", "-o", "no"][..], args].concat()).fails(1).quick().says(words);
            assert!(!dir.path("no").exists() && dir.leftovers().is_empty(), "{args:?} left a file");
        };
        refused(&["--where", "class=top"], &["class=top", "known here: left, right"]);
        refused(&["--where", "colour=red"], &["colour=red", "class=NAME"]);
        refused(&["--where", "left"], &["`left`", "class=NAME"]);
        refused(
            &["--where", "class=left", "--where", "class=right"],
            &["class=left and class=right", "no class is left"],
        );
        refused(&["--balance", "colour"], &["balance colour", "`class` alone"]);
    }
}

#[test]
fn the_way_between_two_images_begins_and_ends_with_them() {
    for model in MODELS {
        let dir = Dir::new();
        sample(&dir, model, &["-n", "4", "--where", "class=left", "-o", "all"]).ok();
        sample(&dir, model, &["-n", "5", "--where", "class=left", "--interpolate", "0", "3", "-o", "way"]).ok();
        let (all, way) = (pngs(&dir, "all"), pngs(&dir, "way"));
        assert_eq!((all.len(), way.len()), (4, 5));
        assert!(way["left/000000.png"] == all["left/000000.png"], "{model}: another first image");
        assert!(way["left/000004.png"] == all["left/000003.png"], "{model}: another last image");
        assert!(way["left/000002.png"] != way["left/000000.png"] && way["left/000002.png"] != way["left/000004.png"]);
        // 16 images unless a number is given.
        sample(&dir, model, &["--interpolate", "0", "3", "-o", "long"]).ok();
        assert_eq!(pngs(&dir, "long").len(), 16);
        sample(&dir, model, &["--interpolate", "0", "-o", "no"]).fails(2).quick();
    }
}

#[test]
fn every_format_holds_the_same_images() {
    for model in MODELS {
        let dir = Dir::new();
        let names = ["out", "x.npz", "x-images-idx3-ubyte", "y-images-idx3-ubyte.gz"];
        for name in names {
            sample(&dir, model, &["-n", "30", "-o", name]).ok();
            let json = inspected(&dir, name);
            assert_eq!((&json["images"], &json["shape"]["height"]), (&json!(30), &json!(8)), "{name}");
            // IDX knows numbers of classes and no names.
            let classes = if name.contains("idx3") { ["0", "1"] } else { CLASSES };
            let counts = classes.map(|c| json["classes"][c].as_u64().unwrap_or_else(|| panic!("no {c} in {json}")));
            assert!(counts.iter().sum::<u64>() == 30 && counts.iter().all(|&n| n > 0), "{name}: {json}");
            assert!(pixels(&dir.path(name)) == pixels(&dir.path("out")), "{name} holds other images than the folder");
        }
        let npz = dir.bytes("x.npz");
        let comment = String::from_utf8_lossy(&npz[npz.len() - 300..]).into_owned();
        assert!(comment.contains("Source: synthetic") && comment.contains(&format!("{model} model")), "{comment}");
        let summary = sample(&dir, model, &["-n", "3", "-o", "s.npz", "--json"]).ok().stdout;
        let summary: Value = serde_json::from_str(&summary).unwrap();
        assert_eq!((&summary["images"], &summary["output"]), (&json!(3), &json!("s.npz")));
        assert!(dir.leftovers().is_empty());
    }
}

/// A training in the folder of another loses nothing of it, and says where that is.
#[test]
fn another_training_in_the_same_folder_sets_the_first_aside() {
    let dir = ready("gan", GREY, &CLASSES);
    let run = |job: &str, seed: &str| dir.run(&["train", job, "--out", "run", "--seed", seed]).ok().stderr;
    run("job.toml", "1");
    let first = files(&dir, "run");
    for (seed, folder) in [("2", "run/previous-1"), ("3", "run/previous-2")] {
        let said = run("job.toml", seed);
        assert!(said.contains("results of another training") && said.contains(folder), "{said}");
    }
    assert!(files(&dir, "run/previous-1") == first);
    dir.run(&["sample", "run/previous-2", "-n", "1", "-o", "made"]).ok();
    // A model that is fitted at once does the same to a training by steps, and is itself replaced: it costs seconds.
    let wine = crate::util::demo().path("real.csv");
    dir.file("trees.toml", format!("[data]\npath = {wine:?}\n\n[model.trees]\n"));
    assert!(run("trees.toml", "1").contains("run/previous-3"));
    assert!(!run("trees.toml", "2").contains("previous"));
    assert!(!dir.path("run/metrics.jsonl").exists() && !dir.path("run/samples").exists());
}

/// What was drawn so far is gone, and nothing stands under the name that was asked for.
#[cfg(unix)]
#[test]
fn an_interrupted_sample_leaves_nothing() {
    let dir = Dir::new();
    std::fs::create_dir(dir.path("there")).unwrap();
    let model = trained("gan").path("run").display().to_string();
    let hidden = |folder: &str| -> usize {
        let entries = std::fs::read_dir(dir.path(folder)).unwrap();
        entries.filter(|f| f.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tmp")).count()
    };
    for (out, folder) in [("made", "."), ("there", "there"), ("made.npz", ".")] {
        let mut command = dir.command(&["sample", &model, "-n", "10000000", "-o", out]);
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while hidden(folder) == 0 {
            assert!(begun.elapsed().as_secs() < 60, "nothing was ever written");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{out}");
        assert_eq!((hidden(folder), dir.path("made").exists(), dir.path("made.npz").exists()), (0, false, false));
    }
}

/// A file that cannot be written is found out before the images are drawn or learnt.
#[test]
fn files_that_cannot_be_written_are_refused_before_the_work() {
    let dir = Dir::new();
    let model = trained("gan").path("run").display().to_string();
    let sample = ["sample", &model, "-n", "1000000", "-o", "made", "--grid", "no/such/grid.png"];
    dir.run(&sample).fails(1).quick().says(&["no/such/grid.png"]);
    assert!(!dir.path("made").exists());
    // The folder of the sample, which is not there yet, may hold its picture as well.
    dir.run(&["sample", &model, "-n", "2", "-o", "made", "--grid", "made/grid.png"]).ok();
    assert!(is_png(&dir.bytes("made/grid.png")));
    let real = trained("gan").path("real").display().to_string();
    for (option, file) in [("--html", "no/such/report.html"), ("--json", "no/such/r.json"), ("--pairs", ".")] {
        let args = ["evaluate", "--real", &real, "--synthetic", &real, option, file];
        let output = dir.run(&args).fails(1).quick().says(&[file]);
        assert!(!output.stderr.contains("training"), "{}", output.stderr);
    }
    assert!(dir.leftovers().is_empty());
}

/// The same seed gives the same bytes on one thread and on two, and the name of the folder leaves no trace.
#[test]
fn trainings_and_samples_repeat() {
    for model in MODELS {
        let run = |threads: &str, out: &str, more: &[&str]| {
            let dir = ready(model, GREY, &CLASSES);
            let args = [&["train", "job.toml", "--out", out][..], more].concat();
            dir.run_with(("RAYON_NUM_THREADS", threads), &args).ok();
            dir.run_with(("RAYON_NUM_THREADS", threads), &["sample", out, "-n", "7", "-o", "made"]).ok();
            (dir.bytes(&format!("{out}/model.safetensors")), files(&dir, "made"))
        };
        let (first, second, other) = (run("1", "run", &[]), run("2", "again", &[]), run("2", "run", &["--seed", "2"]));
        assert!(first.0 == second.0, "{model}: the artefacts of two equal runs differ");
        assert!(first.1 == second.1, "{model}: the samples of two equal runs differ");
        assert!(first.0 != other.0, "{model}: another seed gave the same artefact");
    }
}

#[test]
fn an_image_depends_on_its_number_alone() {
    for model in MODELS {
        let dir = Dir::new();
        let made = |n: &str, seed: &str| {
            let name = format!("{n}-{seed}");
            sample(&dir, model, &["-n", n, "--seed", seed, "-o", &name]).ok();
            pngs(&dir, &name)
        };
        // Images are made 128 at a time, so the last of 129 is made alone.
        for (few, many) in [("3", "7"), ("129", "140")] {
            let (few, many) = (made(few, "0"), made(many, "0"));
            let differ: Vec<&String> = few.iter().filter(|(k, v)| many.get(*k) != Some(*v)).map(|(k, _)| k).collect();
            assert!(differ.is_empty(), "{model}: {differ:?} differ in a longer sample");
        }
        let (one, other) = (made("1", "4"), made("1", "5"));
        assert!(one.values().next() != other.values().next(), "{model}: another seed gave the same image");
    }
}

#[cfg(unix)]
fn resumes(model: &str, cut: Cut) {
    let dir = ready(model, GREY, &CLASSES);
    // As many images are kept back that the model is measured.
    // A gan measures nothing of itself.
    let measured = if model == "gan" { "" } else { "validation = 0.2\n" };
    dir.file("job.toml", tiny(model) + measured);
    resumes_in(&dir, model, cut);
}

#[cfg(unix)]
#[test]
fn flow_resumes_after_an_interrupt() {
    resumes("flow", Cut::Interrupt);
}

#[cfg(unix)]
#[test]
fn gan_resumes_after_an_interrupt() {
    resumes("gan", Cut::Interrupt);
}

#[cfg(unix)]
#[test]
fn vae_resumes_after_an_interrupt() {
    resumes("vae", Cut::Interrupt);
}

#[cfg(unix)]
#[test]
fn gan_resumes_after_a_kill() {
    resumes("gan", Cut::Kill);
}

#[cfg(unix)]
#[test]
fn only_the_same_images_and_settings_resume() {
    let dir = ready("gan", GREY, &CLASSES);
    let args = ["train", "job.toml", "--set", "train.epochs=5000", "--set", "train.log_every=1", "--out", "long"];
    assert!(cut_short(&dir, &args, "long", 3, Cut::Interrupt), "5000 epochs were over at once");
    dir.run(&args).fails(1).says(&["a stopped run is here", "--resume"]);
    let wine = crate::util::demo().path("real.csv");
    dir.file("trees.toml", format!("[data]\npath = {wine:?}\n\n[model.trees]\n"));
    dir.run(&["train", "trees.toml", "--out", "long"]).fails(1).says(&["a stopped run is here"]);
    let again = [&args[..], &["--resume"]].concat();
    for set in ["model.gan.latent=5", "augment.flip=true", "train.accumulate=2"] {
        dir.run(&[&again[..], &["--set", set]].concat()).fails(1).says(&["another config or seed"]);
    }
    std::fs::rename(dir.path("real/left/000000.png"), dir.path("real/right/000000.png")).unwrap();
    dir.run(&again).fails(1).says(&["the data have changed"]);
}

/// A run that the time ends is measured, logged and drawn at its last step as any other.
#[test]
fn a_budget_ends_a_training_well() {
    let dir = ready("flow", GREY, &CLASSES);
    let sets = ["train.epochs=1000000", "train.budget=0.3s", "train.validation=0.2", "train.log_every=1000000"];
    train(&dir, &sets).ok().says(&["the time budget is spent"]);
    let log = log(&dir);
    let last = log.last().unwrap();
    assert!(last["validation"].is_f64(), "{last}");
    let picture = format!("run/samples/step-{:06}.png", last["step"].as_u64().unwrap());
    assert!(is_png(&dir.bytes(&picture)), "{picture}");
}

/// Colours, opacity, sides that differ, with classes and without.
#[test]
fn every_shape_of_images_is_learnt() {
    let shape = |height, width, channels| Shape { height, width, channels };
    let cases: [(&str, Shape, &[&str]); 9] = [
        ("flow", GREY, &[]),
        ("flow", shape(8, 12, 1), &CLASSES),
        ("flow", shape(12, 8, 3), &[]),
        ("flow", shape(8, 12, 4), &CLASSES),
        ("gan", shape(8, 12, 3), &[]),
        ("gan", shape(12, 8, 4), &CLASSES),
        ("vae", shape(12, 8, 3), &CLASSES),
        ("vae", shape(8, 8, 4), &[]),
        ("vae", GREY, &CLASSES[..1]),
    ];
    for (model, shape, classes) in cases {
        let dir = Dir::new();
        match classes {
            // Images of one class: the others are taken away.
            [_] => {
                write(&dir, "real", shape, &halves(96, shape, 1), &CLASSES);
                std::fs::remove_dir_all(dir.path("real/right")).unwrap();
            }
            _ => write(&dir, "real", shape, &halves(96, shape, 1), classes),
        }
        dir.file("job.toml", tiny(model));
        train(&dir, &["train.epochs=1"]).ok();
        dir.run(&["sample", "run", "-n", "5", "-o", "out", "--grid", "grid.png"]).ok();
        let made = pngs(&dir, "out");
        assert!(made.len() == 5 && made.values().all(|png| shape_of(png) == shape), "{model} {shape:?}");
        assert_eq!(shape_of(&dir.bytes("grid.png")).channels, shape.channels);
        assert_eq!(dir.path("out/labels.csv").exists(), !classes.is_empty(), "{model} {shape:?}");
        dir.run(&["sample", "run", "-n", "5", "-o", "out.npz"]).ok();
        assert_eq!(inspected(&dir, "out.npz")["shape"], serde_json::to_value(shape).unwrap());
        if classes.is_empty() {
            assert!(made.keys().eq(&["000000.png", "000001.png", "000002.png", "000003.png", "000004.png"]));
            for args in [["--where", "class=left"], ["--balance", "class"]] {
                let output = dir.run(&[&["sample", "run", "-o", "no"][..], &args].concat()).fails(1).quick();
                output.says(&["no classes"]);
            }
        }
        if shape.channels > 1 {
            let idx = dir.run(&["sample", "run", "-n", "5", "-o", "no-images-idx3-ubyte"]).fails(1).quick();
            idx.says(&["grey images alone"]);
        }
    }
}

/// Fewer images than a batch has parts.
#[test]
fn a_handful_of_images_is_learnt() {
    for model in MODELS {
        for count in [1, 2, 5] {
            let dir = Dir::new();
            write(&dir, "real", GREY, &halves(count, GREY, 1), &[]);
            dir.file("job.toml", tiny(model));
            train(&dir, &[]).ok();
            train(&dir, &["train.accumulate=3"]).ok();
            dir.run(&["sample", "run", "-n", "3", "-o", "out"]).ok();
            assert_eq!(pngs(&dir, "out").len(), 3, "{model} of {count}");
        }
    }
}

#[test]
fn settings_that_are_off_by_default_run() {
    let augment = format!("augment={AUGMENT}");
    let diffaugment = format!("model.gan.diffaugment={AUGMENT}");
    let colours = Shape { channels: 3, ..GREY };
    let cases: [(&str, &[&str]); 15] = [
        ("flow", &["train.accumulate=2"]),
        ("gan", &["train.accumulate=2"]),
        ("vae", &["train.accumulate=2"]),
        ("flow", &["train.recompute=true"]),
        ("flow", &[&augment]),
        ("gan", &[&augment]),
        ("vae", &[&augment]),
        ("gan", &[&diffaugment, "train.accumulate=2", "train.recompute=true"]),
        ("gan", &["model.gan.penalty=0", "train.clip=1", "train.ema=0"]),
        ("flow", &["model.flow.pairing=ot", "model.flow.patch=1", "model.flow.channels=[8]"]),
        ("flow", &["model.flow.guidance=2", "train.ema=0", "train.cosine=false"]),
        ("vae", &["model.vae.likelihood=logistic", "model.vae.patch=1", "train.recompute=true"]),
        ("vae", &["model.vae.prior=standard", "model.vae.blocks=2", "train.ema=0"]),
        ("flow", &["data.images.size=[12, 16]", "data.images.channels=grey", "data.images.fit=pad"]),
        ("gan", &["train.preview_every=0", "train.checkpoint_every=0", "train.log_every=1"]),
    ];
    for (model, sets) in cases {
        let dir = ready(model, colours, &CLASSES);
        train(&dir, &[&["train.epochs=1"][..], sets].concat()).ok();
        dir.run(&["sample", "run", "-n", "4", "-o", "out"]).ok();
        let shape = match sets[0].starts_with("data.images") {
            true => Shape { height: 12, width: 16, channels: 1 },
            false => colours,
        };
        let made = pngs(&dir, "out");
        assert!(made.len() == 4 && made.values().all(|png| shape_of(png) == shape), "{model} {sets:?}");
        // A picture at the end, or one a step.
        let pictures = if sets.contains(&"train.preview_every=0") { 6 } else { 1 };
        assert_eq!(pngs(&dir, "run/samples").len(), pictures, "{model} {sets:?}");
        assert!(!dir.path("run/checkpoint").exists(), "{model} {sets:?}");
    }
}

#[test]
fn steps_and_guidance_change_the_images_of_a_flow() {
    let dir = Dir::new();
    let made = |name: &str, args: &[&str]| {
        sample(&dir, "flow", &[&["-n", "3", "-o", name][..], args].concat()).ok();
        pngs(&dir, name)
    };
    let plain = made("plain", &[]);
    // What the config says is 10 and 1.
    assert!(plain == made("same", &["--steps", "10", "--guidance", "1"]));
    assert!(plain != made("fast", &["--steps", "2"]));
    assert!(plain != made("strong", &["--guidance", "4"]));
    for guidance in ["nan", "-1", "inf"] {
        let guidance = format!("--guidance={guidance}");
        sample(&dir, "flow", &["-n", "3", "-o", "no", &guidance])
            .fails(1)
            .quick()
            .says(&["guidance", "between 0 and 100"]);
    }
    sample(&dir, "flow", &["-n", "3", "-o", "no", "--steps", "0"]).fails(2).quick();
    for (model, option) in [("gan", "--steps"), ("vae", "--steps"), ("gan", "--guidance"), ("vae", "--guidance")] {
        sample(&dir, model, &["-n", "3", "-o", "no", option, "3"])
            .fails(1)
            .quick()
            .says(&["steps and guidance", "flow"]);
    }
    assert!(!dir.path("no").exists());
}

/// The real sets under `VERISIM_DATA`, and the shape of their images.
const SETS: [(&str, [usize; 3]); 2] = [("mnist/train", [28, 28, 1]), ("emoji_noto", [32, 32, 3])];

#[test]
fn real_images_are_learnt_as_they_are() {
    let Some(data) = std::env::var_os("VERISIM_DATA").map(PathBuf::from) else {
        println!("skipped: real_images_are_learnt_as_they_are: set VERISIM_DATA");
        return;
    };
    for (name, [height, width, channels]) in SETS {
        let dir = Dir::new();
        dir.file("job.toml", tiny("flow"));
        let path = format!("data.path={}", data.join("images").join(name).display());
        train(&dir, &[&path, "train.budget=1s"]).ok().says(&["of 10 classes"]);
        dir.run(&["sample", "run", "-n", "10", "--balance", "class", "-o", "made"]).ok();
        let made = pngs(&dir, "made");
        let shape = Shape { height, width, channels };
        assert!(made.len() == 10 && made.values().all(|png| shape_of(png) == shape), "{name}");
        let mut folders: Vec<_> = made.keys().map(|k| k.split_once('/').unwrap().0.to_owned()).collect();
        folders.dedup();
        assert_eq!(json!(folders), inspected(&dir, "run")["spec"]["classes"], "{name}");
    }
}
