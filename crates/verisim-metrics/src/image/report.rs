//! What an evaluation of images found.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Copying, Scores};
pub use crate::document::Picture;

/// Image counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Counts {
    /// Images that the generator was fitted on.
    pub train: usize,
    /// Images that it never saw.
    pub holdout: Option<usize>,
    /// Images that it made.
    pub synthetic: usize,
    /// Files of all three that could not be read.
    pub unreadable: usize,
}

/// The classifier whose activations are the features.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Extractor {
    /// Its name.
    pub name: String,
    /// Hash of its weights: scores can be compared only where it is the same.
    pub hash: String,
    /// Features an image.
    pub dim: usize,
    /// Part of the hold-out images that it sorts right.
    pub accuracy: Option<f64>,
}

/// Classifiers trained on synthetic and on as many real images, tested on the hold-out: parts sorted right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Accuracy {
    /// Trained on synthetic images.
    pub synthetic: f64,
    /// Trained on real images.
    pub real: f64,
}

/// How common a class is, in the eyes of a classifier trained on real images.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ClassShare {
    /// Its name.
    pub class: String,
    /// Part of the real images.
    pub real: f64,
    /// Part of the synthetic images.
    pub synthetic: f64,
}

/// Counts the classes of `real` and `synthetic` images, which are indices into `classes`; others are counted as
/// images and as no class.
pub fn class_shares(classes: &[String], real: &[usize], synthetic: &[usize]) -> Vec<ClassShare> {
    let share = |of: &[usize], k: usize| of.iter().filter(|c| **c == k).count() as f64 / of.len().max(1) as f64;
    let one = |(k, class): (usize, &String)| ClassShare {
        class: class.clone(),
        real: share(real, k),
        synthetic: share(synthetic, k),
    };
    classes.iter().enumerate().map(one).collect()
}

/// The whole evaluation: what the caller counted and trained, and what this crate made of it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "ImageReport")]
pub struct Report {
    /// How many images there are.
    pub counts: Counts,
    /// Height, width and channels.
    pub shape: [usize; 3],
    /// Names of the classes; none where images have no labels.
    pub classes: Vec<String>,
    /// Whose features the scores are of.
    pub extractor: Extractor,
    /// Are they like training images?
    pub scores: Scores,
    /// Can a classifier be trained on them?
    pub accuracy: Option<Accuracy>,
    /// Are all classes there?
    pub shares: Option<Vec<ClassShare>>,
    /// Are they training images?
    pub copying: Copying,
    /// Pictures for the page; not part of the JSON.
    #[serde(skip)]
    pub pictures: Vec<Picture>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::super::{Closest, Kid, Prdc, Repeats, Scored, Sides};
    use super::*;
    use crate::Estimate;

    /// A report with everything in it.
    pub(in super::super) fn full() -> Report {
        let classes: Vec<String> = ["cat", "<dog>", "hen"].map(str::to_owned).to_vec();
        let closest = vec![Closest { synthetic: 3, train: 77, distance: 12.5, second: 40.0 }];
        Report {
            counts: Counts { train: 60_000, holdout: Some(10_000), synthetic: 5_000, unreadable: 0 },
            shape: [28, 32, 1],
            shares: Some(class_shares(&classes, &[0, 0, 1, 2], &[0, 0, 0, 0, 0, 0, 0, 2, 1, 2])),
            classes,
            extractor: Extractor {
                name: "small-cnn".to_owned(),
                hash: "3fa9c1".to_owned(),
                dim: 64,
                accuracy: Some(0.9912),
            },
            scores: Scores {
                images: 5_000,
                fid: Scored { value: 4.1, floor: Some(0.6) },
                kid: Kid {
                    value: 0.0123,
                    interval: Some([0.011, 0.0136]),
                    floor: Some(-0.0001),
                    floor_interval: Some([-0.0004, 0.0002]),
                },
                prdc: Prdc { precision: 0.91, recall: 0.55, density: 0.95, coverage: 0.8 },
                prdc_floor: Some(Prdc { precision: 0.92, recall: 0.9, density: 1.01, coverage: 0.97 }),
            },
            accuracy: Some(Accuracy { synthetic: 0.951, real: 0.984 }),
            copying: Copying {
                searched: 60_000,
                synthetic: Repeats { checked: 2_000, copies: 0, near_copies: 0, median: 1810.5 },
                holdout: Some(Repeats { checked: 2_000, copies: 0, near_copies: 1, median: 1812.0 }),
                closer: Some(Sides {
                    train: Estimate { value: 0.502, interval: Some([0.48, 0.524]) },
                    against: 10_000,
                    copier: 7.0 / 12.0,
                }),
                closest,
            },
            pictures: vec![Picture {
                title: "Samples & classes".to_owned(),
                caption: "One row a class.".to_owned(),
                png: b"\x89PNG\r\n".to_vec(),
            }],
        }
    }

    /// The least there can be.
    pub(in super::super) fn bare() -> Report {
        let mut report = full();
        report.counts.holdout = None;
        (report.classes, report.pictures) = (Vec::new(), Vec::new());
        (report.accuracy, report.shares) = (None, None);
        (report.copying.holdout, report.copying.closer) = (None, None);
        (report.scores.fid.floor, report.scores.prdc_floor) = (None, None);
        (report.scores.kid.floor, report.scores.kid.floor_interval) = (None, None);
        report.extractor.accuracy = None;
        report
    }

    #[test]
    fn classes_are_counted() {
        let names = ["a".to_owned(), "b".to_owned()];
        let shares = class_shares(&names, &[0, 1, 1, 1], &[0, 0]);
        assert_eq!(shares.iter().map(|s| (s.real, s.synthetic)).collect::<Vec<_>>(), [(0.25, 1.0), (0.75, 0.0)]);
        assert_eq!(class_shares(&names, &[], &[])[0].real, 0.0);
    }

    #[test]
    fn json_has_the_numbers_and_not_the_pictures() {
        let json: serde_json::Value = serde_json::from_str(&full().document().to_json()).unwrap();
        assert_eq!(json["scores"]["fid"]["floor"], 0.6);
        assert_eq!(json["scores"]["prdc"]["coverage"], 0.8);
        assert_eq!(json["extractor"]["hash"], "3fa9c1");
        assert_eq!(json["copying"]["closest"][0]["train"], 77);
        assert_eq!(json["copying"]["closer"]["interval"][1], 0.524);
        assert_eq!(json["copying"]["closer"]["against"], 10_000);
        assert_eq!(json["copying"]["holdout"]["near_copies"], 1);
        assert_eq!(json["shares"][0]["synthetic"], 0.7);
        assert!(json.get("pictures").is_none());
        let bare: serde_json::Value = serde_json::from_str(&bare().document().to_json()).unwrap();
        assert!(bare["copying"]["closer"].is_null() && bare["counts"]["holdout"].is_null());
    }
}
