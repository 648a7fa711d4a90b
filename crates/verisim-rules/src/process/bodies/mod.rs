//! Rigid bodies with joints, motors and contacts, in the plane or in space. The physics are those of `rapier`, in single precision.

mod flat;
mod settings;
mod space;
#[cfg(test)]
mod tests;

use arrow_schema::DataType;

pub use self::settings::{Bodies, Body, Joint, JointKind, Kind, Motor, Shape};
use super::clock::{Clock, setting};
use super::number::{Draw, Number};
use super::rows::Rows;
use super::scalar::{Scope, Value};
use super::ways::{made, named};
use super::{Plan, Run};
use crate::cell::Cell;
use crate::error::Result;

/// Metres beyond which single precision is of no use.
const FAR: f64 = 1e6;
/// Rows of one body beyond which it is an error.
const TICKS: f64 = 1e7;

/// A shape with numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Solid {
    Ball(f64),
    Box([f64; 3]),
    Capsule(f64, f64),
    Cylinder(f64, f64),
    Ground,
}

/// A body with numbers.
#[derive(Clone, Copy, Debug)]
struct Placed {
    kind: Kind,
    solid: Solid,
    at: [f64; 3],
    turn: [f64; 3],
    velocity: [f64; 3],
    spin: [f64; 3],
    mass: Option<f64>,
    density: f64,
    friction: f64,
    bounce: f64,
    drag: f64,
}

/// A joint with numbers.
#[derive(Clone, Copy, Debug)]
struct Joined {
    kind: JointKind,
    between: [usize; 2],
    at: [f64; 3],
    to: [f64; 3],
    axis: [f64; 3],
    limits: Option<[f64; 2]>,
    touch: bool,
}

/// What a motor wants now: position, speed, stiffness, damping and greatest force.
#[derive(Clone, Copy, Debug)]
struct Drive {
    position: f64,
    speed: f64,
    stiffness: f64,
    damping: f64,
    force: f64,
}

/// Where a body is. Of a plane, the third of places is 0 and turns are around the third axis.
#[derive(Clone, Copy, Debug)]
struct State {
    at: [f64; 3],
    /// In a plane the angle; in space a quaternion: x, y, z, w.
    turn: [f64; 4],
    velocity: [f64; 3],
    spin: [f64; 3],
}

/// A world of one run.
trait Physics {
    fn add(&mut self, body: &Placed);
    fn join(&mut self, joint: &Joined);
    fn drive(&mut self, joint: usize, drive: &Drive);
    fn step(&mut self);
    fn state(&self, body: usize) -> State;
    /// Bodies that a body touches.
    fn touches(&self, body: usize) -> Vec<usize>;
}

struct Ready {
    clock: Clock,
    space: bool,
    until: Draw,
    every: Draw,
    step: f64,
    gravity: Vec<Draw>,
    bodies: Vec<Made>,
    joints: Vec<Linked>,
}

struct Made {
    name: String,
    key: String,
    kind: Kind,
    number: u32,
    shape: Vec<Draw>,
    form: fn(&[f64]) -> Solid,
    at: Vec<Draw>,
    turn: Vec<Draw>,
    velocity: Vec<Draw>,
    spin: Vec<Draw>,
    mass: Option<Draw>,
    density: Draw,
    friction: Draw,
    bounce: Draw,
    drag: Draw,
}

struct Linked {
    name: String,
    kind: JointKind,
    between: [usize; 2],
    at: Vec<Draw>,
    to: Vec<Draw>,
    axis: [f64; 3],
    limits: Option<[f64; 2]>,
    touch: bool,
    motor: Option<Pulling>,
}

struct Pulling {
    position: Option<Draw>,
    speed: Draw,
    stiffness: f64,
    damping: f64,
    force: f64,
}

