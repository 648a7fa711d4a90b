//! Gradients of a batch: cut into shards that run at the same time, added up in order, and clipped.

use std::ops::Range;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use crate::learn::{Clock, Losses, Setup};
use crate::nets::adamw::squares;
use crate::nets::sum;

/// Runs `shard(s, module)` for every shard and adds up the gradients of the losses that it returns.
///
/// `shard` gets its own fork of the module. It returns the loss to differentiate, already divided so that shards add up, and the
/// losses to log.
pub fn gradients<M, F>(module: &M, shards: usize, device: &Device, shard: F) -> (GradientsParams, Vec<Losses>)
where
    M: Module + Sync,
    F: Fn(usize, &M) -> (Tensor<1>, Losses) + Sync,
{
    let mut sum = GradientsAccumulator::<M>::new();
    let logs = add_gradients(&mut sum, module, &(0..shards).collect::<Vec<_>>(), device, |&s, module| shard(s, module));
    (sum.grads(), logs)
}

/// `tensor` as part of a graph of gradients on `device`. All tensors of an operation must agree on whether activations are computed
/// again for the gradient (`train.recompute`); the device says so.
pub fn tracked<const D: usize>(tensor: Tensor<D>, device: &Device) -> Tensor<D> {
    let tensor = Tensor::from_inner(tensor);
    match device.gradient_checkpointing_strategy() {
        Some(strategy) => tensor.with_gradient_checkpointing_strategy(strategy),
        None => tensor,
    }
}

/// How the rows of a batch are cut: into `together` shards that run at the same time, `turns` times over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cuts {
    /// Shards at a time.
    pub together: usize,
    /// Turns, one after another: gradients add up, and only one turn's activations are in memory.
    pub turns: usize,
}

impl Cuts {
    /// As a training of images asks for by `accumulate`.
    pub fn of(setup: &Setup<'_>) -> Cuts {
        Cuts { together: setup.shards, turns: setup.training.accumulate }
    }
}

/// The index of the random stream of the part of a step's batch that is `rows`.
pub fn part(clock: &Clock, rows: &Range<usize>) -> u64 {
    (clock.step << 24) + rows.start as u64
}

/// As [`gradients`], over a batch of `rows` rows: `shard` gets the rows of its own, never none.
pub fn gradients_of_rows<M, F>(
    module: &M,
    cuts: Cuts,
    rows: usize,
    device: &Device,
    shard: F,
) -> (GradientsParams, Vec<Losses>)
where
    M: Module + Sync,
    F: Fn(Range<usize>, &M) -> (Tensor<1>, Losses) + Sync,
{
    let each = rows.div_ceil((cuts.together * cuts.turns).max(1)).max(1);
    let ranges: Vec<Range<usize>> = (0..rows).step_by(each).map(|from| from..(from + each).min(rows)).collect();
    let mut sum = GradientsAccumulator::<M>::new();
    let mut logs = Vec::with_capacity(ranges.len());
    for turn in ranges.chunks(cuts.together.max(1)) {
        logs.extend(add_gradients(&mut sum, module, turn, device, |rows, module| shard(rows.clone(), module)));
    }
    (sum.grads(), logs)
}

/// Runs `shard` for each of `parts` at the same time, and adds their gradients to `sum` in order.
fn add_gradients<M, P, F>(
    sum: &mut GradientsAccumulator<M>,
    module: &M,
    parts: &[P],
    device: &Device,
    shard: F,
) -> Vec<Losses>
where
    M: Module + Sync,
    P: Sync,
    F: Fn(&P, &M) -> (Tensor<1>, Losses) + Sync,
{
    let forks: Vec<M> = parts.iter().map(|_| module.clone().fork(device)).collect();
    let run = |(part, fork): (&P, &M)| {
        let (loss, log) = shard(part, fork);
        (GradientsParams::from_grads(loss.backward(), fork), log)
    };
    let done: Vec<(GradientsParams, Losses)> = match parts {
        [part] => vec![run((part, &forks[0]))],
        _ => parts.par_iter().zip(&forks).map(run).collect(),
    };
    done.into_iter()
        .map(|(grads, log)| {
            sum.accumulate(module, grads);
            log
        })
        .collect()
}

/// Losses of the same names added over shards.
pub fn add_losses(shards: Vec<Losses>) -> Losses {
    let mut shards = shards.into_iter();
    let mut sum = shards.next().unwrap_or_default();
    for shard in shards {
        for ((_, a), (_, b)) in sum.iter_mut().zip(shard) {
            *a = a.clone() + b;
        }
    }
    sum
}

/// Scales gradients so that their joint norm is at most `most`; 0 is no limit. Waits for no GPU.
pub(super) fn clip<M: Module>(module: &M, grads: GradientsParams, most: f64) -> GradientsParams {
    #[cfg(test)]
    tests::note(module, &grads);
    if most == 0.0 {
        return grads;
    }
    let mut norm = Norm { grads: &grads, on_host: 0.0, on_device: Vec::new() };
    module.visit(&mut norm);
    let Norm { on_host, on_device, .. } = norm;
    let on_device = on_device.into_iter().reduce(|a, b| a + b);
    if on_device.is_none() && on_host.sqrt() <= most {
        return grads;
    }
    let on_device = on_device.map(|total| (total.sqrt() + 1e-12).recip().mul_scalar(most).clamp_max(1.0));
    let mut scale = Scale { grads, on_host: most / on_host.sqrt(), on_device, scaled: GradientsParams::new() };
    module.visit(&mut scale);
    scale.scaled
}

/// The sum of squares of all gradients: on the host on a CPU, still on the device otherwise.
struct Norm<'a> {
    grads: &'a GradientsParams,
    on_host: f64,
    on_device: Vec<Tensor<1>>,
}

