//! Files of scenes: pictures, masks, depth, normals and flow as PNG; COCO and YOLO; one row a frame and thing in Parquet.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use rayon::prelude::*;
use serde_json::{Value, json};
use verisim_data::file::Scratch;
use verisim_data::{Event, Watch};

use super::frame::{Frame, Played};
use super::settings::{Label, Scene};
use super::stage::Stage;
use crate::error::{Error, Result};

mod coco;
pub(super) mod pixels;
mod rows;

use coco::{annotation, coco_image, head};
use pixels::{encode, kitti, millimetres, normal, wide, yolo};
use rows::{Row, batch};

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Scenes.
    pub scenes: u64,
    /// Pictures.
    pub frames: u64,
    /// Things that are seen, counted in each frame anew.
    pub objects: u64,
    /// Things that found no place in their scene.
    pub left_out: u64,
    /// How long it took.
    pub seconds: f64,
}

/// Writes the scenes whose numbers are in `scenes` to the new or empty folder `out`, which is filled only when all is made. Threads are
/// those of the rayon pool it is called in; the bytes are the same for any number of them, and those of a frame depend on `seed` and
/// the number of its scene alone.
///
/// | path | what it holds |
/// |---|---|
/// | `images/000000.png` | the picture; the number is that of the scene times the frames a scene, plus that of the frame |
/// | `depth/` | 16 bits: millimetres along the optical axis; 0 is sky, 65535 is 65.535 m or more |
/// | `class/` | 8 bits: the number of the class; their names are in `annotations.json` under `info` |
/// | `instance/` | 16 bits: the number of the thing within its scene; 0 is none |
/// | `normals/` | 16 bits, three channels: (n + 1) / 2 of right, down, forward; all 0 is sky |
/// | `flow/` | as KITTI: 16 bits, three channels: 64 u + 2^15, 64 v + 2^15, and 1 where valid |
/// | `annotations.json` | COCO |
/// | `labels/000000.txt`, `data.yaml` | YOLO |
/// | `frames.parquet` | one row a frame and thing |
///
/// # Errors
/// As [`super::frames`], and when files cannot be written; nothing is left behind then.
pub fn write(scene: &Scene, seed: u64, scenes: Range<u64>, out: &Path, watch: &mut dyn Watch) -> Result<Summary> {
    let began = Instant::now();
    scene.check()?;
    if scenes.end.checked_mul(scene.frames as u64).is_none_or(|last| last > MOST) {
        let what = format!("are too many: the number of the last picture must be at most {MOST}");
        return Err(Error::Setting { key: "scenes".into(), what });
    }
    check_folder(out)?;
    let scratch = Scratch::folder(out)?;
    let mut writer = Writer::new(scene, scratch.temporary(), &scenes)?;
    let teller = Teller { folder: scratch.temporary(), scene, classes: super::Classes::of(scene).names };
    let mut summary = Summary { scenes: scenes.end.saturating_sub(scenes.start), ..Summary::default() };
    watch.on(Event::Begin { unit: "frames", total: summary.scenes * scene.frames as u64, done: 0 });
    let threads = rayon::current_num_threads();
    // So many scenes at once that all threads have bodies to move and frames to make; no more, for poses are held in memory.
    let at_once = (2 * threads).div_ceil(scene.frames).max(threads) as u64;
    let mut next = scenes.start;
    while next < scenes.end {
        let until = next.saturating_add(at_once).min(scenes.end);
        let played =
            (next..until).into_par_iter().map(|n| Played::new(scene, seed, n)).collect::<Result<Vec<Played>>>()?;
        summary.left_out += played.iter().map(|p| p.stage.left_out as u64).sum::<u64>();
        let jobs: Vec<(&Played, usize)> = played.iter().flat_map(|p| (0..scene.frames).map(move |f| (p, f))).collect();
        for batch in jobs.chunks(4 * threads) {
            let made = batch
                .par_iter()
                .map(|(played, f)| {
                    let frame = played.frame(scene, *f)?;
                    teller.files(&frame)?;
                    Ok(teller.record(&played.stage, &frame))
                })
                .collect::<Result<Vec<Record>>>()?;
            for record in made {
                summary.frames += 1;
                summary.objects += record.annotations.len() as u64;
                writer.append(record)?;
            }
            watch.on(Event::done(summary.frames));
            if watch.stopped() {
                return Err(Error::File {
                    path: out.to_owned(),
                    what: "stopped before all frames were made; nothing is kept".into(),
                });
            }
        }
        next = until;
    }
    writer.finish()?;
    scratch.publish()?;
    watch.on(Event::End);
    summary.seconds = began.elapsed().as_secs_f64();
    Ok(summary)
}