impl Bodies {
    /// Checks the world and makes it ready.
    ///
    /// # Errors
    /// Names the key that is wrong.
    pub fn plan(&self) -> Result<Plan> {
        if !(2..=3).contains(&self.dimensions) {
            return Err(setting("dimensions", "must be 2 or 3"));
        }
        if !(self.step > 0.0 && self.step.is_finite()) {
            return Err(setting("step", "must be above 0"));
        }
        let space = self.dimensions == 3;
        let dimensions = usize::from(self.dimensions);
        let mut scope = Scope::new(vec!["t".to_owned(), "number".to_owned()], self.unit.micros);
        let clock = Clock::new(self.start.as_ref(), &mut scope)?;
        let until = Draw::new(&self.until, "until", &mut scope)?;
        let every = Draw::new(&self.every, "every", &mut scope)?;
        let gravity = match &self.gravity {
            None => vec![Draw::Fixed(0.0), Draw::Fixed(-9.81), Draw::Fixed(0.0)][..dimensions].to_vec(),
            Some(gravity) => vector("gravity", gravity, dimensions, &mut scope)?,
        };
        let mut bodies = Vec::new();
        for (name, body) in self.bodies.iter() {
            body.ready(name, space, &mut scope, &mut bodies)?;
        }
        if !bodies.iter().any(|b| b.kind != Kind::Fixed) {
            return Err(setting("bodies", "must have a body that moves"));
        }
        let names: Vec<String> = bodies.iter().map(|b| b.name.clone()).collect();
        let mut joints = Vec::new();
        for (name, joint) in self.joints.iter() {
            joints.push(joint.ready(name, space, &names, &mut scope)?);
        }
        let columns = columns(&clock, space);
        let inputs = scope.inputs().to_vec();
        Plan::new(columns, &inputs, Ready { clock, space, until, every, step: self.step, gravity, bodies, joints })
    }
}

fn columns(clock: &Clock, space: bool) -> Vec<(String, DataType)> {
    let numbers: &[&str] = if space {
        &["x", "y", "z", "qx", "qy", "qz", "qw", "vx", "vy", "vz", "wx", "wy", "wz"]
    } else {
        &["x", "y", "rotation", "vx", "vy", "spin"]
    };
    let mut all = vec![("time".to_owned(), clock.kind()), ("body".to_owned(), DataType::Utf8)];
    all.extend(numbers.iter().map(|n| ((*n).to_owned(), DataType::Float64)));
    all.push(("contact".to_owned(), DataType::Boolean));
    all.push(("touches".to_owned(), DataType::Utf8));
    all
}

/// Numbers for the dimensions, or none.
fn vector(key: &str, numbers: &[Number], count: usize, scope: &mut Scope) -> Result<Vec<Draw>> {
    if !numbers.is_empty() && numbers.len() != count {
        return Err(setting(key, &format!("must have {count} numbers")));
    }
    numbers.iter().map(|n| Draw::new(n, key, scope)).collect()
}

impl Body {
    fn ready(&self, name: &str, space: bool, scope: &mut Scope, all: &mut Vec<Made>) -> Result<()> {
        let key = format!("bodies.{name}");
        let sub = |part: &str| format!("{key}.{part}");
        let (places, turns) = if space { (3, 3) } else { (2, 1) };
        if self.count == 0 || self.count > 10_000 {
            return Err(setting(&sub("count"), "must be between 1 and 10000"));
        }
        if self.at.is_empty() {
            return Err(setting(&sub("at"), &format!("must have {places} numbers")));
        }
        if matches!(self.shape, Shape::Ground {}) && self.kind != Kind::Fixed {
            return Err(setting(&sub("kind"), "of a ground must be fixed"));
        }
        let (shape, form) = self.form(&sub("shape"), space, scope)?;
        if shape.iter().any(|s| s.fixed().is_some_and(|x| x <= 0.0)) {
            return Err(setting(&sub("shape"), "must have sizes above 0"));
        }
        let mut number = |part: &str, number: &Option<Number>, least: f64, else_: f64| match number {
            None => Ok(Draw::Fixed(else_)),
            Some(number) => {
                let draw = Draw::new(number, &sub(part), scope)?;
                match draw.fixed() {
                    Some(x) if x < least => Err(setting(&sub(part), &format!("must be {least} or more"))),
                    _ => Ok(draw),
                }
            }
        };
        let mass = self.mass.as_ref().map(|_| number("mass", &self.mass, 1e-9, 1.0)).transpose()?;
        let density = number("density", &self.density, 1e-9, 1.0)?;
        let friction = number("friction", &self.friction, 0.0, 0.5)?;
        let bounce = number("bounce", &self.bounce, 0.0, 0.0)?;
        let drag = number("drag", &self.drag, 0.0, 0.0)?;
        let at = vector(&sub("at"), &self.at, places, scope)?;
        let turn = vector(&sub("turn"), &self.turn, turns, scope)?;
        let velocity = vector(&sub("velocity"), &self.velocity, places, scope)?;
        let spin = vector(&sub("spin"), &self.spin, turns, scope)?;
        for k in 0..self.count {
            all.push(Made {
                name: if self.count == 1 { name.to_owned() } else { format!("{name}{}", k + 1) },
                key: key.clone(),
                kind: self.kind,
                number: k,
                shape: shape.clone(),
                form,
                at: at.clone(),
                turn: turn.clone(),
                velocity: velocity.clone(),
                spin: spin.clone(),
                mass: mass.clone(),
                density: density.clone(),
                friction: friction.clone(),
                bounce: bounce.clone(),
                drag: drag.clone(),
            });
        }
        Ok(())
    }

