//! What a file says of bodies, joints and motors.

use serde::Deserialize;

use super::super::clock::{Moment, Span};
use super::super::machine::second;
use super::super::named::Named;
use super::super::number::Number;

/// A world of rigid bodies. Units are metres, kilograms and one unit of time for a second.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bodies {
    /// When a run starts: a date or time, or an expression over the parent row. Without it times are plain numbers.
    #[serde(default)]
    pub start: Option<Moment>,
    /// One unit of time \[1s\].
    #[serde(default = "second")]
    pub unit: Span,
    /// The end.
    pub until: Number,
    /// The time between two rows of a body.
    pub every: Number,
    /// The physics make steps of this length or a little less \[0.001\]. Shorter steps are truer and cost more.
    #[serde(default = "step")]
    pub step: f64,
    /// 2 for a plane, x to the right and y up; 3 for space, y up \[2\].
    #[serde(default = "two")]
    pub dimensions: u8,
    /// Acceleration of all, one number for each dimension \[9.81 down\].
    #[serde(default)]
    pub gravity: Option<Vec<Number>>,
    /// The bodies.
    pub bodies: Named<Body>,
    /// Joints between two bodies.
    #[serde(default)]
    pub joints: Named<Joint>,
}

fn step() -> f64 {
    0.001
}

fn two() -> u8 {
    2
}

/// A body. Numbers are made once a run; expressions may name the `number` of a body among those of its name, from 0.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// How it moves \[free\].
    #[serde(default)]
    pub kind: Kind,
    /// Its shape.
    pub shape: Shape,
    /// So many of them \[1\]; from 2 on, their names end in a number.
    #[serde(default = "one")]
    pub count: u32,
    /// Where its middle is at the start.
    pub at: Vec<Number>,
    /// How it is turned at the start: an angle in radians, in space an axis as long as the angle.
    #[serde(default)]
    pub turn: Vec<Number>,
    /// How fast it moves at the start.
    #[serde(default)]
    pub velocity: Vec<Number>,
    /// How fast it turns at the start, in radians a unit of time: a number, in space three.
    #[serde(default)]
    pub spin: Vec<Number>,
    /// Its mass. Without it: by its density.
    #[serde(default)]
    pub mass: Option<Number>,
    /// Mass by area, or by volume in space \[1\].
    #[serde(default)]
    pub density: Option<Number>,
    /// How rough it is \[0.5\]; where two touch, the mean counts.
    #[serde(default)]
    pub friction: Option<Number>,
    /// How much of its speed it keeps when it bounces \[0\]; where two touch, the mean counts.
    #[serde(default)]
    pub bounce: Option<Number>,
    /// Which share of its speed the air takes in a unit of time \[0\].
    #[serde(default)]
    pub drag: Option<Number>,
}

fn one() -> u32 {
    1
}

/// How a body moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// By forces.
    #[default]
    Free,
    /// Not at all; it has no rows.
    Fixed,
    /// With its velocity and spin, whatever it meets.
    Driven,
}

/// The shape of a body, in metres.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// Its radius.
    Ball(Number),
    /// Its sides: width and height, in space depth too.
    Box(Vec<Number>),
    /// The distance of the middles of its ends, and their radius; it stands upright.
    Capsule(Number, Number),
    /// Its height and radius, in space alone; it stands upright.
    Cylinder(Number, Number),
    /// All that is below its middle, seen along its turn; it must be fixed.
    Ground {},
}

/// A joint between two bodies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joint {
    /// What it lets free.
    pub kind: JointKind,
    /// The names of the two bodies.
    pub between: [String; 2],
    /// Where it is, from the middle of the first, as that is turned \[its middle\].
    #[serde(default)]
    pub at: Vec<Number>,
    /// Where it is, from the middle of the second, as that is turned \[its middle\].
    #[serde(default)]
    pub to: Vec<Number>,
    /// The axis that it turns around or slides along \[x; of a hinge in space z\].
    #[serde(default)]
    pub axis: Vec<f64>,
    /// The least and greatest angle or distance.
    #[serde(default)]
    pub limits: Option<[f64; 2]>,
    /// What moves it.
    #[serde(default)]
    pub motor: Option<Motor>,
    /// Whether the two can touch \[no\].
    #[serde(default)]
    pub touch: bool,
}

/// What a joint lets free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JointKind {
    /// It turns around an axis.
    Hinge,
    /// It slides along an axis.
    Slide,
    /// It turns any way; in space alone.
    Socket,
    /// Nothing: the two are one.
    Weld,
}

/// What moves a joint: to an angle or distance, or at a speed. Expressions may name `t`, and are computed at each row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Motor {
    /// The angle or distance that it moves to.
    #[serde(default)]
    pub position: Option<Number>,
    /// The speed that it moves at \[0\].
    #[serde(default)]
    pub speed: Option<Number>,
    /// How hard it pulls to the position: acceleration by distance \[100\].
    #[serde(default)]
    pub stiffness: Option<f64>,
    /// How hard it keeps the speed: acceleration by speed \[20\].
    #[serde(default)]
    pub damping: Option<f64>,
    /// Its greatest force or torque \[any\].
    #[serde(default)]
    pub force: Option<f64>,
}
