//! The picture of a frame: rays from the camera, Lambert's law and Blinn's highlight, hard shadows, one mirror, fog, rain, the sensor.

use rand::RngExt;
use rand_distr::StandardNormal;

use super::compound::Pattern;
use super::eye::Eye;
use super::label::Extent;
use super::number::to_srgb;
use super::settings::{Material, Texture};
use super::stage::{Lantern, Stage};
use super::texture::{pattern, road};
use super::vector::{Vec3, vec3};
use super::world::{FAR, Hit, World, colour_at};
use crate::cell::Cell;

/// The scene at one moment, as the camera sees it.
pub struct View<'a> {
    /// The scene.
    pub stage: &'a Stage,
    /// All bodies.
    pub world: World<'a>,
    /// The camera.
    pub eye: Eye,
    /// The number of the frame.
    pub frame: u64,
    lamps: Vec<Lantern>,
}

/// What is in the middle of each pixel.
pub struct Middles {
    /// The direction in which it is seen, and what is there.
    pub pixels: Vec<(Vec3, Option<Hit>)>,
    /// For each body the pixels in which it would be seen if nothing else were there.
    pub full: Vec<Extent>,
}

/// What a ray from the camera found: the class of ground or the piece, for edges.
#[derive(Clone, Copy, PartialEq)]
enum Seen {
    Sky,
    Ground(usize),
    Piece(usize),
}

/// Share of the light that a surface mirrors when one looks straight at it, its highlight's strength, and its sharpness.
fn finish(material: Material) -> (f64, f64, f64) {
    match material {
        Material::Matte => (0.0, 0.0, 1.0),
        Material::Rubber => (0.0, 0.10, 12.0),
        Material::Plastic => (0.0, 0.30, 60.0),
        Material::Paint => (0.05, 0.6, 180.0),
        Material::Metal => (0.5, 1.2, 90.0),
    }
}

