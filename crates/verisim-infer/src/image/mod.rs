//! Drawing images, a few at a time, which are handed on while the next ones are drawn.

use std::collections::HashSet;
use std::sync::mpsc::sync_channel;

use verisim_data::rng::stream;
use verisim_models::artefact::Provenance;
use verisim_models::image::{labels_of, noise_of, render, sheet, together};
use verisim_models::{ImageSampler, ImageSpec};

use crate::error::{Error, Result};

/// A trained model of images, ready to sample.
pub struct ImageArtefact {
    /// What the images are.
    pub spec: ImageSpec,
    /// Name of the model.
    pub model: &'static str,
    /// Where it comes from.
    pub provenance: Provenance,
    /// The classes that images were learnt of.
    learnt: Vec<u32>,
    sampler: Box<dyn ImageSampler>,
}

/// What takes images as they are drawn: bytes, and class numbers (none without classes).
pub type Sink<'a> = dyn FnMut(&[u8], &[u32]) -> Result<()> + 'a;

/// Which images to sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageRequest {
    /// Number of images.
    pub count: usize,
    /// Seed of the sample.
    pub seed: u64,
    /// `class=NAME` or `class!=NAME`, all of which must hold.
    pub conditions: Vec<String>,
    /// As many images of each class, dealt out in turn.
    pub balance: bool,
    /// The images on the way from one image of the sample to another, rather than the sample itself.
    pub interpolate: Option<[u64; 2]>,
}

impl ImageArtefact {
    pub(crate) fn new(
        spec: ImageSpec,
        model: &'static str,
        provenance: Provenance,
        sampler: Box<dyn ImageSampler>,
    ) -> ImageArtefact {
        let learnt = spec.learnt();
        ImageArtefact { spec, model, provenance, learnt, sampler }
    }

    /// What is written into every image, as keywords and texts: that it is synthetic, and where from.
    pub fn labels(&self) -> Vec<(String, String)> {
        labels_of(self.model, &self.provenance)
    }

