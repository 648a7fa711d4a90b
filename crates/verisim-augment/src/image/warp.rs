//! Everything that moves pixels to places between pixels goes through one resampler, here.
//!
//! A [`Warp`] says for each place of the new picture where it is seen in the old one. Pictures are read there bilinearly, masks by
//! nearest neighbour. Places are counted in 256ths of a pixel. Boxes and key points go the other way, by the inverse.
//!
//! Shapes:
//!
//! - affine and perspective maps, whose inverses are matrices;
//! - elastic: a uniform cubic B-spline whose nodes are moved at random (Rueckert et al. 1999, free-form deformations), rather than
//!   noise that is smoothed (Simard et al. 2003): the same kind of shape, as smooth, at a fraction of the cost; and with nodes moved
//!   by less than 0.48 of their distance it never folds (Choi & Lee 2000), which smoothed noise does;
//! - grid: lines of a grid are moved, straight between them;
//! - optical: `r' = r (1 + k r^2)`, r from the middle, 1 at the corners.

use serde::{Deserialize, Serialize};
use verisim_data::rng::{stream, uniform};

use super::bilinear::{RUN, Source};
use super::edge::Edge;
use super::labels::Labels;
use super::picture::{Picture, Sample, Samples, map_samples, with_samples};
use super::turn::mask_fill;
use crate::wide::wide;

/// A new picture, seen in the old one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warp {
    /// How.
    pub shape: Shape,
    /// Width of the new picture.
    pub width: usize,
    /// Height of the new picture.
    pub height: usize,
    /// What is seen beyond the old one.
    pub fill: Edge,
}

/// The mean of the picture at several sizes about its middle, from 1 to `factor`, no more than two pixels apart at the corners.
/// Opacity stays.
pub(super) fn zoom_blur(picture: &mut Picture, factor: f64) {
    let (w, h, channels, colours) = (picture.width(), picture.height(), picture.channels(), picture.colours());
    let (cx, cy) = (w as f64 / 2.0, h as f64 / 2.0);
    let steps = (((factor - 1.0) * (cx + cy) / 2.0).ceil() as usize).clamp(1, 24);
    let mut sum = vec![0.0f32; w * h * channels];
    for i in 0..=steps {
        let back = 1.0 / (1.0 + (factor - 1.0) * i as f64 / steps as f64);
        let shape = Shape::Affine([back, 0.0, cx - back * cx, 0.0, back, cy - back * cy]);
        let warp = Warp { shape, width: w, height: h, fill: Edge::Mode(super::Mode::Edge) };
        let seen = warp.picture(&warp.map(picture), picture);
        with_samples!(&seen.samples, s => sum.iter_mut().zip(s).for_each(|(sum, s)| *sum += s.up()));
    }
    let n = (steps + 1) as f32;
    fn mean<S: Sample>(samples: &mut [S], sum: &[f32], n: f32, channels: usize, colours: usize) {
        for (p, sum) in samples.chunks_exact_mut(channels).zip(sum.chunks_exact(channels)) {
            p[..colours].iter_mut().zip(sum).for_each(|(s, sum)| *s = S::down(sum / n));
        }
    }
    with_samples!(&mut picture.samples, s => mean(s, &sum, n, channels, colours));
}

/// From a place in the new picture to one in the old.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `x' = a x + b y + c, y' = d x + e y + f`.
    Affine([f64; 6]),
    /// Rows of a 3 x 3 matrix of homogeneous places.
    Perspective([f64; 9]),
    /// Nodes of a spline, `cells` to a side, each moved by at most `shift` of a cell. The picture keeps its size.
    Elastic {
        /// Cells along each side.
        cells: usize,
        /// In cells.
        shift: f64,
        /// Of the nodes' stream.
        seed: u64,
    },
    /// Where lines that are evenly spaced in the new picture are in the old, from 0 to 1 along each side.
    Grid {
        /// From left to right.
        x: Vec<f64>,
        /// From top to bottom.
        y: Vec<f64>,
    },
    /// Barrel (above 0) or cushion (below).
    Optical {
        /// At the corners.
        k: f64,
    },
}

/// How far each pixel is moved, in pixels: old place less new place, at its centre.
struct Field {
    width: usize,
    height: usize,
    dx: Vec<f32>,
    dy: Vec<f32>,
}

