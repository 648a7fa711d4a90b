//! Folders of image files, with or without class folders.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::decode;
use super::set::{Images, Reading};
use super::settings::{Channels, ReadSettings};
use super::shape::Shape;
use super::store::{BLOCK, Pixels, Store};
use crate::error::{Error, Result};

/// Endings of the files that are read. Those of `.avif` and `.heic` are not: their decoders are in C, or young.
const ENDINGS: [&str; 12] = ["png", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "tif", "tiff", "gif", "ico", "tga"];

/// The ending of a name, in lower case; empty when it has none.
fn ending(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Whether the name says that the file is an image.
pub(crate) fn is_image(path: &Path) -> bool {
    ENDINGS.contains(&ending(path).as_str())
}

/// The image files of a set, in order.
#[derive(Default)]
struct Listing {
    files: Vec<PathBuf>,
    /// As in [`Images`].
    labels: Vec<u32>,
    classes: Vec<String>,
    /// As in [`Reading`].
    left_out: BTreeMap<String, usize>,
}

/// The image files in `folder` and the folders in it, both sorted; other files are counted. What is hidden is passed over.
fn entries(folder: &Path, left_out: &mut BTreeMap<String, usize>) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let (path, kind) = (entry.path(), entry.file_type().map_err(Error::io(folder))?);
        // Opening a pipe that is named like an image would wait for ever, so images must be files.
        if kind.is_dir() || kind.is_symlink() && path.is_dir() {
            folders.push(path);
        } else if is_image(&path) && (path.is_file() || decode::is_broken_link(&path)) {
            files.push(path);
        } else {
            *left_out.entry(ending(&path)).or_default() += 1;
        }
    }
    files.sort_unstable();
    folders.sort_unstable();
    Ok((files, folders))
}

fn name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

fn list(folder: &Path) -> Result<Listing> {
    let mut listing = Listing::default();
    let (flat, folders) = entries(folder, &mut listing.left_out)?;
    let mut deeper = None;
    for class in &folders {
        let (files, folders) = entries(class, &mut listing.left_out)?;
        if !folders.is_empty() && deeper.is_none() {
            deeper = Some(class);
        }
        if !files.is_empty() {
            listing.labels.extend(std::iter::repeat_n(listing.classes.len() as u32, files.len()));
            listing.files.extend(files);
            listing.classes.push(name(class));
        }
    }
    match (flat.first(), listing.classes.first()) {
        (Some(image), Some(class)) => Err(Error::file(
            folder,
            format!(
                "holds images (such as {}) and class folders (such as {class}); move the images into class folders, \
                 or the folders elsewhere",
                name(image)
            ),
        )),
        (Some(_), None) => Ok(Listing { files: flat, ..listing }),
        (None, Some(_)) => Ok(listing),
        (None, None) => Err(Error::file(
            folder,
            match deeper {
                Some(inner) => format!(
                    "holds no images, nor do the folders in it; images are not looked for deeper: name the folder \
                     right above the class folders, perhaps {}",
                    inner.display()
                ),
                None if !listing.left_out.is_empty() => format!(
                    "holds no images that can be read, but {}; convert them, to .png or .jpg",
                    counted(&listing.left_out)
                ),
                None => {
                    "holds no images; put .png, .jpg, .webp, .bmp, .tif, .gif, .ico or .tga files there, or folders of \
                         them, one a class"
                        .to_owned()
                }
            },
        )),
    }
}

/// How many files of which ending, the most frequent first, in words.
pub(super) fn counted(files: &BTreeMap<String, usize>) -> String {
    let mut files: Vec<_> = files.iter().collect();
    files.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
    let say = |(ending, n): &(&String, &usize)| match ending.as_str() {
        "" => format!("{n} without an ending"),
        ending => format!("{n} .{ending}"),
    };
    files.iter().map(say).collect::<Vec<_>>().join(", ")
}

