//! Images written and read, format by format.

#![allow(clippy::unwrap_used)]

mod contract;
mod folder;
mod idx;
mod npz;
mod set;
mod settings;
mod write;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

use super::store::Pixels;
use super::*;
use crate::rng::{below, stream};

fn shape(height: usize, width: usize, channels: usize) -> Shape {
    Shape { height, width, channels }
}

/// Any bytes; colours and alpha are all there.
fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut rng = stream(seed, "pixels", 0);
    (0..bytes).map(|_| below(&mut rng, 256) as u8).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

fn png(path: &Path, shape: Shape, pixels: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, png_bytes(pixels, shape, &[]).unwrap()).unwrap();
}

fn read(path: &Path) -> (Images, Reading) {
    Images::read(path, &ReadSettings::default()).unwrap()
}

fn refused(path: &Path, options: &ReadSettings) -> String {
    Images::read(path, options).unwrap_err().to_string()
}

fn pixels(images: &Images) -> Vec<u8> {
    let mut out = vec![9];
    images.gather(&(0..images.len()).collect::<Vec<_>>(), &mut out).unwrap();
    out
}

/// Writes in two chunks.
fn write(path: &Path, shape: Shape, classes: &[String], labels: &[u32], pixels: &[u8]) {
    let count = pixels.len() / shape.len();
    let text = [("Software".to_owned(), "verisim".to_owned())];
    let mut writer = Writer::create(path, shape, classes, count, &text).unwrap();
    let first = count / 2;
    let labels = if classes.is_empty() { (&[][..], &[][..]) } else { labels.split_at(first) };
    let pixels = pixels.split_at(first * shape.len());
    writer.write(pixels.0, labels.0).unwrap();
    writer.write(pixels.1, labels.1).unwrap();
    assert!(!path.exists());
    writer.finish().unwrap();
}

fn idx(count: u32, height: u32, width: u32, body: &[u8]) -> Vec<u8> {
    let mut out = 0x803_u32.to_be_bytes().to_vec();
    [count, height, width].iter().for_each(|d| out.extend(d.to_be_bytes()));
    out.extend(body);
    out
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn put(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn leftovers(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_format_gives_back_what_was_written(
        height in 1_usize..7,
        width in 1_usize..7,
        colour in 0_usize..3,
        count in 1_usize..14,
        labelled: bool,
        seed: u64,
    ) {
        let s = shape(height, width, [1, 3, 4][colour]);
        let bytes = noise(count * s.len(), seed);
        let classes = if labelled { names(&["0", "1", "2"]) } else { Vec::new() };
        // In order and every class there, since folders and IDX know classes by their images alone.
        let labels: Vec<u32> = if labelled { (0..count.max(3)).map(|i| (i * 3 / count.max(3)) as u32).collect() } else { Vec::new() };
        let count = if labelled { count.max(3) } else { count };
        let bytes = if bytes.len() < count * s.len() { noise(count * s.len(), seed) } else { bytes };
        // Colours that nobody sees are not kept.
        let mut bytes = bytes;
        if s.channels == 4 {
            decode::forget_hidden(&mut bytes);
        }
        let folder = tempdir().unwrap();
        let channels = Some([Channels::Grey, Channels::Rgb, Channels::Rgba][colour]);
        for name in ["png", "a.npz", "a-images-idx3-ubyte", "b-images-idx3-ubyte.gz", "c.idx3-ubyte"] {
            if name.contains("idx3") && s.channels > 1 {
                continue;
            }
            let path = folder.path().join(name);
            write(&path, s, &classes, &labels, &bytes);
            let (images, reading) = Images::read(&path, &ReadSettings { channels, ..Default::default() }).unwrap();
            prop_assert_eq!(pixels(&images), bytes.clone(), "{}", name);
            prop_assert_eq!(images.labels(), &labels[..], "{}", name);
            prop_assert_eq!(images.classes(), &classes[..], "{}", name);
            prop_assert_eq!(images.shape(), s);
            prop_assert_eq!(reading.found, count);
            prop_assert_eq!(reading.sizes, vec![((height, width), count)]);
        }
        prop_assert!(!leftovers(folder.path()).iter().any(|n| n.ends_with(".tmp")));
    }

    #[test]
    fn no_damage_to_a_file_panics(name in 0_usize..3, at in 0_usize..400, byte: u8, cut: bool) {
        let folder = tempdir().unwrap();
        let path = folder.path().join(["a.npz", "a-images-idx3-ubyte", "a-images-idx3-ubyte.gz"][name]);
        write(&path, shape(3, 3, 1), &names(&["x", "y"]), &[0, 1, 1, 0], &noise(36, 3));
        let mut bytes = fs::read(&path).unwrap();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        fs::write(&path, bytes).unwrap();
        let _ = Images::read(&path, &ReadSettings::default());
    }
}
