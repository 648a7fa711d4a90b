//! Files of scenes: pictures, masks, depth, normals and flow as PNG; COCO and YOLO; one row a frame and thing in Parquet.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int32Builder, StringBuilder, UInt8Builder, UInt16Builder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use rayon::prelude::*;
use serde_json::{Value, json};
use verisim_data::file::Scratch;
use verisim_data::{Event, Watch};

use super::course::{Place, course, eye};
use super::eye::Eye;
use super::label::{Bounds, Labels, Thing, labels, runs};
use super::render::View;
use super::settings::{Label, Scene};
use super::stage::Stage;
use super::vector::{Turn, Vec3};
use super::world::World;
use crate::error::{Error, Result};

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

/// One frame: its picture and its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The number of its scene.
    pub scene: u64,
    /// Its number within the scene.
    pub frame: usize,
    /// Seconds from the first frame.
    pub time: f64,
    /// The camera.
    pub eye: Eye,
    /// Three bytes a pixel, row by row.
    pub picture: Vec<u8>,
    /// What is true of it.
    pub labels: Labels,
}

/// A scene that is drawn, with the course of its bodies.
struct Played {
    number: u64,
    stage: Stage,
    course: Vec<Vec<Place>>,
}

impl Played {
    fn new(scene: &Scene, seed: u64, number: u64) -> Result<Played> {
        let stage = Stage::new(scene, seed, number)?;
        let course = course(scene, &stage)?;
        Ok(Played { number, stage, course })
    }

    fn view(&self, scene: &Scene, frame: usize) -> Result<View<'_>> {
        let (time, places) = (frame as f64 / scene.rate, &self.course[frame]);
        let share = frame as f64 / scene.frames.saturating_sub(1).max(1) as f64;
        let eye = eye(&self.stage, places, time, share)?;
        Ok(View::new(&self.stage, World::new(&self.stage, places, scene.settle + time), eye, frame as u64))
    }

    fn frame(&self, scene: &Scene, frame: usize) -> Result<Frame> {
        let (view, next) = (self.view(scene, frame)?.seen(), self.view(scene, frame + 1)?);
        let time = frame as f64 / scene.rate;
        let middles = view.middles();
        Ok(Frame {
            scene: self.number,
            frame,
            time,
            eye: view.eye,
            picture: view.picture(&middles, scene.samples),
            labels: labels(&view, &middles, &next, &self.course[frame], scene.settle + time),
        })
    }
}

