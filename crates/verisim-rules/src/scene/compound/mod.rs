//! Things made of simple bodies: vehicles, people, signs and the like. Each looks along x; its frame has its origin in the middle of
//! the box about it.

use serde::{Deserialize, Serialize};

use super::face::rgb;
use super::settings::{Material, Texture};
use super::solid::Solid;
use super::vector::{Pose, Turn, Vec3, vec3};
use crate::cell::Cell;

pub use super::face::Face;

mod store;
mod street;
mod vehicle;

use store::{carton, pallet, rack};
use street::{house, lamp_post, pedestrian, sign, signal, tree};
use vehicle::{bus, car, truck, van};

/// What a thing looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A ball, or an ellipsoid.
    Sphere,
    /// A box.
    Box,
    /// Upright.
    Cylinder,
    /// Upright, with round ends.
    Capsule,
    /// A passenger car.
    Car,
    /// A van.
    Van,
    /// A lorry.
    Truck,
    /// A bus.
    Bus,
    /// A person who walks when it moves.
    Pedestrian,
    /// A traffic sign on a post.
    Sign,
    /// A traffic signal on a post.
    Signal,
    /// A carton with tape and label.
    Carton,
    /// A rack of four boards, whose upper sides are at 5, 30, 55 and 80 % of its height.
    Rack,
    /// A pallet of wood.
    Pallet,
    /// A tree.
    Tree,
    /// A house with windows and a roof.
    House,
    /// A street lamp, its arm along x.
    LampPost,
}

impl Shape {
    /// Its name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Sphere => "sphere",
            Shape::Box => "box",
            Shape::Cylinder => "cylinder",
            Shape::Capsule => "capsule",
            Shape::Car => "car",
            Shape::Van => "van",
            Shape::Truck => "truck",
            Shape::Bus => "bus",
            Shape::Pedestrian => "pedestrian",
            Shape::Sign => "sign",
            Shape::Signal => "signal",
            Shape::Carton => "carton",
            Shape::Rack => "rack",
            Shape::Pallet => "pallet",
            Shape::Tree => "tree",
            Shape::House => "house",
            Shape::LampPost => "lamp_post",
        }
    }

    /// Length, width and height when nothing is said of them.
    pub fn usual(self) -> Vec3 {
        match self {
            Shape::Sphere | Shape::Box | Shape::Cylinder => Vec3::all(1.0),
            Shape::Capsule => vec3(0.5, 0.5, 1.0),
            Shape::Car => vec3(4.4, 1.8, 1.45),
            Shape::Van => vec3(5.2, 2.0, 2.3),
            Shape::Truck => vec3(8.5, 2.4, 3.4),
            Shape::Bus => vec3(11.5, 2.5, 3.1),
            Shape::Pedestrian => vec3(0.32, 0.52, 1.72),
            Shape::Sign => vec3(0.1, 0.7, 2.7),
            Shape::Signal => vec3(0.4, 0.34, 3.4),
            Shape::Carton => vec3(0.5, 0.4, 0.35),
            Shape::Rack => vec3(2.7, 1.0, 2.4),
            Shape::Pallet => vec3(1.2, 0.8, 0.14),
            Shape::Tree => vec3(4.0, 4.0, 6.5),
            Shape::House => vec3(10.0, 8.0, 7.5),
            Shape::LampPost => vec3(2.2, 0.2, 7.0),
        }
    }

    /// The names of its key points, in order, and the lines between them, from 0.
    pub fn points(self) -> (&'static [&'static str], &'static [[usize; 2]]) {
        match self {
            Shape::Box | Shape::Carton | Shape::Pallet | Shape::House => (&CORNERS, &EDGES),
            Shape::Car | Shape::Van | Shape::Truck | Shape::Bus => (&VEHICLE, &VEHICLE_LINES),
            Shape::Pedestrian => (&PERSON, &LIMBS),
            Shape::Sign => (&["plate", "foot"], &[[0, 1]]),
            Shape::Signal => (&["red", "amber", "green", "foot"], &[[0, 1], [1, 2], [2, 3]]),
            _ => (&[], &[]),
        }
    }
}

