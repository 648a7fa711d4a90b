//! Vehicles. Places are shares of their sides: see [`Builder`].

use super::super::face::rgb;
use super::super::settings::Material;
use super::{Builder, Paint, Pattern, Surface, plain};

fn paintwork(paint: &Paint) -> Surface {
    Surface { material: Material::Paint, ..plain(paint.colour) }
}

fn glass() -> Surface {
    Surface { material: Material::Paint, ..plain(rgb(30, 36, 42)) }
}

fn dark() -> Surface {
    plain(rgb(38, 38, 40))
}

/// A passenger car.
pub fn car(b: &mut Builder, paint: &Paint) {
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

/// A van.
pub fn van(b: &mut Builder, paint: &Paint) {
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

/// A lorry: cab, frame and load.
pub fn truck(b: &mut Builder, paint: &Paint) {
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

/// A bus.
pub fn bus(b: &mut Builder, paint: &Paint) {
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
