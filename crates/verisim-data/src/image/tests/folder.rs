//! Folders of image files.

use super::*;

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
    assert_eq!(pixels(&images)[24..], [255, 255, 255, 0, 9, 9, 9, 128]);
    // Nothing seen is white where there is no alpha; half of 9 and half of white are 132.
    let grey = ReadSettings { channels: Some(Channels::Grey), ..Default::default() };
    assert_eq!(pixels(&Images::read(folder.path(), &grey).unwrap().0), [7, 200, 1, 2, 2, 5, 255, 132]);
}

#[test]
fn mixed_sizes_are_named_unless_a_size_is_given() {
    let folder = tempdir().unwrap();
    png(&folder.path().join("a.png"), shape(2, 4, 1), &[10, 20, 30, 40, 50, 60, 70, 80]);
    png(&folder.path().join("b.png"), shape(2, 2, 1), &[1, 2, 3, 4]);
    png(&folder.path().join("c.png"), shape(2, 2, 1), &[5; 4]);
    let said = refused(folder.path(), &ReadSettings::default());
    assert!(said.contains("2 of 2 x 2, 1 of 2 x 4") && said.contains("size = [2, 2]"), "{said}");

    let sized = |size, fit| {
        let (images, reading) =
            Images::read(folder.path(), &ReadSettings { size: Some(size), fit, ..Default::default() }).unwrap();
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
    let options = ReadSettings { size: Some(Size::Square(2)), fit: Fit::Pad, ..Default::default() };
    let bytes = pixels(&Images::read(folder.path(), &options).unwrap().0);
    assert_eq!(bytes[8..], [255, 255, 255, 0, 255, 255, 255, 0]);
    assert!(bytes[..8].chunks(4).all(|p| p[3] == 0 || p[1] == 0), "{bytes:?}");
    assert!(bytes[3] > 128 && bytes[7] < 128, "{bytes:?}");
}

#[test]
fn an_extreme_strip_is_cut_before_it_is_scaled() {
    let folder = tempdir().unwrap();
    png(&folder.path().join("a.png"), shape(1, 30_000, 1), &vec![77; 30_000]);
    let options = ReadSettings { size: Some(Size::Square(1000)), ..Default::default() };
    let (images, _) = Images::read(folder.path(), &options).unwrap();
    assert!(pixels(&images).iter().all(|&p| p == 77));
}

#[test]
fn grey_of_colours_weighs_them_as_luma() {
    let folder = tempdir().unwrap();
    png(&folder.path().join("a.png"), shape(1, 3, 3), &[255, 0, 0, 0, 255, 0, 0, 0, 255]);
    let options = ReadSettings { channels: Some(Channels::Grey), ..Default::default() };
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
    let said = refused(folder.path(), &ReadSettings::default());
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
        .map(|(p, _)| crate::image::folder::is_image(p).to_string() + &p.file_name().unwrap().to_string_lossy())
        .collect();
    assert_eq!(skipped, ["truecut.png", "truetext.jpg", "true3.png"]);
    assert!(reading.skipped.iter().all(|(_, why)| !why.is_empty()));
    assert_eq!(reading.found, 8);

    let said = refused(folder.path(), &ReadSettings { max_bad: Some(2), ..Default::default() });
    assert!(said.contains("cut.png") && said.contains("text.jpg") && said.contains("3.png"), "{said}");
    assert!(said.contains("max_bad"), "{said}");
    assert!(Images::read(folder.path(), &ReadSettings { max_bad: Some(3), ..Default::default() }).is_ok());
    let said = refused(&folder.path().join("bad"), &ReadSettings::default());
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

/// A picture of 4 x 3 pixels: red, and its last row blue.
fn two_colours() -> image::RgbImage {
    image::RgbImage::from_fn(4, 3, |_, y| image::Rgb(if y == 2 { [0, 0, 200] } else { [200, 0, 0] }))
}

#[test]
fn files_of_every_ending_are_read() {
    let folder = tempdir().unwrap();
    let endings = ["bmp", "gif", "ico", "jfif", "jpe", "jpeg", "jpg", "png", "tga", "tif", "tiff", "webp"];
    for ending in endings {
        let format = match ending {
            "jfif" | "jpe" => image::ImageFormat::Jpeg,
            ending => image::ImageFormat::from_extension(ending).unwrap(),
        };
        // An icon wants alpha.
        let image = image::DynamicImage::ImageRgba8(image::DynamicImage::ImageRgb8(two_colours()).into_rgba8());
        let image = if ending == "ico" { image } else { image.into_rgb8().into() };
        image.save_with_format(folder.path().join(format!("a.{ending}")), format).unwrap();
    }
    let (images, reading) = read(folder.path());
    assert_eq!((images.len(), reading.skipped.len(), images.shape()), (endings.len(), 0, shape(3, 4, 3)));
    for (ending, pixels) in endings.iter().zip(pixels(&images).chunks_exact(36)) {
        let near = |p: &[u8], colour: [u8; 3]| p.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 60);
        assert!(near(&pixels[..3], [200, 0, 0]) && near(&pixels[33..], [0, 0, 200]), "{ending}: {pixels:?}");
    }
}

#[test]
fn a_folder_of_deep_tiffs_alone_is_read() {
    let folder = tempdir().unwrap();
    for i in 0..3_u16 {
        let image =
            image::ImageBuffer::<image::Luma<u16>, _>::from_fn(3, 2, |x, _| image::Luma([257 * (10 * i + x as u16)]));
        image.save(folder.path().join(format!("slice{i}.tif"))).unwrap();
    }
    let (images, _) = read(folder.path());
    assert_eq!(images.shape(), shape(2, 3, 1));
    assert_eq!(pixels(&images)[6..12], [10, 11, 12, 10, 11, 12]);
}

#[test]
fn what_is_not_read_is_counted_by_its_ending() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    ["a.avif", "b.AVIF", "c.heic", "README", ".DS_Store"].iter().for_each(|name| fs::write(at(name), b"?").unwrap());
    let said = refused(folder.path(), &ReadSettings::default());
    assert!(said.contains("2 .avif") && said.contains("1 .heic") && said.contains("convert them"), "{said}");
    png(&at("d.png"), shape(1, 1, 1), &[5]);
    let (images, reading) = read(folder.path());
    assert_eq!(images.len(), 1);
    let told = reading.left_out().unwrap();
    assert!(told.starts_with("2 .avif, 1 without an ending, 1 .heic"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_named() {
    let folder = tempdir().unwrap();
    png(&folder.path().join("a.png"), shape(1, 1, 1), &[5]);
    std::os::unix::fs::symlink("gone.png", folder.path().join("b.png")).unwrap();
    let (images, reading) = read(folder.path());
    assert_eq!((images.len(), reading.found), (1, 2));
    assert!(reading.skipped[0].0.ends_with("b.png") && reading.skipped[0].1.contains("link"), "{:?}", reading.skipped);
}

/// Pictures equal to the eye are equal, from files and from arrays, at their own size and at another.
#[test]
fn colours_under_no_opacity_do_not_matter() {
    let folder = tempdir().unwrap();
    let of = |hidden: [u8; 3]| {
        let pixel =
            |i: usize| if i.is_multiple_of(3) { [hidden[0], hidden[1], hidden[2], 0] } else { [i as u8, 9, 90, 200] };
        (0..36).flat_map(pixel).collect::<Vec<u8>>()
    };
    let hidden = [[0, 0, 0], [255, 0, 255]];
    let sized = ReadSettings { size: Some(Size::Square(4)), ..Default::default() };
    for (i, settings) in [ReadSettings::default(), sized].iter().enumerate() {
        let seen = hidden.map(|hidden| {
            let at = |ending: &str| folder.path().join(format!("{hidden:?}{i}{ending}"));
            let (files, array) = (at(""), at(".npz"));
            png(&files.join("a.png"), shape(6, 6, 4), &of(hidden));
            write(&array, shape(6, 6, 4), &[], &[], &of(hidden));
            [files, array].map(|path| pixels(&Images::read(&path, settings).unwrap().0))
        });
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0][0], seen[0][1]);
    }
}

#[test]
fn few_images_are_learnt_with_a_warning() {
    use crate::watch::{Event, Watch};
    struct Notes(Vec<String>);
    impl Watch for Notes {
        fn on(&mut self, event: Event) {
            if let Event::Note(text) = event {
                self.0.push(text);
            }
        }
    }
    let folder = tempdir().unwrap();
    let mut notes = Notes(Vec::new());
    for i in 0..40 {
        png(&folder.path().join(format!("{i}.png")), shape(1, 1, 1), &[i]);
        let source = Source { path: folder.path().into(), images: None };
        <Images as crate::kind::Data>::read(&source, &mut notes).unwrap();
    }
    assert_eq!(notes.0.len(), 29);
    assert!(notes.0[0].contains("1 image to learn") && notes.0[2].contains("3 images"), "{:?}", notes.0);
}

/// The bytes of a picture in each of the formats.
fn encoded() -> &'static [Vec<u8>] {
    static FILES: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    FILES.get_or_init(|| {
        let image = image::DynamicImage::ImageRgb8(two_colours());
        let of = |ending: &str| {
            let mut bytes = std::io::Cursor::new(Vec::new());
            let image = if ending == "ico" { image.to_rgba8().into() } else { image.clone() };
            image.write_to(&mut bytes, image::ImageFormat::from_extension(ending).unwrap()).unwrap();
            bytes.into_inner()
        };
        ["bmp", "gif", "ico", "jpg", "png", "tga", "tiff", "webp"].map(of).to_vec()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Whatever is in a file, it is read or refused.
    #[test]
    fn no_damage_to_a_picture_panics(
        format in 0_usize..8, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut: bool,
    ) {
        let mut bytes = encoded()[format].clone();
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if cut {
            bytes.truncate(changes[0].0.index(bytes.len()));
        }
        let folder = tempdir().unwrap();
        let path = folder.path().join("a.tga");
        fs::write(&path, bytes).unwrap();
        let _ = decode::measure(&path);
        let _ = decode::decode(&path);
    }
}
