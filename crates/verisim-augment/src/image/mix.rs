//! Transforms that take from other items: MixUp, CutMix, mosaic, copy-paste. The others are as they were before any step. Where there are
//! none, nothing is done.

use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, uniform};

use super::Item;
use super::act::Act;
use super::edge::Edge;
use super::labels::{Bounds, Labels, Seen};
use super::picture::{Picture, Sample, Samples, map_samples};
use super::resize::{Filter, Resize};
use super::settings::{Change, View, settings};
use super::turn::Window;
use crate::error::{Error, Result};
use crate::range::Range;

/// Parts of another item, in the same places once it has the same size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pasted {
    /// Which item.
    pub partner: u64,
    /// What of it.
    pub place: Place,
}

/// What is pasted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A rectangle and all that is in it: left, top, width, height, in pixels.
    Part([usize; 4]),
    /// What is in boxes, by their order among the other item's: all of each box, or what a mask shows there if it has masks.
    Boxes(Vec<usize>),
}

settings! {
    /// The mean of two pictures by a share, and of their classes (Zhang et al. 2018). Boxes and points of both are kept, masks are those of
    /// the larger share.
    MixUp {
        /// The share of the item is of a Beta distribution with both parameters like this.
        alpha: Range = Range::from(0.2), in 0.05 to 4;
    }
}

settings! {
    /// A rectangle of another picture, and of the classes as much as of the area (Yun et al. 2019).
    CutMix {
        /// The share of the item is of a Beta distribution with both parameters like this.
        alpha: Range = Range::from(1.0), in 0.05 to 4;
    }
}

settings! {
    /// Four pictures in one of the size of the first (Bochkovskiy et al. 2020): each covers its quarter, in its own shape, from its middle.
    Mosaic {
        /// Where they meet, as a share of each side.
        middle: Range = Range::from([0.3, 0.7]), in 0.05 to 0.95;
    }
}

settings! {
    /// Things of another picture pasted onto this one (Ghiasi et al. 2021).
    CopyPaste {
        /// How many boxes at most.
        boxes: Range = Range::from([1.0, 3.0]), whole 1 to 100;
    }
}

/// A number of the Beta distribution with both parameters `a` (Jöhnk 1964).
fn beta(rng: &mut Stream, a: f64) -> f64 {
    loop {
        let (x, y) = (libm::pow(uniform(rng), 1.0 / a), libm::pow(uniform(rng), 1.0 / a));
        if x + y > 0.0 && x + y <= 1.0 {
            return x / (x + y);
        }
    }
}

/// The same, for other transforms.
pub(super) fn share(rng: &mut Stream, alpha: f64) -> f64 {
    beta(rng, alpha)
}

impl Change for MixUp {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        if view.partners == 0 {
            return Act::Nothing;
        }
        let partner = below(rng, view.partners);
        let alpha = self.alpha.draw(rng);
        Act::Blend { partner, share: beta(rng, alpha) }
    }
}

impl Change for CutMix {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        if view.partners == 0 {
            return Act::Nothing;
        }
        let partner = below(rng, view.partners);
        let alpha = self.alpha.draw(rng);
        let side = (1.0 - beta(rng, alpha)).sqrt();
        let mut along = |n: usize| {
            let (middle, half) = (uniform(rng) * n as f64, side * n as f64 / 2.0);
            let from = (middle - half).round().max(0.0) as usize;
            (from, ((middle + half).round() as usize).min(n) - from)
        };
        let ((left, width), (top, height)) = (along(view.width), along(view.height));
        Act::Paste(Pasted { partner, place: Place::Part([left, top, width, height]) })
    }
}

impl Change for Mosaic {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        if view.partners == 0 {
            return Act::Nothing;
        }
        let partners = [(); 3].map(|()| below(rng, view.partners));
        Act::Mosaic { partners, middle: [self.middle.draw(rng), self.middle.draw(rng)] }
    }
}

impl Change for CopyPaste {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    /// How many boxes the other has is not known here, so more numbers than it may have are drawn; they are counted round.
    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        if view.partners == 0 {
            return Act::Nothing;
        }
        let partner = below(rng, view.partners);
        let n = self.boxes.draw_whole(rng);
        let boxes = (0..n).map(|_| below(rng, 1 << 32) as usize).collect();
        Act::Paste(Pasted { partner, place: Place::Boxes(boxes) })
    }
}