const CORNERS: [&str; 8] = [
    "rear_right_low",
    "front_right_low",
    "rear_left_low",
    "front_left_low",
    "rear_right_high",
    "front_right_high",
    "rear_left_high",
    "front_left_high",
];
const EDGES: [[usize; 2]; 12] =
    [[0, 1], [1, 3], [3, 2], [2, 0], [4, 5], [5, 7], [7, 6], [6, 4], [0, 4], [1, 5], [2, 6], [3, 7]];
const VEHICLE: [&str; 8] = [
    "front_left_wheel",
    "front_right_wheel",
    "rear_left_wheel",
    "rear_right_wheel",
    "left_head_lamp",
    "right_head_lamp",
    "left_tail_lamp",
    "right_tail_lamp",
];
const VEHICLE_LINES: [[usize; 2]; 8] = [[0, 1], [1, 3], [3, 2], [2, 0], [0, 4], [1, 5], [2, 6], [3, 7]];
const PERSON: [&str; 14] = [
    "head",
    "neck",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
];
const LIMBS: [[usize; 2]; 13] =
    [[0, 1], [1, 2], [1, 3], [2, 4], [3, 5], [4, 6], [5, 7], [1, 8], [1, 9], [8, 10], [9, 11], [10, 12], [11, 13]];

impl Face {
    /// Whether a shape can show it.
    pub fn fits(self, shape: Shape) -> bool {
        match shape {
            Shape::Sign => Face::SIGNS.contains(&self),
            Shape::Signal => !Face::SIGNS.contains(&self),
            _ => false,
        }
    }
}

/// What covers a surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pattern {
    /// One of the textures.
    Texture(Texture),
    /// Rows of windows.
    Windows,
    /// A sign, about a centre, of half a side.
    Sign(Face, Vec3, f64),
}

/// How a surface looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surface {
    /// In linear light.
    pub colour: Vec3,
    /// The second colour of the pattern.
    pub second: Vec3,
    /// How it takes light.
    pub material: Material,
    /// What covers it.
    pub pattern: Pattern,
    /// Size of the pattern's parts, in metres.
    pub scale: f64,
    /// Light of its own, at night and by day: a share of its colour.
    pub glow: f64,
    /// More of it at night.
    pub night_glow: f64,
    /// The lamp of a signal, which glows while this is shown.
    pub lamp: Option<Face>,
}

/// How a limb moves when its body walks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Swing {
    /// The joint, in the frame of the body.
    pub joint: Vec3,
    /// Degrees to either side.
    pub degrees: f64,
}

/// One simple body of a thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its form.
    pub solid: Solid,
    /// Where it is within the thing.
    pub pose: Pose,
    /// How it looks.
    pub surface: Surface,
    /// How it swings.
    pub swing: Option<Swing>,
}

/// A key point of a thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// In the frame of the thing.
    pub at: Vec3,
    /// The part that it lies in and moves with; without one it is on the surface.
    pub part: Option<usize>,
}

/// What a thing is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Build {
    /// Simple bodies.
    pub parts: Vec<Part>,
    /// In the order of [`Shape::points`].
    pub points: Vec<Point>,
}

/// What is drawn for a thing before it is built.
pub struct Paint {
    /// In linear light.
    pub colour: Vec3,
    /// The second colour of its texture.
    pub second: Vec3,
    /// Its surface.
    pub material: Material,
    /// Its pattern, for simple shapes.
    pub texture: Texture,
    /// Size of the pattern's parts.
    pub scale: f64,
    /// What a sign or a signal shows.
    pub face: Face,
}

