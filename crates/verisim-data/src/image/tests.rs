#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

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
    Images::read(path, &ReadOptions::default()).unwrap()
}

fn refused(path: &Path, options: &ReadOptions) -> String {
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
        let folder = tempdir().unwrap();
        let channels = Some([Channels::Grey, Channels::Rgb, Channels::Rgba][colour]);
        for name in ["png", "a.npz", "a-images-idx3-ubyte", "b-images-idx3-ubyte.gz", "c.idx3-ubyte"] {
            if name.contains("idx3") && s.channels > 1 {
                continue;
            }
            let path = folder.path().join(name);
            write(&path, s, &classes, &labels, &bytes);
            let (images, reading) = Images::read(&path, &ReadOptions { channels, ..Default::default() }).unwrap();
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
        let _ = Images::read(&path, &ReadOptions::default());
    }
}

#[test]
fn channels_are_the_most_that_any_image_needs() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    png(&at("a.png"), shape(1, 2, 3), &[7, 7, 7, 200, 200, 200]);
    png(&at("b.png"), shape(1, 2, 4), &[1, 1, 1, 255, 2, 2, 2, 255]);
    let (images, reading) = read(folder.path());
    assert_eq!((images.shape(), pixels(&images)), (shape(1, 2, 1), vec![7, 200, 1, 2]));
    assert_eq!((reading.source.as_str(), reading.found), ("flat folder", 2));
    assert!(images.classes().is_empty() && images.labels().is_empty());

    png(&at("c.png"), shape(1, 2, 3), &[1, 2, 3, 4, 5, 6]);
    let (images, _) = read(folder.path());
    assert_eq!(images.shape().channels, 3);
    assert_eq!(pixels(&images)[..6], [7, 7, 7, 200, 200, 200]);

    png(&at("d.png"), shape(1, 2, 4), &[9, 9, 9, 0, 9, 9, 9, 128]);
    let (images, _) = read(folder.path());
    assert_eq!(images.shape().channels, 4);
    assert_eq!(pixels(&images)[24..], [9, 9, 9, 0, 9, 9, 9, 128]);
    // Nothing seen is white where there is no alpha; half of 9 and half of white are 132.
    let grey = ReadOptions { channels: Some(Channels::Grey), ..Default::default() };
    assert_eq!(pixels(&Images::read(folder.path(), &grey).unwrap().0), [7, 200, 1, 2, 2, 5, 255, 132]);
}

#[test]
fn mixed_sizes_are_named_unless_a_size_is_given() {
    let folder = tempdir().unwrap();
    png(&folder.path().join("a.png"), shape(2, 4, 1), &[10, 20, 30, 40, 50, 60, 70, 80]);
    png(&folder.path().join("b.png"), shape(2, 2, 1), &[1, 2, 3, 4]);
    png(&folder.path().join("c.png"), shape(2, 2, 1), &[5; 4]);
    let said = refused(folder.path(), &ReadOptions::default());
    assert!(said.contains("2 of 2 x 2, 1 of 2 x 4") && said.contains("size = [2, 2]"), "{said}");

    let sized = |size, fit| {
        let (images, reading) =
            Images::read(folder.path(), &ReadOptions { size: Some(size), fit, ..Default::default() }).unwrap();
        assert_eq!(reading.sizes, [((2, 2), 2), ((2, 4), 1)]);
        (images.shape(), pixels(&images))
    };
    // The short side fits already, so the centre is kept as it is.
    let (s, bytes) = sized(Size::Square(2), Fit::Crop);
    assert_eq!((s, &bytes[..]), (shape(2, 2, 1), &[20, 30, 60, 70, 1, 2, 3, 4, 5, 5, 5, 5][..]));
    let (s, bytes) = sized(Size::Sides([4, 4]), Fit::Pad);
    assert_eq!(s, shape(4, 4, 1));
    assert_eq!(bytes[..16], [255, 255, 255, 255, 10, 20, 30, 40, 50, 60, 70, 80, 255, 255, 255, 255]);
    let (s, bytes) = sized(Size::Sides([3, 5]), Fit::Stretch);
    assert_eq!((s, &bytes[30..]), (shape(3, 5, 1), &[5; 15][..]));
}

#[test]
fn padding_is_transparent_and_hidden_colours_do_not_bleed() {
    let folder = tempdir().unwrap();
    // A red half that is seen, and a green one that is not.
    let row = [[255, 0, 0, 255], [255, 0, 0, 255], [0, 255, 0, 0], [0, 255, 0, 0]];
    png(&folder.path().join("a.png"), shape(1, 4, 4), row.as_flattened());
    let options = ReadOptions { size: Some(Size::Square(2)), fit: Fit::Pad, ..Default::default() };
    let bytes = pixels(&Images::read(folder.path(), &options).unwrap().0);
    assert_eq!(bytes[8..], [255, 255, 255, 0, 255, 255, 255, 0]);
    assert!(bytes[..8].chunks(4).all(|p| p[3] == 0 || p[1] == 0), "{bytes:?}");
    assert!(bytes[3] > 128 && bytes[7] < 128, "{bytes:?}");
}

