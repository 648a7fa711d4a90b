//! Pictures for tests.

use verisim_data::rng::{below, stream};

use super::Item;
use super::labels::{Bounds, Labels, Point};
use super::picture::{Picture, Samples};

pub(super) fn eight(width: usize, height: usize, channels: usize, samples: Vec<u8>) -> Picture {
    Picture::new(width, height, channels, Samples::Eight(samples)).unwrap()
}

pub(super) fn grey(width: usize, height: usize, samples: &[u8]) -> Picture {
    eight(width, height, 1, samples.to_vec())
}

pub(super) fn flat(width: usize, height: usize, pixel: &[u8]) -> Picture {
    eight(width, height, pixel.len(), pixel.repeat(width * height))
}

pub(super) fn sixteen(width: usize, height: usize, channels: usize, samples: Vec<u16>) -> Picture {
    Picture::new(width, height, channels, Samples::Sixteen(samples)).unwrap()
}

/// Every sample random.
pub(super) fn rough(width: usize, height: usize, channels: usize) -> Picture {
    let mut rng = stream(5, "test", (width * height + channels) as u64);
    eight(width, height, channels, (0..width * height * channels).map(|_| below(&mut rng, 256) as u8).collect())
}

/// Slowly changing, so that resampling loses little.
pub(super) fn smooth(width: usize, height: usize, channels: usize) -> Picture {
    let at = |x: usize, y: usize, c: usize| {
        128.0 + 60.0 * libm::sin(x as f64 * 0.11 + c as f64) + 50.0 * libm::cos(y as f64 * 0.09 - c as f64)
    };
    let n = width * channels;
    eight(width, height, channels, (0..n * height).map(|i| at(i % n / channels, i / n, i % channels) as u8).collect())
}

/// A random picture with two things on it: masks, boxes as their extents, and their middles as key points.
pub(super) fn item(width: usize, height: usize, channels: usize) -> Item {
    let (w, h) = (width as f64, height as f64);
    let boxes = [[0.2, 0.3, 0.5, 0.5], [0.55, 0.4, 0.8, 0.85]]
        .map(|[l, t, r, b]: [f64; 4]| [(l * w).round(), (t * h).round(), (r * w).round(), (b * h).round()]);
    let mut mask = vec![0u8; width * height];
    for (i, [l, t, r, b]) in boxes.into_iter().enumerate() {
        for y in t as usize..b as usize {
            mask[y * width + l as usize..y * width + r as usize].fill(i as u8 + 1);
        }
    }
    Item {
        picture: rough(width, height, channels),
        labels: Labels {
            masks: vec![grey(width, height, &mask)],
            boxes: boxes.iter().enumerate().map(|(i, b)| Bounds::new(*b, i as u32, i as u64)).collect(),
            points: boxes
                .iter()
                .map(|[l, t, r, b]| Point { x: (l + r) / 2.0, y: (t + b) / 2.0, class: 0, visible: true })
                .collect(),
            classes: vec![(3, 1.0)],
        },
    }
}

/// Whether each box of an [`item`] is the extents of what its mask shows, to within `slack` pixels, and each visible point on it.
pub(super) fn check_boxes(it: &Item, slack: f64) {
    let mask = &it.labels.masks[0];
    assert_eq!((mask.width(), mask.height()), (it.picture.width(), it.picture.height()));
    for b in &it.labels.boxes {
        let value = b.id as f32 + 1.0;
        let mut seen = [f64::INFINITY, f64::INFINITY, 0.0, 0.0];
        for y in 0..mask.height() {
            for x in 0..mask.width() {
                if mask.at(x, y, 0) == value {
                    let (x, y) = (x as f64, y as f64);
                    seen = [seen[0].min(x), seen[1].min(y), f64::max(seen[2], x + 1.0), f64::max(seen[3], y + 1.0)];
                }
            }
        }
        for (s, b) in seen.iter().zip(b.sides) {
            assert!((s - b).abs() <= slack, "mask {seen:?}, box {:?}", b);
        }
        let p = &it.labels.points[b.id as usize];
        if p.visible {
            assert_eq!(mask.at(p.x as usize, p.y as usize, 0), value);
        }
    }
}

/// The samples of a picture of 8 bits.
pub(super) fn values(p: &Picture) -> Vec<u8> {
    match p.samples() {
        Samples::Eight(s) => s.clone(),
        Samples::Sixteen(_) => panic!("16 bits"),
    }
}

/// The mean difference of two pictures' samples at least `margin` pixels from all edges.
pub(super) fn difference(a: &Picture, b: &Picture, margin: usize) -> f64 {
    let (mut sum, mut n) = (0.0, 0);
    for y in margin..a.height() - margin {
        for x in margin..a.width() - margin {
            for c in 0..a.channels() {
                sum += f64::from((a.at(x, y, c) - b.at(x, y, c)).abs());
                n += 1;
            }
        }
    }
    sum / f64::from(n)
}
