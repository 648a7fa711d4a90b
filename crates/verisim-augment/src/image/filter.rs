//! What a pixel becomes with its neighbours: blurs, sharpening. Beyond the edge the picture is mirrored. Opacity is left alone.
//!
//! Sums go over whole rows at a time, so that the compiler makes vectors of them: down first, weighted rows added up; then along.

use serde::{Deserialize, Serialize};

use super::blur;
use super::edge::{Edge, Mode};
use super::picture::{Picture, Sample, Samples, map_samples};
use crate::wide::wide;

/// A weighted sum of neighbours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kernel {
    /// A bell of this standard deviation, in pixels, cut off at three of them.
    Gaussian(f64),
    /// The mean of a square of this many pixels each way from its middle.
    Box(usize),
    /// Along a line of this length, in pixels, and degrees, counter-clockwise from level.
    Motion(f64, f64),
    /// The mean of a disc of this radius, in pixels, softened by half a pixel: out of focus.
    Disc(f64),
    /// The picture less its blur by a bell of one pixel, this many times, added to it.
    Sharpen(f64),
    /// Light from the upper left on a relief: this share of it.
    Emboss(f64),
}

/// Neighbours and their weights.
type Taps = Vec<(i32, i32, f32)>;

impl Kernel {
    /// How far it reaches, in pixels.
    pub(super) fn reach(&self) -> f64 {
        match self {
            Kernel::Gaussian(sigma) => 3.0 * sigma,
            Kernel::Box(n) => *n as f64,
            Kernel::Motion(length, _) => *length / 2.0,
            Kernel::Disc(radius) => *radius,
            Kernel::Sharpen(_) | Kernel::Emboss(_) => 3.0,
        }
    }

    #[cfg(test)]
    fn apply(&self, picture: &mut Picture) {
        *picture = self.of(picture);
    }

    /// What the picture becomes.
    pub(super) fn of(&self, picture: &Picture) -> Picture {
        match self {
            Kernel::Gaussian(sigma) => {
                let weights = bell(*sigma);
                match &picture.samples {
                    Samples::Eight(s) if weights.len() / 2 <= blur::BELL => {
                        with_bytes(picture, blur::bell(s, size(picture), &weights))
                    }
                    _ => separable(picture, &weights, 1.0, 0.0),
                }
            }
            Kernel::Box(n) => match &picture.samples {
                Samples::Eight(s) if *n <= blur::MEAN => with_bytes(picture, blur::mean(s, size(picture), *n)),
                _ => separable(picture, &vec![1.0 / (2 * n + 1) as f32; 2 * n + 1], 1.0, 0.0),
            },
            Kernel::Sharpen(amount) => separable(picture, &bell(1.0), -*amount as f32, 1.0 + *amount as f32),
            Kernel::Motion(length, degrees) => sparse(picture, &segment(*length, *degrees)),
            Kernel::Disc(radius) => sparse(picture, &disc(*radius)),
            Kernel::Emboss(amount) => {
                let a = *amount as f32;
                let taps = [(-1, -1, -a), (0, -1, -a), (-1, 0, -a), (0, 0, 1.0), (1, 0, a), (0, 1, a), (1, 1, a)];
                sparse(picture, &taps.to_vec())
            }
        }
    }
}

/// Width, height, channels and colours.
fn size(picture: &Picture) -> (usize, usize, usize, usize) {
    (picture.width(), picture.height(), picture.channels(), picture.colours())
}

fn with_bytes(picture: &Picture, samples: Vec<u8>) -> Picture {
    picture.like(picture.width(), picture.height(), Samples::Eight(samples))
}

/// A bell's weights, which add up to 1.
fn bell(sigma: f64) -> Vec<f32> {
    let n = (3.0 * sigma).ceil() as i32;
    let w: Vec<f64> = (-n..=n).map(|i| libm::exp(-0.5 * (f64::from(i) / sigma.max(1e-6)).powi(2))).collect();
    let sum: f64 = w.iter().sum();
    w.iter().map(|v| (v / sum) as f32).collect()
}

