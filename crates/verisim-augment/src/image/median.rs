//! Medians of squares of neighbours. Beyond the edge the picture is mirrored. Opacity is left alone.

use super::edge::{Edge, Mode};
use super::filter::{Rows, keep_opacity, lanes};
use super::picture::{Picture, Sample, Samples, map_samples};
use crate::wide::wide;

/// What can be put in order, one by one or many side by side.
trait Ordered: Copy {
    fn low(self, other: Self) -> Self;
    fn high(self, other: Self) -> Self;
}

impl Ordered for u8 {
    #[inline(always)]
    fn low(self, other: u8) -> u8 {
        self.min(other)
    }
    #[inline(always)]
    fn high(self, other: u8) -> u8 {
        self.max(other)
    }
}

impl Ordered for u16 {
    #[inline(always)]
    fn low(self, other: u16) -> u16 {
        self.min(other)
    }
    #[inline(always)]
    fn high(self, other: u16) -> u16 {
        self.max(other)
    }
}

/// Puts pairs of places of an array in order, one pair after another.
macro_rules! sort {
    ($v:ident: $(($i:literal, $j:literal))*) => {
        $(($v[$i], $v[$j]) = ($v[$i].low($v[$j]), $v[$i].high($v[$j]));)*
    };
}

/// Five in order, by nine comparisons.
#[inline(always)]
fn in_order<T: Ordered>(mut v: [T; 5]) -> [T; 5] {
    sort!(v: (0, 3) (1, 4) (0, 2) (1, 3) (0, 1) (2, 4) (1, 2) (3, 4) (2, 3));
    v
}

/// The median of five columns, each in order: `ranks[i]` holds the entry of rank `i` of each.
///
/// Once each rank is in order too, the entry at row `i`, column `j` (from 1) has at least `i j - 1` others that are no higher and
/// `(6 - i) (6 - j) - 1` that are no lower. Twelve of the 25 cannot be the median for that, six below and six above, so it is the median
/// of the other thirteen. Of eight of them the least and the greatest cannot be it; then of seven, with one more, and so on.
#[inline(always)]
fn of_columns<T: Ordered>([a, b, c, d, e]: [[T; 5]; 5]) -> T {
    let (a, b, c, d, e) = (in_order(a), in_order(b), in_order(c), in_order(d), in_order(e));
    let mut v = [a[3], b[2], c[1], d[0], b[4], c[3], d[2], e[1], a[4], b[3], c[2], d[1], e[0]];
    // The least is among the first four, each of the middle five being above one of them; the greatest among the next four.
    sort!(v: (0, 1) (2, 3) (0, 2) (4, 5) (6, 7) (5, 7));
    let mut v = [v[1], v[2], v[3], v[4], v[5], v[6], v[8], v[9], v[10], v[11], v[12]];
    median_of_eleven(&mut v)
}

/// By taking the least and the greatest of seven away, of six, and so on.
#[inline(always)]
fn median_of_eleven<T: Ordered>(v: &mut [T; 11]) -> T {
    sort!(v: (0, 6) (1, 5) (2, 4) (0, 1) (0, 2) (0, 3) (5, 6) (4, 6) (3, 6));
    // Left: 1 to 5, and 7 in the place of 6.
    v[6] = v[7];
    sort!(v: (1, 6) (2, 5) (3, 4) (1, 2) (1, 3) (5, 6) (4, 6));
    v[6] = v[8];
    sort!(v: (2, 6) (3, 5) (2, 3) (2, 4) (5, 6) (4, 6));
    v[6] = v[9];
    sort!(v: (3, 6) (4, 5) (3, 4) (5, 6));
    v[6] = v[10];
    sort!(v: (4, 5) (5, 6) (4, 5));
    v[5]
}

/// The median of a square of `reach` pixels each way from its middle.
pub(super) fn median(picture: &Picture, reach: usize) -> Picture {
    let size = (picture.width(), picture.height(), picture.channels(), picture.colours());
    let samples = match (&picture.samples, reach) {
        (Samples::Eight(s), 1) => Samples::Eight(wide!(three(s, size))),
        (Samples::Sixteen(s), 1) => Samples::Sixteen(wide!(three(s, size))),
        (Samples::Eight(s), 2) => Samples::Eight(five_of_bytes(s, size)),
        (Samples::Sixteen(s), 2) => Samples::Sixteen(five(s, size, |_, _| 0, |_, _| 0)),
        (samples, _) => map_samples!(samples, s => large(s, size, reach)),
    };
    picture.like(picture.width(), picture.height(), samples)
}

/// Width, height, channels and colours.
type Size = (usize, usize, usize, usize);

