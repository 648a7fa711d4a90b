#![allow(clippy::unwrap_used)]

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use burn::tensor::{Device, Tensor};
use verisim_data::Quiet;
use verisim_data::image::Shape;
use verisim_models::artefact::Provenance;

/// Every pixel is the sum of the noise, darker by class.
struct Sum;

impl Sampler for Sum {
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

impl Sampler for Counted {
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

fn artefact(classes: &[&str]) -> Artefact<Images> {
    let shape = Shape { height: 1, width: 1, channels: 1 };
    let classes: Vec<String> = classes.iter().map(|c| c.to_string()).collect();
    let shares = vec![1.0 / classes.len().max(1) as f64; classes.len()];
    made(Spec { shape, classes, shares })
}

fn made(spec: Spec) -> Artefact<Images> {
    let provenance = Provenance {
        version: "0".into(),
        data: "set".into(),
        data_hash: "d4".into(),
        config_hash: "c0".into(),
        rows: 2,
        seed: 1,
        steps: Some(60),
    };
    Artefact { model: "flow", source: None, spec, provenance, sampler: Box::new(Sum), text: None }
}

fn draw(artefact: &Artefact<Images>, ask: &Ask) -> (Vec<u8>, Vec<u32>) {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    let mut take = |chunk: Chunk| {
        pixels.extend(chunk.pixels);
        labels.extend(chunk.labels);
        Ok(())
    };
    crate::draw(&Pictures::new(artefact, ask).unwrap(), &mut take, &mut Quiet).unwrap();
    (pixels, labels)
}

/// Why the sample cannot be met.
fn refused(artefact: &Artefact<Images>, ask: &Ask) -> String {
    Pictures::new(artefact, ask).err().unwrap().to_string()
}

/// As of IDX files whose labels begin at 1.
#[test]
fn a_class_without_images_is_not_drawn() {
    let shape = Shape { height: 1, width: 1, channels: 1 };
    let classes = ["0", "1", "2"].map(str::to_owned).to_vec();
    let artefact = made(Spec { shape, classes, shares: vec![0.0, 0.75, 0.25] });
    let balanced = Ask { n: Some(4), balance: Some("class".into()), ..Default::default() };
    assert_eq!(draw(&artefact, &balanced).1, [1, 2, 1, 2]);
    assert_eq!(Pictures::new(&artefact, &balanced).unwrap().sheet(3).unwrap().len(), 2 * 3);
    let conditions = |text: &str| Ask { conditions: vec![text.into()], ..balanced.clone() };
    assert_eq!(draw(&artefact, &conditions("class!=2")).1, [1; 4]);
    let error = refused(&artefact, &conditions("class=0"));
    assert!(error.contains("no image of this class"), "{error}");
}

#[test]
fn an_image_says_which_model_it_is_from() {
    let comment = crate::Generator::says(&artefact(&[])).pop().unwrap().1;
    assert!(["flow", "c0", "d4", "60 steps"].iter().all(|part| comment.contains(part)), "{comment}");
}

#[test]
fn an_image_depends_on_its_number_alone() {
    let artefact = artefact(&["a", "b"]);
    let request = |count| Ask { n: Some(count), seed: 4, ..Default::default() };
    let (many, labels) = draw(&artefact, &request(300));
    let (few, first) = draw(&artefact, &request(7));
    assert_eq!((&many[..7], &labels[..7]), (&few[..], &first[..]));
    assert_ne!(draw(&artefact, &Ask { seed: 5, ..request(300) }).0, many);
    assert!(labels.contains(&0) && labels.contains(&1));
}

#[test]
fn a_sink_that_fails_ends_the_drawing() {
    let made = Arc::new(AtomicUsize::new(0));
    let mut artefact = artefact(&[]);
    artefact.sampler = Box::new(Counted(made.clone()));
    let mut taken = 0;
    let mut take = |_| {
        taken += 1;
        if taken == 2 { Err(fail("the sink", "is full")) } else { Ok(()) }
    };
    let plan = Pictures::new(&artefact, &Ask { n: Some(100_000), ..Default::default() }).unwrap();
    assert!(crate::draw(&plan, &mut take, &mut Quiet).unwrap_err().to_string().contains("is full"));
    assert_eq!(taken, 2);
    // Those that were taken, and those on the way.
    assert!(made.load(Relaxed) <= 4 * together(artefact.spec.shape), "{} were made", made.load(Relaxed));
}

#[test]
fn conditions_choose_classes() {
    let artefact = artefact(&["cat", "dog", "hen"]);
    let request = |conditions: &[&str], balance| Ask {
        n: Some(30),
        conditions: conditions.iter().map(|c| c.to_string()).collect(),
        balance: bool::then(balance, || "class".into()),
        ..Default::default()
    };
    assert!(draw(&artefact, &request(&["class=dog"], false)).1.iter().all(|&l| l == 1));
    let (_, labels) = draw(&artefact, &request(&["class!=dog"], true));
    assert_eq!(labels.iter().filter(|&&l| l == 0).count(), 15);
    assert_eq!(labels.iter().filter(|&&l| l == 2).count(), 15);
    for (condition, says) in
        [("class=cow", "cat, dog, hen"), ("kind=cat", "class=NAME"), ("class>1", "write it as"), ("cat", "class=NAME")]
    {
        let error = refused(&artefact, &request(&[condition], false));
        assert!(error.contains(says) && error.contains(condition), "{error}");
    }
    let both = refused(&artefact, &request(&["class=cat", "class=dog"], false));
    assert!(both.contains("no class is left"));
}

#[test]
fn without_classes_there_are_no_labels_and_no_conditions() {
    let artefact = artefact(&[]);
    assert!(draw(&artefact, &Ask { n: Some(3), ..Default::default() }).1.is_empty());
    let balanced = Ask { n: Some(3), balance: Some("class".into()), ..Default::default() };
    assert!(refused(&artefact, &balanced).contains("no classes"));
    let chosen = Ask { n: Some(3), conditions: vec!["class=a".into()], ..Default::default() };
    assert!(refused(&artefact, &chosen).contains("no classes"));
}

#[test]
fn the_way_between_two_images_begins_and_ends_with_them() {
    let artefact = artefact(&[]);
    let (all, _) = draw(&artefact, &Ask { n: Some(10), ..Default::default() });
    let way = Ask { n: Some(5), interpolate: Some([2, 9]), ..Default::default() };
    let (way, _) = draw(&artefact, &way);
    assert_eq!((way[0], way[4]), (all[2], all[9]));
    let (a, b) = (noise_of(1, 0, 1000), noise_of(1, 1, 1000));
    let length = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
    assert!((length(&between(&a, &b, 0.5)) / length(&a) - 1.0).abs() < 0.05);
    assert!(between(&a, &a, 0.3).iter().zip(&a).all(|(x, y)| (x - y).abs() < 1e-5));
}
