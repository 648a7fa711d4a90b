//! Blurs of bytes in whole numbers. Beyond the edge the picture is mirrored. Opacity is left alone.

use super::filter::{Rows, keep_opacity, mirror};
use super::whole::{High, LANES, Words, high, with_high};

/// Width, height, channels and colours.
type Size = (usize, usize, usize, usize);

/// The farthest that [`bell`] reaches: what more products would lose to rounding shows.
pub(super) const BELL: usize = 30;
/// The farthest that [`mean`] reaches: the sum of a larger square does not fit.
pub(super) const MEAN: usize = 5;

/// Sums by weights both ways, which are the same on both sides of the middle, from 0 up, and add up to 1.
///
/// A weight is in 65536ths, a sum in 128ths; each product is rounded down, and half of what that loses on the average given back.
pub(super) fn bell(samples: &[u8], size: Size, weights: &[f32]) -> Vec<u8> {
    let (_, after) = weights.split_at(weights.len() / 2);
    let sides: Vec<u16> = after[1..].iter().map(|w| (w * 65536.0 + 0.5) as u16).collect();
    let rest = 65536 - 2 * sides.iter().map(|w| i64::from(*w)).sum::<i64>();
    let own = rest.clamp(0, 65535) as u16;
    with_high!(by => bell_rows(by, samples, size, own, &sides))
}

/// Some of a row from `at` on; all zero where there are not as many. Behind a row there may be anything.
#[inline(always)]
fn some<'a, T>(row: &'a [T], at: usize, none: &'a [T; LANES]) -> &'a [T; LANES] {
    row.get(at..).and_then(|row| row.first_chunk()).unwrap_or(none)
}

const NONE: [u8; LANES] = [0; LANES];
const NOTHING: Words = [0; LANES];

#[inline(always)]
fn bell_rows(
    by: impl High,
    samples: &[u8],
    (width, height, channels, colours): Size,
    own: u16,
    sides: &[u16],
) -> Vec<u8> {
    let reach = sides.len();
    let half = (reach as u16).div_ceil(2);
    let rows = Rows { samples, width, height, channels };
    let (n, before) = (width * channels, reach * channels);
    // Room for whole lanes behind the last.
    let mut sums = vec![0u16; n + 2 * before + LANES];
    let mut line = vec![0u8; n + LANES];
    let mut made = Vec::with_capacity(samples.len());
    let mut pairs: Vec<(&[u8], &[u8])> = Vec::with_capacity(reach);
    for y in 0..height as i64 {
        let here = rows.row(y);
        pairs.clear();
        pairs.extend((1..=reach as i64).map(|k| (rows.row(y - k), rows.row(y + k))));
        let whole = n / LANES * LANES;
        for i in (0..whole).step_by(LANES) {
            let middle = by.left::<7>(by.bytes(some(here, i, &NONE)));
            let mut sum = by.add(by.all(half), by.high(middle, by.all(own)));
            for (&(up, down), &w) in pairs.iter().zip(sides) {
                let pair = by.add(by.bytes(some(up, i, &NONE)), by.bytes(some(down, i, &NONE)));
                sum = by.add(sum, by.high(by.left::<7>(pair), by.all(w)));
            }
            if let Some(to) = sums[before + i..].first_chunk_mut() {
                by.store(sum, to);
            }
        }
        for i in whole..n {
            let first = half + high(u16::from(here[i]) << 7, own);
            sums[before + i] = pairs
                .iter()
                .zip(sides)
                .fold(first, |sum, ((up, down), &w)| sum + high((u16::from(up[i]) + u16::from(down[i])) << 7, w));
        }
        mirror(&mut sums, width, channels, reach);
        for i in (0..n).step_by(LANES) {
            let at = before + i;
            let middle = by.high(by.words(some(&sums, at, &NOTHING)), by.all(own));
            let mut sum = by.add(by.all(half + 64), middle);
            for (k, &w) in sides.iter().enumerate() {
                let aside = (k + 1) * channels;
                let (left, right) = (some(&sums, at - aside, &NOTHING), some(&sums, at + aside, &NOTHING));
                sum = by.add(sum, by.high(by.add(by.words(left), by.words(right)), by.all(w)));
            }
            let mut words = NOTHING;
            by.store(sum, &mut words);
            if let Some(to) = line[i..].first_chunk_mut::<LANES>() {
                for j in 0..LANES {
                    to[j] = (words[j] >> 7) as u8;
                }
            }
        }
        keep_opacity(&mut line[..n], here, channels, colours);
        made.extend_from_slice(&line[..n]);
    }
    made
}

