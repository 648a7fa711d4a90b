//! Files of pictures: which there are, how they are read, and how they are encoded again.

use std::fs;
use std::io::Cursor;
use std::path::{Component, Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use crate::error::{Error, Result};
use crate::image::picture::{Picture, Sample, Samples};

/// Ends of the names of pictures.
const PICTURES: [&str; 8] = ["jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp", "gif"];

pub(super) fn wrong(path: &Path, what: impl Into<String>) -> Error {
    Error::File { path: path.to_owned(), what: what.into() }
}

/// What the system said of a file.
pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |e| wrong(path, format!("{e}{}", verisim_data::error::io_remedy(&e)))
}

/// The end of a name after its last point, in small letters.
pub(super) fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

pub(super) fn is_picture(path: &Path) -> bool {
    PICTURES.contains(&extension(path).as_str())
}

/// A text file; what is not Unicode is replaced, a mark of the order of bytes is left out.
pub(super) fn read_text(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(io(path))?;
    let text = String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// What is directly in a folder, sorted; hidden names are left out.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(io(folder))? {
        let entry = entry.map_err(io(folder))?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Folders that are walked through into one another; more is a circle of links.
const DEEPEST: usize = 32;

/// All files below a folder for which `wanted`, by their paths from it, sorted. Hidden ones are left out.
pub(super) fn walk(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    fn into(
        folder: &Path,
        from: &Path,
        depth: usize,
        wanted: &dyn Fn(&Path) -> bool,
        found: &mut Vec<PathBuf>,
    ) -> Result<()> {
        if depth > DEEPEST {
            return Err(wrong(folder, "lies too deep; do links lead round in a circle?"));
        }
        for path in list(folder)? {
            let name = match path.file_name() {
                Some(name) => from.join(name),
                None => continue,
            };
            if path.is_dir() {
                into(&path, &name, depth + 1, wanted, found)?;
            } else if wanted(&path) {
                found.push(name);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    into(folder, Path::new(""), 0, wanted, &mut found)?;
    found.sort();
    Ok(found)
}

/// A path that stays within its folder, with slashes of either kind.
pub(super) fn inside(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(name.replace('\\', "/"));
    let mut made = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(p) => made.push(p),
            Component::CurDir => {}
            _ => return None,
        }
    }
    (!made.as_os_str().is_empty()).then_some(made)
}

/// A path with slashes, as it is written into files of labels.
pub(super) fn slashed(path: &Path) -> String {
    path.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Reads a picture. It is turned upright as its Exif data say, unless `sides`, which its labels name, are those of the picture as it is
/// stored and not of the upright one.
pub(super) fn read(path: &Path, sides: Option<(usize, usize)>) -> Result<Picture> {
    let fail = |what: String| wrong(path, what);
    let reader = ImageReader::open(path).map_err(io(path))?.with_guessed_format().map_err(io(path))?;
    let mut decoder = reader.into_decoder().map_err(|e| fail(e.to_string()))?;
    let upright = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| fail(e.to_string()))?;
    let stored = (image.width() as usize, image.height() as usize);
    let turned = !matches!(
        upright,
        Orientation::NoTransforms | Orientation::Rotate180 | Orientation::FlipHorizontal | Orientation::FlipVertical
    );
    if !(turned && stored.0 != stored.1 && sides == Some(stored)) {
        image.apply_orientation(upright);
    }
    let picture = Picture::try_from(image).map_err(|e| fail(e.to_string()))?;
    match sides {
        Some((w, h)) if (w, h) != (picture.width(), picture.height()) => Err(fail(format!(
            "is {} x {} pixels, but its labels are for {w} x {h}; mend the labels or put the right picture there",
            picture.width(),
            picture.height()
        ))),
        _ => Ok(picture),
    }
}

/// A picture as a file in the format of `extension` where that can hold it, else as PNG; and the end of its name. Formats that lose
/// nothing, and JPEG of `quality`.
pub(super) fn encode(picture: &Picture, extension: &str, quality: u8) -> Result<(Vec<u8>, String)> {
    let plain = matches!(picture.samples(), Samples::Eight(_));
    let opaque = picture.colours() == picture.channels();
    let format = match extension {
        "jpg" | "jpeg" if plain && opaque => ImageFormat::Jpeg,
        "bmp" if plain => ImageFormat::Bmp,
        "webp" if plain && picture.colours() == 3 => ImageFormat::WebP,
        "tif" | "tiff" if opaque || picture.colours() == 3 => ImageFormat::Tiff,
        _ => ImageFormat::Png,
    };
    let mut file = Cursor::new(Vec::new());
    let image = picture.to_dynamic();
    let done = match format {
        ImageFormat::Jpeg => image.write_with_encoder(JpegEncoder::new_with_quality(&mut file, quality)),
        format => image.write_to(&mut file, format),
    };
    done.map_err(|e| Error::Item(format!("a picture cannot be encoded: {e}")))?;
    let end = if format == ImageFormat::Png { "png" } else { extension };
    Ok((file.into_inner(), end.to_owned()))
}

/// A picture in the form of another, of so many channels and 8 or 16 bits: grey becomes colours that are alike, colours become their
/// lightness (ITU-R BT.601), opacity is full where there was none.
pub(in crate::image) fn in_form(picture: Picture, channels: usize, deep: bool) -> Result<Picture> {
    let is_deep = matches!(picture.samples(), Samples::Sixteen(_));
    if (picture.channels(), is_deep) == (channels, deep) {
        return Ok(picture);
    }
    fn convert<S: Sample>(from: &[S], own: usize, channels: usize, factor: f32) -> Vec<f32> {
        let colours = channels - usize::from(channels.is_multiple_of(2));
        let own_colours = own - usize::from(own.is_multiple_of(2));
        let mut made = Vec::with_capacity(from.len() / own * channels);
        for p in from.chunks_exact(own) {
            let c = |i: usize| p[i].up();
            match (own_colours, colours) {
                (1, n) => made.extend(std::iter::repeat_n(c(0) * factor, n)),
                (_, 1) => made.push((0.299 * c(0) + 0.587 * c(1) + 0.114 * c(2)) * factor),
                _ => made.extend((0..3).map(|i| c(i) * factor)),
            }
            if channels > colours {
                made.push(if own > own_colours { c(own - 1) } else { S::MAX } * factor);
            }
        }
        made
    }
    let factor = match (is_deep, deep) {
        (false, true) => 257.0,
        (true, false) => 1.0 / 257.0,
        _ => 1.0,
    };
    let numbers = match picture.samples() {
        Samples::Eight(s) => convert(s, picture.channels(), channels, factor),
        Samples::Sixteen(s) => convert(s, picture.channels(), channels, factor),
    };
    let samples = match deep {
        false => Samples::Eight(numbers.into_iter().map(u8::down).collect()),
        true => Samples::Sixteen(numbers.into_iter().map(u16::down).collect()),
    };
    Picture::new(picture.width(), picture.height(), channels, samples)
}
