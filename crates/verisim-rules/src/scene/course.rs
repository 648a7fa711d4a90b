//! Where all bodies are at each frame. What falls and collides is stepped by rapier at a fixed time step from the start of the scene.

use rapier3d::prelude::{
    Array2, ColliderBuilder, PhysicsWorld, Pose as RapierPose, RigidBodyBuilder, RigidBodyHandle, Rotation, Vector,
};

use super::compound::{Part, Swing};
use super::eye::Eye;
use super::place::heading;
use super::settings::Scene;
use super::solid::Solid;
use super::stage::{Body, Motion, Stage, Track};
use super::texture::Hills;
use super::vector::{Pose, Turn, Vec3, vec3};
use crate::error::{Error, Result};

/// What a body falls with, in metres a second squared.
pub const GRAVITY: f64 = 9.81;

/// Steps a second, at least.
const STEPS: f64 = 240.0;

/// Radians of a walk's round a metre, for a leg of one metre: two steps of 0.7 m make a round.
const STRIDE: f64 = std::f64::consts::TAU / 1.4;

/// Where a body is at a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Of the body.
    pub pose: Pose,
    /// Of its walk, in radians; nothing if it stands.
    pub walk: Option<f64>,
}

impl Place {
    /// Where a part of the body is.
    pub fn part(&self, part: &Part) -> Pose {
        self.pose.then(part.swing.map_or(part.pose, |swing| self.swung(part.pose, swing)))
    }

    fn swung(&self, pose: Pose, swing: Swing) -> Pose {
        let Some(walk) = self.walk else { return pose };
        let turn = Turn::about(vec3(0.0, 1.0, 0.0), swing.degrees * walk.sin());
        Pose { at: swing.joint + turn.matrix().apply(pose.at - swing.joint), turn: turn.after(pose.turn) }
    }

    /// Where a point of the body is, which moves with one of its parts.
    pub fn point(&self, at: Vec3, part: Option<&Part>) -> Vec3 {
        let point = match part.and_then(|p| p.swing) {
            Some(swing) => self.swung(Pose::shift(at), swing).at,
            None => at,
        };
        self.pose.apply(point)
    }
}

/// All bodies at one more moment than there are frames, so that the last frame has a next.
///
/// # Errors
/// [`Error::Make`] if the laws of mechanics lead to what is no number.
pub fn course(scene: &Scene, stage: &Stage) -> Result<Vec<Vec<Place>>> {
    let mut mechanics =
        stage.bodies.iter().any(|b| matches!(b.motion, Motion::Physics { .. })).then(|| Mechanics::new(stage));
    let per_frame = (STEPS / scene.rate).ceil();
    let step = 1.0 / (scene.rate * per_frame);
    let settle = (scene.settle / step).round() as usize;
    let mut frames = Vec::with_capacity(scene.frames + 1);
    let mut steps = 0usize;
    for frame in 0..=scene.frames {
        let target = settle + frame * per_frame as usize;
        let mut at: Vec<Place> = stage.bodies.iter().map(|b| even(b, target as f64 * step)).collect();
        if let Some(mechanics) = &mut mechanics {
            while steps < target {
                steps += 1;
                mechanics.step(&stage.bodies, steps as f64 * step, step);
            }
            mechanics.read(&mut at)?;
        }
        frames.push(at);
    }
    Ok(frames)
}

/// Where a body is that moves by itself.
fn even(body: &Body, seconds: f64) -> Place {
    match &body.motion {
        Motion::Even { velocity, spin, phase } => {
            let turn = Turn::about(vec3(0.0, 0.0, 1.0), spin * seconds).after(body.start.turn);
            let pose = Pose {
                at: body.start.at + *velocity * seconds,
                turn: if *spin == 0.0 { body.start.turn } else { turn },
            };
            let pace = velocity.length();
            Place { pose, walk: (pace > 0.0).then(|| phase + walked(body, pace * seconds)) }
        }
        Motion::Path { points, speed, phase } => {
            let mut left = speed * seconds;
            let (mut at, mut turn) = (body.start.at, body.start.turn);
            let mut arrived = true;
            for pair in points.windows(2) {
                let way = pair[1] - pair[0];
                let length = way.length();
                turn = heading(way, turn);
                if left < length {
                    at = body.start.at + pair[0] + way * (left / length);
                    arrived = false;
                    break;
                }
                left -= length;
                at = body.start.at + pair[1];
            }
            let walk = phase + walked(body, speed * seconds);
            Place { pose: Pose { at, turn }, walk: (!arrived && *speed > 0.0).then_some(walk) }
        }
        Motion::Physics { .. } => Place { pose: body.start, walk: None },
    }
}

