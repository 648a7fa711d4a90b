//! Another size: separable, with filters that grow where the picture shrinks, so that nothing fine turns into patterns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Item;
use super::labels::Labels;
use super::picture::{Picture, Sample, Samples, map_samples};
use super::turn::Window;
use super::whole;
use crate::wide::wide;

/// How pixels of another size come from the old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// The pixel that the centre of the new one is in.
    Nearest,
    /// The mean over the area of the new pixel.
    Area,
    /// A triangle as wide as two new pixels, or two old ones where the picture grows: bilinear.
    #[default]
    Linear,
    /// Cubic convolution with a = -1/2 (Keys 1981), as wide as four pixels.
    Cubic,
}

/// To `width` x `height`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resize {
    /// At least 1.
    pub width: usize,
    /// At least 1.
    pub height: usize,
    /// For the picture. Masks have the nearest.
    pub filter: Filter,
}

impl Resize {
    pub(super) fn apply(&self, item: &mut Item) {
        if let Some(picture) = self.moved(&item.picture, &mut item.labels) {
            item.picture = picture;
        }
    }

    /// The picture at the new size, where that is another one; its labels move along.
    pub(super) fn moved(&self, from: &Picture, labels: &mut Labels) -> Option<Picture> {
        let (w, h) = (from.width(), from.height());
        let (width, height) = (self.width, self.height);
        if (w, h) == (width, height) {
            return None;
        }
        self.move_labels((w, h), labels);
        Some(resized(from, width, height, self.filter))
    }

    /// A window of the picture at the new size, where it is inside and has another size; the labels move along.
    pub(super) fn cut(&self, window: &Window, from: &Picture, labels: &mut Labels) -> Option<Picture> {
        let (left, top) = (usize::try_from(window.left).ok()?, usize::try_from(window.top).ok()?);
        let part = Part { left, top, width: window.width, height: window.height };
        let inside = left + part.width <= from.width() && top + part.height <= from.height();
        if !inside || (part.width, part.height) == (self.width, self.height) {
            return None;
        }
        window.move_labels(labels);
        self.move_labels((part.width, part.height), labels);
        Some(resized_part(from, part, self.width, self.height, self.filter))
    }

    /// Moves the labels of a picture of `w` x `h` alone, their masks too.
    fn move_labels(&self, (w, h): (usize, usize), labels: &mut Labels) {
        let (width, height) = (self.width, self.height);
        for m in &mut labels.masks {
            *m = resized(m, width, height, Filter::Nearest);
        }
        let (sx, sy) = (width as f64 / w as f64, height as f64 / h as f64);
        labels.forward((width, height), 0, |x, y| Some([x * sx, y * sy]));
    }
}

/// A part of a picture, at least one pixel of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

/// The picture at another size.
pub(super) fn resized(p: &Picture, width: usize, height: usize, filter: Filter) -> Picture {
    let all = Part { left: 0, top: 0, width: p.width(), height: p.height() };
    resized_part(p, all, width, height, filter)
}

/// A part of the picture at another size: the same as when it is cut out first.
pub(super) fn resized_part(p: &Picture, part: Part, width: usize, height: usize, filter: Filter) -> Picture {
    let samples = match p.channels() {
        1 => scaled::<1>(p, part, width, height, filter),
        2 => scaled::<2>(p, part, width, height, filter),
        3 => scaled::<3>(p, part, width, height, filter),
        _ => scaled::<4>(p, part, width, height, filter),
    };
    p.like(width, height, samples)
}

fn scaled<const C: usize>(p: &Picture, part: Part, width: usize, height: usize, filter: Filter) -> Samples {
    let (stride, first) = (p.width() * C, (part.top * p.width() + part.left) * C);
    if filter == Filter::Nearest {
        return map_samples!(&p.samples, s => nearest::<_, C>(&s[first..], stride, part, width, height));
    }
    let (across, down) = (Taps::new(part.width, width, filter), Taps::new(part.height, height, filter));
    match &p.samples {
        Samples::Eight(s) if whole::fits(&across) && whole::fits(&down) => {
            Samples::Eight(whole::resized::<C>(&s[first..], stride, part.width, &across, &down))
        }
        samples => map_samples!(samples, s => scale::<_, C>(&s[first..], stride, part.width, &across, &down)),
    }
}

fn nearest<S: Sample, const C: usize>(from: &[S], stride: usize, part: Part, width: usize, height: usize) -> Vec<S> {
    let xs: Vec<usize> = (0..width).map(|x| (2 * x + 1) * part.width / (2 * width)).collect();
    (0..height)
        .flat_map(|y| {
            let row = from[(2 * y + 1) * part.height / (2 * height) * stride..].as_chunks::<C>().0;
            xs.iter().flat_map(move |&x| row[x])
        })
        .collect()
}

