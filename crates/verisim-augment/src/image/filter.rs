//! What a pixel becomes with its neighbours: blurs, sharpening, medians. Beyond the edge the picture is mirrored. Opacity is left alone.
//!
//! Sums go over whole rows at a time, so that the compiler makes vectors of them: down first, weighted rows added up; then along.

use serde::{Deserialize, Serialize};

use super::edge::{Edge, Mode};
use super::picture::{Picture, Sample, Samples, with_samples};

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

    pub(super) fn apply(&self, picture: &mut Picture) {
        match self {
            Kernel::Gaussian(sigma) => separable(picture, &bell(*sigma), 1.0, 0.0),
            Kernel::Box(n) => separable(picture, &vec![1.0 / (2 * n + 1) as f32; 2 * n + 1], 1.0, 0.0),
            Kernel::Sharpen(amount) => separable(picture, &bell(1.0), -*amount as f32, 1.0 + *amount as f32),
            Kernel::Motion(length, degrees) => sparse(picture, &segment(*length, *degrees)),
            Kernel::Disc(radius) => sparse(picture, &disc(*radius)),
            Kernel::Emboss(amount) => {
                let a = *amount as f32;
                let taps = [(-1, -1, -a), (0, -1, -a), (-1, 0, -a), (0, 0, 1.0), (1, 0, a), (0, 1, a), (1, 1, a)];
                sparse(picture, &taps.to_vec());
            }
        }
    }
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
struct Rows<'a, S> {
    samples: &'a [S],
    width: usize,
    height: usize,
    channels: usize,
}

impl<S: Sample> Rows<'_, S> {
    fn row(&self, y: i64) -> &[S] {
        let y = Edge::Mode(Mode::Reflect).place(y, self.height).unwrap_or(0);
        &self.samples[y * self.width * self.channels..(y + 1) * self.width * self.channels]
    }
}

/// Fills what is beyond both ends of a row, of which `reach` pixels on each side are to be mirrored.
fn mirror(row: &mut [f32], width: usize, channels: usize, reach: usize) {
    for i in 0..reach {
        let sides = [(reach - 1 - i, -1 - i as i64), (reach + width + i, (width + i) as i64)];
        for (to, place) in sides {
            let from = reach + Edge::Mode(Mode::Reflect).place(place, width).unwrap_or(0);
            row.copy_within(from * channels..(from + 1) * channels, to * channels);
        }
    }
}

/// `gain` times the sum by `weights` both ways plus `own` times the sample itself.
fn separable(picture: &mut Picture, weights: &[f32], gain: f32, own: f32) {
    let (width, height, channels, colours) = (picture.width(), picture.height(), picture.channels(), picture.colours());
    fn run<S: Sample>(
        samples: &mut Vec<S>,
        (width, height, channels, colours): (usize, usize, usize, usize),
        weights: &[f32],
        (gain, own): (f32, f32),
    ) {
        let reach = weights.len() / 2;
        let rows = Rows { samples, width, height, channels };
        let n = width * channels;
        let mut wide = vec![0.0f32; (width + 2 * reach) * channels];
        let mut sum = vec![0.0f32; n];
        let mut made = Vec::with_capacity(samples.len());
        for y in 0..height as i64 {
            let middle = &mut wide[reach * channels..reach * channels + n];
            for (m, s) in middle.iter_mut().zip(rows.row(y)) {
                *m = weights[reach] * s.up();
            }
            for k in 1..=reach {
                let (up, down, w) = (rows.row(y - k as i64), rows.row(y + k as i64), weights[reach + k]);
                for ((m, u), d) in middle.iter_mut().zip(up).zip(down) {
                    *m += w * (u.up() + d.up());
                }
            }
            mirror(&mut wide, width, channels, reach);
            for (s, m) in sum.iter_mut().zip(&wide[reach * channels..]) {
                *s = weights[reach] * m;
            }
            for k in 1..=reach {
                let (left, right) = (&wide[(reach - k) * channels..], &wide[(reach + k) * channels..]);
                for ((s, l), r) in sum.iter_mut().zip(left).zip(right) {
                    *s += weights[reach + k] * (l + r);
                }
            }
            let start = made.len();
            if own == 0.0 {
                made.extend(sum.iter().map(|s| S::down(*s * gain)));
            } else {
                made.extend(sum.iter().zip(rows.row(y)).map(|(s, o)| S::down(gain * s + own * o.up())));
            }
            keep_opacity(&mut made[start..], rows.row(y), channels, colours);
        }
        *samples = made;
    }
    with_samples!(&mut picture.samples, s => run(s, (width, height, channels, colours), weights, (gain, own)));
}

fn keep_opacity<S: Sample>(made: &mut [S], old: &[S], channels: usize, colours: usize) {
    if channels != colours {
        for (m, o) in made.chunks_exact_mut(channels).zip(old.chunks_exact(channels)) {
            m[colours] = o[colours];
        }
    }
}

