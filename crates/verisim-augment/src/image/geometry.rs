//! Transforms that move things: flips, rotations, distortions. Labels move along.

use verisim_data::rng::{Stream, below, uniform};

use super::act::Act;
use super::edge::Edge;
use super::settings::{Change, View, settings};
use super::turn::Turn;
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