#[inline(always)]
fn three<S: Sample + Ord>(samples: &[S], (width, height, channels, colours): Size) -> Vec<S> {
    let rows = Rows { samples, width, height, channels };
    let n = width * channels;
    // Each column of three sorted; then the median of nine is that of the greatest low, the middle middle and the least high.
    let [mut low, mut mid, mut high] = [(); 3].map(|()| vec![S::default(); n + 2 * channels + LANES]);
    let mut line = vec![S::default(); n + LANES];
    let mut made = Vec::with_capacity(samples.len());
    for y in 0..height as i64 {
        let (above, own, under) = (&rows.row(y - 1)[..n], &rows.row(y)[..n], &rows.row(y + 1)[..n]);
        let whole = n / LANES * LANES;
        for i in (0..whole).step_by(LANES) {
            let at = channels + i;
            let parts = (low[at..].first_chunk_mut(), mid[at..].first_chunk_mut(), high[at..].first_chunk_mut());
            if let (Some(l), Some(m), Some(h)) = parts {
                (*l, *m, *h) = sorted::<S, LANES>(lanes(above, i), lanes(own, i), lanes(under, i));
            }
        }
        for i in whole..n {
            let ([l], [m], [h]) = sorted([above[i]], [own[i]], [under[i]]);
            (low[channels + i], mid[channels + i], high[channels + i]) = (l, m, h);
        }
        for column in [&mut low, &mut mid, &mut high] {
            column.copy_within(channels..2 * channels, 0);
            column.copy_within(n..n + channels, n + channels);
        }
        // Blocks, each read whole before anything is written: the compiler need not wonder what lies over what.
        for i in (0..n).step_by(LANES) {
            let (j, k) = (i + channels, i + 2 * channels);
            let l = [lanes(&low, i), lanes(&low, j), lanes(&low, k)];
            let m = [lanes(&mid, i), lanes(&mid, j), lanes(&mid, k)];
            let h = [lanes(&high, i), lanes(&high, j), lanes(&high, k)];
            if let Some(to) = line[i..].first_chunk_mut() {
                *to = of_three(l, m, h);
            }
        }
        keep_opacity(&mut line[..n], own, channels, colours);
        made.extend_from_slice(&line[..n]);
    }
    made
}

/// Samples that are put in order side by side.
const LANES: usize = 32;

/// Three side by side in order: the least, the middle ones, the greatest.
#[inline(always)]
fn sorted<S: Sample + Ord, const N: usize>(a: [S; N], b: [S; N], c: [S; N]) -> ([S; N], [S; N], [S; N]) {
    let (mut low, mut mid, mut high) = (a, a, a);
    for i in 0..N {
        let (least, most) = (a[i].min(b[i]), a[i].max(b[i]));
        low[i] = least.min(c[i]);
        mid[i] = most.min(c[i]).max(least);
        high[i] = most.max(c[i]);
    }
    (low, mid, high)
}

/// The median of nine from three columns in order, for many side by side.
#[inline(always)]
fn of_three<S: Sample + Ord>(low: [[S; LANES]; 3], mid: [[S; LANES]; 3], high: [[S; LANES]; 3]) -> [S; LANES] {
    let middle = |a: S, b: S, c: S| a.max(b).min(c).max(a.min(b));
    let mut made = low[0];
    for i in 0..LANES {
        let least = low[0][i].max(low[1][i]).max(low[2][i]);
        let most = high[0][i].min(high[1][i]).min(high[2][i]);
        made[i] = middle(least, middle(mid[0][i], mid[1][i], mid[2][i]), most);
    }
    made
}

/// Each column of five is put in order once; then come the medians of five columns side by side. `down` and `along` do as many as they
/// can of both at once, and say how many that were.
#[inline(always)]
fn five<S: Sample + Ordered>(
    samples: &[S],
    (width, height, channels, colours): Size,
    down: impl Fn(&[&[S]; 5], &mut [Vec<S>; 5]) -> usize,
    along: impl Fn(&[&[S]; 5], &mut [S]) -> usize,
) -> Vec<S> {
    let rows = Rows { samples, width, height, channels };
    let n = width * channels;
    let mut sorted = [(); 5].map(|()| vec![S::default(); n]);
    let mut ranks = [(); 5].map(|()| vec![S::default(); n + 4 * channels]);
    let mut line = vec![S::default(); n];
    let mut made = Vec::with_capacity(samples.len());
    for y in 0..height as i64 {
        let here: [&[S]; 5] = std::array::from_fn(|k| rows.row(y + k as i64 - 2));
        for i in down(&here, &mut sorted)..n {
            let column = in_order(here.map(|row| row[i]));
            sorted.iter_mut().zip(column).for_each(|(row, s)| row[i] = s);
        }
        for (rank, row) in ranks.iter_mut().zip(&sorted) {
            rank[2 * channels..2 * channels + n].copy_from_slice(row);
            for place in [-2, -1, width as i64, width as i64 + 1] {
                let from = Edge::Mode(Mode::Reflect).place(place, width).unwrap_or(0) * channels;
                let to = (place + 2) as usize * channels;
                rank[to..to + channels].copy_from_slice(&row[from..from + channels]);
            }
        }
        let seen = ranks.each_ref().map(Vec::as_slice);
        for i in along(&seen, &mut line)..n {
            line[i] = of_columns(seen.map(|rank| std::array::from_fn(|j| rank[i + j * channels])));
        }
        keep_opacity(&mut line, rows.row(y), channels, colours);
        made.extend_from_slice(&line);
    }
    made
}

