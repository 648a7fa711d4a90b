//! Labelled pictures on disk: plain folders, folders of masks, COCO, YOLO and Pascal VOC, read one at a time, changed, and written again.
//!
//! [`ImageSet::open`] finds what a path holds and lists it; [`ImageSet::read`] reads one picture and what is said of it. Memory grows with
//! names alone, and for COCO with the text of its file. [`augment_images`] reads, changes and writes all of a set on all threads.
//!
//! Only data to train with are changed: where a set has splits that is the one, and a set of data to test with alone is refused unless
//! it is asked for by name. [`copies`] finds copies, changed ones too, on both sides of a split.

mod coco;
mod copies;
mod files;
mod find;
mod found;
mod ids;
mod join;
mod names;
mod out;
mod preview;
mod record;
mod rle;
mod run;
mod split;
mod voc;
mod xml;
mod yolo;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use copies::{Copies, Pair, copies};
pub use find::OpenSettings;
pub use join::put_together;
pub use out::OutSettings;
pub use preview::sheet;
pub use run::{Job, Report, Skipped, augment_images, replay_images};
pub use yolo::Task;

pub(super) use files::in_form;
pub(crate) use out::Folder;

use super::labels::{Bounds, Labels};
use super::{Item, Partners};
use crate::error::{Error, Result};
use coco::Coco;
use files::{read_text, wrong};
use found::Found;

/// How labels lie beside pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Pictures, in folders that are their classes or in none.
    Folder,
    /// `images/`, and `masks/` with files of the same names.
    Masks,
    /// A JSON file for all.
    Coco,
    /// A text file for each, and `data.yaml` or `classes.txt`.
    Yolo,
    /// An XML file for each.
    Voc,
}

impl Layout {
    /// Its name in a config.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Folder => "folder",
            Layout::Masks => "masks",
            Layout::Coco => "coco",
            Layout::Yolo => "yolo",
            Layout::Voc => "voc",
        }
    }
}

/// The pictures of a folder, by their names.
pub(super) fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all: Vec<PathBuf> = files::list(folder)?.into_iter().filter(|path| files::is_picture(path)).collect();
    all.sort();
    Ok(all)
}

/// One picture of a set.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its file, from the folder of pictures.
    pub name: PathBuf,
    /// Its class, where folders are classes.
    pub class: Option<u32>,
    /// The file that is about it alone, from the root of the set.
    label: Option<PathBuf>,
    /// Its place in a file that is about all.
    row: usize,
}

/// A split that is left alone.
#[derive(Debug, Clone)]
struct Other {
    name: String,
    /// Its files and folders, from the root of the set.
    paths: Vec<PathBuf>,
}

/// A set of pictures on disk.
#[derive(Debug)]
pub struct ImageSet {
    root: PathBuf,
    /// The folder of pictures, from the root.
    pictures: PathBuf,
    layout: Layout,
    why: String,
    entries: Vec<Entry>,
    classes: Vec<String>,
    /// For each class, which key point is which in a mirror.
    flips: Vec<Vec<usize>>,
    split: Option<String>,
    others: Vec<Other>,
    notes: Vec<String>,
    source: Source,
}

/// What a layout needs beyond the list of pictures.
#[derive(Debug)]
enum Source {
    Folder,
    Masks,
    /// The annotations, and their file from the root.
    Coco(Box<Coco>, PathBuf),
    Yolo {
        task: Task,
        flips: Vec<usize>,
    },
    Voc,
}

/// A picture with its labels, and what was found on the way.
#[derive(Debug)]
struct Read {
    item: Item,
    found: Found,
}

impl ImageSet {
    /// What is at a path: a folder, a COCO file, or the `data.yaml` of a YOLO set.
    pub fn open(path: &Path, settings: &OpenSettings) -> Result<ImageSet> {
        find::open(path, settings)
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All pictures, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Its layout.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// A sentence that says by what the layout was recognised.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Names of classes; boxes have numbers into them. Numbers beyond them are their own names.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The split that the pictures are of, where the set has splits.
    pub fn split(&self) -> Option<&str> {
        self.split.as_deref()
    }

    /// Names of splits that are left alone.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(|o| o.name.as_str())
    }

    /// What is odd about the set, and what is left alone, in sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The folder, or that of the file, that it was opened by.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file of a picture.
    pub fn path(&self, i: usize) -> Result<PathBuf> {
        self.entry(i).map(|e| self.root.join(&self.pictures).join(&e.name))
    }

    /// A picture and its labels. Boxes that cannot be are left out: without area, outside the picture, of an unknown class.
    pub fn read(&self, i: usize) -> Result<Item> {
        self.read_all(i).map(|r| r.item)
    }

