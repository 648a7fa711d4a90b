//! Tensors of the `flex` backend as the slices of numbers that they are.

use std::borrow::Cow;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Shape, Tensor, TensorData};

/// A tensor of floats in the host's memory.
pub type Flat = FloatTensor<Flex>;

/// The numbers row by row; copied where the tensor is a view of another layout.
pub fn numbers(tensor: &Flat) -> Cow<'_, [f32]> {
    match tensor.as_slice::<f32>() {
        Some(slice) => slice.into(),
        None => {
            let whole = tensor.to_contiguous();
            whole.as_slice::<f32>().unwrap_or_default().to_vec().into()
        }
    }
}

/// A tensor of these numbers, row by row.
pub fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> Flat {
    Flat::from_data(TensorData::new(values, shape))
}

/// The tensor without its place in a graph; the caller has made sure that it lies on `flex`.
pub fn flat<const D: usize>(tensor: Tensor<D>) -> Flat {
    tensor.try_into_primitive::<Flex>().unwrap_or_else(|_| unreachable!("the tensor lies on flex"))
}

/// As [`flat`], with its numbers row by row in memory that is all its own: of a view or of a part of a larger tensor, a copy.
pub fn whole<const D: usize>(of: Tensor<D>) -> Flat {
    let flat = flat(of);
    if flat.as_slice::<f32>().is_some_and(|s| s.len() == flat.storage::<f32>().len()) {
        return flat;
    }
    let values = numbers(&flat).into_owned();
    tensor(values, flat.shape())
}
