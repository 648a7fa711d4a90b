//! One scene, drawn: every number of the settings has its value. It is a function of (seed, number of the scene) alone, and each value
//! has a cell of its own, so that a group that is added at the end changes nothing of those before.

use super::classes::Classes;
use super::compound::{Build, Face, Shape};
use super::eye::Lens;
use super::number::{Number, OneOf, Triple, colour};
use super::place::Placed;
use super::settings::{Camera, Material, Repeat, Road, Scene, Texture};
use super::texture::Hills;
use super::vector::{Pose, Vec3, vec3};
use crate::cell::{Cell, ColumnKey};
use crate::error::{Error, Result};

/// A scene whose every number is drawn.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Classes and their numbers.
    pub classes: Classes,
    /// The names of the key points of each class, by its number.
    pub slots: Vec<Vec<&'static str>>,
    /// Things, those of a group together, in the order of the file.
    pub bodies: Vec<Body>,
    /// Things that found no place.
    pub left_out: usize,
    /// The lens.
    pub lens: Lens,
    /// How the camera moves.
    pub track: Track,
    /// What light is multiplied by.
    pub exposure: f64,
    /// Standard deviation of the sensor's noise.
    pub noise: f64,
    /// Light from afar.
    pub light: Light,
    /// Extinction a metre, rain and fog together.
    pub fog: f64,
    /// Millimetres an hour.
    pub rain: f64,
    /// The ground.
    pub ground: Floor,
    /// Lamps that burn.
    pub lamps: Vec<Lantern>,
    /// What the noises of this scene are mixed from.
    pub seed: u64,
}

/// Sun and sky.
#[derive(Clone, Copy, Debug)]
pub struct Light {
    /// Towards the sun.
    pub to_sun: Vec3,
    /// Colour times strength; black when there is none.
    pub sun: Vec3,
    /// The sky overhead.
    pub zenith: Vec3,
    /// The sky at the horizon.
    pub horizon: Vec3,
    /// How bright the light from everywhere is.
    pub ambient: f64,
    /// How much of the sky is clouded.
    pub clouds: f64,
    /// 0 is day, 1 is night.
    pub night: f64,
}

/// The ground of one scene.
#[derive(Clone, Debug)]
pub struct Floor {
    /// Its form.
    pub hills: Hills,
    /// What lies on it.
    pub texture: Texture,
    /// Its colour.
    pub colour: Vec3,
    /// The second colour.
    pub second: Vec3,
    /// Size of the texture's parts.
    pub scale: f64,
    /// How strong its highlight is.
    pub shine: f64,
    /// The road.
    pub road: Road,
}

/// A lamp of one scene.
#[derive(Clone, Copy, Debug)]
pub struct Lantern {
    /// Where, in the world or from the camera.
    pub at: Vec3,
    /// Colour times strength.
    pub light: Vec3,
    /// Where it has faded.
    pub reach: f64,
    /// Cosine of half the angle of its cone; below -1 everywhere.
    pub cone: f64,
    /// Which way it points.
    pub aim: Vec3,
    /// Whether it moves with the camera.
    pub carried: bool,
}

/// How the camera moves.
#[derive(Clone, Debug)]
pub struct Track {
    /// Where it is at first.
    pub at: Vec3,
    /// Where it looks at first.
    pub look_at: Vec3,
    /// Turned about its axis.
    pub roll: f64,
    /// Metres a second.
    pub velocity: Vec3,
    /// Degrees a second about the vertical through what it looks at.
    pub orbit: f64,
    /// Points that it moves through.
    pub path: Vec<Vec3>,
    /// The body that it moves with.
    pub with: Option<usize>,
}

/// One thing of a scene.
#[derive(Clone, Debug)]
pub struct Body {
    /// Its group in the file.
    pub group: usize,
    /// What it looks like.
    pub shape: Shape,
    /// The number of its class; 0 is a distractor.
    pub class: u8,
    /// Its number in the masks; 0 is a distractor.
    pub instance: u16,
    /// Length, width, height.
    pub size: Vec3,
    /// What it is made of.
    pub build: Build,
    /// Where it starts.
    pub start: Pose,
    /// How it moves.
    pub motion: Motion,
    /// What it shows.
    pub face: Option<Face>,
    /// Seconds by which a signal is ahead.
    pub ahead: f64,
    /// The colour as the file says it.
    pub colour: String,
    /// Its surface.
    pub material: Material,
    /// What its patterns are mixed from.
    pub seed: u64,
}