enum Map {
    Affine([f64; 6]),
    Perspective([f64; 9]),
    Field(Field),
}

/// Half a pixel, in 256ths.
const HALF: i32 = 128;

impl Warp {
    #[cfg(test)]
    pub(super) fn apply(&self, item: &mut super::Item) {
        item.picture = self.moved(&item.picture, &mut item.labels);
    }

    /// The picture as it is seen; its labels move along.
    pub(super) fn moved(&self, from: &Picture, labels: &mut Labels) -> Picture {
        let map = self.map(from);
        let fill = mask_fill(&self.fill);
        for m in &mut labels.masks {
            *m = self.mask(&map, m, &fill);
        }
        let size = (self.width, self.height);
        match &map {
            Map::Affine(m) => {
                let back = invert([m[0], m[1], m[2], m[3], m[4], m[5], 0.0, 0.0, 1.0]);
                labels.forward(size, 0, |x, y| project(&back?, x, y));
            }
            Map::Perspective(m) => {
                let back = invert(*m);
                labels.forward(size, 0, |x, y| project(&back?, x, y));
            }
            Map::Field(f) => labels.forward(size, 15, |x, y| Some(f.forward(x, y))),
        }
        self.picture(&map, from)
    }

    fn map(&self, from: &Picture) -> Map {
        let (w, h) = (self.width, self.height);
        match &self.shape {
            Shape::Affine(m) => Map::Affine(*m),
            Shape::Perspective(m) => Map::Perspective(*m),
            Shape::Elastic { cells, shift, seed } => Map::Field(elastic(w, h, *cells, *shift, *seed)),
            Shape::Grid { x, y } => Map::Field(grid(w, h, x, y)),
            Shape::Optical { k } => Map::Field(optical(w, h, *k, (from.width(), from.height()))),
        }
    }

    fn picture(&self, map: &Map, from: &Picture) -> Picture {
        if let Samples::Eight(s) = &from.samples {
            let samples = match from.channels() {
                1 => wide!(self.bytes::<1>(map, s, from)),
                2 => wide!(self.bytes::<2>(map, s, from)),
                3 => wide!(self.bytes::<3>(map, s, from)),
                _ => wide!(self.bytes::<4>(map, s, from)),
            };
            return from.like(self.width, self.height, Samples::Eight(samples));
        }
        let samples = map_samples!(&from.samples, s => match from.channels() {
            1 => self.sample::<_, 1>(map, s, from),
            2 => self.sample::<_, 2>(map, s, from),
            3 => self.sample::<_, 3>(map, s, from),
            _ => self.sample::<_, 4>(map, s, from),
        });
        from.like(self.width, self.height, samples)
    }

    #[inline(always)]
    fn bytes<const C: usize>(&self, map: &Map, bytes: &[u8], p: &Picture) -> Vec<u8> {
        let blank = std::array::from_fn(|c| self.fill.pixel::<u8>(C)[c]);
        let source = Source::<C> { bytes, width: p.width(), height: p.height(), fill: &self.fill, blank };
        let mut made = Vec::with_capacity(self.width * self.height * C);
        // Whole runs; what is behind the last place is read too, and cut off.
        let runs = self.width.div_ceil(RUN);
        let (mut xs, mut ys) = (vec![0i32; runs * RUN], vec![0i32; runs * RUN]);
        let mut line = vec![0u8; runs * RUN * C];
        for y in 0..self.height {
            map.row(y, &mut xs, &mut ys);
            let places = xs.as_chunks().0.iter().zip(ys.as_chunks().0);
            for ((xs, ys), out) in places.zip(line.chunks_exact_mut(RUN * C)) {
                source.read(xs, ys, out);
            }
            made.extend_from_slice(&line[..self.width * C]);
        }
        made
    }

