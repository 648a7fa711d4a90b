//! Labels against geometry by hand, and files against labels.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use arrow_array::{Array, Float64Array, Int32Array, UInt16Array, UInt64Array};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use verisim_data::{Event, Quiet, Watch};

use super::label::runs;
use super::number::to_srgb;
use super::vector::{Vec3, vec3};
use super::write::pixels::{kitti, millimetres};
use super::*;
use crate::error::Error;

fn scene(text: &str) -> Scene {
    let scene: Scene = toml::from_str(text).unwrap();
    scene.check().unwrap();
    scene
}

fn first(text: &str) -> Frame {
    frames(&scene(text), 1, 0, 0..1).unwrap().1.remove(0)
}

/// A camera that looks along x from the origin at a height of 2 m, with an angle of view of 90 degrees: the focal length is half the
/// width.
const AHEAD: &str = "[camera]\nposition = [0, 0, 2]\nlook_at = [1, 0, 2]\nfov = 90\n";

fn focal(frame: &Frame) -> f64 {
    frame.eye.lens.focal
}

/// The shadow of a ball on a plane is an ellipse: of a cone of half angle a, whose axis is at an angle t from the optical axis, with
/// half axes f sin a cos a / (cos² t - sin² a) and f sin a / sqrt(cos² t - sin² a).
#[test]
fn the_mask_of_a_ball_has_the_area_of_its_ellipse() {
    for (x, y, radius) in [(6.0, 0.0, 1.0), (6.0, 3.0, 1.0), (5.0, -3.5, 0.7)] {
        let text = format!(
            "width = 400\nheight = 400\nsamples = 1\n{AHEAD}[[objects]]\nshape = \"sphere\"\nsize = {}\nposition = [{x}, {y}, {}]",
            2.0 * radius,
            2.0 - radius
        );
        let frame = first(&text);
        let f = focal(&frame);
        let sin = radius / f64::hypot(x, y);
        let cos = (1.0 - sin * sin).sqrt();
        let gap = x * x / (x * x + y * y) - sin * sin;
        let area = std::f64::consts::PI * (f * sin * cos / gap) * (f * sin / gap.sqrt());
        let pixels = frame.labels.things[0].pixels as f64;
        // Gauss's circle problem: the error is far below the circumference.
        assert!((pixels - area).abs() < 0.004 * area, "{pixels} is not {area}");
        assert_eq!(frame.labels.things[0].visibility(), 1.0);
    }
}

#[test]
fn the_bounds_of_a_box_are_those_of_its_near_side() {
    let frame = first(&format!(
        "width = 200\nheight = 100\nsamples = 1\n{AHEAD}[[objects]]\nsize = [2, 3, 1]\nposition = [6, 1, 1.5]"
    ));
    // The near side is at x = 5: from y = -0.5 to 2.5 and z = 1.5 to 2.5; f = 100. The left edge is at 100 - 100 · 2.5/5 = 50.
    assert_eq!(frame.labels.things[0].bounds, Some(Bounds { left: 50, top: 40, width: 60, height: 20 }));
    assert_eq!(frame.labels.things[0].pixels, 60 * 20);
    // And its corners: those of the near side are seen, those of the far side are not.
    let corners: Vec<_> = frame.labels.things[0].points.iter().map(|p| (p.at.unwrap(), p.visible)).collect();
    let near = |i: usize, u: f64, v: f64, seen: bool| {
        let ([a, b], visible) = corners[i];
        assert!((a - u).abs() < 1e-6 && (b - v).abs() < 1e-6, "{i}: {a} {b} is not {u} {v}");
        assert_eq!(visible, seen, "{i}");
    };
    // In the frame of the box its rear is nearer to the camera.
    near(0, 110.0, 60.0, true);
    near(6, 50.0, 40.0, true);
    near(1, 100.0 + 50.0 / 7.0, 50.0 + 50.0 / 7.0, false);
}

#[test]
fn the_depth_of_a_plane_is_that_of_its_rows() {
    let frame = first(&format!("width = 64\nheight = 64\nsamples = 1\n{AHEAD}"));
    let f = focal(&frame);
    for y in 0..64 {
        let below = f64::from(y) + 0.5 - 32.0;
        for x in 0..64 {
            let depth = frame.labels.depth[(y * 64 + x) as usize];
            if below > 0.0 {
                let exact = f * 2.0 / below;
                assert!((depth - exact).abs() < 1e-9 * exact);
                assert_eq!(frame.labels.normals[(y * 64 + x) as usize], vec3(0.0, -1.0, 0.0));
            } else {
                assert!(depth.is_infinite());
            }
        }
    }
    assert_eq!([millimetres(1.2346), millimetres(70.0), millimetres(f64::INFINITY)], [1235, 65_535, 0]);
}

