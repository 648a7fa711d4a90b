//! COCO's JSON, with what it has no word for beside it.

use std::ops::Range;

use serde_json::{Value, json};

use super::super::classes::Classes;
use super::super::eye::Eye;
use super::super::frame::Frame;
use super::super::label::{Bounds, Labels, Thing, runs};
use super::super::settings::Scene;
use super::super::stage::{Stage, points_of};
use super::super::vector::{Turn, Vec3};

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
pub fn head(scene: &Scene, classes: &Classes, scenes: &Range<u64>) -> String {
    let categories: Vec<Value> = (1..=classes.things)
        .map(|id| {
            let name = &classes.names[id];
            let (points, lines) = points_of(scene, name);
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

/// An image and its camera.
pub fn coco_image(image: u64, frame: &Frame) -> Value {
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

/// What is told of a thing that is seen.
pub fn annotation(image: u64, stage: &Stage, labels: &Labels, thing: &Thing) -> Value {
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
