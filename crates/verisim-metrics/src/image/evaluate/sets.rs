//! The sets of images that are compared: read alike, and looked at in random order.

use std::path::Path;

use verisim_data::image::{Channels, Images, ReadSettings, Reading, Shape, Size};
use verisim_data::number::grouped;
use verisim_data::rng::{permutation, stream};
use verisim_data::{Error, Event, Watch};

use super::Ask;
use crate::image::{Counts, NEIGHBOURS};
use crate::{Known, Result};

/// A set of images, looked at in random order.
pub(super) struct Set {
    pub images: Images,
    /// Whether its labels are indices into the classes of the real images, and there are some.
    pub labelled: bool,
    pub order: Vec<usize>,
}

impl Set {
    /// `which` set it is makes the order differ from those of the others.
    pub fn new(images: Images, labelled: bool, seed: u64, which: u64) -> Set {
        let order = permutation(&mut stream(seed, "evaluated images", which), images.len());
        Set { images, labelled, order }
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// The first images of the random order, at most `most`.
    pub fn first(&self, most: usize) -> &[usize] {
        &self.order[..most.min(self.len())]
    }

    /// Bytes of the images at `index`, one after another.
    pub fn pixels(&self, index: &[usize]) -> Result<Vec<u8>> {
        let mut pixels = Vec::new();
        self.images.gather(index, &mut pixels)?;
        Ok(pixels)
    }
}

/// The images of an evaluation, of one shape.
pub(super) struct Sets {
    pub real: Set,
    pub synthetic: Set,
    pub holdout: Option<Set>,
    /// Files that could not be read.
    pub unreadable: usize,
}

impl Sets {
    pub fn read(ask: &Ask, known: Option<&Known<Images>>, watch: &mut dyn Watch) -> Result<Sets> {
        let seed = ask.seed.unwrap_or(crate::SEED);
        let options = options(ask.size, known, watch)?;
        let (real, mut unreadable) = read(&ask.real, &options, watch)?;
        let alike = of_shape(real.shape(), options);
        let mut other = |path: &Path, which: u64, watch: &mut dyn Watch| -> Result<Set> {
            let (images, skipped) = read(path, &alike, watch)?;
            unreadable += skipped;
            let (images, labelled) = labelled_as(images, &real, path, ask, watch)?;
            Ok(Set::new(images, labelled, seed, which))
        };
        let synthetic = other(&ask.synthetic, 1, watch)?;
        let holdout = ask.holdout.as_deref().map(|path| other(path, 2, watch)).transpose()?;
        let labelled = !real.classes().is_empty();
        Ok(Sets { real: Set::new(real, labelled, seed, 0), synthetic, holdout, unreadable })
    }

    /// Images of the smallest set.
    pub fn fewest(&self) -> usize {
        let others = [Some(&self.synthetic), self.holdout.as_ref()].into_iter().flatten();
        others.map(Set::len).fold(self.real.len(), usize::min)
    }

    /// The hold-out, if a network can be asked for the classes of its images: there is more than one class.
    pub fn tested(&self) -> Option<&Set> {
        self.holdout.as_ref().filter(|held| held.labelled && self.real.images.classes().len() >= 2)
    }

    pub fn counts(&self) -> Counts {
        Counts {
            train: self.real.len(),
            holdout: self.holdout.as_ref().map(Set::len),
            synthetic: self.synthetic.len(),
            unreadable: self.unreadable,
        }
    }
}

/// How the images are read: as those of the model were, if one is known.
fn options(size: Option<Size>, known: Option<&Known<Images>>, watch: &mut dyn Watch) -> Result<ReadSettings> {
    // What cannot be read is named, and the rest is compared. Three sets share the memory.
    let each = ReadSettings { max_bad: Some(usize::MAX), memory: Some(4.0 / 3.0), ..Default::default() };
    let Some(known) = known else {
        return Ok(ReadSettings { size, ..each });
    };
    if size.is_some() {
        let what = "images are brought to the size of those of the model; leave the size or the model out".into();
        return Err(Error::Images { what }.into());
    }
    if known.source.is_none() {
        let what = "the model is of an old format, which does not tell how its images were brought to one size; images are cropped to its size";
        watch.on(Event::Note(what.into()));
    }
    let fit = known.source.as_ref().and_then(|source| source.images.clone()).unwrap_or_default().fit;
    Ok(of_shape(known.spec.shape, ReadSettings { fit, ..each }))
}

/// `options` that bring images to `shape`.
fn of_shape(shape: Shape, options: ReadSettings) -> ReadSettings {
    let channels = match shape.channels {
        1 => Channels::Grey,
        3 => Channels::Rgb,
        _ => Channels::Rgba,
    };
    ReadSettings { size: Some(Size::Sides([shape.height, shape.width])), channels: Some(channels), ..options }
}

/// Reads a set that is large enough to be compared, and tells what was done to it; the number of files that cannot be read too.
fn read(path: &Path, options: &ReadSettings, watch: &mut dyn Watch) -> Result<(Images, usize)> {
    let (images, reading) = Images::read(path, options)?;
    let least = NEIGHBOURS + 1;
    if images.len() < least {
        let what = format!("holds {} images, which say too little; give it at least {least}", images.len());
        return Err(Error::File { path: path.to_owned(), what }.into());
    }
    tell(path, &images, &reading, watch);
    Ok((images, reading.skipped.len()))
}

fn tell(path: &Path, images: &Images, reading: &Reading, watch: &mut dyn Watch) {
    reading.tell(watch);
    let (height, width) = (images.shape().height, images.shape().width);
    let changed: usize = reading.sizes.iter().filter(|(size, _)| *size != (height, width)).map(|(_, n)| n).sum();
    if changed > 0 {
        let changed = grouped(changed as u64);
        watch
            .on(Event::Note(format!("{}: {changed} images were brought to {height} x {width} pixels", path.display())));
    }
}

/// `images` labelled by the classes of the `real` ones, and whether they are: both sets must have classes.
fn labelled_as(images: Images, real: &Images, path: &Path, ask: &Ask, watch: &mut dyn Watch) -> Result<(Images, bool)> {
    if images.classes().is_empty() || real.classes().is_empty() {
        if !images.classes().is_empty() {
            let real = ask.real.display();
            let what = format!("{}: its classes are not used, since {real} has none", path.display());
            watch.on(Event::Note(what));
        }
        return Ok((images, false));
    }
    let named = |error: Error| Error::File { path: path.to_owned(), what: error.to_string() };
    Ok((images.with_classes(real.classes()).map_err(named)?, true))
}
