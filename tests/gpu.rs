//! The program on a graphics adapter, which may be a software driver: in builds with `gpu`, where there is one.

use verisim_data::image::{Images, ReadSettings};

use crate::image_models::{CLASSES, GREY, MODELS, ready};
use crate::util::{Dir, small};

/// Whether there is an adapter; a word if not. With `VERISIM_NEED_GPU` there must be one.
fn adapter(test: &str) -> bool {
    let devices = Dir::new().run(&["devices", "--json"]).ok().stdout;
    let devices: serde_json::Value = serde_json::from_str(&devices).unwrap();
    let there = devices["devices"].as_array().unwrap().iter().any(|d| d == "wgpu");
    if !there {
        assert!(std::env::var_os("VERISIM_NEED_GPU").is_none(), "{test}: there is no adapter");
        eprintln!("skipped: {test} (needs --features gpu and a graphics adapter; a software Vulkan driver will do)");
    }
    there
}

/// Trains `job.toml` on the adapter twice: the same config and seed give the same model.
fn trained_twice(dir: &Dir, what: &str) {
    for run in ["one", "two"] {
        dir.run(&["train", "job.toml", "--set", "train.epochs=2", "--device", "wgpu", "--out", run]).ok();
    }
    let [one, two] = ["one", "two"].map(|run| dir.bytes(&format!("{run}/model.safetensors")));
    assert!(one == two, "{what}: the second training gave another model");
}

#[test]
fn a_gpu_trains_models_of_images_that_a_cpu_samples() {
    if !adapter("a_gpu_trains_models_of_images_that_a_cpu_samples") {
        return;
    }
    for model in MODELS {
        let dir = ready(model, GREY, &CLASSES);
        trained_twice(&dir, model);
        let pixels = |device: &str| {
            let name = format!("{device}-images-idx3-ubyte");
            dir.run(&["sample", "one", "-n", "40", "--device", device, "-o", &name]).ok();
            let (images, _) = Images::read(&dir.path(device), &ReadSettings::default()).unwrap();
            let mut bytes = Vec::new();
            images.gather(&(0..40).collect::<Vec<_>>(), &mut bytes).unwrap();
            bytes
        };
        let (there, here) = (pixels("wgpu"), pixels("flex"));
        assert!(here.iter().min() < here.iter().max(), "{model}: nothing is drawn");
        let mut apart: Vec<u8> = there.iter().zip(&here).map(|(a, b)| a.abs_diff(*b)).collect();
        apart.sort_unstable();
        // Half of all pixels to within 1 of 255, and none that is another one.
        assert!(apart[apart.len() / 2] <= 1 && apart[apart.len() - 1] <= 4, "{model}: {:?}", apart.last());
    }
}

#[test]
fn a_gpu_trains_models_of_tables_that_a_cpu_samples() {
    if !adapter("a_gpu_trains_models_of_tables_that_a_cpu_samples") {
        return;
    }
    for model in ["tokens", "tvae", "ctgan"] {
        let dir = Dir::new();
        dir.file("job.toml", small(model));
        trained_twice(&dir, model);
        let rows = |device: &str| {
            let name = format!("{device}.csv");
            dir.run(&["sample", "one", "-n", "500", "--device", device, "-o", &name]).ok();
            dir.text(&name).lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let (there, here) = (rows("wgpu"), rows("flex"));
        assert!(there.len() == 501 && here.len() == 501, "{model}");
        // A draw next to the border of two values may fall to the other side.
        let apart = there.iter().zip(&here).filter(|(a, b)| a != b).count();
        assert!(apart < 25, "{model}: {apart} of 500 rows differ");
    }
}

#[test]
fn a_gpu_is_listed_and_measured() {
    if !adapter("a_gpu_is_listed_and_measured") {
        return;
    }
    let dir = Dir::new();
    let listed = dir.run(&["devices"]).ok().stdout;
    assert!(listed.contains("wgpu "), "{listed}");
    let args = ["bench", "tvae", "--seconds", "0.2", "--devices", "flex,wgpu", "--json", "now.json"];
    dir.run(&args).ok();
    let report: serde_json::Value = serde_json::from_str(&dir.text("now.json")).unwrap();
    let results = report["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|r| r["training"]["step"]["median"].as_f64() > Some(0.0)), "{report}");
    let card: Vec<Option<u64>> = results.iter().map(|r| r["card_memory"].as_u64()).collect();
    assert!(card[0].is_none() && card[1] > Some(100_000), "{card:?}");
}
