//! Convolution and modulated activation for images with channels last, `[B, H, W, C]`, linear layers, and the bound of logits.
//!
//! All are plain tensor operations on most backends. On `flex` they are operations of their own with a gradient of their
//! own: burn 0.22 lowers a convolution there to many thin matrix products, copies what goes into a product and what comes
//! out, and runs activations as several passes (docs/performance.md says what each costs). There, a
//! convolution is a few matrix products of pixels that stay in cache, and norm, modulation and activation are one pass.
//! Tests hold the two forms together.

use burn::nn::Linear;
use burn::tensor::{Tensor, activation, module, ops::ConvOptions};

#[cfg(feature = "flex")]
use super::device::is_flex;

/// A `k x k` convolution, `k` odd, stride 1, padded with zeros so that the size stays.
///
/// `x [B, H, W, C]`, `weight [k k C, O]` (rows by window row, window column, channel), `bias [O]`; gives `[B, H, W, O]`.
pub fn conv(x: Tensor<4>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if is_flex(&x.device()) {
        return flex::conv(x, weight, bias);
    }
    conv_plain(x, weight, bias)
}

/// A linear layer: `[B, I]` to `[B, O]`.
pub fn linear(layer: &Linear, x: Tensor<2>) -> Tensor<2> {
    match &layer.bias {
        Some(bias) => affine(x, layer.weight.val(), bias.val()),
        None => layer.forward(x),
    }
}

/// `x W + b`: rows `[B, I]`, weights `[I, O]` and a bias `[O]` to `[B, O]`.
pub fn affine(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_flex(&x.device()) {
        // A convolution that sees one pixel.
        let ([rows, inputs], outputs) = (x.dims(), bias.dims()[0]);
        let y = flex::conv(x.reshape([1, rows, 1, inputs]), weight, bias);
        return y.reshape([rows, outputs]);
    }
    x.matmul(weight) + bias.unsqueeze::<2>()
}

/// `x / (1 + exp(-x))` of rows `[B, N]`.
pub fn silu(x: Tensor<2>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_flex(&x.device()) {
        // The activation of one image, not modulated.
        let [rows, width] = x.dims();
        let none = Tensor::zeros([1, width], &x.device());
        return flex::norm_act(x.reshape([1, rows, 1, width]), none.clone(), none, false).reshape([rows, width]);
    }
    activation::silu(x)
}

/// `most tanh(x / most)`: close to `x` where that is small, and never beyond `most`.
pub fn cap(x: Tensor<2>, most: f32) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if is_flex(&x.device()) {
        return flex::cap(x, most);
    }
    cap_plain(x, most)
}

fn cap_plain(x: Tensor<2>, most: f32) -> Tensor<2> {
    x.div_scalar(most).tanh().mul_scalar(most)
}

/// `silu(norm(x) (1 + scale) + shift)`; with `norm`, each pixel is divided by the root mean square of its channels.
///
/// `x [B, H, W, C]`, `scale` and `shift` `[B, C]`; gives `[B, H, W, C]`.
pub fn norm_act(x: Tensor<4>, scale: Tensor<2>, shift: Tensor<2>, norm: bool) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if is_flex(&x.device()) {
        return flex::norm_act(x, scale, shift, norm);
    }
    norm_act_plain(x, scale, shift, norm)
}

