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