/// Whether two pictures' samples can be put together.
fn alike(a: &Picture, b: &Picture) -> Result<()> {
    let bits = |p: &Picture| if matches!(p.samples(), Samples::Eight(_)) { 8 } else { 16 };
    if a.channels() == b.channels() && bits(a) == bits(b) {
        return Ok(());
    }
    Err(Error::Item(format!(
        "pictures of {} channels of {} bits and {} of {} cannot be mixed; bring all pictures to one form first",
        a.channels(),
        bits(a),
        b.channels(),
        bits(b)
    )))
}

/// Brings `other` to the size of `item`.
fn fit(item: &Item, other: &mut Item) -> Result<()> {
    alike(&item.picture, &other.picture)?;
    Resize { width: item.picture.width(), height: item.picture.height(), filter: Filter::Linear }.apply(other);
    Ok(())
}

/// Classes of two, each times its share, the same class once.
fn classes(own: &[(u32, f64)], other: &[(u32, f64)], share: f64) -> Vec<(u32, f64)> {
    let mut all: Vec<(u32, f64)> = Vec::new();
    for (class, part) in own.iter().map(|c| (c.0, c.1 * share)).chain(other.iter().map(|c| (c.0, c.1 * (1.0 - share))))
    {
        match all.iter_mut().find(|c| c.0 == class) {
            Some(c) => c.1 += part,
            None if part > 0.0 => all.push((class, part)),
            None => {}
        }
    }
    all
}

pub(super) fn blend(item: &mut Item, mut other: Item, share: f64) -> Result<()> {
    fit(item, &mut other)?;
    fn mean<S: Sample>(a: &mut [S], b: &[S], share: f32) {
        a.iter_mut().zip(b).for_each(|(a, b)| *a = S::down(a.up() * share + b.up() * (1.0 - share)));
    }
    match (&mut item.picture.samples, &other.picture.samples) {
        (Samples::Eight(a), Samples::Eight(b)) => mean(a, b, share as f32),
        (Samples::Sixteen(a), Samples::Sixteen(b)) => mean(a, b, share as f32),
        _ => {}
    }
    item.labels.classes = classes(&item.labels.classes, &other.labels.classes, share);
    item.labels.boxes.extend(other.labels.boxes);
    item.labels.points.extend(other.labels.points);
    if share < 0.5 {
        item.labels.masks = other.labels.masks;
    }
    Ok(())
}

/// Copies what `keep` says of each pixel from one picture to another of the same size and form.
fn copy(to: &mut Picture, from: &Picture, rectangle: [usize; 4], keep: impl Fn(usize, usize) -> bool) {
    let (width, channels) = (to.width(), to.channels());
    fn run<S: Sample>(
        to: &mut [S],
        from: &[S],
        (width, channels): (usize, usize),
        [l, t, w, h]: [usize; 4],
        keep: impl Fn(usize, usize) -> bool,
    ) {
        for y in t..t + h {
            for x in (l..l + w).filter(|x| keep(*x, y)) {
                let at = (y * width + x) * channels;
                to[at..at + channels].copy_from_slice(&from[at..at + channels]);
            }
        }
    }
    match (&mut to.samples, &from.samples) {
        (Samples::Eight(a), Samples::Eight(b)) => run(a, b, (width, channels), rectangle, keep),
        (Samples::Sixteen(a), Samples::Sixteen(b)) => run(a, b, (width, channels), rectangle, keep),
        _ => {}
    }
}

/// Lowers what is visible of boxes under `cover`, drops those of which nothing is, and hides points under it.
fn cover(labels: &mut Labels, cover: [f64; 4]) {
    let [l, t, r, b] = cover;
    labels.boxes.retain_mut(|it| {
        let [x0, y0, x1, y1] = it.sides;
        let both = Bounds::new([x0.max(l), y0.max(t), x1.min(r), y1.min(b)], 0, 0).area();
        it.visible *= 1.0 - both / it.area().max(f64::MIN_POSITIVE);
        for m in it.marks.iter_mut().filter(|m| (l..r).contains(&m.x) && (t..b).contains(&m.y)) {
            m.seen = Seen::No;
        }
        if let Some(outline) = it.outline.as_mut().filter(|_| both > 0.0) {
            outline.without(cover);
            if outline.rings.is_empty() {
                return false;
            }
        }
        it.visible > 1e-9
    });
    for p in labels.points.iter_mut().filter(|p| (l..r).contains(&p.x) && (t..b).contains(&p.y)) {
        p.visible = false;
    }
}