impl ModuleVisitor for Norm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(grad) = self.grads.get::<D>(param.id) else { return };
        match squares(&grad) {
            Some(sum) => self.on_host += sum,
            None => self.on_device.push(sum(grad.square())),
        }
    }
}

/// Multiplies gradients by a factor that is still on the device, if there is one, else by the one on the host.
struct Scale {
    grads: GradientsParams,
    on_host: f64,
    on_device: Option<Tensor<1>>,
    scaled: GradientsParams,
}

impl ModuleVisitor for Scale {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(grad) = self.grads.remove::<D>(param.id) else { return };
        let scaled = match &self.on_device {
            Some(factor) => grad * factor.clone().reshape([1; D]),
            None => grad * self.on_host,
        };
        self.scaled.register(param.id, scaled);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;
    use std::cell::RefCell;

    use verisim_data::rng::stream;

    use crate::nets::params::tests::flat_gradients;
    use crate::noise;

    thread_local! {
        static NOTED: RefCell<Option<Vec<Vec<Vec<f64>>>>> = const { RefCell::new(None) };
    }

    /// Keeps gradients for [`noted`], if it runs.
    pub(super) fn note<M: Module>(module: &M, grads: &GradientsParams) {
        NOTED.with_borrow_mut(|noted| {
            if let Some(noted) = noted {
                noted.push(flat_gradients(module, grads));
            }
        });
    }

    /// The gradients of each parameter of each network in the steps that `f` takes, before they are clipped.
    pub(crate) fn noted(f: impl FnOnce()) -> Vec<Vec<Vec<f64>>> {
        NOTED.set(Some(Vec::new()));
        f();
        NOTED.take().unwrap()
    }

    fn layer(device: &Device) -> burn::nn::Linear {
        crate::nets::Init::new(5, device).linear(3, 2)
    }

    /// Gradients of the mean over `rows` of the squared outputs, in `shards`.
    fn squares(shards: usize, rows: usize) -> (burn::nn::Linear, GradientsParams, Vec<Losses>) {
        let device = Device::flex().autodiff();
        let module = layer(&device);
        let x = noise::normal(&mut stream(1, "x", 0), rows, 3, &Device::flex());
        let per_shard = rows.div_ceil(shards);
        let (grads, logs) = gradients(&module, shards, &device, |s, module: &burn::nn::Linear| {
            let part = x.clone().narrow(0, s * per_shard, per_shard.min(rows - s * per_shard));
            let loss = module.forward(Tensor::from_inner(part)).powf_scalar(2.0).sum() * (1.0 / rows as f64);
            (loss.clone(), vec![("squares", loss.inner())])
        });
        (module, grads, logs)
    }

    #[test]
    fn shards_add_up_to_the_whole_batch() {
        let (module, whole, one) = squares(1, 7);
        let whole = flat_gradients(&module, &whole);
        for shards in [2, 3] {
            let (module, grads, logs) = squares(shards, 7);
            for (a, b) in whole.iter().flatten().zip(flat_gradients(&module, &grads).iter().flatten()) {
                assert!((a - b).abs() < 1e-5, "{a} in one shard, {b} in {shards}");
            }
            assert_eq!(logs.len(), shards);
            let loss = |logs: Vec<Losses>| add_losses(logs)[0].1.clone().into_scalar::<f32>();
            assert!((loss(logs) - loss(one.clone())).abs() < 1e-5);
        }
    }

    #[test]
    fn turns_add_up_to_the_whole_batch() {
        for (rows, together, turns, parts) in [(7, 2, 1, 2), (7, 1, 3, 3), (7, 2, 2, 4), (3, 2, 2, 3)] {
            let (module, whole, one) = squares(1, rows);
            let x = noise::normal(&mut stream(1, "x", 0), rows, 3, &Device::flex());
            let device = Device::flex().autodiff();
            let shard = |range: Range<usize>, module: &burn::nn::Linear| {
                assert!(!range.is_empty());
                let part = x.clone().narrow(0, range.start, range.len());
                let loss = module.forward(Tensor::from_inner(part)).powf_scalar(2.0).sum() * (1.0 / rows as f64);
                (loss.clone(), vec![("squares", loss.inner())])
            };
            let (grads, logs) = gradients_of_rows(&module, Cuts { together, turns }, rows, &device, shard);
            let (whole, grads) = (flat_gradients(&module, &whole), flat_gradients(&module, &grads));
            for (a, b) in whole.iter().flatten().zip(grads.iter().flatten()) {
                assert!((a - b).abs() < 1e-5, "{a} at once, {b} in {turns} turns of {together}");
            }
            assert_eq!(logs.len(), parts);
            let loss = |logs: Vec<Losses>| add_losses(logs)[0].1.clone().into_scalar::<f32>();
            assert!((loss(logs) - loss(one)).abs() < 1e-5);
        }
    }

    #[test]
    fn clipping_shortens_gradients_and_keeps_their_direction() {
        let (module, grads, _) = squares(1, 8);
        let before = flat_gradients(&module, &grads);
        let norm = |g: &[Vec<f64>]| g.iter().flatten().map(|x| x * x).sum::<f64>().sqrt();
        let length = norm(&before);
        let short = flat_gradients(&module, &clip(&module, grads, 0.25 * length));
        assert!((norm(&short) / length - 0.25).abs() < 1e-5);
        assert!(before.iter().flatten().zip(short.iter().flatten()).all(|(b, s)| (0.25 * b - s).abs() < 1e-5));
        let (module, grads, _) = squares(1, 8);
        let same = flat_gradients(&module, &clip(&module, grads, 2.0 * length));
        assert_eq!(same, before);
    }
}
