//! What one entry of a set says of its picture, made fit for it.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::ids::Form;
use crate::image::labels::{Bounds, Seen};
use crate::image::picture::Picture;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub boxes: Vec<Bounds>,
    pub masks: Vec<Picture>,
    /// Which masks are of which file: where that goes, how it was stored, and how many masks it holds.
    pub files: Vec<(PathBuf, Form, usize)>,
    /// What is said of the picture as a whole, by the names that its file has for it.
    pub carried: Map<String, Value>,
    /// What could not be used, and why.
    pub unfit: Vec<String>,
}

impl Found {
    /// Takes a box if some of it is in the picture, and cuts it there. `name` says which one it is.
    pub fn admit(&mut self, mut b: Bounds, (w, h): (usize, usize), name: impl FnOnce() -> String) {
        let (w, h) = (w as f64, h as f64);
        let [l, t, r, bottom] = b.sides;
        let why = if !b.sides.iter().all(|s| s.is_finite()) {
            "is not of finite numbers"
        } else if r < l || bottom < t {
            "has a side below 0"
        } else if r == l || bottom == t {
            "has no area"
        } else if r <= 0.0 || bottom <= 0.0 || l >= w || t >= h {
            "is outside its picture"
        } else {
            ""
        };
        if !why.is_empty() {
            self.unfit.push(format!("{} {why}: {l}, {t}, {r}, {bottom}", name()));
            return;
        }
        b.sides = [l.max(0.0), t.max(0.0), r.min(w), bottom.min(h)];
        if let Some(outline) = &mut b.outline {
            outline.clip([0.0, 0.0, w, h]);
            if outline.rings.is_empty() {
                b.outline = None;
            }
        }
        for m in &mut b.marks {
            if !((0.0..=w).contains(&m.x) && (0.0..=h).contains(&m.y)) {
                (m.x, m.y, m.seen) = (0.0, 0.0, Seen::No);
            }
        }
        self.boxes.push(b);
    }
}

/// A number to so many places, as short as it is.
pub(super) fn short(x: f64, places: u32) -> f64 {
    let unit = (0..places).fold(1.0, |unit, _| unit * 10.0);
    let rounded = (x * unit).round() / unit;
    // There is no need to tell a zero from a negative one.
    rounded + 0.0
}
