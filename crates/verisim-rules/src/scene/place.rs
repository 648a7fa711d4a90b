//! Where things go, and what each of them is.

use super::classes::Classes;
use super::compound::{Face, Paint, Shape, build};
use super::number::{Number, colour};
use super::settings::{Group, Material, Size, Texture};
use super::stage::{Body, Draw, Floor, Motion, draw_triple, places};
use super::vector::{Pose, Turn, Vec3, vec3};
use crate::cell::Cell;
use crate::error::{Error, Result};

/// A rectangle on the ground: centre, direction of its length, half length and half width.
#[derive(Clone, Copy)]
struct Outline {
    x: f64,
    y: f64,
    cos: f64,
    sin: f64,
    half: [f64; 2],
}

impl Outline {
    /// Whether two rectangles have more than `gap` between them, along an axis of one of them (Gottschalk 1996).
    fn apart(&self, other: &Outline, gap: f64) -> bool {
        let (dx, dy) = (other.x - self.x, other.y - self.y);
        let axes = [(self.cos, self.sin), (-self.sin, self.cos), (other.cos, other.sin), (-other.sin, other.cos)];
        axes.into_iter().any(|(ax, ay)| {
            let reach =
                |o: &Outline| o.half[0] * (ax * o.cos + ay * o.sin).abs() + o.half[1] * (ay * o.cos - ax * o.sin).abs();
            (dx * ax + dy * ay).abs() > reach(self) + reach(other) + gap
        })
    }
}

/// Things are placed one after the other.
pub struct Placed<'a> {
    classes: &'a Classes,
    ground: &'a Floor,
    /// Things, so far.
    pub bodies: Vec<Body>,
    /// Things with labels, so far.
    labelled: u16,
    outlines: Vec<Outline>,
    /// Things without a place, so far.
    pub left_out: usize,
}