/// How a thing moves.
#[derive(Clone, Debug, PartialEq)]
pub enum Motion {
    /// Even: metres a second in the world, degrees a second about z, and the phase of its walk at the start, in radians.
    Even {
        /// Metres a second.
        velocity: Vec3,
        /// Degrees a second.
        spin: f64,
        /// Radians.
        phase: f64,
    },
    /// Along points, metres a second.
    Path {
        /// The points.
        points: Vec<Vec3>,
        /// Metres a second.
        speed: f64,
        /// Radians.
        phase: f64,
    },
    /// By the laws of mechanics.
    Physics {
        /// Metres a second at the start.
        velocity: Vec3,
        /// Radians a second at the start.
        spin: Vec3,
        /// Kilograms a cubic metre.
        density: f64,
        /// Friction.
        friction: f64,
        /// Share of speed that is kept in a bounce.
        bounce: f64,
    },
}

/// Draws the values of one scene.
pub struct Draw {
    seed: u64,
    scene: u64,
}

impl Draw {
    /// The cell of a key.
    pub fn cell(&self, key: &str) -> Cell {
        Cell::new(ColumnKey::new(self.seed, "scene", key), self.scene)
    }

    fn number(&self, number: &Number, key: &str) -> f64 {
        number.draw(&mut self.cell(key))
    }

    fn triple(&self, t: &Triple, key: &str) -> Vec3 {
        draw_triple(t, &self.cell(key))
    }

    fn colour(&self, list: &OneOf<String>, key: &str) -> Result<Vec3> {
        colour(list.draw(&mut self.cell(key)).map_or("", String::as_str), key)
    }
}

/// Three numbers of one cell, each from a part of its own.
pub fn draw_triple(t: &Triple, cell: &Cell) -> Vec3 {
    let part = |i: usize| t[i].draw(&mut cell.part(i as u64));
    vec3(part(0), part(1), part(2))
}

impl Stage {
    /// Draws a scene.
    ///
    /// # Errors
    /// [`Error::Setting`] if a setting makes no sense, or what was drawn makes none together: a lens that folds the picture, a camera
    /// that looks at itself, more than 65,535 things with labels.
    pub fn new(scene: &Scene, seed: u64, number: u64) -> Result<Stage> {
        scene.check()?;
        let draw = Draw { seed, scene: number };
        let classes = Classes::of(scene);
        let mixed = draw.cell("noise").bits();
        let ground = Floor {
            hills: Hills {
                height: draw.number(&scene.ground.hills, "ground.hills"),
                size: draw.number(&scene.ground.hill_size, "ground.hill_size"),
                seed: mixed,
            },
            texture: scene.ground.texture.draw(&mut draw.cell("ground.texture")).copied().unwrap_or(Texture::Plain),
            colour: draw.colour(&scene.ground.colour, "ground.colour")?,
            second: draw.colour(&scene.ground.second, "ground.second")?,
            scale: draw.number(&scene.ground.scale, "ground.scale"),
            shine: draw.number(&scene.ground.shine, "ground.shine"),
            road: scene.ground.road.clone(),
        };
        let mut placed = Placed::new(&classes, &ground);
        for (i, group) in scene.objects.iter().enumerate() {
            placed.group(group, i, &draw)?;
        }
        let Placed { bodies, left_out, .. } = placed;
        let night = draw.number(&scene.weather.night, "weather.night");
        let rain = draw.number(&scene.weather.rain, "weather.rain");
        Ok(Stage {
            light: light(scene, &draw, night)?,
            lens: lens(scene, &draw, number)?,
            track: track(&scene.camera, scene, &draw, &bodies),
            exposure: draw.number(&scene.camera.exposure, "camera.exposure"),
            noise: draw.number(&scene.camera.noise, "camera.noise"),
            // Rain dims as 0.0008 a metre at 10 mm an hour (Atlas 1953: extinction goes with the 0.63rd power of the rate).
            fog: draw.number(&scene.weather.fog, "weather.fog") + 0.0008 * (rain / 10.0).powf(0.63),
            rain,
            lamps: lamps(scene, &draw, night)?,
            slots: classes.names.iter().map(|name| points_of(scene, name).0).collect(),
            classes,
            bodies,
            left_out,
            ground,
            seed: mixed,
        })
    }
}