#[test]
fn an_extreme_strip_is_cut_before_it_is_scaled() {
    let folder = tempdir().unwrap();
    png(&folder.path().join("a.png"), shape(1, 30_000, 1), &vec![77; 30_000]);
    let options = ReadOptions { size: Some(Size::Square(1000)), ..Default::default() };
    let (images, _) = Images::read(folder.path(), &options).unwrap();
    assert!(pixels(&images).iter().all(|&p| p == 77));
}

#[test]
fn grey_of_colours_weighs_them_as_luma() {
    let folder = tempdir().unwrap();
    png(&folder.path().join("a.png"), shape(1, 3, 3), &[255, 0, 0, 0, 255, 0, 0, 0, 255]);
    let options = ReadOptions { channels: Some(Channels::Grey), ..Default::default() };
    // 0.299, 0.587 and 0.114 of 255.
    assert_eq!(pixels(&Images::read(folder.path(), &options).unwrap().0), [76, 150, 29]);
}

#[test]
fn class_folders_are_classes_in_order_of_name() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    png(&at("dogs/2.PNG"), shape(1, 1, 1), &[3]);
    png(&at("dogs/1.png"), shape(1, 1, 1), &[2]);
    png(&at("cats/z.png"), shape(1, 1, 1), &[1]);
    png(&at("cats/.hidden.png"), shape(1, 1, 1), &[9]);
    png(&at("cats/deeper/x.png"), shape(1, 1, 1), &[9]);
    png(&at(".thumbs/x.png"), shape(1, 1, 1), &[9]);
    fs::create_dir(at("empty")).unwrap();
    fs::write(at("cats/notes.txt"), "no image").unwrap();
    let (images, reading) = read(folder.path());
    assert_eq!(images.classes(), ["cats", "dogs"]);
    assert_eq!((images.labels(), pixels(&images)), (&[0, 1, 1][..], vec![1, 2, 3]));
    assert_eq!((reading.source.as_str(), reading.found), ("folder with 2 class folders", 3));

    png(&at("stray.png"), shape(1, 1, 1), &[9]);
    let said = refused(folder.path(), &ReadOptions::default());
    assert!(said.contains("stray.png") && said.contains("cats"), "{said}");
}

#[test]
fn other_formats_and_wrong_extensions_are_decoded() {
    let folder = tempdir().unwrap();
    let grey = image::GrayImage::from_fn(8, 8, |x, _| image::Luma([if x < 4 { 40 } else { 200 }]));
    grey.save_with_format(folder.path().join("a.bmp"), image::ImageFormat::Bmp).unwrap();
    grey.save_with_format(folder.path().join("b.jpeg"), image::ImageFormat::Jpeg).unwrap();
    grey.save_with_format(folder.path().join("c.webp"), image::ImageFormat::WebP).unwrap();
    grey.save_with_format(folder.path().join("d.jpg"), image::ImageFormat::Png).unwrap();
    let deep = image::ImageBuffer::from_fn(8, 8, |x, _| image::Luma([if x < 4 { 40_u16 * 257 } else { 200 * 257 }]));
    deep.save_with_format(folder.path().join("e.png"), image::ImageFormat::Png).unwrap();
    let (images, _) = read(folder.path());
    assert_eq!((images.shape(), images.len()), (shape(8, 8, 1), 5));
    for image in pixels(&images).chunks(64) {
        assert!(image.iter().zip(grey.as_raw()).all(|(a, b)| a.abs_diff(*b) < 8));
    }
}