impl<'a> Placed<'a> {
    /// None so far.
    pub fn new(classes: &'a Classes, ground: &'a Floor) -> Placed<'a> {
        Placed { classes, ground, bodies: Vec::new(), labelled: 0, outlines: Vec::new(), left_out: 0 }
    }

    /// Places the things of a group.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are more than an instance mask can number.
    pub fn group(&mut self, group: &Group, index: usize, draw: &Draw) -> Result<()> {
        let name = group.name.clone().unwrap_or_else(|| index.to_string());
        let cell = |key: &str| draw.cell(&format!("objects.{name}.{key}"));
        let places = match &group.repeat {
            Some(repeat) => places(repeat, &cell("repeat")),
            None => (0..group.count.count(&mut cell("count")) as u64).map(|n| (n, Vec3::default())).collect(),
        };
        for (n, shift) in places {
            let part = |key: &str| cell(key).part(n);
            let number = |value: &Number, key: &str| value.draw(&mut part(key));
            let shape = group.shape.draw(&mut part("shape")).copied().unwrap_or(Shape::Box);
            let size = size(group.size.as_ref(), shape, &part("size"));
            let yaw = number(&group.yaw, "yaw");
            let (pitch, roll) = (number(&group.pitch, "pitch"), number(&group.roll, "roll"));
            let mut turn = Turn::of(yaw, pitch, roll);
            let points: Vec<Vec3> = group.path.iter().map(|&[x, y, z]| vec3(x, y, z)).collect();
            if let [first, second, ..] = points[..] {
                turn = heading(second - first, turn);
            }
            let Some(at) = self.place(group, size, turn, shift, &part("position")) else {
                self.left_out += 1;
                continue;
            };
            let colour_name = group.colour.draw(&mut part("colour")).cloned().unwrap_or_default();
            let second = group.second.draw(&mut part("second")).cloned().unwrap_or_default();
            let key = |name: &str| format!("objects[{index}].{name}");
            let face = match (&group.face, shape) {
                (Some(faces), _) => faces.draw(&mut part("face")).copied(),
                (None, Shape::Sign) => Some(Face::SIGNS[part("face").below(Face::SIGNS.len() as u64) as usize]),
                (None, Shape::Signal) => Some(Face::Changing),
                (None, _) => None,
            };
            let material = group.material.draw(&mut part("material")).copied().unwrap_or(Material::Plastic);
            let paint = Paint {
                colour: colour(&colour_name, &key("colour"))?,
                second: colour(&second, &key("second"))?,
                material,
                texture: group.texture.draw(&mut part("texture")).copied().unwrap_or(Texture::Plain),
                scale: number(&group.scale, "scale").max(1e-3),
                face: face.unwrap_or(Face::Stop),
            };
            let forward = turn.matrix().apply(vec3(1.0, 0.0, 0.0));
            let speed = number(&group.speed, "speed");
            let velocity = draw_triple(&group.velocity, &part("velocity")) + forward * speed;
            let spin = draw_triple(&group.spin, &part("spin"));
            let phase = part("phase").uniform() * std::f64::consts::TAU;
            let motion = if group.physics {
                Motion::Physics {
                    velocity,
                    spin: spin * 1f64.to_radians(),
                    density: number(&group.density, "density").max(1e-3),
                    friction: number(&group.friction, "friction").max(0.0),
                    bounce: number(&group.bounce, "bounce").clamp(0.0, 1.0),
                }
            } else if points.is_empty() {
                Motion::Even { velocity, spin: spin.z, phase }
            } else {
                let first = points[0];
                Motion::Path { points: points.into_iter().map(|p| p - first).collect(), speed, phase }
            };
            let distractor = group.distractor;
            if !distractor && self.labelled == u16::MAX {
                let what = "has more than 65535 things with labels in one scene; an instance mask has 16 bits";
                return Err(Error::Setting { key: "objects".into(), what: what.into() });
            }
            if !distractor {
                self.labelled += 1;
            }
            self.bodies.push(Body {
                group: index,
                shape,
                class: if distractor { 0 } else { self.classes.of_thing(group.class.as_deref(), shape) },
                instance: if distractor { 0 } else { self.labelled },
                size,
                build: build(shape, size, &paint, &mut part("build")),
                start: Pose { at, turn },
                motion,
                face,
                // Signals of a group go round together.
                ahead: cell("ahead").uniform() * 14.0,
                colour: colour_name,
                material,
                seed: part("pattern").bits(),
            });
        }
        Ok(())
    }

    /// Where the middle of a thing goes, so that its lowest point is where its position says; nothing if there is no room.
    fn place(&mut self, group: &Group, size: Vec3, turn: Turn, shift: Vec3, cell: &Cell) -> Option<Vec3> {
        let m = turn.matrix();
        let half = size * 0.5;
        let lowest = m.0[2].abs().dot(half);
        let start = group.path.first().map_or(Vec3::default(), |&[x, y, z]| vec3(x, y, z));
        for attempt in 0..100 {
            let at = draw_triple(&group.position, &cell.part(attempt)) + shift + start;
            let ground = self.ground.hills.at(at.x, at.y).0;
            let centre = vec3(at.x, at.y, at.z + ground + lowest);
            let Some(gap) = group.apart else { return Some(centre) };
            // The rectangle about the thing, seen from above, along its own forward axis.
            let forward = vec3(m.0[0].x, m.0[1].x, 0.0);
            let forward = if forward.length() > 1e-6 { forward.unit() } else { vec3(1.0, 0.0, 0.0) };
            let left = vec3(-forward.y, forward.x, 0.0);
            let reach = |axis: Vec3| m.undo(axis).abs().dot(half);
            let outline =
                Outline { x: at.x, y: at.y, cos: forward.x, sin: forward.y, half: [reach(forward), reach(left)] };
            if self.outlines.iter().all(|o| o.apart(&outline, gap)) {
                self.outlines.push(outline);
                return Some(centre);
            }
        }
        None
    }
}

/// The turn of something that moves along `way`; as it was if it does not move in the plane.
pub fn heading(way: Vec3, before: Turn) -> Turn {
    if way.x.hypot(way.y) < 1e-9 { before } else { Turn::of(way.y.atan2(way.x).to_degrees(), 0.0, 0.0) }
}

fn size(size: Option<&Size>, shape: Shape, cell: &Cell) -> Vec3 {
    let least = Vec3::all(1e-3);
    match size {
        None => shape.usual(),
        Some(Size::Sides(sides)) => draw_triple(sides, cell).greatest(least),
        Some(Size::Height(height)) => {
            let usual = shape.usual();
            (usual * (height.draw(&mut cell.clone()) / usual.z)).greatest(least)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(x: f64, y: f64, degrees: f64) -> Outline {
        let (sin, cos) = f64::to_radians(degrees).sin_cos();
        Outline { x, y, cos, sin, half: [2.0, 1.0] }
    }

    #[test]
    fn rectangles_are_apart_as_drawn_on_paper() {
        let a = outline(0.0, 0.0, 0.0);
        assert!(a.apart(&outline(4.1, 0.0, 0.0), 0.05));
        assert!(!a.apart(&outline(4.1, 0.0, 0.0), 0.2));
        assert!(a.apart(&outline(0.0, 2.1, 0.0), 0.0));
        assert!(!a.apart(&outline(0.0, 2.1, 90.0), 0.0));
        assert!(a.apart(&outline(0.0, 3.1, 90.0), 0.0));
        assert!(!a.apart(&outline(3.0, 2.0, 45.0), 0.0));
    }
}
