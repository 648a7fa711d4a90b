//! Blurs of bytes in whole numbers. Beyond the edge the picture is mirrored. Opacity is left alone.

use super::filter::{Rows, keep_opacity, mirror};
use super::words::{High, LANES, Words, high, with_high};

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
fn some<'a, T>(row: &'a [T], at: usize, none: &'a [T; BLOCK]) -> &'a [T; BLOCK] {
    row.get(at..).and_then(|row| row.first_chunk()).unwrap_or(none)
}

const NONE: [u8; BLOCK] = [0; BLOCK];
const NOTHING: [u16; BLOCK] = [0; BLOCK];

/// Samples that are summed at a time, in as many vectors as hide how long each sum takes.
const BLOCK: usize = 4 * LANES;

/// The first of each [`BLOCK`] of `n` samples; the last may lie over the one before it. Nothing where there are fewer.
fn blocks(n: usize) -> impl Iterator<Item = usize> {
    (0..n / BLOCK * BLOCK).step_by(BLOCK).chain(n.checked_sub(BLOCK).filter(|_| !n.is_multiple_of(BLOCK)))
}

/// The words of a block.
#[inline(always)]
fn words(block: &[u16; BLOCK]) -> &[Words] {
    block.as_chunks().0
}

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
    // Room for whole blocks behind the last.
    let mut sums = vec![0u16; n + 2 * before + BLOCK];
    let mut line = vec![0u8; n + BLOCK];
    let mut made = Vec::with_capacity(samples.len());
    let mut pairs: Vec<(&[u8], &[u8], u16)> = Vec::with_capacity(reach);
    for y in 0..height as i64 {
        let here = rows.row(y);
        pairs.clear();
        pairs.extend(sides.iter().zip(1..).map(|(&w, k)| (rows.row(y - k), rows.row(y + k), w)));
        for i in blocks(n) {
            let at = some(here, i, &NONE).as_chunks().0;
            let mut sum = [[by.all(half); 2]; BLOCK / (2 * LANES)];
            // Twice the sample itself, as if it were a pair.
            let w = by.again(own);
            for (sum, at) in sum.iter_mut().zip(at) {
                let [low, high] = by.pairs(at, at);
                *sum = [by.add(sum[0], by.high(low, w)), by.add(sum[1], by.high(high, w))];
            }
            for &(up, down, w) in &pairs {
                let (up, down) = (some(up, i, &NONE).as_chunks().0, some(down, i, &NONE).as_chunks().0);
                // The sum is in 64ths of a pair; the weight of a side is below a half.
                let w = by.all(2 * w);
                for (sum, (up, down)) in sum.iter_mut().zip(up.iter().zip(down)) {
                    let [low, high] = by.pairs(up, down);
                    *sum = [by.add(sum[0], by.high(low, w)), by.add(sum[1], by.high(high, w))];
                }
            }
            let to = sums[before + i..].as_chunks_mut().0;
            for (to, sum) in to.as_chunks_mut().0.iter_mut().zip(sum) {
                let [low, high]: &mut [Words; 2] = to;
                let sum = by.in_order(sum);
                by.store(sum[0], low);
                by.store(sum[1], high);
            }
        }
        for i in if n < BLOCK { 0..n } else { 0..0 } {
            let first = half + high(u16::from(here[i]) << 7, own);
            sums[before + i] = pairs
                .iter()
                .fold(first, |sum, (up, down, w)| sum + high((u16::from(up[i]) + u16::from(down[i])) << 7, *w));
        }
        mirror(&mut sums, width, channels, reach);
        for i in (0..n).step_by(BLOCK) {
            let at = before + i;
            let mut sum = [by.all(half + 64); BLOCK / LANES];
            let w = by.again(own);
            for (sum, at) in sum.iter_mut().zip(words(some(&sums, at, &NOTHING))) {
                *sum = by.add(*sum, by.high(by.words(at), w));
            }
            for (k, &w) in sides.iter().enumerate() {
                let aside = (k + 1) * channels;
                let w = by.all(w);
                let left = words(some(&sums, at - aside, &NOTHING));
                let right = words(some(&sums, at + aside, &NOTHING));
                for (sum, (left, right)) in sum.iter_mut().zip(left.iter().zip(right)) {
                    *sum = by.add(*sum, by.high(by.add(by.words(left), by.words(right)), w));
                }
            }
            put(by, sum, 7, &mut line[i..]);
        }
        keep_opacity(&mut line[..n], here, channels, colours);
        made.extend_from_slice(&line[..n]);
    }
    made
}

/// A block divided by a power of two, as bytes.
#[inline(always)]
fn put<H: High>(by: H, block: [H::Side; BLOCK / LANES], bits: u32, to: &mut [u8]) {
    let [a, b, c, d] = block;
    if let Some(to) = to.first_chunk_mut::<BLOCK>() {
        let to = to.as_chunks_mut().0;
        to[0] = by.narrow([a, b], bits);
        to[1] = by.narrow([c, d], bits);
    }
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
    let mut sums = vec![0u16; n + 2 * before + BLOCK];
    let mut line = vec![0u8; n + BLOCK];
    let mut made = Vec::with_capacity(samples.len());
    let side = reach as i64;
    for y in -side..=side {
        sums[before..].iter_mut().zip(rows.row(y)).for_each(|(sum, s)| *sum += u16::from(*s));
    }
    for y in 0..height as i64 {
        if y > 0 {
            // One row more and one less.
            let (more, less) = (rows.row(y + side), rows.row(y - side - 1));
            let own = &mut sums[before..before + n];
            let parts = own.as_chunks_mut().0.iter_mut().zip(more.as_chunks().0).zip(less.as_chunks().0);
            for ((sum, more), less) in parts {
                by.store(by.sub(by.add(by.words(sum), by.bytes(more)), by.bytes(less)), sum);
            }
            for i in n / LANES * LANES..n {
                own[i] = own[i].wrapping_add(u16::from(more[i])).wrapping_sub(u16::from(less[i]));
            }
        }
        mirror(&mut sums, width, channels, reach);
        for i in (0..n).step_by(BLOCK) {
            let mut sum = [by.all(area / 2); BLOCK / LANES];
            for k in 0..=2 * reach {
                for (sum, at) in sum.iter_mut().zip(words(some(&sums, i + k * channels, &NOTHING))) {
                    *sum = by.add(*sum, by.words(at));
                }
            }
            let factor = by.again(factor);
            for sum in &mut sum {
                *sum = by.high(*sum, factor);
            }
            put(by, sum, shift, &mut line[i..]);
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
    use super::super::words::Each;
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

    #[test]
    fn fast_ways_are_the_plain_ones() {
        for (w, h, c) in [(40, 9, 3), (1, 1, 1), (3, 2, 4), (64, 5, 1), (65, 5, 1), (90, 4, 2)] {
            let p = rough(w, h, c);
            let (samples, size) = (values(&p), (w, h, c, p.colours()));
            for reach in 1..=MEAN {
                assert_eq!(mean(&samples, size, reach), mean_rows(Each, &samples, size, reach), "{w} {c} {reach}");
            }
            for sides in [&[][..], &[9000], &[12000, 7000, 1500, 3]] {
                let own = 65535 - 2 * sides.iter().sum::<u16>();
                let seen = with_high!(by => bell_rows(by, &samples, size, own, sides));
                assert_eq!(seen, bell_rows(Each, &samples, size, own, sides), "{w} {c} {sides:?}");
            }
        }
    }
}
