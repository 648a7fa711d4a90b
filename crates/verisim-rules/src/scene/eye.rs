//! The camera: rays of pixels, and where a point is seen. Image coordinates count from the upper left corner; the first pixel is from 0
//! to 1 both ways.

use super::vector::{Matrix, Vec3, vec3};

/// A pinhole camera with radial distortion, at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eye {
    /// Where it is.
    pub at: Vec3,
    /// Its axes as rows: right, down, forward.
    pub axes: Matrix,
    /// Its lens.
    pub lens: Lens,
}

/// What does not change while a camera moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lens {
    /// Pixels across and down.
    pub size: [usize; 2],
    /// The focal length in pixels.
    pub focal: f64,
    /// First coefficient of distortion.
    pub k1: f64,
    /// Second coefficient of distortion.
    pub k2: f64,
    /// The radius, in focal lengths and without distortion, beyond which nothing is seen.
    pub widest: f64,
}

impl Lens {
    /// A lens by its angle of view across. Nothing if its distortion folds the picture: two directions would be one pixel.
    pub fn new(size: [usize; 2], fov: f64, k1: f64, k2: f64) -> Option<Lens> {
        let focal = size[0] as f64 * 0.5 / (fov.to_radians() * 0.5).tan();
        let corner = (size[0] as f64 * 0.5).hypot(size[1] as f64 * 0.5) / focal;
        // Where 1 + 3 k1 s + 5 k2 s² turns negative, with s the square of the radius.
        let fold = if k2 == 0.0 {
            (k1 < 0.0).then(|| -1.0 / (3.0 * k1))
        } else {
            let (a, b) = (5.0 * k2, 3.0 * k1);
            let root = b * b - 4.0 * a;
            (root >= 0.0)
                .then(|| [(-b - root.sqrt()) / (2.0 * a), (-b + root.sqrt()) / (2.0 * a)])
                .and_then(|roots| roots.into_iter().filter(|&s| s > 0.0).reduce(f64::min))
        };
        let widest = fold.map_or(f64::INFINITY, f64::sqrt);
        let lens = Lens { size, focal, k1, k2, widest };
        (widest.is_infinite() || lens.bend(widest) > corner * 1.001).then_some(lens)
    }

    /// The seen radius of a radius.
    fn bend(&self, r: f64) -> f64 {
        let s = r * r;
        r * (1.0 + s * (self.k1 + s * self.k2))
    }

    /// The radius that is seen at a radius, by Newton's method.
    fn unbend(&self, seen: f64) -> f64 {
        if self.k1 == 0.0 && self.k2 == 0.0 {
            return seen;
        }
        let (mut low, mut high) = (0.0, if self.widest.is_finite() { self.widest } else { f64::INFINITY });
        let mut r = seen.min(high);
        for _ in 0..60 {
            let (s, off) = (r * r, self.bend(r) - seen);
            if off > 0.0 {
                high = r
            } else {
                low = r
            }
            if off.abs() < 1e-13 {
                break;
            }
            let next = r - off / (1.0 + s * (3.0 * self.k1 + s * 5.0 * self.k2));
            // Where Newton leaves the bracket, halve it.
            r = match next > low && next < high {
                true => next,
                false if high.is_finite() => (low + high) * 0.5,
                false => low * 2.0,
            };
        }
        r
    }
}

impl Eye {
    /// A camera that looks from one point at another, turned by `roll` degrees. Nothing if the points are one.
    pub fn new(lens: Lens, at: Vec3, look_at: Vec3, roll: f64) -> Option<Eye> {
        let way = look_at - at;
        if way.length() < 1e-9 {
            return None;
        }
        let forward = way.unit();
        // Straight up or down, the top of the picture is x.
        let up = if forward.z.abs() > 1.0 - 1e-9 { vec3(1.0, 0.0, 0.0) } else { vec3(0.0, 0.0, 1.0) };
        let right = forward.cross(up).unit();
        let down = forward.cross(right);
        let (sin, cos) = roll.to_radians().sin_cos();
        let axes = Matrix([right * cos - down * sin, right * sin + down * cos, forward]);
        Some(Eye { at, axes, lens })
    }

    /// The direction in which an image point is seen, of length 1.
    pub fn ray(&self, u: f64, v: f64) -> Vec3 {
        let Lens { size, focal, .. } = self.lens;
        let (x, y) = ((u - size[0] as f64 * 0.5) / focal, (v - size[1] as f64 * 0.5) / focal);
        let seen = (x * x + y * y).sqrt();
        let grow = if seen > 0.0 { self.lens.unbend(seen) / seen } else { 1.0 };
        self.axes.undo(vec3(x * grow, y * grow, 1.0).unit())
    }

    /// A direction as the camera sees it: right, down, forward.
    pub fn turn(&self, direction: Vec3) -> Vec3 {
        self.axes.apply(direction)
    }

    /// Where a direction is seen; nothing if behind, or beyond what the lens takes.
    pub fn project(&self, direction: Vec3) -> Option<[f64; 2]> {
        let d = self.turn(direction);
        if d.z <= 1e-9 {
            return None;
        }
        let (x, y) = (d.x / d.z, d.y / d.z);
        let r = (x * x + y * y).sqrt();
        if r >= self.lens.widest {
            return None;
        }
        let grow = if r > 0.0 { self.lens.bend(r) / r } else { 1.0 } * self.lens.focal;
        Some([self.lens.size[0] as f64 * 0.5 + x * grow, self.lens.size[1] as f64 * 0.5 + y * grow])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rays_and_projection_invert() {
        for (k1, k2) in [(0.0, 0.0), (-0.2, 0.05), (0.15, -0.01), (0.3, 0.1)] {
            let lens = Lens::new([320, 200], 80.0, k1, k2).unwrap();
            let eye = Eye::new(lens, vec3(1.0, 2.0, 3.0), vec3(4.0, -1.0, 2.0), 12.0).unwrap();
            for (u, v) in [(0.0, 0.0), (160.0, 100.0), (319.5, 0.5), (7.25, 199.0), (160.0, 0.0)] {
                let ray = eye.ray(u, v);
                assert!((ray.length() - 1.0).abs() < 1e-12);
                let [a, b] = eye.project(ray * 7.0).unwrap();
                assert!((a - u).abs() < 1e-8 && (b - v).abs() < 1e-8, "{k1} {k2}: {a} {b} is not {u} {v}");
            }
            assert_eq!(eye.project(-eye.ray(100.0, 100.0)), None);
        }
    }

    #[test]
    fn the_angle_of_view_is_across() {
        let eye =
            Eye::new(Lens::new([100, 50], 90.0, 0.0, 0.0).unwrap(), Vec3::default(), vec3(1.0, 0.0, 0.0), 0.0).unwrap();
        // y is to the left, z up.
        let [u, v] = eye.project(vec3(1.0, 1.0, 0.0)).unwrap();
        assert!(u.abs() < 1e-9 && (v - 25.0).abs() < 1e-9);
        let [u, v] = eye.project(vec3(2.0, 0.0, 1.0)).unwrap();
        assert!((u - 50.0).abs() < 1e-9 && v.abs() < 1e-9);
    }

    #[test]
    fn a_lens_that_folds_is_none() {
        assert!(Lens::new([100, 100], 90.0, -0.5, 0.0).is_none());
        assert!(Lens::new([100, 100], 30.0, -0.5, 0.0).is_some());
        assert!(Eye::new(Lens::new([9, 9], 90.0, 0.0, 0.0).unwrap(), Vec3::default(), Vec3::default(), 0.0).is_none());
    }
}
