//! What a sample becomes by itself or with the other colours of its pixel. Opacity is left alone.
//!
//! A [`Curve`] depends on the sample alone, so it is a table; curves that follow one another are one table, and the result is the same
//! to the last bit, since each is rounded on its way. A [`Matrix`] mixes the colours of a pixel.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::picture::{Picture, Sample, Samples, floor, with_samples};
use super::words::{High, LANES, with_high};
use crate::wide::{looked_up, wide};

/// What a sample becomes; 0 is black and 1 white.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// `gain * v + offset`.
    Line {
        /// Steepness.
        gain: f64,
        /// At black.
        offset: f64,
    },
    /// `v ^ power`.
    Gamma(f64),
    /// `1 - v`.
    Invert,
    /// `1 - v` from a threshold up.
    Solarise(f64),
    /// The upper bits alone.
    Posterise(u32),
    /// A line for each of red, green and blue: gains. Nothing for grey pictures.
    Gains([f64; 3]),
}

/// Of all bytes as shares of 255; that of black is far enough below 0 for any power, and finite, for a power of 0.
static LOGARITHMS: LazyLock<[f64; 256]> =
    LazyLock::new(|| std::array::from_fn(|i| if i == 0 { -1e9 } else { libm::log(i as f64 / 255.0) }));

impl Curve {
    /// The table for samples of one depth; one for all colours, or one for each.
    pub(super) fn tables<S: Sample>(&self) -> Vec<Vec<S>> {
        let n = S::MAX as usize + 1;
        let table = |f: &dyn Fn(f64) -> f64| -> Vec<S> {
            (0..n).map(|i| S::down((f(i as f64 / f64::from(S::MAX)) * f64::from(S::MAX)) as f32)).collect()
        };
        match self {
            Curve::Line { gain, offset } => vec![table(&|v| gain * v + offset)],
            Curve::Gamma(power) if n == 256 => {
                // Powers would take a sixth of the time of a picture of 512 x 512.
                vec![
                    LOGARITHMS.iter().map(|log| S::down((libm::exp(power * log) * f64::from(S::MAX)) as f32)).collect(),
                ]
            }
            Curve::Gamma(power) => vec![table(&|v| libm::pow(v, *power))],
            Curve::Invert => vec![table(&|v| 1.0 - v)],
            Curve::Solarise(threshold) => vec![table(&|v| if v < *threshold { v } else { 1.0 - v })],
            Curve::Posterise(bits) => {
                let lost = (n.trailing_zeros()).saturating_sub(*bits);
                vec![(0..n).map(|i| S::down((i >> lost << lost) as f32)).collect()]
            }
            Curve::Gains(gains) => gains.iter().map(|g| table(&|v| g * v)).collect(),
        }
    }
}

/// Curves that are still to be applied, as one table a colour.
#[derive(Debug, Clone)]
pub(super) enum Pending {
    Eight(Vec<Vec<u8>>),
    Sixteen(Vec<Vec<u16>>),
}

impl Pending {
    /// `curve` after those in `before`.
    pub(super) fn after(before: Option<Pending>, curve: &Curve, picture: &Picture) -> Pending {
        match (before, picture.samples()) {
            (Some(Pending::Eight(t)), _) => Pending::Eight(follow(t, curve.tables())),
            (Some(Pending::Sixteen(t)), _) => Pending::Sixteen(follow(t, curve.tables())),
            (None, Samples::Eight(_)) => Pending::Eight(curve.tables()),
            (None, Samples::Sixteen(_)) => Pending::Sixteen(curve.tables()),
        }
    }

    /// What the picture becomes.
    pub(super) fn of(&self, picture: &Picture) -> Picture {
        let (channels, colours) = (picture.channels(), picture.colours());
        let samples = match (self, &picture.samples) {
            (Pending::Eight(t), Samples::Eight(s)) => Samples::Eight(look_up_bytes(s, t, channels, colours)),
            (Pending::Sixteen(t), Samples::Sixteen(s)) => {
                let mut made = s.clone();
                look_up(&mut made, t, channels, colours);
                Samples::Sixteen(made)
            }
            (_, other) => other.clone(),
        };
        picture.like(picture.width(), picture.height(), samples)
    }
}

