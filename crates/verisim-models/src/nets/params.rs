//! Parameters of a module as weights, and their exponential moving average.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

use super::adamw::blend;
use crate::error::{Error, Result};
use crate::read;
use crate::weights::Weights;

/// The parameters of `module`, named `p0`, `p1`, ... in the order of its fields. Reads from the device.
pub fn weights_of<M: Module>(module: &M) -> Result<Weights> {
    struct Collect(Weights, usize, Option<Error>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            let shape = tensor.dims();
            match read::numbers(tensor) {
                Ok(numbers) => self.0.put_f32(format!("p{}", self.1), &shape, numbers),
                Err(e) => drop(self.2.get_or_insert(e)),
            }
            self.1 += 1;
        }
    }
    let mut collect = Collect(Weights::default(), 0, None);
    module.visit(&mut collect);
    collect.2.map_or(Ok(collect.0), Err)
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
                        let tensor = Tensor::from_data(data, &old.device());
                        if old.device().is_autodiff() { tensor.require_grad() } else { tensor }
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
/// It also remembers the best average so far, which is what a finished training samples from.
///
/// The decay warms up as `min(decay, (1 + t) / (10 + t))`, so that early averages are not the initial weights.
#[derive(Clone, Debug)]
pub struct Ema<M> {
    average: M,
    best: Option<M>,
    decay: f64,
    steps: u64,
}

impl<M: Module> Ema<M> {
    /// An average that starts at `module`.
    pub fn new(module: &M, decay: f64) -> Self {
        Ema { average: module.valid(), best: None, decay, steps: 0 }
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

    /// Remembers the average as it is now as the best.
    pub fn keep(&mut self) {
        self.best = Some(self.average.clone());
    }

    /// The best average, or the last when none was kept.
    pub fn best(&self) -> M {
        self.best.as_ref().unwrap_or(&self.average).clone()
    }

    /// Everything that [`load`](Ema::load) needs, among other weights.
    pub fn save(&self, weights: &mut Weights) -> Result<()> {
        weights.extend("ema", weights_of(&self.average)?);
        weights.put_u32("ema_steps", &[1], vec![self.steps as u32]);
        if let Some(best) = &self.best {
            weights.extend("best", weights_of(best)?);
        }
        Ok(())
    }

    /// Takes up what [`save`](Ema::save) wrote.
    pub fn load(&mut self, weights: &mut Weights) -> Result<()> {
        self.average = with_weights(self.average.clone(), &mut weights.split_off("ema"))?.valid();
        self.steps = u64::from(weights.take_u32("ema_steps")?.1.first().copied().unwrap_or(0));
        let mut best = weights.split_off("best");
        if best.count() > 0 {
            self.best = Some(with_weights(self.average.clone(), &mut best)?);
        }
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
                blend(old, latest.reshape(shape), self.keep)
            }),
            None => param,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;
    use crate::nets::Init;
    use burn::nn::Linear;
    use burn::optim::GradientsParams;
    use burn::tensor::Device;
    use verisim_data::rng::{normal, stream};