/// A point at (X, Y, Z) that the camera sees at f X / Z is seen at f (X - a) / (Z - c) once the camera has moved by (a, b, c).
#[test]
fn flow_is_that_of_a_moving_camera() {
    // 0.5 m ahead and 0.2 m to the left, from frame to frame.
    let frame = first(&format!(
        "width = 96\nheight = 64\nsamples = 1\nframes = 2\nrate = 10\n{AHEAD}velocity = [5, 2, 0]\n\
         [[objects]]\ncount = 5\nshape = [\"box\", \"sphere\", \"carton\"]\nposition = [[4, 9], [-3, 3], [0, 3]]\nyaw = [0, 90]"
    ));
    let f = focal(&frame);
    let mut seen = 0;
    for (i, flow) in frame.labels.flow.iter().enumerate() {
        let (u, v) = ((i % 96) as f64 + 0.5 - 48.0, (i / 96) as f64 + 0.5 - 32.0);
        let z = frame.labels.depth[i];
        if z.is_infinite() {
            // What is infinitely far stays where it is.
            assert!(flow.unwrap().iter().all(|d| d.abs() < 1e-9));
            continue;
        }
        // The camera's right is -y.
        let (x, y) = (u * z / f, v * z / f);
        let (u2, v2) = (f * (x + 0.2) / (z - 0.5), f * y / (z - 0.5));
        let [a, b] = flow.unwrap();
        assert!((a - (u2 - u)).abs() < 1e-7 && (b - (v2 - v)).abs() < 1e-7, "{i}");
        seen += usize::from(frame.labels.instance[i] > 0);
    }
    assert!(seen > 100);
    assert_eq!(kitti(Some([1.5, -2.25])), [32_768 + 96, 32_768 - 144, 1]);
    assert_eq!([kitti(None), kitti(Some([600.0, 0.0]))], [[0; 3]; 2]);
}

/// The camera stands; a ball moves 0.4 m to the left and 1 m away, a box turns by 9 degrees.
#[test]
fn flow_is_that_of_moving_bodies() {
    let frame = first(&format!(
        "width = 96\nheight = 64\nsamples = 1\nframes = 2\nrate = 10\n{AHEAD}\
         [[objects]]\nshape = \"sphere\"\nsize = 2\nposition = [6, 2, 1]\nvelocity = [10, 4, 0]\n\
         [[objects]]\nsize = 2\nposition = [6, -2, 1]\nspin = [0, 0, 90]"
    ));
    let f = focal(&frame);
    let mut seen = [0; 3];
    for (i, flow) in frame.labels.flow.iter().enumerate() {
        let (u, v) = ((i % 96) as f64 + 0.5 - 48.0, (i / 96) as f64 + 0.5 - 32.0);
        let (z, instance) = (frame.labels.depth[i], frame.labels.instance[i]);
        seen[usize::from(instance)] += 1;
        // World: x forward, y left.
        let (x, y) = (z, -u * z / f);
        let (x2, y2) = match instance {
            1 => (x + 1.0, y + 0.4),
            2 => {
                let (sin, cos) = 9f64.to_radians().sin_cos();
                let (dx, dy) = (x - 6.0, y + 2.0);
                (6.0 + dx * cos - dy * sin, -2.0 + dx * sin + dy * cos)
            }
            _ => continue,
        };
        let (u2, v2) = (-f * y2 / x2, v * z / x2);
        let [a, b] = flow.unwrap();
        assert!((a - (u2 - u)).abs() < 1e-7 && (b - (v2 - v)).abs() < 1e-7, "{i} {instance}");
    }
    assert!(seen[1] > 100 && seen[2] > 100, "{seen:?}");
}

#[test]
fn normals_of_a_ball_point_away_from_its_middle() {
    let frame = first(&format!(
        "width = 80\nheight = 80\nsamples = 1\n{AHEAD}roll = 20\n[[objects]]\nshape = \"sphere\"\nsize = 2\nposition = [4, 0.5, 1.5]"
    ));
    let f = focal(&frame);
    let centre = frame.labels.things[0].camera_at;
    let mut seen = 0;
    for (i, &n) in frame.labels.normals.iter().enumerate() {
        if frame.labels.depth[i].is_finite() {
            assert!((n.length() - 1.0).abs() < 1e-12);
        }
        if frame.labels.instance[i] == 1 {
            let (u, v) = ((i % 80) as f64 + 0.5 - 40.0, (i / 80) as f64 + 0.5 - 40.0);
            let point = vec3(u / f, v / f, 1.0) * frame.labels.depth[i];
            assert!((point - centre - n).length() < 1e-9);
            assert!(n.z < 0.0);
            seen += 1;
        }
    }
    assert!(seen > 300);
}