#[test]
fn damaged_files_are_skipped_and_named_up_to_a_limit() {
    let folder = tempdir().unwrap();
    for i in 0..6_u8 {
        png(&folder.path().join(format!("good/{i}.png")), shape(2, 2, 1), &[i; 4]);
    }
    png(&folder.path().join("bad/cut.png"), shape(40, 40, 1), &noise(1600, 1));
    let cut = folder.path().join("bad/cut.png");
    let whole = fs::read(&cut).unwrap();
    fs::write(&cut, &whole[..300]).unwrap();
    fs::write(folder.path().join("bad/text.jpg"), "not an image").unwrap();
    fs::write(folder.path().join("good/3.png"), "").unwrap();
    let (images, reading) = read(folder.path());
    // The class whose images are all damaged is none.
    assert_eq!((images.classes(), images.labels()), (&names(&["good"])[..], &[0; 5][..]));
    assert_eq!(pixels(&images).chunks(4).map(|p| p[0]).collect::<Vec<_>>(), [0, 1, 2, 4, 5]);
    let skipped: Vec<String> = reading
        .skipped
        .iter()
        .map(|(p, _)| folder::is_image(p).to_string() + &p.file_name().unwrap().to_string_lossy())
        .collect();
    assert_eq!(skipped, ["truecut.png", "truetext.jpg", "true3.png"]);
    assert!(reading.skipped.iter().all(|(_, why)| !why.is_empty()));
    assert_eq!(reading.found, 8);

    let said = refused(folder.path(), &ReadOptions { max_bad: Some(2), ..Default::default() });
    assert!(said.contains("cut.png") && said.contains("text.jpg") && said.contains("3.png"), "{said}");
    assert!(said.contains("max_bad"), "{said}");
    assert!(Images::read(folder.path(), &ReadOptions { max_bad: Some(3), ..Default::default() }).is_ok());
    let said = refused(&folder.path().join("bad"), &ReadOptions::default());
    assert!(said.contains("none of its image files can be read") && said.contains("cut.png"), "{said}");
}

/// Each format, cut anywhere: no part of an image is taken for the whole.
#[test]
fn a_file_that_ends_too_early_is_damaged_in_every_format() {
    use image::ImageFormat::{Bmp, Jpeg, Png, WebP};
    let folder = tempdir().unwrap();
    let file = folder.path().join("image");
    let colours = noise(40 * 48 * 3, 1);
    let image = image::RgbImage::from_raw(48, 40, colours).unwrap();
    for format in [Bmp, Jpeg, Png, WebP] {
        image.save_with_format(&file, format).unwrap();
        assert!(decode::decode(&file).is_ok(), "{format:?}");
        let whole = fs::read(&file).unwrap();
        for part in [2, 10, 30, 50, 80, 95] {
            fs::write(&file, &whole[..whole.len() * part / 100]).unwrap();
            assert!(decode::decode(&file).is_err(), "{format:?}, {part} % of it");
        }
    }
    // Bytes after the image do no harm.
    image.save_with_format(&file, Jpeg).unwrap();
    let longer = [fs::read(&file).unwrap(), vec![0; 100]].concat();
    fs::write(&file, longer).unwrap();
    assert!(decode::decode(&file).is_ok());
}

#[test]
fn a_decompression_bomb_is_a_damaged_file() {
    let folder = tempdir().unwrap();
    png(&folder.path().join("a.png"), shape(1, 1, 1), &[0]);
    let mut bomb = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bomb, 60_000, 60_000);
    encoder.set_color(::png::ColorType::Rgba);
    encoder.write_header().unwrap();
    fs::write(folder.path().join("b.png"), bomb).unwrap();
    let (images, reading) = read(folder.path());
    assert_eq!((images.len(), reading.skipped.len()), (1, 1));
    assert!(reading.skipped[0].1.to_lowercase().contains("limit"), "{:?}", reading.skipped);
}

#[test]
fn what_is_no_set_says_what_to_do() {
    let folder = tempdir().unwrap();
    let default = ReadOptions::default();
    let says = |path: &Path, words: &str| {
        let said = refused(path, &default);
        assert!(said.contains(words) && said.contains(&*path.to_string_lossy()), "{said}");
    };
    says(folder.path(), "holds no images");
    says(&folder.path().join("nowhere"), "there is no such file or folder");
    png(&folder.path().join("train/cats/a.png"), shape(1, 1, 1), &[1]);
    says(folder.path(), "perhaps");
    says(&folder.path().join("train/cats/a.png"), "is a single image");
    says(&put(&folder, "table.csv", b"a,b"), "is no set of images");
    says(&put(&folder, "a.npz", b"PK"), "is no NumPy archive");
    png(&folder.path().join("wide/a.png"), shape(1, 5000, 1), &[1; 5000]);
    says(&folder.path().join("wide"), "set data.images.size");
}

#[test]
fn impossible_options_are_refused() {
    let folder = tempdir().unwrap();
    png(&folder.path().join("a.png"), shape(1, 1, 1), &[1]);
    for size in [Size::Square(0), Size::Sides([1, 4097])] {
        let said = refused(folder.path(), &ReadOptions { size: Some(size), ..Default::default() });
        assert!(said.contains("data.images.size"), "{said}");
    }
    for memory in [f64::NAN, -1.0] {
        let said = refused(folder.path(), &ReadOptions { memory: Some(memory), ..Default::default() });
        assert!(said.contains("data.images.memory"), "{said}");
    }
}

