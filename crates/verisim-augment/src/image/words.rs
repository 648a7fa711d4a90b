//! Words of 16 bits and bytes side by side, with instructions that the compiler does not find by itself. What they compute is the same on
//! every machine.

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
    fn high(self, a: Self::Side, b: Self::Side) -> Self::Side;
    fn sub(self, a: Self::Side, b: Self::Side) -> Self::Side;
    fn store(self, a: Self::Side, to: &mut Words);
    /// The same as [`High::all`], made anew where it stands. The compiler has an instruction for the upper half of a product only where
    /// it sees both factors become wider in one place; one that does not change it makes wider outside of the loop, and then there is none.
    #[inline(always)]
    fn again(self, word: u16) -> Self::Side {
        self.all(std::hint::black_box(word))
    }
    /// 256 times each byte, in an order of its own.
    fn upper(self, a: &[u8; 2 * LANES]) -> [Self::Side; 2];
    /// 64 times the sum of two bytes, in that order.
    fn pairs(self, a: &[u8; 2 * LANES], b: &[u8; 2 * LANES]) -> [Self::Side; 2];
    /// That order made the usual one.
    fn in_order(self, woven: [Self::Side; 2]) -> [Self::Side; 2];
    /// The sums of two bytes beside each other.
    fn neighbours(self, bytes: &[u8; 2 * LANES]) -> Self::Side;
    /// Divided by a power of two, as bytes, which they must fit in.
    fn narrow(self, words: [Self::Side; 2], bits: u32) -> [u8; 2 * LANES];
    /// The same of words in the order of [`High::upper`].
    fn narrow_woven(self, words: [Self::Side; 2], bits: u32) -> [u8; 2 * LANES];
    /// The three samples of each of 32 pixels, apart.
    fn part(self, pixels: &[u8; 6 * LANES]) -> [[u8; 2 * LANES]; 3];
    /// And together.
    fn join(self, planes: [[u8; 2 * LANES]; 3]) -> [u8; 6 * LANES];
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
    fn high(self, a: Words, b: Words) -> Words {
        std::array::from_fn(|j| high(a[j], b[j]))
    }
    #[inline(always)]
    fn sub(self, a: Words, b: Words) -> Words {
        std::array::from_fn(|j| a[j].wrapping_sub(b[j]))
    }
    #[inline(always)]
    fn store(self, a: Words, to: &mut Words) {
        *to = a;
    }
    #[inline(always)]
    fn upper(self, a: &[u8; 2 * LANES]) -> [Words; 2] {
        std::array::from_fn(|i| std::array::from_fn(|j| u16::from(a[i * LANES + j]) << 8))
    }
    #[inline(always)]
    fn pairs(self, a: &[u8; 2 * LANES], b: &[u8; 2 * LANES]) -> [Words; 2] {
        std::array::from_fn(|i| {
            std::array::from_fn(|j| (u16::from(a[i * LANES + j]) + u16::from(b[i * LANES + j])) << 6)
        })
    }
    #[inline(always)]
    fn neighbours(self, bytes: &[u8; 2 * LANES]) -> Words {
        std::array::from_fn(|j| u16::from(bytes[2 * j]) + u16::from(bytes[2 * j + 1]))
    }
    #[inline(always)]
    fn in_order(self, woven: [Words; 2]) -> [Words; 2] {
        woven
    }
    #[inline(always)]
    fn narrow(self, words: [Words; 2], bits: u32) -> [u8; 2 * LANES] {
        std::array::from_fn(|j| (words[j / LANES][j % LANES] >> bits) as u8)
    }
    #[inline(always)]
    fn narrow_woven(self, words: [Words; 2], bits: u32) -> [u8; 2 * LANES] {
        self.narrow(words, bits)
    }
    #[inline(always)]
    fn part(self, pixels: &[u8; 6 * LANES]) -> [[u8; 2 * LANES]; 3] {
        std::array::from_fn(|c| std::array::from_fn(|i| pixels[3 * i + c]))
    }
    #[inline(always)]
    fn join(self, planes: [[u8; 2 * LANES]; 3]) -> [u8; 6 * LANES] {
        std::array::from_fn(|i| planes[i % 3][i / 3])
    }
}