#[test]
fn a_box_that_is_half_hidden_is_half_visible() {
    // The wall hides all that is to the right of the optical axis; the box behind is as far to the left as to the right.
    let hidden = |distractor: bool| {
        first(&format!(
            "width = 200\nheight = 200\nsamples = 1\n{AHEAD}[[objects]]\nsize = [1, 2, 2]\nposition = [8, 0, 1]\n\
             [[objects]]\nclass = \"wall\"\ndistractor = {distractor}\nsize = [0.1, 3, 3.9]\nposition = [4, -1.5, 0]"
        ))
    };
    for distractor in [false, true] {
        let frame = hidden(distractor);
        let thing = &frame.labels.things[0];
        assert_eq!((thing.visibility(), thing.pixels * 2), (0.5, thing.full_pixels));
        let (seen, full) = (thing.bounds.unwrap(), thing.full.unwrap());
        assert_eq!((seen.left, seen.width * 2, seen.height), (full.left, full.width, full.height));
        assert!(!thing.cut);
        // The wall has a label only if it is no distractor; it is in the way either way.
        assert_eq!(frame.labels.things.len(), if distractor { 1 } else { 2 });
        let right = frame.labels.instance[100 * 200 + 105];
        assert_eq!(right, if distractor { 0 } else { 2 });
        assert_eq!(frame.labels.class[100 * 200 + 105], if distractor { 0 } else { 2 });
    }
}

#[test]
fn what_leaves_the_picture_is_cut() {
    let frame = first(&format!(
        "width = 64\nheight = 64\n{AHEAD}[[objects]]\nsize = 2\nposition = [4, 3.5, 1]\n[[objects]]\nsize = 2\nposition = [-9, 0, 1]"
    ));
    assert!(frame.labels.things[0].cut && frame.labels.things[0].pixels > 0);
    let behind = &frame.labels.things[1];
    assert_eq!((behind.pixels, behind.full, behind.bounds, behind.visibility()), (0, None, None, 0.0));
    assert!(behind.points.iter().all(|p| p.at.is_none() && !p.visible));
}

/// Shares of light by hand: the ground under a sun at an elevation of 30 degrees takes half of its light, and none in a shadow.
#[test]
fn light_follows_lambert_and_shadows() {
    let text = |extra: &str| {
        format!(
            "width = 64\nheight = 64\nsamples = 1\n{extra}[camera]\nposition = [0, 0, 10]\nlook_at = [0, 0, 0]\nfov = 60\n\
             [sun]\nelevation = 30\nazimuth = 90\ncolour = \"#ffffff\"\nstrength = 0.8\n[sky]\nambient = 0\n[ground]\ncolour = \"#808080\"\n"
        )
    };
    let grey = number::to_linear(128.0 / 255.0);
    let haze = (-10.0 / world::FAR).exp();
    let frame = first(&text(""));
    // Straight below the camera.
    let middle = |frame: &Frame, x: usize, y: usize| f64::from(frame.picture[(y * 64 + x) * 3]);
    let horizon = number::colour("#cfdbe6", "").unwrap().x;
    let expected = to_srgb(grey * 0.8 * 0.5 * haze + horizon * (1.0 - haze)) * 255.0;
    assert!((middle(&frame, 32, 32) - expected).abs() < 1.5, "{} is not {expected}", middle(&frame, 32, 32));
    // A slab above the middle throws its shadow to the right, away from the sun at y: the camera looks down with x at the top, y left.
    let slab = "[[objects]]\nsize = [4, 0.5, 1]\nposition = [0, 1.5, 0]\n";
    let frame = first(&format!("{}{slab}", text("")));
    let shadow = middle(&frame, 32, 32);
    assert!(shadow < 40.0, "{shadow} is not dark");
    assert!((middle(&frame, 10, 32) - expected).abs() < 2.5);
}

