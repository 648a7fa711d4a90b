//! Whatever is wrong with images, their configs or artefacts: an exit code and a message, never a panic.

use serde_json::{Value, json};
use verisim_data::image::Shape;
use verisim_data::rng::{below, stream};
use verisim_models::Weights;
use verisim_models::artefact::File;

use crate::bad_input::shortened;
use crate::image_models::{CLASSES, GREY, MODELS, inspected, ready, sample, tiny, train, trained};
use crate::images::{halves, write};
use crate::util::{Dir, demo};

#[test]
fn options_of_images_and_of_tables_are_kept_apart() {
    let table = demo().path(".").display().to_string();
    let dir = Dir::new();
    for option in [&["--grid", "g.png"][..], &["--steps", "3"], &["--guidance", "2"], &["--interpolate", "0", "3"]] {
        let args = [&["sample", &table, "-n", "3", "-o", "s.csv"][..], option].concat();
        dir.run(&args).fails(1).quick().says(&[option[0], "is for images"]);
    }
    for model in MODELS {
        sample(&dir, model, &["-n", "3"]).fails(1).quick().says(&["makes images", "-o FOLDER", "--grid FILE.png"]);
        sample(&dir, model, &["-n", "3", "-o", "s.csv"]).fails(1).quick().says(&[
            "s.csv",
            "no format of images",
            ".npz",
        ]);
        sample(&dir, model, &["-n", "3", "-o", "no/where"]).fails(1).quick().says(&["no/where"]);
        sample(&dir, model, &["--grid", "no/where.png"]).fails(1).quick().says(&["no/where.png"]);
        let run = trained(model).path("run").display().to_string();
        dir.file("t.csv", "a,b\n1,2.5\n3,4.5\n");
        let evaluate = ["evaluate", "--real", "t.csv", "--synthetic", "t.csv", "--model", &run];
        dir.run(&evaluate).fails(1).quick().says(&["makes images"]);
        dir.run(&["inspect", &run, "--size", "8"]).fails(1).quick().says(&["--size"]);
    }
    assert!(!dir.path("s.csv").exists() && dir.leftovers().is_empty());
}

#[test]
fn tables_and_images_are_not_taken_for_each_other() {
    let dir = ready("flow", GREY, &CLASSES);
    dir.file("t.csv", "a,b\n1,2.5\n3,4.5\n5,6.5\n");
    for model in ["trees", "boost", "copula", "tokens", "tvae", "ctgan"] {
        dir.file("table.toml", format!("[data]\npath = \"real\"\n[model.{model}]\n"));
        let refused = |sets: &[&str], words: &[&str]| {
            let sets = sets.iter().flat_map(|&set| ["--set", set]);
            let args: Vec<&str> = ["train", "table.toml", "--out", "run"].into_iter().chain(sets).collect();
            dir.run(&args).fails(1).quick().says(words);
        };
        refused(&[], &["real is a set of images", "[model.vae], [model.gan], [model.flow]"]);
        refused(&["data.path=t.csv", "data.images.size=8"], &["unknown key `images`"]);
        refused(&["data.path=t.csv", "augment.flip=true"], &["augment", "is for images"]);
        refused(&["data.path=t.csv", "train.accumulate=2"], &["[train] accumulate is for images"]);
        refused(&["data.path=t.csv", "train.recompute=true"], &["[train] recompute is for images"]);
    }
    for model in MODELS {
        dir.file("job.toml", tiny(model));
        train(&dir, &["data.path=t.csv"]).fails(1).quick().says(&["t.csv is a table", "[model.trees]"]);
        let sets = ["train.validation=0.1", "train.patience=3"];
        for set in sets.iter().filter(|_| model == "gan") {
            train(&dir, &[set]).fails(1).quick().says(&["validation and patience", "remove them"]);
        }
        train(&dir, &["data.delimiter=;"]).fails(1).quick().says(&["unknown key `delimiter`"]);
        train(&dir, &["data.columns.a=integer"]).fails(1).quick().says(&["unknown key `columns`"]);
    }
    assert!(!dir.path("run").exists());
}

#[test]
fn a_size_that_the_network_does_not_divide_is_told_what_would_fit() {
    let shape = Shape { height: 10, width: 14, channels: 1 };
    for model in MODELS {
        let dir = ready(model, shape, &[]);
        let advice = "data.images.size = [8, 12]";
        train(&dir, &[]).fails(1).quick().says(&[model, "by 4", "10 x 14", advice]);
        assert!(!dir.path("run/model.safetensors").exists());
        train(&dir, &["data.images.size=[8, 12]", "train.epochs=1"]).ok();
        // The other ways out that are named.
        train(&dir, &[&format!("model.{model}.patch=1"), "train.epochs=1"]).ok();
        train(&dir, &[&format!("model.{model}.channels=[8]"), "train.epochs=1"]).ok();
    }
}