pub(super) fn paste(item: &mut Item, mut other: Item, pasted: &Pasted) -> Result<()> {
    fit(item, &mut other)?;
    if item.labels.masks.len() != other.labels.masks.len() {
        return Err(Error::Item(format!(
            "a picture with {} masks and one with {} cannot be mixed; give all pictures the same masks",
            item.labels.masks.len(),
            other.labels.masks.len()
        )));
    }
    let (w, h) = (item.picture.width(), item.picture.height());
    match &pasted.place {
        Place::Part(part) => {
            let [l, t, pw, ph] = *part;
            let (l, t) = (l.min(w), t.min(h));
            let (pw, ph) = (pw.min(w - l), ph.min(h - t));
            if pw * ph == 0 {
                return Ok(());
            }
            copy(&mut item.picture, &other.picture, [l, t, pw, ph], |_, _| true);
            for (to, from) in item.labels.masks.iter_mut().zip(&other.labels.masks) {
                copy(to, from, [l, t, pw, ph], |_, _| true);
            }
            let window = [l as f64, t as f64, (l + pw) as f64, (t + ph) as f64];
            cover(&mut item.labels, window);
            // What is in the window of the other, back in its place.
            let back = |x: f64, y: f64| Some([x + window[0], y + window[1]]);
            let mut part = std::mem::take(&mut other.labels);
            part.forward((pw, ph), 0, |x, y| Some([x - window[0], y - window[1]]));
            part.points.retain(|p| p.visible);
            part.forward((w, h), 0, back);
            item.labels.boxes.extend(part.boxes);
            item.labels.points.extend(part.points);
            let share = 1.0 - (pw * ph) as f64 / (w * h) as f64;
            item.labels.classes = classes(&item.labels.classes, &part.classes, share);
        }
        Place::Boxes(which) => {
            let n = other.labels.boxes.len();
            let mut chosen: Vec<usize> = which.iter().filter(|_| n > 0).map(|i| i % n.max(1)).collect();
            chosen.sort_unstable();
            chosen.dedup();
            for b in chosen.into_iter().map(|i| other.labels.boxes[i].clone()) {
                let [l, t, r, bottom] = b.sides;
                let (l, t) = ((l.round() as usize).min(w), (t.round() as usize).min(h));
                let size = [l, t, (r.round() as usize).min(w) - l, (bottom.round() as usize).min(h) - t];
                let masks = other.labels.masks.clone();
                let shown = |x: usize, y: usize| masks.is_empty() || masks.iter().any(|m| m.at(x, y, 0) > 0.0);
                copy(&mut item.picture, &other.picture, size, shown);
                for (to, from) in item.labels.masks.iter_mut().zip(&other.labels.masks) {
                    copy(to, from, size, shown);
                }
                cover(&mut item.labels, b.sides);
                item.labels.boxes.push(b);
            }
        }
    }
    Ok(())
}

pub(super) fn mosaic(item: &mut Item, others: [Item; 3], middle: [f64; 2]) -> Result<()> {
    let (w, h) = (item.picture.width(), item.picture.height());
    let cut = |n: usize, m: f64| ((n as f64 * m).round() as usize).clamp(1, (n - 1).max(1));
    let (cx, cy) = (cut(w, middle[0]), cut(h, middle[1]));
    let quarters = [[0, 0, cx, cy], [cx, 0, w - cx, cy], [0, cy, cx, h - cy], [cx, cy, w - cx, h - cy]];
    let own = item.clone();
    let (mut labels, mut share) = (Labels { masks: own.labels.masks.clone(), ..Labels::default() }, 0.0);
    for (mut part, [l, t, pw, ph]) in std::iter::once(own).chain(others).zip(quarters) {
        // A picture of one pixel has no room for four.
        if pw * ph == 0 {
            continue;
        }
        alike(&item.picture, &part.picture)?;
        if part.labels.masks.len() != labels.masks.len() {
            return Err(Error::Item("pictures with different numbers of masks cannot be mixed".to_owned()));
        }
        let factor = (pw as f64 / part.picture.width() as f64).max(ph as f64 / part.picture.height() as f64);
        let side = |s: usize, least: usize| ((s as f64 * factor).round() as usize).max(least);
        let (width, height) = (side(part.picture.width(), pw), side(part.picture.height(), ph));
        Resize { width, height, filter: Filter::Linear }.apply(&mut part);
        let (left, top) = (((width - pw) / 2) as i64, ((height - ph) / 2) as i64);
        Window { left, top, width: pw, height: ph, fill: Edge::default() }.apply(&mut part);
        place(&mut item.picture, &part.picture, l, t);
        for (to, from) in labels.masks.iter_mut().zip(&part.labels.masks) {
            place(to, from, l, t);
        }
        let area = (pw * ph) as f64 / (w * h) as f64;
        labels.classes = classes(&labels.classes, &part.labels.classes, share / (share + area));
        share += area;
        part.labels.forward((w, h), 0, |x, y| Some([x + l as f64, y + t as f64]));
        labels.boxes.extend(part.labels.boxes);
        labels.points.extend(part.labels.points);
    }
    item.labels = labels;
    Ok(())
}

