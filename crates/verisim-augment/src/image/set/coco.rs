//! COCO: one JSON file for many pictures. Boxes are left, top, width, height in pixels; polygons and key points are in pixels too.
//!
//! The file's text is held, with where each annotation is in it (16 bytes); an annotation is understood when its picture is asked for.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::files::{inside, wrong};
use super::found::Found;
use super::rle;
use crate::error::{Error, Result};
use crate::image::labels::{Bounds, Mark, Seen};
use crate::image::outline::Outline;

/// A file of annotations.
#[derive(Debug)]
pub(super) struct Coco {
    text: String,
    /// In the order of the file.
    pub images: Vec<Image>,
    /// Where the annotations are, by image.
    annotations: Vec<Range<usize>>,
    /// Those of image `i` are `starts[i]..starts[i + 1]`.
    starts: Vec<usize>,
    pub categories: Vec<Category>,
    /// All keys but images and annotations, as they stand.
    pub head: Map<String, Value>,
    /// The greatest numbers of images and annotations.
    pub last: (u64, u64),
    /// What is odd about the file as a whole.
    pub notes: Vec<String>,
}

/// A picture as the file has it.
#[derive(Debug)]
pub(super) struct Image {
    pub id: u64,
    pub name: PathBuf,
    pub sides: Option<(usize, usize)>,
    text: Range<usize>,
}

/// A class.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Category {
    pub id: u64,
    pub name: String,
    pub marks: Vec<String>,
}

#[derive(Deserialize)]
struct ImageHead<'a> {
    id: u64,
    #[serde(borrow)]
    file_name: Cow<'a, str>,
    width: Option<f64>,
    height: Option<f64>,
}

#[derive(Deserialize)]
struct AnnotationHead {
    #[serde(default)]
    id: Option<u64>,
    image_id: u64,
}

/// The whole file, whose lists are looked at one by one.
#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow)]
    images: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    annotations: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    categories: Vec<&'a RawValue>,
}

/// Whether a file may be of annotations: an object that has `images`. No more than its keys is understood.
pub(super) fn is(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Keys<'a> {
        #[serde(borrow)]
        images: Option<&'a RawValue>,
        #[serde(borrow)]
        annotations: Option<&'a RawValue>,
        #[serde(borrow)]
        categories: Option<&'a RawValue>,
    }
    serde_json::from_str::<Keys>(text).is_ok_and(|k| {
        k.images.is_some_and(|i| i.get().starts_with('[')) && (k.annotations.is_some() || k.categories.is_some())
    })
}

impl Coco {
    pub fn parse(path: &Path, text: String) -> Result<Coco> {
        let fail = |what: String| wrong(path, what);
        let whole: Whole = serde_json::from_str(&text).map_err(|e| fail(format!("is no COCO file: {e}")))?;
        // Pieces borrow from the text, so where they begin in it is a difference of addresses.
        let range = |raw: &RawValue| {
            let from = raw.get().as_ptr() as usize - text.as_ptr() as usize;
            from..from + raw.get().len()
        };
        let mut images = Vec::with_capacity(whole.images.len());
        let mut by_id: FxHashMap<u64, usize> = FxHashMap::default();
        for (i, raw) in whole.images.iter().enumerate() {
            let head: ImageHead =
                serde_json::from_str(raw.get()).map_err(|e| fail(format!("image {i} of the list: {e}")))?;
            let name = inside(&head.file_name).ok_or_else(|| {
                fail(format!("image {}: `{}` leads out of the folder of pictures", head.id, head.file_name))
            })?;
            let side = |s: Option<f64>| s.filter(|s| *s >= 1.0).map(|s| s as usize);
            let sides = side(head.width).zip(side(head.height));
            if by_id.insert(head.id, i).is_some() {
                return Err(fail(format!("two images have the id {}; give each its own", head.id)));
            }
            images.push(Image { id: head.id, name, sides, text: range(raw) });
        }
        let mut owned: Vec<(usize, Range<usize>)> = Vec::with_capacity(whole.annotations.len());
        let (mut lost, mut last) = (0u64, (0, 0));
        for (i, raw) in whole.annotations.iter().enumerate() {
            let head: AnnotationHead =
                serde_json::from_str(raw.get()).map_err(|e| fail(format!("annotation {i} of the list: {e}")))?;
            last.1 = last.1.max(head.id.unwrap_or(0));
            match by_id.get(&head.image_id) {
                Some(&image) => owned.push((image, range(raw))),
                None => lost += 1,
            }
        }
        last.0 = images.iter().map(|i| i.id).max().unwrap_or(0);
        // Stable, so that those of one image stay in the order of the file.
        owned.sort_by_key(|(image, _)| *image);
        let starts = (0..=images.len()).map(|i| owned.partition_point(|(image, _)| *image < i)).collect();
        let categories = whole.categories.iter().map(|raw| category(raw.get())).collect::<Result<Vec<_>, _>>();
        let categories = categories.map_err(fail)?;
        let mut head: Map<String, Value> = Map::new();
        let keys: std::collections::BTreeMap<String, &RawValue> =
            serde_json::from_str(&text).map_err(|e| fail(e.to_string()))?;
        for (key, raw) in keys.iter().filter(|(k, _)| !matches!(k.as_str(), "images" | "annotations")) {
            head.insert(key.clone(), serde_json::from_str(raw.get()).map_err(|e| fail(e.to_string()))?);
        }
        let notes = match lost {
            0 => Vec::new(),
            n => vec![format!("{n} annotations are of images that are not in the file; they are left out")],
        };
        let annotations = owned.into_iter().map(|(_, range)| range).collect();
        Ok(Coco { images, annotations, starts, categories, head, last, notes, text })
    }