fn five_of_bytes(samples: &[u8], size: Size) -> Vec<u8> {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return x86::five(simd, samples, size);
    }
    five(samples, size, |_, _| 0, |_, _| 0)
}

fn large<S: Sample + Ord>(
    samples: &[S],
    (width, height, channels, colours): (usize, usize, usize, usize),
    reach: usize,
) -> Vec<S> {
    let rows = Rows { samples, width, height, channels };
    let mut made = samples.to_vec();
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
    made
}

/// 32 bytes side by side.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::__m256i;

    use pulp::cast;
    use pulp::x86::V3;

    use super::{Ordered, Size, in_order, of_columns};
    use crate::wide::Once;

    #[derive(Clone, Copy)]
    struct Bytes(V3, __m256i);

    impl Ordered for Bytes {
        #[inline(always)]
        fn low(self, other: Bytes) -> Bytes {
            Bytes(self.0, self.0.avx2._mm256_min_epu8(self.1, other.1))
        }
        #[inline(always)]
        fn high(self, other: Bytes) -> Bytes {
            Bytes(self.0, self.0.avx2._mm256_max_epu8(self.1, other.1))
        }
    }

    const LANES: usize = 32;

    #[inline(always)]
    fn load(simd: V3, row: &[u8], at: usize) -> Bytes {
        Bytes(simd, cast::<[u8; LANES], __m256i>(row[at..].first_chunk().copied().unwrap_or([0; LANES])))
    }

    #[inline(always)]
    fn store(row: &mut [u8], at: usize, bytes: Bytes) {
        if let Some(to) = row[at..].first_chunk_mut() {
            *to = cast::<__m256i, [u8; LANES]>(bytes.1);
        }
    }

    pub(super) fn five(simd: V3, samples: &[u8], size: Size) -> Vec<u8> {
        let channels = size.2;
        let down = |here: &[&[u8]; 5], sorted: &mut [Vec<u8>; 5]| {
            let once = Once;
            simd.vectorize(
                #[inline(always)]
                || {
                    once.spend();
                    let [a, b, c, d, e] = here;
                    let whole = a.len() / LANES * LANES;
                    for i in (0..whole).step_by(LANES) {
                        let l = |row: &[u8]| load(simd, row, i);
                        let [v, w, x, y, z] = in_order([l(a), l(b), l(c), l(d), l(e)]);
                        let [p, q, r, s, t] = sorted;
                        store(p, i, v);
                        store(q, i, w);
                        store(r, i, x);
                        store(s, i, y);
                        store(t, i, z);
                    }
                    whole
                },
            )
        };
        let along = |ranks: &[&[u8]; 5], line: &mut [u8]| {
            let once = Once;
            simd.vectorize(
                #[inline(always)]
                || {
                    once.spend();
                    let whole = line.len() / LANES * LANES;
                    for i in (0..whole).step_by(LANES) {
                        let l = |k: usize, j: usize| load(simd, ranks[k], i + j * channels);
                        let rank = |k: usize| [l(k, 0), l(k, 1), l(k, 2), l(k, 3), l(k, 4)];
                        store(line, i, of_columns([rank(0), rank(1), rank(2), rank(3), rank(4)]));
                    }
                    whole
                },
            )
        };
        super::five(samples, size, down, along)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{eight, grey, rough};
    use super::*;

    #[test]
    fn medians_by_hand_and_both_ways_the_same() {
        let mut p = grey(3, 3, &[1, 2, 3, 4, 99, 6, 7, 8, 9]);
        p = median(&p, 1);
        assert_eq!(p.at(1, 1, 0), 6.0);
        // 1 1 2, 1 1 2, 4 4 99: the median of the corner.
        assert_eq!(p.at(0, 0, 0), 2.0);
        let p = rough(23, 17, 4);
        let mut small = p.clone();
        small = median(&small, 1);
        for y in 1..16 {
            for x in 1..22 {
                let mut nine: Vec<f32> = (0..9).map(|i| p.at(x + i % 3 - 1, y + i / 3 - 1, 2)).collect();
                nine.sort_by(f32::total_cmp);
                assert_eq!(small.at(x, y, 2), nine[4]);
            }
        }
        let mut large = rough(23, 17, 1);
        let before = large.clone();
        large = median(&large, 2);
        let mut all: Vec<f32> = (0..25).map(|i| before.at(8 + i % 5, 6 + i / 5, 0)).collect();
        all.sort_by(f32::total_cmp);
        assert_eq!(large.at(10, 8, 0), all[12]);
    }

    #[test]
    fn squares_of_five_are_as_sorting_has_them() {
        for (w, h, channels) in [(40, 9, 3), (1, 1, 1), (3, 2, 4), (70, 5, 2)] {
            let p = rough(w, h, channels);
            let Samples::Eight(s) = &p.samples else { panic!("8 bits") };
            let sorted = eight(w, h, channels, large(s, (w, h, channels, p.colours()), 2));
            assert_eq!(median(&p, 2), sorted);
            let plain = five(s, (w, h, channels, p.colours()), |_, _| 0, |_, _| 0);
            assert_eq!(eight(w, h, channels, plain), sorted);
        }
    }
}
