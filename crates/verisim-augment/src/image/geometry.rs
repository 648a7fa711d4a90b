//! Transforms that move things: flips, rotations, distortions, crops, sizes. Labels move along.

use verisim_data::rng::{Stream, below, uniform};

use super::act::Act;
use super::edge::Edge;
use super::resize::{Filter, Resize};
use super::settings::{Change, View, settings};
use super::turn::{Turn, Window};
use super::warp::{Shape, Warp, invert, product, square_to};
use crate::range::Range;

settings! {
    /// Left becomes right.
    HorizontalFlip {}
}
settings! {
    /// Top becomes bottom.
    VerticalFlip {}
}
settings! {
    /// Rows become columns.
    Transpose {}
}
settings! {
    /// A quarter, half or three quarters of a turn, or none, each as likely.
    Rotate90 {}
}
settings! {
    /// One of the eight ways to lay a square on itself: for pictures without an up, such as those from a microscope or from above.
    D4 {}
}

macro_rules! turns {
    ($($of:ident: $ways:expr;)*) => { $(
        impl Change for $of {
            fn check(&self) -> Result<(), String> {
                self.limits()
            }
            fn draw(&self, rng: &mut Stream, _: &View) -> Act {
                let ways: &[Turn] = $ways;
                Act::Turn(ways[below(rng, ways.len() as u64) as usize])
            }
        }
    )* };
}

turns! {
    HorizontalFlip: &[Turn::FlipX];
    VerticalFlip: &[Turn::FlipY];
    Transpose: &[Turn::Transpose];
    Rotate90: &[Turn::Stay, Turn::Left, Turn::Half, Turn::Right];
    D4: &Turn::ALL;
}

settings! {
    /// Rotates about the middle.
    Rotate {
        /// Degrees, counter-clockwise.
        degrees: Range = Range::from([-15.0, 15.0]), in -360 to 360;
        /// What is seen beyond the picture.
        fill: Edge = Edge::default(), in 0 to 1;
        /// Whether the picture grows so that nothing is cut off.
        expand: bool = false;
    }
}

impl Change for Rotate {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let (sin, cos) = sin_cos(self.degrees.draw(rng));
        let (w, h) = (view.width as f64, view.height as f64);
        // A hair less, or what is exact would grow by the last bit of a sine.
        let grown = |a: f64, b: f64| ((a * cos.abs() + b * sin.abs() - 1e-6).ceil() as usize).max(1);
        let (width, height) = if self.expand { (grown(w, h), grown(h, w)) } else { (view.width, view.height) };
        let (cx, cy) = (width as f64 / 2.0, height as f64 / 2.0);
        let m = [cos, -sin, w / 2.0 - cos * cx + sin * cy, sin, cos, h / 2.0 - sin * cx - cos * cy];
        Act::Warp(Warp { shape: Shape::Affine(m), width, height, fill: self.fill.clone() })
    }
}

/// Exact at quarters of a turn.
fn sin_cos(degrees: f64) -> (f64, f64) {
    match degrees.rem_euclid(360.0) {
        0.0 => (0.0, 1.0),
        90.0 => (1.0, 0.0),
        180.0 => (0.0, -1.0),
        270.0 => (-1.0, 0.0),
        d => (libm::sin(d.to_radians()), libm::cos(d.to_radians())),
    }
}

settings! {
    /// Scales, shears and rotates about the middle, then shifts.
    Affine {
        /// Above 1 things grow.
        scale: Range = Range::from([0.9, 1.1]), in 0.05 to 20;
        /// The height's own factor; the same as `scale` where nothing is said.
        scale_y: Option<Range> = None;
        /// Degrees, counter-clockwise.
        degrees: Range = Range::from([-10.0, 10.0]), in -360 to 360;
        /// Degrees that upright lines lean by.
        shear_x: Range = Range::from([-5.0, 5.0]), in -80 to 80;
        /// Degrees that level lines lean by.
        shear_y: Range = Range::from(0.0), in -80 to 80;
        /// To the right, as a share of the width.
        shift_x: Range = Range::from([-0.06, 0.06]), in -2 to 2;
        /// Down, as a share of the height.
        shift_y: Range = Range::from([-0.06, 0.06]), in -2 to 2;
        /// What is seen beyond the picture.
        fill: Edge = Edge::default(), in 0 to 1;
    }
}