#[test]
fn options_are_read_as_people_write_them() {
    let read = |text: &str| toml::from_str::<ReadOptions>(text);
    assert_eq!(read("size = 28").unwrap().size.unwrap().sides(), (28, 28));
    assert_eq!(read("size = \"28\"").unwrap().size, Some(Size::Square(28)));
    assert_eq!(read("size = \"3x4\"").unwrap().size, Some(Size::Sides([3, 4])));
    let options = read("size = [3, 4]\nchannels = \"rgb\"\nfit = \"pad\"\nmax_bad = 0\nmemory = 0.5").unwrap();
    assert_eq!(options.size.unwrap().sides(), (3, 4));
    assert_eq!((options.channels, options.fit, options.max_bad), (Some(Channels::Rgb), Fit::Pad, Some(0)));
    assert_eq!(read("").unwrap(), ReadOptions::default());
    let again = toml::to_string(&options).unwrap();
    assert_eq!(read(&again).unwrap(), options);
    let said = read("size = \"big\"").unwrap_err().to_string();
    assert!(said.contains("[height, width]"), "{said}");
    assert!(read("colour = 1").is_err());
}

#[test]
fn idx_is_found_by_prefix_folder_and_file() {
    let folder = tempdir().unwrap();
    put(&folder, "train-images-idx3-ubyte", &idx(2, 1, 2, &[1, 2, 3, 4]));
    put(&folder, "train-labels-idx1-ubyte.gz", &gz(&[0, 0, 8, 1, 0, 0, 0, 2, 3, 0]));
    put(&folder, "t10k-images-idx3-ubyte.gz", &gz(&idx(1, 1, 1, &[5])));
    for path in [folder.path().to_owned(), folder.path().join("train"), folder.path().join("train-images-idx3-ubyte")] {
        let (images, reading) = read(&path);
        assert_eq!((images.labels(), pixels(&images)), (&[3, 0][..], vec![1, 2, 3, 4]));
        assert_eq!((images.classes(), reading.source.as_str()), (&names(&["0", "1", "2", "3"])[..], "IDX files"));
    }
    let (images, _) = read(&folder.path().join("t10k"));
    assert!(images.classes().is_empty() && pixels(&images) == [5]);
}

#[test]
fn idx_headers_that_lie_are_caught() {
    let folder = tempdir().unwrap();
    let images = "a-images-idx3-ubyte";
    let says = |name: &str, bytes: &[u8], words: &str| {
        let said = refused(&put(&folder, name, bytes), &ReadOptions::default());
        assert!(said.contains(words), "{said}");
    };
    says(images, &idx(3, 1, 2, &[0; 4]), "its header promises 3 images");
    says(images, &idx(1, 1, 2, &[0; 4]), "its header promises 1 images");
    says(images, &idx(u32::MAX, 4096, 4096, &[]), "has 16 bytes");
    says(images, &idx(1, 0, 4, &[]), "each side must be within");
    says(images, &idx(0, 2, 2, &[]), "holds no images");
    says(images, &[0, 0, 8, 1, 0, 0, 0, 0], "0x00000801");
    says(images, &[0, 0, 8], "ends within its header");
    let packed = "b-images-idx3-ubyte.gz";
    says(packed, &gz(&idx(u32::MAX, 4096, 4096, &[7; 100])), "ends after 0 of the 4294967295 images");
    says(packed, &gz(&idx(u32::MAX, u32::MAX, u32::MAX, &[7; 100])), "each side must be within");
    says(packed, &gz(&idx(3, 1, 2, &[0; 5])), "ends after 2 of the 3 images");
    says(packed, &gz(&idx(3, 1, 2, &[0; 7])), "is longer than its header says");

    let whole = gz(&idx(400, 2, 2, &noise(1600, 5)));
    says(packed, &whole[..whole.len() / 2], "the file ends too early");
    put(&folder, packed, &gz(&idx(2, 1, 1, &[1, 2])));
    let path = folder.path().join(packed);
    for (labels, words) in [
        (&[0, 0, 8, 1, 0, 0, 0, 3, 0, 0, 0][..], "3 labels for 2 images"),
        (&[0, 0, 8, 1, 0, 0, 0, 2, 0], "ends before its last label"),
        (&[0, 0, 8, 1, 0, 0, 0, 2, 0, 0, 0], "is longer than its header says"),
    ] {
        let at = put(&folder, "b-labels-idx1-ubyte", labels);
        let said = refused(&path, &ReadOptions::default());
        assert!(said.contains(words) && said.contains(&*at.to_string_lossy()), "{said}");
    }
}

