//! A picture to look at: four frames with their boxes, and beside each its depth, things, normals and flow.

use super::frame::{Frame, frames};
use super::label::{Bounds, Labels, Thing};
use super::settings::Scene;
use super::vector::{Vec3, vec3};
use crate::error::Result;

/// A picture, three bytes a pixel, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Red, green, blue.
    pub pixels: Vec<u8>,
}

/// Pixels between pictures.
const GAP: usize = 4;

impl Picture {
    /// As a PNG.
    ///
    /// # Errors
    /// When it has no pixels.
    pub fn png(&self) -> Result<Vec<u8>> {
        let encode = || -> Result<Vec<u8>, png::EncodingError> {
            let mut out = Vec::new();
            let mut encoder = png::Encoder::new(&mut out, self.width as u32, self.height as u32);
            encoder.set_color(png::ColorType::Rgb);
            encoder.write_header()?.write_image_data(&self.pixels)?;
            Ok(out)
        };
        encode().map_err(|e| crate::Error::Setting { key: "size".to_owned(), what: format!("makes no picture: {e}") })
    }
}

/// Four frames of a scene and what is known of them: of two scenes the first and the last frame, or of four scenes that have one.
///
/// # Errors
/// As [`frames`].
pub fn sheet(scene: &Scene, seed: u64) -> Result<Picture> {
    let mut four: Vec<Frame> = Vec::new();
    let last = scene.frames.max(1) - 1;
    for number in 0..if last > 0 { 2 } else { 4 } {
        for f in if last > 0 { vec![0, last] } else { vec![0] } {
            four.extend(frames(scene, seed, number, f..f + 1)?.1);
        }
    }
    let (width, height) = (scene.width, scene.height);
    let columns = 5;
    let mut sheet = Picture {
        width: columns * width + (columns - 1) * GAP,
        height: four.len() * height + (four.len() - 1) * GAP,
        pixels: Vec::new(),
    };
    sheet.pixels = vec![255; sheet.width * sheet.height * 3];
    for (row, frame) in four.iter().enumerate() {
        let labels = &frame.labels;
        let of = |pixel: &dyn Fn(usize) -> Vec3| -> Vec<u8> {
            (0..width * height).flat_map(|i| pixel(i).array().map(|c| (c.clamp(0.0, 1.0) * 255.0) as u8)).collect()
        };
        let fastest = labels.flow.iter().flatten().map(|[u, v]| u.hypot(*v)).fold(1.0, f64::max);
        let pictures = [
            boxed(frame),
            of(&|i| depth(labels.depth[i])),
            of(&|i| tint(usize::from(labels.instance[i]), labels.class[i])),
            of(&|i| normal(labels.normals[i])),
            of(&|i| labels.flow[i].map_or(Vec3::default(), |f| flow(f, fastest))),
        ];
        for (column, picture) in pictures.iter().enumerate() {
            for y in 0..height {
                let at = ((row * (height + GAP) + y) * sheet.width + column * (width + GAP)) * 3;
                sheet.pixels[at..at + width * 3].copy_from_slice(&picture[y * width * 3..(y + 1) * width * 3]);
            }
        }
    }
    Ok(sheet)
}

/// Near is bright.
fn depth(metres: f64) -> Vec3 {
    Vec3::all(if metres.is_finite() { 1.0 / (1.0 + metres * 0.1) } else { 0.0 })
}

fn normal(n: Vec3) -> Vec3 {
    if n == Vec3::default() { n } else { vec3(0.5 + n.x * 0.5, 0.5 - n.y * 0.5, 0.5 - n.z * 0.5) }
}

/// A colour of its own for each number; classes of the ground are shades of grey.
fn tint(instance: usize, class: u8) -> Vec3 {
    if instance == 0 { Vec3::all(f64::from(class % 8) * 0.045) } else { hue(instance as f64 * 0.618_034, 0.75) }
}

fn hue(turn: f64, strength: f64) -> Vec3 {
    let part = |shift: f64| {
        let t = ((turn + shift).rem_euclid(1.0) * 6.0 - 3.0).abs() - 1.0;
        1.0 - strength + strength * t.clamp(0.0, 1.0)
    };
    vec3(part(0.0), part(2.0 / 3.0), part(1.0 / 3.0))
}

/// Direction as hue, speed as strength, as Middlebury shows it.
fn flow([u, v]: [f64; 2], fastest: f64) -> Vec3 {
    hue(v.atan2(u) / std::f64::consts::TAU, (u.hypot(v) / fastest).sqrt())
}

/// The picture with boxes and key points.
fn boxed(frame: &Frame) -> Vec<u8> {
    let mut pixels = frame.picture.clone();
    let Labels { size, things, .. } = &frame.labels;
    for thing in things {
        let colour = tint(usize::from(thing.instance), 0).array().map(|c| (c * 255.0) as u8);
        if let Some(bounds) = thing.bounds {
            outline(&mut pixels, *size, bounds, colour);
            dots(&mut pixels, *size, thing);
        }
    }
    pixels
}

fn outline(pixels: &mut [u8], [width, _]: [usize; 2], b: Bounds, colour: [u8; 3]) {
    let mut put = |x: usize, y: usize| pixels[(y * width + x) * 3..][..3].copy_from_slice(&colour);
    for x in b.left..b.left + b.width {
        put(x, b.top);
        put(x, b.top + b.height - 1);
    }
    for y in b.top..b.top + b.height {
        put(b.left, y);
        put(b.left + b.width - 1, y);
    }
}

/// Key points: white where they are seen, black where they are hidden.
fn dots(pixels: &mut [u8], [width, _]: [usize; 2], thing: &Thing) {
    for point in &thing.points {
        if let Some([u, v]) = point.at {
            let shade = if point.visible { 255 } else { 0 };
            pixels[(v as usize * width + u as usize) * 3..][..3].fill(shade);
        }
    }
}
