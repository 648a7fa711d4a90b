//! What the readers and writers of images promise at their edges: hostile headers, odd folders, exact bytes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use crate::error::Result;
use crate::image::store::Pixels;
use crate::image::*;
use crate::kind::{Claim, Data as _};
use crate::rng::mix;

fn shape(height: usize, width: usize, channels: usize) -> Shape {
    Shape { height, width, channels }
}

fn names(classes: &[&str]) -> Vec<String> {
    classes.iter().map(|&c| c.to_owned()).collect()
}

/// Bytes that differ from neighbour to neighbour.
fn bytes(n: usize, seed: u64) -> Vec<u8> {
    (0..n as u64).map(|i| mix(seed << 32 | i) as u8).collect()
}

/// `n` images, of the classes in turn.
fn some(shape: Shape, classes: &[&str], n: usize) -> Images {
    let labels = if classes.is_empty() { Vec::new() } else { (0..n).map(|i| (i % classes.len()) as u32).collect() };
    Images::from_pixels(shape, names(classes), labels, bytes(n * shape.len(), 1)).unwrap()
}

fn all(images: &Images) -> Vec<u8> {
    let mut out = Vec::new();
    images.gather(&(0..images.len()).collect::<Vec<_>>(), &mut out).unwrap();
    out
}

fn write(path: &Path, images: &Images, chunk: usize) -> Result<()> {
    let mut writer = Writer::create(path, images.shape(), images.classes(), images.len(), &[])?;
    for start in (0..images.len()).step_by(chunk) {
        let part = images.take(&(start..(start + chunk).min(images.len())).collect::<Vec<_>>())?;
        writer.write(&all(&part), part.labels())?;
    }
    writer.finish()
}

fn attempt(path: &Path) -> Result<(Images, Reading)> {
    Images::read(path, &ReadSettings::default())
}

fn read(path: &Path) -> Images {
    attempt(path).unwrap().0
}

#[track_caller]
fn says<T>(result: Result<T>, parts: &[&str]) {
    let said = result.err().expect("it must be refused").to_string();
    for part in parts {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
}

fn claims(path: &Path) -> bool {
    Images::claims(path) > Claim::No
}

fn options(toml: &str) -> ReadSettings {
    toml::from_str(toml).unwrap()
}

fn save(path: &Path, shape: Shape, pixels: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, png_bytes(pixels, shape, &[]).unwrap()).unwrap();
}

/// What stands in a folder, hidden things included.
fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn idx(magic: u32, dimensions: &[u32], body: &[u8]) -> Vec<u8> {
    let mut out = magic.to_be_bytes().to_vec();
    dimensions.iter().for_each(|d| out.extend(d.to_be_bytes()));
    out.extend(body);
    out
}

#[track_caller]
fn assert_same(a: &Images, b: &Images) {
    assert_eq!((a.shape(), a.classes(), a.labels()), (b.shape(), b.classes(), b.labels()));
    assert_eq!(all(a), all(b));
}

#[test]
fn sets_and_writers_cross_threads() {
    fn both<T: Send + Sync>() {}
    fn send<T: Send>() {}
    both::<Images>();
    send::<Writer>();
}

#[test]
fn a_folder_lists_its_files_and_is_read_class_by_class() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out");
    let images = some(shape(2, 2, 1), &["a", "b, c"], 3);
    write(&path, &images, 2).unwrap();
    assert_eq!(listing(&path), ["a", "b, c", "labels.csv"]);
    let table = fs::read_to_string(path.join("labels.csv")).unwrap();
    assert_eq!(table, "file,class\na/000000.png,a\n\"b, c/000001.png\",\"b, c\"\na/000002.png,a\n");
    let (back, reading) = attempt(&path).unwrap();
    assert_same(&back, &images.take(&[0, 2, 1]).unwrap());
    assert_eq!((reading.found, reading.source.as_str()), (3, "folder with 2 class folders"));
    assert_eq!(reading.sizes, [((2, 2), 3)]);
}

#[test]
fn flat_and_class_folders_do_not_mix() {
    let dir = TempDir::new().unwrap();
    save(&dir.path().join("a.png"), shape(1, 1, 1), &[1]);
    // An empty folder is no class.
    fs::create_dir(dir.path().join("cats")).unwrap();
    let (images, reading) = attempt(dir.path()).unwrap();
    assert_eq!((images.classes().len(), images.labels().len(), reading.source.as_str()), (0, 0, "flat folder"));
    save(&dir.path().join("cats/b.png"), shape(1, 1, 1), &[1]);
    says(attempt(dir.path()), &["holds images", "a.png", "class folders", "cats"]);
}

