//! Outlines of things: rings of corners, moved corner by corner.
//!
//! A mask is an outline too. Traced along the edges of its pixels, moved, and filled again at the centres of pixels, it is what moving the
//! mask by nearest neighbour gives wherever straight lines stay straight: the centre of a new pixel is within the moved outline just
//! where the place it comes from is within a pixel of the old mask. So an outline takes no memory that grows with the picture.

/// A place, from the left and from the top, in pixels.
type Place = [f64; 2];

/// The outline of a thing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outline {
    /// Corners in order, the last joined to the first. Rings of fewer than three corners have no inside.
    pub rings: Vec<Vec<Place>>,
    /// Whether it was traced from a mask: then what an odd number of rings goes round is inside, so that there may be holes. Else each
    /// ring is a part, and all that is in any of them is inside.
    pub mask: bool,
}

/// The longest piece of a side, in pixels, where straight lines are bent.
const PIECE: f64 = 8.0;

impl Outline {
    /// Of polygons, each a part of the thing.
    pub fn polygons(rings: Vec<Vec<Place>>) -> Outline {
        Outline { rings, mask: false }
    }

    /// Of a mask, `inside` row by row. Corners are corners of pixels; pixels that touch at a corner alone are in rings of their own.
    /// Takes a byte for each corner of a pixel while it works.
    pub fn of_mask(inside: &[bool], width: usize, height: usize) -> Outline {
        let is = |x: usize, y: usize| x < width && y < height && inside.get(y * width + x).copied().unwrap_or(false);
        // Which ways lead on from each corner, with the inside on the right: bit 0 east, 1 south, 2 west, 3 north.
        let across = width + 1;
        let mut ways = vec![0u8; across * (height + 1)];
        for y in 0..height {
            for x in (0..width).filter(|&x| is(x, y)) {
                if y == 0 || !is(x, y - 1) {
                    ways[y * across + x] |= 1;
                }
                if !is(x + 1, y) {
                    ways[y * across + x + 1] |= 2;
                }
                if !is(x, y + 1) {
                    ways[(y + 1) * across + x + 1] |= 4;
                }
                if x == 0 || !is(x - 1, y) {
                    ways[(y + 1) * across + x] |= 8;
                }
            }
        }
        let mut rings = Vec::new();
        for from in 0..ways.len() {
            while ways[from] != 0 {
                rings.push(walk(&mut ways, from, across));
            }
        }
        Outline { rings, mask: true }
    }

    /// The pixels of a picture whose centres are inside, row by row.
    pub fn fill(&self, width: usize, height: usize) -> Vec<bool> {
        let mut made = vec![false; width * height];
        let mut all: Vec<(usize, f64)> = Vec::new();
        let mut flush = |crossings: &mut Vec<(usize, f64)>| {
            crossings.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            for pair in crossings.chunks_exact(2) {
                // A row is crossed an even number of times by a closed ring, so pairs are of one row.
                let column = |x: f64| ((x - 0.5).ceil().max(0.0) as usize).min(width);
                let row = pair[0].0 * width;
                let (from, to) = (column(pair[0].1), column(pair[1].1));
                made[row + from..row + to.max(from)].fill(true);
            }
            crossings.clear();
        };
        for ring in &self.rings {
            for (a, b) in sides(ring) {
                let (low, high) = if a[1] < b[1] { (a, b) } else { (b, a) };
                let row = |y: f64| ((y - 0.5).ceil().max(0.0) as usize).min(height);
                for y in row(low[1])..row(high[1]) {
                    let share = (y as f64 + 0.5 - low[1]) / (high[1] - low[1]);
                    all.push((y, low[0] + (high[0] - low[0]) * share));
                }
            }
            if !self.mask {
                flush(&mut all);
            }
        }
        flush(&mut all);
        made
    }

    /// What is inside, in square pixels: exact where parts do not lie on each other and holes lie in what they are holes of.
    pub fn area(&self) -> f64 {
        let signed = |ring: &Vec<Place>| sides(ring).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>() / 2.0;
        match self.mask {
            // Traced rings go round their holes the other way.
            true => self.rings.iter().map(signed).sum::<f64>().abs(),
            false => self.rings.iter().map(|r| signed(r).abs()).sum(),
        }
    }

    /// Left, top, right, bottom of all rings; nothing where there are no corners.
    pub fn extents(&self) -> Option<[f64; 4]> {
        let mut corners = self.rings.iter().flatten();
        let &[x, y] = corners.next()?;
        Some(corners.fold([x, y, x, y], |[l, t, r, b], &[x, y]| [l.min(x), t.min(y), r.max(x), b.max(y)]))
    }

