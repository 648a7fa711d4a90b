//! What a set of images is, for people and for programs, and its contact sheet.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use verisim_data::file::{check_writable, write_atomically};
use verisim_data::image::{Images, ReadSettings, Reading, Shape, Size, Spec, most_bad, png_bytes, rows_of};
use verisim_data::number::grouped;

use crate::error::Result;
use crate::kind::Inspected;

/// What images are looked at with.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InspectAsk {
    /// The size to bring them to; their own or, if they differ or are large, a smaller one when not given.
    pub size: Option<Size>,
    /// Where a contact sheet goes, a PNG.
    pub sheet: Option<PathBuf>,
}

/// Shows a set of images, and draws its contact sheet.
pub fn inspect(path: &Path, ask: &InspectAsk) -> Result<Inspected> {
    ask.sheet.as_deref().map_or(Ok(()), check_writable)?;
    // Mixed and large images are shown smaller, so that a folder of photographs is looked at and not unpacked.
    let shown = if ask.size.is_some() { None } else { shown(&Images::sizes(path)?) };
    // Damaged files are what one wants to hear of here, however many there are.
    let options = ReadSettings { size: ask.size.or(shown), max_bad: Some(usize::MAX), ..Default::default() };
    let (images, reading) = Images::read(path, &options)?;
    let (counts, shape) = (counts(&images), images.shape());
    let classes: serde_json::Map<_, _> =
        images.classes().iter().zip(&counts).map(|(c, &n)| (c.clone(), n.into())).collect();
    let sizes: Vec<_> = reading.sizes.iter().map(|((h, w), n)| serde_json::json!([h, w, n])).collect();
    let skipped: Vec<_> =
        reading.skipped.iter().map(|(p, why)| serde_json::json!([p.to_string_lossy(), why])).collect();
    let json = serde_json::json!({
        "source": reading.source, "images": images.len(), "shape": shown.is_none().then_some(shape),
        "channels": shape.channels, "sizes": sizes, "classes": classes, "skipped": skipped,
        "left_out": reading.left_out,
    });
    let text = describe_images(path, &images, &reading, &counts, shown);
    if let Some(path) = &ask.sheet {
        let (pixels, shape) = sheet(&images)?;
        write_atomically(path, &png_bytes(&pixels, shape, &[])?)?;
    }
    Ok(Inspected { text, json })
}

/// The size in which images that have several or a large one are shown: the most common, made smaller.
fn shown(sizes: &[((usize, usize), usize)]) -> Option<Size> {
    const LONGEST: usize = 128;
    let ((height, width), _) = *sizes.first()?;
    if sizes.len() == 1 && height.max(width) <= 2 * LONGEST {
        return None;
    }
    let by = height.max(width).div_ceil(LONGEST);
    Some(Size::Sides([(height / by).max(1), (width / by).max(1)]))
}

/// Images of each class.
fn counts(images: &Images) -> Vec<usize> {
    let mut counts = vec![0; images.classes().len()];
    images.labels().iter().for_each(|&l| counts[l as usize] += 1);
    counts
}

fn describe_images(path: &Path, images: &Images, reading: &Reading, counts: &[usize], shown: Option<Size>) -> String {
    use std::fmt::Write as _;
    let shape = images.shape();
    let size = match (shown, &reading.sizes[..]) {
        (None, _) => format!("{} x {}", shape.height, shape.width),
        (Some(_), [((h, w), _)]) => format!("{h} x {w}"),
        (Some(_), sizes) => format!("{} sizes,", sizes.len()),
    };
    let mut text = format!(
        "{}: {} images, {size} {} ({})\n",
        path.display(),
        grouped(images.len() as u64),
        colour(shape.channels),
        reading.source
    );
    // Writing to a string cannot fail.
    for ((h, w), n) in reading.sizes.iter().take(10).filter(|_| reading.sizes.len() > 1) {
        let _ = writeln!(text, "size        {h} x {w}: {}", grouped(*n as u64));
    }
    if reading.sizes.len() > 10 {
        let _ = writeln!(text, "size        {} others", reading.sizes.len() - 10);
    }
    for (class, &n) in images.classes().iter().zip(counts) {
        let _ = writeln!(text, "class       {}: {}", plain(class), grouped(n as u64));
    }
    for (file, why) in &reading.skipped {
        let _ = writeln!(text, "skipped     {}: {why}", plain(&file.to_string_lossy()));
    }
    if let Some(files) = reading.left_out() {
        let _ = writeln!(text, "left out    {}", plain(&files));
    }
    if reading.skipped.len() > most_bad(reading.found) {
        let _ = writeln!(
            text,
            "Training skips no more than {} files: mend or remove them, or --set data.images.max_bad={}",
            most_bad(reading.found),
            reading.skipped.len()
        );
    }
    if shown.is_some() {
        text += "To learn them, choose one size for all: --set data.images.size=32\n";
    }
    text
}

/// A row of a class (rows of the set when there are none), 16 images wide, spread over the set.
fn sheet(images: &Images) -> Result<(Vec<u8>, Shape)> {
    const WIDE: usize = 16;
    const ROWS: usize = 8;
    let of = |class: u32| -> Vec<usize> { (0..images.len()).filter(|&i| images.labels()[i] == class).collect() };
    let rows: Vec<Vec<usize>> = match images.classes().len() {
        0 => (0..images.len()).collect::<Vec<_>>().chunks(images.len().div_ceil(ROWS)).map(<[usize]>::to_vec).collect(),
        classes => (0..classes as u32).map(of).filter(|members| !members.is_empty()).collect(),
    };
    let spread = |members: Vec<usize>| {
        let shown = members.len().min(WIDE);
        (0..shown).map(|k| members[k * members.len() / shown]).collect()
    };
    Ok(rows_of(images, &rows.into_iter().map(spread).collect::<Vec<_>>(), WIDE)?)
}

/// What an artefact says of the images that it makes.
pub fn describe(spec: &Spec) -> String {
    let Shape { height, width, channels } = spec.shape;
    let classes = spec.classes.iter().zip(&spec.shares);
    let lines: String = classes.map(|(c, s)| format!("class       {}: {:.2} %\n", plain(c), 100.0 * s)).collect();
    format!("images      {height} x {width} {}\n{lines}", colour(channels))
}

/// A name from a file, without what a terminal would obey.
fn plain(name: &str) -> String {
    name.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

fn colour(channels: usize) -> &'static str {
    match channels {
        1 => "grey",
        3 => "RGB",
        _ => "RGBA",
    }
}