#[test]
fn sets_of_images_that_cannot_be_read_are_told_of() {
    let dir = ready("flow", GREY, &CLASSES);
    std::fs::create_dir(dir.path("empty")).unwrap();
    train(&dir, &["data.path=empty"]).fails(1).quick().says(&["empty", "holds no images"]);
    train(&dir, &["data.path=nowhere"]).fails(1).quick().says(&["nowhere", "no such file or folder"]);
    train(&dir, &["data.path=nowhere.npz"]).fails(1).quick().says(&["nowhere.npz"]);
    train(&dir, &["data.path=real/left/000000.png"]).fails(1).quick().says(&["000000.png", "a single image"]);
    dir.file("broken.npz", "PK and nothing of the kind");
    train(&dir, &["data.path=broken.npz"]).fails(1).quick().says(&["broken.npz"]);
    let tall = Shape { height: 12, ..GREY };
    write(&dir, "other", tall, &halves(1, tall, 1), &[]);
    std::fs::copy(dir.path("other/000000.png"), dir.path("real/left/tall.png")).unwrap();
    train(&dir, &[]).fails(1).quick().says(&["12 x 8", "data.images.size"]);
    std::fs::remove_file(dir.path("real/left/tall.png")).unwrap();
    assert!(!dir.path("run/model.safetensors").exists());

    // A few damaged files are skipped by name.
    let whole = dir.bytes("real/left/000000.png");
    dir.file("real/left/short.png", &whole[..whole.len() / 2]);
    dir.file("real/right/broken.png", "no picture at all");
    train(&dir, &["data.images.max_bad=1"]).fails(1).quick().says(&["short.png", "broken.png", "max_bad allows 1"]);
    let output = train(&dir, &[]).ok();
    output.says(&["read 96 images", "skipped real/left/short.png", "skipped real/right/broken.png"]);
    assert_eq!(inspected(&dir, "run")["provenance"]["rows"], 96);
}

#[test]
fn settings_that_make_no_sense_are_named() {
    for model in MODELS {
        let dir = ready(model, GREY, &CLASSES);
        let refused = |set: &str, words: &[&str]| {
            train(&dir, &[set]).fails(1).quick().says(words);
            assert!(!dir.path("run").exists(), "{set}");
        };
        // Settings of the model, by their key.
        let own: &[&str] = match model {
            "flow" => &["guidance=nan", "guidance=-1", "class_dropout=1", "class_dropout=nan", "steps=0"],
            "gan" => &["penalty=-1", "penalty=nan", "penalty_step=0", "penalty_share=2", "diffaugment.shift=nan"],
            _ => &["beta=-1", "beta=nan", "beta=inf"],
        };
        let shared = ["patch=0", "patch=99", "channels=[]", "channels=[8, 0]", "blocks=0", "condition=1"];
        for set in shared.iter().chain(own) {
            let (key, _) = set.split_once(['=', '.']).unwrap();
            refused(&format!("model.{model}.{set}"), &[&format!("[model.{model}] {key}")]);
        }
        refused(&format!("model.{model}.chanels=[8]"), &["did you mean `channels`"]);
        for (set, word) in [
            ("train.learning_rate=nan", "learning_rate"),
            ("train.weight_decay=nan", "weight_decay"),
            ("train.weight_decay=inf", "weight_decay"),
            ("train.clip=nan", "clip"),
            ("train.clip=-1", "clip"),
            ("train.ema=1", "ema"),
            ("train.ema=nan", "ema"),
            ("train.validation=0.9", "validation"),
            ("train.betas=[0.9, nan]", "betas"),
            ("train.accumulate=0", "accumulate"),
            ("train.batch_size=0", "batch_size"),
            ("augment.shift=nan", "shift"),
            ("augment.crop=1", "crop"),
            ("augment.noise=-0.1", "noise"),
            ("augment.flop=true", "did you mean `flip`"),
            ("data.images.size=0", "data.images.size"),
            ("data.images.memory=nan", "data.images.memory"),
            ("data.images.channels=cmyk", "rgb"),
            ("data.images.fit=zoom", "crop"),
        ] {
            refused(set, &[word]);
        }
    }
    let dir = ready("flow", GREY, &CLASSES);
    train(&dir, &["model.flow.pairing=best"]).fails(1).quick().says(&["independent", "ot"]);
    let both = ["model.flow.guidance=2", "model.flow.class_dropout=0"];
    train(&dir, &both).fails(1).quick().says(&["guidance", "class_dropout above 0"]);
    let dir = ready("vae", GREY, &CLASSES);
    train(&dir, &["model.vae.likelihood=poisson"]).fails(1).quick().says(&["gaussian", "logistic"]);
    train(&dir, &["model.vae.prior=none"]).fails(1).quick().says(&["standard", "fitted"]);
}

#[test]
fn a_loss_of_images_that_is_no_number_ends_the_training() {
    for model in MODELS {
        let dir = ready(model, GREY, &CLASSES);
        train(&dir, &["train.learning_rate=1e30", "train.log_every=1", "train.epochs=20"])
            .fails(1)
            .says(&["the loss became", "learning_rate"]);
        assert!(!dir.path("run/model.safetensors").exists(), "{model}");
    }
}

