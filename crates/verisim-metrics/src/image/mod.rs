//! How good and how private is a folder of synthetic images? The scores of images, beside those of tables:
//! [`compare`] measures how much synthetic images are like the training images, [`copying`] whether they are
//! training images, and a [`Report`] says it all in a [`Document`](crate::Document).
//!
//! Likeness is measured on features, the activations of a classifier: no tensors here, no burn. [`compare`] takes them as
//! [`Features`]; an evaluation of files, [`Compare`](crate::Compare) of [`Images`](verisim_data::image::Images), gets them from
//! the [`Eyes`] that it is handed. Scores depend on the classifier, so its name and hash are part of the report, and numbers of
//! two classifiers cannot be compared. Every score stands beside its **floor**: what the same score gives for real images that
//! are as new as synthetic ones should be, on as many images.

mod copying;
mod document;
mod evaluate;
mod eyes;
mod fid;
mod kid;
mod lines;
mod pairs;
mod prdc;
mod report;

use rayon::join;
use schemars::JsonSchema;
use serde::Serialize;

pub use copying::{Closest, Copying, Holdout, MOST_CHECKED, Nearest, Repeats, Sides, copying};
pub use evaluate::Ask;
pub use eyes::{Effort, Eye, Eyes};
pub use fid::fid;
pub use kid::kid;
pub use prdc::{Prdc, prdc};
pub use report::{Accuracy, ClassShare, Counts, Extractor, Picture, Report, class_shares};

use crate::{Error, Estimate, Result};
use fid::Gaussian;
use kid::Kernels;
use prdc::Manifold;

/// At most this many images a side are scored. Times grow with its square; more would move the scores little.
pub const MOST_SCORED: usize = 5_000;
/// At most this many images are sorted into classes; more would move the scores little.
pub const MOST_SORTED: usize = 10_000;
/// The nearest neighbour that sets an image's radius in [`Prdc`] (Naeem et al., ICML 2020).
pub const NEIGHBOURS: usize = 5;

/// One row of numbers an image, all finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    dim: usize,
    values: Vec<f32>,
}

impl Features {
    /// Features of `values.len() / dim` images, row by row.
    ///
    /// # Errors
    /// `values` is not whole rows of `dim`, or holds a number that is not finite.
    pub fn new(dim: usize, values: Vec<f32>) -> Result<Features> {
        if dim == 0 || !values.len().is_multiple_of(dim) {
            return Err(Error::FeatureShape { values: values.len(), dim });
        }
        match values.iter().position(|x| !x.is_finite()) {
            Some(at) => Err(Error::FeatureValue { image: at / dim }),
            None => Ok(Features { dim, values }),
        }
    }

    /// Numbers an image.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Images.
    pub fn rows(&self) -> usize {
        self.values.len() / self.dim
    }

    /// The features of image `i`.
    pub(crate) fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    fn first(&self, rows: usize) -> Features {
        Features { dim: self.dim, values: self.values[..rows * self.dim].to_vec() }
    }
}

/// Features of one extractor, images in random order: of each the first ones are scored.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Images that the generator was fitted on.
    pub train: &'a Features,
    /// Images that it never saw; the floors need them.
    pub holdout: Option<&'a Features>,
    /// Images that it made.
    pub synthetic: &'a Features,
}

/// A score and its floor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Scored {
    /// Synthetic images against training images.
    pub value: f64,
    /// Hold-out images against training images.
    pub floor: Option<f64>,
}

/// The kernel distance and its floor, with the intervals in which chance leaves them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Kid {
    /// Synthetic images against training images.
    pub value: f64,
    /// 95 % confidence interval.
    pub interval: Option<[f64; 2]>,
    /// Hold-out images against training images.
    pub floor: Option<f64>,
    /// That of the floor.
    pub floor_interval: Option<[f64; 2]>,
}

impl Kid {
    fn new(found: Estimate, floor: Option<Estimate>) -> Kid {
        Kid {
            value: found.value,
            interval: found.interval,
            floor: floor.map(|f| f.value),
            floor_interval: floor.and_then(|f| f.interval),
        }
    }
}

/// How much synthetic images are like training images, in the eyes of one extractor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Scores {
    /// Images a side, the same for scores and floors: FID falls with the number of images.
    pub images: usize,
    /// Fréchet distance, 0 is perfect.
    pub fid: Scored,
    /// Kernel distance, 0 on average for images of one source.
    pub kid: Kid,
    /// Shares of images among the neighbours of the other kind.
    pub prdc: Prdc,
    /// The same with hold-out images in place of synthetic ones.
    pub prdc_floor: Option<Prdc>,
}

