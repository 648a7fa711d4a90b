//! The eight ways to lay a square on itself, and windows of a picture: pixels are moved, none is computed.

use serde::{Deserialize, Serialize};

use super::Item;
use super::edge::Edge;
use super::labels::Labels;
use super::picture::{Picture, Sample, Samples, map_samples};
use crate::wide::reverse;

/// One of the eight ways (the dihedral group D4). Turns are counter-clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Turn {
    Stay,
    FlipX,
    FlipY,
    Half,
    Transpose,
    Transverse,
    Left,
    Right,
}

impl Turn {
    /// All of them.
    pub const ALL: [Turn; 8] =
        [Turn::Stay, Turn::FlipX, Turn::FlipY, Turn::Half, Turn::Transpose, Turn::Transverse, Turn::Left, Turn::Right];

    /// Whether rows and columns change places, and then which of them are reversed.
    fn parts(self) -> (bool, bool, bool) {
        match self {
            Turn::Stay => (false, false, false),
            Turn::FlipX => (false, true, false),
            Turn::FlipY => (false, false, true),
            Turn::Half => (false, true, true),
            Turn::Transpose => (true, false, false),
            Turn::Transverse => (true, true, true),
            Turn::Left => (true, false, true),
            Turn::Right => (true, true, false),
        }
    }

    #[cfg(test)]
    pub(super) fn apply(self, item: &mut Item) {
        item.picture = self.moved(&item.picture, &mut item.labels);
    }

    /// The picture as it is laid; its labels move along.
    pub(super) fn moved(self, from: &Picture, labels: &mut Labels) -> Picture {
        let picture = self.picture(from);
        for m in &mut labels.masks {
            *m = self.picture(m);
        }
        let (w, h) = (picture.width(), picture.height());
        let (swap, flip_x, flip_y) = self.parts();
        labels.forward((w, h), 0, |x, y| {
            let (x, y) = if swap { (y, x) } else { (x, y) };
            Some([if flip_x { w as f64 - x } else { x }, if flip_y { h as f64 - y } else { y }])
        });
        picture
    }

    fn picture(self, p: &Picture) -> Picture {
        let (w, h, c) = (p.width(), p.height(), p.channels());
        let (swap, flip_x, flip_y) = self.parts();
        let (width, height) = if swap { (h, w) } else { (w, h) };
        if let (false, Samples::Eight(s)) = (swap, &p.samples) {
            let samples = match c {
                1 => flip::<1>(s, w, flip_x, flip_y),
                2 => flip::<2>(s, w, flip_x, flip_y),
                3 => flip::<3>(s, w, flip_x, flip_y),
                _ => flip::<4>(s, w, flip_x, flip_y),
            };
            return p.like(width, height, Samples::Eight(samples));
        }
        let samples = map_samples!(&p.samples, s => match c {
            1 => lay::<_, 1>(s, (w, h), swap, flip_x, flip_y),
            2 => lay::<_, 2>(s, (w, h), swap, flip_x, flip_y),
            3 => lay::<_, 3>(s, (w, h), swap, flip_x, flip_y),
            _ => lay::<_, 4>(s, (w, h), swap, flip_x, flip_y),
        });
        p.like(width, height, samples)
    }
}

/// Rows of bytes, in reverse order or reversed. They are made one by one, so that nothing is filled before it is written.
fn flip<const C: usize>(from: &[u8], w: usize, flip_x: bool, flip_y: bool) -> Vec<u8> {
    let mut made = Vec::with_capacity(from.len());
    let mut line = vec![0; w * C];
    let mut one = |row: &[u8]| match flip_x {
        true => {
            reverse::<C>(row, &mut line);
            made.extend_from_slice(&line);
        }
        false => made.extend_from_slice(row),
    };
    match flip_y {
        true => from.rchunks_exact(w * C).for_each(&mut one),
        false => from.chunks_exact(w * C).for_each(&mut one),
    }
    made
}

/// The side of the squares that a transposition works through, so that what it reads and writes stays in the nearest cache.
const BLOCK: usize = 32;

