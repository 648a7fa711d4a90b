//! All softmax blocks of a table at once.
//!
//! A table of `C` columns is a row of `W` logits, one block of them a column. A softmax a block would be `C`
//! small operations; here sums over blocks are one product with the `[W, C]` membership matrix. Logits are
//! capped at [`CAP`], so that exponentials neither overflow nor vanish and no maximum need be subtracted.

use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};
use verisim_data::table::codec::Span;

use crate::error::{Error, Result};

/// Bound of a logit: `cap(l) = CAP tanh(l / CAP)`, close to the identity for `|l|` well below it.
pub const CAP: f32 = 12.0;

/// Where the blocks of a table lie in a row.
#[derive(Clone, Debug)]
pub struct Blocks {
    /// First logit of each column, one more at the end.
    pub offsets: Vec<usize>,
    /// Columns that have a scalar.
    pub scalars: Vec<usize>,
    membership: Tensor<2>,
    spread: Tensor<2>,
    /// For each column its positions, padded to the widest by repeating the last: what a maximum gathers.
    gather: Tensor<1, Int>,
    /// Column of each position.
    column_of: Tensor<1, Int>,
}

impl Blocks {
    /// The blocks of columns `spans`, in this order. What they hold on the device has no gradients.
    pub fn new(spans: &[Span], device: &Device) -> Self {
        let mut offsets = vec![0];
        for s in spans {
            offsets.push(offsets[offsets.len() - 1] + s.tokens as usize);
        }
        let (width, columns) = (offsets[spans.len()], spans.len());
        let mut member = vec![0f32; width * columns];
        for c in 0..columns {
            (offsets[c]..offsets[c + 1]).for_each(|w| member[w * columns + c] = 1.0);
        }
        let membership = Tensor::<2>::from_data(TensorData::new(member, [width, columns]), device);
        let scalars = (0..columns).filter(|&c| spans[c].scalar).collect();
        let widest = spans.iter().map(|s| s.tokens as usize).max().unwrap_or(1);
        let padded = |c: usize| (0..widest).map(move |k| (c, k));
        let gather: Vec<i32> =
            (0..columns).flat_map(padded).map(|(c, k)| (offsets[c] + k).min(offsets[c + 1] - 1) as i32).collect();
        let column_of: Vec<i32> = (0..columns).flat_map(|c| vec![c as i32; spans[c].tokens as usize]).collect();
        let int = |v: Vec<i32>| {
            let n = v.len();
            Tensor::<1, Int>::from_data(TensorData::new(v, [n]), device)
        };
        Blocks {
            offsets,
            scalars,
            spread: membership.clone().transpose(),
            membership,
            gather: int(gather),
            column_of: int(column_of),
        }
    }

    /// The same blocks for tensors that carry gradients.
    pub fn with_gradients(&self) -> Self {
        Blocks {
            offsets: self.offsets.clone(),
            scalars: self.scalars.clone(),
            membership: Tensor::from_inner(self.membership.clone()),
            spread: Tensor::from_inner(self.spread.clone()),
            gather: Tensor::from_inner(self.gather.clone()),
            column_of: Tensor::from_inner(self.column_of.clone()),
        }
    }

    /// Number of logits `W`.
    pub fn width(&self) -> usize {
        self.offsets[self.offsets.len() - 1]
    }

    /// Number of columns `C`.
    pub fn columns(&self) -> usize {
        self.offsets.len() - 1
    }

    /// What a network says of rows, `[B, W + S]`, as logits `[B, W]` and scalars `[B, S]` within -1 and 1.
    pub fn heads(&self, out: Tensor<2>) -> (Tensor<2>, Option<Tensor<2>>) {
        let (width, scalars) = (self.width(), self.scalars.len());
        if scalars == 0 {
            return (out, None);
        }
        (out.clone().narrow(1, 0, width), Some(out.narrow(1, width, scalars).tanh()))
    }

    /// One-hot rows `[B, W]` of tokens `[B, C]` that count from their block's offset.
    pub fn one_hot(&self, tokens: Tensor<2, Int>) -> Tensor<2> {
        let [rows, columns] = tokens.dims();
        let device = tokens.device();
        let ones = Tensor::ones([rows, columns], &device);
        Tensor::zeros([rows, self.width()], &device).scatter(1, tokens, ones, IndexingUpdateOp::Add)
    }

    /// `ln sum exp` of each block, `[B, W]` to `[B, C]`; logits must be capped.
    pub fn log_sum_exp(&self, logits: Tensor<2>) -> Tensor<2> {
        logits.exp().matmul(self.membership.clone()).log()
    }

    /// Softmax of each block; logits must be bounded (see [`cap`]).
    pub fn softmax(&self, logits: Tensor<2>) -> Tensor<2> {
        let e = logits.exp();
        let total = e.clone().matmul(self.membership.clone());
        e / total.matmul(self.spread.clone())
    }

    /// Cross-entropy of each block against one-hot rows, `[B, C]`: `ln sum exp(l) - l[target]`.
    pub fn cross_entropy(&self, logits: Tensor<2>, one_hot: Tensor<2>) -> Tensor<2> {
        let picked = (logits.clone() * one_hot).matmul(self.membership.clone());
        self.log_sum_exp(logits) - picked
    }