    /// The gradients of the parameters in the order of the fields; zeros where there is none.
    pub(crate) fn flat_gradients<M: Module>(module: &M, grads: &GradientsParams) -> Vec<Vec<f64>> {
        struct Flat<'a>(&'a GradientsParams, Vec<Vec<f64>>);
        impl ModuleVisitor for Flat<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let count = param.val().dims().iter().product::<usize>();
                self.1.push(match self.0.get::<D>(param.id) {
                    Some(g) => g.into_data().try_into_vec::<f32>().unwrap().into_iter().map(f64::from).collect(),
                    None => vec![0.0; count],
                });
            }
        }
        let mut flat = Flat(grads, Vec::new());
        module.visit(&mut flat);
        flat.1
    }

    /// Compares the gradients of `loss` with central differences of `h` to either side, for about seven numbers of each parameter.
    pub(crate) fn assert_gradients<M: Module>(module: &M, h: f32, loss: impl Fn(&M) -> Tensor<1>) {
        let exact = flat_gradients(module, &GradientsParams::from_grads(loss(module).backward(), module));
        let weights = weights_of(module).unwrap();
        let largest = exact.iter().flatten().fold(0.0, |m: f64, g| m.max(g.abs()));
        assert!(largest > 0.05, "the largest gradient is {largest}: there is nothing to compare");
        for (p, exact) in exact.iter().enumerate() {
            for i in (0..exact.len()).step_by(exact.len().div_ceil(7).max(1)) {
                let shifted = |by: f32| {
                    let mut weights = weights.clone();
                    let (shape, mut numbers) = weights.take_f32(&format!("p{p}")).unwrap();
                    numbers[i] += by;
                    weights.put_f32(format!("p{p}"), &shape, numbers);
                    f64::from(loss(&with_weights(module.clone(), &mut weights).unwrap()).into_scalar::<f32>())
                };
                let numeric = (shifted(h) - shifted(-h)) / (2.0 * f64::from(h));
                let error = (numeric - exact[i]).abs();
                assert!(
                    error < 0.01 + 0.02 * exact[i].abs(),
                    "p{p}[{i}]: {} by autodiff, {numeric} by differences",
                    exact[i]
                );
            }
        }
    }

    /// `module` with normal noise added to all parameters, so that none stays at the zero where it starts.
    pub(crate) fn shaken<M: Module>(module: M, by: f64) -> M {
        let mut rng = stream(1, "shaken", 0);
        let mut weights = weights_of(&module).unwrap();
        for p in 0..weights.iter().count() {
            let (shape, mut numbers) = weights.take_f32(&format!("p{p}")).unwrap();
            numbers.iter_mut().for_each(|x| *x += (by * normal(&mut rng)) as f32);
            weights.put_f32(format!("p{p}"), &shape, numbers);
        }
        with_weights(module, &mut weights).unwrap()
    }

    /// `module` with parameters of zeros, but for the last ones, which are those of `last`.
    pub(crate) fn zeroed<M: Module>(module: M, last: &[&[f32]]) -> M {
        let mut weights = weights_of(&module).unwrap();
        let count = weights.iter().count();
        for p in 0..count {
            let (shape, numbers) = weights.take_f32(&format!("p{p}")).unwrap();
            let numbers = match (p + last.len()).checked_sub(count) {
                Some(k) => last[k].to_vec(),
                None => vec![0.0; numbers.len()],
            };
            weights.put_f32(format!("p{p}"), &shape, numbers);
        }
        with_weights(module, &mut weights).unwrap()
    }

    fn layer(seed: u64, device: &Device) -> Linear {
        Init::new(seed, device).linear(3, 2)
    }

    fn numbers(weights: &Weights) -> Vec<f32> {
        let mut weights = weights.clone();
        [weights.take_f32("p0").unwrap().1, weights.take_f32("p1").unwrap().1].concat()
    }

    #[test]
    fn parameters_go_out_and_come_back() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            let (one, other) = (layer(1, &device), layer(2, &device));
            let weights = weights_of(&one).unwrap();
            assert_eq!(weights.count(), 3 * 2 + 2);
            assert_ne!(weights, weights_of(&other).unwrap());
            let back = with_weights(other, &mut weights.clone()).unwrap();
            assert_eq!(weights_of(&back).unwrap(), weights);
        }
    }

    #[test]
    fn parameters_that_do_not_fit_are_refused() {
        let device = Device::flex();
        let mut turned = weights_of(&layer(1, &device)).unwrap();
        let (_, values) = turned.take_f32("p0").unwrap();
        turned.put_f32("p0", &[2, 3], values);
        let error = with_weights(layer(1, &device), &mut turned).unwrap_err().to_string();
        assert!(error.contains("\"p0\"") && error.contains("[2, 3]") && error.contains("[3, 2]"), "{error}");
        let mut short = weights_of(&layer(1, &device)).unwrap();
        short.take_f32("p1").unwrap();
        let error = with_weights(layer(1, &device), &mut short).unwrap_err().to_string();
        assert!(error.contains("\"p1\" is missing"), "{error}");
    }

    /// `average = keep average + (1 - keep) latest`, with `keep = min(decay, (1 + t) / (10 + t))`.
    #[test]
    fn the_average_follows_its_formula() {
        let device = Device::flex().autodiff();
        let layers: Vec<Linear> = (0..4).map(|seed| layer(seed, &device)).collect();
        let mut ema = Ema::new(&layers[0], 0.26);
        let mut expected = numbers(&weights_of(&layers[0]).unwrap());
        for (latest, keep) in layers[1..].iter().zip([2.0 / 11.0, 3.0 / 12.0, 0.26]) {
            ema.update(latest);
            for (e, l) in expected.iter_mut().zip(numbers(&weights_of(latest).unwrap())) {
                *e = keep * *e + (1.0 - keep) * l;
            }
        }
        let average = numbers(&weights_of(ema.average()).unwrap());
        assert!(average.iter().zip(&expected).all(|(a, e)| (a - e).abs() < 1e-6), "{average:?} {expected:?}");
        let mut again = Ema::new(&layers[0], 0.26);
        let mut saved = Weights::default();
        ema.save(&mut saved).unwrap();
        again.load(&mut saved).unwrap();
        ema.update(&layers[0]);
        again.update(&layers[0]);
        assert_eq!(weights_of(ema.average()).unwrap(), weights_of(again.average()).unwrap());
    }
}
