//! What is said of a picture, and moves along: masks, boxes with outlines and key points of their own, key points, classes.
//!
//! Places are in pixels from the top left corner: pixel (0, 0) reaches from 0 to 1 and its centre is at 0.5. So a picture flipped left
//! to right moves x to `width - x`, and a box that is all of the picture is `[0, 0, width, height]`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::outline::Outline;
use super::picture::Picture;
use crate::error::{Error, Result};

/// All that is known of a picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labels {
    /// Pictures of one channel, as large as the picture. They are moved by nearest neighbour, so no new class appears.
    pub masks: Vec<Picture>,
    /// Boxes. Those that leave the picture are dropped; `id` says which are left.
    pub boxes: Vec<Bounds>,
    /// Key points. All are kept, in order; what left the picture is not `visible`.
    pub points: Vec<Point>,
    /// Classes of the whole picture and their shares, which add up to 1. One class, unless pictures are mixed.
    pub classes: Vec<(u32, f64)>,
}

/// A box with upright sides, and the shape within it where that is turned.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// Left, top, right, bottom.
    pub sides: [f64; 4],
    /// What is in it.
    pub class: u32,
    /// Whatever the caller knows it by. It is carried along.
    pub id: u64,
    /// The four corners of a turned box. They are moved one by one and not cut at the edge of the picture; `sides` are their extents.
    pub corners: Option<[[f64; 2]; 4]>,
    /// The share of it that was never cut off, from 1 down.
    pub visible: f64,
    /// The outline of what is in it. Where its extents were the box's, to within 2 pixels, they stay so; when nothing of it is left in the
    /// picture, the box is dropped.
    pub outline: Option<Outline>,
    /// Key points of what is in it, in the order of its class. All are kept.
    pub marks: Vec<Mark>,
    /// Whether it is seen as in a mirror, so that its left and right have changed places.
    pub mirrored: bool,
    /// What else is said of it, by the names that its file has for it. It is carried along.
    pub carried: Option<Arc<Map<String, Value>>>,
}

/// A key point of a thing, as COCO has them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// What is known of it.
    pub seen: Seen,
}

/// Whether a key point is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nobody says where it is, or it left the picture.
    No,
    /// It is behind something; where is known.
    Hidden,
    /// It is seen.
    Yes,
}

impl Bounds {
    /// An upright box, all of it visible.
    pub fn new(sides: [f64; 4], class: u32, id: u64) -> Bounds {
        Bounds {
            sides,
            class,
            id,
            corners: None,
            visible: 1.0,
            outline: None,
            marks: Vec::new(),
            mirrored: false,
            carried: None,
        }
    }

    /// In square pixels.
    pub fn area(&self) -> f64 {
        let [l, t, r, b] = self.sides;
        (r - l).max(0.0) * (b - t).max(0.0)
    }
}

/// A key point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// What it is. A flip does not change it: where left and right have names of their own, the caller swaps them.
    pub class: u32,
    /// Whether it is in the picture.
    pub visible: bool,
}

/// Which boxes are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Boxes that end up smaller are dropped, in square pixels.
    pub min_area: f64,
    /// Boxes of which a smaller share was never cut off are dropped, from 0 to 1.
    pub min_visibility: f64,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { min_area: 1.0, min_visibility: 0.0 }
    }
}

impl Rules {
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |key: &str, what: String| Error::Key { key: key.to_owned(), what };
        if !(self.min_area >= 0.0 && self.min_area.is_finite()) {
            return Err(wrong("min_area", format!("is {}; it must be 0 or more", self.min_area)));
        }
        if !(0.0..=1.0).contains(&self.min_visibility) {
            return Err(wrong("min_visibility", format!("is {}; it must be from 0 to 1", self.min_visibility)));
        }
        Ok(())
    }

    /// Drops what does not satisfy them.
    pub(super) fn apply(&self, labels: &mut Labels) {
        labels.boxes.retain(|b| b.area() >= self.min_area && b.visible >= self.min_visibility);
    }
}