#[test]
fn sources_of_images_are_told_from_tables_and_models() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    assert!(claims(dir.path()));
    assert!(claims(&at("a.npz")) && claims(&at("x-images-idx3-ubyte.gz")));
    assert!(!claims(&at("t10k")) && !claims(&at("t.csv")));
    fs::write(at("t10k-images-idx3-ubyte"), "").unwrap();
    assert!(claims(&at("t10k")));
    fs::write(at("model.safetensors"), "").unwrap();
    assert!(!claims(dir.path()));
}

#[test]
fn fits_differ_in_what_they_keep() {
    // Left and right quarter black, the middle white.
    let dir = TempDir::new().unwrap();
    let row = [0, 0, 255, 255, 255, 255, 0, 0];
    save(&dir.path().join("a.png"), shape(4, 8, 1), &row.repeat(4));
    let get = |asked: &str| all(&Images::read(dir.path(), &options(asked)).unwrap().0);
    assert_eq!(get("size = 4"), [255; 16]);
    assert_eq!(get("size = [8, 8]\nfit = \"stretch\""), row.repeat(8));
    assert_eq!(get("size = 8\nfit = \"pad\""), [[255; 16].to_vec(), row.repeat(4), [255; 16].to_vec()].concat());
    let clear = get("size = 8\nfit = \"pad\"\nchannels = \"rgba\"");
    assert_eq!((&clear[..4], &clear[2 * 8 * 4..][..4]), (&[255, 255, 255, 0][..], &[0, 0, 0, 255][..]));
}

#[test]
fn what_is_skipped_is_named_and_limited() {
    let dir = TempDir::new().unwrap();
    for i in 0..3 {
        save(&dir.path().join(format!("dogs/{i}.png")), shape(3, 3, 1), &[i; 9]);
    }
    let whole = fs::read(dir.path().join("dogs/0.png")).unwrap();
    fs::create_dir(dir.path().join("cats")).unwrap();
    fs::write(dir.path().join("cats/empty.png"), "").unwrap();
    fs::write(dir.path().join("dogs/half.png"), &whole[..whole.len() / 2]).unwrap();
    // Its header says 30000 x 30000 in 16-bit RGBA, seven gigabytes.
    let mut bomb = Vec::new();
    let mut encoder = png::Encoder::new(&mut bomb, 30_000, 30_000);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Sixteen);
    encoder.write_header().unwrap().write_chunk(png::chunk::IDAT, &[0; 64]).unwrap();
    fs::write(dir.path().join("dogs/bomb.png"), bomb).unwrap();
    let (images, reading) = attempt(dir.path()).unwrap();
    let skipped: Vec<_> = reading.skipped.iter().map(|(p, _)| p.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!((reading.found, &skipped[..]), (6, &["empty.png", "bomb.png", "half.png"][..]));
    assert!(reading.skipped[1].1.to_lowercase().contains("limit"), "{}", reading.skipped[1].1);
    // A class of which nothing could be read is none.
    assert_eq!((images.classes(), images.labels()), (&names(&["dogs"])[..], &[0, 0, 0][..]));
    assert!(Images::read(dir.path(), &options("max_bad = 3")).is_ok());
    says(
        Images::read(dir.path(), &options("max_bad = 2")),
        &["empty.png", "bomb.png", "half.png", "set data.images.max_bad higher"],
    );
}

#[test]
fn ten_damaged_files_pass_by_default_and_eleven_do_not() {
    let dir = TempDir::new().unwrap();
    save(&dir.path().join("0.png"), shape(1, 1, 1), &[1]);
    for i in 0..11 {
        fs::write(dir.path().join(format!("bad{i:02}.png")), "bad").unwrap();
    }
    let said = attempt(dir.path()).unwrap_err().to_string();
    assert!(said.contains("bad00.png") && said.contains("bad02.png") && !said.contains("bad03.png"), "{said}");
    fs::remove_file(dir.path().join("bad10.png")).unwrap();
    assert_eq!(read(dir.path()).len(), 1);
}

