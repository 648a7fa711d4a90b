//! A sheet of pictures with their labels drawn on them.

use super::files::in_form;
use crate::error::{Error, Result};
use crate::image::labels::Seen;
use crate::image::picture::{Picture, Samples};
use crate::image::resize::{Filter, Resize};
use crate::image::{Item, Sample};

/// White between the pictures, in pixels.
const GAP: usize = 6;

/// Colours of classes, in turn: bright ones that are told apart by those who see few (Okabe and Ito 2008).
const COLOURS: [[u8; 3]; 7] =
    [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178], [213, 94, 0], [204, 121, 167]];

/// A picture of rows of pictures, each at most `side` pixels wide and high: most often a picture as it was at the left, and what came of
/// it beside. Boxes, outlines, key points and masks are drawn in a colour for each class, without names.
pub fn sheet(rows: &[Vec<Item>], side: usize) -> Result<Picture> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    if columns == 0 || !(8..=4096).contains(&side) {
        return Err(Error::Item("a sheet has at least one picture, and a side from 8 to 4096".into()));
    }
    let step = side + GAP;
    let (width, height) = (columns * step + GAP, rows.len() * step + GAP);
    // Whether it can be is known before it is made.
    if width > 1 << 15 || height > 1 << 15 {
        return Err(Error::Item(format!(
            "a sheet of {width} x {height} pixels is too large; show fewer or smaller pictures"
        )));
    }
    let mut all = Canvas { width, height, pixels: vec![255; width * height * 3] };
    for (y, row) in rows.iter().enumerate() {
        for (x, item) in row.iter().enumerate() {
            let shown = drawn(item, side)?;
            let left = x * step + GAP + (side - shown.width) / 2;
            let top = y * step + GAP + (side - shown.height) / 2;
            for (line, from) in shown.pixels.chunks_exact(shown.width * 3).enumerate() {
                let at = ((top + line) * width + left) * 3;
                all.pixels[at..at + from.len()].copy_from_slice(from);
            }
        }
    }
    Picture::new(width, height, 3, Samples::Eight(all.pixels))
}

struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

fn colour(class: usize) -> [u8; 3] {
    COLOURS[class % COLOURS.len()]
}

/// An item brought to the size, with its labels on it.
fn drawn(item: &Item, side: usize) -> Result<Canvas> {
    let mut item = item.clone();
    let (w, h) = (item.picture.width(), item.picture.height());
    let scale = side as f64 / w.max(h) as f64;
    let of = |n: usize| ((n as f64 * scale).round() as usize).clamp(1, side);
    Resize { width: of(w), height: of(h), filter: if scale > 1.0 { Filter::Nearest } else { Filter::Area } }
        .apply(&mut item);
    let picture = in_form(item.picture, 3, false)?;
    let pixels = match picture.samples() {
        Samples::Eight(s) => s.clone(),
        Samples::Sixteen(s) => s.iter().map(|v| u8::down(v.up() / 257.0)).collect(),
    };
    let mut canvas = Canvas { width: picture.width(), height: picture.height(), pixels };
    for mask in &item.labels.masks {
        for (i, p) in canvas.pixels.chunks_exact_mut(3).enumerate() {
            let id = mask.at(i % mask.width(), i / mask.width(), 0) as usize;
            if id > 0 {
                p.iter_mut()
                    .zip(colour(id - 1))
                    .for_each(|(p, c)| *p = ((u16::from(*p) * 3 + u16::from(c) * 2) / 5) as u8);
            }
        }
    }
    for b in &item.labels.boxes {
        let of = colour(b.class as usize);
        let [l, t, r, bottom] = b.sides;
        let square = [[l, t], [r, t], [r, bottom], [l, bottom]];
        canvas.ring(&b.corners.unwrap_or(square), of);
        b.outline.iter().flat_map(|o| &o.rings).for_each(|ring| canvas.ring(ring, of));
        for m in b.marks.iter().filter(|m| m.seen != Seen::No) {
            canvas.dot(m.x, m.y, 2, if m.seen == Seen::Yes { of } else { [128; 3] });
        }
    }
    for p in item.labels.points.iter().filter(|p| p.visible) {
        canvas.dot(p.x, p.y, 2, colour(p.class as usize));
    }
    Ok(canvas)
}

impl Canvas {
    fn dot(&mut self, x: f64, y: f64, size: i64, colour: [u8; 3]) {
        let (x, y) = (x as i64, y as i64);
        for y in (y - size / 2)..(y - size / 2 + size.max(1)) {
            for x in (x - size / 2)..(x - size / 2 + size.max(1)) {
                // What is on the far edge is drawn on the last pixel.
                let (x, y) = (x.min(self.width as i64 - 1), y.min(self.height as i64 - 1));
                if x >= 0 && y >= 0 {
                    let at = (y as usize * self.width + x as usize) * 3;
                    self.pixels[at..at + 3].copy_from_slice(&colour);
                }
            }
        }
    }

    fn ring(&mut self, ring: &[[f64; 2]], colour: [u8; 3]) {
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
            // Corners of turned boxes may be far outside.
            let n = dx.abs().max(dy.abs()).ceil().clamp(1.0, 16384.0) as usize;
            for i in 0..=n {
                let s = i as f64 / n as f64;
                self.dot(a[0] + dx * s, a[1] + dy * s, 1, colour);
            }
        }
    }
}
