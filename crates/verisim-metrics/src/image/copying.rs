//! Are the synthetic images training images? Nearest images, by L2 distance of the pixels, say so in two ways:
//!
//! - The nearest of *all* training images shows copies, exact and near; new real images, held against the same ones,
//!   show how often images coincide by chance.
//! - The nearest among *equally many* training and hold-out images is a training image half of the time, unless the
//!   generator leans on what it has seen. Where there are fewer hold-out images than training images, a copier is found
//!   out only by those of its copies that take part; what it would reach says how sharp the test is.
//!
//! Exact: sums are of whole numbers, so a copy is 0 apart, and distances that are equal are ties.

use std::cmp::Ordering;
use std::collections::HashMap;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::pairs::lanes;
use crate::estimate::quantile;
use crate::{Error, Estimate, Result};

/// At most this many synthetic images, and as many hold-out images, need look for their nearest image.
pub const MOST_CHECKED: usize = 2_000;
/// Pairs in [`Copying::closest`].
const PAIRS: usize = 16;
/// An image is a near copy when its nearest image is this many times closer than its second nearest (Yoon et al., ICML
/// workshop on structured probabilistic inference, 2023: diffusion models that memorise).
const NEAR: u64 = 3;
/// Images that go through the others together: one image read serves them all.
const BLOCK: usize = 16;
/// Bytes compared before looking whether an image is already too far. Their sum fits 32 bits.
const STRIDE: usize = 256;

/// The nearest image of each of some images, the *queries*, found among others that are shown a few at a time.
#[derive(Clone, Debug)]
pub struct Nearest<'a> {
    queries: &'a [u8],
    pixels: usize,
    found: Vec<Found>,
    shown: usize,
}

/// Squared distances to the nearest image and the second nearest, and which the nearest is: the first of several.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Found {
    nearest: u64,
    at: usize,
    second: u64,
}

impl Found {
    fn is_copy(&self) -> bool {
        self.nearest == 0
    }

    fn is_near_copy(&self) -> bool {
        self.is_copy() || self.nearest.saturating_mul(NEAR * NEAR) < self.second
    }
}

impl<'a> Nearest<'a> {
    /// Nothing is found yet for the `queries`, images of `pixels` bytes (height × width × channels), one after another.
    /// `which` images they are goes into the error.
    ///
    /// # Errors
    /// Bytes that are not whole images, or no image.
    pub fn new(queries: &'a [u8], pixels: usize, which: &'static str) -> Result<Nearest<'a>> {
        match whole(queries, pixels, which)? {
            0 => Err(Error::TooFewImages { found: 0, least: 1 }),
            count => {
                let none = Found { nearest: u64::MAX, at: 0, second: u64::MAX };
                Ok(Nearest { queries, pixels, found: vec![none; count], shown: 0 })
            }
        }
    }

    /// Shows more images, of as many bytes each.
    ///
    /// # Errors
    /// Bytes that are not whole images.
    pub fn show(&mut self, images: &[u8]) -> Result<()> {
        let (pixels, first) = (self.pixels, self.shown);
        let count = whole(images, pixels, "shown")?;
        let blocks = self.queries.par_chunks(BLOCK * pixels).zip(self.found.par_chunks_mut(BLOCK));
        blocks.for_each(|(queries, found)| {
            for (at, image) in images.chunks_exact(pixels).enumerate() {
                for (query, best) in queries.chunks_exact(pixels).zip(&mut *found) {
                    match squared_below(query, image, best.second) {
                        None => {}
                        Some(d) if d < best.nearest => {
                            *best = Found { nearest: d, at: first + at, second: best.nearest };
                        }
                        Some(d) => best.second = d,
                    }
                }
            }
        });
        self.shown += count;
        Ok(())
    }

    fn count(&self, which: fn(&Found) -> bool) -> usize {
        self.found.iter().filter(|f| which(f)).count()
    }

    fn median(&self) -> f64 {
        quantile(&mut self.found.iter().map(|f| root(f.nearest)).collect::<Vec<f64>>(), 0.5)
    }

    /// Queries to look at, each once: first those that are closest to an image, then those that are closest beside their
    /// second nearest image. By distance alone a person would see nothing but the simplest images.
    fn closest(&self) -> Vec<Closest> {
        let mut order: Vec<usize> = (0..self.found.len()).collect();
        order.sort_by_key(|&i| (self.found[i].nearest, i));
        let rest = &mut order[(PAIRS / 2).min(self.found.len())..];
        let beside = |&i: &usize| self.found[i].nearest as f64 / self.found[i].second.max(1) as f64;
        rest.sort_by(|a, b| beside(a).total_cmp(&beside(b)));
        let one = |i: usize| {
            let Found { nearest, at, second } = self.found[i];
            Closest { synthetic: i, train: at, distance: root(nearest), second: root(second) }
        };
        order.into_iter().take(PAIRS).map(one).collect()
    }
}

