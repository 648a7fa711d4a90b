//! Tensors of the `flex` backend as the slices of numbers that they are, and operations of our own on them.

use std::borrow::Cow;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use burn::tensor::{GradientCheckpointingStrategy, Shape, Tensor, TensorData};

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

/// With its place in the graph of gradients. An operation of our own keeps what its gradient needs; the tensors around it may
/// compute theirs again.
pub fn tracked<const D: usize>(tensor: Tensor<D>) -> FloatTensor<Autodiff<Flex>> {
    let tensor = tensor.with_gradient_checkpointing_strategy(GradientCheckpointingStrategy::Disabled);
    let tracked = tensor.try_into_primitive::<Autodiff<Flex>>();
    tracked.unwrap_or_else(|_| unreachable!("the tensors of an operation lie on one device"))
}

/// Runs an operation on tensors of one device: `plain` without gradients, else with the backward step, and the state that
/// `state` makes of the result and the inputs. Returns from the function around it.
macro_rules! operation {
    ($step:expr, $plain:expr, $state:expr, $first:ident $(, $other:ident)*) => {{
        use burn::backend::Autodiff;
        use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
        use burn::backend::autodiff::ops::OpsKind;
        use $crate::nets::flat::{flat, tracked};

        if !$first.device().is_autodiff() {
            let $first = flat($first);
            $(let $other = flat($other);)*
            return Tensor::from_primitive::<Flex>($plain(&$first $(, &$other)*));
        }
        let strategy = $first.gradient_checkpointing_strategy();
        let $first = tracked($first).into_parts();
        $(let $other = tracked($other).into_parts();)*
        let y = $plain(&$first.0 $(, &$other.0)*);
        let nodes = [$first.1 $(, $other.1)*];
        let y = match $step.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish($state(&y, $first.0 $(, $other.0)*), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        let y = Tensor::from_primitive::<Autodiff<Flex>>(y);
        match strategy {
            Some(strategy) => y.with_gradient_checkpointing_strategy(strategy),
            None => y,
        }
    }};
}
pub(crate) use operation;
