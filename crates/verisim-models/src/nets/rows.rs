//! What a language model does to rows of numbers, one a position: products without a bias, norm, gated units, words in and words out.
//!
//! All are plain tensor operations on most backends. On `flex` they are operations of their own with a gradient of their own, one
//! pass each. Tests hold the two forms together.

use burn::tensor::{Int, Tensor, TensorData, activation};

#[cfg(feature = "flex")]
use super::device::is_flex;

/// Added to the mean square before its root is taken.
pub const EPSILON: f32 = 1e-5;

/// `x W`: rows `[R, I]` and weights `[I, O]` to `[R, O]`.
pub fn project(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_flex(&x.device()) {
        return flex::project(x, weight);
    }
    x.matmul(weight)
}

/// Each row over the root of its mean square, times `gain [C]` (Zhang and Sennrich, 2019).
pub fn rms_norm(x: Tensor<2>, gain: Tensor<1>, epsilon: f32) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_flex(&x.device()) {
        return flex::rms_norm(x, gain, epsilon);
    }
    rms_norm_plain(x, gain, epsilon)
}

fn rms_norm_plain(x: Tensor<2>, gain: Tensor<1>, epsilon: f32) -> Tensor<2> {
    let root = (x.clone().powf_scalar(2.0).mean_dim(1) + epsilon).sqrt();
    x / root * gain.unsqueeze::<2>()
}

/// `silu(a) b` of rows `[a, b]`: `[R, 2 F]` to `[R, F]` (Shazeer, 2020).
pub fn swiglu(x: Tensor<2>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_flex(&x.device()) {
        return flex::swiglu(x);
    }
    swiglu_plain(x)
}

fn swiglu_plain(x: Tensor<2>) -> Tensor<2> {
    let half = x.dims()[1] / 2;
    activation::silu(x.clone().narrow(1, 0, half)) * x.narrow(1, half, half)
}

/// The rows of `table [V, C]` that `tokens` name: `[R, C]`.
pub fn embed(table: Tensor<2>, tokens: &[u32]) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_flex(&table.device()) {
        return flex::embed(table, tokens);
    }
    embed_plain(table, tokens)
}

fn embed_plain(table: Tensor<2>, tokens: &[u32]) -> Tensor<2> {
    let tokens = indices(tokens, &table);
    table.select(0, tokens)
}

fn indices(tokens: &[u32], like: &Tensor<2>) -> Tensor<1, Int> {
    let numbers: Vec<i32> = tokens.iter().map(|&t| t as i32).collect();
    Tensor::from_data(TensorData::new(numbers, [tokens.len()]), &like.device())
}

/// The sum over rows of `weight(r) (-ln softmax(x(r) W^T)[target(r)])`, one number, of rows `x [R, C]` and words `W [V, C]`.
///
/// Keeps `R V` numbers for the gradient.
pub fn cross_entropy(x: Tensor<2>, words: Tensor<2>, targets: &[u32], weights: &[f32]) -> Tensor<1> {
    #[cfg(feature = "flex")]
    if is_flex(&x.device()) {
        return flex::cross_entropy(x, words, targets, weights);
    }
    cross_entropy_plain(x, words, targets, weights)
}

fn cross_entropy_plain(x: Tensor<2>, words: Tensor<2>, targets: &[u32], weights: &[f32]) -> Tensor<1> {
    let rows = x.dims()[0];
    let device = x.device();
    let targets = indices(targets, &x).reshape([rows, 1]);
    let logits = activation::log_softmax(x.matmul(words.transpose()), 1);
    let weights = Tensor::<2>::from_data(TensorData::new(weights.to_vec(), [rows, 1]), &device);
    crate::nets::sum(logits.gather(1, targets) * weights).neg()
}

#[cfg(feature = "flex")]
mod flex {
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
    use burn::backend::{Autodiff, Flex, TensorMetadata};
    use burn::tensor::Tensor;
    use rayon::prelude::*;

    use crate::nets::flat::{Flat, flat, numbers, operation, tensor, tracked};
    use crate::nets::kernels::{add, add_product, dot, exp, matrix, product, sigmoid, wide};