/// Puts a small picture onto a large one.
fn place(to: &mut Picture, from: &Picture, left: usize, top: usize) {
    let (w, pw, channels) = (to.width(), from.width() * to.channels(), to.channels());
    fn run<S: Sample>(to: &mut [S], from: &[S], width: usize, part: usize, at: usize) {
        for (y, row) in from.chunks_exact(part).enumerate() {
            to[y * width + at..y * width + at + part].copy_from_slice(row);
        }
    }
    let at = (top * w + left) * channels;
    match (&mut to.samples, &from.samples) {
        (Samples::Eight(a), Samples::Eight(b)) => run(a, b, w * channels, pw, at),
        (Samples::Sixteen(a), Samples::Sixteen(b)) => run(a, b, w * channels, pw, at),
        _ => {}
    }
}

/// The mean of pictures of one size and form, by weights; the first decides the form.
pub(super) fn weighted(pictures: &[(Picture, f64)]) -> Option<Picture> {
    let (first, _) = pictures.first()?;
    let n = first.width() * first.height() * first.channels();
    let mut sum = vec![0.0f32; n];
    for (p, weight) in pictures {
        match &p.samples {
            Samples::Eight(s) => sum.iter_mut().zip(s).for_each(|(sum, s)| *sum += *weight as f32 * s.up()),
            Samples::Sixteen(s) => sum.iter_mut().zip(s).for_each(|(sum, s)| *sum += *weight as f32 * s.up()),
        }
    }
    fn round<S: Sample>(_: &[S], sum: &[f32]) -> Vec<S> {
        sum.iter().map(|v| S::down(*v)).collect()
    }
    let samples = map_samples!(&first.samples, s => round(s, &sum));
    Some(first.like(first.width(), first.height(), samples))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{check_boxes, eight, flat, item, values};
    use super::*;
    use crate::Draw;

    fn classed(picture: Picture, class: u32) -> Item {
        Item { picture, labels: Labels { classes: vec![(class, 1.0)], ..Labels::default() } }
    }

    #[test]
    fn two_pictures_and_classes_by_their_share() {
        let mut it = classed(flat(4, 2, &[200]), 1);
        blend(&mut it, classed(flat(9, 9, &[100]), 2), 0.75).unwrap();
        assert_eq!(it.picture, flat(4, 2, &[175]));
        assert_eq!(it.labels.classes, [(1, 0.75), (2, 0.25)]);
        blend(&mut it, classed(flat(9, 9, &[100]), 1), 0.5).unwrap();
        assert_eq!(it.labels.classes, [(1, 0.875), (2, 0.125)]);
        let said = blend(&mut it, classed(flat(2, 2, &[1, 2, 3]), 0), 0.5).unwrap_err().to_string();
        assert!(said.contains("1 channels of 8 bits and 3 of 8"), "{said}");
    }

    #[test]
    fn a_part_covers_what_was_there_and_brings_its_own() {
        let mut it = classed(flat(4, 4, &[10]), 1);
        it.labels.boxes = vec![Bounds::new([0.0, 0.0, 4.0, 2.0], 0, 1), Bounds::new([2.0, 2.0, 4.0, 4.0], 0, 2)];
        let mut other = classed(flat(8, 8, &[90]), 2);
        other.labels.boxes = vec![Bounds::new([2.0, 2.0, 6.0, 8.0], 0, 3), Bounds::new([0.0, 0.0, 2.0, 8.0], 0, 4)];
        paste(&mut it, other, &Pasted { partner: 0, place: Place::Part([2, 1, 2, 3]) }).unwrap();
        assert_eq!(values(&it.picture), [10, 10, 10, 10, 10, 10, 90, 90, 10, 10, 90, 90, 10, 10, 90, 90]);
        let seen: Vec<_> = it.labels.boxes.iter().map(|b| (b.id, b.sides, b.visible)).collect();
        assert_eq!(seen, [(1, [0.0, 0.0, 4.0, 2.0], 0.75), (3, [2.0, 1.0, 3.0, 4.0], 0.5)]);
        assert_eq!(it.labels.classes, [(1, 0.625), (2, 0.375)]);
    }

    #[test]
    fn things_are_pasted_by_their_masks() {
        let mut it = item(40, 40, 1);
        it.labels.boxes.clear();
        it.labels.masks[0] = flat(40, 40, &[0]);
        let before = it.picture.clone();
        let mut other = item(40, 40, 1);
        other.picture = flat(40, 40, &[1]);
        paste(&mut it, other.clone(), &Pasted { partner: 0, place: Place::Boxes(vec![3, 1]) }).unwrap();
        assert_eq!(it.labels.boxes.iter().map(|b| b.id).collect::<Vec<_>>(), [1]);
        it.labels.points = other.labels.points.clone();
        check_boxes(&it, 0.0);
        for y in 0..40 {
            for x in 0..40 {
                let own = it.labels.masks[0].at(x, y, 0) == 0.0;
                assert_eq!(it.picture.at(x, y, 0), if own { before.at(x, y, 0) } else { 1.0 });
            }
        }
    }

    #[test]
    fn four_pictures_fill_one() {
        let part = |v: u8| classed(flat(6, 6, &[v]), u32::from(v));
        let mut it = part(1);
        it.labels.boxes = vec![Bounds::new([0.0, 0.0, 6.0, 6.0], 0, 9)];
        mosaic(&mut it, [part(2), part(3), part(4)], [0.5, 2.0 / 3.0]).unwrap();
        assert_eq!(values(&it.picture)[..24], [1, 1, 1, 2, 2, 2].repeat(4)[..]);
        assert_eq!(values(&it.picture)[24..], [3, 3, 3, 4, 4, 4].repeat(2)[..]);
        // The first covers 3 x 4 from its middle: scaled by 4 / 6, half a pixel of a row is cut on each side.
        let b = &it.labels.boxes[0];
        assert_eq!((b.sides, b.visible), ([0.0, 0.0, 3.0, 4.0], 0.75));
        for ((class, part), (wanted, share)) in
            it.labels.classes.iter().zip([(1, 1.0 / 3.0), (2, 1.0 / 3.0), (3, 1.0 / 6.0), (4, 1.0 / 6.0)])
        {
            assert!(*class == wanted && (part - share).abs() < 1e-12);
        }
        mosaic(&mut classed(eight(1, 1, 1, vec![5]), 0), [part(2), part(3), part(4)], [0.5, 0.5]).unwrap();
    }

    #[test]
    fn shares_are_of_the_beta_distribution() {
        for (a, variance) in [(0.2, 1.0 / (4.0 * 1.4)), (1.0, 1.0 / 12.0), (3.0, 1.0 / 28.0)] {
            let x: Vec<f64> = (0..3000).map(|i| beta(&mut Draw::new(1, i, 0, 0).stream(), a)).collect();
            let mean = x.iter().sum::<f64>() / 3000.0;
            let seen = x.iter().map(|x| (x - 0.5).powi(2)).sum::<f64>() / 3000.0;
            assert!((mean - 0.5).abs() < 0.025 && (seen / variance - 1.0).abs() < 0.08, "{a} {mean} {seen}");
        }
    }

    #[test]
    fn boxes_of_nobody_are_not_pasted() {
        let mut it = item(8, 8, 3);
        let mut other = item(8, 8, 3);
        other.labels.boxes.clear();
        let before = it.clone();
        paste(&mut it, other, &Pasted { partner: 0, place: Place::Boxes(vec![7]) }).unwrap();
        assert_eq!(it, before);
    }
}
