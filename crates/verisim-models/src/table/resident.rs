//! An encoded table on the device of a training.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::nets::Blocks;
use crate::table::rows::Rows;

/// Rows of a table on a device, four bytes a token and a scalar: a batch is gathered where it is used.
pub struct Resident {
    /// Number of rows `N`.
    pub rows: usize,
    /// `[N, C]`: positions in a one-hot row.
    tokens: Tensor<2, Int>,
    /// `[N, S]`; none where no column has one.
    scalars: Option<Tensor<2>>,
}

impl Resident {
    /// Puts the rows on `device` once; batches are gathered there by index.
    pub fn new(rows: &Rows<'_>, blocks: &Blocks, device: &Device) -> Self {
        let (count, columns, width) = (rows.count(), blocks.columns(), blocks.scalars.len());
        let mut tokens = vec![0i32; count * columns];
        for c in 0..columns {
            for (i, t) in rows.tokens(c).enumerate() {
                tokens[i * columns + c] = (blocks.offsets[c] as u32 + t) as i32;
            }
        }
        let mut scalars = vec![0f32; count * width];
        for (s, &c) in blocks.scalars.iter().enumerate() {
            for (i, x) in rows.scalars(c).enumerate() {
                scalars[i * width + s] = x;
            }
        }
        Resident {
            rows: count,
            tokens: Tensor::from_data(TensorData::new(tokens, [count, columns]), device),
            scalars: (width > 0).then(|| Tensor::from_data(TensorData::new(scalars, [count, width]), device)),
        }
    }

    /// One-hot rows `[B, W]` and scalars `[B, S]` of the rows at `index`.
    pub fn batch(&self, index: &[usize], blocks: &Blocks) -> (Tensor<2>, Option<Tensor<2>>) {
        let count = index.len();
        let index: Vec<i32> = index.iter().map(|&i| i as i32).collect();
        let index = Tensor::<1, Int>::from_data(TensorData::new(index, [count]), &self.tokens.device());
        let tokens = self.tokens.clone().select(0, index.clone());
        (blocks.one_hot(tokens), self.scalars.as_ref().map(|s| s.clone().select(0, index)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use verisim_data::table::codec::{Encoded, Span};

    #[test]
    fn a_batch_holds_the_rows_that_were_asked_for() {
        let spans =
            [Span { tokens: 2, scalar: false, ordered: false }, Span { tokens: 3, scalar: true, ordered: true }];
        let device = Device::flex();
        let blocks = Blocks::new(&spans, &device);
        let data = Encoded {
            rows: 3,
            tokens: vec![vec![0, 1, 0], vec![2, 0, 1]],
            scalars: vec![vec![], vec![0.5, -0.5, 0.25]],
        };
        let (x, scalars) = Resident::new(&Rows::of(&data), &blocks, &device).batch(&[2, 0], &blocks);
        let host = |t: Tensor<2>| t.into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(host(x), [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(host(scalars.unwrap()), [0.25, 0.5]);
    }
}
