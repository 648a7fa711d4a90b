//! A picture as a JPEG file shows it (ITU-T T.81, baseline), without the file: what such a file loses is lost in the rounding of the
//! cosine transform's coefficients, and what comes after it, the code of their values, loses nothing and is left out.
//!
//! The file that is meant holds YCbCr, colour in half the width and height (4:2:0) as nearly all files do, with the tables of Annex K scaled by quality as is usual
//! (libjpeg's rule). Transforms are those of Arai, Agui and Nakajima (1988) in floats, whose factors are part of the tables; two decoders
//! of one file differ by as much as they do from this, a level.

use super::picture::{Picture, Sample, Samples};
use crate::wide::{OnSquare, Square, Turn, on_squares, wide};

/// Of lightness, row by row (T.81, table K.1).
const LIGHT: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
];

/// Of colour (T.81, table K.2): its upper left; all others are 99.
const COLOUR: [[u8; 4]; 4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]];

/// A square's side.
const SIDE: usize = 8;

/// What a coefficient is multiplied by before it is rounded, and after.
struct Table {
    before: Square,
    after: Square,
}

impl Table {
    fn new(quality: u8, base: impl Fn(usize, usize) -> u8) -> Table {
        let quality = u32::from(quality.clamp(1, 100));
        let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
        let step = |i: usize, j: usize| f64::from(((u32::from(base(i, j)) * scale + 50) / 100).clamp(1, 255));
        // By how much the fast transform's coefficients are too large along one side: 1, or sqrt(2) cos(i pi / 16).
        let factor = |i: usize| match i {
            0 => 1.0,
            i => std::f64::consts::SQRT_2 * libm::cos(i as f64 * std::f64::consts::PI / 16.0),
        };
        let square = |f: &dyn Fn(usize, usize) -> f64| -> Square {
            // The transform's coefficients have rows and columns changed.
            std::array::from_fn(|i| std::array::from_fn(|j| f(j, i) as f32))
        };
        Table {
            before: square(&|i, j| 1.0 / (step(i, j) * factor(i) * factor(j) * 8.0)),
            after: square(&|i, j| step(i, j) * factor(i) * factor(j) / 8.0),
        }
    }
}

/// The picture as a JPEG file of this quality, 1 to 100, shows it. What has 16 bits is stored in 8, as such files are. Opacity stays.
pub(super) fn jpeg(picture: &Picture, quality: u8) -> Picture {
    jpeg_of(picture, quality, 2)
}

/// With colour smaller by `half` both ways.
fn jpeg_of(picture: &Picture, quality: u8, half: usize) -> Picture {
    let channels = picture.channels();
    let samples = match &picture.samples {
        Samples::Eight(s) => Samples::Eight(stored(s, picture, quality, half)),
        Samples::Sixteen(s) => {
            let bytes: Vec<u8> = s.iter().map(|v| u8::down(v.up() / 257.0)).collect();
            let mut seen: Vec<u16> =
                stored(&bytes, picture, quality, half).iter().map(|v| u16::from(*v) * 257).collect();
            if picture.colours() < channels {
                let last = channels - 1;
                seen.iter_mut().zip(s).skip(last).step_by(channels).for_each(|(seen, s)| *seen = *s);
            }
            Samples::Sixteen(seen)
        }
    };
    picture.like(picture.width(), picture.height(), samples)
}

fn stored(bytes: &[u8], p: &Picture, quality: u8, half: usize) -> Vec<u8> {
    let light = Table::new(quality, |i, j| LIGHT[i * SIDE + j]);
    let colour = Table::new(quality, |i, j| COLOUR.get(i).and_then(|row| row.get(j)).copied().unwrap_or(99));
    match p.channels() {
        1 => strips::<1>(bytes, p.width(), &light, &colour, 1),
        2 => strips::<2>(bytes, p.width(), &light, &colour, 1),
        3 => strips::<3>(bytes, p.width(), &light, &colour, half),
        _ => strips::<4>(bytes, p.width(), &light, &colour, half),
    }
}

