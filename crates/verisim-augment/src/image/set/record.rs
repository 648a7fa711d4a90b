//! What is written of one picture: its own files at once, and lines for the files that are about many.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::files::{encode, extension, io, slashed, wrong};
use super::found::{Found, short};
use super::out::{Plan, copy, put};
use super::{Layout, Read, Source, ids, rle, voc, yolo};
use crate::error::Result;
use crate::image::Item;
use crate::image::labels::{Bounds, Seen};

/// Lines for files about many pictures.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub images: Vec<String>,
    pub annotations: Vec<String>,
    pub list: Vec<String>,
    pub shares: Vec<String>,
    pub drawn: Vec<String>,
}

impl Plan<'_> {
    /// Writes a picture as it was, and tells of it.
    pub fn original(&self, folder: &Path, index: u64, read: &Read, lines: &mut Lines) -> Result<()> {
        let set = self.set;
        let entry = set.entry(index as usize)?;
        copy(&set.path(index as usize)?, &folder.join(self.picture(&entry.name)))?;
        if self.list().is_some() {
            lines.list.push(self.list_line(&entry.name));
        }
        if self.layout != set.layout {
            return self.labels(folder, index, None, &read.item, &read.found, &entry.name, lines);
        }
        for file in entry.label.iter().chain(read.found.files.iter().map(|(file, ..)| file)) {
            copy(&set.root.join(file), &folder.join(file))?;
        }
        if let Source::Coco(coco, _) = &set.source {
            lines.images.push(coco.image_text(entry.row).to_owned());
            lines.annotations.extend(coco.annotation_texts(entry.row).map(str::to_owned));
        }
        Ok(())
    }

    /// Writes a changed picture and its labels, and tells of them.
    pub fn changed(
        &self,
        folder: &Path,
        (index, pass): (u64, u64),
        item: &Item,
        found: &Found,
        lines: &mut Lines,
    ) -> Result<()> {
        let entry = self.set.entry(index as usize)?;
        let (bytes, end) = encode(&item.picture, &extension(&entry.name), self.settings.quality)?;
        let name = self.names.of(&self.set.entries, index as usize, pass, &end);
        put(folder, &self.picture(&name), &bytes)?;
        if self.list().is_some() {
            lines.list.push(self.list_line(&name));
        }
        self.labels(folder, index, Some(pass), item, found, &name, lines)
    }

    #[allow(clippy::too_many_arguments)]
    fn labels(
        &self,
        folder: &Path,
        index: u64,
        pass: Option<u64>,
        item: &Item,
        found: &Found,
        name: &Path,
        lines: &mut Lines,
    ) -> Result<()> {
        let sides = (item.picture.width(), item.picture.height());
        let boxes = &item.labels.boxes;
        // Masks go where those of the picture came from, under its new name.
        let mut masks = item.labels.masks.as_slice();
        for (file, form, n) in found.files.iter().filter(|_| self.layout == self.set.layout) {
            let (own, rest) = masks.split_at((*n).min(masks.len()));
            masks = rest;
            let bytes = ids::encode_masks(own, Some(form)).map_err(|e| wrong(name, e))?;
            let beside = file.with_file_name(name.file_name().unwrap_or_default());
            put(folder, &yolo::with_end(&beside, "png"), &bytes)?;
        }
        match self.layout {
            Layout::Folder => {
                let shares = item.labels.classes.iter().filter(|_| item.labels.classes.len() > 1);
                let name = slashed(&self.picture(name));
                lines.shares.extend(shares.map(|(class, share)| {
                    format!("{},{},{}", cell(&name), cell(&self.set.class_name(*class)), short(*share, 9))
                }));
            }
            Layout::Masks => {}
            Layout::Coco => self.coco_lines(index, pass, item, found, name, lines),
            Layout::Yolo => {
                // Crowds are no things; YOLO has no word for them.
                let things: Vec<Bounds> = boxes.iter().filter(|b| !is_crowd(b)).cloned().collect();
                put(folder, &self.label(name), yolo::lines(&things, self.task, sides).as_bytes())?;
            }
            Layout::Voc => {
                let picture = self.picture(name);
                let within = picture.parent().and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned());
                let file = name.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                let size = (sides.0, sides.1, item.picture.channels());
                let nothing = Map::new();
                let text = voc::text(
                    (&within.unwrap_or_default(), &file),
                    size,
                    if self.set.layout == Layout::Voc { &found.carried } else { &nothing },
                    boxes,
                    &self.set.classes,
                );
                put(folder, &self.label(name), text.as_bytes())?;
            }
        }
        Ok(())
    }

    fn coco_lines(&self, index: u64, pass: Option<u64>, item: &Item, found: &Found, name: &Path, lines: &mut Lines) {
        let (w, h) = (item.picture.width(), item.picture.height());
        let image = self.image_id(index, pass);
        let mut record = Map::new();
        record.insert("id".into(), json!(image));
        record.insert("file_name".into(), json!(slashed(name)));
        record.insert("width".into(), json!(w));
        record.insert("height".into(), json!(h));
        if matches!(self.set.source, Source::Coco(..)) {
            record.extend(found.carried.clone());
        }
        if let Some(pass) = pass {
            record.insert("augmented_from".into(), json!(self.image_id(index, None)));
            record.insert("pass".into(), json!(pass));
        }
        lines.images.push(Value::Object(record).to_string());
        for (place, b) in item.labels.boxes.iter().enumerate() {
            let id = self.annotation_id(index, pass, place as u64);
            lines.annotations.push(self.annotation(id, image, b, (w, h)).to_string());
        }
    }

    fn annotation(&self, id: u64, image: u64, b: &Bounds, (w, h): (usize, usize)) -> Value {
        let [l, t, r, bottom] = b.sides;
        let place = |x: f64| short(x, 4);
        let mut told = Map::new();
        told.insert("id".into(), json!(id));
        told.insert("image_id".into(), json!(image));
        told.insert("category_id".into(), json!(self.category_id(b.class)));
        told.insert("bbox".into(), json!([l, t, r - l, bottom - t].map(place)));
        let mut area = b.area();
        if let Some(outline) = &b.outline {
            let said = if outline.mask || is_crowd(b) {
                let pixels = outline.fill(w, h);
                area = pixels.iter().filter(|p| **p).count() as f64;
                json!({ "size": [h, w], "counts": rle::to_text(&rle::of_pixels(&pixels, w, h)) })
            } else {
                area = outline.area();
                let flat = |ring: &Vec<[f64; 2]>| ring.iter().flatten().map(|x| place(*x)).collect::<Vec<f64>>();
                json!(outline.rings.iter().map(flat).collect::<Vec<_>>())
            };
            told.insert("segmentation".into(), said);
        }
        told.insert("area".into(), json!(place(area)));
        if !b.marks.is_empty() {
            let flat = b.marks.iter().flat_map(|m| match m.seen {
                Seen::No => [0.0; 3],
                Seen::Hidden => [place(m.x), place(m.y), 1.0],
                Seen::Yes => [place(m.x), place(m.y), 2.0],
            });
            told.insert("keypoints".into(), json!(flat.collect::<Vec<f64>>()));
            let n = b.marks.iter().filter(|m| m.seen != Seen::No).count();
            told.insert("num_keypoints".into(), json!(n));
        }
        told.insert("iscrowd".into(), json!(0));
        told.extend(b.carried.iter().flat_map(|c| c.iter()).map(|(k, v)| (k.clone(), v.clone())));
        Value::Object(told)
    }
}