fn lay<S: Sample, const C: usize>(
    from: &[S],
    (w, h): (usize, usize),
    swap: bool,
    flip_x: bool,
    flip_y: bool,
) -> Vec<S> {
    let pixels = from.as_chunks::<C>().0;
    let mut made = vec![S::default(); from.len()];
    let out = made.as_chunks_mut::<C>().0;
    if !swap {
        for (y, row) in out.chunks_exact_mut(w).enumerate() {
            let y = if flip_y { h - 1 - y } else { y };
            let source = &pixels[y * w..(y + 1) * w];
            if flip_x {
                row.iter_mut().zip(source.iter().rev()).for_each(|(o, i)| *o = *i);
            } else {
                row.copy_from_slice(source);
            }
        }
        return made;
    }
    // The new picture is h wide and w high: its pixel (x, y) is the old one's (y, x), reversed as asked.
    for y0 in (0..w).step_by(BLOCK) {
        for x0 in (0..h).step_by(BLOCK) {
            for y in y0..(y0 + BLOCK).min(w) {
                let column = if flip_y { w - 1 - y } else { y };
                for x in x0..(x0 + BLOCK).min(h) {
                    let line = if flip_x { h - 1 - x } else { x };
                    out[y * h + x] = pixels[line * w + column];
                }
            }
        }
    }
    made
}

/// A window of a picture, which may reach beyond it: a crop, a pad, or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Where its left side is in the picture, in pixels; below 0 beyond it.
    pub left: i64,
    /// Its top.
    pub top: i64,
    /// Its width, at least 1.
    pub width: usize,
    /// Its height, at least 1.
    pub height: usize,
    /// What is seen beyond the picture.
    pub fill: Edge,
}

impl Window {
    pub(super) fn apply(&self, item: &mut Item) {
        item.picture = self.moved(&item.picture, &mut item.labels);
    }

    /// What of the picture is in it; its labels move along.
    pub(super) fn moved(&self, from: &Picture, labels: &mut Labels) -> Picture {
        self.move_labels(labels);
        self.picture(from, &self.fill)
    }

    /// Moves the labels alone, their masks too.
    pub(super) fn move_labels(&self, labels: &mut Labels) {
        let fill = self.mask_fill();
        for m in &mut labels.masks {
            *m = self.picture(m, &fill);
        }
        let (left, top) = (self.left as f64, self.top as f64);
        labels.forward((self.width, self.height), 0, |x, y| Some([x - left, y - top]));
    }

    /// Beyond a mask there is what there is beyond the picture, or nothing, which is 0.
    fn mask_fill(&self) -> Edge {
        mask_fill(&self.fill)
    }

    fn picture(&self, p: &Picture, fill: &Edge) -> Picture {
        let samples = map_samples!(&p.samples, s => self.cut(s, p, fill));
        p.like(self.width, self.height, samples)
    }

    fn cut<S: Sample>(&self, from: &[S], p: &Picture, fill: &Edge) -> Vec<S> {
        let (w, h, c) = (p.width(), p.height(), p.channels());
        let blank = &fill.pixel::<S>(c)[..c];
        let mut made = Vec::with_capacity(self.width * self.height * c);
        // The columns that are inside are one run.
        let first = (-self.left).clamp(0, self.width as i64) as usize;
        let last = (w as i64 - self.left).clamp(first as i64, self.width as i64) as usize;
        for y in 0..self.height {
            let Some(line) = fill.place(self.top + y as i64, h) else {
                (0..self.width).for_each(|_| made.extend_from_slice(blank));
                continue;
            };
            let row = &from[line * w * c..(line + 1) * w * c];
            let beyond = |x: usize| match fill.place(self.left + x as i64, w) {
                Some(x) => &row[x * c..(x + 1) * c],
                None => blank,
            };
            (0..first).for_each(|x| made.extend_from_slice(beyond(x)));
            if last > first {
                let at = (self.left + first as i64) as usize;
                made.extend_from_slice(&row[at * c..(at + last - first) * c]);
            }
            (last..self.width).for_each(|x| made.extend_from_slice(beyond(x)));
        }
        made
    }
}