/// Some rows at a time: parted into planes, each plane through the transform and back, and put together. Colour is smaller by `half`
/// both ways, 1 or 2: the mean of so many pixels, which stands for all of them.
fn strips<const C: usize>(bytes: &[u8], width: usize, light: &Table, colour: &Table, half: usize) -> Vec<u8> {
    let side = SIDE * half;
    let wide = width.next_multiple_of(side);
    let narrow = wide / half;
    let [mut ys, mut us, mut vs] = [(); 3].map(|()| vec![0.0f32; wide * side]);
    let mut small = vec![0.0f32; narrow * SIDE];
    let mut line = vec![[0u8; C]; width];
    let mut made = Vec::with_capacity(bytes.len());
    let rows = bytes.as_chunks::<C>().0;
    for strip in rows.chunks(width * side) {
        let here: Vec<&[[u8; C]]> = strip.chunks_exact(width).collect();
        let last = here.len() - 1;
        for y in 0..side {
            // Beyond the edge the last row and the last pixel go on.
            let at = y * wide..(y + 1) * wide;
            wide!(part::<C>(here[y.min(last)], [&mut ys[at.clone()], &mut us[at.clone()], &mut vs[at]]));
        }
        ys.chunks_exact_mut(wide * SIDE).for_each(|plane| on_squares(plane, wide, Coefficients(light)));
        for plane in [&mut us, &mut vs].into_iter().take(if C < 3 { 0 } else { 2 }) {
            if half == 1 {
                on_squares(plane, wide, Coefficients(colour));
                continue;
            }
            for (two, to) in plane.chunks_exact(2 * wide).zip(small.chunks_exact_mut(narrow)) {
                wide!(halve(two.split_at(wide), to));
            }
            on_squares(&mut small, narrow, Coefficients(colour));
            for (two, from) in plane.chunks_exact_mut(2 * wide).zip(small.chunks_exact(narrow)) {
                let (upper, lower) = two.split_at_mut(wide);
                wide!(double(from, upper));
                lower.copy_from_slice(upper);
            }
        }
        for (y, row) in here.iter().enumerate() {
            wide!(join::<C>([&ys, &us, &vs].map(|p| &p[y * wide..y * wide + width]), row, &mut line));
            made.extend_from_slice(line.as_flattened());
        }
    }
    made
}

/// The mean of each two by two, to the nearest whole number.
#[inline(always)]
fn halve((upper, lower): (&[f32], &[f32]), to: &mut [f32]) {
    let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
    to.iter_mut().zip(pairs).for_each(|(to, (a, b))| *to = nearest(0.25 * (a[0] + a[1] + b[0] + b[1])));
}

/// Each twice.
#[inline(always)]
fn double(from: &[f32], to: &mut [f32]) {
    to.as_chunks_mut::<2>().0.iter_mut().zip(from).for_each(|(to, from)| *to = [*from; 2]);
}

/// The nearest whole number, for numbers of a few thousand at most; of two the even one.
#[inline(always)]
fn nearest(x: f32) -> f32 {
    const UP: f32 = (3 << 22) as f32;
    (x + UP) - UP
}

/// Pixels that are worked on at a time.
const BLOCK: usize = 64;

/// A row of pixels as lightness and colour about 0, each whole.
#[inline(always)]
fn part<const C: usize>(row: &[[u8; C]], [ys, us, vs]: [&mut [f32]; 3]) {
    let width = row.len();
    for (k, pixels) in row.chunks(BLOCK).enumerate() {
        let at = k * BLOCK..k * BLOCK + pixels.len();
        if C < 3 {
            ys[at].iter_mut().zip(pixels).for_each(|(y, p)| *y = f32::from(p[0]) - 128.0);
            continue;
        }
        let [mut r, mut g, mut b] = [[0u8; BLOCK]; 3];
        for (i, p) in pixels.iter().enumerate() {
            (r[i], g[i], b[i]) = (p[0], p[1], p[2]);
        }
        let (ys, us, vs) = (&mut ys[at.clone()], &mut us[at.clone()], &mut vs[at]);
        for i in 0..pixels.len().min(BLOCK) {
            let [r, g, b] = [r[i], g[i], b[i]].map(f32::from);
            ys[i] = nearest(0.299 * r + 0.587 * g + 0.114 * b - 128.0);
            us[i] = nearest(-0.168_735_9 * r - 0.331_264_1 * g + 0.5 * b).min(127.0);
            vs[i] = nearest(0.5 * r - 0.418_687_6 * g - 0.081_312_4 * b).min(127.0);
        }
    }
    for plane in [ys, us, vs] {
        let last = plane[width - 1];
        plane[width..].fill(last);
    }
}

