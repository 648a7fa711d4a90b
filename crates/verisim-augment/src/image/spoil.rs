//! What storing and hiding do: fewer pixels, holes.

use serde::{Deserialize, Serialize};

use super::edge::Edge;
use super::labels::Labels;
use super::picture::{Picture, Sample, with_samples};
use super::resize::{Filter, resized};

/// Made smaller by a factor below 1 and as large again: detail is lost, the size is not.
pub(super) fn downscale(picture: &mut Picture, factor: f64, filter: Filter) {
    let side = |s: usize| ((s as f64 * factor).round() as usize).clamp(1, s);
    let small = resized(picture, side(picture.width()), side(picture.height()), Filter::Area);
    *picture = resized(&small, picture.width(), picture.height(), filter);
}

/// Rectangles that are painted over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holes {
    /// Left, top, width and height, in pixels.
    pub at: Vec<[usize; 4]>,
    /// What with.
    pub fill: Edge,
    /// Whether masks are emptied there too.
    pub masks: bool,
}

impl Holes {
    pub(super) fn apply(&self, picture: &mut Picture, labels: &mut Labels) {
        self.picture(picture, &self.fill);
        if self.masks {
            labels.masks.iter_mut().for_each(|m| self.picture(m, &Edge::Grey(0.0)));
        }
    }

    fn picture(&self, picture: &mut Picture, fill: &Edge) {
        let size = (picture.width(), picture.height(), picture.channels(), picture.colours());
        with_samples!(&mut picture.samples, s => self.run(s, size, fill));
    }

    fn run<S: Sample>(&self, s: &mut [S], (w, h, channels, colours): (usize, usize, usize, usize), fill: &Edge) {
        let pixel = fill.pixel::<S>(channels);
        for &[left, top, width, height] in &self.at {
            for y in top.min(h)..top.saturating_add(height).min(h) {
                let row = &mut s[y * w * channels..(y + 1) * w * channels];
                let run = left.min(w)..left.saturating_add(width).min(w);
                for p in row[run.start * channels..run.end * channels].chunks_exact_mut(channels) {
                    p[..colours].copy_from_slice(&pixel[..colours]);
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Item;
    use super::super::testkit::{flat, grey, item, rough, values};
    use super::*;

    #[test]
    fn detail_is_lost_and_the_size_is_not() {
        let mut p = grey(4, 1, &[0, 100, 200, 40]);
        downscale(&mut p, 0.5, Filter::Nearest);
        assert_eq!(values(&p), [50, 50, 120, 120]);
        let mut p = rough(30, 20, 3);
        downscale(&mut p, 0.01, Filter::Linear);
        let first = values(&p)[..3].to_vec();
        assert_eq!(p, flat(30, 20, &first));
    }

    #[test]
    fn holes_are_where_they_are_said_to_be() {
        let mut p = Item::from(flat(4, 3, &[9, 50]));
        let holes = Holes { at: vec![[1, 1, 2, 9], [100, 0, 5, 5]], fill: Edge::Grey(1.0), masks: false };
        holes.apply(&mut p.picture, &mut p.labels);
        let seen: Vec<u8> = values(&p.picture).iter().step_by(2).copied().collect();
        assert_eq!(seen, [9, 9, 9, 9, 9, 255, 255, 9, 9, 255, 255, 9]);
        assert!(values(&p.picture).iter().skip(1).step_by(2).all(|a| *a == 50));
        let mut it = item(20, 20, 3);
        let before = it.labels.clone();
        let holes = Holes { at: vec![[0, 0, 20, 20]], fill: Edge::Colour([1.0, 0.0, 0.0]), masks: false };
        holes.apply(&mut it.picture, &mut it.labels);
        assert_eq!((it.picture.clone(), it.labels.clone()), (flat(20, 20, &[255, 0, 0]), before));
        Holes { masks: true, ..holes }.apply(&mut it.picture, &mut it.labels);
        assert_eq!(it.labels.masks[0], flat(20, 20, &[0]));
    }
}
