//! Things made of simple bodies: vehicles, people, signs and the like. Each looks along x; its frame has its origin in the middle of
//! the box about it.

use serde::{Deserialize, Serialize};

use super::face::{SIGNAL, rgb};
use super::settings::{Material, Texture};
use super::solid::Solid;
use super::vector::{Pose, Turn, Vec3, vec3};
use crate::cell::Cell;

pub use super::face::Face;

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

fn paintwork(paint: &Paint) -> Surface {
    Surface { material: Material::Paint, ..plain(paint.colour) }
}

fn glass() -> Surface {
    Surface { material: Material::Paint, ..plain(rgb(30, 36, 42)) }
}

fn dark() -> Surface {
    plain(rgb(38, 38, 40))
}

fn car(b: &mut Builder, paint: &Paint) {
    let body = paintwork(paint);
    // Sill to belt line, bonnet, cabin, roof.
    b.taper([-0.985, 0.985, 0.97], [-0.97, 0.96, 0.96], [0.14, 0.45], body);
    b.taper([-0.97, 0.96, 0.96], [-0.9, 0.84, 0.86], [0.45, 0.60], body);
    b.taper([-0.84, 0.46, 0.85], [-0.56, 0.10, 0.70], [0.60, 0.955], glass());
    b.taper([-0.57, 0.11, 0.71], [-0.52, 0.06, 0.64], [0.955, 1.0], body);
    // A pillar in the middle of each side, bumpers, grille.
    b.taper([-0.27, -0.2, 0.857], [-0.25, -0.2, 0.712], [0.60, 0.956], body);
    b.block([-1.0, -0.9, 0.16], [-0.96, 0.9, 0.30], dark());
    b.block([0.96, -0.9, 0.16], [1.0, 0.9, 0.28], dark());
    b.block([0.95, -0.5, 0.34], [0.985, 0.5, 0.44], dark());
    let radius = 0.222 * b.size.z;
    b.wheels(0.62, -0.6, radius);
    b.lamps(0.46, 0.06);
}

fn van(b: &mut Builder, paint: &Paint) {
    let body = paintwork(paint);
    b.taper([-0.99, 0.99, 0.97], [-0.985, 0.96, 0.97], [0.10, 0.48], body);
    b.taper([-0.985, 0.60, 0.97], [-0.97, 0.52, 0.90], [0.48, 1.0], body);
    b.taper([0.58, 0.95, 0.95], [0.50, 0.55, 0.86], [0.48, 0.95], glass());
    b.block([0.2, -0.965, 0.52], [0.54, 0.965, 0.80], glass());
    b.block([0.97, -0.9, 0.12], [1.0, 0.9, 0.24], dark());
    b.block([-1.0, -0.9, 0.12], [-0.97, 0.9, 0.2], dark());
    let radius = 0.15 * b.size.z;
    b.wheels(0.66, -0.6, radius);
    b.lamps(0.34, 0.1);
}

fn truck(b: &mut Builder, paint: &Paint) {
    let body = paintwork(paint);
    // Frame, box, cab.
    b.block([-0.98, -0.7, 0.16], [0.95, 0.7, 0.27], dark());
    let load = Surface { material: Material::Matte, ..plain(paint.second) };
    b.block([-1.0, -1.0, 0.27], [0.50, 1.0, 1.0], load);
    b.taper([0.56, 0.99, 0.96], [0.57, 0.99, 0.96], [0.13, 0.47], body);
    b.taper([0.56, 0.99, 0.96], [0.57, 0.90, 0.90], [0.47, 0.80], body);
    b.taper([0.80, 0.995, 0.88], [0.78, 0.915, 0.82], [0.49, 0.76], glass());
    b.block([0.64, -0.955, 0.5], [0.82, 0.955, 0.70], glass());
    b.block([0.97, -0.96, 0.10], [1.0, 0.96, 0.2], dark());
    let radius = 0.135 * b.size.z;
    b.wheels(0.72, -0.62, radius);
    b.lamps(0.24, 0.1);
}

