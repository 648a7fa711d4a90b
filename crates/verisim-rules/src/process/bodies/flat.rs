//! The plane.

use rapier::{AngVector, ColliderBuilder, JointAxis, RigidBody, SharedShape, Vector};
use rapier2d::prelude as rapier;

use super::Solid;

// The same lines for the plane and for space: the two libraries differ in their vectors alone.
#[path = "world.rs"]
mod world;
pub(super) use world::World;

fn vector(x: [f64; 3]) -> Vector {
    Vector::new(x[0] as f32, x[1] as f32)
}

fn plain(x: Vector) -> [f64; 3] {
    [f64::from(x.x), f64::from(x.y), 0.0]
}

fn angular(x: [f64; 3]) -> AngVector {
    x[0] as f32
}

fn turn(body: &RigidBody) -> [f64; 4] {
    [f64::from(body.rotation().angle()), 0.0, 0.0, 0.0]
}

fn spin(body: &RigidBody) -> [f64; 3] {
    [0.0, 0.0, f64::from(body.angvel())]
}

fn solid(solid: &Solid) -> ColliderBuilder {
    match *solid {
        Solid::Ball(radius) => ColliderBuilder::ball(radius as f32),
        Solid::Box([x, y, _]) => ColliderBuilder::cuboid(0.5 * x as f32, 0.5 * y as f32),
        Solid::Capsule(length, radius) | Solid::Cylinder(length, radius) => {
            ColliderBuilder::capsule_y(0.5 * length as f32, radius as f32)
        }
        Solid::Ground => ColliderBuilder::new(SharedShape::halfspace(Vector::Y)),
    }
}

/// A hinge has its axis out of the plane.
const HINGED: bool = false;
const ANGLE: JointAxis = JointAxis::AngX;
const FREE: rapier::JointAxesMask = rapier::JointAxesMask::LOCKED_REVOLUTE_AXES;
