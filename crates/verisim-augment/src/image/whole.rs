//! Bytes at another size, added up by weights that are whole numbers: the same on every machine, whatever instructions it has.
//!
//! Rows are added up first, in 128ths, each product rounded down and half of what that loses on the average given back. Then come the
//! pixels of the sum, and one rounding at the end. What comes of it is within a level of the exact sum, and flat stays flat.

use super::resize::Taps;
use super::words::{High, LANES, high, with_high};

/// The sum of the weights of rows.
const DOWN: f64 = (1 << 15) as f64;
/// The sum of the weights of pixels, so that a sum of pixels is in 2^21sts.
const ALONG: f64 = (1 << 14) as f64;
/// By how much a sum of pixels is too large, in bits.
const BITS: i32 = 21;
/// More weights than this would be too coarse.
const MOST: usize = 32;

/// Samples of a row of sums that are looked at for a pixel at once, so much room there is behind it.
const SEEN: usize = 32;
/// Pixels that are made at a time.
const GROUP: usize = 4;

/// Whether all of it can be done here.
pub(super) fn fits(taps: &Taps) -> bool {
    taps.n <= MOST && taps.weights.iter().all(|w| *w >= 0.0)
}

/// Weights as whole numbers: differences of running sums, each rounded, so that what they add up to is `one` exactly.
fn rounded(weights: &[f32], one: f64) -> impl Iterator<Item = u16> {
    let (mut sum, mut before) = (0.0, 0.0);
    weights.iter().map(move |w| {
        sum += f64::from(*w);
        let now = (sum * one + 0.5).floor();
        let weight = now - before;
        before = now;
        weight as u16
    })
}

/// The part of `from` that begins at its first sample, `stride` samples from row to row, at another size.
pub(super) fn resized<const C: usize>(from: &[u8], stride: usize, width: usize, across: &Taps, down: &Taps) -> Vec<u8> {
    let n = width * C;
    let new = across.first.len() * C;
    if C == 3 && across.halves() && down.halves() {
        return with_high!(by => halved(by, from, stride, new, down.first.len()));
    }
    let along = Along::new::<C>(across);
    let mut sum = vec![0u16; n.next_multiple_of(LANES) + SEEN];
    let mut line = vec![0u8; along.first.len() * C + 16];
    let mut made = Vec::with_capacity(new * down.first.len());
    let mut weights = Vec::with_capacity(down.n);
    for (first, taps) in down.each() {
        weights.clear();
        weights.extend(rounded(taps, DOWN));
        let rows = &from[first * stride..];
        with_high!(by => add_rows(by, rows, stride, n, &weights, &mut sum));
        add_pixels::<C>(&sum, &along, &mut line);
        made.extend_from_slice(&line[..new]);
    }
    made
}

/// The means of two by two pixels of three samples, to the nearest: rows of `new` samples.
#[inline(always)]
fn halved(by: impl High, from: &[u8], stride: usize, new: usize, height: usize) -> Vec<u8> {
    /// Samples of a row that are read at a time.
    const BLOCK: usize = 12 * LANES;
    let n = 2 * new;
    let mut line = vec![0u8; new];
    let mut made = Vec::with_capacity(new * height);
    for y in 0..height {
        let (upper, lower) = (&from[2 * y * stride..][..n], &from[(2 * y + 1) * stride..][..n]);
        let blocks = upper.as_chunks::<BLOCK>().0.iter().zip(lower.as_chunks::<BLOCK>().0);
        for ((upper, lower), to) in blocks.zip(line.as_chunks_mut::<{ BLOCK / 2 }>().0) {
            let mut halves = [[by.all(2); 2]; 3];
            for row in [upper, lower] {
                let row = row.as_chunks().0;
                for (i, pixels) in [&row[0], &row[1]].into_iter().enumerate() {
                    for (sum, plane) in halves.iter_mut().zip(by.part(pixels)) {
                        sum[i] = by.add(sum[i], by.neighbours(&plane));
                    }
                }
            }
            *to = by.join(halves.map(|sum| by.narrow(sum, 2)));
        }
        let done = n / BLOCK * BLOCK;
        let rest = upper[done..].as_chunks::<6>().0.iter().zip(lower[done..].as_chunks::<6>().0);
        for ((a, b), to) in rest.zip(line[done / 2..].as_chunks_mut::<3>().0) {
            let sum = |c: usize| [a[c], a[c + 3], b[c], b[c + 3]].map(u16::from).iter().sum::<u16>();
            *to = [0, 1, 2].map(|c| ((sum(c) + 2) >> 2) as u8);
        }
        made.extend_from_slice(&line);
    }
    made
}

