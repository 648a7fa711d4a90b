//! Space.

use rapier::{AngVector, ColliderBuilder, JointAxis, RigidBody, SharedShape, Vector};
use rapier3d::prelude as rapier;

use super::Solid;

#[path = "world.rs"]
#[allow(clippy::duplicate_mod)]
mod world;
pub(super) use world::World;

fn vector(x: [f64; 3]) -> Vector {
    Vector::new(x[0] as f32, x[1] as f32, x[2] as f32)
}

fn plain(x: Vector) -> [f64; 3] {
    [f64::from(x.x), f64::from(x.y), f64::from(x.z)]
}

fn angular(x: [f64; 3]) -> AngVector {
    vector(x)
}

fn turn(body: &RigidBody) -> [f64; 4] {
    let q = body.rotation();
    [q.x, q.y, q.z, q.w].map(f64::from)
}

fn spin(body: &RigidBody) -> [f64; 3] {
    plain(body.angvel())
}

fn solid(solid: &Solid) -> ColliderBuilder {
    match *solid {
        Solid::Ball(radius) => ColliderBuilder::ball(radius as f32),
        Solid::Box([x, y, z]) => ColliderBuilder::cuboid(0.5 * x as f32, 0.5 * y as f32, 0.5 * z as f32),
        Solid::Capsule(length, radius) => ColliderBuilder::capsule_y(0.5 * length as f32, radius as f32),
        Solid::Cylinder(height, radius) => ColliderBuilder::cylinder(0.5 * height as f32, radius as f32),
        Solid::Ground => ColliderBuilder::new(SharedShape::halfspace(Vector::Y)),
    }
}

/// A hinge turns around an axis of the bodies.
const HINGED: bool = true;
const ANGLE: JointAxis = JointAxis::AngX;
const FREE: rapier::JointAxesMask = rapier::JointAxesMask::LOCKED_SPHERICAL_AXES;