    #[allow(clippy::type_complexity)]
    fn form(&self, key: &str, space: bool, scope: &mut Scope) -> Result<(Vec<Draw>, fn(&[f64]) -> Solid)> {
        let mut draw = |n: &Number| Draw::new(n, key, scope);
        Ok(match &self.shape {
            Shape::Ball(radius) => (vec![draw(radius)?], |x| Solid::Ball(x[0])),
            Shape::Box(sides) => {
                let count = if space { 3 } else { 2 };
                if sides.len() != count {
                    return Err(setting(key, &format!("must have {count} sides")));
                }
                let form = |x: &[f64]| Solid::Box([x[0], x[1], x.get(2).copied().unwrap_or(1.0)]);
                (sides.iter().map(draw).collect::<Result<_>>()?, form)
            }
            Shape::Capsule(length, radius) => (vec![draw(length)?, draw(radius)?], |x| Solid::Capsule(x[0], x[1])),
            Shape::Cylinder(..) if !space => {
                return Err(setting(key, "of a cylinder needs `dimensions = 3`; in a plane it is a box"));
            }
            Shape::Cylinder(height, radius) => (vec![draw(height)?, draw(radius)?], |x| Solid::Cylinder(x[0], x[1])),
            Shape::Ground {} => (Vec::new(), |_| Solid::Ground),
        })
    }
}

impl Joint {
    fn ready(&self, name: &str, space: bool, names: &[String], scope: &mut Scope) -> Result<Linked> {
        let key = format!("joints.{name}");
        let sub = |part: &str| format!("{key}.{part}");
        let places = if space { 3 } else { 2 };
        let body = |k: usize| named(names, "body", &self.between[k]).map_err(|what| setting(&sub("between"), &what));
        let between = [body(0)?, body(1)?];
        if between[0] == between[1] {
            return Err(setting(&sub("between"), "must name two bodies"));
        }
        if self.kind == JointKind::Socket && !space {
            return Err(setting(&sub("kind"), "of a socket needs `dimensions = 3`; in a plane it is a hinge"));
        }
        let mut axis = if space && self.kind == JointKind::Hinge { [0.0, 0.0, 1.0] } else { [1.0, 0.0, 0.0] };
        if !self.axis.is_empty() {
            let length = self.axis.iter().map(|x| x * x).sum::<f64>().sqrt();
            if self.axis.len() != places || !(length > 0.0 && length.is_finite()) {
                return Err(setting(&sub("axis"), &format!("must have {places} numbers that are not all 0")));
            }
            axis = [0.0; 3];
            self.axis.iter().enumerate().for_each(|(k, x)| axis[k] = x / length);
        }
        let moves = matches!(self.kind, JointKind::Hinge | JointKind::Slide);
        if !moves && (self.limits.is_some() || self.motor.is_some()) {
            return Err(setting(&sub("kind"), "must be hinge or slide to have limits or a motor"));
        }
        if self.limits.is_some_and(|[a, b]| a > b || a.is_nan() || b.is_nan()) {
            return Err(setting(&sub("limits"), "must be the least and the greatest"));
        }
        let motor = self.motor.as_ref().map(|m| m.ready(&sub("motor"), scope)).transpose()?;
        Ok(Linked {
            name: name.to_owned(),
            kind: self.kind,
            between,
            at: vector(&sub("at"), &self.at, places, scope)?,
            to: vector(&sub("to"), &self.to, places, scope)?,
            axis,
            limits: self.limits,
            touch: self.touch,
            motor,
        })
    }
}

