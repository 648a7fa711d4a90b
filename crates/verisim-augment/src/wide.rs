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

/// Samples looked up in tables, one for each sample of a pixel; as many are read as `out` has room for.
pub(crate) fn look_up<const C: usize>(tables: &[&[u8; 256]; C], from: &[u8], out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V4::try_new() {
        return x86::look_up(simd, tables, from, out);
    }
    look_up_each(tables, from, out);
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
    if let Some(simd) = pulp::x86::V3::try_new() {
        return x86::reverse::<C>(simd, from, out);
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

    use super::{OnSquare, Once, Square, Turn, each_square, look_up_each, reverse_each};

    /// 64 samples at a time: a table is 128 words of two entries, and there is an instruction that looks up 32 words among 64.
    pub(super) fn look_up<const C: usize>(simd: V4, tables: &[&[u8; 256]; C], from: &[u8], out: &mut [u8]) {
        let once = Once;
        simd.vectorize(
            #[inline(always)]
            || {
                once.spend();
                let words = tables.map(|table| {
                    let parts: &[[u8; 64]] = table.as_chunks().0;
                    [parts[0], parts[1], parts[2], parts[3]].map(cast::<[u8; 64], __m512i>)
                });
                // Which bytes of a vector are of which sample of a pixel; after as many vectors as a pixel has samples it begins anew.
                let masks = const { masks::<C>() };
                let (blocks, rest) = from.as_chunks::<64>();
                let (out_blocks, out_rest) = out.as_chunks_mut::<64>();
                for (group, out_group) in blocks.chunks(C).zip(out_blocks.chunks_mut(C)) {
                    for ((block, out), masks) in group.iter().zip(out_group).zip(&masks) {
                        let mut seen = one(simd, &words[0], cast(*block));
                        for c in 1..C {
                            let other = one(simd, &words[c], cast(*block));
                            seen = simd.avx512bw._mm512_mask_blend_epi8(masks[c], seen, other);
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

    #[inline(always)]
    fn one(simd: V4, table: &[__m512i; 4], samples: __m512i) -> __m512i {
        let (f, bw) = (simd.avx512f, simd.avx512bw);
        let byte = f._mm512_set1_epi16(0xff);
        let pick = |at: __m512i| {
            let word = bw._mm512_srli_epi16::<1>(at);
            let low = bw._mm512_permutex2var_epi16(table[0], word, table[1]);
            let high = bw._mm512_permutex2var_epi16(table[2], word, table[3]);
            let upper = bw._mm512_test_epi16_mask(at, f._mm512_set1_epi16(0x80));
            let both = bw._mm512_mask_blend_epi16(upper, low, high);
            // The odd entry is the upper byte of its word.
            let shift = bw._mm512_slli_epi16::<3>(f._mm512_and_si512(at, f._mm512_set1_epi16(1)));
            f._mm512_and_si512(bw._mm512_srlv_epi16(both, shift), byte)
        };
        let even = pick(f._mm512_and_si512(samples, byte));
        let odd = pick(bw._mm512_srli_epi16::<8>(samples));
        f._mm512_or_si512(even, bw._mm512_slli_epi16::<8>(odd))
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
        for pixels in [0, 1, 5, 63, 64, 65, 100, 341] {
            let from = bytes(pixels * C);
            let (mut fast, mut plain) = (vec![0; from.len()], vec![0; from.len()]);
            look_up::<C>(&tables, &from, &mut fast);
            look_up_each::<C>(&tables, &from, &mut plain);
            assert_eq!(fast, plain, "{C} {pixels}");
        }
    }

    fn same_reverse<const C: usize>() {
        for pixels in [0, 1, 2, 5, 6, 16, 17, 100] {
            let from = bytes(pixels * C);
            let mut fast = vec![0; from.len()];
            reverse::<C>(&from, &mut fast);
            let plain: Vec<u8> = from.chunks(C).rev().flatten().copied().collect();
            assert_eq!(fast, plain, "{C} {pixels}");
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
