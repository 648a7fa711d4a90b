//! Causal attention with rotary positions and grouped queries (Vaswani et al., 2017; Su et al., 2021; Ainslie et al., 2023), over
//! sequences into which documents are packed.
//!
//! ```text
//! q_h(i), k_g(j), v_g(j)   of the row of a position; each key and value serves some queries: g = h / (queries / keys)
//! q, k                     turned by the position: (a, b) -> (a cos - b sin, b cos + a sin), a the first half, b the second
//! out_h(i) = sum_j softmax_j(q_h(i) . k_g(j) / sqrt(width)) v_g(j)      over first(i) <= j <= i
//! ```
//!
//! `first(i)` is where the document of position `i` begins, so that none sees another. Angles depend on the position within the
//! sequence; only differences of positions count.
//!
//! On `flex` it is one operation: no matrix of all pairs of positions is kept, that of 64 positions at a time is made and made
//! again for the gradient, and what no position sees is not multiplied. Elsewhere it is plain tensor operations.

use std::sync::Arc;

use burn::tensor::{Bool, Device, Tensor, TensorData, activation};

#[cfg(feature = "flex")]
use super::device::is_flex;

/// Heads of an attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Heads {
    /// Of queries.
    pub queries: usize,
    /// Of keys and of values; a divisor of the queries.
    pub keys: usize,
    /// Numbers of one head.
    pub width: usize,
}

impl Heads {
    /// Numbers of a position: its queries, its keys, its values.
    pub fn row(&self) -> usize {
        (self.queries + 2 * self.keys) * self.width
    }

    /// Numbers that come out for a position.
    pub fn out(&self) -> usize {
        self.queries * self.width
    }
}

/// Cosines and sines of rotary positions, `[positions, width / 2]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotary {
    /// Half the width of a head.
    pub half: usize,
    /// Of position `p`: `p half .. (p + 1) half`.
    pub cos: Vec<f32>,
    /// As the cosines.
    pub sin: Vec<f32>,
}

impl Rotary {
    /// The angles of `positions` positions, given the angle a position of each pair; `scale` multiplies cosines and sines.
    pub fn new(frequencies: &[f64], positions: usize, scale: f64) -> Rotary {
        let angles = || (0..positions).flat_map(|p| frequencies.iter().map(move |f| p as f64 * f));
        let of = |f: fn(f64) -> f64| angles().map(|a| (scale * f(a)) as f32).collect();
        Rotary { half: frequencies.len(), cos: of(f64::cos), sin: of(f64::sin) }
    }

    /// `base^(-2 i / width)`.
    pub fn frequencies(base: f64, width: usize) -> Vec<f64> {
        (0..width / 2).map(|i| base.powf(-2.0 * i as f64 / width as f64)).collect()
    }

    /// How many positions there are angles for.
    pub fn positions(&self) -> usize {
        self.cos.len() / self.half.max(1)
    }
}

/// Sequences side by side, each of `length` positions, in rows.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Positions of a sequence.
    pub length: usize,
    /// Of each row, where its document begins, as a position of its sequence.
    pub first: Vec<u32>,
    /// What no position sees, `[sequences, 1, length, length]`; where attention is made of tensors.
    hidden: Option<Tensor<4, Bool>>,
}

impl Layout {
    /// For tensors on `device`, with gradients or without as it has them.
    pub fn new(length: usize, first: Vec<u32>, device: &Device) -> Layout {
        #[cfg(feature = "flex")]
        let wants = !is_flex(device);
        #[cfg(not(feature = "flex"))]
        let wants = true;
        let hidden = wants.then(|| hidden(length, &first, device));
        Layout { length, first, hidden }
    }

    /// How many sequences there are.
    pub fn sequences(&self) -> usize {
        self.first.len() / self.length.max(1)
    }
}

fn hidden(length: usize, first: &[u32], device: &Device) -> Tensor<4, Bool> {
    let of = |(row, &first): (usize, &u32)| {
        let i = row % length;
        (0..length).map(move |j| j > i || j < first as usize)
    };
    let flags: Vec<bool> = first.iter().enumerate().flat_map(of).collect();
    Tensor::from_data(TensorData::new(flags, [first.len() / length.max(1), 1, length, length]), device)
}

/// Attention of rows `[sequences x length, heads.row()]`; gives `[.., heads.out()]`.
pub fn attention(qkv: Tensor<2>, heads: Heads, rotary: Option<&Arc<Rotary>>, layout: &Arc<Layout>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_flex(&qkv.device()) {
        return flex::attention(qkv, heads, rotary.cloned(), layout.clone());
    }
    attention_plain(qkv, heads, rotary.map(Arc::as_ref), layout)
}

