//! Sums over a whole tensor that come out the same each time. `Tensor::sum` and `Tensor::mean` let several groups of a GPU's threads add
//! to one cell in the order in which they end: the last digits then differ between two runs of one config, a gradient clipped by
//! such a norm as well, and with it the model.

use burn::tensor::Tensor;

/// The sum of all elements, in an order that the shape alone decides: along rows, then over them.
pub fn sum<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let all = tensor.shape().num_elements();
    let rows = if D == 1 { 1 } else { tensor.dims()[0].max(1) };
    tensor.reshape([rows, all / rows]).sum_dim(1).sum_dim(0).reshape([1])
}

/// The mean of all elements, summed as in [`sum`].
pub fn mean<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let all = tensor.shape().num_elements();
    sum(tensor) / all as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn all_elements_are_added_whatever_the_shape() {
        let device = Device::flex();
        let x = Tensor::<1>::from_floats([1.0, -2.0, 4.0, 0.5, 8.0, 16.0], &device);
        let number = |t: Tensor<1>| t.into_scalar::<f32>();
        assert_eq!(number(sum(x.clone())), 27.5);
        assert_eq!(number(sum(x.clone().reshape([3, 2]))), 27.5);
        assert_eq!(number(sum(x.clone().reshape([1, 3, 2, 1]))), 27.5);
        assert_eq!(number(mean(x.reshape([2, 3]))), 27.5 / 6.0);
    }
}