/// As [`look_up`], into new memory. One table, or one for each colour.
fn look_up_bytes(from: &[u8], tables: &[Vec<u8>], channels: usize, colours: usize) -> Vec<u8> {
    if let ([table], true) = (tables, channels == colours) {
        let is = |f: &dyn Fn(u8) -> u8| table.iter().zip(0..=255).all(|(v, i)| *v == f(i));
        if is(&|i| 255 - i) {
            return wide!(from.iter().map(|v| 255 - v).collect());
        }
        // Some bits of each sample.
        let bits = table.iter().fold(0, |bits, v| bits | v);
        if is(&|i| i & bits) {
            return wide!(from.iter().map(|v| v & bits).collect());
        }
    }
    static SAME: [u8; 256] = {
        let mut same = [0; 256];
        let mut i = 0;
        while i < 256 {
            same[i] = i as u8;
            i += 1;
        }
        same
    };
    let table = |c: usize| -> &[u8; 256] {
        let table = match tables {
            [one] if c < colours => Some(one),
            // Each colour its own, which grey has not.
            many if colours == 3 => many.get(c),
            _ => None,
        };
        table.and_then(|t| t.as_slice().try_into().ok()).unwrap_or(&SAME)
    };
    match (channels, tables.len()) {
        (1, _) | (3, 1) => looked_up(&[table(0)], from),
        (2, _) => looked_up(&[0, 1].map(table), from),
        (3, _) => looked_up(&[0, 1, 2].map(table), from),
        _ => looked_up(&[0, 1, 2, 3].map(table), from),
    }
}

fn follow<S: Sample>(first: Vec<Vec<S>>, then: Vec<Vec<S>>) -> Vec<Vec<S>> {
    let n = first.len().max(then.len());
    (0..n).map(|c| first[c % first.len()].iter().map(|s| then[c % then.len()][s.index()]).collect()).collect()
}

fn look_up<S: Sample>(samples: &mut [S], tables: &[Vec<S>], channels: usize, colours: usize) {
    match (tables, channels == colours) {
        ([table], true) => samples.iter_mut().for_each(|s| *s = table[s.index()]),
        ([table], false) => {
            for pixel in samples.chunks_exact_mut(channels) {
                pixel[..colours].iter_mut().for_each(|s| *s = table[s.index()]);
            }
        }
        // Each colour its own, which grey has not.
        (tables, _) if colours == 3 => {
            for pixel in samples.chunks_exact_mut(channels) {
                pixel.iter_mut().zip(tables).for_each(|(s, table)| *s = table[s.index()]);
            }
        }
        _ => {}
    }
}

/// Runs `each` on the three colours of every pixel, from 0 to the greatest sample; nothing for grey pictures.
fn colours(picture: &mut Picture, each: impl Fn([f32; 3]) -> [f32; 3]) {
    let channels = picture.channels();
    if picture.colours() < 3 {
        return;
    }
    #[inline(always)]
    fn run<S: Sample, const C: usize>(samples: &mut [S], each: impl Fn([f32; 3]) -> [f32; 3]) {
        // Some pixels at a time, each colour by itself, so that the compiler makes vectors of them.
        const BLOCK: usize = 64;
        let [mut r, mut g, mut b] = [[0.0f32; BLOCK]; 3];
        for pixels in samples.as_chunks_mut::<C>().0.chunks_mut(BLOCK) {
            for (i, p) in pixels.iter().enumerate() {
                (r[i], g[i], b[i]) = (p[0].up(), p[1].up(), p[2].up());
            }
            for i in 0..BLOCK {
                [r[i], g[i], b[i]] = each([r[i], g[i], b[i]]);
            }
            for (i, p) in pixels.iter_mut().enumerate() {
                (p[0], p[1], p[2]) = (S::down(r[i]), S::down(g[i]), S::down(b[i]));
            }
        }
    }
    with_samples!(&mut picture.samples, s => match channels {
        3 => wide!(run::<_, 3>(s, each)),
        _ => wide!(run::<_, 4>(s, each)),
    });
}