/// The key points of a class and the lines between them, from 0. A class of several shapes has those of all, each name once.
pub fn points_of(scene: &Scene, class: &str) -> (Vec<&'static str>, Vec<[usize; 2]>) {
    let (mut names, mut lines): (Vec<&'static str>, Vec<[usize; 2]>) = (Vec::new(), Vec::new());
    for group in scene.objects.iter().filter(|g| !g.distractor) {
        for shape in group.shape.all().iter().filter(|s| group.class.as_deref().unwrap_or(s.name()) == class) {
            let (own, between) = shape.points();
            let mut slot = |name: &&'static str| {
                names.iter().position(|n| n == name).unwrap_or_else(|| {
                    names.push(name);
                    names.len() - 1
                })
            };
            let at: Vec<usize> = own.iter().map(&mut slot).collect();
            for &[a, b] in between {
                if !lines.contains(&[at[a], at[b]]) {
                    lines.push([at[a], at[b]]);
                }
            }
        }
    }
    (names, lines)
}

fn lens(scene: &Scene, draw: &Draw, number: u64) -> Result<Lens> {
    let fov = draw.number(&scene.camera.fov, "camera.fov").clamp(1.0, 170.0);
    let (k1, k2) = (draw.number(&scene.camera.k1, "camera.k1"), draw.number(&scene.camera.k2, "camera.k2"));
    Lens::new([scene.width, scene.height], fov, k1, k2).ok_or_else(|| {
        let what = format!(
            "of {k1:.3} with k2 {k2:.3} and fov {fov:.1} folds the picture over in scene {number}: two directions would fall on one \
             pixel; bring k1 and k2 nearer to 0, or narrow the fov"
        );
        Error::Setting { key: "camera.k1".into(), what }
    })
}

fn light(scene: &Scene, draw: &Draw, night: f64) -> Result<Light> {
    let elevation = draw.number(&scene.sun.elevation, "sun.elevation");
    let (sin, cos) = elevation.to_radians().sin_cos();
    let (y, x) = draw.number(&scene.sun.azimuth, "sun.azimuth").to_radians().sin_cos();
    let day = 1.0 - night;
    // Near the horizon the sun is weaker and redder; below it there is none.
    let low = (1.0 - elevation / 25.0).clamp(0.0, 1.0);
    let risen = (elevation / 4.0).clamp(0.0, 1.0);
    let warm = Vec3::all(1.0).mix(vec3(1.0, 0.62, 0.35), low * 0.7);
    let strength = draw.number(&scene.sun.strength, "sun.strength").max(0.0) * day * day * risen;
    // The sky of a moonless town: a thousandth would be true, and black; a camera opens up.
    let dark = day * day + 0.012 * night;
    let tint = Vec3::all(1.0).mix(vec3(0.5, 0.6, 1.0), night * 0.8);
    let zenith = draw.colour(&scene.sky.zenith, "sky.zenith")?.times(tint) * dark;
    let horizon = draw.colour(&scene.sky.horizon, "sky.horizon")?.times(tint) * (dark + 0.006 * night);
    Ok(Light {
        to_sun: vec3(cos * x, cos * y, sin),
        sun: draw.colour(&scene.sun.colour, "sun.colour")?.times(warm) * strength,
        zenith,
        horizon,
        ambient: draw.number(&scene.sky.ambient, "sky.ambient").max(0.0),
        clouds: draw.number(&scene.sky.clouds, "sky.clouds"),
        night,
    })
}

