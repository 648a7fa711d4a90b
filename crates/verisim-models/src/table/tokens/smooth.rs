//! How a number of many tokens is seen by other columns: as a few functions of its place among its values.
//!
//! Seen digit by digit, neighbours look unlike each other, and the last digits of a row are noise that tells it from all others:
//! a network learns rows by heart from them (on 5,800 rows of 31 columns it did within two passes). So other columns see hat functions
//! over the tokens, each 1 at its own knot and 0 from the next one on, and whether the token is one of the heaviest: zero, forty hours,
//! missing.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::digits::Digits;
use crate::error::Result;
use crate::table::rows::Rows;
use crate::table::view::damaged;
use crate::weights::Weights;

/// Hat functions of a column.
const HATS: usize = 16;
/// Most tokens of a column that are seen as such.
const MARKS: usize = 12;
/// Functions of a column.
pub const FUNCTIONS: usize = HATS + MARKS;

/// One column that is seen so.
#[derive(Clone, Debug, PartialEq)]
pub struct Smooth {
    /// The column.
    pub column: usize,
    /// How many tokens it has.
    tokens: u32,
    /// Those that are seen as such, ascending.
    marks: Vec<u32>,
}

impl Smooth {
    /// The columns of `rows` that have several digits, in order; heavy are tokens of three times the rows of a usual one, and
    /// the last, which may stand for missing.
    pub fn of(digits: &Digits, rows: &Rows<'_>) -> Vec<Smooth> {
        let smooth = |column: usize| {
            let tokens = digits.tokens(column);
            let mut counts = vec![0u64; tokens as usize];
            rows.tokens(column).for_each(|t| counts[t as usize] += 1);
            let heavy = |t: &u32| counts[*t as usize] * u64::from(tokens) >= 3 * rows.count() as u64;
            let mut marks: Vec<u32> = (0..tokens - 1).filter(heavy).collect();
            marks.sort_by_key(|&t| (std::cmp::Reverse(counts[t as usize]), t));
            marks.truncate(MARKS - 1);
            marks.push(tokens - 1);
            marks.sort_unstable();
            Smooth { column, tokens, marks }
        };
        digits.smooth().map(smooth).collect()
    }

    /// The functions of a token.
    pub fn functions(&self, token: u32) -> [f32; FUNCTIONS] {
        let mut out = [0.0; FUNCTIONS];
        let at = token as f32 / (self.tokens.max(2) - 1) as f32 * (HATS - 1) as f32;
        let knot = (at as usize).min(HATS - 2);
        let share = at - knot as f32;
        (out[knot], out[knot + 1]) = (1.0 - share, share);
        if let Ok(mark) = self.marks.binary_search(&token) {
            out[HATS + mark] = 1.0;
        }
        out
    }

    /// Adds the marks of all columns.
    pub fn put(all: &[Smooth], weights: &mut Weights) {
        for s in all {
            weights.put_u32(format!("{}.marks", s.column), &[s.marks.len()], s.marks.clone());
        }
    }

    /// What [`put`](Smooth::put) wrote; an error when it marks tokens that there are not.
    pub fn take(digits: &Digits, weights: &mut Weights) -> Result<Vec<Smooth>> {
        let smooth = |column: usize| {
            let (name, tokens) = (format!("{column}.marks"), digits.tokens(column));
            let marks = weights.take_u32(&name)?.1;
            if marks.len() > MARKS || !marks.is_sorted() || marks.iter().any(|&t| t >= tokens) {
                return Err(damaged(&name, "marks other tokens than the column has"));
            }
            Ok(Smooth { column, tokens, marks })
        };
        digits.smooth().map(smooth).collect()
    }
}

/// The functions of all rows, looked up on the device.
pub struct Lookup {
    /// Those of every token of every column, `[tokens, FUNCTIONS]`.
    table: Tensor<2>,
    /// `[N, S]`: rows of the table.
    tokens: Tensor<2, Int>,
}

impl Lookup {
    /// Of these rows; none where no column is seen so.
    pub fn new(all: &[Smooth], rows: &Rows<'_>, device: &Device) -> Option<Lookup> {
        let (count, columns) = (rows.count(), all.len());
        let mut table = Vec::new();
        let mut tokens = vec![0i32; count * columns];
        for (s, smooth) in all.iter().enumerate() {
            let first = (table.len() / FUNCTIONS) as i32;
            (0..smooth.tokens).for_each(|t| table.extend(smooth.functions(t)));
            rows.tokens(smooth.column).enumerate().for_each(|(i, t)| tokens[i * columns + s] = first + t as i32);
        }
        let height = table.len() / FUNCTIONS;
        (columns > 0 && count > 0).then(|| Lookup {
            table: Tensor::from_data(TensorData::new(table, [height, FUNCTIONS]), device),
            tokens: Tensor::from_data(TensorData::new(tokens, [count, columns]), device),
        })
    }

    /// Those of the rows at `index`, `[B, S FUNCTIONS]`.
    pub fn batch(&self, index: &[usize]) -> Tensor<2> {
        let columns = self.tokens.dims()[1];
        let at: Vec<i32> = index.iter().map(|&i| i as i32).collect();
        let at = Tensor::<1, Int>::from_data(TensorData::new(at, [index.len()]), &self.tokens.device());
        let tokens = self.tokens.clone().select(0, at).reshape([index.len() * columns]);
        self.table.clone().select(0, tokens).reshape([index.len(), columns * FUNCTIONS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_look_alike_and_marks_stand_out() {
        let smooth = Smooth { column: 0, tokens: 111, marks: vec![40, 110] };
        let (a, b, c) = (smooth.functions(55), smooth.functions(56), smooth.functions(40));
        assert!((a[7] - 0.5).abs() < 1e-5 && (a[8] - 0.5).abs() < 1e-5, "{a:?}");
        let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>();
        assert!(apart(&a, &b) < 0.3 && apart(&a, &c) > 1.0);
        assert_eq!((c[HATS], c[HATS + 1]), (1.0, 0.0));
        for t in 0..111 {
            assert!((smooth.functions(t)[..HATS].iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
        assert_eq!(smooth.functions(110)[HATS - 1], 1.0);
        assert_eq!(smooth.functions(0)[0], 1.0);
    }
}
