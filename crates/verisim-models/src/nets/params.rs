//! Parameters of a module as weights, and their exponential moving average.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

use crate::error::{Error, Result};
use crate::weights::Weights;

/// The parameters of `module`, named `p0`, `p1`, ... in the order of its fields. Reads from the device.
pub fn weights_of<M: Module>(module: &M) -> Weights {
    struct Collect(Weights, usize);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            let shape = tensor.dims();
            let numbers = tensor.into_data().try_into_vec::<f32>().unwrap_or_default();
            self.0.put_f32(format!("p{}", self.1), &shape, numbers);
            self.1 += 1;
        }
    }
    let mut collect = Collect(Weights::default(), 0);
    module.visit(&mut collect);
    collect.0
}

/// `module` with the parameters of `weights`; an error when one is missing or of another shape.
pub fn with_weights<M: Module>(module: M, weights: &mut Weights) -> Result<M> {
    struct Load<'a>(&'a mut Weights, usize, Option<Error>);
    impl ModuleMapper for Load<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let name = format!("p{}", self.1);
            self.1 += 1;
            let tensor = param.val();
            let expected = tensor.dims();
            match self.0.take_f32(&name) {
                Ok((shape, numbers)) if shape == expected => {
                    let data = TensorData::new(numbers, shape);
                    param.map(|old| {
                        Tensor::from_data(data, &old.device().without_autodiff())
                            .to_device(&old.device())
                            .require_grad()
                    })
                }
                Ok((shape, _)) => {
                    let problem = format!("has shape {shape:?}, the model needs {expected:?}");
                    self.2.get_or_insert(Error::Tensor { name, problem });
                    param
                }
                Err(e) => {
                    self.2.get_or_insert(e);
                    param
                }
            }
        }
    }
    let mut load = Load(weights, 0, None);
    let module = module.map(&mut load);
    load.2.map_or(Ok(module), Err)
}

/// An exponential moving average of a module's parameters, kept on the device.
///
/// The decay warms up as `min(decay, (1 + t) / (10 + t))`, so that early averages are not the initial weights.
#[derive(Clone, Debug)]
pub struct Ema<M> {
    average: M,
    decay: f64,
    steps: u64,
}

impl<M: Module> Ema<M> {
    /// An average that starts at `module`.
    pub fn new(module: &M, decay: f64) -> Self {
        Ema { average: module.valid(), decay, steps: 0 }
    }

    /// Moves the average towards `module`.
    pub fn update(&mut self, module: &M) {
        self.steps += 1;
        let t = self.steps as f64;
        let keep = self.decay.min((1.0 + t) / (10.0 + t));
        let mut latest = Latest(Vec::new());
        module.visit(&mut latest);
        let mut blend = Blend { latest: latest.0.into_iter(), keep };
        self.average = self.average.clone().map(&mut blend);
    }

    /// The average, without gradients.
    pub fn average(&self) -> &M {
        &self.average
    }

    /// Steps averaged so far, for checkpoints.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Takes up an average that was saved after `steps` steps.
    pub fn restore(&mut self, average: &mut Weights, steps: u64) -> Result<()> {
        self.average = with_weights(self.average.clone(), average)?.valid();
        self.steps = steps;
        Ok(())
    }
}

/// Parameters flattened, so that tensors of any rank fit one list.
struct Latest(Vec<Tensor<1>>);

impl ModuleVisitor for Latest {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().inner().flatten(0, D - 1));
    }
}

struct Blend {
    latest: std::vec::IntoIter<Tensor<1>>,
    keep: f64,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.latest.next() {
            Some(latest) => param.map(|old| {
                let shape = old.dims();
                old.mul_scalar(self.keep) + latest.reshape(shape).mul_scalar(1.0 - self.keep)
            }),
            None => param,
        }
    }
}