    /// The text of the record of a picture.
    pub fn image_text(&self, i: usize) -> &str {
        &self.text[self.images[i].text.clone()]
    }

    /// The texts of its annotations.
    pub fn annotation_texts(&self, i: usize) -> impl Iterator<Item = &str> {
        self.annotations[self.starts[i]..self.starts[i + 1]].iter().map(|r| &self.text[r.clone()])
    }

    /// Whether any annotation of the first pictures has an outline.
    pub fn has_outlines(&self) -> bool {
        let some = |text: &str| text.contains("\"segmentation\"") && !text.contains("\"segmentation\":[]");
        (0..self.images.len().min(100)).any(|i| self.annotation_texts(i).any(some))
    }

    /// What is said of picture `i`, which has these sides.
    pub fn labels(&self, i: usize, sides: (usize, usize)) -> Result<Found, String> {
        let mut found = Found::default();
        let mut record = object(self.image_text(i))?;
        for key in ["id", "file_name", "width", "height"] {
            record.shift_remove(key);
        }
        found.carried = record;
        for (k, text) in self.annotation_texts(i).enumerate() {
            let mut of = object(text)?;
            let id = of.get("id").and_then(Value::as_u64);
            let name = || match id {
                Some(id) => format!("annotation {id}"),
                None => format!("annotation {k} of image {}", self.images[i].id),
            };
            match self.bounds(&mut of, sides) {
                Ok(mut b) => {
                    b.id = id.unwrap_or(k as u64);
                    found.admit(b, sides, name);
                }
                Err(why) => found.unfit.push(format!("{} {why}", name())),
            }
        }
        Ok(found)
    }