pub(super) fn mask_fill(fill: &Edge) -> Edge {
    match fill {
        Edge::Mode(m) => Edge::Mode(*m),
        _ => Edge::Grey(0.0),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::edge::Mode;
    use super::super::labels::{Bounds, Point};
    use super::super::testkit::{check_boxes, eight, grey, item, values};
    use super::*;

    #[test]
    fn turns_are_as_drawn_by_hand() {
        let p = grey(3, 2, &[1, 2, 3, 4, 5, 6]);
        let turned = |t: Turn| values(&t.picture(&p));
        assert_eq!(turned(Turn::FlipX), [3, 2, 1, 6, 5, 4]);
        assert_eq!(turned(Turn::FlipY), [4, 5, 6, 1, 2, 3]);
        assert_eq!(turned(Turn::Half), [6, 5, 4, 3, 2, 1]);
        assert_eq!(turned(Turn::Transpose), [1, 4, 2, 5, 3, 6]);
        assert_eq!(turned(Turn::Transverse), [6, 3, 5, 2, 4, 1]);
        assert_eq!(turned(Turn::Left), [3, 6, 2, 5, 1, 4]);
        assert_eq!(turned(Turn::Right), [4, 1, 5, 2, 6, 3]);
    }

    #[test]
    fn every_turn_has_an_inverse_and_boxes_follow_masks() {
        use Turn::*;
        let before = item(70, 45, 3);
        for (turn, back) in [
            (FlipX, FlipX),
            (FlipY, FlipY),
            (Half, Half),
            (Transpose, Transpose),
            (Transverse, Transverse),
            (Left, Right),
            (Right, Left),
        ] {
            let mut it = before.clone();
            turn.apply(&mut it);
            check_boxes(&it, 0.0);
            assert_ne!(it, before);
            back.apply(&mut it);
            assert_eq!(it, before, "{turn:?}");
        }
    }

    #[test]
    fn points_turn_with_their_pixels() {
        for turn in Turn::ALL {
            let mut it = Item::from(grey(3, 2, &[0, 0, 0, 0, 0, 9]));
            it.labels.points.push(Point { x: 2.5, y: 1.5, class: 0, visible: true });
            turn.apply(&mut it);
            let p = &it.labels.points[0];
            assert_eq!(it.picture.at(p.x as usize, p.y as usize, 0), 9.0, "{turn:?}");
        }
    }

    #[test]
    fn windows_cut_and_go_on() {
        let p = grey(2, 2, &[1, 2, 3, 4]);
        let window = |fill: Edge| Window { left: -1, top: 1, width: 4, height: 2, fill };
        let seen = |fill: Edge| values(&window(fill.clone()).picture(&p, &fill));
        assert_eq!(seen(Edge::Grey(1.0)), [255, 3, 4, 255, 255, 255, 255, 255]);
        assert_eq!(seen(Edge::Mode(Mode::Edge)), [3, 3, 4, 4, 3, 3, 4, 4]);
        assert_eq!(seen(Edge::Mode(Mode::Reflect)), [3, 3, 4, 4, 3, 3, 4, 4]);
        assert_eq!(seen(Edge::Mode(Mode::Wrap)), [4, 3, 4, 3, 2, 1, 2, 1]);
        let beside = Window { left: 5, top: 0, width: 1, height: 1, fill: Edge::default() };
        assert_eq!(values(&beside.picture(&p, &beside.fill)), [0]);
    }

    #[test]
    fn a_pad_and_its_crop_give_back_all() {
        let before = item(20, 11, 4);
        let mut it = before.clone();
        Window { left: -3, top: -2, width: 30, height: 16, fill: Edge::Mode(Mode::Wrap) }.apply(&mut it);
        Window { left: 3, top: 2, width: 20, height: 11, fill: Edge::default() }.apply(&mut it);
        assert_eq!(it, before);
    }

    #[test]
    fn boxes_are_cut_by_windows() {
        let mut it = Item::from(eight(4, 4, 1, vec![0; 16]));
        it.labels.boxes.push(Bounds::new([0.0, 0.0, 4.0, 2.0], 0, 0));
        it.labels.boxes.push(Bounds::new([0.0, 0.0, 1.0, 1.0], 0, 1));
        Window { left: 1, top: 1, width: 2, height: 3, fill: Edge::default() }.apply(&mut it);
        assert_eq!(it.labels.boxes.len(), 1);
        assert_eq!((it.labels.boxes[0].sides, it.labels.boxes[0].visible), ([0.0, 0.0, 2.0, 1.0], 0.25));
    }
}