    fn sample<S: Sample, const C: usize>(&self, map: &Map, from: &[S], p: &Picture) -> Vec<S> {
        let (w, h) = (p.width(), p.height());
        let pixels = from.as_chunks::<C>().0;
        let blank: [S; C] = std::array::from_fn(|c| self.fill.pixel::<S>(C)[c]);
        let mut made = vec![S::default(); self.width * self.height * C];
        let (mut xs, mut ys) = (vec![0i32; self.width], vec![0i32; self.width]);
        for (y, out) in made.as_chunks_mut::<C>().0.chunks_exact_mut(self.width).enumerate() {
            map.row(y, &mut xs, &mut ys);
            for ((out, &x), &y) in out.iter_mut().zip(&xs).zip(&ys) {
                let (fx, fy) = ((x & 255) as u32, (y & 255) as u32);
                let (x, y) = ((x >> 8) as isize, (y >> 8) as isize);
                let at = (y as usize).wrapping_mul(w).wrapping_add(x as usize);
                let inside = x >= 0 && y >= 0 && x as usize + 1 < w && y as usize + 1 < h;
                // The second test is implied by the first, but the compiler does not know it.
                if inside && at + w + 1 < pixels.len() {
                    let (a, b, c, d) = (&pixels[at], &pixels[at + 1], &pixels[at + w], &pixels[at + w + 1]);
                    for i in 0..C {
                        out[i] = S::blend([a[i], b[i], c[i], d[i]], fx, fy);
                    }
                } else {
                    let corner = |i: isize, j: isize| match (
                        self.fill.place((x + i) as i64, w),
                        self.fill.place((y + j) as i64, h),
                    ) {
                        (Some(x), Some(y)) => pixels[y * w + x],
                        _ => blank,
                    };
                    let (a, b, c, d) = (corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1));
                    for i in 0..C {
                        out[i] = S::blend([a[i], b[i], c[i], d[i]], fx, fy);
                    }
                }
            }
        }
        made
    }

    fn mask(&self, map: &Map, from: &Picture, fill: &Edge) -> Picture {
        let samples = map_samples!(&from.samples, s => self.nearest(map, s, from, fill));
        from.like(self.width, self.height, samples)
    }

    fn nearest<S: Sample>(&self, map: &Map, from: &[S], p: &Picture, fill: &Edge) -> Vec<S> {
        let (w, h) = (p.width(), p.height());
        let mut made = vec![S::default(); self.width * self.height];
        let (mut xs, mut ys) = (vec![0i32; self.width], vec![0i32; self.width]);
        for (y, out) in made.chunks_exact_mut(self.width).enumerate() {
            map.row(y, &mut xs, &mut ys);
            for ((out, &x), &y) in out.iter_mut().zip(&xs).zip(&ys) {
                let (x, y) = (i64::from(x.saturating_add(HALF) >> 8), i64::from(y.saturating_add(HALF) >> 8));
                if let (Some(x), Some(y)) = (fill.place(x, w), fill.place(y, h)) {
                    *out = from[y * w + x];
                }
            }
        }
        made
    }
}

impl Map {
    /// Where the pixels of row `y` are seen, in 256ths from the centre of the first pixel.
    #[inline(always)]
    fn row(&self, y: usize, xs: &mut [i32], ys: &mut [i32]) {
        let yc = y as f64 + 0.5;
        match self {
            Map::Affine([a, b, c, d, e, f]) => {
                line(a * 0.5 + b * yc + c - 0.5, *a, xs);
                line(d * 0.5 + e * yc + f - 0.5, *d, ys);
            }
            Map::Perspective([a, b, c, d, e, f, g, h, i]) => {
                // Of the middle of the row's first pixel; then as many steps as there are pixels before.
                let first = |p: &f64, q: &f64, r: &f64| p * 0.5 + q * yc + r;
                let (x0, y0, z0) = (first(a, b, c), first(d, e, f), first(g, h, i));
                for (k, (x, y)) in xs.iter_mut().zip(ys).enumerate() {
                    let k = f64::from(k as i32);
                    let per = 256.0 / (z0 + g * k);
                    (*x, *y) = (nearest((x0 + a * k) * per - 128.0), nearest((y0 + d * k) * per - 128.0));
                }
            }
            Map::Field(field) => {
                let run = y * field.width..(y + 1) * field.width;
                for (k, (x, d)) in xs.iter_mut().zip(&field.dx[run.clone()]).enumerate() {
                    *x = ((k as i32) << 8) + nearest(f64::from(d * 256.0));
                }
                for (v, d) in ys.iter_mut().zip(&field.dy[run]) {
                    *v = ((y as i32) << 8) + nearest(f64::from(d * 256.0));
                }
            }
        }
    }
}

