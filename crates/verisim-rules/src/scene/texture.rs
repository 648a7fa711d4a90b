//! Noise, hills and patterns: functions of a place.

use verisim_data::rng::mix;

use super::settings::{Road, Texture};
use super::vector::{Vec3, vec3};

/// A number from 0 to 1 for a corner of the lattice.
fn corner(seed: u64, x: i64, y: i64, z: i64) -> f64 {
    let h = (x as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (y as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
        ^ (z as u64).wrapping_mul(0x1656_67b1_9e37_79f9);
    (mix(seed ^ h) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// The cell and the place in it, eased so that the slope is continuous; and the slope of the easing.
fn ease(x: f64) -> (i64, f64, f64) {
    let floor = x.floor();
    let t = x - floor;
    (floor as i64, t * t * t * (t * (t * 6.0 - 15.0) + 10.0), 30.0 * t * t * (t - 1.0) * (t - 1.0))
}

/// Value noise of the plane, 0 to 1, with its slopes along x and y.
fn noise2(seed: u64, x: f64, y: f64) -> (f64, f64, f64) {
    let ((i, u, du), (j, v, dv)) = (ease(x), ease(y));
    let at = |di, dj| corner(seed, i + di, j + dj, 0);
    let (a, b, c, d) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
    let (low, high) = (a + (b - a) * u, c + (d - c) * u);
    (low + (high - low) * v, du * ((b - a) * (1.0 - v) + (d - c) * v), dv * (high - low))
}

/// Value noise of space, 0 to 1.
fn noise3(seed: u64, p: Vec3) -> f64 {
    let ((i, u, _), (j, v, _), (k, w, _)) = (ease(p.x), ease(p.y), ease(p.z));
    let line = |dj, dk| {
        let (a, b) = (corner(seed, i, j + dj, k + dk), corner(seed, i + 1, j + dj, k + dk));
        a + (b - a) * u
    };
    let face = |dk| {
        let (a, b) = (line(0, dk), line(1, dk));
        a + (b - a) * v
    };
    let (a, b) = (face(0), face(1));
    a + (b - a) * w
}

/// Hills, or a plane when their height is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hills {
    /// From the lowest that can be to the highest; their middle is at z = 0.
    pub height: f64,
    /// From one to the next.
    pub size: f64,
    /// Which hills.
    pub seed: u64,
}

impl Hills {
    /// Height of the ground at a place, and its slopes along x and y.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64, f64) {
        if self.height == 0.0 {
            return (0.0, 0.0, 0.0);
        }
        let (a, ax, ay) = noise2(self.seed, x / self.size, y / self.size);
        let (b, bx, by) = noise2(self.seed ^ 1, 2.0 * x / self.size, 2.0 * y / self.size);
        let (h, s) = (self.height, self.height / self.size);
        (h * (0.75 * a + 0.25 * b - 0.5), s * (0.75 * ax + 0.5 * bx), s * (0.75 * ay + 0.5 * by))
    }

    /// More than any slope that there can be: the easing is at most 15/8 steep.
    fn steepest(&self) -> f64 {
        self.height / self.size * 1.25 * 1.875 * 2f64.sqrt()
    }

    /// Where a ray meets the ground from above, between `near` and `far`, and the upward normal there.
    pub fn enter(&self, from: Vec3, along: Vec3, near: f64, far: f64) -> Option<(f64, Vec3)> {
        if self.height == 0.0 {
            if along.z >= 0.0 {
                return None;
            }
            let at = -from.z / along.z;
            return (at > near && at < far).then_some((at, vec3(0.0, 0.0, 1.0)));
        }
        let half = self.height * 0.5;
        // Only between the planes above and below all hills.
        let (mut at, mut end) = (near, far);
        if along.z != 0.0 {
            let (a, b) = ((half - from.z) / along.z, (-half - from.z) / along.z);
            (at, end) = (at.max(a.min(b)), end.min(a.max(b)));
        } else if from.z.abs() > half {
            return None;
        }
        if at >= end {
            return None;
        }
        // Steps that cannot pass through: the gap shrinks by no more than `rate` a metre.
        let rate = (along.z.abs() + self.steepest() * along.x.hypot(along.y)).max(1e-9);
        let gap = |t: f64| from.z + along.z * t - self.at(from.x + along.x * t, from.y + along.y * t).0;
        let mut last = at;
        if gap(at) < 0.0 {
            // It starts below.
            return None;
        }
        for _ in 0..400 {
            let above = gap(at);
            if above < 1e-4 {
                break;
            }
            last = at;
            at += (above / rate).max(1e-4 * (1.0 + 0.01 * at));
            if at > end {
                return None;
            }
        }
        let (mut low, mut high) = (last, at);
        for _ in 0..40 {
            let middle = (low + high) * 0.5;
            if gap(middle) > 0.0 { low = middle } else { high = middle }
        }
        let (_, sx, sy) = self.at(from.x + along.x * high, from.y + along.y * high);
        (high > near && high < far).then_some((high, vec3(-sx, -sy, 1.0).unit()))
    }
}

/// How much of the second colour a pattern has at a place, 0 to 1. `blur` is the size of a pixel there: what is finer is the mean.
pub fn pattern(texture: Texture, seed: u64, p: Vec3, normal: Vec3, scale: f64, blur: f64) -> f64 {
    let q = p / scale;
    let sharp = (1.0 - blur / scale).clamp(0.0, 1.0);
    let part = match texture {
        Texture::Plain | Texture::Road => return 0.0,
        Texture::Checker => {
            // A little inside, so that a face between two cells has one colour.
            let q = q - normal * 1e-4;
            let odd = (q.x.floor() + q.y.floor() + q.z.floor()).rem_euclid(2.0);
            if odd < 1.0 { 0.0 } else { 1.0 }
        }
        Texture::Stripes => {
            if q.x.rem_euclid(2.0) < 1.0 {
                0.0
            } else {
                1.0
            }
        }
        Texture::Noise => {
            let fine = (1.0 - 4.0 * blur / scale).clamp(0.0, 1.0);
            let detail = if fine > 0.0 { (noise3(seed ^ 3, q * 4.0) - 0.5) * 0.35 * fine } else { 0.0 };
            let rough = noise3(seed, q) * 0.7 + noise3(seed ^ 2, q * 2.1) * 0.3;
            return 0.5 + (rough - 0.5) * sharp * 1.3 + detail;
        }
        Texture::Wood => {
            let board = q.y.floor();
            let tone = corner(seed, board as i64, 7, 0);
            let grain = noise3(seed, vec3(q.x * 0.35 + board * 17.0, q.y * 6.0, q.z * 6.0));
            let gap = if (q.y - board - 0.5).abs() > 0.485 { 0.6 } else { 0.0 };
            return 0.5 + (0.5 * tone + 0.5 * grain + gap - 0.5) * sharp;
        }
    };
    0.5 + (part - 0.5) * sharp
}

/// How much of a pixel of size `blur` at `x` lies in `low..high`.
fn cover(x: f64, low: f64, high: f64, blur: f64) -> f64 {
    let blur = blur.max(1e-6);
    (((x + blur * 0.5).min(high) - (x - blur * 0.5).max(low)) / blur).clamp(0.0, 1.0)
}

/// A kind of ground beside a road, as in [`super::classes::ROAD`], and its colour. `across` and `along` are the sizes of a pixel there.
pub fn road(road: &Road, seed: u64, x: f64, y: f64, across: f64, along: f64) -> (usize, Vec3) {
    let half = road.half();
    let blur = across.max(along);
    let fine = |scale: f64, depth: f64| {
        let sharp = (1.0 - blur / scale).clamp(0.0, 1.0);
        1.0 + (noise2(seed, x / scale, y / scale).0 - 0.5) * depth * sharp
    };
    let grass = vec3(0.11, 0.16, 0.045) * (fine(0.15, 0.5) * fine(3.0, 0.5));
    let slab = |t: f64| cover((t + 0.3).rem_euclid(0.6), 0.29, 0.31, blur);
    let pavement = vec3(0.36, 0.34, 0.32) * fine(0.4, 0.1) * (1.0 - 0.25 * slab(x).max(slab(y)));
    let asphalt = vec3(0.055, 0.056, 0.06) * (fine(0.05, 0.35) * fine(2.5, 0.3));
    let kerb = vec3(0.45, 0.44, 0.42);
    let white = vec3(0.72, 0.72, 0.7) * fine(0.3, 0.25);
    let side = y.abs();
    let edge = half + road.pavement;
    let mut colour = grass;
    colour = colour.mix(pavement, cover(side, half, edge, across));
    if road.pavement > 0.0 {
        colour = colour.mix(kerb, cover(side, half, half + 0.18, across).max(cover(side, edge - 0.1, edge, across)));
    }
    colour = colour.mix(asphalt, cover(side, -half, half, across));
    // Markings: how much of the pixel, and whether its centre.
    let (mut ink, mut inside) = (0.0f64, false);
    let mut mark = |amount: f64, centre: bool| {
        ink = ink.max(amount);
        inside |= centre;
    };
    let crossing = road.crossings.iter().find(|&&c| (c - 1.5..c + 4.5).contains(&x));
    if let Some(&c) = crossing {
        let bar = (y + 0.25).rem_euclid(1.0);
        let within = side < half - 0.3;
        mark(cover(x, c, c + 3.0, along) * cover(bar, 0.0, 0.5, across) * f64::from(u8::from(within)), {
            within && (c..c + 3.0).contains(&x) && bar < 0.5
        });
    } else {
        mark(cover(side, half - 0.3, half - 0.18, across), (half - 0.3..half - 0.18).contains(&side));
        let dash = x.rem_euclid(9.0);
        for lane in 1..road.lanes {
            let middle = lane as f64 * road.lane_width - half;
            // Dashes of 3 m every 9 m; a pixel longer than that has their mean.
            let part = if along > 4.5 { 1.0 / 3.0 } else { cover(dash, 3.0, 6.0, along) };
            mark(part * cover(y, middle - 0.07, middle + 0.07, across), {
                (3.0..6.0).contains(&dash) && (y - middle).abs() < 0.07
            });
        }
    }
    colour = colour.mix(white, ink);
    let kind = match side {
        _ if inside && side < half => 1,
        s if s < half => 0,
        s if s < edge => 2,
        _ => 3,
    };
    (kind, colour)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn slopes_of_hills_are_their_derivatives() {
        let hills = Hills { height: 3.0, size: 8.0, seed: 5 };
        for i in 0..500 {
            let (x, y) = (f64::from(i) * 0.37 - 90.0, f64::from(i) * 0.11 - 20.0);
            let e = 1e-5;
            let (h, sx, sy) = hills.at(x, y);
            assert!(h.abs() <= 1.5);
            assert!(((hills.at(x + e, y).0 - hills.at(x - e, y).0) / (2.0 * e) - sx).abs() < 1e-6);
            assert!(((hills.at(x, y + e).0 - hills.at(x, y - e).0) / (2.0 * e) - sy).abs() < 1e-6);
            assert!(sx.hypot(sy) < hills.steepest());
        }
    }

    /// The first meeting of a ray with hills is the first that small steps find.
    #[test]
    fn rays_do_not_pass_through_hills() {
        let hills = Hills { height: 3.0, size: 8.0, seed: 5 };
        let mut cell = crate::cell::Cell::from_state(2);
        for _ in 0..300 {
            let from = vec3(cell.uniform() * 20.0, cell.uniform() * 20.0, 2.0 + cell.uniform());
            let along = vec3(cell.uniform() - 0.5, cell.uniform() - 0.5, -0.02 - 0.3 * cell.uniform()).unit();
            let gap = |t: f64| {
                let p = from + along * t;
                p.z - hills.at(p.x, p.y).0
            };
            let (at, normal) = hills.enter(from, along, 0.0, 1e4).unwrap();
            assert!(gap(at).abs() < 1e-3, "{}", gap(at));
            assert!((normal.length() - 1.0).abs() < 1e-12);
            let steps = (at / 0.02) as usize;
            // Touching within a millimetre counts as meeting.
            assert!((0..steps).all(|i| gap(i as f64 * 0.02) > -2e-3), "passed through before {at}");
        }
    }

    #[test]
    fn a_road_has_its_kinds_where_they_are_declared() {
        let r = Road { lanes: 2, lane_width: 3.5, pavement: 2.0, crossings: vec![20.0] };
        let kind = |x, y| road(&r, 1, x, y, 0.01, 0.01).0;
        assert_eq!([kind(1.0, 1.0), kind(4.5, 0.0), kind(1.0, 0.0), kind(1.0, -3.27)], [0, 1, 0, 1]);
        assert_eq!([kind(1.0, 4.0), kind(1.0, 6.0), kind(21.0, 0.0), kind(21.0, 0.5)], [2, 3, 1, 0]);
        // From far away a line is as bright as its share of the pixel.
        let (far, asphalt) = (road(&r, 1, 4.5, 0.0, 1.4, 0.5).1.x, 0.055);
        assert!((far - (asphalt + 0.1 * (0.72 - asphalt))).abs() < 0.02, "{far}");
    }
}