impl Motor {
    fn ready(&self, key: &str, scope: &mut Scope) -> Result<Pulling> {
        let sub = |part: &str| format!("{key}.{part}");
        if self.position.is_none() && self.speed.is_none() {
            return Err(setting(key, "must have a `position` or a `speed`"));
        }
        let strength = |part: &str, x: Option<f64>, else_: f64| match x {
            Some(x) if x < 0.0 || x.is_nan() => Err(setting(&sub(part), "must be 0 or more")),
            other => Ok(other.unwrap_or(else_)),
        };
        let stiffness = strength("stiffness", self.stiffness, 100.0)?;
        let damping = strength("damping", self.damping, 20.0)?;
        let force = strength("force", self.force, f64::INFINITY)?;
        let position = self.position.as_ref().map(|p| Draw::new(p, &sub("position"), scope)).transpose()?;
        let speed = Draw::new(self.speed.as_ref().unwrap_or(&Number::Fixed(0.0)), &sub("speed"), scope)?;
        Ok(Pulling { position, speed, stiffness, damping, force })
    }
}

/// Numbers of a vector, zeros where there are none.
fn numbers(draws: &[Draw], frame: &[Value], cell: &mut Cell) -> Result<[f64; 3]> {
    let mut all = [0.0; 3];
    for (x, draw) in all.iter_mut().zip(draws) {
        *x = draw.number(frame, cell)?;
    }
    Ok(all)
}

impl Made {
    fn placed(&self, frame: &[Value], cell: &mut Cell) -> Result<Placed> {
        let sizes = self.shape.iter().map(|s| s.number(frame, cell)).collect::<Result<Vec<_>>>()?;
        if sizes.iter().any(|s| !(*s > 0.0 && s.is_finite())) {
            return Err(setting(&format!("{}.shape", self.key), &format!("came to {sizes:?}; sizes must be above 0")));
        }
        let positive =
            |part: &str, draw: &Draw, cell: &mut Cell| draw.length(&format!("{}.{part}", self.key), frame, cell);
        let mass = self.mass.as_ref().map(|m| positive("mass", m, cell)).transpose()?;
        let density = positive("density", &self.density, cell)?;
        let friction = positive("friction", &self.friction, cell)?;
        let bounce = positive("bounce", &self.bounce, cell)?;
        let drag = positive("drag", &self.drag, cell)?;
        let at = numbers(&self.at, frame, cell)?;
        let velocity = numbers(&self.velocity, frame, cell)?;
        if at.iter().chain(&velocity).chain(&sizes).any(|x| x.is_nan() || x.abs() > FAR) {
            let what = format!("is at {at:?} with the velocity {velocity:?}; no number of a body may be beyond {FAR}");
            return Err(setting(&self.key, &what));
        }
        Ok(Placed {
            kind: self.kind,
            solid: (self.form)(&sizes),
            at,
            turn: numbers(&self.turn, frame, cell)?,
            velocity,
            spin: numbers(&self.spin, frame, cell)?,
            mass,
            density,
            friction,
            bounce,
            drag,
        })
    }
}

impl Ready {
    /// The world at the start.
    fn world(&self, dt: f64, cell: &Cell, frame: &mut [Value]) -> Result<Box<dyn Physics>> {
        let gravity = numbers(&self.gravity, frame, &mut cell.part(1))?;
        let mut world: Box<dyn Physics> =
            if self.space { Box::new(space::World::new(gravity, dt)) } else { Box::new(flat::World::new(gravity, dt)) };
        for (k, body) in self.bodies.iter().enumerate() {
            frame[1] = Value::Number(f64::from(body.number));
            world.add(&body.placed(frame, &mut cell.part(16 + 2 * k as u64))?);
        }
        for (k, joint) in self.joints.iter().enumerate() {
            let mut cell = cell.part(17 + 2 * k as u64);
            world.join(&Joined {
                kind: joint.kind,
                between: joint.between,
                at: numbers(&joint.at, frame, &mut cell)?,
                to: numbers(&joint.to, frame, &mut cell)?,
                axis: joint.axis,
                limits: joint.limits,
                touch: joint.touch,
            });
        }
        Ok(world)
    }

