//! What networks see in the images: features to compare, classes, and what can be learnt from synthetic images.

use std::path::Path;

use verisim_data::image::Images;
use verisim_data::number::grouped;
use verisim_data::{Event, Watch};

use super::sets::{Set, Sets};
use crate::Result;
use crate::image::{
    Accuracy, ClassShare, Effort, Extractor, Eye, Eyes, Features, Inputs, MOST_SCORED, MOST_SORTED, Scores,
    class_shares, compare,
};

/// A network sees few images this many times and no more, since it would know them by heart.
const PASSES: usize = 20;
const FEWEST_STEPS: u64 = 200;

/// The network whose features are compared.
pub(super) struct Network {
    eye: Box<dyn Eye>,
    name: String,
    /// Whether it was trained here, on all real images.
    trained: bool,
    /// Whether it tells the classes of the real images apart.
    sorts: bool,
    /// Part of the hold-out images that it sorts right.
    accuracy: Option<f64>,
}

impl Network {
    /// The network in the file `features` or, if none is given, one that learns the real images.
    pub fn new(features: Option<&Path>, sets: &Sets, eyes: &dyn Eyes, watch: &mut dyn Watch) -> Result<Network> {
        let real = &sets.real.images;
        let (eye, name) = match features {
            Some(path) => {
                let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
                (eyes.open(path)?, name)
            }
            // In the order of the set, so that its hash does not depend on a seed.
            None => {
                let all: Vec<usize> = (0..real.len()).collect();
                (learn(eyes, real, &all, "real", watch)?, "small CNN trained here".to_owned())
            }
        };
        let known = real.classes().len();
        let sorts = known >= 2 && eye.classes() == Some(known);
        if let (Some(path), Some(told)) = (features, eye.classes().filter(|_| !sorts)) {
            watch.on(Event::Note(format!(
                "{}: tells {told} classes apart, and the real images have {known}; only its features are used",
                path.display()
            )));
        }
        let tested = sets.tested().filter(|_| sorts);
        let accuracy = tested.map(|held| accuracy(&*eye, held)).transpose()?;
        Ok(Network { eye, name, trained: features.is_none(), sorts, accuracy })
    }

    pub fn describe(&self) -> Extractor {
        Extractor { name: self.name.clone(), hash: self.eye.hash(), dim: self.eye.dim(), accuracy: self.accuracy }
    }

    /// How alike the sets are by its features, as many images of each.
    pub fn scores(&self, sets: &Sets) -> Result<Scores> {
        let scored = sets.fewest().min(MOST_SCORED);
        let features = |set: &Set| -> Result<Features> {
            Features::new(self.eye.dim(), self.eye.features(&set.images, set.first(scored))?)
        };
        let (train, synthetic) = (features(&sets.real)?, features(&sets.synthetic)?);
        let holdout = sets.holdout.as_ref().map(features).transpose()?;
        compare(&Inputs { train: &train, holdout: holdout.as_ref(), synthetic: &synthetic })
    }

    /// How well hold-out images are sorted by networks that learnt from synthetic and from equally many real images.
    pub fn utility(&self, sets: &Sets, eyes: &dyn Eyes, watch: &mut dyn Watch) -> Result<Option<Accuracy>> {
        let Some(held) = sets.tested().filter(|_| sets.synthetic.labelled) else { return Ok(None) };
        let (real, synthetic) = (&sets.real, &sets.synthetic);
        let count = real.len().min(synthetic.len());
        let mut learnt = |set: &Set, what: &str| -> Result<f64> {
            accuracy(&*learn(eyes, &set.images, set.first(count), what, watch)?, held)
        };
        let of_real = match self.accuracy {
            // This network is that of the real images.
            Some(accuracy) if self.trained && count == real.len() => accuracy,
            _ => learnt(real, "of the real")?,
        };
        Ok(Some(Accuracy { synthetic: learnt(synthetic, "synthetic")?, real: of_real }))
    }

    /// How common each class is among real images by their labels, and among synthetic ones in the eyes of the network.
    pub fn shares(&self, sets: &Sets) -> Result<Option<Vec<ClassShare>>> {
        if !self.sorts {
            return Ok(None);
        }
        let indices = |labels: &[u32]| -> Vec<usize> { labels.iter().map(|&l| l as usize).collect() };
        let named = self.eye.predict(&sets.synthetic.images, sets.synthetic.first(MOST_SORTED))?;
        let real = &sets.real.images;
        Ok(Some(class_shares(real.classes(), &indices(real.labels()), &indices(&named))))
    }
}

/// A network that learns the images at `index`, which are called `what`.
fn learn(eyes: &dyn Eyes, images: &Images, index: &[usize], what: &str, watch: &mut dyn Watch) -> Result<Box<dyn Eye>> {
    watch.on(Event::Note(format!("training a classifier on {} {what} images", grouped(index.len() as u64))));
    eyes.learn(images, index, steps(index.len(), eyes.usual()), watch)
}

/// Steps to learn this many images in: the usual number, fewer where they would be more than [`PASSES`] over the images, but at
/// least [`FEWEST_STEPS`].
fn steps(images: usize, usual: Effort) -> u64 {
    ((PASSES * images / usual.batch.max(1)) as u64).max(FEWEST_STEPS).min(usual.steps)
}

/// Part of the labelled images of `set` that `eye` sorts right.
fn accuracy(eye: &dyn Eye, set: &Set) -> Result<f64> {
    let index = set.first(MOST_SORTED);
    let named = eye.predict(&set.images, index)?;
    let right = named.iter().zip(index).filter(|(class, i)| **class == set.images.labels()[**i]).count();
    Ok(right as f64 / index.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_images_take_few_steps_and_many_the_usual_number() {
        let usual = Effort { steps: 1500, batch: 128 };
        let of = |images| steps(images, usual);
        assert_eq!([1, 120, 1_280, 5_000, 10_000, 60_000].map(of), [200, 200, 200, 781, 1_500, 1_500]);
        assert_eq!(steps(60_000, Effort { steps: 7, ..usual }), 7);
    }
}
