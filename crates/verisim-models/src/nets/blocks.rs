//! All softmax blocks of a table at once.
//!
//! A table of `C` columns is a row of `W` logits, one block of them a column. A softmax a block would be `C`
//! small operations; here sums over blocks are one product with the `[W, C]` membership matrix. Logits are
//! capped at [`CAP`], so that exponentials neither overflow nor vanish and no maximum need be subtracted.

use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};
use verisim_data::codec::Span;

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
}

impl Blocks {
    /// The blocks of `spans`.
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
        Blocks { offsets, scalars, spread: membership.clone().transpose(), membership }
    }

    /// The same blocks for tensors that carry gradients.
    pub fn with_gradients(&self) -> Self {
        Blocks {
            offsets: self.offsets.clone(),
            scalars: self.scalars.clone(),
            membership: Tensor::from_inner(self.membership.clone()),
            spread: Tensor::from_inner(self.spread.clone()),
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

    /// Per-column values `[B, C]` spread over their blocks, `[B, W]`.
    pub fn spread(&self, values: Tensor<2>) -> Tensor<2> {
        values.matmul(self.spread.clone())
    }
}

/// Bounds logits to `+-CAP`.
pub fn cap(logits: Tensor<2>) -> Tensor<2> {
    logits.div_scalar(CAP).tanh().mul_scalar(CAP)
}
