//! What an artefact says of the images that it makes.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::set::Images;
use super::shape::Shape;
use crate::rng::{Stream, uniform};

/// What the images of an artefact are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Height, width and channels.
    pub shape: Shape,
    /// Names of the classes; none if the images have no classes.
    pub classes: Vec<String>,
    /// Share of each class in the training images, 0 to 1; together they are 1. Exact, as counted.
    pub shares: Vec<f64>,
}

impl Spec {
    /// What the images at `index` of a set are.
    pub fn of(images: &Images, index: &[usize]) -> Spec {
        let mut shares = vec![0.0; images.classes().len()];
        if !shares.is_empty() {
            index.iter().for_each(|&i| shares[images.labels()[i] as usize] += 1.0 / index.len().max(1) as f64);
        }
        Spec { shape: images.shape(), classes: images.classes().to_vec(), shares }
    }

    /// Numbers of the classes of which there were training images. Where classes are numbered, some may have none.
    pub fn learnt(&self) -> Vec<u32> {
        (0..self.classes.len() as u32).filter(|&k| self.shares.get(k as usize).is_some_and(|&s| s > 0.0)).collect()
    }

    /// Classes that a model tells apart, at least 1: images without classes are of one.
    pub fn labels(&self) -> usize {
        self.classes.len().max(1)
    }

    /// What is wrong with it, for artefacts that were tampered with.
    pub fn problem(&self) -> Option<String> {
        let whole: f64 = self.shares.iter().sum();
        let odd = self.shares.iter().any(|s| !(0.0..=1.0 + 1e-9).contains(s));
        if self.shares.len() != self.classes.len() || odd || (!self.shares.is_empty() && (whole - 1.0).abs() > 1e-6) {
            return Some("shares of classes that do not add up".into());
        }
        let mut seen = HashSet::new();
        if let Some(twice) = self.classes.iter().find(|c| !seen.insert(c.as_str())) {
            return Some(format!("two classes {twice:?}"));
        }
        self.shape.problem()
    }

    /// A class, as common as it was among the training images. `allowed` holds class numbers; all when it is empty.
    pub fn draw_label(&self, allowed: &[u32], rng: &mut Stream) -> u32 {
        let share = |&l: &u32| self.shares.get(l as usize).copied().unwrap_or(0.0);
        let all: Vec<u32> = (0..self.classes.len() as u32).collect();
        let allowed = if allowed.is_empty() { &all } else { allowed };
        let whole: f64 = allowed.iter().map(share).sum();
        let mut left = uniform(rng) * whole;
        for label in allowed {
            left -= share(label);
            if left < 0.0 {
                return *label;
            }
        }
        // Classes of no image are as likely as each other; rounding ends here too.
        match (whole > 0.0, allowed.len()) {
            (_, 0) => 0,
            (true, _) => allowed.iter().rev().find(|l| share(l) > 0.0).copied().unwrap_or(0),
            (false, n) => allowed[((uniform(rng) * n as f64) as usize).min(n - 1)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::stream;

    #[test]
    fn classes_are_drawn_at_their_shares() {
        let shape = Shape { height: 1, width: 1, channels: 1 };
        let classes = ["a", "b", "c"].map(String::from).to_vec();
        let spec = Spec { shape, classes, shares: vec![0.5, 0.0, 0.5] };
        let mut rng = stream(1, "test", 0);
        let drawn: Vec<u32> = (0..1000).map(|_| spec.draw_label(&[], &mut rng)).collect();
        let count = |l| drawn.iter().filter(|&&x| x == l).count();
        assert!(count(1) == 0 && (400..600).contains(&count(0)));
        assert!((0..100).all(|_| spec.draw_label(&[2], &mut rng) == 2));
        // A class asked for that was never seen is drawn all the same.
        assert_eq!(spec.draw_label(&[1], &mut rng), 1);
        assert!(spec.problem().is_none());
        assert!(Spec { shares: vec![0.5, 0.2, 0.5], ..spec.clone() }.problem().is_some());
        let twice = ["a", "b", "a"].map(String::from).to_vec();
        assert!(Spec { classes: twice, ..spec }.problem().is_some_and(|p| p.contains("\"a\"")));
    }
}