    /// Moves the corners. Sides that `bend` are cut into short pieces first. A ring of which a corner has no place is dropped.
    pub(super) fn forward(&mut self, bend: bool, forward: &mut impl FnMut(f64, f64) -> Option<Place>) {
        self.rings.retain_mut(|ring| {
            let old = if bend { pieces(ring) } else { std::mem::take(ring) };
            let n = old.len();
            ring.clear();
            ring.extend(old.into_iter().map_while(|[x, y]| forward(x, y)));
            ring.len() == n
        });
    }

    /// Cuts it at the sides of a window. What goes along the sides then may be there twice, with nothing between, which changes
    /// neither what is inside nor the area (Sutherland and Hodgman 1974).
    pub(super) fn clip(&mut self, [l, t, r, b]: [f64; 4]) {
        for ring in &mut self.rings {
            if ring.iter().all(|&[x, y]| (l..=r).contains(&x) && (t..=b).contains(&y)) {
                continue;
            }
            for (axis, limit, sign) in [(0, l, 1.0), (0, r, -1.0), (1, t, 1.0), (1, b, -1.0)] {
                *ring = cut(ring, axis, limit, sign);
            }
        }
        self.rings.retain(|ring| ring.len() > 2);
    }

    /// Takes away what is in a rectangle. Filled and traced again, so that sides that lean become those of pixels.
    pub(super) fn without(&mut self, [l, t, r, b]: [f64; 4]) {
        let Some([left, top, right, bottom]) = self.extents() else { return };
        if l >= right || t >= bottom || r <= left || b <= top {
            return;
        }
        let (x, y) = (left.floor(), top.floor());
        let (width, height) = ((right - x).ceil() as usize, (bottom - y).ceil() as usize);
        self.forward(false, &mut |u, v| Some([u - x, v - y]));
        let mut inside = self.fill(width, height);
        for (row, line) in inside.chunks_exact_mut(width.max(1)).enumerate() {
            let v = y + row as f64 + 0.5;
            for (column, inside) in line.iter_mut().enumerate() {
                let u = x + column as f64 + 0.5;
                *inside &= !((l..r).contains(&u) && (t..b).contains(&v));
            }
        }
        *self = Outline::of_mask(&inside, width, height);
        self.forward(false, &mut |u, v| Some([u + x, v + y]));
    }
}

fn sides(ring: &[Place]) -> impl Iterator<Item = (Place, Place)> + '_ {
    ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| (*a, *b))
}

fn pieces(ring: &[Place]) -> Vec<Place> {
    sides(ring)
        .flat_map(|(a, b)| {
            let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
            let n = ((dx * dx + dy * dy).sqrt() / PIECE).ceil().clamp(1.0, 1000.0) as usize;
            (0..n).map(move |i| {
                let s = i as f64 / n as f64;
                [a[0] + (b[0] - a[0]) * s, a[1] + (b[1] - a[1]) * s]
            })
        })
        .collect()
}

/// The part of a ring on one side of a line.
fn cut(ring: &[Place], axis: usize, limit: f64, sign: f64) -> Vec<Place> {
    let within = |p: Place| (p[axis] - limit) * sign >= 0.0;
    let mut made = Vec::with_capacity(ring.len() + 4);
    for (a, b) in sides(ring) {
        if within(a) {
            made.push(a);
        }
        if within(a) != within(b) {
            let share = (limit - a[axis]) / (b[axis] - a[axis]);
            let mut p = [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share];
            p[axis] = limit;
            if p != a {
                made.push(p);
            }
        }
    }
    made.dedup();
    made
}

