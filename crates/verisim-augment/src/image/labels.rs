//! What is said of a picture, and moves along: masks, boxes, key points, classes.
//!
//! Places are in pixels from the top left corner: pixel (0, 0) reaches from 0 to 1 and its centre is at 0.5. So a picture flipped left
//! to right moves x to `width - x`, and a box that is all of the picture is `[0, 0, width, height]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}

impl Bounds {
    /// An upright box, all of it visible.
    pub fn new(sides: [f64; 4], class: u32, id: u64) -> Bounds {
        Bounds { sides, class, id, corners: None, visible: 1.0 }
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
            b.sides = match &mut b.corners {
                Some(corners) => {
                    let moved: Vec<[f64; 2]> = corners.iter().filter_map(|&[x, y]| forward(x, y)).collect();
                    if let Ok(all) = <[[f64; 2]; 4]>::try_from(moved.as_slice()) {
                        *corners = all;
                    }
                    if moved.len() == 4 { extents(moved) } else { [0.0; 4] }
                }
                None => extents(outline(b.sides, between).into_iter().filter_map(|[x, y]| forward(x, y))),
            };
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
            b.sides = [l.clamp(0.0, w), t.clamp(0.0, h), r.clamp(0.0, w), bottom.clamp(0.0, h)];
            let after = b.area();
            if after > 0.0 {
                b.visible *= after / before;
            }
            after > 0.0
        });
    }
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