/// Scores the first `n` synthetic images, and the first `n` hold-out images, against the first `n` training
/// images, where `n` is as many as there are of each, at most [`MOST_SCORED`]. Uses all rayon threads; the result
/// does not depend on how many there are.
///
/// # Errors
/// Features of different lengths, or no more than [`NEIGHBOURS`] images of a kind.
pub fn compare(inputs: &Inputs) -> Result<Scores> {
    let Inputs { train, holdout, synthetic } = *inputs;
    let others = [Some(synthetic), holdout];
    for other in others.into_iter().flatten() {
        check(train, other, NEIGHBOURS + 1)?;
    }
    let counts = others.into_iter().flatten().map(Features::rows);
    let n = counts.fold(train.rows(), usize::min).min(MOST_SCORED);
    let (train, synthetic, holdout) = (train.first(n), synthetic.first(n), holdout.map(|h| h.first(n)));

    let (gaussian, manifold) = join(|| Gaussian::new(&train), || Manifold::new(&train, NEIGHBOURS));
    let kernels = Kernels::new(&train);
    let score = |other: &Features| -> Result<_> {
        let fid = gaussian.distance(&Gaussian::new(other))?;
        Ok((fid, kernels.distance(other), manifold.compare(&Manifold::new(other, NEIGHBOURS))))
    };
    let (fid, kid, prdc) = score(&synthetic)?;
    let floor = holdout.as_ref().map(score).transpose()?;
    Ok(Scores {
        images: n,
        fid: Scored { value: fid, floor: floor.map(|f| f.0) },
        kid: Kid::new(kid, floor.map(|f| f.1)),
        prdc,
        prdc_floor: floor.map(|f| f.2),
    })
}

/// Both sides have the same length of features and at least `least` images.
fn check(a: &Features, b: &Features, least: usize) -> Result<()> {
    if a.dim != b.dim {
        return Err(Error::FeatureDim { first: a.dim, second: b.dim });
    }
    match a.rows().min(b.rows()) {
        found if found < least => Err(Error::TooFewImages { found, least }),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// `rows` images of waves: as good as random, and the same in any language.
    pub(super) fn waves(rows: usize, dim: usize, k: f64, shift: f64) -> Features {
        let value = |i: usize| ((i * i % 9_973) as f64 * k + i as f64).sin() + shift;
        Features::new(dim, (0..rows * dim).map(|i| value(i) as f32).collect()).unwrap()
    }

    #[test]
    fn features_must_be_whole_and_finite() {
        assert_eq!(Features::new(3, vec![0.0; 6]).unwrap().rows(), 2);
        assert!(matches!(Features::new(3, vec![0.0; 7]), Err(Error::FeatureShape { values: 7, dim: 3 })));
        assert!(Features::new(0, vec![]).is_err());
        let bad = Features::new(2, vec![0.0, 1.0, f32::NAN, 1.0]);
        assert!(bad.unwrap_err().to_string().contains("image 1 "));
    }

    #[test]
    fn scores_and_floors_use_as_many_images_and_are_the_single_scores() {
        let (train, holdout, synthetic) = (waves(90, 4, 0.37, 0.0), waves(70, 4, 0.53, 0.0), waves(80, 4, 0.71, 0.3));
        let scores = compare(&Inputs { train: &train, holdout: Some(&holdout), synthetic: &synthetic }).unwrap();
        assert_eq!(scores.images, 70);
        let (t, s) = (train.first(70), synthetic.first(70));
        assert_eq!(scores.fid.value, fid(&t, &s).unwrap());
        assert_eq!(scores.fid.floor, Some(fid(&t, &holdout).unwrap()));
        assert_eq!(scores.kid, Kid::new(kid(&t, &s).unwrap(), Some(kid(&t, &holdout).unwrap())));
        assert_eq!(scores.prdc, prdc(&t, &s, NEIGHBOURS).unwrap());
        assert_eq!(scores.prdc_floor, Some(prdc(&t, &holdout, NEIGHBOURS).unwrap()));

        let alone = compare(&Inputs { train: &train, holdout: None, synthetic: &synthetic }).unwrap();
        assert_eq!((alone.images, alone.fid.floor, alone.prdc_floor), (80, None, None));
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let (train, synthetic) = (waves(200, 20, 0.37, 0.0), waves(200, 20, 0.53, 0.1));
        let inputs = Inputs { train: &train, holdout: Some(&synthetic), synthetic: &train };
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| compare(&inputs).unwrap())
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn constant_features_give_numbers() {
        let same = |x| Features::new(3, vec![x; 30]).unwrap();
        let scores = compare(&Inputs { train: &same(1.0), holdout: Some(&same(1.0)), synthetic: &same(3.0) }).unwrap();
        assert_eq!((scores.fid.value, scores.fid.floor), (12.0, Some(0.0)));
        // Training features without a spread are 0 and have no unit: 1^3 + 5^3 - 2 * 1^3.
        assert!((scores.kid.value - 124.0).abs() < 1e-9 && scores.kid.floor == Some(0.0));
        let p = scores.prdc;
        assert_eq!([p.precision, p.recall, p.density, p.coverage], [0.0; 4]);
    }

    #[test]
    fn unequal_features_and_few_images_are_refused() {
        let (a, b) = (waves(20, 4, 0.37, 0.0), waves(20, 5, 0.37, 0.0));
        let unequal = compare(&Inputs { train: &a, holdout: None, synthetic: &b });
        assert!(matches!(unequal, Err(Error::FeatureDim { first: 4, second: 5 })));
        let few = compare(&Inputs { train: &a, holdout: Some(&a.first(5)), synthetic: &a });
        assert!(matches!(few, Err(Error::TooFewImages { found: 5, least: 6 })));
    }
}
