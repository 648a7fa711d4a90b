#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use verisim_data::image::{ReadSettings, Shape, Source, Spec, Writer};
use verisim_data::rng::{below, stream};

use super::*;
use crate::image::{Effort, Eye};

const SHAPE: Shape = Shape { height: 4, width: 6, channels: 1 };

/// Hears what is told.
#[derive(Default)]
struct Notes(Vec<String>);

impl Watch for Notes {
    fn on(&mut self, event: Event) {
        if let Event::Note(note) = event {
            self.0.push(note);
        }
    }
}

/// Says dark, middle or bright, and remembers what it was to learn: how many images, in how many steps.
#[derive(Default)]
struct Brightness {
    learnt: RefCell<Vec<(usize, u64)>>,
}

struct Three;

impl Eyes for Brightness {
    fn usual(&self) -> Effort {
        Effort { steps: 1500, batch: 128 }
    }

    fn learn(&self, _: &Images, index: &[usize], steps: u64, _: &mut dyn Watch) -> Result<Box<dyn Eye>> {
        self.learnt.borrow_mut().push((index.len(), steps));
        Ok(Box::new(Three))
    }

    fn open(&self, _: &Path) -> Result<Box<dyn Eye>> {
        Err(crate::Error::Network("there is no network".into()))
    }
}

impl Eye for Three {
    fn dim(&self) -> usize {
        2
    }

    fn classes(&self) -> Option<usize> {
        Some(3)
    }

    fn hash(&self) -> String {
        "abc".into()
    }

    fn features(&self, images: &Images, index: &[usize]) -> Result<Vec<f32>> {
        let mut pixels = Vec::new();
        images.gather(index, &mut pixels)?;
        Ok(pixels.chunks(images.shape().len()).flat_map(|image| [f32::from(image[0]), f32::from(image[1])]).collect())
    }

    fn predict(&self, images: &Images, index: &[usize]) -> Result<Vec<u32>> {
        Ok(self.features(images, index)?.chunks(2).map(|f| (f[0] / 86.0) as u32).collect())
    }
}

/// An archive of noisy images of three classes, dark to bright; without classes if there are to be none.
fn archive(folder: &TempDir, name: &str, count: u32, classes: bool) -> String {
    let path = folder.path().join(name);
    let mut rng = stream(3, name, 0);
    let labels: Vec<u32> = (0..count).map(|i| i % 3).collect();
    let mut noise = |label: &u32| (0..SHAPE.len()).map(|_| (86 * label) as u8 + below(&mut rng, 80) as u8).collect();
    let pixels: Vec<u8> = labels.iter().flat_map(|label| -> Vec<u8> { noise(label) }).collect();
    let names = if classes { ["dark", "middle", "bright"].map(String::from).to_vec() } else { Vec::new() };
    let mut writer = Writer::create(&path, SHAPE, &names, count as usize, &[]).unwrap();
    writer.write(&pixels, if classes { &labels } else { &[] }).unwrap();
    writer.finish().unwrap();
    path.to_str().unwrap().to_owned()
}

fn ask(value: Value) -> Ask {
    serde_json::from_value(value).unwrap()
}

fn compared(ask: &Ask, known: Option<&Known<Images>>, eyes: &Brightness) -> Result<(Value, Vec<String>)> {
    let mut notes = Notes::default();
    let document = Images::compare(ask, known, eyes, &mut notes)?;
    Ok((serde_json::from_str(&document.to_json()).unwrap(), notes.0))
}