fn attention_plain(qkv: Tensor<2>, heads: Heads, rotary: Option<&Rotary>, layout: &Layout) -> Tensor<2> {
    let (n, t, d) = (layout.sequences(), layout.length, heads.width);
    let device = qkv.device();
    let part = |from: usize, count: usize| {
        let x = qkv.clone().narrow(1, from * d, count * d);
        x.reshape([n, t, count, d]).permute([0, 2, 1, 3])
    };
    let turn = |x: Tensor<4>| match rotary {
        Some(rotary) => turned(x, rotary, 0),
        None => x,
    };
    let (h, g) = (heads.queries, heads.keys);
    let (q, k, v) = (turn(part(0, h)), turn(part(h, g)), part(h + g, g));
    let spread = |x: Tensor<4>| x.reshape([n, g, 1, t, d]).repeat_dim(2, h / g).reshape([n, h, t, d]);
    let scores = q.matmul(spread(k).transpose()) * (1.0 / (d as f64).sqrt());
    let hidden = layout.hidden.clone().unwrap_or_else(|| hidden(t, &layout.first, &device));
    let weights = activation::softmax(scores.mask_fill(hidden.expand([n, h, t, t]), -1e9), 3);
    weights.matmul(spread(v)).permute([0, 2, 1, 3]).reshape([n * t, h * d])
}

/// `x [.., positions, width]` turned, the first of its positions being `from`.
pub fn turned(x: Tensor<4>, rotary: &Rotary, from: usize) -> Tensor<4> {
    let [_, _, t, d] = x.dims();
    let half = rotary.half;
    let table = |of: &[f32]| {
        let data = TensorData::new(of[from * half..(from + t) * half].to_vec(), [1, 1, t, half]);
        Tensor::<4>::from_data(data, &x.device())
    };
    let (cos, sin) = (table(&rotary.cos), table(&rotary.sin));
    let (a, b) = (x.clone().narrow(3, 0, half), x.narrow(3, half, d - half));
    Tensor::cat(vec![a.clone() * cos.clone() - b.clone() * sin.clone(), b * cos + a * sin], 3)
}