fn walked(body: &Body, metres: f64) -> f64 {
    metres * STRIDE * (1.72 / body.size.z)
}

/// Where the camera is at a moment of the pictures; `place` is of the body that it moves with, `share` how far through the frames.
///
/// # Errors
/// [`Error::Setting`] if it would look at the point where it is.
pub fn eye(stage: &Stage, places: &[Place], seconds: f64, share: f64) -> Result<Eye> {
    let Track { at, look_at, roll, velocity, orbit, path, with } = &stage.track;
    let (mut from, mut to) = (*at + *velocity * seconds, *look_at + *velocity * seconds);
    if *orbit != 0.0 {
        from = to + Turn::about(vec3(0.0, 0.0, 1.0), orbit * seconds).matrix().apply(from - to);
    }
    if !path.is_empty() {
        from = along(path, share);
    }
    if let Some(place) = with.and_then(|i| places.get(i)) {
        (from, to) = (place.pose.apply(from), place.pose.apply(to));
    }
    Eye::new(stage.lens, from, to, *roll).ok_or_else(|| {
        let what = "is where the camera is, so that there is no direction to look; move one of them".into();
        Error::Setting { key: "camera.look_at".into(), what }
    })
}

/// The point at a share of the length of a path.
fn along(path: &[Vec3], share: f64) -> Vec3 {
    let total: f64 = path.windows(2).map(|p| (p[1] - p[0]).length()).sum();
    let mut left = total * share.max(0.0);
    for pair in path.windows(2) {
        let way = pair[1] - pair[0];
        let length = way.length();
        if left < length {
            return pair[0] + way * (left / length);
        }
        left -= length;
    }
    path.last().copied().unwrap_or_default()
}

fn vector(v: Vec3) -> Vector {
    Vector::new(v.x as f32, v.y as f32, v.z as f32)
}

fn rapier_pose(pose: Pose) -> RapierPose {
    let Turn { w, v } = pose.turn;
    RapierPose::from_parts(vector(pose.at), Rotation::from_xyzw(v.x as f32, v.y as f32, v.z as f32, w as f32))
}

/// The rigid bodies of a scene.
struct Mechanics {
    world: PhysicsWorld,
    handles: Vec<RigidBodyHandle>,
    free: Vec<bool>,
}

impl Mechanics {
    fn new(stage: &Stage) -> Mechanics {
        let mut world = PhysicsWorld { gravity: Vector::new(0.0, 0.0, -GRAVITY as f32), ..PhysicsWorld::default() };
        let ground = match stage.ground.hills.height {
            0.0 => ColliderBuilder::cuboid(1e4, 1e4, 5.0).translation(Vector::new(0.0, 0.0, -5.0)),
            _ => terrain(&stage.ground.hills),
        };
        world.insert_collider(ground.friction(0.8), None);
        let (mut handles, mut free) = (Vec::new(), Vec::new());
        for body in &stage.bodies {
            let pose = rapier_pose(even(body, 0.0).pose);
            let (builder, density, friction, bounce) = match &body.motion {
                Motion::Physics { velocity, spin, density, friction, bounce } => {
                    let fast =
                        velocity.length() * 0.01 > body.size.least(Vec3::all(body.size.y.min(body.size.z))).x * 0.5;
                    let builder =
                        RigidBodyBuilder::dynamic().linvel(vector(*velocity)).angvel(vector(*spin)).ccd_enabled(fast);
                    (builder, *density, *friction, *bounce)
                }
                _ => (RigidBodyBuilder::kinematic_position_based(), 1.0, 0.6, 0.2),
            };
            let handle = world.insert_body(builder.pose(pose));
            for part in &body.build.parts {
                let collider = collider(&part.solid, part.pose)
                    .density(density as f32)
                    .friction(friction as f32)
                    .restitution(bounce as f32);
                world.insert_collider(collider, Some(handle));
            }
            handles.push(handle);
            free.push(matches!(body.motion, Motion::Physics { .. }));
        }
        Mechanics { world, handles, free }
    }

    fn step(&mut self, bodies: &[Body], seconds: f64, step: f64) {
        for ((body, handle), free) in bodies.iter().zip(&self.handles).zip(&self.free) {
            let still = matches!(&body.motion, Motion::Even { velocity, spin, .. } if velocity == &Vec3::default() && spin == &0.0);
            if !free && !still {
                let pose = rapier_pose(even(body, seconds).pose);
                if let Some(rigid) = self.world.bodies.get_mut(*handle) {
                    rigid.set_next_kinematic_position(pose);
                }
            }
        }
        self.world.integration_parameters.dt = step as f32;
        self.world.step();
    }