/// The greatest number of a picture: what a thing is numbered by in COCO, 65,536 times that, is then still exact in JSON.
const MOST: u64 = 1 << 37;

fn check_folder(out: &Path) -> Result<()> {
    let file = |what: &str| Err(Error::File { path: out.to_owned(), what: what.into() });
    if out.is_file() {
        return file("is a file; remove it, or choose another name for the folder");
    }
    if out.is_dir() && fs::read_dir(out).map_err(io(out))?.next().is_some() {
        return file("is a folder that is not empty; remove it or choose another");
    }
    Ok(())
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |source| Error::Io { path: path.to_owned(), source }
}

/// What is told of a frame in files that hold many.
struct Record {
    image: Value,
    annotations: Vec<Value>,
    rows: Vec<Row>,
}

/// What each thread needs to write and to tell of a frame.
struct Teller<'a> {
    folder: &'a Path,
    scene: &'a Scene,
    classes: Vec<String>,
}

/// Writes into a folder. Annotations come after all images in a COCO file, so that they are gathered in one of their own first.
struct Writer<'a> {
    folder: &'a Path,
    first: Option<BufWriter<File>>,
    second: Option<BufWriter<File>>,
    parquet: Option<ArrowWriter<File>>,
    images: u64,
    annotations: u64,
    rows: Vec<Row>,
}

impl Teller<'_> {
    /// The files that a frame has by itself.
    fn files(&self, frame: &Frame) -> Result<()> {
        let number = image_number(self.scene, frame);
        let [width, height] = frame.labels.size;
        let put = |folder: &str, bytes: &[u8], kind: (png::ColorType, png::BitDepth)| {
            let path = self.folder.join(folder).join(format!("{number:06}.png"));
            let encoded =
                encode(bytes, [width, height], kind).map_err(|what| Error::File { path: path.clone(), what })?;
            fs::write(&path, encoded).map_err(io(&path))
        };
        let (rgb, grey) = (png::ColorType::Rgb, png::ColorType::Grayscale);
        let (eight, sixteen) = (png::BitDepth::Eight, png::BitDepth::Sixteen);
        put("images", &frame.picture, (rgb, eight))?;
        let labels = &frame.labels;
        for label in &self.scene.labels {
            match label {
                Label::Depth => put("depth", &wide(labels.depth.iter().map(|&d| millimetres(d))), (grey, sixteen))?,
                Label::Class => put("class", &labels.class, (grey, eight))?,
                Label::Instance => put("instance", &wide(labels.instance.iter().copied()), (grey, sixteen))?,
                Label::Normals => {
                    put("normals", &wide(labels.normals.iter().flat_map(|&n| normal(n))), (rgb, sixteen))?;
                }
                Label::Flow => put("flow", &wide(labels.flow.iter().flat_map(|&f| kitti(f))), (rgb, sixteen))?,
                Label::Yolo => {
                    let path = self.folder.join("labels").join(format!("{number:06}.txt"));
                    fs::write(&path, yolo(labels)).map_err(io(&path))?;
                }
                Label::Coco | Label::Rows => {}
            }
        }
        Ok(())
    }

    /// What the files of many frames say of one.
    fn record(&self, stage: &Stage, frame: &Frame) -> Record {
        let image = image_number(self.scene, frame);
        let has = |label| self.scene.labels.contains(&label);
        let seen = || frame.labels.things.iter().filter(|t| t.bounds.is_some());
        let mut record = Record { image: Value::Null, annotations: Vec::new(), rows: Vec::new() };
        if has(Label::Coco) {
            record.image = coco_image(image, frame);
        }
        record.annotations = seen()
            .map(|thing| if has(Label::Coco) { annotation(image, stage, &frame.labels, thing) } else { Value::Null })
            .collect();
        if has(Label::Rows) {
            record.rows = frame
                .labels
                .things
                .iter()
                .map(|thing| {
                    let body = &stage.bodies[thing.body];
                    Row {
                        scene: frame.scene,
                        frame: frame.frame as u64,
                        image,
                        time: frame.time,
                        class: self.classes[usize::from(thing.class)].clone(),
                        shape: body.shape.name(),
                        colour: body.colour.clone(),
                        material: body.material.name(),
                        thing: thing.clone(),
                    }
                })
                .collect();
        }
        record
    }
}