fn conv_plain(x: Tensor<4>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<4> {
    let [batch, h, w, c] = x.dims();
    let [columns, outputs] = weight.dims();
    if columns == c {
        // A window of one pixel is one matrix product.
        let y = x.reshape([batch * h * w, c]).matmul(weight) + bias.reshape([1, outputs]);
        return y.reshape([batch, h, w, outputs]);
    }
    let k = kernel(columns, c);
    let weight = weight.reshape([k, k, c, outputs]).permute([3, 2, 0, 1]);
    let options = ConvOptions::new([1, 1], [k / 2, k / 2], [1, 1], 1);
    module::conv2d(x.permute([0, 3, 1, 2]), weight, Some(bias), options).permute([0, 2, 3, 1])
}

fn norm_act_plain(x: Tensor<4>, scale: Tensor<2>, shift: Tensor<2>, norm: bool) -> Tensor<4> {
    let [b, _, _, c] = x.dims();
    let x = match norm {
        true => x.clone() / (x.powf_scalar(2.0).mean_dim(3) + 1e-5).sqrt(),
        false => x,
    };
    activation::silu(x * (scale.reshape([b, 1, 1, c]) + 1.0) + shift.reshape([b, 1, 1, c]))
}

/// The width of a window of `columns` numbers with `channels` a pixel.
fn kernel(columns: usize, channels: usize) -> usize {
    let k = (columns / channels).isqrt();
    debug_assert!(k * k * channels == columns && k % 2 == 1, "{columns} numbers of {channels} channels");
    k
}

#[cfg(feature = "flex")]
mod flex {
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops};
    use burn::backend::{Flex, TensorMetadata};
    use burn::tensor::Tensor;

    use super::kernel;
    use crate::nets::flat::{Flat, numbers, operation, tensor};
    use crate::nets::kernels::{self, Activation, Window};
    use crate::nets::winograd::Tiles;

    fn window(x: &Flat, weight: &Flat) -> (Window, usize) {
        let [batch, height, width, channels] = x.shape().dims();
        let [columns, outputs] = weight.shape().dims();
        (Window { batch, height, width, channels, kernel: kernel(columns, channels) }, outputs)
    }

    /// The sizes of a convolution that Winograd's way suits.
    fn tiles(window: &Window, outputs: usize) -> Option<Tiles> {
        let Window { batch, height, width, channels, kernel } = *window;
        let tiles = Tiles { batch, height, width, inputs: channels, outputs };
        (kernel == 3 && tiles.fits()).then_some(tiles)
    }

    fn forward(x: &Flat, weight: &Flat, bias: &Flat) -> Flat {
        let (window, outputs) = window(x, weight);
        let (values, weight, bias) = (numbers(x), numbers(weight), numbers(bias));
        let y = match tiles(&window, outputs) {
            Some(tiles) => tiles.forward(&values, &tiles.weights(&weight), &bias),
            None => window.forward(&values, &weight, &bias),
        };
        tensor(y, [window.batch, window.height, window.width, outputs])
    }

    /// The gradient of the images is a convolution of the gradient with the window turned round.
    fn input_gradient(x: &Flat, weight: &Flat, grad: &Flat) -> Flat {
        let (window, outputs) = window(x, weight);
        let (c, k2) = (window.channels, window.kernel * window.kernel);
        let weight = numbers(weight);
        if k2 == 1 {
            return tensor(window.pixel_gradient(&weight, &numbers(grad), outputs), x.shape());
        }
        let mut turned = Vec::with_capacity(weight.len());
        for position in (0..k2).rev() {
            for o in 0..outputs {
                turned.extend((0..c).map(|i| weight[(position * c + i) * outputs + o]));
            }
        }
        forward(grad, &tensor(turned, [k2 * outputs, c]), &tensor(vec![0.0; c], [c]))
    }

    fn weight_gradient(x: &Flat, weight: &Flat, grad: &Flat) -> (Flat, Flat) {
        let (window, outputs) = window(x, weight);
        let (x, grad) = (numbers(x), numbers(grad));
        let (w, b) = match tiles(&window, outputs) {
            Some(tiles) => tiles.weight_gradient(&x, &grad),
            None => window.weight_gradient(&x, &grad, outputs),
        };
        (tensor(w, [window.columns(), outputs]), tensor(b, [outputs]))
    }

    #[derive(Debug)]
    struct Conv;

    impl Backward<Flex, 3> for Conv {
        type State = (Flat, Flat);

        fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
            let grad = grads.consume::<Flex>(&ops.node);
            let (x, weight) = ops.state;
            let [to_x, to_weight, to_bias] = ops.parents;
            if let Some(node) = to_x {
                grads.register::<Flex>(node.id, input_gradient(&x, &weight, &grad));
            }
            if to_weight.is_some() || to_bias.is_some() {
                let (w, b) = weight_gradient(&x, &weight, &grad);
                to_weight.into_iter().for_each(|node| grads.register::<Flex>(node.id, w.clone()));
                to_bias.into_iter().for_each(|node| grads.register::<Flex>(node.id, b.clone()));
            }
        }
    }

    fn activation_of(x: &Flat, norm: bool) -> Activation {
        let [_, height, width, channels] = x.shape().dims();
        Activation { pixels: height * width, channels, norm }
    }

    #[derive(Debug)]
    struct NormAct;

    impl Backward<Flex, 3> for NormAct {
        type State = (Flat, Flat, Flat, bool);

        fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
            let grad = grads.consume::<Flex>(&ops.node);
            let (x, scale, shift, norm) = ops.state;
            let parts =
                activation_of(&x, norm).backward(&numbers(&x), &numbers(&scale), &numbers(&shift), &numbers(&grad));
            for ((node, values), like) in ops.parents.into_iter().zip(parts).zip([&x, &scale, &shift]) {
                if let Some(node) = node {
                    grads.register::<Flex>(node.id, tensor(values, like.shape()));
                }
            }
        }
    }

    fn activate(x: &Flat, scale: &Flat, shift: &Flat, norm: bool) -> Flat {
        let y = activation_of(x, norm).forward(&numbers(x), &numbers(scale), &numbers(shift));
        tensor(y, x.shape())
    }

    #[derive(Debug)]
    struct Cap;

    impl Backward<Flex, 1> for Cap {
        type State = (Flat, f32);

        fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
            let grad = grads.consume::<Flex>(&ops.node);
            let (y, most) = ops.state;
            if let [Some(node)] = ops.parents {
                let dx = kernels::cap_gradient(&numbers(&y), most, &numbers(&grad));
                grads.register::<Flex>(node.id, tensor(dx, y.shape()));
            }
        }
    }

    pub fn cap(x: Tensor<2>, most: f32) -> Tensor<2> {
        let plain = |x: &Flat| tensor(kernels::cap(&numbers(x), most), x.shape());
        operation!(Cap, plain, |y: &Flat, _| (y.clone(), most), x)
    }

    pub fn conv(x: Tensor<4>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<4> {
        operation!(Conv, forward, |_: &Flat, x, weight, _| (x, weight), x, weight, bias)
    }

    pub fn norm_act(x: Tensor<4>, scale: Tensor<2>, shift: Tensor<2>, norm: bool) -> Tensor<4> {
        let plain = |x: &Flat, scale: &Flat, shift: &Flat| activate(x, scale, shift, norm);
        operation!(NormAct, plain, |_: &Flat, x, scale, shift| (x, scale, shift, norm), x, scale, shift)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use verisim_data::rng::{normal, stream};

    fn random<const D: usize>(shape: [usize; D], index: u64) -> TensorData {
        let mut rng = stream(7, "conv test", index);
        TensorData::new((0..shape.iter().product()).map(|_| normal(&mut rng) as f32).collect::<Vec<f32>>(), shape)
    }

    fn host<const D: usize>(t: Tensor<D>) -> Vec<f32> {
        t.into_data().try_into_vec::<f32>().unwrap()
    }

    fn close(a: &[f32], b: &[f32], what: &str) {
        assert_eq!(a.len(), b.len(), "{what}");
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            assert!((a - b).abs() < 1e-3 + 1e-3 * b.abs(), "{what}[{i}]: {a} and {b}");
        }
    }

    /// The result and the three gradients of `sum(g y)` for a fixed random `g`.
    fn run(
        f: impl Fn(Tensor<4>, Tensor<2>, Tensor<2>) -> Tensor<4>,
        a: &TensorData,
        b: &TensorData,
        c: &TensorData,
    ) -> [Vec<f32>; 4] {
        let device = Device::flex().autodiff();
        let (a, b) = (
            Tensor::<4>::from_data(a.clone(), &device).require_grad(),
            Tensor::<2>::from_data(b.clone(), &device).require_grad(),
        );
        let c = Tensor::<2>::from_data(c.clone(), &device).require_grad();
        let y = f(a.clone(), b.clone(), c.clone());
        let g = Tensor::<4>::from_data(random(y.dims(), 9), &device);
        let grads = (y.clone() * g).sum().backward();
        [host(y.inner()), host(a.grad(&grads).unwrap()), host(b.grad(&grads).unwrap()), host(c.grad(&grads).unwrap())]
    }

    #[test]
    fn both_forms_of_a_convolution_agree_with_their_gradients() {
        let windows = [([3, 5, 7, 4], 3, 6), ([17, 4, 4, 1], 5, 3), ([2, 3, 2, 20], 1, 33), ([1, 2, 2, 3], 5, 2)];
        // Whole lanes of channels: sides even and odd, one pixel, several tasks.
        let tiles = [([2, 4, 6, 16], 3, 32), ([3, 7, 5, 32], 3, 16), ([1, 1, 1, 16], 3, 16), ([7, 16, 16, 64], 3, 48)];
        for ([b, h, w, c], k, o) in windows.into_iter().chain(tiles) {
            let (x, weight, bias) = (random([b, h, w, c], 0), random([k * k * c, o], 1), random([1, o], 2));
            let fast = run(|x, w, b| conv(x, w, b.flatten(0, 1)), &x, &weight, &bias);
            let plain = run(|x, w, b| conv_plain(x, w, b.flatten(0, 1)), &x, &weight, &bias);
            for (what, (a, b)) in ["y", "x", "weight", "bias"].iter().zip(fast.iter().zip(&plain)) {
                close(a, b, what);
            }
        }
    }

    #[test]
    fn both_forms_of_a_modulated_activation_agree_with_their_gradients() {
        for ([b, h, w, c], norm) in [([3, 5, 2, 4], true), ([2, 3, 3, 37], true), ([2, 2, 3, 16], false)] {
            let (x, scale, shift) = (random([b, h, w, c], 0), random([b, c], 1), random([b, c], 2));
            let fast = run(|x, s, t| norm_act(x, s, t, norm), &x, &scale, &shift);
            let plain = run(|x, s, t| norm_act_plain(x, s, t, norm), &x, &scale, &shift);
            for (what, (a, b)) in ["y", "x", "scale", "shift"].iter().zip(fast.iter().zip(&plain)) {
                close(a, b, what);
            }
        }
    }

    #[test]
    fn both_forms_of_a_bound_agree_with_their_gradients() {
        let device = Device::flex().autodiff();
        let run = |f: fn(Tensor<2>, f32) -> Tensor<2>| {
            let x = (Tensor::<2>::from_data(random([40, 37], 0), &device) * 8.0).require_grad();
            let g = Tensor::<2>::from_data(random([40, 37], 1), &device);
            let y = f(x.clone(), 12.0);
            let grads = (y.clone() * g).sum().backward();
            [host(y.inner()), host(x.grad(&grads).unwrap())]
        };
        for (what, (a, b)) in ["y", "x"].iter().zip(run(cap).iter().zip(&run(cap_plain))) {
            a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{what}: {a} and {b}"));
        }
    }

    /// Both with gradients, of which a convolution that sees one pixel, and an activation of one image, are their own.
    #[test]
    fn linear_layers_and_activations_agree_with_those_of_burn() {
        let device = Device::flex().autodiff();
        for (rows, inputs, outputs) in [(5, 3, 7), (4100, 32, 16), (1, 1, 1)] {
            let layer = crate::nets::Init::new(3, &device).linear(inputs, outputs);
            let run = |f: &dyn Fn(Tensor<2>) -> Tensor<2>| {
                let x = Tensor::<2>::from_data(random([rows, inputs], 0), &device).require_grad();
                let y = f(x.clone());
                let g = Tensor::<2>::from_data(random([rows, outputs], 1), &device);
                let grads = (y.clone() * g).sum().backward();
                let (w, b) = (layer.weight.val(), layer.bias.as_ref().unwrap().val());
                [
                    host(y.inner()),
                    host(x.grad(&grads).unwrap()),
                    host(w.grad(&grads).unwrap()),
                    host(b.grad(&grads).unwrap()),
                ]
            };
            let fast = run(&|x| silu(linear(&layer, x)));
            let plain = run(&|x| activation::silu(layer.forward(x)));
            for (what, (a, b)) in ["y", "x", "weight", "bias"].iter().zip(fast.iter().zip(&plain)) {
                close(a, b, what);
            }
        }
    }

    /// One white pixel under a 3 x 3 window of the numbers 1 to 9: the window turned round, as a correlation has it.
    #[test]
    fn a_window_is_laid_out_by_row_column_channel() {
        let device = Device::flex();
        let mut x = vec![0f32; 25];
        x[12] = 1.0;
        let x = Tensor::<4>::from_data(TensorData::new(x, [1, 5, 5, 1]), &device);
        let weight =
            Tensor::<2>::from_data(TensorData::new((1..=9).map(|v| v as f32).collect::<Vec<_>>(), [9, 1]), &device);
        let y = host(conv(x, weight, Tensor::zeros([1], &device)));
        assert_eq!(y[6..9], [9.0, 8.0, 7.0]);
        assert_eq!(y[16..19], [3.0, 2.0, 1.0]);
        assert_eq!(y[..5], [0.0; 5]);
    }

    #[cfg(feature = "flex")]
    #[test]
    fn the_fast_sigmoid_is_the_sigmoid() {
        for i in -2000..=2000 {
            let x = i as f32 * 0.05;
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            let got = f64::from(crate::nets::kernels::sigmoid(x));
            assert!((got - exact).abs() <= 1e-5 * exact.max(1e-30) + 1e-37, "{x}: {got} and {exact}");
        }
    }
}
