//! Bytes at another size, added up by weights that are whole numbers: the same on every machine, whatever instructions it has.
//!
//! Rows are added up first, in 128ths, each product rounded down and half of what that loses on the average given back. Then come the
//! pixels of the sum, and one rounding at the end. What comes of it is within a level of the exact sum, and flat stays flat.

use super::resize::Taps;

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
    let along = Along::new(across);
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

/// Numbers that are worked on side by side.
pub(super) const LANES: usize = 16;
pub(super) type Words = [u16; LANES];

/// Arithmetic on words side by side; sums and products wrap round. The compiler does not find the instruction for the upper half of a
/// product by itself.
pub(super) trait High: Copy {
    type Side: Copy;
    fn all(self, word: u16) -> Self::Side;
    fn bytes(self, bytes: &[u8; LANES]) -> Self::Side;
    fn words(self, words: &Words) -> Self::Side;
    fn add(self, a: Self::Side, b: Self::Side) -> Self::Side;
    fn left<const BITS: i32>(self, a: Self::Side) -> Self::Side;
    fn high(self, a: Self::Side, b: Self::Side) -> Self::Side;
    fn store(self, a: Self::Side, to: &mut Words);
}

/// The upper half of a product.
#[inline(always)]
pub(super) fn high(a: u16, b: u16) -> u16 {
    ((u32::from(a) * u32::from(b)) >> 16) as u16
}

/// One by one.
#[derive(Clone, Copy)]
pub(super) struct Each;

impl High for Each {
    type Side = Words;
    #[inline(always)]
    fn all(self, word: u16) -> Words {
        [word; LANES]
    }
    #[inline(always)]
    fn bytes(self, bytes: &[u8; LANES]) -> Words {
        bytes.map(u16::from)
    }
    #[inline(always)]
    fn words(self, words: &Words) -> Words {
        *words
    }
    #[inline(always)]
    fn add(self, a: Words, b: Words) -> Words {
        std::array::from_fn(|j| a[j].wrapping_add(b[j]))
    }
    #[inline(always)]
    fn left<const BITS: i32>(self, a: Words) -> Words {
        a.map(|v| v << BITS)
    }
    #[inline(always)]
    fn high(self, a: Words, b: Words) -> Words {
        std::array::from_fn(|j| high(a[j], b[j]))
    }
    #[inline(always)]
    fn store(self, a: Words, to: &mut Words) {
        *to = a;
    }
}

/// Runs a block with `$high` as the best [`High`] of the machine; what it calls must be inlined into it.
macro_rules! with_high {
    ($high:ident => $e:expr) => {{
        #[cfg(target_arch = "x86_64")]
        let made = match pulp::x86::V3::try_new() {
            Some(simd) => {
                let once = $crate::wide::Once;
                let $high = $crate::image::whole::Vectors(simd);
                simd.vectorize(
                    #[inline(always)]
                    || {
                        once.spend();
                        $e
                    },
                )
            }
            None => {
                let $high = $crate::image::whole::Each;
                $e
            }
        };
        #[cfg(not(target_arch = "x86_64"))]
        let made = {
            let $high = $crate::image::whole::Each;
            $crate::wide::wide!($e)
        };
        made
    }};
}
pub(super) use with_high;

#[cfg(target_arch = "x86_64")]
pub(super) use x86::Vectors;

/// Rows of `n` samples, `stride` apart, added up by weights, in 128ths.
#[inline(always)]
fn add_rows(by: impl High, rows: &[u8], stride: usize, n: usize, weights: &[u16], sum: &mut [u16]) {
    let half = weights.len() as u16 / 2;
    let whole = n / LANES * LANES;
    for (i, to) in sum[..whole].as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut at = by.all(half);
        for (k, &weight) in weights.iter().enumerate() {
            if let Some(row) = rows[k * stride + i * LANES..].first_chunk() {
                at = by.add(at, by.high(by.left::<8>(by.bytes(row)), by.all(weight)));
            }
        }
        by.store(at, to);
    }
    for i in whole..n {
        let add = |sum, (k, &weight): (usize, &u16)| sum + high(u16::from(rows[k * stride + i]) << 8, weight);
        sum[i] = weights.iter().enumerate().fold(half, add);
    }
}

/// For each new pixel the first of the old ones that count, and weights of pairs of them.
struct Along {
    pairs: usize,
    /// A whole number of groups.
    first: Vec<usize>,
    /// For each pair of old pixels of a group the weights of its first and third new pixel, and then of its second and fourth; each
    /// pair of weights four times, for as many channels.
    weights: Vec<[i16; 16]>,
}

impl Along {
    fn new(taps: &Taps) -> Along {
        let pairs = taps.n.div_ceil(2);
        let mut first = taps.first.clone();
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
                    all += i32::from(sum[(first + k) * C + c] as i16) * i32::from(weight);
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

    use super::{Along, BITS, GROUP, High, SEEN, Words};
    use crate::wide::Once;

    #[derive(Clone, Copy)]
    pub(in super::super) struct Vectors(pub V3);

    impl High for Vectors {
        type Side = __m256i;
        #[inline(always)]
        fn all(self, word: u16) -> __m256i {
            self.0.avx._mm256_set1_epi16(word as i16)
        }
        #[inline(always)]
        fn bytes(self, bytes: &[u8; 16]) -> __m256i {
            self.0.avx2._mm256_cvtepu8_epi16(cast(*bytes))
        }
        #[inline(always)]
        fn words(self, words: &Words) -> __m256i {
            cast(*words)
        }
        #[inline(always)]
        fn add(self, a: __m256i, b: __m256i) -> __m256i {
            self.0.avx2._mm256_add_epi16(a, b)
        }
        #[inline(always)]
        fn left<const BITS: i32>(self, a: __m256i) -> __m256i {
            self.0.avx2._mm256_slli_epi16::<BITS>(a)
        }
        #[inline(always)]
        fn high(self, a: __m256i, b: __m256i) -> __m256i {
            self.0.avx2._mm256_mulhi_epu16(a, b)
        }
        #[inline(always)]
        fn store(self, a: __m256i, to: &mut Words) {
            *to = cast(a);
        }
    }

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
                    let [a, b, c, d] = first.map(|first| *at::<8>(sum, (first + 2 * p) * C));
                    even = avx2._mm256_add_epi32(even, products(simd, [a, c], weave, &weights[2 * p]));
                    odd = avx2._mm256_add_epi32(odd, products(simd, [b, d], weave, &weights[2 * p + 1]));
                }
            } else {
                let [a, b, c, d] = first.map(|first| at::<SEEN>(sum, first * C));
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
            let along = Along::new(&Taps::new(61, new, filter));
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
    fn weights_add_up() {
        for n in 1..=MOST {
            let weights = vec![1.0 / n as f32; n];
            assert_eq!(rounded(&weights, DOWN).map(u32::from).sum::<u32>(), DOWN as u32);
        }
    }
}