/// The mean of a square of `reach` pixels each way, rounded to the nearest.
pub(super) fn mean(samples: &[u8], size: Size, reach: usize) -> Vec<u8> {
    with_high!(by => mean_rows(by, samples, size, reach))
}

#[inline(always)]
fn mean_rows(by: impl High, samples: &[u8], (width, height, channels, colours): Size, reach: usize) -> Vec<u8> {
    let rows = Rows { samples, width, height, channels };
    let (n, before) = (width * channels, reach * channels);
    let area = (2 * reach + 1).pow(2) as u16;
    // A product instead of a quotient, exact for all sums of up to 121 bytes: they are below 2^15, so what the factor is too large by
    // makes less than 1 / area.
    let shift = area.ilog2();
    let factor = (1u32 << (16 + shift)).div_ceil(u32::from(area)).min(65535) as u16;
    let mut sums = vec![0u16; n + 2 * before + LANES];
    let mut line = vec![0u8; n + LANES];
    let mut made = Vec::with_capacity(samples.len());
    let side = reach as i64;
    for y in -side..=side {
        sums[before..].iter_mut().zip(rows.row(y)).for_each(|(sum, s)| *sum += u16::from(*s));
    }
    for y in 0..height as i64 {
        if y > 0 {
            // One row more and one less.
            let (more, less) = (rows.row(y + side), rows.row(y - side - 1));
            for ((sum, more), less) in sums[before..before + n].iter_mut().zip(more).zip(less) {
                *sum = sum.wrapping_add(u16::from(*more)).wrapping_sub(u16::from(*less));
            }
        }
        mirror(&mut sums, width, channels, reach);
        for i in (0..n).step_by(LANES) {
            let mut sum = by.all(area / 2);
            for k in 0..=2 * reach {
                sum = by.add(sum, by.words(some(&sums, i + k * channels, &NOTHING)));
            }
            let mut mean = NOTHING;
            by.store(by.high(sum, by.all(factor)), &mut mean);
            if let Some(to) = line[i..].first_chunk_mut::<LANES>() {
                for j in 0..LANES {
                    to[j] = (mean[j] >> shift) as u8;
                }
            }
        }
        keep_opacity(&mut line[..n], rows.row(y), channels, colours);
        made.extend_from_slice(&line[..n]);
    }
    made
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::filter::Kernel;
    use super::super::testkit::{eight, rough, sixteen, values};
    use super::*;

    #[test]
    fn means_are_exact() {
        for reach in 1..=MEAN {
            for (w, h, c) in [(40, 9, 3), (1, 1, 1), (3, 2, 4), (70, 5, 2)] {
                let p = rough(w, h, c);
                let seen = mean(&values(&p), (w, h, c, p.colours()), reach);
                let side = reach as i64;
                let place = |i: i64, n: usize| {
                    super::super::edge::Edge::Mode(super::super::edge::Mode::Reflect).place(i, n).unwrap()
                };
                for (i, v) in seen.iter().enumerate() {
                    let (x, y, channel) = (i / c % w, i / c / w, i % c);
                    if channel >= p.colours() {
                        continue;
                    }
                    let mut sum = 0;
                    for dy in -side..=side {
                        for dx in -side..=side {
                            sum += p.at(place(x as i64 + dx, w), place(y as i64 + dy, h), channel) as usize;
                        }
                    }
                    let area = (2 * reach + 1).pow(2);
                    assert_eq!(usize::from(*v), (sum + area / 2) / area, "{reach} {w} {h} {c} {i}");
                }
            }
        }
    }

    #[test]
    fn bells_are_as_in_16_bits() {
        for sigma in [0.0, 0.3, 1.5, 4.0, 9.9] {
            let p = rough(50, 37, 3);
            let deep = sixteen(50, 37, 3, values(&p).iter().map(|v| u16::from(*v) * 257).collect());
            let (seen, deep) = (Kernel::Gaussian(sigma).of(&p), Kernel::Gaussian(sigma).of(&deep));
            for (i, v) in values(&seen).iter().enumerate() {
                let exact = deep.at(i / 3 % 50, i / 150, i % 3) / 257.0;
                assert!((f32::from(*v) - exact).abs() < 0.65, "{sigma} {i} {v} {exact}");
            }
            let white = eight(9, 9, 1, vec![255; 81]);
            assert_eq!(Kernel::Gaussian(sigma).of(&white), white);
        }
    }
}
