//! Are the synthetic images training images? The nearest training image of every synthetic one, by L2 distance of
//! the pixels, beside its nearest among equally many hold-out images, which it cannot have copied. A generator
//! that copies is closer to its training images; one that does not is closer to them half of the time.
//!
//! Exact: sums are of whole numbers, so a copy is 0 apart, and distances that are equal are ties.

use rayon::prelude::*;
use serde::Serialize;

use super::pairs::lanes;
use crate::detection::sample;
use crate::logistic::quantile;
use crate::report::Estimate;
use crate::{Error, Result};

/// At most this many synthetic images look for their nearest image.
pub const MOST_CHECKED: usize = 2_000;
/// At most this many training images, and as many hold-out images, are looked at.
pub const MOST_AGAINST: usize = 5_000;
/// Pairs in [`Copying::closest`].
const PAIRS: usize = 16;
/// Synthetic images that go through the others together: one image read serves them all.
const BLOCK: usize = 16;
/// Bytes compared before looking whether an image is already too far. Their sum fits 32 bits.
const STRIDE: usize = 256;

/// A synthetic image and its nearest training image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Closest {
    /// Which synthetic image.
    pub synthetic: usize,
    /// Which training image.
    pub train: usize,
    /// L2 distance of their pixels, in steps of 0 to 255; 0 is an exact copy.
    pub distance: f64,
}

/// What the nearest images say about copying.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Copying {
    /// Part of the synthetic images whose nearest image is a training image; ties count half, 0.5 is no copying.
    /// Wilson's interval is for other synthetic images; other training and hold-out images would move it further,
    /// the more so the fewer there are.
    pub closer: Estimate,
    /// Synthetic images that looked.
    pub checked: usize,
    /// Training images that they looked at, and hold-out images.
    pub against: usize,
    /// Synthetic images that equal one of these training images in every pixel.
    pub copies: usize,
    /// Synthetic images that equal one of these hold-out images: how often images coincide by chance.
    pub copies_holdout: usize,
    /// Median distance to the nearest training image.
    pub median_to_train: f64,
    /// Median distance to the nearest hold-out image.
    pub median_to_holdout: f64,
    /// The synthetic images that are closest to a training image, each once, closest first; at most 16.
    pub closest: Vec<Closest>,
}

/// Looks for copies of training images: at most [`MOST_CHECKED`] of the `synthetic` images against equally many of
/// `train` and `holdout`, at most [`MOST_AGAINST`], all drawn at random. Images are `pixels` bytes each, one after
/// another (height × width × channels). Indices in the result count images in the slices handed in.
///
/// # Errors
/// Bytes that are not whole images of `pixels` bytes, or no image on one of the sides.
pub fn copying(synthetic: &[u8], train: &[u8], holdout: &[u8], pixels: usize, seed: u64) -> Result<Copying> {
    let [made, learnt, held] =
        [("synthetic", synthetic), ("training", train), ("hold-out", holdout)].map(|(which, bytes)| {
            match bytes.len() {
                found if pixels == 0 || !found.is_multiple_of(pixels) => {
                    Err(Error::PixelBytes { which, found, pixels })
                }
                0 => Err(Error::TooFewImages { found: 0, least: 1 }),
                found => Ok(found / pixels),
            }
        });
    let (made, learnt, held) = (made?, learnt?, held?);
    let against = learnt.min(held).min(MOST_AGAINST);
    let queries = sample(made, made.min(MOST_CHECKED), seed, 2);
    let nearest = |all, count, side| nearest(synthetic, &queries, all, &sample(count, against, seed, side), pixels);
    let (to_train, to_holdout) = (nearest(train, learnt, 0), nearest(holdout, held, 1));

    let closer = to_train.iter().zip(&to_holdout).map(|(a, b)| match a.0.cmp(&b.0) {
        std::cmp::Ordering::Less => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Greater => 0.0,
    });
    let checked = queries.len();
    let copies = |found: &[(u64, usize)]| found.iter().filter(|f| f.0 == 0).count();
    let median = |found: &[(u64, usize)]| quantile(&mut found.iter().map(|f| root(f.0)).collect::<Vec<f64>>(), 0.5);
    Ok(Copying {
        closer: wilson(closer.sum::<f64>() / checked as f64, checked as f64),
        checked,
        against,
        copies: copies(&to_train),
        copies_holdout: copies(&to_holdout),
        median_to_train: median(&to_train),
        median_to_holdout: median(&to_holdout),
        closest: closest(&queries, &to_train),
    })
}