/// A line through the middle: points a quarter of a pixel apart, each shared by the four pixels around it.
fn segment(length: f64, degrees: f64) -> Taps {
    let n = ((length * 4.0).ceil() as usize).max(1);
    let (sin, cos) = (libm::sin(degrees.to_radians()), libm::cos(degrees.to_radians()));
    let mut taps: std::collections::BTreeMap<(i32, i32), f64> = std::collections::BTreeMap::new();
    for i in 0..n {
        let s = ((i as f64 + 0.5) / n as f64 - 0.5) * (length - 1.0).max(0.0);
        let (x, y) = (s * cos, -s * sin);
        let (fx, fy) = (x - x.floor(), y - y.floor());
        for (dx, wx) in [(0, 1.0 - fx), (1, fx)] {
            for (dy, wy) in [(0, 1.0 - fy), (1, fy)] {
                *taps.entry((y.floor() as i32 + dy, x.floor() as i32 + dx)).or_default() += wx * wy / n as f64;
            }
        }
    }
    taps.into_iter().filter(|(_, w)| *w > 1e-9).map(|((y, x), w)| (x, y, w as f32)).collect()
}

fn disc(radius: f64) -> Taps {
    let n = radius.ceil() as i32 + 1;
    let mut taps = Vec::new();
    for y in -n..=n {
        for x in -n..=n {
            let w = (radius + 0.5 - f64::from(x * x + y * y).sqrt()).clamp(0.0, 1.0);
            if w > 0.0 {
                taps.push((x, y, w));
            }
        }
    }
    let sum: f64 = taps.iter().map(|t| t.2).sum();
    taps.iter().map(|(x, y, w)| (*x, *y, (w / sum) as f32)).collect()
}

/// Rows as numbers, mirrored by `reach` pixels on each side.
pub(super) struct Rows<'a, S> {
    pub samples: &'a [S],
    pub width: usize,
    pub height: usize,
    pub channels: usize,
}

impl<'a, S: Sample> Rows<'a, S> {
    #[inline(always)]
    pub(super) fn row(&self, y: i64) -> &'a [S] {
        let y = Edge::Mode(Mode::Reflect).place(y, self.height).unwrap_or(0);
        &self.samples[y * self.width * self.channels..(y + 1) * self.width * self.channels]
    }
}

/// Fills what is beyond both ends of a row, of which `reach` pixels on each side are to be mirrored.
#[inline(always)]
pub(super) fn mirror<T: Copy>(row: &mut [T], width: usize, channels: usize, reach: usize) {
    if width >= reach {
        // The usual case, without a quotient and a call for each pixel.
        let first = reach * channels;
        let end = first + width * channels;
        for i in 0..reach {
            for c in 0..channels {
                row[first - (i + 1) * channels + c] = row[first + i * channels + c];
                row[end + i * channels + c] = row[end - (i + 1) * channels + c];
            }
        }
        return;
    }
    for i in 0..reach {
        let sides = [(reach - 1 - i, -1 - i as i64), (reach + width + i, (width + i) as i64)];
        for (to, place) in sides {
            let from = reach + Edge::Mode(Mode::Reflect).place(place, width).unwrap_or(0);
            row.copy_within(from * channels..(from + 1) * channels, to * channels);
        }
    }
}

/// Samples that are summed at a time, so that sums stay where they are added up.
const LANES: usize = 16;

/// Some numbers from `at` on; all zero where there are not as many.
#[inline(always)]
pub(super) fn lanes<T: Copy + Default, const N: usize>(of: &[T], at: usize) -> [T; N] {
    of.get(at..).and_then(|of| of.first_chunk()).copied().unwrap_or([T::default(); N])
}

/// `gain` times the sum by `weights` both ways plus `own` times the sample itself. The weights are the same on both sides.
fn separable(picture: &Picture, weights: &[f32], gain: f32, own: f32) -> Picture {
    let size = size(picture);
    let samples = map_samples!(&picture.samples, s => wide!(separable_rows(s, size, weights, (gain, own))));
    picture.like(picture.width(), picture.height(), samples)
}