/// `from + i * step` in 256ths, rounded: by whole numbers of 2^-24 of them, whose sum over a row is off by less than 2^-9 of them.
#[inline(always)]
fn line(from: f64, step: f64, out: &mut [i32]) {
    let unit = f64::from(1u32 << 24);
    let first = ((from * 256.0 + 0.5) * unit) as i64;
    let step = (step * 256.0 * unit) as i64;
    // Some at a time, each as many steps from one that goes on: what hangs on the last one only would be no vector.
    let steps: [i64; RUN] = std::array::from_fn(|i| step.wrapping_mul(i as i64));
    let mut at = first;
    for out in out.chunks_mut(RUN) {
        for (o, s) in out.iter_mut().zip(&steps) {
            *o = (at.wrapping_add(*s) >> 24) as i32;
        }
        at = at.wrapping_add(step.wrapping_mul(RUN as i64));
    }
}

/// The nearest whole number, of two the even one: the lowest bits of the number after it has been made so large that its last bit is 1.
/// Vectors of numbers have no faster way that all machines have.
#[inline(always)]
fn nearest(x: f64) -> i32 {
    const UP: f64 = (3u64 << 51) as f64;
    // Farther than any edge, and so far that twice its distance does not overflow.
    const FAR: f64 = (1 << 28) as f64;
    (x.clamp(-FAR, FAR) + UP).to_bits() as i32
}

fn project(m: &[f64; 9], x: f64, y: f64) -> Option<[f64; 2]> {
    let z = m[6] * x + m[7] * y + m[8];
    // Behind the eye, or so close to its plane that the place means nothing.
    (z > 1e-9).then(|| [(m[0] * x + m[1] * y + m[2]) / z, (m[3] * x + m[4] * y + m[5]) / z])
}

/// The inverse of a 3 x 3 matrix by its cofactors, with the last entry positive; nothing where there is none.
pub(super) fn invert(m: [f64; 9]) -> Option<[f64; 9]> {
    let [a, b, c, d, e, f, g, h, i] = m;
    let cofactors = [
        e * i - f * h,
        c * h - b * i,
        b * f - c * e,
        f * g - d * i,
        a * i - c * g,
        c * d - a * f,
        d * h - e * g,
        b * g - a * h,
        a * e - b * d,
    ];
    let determinant = a * cofactors[0] + b * cofactors[3] + c * cofactors[6];
    (determinant.abs() > 1e-9 && determinant.is_finite()).then(|| cofactors.map(|v| v / determinant))
}

/// The product of two 3 x 3 matrices.
pub(super) fn product(a: &[f64; 9], b: &[f64; 9]) -> [f64; 9] {
    std::array::from_fn(|k| (0..3).map(|j| a[k / 3 * 3 + j] * b[j * 3 + k % 3]).sum())
}