    fn read(&self, at: &mut [Place]) -> Result<()> {
        for ((place, handle), _) in at.iter_mut().zip(&self.handles).zip(&self.free).filter(|(_, free)| **free) {
            let Some(body) = self.world.bodies.get(*handle) else { continue };
            let (shift, turn) = (body.translation(), body.rotation());
            if !(shift.is_finite() && turn.is_finite()) {
                let what =
                    "bodies with `physics` went out of all bounds; start them apart, slower, or of a usual density"
                        .into();
                return Err(Error::Make { at: "scene.objects".into(), what });
            }
            let v = vec3(f64::from(turn.x), f64::from(turn.y), f64::from(turn.z));
            let (w, length) = (f64::from(turn.w), (f64::from(turn.w).powi(2) + v.dot(v)).sqrt());
            // Single precision leaves a quaternion a little longer or shorter than 1.
            place.pose = Pose {
                at: vec3(f64::from(shift.x), f64::from(shift.y), f64::from(shift.z)),
                turn: Turn { w: w / length, v: v / length },
            };
        }
        Ok(())
    }
}

/// Hills about the origin, 100 m each way, as triangles with a corner every half metre.
fn terrain(hills: &Hills) -> ColliderBuilder {
    let (side, step) = (401, 0.5);
    let reach = (side - 1) as f64 * step * 0.5;
    let mut heights = Array2::zeros(side, side);
    for i in 0..side {
        for j in 0..side {
            // Rows go along the field's z, which is turned to -y; columns along x.
            let (x, y) = (j as f64 * step - reach, reach - i as f64 * step);
            heights[(i, j)] = hills.at(x, y).0 as f32;
        }
    }
    let scale = Vector::new(2.0 * reach as f32, 1.0, 2.0 * reach as f32);
    let up = Pose { at: Vec3::default(), turn: Turn::about(vec3(1.0, 0.0, 0.0), 90.0) };
    ColliderBuilder::heightfield(heights, scale).position(rapier_pose(up))
}

fn collider(solid: &Solid, pose: Pose) -> ColliderBuilder {
    let f = |x: f64| x as f32;
    let (builder, own) = match solid {
        Solid::Box(h) => (ColliderBuilder::cuboid(f(h.x), f(h.y), f(h.z)), Turn::NONE),
        Solid::Ellipsoid(r) if r.x == r.y && r.y == r.z => (ColliderBuilder::ball(f(r.x)), Turn::NONE),
        Solid::Capsule { radius, half } => (ColliderBuilder::capsule_z(f(*half), f(*radius)), Turn::NONE),
        // rapier's lie along y.
        Solid::Cylinder { radius, half } => {
            (ColliderBuilder::cylinder(f(*half), f(*radius)), Turn::about(vec3(1.0, 0.0, 0.0), 90.0))
        }
        Solid::Ellipsoid(r) => (hull(&ellipsoid(*r), *r), Turn::NONE),
        Solid::Convex { planes, half } => (hull(&corners(planes), *half), Turn::NONE),
    };
    builder.position(rapier_pose(pose.then(Pose { at: Vec3::default(), turn: own })))
}

/// A hull about points, or the box if they have none.
fn hull(points: &[Vec3], half: Vec3) -> ColliderBuilder {
    let points: Vec<Vector> = points.iter().map(|&p| vector(p)).collect();
    ColliderBuilder::convex_hull(&points)
        .unwrap_or_else(|| ColliderBuilder::cuboid(half.x as f32, half.y as f32, half.z as f32))
}

fn ellipsoid(r: Vec3) -> Vec<Vec3> {
    let mut points = vec![vec3(0.0, 0.0, r.z), vec3(0.0, 0.0, -r.z)];
    for ring in 1..8 {
        let (sin, cos) = (std::f64::consts::PI * f64::from(ring) / 8.0).sin_cos();
        for k in 0..12 {
            let (y, x) = (std::f64::consts::TAU * f64::from(k) / 12.0).sin_cos();
            points.push(vec3(r.x * sin * x, r.y * sin * y, r.z * cos));
        }
    }
    points
}