#[test]
fn idx_images_are_brought_to_size_and_channels() {
    let folder = tempdir().unwrap();
    let path = put(&folder, "a-images-idx3-ubyte", &idx(2, 1, 3, &[1, 2, 3, 4, 5, 6]));
    let options = ReadOptions { size: Some(Size::Square(1)), channels: Some(Channels::Rgb), ..Default::default() };
    let (images, reading) = Images::read(&path, &options).unwrap();
    assert_eq!((images.shape(), pixels(&images)), (shape(1, 1, 3), vec![2, 2, 2, 5, 5, 5]));
    assert_eq!(reading.sizes, [((1, 3), 2)]);
}

#[test]
fn a_spilled_set_is_the_same_as_one_in_memory() {
    let folder = tempdir().unwrap();
    let s = shape(5, 3, 3);
    let bytes = noise(40 * s.len(), 11);
    let labels: Vec<u32> = (0..40).map(|i| i / 20).collect();
    for name in ["png", "a.npz"] {
        let path = folder.path().join(name);
        write(&path, s, &names(&["a", "b"]), &labels, &bytes);
        let (kept, _) = read(&path);
        let (spilled, _) = Images::read(&path, &ReadOptions { memory: Some(1e-7), ..Default::default() }).unwrap();
        assert!(matches!(spilled.pixels, Pixels::Spilled(_)) && matches!(kept.pixels, Pixels::Memory(_)));
        assert_eq!(pixels(&spilled), bytes);
        assert_eq!(spilled.hash().unwrap(), kept.hash().unwrap());
        let index = [39, 0, 1, 2, 2, 17];
        let (mut a, mut b) = (Vec::new(), Vec::new());
        spilled.gather(&index, &mut a).unwrap();
        kept.gather(&index, &mut b).unwrap();
        assert_eq!((&a, a.len()), (&b, index.len() * s.len()));
        let taken = spilled.take(&index).unwrap();
        assert_eq!((pixels(&taken), taken.labels()), (b, &[1, 0, 0, 0, 0, 0][..]));
    }
}

#[test]
fn memory_overflows_into_the_file_at_any_push() {
    let bytes = noise(1000, 2);
    for limit in [0, 1, 99, 100, 550, 999, 1000] {
        let mut store = store::Store::new(limit, 0);
        bytes.chunks(100).for_each(|b| store.push(b).unwrap());
        let pixels = store.finish();
        assert_eq!(matches!(pixels, Pixels::Memory(_)), limit >= 1000);
        assert_eq!(pixels.len(), 1000);
        let mut out = Vec::new();
        pixels.append(730, 270, &mut out).unwrap();
        pixels.append(0, 730, &mut out).unwrap();
        assert_eq!((&out[270..], &out[..270]), (&bytes[..730], &bytes[730..]));
    }
}

