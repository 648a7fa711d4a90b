//! IDX, the format of MNIST: big-endian magic number and dimensions, then bytes
//! (<http://yann.lecun.com/exdb/mnist>).

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::raw::{Raw, end, fill, numbered};
use super::set::{Images, Reading};
use super::settings::ReadSettings;
use super::shape::Shape;
use crate::error::{Error, Result};
use crate::file::Scratch;

/// Bytes in three dimensions.
const IMAGES: u32 = 0x803;
/// Bytes in one dimension.
const LABELS: u32 = 0x801;

/// Whether a file of this name holds images.
pub(super) fn is_images(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
    name.strip_suffix(".gz").unwrap_or(&name).ends_with("idx3-ubyte")
}

/// Where packages of data sets put them on Debian and its kin.
const INSTALLED: &str = "/usr/share/datasets";

/// The file of images that `path` means: itself, what begins so, or the training part in the folder. A relative path
/// that leads nowhere may name an installed data set: `fashion-mnist/train`.
pub(super) fn find(path: &Path) -> Option<PathBuf> {
    find_in(path, Path::new(INSTALLED))
}

fn find_in(path: &Path, installed: &Path) -> Option<PathBuf> {
    let elsewhere = || (path.is_relative() && !path.exists()).then(|| installed.join(path));
    find_at(path).or_else(|| find_at(&elsewhere()?))
}

fn find_at(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return is_images(path).then(|| path.to_owned());
    }
    let start = if path.is_dir() { path.join("train") } else { path.to_owned() };
    let name = start.file_name()?.to_string_lossy().into_owned();
    ["-images-idx3-ubyte", "-images-idx3-ubyte.gz", "-images.idx3-ubyte", "-images.idx3-ubyte.gz"]
        .into_iter()
        .map(|end| start.with_file_name(format!("{name}{end}")))
        .find(|p| p.is_file())
}

/// Where the labels to `images` belong.
pub(super) fn labels_path(images: &Path) -> PathBuf {
    let name = images.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    images.with_file_name(name.replace("images", "labels").replace("idx3", "idx1"))
}

/// The labels beside `images`, if they are there, packed or not.
pub(super) fn find_labels(images: &Path) -> Option<PathBuf> {
    let beside = labels_path(images);
    let other = match beside.extension() {
        Some(e) if e == "gz" => beside.with_extension(""),
        _ => PathBuf::from(format!("{}.gz", beside.display())),
    };
    [beside, other].into_iter().find(|p| p.is_file())
}

fn packed(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "gz")
}