/// Rows of `n` samples, `stride` apart, added up by weights, in 128ths.
#[inline(always)]
fn add_rows(by: impl High, rows: &[u8], stride: usize, n: usize, weights: &[u16], sum: &mut [u16]) {
    /// Samples that are summed at a time.
    const BLOCK: usize = 4 * LANES;
    let half = weights.len() as u16 / 2;
    // The last block may lie over the one before it.
    let last = n.checked_sub(BLOCK).filter(|_| !n.is_multiple_of(BLOCK));
    for i in (0..n / BLOCK * BLOCK).step_by(BLOCK).chain(last) {
        let mut at = [[by.all(half); 2]; 2];
        for (k, &weight) in weights.iter().enumerate() {
            if let Some(row) = rows[k * stride + i..].first_chunk::<BLOCK>() {
                let weight = by.all(weight);
                for (at, row) in at.iter_mut().zip(row.as_chunks().0) {
                    let [low, high] = by.upper(row);
                    *at = [by.add(at[0], by.high(low, weight)), by.add(at[1], by.high(high, weight))];
                }
            }
        }
        if let Some(to) = sum[i..].first_chunk_mut::<BLOCK>() {
            let [[a, b], [c, d]] = at.map(|at| by.in_order(at));
            let to = to.as_chunks_mut().0;
            by.store(a, &mut to[0]);
            by.store(b, &mut to[1]);
            by.store(c, &mut to[2]);
            by.store(d, &mut to[3]);
        }
    }
    for (i, sum) in sum.iter_mut().enumerate().take(if n < BLOCK { n } else { 0 }) {
        let add = |sum, (k, &weight): (usize, &u16)| sum + high(u16::from(rows[k * stride + i]) << 8, weight);
        *sum = weights.iter().enumerate().fold(half, add);
    }
}

/// For each new pixel the first sample of the old ones that count, and weights of pairs of pixels.
struct Along {
    pairs: usize,
    /// A whole number of groups.
    first: Vec<usize>,
    /// For each pair of old pixels of a group the weights of its first and third new pixel, and then of its second and fourth; each
    /// pair of weights four times, for as many channels.
    weights: Vec<[i16; 16]>,
}

impl Along {
    fn new<const C: usize>(taps: &Taps) -> Along {
        let pairs = taps.n.div_ceil(2);
        let mut first: Vec<usize> = taps.first.iter().map(|first| first * C).collect();
        // Those that are too many have no weights.
        first.resize(first.len().next_multiple_of(GROUP), 0);
        let mut weights = vec![[0; 16]; first.len() / 2 * pairs];
        for (x, (_, taps)) in taps.each().enumerate() {
            let (group, i) = (x / GROUP, x % GROUP);
            for (k, weight) in rounded(taps, ALONG).enumerate() {
                let vector = &mut weights[(group * pairs + k / 2) * 2 + i % 2];
                for c in 0..4 {
                    vector[i / 2 * 8 + 2 * c + k % 2] = weight as i16;
                }
            }
        }
        Along { pairs, first, weights }
    }
}

fn add_pixels<const C: usize>(sum: &[u16], along: &Along, line: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return x86::add_pixels::<C>(simd, sum, along, line);
    }
    add_pixels_each::<C>(sum, along, line);
}

fn add_pixels_each<const C: usize>(sum: &[u16], along: &Along, line: &mut [u8]) {
    for (x, (first, to)) in along.first.iter().zip(line.as_chunks_mut::<C>().0).enumerate() {
        let (group, i) = (x / GROUP, x % GROUP);
        for (c, to) in to.iter_mut().enumerate() {
            let mut all = 1 << (BITS - 1);
            for k in 0..2 * along.pairs {
                let weight = along.weights[(group * along.pairs + k / 2) * 2 + i % 2][i / 2 * 8 + k % 2];
                if weight != 0 {
                    all += i32::from(sum[first + k * C + c] as i16) * i32::from(weight);
                }
            }
            *to = (all >> BITS).clamp(0, 255) as u8;
        }
    }
}

