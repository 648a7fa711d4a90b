//! The exact labels of a frame, from one ray through the middle of each pixel.

use super::course::Place;
use super::render::{Middles, View};
use super::settings::Texture;
use super::stage::Stage;
use super::texture::road;
use super::vector::{Matrix, Turn, Vec3, vec3};

/// The labels of a frame, pixel by pixel from the upper left, and thing by thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    /// Pixels across and down.
    pub size: [usize; 2],
    /// Metres along the optical axis; infinite where there is sky.
    pub depth: Vec<f64>,
    /// Numbers of classes.
    pub class: Vec<u8>,
    /// Numbers of things; 0 is what is none.
    pub instance: Vec<u16>,
    /// Which way the surface looks: right, down, forward; zero where there is sky.
    pub normals: Vec<Vec3>,
    /// How far what is seen moves until the next frame, in pixels right and down; nothing where it goes behind the camera.
    pub flow: Vec<Option<[f64; 2]>>,
    /// What is told of each thing with a label, in the order of their numbers.
    pub things: Vec<Thing>,
}

/// A rectangle of whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The leftmost column.
    pub left: usize,
    /// The uppermost row.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Pixels that are gathered.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    low: [usize; 2],
    high: [usize; 2],
    count: usize,
}

impl Extent {
    /// None.
    pub const NONE: Extent = Extent { low: [usize::MAX; 2], high: [0; 2], count: 0 };

    /// One more.
    pub fn take(&mut self, x: usize, y: usize) {
        self.low = [self.low[0].min(x), self.low[1].min(y)];
        self.high = [self.high[0].max(x), self.high[1].max(y)];
        self.count += 1;
    }

    fn bounds(&self) -> Option<Bounds> {
        (self.count > 0).then(|| Bounds {
            left: self.low[0],
            top: self.low[1],
            width: self.high[0] - self.low[0] + 1,
            height: self.high[1] - self.low[1] + 1,
        })
    }
}

/// What is told of one thing in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    /// Its place among the bodies of the stage.
    pub body: usize,
    /// Its number in the masks.
    pub instance: u16,
    /// The number of its class.
    pub class: u8,
    /// The extent of its mask.
    pub bounds: Option<Bounds>,
    /// Pixels of its mask.
    pub pixels: usize,
    /// The extent that its mask would have if nothing else were there, within the picture.
    pub full: Option<Bounds>,
    /// Pixels that its mask would have.
    pub full_pixels: usize,
    /// Whether that mask touches the edge of the picture, so that the thing may go on beyond.
    pub cut: bool,
    /// Its key points.
    pub points: Vec<Seen>,
    /// Its middle, in the world.
    pub at: Vec3,
    /// How it is turned, in the world.
    pub turn: Turn,
    /// Its middle, from the camera: right, down, forward.
    pub camera_at: Vec3,
    /// How it is turned, as the camera sees it.
    pub camera_turn: Turn,
    /// Length, width, height.
    pub size: Vec3,
    /// What a sign shows, or a signal just now.
    pub face: Option<&'static str>,
}

impl Thing {
    /// Its visible pixels as a share of those that it would have if nothing else were there; 0 if it would have none.
    pub fn visibility(&self) -> f64 {
        if self.full_pixels == 0 { 0.0 } else { self.pixels as f64 / self.full_pixels as f64 }
    }
}

/// A key point in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Where it is in the picture; nothing if outside.
    pub at: Option<[f64; 2]>,
    /// Whether nothing is before it.
    pub visible: bool,
}

/// What is between a camera and a key point may be so near to it: points lie on surfaces, or a little below a coat of paint.
const NEAR: f64 = 0.04;

