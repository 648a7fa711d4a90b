//! Loops over bytes and numbers, compiled for the widest instructions that the machine has.
//!
//! What they compute is the same to the last bit on every machine: whole numbers, or floats whose operations are done one by one and in
//! order, since Rust neither fuses a product with a sum nor changes the order of a sum, whatever instructions it may use.

/// Runs a block compiled for the widest instructions that the machine has; what it calls must be inlined into it.
///
/// [`pulp::Arch`] has a copy of itself for each kind of machine. The block is compiled for that kind only where it is inlined into
/// the copy, and that needs a closure that can be called once (`FnOnce`). One that could be called again is called through a small
/// function of the compiler's, which is compiled for the oldest machine, and the block with it. A closure that moves a value out
/// of itself can be called once only: that is what [`Once`] is for.
macro_rules! wide {
    ($($body:tt)*) => {{
        let once = $crate::wide::Once;
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                once.spend();
                $($body)*
            },
        )
    }};
}
pub(crate) use wide;

/// The value that the closure of [`wide`] moves out of itself.
pub(crate) struct Once;

impl Once {
    #[inline(always)]
    pub(crate) fn spend(self) {}
}

/// Samples looked up in tables, one for each sample of a pixel.
pub(crate) fn looked_up<const C: usize>(tables: &[&[u8; 256]; C], from: &[u8]) -> Vec<u8> {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V4::try_new() {
        return x86::looked_up(simd, tables, from);
    }
    by_blocks(from, |from, out| look_up_each(tables, from, out))
}

/// Some at a time, so that nothing is filled before it is written, and what was made is still near when it is copied.
#[inline(always)]
fn by_blocks(from: &[u8], each: impl Fn(&[u8], &mut [u8])) -> Vec<u8> {
    // Whole pixels, whatever their channels. Much more are copied by other, slower instructions.
    const BLOCK: usize = 1536;
    let mut block = [0; BLOCK];
    let mut made = Vec::with_capacity(from.len());
    for part in from.chunks(BLOCK) {
        each(part, &mut block[..part.len()]);
        made.extend_from_slice(&block[..part.len()]);
    }
    made
}

#[inline(always)]
fn look_up_each<const C: usize>(tables: &[&[u8; 256]; C], from: &[u8], out: &mut [u8]) {
    for (out, from) in out.chunks_mut(C).zip(from.chunks(C)) {
        for ((o, f), table) in out.iter_mut().zip(from).zip(tables) {
            *o = table[usize::from(*f)];
        }
    }
}

/// Pixels of `C` bytes in reverse order.
pub(crate) fn reverse<const C: usize>(from: &[u8], out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(simd) = pulp::x86::V4::try_new() {
            return x86::reverse_wide::<C>(simd, from, out);
        }
        if let Some(simd) = pulp::x86::V3::try_new() {
            return x86::reverse::<C>(simd, from, out);
        }
    }
    reverse_each::<C>(from, out);
}

#[inline(always)]
fn reverse_each<const C: usize>(from: &[u8], out: &mut [u8]) {
    let (from, out) = (from.as_chunks::<C>().0, out.as_chunks_mut::<C>().0);
    out.iter_mut().zip(from.iter().rev()).for_each(|(o, f)| *o = *f);
}

/// Eight rows of eight numbers.
pub(crate) type Square = [[f32; 8]; 8];

/// What is done to a square.
pub(crate) trait OnSquare: Copy {
    /// It must be inlined, and so must all that it calls.
    fn work(self, square: Square, turn: impl Turn) -> Square;
}

/// A way to make rows columns.
pub(crate) trait Turn: Copy {
    fn turn(self, square: Square) -> Square;
}

#[derive(Clone, Copy)]
struct Plain;

impl Turn for Plain {
    #[inline(always)]
    fn turn(self, square: Square) -> Square {
        std::array::from_fn(|i| std::array::from_fn(|j| square[j][i]))
    }
}

/// Does it to all squares of eight rows of `width` numbers, a multiple of eight.
pub(crate) fn on_squares(rows: &mut [f32], width: usize, what: impl OnSquare) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return x86::on_squares(simd, rows, width, what);
    }
    each_square(rows, width, what, Plain);
}

#[inline(always)]
fn each_square(rows: &mut [f32], width: usize, what: impl OnSquare, turn: impl Turn) {
    for at in (0..width).step_by(8) {
        let run = |i: usize| i * width + at..i * width + at + 8;
        let mut square = [[0.0; 8]; 8];
        for (i, row) in square.iter_mut().enumerate() {
            *row = rows[run(i)].first_chunk().copied().unwrap_or_default();
        }
        let made = what.work(square, turn);
        for (i, row) in made.iter().enumerate() {
            if let Some(to) = rows[run(i)].first_chunk_mut() {
                *to = *row;
            }
        }
    }
}