/// Follows the ways from a corner back to it, and takes them away. Where two lead on, the one to the right goes on round the same pixel.
fn walk(ways: &mut [u8], from: usize, across: usize) -> Vec<Place> {
    let place = |at: usize| [(at % across) as f64, (at / across) as f64];
    let (mut ring, mut at, mut heading) = (Vec::new(), from, 4);
    loop {
        let order = match heading {
            4 => [0, 1, 2, 3],
            h => [(h + 1) % 4, h, (h + 3) % 4, (h + 2) % 4],
        };
        let Some(next) = order.into_iter().find(|w| ways[at] >> w & 1 == 1) else { break };
        ways[at] &= !(1 << next);
        if next != heading {
            ring.push(place(at));
        }
        heading = next;
        at = match next {
            0 => at + 1,
            1 => at + across,
            2 => at - 1,
            _ => at - across,
        };
        if at == from {
            break;
        }
    }
    ring
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::rng::{stream, uniform};

    use super::*;

    fn bits(text: &str) -> Vec<bool> {
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c == '#').collect()
    }

    #[test]
    fn a_mask_with_a_hole_is_traced_and_filled_again() {
        let mask = bits("#### #..# #### ....");
        let outline = Outline::of_mask(&mask, 4, 4);
        assert_eq!(outline.rings.len(), 2);
        assert_eq!(outline.rings[0], [[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0]]);
        assert_eq!((outline.area(), outline.extents().unwrap()), (10.0, [0.0, 0.0, 4.0, 3.0]));
        assert_eq!(outline.fill(4, 4), mask);
    }

    #[test]
    fn any_mask_comes_back_and_its_area_is_its_pixels() {
        for seed in 0..50 {
            let mut rng = stream(seed, "mask", 0);
            let mask: Vec<bool> = (0..35).map(|_| uniform(&mut rng) < 0.5).collect();
            let outline = Outline::of_mask(&mask, 7, 5);
            assert_eq!(outline.fill(7, 5), mask, "{seed}");
            assert_eq!(outline.area(), mask.iter().filter(|m| **m).count() as f64);
        }
        assert!(Outline::of_mask(&[], 0, 0).rings.is_empty());
        assert!(Outline::default().fill(3, 3).iter().all(|f| !f));
    }

    #[test]
    fn a_turned_mask_is_that_of_the_nearest_pixels() {
        let mut rng = stream(3, "mask", 0);
        let mask: Vec<bool> = (0..400).map(|_| uniform(&mut rng) < 0.6).collect();
        let (s, c) = (libm::sin(0.3), libm::cos(0.3));
        let mut outline = Outline::of_mask(&mask, 20, 20);
        outline.forward(false, &mut |x, y| Some([c * x - s * y + 5.0, s * x + c * y + 1.0]));
        outline.clip([0.0, 0.0, 25.0, 25.0]);
        let expected: Vec<bool> = (0..625)
            .map(|i| {
                let (x, y) = ((i % 25) as f64 + 0.5 - 5.0, (i / 25) as f64 + 0.5 - 1.0);
                let (u, v) = ((c * x + s * y).floor(), (c * y - s * x).floor());
                (0.0..20.0).contains(&u) && (0.0..20.0).contains(&v) && mask[v as usize * 20 + u as usize]
            })
            .collect();
        assert_eq!(outline.fill(25, 25), expected);
    }

    #[test]
    fn a_polygon_is_cut_at_the_window() {
        let mut it = Outline::polygons(vec![vec![[-2.0, 1.0], [2.0, 1.0], [2.0, 3.0], [-2.0, 3.0]]]);
        it.clip([0.0, 0.0, 10.0, 10.0]);
        assert_eq!((it.area(), it.extents().unwrap()), (4.0, [0.0, 1.0, 2.0, 3.0]));
        it.clip([5.0, 5.0, 6.0, 6.0]);
        assert!(it.rings.is_empty());
        // A hole is cut with what it is in.
        let mut ring = Outline::of_mask(&bits("#### #..# #### ...."), 4, 4);
        ring.clip([0.0, 0.0, 2.0, 4.0]);
        assert_eq!((ring.area(), ring.fill(2, 3)), (5.0, bits("## #. ##")));
    }

    #[test]
    fn parts_that_lie_on_each_other_stay_inside() {
        let square = |x: f64| vec![[x, 0.0], [x + 2.0, 0.0], [x + 2.0, 2.0], [x, 2.0]];
        let back = square(1.0).into_iter().rev().collect();
        assert_eq!(Outline::polygons(vec![square(0.0), back]).fill(3, 2), [true; 6]);
    }

    #[test]
    fn what_is_covered_is_taken_away() {
        let mut it = Outline::polygons(vec![vec![[1.0, 1.0], [5.0, 1.0], [5.0, 5.0], [1.0, 5.0]]]);
        it.without([3.0, 0.0, 9.0, 9.0]);
        assert_eq!((it.area(), it.extents().unwrap()), (8.0, [1.0, 1.0, 3.0, 5.0]));
        let before = it.clone();
        it.without([7.0, 7.0, 9.0, 9.0]);
        assert_eq!(it, before);
        it.without([0.0, 0.0, 9.0, 9.0]);
        assert!(it.rings.is_empty());
    }
}