/// In numbers: bytes whose weights are below 0 or too many, and 16 bits.
fn scale<S: Sample, const C: usize>(from: &[S], stride: usize, width: usize, across: &Taps, down: &Taps) -> Vec<S> {
    let (n, new) = (width * C, across.first.len() * C);
    let mut made = Vec::with_capacity(new * down.first.len());
    // Down first, whole rows at a time; then along, for rows of the new height alone. Behind each row there is room for what is read
    // and written in lanes.
    let mut sum = vec![0.0f32; n + LANES];
    let mut line = vec![0.0f32; new + 4];
    for (first, weights) in down.each() {
        wide!(
            add_rows(&from[first * stride..], stride, n, weights, &mut sum);
            add_pixels::<C>(&sum, across, &mut line);
            made.extend(line[..new].iter().map(|v| S::down(*v)))
        );
    }
    made
}

/// Samples of a row that are summed at a time.
const LANES: usize = 32;

/// Rows of `n` samples, `stride` apart, added up by weights.
#[inline(always)]
fn add_rows<S: Sample>(from: &[S], stride: usize, n: usize, weights: &[f32], sum: &mut [f32]) {
    let whole = n / LANES * LANES;
    for (i, to) in sum[..whole].as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut at = [0.0f32; LANES];
        for (k, &weight) in weights.iter().enumerate() {
            if let Some(row) = from[k * stride + i * LANES..].first_chunk::<LANES>() {
                for j in 0..LANES {
                    at[j] += weight * row[j].up();
                }
            }
        }
        *to = at;
    }
    for (i, to) in sum.iter_mut().enumerate().take(n).skip(whole) {
        *to = weights.iter().enumerate().fold(0.0, |sum, (k, weight)| sum + weight * from[k * stride + i].up());
    }
}

/// Pixels of a row added up by weights. Few pixels are so many steps, without a loop.
#[inline(always)]
fn add_pixels<const C: usize>(sum: &[f32], across: &Taps, line: &mut [f32]) {
    match across.n {
        1 => add_few::<C, 1>(sum, across, line),
        2 => add_few::<C, 2>(sum, across, line),
        3 => add_few::<C, 3>(sum, across, line),
        4 => add_few::<C, 4>(sum, across, line),
        5 => add_few::<C, 5>(sum, across, line),
        6 => add_few::<C, 6>(sum, across, line),
        _ => add_few::<C, 0>(sum, across, line),
    }
}

/// `N` pixels for each new one, or any number where it is 0. Four numbers are read of each, whatever its channels, and four written; the
/// next writes over what is too much.
#[inline(always)]
fn add_few<const C: usize, const N: usize>(sum: &[f32], across: &Taps, line: &mut [f32]) {
    let n = if N == 0 { across.n } else { N };
    for (x, (first, weights)) in across.each().enumerate() {
        let mut at = [0.0f32; 4];
        let (from, weights) = (&sum[first * C..][..n * C + 4], &weights[..n]);
        for k in 0..n {
            if let Some(pixel) = from[k * C..].first_chunk::<4>() {
                for c in 0..4 {
                    at[c] += weights[k] * pixel[c];
                }
            }
        }
        if let Some(to) = line[x * C..].first_chunk_mut::<4>() {
            *to = at;
        }
    }
}

/// For each new place the first of the old ones that count, and as many weights for all, which add up to 1.
pub(super) struct Taps {
    pub n: usize,
    pub first: Vec<usize>,
    pub weights: Vec<f32>,
}

impl Taps {
    pub(super) fn each(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.first.iter().copied().zip(self.weights.chunks_exact(self.n))
    }

    /// Whether each new place is the mean of two old ones, and all follow one another.
    pub(super) fn halves(&self) -> bool {
        self.n == 2
            && self.weights.iter().all(|w| *w == 0.5)
            && self.first.iter().zip((0..).step_by(2)).all(|(first, place)| *first == place)
    }

    /// The same with no more weights than count anywhere.
    fn trimmed(self, old: usize) -> Taps {
        let counting = |weights: &[f32]| {
            let before = weights.iter().take_while(|w| **w == 0.0).count();
            let after = weights[before..].iter().rev().take_while(|w| **w == 0.0).count();
            before..weights.len() - after
        };
        let n = self.each().map(|(_, weights)| counting(weights).len()).max().unwrap_or(1).max(1);
        let mut taps = Taps { n, first: Vec::with_capacity(self.first.len()), weights: Vec::new() };
        for (first, weights) in self.each() {
            let start = (first + counting(weights).start).min(old - n);
            taps.first.push(start);
            taps.weights.extend(
                (start..start + n).map(|j| j.checked_sub(first).and_then(|k| weights.get(k)).copied().unwrap_or(0.0)),
            );
        }
        taps
    }