    fn bounds(&self, of: &mut Map<String, Value>, sides: (usize, usize)) -> Result<Bounds, String> {
        let wanted = of.get("category_id").and_then(Value::as_u64);
        let class = self.categories.iter().position(|c| Some(c.id) == wanted);
        let class = class.ok_or_else(|| match wanted {
            Some(id) => format!("is of category {id}, which is not in the file"),
            None => "has no category_id".to_owned(),
        })?;
        let outline = match of.shift_remove("segmentation") {
            None | Some(Value::Null) => None,
            Some(said) => outline(&said, sides)?,
        };
        let bbox = of.shift_remove("bbox").and_then(|b| numbers(&b)).filter(|b| !b.is_empty());
        let sides = match (bbox.as_deref(), outline.as_ref().and_then(Outline::extents)) {
            (Some(&[x, y, w, h]), _) => [x, y, x + w, y + h],
            (Some(other), _) => return Err(format!("has a bbox of {} numbers instead of 4", other.len())),
            (None, Some(extents)) => extents,
            (None, None) => return Err("has neither a bbox nor a segmentation".to_owned()),
        };
        let mut b = Bounds::new(sides, class as u32, 0);
        b.outline = outline;
        if let Some(flat) = of.shift_remove("keypoints").and_then(|k| numbers(&k)) {
            let (points, rest) = flat.as_chunks::<3>();
            if !rest.is_empty() {
                return Err(format!("has {} numbers of key points; there are three for each", flat.len()));
            }
            b.marks = points
                .iter()
                .map(|&[x, y, v]| Mark {
                    x,
                    y,
                    seen: if v >= 2.0 {
                        Seen::Yes
                    } else if v >= 1.0 {
                        Seen::Hidden
                    } else {
                        Seen::No
                    },
                })
                .collect();
        }
        for key in ["id", "image_id", "category_id", "area", "num_keypoints"] {
            of.shift_remove(key);
        }
        b.carried = (!of.is_empty()).then(|| Arc::new(std::mem::take(of)));
        Ok(b)
    }
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

fn category(text: &str) -> Result<Category, String> {
    let of = object(text)?;
    let id = of.get("id").and_then(Value::as_u64).ok_or("a category has no `id` that is a whole number")?;
    let name = match of.get("name") {
        Some(Value::String(s)) => s.clone(),
        _ => id.to_string(),
    };
    let marks = match of.get("keypoints") {
        Some(Value::Array(list)) => list.iter().map(|v| v.as_str().unwrap_or_default().to_owned()).collect(),
        _ => Vec::new(),
    };
    Ok(Category { id, name, marks })
}

/// Polygons, or runs of a mask as numbers or letters; nothing where nothing is said.
fn outline(said: &Value, (w, h): (usize, usize)) -> Result<Option<Outline>, String> {
    match said {
        Value::Array(parts) => {
            let ring = |part: &Value| -> Result<Vec<[f64; 2]>, String> {
                let flat = numbers(part).ok_or("has a polygon that is no list of numbers")?;
                let (corners, rest) = flat.as_chunks::<2>();
                match rest.is_empty() && corners.len() > 2 {
                    true => Ok(corners.to_vec()),
                    false => Err(format!(
                        "has a polygon of {} numbers; there are two for each of at least 3 corners",
                        flat.len()
                    )),
                }
            };
            let rings = parts.iter().map(ring).collect::<Result<Vec<_>, _>>()?;
            Ok((!rings.is_empty()).then(|| Outline::polygons(rings)))
        }
        Value::Object(of) => {
            let size = of.get("size").and_then(numbers).unwrap_or_default();
            if size != [h as f64, w as f64] {
                return Err(format!("has a mask of size {size:?} (height, width); its picture has [{h}, {w}]"));
            }
            let runs = match of.get("counts") {
                Some(Value::String(text)) => rle::from_text(text)?,
                Some(Value::Array(list)) => list
                    .iter()
                    .map(Value::as_u64)
                    .collect::<Option<Vec<_>>>()
                    .ok_or("has runs that are no whole numbers")?,
                _ => return Err("has a mask without `counts`".to_owned()),
            };
            let outline = Outline::of_mask(&rle::to_pixels(&runs, w, h)?, w, h);
            Ok((!outline.rings.is_empty()).then_some(outline))
        }
        _ => Err("has a segmentation that is neither polygons nor runs".to_owned()),
    }
}

/// Where the pictures of a file are: the first of these folders in which the first of its names are.
pub(super) fn pictures(file: &Path, coco: &Coco, root: &Path, candidates: &[PathBuf]) -> Result<PathBuf> {
    let names: Vec<&Path> = coco.images.iter().take(50).map(|i| i.name.as_path()).collect();
    let there = |folder: &PathBuf| names.iter().filter(|n| root.join(folder).join(n).is_file()).count();
    let best = candidates.iter().map(|c| (there(c), c)).fold(None, |best: Option<(usize, &PathBuf)>, it| match best {
        Some(b) if b.0 >= it.0 => Some(b),
        _ => Some(it),
    });
    match best {
        Some((n, folder)) if n > 0 || names.is_empty() => Ok(folder.clone()),
        _ => Err(Error::File {
            path: file.to_owned(),
            what: format!(
                "its first picture `{}` is in none of {}; put the pictures into one of these folders",
                names.first().map(|n| n.display().to_string()).unwrap_or_default(),
                candidates.iter().map(|c| root.join(c).display().to_string()).collect::<Vec<_>>().join(", ")
            ),
        }),
    }
}