#[test]
fn lying_idx_headers_are_refused_before_memory_is_taken() {
    let dir = TempDir::new().unwrap();
    let (huge, four, none) = (u32::MAX, bytes(4, 0), Vec::new());
    for (dimensions, body, plain, gz) in [
        ([2, 2, 2], &four, "promises 2 images of 2 x 2, 24 bytes", "ends after 1 of the 2 images"),
        ([huge, 4096, 4096], &four, "promises 4294967295 images", "ends after 0 of the 4294967295"),
        ([1, huge, huge], &four, "promises 1 images", "each side must be within 1 and 4096"),
        ([1, 0, 0], &none, "each side must be within", "each side must be within"),
        ([0, 2, 2], &none, "holds no images", "holds no images"),
        ([1, 2, 1], &four, "promises 1 images of 2 x 1, 18 bytes", "longer than its header says"),
    ] {
        let file = idx(0x803, &dimensions, body);
        let path = dir.path().join("p-images-idx3-ubyte");
        fs::write(&path, &file).unwrap();
        says(attempt(&path), &["p-images-idx3-ubyte", plain]);
        let path = dir.path().join("g-images-idx3-ubyte.gz");
        fs::write(&path, packed(&file)).unwrap();
        says(attempt(&path), &["g-images-idx3-ubyte.gz", gz]);
    }
    let path = dir.path().join("m-images-idx3-ubyte");
    fs::write(&path, idx(0x801, &[1, 2, 2], &four)).unwrap();
    says(attempt(&path), &["0x00000801", "0x00000803"]);
    fs::write(&path, [0, 0, 8]).unwrap();
    says(attempt(&path), &["ends within its header"]);
}

#[test]
fn a_packed_file_may_neither_end_early_nor_go_on() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x-images-idx3-ubyte.gz");
    let whole = packed(&idx(0x803, &[9, 8, 8], &bytes(9 * 64, 3)));
    for len in [0, 5, 20, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..len]).unwrap();
        says(attempt(&path), &["x-images-idx3-ubyte.gz"]);
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(read(&path).len(), 9);
    // Sixteen megabytes of zeros behind a header that promises four bytes.
    fs::write(&path, packed(&idx(0x803, &[1, 2, 2], &vec![0; 1 << 24]))).unwrap();
    says(attempt(&path), &["longer than its header says"]);
}

#[test]
fn what_spills_to_disk_is_read_by_many_threads() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out.npz");
    write(&path, &some(shape(9, 5, 3), &["a", "b"], 40), 40).unwrap();
    let memory = read(&path);
    assert!(matches!(memory.pixels, Pixels::Memory(_)));
    // Nothing, and about a thousand bytes.
    for gib in [0.0, 1e-6] {
        let tiny = ReadSettings { memory: Some(gib), ..ReadSettings::default() };
        let (spilled, _) = Images::read(&path, &tiny).unwrap();
        assert!(matches!(spilled.pixels, Pixels::Spilled(_)));
        assert_same(&spilled, &memory);
        rayon::scope(|s| {
            for i in 0..40 {
                let (spilled, memory) = (&spilled, &memory);
                s.spawn(move |_| assert_same(&spilled.take(&[i]).unwrap(), &memory.take(&[i]).unwrap()));
            }
        });
    }
}

#[test]
fn text_goes_into_the_chunk_that_can_hold_it() {
    let said = [("Comment".to_owned(), "größer".to_owned()), ("Title".to_owned(), "合成".to_owned())];
    let bytes = png_bytes(&[1, 2, 3, 4], shape(2, 2, 1), &said).unwrap();
    assert!(bytes.windows(4).any(|w| w == b"tEXt") && bytes.windows(4).any(|w| w == b"iTXt"));
    let reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
    assert_eq!(reader.info().uncompressed_latin1_text[0].text, "größer");
    assert_eq!(reader.info().utf8_text[0].get_text().unwrap(), "合成");
    assert!(png_bytes(&[1], shape(1, 1, 1), &[(String::new(), "x".to_owned())]).is_err());
    says(png_bytes(&[1, 2], shape(1, 1, 1), &[]), &["2 bytes are not one image"]);
}

#[test]
fn options_left_out_are_not_written() {
    assert_eq!(toml::to_string(&ReadSettings::default()).unwrap().trim(), "fit = \"crop\"");
}