#[inline(always)]
fn separable_rows<S: Sample>(
    samples: &[S],
    (width, height, channels, colours): (usize, usize, usize, usize),
    weights: &[f32],
    (gain, own): (f32, f32),
) -> Vec<S> {
    let reach = weights.len() / 2;
    let rows = Rows { samples, width, height, channels };
    let (n, before) = (width * channels, reach * channels);
    // Room for whole lanes behind the last.
    let mut wide = vec![0.0f32; n + 2 * before + LANES];
    let mut line = vec![S::default(); n + LANES];
    let mut made = Vec::with_capacity(samples.len());
    let mut pairs: Vec<(&[S], &[S])> = Vec::with_capacity(reach);
    for y in 0..height as i64 {
        let here = rows.row(y);
        pairs.clear();
        pairs.extend((1..=reach as i64).map(|k| (rows.row(y - k), rows.row(y + k))));
        let (_, after) = weights.split_at(reach);
        let whole = n / LANES * LANES;
        for i in (0..whole).step_by(LANES) {
            let mut sum = [0.0f32; LANES];
            let own = lanes::<S, LANES>(here, i);
            for j in 0..LANES {
                sum[j] = after[0] * own[j].up();
            }
            for (&(up, down), w) in pairs.iter().zip(&after[1..]) {
                let (up, down) = (lanes::<S, LANES>(up, i), lanes::<S, LANES>(down, i));
                for j in 0..LANES {
                    sum[j] += w * S::pair(up[j], down[j]);
                }
            }
            if let Some(to) = wide[before + i..].first_chunk_mut() {
                *to = sum;
            }
        }
        for i in whole..n {
            let first = after[0] * here[i].up();
            wide[before + i] =
                pairs.iter().zip(&after[1..]).fold(first, |sum, ((up, down), w)| sum + w * S::pair(up[i], down[i]));
        }
        mirror(&mut wide, width, channels, reach);
        for i in (0..n).step_by(LANES) {
            let mut sum: [f32; LANES] = lanes(&wide, before + i);
            for s in &mut sum {
                *s *= after[0];
            }
            for (k, w) in after.iter().enumerate().skip(1) {
                let aside = k * channels;
                let left: [f32; LANES] = lanes(&wide, before + i - aside);
                let right: [f32; LANES] = lanes(&wide, before + i + aside);
                for j in 0..LANES {
                    sum[j] += w * (left[j] + right[j]);
                }
            }
            if own != 0.0 {
                // A partial block is of no account: what is behind the row is cut off.
                let here: [S; LANES] = if i < whole {
                    lanes(here, i)
                } else {
                    std::array::from_fn(|j| *here.get(i + j).unwrap_or(&here[0]))
                };
                for j in 0..LANES {
                    sum[j] = gain * sum[j] + own * here[j].up();
                }
            }
            if let Some(to) = line[i..].first_chunk_mut::<LANES>() {
                for (to, s) in to.iter_mut().zip(&sum) {
                    *to = S::down(*s);
                }
            }
        }
        keep_opacity(&mut line[..n], here, channels, colours);
        made.extend_from_slice(&line[..n]);
    }
    made
}

#[inline(always)]
pub(super) fn keep_opacity<S: Sample>(made: &mut [S], old: &[S], channels: usize, colours: usize) {
    if channels != colours {
        for (m, o) in made.chunks_exact_mut(channels).zip(old.chunks_exact(channels)) {
            m[colours] = o[colours];
        }
    }
}