#[test]
fn fog_fades_by_koschmieders_law() {
    let fogged = |fog: f64| {
        let frame = first(&format!(
            "width = 32\nheight = 32\nsamples = 1\n{AHEAD}[sun]\nstrength = 0\n[sky]\nambient = 0\nhorizon = \"#808080\"\nzenith = \"#808080\"\n\
             [weather]\nfog = {fog}\n[[objects]]\ncolour = \"black\"\nmaterial = \"matte\"\nsize = [1, 20, 20]\nposition = [20.5, 0, 0]"
        ));
        f64::from(frame.picture[(8 * 32 + 16) * 3])
    };
    let grey = number::to_linear(128.0 / 255.0);
    for fog in [0.02, 0.1, 0.3] {
        // The pixel (16, 8) looks 7.5 pixels up and half one to the side, at a wall in 20 m; f = 16.
        let distance = 20.0 * (1.0 + (7.5 / 16.0f64).powi(2) + (0.5 / 16.0f64).powi(2)).sqrt();
        let expected = to_srgb(grey * (1.0 - (-fog * distance).exp())) * 255.0;
        assert!((fogged(fog) - expected).abs() < 1.0, "{fog}: {} is not {expected}", fogged(fog));
    }
}

/// Boxes, counts and runs of random scenes against a look at every pixel.
#[test]
fn boxes_are_the_extents_of_masks() {
    let scene = scene(
        "width = 90\nheight = 70\nframes = 3\n[camera]\nk1 = [-0.2, 0.1]\norbit = 40\nfov = [40, 80]\n[ground]\nhills = [0, 1]\n\
         [[objects]]\nshape = [\"sphere\", \"box\", \"cylinder\", \"capsule\", \"car\", \"pedestrian\", \"sign\", \"tree\"]\ncount = [4, 16]\n\
         position = [[-4, 6], [-5, 5], [0, 1]]\nyaw = [0, 360]\nroll = [0, 40]",
    );
    let (mut seen, mut hidden) = (0, 0);
    for number in 0..6 {
        for frame in frames(&scene, 3, number, 0..3).unwrap().1 {
            let labels = &frame.labels;
            for (k, thing) in labels.things.iter().enumerate() {
                assert_eq!(usize::from(thing.instance), k + 1);
                let mask: Vec<usize> = (0..90 * 70).filter(|&i| labels.instance[i] == thing.instance).collect();
                assert_eq!(mask.len(), thing.pixels);
                assert!(mask.iter().all(|&i| labels.class[i] == thing.class));
                assert!(thing.full_pixels >= thing.pixels && thing.visibility() <= 1.0);
                let bounds = mask.iter().fold(None, |b: Option<[usize; 4]>, &i| {
                    let (x, y) = (i % 90, i / 90);
                    Some(b.map_or([x, y, x, y], |[l, t, r, d]| [l.min(x), t.min(y), r.max(x), d.max(y)]))
                });
                let bounds = bounds.map(|[l, t, r, d]| Bounds { left: l, top: t, width: r - l + 1, height: d - t + 1 });
                assert_eq!(bounds, thing.bounds);
                match bounds {
                    Some(_) => seen += 1,
                    None => hidden += 1,
                }
                // Runs, unrolled column by column, are the mask.
                let runs = runs(labels, thing.instance);
                assert_eq!(runs.iter().sum::<u32>(), 90 * 70);
                let mut unrolled = Vec::new();
                let mut at = 0;
                for (r, &length) in runs.iter().enumerate() {
                    if r % 2 == 1 {
                        unrolled.extend((at..at + length).map(|c| (c % 70 * 90 + c / 70) as usize));
                    }
                    at += length;
                }
                unrolled.sort_unstable();
                assert_eq!(unrolled, mask);
            }
        }
    }
    assert!(seen > 50 && hidden > 0, "{seen} {hidden}");
}

const SMALL: &str = "width = 48\nheight = 40\nframes = 3\nrate = 5\n[camera]\nnoise = 0.01\n[weather]\nrain = [0, 20]\n\
    [[objects]]\nclass = \"thing\"\nshape = [\"sphere\", \"carton\"]\ncount = [2, 6]\nsize = [0.5, 1]\n\
    position = [[-3, 3], [-2, 2], [0, 1]]\nphysics = true\napart = 0.1\n\
    [[objects]]\nshape = \"pedestrian\"\nspeed = 1\nposition = [-3, 1, 0]\n\
    [[objects]]\nshape = \"signal\"\nyaw = 180\nposition = [2, -2, 0]";

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(k, v)| (format!("{name}/{k}"), v)));
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

fn written(threads: usize, scenes: std::ops::Range<u64>) -> (BTreeMap<String, Vec<u8>>, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let summary = pool.install(|| write(&scene(SMALL), 7, scenes, &out, &mut Quiet)).unwrap();
    // Nothing is left beside it.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    (files(&out), summary)
}