/// Rows of Parquet that are held before they are written.
const ROWS: usize = 50_000;

impl<'a> Writer<'a> {
    fn new(scene: &Scene, folder: &'a Path, scenes: &Range<u64>) -> Result<Writer<'a>> {
        let has = |label| scene.labels.contains(&label);
        fs::create_dir(folder.join("images")).map_err(io(folder))?;
        for label in &scene.labels {
            if let Some(name) = name(*label) {
                let path = folder.join(name);
                if !path.is_dir() {
                    fs::create_dir(&path).map_err(io(&path))?;
                }
            }
        }
        let classes = super::Classes::of(scene);
        let create = |name: &str| -> Result<BufWriter<File>> {
            let path = folder.join(name);
            Ok(BufWriter::new(File::create(&path).map_err(io(&path))?))
        };
        let (mut first, mut second, mut parquet) = (None, None, None);
        if has(Label::Coco) {
            let mut file = create("annotations.json")?;
            let head = head(scene, &classes, scenes);
            file.write_all(head.as_bytes()).map_err(io(folder))?;
            first = Some(file);
            second = Some(create("annotations.part")?);
        }
        if has(Label::Rows) {
            let path = folder.join("frames.parquet");
            let file = File::create(&path).map_err(io(&path))?;
            let level = ZstdLevel::try_new(3).map_err(|e| Error::File { path: path.clone(), what: e.to_string() })?;
            let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
            let schema = batch(&[])?.schema();
            let made = ArrowWriter::try_new(file, schema, Some(properties));
            parquet = Some(made.map_err(|e| Error::File { path, what: e.to_string() })?);
        }
        if has(Label::Yolo) {
            let path = folder.join("data.yaml");
            let names: String = classes.names[1..=classes.things]
                .iter()
                .enumerate()
                .map(|(i, name)| format!("  {i}: {}\n", json!(name)))
                .collect();
            let text = format!("path: .\ntrain: images\nval: images\nnames:\n{names}");
            fs::write(&path, text).map_err(io(&path))?;
        }
        Ok(Writer { folder, first, second, parquet, images: 0, annotations: 0, rows: Vec::new() })
    }

    fn append(&mut self, record: Record) -> Result<()> {
        let folder = self.folder;
        let line = |file: &mut BufWriter<File>, count: &mut u64, value: &Value| -> Result<()> {
            let comma = if *count == 0 { "\n" } else { ",\n" };
            *count += 1;
            write!(file, "{comma}{value}").map_err(io(folder))
        };
        if let (Some(first), Some(second)) = (&mut self.first, &mut self.second) {
            line(first, &mut self.images, &record.image)?;
            for annotation in &record.annotations {
                line(second, &mut self.annotations, annotation)?;
            }
        }
        self.rows.extend(record.rows);
        if self.rows.len() >= ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if let Some(parquet) = &mut self.parquet {
            let path = self.folder.join("frames.parquet");
            parquet.write(&batch(&self.rows)?).map_err(|e| Error::File { path, what: e.to_string() })?;
        }
        self.rows.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.flush()?;
        if let Some(parquet) = self.parquet {
            let path = self.folder.join("frames.parquet");
            parquet.close().map_err(|e| Error::File { path, what: e.to_string() })?;
        }
        if let (Some(mut first), Some(second)) = (self.first, self.second) {
            let part = self.folder.join("annotations.part");
            second.into_inner().map_err(|e| Error::Io { path: part.clone(), source: e.into_error() })?;
            first.write_all(b"\n],\n\"annotations\": [").map_err(io(&part))?;
            let mut gathered = File::open(&part).map_err(io(&part))?;
            std::io::copy(&mut gathered, &mut first).map_err(io(&part))?;
            first.write_all(b"\n]}\n").and_then(|()| first.flush()).map_err(io(&part))?;
            fs::remove_file(&part).map_err(io(&part))?;
        }
        Ok(())
    }
}

/// The folder of a label that has one.
fn name(label: Label) -> Option<&'static str> {
    match label {
        Label::Depth => Some("depth"),
        Label::Class => Some("class"),
        Label::Instance => Some("instance"),
        Label::Normals => Some("normals"),
        Label::Flow => Some("flow"),
        Label::Yolo => Some("labels"),
        Label::Coco | Label::Rows => None,
    }
}

fn image_number(scene: &Scene, frame: &Frame) -> u64 {
    frame.scene * scene.frames as u64 + frame.frame as u64
}