/// Each new colour as a sum of the old ones and a part of white: rows of `[red, green, blue, white]`.
pub type Matrix = [[f64; 4]; 3];

/// Towards the grey of each pixel: 1 leaves it, 0 is grey, above 1 is more colourful.
pub(super) fn saturation(s: f64) -> Matrix {
    let grey = [0.299, 0.587, 0.114];
    std::array::from_fn(|i| {
        std::array::from_fn(|j| if j == 3 { 0.0 } else { (1.0 - s) * grey[j] + if i == j { s } else { 0.0 } })
    })
}

pub(super) fn mix(picture: &mut Picture, matrix: &Matrix) {
    let max = picture.max();
    let m = matrix.map(|row| row.map(|v| v as f32));
    let [a, b, c] = m.map(|row| move |[r, g, b]: [f32; 3]| row[0] * r + row[1] * g + row[2] * b + row[3] * max);
    colours(picture, |p| [a(p), b(p), c(p)]);
}

/// As [`mix`], of a picture that is left as it is. Bytes that become grey are summed in whole numbers.
pub(super) fn mixed(picture: &Picture, matrix: &Matrix) -> Picture {
    if let (Samples::Eight(s), Some(weights)) = (&picture.samples, grey_weights(matrix)) {
        let samples = match picture.channels() {
            3 => Some(with_high!(by => grey(by, s, weights))),
            4 => Some(with_high!(by => grey_with_opacity(by, s, weights))),
            _ => None,
        };
        if let Some(samples) = samples {
            return picture.like(picture.width(), picture.height(), Samples::Eight(samples));
        }
    }
    let mut made = picture.clone();
    mix(&mut made, matrix);
    made
}

/// What the colours count where all three become one grey, in 65536ths that add up to 65536.
fn grey_weights(matrix: &Matrix) -> Option<[u16; 3]> {
    let [row, others @ ..] = matrix;
    let [r, g, b, white] = *row;
    let fits = [r, g, b].iter().all(|w| (0.0..0.99).contains(w)) && white == 0.0 && (r + g + b - 1.0).abs() < 1e-9;
    let [r, b] = [r, b].map(|w| (w * 65536.0).round() as u16);
    (fits && others.iter().all(|other| other == row)).then(|| [r, (65536 - u32::from(r) - u32::from(b)) as u16, b])
}

/// In 256ths; each product is rounded down, and half of what that loses on the average given back.
#[inline(always)]
fn grey_of(by: impl High, weights: [u16; 3], planes: [[u8; BLOCK]; 3]) -> [u8; BLOCK] {
    let mut sum = [by.all(129); 2];
    for (plane, weight) in planes.iter().zip(weights) {
        let ([low, high], weight) = (by.upper(plane), by.again(weight));
        sum = [by.add(sum[0], by.high(low, weight)), by.add(sum[1], by.high(high, weight))];
    }
    by.narrow_woven(sum, 8)
}

/// Pixels that become grey at a time.
const BLOCK: usize = 2 * LANES;

