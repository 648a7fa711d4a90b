//! What a warehouse holds.

use super::super::face::rgb;
use super::super::settings::{Material, Texture};
use super::super::solid::Solid;
use super::super::vector::{Vec3, vec3};
use super::{Builder, Paint, Pattern, Surface, plain};

/// A carton with tape and a label on either long side.
pub fn carton(b: &mut Builder, paint: &Paint) {
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

/// A rack of four boards.
pub fn rack(b: &mut Builder, paint: &Paint) {
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

/// A pallet of three layers.
pub fn pallet(b: &mut Builder) {
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