impl Change for Affine {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.scale_y.as_ref().map_or(Ok(()), |s| s.within("scale_y", 0.05, 20.0))?;
        let lean = |r: &Range| r.ends().iter().fold(0.0, |m: f64, d| m.max(libm::tan(d.abs().to_radians())));
        // The two shears undo each other where their tangents' product is 1.
        match lean(&self.shear_x) * lean(&self.shear_y) < 0.9 {
            true => Ok(()),
            false => {
                Err("`shear_x` and `shear_y` together can press the picture flat; make one of them smaller".to_owned())
            }
        }
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let (w, h) = (view.width as f64, view.height as f64);
        let scale = self.scale.draw(rng);
        let scale_y = self.scale_y.as_ref().map_or(scale, |s| s.draw(rng));
        let (sin, cos) = sin_cos(self.degrees.draw(rng));
        let [kx, ky] = [&self.shear_x, &self.shear_y].map(|s| libm::tan(s.draw(rng).to_radians()));
        let (dx, dy) = (self.shift_x.draw(rng) * w, self.shift_y.draw(rng) * h);
        let to_middle = [1.0, 0.0, -w / 2.0, 0.0, 1.0, -h / 2.0, 0.0, 0.0, 1.0];
        let shape = [scale, kx * scale_y, 0.0, ky * scale, scale_y, 0.0, 0.0, 0.0, 1.0];
        let turn = [cos, sin, w / 2.0 + dx, -sin, cos, h / 2.0 + dy, 0.0, 0.0, 1.0];
        let Some(back) = invert(product(&turn, &product(&shape, &to_middle))) else { return Act::Nothing };
        let [a, b, c, d, e, f, ..] = back;
        let shape = Shape::Affine([a, b, c, d, e, f]);
        Act::Warp(Warp { shape, width: view.width, height: view.height, fill: self.fill.clone() })
    }
}

settings! {
    /// As seen from another side: each corner of what is seen is moved.
    Perspective {
        /// How far a corner is moved at most, along each side, as a share of it.
        shift: Range = Range::from([0.05, 0.1]), in 0 to 0.3;
        /// What is seen beyond the picture.
        fill: Edge = Edge::default(), in 0 to 1;
    }
}

impl Change for Perspective {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let shift = self.shift.draw(rng);
        let (w, h) = (view.width as f64, view.height as f64);
        let corners = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]].map(|[x, y]: [f64; 2]| {
            [(x + shift * (2.0 * uniform(rng) - 1.0)) * w, (y + shift * (2.0 * uniform(rng) - 1.0)) * h]
        });
        let Some(m) = square_to(corners) else { return Act::Nothing };
        let m = product(&m, &[1.0 / w, 0.0, 0.0, 0.0, 1.0 / h, 0.0, 0.0, 0.0, 1.0]);
        Act::Warp(Warp {
            shape: Shape::Perspective(m),
            width: view.width,
            height: view.height,
            fill: self.fill.clone(),
        })
    }
}

settings! {
    /// Stretched and pressed as if on rubber: nodes of a net are moved and all between them smoothly along. It never folds.
    Elastic {
        /// Meshes of the net along each side.
        cells: Range = Range::from(4.0), whole 1 to 32;
        /// How far a node is moved at most, in meshes.
        shift: Range = Range::from([0.1, 0.3]), in 0 to 0.48;
        /// What is seen beyond the picture.
        fill: Edge = Edge::Mode(super::Mode::Reflect), in 0 to 1;
    }
}

impl Change for Elastic {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let shape = Shape::Elastic {
            cells: self.cells.draw_whole(rng).max(1) as usize,
            shift: self.shift.draw(rng),
            seed: below(rng, 1 << 53),
        };
        Act::Warp(Warp { shape, width: view.width, height: view.height, fill: self.fill.clone() })
    }
}

settings! {
    /// Lines of a grid are moved, each along its own direction: strips become wider or narrower.
    GridDistortion {
        /// Strips along each side.
        cells: Range = Range::from(5.0), whole 2 to 64;
        /// How much wider or narrower a strip can become, as a share of its width.
        stretch: Range = Range::from([-0.3, 0.3]), in -0.9 to 0.9;
    }
}

impl Change for GridDistortion {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let cells = self.cells.draw_whole(rng).max(1) as usize;
        let mut lines = || {
            let widths: Vec<f64> = (0..cells).map(|_| 1.0 + self.stretch.draw(rng)).collect();
            let all: f64 = widths.iter().sum();
            let mut at = 0.0;
            std::iter::once(0.0)
                .chain(widths.iter().map(|w| {
                    at += w / all;
                    at
                }))
                .collect()
        };
        let shape = Shape::Grid { x: lines(), y: lines() };
        Act::Warp(Warp { shape, width: view.width, height: view.height, fill: Edge::Mode(super::Mode::Edge) })
    }
}

settings! {
    /// As through a lens: bulging out where `k` is below 0, in where it is above.
    OpticalDistortion {
        /// How much farther out the corners are seen, as a share of their distance from the middle.
        k: Range = Range::from([-0.1, 0.1]), in -0.3 to 1;
        /// What is seen beyond the picture.
        fill: Edge = Edge::default(), in 0 to 1;
    }
}