/// The sum by weights of any neighbours.
fn sparse(picture: &mut Picture, taps: &Taps) {
    let (width, height, channels, colours) = (picture.width(), picture.height(), picture.channels(), picture.colours());
    fn run<S: Sample>(
        samples: &mut [S],
        (width, height, channels, colours): (usize, usize, usize, usize),
        taps: &Taps,
    ) {
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
        for y in 0..height {
            sum.fill(0.0);
            for (dx, dy, w) in taps {
                let row = Edge::Mode(Mode::Reflect).place(y as i64 + i64::from(*dy), height).unwrap_or(0);
                let from = row * line + (reach as i64 + i64::from(*dx)) as usize * channels;
                for (s, v) in sum.iter_mut().zip(&all[from..from + n]) {
                    *s += w * v;
                }
            }
            let out = &mut samples[y * n..(y + 1) * n];
            if channels == colours {
                out.iter_mut().zip(&sum).for_each(|(o, s)| *o = S::down(*s));
            } else {
                for (o, s) in out.chunks_exact_mut(channels).zip(sum.chunks_exact(channels)) {
                    o[..colours].iter_mut().zip(s).for_each(|(o, s)| *o = S::down(*s));
                }
            }
        }
    }
    with_samples!(&mut picture.samples, s => run(s, (width, height, channels, colours), taps));
}

/// The median of a square of `reach` pixels each way from its middle.
pub(super) fn median(picture: &mut Picture, reach: usize) {
    let (width, height, channels, colours) = (picture.width(), picture.height(), picture.channels(), picture.colours());
    fn small<S: Sample + Ord>(samples: &mut Vec<S>, (width, height, channels, colours): (usize, usize, usize, usize)) {
        let rows = Rows { samples, width, height, channels };
        let n = width * channels;
        // Each column of three sorted; then the median of nine is that of the greatest low, the middle middle and the least high.
        let [mut low, mut mid, mut high] = [(); 3].map(|()| vec![S::default(); n + 2 * channels]);
        let mut made = Vec::with_capacity(samples.len());
        for y in 0..height as i64 {
            let (above, own, under) = (&rows.row(y - 1)[..n], &rows.row(y)[..n], &rows.row(y + 1)[..n]);
            // Slices of one length, so that the loops have no checks within and become vectors.
            let of = channels..channels + n;
            let (l, m, h) = (&mut low[of.clone()], &mut mid[of.clone()], &mut high[of]);
            for i in 0..n {
                let (a, b, c) = (above[i], own[i], under[i]);
                let (least, most) = (a.min(b), a.max(b));
                l[i] = least.min(c);
                h[i] = most.max(c);
                m[i] = most.min(c).max(least);
            }
            for column in [&mut low, &mut mid, &mut high] {
                column.copy_within(channels..2 * channels, 0);
                column.copy_within(n..n + channels, n + channels);
            }
            let start = made.len();
            made.resize(start + n, S::default());
            let out = &mut made[start..start + n];
            let middle = |a: S, b: S, c: S| a.max(b).min(c).max(a.min(b));
            let [[l0, l1, l2], [m0, m1, m2], [h0, h1, h2]] =
                [&low, &mid, &high].map(|column| [0, 1, 2].map(|i| &column[i * channels..i * channels + n]));
            for i in 0..n {
                let (low, high) = (l0[i].max(l1[i]).max(l2[i]), h0[i].min(h1[i]).min(h2[i]));
                out[i] = middle(low, middle(m0[i], m1[i], m2[i]), high);
            }
            keep_opacity(&mut made[start..], own, channels, colours);
        }
        *samples = made;
    }
    fn large<S: Sample + Ord>(
        samples: &mut Vec<S>,
        (width, height, channels, colours): (usize, usize, usize, usize),
        reach: usize,
    ) {
        let rows = Rows { samples, width, height, channels };
        let mut made = samples.clone();
        let side = reach as i64;
        let mut around = Vec::with_capacity((2 * reach + 1) * (2 * reach + 1));
        let columns: Vec<usize> = (-side..width as i64 + side)
            .map(|x| Edge::Mode(Mode::Reflect).place(x, width).unwrap_or(0) * channels)
            .collect();
        for y in 0..height {
            for x in 0..width {
                for c in 0..colours {
                    around.clear();
                    for dy in -side..=side {
                        let row = rows.row(y as i64 + dy);
                        around.extend(columns[x..=x + 2 * reach].iter().map(|at| row[at + c]));
                    }
                    let half = around.len() / 2;
                    made[(y * width + x) * channels + c] = *around.select_nth_unstable(half).1;
                }
            }
        }
        *samples = made;
    }
    let size = (width, height, channels, colours);
    match (&mut picture.samples, reach) {
        (Samples::Eight(s), 1) => small(s, size),
        (Samples::Sixteen(s), 1) => small(s, size),
        (Samples::Eight(s), _) => large(s, size, reach),
        (Samples::Sixteen(s), _) => large(s, size, reach),
    }
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

    #[test]
    fn medians_by_hand_and_both_ways_the_same() {
        let mut p = grey(3, 3, &[1, 2, 3, 4, 99, 6, 7, 8, 9]);
        median(&mut p, 1);
        assert_eq!(p.at(1, 1, 0), 6.0);
        // 1 1 2, 1 1 2, 4 4 99: the median of the corner.
        assert_eq!(p.at(0, 0, 0), 2.0);
        let p = rough(23, 17, 4);
        let mut small = p.clone();
        median(&mut small, 1);
        for y in 1..16 {
            for x in 1..22 {
                let mut nine: Vec<f32> = (0..9).map(|i| p.at(x + i % 3 - 1, y + i / 3 - 1, 2)).collect();
                nine.sort_by(f32::total_cmp);
                assert_eq!(small.at(x, y, 2), nine[4]);
            }
        }
        let mut large = rough(23, 17, 1);
        let before = large.clone();
        median(&mut large, 2);
        let mut all: Vec<f32> = (0..25).map(|i| before.at(8 + i % 5, 6 + i / 5, 0)).collect();
        all.sort_by(f32::total_cmp);
        assert_eq!(large.at(10, 8, 0), all[12]);
    }
}