impl Labels {
    /// Whether they fit a picture.
    pub fn check(&self, picture: &Picture) -> Result<()> {
        for m in &self.masks {
            if (m.width(), m.height(), m.channels()) != (picture.width(), picture.height(), 1) {
                return Err(Error::Item(format!(
                    "a mask is {} x {} with {} channels, its picture {} x {}; masks are as large and have one channel",
                    m.width(),
                    m.height(),
                    m.channels(),
                    picture.width(),
                    picture.height()
                )));
            }
        }
        for b in &self.boxes {
            let [l, t, r, bottom] = b.sides;
            if !b.sides.iter().all(|s| s.is_finite()) || l > r || t > bottom {
                return Err(Error::Item(format!(
                    "box {} is {:?}; it is left, top, right, bottom in pixels",
                    b.id, b.sides
                )));
            }
        }
        let outlined = |b: &Bounds| b.outline.iter().flat_map(|o| &o.rings).flatten().flatten().all(|v| v.is_finite());
        let marked = |b: &Bounds| b.marks.iter().all(|m| m.x.is_finite() && m.y.is_finite());
        if let Some(b) = self.boxes.iter().find(|b| !(outlined(b) && marked(b))) {
            return Err(Error::Item(format!("box {}: a corner of its outline or a key point is not finite", b.id)));
        }
        match self.points.iter().position(|p| !(p.x.is_finite() && p.y.is_finite())) {
            Some(i) => {
                Err(Error::Item(format!("key point {i} is not finite; leave it out or say that it is not visible")))
            }
            None => Ok(()),
        }
    }

    /// Moves boxes and points by `forward`, from a place in the old picture to one in the new of `width` x `height`. A box becomes the
    /// extents of its outline: of its corners where straight lines stay straight, else of `between` more places on each side.
    pub(super) fn forward(
        &mut self,
        (width, height): (usize, usize),
        between: usize,
        mut forward: impl FnMut(f64, f64) -> Option<[f64; 2]>,
    ) {
        for p in &mut self.points {
            match forward(p.x, p.y) {
                Some([x, y]) => (p.x, p.y) = (x, y),
                None => p.visible = false,
            }
        }
        for b in &mut self.boxes {
            b.forward(between, &mut forward);
        }
        self.clip(width, height);
    }

    /// Cuts boxes at the edges, drops those of which nothing is left, and finds which points are inside.
    pub(super) fn clip(&mut self, width: usize, height: usize) {
        let (w, h) = (width as f64, height as f64);
        for p in &mut self.points {
            p.visible &= (0.0..w).contains(&p.x) && (0.0..h).contains(&p.y);
        }
        self.boxes.retain_mut(|b| {
            let before = b.area();
            let [l, t, r, bottom] = b.sides;
            let tied = b.tied();
            b.sides = [l.clamp(0.0, w), t.clamp(0.0, h), r.clamp(0.0, w), bottom.clamp(0.0, h)];
            let after = b.area();
            if after > 0.0 {
                b.visible *= after / before;
            }
            for m in b.marks.iter_mut().filter(|m| !((0.0..w).contains(&m.x) && (0.0..h).contains(&m.y))) {
                m.seen = Seen::No;
            }
            after > 0.0 && b.clip_outline([0.0, 0.0, w, h], tied)
        });
    }
}

/// How far apart the sides of a box and the extents of its outline are, in pixels, where one is taken from the other. Boxes are often
/// rounded to whole pixels, outwards or not.
const TIED: f64 = 2.0;

impl Bounds {
    /// Whether it is the extents of its outline.
    fn tied(&self) -> bool {
        let extents = self.outline.as_ref().and_then(Outline::extents);
        extents.is_some_and(|e| e.iter().zip(&self.sides).all(|(a, b)| (a - b).abs() <= TIED))
    }

    /// As [`Labels::forward`].
    fn forward(&mut self, between: usize, forward: &mut impl FnMut(f64, f64) -> Option<[f64; 2]>) {
        let old = self.sides;
        let tied = self.tied();
        for m in self.marks.iter_mut().filter(|m| m.seen != Seen::No) {
            match forward(m.x, m.y) {
                Some([x, y]) => (m.x, m.y) = (x, y),
                None => m.seen = Seen::No,
            }
        }
        if let Some(outline) = &mut self.outline {
            outline.forward(between > 0, forward);
        }
        self.mirrored ^= mirrors(old, forward);
        self.sides = match &mut self.corners {
            Some(corners) => {
                let moved: Vec<[f64; 2]> = corners.iter().filter_map(|&[x, y]| forward(x, y)).collect();
                if let Ok(all) = <[[f64; 2]; 4]>::try_from(moved.as_slice()) {
                    *corners = all;
                }
                if moved.len() == 4 { extents(moved) } else { [0.0; 4] }
            }
            None => extents(outline(old, between).into_iter().filter_map(|[x, y]| forward(x, y))),
        };
        // A box that stays one is exact as it is; one that is turned is as large as what is in it.
        if tied && self.corners.is_none() && (between > 0 || !stays_upright(old, forward)) {
            self.sides = self.outline.as_ref().and_then(Outline::extents).unwrap_or([0.0; 4]);
        }
    }

    /// Cuts the outline, and the box with it where it is tied; false where nothing is left.
    fn clip_outline(&mut self, window: [f64; 4], tied: bool) -> bool {
        let Some(outline) = &mut self.outline else { return true };
        let uncut = outline.extents();
        outline.clip(window);
        let cut = outline.extents();
        if let (true, Some([l, t, r, b]), true) = (tied, cut, cut != uncut) {
            let [left, top, right, bottom] = self.sides;
            self.sides = [left.max(l), top.max(t), right.min(r), bottom.min(b)];
        }
        // A thing that never had an inside, such as a line, is as good as its box.
        (cut.is_some() && self.area() > 0.0) || uncut.is_none()
    }
}

