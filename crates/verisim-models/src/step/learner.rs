//! A network and all that moves it: what every neural model has, once a network.

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};

use super::gradients::clip;
use super::optimizer::{adamw, load_optimizer, save_optimizer};
use crate::error::Result;
use crate::learn::Clock;
use crate::nets::Ema;
use crate::nets::params::{weights_of, with_weights};
use crate::training::Training;
use crate::weights::Weights;

/// A network in training, with its optimiser and, where it is sampled from, the moving average of its weights.
pub struct Learner<M> {
    net: M,
    optimizer: ModuleOptimizer,
    /// None of a network that nothing is drawn from, such as a critic.
    ema: Option<Ema<M>>,
    /// Highest learning rate.
    rate: f64,
    /// Largest joint norm of the gradients; 0 for no limit.
    clip: f64,
}

impl<M: Module> Learner<M> {
    /// Trains `net`, whose average is what is drawn from in the end.
    pub fn new(net: M, training: &Training) -> Self {
        let ema = Some(Ema::new(&net, training.ema));
        Learner { ema, ..Learner::without_average(net, training) }
    }

    /// Trains `net`, of which no average is kept: it is gone after the training.
    pub fn without_average(net: M, training: &Training) -> Self {
        Learner { net, optimizer: adamw(training), ema: None, rate: training.learning_rate, clip: training.clip }
    }

    /// The network as it is now, with gradients.
    pub fn net(&self) -> &M {
        &self.net
    }

    /// One step of the optimiser along `grads`, clipped, and one of the average.
    pub fn update(&mut self, grads: GradientsParams, clock: &Clock) {
        let grads = clip(&self.net, grads, self.clip);
        self.net = self.optimizer.step(self.rate * clock.rate, self.net.clone(), grads);
        if let Some(ema) = &mut self.ema {
            ema.update(&self.net);
        }
    }

    /// The average of the weights, without gradients; the weights themselves where no average is kept.
    pub fn average(&self) -> M {
        self.ema.as_ref().map_or_else(|| self.net.valid(), |ema| ema.average().clone())
    }

    /// Remembers the average as it is now as the best.
    pub fn keep(&mut self) {
        if let Some(ema) = &mut self.ema {
            ema.keep();
        }
    }

    /// The average that was kept as the best, without gradients; as it is now when none was.
    pub fn best(&self) -> M {
        self.ema.as_ref().map_or_else(|| self.net.valid(), Ema::best)
    }

    /// Adds everything that [`load`](Learner::load) needs, under the name of the network. Only one learner of a model may have
    /// an average: averages are not told apart by name.
    ///
    /// # Errors
    /// When the device fails.
    pub fn save(&self, weights: &mut Weights, name: &str) -> Result<()> {
        weights.extend(name, weights_of(&self.net)?);
        if let Some(ema) = &self.ema {
            ema.save(weights)?;
        }
        save_optimizer(&self.optimizer, weights, &optimizer_of(name))
    }

    /// Takes up what [`save`](Learner::save) wrote.
    ///
    /// # Errors
    /// When it is not there, or is that of another network.
    pub fn load(&mut self, weights: &mut Weights, name: &str) -> Result<()> {
        self.net = with_weights(self.net.clone(), &mut weights.split_off(name))?;
        if let Some(ema) = &mut self.ema {
            ema.load(weights)?;
        }
        self.optimizer = load_optimizer(self.optimizer.clone(), weights, &optimizer_of(name))?;
        Ok(())
    }
}

/// The name of the optimiser of a network in a checkpoint. The only network of a model is `net`, and its optimiser has no prefix.
fn optimizer_of(net: &str) -> String {
    match net {
        "net" => "optimizer".into(),
        net => format!("{net}_optimizer"),
    }
}