/// The same with instructions that the compiler does not find by itself. All are moves of bytes, so there is nothing to round.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m128i, __m256, __m512i};

    use pulp::cast;
    use pulp::x86::{V3, V4};

    use super::{OnSquare, Once, Square, Turn, by_blocks, each_square, look_up_each, reverse_each};

    /// 64 samples at a time: there is an instruction that looks up words among 64, so a table is 128 words of two entries.
    pub(super) fn looked_up<const C: usize>(simd: V4, tables: &[&[u8; 256]; C], from: &[u8]) -> Vec<u8> {
        // Entries that are 64 apart share a word: the lowest six bits say which.
        let words = tables.map(|table| {
            let parts = table.as_chunks::<64>().0;
            let word = |half: usize, i: usize| u16::from_le_bytes([parts[2 * half][i], parts[2 * half + 1][i]]);
            [[0, 0], [0, 32], [1, 0], [1, 32]]
                .map(|[half, from]| cast(std::array::from_fn::<u16, 32, _>(|i| word(half, from + i))))
        });
        by_blocks(from, |from, out| look_up(simd, &words, tables, from, out))
    }

    fn look_up<const C: usize>(
        simd: V4,
        words: &[[__m512i; 4]; C],
        tables: &[&[u8; 256]; C],
        from: &[u8],
        out: &mut [u8],
    ) {
        let once = Once;
        simd.vectorize(
            #[inline(always)]
            || {
                once.spend();
                // Which bytes of a vector are of which sample of a pixel; after as many vectors as a pixel has samples it begins anew.
                let masks = const { masks::<C>() };
                let (blocks, rest) = from.as_chunks::<64>();
                let (out_blocks, out_rest) = out.as_chunks_mut::<64>();
                for (group, out_group) in blocks.chunks(C).zip(out_blocks.chunks_mut(C)) {
                    for ((block, out), masks) in group.iter().zip(out_group).zip(&masks) {
                        let at = Places::new(simd, cast(*block));
                        let mut seen = at.seen(simd, &words[0]);
                        for c in 1..C {
                            seen = simd.avx512bw._mm512_mask_blend_epi8(masks[c], seen, at.seen(simd, &words[c]));
                        }
                        *out = cast(seen);
                    }
                }
                // The rest begins where a pixel may be half done.
                let first = blocks.len() * 64 % C;
                let turned: [&[u8; 256]; C] = std::array::from_fn(|c| tables[(first + c) % C]);
                look_up_each(&turned, rest, out_rest);
            },
        );
    }

    const fn masks<const C: usize>() -> [[u64; C]; C] {
        let mut masks = [[0; C]; C];
        let mut i = 0;
        while i < 64 * C {
            masks[i / 64][i % C] |= 1 << (i % 64);
            i += 1;
        }
        masks
    }

    /// Where samples are looked up, even and odd ones apart.
    struct Places {
        word: [__m512i; 2],
        /// Whether in the upper half of the table.
        upper: [u32; 2],
        /// Whether the entry is not in the byte that the sample is in.
        other: [u32; 2],
    }

    impl Places {
        #[inline(always)]
        fn new(simd: V4, samples: __m512i) -> Places {
            let bw = simd.avx512bw;
            let bit = |i: i32| simd.avx512f._mm512_set1_epi16((1 << i) as i16);
            Places {
                // The instruction sees the lowest six bits alone.
                word: [samples, bw._mm512_srli_epi16::<8>(samples)],
                upper: [bw._mm512_test_epi16_mask(samples, bit(7)), bw._mm512_test_epi16_mask(samples, bit(15))],
                other: [bw._mm512_test_epi16_mask(samples, bit(6)), bw._mm512_testn_epi16_mask(samples, bit(14))],
            }
        }

        #[inline(always)]
        fn words(&self, simd: V4, table: &[__m512i; 4], i: usize) -> __m512i {
            let bw = simd.avx512bw;
            let low = bw._mm512_permutex2var_epi16(table[0], self.word[i], table[1]);
            let high = bw._mm512_permutex2var_epi16(table[2], self.word[i], table[3]);
            bw._mm512_mask_blend_epi16(self.upper[i], low, high)
        }

        #[inline(always)]
        fn seen(&self, simd: V4, table: &[__m512i; 4]) -> __m512i {
            let bw = simd.avx512bw;
            let (even, odd) = (self.words(simd, table, 0), self.words(simd, table, 1));
            let even = bw._mm512_mask_srli_epi16::<8>(even, self.other[0], even);
            let odd = bw._mm512_mask_slli_epi16::<8>(odd, self.other[1], odd);
            bw._mm512_mask_blend_epi8(0xaaaa_aaaa_aaaa_aaaa, even, odd)
        }
    }

    pub(super) fn on_squares(simd: V3, rows: &mut [f32], width: usize, what: impl OnSquare) {
        let once = Once;
        simd.vectorize(
            #[inline(always)]
            || {
                once.spend();
                each_square(rows, width, what, Woven(simd));
            },
        );
    }

    /// Pairs of rows woven together, by one number, by two, and by four.
    #[derive(Clone, Copy)]
    struct Woven(V3);

    impl Turn for Woven {
        #[inline(always)]
        fn turn(self, square: Square) -> Square {
            let avx = self.0.avx;
            let [r0, r1, r2, r3, r4, r5, r6, r7] = square;
            let (r0, r1, r2, r3): (__m256, __m256, __m256, __m256) = (cast(r0), cast(r1), cast(r2), cast(r3));
            let (r4, r5, r6, r7): (__m256, __m256, __m256, __m256) = (cast(r4), cast(r5), cast(r6), cast(r7));
            let (a0, a1) = (avx._mm256_unpacklo_ps(r0, r1), avx._mm256_unpackhi_ps(r0, r1));
            let (a2, a3) = (avx._mm256_unpacklo_ps(r2, r3), avx._mm256_unpackhi_ps(r2, r3));
            let (a4, a5) = (avx._mm256_unpacklo_ps(r4, r5), avx._mm256_unpackhi_ps(r4, r5));
            let (a6, a7) = (avx._mm256_unpacklo_ps(r6, r7), avx._mm256_unpackhi_ps(r6, r7));
            let (t0, t1) = (avx._mm256_shuffle_ps::<0x44>(a0, a2), avx._mm256_shuffle_ps::<0xee>(a0, a2));
            let (t2, t3) = (avx._mm256_shuffle_ps::<0x44>(a1, a3), avx._mm256_shuffle_ps::<0xee>(a1, a3));
            let (b0, b1) = (avx._mm256_shuffle_ps::<0x44>(a4, a6), avx._mm256_shuffle_ps::<0xee>(a4, a6));
            let (b2, b3) = (avx._mm256_shuffle_ps::<0x44>(a5, a7), avx._mm256_shuffle_ps::<0xee>(a5, a7));
            [
                cast(avx._mm256_permute2f128_ps::<0x20>(t0, b0)),
                cast(avx._mm256_permute2f128_ps::<0x20>(t1, b1)),
                cast(avx._mm256_permute2f128_ps::<0x20>(t2, b2)),
                cast(avx._mm256_permute2f128_ps::<0x20>(t3, b3)),
                cast(avx._mm256_permute2f128_ps::<0x31>(t0, b0)),
                cast(avx._mm256_permute2f128_ps::<0x31>(t1, b1)),
                cast(avx._mm256_permute2f128_ps::<0x31>(t2, b2)),
                cast(avx._mm256_permute2f128_ps::<0x31>(t3, b3)),
            ]
        }
    }

    /// Of 64 bytes: words into four lanes, of three words where a pixel has three bytes; what is done to a lane's bytes; and words out.
    const fn orders<const C: usize>() -> ([u32; 16], [u8; 64], [u32; 16]) {
        let (mut before, mut bytes, mut after) = ([0; 16], [0x80; 64], [0; 16]);
        let words = if C == 3 { 3 } else { 4 };
        let mut i = 0;
        while i < 16 {
            // The last lane comes first.
            if i % 4 < words {
                before[i] = (16 - 4 * words + (3 - i / 4) * words + i % 4) as u32;
            }
            if i < 4 * words {
                after[i] = (i / words * 4 + i % words) as u32;
            }
            i += 1;
        }
        let mut i = 0;
        while i < 64 {
            let at = i % 16;
            if at < 4 * words {
                bytes[i] = (4 * words - C - at / C * C + at % C) as u8;
            }
            i += 1;
        }
        (before, bytes, after)
    }

    /// 64 bytes at a time, or 48 where a pixel has three. They are the last of 64 that are read, and the first of 64 that are written.
    pub(super) fn reverse_wide<const C: usize>(simd: V4, from: &[u8], out: &mut [u8]) {
        let once = Once;
        simd.vectorize(
            #[inline(always)]
            || {
                once.spend();
                let (f, bw) = (simd.avx512f, simd.avx512bw);
                let (before, bytes, after) = const { orders::<C>() };
                let (before, bytes, after): (__m512i, __m512i, __m512i) = (cast(before), cast(bytes), cast(after));
                let step = if C == 3 { 48 } else { 64 };
                let n = from.len().min(out.len());
                let (from, out) = (&from[..n], &mut out[..n]);
                let mut done = 0;
                while done + 64 <= n {
                    let block = from[..n - done].last_chunk::<64>();
                    if let (Some(block), Some(to)) = (block, out[done..].first_chunk_mut::<64>()) {
                        let lanes = f._mm512_permutexvar_epi32(before, cast(*block));
                        let lanes = bw._mm512_shuffle_epi8(lanes, bytes);
                        *to = cast(if C == 3 { f._mm512_permutexvar_epi32(after, lanes) } else { lanes });
                    }
                    done += step;
                }
                reverse::<C>(*simd, &from[..n - done], &mut out[done..]);
            },
        );
    }

    /// As many whole pixels as 16 bytes hold at a time.
    pub(super) fn reverse<const C: usize>(simd: V3, from: &[u8], out: &mut [u8]) {
        let once = Once;
        simd.vectorize(
            #[inline(always)]
            || {
                once.spend();
                let step = 16 / C * C;
                let order: [u8; 16] =
                    std::array::from_fn(|i| if i < step { (step - C - i / C * C + i % C) as u8 } else { 0x80 });
                let order: __m128i = cast(order);
                let n = from.len().min(out.len());
                let (from, out) = (&from[..n], &mut out[..n]);
                let mut done = 0;
                // 16 bytes are read and written, which reach beyond the pixels that count.
                while done + 16 <= n {
                    let end = n - done;
                    // Four steps at once, whose bounds are looked at once.
                    let block = end.checked_sub(4 * step).and_then(|at| from[at..].first_chunk::<64>());
                    if let (Some(block), Some(out)) = (block, out[done..].first_chunk_mut::<64>()) {
                        for k in 0..4 {
                            if let (Some(from), Some(to)) =
                                (block[(3 - k) * step..].first_chunk::<16>(), out[k * step..].first_chunk_mut::<16>())
                            {
                                *to = cast(simd.ssse3._mm_shuffle_epi8(cast(*from), order));
                            }
                        }
                        done += 4 * step;
                        continue;
                    }
                    let Some(block) = from.get(end - step..).and_then(|f| f.first_chunk::<16>()) else {
                        // The last bytes of the input: nothing is behind them to be read along.
                        reverse_each::<C>(&from[end - step..end], &mut out[done..done + step]);
                        done += step;
                        continue;
                    };
                    let turned = simd.ssse3._mm_shuffle_epi8(cast(*block), order);
                    if let Some(out) = out[done..].first_chunk_mut::<16>() {
                        *out = cast(turned);
                    }
                    done += step;
                }
                reverse_each::<C>(&from[..n - done], &mut out[done..]);
            },
        );
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn bytes(n: usize) -> Vec<u8> {
        (0..n).map(|i| (i * 167 + i / 7) as u8).collect()
    }

    fn tables<const C: usize>() -> [[u8; 256]; C] {
        std::array::from_fn(|c| std::array::from_fn(|i| (i * (2 * c + 3) + c * 11) as u8))
    }

    fn same_look_up<const C: usize>() {
        let tables = tables::<C>();
        let tables = std::array::from_fn(|c| &tables[c]);
        for pixels in [0, 1, 5, 63, 64, 65, 100, 341, 1200] {
            let from = bytes(pixels * C);
            let mut plain = vec![0; from.len()];
            look_up_each::<C>(&tables, &from, &mut plain);
            assert_eq!(looked_up::<C>(&tables, &from), plain, "{C} {pixels}");
        }
    }

    fn same_reverse<const C: usize>() {
        for pixels in [0, 1, 2, 5, 6, 16, 17, 21, 22, 32, 64, 100] {
            let from = bytes(pixels * C);
            let mut fast = vec![0; from.len()];
            reverse::<C>(&from, &mut fast);
            let plain: Vec<u8> = from.chunks(C).rev().flatten().copied().collect();
            assert_eq!(fast, plain, "{C} {pixels}");
            #[cfg(target_arch = "x86_64")]
            if let Some(simd) = pulp::x86::V3::try_new() {
                fast.fill(0);
                x86::reverse::<C>(simd, &from, &mut fast);
                assert_eq!(fast, plain, "{C} {pixels}");
            }
        }
    }

    #[derive(Clone, Copy)]
    struct Turned;

    impl OnSquare for Turned {
        #[inline(always)]
        fn work(self, square: Square, turn: impl Turn) -> Square {
            turn.turn(square)
        }
    }

    #[test]
    fn squares_are_turned() {
        let mut rows: Vec<f32> = (0..16 * 8).map(|i| i as f32).collect();
        on_squares(&mut rows, 16, Turned);
        for (i, v) in rows.iter().enumerate() {
            let (x, y) = (i % 16, i / 16);
            assert_eq!(*v as usize, (x % 8) * 16 + x / 8 * 8 + y);
        }
    }

    #[test]
    fn fast_ways_are_the_plain_ones() {
        same_look_up::<1>();
        same_look_up::<2>();
        same_look_up::<3>();
        same_look_up::<4>();
        same_reverse::<1>();
        same_reverse::<2>();
        same_reverse::<3>();
        same_reverse::<4>();
    }
}