fn bus(b: &mut Builder, paint: &Paint) {
    let body = paintwork(paint);
    b.block([-0.99, -0.98, 0.10], [0.99, 0.98, 0.44], body);
    let windows = Surface { pattern: Pattern::Windows, scale: 1.4, second: glass().colour, ..body };
    b.block([-0.985, -0.975, 0.44], [0.98, 0.975, 0.84], windows);
    b.block([-0.985, -0.98, 0.84], [0.985, 0.98, 1.0], body);
    b.block([0.97, -0.9, 0.34], [0.993, 0.9, 0.82], glass());
    b.block([-0.993, -0.85, 0.5], [-0.97, 0.85, 0.82], glass());
    let sign = Surface { glow: 0.6, ..plain(rgb(250, 150, 20)) };
    b.block([0.985, -0.45, 0.87], [0.99, 0.45, 0.95], sign);
    b.block([0.98, -0.95, 0.10], [1.0, 0.95, 0.2], dark());
    b.block([-1.0, -0.95, 0.10], [-0.98, 0.95, 0.2], dark());
    let radius = 0.16 * b.size.z;
    b.wheels(0.56, -0.52, radius);
    b.lamps(0.25, 0.11);
}

/// A person. Limbs are straight, and swing about shoulders and hips.
fn pedestrian(b: &mut Builder, paint: &Paint, cell: &mut Cell) {
    const SKIN: [[u8; 3]; 5] = [[236, 190, 160], [214, 164, 126], [172, 120, 84], [120, 80, 54], [84, 54, 38]];
    const HAIR: [[u8; 3]; 5] = [[28, 22, 18], [60, 40, 26], [120, 84, 48], [190, 160, 104], [140, 140, 140]];
    const TROUSERS: [[u8; 3]; 5] = [[34, 44, 70], [40, 40, 44], [92, 84, 70], [24, 26, 30], [70, 90, 120]];
    let mut pick = |list: [[u8; 3]; 5]| {
        let [r, g, b] = list[cell.below(5) as usize];
        plain(rgb(r, g, b))
    };
    let (skin, hair, trousers) = (pick(SKIN), pick(HAIR), pick(TROUSERS));
    let coat = Surface { pattern: Pattern::Texture(Texture::Plain), material: Material::Matte, ..plain(paint.colour) };
    let h = b.size.z;
    // Wide people are wide all over.
    let wide = b.size.y / 0.52;
    let at = |y: f64, z: f64| vec3(0.0, y * wide, (z - 0.5) * h);
    // Trunk: hips, chest, shoulders.
    b.taper([-0.62, 0.62, 0.52], [-0.72, 0.72, 0.70], [0.47, 0.80], coat);
    b.add(Solid::Ellipsoid(vec3(0.115, 0.185 * wide, 0.05 * h)), at(0.0, 0.795), coat);
    b.add(Solid::Ellipsoid(vec3(0.105, 0.15 * wide, 0.06 * h)), at(0.0, 0.485), trousers);
    let head = b.build.parts.len();
    b.add(Solid::Ellipsoid(vec3(0.098, 0.08, 0.068 * h)), at(0.0, 0.930), skin);
    b.add(Solid::Ellipsoid(vec3(0.100, 0.088, 0.052 * h)), at(0.0, 0.947) - vec3(0.022, 0.0, 0.0), hair);
    b.add(Solid::Capsule { radius: 0.05, half: 0.03 * h }, at(0.0, 0.85), skin);
    b.build.points.push(Point { at: at(0.0, 0.930), part: Some(head) });
    b.build.points.push(Point { at: at(0.0, 0.85), part: Some(head + 2) });
    // Limbs: [joint z, middle z, end z], across, radius, surfaces.
    let mut limb = |side: f64, y: f64, z: [f64; 3], radius: f64, surfaces: [Surface; 2], degrees: f64| -> [usize; 2] {
        let swing = Some(Swing { joint: at(side * y, z[0]), degrees });
        let first = b.build.parts.len();
        for i in 0..2 {
            let (top, low) = (z[i], z[i + 1]);
            let half = (top - low) * 0.5 * h;
            let radius = radius * [1.0, 0.82][i];
            let solid = Solid::Capsule { radius, half };
            let pose = Pose::shift(at(side * y, (top + low) * 0.5));
            b.build.parts.push(Part { solid, pose, surface: surfaces[i], swing });
        }
        if y < 0.15 {
            // A shoe.
            let pose = Pose::shift(at(side * y, z[2] - 0.012) + vec3(0.055, 0.0, 0.0));
            let solid = Solid::Ellipsoid(vec3(0.13, 0.05, 0.024 * h));
            b.build.parts.push(Part { solid, pose, surface: plain(rgb(36, 32, 30)), swing });
        }
        [first, first + 1]
    };
    let (arm, leg) = ([0.795, 0.63, 0.47], [0.50, 0.275, 0.036]);
    let left_arm = limb(1.0, 0.215, arm, 0.048, [coat, coat], 24.0);
    let right_arm = limb(-1.0, 0.215, arm, 0.048, [coat, coat], -24.0);
    let left_leg = limb(1.0, 0.088, leg, 0.076, [trousers, trousers], -25.0);
    let right_leg = limb(-1.0, 0.088, leg, 0.076, [trousers, trousers], 25.0);
    let sides = |y: f64| [y, -y];
    for (k, (z, y, which)) in [
        (arm[0], 0.215, 0),
        (arm[1], 0.215, 0),
        (arm[2], 0.215, 1),
        (leg[0], 0.088, 0),
        (leg[1], 0.088, 0),
        (leg[2], 0.088, 1),
    ]
    .into_iter()
    .enumerate()
    {
        let parts = if k < 3 { [left_arm, right_arm] } else { [left_leg, right_leg] };
        for (side, y) in sides(y).into_iter().enumerate() {
            b.build.points.push(Point { at: at(y, z), part: Some(parts[side][which]) });
        }
    }
}