    pub(super) fn new(old: usize, new: usize, filter: Filter) -> Taps {
        let step = old as f64 / new as f64;
        let stretch = step.max(1.0);
        let reach = match filter {
            Filter::Cubic => 2.0 * stretch,
            Filter::Linear => stretch,
            _ => step / 2.0,
        };
        let weight = |j: usize, centre: f64| match filter {
            Filter::Linear => (1.0 - ((j as f64 + 0.5 - centre) / stretch).abs()).max(0.0),
            Filter::Cubic => keys(((j as f64 + 0.5 - centre) / stretch).abs()),
            _ => ((j as f64 + 1.0).min(centre + reach) - (j as f64).max(centre - reach)).max(0.0),
        };
        let extra = usize::from(matches!(filter, Filter::Area | Filter::Nearest));
        let n = ((2.0 * reach).ceil() as usize + extra).min(old);
        let mut taps = Taps { n, first: Vec::with_capacity(new), weights: Vec::with_capacity(new * n) };
        for i in 0..new {
            let centre = (i as f64 + 0.5) * step;
            // The first pixel that is reached; at the far side as many as there are.
            let from = match filter {
                Filter::Area | Filter::Nearest => (centre - reach).floor(),
                _ => (centre - reach - 0.5).floor() + 1.0,
            };
            let first = (from.max(0.0) as usize).min(old - n);
            let sum: f64 = (first..first + n).map(|j| weight(j, centre)).sum();
            taps.first.push(first);
            taps.weights.extend((first..first + n).map(|j| (weight(j, centre) / sum) as f32));
        }
        taps.trimmed(old)
    }
}

fn keys(x: f64) -> f64 {
    match x {
        x if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        x if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        _ => 0.0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{check_boxes, difference, flat, grey, item, rough, sixteen, smooth, values};
    use super::*;

    #[test]
    fn small_pictures_by_hand() {
        let p = grey(4, 2, &[0, 100, 200, 40, 20, 60, 80, 100]);
        assert_eq!(values(&resized(&p, 2, 1, Filter::Area)), [45, 105]);
        assert_eq!(values(&resized(&p, 2, 2, Filter::Nearest)), [100, 40, 60, 100]);
        // Twice as wide: a quarter and three quarters between neighbours.
        assert_eq!(values(&resized(&grey(2, 1, &[0, 100]), 4, 1, Filter::Linear)), [0, 25, 75, 100]);
        // Thirds: 3 to 2 pixels, each 1 + 1/2 wide.
        assert_eq!(values(&resized(&grey(3, 1, &[30, 60, 90]), 2, 1, Filter::Area)), [40, 80]);
        // 4 to 2: weights 3/4, 3/4, 1/4 of pixels 0.5, 0.5 and 1.5 away, cut at the edge.
        assert_eq!(values(&resized(&grey(4, 1, &[0, 100, 200, 40]), 2, 1, Filter::Linear)), [71, 117]);
    }

    #[test]
    fn flat_stays_flat_and_the_same_size_the_same() {
        for filter in [Filter::Nearest, Filter::Area, Filter::Linear, Filter::Cubic] {
            for (w, h) in [(1, 1), (7, 3), (40, 90)] {
                let made = resized(&flat(13, 11, &[9, 200, 255]), w, h, filter);
                assert_eq!(made, flat(w, h, &[9, 200, 255]), "{filter:?} {w} {h}");
            }
            let p = rough(9, 8, 3);
            assert_eq!(resized(&p, 9, 8, filter), p);
        }
    }

    #[test]
    fn larger_and_back_is_nearly_the_same() {
        let p = smooth(60, 50, 3);
        for (filter, bound) in [(Filter::Linear, 0.8), (Filter::Cubic, 0.7)] {
            let back = resized(&resized(&p, 150, 140, filter), 60, 50, filter);
            assert!(difference(&p, &back, 3) < bound, "{filter:?} {}", difference(&p, &back, 3));
        }
    }

    #[test]
    fn a_part_is_as_when_it_is_cut_out() {
        for channels in 1..=4 {
            let p = rough(50, 40, channels);
            let part = Part { left: 11, top: 5, width: 37, height: 31 };
            let window = Window { left: 11, top: 5, width: 37, height: 31, fill: Default::default() };
            let alone = window.moved(&p, &mut Labels::default());
            for filter in [Filter::Nearest, Filter::Area, Filter::Linear, Filter::Cubic] {
                assert_eq!(resized_part(&p, part, 20, 60, filter), resized(&alone, 20, 60, filter));
            }
        }
    }

    #[test]
    fn bytes_are_as_in_16_bits() {
        for (w, h, filter) in [
            (30, 25, Filter::Linear),
            (17, 90, Filter::Linear),
            (5, 7, Filter::Linear),
            (21, 19, Filter::Area),
            (2, 1, Filter::Area),
            (150, 3, Filter::Area),
        ] {
            let p = rough(60, 50, 3);
            let deep = sixteen(60, 50, 3, values(&p).iter().map(|v| u16::from(*v) * 257).collect());
            let (seen, deep) = (resized(&p, w, h, filter), resized(&deep, w, h, filter));
            for (i, v) in values(&seen).iter().enumerate() {
                let exact = deep.at(i / 3 % w, i / 3 / w, i % 3) / 257.0;
                assert!((f32::from(*v) - exact).abs() < 0.6, "{w} {h} {filter:?} {i} {v} {exact}");
            }
        }
    }

    #[test]
    fn boxes_follow_masks() {
        let mut it = item(80, 60, 3);
        Resize { width: 53, height: 111, filter: Filter::Linear }.apply(&mut it);
        check_boxes(&it, 1.0);
        assert_eq!((it.picture.width(), it.picture.height()), (53, 111));
    }
}
