//! Policies: which transforms and how strong is drawn anew for each item. Settings as published, on the operations below; sharpness is
//! by a bell where Pillow has a kernel of three pixels, and what a rotation or shear leaves free is `fill`.

use verisim_data::rng::{Stream, below, uniform};

use super::act::{Act, Work};
use super::edge::Edge;
use super::filter::Kernel;
use super::labels::Labels;
use super::mix::{share, weighted};
use super::settings::{Change, View, settings};
use super::tone::{Curve, saturation};
use super::warp::{Shape, Warp};
use super::{Item, Partners};
use crate::error::Result;
use crate::range::Range;

settings! {
    /// Some operations one after another, all of one strength (Cubuk et al. 2020).
    RandAugment {
        /// How many.
        n: Range = Range::from(2.0), whole 0 to 20;
        /// From 0 to 30, where 30 is strongest.
        magnitude: Range = Range::from(9.0), in 0 to 30;
        /// What is seen beyond the picture.
        fill: Edge = Edge::default(), in 0 to 1;
    }
}

settings! {
    /// One operation of any strength (Müller & Hutter 2021, "wide"): nothing to tune.
    TrivialAugment {
        /// What is seen beyond the picture.
        fill: Edge = Edge::default(), in 0 to 1;
    }
}

settings! {
    /// The mean of the picture and of several chains of operations on it (Hendrycks et al. 2020): for classifiers that must bear bad pictures.
    /// Labels stay as they are, so it is not for boxes and masks.
    AugMix {
        /// Chains.
        width: Range = Range::from(3.0), whole 1 to 10;
        /// Operations in each.
        depth: Range = Range::from([1.0, 3.0]), whole 1 to 10;
        /// How strong they are, from 0 to 10.
        severity: Range = Range::from(3.0), in 0 to 10;
        /// The share of the picture itself is of a Beta distribution with both parameters like this.
        alpha: Range = Range::from(1.0), in 0.05 to 4;
        /// What is seen beyond the picture.
        fill: Edge = Edge::default(), in 0 to 1;
    }
}

/// The operations of a policy.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Op {
    Identity,
    Autocontrast,
    Equalize,
    Posterize,
    Rotate,
    Solarize,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Color,
    Contrast,
    Brightness,
    Sharpness,
}

const ALL: [Op; 14] = [
    Op::Identity,
    Op::Autocontrast,
    Op::Equalize,
    Op::Posterize,
    Op::Rotate,
    Op::Solarize,
    Op::ShearX,
    Op::ShearY,
    Op::TranslateX,
    Op::TranslateY,
    Op::Color,
    Op::Contrast,
    Op::Brightness,
    Op::Sharpness,
];

/// Operations of AugMix: those that do not change what is measured when bad pictures are made on purpose.
const MIXED: std::ops::Range<usize> = 1..10;

/// How far each operation goes at full strength.
struct Scale {
    shear: f64,
    /// In pixels along x and y.
    translate: [f64; 2],
    degrees: f64,
    /// Of colour, contrast, brightness and sharpness, about 1.
    factor: f64,
    /// Bits of a sample that are lost.
    bits: f64,
}

impl Op {
    /// The operation at a strength from 0 to 1, either way where there are two.
    fn act(self, rng: &mut Stream, view: &View, fill: &Edge, scale: &Scale, strength: f64) -> Act {
        let sign = if below(rng, 2) == 0 { 1.0 } else { -1.0 };
        let (w, h) = (view.width as f64, view.height as f64);
        let warp = |m: [f64; 6]| {
            Act::Warp(Warp { shape: Shape::Affine(m), width: view.width, height: view.height, fill: fill.clone() })
        };
        let v = sign * strength;
        let factor = 1.0 + v * scale.factor;
        match self {
            Op::Identity => Act::Nothing,
            Op::Autocontrast => Act::Autocontrast,
            Op::Equalize => Act::Equalise,
            Op::Posterize => match (strength * scale.bits).round() as u32 {
                0 => Act::Nothing,
                lost => Act::Curve(Curve::Posterise(8u32.saturating_sub(lost).max(1))),
            },
            Op::Solarize => Act::Curve(Curve::Solarise(1.0 - strength)),
            Op::Rotate => {
                let a = (v * scale.degrees).to_radians();
                let (sin, cos) = (libm::sin(a), libm::cos(a));
                warp([cos, -sin, (w - cos * w + sin * h) / 2.0, sin, cos, (h - sin * w - cos * h) / 2.0])
            }
            Op::ShearX => warp([1.0, v * scale.shear, -v * scale.shear * h / 2.0, 0.0, 1.0, 0.0]),
            Op::ShearY => warp([1.0, 0.0, 0.0, v * scale.shear, 1.0, -v * scale.shear * w / 2.0]),
            Op::TranslateX => warp([1.0, 0.0, (v * scale.translate[0]).round(), 0.0, 1.0, 0.0]),
            Op::TranslateY => warp([1.0, 0.0, 0.0, 0.0, 1.0, (v * scale.translate[1]).round()]),
            Op::Color => Act::Matrix(saturation(factor)),
            Op::Contrast => Act::Contrast(factor),
            Op::Brightness => Act::Curve(Curve::Line { gain: factor, offset: 0.0 }),
            Op::Sharpness => Act::Filter(Kernel::Sharpen(v * scale.factor)),
        }
    }
}

impl Change for RandAugment {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let share = 150.0 / 331.0;
        let translate = [share * view.width as f64, share * view.height as f64];
        let scale = Scale { shear: 0.3, translate, degrees: 30.0, factor: 0.9, bits: 4.0 };
        let n = self.n.draw_whole(rng);
        let strength = self.magnitude.draw(rng) / 30.0;
        let one = |_| {
            let op = ALL[below(rng, ALL.len() as u64) as usize];
            op.act(rng, view, &self.fill, &scale, strength)
        };
        Act::Chain((0..n).map(one).collect())
    }
}