/// The frames of one scene whose numbers are in `range`, in memory, with the scene as it was drawn. Rendered on the threads of the
/// rayon pool it is called in.
///
/// # Errors
/// [`Error::Setting`] if a setting makes no sense; [`Error::Make`] if physics leads to no numbers.
pub fn frames(scene: &Scene, seed: u64, number: u64, range: Range<usize>) -> Result<(Stage, Vec<Frame>)> {
    let played = Played::new(scene, seed, number)?;
    let frames = (range.start..range.end.min(scene.frames))
        .into_par_iter()
        .map(|f| played.frame(scene, f))
        .collect::<Result<Vec<_>>>()?;
    Ok((played.stage, frames))
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
/// As [`frames`], and when files cannot be written; nothing is left behind then.
pub fn write(scene: &Scene, seed: u64, scenes: Range<u64>, out: &Path, watch: &mut dyn Watch) -> Result<Summary> {
    let began = Instant::now();
    scene.check()?;
    check_folder(out)?;
    let scratch = Scratch::folder(out)?;
    let mut writer = Writer::new(scene, scratch.temporary(), &scenes)?;
    let teller = Teller { folder: scratch.temporary(), scene, classes: super::Classes::of(scene).names };
    let mut summary = Summary { scenes: scenes.end.saturating_sub(scenes.start), ..Summary::default() };
    watch.on(Event::Begin { unit: "frames", total: summary.scenes * scene.frames as u64, done: 0 });
    let threads = rayon::current_num_threads();
    // So many scenes at once that all threads have frames to make, and no more, for their poses are held in memory.
    let at_once = (2 * threads).div_ceil(scene.frames).max(1) as u64;
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

/// One row of `frames.parquet`.
struct Row {
    scene: u64,
    frame: u64,
    image: u64,
    time: f64,
    class: String,
    shape: &'static str,
    colour: String,
    material: &'static str,
    thing: Thing,
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

fn encode(bytes: &[u8], size: [usize; 2], kind: (png::ColorType, png::BitDepth)) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, size[0] as u32, size[1] as u32);
    encoder.set_color(kind.0);
    encoder.set_depth(kind.1);
    encoder.set_compression(png::Compression::Fast);
    let text = |e: png::EncodingError| format!("a PNG cannot be made: {e}");
    encoder
        .add_text_chunk("Description".into(), "synthetic: rendered by verisim from a declared scene".into())
        .map_err(text)?;
    let mut writer = encoder.write_header().map_err(text)?;
    writer.write_image_data(bytes).map_err(text)?;
    writer.finish().map_err(text)?;
    Ok(out)
}

/// PNG has the high byte first.
fn wide(values: impl Iterator<Item = u16>) -> Vec<u8> {
    values.flat_map(u16::to_be_bytes).collect()
}

/// Depth as it is written: 0 is none, 65535 is that or more.
pub fn millimetres(depth: f64) -> u16 {
    if depth.is_finite() { (depth * 1000.0).round().clamp(1.0, 65_535.0) as u16 } else { 0 }
}

fn normal(n: Vec3) -> [u16; 3] {
    if n == Vec3::default() {
        return [0; 3];
    }
    n.array().map(|c| ((c + 1.0) * 32_767.5).round().clamp(0.0, 65_535.0) as u16)
}

/// Flow as KITTI writes it (Menze and Geiger 2015): valid from -512 to 511.98 pixels.
pub fn kitti(flow: Option<[f64; 2]>) -> [u16; 3] {
    let code = |f: f64| (f * 64.0).round() + 32_768.0;
    match flow.map(|f| f.map(code)) {
        Some([u, v]) if (0.0..=65_535.0).contains(&u) && (0.0..=65_535.0).contains(&v) => [u as u16, v as u16, 1],
        _ => [0; 3],
    }
}

/// A line for each thing that is seen: class from 0, middle and sides of its box as shares of the picture.
fn yolo(labels: &Labels) -> String {
    let [width, height] = labels.size.map(|n| n as f64);
    let lines = labels.things.iter().filter_map(|thing| {
        let b = thing.bounds?;
        let (w, h) = (b.width as f64, b.height as f64);
        let (x, y) = (b.left as f64 + w * 0.5, b.top as f64 + h * 0.5);
        let class = thing.class - 1;
        Some(format!("{class} {:.6} {:.6} {:.6} {:.6}\n", x / width, y / height, w / width, h / height))
    });
    lines.collect()
}

/// Numbers to a millionth, to keep files small.
fn short(x: f64) -> f64 {
    (x * 1e6).round() / 1e6
}

fn list(v: Vec3) -> Value {
    json!(v.array().map(short))
}

fn quaternion(t: Turn) -> Value {
    json!([t.w, t.v.x, t.v.y, t.v.z].map(short))
}

/// The beginning of a COCO file, up to its images.
fn head(scene: &Scene, classes: &super::Classes, scenes: &Range<u64>) -> String {
    let categories: Vec<Value> = (1..=classes.things)
        .map(|id| {
            let name = &classes.names[id];
            let (points, lines) = super::stage::points_of(scene, name);
            let mut category = json!({ "id": id, "name": name, "supercategory": "thing" });
            if !points.is_empty() {
                category["keypoints"] = json!(points);
                // Lines count from 1.
                category["skeleton"] = json!(lines.iter().map(|[a, b]| [a + 1, b + 1]).collect::<Vec<_>>());
            }
            category
        })
        .collect();
    let info = json!({
        "description": "synthetic: rendered by verisim from a declared scene",
        "version": env!("CARGO_PKG_VERSION"),
        "scenes": [scenes.start, scenes.end],
        "frames_a_scene": scene.frames,
        "frames_a_second": scene.rate,
        "classes_of_masks": classes.names,
        "depth": "millimetres along the optical axis; 0 is sky, 65535 is 65.535 m or more",
        "normals": "(n + 1) / 2 * 65535 of right, down, forward; all 0 is sky",
        "flow": "KITTI: (value - 32768) / 64 pixels right and down to the next frame; the third channel is 1 where valid",
        "frame_of_poses": "world: x forward, y left, z up; camera: x right, y down, z forward; quaternions w, x, y, z"
    });
    format!("{{\"info\": {info},\n\"licenses\": [],\n\"categories\": {},\n\"images\": [", json!(categories))
}

fn coco_image(image: u64, frame: &Frame) -> Value {
    let Eye { at, axes, lens } = &frame.eye;
    // The rows of the axes are those of the camera in the world; the camera's turn takes its axes to the world.
    let turn = axes.turn().back();
    json!({
        "id": image,
        "file_name": format!("{image:06}.png"),
        "width": lens.size[0],
        "height": lens.size[1],
        "scene": frame.scene,
        "frame": frame.frame,
        "time": short(frame.time),
        "camera": {
            "position": list(*at),
            "rotation": quaternion(turn),
            "focal": short(lens.focal),
            "centre": [lens.size[0] as f64 * 0.5, lens.size[1] as f64 * 0.5],
            "k1": short(lens.k1),
            "k2": short(lens.k2)
        }
    })
}

fn bbox(b: Option<Bounds>) -> Value {
    b.map_or(Value::Null, |b| json!([b.left, b.top, b.width, b.height]))
}

fn annotation(image: u64, stage: &Stage, labels: &Labels, thing: &Thing) -> Value {
    let body = &stage.bodies[thing.body];
    let mut told = json!({
        "id": image * 65_536 + u64::from(thing.instance),
        "image_id": image,
        "category_id": thing.class,
        "bbox": bbox(thing.bounds),
        "area": thing.pixels,
        "segmentation": { "size": [labels.size[1], labels.size[0]], "counts": runs(labels, thing.instance) },
        "iscrowd": 0
    });
    let slots = &stage.slots[usize::from(thing.class)];
    if !slots.is_empty() {
        // Key points of the class that this shape does not have stay 0, 0, 0.
        let own = body.shape.points().0;
        let mut flat = vec![0.0; slots.len() * 3];
        let mut number = 0;
        for (name, seen) in own.iter().zip(&thing.points) {
            if let (Some(slot), Some([u, v])) = (slots.iter().position(|s| s == name), seen.at) {
                let flag = if seen.visible { 2.0 } else { 1.0 };
                flat[slot * 3..slot * 3 + 3].copy_from_slice(&[(u * 1e3).round() / 1e3, (v * 1e3).round() / 1e3, flag]);
                number += 1;
            }
        }
        told["keypoints"] = json!(flat);
        told["num_keypoints"] = json!(number);
    }
    told["instance_id"] = json!(thing.instance);
    told["visibility"] = json!(short(thing.visibility()));
    told["full_bbox"] = bbox(thing.full);
    told["truncated"] = json!(thing.cut);
    told["pose"] = json!({
        "position": list(thing.at),
        "rotation": quaternion(thing.turn),
        "camera_position": list(thing.camera_at),
        "camera_rotation": quaternion(thing.camera_turn),
        "size": list(thing.size)
    });
    let mut attributes = json!({ "shape": body.shape.name(), "colour": body.colour, "material": body.material.name() });
    if let Some(face) = thing.face {
        attributes["face"] = json!(face);
    }
    told["attributes"] = attributes;
    told
}

/// Rows as a batch of Arrow.
fn batch(rows: &[Row]) -> Result<RecordBatch> {
    fn whole(rows: &[Row], of: impl Fn(&Row) -> u64) -> ArrayRef {
        let mut b = UInt64Builder::with_capacity(rows.len());
        rows.iter().for_each(|r| b.append_value(of(r)));
        Arc::new(b.finish())
    }
    fn real(rows: &[Row], of: impl Fn(&Row) -> f64) -> ArrayRef {
        let mut b = Float64Builder::with_capacity(rows.len());
        rows.iter().for_each(|r| b.append_value(of(r)));
        Arc::new(b.finish())
    }
    fn text<'r>(rows: &'r [Row], of: impl Fn(&'r Row) -> Option<&'r str>) -> ArrayRef {
        let mut b = StringBuilder::new();
        rows.iter().for_each(|r| b.append_option(of(r)));
        Arc::new(b.finish())
    }
    fn side(rows: &[Row], of: impl Fn(&Thing) -> Option<usize>) -> ArrayRef {
        let mut b = Int32Builder::with_capacity(rows.len());
        rows.iter().for_each(|r| b.append_option(of(&r.thing).map(|n| n as i32)));
        Arc::new(b.finish())
    }
    let mut instance = UInt16Builder::new();
    let mut class = UInt8Builder::new();
    let mut cut = BooleanBuilder::new();
    for row in rows {
        instance.append_value(row.thing.instance);
        class.append_value(row.thing.class);
        cut.append_value(row.thing.cut);
    }
    let mut columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("scene", whole(rows, |r| r.scene), false),
        ("frame", whole(rows, |r| r.frame), false),
        ("image", whole(rows, |r| r.image), false),
        ("time", real(rows, |r| r.time), false),
        ("instance", Arc::new(instance.finish()), false),
        ("class_id", Arc::new(class.finish()), false),
        ("class", text(rows, |r| Some(&r.class)), false),
        ("shape", text(rows, |r| Some(r.shape)), false),
        ("colour", text(rows, |r| Some(&r.colour)), false),
        ("material", text(rows, |r| Some(r.material)), false),
        ("face", text(rows, |r| r.thing.face), true),
        ("box_left", side(rows, |t| t.bounds.map(|b| b.left)), true),
        ("box_top", side(rows, |t| t.bounds.map(|b| b.top)), true),
        ("box_width", side(rows, |t| t.bounds.map(|b| b.width)), true),
        ("box_height", side(rows, |t| t.bounds.map(|b| b.height)), true),
        ("full_left", side(rows, |t| t.full.map(|b| b.left)), true),
        ("full_top", side(rows, |t| t.full.map(|b| b.top)), true),
        ("full_width", side(rows, |t| t.full.map(|b| b.width)), true),
        ("full_height", side(rows, |t| t.full.map(|b| b.height)), true),
        ("pixels", whole(rows, |r| r.thing.pixels as u64), false),
        ("full_pixels", whole(rows, |r| r.thing.full_pixels as u64), false),
        ("visibility", real(rows, |r| r.thing.visibility()), false),
        ("truncated", Arc::new(cut.finish()), false),
    ];
    type Of = fn(&Thing) -> f64;
    let poses: [(&str, Of); 17] = [
        ("x", |t| t.at.x),
        ("y", |t| t.at.y),
        ("z", |t| t.at.z),
        ("qw", |t| t.turn.w),
        ("qx", |t| t.turn.v.x),
        ("qy", |t| t.turn.v.y),
        ("qz", |t| t.turn.v.z),
        ("camera_x", |t| t.camera_at.x),
        ("camera_y", |t| t.camera_at.y),
        ("camera_z", |t| t.camera_at.z),
        ("camera_qw", |t| t.camera_turn.w),
        ("camera_qx", |t| t.camera_turn.v.x),
        ("camera_qy", |t| t.camera_turn.v.y),
        ("camera_qz", |t| t.camera_turn.v.z),
        ("length", |t| t.size.x),
        ("width", |t| t.size.y),
        ("height", |t| t.size.z),
    ];
    columns.extend(poses.map(|(name, of)| (name, real(rows, |r| of(&r.thing)), false)));
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}