/// Images in these bytes.
fn whole(bytes: &[u8], pixels: usize, which: &'static str) -> Result<usize> {
    match bytes.len() {
        found if pixels == 0 || !found.is_multiple_of(pixels) => Err(Error::PixelBytes { which, found, pixels }),
        found => Ok(found / pixels),
    }
}

/// The squared distance if it is below `most`. Most images are given up long before their last pixel.
fn squared_below(a: &[u8], b: &[u8], most: u64) -> Option<u64> {
    let mut sum = 0;
    for (a, b) in a.chunks(STRIDE).zip(b.chunks(STRIDE)) {
        sum += u64::from(lanes(a, b, |x, y| u32::from(x.abs_diff(y)).pow(2)));
        if sum >= most {
            return None;
        }
    }
    Some(sum)
}

fn root(squared: u64) -> f64 {
    (squared as f64).sqrt()
}

/// A synthetic image and its nearest training image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Closest {
    /// Which of the synthetic images that looked.
    pub synthetic: usize,
    /// Which of the training images, in the order in which they were shown.
    pub train: usize,
    /// L2 distance of their pixels, in steps of 0 to 255; 0 is an exact copy.
    pub distance: f64,
    /// The same from the second nearest training image.
    pub second: f64,
}

/// Images held against training images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Repeats {
    /// Images that looked.
    pub checked: usize,
    /// Those that equal a training image in every pixel.
    pub copies: usize,
    /// Those and the ones whose nearest training image is three times closer than their second nearest.
    pub near_copies: usize,
    /// Median distance to the nearest training image.
    pub median: f64,
}

impl Repeats {
    fn of(nearest: &Nearest) -> Repeats {
        Repeats {
            checked: nearest.found.len(),
            copies: nearest.count(Found::is_copy),
            near_copies: nearest.count(Found::is_near_copy),
            median: nearest.median(),
        }
    }
}

/// Which side the nearest image is on, among equally many training and hold-out images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Sides {
    /// Part of the synthetic images whose nearest image is a training image; ties count half, 0.5 is no copying.
    /// Wilson's interval counts synthetic images with the same nearest image as one: which side that is on was chance as
    /// well, and with few real images it decides for many synthetic ones.
    #[serde(flatten)]
    pub train: Estimate,
    /// Images on either side.
    pub against: usize,
    /// The part that a generator would reach which does nothing but copy training images.
    pub copier: f64,
}

impl Sides {
    fn of(learnt: &Nearest, held: &Nearest, train: usize) -> Sides {
        let mut share = 0.0;
        // Synthetic images by the real image that is nearest.
        let mut alike: HashMap<(bool, usize), f64> = HashMap::new();
        for (a, b) in learnt.found.iter().zip(&held.found) {
            share += match a.nearest.cmp(&b.nearest) {
                Ordering::Less => 1.0,
                Ordering::Equal => 0.5,
                Ordering::Greater => 0.0,
            };
            let nearest = if a.nearest <= b.nearest { (true, a.at) } else { (false, b.at) };
            *alike.entry(nearest).or_default() += 1.0;
        }
        let (checked, there) = (learnt.found.len() as f64, learnt.shown as f64 / train.max(1) as f64);
        // Of sides drawn by coin the share has the variance sum(k²) / 4n²: as of so many independent images.
        let independent = checked * checked / alike.values().map(|k| k * k).sum::<f64>();
        Sides { train: wilson(share / checked, independent), against: held.shown, copier: there + (1.0 - there) / 2.0 }
    }
}

/// What the nearest images say about copying.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Copying {
    /// Training images that were looked at.
    pub searched: usize,
    /// Synthetic images held against them.
    pub synthetic: Repeats,
    /// Hold-out images held against them: how often images coincide by chance.
    pub holdout: Option<Repeats>,
    /// Which side synthetic images are closer to.
    pub closer: Option<Sides>,
    /// The eight synthetic images that are closest to a training image, closest first, then the eight others that are closest
    /// beside their second nearest training image.
    pub closest: Vec<Closest>,
}

/// What hold-out images add to [`copying`].
#[derive(Clone, Copy, Debug)]
pub struct Holdout<'a> {
    /// Hold-out images that were shown the same training images.
    pub holdout: &'a Nearest<'a>,
    /// The synthetic images, shown training images that were drawn at random, no more than there are hold-out images.
    pub among_train: &'a Nearest<'a>,
    /// The synthetic images, shown as many hold-out images and no training image.
    pub among_holdout: &'a Nearest<'a>,
}