/// The labels of a view; `middles` are what is seen of it, `seconds` is its time, `next` the view of the next frame, `places` where the
/// bodies are.
pub fn labels(view: &View, middles: &Middles, next: &View, places: &[Place], seconds: f64) -> Labels {
    let (stage, world, eye) = (view.stage, &view.world, &view.eye);
    let full = &middles.full;
    let [width, height] = eye.lens.size;
    let pixels = width * height;
    let mut labels = Labels {
        size: [width, height],
        depth: Vec::with_capacity(pixels),
        class: Vec::with_capacity(pixels),
        instance: Vec::with_capacity(pixels),
        normals: Vec::with_capacity(pixels),
        flow: Vec::with_capacity(pixels),
        things: Vec::new(),
    };
    let mut shown = vec![Extent::NONE; stage.bodies.len()];
    for (pixel, &(ray, hit)) in middles.pixels.iter().enumerate() {
        let (x, y) = (pixel % width, pixel / width);
        let (u, v) = (x as f64 + 0.5, y as f64 + 0.5);
        let moved = |to: Option<[f64; 2]>| to.map(|[a, b]| [a - u, b - v]);
        let Some(hit) = hit else {
            labels.depth.push(f64::INFINITY);
            labels.class.push(stage.classes.sky());
            labels.instance.push(0);
            labels.normals.push(Vec3::default());
            labels.flow.push(moved(next.eye.project(ray)));
            continue;
        };
        let point = eye.at + ray * hit.at;
        labels.depth.push(eye.turn(ray).z * hit.at);
        labels.normals.push(eye.turn(hit.normal));
        let (class, instance, then) = match hit.piece {
            Some(i) => {
                let piece = &world.pieces[i];
                let body = &stage.bodies[piece.body];
                shown[piece.body].take(x, y);
                (body.class, body.instance, next.world.pieces[i].outer(piece.local(point)))
            }
            None => (ground_class(stage, point), 0, point),
        };
        labels.class.push(class);
        labels.instance.push(instance);
        labels.flow.push(moved(next.eye.project(then - next.eye.at)));
    }
    for (i, body) in stage.bodies.iter().enumerate().filter(|(_, b)| b.class > 0) {
        let pose = places[i].pose;
        let at = eye.turn(pose.at - eye.at);
        let columns = pose.turn.matrix();
        // The axes of the body as the camera sees them are the columns of its matrix.
        let axis = |v: Vec3| eye.turn(columns.apply(v));
        let (a, b, c) = (axis(vec3(1.0, 0.0, 0.0)), axis(vec3(0.0, 1.0, 0.0)), axis(vec3(0.0, 0.0, 1.0)));
        let rows = Matrix([vec3(a.x, b.x, c.x), vec3(a.y, b.y, c.y), vec3(a.z, b.z, c.z)]);
        labels.things.push(Thing {
            body: i,
            instance: body.instance,
            class: body.class,
            bounds: shown[i].bounds(),
            pixels: shown[i].count,
            full: full[i].bounds(),
            full_pixels: full[i].count,
            cut: full[i].count > 0
                && (full[i].low.contains(&0) || full[i].high[0] + 1 == width || full[i].high[1] + 1 == height),
            points: key_points(view, i, &places[i]),
            at: pose.at,
            turn: pose.turn,
            camera_at: at,
            camera_turn: rows.turn(),
            size: body.size,
            face: body.face.map(|f| f.at(seconds + body.ahead).name()),
        });
    }
    labels
}

/// The class of a point of the ground.
fn ground_class(stage: &Stage, point: Vec3) -> u8 {
    let ground = &stage.ground;
    let kind = match ground.texture {
        Texture::Road => Some(road(&ground.road, stage.seed, point.x, point.y, 1e-6, 1e-6).0),
        _ => None,
    };
    stage.classes.ground(kind)
}

fn key_points(view: &View, body: usize, place: &Place) -> Vec<Seen> {
    let build = &view.stage.bodies[body].build;
    let eye = &view.eye;
    let [width, height] = eye.lens.size.map(|n| n as f64);
    build
        .points
        .iter()
        .map(|point| {
            let part = point.part;
            let world_point = place.point(point.at, part.and_then(|i| build.parts.get(i)));
            let way = world_point - eye.at;
            let inside = |[u, v]: &[f64; 2]| (0.0..width).contains(u) && (0.0..height).contains(v);
            let Some(at) = eye.project(way).filter(inside) else { return Seen { at: None, visible: false } };
            let distance = way.length();
            let visible = match view.world.nearest(eye.at, way / distance, 1e-6) {
                None => true,
                Some(hit) => {
                    let own = |i: usize| {
                        let piece = &view.world.pieces[i];
                        piece.body == body && Some(piece.part) == part
                    };
                    hit.at > distance - NEAR || hit.piece.is_some_and(own)
                }
            };
            Seen { at: Some(at), visible }
        })
        .collect()
}

/// A mask as COCO's runs: lengths of runs of 0 and 1 in turn, first 0, column by column.
pub fn runs(labels: &Labels, instance: u16) -> Vec<u32> {
    let [width, height] = labels.size;
    let (mut runs, mut inside, mut length) = (Vec::new(), false, 0);
    for x in 0..width {
        for y in 0..height {
            if (labels.instance[y * width + x] == instance) != inside {
                runs.push(length);
                (inside, length) = (!inside, 0);
            }
            length += 1;
        }
    }
    runs.push(length);
    runs
}