#[test]
fn bytes_are_the_same_for_any_number_of_threads_and_any_part() {
    let (one, summary) = written(1, 0..4);
    assert_eq!((summary.scenes, summary.frames), (4, 12));
    assert_eq!(one, written(2, 0..4).0);
    // Of each frame six pictures and a line of YOLO; three files of all.
    assert_eq!(one.len(), 12 * 7 + 3);
    let part = written(2, 2..3).0;
    for (name, bytes) in part.iter().filter(|(name, _)| name.contains('/')) {
        assert_eq!(one.get(name), Some(bytes), "{name}");
    }
    assert_eq!(part.keys().filter(|n| n.starts_with("images/")).collect::<Vec<_>>().len(), 3);
    assert!(part.contains_key("images/000006.png"));
}

fn image(bytes: &[u8]) -> (usize, Vec<u16>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    let values = match info.bit_depth {
        png::BitDepth::Sixteen => data.chunks(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect(),
        _ => data.iter().map(|&b| u16::from(b)).collect(),
    };
    (info.width as usize, values)
}

/// Every number of COCO, YOLO and Parquet against the masks in the files.
#[test]
fn files_agree_with_their_masks() {
    let (made, summary) = written(2, 0..3);
    let coco: serde_json::Value = serde_json::from_slice(&made["annotations.json"]).unwrap();
    let categories = coco["categories"].as_array().unwrap();
    assert_eq!(
        categories.iter().map(|c| c["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["thing", "pedestrian", "signal"]
    );
    assert_eq!(categories[0]["keypoints"].as_array().unwrap().len(), 8);
    assert_eq!(coco["images"].as_array().unwrap().len(), 9);
    let annotations = coco["annotations"].as_array().unwrap();
    assert_eq!(annotations.len() as u64, summary.objects);
    assert!(annotations.len() > 20);
    let mut lines: BTreeMap<u64, usize> = BTreeMap::new();
    for told in annotations {
        let number = told["image_id"].as_u64().unwrap();
        let (width, mask) = image(&made[&format!("instance/{number:06}.png")]);
        let (_, class) = image(&made[&format!("class/{number:06}.png")]);
        let instance = told["instance_id"].as_u64().unwrap() as u16;
        let pixels: Vec<usize> = (0..mask.len()).filter(|&i| mask[i] == instance).collect();
        assert_eq!(told["area"].as_u64().unwrap() as usize, pixels.len());
        assert!(pixels.iter().all(|&i| u64::from(class[i]) == told["category_id"].as_u64().unwrap()));
        let (xs, ys) = (pixels.iter().map(|i| i % width), pixels.iter().map(|i| i / width));
        let (left, top) = (xs.clone().min().unwrap(), ys.clone().min().unwrap());
        let (w, h) = (xs.max().unwrap() + 1 - left, ys.max().unwrap() + 1 - top);
        assert_eq!(told["bbox"], serde_json::json!([left, top, w, h]));
        // YOLO: the same boxes in the same order, as shares of 48 by 40.
        let line = lines.entry(number).or_insert(0);
        let text = std::str::from_utf8(&made[&format!("labels/{number:06}.txt")]).unwrap();
        let numbers: Vec<f64> = text.lines().nth(*line).unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
        *line += 1;
        assert_eq!(numbers[0] as u64 + 1, told["category_id"].as_u64().unwrap());
        for (k, expected) in [
            (left as f64 + w as f64 / 2.0) / 48.0,
            (top as f64 + h as f64 / 2.0) / 40.0,
            w as f64 / 48.0,
            h as f64 / 40.0,
        ]
        .into_iter()
        .enumerate()
        {
            assert!((numbers[k + 1] - expected).abs() < 1e-6);
        }
        let points = told["keypoints"].as_array().unwrap();
        let slots =
            categories[told["category_id"].as_u64().unwrap() as usize - 1]["keypoints"].as_array().unwrap().len();
        assert_eq!(points.len(), slots * 3);
        let number = points.iter().skip(2).step_by(3).filter(|v| v.as_f64().unwrap() > 0.0).count();
        assert_eq!(told["num_keypoints"].as_u64().unwrap() as usize, number);
    }
    for (number, count) in lines {
        assert_eq!(std::str::from_utf8(&made[&format!("labels/{number:06}.txt")]).unwrap().lines().count(), count);
    }
    // Parquet: a row for each thing of each frame, seen or not.
    let bytes = parquet_bytes(&made["frames.parquet"]);
    let rows: usize = bytes.iter().map(|b| b.num_rows()).sum();
    assert!(rows >= annotations.len());
    let mut matched = 0;
    for batch in &bytes {
        let whole =
            |name: &str| batch.column_by_name(name).unwrap().as_any().downcast_ref::<UInt64Array>().unwrap().clone();
        let side =
            |name: &str| batch.column_by_name(name).unwrap().as_any().downcast_ref::<Int32Array>().unwrap().clone();
        let instance = batch.column_by_name("instance").unwrap().as_any().downcast_ref::<UInt16Array>().unwrap();
        let visibility = batch.column_by_name("visibility").unwrap().as_any().downcast_ref::<Float64Array>().unwrap();
        for row in 0..batch.num_rows() {
            let id = whole("image").value(row) * 65_536 + u64::from(instance.value(row));
            let told = annotations.iter().find(|a| a["id"].as_u64() == Some(id));
            assert_eq!(told.is_none(), side("box_left").is_null(row));
            assert_eq!(told.is_none(), whole("pixels").value(row) == 0);
            let Some(told) = told else { continue };
            matched += 1;
            let b = ["box_left", "box_top", "box_width", "box_height"].map(|n| side(n).value(row));
            assert_eq!(told["bbox"], serde_json::json!(b));
            assert!((told["visibility"].as_f64().unwrap() - visibility.value(row)).abs() < 1e-6);
        }
    }
    assert_eq!(matched, annotations.len());
}

/// What detectors are trained with reads our file, finds nothing wrong, and sees the same masks.
#[test]
fn other_readers_of_coco_see_the_same_masks() {
    let (made, _) = written(2, 0..3);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("annotations.json");
    fs::write(&path, &made["annotations.json"]).unwrap();
    let coco = hotcoco::COCO::new(&path).unwrap();
    let health = coco.healthcheck();
    assert!(health.errors.is_empty() && coco.load_warnings().is_empty(), "{:?}", health.errors);
    let told: serde_json::Value = serde_json::from_slice(&made["annotations.json"]).unwrap();
    for told in told["annotations"].as_array().unwrap() {
        let number = told["image_id"].as_u64().unwrap();
        let (width, instances) = image(&made[&format!("instance/{number:06}.png")]);
        let instance = told["instance_id"].as_u64().unwrap() as u16;
        let read = coco.ann_to_mask(coco.get_ann(told["id"].as_u64().unwrap()).unwrap()).unwrap();
        // COCO's masks lie column by column.
        let height = instances.len() / width;
        let same =
            (0..instances.len()).all(|i| (read[i % width * height + i / width] > 0) == (instances[i] == instance));
        assert!(same, "image {number}, instance {instance}");
    }
}

fn parquet_bytes(bytes: &[u8]) -> Vec<arrow_array::RecordBatch> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.parquet");
    fs::write(&path, bytes).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap().build().unwrap();
    reader.map(Result::unwrap).collect()
}

/// The pose of a thing and the camera's give back where its key points are seen.
#[test]
fn poses_in_files_project_to_key_points() {
    let frame = first(
        "width = 120\nheight = 90\n[camera]\nposition = [-5, 1, 3]\nlook_at = [0, 0, 0.5]\nfov = 60\nroll = 5\n\
         [[objects]]\nsize = [1, 0.6, 0.8]\nposition = [0, 0.3, 0]\nyaw = 35\n",
    );
    let thing = &frame.labels.things[0];
    let matrix = thing.camera_turn.matrix();
    for (i, seen) in thing.points.iter().enumerate() {
        let sign = |bit: usize| if i & bit == 0 { -0.5 } else { 0.5 };
        let corner = vec3(sign(1) * thing.size.x, sign(2) * thing.size.y, sign(4) * thing.size.z);
        let p: Vec3 = thing.camera_at + matrix.apply(corner);
        let f = focal(&frame);
        let [u, v] = seen.at.unwrap();
        assert!((60.0 + f * p.x / p.z - u).abs() < 1e-6 && (45.0 + f * p.y / p.z - v).abs() < 1e-6);
    }
    // Of a box that one looks down on three sides are seen: seven corners, and one is hidden.
    assert_eq!(thing.points.iter().filter(|p| p.visible).count(), 7);
}

#[test]
fn a_bad_setting_is_named() {
    let said = |text: &str| {
        let scene: Scene = toml::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        match Stage::new(&scene, 0, 0) {
            Err(Error::Setting { key, what }) => (key, what),
            other => panic!("{text}: {other:?}"),
        }
    };
    for (text, key) in [
        ("width = 0", "width"),
        ("frames = 0", "frames"),
        ("frames = 100000", "frames"),
        ("rate = 0.0", "rate"),
        ("rate = nan", "rate"),
        ("settle = -1.0", "settle"),
        ("samples = 9", "samples"),
        ("[camera]\nfov = 180", "camera.fov"),
        ("[camera]\nfov = { normal = [60, 30] }", "camera.fov"),
        ("[camera]\nposition = [0, [3, 1], 0]", "camera.position[1]"),
        ("[camera]\nfov = 120\nk1 = -0.5", "camera.k1"),
        ("[camera]\npath = [[0, 0, 0]]", "camera.path"),
        ("[camera]\npath = [[0, 0, 0], [1, 0, 0]]\norbit = 3", "camera.path"),
        ("[camera]\nwith = \"ego\"", "camera.with"),
        ("[sun]\ncolour = \"sunny\"", "sun.colour"),
        ("[sky]\nzenith = []", "sky.zenith"),
        ("[weather]\nnight = 2", "weather.night"),
        ("[ground.road]\nlanes = 0", "ground.road.lanes"),
        ("[[lamps]]\ncone = 0", "lamps[0].cone"),
        ("[[objects]]\n[[objects]]\nbounce = 2", "objects[1].bounce"),
        ("[[objects]]\nsize = 0", "objects[0].size"),
        ("[[objects]]\nsize = [1, 2, -1]", "objects[0].size[2]"),
        ("[[objects]]\nshape = []", "objects[0].shape"),
        ("[[objects]]\ncount = -1", "objects[0].count"),
        ("[[objects]]\ncount = 2\nrepeat = { count = [2, 1, 1], step = [1, 0, 0] }", "objects[0].count"),
        ("[[objects]]\nrepeat = { count = [0, 1, 1], step = [1, 0, 0] }", "objects[0].repeat.count"),
        ("[[objects]]\ntexture = \"road\"", "objects[0].texture"),
        ("[[objects]]\nshape = \"sign\"\nface = \"red\"", "objects[0].face"),
        ("[[objects]]\npath = [[0, 0, 0], [1, 0, 0]]\nphysics = true", "objects[0].path"),
        ("[[objects]]\nname = \"a\"\n[[objects]]\nname = \"a\"", "objects[1].name"),
        (
            "[[objects]]\ncount = 9000\n[[objects]]\ncount = 9000\n[[objects]]\ncount = 9000\n[[objects]]\ncount = 9000\n[[objects]]\n\
          count = 9000\n[[objects]]\ncount = 9000\n[[objects]]\ncount = 9000\n[[objects]]\ncount = 9000",
            "objects",
        ),
    ] {
        assert_eq!(said(text).0, key, "{text}");
    }
    // What the file does not know is refused by name.
    for (text, word) in [
        ("widht = 3", "widht"),
        ("[camera]\nfow = 3", "fow"),
        ("[[objects]]\nshape = \"cube\"", "cube"),
        ("[[objects]]\nsped = 3", "sped"),
    ] {
        let error = toml::from_str::<Scene>(text).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    // A camera that looks at itself is found when it is drawn.
    let itself = scene("[camera]\nposition = [1, 1, 1]\nlook_at = [1, 1, 1]");
    assert!(frames(&itself, 0, 0, 0..1).unwrap_err().to_string().contains("camera.look_at"));
}

#[test]
fn a_camera_rides_with_a_body_and_goes_along_a_path() {
    let ride = scene(
        "frames = 3\nrate = 1\nwidth = 8\nheight = 8\n[camera]\nwith = \"ego\"\nposition = [0.2, 0, 0.2]\nlook_at = [5, 0, 0.2]\n\
         [[objects]]\nname = \"ego\"\nsize = [4.4, 1.8, 1.45]\nspeed = 3\npath = [[0, 0, 0], [3, 0, 0], [3, 9, 0]]",
    );
    let frames_of = |s: &Scene| frames(s, 0, 0, 0..9).unwrap().1;
    let made = frames_of(&ride);
    assert_eq!(made.len(), 3);
    let half = 1.45 / 2.0;
    assert!((made[0].eye.at - vec3(0.2, 0.0, half + 0.2)).length() < 1e-9);
    // Round the corner it looks along y.
    assert!((made[2].eye.at - vec3(3.0, 3.2, half + 0.2)).length() < 1e-9);
    assert!((made[2].eye.axes.0[2] - vec3(0.0, 1.0, 0.0)).length() < 1e-9);
    // From inside its own car nothing is seen of it.
    assert!(made.iter().all(|f| f.labels.things[0].pixels == 0));
    let path = scene("frames = 3\nwidth = 8\nheight = 8\n[camera]\npath = [[-4, 0, 2], [-4, 4, 2], [-4, 4, 6]]");
    let at: Vec<Vec3> = frames_of(&path).iter().map(|f| f.eye.at).collect();
    assert_eq!(at, [vec3(-4.0, 0.0, 2.0), vec3(-4.0, 4.0, 2.0), vec3(-4.0, 4.0, 6.0)]);
}

#[test]
fn nothing_is_left_of_what_fails_or_is_stopped() {
    struct Stop;
    impl Watch for Stop {
        fn on(&mut self, _: Event) {}
        fn stopped(&self) -> bool {
            true
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let error = write(&scene(SMALL), 1, 0..50, &out, &mut Stop).unwrap_err().to_string();
    assert!(error.contains("stopped"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    fs::create_dir(&out).unwrap();
    fs::write(out.join("mine"), "x").unwrap();
    let error = write(&scene(SMALL), 1, 0..1, &out, &mut Quiet).unwrap_err().to_string();
    assert!(error.contains("not empty"), "{error}");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    let error = write(&scene(SMALL), 1, 0..u64::MAX, &folder.path().join("many"), &mut Quiet).unwrap_err().to_string();
    assert!(error.contains("`scenes` are too many"), "{error}");
    // No scenes are an empty set that is whole.
    let none = folder.path().join("none");
    assert_eq!(write(&scene(SMALL), 1, 3..3, &none, &mut Quiet).unwrap().frames, 0);
    let coco: serde_json::Value = serde_json::from_slice(&fs::read(none.join("annotations.json")).unwrap()).unwrap();
    assert_eq!(coco["annotations"].as_array().unwrap().len(), 0);
}

#[test]
fn labels_are_written_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let few = scene(&format!("labels = [\"depth\", \"yolo\"]\n{SMALL}"));
    write(&few, 1, 0..1, &out, &mut Quiet).unwrap();
    let mut names: Vec<String> =
        fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["data.yaml", "depth", "images", "labels"]);
}

/// The worlds that come along: they are whole, things of all their classes are seen, and a sheet can be made.
#[test]
fn shipped_worlds_show_what_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/worlds");
    for (name, classes, least) in [
        ("shapes", &["sphere", "box", "cylinder"][..], 3),
        ("road", &["vehicle", "pedestrian", "sign", "signal"][..], 4),
        ("shelf", &["rack", "carton", "pallet"][..], 10),
    ] {
        let text = fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
        let mut table: toml::Table = text.parse().unwrap();
        let mut scene: Scene = table.remove("scene").unwrap().try_into().unwrap();
        (scene.width, scene.height) = (scene.width / 4, scene.height / 4);
        let mut seen = vec![0; 9];
        for number in 0..6 {
            let (stage, made) = frames(&scene, 2, number, 0..2).unwrap();
            assert_eq!(&stage.classes.names[1..=stage.classes.things], classes);
            let things = &made[1].labels.things;
            assert!(things.len() >= least, "{name} {number}: {}", things.len());
            things.iter().filter(|t| t.pixels > 0).for_each(|t| seen[usize::from(t.class)] += 1);
        }
        assert!((1..=classes.len()).all(|c| seen[c] > 0), "{name}: {seen:?}");
        let sheet = sheet(&scene, 1).unwrap();
        assert_eq!(sheet.pixels.len(), sheet.width * sheet.height * 3);
    }
}

/// Mechanics at its worst ends with numbers or with a word, never with a panic.
#[test]
fn absurd_bodies_do_no_harm() {
    for objects in [
        "count = 40\nposition = [0, 0, 0]",
        "count = 3\nsize = 0.001\ndensity = 1e5\nposition = [[-1, 1], 0, 0]\nvelocity = [1000, 0, -1000]",
        "count = 2\nsize = 1000\ndensity = 0.001\nspin = [1e5, 1e5, 1e5]\nvelocity = [0, 0, 1000]",
        "count = 5\nshape = [\"tree\", \"rack\", \"truck\", \"sign\"]\nposition = [0, 0, 0]\nspin = [0, 0, 1e5]\nbounce = 1\nfriction = 0",
    ] {
        let text = format!(
            "width = 8\nheight = 8\nframes = 5\nrate = 5\nsettle = 0.2\n[[objects]]\nphysics = true\n{objects}"
        );
        match frames(&scene(&text), 1, 0, 0..5) {
            Ok((_, made)) => assert!(made.iter().flat_map(|f| &f.labels.things).all(|t| t.at.length().is_finite())),
            Err(e) => assert!(e.to_string().contains("physics"), "{e}"),
        }
    }
}
