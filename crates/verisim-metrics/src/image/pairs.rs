//! All pairs of rows, a block at a time, written so that the compiler makes vector code of it.

use std::ops::Add;

use rayon::prelude::*;

use super::Features;

/// Sums kept side by side: enough to fill the vector units of any processor.
const LANES: usize = 16;
/// Rows of the left side that one thread takes at a time.
const BLOCK: usize = 32;
/// Numbers of the right side that a block works on before it goes on, 16 KiB: they stay in the nearest cache.
const TILE: usize = 4096;

/// The sum of `term` over the pairs of two equally long rows. Exactly symmetric where `term` is.
#[inline(always)]
pub(super) fn lanes<T: Copy, S: Copy + Default + Add<Output = S>>(a: &[T], b: &[T], term: impl Fn(T, T) -> S) -> S {
    let mut sums = [S::default(); LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for l in 0..LANES {
            sums[l] = sums[l] + term(a[l], b[l]);
        }
    }
    for (sum, (&a, &b)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *sum = *sum + term(a, b);
    }
    let mut half = LANES / 2;
    while half > 0 {
        for l in 0..half {
            sums[l] = sums[l] + sums[l + half];
        }
        half /= 2;
    }
    sums[0]
}

/// The scalar product.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    lanes(a, b, |x, y| x * y)
}

/// The squared Euclidean distance. By differences, a third slower than by scalar products: those lose small
/// distances to rounding, and here equal rows are 0 apart.
#[inline(always)]
pub(super) fn squared(a: &[f32], b: &[f32]) -> f32 {
    lanes(a, b, |x, y| (x - y) * (x - y))
}

/// What each row `i` of `a` makes of all rows `j` of `b`, in rising order, through `see(state, i, j, pair(i, j))`.
/// No matrix is held, and a row's result depends on nothing but its row.
pub(super) fn sweep<S: Clone + Send + Sync>(
    a: &Features,
    b: &Features,
    pair: impl Fn(&[f32], &[f32]) -> f32 + Sync,
    start: S,
    see: impl Fn(&mut S, usize, usize, f32) + Sync,
) -> Vec<S> {
    let tile = (TILE / a.dim()).max(1);
    let block = |from: usize| {
        let to = (from + BLOCK).min(a.rows());
        let mut states = vec![start.clone(); to - from];
        for left in (0..b.rows()).step_by(tile) {
            let right = (left + tile).min(b.rows());
            for (i, state) in (from..to).zip(&mut states) {
                for j in left..right {
                    see(state, i, j, pair(a.row(i), b.row(j)));
                }
            }
        }
        states
    };
    let blocks: Vec<Vec<S>> = (0..a.rows().div_ceil(BLOCK)).into_par_iter().map(|k| block(k * BLOCK)).collect();
    blocks.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::waves;
    use super::*;

    #[test]
    fn every_pair_is_seen_once_in_order() {
        // More rows than a block, more numbers than a tile.
        let (a, b) = (waves(70, 37, 0.37, 0.0), waves(300, 37, 0.53, 0.0));
        let seen = sweep(&a, &b, dot, Vec::new(), |v: &mut Vec<(usize, usize, f32)>, i, j, x| v.push((i, j, x)));
        assert_eq!(seen.len(), 70);
        for (i, row) in seen.iter().enumerate() {
            assert!(row.len() == 300 && row.iter().enumerate().all(|(j, s)| (s.0, s.1) == (i, j)));
        }
        let exact: f64 = a.row(69).iter().zip(b.row(299)).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
        assert!((f64::from(seen[69][299].2) - exact).abs() < 1e-5);
    }

    #[test]
    fn sums_over_lanes_by_hand() {
        for n in [0, 1, 15, 16, 17, 40] {
            let row: Vec<u8> = (0..n).collect();
            let sum: u32 = (0..u32::from(n)).map(|x| x * x).sum();
            assert_eq!(lanes(&row, &row, |x, y| u32::from(x) * u32::from(y)), sum);
        }
        assert_eq!(squared(&[1.0, 2.0], &[4.0, -2.0]), 25.0);
    }
}