/// And back.
#[inline(always)]
fn join<const C: usize>([ys, us, vs]: [&[f32]; 3], old: &[[u8; C]], out: &mut [[u8; C]]) {
    let blocks = ys.chunks(BLOCK).zip(us.chunks(BLOCK)).zip(vs.chunks(BLOCK)).zip(old.chunks(BLOCK));
    for ((((ys, us), vs), old), out) in blocks.zip(out.chunks_mut(BLOCK)) {
        if C < 3 {
            out.iter_mut().zip(ys).for_each(|(o, y)| o[0] = u8::down(y + 128.0));
        } else {
            let [mut r, mut g, mut b] = [[0u8; BLOCK]; 3];
            for (i, ((y, u), v)) in ys.iter().zip(us).zip(vs).enumerate().take(BLOCK) {
                let y = y + 128.0;
                r[i] = u8::down(y + 1.402 * v);
                g[i] = u8::down(y - 0.344_136_3 * u - 0.714_136_3 * v);
                b[i] = u8::down(y + 1.772 * u);
            }
            for (i, o) in out.iter_mut().enumerate().take(BLOCK) {
                (o[0], o[1], o[2]) = (r[i], g[i], b[i]);
            }
        }
        if C.is_multiple_of(2) {
            out.iter_mut().zip(old).for_each(|(o, old)| o[C - 1] = old[C - 1]);
        }
    }
}

/// What happens to a square of samples about 0.
#[derive(Clone, Copy)]
struct Coefficients<'a>(&'a Table);

impl OnSquare for Coefficients<'_> {
    #[inline(always)]
    fn work(self, square: Square, turn: impl Turn) -> Square {
        let Coefficients(table) = self;
        // Down, then along.
        let mut c = forward(turn.turn(forward(square)));
        for (row, (before, after)) in c.iter_mut().zip(table.before.iter().zip(&table.after)) {
            for (c, (before, after)) in row.iter_mut().zip(before.iter().zip(after)) {
                *c = nearest(*c * before) * after;
            }
        }
        let seen = backward(turn.turn(backward(c)));
        let mut made = seen;
        for row in &mut made {
            for v in row {
                *v = nearest(*v).clamp(-128.0, 127.0);
            }
        }
        made
    }
}

/// Arithmetic on a row of numbers.
#[derive(Clone, Copy)]
struct Row([f32; SIDE]);

impl std::ops::Add for Row {
    type Output = Row;
    #[inline(always)]
    fn add(self, other: Row) -> Row {
        let mut made = self;
        for i in 0..SIDE {
            made.0[i] += other.0[i];
        }
        made
    }
}

impl std::ops::Sub for Row {
    type Output = Row;
    #[inline(always)]
    fn sub(self, other: Row) -> Row {
        let mut made = self;
        for i in 0..SIDE {
            made.0[i] -= other.0[i];
        }
        made
    }
}

impl std::ops::Mul<f32> for Row {
    type Output = Row;
    #[inline(always)]
    fn mul(self, by: f32) -> Row {
        let mut made = self;
        for v in &mut made.0 {
            *v *= by;
        }
        made
    }
}

const SQRT_2: f32 = std::f32::consts::SQRT_2;
/// cos(3 pi / 8), and the sum and difference of cosines that the transform needs.
const C6: f32 = 0.382_683_43;
const C2_LESS_C6: f32 = 0.541_196_1;
const C2_AND_C6: f32 = 1.306_563;