    /// Rows that one task takes.
    const ROWS: usize = 256;

    fn dims(x: &Flat) -> [usize; 2] {
        x.shape().dims()
    }

    /// `a W`, or with `turned` `a W^T`, for `a` of `columns` columns.
    fn times(a: &[f32], columns: usize, weight: &[f32], outputs: usize, turned: bool) -> Vec<f32> {
        let mut y = vec![0f32; a.len() / columns * outputs];
        y.par_chunks_mut(ROWS * outputs).zip(a.par_chunks(ROWS * columns)).for_each(|(y, a)| {
            let w = if turned { matrix(weight, columns).transpose() } else { matrix(weight, outputs) };
            product(matrix(a, columns), w, y);
        });
        y
    }

    /// `a^T b`, the parts of some rows each added in order.
    fn turned_times(a: &[f32], columns: usize, b: &[f32], outputs: usize) -> Vec<f32> {
        /// Rows that are added up before others are: the sum over parts costs a pass over the weights each.
        const TOGETHER: usize = 8 * ROWS;
        let parts = a.par_chunks(TOGETHER * columns).zip(b.par_chunks(TOGETHER * outputs));
        let sums: Vec<Vec<f32>> = parts
            .map(|(a, b)| {
                let mut sum = vec![0f32; columns * outputs];
                add_product(matrix(a, columns).transpose(), matrix(b, outputs), &mut sum);
                sum
            })
            .collect();
        let mut sums = sums.into_iter();
        let mut first = sums.next().unwrap_or_else(|| vec![0f32; columns * outputs]);
        sums.for_each(|sum| wide!(add(&mut first, &sum)));
        first
    }

    #[derive(Debug)]
    struct Project;

    impl Backward<Flex, 2> for Project {
        type State = (Flat, Flat);

        fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
            let grad = grads.consume::<Flex>(&ops.node);
            let (x, weight) = ops.state;
            let ([_, inputs], [_, outputs]) = (dims(&x), dims(&weight));
            let grad = numbers(&grad);
            let [to_x, to_weight] = ops.parents;
            if let Some(node) = to_x {
                let dx = times(&grad, outputs, &numbers(&weight), inputs, true);
                grads.register::<Flex>(node.id, tensor(dx, x.shape()));
            }
            if let Some(node) = to_weight {
                let dw = turned_times(&numbers(&x), inputs, &grad, outputs);
                grads.register::<Flex>(node.id, tensor(dw, weight.shape()));
            }
        }
    }

    pub fn project(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
        let plain = |x: &Flat, weight: &Flat| {
            let ([rows, inputs], [_, outputs]) = (dims(x), dims(weight));
            tensor(times(&numbers(x), inputs, &numbers(weight), outputs, false), [rows, outputs])
        };
        operation!(Project, plain, |_: &Flat, x, weight| (x, weight), x, weight)
    }

    #[derive(Debug)]
    struct Norm;

    impl Backward<Flex, 2> for Norm {
        type State = (Flat, Flat, f32);

        fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
            let grad = grads.consume::<Flex>(&ops.node);
            let (x, gain, epsilon) = ops.state;
            let n = dims(&x)[1];
            let (values, weight, grad) = (numbers(&x), numbers(&gain), numbers(&grad));
            let mut dx = vec![0f32; values.len()];
            let cut = ROWS * n;
            let parts = dx.par_chunks_mut(cut).zip(values.par_chunks(cut)).zip(grad.par_chunks(cut));
            let gains: Vec<Vec<f32>> = parts
                .map(|((dx, x), g)| {
                    let mut dgain = vec![0f32; n];
                    let rows = dx.chunks_exact_mut(n).zip(x.chunks_exact(n)).zip(g.chunks_exact(n));
                    wide!(for ((dx, x), g) in rows {
                        let r = (dot(x, x) / n as f32 + epsilon).sqrt().recip();
                        for ((((dx, x), g), w), dgain) in dx.iter_mut().zip(x).zip(g).zip(&*weight).zip(&mut dgain) {
                            *dx = g * w;
                            *dgain += g * x * r;
                        }
                        // r is a function of x too.
                        let inner = dot(dx, x) * r * r / n as f32;
                        dx.iter_mut().zip(x).for_each(|(d, x)| *d = r * (*d - x * inner));
                    });
                    dgain
                })
                .collect();
            let [to_x, to_gain] = ops.parents;
            if let Some(node) = to_gain {
                let mut sum = vec![0f32; n];
                gains.iter().for_each(|part| add(&mut sum, part));
                grads.register::<Flex>(node.id, tensor(sum, [n]));
            }
            if let Some(node) = to_x {
                grads.register::<Flex>(node.id, tensor(dx, x.shape()));
            }
        }
    }

    pub fn rms_norm(x: Tensor<2>, gain: Tensor<1>, epsilon: f32) -> Tensor<2> {
        let plain = |x: &Flat, gain: &Flat| {
            let n = dims(x)[1];
            let (mut y, weight) = (numbers(x).into_owned(), numbers(gain));
            y.par_chunks_mut(ROWS * n).for_each(|y| {
                wide!(for y in y.chunks_exact_mut(n) {
                    let r = (dot(y, y) / n as f32 + epsilon).sqrt().recip();
                    y.iter_mut().zip(&*weight).for_each(|(y, w)| *y *= r * w);
                });
            });
            tensor(y, x.shape())
        };
        operation!(Norm, plain, |_: &Flat, x, gain| (x, gain, epsilon), x, gain)
    }

    #[derive(Debug)]
    struct Gate;

    impl Backward<Flex, 1> for Gate {
        type State = Flat;

        fn backward(self, ops: Ops<Flat, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
            let grad = grads.consume::<Flex>(&ops.node);
            let [Some(node)] = ops.parents else { return };
            let x = ops.state;
            let half = dims(&x)[1] / 2;
            let (values, grad) = (numbers(&x), numbers(&grad));
            let mut dx = vec![0f32; values.len()];
            let parts = dx.par_chunks_mut(2 * half * ROWS).zip(values.par_chunks(2 * half * ROWS));
            parts.zip(grad.par_chunks(half * ROWS)).for_each(|((dx, x), g)| {
                let rows = dx.chunks_exact_mut(2 * half).zip(x.chunks_exact(2 * half)).zip(g.chunks_exact(half));
                wide!(for ((dx, x), g) in rows {
                    let ((da, db), (a, b)) = (dx.split_at_mut(half), x.split_at(half));
                    for ((((da, db), &a), &b), &g) in da.iter_mut().zip(db).zip(a).zip(b).zip(g) {
                        let s = sigmoid(a);
                        *db = g * a * s;
                        *da = g * b * s * (1.0 + a * (1.0 - s));
                    }
                });
            });
            grads.register::<Flex>(node.id, tensor(dx, x.shape()));
        }
    }

    pub fn swiglu(x: Tensor<2>) -> Tensor<2> {
        let plain = |x: &Flat| {
            let [rows, both] = dims(x);
            let half = both / 2;
            let values = numbers(x);
            let mut y = vec![0f32; rows * half];
            y.par_chunks_mut(half * ROWS).zip(values.par_chunks(both * ROWS)).for_each(|(y, x)| {
                wide!(for (y, x) in y.chunks_exact_mut(half).zip(x.chunks_exact(both)) {
                    let (a, b) = x.split_at(half);
                    y.iter_mut().zip(a).zip(b).for_each(|((y, &a), &b)| *y = a * sigmoid(a) * b);
                });
            });
            tensor(y, [rows, half])
        };
        operation!(Gate, plain, |_: &Flat, x| x, x)
    }

    #[derive(Debug)]
    struct Embed;

    impl Backward<Flex, 1> for Embed {
        type State = (Vec<u32>, [usize; 2]);

        fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
            let grad = grads.consume::<Flex>(&ops.node);
            let [Some(node)] = ops.parents else { return };
            let (tokens, [words, columns]) = ops.state;
            let mut table = vec![0f32; words * columns];
            let grad = numbers(&grad);
            wide!(for (&token, g) in tokens.iter().zip(grad.chunks_exact(columns)) {
                add(&mut table[token as usize * columns..][..columns], g);
            });
            grads.register::<Flex>(node.id, tensor(table, [words, columns]));
        }
    }

    pub fn embed(table: Tensor<2>, tokens: &[u32]) -> Tensor<2> {
        let plain = |table: &Flat| {
            let columns = dims(table)[1];
            let words = numbers(table);
            let mut rows = Vec::with_capacity(tokens.len() * columns);
            tokens.iter().for_each(|&t| rows.extend_from_slice(&words[t as usize * columns..][..columns]));
            tensor(rows, [tokens.len(), columns])
        };
        operation!(Embed, plain, |_: &Flat, table: Flat| (tokens.to_vec(), dims(&table)), table)
    }

    #[derive(Debug)]
    struct Entropy;

    /// Rows, words, and the gradient of the logits.
    type Slopes = (Flat, Flat, Vec<f32>);

    impl Backward<Flex, 2> for Entropy {
        type State = Slopes;

        fn backward(self, ops: Ops<Slopes, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
            let grad = grads.consume::<Flex>(&ops.node);
            let (x, words, mut slopes) = ops.state;
            let scale = numbers(&grad).first().copied().unwrap_or(0.0);
            slopes.par_chunks_mut(1 << 14).for_each(|s| wide!(s.iter_mut().for_each(|s| *s *= scale)));
            let ([_, columns], [count, _]) = (dims(&x), dims(&words));
            let [to_x, to_words] = ops.parents;
            if let Some(node) = to_x {
                let dx = times(&slopes, count, &numbers(&words), columns, false);
                grads.register::<Flex>(node.id, tensor(dx, x.shape()));
            }
            if let Some(node) = to_words {
                let dw = turned_times(&slopes, count, &numbers(&x), columns);
                grads.register::<Flex>(node.id, tensor(dw, words.shape()));
            }
        }
    }

    /// The loss, and the gradient of the logits.
    fn entropy(x: &Flat, words: &Flat, targets: &[u32], weights: &[f32]) -> (f32, Vec<f32>) {
        let ([_, columns], [count, _]) = (dims(x), dims(words));
        let mut slopes = times(&numbers(x), columns, &numbers(words), count, true);
        let rows = slopes.par_chunks_mut(ROWS * count).zip(targets.par_chunks(ROWS)).zip(weights.par_chunks(ROWS));
        let losses: Vec<f64> = rows
            .map(|((rows, targets), weights)| {
                let mut loss = 0f64;
                wide!(for ((row, &target), &weight) in rows.chunks_exact_mut(count).zip(targets).zip(weights) {
                    if weight == 0.0 {
                        row.fill(0.0);
                    } else {
                        let most = row.iter().fold(f32::NEG_INFINITY, |m, &x| m.max(x));
                        let told = row[target as usize] - most;
                        row.iter_mut().for_each(|x| *x = exp(*x - most));
                        let all = row.iter().sum::<f32>();
                        loss += f64::from(weight * (all.ln() - told));
                        let scale = weight / all;
                        row.iter_mut().for_each(|x| *x *= scale);
                        row[target as usize] -= weight;
                    }
                });
                loss
            })
            .collect();
        (losses.into_iter().sum::<f64>() as f32, slopes)
    }

    pub fn cross_entropy(x: Tensor<2>, words: Tensor<2>, targets: &[u32], weights: &[f32]) -> Tensor<1> {
        if !x.device().is_autodiff() {
            let (loss, _) = entropy(&flat(x), &flat(words), targets, weights);
            return Tensor::from_primitive::<Flex>(tensor(vec![loss], [1]));
        }
        let strategy = x.gradient_checkpointing_strategy();
        let ((x, x_node), (words, words_node)) = (tracked(x).into_parts(), tracked(words).into_parts());
        let (loss, slopes) = entropy(&x, &words, targets, weights);
        let y = tensor(vec![loss], [1]);
        let y = match Entropy.prepare::<NoCheckpointing>([x_node, words_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, words, slopes), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        let y = Tensor::from_primitive::<Autodiff<Flex>>(y);
        match strategy {
            Some(strategy) => y.with_gradient_checkpointing_strategy(strategy),
            None => y,
        }
    }
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use verisim_data::rng::{normal, stream};

    fn random(shape: [usize; 2], index: u64) -> TensorData {
        let mut rng = stream(7, "rows test", index);
        TensorData::new((0..shape[0] * shape[1]).map(|_| normal(&mut rng) as f32).collect::<Vec<f32>>(), shape)
    }

    fn host<const D: usize>(t: Tensor<D>) -> Vec<f32> {
        t.into_data().try_into_vec::<f32>().unwrap()
    }

    /// The result and both gradients of `sum(g f(a, b))`.
    fn run(f: impl Fn(Tensor<2>, Tensor<2>) -> Tensor<2>, a: [usize; 2], b: [usize; 2]) -> [Vec<f32>; 3] {
        let device = Device::flex().autodiff();
        let input = |shape, index| Tensor::<2>::from_data(random(shape, index), &device).require_grad();
        let (a, b) = (input(a, 0), input(b, 1));
        let y = f(a.clone(), b.clone());
        let g = Tensor::<2>::from_data(random(y.dims(), 9), &device);
        let grads = (y.clone() * g).sum().backward();
        let of = |t: Tensor<2>| t.grad(&grads).map(host).unwrap_or_default();
        [host(y.inner()), of(a), of(b)]
    }

    fn assert_same(fast: [Vec<f32>; 3], plain: [Vec<f32>; 3], what: &str) {
        for (part, (a, b)) in ["y", "a", "b"].iter().zip(fast.iter().zip(&plain)) {
            assert_eq!(a.len(), b.len(), "{what} {part}");
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                assert!((a - b).abs() < 1e-3 + 1e-3 * b.abs(), "{what} {part}[{i}]: {a} and {b}");
            }
        }
    }

    #[test]
    fn both_forms_agree_with_their_gradients() {
        // Several tasks, and rows that do not fill the last.
        let (x, w) = ([2500, 12], [12, 7]);
        assert_same(run(project, x, w), run(|x, w| x.matmul(w), x, w), "project");
        let gain = |w: Tensor<2>| w.flatten::<1>(0, 1);
        let fast = run(|x, w| rms_norm(x, gain(w), EPSILON), [300, 33], [1, 33]);
        assert_same(fast, run(|x, w| rms_norm_plain(x, gain(w), EPSILON), [300, 33], [1, 33]), "rms_norm");
        let (fast, plain) = (run(|x, _| swiglu(x), [300, 34], [1, 1]), run(|x, _| swiglu_plain(x), [300, 34], [1, 1]));
        assert_same(fast, plain, "swiglu");
        let tokens: Vec<u32> = (0..50).map(|i| i * i % 11).collect();
        let fast = run(|t, _| embed(t, &tokens), [11, 5], [1, 1]);
        assert_same(fast, run(|t, _| embed_plain(t, &tokens), [11, 5], [1, 1]), "embed");
        let targets: Vec<u32> = (0..300).map(|i| i * 7 % 19).collect();
        let weights: Vec<f32> = (0..300).map(|i| (i % 3) as f32).collect();
        let fast = run(|x, w| cross_entropy(x, w, &targets, &weights).unsqueeze(), [300, 6], [19, 6]);
        let plain = run(|x, w| cross_entropy_plain(x, w, &targets, &weights).unsqueeze(), [300, 6], [19, 6]);
        assert_same(fast, plain, "cross_entropy");
    }

    #[test]
    fn equal_logits_cost_the_logarithm_of_their_number() {
        let device = Device::flex();
        let (x, words) = (Tensor::<2>::zeros([3, 4], &device), Tensor::<2>::ones([5, 4], &device));
        let loss = host(cross_entropy(x, words, &[0, 1, 4], &[1.0, 0.0, 2.0]))[0];
        assert!((loss - 3.0 * 5f32.ln()).abs() < 1e-5, "{loss}");
    }
}