#[inline(always)]
fn grey(by: impl High, from: &[u8], weights: [u16; 3]) -> Vec<u8> {
    // Some blocks at a time, which are copied while they are near.
    let mut line = [[0u8; 3 * BLOCK]; 16];
    let mut made = Vec::with_capacity(from.len());
    let (blocks, rest) = from.as_chunks::<{ 3 * BLOCK }>();
    for blocks in blocks.chunks(line.len()) {
        for (block, to) in blocks.iter().zip(&mut line) {
            let grey = grey_of(by, weights, by.part(block));
            *to = by.join([grey; 3]);
        }
        made.extend_from_slice(line[..blocks.len()].as_flattened());
    }
    let mut last = [0; 3 * BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    let grey = grey_of(by, weights, by.part(&last));
    made.extend_from_slice(&by.join([grey; 3])[..rest.len()]);
    made
}

/// As [`grey`], of pixels with opacity.
#[inline(always)]
fn grey_with_opacity(by: impl High, from: &[u8], weights: [u16; 3]) -> Vec<u8> {
    let mut made = Vec::with_capacity(from.len());
    let mut planes = [[0; BLOCK]; 3];
    let mut block = [[0u8; 4]; BLOCK];
    for pixels in from.as_chunks::<4>().0.chunks(BLOCK) {
        for (i, p) in pixels.iter().enumerate() {
            (planes[0][i], planes[1][i], planes[2][i]) = (p[0], p[1], p[2]);
        }
        let greys = grey_of(by, weights, planes);
        for ((p, to), grey) in pixels.iter().zip(&mut block).zip(greys) {
            *to = [grey, grey, grey, p[3]];
        }
        made.extend_from_slice(block[..pixels.len()].as_flattened());
    }
    made
}

/// Turns the hue by a share of the circle; lightness and saturation (HSV) stay.
pub(super) fn hue(picture: &mut Picture, turn: f64) {
    let shift = (turn.rem_euclid(1.0) * 6.0) as f32;
    colours(picture, |[r, g, b]| {
        let (max, min) = (r.max(g).max(b), r.min(g).min(b));
        let span = max - min;
        // Without branches: a grey pixel has a span of 0, and any hue of it is grey.
        let per = 1.0 / if span > 0.0 { span } else { 1.0 };
        let of_red = (g - b) * per;
        let of_green = (b - r) * per + 2.0;
        let of_blue = (r - g) * per + 4.0;
        let sector = if max == g { of_green } else { of_blue };
        let sector = if max == r { of_red } else { sector };
        // From -1 on; each colour is a trapezium of the sector, shifted by two.
        let h = sector + shift + 6.0;
        let of = |n: f32| {
            let k = h + n;
            let k = k - 6.0 * floor(k / 6.0);
            max - span * k.min(4.0 - k).clamp(0.0, 1.0)
        };
        [of(5.0), of(3.0), of(1.0)]
    });
}

/// The mean lightness, from 0 to 1.
fn mean(picture: &Picture) -> f64 {
    let (channels, max) = (picture.channels(), f64::from(picture.max()));
    let n = (picture.width() * picture.height()) as f64;
    let sums = with_samples!(picture.samples(), s => wide!(sums(s, channels)));
    let [r, g, b, _] = sums.map(|s| s as f64 / n / max);
    if channels < 3 { r } else { 0.299 * r + 0.587 * g + 0.114 * b }
}

/// The sum of each sample of the pixels. Whole numbers, so that no order of adding matters.
#[inline(always)]
fn sums<S: Sample>(samples: &[S], channels: usize) -> [u64; 4] {
    // Whole pixels, whatever their channels; as many blocks as cannot overflow.
    const BLOCK: usize = 48;
    let mut sums = [0u64; 4];
    let mut gather = |part: &[u32]| part.iter().enumerate().for_each(|(i, s)| sums[i % channels] += u64::from(*s));
    let (blocks, rest) = samples.as_chunks::<BLOCK>();
    for blocks in blocks.chunks(1 << 15) {
        let mut part = [0u32; BLOCK];
        for block in blocks {
            for i in 0..BLOCK {
                part[i] += block[i].index() as u32;
            }
        }
        gather(&part);
    }
    rest.iter().enumerate().for_each(|(i, s)| sums[i % channels] += s.index() as u64);
    sums
}

/// Contrast about the picture's mean lightness, as a curve.
pub(super) fn contrast(picture: &Picture, factor: f64) -> Curve {
    Curve::Line { gain: factor, offset: (1.0 - factor) * mean(picture) }
}

/// More light along the directions that the colours of this picture vary in (Krizhevsky et al. 2012): `weights` of its three principal
/// axes, each by the standard deviation along it.
pub(super) fn fancy_pca(picture: &mut Picture, weights: [f64; 3]) {
    let channels = picture.channels();
    if picture.colours() < 3 {
        return;
    }
    let max = f64::from(picture.max());
    let n = (picture.width() * picture.height()) as f64;
    let (mut first, mut second) = ([0.0f64; 3], [[0.0f64; 3]; 3]);
    with_samples!(picture.samples(), s => for p in s.chunks_exact(channels) {
        let v = [p[0], p[1], p[2]].map(|v| f64::from(v) / max);
        for i in 0..3 {
            first[i] += v[i] / n;
            for j in 0..3 {
                second[i][j] += v[i] * v[j] / n;
            }
        }
    });
    let covariance = std::array::from_fn(|i| std::array::from_fn(|j| second[i][j] - first[i] * first[j]));
    let (variances, vectors) = jacobi(covariance);
    let shift: [f64; 3] =
        std::array::from_fn(|i| (0..3).map(|k| vectors[i][k] * weights[k] * variances[k].max(0.0).sqrt()).sum());
    let one = |i: usize| {
        std::array::from_fn(|j| {
            if i == j {
                1.0
            } else if j == 3 {
                shift[i]
            } else {
                0.0
            }
        })
    };
    mix(picture, &std::array::from_fn(one));
}

/// Eigenvalues and eigenvectors (columns) of a symmetric matrix, by Jacobi's rotations.
fn jacobi(mut a: [[f64; 3]; 3]) -> ([f64; 3], [[f64; 3]; 3]) {
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..12 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q].abs() < 1e-18 {
                continue;
            }
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = if theta < 0.0 { -1.0 } else { 1.0 } / (theta.abs() + (theta * theta + 1.0).sqrt());
            let c = 1.0 / (t * t + 1.0).sqrt();
            let s = t * c;
            for row in [&mut a, &mut v] {
                for r in row.iter_mut() {
                    (r[p], r[q]) = (c * r[p] - s * r[q], s * r[p] + c * r[q]);
                }
            }
            (a[p], a[q]) = (
                std::array::from_fn(|k| c * a[p][k] - s * a[q][k]),
                std::array::from_fn(|k| s * a[p][k] + c * a[q][k]),
            );
        }
    }
    ([a[0][0], a[1][1], a[2][2]], v)
}

