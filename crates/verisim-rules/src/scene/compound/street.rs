//! People, signs, signals, and what stands beside a road.

use super::super::face::{Face, SIGNAL, rgb};
use super::super::settings::{Material, Texture};
use super::super::solid::Solid;
use super::super::vector::{Pose, Turn, vec3};
use super::{Builder, Paint, Part, Pattern, Point, Surface, Swing, plain};
use crate::cell::Cell;

/// A person. Limbs are straight, and swing about shoulders and hips.
pub fn pedestrian(b: &mut Builder, paint: &Paint, cell: &mut Cell) {
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

/// A sign on a post: its plate looks forward.
pub fn sign(b: &mut Builder, face: Face) {
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

/// A signal on a post: its lamps look forward.
pub fn signal(b: &mut Builder) {
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

/// A tree: a trunk and seven crowns.
pub fn tree(b: &mut Builder, cell: &mut Cell) {
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

/// A house with windows and a ridge roof.
pub fn house(b: &mut Builder, paint: &Paint) {
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

/// A street lamp.
pub fn lamp_post(b: &mut Builder) {
    let half = b.half;
    post(b, -half.x + 0.08, 0.07, 1.0, Surface { ..plain(rgb(92, 96, 98)) });
    b.block([-0.9, -0.25, 0.985], [0.6, 0.25, 1.0], plain(rgb(92, 96, 98)));
    let head = Surface { glow: 0.1, night_glow: 6.0, ..plain(rgb(255, 226, 170)) };
    b.block([0.5, -0.9, 0.975], [1.0, 0.9, 0.99], head);
}