#[cfg(feature = "flex")]
pub(crate) mod flex {
    use std::sync::Arc;

    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops};
    use burn::backend::{Flex, TensorMetadata};
    use burn::tensor::Tensor;
    use faer::linalg::matmul::matmul;
    use faer::{Accum, MatMut, MatRef, Par};
    use rayon::prelude::*;

    use super::{Heads, Layout, Rotary};
    use crate::nets::flat::{Flat, numbers, operation, tensor};
    use crate::nets::kernels::{dot, exp, wide, with_scratch};

    /// Positions whose scores are in memory at a time.
    const TILE: usize = 64;

    /// One sequence: `rows` of all its positions.
    struct Sequence<'a> {
        heads: Heads,
        rotary: Option<&'a Rotary>,
        first: &'a [u32],
        rows: &'a [f32],
    }

    /// Rows that are `stride` numbers apart, from `from` on, as a matrix.
    fn strided(rows: &[f32], from: usize, height: usize, columns: usize, stride: usize) -> MatRef<'_, f32> {
        let end = (height.max(1) - 1) * stride + columns;
        MatRef::from_row_major_slice_with_stride(&rows[from..from + end], height, columns, stride)
    }

    fn strided_mut(rows: &mut [f32], from: usize, height: usize, columns: usize, stride: usize) -> MatMut<'_, f32> {
        let end = (height.max(1) - 1) * stride + columns;
        // By way of its transpose: faer 0.24 takes the rows of `from_row_major_slice_with_stride_mut` for columns.
        MatMut::from_column_major_slice_with_stride_mut(&mut rows[from..from + end], columns, height, stride)
            .transpose_mut()
    }

    fn product(a: MatRef<'_, f32>, b: MatRef<'_, f32>, c: MatMut<'_, f32>, accum: Accum) {
        matmul(c, accum, a, b, 1.0, Par::Seq);
    }

    /// `x` turned by the angles of a position, times `scale`; back again with `sign` -1.
    #[inline(always)]
    pub fn turn(x: &[f32], rotary: Option<&Rotary>, position: usize, sign: f32, scale: f32, out: &mut [f32]) {
        let Some(rotary) = rotary else {
            out.iter_mut().zip(x).for_each(|(o, x)| *o = scale * x);
            return;
        };
        let half = rotary.half;
        let (cos, sin) = (&rotary.cos[position * half..][..half], &rotary.sin[position * half..][..half]);
        let ((a, b), (p, q)) = (x.split_at(half), out.split_at_mut(half));
        for i in 0..half {
            let (c, s) = (scale * cos[i], scale * sign * sin[i]);
            p[i] = a[i] * c - b[i] * s;
            q[i] = b[i] * c + a[i] * s;
        }
    }

    impl Sequence<'_> {
        fn length(&self) -> usize {
            self.first.len()
        }

        /// The head at `at` (queries, then keys) of all positions, turned.
        fn head(&self, at: usize, scale: f32, out: &mut [f32]) {
            let (d, stride) = (self.heads.width, self.heads.row());
            wide!(for (i, out) in out.chunks_exact_mut(d).enumerate() {
                turn(&self.rows[i * stride + at * d..][..d], self.rotary, i, 1.0, scale, out);
            });
        }

        fn scale(&self) -> f32 {
            (self.heads.width as f32).sqrt().recip()
        }

        fn values(&self, g: usize, from: usize, count: usize) -> MatRef<'_, f32> {
            let Heads { queries, keys, width } = self.heads;
            let stride = self.heads.row();
            strided(self.rows, from * stride + (queries + keys + g) * width, count, width, stride)
        }

        /// The end of the tile that begins at `at`, and the first position that any of it sees.
        fn tile(&self, at: usize) -> (usize, usize) {
            let end = (at + TILE).min(self.length());
            let low = self.first[at..end].iter().min().map_or(0, |&f| f as usize);
            (end, low.min(at))
        }

        /// Softmax over what each position of a tile sees, in place; `scores` has a row a position, from `low` on.
        fn softmax(&self, at: usize, end: usize, low: usize, scores: &mut [f32]) {
            let width = end - low;
            wide!(for (r, row) in scores.chunks_exact_mut(width).enumerate() {
                let i = at + r;
                let (from, to) = ((self.first[i] as usize).clamp(low, i) - low, i + 1 - low);
                row[..from].fill(0.0);
                row[to..].fill(0.0);
                let seen = &mut row[from..to];
                let most = seen.iter().fold(f32::NEG_INFINITY, |m, &x| m.max(x));
                seen.iter_mut().for_each(|x| *x = exp(*x - most));
                let all = seen.iter().sum::<f32>().recip();
                seen.iter_mut().for_each(|x| *x *= all);
            });
        }

        /// The weights of a tile's positions.
        fn weights(&self, q: &[f32], k: &[f32], at: usize, end: usize, low: usize, weights: &mut [f32]) {
            let d = self.heads.width;
            let a = MatRef::from_row_major_slice(&q[at * d..end * d], end - at, d);
            let b = MatRef::from_row_major_slice(&k[low * d..end * d], end - low, d);
            let c = MatMut::from_row_major_slice_mut(weights, end - at, end - low);
            product(a, b.transpose(), c, Accum::Replace);
            self.softmax(at, end, low, weights);
        }

        fn forward(&self, out: &mut [f32]) {
            let (t, d, heads) = (self.length(), self.heads.width, self.heads);
            let each = heads.queries / heads.keys;
            with_scratch(2 * t * d + TILE * t, |scratch| {
                let (k, rest) = scratch.split_at_mut(t * d);
                let (q, scores) = rest.split_at_mut(t * d);
                for g in 0..heads.keys {
                    self.head(heads.queries + g, 1.0, k);
                    for h in g * each..(g + 1) * each {
                        self.head(h, self.scale(), q);
                        for at in (0..t).step_by(TILE) {
                            let (end, low) = self.tile(at);
                            let weights = &mut scores[..(end - at) * (end - low)];
                            self.weights(q, k, at, end, low, weights);
                            let o = strided_mut(out, at * heads.out() + h * d, end - at, d, heads.out());
                            let weights = MatRef::from_row_major_slice(weights, end - at, end - low);
                            product(weights, self.values(g, low, end - low), o, Accum::Replace);
                        }
                    }
                }
            });
        }

        /// Gradient of the rows, of that of what came out.
        fn backward(&self, grad: &[f32], rows: &mut [f32]) {
            let (t, d, heads) = (self.length(), self.heads.width, self.heads);
            let (stride, each) = (heads.row(), heads.queries / heads.keys);
            with_scratch(4 * t * d + 2 * TILE * t, |scratch| {
                let (k, rest) = scratch.split_at_mut(t * d);
                let (q, rest) = rest.split_at_mut(t * d);
                let (dk, rest) = rest.split_at_mut(t * d);
                let (dq, rest) = rest.split_at_mut(t * d);
                let (weights, slopes) = rest.split_at_mut(TILE * t);
                let block =
                    |of: &[f32], from: usize, to: usize| -> (usize, usize) { (from * d, (to * d).min(of.len())) };
                for g in 0..heads.keys {
                    self.head(heads.queries + g, 1.0, k);
                    dk.fill(0.0);
                    for h in g * each..(g + 1) * each {
                        self.head(h, self.scale(), q);
                        for at in (0..t).step_by(TILE) {
                            let (end, low) = self.tile(at);
                            let (n, width) = (end - at, end - low);
                            let weights = &mut weights[..n * width];
                            let slopes = &mut slopes[..n * width];
                            self.weights(q, k, at, end, low, weights);
                            let go = strided(grad, at * heads.out() + h * d, n, d, heads.out());
                            let s = MatMut::from_row_major_slice_mut(slopes, n, width);
                            product(go, self.values(g, low, width).transpose(), s, Accum::Replace);
                            let w = MatRef::from_row_major_slice(weights, n, width);
                            let v = (heads.queries + heads.keys + g) * d;
                            let dv = strided_mut(rows, low * stride + v, width, d, stride);
                            product(w.transpose(), go, dv, Accum::Add);
                            // Of a softmax: w (g - sum w g).
                            wide!(for (s, w) in slopes.chunks_exact_mut(width).zip(weights.chunks_exact(width)) {
                                let mean = dot(s, w);
                                s.iter_mut().zip(w).for_each(|(s, w)| *s = w * (*s - mean));
                            });
                            let s = MatRef::from_row_major_slice(slopes, n, width);
                            let ((a, b), (from, to)) = (block(q, at, end), block(k, low, end));
                            let to_q = MatMut::from_row_major_slice_mut(&mut dq[a..b], n, d);
                            product(s, MatRef::from_row_major_slice(&k[from..to], width, d), to_q, Accum::Replace);
                            let to_k = MatMut::from_row_major_slice_mut(&mut dk[from..to], width, d);
                            product(s.transpose(), MatRef::from_row_major_slice(&q[a..b], n, d), to_k, Accum::Add);
                        }
                        self.back(h, dq, self.scale(), rows);
                    }
                    self.back(heads.queries + g, dk, 1.0, rows);
                }
            });
        }

        /// Turns a head's gradient back into its place in the rows.
        fn back(&self, at: usize, of: &[f32], scale: f32, rows: &mut [f32]) {
            let (d, stride) = (self.heads.width, self.heads.row());
            wide!(for (i, of) in of.chunks_exact(d).enumerate() {
                turn(of, self.rotary, i, -1.0, scale, &mut rows[i * stride + at * d..][..d]);
            });
        }
    }

    #[derive(Debug)]
    struct Attend;

    type State = (Flat, Heads, Option<Arc<Rotary>>, Arc<Layout>);

    impl Backward<Flex, 1> for Attend {
        type State = State;

        fn backward(self, ops: Ops<State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
            let grad = grads.consume::<Flex>(&ops.node);
            let (qkv, heads, rotary, layout) = ops.state;
            let [Some(node)] = ops.parents else { return };
            let (rows, grad) = (numbers(&qkv), numbers(&grad));
            let (row, out) = (layout.length * heads.row(), layout.length * heads.out());
            let mut to = vec![0f32; rows.len()];
            let parts = to.par_chunks_exact_mut(row).zip(rows.par_chunks_exact(row)).zip(grad.par_chunks_exact(out));
            parts.zip(layout.first.par_chunks_exact(layout.length)).for_each(|(((to, rows), grad), first)| {
                Sequence { heads, rotary: rotary.as_deref(), first, rows }.backward(grad, to);
            });
            grads.register::<Flex>(node.id, tensor(to, qkv.shape()));
        }
    }

    pub fn attention(qkv: Tensor<2>, heads: Heads, rotary: Option<Arc<Rotary>>, layout: Arc<Layout>) -> Tensor<2> {
        let plain = |qkv: &Flat| {
            let (rows, length) = (numbers(qkv), layout.length);
            let mut out = vec![0f32; layout.first.len() * heads.out()];
            let parts = out.par_chunks_exact_mut(length * heads.out()).zip(rows.par_chunks_exact(length * heads.row()));
            parts.zip(layout.first.par_chunks_exact(length)).for_each(|((out, rows), first)| {
                Sequence { heads, rotary: rotary.as_deref(), first, rows }.forward(out);
            });
            tensor(out, [layout.first.len(), heads.out()])
        };
        let state = |_: &Flat, qkv: Flat| (qkv, heads, rotary.clone(), layout.clone());
        operation!(Attend, plain, state, qkv)
    }
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use verisim_data::rng::{normal, stream};

    fn host(t: Tensor<2>) -> Vec<f32> {
        t.into_data().try_into_vec().unwrap()
    }

    fn random(rows: usize, columns: usize, index: u64) -> TensorData {
        let mut rng = stream(3, "attention test", index);
        TensorData::new((0..rows * columns).map(|_| normal(&mut rng) as f32).collect::<Vec<f32>>(), [rows, columns])
    }

    #[test]
    fn one_position_gives_its_value_and_two_equal_keys_their_mean() {
        let device = Device::flex();
        let heads = Heads { queries: 1, keys: 1, width: 2 };
        let layout = Arc::new(Layout::new(2, vec![0, 0], &device));
        let rows = vec![0.3f32, -1.0, 5.0, 5.0, 1.0, 2.0, 0.7, 0.1, 5.0, 5.0, 3.0, 6.0];
        let x = Tensor::<2>::from_data(TensorData::new(rows, [2, 6]), &device);
        let y = host(attention(x, heads, None, &layout));
        for (got, wanted) in y.iter().zip([1.0, 2.0, 2.0, 4.0]) {
            assert!((got - wanted).abs() < 1e-5, "{y:?}");
        }
    }

    #[test]
    fn both_forms_agree_with_their_gradients() {
        let device = Device::flex().autodiff();
        for (n, t, queries, keys, width, rotary) in
            [(2, 7, 4, 2, 6, true), (1, 150, 2, 2, 8, true), (3, 66, 3, 1, 4, false), (2, 1, 1, 1, 2, true)]
        {
            let heads = Heads { queries, keys, width };
            // Documents of five, then of sixty positions.
            let first = (0..n * t).map(|r| if r / t % 2 == 0 { r % t / 5 * 5 } else { r % t / 60 * 60 } as u32);
            let layout = Arc::new(Layout::new(t, first.collect(), &device));
            let rotary = rotary.then(|| Arc::new(Rotary::new(&Rotary::frequencies(100.0, width), t, 1.0)));
            let g = Tensor::<2>::from_data(random(n * t, heads.out(), 1), &device);
            let run = |fast: bool| {
                let x = Tensor::<2>::from_data(random(n * t, heads.row(), 0), &device).require_grad();
                let y = match fast {
                    true => attention(x.clone(), heads, rotary.as_ref(), &layout),
                    false => attention_plain(x.clone(), heads, rotary.as_deref(), &layout),
                };
                let grads = (y.clone() * g.clone()).sum().backward();
                [host(y.inner()), host(x.grad(&grads).unwrap())]
            };
            for (what, (a, b)) in ["y", "x"].iter().zip(run(true).iter().zip(&run(false))) {
                assert_eq!(a.len(), b.len());
                for (i, (a, b)) in a.iter().zip(b).enumerate() {
                    assert!((a - b).abs() < 1e-4 + 1e-4 * b.abs(), "{what}[{i}] of {heads:?}, {t}: {a} and {b}");
                }
            }
        }
    }

    #[test]
    fn no_document_sees_another_and_no_position_what_follows() {
        let device = Device::flex();
        let heads = Heads { queries: 2, keys: 1, width: 4 };
        let layout = Arc::new(Layout::new(9, vec![0, 0, 0, 0, 4, 4, 4, 4, 4], &device));
        let rotary = Arc::new(Rotary::new(&Rotary::frequencies(100.0, 4), 9, 1.0));
        let mut rows: Vec<f32> = random(9, heads.row(), 0).try_into_vec().unwrap();
        let run = |rows: &[f32]| {
            let x = Tensor::<2>::from_data(TensorData::new(rows.to_vec(), [9, heads.row()]), &device);
            host(attention(x, heads, Some(&rotary), &layout))
        };
        let before = run(&rows);
        rows[5 * heads.row()..6 * heads.row()].fill(7.0);
        let after = run(&rows);
        let changed: Vec<usize> = (0..9).filter(|i| before[i * 8..(i + 1) * 8] != after[i * 8..(i + 1) * 8]).collect();
        assert_eq!(changed, [5, 6, 7, 8]);
    }
}