    /// Draws the images of `request` and hands them to `sink`, in order, as bytes and class numbers (none without
    /// classes).
    ///
    /// # Errors
    /// A condition that names no class or leaves none, and whatever `sink` returns.
    pub fn sample(&self, request: &ImageRequest, sink: &mut Sink<'_>) -> Result<()> {
        let allowed = self.allowed(&request.conditions)?;
        let classes = !self.spec.classes.is_empty();
        let step = together(self.spec.shape);
        let draw = |first: usize| -> Result<(Vec<u8>, Vec<u32>)> {
            let images = first..(first + step).min(request.count);
            let (noise, labels): (Vec<Vec<f32>>, Vec<u32>) = images.map(|i| self.image(request, &allowed, i)).unzip();
            Ok((render(self.sampler.as_ref(), self.spec.shape, &noise.concat(), &labels)?, labels))
        };
        // No images wait for the sink but those that are next.
        let (sender, receiver) = sync_channel(0);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for first in (0..request.count).step_by(step) {
                    let drawn = draw(first);
                    let failed = drawn.is_err();
                    // The receiver hangs up when the sink fails.
                    if sender.send(drawn).is_err() || failed {
                        break;
                    }
                }
            });
            for drawn in receiver {
                let (pixels, labels) = drawn?;
                sink(&pixels, if classes { &labels } else { &[] })?;
            }
            Ok(())
        })
    }

    /// Refuses a request that cannot be met, before anything is written.
    pub fn check(&self, request: &ImageRequest) -> Result<()> {
        if request.balance && self.spec.classes.is_empty() {
            return Err(self.fail("--balance class", "the images of this model have no classes"));
        }
        if request.balance && request.interpolate.is_some() {
            return Err(self.fail("--balance class", "the images between two others are of one class; leave it out"));
        }
        if request.interpolate.is_some() && request.count == 0 {
            return Err(self.fail("-n 0", "there must be an image between the two"));
        }
        let allowed = self.allowed(&request.conditions)?;
        let Some(ends) = request.interpolate else { return Ok(()) };
        let [a, b] = ends.map(|i| self.label(request, &allowed, i));
        if a != b {
            let name = |l: u32| self.spec.classes.get(l as usize).cloned().unwrap_or_default();
            let problem =
                format!("the images are of classes {} and {}; choose one, --where class={}", name(a), name(b), name(a));
            return Err(self.fail(&format!("--interpolate {} {}", ends[0], ends[1]), &problem));
        }
        Ok(())
    }

    /// Images for a grid `wide` in a row: a row for each class that `request` allows, or `wide` rows without classes;
    /// one row of the way between two images where that is asked for. The number of images asked for plays no part but there.
    ///
    /// # Errors
    /// As [`ImageArtefact::sample`].
    pub fn sheet(&self, request: &ImageRequest, wide: usize) -> Result<Vec<u8>> {
        let allowed = self.allowed(&request.conditions)?;
        if request.interpolate.is_none() {
            return Ok(sheet(self.sampler.as_ref(), &self.spec, request.seed, &allowed, wide)?);
        }
        let (noise, labels): (Vec<Vec<f32>>, Vec<u32>) =
            (0..request.count).map(|i| self.image(request, &allowed, i)).unzip();
        Ok(render(self.sampler.as_ref(), self.spec.shape, &noise.concat(), &labels)?)
    }

    /// Sets how images are drawn: steps of the sampler and strength of the class, of models that have them.
    ///
    /// # Errors
    /// When the model knows no such setting, or the value makes no sense.
    pub fn tune(&mut self, steps: Option<usize>, guidance: Option<f64>) -> Result<()> {
        Ok(self.sampler.tune(steps, guidance)?)
    }

    fn label(&self, request: &ImageRequest, allowed: &[u32], i: u64) -> u32 {
        self.spec.draw_label(allowed, &mut stream(request.seed, "class", i))
    }

    /// Noise and class of image `i`.
    fn image(&self, request: &ImageRequest, allowed: &[u32], i: usize) -> (Vec<f32>, u32) {
        let width = self.sampler.noise();
        let label = |i: u64| self.label(request, allowed, i);
        let noise = |i: u64| noise_of(request.seed, i, width);
        match request.interpolate {
            Some([a, b]) => {
                let t = i as f32 / (request.count - 1).max(1) as f32;
                (between(&noise(a), &noise(b), t), label(a))
            }
            None if request.balance => {
                let dealt = if allowed.is_empty() { &self.learnt } else { allowed };
                (noise(i as u64), dealt.get(i % dealt.len().max(1)).copied().unwrap_or(0))
            }
            None => (noise(i as u64), label(i as u64)),
        }
    }

    /// The classes that satisfy every condition; none named when there is no condition.
    fn allowed(&self, conditions: &[String]) -> Result<Vec<u32>> {
        if conditions.is_empty() {
            return Ok(Vec::new());
        }
        let classes = &self.spec.classes;
        let mut left: HashSet<u32> = self.learnt.iter().copied().collect();
        for condition in conditions {
            let (name, is, value) = match (condition.split_once("!="), condition.split_once('=')) {
                (Some((name, value)), _) => (name, false, value),
                (None, Some((name, value))) => (name, true, value.trim_start_matches('=')),
                _ => return Err(self.fail(condition, "write it as class=NAME or class!=NAME")),
            };
            if classes.is_empty() {
                return Err(self.fail(condition, "the images of this model have no classes"));
            }
            if name.trim() != "class" {
                return Err(
                    self.fail(condition, "images can be chosen by their class alone: class=NAME or class!=NAME")
                );
            }
            let Some(k) = classes.iter().position(|c| c == value.trim()) else {
                let known = classes.iter().take(30).map(String::as_str).collect::<Vec<_>>().join(", ");
                return Err(self.fail(condition, &format!("there is no such class; known here: {known}")));
            };
            if is && !self.learnt.contains(&(k as u32)) {
                return Err(self.fail(condition, "there was no image of this class to learn"));
            }
            left.retain(|&l| (l == k as u32) == is);
        }
        if left.is_empty() {
            return Err(self.fail(&conditions.join(" and "), "no class is left; leave one of the conditions out"));
        }
        let mut left: Vec<u32> = left.into_iter().collect();
        left.sort_unstable();
        Ok(left)
    }

    fn fail(&self, condition: &str, problem: &str) -> Error {
        Error::Condition { condition: condition.into(), problem: problem.into() }
    }
}