fn track(camera: &Camera, scene: &Scene, draw: &Draw, bodies: &[Body]) -> Track {
    let group = camera.with.as_ref().and_then(|name| scene.objects.iter().position(|g| g.name.as_ref() == Some(name)));
    Track {
        at: draw.triple(&camera.position, "camera.position"),
        look_at: draw.triple(&camera.look_at, "camera.look_at"),
        roll: draw.number(&camera.roll, "camera.roll"),
        velocity: draw.triple(&camera.velocity, "camera.velocity"),
        orbit: draw.number(&camera.orbit, "camera.orbit"),
        path: camera.path.iter().map(|&[x, y, z]| vec3(x, y, z)).collect(),
        with: group.and_then(|g| bodies.iter().position(|b| b.group == g)),
    }
}

fn lamps(scene: &Scene, draw: &Draw, night: f64) -> Result<Vec<Lantern>> {
    let mut made = Vec::new();
    for (i, lamp) in scene.lamps.iter().enumerate() {
        if night < 0.3 && !lamp.always {
            continue;
        }
        let key = |name: &str| format!("lamps.{i}.{name}");
        let aim = draw.triple(&lamp.aim, &key("aim"));
        let cone = draw.number(&lamp.cone, &key("cone"));
        let first = Lantern {
            at: draw.triple(&lamp.position, &key("position")),
            light: draw.colour(&lamp.colour, &key("colour"))? * draw.number(&lamp.strength, &key("strength")).max(0.0),
            reach: draw.number(&lamp.reach, &key("reach")).max(0.01),
            cone: if cone >= 360.0 { -2.0 } else { (cone * 0.5).to_radians().cos() },
            aim: if aim.length() > 0.0 { aim.unit() } else { vec3(0.0, 0.0, -1.0) },
            carried: lamp.carried,
        };
        match &lamp.repeat {
            None => made.push(first),
            Some(repeat) => {
                let places = places(repeat, &draw.cell(&key("repeat")));
                made.extend(places.into_iter().map(|(_, shift)| Lantern { at: first.at + shift, ..first }));
            }
        }
    }
    Ok(made)
}

/// The filled places of a grid: their numbers, and how far they are from the first.
pub fn places(repeat: &Repeat, cell: &Cell) -> Vec<(u64, Vec3)> {
    let filled = repeat.filled.draw(&mut cell.part(u64::MAX));
    let [nx, ny, nz] = repeat.count;
    (0..nx * ny * nz)
        .filter(|&n| cell.part(n as u64).uniform() < filled)
        .map(|n| {
            let at = [n % nx, n / nx % ny, n / nx / ny];
            let along = |i: usize| at[i] as f64 * repeat.step[i];
            (n as u64, vec3(along(0), along(1), along(2)))
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_group_added_at_the_end_changes_nothing_before() {
        let one = "[[objects]]\ncount = [3, 9]\nposition = [[-3, 3], [-3, 3], 0]\nsize = [0.3, 0.9]\napart = 0.1";
        let scene = |text: &str| toml::from_str::<Scene>(text).unwrap();
        let first = Stage::new(&scene(one), 4, 2).unwrap();
        let second = Stage::new(&scene(&format!("{one}\n[[objects]]\nshape = \"car\"\ncount = 3")), 4, 2).unwrap();
        assert_eq!(second.bodies.len(), first.bodies.len() + 3);
        for (a, b) in first.bodies.iter().zip(&second.bodies) {
            assert_eq!((a.start, a.size, a.instance), (b.start, b.size, b.instance));
        }
        let other = Stage::new(&scene(one), 4, 3).unwrap();
        assert_ne!(first.bodies[0].start, other.bodies[0].start);
    }

    #[test]
    fn things_stand_on_the_ground_and_those_without_a_place_are_counted() {
        let text = "[ground]\nhills = 4\nhill_size = 15\n[[objects]]\ncount = 40\nposition = [[-3, 3], [-3, 3], 0]\napart = 0\n\
                    yaw = [0, 360]\nroll = 30";
        let stage = Stage::new(&toml::from_str(text).unwrap(), 1, 0).unwrap();
        assert_eq!(stage.bodies.len() + stage.left_out, 40);
        assert!(stage.left_out > 0);
        for body in &stage.bodies {
            let m = body.start.turn.matrix();
            let lowest = body.start.at.z - m.0[2].abs().dot(body.size) * 0.5;
            assert!((lowest - stage.ground.hills.at(body.start.at.x, body.start.at.y).0).abs() < 1e-9);
        }
    }
}
