//! `verisim inspect`.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Result, bail};
use verisim_data::image::{ImageOptions, ImageShape, Images, Reading, Size, is_image_source, most_bad, png_bytes};
use verisim_data::table::io::ReadOptions;
use verisim_data::table::schema::DetectOptions;
use verisim_data::{Schema, Table};
use verisim_models::ImageSpec;
use verisim_models::artefact::{self, Content, Header, check_writable, write_atomically};

use crate::args::Inspect;
use crate::pictures::{self, Drawn};
use crate::ui::grouped;

pub fn run(args: &Inspect) -> Result<()> {
    let model = args.file.join("model.safetensors");
    if args.file.join("checkpoint/state.safetensors").exists() && !model.exists() {
        bail!(
            "{}: the training there has not finished; go on with it (verisim train ... --resume), or make a model of what it \
             has learnt (--finish)",
            args.file.display()
        );
    }
    if is_image_source(&args.file) {
        return images(args);
    }
    if args.sheet.is_some() || args.size.is_some() {
        bail!("{}: --sheet and --size are for images, and this is no set of images", args.file.display());
    }
    let file = verisim_infer::file_of(&args.file);
    let mut out = std::io::stdout().lock();
    if file.extension().is_some_and(|e| e == "safetensors") {
        let (header, weights) = artefact::load(&file)?;
        match args.json {
            true => writeln!(out, "{}", serde_json::to_string_pretty(&header)?)?,
            false => write!(out, "{}", describe(&header, weights.count()))?,
        }
        return Ok(());
    }
    let mut options = ReadOptions { delimiter: args.delimiter, ..Default::default() };
    if !args.missing.is_empty() {
        options.missing = args.missing.clone();
    }
    let table = Table::read(&file, &options)?;
    let schema = Schema::detect(&table, &DetectOptions::default())?;
    match args.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&schema)?)?,
        false => {
            writeln!(
                out,
                "{}: {} rows, {} columns\n\n{schema}",
                file.display(),
                grouped(table.rows as u64),
                table.names.len()
            )?;
            writeln!(out, "To overrule a line, set its kind under [data.columns] in the config.")?;
        }
    }
    Ok(())
}

/// Shows a set of images, and draws its contact sheet.
fn images(args: &Inspect) -> Result<()> {
    args.sheet.as_deref().map_or(Ok(()), check_writable)?;
    // Mixed and large images are shown smaller, so that a folder of photographs is looked at and not unpacked.
    let shown = if args.size.is_some() { None } else { shown(&Images::sizes(&args.file)?) };
    // Damaged files are what one wants to hear of here, however many there are.
    let options = ImageOptions { size: args.size.or(shown), max_bad: Some(usize::MAX), ..Default::default() };
    let (images, reading) = Images::read(&args.file, &options)?;
    let counts = counts(&images);
    let shape = images.shape();
    let mut out = std::io::stdout().lock();
    if args.json {
        let classes: serde_json::Map<_, _> =
            images.classes().iter().zip(&counts).map(|(c, &n)| (c.clone(), n.into())).collect();
        let sizes: Vec<_> = reading.sizes.iter().map(|((h, w), n)| serde_json::json!([h, w, n])).collect();
        let skipped: Vec<_> = reading.skipped.iter().map(|(p, why)| serde_json::json!([p, why])).collect();
        let json = serde_json::json!({
            "source": reading.source, "images": images.len(), "shape": shown.is_none().then_some(shape),
            "channels": shape.channels, "sizes": sizes, "classes": classes, "skipped": skipped,
        });
        writeln!(out, "{}", serde_json::to_string_pretty(&json)?)?;
    } else {
        write!(out, "{}", describe_images(&args.file, &images, &reading, &counts, shown))?;
    }
    if let Some(path) = &args.sheet {
        let (pixels, shape) = sheet(&images)?;
        write_atomically(path, &png_bytes(&pixels, shape, &[])?)?;
    }
    Ok(())
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
fn sheet(images: &Images) -> Result<Drawn> {
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
    pictures::rows(images, &rows.into_iter().map(spread).collect::<Vec<_>>(), WIDE)
}

fn describe(header: &Header, numbers: usize) -> String {
    let p = &header.provenance;
    let (unit, content) = match &header.content {
        Content::Table { schema, .. } => ("rows", schema.to_string()),
        Content::Images { images } => ("images", describe_spec(images)),
    };
    let steps = p.steps.map_or_else(String::new, |n| format!(" in {} steps", grouped(n)));
    format!(
        "model       {} ({} numbers, format {})\ntrained by  verisim {}\ndata        {} (hash {}), {} {unit} learnt{steps}\nconfig      hash {}\nseed        {}\n\n{content}",
        header.model.name(),
        grouped(numbers as u64),
        header.format,
        p.version,
        p.data,
        p.data_hash,
        grouped(p.rows),
        p.config_hash,
        p.seed,
    )
}

fn describe_spec(spec: &ImageSpec) -> String {
    let ImageShape { height, width, channels } = spec.shape;
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