fn post(b: &mut Builder, x: f64, radius: f64, top: f64, surface: Surface) {
    let half = top * 0.5 * b.size.z;
    let at = vec3(x, 0.0, half - b.half.z);
    b.add(Solid::Cylinder { radius, half }, at, surface);
}

fn steel() -> Surface {
    Surface { material: Material::Plastic, ..plain(rgb(140, 144, 148)) }
}

fn sign(b: &mut Builder, face: Face) {
    let radius = b.half.y;
    let centre = vec3(b.half.x - 0.012, 0.0, b.half.z - radius);
    post(b, -b.half.x + 0.035, 0.035, 1.0 - 0.3 * b.size.y / b.size.z, steel());
    let front = Surface {
        pattern: Pattern::Sign(face, centre, radius),
        material: Material::Plastic,
        ..plain(rgb(120, 122, 124))
    };
    let flat = Turn::about(vec3(0.0, 1.0, 0.0), 90.0);
    match face {
        Face::Stop => b.add(Solid::plate(8, radius / (std::f64::consts::PI / 8.0).cos(), 0.02, 22.5), centre, front),
        Face::GiveWay => b.add(Solid::plate(3, radius, 0.02, 270.0), centre, front),
        Face::Danger => b.add(Solid::plate(3, radius, 0.02, 90.0), centre, front),
        Face::Parking => {
            // Smaller, for a square has the most area.
            let side = radius * 0.8;
            let front = Surface { pattern: Pattern::Sign(face, centre, side), ..front };
            b.add(Solid::Box(vec3(0.01, side, side)), centre, front);
        }
        _ => b.turned(Solid::Cylinder { radius, half: 0.01 }, Pose { at: centre, turn: flat }, front),
    }
    b.point(centre + vec3(0.01, 0.0, 0.0));
    b.point(vec3(-b.half.x + 0.035, 0.0, -b.half.z + 0.02));
}