impl Change for OpticalDistortion {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let shape = Shape::Optical { k: self.k.draw(rng) };
        Act::Warp(Warp { shape, width: view.width, height: view.height, fill: self.fill.clone() })
    }
}

/// A window of `window` pixels along a side of `side`, anywhere that it is inside, or, where it is longer, that the picture is inside it.
fn anywhere(rng: &mut Stream, side: usize, window: usize) -> i64 {
    let room = side as i64 - window as i64;
    let at = below(rng, room.unsigned_abs() + 1) as i64;
    if room < 0 { -at } else { at }
}

settings! {
    /// A window of a fixed size, anywhere. Where it is larger than the picture, the picture is anywhere in it.
    RandomCrop {
        /// In pixels.
        width: usize = 224, in 1 to 32768;
        /// In pixels.
        height: usize = 224, in 1 to 32768;
        /// What is seen beyond the picture.
        fill: Edge = Edge::default(), in 0 to 1;
    }
}

impl Change for RandomCrop {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        Act::Window(Window {
            left: anywhere(rng, view.width, self.width),
            top: anywhere(rng, view.height, self.height),
            width: self.width,
            height: self.height,
            fill: self.fill.clone(),
        })
    }
}

/// The window of a size about the middle.
fn centred(view: &View, width: usize, height: usize, fill: &Edge) -> Act {
    let half = |side: usize, window: usize| (side as i64 - window as i64).div_euclid(2);
    let (left, top) = (half(view.width, width), half(view.height, height));
    Act::Window(Window { left, top, width, height, fill: fill.clone() })
}

settings! {
    /// The middle, in a fixed size. Smaller pictures are padded.
    CenterCrop {
        /// In pixels.
        width: usize = 224, in 1 to 32768;
        /// In pixels.
        height: usize = 224, in 1 to 32768;
        /// What is seen beyond the picture.
        fill: Edge = Edge::default(), in 0 to 1;
    }
}

impl Change for CenterCrop {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, _: &mut Stream, view: &View) -> Act {
        centred(view, self.width, self.height, &self.fill)
    }
}

settings! {
    /// A part of any size and shape, brought to a fixed size (Szegedy et al. 2014): what most classifiers of photographs are trained with.
    RandomResizedCrop {
        /// In pixels.
        width: usize = 224, in 1 to 32768;
        /// In pixels.
        height: usize = 224, in 1 to 32768;
        /// Of the picture's area.
        scale: Range = Range::from([0.08, 1.0]), in 0.0001 to 1;
        /// Width over height of the part. A pair is drawn from by its logarithm.
        ratio: Range = Range::from([0.75, 4.0 / 3.0]), in 0.01 to 100;
        /// How pixels come from the old ones.
        filter: Filter = Filter::Linear;
    }
}

impl Change for RandomResizedCrop {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let (width, height) = part(rng, view, &self.scale, &self.ratio);
        let (left, top) = (anywhere(rng, view.width, width), anywhere(rng, view.height, height));
        let window = Window { left, top, width, height, fill: Edge::default() };
        let resize = Resize { width: self.width, height: self.height, filter: self.filter };
        Act::Chain(vec![Act::Window(window), Act::Resize(resize)])
    }
}

/// The size of a part by area and shape: the first of ten that fits; if none does, the largest of the last shape.
fn part(rng: &mut Stream, view: &View, scale: &Range, ratio: &Range) -> (usize, usize) {
    let (w, h) = (view.width as f64, view.height as f64);
    let ratio = match ratio {
        Range::Between(pair) => &Range::Spread(crate::range::Spread::LogUniform(*pair)),
        other => other,
    };
    let mut shape = 1.0;
    for _ in 0..10 {
        let area = w * h * scale.draw(rng);
        shape = ratio.draw(rng);
        let (width, height) = ((area * shape).sqrt().round(), (area / shape).sqrt().round());
        if (1.0..=w).contains(&width) && (1.0..=h).contains(&height) {
            return (width as usize, height as usize);
        }
    }
    let width = w.min(h * shape);
    ((width.round() as usize).max(1), ((width / shape).round() as usize).clamp(1, view.height))
}

settings! {
    /// A part of any size and shape that holds at least one box whole, brought to a fixed size. Without boxes it is any part.
    BoxCrop {
        /// In pixels.
        width: usize = 512, in 1 to 32768;
        /// In pixels.
        height: usize = 512, in 1 to 32768;
        /// Of the picture's area. A part that is smaller than its box grows until the box is in it.
        scale: Range = Range::from([0.1, 1.0]), in 0.0001 to 1;
        /// Width over height of the part. A pair is drawn from by its logarithm.
        ratio: Range = Range::from([0.75, 4.0 / 3.0]), in 0.01 to 100;
        /// How pixels come from the old ones.
        filter: Filter = Filter::Linear;
    }
}