/// Whether left and right change places within a box: the sign of the area of a small triangle at its middle.
fn mirrors([l, t, r, b]: [f64; 4], forward: &mut impl FnMut(f64, f64) -> Option<[f64; 2]>) -> bool {
    let (x, y) = (f64::midpoint(l, r), f64::midpoint(t, b));
    let (dx, dy) = ((r - l) / 8.0, (b - t) / 8.0);
    match (forward(x, y), forward(x + dx, y), forward(x, y + dy)) {
        (Some(o), Some(e), Some(s)) => (e[0] - o[0]) * (s[1] - o[1]) - (e[1] - o[1]) * (s[0] - o[0]) < 0.0,
        _ => false,
    }
}

/// Whether an upright box becomes one again.
fn stays_upright([l, t, r, b]: [f64; 4], forward: &mut impl FnMut(f64, f64) -> Option<[f64; 2]>) -> bool {
    let corners = [[l, t], [r, t], [r, b], [l, b]].map(|[x, y]| forward(x, y));
    let [Some(c0), Some(c1), Some(c2), Some(c3)] = corners else { return false };
    let same = |a: f64, b: f64| (a - b).abs() < 1e-6;
    let level = same(c0[1], c1[1]) && same(c2[1], c3[1]) && same(c0[0], c3[0]) && same(c1[0], c2[0]);
    level || same(c0[0], c1[0]) && same(c2[0], c3[0]) && same(c0[1], c3[1]) && same(c1[1], c2[1])
}

/// The corners of a box and `between` more places on each side.
fn outline([l, t, r, b]: [f64; 4], between: usize) -> Vec<[f64; 2]> {
    let corners = [[l, t], [r, t], [r, b], [l, b]];
    let n = between + 1;
    (0..4 * n)
        .map(|i| {
            let ([x0, y0], [x1, y1], s) = (corners[i / n], corners[(i / n + 1) % 4], (i % n) as f64 / n as f64);
            [x0 + (x1 - x0) * s, y0 + (y1 - y0) * s]
        })
        .collect()
}

fn extents(places: impl IntoIterator<Item = [f64; 2]>) -> [f64; 4] {
    let none = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    let found = places.into_iter().fold(none, |[l, t, r, b], [x, y]| [l.min(x), t.min(y), r.max(x), b.max(y)]);
    if found[0].is_finite() { found } else { [0.0; 4] }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_cut_counted_and_dropped() {
        let mut labels = Labels {
            boxes: vec![
                Bounds::new([0.0, 0.0, 4.0, 4.0], 0, 1),
                Bounds::new([8.0, 8.0, 9.0, 9.0], 0, 2),
                Bounds::new([0.0, 0.0, 2.0, 8.0], 0, 3),
            ],
            points: vec![
                Point { x: 1.0, y: 1.0, class: 0, visible: true },
                Point { x: 9.0, y: 1.0, class: 1, visible: true },
            ],
            ..Labels::default()
        };
        labels.forward((10, 10), 0, |x, y| Some([x + 2.0, y - 2.0]));
        assert_eq!(labels.boxes[0].sides, [2.0, 0.0, 6.0, 2.0]);
        assert_eq!(labels.boxes[0].visible, 0.5);
        assert_eq!(labels.boxes.iter().map(|b| b.id).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(labels.points.iter().map(|p| p.visible).collect::<Vec<_>>(), [false, false]);
        Rules { min_area: 0.0, min_visibility: 0.6 }.apply(&mut labels);
        assert_eq!(labels.boxes.iter().map(|b| b.id).collect::<Vec<_>>(), [3]);
        Rules { min_area: 13.0, min_visibility: 0.0 }.apply(&mut labels);
        assert!(labels.boxes.is_empty());
    }

    #[test]
    fn labels_that_do_not_fit_are_refused() {
        use super::super::picture::Samples;
        let picture = Picture::new(2, 2, 1, Samples::Eight(vec![0; 4])).unwrap();
        let mask = Picture::new(1, 2, 1, Samples::Eight(vec![0; 2])).unwrap();
        assert!(Labels { masks: vec![mask], ..Labels::default() }.check(&picture).is_err());
        let upside_down = Bounds::new([0.0, 2.0, 1.0, 1.0], 0, 5);
        let said = Labels { boxes: vec![upside_down], ..Labels::default() }.check(&picture).unwrap_err().to_string();
        assert!(said.contains("box 5"), "{said}");
    }
}
