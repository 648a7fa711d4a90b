//! The randomness of one cell: a function of (seed, table, column, row key), and of nothing else. So a column that changes changes no
//! other, parts of a table can be made apart, and threads do not matter.

use std::convert::Infallible;

use rand::TryRng;
use verisim_data::rng::mix;

/// A generator of random numbers for one cell: SplitMix64 from a state that names the cell. It costs a few nanoseconds to start, which
/// is what a generator for each cell must cost.
#[derive(Clone, Debug)]
pub struct Cell(u64);

impl Cell {
    /// The generator of the cell in a row of a column.
    pub fn new(column: ColumnKey, row: u64) -> Cell {
        Cell(mix(column.0 ^ mix(row)))
    }

    /// A generator from a state alone.
    pub fn from_state(state: u64) -> Cell {
        Cell(mix(state))
    }

    /// Another generator, for a part of this cell that has a number.
    pub fn part(&self, number: u64) -> Cell {
        Cell(mix(self.0 ^ mix(number ^ 0x7061_7274)))
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let z = mix(self.0);
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z
    }

    /// A uniform number in `[0, 1)` with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A uniform integer in `0..n`; 0 if `n` is 0. Off from uniform by at most `n / 2^64`.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }
}

impl TryRng for Cell {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.bits() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.bits())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.bits().to_le_bytes()[..part.len()]);
        }
        Ok(())
    }
}

/// What a column mixes into the cells of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnKey(u64);

impl ColumnKey {
    /// The key of a column of a table under a seed.
    pub fn new(seed: u64, table: &str, column: &str) -> ColumnKey {
        ColumnKey(mix(mix(mix(seed) ^ label(table)) ^ label(column)))
    }

    /// The key as a word, for what is no row.
    pub fn word(self) -> u64 {
        self.0
    }

    /// The key for the n-th try at a row whose earlier tries were refused; the first try is 0.
    pub fn again(self, attempt: u32) -> ColumnKey {
        if attempt == 0 { self } else { ColumnKey(mix(self.0 ^ mix(u64::from(attempt) ^ 0x7472_7900_0000_0000))) }
    }
}

/// FNV-1a.
fn label(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_differ_by_each_part_and_repeat() {
        let first = |seed, table, column, row| Cell::new(ColumnKey::new(seed, table, column), row).bits();
        let one = first(1, "a", "x", 7);
        assert_eq!(one, first(1, "a", "x", 7));
        for other in [first(2, "a", "x", 7), first(1, "b", "x", 7), first(1, "a", "y", 7), first(1, "a", "x", 8)] {
            assert_ne!(one, other);
        }
        let key = ColumnKey::new(1, "a", "x");
        assert_ne!(Cell::new(key.again(1), 7).bits(), one);
        assert_eq!(Cell::new(key.again(0), 7).bits(), one);
    }

    /// Mean, variance and correlation of the first numbers of neighbouring rows: a weak mixer fails one of them.
    #[test]
    fn neighbouring_cells_are_uniform_and_independent() {
        let key = ColumnKey::new(3, "t", "c");
        let n = 100_000u64;
        let u: Vec<f64> = (0..n).map(|row| Cell::new(key, row).uniform() - 0.5).collect();
        let mean = u.iter().sum::<f64>() / n as f64;
        let variance = u.iter().map(|x| x * x).sum::<f64>() / n as f64;
        let neighbours = u.windows(2).map(|w| w[0] * w[1]).sum::<f64>() / n as f64;
        assert!(mean.abs() < 4.0 * (1.0 / 12.0 / n as f64).sqrt());
        assert!((variance - 1.0 / 12.0).abs() < 0.001);
        assert!(neighbours.abs() < 4.0 / 12.0 / (n as f64).sqrt());
    }

    #[test]
    fn a_small_range_is_filled_evenly() {
        let key = ColumnKey::new(3, "t", "c");
        let mut counts = [0u32; 7];
        for row in 0..70_000 {
            counts[Cell::new(key, row).below(7) as usize] += 1;
        }
        assert!(counts.iter().all(|&c| (9_600..10_400).contains(&c)), "{counts:?}");
        assert_eq!(Cell::new(key, 0).below(0), 0);
    }
}