impl Change for BoxCrop {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let (mut width, mut height) = part(rng, view, &self.scale, &self.ratio);
        let boxes = &view.labels.boxes;
        let chosen = (!boxes.is_empty()).then(|| &boxes[below(rng, boxes.len() as u64) as usize]);
        let (left, top) = match chosen {
            None => (anywhere(rng, view.width, width), anywhere(rng, view.height, height)),
            Some(b) => {
                let [l, t, r, bottom] = b.sides;
                let mut along = |low: f64, high: f64, side: usize, window: &mut usize| {
                    // Whole pixels around the box, in the picture.
                    let low = (low.floor().max(0.0) as usize).min(side - 1);
                    let high = (high.ceil().max(0.0) as usize).clamp(low + 1, side);
                    *window = (*window).max(high - low);
                    let (first, last) = (high.saturating_sub(*window), low.min(side - *window));
                    (first + below(rng, (last - first) as u64 + 1) as usize) as i64
                };
                (along(l, r, view.width, &mut width), along(t, bottom, view.height, &mut height))
            }
        };
        let window = Window { left, top, width, height, fill: Edge::default() };
        let resize = Resize { width: self.width, height: self.height, filter: self.filter };
        Act::Chain(vec![Act::Window(window), Act::Resize(resize)])
    }
}

settings! {
    /// More on each side.
    Pad {
        /// Pixels.
        left: Range = Range::from(0.0), whole 0 to 16384;
        /// Pixels.
        top: Range = Range::from(0.0), whole 0 to 16384;
        /// Pixels.
        right: Range = Range::from(0.0), whole 0 to 16384;
        /// Pixels.
        bottom: Range = Range::from(0.0), whole 0 to 16384;
        /// What is seen there.
        fill: Edge = Edge::default(), in 0 to 1;
    }
}

impl Change for Pad {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let [left, top, right, bottom] =
            [&self.left, &self.top, &self.right, &self.bottom].map(|side| side.draw_whole(rng).max(0));
        let (width, height) = (view.width + (left + right) as usize, view.height + (top + bottom) as usize);
        Act::Window(Window { left: -left, top: -top, width, height, fill: self.fill.clone() })
    }
}

settings! {
    /// Padded on all sides until it is at least this large.
    PadTo {
        /// In pixels.
        width: usize = 224, in 1 to 32768;
        /// In pixels.
        height: usize = 224, in 1 to 32768;
        /// What is seen there.
        fill: Edge = Edge::default(), in 0 to 1;
    }
}

impl Change for PadTo {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, _: &mut Stream, view: &View) -> Act {
        centred(view, self.width.max(view.width), self.height.max(view.height), &self.fill)
    }
}

settings! {
    /// A fixed size, whatever the shape was.
    ResizeTo {
        /// In pixels.
        width: usize = 224, in 1 to 32768;
        /// In pixels.
        height: usize = 224, in 1 to 32768;
        /// How pixels come from the old ones.
        filter: Filter = Filter::Linear;
    }
}

impl Change for ResizeTo {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, _: &mut Stream, _: &View) -> Act {
        Act::Resize(Resize { width: self.width, height: self.height, filter: self.filter })
    }
}

settings! {
    /// The longer side in a fixed size, the shape kept.
    LongestSide {
        /// In pixels.
        size: Range = Range::from(512.0), whole 1 to 32768;
        /// How pixels come from the old ones.
        filter: Filter = Filter::Linear;
    }
}

settings! {
    /// The shorter side in a fixed size, the shape kept. A long strip is kept below 32768 pixels.
    ShortestSide {
        /// In pixels.
        size: Range = Range::from(256.0), whole 1 to 32768;
        /// How pixels come from the old ones.
        filter: Filter = Filter::Linear;
    }
}

fn in_shape(view: &View, factor: f64, filter: Filter) -> Act {
    let side = |s: usize| ((s as f64 * factor).round() as usize).clamp(1, 1 << 15);
    Act::Resize(Resize { width: side(view.width), height: side(view.height), filter })
}

impl Change for LongestSide {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        in_shape(view, self.size.draw_whole(rng) as f64 / view.width.max(view.height) as f64, self.filter)
    }
}

impl Change for ShortestSide {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        in_shape(view, self.size.draw_whole(rng) as f64 / view.width.min(view.height) as f64, self.filter)
    }
}

#[cfg(test)]
mod tests;