impl Change for TrivialAugment {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let scale = Scale { shear: 0.99, translate: [32.0; 2], degrees: 135.0, factor: 0.99, bits: 6.0 };
        let op = ALL[below(rng, ALL.len() as u64) as usize];
        let strength = below(rng, 31) as f64 / 30.0;
        op.act(rng, view, &self.fill, &scale, strength)
    }
}

impl Change for AugMix {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let translate = [view.width as f64 / 3.0, view.height as f64 / 3.0];
        let scale = Scale { shear: 0.3, translate, degrees: 30.0, factor: 0.9, bits: 4.0 };
        let n = self.width.draw_whole(rng);
        let most = self.severity.draw(rng) / 10.0;
        let ways: Vec<Vec<Act>> = (0..n)
            .map(|_| {
                let depth = self.depth.draw_whole(rng);
                (0..depth)
                    .map(|_| {
                        let op = ALL[MIXED.start + below(rng, MIXED.len() as u64) as usize];
                        let strength = most * (0.01 + 0.99 * uniform(rng));
                        op.act(rng, view, &self.fill, &scale, strength)
                    })
                    .collect()
            })
            .collect();
        // A Dirichlet distribution with all parameters 1: exponential numbers by their sum.
        let parts: Vec<f64> = ways.iter().map(|_| -libm::log(1.0 - uniform(rng)) + 1e-12).collect();
        let all: f64 = parts.iter().sum();
        let alpha = self.alpha.draw(rng);
        Act::Ways { ways, weights: parts.iter().map(|p| p / all).collect(), own: share(rng, alpha) }
    }
}

/// The mean of what each way makes of the picture, and of the picture itself. A way must leave its size.
pub(super) fn mean_of_ways(
    item: &mut Item,
    ways: &[Vec<Act>],
    weights: &[f64],
    own: f64,
    partners: &(impl Partners + ?Sized),
) -> Result<()> {
    let mut parts = vec![(item.picture.clone(), own)];
    for (way, weight) in ways.iter().zip(weights) {
        let mut work = Work::new(&item.picture, Labels::default());
        way.iter().try_for_each(|act| work.run(act, partners))?;
        let picture = work.into_picture();
        if (picture.width(), picture.height()) != (item.picture.width(), item.picture.height()) {
            return Err(crate::Error::Item(
                "a way of a mixture changes the size of the picture; it must not".to_owned(),
            ));
        }
        parts.push((picture, (1.0 - own) * weight));
    }
    if let Some(picture) = weighted(&parts) {
        item.picture = picture;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{flat, item, rough, values};
    use super::*;
    use crate::Draw;

    fn run(change: &impl Change, it: &Item, index: u64) -> (super::super::Picture, Act) {
        let mut work = Work::new(&it.picture, it.labels.clone());
        let act = change.draw(&mut Draw::new(1, index, 0, 0).stream(), &work.view(0));
        act.check().unwrap();
        work.run(&act, &[] as &[Item]).unwrap();
        (work.into_picture(), act)
    }

    #[test]
    fn no_strength_is_no_change() {
        let scale = Scale { shear: 0.3, translate: [9.0; 2], degrees: 30.0, factor: 0.9, bits: 4.0 };
        let it = Item::from(rough(20, 14, 3));
        for op in ALL.into_iter().filter(|op| ![Op::Autocontrast, Op::Equalize].contains(op)) {
            let mut work = Work::new(&it.picture, it.labels.clone());
            let act = op.act(&mut Draw::new(1, 0, 0, 0).stream(), &work.view(0), &Edge::default(), &scale, 0.0);
            work.run(&act, &[] as &[Item]).unwrap();
            let made = work.into_picture();
            // From the lightest level up white itself is inverted, as published.
            if op != Op::Solarize {
                assert_eq!(made, it.picture, "{op:?}");
            }
        }
    }

    #[test]
    fn policies_draw_every_operation() {
        let it = item(24, 20, 3);
        let mut seen = std::collections::BTreeSet::new();
        for i in 0..300 {
            let (picture, act) = run(&TrivialAugment::default(), &it, i);
            assert_eq!((picture.width(), picture.height()), (24, 20));
            seen.insert(format!("{act:?}").split(['(', ' ']).next().unwrap().to_owned());
        }
        assert_eq!(
            seen.into_iter().collect::<Vec<_>>(),
            ["Autocontrast", "Contrast", "Curve", "Equalise", "Filter", "Matrix", "Nothing", "Warp"]
        );
        let (_, act) = run(&RandAugment { n: 3.0.into(), ..RandAugment::default() }, &it, 0);
        assert!(matches!(act, Act::Chain(acts) if acts.len() == 3));
    }

    #[test]
    fn a_mixture_of_ways_is_their_mean() {
        let mut it = Item::from(flat(2, 2, &[100]));
        let ways = [vec![Act::Curve(Curve::Invert)], vec![]];
        mean_of_ways(&mut it, &ways, &[0.75, 0.25], 0.5, &[] as &[Item]).unwrap();
        // 0.5 * 100 + 0.5 * (0.75 * 155 + 0.25 * 100) = 120.6.
        assert_eq!(values(&it.picture), [121; 4]);
        let (picture, act) = run(&AugMix::default(), &item(24, 20, 3), 4);
        assert_eq!(picture.width(), 24);
        let Act::Ways { weights, .. } = act else { panic!("no ways") };
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
}