/// The transform down the columns of a square.
#[inline(always)]
fn forward(square: Square) -> Square {
    let [x0, x1, x2, x3, x4, x5, x6, x7] = square;
    let (x0, x1, x2, x3, x4, x5, x6, x7) = (Row(x0), Row(x1), Row(x2), Row(x3), Row(x4), Row(x5), Row(x6), Row(x7));
    let (s0, s1, s2, s3) = (x0 + x7, x1 + x6, x2 + x5, x3 + x4);
    let (d0, d1, d2, d3) = (x0 - x7, x1 - x6, x2 - x5, x3 - x4);
    let (a, b, c, d) = (s0 + s3, s1 + s2, s1 - s2, s0 - s3);
    let e = (c + d) * (SQRT_2 / 2.0);
    let (f, g, h) = (d3 + d2, d2 + d1, d1 + d0);
    let turned = (f - h) * C6;
    let (low, high, middle) = (f * C2_LESS_C6 + turned, h * C2_AND_C6 + turned, g * (SQRT_2 / 2.0));
    let (p, q) = (d0 + middle, d0 - middle);
    [(a + b).0, (p + high).0, (d + e).0, (q - low).0, (a - b).0, (q + low).0, (d - e).0, (p - high).0]
}

/// Its inverse, but for a factor.
#[inline(always)]
fn backward(square: Square) -> Square {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = square;
    let (c0, c1, c2, c3, c4, c5, c6, c7) = (Row(c0), Row(c1), Row(c2), Row(c3), Row(c4), Row(c5), Row(c6), Row(c7));
    let (a, b, c) = (c0 + c4, c0 - c4, c2 + c6);
    let d = (c2 - c6) * SQRT_2 - c;
    let (s0, s1, s2, s3) = (a + c, b + d, b - d, a - c);
    let (p, q, r, s) = (c5 + c3, c5 - c3, c1 + c7, c1 - c7);
    let last = r + p;
    let turned = (q + s) * (2.0 * (C2_LESS_C6 + C6));
    let third = turned - q * (2.0 * C2_AND_C6) - last;
    let second = (r - p) * SQRT_2 - third;
    let first = turned - s * (2.0 * C2_LESS_C6) - second;
    let upper = [(s0 + last).0, (s1 + third).0, (s2 + second).0, (s3 + first).0];
    let [a, b, c, d] = upper;
    [a, b, c, d, (s3 - first).0, (s2 - second).0, (s1 - third).0, (s0 - last).0]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
    use image::{DynamicImage, ExtendedColorType};

    use super::super::testkit::{difference, eight, flat, rough, smooth, values};
    use super::*;

    #[test]
    fn compression_loses_more_where_the_quality_is_lower() {
        for channels in 1..=4 {
            let p = smooth(64, 48, channels);
            let lost = [95, 30, 2].map(|quality| difference(&p, &jpeg(&p, quality), 0));
            assert!(lost[0] < 2.0 && lost[0] < lost[1] && lost[1] < lost[2] && lost[2] < 30.0, "{channels} {lost:?}");
        }
    }

    #[test]
    fn the_transform_is_the_cosine_transform() {
        let x: [f32; 8] = [3.0, -50.0, 100.0, 7.0, 0.0, 12.0, -128.0, 127.0];
        let mut square = [[0.0; 8]; 8];
        (0..8).for_each(|i| square[i][0] = x[i]);
        let made = forward(square);
        for (k, row) in made.iter().enumerate() {
            let angle = |i: usize| (2 * i + 1) as f64 * k as f64 * std::f64::consts::PI / 16.0;
            let sum: f64 = (0..8).map(|i| f64::from(x[i]) * libm::cos(angle(i))).sum();
            let scale =
                if k == 0 { 1.0 } else { std::f64::consts::SQRT_2 * libm::cos(k as f64 * std::f64::consts::PI / 16.0) };
            // sqrt(1/8) or sqrt(2/8) of T.81, less what the tables hold: 1/sqrt(8).
            let norm = if k == 0 { 1.0 } else { std::f64::consts::SQRT_2 };
            assert!((f64::from(row[0]) - sum * norm * scale).abs() < 1e-3, "{k}: {} {}", row[0], sum * norm * scale);
        }
    }

    fn file(p: &Picture, quality: u8) -> Picture {
        let mut file = Vec::new();
        let kind = if p.channels() == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        let (w, h) = (p.width(), p.height());
        JpegEncoder::new_with_quality(&mut file, quality).encode(&values(p), w as u32, h as u32, kind).unwrap();
        let seen = DynamicImage::from_decoder(JpegDecoder::new(std::io::Cursor::new(&file)).unwrap()).unwrap();
        match p.channels() {
            1 => eight(w, h, 1, seen.into_luma8().into_raw()),
            _ => eight(w, h, 3, seen.into_rgb8().into_raw()),
        }
    }

    #[test]
    fn what_is_seen_is_what_a_file_shows() {
        for (w, h, channels) in [(64, 48, 3), (61, 45, 3), (50, 33, 1)] {
            // The encoder cuts an eighth of its coefficients off to whole numbers before it rounds them, half a level on average: where
            // all are large, many end up a step away.
            for (p, own, share) in [(smooth(w, h, channels), 0.75, 0.05), (rough(w, h, channels), 1.5, 0.1)] {
                for quality in [1, 10, 50, 75, 95, 100] {
                    // That encoder leaves colour in full size.
                    let (ours, theirs) = (jpeg_of(&p, quality, 1), file(&p, quality));
                    let (lost, apart) = (difference(&p, &theirs, 0), difference(&ours, &theirs, 0));
                    assert!(apart < own + share * lost, "{w} {h} {channels} {quality}: {apart}, lost {lost}");
                    let lost_here = difference(&p, &ours, 0);
                    assert!(
                        (lost_here - lost).abs() < 0.5 + 0.05 * lost,
                        "{w} {h} {channels} {quality}: {lost_here}, {lost}"
                    );
                }
            }
        }
    }

    #[test]
    fn colour_is_the_mean_of_four_pixels() {
        // Lightness alike, colours that differ: at the best quality each four pixels show their mean.
        let (a, b) = ([200, 100, 100], [100, 151, 100]);
        let samples = (0..33 * 19).flat_map(|i| if (i % 33 + i / 33) % 2 == 0 { a } else { b }).collect();
        let seen = jpeg(&eight(33, 19, 3, samples), 100);
        for (i, v) in values(&seen).iter().enumerate() {
            // Beyond the edge the last pixel goes on.
            if i / 3 % 33 < 32 && i / 99 < 18 {
                assert!((f32::from(*v) - [150.0, 125.5, 100.0][i % 3]).abs() <= 2.0, "{i} {v}");
            }
        }
        // And in full size what is there.
        let p = smooth(40, 40, 3);
        assert!(difference(&jpeg_of(&p, 100, 1), &p, 0) < 0.75);
        assert!(difference(&jpeg(&p, 100), &p, 0) < 2.5);
    }

    #[test]
    fn squares_are_as_the_definition_has_them() {
        let (p, quality) = (rough(8, 8, 1), 60);
        let before: Vec<f64> = values(&p).iter().map(|v| f64::from(*v) - 128.0).collect();
        let wave = |x: usize, u: usize| {
            let scale = if u == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
            0.5 * scale * libm::cos((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0)
        };
        let pairs = || (0..64).map(|i| (i / 8, i % 8));
        // Quality 60 is 80 % of each step.
        let coefficients: Vec<f64> = pairs()
            .map(|(v, u)| {
                let sum: f64 = pairs().map(|(y, x)| before[y * 8 + x] * wave(x, u) * wave(y, v)).sum();
                let step = f64::from((u32::from(LIGHT[v * 8 + u]) * 80 + 50) / 100);
                (sum / step).round() * step
            })
            .collect();
        let seen = values(&jpeg(&p, quality));
        for (i, (y, x)) in pairs().enumerate() {
            let sum: f64 = pairs().map(|(v, u)| coefficients[v * 8 + u] * wave(x, u) * wave(y, v)).sum();
            assert!((f64::from(seen[i]) - (sum + 128.0).clamp(0.0, 255.0)).abs() < 0.51, "{x} {y}");
        }
    }

    #[test]
    fn flat_grey_stays_and_opacity_too() {
        assert_eq!(jpeg(&flat(9, 17, &[128, 128, 128, 7]), 60), flat(9, 17, &[128, 128, 128, 7]));
        let p = rough(9, 17, 2);
        let after = values(&jpeg(&p, 20));
        assert!(after.iter().zip(values(&p)).skip(1).step_by(2).all(|(a, b)| *a == b));
    }
}