/// Builds a thing of a size.
pub fn build(shape: Shape, size: Vec3, paint: &Paint, cell: &mut Cell) -> Build {
    let mut b = Builder { build: Build::default(), half: size * 0.5, size };
    let own = Surface {
        second: paint.second,
        material: paint.material,
        pattern: Pattern::Texture(paint.texture),
        scale: paint.scale,
        ..plain(paint.colour)
    };
    let half = size * 0.5;
    match shape {
        Shape::Sphere => b.add(Solid::Ellipsoid(half), Vec3::default(), own),
        Shape::Box => {
            b.add(Solid::Box(half), Vec3::default(), own);
            b.corners();
        }
        Shape::Cylinder => b.add(Solid::Cylinder { radius: half.x, half: half.z }, Vec3::default(), own),
        Shape::Capsule => {
            let radius = half.x.min(half.z);
            b.add(Solid::Capsule { radius, half: half.z - radius }, Vec3::default(), own);
        }
        Shape::Car => car(&mut b, paint),
        Shape::Van => van(&mut b, paint),
        Shape::Truck => truck(&mut b, paint),
        Shape::Bus => bus(&mut b, paint),
        Shape::Pedestrian => pedestrian(&mut b, paint, cell),
        Shape::Sign => sign(&mut b, paint.face),
        Shape::Signal => signal(&mut b),
        Shape::Carton => carton(&mut b, paint),
        Shape::Rack => rack(&mut b, paint),
        Shape::Pallet => pallet(&mut b),
        Shape::Tree => tree(&mut b, cell),
        Shape::House => house(&mut b, paint),
        Shape::LampPost => lamp_post(&mut b),
    }
    b.build
}

fn plain(colour: Vec3) -> Surface {
    Surface {
        colour,
        second: colour,
        material: Material::Matte,
        pattern: Pattern::Texture(Texture::Plain),
        scale: 1.0,
        glow: 0.0,
        night_glow: 0.0,
        lamp: None,
    }
}

/// Adds parts whose places are given in shares of the thing's sides: x and y from -1 to 1 about the middle, z from 0 to 1 from below.
struct Builder {
    build: Build,
    half: Vec3,
    size: Vec3,
}

impl Builder {
    fn add(&mut self, solid: Solid, at: Vec3, surface: Surface) {
        self.turned(solid, Pose::shift(at), surface);
    }

    fn turned(&mut self, solid: Solid, pose: Pose, surface: Surface) {
        self.build.parts.push(Part { solid, pose, surface, swing: None });
    }

    /// A place by shares.
    fn place(&self, x: f64, y: f64, z: f64) -> Vec3 {
        vec3(x * self.half.x, y * self.half.y, (z - 0.5) * self.size.z)
    }

    /// A box between two corners by shares.
    fn block(&mut self, low: [f64; 3], high: [f64; 3], surface: Surface) {
        let (a, b) = (self.place(low[0], low[1], low[2]), self.place(high[0], high[1], high[2]));
        self.add(Solid::Box((b - a) * 0.5), (a + b) * 0.5, surface);
    }

    /// A box with leaning sides by shares: below and above, from where to where along x, and half its width.
    fn taper(&mut self, low: [f64; 3], high: [f64; 3], z: [f64; 2], surface: Surface) {
        let middle = (low[0].min(high[0]) + low[1].max(high[1])) * 0.5;
        let scaled = |s: [f64; 3]| [(s[0] - middle) * self.half.x, (s[1] - middle) * self.half.x, s[2] * self.half.y];
        let half = (z[1] - z[0]) * 0.5 * self.size.z;
        let at = self.place(middle, 0.0, (z[0] + z[1]) * 0.5);
        self.add(Solid::frustum(scaled(low), scaled(high), half), at, surface);
    }

    fn corners(&mut self) {
        for i in 0..8 {
            let sign = |bit: usize| if i & bit == 0 { -1.0 } else { 1.0 };
            let at = vec3(sign(1) * self.half.x, sign(2) * self.half.y, sign(4) * self.half.z);
            self.build.points.push(Point { at, part: None });
        }
    }

    fn point(&mut self, at: Vec3) {
        self.build.points.push(Point { at, part: None });
    }

    /// Four wheels at shares of the length; key points of wheels and lamps.
    fn wheels(&mut self, front: f64, rear: f64, radius: f64) {
        let width = 0.11 * self.size.y;
        let (tyre, rim) = (plain(rgb(22, 22, 24)), Surface { material: Material::Paint, ..plain(rgb(150, 152, 156)) });
        for x in [front, rear] {
            for y in [1.0, -1.0] {
                let at = vec3(x * self.half.x, y * (self.half.y - width * 0.5), radius - self.half.z);
                let pose = Pose { at, turn: Turn::about(vec3(1.0, 0.0, 0.0), 90.0) };
                self.turned(Solid::Cylinder { radius, half: width * 0.5 }, pose, tyre);
                self.turned(Solid::Cylinder { radius: radius * 0.58, half: width * 0.5 + 0.008 }, pose, rim);
                self.point(at + vec3(0.0, y * (width * 0.5 + 0.008), 0.0));
            }
        }
    }