    fn entry(&self, i: usize) -> Result<&Entry> {
        let n = self.entries.len();
        self.entries.get(i).ok_or_else(|| Error::Item(format!("there is no picture {i}; the set has {n}")))
    }

    fn read_all(&self, i: usize) -> Result<Read> {
        let entry = self.entry(i)?;
        let path = self.path(i)?;
        let label = entry.label.as_ref().map(|l| self.root.join(l));
        let mut xml = None;
        let known = match &self.source {
            Source::Coco(coco, _) => coco.images[entry.row].sides,
            Source::Voc => match &label {
                Some(file) => {
                    xml = Some(xml::Element::read(&read_text(file)?).map_err(|e| wrong(file, e))?);
                    xml.as_ref().and_then(voc::sides)
                }
                None => None,
            },
            _ => None,
        };
        let picture = files::read(&path, known)?;
        let sides = (picture.width(), picture.height());
        let mut found = match (&self.source, &label) {
            (Source::Coco(coco, file), _) => {
                coco.labels(entry.row, sides).map_err(|e| wrong(&self.root.join(file), e))?
            }
            (Source::Yolo { task, .. }, Some(file)) => yolo::labels(&read_text(file)?, *task, sides),
            (Source::Masks, Some(file)) => self.with_mask(Found::default(), file)?,
            _ => Found::default(),
        };
        if let Some(root) = &xml {
            found = voc::labels(root, &self.classes, sides);
        }
        if matches!(self.source, Source::Voc) {
            for folder in ["SegmentationClass", "SegmentationObject"] {
                let beside = self.root.join(&self.pictures).with_file_name(folder);
                let file = yolo::with_end(&beside.join(&entry.name), "png");
                if file.is_file() {
                    found = self.with_mask(found, &file)?;
                }
            }
        }
        if !matches!(self.source, Source::Coco(..)) {
            // Numbers of lines become numbers in the set.
            found.boxes.iter_mut().for_each(|b| b.id += (i as u64) << 20);
        }
        let labels = Labels {
            masks: std::mem::take(&mut found.masks),
            boxes: std::mem::take(&mut found.boxes),
            points: Vec::new(),
            classes: entry.class.map(|c| (c, 1.0)).into_iter().collect(),
        };
        labels.check(&picture).map_err(|e| wrong(label.as_deref().unwrap_or(&path), e.to_string()))?;
        Ok(Read { item: Item { picture, labels }, found })
    }

    fn with_mask(&self, mut found: Found, file: &Path) -> Result<Found> {
        let (masks, form) = ids::read_masks(file)?;
        let relative = file.strip_prefix(&self.root).unwrap_or(file).to_owned();
        found.files.push((relative, form, masks.len()));
        found.masks.extend(masks);
        Ok(found)
    }

    /// Puts left and right key points of mirrored things in each other's places, so that they are what their names say.
    fn settle(&self, boxes: &mut [Bounds]) {
        for b in boxes.iter_mut().filter(|b| b.mirrored && !b.marks.is_empty()) {
            if let Some(order) = self.flips.get(b.class as usize).filter(|f| f.len() == b.marks.len()) {
                let old = b.marks.clone();
                for (m, from) in b.marks.iter_mut().zip(order) {
                    *m = old.get(*from).copied().unwrap_or(*m);
                }
            }
            b.mirrored = false;
        }
    }

    /// The name of a class.
    fn class_name(&self, class: u32) -> String {
        self.classes.get(class as usize).cloned().unwrap_or_else(|| class.to_string())
    }
}

impl Partners for ImageSet {
    fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    fn get(&self, index: u64) -> Result<Item> {
        self.read(usize::try_from(index).unwrap_or(usize::MAX))
    }
}

/// Which name is which in a mirror: `left` and `right` in it change places.
fn mirrored_names(names: &[String]) -> Vec<usize> {
    let swapped = |name: &str| -> Vec<String> {
        [("left", "right"), ("Left", "Right"), ("l_", "r_"), ("L_", "R_")]
            .into_iter()
            .flat_map(|(a, b)| [(a, b), (b, a)])
            .filter(|(a, _)| if a.len() == 2 { name.starts_with(a) } else { name.contains(a) })
            .map(|(a, b)| name.replacen(a, b, 1))
            .collect()
    };
    let of =
        |(i, name): (usize, &String)| swapped(name).iter().find_map(|s| names.iter().position(|n| n == s)).unwrap_or(i);
    names.iter().enumerate().map(of).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
