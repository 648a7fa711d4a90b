//! What is found of changed copies, and what is not a copy.

use std::path::Path;

use verisim_data::Quiet;
use verisim_data::rng::{Stream, stream, uniform};

use super::super::OpenSettings;
use super::*;
use crate::image::{Item, apply};
use crate::pipeline::Pipeline;

/// Ways to change a copy, and the least share of copies that must be found.
const CHANGES: [(&str, &str, f64); 9] = [
    ("none", "", 1.0),
    ("flipped", "[[image]]\nhorizontal_flip = {}\n", 1.0),
    ("turned", "[[image]]\nd4 = {}\n", 1.0),
    ("brighter", "[[image]]\nbrightness = { shift = 0.2 }\n", 0.9),
    ("cropped", "[[image]]\nrandom_resized_crop = { width = 32, height = 32, scale = 0.81, ratio = 1 }\n", 0.8),
    (
        "flipped and cropped",
        "[[image]]\nhorizontal_flip = {}\n[[image]]\nrandom_resized_crop = { width = 32, height = 32, scale = 0.81, ratio = 1 }\n",
        0.8,
    ),
    ("noisy", "[[image]]\nnoise = { sigma = 0.05 }\n", 0.9),
    ("compressed", "[[image]]\njpeg = { quality = 30 }\n", 0.95),
    ("turned by 5 degrees", "[[image]]\nrotate = { degrees = 5, fill = \"reflect\" }\n", 0.4),
];

fn changed(picture: &Picture, pipeline: &str, i: u64) -> Picture {
    let pipeline = Pipeline::from_toml(&format!("seed = 9\n{pipeline}")).unwrap();
    apply(&pipeline, &Item::from(picture.clone()), i, 0).unwrap().0.picture
}

/// The share of pictures that are found among copies changed in one way.
fn found(pictures: &[Picture], pipeline: &str) -> f64 {
    let hit = |(i, p): (usize, &Picture)| {
        let (a, b) = (Print::of(p).unwrap(), Print::of(&changed(p, pipeline, i as u64)).unwrap());
        a.zip(b).is_none_or(|(a, b)| a.same(&a.ways(), &b).is_some())
    };
    pictures.par_iter().enumerate().filter(|p| hit(*p)).count() as f64 / pictures.len() as f64
}

/// Pairs of different pictures that are taken for copies, and how many pairs there are.
fn alarms(pictures: &[Picture]) -> (Vec<(usize, usize, f64)>, usize) {
    let prints: Vec<Option<Print>> = pictures.par_iter().map(|p| Print::of(p).unwrap()).collect();
    let of = |i: usize| -> Vec<(usize, usize, f64)> {
        let Some(one) = &prints[i] else { return Vec::new() };
        let ways = one.ways();
        let alarm = |j: usize| prints[j].as_ref().and_then(|p| one.same(&ways, p)).map(|(_, c)| (i, j, c));
        (i + 1..prints.len()).filter_map(alarm).collect()
    };
    let n = prints.len();
    ((0..n).into_par_iter().flat_map_iter(of).collect(), n * n.saturating_sub(1) / 2)
}

/// Soft patches of light on a slope.
fn drawn(rng: &mut Stream) -> Picture {
    let mut u = || uniform(rng);
    let patches: Vec<[f64; 4]> =
        (0..9).map(|_| [u() * 48.0, u() * 48.0, 3.0 + 9.0 * u(), 200.0 * (u() - 0.5)]).collect();
    let slope = [u() - 0.5, u() - 0.5];
    let level = |i: usize| {
        let (x, y) = ((i % 48) as f64, (i / 48) as f64);
        let patch = |p: &[f64; 4]| {
            let far = ((x - p[0]) * (x - p[0]) + (y - p[1]) * (y - p[1])) / (p[2] * p[2]);
            p[3] / (1.0 + far * far)
        };
        (110.0 + slope[0] * x + slope[1] * y + patches.iter().map(patch).sum::<f64>()).clamp(0.0, 255.0) as u8
    };
    Picture::new(48, 48, 1, Samples::Eight((0..48 * 48).map(level).collect())).unwrap()
}

#[test]
fn changed_copies_are_found_and_others_are_not() {
    let mut rng = stream(5, "copies", 0);
    let pictures: Vec<Picture> = (0..60).map(|_| drawn(&mut rng)).collect();
    for (name, pipeline, least) in CHANGES {
        let share = found(&pictures, pipeline);
        assert!(share >= least, "{name}: {share}");
    }
    let (alarms, pairs) = alarms(&pictures);
    assert!(alarms.len() <= 2, "{} of {pairs}: {alarms:?}", alarms.len());
}

#[test]
fn hashes_turn_with_their_pictures() {
    let mut rng = stream(6, "copies", 0);
    let print = Print::of(&drawn(&mut rng)).unwrap().unwrap();
    for (way, expected) in WAYS.into_iter().zip(print.ways()[0]) {
        // A wave that is nearly none may change its sign by a rounding error.
        let differ = ((hash(&laid(&print.levels, way)) ^ expected) & !1).count_ones();
        assert!(differ <= 1, "{way:?}: {differ}");
    }
    assert!(Print::of(&Picture::new(9, 9, 3, Samples::Eight(vec![7; 243])).unwrap()).unwrap().is_none());
}

#[test]
fn pairs_of_two_sets_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["one", "two"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    let mut rng = stream(7, "copies", 0);
    let pictures: Vec<Picture> = (0..6).map(|_| drawn(&mut rng)).collect();
    for i in 0..4 {
        pictures[i].write(&at("one").join(format!("{i}.png"))).unwrap();
        pictures[i + 2].write(&at("two").join(format!("{}.png", i + 2))).unwrap();
    }
    changed(&pictures[0], "[[image]]\nd4 = {}\n", 1).write(&at("two").join("zero.png")).unwrap();
    std::fs::write(at("two").join("bad.png"), "x").unwrap();
    let open = |name: &str| ImageSet::open(&at(name), &OpenSettings::default()).unwrap();
    let found = copies(&open("one"), &open("two"), &mut Quiet).unwrap();
    let short = |p: &Path| p.file_stem().unwrap().to_string_lossy().into_owned();
    let pairs: Vec<(String, String)> = found.pairs.iter().map(|p| (short(&p.a), short(&p.b))).collect();
    let expected = [("0", "zero"), ("2", "2"), ("3", "3")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(pairs, expected);
    assert_eq!((found.compared, found.skipped.len()), ((4, 5), 1));
}

/// Rates on photographs: `VERISIM_DATA=...`, the folder of real data sets.
#[test]
fn photographs() {
    let Some(data) = std::env::var_os("VERISIM_DATA").map(PathBuf::from) else {
        println!("skipped: photographs: set VERISIM_DATA");
        return;
    };
    let set = ImageSet::open(&data.join("images/cifar10"), &OpenSettings::default()).unwrap();
    let pictures: Vec<Picture> = (0..set.len()).step_by(4).map(|i| set.read(i).unwrap().picture).collect();
    for (name, pipeline, least) in CHANGES {
        let share = found(&pictures, pipeline);
        assert!(share >= least, "{name}: {share:.4} found of {}", pictures.len());
    }
    // Three pairs of its files show one photograph twice.
    let (alarms, pairs) = alarms(&pictures);
    assert!(alarms.len() <= 3, "{} alarms of {pairs} pairs: {alarms:?}", alarms.len());
}