fn signal(b: &mut Builder) {
    post(b, -b.half.x + 0.09, 0.06, 1.0, steel());
    let housing = plain(rgb(26, 28, 26));
    let height = 0.29 * b.size.z;
    let centre = vec3(-0.08, 0.0, b.half.z - height * 0.5);
    b.add(Solid::Box(vec3(0.1, b.half.y, height * 0.5)), centre, housing);
    let turn = Turn::about(vec3(0.0, 1.0, 0.0), 90.0);
    let radius = (height / 7.2).min(b.half.y * 0.8);
    for (i, (lamp, colour)) in SIGNAL.into_iter().enumerate() {
        let at = centre + vec3(0.1, 0.0, height * (1.0 - i as f64) * 0.31);
        let dim = Surface { lamp: Some(lamp), material: Material::Plastic, ..plain(colour) };
        b.turned(Solid::Cylinder { radius, half: 0.02 }, Pose { at, turn }, dim);
        // A hood above it.
        b.add(Solid::Box(vec3(0.09, radius * 1.05, 0.012)), at + vec3(0.08, 0.0, radius * 1.06), housing);
        b.point(at + vec3(0.02, 0.0, 0.0));
    }
    b.point(vec3(-b.half.x + 0.15, 0.0, -b.half.z + 0.02));
}

fn carton(b: &mut Builder, paint: &Paint) {
    let board = Surface {
        pattern: Pattern::Texture(Texture::Noise),
        scale: 0.03,
        second: paint.colour * 0.88,
        material: Material::Matte,
        ..plain(paint.colour)
    };
    b.add(Solid::Box(b.half), Vec3::default(), board);
    let tape = Surface { material: Material::Plastic, ..plain(rgb(196, 160, 96)) };
    let h = b.half;
    // Tape over the top and down both ends, a label on either long side.
    b.add(Solid::Box(vec3(h.x + 0.0015, 0.025f64.min(h.y * 0.5), 0.02)), vec3(0.0, 0.0, h.z - 0.0185), tape);
    b.add(Solid::Box(vec3(h.x + 0.0015, 0.025f64.min(h.y * 0.5), h.z * 0.25)), vec3(0.0, 0.0, h.z * 0.75), tape);
    let (label, ink) = (plain(rgb(232, 232, 228)), plain(rgb(28, 28, 30)));
    let (w, t) = (h.x * 0.36, h.z * 0.3);
    for side in [1.0, -1.0] {
        let at = vec3(side * h.x * 0.42, side * h.y, -h.z * 0.25);
        b.add(Solid::Box(vec3(w, 0.0015, t)), at, label);
        for k in 0..6 {
            // The bars of a code.
            let x = (f64::from(k) - 2.5) * w * 0.28;
            let bar = vec3(w * [0.05, 0.09, 0.05, 0.04, 0.1, 0.06][k as usize], 0.0025, t * 0.5);
            b.add(Solid::Box(bar), at + vec3(x, 0.0, -t * 0.3), ink);
        }
    }
    b.corners();
}

fn rack(b: &mut Builder, paint: &Paint) {
    let upright = Surface { material: Material::Plastic, ..plain(paint.colour) };
    let beam = Surface { material: Material::Plastic, ..plain(paint.second) };
    let board = Surface {
        pattern: Pattern::Texture(Texture::Wood),
        scale: 0.12,
        second: rgb(150, 118, 84),
        ..plain(rgb(172, 140, 104))
    };
    let (half, size) = (b.half, b.size);
    let width = 0.04;
    for x in [-1.0, 1.0] {
        for y in [-1.0, 1.0] {
            let at = vec3(x * (half.x - width), y * (half.y - width), 0.0);
            b.add(Solid::Box(vec3(width, width, half.z)), at, upright);
        }
        // Braces.
        for k in 0..3 {
            let z = (f64::from(k) * 0.28 + 0.2) * size.z - half.z;
            b.add(Solid::Box(vec3(0.012, half.y - width, 0.015)), vec3(x * (half.x - width), 0.0, z), upright);
        }
    }
    for share in [0.05, 0.30, 0.55, 0.80] {
        let top = share * size.z - half.z;
        b.add(Solid::Box(vec3(half.x - 2.0 * width, half.y - 0.02, 0.012)), vec3(0.0, 0.0, top - 0.012), board);
        for y in [-1.0, 1.0] {
            let at = vec3(0.0, y * (half.y - 0.02), top - 0.05);
            b.add(Solid::Box(vec3(half.x - width, 0.02, 0.05f64.min(share * size.z * 0.45))), at, beam);
        }
    }
}

