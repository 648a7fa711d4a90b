//! The networks that an evaluation of images looks with: small classifiers, trained here or opened from a file.

use std::path::Path;

use verisim_data::image::Images;
use verisim_data::{Event, Watch};
use verisim_metrics::image::{Effort, Eye, Eyes};
use verisim_metrics::{Error, Result};
use verisim_models::Training;
use verisim_models::image::classifier::{Classifier, InTraining, Settings};
use verisim_models::step::CPU_SHARDS;
use verisim_train::{Machine, NoDiary, State, Stop, steps};

/// Makes classifiers on a device.
pub struct Networks {
    machine: Machine,
}

impl Networks {
    /// Classifiers that compute there.
    pub fn new(machine: Machine) -> Networks {
        Networks { machine }
    }
}

impl Eyes for Networks {
    fn usual(&self) -> Effort {
        let Settings { steps, batch, .. } = Settings::default();
        Effort { steps, batch }
    }

    fn learn(&self, images: &Images, index: &[usize], count: u64, watch: &mut dyn Watch) -> Result<Box<dyn Eye>> {
        let shards = if self.machine.gpu { 1 } else { CPU_SHARDS };
        let settings = Settings { steps: count, shards, ..Settings::default() };
        let mut learner = InTraining::new(images, index, &settings, &self.machine.device).map_err(network)?;
        // A classifier knows its own learning rate, and the whole training is one epoch.
        let training = Training { epochs: 1, log_every: u64::MAX, ..Training::default() };
        watch.on(Event::Begin { unit: "steps", total: count, done: 0 });
        let stop = steps(&mut learner, &training, settings.seed, &mut State::default(), &mut NoDiary, watch);
        watch.on(Event::End);
        match stop.map_err(network)? {
            Stop::Over => Ok(Box::new(Network(learner.finished().map_err(network)?))),
            Stop::Asked => Err(Error::Stopped),
        }
    }

    fn open(&self, path: &Path) -> Result<Box<dyn Eye>> {
        Ok(Box::new(Network(Classifier::open(path, &self.machine.device).map_err(network)?)))
    }
}

/// A classifier as an evaluation knows it.
struct Network(Classifier);

impl Eye for Network {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn classes(&self) -> Option<usize> {
        self.0.classes()
    }

    fn hash(&self) -> String {
        self.0.hash()
    }

    fn features(&self, images: &Images, index: &[usize]) -> Result<Vec<f32>> {
        self.0.features(images, index).map_err(network)
    }

    fn predict(&self, images: &Images, index: &[usize]) -> Result<Vec<u32>> {
        self.0.predict(images, index).map_err(network)
    }
}

fn network(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Network(Box::new(error))
}