/// The sum by weights of any neighbours.
fn sparse(picture: &Picture, taps: &Taps) -> Picture {
    let (width, height, channels, colours) = (picture.width(), picture.height(), picture.channels(), picture.colours());
    #[inline(always)]
    fn run<S: Sample>(
        samples: &[S],
        (width, height, channels, colours): (usize, usize, usize, usize),
        taps: &Taps,
    ) -> Vec<S> {
        let reach = taps.iter().map(|t| t.0.unsigned_abs()).max().unwrap_or(0) as usize;
        let n = width * channels;
        let all: Vec<f32> = {
            let mut all = vec![0.0; (width + 2 * reach) * channels * height];
            for (to, from) in all.chunks_exact_mut((width + 2 * reach) * channels).zip(samples.chunks_exact(n)) {
                to[reach * channels..].iter_mut().zip(from).for_each(|(t, f)| *t = f.up());
                mirror(to, width, channels, reach);
            }
            all
        };
        let line = (width + 2 * reach) * channels;
        let mut sum = vec![0.0f32; n];
        let mut made = samples.to_vec();
        for y in 0..height {
            sum.fill(0.0);
            for (dx, dy, w) in taps {
                let row = Edge::Mode(Mode::Reflect).place(y as i64 + i64::from(*dy), height).unwrap_or(0);
                let from = row * line + (reach as i64 + i64::from(*dx)) as usize * channels;
                for (s, v) in sum.iter_mut().zip(&all[from..from + n]) {
                    *s += w * v;
                }
            }
            let out = &mut made[y * n..(y + 1) * n];
            if channels == colours {
                out.iter_mut().zip(&sum).for_each(|(o, s)| *o = S::down(*s));
            } else {
                for (o, s) in out.chunks_exact_mut(channels).zip(sum.chunks_exact(channels)) {
                    o[..colours].iter_mut().zip(s).for_each(|(o, s)| *o = S::down(*s));
                }
            }
        }
        made
    }
    let samples = map_samples!(&picture.samples, s => wide!(run(s, (width, height, channels, colours), taps)));
    picture.like(width, height, samples)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{flat, grey, rough, sixteen, values};
    use super::*;

    fn spot(side: usize) -> Picture {
        let mut s = vec![0u16; side * side];
        s[side * side / 2] = 60000;
        sixteen(side, side, 1, s)
    }

    /// Sum, and variance along and down, of what a single bright pixel becomes.
    fn moments(kernel: &Kernel) -> (f64, f64, f64) {
        let mut p = spot(41);
        kernel.apply(&mut p);
        let (mut sum, mut xx, mut yy) = (0.0, 0.0, 0.0);
        for y in 0..41 {
            for x in 0..41 {
                let v = f64::from(p.at(x, y, 0));
                (sum, xx, yy) = (sum + v, xx + v * (x as f64 - 20.0).powi(2), yy + v * (y as f64 - 20.0).powi(2));
            }
        }
        (sum / 60000.0, xx / sum, yy / sum)
    }

    #[test]
    fn blurs_keep_the_light_and_are_as_wide_as_asked() {
        let cases = [
            (Kernel::Gaussian(2.0), 4.0, 4.0, 0.15),
            (Kernel::Box(3), 4.0, 4.0, 0.02),
            (Kernel::Motion(13.0, 0.0), 12.0, 0.0, 0.3),
            (Kernel::Motion(13.0, 90.0), 0.0, 12.0, 0.3),
            (Kernel::Motion(13.0, 45.0), 6.2, 6.2, 0.4),
            (Kernel::Disc(6.0), 9.75, 9.75, 1.0),
        ];
        for (kernel, xx, yy, slack) in cases {
            let (sum, x, y) = moments(&kernel);
            assert!(
                (sum - 1.0).abs() < 0.01 && (x - xx).abs() < slack && (y - yy).abs() < slack,
                "{kernel:?} {sum} {x} {y}"
            );
        }
    }

    #[test]
    fn flat_pictures_stay_and_opacity_too() {
        for kernel in
            [Kernel::Gaussian(1.3), Kernel::Box(9), Kernel::Motion(9.0, 33.0), Kernel::Disc(3.2), Kernel::Sharpen(2.0)]
        {
            let mut p = flat(5, 3, &[200, 31, 0, 99]);
            kernel.apply(&mut p);
            assert_eq!(p, flat(5, 3, &[200, 31, 0, 99]), "{kernel:?}");
            let mut p = rough(9, 9, 2);
            let before = values(&p);
            kernel.apply(&mut p);
            assert!(values(&p).iter().zip(&before).skip(1).step_by(2).all(|(a, b)| a == b));
            assert_ne!(values(&p), before);
        }
    }

    #[test]
    fn small_kernels_by_hand() {
        let mut p = grey(3, 1, &[0, 90, 30]);
        Kernel::Box(1).apply(&mut p);
        // Mirrored: 0 0 90 30 30.
        assert_eq!(values(&p), [30, 40, 50]);
        let mut dot = [0; 49];
        dot[24] = 100;
        let mut p = grey(7, 7, &dot);
        Kernel::Sharpen(1.0).apply(&mut p);
        // Twice the middle less the square of the bell's middle weight, 0.3991.
        assert_eq!(p.at(3, 3, 0), 184.0);
        let mut p = grey(3, 1, &[10, 20, 30]);
        Kernel::Emboss(1.0).apply(&mut p);
        assert!(p.at(1, 0, 0) > 20.0);
    }
}
