//! Tokens as digits: a number of many tokens is written in two or three of them.

use verisim_data::table::codec::{Encoded, Span};

use crate::table::rows::Rows;

/// Most tokens that a number has as one digit.
const FEW: u32 = 24;
/// Most levels that a category has as one digit. Its digits mean nothing by themselves, so it has one as long as it can.
const MANY: u32 = 512;

/// One digit of a column: `token / step % size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digit {
    /// The column.
    pub column: usize,
    /// How many values it has.
    pub size: u32,
    /// What it counts.
    pub step: u32,
}

/// The digits of all columns, those of a column one after another and the first of them first.
#[derive(Clone, Debug)]
pub struct Digits {
    /// The digits.
    pub all: Vec<Digit>,
    /// First digit of each column, one more at the end.
    pub first: Vec<usize>,
    /// Tokens of each column, and whether their order means something.
    tokens: Vec<u32>,
    ordered: Vec<bool>,
}

impl Digits {
    /// The digits of columns `spans`.
    pub fn of(spans: &[Span]) -> Digits {
        let (tokens, ordered) = spans.iter().map(|s| (s.tokens, s.ordered)).unzip();
        let mut digits = Digits { all: Vec::new(), first: vec![0], tokens, ordered };
        for (column, span) in spans.iter().enumerate() {
            let base = base(span);
            let mut steps = vec![1];
            while steps[steps.len() - 1] * base < span.tokens {
                steps.push(steps[steps.len() - 1] * base);
            }
            for (k, &step) in steps.iter().enumerate().rev() {
                let size = if k + 1 == steps.len() { span.tokens.div_ceil(step) } else { base };
                digits.all.push(Digit { column, size, step });
            }
            digits.first.push(digits.all.len());
        }
        digits
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Tokens of a column.
    pub fn tokens(&self, column: usize) -> u32 {
        self.tokens[column]
    }

    /// The columns of numbers that have several digits: others see them as [`Smooth`](super::smooth::Smooth) functions.
    pub fn smooth(&self) -> impl Iterator<Item = usize> {
        (0..self.tokens.len()).filter(|&c| self.is_smooth(c))
    }

    /// Whether a column is one of them.
    pub fn is_smooth(&self, column: usize) -> bool {
        self.ordered[column] && self.of_column(column).len() > 1
    }

    /// The digits of a column.
    pub fn of_column(&self, column: usize) -> std::ops::Range<usize> {
        self.first[column]..self.first[column + 1]
    }

    /// The digits as columns of a table.
    pub fn spans(&self) -> Vec<Span> {
        self.all.iter().map(|d| Span { tokens: d.size, scalar: false, ordered: false }).collect()
    }

    /// The value of digit `d` of a token of its column.
    pub fn digit(&self, d: usize, token: u32) -> u32 {
        token / self.all[d].step % self.all[d].size
    }

    /// The tokens that are left when the digits of `column` before digit `d` make up `prefix` and this one is `value`: those from
    /// `start` up to, not including, `end`. There may be none.
    pub fn left(&self, d: usize, prefix: u32, value: u32) -> (u32, u32) {
        let Digit { column, step, .. } = self.all[d];
        let most = self.tokens[column];
        let start = prefix.saturating_add(value.saturating_mul(step));
        (start.min(most), start.saturating_add(step).min(most))
    }

    /// A table of the digits of these rows.
    pub fn split(&self, rows: &Rows<'_>) -> Encoded {
        let digits = |d: usize| rows.tokens(self.all[d].column).map(|t| self.digit(d, t)).collect();
        Encoded {
            rows: rows.count(),
            tokens: (0..self.count()).map(digits).collect(),
            scalars: vec![Vec::new(); self.count()],
        }
    }
}

/// In what base the tokens of a column are written: the root of their number, so that its digits have about as many values.
fn base(span: &Span) -> u32 {
    let one = if span.ordered { FEW } else { MANY };
    let n = span.tokens.max(1);
    if n <= one {
        return n.max(2);
    }
    let root = |k: u32| (2..).find(|b: &u32| b.saturating_pow(k) >= n).unwrap_or(n);
    let two = root(2);
    if span.ordered && two > 32 { root(3) } else { two }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(tokens: u32, ordered: bool) -> Span {
        Span { tokens, scalar: false, ordered }
    }

    #[test]
    fn few_tokens_are_one_digit_and_many_are_two_or_three() {
        let digits = Digits::of(&[span(1, true), span(24, true), span(256, true), span(500, false), span(5000, true)]);
        assert_eq!(digits.first, [0, 1, 2, 4, 5, 8]);
        let sizes: Vec<u32> = digits.all.iter().map(|d| d.size).collect();
        assert_eq!(sizes, [1, 24, 16, 16, 500, 16, 18, 18]);
    }

    proptest! {
        #[test]
        fn digits_narrow_down_to_the_token(tokens in 1u32..70_000, at in 0.0..1.0f64, ordered: bool) {
            let digits = Digits::of(&[span(tokens, ordered)]);
            let token = (at * f64::from(tokens)) as u32;
            let mut prefix = 0;
            for d in digits.of_column(0) {
                let value = digits.digit(d, token);
                prop_assert!(value < digits.all[d].size);
                let (start, end) = digits.left(d, prefix, value);
                prop_assert!((start..end).contains(&token));
                prefix = start;
            }
            prop_assert_eq!(prefix, token);
        }
    }
}
