//! Transforms that choose what is seen and how large: crops, pads, sizes. Labels move along.

use verisim_data::rng::{Stream, below};

use super::act::Act;
use super::edge::Edge;
use super::resize::{Filter, Resize};
use super::settings::{Change, View, settings};
use super::turn::Window;
use crate::range::Range;

/// A window of `window` pixels along a side of `side`, anywhere that it is inside, or, where it is longer, that the picture is inside it.
pub(super) fn anywhere(rng: &mut Stream, side: usize, window: usize) -> i64 {
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