/// Every colour's samples spread so that each level is as frequent as it can be.
pub(super) fn equalise(picture: &Picture) -> Picture {
    let (channels, colours) = (picture.channels(), picture.colours());
    fn tables<S: Sample>(samples: &[S], channels: usize, colours: usize) -> Vec<Vec<S>> {
        let mut counts = vec![vec![0u64; S::MAX as usize + 1]; colours];
        for p in samples.chunks_exact(channels) {
            counts.iter_mut().zip(p).for_each(|(counts, s)| counts[s.index()] += 1);
        }
        counts.iter().map(|counts| equal(counts)).collect()
    }
    let pending = match &picture.samples {
        Samples::Eight(s) => Pending::Eight(tables(s, channels, colours)),
        Samples::Sixteen(s) => Pending::Sixteen(tables(s, channels, colours)),
    };
    pending.of(picture)
}

/// Every colour's samples stretched, so that the darkest is black and the lightest white. One level alone stays what it is.
pub(super) fn autocontrast(picture: &Picture) -> Picture {
    let (channels, colours) = (picture.channels(), picture.colours());
    #[inline(always)]
    fn tables<S: Sample + Ord>(samples: &[S], channels: usize, colours: usize) -> Vec<Vec<S>> {
        // Whole pixels at a time, whatever their channels.
        const BLOCK: usize = 48;
        let (blocks, rest) = samples.as_chunks::<BLOCK>();
        let (mut least, mut most) = ([S::down(S::MAX); BLOCK], [S::default(); BLOCK]);
        for block in blocks {
            for i in 0..BLOCK {
                least[i] = least[i].min(block[i]);
                most[i] = most[i].max(block[i]);
            }
        }
        for (i, s) in rest.iter().enumerate() {
            least[i] = least[i].min(*s);
            most[i] = most[i].max(*s);
        }
        let table = |c: usize| {
            let low = least.iter().skip(c).step_by(channels).fold(S::MAX, |low, v| low.min(v.up()));
            let high = most.iter().skip(c).step_by(channels).fold(0.0f32, |high, v| high.max(v.up()));
            let gain = S::MAX / (high - low);
            let stretched = |v: f32| S::down(if low < high { (v - low) * gain } else { v });
            (0..=S::MAX as u32).map(|i| stretched(i as f32)).collect()
        };
        (0..colours).map(table).collect()
    }
    let pending = match &picture.samples {
        Samples::Eight(s) => Pending::Eight(wide!(tables(s, channels, colours))),
        Samples::Sixteen(s) => Pending::Sixteen(wide!(tables(s, channels, colours))),
    };
    pending.of(picture)
}