/// Sums up what `synthetic` images found among training images, of which there are `train` in all.
pub fn copying(synthetic: &Nearest, train: usize, unseen: Option<Holdout>) -> Copying {
    Copying {
        searched: synthetic.shown,
        synthetic: Repeats::of(synthetic),
        holdout: unseen.map(|u| Repeats::of(u.holdout)),
        closer: unseen.map(|u| Sides::of(u.among_train, u.among_holdout, train)),
        closest: synthetic.closest(),
    }
}

/// Wilson's interval of a share that halves may be part of (Wilson, JASA 22, 1927).
fn wilson(p: f64, n: f64) -> Estimate {
    const Z: f64 = 1.959_963_984_540_054;
    let z2 = Z * Z / n;
    let middle = (p + z2 / 2.0) / (1.0 + z2);
    let half = (z2 * (p * (1.0 - p) + z2 / 4.0)).sqrt() / (1.0 + z2);
    Estimate { value: p, interval: Some([(middle - half).clamp(0.0, p), (middle + half).clamp(p, 1.0)]) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::rng::{below, stream};

    use super::*;

    const PIXELS: usize = 70;

    fn noise(images: usize, pixels: usize, index: u64) -> Vec<u8> {
        let mut rng = stream(5, "test images", index);
        (0..images * pixels).map(|_| below(&mut rng, 256) as u8).collect()
    }

    /// `queries` shown `images`, a few at a time.
    fn shown<'a>(queries: &'a [u8], images: &[u8], pixels: usize) -> Nearest<'a> {
        let mut nearest = Nearest::new(queries, pixels, "synthetic").unwrap();
        images.chunks(7 * pixels).for_each(|some| nearest.show(some).unwrap());
        nearest
    }

    fn held_against(synthetic: &[u8], train: &[u8], holdout: &[u8], pixels: usize) -> Copying {
        let count = train.len().min(holdout.len());
        let unseen = Holdout {
            holdout: &shown(holdout, train, pixels),
            among_train: &shown(synthetic, &train[..count], pixels),
            among_holdout: &shown(synthetic, &holdout[..count], pixels),
        };
        copying(&shown(synthetic, train, pixels), train.len() / pixels, Some(unseen))
    }

    #[test]
    fn planted_copies_are_found_however_few_are_held_out() {
        let train = noise(300, PIXELS, 0);
        let planted: Vec<usize> = (0..40).map(|i| i * 7 % 300).collect();
        let synthetic: Vec<u8> =
            planted.iter().flat_map(|i| train[i * PIXELS..(i + 1) * PIXELS].iter().copied()).collect();
        for held in [300, 100] {
            let found = held_against(&synthetic, &train, &noise(held, PIXELS, 1), PIXELS);
            let all = Repeats { checked: 40, copies: 40, near_copies: 40, median: 0.0 };
            assert_eq!((found.searched, found.synthetic, found.closest.len()), (300, all, 16));
            for (i, pair) in found.closest.iter().enumerate() {
                assert_eq!((pair.synthetic, pair.train, pair.distance), (i, planted[i], 0.0));
            }
            let (closer, unseen) = (found.closer.unwrap(), found.holdout.unwrap());
            assert_eq!((unseen.checked, unseen.copies, unseen.near_copies), (held, 0, 0));
            // Of 300 images that were copied 100 take part, and the other copies fall on either side.
            let copier = if held == 300 { 1.0 } else { 2.0 / 3.0 };
            assert_eq!(closer.against, held);
            assert!((closer.copier - copier).abs() < 1e-12);
            assert!((closer.train.value - copier).abs() < 0.13, "{}", closer.train.value);
        }
    }

    #[test]
    fn a_copy_that_is_a_little_changed_is_a_near_copy() {
        let train = noise(50, PIXELS, 0);
        let changed: Vec<u8> = train[..10 * PIXELS].iter().map(|x| x ^ 4).collect();
        let found = held_against(&changed, &train, &noise(50, PIXELS, 1), PIXELS);
        assert_eq!((found.synthetic.copies, found.synthetic.near_copies), (0, 10));
        assert_eq!(found.holdout.unwrap().near_copies, 0);
    }

    /// Dark images lie close together; a bright one that is nearly a copy does not, and is to be seen among them.
    #[test]
    fn pairs_are_the_closest_and_those_that_are_close_beside_the_second() {
        let dark: Vec<u8> = noise(60, PIXELS, 0).iter().map(|x| x / 16).collect();
        let bright = noise(5, PIXELS, 1);
        let (train, synthetic) = ([&dark[..30 * PIXELS], &bright].concat(), dark[30 * PIXELS..].to_vec());
        let changed: Vec<u8> = bright[..PIXELS].iter().map(|x| x ^ 16).collect();
        let pairs = shown(&[synthetic, changed].concat(), &train, PIXELS).closest();
        assert_eq!((pairs.len(), pairs[8].synthetic, pairs[8].train), (16, 30, 30));
        assert!(pairs[..8].is_sorted_by_key(|p| p.distance) && pairs[8].distance > pairs[7].distance);
        assert!(pairs[8..].is_sorted_by_key(|p| p.distance / p.second));
    }

    #[test]
    fn new_images_are_closer_half_of_the_time() {
        let draws = (0..12).map(|i| 3 * i);
        let of = |images, index| noise(images, 20, index);
        let found: Vec<Copying> =
            draws.map(|i| held_against(&of(300, i), &of(150, i + 1), &of(200, i + 2), 20)).collect();
        let mean = found.iter().map(|f| f.closer.unwrap().train.value).sum::<f64>() / 12.0;
        assert!((mean - 0.5).abs() < 0.04, "{mean}");
        for f in &found {
            assert_eq!((f.synthetic.checked, f.closer.unwrap().against, f.synthetic.copies), (300, 150, 0));
            assert!((f.synthetic.median / f.holdout.unwrap().median - 1.0).abs() < 0.1);
        }
    }

    /// Many synthetic images around few real ones: which side those are on says little, and the interval says so.
    #[test]
    fn the_interval_is_as_wide_as_the_share_varies_with_the_real_images() {
        let synthetic = noise(400, 2, 100);
        let found: Vec<Estimate> = (0..60)
            .map(|i| held_against(&synthetic, &noise(10, 2, 2 * i), &noise(10, 2, 2 * i + 1), 2).closer.unwrap().train)
            .collect();
        let held = found.iter().filter(|f| f.low() <= 0.5 && 0.5 <= f.high()).count();
        assert!(held >= 54, "{held} of 60");
        // Of 400 independent images the interval would be a tenth wide, and miss one half most of the time.
        let outside = found.iter().filter(|f| (f.value - 0.5).abs() > 0.05).count();
        assert!(outside > 20, "{outside} of 60");
        let wide = found.iter().map(|f| f.high() - f.low()).sum::<f64>() / 60.0;
        assert!((0.2..0.7).contains(&wide), "{wide}");
    }

    #[test]
    fn equal_distances_are_ties() {
        let same = noise(50, PIXELS, 0);
        let found = held_against(&same, &same, &same, PIXELS);
        assert_eq!((found.closer.unwrap().train.value, found.synthetic.copies), (0.5, 50));
        assert_eq!(found.holdout.unwrap().copies, 50);
    }

    #[test]
    fn nearest_and_second_are_those_of_a_full_scan() {
        // More than one stride, and a rest; one image twice.
        let pixels = 2 * STRIDE + 33;
        let (images, mut all) = (noise(37, pixels, 0), noise(45, pixels, 1));
        all.extend_from_within(..pixels);
        let found = shown(&images, &all, pixels);
        assert_eq!(found.shown, 46);
        for (query, f) in images.chunks(pixels).zip(&found.found) {
            let distance = |c: &[u8]| -> u64 {
                query.iter().zip(c).map(|(x, y)| (i64::from(*x) - i64::from(*y)).pow(2) as u64).sum()
            };
            let mut scan: Vec<(u64, usize)> = all.chunks(pixels).enumerate().map(|(i, c)| (distance(c), i)).collect();
            scan.sort_unstable();
            assert_eq!(*f, Found { nearest: scan[0].0, at: scan[0].1, second: scan[1].0 });
        }
    }

    #[test]
    fn the_largest_distance_does_not_overflow() {
        let (black, white) = (vec![0; 400_000], vec![255; 400_000]);
        assert_eq!(shown(&black, &white, 400_000).median(), (400_000.0 * 255.0 * 255.0_f64).sqrt());
    }

    #[test]
    fn the_interval_is_wilsons() {
        for (hits, n) in [(0, 100), (31, 100), (50, 50)] {
            let (ours, other) = (wilson(hits as f64 / n as f64, n as f64), Estimate::share(hits, n));
            let ends = ours.interval.unwrap().into_iter().zip(other.interval.unwrap());
            assert!(ours.value == other.value && ends.into_iter().all(|(a, b)| (a - b).abs() < 1e-12));
        }
    }

    #[test]
    fn broken_images_are_refused() {
        let images = noise(3, PIXELS, 0);
        let error = Nearest::new(&images[1..], PIXELS, "synthetic").unwrap_err().to_string();
        assert!(error.contains("synthetic") && error.contains("209"), "{error}");
        assert!(Nearest::new(&[], PIXELS, "hold-out").is_err() && Nearest::new(&images, 0, "hold-out").is_err());
        assert!(shown(&images, &images, PIXELS).show(&images[1..]).is_err());
    }
}