/// The squared distance of each image `queries` of `images` to the nearest of the images `among` of `all`, and
/// which that is; the first of several.
fn nearest(images: &[u8], queries: &[usize], all: &[u8], among: &[usize], pixels: usize) -> Vec<(u64, usize)> {
    let block = |block: &[usize]| {
        let mut best = vec![(u64::MAX, 0); block.len()];
        for &candidate in among {
            let other = &all[candidate * pixels..][..pixels];
            for (&query, best) in block.iter().zip(&mut best) {
                if let Some(closer) = squared_below(&images[query * pixels..][..pixels], other, best.0) {
                    *best = (closer, candidate);
                }
            }
        }
        best
    };
    let blocks: Vec<_> = queries.par_chunks(BLOCK).map(block).collect();
    blocks.into_iter().flatten().collect()
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

fn closest(queries: &[usize], to_train: &[(u64, usize)]) -> Vec<Closest> {
    let mut order: Vec<usize> = (0..queries.len()).collect();
    order.sort_by_key(|&i| (to_train[i].0, queries[i]));
    let one = |i: usize| Closest { synthetic: queries[i], train: to_train[i].1, distance: root(to_train[i].0) };
    order.into_iter().take(PAIRS).map(one).collect()
}

fn root(squared: u64) -> f64 {
    (squared as f64).sqrt()
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

    #[test]
    fn planted_copies_are_found() {
        let (train, holdout) = (noise(300, PIXELS, 0), noise(200, PIXELS, 1));
        let planted: Vec<usize> = (0..40).map(|i| i * 7 % 300).collect();
        let synthetic: Vec<u8> =
            planted.iter().flat_map(|i| train[i * PIXELS..(i + 1) * PIXELS].iter().copied()).collect();
        // All 300 training images can be looked at only if as many are held out.
        let found = copying(&synthetic, &train, &noise(300, PIXELS, 2), PIXELS, 1).unwrap();
        assert_eq!((found.closer.value, found.checked, found.against, found.copies), (1.0, 40, 300, 40));
        assert_eq!((found.median_to_train, found.copies_holdout, found.closest.len()), (0.0, 0, 16));
        for (i, pair) in found.closest.iter().enumerate() {
            assert_eq!((pair.synthetic, pair.train, pair.distance), (i, planted[i], 0.0));
        }
        let fewer = copying(&synthetic, &train, &holdout, PIXELS, 1).unwrap();
        assert_eq!(fewer.against, 200);
        assert!(fewer.closer.value > 0.7 && fewer.copies < 40);
    }

    #[test]
    fn new_images_are_closer_half_of_the_time() {
        let draws = (0..12).map(|i| 3 * i);
        let found: Vec<Copying> = draws
            .map(|i| copying(&noise(300, 20, i), &noise(150, 20, i + 1), &noise(200, 20, i + 2), 20, i).unwrap())
            .collect();
        let mean = found.iter().map(|f| f.closer.value).sum::<f64>() / 12.0;
        assert!((mean - 0.5).abs() < 0.04, "{mean}");
        for f in &found {
            assert_eq!((f.checked, f.against, f.copies), (300, 150, 0));
            assert!((f.median_to_train / f.median_to_holdout - 1.0).abs() < 0.1);
        }
    }

    #[test]
    fn equal_distances_are_ties() {
        let same = noise(50, PIXELS, 0);
        let found = copying(&same, &same, &same, PIXELS, 0).unwrap();
        assert_eq!((found.closer.value, found.copies, found.copies_holdout), (0.5, 50, 50));
    }

    #[test]
    fn the_nearest_image_is_that_of_a_full_scan() {
        // More than one stride, and a rest.
        let pixels = 2 * STRIDE + 33;
        let (images, all) = (noise(37, pixels, 0), noise(90, pixels, 1));
        let (queries, among): (Vec<usize>, Vec<usize>) = ((0..37).collect(), (0..90).step_by(2).collect());
        let found = nearest(&images, &queries, &all, &among, pixels);
        for (q, f) in found.iter().enumerate() {
            let distance = |c: &usize| -> u64 {
                let pairs = images[q * pixels..(q + 1) * pixels].iter().zip(&all[c * pixels..(c + 1) * pixels]);
                pairs.map(|(x, y)| (i64::from(*x) - i64::from(*y)).pow(2) as u64).sum()
            };
            let scan = among.iter().map(|c| (distance(c), *c)).min().unwrap();
            assert_eq!(*f, scan);
        }
    }

    #[test]
    fn the_largest_distance_does_not_overflow() {
        let (black, white) = (vec![0; 400_000], vec![255; 400_000]);
        let found = copying(&black, &white, &white, 400_000, 0).unwrap();
        assert_eq!(found.median_to_train, (400_000.0 * 255.0 * 255.0_f64).sqrt());
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
        let error = copying(&images[1..], &images, &images, PIXELS, 0).unwrap_err().to_string();
        assert!(error.contains("synthetic") && error.contains("209"), "{error}");
        assert!(copying(&images, &images, &[], PIXELS, 0).is_err());
        assert!(copying(&images, &images, &images, 0, 0).is_err());
    }
}