impl<'a> View<'a> {
    /// The scene at one moment.
    pub fn new(stage: &'a Stage, world: World<'a>, eye: Eye, frame: u64) -> View<'a> {
        let lamps = stage
            .lamps
            .iter()
            .map(|lamp| {
                if !lamp.carried {
                    return *lamp;
                }
                // Forward, left, up of the camera.
                let place = |v: Vec3| eye.axes.undo(vec3(-v.y, -v.z, v.x));
                Lantern { at: eye.at + place(lamp.at), aim: place(lamp.aim), ..*lamp }
            })
            .collect();
        View { stage, world, eye, frame, lamps }
    }

    /// Ready to be seen: see [`World::seen`].
    pub fn seen(self) -> View<'a> {
        View { world: self.world.seen(), ..self }
    }

    /// Looks through the middle of each pixel.
    pub fn middles(&self) -> Middles {
        let [width, height] = self.eye.lens.size;
        let mut full = vec![Extent::NONE; self.stage.bodies.len()];
        // The last pixel in which a body was met, so that two parts on a ray count once.
        let mut last = vec![usize::MAX; self.stage.bodies.len()];
        let pixels = (0..width * height)
            .map(|pixel| {
                let (x, y) = (pixel % width, pixel / width);
                let ray = self.eye.ray(x as f64 + 0.5, y as f64 + 0.5);
                let hit = self.world.every(self.eye.at, ray, |i| {
                    let body = self.world.pieces[i].body;
                    if last[body] != pixel {
                        last[body] = pixel;
                        full[body].take(x, y);
                    }
                });
                (ray, hit)
            })
            .collect();
        Middles { pixels, full }
    }

    /// The sky in a direction.
    fn sky(&self, along: Vec3) -> Vec3 {
        let light = &self.stage.light;
        let up = along.z.max(0.0);
        let mut colour = light.horizon.mix(light.zenith, up.powf(0.55));
        if along.z > 0.02 && light.clouds > 0.0 {
            let flat = vec3(along.x / (along.z + 0.08), along.y / (along.z + 0.08), 0.0);
            let seed = self.stage.seed;
            let blur = 0.02 / (along.z + 0.02);
            let rough = pattern(Texture::Noise, seed ^ 77, flat, Vec3::default(), 1.1, blur);
            let cover = ((rough - (1.0 - light.clouds * 1.1)) * 2.5).clamp(0.0, 1.0) * (along.z * 6.0).min(1.0);
            let white = light.horizon * 1.05 + light.sun * 0.12;
            colour = colour.mix(white, cover * 0.85);
        }
        let near = along.dot(light.to_sun).max(0.0);
        let disc = if near > 0.99 { near.powi(1500) * 6.0 } else { 0.0 };
        colour + light.sun * (disc + near.powi(40) * 0.12)
    }

    /// Light from everywhere on a surface that looks along `normal`.
    fn ambient(&self, normal: Vec3) -> Vec3 {
        let light = &self.stage.light;
        let above = light.horizon.mix(light.zenith, 0.4);
        // The ground throws back a part.
        let below = above.times(self.stage.ground.colour.mix(Vec3::all(0.3), 0.5)) * 0.7 + light.sun * 0.06;
        below.mix(above, normal.z * 0.5 + 0.5) * light.ambient
    }

    /// The light that a point sends back along a ray.
    fn shade(&self, hit: &Hit, from: Vec3, along: Vec3, spread: f64, mirrors: bool) -> (Vec3, Seen) {
        let stage = self.stage;
        let point = from + along * hit.at;
        let normal = hit.normal;
        // How large a pixel is there, across and along the line of sight.
        let across = spread * hit.at;
        let slant = across / normal.dot(along).abs().max(0.02);
        let (colour, material, glow, seen) = match hit.piece {
            Some(i) => {
                let piece = &self.world.pieces[i];
                let surface = &piece.surface;
                let colour = colour_at(piece, stage, point, normal, slant);
                let mut glow = surface.colour * (surface.glow + surface.night_glow * stage.light.night);
                if surface.pattern == Pattern::Windows && stage.light.night > 0.3 && colour == surface.second {
                    glow = self.window(piece.local(point), surface.scale, stage.bodies[piece.body].seed);
                }
                (colour, finish(surface.material), glow, Seen::Piece(i))
            }
            None => {
                let ground = &stage.ground;
                let (kind, colour) = match ground.texture {
                    Texture::Road => {
                        // The line of sight lengthens a pixel along x when one looks along x.
                        let flat = along.x.hypot(along.y).max(1e-9);
                        let long = |part: f64| across + (slant - across) * (part / flat).abs();
                        road(&ground.road, stage.seed, point.x, point.y, long(along.y), long(along.x))
                    }
                    texture => {
                        let part = pattern(texture, stage.seed, point, normal, ground.scale, slant);
                        (0, ground.colour.mix(ground.second, part.clamp(0.0, 1.0)))
                    }
                };
                (colour, (0.0, ground.shine, 40.0), Vec3::default(), Seen::Ground(kind))
            }
        };
        let (mirror, shine, sharp) = material;
        let wet = if hit.piece.is_none() { (stage.rain / 15.0).min(1.0) } else { 0.0 };
        let colour = colour * (1.0 - 0.4 * wet);
        // Off the surface, so that rounding does not make it shade itself.
        let out = point + normal * (1e-6 + 1e-7 * hit.at);
        let mut diffuse = self.ambient(normal);
        let mut highlight = Vec3::default();
        let mut add = |to_light: Vec3, light: Vec3, far: f64| {
            let facing = normal.dot(to_light);
            if facing <= 0.0 || light.most() < 1e-5 || self.world.blocked(out, to_light, far) {
                return;
            }
            diffuse += light * facing;
            if shine + wet == 0.0 {
                return;
            }
            let half = (to_light - along).unit();
            let sharp = sharp + 60.0 * wet;
            let strength = (shine + 0.3 * wet) * (1.0 + sharp * 0.008);
            highlight += light * (normal.dot(half).max(0.0).powf(sharp) * strength * facing.sqrt());
        };
        add(stage.light.to_sun, stage.light.sun, f64::INFINITY);
        for lamp in &self.lamps {
            let way = lamp.at - point;
            let distance = way.length();
            if distance >= lamp.reach || distance < 1e-9 {
                continue;
            }
            let to_light = way / distance;
            // The edge of a cone is soft by a tenth of its cosine.
            let inside = -to_light.dot(lamp.aim);
            let beam = if lamp.cone < -1.0 {
                1.0
            } else {
                ((inside - lamp.cone) / ((1.0 - lamp.cone) * 0.35)).clamp(0.0, 1.0)
            };
            let fade = 1.0 - (distance / lamp.reach).powi(4);
            add(to_light, lamp.light * (beam * fade * fade / (distance * distance).max(0.01)), distance - 0.05);
        }
        let mut sent = colour.times(diffuse);
        let mirror = if wet > 0.0 { mirror.max(0.03 * wet) } else { mirror };
        if mirrors && mirror > 0.0 {
            // Schlick 1994.
            let grazing = (1.0 + normal.dot(along)).clamp(0.0, 1.0);
            let share = mirror + (1.0 - mirror) * grazing.powi(5) * if wet > 0.0 { 0.35 * wet } else { 0.9 };
            let mut facet = normal;
            if wet > 0.0 && hit.piece.is_none() {
                // Wet asphalt is rough: each grain mirrors another way.
                let mut grain = Cell::from_state(stage.seed)
                    .part((point.x * 200.0) as i64 as u64)
                    .part((point.y * 200.0) as i64 as u64);
                let tilt = |c: &mut Cell| (c.uniform() - 0.5) * 0.16;
                facet = (normal + vec3(tilt(&mut grain), tilt(&mut grain), 0.0)).unit();
            }
            let way = (along - facet * (2.0 * facet.dot(along))).unit();
            let mut image = self.light(out, way, spread, false).0;
            if mirror > 0.2 {
                // Metal tints what it mirrors.
                image = image.times(colour.mix(Vec3::all(1.0), 0.12)) * 1.25;
            }
            sent = sent * (1.0 - share) + image * share;
        }
        (sent + highlight + glow, seen)
    }

    /// Some windows are lit at night.
    fn window(&self, p: Vec3, scale: f64, seed: u64) -> Vec3 {
        let place = (p.x / scale).floor() * 31.0 + (p.y / scale).floor() * 57.0 + (p.z / scale).floor() * 101.0;
        let mut cell = Cell::from_state(seed ^ (place as i64) as u64);
        if cell.uniform() < 0.4 {
            vec3(0.9, 0.6, 0.28) * (0.3 + 0.5 * cell.uniform()) * self.stage.light.night
        } else {
            Vec3::default()
        }
    }

    /// The light that comes along a ray, and what it comes from. `spread` is the angle of a pixel.
    fn light(&self, from: Vec3, along: Vec3, spread: f64, mirrors: bool) -> (Vec3, Seen) {
        self.light_of(self.world.nearest(from, along, 1e-6), from, along, spread, mirrors)
    }

    fn light_of(&self, hit: Option<Hit>, from: Vec3, along: Vec3, spread: f64, mirrors: bool) -> (Vec3, Seen) {
        let Some(hit) = hit else { return (self.haze(self.sky(along), along, None), Seen::Sky) };
        let (light, seen) = self.shade(&hit, from, along, spread, mirrors);
        (self.haze(light, along, Some(hit.at)), seen)
    }

    /// Fog over a distance: Koschmieder's law. The sky is seen through fog as far as fog lies, 100 m high.
    fn haze(&self, light: Vec3, along: Vec3, distance: Option<f64>) -> Vec3 {
        let fog = self.stage.fog;
        // The ground ends at some distance, where it has long been haze.
        let thin = fog.max(1.0 / FAR);
        let far = match distance {
            Some(at) => (-thin * at).exp(),
            None if fog > 0.0 => (-fog * (100.0 / along.z.max(0.01)).min(FAR)).exp(),
            None => return light,
        };
        let mut veil = self.stage.light.horizon + self.stage.light.sun * (0.1 * fog.min(0.05) / 0.05);
        if fog > 0.0 && self.stage.light.night > 0.0 {
            // Lamps light the fog about them a little.
            veil += Vec3::all(0.004 * self.stage.light.night * (fog / 0.05).min(1.0));
        }
        light * far + veil * (1.0 - far)
    }

    /// The picture, three bytes a pixel. `samples` rays a side of a pixel where it holds an edge; what the sensor makes of it last.
    pub fn picture(&self, middles: &Middles, samples: usize) -> Vec<u8> {
        let spread = 1.0 / self.eye.lens.focal;
        let (mut light, seen): (Vec<Vec3>, Vec<Seen>) = middles
            .pixels
            .iter()
            .map(|&(ray, hit)| {
                let (light, seen) = self.light_of(hit, self.eye.at, ray, spread, true);
                (light * self.stage.exposure, seen)
            })
            .unzip();
        if samples > 1 {
            light = self.smooth(&light, &seen, samples);
        }
        self.rain(&mut light);
        self.sense(&light)
    }

    /// Pixels that differ from a neighbour are the mean of more rays.
    fn smooth(&self, light: &[Vec3], seen: &[Seen], samples: usize) -> Vec<Vec3> {
        let [width, height] = self.eye.lens.size;
        let spread = 1.0 / self.eye.lens.focal;
        let tone = |v: Vec3| v.least(Vec3::all(1.0)).greatest(Vec3::default());
        let differ = |a: usize, b: usize| {
            let (p, q) = (tone(light[a]), tone(light[b]));
            // A step of about one twentieth in what an eye sees.
            seen[a] != seen[b] || (p - q).abs().most() > 0.015 + 0.12 * p.most().max(q.most())
        };
        let part = 1.0 / samples as f64;
        (0..width * height)
            .map(|i| {
                let (x, y) = (i % width, i / width);
                let edge = (x > 0 && differ(i, i - 1))
                    || (x + 1 < width && differ(i, i + 1))
                    || (y > 0 && differ(i, i - width))
                    || (y + 1 < height && differ(i, i + width));
                if !edge {
                    return light[i];
                }
                let mut sum = Vec3::default();
                for k in 0..samples * samples {
                    let (dx, dy) = ((k % samples) as f64, (k / samples) as f64);
                    let ray = self.eye.ray(x as f64 + (dx + 0.5) * part, y as f64 + (dy + 0.5) * part);
                    let l = self.light(self.eye.at, ray, spread * part, true).0 * self.stage.exposure;
                    // What shines is cut before it is averaged, or its edge would stay jagged.
                    sum += l.least(Vec3::all(2.0));
                }
                sum * (part * part)
            })
            .collect()
    }

    /// A cell of this frame.
    fn cell(&self, part: u64) -> Cell {
        Cell::from_state(self.stage.seed).part(part).part(self.frame)
    }

    /// Streaks of rain: drops between 1 and 12 m away that fall during the exposure. They are in no label.
    fn rain(&self, light: &mut [Vec3]) {
        let [width, height] = self.eye.lens.size;
        let rain = self.stage.rain;
        if rain <= 0.0 {
            return;
        }
        let mut cell = self.cell(1);
        let streaks = (rain.powf(0.8) * 14.0 * (width * height) as f64 / 65_536.0) as usize;
        let slant = 0.12 * (Cell::from_state(self.stage.seed).part(9).uniform() - 0.5) * 2.0;
        let veil = self.stage.light.horizon.mix(self.stage.light.zenith, 0.3) * (0.9 * self.stage.exposure);
        for _ in 0..streaks.min(200_000) {
            let distance = 1.0 + 11.0 * cell.uniform() * cell.uniform();
            // Drops fall at about 7 m/s; a picture takes 1/60 s. They are 2 mm wide.
            let length = self.eye.lens.focal * 0.12 / distance;
            let strength = (self.eye.lens.focal * 0.002 / distance).clamp(0.04, 0.8) * 0.5;
            let (x, y) = (cell.uniform() * width as f64, cell.uniform() * (height as f64 + length) - length);
            for step in 0..length.ceil() as usize {
                let (u, v) = (x + step as f64 * slant, y + step as f64);
                if u >= 0.0 && v >= 0.0 && (u as usize) < width && (v as usize) < height {
                    let pixel = &mut light[v as usize * width + u as usize];
                    *pixel = pixel.mix(veil * 1.3, strength);
                }
            }
        }
    }

    /// What the sensor makes of light: noise, the curve of sRGB, bytes.
    fn sense(&self, light: &[Vec3]) -> Vec<u8> {
        let noise = self.stage.noise;
        let base = self.cell(2);
        let mut bytes = Vec::with_capacity(light.len() * 3);
        for (i, l) in light.iter().enumerate() {
            let mut cell = base.part(i as u64);
            for c in l.array() {
                let mut value = to_srgb(c.clamp(0.0, 1.0));
                if noise > 0.0 {
                    value += noise * cell.sample::<f64, _>(StandardNormal);
                }
                bytes.push((value * 255.0 + 0.5).clamp(0.0, 255.0) as u8);
            }
        }
        bytes
    }
}