    /// What motors want that is drawn once a run.
    fn wants(&self, frame: &[Value], cell: &mut Cell) -> Result<Vec<(Option<f64>, f64)>> {
        let mut all = Vec::new();
        for joint in &self.joints {
            let mut once = |draw: &Draw| match draw {
                // Computed at each row.
                Draw::Said(_) => Ok(f64::NAN),
                drawn => drawn.number(frame, cell),
            };
            all.push(match &joint.motor {
                None => (None, 0.0),
                Some(motor) => (motor.position.as_ref().map(&mut once).transpose()?, once(&motor.speed)?),
            });
        }
        Ok(all)
    }

    fn drive(&self, world: &mut dyn Physics, wants: &[(Option<f64>, f64)], frame: &[Value]) -> Result<()> {
        for (k, (joint, want)) in self.joints.iter().zip(wants).enumerate() {
            let Some(motor) = &joint.motor else { continue };
            let now =
                |draw: &Draw, drawn: f64| if let Draw::Said(said) = draw { said.number(frame) } else { Ok(drawn) };
            let position = motor.position.as_ref().map(|p| now(p, want.0.unwrap_or(0.0))).transpose()?;
            let speed = now(&motor.speed, want.1)?;
            if !position.unwrap_or(0.0).is_finite() || !speed.is_finite() {
                return Err(made(&format!("joints.{}.motor", joint.name), "came to no finite number".to_owned()));
            }
            let stiffness = if position.is_some() { motor.stiffness } else { 0.0 };
            let drive = Drive {
                position: position.unwrap_or(0.0),
                speed,
                stiffness,
                damping: motor.damping,
                force: motor.force,
            };
            world.drive(k, &drive);
        }
        Ok(())
    }

    fn write(&self, world: &dyn Physics, t: f64, base: Option<i64>, rows: &mut Rows) -> Result<()> {
        for (k, body) in self.bodies.iter().enumerate() {
            if body.kind == Kind::Fixed {
                continue;
            }
            let state = world.state(k);
            let numbers: Vec<f64> = if self.space {
                [&state.at[..], &state.turn, &state.velocity, &state.spin].concat()
            } else {
                vec![state.at[0], state.at[1], state.turn[0], state.velocity[0], state.velocity[1], state.spin[2]]
            };
            if numbers.iter().any(|x| !x.is_finite()) {
                let what = format!("flew apart at time {t}; make `step` shorter, or motors weaker");
                return Err(made(&format!("bodies.{}", body.name), what));
            }
            self.clock.push(rows, 0, base, Some(t));
            rows.text(1, Some(&body.name));
            numbers.iter().enumerate().for_each(|(k, x)| rows.number(2 + k, Some(*x)));
            let touches = world.touches(k);
            let at = 2 + numbers.len();
            rows.yes(at, Some(!touches.is_empty()));
            let names: Vec<&str> = touches.iter().map(|b| self.bodies[*b].name.as_str()).collect();
            rows.text(at + 1, (!names.is_empty()).then(|| names.join("+")).as_deref());
            rows.end();
        }
        Ok(())
    }
}

impl Run for Ready {
    fn run(&self, cell: &Cell, inputs: &[Value], rows: &mut Rows) -> Result<()> {
        let mut frame = Scope::frame(2, inputs);
        (frame[0], frame[1]) = (Value::Number(0.0), Value::Number(0.0));
        let base = self.clock.base(&frame)?;
        let mut own = cell.part(0);
        let until = self.until.number(&frame, &mut own)?;
        let every = self.every.number(&frame, &mut own)?;
        if !(every > 0.0 && until / every < TICKS) {
            let what =
                format!("came to {every} for a time of {until}; it must be above 0, and make less than {TICKS} rows");
            return Err(setting("every", &what));
        }
        let steps = (every / self.step - 1e-9).ceil().max(1.0);
        let mut world = self.world(every / steps, cell, &mut frame)?;
        let wants = self.wants(&frame, &mut cell.part(2))?;
        for k in 0..=(until / every + 1e-9).floor().max(0.0) as u64 {
            let t = k as f64 * every;
            if k > 0 {
                for _ in 0..steps as u64 {
                    world.step();
                }
            }
            self.write(&*world, t, base, rows)?;
            frame[0] = Value::Number(t);
            self.drive(&mut *world, &wants, &frame)?;
        }
        Ok(())
    }
}
