//! A set of images in memory or, if it is large, in a temporary file.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use super::shape::Shape;
use super::store::{BLOCK, Pixels};
use crate::error::{Error, Result};
use crate::rng::mix;

/// What was there when a set was read: what a person wants to know beyond the images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Number of images, the skipped ones included.
    pub found: usize,
    /// Files that could not be read, and why.
    pub skipped: Vec<(PathBuf, String)>,
    /// How many files of a folder are no images that can be read, by the ending of their names.
    pub left_out: BTreeMap<String, usize>,
    /// Height, width and number of the images before they were brought to one size, the most frequent first.
    pub sizes: Vec<((usize, usize), usize)>,
    /// What kind of set it was, e.g. `IDX files`, `folder with 10 class folders`, `flat folder`.
    pub source: String,
}

/// Images of one shape, each of a class if there are classes. Pixels beyond
/// [`ReadSettings::memory`](super::ReadSettings::memory) are in an unnamed temporary file, which is gone with the set.
pub struct Images {
    shape: Shape,
    classes: Vec<String>,
    labels: Vec<u32>,
    pub(super) pixels: Pixels,
}

impl std::fmt::Debug for Images {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Images")
            .field("shape", &self.shape)
            .field("len", &self.len())
            .field("classes", &self.classes)
            .finish_non_exhaustive()
    }
}

impl Images {
    /// The set of these `pixels`, image after image, row by row, channels last. Without classes there are no labels,
    /// else one below the number of classes for each image.
    ///
    /// # Errors
    /// When shape, classes, labels and pixels do not fit together.
    pub fn from_pixels(shape: Shape, classes: Vec<String>, labels: Vec<u32>, pixels: Vec<u8>) -> Result<Images> {
        Images::assemble(shape, classes, labels, Pixels::Memory(pixels))
    }

    pub(super) fn assemble(shape: Shape, classes: Vec<String>, labels: Vec<u32>, pixels: Pixels) -> Result<Images> {
        if let Some(problem) = shape.problem() {
            return Err(Error::images(format!("there cannot be {problem}")));
        }
        if !pixels.len().is_multiple_of(shape.len()) {
            return Err(Error::images(format!(
                "{} bytes are no whole number of images of {} bytes",
                pixels.len(),
                shape.len()
            )));
        }
        let images = Images { shape, classes, labels, pixels };
        check_labels(&images.labels, images.len(), images.classes.len())?;
        let mut seen = HashSet::new();
        match images.classes.iter().find(|c| !seen.insert(c.as_str())) {
            Some(twice) => Err(Error::images(format!("there are two classes `{twice}`; rename one of them"))),
            None => Ok(images),
        }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.pixels.len() / self.shape.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of every image.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Names of the classes; none if the images have no classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The class of each image, an index into [`Images::classes`]; empty without classes.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Fills `out` with the images at `index`, each row by row, channels last.
    ///
    /// # Errors
    /// When the set has no such image, or the temporary file cannot be read.
    pub fn gather(&self, index: &[usize], out: &mut Vec<u8>) -> Result<()> {
        let (each, len) = (self.shape.len(), self.len());
        if let Some(beyond) = index.iter().find(|&&i| i >= len) {
            return Err(Error::images(format!("there is no image {beyond} in a set of {len}")));
        }
        out.clear();
        out.reserve(index.len() * each);
        // Neighbours come in one read; a pass in order over a temporary file then costs few calls.
        for run in index.chunk_by(|a, b| a + 1 == *b) {
            self.pixels.append(run[0] * each, run.len() * each, out)?;
        }
        Ok(())
    }

    /// A hash of shape, classes, labels and pixels: the SplitMix64 finaliser folded over words of eight bytes, a class
    /// name and an image beginning a word each.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn hash(&self) -> Result<u64> {
        let word = |hash: u64, x: usize| mix(hash ^ x as u64);
        let Shape { height, width, channels } = self.shape;
        let mut hash = [height, width, channels, self.classes.len(), self.len()].into_iter().fold(0, word);
        for class in &self.classes {
            hash = fold(word(hash, class.len()), class.as_bytes());
        }
        hash = self.labels.iter().fold(hash, |h, &l| word(h, l as usize));
        let (each, mut block) = (self.shape.len(), Vec::new());
        let many = (BLOCK / each).max(1);
        for start in (0..self.len()).step_by(many) {
            block.clear();
            self.pixels.append(start * each, many.min(self.len() - start) * each, &mut block)?;
            hash = block.chunks_exact(each).fold(hash, fold);
        }
        Ok(hash)
    }

    /// The images at `index`, in memory.
    ///
    /// # Errors
    /// As [`Images::gather`].
    pub fn take(&self, index: &[usize]) -> Result<Images> {
        let mut pixels = Vec::new();
        self.gather(index, &mut pixels)?;
        let labels = if self.labels.is_empty() { Vec::new() } else { index.iter().map(|&i| self.labels[i]).collect() };
        Ok(Images { shape: self.shape, classes: self.classes.clone(), labels, pixels: Pixels::Memory(pixels) })
    }

    /// The same images, labelled after the `classes` of another set, in their order.
    ///
    /// # Errors
    /// When an image is of a class that is not among `classes`, or has none where there are some.
    pub fn with_classes(self, classes: &[String]) -> Result<Images> {
        if self.classes.is_empty() && !classes.is_empty() && !self.is_empty() {
            return Err(Error::images(format!(
                "these images have no classes, the others have {}; put each into a folder named after its class",
                list(classes)
            )));
        }
        let place: Vec<Option<usize>> =
            self.classes.iter().map(|mine| classes.iter().position(|c| c == mine)).collect();
        // A class of which there is no image does no harm.
        let label = |&old: &u32| match place[old as usize] {
            Some(new) => Ok(new as u32),
            None => Err(unknown_class(&self.classes[old as usize], classes)),
        };
        let labels = self.labels.iter().map(label).collect::<Result<_>>()?;
        Ok(Images { labels, classes: classes.to_vec(), ..self })
    }
}

fn fold(hash: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(hash, |h, &w| mix(h ^ u64::from_le_bytes(w)));
    if rest.is_empty() {
        return hash;
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(hash ^ u64::from_le_bytes(last))
}

fn unknown_class(class: &str, classes: &[String]) -> Error {
    if classes.is_empty() {
        return Error::images(format!(
            "these images have classes (e.g. `{class}`), the others have none; put them all into one folder"
        ));
    }
    let near = crate::error::nearest(class, classes.iter().map(String::as_str));
    let hint = near.map_or(format!("they are {}", list(classes)), |n| format!("did you mean `{n}`?"));
    Error::images(format!("the class `{class}` is not among those of the other images; {hint}"))
}

/// The first names, and how many more.
fn list(names: &[String]) -> String {
    let first = names[..names.len().min(10)].join(", ");
    if names.len() <= 10 { first } else { format!("{first} and {} more", names.len() - 10) }
}

/// Refuses labels that are not one a picture, each below `classes`, or none where there are no classes.
pub(super) fn check_labels(labels: &[u32], images: usize, classes: usize) -> Result<()> {
    if classes == 0 && !labels.is_empty() {
        return Err(Error::images("there are labels but no classes; give the classes their names"));
    }
    if classes > 0 && labels.len() != images {
        return Err(Error::images(format!("there are {} labels for {images} images; give one each", labels.len())));
    }
    match labels.iter().find(|&&l| l as usize >= classes) {
        Some(beyond) => {
            Err(Error::images(format!("there is no class {beyond} among {classes}; number the classes from 0")))
        }
        None => Ok(()),
    }
}