    /// The largest value of each block at each of its positions, `[B, W]` to `[B, W]`, without gradient.
    pub fn peak(&self, x: Tensor<2>) -> Tensor<2> {
        let [rows, _] = x.dims();
        let widest = self.gather.dims()[0] / self.columns().max(1);
        let most = x.detach().select(1, self.gather.clone()).reshape([rows, self.columns(), widest]).max_dim(2);
        most.reshape([rows, self.columns()]).select(1, self.column_of.clone())
    }
}

/// How much faster a skip between columns learns than other weights: it starts at zero and must reach the size of logits.
pub const SKIP_GAIN: f32 = 4.0;

/// Most logits of a row under a skip between columns, which has their square as parameters.
const MOST_SKIP: usize = 8192;

/// Refuses a skip over more logits than memory is for, before anything of that size is made.
pub fn check_skip(skip: bool, spans: &[Span]) -> Result<()> {
    let width: usize = spans.iter().map(|s| s.tokens as usize).sum();
    if !skip || width <= MOST_SKIP {
        return Ok(());
    }
    Err(Error::Tokens { tokens: width, most: MOST_SKIP })
}

/// Logits `[B, W]`, bounded to `+-CAP`: see [`CAP`].
pub fn cap(logits: Tensor<2>) -> Tensor<2> {
    super::conv::cap(logits, CAP)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn blocks() -> (Blocks, Device) {
        let device = Device::flex();
        let span = |tokens, scalar| Span { tokens, scalar, ordered: false };
        (Blocks::new(&[span(3, false), span(1, true), span(2, true)], &device), device)
    }

    fn rows(values: &[f32], width: usize, device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values.to_vec(), [values.len() / width, width]), device)
    }

    fn host(t: Tensor<2>) -> Vec<f32> {
        t.into_data().try_into_vec::<f32>().unwrap()
    }

    fn assert_close(got: &[f32], want: &[f32]) {
        assert_eq!(got.len(), want.len());
        assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-5), "{got:?} is not {want:?}");
    }

    const LOGITS: [f32; 12] = [0.0, 1.0, 2.0, 5.0, -1.0, 1.0, 3.0, 3.0, 3.0, -9.0, 11.9, -11.9];

    #[test]
    fn blocks_know_their_places() {
        let (blocks, _) = blocks();
        assert_eq!(blocks.offsets, [0, 3, 4, 6]);
        assert_eq!(blocks.scalars, [1, 2]);
        assert_eq!((blocks.width(), blocks.columns()), (6, 3));
    }

    #[test]
    fn softmax_is_that_of_each_block() {
        let (blocks, device) = blocks();
        let p = host(blocks.softmax(rows(&LOGITS, 6, &device)));
        let third = 1f32 / 3.0;
        let e = |x: f32| x.exp();
        let total = e(0.0) + e(1.0) + e(2.0);
        let two = 1.0 / (1.0 + e(-2.0));
        let want =
            [1.0 / total, e(1.0) / total, e(2.0) / total, 1.0, 1.0 - two, two, third, third, third, 1.0, 1.0, 0.0];
        assert_close(&p, &want);
        for row in p.chunks(6) {
            assert_close(&[row[..3].iter().sum::<f32>(), row[3], row[4] + row[5]], &[1.0; 3]);
        }
    }

    #[test]
    fn cross_entropy_is_minus_the_log_of_the_softmax() {
        let (blocks, device) = blocks();
        let tokens = Tensor::<2, Int>::from_data(TensorData::new(vec![2i32, 3, 4, 0, 3, 4], [2, 3]), &device);
        let hot = blocks.one_hot(tokens);
        assert_eq!(host(hot.clone()), [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
        let got = host(blocks.cross_entropy(rows(&LOGITS, 6, &device), hot));
        let first = (0f32.exp() + 1f32.exp() + 2f32.exp()).ln() - 2.0;
        let last = ((-1f32).exp() + 1f32.exp()).ln() + 1.0;
        assert_close(&got, &[first, 0.0, last, 3f32.ln(), 0.0, 0.0]);
    }

    #[test]
    fn the_largest_of_each_block_is_spread_over_it() {
        let (blocks, device) = blocks();
        let peak =
            host(blocks.peak(rows(&[1.0, 5.0, 2.0, -3.0, -4.0, -7.0, 0.0, 0.0, 0.5, 9.0, -1.0, 1.0], 6, &device)));
        assert_eq!(peak, [5.0, 5.0, 5.0, -3.0, -4.0, -4.0, 0.5, 0.5, 0.5, 9.0, 1.0, 1.0]);
    }

    #[test]
    fn caps_are_kept_and_small_logits_too() {
        let device = Device::flex();
        let capped = host(cap(rows(&[0.0, 0.5, -1.0, 1e6, -1e6], 5, &device)));
        assert_close(&capped[..1], &[0.0]);
        assert!((capped[1] - 0.5).abs() < 1e-3 && (capped[2] + 1.0).abs() < 3e-3, "{capped:?}");
        assert_close(&capped[3..], &[CAP, -CAP]);
    }
}
