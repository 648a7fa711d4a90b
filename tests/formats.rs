//! Artefacts of older formats open, sample what they always did, and say what they know.

use std::path::Path;

use verisim_models::artefact::File;

use crate::util::{Dir, cells};

fn file(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name).display().to_string()
}

#[test]
fn a_table_of_format_1_samples_as_ever() {
    let model = file("models/wine-quality");
    assert_eq!(File::read(Path::new(&model).join("model.safetensors").as_path()).unwrap().header["format"], 1);
    let dir = Dir::new();
    let rows = cells(&dir.run(&["sample", &model, "-n", "2", "--seed", "5"]).ok().stdout);
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1], ROWS[0]);
    assert_eq!(rows[2], ROWS[1]);
    let said = dir.run(&["inspect", &model]).ok().stdout;
    for words in ["format 1", "trees", "alcohol", "decimal"] {
        assert!(said.contains(words), "no {words} in\n{said}");
    }
}

const ROWS: [[&str; 12]; 2] = [
    ["9.7", "0.36", "0.36", "3", "0.07", "6", "15", "0.9971", "3.19", "0.56", "11.7", "7"],
    ["12.6", "0.3", "0.47", "1.9", "0.095", "7", "27", "0.9988", "2.99", "0.56", "10.4", "5"],
];

/// A running number, keys of two shapes, dates, decimals and text, by which each column was once written.
#[test]
fn a_table_of_format_3_samples_as_ever() {
    let model = file("tests/files/format-3.safetensors");
    assert_eq!(File::read(Path::new(&model)).unwrap().header["format"], 3);
    let dir = Dir::new();
    let made = dir.run(&["sample", &model, "-n", "5", "--seed", "5"]).ok().stdout;
    assert_eq!(made, std::fs::read_to_string(file("tests/files/format-3.csv")).unwrap());
}

/// A network of 1,412 numbers that learnt grey squares, bright on the left or on the right.
#[test]
fn images_of_format_2_sample_as_ever() {
    let model = file("tests/files/format-2.safetensors");
    assert_eq!(File::read(Path::new(&model)).unwrap().header["format"], 2);
    let dir = Dir::new();
    dir.run(&["sample", &model, "-n", "3", "--seed", "3", "--device", "flex", "-o", "s-images-idx3-ubyte"]).ok();
    let made = dir.bytes("s-images-idx3-ubyte");
    assert_eq!(made.len(), 16 + 3 * 64);
    // Other processors round otherwise.
    let ever = std::fs::read(file("tests/files/format-2.images")).unwrap();
    assert!(made[16..].iter().zip(&ever).all(|(a, b)| a.abs_diff(*b) <= 1) && ever.len() == 3 * 64);
    let said = dir.run(&["inspect", &model]).ok().stdout;
    for words in ["format 2", "vae", "8 x 8 grey", "class       0: 50.00 %"] {
        assert!(said.contains(words), "no {words} in\n{said}");
    }
}
