//! Points, directions, rotations and poses in three dimensions. Metres; x forward, y to the left, z up.

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// A point, a direction, or a colour in linear light.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vec3 {
    /// Along x, or red.
    pub x: f64,
    /// Along y, or green.
    pub y: f64,
    /// Along z, or blue.
    pub z: f64,
}

/// A vector of its three parts.
pub const fn vec3(x: f64, y: f64, z: f64) -> Vec3 {
    Vec3 { x, y, z }
}

impl Vec3 {
    /// All parts the same.
    pub const fn all(value: f64) -> Vec3 {
        vec3(value, value, value)
    }

    /// The inner product.
    pub fn dot(self, other: Vec3) -> f64 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    /// The cross product.
    pub fn cross(self, other: Vec3) -> Vec3 {
        vec3(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    /// The length.
    pub fn length(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// The direction; the vector itself if it has no length.
    pub fn unit(self) -> Vec3 {
        let length = self.length();
        if length > 0.0 { self / length } else { self }
    }

    /// Part by part.
    pub fn times(self, other: Vec3) -> Vec3 {
        vec3(self.x * other.x, self.y * other.y, self.z * other.z)
    }

    /// The way from `self` to `other`, `part` of it.
    pub fn mix(self, other: Vec3, part: f64) -> Vec3 {
        self + (other - self) * part
    }

    /// The lesser of each part.
    pub fn least(self, other: Vec3) -> Vec3 {
        vec3(self.x.min(other.x), self.y.min(other.y), self.z.min(other.z))
    }

    /// The greater of each part.
    pub fn greatest(self, other: Vec3) -> Vec3 {
        vec3(self.x.max(other.x), self.y.max(other.y), self.z.max(other.z))
    }

    /// Every part without its sign.
    pub fn abs(self) -> Vec3 {
        vec3(self.x.abs(), self.y.abs(), self.z.abs())
    }

    /// The greatest part.
    pub fn most(self) -> f64 {
        self.x.max(self.y).max(self.z)
    }

    /// The parts in order.
    pub fn array(self) -> [f64; 3] {
        [self.x, self.y, self.z]
    }
}

impl Add for Vec3 {
    type Output = Vec3;
    fn add(self, other: Vec3) -> Vec3 {
        vec3(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl AddAssign for Vec3 {
    fn add_assign(&mut self, other: Vec3) {
        *self = *self + other;
    }
}

impl Sub for Vec3 {
    type Output = Vec3;
    fn sub(self, other: Vec3) -> Vec3 {
        vec3(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Neg for Vec3 {
    type Output = Vec3;
    fn neg(self) -> Vec3 {
        vec3(-self.x, -self.y, -self.z)
    }
}

impl Mul<f64> for Vec3 {
    type Output = Vec3;
    fn mul(self, by: f64) -> Vec3 {
        vec3(self.x * by, self.y * by, self.z * by)
    }
}

impl Div<f64> for Vec3 {
    type Output = Vec3;
    fn div(self, by: f64) -> Vec3 {
        self * (1.0 / by)
    }
}

/// A rotation as a unit quaternion `w + xi + yj + zk`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    /// The real part.
    pub w: f64,
    /// The imaginary parts.
    pub v: Vec3,
}

impl Turn {
    /// No rotation.
    pub const NONE: Turn = Turn { w: 1.0, v: Vec3::all(0.0) };

    /// By `degrees` about an axis of length 1, by the right hand.
    pub fn about(axis: Vec3, degrees: f64) -> Turn {
        let (sin, cos) = (degrees.to_radians() * 0.5).sin_cos();
        Turn { w: cos, v: axis * sin }
    }

    /// Roll about x, then pitch about y, then yaw about z, in degrees. Pitch is positive with the nose up.
    pub fn of(yaw: f64, pitch: f64, roll: f64) -> Turn {
        Turn::about(vec3(0.0, 0.0, 1.0), yaw)
            .after(Turn::about(vec3(0.0, 1.0, 0.0), -pitch).after(Turn::about(vec3(1.0, 0.0, 0.0), roll)))
    }

    /// First `first`, then `self`.
    pub fn after(self, first: Turn) -> Turn {
        Turn {
            w: self.w * first.w - self.v.dot(first.v),
            v: first.v * self.w + self.v * first.w + self.v.cross(first.v),
        }
    }

    /// The other way round.
    pub fn back(self) -> Turn {
        Turn { w: self.w, v: -self.v }
    }

    /// As a matrix.
    pub fn matrix(self) -> Matrix {
        let Turn { w, v: Vec3 { x, y, z } } = self;
        Matrix([
            vec3(1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)),
            vec3(2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)),
            vec3(2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)),
        ])
    }
}

/// A rotation as a matrix: its three rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matrix(pub [Vec3; 3]);

impl Matrix {
    /// The matrix times a vector.
    pub fn apply(&self, v: Vec3) -> Vec3 {
        vec3(self.0[0].dot(v), self.0[1].dot(v), self.0[2].dot(v))
    }

    /// The transposed matrix, which is the inverse of a rotation, times a vector.
    pub fn undo(&self, v: Vec3) -> Vec3 {
        self.0[0] * v.x + self.0[1] * v.y + self.0[2] * v.z
    }

    /// As a quaternion whose real part is not negative (Shepperd's method).
    pub fn turn(&self) -> Turn {
        let [a, b, c] = self.0;
        let trace = a.x + b.y + c.z;
        let (w, x, y, z) = if trace > 0.0 {
            let s = (trace + 1.0).sqrt() * 2.0;
            (s / 4.0, (c.y - b.z) / s, (a.z - c.x) / s, (b.x - a.y) / s)
        } else if a.x > b.y && a.x > c.z {
            let s = (1.0 + a.x - b.y - c.z).sqrt() * 2.0;
            ((c.y - b.z) / s, s / 4.0, (a.y + b.x) / s, (a.z + c.x) / s)
        } else if b.y > c.z {
            let s = (1.0 + b.y - a.x - c.z).sqrt() * 2.0;
            ((a.z - c.x) / s, (a.y + b.x) / s, s / 4.0, (b.z + c.y) / s)
        } else {
            let s = (1.0 + c.z - a.x - b.y).sqrt() * 2.0;
            ((b.x - a.y) / s, (a.z + c.x) / s, (b.z + c.y) / s, s / 4.0)
        };
        let sign = if w < 0.0 { -1.0 } else { 1.0 };
        Turn { w: w * sign, v: vec3(x, y, z) * sign }
    }
}

/// Where a body is and how it is turned: local points go to the world by the turn, then by the shift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// The origin of the body, in the world.
    pub at: Vec3,
    /// How it is turned.
    pub turn: Turn,
}

impl Pose {
    /// Not turned.
    pub const fn shift(at: Vec3) -> Pose {
        Pose { at, turn: Turn::NONE }
    }

    /// A local point, in the world.
    pub fn apply(self, point: Vec3) -> Vec3 {
        self.at + self.turn.matrix().apply(point)
    }

    /// The pose of a part whose pose within `self` is `part`.
    pub fn then(self, part: Pose) -> Pose {
        Pose { at: self.apply(part.at), turn: self.turn.after(part.turn) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: Vec3, b: Vec3) {
        assert!((a - b).length() < 1e-12, "{a:?} is not {b:?}");
    }

    #[test]
    fn turns_follow_the_right_hand() {
        let (x, y, z) = (vec3(1.0, 0.0, 0.0), vec3(0.0, 1.0, 0.0), vec3(0.0, 0.0, 1.0));
        near(Turn::about(z, 90.0).matrix().apply(x), y);
        near(Turn::of(0.0, 90.0, 0.0).matrix().apply(x), z);
        near(Turn::of(0.0, 0.0, 90.0).matrix().apply(y), z);
        let turn = Turn::of(33.0, -21.0, 140.0);
        let matrix = turn.matrix();
        near(matrix.undo(matrix.apply(vec3(1.0, 2.0, 3.0))), vec3(1.0, 2.0, 3.0));
        near(turn.back().matrix().apply(x), matrix.undo(x));
        for degrees in [0.0, 10.0, 120.0, 179.0, 250.0] {
            for axis in [x, y, z, vec3(1.0, 1.0, 1.0).unit()] {
                let turn = Turn::about(axis, degrees);
                near(
                    turn.matrix().turn().matrix().apply(vec3(1.0, 2.0, 3.0)),
                    turn.matrix().apply(vec3(1.0, 2.0, 3.0)),
                );
            }
        }
        let (a, b) = (Pose { at: x, turn }, Pose { at: y, turn: Turn::about(x, 12.0) });
        near(a.then(b).apply(z), a.apply(b.apply(z)));
    }
}
