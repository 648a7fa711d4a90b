//! A world, of the plane or of space: whichever module it is in says which.

use super::super::{Drive, Joined, JointKind, Kind, Physics, Placed, State};
use super::rapier::{
    ColliderHandle, GenericJointBuilder, ImpulseJointHandle, JointAxesMask, JointAxis, PhysicsWorld, RigidBodyBuilder,
    RigidBodyHandle,
};
use super::{ANGLE, FREE, HINGED, angular, plain, solid, spin, turn, vector};

/// A world.
pub(in super::super) struct World {
    world: PhysicsWorld,
    bodies: Vec<(RigidBodyHandle, ColliderHandle)>,
    joints: Vec<(ImpulseJointHandle, JointAxis)>,
}

impl World {
    pub(in super::super) fn new(gravity: [f64; 3], dt: f64) -> World {
        let mut world = PhysicsWorld::new();
        world.gravity = vector(gravity);
        world.integration_parameters.dt = dt as f32;
        World { world, bodies: Vec::new(), joints: Vec::new() }
    }
}

impl Physics for World {
    fn add(&mut self, body: &Placed) {
        let builder = match body.kind {
            Kind::Free => RigidBodyBuilder::dynamic(),
            Kind::Fixed => RigidBodyBuilder::fixed(),
            Kind::Driven => RigidBodyBuilder::kinematic_velocity_based(),
        };
        let builder = builder
            .translation(vector(body.at))
            .rotation(angular(body.turn))
            .linvel(vector(body.velocity))
            .angvel(angular(body.spin))
            .linear_damping(body.drag as f32)
            .angular_damping(body.drag as f32)
            .can_sleep(false);
        let collider = solid(&body.solid).friction(body.friction as f32).restitution(body.bounce as f32);
        let collider = match body.mass {
            Some(mass) => collider.mass(mass as f32),
            None => collider.density(body.density as f32),
        };
        self.bodies.push(self.world.insert(builder, collider));
    }

    fn join(&mut self, joint: &Joined) {
        let (locked, axis) = match joint.kind {
            JointKind::Hinge => (JointAxesMask::LOCKED_REVOLUTE_AXES, ANGLE),
            JointKind::Slide => (JointAxesMask::LOCKED_PRISMATIC_AXES, JointAxis::LinX),
            JointKind::Socket => (FREE, ANGLE),
            JointKind::Weld => (JointAxesMask::LOCKED_FIXED_AXES, ANGLE),
        };
        let mut builder = GenericJointBuilder::new(locked).contacts_enabled(joint.touch);
        if joint.kind == JointKind::Slide || (joint.kind == JointKind::Hinge && HINGED) {
            builder = builder.local_axis1(vector(joint.axis)).local_axis2(vector(joint.axis));
        }
        builder = builder.local_anchor1(vector(joint.at)).local_anchor2(vector(joint.to));
        if let Some([least, greatest]) = joint.limits {
            builder = builder.limits(axis, [least as f32, greatest as f32]);
        }
        let [a, b] = joint.between.map(|k| self.bodies[k].0);
        self.joints.push((self.world.insert_impulse_joint(a, b, builder.build()), axis));
    }

    fn drive(&mut self, joint: usize, drive: &Drive) {
        let (handle, axis) = self.joints[joint];
        if let Some(joint) = self.world.impulse_joints.get_mut(handle, true) {
            let [position, speed, stiffness, damping] =
                [drive.position, drive.speed, drive.stiffness, drive.damping].map(|x| x as f32);
            joint.data.set_motor(axis, position, speed, stiffness, damping);
            if drive.force.is_finite() {
                joint.data.set_motor_max_force(axis, drive.force as f32);
            }
        }
    }

    fn step(&mut self) {
        self.world.step();
    }

    fn state(&self, body: usize) -> State {
        let body = &self.world.bodies[self.bodies[body].0];
        State { at: plain(body.translation()), turn: turn(body), velocity: plain(body.linvel()), spin: spin(body) }
    }

    fn touches(&self, body: usize) -> Vec<usize> {
        let collider = self.bodies[body].1;
        let pairs = self.world.contact_pairs_with(collider).filter(|pair| pair.has_any_active_contact());
        let other = |pair: &super::rapier::ContactPair| {
            if pair.collider1 == collider { pair.collider2 } else { pair.collider1 }
        };
        let mut all: Vec<usize> = pairs.filter_map(|p| self.bodies.iter().position(|b| b.1 == other(p))).collect();
        all.sort_unstable();
        all
    }
}