/// What came of reading every file for a shape.
enum Pass {
    Done(Done),
    /// Some image needs this many channels.
    Wider(usize),
}

struct Done {
    pixels: Pixels,
    /// The files that were read.
    kept: Vec<usize>,
    skipped: Vec<(PathBuf, String)>,
    sizes: BTreeMap<(usize, usize), usize>,
}

/// What came of one file.
enum Outcome {
    Pixels((usize, usize), Vec<u8>),
    OtherSize,
    Wider(usize),
    Bad(String),
}

pub(super) fn read(folder: &Path, settings: &ReadSettings) -> Result<(Images, Reading)> {
    let listing = list(folder)?;
    let mut shape = guess(folder, &listing, settings)?;
    // Every round needs more channels than the one before, so there are three at most.
    let done = loop {
        match pass(folder, &listing, shape, settings)? {
            Pass::Done(done) => break done,
            Pass::Wider(channels) => shape.channels = channels,
        }
    };
    let source = match listing.classes.len() {
        0 => "flat folder".to_owned(),
        1 => "folder with 1 class folder".to_owned(),
        n => format!("folder with {n} class folders"),
    };
    let (classes, labels) = labels(&listing, &done.kept);
    let sizes = frequent_first(done.sizes);
    let reading =
        Reading { found: listing.files.len(), skipped: done.skipped, left_out: listing.left_out, sizes, source };
    Ok((Images::assemble(shape, classes, labels, done.pixels)?, reading))
}

/// The shape that the first readable image asks for.
fn guess(folder: &Path, listing: &Listing, settings: &ReadSettings) -> Result<Shape> {
    let mut skipped = Vec::new();
    for file in &listing.files {
        match decode::decode(file) {
            Ok(image) => {
                let native = Shape {
                    height: image.height() as usize,
                    width: image.width() as usize,
                    channels: decode::channels(&image),
                };
                let shape = settings.shape(native);
                return match shape.problem() {
                    Some(_) => Err(Error::Sizes {
                        path: folder.to_owned(),
                        what: format!("are of {} x {} pixels, which is too large", shape.height, shape.width),
                        fitting: (64, 64),
                    }),
                    None => Ok(shape),
                };
            }
            Err(why) => skipped.push((file.clone(), why)),
        }
        check_bad(folder, &skipped, listing, settings)?;
    }
    Err(Error::file(
        folder,
        format!("none of its image files can be read: {}; mend them, or name another folder", first_three(&skipped)),
    ))
}

fn pass(folder: &Path, listing: &Listing, shape: Shape, settings: &ReadSettings) -> Result<Pass> {
    let each = shape.len();
    let mut store = Store::new(settings.limit()?, listing.files.len().saturating_mul(each));
    let (mut kept, mut skipped, mut sizes) = (Vec::new(), Vec::new(), BTreeMap::new());
    let many = (BLOCK / each).min(4096).max(rayon::current_num_threads());
    for (block, files) in listing.files.chunks(many).enumerate() {
        let outcomes: Vec<Outcome> = files.par_iter().map(|file| one(file, shape, settings)).collect();
        if outcomes.iter().any(|o| matches!(o, Outcome::OtherSize)) {
            return Err(mixed_sizes(folder, listing));
        }
        let wider = outcomes.iter().filter_map(|o| if let Outcome::Wider(c) = o { Some(*c) } else { None }).max();
        if let Some(channels) = wider {
            return Ok(Pass::Wider(channels));
        }
        for (i, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Outcome::Pixels(size, pixels) => {
                    store.push(&pixels)?;
                    kept.push(block * many + i);
                    *sizes.entry(size).or_default() += 1;
                }
                Outcome::Bad(why) => skipped.push((files[i].clone(), why)),
                Outcome::OtherSize | Outcome::Wider(_) => {}
            }
        }
        check_bad(folder, &skipped, listing, settings)?;
    }
    Ok(Pass::Done(Done { pixels: store.finish(), kept, skipped, sizes }))
}