#[test]
fn the_hash_tells_every_part() {
    let set = |s, classes: &[&str], labels: &[u32], bytes: &[u8]| {
        Images::from_pixels(s, names(classes), labels.to_vec(), bytes.to_vec()).unwrap().hash().unwrap()
    };
    let bytes = noise(24, 1);
    let mut other = bytes.clone();
    other[23] ^= 1;
    let hashes = [
        set(shape(2, 3, 1), &["a", "b"], &[0, 1, 0, 1], &bytes),
        set(shape(3, 2, 1), &["a", "b"], &[0, 1, 0, 1], &bytes),
        set(shape(2, 3, 1), &["a", "c"], &[0, 1, 0, 1], &bytes),
        set(shape(2, 3, 1), &["a", "b"], &[0, 1, 1, 1], &bytes),
        set(shape(2, 3, 1), &["a", "b"], &[0, 1, 0, 1], &other),
        set(shape(2, 3, 1), &[], &[], &bytes),
    ];
    assert_eq!(hashes[0], set(shape(2, 3, 1), &["a", "b"], &[0, 1, 0, 1], &bytes));
    let distinct: HashSet<u64> = hashes.into_iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

#[test]
fn sets_that_do_not_fit_together_are_refused() {
    let s = shape(1, 2, 1);
    let set = |s, classes: &[&str], labels: &[u32]| Images::from_pixels(s, names(classes), labels.to_vec(), vec![0; 4]);
    assert!(set(s, &["a"], &[0, 0]).is_ok());
    assert!(set(s, &[], &[]).is_ok());
    for (s, classes, labels) in [
        (shape(1, 3, 1), &[][..], &[][..]),
        (shape(0, 2, 1), &[], &[]),
        (shape(1, 2, 2), &[], &[]),
        (s, &["a"], &[0]),
        (s, &["a"], &[0, 1]),
        (s, &["a"], &[]),
        (s, &[], &[0, 0]),
        (s, &["a", "a"], &[0, 0]),
    ] {
        assert!(set(s, classes, labels).is_err(), "{s:?} {classes:?} {labels:?}");
    }
    let images = set(s, &[], &[]).unwrap();
    assert!(images.gather(&[0, 2], &mut Vec::new()).unwrap_err().to_string().contains("no image 2"));
}

#[test]
fn labels_follow_the_classes_of_another_set() {
    let set = || {
        let classes = names(&["cat", "dog", "unused"]);
        Images::from_pixels(shape(1, 1, 1), classes, vec![0, 1, 0], vec![1, 2, 3]).unwrap()
    };
    let images = set().with_classes(&names(&["dog", "emu", "cat"])).unwrap();
    assert_eq!((images.labels(), images.classes().len()), (&[2, 0, 2][..], 3));
    assert_eq!(pixels(&images), [1, 2, 3]);
    let said = set().with_classes(&names(&["cat", "dogs"])).unwrap_err().to_string();
    assert!(said.contains("`dog`") && said.contains("did you mean `dogs`?"), "{said}");
    assert!(set().with_classes(&[]).is_err());
    let bare = Images::from_pixels(shape(1, 1, 1), Vec::new(), Vec::new(), vec![1]).unwrap();
    assert!(bare.with_classes(&names(&["cat"])).unwrap_err().to_string().contains("no classes"));
}

#[test]
fn a_grid_lies_as_drawn() {
    let s = shape(1, 2, 1);
    let (bytes, whole) = grid(&[1, 2, 3, 4, 5, 6], s, 2, 1, 1);
    assert_eq!(whole, shape(3, 5, 1));
    #[rustfmt::skip]
    assert_eq!(bytes, [
        1, 2, 255, 3, 4,
        255, 255, 255, 255, 255,
        5, 6, 255, 255, 255,
    ]);
    let (bytes, whole) = grid(&[1, 2], s, 8, 3, 2);
    assert_eq!((whole, bytes), (shape(2, 4, 1), vec![1, 1, 2, 2, 1, 1, 2, 2]));
    let (bytes, whole) = grid(&[1, 2, 3, 4, 5, 6], shape(1, 1, 3), 1, 1, 1);
    assert_eq!((whole, bytes), (shape(3, 1, 3), vec![1, 2, 3, 255, 255, 255, 4, 5, 6]));
    assert!(grid(&[], s, 4, 1, 1).0.is_empty());
}

#[test]
fn a_png_carries_its_texts() {
    let text = [("Software", "verisim"), ("Comment", "synthetic – not a photograph")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let bytes = png_bytes(&[1, 2, 3, 4], shape(1, 1, 4), &text).unwrap();
    let find = |what: &[u8]| bytes.windows(what.len()).any(|w| w == what);
    assert!(find(b"tEXtSoftware\0verisim"));
    let reader = ::png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
    let info = reader.info();
    assert_eq!(info.utf8_text[0].get_text().unwrap(), text[1].1);
    assert!(png_bytes(&[1], shape(1, 1, 1), &[(String::new(), "x".to_owned())]).is_err());
    assert!(png_bytes(&[1], shape(1, 2, 1), &[]).is_err());
    assert!(png_bytes(&[1, 2], shape(1, 1, 2), &[]).is_err());
}

#[test]
fn a_folder_of_pngs_has_a_table_of_its_classes() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("sample");
    fs::create_dir(&path).unwrap();
    let text = [("Software".to_owned(), "verisim".to_owned())];
    let mut writer = Writer::create(&path, shape(1, 1, 1), &names(&["b, c", "a", "none"]), 3, &text).unwrap();
    writer.write(&[5, 6], &[0, 1]).unwrap();
    writer.write(&[7], &[0]).unwrap();
    writer.finish().unwrap();
    assert_eq!(leftovers(&path), ["a", "b, c", "labels.csv"]);
    assert_eq!(leftovers(&path.join("b, c")), ["000000.png", "000002.png"]);
    let table = fs::read_to_string(path.join("labels.csv")).unwrap();
    assert_eq!(table, "file,class\n\"b, c/000000.png\",\"b, c\"\na/000001.png,a\n\"b, c/000002.png\",\"b, c\"\n");
    let bytes = fs::read(path.join("a/000001.png")).unwrap();
    assert!(bytes.windows(20).any(|w| w == b"tEXtSoftware\0verisim"));

    let said = Writer::create(&path, shape(1, 1, 1), &[], 1, &[]).err().unwrap().to_string();
    assert!(said.contains("not empty"), "{said}");
}

/// An empty folder that is there is filled: it may be a link, as here, or a mounted disk, which cannot be replaced.
#[cfg(unix)]
#[test]
fn a_folder_behind_a_link_is_filled() {
    let folder = tempdir().unwrap();
    let (disk, link) = (folder.path().join("disk"), folder.path().join("link"));
    // What a system puts on an empty disk does not count.
    fs::create_dir_all(disk.join("lost+found")).unwrap();
    fs::create_dir_all(disk.join(".Trash")).unwrap();
    std::os::unix::fs::symlink(&disk, &link).unwrap();
    let write = |finish: bool| {
        let mut writer = Writer::create(&link, shape(1, 1, 1), &names(&["what?"]), 2, &[]).unwrap();
        writer.write(&[5, 6], &[0, 0]).unwrap();
        if finish {
            writer.finish().unwrap()
        }
    };
    write(false);
    assert_eq!(
        (leftovers(&disk), leftovers(folder.path())),
        (names(&[".Trash", "lost+found"]), names(&["disk", "link"]))
    );
    write(true);
    assert_eq!(leftovers(&disk), [".Trash", "labels.csv", "lost+found", "what?"]);
    assert_eq!(leftovers(&link.join("what?")), ["000000.png", "000001.png"]);
    assert!(link.is_symlink() && leftovers(folder.path()) == ["disk", "link"]);
}

#[test]
fn a_writer_dropped_unfinished_leaves_nothing() {
    let folder = tempdir().unwrap();
    for name in ["png", "a.npz", "a-images-idx3-ubyte", "b-images-idx3-ubyte.gz"] {
        let mut writer =
            Writer::create(&folder.path().join(name), shape(1, 1, 1), &names(&["a"]), 4, &[]).unwrap();
        writer.write(&[1, 2], &[0, 0]).unwrap();
        assert!(!leftovers(folder.path()).is_empty());
        drop(writer);
        assert_eq!(leftovers(folder.path()), [""; 0], "{name}");
        let mut writer =
            Writer::create(&folder.path().join(name), shape(1, 1, 1), &names(&["a"]), 2, &[]).unwrap();
        assert!(writer.write(&[1, 2, 3], &[0, 0, 0]).is_err());
        assert!(writer.write(&[1, 2], &[0]).is_err());
        assert!(writer.write(&[1], &[1]).is_err());
        writer.write(&[1], &[0]).unwrap();
        assert!(writer.finish().unwrap_err().to_string().contains("announced to hold 2 images and got 1"));
        assert_eq!(leftovers(folder.path()), [""; 0], "{name}");
    }
}

#[test]
fn a_writer_refuses_what_its_format_cannot_hold() {
    let folder = tempdir().unwrap();
    let says = |name: &str, s: Shape, classes: &[&str], words: &str| {
        let error = Writer::create(&folder.path().join(name), s, &names(classes), 1, &[]).err();
        let said = error.map(|e| e.to_string()).unwrap_or_default();
        assert!(said.contains(words), "{name}: {said}");
    };
    let grey = shape(1, 1, 1);
    says("a.gif", grey, &[], "ends in .npz");
    says("a-ubyte", grey, &[], "-images-idx3-ubyte");
    says("a-images-idx3-ubyte", shape(1, 1, 3), &[], "grey");
    says("a", shape(0, 1, 3), &[], "each side");
    for class in ["..", "", ".hidden", "a/b", "a\nb", "labels.csv"] {
        says("a", grey, &[class], "cannot be the name of a folder");
    }
    fs::write(folder.path().join("file"), "x").unwrap();
    says("file", grey, &[], "is a file");
    put(&folder, "b-labels-idx1-ubyte", &[]);
    says("b-images-idx3-ubyte.gz", grey, &[], "would be taken for the labels");
    assert_eq!(leftovers(folder.path()), ["b-labels-idx1-ubyte", "file"]);
}

#[test]
fn the_same_sample_is_the_same_file() {
    let bytes = noise(200, 9);
    let once = |name: &str| {
        let folder = tempdir().unwrap();
        let path = folder.path().join(name);
        write(&path, shape(10, 10, 1), &names(&["a", "b"]), &[1, 0], &bytes);
        fs::read(path).unwrap()
    };
    for name in ["a.npz", "a-images-idx3-ubyte.gz"] {
        assert_eq!(once(name), once(name));
    }
}

#[test]
fn an_npz_is_laid_out_as_numpy_does() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    write(&path, shape(1, 2, 3), &names(&["ä", "dog"]), &[1, 0], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let bytes = fs::read(&path).unwrap();
    let at = |what: &[u8]| bytes.windows(what.len()).position(|w| w == what).unwrap();
    let start = at(b"\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 2, 3), } ");
    assert_eq!(bytes[start + 127], b'\n');
    assert_eq!(bytes[start + 128..start + 140], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let start = at(b"{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }") - 10;
    assert_eq!(bytes[start + 128..start + 144], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let start = at(b"{'descr': '<U3', 'fortran_order': False, 'shape': (2,), }") - 10;
    assert_eq!(bytes[start + 128..start + 136], [0xe4, 0, 0, 0, 0, 0, 0, 0]);
    let (images, reading) = read(&path);
    assert_eq!((images.classes(), reading.source.as_str()), (&names(&["ä", "dog"])[..], "NumPy archive"));
}

/// An archive of these arrays, each packed or not.
fn npz_of(folder: &TempDir, arrays: &[(&str, &str, &str, &[u8])], packed: bool) -> PathBuf {
    let path = folder.path().join("made.npz");
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, kind, shape, body) in arrays {
        let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n");
        let mut array = b"\x93NUMPY\x01\x00".to_vec();
        array.extend((text.len() as u16).to_le_bytes());
        array.extend(text.bytes().chain(body.iter().copied()));
        let mut crc = flate2::Crc::new();
        crc.update(&array);
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&array).unwrap();
        let (method, data) = if packed { (8_u16, encoder.finish().unwrap()) } else { (0, array.clone()) };
        let mut fields = vec![20, 0, 0, 0];
        fields.extend(method.to_le_bytes());
        fields.extend([0, 0, 33, 0]);
        fields.extend(crc.sum().to_le_bytes());
        fields.extend((data.len() as u32).to_le_bytes());
        fields.extend((array.len() as u32).to_le_bytes());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend([0, 0]);
        let offset = out.len() as u32;
        out.extend(b"PK\x03\x04");
        out.extend(&fields);
        out.extend(name.bytes().chain(data));
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(fields);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.bytes());
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([arrays.len() as u8, 0, arrays.len() as u8, 0]);
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    fs::write(&path, out).unwrap();
    path
}

#[test]
fn archives_of_others_are_read_packed_or_not() {
    let folder = tempdir().unwrap();
    for packed in [false, true] {
        let images = ("images.npy", "|u1", "(2, 1, 2)", &[1, 2, 3, 4][..]);
        let path = npz_of(&folder, &[images, ("labels.npy", "<i2", "(2, 1)", &[2, 0, 1, 0])], packed);
        let (set, _) = read(&path);
        assert_eq!((set.shape(), pixels(&set)), (shape(1, 2, 1), vec![1, 2, 3, 4]));
        assert_eq!((set.labels(), set.classes()), (&[2, 1][..], &names(&["0", "1", "2"])[..]));
        let says = |arrays: &[(&str, &str, &str, &[u8])], words: &str| {
            let said = refused(&npz_of(&folder, arrays, packed), &ReadOptions::default());
            assert!(said.contains(words), "{said}");
        };
        says(&[("x.npy", "|u1", "(1,)", &[1])], "has no array `images` (it has x.npy)");
        says(&[("images.npy", "<f4", "(1, 1, 1)", &[0; 4])], "must hold bytes");
        says(&[("images.npy", "|u1", "(4,)", &[0; 4])], "(N,H,W,C)");
        says(&[("images.npy", "|u1", "(4, 1, 1)", &[0; 3])], "ends after 3 of the 4");
        says(&[("images.npy", "|u1", "(4, 1, 1)", &[0; 5])], "is longer than its header says");
        says(&[("images.npy", "|u1", "(99999999999999, 4096, 4096)", &[0; 5])], "promises more images");
        says(&[images, ("labels.npy", "<i2", "(2,)", &[2, 0, 255, 255])], "label 1 is negative");
        says(&[images, ("labels.npy", "<i2", "(3,)", &[0; 6])], "must be (2,)");
        says(&[images, ("labels.npy", "<f8", "(2,)", &[0; 16])], "whole numbers");
        says(&[images, ("labels.npy", "<u4", "(2,)", &[255; 8])], "has the label");
        let labels = ("labels.npy", "|u1", "(2,)", &[0, 1][..]);
        says(&[images, labels, ("classes.npy", "<U1", "(1,)", &[97, 0, 0, 0])], "no class 1 among 1");
        says(&[images, labels, ("classes.npy", "<U0", "(999999999999,)", &[])], "65536 are the most");
    }
}

#[test]
fn a_flipped_bit_in_an_archive_is_noticed() {
    let folder = tempdir().unwrap();
    let path = npz_of(&folder, &[("images.npy", "|u1", "(2, 1, 2)", &[101, 102, 103, 104])], false);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(4).position(|w| w == [101, 102, 103, 104]).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(refused(&path, &ReadOptions::default()).contains("checksum"));
}