fn is_crowd(b: &Bounds) -> bool {
    let said = b.carried.as_ref().and_then(|c| c.get("iscrowd"));
    said.is_some_and(|v| v.as_u64() == Some(1) || v.as_bool() == Some(true))
}

/// A cell of a CSV file.
fn cell(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

/// Files about many pictures, which grow as pictures are done, in their order. Annotations come after all images in a COCO file, so they
/// are gathered in one of their own first.
pub(super) struct Streams<'a> {
    plan: &'a Plan<'a>,
    folder: &'a Path,
    coco: Option<CocoFile>,
    list: Option<Growing>,
    drawn: Option<Growing>,
    shares: Option<Growing>,
}

pub(super) struct Growing {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Growing {
    pub fn new(path: PathBuf, first: &str) -> Result<Growing> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io(parent))?;
        }
        let mut made = Growing { file: BufWriter::new(File::create(&path).map_err(io(&path))?), path };
        made.add(first)?;
        Ok(made)
    }

    pub fn add(&mut self, text: &str) -> Result<()> {
        self.file.write_all(text.as_bytes()).map_err(io(&self.path))
    }

    pub fn finish(mut self) -> Result<PathBuf> {
        self.file.flush().map_err(io(&self.path))?;
        Ok(self.path)
    }
}