fn one(file: &Path, shape: Shape, settings: &ReadSettings) -> Outcome {
    let image = match decode::decode(file) {
        Ok(image) => image,
        Err(why) => return Outcome::Bad(why),
    };
    let size = (image.height() as usize, image.width() as usize);
    if settings.size.is_none() && size != (shape.height, shape.width) {
        return Outcome::OtherSize;
    }
    let needed = settings.channels.map_or_else(|| decode::channels(&image), Channels::count);
    if needed > shape.channels {
        return Outcome::Wider(needed);
    }
    Outcome::Pixels(size, decode::render(image, shape, settings.fit))
}

/// Classes and labels of the files that were read; a class none of whose files was is no class.
fn labels(listing: &Listing, kept: &[usize]) -> (Vec<String>, Vec<u32>) {
    if listing.classes.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut place = vec![None; listing.classes.len()];
    kept.iter().for_each(|&i| place[listing.labels[i] as usize] = Some(0));
    let mut classes = Vec::new();
    for (place, class) in place.iter_mut().zip(&listing.classes) {
        if let Some(place) = place {
            *place = classes.len() as u32;
            classes.push(class.clone());
        }
    }
    let labels = kept.iter().filter_map(|&i| place[listing.labels[i] as usize]).collect();
    (classes, labels)
}

fn frequent_first(sizes: BTreeMap<(usize, usize), usize>) -> Vec<((usize, usize), usize)> {
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
    sizes
}

/// Damaged files of `found` that are skipped unless [`ReadSettings::max_bad`] says otherwise.
pub fn most_bad(found: usize) -> usize {
    (found / 100).max(10)
}

/// Refuses to go on when too many files are damaged.
fn check_bad(folder: &Path, skipped: &[(PathBuf, String)], listing: &Listing, settings: &ReadSettings) -> Result<()> {
    let found = listing.files.len();
    let most = settings.max_bad.unwrap_or(most_bad(found));
    if skipped.len() <= most {
        return Ok(());
    }
    Err(Error::file(
        folder,
        format!(
            "{} or more of its {found} image files cannot be read, and data.images.max_bad allows {most}: {}; mend or \
             remove them, or set data.images.max_bad higher",
            skipped.len(),
            first_three(skipped)
        ),
    ))
}

fn first_three(skipped: &[(PathBuf, String)]) -> String {
    let named: Vec<String> = skipped.iter().take(3).map(|(p, why)| format!("{} ({why})", p.display())).collect();
    named.join(", ")
}

/// Sizes of the images and how often they occur, the most frequent first, from the headers of the files.
pub(super) fn sizes(folder: &Path) -> Result<Vec<((usize, usize), usize)>> {
    Ok(measured(&list(folder)?))
}

fn measured(listing: &Listing) -> Vec<((usize, usize), usize)> {
    let found: Vec<_> = listing.files.par_iter().filter_map(|f| decode::measure(f).ok()).collect();
    let mut sizes = BTreeMap::new();
    found.into_iter().for_each(|size| *sizes.entry(size).or_default() += 1);
    frequent_first(sizes)
}

/// Says which sizes there are.
fn mixed_sizes(folder: &Path, listing: &Listing) -> Error {
    let sizes = measured(listing);
    let mut named: Vec<String> = sizes.iter().take(3).map(|((h, w), n)| format!("{n} of {h} x {w}")).collect();
    if sizes.len() > 3 {
        named.push(format!("{} other sizes", sizes.len() - 3));
    }
    let what = format!("differ in height x width ({})", named.join(", "));
    Error::Sizes { path: folder.to_owned(), what, fitting: fitting(sizes.first().map_or((64, 64), |s| s.0)) }
}

/// A size to learn for images of this one: no photograph is learnt as large as it is.
fn fitting((height, width): (usize, usize)) -> (usize, usize) {
    if height.max(width) <= 128 { (height, width) } else { (64, 64) }
}