fn open(path: &Path) -> Result<Box<dyn Read>> {
    let file = BufReader::with_capacity(1 << 16, File::open(path).map_err(Error::io(path))?);
    Ok(if packed(path) { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// The `N` numbers after the magic one.
fn header<const N: usize>(path: &Path, stream: &mut dyn Read, magic: u32) -> Result<[usize; N]> {
    let mut word = || -> Result<u32> {
        let mut bytes = [0; 4];
        match fill(stream, &mut bytes).map_err(Error::io(path))? {
            4 => Ok(u32::from_be_bytes(bytes)),
            _ => Err(Error::file(path, "ends within its header; copy or download it again")),
        }
    };
    let found = word()?;
    if found != magic {
        return Err(Error::file(
            path,
            format!(
                "begins with {found:#010x} and not with {magic:#010x}; it is no such IDX file, or damaged: name another, or copy it again"
            ),
        ));
    }
    let mut dimensions = [0; N];
    for d in &mut dimensions {
        *d = word()? as usize;
    }
    Ok(dimensions)
}

pub(super) fn read(path: &Path, settings: &ReadSettings) -> Result<(Images, Reading)> {
    let mut stream = open(path)?;
    let [count, height, width] = header(path, &mut stream, IMAGES)?;
    let raw = Raw { count, shape: Shape { height, width, channels: 1 }, trusted: !packed(path) };
    if !packed(path) {
        let there = fs::metadata(path).map_err(Error::io(path))?.len();
        let promised = 16 + count as u128 * height as u128 * width as u128;
        if u128::from(there) != promised {
            return Err(Error::file(
                path,
                format!(
                    "has {there} bytes, but its header promises {count} images of {height} x {width}, {promised} bytes; \
                     copy or download it again"
                ),
            ));
        }
    }
    let pixels = raw.read(path, &mut stream, settings)?;
    let labels = find_labels(path).map_or(Ok(Vec::new()), |labels| read_labels(&labels, count))?;
    let classes = numbered(path, &labels)?;
    raw.set("IDX files", settings, classes, labels, pixels)
}

/// The `count` labels in the file at `path`. There are as many images, so the number is no lie.
fn read_labels(path: &Path, count: usize) -> Result<Vec<u32>> {
    let mut stream = open(path)?;
    let [found] = header(path, &mut stream, LABELS)?;
    if found != count {
        return Err(Error::file(
            path,
            format!(
                "holds {found} labels for {count} images; it belongs to another file: put theirs there, or remove it"
            ),
        ));
    }
    let mut labels = vec![0; count];
    if fill(&mut stream, &mut labels).map_err(Error::io(path))? < count {
        return Err(Error::file(path, "ends before its last label; copy or download it again"));
    }
    end(path, &mut stream)?;
    Ok(labels.into_iter().map(u32::from).collect())
}

/// A file being written, packed or not.
enum Stream {
    Plain(BufWriter<File>),
    Packed(Box<GzEncoder<BufWriter<File>>>),
}

impl Stream {
    fn new(path: &Path, file: File) -> Stream {
        let file = BufWriter::with_capacity(1 << 16, file);
        if packed(path) {
            Stream::Packed(Box::new(GzEncoder::new(file, flate2::Compression::default())))
        } else {
            Stream::Plain(file)
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Plain(w) => w.write_all(bytes),
            Stream::Packed(w) => w.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Stream::Plain(mut w) => w.flush(),
            Stream::Packed(w) => w.finish()?.flush(),
        }
    }
}

struct Part {
    stream: Stream,
    path: PathBuf,
    scratch: Scratch,
}

impl Part {
    fn create(path: &Path, magic: u32, dimensions: &[usize]) -> Result<Part> {
        let (scratch, file) = Scratch::file(path)?;
        let mut part = Part { stream: Stream::new(path, file), path: path.to_owned(), scratch };
        part.write(&magic.to_be_bytes())?;
        for &d in dimensions {
            let d = u32::try_from(d)
                .map_err(|_| Error::file(path, format!("IDX cannot count to {d}; write a folder or an .npz")))?;
            part.write(&d.to_be_bytes())?;
        }
        Ok(part)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write(bytes).map_err(Error::io(&self.path))
    }

    /// Completes the file; it still has its temporary name.
    fn finish(self) -> Result<Scratch> {
        self.stream.finish().map_err(Error::io(&self.path))?;
        Ok(self.scratch)
    }
}

/// Images and, if there are classes, their labels.
pub(super) struct Output {
    images: Part,
    labels: Option<Part>,
}

impl Output {
    pub(super) fn create(path: &Path, shape: Shape, classes: usize, count: usize) -> Result<Output> {
        if !is_images(path) {
            return Err(Error::file(
                path,
                "no name for images in IDX; let it end in -images-idx3-ubyte, also with .gz",
            ));
        }
        if shape.channels != 1 {
            return Err(Error::file(
                path,
                "IDX holds grey images alone, these have colours; write a folder or an .npz",
            ));
        }
        if classes > 256 {
            return Err(Error::file(path, format!("IDX holds 256 classes, not {classes}; write a folder or an .npz")));
        }
        if let (0, Some(labels)) = (classes, find_labels(path)) {
            return Err(Error::file(
                &labels,
                "would be taken for the labels of these images; remove it or rename these",
            ));
        }
        let images = Part::create(path, IMAGES, &[count, shape.height, shape.width])?;
        let labels = (classes > 0).then(|| Part::create(&labels_path(path), LABELS, &[count])).transpose()?;
        Ok(Output { images, labels })
    }

    pub(super) fn write(&mut self, pixels: &[u8], labels: &[u32]) -> Result<()> {
        self.images.write(pixels)?;
        let Some(part) = &mut self.labels else { return Ok(()) };
        // Labels were checked against the classes, of which there are 256 at most.
        let labels: Vec<u8> = labels.iter().map(|&l| l as u8).collect();
        part.write(&labels)
    }

    pub(super) fn finish(self) -> Result<()> {
        let images = self.images.finish()?;
        let labels = self.labels.map(Part::finish).transpose()?;
        // Images come last: where they stand, their labels do.
        labels.map_or(Ok(()), Scratch::publish)?;
        images.publish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn installed_sets_are_found_by_their_name() {
        let installed = tempfile::tempdir().unwrap();
        let folder = installed.path().join("some-set");
        fs::create_dir(&folder).unwrap();
        let images = folder.join("t10k-images-idx3-ubyte.gz");
        fs::write(&images, []).unwrap();
        let find = |path: &str| find_in(Path::new(path), installed.path());
        assert_eq!(find("some-set/t10k"), Some(images));
        assert_eq!(find("some-set"), None);
        assert_eq!(find("/some-set/t10k"), None);
        // What is there in its own right is not looked for elsewhere.
        assert_eq!(find("src"), None);
    }
}