/// A COCO file as it grows.
pub(super) struct CocoFile {
    images: Growing,
    annotations: Growing,
    some: (bool, bool),
}

impl CocoFile {
    pub fn new(path: PathBuf, head: &str) -> Result<CocoFile> {
        let beside = path.with_extension("annotations.tmp");
        Ok(CocoFile { images: Growing::new(path, head)?, annotations: Growing::new(beside, "")?, some: (false, false) })
    }

    pub fn add<'b>(
        &mut self,
        images: impl IntoIterator<Item = &'b str>,
        annotations: impl IntoIterator<Item = &'b str>,
    ) -> Result<()> {
        let put = |file: &mut Growing, some: &mut bool, text: &str| {
            file.add(if *some { ",\n" } else { "\n" })?;
            *some = true;
            file.add(text)
        };
        images.into_iter().try_for_each(|t| put(&mut self.images, &mut self.some.0, t))?;
        annotations.into_iter().try_for_each(|t| put(&mut self.annotations, &mut self.some.1, t))
    }

    pub fn finish(mut self) -> Result<()> {
        let gathered = self.annotations.finish()?;
        self.images.add("\n],\n\"annotations\": [")?;
        let mut from = File::open(&gathered).map_err(io(&gathered))?;
        std::io::copy(&mut from, &mut self.images.file).map_err(io(&gathered))?;
        self.images.add("\n]}\n")?;
        self.images.finish()?;
        fs::remove_file(&gathered).map_err(io(&gathered))
    }
}

/// The first line of `shares.csv`: classes of pictures that are mixed of several.
const SHARES: &str = "file,class,share\n";

impl<'a> Streams<'a> {
    pub fn new(plan: &'a Plan<'a>, folder: &'a Path, about: &str) -> Result<Streams<'a>> {
        let at = |name: &Path| folder.join(plan.part(name));
        let coco = match plan.layout {
            Layout::Coco => Some(CocoFile::new(at(&plan.coco()), &plan.coco_head())?),
            _ => None,
        };
        let list = plan.list().map(|l| Growing::new(at(&l), "")).transpose()?;
        let drawn = match plan.settings.drawn {
            true => Some(Growing::new(at(Path::new("drawn.jsonl")), &format!("{about}\n"))?),
            false => None,
        };
        Ok(Streams { plan, folder, coco, list, drawn, shares: None })
    }

    pub fn add(&mut self, lines: &Lines) -> Result<()> {
        fn grow(file: &mut Option<Growing>, lines: &[String]) -> Result<()> {
            match file {
                Some(file) => lines.iter().try_for_each(|l| file.add(&format!("{l}\n"))),
                None => Ok(()),
            }
        }
        if let Some(coco) = &mut self.coco {
            coco.add(lines.images.iter().map(String::as_str), lines.annotations.iter().map(String::as_str))?;
        }
        if self.shares.is_none() && !lines.shares.is_empty() {
            let path = self.folder.join(self.plan.part(Path::new("shares.csv")));
            self.shares = Some(Growing::new(path, SHARES)?);
        }
        grow(&mut self.shares, &lines.shares)?;
        grow(&mut self.list, &lines.list)?;
        grow(&mut self.drawn, &lines.drawn)
    }

    /// Ends all files, and writes those that no picture has a say in.
    pub fn finish(self) -> Result<()> {
        if let Some(coco) = self.coco {
            coco.finish()?;
        }
        for file in [self.list, self.drawn, self.shares].into_iter().flatten() {
            file.finish()?;
        }
        if self.plan.layout == Layout::Yolo {
            put(self.folder, Path::new("data.yaml"), self.plan.yaml().as_bytes())?;
        }
        Ok(())
    }
}