/// The matrix of the perspective that takes the unit square's corners (0,0), (1,0), (1,1), (0,1) to `q` (Heckbert 1989, 2.2.1);
/// nothing where three of the corners are on one line.
pub(super) fn square_to(q: [[f64; 2]; 4]) -> Option<[f64; 9]> {
    let [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = q;
    let (dx1, dx2, sx) = (x1 - x2, x3 - x2, x0 - x1 + x2 - x3);
    let (dy1, dy2, sy) = (y1 - y2, y3 - y2, y0 - y1 + y2 - y3);
    let det = dx1 * dy2 - dx2 * dy1;
    if det.abs() < 1e-9 {
        return None;
    }
    let (g, h) = ((sx * dy2 - dx2 * sy) / det, (dx1 * sy - sx * dy1) / det);
    let m = [x1 - x0 + g * x1, x3 - x0 + h * x3, x0, y1 - y0 + g * y1, y3 - y0 + h * y3, y0, g, h, 1.0];
    invert(m).map(|_| m)
}

impl Field {
    /// How far a place is moved: bilinear between the centres of pixels.
    fn at(&self, x: f64, y: f64) -> [f64; 2] {
        let (x, y) = ((x - 0.5).clamp(0.0, self.width as f64 - 1.0), (y - 0.5).clamp(0.0, self.height as f64 - 1.0));
        let (x0, y0) = (x as usize, y as usize);
        let (x1, y1) = ((x0 + 1).min(self.width - 1), (y0 + 1).min(self.height - 1));
        let (fx, fy) = (x - x0 as f64, y - y0 as f64);
        [&self.dx, &self.dy].map(|d| {
            let v = |x: usize, y: usize| f64::from(d[y * self.width + x]);
            (v(x0, y0) * (1.0 - fx) + v(x1, y0) * fx) * (1.0 - fy) + (v(x0, y1) * (1.0 - fx) + v(x1, y1) * fx) * fy
        })
    }

    /// Where a place of the old picture is in the new: the place from which it is seen, found by going back by what is moved there. Each
    /// step brings it closer by the factor that the field changes in a pixel, which is below 1 where nothing folds.
    fn forward(&self, x: f64, y: f64) -> [f64; 2] {
        let mut p = [x, y];
        for _ in 0..40 {
            let [dx, dy] = self.at(p[0], p[1]);
            p = [p[0] + 0.7 * (x - dx - p[0]), p[1] + 0.7 * (y - dy - p[1])];
        }
        p
    }
}

/// The four weights of a uniform cubic B-spline.
fn spline(t: f64) -> [f32; 4] {
    let s = 1.0 - t;
    [
        s * s * s / 6.0,
        (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0,
        (3.0 * s * s * s - 6.0 * s * s + 4.0) / 6.0,
        t * t * t / 6.0,
    ]
    .map(|v| v as f32)
}

fn elastic(width: usize, height: usize, cells: usize, shift: f64, seed: u64) -> Field {
    let mut rng = stream(seed, "elastic", 0);
    let nodes = cells + 3;
    let mut along = |size: usize| -> Vec<f32> {
        let reach = shift * size as f64 / cells as f64;
        (0..nodes * nodes).map(|_| ((2.0 * uniform(&mut rng) - 1.0) * reach) as f32).collect()
    };
    let (nodes_x, nodes_y) = (along(width), along(height));
    let place = |i: usize, size: usize| {
        let u = (i as f64 + 0.5) * cells as f64 / size as f64;
        (u as usize, spline(u - (u as usize) as f64))
    };
    let columns: Vec<(usize, [f32; 4])> = (0..width).map(|x| place(x, width)).collect();
    // Along x first, for the few rows of nodes; along y a row of pixels at a time.
    let surface = |of: &[f32]| -> Vec<f32> {
        let wide: Vec<f32> = (0..nodes)
            .flat_map(|j| columns.iter().map(move |(i, w)| (0..4).map(|k| of[j * nodes + i + k] * w[k]).sum::<f32>()))
            .collect();
        let mut made = vec![0.0f32; width * height];
        for (y, row) in made.chunks_exact_mut(width).enumerate() {
            let (j, w) = place(y, height);
            for k in 0..4 {
                let line = &wide[(j + k) * width..(j + k + 1) * width];
                row.iter_mut().zip(line).for_each(|(r, l)| *r += w[k] * l);
            }
        }
        made
    };
    Field { width, height, dx: surface(&nodes_x), dy: surface(&nodes_y) }
}

fn grid(width: usize, height: usize, x: &[f64], y: &[f64]) -> Field {
    let along = |size: usize, lines: &[f64]| -> Vec<f32> {
        let n = lines.len() - 1;
        (0..size)
            .map(|i| {
                let u = (i as f64 + 0.5) / size as f64 * n as f64;
                let k = (u as usize).min(n - 1);
                let place = lines[k] + (lines[k + 1] - lines[k]) * (u - k as f64);
                (place * size as f64 - (i as f64 + 0.5)) as f32
            })
            .collect()
    };
    let (dx, dy) = (along(width, x), along(height, y));
    Field { width, height, dx: dx.repeat(height), dy: dy.iter().flat_map(|&d| std::iter::repeat_n(d, width)).collect() }
}

fn optical(width: usize, height: usize, k: f64, (w, h): (usize, usize)) -> Field {
    let (cx, cy) = (w as f64 / 2.0, h as f64 / 2.0);
    let scale = k / (cx * cx + cy * cy);
    let mut field =
        Field { width, height, dx: Vec::with_capacity(width * height), dy: Vec::with_capacity(width * height) };
    for y in 0..height {
        let v = y as f64 + 0.5 - cy;
        for x in 0..width {
            let u = x as f64 + 0.5 - cx;
            let more = scale * (u * u + v * v);
            field.dx.push((u * more) as f32);
            field.dy.push((v * more) as f32);
        }
    }
    field
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