    /// Lamps at the corners of a vehicle: `z` is the share of the height, `half` half their height in metres.
    fn lamps(&mut self, z: f64, half: f64) {
        let white = Surface { glow: 0.15, night_glow: 5.0, material: Material::Plastic, ..plain(rgb(240, 240, 230)) };
        let red = Surface { glow: 0.05, night_glow: 1.2, material: Material::Plastic, ..plain(rgb(190, 16, 16)) };
        for (x, surface) in [(1.0, white), (-1.0, red)] {
            for y in [1.0, -1.0] {
                let at = vec3(x * (self.half.x - 0.03), y * self.half.y * 0.76, self.place(0.0, 0.0, z).z);
                self.add(Solid::Box(vec3(0.035, self.half.y * 0.17, half)), at, surface);
                self.point(at + vec3(x * 0.035, 0.0, 0.0));
            }
        }
        // Number plates.
        for x in [1.0, -1.0] {
            let at = vec3(x * (self.half.x - 0.002), 0.0, self.place(0.0, 0.0, z).z - 0.2);
            self.add(Solid::Box(vec3(0.01, 0.26, 0.055)), at, plain(rgb(225, 225, 215)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Shape; 17] = [
        Shape::Sphere,
        Shape::Box,
        Shape::Cylinder,
        Shape::Capsule,
        Shape::Car,
        Shape::Van,
        Shape::Truck,
        Shape::Bus,
        Shape::Pedestrian,
        Shape::Sign,
        Shape::Signal,
        Shape::Carton,
        Shape::Rack,
        Shape::Pallet,
        Shape::Tree,
        Shape::House,
        Shape::LampPost,
    ];

    /// Every thing stays within its size (but for a few centimetres of a label or a rim), fills it, and has the key points it names.
    #[test]
    fn things_have_their_size_and_their_points() {
        for shape in ALL {
            for face in Face::SIGNS {
                let paint = Paint {
                    colour: Vec3::all(0.5),
                    second: Vec3::all(0.2),
                    material: Material::Matte,
                    texture: Texture::Plain,
                    scale: 1.0,
                    face,
                };
                let size = shape.usual();
                let built = build(shape, size, &paint, &mut Cell::from_state(3));
                assert_eq!(built.points.len(), shape.points().0.len(), "{shape:?}");
                assert!(shape.points().1.iter().flatten().all(|&i| i < built.points.len()));
                assert!(built.points.iter().all(|p| p.part.is_none_or(|i| i < built.parts.len())));
                let (mut low, mut high) = (Vec3::all(9.0), Vec3::all(-9.0));
                for part in &built.parts {
                    let (half, m) = (part.solid.half(), part.pose.turn.matrix());
                    let reach = vec3(m.0[0].abs().dot(half), m.0[1].abs().dot(half), m.0[2].abs().dot(half));
                    (low, high) = (low.least(part.pose.at - reach), high.greatest(part.pose.at + reach));
                }
                let (over, under) =
                    ((high - size * 0.5).greatest(-size * 0.5 - low).most(), (high - low - size).array());
                assert!(over < 0.05, "{shape:?} {face:?} is larger than its size: {low:?} {high:?}");
                let room = if matches!(shape, Shape::Tree | Shape::Sign | Shape::LampPost) { 0.35 } else { 0.08 };
                assert!(under.iter().all(|&u| u > -room), "{shape:?} {face:?} does not fill its size: {under:?}");
                assert!((low.z + size.z * 0.5).abs() < 0.03, "{shape:?} does not stand on the ground: {}", low.z);
                for part in built.points {
                    assert!((part.at.abs() - size * 0.5).most() < 0.05);
                }
            }
        }
    }
}