#[test]
fn sets_are_read_learnt_and_compared() {
    let folder = TempDir::new().unwrap();
    let (real, held) = (archive(&folder, "real.npz", 90, true), archive(&folder, "held.npz", 60, true));
    let made = archive(&folder, "made.npz", 75, true);
    let pairs = folder.path().join("pairs.png");
    let asked = ask(json!({ "real": real, "synthetic": made, "holdout": held, "pairs": pairs }));
    let eyes = Brightness::default();
    let (report, notes) = compared(&asked, None, &eyes).unwrap();
    assert_eq!(report["counts"], json!({ "train": 90, "holdout": 60, "synthetic": 75, "unreadable": 0 }));
    assert_eq!(report["shape"], json!([4, 6, 1]));
    assert_eq!(report["scores"]["images"], 60);
    assert_eq!(report["accuracy"], json!({ "synthetic": 1.0, "real": 1.0 }));
    assert_eq!(
        report["extractor"],
        json!({ "name": "small CNN trained here", "hash": "abc", "dim": 2, "accuracy": 1.0 })
    );
    assert_eq!(
        (report["shares"][1]["class"].as_str(), report["copying"]["searched"].as_u64()),
        (Some("middle"), Some(90))
    );
    // The real images first, then as many of the real ones as there are synthetic ones.
    assert_eq!(*eyes.learnt.borrow(), [(90, 200), (75, 200), (75, 200)]);
    let expected = [
        "training a classifier on 90 real images",
        "looking for copies of 90 real images",
        "training a classifier on 75 of the real images",
        "training a classifier on 75 synthetic images",
        &format!("wrote {}", pairs.display()),
    ];
    assert_eq!(notes, expected);
    assert!(std::fs::read(&pairs).unwrap().starts_with(b"\x89PNG"));
    let (again, _) = compared(&asked, None, &eyes).unwrap();
    assert_eq!(again, report);
    let (other, _) = compared(&Ask { seed: Some(7), ..asked }, None, &eyes).unwrap();
    assert_ne!(other["scores"], report["scores"]);
}

#[test]
fn classes_of_some_sets_alone_are_not_used() {
    let folder = TempDir::new().unwrap();
    let (plain, classes) = (archive(&folder, "plain.npz", 30, false), archive(&folder, "classes.npz", 30, true));
    let (report, notes) =
        compared(&ask(json!({ "real": plain, "synthetic": classes })), None, &Brightness::default()).unwrap();
    assert!(notes[0].contains("classes.npz: its classes are not used, since"), "{notes:?}");
    assert!(report["accuracy"].is_null() && report["shares"].is_null());
    let sized = ask(json!({ "real": classes, "synthetic": plain, "size": 8 }));
    let (report, _) = compared(&sized, None, &Brightness::default()).unwrap();
    assert!(report["accuracy"].is_null() && report["shares"].is_array());
    assert_eq!(report["shape"], json!([8, 8, 1]));
}

#[test]
fn images_are_read_as_those_of_the_model() {
    let folder = TempDir::new().unwrap();
    let (real, made) = (archive(&folder, "real.npz", 30, false), archive(&folder, "made.npz", 30, false));
    let spec = Spec { shape: Shape { height: 2, width: 2, channels: 3 }, classes: Vec::new(), shares: Vec::new() };
    let asked = ask(json!({ "real": real, "synthetic": made }));
    let source = |images| Some(Source { path: "elsewhere".into(), images });
    for (source, says) in [(source(None), false), (source(Some(ReadSettings::default())), false), (None, true)] {
        let known = Known { source, spec: spec.clone() };
        let (report, notes) = compared(&asked, Some(&known), &Brightness::default()).unwrap();
        assert_eq!(report["shape"], json!([2, 2, 3]));
        assert_eq!(notes.iter().any(|note| note.contains("cropped to its size")), says, "{notes:?}");
        assert!(notes.iter().any(|note| note.ends_with("30 images were brought to 2 x 2 pixels")), "{notes:?}");
    }
    let known = Known { source: None, spec };
    let sized = ask(json!({ "real": real, "synthetic": made, "size": "4x6" }));
    let error = compared(&sized, Some(&known), &Brightness::default()).unwrap_err().to_string();
    assert!(error.contains("leave the size or the model out"), "{error}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = TempDir::new().unwrap();
    let (real, few) = (archive(&folder, "real.npz", 30, true), archive(&folder, "few.npz", 5, true));
    let fails = |value: Value| compared(&ask(value), None, &Brightness::default()).unwrap_err().to_string();
    let error = fails(json!({ "real": real, "synthetic": few }));
    assert!(error.contains("few.npz: holds 5 images") && error.contains("at least 6"), "{error}");
    let error = fails(json!({ "real": real, "synthetic": real, "features": "net.safetensors" }));
    assert_eq!(error, "there is no network");
    // Before any work.
    let nowhere = folder.path().join("no folder/pairs.png");
    let error = fails(json!({ "real": "missing", "synthetic": "missing", "pairs": nowhere }));
    assert!(error.contains("pairs.png") && !error.contains("missing"), "{error}");
    let unknown = serde_json::from_value::<Ask>(json!({ "real": "a", "synthetic": "b", "target": "c" })).unwrap_err();
    assert!(unknown.to_string().contains("target"), "{unknown}");
}