/// Pairs of pixels woven together, multiplied by pairs of weights and added up by one instruction.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m128i, __m256i};

    use pulp::cast;
    use pulp::x86::V3;

    use super::{Along, BITS, GROUP, SEEN};
    use crate::wide::Once;

    pub(super) fn add_pixels<const C: usize>(simd: V3, sum: &[u16], along: &Along, line: &mut [u8]) {
        let once = Once;
        simd.vectorize(
            #[inline(always)]
            || {
                once.spend();
                // As many pairs as are seen at once, whatever the channels.
                match along.pairs {
                    1 => add::<C, 1>(simd, sum, along, line),
                    2 => add::<C, 2>(simd, sum, along, line),
                    3 => add::<C, 3>(simd, sum, along, line),
                    4 => add::<C, 4>(simd, sum, along, line),
                    _ => add::<C, 0>(simd, sum, along, line),
                }
            },
        );
    }

    /// The order of bytes that weaves the samples of two pixels together, twice.
    const fn weave<const C: usize>() -> [u8; 32] {
        let mut order = [0x80; 32];
        let mut i = 0;
        while i < 32 {
            let (c, pixel) = (i % 16 / 4, i % 4 / 2);
            if c < C {
                order[i] = ((pixel * C + c) * 2 + i % 2) as u8;
            }
            i += 1;
        }
        order
    }

    /// The order of bytes that leaves `C` of each four.
    const fn narrow<const C: usize>() -> [u8; 16] {
        let mut order = [0x80; 16];
        let mut i = 0;
        while i < 4 * C {
            order[i] = (i / C * 4 + i % C) as u8;
            i += 1;
        }
        order
    }

    /// `P` pairs for each new pixel, or any number where it is 0.
    #[inline(always)]
    fn add<const C: usize, const P: usize>(simd: V3, sum: &[u16], along: &Along, line: &mut [u8]) {
        let pairs = if P == 0 { along.pairs } else { P };
        let (avx, avx2) = (simd.avx, simd.avx2);
        let weave: __m256i = cast(const { weave::<C>() });
        let narrow: __m128i = cast(const { narrow::<C>() });
        let half = avx._mm256_set1_epi32(1 << (BITS - 1));
        let groups = along.first.as_chunks::<GROUP>().0.iter().zip(along.weights.chunks_exact(2 * pairs));
        for (g, (first, weights)) in groups.enumerate() {
            let (mut even, mut odd) = (half, half);
            if P == 0 {
                for p in 0..pairs {
                    let [a, b, c, d] = first.map(|first| *at::<8>(sum, first + 2 * p * C));
                    even = avx2._mm256_add_epi32(even, products(simd, [a, c], weave, &weights[2 * p]));
                    odd = avx2._mm256_add_epi32(odd, products(simd, [b, d], weave, &weights[2 * p + 1]));
                }
            } else if let [Some(a), Some(b), Some(c), Some(d)] =
                first.map(|first| sum.get(first..).and_then(|sum| sum.first_chunk::<SEEN>()))
            {
                // All of them are there, so these branches are always foreseen.
                for p in 0..P {
                    let i = 2 * p * C;
                    let (a, b, c, d) = (*at::<8>(a, i), *at::<8>(b, i), *at::<8>(c, i), *at::<8>(d, i));
                    even = avx2._mm256_add_epi32(even, products(simd, [a, c], weave, &weights[2 * p]));
                    odd = avx2._mm256_add_epi32(odd, products(simd, [b, d], weave, &weights[2 * p + 1]));
                }
            }
            let (even, odd) = (avx2._mm256_srai_epi32::<BITS>(even), avx2._mm256_srai_epi32::<BITS>(odd));
            let words = avx2._mm256_packs_epi32(even, odd);
            let bytes = avx2._mm256_permute4x64_epi64::<0b1000>(avx2._mm256_packus_epi16(words, words));
            if let Some(to) = line.get_mut(g * GROUP * C..).and_then(|to| to.first_chunk_mut::<16>()) {
                *to = cast(simd.ssse3._mm_shuffle_epi8(avx._mm256_castsi256_si128(bytes), narrow));
            }
        }
    }

    /// Two pixels from each of two places, by their weights.
    #[inline(always)]
    fn products(simd: V3, [low, high]: [[u16; 8]; 2], weave: __m256i, weights: &[i16; 16]) -> __m256i {
        let low = simd.avx._mm256_castsi128_si256(cast(low));
        let both = simd.avx2._mm256_inserti128_si256::<1>(low, cast(high));
        simd.avx2._mm256_madd_epi16(simd.avx2._mm256_shuffle_epi8(both, weave), cast(*weights))
    }

    #[inline(always)]
    fn at<const N: usize>(sum: &[u16], at: usize) -> &[u16; N] {
        sum.get(at..).and_then(|sum| sum.first_chunk()).unwrap_or(&[0; N])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::resize::Filter;
    use super::super::testkit::{rough, values};
    use super::super::words::Each;
    use super::*;

    fn same<const C: usize>() {
        let old = values(&rough(61, 1, C));
        for (new, filter) in [
            (61, Filter::Area),
            (30, Filter::Linear),
            (37, Filter::Linear),
            (20, Filter::Linear),
            (13, Filter::Area),
            (9, Filter::Linear),
            (1, Filter::Area),
            (200, Filter::Linear),
        ] {
            let along = Along::new::<C>(&Taps::new(61, new, filter));
            let mut sum: Vec<u16> = old.iter().map(|v| u16::from(*v) * 128).collect();
            sum.resize(sum.len() + SEEN, 99);
            let room = along.first.len() * C + 16;
            let (mut fast, mut plain) = (vec![0; room], vec![0; room]);
            add_pixels::<C>(&sum, &along, &mut fast);
            add_pixels_each::<C>(&sum, &along, &mut plain);
            assert_eq!(fast[..new * C], plain[..new * C], "{C} {new} {filter:?}");
        }
    }

    #[test]
    fn fast_ways_are_the_plain_ones() {
        same::<1>();
        same::<2>();
        same::<3>();
        same::<4>();
    }

    #[test]
    fn halves_are_the_means_of_four() {
        for (w, h) in [(2, 2), (62, 6), (64, 2), (66, 4), (200, 10)] {
            // A part, whose rows are longer.
            let (samples, stride) = (values(&rough(w + 5, h, 3)), (w + 5) * 3);
            let (across, down) = (Taps::new(w, w / 2, Filter::Area), Taps::new(h, h / 2, Filter::Area));
            assert!(across.halves() && down.halves());
            let seen = resized::<3>(&samples, stride, w, &across, &down);
            assert_eq!(seen, halved(Each, &samples, stride, w / 2 * 3, h / 2), "{w} {h}");
            for (i, v) in seen.iter().enumerate() {
                let at = 2 * (i / (w / 2 * 3)) * stride + i % (w / 2 * 3) / 3 * 6 + i % 3;
                let sum: u16 = [at, at + 3, at + stride, at + stride + 3].map(|i| u16::from(samples[i])).iter().sum();
                assert_eq!(u16::from(*v), (sum + 2) / 4, "{w} {h} {i}");
            }
        }
        assert!(!Taps::new(60, 30, Filter::Linear).halves() && !Taps::new(61, 30, Filter::Area).halves());
    }

    #[test]
    fn rows_are_the_plain_ones() {
        for n in [5, 31, 32, 33, 100] {
            let samples = values(&rough(n, 4, 1));
            let (mut fast, mut plain) = (vec![0; n + LANES], vec![0; n + LANES]);
            let weights = [4000, 12000, 12768, 4000];
            with_high!(by => add_rows(by, &samples, n, n, &weights, &mut fast));
            add_rows(Each, &samples, n, n, &weights, &mut plain);
            assert_eq!(fast[..n], plain[..n]);
        }
    }

    #[test]
    fn weights_add_up() {
        for n in 1..=MOST {
            let weights = vec![1.0 / n as f32; n];
            assert_eq!(rounded(&weights, DOWN).map(u32::from).sum::<u32>(), DOWN as u32);
        }
    }
}