/// The point at `t` in `0..1` on the arc from `a` to `b` (Shoemake, 1985): on the straight line, noise would be too short.
fn between(a: &[f32], b: &[f32], t: f32) -> Vec<f32> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f32::MIN_POSITIVE);
    let angle = cosine.clamp(-1.0, 1.0).acos();
    let (from, to) = match angle.sin() {
        s if s < 1e-4 => (1.0 - t, t),
        s => (((1.0 - t) * angle).sin() / s, (t * angle).sin() / s),
    };
    a.iter().zip(b).map(|(a, b)| from * a + to * b).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use burn::tensor::{Device, Tensor};
    use verisim_data::image::ImageShape;

    /// Every pixel is the sum of the noise, darker by class.
    struct Sum;

    impl ImageSampler for Sum {
        fn noise(&self) -> usize {
            3
        }

        fn images(&self, noise: Tensor<2>, labels: &[u32]) -> Tensor<4> {
            let n = labels.len();
            noise.sum_dim(1).reshape([n, 1, 1, 1]) * 0.1
        }

        fn device(&self) -> Device {
            Device::flex()
        }
    }

    /// As [`Sum`], and counts.
    struct Counted(Arc<AtomicUsize>);

    impl ImageSampler for Counted {
        fn noise(&self) -> usize {
            Sum.noise()
        }

        fn images(&self, noise: Tensor<2>, labels: &[u32]) -> Tensor<4> {
            self.0.fetch_add(labels.len(), Relaxed);
            Sum.images(noise, labels)
        }

        fn device(&self) -> Device {
            Sum.device()
        }
    }

    fn artefact(classes: &[&str]) -> ImageArtefact {
        let shape = ImageShape { height: 1, width: 1, channels: 1 };
        let classes: Vec<String> = classes.iter().map(|c| c.to_string()).collect();
        let shares = vec![1.0 / classes.len().max(1) as f64; classes.len()];
        made(ImageSpec { shape, classes, shares })
    }

    fn made(spec: ImageSpec) -> ImageArtefact {
        let provenance = Provenance {
            version: "0".into(),
            data: "set".into(),
            data_hash: "d4".into(),
            config_hash: "c0".into(),
            rows: 2,
            seed: 1,
            steps: Some(60),
        };
        ImageArtefact::new(spec, "flow", provenance, Box::new(Sum))
    }

    fn draw(artefact: &ImageArtefact, request: &ImageRequest) -> (Vec<u8>, Vec<u32>) {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        let mut sink = |p: &[u8], l: &[u32]| {
            pixels.extend_from_slice(p);
            labels.extend_from_slice(l);
            Ok(())
        };
        artefact.sample(request, &mut sink).unwrap();
        (pixels, labels)
    }

    /// As of IDX files whose labels begin at 1.
    #[test]
    fn a_class_without_images_is_not_drawn() {
        let shape = ImageShape { height: 1, width: 1, channels: 1 };
        let classes = ["0", "1", "2"].map(str::to_owned).to_vec();
        let artefact = made(ImageSpec { shape, classes, shares: vec![0.0, 0.75, 0.25] });
        let balanced = ImageRequest { count: 4, balance: true, ..Default::default() };
        assert_eq!(draw(&artefact, &balanced).1, [1, 2, 1, 2]);
        assert_eq!(artefact.sheet(&balanced, 3).unwrap().len(), 2 * 3);
        let conditions = |text: &str| ImageRequest { conditions: vec![text.into()], ..balanced.clone() };
        assert_eq!(draw(&artefact, &conditions("class!=2")).1, [1; 4]);
        let error = artefact.check(&conditions("class=0")).unwrap_err().to_string();
        assert!(error.contains("no image of this class"), "{error}");
    }

    #[test]
    fn an_image_says_which_model_it_is_from() {
        let comment = artefact(&[]).labels().pop().unwrap().1;
        assert!(["flow", "c0", "d4", "60 steps"].iter().all(|part| comment.contains(part)), "{comment}");
    }

    #[test]
    fn an_image_depends_on_its_number_alone() {
        let artefact = artefact(&["a", "b"]);
        let request = |count| ImageRequest { count, seed: 4, ..Default::default() };
        let (many, labels) = draw(&artefact, &request(300));
        let (few, first) = draw(&artefact, &request(7));
        assert_eq!((&many[..7], &labels[..7]), (&few[..], &first[..]));
        assert_ne!(draw(&artefact, &ImageRequest { seed: 5, ..request(300) }).0, many);
        assert!(labels.contains(&0) && labels.contains(&1));
    }

    #[test]
    fn a_sink_that_fails_ends_the_drawing() {
        let made = Arc::new(AtomicUsize::new(0));
        let artefact = ImageArtefact { sampler: Box::new(Counted(made.clone())), ..artefact(&[]) };
        let mut taken = 0;
        let mut sink = |_: &[u8], _: &[u32]| {
            taken += 1;
            if taken == 2 { Err(artefact.fail("the sink", "is full")) } else { Ok(()) }
        };
        let request = ImageRequest { count: 100_000, ..Default::default() };
        assert!(artefact.sample(&request, &mut sink).unwrap_err().to_string().contains("is full"));
        assert_eq!(taken, 2);
        // Those that were taken, and those on the way.
        assert!(made.load(Relaxed) <= 4 * together(artefact.spec.shape), "{} were made", made.load(Relaxed));
    }

    #[test]
    fn conditions_choose_classes() {
        let artefact = artefact(&["cat", "dog", "hen"]);
        let request = |conditions: &[&str], balance| ImageRequest {
            count: 30,
            conditions: conditions.iter().map(|c| c.to_string()).collect(),
            balance,
            ..Default::default()
        };
        assert!(draw(&artefact, &request(&["class=dog"], false)).1.iter().all(|&l| l == 1));
        let (_, labels) = draw(&artefact, &request(&["class!=dog"], true));
        assert_eq!(labels.iter().filter(|&&l| l == 0).count(), 15);
        assert_eq!(labels.iter().filter(|&&l| l == 2).count(), 15);
        for (condition, says) in [
            ("class=cow", "cat, dog, hen"),
            ("kind=cat", "class=NAME"),
            ("class>1", "write it as"),
            ("cat", "class=NAME"),
        ] {
            let error = artefact.check(&request(&[condition], false)).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains(condition), "{error}");
        }
        let both = artefact.check(&request(&["class=cat", "class=dog"], false)).unwrap_err().to_string();
        assert!(both.contains("no class is left"));
    }

    #[test]
    fn without_classes_there_are_no_labels_and_no_conditions() {
        let artefact = artefact(&[]);
        assert!(draw(&artefact, &ImageRequest { count: 3, ..Default::default() }).1.is_empty());
        let balanced = ImageRequest { count: 3, balance: true, ..Default::default() };
        assert!(artefact.check(&balanced).is_err());
        let chosen = ImageRequest { count: 3, conditions: vec!["class=a".into()], ..Default::default() };
        assert!(artefact.check(&chosen).unwrap_err().to_string().contains("no classes"));
    }

    #[test]
    fn the_way_between_two_images_begins_and_ends_with_them() {
        let artefact = artefact(&[]);
        let (all, _) = draw(&artefact, &ImageRequest { count: 10, ..Default::default() });
        let way = ImageRequest { count: 5, interpolate: Some([2, 9]), ..Default::default() };
        let (way, _) = draw(&artefact, &way);
        assert_eq!((way[0], way[4]), (all[2], all[9]));
        let (a, b) = (noise_of(1, 0, 1000), noise_of(1, 1, 1000));
        let length = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!((length(&between(&a, &b, 0.5)) / length(&a) - 1.0).abs() < 0.05);
        assert!(between(&a, &a, 0.3).iter().zip(&a).all(|(x, y)| (x - y).abs() < 1e-5));
    }
}