/// Runs a block with `$high` as the best [`High`] of the machine; what it calls must be inlined into it.
macro_rules! with_high {
    ($high:ident => $e:expr) => {{
        #[cfg(target_arch = "x86_64")]
        let made = match pulp::x86::V3::try_new() {
            Some(simd) => {
                let once = $crate::wide::Once;
                let $high = $crate::image::words::Vectors(simd);
                simd.vectorize(
                    #[inline(always)]
                    || {
                        once.spend();
                        $e
                    },
                )
            }
            None => {
                let $high = $crate::image::words::Each;
                $e
            }
        };
        #[cfg(not(target_arch = "x86_64"))]
        let made = {
            let $high = $crate::image::words::Each;
            $crate::wide::wide!($e)
        };
        made
    }};
}
pub(super) use with_high;

#[cfg(target_arch = "x86_64")]
pub(super) use x86::Vectors;

/// Sixteen words in a vector.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m128i, __m256i};

    use pulp::cast;
    use pulp::x86::V3;

    use super::{High, Words};

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
        fn high(self, a: __m256i, b: __m256i) -> __m256i {
            self.0.avx2._mm256_mulhi_epu16(a, b)
        }
        #[inline(always)]
        fn sub(self, a: __m256i, b: __m256i) -> __m256i {
            self.0.avx2._mm256_sub_epi16(a, b)
        }
        #[inline(always)]
        fn store(self, a: __m256i, to: &mut Words) {
            *to = cast(a);
        }
        #[inline(always)]
        fn upper(self, a: &[u8; 32]) -> [__m256i; 2] {
            let (avx2, none) = (self.0.avx2, self.0.avx._mm256_setzero_si256());
            [avx2._mm256_unpacklo_epi8(none, cast(*a)), avx2._mm256_unpackhi_epi8(none, cast(*a))]
        }
        #[inline(always)]
        fn pairs(self, a: &[u8; 32], b: &[u8; 32]) -> [__m256i; 2] {
            let avx2 = self.0.avx2;
            let by = self.0.avx._mm256_set1_epi8(64);
            let (low, high) =
                (avx2._mm256_unpacklo_epi8(cast(*a), cast(*b)), avx2._mm256_unpackhi_epi8(cast(*a), cast(*b)));
            [avx2._mm256_maddubs_epi16(low, by), avx2._mm256_maddubs_epi16(high, by)]
        }
        #[inline(always)]
        fn neighbours(self, bytes: &[u8; 32]) -> __m256i {
            self.0.avx2._mm256_maddubs_epi16(cast(*bytes), self.0.avx._mm256_set1_epi8(1))
        }
        #[inline(always)]
        fn in_order(self, [low, high]: [__m256i; 2]) -> [__m256i; 2] {
            let avx2 = self.0.avx2;
            [avx2._mm256_permute2x128_si256::<0x20>(low, high), avx2._mm256_permute2x128_si256::<0x31>(low, high)]
        }
        #[inline(always)]
        fn narrow(self, words: [__m256i; 2], bits: u32) -> [u8; 32] {
            let made = cast(self.narrow_woven(words, bits));
            cast(self.0.avx2._mm256_permute4x64_epi64::<0b1101_1000>(made))
        }
        #[inline(always)]
        fn narrow_woven(self, [low, high]: [__m256i; 2], bits: u32) -> [u8; 32] {
            let avx2 = self.0.avx2;
            let by: __m128i = cast([u64::from(bits), 0]);
            cast(avx2._mm256_packus_epi16(avx2._mm256_srl_epi16(low, by), avx2._mm256_srl_epi16(high, by)))
        }
        #[inline(always)]
        fn part(self, pixels: &[u8; 96]) -> [[u8; 32]; 3] {
            let avx2 = self.0.avx2;
            let [a, b, c, d, e, f] = sixths(pixels);
            let both = |low: __m128i, high: __m128i| {
                avx2._mm256_inserti128_si256::<1>(self.0.avx._mm256_castsi128_si256(low), high)
            };
            let thirds = [both(a, d), both(b, e), both(c, f)];
            let mut made = [[0; 32]; 3];
            for (c, plane) in made.iter_mut().enumerate() {
                // Of the bytes at one place of the thirds one belongs to this plane.
                let seen = self.one_of(thirds, c, PLANES);
                *plane = cast(avx2._mm256_shuffle_epi8(seen, cast(APART[c])));
            }
            made
        }
        #[inline(always)]
        fn join(self, planes: [[u8; 32]; 3]) -> [u8; 96] {
            let avx2 = self.0.avx2;
            let mut turned = planes.map(cast::<[u8; 32], __m256i>);
            for (c, plane) in turned.iter_mut().enumerate() {
                *plane = avx2._mm256_shuffle_epi8(*plane, cast(TOGETHER[c]));
            }
            let mut made = [0; 96];
            for k in 0..3 {
                let third = self.one_of(turned, k, THIRDS);
                let halves: [[u8; 16]; 2] = cast(third);
                for (i, half) in halves.iter().enumerate() {
                    if let Some(to) = made[i * 48 + k * 16..].first_chunk_mut() {
                        *to = *half;
                    }
                }
            }
            made
        }
    }

    impl Vectors {
        /// Of each place the byte of one of three.
        #[inline(always)]
        fn one_of(self, [a, b, c]: [__m256i; 3], k: usize, which: [[[u8; 32]; 2]; 3]) -> __m256i {
            let avx2 = self.0.avx2;
            let two = avx2._mm256_blendv_epi8(a, b, cast(which[k][0]));
            avx2._mm256_blendv_epi8(two, c, cast(which[k][1]))
        }
    }

    #[inline(always)]
    fn sixths(pixels: &[u8; 96]) -> [__m128i; 6] {
        let sixths = pixels.as_chunks::<16>().0;
        [sixths[0], sixths[1], sixths[2], sixths[3], sixths[4], sixths[5]].map(cast)
    }

    /// Where a byte of 16 pixels goes to that lies in the plane `c` at `i`, by the 16 bytes: the remainder of its place, which no other
    /// byte of its plane has.
    const fn place(c: usize, i: usize) -> usize {
        (3 * i + c) % 16
    }

    const fn apart() -> [[u8; 32]; 3] {
        let mut order = [[0; 32]; 3];
        let mut i = 0;
        while i < 96 {
            order[i / 32][i % 32] = place(i / 32, i % 16) as u8;
            i += 1;
        }
        order
    }

    const fn together() -> [[u8; 32]; 3] {
        let mut order = [[0; 32]; 3];
        let mut i = 0;
        while i < 96 {
            let at = place(i / 32, i % 16);
            order[i / 32][i % 32 / 16 * 16 + at] = (i % 16) as u8;
            i += 1;
        }
        order
    }

    /// At each place of the third `k` the plane is that whose number is the remainder of `16 k` and the place by 3. Of the plane `c`
    /// it is the third `c` less the place. Masks for the second of three, and for the last.
    const fn masks(of_planes: bool) -> [[[u8; 32]; 2]; 3] {
        let mut masks = [[[0; 32]; 2]; 3];
        let mut i = 0;
        while i < 96 {
            let (k, at) = (i / 32, i % 16);
            let which = if of_planes { (k + 48 - at) % 3 } else { (k + at) % 3 };
            if which > 0 {
                masks[k][which - 1][i % 32] = 0xff;
            }
            i += 1;
        }
        masks
    }

    const APART: [[u8; 32]; 3] = apart();
    const TOGETHER: [[u8; 32]; 3] = together();
    const PLANES: [[[u8; 32]; 2]; 3] = masks(true);
    const THIRDS: [[[u8; 32]; 2]; 3] = masks(false);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{rough, values};
    use super::*;

    /// All that is done to words and bytes, one after another.
    fn all(by: impl High, bytes: &[u8; 96]) -> Vec<u8> {
        let planes = by.part(bytes);
        let mut seen = [planes.concat(), by.join(planes).to_vec()].concat();
        let upper = by.upper(&planes[0]);
        seen.extend(by.narrow_woven(upper, 8));
        seen.extend(by.narrow(by.in_order(upper), 9));
        let [a, b, c] = planes;
        let sums = by.in_order(by.pairs(&a, &b));
        let more = by.bytes(c.first_chunk().unwrap());
        let sums = sums.map(|s| by.sub(by.add(by.high(s, by.all(50000)), more), by.all(4)));
        seen.extend(by.narrow(sums, 7));
        let mut words = [0; LANES];
        for s in sums.into_iter().chain([by.neighbours(&a)]) {
            by.store(s, &mut words);
            seen.extend(words.iter().flat_map(|w| w.to_le_bytes()));
        }
        seen
    }

    #[test]
    fn words_are_the_plain_ones() {
        for picture in [rough(32, 1, 3), rough(32, 2, 3)] {
            let bytes = *values(&picture).first_chunk().unwrap();
            assert_eq!(Each.join(Each.part(&bytes)), bytes);
            assert_eq!(with_high!(by => all(by, &bytes)), all(Each, &bytes));
        }
    }
}
