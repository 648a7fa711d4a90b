//! Writing images: one PNG, a grid of them, and whole samples a chunk at a time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::set::check_labels;
use super::shape::Shape;
use super::store::BLOCK;
use super::{idx, npz};
use crate::error::{Error, Result};
use crate::file::Scratch;

/// The image `pixels` as a PNG file, with `text` (keywords of 1 to 79 letters, and what they say) in it.
///
/// # Errors
/// When pixels and shape do not fit together, or a keyword is none.
pub fn png_bytes(pixels: &[u8], shape: Shape, text: &[(String, String)]) -> Result<Vec<u8>> {
    let Shape { height, width, channels } = shape;
    let colour = match channels {
        1 => png::ColorType::Grayscale,
        3 => png::ColorType::Rgb,
        4 => png::ColorType::Rgba,
        _ => return Err(Error::images(format!("a PNG has 1, 3 or 4 channels, not {channels}"))),
    };
    if pixels.len() != shape.len() {
        let what = format!("{} bytes are not one image of {height} x {width} x {channels}", pixels.len());
        return Err(Error::images(what));
    }
    let failed = |e: png::EncodingError| Error::images(format!("a PNG cannot be made: {e}"));
    let side = |n| u32::try_from(n).map_err(|_| Error::images(format!("a PNG cannot be {n} pixels long")));
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side(width)?, side(height)?);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    for (key, value) in text {
        // The plain chunk holds Latin-1 alone.
        let latin = value.chars().all(|c| u32::from(c) < 256);
        let add = if latin { png::Encoder::add_text_chunk } else { png::Encoder::add_itxt_chunk };
        add(&mut encoder, key.clone(), value.clone()).map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

/// The images in `pixels` side by side, `columns` a row, with `gap` pixels of white between them, each pixel of theirs
/// `scale` x `scale`. Fewer images than columns make a narrower grid. Returns its pixels and shape.
pub fn grid(pixels: &[u8], shape: Shape, columns: usize, gap: usize, scale: usize) -> (Vec<u8>, Shape) {
    let (each, channels, scale) = (shape.len().max(1), shape.channels, scale.max(1));
    let images = pixels.len() / each;
    let columns = columns.clamp(1, images.max(1));
    let rows = images.div_ceil(columns);
    let (tall, wide) = (shape.height * scale, shape.width * scale);
    let span = |n: usize, side: usize| n * side + n.saturating_sub(1) * gap;
    let whole = Shape { height: span(rows, tall), width: span(columns, wide), channels };
    let mut out = vec![255; whole.len()];
    for (i, image) in pixels.chunks_exact(each).enumerate() {
        let (top, left) = (i / columns * (tall + gap), i % columns * (wide + gap));
        for y in 0..tall {
            let row = &image[y / scale * shape.width * channels..][..shape.width * channels];
            let at = ((top + y) * whole.width + left) * channels;
            let line = &mut out[at..at + wide * channels];
            for (pixel, copies) in row.chunks_exact(channels).zip(line.chunks_exact_mut(scale * channels)) {
                copies.chunks_exact_mut(channels).for_each(|copy| copy.copy_from_slice(pixel));
            }
        }
    }
    (out, whole)
}

/// Writes a sample a chunk at a time; memory does not grow with it. It appears under its name with
/// [`Writer::finish`]; a writer dropped before leaves nothing.
///
/// | path | what is written |
/// |---|---|
/// | without extension, or an empty folder | a folder of PNGs `000000.png`, with classes in class folders, and `labels.csv` |
/// | `.npz` | the arrays `images` (N,H,W,C; bytes) and, with classes, `labels` and `classes` |
/// | `*-images-idx3-ubyte`, also `.gz` | IDX, grey alone; with classes their numbers in `*-labels-idx1-ubyte` |
pub struct Writer {
    output: Output,
    path: PathBuf,
    shape: Shape,
    classes: usize,
    count: usize,
    written: usize,
}

/// A sample being written, in one of the formats.
enum Output {
    Folder(Box<Folder>),
    Npz(Box<npz::Output>),
    Idx(Box<idx::Output>),
}

impl Writer {
    /// A writer to `path` of `count` images. `text` goes into every PNG, and into the comment of an `.npz`; IDX has no
    /// place for it.
    ///
    /// # Errors
    /// When the name says no format, a folder of that name holds something, the format cannot hold such images or
    /// classes, or there is no writing there.
    pub fn create(
        path: &Path,
        shape: Shape,
        classes: &[String],
        count: usize,
        text: &[(String, String)],
    ) -> Result<Writer> {
        if let Some(problem) = shape.problem() {
            return Err(Error::file(path, format!("cannot hold {problem}")));
        }
        let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        let output = if path.is_dir() {
            Output::Folder(Box::new(Folder::create(path, shape, classes, count, text)?))
        } else if npz::is_npz(path) {
            Output::Npz(Box::new(npz::Output::create(path, shape, classes, count, text)?))
        } else if name.ends_with("-ubyte") || name.ends_with("-ubyte.gz") {
            Output::Idx(Box::new(idx::Output::create(path, shape, classes.len(), count)?))
        } else if path.extension().is_none() {
            Output::Folder(Box::new(Folder::create(path, shape, classes, count, text)?))
        } else {
            return Err(Error::file(
                path,
                "the name says no format of images; give a name without extension for a folder of PNGs, or one that \
                 ends in .npz or in -images-idx3-ubyte (also with .gz)",
            ));
        };
        Ok(Writer { output, path: path.to_owned(), shape, classes: classes.len(), count, written: 0 })
    }

    /// Appends any number of images, with one label each if there are classes.
    ///
    /// # Errors
    /// When pixels, labels and what was announced do not fit together, or the disk refuses.
    pub fn write(&mut self, pixels: &[u8], labels: &[u32]) -> Result<()> {
        let each = self.shape.len();
        if !pixels.len().is_multiple_of(each) {
            return Err(Error::images(format!("{} bytes are no whole number of images of {each}", pixels.len())));
        }
        let images = pixels.len() / each;
        check_labels(labels, images, self.classes)?;
        if self.written + images > self.count {
            return Err(Error::file(&self.path, format!("was announced to hold {} images and gets more", self.count)));
        }
        match &mut self.output {
            Output::Folder(folder) => folder.write(pixels, labels)?,
            Output::Npz(output) => output.write(pixels, labels)?,
            Output::Idx(output) => output.write(pixels, labels)?,
        }
        self.written += images;
        Ok(())
    }

    /// Completes the sample and gives it its name.
    ///
    /// # Errors
    /// When fewer images came than were announced, the last bytes cannot be written, or there is no renaming.
    pub fn finish(self) -> Result<()> {
        if self.written < self.count {
            let what = format!("was announced to hold {} images and got {}", self.count, self.written);
            return Err(Error::file(&self.path, what));
        }
        match self.output {
            Output::Folder(folder) => folder.finish(),
            Output::Npz(output) => output.finish(),
            Output::Idx(output) => output.finish(),
        }
    }
}

/// A folder of PNGs being written.
struct Folder {
    table: Option<csv::Writer<File>>,
    shape: Shape,
    classes: Vec<String>,
    /// Which class folders are there; one without images would be no class when read.
    made: Vec<bool>,
    text: Vec<(String, String)>,
    digits: usize,
    next: usize,
    path: PathBuf,
    scratch: Scratch,
}

impl Folder {
    fn create(
        path: &Path,
        shape: Shape,
        classes: &[String],
        count: usize,
        text: &[(String, String)],
    ) -> Result<Folder> {
        if path.is_file() {
            return Err(Error::file(path, "is a file; remove it, or choose another name for the folder of images"));
        }
        if path.is_dir() && holds_something(path).map_err(Error::io(path))? {
            return Err(Error::file(path, "is a folder that is not empty; remove it or choose another"));
        }
        if let Some(class) = classes.iter().find(|c| !names_folder(c)) {
            let what = format!("the class `{}` cannot be the name of a folder; write an .npz", class.escape_default());
            return Err(Error::file(path, what));
        }
        let scratch = Scratch::folder(path)?;
        let mut table = None;
        if !classes.is_empty() {
            let file = File::create(scratch.temporary().join("labels.csv")).map_err(Error::io(path))?;
            let mut writer = csv::Writer::from_writer(file);
            writer.write_record(["file", "class"]).map_err(|e| Error::io(path)(e.into()))?;
            table = Some(writer);
        }
        let digits = count.saturating_sub(1).to_string().len().max(6);
        let (classes, made) = (classes.to_vec(), vec![false; classes.len()]);
        let text = text.to_vec();
        Ok(Folder { table, shape, classes, made, text, digits, next: 0, path: path.to_owned(), scratch })
    }

    fn write(&mut self, pixels: &[u8], labels: &[u32]) -> Result<()> {
        let each = self.shape.len();
        let mut labels = labels.iter();
        // Images are packed on all threads and written in order; only a few wait in memory.
        let many = (BLOCK / each).max(rayon::current_num_threads());
        for block in pixels.chunks(many * each) {
            let files: Vec<Result<Vec<u8>>> =
                block.par_chunks_exact(each).map(|image| png_bytes(image, self.shape, &self.text)).collect();
            for file in files {
                let mut name = format!("{:0width$}.png", self.next, width = self.digits);
                self.next += 1;
                if let (Some(&label), Some(table)) = (labels.next(), &mut self.table) {
                    let class = &self.classes[label as usize];
                    if !std::mem::replace(&mut self.made[label as usize], true) {
                        let folder = self.scratch.temporary().join(class);
                        fs::create_dir(&folder).map_err(Error::io(&folder))?;
                    }
                    name = format!("{class}/{name}");
                    table.write_record([&name, class]).map_err(|e| Error::io(&self.path)(e.into()))?;
                }
                let at = self.scratch.temporary().join(name);
                fs::write(&at, file?).map_err(Error::io(&at))?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<()> {
        if let Some(mut table) = self.table {
            table.flush().map_err(Error::io(&self.path))?;
        }
        self.scratch.publish()
    }
}

/// Whether a folder holds more than what systems put on an empty disk.
fn holds_something(folder: &Path) -> std::io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && name != "lost+found" && name != "System Volume Information" {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a class may name a folder within the sample's own on this system, and be seen when it is read back.
fn names_folder(class: &str) -> bool {
    let marks = if cfg!(windows) { r#"/\:*?"<>|"# } else { "/" };
    let reserved = |c: char| c.is_control() || marks.contains(c);
    !class.is_empty()
        && class.len() <= 255
        && !class.starts_with('.')
        && class != "labels.csv"
        && !class.contains(reserved)
}