fn pallet(b: &mut Builder) {
    let wood = Surface {
        pattern: Pattern::Texture(Texture::Wood),
        scale: 0.1,
        second: rgb(150, 112, 72),
        ..plain(rgb(188, 150, 104))
    };
    for i in 0..5 {
        let y = (f64::from(i) - 2.0) * 0.45;
        b.block([-1.0, y - 0.1, 0.84], [1.0, y + 0.1, 1.0], wood);
    }
    for y in [-0.9, 0.0, 0.9] {
        b.block([-1.0, y - 0.1, 0.0], [1.0, y + 0.1, 0.16], wood);
        for x in [-0.88, 0.0, 0.88] {
            b.block([x - 0.12, y - 0.1, 0.16], [x + 0.12, y + 0.1, 0.72], wood);
        }
    }
    for x in [-0.88, 0.0, 0.88] {
        b.block([x - 0.12, -1.0, 0.72], [x + 0.12, 1.0, 0.84], wood);
    }
    b.corners();
}

fn tree(b: &mut Builder, cell: &mut Cell) {
    let bark = Surface {
        pattern: Pattern::Texture(Texture::Noise),
        scale: 0.1,
        second: rgb(60, 46, 34),
        ..plain(rgb(92, 72, 52))
    };
    post(b, 0.0, 0.028 * b.size.z, 0.6, bark);
    let tint = 0.75 + 0.5 * cell.uniform();
    let leaves = Surface {
        pattern: Pattern::Texture(Texture::Noise),
        scale: 0.35,
        second: rgb(34, 54, 22) * tint,
        ..plain(rgb(84, 112, 46) * tint)
    };
    let half = b.half;
    b.add(Solid::Ellipsoid(vec3(half.x * 0.72, half.y * 0.72, half.z * 0.52)), vec3(0.0, 0.0, half.z * 0.3), leaves);
    let first = cell.uniform() * 360.0;
    for k in 0..5 {
        let (sin, cos) = (first + 72.0 * f64::from(k)).to_radians().sin_cos();
        let radius = 0.36 + 0.1 * cell.uniform();
        let out = 1.0 - radius;
        let at = vec3(cos * out * half.x, sin * out * half.y, half.z * (0.02 + 0.45 * cell.uniform()));
        b.add(Solid::Ellipsoid(vec3(half.x * radius, half.y * radius, half.z * radius * 0.85)), at, leaves);
    }
    b.add(Solid::Ellipsoid(vec3(half.x * 0.45, half.y * 0.45, half.z * 0.3)), vec3(0.0, 0.0, half.z * 0.7), leaves);
}

fn house(b: &mut Builder, paint: &Paint) {
    let walls = Surface {
        pattern: Pattern::Windows,
        scale: 2.4,
        second: rgb(40, 48, 58),
        material: Material::Matte,
        ..plain(paint.colour)
    };
    b.block([-0.96, -0.94, 0.0], [0.96, 0.94, 0.72], walls);
    let roof = Surface {
        pattern: Pattern::Texture(Texture::Noise),
        scale: 0.3,
        second: paint.second * 0.7,
        ..plain(paint.second)
    };
    b.taper([-1.0, 1.0, 1.0], [-0.98, 0.98, 0.04], [0.72, 1.0], roof);
    b.corners();
}

fn lamp_post(b: &mut Builder) {
    let half = b.half;
    post(b, -half.x + 0.08, 0.07, 1.0, Surface { ..plain(rgb(92, 96, 98)) });
    b.block([-0.9, -0.25, 0.985], [0.6, 0.25, 1.0], plain(rgb(92, 96, 98)));
    let head = Surface { glow: 0.1, night_glow: 6.0, ..plain(rgb(255, 226, 170)) };
    b.block([0.5, -0.9, 0.975], [1.0, 0.9, 0.99], head);
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