/// Levels by their share of what is below, the lowest at 0. One level alone stays what it is.
fn equal<S: Sample>(counts: &[u64]) -> Vec<S> {
    let all: u64 = counts.iter().sum();
    let lowest = counts.iter().copied().find(|c| *c > 0).unwrap_or(0);
    let mut below = 0;
    counts
        .iter()
        .enumerate()
        .map(|(level, count)| {
            below += count;
            if all == lowest {
                return S::down(level as f32);
            }
            S::down((below.saturating_sub(lowest) as f64 / (all - lowest) as f64 * f64::from(S::MAX)) as f32)
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{eight, flat, grey, rough, values};
    use super::*;

    fn curve(curve: &Curve, samples: &[u8]) -> Vec<u8> {
        let p = grey(samples.len(), 1, samples);
        values(&Pending::after(None, curve, &p).of(&p))
    }

    #[test]
    fn curves_by_hand() {
        assert_eq!(curve(&Curve::Line { gain: 2.0, offset: -0.2 }, &[0, 51, 100, 255]), [0, 51, 149, 255]);
        assert_eq!(curve(&Curve::Gamma(2.0), &[0, 51, 255]), [0, 10, 255]);
        assert_eq!(curve(&Curve::Invert, &[0, 51, 255]), [255, 204, 0]);
        assert_eq!(curve(&Curve::Solarise(0.5), &[0, 127, 128, 255]), [0, 127, 127, 0]);
        assert_eq!(curve(&Curve::Posterise(2), &[0, 63, 64, 255]), [0, 0, 64, 192]);
        let p = flat(1, 1, &[100, 100, 100, 7]);
        let p = Pending::after(None, &Curve::Gains([0.5, 1.0, 2.0]), &p).of(&p);
        assert_eq!(values(&p), [50, 100, 200, 7]);
    }

    #[test]
    fn curves_together_are_curves_one_by_one() {
        let curves = [
            Curve::Gamma(0.6),
            Curve::Gains([0.9, 1.1, 0.8]),
            Curve::Line { gain: 1.3, offset: -0.1 },
            Curve::Posterise(5),
        ];
        let p = rough(20, 20, 4);
        let (mut one, all, mut pending) = (p.clone(), p, None);
        for c in &curves {
            one = Pending::after(None, c, &one).of(&one);
            pending = Some(Pending::after(pending, c, &all));
        }
        assert_eq!(one, pending.unwrap().of(&all));
    }

    #[test]
    fn hues_by_hand() {
        let turned = |p: [u8; 3], turn: f64| {
            let mut p = flat(1, 1, &p);
            hue(&mut p, turn);
            values(&p)
        };
        assert_eq!(turned([255, 0, 0], 1.0 / 3.0), [0, 255, 0]);
        assert_eq!(turned([255, 0, 0], -1.0 / 3.0), [0, 0, 255]);
        assert_eq!(turned([200, 100, 50], 0.5), [50, 150, 200]);
        assert_eq!(turned([9, 9, 9], 0.3), [9, 9, 9]);
        let p = rough(30, 30, 3);
        let mut q = p.clone();
        hue(&mut q, 0.0);
        assert_eq!(p, q);
    }

    #[test]
    fn saturation_and_contrast_by_hand() {
        let mut p = flat(1, 1, &[200, 100, 50]);
        mix(&mut p, &saturation(0.0));
        assert_eq!(values(&p), [124, 124, 124]);
        let p = eight(2, 1, 1, vec![50, 150]);
        assert_eq!(contrast(&p, 0.5), Curve::Line { gain: 0.5, offset: 0.5 * 100.0 / 255.0 });
    }

    #[test]
    fn stretched_samples_reach_both_ends() {
        let p = eight(3, 1, 2, vec![100, 9, 110, 8, 120, 7]);
        let p = autocontrast(&p);
        assert_eq!(values(&p), [0, 9, 128, 8, 255, 7]);
        let p = flat(2, 2, &[77]);
        let p = autocontrast(&p);
        assert_eq!(p, flat(2, 2, &[77]));
    }

    #[test]
    fn equalised_samples_are_uniform() {
        let p = grey(4, 1, &[10, 10, 20, 90]);
        let p = equalise(&p);
        assert_eq!(values(&p), [0, 0, 128, 255]);
        let p = flat(5, 5, &[77]);
        let p = equalise(&p);
        assert_eq!(p, flat(5, 5, &[77]));
    }

    #[test]
    fn axes_of_colour_are_found() {
        let (of, vectors) = jacobi([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 5.0]]);
        let mut sorted = of;
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.iter().zip([1.0, 3.0, 5.0]).all(|(a, b)| (a - b).abs() < 1e-12));
        for k in 0..3 {
            let v: [f64; 3] = std::array::from_fn(|i| vectors[i][k]);
            let av = [2.0 * v[0] + v[1], v[0] + 2.0 * v[1], 5.0 * v[2]];
            assert!((0..3).all(|i| (av[i] - of[k] * v[i]).abs() < 1e-12));
        }
        // All the variance is in red: the shift is red, by the weight times its deviation, 50.
        let mut p = eight(2, 1, 3, vec![50, 90, 90, 150, 90, 90]);
        fancy_pca(&mut p, [0.2, 0.2, 0.2]);
        assert!(values(&p) == [60, 90, 90, 160, 90, 90] || values(&p) == [40, 90, 90, 140, 90, 90]);
    }

    #[test]
    fn bytes_are_as_their_tables_have_them() {
        let all: Vec<u8> = (0..=255).collect();
        for curve in (1..=9).map(Curve::Posterise).chain([Curve::Invert, Curve::Solarise(0.4)]) {
            let p = eight(16, 16, 1, all.clone());
            let table = curve.tables::<u8>().concat();
            assert_eq!(values(&Pending::after(None, &curve, &p).of(&p)), table, "{curve:?}");
        }
        for power in [0.0, 0.05, 0.7, 1.0, 1.2, 20.0] {
            for (i, v) in Curve::Gamma(power).tables::<u8>()[0].iter().enumerate() {
                let exact = 255.0 * (i as f64 / 255.0).powf(power);
                assert!((f64::from(*v) - exact).abs() < 0.5001, "{power} {i} {v} {exact}");
            }
        }
    }

    #[test]
    fn grey_is_the_plain_one_and_near_the_sum() {
        let weights = grey_weights(&saturation(0.0)).unwrap();
        for (w, h) in [(1, 1), (31, 1), (32, 1), (67, 11)] {
            let (p, opaque) = (rough(w, h, 3), rough(w, h, 4));
            let seen = mixed(&p, &saturation(0.0));
            assert_eq!(values(&seen), super::grey(super::super::words::Each, &values(&p), weights));
            for (i, v) in values(&seen).iter().enumerate() {
                let [r, g, b] = [0, 1, 2].map(|c| p.at(i / 3 % w, i / 3 / w, c));
                assert!((f32::from(*v) - (0.299 * r + 0.587 * g + 0.114 * b)).abs() < 0.52);
            }
            let plain = grey_with_opacity(super::super::words::Each, &values(&opaque), weights);
            assert_eq!(values(&mixed(&opaque, &saturation(0.0))), plain);
        }
    }
}