/// `sample` refuses `bad.safetensors`, names it and leaves nothing.
#[track_caller]
fn refused(dir: &Dir, what: &str) {
    let made = dir.run(&["sample", "bad.safetensors", "-n", "2", "-o", "no"]);
    assert!(!made.succeeded(), "{what} was taken for a model");
    made.fails(1).quick().says(&["bad.safetensors"]);
    assert!(!dir.path("no").exists(), "{what}");
}

#[test]
fn truncated_artefacts_of_images_are_refused() {
    for model in MODELS {
        let dir = Dir::new();
        let whole = trained(model).bytes("run/model.safetensors");
        let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
        for length in [0, 7, 8, header / 2, header - 1, header, header + 1, whole.len() / 2, whole.len() - 1] {
            dir.file("bad.safetensors", &whole[..length]);
            refused(&dir, &format!("{model} of {length} bytes"));
            dir.run(&["inspect", "bad.safetensors"]).fails(1).quick().says(&["bad.safetensors"]);
        }
    }
}

/// A tensor that is too short or absent is found when the model is opened, not when it is used.
#[test]
fn artefacts_of_images_with_wrong_tensors_are_refused() {
    for model in MODELS {
        let dir = Dir::new();
        let File { path, header, weights } = File::read(&trained(model).path("run/model.safetensors")).unwrap();
        let refuse = |weights: &Weights, what: &str| {
            let file = File { path: path.clone(), header: header.clone(), weights: weights.clone() };
            file.write(&dir.path("bad.safetensors")).unwrap();
            refused(&dir, &format!("{model} with {what}"));
        };
        for (name, _) in weights.iter() {
            if let Some(short) = shortened(&weights, name) {
                refuse(&short, &format!("a short {name}"));
            }
        }
        let mut more = weights.clone();
        more.put_f32("more", &[1], vec![0.0]);
        refuse(&more, "a tensor too many");
        refuse(&Weights::default(), "no tensor at all");
    }
}

/// Headers that are well-formed and wrong.
#[test]
fn headers_of_images_that_do_not_fit_are_refused() {
    for model in MODELS {
        let dir = Dir::new();
        let file = File::read(&trained(model).path("run/model.safetensors")).unwrap();
        let own = |key: &str| format!("/model/{model}/{key}");
        let edits = [
            ("/spec/shape/height".into(), json!(0)),
            ("/spec/shape/height".into(), json!(9)),
            ("/spec/shape/channels".into(), json!(3)),
            ("/spec/shape/channels".into(), json!(2)),
            ("/spec/classes".into(), json!(["left"])),
            ("/spec/classes".into(), json!(["left", "right", "top"])),
            ("/spec/classes".into(), json!(["left", "../right"])),
            ("/spec/shares".into(), json!([0.5, 0.7])),
            ("/spec/shares".into(), json!([1.5, -0.5])),
            ("/model".into(), json!({ "trees": {} })),
            (own("patch"), json!(0)),
            (own("patch"), json!(8)),
            (own("blocks"), json!(16)),
            (own("condition"), json!(17)),
            (own("channels"), json!([8])),
            (own("channels"), json!([4096, 4096])),
            (own("channels"), Value::from(vec![1; 100])),
        ];
        for (place, value) in edits {
            let mut changed = serde_json::Value::Object(file.header.clone());
            let what = format!("{model} whose {place} is {value}");
            *changed.pointer_mut(&place).unwrap_or_else(|| panic!("no {place}")) = value;
            let header = changed.as_object().unwrap().clone();
            File { path: file.path.clone(), header, weights: file.weights.clone() }
                .write(&dir.path("bad.safetensors"))
                .unwrap();
            let made = dir.run(&["sample", "bad.safetensors", "-n", "20", "-o", "no"]);
            assert!(!made.succeeded(), "{what} was taken for a model");
            made.fails(1).quick();
            assert!(!dir.path("no").exists() && dir.leftovers().is_empty(), "{what}");
        }
    }
}

/// One flipped bit anywhere: the file is refused, or read as another model that samples or fails in words.
#[test]
fn flipped_bits_of_artefacts_of_images_never_panic() {
    let mut rng = stream(8, "flip", 0);
    for model in MODELS {
        let dir = Dir::new();
        let whole = trained(model).bytes("run/model.safetensors");
        let header = u64::from_le_bytes(whole[..8].try_into().unwrap());
        for k in 0..30 {
            let mut bytes = whole.clone();
            // Half of them in the header, which is the smaller part.
            let end = if k % 2 == 0 { 8 + header } else { whole.len() as u64 };
            bytes[below(&mut rng, end) as usize] ^= 1u8 << below(&mut rng, 8);
            dir.file("flipped.safetensors", bytes);
            dir.run(&["sample", "flipped.safetensors", "-n", "5", "-o", &format!("out{k}")]).calm().quick();
            dir.run(&["inspect", "flipped.safetensors"]).calm().quick();
        }
    }
}
