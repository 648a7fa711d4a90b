//! How the classifier is trained.

use burn::tensor::{Device, Tensor, activation};
use verisim_data::image::Images;
use verisim_data::rng::{below, stream};

use super::Classifier;
use super::net::Net;
use super::view::View;
use crate::error::{Error, Result};
use crate::learn::{Clock, Losses, Trainee};
use crate::nets::params::weights_of;
use crate::nets::{sum, vision};
use crate::step::{CPU_SHARDS, Epochs, Learner, gradients};
use crate::weights::Weights;

/// Ways to turn an image.
const TURNS: usize = 4;
const LEARNING_RATE: f64 = 2e-3;

/// How a classifier is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Steps of the optimiser.
    pub steps: u64,
    /// Images in a step.
    pub batch: usize,
    /// Seed of weights and of the order of images.
    pub seed: u64,
    /// Shards of a batch: [`CPU_SHARDS`] on a CPU, 1 on a GPU.
    pub shards: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { steps: 1500, batch: 128, seed: 0, shards: CPU_SHARDS }
    }
}

impl Settings {
    /// The learning rate of `step`, from 0, as a factor of the highest: it falls linearly, and would be 0 after the last step.
    fn rate(&self, step: u64) -> f64 {
        1.0 - step as f64 / self.steps as f64
    }
}

/// A classifier in training: it learns to tell the classes of images apart or, where there are fewer than two, four ways of turning
/// them. The same images, index and settings give the same weights on a CPU. The usual 1,500 steps of 28 x 28 grey pixels take about
/// a minute on two cores.
pub struct InTraining<'a> {
    images: &'a Images,
    index: &'a [usize],
    settings: Settings,
    view: View,
    /// Classes of the images; none when turns are learnt.
    classes: Option<usize>,
    learner: Learner<Net>,
    epochs: Epochs,
    /// Where the network is; it supports gradients.
    device: Device,
}

impl<'a> InTraining<'a> {
    /// A fresh network for the images at `index`. Its training is one epoch.
    ///
    /// # Errors
    /// When there is no image at `index`.
    pub fn new(images: &'a Images, index: &'a [usize], settings: &Settings, device: &Device) -> Result<InTraining<'a>> {
        if index.is_empty() {
            return Err(Error::Empty { unit: "images" });
        }
        let device = device.clone().inner().autodiff();
        let view = View::fitted(images.shape());
        let classes = Some(images.classes().len()).filter(|&k| k >= 2);
        let net = Net::new(&view, classes.unwrap_or(TURNS), settings.seed, &device);
        Ok(InTraining {
            images,
            index,
            settings: *settings,
            view,
            classes,
            learner: Learner::without_average(net, &optimization()),
            epochs: Epochs::default(),
            device,
        })
    }

    /// The classifier as it is now.
    ///
    /// # Errors
    /// When the device fails.
    pub fn finished(self) -> Result<Classifier> {
        Classifier::trained(self.learner.best(), self.view, self.classes, self.device.inner())
    }

    /// Pixels of a step's images and what is to be answered to each: its class, or how it was turned.
    fn batch(&mut self, clock: &Clock) -> Result<(Vec<f32>, Vec<u32>)> {
        let at = self.epochs.batch(clock.seed, clock.step, self.index.len(), self.settings.batch.max(1));
        let at: Vec<usize> = at.iter().map(|&i| self.index[i]).collect();
        if self.classes.is_some() {
            let labels = at.iter().map(|&i| self.images.labels()[i]).collect();
            return Ok((self.view.pixels(self.images, &at, &[])?, labels));
        }
        let mut rng = stream(clock.seed, "turns", clock.step);
        let turns: Vec<u32> = at.iter().map(|_| below(&mut rng, TURNS as u64) as u32).collect();
        Ok((self.view.pixels(self.images, &at, &turns)?, turns))
    }
}

impl Trainee<Images> for InTraining<'_> {
    /// All of them: a classifier is trained for so many steps, however many images there are, and knows its own rate.
    fn steps_per_epoch(&self) -> u64 {
        self.settings.steps
    }

    fn step(&mut self, clock: &Clock) -> Result<Losses> {
        let (pixels, answers) = self.batch(clock)?;
        let (count, ways) = (answers.len(), self.classes.unwrap_or(TURNS));
        let each = count.div_ceil(self.settings.shards.max(1));
        let (view, plain) = (&self.view, self.device.clone().inner());
        // A batch of few images may make fewer shards.
        let shards = count.div_ceil(each);
        let (grads, _) = gradients(self.learner.net(), shards, &self.device, |s, net: &Net| {
            let answers = &answers[s * each..((s + 1) * each).min(count)];
            let pixels = &pixels[s * each * view.len()..][..answers.len() * view.len()];
            let logits = net.answers(net.features(Tensor::from_inner(view.tensor(pixels, &plain))));
            let truth = Tensor::from_inner(vision::classes(answers, ways, &plain));
            (-sum(activation::log_softmax(logits, 1) * truth) / count as f64, Losses::new())
        });
        self.learner.update(grads, &Clock { rate: self.settings.rate(clock.step), ..*clock });
        Ok(Losses::new())
    }

    /// None: no images are kept back. How well a classifier sorts is measured on images of the caller's.
    fn validate(&mut self) -> Result<Option<f64>> {
        Ok(None)
    }

    /// Nothing to do: without validation the last network is the best.
    fn keep(&mut self) {}

    fn save(&self) -> Result<Weights> {
        let mut weights = Weights::default();
        self.learner.save(&mut weights, "net")?;
        Ok(weights)
    }

    fn load(&mut self, mut weights: Weights) -> Result<()> {
        self.learner.load(&mut weights, "net")
    }

    fn finish(&mut self, _: u64) -> Result<Weights> {
        weights_of(&self.learner.best())
    }
}

/// What a [`Learner`] takes of the settings of a training.
fn optimization() -> crate::Training {
    crate::Training {
        learning_rate: LEARNING_RATE,
        betas: [0.9, 0.999],
        weight_decay: 1e-2,
        clip: 0.0,
        ..crate::Training::default()
    }
}