/// Where three planes meet, and no other is crossed.
fn corners(planes: &[(Vec3, f64)]) -> Vec<Vec3> {
    let mut found: Vec<Vec3> = Vec::new();
    for (i, (a, p)) in planes.iter().enumerate() {
        for (j, (b, q)) in planes.iter().enumerate().skip(i + 1) {
            for (c, r) in planes.iter().skip(j + 1) {
                let volume = a.dot(b.cross(*c));
                if volume.abs() < 1e-9 {
                    continue;
                }
                let point = (b.cross(*c) * *p + c.cross(*a) * *q + a.cross(*b) * *r) / volume;
                let inside = planes.iter().all(|(n, d)| n.dot(point) <= d + 1e-9);
                if inside && found.iter().all(|f| (*f - point).length() > 1e-9) {
                    found.push(point);
                }
            }
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn run(text: &str) -> (Stage, Vec<Vec<Place>>) {
        let scene: Scene = toml::from_str(text).unwrap();
        let stage = Stage::new(&scene, 1, 0).unwrap();
        let course = course(&scene, &stage).unwrap();
        (stage, course)
    }

    /// Free fall by g t²/2, but for the half step of the integrator; then rest on the ground.
    #[test]
    fn a_body_falls_and_comes_to_rest() {
        for shape in ["box", "sphere", "cylinder", "capsule", "carton", "car"] {
            let text = format!(
                "frames = 60\nrate = 20\n[[objects]]\nshape = \"{shape}\"\nphysics = true\nposition = [0, 0, 3]\nbounce = 0"
            );
            let (stage, course) = run(&text);
            let start = stage.bodies[0].start.at.z;
            let step = 1.0 / 240.0;
            for (frame, places) in course.iter().enumerate() {
                let t = frame as f64 / 20.0;
                // Contact is at 0.78 s.
                if t < 0.75 {
                    let fallen = start - places[0].pose.at.z;
                    let exact = GRAVITY * t * t * 0.5;
                    assert!(
                        (fallen - exact).abs() <= GRAVITY * t * step * 0.5 + 1e-4,
                        "{shape} {t}: {fallen} is not {exact}"
                    );
                }
            }
            let last = course[60][0].pose;
            assert!((last.at.z - (start - 3.0)).abs() < 0.02, "{shape} rests at {} of {}", last.at.z, start - 3.0);
            assert!((last.at.z - course[58][0].pose.at.z).abs() < 1e-3, "{shape} does not rest");
        }
    }

    #[test]
    fn a_ball_rolls_down_and_stays_above_hills() {
        let text = "frames = 40\nrate = 10\n[ground]\nhills = 3\nhill_size = 10\n[[objects]]\ncount = 10\nshape = \"sphere\"\n\
                    size = 0.6\nphysics = true\nposition = [[-20, 20], [-20, 20], 0.5]\napart = 0.2";
        let (stage, course) = run(text);
        let mut moved = 0;
        for i in 0..stage.bodies.len() {
            for places in &course {
                let p = places[i].pose.at;
                let (h, sx, sy) = stage.ground.hills.at(p.x, p.y);
                // Height above the ground along its normal.
                let above = (p.z - h) / (1.0 + sx * sx + sy * sy).sqrt();
                assert!(above > 0.3 - 0.06, "sunk to {above}");
            }
            let (a, b) = (course[0][i].pose.at, course[40][i].pose.at);
            moved += usize::from((a - b).length() > 1.0);
        }
        assert!(moved >= 5, "{moved} of 10 rolled");
    }

    #[test]
    fn paths_are_walked_at_their_speed() {
        let text = "frames = 6\nrate = 1\n[[objects]]\nshape = \"pedestrian\"\nspeed = 2\npath = [[0, 0, 0], [4, 0, 0], [4, 4, 0]]";
        let (_, course) = run(text);
        let at: Vec<(f64, f64)> = course.iter().map(|p| (p[0].pose.at.x, p[0].pose.at.y)).collect();
        let expected = [(0.0, 0.0), (2.0, 0.0), (4.0, 0.0), (4.0, 2.0), (4.0, 4.0), (4.0, 4.0), (4.0, 4.0)];
        assert_eq!(at, expected);
        let forward = course[3][0].pose.turn.matrix().apply(vec3(1.0, 0.0, 0.0));
        assert!((forward - vec3(0.0, 1.0, 0.0)).length() < 1e-9);
        assert!(course[1][0].walk.is_some() && course[5][0].walk.is_none());
    }

    /// The corners of a frustum are its eight.
    #[test]
    fn a_hull_has_the_corners_of_its_planes() {
        let Solid::Convex { planes, .. } = Solid::frustum([-1.0, 1.0, 0.8], [-0.5, 0.5, 0.6], 0.5) else { panic!() };
        let found = corners(&planes);
        assert_eq!(found.len(), 8);
        assert!(found.iter().any(|p| (*p - vec3(0.5, 0.6, 0.5)).length() < 1e-9));
    }
}
